"""Sniper: seeks liquidity where it shows, and shows nothing itself.

No order of it ever rests. When a book changes it looks at the side that it would take from, and
takes there if

- **depth**: what is displayed within `band` ticks of the best price is `depth_min` or more; or
- **spread**: the spread has closed to `spread_close` ticks.

It takes a share of what is displayed within the band, drawn between `share_min` and `share_max`,
immediate or cancel and no further than the band; then it looks away for a time drawn between
`wait_min` and `wait_max`. Its size follows what others show, never what it has left, until what
would be left is too small for an order.

Source: B. Johnson, "Algorithmic Trading and DMA", 4Myeloma Press, 2010, on liquidity-driven
algorithms; the two triggers as stated here.
"""

import tiderace as tr

ONE = 1_000_000_000
SECOND = 1_000_000_000
LEVELS = 32


@tr.record
class Params:
    """What to wait for, and how much to take of it."""

    band: int = tr.param(5, minimum=0, maximum=1_000_000)
    depth_min: tr.Amount = tr.param(0, minimum=0, unit="base")
    spread_close: int = tr.param(1, minimum=0, maximum=1_000_000)
    share_min: int = tr.param(300_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    share_max: int = tr.param(800_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    wait_min: int = tr.param(SECOND // 2, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(5 * SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """When it looks again."""

    next_ts: int


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "sniper", "controls": "limit would participation clip end gates"},
)
class Sniper:
    """Takes what is deep or near, waits at random, rests nothing."""

    params: Params
    state: State

    def _edge(self, venue: int, best: tr.Price, is_buy: bool) -> tr.Price:
        """Return the worst price to take at: the band's, or the parent's limit."""
        limit = tr.host.limit(venue)
        if is_buy:
            return min(best + tr.Price(self.params.band), limit)
        return max(best - tr.Price(self.params.band), limit)

    def _displayed(self, venue: int, edge: tr.Price, is_buy: bool) -> tr.Qty:
        """Return what is displayed up to a price."""
        total = tr.Qty(0)
        for level in range(LEVELS):
            price = tr.host.price(venue, not is_buy, level)
            is_beyond = price > edge if is_buy else price < edge
            if price <= tr.Price(0) or is_beyond:
                break
            total += tr.host.depth(venue, not is_buy, level)
        return total

    def _qty(self, venue: int, displayed: tr.Qty, worth: tr.Amount, edge: tr.Price) -> tr.Qty:
        """Return what to take of what is displayed; zero where that would be dust."""
        left = tr.host.order_qty() - tr.host.filled() - tr.host.working()
        least = tr.host.least(venue, edge)
        share = drawn(self.params.share_min, self.params.share_max)
        drawn_qty = max(tr.host.lots(venue, worth * share // ONE, edge), least)
        qty = min(drawn_qty, tr.host.lots(venue, left, edge))
        if left - tr.host.exposure(venue, qty, edge) < tr.host.smallest():
            qty = min(tr.host.lots(venue, left, edge), displayed)
        return tr.Qty(0) if qty < least or displayed < least else qty

    def _snipe(self, venue: int) -> bool:
        """Take at a venue if it shows what is waited for."""
        is_buy = tr.host.is_buy()
        best = tr.host.price(venue, not is_buy, 0)
        near = tr.host.price(venue, is_buy, 0)
        if best <= tr.Price(0):
            return False
        edge = self._edge(venue, best, is_buy)
        displayed = self._displayed(venue, edge, is_buy)
        if displayed <= tr.Qty(0):
            return False
        worth = tr.host.exposure(venue, displayed, best)
        is_deep = self.params.depth_min > tr.Amount(0) and worth >= self.params.depth_min
        is_near = near > tr.Price(0) and abs(best - near) <= tr.Price(self.params.spread_close)
        if not (is_deep or is_near):
            return False
        qty = self._qty(venue, displayed, worth, edge)
        if qty <= tr.Qty(0):
            return False
        tr.host.take_at(venue, is_buy, qty, edge)
        self.state.next_ts = tr.host.now() + drawn(self.params.wait_min, self.params.wait_max)
        tr.host.wake(self.state.next_ts)
        return True

    def on_start(self) -> None:
        """Look away at first too: an arrival is no reason to trade at once."""
        self.state.next_ts = tr.host.now() + drawn(0, self.params.wait_min)
        tr.host.wake(self.state.next_ts)

    def on_timer(self) -> None:
        """Look at every book, from one that is drawn."""
        venues = tr.host.venues()
        first = tr.host.random(venues)
        for step in range(venues):
            if self._snipe((first + step) % venues):
                return

    def on_book(self, venue: int) -> None:
        """Look at the book that changed."""
        if tr.host.now() >= self.state.next_ts:
            self._snipe(venue)
