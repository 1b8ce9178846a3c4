"""Tells what it can read of an option, at each message of a book.

`python make_forms.py` beside it writes the forms again.
"""

import tiderace as tr


@tr.record
class Params:
    """Which venue is the option, and what to ask about it."""

    option: int
    vol: int
    price: tr.Price
    value: int


@tr.program(capabilities=["parent", "book:*"], meta={"name": "marks"})
class Marks:
    """One reading of each kind a message."""

    params: Params

    def on_start(self) -> None:
        """Wait."""
        tr.host.note("venues", tr.host.venues())

    def on_book(self, venue: int) -> None:
        """Say all that there is to read."""
        at = self.params.option
        vol = self.params.vol
        value = self.params.value
        tr.host.note("vol", tr.host.vol(at))
        tr.host.note("price down", int(tr.host.price_at_vol(at, vol, False)))
        tr.host.note("price up", int(tr.host.price_at_vol(at, vol, True)))
        tr.host.note("vol at price", tr.host.vol_at_price(at, self.params.price))
        tr.host.note("delta", tr.host.delta(at))
        tr.host.note("vega", tr.host.vega(at))
        tr.host.note("coin", int(tr.host.price_at_value(at, value, True, False)))
        tr.host.note("money", int(tr.host.price_at_value(at, value, False, True)))
        tr.host.note("delta of the other", tr.host.delta(1 - at))
        tr.host.note("vol of the other", tr.host.vol(1 - at))
