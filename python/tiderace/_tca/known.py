"""What the desk knew at a sequence: the books, from the journal's references to market data.

A run's journal holds no prices: it says which records of the tape the desk had seen before each
input. So the book at a decision is the core's own book over exactly those records, and nothing has
to be stored for it. A decision that the desk took by itself, on a market record, carries the
sequence of the whole run of records; it is placed behind the last record of its nanosecond.

The layout that is walked here is ``crates/journal/src/format.rs``; the replay has checked every
byte of it before.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tiderace import _core
from tiderace._recordings import MARKET_EVENT

_FILE_HEADER, _BATCH_HEADER, _RECORD_HEADER = 16, 96, 32
_BATCH = struct.Struct("<4s4xII")
_RECORD = struct.Struct("<IHHQq")
_REFERENCE = struct.Struct("<QI")
_MARKET_DATA = 2
_LEVEL, _TRADE, _BEST, _CLEAR = 1, 2, 3, 4
_ASK = 1
_ALL = 1 << 30

Events = NDArray[Any]


class Seen:
    """How many records of the tape the desk had seen at a sequence and time."""

    def __init__(self, journal: Path, received_ns: NDArray[np.int64]) -> None:
        references = _references(journal.read_bytes())
        self._seqs = np.array([seq for seq, _, _ in references], dtype=np.uint64)
        self._spans = [(start, start + count) for _, start, count in references]
        self._received_ns = received_ns

    def at(self, seq: int, ts_ns: int) -> int:
        """Return the number of records before a decision."""
        row = int(np.searchsorted(self._seqs, np.uint64(seq)))
        if row < len(self._seqs) and int(self._seqs[row]) == seq:
            start, end = self._spans[row]
            inside = np.searchsorted(self._received_ns[start:end], ts_ns, side="right")
            return start + int(inside)
        return self._spans[row - 1][1] if row else 0


def _references(data: bytes) -> list[tuple[int, int, int]]:
    """Return (sequence, first record, records) of each reference to market data."""
    return [
        (seq, *_REFERENCE.unpack_from(payload))
        for seq, _, kind, payload in records(data)
        if kind == _MARKET_DATA
    ]


def records(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (sequence, time, kind, payload) of each record of a journal."""
    at = _FILE_HEADER
    while at + _BATCH_HEADER <= len(data):
        magic, body_len, records = _BATCH.unpack_from(data, at)
        at += _BATCH_HEADER
        end = at + body_len
        # A batch that was cut short was never applied.
        if magic != b"TRB1" or end > len(data):
            break
        for _ in range(records):
            length, kind, _, seq, ts_ns = _RECORD.unpack_from(data, at)
            at += _RECORD_HEADER
            yield seq, ts_ns, kind, data[at : at + length]
            at += length
        at = end


class Books:
    """Books of a tape at rising numbers of records, each the core's own."""

    def __init__(self, tape: Any) -> None:
        events = np.frombuffer(tape.to_records(), dtype=MARKET_EVENT)
        self.received_ns: NDArray[np.int64] = events["ts_recv_ns"]
        shown = (events["kind"] != _TRADE) & (events["kind"] != _BEST)
        self._places: dict[int, NDArray[np.intp]] = {}
        self._events: dict[int, Events] = {}
        self._state: dict[int, tuple[int, Events]] = {}
        for i in np.unique(events["instrument"]):
            places = np.flatnonzero(shown & (events["instrument"] == i))
            self._places[int(i)] = places
            self._events[int(i)] = events[places]

    def at(self, instrument: int, seen: int) -> pl.DataFrame:
        """Return the levels after the first ``seen`` records: ``side px qty_e8 is_known``."""
        if instrument not in self._events:
            none = {"side": pl.UInt8, "px": pl.Int64, "qty_e8": pl.Int64, "is_known": pl.Boolean}
            return pl.DataFrame(schema=none)
        events = self._events[instrument]
        done, state = self._state.get(instrument, (0, events[:0]))
        end = int(np.searchsorted(self._places[instrument], seen))
        if end < done:
            done, state = 0, events[:0]
        if end > done:
            state = _standing(np.concatenate([state, events[done:end]]))
        self._state[instrument] = end, state
        kept = _core.Tape.from_records(state.tobytes(), 0)
        return pl.DataFrame(_core.depth(kept, instrument, 2**63 - 1, _ALL))


def _standing(events: Events) -> Events:
    """Drop what a later word on the same level, or a snapshot, made void."""
    clears = np.flatnonzero(events["kind"] == _CLEAR)
    if len(clears):
        events = events[clears[-1] :]
    is_level = events["kind"] == _LEVEL
    places = np.flatnonzero(is_level)
    levels = events[places]
    keys = levels["price"] * 2 + (levels["flags"] & _ASK)
    # The last of each key is the first from behind.
    _, from_behind = np.unique(keys[::-1], return_index=True)
    kept = places[len(places) - 1 - from_behind]
    standing: Events = events[np.sort(np.concatenate([np.flatnonzero(~is_level), kept]))]
    return standing
