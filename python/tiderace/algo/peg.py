"""Peg, or float: rests at a price that follows the market's.

With b the best price of its own side and a of the other one (our own order there left out), the
pegged price of a buy, in ticks, is

    best          b - offset
    mid           floor((a + b) / 2) - offset

and never beyond the parent's limit, nor so far that it would take; a sale the other way round. What
rests has a size drawn between `display_min` and `display_max`. When the pegged price has moved, the
order follows after a delay drawn between `dwell_min` and `dwell_max`: nobody is followed at once or
at fixed times, and it moves at most once in `dwell_min`. With `discretion`, what the other side
offers within so many ticks of the pegged price is taken, after a delay drawn the same way; as much
as shows, and no more than a drawn display.

Source: pegged orders and discretion as exchanges define them (Nasdaq Rule 4703(d) and (g): primary
and midpoint peg, offset, discretion price).
"""

import tiderace as tr

SECOND = 1_000_000_000
NOTHING = tr.Amount(0)
NO_PRICE = tr.Price(0)
NONE = -1


class Reference(tr.Enum):
    """What it follows."""

    BEST = 0
    MID = 1


@tr.record
class Params:
    """What it follows, how closely, and what shows."""

    venue: int = tr.param(0, minimum=0, maximum=63, unit="venue")
    reference: int = tr.param(0, minimum=0, maximum=1)
    offset: int = tr.param(0, minimum=-1_000_000, maximum=1_000_000)
    discretion: int = tr.param(0, minimum=0, maximum=1_000_000)
    dwell_min: int = tr.param(SECOND // 5, minimum=1_000_000, maximum=3600 * SECOND, unit="ns")
    dwell_max: int = tr.param(2 * SECOND, minimum=1_000_000, maximum=3600 * SECOND, unit="ns")
    display_min: tr.Amount = tr.param(0, minimum=0, unit="base")
    display_max: tr.Amount = tr.param(0, minimum=0, unit="base")


@tr.record
class State:
    """What rests, and when it acts next."""

    child: int
    due: int  # 0: it waits for a book to change
    placed: int  # orders so far


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={
        "name": "peg",
        "controls": "limit would participation clip end gates",
        "children": "100000",
    },
)
class Peg:
    """Rests at a price that follows."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Place the first order after a delay, like every other."""
        self.state.child = NONE
        self._wait()

    def on_book(self, venue: int) -> None:
        """Set the delay going where the order should move, or there is something to take."""
        if venue != self.params.venue or self.state.due != 0:
            return
        if not self._rests() or self._is_off() or self._taken() > NO_PRICE:
            self._wait()

    def on_child(self, child: int) -> None:
        """Place the next one after a delay."""
        if child == self.state.child:
            self.state.child = NONE
            self._wait()

    def on_timer(self) -> None:
        """Take, move or place: what the market then asks for."""
        self.state.due = 0
        is_taking = self._taken() > NO_PRICE
        if self._rests() and (self._is_off() or (is_taking and self._free() < self._least())):
            tr.host.cancel(self.state.child)
            # Should the venue refuse to cancel it, it is asked again.
            self._wait()
        elif is_taking:
            self._take()
            self._wait()
        elif not self._rests():
            self._place()

    def _wait(self) -> None:
        self.state.due = tr.host.now() + drawn(self.params.dwell_min, self.params.dwell_max)
        tr.host.wake(self.state.due)

    def _rests(self) -> bool:
        return self.state.child != NONE and tr.host.is_open(self.state.child)

    def _is_off(self) -> bool:
        """Return whether the order rests elsewhere than at the pegged price."""
        return tr.host.child_price(self.state.child) != self._pegged()

    def _best(self, is_bid: bool) -> tr.Price:
        """Return the best price of a side that is not ours alone; 0 where there is none."""
        best = tr.host.price(self.params.venue, is_bid, 0)
        if self._rests() and is_bid == tr.host.is_buy():
            child = self.state.child
            is_ours = tr.host.child_price(child) == best
            if is_ours and tr.host.depth(self.params.venue, is_bid, 0) <= tr.host.child_left(child):
                return tr.host.price(self.params.venue, is_bid, 1)
        return best

    def _pegged(self) -> tr.Price:
        """Return the pegged price; 0 where there is none."""
        near = self._best(tr.host.is_buy())
        far = self._best(not tr.host.is_buy())
        if near == NO_PRICE or far == NO_PRICE:
            return NO_PRICE
        limit = tr.host.limit(self.params.venue)
        away = tr.Price(self.params.offset)
        is_mid = self.params.reference == Reference.MID
        if tr.host.is_buy():
            price = (near + far) // 2 if is_mid else near
            return max(min(price - away, far - tr.Price(1), limit), NO_PRICE)
        price = -(-(near + far) // 2) if is_mid else near
        return max(price + away, far + tr.Price(1), limit)

    def _taken(self) -> tr.Price:
        """Return the price to take at where discretion reaches the other side; else 0."""
        pegged = self._pegged()
        if self.params.discretion == 0 or pegged == NO_PRICE:
            return NO_PRICE
        far = self._best(not tr.host.is_buy())
        limit = tr.host.limit(self.params.venue)
        reach = tr.Price(self.params.discretion)
        if tr.host.is_buy():
            return far if far <= min(pegged + reach, limit) else NO_PRICE
        return far if far >= max(pegged - reach, limit) else NO_PRICE

    def _take(self) -> None:
        """Take what shows there, up to a display."""
        venue = self.params.venue
        price = self._taken()
        qty = tr.host.lots(venue, self._size(), price)
        qty = min(qty, tr.host.qty_at(venue, not tr.host.is_buy(), price))
        if qty >= tr.host.least(venue, price):
            self._count(qty, price)
            tr.host.take_at(venue, tr.host.is_buy(), qty, price)

    def _place(self) -> None:
        """Rest at the pegged price."""
        price = self._pegged()
        if price > NO_PRICE:
            qty = tr.host.lots(self.params.venue, self._size(), price)
            if qty >= tr.host.least(self.params.venue, price):
                self._count(qty, price)
                self.state.child = tr.host.post_at(self.params.venue, tr.host.is_buy(), qty, price)

    def _count(self, qty: tr.Qty, price: tr.Price) -> None:
        self.state.placed += 1
        size = tr.host.exposure(self.params.venue, qty, price)
        tr.host.step(self.state.placed, tr.host.order_qty() - self._free() + size)

    def _free(self) -> tr.Amount:
        """Return what is neither filled nor working."""
        return tr.host.order_qty() - tr.host.filled() - max(tr.host.working(), NOTHING)

    def _least(self) -> tr.Amount:
        """Return the smallest order that the venue accepts."""
        price = tr.host.price(self.params.venue, tr.host.is_buy(), 0)
        least = tr.host.least(self.params.venue, price)
        return tr.host.exposure(self.params.venue, least, price)

    def _size(self) -> tr.Amount:
        """Draw a size; the whole rest where less than a smallest order would be left of it."""
        low = self.params.display_min
        high = self.params.display_max
        if high == NOTHING:
            # Without a range: a fortieth of the order to a tenth.
            low = tr.host.order_qty() // 40
            high = tr.host.order_qty() // 10
        lot = tr.host.lot()
        size = low + lot * tr.host.random(int(max(high - low, NOTHING) // lot) + 1)
        size = max(size, self._least())
        size += (lot - size % lot) % lot
        left = self._free()
        return left if left - size < self._least() else size
