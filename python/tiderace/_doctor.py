"""Whether this installation works: what is there, and a tiny run from end to end."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tiderace import _core, _run, config
from tiderace._data_dir import ENVIRONMENT, find_data_dir
from tiderace.errors import TideraceError

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PACKAGES = ("msgspec", "numpy", "polars", "rich", "typer")
_ROOM_BYTES = 1 << 30

# One market, one small order, a few seconds of synthetic books.
_TINY: dict[str, Any] = {
    "run": {"name": "doctor"},
    "parent": {
        "side": "buy",
        "order_qty": "0.5",
        "duration": "5s",
        "limit": "0.01",
        "slices": 5,
    },
    "instruments": [
        {
            "venue": "sim",
            "symbol": "BTCUSD",
            "kind": "spot",
            "base": "BTC",
            "quote": "USD",
            "tick_size": "0.1",
            "lot_size": "0.001",
            "fees": {"taker": "0.0002", "maker": "0"},
            "limits": {
                "max_order_qty": "10",
                "max_order_value": "1000000",
                "max_position": "10",
            },
            "feed": "binance-spot",
        }
    ],
    "balances": {"sim": {"USD": "1000000"}},
    "synthetic": {"duration": "8s"},
}


def examine(data: str | None) -> list[dict[str, Any]]:
    """Return one row a check: ``check ok needed found``; a needed one that is not ok is broken."""
    data_dir = find_data_dir(data)
    browser = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    room = shutil.disk_usage(Path.cwd()).free
    rows = [
        _row("python", sys.version_info >= (3, 11), platform.python_version()),
        *(_row(name, True, version(name)) for name in _PACKAGES),
        _row("tiderace._core", True, f"{_core.version}, {len(_core.reasons())} reasons"),
        _row("data folder", data_dir is not None, _data_words(data_dir), needed=False),
        _row("free disk", room > _ROOM_BYTES, f"{room / 1e9:.1f} GB"),
        _row("chromium", browser is not None, browser or "absent: report test", needed=False),
    ]
    return [*rows, _checked("synthetic run", _tiny_run)]


def _row(check: str, ok: bool, found: str, *, needed: bool = True) -> dict[str, Any]:
    return {"check": check, "ok": ok, "needed": needed, "found": found}


def _data_words(data_dir: Path | None) -> str:
    if data_dir is not None:
        return str(data_dir)
    named = os.environ.get(ENVIRONMENT)
    return f"{named!r} is no folder" if named else f"{ENVIRONMENT} is not set"


def _checked(check: str, work: Callable[[], str]) -> dict[str, Any]:
    try:
        return _row(check, True, work())
    except TideraceError as error:
        return _row(check, False, str(error))


def _tiny_run() -> str:
    """Run, replay, compare."""
    with tempfile.TemporaryDirectory(prefix="tiderace-doctor-") as folder:
        first = _run.run(config.parse(_TINY), out=folder)
        again = _run.replay(first.dir)
        filled, digest = first.summary["filled_qty"], first.summary["digest"]
        if again.summary["digest"] != digest:
            raise TideraceError("the replay has another digest", remedy="Reinstall tiderace")
        if filled == "0":
            raise TideraceError("0.5 BTC ordered, none filled", remedy="Reinstall tiderace")
        return f"{filled} of 0.5 BTC filled, replay equal, digest {digest[:12]}"
