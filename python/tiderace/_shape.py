"""Plain tables against declared types: unknown keys, floats, overrides, usable messages.

Owns no key of the config: it reads the msgspec structs that `tiderace.config` declares.
"""

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from tiderace.errors import InputError

DECIMAL_REMEDY = 'Write it as a string holding a decimal, e.g. "0.003"'


def check_shape(raw: Any, kind: Any, path: str = "") -> None:
    """Refuse floats and unknown keys, which msgspec would name less well."""
    kind = _arm(kind, raw)
    if isinstance(raw, float):
        raise _float_error(path, raw)
    if isinstance(raw, bool) and kind is Decimal:
        raise InputError(
            f"{path} = {str(raw).lower()} is a boolean",
            rule="A decimal belongs here",
            remedy=DECIMAL_REMEDY,
        )
    if isinstance(raw, Mapping):
        for key, value in raw.items():
            here = f"{path}.{key}" if path else key
            if _is_struct(kind) and key not in _fields(kind):
                raise unknown_key(here, key, sorted(_fields(kind)))
            check_shape(value, _kind_of(kind, key), here)
    elif isinstance(raw, list):
        for i, value in enumerate(raw):
            check_shape(value, _row_kind(kind), f"{path}[{i}]")


def input_error(text: str, raw: Mapping[str, Any], kind: Any) -> InputError:
    """Turn msgspec's words about ``raw``, meant as ``kind``, into value, rule and remedy."""
    rule, _, at = text.partition(" - at `$")
    path = at.rstrip("`").lstrip(".")
    missing = re.fullmatch(r"Object missing required field `(.+)`", rule)
    if missing:
        key = f"{path}.{missing[1]}".lstrip(".")
        if not path and _is_struct(_kind_of(kind, key)):
            return InputError(
                f"section [{key}] is missing",
                rule="A config has it",
                remedy="Add it, as in examples/twap_three_books.toml",
            )
        return InputError(f"{key} is missing", rule="It has no default", remedy=f"Add {key}")
    value: Any = raw
    try:
        for step in re.findall(r"[^.\[\]]+", path):
            is_row = isinstance(value, list)
            kind = _row_kind(kind) if is_row else _kind_of(kind, step)
            value = value[int(step)] if is_row else value[step]
            kind = _arm(kind, value)
    except (KeyError, ValueError, IndexError):
        return InputError(f"{path} is wrong", rule=rule, remedy=_remedy(rule))
    if typing.get_origin(kind) is Literal:
        choices = ", ".join(map(str, typing.get_args(kind)))
        return InputError(
            f"{path} = {value!r}",
            rule="It is one of those that this build has",
            remedy=f"Use one of {choices}",
        )
    return InputError(f"{path} = {value!r}", rule=rule, remedy=_remedy(rule))


def unknown_key(path: str, key: str, known: list[str]) -> InputError:
    """Return the error for a key that nobody declared, with the nearest that somebody did."""
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}"
    return InputError(f"unknown key {path!r}", rule="A key is one of the known ones", remedy=remedy)


def overridden(raw: Mapping[str, Any], kind: Any, changes: Mapping[str, object]) -> dict[str, Any]:
    """Return a copy of ``raw`` with dotted keys replaced; ``None`` and ``""`` remove a key."""
    plain = typing.cast("dict[str, Any]", _copied(raw))
    for dotted, value in changes.items():
        if isinstance(value, float):
            raise _float_error(dotted, value)
        *steps, last = dotted.split(".")
        here, here_kind = plain, kind
        for step in steps:
            here, here_kind = _step(here, here_kind, step, dotted)
        if not isinstance(here, dict):
            raise _row_error(here, last, dotted)
        if value is None or value == "":
            here.pop(last, None)
        else:
            here[last] = _typed(value, _kind_of(here_kind, last))
    return plain


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _step(here: Any, kind: Any, step: str, dotted: str) -> tuple[Any, Any]:
    """Go one step of a dotted key down; rows are named by number, venue, symbol or venue:symbol."""
    if isinstance(here, dict):
        inner = here.setdefault(step, {})
        return inner, _arm(_kind_of(kind, step), inner)
    rows = here if isinstance(here, list) else []
    hits = [row for i, row in enumerate(rows) if step in (str(i), *_names(row))]
    if len(hits) != 1:
        raise _row_error(here, step, dotted)
    return hits[0], _row_kind(kind)


def _names(row: Any) -> tuple[str, ...]:
    if not isinstance(row, dict):
        return ()
    venue, symbol = row.get("venue", ""), row.get("symbol", "")
    return (f"{venue}:{symbol}", venue, symbol)


def _row_error(rows: Any, step: str, dotted: str) -> InputError:
    known = [_names(row)[0] for row in rows if _names(row)] if isinstance(rows, list) else []
    return InputError(
        f"{dotted}: {step!r} does not name one row",
        rule="A row is named by its number, or by venue:symbol, and a key follows it",
        remedy=f"Known: {', '.join(known)}" if known else "Correct the key",
    )


def _typed(value: object, kind: Any) -> object:
    """Read a command line's text as TOML where it is; else, and where text belongs, as text."""
    if isinstance(value, Decimal):
        return str(value)
    if not isinstance(value, str):
        return value
    try:
        # A number that is not whole stays the text that it is: no float comes of it.
        read = tomllib.loads(f"value = {value}", parse_float=str)
    except tomllib.TOMLDecodeError:
        return value
    kind = _arm(kind, read["value"])
    base = typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind
    is_text = base in (str, Decimal) or typing.get_origin(kind) is Literal
    is_bare = not isinstance(read["value"], str | dict | list)
    return value if len(read) > 1 or (is_text and is_bare) else read["value"]


def _float_error(path: str, value: float) -> InputError:
    return InputError(
        f"{path} = {value} is a float",
        rule="A number that is not whole is a decimal, never a float",
        remedy=f'Write it as a string: "{value}"',
    )


def _remedy(rule: str) -> str:
    if "decimal" in rule.lower():
        return DECIMAL_REMEDY
    return "Correct the value"


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _fields(kind: Any) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def _kind_of(kind: Any, key: str) -> Any:
    """Return the declared type of a key, or `None` where nothing is declared."""
    if _is_struct(kind):
        return _fields(kind).get(key)
    arms = typing.get_args(kind)
    return arms[1] if len(arms) == 2 else None


def _row_kind(kind: Any) -> Any:
    arms = typing.get_args(kind)
    return arms[0] if len(arms) == 1 else None


def _arm(kind: Any, raw: Any) -> Any:
    """Return the arm of a union that ``raw`` is meant for: a table's, or the first other."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    arms = [arm for arm in typing.get_args(kind) if arm is not type(None)]
    is_table = isinstance(raw, Mapping)
    return next((arm for arm in arms if _is_table(arm) == is_table), arms[0])


def _is_table(kind: Any) -> bool:
    return _is_struct(kind) or typing.get_origin(kind) is dict
