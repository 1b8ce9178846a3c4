"""Woken by every change of its book; keeps the highest best bid and counts its calls."""

import tiderace as tr


@tr.record
class State:
    """What it has seen."""

    called: int
    highest: tr.Price


@tr.program(capabilities=["parent", "book:*"], meta={"name": "reader"})
class Reader:
    """One read of the host a call."""

    state: State

    def on_start(self) -> None:
        """Begin."""
        self.state.called = 0

    def on_book(self, venue: int) -> None:
        """Read the best bid."""
        self.state.highest = max(self.state.highest, tr.host.price(venue, True, 0))
        self.state.called += 1
