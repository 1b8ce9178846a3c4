"""A payoff that does not keep within the bounds that it declares."""

import tiderace as tr


@tr.record
class Params:
    """Bounds that the payout passes."""

    payout_min: tr.Amount = tr.param(tr.Amount(0))
    payout_max: tr.Amount
    fallback: tr.Amount = tr.param(tr.Amount(0))


@tr.program(meta={"kind": "payoff", "valuation": "worst_loss"})
class Unbounded:
    """Pays the price, however high."""

    params: Params

    def payout(self, price: tr.Price) -> tr.Amount:
        """Return what a long lot receives."""
        return price * tr.Qty(1)
