"""Rows of the tables: parents, children, venues, and the summary."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from tiderace._tca.fills import markouts_of, share_of, weighted
from tiderace._tca.money import Cell, total_of
from tiderace._tca.prices import Tape
from tiderace._tca.refused import refusal_rows
from tiderace._tca.words import (
    BENCHMARKS,
    BUY,
    ORD_STATUS,
    Inputs,
    bps,
    money_text,
    plain,
    px_text,
    qty_text,
    reason_name,
    remedy,
    scaled,
    usd_of,
    words,
)
from tiderace._tca.works import Work

_SLIPPAGE = {f"slippage_bps_{benchmark}": pl.Float64 for benchmark in BENCHMARKS}
_PARENT_COLUMNS: Mapping[str, Any] = {
    "parent_id": pl.UInt64,
    **dict.fromkeys(("status", "reason", "side", "order_qty", "filled_qty"), pl.String),
    **dict.fromkeys(("avg_px", "notional"), pl.String),
    **_SLIPPAGE,
    "drift_bps": pl.Float64,
    **dict.fromkeys(("fees", "funding", "shortfall"), pl.String),
    "shortfall_bps": pl.Float64,
    **dict.fromkeys(("fills", "children", "start_ns", "end_ns"), pl.Int64),
}
_VENUE_COLUMNS: Mapping[str, Any] = {
    "venue": pl.String,
    "exposure": pl.String,
    "share": pl.Float64,
    **dict.fromkeys(("notional", "avg_px", "arrival_mid"), pl.String),
    **_SLIPPAGE,
    **dict.fromkeys(("spread_bps", "drift_bps"), pl.Float64),
    "fees": pl.String,
    "fees_bps": pl.Float64,
    **dict.fromkeys(("funding", "basis", "conversion"), pl.String),
    "maker_share": pl.Float64,
    **dict.fromkeys(("fills", "children", "skips"), pl.Int64),
    "skip": pl.String,
    "refusals": pl.Int64,
    "refusal": pl.String,
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one parent: its row, and the exact figures that totals are made of."""

    work: Work
    row: dict[str, Any]
    parts: dict[str, Decimal]
    total: Decimal
    asked: Decimal
    drift: dict[int, float | None]
    drift_recording: dict[int, float | None]


def outcome_of(
    inputs: Inputs, work: Work, cells: list[Cell], fills: pl.DataFrame, tape: Tape
) -> Outcome:
    """Return one parent's row and shortfall; the total is counted apart from the parts."""
    mine = [cell for cell in cells if cell.parent_id == work.parent_id]
    own = fills.filter(pl.col("parent_id") == work.parent_id)
    money = total_of(mine)
    market = inputs.markets[work.reference]
    base = int(market.terms["base_decimals"])
    usd = usd_of(inputs, market.quote)
    missed = (work.sign or 0) * scaled(work.unfilled, base) * (work.end - work.decision) * usd
    paid, traded = Decimal(0), Decimal(0)
    for cell in mine:
        judge, decision = work.decisions[cell.instrument]
        decided = decision * usd_of(inputs, inputs.markets[judge].quote)
        worth = scaled(cell.exposure, base) * decided
        paid += cell.sign * (cell.money["notional"] - worth)
        traded += worth
    parts = {line: money[line] for line in ("delay", "trading", "basis", "conversion")}
    parts |= {"opportunity": missed, "fees": money["fees"]}
    total = paid + missed + money["fees"]
    # Of both sides no quantity was asked for: what was traded stands for it.
    wanted = scaled(work.order_qty, base) * work.decision * usd
    asked = wanted if work.sign is not None else traded
    at_arrival = work.arrival.get(work.reference)
    orders = inputs.orders.filter(pl.col("parent_id") == work.parent_id)
    row = {
        "parent_id": work.parent_id,
        "status": work.status,
        "reason": reason_name(inputs, work.reason),
        "side": {1: "buy", -1: "sell", None: "both"}[work.sign],
        "order_qty": qty_text(work.order_qty, base),
        "filled_qty": qty_text(work.filled, base),
        # Of an option and its hedge no sum of exposure, and no mean price, says anything.
        "avg_px": None if work.is_mixed else px_text(money["notional"], scaled(work.filled, base)),
        "notional": money_text(money["notional"]),
        **{
            f"slippage_bps_{b}": None if work.is_mixed else weighted(own, f"slippage_bps_{b}")
            for b in BENCHMARKS
        },
        "drift_bps": float((work.end / at_arrival - 1) * 10_000) if at_arrival else None,
        "fees": money_text(money["fees"]),
        "funding": money_text(money["funding"]),
        "shortfall": money_text(total),
        "shortfall_bps": bps(total, asked),
        "fills": own.height,
        "children": orders["cl_ord_id"].n_unique(),
        "start_ns": work.start_ns,
        "end_ns": work.end_ns,
    }
    # To the last moment that all of its books were recorded.
    ends = [end for i in work.arrival if (end := tape.end_ns[i]) is not None]
    drift = {i: _drift(work, tape, i, work.end_ns) for i in work.arrival}
    whole = {i: _drift(work, tape, i, min(ends, default=work.end_ns)) for i in work.arrival}
    return Outcome(
        work=work,
        row=row,
        parts=parts,
        total=total,
        asked=asked,
        drift=drift,
        drift_recording=whole,
    )


def _drift(work: Work, tape: Tape, i: int, end_ns: int) -> float | None:
    end = tape.mid(i, end_ns)
    return float((end / work.arrival[i] - 1) * 10_000) if end is not None else None


def summary_of(
    inputs: Inputs,
    fills: pl.DataFrame,
    cells: list[Cell],
    outcomes: list[Outcome],
) -> dict[str, Any]:
    """Return the summary of a run."""
    base = int(inputs.markets[0].terms["base_decimals"]) if inputs.markets else 8
    money = total_of(cells)
    filled = sum(cell.exposure for cell in cells)
    works = [outcome.work for outcome in outcomes]
    statuses = {work.status for work in works}
    sides = {outcome.row["side"] for outcome in outcomes}
    parts = ("delay", "trading", "basis", "conversion", "opportunity", "fees")
    lines = {k: sum((outcome.parts[k] for outcome in outcomes), Decimal(0)) for k in parts}
    total = sum((outcome.total for outcome in outcomes), Decimal(0))
    asked = sum((outcome.asked for outcome in outcomes), Decimal(0))
    refused = refusal_rows(inputs)
    reasons = {work.reason for work in works}
    end = reasons.pop() if len(reasons) == 1 else 0
    # Arrival, drift and reference are one parent's: the largest stands for the run.
    lead = max(outcomes, key=lambda outcome: outcome.work.filled, default=None)
    is_mixed = any(work.is_mixed for work in works)
    return {
        "status": statuses.pop() if len(statuses) == 1 else "mixed" if statuses else "no order",
        "reason": _reason(inputs, end),
        "side": sides.pop() if len(sides) == 1 else "both" if sides else None,
        "parents": sum(1 for work in works if work.parent_id),
        "children": inputs.orders["cl_ord_id"].n_unique(),
        "fills": fills.height,
        "reversals": int(inputs.fills["is_reversal"].sum()),
        "order_qty": qty_text(sum(work.order_qty for work in works), base),
        "filled_qty": qty_text(filled, base),
        "unfilled_qty": qty_text(sum(work.unfilled for work in works), base),
        "is_mixed": is_mixed,
        "avg_px": None if is_mixed else px_text(money["notional"], scaled(filled, base)),
        "notional": money_text(money["notional"]),
        "slippage_bps": {
            b: None if is_mixed else weighted(fills, f"slippage_bps_{b}") for b in BENCHMARKS
        },
        "maker_share": share_of(fills.filter(pl.col("is_maker")), fills),
        "fees": money_text(money["fees"]),
        "fees_bps": bps(money["fees"], money["notional"]),
        "funding": money_text(money["funding"]),
        "basis": money_text(money["basis"]),
        "conversion": money_text(money["conversion"]),
        "drift_bps": lead.row["drift_bps"] if lead and not is_mixed else None,
        "drift_recording_bps": lead.drift_recording.get(lead.work.reference)
        if lead and not is_mixed
        else None,
        "shortfall": {k: money_text(v) for k, v in lines.items()}
        | {"total": money_text(total), "total_bps": bps(total, asked)},
        "reference": inputs.markets[lead.work.reference].name if lead else None,
        "interval": {
            "start_ns": min((work.start_ns for work in works), default=None),
            "end_ns": max((work.end_ns for work in works), default=None),
        },
        "by_venue": {
            market.name: _venue(inputs, i, fills, cells, lead)
            | _refused(row for row in refused if row["instrument"] == market.name)
            for i, market in enumerate(inputs.markets)
        },
        "refusals": refused,
        "interrupted": _interrupted(inputs, works),
        "markouts": markouts_of(fills)
        | {"maker": markouts_of(fills.filter(pl.col("is_maker")))}
        | {"taker": markouts_of(fills.filter(~pl.col("is_maker")))},
    }


def _reason(inputs: Inputs, code: int) -> dict[str, str] | None:
    if not code:
        return None
    return {
        "reason": reason_name(inputs, code),
        "words": words(inputs, code),
        "remedy": remedy(inputs, code),
    }


def _interrupted(inputs: Inputs, works: list[Work]) -> dict[str, Any] | None:
    """Return when a run was interrupted, and how much of what was asked was done by then."""
    if not inputs.is_interrupted:
        return None
    asked = sum(work.order_qty for work in works)
    done = sum(work.filled for work in works)
    return {"ts_ns": inputs.ts_end_ns, "filled_share": done / asked if asked else None}


def _refused(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many orders of a venue were refused, and for what mostly."""
    found = list(rows)
    first = found[0] if found else None
    return {
        "refusals": sum(row["count"] for row in found),
        "refusal": {k: first[k] for k in ("reason", "words", "count")} if first else None,
    }


def _venue(
    inputs: Inputs,
    i: int,
    fills: pl.DataFrame,
    cells: list[Cell],
    lead: Outcome | None,
) -> dict[str, Any]:
    market = inputs.markets[i]
    base = int(market.terms["base_decimals"])
    mine = [cell for cell in cells if cell.instrument == i]
    own = fills.filter(pl.col("instrument") == i)
    money, exposure = total_of(mine), sum(cell.exposure for cell in mine)
    everything = sum(cell.exposure for cell in cells)
    work = lead.work if lead else None
    arrival = work.arrival.get(i) if work else None
    spread = None
    if work and i in work.bid_ask:
        bid, ask = work.bid_ask[i]
        spread = 2e4 * (ask - bid) / (ask + bid) if ask + bid else None
    skips = (
        inputs.skipped.filter(pl.col("instrument") == i)
        .group_by("reason")
        .agg(count=pl.len())
        .sort(["count", "reason"], descending=[True, False])
    )
    skip = None
    if skips.height:
        code, count = skips.row(0)
        skip = {"reason": reason_name(inputs, code), "count": count, "words": words(inputs, code)}
    return {
        "exposure": qty_text(exposure, base),
        "share": exposure / everything if everything else 0.0,
        "notional": money_text(money["notional"]),
        "avg_px": px_text(money["notional"], scaled(exposure, base)),
        "arrival_mid": plain(arrival) if arrival is not None else None,
        "slippage_bps": {b: weighted(own, f"slippage_bps_{b}") for b in BENCHMARKS},
        "spread_bps": spread,
        "drift_bps": lead.drift.get(i) if lead else None,
        "drift_recording_bps": lead.drift_recording.get(i) if lead else None,
        "fees": money_text(money["fees"]),
        "fees_bps": bps(money["fees"], money["notional"]),
        "funding": money_text(money["funding"]),
        "basis": money_text(money["basis"]),
        "conversion": money_text(money["conversion"]),
        "maker_share": share_of(own.filter(pl.col("is_maker")), own),
        "fills": own.height,
        "children": inputs.orders.filter(pl.col("instrument") == i)["cl_ord_id"].n_unique(),
        "markouts": markouts_of(own),
        "skips": int(skips["count"].sum()),
        "skip": skip,
    }


_CHILD_COLUMNS: Mapping[str, Any] = {
    "ts_ns": pl.Int64,
    "cl_ord_id": pl.UInt64,
    "parent_id": pl.UInt64,
    "venue": pl.String,
    "side": pl.String,
    "ord_status": pl.String,
    "reason": pl.String,
    "order_qty": pl.String,
    "cum_qty": pl.String,
    "price": pl.String,
    "exposure": pl.String,
    "avg_px": pl.String,
    "slippage_bps_arrival": pl.Float64,
    "fees": pl.String,
    "fills": pl.Int64,
    "maker_share": pl.Float64,
}


def children_of(inputs: Inputs, cells: list[Cell], fills: pl.DataFrame) -> pl.DataFrame:
    """Return one row an order, as it stood last; the time is that of its first word."""
    last = inputs.orders.group_by("cl_ord_id", maintain_order=True).agg(
        pl.col("ts_ns").first(),
        *(pl.col(c).last() for c in inputs.orders.columns if c not in ("cl_ord_id", "ts_ns")),
    )
    by_order = {cell.cl_ord_id: cell for cell in cells}
    slip = (pl.col("slippage_bps_arrival") * pl.col("weight")).sum() / pl.col("weight").sum()
    made = pl.col("weight").filter(pl.col("is_maker")).sum() / pl.col("weight").sum()
    means = {
        cl_ord_id: (slippage, share)
        for cl_ord_id, slippage, share in fills.group_by("cl_ord_id")
        .agg(slip=slip, made=made)
        .iter_rows()
    }
    rows = []
    for row in last.iter_rows(named=True):
        market = inputs.markets[row["instrument"]]
        cell = by_order.get(row["cl_ord_id"])
        base = int(market.terms["base_decimals"])
        slippage, share = means.get(row["cl_ord_id"], (None, None))
        qty = scaled(cell.exposure, base) if cell else Decimal(0)
        rows.append(
            {
                "ts_ns": row["ts_ns"],
                "cl_ord_id": row["cl_ord_id"],
                "parent_id": row["parent_id"],
                "venue": market.name,
                "side": "buy" if row["side"] == BUY else "sell",
                "ord_status": ORD_STATUS.get(chr(row["ord_status"]), "unknown"),
                "reason": reason_name(inputs, row["reason"]),
                "order_qty": plain(row["order_qty"] * market.lot),
                "cum_qty": plain((cell.lots if cell else 0) * market.lot),
                "price": plain(row["price"] * market.tick),
                "exposure": qty_text(cell.exposure if cell else 0, base),
                "avg_px": px_text(cell.money["notional"], qty) if cell else None,
                "slippage_bps_arrival": slippage,
                "fees": money_text(cell.money["fees"]) if cell else "0",
                "fills": cell.fills if cell else 0,
                "maker_share": share,
            }
        )
    return pl.DataFrame(rows, schema=dict(_CHILD_COLUMNS))


def parents_frame(outcomes: list[Outcome]) -> pl.DataFrame:
    """Return one row a parent."""
    return pl.DataFrame([outcome.row for outcome in outcomes], schema=dict(_PARENT_COLUMNS))


def venues_frame(summary: Mapping[str, Any]) -> pl.DataFrame:
    """Return one row a venue: the summary's figures, flat."""
    rows = [
        {"venue": name}
        | {column: venue[column] for column in _VENUE_COLUMNS if column in venue}
        | {f"slippage_bps_{b}": venue["slippage_bps"][b] for b in BENCHMARKS}
        | {"skip": venue["skip"]["words"] if venue["skip"] else None}
        | {"refusal": venue["refusal"]["words"] if venue["refusal"] else None}
        for name, venue in summary["by_venue"].items()
    ]
    return pl.DataFrame(rows, schema=dict(_VENUE_COLUMNS))
