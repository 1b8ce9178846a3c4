"""Numbers, times and markup as a person reads them; all text from outside is escaped here."""

import html
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

MINUS = "\u2212"
NOTHING = "\u2013"
_S = 1_000_000_000


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def esc(value: object) -> Markup:
    """Return text as markup: everything that is not `Markup` is escaped."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value), quote=True))


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """Return an element; ``class_`` is ``class``, ``data_x`` ``data-x``, ``None`` is left out."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{pairs}>{''.join(map(esc, children))}</{name}>")


def join(*parts: object) -> Markup:
    """Return markup one after the other."""
    return Markup("".join(map(esc, parts)))


def number(value: Any, digits: int, *, sign: bool = False) -> str:
    """Return a number with thousands separators and a real minus; a dash for none."""
    if value is None:
        return NOTHING
    step = Decimal(1).scaleb(-digits)
    rounded = Decimal(str(value)).quantize(step, rounding=ROUND_HALF_EVEN)
    text = f"{abs(rounded):,f}"
    if rounded == 0:
        return text
    return (MINUS if rounded < 0 else "+" if sign else "") + text


def quantity(value: Any, digits: int = 4) -> str:
    """Return an exposure, rounded down as the summary's are, without needless zeros."""
    if value is None:
        return NOTHING
    exact = Decimal(str(value))
    step = Decimal(1).scaleb(-digits)
    text = f"{abs(exact) // step * step:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return (MINUS if exact < 0 and text != "0" else "") + text


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return NOTHING if share is None else f"{share * 100:.{digits}f}\u202f%"


def clock(ts_ns: int | None, digits: int = 0) -> str:
    """Return the UTC time of day."""
    if ts_ns is None:
        return NOTHING
    text = f"{datetime.fromtimestamp(ts_ns // _S, UTC):%H:%M:%S}"
    return f"{text}.{ts_ns % _S:09d}"[: len(text) + 1 + digits] if digits else text


def date(ts_ns: int) -> str:
    """Return the UTC date."""
    return f"{datetime.fromtimestamp(ts_ns // _S, UTC):%Y-%m-%d}"


def duration(ns: int) -> str:
    """Return a span as a person says it, e.g. ``5 min 44 s``."""
    seconds = round(ns / _S, 1 if ns < 10 * _S else 0)
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
