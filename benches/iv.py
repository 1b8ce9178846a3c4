"""``iv``: implied vols of random options on one core, and how exactly they come back.

The prices are those of the deterministic path at known vols. What a price allows: it is a double,
so its vol is known to ``ulp(price) / (vega vol)`` relative. ``rows_allowed`` counts the rows where
that is at most a quarter of 1e-9; of them ``within_1e9`` come back to 1e-9, and ``worst`` is the
largest relative error there. Of the others ``worst_in_ulps`` is the error in what one unit in the
last place of the price is worth. ``lost`` rows have no vol because their price holds at most two
such units of time value; ``failures`` are all others without a vol. The same is said of ``wide``
options, up to ``WIDE`` deviations from the forward, where many prices in the money hold few digits
of time value; these are not timed.

``per_s`` is the vectorised path, ``per_s_deterministic`` the scalar one; both through the Python
face, arrays in, arrays out. ``numpy_per_s`` is Newton's method in NumPy on the same inputs, from
the vol at which vega is largest, until every row stands still; ``numpy_within_1e9`` is its share.
"""

import hashlib
from typing import Any

import numpy as np

from benches import _figures, _options
from benches._process import Memory, in_process
from tiderace import model

COUNT, REPETITIONS = 1_000_000, 7
SMOKE = 20_000, 2
BOUND = 1e-9
WIDE = 8.0


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    count, repetitions = SMOKE if is_smoke else (COUNT, REPETITIONS)
    return in_process("iv", count=count, repetitions=repetitions)


def measure(count: int, repetitions: int) -> dict[str, Any]:
    """Time both paths and NumPy, and check what came back."""
    options = _options.draw(count)
    forward, strike, t, vol, call = options
    price = _options.price(options)
    memory = Memory(8 * 5 * count)

    def implied(*, fast: bool) -> tuple[Any, Any]:
        return model.implied_vol76(price, forward=forward, strike=strike, t=t, call=call, fast=fast)

    checks = {"": _check(options, fast=True), "_deterministic": _check(options, fast=False)}
    wide = _check(_options.draw(count, deviations=WIDE), fast=True)
    allowed = _ulp(options, price) <= 0.25 * BOUND
    numpy_vol = newton(options, price)
    found, _ = implied(fast=True)
    return {
        "input": {"options": count, "repetitions": repetitions},
        "recipe": _options.RECIPE,
        "checksum": hashlib.sha256(np.round(found, 9).tobytes()).hexdigest()[:16],
        "mode": "none",
        "build": _figures.build(),
        "per_s": _figures.rates(_options.rate(count, repetitions, lambda: implied(fast=True))),
        "per_s_deterministic": _figures.rates(
            _options.rate(count, repetitions, lambda: implied(fast=False))
        ),
        **{name + path: value for path, said in checks.items() for name, value in said.items()},
        "wide": wide,
        "numpy_per_s": _figures.rates(
            _options.rate(count, max(repetitions // 3, 1), lambda: newton(options, price))
        ),
        "numpy_within_1e9": float(np.mean(np.abs(numpy_vol / vol - 1.0)[allowed] <= BOUND)),
        "rss_mb": _figures.one(memory.rss_mb()),
    }


def _ulp(options: _options.Options, price: Any) -> Any:
    """What one unit in the last place of the price is of the vol, relative."""
    forward, strike, t, vol, call = options
    vega = np.asarray(model.greeks76(forward, strike=strike, t=t, vol=vol, call=call).vega)
    with np.errstate(divide="ignore"):
        return np.spacing(price) / (vega * vol)


def _check(options: _options.Options, *, fast: bool) -> dict[str, Any]:
    forward, strike, t, vol, call = options
    price = _options.price(options)
    found, reasons = model.implied_vol76(
        price, forward=forward, strike=strike, t=t, call=call, fast=fast
    )
    ulp = _ulp(options, price)
    allowed = ulp <= 0.25 * BOUND
    intrinsic = np.maximum(np.where(call, forward - strike, strike - forward), 0.0)
    is_lost = (reasons != 0) & (price - intrinsic <= 2.0 * np.spacing(price))
    error = np.where(reasons == 0, np.abs(found / vol - 1.0), np.inf)
    rest = (reasons == 0) & ~allowed
    return {
        "rows_allowed": int(allowed.sum()),
        "lost": int(is_lost.sum()),
        "failures": int(((reasons != 0) & ~is_lost).sum()),
        "within_1e9": float(np.mean(error[allowed] <= BOUND)),
        "worst": float(np.max(error[allowed], initial=0.0)),
        "worst_in_ulps": float(np.max(error[rest] / ulp[rest], initial=0.0)),
    }


def newton(options: _options.Options, price: Any) -> Any:
    """Newton's method from the inflection point, on the out-of-the-money side."""
    forward, strike, t, _, call = options
    root = np.sqrt(t)
    x = np.log(forward / strike)
    is_call = strike >= forward
    intrinsic = np.maximum(np.where(call, forward - strike, strike - forward), 0.0)
    otm = price - intrinsic
    sign = np.where(is_call, 1.0, -1.0)
    s = np.maximum(np.sqrt(2.0 * np.abs(x)), 1e-2)
    for _ in range(60):
        d1 = x / s + 0.5 * s
        value = sign * (forward * _options.cdf(sign * d1) - strike * _options.cdf(sign * (d1 - s)))
        slope = forward * np.exp(-0.5 * d1 * d1) * 0.3989422804014327
        step = (value - otm) / np.maximum(slope, 1e-300)
        moved = np.clip(s - step, 0.1 * s, 10.0 * s)
        still = np.abs(moved - s) <= 1e-12 * s
        s = moved
        if still.all():
            break
    return s / root
