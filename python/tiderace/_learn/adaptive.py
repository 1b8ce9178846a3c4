"""Adaptive: an Almgren-Chriss schedule whose slices are worked as a frozen policy says.

The baseline holds `holdings[k]` (1e-6 of the order) when slice k begins, and takes s_k - s_{k+1} in
it. At each slice the policy sees six whole numbers and scores its actions by a linear form; the one
that it expects to cost least is done, the baseline (action 0) unless another saves more than
`margin`. An action is an urgency u (its target is s_{k+1} + (1 - u) (s_k - s_{k+1})) and the part
of the slice that is posted; what of it has not filled by the next slice is canceled, and missing.

**The guard.** What an order risks in price is sigma^2 tau sum x_k^2 over its holdings x_k at the
ends of slices (Almgren and Chriss 2000, equation 5). No slice may lead where that sum, were nothing
posted to fill and the baseline followed from the next slice on, is above (1 + `guard`) times the
baseline's: what is too much is taken rather than posted or put off. Since holdings are settled
before the price that they meet, the variance of the cost obeys the same bound, as far as prices are
a martingale and what is taken fills.

Features, positive where they speak for hurry: a constant 1000; the spread in 1e-7 of the mid; what
is displayed at the own best price less the other, in 1e-3 of both; how far the mid has moved since
the last slice against us, in 1e-7; what is held above the baseline, in 1e-3 of the slice; the time
gone, in 1e-3. The middle three are means over the live books.
"""

import tiderace as tr

# A program is checked by its own compiler, which knows more of units and arrays.
# mypy: ignore-errors

ONE = 1_000_000
SHARE = 1_000_000_000
SLICES = 64
FEATURES = 6
ACTIONS = 8
VENUES = 16
RETRIES = 8
NOTHING = tr.Amount(0)


@tr.record
class Params:
    """A frozen policy: `Policy.params()` gives them."""

    slices: int = tr.param(minimum=1, maximum=64, unit="count")
    holdings: tr.Array[int, 65]
    guard: int = tr.param(minimum=0, maximum=1_000_000_000)
    actions: int = tr.param(minimum=1, maximum=8, unit="count")
    urgency: tr.Array[int, 8]
    passive: tr.Array[int, 8]
    weights: tr.Array[int, 48]
    margin: int = tr.param(0, minimum=0, maximum=1_000_000_000_000_000)
    explore: int = tr.param(0, minimum=0, maximum=1_000_000_000)
    time_jitter: int = tr.param(0, minimum=0, maximum=1_000_000_000)


@tr.record
class State:
    """Where it is."""

    slice: int  # the one that comes next
    used: int  # sum of the squares of the holdings so far
    ended: int  # held when the slice before it ended; 0 where nothing was to be canceled
    seen: tr.Array[int, 6]
    mids: tr.Array[int, 16]  # twice the mid of each book at the last slice
    is_clearing: bool


@tr.program(
    capabilities=["parent", "book:*", "timer"],
    meta={"name": "adaptive", "controls": "limit would participation clip end gates"},
)
class Adaptive:
    """A schedule, bent by what is seen."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Work the first slice when it is due."""
        tr.host.wake(self._due(0))

    def on_timer(self) -> None:
        """Work the slice that is due, once what the one before posted is canceled."""
        if self.state.is_clearing and tr.host.pending() > 0:
            tr.host.wake(tr.host.now() + self._patience())
        elif not self.state.is_clearing and tr.host.children() > 0:
            self.state.is_clearing = True
            self.state.ended = self._held()
            tr.host.cancel_all()
            tr.host.wake(tr.host.now() + self._patience())
        else:
            self._work()

    def on_child(self, child: int) -> None:  # noqa: ARG002 - the entry has it
        """Go on with a slice that waited for its cancels."""
        if self.state.is_clearing and tr.host.pending() == 0:
            self._work()

    def _work(self) -> None:
        """Choose, and ask for what the choice and the guard make of the slice."""
        self.state.is_clearing = False
        n = self.params.slices
        gone = tr.host.now() - tr.host.start()
        held = self._held()
        if self.state.slice > 0:
            # What fills while its cancel is under way was held when the slice ended.
            ended = max(held, self.state.ended)
            self.state.used += ended * ended
        self.state.ended = 0
        while self.state.slice < n - 1 and gone >= self._begin(self.state.slice + 1):
            # A slice that a pause, or an answer that came late, passed over: it held all the same.
            self.state.slice += 1
            self.state.used += held * held
        k = self.state.slice
        left = tr.host.order_qty() - tr.host.filled() - max(tr.host.working(), NOTHING)
        if k >= n - 1:
            if left >= tr.host.smallest():
                tr.host.step(k, tr.host.order_qty())
                tr.host.take(left)
            tr.host.wake(tr.host.now() + self._patience())
            return
        self._look(k, held)
        action = self._choose()
        goal = self._goal(k, action)
        trade = max(held - goal, 0)
        post = trade * self.params.passive[action] // ONE
        take = max(trade - post, held - self._bound(k))
        post = max(trade - take, 0)
        self._note(action)
        tr.host.step(k, tr.host.order_qty() * (ONE - held + take + post) // ONE)
        self._send(take, post, left)
        self.state.slice = k + 1
        tr.host.wake(self._due(k + 1))

    def _send(self, take: int, post: int, left: tr.Amount) -> None:
        """Take and post parts of the order; a part to take is rounded up: the guard asks for it."""
        smallest = tr.host.smallest()
        lot = tr.host.lot()
        taken = (tr.host.order_qty() * take + tr.Amount(ONE - 1)) // ONE
        if taken > NOTHING:
            taken = max(taken, smallest)
            taken = min(taken + (lot - taken % lot) % lot, left)
        posted = min(tr.host.order_qty() * post // ONE, left - taken)
        if posted < smallest:
            # Too small to be sent by itself: it goes with what is taken.
            taken += posted
            posted = NOTHING
        if taken >= smallest:
            tr.host.take(taken)
        if posted >= smallest:
            tr.host.post(posted)

    def _goal(self, k: int, action: int) -> int:
        """Return what an action would hold at the end of a slice."""
        end = self.params.holdings[k + 1]
        own = self.params.holdings[k] - end
        return max(end + (ONE - self.params.urgency[action]) * own // ONE, 0)

    def _bound(self, k: int) -> int:
        """Return the most that may be held at the end of a slice: what the guard leaves."""
        whole = 0
        rest = 0
        for i in range(1, self.params.slices + 1):
            square = self.params.holdings[i] * self.params.holdings[i]
            whole += square
            if i > k + 1:
                rest += square
        room = whole + whole // SHARE * self.params.guard - self.state.used - rest
        low = self.params.holdings[k + 1]
        high = ONE
        if room < low * low:
            return low
        while low < high:
            middle = (low + high + 1) // 2
            if middle * middle <= room:
                low = middle
            else:
                high = middle - 1
        return low

    def _choose(self) -> int:
        """Return the action that is expected to cost least; the baseline unless it saves enough."""
        if tr.host.random(SHARE) < self.params.explore:
            return tr.host.random(self.params.actions)
        best = 0
        least = -self.params.margin
        for action in range(1, self.params.actions):
            score = 0
            for i in range(FEATURES):
                score += self.params.weights[action * FEATURES + i] * self.state.seen[i]
            if score < least:
                least = score
                best = action
        return best

    def _look(self, k: int, held: int) -> None:
        """See the features."""
        spread = 0
        pressure = 0
        move = 0
        live = 0
        for v in range(min(tr.host.venues(), VENUES)):
            bid = tr.host.price(v, True, 0)
            ask = tr.host.price(v, False, 0)
            if tr.host.is_live(v) and bid > tr.Price(0) and ask > bid:
                mid = int(bid) + int(ask)
                own = int(tr.host.depth(v, tr.host.is_buy(), 0))
                other = int(tr.host.depth(v, not tr.host.is_buy(), 0))
                live += 1
                spread += (int(ask) - int(bid)) * 20_000_000 // mid
                pressure += (own - other) * 1_000 // max(own + other, 1)
                if self.state.mids[v] > 0:
                    moved = (mid - self.state.mids[v]) * 10_000_000 // self.state.mids[v]
                    move += moved if tr.host.is_buy() else -moved
                self.state.mids[v] = mid
        live = max(live, 1)
        own = max(self.params.holdings[k] - self.params.holdings[k + 1], 1)
        self.state.seen[0] = 1_000
        self.state.seen[1] = min(spread // live, 10_000)
        self.state.seen[2] = pressure // live
        self.state.seen[3] = max(min(move // live, 20_000), -20_000)
        behind = (held - self.params.holdings[k]) * 1_000 // own
        self.state.seen[4] = max(min(behind, 4_000), -4_000)
        self.state.seen[5] = k * 1_000 // self.params.slices

    def _note(self, action: int) -> None:
        """Say in the record what was seen and chosen: what the next policy learns from."""
        tr.host.note("action", action)
        tr.host.note("spread", self.state.seen[1])
        tr.host.note("pressure", self.state.seen[2])
        tr.host.note("move", self.state.seen[3])
        tr.host.note("behind", self.state.seen[4])
        tr.host.note("gone", self.state.seen[5])

    def _held(self) -> int:
        """Return what is not filled, in 1e-6 of the order, rounded up."""
        left = max(tr.host.order_qty() - tr.host.filled(), NOTHING)
        return int((left * ONE + tr.host.order_qty() - tr.Amount(1)) // tr.host.order_qty())

    def _due(self, k: int) -> int:
        """Return when a slice is worked: late by at most its jitter."""
        begin = self._begin(k)
        gap = self._begin(k + 1) - begin
        jitter = self.params.time_jitter
        reach = gap // SHARE * jitter + gap % SHARE * jitter // SHARE
        return tr.host.start() + begin + tr.host.random(reach)

    def _begin(self, k: int) -> int:
        """Return when a slice begins, from the start; no product overflows."""
        duration = tr.host.end() - tr.host.start()
        n = self.params.slices
        return duration // n * k + duration % n * k // n

    def _patience(self) -> int:
        """Return the time between two tries."""
        return max((tr.host.end() - tr.host.start()) // (self.params.slices * RETRIES), 1)
