"""What a person sees in the terminal: the result of a run, and how far a long job is.

Results go to stdout, progress and errors to stderr. Figures come from a summary; none is computed.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tiderace._run import Progress as OnProgress
from tiderace._tca.words import short_names, stopped_words

# A remedy that asks for nothing is not said.
NOTHING_TO_DO = "Nothing to do."
REFUSALS_MAX = 10
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
    if not console.is_terminal:
        # Neither a bar nor the empty line that Rich ends one with belongs in a pipe.
        yield _silent
        return
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


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total


def _rate(kind: str, per_s: float) -> str:
    unit = _UNITS.get(kind)
    return f"{per_s:,.{0 if per_s >= 10 else 2}f} {unit}/s" if unit else ""


def result(summary: Mapping[str, Any], *, name: str) -> Group:
    """Lay out what a run got: the order, its costs, the venues, what was refused."""
    label = "[yellow]synthetic books[/]" if summary["synthetic"] else "recorded books"
    order = Panel(_order(summary), title=f"{name} · {label}", title_align="left", expand=False)
    short = short_names(summary["by_venue"])
    parts: list[Any] = [_interrupted(summary), order, _end(summary)]
    parts += [
        Text(stopped_words(row), style="bold red") for row in summary.get("programs_stopped", ())
    ]
    parts.append(_costs(summary))
    parts += [_venues(summary["by_venue"], short), *_notes(summary["by_venue"], short)]
    if summary["refusals"]:
        parts.append(_refusals(summary["refusals"], short))
    return Group(*(part for part in parts if part is not None))


def files(summary: Mapping[str, Any], paths: Mapping[str, str]) -> str:
    """Name the files of a run, its digest and its speed, one a line; a path is never broken."""
    events, elapsed_s = summary["events"], summary["elapsed_s"]
    lines = {**paths, "digest": summary["digest"], "events": f"{events:,} in {elapsed_s:.2f} s"}
    return "\n".join(f"{key:<8} {value}" for key, value in lines.items())


def rows(title: str, table: Sequence[Mapping[str, Any]]) -> Table | Text:
    """Lay out mappings with the same keys as a table."""
    shown = Table(
        title=title,
        title_justify="left",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    if not table:
        return Text(f"{title}: none")
    keys = list(table[0])
    for key in keys:
        is_number = isinstance(table[0][key], int | float | Decimal)
        shown.add_column(key, justify="right" if is_number else "left", overflow="fold")
    for row in table:
        shown.add_row(*(_plain(row[key]) for key in keys))
    return shown


def columns(title: str, found: Mapping[str, Mapping[str, Any]]) -> Table | Text:
    """Lay out mappings with the same keys beside each other, a key a line."""
    keys = list(next(iter(found.values()), {}))

    def said(value: object) -> str:
        return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}"

    lines = [
        {"": key, **{name: said(column[key]) for name, column in found.items()}} for key in keys
    ]
    return rows(title, lines)


def surface(found: Mapping[str, Any]) -> Group:
    """Lay out a fitted chain: an expiry a line, then what was left out and what pays."""
    lines = [
        {
            "expiry": row["expiry"],
            "days": round(row["days"], 1),
            "forward": round(row["forward"], 2),
            "atm vol %": round(100.0 * row["atm_vol"], 2),
            "skew": round(row["skew"], 3),
            "quotes": row["quotes"],
            "judged": row["judged"],
            "inside": row["inside"],
        }
        for row in found["slices"]
    ]
    share = found["share_inside"]
    said = [
        f"{found['used']:,} of {found['quotes']:,} quotes used in {found['fit_ms']:.1f} ms"
        + (f"; left out: {_counts(found['left_out'])}" if found["left_out"] else ""),
        f"{found['inside']:,} of {found['judged']:,} judged quotes within half their spread"
        + (f" ({100.0 * share:.1f} %)" if share is not None else ""),
        "free of arbitrage" if found["arbitrage_free"] else "the surface allows arbitrage",
        f"arbitrage in the quotes: {found['arbitrages_at_touch']} at the touch, "
        f"{found['arbitrages_after_fees']} after fees",
        *found["notes"],
        *([found["html"]] if "html" in found else []),
    ]
    title = f"{found['currency']} {found['snapshot']}, {found['time']}"
    return Group(rows(title, lines), Text("\n".join(said)))


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found.items())


_CHECKED = (
    "lines",
    "rows",
    "duplicates",
    "locked_rows",
    "crossed_rows",
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
        short = short_names(row["instrument"] for row in one["instruments"])
        table = Table(
            title=f"{one['name']} ({one['format']})",
            title_justify="left",
            header_style="bold",
            box=box.SIMPLE_HEAD,
            show_edge=False,
        )
        table.add_column("")
        for name in short.values():
            table.add_column(name, justify="right", overflow="fold")
        for key in _CHECKED:
            counts = [row.get(key) for row in one["instruments"]]
            if any(count is not None for count in counts):
                table.add_row(key.replace("_", " "), *map(_plain, counts))
        parts.append(table)
        parts += [Text(f"- {problem}") for problem in one["problems"] or ["nothing is wrong"]]
    return Group(*parts)


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _interrupted(summary: Mapping[str, Any]) -> Text | None:
    stopped = summary["interrupted"]
    if stopped is None:
        return None
    share = "no order" if stopped["filled_share"] is None else _percent(stopped["filled_share"])
    at = f"{datetime.fromtimestamp(stopped['ts_ns'] // 10**9, UTC):%H:%M:%S}"
    return Text(f"INTERRUPTED at {at} UTC after {share} of the order", style="bold red")


def _order(summary: Mapping[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    side = str(summary.get("side") or "")
    grid.add_row("order", f"{side} {summary['order_qty']}", f"[b]{summary['status']}[/]")
    unfilled = summary.get("unfilled_qty", "0")
    rest = "" if unfilled == "0" else f"unfilled {unfilled}"
    if summary.get("is_mixed"):
        for order in summary["options"]:
            grid.add_row(*_option(order))
        grid.add_row("notional", _money(summary.get("notional")), "USD")
        return grid
    grid.add_row("filled", str(summary["filled_qty"]), rest)
    grid.add_row("average price", _money(summary["avg_px"]), "USD per unit of exposure")
    grid.add_row("notional", _money(summary.get("notional")), "USD")
    return grid


def _option(order: Mapping[str, Any]) -> tuple[str, str, str]:
    """Say what came of an option order in vol."""
    name, points = str(order["option"]).partition(":")[2], order["points"]
    paid = "-" if order["paid_vol"] is None else f"{order['paid_vol']:.2%}"
    slip = points["repriced"] if points["repriced"] is not None else points["points"]
    beyond = f"{slip:+.2f} vol points against the mid's {points['arrival_vol']:.2%}"
    return name, f"{order['side']} {order['qty']:g} at {paid} vol", beyond


def _end(summary: Mapping[str, Any]) -> Text | None:
    """Say why the order ended as it did."""
    end = summary["reason"]
    if end is None:
        return None
    said = f"{summary['status']}, {end['reason']}: {end['words']}"
    return Text(said if end["remedy"] == NOTHING_TO_DO else f"{said} {end['remedy']}")


def _costs(summary: Mapping[str, Any]) -> Table:
    table = Table(title="What it cost", title_justify="left", header_style="bold")
    table.add_column("line")
    table.add_column("bp", justify="right")
    table.add_column("USD", justify="right")
    for benchmark, bps in summary["slippage_bps"].items():
        if not summary.get("is_mixed"):
            table.add_row(f"Slippage against {benchmark}", _bps(bps), "")
    for order in summary.get("options", ()):
        table.add_row("Option, delta-adjusted", "", _money(order["adjusted_usd"]))
        for hedge in order["hedges"] if order is summary["options"][0] else ():
            cost = hedge["spread"] + hedge["fees"]
            table.add_row(f"Hedge in {hedge['venue']}: spread and fees", "", _money(cost))
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


def _venues(by_venue: Mapping[str, Mapping[str, Any]], short: Mapping[str, str]) -> Table:
    table = Table(
        title="By venue",
        title_justify="left",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    table.add_column("venue", overflow="fold")
    for name in ("exposure", "share", "avg price", "slip bp", "fees USD", "maker"):
        table.add_column(name, justify="right")
    if any(row["refusals"] for row in by_venue.values()):
        table.add_column("refused", justify="right")
    for name, row in by_venue.items():
        refused = f"{row['refusals']:,}" if row["refusals"] else "-"
        table.add_row(
            short[name],
            str(row["exposure"]),
            _percent(row.get("share")),
            _money(row.get("avg_px")),
            _bps(row["slippage_bps"].get("arrival")),
            _money(row.get("fees")),
            _percent(row.get("maker_share")),
            *([refused] if len(table.columns) > 7 else []),
        )
    return table


def _notes(by_venue: Mapping[str, Mapping[str, Any]], short: Mapping[str, str]) -> list[Text]:
    """Say why a venue got less than it might have: what was refused outranks what was dearer."""
    notes = []
    for name, row in by_venue.items():
        said = [] if row["fills"] else ["no fill"]
        if refusal := row["refusal"]:
            of = f"{refusal['count']:,} of " if refusal["count"] < row["refusals"] else ""
            said.append(f"{of}{row['refusals']:,} orders refused: {refusal['words']}")
        elif skip := row["skip"]:
            of = f", {skip['count']:,} times" if skip["count"] < row["skips"] else ""
            said.append(f"left out of {row['skips']:,} slices{of}: {skip['words']}")
        if said:
            notes.append(Text(f"{short[name]}: {'; '.join(said)}"))
    return notes


def _refusals(refusals: Sequence[Mapping[str, Any]], short: Mapping[str, str]) -> Group:
    table = Table(
        title="Refused",
        title_justify="left",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    table.add_column("times", justify="right")
    for name in ("reason", "venue", "value, first", "limit"):
        table.add_column(name, overflow="fold", justify="right" if name[0] in "vl" else "left")
    for row in refusals[:REFUSALS_MAX]:
        table.add_row(
            f"{row['count']:,}",
            row["reason"],
            short.get(row["instrument"], "-"),
            _amount(row["value"], row["unit"]),
            _amount(row["limit"], row["unit"]),
        )
    remedies = {row["reason"]: row["remedy"] for row in refusals[:REFUSALS_MAX]}
    lines = [Text(f"{reason}: {remedy}") for reason, remedy in remedies.items()]
    rest = len(refusals) - REFUSALS_MAX
    more = [Text(f"and {rest:,} more kinds; see the report")] if rest > 0 else []
    return Group(table, *lines, *more)


def _amount(value: str, unit: str) -> str:
    """Return a value with its unit, to what is worth reading of it."""
    if not value:
        return "-"
    exact = Decimal(value)
    text = f"{exact:,.2f}" if abs(exact) >= 1000 and exact % 1 else f"{exact:,f}"
    return f"{text} {unit}".rstrip()


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
