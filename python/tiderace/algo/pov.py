"""POV, inline: a share of what trades, within a band.

With V what others have traded since the start, our own target is

    rate V              own volume is not counted in the market's (`include_own` false)
    rate / (1 - rate) V own volume is counted, so that own / (own + V) = rate

The same with `rate_min` and `rate_max` is the band. What is filled and working is kept within it:
below its low end the program takes up to the target; between low end and target it posts; nothing
is asked for that would go beyond the high end. It acts when what the target is ahead by comes to a
chunk, drawn anew each time around `chunk` of the order, `size_jitter` off at most, and then asks
for no more than `catch_up_cap` chunks; and only after a wait drawn around `interval`, or, with
`by_trades`, after the trade that makes it due. What is posted stays for a drawn number of such
waits, and is canceled at the latest when the low end of the band is reached.

Source: Almgren, Thum, Hauptmann and Li, "Direct estimation of equity market impact", Risk 18
(2005), for participation in volume time; own volume counted or not as in `tr.algo.pov_target`.
"""

import tiderace as tr

ONE = 1_000_000_000
SECOND = 1_000_000_000
NOTHING = tr.Amount(0)


@tr.record
class Params:
    """The band, and how it is followed."""

    rate: int = tr.param(100_000_000, minimum=1_000_000, maximum=900_000_000, unit="share")
    rate_min: int = tr.param(80_000_000, minimum=0, maximum=900_000_000, unit="share")
    rate_max: int = tr.param(120_000_000, minimum=1_000_000, maximum=900_000_000, unit="share")
    include_own: bool = tr.param(True)
    by_trades: bool = tr.param(False)
    interval: int = tr.param(2 * SECOND, minimum=1_000_000, maximum=3600 * SECOND, unit="ns")
    time_jitter: int = tr.param(500_000_000, minimum=0, maximum=1_000_000_000, unit="share")
    chunk: int = tr.param(10_000_000, minimum=10_000, maximum=1_000_000_000, unit="share")
    size_jitter: int = tr.param(500_000_000, minimum=0, maximum=1_000_000_000, unit="share")
    catch_up_cap: int = tr.param(
        3_000_000_000, minimum=1_000_000_000, maximum=1_000_000_000_000, unit="share"
    )
    stay: int = tr.param(5, minimum=1, maximum=1_000, unit="count")


@tr.record
class State:
    """What it waits for."""

    chunk: tr.Amount  # ahead by so much, it acts
    acted: int  # times
    waits: int  # until what is posted is canceled
    is_posted: bool


@tr.program(capabilities=["parent", "book:*", "timer"], meta={"name": "pov"})
class Pov:
    """Keeps up with the others' volume."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Draw the first chunk, and wait."""
        self.state.chunk = self._chunk()
        self._wait()

    def on_timer(self) -> None:
        """Cancel what has been posted for long enough, and see whether anything is due."""
        self.state.is_posted = self.state.is_posted and tr.host.children() > 0
        if self.state.is_posted and tr.host.pending() == 0:
            self.state.waits -= 1
            is_late = tr.host.filled() + self.state.chunk <= self._own(self.params.rate_min)
            if is_late or self.state.waits < 0:
                # Should the venue refuse to cancel, what may still fill counts as working.
                self.state.is_posted = False
                tr.host.cancel_all()
                self._wait()
                return
        self._work()
        self._wait()

    def on_trade(self, venue: int, price: tr.Price, qty: tr.Qty, is_buy: bool) -> None:
        """See whether this trade makes a chunk due."""
        if self.params.by_trades and not self.state.is_posted:
            self._work()

    def _work(self) -> None:
        """Take or post a chunk where one is due."""
        if tr.host.pending() > 0:
            return
        order = tr.host.order_qty()
        smallest = tr.host.smallest()
        covered = tr.host.filled() + max(tr.host.working(), NOTHING)
        target = min(self._own(self.params.rate), order)
        ahead = target - covered
        due = min(self.state.chunk, order - covered)
        if ahead < max(due, smallest) or order - covered < smallest:
            return
        cap = order * self.params.chunk // ONE * self.params.catch_up_cap // ONE
        qty = min(ahead, max(cap, smallest))
        if order - covered - qty < smallest:
            # What would be left could not be sent by itself: it goes along, if the band allows.
            qty = order - covered
        else:
            qty -= qty % tr.host.lot()
        most = min(self._own(self.params.rate_max), order) - covered
        if qty > most or qty < smallest:
            return
        self.state.acted += 1
        tr.host.step(self.state.acted, target)
        if covered + self.state.chunk <= self._own(self.params.rate_min):
            tr.host.take(qty)
        else:
            tr.host.post(qty)
            self.state.is_posted = True
            self.state.waits = 1 + tr.host.random(self.params.stay)
        self.state.chunk = self._chunk()

    def _own(self, rate: int) -> tr.Amount:
        """Return our own volume at a rate of participation."""
        others = tr.host.others()
        if self.params.include_own:
            return others * rate // (ONE - rate)
        return others * rate // ONE

    def _chunk(self) -> tr.Amount:
        """Draw how far the target gets ahead before the next act."""
        jitter = self.params.size_jitter
        share = ONE - jitter + tr.host.random(2 * jitter + 1)
        chunk = tr.host.order_qty() * self.params.chunk // ONE * share // ONE
        return max(chunk, tr.host.smallest())

    def _wait(self) -> None:
        """Wake after a wait drawn around the interval."""
        room = self.params.interval // ONE * self.params.time_jitter
        room += self.params.interval % ONE * self.params.time_jitter // ONE
        wait = self.params.interval - room + tr.host.random(2 * room + 1)
        tr.host.wake(tr.host.now() + max(wait, 1))
