"""``greeks``: price and greeks of random options on one core.

``per_s`` is the vectorised path, ``per_s_deterministic`` the one with the same bits everywhere;
both through the Python face, whole arrays in, new arrays out. Each computes price, delta, gamma,
vega, theta, rho, vanna, volga, and charm and speed besides. ``worst`` is the largest difference of
both paths in price, delta and vega, relative to forward, one and forward. ``numpy_per_s`` is the
price and the seven greeks in NumPy on the same arrays, in blocks that stay in the cache. Other
libraries take part where they are installed.

Sketch: 40 bytes in, 80 out a row; at 25 million rows a second that is 3 GB/s, and 40 ns a row.
"""

import hashlib
import importlib.util
from typing import Any

import numpy as np

from benches import _figures, _options
from benches._process import Memory, in_process
from tiderace import model

COUNT, REPETITIONS = 1_000_000, 9
SMOKE = 20_000, 2
BLOCK = 8_192
PEERS = ("py_vollib_vectorized", "py_vollib", "QuantLib")


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    count, repetitions = SMOKE if is_smoke else (COUNT, REPETITIONS)
    return in_process("greeks", count=count, repetitions=repetitions)


def measure(count: int, repetitions: int) -> dict[str, Any]:
    """Time both paths and NumPy."""
    options = _options.draw(count)
    forward, strike, t, vol, call = options
    memory = Memory(8 * 5 * count)

    def greeks(*, fast: bool) -> model.Greeks:
        return model.greeks76(forward, strike=strike, t=t, vol=vol, call=call, fast=fast)

    one, two = greeks(fast=False), greeks(fast=True)
    scale = {"price": forward, "delta": 1.0, "vega": forward * np.sqrt(t)}
    worst = max(
        float(np.max(np.abs(getattr(one, name) - getattr(two, name)) / unit))
        for name, unit in scale.items()
    )
    columns = np.stack([np.asarray(column) for column in one])
    del two
    return {
        "input": {"options": count, "repetitions": repetitions},
        "recipe": _options.RECIPE,
        "checksum": hashlib.sha256(columns.tobytes()).hexdigest()[:16],
        "mode": "none",
        "build": _figures.build(),
        "per_s": _figures.rates(_options.rate(count, repetitions, lambda: greeks(fast=True))),
        "per_s_deterministic": _figures.rates(
            _options.rate(count, max(repetitions // 3, 1), lambda: greeks(fast=False))
        ),
        "worst": worst,
        "numpy_per_s": _figures.rates(
            _options.rate(count, max(repetitions // 3, 1), lambda: _in_blocks(options))
        ),
        "peers_installed": [name for name in PEERS if importlib.util.find_spec(name)],
        "rss_mb": _figures.one(memory.rss_mb()),
    }


def _in_blocks(options: _options.Options) -> list[Any]:
    count = len(options.forward)
    out = [np.empty(count) for _ in range(8)]
    for start in range(0, count, BLOCK):
        rows = slice(start, start + BLOCK)
        part = options._replace(
            **{name: column[rows] for name, column in options._asdict().items()}
        )
        for column, values in zip(out, _options.numpy_greeks(part), strict=True):
            column[rows] = values
    return out
