"""A variance swap, capped: realised variance of the fixings, a year, in ticks.

A lot pays min(unit x variance, payout_max) ticks, where the variance is the sum of squared log
returns, times `periods` fixings of a year over their number; no mean is taken off. Who buys it at a
price has swapped that price for the variance: the profit of a lot is the payout less the price.

References: Demeterfi, Derman, Kamal and Zou, "More than you ever wanted to know about volatility
swaps", Goldman Sachs, 1999.
"""

import tiderace as tr
from tiderace import model


@tr.record
class Params:
    """What was agreed."""

    unit: int = tr.param(10_000, minimum=1)
    periods: int = tr.param(365, minimum=1)
    payout_min: tr.Amount = tr.param(tr.Amount(0))
    payout_max: tr.Amount
    fallback: tr.Amount = tr.param(tr.Amount(0))


@tr.record
class State:
    """What has happened."""

    last: tr.Price
    returns: int
    total: float


@tr.program(meta={"kind": "payoff", "valuation": "paths"})
class VarianceSwap:
    """Fixed at observations, paid once."""

    params: Params
    state: State

    def on_observation(self, price: tr.Price) -> None:
        """Take a fixing."""
        if self.state.last > tr.Price(0):
            step = model.log(float(int(price)) / float(int(self.state.last)))
            self.state.total += step * step
            self.state.returns += 1
        self.state.last = price

    def payout(self) -> tr.Amount:
        """Return what a long lot receives."""
        if self.state.returns == 0:
            return tr.Amount(0)
        variance = self.state.total * float(self.params.periods) / float(self.state.returns)
        ticks = min(variance * float(self.params.unit), 1e15)
        return min(tr.Price(int(ticks)) * tr.Qty(1), self.params.payout_max)
