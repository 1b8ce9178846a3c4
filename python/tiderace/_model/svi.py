"""One expiry's total variance by log-moneyness: the SVI slice of Gatheral."""

from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from tiderace import _core
from tiderace._model.options import Floats, Number
from tiderace.errors import InputError, core_errors


class JumpWings(NamedTuple):
    """A slice in a trader's words.

    Attributes
    ----------
    v
        Variance a year at the money.
    psi
        Skew at the money.
    p, c
        Slopes of the put (left) and call (right) wing.
    v_min
        The least variance a year.
    """

    v: float
    psi: float
    p: float
    c: float
    v_min: float


class Svi(msgspec.Struct, frozen=True):
    """The slice w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)), k = ln(K / F).

    Raises
    ------
    InputError
        Where ``b`` < 0, ``abs(rho)`` >= 1, ``sigma`` <= 0, or variance would fall below zero.

    References
    ----------
    J. Gatheral and A. Jacquier, "Arbitrage-free SVI volatility surfaces" (2014).
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def __post_init__(self) -> None:
        with core_errors():
            _core.svi_check(self._params)

    @property
    def _params(self) -> list[float]:
        return [self.a, self.b, self.rho, self.m, self.sigma]

    def _rows(self, k: ArrayLike, *, density: bool) -> Number:
        at = np.asarray(k, dtype=np.float64)
        flat = np.ascontiguousarray(at).reshape(-1)
        out = np.empty_like(flat)
        with core_errors():
            _core.svi_rows(self._params, density, flat, out)
        return out.reshape(at.shape) if at.shape else float(out[0])

    def total_variance(self, k: ArrayLike) -> Number:
        """Variance to expiry at log-moneyness ``k``: vol squared times t."""
        return self._rows(k, density=False)

    def density_g(self, k: ArrayLike) -> Number:
        """Return g(k): below zero where a butterfly would cost less than nothing."""
        return self._rows(k, density=True)

    def jump_wings(self, t: float) -> JumpWings:
        """Return the slice in jump wings, at ``t`` years."""
        with core_errors():
            return JumpWings._make(_core.svi_jump_wings(self._params, t))

    @classmethod
    def from_jump_wings(
        cls, *, v: float, psi: float, p: float, c: float, v_min: float, t: float
    ) -> Self:
        """Return the slice that has these wings at ``t`` years."""
        with core_errors():
            return cls(*_core.svi_from_jump_wings([v, psi, p, c, v_min], t))

    @classmethod
    def fit(cls, k: ArrayLike, w: ArrayLike, *, weights: ArrayLike | None = None) -> Self:
        """Fit a slice without butterfly arbitrage to total variances.

        Parameters
        ----------
        k, w
            Log-moneyness and total variance, five points at least, one length.
        weights
            One a point, >= 0; all one unless given.
        """
        columns = [column("k", k), column("w", w)]
        if weights is not None:
            columns.append(column("weights", weights))
        if len({len(c) for c in columns}) != 1:
            raise InputError(
                f"k has {len(columns[0])} points, w {len(columns[1])}",
                rule="Points, variances and weights are of one length",
                remedy="Give arrays of one length",
            )
        with core_errors():
            return cls(
                *_core.svi_fit(columns[0], columns[1], None if weights is None else columns[2])
            )


def column(name: str, values: ArrayLike) -> Floats:
    """Return values as the core reads them."""
    try:
        return np.ascontiguousarray(np.asarray(values, dtype=np.float64).reshape(-1))
    except (TypeError, ValueError):
        raise InputError(
            f"{name} = {values!r}",
            rule="It is an array of numbers",
            remedy=f"Give {name} as floats",
        ) from None
