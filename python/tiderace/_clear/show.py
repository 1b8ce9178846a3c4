"""What a person sees of a portfolio's margin."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rich.console import Group
from rich.text import Text

from tiderace import _show

# Below this a coin's own digits count.
_LARGE = 100


def margin(found: Mapping[str, Any]) -> Group:
    """Lay out what is needed, what binds, and every scenario."""
    settle = found["settle"]
    lines = [f"{found['positions']} positions under {found['params']} at {found['now']}"]
    lines += [
        f"{key.replace('_', ' ')}: {_money(found[key])} {settle}"
        for key in ("initial", "maintenance", "mark_to_market")
    ]
    for book in found["books"]:
        row, bound = book["scenario"], book["binds"]
        if row is not None:
            bound = f"scenario spot {row['spot']}, vol {row['vol']} (pnl {_money(row['pnl'])})"
        leg = f"; {book['leg']} loses most, pnl {_money(book['leg_pnl'])}" if book["leg"] else ""
        lines.append(f"{book['base']} binds: {bound}{leg}")
    shares = found["contingencies"]
    parts = [f"forward {_money(shares['forward'])}"]
    parts += [
        f"{kind} {_money(shares[kind]['maintenance'])} + {_money(shares[kind]['initial'])} initial"
        for kind in ("perpetual", "option")
    ]
    lines.append(f"contingencies: {'; '.join(parts)}")
    table = [{**row, "pnl": _money(row["pnl"])} for row in found["scenarios"]]
    return Group(*map(Text, lines), _show.rows("Scenarios", table))


def _money(value: Decimal) -> str:
    # Adding zero takes the sign off what rounds to nothing.
    if abs(value) >= _LARGE:
        return f"{round(value, 2):,.2f}"
    return f"{(round(value, 8) + 0).normalize():,f}"
