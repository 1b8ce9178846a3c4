"""StandX Parquet recordings: 20-level book snapshots and trades, an hour a file.

What is wrong with them is found, counted and marked, never passed on:

- every book row is there twice (two sockets): exact repeats are dropped;
- about a third of the rows are locked (the same price on both sides) although ``is_valid`` is true:
  there the book is stale, by a ``gap`` at the first such row, until the next sound one;
- a row that is crossed, one-sided, unsorted or off the grid is no book either, nor is a silence of
  over 30 s (the files jump from evening to the next afternoon): stale likewise;
- every trade is marked ``SELL``: counted as ``one_sided_trades``, kept as recorded.

A sound row becomes a whole snapshot (clear, levels, reach, live), for that is what it is: what lies
beyond its 20 levels is unknown, and differences of two windows would make up news about it.
Neither rows nor trades have ids: ``seq`` counts rows.
"""

from typing import Any

import numpy as np
import polars as pl

from tiderace import _core
from tiderace._recordings import (
    ASK,
    CLEAR,
    GAP,
    LAST,
    LEVEL,
    LIVE,
    MARKET_EVENT,
    REACH,
    SNAPSHOT,
    TRADE,
    Opened,
    Progress,
    Source,
    known_instrument,
)
from tiderace.errors import DataError, core_errors

SILENCE_NS_MAX = 30_000_000_000
"""The longest pause within a recorded hour is 9.6 s."""

_PRICES = ("bid_prices", "ask_prices")
_BOOK = ("timestamp", "received_at", *_PRICES, "bid_quantities", "ask_quantities")
_TRADES = ("timestamp", "received_at", "price", "quantity", "side")


def read(source: Source, progress: Progress | None = None) -> Opened:
    """Read a StandX recording."""
    tapes, instruments, counts, files = [], [], [], []
    for row, (name, paths) in enumerate(source.groups.items()):
        if progress:
            progress(f"reading {name}", row, len(source.groups))
        instrument = known_instrument(name, row)
        books = [path for path in paths if path.name.startswith("orderbook_")]
        trades = [path for path in paths if path.name.startswith("trades_")]
        if not books:
            raise DataError(
                f"{name} has no orderbook file in {str(source.path)!r}",
                rule="Trades alone make no book",
                remedy="Put its orderbook_*.parquet beside them",
            )
        tick = instrument["tick_size"] / 1e12
        rows, counted = book_records(_frame(books, _BOOK), tick=tick)
        more, counted_trades = trade_records(_frame(trades, _TRADES), tick=tick)
        # Stable: at one time the book comes first, then the trades, each in its own order.
        records = np.concatenate([rows, more])
        records = records[np.argsort(records["ts_recv_ns"], kind="stable")]
        records["instrument"] = row
        tape, observed_ns = aligned(records)
        tapes.append(tape)
        instruments.append(instrument)
        offset = {"clock_offset_ns": observed_ns}
        names = [path.name for path in paths]
        counts.append({**counted, **counted_trades, **offset, "files": names})
        with core_errors():
            hashes = [_core.hash_file(str(path)) for path in paths]
        files += [{**file, "file": path.name} for file, path in zip(hashes, paths, strict=True)]
    return _core.Tape.merge(tapes), instruments, counts, files


def _frame(paths: list[Any], columns: tuple[str, ...]) -> pl.DataFrame:
    """Read files one after the other, in order of receipt; times become whole nanoseconds."""
    schema = {"timestamp": pl.Int64, "received_at": pl.Int64}
    if not paths:
        return pl.DataFrame(schema={name: schema.get(name, pl.Float64) for name in columns})
    try:
        frame = pl.concat([pl.read_parquet(path) for path in paths])
        frame = frame.select(columns).with_columns(
            pl.col("timestamp", "received_at").dt.timestamp("ns")
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{str(paths[0].parent)!r} cannot be read: {error}",
            rule=f"A StandX file has the columns {', '.join(columns)}",
            remedy="Copy the files again",
        ) from None
    return frame.sort("received_at", maintain_order=True)


def book_records(frame: pl.DataFrame, *, tick: float) -> tuple[Any, dict[str, int]]:
    """Turn book rows into records.

    Parameters
    ----------
    frame
        ``timestamp received_at`` in ns, lists ``bid_prices bid_quantities ask_prices
        ask_quantities``, in order of receipt.
    tick
        The price of a tick.

    Returns
    -------
    records, counts
        Records (dtype MARKET_EVENT, times on their own clocks) in order, and ``rows duplicates
        locked_rows crossed_rows invalid_rows silences gaps snapshots``.
    """
    rows = frame.unique(maintain_order=True).with_row_index("row")
    bid, ask = pl.col("bid_prices").list.first(), pl.col("ask_prices").list.first()
    rows = rows.with_columns(
        is_locked=(bid == ask).fill_null(value=False),
        is_crossed=(bid > ask).fill_null(value=False),
        is_book=_is_book(tick),
    )
    sound = rows["is_book"] & ~rows["is_locked"] & ~rows["is_crossed"]
    recv = rows["received_at"].to_numpy()
    is_sound = sound.to_numpy()
    was_sound = np.concatenate([[False], is_sound[:-1]]) if len(rows) else is_sound
    silent = np.flatnonzero(np.diff(recv) > SILENCE_NS_MAX) if len(rows) else np.array([], int)
    silent = silent[is_sound[silent]]
    stale = np.flatnonzero(~is_sound & was_sound)
    stale = stale[~np.isin(stale - 1, silent)]
    marks = np.zeros(len(stale) + len(silent), dtype=MARKET_EVENT)
    marks["kind"], marks["flags"] = GAP, LAST
    marks["seq"] = np.concatenate([stale, silent])
    times = rows["timestamp"].to_numpy()
    marks["ts_recv_ns"] = np.concatenate([recv[stale], recv[silent] + SILENCE_NS_MAX])
    marks["ts_event_ns"] = np.concatenate([times[stale], times[silent] + SILENCE_NS_MAX])
    records = np.concatenate([marks, _snapshots(rows.filter(sound), tick)])
    counts = {
        "rows": frame.height,
        "duplicates": frame.height - rows.height,
        "locked_rows": int((rows["is_book"] & rows["is_locked"]).sum()),
        "crossed_rows": int((rows["is_book"] & rows["is_crossed"]).sum()),
        "invalid_rows": int((~rows["is_book"]).sum()),
        "silences": len(silent),
        "gaps": len(marks),
        "snapshots": int(sound.sum()),
    }
    return records[np.argsort(records["ts_recv_ns"], kind="stable")], counts


def _is_book(tick: float) -> pl.Expr:
    """Both sides there, as many prices as quantities, best first, on the grid, none empty."""
    tests = []
    for side, descending in (("bid", True), ("ask", False)):
        price, qty = pl.col(f"{side}_prices"), pl.col(f"{side}_quantities")
        step = price.list.diff().list.drop_nulls()
        worst = -step.list.max() if descending else step.list.min()
        ticks = price.list.eval(pl.element() / tick)
        off = (ticks - ticks.list.eval(pl.element().round())).list.eval(pl.element().abs())
        tests += [
            price.list.len() > 0,
            price.list.len() == qty.list.len(),
            (worst > 0) | (price.list.len() == 1),
            off.list.max() < _TICK_ERROR_MAX,
            price.list.min() > 0,
            qty.list.min() > 0,
        ]
    return pl.all_horizontal([test.fill_null(value=False) for test in tests])


_TICK_ERROR_MAX = 1e-3
"""In ticks: a double holds a price of 10^7 ticks to 10^-9; a tenth of a tick is another price."""


def _snapshots(rows: pl.DataFrame, tick: float) -> Any:
    """Return the records of sound rows, in order: clear, bids, asks, reach, reach, live."""
    bids = rows["bid_prices"].list.len().to_numpy().astype(np.int64)
    asks = rows["ask_prices"].list.len().to_numpy().astype(np.int64)
    sizes = bids + asks + 4
    ends = np.cumsum(sizes)
    starts = ends - sizes
    records = np.zeros(int(sizes.sum()), dtype=MARKET_EVENT)
    for field, column in (
        ("ts_event_ns", "timestamp"),
        ("ts_recv_ns", "received_at"),
        ("seq", "row"),
    ):
        records[field] = np.repeat(rows[column].to_numpy(), sizes)
    records["kind"], records["flags"] = LEVEL, SNAPSHOT
    records["kind"][starts] = CLEAR
    records["kind"][ends - 1] = LIVE
    records["flags"][ends - 1] |= LAST
    for side, flag, first, count, reach in (
        ("bid", 0, starts + 1, bids, ends - 3),
        ("ask", ASK, starts + 1 + bids, asks, ends - 2),
    ):
        at = np.repeat(first - np.cumsum(count) + count, count) + np.arange(int(count.sum()))
        prices = np.rint(rows[f"{side}_prices"].explode().to_numpy() / tick).astype(np.int64)
        records["price"][at] = prices
        qty = rows[f"{side}_quantities"].explode().to_numpy()
        records["qty_e8"][at] = np.rint(qty * 1e8).astype(np.int64)
        records["flags"][at] |= flag
        records["kind"][reach] = REACH
        records["flags"][reach] |= flag
        records["price"][reach] = prices[np.cumsum(count) - 1]
    return records


def trade_records(frame: pl.DataFrame, *, tick: float) -> tuple[Any, dict[str, int]]:
    """Turn trades into records.

    Parameters
    ----------
    frame
        ``timestamp received_at`` in ns, ``price quantity side``, in order of receipt.
    tick
        The price of a tick.

    Returns
    -------
    records, counts
        Records (dtype MARKET_EVENT) in order, and ``trades off_grid_trades one_sided_trades``.
        Trades are not deduplicated: two alike are two trades.
    """
    ticks = frame["price"].fill_null(0.0).to_numpy() / tick
    qty_e8 = np.rint(frame["quantity"].fill_null(0.0).to_numpy() * 1e8)
    is_whole = np.abs(ticks - np.rint(ticks)) < _TICK_ERROR_MAX
    kept = frame.with_row_index("row").filter(is_whole & (ticks > 0) & (qty_e8 > 0))
    records = np.zeros(kept.height, dtype=MARKET_EVENT)
    records["ts_event_ns"], records["ts_recv_ns"] = kept["timestamp"], kept["received_at"]
    records["seq"] = kept["row"]
    records["price"] = np.rint(kept["price"].to_numpy() / tick)
    records["qty_e8"] = np.rint(kept["quantity"].to_numpy() * 1e8)
    records["kind"] = TRADE
    is_sell = (kept["side"].cast(pl.String) == "SELL").fill_null(value=False).to_numpy()
    records["flags"] = LAST | np.where(is_sell, ASK, 0)
    is_one_sided = len(is_sell) > _ONE_SIDED_MIN and bool(is_sell.all() or not is_sell.any())
    return records, {
        "trades": kept.height,
        "off_grid_trades": frame.height - kept.height,
        "one_sided_trades": kept.height if is_one_sided else 0,
    }


_ONE_SIDED_MIN = 100
"""Trades beyond which one side alone is a defect of the recording, not chance."""


def aligned(records: Any) -> tuple[Any, int]:
    """Return records as a tape on the recorder's clock, and the smallest delay observed in ns.

    A delay below zero is a recorder's clock behind the venue's: venue times move by it. One above
    zero is how long the fastest message took: nothing moves.
    """
    delays = records["ts_recv_ns"] - records["ts_event_ns"]
    observed = int(delays.min()) if len(records) else 0
    applied = min(0, observed)
    moved = records.copy()
    moved["ts_event_ns"] += applied
    with core_errors():
        return _core.Tape.from_records(moved.view(np.uint8).data, applied), observed
