"""A variance swap's leg: annualised realised variance of closing prices, in units of 1e-18.

Sum of squared log returns, times 365 over their number. Zero prices count for nothing.

References: Demeterfi, Derman, Kamal and Zou, "More than you ever wanted to know about volatility
swaps", Goldman Sachs, 1999.
"""

import tiderace as tr
from tiderace import model

CLOSES = 8
DAYS = 365


def log_return(before: tr.Price, after: tr.Price) -> float:
    """Return ln(after / before); zero where one of them is no price."""
    if before <= tr.Price(0) or after <= tr.Price(0):
        return 0.0
    return model.log(float(int(after)) / float(int(before)))


@tr.program
def realised_variance(closes: tr.Array[tr.Price, CLOSES]) -> tr.Rate:
    """Return the variance, rounded towards zero to whole parts of 1e-9."""
    total = 0.0
    for i in range(1, CLOSES):
        step = log_return(closes[i - 1], closes[i])
        total += step * step
    variance = total * float(DAYS) / float(CLOSES - 1)
    return tr.Rate(int(min(variance, 9.0) * 1e9)) * 1_000_000_000
