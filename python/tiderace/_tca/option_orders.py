"""Option orders of a run: in vol points against the arrival, and what their hedge cost.

An option's forward at a time is that of the last published surface before it (the first, where
there was none yet), moved with the underlying as the desk moves it: x its mid then / its mid when
the surface came. The underlying is the first perpetual of the base asset among the markets, else
the first that is no option. The fills of one parent in one option are one order, bought less sold;
everything else that the parent traded is its hedge, and costs what it was filled beyond the mid of
its moment, and its fees. The order's own worth against its arrival is `_tca.vol_points`.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tiderace._tca.known import records
from tiderace._tca.option_paths import NS_A_YEAR, Paths, underlying_of
from tiderace._tca.prices import Tape, mid_of, until_end
from tiderace._tca.vol_points import VolPoints, vol_points
from tiderace._tca.words import BUY, Inputs, Market, Surface, scaled
from tiderace._tca.works import standing
from tiderace.errors import InputError

_SURFACE_TAKEN = 21
_ONE = 1e12


class Hedge(msgspec.Struct, frozen=True, kw_only=True):
    """What a parent traded beside its option, at one venue; a cost is above zero."""

    venue: str
    exposure: float
    """Bought less sold, base asset."""
    traded: float
    fills: int
    spread: float
    """USD that fills were beyond the mid of their moment."""
    fees: float
    """USD."""


class OptionOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An option order of a parent."""

    parent_id: int
    option: str
    side: str
    qty: float
    """Base asset."""
    premium: float
    """Mean price in the quote asset."""
    quote: str
    base: str
    maker_share: float
    mark_vol: float
    """By the published surface at the arrival."""
    paid_vol: float | None
    """Mean vol of the fills, each at its own forward; ``None`` where one has none."""
    worst_vol: float | None
    points: VolPoints
    limit_vol: float | None
    """The worst vol that it was to trade at; ``None``: no such limit."""
    adjusted_usd: float
    """Slippage against the arrival's mid beyond what the underlying's move explains, USD in all."""
    fees: float
    """USD."""
    hedges: list[Hedge]
    delta_worst: float
    """Base asset: the largest delta that the parent had left, either way, at any fill or look."""
    delta_mean: float
    """Mean over time of its size."""
    delta_end: float
    """With its sign, at the parent's end."""


def surfaces(journal: Path) -> list[Surface]:
    """Return the surfaces that a journal's desk took, in order."""
    out = []
    for _, ts_ns, kind, payload in records(journal.read_bytes()):
        if kind == _SURFACE_TAKEN:
            out.append(_surface(ts_ns, payload))
    return out


def _surface(ts_ns: int, data: bytes) -> Surface:
    """Read one: base u16, version u64, count u16; then rows of 56 and of 18 bytes."""

    def whole(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little", signed=size == 16)

    count = whole(10, 2)
    rows = range(12, 12 + 56 * count, 56)
    vols = range(12 + 56 * count, len(data), 18)
    return Surface(
        ts_ns=ts_ns,
        version=whole(2, 8),
        forwards={whole(at, 8): whole(at + 8, 16) / _ONE for at in rows},
        vols={whole(at, 2): whole(at + 2, 16) / _ONE for at in vols},
    )


def option_orders(inputs: Inputs) -> list[OptionOrder]:
    """Return the option orders of a run, in order of parents and instruments.

    An order whose arrival has no vol (no surface came, or its mid is worth none) is left out.
    """
    options = {i for i, m in enumerate(inputs.markets) if m.terms["kind"] == "option"}
    if not (options and inputs.surfaces):
        return []
    inputs = until_end(inputs)
    told = _Told(inputs)
    fills = standing(inputs.fills)
    out = []
    mine = fills.filter(pl.col("instrument").is_in(sorted(options)) & (pl.col("parent_id") > 0))
    for (parent_id, i), rows in sorted(mine.group_by("parent_id", "instrument")):
        others = fills.filter(
            (pl.col("parent_id") == parent_id) & ~pl.col("instrument").is_in(sorted(options))
        )
        order = told.order(int(str(parent_id)), int(str(i)), rows.sort("ts_ns"), others)
        out += [order] if order else []
    return out


class _Told:
    """Forwards and vols of a run by time."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs, self._tape = inputs, Tape(inputs)
        self._surfaces: Sequence[Surface] = inputs.surfaces

    def _surface_at(self, ts_ns: int) -> Surface:
        before = [s for s in self._surfaces if s.ts_ns <= ts_ns]
        return before[-1] if before else self._surfaces[0]

    def _underlying(self, option: Market) -> int | None:
        return underlying_of(self._inputs.markets, option)

    def _forward(self, option: Market, ts_ns: int) -> float | None:
        surface, underlying = self._surface_at(ts_ns), self._underlying(option)
        forward = surface.forwards.get(int(option.terms["maturity_ns"]))
        if forward is None or underlying is None:
            return None
        now = self._tape.mid(underlying, ts_ns, or_first=True)
        then = self._tape.mid(underlying, surface.ts_ns, or_first=True)
        return forward * float(now / then) if now and then else None

    def order(
        self, parent_id: int, i: int, fills: pl.DataFrame, others: pl.DataFrame
    ) -> OptionOrder | None:
        inputs, market = self._inputs, self._inputs.markets[i]
        arrival = inputs.arrivals.filter(
            (pl.col("parent_id") == parent_id) & (pl.col("instrument") == i)
        )
        if not arrival.height:
            return None
        at = arrival.row(0, named=True)
        forward = self._forward(market, at["ts_ns"])
        rows = list(self._fills(market, fills))
        bought = sum(row["signed"] for row in rows)
        if forward is None or any(row["forward"] is None for row in rows) or not rows:
            return None
        side = "buy" if bought >= 0 else "sell"
        maturity = int(market.terms["maturity_ns"])
        try:
            points = vol_points(
                rows,
                side=side,
                strike=float(market.terms["strike_price"] * market.tick),
                t=(maturity - at["ts_ns"]) / NS_A_YEAR,
                call=market.terms["put_or_call"] == "call",
                arrival_px=float(mid_of(market, at["bid_px"], at["ask_px"])),
                arrival_forward=forward,
                is_inverse=market.base == market.quote,
            )
        except InputError:
            return None
        sign = 1 if side == "buy" else -1
        vols = [
            None if each.repriced is None else points.arrival_vol + sign * each.repriced / 100
            for each in points.fills
        ]
        known = [vol for vol in vols if vol is not None]
        is_whole = len(known) == len(vols)
        worst = (max if sign > 0 else min)(known) if known else None
        total = sum(row["qty"] for row in rows)
        return OptionOrder(
            parent_id=parent_id,
            option=market.name,
            side=side,
            qty=total,
            premium=sum(row["qty"] * row["px"] for row in rows) / total,
            quote=market.quote,
            base=market.base,
            maker_share=sum(row["qty"] for row in rows if row["is_maker"]) / total,
            mark_vol=self._surface_at(at["ts_ns"]).vols.get(i, float("nan")),
            paid_vol=sum(r["qty"] * v for r, v in zip(rows, known, strict=True)) / total
            if is_whole
            else None,
            worst_vol=worst,
            points=points,
            limit_vol=float(self._inputs.params.get("limit_vol") or 0) or None,
            adjusted_usd=(points.price - points.delta) * total,
            fees=sum(float(self._fee(row)) for row in fills.iter_rows(named=True)),
            hedges=self._hedges(others),
            **self._left(parent_id, at["ts_ns"]),
        )

    def _left(self, parent_id: int, start_ns: int) -> dict[str, float]:
        """Return how much delta the parent had left: at worst, in the mean, at its end."""
        ends = self._inputs.parents.filter(pl.col("parent_id") == parent_id)["ts_ns"].to_list()
        left = Paths(self._inputs).delta(parent_id, start_ns, max([start_ns + 1, *ends])).left
        if not left:
            return dict.fromkeys(("delta_worst", "delta_mean", "delta_end"), 0.0)
        held = [(after - ts, abs(value)) for (ts, value), (after, _) in pairwise(left)]
        total = sum(span for span, _ in held) or 1
        return {
            "delta_worst": max(abs(value) for _, value in left),
            "delta_mean": sum(span * value for span, value in held) / total,
            "delta_end": left[-1][1],
        }

    def _fills(self, market: Market, fills: pl.DataFrame) -> Iterator[dict[str, Any]]:
        maturity = int(market.terms["maturity_ns"])
        for row in fills.iter_rows(named=True):
            qty = float(scaled(int(row["exposure"]), int(market.terms["base_decimals"])))
            yield {
                "qty": qty,
                "signed": qty if row["side"] == BUY else -qty,
                "px": float(row["last_px"] * market.tick),
                "is_maker": row["is_maker"],
                "forward": self._forward(market, row["ts_ns"]),
                "t": (maturity - row["ts_ns"]) / NS_A_YEAR,
            }

    def _hedges(self, others: pl.DataFrame) -> list[Hedge]:
        out = []
        for (i,), rows in sorted(others.group_by("instrument")):
            market = self._inputs.markets[int(str(i))]
            usd = float(self._inputs.usd_per.get(market.quote, Decimal(1)))
            net = traded = spread = fees = 0.0
            for row in rows.iter_rows(named=True):
                size = float(scaled(int(row["exposure"]), int(market.terms["base_decimals"])))
                sign = 1 if row["side"] == BUY else -1
                mid = self._tape.mid(int(str(i)), row["ts_ns"], or_first=True)
                px = row["last_px"] * market.tick
                net, traded = net + sign * size, traded + size
                spread += sign * size * float(px - (mid or px)) * usd
                fees += float(self._fee(row))
            out.append(
                Hedge(
                    venue=market.name,
                    exposure=net,
                    traded=traded,
                    fills=rows.height,
                    spread=spread,
                    fees=fees,
                )
            )
        return out

    def _fee(self, row: Mapping[str, Any]) -> Decimal:
        """Return a fill's fee in USD; a coin is worth its underlying's mid."""
        inputs = self._inputs
        asset = inputs.assets[row["fee_asset"]]
        name, fee = str(asset["asset"]), scaled(int(row["fee"]), int(asset["decimals"]))
        if name == "USD":
            return fee
        option = inputs.markets[row["instrument"]]
        underlying = self._underlying(option) if name == option.base else None
        if underlying is None:
            return fee * inputs.usd_per.get(name, Decimal(0))
        return fee * (self._tape.mid(underlying, row["ts_ns"], or_first=True) or Decimal(0))
