"""Run every suite, print its seconds, and end with one line of counts.

A suite that lacks a part of the machine prints `SKIPPED: needs …`; with TIDERACE_REQUIRE_ALL=1 that is
a failure. TIDERACE_FULL=1 runs the slow suites at full length.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
MUST = os.environ.get("TIDERACE_REQUIRE_ALL") == "1"
LIBRARIES = ["--workspace", "--exclude", "tiderace-py"]
STRICT = ["--", "--deny", "warnings"]

SUITES = [
    ("format", ["cargo", "fmt", "--all", "--check"]),
    (
        "format of the fuzz targets",
        ["cargo", "fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"],
    ),
    ("rooms", [sys.executable, "tests/check_rooms.py"]),
    ("reasons", [sys.executable, "tests/check_reasons.py"]),
    (
        "lints of the core",
        ["cargo", "clippy", "--quiet", "--locked", "--workspace", "--lib", *STRICT],
    ),
    ("tests of the core", ["cargo", "test", "--quiet", "--locked", "--profile", "ci", *LIBRARIES]),
    ("fuzz, bounded", [sys.executable, "fuzz/run.py"]),
    ("lints of the face", [BIN / "ruff", "check", "."]),
    ("format of the face", [BIN / "ruff", "format", "--check", "."]),
    ("types of the face", [BIN / "mypy"]),
    ("stubs of the core", [BIN / "stubtest", "tiderace._core", "--ignore-disjoint-bases"]),
    ("tests of the face", [BIN / "pytest", "--quiet", "tests/python"]),
    ("scenarios", [BIN / "tiderace", "scenario", "tests/scenarios", "--strict"]),
    ("report in a browser", [BIN / "pytest", "--quiet", "tests/e2e"]),
    ("benches as smoke tests", [BIN / "tiderace", "bench", "all", "--smoke"]),
    ("wheel", ["make", "--no-print-directory", "wheel"]),
]


def main() -> int:
    install_browser()
    # Tests of the core that read Parquet call the Python that has the libraries for it.
    os.environ.setdefault("TIDERACE_PYTHON", sys.executable)
    failed = []
    for name, command in SUITES:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        code = subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode
        print(
            f"== {name}: {'ok' if code == 0 else 'FAILED'}, {time.monotonic() - start:.0f} s",
            flush=True,
        )
        if code:
            failed.append(name)
    if failed:
        print(f"failed suites: {', '.join(failed)}")
    print(f"{len(SUITES) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def install_browser() -> None:
    """Install Chromium where we may: Debian, as root. Elsewhere its tests say that they need it."""
    if shutil.which("chromium") or not shutil.which("apt-get") or os.geteuid() != 0:
        return
    print("== installing Chromium", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "check": MUST}
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    # Without a font a page has no text, and Chromium only recommends one.
    packages = ["chromium", "fonts-dejavu-core"]
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    subprocess.run(install, env=environment, **quiet)


if __name__ == "__main__":
    sys.exit(main())
