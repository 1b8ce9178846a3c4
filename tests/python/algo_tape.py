"""Lives of the tactics in the small market: what each is given, and a tape of all that it asked for."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from algo_market import SECOND, Child, Venue
from algo_world import Life, World

import tiderace as tr

ONE = 1_000_000_000
ALGO = Path(tr.algo.__file__).parent
LIVES: dict[str, dict[str, Any]] = {
    "sniper": {"params": {"band": 2, "depth_min": 1_000_000}, "order_qty": 20_000_000},
    "split": {"venues": 2, "params": {"interval": 10 * SECOND}, "at_end": "take"},
    "scale": {"params": {"orders": 6, "ratio": 1_200_000_000, "rounds": 3}},
    "grid": {"two_sided": True, "duration": 120 * SECOND, "params": {"step": 2}},
    "stop": {"params": {"trigger": 60_002, "slip": 3}, "step": SECOND // 4},
    "pairs": {
        "two_sided": True,
        "duration": 120 * SECOND,
        "venues": 2,
        "params": {"low": -1, "high": 1},
    },
    "combo": {
        "two_sided": True,
        "duration": 120 * SECOND,
        "venues": lambda: [Venue(bid=500), Venue(bid=400), Venue()],
        "params": {
            "ratios": [20, -10, 0, 0, 0, 0, 0, 0],
            "deltas": [500_000_000, -400_000_000, 0, 0, 0, 0, 0, 0],
            "units": 40,
            "net": 6_050,
        },
    },
    "quote_as": {
        "two_sided": True,
        "duration": 120 * SECOND,
        "params": {"k": 2 * ONE, "gamma": 20_000_000, "sigma": 700_000_000},
    },
    "quote_glft": {
        "two_sided": True,
        "duration": 120 * SECOND,
        "params": {"k": 2 * ONE, "gamma": 20_000_000, "sigma": 700_000_000},
    },
    "hedge": {
        "two_sided": True,
        "duration": 120 * SECOND,
        "params": {
            "held": 2_000_000,
            "gamma": 2_000_000_000,
            "unit": 1_000_000,
            "aversion": 375_000 * ONE,
        },
    },
}
PROGRAMS = {name: tr.program.load(ALGO / f"{name}.py") for name in LIVES}


class Tape(World):
    """The small market; it keeps what was asked for together with what was known then."""

    def __init__(self, name: str, **words: Any) -> None:
        given = LIVES[name] | words
        given["params"] = LIVES[name].get("params", {}) | words.get("params", {})
        if callable(given.get("venues")):
            given["venues"] = given["venues"]()
        super().__init__(PROGRAMS[name], **given)
        if not self.children:
            # Children are numbered from 1.
            self.children.append(Child(0, -1, True, 0, 0, rests=False, is_open=False))
        self.seen: list[dict[str, Any]] = []

    def _do(self, name: str, args: tuple[Any, ...], number: int) -> None:
        if name in ("take_at", "post_at", "rest_at"):
            venue, is_buy, qty, price = args
            self.seen.append(
                {
                    "ts": self.now,
                    "name": name,
                    "child": number,
                    "venue": venue,
                    "is_buy": is_buy,
                    "qty": qty,
                    "price": price,
                    "bid": self._level(venue, True, 0)[0],
                    "ask": self._level(venue, False, 0)[0],
                    "filled": self.filled,
                    "books": [(v.base(True), v.base(False)) for v in self.venues],
                }
            )
            assert qty >= self.venues[venue].least, "dust"
            assert price > 0
        elif name in ("take", "post"):
            assert args[0] >= self._smallest(), "dust"
        super()._do(name, args, number)


def told(name: str, seed: int, machine: str = "compiled", **words: Any) -> tuple[Tape, Life]:
    """Live a life on one machine; whatever it is, it traps nowhere and asks for no dust."""
    return _told(name, seed, machine, **words) if words else _usual(name, seed, machine)


@functools.cache
def _usual(name: str, seed: int, machine: str) -> tuple[Tape, Life]:
    return _told(name, seed, machine)


def _told(name: str, seed: int, machine: str, **words: Any) -> tuple[Tape, Life]:
    tape = Tape(name, seed=seed, **words)
    life = tape.run(machine)
    assert not life.status.startswith("stopped"), life.status
    assert not [why for _, why, _ in life.refused if why in ("dust", "limit")]
    return tape, life


def nets(life: Life, lots: int = 1_000) -> Iterator[int]:
    """Yield net exposure after each fill."""
    net = 0
    for _, _, _, is_buy, _, qty in life.fills:
        net += (qty if is_buy else -qty) * lots
        yield net
