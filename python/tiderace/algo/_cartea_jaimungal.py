"""Liquidation with a penalty on what is held, on the way and at the end."""

import math

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from tiderace.algo._inputs import Floats, Number, finite, number, numbers, shaped
from tiderace.errors import InputError


class CarteaJaimungal(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule from time 0 to the horizon.

    Attributes
    ----------
    qty, horizon
        What is held at time 0, and the time at which the rest is given up.
    k
        Temporary impact.
    urgency
        gamma = sqrt(phi / k), 1 / time.
    terminal
        alpha - permanent / 2, what a unit squared held at the horizon costs on balance.
    """

    qty: float
    horizon: float
    k: float
    urgency: float
    terminal: float

    def trajectory(self, t: ArrayLike) -> Number:
        """Return what is still held at ``t``, from 0 to the horizon; a number or an array.

        Raises
        ------
        InputError
            A time is below zero or beyond the horizon.
        """
        at = numbers("t", t, at_least=0.0, at_most=self.horizon)
        share = self._held(self.horizon - at) / self._held(self.horizon)
        with np.errstate(over="ignore"):
            return shaped(self.qty * np.exp(-self.urgency * at) * share)

    def _held(self, left: Floats | float) -> Floats:
        """Return (a sinh(g left) / g + k cosh(g left)) exp(-g left): finite, smooth at g = 0."""
        span = np.asarray(left, dtype=np.float64)
        with np.errstate(over="ignore"):
            twice = 2.0 * self.urgency * span
            fading = span if self.urgency == 0.0 else -np.expm1(-twice) / self.urgency / 2.0
            return np.asarray(self.terminal * fading + self.k * 0.5 * (1.0 + np.exp(-twice)))


def cartea_jaimungal(
    qty: float, *, horizon: float, k: float, permanent: float, alpha: float, phi: float
) -> CarteaJaimungal:
    """Schedule an order under penalties on inventory, running and terminal.

    Trading at rate v costs k v^2 and moves the price by permanent x v for good; holding q costs
    phi q^2 a unit of time, and alpha q^2 at the horizon. With gamma = sqrt(phi / k) and
    a = alpha - permanent / 2::

        q(t) = Q (a sinh(gamma (T - t)) + k gamma cosh(gamma (T - t)))
                 / (a sinh(gamma T) + k gamma cosh(gamma T))

    which is the zeta form of the book, written so that phi = 0 is no special case.

    Parameters
    ----------
    qty
        Q; below zero for a purchase of what is short.
    horizon
        T, > 0.
    k
        Temporary impact, price / (quantity / time), > 0.
    permanent
        b, price / quantity, >= 0.
    alpha
        Terminal penalty, price / quantity, >= 0. The larger, the less is left at the horizon.
    phi
        Running penalty, price / (quantity x time), >= 0.

    Returns
    -------
    CarteaJaimungal
        ``trajectory(t)``, and the numbers that it is made of.

    Raises
    ------
    InputError
        A number is out of its range, or ``alpha`` is so far below permanent / 2 that selling
        without end would pay.

    References
    ----------
    A. Cartea, S. Jaimungal and J. Penalva, "Algorithmic and high-frequency trading" (2015),
    section 6.5; A. Cartea and S. Jaimungal, "Incorporating order-flow into optimal execution"
    (2016).
    """
    temporary = number("k", k, above=0.0)
    lasting = number("permanent", permanent, at_least=0.0)
    penalty = number("alpha", alpha, at_least=0.0)
    urgency = math.sqrt(number("phi", phi, at_least=0.0)) / math.sqrt(temporary)
    made = CarteaJaimungal(
        qty=number("qty", qty),
        horizon=number("horizon", horizon, above=0.0),
        k=temporary,
        urgency=urgency,
        terminal=penalty - 0.5 * lasting,
    )
    held = made._held(made.horizon)
    finite(alpha_times_horizon=held)
    if held <= 0.0:
        raise InputError(
            f"alpha = {alpha!r} with permanent / 2 = {0.5 * lasting:g}",
            rule="What is left at the horizon costs more than its permanent impact brings",
            remedy="Raise alpha to permanent / 2 or above",
        )
    return made
