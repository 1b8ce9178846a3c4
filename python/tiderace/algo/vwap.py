"""VWAP: the order in proportion to the volume that a day usually has by then.

With w(t) the volume curve (weights of the 96 quarters of an hour of a UTC day, `curve`; all zero:
flat) and W its integral, what should be filled at time t is

    X (W(t) - W(start)) / (W(end) - W(start))

The time is cut into `slices`; each is due once in its own interval, `time_jitter` of it late at
most, and then aims at the end of it. Sizes stray by a draw within `size_jitter` of what is planned,
less their part of what those before them strayed: all but independent of each other, exact in their
sum, and none off by more than `size_jitter` of the larger of it and the one before. Where others
trade more than usual, `min_participation` of their volume is kept to at least; the desk keeps to
`max_participation` at most. A slice asks for what is neither filled nor working, at most
`catch_up_cap` times its own size or the even one. `passive_share` of it is posted, and canceled
when the next one comes; what the last one misses is taken again, 8 times an interval until the end,
within its cap.

References: Konishi, "Optimal slice of a VWAP trade", Journal of Financial Markets 5 (2002): the
schedule that follows the expected volume has the least variance around the VWAP.
"""

import tiderace as tr

ONE = 1_000_000_000
DAY = 86_400_000_000_000
BUCKETS = 96
BUCKET = DAY // BUCKETS
RETRIES = 8
NOTHING = tr.Amount(0)


@tr.record
class Params:
    """The curve, and how the order follows it."""

    curve: tr.Array[int, BUCKETS] = tr.param(unit="weight")
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
    begun: tr.i128  # the curve's integral at the start
    total: tr.i128  # and from there to the end; 0: by time alone
    strayed: tr.Amount  # from the plan, all sizes so far
    filled: tr.Amount  # of the last slice: what was filled when it came due
    is_posted: bool
    is_clearing: bool
    is_last: bool  # the last slice has been worked: what follows are tries at it


@tr.program(capabilities=["parent", "book:*", "timer"], meta={"name": "vwap"})
class Vwap:
    """Slices in proportion to the volume curve."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Integrate the curve, and wait for the first slice."""
        self.state.begun = self._curve(tr.host.start())
        self.state.total = self._curve(tr.host.end()) - self.state.begun
        tr.host.wake(self._time(0))

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
        elapsed = tr.i128(tr.host.now() - tr.host.start()) * self.params.slices
        number = int(min(elapsed // (tr.host.end() - tr.host.start()), tr.i128(last)))
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
        """Return what the curve says should be filled when so many intervals have passed."""
        elapsed = tr.i128(self._begin(number))
        total = tr.i128(tr.host.end() - tr.host.start())
        if self.state.total > tr.i128(0):
            elapsed = self._curve(tr.host.start() + int(elapsed)) - self.state.begun
            total = self.state.total
        share = int(elapsed * ONE // total)
        return tr.host.order_qty() * share // ONE

    def _curve(self, ts: int) -> tr.i128:
        """Return the curve's integral from the first day of all to a time."""
        bucket = ts % DAY // BUCKET
        before = 0
        total = 0
        for i in range(BUCKETS):
            total += self.params.curve[i]
            if i < bucket:
                before += self.params.curve[i]
        whole = (tr.i128(ts // DAY) * total + before) * BUCKET
        return whole + tr.i128(self.params.curve[bucket]) * (ts % BUCKET)

    def _time(self, number: int) -> int:
        """Draw when a slice is due, within its own interval."""
        begin = self._begin(number)
        gap = self._begin(number + 1) - begin
        jitter = self.params.time_jitter
        reach = gap // ONE * jitter + (gap % ONE * jitter + ONE - 1) // ONE
        return tr.host.start() + begin + tr.host.random(reach)

    def _begin(self, number: int) -> int:
        """Return when an interval begins, from the start; no product overflows."""
        duration = tr.host.end() - tr.host.start()
        n = self.params.slices
        return duration // n * number + duration % n * number // n

    def _patience(self) -> int:
        """Return the time between two tries."""
        return max((tr.host.end() - tr.host.start()) // (self.params.slices * RETRIES), 1)
