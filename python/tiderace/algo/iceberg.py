"""Iceberg, or reserve: one small order shows, the rest waits behind it.

What shows has a size drawn between `display_min` and `display_max` (the rest whole, where less than
a smallest order would be left of it). Once it has filled, the next one comes after a delay drawn
between `refresh_min` and `refresh_max`: neither size nor time tells that both are one order.
Without `price` it joins the best price of its own side where that costs least, and, having stayed
for a time drawn around `stay` (half of it to half more; 0: for good), goes and joins the best price
anew. With `price` it rests there on `venue`, and takes what the market offers at that price or
better.

Source: reserve orders as exchanges define them (Nasdaq Rule 4703(h), Eurex Regulations on iceberg
orders: displayed quantity, and its random variation); Esser and Moench, "The navigation of an
iceberg: the optimal use of hidden orders", Finance Research Letters 4 (2007).
"""

import tiderace as tr

SECOND = 1_000_000_000
NOTHING = tr.Amount(0)
NONE = -1


@tr.record
class Params:
    """What shows, and where."""

    display_min: tr.Amount = tr.param(0, minimum=0, unit="base")
    display_max: tr.Amount = tr.param(0, minimum=0, unit="base")
    refresh_min: int = tr.param(SECOND // 10, minimum=1_000_000, maximum=3600 * SECOND, unit="ns")
    refresh_max: int = tr.param(3 * SECOND, minimum=1_000_000, maximum=3600 * SECOND, unit="ns")
    stay: int = tr.param(20 * SECOND, minimum=0, maximum=86_400 * SECOND, unit="ns")
    venue: int = tr.param(0, minimum=0, maximum=63, unit="venue")
    price: tr.Price = tr.param(0, minimum=0)


@tr.record
class State:
    """What shows."""

    child: int
    shown: int  # orders so far


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={
        "name": "iceberg",
        "controls": "limit would participation clip end gates",
        "children": "100000",
    },
)
class Iceberg:
    """Shows a little at a time."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Show the first part after a delay, like every other."""
        self.state.child = NONE
        self._refresh()

    def on_timer(self) -> None:
        """Show the next part, or take back what has stayed for long enough."""
        if self.state.child != NONE and tr.host.is_open(self.state.child):
            tr.host.cancel(self.state.child)
            # Should the venue refuse to cancel it, it is asked again.
            self._refresh()
        else:
            self._show()

    def on_child(self, child: int) -> None:
        """Wait before the next part shows."""
        if child == self.state.child or self.state.child == NONE:
            self.state.child = NONE
            self._refresh()

    def _refresh(self) -> None:
        tr.host.wake(tr.host.now() + drawn(self.params.refresh_min, self.params.refresh_max))

    def _show(self) -> None:
        """Rest the next part; there is none where what is left is too small for the venue."""
        left = tr.host.order_qty() - tr.host.filled() - max(tr.host.working(), NOTHING)
        smallest = self._smallest()
        if left < smallest:
            if tr.host.children() == 0:
                tr.host.finish()
            return
        if self.params.price == tr.Price(0) and not self._may_join():
            self._refresh()
            return
        size = self._size(left, smallest)
        self.state.shown += 1
        tr.host.step(self.state.shown, tr.host.order_qty() - left + size)
        if self.params.price > tr.Price(0):
            qty = tr.host.lots(self.params.venue, size, self.params.price)
            self.state.child = tr.host.rest_at(
                self.params.venue, tr.host.is_buy(), qty, self.params.price
            )
        else:
            self.state.child = tr.host.post(size)
            if self.params.stay > 0:
                half = self.params.stay // 2
                tr.host.wake(tr.host.now() + drawn(half, self.params.stay + half))

    def _may_join(self) -> bool:
        """Return whether the best price is within the limit anywhere."""
        is_buy = tr.host.is_buy()
        for venue in range(tr.host.venues()):
            best = tr.host.price(venue, is_buy, 0)
            limit = tr.host.limit(venue)
            if best > tr.Price(0) and (best <= limit if is_buy else best >= limit):
                return True
        return False

    def _smallest(self) -> tr.Amount:
        if self.params.price == tr.Price(0):
            return tr.host.smallest()
        least = tr.host.least(self.params.venue, self.params.price)
        return tr.host.exposure(self.params.venue, least, self.params.price)

    def _size(self, left: tr.Amount, smallest: tr.Amount) -> tr.Amount:
        """Draw what shows of what is left."""
        low = self.params.display_min
        high = self.params.display_max
        if high == NOTHING:
            # Without a range: a fortieth of the order to a tenth.
            low = tr.host.order_qty() // 40
            high = tr.host.order_qty() // 10
        lot = tr.host.lot()
        lots = int(max(high - low, NOTHING) // lot)
        size = max(low + lot * tr.host.random(lots + 1), smallest)
        size += (lot - size % lot) % lot
        return left if left - size < smallest else size
