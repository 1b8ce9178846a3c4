"""The typed tree of a program: what the form's bytes, plain Python and fuel are made from."""

from dataclasses import dataclass, field

from tiderace._programs.words import BinaryOp, Record, Scalar, Type, UnaryOp

Position = tuple[int, int]

LOCAL, PARAMS, STATE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Field:
    """A step into a record."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies: a local, the parameters or the state, and steps from there."""

    root: int
    local: int
    steps: "tuple[Field | Index, ...]"
    kind: Type

    @property
    def is_register(self) -> bool:
        """Whether it is a scalar local."""
        return self.root == LOCAL and not self.steps and isinstance(self.kind, Scalar)


@dataclass(frozen=True, slots=True)
class Const:
    """A value known now."""

    kind: Scalar
    value: int | float | bool


@dataclass(frozen=True, slots=True)
class Read:
    """What lies at a place."""

    place: Place

    @property
    def kind(self) -> Type:
        """Return its type."""
        return self.place.kind


@dataclass(frozen=True, slots=True)
class Unary:
    """An operation on one value."""

    op: UnaryOp
    value: "Expr"
    kind: Scalar


@dataclass(frozen=True, slots=True)
class Binary:
    """An operation on two values."""

    op: BinaryOp
    left: "Expr"
    right: "Expr"
    kind: Scalar


@dataclass(frozen=True, slots=True)
class Logic:
    """``and``, ``or``: the right one only if needed."""

    is_and: bool
    left: "Expr"
    right: "Expr"
    kind: Scalar = Scalar.BOOL


@dataclass(frozen=True, slots=True)
class Choose:
    """One of two values."""

    condition: "Expr"
    then: "Expr"
    other: "Expr"
    kind: Scalar


@dataclass(frozen=True, slots=True)
class Tee:
    """Keeps a value in a scalar local, and is the value."""

    local: int
    value: "Expr"
    kind: Scalar


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function of the program."""

    function: "Function"
    args: "tuple[Expr, ...]"

    @property
    def kind(self) -> Scalar | None:
        """Return the type of its result."""
        return self.function.result


@dataclass(frozen=True, slots=True)
class HostCall:
    """A call of the host."""

    host: "HostFunction"
    args: "tuple[Expr, ...]"

    @property
    def kind(self) -> Scalar | None:
        """Return the type of its result."""
        return self.host.result


@dataclass(frozen=True, slots=True)
class Cast:
    """A value as one of another type."""

    kind: Scalar
    value: "Expr"


Expr = Const | Read | Unary | Binary | Logic | Choose | Tee | Call | HostCall | Cast


@dataclass(frozen=True, slots=True)
class Index:
    """A step into an array."""

    value: Expr
    length: int


@dataclass(frozen=True, slots=True)
class Assign:
    """Stores a value."""

    at: Position
    place: Place
    value: Expr


@dataclass(frozen=True, slots=True)
class If:
    """One of two blocks."""

    at: Position
    condition: Expr
    then: "Block"
    other: "Block"


@dataclass(frozen=True, slots=True)
class While:
    """A block as long as a condition holds."""

    at: Position
    condition: Expr
    body: "Block"


@dataclass(frozen=True, slots=True)
class For:
    """A block for each number of a range."""

    at: Position
    local: int
    start: Expr
    stop: Expr
    step: Expr
    body: "Block"


@dataclass(frozen=True, slots=True)
class Return:
    """Ends the function."""

    at: Position
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Break:
    """Ends the innermost loop."""

    at: Position


@dataclass(frozen=True, slots=True)
class Continue:
    """Goes on with the next round of the innermost loop."""

    at: Position


@dataclass(frozen=True, slots=True)
class Do:
    """A call for what it does."""

    at: Position
    call: Call | HostCall


@dataclass(frozen=True, slots=True)
class Zero:
    """Sets an array or record to zero."""

    at: Position
    place: Place


@dataclass(frozen=True, slots=True)
class Copy:
    """Copies an array or record."""

    at: Position
    target: Place
    source: Place


Stmt = Assign | If | While | For | Return | Break | Continue | Do | Zero | Copy
Block = tuple[Stmt, ...]


@dataclass(eq=False, slots=True)
class Function:
    """A function: its first locals are its parameters."""

    name: str
    params: int
    locals: list[tuple[str, Type]]
    result: Scalar | None
    is_method: bool
    at: Position
    body: Block = ()
    callees: "list[Function]" = field(default_factory=list)
    # An entry that no function calls: nobody else holds a part of its arguments or the state.
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A function that the host offers."""

    name: str
    params: tuple[Scalar, ...]
    result: Scalar | None
    capability: str | None
    fuel: int
    labels: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Param:
    """What a program says of one of its parameters."""

    name: str
    kind: Type
    default: int | float | bool | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    unit: str = ""


@dataclass(slots=True)
class Tree:
    """A whole program, checked."""

    name: str
    file: str
    meta: tuple[tuple[str, str], ...]
    capabilities: tuple[str, ...]
    labels: tuple[str, ...]
    params: Record | None
    param_decls: tuple[Param, ...]
    state: Record | None
    imports: tuple[HostFunction, ...]
    functions: tuple[Function, ...]
    entries: tuple[Function, ...]
