"""A capped power perpetual: worth min(price^2 / scale, cap) ticks, for ever.

It has no expiry. At each observation a long lot pays the part `1 / periods` of what the mark is
above that worth, or is paid what it is below: whoever holds the dear side pays, as in an
everlasting option. So the mark comes back to the worth, and margin takes the worth as the value.

References: White and Bankman-Fried, "Everlasting options", Paradigm, 2021; White, Robinson,
Hutchinson, Chitra and Khanna, "Power perpetuals", Paradigm, 2021.
"""

import tiderace as tr


@tr.record
class Params:
    """What was agreed."""

    scale: tr.Price = tr.param(minimum=tr.Price(1))
    periods: int = tr.param(24, minimum=1)
    payout_min: tr.Amount = tr.param(tr.Amount(0))
    payout_max: tr.Amount
    fallback: tr.Amount = tr.param(tr.Amount(0))
    flow_min: tr.Amount
    flow_max: tr.Amount


def worth(price: tr.Price, scale: tr.Price, cap: tr.Amount) -> tr.Amount:
    """Return price squared over scale, at most the cap, in ticks of a lot."""
    square = tr.i128(int(price)) * tr.i128(int(price)) // tr.i128(int(scale))
    return min(tr.Amount(square), cap)


@tr.program(meta={"kind": "payoff", "valuation": "closed_form"})
class PowerPerpetual:
    """Pays at observations only."""

    params: Params

    def on_observation(self, price: tr.Price, mark: tr.Price) -> tr.Amount:
        """Return what a long lot is paid."""
        fair = worth(price, self.params.scale, self.params.payout_max)
        flow = (fair - mark * tr.Qty(1)) // self.params.periods
        return min(max(flow, self.params.flow_min), self.params.flow_max)

    def value(self, price: tr.Price) -> tr.Amount:
        """Return what a lot is worth."""
        return worth(price, self.params.scale, self.params.payout_max)
