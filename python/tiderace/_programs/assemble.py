"""A source to a checked tree: finds the program, its helpers, and the order of functions."""

import ast
from collections.abc import Iterator, Sequence

from tiderace._programs.conditions import CAPABILITIES, is_capability
from tiderace._programs.expressions import Program
from tiderace._programs.scope import Def, RecordClass, Scope, is_text, shown_code
from tiderace._programs.source import Source, shown
from tiderace._programs.statements import check_function
from tiderace._programs.tree import Function, Tree
from tiderace._programs.words import (
    CALL_DEPTH_MAX,
    CAPABILITIES_MAX,
    FUNCTIONS_MAX,
    META_MAX,
    PARAMS_MAX,
    Scalar,
    name_of,
)

_Node = ast.FunctionDef | ast.ClassDef


def tree_of_file(source: Source) -> Tree:
    """Check a program file: it holds one program and nothing that is none of it."""
    body = source.module.body
    scope = Scope(source, None)
    marked = [
        node
        for node in body
        if isinstance(node, _Node) and any(_is_mark(scope, each) for each in node.decorator_list)
    ]
    scope.check_all(body)
    if len(marked) != 1:
        raise source.error(
            marked[1] if marked else (1, 1),
            "program",
            f"{len(marked)} programs in one file" if marked else "no program in the file",
            rule="A program file holds one function or class with @tr.program",
            instead="Split the file" if marked else "Write @tr.program before the function",
        )
    helpers = [node for node in body if isinstance(node, ast.FunctionDef) and node is not marked[0]]
    return _Assembly(scope, marked[0]).tree(helpers)


def tree_of_object(source: Source, names: Sequence[str], line: int) -> Tree:
    """Check the program that a decorator met in a module, at a path of names and a line."""
    around: list[_Node] = []
    body = source.module.body
    for name in names:
        if name == "<locals>":
            continue
        near = [
            node
            for node in _nested(body)
            if isinstance(node, _Node) and node.name == name and _holds(node, line)
        ]
        if len(near) != 1:
            what = f"{names[-1]} is not in the source of its module"
            if near:
                what = f"{name} is there {len(near)} times in its module"
            raise source.error(
                near[1] if near else (max(line, 1), 1),
                "program",
                what,
                instead="Use tr.program.from_source(text, file=...)",
            )
        around.append(near[0])
        body = near[0].body
    return _Assembly(Scope(source, around[:-1]), around[-1]).tree([])


def _nested(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements and those in blocks of `if`, `with`, `try`; not those of functions."""
    for node in body:
        yield node
        if not isinstance(node, _Node | ast.AsyncFunctionDef):
            inner = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)]
            yield from _nested(inner)


def _holds(node: _Node, line: int) -> bool:
    """Return whether a line is one of a definition's; of a class Python may not say a line."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return not line or first <= line <= (node.end_lineno or first)


def _is_mark(scope: Scope, node: ast.expr) -> bool:
    return scope.tiderace_name(node.func if isinstance(node, ast.Call) else node) == "program"


class _Assembly:
    """Puts one program together."""

    def __init__(self, scope: Scope, node: _Node) -> None:
        self._scope = scope
        self._source = scope.source
        self._node = node
        self._program = Program(scope)
        self._nodes: dict[int, ast.FunctionDef] = {}

    def tree(self, helpers: Sequence[ast.FunctionDef]) -> Tree:
        node, program = self._node, self._program
        self._scope.check_name(node.name, node)
        self._mark()
        entries = self._entries()
        for helper in helpers:
            self._helper(helper.name, helper)
        order = self._ordered(entries)
        called = {id(callee) for function in order for callee in function.callees}
        for entry in entries:
            entry.is_alone = id(entry) not in called
        for function in order:
            check_function(program, function, self._nodes[id(function)])
        labels, imports = tuple(program.labels), tuple(program.imports)
        # Helpers that nothing calls are checked, and no part of the program.
        used = set(map(id, order))
        known = (*program.functions.values(), *program.methods.values())
        unused = [function for function in known if id(function) not in used]
        for function in self._ordered(unused):
            if id(function) not in used:
                check_function(program, function, self._nodes[id(function)])
        params = self._record("params")
        return Tree(
            name=node.name,
            file=self._source.file,
            meta=program.meta,
            capabilities=program.capabilities,
            labels=labels,
            params=params.record if params else None,
            param_decls=params.decls if params else (),
            state=program.state,
            imports=imports,
            functions=tuple(order),
            entries=tuple(entries),
        )

    # The decorator

    def _mark(self) -> None:
        decorators = self._node.decorator_list
        if len(decorators) != 1:
            raise self._source.error(
                decorators[0],
                "program",
                f"{self._node.name} has {len(decorators)} decorators",
                rule="@tr.program stands alone",
                instead="Remove the others",
            )
        mark = decorators[0]
        keywords = mark.keywords if isinstance(mark, ast.Call) else []
        words = {word.arg: word.value for word in keywords}
        if (isinstance(mark, ast.Call) and mark.args) or not set(words) <= {"capabilities", "meta"}:
            raise self._source.error(
                mark,
                "program",
                "@tr.program takes capabilities=[...] and meta={...}",
                instead="Write @tr.program or @tr.program(capabilities=['timer'])",
            )
        if "capabilities" in words:
            self._capabilities(words["capabilities"])
        if "meta" in words:
            self._program.meta = self._read_meta(words["meta"])

    def _capabilities(self, node: ast.expr) -> None:
        parts = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
        words = []
        for part in parts:
            word = part.value if isinstance(part, ast.Constant) else None
            if not isinstance(word, str) or not is_capability(word):
                raise self._source.error(
                    part,
                    "capability",
                    f"the capability {shown_code(part)}",
                    rule=f"Capabilities are {CAPABILITIES}",
                    instead="Write capabilities=['timer'], or leave it out",
                )
            words.append(word)
        if len(set(words)) > CAPABILITIES_MAX:
            what = f"{len(set(words))} capabilities; the limit is {CAPABILITIES_MAX}"
            raise self._source.error(node, "limit", what, instead="Write book:*")
        self._program.capabilities = tuple(sorted(set(words)))

    def _read_meta(self, node: ast.expr) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        if isinstance(node, ast.Dict) and len(node.keys) <= META_MAX:
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    word, text = key.value, value.value
                    if isinstance(word, str) and isinstance(text, str) and _is_word(word):
                        found[word] = text
            if len(found) == len(node.keys) and all(
                len(text.encode(errors="replace")) <= 255 for text in found.values()
            ):
                return tuple(sorted(found.items()))
        raise self._source.error(
            node,
            "program",
            "meta is a mapping of words to short texts",
            rule=f"At most {META_MAX} keys of a-z 0-9 _ . : * -, texts of at most 255 bytes",
            instead="Write meta={'valuation': 'worst_loss'}",
        )

    # Functions

    def _entries(self) -> list[Function]:
        node = self._node
        if isinstance(node, ast.FunctionDef):
            entry = self._signature(node, is_method=False)
            self._program.functions[node.name] = entry
            return [entry]
        for number, each in enumerate(node.body):
            if number == 0 and is_text(each):
                continue
            if isinstance(each, ast.FunctionDef) and not each.decorator_list:
                if each.name in self._program.methods:
                    what = f"the method {each.name!r} is there twice"
                    raise self._source.error(each, "name", what, instead="Choose another name")
                self._program.methods[each.name] = self._signature(each, is_method=True)
            elif not self._is_declared(each):
                raise self._source.error(
                    each,
                    "class",
                    "not a part of a program's class",
                    rule="It holds params: Params, state: State and methods without decorators",
                    instead="Move it to top level",
                )
        params, state = self._record("params"), self._record("state")
        self._program.params = params.record if params else None
        self._program.state = state.record if state else None
        entries = [f for name, f in self._program.methods.items() if not name.startswith("_")]
        if not entries or node.bases or node.keywords:
            raise self._source.error(
                node,
                "class",
                f"the program {node.name} has bases" if entries else f"{node.name} has no method",
                rule="A program's class has no bases and at least one method without _ in front",
                instead="Write class X: with def on_start(self) -> None:",
            )
        return sorted(entries, key=lambda entry: entry.name)

    def _is_declared(self, node: ast.stmt) -> bool:
        is_named = isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        return (
            is_named
            and isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id in ("params", "state")
            and node.value is None
        )

    def _record(self, name: str) -> RecordClass | None:
        """Return the record that the class declares as its params or state."""
        if not isinstance(self._node, ast.ClassDef):
            return None
        for each in self._node.body:
            if (
                isinstance(each, ast.AnnAssign)
                and isinstance(each.target, ast.Name)
                and each.target.id == name
            ):
                kind = each.annotation
                if isinstance(kind, ast.Name):
                    entity = self._scope.lookup(kind.id, kind)
                    if isinstance(entity, RecordClass):
                        if name == "state":
                            self._scope.check_zero(entity.record, each)
                        return entity
                raise self._source.error(
                    each,
                    "class",
                    f"{name} is no record",
                    instead=f"Write {name}: a class with @tr.record",
                )
        return None

    def _helper(self, name: str, node: ast.FunctionDef) -> Function:
        known = self._program.functions.get(name)
        if known is not None:
            return known
        if node.decorator_list:
            raise self._source.error(
                node.decorator_list[0],
                "unsupported",
                f"the helper {name} has a decorator",
                instead="Remove it",
            )
        if len(self._program.functions) == FUNCTIONS_MAX:
            what = f"more than {FUNCTIONS_MAX} functions"
            raise self._source.error(node, "limit", what, instead="Join some of them")
        function = self._signature(node, is_method=False)
        self._program.functions[name] = function
        return function

    def _signature(self, node: ast.FunctionDef, *, is_method: bool) -> Function:
        if not is_method:
            self._scope.check_name(node.name, node)
        elif node.name.startswith("__") or node.name in ("params", "state"):
            what = f"the method {node.name!r}"
            raise self._source.error(node, "attribute", what, instead="Choose another name")
        args = node.args
        plain = args.args
        if is_method:
            if not plain or plain[0].arg != "self" or plain[0].annotation is not None:
                what = f"the first argument of {node.name} is not self"
                raise self._source.error(node, "type", what, instead="Write def name(self, ...)")
            plain = plain[1:]
        if args.posonlyargs or args.kwonlyargs or args.vararg or args.kwarg or args.defaults:
            raise self._source.error(
                node,
                "unsupported",
                f"{node.name} has other arguments than plain ones",
                rule="Arguments are names with types, without defaults, / and *",
                instead="Write def f(a: int, b: tr.Price) -> int:",
            )
        if len(plain) > PARAMS_MAX:
            what = f"{node.name} has {len(plain)} arguments; the limit is {PARAMS_MAX}"
            raise self._source.error(node, "limit", what, instead="Pass a record")
        kept = []
        for arg in plain:
            self._scope.check_name(arg.arg, arg)
            kept.append((arg.arg, self._scope.kind(arg.annotation, arg, f"argument {arg.arg}")))
        function = Function(
            name=node.name,
            params=len(kept),
            locals=kept,
            result=self._result(node),
            is_method=is_method,
            at=self._source.at(node),
        )
        self._nodes[id(function)] = node
        return function

    def _result(self, node: ast.FunctionDef) -> Scalar | None:
        result = node.returns
        if result is None or (isinstance(result, ast.Constant) and result.value is None):
            return None
        kind = self._scope.kind(result, node, f"the result of {node.name}")
        if not isinstance(kind, Scalar):
            raise self._source.error(
                result,
                "type",
                f"{node.name} returns {name_of(kind)}",
                rule="A function returns one number or bool",
                instead="Pass the array or record as an argument and fill it in",
            )
        return kind

    # Order

    def _ordered(self, entries: Sequence[Function]) -> list[Function]:
        """Return functions so that each comes after those that it calls."""
        order: list[Function] = []
        depths: dict[int, int] = {}
        for entry in entries:
            path: list[Function] = []
            left: list[tuple[Function, Iterator[Function]]] = []
            if id(entry) not in depths:
                path.append(entry)
                left.append((entry, iter(self._callees(entry))))
            while left:
                function, callees = left[-1]
                callee = next(callees, None)
                if callee is None:
                    depth = 1 + max((depths[id(each)] for each in function.callees), default=0)
                    self._check_depth(function, depth)
                    depths[id(function)] = depth
                    order.append(function)
                    path.pop()
                    left.pop()
                elif callee in path:
                    self._refuse_recursion([*path[path.index(callee) :], callee])
                elif id(callee) not in depths:
                    path.append(callee)
                    left.append((callee, iter(self._callees(callee))))
        return order

    def _check_depth(self, function: Function, depth: int) -> None:
        if depth > CALL_DEPTH_MAX:
            raise self._source.error(
                function.at,
                "limit",
                f"{function.name} needs {depth} calls within calls",
                rule=f"Calls nest at most {CALL_DEPTH_MAX} deep",
                instead="Join some of the functions",
            )

    def _refuse_recursion(self, cycle: Sequence[Function]) -> None:
        raise self._source.error(
            cycle[0].at,
            "recursion",
            f"{' calls '.join(shown(function.name) for function in cycle[:8])}",
            rule="A function does not come to call itself",
            instead="Write a loop with a bound",
        )

    def _callees(self, function: Function) -> Sequence[Function]:
        """Return what a function calls, in the order of the text."""
        node = self._nodes[id(function)]
        found: list[Function] = []
        calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
        for call in sorted(calls, key=lambda each: (each.lineno, each.col_offset)):
            callee = self._callee(call.func, function)
            if callee is not None and callee not in found:
                found.append(callee)
        function.callees = found
        return found

    def _callee(self, func: ast.expr, caller: Function) -> Function | None:
        if isinstance(func, ast.Name):
            entity = self._scope.lookup(func.id, func)
            if isinstance(entity, Def) and isinstance(entity.node, ast.FunctionDef):
                return self._helper(func.id, entity.node)
        elif (
            isinstance(func, ast.Attribute)
            and isinstance(func.value, ast.Name)
            and func.value.id == "self"
            and caller.is_method
        ):
            return self._program.methods.get(func.attr)
        return None


def _is_word(text: str) -> bool:
    return 0 < len(text) <= 64 and set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.:*-")
