"""``program-fleet``: ten thousand parents worked by the shipped TWAP on one feed, ten woken an event.

One instance of the compiled form serves all of them: state and parameters are copied in, state out.
Every event is a depth change of the feed's book; then those whose timer is due are called, ten of
them, and each asks its host 23 things: it draws, takes its slice and plans the next one.
``activations_per_s`` counts those calls over the whole time of the run, book and timers in it.
``bytes_per_instance`` is what a parent takes: the program's state, the host's own numbers of it and
its place among the timers; the code and the instance are shared.

The host here stands for the desk: it fills what is taken at once, so that every order is complete
at the end (or the bench fails). Routing, controls, orders and journal are what ``order-native``
and ``replay-native`` time.
"""

import inspect
from pathlib import Path
from typing import Any

import tiderace as tr
from benches import _figures
from benches._process import Memory, in_process
from tiderace import _core

HOLDERS, SLICES, WOKEN, REPETITIONS = 10_000, 100, 10, 7
SMOKE = 200, 5, 10, 2
TWAP = Path(inspect.getfile(tr)).with_name("algo") / "twap.py"
ORDER_QTY = 1_000_000_000
ONE = 1_000_000_000


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    holders, slices, woken, repetitions = (
        SMOKE if is_smoke else (HOLDERS, SLICES, WOKEN, REPETITIONS)
    )
    sizes = {"holders": holders, "slices": slices, "woken": woken, "repetitions": repetitions}
    return in_process("program_fleet", **sizes)


def measure(holders: int, slices: int, woken: int, repetitions: int) -> dict[str, Any]:
    """Work them all, again and again."""
    program = tr.program.load(TWAP)
    # Slices, their jitter in size and in time, the cap on catching up, the share that is posted.
    params = [slices, ONE // 5, 0, 3 * ONE, 0]
    memory = Memory(0)
    rates, checks = [], set()
    for _ in range(repetitions):
        each, activations, events, ns, taken = _core.bench_program_fleet(
            program._core, params, holders, slices, woken
        )
        assert taken == holders * ORDER_QTY, "every order is complete"
        rates.append(activations / ns * 1e9)
        checks.add((each, activations, events))
    ((each, activations, events),) = checks
    return {
        "input": {
            "holders": holders,
            "slices": slices,
            "activations": activations,
            "events": events,
            "repetitions": repetitions,
        },
        "recipe": "algo/twap.py, slices of one size or a fifth more or less, filled at once",
        "checksum": f"{activations} {taken} {program.hash[:16]}",
        "mode": "none",
        "build": _figures.build(),
        "activations_per_s": _figures.rates(rates),
        "woken_per_event": activations / events,
        "bytes_per_instance": each,
        "rss_mb": _figures.one(memory.rss_mb()),
    }
