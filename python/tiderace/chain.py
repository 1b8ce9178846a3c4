"""Option chains of files: a surface for each, its page, and a study of many.

>>> import tiderace.chain
>>> chains = tiderace.chain.read("chain.parquet")  # doctest: +SKIP
>>> view = tiderace.chain.view(chains.chain(currency="BTC"))  # doctest: +SKIP
>>> view.surface.vol(view.surface.slices[0].expiry, 90_000.0)  # doctest: +SKIP

Floats, for research: nothing here decides about money.
"""

from pathlib import Path

import polars as pl

from tiderace._chain import Chain, Chains
from tiderace._chain_fees import Fees, Found
from tiderace._chain_file import read
from tiderace._chain_page import page
from tiderace._chain_study import study, summary
from tiderace._chain_tape import tape
from tiderace._chain_view import View, view
from tiderace.errors import InputError
from tiderace.report import write_whole

__all__ = [
    "Chain",
    "Chains",
    "Fees",
    "Found",
    "View",
    "html",
    "read",
    "save",
    "study",
    "summary",
    "tape",
    "view",
]


def html(view: View, path: str | Path) -> Path:
    """Write the page of a chain to a file that is there whole or not at all."""
    return write_whole(page(view), path)


def save(table: pl.DataFrame, path: str | Path) -> Path:
    """Write a study's table as CSV or Parquet, by the end of the file's name.

    Raises
    ------
    InputError
        The name ends otherwise.
    """
    target = Path(path)
    if target.suffix == ".parquet":
        table.write_parquet(target)
    elif target.suffix == ".csv":
        table.write_csv(target)
    else:
        raise InputError(
            f"table {str(path)!r}",
            rule="A table is written as .parquet or .csv",
            remedy="Name the file so",
        )
    return target
