"""Two-sided quotes of Gueant, Lehalle and Fernandez-Tapia: for ever, with bounded inventory.

With q the inventory in units of `unit`, -Q <= q <= Q = `units_max`, sigma in ticks a root-second,
arrivals at the rate a exp(-k distance) a second, k and gamma in 1 / tick:

    alpha = k gamma sigma^2 / 2,  eta = a (1 + gamma / k)^-(1 + k / gamma)
    bid(q) = ln(f_q / f_q+1) / k + ln(1 + gamma / k) / gamma
    ask(q) = ln(f_q / f_q-1) / k + ln(1 + gamma / k) / gamma

below and above the mid, f the eigenvector of the smallest eigenvalue of the matrix over -Q ... Q
with alpha q^2 on its diagonal and -eta beside it. The start works out the ratios f_q-1 / f_q, from
the ends inwards, the eigenvalue by halving on the signs of the pivots: exact, and once for the
parent's life. Between whole units an offset is interpolated. `vega_skew` (ticks a unit) moves both
quotes by so much a unit, as an option's vol quoted would be moved by the vega held.

How quotes stand, go and come, what their sizes are: as `quote_as`.

Source: O. Gueant, C.-A. Lehalle and J. Fernandez-Tapia, "Dealing with the inventory risk: a
solution to the market making problem", Mathematics and Financial Economics 7 (2013), proposition 1
and theorem 2; `tr.algo.glft`.
"""

import tiderace as tr
from tiderace import model

ONE = 1_000_000_000
SECOND = 1_000_000_000
UNITS = 32
HALVINGS = 60
NONE = 0


@tr.record
class Params:
    """The model, what a unit is, and how quotes move."""

    venue: int = tr.param(0, minimum=0, maximum=63, unit="venue")
    gamma: int = tr.param(10_000_000, minimum=1000, maximum=1000 * ONE, unit="share")
    sigma: int = tr.param(ONE, minimum=0, maximum=1_000_000 * ONE, unit="share")
    a: int = tr.param(ONE, minimum=1000, maximum=1_000_000 * ONE, unit="share")
    k: int = tr.param(300_000_000, minimum=1000, maximum=1000 * ONE, unit="share")
    vega_skew: int = tr.param(0, minimum=-1_000_000 * ONE, maximum=1_000_000 * ONE, unit="share")
    unit: tr.Amount = tr.param(0, minimum=0, unit="base")
    units_max: int = tr.param(5, minimum=1, maximum=UNITS, unit="count")
    size_min: int = tr.param(600_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    requote: int = tr.param(2, minimum=1, maximum=1_000_000)
    dwell: int = tr.param(SECOND // 2, minimum=0, maximum=3600 * SECOND, unit="ns")
    wait_min: int = tr.param(SECOND // 20, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """Of the ask (0) and the bid (1): its order, when it may go or come; and the model solved."""

    child: tr.Array[int, 2]
    next_ts: tr.Array[int, 2]
    unit: tr.Amount
    edge: float
    pivots: tr.Array[float, UNITS]


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


def floor(x: float) -> int:
    """Return the largest whole number that is not above x."""
    whole = int(x)
    return whole - 1 if float(whole) > x else whole


def eliminate(value: float, curve: float, most: int, pivots: tr.Array[float, UNITS]) -> bool:
    """Eliminate from Q down to 0; False unless `value` lies below every eigenvalue."""
    tail = 0.0
    for step in range(most):
        q = most - step
        pivot = curve * float(q * q) - value - tail
        if pivot <= 0.0:
            return False
        # f_q-1 / f_q
        pivots[q - 1] = pivot
        tail = 1.0 / pivot
    return -value - 2.0 * tail > 0.0


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={
        "name": "quote_glft",
        "kind": "two_sided",
        "controls": "end gates",
        "children": "1000000",
    },
)
class QuoteGlft:
    """Quotes at offsets by inventory."""

    params: Params
    state: State

    def _lean(self, q: int) -> float:
        """Return ln(f_q-1 / f_q) / k for -Q < q <= Q: even in size, its sign turned below 1."""
        k = float(self.params.k) / 1e9
        if q >= 1:
            return model.log(self.state.pivots[q - 1]) / k
        return -model.log(self.state.pivots[-q]) / k

    def _exact(self, is_bid: bool, q: int) -> float:
        """Return the offset of a whole inventory; that of the last one that quotes beyond it."""
        most = self.params.units_max
        if is_bid:
            # ln(f_q / f_q+1)
            return self.state.edge + self._lean(max(min(q, most - 1), -most) + 1)
        return self.state.edge - self._lean(min(max(q, 1 - most), most))

    def _offset(self, is_bid: bool, units: float) -> float:
        """Return how far from the mid to quote, in ticks."""
        below = floor(units)
        part = units - float(below)
        offset = self._exact(is_bid, below)
        if part > 0.0:
            offset += part * (self._exact(is_bid, below + 1) - offset)
        lean = units * float(self.params.vega_skew) / 1e9
        return offset + lean if is_bid else offset - lean

    def on_start(self) -> None:
        """Solve the model."""
        gamma = float(self.params.gamma) / 1e9
        k = float(self.params.k) / 1e9
        sigma = float(self.params.sigma) / 1e9
        self.state.edge = model.log(1.0 + gamma / k) / gamma
        eta = float(self.params.a) / 1e9 * model.exp(-(gamma + k) * self.state.edge)
        curve = 0.5 * k * gamma * sigma * sigma / eta
        # The smallest eigenvalue lies between: each row sums to -2 at least, the middle one has 0.
        low = -2.0
        high = 0.0
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if eliminate(middle, curve, self.params.units_max, self.state.pivots):
                low = middle
            else:
                high = middle
        eliminate(low, curve, self.params.units_max, self.state.pivots)
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
