"""``margin``: portfolio margin of 500 options under 41 scenarios, one core.

``ms_from_prices`` prices every option in every scenario by the deterministic path, builds the risk
arrays and margins the portfolio (``us_from_prices`` is the same in microseconds).
``us_from_arrays`` builds and margins the portfolio from arrays that are there. ``us_incremental``
is what a venue does at an order: the requirement with one more order, nothing else touched (the
mean of a thousand calls).
"""

from typing import Any

from benches import _figures
from benches._process import Memory, in_process
from tiderace import _core

SCENARIOS, REPETITIONS, SEED = 41, 300, 1
SMOKE = 3


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    repetitions = SMOKE if is_smoke else REPETITIONS
    return in_process("margin", scenarios=SCENARIOS, repetitions=repetitions)


def measure(scenarios: int, repetitions: int) -> dict[str, Any]:
    """Margin one portfolio many times each way."""
    memory = Memory(0)
    times = _core.bench_margin(scenarios, repetitions, SEED)
    from_prices = times["from_prices_ns"]
    return {
        "input": {"options": 500, "scenarios": scenarios, "repetitions": repetitions},
        "recipe": f"ten expiries, lots from -1,000 to 1,000, deribit_pm and moves between, seed {SEED}",
        "checksum": str(times["initial"]),
        "mode": "none",
        "build": _figures.build(),
        "ms_from_prices": _figures.times(ns / 1e6 for ns in from_prices),
        "us_from_prices": _figures.times(ns / 1e3 for ns in from_prices),
        "us_from_arrays": _figures.times(ns / 1e3 for ns in times["from_arrays_ns"]),
        "us_incremental": _figures.times(ns / 1e3 for ns in times["incremental_ns"]),
        "rss_mb": _figures.one(memory.rss_mb()),
    }
