"""How sure a figure is: seeded bootstrap, over the units that are independent.

A draw is how often each unit was taken, not which: a mean or a sum over all draws is then one
product of matrices.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tiderace.algo._inputs import number, numbers, whole
from tiderace.errors import InputError

Floats = NDArray[np.float64]

DRAWS = 1_000
LEVEL = 0.95
_DRAWS_MAX = 100_000
_WEIGHTS_MAX = 100_000_000


class Estimate(NamedTuple):
    """A figure with its interval.

    Attributes
    ----------
    value
        The figure.
    low, high
        Its interval.
    n
        Independent units that it rests on.
    """

    value: float
    low: float
    high: float
    n: int


class Comparison(NamedTuple):
    """One way of working against another on the same sessions; costs, so below zero is better.

    Attributes
    ----------
    difference
        Mean cost less the baseline's, in the unit that came in.
    variance_ratio
        Variance of the cost over the baseline's.
    wins
        Share of the sessions where it cost less.
    verdict
        ``better`` or ``worse`` where the interval of the difference leaves zero out, else ``even``.
    """

    difference: Estimate
    variance_ratio: Estimate
    wins: float
    verdict: str


def resampled(n: int, *, draws: int, seed: int) -> Floats:
    """Return weights of independent units, shape (draws, n): rows are draws, resampled with return.

    Raises
    ------
    InputError
        Fewer than two units: nothing can be said of their spread.
    """
    draws = whole("draws", draws, at_least=20, at_most=_DRAWS_MAX)
    seed = whole("seed", seed, at_least=0, at_most=2**63 - 1)
    if n < 2:
        raise InputError(
            f"{n} independent units",
            rule="An interval needs two or more, and is honest from some twenty on",
            remedy="Give more sessions, days or orders",
        )
    if draws * n > _WEIGHTS_MAX:
        raise InputError(
            f"{draws} draws of {n} units",
            rule=f"Draws times units are at most {_WEIGHTS_MAX:,}",
            remedy="Take fewer draws, or group the units (days, sessions)",
        )
    random = np.random.default_rng(seed)
    return random.multinomial(n, np.full(n, 1.0 / n), size=draws).astype(np.float64)


def within(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the middle of some draws: a percentile interval, NaN draws left out."""
    level = number("level", level, above=0.0, below=1.0)
    tail = 0.5 - level / 2
    low, high = np.nanquantile(values, [tail, 1.0 - tail])
    return float(low), float(high)


def mean(values: ArrayLike, *, draws: int = DRAWS, seed: int = 0, level: float = LEVEL) -> Estimate:
    """Return the mean of independent values, with its bootstrap interval.

    Raises
    ------
    InputError
        Fewer than two values, or one that is not finite.
    """
    found = numbers("values", values).reshape(-1)
    weights = resampled(len(found), draws=draws, seed=seed)
    low, high = within(weights @ found / len(found), level)
    return Estimate(float(found.mean()), low, high, len(found))


def compare(
    costs: ArrayLike,
    *,
    baseline: ArrayLike,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> Comparison:
    """Compare costs on sessions that both worked: pairs, resampled as pairs.

    Parameters
    ----------
    costs, baseline
        Shape (sessions,): one cost a session, in the same order.
    draws, seed, level
        Of the bootstrap.

    Raises
    ------
    InputError
        The two are not pairs, or there are fewer than two.
    """
    own, other = numbers("costs", costs), numbers("baseline", baseline)
    if own.ndim != 1 or own.shape != other.shape:
        raise InputError(
            f"costs of shape {own.shape}, baseline of shape {other.shape}",
            rule="A session has one cost of each",
            remedy="Run both on the same seeds",
        )
    n = len(own)
    weights = resampled(n, draws=draws, seed=seed) / n
    gap = own - other
    low, high = within(weights @ gap, level)
    ratios = _variance(weights, own) / _floor(_variance(weights, other))
    ratio = float(own.var() / max(other.var(), np.finfo(float).tiny))
    verdict = "better" if high < 0 else "worse" if low > 0 else "even"
    return Comparison(
        difference=Estimate(float(gap.mean()), low, high, n),
        variance_ratio=Estimate(ratio, *within(ratios, level), n),
        wins=float((gap < 0).mean()),
        verdict=verdict,
    )


def _variance(weights: Floats, values: Floats) -> Floats:
    return np.asarray(weights @ values**2 - (weights @ values) ** 2)


def _floor(values: Floats) -> Floats:
    return np.maximum(values, np.finfo(float).tiny)
