"""What orders cost by their size: the square-root law, fitted to all of them, with intervals.

`tiderace.model.fit_power_law` takes logarithms, so it leaves out every order that was lucky enough
to cost nothing, and what is left overstates the law. Here the law itself is fitted::

    cost_i = c sigma_i share_i^delta + noise_i,   noise_i ~ sigma_i

by least squares of cost / sigma: at each exponent the coefficient has a closed form, so the
exponent is looked for on a grid and refined by a parabola, at once for every draw of the bootstrap.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tiderace._learn.intervals import DRAWS, Floats, resampled, within
from tiderace._model.series import PowerLaw
from tiderace.algo._inputs import numbers
from tiderace.errors import InputError

_EXPONENTS = np.linspace(0.05, 1.5, 146)


def fit_impact(
    share: ArrayLike,
    sigma: ArrayLike,
    cost: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    paired: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
) -> PowerLaw:
    """Fit cost = coefficient sigma share^exponent to orders, those that gained among them.

    Parameters
    ----------
    share
        Order over the volume of the interval that ``sigma`` belongs to, > 0.
    sigma
        Volatility of the interval, a fraction of the price, > 0.
    cost
        Against arrival, a fraction of the price; below zero is a gain.
    groups
        Orders that are not independent of each other (a day, a session) share a number; they are
        drawn together. Each order by itself when absent.
    paired
        Orders of a group met the same market, at different sizes (sessions of one seed): what they
        have in common, its drift and the spread, is left out of the fit, and most of the noise.
    draws, seed
        Of the bootstrap.

    Returns
    -------
    tiderace.model.PowerLaw
        With intervals of 95 % over the draws; ``r_squared`` is of cost / sigma, ``left_out`` is 0.
        An exponent at 0.05 or 1.5 is at the end of the grid: the orders do not tell it.

    Raises
    ------
    InputError
        The arrays are not of one length, or have fewer than two groups or sizes.

    References
    ----------
    R. Almgren, C. Thum, E. Hauptmann, H. Li, "Direct estimation of equity market impact" (2005), 4.
    """
    part = numbers("share", share, above=0.0).reshape(-1)
    vol = numbers("sigma", sigma, above=0.0).reshape(-1)
    paid = numbers("cost", cost).reshape(-1)
    labels = np.arange(len(part)) if groups is None else np.asarray(groups).reshape(-1)
    if len({len(part), len(vol), len(paid), len(labels)}) != 1 or len(np.unique(part)) < 2:
        raise InputError(
            f"{len(part)} shares, {len(vol)} sigmas, {len(paid)} costs, {len(labels)} groups",
            rule="An order has one of each, and orders of two sizes or more tell an exponent",
            remedy="Give arrays of one length",
        )
    y = paid / vol
    x = part[None, :] ** _EXPONENTS[:, None]
    names, group = np.unique(labels, return_inverse=True)
    if paired:
        x, y = (column - _means(column, group, len(names)) for column in (x, y[None]))
        y = y[0]
    by_group = _summed(np.vstack([x * x, x * y, y * y]), group, len(names))
    weights = resampled(len(names), draws=draws, seed=seed)
    drawn = _best(weights @ by_group.T)
    coefficient, exponent, unexplained = _best(by_group.sum(axis=1)[None])[:, 0]
    total = float(((y - y.mean()) ** 2).sum())
    return PowerLaw(
        coefficient=float(coefficient),
        exponent=float(exponent),
        coefficient_interval=within(drawn[0]),
        exponent_interval=within(drawn[1]),
        r_squared=1.0 - float(unexplained) / total if total > 0 else 1.0,
        used=len(y),
        left_out=0,
    )


def _summed(rows: Floats, group: Any, count: int) -> Floats:
    found = np.zeros((len(rows), count))
    np.add.at(found.T, group.reshape(-1), rows.T)
    return found


def _means(rows: Floats, group: Any, count: int) -> Floats:
    """Return the mean of each value's group, in its place."""
    number = np.maximum(np.bincount(group.reshape(-1), minlength=count), 1)
    return np.asarray((_summed(rows, group, count) / number)[:, group.reshape(-1)])


def _best(sums: Floats) -> Floats:
    """Return coefficient, exponent and squared error of each draw, shape (3, draws)."""
    n = len(_EXPONENTS)
    # A draw of groups that do not differ in size tells nothing: no division by zero.
    xx = np.maximum(sums[:, :n], np.finfo(float).tiny)
    xy, yy = sums[:, n : 2 * n], sums[:, 2 * n]
    error = yy[:, None] - xy**2 / xx
    at = error.argmin(axis=1)
    rows = np.arange(len(error))
    inner = np.clip(at, 1, n - 2)
    left, mid, right = (error[rows, inner + step] for step in (-1, 0, 1))
    bend = left - 2 * mid + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
    shift = np.where(at == inner, np.clip(shift, -0.5, 0.5), 0.0)
    step = _EXPONENTS[1] - _EXPONENTS[0]
    exponent = _EXPONENTS[at] + shift * step
    # ln c is straight between two exponents of the grid.
    coefficient = xy / xx
    upper = np.clip(at + np.where(shift < 0, -1, 1), 0, n - 1)
    share = np.abs(shift)
    found = (1 - share) * coefficient[rows, at] + share * coefficient[rows, upper]
    return np.vstack([found, exponent, error[rows, at]])
