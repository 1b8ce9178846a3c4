"""Asks for anything, at any time: what it asks for is drawn from its parent's seed."""

import tiderace as tr


@tr.record
class Params:
    """How wild it is."""

    every_ns: int
    lots: int


@tr.record
class State:
    """What it did so far."""

    calls: int
    child: int


@tr.program(capabilities=["parent", "book:*", "timer"], meta={"name": "chaos"})
class Chaos:
    """No plan."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Begin."""
        tr.host.wake(tr.host.now())

    def on_timer(self) -> None:
        """Act, and come again."""
        self._act()
        tr.host.wake(tr.host.now() + tr.host.random(self.params.every_ns) + 1)

    def on_book(self, venue: int) -> None:
        """Act now and then."""
        if tr.host.random(4) == 0:
            self._act()

    def on_fill(self, venue: int, child: int, price: tr.Price, qty: tr.Qty) -> None:
        """Act now and then."""
        if tr.host.random(4) == 0:
            self._act()

    def on_child(self, child: int) -> None:
        """Act now and then."""
        if tr.host.random(2) == 0:
            self._act()

    def _act(self) -> None:
        self.state.calls += 1
        for _ in range(tr.host.random(3) + 1):
            self._ask(tr.host.random(14))

    def _ask(self, ask: int) -> None:
        venue = tr.host.random(tr.host.venues())
        is_buy = tr.host.random(8) > 0 if tr.host.is_buy() else tr.host.random(8) == 0
        away = tr.host.random(7) - 3
        price = tr.host.price(venue, tr.host.random(2) == 0, 0) + tr.Price(away)
        lots = tr.Qty(tr.host.random(self.params.lots) - 2)
        amount = tr.Amount(tr.host.random(self.params.lots)) * 1_000_000 - tr.Amount(500)
        if ask < 2:
            tr.host.take(amount)
        elif ask < 4:
            self.state.child = tr.host.post(amount)
        elif ask == 4:
            self.state.child = tr.host.take_at(venue, is_buy, lots, price)
        elif ask == 5:
            self.state.child = tr.host.post_at(venue, is_buy, lots, price)
        elif ask == 6:
            self.state.child = tr.host.rest_at(venue, is_buy, lots, price)
        elif ask == 7:
            tr.host.cancel(self.state.child)
        elif ask == 8:
            tr.host.cancel_all()
        elif ask == 9:
            tr.host.step(self.state.calls, amount)
        elif ask == 10:
            tr.host.note("pending", tr.host.pending())
        elif ask == 11 and tr.host.random(40) == 0:
            tr.host.finish()
        elif ask == 12 and tr.host.random(40) == 0:
            self.state.calls = 1 // (tr.host.children() - tr.host.children())
