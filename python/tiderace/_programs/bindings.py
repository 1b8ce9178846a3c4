"""Every place where Python binds a name that a program sees, however it does so.

A name is a program's own only where one plain statement of its scope binds it. What else binds it
(a loop, a block, an argument, another function's `global`) is found here so that it is refused.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

STAR = "*"
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Binding:
    """One place that binds a name.

    A plain one is a statement of the scope itself: an import, a function, a class, an assignment.
    """

    name: str
    node: ast.AST
    scope: int
    is_plain: bool = False
    alias: ast.alias | None = None


def of_module(
    module: ast.Module, around: Sequence[ast.FunctionDef | ast.ClassDef] | None
) -> list[Binding]:
    """Return what a module binds, and each function and class around a program, outermost first.

    None is around a program file: all of its functions are checked, and `global` is refused there.
    """
    found = list(_of_body(module.body, 0))
    if around is None:
        return found
    found += [
        Binding(name, node, 0)
        for node in ast.walk(module)
        if isinstance(node, ast.Global)
        for name in node.names
    ]
    for scope, owner in enumerate(around, 1):
        is_class = isinstance(owner, ast.ClassDef)
        # Functions in a class do not see its names; whoever reads them might think so.
        found += [
            Binding(each.name, each.node, scope, each.is_plain and not is_class, each.alias)
            for each in _of_body(owner.body, scope)
        ]
        found += [Binding(name, node, scope) for name, node in _given(owner)]
    return found


def read_by(node: ast.AST) -> Iterator[ast.Name]:
    """Yield the names that Python looks up around a statement when it comes to it.

    Bodies of functions run later; a class's own names are found in the class.
    """
    own: set[str] = set()
    inner: Sequence[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Name):
        yield node
    elif isinstance(node, _Function):
        args = [each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg)]
        inner = [each for each in (*args, node.returns) if each is not None] + _outer(node)
    elif isinstance(node, ast.ClassDef):
        own = {each.name for each in _of_body(node.body, 0)}
    for each in inner:
        yield from (name for name in read_by(each) if name.id not in own)


def _of_body(body: Sequence[ast.stmt], scope: int) -> Iterator[Binding]:
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                for name, alias in _imported(node):
                    yield Binding(name, node, scope, is_plain=True, alias=alias)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield Binding(name, node, scope, is_plain=True)
                yield from _others(_outer(node), scope)
            case ast.Assign(targets=targets, value=value):
                names = [each for each in targets if isinstance(each, ast.Name)]
                for each in names:
                    yield Binding(each.id, node, scope, is_plain=True)
                yield from _others([*(t for t in targets if t not in names), value], scope)
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                yield Binding(name, node, scope, is_plain=True)
                yield from _others([value] if value else [], scope)
            case _:
                yield from _others([node], scope)


def _others(nodes: Sequence[ast.AST], scope: int) -> Iterator[Binding]:
    for node in nodes:
        for name, at in _stored(node):
            yield Binding(name, at, scope)


def _stored(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names that a node binds in its own scope, each with where it does."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name, node
        case ast.Import() | ast.ImportFrom():
            yield from ((name, node) for name, _ in _imported(node))
        case ast.ExceptHandler(name=str(name)):
            yield name, node
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, node
        case ast.MatchMapping(rest=str(name)):
            yield name, node
    inner: Sequence[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, _Function | ast.ClassDef):
        yield node.name, node
        inner = _outer(node)
    elif isinstance(node, ast.Lambda):
        inner = _defaults(node.args)
    elif isinstance(node, _COMPREHENSIONS):
        # Their own variables are theirs; only `:=` binds around them.
        inner = [each.target for each in ast.walk(node) if isinstance(each, ast.NamedExpr)]
    for each in inner:
        yield from _stored(each)


def _imported(node: ast.Import | ast.ImportFrom) -> list[tuple[str, ast.alias]]:
    return [(each.asname or each.name.partition(".")[0], each) for each in node.names]


def _outer(node: _Function | ast.ClassDef) -> list[ast.AST]:
    """Return those parts of a definition that are evaluated in the scope around it."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    return [*node.decorator_list, *_defaults(node.args)]


def _defaults(args: ast.arguments) -> list[ast.AST]:
    return [each for each in (*args.defaults, *args.kw_defaults) if each is not None]


def _given(owner: ast.FunctionDef | ast.ClassDef) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names that a function or class has before its body, and those bound from within."""
    # Python 3.12 has type parameters.
    for each in getattr(owner, "type_params", []):
        yield each.name, each
    if isinstance(owner, ast.ClassDef):
        return
    args = owner.args
    for arg in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg):
        if arg is not None:
            yield arg.arg, arg
    for each in ast.walk(owner):
        if isinstance(each, ast.Nonlocal):
            yield from ((name, each) for name in each.names)
