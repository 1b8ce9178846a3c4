"""One self-contained HTML file that shows what an order got and why.

Owns the report's file, no figure in it: those come from `tiderace.tca`. The file opens without a
network (style, script and pictures are inside it), is whole or absent, and escapes every text that
came from outside.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from tiderace._report.page import page
from tiderace._tca.prices import until_end
from tiderace.errors import StorageError
from tiderace.tca import Inputs, analyse

__all__ = ["html", "write", "write_whole"]


def html(source: Any) -> str:
    """Return a report as text.

    Parameters
    ----------
    source
        A run, or the `tiderace.tca.Inputs` of one.
    """
    inputs = until_end(source if isinstance(source, Inputs) else source.inputs)
    return page(inputs, analyse(inputs))


def write(source: Any, path: str | Path) -> Path:
    """Write a report to a file that is there whole or not at all.

    Parameters
    ----------
    source
        A run, or the `tiderace.tca.Inputs` of one.
    path
        Where the file goes; its folder exists.

    Raises
    ------
    OSError
        The folder takes no more.
    """
    return write_whole(html(source), path)


def write_whole(text: str, path: str | Path) -> Path:
    """Write text to a file that is there whole or not at all.

    Raises
    ------
    StorageError
        There is no such folder, or it takes no more.
    """
    target = Path(path)
    try:
        return _write_whole(text, target)
    except OSError as error:
        raise StorageError(
            f"{str(target)!r} cannot be written: {error.strerror or error}",
            rule="A page is one file in a folder that can be written, with room",
            remedy="Name another file",
        ) from error


def _write_whole(text: str, target: Path) -> Path:
    # Beside its place, so that the rename stays within one file system.
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o644)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return target
