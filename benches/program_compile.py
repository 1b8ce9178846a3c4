"""``program-compile``: a program of 100 lines (``benches/_hundred.py``), from text to what runs.

``ms_cold`` is the front end (text to form, ``ms_front_end``) and the room (bytes decoded, verified,
compiled to machine code, an instance made, ``ms_room``) by a compiler that has seen nothing.
``ms_cached`` is a form that the compiler has compiled before: its bytes are decoded and verified
again, its machine code is found by the form's hash, an instance is made. That cache is in memory
and lives as long as its compiler; nothing is kept on disk, so a new process compiles once a form.
``ms_start`` is the compiler's own start, once a process, in neither.
"""

import time
from pathlib import Path
from typing import Any

import tiderace as tr
from benches import _figures
from benches._process import Memory, in_process
from tiderace import _core

FILE = Path(__file__).with_name("_hundred.py")
REPETITIONS = 51
SMOKE = 2


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    return in_process("program_compile", repetitions=SMOKE if is_smoke else REPETITIONS)


def measure(repetitions: int) -> dict[str, Any]:
    """Compile again and again, each time with a new compiler."""
    text = FILE.read_text(encoding="utf-8")
    program = tr.program.from_source(text, file=FILE.name)
    memory = Memory(0)
    front = []
    for _ in range(repetitions):
        start = time.perf_counter()
        again = tr.program.from_source(text, file=FILE.name)
        front.append(1e3 * (time.perf_counter() - start))
        assert again.hash == program.hash, "one text, one form"
    start_ms, room, cached = zip(
        *_core.bench_program_compile(program._core, repetitions), strict=True
    )
    return {
        "input": {
            "lines": len(text.splitlines()),
            "form_bytes": len(program.ir),
            "repetitions": repetitions,
        },
        "recipe": "benches/_hundred.py",
        "checksum": program.hash[:16],
        "mode": "none",
        "build": _figures.build(),
        "ms_cold": _figures.times(a + b for a, b in zip(front, room, strict=True)),
        "ms_cached": _figures.times(cached),
        "ms_front_end": _figures.times(front),
        "ms_room": _figures.times(room),
        "ms_start": _figures.times(start_ms),
        "cache": "in memory, by the form's hash",
        "rss_mb": _figures.one(memory.rss_mb()),
    }
