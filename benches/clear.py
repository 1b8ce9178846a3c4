"""``clear``: fills novated, posted and margined by the clearing state machine, one core.

A fill moves both positions and both accounts' cash (profit, fee, rebate, remainder) and takes both
accounts' margin anew. There is no matching in it, and no journal.
"""

from typing import Any

from benches import _figures
from benches._process import Memory, in_process
from tiderace import _core

FILLS, REPETITIONS, SEED = 2_000_000, 7, 1
SMOKE = 20_000, 1


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    fills, repetitions = SMOKE if is_smoke else (FILLS, REPETITIONS)
    return in_process("clear", fills=fills, repetitions=repetitions)


def measure(fills: int, repetitions: int) -> dict[str, Any]:
    """Book the same fills again and again."""
    memory = Memory(0)
    rates, digests = [], set()
    for _ in range(repetitions):
        ns, count, digest = _core.bench_clear(fills, SEED)
        rates.append(count / ns * 1e9)
        digests.add(digest)
    assert len(digests) == 1, "the same fills leave the same state"
    return {
        "input": {"fills": fills, "repetitions": repetitions},
        "recipe": f"1,000 accounts, four linear and four inverse perpetuals, seed {SEED}",
        "checksum": f"{digests.pop():016x}",
        "mode": "none",
        "build": _figures.build(),
        "fills_per_s": _figures.rates(rates),
        "rss_mb": _figures.one(memory.rss_mb()),
    }
