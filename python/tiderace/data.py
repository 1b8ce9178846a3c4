"""Recordings: what there is, what is wrong with it, and Tiderace's own layout to keep it in.

**The layout** (version 1) is one Parquet file, one row a market record, in order of `ts_recv_ns`:

=============== ======= ==========================================================================
column          type    meaning and unit
=============== ======= ==========================================================================
``ts_event_ns`` int64   When the venue says it happened, UTC ns, already on the recorder's clock.
``ts_recv_ns``  int64   When the recorder got it, UTC ns. Never decreases.
``instrument``  enum    ``venue:symbol``, as in the file's instrument table.
``kind``        enum    ``level trade best clear reach live gap``; see below.
``side``        enum    ``buy`` is the bid side, ``sell`` the ask side; of a trade, the aggressor.
``price``       int64   Ticks; one is ``tick_size`` x 10^-12 of the quote asset.
``qty_e8``      int64   10^-8 of what the venue counts: the base asset, or contracts (inverse).
``seq``         uint64  The venue's update id, or a trade's id.
``is_last``     bool    Closes the venue's message: only then are the books consistent.
``is_snapshot`` bool    Part of a snapshot.
``is_untimed``  bool    The venue named no time: ``ts_event_ns`` is ``ts_recv_ns``.
=============== ======= ==========================================================================

``level``: the quantity displayed at a price is now this (zero: gone). ``trade``: a trade.
``best``: the venue's own best price of a side, a check of the book. ``clear``: a snapshot begins.
``reach``: the deepest price that it covers; beyond is unknown. ``live``: the book is complete.
``gap``: something is missing; the book is stale until the next ``live``.

The file's key-value metadata holds ``tiderace.layout`` (``1``), ``tiderace.clock_offset_ns`` (what
was added to the venue's times, already in ``ts_event_ns``: how far the recorder's clock is behind),
``tiderace.instruments`` (JSON, in id order: the definitions of the genesis, each with its ``name``)
and ``tiderace.source`` (JSON: the files that it came from, with a BLAKE3 hash per MiB). Another
version is refused by name.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tiderace import _core, _recordings
from tiderace.errors import DataError, InputError, StorageError, core_errors

__all__ = [
    "LAYOUT_VERSION",
    "MARKET_EVENT",
    "Recorded",
    "check",
    "import_",
    "ls",
    "read_parquet",
    "records",
    "write_parquet",
]

LAYOUT_VERSION = 1
MARKET_EVENT = _recordings.MARKET_EVENT
"""One market record of 48 bytes, as ``Tape.to_records`` gives and ``Tape.from_records`` takes."""

_KINDS = ["level", "trade", "best", "clear", "reach", "live", "gap"]
_SIDES = ["buy", "sell"]
_FLAGS = {
    "is_last": _recordings.LAST,
    "is_snapshot": _recordings.SNAPSHOT,
    "is_untimed": _recordings.UNTIMED,
}
_COLUMNS = [
    "ts_event_ns",
    "ts_recv_ns",
    "instrument",
    "kind",
    "side",
    "price",
    "qty_e8",
    "seq",
    *_FLAGS,
]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What a file in the layout holds."""

    tape: Any
    """The records, a ``_core.Tape``."""
    instruments: list[dict[str, Any]]
    """Definitions in id order, as in a genesis."""
    names: list[str]
    """``venue:symbol``, in id order."""
    source: list[dict[str, Any]]
    """The files that it came from, with their hashes."""


def records(tape: Any) -> np.ndarray[Any, Any]:
    """Return a tape's records.

    Returns
    -------
    ndarray, shape (n,), dtype MARKET_EVENT
        Read-only.
    """
    return np.frombuffer(tape.to_records(), dtype=MARKET_EVENT)


def write_parquet(
    tape: Any,
    path: str | Path,
    *,
    instruments: Sequence[Mapping[str, Any]],
    names: Sequence[str] | None = None,
    source: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write a tape in the layout; the file is whole or absent.

    Parameters
    ----------
    tape
        A ``_core.Tape``.
    path
        The file; one that is there is replaced.
    instruments
        Definitions in id order, as in a genesis.
    names
        ``venue:symbol`` in id order; the symbols when absent.
    source
        The files that it came from, with their hashes.

    Raises
    ------
    InputError
        Two instruments have one name, or a record is of none of them.
    StorageError
        The folder or disk takes no more.
    """
    names = [str(row["symbol"]) for row in instruments] if names is None else list(names)
    if len(names) != len(instruments) or len(set(names)) != len(names):
        raise InputError(
            f"names = {names}",
            rule="Each instrument has a name, and no two the same",
            remedy="Pass names=['venue:symbol', ...] in id order",
        )
    rows = records(tape)
    _check_rows(rows, len(names))
    table = [{"name": name, **row} for name, row in zip(names, instruments, strict=True)]
    metadata = {
        "tiderace.layout": str(LAYOUT_VERSION),
        "tiderace.clock_offset_ns": str(tape.clock_offset_ns),
        "tiderace.instruments": json.dumps(table, separators=(",", ":")),
        "tiderace.source": json.dumps(list(source), separators=(",", ":")),
    }
    frame = _frame(rows, names)
    target = Path(path)
    part = target.with_name(target.name + ".part")
    try:
        frame.write_parquet(part, compression="zstd", metadata=metadata)
        part.replace(target)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StorageError(
            f"{str(target)!r} cannot be written: {error}",
            remedy="Make room, or name another folder",
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return target


def read_parquet(path: str | Path) -> Recorded:
    """Read a file in the layout.

    Raises
    ------
    DataError
        The file cannot be read, is not in the layout, or in another version of it.
    """
    metadata = _recordings.parquet_metadata(Path(path))
    version = metadata.get("tiderace.layout")
    if version != str(LAYOUT_VERSION):
        found = "no Tiderace layout" if version is None else f"Tiderace layout {version}"
        raise DataError(
            f"{str(path)!r} has {found}",
            rule=f"This build reads layout {LAYOUT_VERSION}",
            remedy="Convert its source again with `tiderace data import`",
        )
    try:
        table = json.loads(metadata["tiderace.instruments"])
        source = json.loads(metadata["tiderace.source"])
        clock_offset_ns = int(metadata["tiderace.clock_offset_ns"])
        frame = pl.read_parquet(path, columns=_COLUMNS)
        names = [row.pop("name") for row in table]
        rows = _rows(frame, names)
    except (KeyError, ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{str(path)!r} is damaged: {error}",
            rule="A file in the layout has every column and key that the layout names",
            remedy="Convert its source again with `tiderace data import`",
        ) from None
    with core_errors():
        tape = _core.Tape.from_records(rows.view(np.uint8).data, clock_offset_ns)
    return Recorded(tape=tape, instruments=table, names=names, source=source)


def ls(data_dir: str | Path | None = None) -> list[dict[str, Any]]:
    """List the recordings below the data folder that this build can read, by name.

    Returns
    -------
    list of dict
        ``name format instruments files bytes``; ``format`` is ``binance-raw``, ``standx-parquet``
        or ``tiderace-parquet``.
    """
    folder = _recordings.data_folder(data_dir)
    return [
        {
            "name": source.path.relative_to(folder).as_posix(),
            "format": source.format,
            "instruments": list(source.groups),
            "files": len(source.files),
            "bytes": sum(path.stat().st_size for path in source.files),
        }
        for source in _recordings.recognise_below(folder)
    ]


def check(
    source: str | Path,
    *,
    data_dir: str | Path | None = None,
    progress: _recordings.Progress | None = None,
) -> dict[str, Any]:
    """Say what is wrong with a recording.

    Parameters
    ----------
    source
        A recording's name below the data folder, or the path of a folder or file.
    progress
        Called with what is under way, how much is done, and how much there is.

    Returns
    -------
    dict
        ``name format clock_offset_ns instruments problems``. ``instruments`` holds a dict for each:
        the decoder's counts (``lines gaps unparsable off_tick off_lot`` and so on; for StandX
        ``rows duplicates locked_rows crossed_rows`` and so on), ``compared`` and ``equal`` (our
        best prices against the venue's at the same update id), ``locked crossed live_ns``, the
        ``clock_offset_ns`` observed in its files (the smallest recorder's less venue's time), and
        ``latency_ns_min``, ``latency_ns_median`` of what names a venue time, once the recording's
        ``clock_offset_ns`` is applied. ``problems`` are sentences, empty where nothing is wrong.

    Raises
    ------
    DataError
        A file cannot be read.
    InputError
        There is no such recording, or it is of no format that this build reads.
    """
    found, recorded, counts = _open(source, data_dir, progress)
    table = json.dumps(recorded.instruments)
    with core_errors():
        books = _core.check_tape(recorded.tape, table)
    rows = records(recorded.tape)
    instruments = [
        {"instrument": name, **counted, **_measured(book, rows[rows["instrument"] == row])}
        for row, (name, counted, book) in enumerate(zip(recorded.names, counts, books, strict=True))
    ]
    offset = recorded.tape.clock_offset_ns
    problems = [text for row in instruments for text in _recordings.problems(row)]
    if offset < 0:
        problems.append(
            f"the recorder's clock is {-offset / 1e9:.3f} s behind the venue's: venue times are "
            "moved by that much, so that no latency is below zero"
        )
    return {
        "name": found.path.name,
        "format": found.format,
        "clock_offset_ns": offset,
        "instruments": instruments,
        "problems": problems,
    }


def import_(
    source: str | Path,
    target: str | Path,
    *,
    data_dir: str | Path | None = None,
    progress: _recordings.Progress | None = None,
) -> dict[str, Any]:
    """Convert a recording into the layout.

    Parameters
    ----------
    source
        A recording's name below the data folder, or the path of a folder or file.
    target
        The Parquet file to write; it must not be there yet.
    progress
        Called with what is under way, how much is done, and how much there is.

    Returns
    -------
    dict
        ``path records bytes clock_offset_ns instruments``, the last with what was counted.

    Raises
    ------
    DataError
        A file cannot be read.
    InputError
        There is no such recording, or the target is there.
    StorageError
        The folder or disk takes no more.
    """
    path = Path(target)
    if path.exists():
        raise InputError(
            f"target {str(target)!r} is there already",
            rule="An import replaces nothing",
            remedy="Name a new file, or remove that one",
        )
    _, recorded, counts = _open(source, data_dir, progress)
    write_parquet(
        recorded.tape,
        path,
        instruments=recorded.instruments,
        names=recorded.names,
        source=recorded.source,
    )
    return {
        "path": str(path),
        "records": len(recorded.tape),
        "bytes": path.stat().st_size,
        "clock_offset_ns": recorded.tape.clock_offset_ns,
        "instruments": [
            {"instrument": name, **row} for name, row in zip(recorded.names, counts, strict=True)
        ],
    }


def _open(
    source: str | Path, data_dir: str | Path | None, progress: _recordings.Progress | None
) -> tuple[_recordings.Source, Recorded, list[dict[str, Any]]]:
    """Find and read a recording of any format, with what was counted for each instrument."""
    found = _recordings.find(source, data_dir)
    if found.format == "tiderace-parquet":
        recorded = read_parquet(found.files[0])
        return found, recorded, [{} for _ in recorded.names]
    tape, instruments, counts, files = _recordings.read(found, progress)
    names = list(found.groups)
    recorded = Recorded(tape=tape, instruments=instruments, names=names, source=files)
    return found, recorded, counts


def _measured(book: dict[str, Any], rows: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return a book's check, with latencies of whole messages that name a venue time."""
    flags = rows["flags"]
    timed = rows[(flags & _recordings.UNTIMED == 0) & (flags & _recordings.LAST != 0)]
    latency = timed["ts_recv_ns"] - timed["ts_event_ns"]
    kept = {key: value for key, value in book.items() if key not in ("instrument", "symbol")}
    return kept | {
        "latency_ns_min": int(latency.min()) if len(latency) else None,
        "latency_ns_median": int(np.median(latency)) if len(latency) else None,
    }


def _check_rows(rows: np.ndarray[Any, Any], n_instruments: int) -> None:
    known = _recordings.ASK | sum(_FLAGS.values())
    if len(rows) and int(rows["instrument"].max()) >= n_instruments:
        raise InputError(
            f"a record is of instrument {int(rows['instrument'].max())}",
            rule=f"Records name a row of the {n_instruments} instruments given",
            remedy="Pass the whole instrument table",
        )
    if len(rows) and int(np.bitwise_or.reduce(rows["flags"])) & ~known:
        raise InputError(
            "a record has a flag that the layout cannot hold",
            rule=f"Layout {LAYOUT_VERSION} holds {', '.join(_FLAGS)}",
            remedy="Use a build with a newer layout",
        )


def _frame(rows: np.ndarray[Any, Any], names: Sequence[str]) -> pl.DataFrame:
    columns: dict[str, Any] = {
        "ts_event_ns": rows["ts_event_ns"],
        "ts_recv_ns": rows["ts_recv_ns"],
        "instrument": _enum(rows["instrument"], names),
        "kind": _enum(rows["kind"] - 1, _KINDS),
        "side": _enum(rows["flags"] & _recordings.ASK, _SIDES),
        "price": rows["price"],
        "qty_e8": rows["qty_e8"],
        "seq": rows["seq"],
    }
    columns |= {name: rows["flags"] & flag != 0 for name, flag in _FLAGS.items()}
    return pl.DataFrame(columns)


def _enum(codes: np.ndarray[Any, Any], categories: Sequence[str]) -> pl.Series:
    return pl.Series(categories, dtype=pl.Enum(list(categories))).gather(codes.astype(np.uint32))


def _codes(words: pl.Series, categories: Sequence[str]) -> np.ndarray[Any, Any]:
    codes = words.cast(pl.String).replace_strict(
        list(categories), list(range(len(categories))), return_dtype=pl.UInt16
    )
    return codes.to_numpy()


def _rows(frame: pl.DataFrame, names: Sequence[str]) -> np.ndarray[Any, Any]:
    """Return a frame in the layout as records; a null or an unknown name is a ValueError."""
    if sum(frame.null_count().row(0)):
        raise ValueError("a value is missing")
    rows = np.zeros(frame.height, dtype=MARKET_EVENT)
    for column in ("ts_event_ns", "ts_recv_ns", "price", "qty_e8", "seq"):
        rows[column] = frame[column].to_numpy()
    rows["instrument"] = _codes(frame["instrument"], names)
    rows["kind"] = _codes(frame["kind"], _KINDS) + 1
    rows["flags"] = _codes(frame["side"], _SIDES)
    for column, flag in _FLAGS.items():
        rows["flags"] |= frame[column].to_numpy().astype(np.uint8) * np.uint8(flag)
    return rows
