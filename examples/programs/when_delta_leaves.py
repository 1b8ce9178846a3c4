"""When the account's delta leaves a band, the order is due: a hedge that waits at the venue.

Instrument 0 is the hedge, of delta 1 a contract; the others it names are options. Delta is the sum
of position (in lots) times the delta of a contract that the venue was given (10^-12 of base), in
that unit: where a lot is a tenth of a contract, so is the bound. A due condition is gone, so a
hedge on either side is two of them, and the next one is submitted after this one has done its work.

References: Whalley, A. E. and Wilmott, P. (1997), "An asymptotic analysis of an optimal hedging
model for option pricing with transaction costs", Mathematical Finance 7(3), for why a band.
"""

import tiderace as tr

STEP = 1_000_000_000_000


@tr.record
class Params:
    """How many instruments it reads, the band, and its side: 1 waits above it, -1 below."""

    count: int = tr.param(2, minimum=1, maximum=8)
    band: int = tr.param(5, minimum=0)
    side: int = tr.param(1, minimum=-1, maximum=1)


@tr.program(capabilities=["book:*", "account"], meta={"kind": "condition"})
class WhenDeltaLeaves:
    """Sums its own account's delta over what it reads."""

    params: Params

    def is_due(self) -> bool:
        """Return whether the delta lies beyond the band on the side that it waits for."""
        delta = tr.i128(tr.host.position(0)) * tr.i128(STEP)
        for number in range(1, self.params.count):
            delta += tr.i128(tr.host.position(number)) * tr.host.delta(number)
        band = tr.i128(self.params.band) * tr.i128(STEP)
        return delta * tr.i128(self.params.side) > band
