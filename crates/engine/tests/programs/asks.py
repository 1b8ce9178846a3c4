"""Asks for what its parameters say: at its start, at each trade, or at each refusal.

`python make_forms.py` beside it writes the forms again.
"""

import tiderace as tr


@tr.record
class Params:
    """What to ask for, and when."""

    ask: int
    is_buy: bool
    venue: int
    qty: tr.Qty
    price: tr.Price
    amount: tr.Amount
    again: int  # 1: at a refusal too; 2: at trades and books, not at the start
    every_ns: int  # asks again and again; 0: once


@tr.record
class State:
    """What it has seen."""

    calls: int
    child: int


@tr.program(capabilities=["parent", "book:*", "timer"], meta={"name": "asks"})
class Asks:
    """One ask at a time."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Ask for the first time."""
        if self.params.again != 2:
            self._ask()
        if self.params.every_ns > 0:
            tr.host.wake(tr.host.now() + self.params.every_ns)

    def on_timer(self) -> None:
        """Ask again."""
        self._ask()
        if self.params.every_ns > 0:
            tr.host.wake(tr.host.now() + self.params.every_ns)

    def on_book(self, venue: int) -> None:
        """Say so."""
        if self.params.again == 2:
            tr.host.note("book", venue)

    def on_trade(self, venue: int, price: tr.Price, qty: tr.Qty, is_buy: bool) -> None:
        """Say so."""
        if self.params.again == 2:
            tr.host.note("trade", int(price) * 1000 + int(qty) * 10 + (1 if is_buy else 0) + venue)
            tr.host.note("others", int(tr.host.others()))
            tr.host.note("traded", int(tr.host.traded(venue)))
            tr.host.note("last", int(tr.host.last(venue)))

    def on_fill(self, venue: int, child: int, price: tr.Price, qty: tr.Qty) -> None:
        """Say so."""
        tr.host.note("fill", child * 1_000_000 + int(qty))

    def on_child(self, child: int) -> None:
        """Say so, and ask again where that is wanted."""
        tr.host.note("closed", child)
        if self.params.again == 1:
            self._ask()

    def _ask(self) -> None:
        self.state.calls += 1
        tr.host.note("call", self.state.calls)
        ask = self.params.ask
        at = self.params.venue
        is_buy = self.params.is_buy
        qty = self.params.qty
        price = self.params.price
        if ask == 1:
            tr.host.take(self.params.amount)
        elif ask == 2:
            self.state.child = tr.host.post(self.params.amount)
        elif ask == 3:
            self.state.child = tr.host.take_at(at, is_buy, qty, price)
        elif ask == 4:
            self.state.child = tr.host.post_at(at, is_buy, qty, price)
        elif ask == 5:
            self.state.child = tr.host.rest_at(at, is_buy, qty, price)
        elif ask == 6:
            tr.host.cancel(self.state.child)
        elif ask == 7:
            tr.host.finish()
        elif ask == 8:
            for i in range(33):
                tr.host.note("call", i)
        elif ask == 9:
            while True:
                self.state.calls += 1
        elif ask == 10:
            tr.host.take(self.params.amount)
            tr.host.note("call", 1 // (self.state.calls - self.state.calls))
        elif ask == 11:
            tr.host.note("call", int(tr.host.price(tr.host.venues(), True, 0)))
        elif ask == 12:
            self._tell()
        elif ask == 13:
            # Works, then traps at its second call.
            if self.state.calls > 1:
                self.state.calls = 1 << (70 - self.state.calls)
            self.state.child = tr.host.post(self.params.amount)

    def _tell(self) -> None:
        """Say all that there is to read."""
        at = self.params.venue
        is_buy = self.params.is_buy
        child = self.state.child
        tr.host.note("now", tr.host.now())
        tr.host.note("start", tr.host.start())
        tr.host.note("end", tr.host.end())
        tr.host.note("random", tr.host.random(1000))
        tr.host.note("is_buy", 1 if tr.host.is_buy() else 0)
        tr.host.note("order_qty", int(tr.host.order_qty()))
        tr.host.note("filled", int(tr.host.filled()))
        tr.host.note("working", int(tr.host.working()))
        tr.host.note("smallest", int(tr.host.smallest()))
        tr.host.note("lot", int(tr.host.lot()))
        tr.host.note("pending", tr.host.pending())
        tr.host.note("children", tr.host.children())
        tr.host.note("is_open", 1 if tr.host.is_open(child) else 0)
        tr.host.note("child_left", int(tr.host.child_left(child)))
        tr.host.note("child_price", int(tr.host.child_price(child)))
        tr.host.note("child_venue", tr.host.child_venue(child))
        tr.host.note("venues", tr.host.venues())
        tr.host.note("is_live", 1 if tr.host.is_live(at) else 0)
        tr.host.note("price", int(tr.host.price(at, is_buy, 1)))
        tr.host.note("depth", int(tr.host.depth(at, is_buy, 0)))
        tr.host.note("qty_at", int(tr.host.qty_at(at, is_buy, self.params.price)))
        tr.host.note("limit", int(tr.host.limit(at)))
        tr.host.note("arrival", int(tr.host.arrival(at, is_buy)))
        tr.host.note("exposure", int(tr.host.exposure(at, self.params.qty, self.params.price)))
        tr.host.note("lots", int(tr.host.lots(at, self.params.amount, self.params.price)))
        tr.host.note("least", int(tr.host.least(at, self.params.price)))
        tr.host.note("position", tr.host.position(at))
        self.state.child = tr.host.post(self.params.amount)
