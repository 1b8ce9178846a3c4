"""Target close: late, so that the price paid is that of the end.

Risk is here to have traded at another price than the last one, so the trajectory of Almgren and
Chriss runs backwards: what should be filled at time t of a window of length T is

    y(t) = X sinh(urgency t / T) / sinh(urgency)

The window is the whole time, or its last `window`; or, where `rate` and `volume` (what usually
trades in an hour then) are given, as long as it takes to do the order at that share of the volume:
X / (rate volume) hours, and so the latest start that keeps to the rate.

Each of the `slices` of the window is due once in its own interval, `time_jitter` of it late at
most, and aims at the end of it. Sizes stray by a draw within `size_jitter` of what is planned, less
their part of what those before them strayed: all but independent of each other, exact in their sum,
and none off by more than `size_jitter` of the larger of it and the one before. It asks for what is
neither filled nor working, at most `catch_up_cap` times its own size or the even one;
`passive_share` of it is posted, and canceled when the next one comes. `min_participation` of what
others trade is kept to at least. What the last one misses is taken again, 8 times an interval until
the end, within its cap.

References: Almgren and Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3
(2000); Labadie and Lehalle, "Optimal starting times, stopping times and risk measures for
algorithmic trading: target close and implementation shortfall", Journal of Investment Strategies
3(2) (2014): target close as the reverse of implementation shortfall.
"""

import tiderace as tr
from tiderace import model

ONE = 1_000_000_000
HOUR = 3_600_000_000_000
RETRIES = 8
NOTHING = tr.Amount(0)


@tr.record
class Params:
    """When it begins, and how the order follows the trajectory."""

    urgency: float = tr.param(3.0, minimum=0.0, maximum=100.0)
    window: int = tr.param(0, minimum=0, unit="ns")
    rate: int = tr.param(0, minimum=0, maximum=1_000_000_000, unit="share")
    volume: tr.Amount = tr.param(0, minimum=0, maximum=tr.Amount(10**24), unit="base")
    slices: int = tr.param(30, minimum=1, maximum=100_000, unit="count")
    size_jitter: int = tr.param(200_000_000, minimum=0, maximum=1_000_000_000, unit="share")
    time_jitter: int = tr.param(500_000_000, minimum=0, maximum=1_000_000_000, unit="share")
    catch_up_cap: int = tr.param(
        3_000_000_000, minimum=1_000_000_000, maximum=1_000_000_000_000, unit="share"
    )
    passive_share: int = tr.param(0, minimum=0, maximum=1_000_000_000, unit="share")
    min_participation: int = tr.param(0, minimum=0, maximum=900_000_000, unit="share")


@tr.record
class State:
    """The slice that comes next, or that waits for its cancels."""

    slice: int
    begin: int  # of the window, time
    strayed: tr.Amount  # from the plan, all sizes so far
    filled: tr.Amount  # of the last slice: what was filled when it came due
    is_posted: bool
    is_clearing: bool
    is_last: bool  # the last slice has been worked: what follows are tries at it


@tr.program(capabilities=["parent", "book:*", "timer"], meta={"name": "close"})
class Close:
    """Slices that grow towards the end."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Settle where the window begins, and wait for its first slice."""
        whole = tr.host.end() - tr.host.start()
        window = whole if self.params.window == 0 else min(self.params.window, whole)
        by_rate = self.params.volume * self.params.rate // ONE
        if by_rate > NOTHING:
            window = int(min(tr.host.order_qty() * HOUR // by_rate, tr.i128(window)))
        self.state.begin = tr.host.end() - max(window, 1)
        tr.host.wake(self._time(0))

    def _done(self, passed: float) -> float:
        """Return sinh(urgency passed) / sinh(urgency); a straight line where that bends little."""
        urgency = self.params.urgency
        if urgency < 1e-6:
            return passed
        decay = model.exp(-urgency * (1.0 - passed))
        grown = 1.0 - model.exp(-2.0 * urgency * passed)
        return decay * grown / (1.0 - model.exp(-2.0 * urgency))

    def on_timer(self) -> None:
        """Work the slice that is due, once what the one before posted is canceled."""
        if self.state.is_clearing:
            if tr.host.pending() > 0:
                tr.host.wake(tr.host.now() + self._patience())
            else:
                # Also where the venue refused to cancel: what may still fill counts as working.
                self._work()
        elif self.state.is_posted and tr.host.children() > 0:
            self.state.is_clearing = True
            tr.host.cancel_all()
            tr.host.wake(tr.host.now() + self._patience())
        else:
            self._work()

    def on_child(self, child: int) -> None:
        """Go on with a slice that waited for its cancels."""
        if self.state.is_clearing and tr.host.pending() == 0:
            self._work()

    def _work(self) -> None:
        """Ask for the slice of the interval that has come; those passed over are not made up."""
        self.state.is_clearing = False
        self.state.is_posted = self.state.is_posted and tr.host.children() > 0
        last = self.params.slices - 1
        elapsed = tr.i128(tr.host.now() - self.state.begin) * self.params.slices
        number = int(min(elapsed // (tr.host.end() - self.state.begin), tr.i128(last)))
        number = max(number, self.state.slice)
        self.state.slice = min(number + 1, last)
        self._ask(number, number == last)
        if number < last:
            tr.host.wake(self._time(number + 1))
        else:
            self.state.is_last = True
            tr.host.wake(tr.host.now() + self._patience())

    def _ask(self, number: int, is_last: bool) -> None:
        """Ask for what of the target is neither filled nor working, within the cap."""
        order = tr.host.order_qty()
        lot = tr.host.lot()
        smallest = tr.host.smallest()
        filled = tr.host.filled()
        working = max(tr.host.working(), NOTHING)
        before = self._planned(number)
        own = self._planned(number + 1) - before
        target = order if is_last else before + own + self._strayed(order - before, own)
        target = max(target, tr.host.others() * self.params.min_participation // ONE)
        if not is_last:
            # What the last slice is left with can be sent by itself.
            target = min(target, order - smallest)
        target = min(target, order)
        cap = max(own, order // self.params.slices) * self.params.catch_up_cap // ONE
        cap = max(cap, smallest) + (smallest if is_last else NOTHING)
        if self.state.is_last:
            cap -= max(filled - self.state.filled, NOTHING) + working
        elif is_last:
            self.state.filled = filled
        qty = max(min(target - filled - working, cap), NOTHING)
        if not is_last:
            qty -= qty % lot
        if qty < smallest:
            qty = NOTHING
        if qty > NOTHING or not self.state.is_last:
            tr.host.step(number, target)
        post = NOTHING if is_last else self._posted(qty, lot, smallest)
        if post < qty:
            tr.host.take(qty - post)
        if post > NOTHING:
            self.state.is_posted = True
            tr.host.post(post)

    def _posted(self, qty: tr.Amount, lot: tr.Amount, smallest: tr.Amount) -> tr.Amount:
        """Return what of a slice is posted: a part too small to be sent goes with the other one."""
        post = qty * self.params.passive_share // ONE
        post -= post % lot
        if post < smallest:
            return NOTHING
        return qty if qty - post < smallest else post

    def _strayed(self, left: tr.Amount, own: tr.Amount) -> tr.Amount:
        """Draw what the sizes up to this one, of what is left, have strayed from their plan."""
        jitter = self.params.size_jitter
        bound = max(left, tr.Amount(1)) * jitter // ONE
        strayed = max(min(self.state.strayed, bound), -bound)
        pull = strayed * int(own * ONE // max(left, tr.Amount(1))) // ONE
        room = max(own * jitter // ONE - abs(pull), NOTHING)
        self.state.strayed = strayed - pull + room * (tr.host.random(2 * ONE + 1) - ONE) // ONE
        return self.state.strayed

    def _planned(self, number: int) -> tr.Amount:
        """Return what the trajectory says should be filled when so many intervals have passed."""
        share = self._done(float(number) / float(self.params.slices))
        return tr.host.order_qty() * int(share * 1e9) // ONE

    def _time(self, number: int) -> int:
        """Draw when a slice is due, within its own interval."""
        begin = self._begin(number)
        gap = self._begin(number + 1) - begin
        jitter = self.params.time_jitter
        reach = gap // ONE * jitter + (gap % ONE * jitter + ONE - 1) // ONE
        return self.state.begin + begin + tr.host.random(reach)

    def _begin(self, number: int) -> int:
        """Return when an interval begins, from the start; no product overflows."""
        duration = tr.host.end() - self.state.begin
        n = self.params.slices
        return duration // n * number + duration % n * number // n

    def _patience(self) -> int:
        """Return the time between two tries."""
        return max((tr.host.end() - self.state.begin) // (self.params.slices * RETRIES), 1)
