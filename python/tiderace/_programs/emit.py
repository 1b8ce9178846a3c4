"""Tree to the bytes of the intermediate form: `docs/PROGRAM.md`, byte by byte.

One program has one encoding: functions stand in the order in which the first entry that needs them
reaches them, types in the order of their first use.
"""

import struct
from collections.abc import Iterable

from tiderace._programs.tree import (
    LOCAL,
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
    HostFunction,
    If,
    Logic,
    Param,
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
    CORE_BYTES_MAX,
    FUNCTION_NODES_MAX,
    NODES_MAX,
    WIDE,
    Array,
    Scalar,
    Type,
)
from tiderace.errors import ProgramError

MAGIC = b"TRPF"
VERSION = 1
FRAME_BYTES = 10
TABLE_FROM = 16
_NAN = bytes.fromhex("000000000000f87f")


def core_end(ir: bytes) -> int:
    """Return where the core ends: what is before is the identity."""
    return FRAME_BYTES + int.from_bytes(ir[6:10], "little")


def form(tree: Tree) -> bytes:
    """Return the form of a checked program, debug section and all.

    Raises
    ------
    ProgramError
        It is larger than a form may be.
    """
    emitter = _Emitter(tree)
    core = emitter.core()
    if len(core) > CORE_BYTES_MAX:
        entry = tree.entries[0]
        raise _too_large(tree, entry, f"a form of {len(core):,} bytes", CORE_BYTES_MAX)
    frame = MAGIC + struct.pack("<HI", VERSION, len(core))
    return frame + core + _debug(tree, emitter.positions)


def _too_large(tree: Tree, function: Function, what: str, limit: int) -> ProgramError:
    line, column = function.at
    return ProgramError(
        f"{function.name}: {what}",
        reason="limit",
        file=tree.file,
        line=line,
        column=column,
        rule=f"The limit is {limit:,}",
        remedy="Split it, or write it shorter",
    )


def constant(kind: Scalar, value: int | float | bool) -> bytes:
    """Return a value's bytes."""
    if kind == Scalar.BOOL:
        return bytes([bool(value)])
    if kind == Scalar.FLOAT:
        number = float(value)
        return _NAN if number != number else struct.pack("<d", number)
    return int(value).to_bytes(16 if kind in WIDE else 8, "little", signed=True)


def _text(text: str, *, cut: bool = False) -> bytes:
    data = text.encode()
    if cut:
        # For people only: a name that is too long loses its beginning, never half a character.
        data = data[-255:].decode(errors="ignore").encode()
    return bytes([len(data)]) + data


def _u16(value: int) -> bytes:
    return value.to_bytes(2, "little")


class _Emitter:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._types: dict[Type, int] = {}
        self._table: list[bytes] = []
        self._functions = {id(function): n for n, function in enumerate(tree.functions)}
        self._imports = {host.name: n for n, host in enumerate(tree.imports)}
        self._nodes = 0
        self.positions: list[Position] = []

    def core(self) -> bytes:
        tree = self._tree
        params = 0 if tree.params is None else self._type(tree.params)
        state = 0 if tree.state is None else self._type(tree.state)
        decls = b"".join(map(self._param, tree.param_decls))
        functions = [self._function(function) for function in tree.functions]
        return b"".join(
            [
                _text(tree.name),
                bytes([len(tree.meta)]),
                *(_text(key) + _text(value) for key, value in tree.meta),
                bytes([len(tree.capabilities)]),
                *map(_text, tree.capabilities),
                _u16(len(tree.labels)),
                *map(_text, tree.labels),
                _u16(len(self._table)),
                *self._table,
                _u16(params),
                decls,
                _u16(state),
                bytes([len(tree.imports)]),
                *map(self._import, tree.imports),
                _u16(len(functions)),
                *functions,
                _u16(len(tree.entries)),
                *map(self._entry, tree.entries),
            ]
        )

    def _type(self, kind: Type | None) -> int:
        """Return the number of a type; one that the table does not have yet goes into it."""
        if kind is None or isinstance(kind, Scalar):
            return int(kind or 0)
        if kind in self._types:
            return self._types[kind]
        if isinstance(kind, Array):
            entry = b"\x01" + _u16(self._type(kind.element)) + struct.pack("<I", kind.length)
        else:
            fields = [_text(name) + _u16(self._type(each)) for name, each in kind.fields]
            entry = b"\x02" + _text(kind.name) + _u16(len(fields)) + b"".join(fields)
        number = TABLE_FROM + len(self._table)
        self._types[kind] = number
        self._table.append(entry)
        return number

    def _param(self, param: Param) -> bytes:
        given = [(1, param.default), (2, param.minimum), (4, param.maximum)]
        flags = sum(flag for flag, value in given if value is not None)
        out = bytes([flags])
        for _, value in given:
            if value is not None and isinstance(param.kind, Scalar):
                out += constant(param.kind, value)
        return out + _text(param.unit)

    def _import(self, host: HostFunction) -> bytes:
        kinds = b"".join(_u16(kind) for kind in host.params)
        return _text(host.name) + bytes([len(host.params)]) + kinds + _u16(host.result or 0)

    def _function(self, function: Function) -> bytes:
        before = self._nodes
        body = self._block(function.body)
        nodes = self._nodes - before
        for count, limit in ((nodes, FUNCTION_NODES_MAX), (self._nodes, NODES_MAX)):
            if count > limit:
                what = f"{count:,} statements and expressions"
                raise _too_large(self._tree, function, what, limit)
        kinds = [_u16(self._type(kind)) for _, kind in function.locals]
        params, kept = kinds[: function.params], kinds[function.params :]
        out = bytes([len(params)]) + b"".join(params) + _u16(function.result or 0)
        return out + _u16(len(kept)) + b"".join(kept) + body

    def _entry(self, entry: Function) -> bytes:
        names = (_text(name) for name, _ in entry.locals[: entry.params])
        return _text(entry.name) + _u16(self._functions[id(entry)]) + b"".join(names)

    def _block(self, block: Block) -> bytes:
        return _u16(len(block)) + b"".join(self._stmt(stmt) for stmt in block)

    def _stmt(self, stmt: Stmt) -> bytes:
        self._nodes += 1
        self.positions.append(stmt.at)
        match stmt:
            case Assign():
                return b"\x01" + self._place(stmt.place) + self._expr(stmt.value)
            case If():
                blocks = self._block(stmt.then) + self._block(stmt.other)
                return b"\x02" + self._expr(stmt.condition) + blocks
            case While():
                return b"\x03" + self._expr(stmt.condition) + self._block(stmt.body)
            case For():
                numbers = self._exprs((stmt.start, stmt.stop, stmt.step))
                return b"\x04" + _u16(stmt.local) + numbers + self._block(stmt.body)
            case Return():
                if stmt.value is None:
                    return b"\x05\x00"
                return b"\x05\x01" + self._expr(stmt.value)
            case Break():
                return b"\x06"
            case Continue():
                return b"\x07"
            case Do():
                return b"\x08" + self._expr(stmt.call)
            case Zero():
                return b"\x09" + self._place(stmt.place)
            case Copy():
                return b"\x0a" + self._place(stmt.target) + self._place(stmt.source)

    def _place(self, place: Place) -> bytes:
        out = bytes([place.root])
        if place.root == LOCAL:
            out += _u16(place.local)
        out += bytes([len(place.steps)])
        for step in place.steps:
            if isinstance(step, Field):
                out += b"\x00" + _u16(step.number)
            else:
                out += b"\x01" + self._expr(step.value)
        return out

    def _exprs(self, exprs: Iterable[Expr]) -> bytes:
        return b"".join(map(self._expr, exprs))

    def _expr(self, expr: Expr) -> bytes:
        self._nodes += 1
        match expr:
            case Const():
                return b"\x01" + _u16(expr.kind) + constant(expr.kind, expr.value)
            case Read():
                return b"\x02" + self._place(expr.place)
            case Unary():
                return bytes([3, expr.op]) + self._expr(expr.value)
            case Binary():
                return bytes([4, expr.op]) + self._exprs((expr.left, expr.right))
            case Logic():
                return bytes([5 if expr.is_and else 6]) + self._exprs((expr.left, expr.right))
            case Choose():
                return b"\x07" + self._exprs((expr.condition, expr.then, expr.other))
            case Tee():
                return b"\x08" + _u16(expr.local) + self._expr(expr.value)
            case Call():
                number = _u16(self._functions[id(expr.function)])
                return b"\x09" + number + bytes([len(expr.args)]) + self._exprs(expr.args)
            case HostCall():
                head = bytes([10, self._imports[expr.host.name], len(expr.args)])
                return head + self._exprs(expr.args)
            case Cast():
                return b"\x0b" + _u16(expr.kind) + self._expr(expr.value)


def _debug(tree: Tree, positions: list[Position]) -> bytes:
    out = [b"\x01", _text(tree.file, cut=True), struct.pack("<I", len(positions))]
    out += [struct.pack("<II", line, column) for line, column in positions]
    out.append(_u16(len(tree.functions)))
    for function in tree.functions:
        names = [_text(name, cut=True) for name, _ in function.locals]
        out += [_text(function.name, cut=True), _u16(len(names)), *names]
    return b"".join(out)
