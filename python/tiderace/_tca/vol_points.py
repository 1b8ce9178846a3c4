"""An option order in vol points: what was paid beyond what the underlying's move explains.

An option's price moves with its underlying while the order is worked, and that is the hedge's
business, not the option order's. Per fill, with side s (+1 buy, -1 sell), price p at forward F, and
the arrival's price P, forward F0, delta, vega (per 1.00 of vol)::

    price      s (p - P)
    delta      s delta (F - F0)               what the underlying's move explains, first order
    adjusted   price - delta                  what is left: the two add up to the price exactly
    points     adjusted / vega x 100          in vol points, 1 = one percent of vol
    repriced   s (vol(p, F) - vol(P, F0)) x 100   the same without the first order's error

``repriced`` inverts each fill's price at its own forward; ``points`` differs from it by gamma and
by what of the move is of the second order. An inverse option is quoted in the coin: its prices are
times the forward of their moment before anything else, and money is in the forward's currency.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import polars as pl

from tiderace._model.options import greeks76, implied_vol76
from tiderace._tca.words import sign_of
from tiderace.errors import InputError


class VolFill(msgspec.Struct, frozen=True, kw_only=True):
    """One fill, per unit of the option; a cost is above zero."""

    qty: float
    price: float
    delta: float
    adjusted: float
    points: float
    repriced: float | None
    """``None`` where the fill's price has no vol."""


class VolPoints(msgspec.Struct, frozen=True, kw_only=True):
    """An option order against its arrival; means are by quantity, a cost is above zero."""

    arrival_vol: float
    arrival_delta: float
    arrival_vega: float
    qty: float
    price: float
    delta: float
    adjusted: float
    points: float
    repriced: float | None
    """``None`` where any fill's price has no vol."""
    fills: list[VolFill]


def vol_points(
    fills: Iterable[Any] | pl.DataFrame,
    *,
    side: Any,
    strike: float,
    t: float,
    call: bool,
    arrival_px: float,
    arrival_forward: float,
    discount: float = 1.0,
    is_inverse: bool = False,
) -> VolPoints:
    """Measure an option order in vol points, adjusted for the underlying's move.

    Parameters
    ----------
    fills
        ``(qty, px, forward)`` each, or mappings, or a frame with these columns; with ``t`` where a
        fill's time to expiry is another. Quantities above zero; prices in the quote unit.
    side
        ``buy`` or ``sell``.
    strike, t, call, discount
        Of the option at arrival; ``t`` in years of 365 days.
    arrival_px, arrival_forward
        Its mid and its forward when the order arrived.
    is_inverse
        Prices are in the coin.

    Raises
    ------
    InputError
        There is no fill, a quantity is not above zero, or the arrival's price has no vol.

    References
    ----------
    F. Black, "The pricing of commodity contracts" (1976).
    """
    rows = [_row(each, t) for each in _each(fills)]
    total = sum(row[0] for row in rows)
    if not rows or min(row[0] for row in rows) <= 0:
        raise InputError(
            f"quantities are {[row[0] for row in rows]}",
            rule="An order has fills, each above zero",
            remedy="Give the direction by side",
        )
    sign = sign_of(side)
    at = arrival_px * (arrival_forward if is_inverse else 1.0)
    terms: dict[str, Any] = {"strike": strike, "call": call, "discount": discount}
    vol, reason = implied_vol76(at, forward=arrival_forward, t=t, **terms)
    if reason:
        raise InputError(
            f"the arrival price {arrival_px!r} has no vol (reason {reason})",
            rule="An option is worth more than its intrinsic value, and less than its bound",
            remedy="Give the option's own mid and its expiry's forward",
        )
    arrival_vol = float(vol)
    greeks = greeks76(arrival_forward, t=t, vol=arrival_vol, **terms)
    delta, vega = float(greeks.delta), float(greeks.vega)
    found = []
    for qty, px, forward, left in rows:
        value = px * (forward if is_inverse else 1.0)
        price = sign * (value - at)
        moved = sign * delta * (forward - arrival_forward)
        now, why = implied_vol76(value, forward=forward, t=left, **terms)
        found.append(
            VolFill(
                qty=qty,
                price=price,
                delta=moved,
                adjusted=price - moved,
                points=(price - moved) / vega * 100,
                repriced=None if why else sign * (float(now) - arrival_vol) * 100,
            )
        )
    known = [each.repriced for each in found if each.repriced is not None]
    return VolPoints(
        arrival_vol=arrival_vol,
        arrival_delta=delta,
        arrival_vega=vega,
        qty=total,
        price=_mean(found, "price"),
        delta=_mean(found, "delta"),
        adjusted=_mean(found, "price") - _mean(found, "delta"),
        points=_mean(found, "points"),
        repriced=_mean(found, "repriced") if len(known) == len(found) else None,
        fills=found,
    )


def _each(fills: Iterable[Any] | pl.DataFrame) -> list[Any]:
    return fills.to_dicts() if isinstance(fills, pl.DataFrame) else list(fills)


def _row(fill: Any, t: float) -> tuple[float, float, float, float]:
    if isinstance(fill, Mapping):
        named = (fill["qty"], fill["px"], fill["forward"], fill.get("t", t))
    else:
        qty, px, forward = fill
        named = (qty, px, forward, t)
    qty, px, forward, left = map(float, named)
    return qty, px, forward, left


def _mean(fills: list[VolFill], name: str) -> float:
    total = sum(fill.qty for fill in fills)
    return sum(fill.qty * float(getattr(fill, name)) for fill in fills) / total
