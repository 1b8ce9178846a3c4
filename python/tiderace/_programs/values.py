"""Words of the language as plain Python has them: units, wide numbers, arrays, records, enums.

A program's module imports and runs as Python does: `tr.Price(5) + 1` is a `TypeError` there too,
and what overflows in the engine traps here.
"""

import operator
from collections.abc import Callable
from enum import IntEnum as Enum
from typing import Any, ClassVar, Self, dataclass_transform

from tiderace._programs import arithmetic
from tiderace._programs.words import (
    NAMES,
    SIGNS,
    BinaryOp,
    Scalar,
    UnaryOp,
    binary_type,
    bits,
)
from tiderace.errors import Trapped

__all__ = ["Amount", "Array", "Enum", "Price", "Qty", "Rate", "i128", "param", "record"]


class _Whole:
    """A whole number with a type of its own."""

    __slots__ = ("_n",)
    kind: ClassVar[Scalar]

    def __init__(self, n: "int | _Whole" = 0) -> None:
        # A unit is made of no other one; a wide number of any of them.
        is_wide = isinstance(self, i128)
        if isinstance(n, bool) or not isinstance(
            n, int | i128 | (_Whole if is_wide else type(self))
        ):
            raise TypeError(f"{NAMES[self.kind]}({n!r}): a whole number is needed")
        self._n: int = _trapping(arithmetic.fit, bits(self.kind), int(n))

    def __int__(self) -> int:
        return self._n

    def __index__(self) -> int:
        return self._n

    def __repr__(self) -> str:
        return f"{NAMES[self.kind]}({self._n})"

    def __hash__(self) -> int:
        return hash((self.kind, self._n))

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is no bool. Write x != {NAMES[self.kind]}(0).")

    def __neg__(self) -> Self:
        return type(self)(_trapping(arithmetic.unary, UnaryOp.NEG, self.kind, self._n))

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return type(self)(_trapping(arithmetic.unary, UnaryOp.ABS, self.kind, self._n))


class Price(_Whole):
    """A price in whole ticks."""

    __slots__ = ()
    kind = Scalar.PRICE


class Qty(_Whole):
    """A quantity in whole lots."""

    __slots__ = ()
    kind = Scalar.QTY


class Amount(_Whole):
    """An amount in whole base units, of 128 bits."""

    __slots__ = ()
    kind = Scalar.AMOUNT


class Rate(_Whole):
    """A rate in units of 1e-18, of 128 bits."""

    __slots__ = ()
    kind = Scalar.RATE


class i128(_Whole):  # noqa: N801 - the language's word, as `int` is
    """A whole number of 128 bits."""

    __slots__ = ()
    kind = Scalar.I128


_CLASSES: dict[Scalar, type] = {each.kind: each for each in (Price, Qty, Amount, Rate, i128)} | {
    Scalar.INT: int,
    Scalar.BOOL: bool,
}


def _trapping(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except arithmetic.Stop as stop:
        raise Trapped(stop.reason) from None


def _combined(op: BinaryOp, left: Any, right: Any) -> Any:
    kinds = []
    for value in (left, right):
        if isinstance(value, bool) or not isinstance(value, int | _Whole):
            return NotImplemented
        kinds.append(value.kind if isinstance(value, _Whole) else Scalar.INT)
    if Scalar.I128 in kinds and Scalar.INT in kinds:
        kinds = [Scalar.I128, Scalar.I128]
    kind = binary_type(op, kinds[0], kinds[1])
    if kind is None:
        return NotImplemented
    return _CLASSES[kind](_trapping(arithmetic.binary, op, kind, int(left), int(right)))


def _add_operators() -> None:
    names = {
        BinaryOp.ADD: "add",
        BinaryOp.SUB: "sub",
        BinaryOp.MUL: "mul",
        BinaryOp.FLOORDIV: "floordiv",
        BinaryOp.MOD: "mod",
    }
    for op, name in names.items():
        setattr(_Whole, f"__{name}__", lambda self, other, op=op: _combined(op, self, other))
        setattr(_Whole, f"__r{name}__", lambda self, other, op=op: _combined(op, other, self))
    for op in (BinaryOp.LT, BinaryOp.LE, BinaryOp.GT, BinaryOp.GE, BinaryOp.EQ, BinaryOp.NE):
        name = op.name.lower()
        setattr(_Whole, f"__{name}__", lambda self, other, op=op: _combined(op, self, other))


_add_operators()
assert set(SIGNS) >= {BinaryOp.ADD, BinaryOp.EQ}


def _new(kind: Any, *value: Any) -> Any:
    """Return a value of a type, zero where none is given; a field of an enum is a whole number."""
    is_enum = isinstance(kind, type) and issubclass(kind, Enum)
    return int(*value) if is_enum else kind(*value)


class _ArrayType:
    """What ``tr.Array[int, 8]`` is: call it for a new array of zeros."""

    def __init__(self, element: Any, length: int) -> None:
        self.element = element
        self.length = operator.index(length)

    def __call__(self) -> list[Any]:
        """Return a new array: a list of zeros."""
        return [_new(self.element) for _ in range(self.length)]

    def __repr__(self) -> str:
        return f"tr.Array[{getattr(self.element, '__name__', self.element)}, {self.length}]"


class Array:
    """An array of a fixed length: ``a: tr.Array[int, 8]``."""

    def __class_getitem__(cls, of: tuple[Any, int]) -> Any:
        """Return the type of arrays of a type and a length."""
        element, length = of
        return _ArrayType(element, length)


class _Param:
    def __init__(self, default: Any, minimum: Any, maximum: Any, unit: str) -> None:
        self.default, self.minimum, self.maximum, self.unit = default, minimum, maximum, unit


def param(default: Any = None, *, minimum: Any = None, maximum: Any = None, unit: str = "") -> Any:
    """Say of a parameter what it is when nothing is given, its range, and its unit.

    Parameters
    ----------
    default
        What it is where the caller gives nothing; without it, the caller must.
    minimum, maximum
        The range, both ends included.
    unit
        For people, e.g. ``"s"`` or ``"lots"``.
    """
    return _Param(default, minimum, maximum, unit)


@dataclass_transform()
def record(cls: type) -> Any:
    """Make a class of typed fields a record: zero at first, or made with some of its fields."""
    fields = dict(cls.__annotations__)
    defaults: dict[str, Any] = {name: vars(cls).get(name) for name in fields}

    def init(self: Any, /, *args: Any, **given: Any) -> None:
        if len(args) > len(fields) or not set(given) <= set(list(fields)[len(args) :]):
            raise TypeError(f"{cls.__name__} has the fields {', '.join(fields)}")
        given |= dict(zip(fields, args, strict=False))
        for name, kind in fields.items():
            said = defaults[name].default if isinstance(defaults[name], _Param) else None
            made = _new(kind) if said is None else _new(kind, said)
            setattr(self, name, given.get(name, made))

    def show(self: Any) -> str:
        return f"{cls.__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in fields)})"

    def equal(self: Any, other: object) -> bool:
        return type(other) is type(self) and all(
            getattr(self, name) == getattr(other, name) for name in fields
        )

    body = {"__init__": init, "__repr__": show, "__eq__": equal, "__hash__": None}
    return type(
        cls.__name__,
        (),
        body
        | {
            "__slots__": tuple(fields),
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
            "__annotations__": fields,
        },
    )
