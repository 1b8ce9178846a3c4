"""``tiderace program``: check, run and name a program file."""

import json
import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from tiderace._program import Program, program
from tiderace._programs.source import shown
from tiderace.errors import ArgumentError

FUEL = 10_000_000
ENGINES = ("compiled", "interpreted", "python")

# Prints a mapping as JSON, or else the words.
_Answer = Callable[[Mapping[str, Any], bool, Callable[[], str]], None]
_File = Annotated[str, typer.Argument(metavar="FILE.py", help="A program file.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
_Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def add(app: typer.Typer, answer: _Answer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(
        help="Programs: execution logic as Python that runs compiled and metered.",
        no_args_is_help=True,
        epilog="Example: tiderace program check examples/programs/payoffs/asian.py --json",
    )
    app.add_typer(group, name="program")

    @group.command("check", epilog="Example: tiderace program check payoff.py --json")
    def check(file: _File, as_json: _Json = False, debug: _Debug = False) -> None:
        """Check a program: what it needs and offers, or where it is wrong."""
        del debug
        found = program.load(file).to_dict()
        answer({"ok": True} | found, as_json, lambda: _described(found))

    @group.command("hash", epilog="Example: tiderace program hash payoff.py")
    def hash_command(file: _File, as_json: _Json = False, debug: _Debug = False) -> None:
        """Print a program's identity: comments and layout make no difference."""
        del debug
        found = program.load(file)
        answer({"name": found.name, "hash": found.hash}, as_json, lambda: found.hash)

    @group.command(
        "run",
        epilog="Example: tiderace program run payoff.py 61000 -- -5",
        context_settings={"ignore_unknown_options": True},
    )
    def run(
        file: _File,
        args: Annotated[
            list[str] | None,
            typer.Argument(metavar="[ARG]...", help="Whole ticks, lots, units; true; 1.5; [1, 2]."),
        ] = None,
        fuel: Annotated[int, typer.Option("--fuel", help="How much it may use.")] = FUEL,
        engine: Annotated[str, typer.Option("--engine", help=", ".join(ENGINES))] = ENGINES[0],
        entry: Annotated[
            str | None, typer.Option("--entry", help="Which method of a class.")
        ] = None,
        param: Annotated[
            list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter.")
        ] = None,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Run a program once, from an empty state: result and fuel used."""
        del debug
        loaded = program.load(file)
        given = [_argument(text) for text in args or []]
        params = _params(param or [])
        state = loaded.new_state()
        with _stoppable():
            result, used = _engine(loaded, engine)(
                *given, fuel=fuel, entry=entry, params=params, state=state
            )
        found = {
            "name": loaded.name,
            "hash": loaded.hash,
            "engine": engine,
            "result": _printable(result),
            "fuel_used": used,
        }
        if loaded.state:
            found["state"] = loaded.read_state(state)
        answer(found, as_json, lambda: f"{result}\nfuel used: {used:,}")


def _engine(loaded: Program, name: str) -> Callable[..., tuple[Any, int]]:
    runs: dict[str, Callable[..., tuple[Any, int]]] = {
        "compiled": loaded.run_compiled,
        "interpreted": loaded.run_interpreted,
        "python": loaded.run_python,
    }
    if name not in runs:
        raise ArgumentError(
            f"--engine {name!r}", rule=f"It is one of {', '.join(runs)}", remedy="Choose one"
        )
    return runs[name]


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let Ctrl-C end the process at once: machine code does not look for signals until it ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _argument(text: str) -> Any:
    # A number below zero begins with one dash, an option with two.
    if text.startswith("--"):
        raise ArgumentError(
            f"the option {shown(text)}",
            rule="There is none of that name",
            remedy="See tiderace program run --help",
        )
    return _value(text, "the argument")


def _value(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ArgumentError(
            f"{what} {shown(text)}",
            rule="An argument is a number, true, false, or a list or mapping of them in JSON",
            remedy="Write it like 5, -3, 1.5, true or [1, 2]",
        ) from None


def _printable(result: Any) -> Any:
    """Return a result as JSON has it: a NaN or an infinity as text."""
    is_odd = isinstance(result, float) and not math.isfinite(result)
    return str(result) if is_odd else result


def _params(given: Sequence[str]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or name in params:
            raise ArgumentError(
                f"--param {shown(text)}",
                rule="It is said twice" if sign else "It is NAME=VALUE",
                remedy="Leave one out" if sign else "Write slices=10",
            )
        params[name] = _value(value, f"--param {name} =")
    return params


def _described(found: Mapping[str, Any]) -> str:
    lines = [f"{found['name']} {found['hash']}", f"form: {found['ir_bytes']:,} bytes"]
    lines += [f"entry: {name}{signature}" for name, signature in found["entries"].items()]
    for each in found["params"]:
        bounds = (("from", each["minimum"]), ("to", each["maximum"]))
        span = "".join(f" {word} {bound}" for word, bound in bounds if bound is not None)
        default = "" if each["default"] is None else f" = {each['default']}"
        lines.append(
            f"param: {each['name']}: {each['type']}{default}{span} {each['unit']}".rstrip()
        )
    if found["capabilities"]:
        lines.append(f"capabilities: {', '.join(found['capabilities'])}")
    return "\n".join(lines)
