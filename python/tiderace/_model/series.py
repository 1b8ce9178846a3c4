"""What a series of prices and a book of past orders tell: variance, spread, the law of impact."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tiderace import _core
from tiderace._model.numbers import column, floats, whole
from tiderace.errors import InputError, core_errors


class PowerLaw(NamedTuple):
    """The law cost = coefficient sigma (X/V)^exponent, fitted to orders.

    Attributes
    ----------
    coefficient, exponent
        Cost in vols of an order as large as the volume; near 0.5 in every market that was measured.
    coefficient_interval, exponent_interval
        Of 95 %, from the residuals of the regression.
    r_squared
        Share of the variance of ln(cost / sigma) that the law explains.
    used, left_out
        Orders; left out are those whose cost was not above zero: many of them bias the fit upwards.
    """

    coefficient: float
    exponent: float
    coefficient_interval: tuple[float, float]
    exponent_interval: tuple[float, float]
    r_squared: float
    used: int
    left_out: int

    def cost(self, share: ArrayLike, sigma: ArrayLike) -> np.ndarray | float:
        """Cost of orders, a fraction of the price; zero for none."""
        part, vol = floats("share", share), floats("sigma", sigma)
        if not (np.all(np.isfinite(part)) and np.all(np.isfinite(vol)) and np.all(vol >= 0.0)):
            raise InputError(
                f"share = {share!r}, sigma = {sigma!r}",
                rule="Shares and vols are finite, and a vol is not below zero",
                remedy="Correct what is not",
            )
        found = self.coefficient * vol * np.abs(part) ** self.exponent
        return found if np.ndim(found) else float(found)


def fit_power_law(share: ArrayLike, sigma: ArrayLike, cost: ArrayLike) -> PowerLaw:
    """Calibrate the square-root law by least squares of ln(cost / sigma) on ln(share).

    Parameters
    ----------
    share
        Order over the volume of the interval that ``sigma`` belongs to.
    sigma, cost
        Fractions of the price.
    """
    columns = [column(n, v) for n, v in (("share", share), ("sigma", sigma), ("cost", cost))]
    if len({len(one) for one in columns}) != 1:
        raise InputError(
            f"{', '.join(str(len(one)) for one in columns)} values",
            rule="An order has a share, a sigma and a cost",
            remedy="Give arrays of one length",
        )
    with core_errors():
        law, exponent, at, slope, explained, used, left_out = _core.model_power_law(*columns)
    low, high = at
    flat, steep = slope
    return PowerLaw(law, exponent, (low, high), (flat, steep), explained, used, left_out)


def realised_variance(prices: ArrayLike) -> float:
    """Sum of squared log returns."""
    return _series("realised", prices, 1)


def subsampled_variance(prices: ArrayLike, *, stride: int) -> float:
    """Mean of the realised variances of the ``stride`` grids of every ``stride``-th price."""
    return _series("subsampled", prices, stride)


def two_scale_variance(prices: ArrayLike, *, stride: int) -> float:
    """Variance of the efficient price under noise; zero where the estimate falls below.

    References
    ----------
    L. Zhang, P. Mykland, Y. Aït-Sahalia, "A tale of two time scales" (2005), equation 64.
    """
    return _series("two_scale", prices, stride)


def roll_spread(prices: ArrayLike) -> float:
    """Spread, a fraction of the price, from the bounce of successive trades.

    References
    ----------
    R. Roll, "A simple implicit measure of the effective bid-ask spread" (1984).
    """
    return _series("roll", prices, 1)


def _series(what: str, prices: ArrayLike, stride: int) -> float:
    stride, flat = whole("stride", stride, least=1), column("prices", prices)
    with core_errors():
        return _core.model_series(what, flat, stride)
