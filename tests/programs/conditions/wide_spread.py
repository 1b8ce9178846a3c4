"""Due when the spread is wide: reads both sides of a book, and the mark."""

import tiderace as tr


@tr.program(capabilities=["book:*"], meta={"kind": "condition"})
class WideSpread:
    """Waits for a spread of more than ten ticks around instrument 0's mark."""

    def is_due(self) -> bool:
        """Return whether both sides are there and the mark lies between, ten ticks apart."""
        bid = tr.host.best(0, True)
        ask = tr.host.best(0, False)
        if bid == tr.Price(0) or ask == tr.Price(0):
            return False
        return ask - bid > tr.Price(10) and bid <= tr.host.mark(0) <= ask
