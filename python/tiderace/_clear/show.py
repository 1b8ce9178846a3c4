"""What a person sees of a portfolio's margin."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rich.console import Group
from rich.text import Text

from tiderace import _show
from tiderace._report.text import NOTHING

# Below this a coin's own digits count.
_LARGE = 100


def margin(found: Mapping[str, Any]) -> Group:
    """Lay out what is needed, what binds, what orders would change, and every scenario."""
    settle, after = found["settle"], found["what_if"]
    lines = [f"{found['positions']} positions under {found['params']} at {found['now']}"]
    lines += [
        f"{key.replace('_', ' ')}: {money(found[key])} {settle}"
        for key in ("initial", "maintenance", "mark_to_market")
    ]
    lines += [f"{book['base']} binds: {bound(book)}" for book in found["books"]]
    shares = found["contingencies"]
    parts = [f"forward {money(shares['forward'])}"]
    parts += [
        f"{kind} {money(shares[kind]['maintenance'])} + {money(shares[kind]['initial'])} initial"
        for kind in ("perpetual", "option")
    ]
    lines.append(f"contingencies: {'; '.join(parts)}")
    if after is not None:
        lines += _what_if(after, settle)
    table = [
        {name: row[name] for name in ("base", "spot", "vol", "damping")}
        | {"pnl": money(row["pnl"])}
        | ({} if after is None else {"what if": money(row["what_if"])})
        for row in beside(found)
    ]
    legs = [
        {name: of if isinstance(of, str) else money(of) for name, of in leg.items()}
        for leg in found["legs"]
    ]
    return Group(*map(Text, lines), _show.rows("Legs", legs), _show.rows("Scenarios", table))


def beside(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every scenario with its ``pnl`` and, with orders open, ``what_if``.

    Of an underlying that only orders are in, ``pnl`` is None.
    """
    if found["what_if"] is None:
        return [{**row, "what_if": None} for row in found["scenarios"]]
    held: dict[str, list[Decimal]] = {}
    for row in found["scenarios"]:
        held.setdefault(row["base"], []).append(row["pnl"])
    beside = []
    for base in dict.fromkeys(row["base"] for row in found["what_if"]["scenarios"]):
        rows = [row for row in found["what_if"]["scenarios"] if row["base"] == base]
        pnls: list[Decimal | None] = [*held[base]] if base in held else [None] * len(rows)
        beside += [
            {**row, "pnl": pnl, "what_if": row["pnl"]} for row, pnl in zip(rows, pnls, strict=True)
        ]
    return beside


def bound(book: Mapping[str, Any]) -> str:
    """Return what binds a book, and which leg causes it."""
    row, words = book["scenario"], book["binds"]
    if row is not None:
        words = f"scenario spot {row['spot']}, vol {row['vol']} (pnl {money(row['pnl'])})"
    leg = f"; {book['leg']} loses most, pnl {money(book['leg_pnl'])}" if book["leg"] else ""
    return f"{words}{leg}"


def _what_if(after: Mapping[str, Any], settle: str) -> list[str]:
    count = len(after["orders"])
    lines = [f"with {count} order{'s' if count > 1 else ''} of {after['file']} open:"]
    lines += [
        f"{key}: {money(after[key])} {settle}, {money(after['difference'][key])} more; "
        f"all filled: {money(after['filled'][key])}"
        for key in ("initial", "maintenance")
    ]
    return lines + [f"{book['base']} would be bound by: {bound(book)}" for book in after["books"]]


def money(value: Decimal | None) -> str:
    """Return money as a person reads it; a dash for none."""
    if value is None:
        return NOTHING
    # Adding zero takes the sign off what rounds to nothing.
    if abs(value) >= _LARGE:
        return f"{round(value, 2):,.2f}"
    return f"{(round(value, 8) + 0).normalize():,f}"
