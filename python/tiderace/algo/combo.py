"""Combo: options by legs, the delta hedged in a perpetual on each partial fill.

Venues 0 ... `legs` - 1 are the legs, the next one is the perpetual. `ratios` are lots of each leg
in one combo, above 0 bought and below 0 sold. `deltas` are each leg's delta, of a unit of exposure,
in 1e-9; where it is 0, an option's is the desk's own at the fill (by the last published surface,
`docs/ALGO.md`, function 44). `units` combos are done for `net` or less:

    sum of ratio_i price_i <= net     (ticks x lots of one combo; below 0 is a credit)

- **One leg is worked**: `work`. With the other legs at what they can be taken at, `net` leaves a
  worst price for it; it is taken where it can be had within that, else, if `passive`, posted at the
  better of that and its own best price, in clips of 1 to `combos_max` combos, drawn.
- **The others follow**: on every partial fill, each other leg is taken up to `slip` ticks beyond
  its best, until it has its ratio of what the worked leg has done, rounded down.
- **Delta**: on every fill of any leg, net delta = sum of signed exposure x delta + perpetual; where
  its size is above `band` and an order is possible, all of it is taken in the perpetual. A delta
  that moves after its fill is not traded again: `hedge` is for that.

Nothing new is worked while a leg is behind or the delta is not hedged: at most one clip hangs. A
leg or hedge that did not fill is tried again after a random wait; nothing is traded back. What is
too small for an order waits for the next fill, and at the end it is left.

Source: legging of combos as desks do it; the rules as stated here. Delta: F. Black, "The pricing of
commodity contracts", Journal of Financial Economics 3 (1976), `tr.model.greeks76`.
"""

import tiderace as tr

ONE = 1_000_000_000
SECOND = 1_000_000_000
VENUES = 8
NONE = 0


@tr.record
class Params:
    """The combo, its price, and how it is worked."""

    legs: int = tr.param(2, minimum=1, maximum=VENUES - 1, unit="count")
    ratios: tr.Array[int, VENUES]
    deltas: tr.Array[int, VENUES]
    units: int = tr.param(minimum=1, maximum=1_000_000_000, unit="count")
    net: int
    work: int = tr.param(0, minimum=0, maximum=VENUES - 2, unit="count")
    passive: bool = tr.param(True)
    combos_max: int = tr.param(5, minimum=1, maximum=1_000_000, unit="count")
    slip: int = tr.param(5, minimum=0, maximum=1_000_000)
    hedge_slip: int = tr.param(50, minimum=0, maximum=1_000_000_000)
    band: tr.Amount = tr.param(0, minimum=0, unit="base")
    wait_min: int = tr.param(SECOND // 5, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(3 * SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """Of each venue: lots done, its order, when the next may go, the position; and the deltas."""

    done: tr.Array[tr.Qty, VENUES]
    child: tr.Array[int, VENUES]
    next_ts: tr.Array[int, VENUES]
    position: tr.Array[int, VENUES]
    delta: tr.Amount
    hedged: tr.Amount
    hedge_buys: bool


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "combo", "kind": "two_sided", "controls": "clip end gates", "children": "100000"},
)
class Combo:
    """Works one leg; takes the others and the delta."""

    params: Params
    state: State

    def _buys(self, leg: int) -> bool:
        return self.params.ratios[leg] > 0

    def _left(self) -> tr.Qty:
        """Return what the worked leg still has to do."""
        each = abs(self.params.ratios[self.params.work])
        return tr.Qty(self.params.units * each) - self.state.done[self.params.work]

    def _missing(self, leg: int) -> tr.Qty:
        """Return how many lots a leg is behind the worked one."""
        work = self.params.work
        due = self.state.done[work] * abs(self.params.ratios[leg]) // abs(self.params.ratios[work])
        return due - self.state.done[leg]

    def _bound(self) -> tr.Price:
        """Return the worst price of the worked leg that keeps `net`; zero where there is none."""
        left = self.params.net
        for leg in range(self.params.legs):
            if leg != self.params.work and self.params.ratios[leg] != 0:
                far = tr.host.price(leg, not self._buys(leg), 0)
                if far <= tr.Price(0):
                    return tr.Price(0)
                left -= self.params.ratios[leg] * int(far)
        ratio = self.params.ratios[self.params.work]
        # A buy pays left / ratio at most, a sale gets it at least: rounded to the better tick.
        return tr.Price(left // ratio if ratio > 0 else -(left // -ratio))

    def _work(self) -> None:
        """Begin a clip of the worked leg, or pull one that its price no longer suits."""
        work = self.params.work
        buys = self._buys(work)
        bound = self._bound()
        child = self.state.child[work]
        if child != NONE:
            price = tr.host.child_price(child)
            is_off = price > bound if buys else price < bound
            is_off = is_off or bound <= tr.Price(0)
            if price > tr.Price(0) and is_off and tr.host.pending() == 0:
                tr.host.cancel(child)
            return
        each = abs(self.params.ratios[work])
        left = self._left()
        far = tr.host.price(work, not buys, 0)
        near = tr.host.price(work, buys, 0)
        has_book = bound > tr.Price(0) and far > tr.Price(0) and near > tr.Price(0)
        if not has_book or left <= tr.Qty(0) or tr.host.now() < self.state.next_ts[work]:
            return
        takes = far <= bound if buys else far >= bound
        if not takes and not self.params.passive:
            return
        better = min(bound, near) if buys else max(bound, near)
        price = far if takes else better
        qty = min(tr.Qty(drawn(1, self.params.combos_max) * each), left)
        qty = min(max(qty, tr.host.least(work, price)), left)
        if qty < tr.host.least(work, price):
            return
        if takes:
            self.state.child[work] = tr.host.take_at(work, buys, qty, price)
        else:
            self.state.child[work] = tr.host.post_at(work, buys, qty, price)

    def _take(self, venue: int, buys: bool, qty: tr.Qty, slip: int) -> bool:
        """Take at a venue; True where something is still to be done there."""
        if self.state.child[venue] != NONE:
            return True
        far = tr.host.price(venue, not buys, 0)
        if far <= tr.Price(0):
            return True
        worst = far + tr.Price(slip) if buys else max(far - tr.Price(slip), tr.Price(1))
        if qty <= tr.Qty(0) or qty < tr.host.least(venue, worst):
            return False
        if tr.host.now() >= self.state.next_ts[venue]:
            self.state.child[venue] = tr.host.take_at(venue, buys, qty, worst)
        return True

    def _follow(self) -> bool:
        """Bring the other legs up; True while one is behind."""
        is_behind = False
        for leg in range(self.params.legs):
            if leg == self.params.work or self.params.ratios[leg] == 0:
                continue
            if self._take(leg, self._buys(leg), self._missing(leg), self.params.slip):
                is_behind = True
        return is_behind

    def _hedge(self) -> bool:
        """Bring the delta to zero in the perpetual; True while it is not."""
        venue = self.params.legs
        net = self.state.delta + self.state.hedged
        buys = net < tr.Amount(0)
        if self.state.child[venue] == NONE:
            if abs(net) <= self.params.band:
                return False
            self.state.hedge_buys = buys
        far = tr.host.price(venue, not buys, 0)
        qty = tr.host.lots(venue, abs(net), far) if far > tr.Price(0) else tr.Qty(0)
        return self._take(venue, buys, qty, self.params.hedge_slip)

    def _step(self) -> None:
        is_behind = self._follow()
        is_open = self._hedge()
        work = self.params.work
        if self.state.child[work] != NONE:
            self._work()
        elif not (is_behind or is_open):
            if self._left() <= tr.Qty(0):
                tr.host.finish()
                return
            self._work()
        tr.host.wake(tr.host.now() + drawn(self.params.wait_min, self.params.wait_max))

    def on_start(self) -> None:
        """Begin after a while."""
        self._catch_up()
        wait = drawn(self.params.wait_min, self.params.wait_max)
        self.state.next_ts[self.params.work] = tr.host.now() + wait
        tr.host.wake(self.state.next_ts[self.params.work])

    def _catch_up(self) -> None:
        """Count what was not told of an order that closed while the parent was paused."""
        for venue in range(self.params.legs + 1):
            position = tr.host.position(venue)
            child = self.state.child[venue]
            if child != NONE and not tr.host.is_open(child):
                missed = tr.Qty(abs(position - self.state.position[venue]))
                self._count(venue, tr.host.price(venue, True, 0), missed)
                self._free(venue)
            if self.state.child[venue] == NONE:
                self.state.position[venue] = position

    def on_timer(self) -> None:
        """Go on."""
        self._catch_up()
        self._step()

    def on_book(self, venue: int) -> None:
        """Go on."""
        self._catch_up()
        self._step()

    def on_fill(self, venue: int, child: int, price: tr.Price, qty: tr.Qty) -> None:
        """Count it; take what follows from it at once."""
        if child != NONE and venue <= self.params.legs and child == self.state.child[venue]:
            self._count(venue, price, qty)
            self._step()

    def _count(self, venue: int, price: tr.Price, qty: tr.Qty) -> None:
        is_leg = venue < self.params.legs
        buys = self._buys(venue) if is_leg else self.state.hedge_buys
        sign = 1 if buys else -1
        exposure = tr.host.exposure(venue, qty, price) * sign
        self.state.done[venue] += qty
        self.state.position[venue] += int(qty) * sign
        if is_leg:
            self.state.delta += exposure * self._delta(venue) // ONE
        else:
            self.state.hedged += exposure

    def _delta(self, leg: int) -> int:
        """Return a leg's delta: the one that is set, else an option's own."""
        delta = self.params.deltas[leg]
        if delta == 0 and tr.host.vol(leg) > 0:
            delta = tr.host.delta(leg)
        return delta

    def on_child(self, child: int) -> None:
        """Try again, or work the next clip, after a while."""
        for venue in range(self.params.legs + 1):
            if child != NONE and self.state.child[venue] == child:
                self._free(venue)
        tr.host.wake(tr.host.now() + drawn(SECOND // 20, SECOND // 5))

    def _free(self, venue: int) -> None:
        self.state.child[venue] = NONE
        wait = drawn(SECOND // 20, SECOND // 5)
        if venue == self.params.work:
            wait = drawn(self.params.wait_min, self.params.wait_max)
        self.state.next_ts[venue] = tr.host.now() + wait
