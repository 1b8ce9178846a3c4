"""The part of a report about options: each order in vol points, its hedge beside it."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import msgspec

from tiderace._report import charts
from tiderace._report.document import figure, section
from tiderace._report.pictures import View
from tiderace._report.tables import Column, table
from tiderace._report.text import NOTHING, Markup, clock, number, percent, quantity, tag
from tiderace._tca.option_orders import OptionOrder, option_orders
from tiderace._tca.option_paths import Paths
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


def sections(inputs: Inputs, view: View) -> list[Markup]:
    """Return a section of the run's option orders and their pictures; none where it has none."""
    orders = option_orders(inputs)
    if not orders:
        return []
    rows = [msgspec.to_builtins(order) for order in orders]
    hedges = [
        row
        for o, order in zip(rows, orders, strict=True)
        if _is_first(order, orders)
        for row in o["hedges"]
    ]
    parts = [table("Option orders in vol", _vols(), rows), table("Their slippage", _costs(), rows)]
    if hedges:
        parts += [tag("p", _HEDGE, class_="note"), table("Hedges", _hedges(), hedges)]
    paths = Paths(inputs)
    pictures = [_vol_chart(paths, order, inputs, view) for order in orders]
    parents = sorted({order.parent_id for order in orders})
    pictures += [_delta_chart(paths, each, inputs, view) for each in parents]
    return [_figures(orders), *pictures, section("Options", _NOTE, *parts)]


def said(inputs: Inputs) -> tuple[str, str] | None:
    """Return what was asked and what was got of the first option order, as sentences."""
    orders = option_orders(inputs)
    if not orders:
        return None
    first = orders[0]
    name = first.option.partition(":")[2]
    verb = "Buy" if first.side == "buy" else "Sell"
    limit = f", limit {_points(first.limit_vol)} vol" if first.limit_vol else ""
    hedge = first.hedges[0].venue.partition(":")[2] if first.hedges else ""
    asked = f"{verb} {name}{limit}" + (f", delta hedged in {hedge}" if hedge else "")
    done = "Bought" if first.side == "buy" else "Sold"
    got = f"{done} {quantity(first.qty)} at {number(first.premium, 6)} {first.quote}"
    if first.paid_vol is not None:
        got += f", {_points(first.paid_vol)} vol"
    if first.points.repriced is not None:
        word = "above" if (first.points.repriced > 0) == (first.side == "buy") else "below"
        mid = _points(first.points.arrival_vol)
        got += f": {abs(first.points.repriced):.2f} points {word} the mid at arrival ({mid})"
    if hedge:
        net = first.hedges[0].exposure
        got += f". {'Sold' if net < 0 else 'Bought'} {quantity(abs(net))} of delta in {hedge}"
    rest = f", and {len(orders) - 1} more options" if len(orders) > 1 else ""
    return asked + rest, got + "."


def _is_first(order: OptionOrder, orders: list[OptionOrder]) -> bool:
    """Whether the hedge of a parent is told with this one of its options."""
    return next(each for each in orders if each.parent_id == order.parent_id) is order


def _figures(orders: list[OptionOrder]) -> Markup:
    first = orders[0]
    hedges = [h for order in orders if _is_first(order, orders) for h in order.hedges]
    points, lots = first.points.repriced, sum(h.fills for h in hedges)
    kind = "" if points is None else "cost" if points > 0 else "gain"
    vols = [
        figure("Filled", quantity(first.qty), first.option.partition(":")[2]),
        figure("Maker", percent(first.maker_share), f"of {len(first.points.fills)} fills"),
        figure("Price", number(first.premium, 6), "mean of the fills", unit=first.quote),
        figure("Vol paid", _points(first.paid_vol), _limit(first), unit="%"),
        figure("Mid vol", _points(first.points.arrival_vol), "of the book, at arrival", unit="%"),
        figure("Mark vol", _points(first.mark_vol), "published, at arrival", unit="%"),
        figure(
            "Slippage",
            NOTHING if points is None else _signed(points),
            "against the mid at arrival",
            unit="vol points",
            kind=kind,
        ),
    ]
    if len(orders) > 1:
        vols = [figure("Legs", str(len(orders)), "each in the table below")]
    adjusted = sum(order.adjusted_usd for order in orders)
    cost = sum(h.spread + h.fees for h in hedges)
    return tag(
        "section",
        *vols,
        figure(
            "Delta-adjusted",
            _signed(adjusted),
            "slippage without the underlying's move",
            unit="USD",
        ),
        figure(
            "Option fees", _two(sum(order.fees for order in orders)), "of the venue", unit="USD"
        ),
        figure("Hedge", _signed(cost), f"spread and fees of {lots:,} fills", unit="USD"),
        figure("Delta left", _three(first.delta_end), "at the end", unit=first.base),
        figure(
            "Worst delta",
            f"{first.delta_worst:.3f}",
            f"until its hedge; mean {first.delta_mean:.3f}",
            unit=first.base,
        ),
        class_="figures",
        aria_label="Key figures of the option orders",
    )


def _limit(order: OptionOrder) -> str:
    return f"limit {_points(order.limit_vol)} %" if order.limit_vol else "no limit in vol"


def _vol_chart(paths: Paths, order: OptionOrder, inputs: Inputs, view: View) -> Markup:
    """Return mid and mark vol over time, with each fill at the vol that it paid."""
    at = next(i for i, market in enumerate(inputs.markets) if market.name == order.option)
    found = paths.option(order.parent_id, at, view.low, view.high)
    x = view.axis()
    lines = {
        "mid": [(view.seconds(ts), vol * 100) for ts, vol in found.mids],
        "mark": [(view.seconds(ts), vol * 100) for ts, vol in found.marks],
    }
    fills = [fill for fill in found.fills if isfinite(fill.vol)]
    limit = [order.limit_vol * 100] if order.limit_vol else []
    values = [vol for line in lines.values() for _, vol in line]
    y = charts.axis_over([*values, *limit, *(f.vol * 100 for f in fills)], unit="vol, %", digits=2)
    layers: list[object] = [
        charts.line(lines["mid"], x, y, name="mid vol", class_="v0", step=True),
        charts.line(lines["mark"], x, y, name="mark vol", class_="target", step=True),
        *(charts.level(y, value, class_="limit") for value in limit),
    ]
    labels = [
        charts.flag(f"limit {value:.2f} %", left=1000, top=1000 - y.at(value), class_="limit")
        for value in limit
    ]
    hits = []
    for fill in fills:
        spot = (x.at(view.seconds(fill.ts_ns)), y.at(fill.vol * 100))
        role = "maker" if fill.is_maker else "taker"
        layers.append(charts.marks([spot], size=10, class_=f"{role} v1"))
        if fill.is_maker:
            layers.append(charts.marks([spot], size=6, class_="hole"))
        word = f"{clock(fill.ts_ns, 3)} {'bought' if fill.is_buy else 'sold'} {quantity(fill.qty)}"
        hits.append((*spot, f"{word} at {number(fill.px, 6)}\n{fill.vol * 100:.2f} % vol, {role}"))
    return charts.chart(
        title=f"Vol of {order.option.partition(':')[2]}",
        note="The book's mid and each fill as vols at the forward of their moment, and the vol "
        "that was published. Our own resting order is in the mid.",
        x=x,
        y=y,
        layers=layers,
        keys=charts.legend(
            ("mid vol", "v0"),
            ("published vol", "target"),
            ("taker fill", "dot taker"),
            ("maker fill", "dot maker"),
        ),
        labels=labels,
        hits=hits,
        described="Vols of book and fills over time.",
        tall=True,
    )


def _delta_chart(paths: Paths, parent_id: int, inputs: Inputs, view: View) -> Markup:
    """Return the delta of options and hedge over time, and what of it was left."""
    found = paths.delta(parent_id, view.low, view.high)
    x, base = view.axis(), inputs.markets[0].base
    named = (
        ("options", found.options, "v0"),
        ("hedge", found.hedges, "v1"),
        ("left", found.left, "v3"),
    )
    lines = {name: [(view.seconds(ts), v) for ts, v in path] for name, path, _ in named}
    y = charts.axis_over(
        [v for line in lines.values() for _, v in line], unit=f"{base} of delta", digits=2
    )
    return charts.chart(
        title="Delta of the options, of the hedge, and what is left",
        note="Options at the published vol and the forward of the moment; the hedge as what it is "
        "worth then.",
        x=x,
        y=y,
        layers=[
            charts.line(lines[name], x, y, name=name, class_=class_, step=True)
            for name, _, class_ in named
        ],
        keys=charts.legend(*((name, class_) for name, _, class_ in named)),
        described="Delta over time.",
        tall=True,
    )


def _points(vol: float | None) -> str:
    return NOTHING if vol is None else f"{vol * 100:.2f}"


def _three(value: float) -> str:
    return number(value, 3, sign=True)


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
