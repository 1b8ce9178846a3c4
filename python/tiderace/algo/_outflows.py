"""How much leaves the front of a queue while an order stands: three kinds of distribution.

An outflow counts fills and cancels ahead of us; what exceeds the queue fills our order.
"""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, NamedTuple, Protocol

import numpy as np

from tiderace.algo._inputs import Floats, number, numbers
from tiderace.errors import InputError


class Outflow(Protocol):
    """What the placement of an order asks of a distribution."""

    def at_most(self, x: float) -> float:
        """Return the probability of an outflow of ``x`` or less."""

    def quantile(self, p: float) -> float:
        """Return the least x with ``at_most(x) >= p``; for 0 < p < 1."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles of an array."""

    def mean_fill(self, queue: float, size: float) -> float:
        """Return the mean of min(max(outflow - queue, 0), size)."""


class Exponential(NamedTuple):
    """1 - exp(-x / mean); a mean of 0 is no outflow at all."""

    mean: float

    def at_most(self, x: float) -> float:
        return -math.expm1(-x / self.mean) if self.mean > 0.0 else 1.0

    def quantile(self, p: float) -> float:
        return -self.mean * math.log1p(-p)

    def quantiles(self, p: Floats) -> Floats:
        return np.asarray(-self.mean * np.log1p(-p))

    def mean_fill(self, queue: float, size: float) -> float:
        if self.mean == 0.0:
            return 0.0
        beyond = math.exp(-queue / self.mean)
        return -self.mean * beyond * math.expm1(-size / self.mean)


class Normal(NamedTuple):
    """A normal outflow; below zero it fills nothing, as at zero."""

    mean: float
    sd: float

    def at_most(self, x: float) -> float:
        return 1.0 - self._beyond(x)

    def quantile(self, p: float) -> float:
        return NormalDist(self.mean, self.sd).inv_cdf(p)

    def quantiles(self, p: Floats) -> Floats:
        inverse = NormalDist(self.mean, self.sd).inv_cdf
        return np.array([inverse(one) for one in p.tolist()])

    def mean_fill(self, queue: float, size: float) -> float:
        # Either tail gives the mean; the nearer one without losing digits.
        if self.mean < queue + size:
            return self._beyond_by(queue, 1.0) - self._beyond_by(queue + size, 1.0)
        return size - self._beyond_by(queue + size, -1.0) + self._beyond_by(queue, -1.0)

    def _beyond(self, x: float) -> float:
        return 0.5 * math.erfc((x - self.mean) / self.sd / math.sqrt(2.0))

    def _beyond_by(self, x: float, way: float) -> float:
        """Return the mean of max(outflow - x, 0), or of max(x - outflow, 0) the other way."""
        z = way * (x - self.mean) / self.sd
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        tail = 0.5 * math.erfc(z / math.sqrt(2.0))
        return self.sd * density - way * (x - self.mean) * tail


class Samples(NamedTuple):
    """Observed outflows, sorted, each as likely as the others."""

    sorted: Floats

    def at_most(self, x: float) -> float:
        return float(np.searchsorted(self.sorted, x, side="right")) / len(self.sorted)

    def quantile(self, p: float) -> float:
        return float(self.quantiles(np.array([p]))[0])

    def quantiles(self, p: Floats) -> Floats:
        rows = np.ceil(p * len(self.sorted)).astype(np.int64) - 1
        return np.asarray(self.sorted[np.clip(rows, 0, len(self.sorted) - 1)])

    def mean_fill(self, queue: float, size: float) -> float:
        return float(np.mean(np.clip(self.sorted - queue, 0.0, size)))


def outflow_of(name: str, given: Any) -> Outflow:
    """Return the distribution that was named, or the one of samples.

    Raises
    ------
    InputError
        An unknown kind, or numbers that it cannot have.
    """
    if not isinstance(given, Mapping):
        samples = np.sort(np.atleast_1d(numbers(name, given)).ravel())
        if not samples.size:
            raise InputError(
                f"{name} is empty", rule="Samples are one or more", remedy="Give what was observed"
            )
        return Samples(samples)
    match dict(given):
        case {"exponential": mean, **rest} if not rest:
            return Exponential(number(f"{name}.exponential", mean, at_least=0.0))
        case {"normal": (mean, sd), **rest} if not rest:
            centre = number(f"{name}.normal mean", mean)
            width = number(f"{name}.normal sd", sd, at_least=0.0)
            return Normal(centre, width) if width > 0.0 else Samples(np.array([centre]))
    raise InputError(
        f"{name} = {given!r}",
        rule='An outflow is {"exponential": mean}, {"normal": (mean, sd)} or samples',
        remedy=f"Write {name} in one of these ways",
    )
