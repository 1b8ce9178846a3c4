"""What the models let in: finite numbers within their range, or a refusal that says why."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiderace.errors import InputError

Floats = NDArray[np.float64]
Number = float | Floats

SLICES_MAX = 1_000_000
"""The most slices of one schedule: what keeps it small in memory."""


def numbers(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> Floats:
    """Return finite floats within a range, in the shape that they came in."""
    bounds = (("above", above), ("at least", at_least), ("below", below), ("at most", at_most))
    said = " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
    rule = f"It is a finite number{said and ', '}{said}"
    array = _floats(value)
    fits = bool(np.all(np.isfinite(array)))
    fits = fits and (above is None or bool(np.all(array > above)))
    fits = fits and (at_least is None or bool(np.all(array >= at_least)))
    fits = fits and (below is None or bool(np.all(array < below)))
    fits = fits and (at_most is None or bool(np.all(array <= at_most)))
    if not fits:
        raise InputError(f"{name} = {value!r}", rule=rule, remedy=f"Correct {name}")
    return array


def number(name: str, value: Any, **bounds: float) -> float:
    """Return one finite float within a range."""
    array = numbers(name, value, **bounds)
    if array.shape:
        raise InputError(
            f"{name} = {value!r}", rule="It is one number", remedy=f"Call once for each {name}"
        )
    return float(array)


def whole(name: str, value: Any, *, at_least: int, at_most: int) -> int:
    """Return a whole number within a range."""
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or not at_least <= value <= at_most:
        raise InputError(
            f"{name} = {value!r}",
            rule=f"It is a whole number from {at_least} to {at_most}",
            remedy=f"Give {name} as an int in that range",
        )
    return int(value)


def finite(**values: Number) -> None:
    """Refuse answers that left the range of a float."""
    for name, value in values.items():
        if not np.all(np.isfinite(value)):
            raise InputError(
                f"{name} is beyond the range of a float",
                rule="Numbers go in in units where their squares stay below 1e308",
                remedy="Rescale quantities, prices or times",
            )


def shaped(array: Floats) -> Number:
    """Return a number for a number, an array for an array."""
    return array if array.shape else float(array)


def _floats(value: Any) -> Floats:
    """Return the floats that a value is, NaN where it is none; text and truth are no numbers."""
    try:
        given = np.asarray(value)
        is_number = given.dtype.kind in "iuf"
        if given.dtype.kind == "O":
            is_number = not any(isinstance(one, str | bytes | bool) for one in given.flat)
        return given.astype(np.float64) if is_number else np.array(np.nan)
    except (TypeError, ValueError, OverflowError):
        return np.array(np.nan)
