"""``program-payoff``: a small payoff in a loop, metered and deterministic.

``ns_per_call`` is one round of the compiled program: a pseudo-random spot (a multiplication and a
remainder) and the payoff, a call of a helper with `min`, `max`, a multiplication and a floored
division, everything checked for overflow and paid for in fuel. ``ns_per_call_interpreted`` is the
second opinion's, ``ns_per_call_cpython`` the same text run by CPython, neither metered nor checked.
All three give the same sum, which is the checksum; fuel is the same compiled and interpreted.
"""

import time
from typing import Any

from benches import _figures, _programs
from benches._process import Memory, in_process
from tiderace import _core

ROUNDS, REPETITIONS, SLOW = 10_000_000, 15, 200_000
SMOKE = 100_000, 2, 5_000


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    rounds, repetitions, slow = SMOKE if is_smoke else (ROUNDS, REPETITIONS, SLOW)
    return in_process("program_payoff", rounds=rounds, repetitions=repetitions, slow=slow)


def measure(rounds: int, repetitions: int, slow: int) -> dict[str, Any]:
    """Time one call of so many rounds, again and again."""
    program = _programs.checked(_programs.PAYOFF)
    plain = _programs.plain(_programs.PAYOFF, "payoffs")
    memory = Memory(0)
    times, fuel, total = _core.bench_program(program._core, "payoffs", [rounds], 1, repetitions)
    enough = 1 << 62
    compiled = program.run_compiled(slow, fuel=enough)
    assert compiled == program.run_interpreted(slow, fuel=enough), "one result, and one fuel"
    assert compiled[0] == plain(slow), "CPython has the same sum"
    interpreted = [
        ns
        for *_, ns in _core.bench_program_fuel(
            program._core, "payoffs", [slow], enough, repetitions, True
        )
    ]
    return {
        "input": {"rounds": rounds, "rounds_slow": slow, "repetitions": repetitions},
        "recipe": _programs.RECIPE,
        "checksum": f"{total // repetitions} {compiled[0]} {program.hash[:16]}",
        "mode": "none",
        "build": _figures.build(),
        "ns_per_call": _figures.times(ns / rounds for ns in times),
        "fuel_per_call": fuel / rounds,
        "ns_per_call_interpreted": _figures.times(ns / slow for ns in interpreted),
        "ns_per_call_cpython": _figures.times(_plain(plain, slow) for _ in range(repetitions)),
        "rss_mb": _figures.one(memory.rss_mb()),
    }


def _plain(function: Any, rounds: int) -> float:
    start = time.perf_counter_ns()
    function(rounds)
    return (time.perf_counter_ns() - start) / rounds
