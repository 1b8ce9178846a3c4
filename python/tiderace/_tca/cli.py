"""``tiderace tca``: leagues over many runs, best-execution records, Parquet."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from tiderace import tca
from tiderace._tca.export import write_parquet
from tiderace._tca.league import BY
from tiderace.errors import InputError

_Answer = Callable[[Mapping[str, Any], bool, Callable[[], object]], None]
_Run = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, below out/.")]
_Data = Annotated[
    str | None,
    typer.Option("--data", metavar="DIR", help="Folder that holds recordings [TIDERACE_DATA]."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
_Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_SHOWN = {
    "shortfall_bps": "shortfall, bp",
    "slippage_bps_arrival": "vs arrival, bp",
    "slippage_bps_vwap": "vs VWAP, bp",
    "fees_bps": "fees, bp",
    "fill_rate": "filled",
}


def add(app: typer.Typer, answer: _Answer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(
        help="What orders cost: leagues over many runs, records of best execution, Parquet.",
        no_args_is_help=True,
        epilog="Example: tiderace tca league out --by algo --html league.html",
    )
    app.add_typer(group, name="tca")

    @group.command("league", epilog="Example: tiderace tca league out --baseline twap --json")
    def league(
        folders: Annotated[
            list[str], typer.Argument(metavar="DIR...", help="Run folders, or folders of them.")
        ],
        by: Annotated[str, typer.Option("--by", help=", ".join(BY))] = "algo",
        metric: Annotated[
            str, typer.Option("--metric", help="What ranks, e.g. slippage_bps_arrival.")
        ] = "shortfall_bps",
        baseline: Annotated[
            str | None, typer.Option("--baseline", help="The group that others are held against.")
        ] = None,
        weight: Annotated[
            str, typer.Option("--weight", help="parent: each alike; notional: by what it traded.")
        ] = "parent",
        draws: Annotated[int, typer.Option("--draws", help="Of the bootstrap.")] = 1_000,
        seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")] = 0,
        html: Annotated[
            str | None, typer.Option("--html", metavar="FILE", help="Write a page.")
        ] = None,
        parquet: Annotated[
            str | None, typer.Option("--parquet", metavar="FILE", help="Write a row a parent.")
        ] = None,
        data_dir: _Data = None,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Rank algorithms or venues over many runs, with bootstrap intervals by parent."""
        del debug
        found = tca.league(
            _replayed(folders, data_dir),
            by=by,
            metric=metric,
            baseline=baseline,
            weight=weight,
            draws=draws,
            seed=seed,
        )
        if parquet is not None:
            write_parquet(found.parents, parquet)
        if html is not None:
            from tiderace import report
            from tiderace._report.league import page

            report.write_whole(page(found), html)
        answer(found.to_dict(), as_json, lambda: _shown(found))

    @group.command("record", epilog="Example: tiderace tca record out/twap-… --json")
    def record(
        run: _Run,
        parent: Annotated[
            int | None, typer.Option("--parent", help="Which parent order [all].")
        ] = None,
        within: Annotated[
            float, typer.Option("--within", help="Depth is counted so far from the mid, in bp.")
        ] = 10.0,
        data_dir: _Data = None,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Tell what was known, asked, done and got at each decision, rebuilt from the journal."""
        del debug
        found = tca.record(_replay(run, data_dir), parent_id=parent, within_bp=within)
        answer(found, as_json, lambda: _told(found))

    @group.command("export", epilog="Example: tiderace tca export out/twap-… tables")
    def export(
        run: _Run,
        folder: Annotated[str, typer.Argument(metavar="DIR", help="Where the files go.")],
        data_dir: _Data = None,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Write every table of a run's analysis as Parquet."""
        del debug
        paths = [str(path) for path in tca.export(_replay(run, data_dir), folder)]
        answer({"files": paths}, as_json, lambda: "\n".join(paths))


def _replay(run: str, data_dir: str | None) -> Any:
    from tiderace import _run

    return _run.replay(run, data=data_dir)


def _replayed(folders: list[str], data_dir: str | None) -> Iterator[Any]:
    for folder in folders:
        if (Path(folder) / "journal").is_file() or not Path(folder).is_dir():
            yield _replay(folder, data_dir)
            continue
        inside = sorted(path.parent for path in Path(folder).glob("*/journal"))
        if not inside:
            raise InputError(
                f"{folder!r} holds no run folder",
                rule="A run folder holds a journal",
                remedy="Name run folders, or the folder that they are in",
            )
        for path in inside:
            yield _replay(str(path), data_dir)


def _shown(found: tca.League) -> Table:
    told = found.to_dict()
    title = f"{told['runs']} runs; means over parents, {found.level:.0%} intervals by parent; "
    title += f"the last column is less {found.baseline}"
    shown = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD)
    rest = [name for name in _SHOWN if name != found.metric]
    shown.add_column("", justify="right")
    shown.add_column(found.by, no_wrap=True)
    for name in ("parents", _SHOWN.get(found.metric, found.metric), *(_SHOWN[m] for m in rest)):
        shown.add_column(name, justify="right")
    shown.add_column("difference", justify="right")
    for name, group in sorted(told["groups"].items(), key=lambda item: item[1]["rank"]):
        means = [group["metrics"][metric]["mean"] for metric in rest]
        figures = ["-" if mean is None else f"{mean:.2f}" for mean in means]
        versus = group["versus"].get(found.metric)
        gap = _figure(versus, "difference") if versus else "baseline"
        if versus and versus["is_paired"]:
            gap += f", {versus['n']} pairs"
        ranked = _figure(group["metrics"][found.metric], "mean")
        shown.add_row(str(group["rank"]), name, str(group["parents"]), ranked, *figures, gap)
    return shown


def _figure(row: Mapping[str, Any], name: str) -> str:
    if row[name] is None:
        return "-"
    if row["low"] is None:
        return f"{row[name]:.2f}"
    return f"{row[name]:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _told(found: Mapping[str, Any]) -> str:
    lines = [f"{found['run']}, digest {found['digest']}"]
    for parent in found["parents"]:
        asked = f"{parent['side']} {parent['order_qty']}, " if parent["side"] else ""
        lines.append(f"parent {parent['parent_id']}: {asked}{parent['algo']}")
        for each in parent["decisions"]:
            lines.append(f"  {each['time']} seq {each['seq']}: {', '.join(each['what'])}")
            lines += [f"    {_book_line(book)}" for book in each["books"] if each["sent"]]
            lines += [f"    {_order_line(order)}" for order in each["sent"]]
            lines += [f"    left out {row['venue']}: {row['words']}" for row in each["left_out"]]
            lines += [f"    refused {row['venue']}: {row['words']}" for row in each["refused"]]
    return "\n".join(lines)


def _book_line(book: Mapping[str, Any]) -> str:
    if not book["is_live"]:
        return f"{book['venue']}: no live book"
    depth = f"depth {book.get('bid_depth')} / {book.get('ask_depth')}"
    return f"{book['venue']}: {book['bid']} / {book['ask']}, {depth}"


def _order_line(order: Mapping[str, Any]) -> str:
    came = order["came"]
    got = f"{came['filled']} at {came['avg_px']}" if came["fills"] else "nothing"
    said = f"{order['side']} {order['order_qty']} at {order['price']}, {order['time_in_force']}"
    return f"sent to {order['venue']}: {said}: got {got}"
