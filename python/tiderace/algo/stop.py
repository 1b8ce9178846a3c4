"""Stop and trailing stop, with a guard against slippage.

It waits until the reference (the last trade, or with `on_mid` the mid) has been at the trigger or
beyond for `dwell` without a break: at or above it for a buy, at or below it for a sell. Then it
takes in clips with random waits, never further than `slip` ticks from the trigger:

    guard = trigger + slip (buy), trigger - slip (sell)

What cannot be had within the guard waits for the market to come back; where the market stays
beyond it for `patience`, the rest is abandoned (0: it waits until the end).

Trailing, with `trail` above 0, the trigger follows the best reference since the start:

    trigger = lowest + trail (buy), highest - trail (sell)

and stands once it has fired. A stop with neither a `trigger` nor a `trail` never fires. One spike
does not fire it (the dwell), and a flash does not fill it at any price (the guard).

Source: the order types of exchanges (FIX OrdType 3 and P, PegMoveType); dwell and guard as stated.
"""

import tiderace as tr

ONE = 1_000_000_000
SECOND = 1_000_000_000


@tr.record
class Params:
    """Where it fires, and how far it goes then."""

    venue: int = tr.param(0, minimum=0, maximum=63, unit="venue")
    trigger: tr.Price = tr.param(0, minimum=0)
    trail: int = tr.param(0, minimum=0, maximum=1_000_000_000)
    on_mid: bool = tr.param(True)
    dwell: int = tr.param(SECOND // 2, minimum=0, maximum=3600 * SECOND, unit="ns")
    slip: int = tr.param(50, minimum=0, maximum=1_000_000_000)
    patience: int = tr.param(0, minimum=0, maximum=86_400 * SECOND, unit="ns")
    clip_low: int = tr.param(100_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    clip_high: int = tr.param(300_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    wait_min: int = tr.param(SECOND // 5, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")
    wait_max: int = tr.param(2 * SECOND, minimum=10_000_000, maximum=3600 * SECOND, unit="ns")


@tr.record
class State:
    """Where the trigger stands, and since when it or the guard is passed; 0: it is not."""

    trigger: tr.Price
    beyond_since: int
    is_fired: bool
    stuck_since: int
    next_ts: int


def drawn(low: int, high: int) -> int:
    """Return a number of a range, each as likely."""
    return low + tr.host.random(max(high - low, 0) + 1)


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "stop", "controls": "limit participation clip end gates"},
)
class Stop:
    """Waits beyond its trigger for a while, then takes within its guard."""

    params: Params
    state: State

    def _reference(self) -> tr.Price:
        """Return what the trigger is compared with, away from it where a mid lies between ticks."""
        if not self.params.on_mid:
            return tr.host.last(self.params.venue)
        bid = tr.host.price(self.params.venue, True, 0)
        ask = tr.host.price(self.params.venue, False, 0)
        if bid <= tr.Price(0) or ask <= tr.Price(0):
            return tr.Price(0)
        return (bid + ask) // 2 if tr.host.is_buy() else (bid + ask + tr.Price(1)) // 2

    def _follow(self, reference: tr.Price) -> None:
        """Let a trailing trigger follow."""
        trail = tr.Price(self.params.trail)
        if trail > tr.Price(0):
            trigger = reference + trail if tr.host.is_buy() else reference - trail
            is_first = self.state.trigger == tr.Price(0)
            is_better = (
                trigger < self.state.trigger if tr.host.is_buy() else trigger > self.state.trigger
            )
            if is_first or is_better:
                self.state.trigger = trigger

    def _watch(self) -> None:
        """Fire once the reference has been beyond the trigger for long enough."""
        reference = self._reference()
        if reference <= tr.Price(0):
            return
        self._follow(reference)
        trigger = self.state.trigger
        is_beyond = reference >= trigger if tr.host.is_buy() else reference <= trigger
        if trigger <= tr.Price(0) or not is_beyond:
            self.state.beyond_since = 0
            return
        if self.state.beyond_since == 0:
            self.state.beyond_since = tr.host.now()
        fires = self.state.beyond_since + self.params.dwell
        if tr.host.now() < fires:
            tr.host.wake(fires)
            return
        self.state.is_fired = True
        self._work()

    def _work(self) -> None:
        """Take a clip within the guard; give up where the market stays beyond it."""
        now = tr.host.now()
        if now < self.state.next_ts:
            return
        venue = self.params.venue
        is_buy = tr.host.is_buy()
        slip = tr.Price(self.params.slip if is_buy else -self.params.slip)
        guard = self.state.trigger + slip
        limit = tr.host.limit(venue)
        worst = min(guard, limit) if is_buy else max(guard, limit)
        best = tr.host.price(venue, not is_buy, 0)
        self.state.next_ts = now + drawn(self.params.wait_min, self.params.wait_max)
        tr.host.wake(self.state.next_ts)
        is_stuck = best > worst if is_buy else best < worst
        if best <= tr.Price(0) or is_stuck:
            self._be_patient(now)
            return
        self.state.stuck_since = 0
        qty = self._clip(venue, worst)
        if qty > tr.Qty(0):
            tr.host.take_at(venue, is_buy, qty, worst)

    def _be_patient(self, now: int) -> None:
        """Wait beyond the guard for so long, then let the rest go."""
        if self.state.stuck_since == 0:
            self.state.stuck_since = now
        if self.params.patience > 0 and now - self.state.stuck_since >= self.params.patience:
            tr.host.finish()

    def _clip(self, venue: int, price: tr.Price) -> tr.Qty:
        """Return what to take now: a drawn share of the order, and no dust left behind."""
        left = tr.host.order_qty() - tr.host.filled() - tr.host.working()
        share = drawn(self.params.clip_low, self.params.clip_high)
        want = min(max(tr.host.order_qty() * share // ONE, tr.host.smallest()), left)
        if left - want < tr.host.smallest():
            want = left
        qty = tr.host.lots(venue, want, price)
        return tr.Qty(0) if qty < tr.host.least(venue, price) else qty

    def on_start(self) -> None:
        """Set the trigger; it may be passed already."""
        self.state.trigger = self.params.trigger
        self._watch()

    def on_timer(self) -> None:
        """Fire at the end of the dwell, or take the next clip."""
        self._step()

    def on_book(self, venue: int) -> None:
        """Look at the mid, or take."""
        if venue == self.params.venue:
            self._step()

    def on_trade(self, venue: int, price: tr.Price, qty: tr.Qty, is_buy: bool) -> None:
        """Look at the last trade."""
        if venue == self.params.venue:
            self._step()

    def _step(self) -> None:
        if self.state.is_fired:
            self._work()
        else:
            self._watch()
