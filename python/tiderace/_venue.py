"""Our own venue in process: people say one command at a time, programs say batches."""

import json
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tiderace import _core
from tiderace._program import Program, program
from tiderace._programs.emit import core_end
from tiderace._values import Number
from tiderace.errors import InputError, core_errors

Side = Literal["buy", "sell"]
Event = dict[str, Any]

# A second of replay at most.
SNAPSHOT_EVERY = 1_000_000

_KINDS = {name: kind for name, kind, _ in _core.venue_rows()}
_DTYPES = {name: np.dtype(fields) for name, _, fields in _core.venue_rows()}

# What a row says where nothing else is said; bytes are FIX values. Everything else is zero.
_NEUTRAL = {
    "kind": _KINDS["new_order"],
    "side": ord("1"),
    "ord_type": ord("2"),
    "time_in_force": ord("1"),
    "post_only": ord("0"),
    "self_trade_prevention": ord("N"),
    "trigger": ord("2"),
    "peg_to": ord("5"),
    "mmp_group": 2**16 - 1,
}


class Applied:
    """What followed a batch: columns for polars, DuckDB or pyarrow (``__arrow_c_stream__``).

    Parameters
    ----------
    reports
        One row a report: ``row`` of the batch, ``ts_ns``, then its fields in ticks, lots and base
        units.
    trades
        One row a trade, likewise.
    others
        Number of events that are neither.
    """

    def __init__(self, reports: _core.Table, trades: _core.Table, others: int) -> None:
        self.reports = reports
        self.trades = trades
        self.others = others

    def __repr__(self) -> str:
        return f"Applied({len(self.reports)} reports, {len(self.trades)} trades)"


class Opening(NamedTuple):
    """How a venue came back from its journal.

    Parameters
    ----------
    from_snapshot
        Sequence of the snapshot that it began at; None where the whole journal was replayed.
    replayed
        Number of commands replayed from the journal.
    passed_over
        Newer snapshots that do not hold or are of another build, newest first, and why.
    adopted
        Number of cancels and kills that were taken after the journal had failed, such as on a full
        disk. Where there are some, the venue opens killed: lift that by ``unkill``.
    """

    from_snapshot: int | None
    replayed: int
    passed_over: list[str]
    adopted: int


class Venue(AbstractContextManager["Venue"]):
    """A venue in this process, on its own clock: it begins at ``start`` and goes on by `advance`.

    Parameters
    ----------
    config
        The venue as a mapping, or the path of a TOML file, with the keys of a scenario's venue
        line: ``start assets instruments accounts``. Numbers are strings, `Decimal` or `int`.
    journal
        Folder of the journal; without one nothing outlives the object. What it holds is brought
        back, from the newest snapshot that holds, and every answer is given only once its command
        is kept.
    mode
        ``disk`` (kept when the disk has it) or ``os`` (kept when the operating system has it).
    snapshot_every
        Records of the journal from one snapshot to the next, > 0. The call that reaches it also
        writes the snapshot; `close` writes one too. The newest two are kept, and the whole journal.
    sign_with
        Name of a key and the file of its seed (32 raw bytes): it signs the Merkle root of each
        closed segment (RFC 6962, C2SP tlog-checkpoint), in a file beside the segment.

    Raises
    ------
    InputError
        The config is not valid, or the key cannot be read.
    JournalError
        The journal is damaged, or is that of another config.

    Warns
    -----
    RuntimeWarning
        A snapshot does not hold, or could not be written. Nothing is lost by it but time: an
        older one and more of the journal, or the whole of it, takes its place (see `opening`).
        Or the journal had failed, and the venue opens killed.

    Notes
    -----
    When a write or sync of the journal fails, as on a full disk, the call raises `JournalError`,
    and from then on so does every other, those that show the state too: it holds what was never
    kept. Cancels and kills (`cancel`, ``cancel_all``, ``kill``, rows of ``cancel`` and
    ``cancel_all``) are still taken and answered, kept in a segment set aside for them; their
    events say ``is_emergency``, and `failure` says why. Make a new venue once the disk is mended.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | str | Path,
        *,
        journal: str | Path | None = None,
        mode: Literal["disk", "os"] = "disk",
        snapshot_every: int = SNAPSHOT_EVERY,
        sign_with: tuple[str, str | Path] | None = None,
    ) -> None:
        if snapshot_every <= 0:
            raise InputError(
                f"snapshot_every {snapshot_every}",
                rule="A number of records above zero",
                remedy=f"Leave it out for {SNAPSHOT_EVERY:,}",
            )
        if sign_with is not None and journal is None:
            raise InputError(
                "sign_with without a journal",
                rule="What is signed is the root of a journal's segments",
                remedy="Name a folder in journal, or leave sign_with out",
            )
        line = config if isinstance(config, Mapping) else read_config(config)
        with core_errors():
            self._core = _core.Venue(
                _json(line),
                journal=None if journal is None else str(journal),
                mode=mode,
                snapshot_every=snapshot_every,
                sign_with=None if sign_with is None else (sign_with[0], str(sign_with[1])),
            )
            self.opening = Opening(*self._core.opening())
        for why in self.opening.passed_over:
            warnings.warn(f"a snapshot is passed over: {why}", RuntimeWarning, stacklevel=2)
        if self.opening.adopted:
            taken = f"{self.opening.adopted} cancels and kills that were taken then now hold"
            warnings.warn(
                f"the journal had failed: {taken}; the venue opens killed",
                RuntimeWarning,
                stacklevel=2,
            )
        self.accounts, self.symbols, self.assets = (tuple(names) for names in self._core.tables())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write a snapshot and end the journal. A closed venue does nothing more.

        Closing it again is allowed.

        Raises
        ------
        JournalError
            The journal takes no more, or an older segment of it is damaged.

        Warns
        -----
        RuntimeWarning
            A snapshot could not be written; the next opening replays more of the journal.
        """
        with core_errors():
            not_written = self._core.close()
        for why in not_written:
            warnings.warn(f"a snapshot was not written: {why}", RuntimeWarning, stacklevel=2)

    @staticmethod
    def dtype(kind: str = "command") -> np.dtype[Any]:
        """Return the row type of a kind of command.

        Parameters
        ----------
        kind
            ``new_order``, ``replace``, ``cancel``, ``cancel_all``, or ``command`` for rows that
            each name their kind.

        Returns
        -------
        dtype
            Fields as the journal holds them: prices in ticks and quantities in lots (int64),
            times in nanoseconds (int64), ``account`` and ``instrument`` as rows of ``accounts``
            and ``symbols``, words as their FIX byte (``side`` 49 buy, 50 sell). A ``cl_ord_id``
            is a number below 2**62: those above stand for names that `say` was told.
        """
        if kind not in _DTYPES:
            raise InputError(
                f"no rows of kind {kind!r}",
                rule=f"Rows are {', '.join(_DTYPES)}",
                remedy="Say the others with `say`",
            )
        return _DTYPES[kind]

    @staticmethod
    def rows(n: int, *, kind: str = "command") -> npt.NDArray[np.void]:
        """Return ``n`` rows to fill in: limit orders, good till canceled, to buy nothing.

        Parameters
        ----------
        n
            Number of rows, shape ``(n,)``.
        kind
            As in `dtype`.
        """
        dtype = Venue.dtype(kind)
        rows = np.zeros(n, dtype=dtype)
        for name in dtype.names or ():
            # Those of a cancel of many narrow it down: zero is any side and any kind of instrument.
            if name in _NEUTRAL and not (name in {"side", "kind"} and kind == "cancel_all"):
                rows[name] = _NEUTRAL[name]
        return rows

    def apply(self, batch: npt.NDArray[np.void], *, ts_ns: int | None = None) -> Applied:
        """Do a batch of commands, one after the other, and return once all are kept.

        Parameters
        ----------
        batch
            Structured array, shape ``(n,)``, of one of the types of `dtype`. A row that holds no
            command (a letter that no word has, a negative quantity) is refused by the venue like
            any other, ``bad_field`` or ``bad_qty``.
        ts_ns
            Time of all of them, UTC nanoseconds; timers due on the way fire first. The time
            reached when absent, or where it lies before that.

        Raises
        ------
        TypeError
            The array is of another type.
        JournalError
            The journal takes no more. Cancels in the batch are taken all the same; a batch of
            nothing else raises nothing.
        """
        of = getattr(batch, "dtype", type(batch).__name__)
        kind = next((name for name, dtype in _DTYPES.items() if of == dtype), None)
        if kind is None:
            names = ", ".join(f"Venue.dtype({name!r})" for name in _DTYPES)
            raise TypeError(f"a batch of {of}; make it of one of {names}")
        raw = np.ascontiguousarray(batch).view(np.uint8).data
        with core_errors():
            return Applied(*self._core.apply(_KINDS[kind], raw, ts_ns=ts_ns))

    def say(self, line: Mapping[str, Any]) -> list[Event]:
        """Do what a scenario's ``do`` line says and return what followed, in order.

        Parameters
        ----------
        line
            Its keys, e.g. ``{"do": "kill", "scope": "venue", "id": "venue"}``.

        Returns
        -------
        events
            Each a mapping with its kind in ``event`` (``report``, ``trade``, …), numbers as
            strings. A refusal is a report with ``exec_type`` ``rejected`` and its ``reason``.
        """
        return self.say_line(_json(line))

    def say_line(self, line: str) -> list[Event]:
        """Do a scenario's ``do`` line as it is written, one JSON object."""
        with core_errors():
            events: list[Event] = json.loads(self._core.say(line))
        return events

    def new_order(
        self,
        symbol: str,
        *,
        account: str,
        cl_ord_id: str | int,
        side: Side,
        order_qty: Number,
        price: Number | None = None,
        ord_type: str = "limit",
        time_in_force: str = "GTC",
        terms: Mapping[str, Any] | None = None,
    ) -> list[Event]:
        """Enter an order.

        Parameters
        ----------
        symbol
            Where.
        account
            Whose.
        cl_ord_id
            The account's key, never accepted before (FIX 11).
        side
            ``buy`` or ``sell`` (FIX 54).
        order_qty
            In contracts, > 0 (FIX 38).
        price
            Limit in the quote unit (FIX 44); absent for types without one.
        ord_type, time_in_force
            Words of the scenario files (FIX 40, 59).
        terms
            Further keys of ``new_order``: ``stop_px post_only reduce_only display_qty link`` …

        Returns
        -------
        events
            As `say`.
        """
        line = _order(symbol, account, cl_ord_id, side, order_qty, price, ord_type, time_in_force)
        return self.say(line | _further(terms, line))

    def conditional(
        self,
        symbol: str,
        *,
        when: Program | str | Path,
        account: str,
        cl_ord_id: str | int,
        side: Side,
        order_qty: Number,
        price: Number | None = None,
        ord_type: str = "limit",
        time_in_force: str = "GTC",
        params: Mapping[str, Any] | None = None,
        reads: Sequence[str] | None = None,
        every: str | None = None,
        until: str | None = None,
        terms: Mapping[str, Any] | None = None,
    ) -> list[Event]:
        """Leave an order that enters when a program says that it is due.

        Parameters
        ----------
        symbol, account, cl_ord_id, side, order_qty, price, ord_type, time_in_force, terms
            The order, as of `new_order`.
        when
            The condition, or its file (``docs/CONDITION.md``).
        params
            Its parameters by name, those of type `Price` in the quote unit of what it reads first;
            what is not given is its default.
        reads
            Symbols of the instruments that it numbers from 0, at most 8; without it, `symbol`.
        every
            How often it is asked by the clock too, a duration like ``"60s"``, a second at least.
        until
            When it ends, an RFC 3339 time.

        Returns
        -------
        events
            As `say`. Of the condition they are ``condition``, with ``what``: ``accepted``, and in
            the end, from this or a later call, ``triggered``, ``stopped``, ``canceled`` or
            ``expired``. `cancel` takes it back by its key.

        Raises
        ------
        ProgramError
            The file is no program; names line and column.
        InputError
            It has no parameter of that name, or a value cannot be read.
        """
        if isinstance(reads, str):
            raise TypeError(f"reads = {reads!r}; write a list of symbols, like [{reads!r}]")
        made = when if isinstance(when, Program) else program.load(when)
        own: dict[str, Any] = {
            "do": "conditional",
            "form": made.ir[: core_end(made.ir)].hex(),
            "reads": [symbol] if reads is None else list(reads),
            "params": dict(params or {}),
        }
        given = {"every": every, "until": until}
        own |= {key: value for key, value in given.items() if value is not None}
        line = _order(symbol, account, cl_ord_id, side, order_qty, price, ord_type, time_in_force)
        return self.say(line | own | _further(terms, line | own))

    def replace(
        self,
        orig_cl_ord_id: str | int,
        *,
        account: str,
        cl_ord_id: str | int,
        price: Number | None = None,
        order_qty: Number | None = None,
        terms: Mapping[str, Any] | None = None,
    ) -> list[Event]:
        """Change a working order; ``order_qty`` is the new total, the filled part included."""
        line: dict[str, object] = {
            "do": "replace",
            "account": account,
            "orig_cl_ord_id": str(orig_cl_ord_id),
            "cl_ord_id": str(cl_ord_id),
        }
        given = {"price": price, "order_qty": order_qty}
        line |= {key: value for key, value in given.items() if value is not None}
        return self.say(line | _further(terms, line))

    def cancel(self, orig_cl_ord_id: str | int, *, account: str) -> list[Event]:
        """Cancel a working order."""
        line = {"do": "cancel", "account": account, "orig_cl_ord_id": str(orig_cl_ord_id)}
        return self.say(line)

    def advance(self, *, by: str | None = None, to: str | None = None) -> list[Event]:
        """Move the clock by a duration like ``"30s"``, or to an RFC 3339 time; timers fire."""
        given = {"by": by, "to": to}
        return self.say({"do": "advance"} | {k: v for k, v in given.items() if v is not None})

    def book(self, symbol: str, *, depth: int = 10) -> dict[str, Any]:
        """Return a book: ``bids asks`` as ``[price, visible qty]``, best first, and its state."""
        if depth < 0:
            raise InputError(f"depth {depth}", rule="A number of levels", remedy="Write 0 or more")
        with core_errors():
            found = self._core.book(symbol, depth)
        return _known(found, "symbol", symbol, self.symbols)

    def order(self, cl_ord_id: str | int, *, account: str) -> dict[str, Any] | None:
        """Return a live order, or None where it has ended or never was."""
        with core_errors():
            found = self._core.order(account, str(cl_ord_id))
        return None if found is None else dict(json.loads(found))

    def position(self, account: str, symbol: str) -> dict[str, str]:
        """Return ``qty`` (signed, contracts), ``avg_px``, ``realized_pnl``, ``unrealized_pnl``."""
        _in(account, "account", self.accounts)
        with core_errors():
            found = self._core.position(account, symbol)
        return _known(found, "symbol", symbol, self.symbols)

    def balance(self, account: str, asset: str) -> dict[str, str]:
        """Return ``total``, ``available`` and ``held`` of an asset."""
        _in(account, "account", self.accounts)
        with core_errors():
            found = self._core.balance(account, asset)
        return _known(found, "asset", asset, self.assets)

    def snapshot(self) -> bytes:
        """Return the whole state as bytes, layout version first: equal for equal commands."""
        with core_errors():
            return self._core.snapshot()

    def digest(self) -> str:
        """Return the digest of the state (BLAKE3, hex): equal for equal commands."""
        with core_errors():
            return self._core.digest()

    @property
    def failure(self) -> str | None:
        """Why the journal takes no more but cancels and kills; None while it does."""
        return self._core.failure()

    @property
    def now_ns(self) -> int:
        """The time reached, UTC nanoseconds."""
        return self._core.now_ns()


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a venue from a TOML file: the keys of a scenario's venue line.

    Raises
    ------
    InputError
        The file cannot be read, or is not TOML.
    """
    remedy = "Name a TOML file, e.g. examples/venue.toml"
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"), parse_float=str)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"config {str(path)!r} cannot be read: {why}", remedy=remedy) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"config {str(path)!r} is not TOML: {error}", remedy=remedy) from None


def _json(value: Mapping[str, Any]) -> str:
    def plain(item: object) -> object:
        if isinstance(item, bool) or item is None or isinstance(item, str):
            return item
        if isinstance(item, float):
            raise TypeError(f"{item!r} is a float; write a string or a Decimal")
        if isinstance(item, Decimal | int):
            return f"{item:f}" if isinstance(item, Decimal) else str(item)
        if isinstance(item, Mapping):
            return {str(key): plain(inner) for key, inner in item.items()}
        if isinstance(item, list | tuple):
            return [plain(inner) for inner in item]
        # TOML has dates and times of its own; which of them is a time of the venue the core says.
        if isinstance(item, date | time):
            return item.isoformat()
        raise TypeError(f"{item!r} is a {type(item).__name__}; write a string")

    return json.dumps(plain(value))


def _order(
    symbol: str,
    account: str,
    cl_ord_id: str | int,
    side: Side,
    order_qty: Number,
    price: Number | None,
    ord_type: str,
    time_in_force: str,
) -> dict[str, Any]:
    line: dict[str, Any] = {
        "do": "new_order",
        "account": account,
        "symbol": symbol,
        "cl_ord_id": str(cl_ord_id),
        "side": side,
        "order_qty": order_qty,
        "ord_type": ord_type,
        "time_in_force": time_in_force,
    }
    return line if price is None else line | {"price": price}


def _further(terms: Mapping[str, Any] | None, line: Mapping[str, object]) -> dict[str, Any]:
    further = dict(terms or {})
    if twice := sorted(further.keys() & line.keys()):
        raise InputError(
            f"terms say {', '.join(twice)} again",
            rule="A key is said once",
            remedy="Say it as an argument alone",
        )
    return further


def _in(name: str, what: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise InputError(
            f"{what} {name!r}",
            rule=f"It is one of the venue's: {', '.join(known)}",
            remedy="Check the name",
        )


def _known(found: str | None, what: str, name: str, known: tuple[str, ...]) -> dict[str, Any]:
    if found is None:
        _in(name, what, known)
        found = "{}"
    shown: dict[str, Any] = json.loads(found)
    return shown
