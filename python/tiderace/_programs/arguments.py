"""What goes into a program and comes out: whole numbers for units, lists for arrays and records."""

from collections.abc import Mapping, Sequence
from typing import Any

from tiderace._programs.plain import Held, zero
from tiderace._programs.source import shown
from tiderace._programs.tree import Function, Param
from tiderace._programs.values import _Whole
from tiderace._programs.words import FUEL_MAX, Array, Record, Scalar, Type, bits, fits, name_of
from tiderace.errors import ArgumentError


def taken(entry: Function, args: Sequence[Any]) -> list[Any]:
    """Return arguments as the core takes them.

    Raises
    ------
    ArgumentError
        There are more or fewer than declared, or one is not of its type or beyond its range.
    """
    declared = entry.locals[: entry.params]
    if len(args) != len(declared):
        names = ", ".join(f"{name}: {name_of(kind)}" for name, kind in declared)
        raise ArgumentError(
            f"{entry.name} is called with {len(args)} arguments",
            rule=f"It takes {len(declared)}: ({names})",
            remedy="Give each of them once, by position",
        )
    return [one(kind, arg, name) for (name, kind), arg in zip(declared, args, strict=True)]


def fuel_of(fuel: object) -> int:
    """Return an amount of fuel: a whole number, not below zero."""
    if isinstance(fuel, bool) or not isinstance(fuel, int) or fuel < 0:
        raise ArgumentError(
            f"fuel = {shown(fuel)}",
            rule="Fuel is a whole number, zero or more",
            remedy="Write fuel=100_000",
        )
    return min(fuel, FUEL_MAX)


def one(kind: Type, value: Any, name: str) -> Any:
    """Return one value as the core takes it."""
    if isinstance(kind, Array):
        return _array(kind, value, name)
    if isinstance(kind, Record):
        return _record(kind, value, name)
    if isinstance(value, _Whole) and value.kind == kind:
        return int(value)
    if kind == Scalar.FLOAT:
        return _float(value, name)
    if kind == Scalar.BOOL:
        if isinstance(value, bool):
            return value
    elif isinstance(value, int) and not isinstance(value, bool):
        if fits(kind, value):
            return int(value)
        raise ArgumentError(
            f"{name} = {shown(value)}",
            rule=f"{name_of(kind)} holds {bits(kind)} bits",
            remedy="Give a smaller number",
        )
    raise _refused(kind, value, name)


def _float(value: Any, name: str) -> float:
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53:
        return float(value)
    raise _refused(Scalar.FLOAT, value, name)


def _refused(kind: Type, value: Any, name: str) -> ArgumentError:
    what = "a whole number" if kind not in (Scalar.BOOL, Scalar.FLOAT) else f"a {name_of(kind)}"
    unit = {
        Scalar.PRICE: " of ticks",
        Scalar.QTY: " of lots",
        Scalar.AMOUNT: " of base units",
        Scalar.RATE: " of 1e-18",
    }
    asked = unit.get(kind, "") if isinstance(kind, Scalar) else ""
    return ArgumentError(
        f"{name} = {shown(value)} is a {type(value).__name__}",
        rule=f"{name} is {name_of(kind)}",
        remedy=f"Give {what}{asked}",
    )


def _array(kind: Array, value: Any, name: str) -> list[Any]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise _list_needed(kind, value, name)
    if len(value) != kind.length:
        raise ArgumentError(
            f"{name} has {len(value)} elements",
            rule=f"{name} is {name_of(kind)}",
            remedy=f"Give {kind.length} elements",
        )
    return [one(kind.element, each, f"{name}[{n}]") for n, each in enumerate(value)]


def _record(kind: Record, value: Any, name: str) -> list[Any]:
    names = [field for field, _ in kind.fields]
    if isinstance(value, Mapping):
        given = dict(value)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        given = dict(zip(names, value, strict=True)) if len(value) == len(names) else {}
    else:
        given = {field: getattr(value, field) for field in names if hasattr(value, field)}
    if set(given) != set(names):
        raise _list_needed(kind, value, name)
    return [one(each, given[field], f"{name}.{field}") for field, each in kind.fields]


def _list_needed(kind: Array | Record, value: Any, name: str) -> ArgumentError:
    fields = "" if isinstance(kind, Array) else f" of {', '.join(n for n, _ in kind.fields[:8])}"
    return ArgumentError(
        f"{name} is a {type(value).__name__}",
        rule=f"{name} is {name_of(kind)}",
        remedy="Give a list" if isinstance(kind, Array) else f"Give a mapping{fields}",
    )


def params_of(decls: Sequence[Param], given: Mapping[str, Any]) -> list[Any]:
    """Return parameters as the core takes them: what is not given by its default, or zeros.

    Raises
    ------
    ArgumentError
        One has no meaning for the program, is missing, of another type, or out of its range.
    """
    unknown = sorted(set(given) - {decl.name for decl in decls})
    if unknown:
        raise ArgumentError(
            f"the parameter {unknown[0]!r}",
            rule=f"The program has {', '.join(decl.name for decl in decls) or 'no parameters'}",
            remedy="Correct the name, or leave it out",
        )
    return [_param(decl, given) for decl in decls]


def _param(decl: Param, given: Mapping[str, Any]) -> Any:
    if decl.name not in given:
        if isinstance(decl.kind, Array):
            return released(decl.kind, zero(decl.kind))
        if decl.default is None:
            raise ArgumentError(
                f"the parameter {decl.name!r} is not given",
                rule="A parameter without a default must be given",
                remedy=f"Give {decl.name} as {name_of(decl.kind)}",
            )
        return one(decl.kind, decl.default, decl.name)
    value = one(decl.kind, given[decl.name], decl.name)
    low = decl.minimum is not None and not value >= decl.minimum
    high = decl.maximum is not None and not value <= decl.maximum
    if low or high:
        unit = f" {decl.unit}" if decl.unit else ""
        bounds = (("at least", decl.minimum), ("at most", decl.maximum))
        span = " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None)
        raise ArgumentError(
            f"{decl.name} = {value}",
            rule=f"{decl.name} is {span}{unit}",
            remedy="Give a value in that range",
        )
    return value


def held(kind: Type, value: Any) -> Any:
    """Return a value of the core's as plain Python holds it while a program runs."""
    if isinstance(kind, Array):
        return [held(kind.element, each) for each in value]
    if isinstance(kind, Record):
        out = Held()
        for (name, each), part in zip(kind.fields, value, strict=True):
            setattr(out, name, held(each, part))
        return out
    return value


def released(kind: Type, value: Any) -> Any:
    """Return a value that plain Python holds as the core gives it: a NaN by its one bit pattern."""
    if isinstance(kind, Array):
        return [released(kind.element, each) for each in value]
    if isinstance(kind, Record):
        return [released(each, getattr(value, name)) for name, each in kind.fields]
    return float("nan") if kind == Scalar.FLOAT and value != value else value


def shown_as(kind: Type, value: Any) -> Any:
    """Return a value of the core's as a caller reads it: records as mappings."""
    if isinstance(kind, Array):
        return [shown_as(kind.element, each) for each in value]
    if isinstance(kind, Record):
        pairs = zip(kind.fields, value, strict=True)
        return {name: shown_as(each, part) for (name, each), part in pairs}
    return value
