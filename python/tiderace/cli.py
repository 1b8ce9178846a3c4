"""The ``tiderace`` command.

Exit status: 0 done, 1 the job failed, 2 bad usage or input, 141 nobody reads the output any more
(``| head``), as of a process that SIGPIPE ended. With ``--json`` stdout holds one JSON object and
nothing else; an error is ``{"error": {...}}`` there and one message on stderr. A traceback is shown
with ``--debug`` only.
"""

import importlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from tiderace import (
    _algo_cli,
    _chain_view,
    _doctor,
    _margin_page,
    _program_cli,
    _run,
    _scenario,
    _show,
    _stress,
    _stress_page,
    _venue,
    bench,
    chain,
    data,
    report,
)
from tiderace._clear import files as clear_files
from tiderace._clear import show as clear_show
from tiderace._learn import cli as learn_cli
from tiderace._tca import cli as tca_cli
from tiderace.errors import InputError, JournalError, OrderRefused, StorageError, TideraceError
from tiderace.strategy import Strategy

__all__ = ["app", "main"]

PIPE_WIDTH = 120
# What Typer returns for Ctrl-C outside of its standalone mode.
_TYPER_INTERRUPTED = 130
# What a shell shows for a process that SIGPIPE ended.
_READER_GONE_STATUS = 141


class OutputError(StorageError):
    """Standard output takes no more."""


class _ReaderGoneError(Exception):
    """Nobody reads what we print; no OSError, which Typer would turn into an exit of its own."""


class _Console(Console):
    """A console that leaves a closed pipe to `main`; Rich would end the process with status 1."""

    def on_broken_pipe(self) -> None:
        """Say so to `main`."""
        raise _ReaderGoneError


app = typer.Typer(
    name="tiderace",
    help="Trade execution for crypto derivatives: run orders, replay journals, read reports.",
    add_completion=False,
    epilog="Example: tiderace run examples/twap_three_books.toml",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(
    help="Recordings: what is there, what is wrong with it, and into our own layout.",
    no_args_is_help=True,
    epilog="Example: tiderace data check binance_btc_3books_raw_ws",
)
app.add_typer(data_app, name="data")
journal_app = typer.Typer(
    help="Journals of a venue: check, look, prove, and give up what cannot be saved.",
    no_args_is_help=True,
    epilog="Example: tiderace journal check out/venue",
)
app.add_typer(journal_app, name="journal")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Data = Annotated[
    str | None,
    typer.Option("--data", metavar="DIR", help="Folder that holds recordings [TIDERACE_DATA]."),
]
JournalFolder = Annotated[str, typer.Argument(metavar="JOURNAL", help="A venue's journal folder.")]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, below out/.")]

stderr = _Console(stderr=True)


@app.command(
    "run", epilog="Example: tiderace run examples/twap_three_books.toml --set parent.order_qty=10"
)
def run_command(
    config: Annotated[str, typer.Argument(metavar="CONFIG.toml", help="What to run.")],
    data_dir: Data = None,
    set: Annotated[  # noqa: A002 - the option's name
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a key (TOML or bare text); empty removes it.",
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Where run folders go.")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", metavar="MODULE:CLASS", help="A strategy beside the parent."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run a config: over its recording, or over synthetic books where there is none."""
    del debug
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise InputError(
            f"--out {out!r} is a file",
            rule="Run folders go into a folder",
            remedy="Name a folder; it is made where there is none",
        )
    with _show.bar(stderr) as progress:
        run = _run.run(
            config,
            strategy=_load_strategy(strategy) if strategy else None,
            data=data_dir,
            out=out,
            set=_overrides(set or []),
            progress=progress,
        )
        progress("writing the report", 0, 1)
        report = run.report()
    if run.books.note and not as_json:
        stderr.print(run.books.note, highlight=False, soft_wrap=True)
    _refuse_nothing(run.summary)
    if as_json:
        _print_json(run.summary)
        return
    _print(_show.result(run.summary, name=run.config.run.name))
    _print(_show.files(run.summary, {"report": str(report), "journal": str(run.journal)}))


@app.command(
    "replay", epilog="Example: tiderace replay out/twap_three_books-20260101-120000-1a2b3c"
)
def replay_command(
    run: RunFolder,
    data_dir: Data = None,
    rerun_strategy: Annotated[
        str | None,
        typer.Option(
            "--rerun-strategy",
            metavar="MODULE:CLASS",
            help="Also run the strategy's Python again and name the first difference.",
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Apply a journal again and check every digest on the way."""
    del debug
    with _show.bar(stderr) as progress:
        replayed = _run.replay(run, data=data_dir, progress=progress)
        if rerun_strategy:
            _run.rerun(replayed, _load_strategy(rerun_strategy), progress=progress)
    summary = replayed.summary | {"rerun": "equal" if rerun_strategy else None}
    if as_json:
        _print_json(summary)
        return
    ending = f"The run is {summary['run_status']}"
    if summary["ends_at"] is not None:
        ending = f"The journal is unfinished: it ends at offset {summary['ends_at']:,}"
    _print(
        f"Replayed {summary['events']:,} events in {summary['elapsed_s']:.2f} s: every digest is "
        f"the journal's. {ending}.\ndigest {summary['digest']}"
    )


@app.command(
    "report", epilog="Example: tiderace report out/twap_three_books-20260101-120000-1a2b3c"
)
def report_command(
    run: RunFolder, data_dir: Data = None, as_json: Json = False, debug: Debug = False
) -> None:
    """Write report.html again, from the journal."""
    del debug
    with _show.bar(stderr) as progress:
        path = _run.replay(run, data=data_dir, progress=progress).report()
    if as_json:
        _print_json({"report": str(path), "run_dir": str(path.parent)})
        return
    _print(str(path))


@data_app.command("ls", epilog="Example: tiderace data ls --data ../shared/data")
def data_ls(data_dir: Data = None, as_json: Json = False, debug: Debug = False) -> None:
    """List the recordings of the data folder."""
    del debug
    rows = data.ls(data_dir)
    shown = [{key: value for key, value in row.items() if key != "files"} for row in rows]
    _answer({"recordings": rows}, as_json, lambda: _show.rows("Recordings", shown))


@data_app.command("check", epilog="Example: tiderace data check binance_btc_3books_raw_ws --json")
def data_check(
    recording: Annotated[
        str | None, typer.Argument(help="A recording, by name or path; all when absent.")
    ] = None,
    data_dir: Data = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what is wrong with a recording, and compare its books with the venue's best prices."""
    del debug
    names = [recording] if recording is not None else [row["name"] for row in data.ls(data_dir)]
    with _show.bar(stderr) as progress:
        found = [data.check(name, data_dir=data_dir, progress=progress) for name in names]
    whole = {"recordings": found} if recording is None else found[0]
    _answer(whole, as_json, lambda: _show.checks(found))


@data_app.command(
    "import", epilog="Example: tiderace data import standx_btc_perp_2026-01 standx.parquet"
)
def data_import(
    recording: Annotated[str, typer.Argument(help="A recording, by name or path.")],
    target: Annotated[str, typer.Argument(metavar="FILE.parquet", help="The file to write.")],
    data_dir: Data = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Convert a recording into Tiderace's own Parquet layout."""
    del debug
    with _show.bar(stderr) as progress:
        made = data.import_(recording, target, data_dir=data_dir, progress=progress)
    words = f"{made['records']:,} records, {made['bytes']:,} bytes in {made['path']}"
    _answer(made, as_json, lambda: f"{words}\n\n{_how_to_run(made)}")


def _how_to_run(made: Mapping[str, Any]) -> str:
    """Return what to write into a config, so that a run reads the file."""
    path = Path(made["path"]).resolve()
    lines = ["In a config:", "", "    [data]", f'    recording = "{path.parent.name}"', ""]
    for row in made["instruments"]:
        venue, _, symbol = row["instrument"].partition(":")
        lines += [
            "    [[instruments]]",
            f'    venue = "{venue}"',
            f'    symbol = "{symbol}"',
            '    feed = "tiderace"',
            f'    files = "{path.name}"    # and its other keys as ever',
            "",
        ]
    return "\n".join([*lines, f"and run it with --data {path.parent.parent}"])


@app.command("scenario", epilog="Example: tiderace scenario tests/scenarios --strict")
def scenario_command(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files or folders.")],
    strict: Annotated[
        bool, typer.Option("--strict", help="Nothing may be left before a do after a check.")
    ] = False,
    crash_everywhere: Annotated[
        bool, typer.Option("--crash-everywhere", help="Crash and recover after every command.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a file and line.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Tell scenario files to a venue: exit 0 all pass, 1 one fails, 2 a bad file."""
    del debug
    passed = failed = bad = 0
    for told in _scenario.tell(paths, strict=strict, crash_everywhere=crash_everywhere):
        passed, failed, bad = (
            passed + told.passed,
            failed + (not told.passed and not told.is_bad),
            bad + told.is_bad,
        )
        if told.is_bad:
            stderr.print(f"bad file: {told.words}", highlight=False, soft_wrap=True, markup=False)
        if as_json:
            _print_line(told.row)
        elif not told.passed and not told.is_bad:
            _print(told.words)
    if not as_json:
        _print(f"{passed} passed, {failed} failed, {bad} bad")
    if failed or bad:
        raise typer.Exit(2 if bad else 1)


@app.command("venue", epilog="Example: tiderace venue examples/venue.toml --journal out/venue")
def venue_command(
    config: Annotated[str, typer.Argument(metavar="CONFIG.toml", help="The venue.")],
    journal: Annotated[
        str | None, typer.Option("--journal", metavar="DIR", help="Folder of its journal.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Run a venue: commands as JSON lines on stdin (a scenario's do lines), events on stdout.

    Its clock begins at the config's start and goes on by {"do": "advance"}. A line that cannot be
    read is answered by {"error": …} and changes nothing. After a failure of the journal, such as a
    full disk, every line is, but cancels and kills. It ends with stdin, or at Ctrl-C.
    """
    del debug
    with _venue.Venue(config, journal=journal) as venue:
        try:
            for line in _lines_of_stdin():
                if line.strip():
                    _answer_line(venue, line)
        except KeyboardInterrupt:
            if venue.failure is None:
                stderr.print("stopped: the journal is whole", highlight=False)


def _lines_of_stdin() -> Iterator[str]:
    """Yield the lines of stdin as they come; a signal between two of them is never missed."""
    source = sys.stdin.fileno()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    previous = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    rest = b""
    try:
        while True:
            # A signal may come between a check and a blocking read: its byte ends the wait.
            if source not in select.select([source, woken], [], [])[0]:
                os.read(woken, 64)
                continue
            if not (data := os.read(source, 65_536)):
                break
            *lines, rest = (rest + data).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        if rest:
            yield rest.decode(errors="replace")
    finally:
        signal.set_wakeup_fd(previous)
        os.close(woken)
        os.close(wake)


def _answer_line(venue: _venue.Venue, line: str) -> None:
    try:
        events = venue.say_line(line)
    except (InputError, JournalError) as error:
        _print_json({"error": error.to_dict() | {"message": str(error)}})
        return
    for event in events:
        _print_json(event)


@app.command("controls", epilog="Example: tiderace controls --json")
def controls_command(as_json: Json = False, debug: Debug = False) -> None:
    """List the venue's controls and the requirements that each answers."""
    del debug
    found = _scenario.controls()
    rows = [
        {"control": row["name"], "does": row["does"], "answers": ", ".join(row["answers"])}
        for row in found["controls"]
    ]
    _answer(found, as_json, lambda: _show.rows("Controls", rows))


@app.command("surface", epilog="Example: tiderace surface chain.parquet --html surface.html")
def surface_command(
    chains: Annotated[
        str, typer.Argument(metavar="CHAIN", help="A CSV or Parquet file, or a folder of them.")
    ],
    snapshot: Annotated[
        str | None, typer.Option("--snapshot", metavar="ID", help="Which one [the newest].")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="Whose options [most of the snapshot].")
    ] = None,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write an interactive page.")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            "--study", metavar="TABLE", help="Study every chain into a .parquet or .csv table."
        ),
    ] = None,
    vol_unit: Annotated[
        str, typer.Option("--vol-unit", help="What quoted vols are in: decimal or percent.")
    ] = "decimal",
    linear: Annotated[
        bool, typer.Option("--linear", help="Prices are in money, not in the coin.")
    ] = False,
    age: Annotated[
        float | None, typer.Option("--age", metavar="S", min=0, help="Older quotes are stale.")
    ] = None,
    weekend: Annotated[
        float, typer.Option("--weekend", min=0, help="Weight of a Saturday or Sunday.")
    ] = 1.0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Fit a vol surface to an option chain, judge it, and look for arbitrage in its quotes."""
    del debug
    read = chain.read(chains, vol_unit=vol_unit, is_inverse=not linear)
    if study is not None:
        with _show.bar(stderr) as progress:
            table = chain.study(read, progress=progress)
        found = chain.summary(table)
        path = str(chain.save(table, study))
        _answer({"table": path, **found}, as_json, lambda: _show.columns("Study", found))
        return
    view = chain.view(read.chain(snapshot, currency), age_s=age, weekend=weekend)
    whole = _chain_view.summary(view)
    if html is not None:
        whole["html"] = str(chain.html(view, html))
    _answer(whole, as_json, lambda: _show.surface(whole))


@journal_app.command("check", epilog="Example: tiderace journal check out/venue")
def journal_check(journal: JournalFolder, as_json: Json = False, debug: Debug = False) -> None:
    """Check every byte of a journal."""
    del debug
    found = _scenario.check(journal)
    _answer(found, as_json, lambda: _flat(found))


@journal_app.command("stat", epilog="Example: tiderace journal stat out/venue")
def journal_stat(journal: JournalFolder, as_json: Json = False, debug: Debug = False) -> None:
    """Say what the headers of a journal's segments say."""
    del debug
    rows = _scenario.stat(journal)
    _answer({"segments": rows}, as_json, lambda: "\n".join(_flat(row) for row in rows))


@journal_app.command("cat", epilog="Example: tiderace journal cat out/venue --from 10 --to 20")
def journal_cat(
    journal: JournalFolder,
    first: Annotated[int, typer.Option("--from", min=0, help="First sequence.")] = 0,
    end: Annotated[int | None, typer.Option("--to", min=0, help="Up to, not including.")] = None,
    debug: Debug = False,
) -> None:
    """Print records as JSON lines: sequence, time, kind, payload in hex."""
    del debug
    for row in _scenario.cat(journal, first=first, end=end):
        _print_json(row)


@journal_app.command("repair", epilog="Example: tiderace journal repair DIR --discard-from 70")
def journal_repair(
    journal: JournalFolder,
    discard_from: Annotated[
        int, typer.Option("--discard-from", metavar="SEQ", min=0, help="First sequence to go.")
    ],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Discard every record from a sequence on; their bytes are kept in a file beside."""
    del debug
    done = _scenario.repair(journal, discard_from=discard_from)
    _answer(done, as_json, lambda: _flat(done))


@journal_app.command(
    "prove", epilog="Example: tiderace journal prove out/venue 7 --key venue.example --seed seed"
)
def journal_prove(
    journal: JournalFolder,
    seq: Annotated[int, typer.Argument(metavar="SEQ", min=0, help="The record.")],
    key: Annotated[str, typer.Option("--key", metavar="NAME", help="Name of the signing key.")],
    seed: Annotated[str, typer.Option("--seed", metavar="FILE", help="Its seed, 32 raw bytes.")],
    debug: Debug = False,
) -> None:
    """Print a proof file that a record stands in a journal; its key goes to stderr."""
    del debug
    proof, verifier = _scenario.prove(journal, seq=seq, key_name=key, seed_file=seed)
    _print_line(proof.removesuffix("\n"))
    stderr.print(verifier, highlight=False, soft_wrap=True, markup=False)


@journal_app.command("verify", epilog="Example: tiderace journal verify proof --keys keys.txt")
def journal_verify(
    proof: Annotated[str, typer.Argument(metavar="PROOF", help="A proof file.")],
    keys: Annotated[str, typer.Option("--keys", metavar="FILE", help="Verifier keys, one a line.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Check a proof file against verifier keys and print the record that it shows."""
    del debug
    shown = _scenario.verify(proof, keys=keys)
    _answer(shown, as_json, lambda: _flat(shown))


@app.command("margin", epilog="Example: tiderace margin portfolio.csv --params derive_pmrm --json")
def margin_command(
    portfolio: Annotated[
        str,
        typer.Argument(
            metavar="PORTFOLIO.csv",
            help="Columns symbol, qty (contracts, signed) and, where known: unrealised; kind style "
            "base settle contract_multiplier maturity strike_price put_or_call; now index mark vol "
            "forward discount rate.",
        ),
    ],
    params: Annotated[
        str,
        typer.Option(
            "--params", metavar="NAME|FILE", help="deribit_pm, derive_pmrm, or a TOML or JSON file."
        ),
    ] = "deribit_pm",
    market: Annotated[
        str | None,
        typer.Option(
            "--market",
            metavar="FILE",
            help="TOML or JSON with what the columns leave out: now, index, mark, vol, forward, "
            "instruments (keys as in scenario files). Without now: the present.",
        ),
    ] = None,
    orders: Annotated[
        str | None,
        typer.Option(
            "--orders",
            metavar="ORDERS.csv",
            help="What if these were open? Columns symbol, side (buy, sell), order_qty "
            "(contracts), price (the limit) and, for what is not held yet, those of instrument and "
            "market.",
        ),
    ] = None,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write an interactive page.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Margin a portfolio by scenarios: what it needs, which scenario binds, which leg causes it."""
    del debug
    found = clear_files.margin_file(portfolio, market=market, params=params, orders=orders)
    if html is not None:
        found["html"] = str(report.write_whole(_margin_page.page(found), html))
    _answer(found, as_json, lambda: clear_show.margin(found))


@app.command("stress", epilog="Example: tiderace stress examples/stress.toml --html stress.html")
def stress_command(
    config: Annotated[str, typer.Argument(metavar="CONFIG.toml", help="The house and its day.")],
    data_dir: Data = None,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write an interactive page.")
    ] = None,
    files: Annotated[
        str | None,
        typer.Option(
            "--files",
            metavar="DIR",
            help="Write end-of-day files: CSV, Parquet, and the trades as FIX (35=AE) and FIXML.",
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Let a day of crash happen, and stress the whole house; exit 1 where something fails."""
    del debug
    raw = _stress.load(config)
    with _show.bar(stderr) as progress:
        found = _stress.run(raw, data=data_dir, files=files, progress=progress)
    if html is not None:
        found["html"] = str(report.write_whole(_stress_page.page(found), html))
    days = (found["staged"], found["immediate"])
    _answer(found, as_json, lambda: _stress.shown(found))
    if not all(_stress.holds(day) for day in days):
        raise typer.Exit(1)


@app.command("bench", epilog="Example: tiderace bench replay-native --json")
def bench_command(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(bench.NAMES)}, or all.")],
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Only see that it works: small and quick.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run a bench and print its figures."""
    del debug
    with _show.bar(stderr) as progress:
        if name == "all":
            results = bench.run_all(is_smoke=smoke, progress=progress)
        else:
            progress(f"bench {name}", 0, 1)
            results = [bench.run(name, is_smoke=smoke)]
    whole = {"benches": results} if name == "all" else results[0]
    _answer(whole, as_json, lambda: "\n".join(_flat(result) for result in results))


@app.command("doctor", epilog="Example: tiderace doctor --json")
def doctor_command(data_dir: Data = None, as_json: Json = False, debug: Debug = False) -> None:
    """Check that this installation works, with a tiny run from end to end."""
    del debug
    rows = _doctor.examine(data_dir)
    broken = [row["check"] for row in rows if row["needed"] and not row["ok"]]
    shown = [
        {"": "ok" if row["ok"] else "BROKEN" if row["needed"] else "absent"}
        | {"check": row["check"], "found": row["found"]}
        for row in rows
    ]
    _answer({"ok": not broken, "checks": rows}, as_json, lambda: _show.rows("Doctor", shown))
    if broken:
        raise typer.Exit(1)


_program_cli.add(app, lambda value, as_json, shown: _answer(value, as_json, shown))
tca_cli.add(app, lambda value, as_json, shown: _answer(value, as_json, shown))
_algo_cli.add(app, lambda value, as_json, shown: _answer(value, as_json, shown))
learn_cli.add(app, lambda value, as_json, shown: _answer(value, as_json, shown))


def main() -> None:
    """Run the command and exit with its status."""
    arguments = sys.argv[1:]
    # To be asked to end is to be interrupted: a run's journal then ends as it does at Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = _run_app(arguments)
    except _ReaderGoneError:
        # Say nothing, and keep the interpreter from trying to flush again.
        _drop_stdout()
        status = _READER_GONE_STATUS
    # Without a word the help is shown, yet nothing was done.
    sys.exit(status if arguments or status else 2)


def _run_app(arguments: list[str]) -> int:
    try:
        # In this mode Typer raises usage errors to us, and returns the code of `typer.Exit`.
        status = app(args=arguments or ["--help"], standalone_mode=False)
        if status == _TYPER_INTERRUPTED:
            raise KeyboardInterrupt
        _flush()
    except _ReaderGoneError:
        raise
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        # The help is printed by Typer, which makes an exit of a closed pipe.
        if isinstance(error.__context__, BrokenPipeError):
            raise _ReaderGoneError from error
        return _fail(error, arguments)
    return status if isinstance(status, int) else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    signal.raise_signal(signal.SIGINT)


def _fail(error: BaseException, arguments: list[str]) -> int:
    """Say once what went wrong and return the exit status."""
    if "--debug" in arguments:
        traceback.print_exception(error)
    described, status = _described(error)
    stderr.print(Text.assemble(("error: ", "bold red"), described["message"]), soft_wrap=True)
    if "--json" in arguments and not isinstance(error, OutputError):
        try:
            _print_json({"error": described})
        except OutputError:
            return 1
    return status


def _described(error: BaseException) -> tuple[dict[str, Any], int]:
    if isinstance(error, TideraceError):
        parts = error.to_dict()
        return parts | {"message": str(error)}, error.exit_status
    if isinstance(error, typer.TyperException):
        remedy = "See tiderace --help"
        message = f"{error.format_message()} {remedy}."
        return {"kind": "UsageError", "message": message, "rule": "", "remedy": remedy}, 2
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return {"kind": "Interrupted", "message": "interrupted", "rule": "", "remedy": ""}, 1
    remedy = "Run it again with --debug to see where"
    said = [_place(error), f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]
    message = ". ".join(part for part in (*said, remedy) if part) + "."
    return {"kind": type(error).__name__, "message": message, "rule": "", "remedy": remedy}, 1


def _place(error: BaseException) -> str:
    """Name the strategy, its callback and the line that an error came from, where one did."""
    frames = [(frame.f_code, frame.f_locals, line) for frame, line in _walk(error)]
    calls = [
        (type(kept["self"]).__name__, code.co_name)
        for code, kept, _ in frames
        if isinstance(kept.get("self"), Strategy) and code.co_name.startswith("on_")
    ]
    if not calls:
        return ""
    code, _, line = frames[-1]
    return f"strategy {calls[0][0]}, {calls[0][1]}, {code.co_filename}:{line}"


def _walk(error: BaseException) -> Iterable[tuple[FrameType, int]]:
    return traceback.walk_tb(error.__traceback__)


def _refuse_nothing(summary: Mapping[str, Any]) -> None:
    """Raise what refused the only parent order: a run that worked nothing did not do its job."""
    end = summary["reason"]
    if summary["status"] != "rejected" or summary["fills"] or end is None:
        return
    row = next(row for row in summary["refusals"] if row["reason"] == end["reason"])
    bounds = f" (value {row['value']}, limit {row['limit']} {row['unit']}".rstrip() + ")"
    message = f"the parent order was refused: {end['reason']}"
    raise OrderRefused(
        message + (bounds if row["value"] else "") + f"; see {summary['run_dir']}",
        code=row["code"],
        reason=end["reason"],
        value=row["value"],
        rule=end["words"],
        remedy=end["remedy"],
    )


def _overrides(pairs: Iterable[str]) -> dict[str, object]:
    overrides: dict[str, object] = {}
    for pair in pairs:
        key, is_pair, value = pair.partition("=")
        if not is_pair or not key:
            raise InputError(
                f"--set {pair!r}",
                rule="An override is KEY=VALUE",
                remedy="Write it like --set parent.order_qty=10",
            )
        overrides[key.strip()] = value.strip()
    return overrides


def _load_strategy(name: str) -> Strategy:
    """Make the strategy ``MODULE:CLASS``; a module may also be a ``.py`` file."""
    module_name, is_pair, class_name = name.rpartition(":")
    remedy = "Write it like examples.strategy_twap:OutsideTwap"
    if not is_pair:
        raise InputError(f"strategy {name!r}", rule="It is MODULE:CLASS", remedy=remedy)
    sys.path.insert(0, str(Path.cwd()))
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        rule = "Its module can be imported from here"
        raise InputError(f"strategy {name!r}: {error}", rule=rule, remedy=remedy) from error
    if not (isinstance(kind, type) and issubclass(kind, Strategy)):
        rule = "A strategy is a subclass of tiderace.Strategy"
        raise InputError(f"strategy {name!r} is a {kind!r}", rule=rule, remedy=remedy)
    return kind()


def _answer(value: Mapping[str, Any], as_json: bool, shown: Callable[[], object]) -> None:
    if as_json:
        _print_json(value)
    else:
        _print(shown())


def _print(shown: object) -> None:
    """Print for a person; a pipe has the width that COLUMNS names, else one for every table."""
    knows_width = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    console = _Console(width=None if knows_width else PIPE_WIDTH, highlight=False)
    with _writing():
        console.print(shown, soft_wrap=isinstance(shown, str), markup=not isinstance(shown, str))


def _print_line(line: str) -> None:
    with _writing():
        sys.stdout.write(line + "\n")
    _flush()


def _print_json(value: Mapping[str, Any]) -> None:
    with _writing():
        json.dump(value, sys.stdout, default=str, ensure_ascii=False)
        sys.stdout.write("\n")
    _flush()


def _flush() -> None:
    with _writing():
        sys.stdout.flush()


@contextmanager
def _writing() -> Iterator[None]:
    """Say it in one message where standard output takes no more."""
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderGoneError from error
    except OSError as error:
        _drop_stdout()
        raise OutputError(
            f"standard output cannot be written: {error.strerror or error}",
            rule="What is printed has to go somewhere",
            remedy="Make room there, or send it elsewhere",
        ) from error


def _drop_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _flat(result: Mapping[str, Any]) -> str:
    return "".join(f"{key}: {_in_words(value)}\n" for key, value in result.items())


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name} {_in_words(figure)}" for name, figure in value.items())
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
