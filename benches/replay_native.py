"""``replay-native``: level changes through the book and an idle desk, each waking it.

Sketch: a record is 48 bytes, so 10 M/s is 480 MB/s of input; the book touches about three cache
lines a change. One journal record names a million of them, and is handed to the system (``os``).

``events_per_s`` is records over the wall time of ``_core.Run.run``: ``p99`` is the rate that 99 %
of the repetitions reach, ``max`` the best. ``rss_mb`` is the peak from the first repetition on,
less the tape's 48 bytes a record.
"""

import time
from typing import Any

from benches import _figures, _market
from benches._process import Memory, in_process
from tiderace import _core

CHANGES, REPETITIONS = 5_000_000, 25
SMOKE = 20_000, 2


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    changes, repetitions = SMOKE if is_smoke else (CHANGES, REPETITIONS)
    return in_process("replay_native", changes=changes, repetitions=repetitions)


def measure(changes: int, repetitions: int) -> dict[str, Any]:
    """Replay the same tape again and again, each time into a new desk and journal."""
    tape = _market.tape(_market.level_changes(changes))
    records, checksum = len(tape), tape.checksum()
    memory = Memory(records * _market.RECORD.itemsize)
    rates, digests = [], set()
    for _ in range(repetitions):
        with _market.journal() as path:
            run = _core.Run(_market.genesis(), tape, journal=path)
            start = time.perf_counter_ns()
            run.run()
            rates.append(records * 1e9 / (time.perf_counter_ns() - start))
        assert run.summary["events"] == records, "every record reaches the desk"
        digests.add(run.summary["digest"])
    assert len(digests) == 1, "the same input has the same digest"
    return {
        "input": {"level_changes": changes, "records": records, "repetitions": repetitions},
        "recipe": _market.recipe(changes),
        "input_checksum": checksum,
        "checksum": digests.pop(),
        "mode": "os",
        "build": _figures.build(),
        "events_per_s": _figures.rates(rates),
        "rss_mb": _figures.one(memory.rss_mb()),
    }
