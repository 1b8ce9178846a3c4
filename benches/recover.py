"""``recover``: opening a journal again, every batch checked against its outputs.

``seconds_with_snapshot``: a journal of a million commands beside which a follower took snapshots.
``commands_per_s``: a journal without one, replayed from its first record.
"""

from typing import Any

from benches import _figures, _venue
from benches._process import Memory, in_process
from tiderace import _core

COMMANDS, WHOLE, OPENINGS = 1_000_000, 10_000_000, 3
SMOKE = 20_000, 20_000, 1


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    commands, whole, openings = SMOKE if is_smoke else (COMMANDS, WHOLE, OPENINGS)
    return in_process("recover", commands=commands, whole=whole, openings=openings)


def measure(commands: int, whole: int, openings: int) -> dict[str, Any]:
    """Write both journals and open each a few times."""
    memory = Memory(0)
    with _venue.folder() as path:
        short = _core.bench_recover(path, commands, has_snapshots=True, openings=openings)
    with _venue.folder() as path:
        long = _core.bench_recover(path, whole, has_snapshots=False, openings=openings)
    return {
        "input": {"commands": commands, "commands_without": whole, "openings": openings},
        "recipe": _venue.RECIPE,
        "checksum": f"{long[0][1]}",
        "mode": "os",
        "build": _figures.build(),
        "seconds_with_snapshot": _figures.times(ns / 1e9 for ns, _, _ in short),
        "has_snapshot": short[0][2],
        "replayed_behind_snapshot": short[0][1],
        "commands_per_s": _figures.rates(count * 1e9 / ns for ns, count, _ in long),
        "rss_mb": _figures.one(memory.rss_mb()),
    }
