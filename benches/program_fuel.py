"""``program-fuel``: a loop without end, stopped by its fuel.

``used`` is what the trap says, ``overrun`` is (used - given) / given. A trap for want of fuel counts
all that was given as used, so the work itself is counted too: the same loop asks the host once a
round, and the host counts. ``rounds`` is how often it was asked before the stop, ``fuel_a_round``
what a round costs (from two loops that end), and ``worked`` the share of the fuel given that those
rounds are: at most 1, and 1 less what a round more would have needed. Every count is the same on
each run and in the interpreter, or the bench fails. ``ms_to_stop`` is the loop that asks nothing.
"""

from typing import Any

from benches import _figures, _programs
from benches._process import Memory, in_process
from tiderace import _core

FUEL, RUNS = 100_000_000, 15
SMOKE = 1_000_000, 3


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    fuel, runs = SMOKE if is_smoke else (FUEL, RUNS)
    return in_process("program_fuel", fuel=fuel, runs=runs)


def measure(fuel: int, runs: int) -> dict[str, Any]:
    """Stop both loops, compiled and interpreted."""
    asking = _programs.checked(_programs.ENDLESS_ASKING)
    silent = _programs.checked(_programs.ENDLESS)
    memory = Memory(0)
    stopped = _core.bench_program_fuel(asking._core, "endless", [-1], fuel, runs, False)
    stopped += _core.bench_program_fuel(asking._core, "endless", [-1], fuel, 1, True)
    ((reason, used, rounds),) = {row[:3] for row in stopped}
    assert reason == "out_of_fuel", "it has no end of its own"
    ten, eleven = (
        _core.bench_program_fuel(asking._core, "endless", [n], fuel, 1, False)[0][1]
        for n in (10, 11)
    )
    quiet = _core.bench_program_fuel(silent._core, "endless", [-1], fuel, runs, False)
    ((_, used_quiet, _),) = {row[:3] for row in quiet}
    worked = rounds * (eleven - ten) / fuel
    return {
        "input": {"fuel": fuel, "runs": runs},
        "recipe": _programs.RECIPE,
        "checksum": f"{used} {rounds} {used_quiet} {asking.hash[:16]}",
        "mode": "none",
        "build": _figures.build(),
        "given": fuel,
        "used": used,
        "overrun": (used - fuel) / fuel,
        "rounds": rounds,
        "fuel_a_round": eleven - ten,
        "worked": worked,
        "ms_to_stop": _figures.times(ns / 1e6 for *_, ns in quiet),
        "rss_mb": _figures.one(memory.rss_mb()),
    }
