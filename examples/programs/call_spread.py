"""A call spread: long a call at `low`, short one at `high`, cash settled.

Payoff of a lot: min(max(settlement - low, 0), high - low), never below zero, never above the width.

    tiderace program run examples/programs/call_spread.py 61500 60000 62000 3
"""

import tiderace as tr


@tr.program
def call_spread(settlement: tr.Price, low: tr.Price, high: tr.Price, qty: tr.Qty) -> tr.Amount:
    """Return what the holder of `qty` lots receives."""
    if high <= low:
        return tr.Amount(0)
    return min(max(settlement - low, tr.Price(0)), high - low) * qty
