"""TWAP: even slices over the time, each a little larger or smaller and a little later than even.

Slice k of n is due in its own interval [k T / n, (k + 1) T / n), `time_jitter` of it late at most.
When it is done, X (k + 1 + c) / n of the order X should be filled: c is what the sizes so far have
strayed from even, in even slices. A slice strays by u - c / m, m the slices left with it, u drawn
evenly so that the whole stays within `size_jitter` (a bridge: steps all but independent, whose sum
is zero at the end, exactly). It asks for what of its target is neither filled nor working, at most
the largest of its own size, `catch_up_cap` even slices and the smallest child; what is cut off, or
too small to send, joins later slices. Slices that a pause passed over are not made up one by one:
the one of the interval that has come is due at once.

`passive_share` of a slice is posted; what of it has not filled when the next slice comes is
canceled, and missing. The last slice posts nothing, and what it misses is taken again, 8 times an
interval until the end, all tries together within its cap.

References: Almgren and Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3
(2000): the even schedule is the one of least cost where impact is linear and risk has no weight.
"""

import tiderace as tr

ONE = 1_000_000_000
RETRIES = 8


@tr.record
class Params:
    """How the order is sliced."""

    slices: int = tr.param(30, minimum=1, maximum=100_000, unit="count")
    size_jitter: int = tr.param(200_000_000, minimum=0, maximum=1_000_000_000, unit="share")
    time_jitter: int = tr.param(200_000_000, minimum=0, maximum=1_000_000_000, unit="share")
    catch_up_cap: int = tr.param(
        3_000_000_000, minimum=1_000_000_000, maximum=1_000_000_000_000, unit="share"
    )
    passive_share: int = tr.param(250_000_000, minimum=0, maximum=1_000_000_000, unit="share")


@tr.record
class State:
    """The slice that comes next, or that waits for its cancels."""

    slice: int
    strayed: int  # 1e-9 of an even slice, this one with the others
    target: tr.Amount  # filled when it is done
    before: tr.Amount  # filled when the one before it is done
    filled: tr.Amount  # of the last slice: what was filled when it came due
    is_posted: bool
    is_clearing: bool
    is_last: bool  # the last slice has been worked: what follows are tries at it


NOTHING = tr.Amount(0)


@tr.program(capabilities=["parent", "book:*", "timer"], meta={"name": "twap"})
class Twap:
    """Even slices."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Plan the first slice."""
        self.state.slice = -1
        tr.host.wake(self._plan(0))

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
        """Ask for the slice that is due, and plan the next one."""
        self.state.is_clearing = False
        self.state.is_posted = self.state.is_posted and tr.host.children() > 0
        last = self.params.slices - 1
        elapsed = tr.host.now() - tr.host.start()
        if self.state.slice < last and elapsed >= self._begin(self.state.slice + 1):
            now_in = tr.i128(elapsed) * self.params.slices // (tr.host.end() - tr.host.start())
            number = int(min(now_in, tr.i128(last)))
            due = self._plan(number)
            if self.state.slice != number:
                tr.host.wake(due)
                return
        self._ask()
        if self.state.slice < last:
            tr.host.wake(self._plan(self.state.slice + 1))
        else:
            self.state.is_last = True
            tr.host.wake(tr.host.now() + self._patience())

    def _plan(self, number: int) -> int:
        """Draw a slice's size and time; the time is what it returns."""
        last = self.params.slices - 1
        left = last + 1 - number
        strayed = self.state.strayed
        self.state.before = self.state.target
        if number > self.state.slice + 1:
            strayed = strayed // (last - self.state.slice) * left
            self.state.before = self._target(number, strayed)
        pull = strayed // left
        room = max(self.params.size_jitter - abs(pull), 0)
        strayed += tr.host.random(2 * room + 1) - room - pull
        target = self._target(number + 1, strayed)
        if tr.host.order_qty() - target < tr.host.smallest():
            # What comes after it could not be sent by itself: it joins the last, at its time.
            number = last
            target = tr.host.order_qty()
        self.state.slice = number
        self.state.strayed = strayed
        self.state.target = target
        begin = self._begin(number)
        gap = self._begin(number + 1) - begin
        jitter = self.params.time_jitter
        reach = gap // ONE * jitter + (gap % ONE * jitter + ONE - 1) // ONE
        return tr.host.start() + begin + tr.host.random(reach)

    def _ask(self) -> None:
        """Ask for what of the target is neither filled nor working, within the cap."""
        is_last = self.state.slice == self.params.slices - 1
        filled = tr.host.filled()
        working = max(tr.host.working(), NOTHING)
        smallest = tr.host.smallest()
        lot = tr.host.lot()
        sendable = smallest + (lot - smallest % lot) % lot
        # Slices before the last leave less than a smallest child waiting, which only it can send.
        own = self.state.target - self.state.before
        own = own + sendable if is_last else max(own, sendable)
        cap = tr.host.order_qty() * self.params.catch_up_cap // ONE // self.params.slices
        cap = max(cap, own)
        if self.state.is_last:
            cap -= max(filled - self.state.filled, NOTHING) + working
        elif is_last:
            self.state.filled = filled
        qty = max(min(self.state.target - filled - working, cap), NOTHING)
        if not is_last:
            qty -= qty % lot
        if qty < smallest:
            qty = NOTHING
        if qty > NOTHING or not self.state.is_last:
            tr.host.step(self.state.slice, self.state.target)
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

    def _target(self, count: int, strayed: int) -> tr.Amount:
        """Return what should be filled after so many slices: whole lots; after the last, all."""
        if count == self.params.slices:
            return tr.host.order_qty()
        target = tr.host.order_qty() * (count * ONE + strayed) // (self.params.slices * ONE)
        return target - target % tr.host.lot()

    def _begin(self, number: int) -> int:
        """Return when an interval begins, from the start; no product overflows."""
        duration = tr.host.end() - tr.host.start()
        n = self.params.slices
        return duration // n * number + duration % n * number // n

    def _patience(self) -> int:
        """Return the time between two tries."""
        return max((tr.host.end() - tr.host.start()) // (self.params.slices * RETRIES), 1)
