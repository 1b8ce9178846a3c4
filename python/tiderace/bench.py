"""Benches by name: each is a module of the checkout's ``benches`` folder.

A bench module ``benches/<name>.py`` (dashes as underscores) has ``run(*, is_smoke) -> dict``: input
size, recipe, checksum, durability mode, figures as ``{"median", "p99", "max"}`` (the venue's times
also ``"p99.9"``), ``rss_mb``. A smoke run is tiny: it shows that a bench still works, its figures
say nothing. They are no part of the wheel.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from tiderace._recordings import Progress
from tiderace.errors import DataError, InputError

__all__ = ["CLEAR", "DESK", "MODEL", "NAMES", "PROGRAM", "VENUE", "run", "run_all"]

DESK = ("decode", "order-native", "order-python", "replay-native", "replay-python")
VENUE = ("match", "venue", "journal", "recover", "venue-python", "kill", "crash")
MODEL = ("iv", "greeks", "surface")
CLEAR = ("margin", "clear", "liquidate")
PROGRAM = ("program-payoff", "program-call", "program-compile", "program-fuel", "program-fleet")
NAMES = DESK + VENUE + MODEL + CLEAR + PROGRAM


def run(name: str, *, is_smoke: bool = False) -> dict[str, Any]:
    """Run one bench and return its figures.

    Raises
    ------
    DataError
        The bench needs a recording that is not there.
    InputError
        There is no bench of this name, or no ``benches`` folder here.
    """
    if name not in NAMES:
        raise InputError(
            f"bench {name!r}",
            rule="A bench is one of the known ones",
            remedy=f"Use one of {', '.join(NAMES)}, or all",
        )
    root = _checkout()
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    module = importlib.import_module(f"benches.{name.replace('-', '_')}")
    figures: dict[str, Any] = module.run(is_smoke=is_smoke)
    return {"bench": name, **figures}


def run_all(*, is_smoke: bool = False, progress: Progress | None = None) -> list[dict[str, Any]]:
    """Run every bench; one whose recording is not there has ``skipped`` in place of figures.

    Parameters
    ----------
    progress
        Called before each bench with its name, how many are done, and how many there are.

    Raises
    ------
    DataError
        A recording is not there, and ``TIDERACE_REQUIRE_ALL=1`` makes a skip a failure.
    """
    results = []
    for done, name in enumerate(NAMES):
        if progress:
            progress(f"bench {name}", done, len(NAMES))
        try:
            results.append(run(name, is_smoke=is_smoke))
        except DataError as error:
            if os.environ.get("TIDERACE_REQUIRE_ALL") == "1":
                raise
            results.append({"bench": name, "skipped": f"SKIPPED: needs data: {error.message}"})
    return results


def _checkout() -> Path:
    """Return the folder that holds ``benches``, here or above."""
    here = Path.cwd()
    for folder in (here, *here.parents, *Path(__file__).resolve().parents):
        if (folder / "benches" / "__init__.py").is_file():
            return folder
    raise InputError(
        f"there is no benches folder in {str(here)!r} or above",
        rule="Benches are part of the checkout, not of the wheel",
        remedy="Run it in a checkout: make bench",
    )
