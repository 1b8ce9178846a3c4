"""A portfolio's margin as one self-contained HTML page: the loss by scenario, now and with orders.

Figures come from the command's answer. Losses are drawn upwards: the highest column is what binds.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tiderace._clear.show import beside, money
from tiderace._report import charts
from tiderace._report.charts import Axis
from tiderace._report.document import document, figure, notes, section
from tiderace._report.tables import Column, table
from tiderace._report.text import MINUS, Markup, tag

Row = Mapping[str, Any]

_GROUPS = {
    "down": "Vol down",
    "none": "Vol unchanged",
    "up": "Vol up",
    "rest": "Tails, damped",
}
_STYLE = """
svg .column.now { fill: color-mix(in srgb, var(--c0) 50%, var(--card)); }
svg .column.alone { fill: var(--c0); }
svg .column.asked { fill: var(--c1); }
svg .column.binds { stroke: var(--ink); stroke-width: 2; }
.key.now { border-top: 10px solid color-mix(in srgb, var(--c0) 50%, var(--card)); }
.key.alone { border-top: 10px solid var(--c0); }
.key.asked { border-top: 10px solid var(--c1); }
.key.binds { height: 12px; border: 2px solid var(--ink); }
.key.worst { border-top: 2px dashed var(--bad); }
.flag.binds { color: var(--ink); font-weight: 650; }
.yaxis { min-width: 50px; }
.parts .bars { min-width: 90px; }
.frame td.n { font-variant-numeric: tabular-nums; }
@media (min-width: 861px) { .figures.four { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
"""
_NOTES = (
    "A scenario moves the price and the vol of one underlying and values all its products again; "
    "damping is in, and the discount of expiries. What is asked is the worst loss, or the forward "
    "contingency where that is more, times its factor, and the other contingencies on top.",
    "An open order counts in a scenario only where its fill at its limit, fees in, would lose "
    "there: orders never lower what is asked. Once filled they may.",
)


class _View(msgspec.Struct, frozen=True):
    """The command's answer, and what the whole page asks of it."""

    found: Row

    @property
    def after(self) -> Row | None:
        found: Row | None = self.found["what_if"]
        return found

    @property
    def last(self) -> Row:
        """With the orders open where there are some, else now."""
        return self.after or self.found

    @property
    def settle(self) -> str:
        return str(self.found["settle"])

    @property
    def is_in_factors(self) -> bool:
        """Whether shocks are factors of the price: a set writes all its shocks in one way."""
        spots = [row["spot"] for row in self.last["scenarios"]]
        return all(spot > 0 for spot in spots) and any(spot >= 1 for spot in spots)

    def move(self, row: Row) -> str:
        """Return the move of the price in a scenario."""
        percents = (row["spot"] - 1 if self.is_in_factors else row["spot"]) * 100
        exact = f"{abs(percents):f}"
        exact = exact.rstrip("0").rstrip(".") if "." in exact else exact
        sign = MINUS if percents < 0 else "+" if percents > 0 else ""
        return f"{sign}{exact}\u202f%"

    def name(self, row: Row) -> str:
        """Return a scenario as a person says it."""
        return f"spot {self.move(row)}, {_vol(row)}"


def page(found: Row) -> str:
    """Return the whole document."""
    view, rows, name = _View(found), beside(found), Path(found["portfolio"]).name
    sections = [_figures(view)]
    for base in dict.fromkeys(row["base"] for row in rows):
        sections += _losses(view, base, [row for row in rows if row["base"] == base])
    sections += [
        tag("div", _parts(view), _orders(view), class_="pair"),
        section("Legs", _legs_note(view), _legs(view)),
        section("Scenarios", "Profit and loss of each. A heading sorts.", _scenarios(view, rows)),
    ]
    title = f"What orders ask of {name}" if view.after else f"What {name} needs"
    return document(title, _header(view, title), sections, notes(*_NOTES), style=_STYLE)


def _header(view: _View, title: str) -> Markup:
    found, after = view.found, view.after
    held = _counted(found["positions"], "position")
    if after is None:
        lead = f"{held} under {found['params']} need {_amount(found['initial'])} {view.settle} as "
        lead += f"initial margin and {_amount(found['maintenance'])} to be kept."
    else:
        more = after["difference"]["initial"]
        changed = f"{_amount(more)} more than now" if more else "no more than now"
        lead = f"{held} and {_counted(len(after['orders']), 'open order')} under "
        lead += (
            f"{found['params']} need {_amount(after['initial'])} {view.settle} as initial margin, "
        )
        lead += f"{changed}."
    lead += "".join(f" {_cause(view, book)}" for book in view.last["books"])
    return tag(
        "header",
        tag(
            "p",
            tag("span", "Tiderace", class_="brand"),
            tag("span", "margin"),
            tag("span", found["portfolio"], class_="run"),
            tag("span", after["file"], class_="run") if after else "",
            class_="eyebrow",
        ),
        tag("h1", title),
        tag("p", lead, class_="lead"),
        tag("p", f"Market of {found['now']}", class_="when"),
    )


def _amount(value: Decimal | None) -> str:
    return money(value).replace("-", MINUS)


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _cause(view: _View, book: Row) -> str:
    if book["binds"] == "none":
        return f"No scenario of {book['base']} loses."
    said = "its forward contingency" if book["scenario"] is None else view.name(book["scenario"])
    words = [f"{book['base']} is bound by {said}"]
    if book["leg"]:
        words.append(f"there {book['leg']} loses most by itself")
    order = _worst_orders(view, book["base"])
    if order is not None:
        words.append(f"of the orders those in {order} would lose most")
    return f"{'; '.join(words)}."


def _worst_orders(view: _View, base: str) -> str | None:
    legs = [leg for leg in view.found["legs"] if leg["base"] == base] if view.after else []
    worst = min(legs, key=lambda leg: leg["what_if_order_pnl"], default=None)
    return str(worst["symbol"]) if worst and worst["what_if_order_pnl"] < 0 else None


def _is_skew(row: Row) -> bool:
    return row["vol"] in ("linear", "abs")


def _group(row: Row) -> str:
    return "rest" if _is_skew(row) or row["damping"] != 1 else str(row["vol"])


def _vol(row: Row) -> str:
    if _is_skew(row):
        return f"skew {row['vol']}"
    return "vol unchanged" if row["vol"] == "none" else f"vol {row['vol']}"


def _figures(view: _View) -> Markup:
    found, after, unit = view.found, view.after, view.settle
    worth = figure(
        "Value of the book", _amount(found["mark_to_market"]), "options, and unrealised", unit=unit
    )
    if after is None:
        worst = max((-row["pnl"] for row in found["scenarios"]), default=Decimal(0))
        figures = [
            figure("Initial margin", _amount(found["initial"]), "to open more", unit=unit),
            figure("Maintenance", _amount(found["maintenance"]), "to be kept", unit=unit),
            figure("Worst loss", _amount(worst), "of all scenarios", unit=unit),
            worth,
        ]
        return tag("section", *figures, class_="figures four", aria_label="Key figures")
    more, filled = after["difference"], after["filled"]
    figures = [
        figure("Initial now", _amount(found["initial"]), "of what is held", unit=unit),
        figure("Initial with orders", _amount(after["initial"]), "all of them open", unit=unit),
        figure(
            "Orders hold",
            _amount(more["initial"]),
            f"maintenance {_amount(more['maintenance'])} more",
            unit=unit,
            kind="cost" if more["initial"] else "",
        ),
        figure("Initial once filled", _amount(filled["initial"]), "all of them", unit=unit),
        figure(
            "Maintenance",
            _amount(after["maintenance"]),
            f"now {_amount(found['maintenance'])}; filled {_amount(filled['maintenance'])}",
            unit=unit,
        ),
        worth,
    ]
    return tag("section", *figures, class_="figures", aria_label="Key figures")


def _losses(view: _View, base: str, rows: Sequence[Row]) -> list[Markup]:
    """Return a chart of each kind of vol move, all to one scale."""
    pnls = [pnl for row in rows for pnl in (row["pnl"], row["what_if"]) if pnl is not None]
    unit = f"loss, {view.settle}"
    y = charts.axis_over([float(-pnl) for pnl in pnls], unit=unit, digits=2, zero=True, pad=0.14)
    worst = max(-pnl for pnl in pnls)
    figures = []
    for key, title in _GROUPS.items():
        group = [row for row in rows if _group(row) == key]
        if group:
            group.sort(key=lambda row: (_is_skew(row), row["spot"], row["vol"]))
            title = "Tails and skew" if any(map(_is_skew, group)) else title
            figures.append(_columns(view, title, group, y, worst))
    shown = [("now", "now"), ("with orders open", "asked")] if view.after else [("now", "alone")]
    head = tag(
        "section",
        tag("h2", f"{base}: loss by scenario"),
        tag("p", "The price moves by so much, and vols with it. One scale for all.", class_="note"),
        charts.legend(*shown, ("binds", "binds"), ("worst loss", "worst")),
    )
    pairs = (figures[at : at + 2] for at in range(0, len(figures), 2))
    return [head, *(tag("div", *pair, class_="pair") for pair in pairs)]


class _Bar(msgspec.Struct, frozen=True):
    """One column of a chart."""

    kind: str
    left: float
    right: float
    loss: float
    binds: bool

    @property
    def ends(self) -> tuple[float, float, float]:
        return self.left, self.right, self.loss


def _columns(view: _View, title: str, rows: Sequence[Row], y: Axis, worst: Decimal) -> Markup:
    names = [str(row["vol"]) if _is_skew(row) else view.move(row) for row in rows]
    x = charts.names_axis(names, unit="move of the price")
    drawn = [bar for at, row in enumerate(rows) for bar in _bars(view, at, row)]
    kinds = ("now", "asked") if view.after else ("alone",)
    layers = [
        charts.bars([bar.ends for bar in drawn if bar.kind == kind], x, y, class_=kind)
        for kind in kinds
    ]
    layers.append(charts.bars([bar.ends for bar in drawn if bar.binds], x, y, class_="binds"))
    if worst > 0:
        layers.append(charts.level(y, float(worst), class_="limit"))
    tops = [
        float(-min(pnl for pnl in (row["pnl"], row["what_if"]) if pnl is not None)) for row in rows
    ]
    hits = [
        (x.at(at + 0.5), y.at(top), _word(view, row))
        for at, (row, top) in enumerate(zip(rows, tops, strict=True))
    ]
    return charts.chart(
        title=title,
        note="",
        x=x,
        y=y,
        layers=layers,
        labels=_flags(drawn, x, y),
        keys=Markup(""),
        hits=hits,
        described=f"{title}: the loss by move of the price.",
    )


def _bars(view: _View, at: int, row: Row) -> list[_Bar]:
    """Return a row's columns: beside each other with orders, else one as broad as both."""

    def bar(kind: str, left: float, right: float, pnl: Decimal, state: Row) -> _Bar:
        return _Bar(kind, at + left, at + right, float(-pnl), _is_bound(state, row))

    if view.after is None:
        return [bar("alone", 0.2, 0.8, row["pnl"], view.found)]
    bars = [bar("asked", 0.5, 0.88, row["what_if"], view.after)]
    if row["pnl"] is not None:
        bars.insert(0, bar("now", 0.12, 0.5, row["pnl"], view.found))
    return bars


def _is_bound(state: Row, row: Row) -> bool:
    names = ("base", "spot", "vol", "damping")
    bound = [book["scenario"] for book in state["books"] if book["scenario"] is not None]
    return any(all(row[name] == of[name] for name in names) for of in bound)


def _flags(drawn: Sequence[_Bar], x: Axis, y: Axis) -> list[Markup]:
    bound = [bar for bar in drawn if bar.binds]
    words = {"now": "binds now", "asked": "binds with orders", "alone": "binds"}
    if len(bound) == 2 and int(bound[0].left) == int(bound[1].left):
        bound, words = bound[1:], {"asked": "binds, now and with orders"}

    def top(of: _Bar) -> float:
        # A word is about as broad as three columns: it stands above them.
        near = (bar.loss for bar in drawn if abs(int(bar.left) - int(of.left)) <= 1)
        return 1000 - y.at(max(near)) - 85

    return [
        charts.flag(
            words[bar.kind], left=x.at((bar.left + bar.right) / 2), top=top(bar), class_="binds"
        )
        for bar in bound
    ]


def _word(view: _View, row: Row) -> str:
    words = [view.name(row)]
    if row["damping"] != 1:
        words[0] += f", damped to {row['damping']:.3g}"
    if row["pnl"] is not None:
        words.append(f"now: {_outcome(row['pnl'])} {view.settle}")
    if view.after is not None:
        words.append(f"with orders open: {_outcome(row['what_if'])} {view.settle}")
    words += ["binds now" if view.after else "binds"] if _is_bound(view.found, row) else []
    words += ["binds with orders"] if view.after and _is_bound(view.after, row) else []
    return "\n".join(words)


def _outcome(pnl: Decimal) -> str:
    return f"loss {_amount(-pnl)}" if pnl < 0 else f"profit {_amount(pnl)}"


def _parts(view: _View) -> Markup:
    """Return what the initial margin is made of."""

    def parts(state: Row) -> list[Decimal]:
        shares = state["contingencies"]
        tops = [sum(shares[kind].values(), Decimal(0)) for kind in ("perpetual", "option")]
        return [state["initial"] - sum(tops, Decimal(0)), *tops, state["initial"]]

    names = (
        ("Scenarios", "worst loss or forward contingency, times the factor"),
        ("Perpetuals", "contingency on their notional"),
        ("Short options", "contingency on their notional"),
        ("Initial margin", ""),
    )
    last, now = parts(view.last), parts(view.found)
    rows = [
        (name, float(value), _amount(value), _amount(was) if view.after else "", why)
        for (name, why), value, was in zip(names, last, now, strict=True)
    ]
    heads = ["with orders", "now"] if view.after else [view.settle, ""]
    head = tag(
        "tr", tag("th", "Part"), tag("th", ""), *(tag("th", word, class_="n") for word in heads)
    )
    return tag(
        "section",
        tag("h2", "What it is made of"),
        tag("p", f"In {view.settle}.", class_="note"),
        tag(
            "table",
            tag("thead", head),
            tag("tbody", charts.waterfall(rows)),
            class_="waterfall parts",
        ),
        class_="chart",
    )


def _orders(view: _View) -> Markup:
    if view.after is None:
        return Markup("")
    columns = [
        _text("Symbol", "symbol"),
        _text("Side", "side"),
        _plain("Contracts", "order_qty"),
        _plain("Limit", "price"),
    ]
    shown = table("Orders", columns, view.after["orders"], class_="long")
    return tag("section", tag("h2", "Orders"), shown, class_="chart")


def _text(name: str, key: str) -> Column:
    return Column(name, "", lambda row: row[key], is_number=False)


def _plain(name: str, key: str) -> Column:
    """Return a column of quantities and prices as they were given."""

    def write(row: Row) -> str:
        return f"{Decimal(row[key]):,f}".replace("-", MINUS) if Decimal(row[key]) else ""

    return Column(name, "", write, lambda row: row[key])


def _money(name: str, key: str, unit: str) -> Column:
    def value(row: Row) -> object:
        return "" if row[key] is None else row[key]

    return Column(name, unit, lambda row: _amount(row[key]), value)


def _legs_note(view: _View) -> str:
    where = "Profit and loss where the underlying loses most, each leg by itself, before damping"
    if view.after is None:
        return f"{where} and discount."
    return f"{where} and discount: now, and with orders open, which may be another scenario."


def _legs(view: _View) -> Markup:
    unit = view.settle
    columns = [_text("Leg", "symbol"), _plain("Held", "qty"), _money("Now", "pnl", unit)]
    key = "pnl"
    if view.after is not None:
        key = "what_if_pnl"
        columns += [
            _plain("To buy", "buy_qty"),
            _plain("To sell", "sell_qty"),
            _money("With orders", key, unit),
            _money("Orders", "what_if_order_pnl", unit),
        ]
    rows = sorted(view.found["legs"], key=lambda leg: leg[key] + leg.get("what_if_order_pnl", 0))
    return table("Legs", columns, rows, class_="long")


def _scenarios(view: _View, rows: Sequence[Row]) -> Markup:
    unit = view.settle

    def binds(row: Row) -> str:
        states = [("now", view.found)] + ([("with orders", view.after)] if view.after else [])
        return ", ".join(word for word, state in states if _is_bound(state, row))

    columns = [
        *([_text("Underlying", "base")] if len({row["base"] for row in rows}) > 1 else []),
        Column("Price", "", view.move, lambda row: row["spot"]),
        Column("Vol", "", _vol, is_number=False),
        Column("Damping", "", lambda row: f"{row['damping']:.3g}", lambda row: row["damping"]),
        _money("Now", "pnl", unit),
        *([_money("With orders", "what_if", unit)] if view.after else []),
        Column("Binds", "", binds, is_number=False),
    ]
    return table("Scenarios", columns, rows, class_="long")
