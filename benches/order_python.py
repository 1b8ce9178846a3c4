"""``order-python``: an order from a strategy's ``on_book`` to its ``on_fill``.

The strategy sends one lot at the best opposite price on each level change through the public face
(``submit_order`` with its checks of prices and quantities), the next when the one before is over.
The time runs between two readings of ``perf_counter_ns``, one before the submission and one first
thing in ``on_fill``. Sizes and figures are those of ``order-native``.
"""

import time
from typing import TYPE_CHECKING, Any

import tiderace as tr
from benches import _market
from benches.order_native import SIZES, SMOKE, by_size, repeat
from tiderace import _core

if TYPE_CHECKING:
    from tiderace._core import BookView, OwnFill


class OneByOne(tr.Strategy):
    """Buys and sells one lot in turn, and takes the time of each."""

    def __init__(self, orders: int) -> None:
        self.orders = orders
        self.sent = 0
        self.started: int | None = None
        self.ns: list[int] = []

    def on_book(self, book: "BookView") -> None:
        if self.started is not None or len(self.ns) == self.orders:
            return
        is_buy = self.sent % 2 == 0
        self.sent += 1
        price = book.ask_px if is_buy else book.bid_px
        assert price is not None, "the flow has both sides"
        self.started = time.perf_counter_ns()
        self.submit_order(
            0,
            side="buy" if is_buy else "sell",
            order_qty="0.001",
            price=tr.Ticks(price),
            time_in_force="IOC",
        )

    def on_fill(self, fill: "OwnFill") -> None:
        ended = time.perf_counter_ns()
        del fill
        if self.started is not None:
            self.ns.append(ended - self.started)
            self.started = None

    def on_order(self, update: tr.strategy.OrderUpdate) -> None:
        if update["ord_status"] in ("Canceled", "Rejected", "Refused"):
            self.started = None


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure each size in a process of its own."""
    return by_size("order_python", SMOKE if is_smoke else SIZES)


def measure(orders: int, repetitions: int) -> dict[str, Any]:
    """Send so many orders again and again, each time from a new strategy."""

    def once(tape: Any, journal: str) -> tuple[list[int], int, str]:
        strategy = OneByOne(orders)
        strategy._attach(_market.config())
        run = _core.Run(_market.genesis(), tape, journal=journal, strategy=strategy)
        start = time.perf_counter_ns()
        run.run()
        return strategy.ns, time.perf_counter_ns() - start, run.summary["digest"]

    return repeat(once, orders, repetitions)
