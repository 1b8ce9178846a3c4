"""The part of a report about options: each order in vol points, its hedge beside it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tiderace._report.tables import Column, table
from tiderace._report.text import NOTHING, Markup, number, quantity, tag
from tiderace._tca.option_orders import option_orders
from tiderace._tca.words import Inputs

_NOTE = (
    "An option's price moves with its underlying while it is worked, and that is the hedge's "
    "business: slippage against the mid at arrival is what the underlying's move explains (delta) "
    "and the rest (adjusted), in vol points of 1 %. Forwards and mark vols are those of the "
    "published surfaces in the journal, the forward moved with the underlying between two of them. "
    "A cost is above zero."
)
_HEDGE = (
    "What the same parent traded beside its option. Spread is what fills were beyond the mid of "
    "their moment; fees in a coin are worth the underlying's mid then."
)

Row = Mapping[str, Any]


def sections(inputs: Inputs) -> list[Markup]:
    """Return a section of the run's option orders; none where it has none."""
    orders = option_orders(inputs)
    if not orders:
        return []
    rows = [msgspec.to_builtins(order) for order in orders]
    hedges = [row | {"parent_id": o["parent_id"]} for o in rows for row in o["hedges"]]
    parts = [table("Option orders in vol", _vols(), rows), table("Their slippage", _costs(), rows)]
    if hedges:
        parts += [tag("p", _HEDGE, class_="note"), table("Hedges", _hedges(), hedges)]
    section = tag("section", tag("h2", "Options"), tag("p", _NOTE, class_="note"), *parts)
    return [section]


def _vols() -> list[Column]:
    return [
        Column("Option", "", lambda r: r["option"], is_number=False),
        Column("Side", "", lambda r: r["side"], is_number=False),
        _column("Filled", "base", lambda r: r["qty"], lambda v: quantity(v, 4)),
        _column("Mean price", "quote", lambda r: r["premium"], lambda v: number(v, 6)),
        _column("Mark vol", "at arrival, %", lambda r: _percent(r["mark_vol"]), _two),
        _column("Mid vol", "at arrival, %", lambda r: _percent(r["points"]["arrival_vol"]), _two),
        _column("Vol paid", "mean, %", lambda r: _percent(r["paid_vol"]), _two),
        _column("Worst vol", "of a fill, %", lambda r: _percent(r["worst_vol"]), _two),
    ]


def _costs() -> list[Column]:
    points = "points"
    return [
        Column("Option", "", lambda r: r["option"], is_number=False),
        _column("Slippage", "vol points", lambda r: r[points]["repriced"], _signed),
        _column("Adjusted", "vol points, first order", lambda r: r[points]["points"], _signed),
        _column("Price", "money a unit", lambda r: r[points]["price"], _signed),
        _column("Delta", "money a unit", lambda r: r[points]["delta"], _signed),
        _column("Adjusted", "money a unit", lambda r: r[points]["adjusted"], _signed),
        _column("Adjusted", "USD in all", lambda r: r[points]["adjusted"] * r["qty"], _signed),
        _column("Fees", "USD", lambda r: r["fees"], _two),
    ]


def _hedges() -> list[Column]:
    return [
        Column("Hedge", "", lambda r: r["venue"], is_number=False),
        _column("Net", "base", lambda r: r["exposure"], lambda v: number(v, 4, sign=True)),
        _column("Traded", "base", lambda r: r["traded"], lambda v: quantity(v, 4)),
        _column("Fills", "", lambda r: r["fills"], str),
        _column("Spread", "USD", lambda r: r["spread"], _signed),
        _column("Fees", "USD", lambda r: r["fees"], _two),
        _column("Cost", "USD", lambda r: r["spread"] + r["fees"], _signed),
    ]


def _column(
    name: str, unit: str, value: Callable[[Row], Any], write: Callable[[Any], object]
) -> Column:
    def written(row: Row) -> object:
        found = value(row)
        return NOTHING if found is None else write(found)

    def key(row: Row) -> object:
        found = value(row)
        return "" if found is None else found

    return Column(name, unit, written, key)


def _percent(vol: float | None) -> float | None:
    return None if vol is None else vol * 100


def _two(value: float) -> str:
    return number(value, 2)


def _signed(value: float) -> str:
    return number(value, 2, sign=True)
