"""An arithmetic Asian call: the mean of eight fixings, rounded down to the tick, less the strike.

tiderace program run examples/programs/asian_call.py "[9, 8, 9, 9, 7, 9, 10, 9]" 6 5
"""

import tiderace as tr

FIXINGS = 8


@tr.program
def asian_call(fixings: tr.Array[tr.Price, FIXINGS], strike: tr.Price, qty: tr.Qty) -> tr.Amount:
    """Return what the holder of `qty` lots receives."""
    total = tr.Price(0)
    for i in range(FIXINGS):
        total += fixings[i]
    return max(total // FIXINGS - strike, tr.Price(0)) * qty
