"""Functions of one float, the same on every machine: what programs call.

CPython's own `math` depends on the platform's library; these come from one pinned library, and a
NaN has one bit pattern.
"""

from tiderace import _core


def exp(x: float) -> float:
    """Return e to the power of `x`; infinity where that is too large."""
    return _core.program_math("exp", x)


def log(x: float) -> float:
    """Return the natural logarithm of `x`; minus infinity at 0, NaN below."""
    return _core.program_math("log", x)


def sqrt(x: float) -> float:
    """Return the square root of `x`; NaN below 0."""
    return _core.program_math("sqrt", x)


def sin(x: float) -> float:
    """Return the sine of `x` radians."""
    return _core.program_math("sin", x)


def cos(x: float) -> float:
    """Return the cosine of `x` radians."""
    return _core.program_math("cos", x)
