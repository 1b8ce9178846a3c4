"""Reads an instrument that its command does not name."""

import tiderace as tr


@tr.program(capabilities=["book:*"], meta={"kind": "condition"})
class ReadsBeyond:
    """Traps with `host`."""

    def is_due(self) -> bool:
        """Ask for the mark of a ninth instrument."""
        return tr.host.mark(8) > tr.Price(0)
