"""Statements: what is assigned where, which ways lead on, and what Python leaves in a variable.

A variable has one type, and a value on every way to its use. What no way leads to is checked, and
left out of the program.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from tiderace._programs.expressions import BINARY, Expressions, Program, is_simple, scalar_of
from tiderace._programs.refuse import left_out
from tiderace._programs.scope import RecordClass, is_text, shown_code
from tiderace._programs.tree import (
    LOCAL,
    PARAMS,
    Assign,
    Block,
    Break,
    Call,
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
    Index,
    Place,
    Read,
    Return,
    Stmt,
    While,
    Zero,
)
from tiderace._programs.words import (
    LOOP_NESTING_MAX,
    STATEMENT_NESTING_MAX,
    Array,
    Record,
    Scalar,
    Type,
    name_of,
)
from tiderace.errors import ProgramError

_Live = frozenset[str] | None


@dataclass(slots=True)
class _Loop:
    """Which variables have a value at each break."""

    breaks: list[_Live] = field(default_factory=list)


def check_function(program: Program, function: Function, node: ast.FunctionDef) -> None:
    """Fill in a function's body."""
    checker = _Statements(program, function, bound_names(node) | set(_names(function)))
    function.body = checker.body(node)


def _names(function: Function) -> list[str]:
    return [name for name, _ in function.locals]


def bound_names(node: ast.FunctionDef) -> frozenset[str]:
    """Return every name that a function binds."""
    return frozenset(
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )


class _Statements(Expressions):
    def __init__(self, program: Program, function: Function, names: frozenset[str]) -> None:
        super().__init__(program, function, names)
        self._loops: list[_Loop] = []
        self._depth = 0

    def body(self, node: ast.FunctionDef) -> Block:
        stmts = node.body[1:] if is_text(node.body[0]) else node.body
        block = self._block(stmts)
        if self.function.result is not None and self.live is not None:
            raise self.error(
                node,
                "flow",
                f"{node.name} may end without a result",
                rule=f"Every way through it returns {name_of(self.function.result)}",
                instead="Write a return at the end",
            )
        return block

    def _block(self, nodes: Sequence[ast.stmt]) -> Block:
        self._depth += 1
        out: list[Stmt] = []
        for node in nodes:
            if self._depth > STATEMENT_NESTING_MAX:
                raise self.error(
                    node,
                    "limit",
                    "statements nest too deep",
                    rule=f"They nest at most {STATEMENT_NESTING_MAX} deep; each elif is one more",
                    instead="Split the function, or return early",
                )
            is_reached = self.live is not None
            made = self._stmt(node)
            self.release()
            if is_reached:
                out += made
        self._depth -= 1
        return tuple(out)

    def _stmt(self, node: ast.stmt) -> list[Stmt]:
        match node:
            case ast.Assign():
                return self._assign(node)
            case ast.AnnAssign():
                return self._declare(node)
            case ast.AugAssign():
                return self._augmented(node)
            case ast.If():
                return [self._if(node)]
            case ast.While():
                return [self._while(node)]
            case ast.For():
                return [self._for(node)]
            case ast.Return():
                return [self._return(node)]
            case ast.Break() | ast.Continue():
                return [self._jump(node)]
            case ast.Pass():
                return []
            case ast.Expr():
                return [self._do(node)]
        what, instead = left_out(node)
        raise self.error(node, "unsupported", what, instead=instead)

    # Assignments

    def _assign(self, node: ast.Assign) -> list[Stmt]:
        if len(node.targets) != 1:
            raise self.error(
                node,
                "unsupported",
                "a = b = ... is not part of the language",
                instead="Write one assignment for each variable",
            )
        return self._store(node, node.targets[0], node.value, None)

    def _store(
        self, node: ast.stmt, target: ast.expr, value: ast.expr, want: Type | None
    ) -> list[Stmt]:
        record = self._constructed(value)
        if record is not None:
            if want not in (None, record.record):
                raise self._other_type(target, want or Scalar.INT, record.record)
            return self._construct(node, target, value, record)
        array = self._new_array(value)
        if array is not None and isinstance(target, ast.Name):
            if want is not None:
                kind = self.scope.kind(array, node, target.id)
                raise self._other_type(target, want, kind)
            # What `a: tr.Array[int, 8]` says, in words that plain Python runs too.
            declared = ast.AnnAssign(target, array, None, simple=1)
            return self._declare(ast.copy_location(declared, node))
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice):
            return [self._copy(node, target, value)]
        if isinstance(target, ast.Name):
            return [self._set(node, target, value, want)]
        if not isinstance(target, ast.Attribute | ast.Subscript):
            what, instead = left_out(target)
            raise self.error(target, "unsupported", what, instead=instead)
        self._refuse_alias(node, value)
        # As Python does: the value first, then where it goes.
        stored = self.value(value)
        place = self._target(target)
        if not isinstance(place.kind, Scalar):
            raise self._alias(node, place.kind)
        what = f"assignment to {shown_code(target)}"
        return [Assign(self.source.at(node), place, self.coerced(stored, place.kind, value, what))]

    def _set(self, node: ast.stmt, target: ast.Name, value: ast.expr, want: Type | None) -> Assign:
        name = target.id
        known = self._kind_of(name)
        if want is not None and known is not None and known != want:
            raise self._other_type(target, known, want)
        wanted = want or known
        if wanted is not None and not isinstance(wanted, Scalar):
            raise self._alias(node, wanted)
        self._refuse_alias(node, value)
        stored = self.value(value)
        if wanted is not None:
            stored = self.coerced(stored, wanted, value, f"assignment to {name}")
        kind = scalar_of(stored)
        self._check_local(name, target)
        number = self._number_of(name, kind, target)
        self._give(name)
        return Assign(self.source.at(node), Place(LOCAL, number, (), kind), stored)

    def _refuse_alias(self, node: ast.stmt, value: ast.expr) -> None:
        """Refuse `a = b` of arrays and records: Python would make two names of one thing."""
        if isinstance(value, ast.Name) and value.id in self.bound:
            kind = self._kind_of(value.id)
            if kind is not None and not isinstance(kind, Scalar):
                raise self._alias(node, kind)

    def _alias(self, node: ast.AST, kind: Type) -> ProgramError:
        is_array = isinstance(kind, Array)
        return self.error(
            node,
            "alias",
            f"{'an array' if is_array else 'a record'} is assigned",
            rule="An array or record has one name; Python would give it a second one",
            instead="Write a[:] = b to copy it"
            if is_array
            else f"Write x = {name_of(kind)}(...) with its fields",
        )

    def _other_type(self, node: ast.AST, known: Type, want: Type) -> ProgramError:
        return self.error(
            node,
            "type",
            f"{shown_code(node)} is {name_of(known)} already, {name_of(want)} here",
            rule="A variable has one type",
            instead="Choose another name",
        )

    def _kind_of(self, name: str) -> Type | None:
        number = self.numbers.get(name)
        return None if number is None else self.function.locals[number][1]

    def _number_of(self, name: str, kind: Type, node: ast.AST) -> int:
        if name not in self.numbers:
            self.numbers[name] = self.new_local(name, kind, node)
        return self.numbers[name]

    def _check_local(self, name: str, node: ast.AST) -> None:
        self.scope.check_name(name, node)
        if name == "self" and self.function.is_method:
            raise self.error(node, "name", "self is assigned", instead="Choose another name")

    def _give(self, name: str) -> None:
        if self.live is not None:
            self.live |= {name}

    def _target(self, node: ast.expr) -> Place:
        place = self.place(node)
        if place.root == PARAMS:
            raise self.error(
                node,
                "read_only",
                "a parameter is assigned",
                rule="Parameters are read-only",
                instead="Keep it in the state or in a variable",
            )
        return place

    def _declare(self, node: ast.AnnAssign) -> list[Stmt]:
        target = node.target
        if not isinstance(target, ast.Name):
            raise self.error(
                node,
                "unsupported",
                "a type stands at an element or field",
                instead="Leave the type away",
            )
        self._check_local(target.id, target)
        kind = self.scope.kind(node.annotation, node, target.id)
        if node.value is not None:
            if isinstance(kind, Array):
                raise self.error(
                    node.value,
                    "type",
                    "an array is declared with a value",
                    rule="An array is zero at first",
                    instead=f"Write {target.id}: {name_of(kind)} and assign its elements",
                )
            return self._store(node, target, node.value, kind)
        self.scope.check_zero(kind, node)
        known = self._kind_of(target.id)
        if known is not None and known != kind:
            raise self._other_type(target, known, kind)
        number = self._number_of(target.id, kind, target)
        if isinstance(kind, Scalar):
            return []
        if number < self.function.params:
            raise self._alias(node, kind)
        self._give(target.id)
        if known is None and not self._loops:
            # All of a function's memory is zero when it begins.
            return []
        return [Zero(self.source.at(node), Place(LOCAL, number, (), kind))]

    def _augmented(self, node: ast.AugAssign) -> list[Stmt]:
        target = node.target
        op = BINARY.get(type(node.op))
        if op is None:
            sign = "**=" if isinstance(node.op, ast.Pow) else "@="
            what = f"{sign} is not part of the language"
            raise self.error(node, "unsupported", what, instead="Write x = x * x")
        before: list[Stmt] = []
        read = ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else target
        place = self._once(self._target(ast.copy_location(read, target)), before, node)
        if not isinstance(place.kind, Scalar):
            raise self._alias(node, place.kind)
        right = self.value(node.value)
        result = self.combined(op, Read(place), right, node)
        what = f"assignment to {shown_code(target)}"
        if result.kind != place.kind:
            result = self.coerced(result, place.kind, node, what)
        return [*before, Assign(self.source.at(node), place, result)]

    def _once(self, place: Place, before: list[Stmt], node: ast.stmt) -> Place:
        """Return a place whose indices may be evaluated twice."""
        steps: list[Field | Index] = []
        for step in place.steps:
            if isinstance(step, Index) and not is_simple(step.value):
                kept = self._kept(step.value, before, node)
                steps.append(Index(kept, step.length))
            else:
                steps.append(step)
        return Place(place.root, place.local, tuple(steps), place.kind)

    def _kept(self, value: Expr, before: list[Stmt], node: ast.stmt) -> Expr:
        kind = scalar_of(value)
        place = Place(LOCAL, self.temporary(kind), (), kind)
        before.append(Assign(self.source.at(node), place, value))
        return Read(place)

    def _copy(self, node: ast.stmt, target: ast.Subscript, value: ast.expr) -> Copy:
        def whole(each: ast.expr) -> ast.expr:
            if isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Slice):
                if (each.slice.lower, each.slice.upper, each.slice.step) != (None, None, None):
                    what, instead = left_out(each.slice)
                    raise self.error(each, "unsupported", what, instead=instead)
                return each.value
            return each

        target_node, source_node = whole(target), whole(value)
        if not isinstance(source_node, ast.Name | ast.Attribute | ast.Subscript):
            raise self.error(
                value,
                "type",
                f"{shown_code(value)} is no array",
                instead="Write a[:] = b with two arrays of one type",
            )
        source = self.place(source_node)
        place = self._target(target_node)
        if not isinstance(place.kind, Array) or source.kind != place.kind:
            raise self.error(
                node,
                "type",
                f"{name_of(source.kind)} is copied to {name_of(place.kind)}",
                instead="Write a[:] = b with two arrays of one type",
            )
        if not isinstance(place.kind.element, Scalar):
            is_rows = isinstance(place.kind.element, Array)
            raise self.error(
                node,
                "alias",
                f"a whole {name_of(place.kind)} is copied",
                rule="Python would put the same arrays or records into both, not copies of them",
                instead="Loop over the index: a[i][:] = b[i]"
                if is_rows
                else "Loop over the index, and assign each field",
            )
        return Copy(self.source.at(node), place, source)

    def _new_array(self, value: ast.expr) -> ast.expr | None:
        """Return the type of ``tr.Array[int, 8]()``."""
        if not isinstance(value, ast.Call) or value.args or value.keywords:
            return None
        kind = value.func
        is_array = isinstance(kind, ast.Subscript) and (
            self.scope.tiderace_name(kind.value) == "Array"
        )
        return kind if is_array else None

    def _constructed(self, value: ast.expr) -> RecordClass | None:
        """Return the record that a value makes anew."""
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
            return None
        if value.func.id in self.bound:
            return None
        entity = self.scope.lookup(value.func.id, value)
        return entity if isinstance(entity, RecordClass) else None

    def _construct(
        self, node: ast.stmt, target: ast.expr, value: ast.expr, entity: RecordClass
    ) -> list[Stmt]:
        record, at = entity.record, self.source.at(node)
        given = self._fields(value, record)
        before: list[Stmt] = []
        kept = {
            number: expr if is_simple(expr) else self._kept(expr, before, node)
            for number, expr in given.items()
        }
        for number, decl in enumerate(entity.decls):
            if number not in kept and decl.default is not None and isinstance(decl.kind, Scalar):
                kept[number] = Const(decl.kind, decl.default)
        is_new = isinstance(target, ast.Name) and target.id not in self.numbers
        if isinstance(target, ast.Name):
            place = self._new_record(target, record)
        else:
            place = self._once(self._target(target), before, node)
            self._refuse_anew(place, target, record)
        if place.kind != record:
            raise self._other_type(target, place.kind, record)
        if len(kept) < len(record.fields) and (self._loops or not is_new):
            before.append(Zero(at, place))
        for number, expr in kept.items():
            name, kind = record.fields[number]
            field_place = Place(place.root, place.local, (*place.steps, Field(number, name)), kind)
            before.append(Assign(at, field_place, expr))
        return before

    def _refuse_anew(self, place: Place, target: ast.expr, record: Record) -> None:
        """Refuse a new record where one that is still held would change: Python binds another."""
        is_own = place.root == LOCAL and place.local >= self.function.params
        if not is_own and not self.function.is_alone:
            raise self.error(
                target,
                "alias",
                f"a new {record.name} in {shown_code(target)}, which a caller may hold",
                rule="Python would leave the caller the old one; a function that others call "
                "makes new records only in its own variables",
                instead=f"Assign its fields: {shown_code(target)}.{record.fields[0][0]} = ...",
            )

    def _new_record(self, target: ast.Name, record: Record) -> Place:
        self._check_local(target.id, target)
        known = self._kind_of(target.id)
        if known is not None and known != record:
            raise self._other_type(target, known, record)
        number = self._number_of(target.id, record, target)
        if number < self.function.params:
            raise self._alias(target, record)
        self._give(target.id)
        return Place(LOCAL, number, (), record)

    def _fields(self, value: ast.expr, record: Record) -> dict[int, Expr]:
        args = value.args if isinstance(value, ast.Call) else []
        words = value.keywords if isinstance(value, ast.Call) else []
        names = [name for name, _ in record.fields]
        pairs = [*zip(names, args, strict=False)]
        pairs += [(word.arg or "", word.value) for word in words]
        asked = [name for name, _ in pairs]
        if len(args) > len(names) or len(set(asked)) != len(asked) or not set(asked) <= set(names):
            raise self.error(
                value,
                "call",
                f"{record.name} is made with other fields than it has",
                instead=f"Its fields are {', '.join(names[:8])}",
            )
        found: dict[int, Expr] = {}
        for name, each in pairs:
            number = names.index(name)
            kind = record.fields[number][1]
            if not isinstance(kind, Scalar):
                raise self.error(
                    each,
                    "alias",
                    f"the field {name!r} is {name_of(kind)}",
                    rule="Arrays and records within a new record are zero",
                    instead="Leave it out, and assign or copy it after",
                )
            found[number] = self.value(each, kind, f"the field {name!r}")
        return found

    # Ways

    def _if(self, node: ast.If) -> If:
        condition = self.condition(node.test)
        self.release()
        before = self.live
        then = self._block(node.body)
        after, self.live = self.live, before
        other = self._block(node.orelse)
        self.live = _meet([after, self.live])
        return If(self.source.at(node), condition, then, other)

    def _while(self, node: ast.While) -> While:
        self._no_else(node.orelse)
        condition = self.condition(node.test)
        self.release()
        is_endless = condition == Const(Scalar.BOOL, True)
        before = self.live
        loop, body = self._loop(node)
        self.live = _meet([None if is_endless else before, *loop.breaks])
        return While(self.source.at(node), condition, body)

    def _for(self, node: ast.For) -> For:
        self._no_else(node.orelse)
        call = node.iter
        is_range = (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id == "range"
            and not call.keywords
            and 1 <= len(call.args) <= 3
            and not any(isinstance(arg, ast.Starred) for arg in call.args)
        )
        if not is_range or not isinstance(call, ast.Call):
            raise self.error(
                node.iter,
                "unsupported",
                f"a loop over {shown_code(node.iter)}",
                rule="A loop counts over a range",
                instead="Write for i in range(n): and read a[i]",
            )
        if not isinstance(node.target, ast.Name):
            raise self.error(
                node.target, "unsupported", "a loop sets one variable", instead="Write for i in ..."
            )
        numbers = [self.value(arg, Scalar.INT, "range") for arg in call.args]
        start = numbers[0] if len(numbers) > 1 else Const(Scalar.INT, 0)
        stop = numbers[1] if len(numbers) > 1 else numbers[0]
        step = numbers[2] if len(numbers) > 2 else Const(Scalar.INT, 1)
        name = node.target.id
        self._check_local(name, node.target)
        known = self._kind_of(name)
        if known not in (None, Scalar.INT):
            raise self._other_type(node.target, known or Scalar.INT, Scalar.INT)
        number = self._number_of(name, Scalar.INT, node.target)
        self.release()
        before = self.live
        self._give(name)
        loop, body = self._loop(node)
        # Without a round, the variable has no value after it.
        self.live = _meet([before, *loop.breaks])
        return For(self.source.at(node), number, start, stop, step, body)

    def _loop(self, node: ast.For | ast.While) -> tuple[_Loop, Block]:
        loop = _Loop()
        if len(self._loops) == LOOP_NESTING_MAX:
            raise self.error(
                node,
                "limit",
                "loops nest too deep",
                rule=f"Loops nest at most {LOOP_NESTING_MAX} deep",
                instead="Move the inner ones to a helper function",
            )
        self._loops.append(loop)
        body = self._block(node.body)
        self._loops.pop()
        return loop, body

    def _no_else(self, orelse: Sequence[ast.stmt]) -> None:
        if orelse:
            raise self.error(
                orelse[0],
                "unsupported",
                "else after a loop is not part of the language",
                instead="Keep a bool that says how the loop ended",
            )

    def _return(self, node: ast.Return) -> Return:
        want = self.function.result
        at = self.source.at(node)
        is_none = node.value is None or (
            isinstance(node.value, ast.Constant) and node.value.value is None
        )
        if want is None and not is_none:
            raise self.error(
                node,
                "flow",
                f"{self.function.name} returns a value, but declares none",
                instead=f"Write def {self.function.name}(...) -> int: or the type it has",
            )
        if want is not None and (is_none or node.value is None):
            raise self.error(
                node,
                "flow",
                f"{self.function.name} returns nothing, but declares {name_of(want)}",
                instead="Return a value",
            )
        value = None
        if want is not None and node.value is not None:
            value = self.value(node.value, want, "the result")
        self.live = None
        return Return(at, value)

    def _jump(self, node: ast.Break | ast.Continue) -> Stmt:
        at = self.source.at(node)
        if not self._loops:
            raise self.error(
                node, "flow", "break or continue outside of a loop", instead="Write return"
            )
        is_break = isinstance(node, ast.Break)
        if is_break:
            self._loops[-1].breaks.append(self.live)
        self.live = None
        return Break(at) if is_break else Continue(at)

    def _do(self, node: ast.Expr) -> Do:
        if isinstance(node.value, ast.Call):
            expr = self._expr(node.value)
            if isinstance(expr, Call | HostCall):
                return Do(self.source.at(node), expr)
        elif type(node.value) not in (ast.Constant, ast.Compare, ast.Name, ast.BinOp):
            self._expr(node.value)
        raise self.error(
            node,
            "unsupported",
            f"{shown_code(node.value)} does nothing",
            rule="A line of its own is a call of a function of the program",
            instead="Assign it, or remove it",
        )


def _meet(ways: Sequence[_Live]) -> _Live:
    """Return the variables that have a value on every way that is gone."""
    gone = [way for way in ways if way is not None]
    return frozenset.intersection(*gone) if gone else None
