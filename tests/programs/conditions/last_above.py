"""Due when the last trade is at a price or above: a stop, written as a condition."""

import tiderace as tr


@tr.record
class Params:
    """The price."""

    price: tr.Price = tr.param(tr.Price(1), minimum=tr.Price(1))


@tr.program(capabilities=["book:*"], meta={"kind": "condition"})
class LastAbove:
    """Waits for instrument 0's last trade."""

    params: Params

    def is_due(self) -> bool:
        """Return whether it traded there."""
        return tr.host.last(0) >= self.params.price
