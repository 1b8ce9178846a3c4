"""``venue``: the whole pipeline, journal in mode ``os``.

``commands_per_s`` is closed-loop: commands made beforehand are sent as fast as the inlet takes
them, until the last output is read. ``commands_per_s_margined`` is the same with every account
under portfolio margin (35 scenarios, enough money for all it does). The latencies are open-loop:
a command is due at its time whatever comes back, and late sends count. ``service_us`` is the engine thread alone, from a command
taken to its events handed on, at 200,000 a second. ``end_to_end_us`` runs from the time a command
was due to its first output at the client, at half of the throughput found; ``_snapshot`` is the
same with a follower beside it: the journal's segments are of 4 MiB in place of 64, so that one is
closed every few tens of milliseconds, and after each the follower replays it, checks its digests
and writes a snapshot. ``snapshots`` counts those that were begun and finished while commands were
sent; ``snapshot_window_s`` is how long that was.

Four threads want a core of their own (client, engine, journal, publisher), a fifth with snapshots:
on a machine with fewer, end to end is mostly the scheduler's time.
"""

import os
from typing import Any

from benches import _figures, _venue
from benches._process import Memory, in_process
from tiderace import _core

COMMANDS, REPETITIONS, RATE, TIMED = 1_000_000, 5, 200_000, 1_000_000
SMOKE = 20_000, 1, 20_000, 2_000
# Seconds of the run with snapshots, and bytes of its segments.
WINDOW, SMOKE_WINDOW = (2.0, 4 << 20), (0.5, 256 << 10)


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    commands, repetitions, rate, timed = SMOKE if is_smoke else (COMMANDS, REPETITIONS, RATE, TIMED)
    window_s, segment_bytes = SMOKE_WINDOW if is_smoke else WINDOW
    sizes = {"commands": commands, "repetitions": repetitions, "rate": rate, "timed": timed}
    return in_process("venue", **sizes, window_s=window_s, segment_bytes=segment_bytes)


def measure(
    commands: int, repetitions: int, rate: int, timed: int, window_s: float, segment_bytes: int
) -> dict[str, Any]:
    """Find the throughput, then the times at two rates."""
    memory = Memory(0)
    rates: dict[bool, list[float]] = {False: [], True: []}
    outputs: dict[bool, set[int]] = {False: set(), True: set()}
    for _ in range(repetitions):
        for is_margined in (False, True):
            with _venue.folder() as path:
                per_s, count = _core.bench_venue(path, "os", commands, is_margined)
            rates[is_margined].append(per_s)
            outputs[is_margined].add(count)
    assert all(len(of) == 1 for of in outputs.values()), "the same commands have the same outputs"
    peak = _figures.rates(rates[False])
    half = max(int(peak["median"] / 2), 1)

    def at(rate: int, timed: int, segment_bytes: int | None = None) -> dict[str, Any]:
        with _venue.folder() as path:
            return _core.bench_venue_latency(path, "os", timed, rate, segment_bytes)

    slow, fast = at(rate, timed), at(half, timed)
    followed = at(half, max(int(half * window_s), 1), segment_bytes)
    return {
        "input": {"commands": commands, "repetitions": repetitions, "timed": timed},
        "recipe": _venue.RECIPE,
        "checksum": f"{outputs[False].pop()} {outputs[True].pop()}",
        "mode": "os",
        "build": _figures.build(),
        "cores": os.cpu_count(),
        "commands_per_s": peak,
        "commands_per_s_margined": _figures.rates(rates[True]),
        "service_us": _venue.micros(slow["service_ns"]),
        "service_rate": rate,
        "end_to_end_us": _venue.micros(fast["end_to_end_ns"]),
        "end_to_end_rate": half,
        "end_to_end_us_snapshot": _venue.micros(followed["end_to_end_ns"]),
        "service_us_snapshot": _venue.micros(followed["service_ns"]),
        "snapshots": followed["snapshots"],
        "snapshot_window_s": window_s,
        "snapshot_segment_bytes": segment_bytes,
        "late_permille": {"service": slow["late_permille"], "end_to_end": fast["late_permille"]},
        "rss_mb": _figures.one(memory.rss_mb()),
    }
