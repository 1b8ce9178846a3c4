"""What a trade at the touch costs besides its prices, and what an arbitrage leaves after it."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tiderace import _core
from tiderace._chain import Chain

KINDS = ("vertical", "butterfly", "calendar", "parity", "box")
Row = tuple[str, list[tuple[int, float, float]], float, float | None]


class Fees(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's taker fees; the defaults are those that Deribit publishes for coin-settled options.

    Attributes
    ----------
    option
        Of a contract, in its settlement asset.
    option_of_price
        The option's fee is at most this share of its price.
    future
        Share of a future's notional.
    """

    option: float = 0.0003
    option_of_price: float = 0.125
    future: float = 0.0005


class Found(NamedTuple):
    """An arbitrage at the touch: what it leaves before and after fees, in the settlement asset."""

    kind: str
    legs: list[tuple[int, float, float]]
    gross: float
    net: float
    qty: float | None


def search(chain: Chain, fees: Fees | None = None, *, at_mid: bool = False) -> list[Found]:
    """Find every arbitrage in a chain, and what the fees leave of it; most first.

    Futures trade at their mark, without a spread: chains hold no quotes of them.
    """
    fees = fees or Fees()
    quotes = chain.quotes(at_mid=at_mid)
    rows, _ = _core.model_arbitrage(quotes.columns(), 0.0, 0.0)
    strikes = quotes.floats[:, 1]
    found = [
        Found(kind, legs, edge, edge - _cost(chain, legs, strikes, quotes.kinds, fees), qty)
        for kind, legs, edge, qty in rows
    ]
    return sorted(found, key=lambda row: -row.net)


def count(chain: Chain, *, at_mid: bool) -> Counter[str]:
    """Count arbitrages by kind, without fees."""
    rows, _ = _core.model_arbitrage(chain.quotes(at_mid=at_mid).columns(), 0.0, 0.0)
    return Counter(row[0] for row in rows)


def _cost(
    chain: Chain,
    legs: Sequence[tuple[int, float, float]],
    strikes: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    fees: Fees,
) -> float:
    paid = 0.0
    strike = max(float(strikes[quote]) for quote, _, _ in legs if kinds[quote] != 2)
    for quote, qty, price in legs:
        if kinds[quote] == 2:
            # Parity trades a future of as many quote units as the strike says, or of one coin.
            notional = strike / price if chain.is_inverse else price
            paid += abs(qty) * fees.future * notional
        else:
            paid += abs(qty) * min(fees.option, fees.option_of_price * price)
    return paid
