"""The one place for recordings: the folder of ``--data``, else of ``TIDERACE_DATA``."""

import os
from pathlib import Path

from tiderace.errors import InputError

ENVIRONMENT = "TIDERACE_DATA"


def find_data_dir(data: str | Path | None) -> Path | None:
    """Return the data folder: ``data``, else ``TIDERACE_DATA``, else none.

    Raises
    ------
    InputError
        ``data`` was given and is no folder.
    """
    if data is not None:
        folder = Path(data)
        if not folder.is_dir():
            raise InputError(
                f"data folder {str(data)!r} is not a folder",
                rule="--data names a folder that holds recordings",
                remedy="Correct the path, or leave --data out to run on synthetic books",
            )
        return folder
    named = os.environ.get(ENVIRONMENT)
    return Path(named) if named and Path(named).is_dir() else None
