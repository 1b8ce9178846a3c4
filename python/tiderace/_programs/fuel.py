"""What statements and expressions cost, as `docs/PROGRAM.md` says under Fuel.

Charged in whole segments: see `segments`.
"""

from collections.abc import Iterator

from tiderace._programs.tree import (
    Assign,
    Binary,
    Block,
    Call,
    Cast,
    Choose,
    Const,
    Copy,
    Do,
    Expr,
    For,
    Function,
    HostCall,
    If,
    Index,
    Logic,
    Place,
    Read,
    Return,
    Stmt,
    Tee,
    Unary,
    While,
    Zero,
)
from tiderace._programs.words import WIDE, BinaryOp, Scalar, UnaryOp, slots

ROUND = 2
_STATEMENT = 1
_ENTER = 2
_LOOP = 3
_CALL = 4
_BULK = 2
_UNARY = {UnaryOp.SQRT: 5} | dict.fromkeys((UnaryOp.EXP, UnaryOp.LOG, UnaryOp.SIN, UnaryOp.COS), 20)


def of_place(place: Place) -> int:
    """Return the cost of reading or assigning a place."""
    if place.is_register:
        return 0
    return 1 + sum(2 + of(step.value) for step in place.steps if isinstance(step, Index))


def of(expr: Expr) -> int:
    """Return the cost of an expression."""
    match expr:
        case Const():
            return 0
        case Read():
            return of_place(expr.place)
        case Unary():
            return _UNARY.get(expr.op, 1) + of(expr.value)
        case Binary():
            return _binary(expr) + of(expr.left) + of(expr.right)
        case Logic():
            return 1 + of(expr.left) + of(expr.right)
        case Choose():
            return 1 + of(expr.condition) + of(expr.then) + of(expr.other)
        case Tee():
            return 1 + of(expr.value)
        case Call():
            return _CALL + sum(of(arg) for arg in expr.args)
        case HostCall():
            return expr.host.fuel + sum(of(arg) for arg in expr.args)
        case Cast():
            is_slow = expr.kind == Scalar.FLOAT and expr.value.kind == Scalar.I128
            return (10 if is_slow else 1) + of(expr.value)


def _binary(expr: Binary) -> int:
    is_wide = expr.left.kind in WIDE or expr.right.kind in WIDE
    if expr.op in (BinaryOp.FLOORDIV, BinaryOp.MOD):
        return 12 if is_wide else 6
    if expr.op == BinaryOp.DIV or (expr.op == BinaryOp.MUL and is_wide):
        return 4
    return 1


def head(stmt: Stmt) -> int:
    """Return the cost of a statement without its blocks."""
    match stmt:
        case Assign():
            return _STATEMENT + of(stmt.value) + of_place(stmt.place)
        case If():
            return _STATEMENT + of(stmt.condition)
        case For():
            return _LOOP + of(stmt.start) + of(stmt.stop) + of(stmt.step)
        case Return():
            return _STATEMENT + (0 if stmt.value is None else of(stmt.value))
        case Do():
            return _STATEMENT + of(stmt.call)
        case Zero():
            return _BULK + of_place(stmt.place) + slots(stmt.place.kind) // 4
        case Copy():
            places = of_place(stmt.target) + of_place(stmt.source)
            return _BULK + places + slots(stmt.target.kind) // 4
        case _:
            return _STATEMENT


def segments(block: Block) -> Iterator[tuple[int, Block]]:
    """Yield the segments of a block, each with its charge: the first one always, also if empty."""
    first = 0
    for at, stmt in enumerate(block):
        if isinstance(stmt, If | While | For):
            yield sum(map(head, block[first : at + 1])), block[first : at + 1]
            first = at + 1
    if first < len(block) or not block:
        yield sum(map(head, block[first:])), block[first:]


def first(block: Block) -> int:
    """Return the charge of a block's first segment."""
    return next(segments(block))[0]


def test(stmt: While) -> int:
    """Return the charge of one test of a loop's condition."""
    return _STATEMENT + of(stmt.condition) + first(stmt.body)


def enter(function: Function) -> int:
    """Return the charge of entering a function."""
    kept = (kind for _, kind in function.locals[function.params :])
    return _ENTER + sum(map(slots, kept)) // 4 + first(function.body)
