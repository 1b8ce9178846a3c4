"""``liquidate``: 10,000 accounts with five perpetuals each, and the price falls by a fifth.

``ms_to_first_order`` runs from the first new mark until every account is margined anew and every
account that is short has its first liquidation order: the first order is no earlier, since
clearing looks at all of them before it speaks.
"""

from typing import Any

from benches import _figures
from benches._process import Memory, in_process
from tiderace import _core

REPETITIONS, SEED = 15, 1
SMOKE = 1


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    return in_process("liquidate", repetitions=SMOKE if is_smoke else REPETITIONS)


def measure(repetitions: int) -> dict[str, Any]:
    """Let the price fall again and again."""
    memory = Memory(0)
    times, seen = [], set()
    for _ in range(repetitions):
        ns, orders, digest = _core.bench_liquidate(SEED)
        times.append(ns / 1e6)
        seen.add((orders, digest))
    assert len(seen) == 1, "the same fall has the same orders"
    orders, digest = seen.pop()
    return {
        "input": {"accounts": 10_000, "positions": 50_000, "repetitions": repetitions},
        "recipe": f"five linear perpetuals at 2 % initial, 1 % maintenance, seed {SEED}",
        "checksum": f"{digest:016x}",
        "mode": "none",
        "build": _figures.build(),
        "orders": orders,
        "ms_to_first_order": _figures.times(times),
        "rss_mb": _figures.one(memory.rss_mb()),
    }
