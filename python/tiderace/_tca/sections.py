"""What the summary says of algorithms: quality, schedule and estimate, ready for JSON."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tiderace._tca.adherence import adherence_of
from tiderace._tca.quality import PARTS
from tiderace._tca.words import money_text

_MONEY = (*PARTS, "total", "notional", "asked")


def by_algo(
    quality: pl.DataFrame, schedule: pl.DataFrame, estimates: pl.DataFrame
) -> dict[str, Any]:
    """Return ``{"by_algo": {algo: figures, with "by_venue", "schedule" and "estimates"}}``."""
    out: dict[str, Any] = {}
    for row in quality.iter_rows(named=True):
        figures = _figures(row)
        if row["venue"] is not None:
            out[row["algo"]]["by_venue"][row["venue"]] = figures
            continue
        mine = pl.col("algo") == row["algo"]
        out[row["algo"]] = figures | {
            "schedule": adherence_of(schedule.filter(mine)),
            "estimates": estimates.filter(mine).drop("algo").to_dicts(),
            "by_venue": {},
        }
    return {"by_algo": out}


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in row.items() if k not in ("algo", "venue", *_MONEY)}
    money = {name: row[name] for name in _MONEY if row[name] is not None}
    return kept | {name: money_text(value) for name, value in money.items()}
