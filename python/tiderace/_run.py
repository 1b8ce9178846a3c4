"""Run a config, hold what came out, replay a journal.

A run folder ``out/<name>-<time>-<id>`` exists only once the input is known to be good. It holds
``journal``, ``run.json`` and ``report.html``; a file other than the journal is whole or absent: it
is written beside its place and renamed. The journal alone says what was run and how it ended;
``run.json`` adds what is convenient (status, digest, seconds, where the data lay), and a replay
refuses it where it says otherwise.
"""

import errno
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tiderace import _books, _chain_tape, _core, _genesis, _tables, tca
from tiderace import config as _config
from tiderace._data_dir import find_data_dir
from tiderace._recordings import Progress
from tiderace._values import FRACTION_DECIMALS, duration_ns, unscaled
from tiderace.config import Config
from tiderace.errors import (
    InputError,
    Interrupted,
    JournalError,
    ReplayError,
    StorageError,
    core_errors,
)
from tiderace.strategy import Strategy

__all__ = ["Progress", "Run", "replay", "run"]

_REPORT_LEVELS = 5_000


class Run:
    """What came out of a run; tables and figures are built when asked for."""

    def __init__(
        self,
        *,
        config: Config,
        books: _books.Books,
        core: Any,
        folder: Path,
        elapsed_s: float,
        status: str,
    ) -> None:
        self.config = config
        self.dir = folder
        self.journal = folder / "journal"
        self.books = books
        self.elapsed_s = elapsed_s
        self.status = status
        self._core = core
        self._units = _tables.Units(config)

    @property
    def core(self) -> dict[str, Any]:
        """What the core says of the run: digest, events, inputs, how it ended."""
        summary: dict[str, Any] = self._core.summary
        return summary

    @property
    def tape(self) -> Any:
        """The market records that the desk saw, as `tiderace.data.records` takes them."""
        return self._core.tape

    def table(self, name: str) -> pl.DataFrame:
        """Return one kind of output as the core stores it: integers, one row an event."""
        with core_errors():
            return pl.DataFrame(self._core.table(name))

    @cached_property
    def fills(self) -> _tables.Table:
        """The booked fills."""
        return self._table("fills", "FillBooked", _tables.fills)

    @cached_property
    def orders(self) -> _tables.Table:
        """The states of child orders, one row a change."""
        return self._table("orders", "OrderUpdated", _tables.orders)

    @cached_property
    def parents(self) -> _tables.Table:
        """The states of parent orders, one row a change."""
        return self._table("parents", "ParentUpdated", _tables.parents)

    @cached_property
    def slices(self) -> _tables.Table:
        """The slices that came due."""
        return self._table("slices", "SliceStarted", _tables.slices)

    @cached_property
    def refusals(self) -> _tables.Table:
        """What was refused, with rule and remedy."""
        return self._table("refusals", "Refused", _tables.refusals)

    @cached_property
    def stopped(self) -> _tables.Table:
        """The programs that were stopped: by which trap, at which line."""
        return _tables.Table("stopped", _tables.stopped(self.table("ProgramStopped"), self._forms))

    @cached_property
    def notes(self) -> _tables.Table:
        """What programs noted themselves."""
        return _tables.Table("notes", _tables.noted(self.table("ProgramNoted"), self._forms))

    @cached_property
    def _forms(self) -> dict[int, bytes]:
        """The form of each parent that stands in the genesis."""
        genesis = json.loads(self._core.genesis)
        algos = [bytes.fromhex(row["form"]) for row in genesis["algos"]]
        return {row["parent_id"]: algos[row["algo"]] for row in genesis["parents"]}

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The key figures, as ``--json`` prints them."""
        core = self.core
        return tca.summarise(self.inputs) | {
            "options": [_told(order) for order in tca.option_orders(self.inputs)],
            "programs_stopped": self.inputs.stopped,
            "digest": core["digest"],
            "events": core["events"],
            "inputs": core["inputs"],
            "elapsed_s": round(self.elapsed_s, 3),
            "synthetic": self.books.is_synthetic,
            "run_status": self.status,
            "ends_at": _ends_at(core, self.journal),
            "run_dir": str(self.dir),
            "journal": str(self.journal),
        }

    @cached_property
    def inputs(self) -> tca.Inputs:
        """What `tiderace.tca` and `tiderace.report` compute from."""
        genesis = json.loads(self._core.genesis)
        terms = genesis["instruments"]
        arrivals = self.table("ArrivalTaken")
        return tca.Inputs(
            name=self.config.run.name,
            markets=_markets(self.config, terms),
            assets=genesis["assets"],
            asked=_asked(genesis),
            algos={
                row["parent_id"]: genesis["labels"][row["tags"]["algorithm"]]
                for row in genesis["parents"]
            },
            params=genesis["recording"]["params"],
            usd_per={"USD": unscaled(1, 0), **self.config.route.usd_per},
            surfaces=tca.surfaces(self.journal)
            if any(row["kind"] == "option" for row in terms)
            else (),
            holding_ns=duration_ns(self.config.route.holding),
            fills=self.table("FillBooked"),
            orders=self.table("OrderUpdated"),
            parents=self.table("ParentUpdated"),
            slices=self.table("SliceStarted"),
            arrivals=arrivals,
            skipped=self.table("VenueSkipped"),
            refused=self.table("Refused"),
            stopped=self.stopped.to_polars()
            .select("parent_id", "ts_ns", "reason", "trap", "file", "line", "fuel_used")
            .to_dicts(),
            quotes=pl.DataFrame(_core.quotes(self._core.tape, len(terms))),
            trades=pl.DataFrame(_core.trades(self._core.tape)),
            depth=self._depth_at(arrivals),
            reasons={code: (name, rule, cure) for code, name, rule, cure in _core.reasons()},
            is_synthetic=self.books.is_synthetic,
            ts_end_ns=self.core["ts_end_ns"],
            is_interrupted=self.status != "completed",
            provenance={
                "ended": self.status,
                "digest": self.core["digest"],
                "seed": self.config.run.seed,
                "config": _short_hash(self._core.genesis),
                "recording": [_provenance(file) for file in self.books.files]
                or [f"Tiderace's own venue, seeded order flow, seed {self.config.run.seed}"],
                "version": _core.version,
            },
        )

    def report(self) -> Path:
        """Write ``report.html`` into the run folder and return its path.

        Raises
        ------
        StorageError
            The folder takes no more.
        """
        from tiderace import report

        path = self.dir / "report.html"
        with storage(path):
            report.write(self.inputs, path)
        return path

    def _table(
        self, name: str, output: str, build: Callable[[pl.DataFrame, _tables.Units], pl.DataFrame]
    ) -> _tables.Table:
        return _tables.Table(name, build(self.table(output), self._units))

    def _depth_at(self, arrivals: pl.DataFrame) -> dict[int, pl.DataFrame]:
        """Return the book of each instrument when its arrival price was taken."""
        first = arrivals.unique("instrument", keep="first", maintain_order=True)
        rows = first.select("instrument", "ts_ns").iter_rows()
        return {
            row: pl.DataFrame(_core.depth(self._core.tape, row, ts_ns, _REPORT_LEVELS))
            for row, ts_ns in rows
        }

    def __repr__(self) -> str:
        return f"<Run {self.config.run.name} {self.status} in {self.dir}>"

    def _repr_html_(self) -> str:
        shown = (
            "status",
            "order_qty",
            "filled_qty",
            "avg_px",
            "fees",
            "basis",
            "digest",
            "run_dir",
        )
        rows = "".join(f"<tr><th>{key}</th><td>{self.summary[key]}</td></tr>" for key in shown)
        label = " (own venue, synthetic flow)" if self.books.is_synthetic else ""
        return f"<b>{self.config.run.name}{label}</b><table>{rows}</table>"


def run(
    config: str | Path | Config,
    *,
    strategy: Strategy | None = None,
    data: str | Path | None = None,
    out: str | Path | None = None,
    set: Mapping[str, object] | None = None,  # noqa: A002 - the command's word
    progress: Progress | None = None,
) -> Run:
    """Run a config over its recording, or on Tiderace's own venue where there is none.

    Parameters
    ----------
    config
        A TOML file, or a checked config.
    strategy
        A client of the desk beside the config's parent order.
    data
        The data folder; ``TIDERACE_DATA`` when absent.
    out
        Where run folders go; the config's ``run.out`` when absent.
    set
        Overrides by dotted key, e.g. ``{"parent.order_qty": "10"}``; ``None`` removes a key.
    progress
        Called now and then with what is under way, how much is done, and how much there is.

    Raises
    ------
    InputError
        The config, the data folder or the recording is wrong; there is no run folder.
    Interrupted
        A person stopped the run; its journal is valid up to there.
    StorageError
        The run folder cannot be written.
    """
    checked = (
        _config.override(config, set)
        if isinstance(config, Config)
        else _config.load(config, set=set)
    )
    books = _books.open_books(checked, find_data_dir(data), progress)
    genesis = _genesis.to_json(
        _genesis.genesis(
            checked,
            recording=books.files,
            is_synthetic=books.is_synthetic,
            is_own_venue=books.tape is None,
            surfaces=_surfaces(checked, books),
        )
    )
    if strategy is not None:
        strategy._attach(checked)
    folder = _new_folder(Path(out if out is not None else checked.run.out), checked, genesis)
    try:
        with core_errors(), storage(folder):
            core = _core.Run(
                genesis,
                books.tape,
                journal=str(folder / "journal"),
                strategy=strategy,
                tags=_genesis.tag_rows(checked),
            )
        result = Run(
            config=checked, books=books, core=core, folder=folder, elapsed_s=0.0, status="running"
        )
        _describe(result, strategy)
    except BaseException:
        _remove(folder)
        raise
    try:
        _work(result, core, strategy, progress)
    except InputError:
        _remove(folder)
        raise
    return result


def replay(
    path: str | Path, *, data: str | Path | None = None, progress: Progress | None = None
) -> Run:
    """Apply a run's journal again and check every digest on the way.

    Parameters
    ----------
    path
        A run folder, or the journal in it.
    data
        The data folder; ``TIDERACE_DATA``, else where the run found it, when absent.

    Raises
    ------
    InputError
        It is not a run folder.
    JournalError
        The journal is damaged, or cut short after its run had ended; the message names the offset.
    ReplayError
        The outputs came out different; the message names the first differing sequence. Or
        ``run.json`` names another digest.
    DataError
        The recording is not the one that the journal was written on.
    """
    folder, described = _described(path)
    journal = folder / "journal"
    with core_errors():
        genesis = _core.read_genesis(str(journal))
    checked, files = _genesis.read_back(genesis)
    data_dir = find_data_dir(data)
    if data_dir is None and described.get("data_dir"):
        data_dir = Path(str(described["data_dir"]))
    books = _books.reopen(checked, files, data_dir, progress)
    started = time.perf_counter()
    with core_errors():
        core = _core.replay(str(journal), books.tape)
    elapsed_s = time.perf_counter() - started
    return Run(
        config=checked,
        books=books,
        core=core,
        folder=folder,
        elapsed_s=elapsed_s,
        status=_ending(core.summary, described, journal),
    )


def _ending(core: Mapping[str, Any], described: Mapping[str, Any], journal: Path) -> str:
    """Return how a journal ended, by itself; ``run.json`` must not say otherwise.

    Raises
    ------
    JournalError
        It is cut short, though the run came to its end.
    ReplayError
        ``run.json`` names another digest.
    """
    digest = described.get("digest")
    if not core["is_sealed"]:
        if digest is None and described.get("status") != "completed":
            return "unfinished"
        raise JournalError(
            f"{str(journal)!r} ends at offset {_ends_at(core, journal)}, without its seal, though "
            f"run.json says {described.get('status')}",
            rule="The journal of a run that came to its end ends with a seal",
            remedy="Restore the journal from a copy; without run.json it replays as unfinished",
        )
    if digest is not None and digest != core["digest"]:
        raise ReplayError(
            f"run.json says digest {digest}, the journal's is {core['digest']}",
            rule="run.json names the digest of the journal beside it",
            remedy="Restore the two from one copy, or remove run.json: the journal is enough",
        )
    return "interrupted" if core["interrupted"] else "completed"


def _ends_at(core: Mapping[str, Any], journal: Path) -> int | None:
    """Return where a journal without a seal ends to hold; a sealed one holds to its end."""
    if core["is_sealed"]:
        return None
    torn_at: int | None = core.get("torn_at")
    return journal.stat().st_size if torn_at is None else torn_at


def rerun(replayed: Run, strategy: Strategy, *, progress: Progress | None = None) -> None:
    """Run the strategy's Python again on the same books and compare the journals.

    Raises
    ------
    InputError
        The run was interrupted: there is no whole run to compare with.
    ReplayError
        The journals part; the message names the first sequence.
    """
    if replayed.core["interrupted"] or not replayed.core["is_sealed"]:
        raise InputError(
            f"run {str(replayed.dir)!r} did not come to its end",
            rule="A strategy is compared over a whole run",
            remedy="Replay it without --rerun-strategy",
        )
    with core_errors():
        genesis = _core.read_genesis(str(replayed.journal))
    strategy._attach(replayed.config)
    tags = _genesis.tag_rows(replayed.config)
    with tempfile.TemporaryDirectory(prefix="tiderace-rerun-") as folder:
        journal = str(Path(folder) / "journal")
        with core_errors(), storage(Path(folder)):
            core = _core.Run(
                genesis, replayed.books.tape, journal=journal, strategy=strategy, tags=tags
            )
            core.run(lambda done, total: _tick(progress, done, total))
            parted = _core.first_difference(str(replayed.journal), journal)
    if parted is not None:
        raise ReplayError(
            f"the strategy did not do the same again: first at sequence {parted[0]}",
            rule="A strategy that reads no clock and draws no number does the same again",
            remedy="Give it what it reads through the desk: now_ns, books, fills",
        )


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Raise what the operating system says about a folder or disk as a `StorageError`."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise StorageError(
            f"{str(error.filename or path)!r} cannot be written: {error.strerror or error}",
            rule="A run needs a folder that it can write, with room",
            remedy=f"{'Free some room, or name' if is_full else 'Name'} another folder with --out",
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    beside = path.with_name(f".{path.name}.partial")
    with storage(path):
        try:
            beside.write_text(text, encoding="utf-8")
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def _work(result: Run, core: Any, strategy: Strategy | None, progress: Progress | None) -> None:
    """Run to the end or to Ctrl-C, then describe the run in its folder."""
    started = time.perf_counter()
    result.status = "failed"
    try:
        with _stop_on_interrupt() as stopped, core_errors(), storage(result.dir):
            core.run(lambda done, total: _tick(progress, done, total) and not stopped.is_set())
        result.status = "interrupted" if core.summary["interrupted"] else "completed"
    except BaseException as error:
        error.add_note(f"The run folder is {result.dir}")
        raise
    finally:
        result.elapsed_s = time.perf_counter() - started
        _describe(result, strategy)
    if result.status == "interrupted":
        raise Interrupted(
            f"the run was interrupted after {core.summary['events']} events",
            rule=f"Its journal {str(result.journal)!r} is valid up to there",
            remedy=f"Replay it with: tiderace replay {result.dir}",
        )


def _tick(progress: Progress | None, done: int, total: int) -> bool:
    if progress:
        progress("running", done, total)
    return True


@contextmanager
def _stop_on_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a flag, so that the journal ends well; a second one is as ever."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: object) -> None:
        del number, frame
        stopped.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def _new_folder(out: Path, config: Config, genesis: str) -> Path:
    """Make the run folder; two runs in one second get different names."""
    ident = blake2b(genesis.encode(), digest_size=3).hexdigest()
    stem = f"{config.run.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{ident}"
    with storage(out):
        out.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = out / (stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    raise StorageError(f"{str(out / stem)!r} exists a thousand times", remedy="Clear the folder")


def _remove(folder: Path) -> None:
    for name in ("journal", "run.json"):
        (folder / name).unlink(missing_ok=True)
    folder.rmdir()


def _describe(result: Run, strategy: Strategy | None) -> None:
    """Write ``run.json``; a digest is in it only when the run came to its end."""
    kind = type(strategy)
    has_ended = result.status in ("completed", "interrupted")
    described = {
        "name": result.config.run.name,
        "status": result.status,
        "version": _core.version,
        "data_dir": str(result.books.data_dir.resolve()) if result.books.data_dir else None,
        "strategy": f"{kind.__module__}:{kind.__qualname__}" if strategy else None,
        "synthetic": result.books.is_synthetic,
        "digest": result.core["digest"] if has_ended else None,
        "elapsed_s": round(result.elapsed_s, 3),
    }
    write_whole(result.dir / "run.json", json.dumps(described, indent=2) + "\n")


def _described(path: str | Path) -> tuple[Path, dict[str, Any]]:
    """Return a run folder and what ``run.json`` says; a path to its journal will do."""
    folder = Path(path)
    folder = folder.parent if folder.name == "journal" else folder
    try:
        described = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        described = None
    if (folder / "journal").is_file():
        return folder, described if isinstance(described, dict) else {}
    if described is not None:
        raise JournalError(
            f"{str(folder / 'journal')!r} is gone",
            rule="A run folder holds a journal",
            remedy="Restore it from a copy",
        )
    raise InputError(
        f"{str(path)!r} is not a run folder",
        rule="A run folder holds a journal",
        remedy="Name one below out/, as `tiderace run` printed it",
    )


def _provenance(file: dict[str, Any]) -> str:
    """Name one file of a recording with its size and the hash of its hashes."""
    return f"{file['file']}, {file['bytes']:,} bytes, hash {_short_hash(''.join(file['chunks']))}"


def _short_hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _markets(config: Config, terms: list[dict[str, Any]]) -> list[tca.Market]:
    return [
        tca.Market(
            terms=row,
            name=instrument.name,
            base=instrument.base,
            quote=instrument.quote,
            fee_taker=instrument.fees.taker,
            fee_maker=instrument.fees.maker,
            funding_rate=instrument.funding.rate if instrument.funding else unscaled(0, 0),
            funding_interval_ns=duration_ns(
                instrument.funding.interval if instrument.funding else "8h"
            ),
        )
        for instrument, row in zip(config.instruments, terms, strict=True)
    ]


def _surfaces(config: Config, books: _books.Books) -> list[dict[str, Any]]:
    """Return what was published of a recording's options; nothing where it has none."""
    has_options = any(row.kind == "option" for row in config.instruments)
    if books.tape is None or books.data_dir is None or not has_options:
        return []
    folder = books.data_dir / str(config.data.recording)
    return _chain_tape.surfaces(config, folder / str(config.surface.file))


def _told(order: tca.OptionOrder) -> dict[str, Any]:
    """Return an option order as the summary tells it: without its fills, which are a table."""
    row: dict[str, Any] = msgspec.to_builtins(order)
    row["points"] = {key: value for key, value in row["points"].items() if key != "fills"}
    return row


def _asked(genesis: dict[str, Any]) -> list[tca.Asked]:
    """Return the parents that have a side: one that works both is judged by its fills alone."""
    recorded = genesis["recording"]
    return [
        tca.Asked(
            parent_id=row["parent_id"],
            side=row["side"],
            order_qty=row["order_qty"],
            algo=genesis["labels"][row["tags"]["algorithm"]],
            limit=unscaled(row["limit"], FRACTION_DECIMALS) if row["limit"] else None,
            duration_ns=row["duration_ns"] or None,
            slices=recorded["params"].get("slices"),
        )
        for row in genesis["parents"]
        if "side" in recorded["config"].get("parent", {})
    ]
