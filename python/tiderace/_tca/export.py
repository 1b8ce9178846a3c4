"""The tables of an analysis as Parquet, one file each, whole or absent."""

import os
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from tiderace._tca.prices import until_end
from tiderace._tca.words import Analysis, Inputs

_MONEY = ("notional", "fees", "funding", "shortfall", "basis", "conversion")
"""Text of USD in the tables of a report, decimals in Parquet."""
TABLES = (
    "fills",
    "children",
    "parents",
    "venues",
    "markouts",
    "parts",
    "quality",
    "reversion",
    "schedule",
    "estimates",
)


def export(source: Any, folder: str | Path) -> list[Path]:
    """Write the tables of a run's analysis to ``folder``, one Parquet file each.

    Parameters
    ----------
    source
        A run, its `Inputs`, or the `Analysis` of one.
    folder
        Where the files go; it is made where there is none.

    Returns
    -------
    list of Path
        ``fills.parquet`` and so on; money is decimal in USD, basis points are floats.

    Raises
    ------
    OSError
        The folder takes no more.
    """
    from tiderace import tca

    if not isinstance(source, Analysis):
        source = tca.analyse(until_end(source if isinstance(source, Inputs) else source.inputs))
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    return [
        write_parquet(_typed(getattr(source, name)), target / f"{name}.parquet") for name in TABLES
    ]


def write_parquet(frame: pl.DataFrame, path: str | Path) -> Path:
    """Write a frame to a Parquet file that is there whole or not at all.

    Raises
    ------
    OSError
        The folder takes no more.
    """
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            frame.write_parquet(file)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o644)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return target


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn money that a table shows as text into decimals."""
    text = [name for name in _MONEY if name in frame.columns and frame[name].dtype == pl.String]
    return frame.with_columns(pl.col(name).cast(pl.Decimal(38, 12)) for name in text)
