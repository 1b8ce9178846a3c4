"""Parameters of algorithms as a config says them, and as the core holds them.

A parameter's unit says how: `share` is a decimal held in 1e-9, `bp` a decimal number of hundredths
of a percent held in 1e-9 of the whole, `ns` a duration, `base` a decimal of the parent's base asset
held in its base units. `count`, `venue` (a number of one of the parent's instruments) and `weight`
(at least 0, against others) are whole numbers. Without one of these a number stays what it is.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tiderace._programs import arguments
from tiderace._programs.plain import zero
from tiderace._programs.tree import Param
from tiderace._programs.words import Array, Record, Scalar, Type, bits, fits, name_of
from tiderace._values import FRACTION_DECIMALS, duration_ns, scaled, unscaled
from tiderace.errors import InputError

UNITS = ("share", "bp", "ns", "base", "count", "venue", "weight", "")
# A thousand of them are summed in 64 bits.
_WEIGHT_MAX = 10**15
# How many digits a decimal number of hundredths of a percent has where it is held in 1e-9.
_BP_DECIMALS = FRACTION_DECIMALS - 4
_KINDS = {
    "share": (Scalar.INT,),
    "bp": (Scalar.INT,),
    "ns": (Scalar.INT,),
    "count": (Scalar.INT,),
    "venue": (Scalar.INT,),
    "weight": (Scalar.INT,),
    "base": (Scalar.AMOUNT, Scalar.I128, Scalar.INT),
}
_WRITTEN = {
    "share": 'Write it as a string holding a decimal, e.g. "0.25"',
    "bp": 'Write it as a string holding hundredths of a percent, e.g. "2.5"',
    "ns": 'Write it like "250ms", "5m", "8h"',
    "base": 'Write it as a string holding a decimal, e.g. "1.5"',
}
_DURATIONS = (
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
)


def fits_unit(param: Param) -> bool:
    """Return whether a parameter's unit is known, and goes with its type."""
    kind = param.kind
    while isinstance(kind, Array):
        kind = kind.element
    if param.unit not in UNITS:
        return False
    return param.unit not in _KINDS or (isinstance(kind, Scalar) and kind in _KINDS[param.unit])


def taken(
    params: Sequence[Param], given: Mapping[str, Any], *, base_decimals: int, key: str
) -> list[Any]:
    """Return the parameters of an algorithm as the core holds them, in their order.

    Parameters
    ----------
    params
        What the algorithm says of them.
    given
        What a config says; what is not there is its default, of an array zeros.
    base_decimals
        Digits of the base unit of the parent's base asset.
    key
        Where they stand in the config, for messages.

    Raises
    ------
    InputError
        One is missing, of another type, or out of its range.
    """
    return [_taken(param, given, base_decimals, f"{key}.{param.name}") for param in params]


def _taken(param: Param, given: Mapping[str, Any], base_decimals: int, key: str) -> Any:
    if param.name in given:
        return _value(param, param.kind, given[param.name], base_decimals, key)
    default = default_of(param)
    if default is None:
        raise InputError(
            f"{key} is missing",
            rule=f"It has no default: it is {type_said(param)}",
            remedy=f"Add {key}",
        )
    return default


def default_of(param: Param) -> Any:
    """Return what a parameter is where it is not given: an array is all zero; None: needed."""
    if isinstance(param.kind, Array):
        return arguments.released(param.kind, zero(param.kind))
    return param.default


def _value(param: Param, kind: Type, value: Any, base_decimals: int, key: str) -> Any:
    """Return one value, or each of a list of them, converted by unit and within its range."""
    if isinstance(kind, Array):
        if not isinstance(value, list | tuple) or len(value) != kind.length:
            raise InputError(
                f"{key} = {_short(value)}",
                rule=f"It is a list of {kind.length}",
                remedy=f"Give {kind.length} values",
            )
        return [
            _value(param, kind.element, each, base_decimals, f"{key}[{n}]")
            for n, each in enumerate(value)
        ]
    if isinstance(kind, Record):
        names = [name for name, _ in kind.fields]
        if not isinstance(value, Mapping) or set(value) != set(names):
            raise InputError(
                f"{key} = {_short(value)}",
                rule=f"It is a table of {', '.join(names)}",
                remedy="Give each of them",
            )
        return [
            _value(param, each, value[name], base_decimals, f"{key}.{name}")
            for name, each in kind.fields
        ]
    held = _scalar(param, kind, value, base_decimals, key)
    if isinstance(held, float | bool) or fits(kind, held):
        low, high = range_of(param)
        if (low is None or held >= low) and (high is None or held <= high):
            return held
        rule = f"It is {range_said(param, base_decimals)}"
    else:
        rule = f"{name_of(kind)} holds {bits(kind)} bits"
    raise InputError(f"{key} = {value!r}", rule=rule, remedy="Correct the value")


def _scalar(param: Param, kind: Scalar, value: Any, base_decimals: int, key: str) -> Any:
    if param.unit == "ns":
        if not isinstance(value, str):
            raise _type_error(param, value, key)
        return duration_ns(value, key=key)
    if param.unit in ("share", "bp", "base"):
        digits = {"share": FRACTION_DECIMALS, "bp": _BP_DECIMALS, "base": base_decimals}
        return scaled(_decimal(param, value, key), digits[param.unit], key=key)
    if kind == Scalar.BOOL:
        if isinstance(value, bool):
            return value
    elif kind == Scalar.FLOAT:
        return float(_decimal(param, value, key))
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _type_error(param, value, key)


def _decimal(param: Param, value: Any, key: str) -> Decimal:
    try:
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            number = Decimal(value)
            if number.is_finite():
                return number
    except ArithmeticError:
        pass
    raise _type_error(param, value, key)


def _type_error(param: Param, value: Any, key: str) -> InputError:
    whole = {Scalar.BOOL: "Write true or false", Scalar.FLOAT: 'Write it like "0.5"'}
    kind = param.kind if isinstance(param.kind, Scalar) else Scalar.INT
    return InputError(
        f"{key} = {_short(value)}",
        rule=f"It is {type_said(param)}",
        remedy=_WRITTEN.get(param.unit) or whole.get(kind, "Write a whole number, without quotes"),
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def type_said(param: Param) -> str:
    """Return what a config writes there, in a few words."""
    kind, of = param.kind, ""
    while isinstance(kind, Array):
        of += f"{kind.length} times "
        kind = kind.element
    words = {
        "share": "a decimal",
        "bp": "a decimal number of basis points",
        "ns": "a duration",
        "base": "exposure in the base asset",
        "venue": "one of the parent's instruments by its number",
    }
    plain = {
        Scalar.BOOL: "true or false",
        Scalar.FLOAT: "a decimal",
        Scalar.PRICE: "a whole number of ticks",
        Scalar.QTY: "a whole number of lots",
    }
    if isinstance(kind, Record):
        return f"{of}a table of {', '.join(name for name, _ in kind.fields)}"
    return of + (words.get(param.unit) or plain.get(kind, "a whole number"))


def said(param: Param, value: Any, *, base_decimals: int | None, kind: Type | None = None) -> Any:
    """Return a held value as a config writes it; exposure stays in base units without an asset."""
    kind = param.kind if kind is None else kind
    if value is None:
        return None
    if isinstance(kind, Array):
        return [said(param, v, base_decimals=base_decimals, kind=kind.element) for v in value]
    if isinstance(kind, Record):
        pairs = zip(kind.fields, value, strict=True)
        return {n: said(param, v, base_decimals=base_decimals, kind=k) for (n, k), v in pairs}
    if param.unit == "ns":
        return duration_said(value)
    digits = {"share": FRACTION_DECIMALS, "bp": _BP_DECIMALS, "base": base_decimals}
    of = digits.get(param.unit)
    if of is not None:
        return plain_decimal(unscaled(value, of))
    return str(value) if isinstance(value, float) else value


def bound_said(param: Param, bound: Any, *, base_decimals: int | None) -> Any:
    """Return an end of a range as a config writes one value of it."""
    return said(param, bound, base_decimals=base_decimals, kind=Scalar.INT)


def range_of(param: Param) -> tuple[Any, Any]:
    """Return a parameter's range; a unit bounds an array's elements too."""
    low, high = param.minimum, param.maximum
    if param.unit not in ("venue", "weight"):
        return low, high
    most = _WEIGHT_MAX if param.unit == "weight" else None
    return 0 if low is None else low, most if high is None else high


def range_said(param: Param, base_decimals: int | None) -> str:
    """Return a parameter's range as a config writes it; empty where there is none."""
    low, high = (bound_said(param, b, base_decimals=base_decimals) for b in range_of(param))
    if low is not None and high is not None:
        return f"between {low} and {high}"
    if low is not None:
        return f"at least {low}"
    return "" if high is None else f"at most {high}"


def plain_decimal(value: Decimal) -> str:
    """Return a decimal without trailing zeros and without an exponent."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration_said(ns: int) -> str:
    """Return nanoseconds in the largest unit that says them whole."""
    if ns == 0:
        return "0s"
    for unit, size in _DURATIONS:
        if ns % size == 0:
            return f"{ns // size}{unit}"
    return f"{ns}ns"
