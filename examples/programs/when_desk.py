"""When one market moves, trade on all: a condition that the desk runs.

It waits until the mid of the parent's venue `lead` has moved by `move` from its arrival, up for a
buy and down for a sell, and then takes what is left over all venues, cheapest first, each second
until it is done. A condition at a venue reads that venue alone and sends one order fixed before
(docs/CONDITION.md); this one reads every book of the desk, acts as often as it likes, and holds
what the desk promises of a parent (docs/ALGO.md).

    tiderace run examples/twap_three_books.toml --set parent.algo=examples/programs/when_desk.py
"""

import tiderace as tr

BPS = 1_000_000_000
SECOND = 1_000_000_000


@tr.record
class Params:
    """Whom it watches, and how far that has to move."""

    lead: int = tr.param(0, minimum=0, maximum=63, unit="venue")
    move: int = tr.param(200_000, minimum=1, maximum=BPS, unit="bp")


@tr.record
class State:
    """What happened so far."""

    is_due: bool


@tr.program(
    capabilities=["book:*", "parent", "timer"],
    meta={"name": "when_desk", "controls": "limit participation clip end gates"},
)
class WhenDesk:
    """Waits for the leading market, then takes."""

    params: Params
    state: State

    def on_start(self) -> None:
        """Look at once."""
        self.on_book(self.params.lead)

    def on_book(self, venue: int) -> None:
        """Look where the leading market stands; twice the mid is whole ticks."""
        lead = self.params.lead
        if self.state.is_due or venue != lead or not tr.host.is_live(lead):
            return
        bid = tr.host.price(lead, True, 0)
        ask = tr.host.price(lead, False, 0)
        if bid <= tr.Price(0) or ask <= tr.Price(0):
            return
        begun = tr.host.arrival(lead, True) + tr.host.arrival(lead, False)
        moved = bid + ask - begun
        if not tr.host.is_buy():
            moved = -moved
        if tr.i128(int(moved)) * tr.i128(BPS) >= tr.i128(int(begun)) * tr.i128(self.params.move):
            self.state.is_due = True
            self.on_timer()

    def on_timer(self) -> None:
        """Take what is left: the desk cuts it to what is neither filled nor working."""
        tr.host.take(tr.host.order_qty())
        tr.host.wake(tr.host.now() + SECOND)
