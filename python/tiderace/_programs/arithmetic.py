"""Arithmetic of programs in plain Python: Python's own operators, checked to fit.

This is the third opinion beside compiled code and the interpreter. Only transcendental functions
come from the core: CPython's depend on the platform, the core's on one pinned library.
"""

import math
from collections.abc import Callable
from typing import Any

from tiderace import _core
from tiderace._programs.words import BinaryOp, Scalar, UnaryOp, bits

NAN = float("nan")
MODEL: dict[UnaryOp, Callable[[float], float]] = {
    UnaryOp.SQRT: lambda value: math.sqrt(value) if value >= 0 else NAN,
    UnaryOp.EXP: lambda value: _core.program_math("exp", value),
    UnaryOp.LOG: lambda value: _core.program_math("log", value),
    UnaryOp.SIN: lambda value: _core.program_math("sin", value),
    UnaryOp.COS: lambda value: _core.program_math("cos", value),
}


class Stop(Exception):
    """A trap, on its way to the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fit(width: int, value: int) -> int:
    """Return a whole number that fits ``width`` bits."""
    half = 1 << (width - 1)
    if -half <= value < half:
        return value
    raise Stop("overflow")


def floor_div(left: Any, right: Any) -> Any:
    """Return ``left // right``."""
    if right == 0:
        raise Stop("div_zero")
    return left // right


def remainder(left: Any, right: Any) -> Any:
    """Return ``left % right``."""
    if right == 0:
        raise Stop("div_zero")
    return left % right


def divide(left: float, right: float) -> float:
    """Return ``left / right``."""
    if right == 0:
        raise Stop("div_zero")
    return left / right


def shift_left(left: int, right: int) -> int:
    """Return ``left << right``; what comes out may not fit."""
    if not 0 <= right <= 63:
        raise Stop("shift")
    return left << right


def shift_right(left: int, right: int) -> int:
    """Return ``left >> right``."""
    if not 0 <= right <= 63:
        raise Stop("shift")
    return left >> right


def truncated(value: float) -> int:
    """Return a float as an int."""
    if not -(2.0**63) <= value < 2.0**63:
        raise Stop("float_to_int")
    return int(value)


def index(value: int, length: int) -> int:
    """Return an index that an array has."""
    if 0 <= value < length:
        return value
    raise Stop("bounds")


def counted(start: int, stop: int, step: int) -> range:
    """Return a range."""
    if step == 0:
        raise Stop("range_step")
    return range(start, stop, step)


_RAW: dict[BinaryOp, Callable[[Any, Any], Any]] = {
    BinaryOp.ADD: lambda left, right: left + right,
    BinaryOp.SUB: lambda left, right: left - right,
    BinaryOp.MUL: lambda left, right: left * right,
    BinaryOp.FLOORDIV: floor_div,
    BinaryOp.MOD: remainder,
    BinaryOp.DIV: divide,
    BinaryOp.SHL: shift_left,
    BinaryOp.SHR: shift_right,
    BinaryOp.AND: lambda left, right: left & right,
    BinaryOp.OR: lambda left, right: left | right,
    BinaryOp.XOR: lambda left, right: left ^ right,
    BinaryOp.MIN: min,
    BinaryOp.MAX: max,
    BinaryOp.EQ: lambda left, right: left == right,
    BinaryOp.NE: lambda left, right: left != right,
    BinaryOp.LT: lambda left, right: left < right,
    BinaryOp.LE: lambda left, right: left <= right,
    BinaryOp.GT: lambda left, right: left > right,
    BinaryOp.GE: lambda left, right: left >= right,
}


def binary(op: BinaryOp, kind: Scalar, left: Any, right: Any) -> Any:
    """Return a result of the type that it has."""
    raw = _RAW[op](left, right)
    return raw if kind in (Scalar.BOOL, Scalar.FLOAT) else fit(bits(kind), raw)


def unary(op: UnaryOp, kind: Scalar, value: Any) -> Any:
    """Return a result of the type that it has."""
    if op in MODEL:
        return MODEL[op](value)
    if op == UnaryOp.NOT:
        return not value
    if op == UnaryOp.INVERT:
        return ~value
    raw = -value if op == UnaryOp.NEG else abs(value)
    return raw if kind == Scalar.FLOAT else fit(bits(kind), raw)


def cast(kind: Scalar, to: Scalar, value: Any) -> Any:
    """Return a value as one of another type."""
    if to == Scalar.FLOAT:
        return float(value)
    if kind == Scalar.FLOAT:
        return truncated(value)
    return fit(bits(to), int(value))
