"""Recorded chains as a recording that a desk runs on: one quote a side, seldom, of a declared size.

A recording of chains holds best prices of each option a few times a day, the exchange's mark vol
and forward, and an index; no size, no depth, nobody's trades. Out of it come

- the books: each option's bid and ask as the only level, of the size that the caller declares, from
  one snapshot to the next as if nobody moved in between; and the hedge, which the recording has no
  book of, at the index, a tick either side, of a declared size;
- the surfaces: forward and mark vol of each option at its snapshot, as if they had been published.

What a run on it shows is how an order stands to these quotes, not what its size would have cost.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tiderace import _core, _genesis, data
from tiderace._chain import Chains
from tiderace._recordings import ASK, CLEAR, LAST, LEVEL, LIVE, MARKET_EVENT, REACH, SNAPSHOT
from tiderace._sections import Config
from tiderace.errors import InputError

BOOKS, SURFACES = "chain.parquet", "surfaces.parquet"
_STEP = 1e-12


def tape(
    chains: Chains, config: Config, folder: str | Path, *, qty: Decimal, hedge_qty: Decimal
) -> int:
    """Write ``chain.parquet`` and ``surfaces.parquet``: what a run of the config needs of chains.

    Parameters
    ----------
    chains
        As `tiderace.chain.read` gives them.
    config
        Its options are looked up by symbol; what is no option is quoted at the index.
    folder
        A recording below the data folder.
    qty, hedge_qty
        Contracts at each side's only price, of an option and of what is none: declared, since the
        recording has none.

    Returns
    -------
    int
        How many quotes of options there are.

    Raises
    ------
    InputError
        The chains hold none of the options, or a size is not above zero.
    """
    if min(qty, hedge_qty) <= 0:
        raise InputError(
            f"qty = {qty}, hedge_qty = {hedge_qty}",
            rule="A quote has a size",
            remedy="Declare one above zero",
        )
    rows = _genesis.instruments(config)
    options = {row["symbol"]: row for row in rows if row["kind"] == "option"}
    others = [row for row in rows if row["kind"] != "option"]
    is_quoted = (pl.col("bid") > 0) & (pl.col("ask") > pl.col("bid"))
    is_known = (pl.col("forward") > 0) & (pl.col("mark_vol") > 0) & (pl.col("index") > 0)
    found = chains.frame.filter(pl.col("instrument").is_in(list(options)) & is_quoted & is_known)
    found = found.sort("ts_ns", "instrument")
    if not found.height:
        raise InputError(
            f"{chains.name} has no two-sided quote of {', '.join(options) or 'an option'}",
            rule="An option of the config stands in the chains by its symbol",
            remedy="Correct the symbols, or read other chains",
        )
    books: list[Any] = []
    for _, snapshot in found.group_by("snapshot", maintain_order=True):
        first = int(snapshot["ts_ns"].min())  # type: ignore[arg-type]
        books += [_at_index(row, first, float(snapshot["index"][0]), hedge_qty) for row in others]
        books += [_quote(options[each["instrument"]], each, qty) for each in snapshot.to_dicts()]
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    records = np.concatenate(books)
    records = records[np.argsort(records["ts_recv_ns"], kind="stable")]
    made = _core.Tape.from_records(records.view(np.uint8).data, 0)
    names = [instrument.name for instrument in config.instruments]
    data.write_parquet(made, target / BOOKS, instruments=rows, names=names)
    # Each surface holds what its snapshot has, and comes when the last of it was fetched.
    last = pl.col("ts_ns").max().over("snapshot")
    published = found.select(
        ts_ns=last, symbol="instrument", maturity_ns="expiry_ns", forward="forward", vol="mark_vol"
    )
    published.write_parquet(target / SURFACES)
    return found.height


def surfaces(config: Config, path: Path) -> list[dict[str, Any]]:
    """Return the surfaces of a recording, as a genesis has them.

    Raises
    ------
    InputError
        The file is not there, or has none of the options.
    """
    rows = _genesis.instruments(config)
    options = {row["symbol"]: row for row in rows if row["kind"] == "option"}
    if not path.is_file():
        raise InputError(
            f"surface.file = {config.surface.file!r}",
            rule=f"It is a file of the recording; there is no {str(path)!r}",
            remedy="Write it by tiderace.chain.tape, or correct the name",
        )
    frame = pl.read_parquet(path).filter(pl.col("symbol").is_in(list(options)))
    if not frame.height:
        raise InputError(
            f"surface.file = {config.surface.file!r}",
            rule=f"It holds vols of {', '.join(options)}",
            remedy="Write it anew by tiderace.chain.tape",
        )
    out = []
    for (ts_ns,), part in sorted(frame.group_by("ts_ns")):
        each = part.to_dicts()
        forwards = {row["maturity_ns"]: _e12(row["forward"]) for row in each}
        vols = {options[row["symbol"]]["id"]: _e12(row["vol"]) for row in each}
        out.append(
            {
                "ts": ts_ns,
                "base": options[each[0]["symbol"]]["base"],
                "forwards": [[at, forwards[at], 10**12] for at in sorted(forwards)],
                "vols": [[at, vols[at]] for at in sorted(vols)],
            }
        )
    return out


def _e12(value: float) -> int:
    return round(value * 1e12)


def _quote(row: Mapping[str, Any], quote: Mapping[str, Any], qty: Decimal) -> Any:
    tick = row["tick_size"] * _STEP
    bid, ask = int(np.floor(quote["bid"] / tick + 1e-6)), int(np.ceil(quote["ask"] / tick - 1e-6))
    return _book(row, quote["ts_ns"], bid, ask, qty)


def _at_index(row: Mapping[str, Any], ts_ns: int, index: float, qty: Decimal) -> Any:
    mid = round(index / (row["tick_size"] * _STEP))
    return _book(row, ts_ns, mid - 1, mid + 1, qty)


def _book(row: Mapping[str, Any], ts_ns: int, bid: int, ask: int, qty: Decimal) -> Any:
    """Return a book of one level a side: clear, both levels, both reaches, live."""
    book = np.zeros(6, dtype=MARKET_EVENT)
    book["ts_event_ns"] = book["ts_recv_ns"] = ts_ns
    book["instrument"] = row["id"]
    book["kind"] = [CLEAR, LEVEL, LEVEL, REACH, REACH, LIVE]
    book["flags"] = SNAPSHOT
    book["flags"][[2, 4]] |= ASK
    book["flags"][5] |= LAST
    book["price"][[1, 3]], book["price"][[2, 4]] = bid, ask
    book["qty_e8"][[1, 2]] = int(qty * 10**8)
    return book
