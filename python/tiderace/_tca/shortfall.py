"""Implementation shortfall of one order in one instrument, on plain numbers."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import msgspec
import polars as pl

from tiderace._tca.words import sign_of
from tiderace.errors import InputError


class Shortfall(msgspec.Struct, frozen=True, kw_only=True):
    """Parts of an implementation shortfall in the quote currency; above zero is a cost."""

    delay: float
    trading: float
    opportunity: float
    fees: float
    total: float


def shortfall(
    *,
    side: object,
    order_qty: object,
    decision_px: object,
    arrival_px: object,
    fills: object,
    cancel_px: object = None,
    fees: object = 0,
) -> Shortfall:
    """Split the implementation shortfall of one order in one instrument.

    Parameters
    ----------
    side
        ``"buy"`` or ``"sell"``, or the FIX 54 value.
    order_qty
        Quantity decided on, > 0.
    decision_px, arrival_px
        Mid when the order was decided, and when its first child could have gone out.
    fills
        ``(qty, px)`` pairs, mappings with ``qty px`` (or ``last_qty last_px``), or a polars frame.
    cancel_px
        Mid when the rest was given up; not needed where all is filled.
    fees
        Fees paid, in quote: a number, or several to be summed; below zero is a rebate.

    Returns
    -------
    Shortfall
        ``delay trading opportunity fees total``; delay counts the filled, opportunity the rest.

    Raises
    ------
    InputError
        A number is missing, not finite or out of range.

    References
    ----------
    Perold (1988); Kissell and Glantz (2003), ch. 3.
    """
    sign = sign_of(side)
    asked = _number(order_qty, "order_qty")
    decision, arrival = _number(decision_px, "decision_px"), _number(arrival_px, "arrival_px")
    pairs = [(_number(q, "fill qty"), _number(p, "fill px")) for q, p in _pairs(fills)]
    each = fees if isinstance(fees, Iterable) and not isinstance(fees, str) else [fees]
    paid = [_number(fee, "fees") for fee in each]
    if asked <= 0 or any(qty < 0 for qty, _ in pairs):
        raise InputError(
            f"order_qty is {order_qty!r}, fills are {[float(qty) for qty, _ in pairs]}",
            rule="An order is above zero and a fill is not below zero",
            remedy="Give the direction by side",
        )
    filled = sum((qty for qty, _ in pairs), Fraction(0))
    unfilled = max(asked - filled, Fraction(0))
    if unfilled and cancel_px is None:
        raise InputError(
            f"cancel_px is missing with {float(unfilled)} unfilled",
            rule="What was not filled is valued at the price when it was given up",
            remedy="Give the mid at that moment",
        )
    end = decision if cancel_px is None else _number(cancel_px, "cancel_px")
    delay = sign * filled * (arrival - decision)
    trading = sign * sum((qty * (px - arrival) for qty, px in pairs), Fraction(0))
    opportunity = sign * unfilled * (end - decision)
    fee = sum(paid, Fraction(0))
    parts = (delay, trading, opportunity, fee)
    # Fractions until here: the parts of floats add up to the last bit.
    try:
        out = [float(part) for part in (*parts, sum(parts))]
    except OverflowError:
        raise InputError(
            "the shortfall is beyond any float",
            rule="Quantity times price is below 1.8e308",
            remedy="Check the units of quantities and prices",
        ) from None
    return Shortfall(delay=out[0], trading=out[1], opportunity=out[2], fees=out[3], total=out[4])


def _number(value: Any, what: str) -> Fraction:
    try:
        return Fraction(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        raise InputError(
            f"{what} is {value!r}", rule="It is a finite number", remedy=f"Correct {what}"
        ) from None


def _pairs(fills: Any) -> list[tuple[Any, Any]]:
    """Return fills as ``(qty, px)`` pairs."""
    rows: list[Any] = [] if fills is None else list(fills)
    if isinstance(fills, pl.DataFrame):
        rows = fills.to_dicts()
    out = []
    for row in rows:
        if isinstance(row, Mapping):
            qty, px = row.get("qty", row.get("last_qty")), row.get("px", row.get("last_px"))
        elif hasattr(row, "qty") or hasattr(row, "last_qty"):
            qty = getattr(row, "qty", getattr(row, "last_qty", None))
            px = getattr(row, "px", getattr(row, "last_px", None))
        else:
            try:
                qty, px = row
            except (TypeError, ValueError):
                raise InputError(
                    f"a fill is {row!r}",
                    rule="A fill is a pair of quantity and price, or has both by name",
                    remedy="Give (qty, px)",
                ) from None
        out.append((qty, px))
    return out
