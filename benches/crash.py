"""``crash``: ``kill -9`` of a venue under load, again and again.

A child runs the pipeline and writes down each order that the venue acknowledged; it is killed at a
random moment, the journal is opened again, and each of these orders must be there, none twice. The
next child sends again what it heard nothing of. Half of the kills are in mode ``os``, half in
``disk``.
"""

import sys
from typing import Any

from benches import _figures, _venue
from benches._process import Memory, in_process
from tiderace import _core, _crash_child

KILLS = 10_000
SMOKE = 6


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    return in_process("crash", kills=SMOKE if is_smoke else KILLS)


def measure(kills: int) -> dict[str, Any]:
    """Kill children in both modes."""
    memory = Memory(0)
    found = []
    for seed, mode in enumerate(("os", "disk")):
        with _venue.folder() as path:
            found.append(_core.bench_crash(path, mode, kills // 2, seed + 1, command()))
    return {
        "input": {"kills": kills},
        "recipe": "one order an id, killed within 40 ms of its start",
        "checksum": str(sum(row["kills"] for row in found)),
        "mode": "os and disk",
        "build": _figures.build(),
        **{key: sum(row[key] for row in found) for key in found[0]},
        "rss_mb": _figures.one(memory.rss_mb()),
    }


def command() -> list[str]:
    """Return what starts a child: the core without the package, so that it is there in no time."""
    return [sys.executable, "-I", "-S", _crash_child.__file__, _core.__file__]
