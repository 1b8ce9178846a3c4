"""Where market data comes from: a recording below the data folder, or Tiderace's own venue.

A recording that is there is read whole or refused; only where there is none does the desk trade on
our own venue, whose seeded order flow reacts to it, and then the run says so.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tiderace import _core, _genesis, data
from tiderace._data_dir import ENVIRONMENT, find_data_dir
from tiderace._recordings import Progress
from tiderace._sections import Config, InstrumentConfig
from tiderace.errors import DataError, InputError, core_errors

__all__ = ["Books", "find_data_dir", "open_books", "reopen"]


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """The market data of a run."""

    tape: Any
    """None on our own venue: the run makes it."""
    files: list[dict[str, Any]]
    """The recording's files: path below the data folder, hashes, instrument."""
    summaries: dict[str, dict[str, Any]]
    """What the decoder counted, by instrument."""
    data_dir: Path | None
    note: str = ""
    """Why the run is on our own venue; empty where it is not."""

    @property
    def is_synthetic(self) -> bool:
        """Whether the books are made by a seed: those of our own venue."""
        return bool(self.note)


def open_books(config: Config, data_dir: Path | None, progress: Progress | None = None) -> Books:
    """Read the recording that the config names, or open our own venue where there is none.

    Raises
    ------
    DataError
        A file cannot be read, or is not what it says.
    InputError
        An instrument has no file in the recording.
    """
    why = _why_synthetic(config, data_dir)
    if why or data_dir is None:
        return _own_venue(why)
    folder = data_dir / str(config.data.recording)
    paths = [_paths(instrument, folder) for instrument in config.instruments]
    return _recorded(config, data_dir, paths, progress)


def verify(files: list[dict[str, Any]], data_dir: Path | None) -> None:
    """Check that the recording is byte for byte the one that a journal was written on.

    Raises
    ------
    DataError
        A file is absent or differs; the message names the file and the first MiB that differs.
    """
    for file in {str(file["file"]): file for file in files}.values():
        path = (data_dir or Path()) / str(file["file"])
        if data_dir is None or not path.is_file():
            raise DataError(
                f"recording {file['file']!r} is not in the data folder {str(data_dir or '')!r}",
                rule="A journal is replayed on the recording that it was written on",
                remedy=f"Name the folder with --data or {ENVIRONMENT}",
            )
        with core_errors():
            _core.verify_file(str(path), file["bytes"], file["chunks"])


def reopen(
    config: Config,
    files: list[dict[str, Any]],
    data_dir: Path | None,
    progress: Progress | None = None,
) -> Books:
    """Read the market data of a journal again: its files in its order, checked by their hashes."""
    if not files:
        return _own_venue("The journal was written on Tiderace's own venue.")
    verify(files, data_dir)
    assert data_dir is not None, "verify names an absent folder"
    rows = range(len(config.instruments))
    paths = [[data_dir / row["file"] for row in files if row["instrument"] == i] for i in rows]
    return _recorded(config, data_dir, paths, progress)


def _why_synthetic(config: Config, data_dir: Path | None) -> str:
    where = "running on Tiderace's own venue, with synthetic order flow."
    if config.data.recording is None:
        return f"The config names no recording: {where}"
    if data_dir is None:
        return f"No data folder (--data or {ENVIRONMENT}): {where}"
    if not (data_dir / config.data.recording).is_dir():
        name = config.data.recording
        return f"No recording {name!r} in {str(data_dir)!r}: {where}"
    return ""


def _own_venue(note: str) -> Books:
    return Books(tape=None, files=[], summaries={}, data_dir=None, note=note)


def _recorded(
    config: Config, data_dir: Path, paths_of: list[list[Path]], progress: Progress | None
) -> Books:
    """Read each instrument's files, in the order given."""
    tapes, files, summaries = [], [], {}
    total = len(config.instruments)
    for row, instrument in enumerate(config.instruments):
        if progress:
            progress(f"reading {instrument.name}", row, total)
        paths = paths_of[row]
        recording = _read(instrument, paths, _genesis.instruments(config)[row])
        below = [path.relative_to(data_dir).as_posix() for path in paths]
        files += [
            {**file, "file": name, "instrument": row}
            for file, name in zip(recording.files, below, strict=True)
        ]
        summaries[instrument.name] = recording.summary
        tapes.append(recording.tape)
    if progress:
        progress("reading", total, total)
    tape = _retimed(config, _core.Tape.merge(tapes))
    return Books(tape=tape, files=files, summaries=summaries, data_dir=data_dir)


def _paths(instrument: InstrumentConfig, folder: Path) -> list[Path]:
    """Return the instrument's files, in name order: a recording is all files of one symbol."""
    paths = sorted(folder.glob(instrument.files)) if instrument.files else []
    if not paths:
        raise InputError(
            f"instrument {instrument.name!r} has no data: nothing in {str(folder)!r} matches "
            f"{instrument.files!r}",
            rule="Every instrument of a recorded run has files",
            remedy="Correct its files pattern, or remove the instrument",
        )
    return paths


def _read(instrument: InstrumentConfig, paths: list[Path], row: dict[str, Any]) -> Any:
    with core_errors():
        if instrument.feed == "tiderace":
            return _from_layout(instrument, paths, row)
        market = instrument.feed.removeprefix("binance-")
        return _core.read_binance([str(path) for path in paths], market, _genesis.to_json(row))


class _Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A file in Tiderace's own layout, as one instrument's recording."""

    tape: Any
    summary: dict[str, Any]
    files: list[dict[str, Any]]


def _from_layout(instrument: InstrumentConfig, paths: list[Path], row: dict[str, Any]) -> _Layout:
    """Take one instrument out of a file in Tiderace's own layout."""
    if len(paths) != 1:
        raise InputError(
            f"{instrument.name}: {len(paths)} files match {instrument.files!r}",
            rule="A recording in Tiderace's layout is one file",
            remedy="Make the pattern name one",
        )
    recorded = data.read_parquet(paths[0])
    steps = ("tick_size", "lot_size", "contract_multiplier", "style")
    ids = [i for i, name in enumerate(recorded.names) if name == instrument.name]
    if not ids or any(recorded.instruments[ids[0]][step] != row[step] for step in steps):
        raise DataError(
            f"{str(paths[0])!r} holds {', '.join(recorded.names)}, not this {instrument.name}",
            rule="Name, tick, lot, multiplier and style are the same in config and recording",
            remedy="Correct the instrument in the config",
        )
    records = data.records(recorded.tape)
    own = records[records["instrument"] == ids[0]].copy()
    own["instrument"] = row["id"]
    tape = _core.Tape.from_records(own.view(np.uint8).data, recorded.tape.clock_offset_ns)
    return _Layout(tape=tape, summary={"records": len(own)}, files=[_core.hash_file(str(paths[0]))])


def _retimed(config: Config, tape: Any) -> Any:
    """Return the tape as the config's feed latency would have brought it."""
    if config.sim.feed == "recorded":
        return tape
    model = _genesis.to_json(_genesis.latency(config.sim.feed))
    return tape.retimed(model, config.run.seed)
