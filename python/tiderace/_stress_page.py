"""A day of crash as one self-contained HTML page: what fell, who was closed out, who paid."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tiderace._report import charts
from tiderace._report.charts import Axis
from tiderace._report.document import document, figure, notes, section
from tiderace._report.tables import Column, table
from tiderace._report.text import NOTHING, Markup, clock, date, duration, number, percent, tag
from tiderace._stress import holds, summary

_S = 1_000_000_000
_WORDS = {
    "defaulter_share": ("Defaulter's share", "what the defaulter's member put in"),
    "insurance": ("Insurance fund", "fed by liquidation fees"),
    "house": ("House capital", "the house's own"),
    "mutual": ("Mutual fund", "the other members, pro rata"),
    "assessment": ("Assessments", "called from members, capped"),
    "gains": ("Deleveraging", "gains of who was deleveraged"),
    "nobody": ("Nobody", "stays owed"),
}
_STYLE = """
.key.index, .line.index { stroke: var(--ink); border-color: var(--ink); }
.line.index { stroke-width: 2; }
.grid-map { overflow-x: auto; } .grid-map table { width: auto; min-width: 100%; }
.grid-map td { text-align: right; white-space: nowrap; padding: 7px 10px; }
.grid-map td small { display: block; }
.grid-map tbody th { white-space: nowrap; }
.line.shown { stroke-width: 2; }
.grid-map small { color: var(--soft); }
@media (min-width: 861px) { .figures { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
"""


def page(found: Mapping[str, Any]) -> str:
    """Return the whole document."""
    staged, immediate, grid = found["staged"], found["immediate"], found["grid"]
    title = f"A day of crash: {percent(_fall(staged), 0)}"
    sections = [
        _figures(staged, immediate),
        _fall_chart(staged),
        tag("div", _layers(staged, immediate), _shortfall_chart(staged, immediate), class_="pair"),
        tag("div", _closing_chart(staged), _funds_chart(staged), class_="pair"),
        section("Grid", _GRID_NOTE, _grid(grid)),
        section("Days that were, and two members at once", _COVER_NOTE, _cover(grid)),
        section("Steps", "Money at the index of its moment. A heading sorts.", _steps(staged)),
        section("Provenance", "", _facts(found)),
    ]
    return document(title, _header(found, title), sections, notes(*_NOTES), style=_STYLE)


_GRID_NOTE = (
    "Profit of all customers, and below it what accounts would lack, were the market to move at "
    "once by so much and nothing liquidated on the way. Every strike keeps its own vol, times the "
    "move."
)
_COVER_NOTE = (
    "The two members whose default would cost the others most: what they and their customers lack "
    "beyond their own shares, against the insurance fund, the house's capital and the shares of "
    "the rest."
)
_NOTES = (
    "Staged: a quarter of the largest position at a time into the book, within 5 % of the mark and "
    "what the layers can bear; then a sealed auction to members; then the waterfall. Immediate: "
    "all of it at once at any price that the layers can bear, and nobody bids.",
    "Customers, their positions, the path, quotes and bids are drawn from the seed; strikes, vols, "
    "forwards and open interest are the chain's. Marks follow the index and the moved vols; "
    "liquidations do not move them. Makers quote wider and thinner as the day goes on.",
    "Layers are counted from the ledger's postings. The house's own result on positions that it "
    "took over belongs to the insurance fund and stands apart.",
)


def _usd(value: float) -> str:
    return number(value, 0)


def _fall(day: Mapping[str, Any]) -> float:
    steps = day["steps"]
    return float(steps[-1]["index"] / _first_index(day) - 1.0)


def _first_index(day: Mapping[str, Any]) -> float:
    # Before the first step the market had not moved.
    return float(day["index_start"])


def _sum(day: Mapping[str, Any], key: str) -> int:
    return sum(step[key] for step in day["steps"])


def _header(found: Mapping[str, Any], title: str) -> Markup:
    staged = found["staged"]
    good = holds(staged) and holds(found["immediate"])
    steps = staged["steps"]
    lead = (
        f"{staged['positions']:,} positions, {staged['commands']:,} commands through the venue. "
        f"{staged['accounts_below']:,} accounts fell below their margin; "
        f"{staged['accounts_failed']:,} of them could not bear their losses. Others bore "
        f"{_usd(staged['shortfall_usd'])} USD; with immediate liquidation "
        f"{_usd(found['immediate']['shortfall_usd'])} USD. What the house took over came to "
        f"{_usd(staged['taken_over_usd'])} USD, with immediate liquidation to "
        f"{_usd(found['immediate']['taken_over_usd'])} USD."
    )
    low, high = steps[0]["ts_ns"], steps[-1]["ts_ns"]
    when = f"{date(low)}, {clock(low)} to {clock(high)} UTC ({duration(high - low)})"
    synthetic = tag(
        "p",
        tag("strong", "Synthetic chain."),
        " The options are from our own formula: these are nobody's prices.",
        class_="synthetic",
    )
    return tag(
        "header",
        synthetic if found["is_synthetic"] else "",
        tag(
            "p",
            tag("span", "Tiderace", class_="brand"),
            tag("span", "stress"),
            tag("span", found["source"], class_="run"),
            tag(
                "span",
                "the books balance" if good else "something does not hold",
                class_="pill good" if good else "pill bad",
            ),
            class_="eyebrow",
        ),
        tag("h1", title),
        tag("p", lead, class_="lead"),
        tag("p", when, class_="when"),
    )


def _figures(staged: Mapping[str, Any], immediate: Mapping[str, Any]) -> Markup:
    won, ended = _sum(staged, "auctions_won"), _sum(staged, "auctions_without_bid")
    kept = all(total["before"] == total["after"] for total in staged["totals"])
    return tag(
        "section",
        figure("Below margin", f"{staged['accounts_below']:,}", "accounts, over the day"),
        figure("Liquidation trades", f"{_sum(staged, 'liquidations'):,}", "in the books"),
        figure("Auctions won", f"{won:,}", f"{ended:,} without a bid"),
        figure("Shortfall, staged", f"{_usd(staged['shortfall_usd'])}", "USD, all layers"),
        figure("Immediate", f"{_usd(immediate['shortfall_usd'])}", "USD, all layers"),
        figure("Deleveraged", f"{_sum(staged, 'deleveraged'):,}", "positions"),
        figure("Every asset", "unchanged" if kept else "changed", "to the base unit"),
        figure(
            "Replay",
            "equal" if staged["is_repeated"] else "differs",
            f"state {staged['state'][:12]}",
        ),
        class_="figures",
        aria_label="Key figures",
    )


def _time(day: Mapping[str, Any]) -> Axis:
    steps = day["steps"]
    step_ns = steps[1]["ts_ns"] - steps[0]["ts_ns"] if len(steps) > 1 else _S
    zero = steps[0]["ts_ns"] - step_ns
    return charts.time_axis(zero, steps[-1]["ts_ns"], zero)


def _points(day: Mapping[str, Any], value: Callable[[Any], float]) -> list[tuple[float, float]]:
    zero = _time(day).zero_ns
    return [((step["ts_ns"] - zero) / 1e9, value(step)) for step in day["steps"]]


def _fall_chart(day: Mapping[str, Any]) -> Markup:
    x = _time(day)
    start = _first_index(day)
    points = [(0.0, start), *_points(day, lambda step: step["index"])]
    y = charts.axis_over([value for _, value in points], unit="USD", digits=0)
    hits = [
        (
            x.at(at),
            y.at(step["index"]),
            f"{clock(step['ts_ns'])} UTC, {number(step['index'], 0)} USD\n"
            f"{step['called']} called, {step['liquidations']} liquidations\n"
            f"{step['auctions']} auctions, {step['deleveraged']} deleveraged\n"
            f"layers paid {_usd(sum(step['layers_usd']))} USD",
        )
        for (at, _), step in zip(points[1:], day["steps"], strict=True)
    ]
    called = [(x.at(at), y.at(i)) for (at, i), s in _with(points, day) if s["called"]]
    paid = [(x.at(at), y.at(i)) for (at, i), s in _with(points, day) if sum(s["layers_usd"]) > 0]
    return charts.chart(
        title="The fall",
        note="The index step by step. A dot: accounts were called below their margin; "
        "filled: somebody else had to pay.",
        x=x,
        y=y,
        layers=[
            charts.line(points, x, y, name="index", class_="index", step=True),
            charts.marks(called, size=9, class_="v1"),
            charts.marks([spot for spot in called if spot not in paid], size=5, class_="hole"),
        ],
        keys=charts.legend(("index", "index"), ("margin calls; filled: layers paid", "v1 dot")),
        hits=hits,
        described="The index over the day, with the steps at which accounts were called.",
        tall=True,
    )


def _with(
    points: Sequence[tuple[float, float]], day: Mapping[str, Any]
) -> list[tuple[tuple[float, float], Any]]:
    return list(zip(points[1:], day["steps"], strict=True))


def _layers(staged: Mapping[str, Any], immediate: Mapping[str, Any]) -> Markup:
    total = staged["shortfall_usd"]
    rows = []
    for mine, other in zip(staged["layers"], immediate["layers"], strict=True):
        name, why = _WORDS[mine["layer"]]
        rows.append((name, mine["usd"], _usd(mine["usd"]), _usd(other["usd"]), why))
    text = _usd(immediate["shortfall_usd"])
    rows.append(("Shortfall", total, _usd(total), text, "borne by others than who lost it"))
    head = tag(
        "thead",
        tag(
            "tr",
            tag("th", "Layer, in order"),
            tag("th", ""),
            tag("th", "staged", class_="n"),
            tag("th", "immediate", class_="n"),
        ),
    )
    return tag(
        "section",
        tag("h2", "Who paid"),
        tag("p", "USD, at the index of the moment.", class_="note"),
        tag("table", head, tag("tbody", charts.waterfall(rows)), class_="waterfall"),
        class_="chart",
    )


def _running(day: Mapping[str, Any], value: Callable[[Any], float]) -> list[tuple[float, float]]:
    total, out = 0.0, [(0.0, 0.0)]
    for at, step_value in _points(day, value):
        total += step_value
        out.append((at, total))
    return out


def _lines(
    title: str,
    note: str,
    day: Mapping[str, Any],
    lines: Sequence[tuple[str, list[tuple[float, float]]]],
    unit: str,
) -> Markup:
    x = _time(day)
    y = charts.axis_over([v for _, line in lines for _, v in line], unit=unit, digits=0, zero=True)
    layers = [
        charts.line(points, x, y, name=name, class_=f"{charts.swatch(at)} shown", step=True)
        for at, (name, points) in enumerate(lines)
    ]
    keys = charts.legend(*((name, charts.swatch(at)) for at, (name, _) in enumerate(lines)))
    return charts.chart(
        title=title, note=note, x=x, y=y, layers=layers, keys=keys, described=note, tall=True
    )


def _shortfall_chart(staged: Mapping[str, Any], immediate: Mapping[str, Any]) -> Markup:
    def paid(step: Any) -> float:
        return float(sum(step["layers_usd"]))

    return _lines(
        "Shortfall so far",
        "What all layers together had paid by then.",
        staged,
        [("staged", _running(staged, paid)), ("immediate", _running(immediate, paid))],
        "USD",
    )


def _closing_chart(day: Mapping[str, Any]) -> Markup:
    return _lines(
        "How positions were closed",
        "Counts so far: liquidation trades in the books, portfolios auctioned, positions "
        "deleveraged.",
        day,
        [
            ("liquidation trades", _running(day, lambda step: step["liquidations"])),
            ("auctions won", _running(day, lambda step: step["auctions_won"])),
            ("auctions without a bid", _running(day, lambda step: step["auctions_without_bid"])),
            ("deleveraged", _running(day, lambda step: step["deleveraged"])),
        ],
        "count",
    )


def _funds_chart(day: Mapping[str, Any]) -> Markup:
    return _lines(
        "What the funds had left",
        "Both assets, at the index of the moment.",
        day,
        [
            ("insurance fund", _points(day, lambda step: step["insurance_usd"])),
            ("house capital", _points(day, lambda step: step["house_usd"])),
            ("mutual fund", _points(day, lambda step: step["mutual_usd"])),
        ],
        "USD",
    )


def _moved(value: float) -> str:
    return number(value * 100, 0, sign=True) + "\u202f%"


def _grid(grid: Mapping[str, Any]) -> Markup:
    cells = grid["cells"]
    vols = sorted({cell["vol"] for cell in cells})
    spots = sorted({cell["spot"] for cell in cells})
    at = {(cell["spot"], cell["vol"]): cell for cell in cells}
    worst = max((cell["shortfall_usd"] for cell in cells), default=0.0) or 1.0
    head = tag("tr", tag("th", "spot \\ vol"), *(tag("th", _moved(v), class_="n") for v in vols))
    rows = []
    for spot in spots:
        row = [tag("th", _moved(spot), scope="row")]
        for vol in vols:
            cell = at[spot, vol]
            share = (cell["shortfall_usd"] / worst) ** 0.5
            tint = f"background:color-mix(in srgb, var(--cost) {share * 45:.0f}%, transparent)"
            lack = tag("small", f"lacks {_usd(cell['shortfall_usd'])}, {cell['accounts']:,} acc.")
            row.append(tag("td", _usd(cell["customers_usd"]), lack, style=tint))
        rows.append(tag("tr", *row))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="grid-map")


def _cover(grid: Mapping[str, Any]) -> Markup:
    rows = [*zip(grid["days"], grid["cover"], strict=True)]
    if grid["worst"] and grid["worst"]["name"] == "grid":
        worst = grid["worst"]
        like = next(
            c for c in grid["cells"] if (c["spot"], c["vol"]) == (worst["spot"], worst["vol"])
        )
        rows.append(({**like, "name": "worst of the grid"}, worst))

    def said(cover: Mapping[str, Any]) -> str:
        if cover["is_covered"]:
            return "yes"
        return "with assessments" if cover["is_covered_with_assessments"] else "no"

    columns = [
        Column("Move", "", lambda row: row[0]["name"], is_number=False),
        Column("Spot", "", lambda row: _moved(row[0]["spot"]), lambda row: row[0]["spot"]),
        Column("Vol", "", lambda row: _moved(row[0]["vol"]), lambda row: row[0]["vol"]),
        *(
            _part(name, i, key)
            for name, i, key in (
                ("Customers", 0, "customers_usd"),
                ("Lacking", 0, "shortfall_usd"),
                ("Two members", 1, "needed_usd"),
                ("Funds", 1, "funded_usd"),
                ("Assessable", 1, "assessable_usd"),
            )
        ),
        Column(
            "Which",
            "",
            lambda row: ", ".join(of["member"] for of in row[1]["members"]) or NOTHING,
            is_number=False,
        ),
        Column("Enough", "", lambda row: said(row[1]), is_number=False),
    ]
    return table("Cover of two members", columns, rows)


def _part(name: str, part: int, key: str) -> Column:
    def value(row: Any) -> float:
        return float(row[part][key])

    return Column(name, "USD", lambda row: _usd(value(row)), value)


def _layer(key: str, at: int) -> Column:
    def value(step: Any) -> float:
        return float(step["layers_usd"][at])

    return Column(_WORDS[key][0], "USD", lambda step: _usd(value(step)), value)


def _steps(day: Mapping[str, Any]) -> Markup:
    def whole(key: str) -> Callable[[Any], object]:
        return lambda step: f"{step[key]:,}"

    def money(key: str) -> Callable[[Any], object]:
        return lambda step: _usd(step[key])

    columns = [
        Column("Time", "UTC", lambda step: clock(step["ts_ns"]), lambda step: step["ts_ns"]),
        Column("Index", "USD", money("index"), lambda step: step["index"]),
        Column("Called", "", whole("called"), lambda step: step["called"]),
        Column("Trades", "", whole("liquidations"), lambda step: step["liquidations"]),
        Column("Closed", "USD", money("liquidated_usd"), lambda step: step["liquidated_usd"]),
        Column("Won", "", whole("auctions_won"), lambda step: step["auctions_won"]),
        Column("No bid", "", whole("auctions_without_bid"), lambda s: s["auctions_without_bid"]),
        Column("ADL", "", whole("deleveraged"), lambda step: step["deleveraged"]),
        *(_layer(key, at) for at, key in enumerate(_WORDS)),
    ]
    return table("Steps of the day", columns, day["steps"], class_="long narrow")


def _facts(found: Mapping[str, Any]) -> Markup:
    staged, immediate = found["staged"], found["immediate"]
    facts = {
        "chain": found["source"],
        "seed": found["seed"],
        "commands": f"{staged['commands']:,} staged, {immediate['commands']:,} immediate",
        "state": f"{staged['state']} (immediate {immediate['state'][:16]})",
        "events": f"{staged['outputs']} (immediate {immediate['outputs'][:16]})",
        "out of order": f"{staged['out_of_order']} and {immediate['out_of_order']} postings",
        **{
            f"all {total['asset']}": f"{total['before']} base units before, {total['after']} after"
            for total in staged["totals"]
        },
        **{
            row["layer"].replace("_", " "): f"{_usd(row['staged_usd'])} USD staged, "
            f"{_usd(row['immediate_usd'])} USD immediate"
            for row in summary(found)[-2:]
        },
    }
    pairs = (part for name, value in facts.items() for part in (tag("dt", name), tag("dd", value)))
    return tag("dl", *pairs, class_="facts")
