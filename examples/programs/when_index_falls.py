"""When the index falls by a part of its value at entry, the order is due: a stop on the index.

Submitted with a reduce-only sell and one instrument to read, it closes a long position when the
underlying itself falls, whatever a thin book of the product prints (docs/CONDITION.md).
"""

import tiderace as tr

ONE = 1_000_000_000


@tr.record
class Params:
    """How far it may fall."""

    fall: int = tr.param(30_000_000, minimum=1, maximum=ONE, unit="share")


@tr.record
class State:
    """What was seen first."""

    entry: tr.Price


@tr.program(capabilities=["book:*"], meta={"kind": "condition"})
class WhenIndexFalls:
    """Waits for instrument 0's index."""

    params: Params
    state: State

    def is_due(self) -> bool:
        """Return whether the index is that far below the first one that it saw."""
        index = tr.host.index(0)
        if index <= tr.Price(0):
            return False
        if self.state.entry == tr.Price(0):
            self.state.entry = index
        floor = tr.i128(int(self.state.entry)) * tr.i128(ONE - self.params.fall)
        return tr.i128(int(index)) * tr.i128(ONE) <= floor
