"""Expressions: types, units, and what lies where.

Python's own order of evaluation is kept. What Python would evaluate once is evaluated once: the
middle of a chained comparison, an index on both sides of ``+=``.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tiderace._programs.conditions import hosts_of
from tiderace._programs.refuse import left_out
from tiderace._programs.scope import (
    BUILTINS,
    UNIT_NAMES,
    Def,
    Enum,
    Model,
    RecordClass,
    Scope,
    Tiderace,
    shown_code,
)
from tiderace._programs.source import shown
from tiderace._programs.tree import (
    LOCAL,
    PARAMS,
    STATE,
    Binary,
    Call,
    Cast,
    Choose,
    Const,
    Expr,
    Field,
    Function,
    HostCall,
    HostFunction,
    Index,
    Logic,
    Place,
    Read,
    Tee,
    Unary,
)
from tiderace._programs.words import (
    EXPRESSION_NESTING_MAX,
    LABELS_MAX,
    LOCALS_MAX,
    SIGNS,
    STEPS_MAX,
    UNITS,
    Array,
    BinaryOp,
    Record,
    Scalar,
    Type,
    UnaryOp,
    binary_type,
    cast_fits,
    fits,
    name_of,
    unary_fits,
)
from tiderace.errors import ProgramError

BINARY: dict[type[ast.AST], BinaryOp] = {
    ast.Add: BinaryOp.ADD,
    ast.Sub: BinaryOp.SUB,
    ast.Mult: BinaryOp.MUL,
    ast.FloorDiv: BinaryOp.FLOORDIV,
    ast.Mod: BinaryOp.MOD,
    ast.Div: BinaryOp.DIV,
    ast.LShift: BinaryOp.SHL,
    ast.RShift: BinaryOp.SHR,
    ast.BitAnd: BinaryOp.AND,
    ast.BitOr: BinaryOp.OR,
    ast.BitXor: BinaryOp.XOR,
    ast.Eq: BinaryOp.EQ,
    ast.NotEq: BinaryOp.NE,
    ast.Lt: BinaryOp.LT,
    ast.LtE: BinaryOp.LE,
    ast.Gt: BinaryOp.GT,
    ast.GtE: BinaryOp.GE,
}
UNARY: dict[type[ast.AST], UnaryOp] = {
    ast.USub: UnaryOp.NEG,
    ast.Not: UnaryOp.NOT,
    ast.Invert: UnaryOp.INVERT,
}
MODEL = {
    "sqrt": UnaryOp.SQRT,
    "exp": UnaryOp.EXP,
    "log": UnaryOp.LOG,
    "sin": UnaryOp.SIN,
    "cos": UnaryOp.COS,
}
_SHIFTS = frozenset({BinaryOp.SHL, BinaryOp.SHR})


@dataclass(slots=True)
class Program:
    """What all functions of one program share while they are checked."""

    scope: Scope
    functions: dict[str, Function] = field(default_factory=dict)
    methods: dict[str, Function] = field(default_factory=dict)
    params: Record | None = None
    state: Record | None = None
    capabilities: tuple[str, ...] = ()
    meta: tuple[tuple[str, str], ...] = ()
    labels: list[str] = field(default_factory=list)
    imports: list[HostFunction] = field(default_factory=list)


class Expressions:
    """Checks the expressions of one function."""

    def __init__(self, program: Program, function: Function, names: frozenset[str]) -> None:
        self.program = program
        self.scope = program.scope
        self.source = program.scope.source
        self.function = function
        # Every name that the function binds anywhere: Python takes it for local everywhere.
        self.bound = names
        self.numbers = {name: n for n, (name, _) in enumerate(function.locals)}
        # Names that have a value here, whichever way one came; None where nobody comes.
        self.live: frozenset[str] | None = frozenset(self.numbers)
        self._nesting = 0
        self._spare: dict[Scalar, list[int]] = {}
        self._taken: list[int] = []

    # Values

    def value(self, node: ast.expr, want: Scalar | None = None, what: str = "value") -> Expr:
        """Return a checked expression that has a value, of the type that is wanted."""
        expr = self._expr(node)
        if expr.kind is None:
            raise self.error(
                node,
                "type",
                f"{shown_code(node)} has no value",
                instead="Call it in a line of its own",
            )
        if not isinstance(expr.kind, Scalar):
            raise self.error(
                node,
                "type",
                f"{shown_code(node)} is a whole {name_of(expr.kind)}",
                rule="Values are numbers and bools",
                instead="Name an element or a field",
            )
        return expr if want is None else self.coerced(expr, want, node, what)

    def coerced(self, expr: Expr, want: Scalar, node: ast.AST, what: str) -> Expr:
        """Return an expression as a type that is wanted: whole-number constants and int widen."""
        kind = expr.kind
        if kind == want:
            return expr
        if kind == Scalar.INT and want == Scalar.I128:
            return Const(want, expr.value) if isinstance(expr, Const) else Cast(want, expr)
        if isinstance(expr, Const) and kind == Scalar.INT and want == Scalar.FLOAT:
            number = float(expr.value)
            if int(number) == expr.value:
                return Const(want, number)
        raise self.error(
            node,
            "unit" if {kind, want} & UNITS else "type",
            f"{what}: {name_of(want)} is needed, {shown_code(node)} is {name_of(kind)}",
            instead=_conversion(kind, want),
        )

    def condition(self, node: ast.expr, what: str = "a condition") -> Expr:
        """Return a checked expression that is a bool."""
        expr = self.value(node)
        if expr.kind == Scalar.BOOL:
            return expr
        zero = {Scalar.INT: "0", Scalar.FLOAT: "0.0"}.get(scalar_of(expr))
        raise self.error(
            node,
            "type",
            f"{what} is {name_of(expr.kind)}",
            rule="A condition is a bool; no number stands for one",
            instead=f"Write {shown_code(node)} != {zero or name_of(expr.kind) + '(0)'}",
        )

    def error(
        self, node: ast.AST, reason: str, what: str, *, instead: str = "", rule: str = ""
    ) -> ProgramError:
        """Return the error that says what is wrong at a node."""
        return self.source.error(node, reason, what, instead=instead, rule=rule)

    def _expr(self, node: ast.expr) -> Expr:
        self._nesting += 1
        if self._nesting > EXPRESSION_NESTING_MAX:
            raise self.error(
                node,
                "limit",
                "an expression nests too deep",
                rule=f"Expressions nest at most {EXPRESSION_NESTING_MAX} deep",
                instead="Keep a part of it in a variable",
            )
        expr = self._checked(node)
        self._nesting -= 1
        return expr

    def _checked(self, node: ast.expr) -> Expr:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._read(node)
            case ast.BinOp():
                return self._binary(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BoolOp():
                parts = [self.condition(each, "an operand of and, or, not") for each in node.values]
                return _joined(parts, is_and=isinstance(node.op, ast.And))
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                return self._choose(node)
            case ast.Call():
                return self._call(node)
        what, instead = left_out(node)
        raise self.error(node, "unsupported", what, instead=instead)

    def _constant(self, node: ast.Constant) -> Expr:
        value = node.value
        if isinstance(value, bool):
            return Const(Scalar.BOOL, value)
        if isinstance(value, int):
            if not fits(Scalar.INT, value):
                raise self.error(
                    node,
                    "constant",
                    f"{shown(value)} does not fit int",
                    rule="An int has 64 bits",
                    instead="Write tr.i128(...) around it",
                )
            return Const(Scalar.INT, value)
        if isinstance(value, float):
            self.scope.need_float(node)
            return Const(Scalar.FLOAT, value)
        if isinstance(value, str):
            raise self.error(
                node,
                "unsupported",
                "text is not part of the language",
                rule="Text stands only as a label of a host function",
                instead="Use a whole number or a member of a tr.Enum",
            )
        raise self.error(
            node,
            "unsupported",
            f"{shown(value)} is not part of the language",
            instead="Use a whole number or a bool",
        )

    def _read(self, node: ast.Name | ast.Attribute | ast.Subscript) -> Expr:
        if isinstance(node, ast.Attribute):
            member = self._member(node)
            if member is not None:
                return member
        if isinstance(node, ast.Name) and node.id not in self.bound:
            entity = self.scope.lookup(node.id, node)
            if isinstance(entity, Const):
                return entity
        return Read(self.place(node))

    def _member(self, node: ast.Attribute) -> Const | None:
        """Return a member of an enum."""
        if not isinstance(node.value, ast.Name) or node.value.id in self.bound:
            return None
        entity = self.scope.lookup(node.value.id, node)
        if not isinstance(entity, Enum):
            return None
        if node.attr not in entity.members:
            raise self.error(
                node,
                "name",
                f"{node.value.id} has no member {node.attr!r}",
                instead=f"Write one of {', '.join(entity.members)}",
            )
        return Const(Scalar.INT, entity.members[node.attr])

    def _unary(self, node: ast.UnaryOp) -> Expr:
        if isinstance(node.op, ast.USub):
            # -9223372036854775808 is one number, though Python reads two things.
            const = self.literal(node, Scalar.INT)
            if const is not None:
                return const
        if isinstance(node.op, ast.Not):
            return Unary(
                UnaryOp.NOT, self.condition(node.operand, "the operand of not"), Scalar.BOOL
            )
        value = self.value(node.operand)
        kind = scalar_of(value)
        if isinstance(node.op, ast.UAdd) and kind != Scalar.BOOL:
            return value
        if isinstance(value, Const) and isinstance(node.op, ast.USub) and kind == Scalar.FLOAT:
            return Const(kind, -value.value)
        op = UNARY.get(type(node.op))
        if op is None or not unary_fits(op, kind):
            sign = {"USub": "-", "UAdd": "+", "Invert": "~"}[type(node.op).__name__]
            what = f"{sign} does not apply to {name_of(kind)}"
            raise self.error(node, "type", what, instead="Convert it first, e.g. by int(...)")
        return Unary(op, value, kind)

    def literal(self, node: ast.expr, kind: Scalar) -> Const | None:
        """Return a whole number that is written out, or made of constants, as one of a type."""
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        if names & self.bound:
            return None
        return self.scope.wide_constant(node, kind)

    def _binary(self, node: ast.BinOp) -> Expr:
        if isinstance(node.op, ast.Pow):
            const = self.literal(node, Scalar.INT)
            if const is not None:
                return const
        op = BINARY.get(type(node.op))
        if op is None:
            sign = "**" if isinstance(node.op, ast.Pow) else "@"
            raise self.error(
                node,
                "unsupported",
                f"{sign} is not part of the language",
                instead="Write x * x, or a loop; a power of constants may stand anywhere",
            )
        return self.combined(op, self.value(node.left), self.value(node.right), node)

    def combined(self, op: BinaryOp, left: Expr, right: Expr, node: ast.AST) -> Expr:
        """Return an operation on two values."""
        left, right = self._matched(op, left, right)
        kinds = scalar_of(left), scalar_of(right)
        kind = binary_type(op, *kinds)
        if kind is None:
            raise self._mismatch(op, *kinds, node)
        return Binary(op, left, right, kind)

    def _matched(self, op: BinaryOp, left: Expr, right: Expr) -> tuple[Expr, Expr]:
        """Return two values, the narrower one widened where that loses nothing."""
        kinds = {left.kind, right.kind}
        if op in _SHIFTS or Scalar.INT not in kinds or len(kinds) != 2:
            return left, right
        for want in (Scalar.I128, Scalar.FLOAT):
            if want in kinds:
                return self._widened(left, want), self._widened(right, want)
        return left, right

    def _widened(self, expr: Expr, want: Scalar) -> Expr:
        if expr.kind != Scalar.INT or (want == Scalar.FLOAT and not isinstance(expr, Const)):
            return expr
        if isinstance(expr, Const):
            if want == Scalar.FLOAT and int(float(expr.value)) != expr.value:
                return expr
            return Const(want, float(expr.value) if want == Scalar.FLOAT else expr.value)
        return Cast(want, expr)

    def _mismatch(self, op: BinaryOp, left: Scalar, right: Scalar, node: ast.AST) -> ProgramError:
        kinds = {left, right}
        if kinds & UNITS:
            reason, rule = "unit", "Units go together as Price x Qty = Amount; an int is no unit"
        else:
            reason, rule = "type", "Both sides have one type; nothing is converted silently"
        return self.error(
            node,
            reason,
            f"{name_of(left)} {SIGNS[op]} {name_of(right)} has no meaning",
            rule=rule,
            instead=_operation_instead(op, left, right),
        )

    def _compare(self, node: ast.Compare) -> Expr:
        for op in node.ops:
            if type(op) not in BINARY:
                sign = "'is'" if isinstance(op, ast.Is | ast.IsNot) else "'in'"
                raise self.error(
                    node,
                    "unsupported",
                    f"{sign} is not part of the language",
                    instead="Write ==, or a loop over the index",
                )
        values = [self.value(each) for each in (node.left, *node.comparators)]
        parts: list[Expr] = []
        left = values[0]
        for number, (op, right) in enumerate(zip(node.ops, values[1:], strict=True)):
            is_last = number == len(node.ops) - 1
            first, again = (right, right) if is_last else self.twice(right)
            parts.append(self.combined(BINARY[type(op)], left, first, node))
            left = again
        return _joined(parts, is_and=True)

    def twice(self, expr: Expr) -> tuple[Expr, Expr]:
        """Return a value for its first use and for its second, evaluated once."""
        if isinstance(expr, Const) or (isinstance(expr, Read) and expr.place.is_register):
            return expr, expr
        kind = scalar_of(expr)
        number = self.temporary(kind)
        return Tee(number, expr, kind), Read(Place(LOCAL, number, (), kind))

    def _choose(self, node: ast.IfExp) -> Expr:
        condition = self.condition(node.test)
        then, other = self.value(node.body), self.value(node.orelse)
        then, other = self._matched(BinaryOp.EQ, then, other)
        kind = scalar_of(then)
        other = self.coerced(other, kind, node.orelse, "else")
        return Choose(condition, then, other, kind)

    # Places

    def place(self, node: ast.expr) -> Place:
        """Return where something lies."""
        if isinstance(node, ast.Name):
            return self._local(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Subscript):
            return self._element(node)
        raise self.error(
            node,
            "type",
            f"{shown_code(node)} is no variable",
            instead="Name a variable, a field or an element",
        )

    def _local(self, node: ast.Name) -> Place:
        name = node.id
        if name not in self.bound:
            raise self._not_a_value(node)
        if name not in self.numbers or (self.live is not None and name not in self.live):
            raise self.error(
                node,
                "unassigned",
                f"{name!r} may have no value here",
                rule="A variable has a value on every way that leads to its use",
                instead=f"Assign {name} before",
            )
        number = self.numbers[name]
        return Place(LOCAL, number, (), self.function.locals[number][1])

    def _not_a_value(self, node: ast.Name) -> ProgramError:
        entity = self.scope.lookup(node.id, node)
        if entity is None and node.id not in BUILTINS:
            if node.id == "self" and self.function.is_method:
                return self.error(
                    node,
                    "type",
                    "self is no value",
                    instead="Write self.params.x, self.state.x or call self.method()",
                )
            return self.error(
                node,
                "name",
                f"there is no {shown(node.id)}",
                rule="A program knows its own names and those of the language",
                instead="Define it, or correct the name",
            )
        return self.error(
            node,
            "type",
            f"{node.id} is no value",
            rule="Functions, types and modules are not values",
            instead="Call it, or name a variable",
        )

    def _attribute(self, node: ast.Attribute) -> Place:
        root = self._root(node)
        if root is not None:
            return root
        if isinstance(node.value, ast.Name) and node.value.id not in self.bound:
            raise self._magic(node)
        base = self.place(node.value)
        if not isinstance(base.kind, Record):
            raise self._magic(node, base.kind)
        for number, (name, kind) in enumerate(base.kind.fields):
            if name == node.attr:
                return self._stepped(base, Field(number, name), kind, node)
        fields = ", ".join(name for name, _ in base.kind.fields[:8])
        what = f"{base.kind.name} has no field {node.attr!r}"
        raise self.error(node, "name", what, instead=f"Write one of {fields}")

    def _root(self, node: ast.Attribute) -> Place | None:
        """Return ``self.params`` or ``self.state`` of a method."""
        is_self = isinstance(node.value, ast.Name) and node.value.id == "self"
        if not self.function.is_method or not is_self:
            return None
        records = {"params": (PARAMS, self.program.params), "state": (STATE, self.program.state)}
        root, record = records.get(node.attr, (0, None))
        if record is None:
            raise self.error(
                node,
                "name",
                f"there is no self.{node.attr}",
                rule="A program has self.params and self.state where its class declares them",
                instead="Declare params: Params or state: State in the class",
            )
        return Place(root, 0, (), record)

    def _magic(self, node: ast.Attribute, kind: Type | None = None) -> ProgramError:
        of = name_of(kind) if kind is not None else shown_code(node.value)
        return self.error(
            node,
            "attribute",
            f"{of} has no attribute {shown(node.attr)} in programs",
            rule="Attributes are fields of records, members of enums and the words of tr and model",
            instead="Write a helper function, or a field of a record",
        )

    def _element(self, node: ast.Subscript) -> Place:
        base = self.place(node.value)
        if not isinstance(base.kind, Array):
            raise self.error(
                node,
                "type",
                f"{shown_code(node.value)} is {name_of(base.kind)}, no array",
                instead="Declare a: tr.Array[int, 8]",
            )
        index = self.value(node.slice, Scalar.INT, "an index")
        return self._stepped(base, Index(index, base.kind.length), base.kind.element, node)

    def _stepped(self, base: Place, step: Field | Index, kind: Type, node: ast.AST) -> Place:
        if len(base.steps) == STEPS_MAX:
            raise self.error(
                node,
                "limit",
                f"more than {STEPS_MAX} fields and indices in a row",
                instead="Pass the inner array or record to a helper function",
            )
        return Place(base.root, base.local, (*base.steps, step), kind)

    # Calls

    def _call(self, node: ast.Call) -> Expr:
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                what, instead = left_out(arg)
                raise self.error(arg, "unsupported", what, instead=instead)
        if node.keywords:
            raise self.error(
                node,
                "call",
                f"{shown_code(node.func)} is called with a keyword",
                rule="Arguments are given by position",
                instead="Write them in order, without names",
            )
        func = node.func
        if isinstance(func, ast.Name) and func.id not in self.bound:
            return self._call_name(node, func.id)
        if isinstance(func, ast.Attribute):
            return self._call_attribute(node, func)
        raise self.error(
            node,
            "call",
            f"{shown_code(func)} is no function",
            rule="Functions are called by their names",
            instead="Write a helper function at top level",
        )

    def _call_name(self, node: ast.Call, name: str) -> Expr:
        if name in self.program.functions:
            return self._call_function(node, self.program.functions[name])
        builtins: dict[str, Callable[[ast.Call], Expr]] = {
            "abs": self._abs,
            "min": self._extreme,
            "max": self._extreme,
            "len": self._len,
            "int": lambda call: self._cast(call, Scalar.INT),
            "float": lambda call: self._cast(call, Scalar.FLOAT),
            "bool": lambda call: self._cast(call, Scalar.BOOL),
        }
        if name in builtins:
            return builtins[name](node)
        if name == "range":
            raise self.error(node, "type", "range is no value", instead="Write for i in range(n):")
        entity = self.scope.lookup(name, node)
        if isinstance(entity, RecordClass):
            raise self.error(
                node,
                "type",
                f"a new {name} is no value",
                rule="A record is made where it is assigned",
                instead=f"Write x = {name}(...) in a line of its own",
            )
        if isinstance(entity, Def):
            raise self.error(
                node, "call", f"{name} cannot be called", instead="Call a helper function"
            )
        raise self.error(
            node,
            "name",
            f"there is no function {shown(name)} in programs",
            rule="A program calls its helpers, abs, min, max, len, int, float and the words of tr",
            instead="Write it as a helper function",
        )

    def _call_attribute(self, node: ast.Call, func: ast.Attribute) -> Expr:
        base = func.value
        if isinstance(base, ast.Name) and base.id not in self.bound:
            if base.id == "self" and self.function.is_method:
                method = self.program.methods.get(func.attr)
                if method is None:
                    what = f"the program has no method {func.attr!r}"
                    raise self.error(node, "name", what, instead="Define it in the class")
                return self._call_function(node, method)
            entity = self.scope.lookup(base.id, base)
            if isinstance(entity, Tiderace) and func.attr in UNIT_NAMES:
                return self._cast(node, UNIT_NAMES[func.attr])
            if isinstance(entity, Model):
                return self._model(node, func)
        if (
            isinstance(base, ast.Attribute)
            and self.scope.is_tiderace(base.value)
            and base.attr == "host"
        ):
            return self._host(node, func.attr)
        raise self.error(
            node,
            "attribute",
            f"{shown_code(func)} is not part of the language",
            rule="Programs call no methods; of tr and model only the words of the language",
            instead="Write a helper function",
        )

    def _count(self, node: ast.Call, least: int, most: int | None) -> Sequence[ast.expr]:
        count = len(node.args)
        if count < least or (most is not None and count > most):
            needed = f"{least}" if most == least else f"{least} or more"
            raise self.error(
                node,
                "call",
                f"{shown_code(node.func)} takes {needed} arguments, {count} given",
                instead="Correct the arguments",
            )
        return node.args

    def _number(self, node: ast.expr, what: str) -> Expr:
        value = self.value(node)
        if value.kind == Scalar.BOOL:
            raise self.error(node, "type", f"{what} of a bool", instead="Write int(...) around it")
        return value

    def _abs(self, node: ast.Call) -> Expr:
        value = self._number(self._count(node, 1, 1)[0], "abs")
        return Unary(UnaryOp.ABS, value, scalar_of(value))

    def _extreme(self, node: ast.Call) -> Expr:
        op = BinaryOp.MIN if shown_code(node.func) == "min" else BinaryOp.MAX
        args = self._count(node, 2, None)
        result = self._number(args[0], SIGNS[op])
        for arg in args[1:]:
            result = self.combined(op, result, self._number(arg, SIGNS[op]), node)
        return result

    def _len(self, node: ast.Call) -> Expr:
        place = self.place(self._count(node, 1, 1)[0])
        if not isinstance(place.kind, Array):
            what = f"len of {name_of(place.kind)}"
            raise self.error(node, "type", what, instead="len is for arrays")
        for step in place.steps:
            if isinstance(step, Index) and not _is_within(step):
                raise self.error(
                    node,
                    "call",
                    f"{shown_code(node)} has an index that Python would evaluate",
                    rule="A length is a constant: what it is asked of is a name or a first element",
                    instead="Write len(a[0])",
                )
        return Const(Scalar.INT, place.kind.length)

    def _cast(self, node: ast.Call, to: Scalar) -> Expr:
        arg = self._count(node, 1, 1)[0]
        if to == Scalar.FLOAT:
            self.scope.need_float(node)
        elif to != Scalar.BOOL:
            const = self.literal(arg, to)
            if const is not None:
                return const
        value = self.value(arg)
        kind = scalar_of(value)
        if kind == to:
            return value
        if not cast_fits(kind, to):
            is_unit = kind in UNITS and to in UNITS
            raise self.error(
                node,
                "unit" if is_unit else "type",
                f"{name_of(kind)} does not become {name_of(to)}",
                rule="A unit becomes another one only by * and //" if is_unit else "",
                instead=_conversion(kind, to),
            )
        return Cast(to, value)

    def _model(self, node: ast.Call, func: ast.Attribute) -> Expr:
        if func.attr not in MODEL:
            raise self.error(
                node,
                "attribute",
                f"model.{func.attr} is not part of the language",
                instead=f"Write one of {', '.join('model.' + name for name in sorted(MODEL))}",
            )
        arg = self._count(node, 1, 1)[0]
        value = self.value(arg, Scalar.FLOAT, f"the argument of model.{func.attr}")
        return Unary(MODEL[func.attr], value, Scalar.FLOAT)

    def _call_function(self, node: ast.Call, function: Function) -> Expr:
        kinds = [kind for _, kind in function.locals[: function.params]]
        args = self._count(node, len(kinds), len(kinds))
        return Call(
            function,
            tuple(
                self._argument(arg, kind, f"argument {number} of {function.name}")
                for number, (arg, kind) in enumerate(zip(args, kinds, strict=True), 1)
            ),
        )

    def _argument(self, node: ast.expr, kind: Type, what: str) -> Expr:
        if isinstance(kind, Scalar):
            return self.value(node, kind, what)
        place = self.place(node)
        if place.kind != kind:
            raise self.error(
                node,
                "type",
                f"{what}: {name_of(kind)} is needed, {shown_code(node)} is {name_of(place.kind)}",
                instead="Pass one of the declared type",
            )
        if place.root == PARAMS:
            raise self.error(
                node,
                "read_only",
                "parameters are not passed on by reference",
                instead="Pass the element, or copy it: a[:] = self.params.x",
            )
        return Read(place)

    def _host(self, node: ast.Call, name: str) -> Expr:
        known = hosts_of(self.program.meta)
        host = known.get(name)
        if host is None:
            raise self.error(
                node,
                "capability",
                f"the host has no function {name!r}",
                rule="A program asks the host only for what the host offers",
                instead=f"Write one of {', '.join(sorted(known))}",
            )
        if host.capability is not None and host.capability not in self.program.capabilities:
            raise self.error(
                node,
                "capability",
                f"tr.host.{name} needs the capability {host.capability!r}",
                rule="A program names what it may do",
                instead=f"Write @tr.program(capabilities=[{host.capability!r}])",
            )
        args = self._count(node, len(host.params), len(host.params))
        values: list[Expr] = []
        for number, (arg, kind) in enumerate(zip(args, host.params, strict=True)):
            if (
                number in host.labels
                and isinstance(arg, ast.Constant)
                and isinstance(arg.value, str)
            ):
                values.append(self._label(arg, arg.value))
            else:
                values.append(self.value(arg, kind, f"argument {number + 1} of tr.host.{name}"))
        if host not in self.program.imports:
            self.program.imports.append(host)
        return HostCall(host, tuple(values))

    def _label(self, node: ast.AST, text: str) -> Const:
        labels = self.program.labels
        if text not in labels:
            if len(labels) == LABELS_MAX or len(text.encode(errors="replace")) > 255:
                raise self.error(
                    node,
                    "limit",
                    "too many labels, or a label too long",
                    rule=f"A program has at most {LABELS_MAX} labels of 255 bytes",
                    instead="Use fewer, shorter ones",
                )
            labels.append(text)
        return Const(Scalar.INT, labels.index(text))

    # Locals

    def temporary(self, kind: Scalar) -> int:
        """Return a scalar local that nothing else uses until the statement ends."""
        spare = self._spare.setdefault(kind, [])
        number = spare.pop() if spare else self.new_local(f"_tr_t{len(self.function.locals)}", kind)
        self._taken.append(number)
        return number

    def release(self) -> None:
        """Give back the temporaries of a statement."""
        for number in self._taken:
            kind = self.function.locals[number][1]
            if isinstance(kind, Scalar):
                self._spare[kind].append(number)
        self._taken.clear()

    def new_local(self, name: str, kind: Type, node: ast.AST | None = None) -> int:
        """Return the number of a local that was not there before."""
        number = len(self.function.locals)
        if number == LOCALS_MAX:
            raise self.source.error(
                node or self.function.at,
                "limit",
                f"more than {LOCALS_MAX} variables in {self.function.name}",
                instead="Use an array, or split the function",
            )
        self.function.locals.append((name, kind))
        return number


def _joined(parts: Sequence[Expr], *, is_and: bool) -> Expr:
    """Return conditions joined, nested no deeper than needed: the order stays."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    left, right = _joined(parts[:half], is_and=is_and), _joined(parts[half:], is_and=is_and)
    return Logic(is_and, left, right)


def scalar_of(expr: Expr) -> Scalar:
    """Return the type of an expression that is known to be a number or a bool."""
    assert isinstance(expr.kind, Scalar)
    return expr.kind


def _is_within(step: Index) -> bool:
    return isinstance(step.value, Const) and 0 <= step.value.value < step.length


def is_simple(expr: Expr) -> bool:
    """Return whether a value may be evaluated twice: nothing in between changes it."""
    return isinstance(expr, Const) or (isinstance(expr, Read) and expr.place.is_register)


def _conversion(kind: Type | None, want: Scalar) -> str:
    if kind in UNITS and want in UNITS:
        return "Price * Qty is Amount; Amount // Qty is Price; see the table of units"
    if want == Scalar.BOOL:
        return "Write a comparison, e.g. x != 0"
    if kind == Scalar.BOOL and want != Scalar.INT:
        return f"Write {name_of(want)}(int(...))"
    return f"Write {name_of(want)}(...) around it"


def _operation_instead(op: BinaryOp, left: Scalar, right: Scalar) -> str:
    kinds = {left, right}
    if op == BinaryOp.DIV:
        return (
            "Write //, or float(a) / float(b)" if Scalar.FLOAT not in kinds else "Write float(...)"
        )
    if op in (BinaryOp.FLOORDIV, BinaryOp.MOD) and Scalar.FLOAT in kinds:
        return "Write float(int(a / b)), or convert to whole numbers"
    units = sorted(kinds & UNITS)
    if units and Scalar.INT in kinds:
        return f"Write {name_of(units[0])}(...) around the int"
    if units and Scalar.FLOAT in kinds:
        return "Convert by int(...) and float(...)"
    if Scalar.BOOL in kinds:
        return "Write int(...) around the bool"
    if Scalar.FLOAT in kinds:
        return "Write float(...) around the whole number"
    return "Convert one side: by int(...), or Price * Qty is Amount, Amount // Qty is Price"
