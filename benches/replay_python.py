"""``replay-python``: quotes through the book, ``Strategy.on_book`` called on each.

A quote is a change of the best bid or ask of the seeded flow, as one message of one to four
records. ``events_per_s`` counts quotes, that is callbacks, with a callback that counts itself;
``events_per_s_reading`` is the same where it reads both prices of the view. ``p99`` is the rate
that 99 % of the repetitions reach, ``max`` the best. ``rss_mb`` is the peak from the first
repetition on, less the tape's 48 bytes a record.
"""

import time
from typing import TYPE_CHECKING, Any

from benches import _figures, _market
from benches._process import Memory, in_process
from tiderace import Strategy, _core

if TYPE_CHECKING:
    from tiderace._core import BookView

QUOTES, REPETITIONS = 1_000_000, 15
SMOKE = 5_000, 2


class Counting(Strategy):
    """Counts its callbacks."""

    def __init__(self) -> None:
        self.calls = 0

    def on_book(self, book: "BookView") -> None:
        del book
        self.calls += 1


class Reading(Counting):
    """Reads both best prices in each callback."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks = 0

    def on_book(self, book: "BookView") -> None:
        self.calls += 1
        self.ticks += (book.ask_px or 0) - (book.bid_px or 0)


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    quotes, repetitions = SMOKE if is_smoke else (QUOTES, REPETITIONS)
    return in_process("replay_python", quotes=quotes, repetitions=repetitions)


def measure(quotes: int, repetitions: int) -> dict[str, Any]:
    """Replay the same quotes again and again, each time to a new strategy."""
    rows = _market.quotes(quotes)
    spread = int((rows["ask_px"] - rows["bid_px"]).sum())
    tape = _market.tape(_market.quote_messages(rows))
    del rows
    records, checksum = len(tape), tape.checksum()
    memory = Memory(records * _market.RECORD.itemsize)
    rates: dict[type[Counting], list[float]] = {Counting: [], Reading: []}
    digests = set()
    for kind in [Counting, Reading] * repetitions:
        strategy = kind()
        strategy._attach(_market.config())
        with _market.journal() as path:
            run = _core.Run(_market.genesis(), tape, journal=path, strategy=strategy)
            start = time.perf_counter_ns()
            run.run()
            rates[kind].append(quotes * 1e9 / (time.perf_counter_ns() - start))
        assert strategy.calls == quotes, "every quote reaches the strategy"
        assert not isinstance(strategy, Reading) or strategy.ticks == spread, "it sees the prices"
        digests.add(run.summary["digest"])
    assert len(digests) == 1, "the same input has the same digest"
    return {
        "input": {"quotes": quotes, "records": records, "repetitions": repetitions},
        "recipe": f"changes of the best prices of {_market.recipe(4 * quotes)}",
        "input_checksum": checksum,
        "checksum": digests.pop(),
        "mode": "os",
        "build": _figures.build(),
        "events_per_s": _figures.rates(rates[Counting]),
        "events_per_s_reading": _figures.rates(rates[Reading]),
        "rss_mb": _figures.one(memory.rss_mb()),
    }
