"""Quotes and trades by instrument, looked up by time."""

from decimal import Decimal

import msgspec
import polars as pl

from tiderace._tca.words import Inputs, Market


def until_end(inputs: Inputs) -> Inputs:
    """Return the inputs without what the market did after the run had ended."""
    if inputs.ts_end_ns is None:
        return inputs
    seen = pl.col("ts_ns") <= inputs.ts_end_ns
    return msgspec.structs.replace(
        inputs, quotes=inputs.quotes.filter(seen), trades=inputs.trades.filter(seen)
    )


class Tape:
    """Quotes and trades by instrument, looked up by time."""

    def __init__(self, inputs: Inputs) -> None:
        self._markets = inputs.markets
        two_sided = pl.col("bid_px").is_not_null() & pl.col("ask_px").is_not_null()
        quotes = inputs.quotes.filter(two_sided & (pl.col("bid_px") > 0) & (pl.col("ask_px") > 0))
        quotes = quotes.sort("ts_ns", maintain_order=True)
        trades = inputs.trades.sort("ts_ns", maintain_order=True)
        ids = range(len(inputs.markets))
        self.quotes = {i: quotes.filter(pl.col("instrument") == i) for i in ids}
        self.trades = {i: trades.filter(pl.col("instrument") == i) for i in ids}
        self.end_ns = {i: self._last(i) for i in ids}
        ticks = pl.Series([float(m.tick) for m in inputs.markets], dtype=pl.Float64)
        tick = pl.col("instrument").replace_strict(list(ids), ticks, return_dtype=pl.Float64)
        self.mids = quotes.select(
            pl.col("instrument").cast(pl.UInt16),
            pl.col("ts_ns").cast(pl.Int64),
            mid=(pl.col("bid_px") + pl.col("ask_px")) / 2 * tick,
            half_spread=(pl.col("ask_px") - pl.col("bid_px")) / 2 * tick,
        )

    def _last(self, i: int) -> int | None:
        ends = [t["ts_ns"][-1] for t in (self.quotes[i], self.trades[i]) if t.height]
        return max(ends) if ends else None

    def mid(self, i: int, ts_ns: int, *, or_first: bool = False) -> Decimal | None:
        """Return the mid at a time, exactly; before the first quote ``None``, or the first."""
        frame = self.quotes[i]
        row = int(frame["ts_ns"].search_sorted(ts_ns, side="right")) - 1
        if row < 0:
            if not or_first or frame.height == 0:
                return None
            row = 0
        return mid_of(self._markets[i], frame["bid_px"][row], frame["ask_px"][row])

    def vwap(self, i: int, start_ns: int, end_ns: int) -> float | None:
        """Return value over exposure of the trades between two times."""
        exposure, px = self.traded(i, start_ns, end_ns)
        total = float(exposure.sum())
        return float((exposure * px).sum()) / total if total > 0 else None

    def pwp(self, i: int, start_ns: int, exposure: float) -> float | None:
        """Return the VWAP of the first ``exposure`` traded from a time on, or ``None`` for less.

        Parameters
        ----------
        exposure
            In the base asset; of the trade that it ends in, as much as is wanted.
        """
        end_ns = self.end_ns[i]
        if end_ns is None or exposure <= 0:
            return None
        size, px = self.traded(i, start_ns, end_ns)
        before = size.cum_sum() - size
        if float(size.sum()) < exposure:
            return None
        taken = (exposure - before).clip(lower_bound=0.0)
        taken = pl.select(pl.min_horizontal(taken, size)).to_series()
        return float((taken * px).sum()) / float(taken.sum())

    def traded(self, i: int, start_ns: int, end_ns: int) -> tuple[pl.Series, pl.Series]:
        """Return exposure in the base asset and price of each trade between two times."""
        market = self._markets[i]
        part = self._between(self.trades[i], start_ns, end_ns)
        contract = int(market.terms["contract_multiplier"]) * 1e-12
        px = part["px"] * float(market.tick)
        value = part["qty_e8"] * (contract * 1e-8)
        # An inverse contract of price p is 1/p of exposure: its mean price is harmonic.
        return (value / px if market.is_inverse else value), px

    def twap(self, i: int, start_ns: int, end_ns: int) -> float | None:
        """Return the time-weighted mid between two times."""
        frame = self.quotes[i]
        if frame.height == 0:
            return None
        first = max(int(frame["ts_ns"].search_sorted(start_ns, side="right")) - 1, 0)
        last = int(frame["ts_ns"].search_sorted(end_ns, side="right"))
        part = frame[first : max(last, first + 1)]
        mids = (part["bid_px"] + part["ask_px"]) * (float(self._markets[i].tick) / 2)
        since = part["ts_ns"].clip(lower_bound=start_ns)
        held = since.extend_constant(max(end_ns, since[-1]), 1).diff().drop_nulls().cast(pl.Float64)
        total = float(held.sum())
        return float((mids * held).sum()) / total if total > 0 else float(mids[-1])

    @staticmethod
    def _between(frame: pl.DataFrame, start_ns: int, end_ns: int) -> pl.DataFrame:
        first = int(frame["ts_ns"].search_sorted(start_ns, side="left"))
        last = int(frame["ts_ns"].search_sorted(end_ns, side="right"))
        return frame[first : max(last, first)]


def mid_of(market: Market, bid_px: int, ask_px: int) -> Decimal:
    """Return the middle of two prices in ticks, in quote, exactly."""
    return (bid_px + ask_px) * market.tick / 2
