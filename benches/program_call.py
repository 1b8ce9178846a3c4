"""``program-call``: from the engine into a program and back, with one read of the host inside.

``ns_per_call`` is a call as the desk makes it: a parent whose program is woken by every level
change of ``replay-native``'s tape and reads the best bid. It is the time of an event with that
parent less the time of an event of the same run without it, in turns; so finding the parent, and
lending books, parent and draws to the host, are in it. ``p99`` and ``max`` are over those pairs.
The program counts its calls, and finishes its parent at the last event or the bench fails.

``ns_per_call_room`` is the room's part: arguments, state and fuel copied in, an entry that reads
one price of a host which answers from an array, result, state and fuel copied out.
``ns_per_call_no_read`` is the same without the read. Each figure is the mean of a repetition.
"""

import json
import time
from typing import Any

import polars as pl

import tiderace as tr
from benches import _figures, _market, _programs
from benches._process import Memory, in_process
from tiderace import _core

CALLS, REPETITIONS, CHANGES, TURNS = 1_000_000, 25, 2_000_000, 9
SMOKE = 10_000, 2, 20_000, 2


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    calls, repetitions, changes, turns = SMOKE if is_smoke else (CALLS, REPETITIONS, CHANGES, TURNS)
    sizes = {"calls": calls, "repetitions": repetitions, "changes": changes, "turns": turns}
    return in_process("program_call", **sizes)


def measure(calls: int, repetitions: int, changes: int, turns: int) -> dict[str, Any]:
    """Time calls with a read and without, and calls of the desk."""
    reading = _programs.checked(_programs.READ)
    idle = _programs.checked(_programs.NO_READ)
    memory = Memory(0)
    times, fuel, total = _core.bench_program(reading._core, "read", [2], calls, repetitions)
    without, fuel_without, _ = _core.bench_program(idle._core, "no_read", [2], calls, repetitions)
    tape = _market.tape(_market.level_changes(changes))
    hosted, called = _desk(tape, changes, turns)
    return {
        "input": {
            "calls": calls,
            "repetitions": repetitions,
            "level_changes": changes,
            "turns": turns,
        },
        "recipe": _programs.RECIPE,
        "checksum": f"{total} {fuel} {fuel_without} {called} {reading.hash[:16]}",
        "mode": "os",
        "build": _figures.build(),
        "ns_per_call": _figures.times(hosted),
        "ns_per_call_room": _figures.times(times),
        "ns_per_call_no_read": _figures.times(without),
        "fuel_per_call": fuel,
        "rss_mb": _figures.one(memory.rss_mb()),
    }


def _desk(tape: Any, changes: int, turns: int) -> tuple[list[float], int]:
    """Nanoseconds a call, one a turn, and how many calls a run has."""
    pairs = []
    for _ in range(turns):
        with_parent, without = _event_ns(tape, _genesis(changes)), _event_ns(tape, _genesis(None))
        pairs.append(with_parent - without)
    run = _core.Run(_genesis(changes), tape)
    run.run()
    ended = pl.DataFrame(run.table("ParentUpdated"))
    last = ended.row(-1, named=True)
    finished, _, _ = tr.model.reason_named("program_finished")
    assert last["reason"] == finished, "the program counts its calls to the end"
    assert last["ts_ns"] == run.summary["ts_end_ns"], "which is the last event"
    return pairs, changes


def _event_ns(tape: Any, genesis: str) -> float:
    with _market.journal() as path:
        run = _core.Run(genesis, tape, journal=path)
        start = time.perf_counter_ns()
        run.run()
        return (time.perf_counter_ns() - start) / len(tape)


def _genesis(calls: int | None) -> str:
    """Return the genesis of the benches, with a parent whose program ends at so many calls."""
    genesis = json.loads(_market.genesis()) | {"algos": [], "parents": []}
    if calls is not None:
        program = _programs.checked(_programs.READER)
        genesis["algos"] = [{"form": program.ir.hex(), "params": calls.to_bytes(8, "little").hex()}]
        genesis["parents"] = [PARENT]
    return json.dumps(genesis)


PARENT = {
    "parent_id": 1,
    "tags": {"trader": 0, "algorithm": 0, "strategy": 0, "client": 0},
    "side": "buy",
    "order_qty": 100_000_000,
    "limit": 10_000_000,
    "ts_start": 0,
    "duration_ns": 0,
    "algo": 0,
    "seed": 1,
    "instruments": 1,
    "would": 0,
    "would_qty": 0,
    "max_participation": 0,
    "clip_min": 0,
    "clip_max": 0,
    "at_end": "keep",
    "spread_max": 0,
    "range_max": 0,
}
