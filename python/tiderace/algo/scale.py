"""Scale: orders at several prices, a step apart, the further the larger.

At the start it lays `orders` prices from `first` (0: the best of its own side) on, `offset` ticks
away and `step` ticks apart, down for a buy and up for a sell. Level i has the weight ratio^i:

    size_i = order_qty ratio^i / sum over j of ratio^j

rounded to lots, what is left over at the last level. Each level is shown in `rounds` parts of even
size, moved by up to `jitter`, the last part whatever is left of it; so with one round nothing is
replenished, and with more a level that has filled comes again after a random wait. Orders rest at
their price; where the market has gone past it they take, at that price or better. A level beyond
the parent's limit rests at the limit.

The levels come one after the other, each after a wait drawn between `wait_min` and `wait_max`, so
that they are not one burst that tells of one order.

Source: the "scale" orders of brokers; the sizes as stated here.
"""

import tiderace as tr

ONE = 1_000_000_000
SECOND = 1_000_000_000
LEVELS = 16
IDLE = 5 * SECOND
NONE = 0


@tr.record
class Params:
    """Where the levels lie, and how they are shown."""

    venue: int = tr.param(0, minimum=0, maximum=63, unit="venue")
    orders: int = tr.param(5, minimum=1, maximum=LEVELS, unit="count")
    first: tr.Price = tr.param(0, minimum=0)
    offset: int = tr.param(0, minimum=0, maximum=1_000_000_000)
    step: int = tr.param(1, minimum=1, maximum=1_000_000_000)
    ratio: int = tr.param(ONE, minimum=ONE // 2, maximum=2 * ONE, unit="share")
    rounds: int = tr.param(1, minimum=1, maximum=1000, unit="count")
    jitter: int = tr.param(200_000_000, minimum=0, maximum=500_000_000, unit="share")
    wait_min: int = tr.param(SECOND // 10, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(2 * SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """What each level has left, what of it is shown at a time, and its order."""

    first: tr.Price
    left: tr.Array[tr.Amount, LEVELS]
    part: tr.Array[tr.Amount, LEVELS]
    child: tr.Array[int, LEVELS]
    next_ts: tr.Array[int, LEVELS]


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "scale", "controls": "limit would participation clip end gates"},
)
class Scale:
    """Rests a ladder of orders."""

    params: Params
    state: State

    def _price(self, level: int) -> tr.Price:
        away = tr.Price(self.params.offset + level * self.params.step)
        limit = tr.host.limit(self.params.venue)
        if tr.host.is_buy():
            return min(self.state.first - away, limit)
        return max(self.state.first + away, limit)

    def _allot(self) -> None:
        """Give each level its size; what is too small for an order goes to the next one."""
        weight = tr.i128(ONE)
        total = tr.i128(0)
        for _ in range(self.params.orders):
            total += weight
            weight = weight * self.params.ratio // ONE
        weight = tr.i128(ONE)
        order = tr.host.order_qty()
        left = order
        due = tr.i128(0)
        last = 0
        for level in range(self.params.orders):
            due += weight
            weight = weight * self.params.ratio // ONE
            # What is due by this level, less what the ones before got: nothing is lost on the way.
            size = left - (order - tr.Amount(tr.i128(order) * due // total))
            size -= size % tr.host.lot()
            if size >= tr.host.smallest():
                self.state.left[level] = size
                left -= size
                last = level
        self.state.left[last] += left

    def _size(self, level: int) -> tr.Amount:
        """Return the next part of a level."""
        left = self.state.left[level]
        share = ONE + drawn(-self.params.jitter, self.params.jitter)
        size = max(self.state.part[level] * share // ONE, tr.host.smallest())
        is_last = self.params.rounds == 1 or left - size < tr.host.smallest()
        return left if is_last else size

    def _place(self, level: int) -> None:
        price = self._price(level)
        venue = self.params.venue
        qty = tr.host.lots(venue, self._size(level), price)
        if price > tr.Price(0) and qty > tr.Qty(0) and qty >= tr.host.least(venue, price):
            self.state.child[level] = tr.host.rest_at(venue, tr.host.is_buy(), qty, price)
        else:
            self.state.left[level] = tr.Amount(0)

    def on_start(self) -> None:
        """Lay the levels out; each is placed at a time of its own."""
        venue = self.params.venue
        self.state.first = self.params.first
        if self.state.first <= tr.Price(0):
            self.state.first = tr.host.price(venue, tr.host.is_buy(), 0)
        self._allot()
        ts = tr.host.now()
        for level in range(LEVELS):
            self.state.part[level] = self.state.left[level] // self.params.rounds
            self.state.next_ts[level] = ts
            ts += drawn(self.params.wait_min, self.params.wait_max)
        self.on_timer()

    def on_timer(self) -> None:
        """Place the levels whose time has come."""
        now = tr.host.now()
        for level in range(self.params.orders):
            # What was canceled while the parent was paused was not told.
            if self.state.child[level] != NONE and not tr.host.is_open(self.state.child[level]):
                self._free(level)
            if self._waits(level) and self.state.next_ts[level] <= now:
                self._place(level)
        self._wake()

    def on_fill(self, venue: int, child: int, price: tr.Price, qty: tr.Qty) -> None:
        """Take it off its level."""
        for level in range(self.params.orders):
            if child != NONE and self.state.child[level] == child:
                filled = tr.host.exposure(venue, qty, price)
                self.state.left[level] = max(self.state.left[level] - filled, tr.Amount(0))

    def on_child(self, child: int) -> None:
        """Show the next part after a while."""
        for level in range(self.params.orders):
            if child != NONE and self.state.child[level] == child:
                self._free(level)
        self._wake()

    def _free(self, level: int) -> None:
        self.state.child[level] = NONE
        wait = drawn(self.params.wait_min, self.params.wait_max)
        self.state.next_ts[level] = tr.host.now() + wait

    def _waits(self, level: int) -> bool:
        return self.state.child[level] == NONE and self.state.left[level] > tr.Amount(0)

    def _wake(self) -> None:
        """Wake for the level that is due first, and now and then in any case."""
        soonest = tr.host.now() + IDLE
        for level in range(self.params.orders):
            if self._waits(level):
                soonest = min(soonest, self.state.next_ts[level])
        tr.host.wake(soonest)
