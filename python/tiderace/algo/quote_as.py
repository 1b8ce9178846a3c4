"""Two-sided quotes of Avellaneda and Stoikov: lean against the inventory, as time runs out.

With S the mid in ticks, q the inventory in units of `unit`, tau the time left in seconds, sigma in
ticks a root-second, gamma in 1 / tick and k in 1 / tick:

    r = S - q (gamma sigma^2 tau + vega_skew)
    half = gamma sigma^2 tau / 2 + ln(1 + gamma / k) / gamma
    bid = floor(r - half), ask = ceil(r + half)

at gamma = 0 half = 1 / k. `vega_skew` (ticks a unit) moves both quotes for an option's vega, as its
vol quoted would be moved: it is d price / d vol times the vol points that one unit is worth.

Discretised so: one tick of price, one `unit` of inventory; tau = min(end - now, `horizon`), so it
shrinks only towards the end. A quote stands for a time drawn between `dwell` and 1.5 `dwell` at
least, goes when it is `requote` ticks or more from where it should be, and comes back after a wait
drawn between `wait_min` and `wait_max`; sizes are drawn between `size_min` and 1 of a unit. At
`units_max` it no longer adds. It only makes: a quote that would take stands one tick off the other
side.

Source: M. Avellaneda and S. Stoikov, "High-frequency trading in a limit order book", Quantitative
Finance 8 (2008), equations 29 and 30; `tr.algo.avellaneda_stoikov`.
"""

import tiderace as tr
from tiderace import model

ONE = 1_000_000_000
SECOND = 1_000_000_000
NONE = 0


@tr.record
class Params:
    """The model, what a unit is, and how quotes move."""

    venue: int = tr.param(0, minimum=0, maximum=63, unit="venue")
    gamma: int = tr.param(10_000_000, minimum=0, maximum=1000 * ONE, unit="share")
    sigma: int = tr.param(ONE, minimum=0, maximum=1_000_000 * ONE, unit="share")
    k: int = tr.param(300_000_000, minimum=1000, maximum=1000 * ONE, unit="share")
    vega_skew: int = tr.param(0, minimum=-1_000_000 * ONE, maximum=1_000_000 * ONE, unit="share")
    horizon: int = tr.param(60 * SECOND, minimum=0, maximum=86_400 * SECOND, unit="ns")
    unit: tr.Amount = tr.param(0, minimum=0, unit="base")
    units_max: int = tr.param(5, minimum=1, maximum=1000, unit="count")
    size_min: int = tr.param(600_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    requote: int = tr.param(2, minimum=1, maximum=1_000_000)
    dwell: int = tr.param(SECOND // 2, minimum=0, maximum=3600 * SECOND, unit="ns")
    wait_min: int = tr.param(SECOND // 20, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """Of the ask (0) and the bid (1): its order, when it may go or come; and what never changes."""

    child: tr.Array[int, 2]
    next_ts: tr.Array[int, 2]
    unit: tr.Amount
    edge: float


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


def floor(x: float) -> int:
    """Return the largest whole number that is not above x."""
    whole = int(x)
    return whole - 1 if float(whole) > x else whole


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "quote_as", "kind": "two_sided", "controls": "end gates", "children": "1000000"},
)
class QuoteAs:
    """Quotes around a reservation price."""

    params: Params
    state: State

    def _time_left(self) -> float:
        """Return tau in seconds."""
        left = min(tr.host.end() - tr.host.now(), self.params.horizon)
        return float(max(left, 0)) / 1e9

    def _offset(self, is_bid: bool, units: float) -> float:
        """Return how far from the mid to quote, in ticks."""
        sigma = float(self.params.sigma) / 1e9
        risk = float(self.params.gamma) / 1e9 * sigma * sigma * self._time_left()
        lean = units * (risk + float(self.params.vega_skew) / 1e9)
        half = 0.5 * risk + self.state.edge
        return half + lean if is_bid else half - lean

    def on_start(self) -> None:
        """Work out what does not change."""
        gamma = float(self.params.gamma) / 1e9
        k = float(self.params.k) / 1e9
        self.state.edge = model.log(1.0 + gamma / k) / gamma if self.params.gamma > 0 else 1.0 / k
        self._begin()

    def _begin(self) -> None:
        self.state.unit = self.params.unit
        if self.state.unit == tr.Amount(0):
            self.state.unit = max(tr.host.order_qty() // self.params.units_max, tr.Amount(1))
        for side in range(2):
            self.state.next_ts[side] = tr.host.now() + drawn(0, self.params.wait_max)
        self._wake()

    def _price(self, is_bid: bool) -> tr.Price:
        """Return where to quote now; zero where there is nothing to quote around."""
        venue = self.params.venue
        bid = tr.host.price(venue, True, 0)
        ask = tr.host.price(venue, False, 0)
        units = self._units()
        is_full = units >= self.params.units_max if is_bid else -units >= self.params.units_max
        if bid <= tr.Price(0) or ask <= tr.Price(0) or is_full:
            return tr.Price(0)
        mid = 0.5 * float(int(bid + ask))
        offset = self._offset(is_bid, self._inventory())
        if is_bid:
            return min(tr.Price(floor(mid - offset)), ask - tr.Price(1))
        return max(tr.Price(-floor(-(mid + offset))), bid + tr.Price(1))

    def _inventory(self) -> float:
        """Return q."""
        return float(tr.i128(tr.host.filled())) / float(tr.i128(self.state.unit))

    def _units(self) -> int:
        """Return whole units held, begun ones counted."""
        unit = self.state.unit
        net = tr.host.filled()
        most = (abs(net) + unit - tr.Amount(1)) // unit
        return int(most) if net > tr.Amount(0) else -int(most)

    def _quote(self, is_bid: bool, now: int) -> None:
        """Pull a quote that is off, or post one; both only when its time has come."""
        side = int(is_bid)
        if now < self.state.next_ts[side]:
            return
        price = self._price(is_bid)
        child = self.state.child[side]
        if child != NONE and not tr.host.is_open(child):
            # It was canceled while the parent was paused, and that was not told.
            self._free(side, now)
            return
        if child != NONE:
            off = abs(tr.host.child_price(child) - price)
            if price <= tr.Price(0) or off >= tr.Price(self.params.requote):
                tr.host.cancel(child)
                self.state.next_ts[side] = now + SECOND
            return
        share = drawn(self.params.size_min, ONE)
        qty = tr.host.lots(self.params.venue, self.state.unit * share // ONE, price)
        if (
            price <= tr.Price(0)
            or qty <= tr.Qty(0)
            or qty < tr.host.least(self.params.venue, price)
        ):
            self._free(side, now)
            return
        self.state.child[side] = tr.host.post_at(self.params.venue, is_bid, qty, price)
        self.state.next_ts[side] = now + drawn(self.params.dwell, self.params.dwell // 2 * 3)

    def _step(self) -> None:
        now = tr.host.now()
        self._quote(True, now)
        self._quote(False, now)
        self._wake()

    def _wake(self) -> None:
        """Wake for the side that is due first; a quote that stands is looked at on the book."""
        now = tr.host.now()
        soonest = 0
        for side in range(2):
            ts = self.state.next_ts[side]
            if ts > now:
                soonest = ts if soonest == 0 else min(soonest, ts)
        if soonest > 0:
            tr.host.wake(soonest)

    def on_timer(self) -> None:
        """Quote."""
        self._step()

    def on_book(self, venue: int) -> None:
        """See whether the quotes are still right."""
        if venue == self.params.venue:
            self._step()

    def on_child(self, child: int) -> None:
        """Come back after a while."""
        for side in range(2):
            if child != NONE and self.state.child[side] == child:
                self._free(side, tr.host.now())
        self._wake()

    def _free(self, side: int, now: int) -> None:
        self.state.child[side] = NONE
        self.state.next_ts[side] = now + drawn(self.params.wait_min, self.params.wait_max)
