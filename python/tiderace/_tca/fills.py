"""Each fill against the market: slippage by benchmark, markouts by horizon, weighted means."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tiderace._tca.prices import Tape
from tiderace._tca.words import BENCHMARKS, BUY, HORIZONS_S, Inputs
from tiderace._tca.works import Work


def measured(
    inputs: Inputs, fills: pl.DataFrame, works: Mapping[int, Work], tape: Tape
) -> pl.DataFrame:
    """Return the fills in human units, with slippage and markouts in bp."""
    rows = []
    pairs = fills.select("parent_id", "instrument").unique().sort("parent_id", "instrument")
    for parent_id, i in pairs.iter_rows():
        work = works[parent_id]
        rows.append(
            {
                "parent_id": parent_id,
                "instrument": i,
                "arrival": float(work.arrival[i]) if i in work.arrival else None,
                "vwap": tape.vwap(i, work.start_ns, work.end_ns),
                "twap": tape.twap(i, work.start_ns, work.end_ns),
            }
        )
    schema = {"parent_id": pl.UInt64, "instrument": pl.UInt16} | dict.fromkeys(
        BENCHMARKS, pl.Float64
    )
    references = pl.DataFrame(rows, schema=schema)
    ids = list(range(len(inputs.markets)))
    of = pl.col("instrument")
    names = pl.Series([m.name for m in inputs.markets], dtype=pl.String)
    tick = of.replace_strict(ids, [float(m.tick) for m in inputs.markets], return_dtype=pl.Float64)
    lot = of.replace_strict(ids, [float(m.lot) for m in inputs.markets], return_dtype=pl.Float64)
    base = [10.0 ** -int(m.terms["base_decimals"]) for m in inputs.markets]
    out = (
        fills.with_columns(pl.col("parent_id").cast(pl.UInt64), of.cast(pl.UInt16))
        .join(references, on=["parent_id", "instrument"], how="left", maintain_order="left")
        .with_columns(
            venue=of.replace_strict(ids, names, return_dtype=pl.String),
            sign=pl.when(pl.col("side") == BUY).then(1.0).otherwise(-1.0),
            px=pl.col("last_px") * tick,
            qty=pl.col("last_qty") * lot,
            weight=pl.col("exposure").cast(pl.Float64)
            * of.replace_strict(ids, base, return_dtype=pl.Float64),
        )
    )
    out = out.with_columns(
        (pl.col("sign") * (pl.col("px") / pl.col(name) - 1) * 1e4).alias(f"slippage_bps_{name}")
        for name in BENCHMARKS
    )
    ends = [tape.end_ns[i] for i in ids]
    end = of.replace_strict(ids, pl.Series(ends, dtype=pl.Int64), return_dtype=pl.Int64)
    for horizon in HORIZONS_S:
        due = pl.col("ts_ns").cast(pl.Int64) + int(horizon * 1e9)
        keyed = out.select("instrument", due=due, end=end).with_row_index("row").sort("due")
        after = keyed.join_asof(
            tape.mids,
            left_on="due",
            right_on="ts_ns",
            by="instrument",
            strategy="backward",
            check_sortedness=False,
        ).sort("row")
        mid = pl.when(after["due"] <= after["end"]).then(after["mid"])
        move = pl.col("sign") * (mid / pl.col("px") - 1) * 1e4
        out = out.with_columns(move.alias(markout_column(horizon)))
    return out


def markout_column(horizon_s: float) -> str:
    """Return the column of a horizon, e.g. ``markout_bps_0.1s``."""
    return f"markout_bps_{horizon_s:g}s"


def weighted(fills: pl.DataFrame, column: str) -> float | None:
    """Return the exposure-weighted mean of a column over the fills that have it."""
    part = fills.filter(pl.col(column).is_not_null())
    total = float(part["weight"].sum())
    return float((part[column] * part["weight"]).sum()) / total if total > 0 else None


def share_of(part: pl.DataFrame, whole: pl.DataFrame) -> float | None:
    total = float(whole["weight"].sum())
    return float(part["weight"].sum()) / total if total > 0 else None


def markouts_of(fills: pl.DataFrame) -> dict[str, Any]:
    """Return ``{"0.1s": {"bps", "fills", "missing"}, ...}``."""
    out = {}
    for horizon in HORIZONS_S:
        column = markout_column(horizon)
        missing = fills[column].null_count()
        out[f"{horizon:g}s"] = {
            "bps": weighted(fills, column),
            "fills": fills.height - missing,
            "missing": missing,
        }
    return out


def markout_rows(fills: pl.DataFrame) -> pl.DataFrame:
    groups = [("all", fills)]
    groups += [("maker", fills.filter(pl.col("is_maker")))]
    groups += [("taker", fills.filter(~pl.col("is_maker")))]
    for name in fills["venue"].unique(maintain_order=True).sort().to_list():
        groups.append((name, fills.filter(pl.col("venue") == name)))
    rows = [
        {"group": name, "horizon": horizon} | figures
        for name, part in groups
        for horizon, figures in markouts_of(part).items()
    ]
    schema = {"group": pl.String, "horizon": pl.String, "bps": pl.Float64}
    return pl.DataFrame(rows, schema=schema | {"fills": pl.Int64, "missing": pl.Int64})
