"""A program of a hundred lines, for `program-compile`: it follows the volume of others in a band."""

import tiderace as tr

LEVELS = 5
BUCKETS = 16
SHARE = 1_000_000_000


@tr.record
class Params:
    rate: int = tr.param(100_000_000, minimum=1, maximum=1_000_000_000, unit="share")
    rate_max: int = tr.param(250_000_000, minimum=1, maximum=1_000_000_000, unit="share")
    skew: int = tr.param(0, minimum=-1_000_000_000, maximum=1_000_000_000, unit="share")
    period: int = tr.param(1_000_000_000, minimum=1_000_000, maximum=60_000_000_000, unit="ns")


@tr.record
class State:
    wakes: int
    sent: tr.Amount
    seen: tr.Amount
    volumes: tr.Array[int, 16]
    spreads: tr.Array[int, 16]


def weight(level: int) -> int:
    return SHARE // (1 + level * level)


def clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


@tr.program(capabilities=["parent", "book:*", "timer"], meta={"name": "hundred"})
class Hundred:
    params: Params
    state: State

    def on_start(self) -> None:
        self.state.seen = tr.host.others()
        tr.host.wake(tr.host.now() + self.params.period)

    def on_timer(self) -> None:
        self._measure()
        if self._is_calm():
            self._work()
        self.state.wakes += 1
        jitter = tr.host.random(self.params.period // 10 + 1)
        tr.host.wake(tr.host.now() + self.params.period + jitter)

    def on_fill(self, venue: int, child: int, price: tr.Price, qty: tr.Qty) -> None:
        self.state.sent += tr.host.exposure(venue, qty, price)
        if tr.host.order_qty() - tr.host.filled() < tr.host.smallest():
            tr.host.finish()

    def _imbalance(self, venue: int) -> int:
        bids = 0
        asks = 0
        for level in range(LEVELS):
            bids += int(tr.host.depth(venue, True, level)) * weight(level) // SHARE
            asks += int(tr.host.depth(venue, False, level)) * weight(level) // SHARE
        total = bids + asks
        return (bids - asks) * SHARE // max(total, 1)

    def _measure(self) -> None:
        place = self.state.wakes % BUCKETS
        volume = 0
        spread = 0
        for venue in range(tr.host.venues()):
            if not tr.host.is_live(venue):
                continue
            volume += int(tr.host.traded(venue))
            ask = tr.host.price(venue, False, 0)
            spread = max(spread, int(ask - tr.host.price(venue, True, 0)))
        self.state.volumes[place] = volume
        self.state.spreads[place] = spread

    def _is_calm(self) -> bool:
        widest = 0
        total = 0
        for place in range(BUCKETS):
            total += self.state.spreads[place]
            widest = max(widest, self.state.spreads[place])
        return widest * BUCKETS <= 4 * total

    def _work(self) -> None:
        others = tr.host.others()
        signal = 0
        venues = tr.host.venues()
        for venue in range(venues):
            signal += self._imbalance(venue) // venues
        if not tr.host.is_buy():
            signal = -signal
        rate = self.params.rate + self.params.skew * clamp(signal, -SHARE, SHARE) // SHARE
        rate = clamp(rate, 0, self.params.rate_max)
        due = (others - self.state.seen) * rate // SHARE - tr.host.filled()
        wanted = due - tr.host.working()
        if wanted >= tr.host.smallest():
            tr.host.take(wanted)
