"""A payoff that misbehaves beyond a price: each entry in its own way. Below it, it pays price."""

import tiderace as tr


@tr.record
class Params:
    """Where it begins to misbehave, and what counts then."""

    limit: tr.Price
    payout_min: tr.Amount = tr.param(tr.Amount(0))
    payout_max: tr.Amount
    fallback: tr.Amount
    flow_min: tr.Amount
    flow_max: tr.Amount


@tr.record
class State:
    """How often it was observed."""

    seen: int


@tr.program(meta={"kind": "payoff", "valuation": "closed_form", "fuel": "50000"})
class Unruly:
    """Divides by zero, loops for ever, and says what is out of its bounds."""

    params: Params
    state: State

    def on_observation(self, price: tr.Price) -> tr.Amount:
        """Pay a tick for every observation so far; beyond the limit, more than there is."""
        self.state.seen += 1
        if price > self.params.limit:
            return self.params.flow_max + tr.Amount(1)
        return tr.Amount(self.state.seen)

    def payout(self, price: tr.Price) -> tr.Amount:
        """Pay the price; beyond the limit, divide by zero."""
        if price > self.params.limit:
            return tr.Amount(1 // (self.state.seen - self.state.seen))
        return price * tr.Qty(1)

    def value(self, price: tr.Price) -> tr.Amount:
        """Return the price; beyond the limit, never."""
        while price > self.params.limit:
            self.state.seen += 0
        return price * tr.Qty(1)
