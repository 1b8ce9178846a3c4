"""A part of a bench in a process of its own, and the memory it takes there.

``in_process`` starts ``python -m benches._process MODULE SIZES``, which prints what the module's
``measure(**sizes)`` returns as its last line. So no part warms up another, and none carries the
memory of another.
"""

import ctypes
import gc
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tiderace.errors import RunFailed

ROOT = Path(__file__).resolve().parent.parent


def in_process(module: str, **sizes: Any) -> dict[str, Any]:
    """Return what ``measure(**sizes)`` of a bench module returns in a fresh process."""
    environment = os.environ | {"PYTHONPATH": _path()}
    command = [sys.executable, "-m", "benches._process", module, json.dumps(sizes)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise RunFailed(
            f"{' '.join(command[1:])} ended with {done.returncode}",
            rule="A part of a bench runs in a process of its own",
            remedy="See what it printed above",
        )
    part: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return part


def _path() -> str:
    inherited = os.environ.get("PYTHONPATH")
    return f"{ROOT}{os.pathsep}{inherited}" if inherited else str(ROOT)


class Memory:
    """The peak resident memory of this process from here on, less the data that it was given.

    The kernel's high-water mark (``VmHWM``) is set back to what is resident now, after the input
    was made or read: what making it took does not count, what the interpreter and its libraries
    take does.
    """

    def __init__(self, data_bytes: int) -> None:
        self._data_bytes = data_bytes
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def rss_mb(self) -> float:
        """Return the peak so far in MB (10^6 bytes), less the data."""
        status = Path("/proc/self/status").read_text(encoding="ascii")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return (int(peak.split()[1]) * 1024 - self._data_bytes) / 1e6


def main() -> None:
    """Measure the part that the command line names, and print its result."""
    module, sizes = sys.argv[1:]
    result = importlib.import_module(f"benches.{module}").measure(**json.loads(sizes))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
