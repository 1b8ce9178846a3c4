"""How well each algorithm traded at each venue: shortfall by part, spread, fill rate, reversion.

The parts of a shortfall are those of `_tca.money`, cut by parent and venue; what was left undone
belongs to no venue and stands in a row of its own, so that all rows add up to the whole. The spread
is that of the own book when the venue filled, before the fill had changed it::

    spread paid      s (p / m - 1)           half the effective spread; m the mid at the fill
    spread capture   -sum(q paid) / sum(q half)   1: the whole half spread earned, -1: paid
    move             s (m_h / m - 1)         the market after the fill, our way above zero
    adverse          -move, of maker fills   what resting lost to who knew more
    reversion        -s (M_h / M - 1)        M the mid when the parent was done: above zero it came
                                             back, and what it had cost was our own pressure

References
----------
Huang, R. and Stoll, H. (1996), "Dealer versus auction markets", Journal of Financial Economics 41
(effective spread, realised spread, impact).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from tiderace._tca.fills import markout_column, move_column, share_of, weighted
from tiderace._tca.money import Cell, total_of
from tiderace._tca.prices import Tape
from tiderace._tca.rows import Outcome
from tiderace._tca.words import BENCHMARKS, HORIZONS_S, STEP, Inputs, algo_of, bps
from tiderace._tca.works import Work

PARTS = ("delay", "trading", "basis", "conversion", "opportunity", "fees")
_MONEY = pl.Decimal(38, 12)
_KEYS: Mapping[str, Any] = {"parent_id": pl.UInt64, "algo": pl.String, "venue": pl.String}
_PART_COLUMNS: Mapping[str, Any] = {**_KEYS, **dict.fromkeys((*PARTS, "total", "notional"), _MONEY)}


def reversion_column(horizon_s: float) -> str:
    """Return the column of a horizon, e.g. ``reversion_bps_10s``."""
    return f"reversion_bps_{horizon_s:g}s"


_HORIZON_COLUMNS = [name(h) for name in (markout_column, move_column) for h in HORIZONS_S]
_REVERSIONS = [reversion_column(h) for h in HORIZONS_S]
_ADVERSE = [f"adverse_bps_{h:g}s" for h in HORIZONS_S]
_QUALITY_COLUMNS: Mapping[str, Any] = {
    "algo": pl.String,
    "venue": pl.String,
    **dict.fromkeys(("parents", "fills"), pl.Int64),
    **dict.fromkeys(("exposure", "fill_rate", "maker_share", "spread_capture"), pl.Float64),
    **dict.fromkeys(("half_spread_bps", "effective_spread_bps"), pl.Float64),
    **dict.fromkeys([f"slippage_bps_{b}" for b in BENCHMARKS], pl.Float64),
    **dict.fromkeys([*_HORIZON_COLUMNS, *_ADVERSE, *_REVERSIONS], pl.Float64),
    **dict.fromkeys((*PARTS, "total", "notional", "asked"), _MONEY),
    "total_bps": pl.Float64,
}


def parts_frame(inputs: Inputs, cells: Iterable[Cell], outcomes: list[Outcome]) -> pl.DataFrame:
    """Return the shortfall by parent and venue; a row's total is the sum of its written parts."""
    grouped: dict[tuple[int, int], list[Cell]] = {}
    for cell in cells:
        grouped.setdefault((cell.parent_id, cell.instrument), []).append(cell)
    rows = []
    for (parent_id, i), own in sorted(grouped.items()):
        money = total_of(own) | {"opportunity": Decimal(0)}
        rows.append(_part_row(inputs, parent_id, inputs.markets[i].name, money))
    for outcome in outcomes:
        if missed := outcome.parts["opportunity"]:
            money = dict.fromkeys((*PARTS, "notional"), Decimal(0)) | {"opportunity": missed}
            rows.append(_part_row(inputs, outcome.work.parent_id, None, money))
    return pl.DataFrame(rows, schema=dict(_PART_COLUMNS))


def _part_row(
    inputs: Inputs, parent_id: int, venue: str | None, money: Mapping[str, Decimal]
) -> dict[str, Any]:
    written = {name: money[name].quantize(STEP) for name in (*PARTS, "notional")}
    total = sum((written[name] for name in PARTS), Decimal(0))
    keys = {"parent_id": parent_id, "algo": algo_of(inputs, parent_id), "venue": venue}
    return keys | written | {"total": total}


def reversion_frame(
    inputs: Inputs, fills: pl.DataFrame, works: Mapping[int, Work], tape: Tape
) -> pl.DataFrame:
    """Return how far each own mid came back after its parent was done, by horizon."""
    rows = []
    keys = ["parent_id", "instrument"]
    held = fills.group_by(keys).agg(pl.col("weight").sum()).sort(keys)
    for parent_id, i, weight in held.iter_rows():
        work, end = works[parent_id], tape.end_ns[i]
        done = tape.mid(i, work.end_ns)
        row: dict[str, Any] = {
            "parent_id": parent_id,
            "algo": algo_of(inputs, parent_id),
            "venue": inputs.markets[i].name,
            "weight": weight,
        }
        for horizon in HORIZONS_S:
            due = work.end_ns + int(horizon * 1e9)
            mid = tape.mid(i, due) if end is not None and due <= end else None
            row[reversion_column(horizon)] = _reversion_bps(work.sign, done, mid)
        rows.append(row)
    schema = dict(_KEYS) | dict.fromkeys(["weight", *_REVERSIONS], pl.Float64)
    return pl.DataFrame(rows, schema=schema)


def _reversion_bps(sign: int | None, done: Decimal | None, mid: Decimal | None) -> float | None:
    if sign is None or done is None or mid is None:
        return None
    return float(-sign * (mid / done - 1) * 10_000)


def spread_capture(fills: pl.DataFrame) -> float | None:
    """Return what part of the half spread was earned: 1 all of it, -1 paid."""
    known = fills.filter(pl.col("half_spread_bps").is_not_null())
    offered = float((known["half_spread_bps"] * known["weight"]).sum())
    paid = float((known["spread_paid_bps"] * known["weight"]).sum())
    return -paid / offered if offered > 0 else None


def quality_of(fills: pl.DataFrame) -> dict[str, float | None]:
    """Return the figures of any set of fills, weighted by exposure."""
    paid = weighted(fills, "spread_paid_bps")
    makers = fills.filter(pl.col("is_maker"))
    moves = {h: weighted(makers, move_column(h)) for h in HORIZONS_S}
    return {
        "maker_share": share_of(makers, fills),
        "spread_capture": spread_capture(fills),
        "half_spread_bps": weighted(fills, "half_spread_bps"),
        "effective_spread_bps": None if paid is None else 2 * paid,
        **{f"slippage_bps_{b}": weighted(fills, f"slippage_bps_{b}") for b in BENCHMARKS},
        **{name: weighted(fills, name) for name in _HORIZON_COLUMNS},
        **{f"adverse_bps_{h:g}s": None if move is None else -move for h, move in moves.items()},
    }


def quality_frame(
    inputs: Inputs,
    fills: pl.DataFrame,
    outcomes: list[Outcome],
    parts: pl.DataFrame,
    reversion: pl.DataFrame,
) -> pl.DataFrame:
    """Return one row an algorithm, then one each of its venues."""
    rows = []
    algos = dict.fromkeys(algo_of(inputs, outcome.work.parent_id) for outcome in outcomes)
    for algo in algos:
        own = [o for o in outcomes if algo_of(inputs, o.work.parent_id) == algo]
        ids = [outcome.work.parent_id for outcome in own]
        asked = sum((outcome.asked for outcome in own), Decimal(0))
        mine = pl.col("algo") == algo
        whole = _row(fills.filter(mine), parts.filter(mine), reversion.filter(mine), asked)
        one_sided = [outcome.work for outcome in own if outcome.work.sign is not None]
        wanted = sum(work.order_qty for work in one_sided)
        done = sum(work.filled for work in one_sided)
        whole |= {"parents": len(ids), "fill_rate": done / wanted if wanted else None}
        rows.append({"algo": algo, "venue": None} | whole)
        for i, market in enumerate(inputs.markets):
            there = mine & (pl.col("venue") == market.name)
            part = _row(fills.filter(there), parts.filter(there), reversion.filter(there), None)
            orders = inputs.orders.filter(
                (pl.col("instrument") == i) & pl.col("parent_id").is_in(ids)
            )
            if orders.height == 0 and part["fills"] == 0:
                continue
            part |= {"parents": orders["parent_id"].n_unique(), "fill_rate": _fill_rate(orders)}
            rows.append({"algo": algo, "venue": market.name} | part)
    return pl.DataFrame(rows, schema=dict(_QUALITY_COLUMNS))


def _row(
    fills: pl.DataFrame, parts: pl.DataFrame, reversion: pl.DataFrame, asked: Decimal | None
) -> dict[str, Any]:
    sums = {name: _sum(parts, name) for name in (*PARTS, "total", "notional")}
    # A whole is held against what was asked, a venue against what was traded there.
    against = sums["notional"] if asked is None else asked
    return {
        "fills": fills.height,
        "exposure": float(fills["weight"].sum()),
        **quality_of(fills),
        **{name: weighted(reversion, name) for name in _REVERSIONS},
        **sums,
        "asked": None if asked is None else asked.quantize(STEP),
        "total_bps": bps(sums["total"], against),
    }


def _sum(parts: pl.DataFrame, name: str) -> Decimal:
    return sum(parts[name].to_list(), Decimal(0))


def _fill_rate(orders: pl.DataFrame) -> float | None:
    """Return lots filled over lots sent, each order as it stood last."""
    last = orders.group_by("cl_ord_id", maintain_order=True).last()
    sent = int(last["order_qty"].sum() or 0)
    return int(last["cum_qty"].sum() or 0) / sent if sent else None
