"""A small market: seeded walks with depth behind them, others who trade, and our orders among them.

Prices are in ticks, the same on all venues; contracts are linear. An order of ours fills as it arrives, or when the
market trades through it or past the queue that was there before it.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
NEVER = 2**63 - 1
LEVELS = 6


@dataclass
class Venue:
    """A book: the walk's best prices, and what is displayed behind them."""

    lot: int = 1_000  # base units in a lot
    least: int = 10  # lots of the smallest order
    depth: int = 2_000  # lots of a level, about
    bid: int = 60_000
    spread: int = 1
    sizes: dict[bool, list[int]] = field(
        default_factory=lambda: {True: [0] * LEVELS, False: [0] * LEVELS}
    )
    last: int = 0
    traded: int = 0
    position: int = 0

    def base(self, is_bid: bool, level: int = 0) -> int:
        return self.bid - level if is_bid else self.bid + self.spread + level


@dataclass
class Child:
    """An order of ours."""

    id: int
    venue: int
    is_buy: bool
    left: int
    price: int
    rests: bool
    posts: bool = False
    is_open: bool = True
    is_booked: bool = False
    ahead: int = 0
    canceling: bool = False


class Market:
    """Books, and what happens to our orders there."""

    def __init__(
        self, seed: int, venues: list[Venue], *, step: int, trade: int, drift: int, shows_own: bool
    ) -> None:
        self.market, self.venues = random.Random(seed), venues
        self.step, self.trade, self.drift, self.shows_own = step, trade, drift, shows_own
        self.now, self.seq = START, 0
        self.events: list[tuple[int, int, Any]] = []
        self.children: list[Child] = []
        # What the program is to be told: entry and arguments.
        self.calls: deque[tuple[str, tuple[Any, ...]]] = deque()
        self.fills: list[tuple[int, int, int, bool, int, int]] = []
        self.bought = 0
        self.others_units = 0
        for venue in venues:
            self._redraw(venue)
        self._at(START + step, self._market)

    def open(self) -> list[Child]:
        """Our orders that may still fill."""
        return [child for child in self.children if child.is_open]

    def _at(self, ts: int, act: Any) -> None:
        self.seq += 1
        heapq.heappush(self.events, (ts, self.seq, act))

    def go_on(self) -> None:
        """Come to what happens next."""
        self.now, _, act = heapq.heappop(self.events)
        act()

    def _close(self, child: Child) -> None:
        child.is_open = False
        self.calls.append(("on_child", (child.id,)))

    def _fill(self, child: Child, qty: int, price: int) -> None:
        venue = self.venues[child.venue]
        sign = 1 if child.is_buy else -1
        child.left -= qty
        venue.position += sign * qty
        self.bought += sign * qty * venue.lot
        self.fills.append((self.now, child.id, child.venue, child.is_buy, price, qty))
        self.calls.append(("on_fill", (child.venue, child.id, price, qty)))
        if child.left == 0:
            self._close(child)

    def _levels(self, v: int, is_bid: bool) -> list[tuple[int, int]]:
        venue = self.venues[v]
        rows = {
            venue.base(is_bid, n): size for n, size in enumerate(venue.sizes[is_bid]) if size > 0
        }
        if self.shows_own:
            for child in self.open():
                if child.is_booked and child.venue == v and child.is_buy == is_bid:
                    rows[child.price] = rows.get(child.price, 0) + child.left
        return sorted(rows.items(), reverse=is_bid)

    def _level(self, v: int, is_bid: bool, level: int) -> tuple[int, int]:
        rows = self._levels(v, is_bid)
        return rows[level] if 0 <= level < len(rows) else (0, 0)

    def _redraw(self, venue: Venue) -> None:
        for side in (True, False):
            venue.sizes[side] = [
                self.market.randint(venue.depth // 4, venue.depth) for _ in range(LEVELS)
            ]

    def _print(self, v: int, price: int, qty: int, is_buy: bool, own: int) -> None:
        venue = self.venues[v]
        venue.last, venue.traded = price, venue.traded + qty
        self.others_units += (qty - own) * venue.lot
        self.calls.append(("on_trade", (v, price, qty, is_buy)))

    def _arrive(self, child: Child) -> None:
        """An order of ours comes to its venue."""
        if not child.is_open:
            return
        v, venue = child.venue, self.venues[child.venue]
        sign = 1 if child.is_buy else -1
        taken = venue.sizes[not child.is_buy]
        for n in range(LEVELS):
            price = venue.base(not child.is_buy, n)
            qty = min(taken[n], child.left)
            if qty <= 0 or sign * price > sign * child.price:
                continue
            if child.posts:
                self._close(child)
                return
            taken[n] -= qty
            self._fill(child, qty, price)
            self._print(v, price, qty, child.is_buy, qty)
        if child.is_open and not child.rests:
            self._close(child)
        elif child.is_open:
            child.is_booked = True
            child.ahead = (
                dict(self._levels(v, child.is_buy)).get(child.price, 0)
                - self.shows_own * child.left
            )

    def _market(self) -> None:
        """One step of the walk on a venue: prices move, sizes are drawn again, somebody trades."""
        self._at(self.now + self.market.randint(self.step // 2, self.step * 3 // 2), self._market)
        v = self.market.randrange(len(self.venues))
        venue, dice = self.venues[v], self.market
        move, venue.spread = dice.choice((-1, 0, 0, 1)), dice.choice((1, 1, 2, 3))
        venue.bid += move + (self.drift if dice.random() < 0.5 else 0)
        self._redraw(venue)
        resting = [child for child in self.open() if child.is_booked and child.venue == v]
        for child in resting:
            crossed = (
                venue.base(False) <= child.price
                if child.is_buy
                else venue.base(True) >= child.price
            )
            if crossed:
                qty = child.left
                self._fill(child, qty, child.price)
                self._print(v, child.price, qty, not child.is_buy, qty)
        if dice.random() < 0.8:
            self._others_trade(
                v, dice.random() < 0.5, max(int(dice.expovariate(1 / self.trade)), 1)
            )
        self.calls.append(("on_book", (v,)))

    def _others_trade(self, v: int, is_buy: bool, qty: int) -> None:
        venue, own, sign = self.venues[v], 0, -1 if is_buy else 1
        price = venue.base(not is_buy)
        resting = [child for child in self.open() if child.is_booked and child.venue == v]
        for child in sorted(resting, key=lambda child: (-sign * child.price, child.id)):
            if child.is_buy == is_buy or sign * child.price < sign * price:
                continue
            passed = min(child.ahead, qty - own) if child.price == price else 0
            child.ahead -= passed
            if (hit := min(child.left, qty - own - passed)) > 0:
                own += hit
                self._fill(child, hit, child.price)
        sizes = venue.sizes[not is_buy]
        sizes[0] = max(sizes[0] - (qty - own), 0)
        self._print(v, price, qty, is_buy, own)
