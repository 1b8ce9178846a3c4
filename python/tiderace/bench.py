"""Benches by name: each is a module of the checkout's ``benches`` folder.

A bench module ``benches/<name>.py`` (dashes as underscores) has ``run() -> dict``: input size,
checksum, figures as ``{"median", "p99", "max"}``, ``rss_mb``. They are no part of the wheel.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

from tiderace.errors import InputError

__all__ = ["NAMES", "run"]

NAMES = ("decode", "order-native", "order-python", "replay-native", "replay-python")


def run(name: str) -> dict[str, Any]:
    """Run one bench and return its figures.

    Raises
    ------
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
    figures: dict[str, Any] = module.run()
    return {"bench": name, **figures}


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
