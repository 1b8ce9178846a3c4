"""``journal``: records of 256 bytes, mode ``disk``.

``records_per_s``: 16,384 records in flight, each durable before it leaves the count.
``one_in_flight_ratio``: one record appended and made durable, over a raw write and ``fdatasync`` of
as many bytes (a page) into a file filled before, in turns. ``vs_nats``: our records a second over
those of NATS JetStream with ``sync_interval: always``, the same records and as many in flight on the
same disk; null where the peer cannot be had (``python -m benches.peers.nats_side``).
"""

import sys
from typing import Any

from benches import _figures, _venue
from benches._process import Memory, in_process
from benches.peers import nats_side
from tiderace import _core
from tiderace.errors import Fault

RECORDS, IN_FLIGHT, REPETITIONS, TURNS = 1_000_000, 16_384, 5, 1_000
SMOKE = 20_000, 16_384, 1, 5
NATS_RECORDS = 16_384


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own, then ask the peer."""
    records, in_flight, repetitions, turns = (
        SMOKE if is_smoke else (RECORDS, IN_FLIGHT, REPETITIONS, TURNS)
    )
    sizes = {"records": records, "in_flight": in_flight, "repetitions": repetitions, "turns": turns}
    ours = in_process("journal", **sizes)
    theirs = None if is_smoke else nats(in_flight)
    ratio = ours["records_per_s"]["median"] / theirs if theirs else None
    return {**ours, "nats_records_per_s": theirs, "vs_nats": ratio}


def measure(records: int, in_flight: int, repetitions: int, turns: int) -> dict[str, Any]:
    """Fill logs, then go one by one."""
    memory = Memory(0)
    rates, ratios, ours, raw = [], [], [], []
    for _ in range(repetitions):
        with _venue.folder() as path:
            rates.append(_core.bench_journal(path, records, in_flight))
        with _venue.folder() as path:
            one, other = _core.bench_one_in_flight(path, turns)
        ratios.append(one / other)
        ours.append(one / 1e3)
        raw.append(other / 1e3)
    return {
        "input": {"records": records, "in_flight": in_flight, "turns": turns},
        "recipe": "256 bytes a record",
        "checksum": str(records * repetitions),
        "mode": "disk",
        "build": _figures.build(),
        "records_per_s": _figures.rates(rates),
        "one_in_flight_ratio": _figures.times(ratios),
        "one_in_flight_us": _figures.times(ours),
        "raw_us": _figures.times(raw),
        "rss_mb": _figures.one(memory.rss_mb()),
    }


def nats(in_flight: int) -> float | None:
    """Return the peer's records a second, or say why there is none."""
    try:
        return nats_side.measured(NATS_RECORDS, in_flight)
    except Fault as error:
        print(f"NATS is not compared: {error}", file=sys.stderr)
        return None
