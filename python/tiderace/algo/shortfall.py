"""Implementation shortfall: fast at first, the faster the more the risk of waiting weighs.

Mean cost plus risk aversion times variance, against the arrival price, is least when of the order
X there is still held, at time t of T,

    x(t) = X sinh(kappa (T - t)) / sinh(kappa T)
    2 (cosh(kappa tau) - 1) / tau^2 = risk_aversion sigma^2 / eta,  tau = T / slices

where impact is linear (`exponent` 1). Where trading at rate v costs eta v^k, k not 1,

    x(t) = X (1 + (1 - k) / (1 + k) t / T*)^(-(1 + k) / (1 - k))
    T* = (k eta / (risk_aversion sigma^2))^(1 / (k + 1))

less what it leaves at T, and scaled so that the whole is done then. `sigma` is the standard
deviation of the whole order's value over a root-day, `eta` what it costs to trade it evenly in a
day (less half the permanent impact of a slice), `risk_aversion` 1 / money, all in one money, time
in days; or `urgency` says kappa T (T / T*) by itself, as it does where risk_aversion is 0.

Each slice is due once in its own interval, `time_jitter` of it late at most, and aims at the end of
it. Sizes stray by a draw within `size_jitter` of what is planned, less their part of what those
before them strayed: all but independent of each other, exact in their sum, and none off by more
than `size_jitter` of the larger of it and the one before. `min_participation` of what others trade
is kept to at least. It asks for what is neither filled nor working, at most `catch_up_cap` times
its own size or the even one; `passive_share` of it is posted, and canceled when the next one comes.
What the last one misses is taken again, 8 times an interval until the end, within its cap.

References: Almgren and Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3
(2000), equations 16 to 20; Almgren, "Optimal execution with nonlinear impact functions and
trading-enhanced risk", Applied Mathematical Finance 10 (2003), section 3.
"""

import tiderace as tr
from tiderace import model

ONE = 1_000_000_000
DAY = 86_400_000_000_000
RETRIES = 8
NOTHING = tr.Amount(0)


@tr.record
class Params:
    """What the trajectory bends to, and how the order follows it."""

    urgency: float = tr.param(1.5, minimum=0.0, maximum=100.0)
    risk_aversion: float = tr.param(0.0, minimum=0.0, maximum=1e12)
    sigma: float = tr.param(0.0, minimum=0.0, maximum=1e12)
    eta: float = tr.param(1.0, minimum=1e-9, maximum=1e12)
    exponent: float = tr.param(1.0, minimum=0.1, maximum=3.0)
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
    urgency: float  # kappa T, or T / T*
    strayed: tr.Amount  # from the plan, all sizes so far
    filled: tr.Amount  # of the last slice: what was filled when it came due
    is_posted: bool
    is_clearing: bool
    is_last: bool  # the last slice has been worked: what follows are tries at it


def held(urgency: float, passed: float) -> float:
    """Return sinh(urgency (1 - passed)) / sinh(urgency); where that hardly bends a line."""
    if urgency < 1e-6:
        return 1.0 - passed
    decay = model.exp(-urgency * passed)
    return (
        decay
        * (1.0 - model.exp(-2.0 * urgency * (1.0 - passed)))
        / (1.0 - model.exp(-2.0 * urgency))
    )


def held_power(times: float, exponent: float) -> float:
    """Return what is held after so many T*, of an order of 1."""
    bend = (1.0 - exponent) / (1.0 + exponent)
    left = 1.0 + bend * times
    return 0.0 if left <= 0.0 else model.exp(-model.log(left) / bend)


@tr.program(capabilities=["parent", "book:*", "timer"], meta={"name": "is"})
class ImplementationShortfall:
    """Slices along the trajectory of least cost and risk."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Settle how fast it goes, and wait for the first slice."""
        self.state.urgency = self._urgency()
        tr.host.wake(self._time(0))

    def _urgency(self) -> float:
        risk = self.params.risk_aversion * self.params.sigma * self.params.sigma
        if risk <= 0.0:
            return self.params.urgency
        days = float(tr.host.end() - tr.host.start()) / float(DAY)
        k = self.params.exponent
        if self._is_linear():
            n = float(self.params.slices)
            half = 0.5 * days / n * model.sqrt(risk / self.params.eta)
            return min(2.0 * n * model.log(half + model.sqrt(half * half + 1.0)), 100.0)
        scale = model.exp(model.log(k * self.params.eta / risk) / (k + 1.0))
        return min(days / max(scale, 1e-9), 1e9)

    def _is_linear(self) -> bool:
        return abs(self.params.exponent - 1.0) < 1e-6

    def _done(self, passed: float) -> float:
        """Return which part of the order should be done after a part of the time."""
        if self._is_linear():
            return 1.0 - held(self.state.urgency, passed)
        whole = 1.0 - held_power(max(self.state.urgency, 1e-6), self.params.exponent)
        part = 1.0 - held_power(max(self.state.urgency, 1e-6) * passed, self.params.exponent)
        return part / whole

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
        """Return what the trajectory says should be filled when so many intervals have passed."""
        share = self._done(float(number) / float(self.params.slices))
        return tr.host.order_qty() * int(share * 1e9) // ONE

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
