"""What the language leaves out: what to call it, and what to write instead."""

import ast

_EXCEPTIONS = ("exceptions are", "Test before you compute; overflow, bad index and division trap")
_MEMORY = ("dynamic memory is", "Declare an array of fixed length: a: tr.Array[int, 8]")
_FUNCTIONS = ("functions as values are", "Write a helper function at top level and call it by name")
_ASYNC = ("async code is", "Write a plain function; the engine wakes the program")

LEFT_OUT: dict[type[ast.AST], tuple[str, str]] = {
    ast.Import: (
        "an import is",
        "Only import tiderace as tr and from tiderace import model, at top",
    ),
    ast.ImportFrom: (
        "an import is",
        "Only import tiderace as tr and from tiderace import model, at top",
    ),
    ast.Try: _EXCEPTIONS,
    ast.Raise: _EXCEPTIONS,
    ast.Assert: _EXCEPTIONS,
    ast.With: ("with is", "Write the statements one after the other"),
    ast.Delete: ("del is", "Leave the variable; set an element to 0"),
    ast.Global: ("global is", "Keep what lasts in the state record, or pass it as an argument"),
    ast.Nonlocal: ("nonlocal is", "Pass the value as an argument and return the new one"),
    ast.Lambda: _FUNCTIONS,
    ast.FunctionDef: ("a function in a function is", "Move it to top level"),
    ast.ClassDef: ("a class in a function is", "Declare a record at top level with @tr.record"),
    ast.AsyncFunctionDef: _ASYNC,
    ast.AsyncFor: _ASYNC,
    ast.AsyncWith: _ASYNC,
    ast.Await: _ASYNC,
    ast.Yield: _FUNCTIONS,
    ast.YieldFrom: _FUNCTIONS,
    ast.Match: ("match is", "Write if, elif, else"),
    ast.ListComp: _MEMORY,
    ast.SetComp: _MEMORY,
    ast.DictComp: _MEMORY,
    ast.GeneratorExp: _MEMORY,
    ast.List: _MEMORY,
    ast.Set: _MEMORY,
    ast.Dict: _MEMORY,
    ast.Tuple: ("a tuple is", "Write one assignment for each value, or a record"),
    ast.Starred: ("* before a value is", "Write the arguments one by one"),
    ast.JoinedStr: ("text is", "Use a whole number or a member of a tr.Enum"),
    ast.NamedExpr: (":= is", "Assign in a statement of its own before"),
    ast.Slice: ("a slice is", "Loop over the index; a[:] = b copies a whole array"),
}


def left_out(node: ast.AST) -> tuple[str, str]:
    """Return what is not allowed at a node, as the start of a sentence, and what to write."""
    found = LEFT_OUT.get(type(node))
    if found is not None:
        return f"{found[0]} not part of the language", found[1]
    # Newer Pythons have nodes that older ones do not: try*, type parameters, templates.
    return f"{type(node).__name__} is not part of the language", "Write it with if, while and for"
