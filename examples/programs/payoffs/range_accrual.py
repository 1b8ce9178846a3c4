"""A range accrual: pays a coupon at each observation within its range, and nothing at expiry.

A lot is paid `coupon` ticks for every observation with low <= price <= high. It can cost its writer
no more than the coupons that are left: margin takes that, the declared worst loss.

References: Wystup, "FX Options and Structured Products", Wiley, 2006 (corridors).
"""

import tiderace as tr


@tr.record
class Params:
    """What was agreed."""

    low: tr.Price
    high: tr.Price
    coupon: tr.Amount = tr.param(minimum=tr.Amount(0))
    payout_min: tr.Amount = tr.param(tr.Amount(0), maximum=tr.Amount(0))
    payout_max: tr.Amount = tr.param(tr.Amount(0), maximum=tr.Amount(0))
    fallback: tr.Amount = tr.param(tr.Amount(0))
    flow_min: tr.Amount = tr.param(tr.Amount(0))
    flow_max: tr.Amount


@tr.program(meta={"kind": "payoff", "valuation": "worst_loss"})
class RangeAccrual:
    """Pays at observations only."""

    params: Params

    def on_observation(self, price: tr.Price) -> tr.Amount:
        """Return what a long lot is paid."""
        if self.params.low <= price <= self.params.high:
            return self.params.coupon
        return tr.Amount(0)

    def payout(self) -> tr.Amount:
        """Return nothing: all of it was paid before."""
        return tr.Amount(0)
