"""The TOML file that describes a run: its keys, their types, and what is checked at the start.

A price, quantity, fraction or amount of money is a string holding a decimal (``limit = "0.003"``),
never a float; a duration is a string with a unit (``"250ms"``, ``"5m"``). An unknown key is refused
with the nearest known one. What this module accepts, the engine can compute with: every range is
checked here, before a run folder exists.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tiderace import _algos
from tiderace._checks import check_parent, check_values
from tiderace._sections import (
    Config,
    DataConfig,
    Fees,
    Funding,
    InstrumentConfig,
    Limits,
    OmsConfig,
    ParentConfig,
    RandomLatency,
    RiskConfig,
    RouteConfig,
    RunConfig,
    SimConfig,
    SurfaceConfig,
    SyntheticConfig,
)
from tiderace._shape import check_shape, input_error, overridden
from tiderace.errors import InputError

_COMMON = frozenset(ParentConfig.__struct_fields__) - {"params"}

__all__ = [
    "Config",
    "DataConfig",
    "Fees",
    "Funding",
    "InstrumentConfig",
    "Limits",
    "OmsConfig",
    "ParentConfig",
    "RandomLatency",
    "RiskConfig",
    "RouteConfig",
    "RunConfig",
    "SimConfig",
    "SurfaceConfig",
    "SyntheticConfig",
    "load",
    "override",
    "parse",
]


def load(path: str | Path, *, set: Mapping[str, object] | None = None) -> Config:  # noqa: A002
    """Read and check a config file.

    Parameters
    ----------
    path
        The TOML file.
    set
        Overrides by dotted key, e.g. ``{"parent.order_qty": "10"}``; ``None`` removes a key.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value is wrong.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(
            f"config {str(path)!r} cannot be read: {why}",
            remedy="Name a TOML file, e.g. examples/twap_three_books.toml",
        ) from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"config {str(path)!r} is not TOML: {error}", remedy="Correct that line"
        ) from None
    _find_algorithm(raw, Path(path).parent)
    return parse(overridden(raw, Config, set) if set else raw)


def override(config: Config, set: Mapping[str, object] | None) -> Config:  # noqa: A002
    """Return ``config`` with dotted keys replaced, and check it again."""
    return parse(overridden(to_dict(config), Config, set or {}))


def to_dict(config: Config) -> dict[str, Any]:
    """Return what ``parse`` takes: plain tables, decimals as strings, absent keys left out."""
    plain: dict[str, Any] = _pruned(msgspec.to_builtins(config))
    if "parent" in plain:
        plain["parent"] |= plain["parent"].pop("params")
    return plain


def parse(raw: Mapping[str, Any]) -> Config:
    """Check a config given as plain tables; a path of an algorithm is one from here.

    Raises
    ------
    InputError
        A key or value is wrong; the message names it, the rule and the remedy.
    ProgramError
        The parent's algorithm is a file that is none.
    """
    config = parse_recorded(raw)
    if config.parent is not None:
        check_parent(config, config.parent, _algos.find(config.parent.algo, key="parent.algo"))
    return config


def parse_recorded(raw: Mapping[str, Any]) -> Config:
    """Check a config whose algorithm is not looked for: the journal that it comes from has it.

    Raises
    ------
    InputError
        A key or value is wrong; the message names it, the rule and the remedy.
    """
    raw, params = _split(raw)
    check_shape(raw, Config)
    for key, value in params.items():
        check_shape(value, object, f"parent.{key}")
    if params:
        raw = {**raw, "parent": {**raw["parent"], "params": params}}
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise input_error(str(error), raw, Config) from None
    check_values(config)
    return config


def _split(raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Take keys of ``[parent]`` that every algorithm has apart from those of its own."""
    parent = raw.get("parent")
    if not isinstance(parent, Mapping):
        return raw, {}
    own = {key: value for key, value in parent.items() if key not in _COMMON}
    return {**raw, "parent": {key: parent[key] for key in parent if key in _COMMON}}, own


def _find_algorithm(raw: dict[str, Any], folder: Path) -> None:
    """Turn the path of an algorithm, from the config's folder, into one from here."""
    parent = raw.get("parent")
    name = parent.get("algo") if isinstance(parent, dict) else None
    if isinstance(parent, dict) and isinstance(name, str) and _algos.is_file(name):
        parent["algo"] = str(folder / name)


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if item is not None}
    return [_pruned(item) for item in value] if isinstance(value, list) else value
