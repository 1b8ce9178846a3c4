"""Option chains in files: CSV or Parquet, Deribit's names of columns or ours.

A file that is no chain is refused with the name of the column or the row that is missing or wrong.
"""

from pathlib import Path
from typing import NamedTuple

import polars as pl

from tiderace._chain import Chains, with_forwards
from tiderace.errors import DataError, InputError

VOL_UNITS = {"decimal": 1.0, "percent": 0.01}


class _Field(NamedTuple):
    names: tuple[str, ...]
    is_needed: bool = False


_FIELDS = {
    "ts_ns": _Field(("timestamp", "ts_ns", "time"), is_needed=True),
    "expiry_ns": _Field(("expiry_datetime", "expiry", "expiration"), is_needed=True),
    "strike": _Field(("strike",), is_needed=True),
    "call": _Field(("option_type", "call", "type"), is_needed=True),
    "bid": _Field(("bid_price", "bid"), is_needed=True),
    "ask": _Field(("ask_price", "ask"), is_needed=True),
    "bid_qty": _Field(("bid_qty", "bid_size", "bid_amount")),
    "ask_qty": _Field(("ask_qty", "ask_size", "ask_amount")),
    "forward": _Field(("underlying_price", "futures_price", "underlying", "forward")),
    "mark": _Field(("mark_price", "mark")),
    "mark_vol": _Field(("implied_volatility", "mark_iv", "mark_vol", "iv")),
    "delta": _Field(("delta",)),
    "vega": _Field(("vega",)),
    "index": _Field(("index_price", "index")),
    "future": _Field(("futures_instrument_name", "underlying_name", "future")),
    "instrument": _Field(("instrument_name", "instrument", "symbol")),
    "currency": _Field(("currency", "base")),
    "snapshot": _Field(("snapshot_id", "snapshot")),
}
_TIMES = {"ts_ns", "expiry_ns"}
_WORDS = {"future", "instrument", "currency", "snapshot"}


def read(path: str | Path, *, vol_unit: str = "decimal", is_inverse: bool = True) -> Chains:
    """Read the chains of a CSV or Parquet file, or of all Parquet (else CSV) files of a folder.

    Parameters
    ----------
    vol_unit
        What the quoted vols are in: ``decimal`` (0.5) or ``percent`` (50).
    is_inverse
        Whether prices are in the coin.

    Raises
    ------
    InputError
        There is no such file, or no such unit.
    DataError
        It is no chain: the message names the column or the row.
    """
    if vol_unit not in VOL_UNITS:
        raise InputError(
            f"vol unit {vol_unit!r}",
            rule=f"It is {' or '.join(VOL_UNITS)}",
            remedy="Say how the file writes 50 %: 0.5 or 50",
        )
    files = _files(Path(path))
    frames = [_normal(_load(file), file) for file in files]
    frame = pl.concat(frames).with_columns(pl.col("mark_vol") * VOL_UNITS[vol_unit])
    _once(frame, str(path))
    return Chains(str(path), is_inverse, with_forwards(frame, is_inverse=is_inverse))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [f for end in ("*.parquet", "*.csv") for f in sorted(path.glob(end))]
    found = [file for file in found if file.suffix == found[0].suffix]
    if not found:
        raise InputError(
            f"chain {str(path)!r}",
            rule="A chain is a CSV or Parquet file, or a folder of them",
            remedy="Correct the path",
        )
    return found


def _load(file: Path) -> pl.DataFrame:
    try:
        if file.suffix == ".parquet":
            return pl.read_parquet(file)
        return pl.read_csv(file, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{file}: {str(error).splitlines()[0]}",
            rule="A chain is a CSV with a header, or a Parquet file",
            remedy="Restore the file, or convert it",
        ) from error


def _normal(frame: pl.DataFrame, file: Path) -> pl.DataFrame:
    """Bring the columns of a file to our names and kinds."""
    by_lower = {name.lower(): name for name in reversed(frame.columns)}
    found = {
        ours: next((by_lower[name] for name in field.names if name in by_lower), None)
        for ours, field in _FIELDS.items()
    }
    missing = [
        " or ".join(field.names)
        for ours, field in _FIELDS.items()
        if field.is_needed and found[ours] is None
    ]
    if missing:
        raise DataError(
            f"{file} has no column {'; '.join(missing)}",
            rule="A chain has time, expiry, strike, option type, bid and ask",
            remedy=f"Name the columns so; it has {', '.join(frame.columns) or 'none'}",
        )
    columns = [_column(frame, ours, theirs) for ours, theirs in found.items()]
    made = pl.DataFrame(columns)
    defaults = {"snapshot": file.stem, "currency": ""}
    made = made.with_columns(pl.col(name).fill_null(value) for name, value in defaults.items())
    for ours in ("ts_ns", "expiry_ns", "strike", "call"):
        bad = made[ours].is_null()
        if bad.any():
            row = int(bad.arg_max() or 0)
            theirs = str(found[ours])
            raise DataError(
                f"{file}, row {row}: {theirs} = {frame[theirs][row]!r}",
                rule=_RULES[ours],
                remedy="Correct the file, or drop the row",
            )
    numbers = [name for name, kind in made.schema.items() if kind == pl.Float64]
    return made.with_columns(pl.col(numbers).fill_null(float("nan")))


_RULES = {
    "ts_ns": "It is a UTC time, or whole nanoseconds since 1970",
    "expiry_ns": "It is a UTC time, or whole nanoseconds since 1970",
    "strike": "It is a number",
    "call": "It is call or put",
}


def _column(frame: pl.DataFrame, ours: str, theirs: str | None) -> pl.Series:
    if theirs is None:
        kind = pl.String if ours in _WORDS else pl.Float64
        return pl.Series(ours, [None] * frame.height, dtype=kind)
    column = frame[theirs].alias(ours)
    if ours in _TIMES:
        return _time(column)
    if ours == "call":
        return _call(column)
    return column.cast(pl.String if ours in _WORDS else pl.Float64, strict=False)


def _time(column: pl.Series) -> pl.Series:
    if column.dtype.is_integer():
        return column.cast(pl.Int64)
    if column.dtype == pl.String:
        column = column.str.to_datetime(time_unit="ns", time_zone="UTC", strict=False)
    if column.dtype == pl.Date:
        column = column.cast(pl.Datetime("ns"))
    if not isinstance(column.dtype, pl.Datetime):
        return pl.Series(column.name, [None] * len(column), dtype=pl.Int64)
    return column.dt.epoch("ns")


def _call(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Boolean:
        return column
    words = column.cast(pl.String).str.to_lowercase()
    names = {"c": True, "call": True, "p": False, "put": False}
    return words.replace_strict(names, default=None, return_dtype=pl.Boolean)


def _once(frame: pl.DataFrame, name: str) -> None:
    """Refuse an option that stands twice in one snapshot: which of both holds is a guess."""
    keys = ["snapshot", "currency", "expiry_ns", "strike", "call"]
    twice = frame.select(pl.struct(keys).is_duplicated().alias("twice"))["twice"]
    if twice.any():
        row = frame.row(int(twice.arg_max() or 0), named=True)
        said = ", ".join(f"{key} {row[key]}" for key in keys)
        raise DataError(
            f"{name} holds an option twice: {said}",
            rule="A snapshot holds each option once",
            remedy="Drop one of the rows, or name the snapshots in a column snapshot_id",
        )
