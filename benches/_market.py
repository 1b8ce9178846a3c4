"""The market of the benches: one linear perpetual and the seeded flow of `sim` over it.

Nothing is looped and nothing recorded: the recipe (JSON, as ``_core.make_flow`` takes it) and the
checksum of the records name the input exactly.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tiderace import _core, _genesis
from tiderace.config import Config, parse

SEED = 1
LEVEL, CLEAR, LIVE = 1, 4, 6
ASK, LAST, SNAPSHOT = 1, 2, 4
RECORD = np.dtype(
    [
        ("ts_event_ns", "<i8"),
        ("ts_recv_ns", "<i8"),
        ("price", "<i8"),
        ("qty_e8", "<i8"),
        ("seq", "<u8"),
        ("instrument", "<u2"),
        ("kind", "u1"),
        ("flags", "u1"),
        ("zero", "<u4"),
    ]
)
"""A market record as the core lays it out: 48 bytes."""

Records = npt.NDArray[np.void]

_CONFIG: dict[str, Any] = {
    "run": {"name": "bench", "seed": 7},
    "instruments": [
        {
            "venue": "bench",
            "symbol": "BTCUSDT",
            "kind": "perpetual",
            "base": "BTC",
            "quote": "USDT",
            "tick_size": "0.1",
            "lot_size": "0.001",
            "fees": {"taker": "0.00017", "maker": "0"},
            "limits": {"max_order_qty": "20", "max_order_value": "1500000", "max_position": "50"},
            "feed": "tiderace",
        }
    ],
    "balances": {"bench": {"USDT": "5000000"}},
    # Every control is on but the message rate: a bench is meant to go as fast as it can.
    "risk": {"max_messages": 0},
    "route": {"usd_per": {"USDT": "1"}},
    "sim": {"order_entry": "0s", "response": "0s"},
}


def config() -> Config:
    """Return the checked config of the benches: one book, no parent, no latency."""
    return parse(_CONFIG)


def instruments() -> str:
    """Return the instrument table as JSON."""
    return _genesis.to_json(_genesis.instruments(config()))


def genesis() -> str:
    """Return the genesis of a run of the benches."""
    return _genesis.to_json(_genesis.genesis(config(), recording=[], is_synthetic=True))


def recipe(changes: int) -> str:
    """Return the flow of so many level changes; the feed takes no time, as orders do not."""
    flow = json.loads(_core.level_flow(changes, SEED))
    return _genesis.to_json(flow | {"latency": {"constant_ns": 0}})


def level_changes(changes: int) -> Records:
    """Return a snapshot and then level changes, each a message of its own that wakes the desk.

    The flow's changes of one message get times one nanosecond apart, as all records do: an engine
    that wakes once a time wakes at each of them too.
    """
    flow = _core.make_flow(recipe(changes), instruments())
    records = np.frombuffer(flow.to_records(), RECORD).copy()
    is_change = (records["kind"] == LEVEL) & (records["flags"] & SNAPSHOT == 0)
    records["flags"][is_change] |= LAST
    for name in ("ts_event_ns", "ts_recv_ns"):
        records[name] += np.arange(len(records))
    return records[: len(records) - int(is_change.sum()) + changes]


def quotes(count: int) -> dict[str, npt.NDArray[np.int64]]:
    """Return so many changes of the best prices of that flow, as columns.

    Columns are ``ts_ns``, ``bid_px``, ``ask_px`` (ticks), ``bid_qty_e8`` and ``ask_qty_e8``.
    """
    changes = 4 * count
    while len(rows := pl.DataFrame(_core.quotes(tape(level_changes(changes)), 1))) < count:
        changes *= 2
    rows = rows.head(count).drop("instrument").cast(pl.Int64)
    return {column.name: column.to_numpy() for column in rows}


def quote_messages(rows: dict[str, npt.NDArray[np.int64]]) -> Records:
    """Return quotes as messages of level changes, on a book of one level a side.

    A quote takes the old level of a side out where its price changed, and puts the new one in: one
    to four records, of which the last closes the message. The first quote is a snapshot.
    """
    count = len(rows["ts_ns"])
    steps = np.zeros((count, 4), RECORD)
    wanted = np.zeros((count, 4), bool)
    for at, side, flag in ((0, "bid", 0), (2, "ask", ASK)):
        price, qty = rows[f"{side}_px"], rows[f"{side}_qty_e8"]
        moved = price[1:] != price[:-1]
        steps["price"][1:, at], steps["price"][:, at + 1] = price[:-1], price
        steps["qty_e8"][:, at + 1] = qty
        steps["flags"][:, at : at + 2] = flag
        wanted[1:, at], wanted[1:, at + 1] = moved, moved | (qty[1:] != qty[:-1])
    steps["kind"] = LEVEL
    steps["seq"] = np.arange(2, count + 2)[:, None]
    steps["ts_event_ns"] = steps["ts_recv_ns"] = rows["ts_ns"][:, None]
    last = 3 - wanted[1:, ::-1].argmax(axis=1)
    steps["flags"][np.arange(1, count), last] |= LAST
    first = steps[0, [0, 1, 3, 2]]
    first["kind"][[0, 3]] = CLEAR, LIVE
    first["price"][[0, 3]] = first["qty_e8"][[0, 3]] = 0
    first["flags"] = SNAPSHOT, SNAPSHOT, SNAPSHOT | ASK, SNAPSHOT | LAST
    return np.concatenate([first, steps[1:][wanted[1:]]])


def tape(records: Records) -> Any:
    """Return records as the tape that a run takes."""
    return _core.Tape.from_records(np.ascontiguousarray(records).view(np.uint8).data, 0)


@contextmanager
def journal() -> Iterator[str]:
    """Lend a path for a journal on the disk of temporary files."""
    folder = tempfile.mkdtemp(prefix="tiderace-bench-")
    try:
        yield str(Path(folder) / "journal")
    finally:
        shutil.rmtree(folder)
