"""``kill``: 1,000 working orders, and the time from the kill to the last cancel at the client.

``last_cancel_ms`` is with the journal in mode ``os``, ``last_cancel_ms_disk`` in mode ``disk``. What
a kill causes waits for neither: it leaves marked as ahead of its journal (``waits_for_disk``).
"""

from typing import Any

from benches import _figures, _venue
from benches._process import Memory, in_process
from tiderace import _core

ORDERS, REPETITIONS = 1_000, 25
SMOKE = 1_000, 2


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    orders, repetitions = SMOKE if is_smoke else (ORDERS, REPETITIONS)
    return in_process("kill", orders=orders, repetitions=repetitions)


def measure(orders: int, repetitions: int) -> dict[str, Any]:
    """Kill again and again, each time a new venue."""
    memory = Memory(0)
    times: dict[str, list[float]] = {"os": [], "disk": []}
    for _ in range(repetitions):
        for mode, values in times.items():
            with _venue.folder() as path:
                ns, canceled = _core.bench_kill(path, mode, orders)
            assert canceled == orders, "every order is canceled"
            values.append(ns / 1e6)
    return {
        "input": {"orders": orders, "repetitions": repetitions},
        "recipe": _venue.RECIPE,
        "checksum": str(orders),
        "mode": "os",
        "waits_for_disk": False,
        "build": _figures.build(),
        "last_cancel_ms": _figures.times(times["os"]),
        "last_cancel_ms_disk": _figures.times(times["disk"]),
        "rss_mb": _figures.one(memory.rss_mb()),
    }
