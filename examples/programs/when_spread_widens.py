"""When a book's spread is wide around its mark, the order is due: a quote comes when it is paid.

Submitted with a post-only order inside of the spread, it rests there only while the market pays for
it. The mark has to lie between bid and ask: a side that was swept away is no wide spread
(docs/CONDITION.md).
"""

import tiderace as tr


@tr.record
class Params:
    """How wide, in ticks of instrument 0."""

    spread: tr.Price = tr.param(tr.Price(10), minimum=tr.Price(1))


@tr.program(capabilities=["book:*"], meta={"kind": "condition"})
class WhenSpreadWidens:
    """Waits for instrument 0's best prices."""

    params: Params

    def is_due(self) -> bool:
        """Return whether bid and ask lie further apart than that, with the mark between."""
        bid = tr.host.best(0, True)
        ask = tr.host.best(0, False)
        if bid == tr.Price(0) or ask == tr.Price(0):
            return False
        return ask - bid > self.params.spread and bid <= tr.host.mark(0) <= ask
