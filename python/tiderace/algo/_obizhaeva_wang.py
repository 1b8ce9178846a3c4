"""A block, a steady stream, a block: execution against a book that refills."""

from typing import NamedTuple

import numpy as np

from tiderace.algo._inputs import SLICES_MAX, Floats, finite, number, whole


class ObizhaevaWang(NamedTuple):
    """The trades, and what they cost.

    Attributes
    ----------
    first, last
        Blocks at time 0 and at the horizon; equal.
    rate
        In continuous time the quantity / time between them; with ``n`` all n + 1 trades, the two
        blocks among them, shape (n + 1,).
    cost
        Mean cost of transient impact, money; neither half the spread nor permanent impact.
    """

    first: float
    rate: float | Floats
    last: float
    cost: float


def obizhaeva_wang(
    qty: float, *, horizon: float, resilience: float, depth: float, n: int | None = None
) -> ObizhaevaWang:
    """Work an order against a book of even depth that recovers exponentially.

    A trade x moves the price by x / depth, costs x^2 / (2 depth) beyond what went before, and the
    move fades as exp(-resilience t). In continuous time, with rho T = resilience x horizon::

        first = last = X / (rho T + 2)
        rate = rho first
        cost = X first / depth

    At the n + 1 times j T / n, with a = exp(-rho T / n)::

        first = last = X / ((n - 1) (1 - a) + 2)
        between = (1 - a) first
        cost = (1 + a) / 2 X first / depth

    Parameters
    ----------
    qty
        X; below zero for a sale.
    horizon
        T, > 0.
    resilience
        rho, 1 / time, >= 0. At 0 the book never refills and every split costs the same.
    depth
        q, quantity / price, > 0: all impact is transient, kappa = 1 / q.
    n
        Steps, 1 to 1,000,000; ``None`` for continuous time.

    Returns
    -------
    ObizhaevaWang
        ``first rate last cost``.

    Raises
    ------
    InputError
        A number is out of its range.

    References
    ----------
    A. Obizhaeva and J. Wang, "Optimal trading strategy and supply/demand dynamics", Journal of
    Financial Markets 16 (2013), propositions 1 and 2. The discrete form is that of A. Alfonsi, A.
    Fruth and A. Schied, "Optimal execution strategies in limit order books with general shape
    functions", Quantitative Finance 10 (2010), for a book of even depth.
    """
    x = number("qty", qty)
    time = number("horizon", horizon, above=0.0)
    rho = number("resilience", resilience, at_least=0.0)
    size = number("depth", depth, above=0.0)
    if n is None:
        end = x / (rho * time + 2.0)
        rate = x / (time + 2.0 / rho) if rho > 0.0 else 0.0
        cost = x / size * end
        finite(rate=rate, cost=cost)
        return ObizhaevaWang(end, rate, end, cost)
    steps = whole("n", n, at_least=1, at_most=SLICES_MAX)
    refilled = float(-np.expm1(-rho * (time / steps)))
    end = x / ((steps - 1) * refilled + 2.0)
    trades = np.full(steps + 1, refilled * end)
    trades[[0, -1]] = end
    cost = (1.0 - 0.5 * refilled) * (x / size) * end
    finite(rate=trades, cost=cost)
    return ObizhaevaWang(end, trades, end, cost)
