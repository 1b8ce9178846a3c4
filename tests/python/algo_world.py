"""A small market that hosts an algorithm's program: a seeded walk, and the desk's contract in its simplest form.

    life = lived(program, seed=7, order_qty=4_000_000, params={"slices": 10})

Every price is in ticks, the same on all venues; every contract is linear. Others' orders move the walk and trade;
ours fill as they arrive (`take`), or when the market trades through them or past their queue (`post`). One world and
seed is one life, whatever machine runs the program, as long as the machines agree: `Life.calls` is what they are
compared by.
"""

import random
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from algo_market import NEVER, SECOND, START, Child, Market, Venue

import tiderace as tr

ACTIONS_MAX = 32
FUEL = 1_000_000


@dataclass
class Life:
    """What became of a parent."""

    status: str = "working"
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    fills: list[tuple[int, int, int, bool, int, int]] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    asked: list[tuple[int, str, tuple[Any, ...]]] = field(default_factory=list)
    sent: list[tuple[int, Child, int]] = field(default_factory=list)
    shares: list[tuple[int, int, int]] = field(default_factory=list)
    filled: int = 0
    left: int = 0
    state: bytes = b""

    def steps(self) -> list[tuple[int, int, int]]:
        return [(ts, *args) for ts, name, args in self.asked if name == "step"]

    def fuel(self) -> dict[str, int]:
        """The most fuel that a call of each entry used."""
        most: dict[str, int] = {}
        for _, entry, _, used, _, _ in self.calls:
            most[entry] = max(most.get(entry, 0), used)
        return most


class World(Market):
    """Books, one parent, and the desk between the two."""

    def __init__(
        self,
        program: Any,
        *,
        seed: int,
        side: str = "buy",
        order_qty: int = 4_000_000,
        params: dict[str, Any] | None = None,
        duration: int | None = 60 * SECOND,
        horizon: int = 60 * SECOND,
        venues: int | list[Venue] = 1,
        limit: int = 300,
        clip: int | None = None,
        max_participation: float | None = None,
        at_end: str = "expire",
        latency: int = 5_000_000,
        step: int = SECOND,
        trade: int = 600,
        drift: int = 0,
        pause: tuple[int, int] | None = None,
        refuses_cancels: bool = False,
        shows_own: bool = False,
        two_sided: bool = False,
    ) -> None:
        self.program, self.params = program, params or {}
        self.dice = random.Random(seed + 1)
        self.is_buy, self.order_qty, self.two_sided = side == "buy", order_qty, two_sided
        self.end = NEVER if duration is None else START + duration
        self.horizon = START + horizon if duration is None else self.end
        books = [Venue() for _ in range(venues)] if isinstance(venues, int) else deepcopy(venues)
        super().__init__(seed, books, step=step, trade=trade, drift=drift, shows_own=shows_own)
        self.limit_ticks, self.clip, self.max_participation = limit, clip, max_participation
        self.at_end, self.latency, self.refuses_cancels = at_end, latency, refuses_cancels
        self.pause, self.is_paused = pause, False
        self.wake_ts: int | None = None
        self.asks: list[tuple[str, tuple[Any, ...], int]] = []
        self.life = Life(left=order_qty)
        self.state = program.new_state()
        self.entries = set(program.entries)
        self.answers = self._answers()
        self.arrivals = [(venue.base(True), venue.base(False)) for venue in self.venues]

    @property
    def filled(self) -> int:
        """Exposure filled; of a two-sided parent what was bought, less what was sold."""
        return self.bought if self.is_buy or self.two_sided else -self.bought

    # Time

    def run(self, machine: str) -> Life:
        """Live the parent's life on one machine: `python`, `interpreted` or `compiled`."""
        self.machine = machine
        if self.pause:
            self._at(START + self.pause[0], self._pause)
            self._at(START + self.pause[1], self._resume)
        self.call("on_start")
        while self.life.status == "working":
            due = min(self.events[0][0], self.horizon, self.wake_ts or NEVER)
            if due >= self.horizon:
                self.now = self.horizon
                self._end()
            elif self.wake_ts == due and not self.is_paused:
                self.now, self.wake_ts = due, None
                self.call("on_timer")
            else:
                self.go_on()
            self._settle()
        life = self.life
        life.filled, life.fills = self.filled, self.fills
        life.left, life.state = self.order_qty - self.filled, bytes(self.state)
        return life

    def _pause(self) -> None:
        self.is_paused, self.kept_wake, self.wake_ts = True, self.wake_ts, None
        for child in self.open():
            self._do_cancel(child)

    def _resume(self) -> None:
        self.is_paused = False
        self.wake_ts = max(self.kept_wake, self.now + 1) if self.kept_wake else None

    def _end(self) -> None:
        for child in self.open():
            child.is_open = False
        if self.at_end == "take":
            self._route(self._free(self.is_buy))
            for child in [child for child in self.open() if not child.is_booked]:
                self._arrive(child)
        done = self.order_qty - self.filled < self._smallest() and not self.two_sided
        self.life.status = "completed" if done else "expired"
        self.calls.clear()

    def _settle(self) -> None:
        """Tell the program what came of it, until there is no more to tell."""
        while self.calls and self.life.status == "working":
            if self.is_paused:
                self.calls.clear()
                return
            entry, args = self.calls.popleft()
            self.call(entry, *args)
        is_done = not self.two_sided and self.order_qty - self.filled < self._smallest()
        if is_done and not self.open() and self.life.status == "working":
            self.life.status = "completed"

    # Calls

    def call(self, entry: str, *args: Any) -> None:
        if entry not in self.entries or self.life.status != "working":
            return
        self.asks = []
        words = {
            "entry": entry,
            "params": self.params,
            "state": self.state,
            "host": self.answer,
            "fuel": FUEL,
        }
        try:
            _, used = getattr(self.program, f"run_{self.machine}")(*args, **words)
        except tr.Trapped as trap:
            self.life.status = f"stopped: {trap.reason} at line {trap.line}"
            return
        asks = [(name, given) for name, given, _ in self.asks]
        assert len(asks) <= ACTIONS_MAX, f"{entry} asks for {len(asks)} actions"
        self.life.calls.append((self.now, entry, args, used, bytes(self.state), tuple(asks)))
        for name, given, child in self.asks:
            self.life.asked.append((self.now, name, given))
            if self.life.status == "working":
                self._do(name, given, child)

    def answer(self, name: str, *args: Any) -> Any:
        """Answer what the program asks of its host, or note it for when the call has come to its end."""
        if name in ("take", "post", "take_at", "post_at", "rest_at"):
            self.children.append(
                child := Child(
                    len(self.children), -1, self.is_buy, 0, 0, rests=False, is_open=False
                )
            )
            self.asks.append((name, args, child.id))
            return None if name == "take" else child.id
        if name in ("cancel", "cancel_all", "wake", "step", "finish", "note"):
            self.asks.append((name, args, -1))
            return None
        return self.answers[name](*args)

    def _answers(self) -> dict[str, Any]:
        return {
            "now": lambda: self.now,
            "start": lambda: START,
            "end": lambda: self.end,
            "random": lambda bound: self.dice.randrange(bound) if bound > 1 else 0,
            "is_buy": lambda: self.is_buy,
            "order_qty": lambda: self.order_qty,
            "filled": lambda: self.filled,
            "working": lambda: self._working(),
            "smallest": lambda: self._smallest(),
            "lot": lambda: min(venue.lot for venue in self.venues),
            "pending": lambda: sum(child.canceling for child in self.open()),
            "children": lambda: len(self.open()),
            "is_open": lambda n: self._child(n) is not None,
            "child_left": lambda n: c.left if (c := self._child(n)) else 0,
            "child_price": lambda n: c.price if (c := self._child(n)) else 0,
            "child_venue": lambda n: c.venue if (c := self._child(n)) else -1,
            "venues": lambda: len(self.venues),
            "is_live": lambda v: self.venues[v] is not None,
            "price": lambda v, is_bid, level: self._level(v, is_bid, level)[0],
            "depth": lambda v, is_bid, level: self._level(v, is_bid, level)[1],
            "qty_at": lambda v, is_bid, price: dict(self._levels(v, is_bid)).get(price, 0),
            "last": lambda v: self.venues[v].last,
            "traded": lambda v: self.venues[v].traded,
            "others": lambda: self.others_units,
            "limit": lambda v: self._limit(v),
            "arrival": lambda v, is_bid: self.arrivals[v][0 if is_bid else 1],
            "exposure": lambda v, qty, _: self.venues[v].lot * qty,
            "lots": lambda v, amount, _: amount // self.venues[v].lot,
            "least": lambda v, _: self.venues[v].least,
            "position": lambda v: self.venues[v].position,
        }

    # The parent

    def _child(self, number: int) -> Child | None:
        inside = 0 <= number < len(self.children)
        return self.children[number] if inside and self.children[number].is_open else None

    def _working(self, is_buy: bool | None = None) -> int:
        open_ = [child for child in self.open() if is_buy in (None, child.is_buy)]
        return sum(child.left * self.venues[child.venue].lot for child in open_)

    def _smallest(self) -> int:
        return min(venue.least * venue.lot for venue in self.venues)

    def _limit(self, v: int) -> int:
        if self.two_sided:
            return NEVER if self.is_buy else 1
        bid, ask = self.arrivals[v]
        return (
            (bid + ask) // 2 + self.limit_ticks
            if self.is_buy
            else -(-(bid + ask) // 2) - self.limit_ticks
        )

    def _free(self, is_buy: bool) -> int:
        """What may still be sent: never twice, and within the participation."""
        done = self.filled if is_buy or not self.two_sided else -self.filled
        free = self.order_qty - done - self._working(is_buy if self.two_sided else None)
        if self.max_participation is not None:
            own = self.filled + self._working()
            share = self.max_participation / (1 - self.max_participation)
            free = min(free, int(share * self.others_units) - own)
        return max(free, 0)

    def _refuse(self, why: str, name: str, number: int) -> None:
        self.life.refused.append((self.now, why, name))
        if name != "take":
            self.calls.append(("on_child", (number,)))

    def _do(self, name: str, args: tuple[Any, ...], number: int) -> None:
        if name == "wake":
            self.wake_ts = max(args[0], self.now + 1)
        elif name == "finish":
            self.life.status = "finished"
        elif name == "cancel_all":
            for child in [child for child in self.open() if child.rests]:
                self._do_cancel(child)
        elif name == "cancel":
            if child := self._child(args[0]):
                self._do_cancel(child)
        elif name in ("take", "post"):
            amount = min(args[0], self._free(self.is_buy), self.clip or args[0])
            if amount < self._smallest():
                self._refuse("dust" if args[0] < self._smallest() else "free", name, number)
            elif name == "take":
                self._route(amount)
            else:
                v = min(
                    range(len(self.venues)), key=lambda v: (self._level(v, self.is_buy, 0)[0], v)
                )
                price = self._level(v, self.is_buy, 0)[0]
                self._send(
                    number, v, self.is_buy, amount // self.venues[v].lot, price, "post_at", args[0]
                )
        elif name in ("take_at", "post_at", "rest_at"):
            v, is_buy, qty, price = args
            venue = self.venues[v]
            room = min(self._free(is_buy), self.clip or NEVER) // venue.lot
            if qty < venue.least or min(qty, room) < venue.least:
                self._refuse("dust" if qty < venue.least else "free", name, number)
            else:
                self._send(number, v, is_buy, min(qty, room), price, name, qty * venue.lot)

    def _route(self, amount: int) -> None:
        """Take displayed depth over all venues, cheapest first."""
        sign = 1 if self.is_buy else -1
        rows = [
            (sign * p, v, p, q)
            for v in range(len(self.venues))
            for p, q in self._levels(v, not self.is_buy)
        ]
        found: dict[int, tuple[int, int]] = {}
        for _, v, price, qty in sorted(rows):
            take = min(qty, amount // self.venues[v].lot)
            if take > 0 and sign * price <= sign * self._limit(v):
                found[v] = (found.get(v, (0, 0))[0] + take, price)
                amount -= take * self.venues[v].lot
        for v, (qty, price) in found.items():
            if qty >= self.venues[v].least:
                self.children.append(
                    child := Child(len(self.children), -1, self.is_buy, 0, 0, rests=False)
                )
                self._send(child.id, v, self.is_buy, qty, price, "take_at", amount)

    def _send(
        self, number: int, v: int, is_buy: bool, qty: int, price: int, name: str, asked: int
    ) -> None:
        sign = 1 if is_buy else -1
        if not self.two_sided and is_buy == self.is_buy and sign * price > sign * self._limit(v):
            self._refuse("limit", name, number)
            return
        child = self.children[number]
        child.venue, child.is_buy, child.left, child.price = v, is_buy, qty, price
        child.rests, child.posts, child.is_open = name != "take_at", name == "post_at", True
        self.life.sent.append((self.now, Child(**vars(child)), asked))
        own = self.filled + self._working()
        self.life.shares.append((self.now, own, self.others_units))
        self._at(self.now + self.latency, lambda: self._arrive(child))

    def _do_cancel(self, child: Child) -> None:
        if not child.canceling and child.rests:
            child.canceling = True
            self._at(self.now + 2 * self.latency + 1, lambda: self._canceled(child))

    def _canceled(self, child: Child) -> None:
        child.canceling = False
        if child.is_open and not self.refuses_cancels:
            self._close(child)


def lived(program: Any, **words: Any) -> Life:
    """Return a life that is the same, call by call, on all three machines."""
    lives = [World(program, **words).run(run) for run in ("interpreted", "compiled", "python")]
    for life in lives[:2]:
        assert life.calls == lives[2].calls
        assert (life.status, life.fills, life.state) == (
            lives[2].status,
            lives[2].fills,
            lives[2].state,
        )
    return lives[2]
