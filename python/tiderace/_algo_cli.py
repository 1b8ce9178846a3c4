"""``tiderace algo``: which algorithms there are, what each takes, and how it reads."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from tiderace import _algo_params, _algos
from tiderace._algos import Algorithm
from tiderace._programs.tree import Param

# Prints a mapping as JSON, or else the words.
_Answer = Callable[[Mapping[str, Any], bool, Callable[[], str]], None]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
_Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_NAME = "A shipped algorithm, or the path of a .py file."


def add(app: typer.Typer, answer: _Answer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(
        help="Algorithms: programs that work a parent order (algo = ... in a config).",
        no_args_is_help=True,
        epilog="Example: tiderace algo show twap",
    )
    app.add_typer(group, name="algo")

    @group.command("list", epilog="Example: tiderace algo list --json")
    def list_command(
        names: Annotated[
            list[str] | None, typer.Argument(metavar="[NAME]...", help=f"{_NAME} All shipped ones.")
        ] = None,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """List algorithms: what each does, and its parameters with units and ranges."""
        del debug
        found = [_algos.find(name) for name in names or _algos.names()]
        value = {"algorithms": [each.to_dict() for each in found]}
        answer(value, as_json, lambda: "\n\n".join(map(_described, found)))

    @group.command("show", epilog="Example: tiderace algo show examples/programs/my_pov.py")
    def show(
        name: Annotated[str, typer.Argument(metavar="NAME", help=_NAME)],
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Show an algorithm: its parameters, its formula and source, its text."""
        del debug
        found = _algos.find(name)
        value = found.to_dict() | {"doc": found.doc(), "source": found.source}
        answer(value, as_json, lambda: f"{_described(found)}\n\n{found.source}".rstrip())


def _described(algorithm: Algorithm) -> str:
    """Return a block of lines: name, first sentence, what it takes."""
    head = f"{algorithm.name}  ({algorithm.kind.replace('_', '-')}, {algorithm.program.hash[:12]})"
    lines = [head, f"  {_algos.first_sentence(algorithm.doc())}"]
    if missing := [word for word in _algos.CONTROLS if word not in algorithm.controls]:
        lines.append(f"  without: {', '.join(missing)}")
    width = max((len(param.name) for param in algorithm.params), default=0)
    lines += [f"  {param.name:<{width}}  {_param(param)}" for param in algorithm.params]
    return "\n".join(lines)


def _param(param: Param) -> str:
    default = _algo_params.said(param, _algo_params.default_of(param), base_decimals=None)
    default = "all zero" if isinstance(default, list) else default
    base = " (in base units here)" if param.unit == "base" else ""
    said = str(default).lower() if isinstance(default, bool) else default
    parts = [
        _algo_params.type_said(param) + base,
        _algo_params.range_said(param, None),
        "required" if default is None else f"default {said}",
    ]
    return ", ".join(part for part in parts if part)
