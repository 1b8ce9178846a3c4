"""What stands at top level: imports, constants, enums, records, functions, and the program.

A strict scope, of a program file, holds nothing else. A lenient one, of a module in which a
decorator was met, looks only at the names that the program uses.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tiderace._programs.bindings import STAR, Binding, of_module, read_by
from tiderace._programs.source import Source, shown
from tiderace._programs.tree import Const, Param
from tiderace._programs.words import (
    ARRAY_LENGTH_MAX,
    FIELDS_MAX,
    NAME_BYTES_MAX,
    NAMES,
    TYPE_BYTES_MAX,
    UNITS,
    Array,
    Record,
    Scalar,
    Type,
    fits,
    name_of,
    slots,
)
from tiderace.errors import ProgramError

BUILTINS = frozenset({"abs", "bool", "float", "int", "len", "max", "min", "range"})
SCALARS = {name.removeprefix("tr."): kind for kind, name in NAMES.items()}
UNIT_NAMES = {name: kind for name, kind in SCALARS.items() if kind in UNITS | {Scalar.I128}}
_BITS_MAX = 512
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Tiderace:
    """The name that ``import tiderace as tr`` binds."""


@dataclass(frozen=True, slots=True)
class Model:
    """The name that ``from tiderace import model`` binds."""


@dataclass(frozen=True, slots=True)
class Enum:
    """A ``tr.Enum``."""

    members: dict[str, int]


@dataclass(frozen=True, slots=True)
class RecordClass:
    """A ``tr.record``, with what it says of its fields as parameters."""

    record: Record
    decls: tuple[Param, ...]


@dataclass(frozen=True, slots=True)
class Def:
    """A function, or a program's class: checked elsewhere."""

    node: ast.FunctionDef | ast.ClassDef


Entity = Tiderace | Model | Const | Enum | RecordClass | Def


class Scope:
    """Names of the top level, looked up as they are needed."""

    def __init__(
        self, source: Source, around: Sequence[ast.FunctionDef | ast.ClassDef] | None
    ) -> None:
        self.source = source
        self._bindings: dict[str, list[Binding]] = {}
        for each in of_module(source.module, around):
            self._bindings.setdefault(each.name, []).append(each)
        self._found: dict[str, Entity] = {}
        self._open: set[str] = set()
        # Names that a class binds while its body is read: Python looks there first.
        self._members: dict[str, int | None] = {}
        self.tiderace: frozenset[str] = frozenset()
        self.has_model = False
        # Names of the two modules first: everything else is written with them.
        modules = {
            each.name: entity
            for found in self._bindings.values()
            for each in found
            if (entity := _import_of(each)) is not None
        }
        for name, entity in modules.items():
            self.lookup(name, source.module)
            self.has_model |= isinstance(entity, Model)
        self.tiderace = frozenset(n for n, each in modules.items() if isinstance(each, Tiderace))

    def check_all(self, body: Sequence[ast.stmt]) -> None:
        """Refuse whatever a program file may not hold at top level."""
        for number, node in enumerate(body):
            if number == 0 and is_text(node):
                continue
            bound = [
                each
                for found in self._bindings.values()
                for each in found
                if each.node is node and each.is_plain
            ]
            names = [each.name for each in bound]
            if isinstance(node, ast.Import | ast.ImportFrom):
                if len(bound) != 1 or _import_of(bound[0]) is None:
                    raise self._no_import(node)
            elif not names:
                raise self.source.error(
                    node,
                    "top_level",
                    f"{_kind_of(node)} stands at top level",
                    rule="A program file holds imports, constants, records, enums and functions",
                    instead="Move it into a function",
                )
            for name in names:
                self.lookup(name, node)
            for read in read_by(node):
                self._check_line(read.id, read)

    def lookup(self, name: str, node: ast.AST) -> Entity | None:
        """Return what a name stands for; None where nothing has it."""
        if name in self._found:
            return self._found[name]
        for each in self._bindings.get(STAR, []):
            # It may bind whatever is looked for.
            raise self._no_import(each.node)
        found = self._bindings.get(name, [])
        if not found:
            return None
        again = next((each for each in found[1:] if not _is_same_import(found[0], each)), None)
        if again is not None:
            raise self.source.error(
                again.node,
                "name",
                f"{name!r} is bound twice",
                rule="A name at top level stands for one thing",
                instead="Choose another name",
            )
        if not found[0].is_plain:
            raise self.source.error(
                found[0].node,
                "name",
                f"{name!r} is bound here, where a program cannot know its value",
                rule="A program knows imports, constants, records, enums and functions of its "
                "module and of the functions around it",
                instead=f"Write {name} = 10 at top level, or pass it as an argument",
            )
        if name in self._open:
            raise self.source.error(node, "name", f"{name!r} needs itself", instead="Remove it")
        self._open.add(name)
        around, self._members = self._members, {}
        try:
            entity = self._entity(name, found[0])
        finally:
            self._open.discard(name)
            self._members = around
        self._found[name] = entity
        return entity

    def is_tiderace(self, node: ast.AST) -> bool:
        """Return whether a node is the name ``tr``."""
        return isinstance(node, ast.Name) and node.id in self.tiderace

    def tiderace_name(self, node: ast.AST) -> str | None:
        """Return ``X`` of ``tr.X``."""
        is_ours = isinstance(node, ast.Attribute) and self.is_tiderace(node.value)
        return node.attr if is_ours and isinstance(node, ast.Attribute) else None

    def check_name(self, name: str, node: ast.AST) -> None:
        """Refuse a name that the form cannot hold, or that means something else already."""
        if len(name) > NAME_BYTES_MAX or not _IDENTIFIER.match(name):
            raise self.source.error(
                node,
                "name",
                f"the name {shown(name)}",
                rule=f"A name has 1 to {NAME_BYTES_MAX} of the characters A-Z a-z 0-9 _",
                instead="Choose another name",
            )
        if name.startswith(("__", "_tr_")):
            raise self.source.error(
                node,
                "name",
                f"the name {name!r}",
                rule="Names with __ or _tr_ in front are not for programs",
                instead="Choose another name",
            )
        if name in BUILTINS or name in self.tiderace:
            what = "a function" if name in BUILTINS else "the language's module"
            raise self.source.error(
                node, "name", f"{name!r} is {what} already", instead="Choose another name"
            )

    # Types

    def kind(self, node: ast.expr | None, owner: ast.AST, what: str) -> Type:
        """Return the type that an annotation names."""
        if node is None:
            raise self.source.error(
                owner,
                "type",
                f"{what} has no type",
                instead="Write one, e.g. x: int or px: tr.Price",
            )
        unit = self.tiderace_name(node)
        if unit is not None and unit in UNIT_NAMES:
            return UNIT_NAMES[unit]
        if isinstance(node, ast.Name):
            entity = self._seen(node)
            if node.id == "float":
                self.need_float(node)
            if node.id in ("int", "bool", "float"):
                return SCALARS[node.id]
            if entity is not None:
                self.check_order(node.id, node)
            if isinstance(entity, Enum):
                return Scalar.INT
            if isinstance(entity, RecordClass):
                return entity.record
        if isinstance(node, ast.Subscript) and self.tiderace_name(node.value) == "Array":
            return self._array(node)
        raise self.source.error(
            node,
            "type",
            f"{shown_code(node)} is no type of {what}",
            rule="Types are int, bool, float, tr.i128, tr.Price, tr.Qty, tr.Amount, tr.Rate, "
            "tr.Array[int, 8], records and enums",
            instead="Write one of them",
        )

    def need_float(self, node: ast.AST) -> None:
        """Refuse floats where the program does not say that it uses them."""
        if not self.has_model:
            raise self.source.error(
                node,
                "float",
                "a float without the model",
                rule="Floats are for programs that import the model",
                instead="Write from tiderace import model at the top, or use whole numbers",
            )

    def check_zero(self, kind: Type, node: ast.AST) -> None:
        """Refuse a record with defaults where what is made begins as zero."""
        if isinstance(kind, Record) and self.has_defaults(kind):
            raise self.source.error(
                node,
                "class",
                f"{kind.name} has defaults, and begins as zero here",
                rule="Defaults are for a program's parameters, and for a new record by its name",
                instead=f"Write x = {kind.name}(), or a record without defaults",
            )

    def has_defaults(self, record: Record) -> bool:
        """Return whether a record's fields have defaults."""
        entity = self.lookup(record.name, self.source.module)
        return isinstance(entity, RecordClass) and any(d.default is not None for d in entity.decls)

    def _array(self, node: ast.Subscript) -> Array:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
        if len(parts) != 2:
            raise self.source.error(
                node,
                "type",
                "an array is declared by type and length",
                instead="Write tr.Array[int, 8]",
            )
        element = self.kind(parts[0], node, "an element")
        self.check_zero(element, parts[0])
        length = self.constant(parts[1])
        if length.kind != Scalar.INT or not 1 <= int(length.value) <= ARRAY_LENGTH_MAX:
            raise self.source.error(
                parts[1],
                "limit",
                f"an array of length {shown(length.value)}",
                rule=f"A length is a whole number from 1 to {ARRAY_LENGTH_MAX:,}",
                instead="Make it smaller" if int(length.value) > 0 else "Make it larger",
            )
        array = Array(element, int(length.value))
        self._check_size(array, node)
        return array

    def _check_size(self, kind: Type, node: ast.AST) -> None:
        size = 8 * slots(kind)
        if size > TYPE_BYTES_MAX:
            raise self.source.error(
                node,
                "limit",
                f"{name_of(kind)} takes {size:,} bytes",
                rule=f"One array or record takes at most {TYPE_BYTES_MAX:,} bytes",
                instead="Make it smaller",
            )

    # Constants

    def constant(self, node: ast.expr) -> Const:
        """Return the value of a constant expression of whole numbers."""
        kind, value = self._constant(node)
        if kind in (Scalar.BOOL, Scalar.FLOAT) or fits(kind, int(value)):
            return Const(kind, value)
        raise self._too_large(kind, node, value)

    def _too_large(self, kind: Scalar, node: ast.AST, value: int) -> ProgramError:
        wide = "Write tr.i128(...)" if kind == Scalar.INT else "Make it smaller"
        what = f"{shown(value)} does not fit {name_of(kind)}"
        return self.source.error(node, "constant", what, instead=wide)

    def wide_constant(self, node: ast.expr, kind: Scalar) -> Const | None:
        """Return a whole number as one of a type; None where the node is no such constant."""
        try:
            found, value = self._constant(node)
        except ProgramError:
            return None
        if found != Scalar.INT or isinstance(value, bool):
            return None
        if not fits(kind, value):
            raise self._too_large(kind, node, value)
        return Const(kind, value)

    def _constant(self, node: ast.expr) -> tuple[Scalar, int]:
        match node:
            case ast.Constant(value=bool(value)):
                return Scalar.BOOL, value
            case ast.Constant(value=int(value)):
                return Scalar.INT, value
            case ast.Name():
                entity = self._seen(node)
                if isinstance(entity, Const) and isinstance(entity.value, int):
                    if node.id not in self._members:
                        self.check_order(node.id, node)
                    return entity.kind, entity.value
            case ast.Attribute(value=ast.Name() as owner, attr=attr):
                entity = self._seen(owner)
                if isinstance(entity, Enum) and attr in entity.members:
                    return Scalar.INT, entity.members[attr]
            case ast.UnaryOp():
                return self._constant_unary(node)
            case ast.BinOp():
                return self._constant_binary(node)
            case ast.Call(args=[argument], keywords=[]):
                unit = UNIT_NAMES.get(self.tiderace_name(node.func) or "")
                if unit is not None:
                    kind, value = self._constant(argument)
                    if kind == Scalar.INT and fits(unit, value):
                        return unit, value
        raise self.source.error(
            node,
            "constant",
            f"{shown_code(node)} is no whole-number constant",
            rule="A constant is a whole number, or a tr.Price, tr.Qty, tr.Amount, tr.Rate of one",
            instead="Write a number, or compute it in a function",
        )

    def _seen(self, node: ast.Name) -> Entity | None:
        """Return what a name stands for where a class's body is read: its own names come first."""
        if node.id not in self._members:
            return self.lookup(node.id, node)
        member = self._members[node.id]
        if member is None:
            raise self.source.error(
                node,
                "name",
                f"{node.id!r} is a field of the record here",
                rule="Within a record, Python takes a name for its field where that has a value",
                instead="Choose another name for one of them",
            )
        return Const(Scalar.INT, member)

    def _constant_unary(self, node: ast.UnaryOp) -> tuple[Scalar, int]:
        kind, value = self._constant(node.operand)
        if kind in (Scalar.BOOL, Scalar.FLOAT):
            raise self._no_constant(node)
        if isinstance(node.op, ast.USub):
            return kind, -value
        if isinstance(node.op, ast.UAdd):
            return kind, value
        if isinstance(node.op, ast.Invert) and kind == Scalar.INT:
            return kind, ~value
        raise self._no_constant(node)

    def _constant_binary(self, node: ast.BinOp) -> tuple[Scalar, int]:
        (left_kind, left), (right_kind, right) = (
            self._constant(node.left),
            self._constant(node.right),
        )
        if left_kind != Scalar.INT or right_kind != Scalar.INT:
            raise self._no_constant(node)
        value = _fold(node.op, left, right)
        if value is None or value.bit_length() > _BITS_MAX:
            raise self._no_constant(node)
        return Scalar.INT, value

    def _no_constant(self, node: ast.expr) -> ProgramError:
        return self.source.error(
            node,
            "constant",
            f"{shown_code(node)} has no value as a constant",
            instead="Write the number, or compute it in a function",
        )

    # Statements of the top level

    def _no_import(self, node: ast.AST) -> ProgramError:
        return self.source.error(
            node,
            "import",
            "this import is not allowed",
            rule="A program imports nothing but the words of its language",
            instead="Only import tiderace as tr and from tiderace import model",
        )

    def _entity(self, name: str, binding: Binding) -> Entity:
        node = binding.node
        self.check_name(name, node)
        if binding.alias is not None:
            entity = _import_of(binding)
            if entity is None:
                raise self._no_import(node)
            return entity
        if isinstance(node, ast.FunctionDef):
            return Def(node)
        if isinstance(node, ast.ClassDef):
            return self._class(node)
        return self._named_constant(node)

    def _named_constant(self, node: ast.AST) -> Const:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            return self.constant(node.value)
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            kind = self.kind(node.annotation, node, "a constant")
            const = self.constant(node.value)
            if kind == Scalar.I128 and const.kind == Scalar.INT:
                return Const(kind, const.value)
            if const.kind == kind:
                return const
            what = f"a constant of {name_of(kind)} has a value of {name_of(const.kind)}"
            raise self.source.error(node, "type", what, instead=f"Write {name_of(kind)}(...)")
        raise self.source.error(
            node,
            "constant",
            "not a constant",
            rule="A constant is one name and one whole number",
            instead="Write N = 10",
        )

    def _class(self, node: ast.ClassDef) -> Entity:
        if any(self.tiderace_name(_called(each)) == "program" for each in node.decorator_list):
            return Def(node)
        if node.bases or node.keywords:
            return self._enum(node)
        marks = [self.tiderace_name(each) for each in node.decorator_list]
        if marks != ["record"]:
            raise self.source.error(
                node,
                "class",
                f"the class {node.name!r}",
                rule="A class is a @tr.record, a tr.Enum, or the @tr.program",
                instead="Write @tr.record before it",
            )
        return self._record(node)

    def _enum(self, node: ast.ClassDef) -> Enum:
        is_enum = [self.tiderace_name(base) for base in node.bases] == ["Enum"]
        if not is_enum or node.keywords or node.decorator_list:
            raise self.source.error(
                node,
                "class",
                f"the class {node.name!r} has bases",
                rule="Records have no bases; an enum has the one base tr.Enum",
                instead=f"Write class {node.name}(tr.Enum): with members A = 1",
            )
        members: dict[str, int] = {}
        for number, each in enumerate(node.body):
            if number == 0 and is_text(each):
                continue
            match each:
                case ast.Assign(targets=[ast.Name(id=name)]):
                    self._check_member(name, each)
                    const = self.constant(each.value)
                    if const.kind == Scalar.INT and name not in members:
                        self._members[name] = members[name] = int(const.value)
                        continue
            raise self.source.error(
                each,
                "class",
                "not a member of an enum",
                rule="A member is a new name and a whole number",
                instead="Write BUY = 1",
            )
        return Enum(members)

    def _check_member(self, name: str, node: ast.AST) -> None:
        self.check_name(name, node)
        if name == "mro" or (name.startswith("_") and name.endswith("_")):
            raise self.source.error(
                node,
                "name",
                f"the member {name!r}",
                rule="Python's enums keep mro and names in _ for themselves",
                instead="Choose another name",
            )

    def _record(self, node: ast.ClassDef) -> RecordClass:
        decls: list[Param] = []
        for number, each in enumerate(node.body):
            if number == 0 and is_text(each):
                continue
            if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
                raise self.source.error(
                    each,
                    "class",
                    f"{_kind_of(each)} in a record",
                    rule="A record holds fields with their types and nothing else",
                    instead="Write name: type; make a method a helper function",
                )
            name = each.target.id
            self.check_name(name, each)
            if any(name == decl.name for decl in decls):
                raise self.source.error(
                    each, "name", f"the field {name!r} is there twice", instead="Remove one"
                )
            kind = self.kind(each.annotation, each, f"the field {name!r}")
            self.check_zero(kind, each)
            decls.append(self._field(name, kind, each))
            if each.value is not None:
                self._members[name] = None
        if not 1 <= len(decls) <= FIELDS_MAX:
            raise self.source.error(
                node,
                "limit",
                f"the record {node.name!r} has {len(decls)} fields",
                rule=f"A record has 1 to {FIELDS_MAX} fields",
                instead="Write name: type" if not decls else "Use an array",
            )
        record = Record(node.name, tuple((decl.name, decl.kind) for decl in decls))
        self._check_size(record, node)
        return RecordClass(record, tuple(decls))

    def _field(self, name: str, kind: Type, node: ast.AnnAssign) -> Param:
        if node.value is None:
            return Param(name, kind)
        is_param = isinstance(node.value, ast.Call) and (
            self.tiderace_name(node.value.func) == "param"
        )
        if isinstance(kind, Record) or not is_param or not isinstance(node.value, ast.Call):
            raise self.source.error(
                node.value,
                "class",
                f"the field {name!r} has a value",
                rule="A field is zero at first; a parameter says more by tr.param",
                instead=f"Write {name}: {name_of(kind)}, or "
                "tr.param(10, minimum=1, maximum=20, unit='s')",
            )
        return self._param(name, kind, node.value)

    def _param(self, name: str, kind: Scalar | Array, call: ast.Call) -> Param:
        words = {keyword.arg or "": keyword.value for keyword in call.keywords}
        if len(call.args) > 1 or not set(words) <= {"minimum", "maximum", "unit"}:
            raise self.source.error(
                call,
                "class",
                "tr.param takes a default, minimum, maximum and unit",
                instead="Write tr.param(10, minimum=1, maximum=20, unit='s')",
            )
        unit = words.pop("unit", ast.Constant(value=""))
        text = unit.value if isinstance(unit, ast.Constant) else None
        if not isinstance(text, str) or len(text.encode()) > 255:
            raise self.source.error(
                unit, "class", "a unit is a short text", instead="Write unit='s'"
            )
        if isinstance(kind, Array):
            if not call.args and not words:
                return Param(name, kind, unit=text)
            raise self.source.error(
                call,
                "class",
                f"the array {name!r} has a default or a range",
                rule="An array is zero where it is not given; only its unit is said",
                instead="Write tr.param(unit='share')",
            )
        given = {key: self._bound(value, kind) for key, value in words.items()}
        default = self._bound(call.args[0], kind) if call.args else None
        low, high = given.get("minimum"), given.get("maximum")
        ordered = [value for value in (low, default, high) if value is not None]
        if ordered != sorted(ordered) or (kind == Scalar.BOOL and given):
            raise self.source.error(
                call,
                "class",
                f"the range of {name!r} is none",
                rule="minimum <= default <= maximum; a bool has no range",
                instead="Correct the numbers",
            )
        return Param(name, kind, default=default, minimum=low, maximum=high, unit=text)

    def _bound(self, node: ast.expr, kind: Scalar) -> int | float:
        if kind == Scalar.FLOAT:
            sign = -1.0 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1.0
            bare = node.operand if sign < 0 and isinstance(node, ast.UnaryOp) else node
            if isinstance(bare, ast.Constant) and isinstance(bare.value, float):
                return sign * bare.value
        const = self.constant(node)
        wanted = {kind} | ({Scalar.INT} if kind != Scalar.BOOL else set())
        if const.kind not in wanted or (kind != Scalar.FLOAT and not _holds(kind, const.value)):
            what = f"{shown_code(node)} is no {name_of(kind)}"
            raise self.source.error(node, "type", what, instead=f"Write a {name_of(kind)}")
        return float(const.value) if kind == Scalar.FLOAT else const.value

    def check_order(self, name: str, node: ast.AST) -> None:
        """Refuse what Python would not know yet when it comes to this line."""
        # Only while the top level itself is read: bodies run when all of it is there.
        if self._open:
            self._check_line(name, node)

    def _check_line(self, name: str, node: ast.AST) -> None:
        first = self._bindings.get(name, [])
        line = getattr(first[0].node, "lineno", 0) if first else 0
        if line > getattr(node, "lineno", line):
            raise self.source.error(
                node, "name", f"{name!r} is used before its line", instead=f"Move {name} up"
            )


def _import_of(binding: Binding) -> "Tiderace | Model | None":
    """Return which of the two modules a plain import binds."""
    node, alias = binding.node, binding.alias
    if not binding.is_plain or alias is None:
        return None
    if isinstance(node, ast.Import):
        return Tiderace() if alias.name == "tiderace" else None
    is_model = isinstance(node, ast.ImportFrom) and (
        (node.module, node.level, alias.name) == ("tiderace", 0, "model")
    )
    return Model() if is_model and alias.asname is None else None


def _is_same_import(first: Binding, second: Binding) -> bool:
    """Return whether a function around a program imports again what its module does."""
    entity = _import_of(first)
    return entity is not None and entity == _import_of(second) and first.scope != second.scope


def is_text(node: ast.AST) -> bool:
    """Return whether a statement is a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _holds(kind: Scalar, value: int | float) -> bool:
    return kind == Scalar.BOOL or fits(kind, int(value))


def shown_code(node: ast.AST) -> str:
    """Return code as a message shows it."""
    try:
        text = ast.unparse(node)
    except (ValueError, RecursionError):
        return "this"
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."


def _kind_of(node: ast.AST) -> str:
    return {
        ast.Expr: "an expression",
        ast.If: "if",
        ast.For: "a loop",
        ast.While: "a loop",
        ast.FunctionDef: "a function",
        ast.AsyncFunctionDef: "an async function",
        ast.ClassDef: "a class",
        ast.Import: "an import",
        ast.ImportFrom: "an import",
        ast.Try: "try",
        ast.With: "with",
        ast.Pass: "pass",
    }.get(type(node), "this statement")


def _fold(op: ast.operator, left: int, right: int) -> int | None:
    """Return a result of constants; None where there is none, or a far too large one."""
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.FloorDiv():
            return left // right if right else None
        case ast.Mod():
            return left % right if right else None
        case ast.Pow():
            is_small = right >= 0 and max(left.bit_length(), 1) * right <= _BITS_MAX
            return left**right if is_small else None
        case ast.LShift():
            return left << right if 0 <= right <= _BITS_MAX else None
        case ast.RShift():
            return left >> right if 0 <= right <= _BITS_MAX else None
        case ast.BitAnd():
            return left & right
        case ast.BitOr():
            return left | right
        case ast.BitXor():
            return left ^ right
    return None
