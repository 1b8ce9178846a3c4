"""``match``: one book, one thread, events into a buffer that the caller owns.

New, cancel and replace in the mix of the matcher's own tests: five market regimes, 95 % of the
orders canceled, 15 % immediate, one in five replaced, about 10,000 resting. Sketch: an operation
touches an id's cell, an order's row and one or two price levels, each a cache line that is not
there: about 10 ns each.

``ns_per_op`` is over the regimes (``max`` the worst), each the median of its runs: the bare matcher,
limit and immediate orders. ``ns_per_op_full`` is a whole market in which every order type lives
(``crates/node/src/bench/flow/whole.rs`` says how many of each): of each hundred orders that rest
five are stops, stop-limits, take-profits (and limit) and trailing stops, on the last trade, the
mark or the index; five good till a date, ten icebergs, five post-only, two reduce-only; pegs on
every reference, ten at a time; and fill-or-kill, minimum quantities, market orders and self-trade
prevention among what trades. A band stands around mark and last trade, and a circuit breaker that
the flash crash sets off. Timers, settling, and a move of mark and index every sixteen commands are
in the time; only the orders' commands are counted. ``worst_to_best`` compares the regimes.

``new_ns`` are new orders timed one by one in the worst regime, a reading of the clock (``clock_ns``)
in each. ``bytes_per_order`` is resident memory over a million orders that rest on a thousand prices.
"""

from pathlib import Path
from typing import Any

from benches import _figures
from benches._process import Memory, in_process
from tiderace import _core

OPS, REPETITIONS, RESTING = 2_000_000, 7, 1_000_000
SMOKE = 20_000, 2, 20_000


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    ops, repetitions, resting = SMOKE if is_smoke else (OPS, REPETITIONS, RESTING)
    return in_process("match", ops=ops, repetitions=repetitions, resting=resting)


def measure(ops: int, repetitions: int, resting: int) -> dict[str, Any]:
    """Run every regime, then let orders rest."""
    before = resident()
    book = _core.bench_resting(resting)
    bytes_per_order = (resident() - before) / resting
    del book
    memory = Memory(0)
    rows = _core.bench_match(ops, repetitions, 1)
    return {
        "input": {"operations": ops, "repetitions": repetitions, "resting": resting},
        "recipe": "seeded flow of crates/matching/tests/oracle/flow.rs, seed 1",
        "checksum": " ".join(str(row["events"]) for row in rows),
        "mode": "none",
        "build": _figures.build(),
        "ns_per_op": _figures.times(row["ps_per_op"] / 1e3 for row in rows),
        "ns_per_op_full": _figures.times(row["ps_per_op_full"] / 1e3 for row in rows),
        "worst_to_best": _worst_to_best(rows, "ps_per_op"),
        "worst_to_best_full": _worst_to_best(rows, "ps_per_op_full"),
        "new_ns": max((row["new_ns"] for row in rows), key=lambda times: times["p99"]),
        "regimes": {
            row["regime"]: {
                "ns_per_op": row["ps_per_op"] / 1e3,
                "ns_per_op_full": row["ps_per_op_full"] / 1e3,
                "new_ns_p99": row["new_ns"]["p99"],
            }
            for row in rows
        },
        "bytes_per_order": _figures.one(bytes_per_order),
        "clock_ns": _figures.one(_core.clock_ns()),
        "rss_mb": _figures.one(memory.rss_mb()),
    }


def _worst_to_best(rows: list[dict[str, Any]], key: str) -> _figures.Figure:
    times = [row[key] for row in rows]
    return _figures.one(max(times) / min(times))


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
