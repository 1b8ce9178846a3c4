"""A call spread: long a call at `low`, short one at `high`, cash settled, valued in closed form.

A lot pays min(max(price - low, 0), high - low) ticks. Margin takes the difference of two calls of
Black (1976) without discount on an index without drift, with the cumulative normal by
Abramowitz and Stegun 26.2.17 (error below 7.5e-8).

References: Black, "The pricing of commodity contracts", Journal of Financial Economics 3, 1976.
"""

import tiderace as tr
from tiderace import model

YEAR_NS = 31_536_000_000_000_000


@tr.record
class Params:
    """What was agreed."""

    low: tr.Price = tr.param(minimum=tr.Price(1))
    high: tr.Price = tr.param(minimum=tr.Price(1))
    payout_min: tr.Amount = tr.param(tr.Amount(0))
    payout_max: tr.Amount
    fallback: tr.Amount = tr.param(tr.Amount(0))


def normal(x: float) -> float:
    """Return the chance that a standard normal is below x."""
    size = abs(x)
    k = 1.0 / (1.0 + 0.2316419 * size)
    tail = k * (
        0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429)))
    )
    tail = tail * model.exp(0.0 - size * size / 2.0) * 0.3989422804014327
    return tail if x < 0.0 else 1.0 - tail


def call(price: float, strike: float, deviation: float) -> float:
    """Return what a call is worth whose log price deviates so much until it expires."""
    if deviation <= 0.0:
        return max(price - strike, 0.0)
    d1 = model.log(price / strike) / deviation + deviation / 2.0
    return price * normal(d1) - strike * normal(d1 - deviation)


@tr.program(meta={"kind": "payoff", "valuation": "closed_form"})
class CallSpread:
    """Paid once, at expiry."""

    params: Params

    def payout(self, price: tr.Price) -> tr.Amount:
        """Return what a long lot receives."""
        gain = min(max(price - self.params.low, tr.Price(0)), self.params.high - self.params.low)
        return gain * tr.Qty(1)

    def value(self, price: tr.Price, vol: tr.Rate, t_left_ns: int) -> tr.Amount:
        """Return what a lot is worth before."""
        years = float(t_left_ns) / float(YEAR_NS)
        deviation = float(int(vol)) / 1e18 * model.sqrt(years)
        at = float(int(price))
        worth = call(at, float(int(self.params.low)), deviation)
        worth = worth - call(at, float(int(self.params.high)), deviation)
        width = float(int(self.params.high - self.params.low))
        return tr.Price(int(min(max(worth, 0.0), width))) * tr.Qty(1)
