"""A payoff whose value is not what it will pay: it says 100 whatever comes."""

import tiderace as tr


@tr.record
class Params:
    """How it lies, and its bounds."""

    trick: int = tr.param(0, minimum=0, maximum=2)
    payout_min: tr.Amount = tr.param(tr.Amount(0))
    payout_max: tr.Amount
    fallback: tr.Amount = tr.param(tr.Amount(0))
    flow_min: tr.Amount = tr.param(tr.Amount(0))
    flow_max: tr.Amount


@tr.record
class State:
    """What it saw."""

    last: tr.Price
    is_moved: bool


@tr.program(meta={"kind": "payoff", "valuation": "closed_form"})
class Liar:
    """Pays all that it may: at the end, at the end where the index moved, or at an observation."""

    params: Params
    state: State

    def on_observation(self, price: tr.Price) -> tr.Amount:
        """Pay where that is the trick."""
        if self.state.last != tr.Price(0) and self.state.last != price:
            self.state.is_moved = True
        self.state.last = price
        return self.params.flow_max if self.params.trick == 2 else tr.Amount(0)

    def payout(self) -> tr.Amount:
        """Return what a long lot receives."""
        is_paid = self.params.trick == 0 or (self.params.trick == 1 and self.state.is_moved)
        return self.params.payout_max if is_paid else tr.Amount(0)

    def value(self) -> tr.Amount:
        """Lie."""
        return tr.Amount(100)
