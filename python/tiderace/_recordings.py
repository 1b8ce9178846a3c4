"""Finding recordings, and reading those of outside formats.

A recording is a folder or a file whose names say what it is:
``spot_btcusdt_20240808.raw.gz`` (Binance, raw lines; also ``usdm_`` and ``cm_``),
``orderbook_BTC-USD_2026-01-06_14.parquet`` with its ``trades_`` (StandX), or a Parquet file that
names Tiderace's layout in its metadata.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tiderace import _core
from tiderace._data_dir import find_data_dir
from tiderace.errors import DataError, InputError, core_errors

ASK, LAST, SNAPSHOT, UNTIMED = 1, 2, 4, 8
"""Flags of a record."""
LEVEL, TRADE, BEST, CLEAR, REACH, LIVE, GAP = range(1, 8)
"""Kinds of a record."""

MARKET_EVENT = np.dtype(
    [
        ("ts_event_ns", "<i8"),
        ("ts_recv_ns", "<i8"),
        ("price", "<i8"),
        ("qty_e8", "<i8"),
        ("seq", "<u8"),
        ("instrument", "<u2"),
        ("kind", "u1"),
        ("flags", "u1"),
        ("_zero", "<u4"),
    ]
)

Progress = Callable[[str, int, int], None]
"""Called with what is under way, how much is done, and how much there is."""

Opened = tuple[Any, list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]
"""A tape, its instruments, what was counted for each, and the files with their hashes."""

_STEP = 10**12
_RAW = re.compile(r"(spot|usdm|cm)_(.+)_\d{8}\.raw(?:\.gz)?")
_STANDX = re.compile(r"(?:orderbook|trades)_(.+)_\d{4}-\d\d-\d\d_\d\d\.parquet")
_MARKETS = {"spot": "spot", "usdm": "usdm", "cm": "coinm"}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that was recognised."""

    path: Path
    format: str
    groups: dict[str, list[Path]]
    """Files in order of time, by instrument (``venue:symbol``)."""

    @property
    def files(self) -> list[Path]:
        """Every file."""
        return [path for group in self.groups.values() for path in group]


def data_folder(data_dir: str | Path | None) -> Path:
    """Return the data folder, or say how to name one."""
    folder = find_data_dir(data_dir)
    if folder is None:
        raise InputError(
            "no data folder is named",
            rule="Recordings lie below --data or TIDERACE_DATA",
            remedy="Set TIDERACE_DATA to the folder, or pass --data",
        )
    return folder


def find(source: str | Path, data_dir: str | Path | None) -> Source:
    """Return the recording that ``source`` names: a path, or a name below the data folder."""
    path = Path(source)
    if not path.exists():
        folder = find_data_dir(data_dir)
        path = folder / source if folder else path
    if not path.exists():
        raise InputError(
            f"there is no recording {str(source)!r}",
            rule="A recording is a path, or a name below the data folder",
            remedy="See `tiderace data ls`",
        )
    found = recognise(path)
    if found is None and path.is_dir() and (several := _layouts(sorted(path.glob("*.parquet")))):
        raise InputError(
            f"{str(path)!r} holds {len(several)} recordings in Tiderace's layout",
            rule="Each file in the layout is a recording",
            remedy=f"Name one, e.g. {several[0].path}",
        )
    if found is None:
        raise InputError(
            f"{str(path)!r} is of no format that this build reads",
            rule="Binance raw lines, StandX Parquet, or Tiderace's own Parquet layout",
            remedy="Name the files as their recorders do; see the docs of tiderace.data",
        )
    return found


def recognise(path: Path) -> Source | None:
    """Return what ``path`` holds, or none."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    binance: dict[str, list[Path]] = {}
    standx: dict[str, list[Path]] = {}
    ours: list[Path] = []
    for file in files:
        if raw := _RAW.fullmatch(file.name):
            market, symbol = _MARKETS[raw[1]], raw[2].upper()
            binance.setdefault(f"binance-{market}:{symbol}", []).append(file)
        elif parquet := _STANDX.fullmatch(file.name):
            standx.setdefault(f"standx:{parquet[1]}", []).append(file)
        elif file.suffix == ".parquet" and path.is_file():
            return _recognise_layout(path)
        elif file.suffix == ".parquet":
            ours.append(file)
    if binance:
        return Source(path=path, format="binance-raw", groups=_in_market_order(binance))
    if standx:
        return Source(path=path, format="standx-parquet", groups=standx)
    return _one_of_ours(ours)


def recognise_below(folder: Path) -> list[Source]:
    """Return every recording in a data folder, by name; of files in our layout, each is one."""
    found: list[Source] = []
    for path in sorted(folder.iterdir()):
        if source := recognise(path):
            found.append(source)
        elif path.is_dir():
            found += _layouts(sorted(path.glob("*.parquet")))
    return found


def _one_of_ours(files: list[Path]) -> Source | None:
    """Return the one file in our layout that a folder holds."""
    found = _layouts(files)
    return found[0] if len(found) == 1 else None


def _layouts(files: list[Path]) -> list[Source]:
    found = []
    for file in files:
        try:
            source = _recognise_layout(file)
        except DataError:
            # A folder may hold Parquet files of anybody, and some that are none.
            continue
        found += [source] if source else []
    return found


def _in_market_order(groups: dict[str, list[Path]]) -> dict[str, list[Path]]:
    order = [f"binance-{market}:" for market in _MARKETS.values()]
    market = {name: order.index(name.partition(":")[0] + ":") for name in groups}
    return {name: groups[name] for name in sorted(groups, key=lambda name: (market[name], name))}


def _recognise_layout(path: Path) -> Source | None:
    metadata = parquet_metadata(path)
    if "tiderace.layout" not in metadata:
        return None
    try:
        names = [row["name"] for row in json.loads(metadata["tiderace.instruments"])]
    except (KeyError, TypeError, ValueError):
        names = []
    groups = {name: [path] if row == 0 else [] for row, name in enumerate(names or [path.stem])}
    return Source(path=path, format="tiderace-parquet", groups=groups)


def parquet_metadata(path: Path) -> dict[str, str]:
    """Return a Parquet file's key-value metadata."""
    try:
        return pl.read_parquet_metadata(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{str(path)!r} cannot be read: {error}",
            rule="A Parquet file is whole",
            remedy="Copy or convert it again",
        ) from None


def read(source: Source, progress: Progress | None = None) -> Opened:
    """Read a recording of an outside format."""
    if source.format == "binance-raw":
        return _read_binance(source, progress)
    # polars is enough for StandX; its module needs this one's words.
    from tiderace import _standx

    return _standx.read(source, progress)


def _read_binance(source: Source, progress: Progress | None) -> Opened:
    tapes, instruments, counts, files = [], [], [], []
    for row, (name, paths) in enumerate(source.groups.items()):
        if progress:
            progress(f"reading {name}", row, len(source.groups))
        instrument = known_instrument(name, row)
        market = name.partition(":")[0].removeprefix("binance-")
        with core_errors():
            recording = _core.read_binance(
                [str(path) for path in paths], market, json.dumps(instrument)
            )
        tapes.append(recording.tape)
        instruments.append(instrument)
        counts.append({**recording.summary, "files": [path.name for path in paths]})
        files += [{**file, "file": Path(file["file"]).name} for file in recording.files]
    return _core.Tape.merge(tapes), instruments, counts, files


def known_instrument(name: str, row: int) -> dict[str, Any]:
    """Return the definition of an instrument that a recording's files do not carry."""
    # (kind, style, tick, lot, contract multiplier, smallest notional in 10^-8 of the quote)
    known: dict[str, tuple[str, str, int, int, int, int]] = {
        "binance-spot:BTCUSDT": ("spot", "linear", _STEP // 100, _STEP // 10**5, _STEP, 5 * 10**8),
        "binance-usdm:BTCUSDT": (
            "perpetual", "linear", _STEP // 10, _STEP // 1000, _STEP, 100 * 10**8,
        ),
        "binance-coinm:BTCUSD_PERP": ("perpetual", "inverse", _STEP // 10, _STEP, 100 * _STEP, 0),
        "standx:BTC-USD": ("perpetual", "linear", _STEP // 100, _STEP // 10**4, _STEP, 0),
    }  # fmt: skip
    if name not in known:
        raise InputError(
            f"instrument {name!r} is not known",
            rule=f"Files of raw messages do not say a tick or a lot; known are {', '.join(known)}",
            remedy="Read it in a run, whose config defines the instrument",
        )
    kind, style, tick_size, lot_size, contract_multiplier, min_notional = known[name]
    return {
        "id": row,
        "version": 1,
        "venue": row,
        "symbol": name.partition(":")[2],
        "kind": kind,
        "style": style,
        "base": 0,
        "quote": 1,
        "settle": 0 if style == "inverse" else 1,
        "base_decimals": 8,
        "quote_decimals": 8,
        "tick_size": tick_size,
        "lot_size": lot_size,
        "contract_multiplier": contract_multiplier,
        "min_order_qty": 1,
        "max_order_qty": 2**63 - 1,
        "min_notional": min_notional,
        "maturity_ns": None,
        "strike_price": None,
        "put_or_call": None,
    }


def problems(row: dict[str, Any]) -> list[str]:
    """Return what is wrong with one instrument's data, in sentences."""
    says: dict[str, Callable[[int], str]] = {
        "unparsable": lambda n: f"{n} lines are not understood; the first: {row['first_error']}",
        "gaps": lambda n: (
            f"the book goes stale {n} times, at a run of locked, crossed or invalid rows or at a "
            "silence, until the next sound row"
            if "locked_rows" in row
            else f"the sequence breaks {n} times; the book is stale until a snapshot"
        ),
        "off_tick": lambda n: f"{n} messages are refused: a price is off the tick grid",
        "off_lot": lambda n: f"{n} quantities are no whole number of lots; they are kept as sent",
        "time_steps_back": lambda n: f"the recorder's clock steps back {n} times",
        "snapshots_unused": lambda n: f"{n} snapshots do not join the stream and are not used",
        "duplicates": lambda n: f"{n} rows are exact repeats of a row and are dropped",
        "locked_rows": lambda n: f"{n} book rows are locked (bid = ask); the book is stale there",
        "crossed_rows": lambda n: f"{n} book rows are crossed (bid > ask); the book is stale there",
        "invalid_rows": lambda n: f"{n} book rows are no book; the book is stale there",
        "off_grid_trades": lambda n: f"{n} trades are off the tick grid or empty and are dropped",
        "silences": lambda n: f"nothing is recorded for over 30 s {n} times; the book is stale",
        "locked": lambda n: f"the book built from depth is locked after {n} messages",
        "crossed": lambda n: f"the book built from depth is crossed after {n} messages",
    }
    texts = [say(row[key]) for key, say in says.items() if row.get(key)]
    if row.get("equal", 0) != row.get("compared", 0):
        texts.append(f"our best prices differ from the venue's in {row['compared'] - row['equal']}")
    if row.get("one_sided_trades"):
        texts.append(
            "every trade names the same aggressor side, which cannot be: do not rely on it"
        )
    return [f"{row['instrument']}: {text}" for text in texts]
