"""What an option order was like over time: vols of book, marks and fills, and the delta left.

Vols invert the option's mid, and each fill's price, at the forward of their moment; the forward is
that of the last published surface, moved with the underlying's mid (`_tca.option_orders` says how).
Deltas are at the marks' vol, of an option quoted in the coin those of its coin value, and the hedge
counts as what its contracts are worth at the mid of the moment: what the desk hedges by.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tiderace._model.options import greeks76, implied_vol76
from tiderace._tca.prices import Tape, until_end
from tiderace._tca.words import BUY, Inputs, Market
from tiderace._tca.works import standing

NS_A_YEAR = 365 * 86_400 * 1e9
_POINTS = 1_500

Path = list[tuple[int, float]]
"""(time in ns, value) in order of time."""


class VolFill(msgspec.Struct, frozen=True, kw_only=True):
    """A fill at the vol of its price."""

    ts_ns: int
    vol: float
    qty: float
    px: float
    is_buy: bool
    is_maker: bool


class OptionPath(msgspec.Struct, frozen=True, kw_only=True):
    """One option of a parent: vols from its arrival to its end, 1.00 is 100 %."""

    instrument: int
    name: str
    mids: Path
    marks: Path
    fills: list[VolFill]


class DeltaPath(msgspec.Struct, frozen=True, kw_only=True):
    """Deltas of a parent in the base asset: of its options, of its hedge, and of both."""

    options: Path
    hedges: Path
    left: Path


def underlying_of(markets: Sequence[Market], option: Market) -> int | None:
    """Return whose mid moves an option's forward: the first perpetual of its base, else any."""
    others = [i for i, m in enumerate(markets) if m.base == option.base]
    others = [i for i in others if markets[i].terms["kind"] != "option"]
    perpetuals = [i for i in others if markets[i].terms["kind"] == "perpetual"]
    return next(iter([*perpetuals, *others]), None)


class Paths:
    """Vols and deltas of a run, looked up by many times at once."""

    def __init__(self, inputs: Inputs) -> None:
        inputs = until_end(inputs)
        self._inputs, self._tape = inputs, Tape(inputs)
        self._fills = standing(inputs.fills).sort("ts_ns", maintain_order=True)
        self._published = np.array([s.ts_ns for s in inputs.surfaces], dtype=np.int64)

    def option(self, parent_id: int, i: int, low_ns: int, high_ns: int) -> OptionPath:
        """Return one option's vols between two times."""
        market = self._inputs.markets[i]
        published = self._published[(self._published > low_ns) & (self._published < high_ns)]
        # A vol moves with the book, and where a surface tells another forward.
        ts = np.union1d(self._quoted(i, low_ns, high_ns), published)
        marked = np.concatenate([[low_ns], published, [high_ns]])
        rows = self._fills.filter((pl.col("parent_id") == parent_id) & (pl.col("instrument") == i))
        at = rows["ts_ns"].to_numpy()
        px = rows["last_px"].to_numpy() * float(market.tick)
        vols = self._vols(market, at, px).tolist()
        lot = float(market.lot)
        fills = [
            VolFill(
                ts_ns=row["ts_ns"],
                vol=vol,
                qty=row["last_qty"] * lot,
                px=price,
                is_buy=row["side"] == BUY,
                is_maker=row["is_maker"],
            )
            for row, vol, price in zip(rows.iter_rows(named=True), vols, px.tolist(), strict=True)
        ]
        return OptionPath(
            instrument=i,
            name=market.name,
            mids=_path(ts, self._vols(market, ts, self._mids(i, ts))),
            marks=_path(marked, self._marks(i, marked)),
            fills=fills,
        )

    def delta(self, parent_id: int, low_ns: int, high_ns: int) -> DeltaPath:
        """Return what was held between two times, in delta."""
        mine = self._fills.filter(pl.col("parent_id") == parent_id)
        ts = [mine["ts_ns"].to_numpy(), np.linspace(low_ns, high_ns, _POINTS).astype(np.int64)]
        at = np.unique(np.concatenate(ts))
        options, hedges = np.zeros(at.size), np.zeros(at.size)
        for i in sorted(mine["instrument"].unique().to_list()):
            market, rows = self._inputs.markets[i], mine.filter(pl.col("instrument") == i)
            signed = np.where(rows["side"].to_numpy() == BUY, 1, -1) * rows["last_qty"].to_numpy()
            lots = np.concatenate([[0], np.cumsum(signed)])
            held = lots[np.searchsorted(rows["ts_ns"].to_numpy(), at, side="right")]
            size = held * float(market.lot) * int(market.terms["contract_multiplier"]) * 1e-12
            if market.terms["kind"] == "option":
                options += size * np.where(held == 0, 0.0, self._deltas(i, at))
            else:
                hedges += size / self._mids(i, at) if market.is_inverse else size
        return DeltaPath(
            options=_path(at, options), hedges=_path(at, hedges), left=_path(at, options + hedges)
        )

    def _quoted(self, i: int, low_ns: int, high_ns: int) -> Any:
        """Return when the mid stood anew, thinned out evenly."""
        ts = self._tape.quotes[i]["ts_ns"].to_numpy()
        ts = ts[(ts >= low_ns) & (ts <= high_ns)]
        return ts[:: max(ts.size // _POINTS, 1)]

    def _mids(self, i: int, ts: Any) -> Any:
        frame = self._tape.quotes[i]
        if not frame.height:
            return np.full(len(ts), np.nan)
        row = np.searchsorted(frame["ts_ns"].to_numpy(), ts, side="right") - 1
        mids = (frame["bid_px"] + frame["ask_px"]).to_numpy() * (
            float(self._inputs.markets[i].tick) / 2
        )
        return mids[np.maximum(row, 0)]

    def _surfaces(self, ts: Any) -> Any:
        return np.maximum(np.searchsorted(self._published, ts, side="right") - 1, 0)

    def _marks(self, i: int, ts: Any) -> Any:
        vols = np.array([s.vols.get(i, np.nan) for s in self._inputs.surfaces])
        return vols[self._surfaces(ts)]

    def _forwards(self, market: Market, ts: Any) -> Any:
        maturity = int(market.terms["maturity_ns"])
        known = [s.forwards.get(maturity, np.nan) for s in self._inputs.surfaces]
        underlying, row = underlying_of(self._inputs.markets, market), self._surfaces(ts)
        if underlying is None:
            return np.full(len(ts), np.nan)
        then = self._mids(underlying, self._published)
        return np.array(known)[row] * self._mids(underlying, ts) / then[row]

    def _terms(self, market: Market, ts: Any) -> dict[str, Any]:
        return {
            "strike": float(market.terms["strike_price"] * market.tick),
            "t": np.maximum((int(market.terms["maturity_ns"]) - ts) / NS_A_YEAR, 1e-9),
            "call": market.terms["put_or_call"] == "call",
        }

    def _vols(self, market: Market, ts: Any, px: Any) -> Any:
        """Return the vol of each price at its time; no number where it has none."""
        forward = self._forwards(market, ts)
        value = px * forward if market.base == market.quote else px
        is_known = np.isfinite(value) & np.isfinite(forward)
        out = np.full(len(ts), np.nan)
        if is_known.any():
            ts, value, forward = ts[is_known], value[is_known], forward[is_known]
            vol, reason = implied_vol76(value, forward=forward, **self._terms(market, ts))
            out[is_known] = np.where(np.asarray(reason) == 0, vol, np.nan)
        return out

    def _deltas(self, i: int, ts: Any) -> Any:
        market = self._inputs.markets[i]
        forward, vol = self._forwards(market, ts), self._marks(i, ts)
        greeks = greeks76(forward, vol=vol, **self._terms(market, ts))
        in_coin = np.asarray(greeks.price) / forward if market.base == market.quote else 0.0
        return np.asarray(greeks.delta) - in_coin


def _path(ts: Any, values: Any) -> Path:
    is_known = np.isfinite(values)
    return list(zip(ts[is_known].tolist(), values[is_known].tolist(), strict=True))
