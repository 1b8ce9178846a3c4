"""One expiry's total variance by log-moneyness: the SVI slice of Gatheral."""

from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from tiderace import _core
from tiderace._model.numbers import column, floats, number
from tiderace._model.options import Number
from tiderace.errors import ArgumentError, InputError, core_errors


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
        names = ("a", "b", "rho", "m", "sigma")
        for name, value in zip(names, self._params, strict=True):
            number(name, value)
        with core_errors():
            _core.svi_check(self._params)

    @property
    def _params(self) -> list[float]:
        return [self.a, self.b, self.rho, self.m, self.sigma]

    def _rows(self, k: ArrayLike, *, density: bool) -> Number:
        at = floats("k", k)
        flat = np.ascontiguousarray(at).reshape(-1)
        out = np.empty_like(flat)
        with core_errors():
            _core.svi_rows(self._params, density, flat, out)
        return out.reshape(at.shape) if at.shape else float(out[0])

    def total_variance(self, k: ArrayLike) -> Number:
        """Variance to expiry at log-moneyness ``k``: vol squared times t.

        Raises
        ------
        InputError
            A ``k`` that is not finite; the first is named.
        """
        return self._rows(k, density=False)

    def density_g(self, k: ArrayLike) -> Number:
        """Return g(k): below zero where a butterfly would cost less than nothing.

        Raises
        ------
        InputError
            A ``k`` that is not finite, or where the variance is zero; the first is named.
        """
        return self._rows(k, density=True)

    def jump_wings(self, t: float) -> JumpWings:
        """Return the slice in jump wings, at ``t`` years.

        Raises
        ------
        InputError
            ``t`` is not above zero, or the variance at the money is not.
        """
        years = number("t", t)
        with core_errors():
            return JumpWings._make(_core.svi_jump_wings(self._params, years))

    @classmethod
    def from_jump_wings(
        cls,
        v: float | JumpWings,
        *,
        t: float,
        psi: float | None = None,
        p: float | None = None,
        c: float | None = None,
        v_min: float | None = None,
    ) -> Self:
        """Return the slice that has these wings at ``t`` years.

        Parameters
        ----------
        v
            Variance a year at the money, > 0; or all five as `JumpWings`.
        t
            Years, > 0.
        psi
            Skew at the money, between -p/2 and c/2; not zero, which leaves the curvature open.
        p, c
            Slopes of the put and the call wing, > 0.
        v_min
            The least variance a year, from zero to below ``v``.

        Raises
        ------
        InputError
            No slice has these wings.
        """
        rest = {"psi": psi, "p": p, "c": c, "v_min": v_min}
        if isinstance(v, tuple):
            return cls._of_wings(v, rest, t)
        if missing := [name for name, value in rest.items() if value is None]:
            raise ArgumentError(
                f"{', '.join(missing)} are missing",
                rule="Jump wings are v, psi, p, c and v_min",
                remedy="Give all five, or a JumpWings",
            )
        said = {"v": v, **rest}
        wings, years = [number(name, value) for name, value in said.items()], number("t", t)
        with core_errors():
            return cls(*_core.svi_from_jump_wings(wings, years))

    @classmethod
    def _of_wings(cls, wings: tuple[Any, ...], rest: dict[str, float | None], t: float) -> Self:
        is_twice = any(value is not None for value in rest.values())
        if is_twice or len(wings) != len(JumpWings._fields):
            raise ArgumentError(
                f"v = {wings!r}",
                rule="It is the variance at the money, or all five wings and nothing beside them",
                remedy="Give JumpWings(v=..., psi=..., p=..., c=..., v_min=...) and t",
            )
        v, psi, p, c, v_min = wings
        return cls.from_jump_wings(v, psi=psi, p=p, c=c, v_min=v_min, t=t)

    @classmethod
    def fit(cls, k: ArrayLike, w: ArrayLike, *, weights: ArrayLike | None = None) -> Self:
        """Fit a slice without butterfly arbitrage to total variances.

        Parameters
        ----------
        k, w
            Log-moneyness and total variance, one length. Points that are not finite, not above zero
            in ``w``, or of no weight are left out; at five different strikes at least one stays.
        weights
            One a point, >= 0; all one unless given.

        Raises
        ------
        InputError
            Too few points or strikes to determine a slice.
        """
        columns = [column("k", k), column("w", w)]
        if weights is not None:
            columns.append(column("weights", weights))
        if len({len(c) for c in columns}) != 1:
            raise InputError(
                f"lengths {', '.join(str(len(c)) for c in columns)}",
                rule="Points, variances and weights are of one length",
                remedy="Give arrays of one length",
            )
        with core_errors():
            return cls(
                *_core.svi_fit(columns[0], columns[1], None if weights is None else columns[2])
            )
