"""How long a venue takes to answer, from the desk's own journals.

From the order leaving the desk (`OrderSent`) to the first that the desk hears of it, of any kind.
An order that was never answered has no latency, and is counted.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tiderace._learn.intervals import DRAWS, Estimate, resampled, within
from tiderace.algo._inputs import numbers
from tiderace.errors import InputError

QUANTILES = (0.5, 0.9, 0.99)


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Time from an order to its answer at one venue.

    Attributes
    ----------
    quantiles
        ``{0.5: Estimate, ...}`` in ns, each with an interval over the orders.
    least_ns, most_ns
        The extremes.
    answered, unanswered
        Orders.
    """

    quantiles: dict[float, Estimate]
    least_ns: int
    most_ns: int
    answered: int
    unanswered: int


def venue_latency(
    runs: Iterable[Any],
    *,
    quantiles: Iterable[float] = QUANTILES,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Latency]:
    """Measure each venue's time from order to answer over runs.

    Parameters
    ----------
    runs
        What `tiderace.run` or `tiderace.replay` gave.
    quantiles
        Which, between 0 and 1.
    draws, seed
        Of the bootstrap over orders: orders answered in one breath are not independent, so
        intervals are too narrow where a venue stalls.

    Returns
    -------
    dict
        By ``venue:symbol``; a venue without an order is absent.

    Raises
    ------
    InputError
        No run has an order, or a quantile is not between 0 and 1.
    """
    parts = [_answers(run) for run in runs]
    if not parts or not sum(part.height for part in parts):
        raise InputError(
            "no order in these runs",
            rule="Latency is measured on own orders",
            remedy="Give runs that sent orders",
        )
    levels = numbers("quantiles", list(quantiles), above=0.0, below=1.0)
    found = {}
    for (name,), part in pl.concat(parts).group_by("market", maintain_order=True):
        waited = part["waited"].drop_nulls().to_numpy().astype(np.float64)
        if len(waited) < 2:
            continue
        found[str(name)] = Latency(
            quantiles=_quantiles(waited, levels, draws=draws, seed=seed),
            least_ns=int(waited.min()),
            most_ns=int(waited.max()),
            answered=len(waited),
            unanswered=part.height - len(waited),
        )
    return dict(sorted(found.items()))


def _answers(run: Any) -> pl.DataFrame:
    """Return one row an order: its market, and how long the desk waited (null: no answer)."""
    sent = run.table("OrderSent").select("cl_ord_id", "instrument", sent="ts_ns")
    heard = (
        run.table("OrderUpdated")
        .join(sent.select("cl_ord_id", "sent"), on="cl_ord_id")
        # The desk's own word that an order is pending is no answer.
        .filter(~pl.col("ord_status").is_in([ord("A")]))
        .group_by("cl_ord_id")
        .agg(heard=pl.col("ts_ns").min())
    )
    names: Mapping[int, str] = {i: m.name for i, m in enumerate(run.config.instruments)}
    answers: pl.DataFrame = sent.join(
        heard, on="cl_ord_id", how="left", maintain_order="left"
    ).select(
        market=pl.col("instrument").replace_strict(names, return_dtype=pl.String),
        waited=pl.col("heard") - pl.col("sent"),
    )
    return answers


def _quantiles(waited: Any, levels: Any, *, draws: int, seed: int) -> dict[float, Estimate]:
    """Return quantiles with intervals: a draw's quantile is where its counts reach the level."""
    order = np.sort(waited)
    n = len(order)
    heights = resampled(n, draws=draws, seed=seed).cumsum(axis=1) / n
    found = {}
    for level in levels.reshape(-1):
        drawn = order[np.minimum((heights < level - 1e-12).sum(axis=1), n - 1)]
        value = order[min(int(np.ceil(level * n)) - 1, n - 1)]
        found[float(level)] = Estimate(float(value), *within(drawn), n)
    return found
