"""Split: how much to take now and how much to post where, decided anew at intervals.

Each interval has a slice S to be done: what is due by its end on a line from start to end, or
`pace` of the order where there is no end. With h_k half the spread, Q_k what is displayed at the
best price of the own side, r_k = `rebate`, f = `fee` and u = `penalty` (all as shares of the
price), and F_k the distribution of what leaves the front of the queue within the interval, posting
a unit at depth L in queue k costs

    u F_k(Q_k + L) - (h_k + r_k) (1 - F_k(Q_k + L))

and taking it h + f at the cheapest venue. So as much is posted as costs no more than c:

    F_k(Q_k + L_k) = (c + h_k + r_k) / (u + h_k + r_k)

with c = h + f where that is no more than S together, and the rest, S - sum L_k, is taken; else
with the c, found by halving, at which the L_k add up to S. For one venue that is the closed form of
the paper without impact; for several its first-order condition where M + sum L_k = S: the desk
lets no program post more than it is still to do, so nothing can be bought twice.

F_k is exponential; its mean is what traded in the last intervals (a moving mean, each new one
`memory` of it), of which `outflow` meets the own side's queue. The first interval only watches:
all of its slice is posted, nothing taken.

Source: R. Cont and A. Kukanov, "Optimal order placement in limit order markets", Quantitative
Finance 17 (2017), equation 4 and propositions 1 to 3; `tr.algo.cont_kukanov`.
"""

import tiderace as tr
from tiderace import model

ONE = 1_000_000_000
SECOND = 1_000_000_000
VENUES = 8
HALVINGS = 60
NONE = 0


@tr.record
class Params:
    """What trading costs, and how often it is decided."""

    interval: int = tr.param(30 * SECOND, minimum=SECOND, maximum=3600 * SECOND, unit="ns")
    pace: int = tr.param(50_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    fee: int = tr.param(50_000, minimum=-10_000_000, maximum=100_000_000, unit="share")
    rebate: int = tr.param(0, minimum=-10_000_000, maximum=10_000_000, unit="share")
    penalty: int = tr.param(500_000, minimum=0, maximum=ONE, unit="share")
    outflow: int = tr.param(500_000_000, minimum=1_000_000, maximum=10 * ONE, unit="share")
    memory: int = tr.param(250_000_000, minimum=1_000_000, maximum=ONE, unit="share")
    jitter: int = tr.param(250_000_000, minimum=0, maximum=900_000_000, unit="share")


@tr.record
class State:
    """What flows at each venue, what rests there, and when it is decided next."""

    flow: tr.Array[float, VENUES]
    seen: tr.Array[tr.Qty, VENUES]
    seen_ts: int
    has_flow: bool
    child: tr.Array[int, VENUES]
    decide_ts: int


@tr.record
class Market:
    """What each queue is worth: half spread and rebate, what is ahead, the mean outflow."""

    count: int
    half: tr.Array[float, VENUES]
    queue: tr.Array[float, VENUES]
    mean: tr.Array[float, VENUES]


@tr.record
class Plan:
    """What to post at each venue, in the finest lots."""

    limits: tr.Array[float, VENUES]


def share_of(number: int) -> float:
    """Return a parameter in 1e-9 as a float."""
    return float(number) / 1e9


def limit_at(cost: float, gain: float, penalty: float, queue: float, mean: float) -> float:
    """Return how much to post in a queue so that the last unit costs no more than `cost`."""
    if penalty + gain <= 0.0:
        return 0.0
    p = (cost + gain) / (penalty + gain)
    if p <= 0.0 or mean <= 0.0:
        return 0.0
    if p >= 1.0:
        return 1e30
    return max(-mean * model.log(1.0 - p) - queue, 0.0)


def posted(market: Market, cost: float, rebate: float, penalty: float, plan: Plan) -> float:
    """Fill in what to post at each venue at a cost, and return the sum."""
    total = 0.0
    for venue in range(market.count):
        gain = market.half[venue] + rebate
        size = limit_at(cost, gain, penalty, market.queue[venue], market.mean[venue])
        plan.limits[venue] = size
        total += size
    return total


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "split", "controls": "limit would participation clip end gates"},
)
class Split:
    """Takes what would fill too late, posts the rest where it fills best."""

    params: Params
    state: State

    def _drawn(self, span: int) -> int:
        """Return a span moved by up to the jitter."""
        least = span - span // 1000 * (self.params.jitter // 1_000_000)
        return least + tr.host.random(2 * (span - least) + 1)

    def _learn(self, now: int) -> None:
        """Take what traded since the last interval into the means."""
        passed = float(now - self.state.seen_ts)
        weight = share_of(self.params.memory) if self.state.has_flow else 1.0
        for venue in range(min(tr.host.venues(), VENUES)):
            traded = tr.host.traded(venue)
            price = tr.host.price(venue, tr.host.is_buy(), 0)
            amount = tr.host.exposure(venue, traded - self.state.seen[venue], price)
            rate = float(amount // tr.host.lot()) / max(passed, 1.0)
            self.state.flow[venue] += weight * (rate - self.state.flow[venue])
            self.state.seen[venue] = traded
        self.state.seen_ts = now
        self.state.has_flow = True

    def _read(self, market: Market, span: int) -> float:
        """Read the books, and return what taking costs at the cheapest one."""
        is_buy = tr.host.is_buy()
        market.count = min(tr.host.venues(), VENUES)
        cheapest = 1e9
        for venue in range(market.count):
            near = tr.host.price(venue, is_buy, 0)
            far = tr.host.price(venue, not is_buy, 0)
            market.mean[venue] = 0.0
            if near <= tr.Price(0) or far <= tr.Price(0):
                continue
            spread = float(int(abs(far - near)))
            market.half[venue] = spread / float(int(far + near))
            qty = tr.host.depth(venue, is_buy, 0)
            if self._rests_at(venue, near):
                qty -= min(qty, tr.host.child_left(self.state.child[venue]))
            market.queue[venue] = float(tr.host.exposure(venue, qty, near) // tr.host.lot())
            outflow = self.state.flow[venue] * share_of(self.params.outflow)
            market.mean[venue] = outflow * float(span)
            cheapest = min(cheapest, market.half[venue])
        return cheapest + share_of(self.params.fee)

    def _rests_at(self, venue: int, price: tr.Price) -> bool:
        child = self.state.child[venue]
        return child != NONE and tr.host.child_price(child) == price

    def _solve(self, market: Market, size: float, take_cost: float, plan: Plan) -> float:
        """Fill in what to post, and return what to take."""
        rebate = share_of(self.params.rebate)
        penalty = share_of(self.params.penalty)
        total = posted(market, take_cost, rebate, penalty, plan)
        if total <= size:
            # Where missing it costs less than taking it, nothing is taken.
            return size - total if take_cost < penalty else 0.0
        low = -1.0
        high = take_cost
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if posted(market, middle, rebate, penalty, plan) > size:
                high = middle
            else:
                low = middle
        posted(market, low, rebate, penalty, plan)
        return 0.0

    def _due(self, span: int) -> tr.Amount:
        """Return the slice of this interval."""
        order = tr.host.order_qty()
        left = order - tr.host.filled()
        now = tr.host.now()
        whole = tr.host.end() - tr.host.start()
        if whole > 1000 * 86_400 * SECOND:
            return min(order * self.params.pace // ONE, left)
        until = min(now + span - tr.host.start(), whole)
        # In millionths of the time: enough, and no product leaves its type.
        due = order * (until // max(whole // 1_000_000, 1)) // 1_000_000
        if now + span >= tr.host.end():
            return left
        return min(max(due - tr.host.filled(), tr.Amount(0)), left)

    def _settle(self, venue: int, wanted: tr.Amount) -> None:
        """Bring what rests at a venue to what is wanted; a good place in a queue is kept."""
        best = tr.host.price(venue, tr.host.is_buy(), 0)
        if best <= tr.Price(0):
            return
        qty = tr.host.lots(venue, wanted, best)
        child = self.state.child[venue]
        if child != NONE:
            left = tr.host.child_left(child)
            is_near = tr.host.child_price(child) == best and left <= 2 * qty and qty <= 2 * left
            if not is_near:
                tr.host.cancel(child)
        elif qty >= tr.host.least(venue, best) and qty > tr.Qty(0):
            self.state.child[venue] = tr.host.post_at(venue, tr.host.is_buy(), qty, best)

    def _decide(self) -> None:
        """Split the slice, post its parts and take the rest."""
        now = tr.host.now()
        span = max(self.state.decide_ts - now, SECOND)
        market = Market()
        plan = Plan()
        take_cost = self._read(market, span)
        due = self._due(span)
        if due < tr.host.smallest():
            return
        take = tr.Amount(0)
        if self.state.has_flow:
            size = float(due // tr.host.lot())
            take = tr.host.lot() * int(self._solve(market, size, take_cost, plan))
        else:
            plan.limits[tr.host.random(market.count)] = float(due // tr.host.lot())
        for venue in range(market.count):
            self._settle(venue, tr.host.lot() * int(plan.limits[venue]))
        if take >= tr.host.smallest():
            tr.host.take(take)

    def on_start(self) -> None:
        """Post the first slice, and watch."""
        self.state.seen_ts = tr.host.now()
        self.state.decide_ts = tr.host.now() + self._drawn(self.params.interval)
        self._decide()
        tr.host.wake(self.state.decide_ts)

    def on_timer(self) -> None:
        """Decide; a new interval begins where the last one is over."""
        now = tr.host.now()
        for venue in range(VENUES):
            # What was canceled while the parent was paused was not told.
            if not tr.host.is_open(self.state.child[venue]):
                self.state.child[venue] = NONE
        if now >= self.state.decide_ts:
            self._learn(now)
            self.state.decide_ts = now + self._drawn(self.params.interval)
        self._decide()
        tr.host.wake(self.state.decide_ts)

    def on_child(self, child: int) -> None:
        """Decide again shortly: what was canceled is to be placed."""
        for venue in range(VENUES):
            if child != NONE and self.state.child[venue] == child:
                self.state.child[venue] = NONE
                soon = tr.host.now() + SECOND // 10 + tr.host.random(SECOND)
                tr.host.wake(min(soon, self.state.decide_ts))
