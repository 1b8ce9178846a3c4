"""What a parent order moves and costs."""

from typing import NamedTuple

from tiderace import _core
from tiderace._model.numbers import number
from tiderace.errors import core_errors


class Impact(NamedTuple):
    """Fractions of the arrival price, signed like the order.

    Attributes
    ----------
    permanent
        The move that stays.
    temporary
        The concession while trading, on top.
    cost
        The mean cost: half of ``permanent``, and ``temporary``.
    """

    permanent: float
    temporary: float
    cost: float


def impact_almgren2005(
    qty: float, *, adv: float, shares_outstanding: float, sigma: float, horizon: float
) -> Impact:
    """Impact by the model that was fitted to 29,509 orders in US stocks.

    I = 0.314 sigma (X/V) (Theta/V)^(1/4), J = I/2 + sgn(X) 0.142 sigma abs(X/(V T))^(3/5).

    Parameters
    ----------
    qty
        X, below zero for a sale.
    adv, shares_outstanding
        V a day, and Theta; in the unit of ``qty``, > 0.
    sigma
        Volatility a day, a fraction, >= 0.
    horizon
        T in days of trading, > 0.

    References
    ----------
    R. Almgren, C. Thum, E. Hauptmann, H. Li, "Direct estimation of equity market impact" (2005).
    """
    names = {
        "qty": qty,
        "adv": adv,
        "shares_outstanding": shares_outstanding,
        "sigma": sigma,
        "horizon": horizon,
    }
    values = [number(name, value) for name, value in names.items()]
    with core_errors():
        return Impact._make(_core.model_impact(*values))
