"""League tables: what algorithms and venues cost over many runs, and how sure that is.

One row a parent order, from as many runs as are given; a group's figure is the mean over its
parents with a bootstrap interval of `tiderace._learn.intervals`, whose units are whole parents,
since fills of one parent share its market. Two groups are compared on what both worked: parents of
one seed, book, side, size and time are a pair, and pairs are resampled as pairs; where nothing
pairs, the difference is that of independent means, and says so. A run given twice counts once.

The parts of the shortfall are over what the parent asked for (a venue's, over what it traded), so
that they add up to its total. What was left undone belongs to no venue.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tiderace._learn.intervals import DRAWS, LEVEL, compare, resampled, within
from tiderace._tca.adherence import adherence_of
from tiderace._tca.fills import markout_column
from tiderace._tca.prices import until_end
from tiderace._tca.quality import PARTS, reversion_column
from tiderace._tca.words import BENCHMARKS, HORIZONS_S, Analysis, Inputs, algo_of, bps
from tiderace.errors import InputError

METRICS = (
    "shortfall_bps",
    *(f"{name}_bps" for name in PARTS),
    *(f"slippage_bps_{benchmark}" for benchmark in BENCHMARKS),
    "fill_rate",
    "maker_share",
    "spread_capture",
    "effective_spread_bps",
    *(markout_column(h) for h in HORIZONS_S),
    *(f"adverse_bps_{h:g}s" for h in HORIZONS_S),
    *(reversion_column(h) for h in HORIZONS_S),
    "schedule_gap",
    "surprise",
)
"""What a league tells of; costs above zero, shares from 0 to 1."""
HIGHER_IS_BETTER = frozenset(
    ("fill_rate", "maker_share", "spread_capture", *(markout_column(h) for h in HORIZONS_S))
)
"""Of these the highest is first; of every other the lowest."""
BY = ("algo", "venue", "algo,venue")
ALL_VENUES = "all venues"
Floats = NDArray[np.float64]

_PARENT: Mapping[str, Any] = {
    "run": pl.String,
    "pair": pl.String,
    "parent_id": pl.UInt64,
    "algo": pl.String,
    "venue": pl.String,
    "notional": pl.Float64,
    **dict.fromkeys(METRICS, pl.Float64),
}
_ROW: Mapping[str, Any] = {
    "rank": pl.Int64,
    "group": pl.String,
    "metric": pl.String,
    "parents": pl.Int64,
    **dict.fromkeys(("mean", "low", "high", "deviation"), pl.Float64),
}
_VERSUS: Mapping[str, Any] = {
    "group": pl.String,
    "baseline": pl.String,
    "metric": pl.String,
    "is_paired": pl.Boolean,
    "n": pl.Int64,
    **dict.fromkeys(("difference", "low", "high", "wins"), pl.Float64),
}


class League(msgspec.Struct, frozen=True, kw_only=True):
    """Groups against each other."""

    by: str
    metric: str
    """What ranks; costs lowest first, what is in our favour highest first."""
    baseline: str | None
    level: float
    draws: int
    seed: int
    weight: str
    table: pl.DataFrame
    """One row a group and metric: ``rank group metric parents mean low high deviation``."""
    versus: pl.DataFrame
    """One row a group and metric: its difference to the baseline, ``is_paired``, ``wins`` (the
    share of pairs where it did better)."""
    parents: pl.DataFrame
    """One row a parent (and venue): what all of it is made of."""

    def to_dict(self) -> dict[str, Any]:
        """Return it ready for JSON; the parents are counted, not listed."""
        groups: dict[str, Any] = {}
        for row in self.table.iter_rows(named=True):
            into = groups.setdefault(
                row["group"], {"rank": row["rank"], "parents": 0, "metrics": {}, "versus": {}}
            )
            into["parents"] = max(into["parents"], row["parents"])
            keys = ("parents", "mean", "low", "high", "deviation")
            into["metrics"][row["metric"]] = {key: row[key] for key in keys}
        for row in self.versus.iter_rows(named=True):
            versus = ("is_paired", "n", "difference", "low", "high", "wins")
            groups[row["group"]]["versus"][row["metric"]] = {key: row[key] for key in versus}
        names = ("by", "metric", "baseline", "level", "draws", "seed", "weight")
        said = {name: getattr(self, name) for name in names}
        return said | {"runs": self.parents["run"].n_unique(), "groups": groups}


def parent_rows(inputs: Inputs, analysis: Analysis) -> list[dict[str, Any]]:
    """Return what one run tells a league: one row a parent, and one each of its venues."""
    out = []
    for parent_id in _parent_ids(inputs):
        keys: dict[str, Any] = {
            "run": str(inputs.provenance.get("digest") or ""),
            "pair": _pair(inputs, parent_id),
            "parent_id": parent_id,
            "algo": algo_of(inputs, parent_id),
        }
        for figures in _alone(inputs, analysis, parent_id):
            against = figures["notional"] if figures["asked"] is None else figures["asked"]
            row = {name: figures.get(name) for name in METRICS}
            row |= {f"{name}_bps": bps(figures[name], against) for name in PARTS}
            row |= {
                "venue": figures["venue"] or ALL_VENUES,
                "notional": float(figures["notional"]),
                "shortfall_bps": figures["total_bps"],
            }
            out.append(keys | row)
    return out


def _parent_ids(inputs: Inputs) -> list[int]:
    """Return the parents that are known by name: a quoting one was not asked for a side."""
    return sorted({asked.parent_id for asked in inputs.asked}.union(inputs.algos))


def _alone(inputs: Inputs, analysis: Analysis, parent_id: int) -> list[dict[str, Any]]:
    """Return the quality of one parent: that of its algorithm where it is the only one."""
    from tiderace import tca

    if len(_parent_ids(inputs)) > 1:
        mine = pl.col("parent_id") == parent_id
        names = ("fills", "orders", "parents", "slices", "arrivals", "skipped")
        own = {name: getattr(inputs, name).filter(mine) for name in names}
        asked = [each for each in inputs.asked if each.parent_id == parent_id]
        inputs = msgspec.structs.replace(inputs, asked=asked, **own)
        analysis = tca.analyse(inputs)
    algo = algo_of(inputs, parent_id)
    rows = analysis.quality.filter(pl.col("algo") == algo).to_dicts()
    surprise = analysis.estimates["surprise"].to_list()
    for row in rows:
        if row["venue"] is None:
            row["schedule_gap"] = adherence_of(analysis.schedule)["gap_mean_abs"]
            row["surprise"] = surprise[0] if surprise else None
    return rows


def _pair(inputs: Inputs, parent_id: int) -> str | None:
    """Return what two parents must share to be a pair: seed, books and order."""
    seed = inputs.provenance.get("seed")
    if seed is None:
        return None
    # Made-up books of one seed may still differ by their settings: the first quote tells.
    first = inputs.quotes[:1].rows()
    books = inputs.provenance.get("recording")
    order = [
        (asked.side, asked.order_qty, asked.duration_ns)
        for asked in inputs.asked
        if asked.parent_id == parent_id
    ]
    return blake2b(repr((seed, books, first, parent_id, order)).encode(), digest_size=8).hexdigest()


def rows_of(sources: Iterable[Any]) -> pl.DataFrame:
    """Return the rows of runs, inputs of runs, or rows already; a run given twice counts once."""
    from tiderace import tca

    seen: set[str] = set()
    rows: list[dict[str, Any]] = []
    for number, source in enumerate(sources):
        if isinstance(source, pl.DataFrame):
            found = source.to_dicts()
        else:
            inputs = until_end(source if isinstance(source, Inputs) else source.inputs)
            found = parent_rows(inputs, tca.analyse(inputs))
            # Without a digest nothing tells that it was given before.
            found = [row | {"run": row["run"] or f"{inputs.name} {number}"} for row in found]
        fresh = {row["run"] for row in found} - seen
        rows += [row for row in found if row["run"] in fresh]
        seen |= fresh
    return pl.DataFrame(rows, schema=dict(_PARENT))


def league(
    runs: Iterable[Any] | pl.DataFrame,
    *,
    by: str = "algo",
    metric: str = "shortfall_bps",
    baseline: str | None = None,
    weight: str = "parent",
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> League:
    """Rank algorithms, venues or both by what they cost over many runs, with intervals.

    Parameters
    ----------
    runs
        Runs, run folders, `Inputs`, or the ``parents`` of another league.
    by
        ``algo``, ``venue`` or ``algo,venue``.
    metric
        What ranks, one of `tiderace.tca.METRICS`: costs lowest first, favours highest first.
    baseline
        The group that the others are held against; the first by name when absent.
    weight
        ``parent``: each parent alike; ``notional``: by what it traded. Pairs count alike.
    draws, level, seed
        Of the bootstrap, whose units are parents.

    Raises
    ------
    InputError
        A word is not one of those above, or no run holds a parent order.
    """
    _one_of("by", by, BY)
    _one_of("metric", metric, METRICS)
    _one_of("weight", weight, ("parent", "notional"))
    sources = [runs] if isinstance(runs, pl.DataFrame) else runs
    # One run at a time is held: a tape is large, what it tells is not.
    every = rows_of(_opened(source) for source in sources)
    if every.height == 0:
        raise InputError(
            "no run holds a parent order",
            rule="A league ranks parent orders",
            remedy="Give runs whose config has a [parent]",
        )
    venue = pl.col("venue")
    kept = every.filter(venue == ALL_VENUES if by == "algo" else venue != ALL_VENUES)
    name = pl.col(by) if by != "algo,venue" else pl.concat_str("algo", "venue", separator=" at ")
    kept = kept.with_columns(group=name)
    groups = sorted(kept["group"].unique().to_list())
    baseline = baseline if baseline is not None else groups[0]
    _one_of("baseline", baseline, groups)
    draw = _Draw(draws=draws, level=level, seed=seed, weight=weight)
    rows = [row for group in groups for row in draw.group(kept, group)]
    versus = [
        row for group in groups if group != baseline for row in draw.versus(kept, group, baseline)
    ]
    return League(
        by=by,
        metric=metric,
        baseline=baseline,
        level=level,
        draws=draws,
        seed=seed,
        weight=weight,
        table=_ranked(rows, metric),
        versus=pl.DataFrame(versus, schema=dict(_VERSUS)),
        parents=kept.drop("group"),
    )


def _opened(run: Any) -> Any:
    from tiderace._run import replay

    return replay(run) if isinstance(run, str | Path) else run


def _one_of(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(
            f"{what} is {value!r}", rule=f"It is one of {', '.join(known)}", remedy="Choose one"
        )


def _ranked(rows: list[dict[str, Any]], metric: str) -> pl.DataFrame:
    """Return the rows, best group first; a group without the metric comes last."""
    means = {row["group"]: row.get("mean") for row in rows if row["metric"] == metric}
    sign = -1.0 if metric in HIGHER_IS_BETTER else 1.0
    order = sorted(means, key=lambda g: (means[g] is None, sign * (means[g] or 0.0), g))
    rank = {group: place for place, group in enumerate(order, 1)}
    ranked = [{"rank": rank[row["group"]]} | row for row in rows]
    ranked.sort(key=lambda row: row["rank"])
    return pl.DataFrame(ranked, schema=dict(_ROW))


class _Draw(msgspec.Struct, frozen=True, kw_only=True):
    """How intervals are drawn."""

    draws: int
    level: float
    seed: int
    weight: str

    def group(self, rows: pl.DataFrame, group: str) -> list[dict[str, Any]]:
        own = rows.filter(pl.col("group") == group)
        return [self._row(own, group, metric) for metric in METRICS]

    def _row(self, own: pl.DataFrame, group: str, metric: str) -> dict[str, Any]:
        values, weights = self._values(own, metric)
        n = len(values)
        out: dict[str, Any] = {"group": group, "metric": metric, "parents": n}
        if n == 0 or weights.sum() <= 0:
            return out
        out["mean"] = float((values * weights).sum() / weights.sum())
        if n > 1:
            out["deviation"] = float(values.std(ddof=1))
            out["low"], out["high"] = within(self._means(values, weights, group), self.level)
        return out

    def versus(self, rows: pl.DataFrame, group: str, baseline: str) -> list[dict[str, Any]]:
        own, other = (rows.filter(pl.col("group") == name) for name in (group, baseline))
        return [self._against(own, other, group, baseline, metric) for metric in METRICS]

    def _against(
        self, own: pl.DataFrame, other: pl.DataFrame, group: str, baseline: str, metric: str
    ) -> dict[str, Any]:
        out: dict[str, Any] = {"group": group, "baseline": baseline, "metric": metric}
        pairs = _by_pair(own, metric).join(_by_pair(other, metric), on="pair", suffix="_other")
        if pairs.height > 1:
            found = compare(
                pairs["value"].to_numpy(),
                baseline=pairs["value_other"].to_numpy(),
                draws=self.draws,
                seed=self._seed(group),
                level=self.level,
            )
            gap = found.difference
            above = (pairs["value"] > pairs["value_other"]).mean()
            wins = above if metric in HIGHER_IS_BETTER else found.wins
            more = {"is_paired": True, "n": gap.n, "difference": gap.value, "wins": wins}
            return out | more | {"low": gap.low, "high": gap.high}
        (left, left_weights), (right, right_weights) = (
            self._values(frame, metric) for frame in (own, other)
        )
        out |= {"is_paired": False, "n": min(len(left), len(right))}
        # Where nothing was traded there is no mean by notional.
        if min(len(left), len(right)) < 2 or min(left_weights.sum(), right_weights.sum()) <= 0:
            return out
        means = self._means(left, left_weights, group)
        means = means - self._means(right, right_weights, baseline)
        low, high = within(means, self.level)
        difference = np.average(left, weights=left_weights)
        difference -= np.average(right, weights=right_weights)
        return out | {"difference": float(difference), "low": low, "high": high}

    def _values(self, rows: pl.DataFrame, metric: str) -> tuple[Floats, Floats]:
        known = rows.filter(pl.col(metric).is_not_null())
        values = known[metric].to_numpy()
        by = known["notional"].to_numpy() if self.weight == "notional" else np.ones(len(values))
        return values, by

    def _means(self, values: Floats, weights: Floats, group: str) -> Floats:
        taken = resampled(len(values), draws=self.draws, seed=self._seed(group))
        # A draw of parents that traded nothing has no mean by notional: NaN, which is left out.
        with np.errstate(invalid="ignore"):
            return np.asarray((taken @ (values * weights)) / (taken @ weights))

    def _seed(self, group: str) -> int:
        """Return a seed of the group's own: another group more changes nothing."""
        return (self.seed * 0x9E3779B1 + crc32(group.encode())) % 2**63


def _by_pair(rows: pl.DataFrame, metric: str) -> pl.DataFrame:
    """Return one value a pair: the mean where a group worked it more than once."""
    known = rows.filter(pl.col(metric).is_not_null() & pl.col("pair").is_not_null())
    return known.group_by("pair", maintain_order=True).agg(value=pl.col(metric).mean())
