"""``venue-python``: the commands of ``venue`` in batches of 1,000, from Python.

Each batch is a NumPy structured array made beforehand; the call returns once all of it is kept in
mode ``os``, with its reports and trades as Arrow tables. ``ratio`` is over the throughput of
``venue`` with the same commands, measured in turns.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

import tiderace as tr
from benches import _figures, _venue
from benches._process import Memory, in_process
from tiderace import _core

COMMANDS, REPETITIONS, BATCH = 1_000_000, 5, 1_000
SMOKE = 20_000, 1, 1_000
ROW = np.dtype(
    [
        ("kind", "<u2"),
        ("account", "<u4"),
        ("instrument", "<u2"),
        ("cl_ord_id", "<u8"),
        ("orig_cl_ord_id", "<u8"),
        ("side", "u1"),
        ("time_in_force", "u1"),
        ("price", "<i8"),
        ("order_qty", "<i8"),
    ]
)
PRICE_AND_QTY = 3


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    commands, repetitions, batch = SMOKE if is_smoke else (COMMANDS, REPETITIONS, BATCH)
    return in_process("venue_python", commands=commands, repetitions=repetitions, batch=batch)


def measure(commands: int, repetitions: int, batch: int) -> dict[str, Any]:
    """Run both in turns."""
    import time

    batches = np.array_split(rows(commands), commands // batch)
    memory = Memory(sum(part.nbytes for part in batches))
    rates, ratios, seen = [], [], set()
    for _ in range(repetitions):
        with _venue.folder() as path:
            native, _ = _core.bench_venue(path, "os", commands, False)
        with _venue.folder() as path, tr.Venue(config(), journal=path, mode="os") as venue:
            start = time.perf_counter_ns()
            applied = [venue.apply(part) for part in batches]
            rate = commands * 1e9 / (time.perf_counter_ns() - start)
            seen.add(sum(len(part.reports) + len(part.trades) + part.others for part in applied))
        rates.append(rate)
        ratios.append(rate / native)
    assert len(seen) == 1, "the same commands have the same outputs"
    return {
        "input": {"commands": commands, "batch": batch, "repetitions": repetitions},
        "recipe": _venue.RECIPE,
        "checksum": str(seen.pop()),
        "mode": "os",
        "build": _figures.build(),
        "commands_per_s": _figures.rates(rates),
        "ratio": _figures.rates(ratios),
        "rss_mb": _figures.one(memory.rss_mb()),
    }


def rows(commands: int) -> npt.NDArray[np.void]:
    """Return the flow's commands as rows of a batch."""
    flow = np.frombuffer(_core.bench_venue_rows(commands), dtype=ROW)
    batch = tr.Venue.rows(len(flow))
    for name in ROW.names or ():
        batch[name] = flow[name]
    batch["fields"] = PRICE_AND_QTY
    return batch


def config() -> dict[str, Any]:
    """Return the venue of the other benches, as Python says it."""
    assets = [{"asset": name, "decimals": 6} for name in ("BASE", "QUOTE")]
    perpetual = {"kind": "perpetual", "style": "linear", "base": "BASE", "settle": "QUOTE"}
    sizes = {"tick_size": "0.01", "lot_size": "0.001", "contract_multiplier": "1"}
    symbols = [f"BENCH-{n}" for n in range(4)]
    return {
        "start": "2026-01-01T00:00:00Z",
        "assets": assets,
        "instruments": [{"symbol": symbol, **perpetual, **sizes} for symbol in symbols],
        "accounts": [{"account": f"account-{n:02}"} for n in range(16)],
    }
