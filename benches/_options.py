"""Random options for the benches, NumPy's own formula beside ours, and repeated timing.

Spot prices are lognormal around 100; time log-uniform from a day to three years; vol log-uniform
from 5 % to 300 %; strikes up to ``DEVIATIONS`` standard deviations from the forward, evenly; half
are calls, so half are in the money.
"""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiderace import model

DEVIATIONS = 3.0
RECIPE = (
    "forward 100 exp N(0, 1); t log-uniform 1/365 to 3; vol log-uniform 0.05 to 3; "
    f"ln(K/F) = z vol sqrt(t), z uniform in -{DEVIATIONS:g} to {DEVIATIONS:g}; "
    "calls and puts alike; discount 1; seed 1"
)
Floats = NDArray[np.float64]


class Options(NamedTuple):
    """Columns of options."""

    forward: Floats
    strike: Floats
    t: Floats
    vol: Floats
    call: NDArray[np.bool_]


def draw(count: int, *, deviations: float = DEVIATIONS, seed: int = 1) -> Options:
    """Return random options."""
    rng = np.random.default_rng(seed)
    forward = 100.0 * np.exp(rng.normal(0.0, 1.0, count))
    t = np.exp(rng.uniform(math.log(1.0 / 365.0), math.log(3.0), count))
    vol = np.exp(rng.uniform(math.log(0.05), math.log(3.0), count))
    z = rng.uniform(-deviations, deviations, count)
    strike = forward * np.exp(z * vol * np.sqrt(t))
    return Options(forward, strike, t, vol, rng.random(count) < 0.5)


def rate(count: int, repetitions: int, work: Callable[[], Any]) -> list[float]:
    """Return options a second of each repetition, the first left out."""
    work()
    rates = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - start))
    return rates


def cdf(x: Floats) -> Floats:
    """Return the normal distribution function by Hart's rational form, double precision.

    References
    ----------
    G. West, "Better approximations to cumulative normal functions" (2005).
    """
    a = np.minimum(np.abs(x), 37.0)
    e = np.exp(-0.5 * a * a)
    top = 3.52624965998911e-02 * a + 0.700383064443688
    for c in (6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931):
        top = top * a + c
    top = top * a + 220.206867912376
    low = 8.83883476483184e-02 * a + 1.75566716318264
    for c in (
        16.064177579207,
        86.7807322029461,
        296.564248779674,
        637.333633378831,
        793.826512519948,
    ):
        low = low * a + c
    low = low * a + 440.413735824752
    near = e * top / low
    far = a + 0.65
    for c in (4.0, 3.0, 2.0, 1.0):
        far = a + c / far
    tail = np.where(a < 7.07106781186547, near, e / far / 2.506628274631)
    return np.where(x > 0.0, 1.0 - tail, tail)


def numpy_greeks(options: Options) -> tuple[Floats, ...]:
    """Price, delta, gamma, vega, theta, rho, vanna, volga as a good NumPy programme has them."""
    forward, strike, t, vol, call = options
    root = np.sqrt(t)
    s = vol * root
    d1 = np.log(forward / strike) / s + 0.5 * s
    d2 = d1 - s
    sign = np.where(call, 1.0, -1.0)
    n1 = cdf(sign * d1)
    density = np.exp(-0.5 * d1 * d1) * 0.3989422804014327
    price = sign * (forward * n1 - strike * cdf(sign * d2))
    vega = forward * density * root
    return (
        price,
        sign * n1,
        density / (forward * s),
        vega,
        -0.5 * vega * vol / t,
        -t * price,
        -density * d2 / vol,
        vega * d1 * d2 / vol,
    )


def price(options: Options) -> Floats:
    """Return prices to the last place or so: intrinsic value and the out-of-the-money option's price.

    The difference of two legs has an error of the larger one's last place, which in the money, near
    the forward, is a hundred times that of the price.
    """
    forward, strike, t, vol, call = options
    otm = model.black76(forward, strike=strike, t=t, vol=vol, call=strike >= forward)
    gain = np.where(call, forward - strike, strike - forward)
    return np.asarray(np.maximum(gain, 0.0) + otm)
