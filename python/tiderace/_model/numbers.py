"""What the functions of `tiderace.model` take for numbers, and what they say where it is none."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiderace.errors import ArgumentError, InputError

_FINITE = "Every number in and out of a model is finite"


def floats(name: str, value: Any) -> NDArray[np.float64]:
    """Return a number or an array of numbers as an array; text and bool are none."""
    found = value if isinstance(value, np.ndarray) else _as_array(name, value)
    if isinstance(found, np.ma.MaskedArray) and found.dtype.kind == "f":
        found = found.filled(np.nan)
    if found.dtype == np.float64:
        return found
    if found.dtype.kind in "fiuO" and value is not None:
        try:
            return found.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            pass
    raise _no_number(name, value, "It is a number or an array of numbers", f"Give {name} as floats")


def column(name: str, value: Any) -> NDArray[np.float64]:
    """Return values as the core reads them: one row after the other."""
    return np.ascontiguousarray(floats(name, value).reshape(-1))


def number(name: str, value: Any) -> float:
    """Return one finite number."""
    if isinstance(value, bool | np.bool_ | str | bytes) or np.ndim(value):
        raise _no_number(name, value, "It is a number", f"Give {name} as a float")
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _no_number(name, value, "It is a number", f"Give {name} as a float") from None
    if not math.isfinite(found):
        raise InputError(f"{name} = {value!r}", rule=_FINITE, remedy=f"Correct {name}")
    return found


def whole(name: str, value: Any, *, least: int, most: int = 2**63 - 1) -> int:
    """Return a whole number from `least` to `most`."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise _no_number(name, value, "It is a whole number", f"Give {name} as an int")
    if not least <= value <= most:
        raise InputError(
            f"{name} = {value!r}",
            rule=f"It is from {least} to {most}",
            remedy=f"Correct {name}",
        )
    return int(value)


def is_true(name: str, value: Any) -> bool:
    """Return a switch."""
    if not isinstance(value, bool | np.bool_):
        raise _no_number(name, value, "It is True or False", f"Give {name} as bool")
    return bool(value)


def _as_array(name: str, value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:
        rule = "Its rows are of one length"
        raise _no_number(name, value, rule, "Give a rectangular array") from None


def _no_number(name: str, value: Any, rule: str, remedy: str) -> ArgumentError:
    said = repr(value)
    short = said if len(said) <= 80 else f"{said[:77]}..."
    return ArgumentError(f"{name} = {short}", rule=rule, remedy=remedy)
