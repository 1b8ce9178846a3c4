"""What the public sees of a run: prints and best prices; and, apart from it, which were ours.

A print is what one order took at one time: trades of one instrument, side and venue time, summed.
Features are of a moment, and look at nothing that reached the public at that moment or later.
"""

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tiderace._learn.intervals import Floats

Times = NDArray[np.int64]

_LARGE = 0.9
_LAST = 4
_SPANS_NS = (1_000_000_000, 5_000_000_000, 30_000_000_000)
_REPEAT = 0.02
_LOOK_BACK = 64
_FAR_S = 3_600.0


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """Public prints and best prices in order of the time that the public had them.

    Attributes
    ----------
    ts_ns, event_ns
        When a print reached the public, and when it happened.
    sign, size
        +1 where the buyer took; exposure in the base asset.
    market
        The instrument's number.
    quote_ts_ns, imbalance
        Changes of best prices, all instruments; bid less ask size over both.
    """

    ts_ns: Times
    event_ns: Times
    sign: Floats
    size: Floats
    market: Any
    quote_ts_ns: Times
    imbalance: Floats


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """Children that took, by the time that they printed; what the public is not told.

    Attributes
    ----------
    event_ns, size
        First fill's time at the venue; exposure that it took there.
    start_ns, end_ns
        The work: from the first child to the last.
    sign
        +1 for a buy.
    """

    event_ns: Times
    size: Floats
    start_ns: int
    end_ns: int
    sign: float


def feed_of(run: Any) -> Feed:
    """Return what the public saw of a run."""
    inputs = run.inputs
    trades = inputs.trades
    if inputs.ts_end_ns is not None:
        trades = trades.filter(pl.col("ts_ns") <= inputs.ts_end_ns)
    exposure = pl.lit(None, dtype=pl.Float64)
    for i, market in enumerate(inputs.markets):
        each = float(int(market.terms["contract_multiplier"])) * 1e-12
        count = pl.col("qty_e8") / 1e8 * each
        worth = count / (pl.col("px") * float(market.tick)) if market.is_inverse else count
        exposure = pl.when(pl.col("instrument") == i).then(worth).otherwise(exposure)
    prints = (
        trades.with_columns(size=exposure)
        .group_by("instrument", "ts_event_ns", "is_sell", maintain_order=True)
        .agg(pl.col("ts_ns").min(), pl.col("size").sum())
        .sort("ts_ns", maintain_order=True)
    )
    quotes = inputs.quotes.drop_nulls().sort("ts_ns", maintain_order=True)
    bid, ask = (quotes[name].cast(pl.Float64).to_numpy() for name in ("bid_qty_e8", "ask_qty_e8"))
    return Feed(
        ts_ns=prints["ts_ns"].to_numpy(),
        event_ns=prints["ts_event_ns"].to_numpy(),
        sign=np.where(prints["is_sell"].to_numpy(), -1.0, 1.0),
        size=prints["size"].to_numpy(),
        market=prints["instrument"].to_numpy(),
        quote_ts_ns=quotes["ts_ns"].to_numpy(),
        imbalance=(bid - ask) / np.maximum(bid + ask, 1.0),
    )


def own_of(run: Any) -> Own | None:
    """Return a run's children that took, or nothing where there were fewer than two."""
    fills = run.inputs.fills.filter(~pl.col("is_maker") & ~pl.col("is_reversal"))
    children = (
        fills.group_by("cl_ord_id", maintain_order=True)
        .agg(
            pl.col("transact_time").min(),
            pl.col("exposure").cast(pl.Float64).sum(),
            pl.col("side").first(),
        )
        .sort("transact_time", maintain_order=True)
    )
    if children.height < 2:
        return None
    decimals = int(run.inputs.markets[0].terms["base_decimals"])
    times = children["transact_time"].cast(pl.Int64).to_numpy()
    return Own(
        event_ns=times,
        size=children["exposure"].to_numpy() * 10.0**-decimals,
        start_ns=int(times[0]),
        end_ns=int(times[-1]),
        sign=1.0 if children["side"][0] == ord("1") else -1.0,
    )


def features(feed: Feed, at_ns: Times, *, sign: float) -> Floats:
    """Return what the public knows at some moments, shape (moments, features).

    Parameters
    ----------
    at_ns
        The moments; only what reached the public before one counts for it.
    sign
        The side that the observer looks for: worst case, he knows it.
    """
    same = feed.sign == sign
    large = _is_large(feed.size)
    columns: list[Floats] = []
    for chosen in (same, ~same, same & large):
        columns += _since(feed.ts_ns[chosen], feed.size[chosen], at_ns)
    columns += _since(*_repeated(feed, same), at_ns)
    seen = np.searchsorted(feed.ts_ns, at_ns, side="left")
    flow = np.append(0.0, np.cumsum(feed.size * np.where(same, 1.0, -1.0)))
    quotes = np.searchsorted(feed.quote_ts_ns, at_ns, side="left")
    for span in _SPANS_NS:
        before = np.searchsorted(feed.ts_ns, at_ns - span, side="left")
        columns += [(seen - before).astype(np.float64), flow[seen] - flow[before]]
        changes = quotes - np.searchsorted(feed.quote_ts_ns, at_ns - span, side="left")
        columns.append(changes.astype(np.float64))
    held = np.append(0.0, feed.imbalance)[quotes]
    columns.append(held * sign)
    return np.column_stack(columns).astype(np.float64)


def _since(times: Times, sizes: Floats, at_ns: Times) -> list[Floats]:
    """Return, of the last prints of a kind: how long ago, how regular, how large."""
    seen = np.searchsorted(times, at_ns, side="left")
    ago = [_ago(times, at_ns, seen - back) for back in range(1, _LAST + 1)]
    gaps = [later - sooner for sooner, later in pairwise(ago)]
    # How overdue the next is, were they to come like the hands of a clock.
    overdue = ago[0] - np.mean(gaps, axis=0)
    last = [_value(sizes, seen - back) for back in range(1, _LAST)]
    return [*np.log1p(ago), *gaps, np.std(gaps, axis=0), overdue, *last]


def _ago(times: Times, at_ns: Times, row: Any) -> Floats:
    known = np.append(times, 0)[np.maximum(row, -1)]
    return np.where(row >= 0, np.minimum((at_ns - known) / 1e9, _FAR_S), _FAR_S)


def _value(values: Floats, row: Any) -> Floats:
    known = np.append(values, 1.0)[np.maximum(row, -1)]
    return np.asarray(np.log(np.maximum(known, 1e-12)))


def _is_large(sizes: Floats) -> Any:
    """Say of each print whether it was large among the prints before it, and no others."""
    found = np.zeros(len(sizes), dtype=bool)
    for row in range(1, len(sizes)):
        before = sizes[max(0, row - _LOOK_BACK) : row]
        found[row] = (before < sizes[row]).mean() >= _LARGE
    return found


def _repeated(feed: Feed, same: Any) -> tuple[Times, Floats]:
    """Return the prints whose size, near enough, stood among the prints shortly before."""
    times, sizes = feed.ts_ns[same], feed.size[same]
    found = np.zeros(len(sizes), dtype=bool)
    for row in range(1, len(sizes)):
        before = sizes[max(0, row - _LOOK_BACK) : row]
        found[row] = bool(np.any(np.abs(before / sizes[row] - 1.0) < _REPEAT))
    return times[found], sizes[found]
