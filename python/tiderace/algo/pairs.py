"""Pairs: trades the spread of two venues, and hangs with no more than one clip.

With a and b the prices at venue 0 and venue 1, and `tick_a`, `tick_b` what a tick of each is worth
in one common unit, the spread is

    s = a tick_a - b tick_b

At s <= `low` it buys the spread (buys at 0, sells at 1), at s >= `high` it sells it, up to `size`
exposure a leg either way (0: the bound on net exposure), in clips drawn between `clip_low` and
`clip_high` of it.

- **Legging rule**: the leg with less displayed (or `work`, where it is 0 or 1) is worked: taken
  where both legs can be taken within the limit, else, if `passive`, posted at the best price that
  keeps the limit given what the other leg can be taken at, at most `reach` ticks off its own best.
  Every fill of it is hedged at once: taken at the other venue, up to `slip` ticks beyond its best.
  A posted leg is canceled once the spread at its price has left the limit.
- **Hang rule**: a leg unhedged for longer than `hang`, or whose hedge has moved by more than
  `hang_loss` ticks against it, is unwound: traded back where it was done. Meanwhile, and for a
  wait after it, nothing new is worked.

So the net exposure is at most one clip, and what is too small for an order. The legs' exposures
are of equal size, 1 to 1.

Source: pairs trading: E. Gatev, W. Goetzmann and K. Rouwenhorst, "Pairs trading: performance of a
relative-value arbitrage rule", Review of Financial Studies 19 (2006); the rules as stated here.
"""

import tiderace as tr

ONE = 1_000_000_000
SECOND = 1_000_000_000
NONE = 0


@tr.record
class Params:
    """The limits of the spread, how it is legged, when a leg is unwound."""

    tick_a: int = tr.param(1, minimum=1, maximum=1_000_000_000, unit="count")
    tick_b: int = tr.param(1, minimum=1, maximum=1_000_000_000, unit="count")
    low: int
    high: int
    size: tr.Amount = tr.param(0, minimum=0, unit="base")
    clip_low: int = tr.param(50_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    clip_high: int = tr.param(150_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    work: int = tr.param(-1, minimum=-1, maximum=1)
    passive: bool = tr.param(True)
    reach: int = tr.param(5, minimum=0, maximum=1_000_000)
    slip: int = tr.param(20, minimum=0, maximum=1_000_000)
    hang: int = tr.param(5 * SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    hang_loss: int = tr.param(50, minimum=1, maximum=1_000_000_000)
    wait_min: int = tr.param(SECOND // 5, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(2 * SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """The legs' exposures, sold below zero; worked order, hedge, and since when a leg hangs."""

    held: tr.Array[tr.Amount, 2]
    worked: int
    worked_venue: int
    worked_buys: bool
    next_ts: int
    hedge: int
    hedge_venue: int
    hedge_buys: bool
    has_hedged: bool
    retry_ts: int
    hang_ts: int
    hang_price: tr.Price
    unwinds: bool


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "pairs", "kind": "two_sided", "controls": "clip end gates", "children": "100000"},
)
class Pairs:
    """Works one leg, hedges with the other."""

    params: Params
    state: State

    def _tick(self, venue: int) -> int:
        return self.params.tick_a if venue == 0 else self.params.tick_b

    def _gap(self) -> tr.Amount:
        """Return the net exposure of both legs."""
        return self.state.held[0] + self.state.held[1]

    def _bound(self, venue: int, buys: bool) -> tr.Price:
        """Return the worst price of a leg that keeps the spread's limit, the other leg taken."""
        other = 1 - venue
        far = int(tr.host.price(other, buys, 0)) * self._tick(other)
        buys_spread = buys == (venue == 0)
        limit = self.params.low if buys_spread else self.params.high
        value = far + limit if venue == 0 else far - limit
        tick = self._tick(venue)
        return tr.Price(value // tick if buys else -(-value // tick))

    def _side(self) -> int:
        """Return the venue whose leg is worked."""
        if self.params.work >= 0:
            return self.params.work
        worth = tr.Amount(0)
        thinner = 0
        for venue in range(2):
            bid = tr.host.price(venue, True, 0)
            qty = tr.host.depth(venue, True, 0) + tr.host.depth(venue, False, 0)
            shown = tr.host.exposure(venue, qty, bid)
            if venue == 0 or shown < worth:
                worth = shown
                thinner = venue
        return thinner

    def _both_live(self) -> bool:
        for venue in range(2):
            for side in range(2):
                if tr.host.price(venue, side == 1, 0) <= tr.Price(0):
                    return False
        return True

    def _work(self, venue: int, buys: bool, room: tr.Amount) -> bool:
        """Start a clip of the worked leg, if the spread is within its limit."""
        bound = self._bound(venue, buys)
        far = tr.host.price(venue, not buys, 0)
        near = tr.host.price(venue, buys, 0)
        takes = far <= bound if buys else far >= bound
        reach = tr.Price(self.params.reach)
        is_near = bound >= near - reach if buys else bound <= near + reach
        price = far if takes else min(bound, near) if buys else max(bound, near)
        if not takes and not (self.params.passive and is_near):
            return False
        share = drawn(self.params.clip_low, self.params.clip_high)
        size = max(self._size() * share // ONE, tr.host.smallest())
        qty = tr.host.lots(venue, min(size, room), price)
        if price <= tr.Price(0) or qty <= tr.Qty(0) or qty < tr.host.least(venue, price):
            return False
        self.state.worked_venue = venue
        self.state.worked_buys = buys
        if takes:
            self.state.worked = tr.host.take_at(venue, buys, qty, price)
        else:
            self.state.worked = tr.host.post_at(venue, buys, qty, price)
        return True

    def _size(self) -> tr.Amount:
        bound = tr.host.order_qty()
        return bound if self.params.size == tr.Amount(0) else min(self.params.size, bound)

    def _look(self) -> None:
        """Begin a clip where the spread allows it, or pull the one that it no longer does."""
        if self.state.worked != NONE:
            price = tr.host.child_price(self.state.worked)
            bound = self._bound(self.state.worked_venue, self.state.worked_buys)
            is_off = price > bound if self.state.worked_buys else price < bound
            if price > tr.Price(0) and is_off and tr.host.pending() == 0:
                tr.host.cancel(self.state.worked)
            return
        if tr.host.now() < self.state.next_ts or self.state.unwinds:
            return
        venue = self._side()
        for each in range(2):
            buys = each == 0
            held = self.state.held[venue]
            room = self._size() - held if buys else self._size() + held
            if self._work(venue, buys, room):
                return

    def _hedge(self) -> None:
        """Take the other leg of what is unhedged; past the hang rule, trade it back."""
        gap = self._gap()
        if abs(gap) < tr.host.smallest():
            self.state.hang_ts = 0
            self.state.unwinds = False
            return
        buys = gap < tr.Amount(0)
        self._check_hang(buys)
        now = tr.host.now()
        if now < self.state.retry_ts or (self.state.unwinds and self.state.worked != NONE):
            return
        venue = self.state.worked_venue if self.state.unwinds else 1 - self.state.worked_venue
        far = tr.host.price(venue, not buys, 0)
        if far <= tr.Price(0):
            return
        slip = tr.Price(self.params.slip)
        worst = far + slip if buys else max(far - slip, tr.Price(1))
        qty = tr.host.lots(venue, abs(gap), worst)
        if qty <= tr.Qty(0) or qty < tr.host.least(venue, worst):
            self.state.unwinds = False
            return
        self.state.hedge_venue = venue
        self.state.hedge_buys = buys
        self.state.has_hedged = False
        self.state.hedge = tr.host.take_at(venue, buys, qty, worst)

    def _check_hang(self, buys: bool) -> None:
        """See whether a leg has been unhedged for too long, or at too high a cost."""
        now = tr.host.now()
        far = tr.host.price(1 - self.state.worked_venue, not buys, 0)
        if self.state.hang_ts == 0:
            self.state.hang_ts = now
            self.state.hang_price = far
        moved = far - self.state.hang_price if buys else self.state.hang_price - far
        is_late = now - self.state.hang_ts >= self.params.hang
        if not self.state.unwinds and (is_late or moved > tr.Price(self.params.hang_loss)):
            self.state.unwinds = True
            if self.state.worked != NONE:
                tr.host.cancel(self.state.worked)

    def _catch_up(self) -> None:
        """Count what was not told: fills and cancels of a pause, and fills undone."""
        if not tr.host.is_open(self.state.worked):
            self.state.worked = NONE
        if not tr.host.is_open(self.state.hedge):
            self.state.hedge = NONE
        self.state.held[self.state.worked_venue] += tr.host.filled() - self._gap()

    def _step(self) -> None:
        if self.state.hedge == NONE:
            self._hedge()
        if self._both_live() and self.state.hang_ts == 0:
            self._look()
        soon = drawn(self.params.wait_min, self.params.wait_max)
        if self.state.hang_ts > 0:
            soon = drawn(SECOND // 50, SECOND // 5)
        tr.host.wake(tr.host.now() + soon)

    def on_start(self) -> None:
        """Begin after a while."""
        self.state.next_ts = tr.host.now() + drawn(self.params.wait_min, self.params.wait_max)
        tr.host.wake(self.state.next_ts)

    def on_timer(self) -> None:
        """Look at the spread, and at what hangs."""
        self._catch_up()
        self._step()

    def on_book(self, venue: int) -> None:
        """Look at the spread, and at what hangs."""
        self._catch_up()
        self._step()

    def on_fill(self, venue: int, child: int, price: tr.Price, qty: tr.Qty) -> None:
        """Hedge at once."""
        exposure = tr.host.exposure(venue, qty, price)
        if child != NONE and child == self.state.worked:
            self.state.held[venue] += exposure if self.state.worked_buys else -exposure
        elif child != NONE and child == self.state.hedge:
            self.state.held[venue] += exposure if self.state.hedge_buys else -exposure
            self.state.has_hedged = True
        self._step()

    def on_child(self, child: int) -> None:
        """Go on after a while."""
        now = tr.host.now()
        if child != NONE and child == self.state.worked:
            self.state.worked = NONE
            self.state.next_ts = now + drawn(self.params.wait_min, self.params.wait_max)
        elif child != NONE and child == self.state.hedge:
            self.state.hedge = NONE
            # What a hedge did not find it does not find at once: it is tried again after a while.
            if not self.state.has_hedged:
                self.state.retry_ts = now + drawn(SECOND // 20, SECOND // 5)
            self._step()
            return
        tr.host.wake(now + drawn(SECOND // 50, SECOND // 5))
