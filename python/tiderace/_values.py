"""Numbers at the border: `Decimal`, `str`, `int` and `Ticks` in, whole ticks and lots out, exactly.

A `float` or a `bool` is a `TypeError` that names `Decimal`: what was meant can no longer be known.
"""

import re
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

import msgspec

from tiderace.errors import InputError, OrderRefused

Number = Decimal | str | int

FRACTION_DECIMALS = 9
STEP_DECIMALS = 12

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_EXACT = Context(prec=80, traps=[Inexact, InvalidOperation, Overflow])


class Ticks(msgspec.Struct, frozen=True):
    """A price in ticks of its instrument: ``tr.Ticks(6_183_764)``."""

    n: int


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument as conversions need it. Steps are whole numbers of 10^-12."""

    id: int
    name: str
    tick_size: int
    lot_size: int
    base_decimals: int

    def ticks(self, price: Number | Ticks, *, key: str = "price") -> int:
        """Return ``price`` (in the quote unit) in whole ticks."""
        if isinstance(price, Ticks):
            return price.n
        value = scaled(decimal(price, key=key), STEP_DECIMALS, key=key)
        if value % self.tick_size:
            raise OrderRefused(
                f"{key} = {price} of {self.name}",
                code=2014,
                reason="bad_tick",
                value=str(price),
                rule=f"A price is a whole number of ticks of {self.step(self.tick_size)}",
                remedy="Round it to the tick",
            )
        return value // self.tick_size

    def lots(self, qty: Number, *, key: str = "order_qty") -> int:
        """Return ``qty`` (in contracts; spot: base) in whole lots, > 0."""
        value = scaled(decimal(qty, key=key), STEP_DECIMALS, key=key)
        if value <= 0 or value % self.lot_size:
            raise OrderRefused(
                f"{key} = {qty} of {self.name}",
                code=2015,
                reason="bad_lot",
                value=str(qty),
                rule=f"A quantity is above zero, in whole lots of {self.step(self.lot_size)}",
                remedy="Round it to the lot",
            )
        return value // self.lot_size

    def price(self, ticks: int) -> Decimal:
        """Return ticks as a price in the quote unit."""
        return self.step(ticks * self.tick_size)

    def qty(self, lots: int) -> Decimal:
        """Return lots as a quantity in contracts (spot: base)."""
        return self.step(lots * self.lot_size)

    @staticmethod
    def step(value: int) -> Decimal:
        """Return a whole number of 10^-12 as a decimal without trailing zeros."""
        plain = unscaled(value, STEP_DECIMALS).normalize(_EXACT)
        return (
            plain
            if plain != plain.to_integral_value()
            else plain.quantize(Decimal(1), context=_EXACT)
        )


def decimal(value: Number, *, key: str) -> Decimal:
    """Return a number given by a caller as a `Decimal`.

    Raises
    ------
    TypeError
        It is a float, a bool, or no number.
    InputError
        It is text that is no finite decimal.
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | str | int):
        raise TypeError(
            f"{key} = {value!r} is a {type(value).__name__}. "
            f"A number is a Decimal, a str or an int. Write Decimal({str(value)!r})."
        )
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise InputError(
            f"{key} = {value!r}", rule="A number is a finite decimal", remedy='Write it like "12.5"'
        )
    return number


def scaled(value: Decimal, decimals: int, *, key: str) -> int:
    """Return ``value`` in units of 10^-``decimals``, exactly.

    Raises
    ------
    InputError
        The value is not finite, or has more digits after the point.
    """
    try:
        return int(value.scaleb(decimals, _EXACT).to_integral_exact(context=_EXACT))
    except (Inexact, InvalidOperation, Overflow):
        raise InputError(
            f"{key} = {str(value)!r}",
            rule=f"It has at most {decimals} digits after the point",
            remedy="Round it",
        ) from None


def unscaled(value: int, decimals: int) -> Decimal:
    """Return a whole number of 10^-``decimals`` as a decimal, with all its digits."""
    return Decimal(value).scaleb(-decimals, _EXACT)


def duration_ns(text: str, *, key: str = "duration") -> int:
    """Return a duration like ``"5m"`` in nanoseconds; parts of one are cut off.

    Raises
    ------
    InputError
        It is not a number with one of the units ns, us, ms, s, m, h, d.
    """
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)", text)
    if parts is None:
        raise InputError(
            f"{key} = {text!r}",
            rule="A duration is a number and one of the units ns, us, ms, s, m, h, d",
            remedy='Write it like "250ms", "5m", "8h"',
        )
    return int(Decimal(parts[1]) * _UNITS_NS[parts[2]])


def time_ns(text: str, *, key: str) -> int:
    """Return an RFC 3339 UTC time in nanoseconds since 1970."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(
            f"{key} = {text!r}",
            rule="A time is RFC 3339 with its zone",
            remedy='Write it like "2024-08-08T23:55:00Z"',
        )
    since = moment - datetime.fromisoformat("1970-01-01T00:00:00Z")
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
