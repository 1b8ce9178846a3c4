"""A program of another kind: it has a payout, and does not say that it is a payoff."""

import tiderace as tr


@tr.record
class Params:
    """Bounds that the payout passes."""

    payout_min: tr.Amount = tr.param(tr.Amount(0))
    payout_max: tr.Amount
    fallback: tr.Amount = tr.param(tr.Amount(0))


@tr.program(meta={"valuation": "worst_loss"})
class Stranger:
    """Pays the price, however high."""

    params: Params

    def payout(self, price: tr.Price) -> tr.Amount:
        """Return what a long lot receives."""
        return price * tr.Qty(1)
