"""A league as one self-contained page: who costs what over many runs, and how sure that is."""

from collections.abc import Mapping
from typing import Any

from tiderace._report import charts
from tiderace._report.document import document, piece
from tiderace._report.tables import Column, table
from tiderace._report.text import NOTHING, Markup, number, percent, tag
from tiderace._tca.league import HIGHER_IS_BETTER
from tiderace.tca import League

_PARTS = ("trading", "delay", "basis", "conversion", "fees", "opportunity")
_SHARES = ("fill_rate", "maker_share", "schedule_gap")
_NAMES = {
    "shortfall_bps": "Implementation shortfall",
    "slippage_bps_arrival": "Slippage against arrival",
    "slippage_bps_vwap": "Slippage against VWAP",
    "slippage_bps_twap": "Slippage against TWAP",
    "slippage_bps_pwp": "Slippage against PWP",
    "slippage_bps_close": "Slippage against close",
    "fill_rate": "Fill rate",
    "maker_share": "Maker share",
    "spread_capture": "Spread capture",
    "schedule_gap": "Distance from schedule",
    "surprise": "Outcome less estimate, in deviations",
}


def page(found: League) -> str:
    """Return the whole document."""
    told = found.to_dict()
    groups = sorted(told["groups"].items(), key=lambda item: item[1]["rank"])
    colours = {name: charts.swatch(i) for i, name in enumerate(sorted(told["groups"]))}
    sections = [
        tag("div", _means(found, groups, colours), _gaps(found, groups, colours), class_="pair"),
        _section("Where it comes from", _PARTS_NOTE, _parts(groups, colours)),
        _section("Execution", _FIGURES_NOTE, _figures(groups, colours)),
        _section("How it was counted", "", _facts(found, told)),
    ]
    title = f"League: {_name(found.metric)} by {found.by.replace(',', ' and ')}"
    header, style = _header(found, told, groups, title), piece("league.css")
    return document(title, header, sections, _footer(), style=style)


_PARTS_NOTE = (
    "Mean over parents, in bp of what was asked (of a venue: of what was traded there); the parts "
    "add up to the total."
)
_FIGURES_NOTE = (
    "Mean over parents with its interval below. Costs above zero; adverse selection is of makers; "
    "capture 1 earned the half spread, minus 1 paid it."
)


def _name(metric: str) -> str:
    return _NAMES.get(metric, metric.replace("_bps", "").replace("_", " ").capitalize())


def _unit(metric: str) -> str:
    return "bp" if "bps" in metric else "%" if metric in _SHARES else ""


def _said(metric: str, value: float | None) -> str:
    if value is None:
        return NOTHING
    if metric in _SHARES:
        return number(value * 100, 1)
    return number(value, 2, sign=True)


def _header(found: League, told: Mapping[str, Any], groups: list[Any], title: str) -> Markup:
    first, row = groups[0]
    best = row["metrics"][found.metric]
    lead = f"{first} is first with {_said(found.metric, best['mean'])} {_unit(found.metric)}"
    if best["low"] is not None:
        lead += f" ({_span(found.metric, best)})"
    lead += f" over {best['parents']:,} parent orders."
    if len(groups) > 1:
        lead += f" {_told_apart(found, groups)}"
    return tag(
        "header",
        tag(
            "p",
            tag("span", "Tiderace", class_="brand"),
            tag("span", "league"),
            tag("span", f"{told['runs']:,} runs", class_="run"),
            class_="eyebrow",
        ),
        tag("h1", title),
        tag("p", lead, class_="lead"),
    )


def _told_apart(found: League, groups: list[Any]) -> str:
    """Say who did better or worse than the baseline beyond chance."""
    verdicts = {name: _verdict(found.metric, each) for name, each in groups}
    said = [
        f"{', '.join(names)} did {word} than {found.baseline}"
        for word, wanted in (("better", True), ("worse", False))
        if (names := [name for name, verdict in verdicts.items() if verdict is wanted])
    ]
    if not said:
        return f"No difference to {found.baseline} is beyond chance."
    return f"Beyond chance, {' and '.join(said)}."


def _span(metric: str, row: Mapping[str, Any]) -> str:
    return f"{_said(metric, row['low'])} to {_said(metric, row['high'])}"


def _verdict(metric: str, group: Mapping[str, Any]) -> bool | None:
    """Return whether a group did better than the baseline beyond chance; ``None``: cannot tell."""
    row = group["versus"].get(metric)
    if not row or row["low"] is None or row["low"] <= 0 <= row["high"]:
        return None
    is_lower = bool(row["high"] < 0)
    return is_lower != (metric in HIGHER_IS_BETTER)


def _means(found: League, groups: list[Any], colours: Mapping[str, str]) -> Markup:
    rows = []
    for name, group in groups:
        row = group["metrics"][found.metric]
        value = (row["mean"], row["low"], row["high"])
        words = f"{row['parents']:,} parents"
        rows.append((name, str(group["rank"]), value, words, None))
    level = f"{found.level:.0%}"
    note = f"Mean with its {level} interval, in {_unit(found.metric) or 'its own unit'}."
    return _forest(found.metric, _name(found.metric), note, rows, colours)


def _gaps(found: League, groups: list[Any], colours: Mapping[str, str]) -> Markup:
    rows = []
    paired = 0
    for name, group in groups:
        row = group["versus"].get(found.metric)
        if row is None:
            continue
        paired += row["is_paired"]
        words = f"{row['n']:,} pairs" if row["is_paired"] else "not paired"
        if row["wins"] is not None:
            words += f", better in {percent(row['wins'], 0)}"
        verdict = _verdict(found.metric, group)
        value = (row["difference"], row["low"], row["high"])
        rows.append((name, "", value, words, verdict))
    if not rows:
        return Markup("")
    note = f"Difference to {found.baseline}, on the same seeds where they pair"
    note += "." if paired else "; here nothing pairs."
    return _forest(found.metric, f"Less {found.baseline}", note, rows, colours)


def _forest(
    metric: str, title: str, note: str, rows: list[Any], colours: Mapping[str, str]
) -> Markup:
    """Return means as points with their intervals as whiskers, over one scale."""
    shown = [v for _, _, value, _, _ in rows for v in value if v is not None]
    scale = 100.0 if metric in _SHARES else 1.0
    axis = charts.axis_over([0.0, *(v * scale for v in shown)], unit="", digits=2, pad=0.08)

    def at(value: float) -> float:
        return axis.at(value * scale) / 10

    body = [_scale(axis)]
    for name, rank, (mean, low, high), words, verdict in rows:
        marks = [tag("i", class_="origin", style=f"left:{at(0.0):.2f}%")]
        if low is not None:
            style = f"left:{at(low):.2f}%;width:{max(at(high) - at(low), 0.2):.2f}%"
            marks.append(tag("i", class_="whisker", style=style))
        if mean is not None:
            marks.append(tag("i", class_="point", style=f"left:{at(mean):.2f}%"))
        kind = {True: "good", False: "bad", None: ""}[verdict]
        interval = f"{_said(metric, low)} to {_said(metric, high)}" if low is not None else ""
        body.append(
            tag(
                "tr",
                tag(
                    "th",
                    tag("span", rank, class_="rank") if rank else "",
                    name,
                    tag("small", words),
                    scope="row",
                ),
                tag("td", tag("div", *marks, class_=f"track {colours[name]}"), class_="bars"),
                tag(
                    "td",
                    tag("span", _said(metric, mean), class_=f"verdict {kind}".strip()),
                    tag("small", interval),
                    class_="n",
                ),
            )
        )
    return tag(
        "figure",
        tag("figcaption", tag("h2", title), tag("p", note, class_="note")),
        tag("table", tag("tbody", *body), class_="forest"),
        class_="chart",
    )


def _scale(axis: charts.Axis) -> Markup:
    spans = (tag("span", t, style=f"left:{axis.at(v) / 10:.2f}%") for v, t in axis.ticks(4))
    cells = tag("td", tag("div", *spans, class_="track"), class_="bars")
    return tag("tr", tag("td"), cells, tag("td"), class_="scale", aria_hidden="true")


def _parts(groups: list[Any], colours: Mapping[str, str]) -> Markup:
    columns = [_group(colours)]
    columns += [_mean(f"{part}_bps", part.capitalize(), "bp") for part in _PARTS]
    columns.append(_mean("shortfall_bps", "Total", "bp"))
    return table("Shortfall by part", columns, _rows(groups))


def _figures(groups: list[Any], colours: Mapping[str, str]) -> Markup:
    columns = [
        _group(colours),
        _mean("fill_rate", "Filled", "%"),
        _mean("maker_share", "Maker", "%"),
        _mean("slippage_bps_vwap", "vs VWAP", "bp"),
        _mean("slippage_bps_pwp", "vs PWP", "bp"),
        _mean("slippage_bps_close", "vs close", "bp"),
        _mean("spread_capture", "Capture", "of half spread"),
        _mean("adverse_bps_10s", "Adverse 10 s", "bp"),
        _mean("reversion_bps_60s", "Reverted 60 s", "bp"),
        _mean("schedule_gap", "Off schedule", "%"),
        _mean("surprise", "Surprise", "deviations"),
    ]
    return table("Execution", columns, _rows(groups), class_="narrow")


def _rows(groups: list[Any]) -> list[dict[str, Any]]:
    return [{"group": name} | each for name, each in groups]


def _group(colours: Mapping[str, str]) -> Column:
    def write(row: Mapping[str, Any]) -> Markup:
        key = tag("i", class_=f"key {colours[row['group']]}")
        return tag("span", key, row["group"], class_="venue")

    return Column("Group", "", write, lambda r: r["rank"], is_number=False)


def _mean(metric: str, name: str, unit: str) -> Column:
    def write(row: Mapping[str, Any]) -> Markup:
        cell = row["metrics"][metric]
        span = f"{_said(metric, cell['low'])} to {_said(metric, cell['high'])}"
        small = tag("small", span) if cell["low"] is not None else ""
        return tag("span", _said(metric, cell["mean"]), small)

    def key(row: Mapping[str, Any]) -> object:
        mean = row["metrics"][metric]["mean"]
        return "" if mean is None else mean

    return Column(name, unit, write, key)


def _facts(found: League, told: Mapping[str, Any]) -> Markup:
    facts = {
        "runs": f"{told['runs']:,}",
        "interval": f"{found.level:.0%}, percentile bootstrap, {found.draws:,} draws, "
        f"seed {found.seed}; its units are parent orders",
        "weight": "each parent alike" if found.weight == "parent" else "by notional traded",
        "pairs": "parents of one seed, book, side, size and time",
        "baseline": str(found.baseline),
    }
    cells = [tag("dt", name) + tag("dd", text) for name, text in facts.items()]
    return tag("dl", *(Markup(cell) for cell in cells), class_="facts")


def _footer() -> Markup:
    return tag(
        "footer",
        tag(
            "p",
            "A cost is above zero, for buys and sells alike. An interval says how much the mean "
            "would move were other runs drawn like these; what these runs have in common, such as "
            "a model of the market, is not in it.",
        ),
        tag("p", "Efron and Tibshirani (1993); Perold (1988)."),
    )


def _section(title: str, note: str, *content: Markup) -> Markup:
    return tag("section", tag("h2", title), tag("p", note, class_="note") if note else "", *content)
