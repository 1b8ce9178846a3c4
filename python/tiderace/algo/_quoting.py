"""Quotes of a market maker who dislikes inventory."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tiderace.algo._inputs import Floats, Number, finite, number, numbers, shaped, whole
from tiderace.errors import InputError

INVENTORY_MAX = 10_000
"""The largest Q: work grows in proportion."""
_HALVINGS = 200
"""More halvings than an interval of floats has."""


class Quotes(NamedTuple):
    """Prices to quote; floats, or arrays of the shape that the arguments broadcast to."""

    bid: Number
    ask: Number


class Offsets(NamedTuple):
    """Distances from the mid by inventory, shape (2 Q + 1,), index 0 at -Q.

    Attributes
    ----------
    bid
        Mid - bid; NaN at Q, where nothing more is bought.
    ask
        Ask - mid; NaN at -Q, where nothing more is sold.
    """

    bid: Floats
    ask: Floats


def avellaneda_stoikov(
    mid: ArrayLike,
    *,
    inventory: ArrayLike,
    gamma: ArrayLike,
    sigma: ArrayLike,
    k: ArrayLike,
    t_left: ArrayLike,
) -> Quotes:
    """Quote around a reservation price that leans against the inventory.

    ::

        r = mid - inventory gamma sigma^2 t_left
        ask - bid = gamma sigma^2 t_left + 2 / gamma ln(1 + gamma / k)

    The quotes lie evenly around r, which is how the paper simulates them. At gamma = 0 they are
    mid -+ 1 / k. Orders arrive at the rate A exp(-k distance); A does not enter.

    Parameters
    ----------
    mid
        Mid price.
    inventory
        Units held, below zero when short.
    gamma
        Risk aversion, 1 / money, >= 0.
    sigma
        Volatility, price / sqrt(time), >= 0.
    k
        Decay of arrivals by distance, 1 / price, > 0.
    t_left
        Time to the end, >= 0.

    Returns
    -------
    Quotes
        ``bid ask``, prices.

    Raises
    ------
    InputError
        A number is out of its range, or shapes do not broadcast.

    References
    ----------
    M. Avellaneda and S. Stoikov, "High-frequency trading in a limit order book", Quantitative
    Finance 8 (2008), equations 29 and 30.
    """
    given = {
        "mid": numbers("mid", mid),
        "inventory": numbers("inventory", inventory),
        "gamma": numbers("gamma", gamma, at_least=0.0),
        "sigma": numbers("sigma", sigma, at_least=0.0),
        "k": numbers("k", k, above=0.0),
        "t_left": numbers("t_left", t_left, at_least=0.0),
    }
    try:
        s, q, g, vol, decay, left = np.broadcast_arrays(*given.values())
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in given.items())
        raise InputError(
            f"Shapes are {shapes}", rule="They broadcast to one", remedy="Bring them to one shape"
        ) from None
    with np.errstate(over="ignore", invalid="ignore"):
        risk = g * vol * vol * left
        half = 0.5 * risk + _log1p_share(g / decay) / decay
        bid, ask = shaped(s - q * risk - half), shaped(s - q * risk + half)
    finite(bid=bid, ask=ask)
    return Quotes(bid, ask)


def glft(*, sigma: float, a: float, k: float, gamma: float, max_inventory: int) -> Offsets:
    """Quote for ever with bounded inventory: the exact offsets far from the end.

    With alpha = k gamma sigma^2 / 2 and eta = a (1 + gamma / k)^-(1 + k / gamma), let f be the
    eigenvector of the smallest eigenvalue of the matrix over -Q ... Q with alpha q^2 on its
    diagonal and -eta beside it. Then::

        bid(q) = ln(f_q / f_q+1) / k + ln(1 + gamma / k) / gamma
        ask(q) = ln(f_q / f_q-1) / k + ln(1 + gamma / k) / gamma

    f is taken in ratios from the ends inwards, the eigenvalue by bisection on the signs of the
    pivots: every offset is good to rounding, where an eigenvector in floats loses what is small.

    Parameters
    ----------
    sigma
        Volatility, price / sqrt(time), >= 0.
    a
        Rate of arrivals at distance 0, 1 / time, > 0.
    k
        Decay of arrivals by distance, 1 / price, > 0.
    gamma
        Risk aversion, 1 / money, >= 0; 0 is the limit: only the bound Q leans the quotes.
    max_inventory
        Q, 1 to 10,000, in units of one fill.

    Returns
    -------
    Offsets
        ``bid ask``: arrays over -Q ... Q, NaN where not quoted.

    Raises
    ------
    InputError
        A number is out of its range.

    References
    ----------
    O. Gueant, C.-A. Lehalle and J. Fernandez-Tapia, "Dealing with the inventory risk: a solution
    to the market making problem", Mathematics and Financial Economics 7 (2013), proposition 1 and
    theorem 2 (asymptotic quotes).
    """
    vol, aversion = number("sigma", sigma, at_least=0.0), number("gamma", gamma, at_least=0.0)
    arrivals, decay = number("a", a, above=0.0), number("k", k, above=0.0)
    most = whole("max_inventory", max_inventory, at_least=1, at_most=INVENTORY_MAX)
    share = aversion / decay
    finite(gamma_over_k=share)
    edge = float(_log1p_share(np.asarray(share)))
    with np.errstate(over="ignore"):
        eta = arrivals * np.exp(-(1.0 + share) * edge)
        alpha = 0.5 * decay * aversion * vol * vol
        curve = alpha / eta if eta > 0.0 else np.inf
    finite(alpha_over_eta=curve * most * most)
    logs = np.log(_ratios(float(curve), most)) / decay
    # f_q-1 / f_q for q = 1 ... Q; f is even, so the other half mirrors with the sign turned.
    leaning = np.concatenate([-logs[::-1], logs]) + edge / decay
    none = np.array([np.nan])
    bid = np.concatenate([leaning, none])
    return Offsets(bid, bid[::-1].copy())


def _ratios(curve: float, most: int) -> Floats:
    """Return f_q-1 / f_q for q = 1 ... Q of the positive eigenvector of curve q^2, -1 beside."""
    low, high = -2.0, 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if _pivots(middle, curve, most) is None:
            high = middle
        else:
            low = middle
    pivots = _pivots(low, curve, most)
    assert pivots is not None, "nothing lies below -2: each row sums to -2 at least"
    return np.array(pivots[::-1])


def _pivots(value: float, curve: float, most: int) -> list[float] | None:
    """Eliminate from Q down to 0; ``None`` unless ``value`` lies below every eigenvalue."""
    pivots: list[float] = []
    tail = 0.0
    for q in range(most, 0, -1):
        pivot = curve * q * q - value - tail
        if pivot <= 0.0:
            return None
        pivots.append(pivot)
        tail = 1.0 / pivot
    return pivots if -value - 2.0 * tail > 0.0 else None


def _log1p_share(x: Floats) -> Floats:
    """Return ln(1 + x) / x, which is 1 at 0."""
    safe = np.where(x == 0.0, 1.0, x)
    return np.where(x == 0.0, 1.0, np.log1p(safe) / safe)
