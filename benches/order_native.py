"""``order-native``: an order from its submission to its fill, in the core.

A client of the desk sends one lot at the best opposite price (limit, immediate or cancel) on each
level change, the next when the one before is over; latencies are zero. The time runs from before
the order is made to the callback of its fill: journal (``os``), order life, every control,
matching in ``sim``, the report back and its booking are all in it, and so is one reading of the
clock (``clock_ns``).

``ns_per_order`` is over all orders of all repetitions of the largest run, ``ns_per_order_N`` of
runs of N orders; ``run_ns_per_order`` is the median time of a whole run over its orders, market
data included. ``rss_mb`` is the peak in the largest run, less the tape's 48 bytes a record.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benches import _figures, _market
from benches._process import Memory, in_process
from tiderace import _core

SIZES = {500: 40, 5_000: 20, 50_000: 10}
"""Orders of a run, and how many runs."""
SMOKE = {100: 2, 500: 2}


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure each size in a process of its own."""
    return by_size("order_native", SMOKE if is_smoke else SIZES)


def by_size(module: str, sizes: dict[int, int]) -> dict[str, Any]:
    """Measure each size in a process of its own, and say it as one result."""
    parts = {n: in_process(module, orders=n, repetitions=times) for n, times in sizes.items()}
    largest = parts[max(parts)]
    return {
        **largest,
        "checksum": " ".join(part["checksum"] for part in parts.values()),
        **{f"ns_per_order_{n}": part["ns_per_order"] for n, part in parts.items()},
        "run_ns_per_order": {str(n): part["run_ns_per_order"] for n, part in parts.items()},
    }


def measure(orders: int, repetitions: int) -> dict[str, Any]:
    """Send so many orders again and again, each time to a new desk."""

    def once(tape: Any, journal: str) -> tuple[list[int], int, str]:
        return _core.bench_orders(_market.genesis(), tape, orders, journal)

    return repeat(once, orders, repetitions) | {"clock_ns": _figures.one(_core.clock_ns())}


def repeat(
    once: Callable[[Any, str], tuple[list[int], int, str]], orders: int, repetitions: int
) -> dict[str, Any]:
    """Gather the figures of runs that return the time of each order, of the run, and a digest."""
    # A few changes more than orders: what is not filled is not counted.
    changes = orders + orders // 10 + 100
    tape = _market.tape(_market.level_changes(changes))
    checksum = tape.checksum()
    memory = Memory(len(tape) * _market.RECORD.itemsize)
    each: list[npt.NDArray[np.int64]] = []
    whole: list[float] = []
    digests = set()
    for _ in range(repetitions):
        with _market.journal() as path:
            ns, run_ns, digest = once(tape, path)
        assert len(ns) == orders, "every order is filled"
        each.append(np.array(ns))
        whole.append(run_ns / orders)
        digests.add(digest)
    rss_mb = memory.rss_mb()
    assert len(digests) == 1, "the same input has the same digest"
    return {
        "input": {"orders": orders, "records": len(tape), "repetitions": repetitions},
        "recipe": _market.recipe(changes),
        "input_checksum": checksum,
        "checksum": digests.pop(),
        "mode": "os",
        "build": _figures.build(),
        "ns_per_order": _figures.times(np.concatenate(each).tolist()),
        "run_ns_per_order": _figures.times(whole)["median"],
        "rss_mb": _figures.one(rss_mb),
    }
