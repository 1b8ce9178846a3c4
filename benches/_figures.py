"""Figures of many repetitions: median, p99 and max, by nearest rank."""

import math
from collections.abc import Iterable, Sequence

from tiderace import _core

Figure = dict[str, float]


def times(values: Iterable[float]) -> Figure:
    """Return a figure where small is good: 99 % of the values are at or below ``p99``."""
    ordered = sorted(values)
    return {"median": _rank(ordered, 0.5), "p99": _rank(ordered, 0.99), "max": ordered[-1]}


def rates(values: Iterable[float]) -> Figure:
    """Return a figure where large is good: 99 % of the values reach ``p99``; ``max`` is the best."""
    ordered = sorted(values, reverse=True)
    return {"median": _rank(ordered, 0.5), "p99": _rank(ordered, 0.99), "max": ordered[0]}


def one(value: float) -> Figure:
    """Return the figure of a single value, e.g. a peak that only one process has."""
    return times([value])


def build() -> str:
    """Say what was measured: figures of a debug build say nothing."""
    return "release" if _core.is_optimised() else "debug: make build, then measure again"


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1]
