"""Types, operations and limits of programs, by the numbers of `docs/PROGRAM.md`.

Nothing here knows of source text: the same words serve the checker, the emitter and plain Python.
"""

from dataclasses import dataclass
from enum import IntEnum

SOURCE_BYTES_MAX = 262_144
NESTING_MAX = 120
STATEMENT_NESTING_MAX = 32
# CPython's own: it compiles no more loops within loops.
LOOP_NESTING_MAX = 20
EXPRESSION_NESTING_MAX = 64
CALL_DEPTH_MAX = 32
ARRAY_LENGTH_MAX = 65_536
TYPE_BYTES_MAX = 65_536
FIELDS_MAX = 256
PARAMS_MAX = 32
LOCALS_MAX = 1_024
NAME_BYTES_MAX = 64
STEPS_MAX = 8
CAPABILITIES_MAX = 32
META_MAX = 32
LABELS_MAX = 256
FUNCTIONS_MAX = 1_024
FUNCTION_NODES_MAX = 2_048
NODES_MAX = 8_192
CORE_BYTES_MAX = 262_144
FUEL_MAX = 2**63 - 1


class Scalar(IntEnum):
    """A type that one value has."""

    INT = 1
    BOOL = 2
    FLOAT = 3
    I128 = 4
    PRICE = 5
    QTY = 6
    AMOUNT = 7
    RATE = 8


@dataclass(frozen=True, slots=True)
class Array:
    """An array of a fixed length."""

    element: "Type"
    length: int


@dataclass(frozen=True, slots=True)
class Record:
    """A record: named fields in order."""

    name: str
    fields: "tuple[tuple[str, Type], ...]"


Type = Scalar | Array | Record

NAMES = {
    Scalar.INT: "int",
    Scalar.BOOL: "bool",
    Scalar.FLOAT: "float",
    Scalar.I128: "tr.i128",
    Scalar.PRICE: "tr.Price",
    Scalar.QTY: "tr.Qty",
    Scalar.AMOUNT: "tr.Amount",
    Scalar.RATE: "tr.Rate",
}
UNITS = frozenset({Scalar.PRICE, Scalar.QTY, Scalar.AMOUNT, Scalar.RATE})
WIDE = frozenset({Scalar.I128, Scalar.AMOUNT, Scalar.RATE})
INTEGERS = frozenset(set(Scalar) - {Scalar.BOOL, Scalar.FLOAT})


class UnaryOp(IntEnum):
    """An operation on one value."""

    NEG = 1
    NOT = 2
    INVERT = 3
    ABS = 4
    SQRT = 5
    EXP = 6
    LOG = 7
    SIN = 8
    COS = 9


class BinaryOp(IntEnum):
    """An operation on two values."""

    ADD = 1
    SUB = 2
    MUL = 3
    FLOORDIV = 4
    MOD = 5
    DIV = 6
    SHL = 7
    SHR = 8
    AND = 9
    OR = 10
    XOR = 11
    MIN = 12
    MAX = 13
    EQ = 14
    NE = 15
    LT = 16
    LE = 17
    GT = 18
    GE = 19


SIGNS = {
    BinaryOp.ADD: "+",
    BinaryOp.SUB: "-",
    BinaryOp.MUL: "*",
    BinaryOp.FLOORDIV: "//",
    BinaryOp.MOD: "%",
    BinaryOp.DIV: "/",
    BinaryOp.SHL: "<<",
    BinaryOp.SHR: ">>",
    BinaryOp.AND: "&",
    BinaryOp.OR: "|",
    BinaryOp.XOR: "^",
    BinaryOp.MIN: "min",
    BinaryOp.MAX: "max",
    BinaryOp.EQ: "==",
    BinaryOp.NE: "!=",
    BinaryOp.LT: "<",
    BinaryOp.LE: "<=",
    BinaryOp.GT: ">",
    BinaryOp.GE: ">=",
}

_ORDER = frozenset({BinaryOp.LT, BinaryOp.LE, BinaryOp.GT, BinaryOp.GE})
_SAME = frozenset({BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MIN, BinaryOp.MAX})
_BITS = frozenset({BinaryOp.SHL, BinaryOp.SHR, BinaryOp.AND, BinaryOp.OR, BinaryOp.XOR})


def bits(kind: Scalar) -> int:
    """Return how many bits hold an integer type."""
    return 128 if kind in WIDE else 64


def fits(kind: Scalar, value: int) -> bool:
    """Return whether an integer type holds a value."""
    half = 1 << (bits(kind) - 1)
    return -half <= value < half


def name_of(kind: Type | None) -> str:
    """Return a type as a person writes it."""
    if kind is None:
        return "None"
    if isinstance(kind, Record):
        return kind.name
    if isinstance(kind, Array):
        return f"tr.Array[{name_of(kind.element)}, {kind.length}]"
    return NAMES[kind]


def slots(kind: Type) -> int:
    """Return how many 8-byte slots hold a type in memory."""
    if isinstance(kind, Array):
        return slots(kind.element) * kind.length
    if isinstance(kind, Record):
        return sum(slots(field) for _, field in kind.fields)
    return 2 if kind in WIDE else 1


def binary_type(op: BinaryOp, left: Scalar, right: Scalar) -> Scalar | None:
    """Return the type of an operation on two values; None where they do not go together."""
    is_same = left == right
    is_number = left != Scalar.BOOL
    if op in _SAME:
        return left if is_same and is_number else None
    if op in (BinaryOp.EQ, BinaryOp.NE):
        return Scalar.BOOL if is_same else None
    if op in _ORDER:
        return Scalar.BOOL if is_same and is_number else None
    if op in _BITS:
        return left if is_same and left == Scalar.INT else None
    if op == BinaryOp.DIV:
        return left if is_same and left == Scalar.FLOAT else None
    if op == BinaryOp.MUL:
        return _product(left, right)
    if op == BinaryOp.FLOORDIV:
        return _quotient(left, right)
    return left if (is_same and left in INTEGERS) or _is_scaled(left, right) else None


def _is_scaled(unit: Scalar, by: Scalar) -> bool:
    return unit in UNITS and by == Scalar.INT


def _product(left: Scalar, right: Scalar) -> Scalar | None:
    if left == right:
        return left if left in (Scalar.INT, Scalar.I128, Scalar.FLOAT) else None
    if {left, right} == {Scalar.PRICE, Scalar.QTY}:
        return Scalar.AMOUNT
    if _is_scaled(left, right):
        return left
    return right if _is_scaled(right, left) else None


def _quotient(left: Scalar, right: Scalar) -> Scalar | None:
    if left == right:
        if left in UNITS:
            return Scalar.I128 if left in WIDE else Scalar.INT
        return left if left in INTEGERS else None
    if left == Scalar.AMOUNT and right in (Scalar.PRICE, Scalar.QTY):
        return Scalar.QTY if right == Scalar.PRICE else Scalar.PRICE
    return left if _is_scaled(left, right) else None


def unary_fits(op: UnaryOp, kind: Scalar) -> bool:
    """Return whether an operation applies to one value; the type stays."""
    if op in (UnaryOp.NEG, UnaryOp.ABS):
        return kind != Scalar.BOOL
    if op == UnaryOp.NOT:
        return kind == Scalar.BOOL
    return kind == (Scalar.INT if op == UnaryOp.INVERT else Scalar.FLOAT)


def cast_fits(kind: Scalar, to: Scalar) -> bool:
    """Return whether a value may be made one of another type."""
    if kind == to:
        return False
    if Scalar.FLOAT in (kind, to):
        return (kind, to) in (
            (Scalar.INT, Scalar.FLOAT),
            (Scalar.I128, Scalar.FLOAT),
            (Scalar.FLOAT, Scalar.INT),
        )
    if kind == Scalar.BOOL:
        return to == Scalar.INT
    return to != Scalar.BOOL and not (kind in UNITS and to in UNITS)
