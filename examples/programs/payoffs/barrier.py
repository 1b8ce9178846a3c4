"""A down-and-out call that watches its barrier within a window of observations.

A lot pays min(max(price - strike, 0), payout_max) ticks, unless an observation within the window
was at or below the barrier. Margin runs it over paths: what it has seen counts.

References: Broadie, Glasserman and Kou, "A continuity correction for discrete barrier options",
Mathematical Finance 7, 1997 (what a discrete window is worth against a continuous one).
"""

import tiderace as tr


@tr.record
class Params:
    """What was agreed."""

    strike: tr.Price
    barrier: tr.Price
    window_begin_ns: int = tr.param(0, minimum=0, unit="ns")
    window_end_ns: int = tr.param(1 << 62, minimum=0, unit="ns")
    payout_min: tr.Amount = tr.param(tr.Amount(0))
    payout_max: tr.Amount
    fallback: tr.Amount = tr.param(tr.Amount(0))


@tr.record
class State:
    """What has happened."""

    is_out: bool


@tr.program(meta={"kind": "payoff", "valuation": "paths"})
class Barrier:
    """Observed until expiry; settled once."""

    params: Params
    state: State

    def on_observation(self, now_ns: int, price: tr.Price) -> None:
        """Look whether the barrier is touched."""
        is_watched = self.params.window_begin_ns <= now_ns <= self.params.window_end_ns
        if is_watched and price <= self.params.barrier:
            self.state.is_out = True

    def payout(self, price: tr.Price) -> tr.Amount:
        """Return what a long lot receives."""
        if self.state.is_out:
            return tr.Amount(0)
        gain = max(price - self.params.strike, tr.Price(0)) * tr.Qty(1)
        return min(gain, self.params.payout_max)
