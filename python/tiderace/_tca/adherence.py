"""How close to its schedule a parent kept: what should have been filled by when, and what was.

A slice's target is what should be filled when the slice is done, that is when the next one starts
or the work ends; what was filled by then is the desk's own count (``cum_qty`` of the next
``SliceStarted``), so that nothing is matched by time. A parent of both sides has no schedule.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tiderace._tca.words import Inputs, algo_of, qty_text
from tiderace._tca.works import Work

_COLUMNS: Mapping[str, Any] = {
    "parent_id": pl.UInt64,
    "algo": pl.String,
    "slice": pl.Int64,
    **dict.fromkeys(("start_ns", "end_ns"), pl.Int64),
    **dict.fromkeys(("target", "filled"), pl.String),
    **dict.fromkeys(("target_share", "gap_share"), pl.Float64),
}


def schedule_frame(inputs: Inputs, works: Mapping[int, Work]) -> pl.DataFrame:
    """Return one row a slice; ``gap_share`` is filled less target over the order."""
    rows = []
    for parent_id, work in works.items():
        if work.sign is None:
            continue
        own = inputs.slices.filter(pl.col("parent_id") == parent_id)
        steps = own.sort("seq", maintain_order=True).to_dicts()
        decimals = int(inputs.markets[work.reference].terms["base_decimals"]) if steps else 0
        ends = [(step["ts_ns"], int(step["cum_qty"])) for step in steps[1:]]
        ends.append((work.end_ns, work.filled))
        for step, (end_ns, filled) in zip(steps, ends, strict=False):
            target = int(step["target"])
            whole = work.order_qty
            rows.append(
                {
                    "parent_id": parent_id,
                    "algo": algo_of(inputs, parent_id),
                    "slice": step["slice"],
                    "start_ns": step["ts_ns"],
                    "end_ns": end_ns,
                    "target": qty_text(target, decimals),
                    "filled": qty_text(filled, decimals),
                    "target_share": target / whole if whole else None,
                    "gap_share": (filled - target) / whole if whole else None,
                }
            )
    return pl.DataFrame(rows, schema=dict(_COLUMNS))


def adherence_of(schedule: pl.DataFrame) -> dict[str, Any]:
    """Return the figures of any set of slices, as shares of the order."""
    gaps = schedule["gap_share"].drop_nulls()
    if gaps.len() == 0:
        none = dict.fromkeys(("gap_mean_abs", "ahead_max", "behind_max"))
        return {"slices": schedule.height} | none
    return {
        "slices": schedule.height,
        "gap_mean_abs": float(gaps.abs().mean()),  # type: ignore[arg-type]
        "ahead_max": max(float(gaps.max()), 0.0),  # type: ignore[arg-type]
        "behind_max": max(-float(gaps.min()), 0.0),  # type: ignore[arg-type]
    }
