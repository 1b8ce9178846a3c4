"""What a person sees in the terminal: the result of a run, and how far a long job is.

Results go to stdout, progress and errors to stderr. Figures come from a summary; none is computed.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tiderace._run import Progress as OnProgress

# A job that is over sooner shows no bar.
QUIET_S = 1.0
# What is counted, by the first word of what is under way; where there is none, no rate is shown.
_UNITS = {"running": "events", "reading": "instruments", "bench": "benches"}

_PARTS = (
    ("trading", "Trading: own prices after arrival"),
    ("delay", "Delay: the market between decision and arrival"),
    ("basis", "Basis: where each instrument stood to the reference"),
    ("conversion", "Conversion of quote currencies"),
    ("opportunity", "Opportunity: what was left undone"),
    ("fees", "Fees"),
)


@contextmanager
def bar(console: Console) -> Iterator[OnProgress]:
    """Yield a progress callback; a bar with rate and ETA appears after a second.

    One line for each kind of work: what is under way begins with its kind, e.g. ``reading``.
    """
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        refresh_per_second=4,
    )
    tasks: dict[str, tuple[TaskID, float, int]] = {}
    shown = threading.Timer(QUIET_S, progress.start)
    shown.daemon = True
    shown.start()

    def update(what: str, done: int, total: int) -> None:
        kind, now = what.partition(" ")[0], time.perf_counter()
        if kind not in tasks:
            tasks[kind] = (progress.add_task(what, total=total, rate=""), now, done)
        task, since, before = tasks[kind]
        rate = _rate(kind, (done - before) / max(now - since, 1e-9)) if done > before else ""
        progress.update(task, description=what, completed=done, total=total, rate=rate)

    try:
        yield update
    finally:
        shown.cancel()
        shown.join()
        progress.stop()


def _rate(kind: str, per_s: float) -> str:
    unit = _UNITS.get(kind)
    return f"{per_s:,.{0 if per_s >= 10 else 2}f} {unit}/s" if unit else ""


def result(summary: Mapping[str, Any], *, name: str, files: Mapping[str, str]) -> Group:
    """Lay out what a run got: the order, its costs, the venues, the files."""
    label = "[yellow]synthetic books[/]" if summary["synthetic"] else "recorded books"
    return Group(
        Panel(_order(summary), title=f"{name} · {label}", title_align="left", expand=False),
        _costs(summary),
        _venues(summary["by_venue"]),
        _files(summary, files),
    )


def rows(title: str, table: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out mappings with the same keys as a table."""
    shown = Table(title=title, title_justify="left", header_style="bold")
    keys = list(table[0]) if table else ["nothing"]
    for key in keys:
        is_number = bool(table) and isinstance(table[0][key], int | float | Decimal)
        shown.add_column(key, justify="right" if is_number else "left", overflow="fold")
    for row in table:
        shown.add_row(*(_plain(row[key]) for key in keys))
    return shown


_CHECKED = (
    "instrument",
    "lines",
    "rows",
    "gaps",
    "unparsable",
    "off_tick",
    "off_lot",
    "compared",
    "equal",
    "locked",
    "crossed",
)


def checks(found: Sequence[Mapping[str, Any]]) -> Group:
    """Lay out checks of recordings: counts an instrument, then what is wrong."""
    parts: list[Any] = []
    for one in found:
        table = [{key: row.get(key) for key in _CHECKED} for row in one["instruments"]]
        parts.append(rows(f"{one['name']} ({one['format']})", table))
        parts += [Text(f"  {problem}") for problem in one["problems"] or ["nothing is wrong"]]
    return Group(*parts)


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _order(summary: Mapping[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    side = str(summary.get("side") or "")
    grid.add_row("order", f"{side} {summary['order_qty']}", f"[b]{summary['status']}[/]")
    unfilled = summary.get("unfilled_qty", "0")
    rest = "" if unfilled == "0" else f"unfilled {unfilled}"
    grid.add_row("filled", str(summary["filled_qty"]), rest)
    grid.add_row("average price", _money(summary["avg_px"]), "USD per unit of exposure")
    grid.add_row("notional", _money(summary.get("notional")), "USD")
    return grid


def _costs(summary: Mapping[str, Any]) -> Table:
    table = Table(title="What it cost", title_justify="left", header_style="bold")
    table.add_column("line")
    table.add_column("bp", justify="right")
    table.add_column("USD", justify="right")
    for benchmark, bps in summary["slippage_bps"].items():
        table.add_row(f"Slippage against {benchmark}", _bps(bps), "")
    shortfall = summary.get("shortfall", {})
    for key, words in _PARTS:
        if key in shortfall:
            table.add_row(words, "", _money(shortfall[key]))
    if "total" in shortfall:
        total = f"[b]{_money(shortfall['total'])}[/]"
        table.add_row("[b]Implementation shortfall[/]", _bps(shortfall.get("total_bps")), total)
    table.add_section()
    table.add_row("Expected funding", "", _money(summary.get("funding")))
    table.add_row("The market's own drift", _bps(summary.get("drift_bps")), "")
    return table


def _venues(by_venue: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="By venue", title_justify="left", header_style="bold")
    table.add_column("instrument")
    for name in ("exposure", "share", "average price", "slippage bp", "fees USD", "maker"):
        table.add_column(name, justify="right")
    table.add_column("left out because")
    for name, row in by_venue.items():
        skip = row.get("skip") or {}
        why = f"{skip['words']} ({skip['count']}x)" if skip else ""
        table.add_row(
            name,
            str(row["exposure"]),
            _percent(row.get("share")),
            _money(row.get("avg_px")),
            _bps(row["slippage_bps"].get("arrival")),
            _money(row.get("fees")),
            _percent(row.get("maker_share")),
            why,
        )
    return table


def _files(summary: Mapping[str, Any], files: Mapping[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, path in files.items():
        grid.add_row(name, path)
    grid.add_row("digest", str(summary["digest"]))
    events, elapsed_s = summary["events"], summary["elapsed_s"]
    grid.add_row("events", f"{events:,} in {elapsed_s:.2f} s")
    return grid


def _money(text: object) -> str:
    # Adding zero takes the sign off what rounds to nothing.
    return "-" if text is None else f"{round(Decimal(str(text)), 2) + 0:,.2f}"


def _bps(value: float | None) -> str:
    if value is None:
        return "-"
    rounded = round(value, 2)
    return f"{rounded:+.2f}" if rounded else "0.00"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 3) + 0:.1%}"
