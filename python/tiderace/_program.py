"""`tr.program`: a typed subset of Python, compiled, metered, and the same everywhere.

A program is read from its text and checked; the text is never executed here. What comes out is the
intermediate form (`docs/PROGRAM.md`), which the core verifies again before it runs it. The same
program also runs as plain Python, line by line under a debugger, with the same results, traps and
fuel.
"""

import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from tiderace import _core
from tiderace._programs import arguments
from tiderace._programs.assemble import tree_of_file, tree_of_object
from tiderace._programs.conditions import hosts_of
from tiderace._programs.emit import form
from tiderace._programs.plain import Plain, zero
from tiderace._programs.source import Source, text_of
from tiderace._programs.state import pack, unpack
from tiderace._programs.tree import Function, Param, Tree
from tiderace._programs.words import FUEL_MAX, NAMES, name_of
from tiderace.errors import ArgumentError, ProgramError, Trapped

_Host = Callable[..., Any]


class Program:
    """A checked program.

    Attributes
    ----------
    name, file
        What it is called, and the file it comes from.
    ir
        The intermediate form, with the positions of its statements behind it.
    hash
        Its identity in hex: comments and layout make no difference to it.
    capabilities
        What it may ask of its host.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.name = tree.name
        self.file = tree.file
        self.capabilities = tree.capabilities
        self.ir = form(tree)
        functions = [
            (
                host.name,
                host.capability,
                [_core_name(kind) for kind in host.params],
                None if host.result is None else _core_name(host.result),
                host.fuel,
            )
            for host in hosts_of(tree.meta).values()
        ]
        try:
            self._core = _core.Program(self.ir, functions=functions, grants=list(tree.capabilities))
        except _core.ProgramFault as fault:
            raise self._refused(fault) from None
        self.hash = self._core.hash

    def __repr__(self) -> str:
        return f"<program {self.name} {self.hash[:12]}>"

    def __call__(self, *args: Any) -> Any:
        """Run it as plain Python, without a limit, and return its result."""
        return self.run_python(*args)[0]

    @property
    def params(self) -> tuple[Param, ...]:
        """What it says of its parameters."""
        return self._tree.param_decls

    @property
    def entries(self) -> dict[str, str]:
        """Names of what may be called, each with its arguments and result."""
        return {entry.name: _signature(entry) for entry in self._tree.entries}

    @property
    def state(self) -> dict[str, str]:
        """Fields of its state, each with its type."""
        record = self._tree.state
        return {} if record is None else {name: name_of(kind) for name, kind in record.fields}

    def run_python(
        self,
        *args: Any,
        fuel: int | None = None,
        entry: str | None = None,
        params: Mapping[str, Any] | None = None,
        state: "bytearray | None" = None,
        host: _Host | None = None,
    ) -> tuple[Any, int]:
        """Run it as plain Python.

        Parameters
        ----------
        *args
            Arguments: whole ticks, lots and units for `Price`, `Qty`, `Amount`; lists for arrays.
        fuel
            How much it may use; without it, as much as it needs.
        entry
            Which method, where a class has more than one.
        params
            Parameters by name; what is not given is its default.
        state
            Its state, changed in place when the call comes to its end; zero where there is none.
        host
            Answers what it asks: called with the name and the arguments.

        Returns
        -------
        tuple
            The result, and the fuel used.

        Raises
        ------
        Trapped
            It was stopped.
        ArgumentError
            Arguments are of another number, type or range than declared.
        """
        called = self._entry(entry)
        given = arguments.taken(called, args)
        limit = FUEL_MAX if fuel is None else arguments.fuel_of(fuel)
        tree = self._tree
        kinds = [kind for _, kind in called.locals[: called.params]]
        parameters = self._params(params)
        kept = None
        if tree.state is not None:
            kept = zero(tree.state) if state is None else unpack(tree.state, self._state(state))
        result, used = self._plain.run(
            called,
            [arguments.held(kind, value) for kind, value in zip(kinds, given, strict=True)],
            fuel=limit,
            params=None if tree.params is None else arguments.held(tree.params, parameters),
            state=kept,
            host=host,
        )
        if state is not None and tree.state is not None:
            state[:] = pack(tree.state, kept)
        return (None if called.result is None else arguments.released(called.result, result)), used

    def run_compiled(
        self,
        *args: Any,
        fuel: int,
        entry: str | None = None,
        params: Mapping[str, Any] | None = None,
        state: "bytearray | None" = None,
        host: _Host | None = None,
    ) -> tuple[Any, int]:
        """Run it as metered machine code; arguments and errors as of `run_python`."""
        return self._run("compiled", args, fuel, entry, params, state, host)

    def run_interpreted(
        self,
        *args: Any,
        fuel: int,
        entry: str | None = None,
        params: Mapping[str, Any] | None = None,
        state: "bytearray | None" = None,
        host: _Host | None = None,
    ) -> tuple[Any, int]:
        """Run it by the core's interpreter; arguments and errors as of `run_python`."""
        return self._run("interpreted", args, fuel, entry, params, state, host)

    def new_state(self) -> bytearray:
        """Return a new state: all zero, as a flat record."""
        return bytearray(self._core.state_bytes)

    def read_state(self, state: bytes | bytearray) -> dict[str, Any]:
        """Return a state's fields by name."""
        record = self._tree.state
        if record is None:
            return {}
        plain = arguments.released(record, unpack(record, self._state(state)))
        shown: dict[str, Any] = arguments.shown_as(record, plain)
        return shown

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints of it."""
        return {
            "name": self.name,
            "file": self.file,
            "hash": self.hash,
            "ir_bytes": len(self.ir),
            "capabilities": list(self.capabilities),
            "entries": self.entries,
            "params": [
                {
                    "name": param.name,
                    "type": name_of(param.kind),
                    "default": param.default,
                    "minimum": param.minimum,
                    "maximum": param.maximum,
                    "unit": param.unit,
                }
                for param in self.params
            ],
            "state": self.state,
            "state_bytes": self._core.state_bytes,
        }

    @cached_property
    def _plain(self) -> Plain:
        return Plain(self._tree)

    def _run(
        self,
        engine: str,
        args: Sequence[Any],
        fuel: int,
        entry: str | None,
        params: Mapping[str, Any] | None,
        state: "bytearray | None",
        host: _Host | None,
    ) -> tuple[Any, int]:
        called = self._entry(entry)
        given = arguments.taken(called, args)
        parameters = self._params(params)
        trap, line, result, used, _, after = self._core.run(
            engine,
            called.name,
            given,
            fuel=arguments.fuel_of(fuel),
            params=None if self._tree.params is None else parameters,
            state=None if state is None else self._state(state),
            host=host,
        )
        if trap is not None:
            raise Trapped(trap, fuel_used=used, line=line)
        if state is not None:
            state[:] = after
        return result, used

    def _entry(self, name: str | None) -> Function:
        entries = self._tree.entries
        if name is None and len(entries) == 1:
            return entries[0]
        for entry in entries:
            if entry.name == name:
                return entry
        raise ArgumentError(
            "no entry is named" if name is None else f"entry = {name!r}",
            rule=f"{self.name} has {', '.join(entry.name for entry in entries)}",
            remedy="Name one of them",
        )

    def _params(self, given: Mapping[str, Any] | None) -> list[Any]:
        return arguments.params_of(self._tree.param_decls, given or {})

    def _state(self, state: bytes | bytearray) -> bytes:
        if not isinstance(state, bytes | bytearray) or len(state) != self._core.state_bytes:
            raise ArgumentError(
                "a state of another length",
                rule=f"The state of {self.name} has {self._core.state_bytes} bytes",
                remedy="Begin with new_state()",
            )
        return bytes(state)

    def _refused(self, fault: Exception) -> ProgramError:
        """Return what the core's verifier says as an error of the source."""
        text, line, column = (*fault.args, None, None)[:3]
        return ProgramError(
            f"the core refuses it: {text}",
            reason="limit" if "the limit is" in text else "verify",
            file=self.file,
            line=line or 1,
            column=column or 1,
            rule="The core verifies every program again",
            remedy="Make it smaller, or simpler",
        )


class ProgramFace:
    """The decorator ``@tr.program``, and ``tr.program.from_source``."""

    @overload
    def __call__(self, target: Callable[..., Any] | type) -> Program: ...

    @overload
    def __call__(
        self, *, capabilities: Sequence[str] = (), meta: Mapping[str, str] | None = None
    ) -> "Callable[[Callable[..., Any] | type], Program]": ...

    def __call__(
        self,
        target: "Callable[..., Any] | type | None" = None,
        *,
        capabilities: Sequence[str] = (),
        meta: Mapping[str, str] | None = None,
    ) -> "Program | Callable[[Callable[..., Any] | type], Program]":
        """Check a function or class, and make it a program.

        Parameters
        ----------
        target
            The function, or the class.
        capabilities
            What it may ask of its host. The checker reads them, and `meta`, from the text.
        meta
            Words about it that its host gives a meaning.

        Raises
        ------
        ProgramError
            It is not of the language; names line and column.
        """
        del capabilities, meta
        return _of_object if target is None else _of_object(target)

    @staticmethod
    def from_source(text: str, *, file: str) -> Program:
        """Check the text of a program file. The text is never executed.

        Parameters
        ----------
        text
            The whole file.
        file
            Its name, for errors and positions.

        Raises
        ------
        ProgramError
            It is not of the language; names line and column.
        """
        if not isinstance(text, str) or not isinstance(file, str | Path):
            raise TypeError("from_source takes a str and file=..., the name of the file.")
        return _checked(lambda: tree_of_file(Source(text, file=str(file))), str(file))

    def load(self, path: str | Path) -> Program:
        """Check a program file.

        Raises
        ------
        ProgramError
            It cannot be read, or is not of the language; names line and column.
        """
        try:
            text = text_of(path)
        except (OSError, ValueError) as error:
            raise ProgramError(
                f"it cannot be read: {getattr(error, 'strerror', None) or error}",
                reason="file",
                file=str(path),
                line=1,
                column=1,
                rule="A program is a file of UTF-8 text",
                remedy="Correct the path",
            ) from None
        return self.from_source(text, file=str(path))


def _of_object(target: Callable[..., Any] | type) -> Program:
    if not isinstance(target, type) and not hasattr(target, "__code__"):
        raise TypeError(f"@tr.program stands before a function or class, not {target!r}.")
    code = getattr(target, "__code__", None)
    module = sys.modules.get(target.__module__)
    file = code.co_filename if code is not None else getattr(module, "__file__", None)
    lines = linecache.getlines(file or "", getattr(module, "__dict__", None))
    if not lines:
        raise ProgramError(
            f"the source of {target.__qualname__} is not there",
            reason="file",
            file=str(file),
            line=1,
            column=1,
            rule="A program is checked from its text",
            remedy="Write it to a file, or use tr.program.from_source(text, file=...)",
        )
    source = Source("".join(lines), file=str(file))
    line = code.co_firstlineno if code is not None else getattr(target, "__firstlineno__", 0)
    names = target.__qualname__.split(".")
    return _checked(lambda: tree_of_object(source, names, line), str(file))


def _checked(read: Callable[[], Tree], file: str) -> Program:
    """Return a program; where the caller left too little stack to check it, say so."""
    try:
        return Program(read())
    except RecursionError:
        raise ProgramError(
            "the stack is too small to check it here",
            reason="limit",
            file=file,
            line=1,
            column=1,
            rule="A program is checked with some hundred calls of stack to spare",
            remedy="Check it nearer to the start of your code",
        ) from None


def _signature(entry: Function) -> str:
    args = ", ".join(f"{name}: {name_of(kind)}" for name, kind in entry.locals[: entry.params])
    return f"({args}) -> {name_of(entry.result)}"


def _core_name(kind: Any) -> str:
    return NAMES[kind].removeprefix("tr.")


program = ProgramFace()
