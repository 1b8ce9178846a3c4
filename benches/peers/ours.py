"""Our side: ``ours.py QUESTION FOLDER SIZE`` prints one JSON line."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benches import _market
from benches.order_python import OneByOne
from benches.replay_python import Counting
from tiderace import Strategy, _core


def main() -> None:
    """Answer one question."""
    question, folder, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if question in ("replay", "orders"):
        records = np.load(folder / "records.npy")
    else:
        # All quotes, or those that so many orders need: the peer's side takes the same.
        with np.load(folder / "quotes.npz") as quotes:
            rows = {name: quotes[name][: 2 * size or None] for name in quotes}
        records = _market.quote_messages(rows)
    # Levels are what hftbacktest is given, messages are what NautilusTrader is.
    is_event = records["kind"] == _market.LEVEL
    if question not in ("replay", "orders"):
        is_event = records["flags"] & _market.LAST != 0
    tape, events = _market.tape(records), int(is_event.sum())
    with _market.journal() as path:
        if question == "orders":
            _, run_ns, _ = _core.bench_orders(_market.genesis(), tape, size, path)
            value = run_ns / size
        elif question == "python-orders":
            strategy = OneByOne(size)
            timed(tape, path, strategy)
            value = float(np.median(strategy.ns))
        else:
            took = timed(tape, path, Counting() if question == "quotes" else None)
            value = events * 1e9 / took
    said = {"value": value, "events": events, "best": best(tape, int(records["ts_recv_ns"][-1]))}
    print(json.dumps(said))


def timed(tape: Any, journal: str, strategy: Strategy | None) -> int:
    """Run once and return its nanoseconds."""
    if strategy is not None:
        strategy._attach(_market.config())
    run = _core.Run(_market.genesis(), tape, journal=journal, strategy=strategy)
    start = time.perf_counter_ns()
    run.run()
    return time.perf_counter_ns() - start


def best(tape: Any, ts_ns: int) -> list[int]:
    """Return the best bid and ask in ticks at a time."""
    depth = pl.DataFrame(_core.depth(tape, 0, ts_ns, 1))
    prices: list[int] = depth["px"].to_list()
    return prices


if __name__ == "__main__":
    main()
