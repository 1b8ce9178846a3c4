"""``program-call``: from the engine into a program and back, with one read of the host inside.

``ns_per_call`` copies arguments, state and fuel in, runs an entry that reads one price of the host
and adds to it, and copies result, state and fuel out. ``ns_per_call_no_read`` is the same without
the read. Each figure is the mean of a repetition's calls. The host here answers from an array.
"""

from typing import Any

from benches import _figures, _programs
from benches._process import Memory, in_process
from tiderace import _core

CALLS, REPETITIONS = 1_000_000, 25
SMOKE = 10_000, 2


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    calls, repetitions = SMOKE if is_smoke else (CALLS, REPETITIONS)
    return in_process("program_call", calls=calls, repetitions=repetitions)


def measure(calls: int, repetitions: int) -> dict[str, Any]:
    """Time calls with a read and without."""
    reading = _programs.checked(_programs.READ)
    idle = _programs.checked(_programs.NO_READ)
    memory = Memory(0)
    times, fuel, total = _core.bench_program(reading._core, "read", [2], calls, repetitions)
    without, fuel_without, _ = _core.bench_program(idle._core, "no_read", [2], calls, repetitions)
    return {
        "input": {"calls": calls, "repetitions": repetitions},
        "recipe": _programs.RECIPE,
        "checksum": f"{total} {fuel} {fuel_without} {reading.hash[:16]}",
        "mode": "none",
        "build": _figures.build(),
        "ns_per_call": _figures.times(times),
        "ns_per_call_no_read": _figures.times(without),
        "fuel_per_call": fuel,
        "rss_mb": _figures.one(memory.rss_mb()),
    }
