"""Arrival-price schedules: linear impact in slices, power-law impact in continuous time."""

import math
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from tiderace.algo._inputs import SLICES_MAX, Floats, Number, finite, number, numbers, shaped, whole
from tiderace.errors import InputError

_STRAIGHT = 1e-9
"""A kappa T below this bends the trajectory by less than a float can say."""

_EXPONENT_MAX = 709.0
"""Beyond it exp overflows."""


class AlmgrenChriss(NamedTuple):
    """A schedule of slices, what it costs in the mean, and how much that varies.

    Attributes
    ----------
    trajectory
        Holdings at the n + 1 ends of slices, shape (n + 1,): from ``qty`` to 0.
    cost
        E, the mean cost against the arrival price, money.
    variance
        V, the variance of that cost, money squared.
    kappa
        Urgency, 1 / time: holdings fall e-fold in 1 / kappa, where the horizon is long.
    """

    trajectory: Floats
    cost: float
    variance: float
    kappa: float


def almgren_chriss(
    qty: float,
    *,
    horizon: float,
    n: int,
    sigma: float,
    eta: float,
    gamma: float,
    epsilon: float,
    risk_aversion: float,
) -> AlmgrenChriss:
    """Schedule an order so that mean cost + risk aversion x variance is least.

    With tau = horizon / n, trades n_j and holdings x_j::

        E = gamma X^2 / 2 + epsilon sum |n_j| + eta~ / tau sum n_j^2,   eta~ = eta - gamma tau / 2
        V = sigma^2 tau sum x_j^2,  j = 1 ... n
        x_j = X sinh(kappa (T - t_j)) / sinh(kappa T)
        2 (cosh(kappa tau) - 1) / tau^2 = risk_aversion sigma^2 / eta~

    Parameters
    ----------
    qty
        X, in shares or contracts; below zero for a sale.
    horizon
        T, > 0.
    n
        Slices, 1 to 1,000,000. One slice is the whole order at once, of variance 0.
    sigma
        Volatility, price / sqrt(time), >= 0: absolute, not a fraction.
    eta
        Temporary impact, price / (quantity / time); above gamma tau / 2.
    gamma
        Permanent impact, price / quantity, >= 0.
    epsilon
        Fixed cost of a unit, price, >= 0: half the spread and fees.
    risk_aversion
        lambda, 1 / money, >= 0; at 0 the trajectory is a straight line.

    Returns
    -------
    AlmgrenChriss
        ``trajectory cost variance kappa``.

    Raises
    ------
    InputError
        A number is out of its range, or ``eta`` is not above gamma tau / 2.

    References
    ----------
    R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3(2)
    (2000), equations 4, 5, 16 to 20.
    """
    x = number("qty", qty)
    slices = whole("n", n, at_least=1, at_most=SLICES_MAX)
    tau = number("horizon", horizon, above=0.0) / slices
    vol = number("sigma", sigma, at_least=0.0)
    permanent = number("gamma", gamma, at_least=0.0)
    fixed = number("epsilon", epsilon, at_least=0.0)
    aversion = number("risk_aversion", risk_aversion, at_least=0.0)
    temporary = number("eta", eta, above=0.0) - 0.5 * permanent * tau
    if temporary <= 0.0:
        raise InputError(
            f"eta = {eta!r} with gamma tau / 2 = {0.5 * permanent * tau:g}",
            rule="Temporary impact outweighs half the permanent impact of one slice",
            remedy="Take more slices, or correct eta and gamma",
        )
    # cosh(a) - 1 = 2 sinh(a / 2)^2: nothing cancels when the steps are small.
    step = 2.0 * math.asinh(0.5 * tau * math.sqrt(aversion) * vol / math.sqrt(temporary))
    left = np.arange(slices, -1, -1, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        trajectory = x * _sinh_share(left, step) + 0.0  # A sale ends at 0, not at -0.
        trades = -np.diff(trajectory)
        costs = 0.5 * permanent * x * x + fixed * float(np.sum(np.abs(trades)))
        costs += temporary / tau * float(np.sum(trades * trades))
        variance = vol * vol * tau * float(np.sum(trajectory[1:] ** 2))
    finite(trajectory=trajectory, cost=costs, variance=variance)
    return AlmgrenChriss(trajectory, costs, variance, step / tau)


def _sinh_share(left: Floats, step: float) -> Floats:
    """Return sinh(step left) / sinh(step left[0]) without overflow."""
    whole_span = step * left[0]
    if whole_span < _STRAIGHT:
        return np.asarray(left / left[0], dtype=np.float64)
    decay = np.exp(step * (left - left[0]))
    return np.asarray(decay * np.expm1(-2.0 * step * left) / np.expm1(-2.0 * whole_span))


class AlmgrenPower(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule under power-law impact, without an end in time.

    Attributes
    ----------
    qty
        X, what is held at time 0.
    k
        Exponent of the impact.
    time_scale
        T*, the time in which the first rate of trading would do the whole order.
    """

    qty: float
    k: float
    time_scale: float

    def trajectory(self, t: ArrayLike) -> Number:
        """Return what is still held at ``t`` >= 0; a number or an array.

        x(t) = X (1 + (1 - k) / (1 + k) t / T*)^(-(1 + k) / (1 - k)); at k = 1 X exp(-t / T*). For
        k > 1 it is done at (k + 1) / (k - 1) T*.

        Raises
        ------
        InputError
            A time is below zero or not finite.
        """
        with np.errstate(over="ignore", divide="ignore"):
            u = numbers("t", t, at_least=0.0) / self.time_scale
            bend = (1.0 - self.k) / (1.0 + self.k)
            if bend == 0.0:
                return shaped(np.asarray(self.qty * np.exp(-u)))
            exponent = np.log1p(np.maximum(bend * u, -1.0)) / bend
            return shaped(np.asarray(self.qty * np.exp(-exponent)))


def almgren_power(
    qty: float, *, sigma: float, eta: float, k: float, risk_aversion: float
) -> AlmgrenPower:
    """Schedule an order when trading at rate v moves the price by eta v^k while it lasts.

    Least of the integral of eta v^(k + 1) + risk_aversion sigma^2 x^2 over an unbounded horizon::

        T* = (k eta X^(k - 1) / (risk_aversion sigma^2))^(1 / (k + 1))

    With k < 1 a large order is worked faster in proportion, with k > 1 slower.

    Parameters
    ----------
    qty
        X, not 0; below zero for a sale.
    sigma
        Volatility, price / sqrt(time), > 0.
    eta
        Impact, price / (quantity / time)^k, > 0.
    k
        Exponent, > 0; 3/5 was fitted by Almgren, Thum, Hauptmann and Li (2005).
    risk_aversion
        lambda, 1 / money, > 0: without it, to trade ever more slowly is ever cheaper.

    Returns
    -------
    AlmgrenPower
        ``time_scale`` and ``trajectory(t)``.

    Raises
    ------
    InputError
        A number is out of its range.

    References
    ----------
    R. Almgren, "Optimal execution with nonlinear impact functions and trading-enhanced risk",
    Applied Mathematical Finance 10 (2003), section 3.
    """
    x = number("qty", qty)
    power = number("k", k, above=0.0)
    vol, impact = number("sigma", sigma, above=0.0), number("eta", eta, above=0.0)
    aversion = number("risk_aversion", risk_aversion, above=0.0)
    if x == 0.0:
        raise InputError(
            "qty = 0", rule="There is something to trade", remedy="Give a quantity that is not 0"
        )
    # In logs: X^(k - 1) alone may leave the range of a float.
    log = math.log(power) + math.log(impact) + (power - 1.0) * math.log(abs(x))
    log -= math.log(aversion) + 2.0 * math.log(vol)
    scale = math.exp(log / (power + 1.0)) if log / (power + 1.0) < _EXPONENT_MAX else math.inf
    finite(time_scale=scale if scale > 0.0 else math.inf)
    return AlmgrenPower(qty=x, k=power, time_scale=scale)
