"""What the benches of programs share: a payoff in a loop, a read of the host, loops without end."""

import types
from collections.abc import Callable
from typing import Any

import tiderace as tr

RECIPE = "forms compiled here by the front end; one instance, called from native code"

# A capped call of seven tenths on a spot that walks by a linear congruence.
PAYOFF = """
import tiderace as tr


def payoff(spot: int, strike: int, cap: int) -> int:
    return min(max(spot - strike, 0), cap) * 7 // 10


@tr.program
def payoffs(count: int) -> int:
    spot = 0
    total = 0
    for _ in range(count):
        spot = (spot * 1_103_515_245 + 12_345) % 100_003
        total += payoff(spot, 50_000, 20_000)
    return total
"""

READ = """
import tiderace as tr


@tr.program(capabilities=["book:*"])
def read(venue: int) -> tr.Price:
    return tr.host.price(venue, True, 0) + tr.Price(1)
"""

NO_READ = """
import tiderace as tr


@tr.program
def no_read(venue: int) -> int:
    return venue + 1
"""

# Woken by every change of its book; reads the best bid, and ends at a count of calls.
READER = """
import tiderace as tr


@tr.record
class Params:
    calls: int = tr.param(1, minimum=1, maximum=1_000_000_000_000, unit="count")


@tr.record
class State:
    called: int
    highest: tr.Price


@tr.program(capabilities=["parent", "book:*"], meta={"name": "reader"})
class Reader:
    params: Params
    state: State

    def on_start(self) -> None:
        self.state.called = 0

    def on_book(self, venue: int) -> None:
        self.state.highest = max(self.state.highest, tr.host.price(venue, True, 0))
        self.state.called += 1
        if self.state.called == self.params.calls:
            tr.host.finish()
"""

# Without an end where `rounds` is below zero; each round asks the host once, or not at all.
ENDLESS = """
import tiderace as tr


@tr.program
def endless(rounds: int) -> int:
    done = 0
    while done != rounds:
        done += 1
    return done
"""

ENDLESS_ASKING = """
import tiderace as tr


@tr.program
def endless(rounds: int) -> int:
    done = 0
    while done != rounds:
        done += 1
        tr.host.venues()
    return done
"""


def checked(text: str) -> Any:
    """Return the program of a text."""
    return tr.program.from_source(text, file="bench.py")


def plain(text: str, name: str) -> Callable[..., Any]:
    """Return the function of the same text as CPython runs it: not metered, integers unbounded."""
    names: dict[str, Any] = {}
    code = text.replace("import tiderace as tr", "")
    exec(code, {"tr": types.SimpleNamespace(program=lambda function: function)}, names)
    function: Callable[..., Any] = names[name]
    function.__globals__.update(names)
    return function
