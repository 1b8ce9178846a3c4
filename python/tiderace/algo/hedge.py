"""Hedge: keeps the delta of a book near its target, by time, by a fixed band, or by the best band.

Venue 0 is what it hedges with. What it hedges is

    exposure = `held` + sum over the other venues of position x `delta`
               + `gamma` (price / price at the start - 1)

in base exposure: `held` as given, the account's positions at the parent's other venues with one
delta for all, and the change of delta with the price of venue 0 to the first order (the host shows
no greeks). The distance from the target is exposure + own fills - `target`. By `rule`:

- 0 **time**: every `interval` (moved at random by up to `jitter`), all of the distance is traded;
- 1 **band**: when the distance is beyond `band`, all of it is traded;
- 2 **Whalley and Wilmott**: when it is beyond

      H = (3 cost S Gamma^2 / (2 a))^(1/3)

  it is traded back to H, no further. With g = S Gamma the change of delta for a relative move of 1
  (`gamma`, in units of `unit`) and A = a S the risk aversion for the value of a unit (`aversion`),
  that is H = (3 cost g^2 / (2 A))^(1/3) units: no price enters. Interest until expiry is left out.

A distance is looked at again at most once every `interval` / 16 or so; it is taken in clips drawn
between `clip_low` and `clip_high` of the bound on net exposure (`order_qty`), no further than
`slip` ticks beyond the best price, with random waits between them. Own fills stay within that
bound.

Source: A. E. Whalley and P. Wilmott, "An asymptotic analysis of an optimal hedging model for option
pricing with transaction costs", Mathematical Finance 7 (1997), the band of width H about delta.
"""

import tiderace as tr
from tiderace import model

ONE = 1_000_000_000
SECOND = 1_000_000_000
HEDGE = 0
NONE = 0


class Rule(tr.Enum):
    """When to trade."""

    TIME = 0
    BAND = 1
    WHALLEY_WILMOTT = 2


@tr.record
class Params:
    """What is hedged, and when."""

    rule: int = tr.param(2, minimum=0, maximum=2)
    target: tr.Amount = tr.param(0, unit="base")
    held: tr.Amount = tr.param(0, unit="base")
    delta: int = tr.param(0, minimum=-ONE, maximum=ONE, unit="share")
    gamma: tr.Amount = tr.param(0, unit="base")
    unit: tr.Amount = tr.param(100_000_000, minimum=1, unit="base")
    cost: int = tr.param(500_000, minimum=0, maximum=ONE, unit="share")
    aversion: int = tr.param(ONE, minimum=1000, maximum=1_000_000 * ONE, unit="share")
    band: tr.Amount = tr.param(0, minimum=0, unit="base")
    interval: int = tr.param(60 * SECOND, minimum=SECOND, maximum=86_400 * SECOND, unit="ns")
    jitter: int = tr.param(250_000_000, minimum=0, maximum=900_000_000, unit="share")
    slip: int = tr.param(20, minimum=0, maximum=1_000_000_000)
    clip_low: int = tr.param(50_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    clip_high: int = tr.param(200_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    wait_min: int = tr.param(SECOND // 10, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """The price at the start, the band, and what is under way."""

    start_price: tr.Price
    band: tr.Amount
    child: int
    next_ts: int
    rebalance_ts: int
    is_trading: bool


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "hedge", "kind": "two_sided", "controls": "clip end gates", "children": "100000"},
)
class Hedge:
    """Trades the distance from its target once it is worth its cost."""

    params: Params
    state: State

    def _width(self) -> tr.Amount:
        """Return how far from the target is left alone."""
        if self.params.rule == Rule.BAND:
            return self.params.band
        if self.params.rule == Rule.TIME or self.params.gamma == tr.Amount(0):
            return tr.Amount(0)
        unit = float(tr.i128(self.params.unit))
        gamma = float(tr.i128(self.params.gamma)) / unit
        cube = 1.5 * float(self.params.cost) * gamma * gamma / float(self.params.aversion)
        if cube <= 0.0:
            return tr.Amount(0)
        width = min(model.exp(model.log(cube) / 3.0), 1e9)
        return self.params.unit * int(width * 1e9) // ONE

    def _mid(self) -> tr.Price:
        bid = tr.host.price(HEDGE, True, 0)
        ask = tr.host.price(HEDGE, False, 0)
        is_there = bid > tr.Price(0) and ask > tr.Price(0)
        return (bid + ask) // 2 if is_there else tr.Price(0)

    def _is_known(self, mid: tr.Price) -> bool:
        """Return whether every price is there that an exposure needs."""
        for venue in range(1, tr.host.venues()):
            lots = tr.host.position(venue)
            if lots != 0 and tr.host.price(venue, lots > 0, 0) <= tr.Price(0):
                return False
        return mid > tr.Price(0)

    def _distance(self, mid: tr.Price) -> tr.Amount:
        """Return how much exposure there is beyond the target."""
        total = self.params.held - self.params.target + tr.host.filled()
        start = int(self.state.start_price)
        total += self.params.gamma * (int(mid) - start) // start
        for venue in range(1, tr.host.venues()):
            lots = tr.host.position(venue)
            price = tr.host.price(venue, lots > 0, 0)
            size = tr.host.exposure(venue, tr.Qty(abs(lots)), price) * self.params.delta // ONE
            total += size if lots > 0 else -size
        return total

    def _look(self) -> None:
        """Begin to trade where the rule says so; take the next clip of what is to be traded."""
        now = tr.host.now()
        mid = self._mid()
        if not tr.host.is_open(self.state.child):
            # Closed, which is not told while the parent is paused.
            self.state.child = NONE
        if self.state.child != NONE or now < self.state.next_ts or not self._is_known(mid):
            return
        if self.state.start_price == tr.Price(0):
            self.state.start_price = mid
        distance = self._distance(mid)
        if not self.state.is_trading:
            is_time = self.params.rule == Rule.TIME
            is_beyond = abs(distance) > self.state.band
            self.state.is_trading = now >= self.state.rebalance_ts if is_time else is_beyond
        if not self.state.is_trading:
            return
        keeps = tr.Amount(0)
        if self.params.rule == Rule.WHALLEY_WILMOTT:
            keeps = self.state.band
        if not self._take(distance > tr.Amount(0), abs(distance) - keeps):
            self._rest(now)

    def _take(self, sells: bool, size: tr.Amount) -> bool:
        """Take a clip; False where what is left is none."""
        net = tr.host.filled()
        bound = tr.host.order_qty()
        room = bound + net if sells else bound - net
        best = tr.host.price(HEDGE, sells, 0)
        worst = max(best - tr.Price(self.params.slip), tr.Price(1))
        if not sells:
            worst = best + tr.Price(self.params.slip)
        clip = bound * drawn(self.params.clip_low, self.params.clip_high) // ONE
        least = tr.host.exposure(HEDGE, tr.host.least(HEDGE, worst), worst)
        clip = max(clip, least)
        if size - clip < least:
            # Nothing too small is left for later.
            clip = size
        qty = tr.host.lots(HEDGE, min(clip, size, room), worst)
        if qty <= tr.Qty(0) or qty < tr.host.least(HEDGE, worst):
            return False
        self.state.child = tr.host.take_at(HEDGE, not sells, qty, worst)
        return True

    def _rest(self, now: int) -> None:
        """Done for now: look again later."""
        self.state.is_trading = False
        self.state.next_ts = now + drawn(1, self.params.interval // 16)
        span = self.params.interval // ONE * self.params.jitter
        self.state.rebalance_ts = now + self.params.interval - span + tr.host.random(2 * span + 1)

    def _step(self) -> None:
        self._look()
        ts = self.state.next_ts
        if self.params.rule == Rule.TIME and not self.state.is_trading:
            ts = max(ts, self.state.rebalance_ts)
        if ts > tr.host.now():
            tr.host.wake(ts)

    def on_start(self) -> None:
        """Work out the band; hedge what is open, after a while."""
        self.state.start_price = self._mid()
        self.state.band = self._width()
        self.state.next_ts = tr.host.now() + drawn(self.params.wait_min, self.params.wait_max)
        tr.host.wake(self.state.next_ts)

    def on_timer(self) -> None:
        """Go on."""
        self._step()

    def on_book(self, venue: int) -> None:
        """See whether the delta has moved with the price."""
        if venue == HEDGE:
            self._step()

    def on_child(self, child: int) -> None:
        """Take the next clip after a while."""
        if child != NONE and child == self.state.child:
            self.state.child = NONE
            wait = drawn(self.params.wait_min, self.params.wait_max)
            self.state.next_ts = tr.host.now() + wait
            tr.host.wake(self.state.next_ts)
