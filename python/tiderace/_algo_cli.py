"""``tiderace algo``: which algorithms there are, what each takes, and how it reads."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from tiderace import _algo_compare, _algo_params, _algos, _show
from tiderace._algos import Algorithm
from tiderace._programs.tree import Param
from tiderace.errors import InputError

# Prints a mapping as JSON, or else the words.
_Answer = Callable[[Mapping[str, Any], bool, Callable[[], object]], None]
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

    _add_compare(group, answer)


def _add_compare(group: typer.Typer, answer: _Answer) -> None:
    @group.command(
        "compare",
        epilog="Example: tiderace algo compare examples/compare.toml --algo vwap --algo is",
    )
    def compare(
        config: Annotated[str, typer.Argument(metavar="CONFIG.toml", help="Which order.")],
        algo: Annotated[
            list[str], typer.Option("--algo", metavar="NAME", help=f"{_NAME} Several.")
        ],
        baseline: Annotated[
            str, typer.Option("--baseline", metavar="NAME", help="What they are held against.")
        ] = _algo_compare.BASELINE,
        seeds: Annotated[int, typer.Option("--seeds", min=2, help="Markets, one a seed.")] = 20,
        seed: Annotated[int, typer.Option("--seed", min=0, help="The first of them.")] = 1,
        metric: Annotated[
            str, typer.Option("--metric", help="What ranks, e.g. shortfall_bps.")
        ] = _algo_compare.METRIC,
        set_: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="KEY=VALUE", help="Override a key; pov.rate: of pov."),
        ] = None,
        workers: Annotated[
            int | None, typer.Option("--workers", min=1, help="Processes [as many as cores].")
        ] = None,
        html: Annotated[
            str | None, typer.Option("--html", metavar="FILE", help="Write a page.")
        ] = None,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Work one order by several algorithms, under the same seeds of our own venue."""
        del debug
        with _show.bar(Console(stderr=True)) as progress:
            found = _algo_compare.compare(
                config,
                algo,
                baseline=baseline,
                seeds=range(seed, seed + seeds),
                metric=metric,
                overrides=_pairs(set_ or []),
                workers=workers,
                progress=progress,
            )
        if html is not None:
            from tiderace import report
            from tiderace._report.league import page

            report.write_whole(page(found.league), html)
        answer(found.to_dict(), as_json, lambda: _algo_compare.shown(found))


def _pairs(given: list[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in given:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise InputError(
                f"--set {pair!r}",
                rule="An override is KEY=VALUE",
                remedy="Write it like --set parent.order_qty=10",
            )
        found[key.strip()] = value.strip()
    return found


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
