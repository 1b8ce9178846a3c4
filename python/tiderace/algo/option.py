"""Option: an order with a limit in vol, in coin or in money, its delta hedged in a perpetual.

Venue `option` is the option, venue `hedge` the perpetual. `qty` of it is bought (or sold). The
worst price is the strictest of the limits that are set, in ticks of the option's own quote, rounded
against the order (a buy down, a sale up):

    limit_vol      the model's price at that vol, with the forward of now: moves with the underlying
    limit_coin     what is worth so much of a coin
    limit_money    what is worth so much money, at the forward of now

- **Take**: what is offered at the worst price or better is taken, in clips drawn between `clip_low`
  and `clip_high` of `qty`.
- **Post**: else a clip rests at the worst price. It is canceled and entered anew where the worst
  price has moved by `threshold` ticks to where it may be better, at most once in `dwell`; where it
  has moved so that the order stands beyond it, at once. Between the move and the answer of the
  venue it may still fill: no order is ever *sent* beyond its limit.
- **Delta**: what is held of the option x its delta (of an option quoted in the coin, that of its
  coin value: delta less price) + what is held of the perpetual; where that is more than `band`, all
  of it is taken in the perpetual, no further than `slip` ticks beyond its best price. So it is on
  every fill, and as the delta moves while the order is worked. Nothing new is worked while a hedge
  is under way.

What it holds is what the account holds more than at the start, so a fill undone counts too; nobody
else of the account is to trade the two meanwhile. `order_qty` bounds the net exposure of both
either way: `qty` and as much again for a put. It is done when `qty` is, and hedged. Nothing is done
where no vol is known.

Source: the rules as stated here. Price and delta: F. Black, "The pricing of commodity contracts",
Journal of Financial Economics 3 (1976), by the desk (`docs/ALGO.md`, functions 41 to 46).
"""

import tiderace as tr

ONE = 1_000_000_000
SECOND = 1_000_000_000
NONE = 0


@tr.record
class Params:
    """What is traded, its limits, and how it is worked."""

    option: int = tr.param(0, minimum=0, maximum=63, unit="venue")
    hedge: int = tr.param(1, minimum=0, maximum=63, unit="venue")
    buys: bool = tr.param(True)
    qty: tr.Amount = tr.param(minimum=1, unit="base")
    limit_vol: int = tr.param(0, minimum=0, maximum=5 * ONE, unit="share")
    limit_coin: int = tr.param(0, minimum=0, maximum=1_000_000 * ONE, unit="share")
    limit_money: int = tr.param(0, minimum=0, maximum=1_000_000_000 * ONE, unit="share")
    threshold: int = tr.param(1, minimum=1, maximum=1_000_000, unit="count")
    dwell: int = tr.param(SECOND // 2, minimum=0, maximum=3600 * SECOND, unit="ns")
    clip_low: int = tr.param(50_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    clip_high: int = tr.param(150_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    band: tr.Amount = tr.param(5_000_000, minimum=0, unit="base")
    slip: int = tr.param(50, minimum=0, maximum=1_000_000_000, unit="count")
    wait_min: int = tr.param(SECOND // 5, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(2 * SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """What was held at the start; the orders, and when the next may go."""

    had_option: int
    had_hedge: int
    child: int
    posted_ts: int
    next_ts: int
    hedge_child: int
    hedge_ts: int


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


def stricter(one: int, other: int, buys: bool) -> int:
    """Return the stricter of two worst prices; zero is none."""
    if one == 0 or other == 0:
        return one + other
    return min(one, other) if buys else max(one, other)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "option", "kind": "two_sided", "controls": "end", "children": "100000"},
)
class Option:
    """Works the option at its limit; takes the delta."""

    params: Params
    state: State

    def _held(self, venue: int, had: int) -> tr.Amount:
        """Return the exposure come by since the start, sold below zero."""
        lots = tr.host.position(venue) - had
        price = tr.host.price(venue, lots > 0, 0)
        size = tr.host.exposure(venue, tr.Qty(abs(lots)), price)
        return size if lots > 0 else -size

    def _bound(self) -> int:
        """Return the worst price in ticks; zero where there is none."""
        venue = self.params.option
        buys = self.params.buys
        bound = 0
        if tr.host.vol(venue) == 0:
            return 0
        if self.params.limit_vol > 0:
            at = int(tr.host.price_at_vol(venue, self.params.limit_vol, not buys))
            if at <= 0:
                return 0
            bound = at
        if self.params.limit_coin > 0:
            at = int(tr.host.price_at_value(venue, self.params.limit_coin, True, not buys))
            if at <= 0:
                return 0
            bound = stricter(bound, at, buys)
        if self.params.limit_money > 0:
            at = int(tr.host.price_at_value(venue, self.params.limit_money, False, not buys))
            if at <= 0:
                return 0
            bound = stricter(bound, at, buys)
        return bound

    def _left(self) -> tr.Amount:
        """Return how much of the option there is to do."""
        done = self._held(self.params.option, self.state.had_option)
        return self.params.qty - (done if self.params.buys else -done)

    def _hedge(self) -> bool:
        """Bring the delta within its band; True while it is not."""
        venue = self.params.hedge
        if self.state.hedge_child != NONE and not tr.host.is_open(self.state.hedge_child):
            # Closed, which is not told while the parent is paused.
            self.state.hedge_child = NONE
        if self.state.hedge_child != NONE:
            return True
        held = self._held(self.params.option, self.state.had_option)
        delta = tr.host.delta(self.params.option)
        if held != tr.Amount(0) and delta == 0:
            # Its vol is not known now: nothing to go by.
            return True
        if tr.host.price(venue, True, 0) <= tr.Price(0):
            return True
        if tr.host.price(venue, False, 0) <= tr.Price(0):
            return True
        net = held * delta // ONE + self._held(venue, self.state.had_hedge)
        if abs(net) <= self.params.band:
            return False
        buys = net < tr.Amount(0)
        far = tr.host.price(venue, not buys, 0)
        slip = tr.Price(self.params.slip)
        worst = far + slip if buys else max(far - slip, tr.Price(1))
        qty = tr.host.lots(venue, abs(net), far)
        if qty <= tr.Qty(0) or qty < tr.host.least(venue, worst):
            return False
        if tr.host.now() >= self.state.hedge_ts:
            self.state.hedge_child = tr.host.take_at(venue, buys, qty, worst)
        return True

    def _review(self, bound: int) -> None:
        """Pull the order where the worst price has left it."""
        price = int(tr.host.child_price(self.state.child))
        if price == 0 or tr.host.pending() > 0:
            return
        beyond = price - bound if self.params.buys else bound - price
        far = int(tr.host.price(self.params.option, not self.params.buys, 0))
        takes = far > 0 and (far <= bound if self.params.buys else far >= bound)
        is_due = tr.host.now() >= self.state.posted_ts + self.params.dwell
        is_worse = bound == 0 or beyond > 0
        is_better = takes or -beyond >= self.params.threshold
        if is_worse or (is_due and is_better):
            tr.host.cancel(self.state.child)

    def _work(self, bound: int) -> None:
        """Take a clip, or post one."""
        venue = self.params.option
        buys = self.params.buys
        far = int(tr.host.price(venue, not buys, 0))
        left = self._left()
        if bound <= 0 or far <= 0 or tr.host.now() < self.state.next_ts:
            return
        price = tr.Price(bound)
        clip = self.params.qty * drawn(self.params.clip_low, self.params.clip_high) // ONE
        least = tr.host.exposure(venue, tr.host.least(venue, price), price)
        qty = tr.host.lots(venue, min(max(clip, least), left), price)
        if qty < tr.host.least(venue, price):
            return
        if far <= bound if buys else far >= bound:
            self.state.child = tr.host.take_at(venue, buys, qty, price)
        else:
            self.state.child = tr.host.post_at(venue, buys, qty, price)
        self.state.posted_ts = tr.host.now()

    def _is_done(self) -> bool:
        """Return whether what is left is too small for an order."""
        venue = self.params.option
        near = tr.host.price(venue, self.params.buys, 0)
        least = tr.host.exposure(venue, tr.host.least(venue, max(near, tr.Price(1))), near)
        left = self._left()
        # Without a price on its own side nobody knows what is too small.
        return left <= tr.Amount(0) or (near > tr.Price(0) and left < least)

    def _step(self) -> None:
        if self.state.child != NONE and not tr.host.is_open(self.state.child):
            self.state.child = NONE
        is_open = self._hedge()
        if self.state.child != NONE:
            self._review(self._bound())
        elif not is_open:
            if self._is_done():
                tr.host.finish()
                return
            self._work(self._bound())
        tr.host.wake(tr.host.now() + drawn(self.params.wait_min, self.params.wait_max))

    def on_start(self) -> None:
        """Remember what is held; begin after a while."""
        self.state.had_option = tr.host.position(self.params.option)
        self.state.had_hedge = tr.host.position(self.params.hedge)
        self.state.next_ts = tr.host.now() + drawn(self.params.wait_min, self.params.wait_max)
        tr.host.wake(self.state.next_ts)

    def on_timer(self) -> None:
        """Go on."""
        self._step()

    def on_book(self, venue: int) -> None:
        """See whether the worst price, or the delta, has moved."""
        self._step()

    def on_fill(self, venue: int, child: int, price: tr.Price, qty: tr.Qty) -> None:
        """Hedge it at once."""
        self._step()

    def on_child(self, child: int) -> None:
        """Work the next clip, or hedge again, after a while."""
        if child == self.state.hedge_child:
            self.state.hedge_child = NONE
            self.state.hedge_ts = tr.host.now() + drawn(SECOND // 100, SECOND // 20)
        elif child == self.state.child:
            self.state.child = NONE
            self.state.next_ts = tr.host.now() + drawn(self.params.wait_min, self.params.wait_max)
        tr.host.wake(tr.host.now() + drawn(SECOND // 100, SECOND // 20))
