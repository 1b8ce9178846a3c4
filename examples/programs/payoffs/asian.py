"""An arithmetic Asian call: the mean of eight fixings, rounded down to the tick, less the strike.

A lot pays min(max(mean - strike, 0), payout_max) ticks. There is no closed form for an arithmetic
mean: margin runs the program over paths, from the fixings that it has.

References: Kemna and Vorst, "A pricing method for options based on average asset values", Journal
of Banking and Finance 14, 1990.
"""

import tiderace as tr

FIXINGS = 8


@tr.record
class Params:
    """What was agreed."""

    strike: tr.Price
    payout_min: tr.Amount = tr.param(tr.Amount(0))
    payout_max: tr.Amount
    fallback: tr.Amount = tr.param(tr.Amount(0))


@tr.record
class State:
    """What was fixed so far."""

    total: tr.Price
    fixings: int


@tr.program(meta={"kind": "payoff", "valuation": "paths", "observations": "8"})
class Asian:
    """Fixed eight times, paid once."""

    params: Params
    state: State

    def on_observation(self, price: tr.Price) -> None:
        """Take a fixing."""
        self.state.total += price
        self.state.fixings += 1

    def payout(self) -> tr.Amount:
        """Return what a long lot receives; a fixing that was missed does not count."""
        mean = self.state.total // max(self.state.fixings, 1)
        gain = max(mean - self.params.strike, tr.Price(0)) * tr.Qty(1)
        return min(gain, self.params.payout_max)
