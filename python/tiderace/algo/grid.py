"""Grid: buys below, sells above, and turns each fill around one step on.

Around a centre (`centre`, or the mid at the start) lie 2 `levels` slots, `step` ticks wide. A slot
below the centre buys at its lower edge and, once it has bought, sells at its upper edge; a slot
above sells at its upper edge and, once it has sold, buys back at its lower edge. Each round of a
slot earns one step less fees; the loss is that of the inventory when the price leaves the grid:

    inventory <= levels x size, either way

A slot has one order at a time. It comes again after a wait drawn between `wait_min` and `wait_max`,
its size below `size` by up to `jitter`. Orders only make: where one would take, it waits.
`size` 0 is the bound on net exposure (`order_qty`) divided by `levels`.

Source: grid trading as exchanges offer it; the slots as stated here.
"""

import tiderace as tr

ONE = 1_000_000_000
SECOND = 1_000_000_000
LEVELS = 16
SLOTS = 2 * LEVELS
POSTS_MAX = 16
IDLE = 5 * SECOND
NONE = 0


@tr.record
class Params:
    """Where the slots lie, and what each of them holds."""

    venue: int = tr.param(0, minimum=0, maximum=63, unit="venue")
    centre: tr.Price = tr.param(0, minimum=0)
    levels: int = tr.param(5, minimum=1, maximum=LEVELS, unit="count")
    step: int = tr.param(10, minimum=1, maximum=1_000_000_000)
    size: tr.Amount = tr.param(0, minimum=0, unit="base")
    jitter: int = tr.param(200_000_000, minimum=0, maximum=900_000_000, unit="share")
    wait_min: int = tr.param(SECOND // 10, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(2 * SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """Of each slot: bought (below) or sold (above), its order, that one's leaves, the next time."""

    centre: tr.Price
    held: tr.Array[tr.Qty, SLOTS]
    child: tr.Array[int, SLOTS]
    opens: tr.Array[bool, SLOTS]
    owed: tr.Array[tr.Qty, SLOTS]
    next_ts: tr.Array[int, SLOTS]


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "grid", "kind": "two_sided", "controls": "end gates", "children": "100000"},
)
class Grid:
    """Rests one order a slot."""

    params: Params
    state: State

    def _price(self, slot: int, is_buy: bool) -> tr.Price:
        """Return the lower edge of a slot for a buy, the upper one for a sell."""
        steps = slot - self.params.levels + (0 if is_buy else 1)
        return self.state.centre + tr.Price(steps * self.params.step)

    def _size(self, price: tr.Price) -> tr.Qty:
        size = self.params.size
        even = tr.host.order_qty() // self.params.levels
        # Never more than the even part of the bound: all slots of a side together stay within it.
        size = even if size == tr.Amount(0) else min(size, even)
        size -= size * drawn(0, self.params.jitter) // ONE
        return tr.host.lots(self.params.venue, size, price)

    def _place(self, slot: int) -> bool:
        """Post the next order of a slot; False where it has to wait."""
        venue = self.params.venue
        is_below = slot < self.params.levels
        held = self.state.held[slot]
        self.state.opens[slot] = held < tr.host.least(venue, self._price(slot, not is_below))
        is_buy = is_below == self.state.opens[slot]
        price = self._price(slot, is_buy)
        other = tr.host.price(venue, not is_buy, 0)
        would_take = other > tr.Price(0) and (price >= other if is_buy else price <= other)
        if would_take or price <= tr.Price(0):
            return False
        qty = self._size(price) - held if self.state.opens[slot] else held
        if qty <= tr.Qty(0) or qty < tr.host.least(venue, price):
            return False
        self.state.child[slot] = tr.host.post_at(venue, is_buy, qty, price)
        self.state.owed[slot] = qty
        return True

    def on_start(self) -> None:
        """Lay the slots out; each is filled at a time of its own."""
        venue = self.params.venue
        self.state.centre = self.params.centre
        if self.state.centre <= tr.Price(0):
            mid = (tr.host.price(venue, True, 0) + tr.host.price(venue, False, 0)) // 2
            self.state.centre = mid
        for slot in range(SLOTS):
            self.state.next_ts[slot] = tr.host.now() + drawn(0, self.params.wait_max)
        self._wake()

    def _book(self, slot: int, qty: tr.Qty) -> None:
        self.state.held[slot] += qty if self.state.opens[slot] else -qty
        self.state.owed[slot] -= qty

    def _free(self, slot: int) -> None:
        self.state.child[slot] = NONE
        wait = drawn(self.params.wait_min, self.params.wait_max)
        self.state.next_ts[slot] = tr.host.now() + wait

    def _catch_up(self, slot: int) -> None:
        """Book what was not told of an order that closed while the parent was paused."""
        lots = tr.host.lots(self.params.venue, abs(tr.host.filled()), self.state.centre)
        missed = int(lots) if tr.host.filled() > tr.Amount(0) else -int(lots)
        for each in range(2 * self.params.levels):
            held = int(self.state.held[each])
            missed -= held if each < self.params.levels else -held
        is_buy = (slot < self.params.levels) == self.state.opens[slot]
        if (missed > 0) == is_buy:
            self._book(slot, min(tr.Qty(abs(missed)), self.state.owed[slot]))
        self._free(slot)

    def on_timer(self) -> None:
        """Place the slots whose time has come."""
        now = tr.host.now()
        posts = 0
        for slot in range(2 * self.params.levels):
            child = self.state.child[slot]
            if child != NONE and not tr.host.is_open(child):
                self._catch_up(slot)
            is_due = self.state.child[slot] == NONE and self.state.next_ts[slot] <= now
            if not is_due or posts == POSTS_MAX:
                continue
            if self._place(slot):
                posts += 1
            else:
                self._free(slot)
        self._wake()

    def on_fill(self, venue: int, child: int, price: tr.Price, qty: tr.Qty) -> None:
        """Count what the slot holds."""
        for slot in range(2 * self.params.levels):
            if child != NONE and self.state.child[slot] == child:
                self._book(slot, qty)

    def on_child(self, child: int) -> None:
        """Turn the slot around, after a while."""
        for slot in range(2 * self.params.levels):
            if child != NONE and self.state.child[slot] == child:
                self._free(slot)
        self._wake()

    def _wake(self) -> None:
        """Wake for the slot that is due first, and now and then in any case."""
        soonest = tr.host.now() + IDLE
        for slot in range(2 * self.params.levels):
            if self.state.child[slot] == NONE:
                soonest = min(soonest, self.state.next_ts[slot])
        tr.host.wake(soonest)
