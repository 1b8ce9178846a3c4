"""Each fill against the market: slippage by benchmark, markouts by horizon, weighted means."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tiderace._tca.prices import Tape
from tiderace._tca.words import BENCHMARKS, BUY, HORIZONS_S, Inputs, algo_of
from tiderace._tca.works import Work


def measured(
    inputs: Inputs, fills: pl.DataFrame, works: Mapping[int, Work], tape: Tape
) -> pl.DataFrame:
    """Return the fills in human units, with slippage, spread, markouts and moves in bp."""
    base = [10.0 ** -int(m.terms["base_decimals"]) for m in inputs.markets]
    rows = []
    pairs = fills.select("parent_id", "instrument").unique().sort("parent_id", "instrument")
    for parent_id, i in pairs.iter_rows():
        work = works[parent_id]
        mine = fills.filter((pl.col("parent_id") == parent_id) & (pl.col("instrument") == i))
        wanted = float(mine["exposure"].sum() or 0) * base[i] / inputs.pwp_rate
        rows.append(
            {
                "parent_id": parent_id,
                "instrument": i,
                "arrival": float(work.arrival[i]) if i in work.arrival else None,
                "vwap": tape.vwap(i, work.start_ns, work.end_ns),
                "twap": tape.twap(i, work.start_ns, work.end_ns),
                "pwp": tape.pwp(i, work.start_ns, wanted),
                "close": _close(work, i, tape),
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
    algos = {parent_id: algo_of(inputs, parent_id) for parent_id in works}
    out = (
        fills.with_columns(pl.col("parent_id").cast(pl.UInt64), of.cast(pl.UInt16))
        .join(references, on=["parent_id", "instrument"], how="left", maintain_order="left")
        .with_columns(
            venue=of.replace_strict(ids, names, return_dtype=pl.String),
            algo=pl.col("parent_id").replace_strict(
                list(algos), list(algos.values()), return_dtype=pl.String
            ),
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
    booked = out["ts_ns"].cast(pl.Int64)
    # The venue filled against a book that the fill had not changed yet: the one seen until then.
    filled = pl.select(pl.min_horizontal(out["transact_time"].cast(pl.Int64), booked)).to_series()
    at = _quotes_at(out["instrument"], filled, tape)
    out = out.with_columns(mid=at["mid"], half_spread=at["half_spread"])
    out = out.with_columns(
        spread_paid_bps=pl.col("sign") * (pl.col("px") / pl.col("mid") - 1) * 1e4,
        half_spread_bps=pl.col("half_spread") / pl.col("mid") * 1e4,
    )
    for horizon in HORIZONS_S:
        due = booked + int(horizon * 1e9)
        later = _quotes_at(out["instrument"], due, tape)["mid"]
        mid = pl.when(due <= out.select(end).to_series()).then(later)
        move = pl.col("sign") * (mid / pl.col("px") - 1) * 1e4
        drift = pl.col("sign") * (mid / pl.col("mid") - 1) * 1e4
        out = out.with_columns(
            move.alias(markout_column(horizon)), drift.alias(move_column(horizon))
        )
    return out


def _close(work: Work, i: int, tape: Tape) -> float | None:
    """Return the own mid at the end that was asked for; at the end of the work where none was."""
    asked = work.asked.duration_ns if work.asked else None
    due = work.end_ns if asked is None else work.start_ns + asked
    end = tape.end_ns[i]
    mid = tape.mid(i, due) if end is not None and due <= end else None
    return None if mid is None else float(mid)


def _quotes_at(instrument: pl.Series, ts_ns: pl.Series, tape: Tape) -> pl.DataFrame:
    """Return each row's last quote until its time: ``mid`` and ``half_spread``."""
    keyed = pl.DataFrame({"instrument": instrument, "due": ts_ns}).with_row_index("row")
    found = keyed.sort("due").join_asof(
        tape.mids,
        left_on="due",
        right_on="ts_ns",
        by="instrument",
        strategy="backward",
        check_sortedness=False,
    )
    return found.sort("row")


def markout_column(horizon_s: float) -> str:
    """Return the column of a horizon, e.g. ``markout_bps_0.1s``."""
    return f"markout_bps_{horizon_s:g}s"


def move_column(horizon_s: float) -> str:
    """Return the column of the mid's move since the fill, our way above zero."""
    return f"move_bps_{horizon_s:g}s"


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
