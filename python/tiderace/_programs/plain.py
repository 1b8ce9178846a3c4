"""Tree to plain Python: the program as CPython runs it, with the same traps and the same fuel.

Every line keeps its number and its variables keep their names, so that a debugger steps through
the program's own text. Arithmetic goes through `arithmetic`, and a charge stands where compiled
code has one. What is made here comes from the checked tree; the text itself is never executed.
"""

import ast
import sys
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, TypeVar

from tiderace._programs import arithmetic, fuel
from tiderace._programs.tree import (
    LOCAL,
    PARAMS,
    Assign,
    Binary,
    Block,
    Break,
    Call,
    Cast,
    Choose,
    Const,
    Continue,
    Copy,
    Do,
    Expr,
    Field,
    For,
    Function,
    HostCall,
    If,
    Logic,
    Place,
    Position,
    Read,
    Return,
    Stmt,
    Tee,
    Tree,
    Unary,
    While,
    Zero,
)
from tiderace._programs.words import (
    FUEL_MAX,
    SIGNS,
    Array,
    BinaryOp,
    Record,
    Scalar,
    Type,
    UnaryOp,
    bits,
)
from tiderace.errors import Trapped

_Node = TypeVar("_Node", bound=ast.AST)
# What generated code may name. Nothing of Python's own builtins is among it.
_PREFIX = "_tr_"
_OPERATORS: dict[BinaryOp, type[ast.operator]] = {
    BinaryOp.ADD: ast.Add,
    BinaryOp.SUB: ast.Sub,
    BinaryOp.MUL: ast.Mult,
    BinaryOp.AND: ast.BitAnd,
    BinaryOp.OR: ast.BitOr,
    BinaryOp.XOR: ast.BitXor,
}
_COMPARISONS: dict[BinaryOp, type[ast.cmpop]] = {
    BinaryOp.EQ: ast.Eq,
    BinaryOp.NE: ast.NotEq,
    BinaryOp.LT: ast.Lt,
    BinaryOp.LE: ast.LtE,
    BinaryOp.GT: ast.Gt,
    BinaryOp.GE: ast.GtE,
}
_FUNCTIONS: dict[BinaryOp, str] = {
    BinaryOp.FLOORDIV: "floor_div",
    BinaryOp.MOD: "remainder",
    BinaryOp.DIV: "divide",
    BinaryOp.SHL: "shift_left",
    BinaryOp.SHR: "shift_right",
    BinaryOp.MIN: "min",
    BinaryOp.MAX: "max",
}
_FITTED = frozenset(
    {
        BinaryOp.ADD,
        BinaryOp.SUB,
        BinaryOp.MUL,
        BinaryOp.FLOORDIV,
        BinaryOp.SHL,
    }
)
assert set(_OPERATORS) | set(_COMPARISONS) | set(_FUNCTIONS) == set(SIGNS)


class Held:
    """A record while a program runs: its fields are attributes."""

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"({fields})"


def zero(kind: Type) -> Any:
    """Return a new value of a type: what is there before anything is assigned."""
    if isinstance(kind, Array):
        return [zero(kind.element) for _ in range(kind.length)]
    if isinstance(kind, Record):
        held = Held()
        for name, each in kind.fields:
            setattr(held, name, zero(each))
        return held
    return {Scalar.BOOL: False, Scalar.FLOAT: 0.0}.get(kind, 0)


def copy(target: Any, source: Any) -> None:
    """Copy an array or record in place."""
    items = enumerate(source) if isinstance(source, list) else vars(source).items()
    for key, value in list(items):
        if isinstance(value, list | Held):
            copy(target[key] if isinstance(target, list) else getattr(target, key), value)
        elif isinstance(target, list):
            target[key] = value
        else:
            setattr(target, key, value)


class Plain:
    """A program as Python code."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._kinds: list[Type] = []
        module = ast.Module(body=[self._function(f) for f in tree.functions], type_ignores=[])
        self._code: CodeType = compile(
            ast.fix_missing_locations(module), tree.file, "exec", dont_inherit=True, optimize=0
        )

    def run(
        self,
        entry: Function,
        args: Sequence[Any],
        *,
        fuel: int | None,
        params: Any = None,
        state: Any = None,
        host: Callable[..., Any] | None = None,
    ) -> tuple[Any, int]:
        """Run an entry; arguments and state are changed in place, also before a trap."""
        limit = FUEL_MAX if fuel is None else min(fuel, FUEL_MAX)
        left = limit

        def charge(cost: int) -> bool:
            nonlocal left
            if cost > left:
                left = 0
                raise arithmetic.Stop("out_of_fuel")
            left -= cost
            return True

        def refused(name: str, *args: Any) -> Any:
            del name, args
            raise arithmetic.Stop("host")

        given = {"charge": charge, "params": params, "state": state, "host": host or refused}
        names: dict[str, Any] = {"__builtins__": {}}
        names |= {_PREFIX + name: value for name, value in (_HELPERS | given).items()}
        names |= {f"{_PREFIX}kind{n}": kind for n, kind in enumerate(self._kinds)}
        exec(self._code, names)
        try:
            result = names[_name(entry)](*args)
        except arithmetic.Stop as stop:
            line = self._line(stop)
            raise Trapped(stop.reason, fuel_used=limit - left, line=line) from None
        return result, limit - left

    def _line(self, stop: arithmetic.Stop) -> int | None:
        """Return the line of the program that a trap came from."""
        line, trace = None, stop.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self._tree.file:
                line = trace.tb_lineno
            trace = trace.tb_next
        return line

    # Code

    def _function(self, function: Function) -> ast.FunctionDef:
        names = function.locals
        at = function.body[0].at if function.body else function.at
        body: list[ast.stmt] = [_charge(fuel.enter(function), at)]
        for name, kind in names[function.params :]:
            if not isinstance(kind, Scalar):
                body.append(_placed(ast.Assign([_store(name)], self._zero(kind)), at))
        body += self._block(function.body, function, begins=None)
        plain = [ast.arg(name) for name, _ in names[: function.params]]
        args = ast.arguments(posonlyargs=[], args=plain, kwonlyargs=[], kw_defaults=[], defaults=[])
        # Python 3.12 has one field more, and fills it in itself from 3.13 on.
        more: dict[str, Any] = {"type_params": []} if sys.version_info >= (3, 12) else {}
        made = ast.FunctionDef(_name(function), args, body, [], **more)
        return _placed(made, function.at)

    def _zero(self, kind: Type) -> ast.expr:
        if kind not in self._kinds:
            self._kinds.append(kind)
        return _call("zero", ast.Name(f"{_PREFIX}kind{self._kinds.index(kind)}", ast.Load()))

    def _block(
        self, block: Block, function: Function, *, begins: Position | None
    ) -> list[ast.stmt]:
        """Return a block.

        Its first segment is charged by the statement that it `begins` at, or already where there
        is none; the others where they begin.
        """
        out: list[ast.stmt] = []
        for number, (cost, stmts) in enumerate(fuel.segments(block)):
            at = stmts[0].at if number else begins
            if cost and at is not None:
                out.append(_charge(cost, at))
            for stmt in stmts:
                out += [_placed(made, stmt.at) for made in self._stmt(stmt, function)]
        return out

    def _stmt(self, stmt: Stmt, function: Function) -> list[ast.stmt]:
        def expr(each: Expr) -> ast.expr:
            return _expr(each, function)

        match stmt:
            case Assign():
                target = _place(stmt.place, function, ast.Store())
                return [ast.Assign([target], expr(stmt.value))]
            case If():
                then = self._block(stmt.then, function, begins=stmt.at) or [ast.Pass()]
                other = self._block(stmt.other, function, begins=stmt.at)
                return [ast.If(expr(stmt.condition), then, other)]
            case While():
                charged = _call("charge", ast.Constant(fuel.test(stmt)))
                test = ast.BoolOp(ast.And(), [charged, expr(stmt.condition)])
                body = self._block(stmt.body, function, begins=None) or [ast.Pass()]
                return [ast.While(test, body, [])]
            case For():
                numbers = [expr(stmt.start), expr(stmt.stop), expr(stmt.step)]
                body = self._block(stmt.body, function, begins=None)
                body.insert(0, _charge(fuel.ROUND + fuel.first(stmt.body), stmt.at))
                target = _store(function.locals[stmt.local][0])
                return [ast.For(target, _call("counted", *numbers), body, [])]
            case Return():
                return [ast.Return(None if stmt.value is None else expr(stmt.value))]
            case Break():
                return [ast.Break()]
            case Continue():
                return [ast.Continue()]
            case Do():
                return [ast.Expr(expr(stmt.call))]
            case Zero():
                place = _place(stmt.place, function, ast.Load())
                return [ast.Expr(_call("copy", place, self._zero(stmt.place.kind)))]
            case Copy():
                source = _place(stmt.source, function, ast.Load())
                target = _place(stmt.target, function, ast.Load())
                return [ast.Expr(_call("copy_from", source, target))]


def _name(function: Function) -> str:
    """Return a function's name in generated code: a method is none of the module's names."""
    return f"{_PREFIX}method_{function.name}" if function.is_method else function.name


def _expr(expr: Expr, function: Function) -> ast.expr:
    match expr:
        case Const():
            return _number(expr.value)
        case Read():
            return _place(expr.place, function, ast.Load())
        case Unary():
            return _unary(expr, _expr(expr.value, function))
        case Binary():
            return _binary(expr, _expr(expr.left, function), _expr(expr.right, function))
        case Logic():
            op: ast.boolop = ast.And() if expr.is_and else ast.Or()
            return ast.BoolOp(op, [_expr(expr.left, function), _expr(expr.right, function)])
        case Choose():
            parts = (expr.condition, expr.then, expr.other)
            return ast.IfExp(*(_expr(part, function) for part in parts))
        case Tee():
            name = function.locals[expr.local][0]
            return ast.NamedExpr(_store(name), _expr(expr.value, function))
        case Call():
            args = [_expr(arg, function) for arg in expr.args]
            return ast.Call(ast.Name(_name(expr.function), ast.Load()), args, [])
        case HostCall():
            args = [_expr(arg, function) for arg in expr.args]
            return _call("host", ast.Constant(expr.host.name), *args)
        case Cast():
            return _cast(expr, _expr(expr.value, function))


def _number(value: int | float | bool) -> ast.expr:
    """Return a constant; a negative one is an operation in Python's own trees too."""
    if isinstance(value, bool) or value >= 0:
        return ast.Constant(value)
    return ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _unary(expr: Unary, value: ast.expr) -> ast.expr:
    if expr.op in arithmetic.MODEL:
        return _call(expr.op.name.lower(), value)
    if expr.op == UnaryOp.NOT:
        return ast.UnaryOp(ast.Not(), value)
    if expr.op == UnaryOp.INVERT:
        return ast.UnaryOp(ast.Invert(), value)
    made = ast.UnaryOp(ast.USub(), value) if expr.op == UnaryOp.NEG else _call("abs", value)
    return made if expr.kind == Scalar.FLOAT else _fitted(expr.kind, made)


def _binary(expr: Binary, left: ast.expr, right: ast.expr) -> ast.expr:
    made: ast.expr
    if expr.op in _COMPARISONS:
        return ast.Compare(left, [_COMPARISONS[expr.op]()], [right])
    if expr.op in _OPERATORS:
        made = ast.BinOp(left, _OPERATORS[expr.op](), right)
    else:
        made = _call(_FUNCTIONS[expr.op], left, right)
    is_checked = expr.kind != Scalar.FLOAT and expr.op in _FITTED
    return _fitted(expr.kind, made) if is_checked else made


def _cast(expr: Cast, value: ast.expr) -> ast.expr:
    if expr.kind == Scalar.FLOAT:
        return _call("float", value)
    if expr.value.kind == Scalar.FLOAT:
        return _call("truncated", value)
    if expr.value.kind == Scalar.BOOL:
        return _call("int", value)
    return _fitted(expr.kind, value)


def _fitted(kind: Scalar, value: ast.expr) -> ast.expr:
    return _call("fit", ast.Constant(bits(kind)), value)


def _place(place: Place, function: Function, context: ast.expr_context) -> ast.expr:
    if place.root == LOCAL:
        name = function.locals[place.local][0]
    else:
        name = _PREFIX + ("params" if place.root == PARAMS else "state")
    made: ast.expr = ast.Name(name, ast.Load() if place.steps else context)
    for number, step in enumerate(place.steps):
        here = context if number == len(place.steps) - 1 else ast.Load()
        if isinstance(step, Field):
            made = ast.Attribute(made, step.name, here)
        else:
            at = _call("index", _expr(step.value, function), ast.Constant(step.length))
            made = ast.Subscript(made, at, here)
    return made


def _store(name: str) -> ast.Name:
    return ast.Name(name, ast.Store())


def _call(name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(_PREFIX + name, ast.Load()), list(args), [])


def _charge(cost: int, at: Position) -> ast.stmt:
    return _placed(ast.Expr(_call("charge", ast.Constant(cost))), at)


def _placed(node: _Node, at: Position) -> _Node:
    """Return a node, all of it that has no place yet at the line of its statement."""
    line, column = at
    for each in ast.walk(node):
        if "lineno" in each._attributes and not hasattr(each, "lineno"):
            each.lineno = each.end_lineno = line  # type: ignore[attr-defined]
            each.col_offset = each.end_col_offset = column - 1  # type: ignore[attr-defined]
    return node


_HELPERS: dict[str, Any] = {
    "zero": zero,
    "copy": copy,
    "copy_from": lambda source, target: copy(target, source),
    "fit": arithmetic.fit,
    "index": arithmetic.index,
    "counted": arithmetic.counted,
    "truncated": arithmetic.truncated,
    "abs": abs,
    "float": float,
    "int": int,
    "min": min,
    "max": max,
}
_HELPERS |= {
    name: getattr(arithmetic, name) for name in _FUNCTIONS.values() if name not in _HELPERS
}
_HELPERS |= {op.name.lower(): function for op, function in arithmetic.MODEL.items()}
