"""Algorithms: programs that work a parent order, found by name or file, checked and described.

The contract is `docs/ALGO.md`. A file is read as text and compiled; it is never imported. What is
wrong with it as an algorithm (an entry that the desk does not have, a word of `meta` that it does
not know) is refused here, before a run folder exists; the core checks the form again.
"""

import ast
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from tiderace import _algo_params
from tiderace._program import Program, program
from tiderace._programs import arguments
from tiderace._programs.emit import core_end, form
from tiderace._programs.source import text_of
from tiderace._programs.state import pack
from tiderace._programs.tree import Function, Param
from tiderace._programs.words import Scalar, name_of
from tiderace.errors import InputError, ProgramError

SUFFIX = ".py"
CONTROLS: dict[str, tuple[str, ...]] = {
    "limit": ("limit",),
    "would": ("would", "would_qty"),
    "participation": ("max_participation",),
    "clip": ("clip_min", "clip_max"),
    "end": ("duration", "at_end"),
    "gates": ("spread_max", "range_max"),
}
"""Words of `controls`, each with the keys of a config that it is about."""
KEYS = ("algo", "side", "order_qty", "start", "instruments")
"""Keys that every algorithm has."""
KINDS = ("parent", "two_sided")
ON_STOP = ("cancel", "leave", "twap")
FUEL, CHILDREN = 1_000_000, 10_000
_FUEL_MAX, _CHILDREN_MAX = 100_000_000, 10_000_000
_META = ("name", "kind", "controls", "on_stop", "fuel", "children")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_NAMED = re.compile(r'meta=\{\s*"name":\s*"([a-z0-9_]+)"')
_ENTRIES: dict[str, tuple[Scalar, ...]] = {
    "on_start": (),
    "on_timer": (),
    "on_book": (Scalar.INT,),
    "on_trade": (Scalar.INT, Scalar.PRICE, Scalar.QTY, Scalar.BOOL),
    "on_fill": (Scalar.INT, Scalar.INT, Scalar.PRICE, Scalar.QTY),
    "on_child": (Scalar.INT,),
}
_ARGUMENTS = {
    "on_start": "(self)",
    "on_timer": "(self)",
    "on_book": "(self, venue: int)",
    "on_trade": "(self, venue: int, price: tr.Price, qty: tr.Qty, is_buy: bool)",
    "on_fill": "(self, venue: int, child: int, price: tr.Price, qty: tr.Qty)",
    "on_child": "(self, child: int)",
}


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A checked algorithm.

    Attributes
    ----------
    name, kind, controls, on_stop, fuel, children
        What its `meta` says, or what holds without it.
    program
        The program.
    source
        The text of its file.
    """

    name: str
    kind: str
    controls: tuple[str, ...]
    on_stop: str
    fuel: int
    children: int
    program: Program
    source: str

    @property
    def params(self) -> tuple[Param, ...]:
        """What it says of its parameters."""
        return self.program.params

    @property
    def form(self) -> bytes:
        """Its form with positions; the file goes by its name alone, wherever it lies."""
        return form(replace(self.program._tree, file=Path(self.program.file).name))

    @property
    def core_form(self) -> bytes:
        """Its form without positions: what its hash is of."""
        return self.program.ir[: core_end(self.program.ir)]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of `[parent]` that mean something for it, its own parameters last."""
        words = [word for word in self.controls if word != "would" or self.kind == "parent"]
        common = [key for key in KEYS if key != "side" or self.kind == "parent"]
        common += [key for word in words for key in CONTROLS[word]]
        return (*common, *(param.name for param in self.params))

    def packed(self, given: Mapping[str, Any], *, base_decimals: int, key: str) -> bytes:
        """Return parameters as the core holds them: one flat record.

        Raises
        ------
        InputError
            One is missing, of another type, or out of its range.
        """
        record = self.program._tree.params
        values = _algo_params.taken(self.params, given, base_decimals=base_decimals, key=key)
        return b"" if record is None else pack(record, arguments.held(record, values))

    def said(self, given: Mapping[str, Any], *, base_decimals: int, key: str) -> dict[str, Any]:
        """Return every parameter as a config writes it, those that were not given too."""
        values = _algo_params.taken(self.params, given, base_decimals=base_decimals, key=key)
        return {
            param.name: _algo_params.said(param, value, base_decimals=base_decimals)
            for param, value in zip(self.params, values, strict=True)
        }

    def doc(self) -> str:
        """Return what its file says of it at the top; without it, what its class says."""
        tree = ast.parse(self.source)
        classes = [each for each in tree.body if isinstance(each, ast.ClassDef)]
        named = [each for each in classes if each.name == self.program.name]
        return ast.get_docstring(tree) or next(
            (text for each in named if (text := ast.get_docstring(each))), ""
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints of it."""
        return {
            "name": self.name,
            "about": first_sentence(self.doc()),
            "kind": self.kind,
            "controls": list(self.controls),
            "on_stop": self.on_stop,
            "fuel": self.fuel,
            "children": self.children,
            "params": [_param_dict(param) for param in self.params],
            "entries": list(self.program.entries),
            "capabilities": list(self.program.capabilities),
            "hash": self.program.hash,
            "form_bytes": len(self.core_form),
            "file": Path(self.program.file).name,
        }


def names() -> list[str]:
    """Return the names of the algorithms that are shipped."""
    return sorted(_shipped())


@lru_cache(maxsize=1)
def _shipped() -> dict[str, tuple[str, str]]:
    """Return the file of each shipped algorithm and its text, by its name.

    The name is read before anything is compiled: whoever wants one algorithm pays for one.
    """
    found = {}
    for each in files("tiderace.algo").iterdir():
        if each.name.endswith(SUFFIX) and not each.name.startswith("_"):
            text = each.read_text(encoding="utf-8")
            named = _NAMED.search(text)
            name = named[1] if named else each.name.removesuffix(SUFFIX)
            found[name] = f"tiderace/algo/{each.name}", text
    return found


def is_file(name: str) -> bool:
    """Return whether an algorithm is named by a file."""
    return name.endswith(SUFFIX)


def find(name: str, *, key: str = "algo") -> Algorithm:
    """Return an algorithm by its name or the path of its file.

    Parameters
    ----------
    name
        A shipped one's name, or a path that ends in ``.py``.
    key
        Who asks, for messages.

    Raises
    ------
    InputError
        There is none of that name, or the file cannot be read.
    ProgramError
        The file is no algorithm; names line and column.
    """
    if is_file(name):
        try:
            text = text_of(name)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InputError(
                f"{key} = {name!r} cannot be read: {why}",
                rule="An algorithm of your own is a file of UTF-8 text, named from the config",
                remedy="Correct the path",
            ) from None
        return from_source(text, file=name)
    shipped = _shipped()
    if name not in shipped:
        near = difflib.get_close_matches(name, shipped, n=1, cutoff=0.5)
        known = f"Did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"{key} = {name!r}",
            rule="An algorithm is a shipped one, or a path that ends in .py",
            remedy=f"{known}Known: {', '.join(sorted(shipped))}",
        )
    file, text = shipped[name]
    found = from_source(text, file=file)
    assert found.name == name, "a shipped algorithm is found by the name that it states"
    return found


@lru_cache(maxsize=64)
def from_source(text: str, *, file: str) -> Algorithm:
    """Check the text of an algorithm's file. The text is never executed.

    Raises
    ------
    ProgramError
        It is no program, or no algorithm; names line and column.
    """
    made = program.from_source(text, file=file)
    meta = dict(made._tree.meta)
    _check_entries(made)
    _check_params(made)
    for word in meta:
        if word not in _META:
            raise _refused(made, f"meta has {word!r}", f"It has {', '.join(_META)}", "Remove it")
    name = meta.get("name", made.name.lower())
    if not _NAME.match(name):
        rule = "A name is a letter and up to 31 letters, digits and _, all lower case"
        raise _refused(made, f"the name {name!r}", rule, "Give it one: meta={'name': 'mine'}")
    controls = tuple(meta["controls"].split()) if "controls" in meta else tuple(CONTROLS)
    for word in controls:
        _one_of(made, "controls", word, CONTROLS)
    kind = _one_of(made, "kind", meta.get("kind", KINDS[0]), KINDS)
    on_stop = _one_of(made, "on_stop", meta.get("on_stop", ON_STOP[0]), ON_STOP)
    if (kind, on_stop) == ("two_sided", "twap"):
        rule = "TWAP works one side"
        raise _refused(made, "meta on_stop = 'twap' of both sides", rule, "Write 'cancel'")
    return Algorithm(
        name=name,
        kind=kind,
        controls=tuple(word for word in CONTROLS if word in controls),
        on_stop=on_stop,
        fuel=_whole(made, meta, "fuel", FUEL, _FUEL_MAX),
        children=_whole(made, meta, "children", CHILDREN, _CHILDREN_MAX),
        program=made,
        source=text,
    )


def first_sentence(doc: str) -> str:
    """Return the first sentence of a docstring, on one line."""
    text = " ".join(doc.split("\n\n", 1)[0].split())
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def _check_entries(made: Program) -> None:
    entries = {entry.name: entry for entry in made._tree.entries}
    for name, entry in entries.items():
        if name not in _ENTRIES:
            near = difflib.get_close_matches(name, _ENTRIES, n=1, cutoff=0.6)
            remedy = f"Did you mean {near[0]!r}?" if near else "Put _ before a method of its own"
            rule = f"The desk calls {', '.join(_ENTRIES)}"
            raise _refused(made, f"the entry {name!r}", rule, remedy, entry)
        kinds = tuple(kind for _, kind in entry.locals[: entry.params])
        if kinds != _ENTRIES[name] or entry.result is not None:
            said = ", ".join(
                ["self", *(f"{n}: {name_of(k)}" for n, k in entry.locals[: len(kinds)])]
            )
            rule = f"The desk calls {name}{_ARGUMENTS[name]} -> None"
            remedy = f"Write def {name}{_ARGUMENTS[name]} -> None:"
            raise _refused(made, f"{name}({said}) -> {name_of(entry.result)}", rule, remedy, entry)
        if name in ("on_book", "on_trade") and "book:*" not in made.capabilities:
            rule = f"{name} needs the capability 'book:*'"
            raise _refused(made, f"the entry {name!r}", rule, "Add it to capabilities", entry)
    if "on_start" not in entries:
        rule, remedy = "An algorithm begins with on_start", "Write def on_start(self) -> None:"
        raise _refused(made, f"{made.name} has no on_start", rule, remedy)


def _check_params(made: Program) -> None:
    common = {*KEYS, *(key for keys in CONTROLS.values() for key in keys)}
    for param in made.params:
        if param.name in common:
            rule = f"{param.name} is a key that every algorithm has"
            raise _refused(made, f"the parameter {param.name!r}", rule, "Choose another name")
        if not _algo_params.fits_unit(param):
            what = f"the parameter {param.name}: {name_of(param.kind)} with the unit {param.unit!r}"
            rule = "share, bp, ns, count, venue, weight: int; base: tr.Amount; there is no other"
            raise _refused(made, what, rule, "Correct the unit, or leave it out")


def _one_of(made: Program, key: str, word: str, known: Any) -> str:
    if word not in known:
        rule = f"It is {'of' if key == 'controls' else 'one of'} {', '.join(known)}"
        raise _refused(made, f"meta {key} = {word!r}", rule, "Use what it knows")
    return word


def _whole(made: Program, meta: Mapping[str, str], key: str, absent: int, most: int) -> int:
    text = meta.get(key, str(absent))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        rule = f"It is a whole number between 1 and {most:,}"
        raise _refused(
            made, f"meta {key} = {meta[key]!r}", rule, f"Write '{absent}', or leave it out"
        )
    return int(text)


def _refused(
    made: Program, what: str, rule: str, remedy: str, entry: Function | None = None
) -> ProgramError:
    line, column = entry.at if entry is not None else _place(made)
    return ProgramError(
        what,
        reason="algorithm",
        file=made.file,
        line=line,
        column=column,
        rule=rule,
        remedy=remedy,
    )


def _place(made: Program) -> tuple[int, int]:
    """Return where a program's first function begins: what has no place of its own is near it."""
    return min(entry.at for entry in made._tree.entries)


def _param_dict(param: Param) -> dict[str, Any]:
    bounds = _algo_params.range_of(param)
    low, high = (_algo_params.bound_said(param, each, base_decimals=None) for each in bounds)
    default = _algo_params.said(param, _algo_params.default_of(param), base_decimals=None)
    return {
        "name": param.name,
        "type": name_of(param.kind),
        "unit": param.unit,
        "default": default,
        "minimum": low,
        "maximum": high,
    }
