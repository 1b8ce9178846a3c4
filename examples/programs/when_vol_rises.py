"""When an option's vol rises above a bound, the order is due: a take-profit in vol.

The vol is that of the surface that the venue's portfolio margin goes by; until one is published it
is 0, and nothing is due (docs/CONDITION.md).
"""

import tiderace as tr


@tr.record
class Params:
    """The bound: a vol of 10^-9, 0.65 is 65 %."""

    vol: int = tr.param(650_000_000, minimum=1)


@tr.program(capabilities=["book:*"], meta={"kind": "condition"})
class WhenVolRises:
    """Waits for instrument 0's vol."""

    params: Params

    def is_due(self) -> bool:
        """Return whether the published vol is above the bound."""
        return tr.host.vol(0) > self.params.vol
