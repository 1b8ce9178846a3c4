"""How well it was traded: benchmarks, estimate and outcome, schedule, spread, reversion.

Every figure is `tiderace.tca`'s; here they are only drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tiderace._report import charts
from tiderace._report.pictures import View, thin
from tiderace._report.tables import Column, money, table
from tiderace._report.text import Markup, join, number, percent, tag
from tiderace._tca.words import short_names
from tiderace.tca import Analysis, Inputs

_BENCHMARKS = (
    ("arrival", "Arrival", "own mid when the order arrived"),
    ("vwap", "VWAP", "the market's, from arrival to completion"),
    ("twap", "TWAP", "the mid, from arrival to completion"),
    ("pwp", "PWP", "VWAP of the first {times} its own size traded from arrival"),
    ("close", "Close", "own mid at the end that was asked for"),
)
_HORIZONS = ("1s", "10s", "60s")
_PARTS = ("trading", "basis", "delay", "conversion", "fees", "opportunity")
_SLICES_MARKED = 400
"""Of more slices only the line is drawn, thinned as every line is."""


def benchmarks(inputs: Inputs, analysis: Analysis) -> Markup:
    """Return the fills against each benchmark, by exposure."""
    slippage = analysis.summary["slippage_bps"]
    rows = []
    for key, name, why in _BENCHMARKS:
        why = why.format(times=f"{1 / inputs.pwp_rate:g} times")
        rows.append((name, why, slippage[key], ""))
    return _card(
        "Against benchmarks",
        "Mean over the fills by exposure, in bp. To the right of the line it cost, to the left it "
        "saved; a dash where the recording does not reach.",
        _bars("bp", rows),
    )


def estimate(analysis: Analysis) -> Markup:
    """Return what each parent should have cost, and what it did."""
    cards = [_estimated(row) for row in analysis.estimates.to_dicts()[:4]]
    if not cards:
        return Markup("")
    return _card(
        "Estimate before the trade",
        "Half the spread, impact by the square-root law and taker fees, with one deviation of the "
        "market over the order's time; the outcome is trading and fees.",
        *cards,
    )


def _estimated(row: Mapping[str, Any]) -> Markup:
    cost, risk, outcome = row["cost_bps"], row["risk_bps"], row["outcome_bps"]
    known = [cost - risk, cost + risk, 0.0, *([outcome] if outcome is not None else [])]
    low, high = min(known), max(known)
    pad = 0.08 * ((high - low) or 1.0)
    low, high = low - pad, high + pad

    def at(value: float) -> str:
        return f"{(value - low) / (high - low) * 100:.2f}%"

    band = f"left:{at(cost - risk)};width:{2 * risk / (high - low) * 100:.2f}%"
    marks = [
        tag("i", class_="origin", style=f"left:{at(0.0)}"),
        tag("i", class_="band", style=band),
        tag("i", class_="at", style=f"left:{at(cost)}"),
    ]
    if outcome is not None:
        marks.append(tag("i", class_="dot-at", style=f"left:{at(outcome)}"))
    said = "no fill to hold it against"
    if row["surprise"] is not None:
        side = "above" if row["surprise"] > 0 else "below"
        away = number(abs(row["surprise"]), 2)
        said = f"{number(outcome, 2, sign=True)} bp: {away} deviations {side} the estimate"
    parts = [
        ("Half spread", f"{number(row['half_spread_bps'], 2, sign=True)} bp"),
        ("Impact", f"{number(row['impact_bps'], 2, sign=True)} bp"),
        ("Taker fees", f"{number(row['fees_bps'], 2, sign=True)} bp"),
        ("Estimate", f"{number(cost, 2, sign=True)} ± {number(risk, 2)} bp"),
        ("Outcome", said),
    ]
    hindsight = " Volume and volatility are those of the work itself: too little came before it."
    law = f"{row['law']}, Q {percent(row['share'], 2)} of the volume in {row['horizon_s']:g} s, "
    law += f"volatility {percent(row['sigma'], 1)} a day."
    return tag(
        "div",
        tag("div", *marks, class_="track range"),
        tag(
            "ul",
            tag("li", tag("i", class_="key band"), "estimate ± one deviation"),
            tag("li", tag("i", class_="key dot outcome"), "outcome"),
            tag("li", tag("i", class_="key zero-at"), "zero"),
            class_="legend",
        ),
        tag(
            "dl",
            *(join(tag("dt", name), tag("dd", text)) for name, text in parts),
            class_="estimate",
        ),
        tag("p", law, hindsight if row["is_hindsight"] else "", class_="note"),
    )


def schedule(analysis: Analysis, view: View) -> Markup:
    """Return how far ahead of its schedule or behind it the largest parent was, slice by slice."""
    if not view.has_parent or view.parent is None:
        return Markup("")
    mine = analysis.schedule.filter(pl.col("parent_id") == view.parent["parent_id"])
    mine = mine.filter(pl.col("gap_share").is_not_null())
    if mine.height == 0:
        return Markup("")
    rows = mine.to_dicts()
    drawn = thin(mine.select(pl.col("end_ns").alias("ts_ns"), "gap_share")).rows()
    points = [(view.seconds(end_ns), gap * 100) for end_ns, gap in drawn]
    x = view.axis()
    y = charts.axis_over([0.0, *(v for _, v in points)], unit="% of the order", digits=2)
    figures = _of(analysis, rows[0]["algo"])["schedule"]
    spots = [(x.at(at), y.at(v)) for at, v in points]
    hits, marks = [], Markup("")
    if len(rows) <= _SLICES_MARKED:
        marks = charts.marks(spots, size=7, class_="taker gap")
        hits = [
            (*spot, f"slice {row['slice']}: {row['filled']} of {row['target']} when it was done")
            for spot, row in zip(spots, rows, strict=True)
        ]
    return charts.chart(
        title="Schedule adherence",
        note=f"Filled less target when each of {len(rows):,} slices was done. Mean distance "
        f"{percent(figures['gap_mean_abs'], 2)}, at most {percent(figures['behind_max'], 2)} "
        f"behind and {percent(figures['ahead_max'], 2)} ahead.",
        x=x,
        y=y,
        layers=[
            charts.line([(0.0, 0.0), *points], x, y, name="gap", class_="gap"),
            marks,
        ],
        keys=charts.legend(("ahead above zero, behind below", "gap")),
        hits=hits,
        described="Filled less target after each slice, in percent of the order.",
    )


def _of(analysis: Analysis, algo: str) -> dict[str, Any]:
    found: dict[str, Any] = analysis.summary["by_algo"][algo]
    return found


def quality(inputs: Inputs, analysis: Analysis) -> Markup:
    """Return one row an algorithm and one each of its venues."""
    columns = [
        Column("Algorithm", "and venue", _where, lambda r: r["order"], is_number=False),
        _share("Filled", "of sent", "fill_rate"),
        _share("Maker", "of exposure", "maker_share"),
        _bp("Half spread", "bp", "half_spread_bps", 3),
        _bp("Effective", "spread, bp", "effective_spread_bps", 3),
        _bp("Capture", "of half spread", "spread_capture", 2),
        *(_bp(f"Adverse {h[:-1]} s", "bp, makers", f"adverse_bps_{h}") for h in _HORIZONS),
        *(_bp(f"Reverted {h[:-1]} s", "bp", f"reversion_bps_{h}") for h in _HORIZONS[1:]),
        _bp("Cost", "bp", "total_bps"),
    ]
    rows = _quality_rows(inputs, analysis)
    return table("Execution quality", columns, rows, class_="narrow")


def _quality_rows(inputs: Inputs, analysis: Analysis) -> list[dict[str, Any]]:
    index = {market.name: i for i, market in enumerate(inputs.markets)}
    short = short_names(index)
    rows = analysis.quality.with_row_index("order").to_dicts()
    for row in rows:
        row["i"] = index.get(row["venue"])
        row["name"] = short.get(row["venue"], row["algo"])
    return rows


def shortfall(inputs: Inputs, analysis: Analysis) -> Markup:
    """Return the shortfall of each algorithm and venue by part, in USD."""
    columns = [
        Column("Algorithm", "and venue", _where, lambda r: r["order"], is_number=False),
        *(_usd(part.capitalize(), part) for part in _PARTS),
        _usd("Total", "total"),
        _bp("Total", "bp", "total_bps"),
        Column("Notional", "USD", money("notional", 0), lambda r: r["notional"]),
    ]
    rows = _quality_rows(inputs, analysis)
    for row in rows:
        # What was left undone is the algorithm's, never a venue's.
        if row["venue"] is not None:
            row["opportunity"] = None
    return table("Shortfall by algorithm and venue", columns, rows, class_="narrow")


def _usd(name: str, key: str) -> Column:
    return Column(name, "USD", money(key, sign=True), lambda r: _plain(r[key]))


NOTE = (
    "Capture: 1 earned the whole half spread of the book that a fill met, minus 1 paid it, below "
    "that it swept deeper. Adverse: the market against what had rested. Reverted: how far the mid "
    "came back after the order was done; above zero that much had been our own pressure. Cost: all "
    "parts of the shortfall; a venue's in bp of what was traded there, and the unfilled rest is "
    "no venue's."
)


def _where(row: Mapping[str, Any]) -> Markup:
    if row["venue"] is None:
        return tag("strong", row["algo"])
    key = tag("i", class_=f"key {charts.swatch(row['i'])}")
    return tag("span", key, row["name"], class_="venue inside")


def _share(name: str, unit: str, key: str) -> Column:
    return Column(name, unit, lambda r: percent(r[key]), lambda r: _plain(r[key]))


def _bp(name: str, unit: str, key: str, digits: int = 2) -> Column:
    return Column(name, unit, lambda r: number(r[key], digits, sign=True), lambda r: _plain(r[key]))


def _plain(value: Any) -> object:
    return "" if value is None else value


def _card(title: str, note: str, *content: Markup) -> Markup:
    return tag(
        "figure",
        tag("figcaption", tag("h2", title), tag("p", note, class_="note")),
        *content,
        class_="chart",
    )


def _bars(unit: str, rows: Sequence[tuple[str, str, float | None, str]]) -> Markup:
    """Return bars from zero of (name, why, value, word beside it)."""
    values = [value for _, _, value, _ in rows if value is not None]
    low, high = min([0.0, *values]), max([0.0, *values])
    span = (high - low) or 1.0
    body = []
    for name, why, value, word in rows:
        marks = [tag("i", class_="origin", style=f"left:{-low / span * 100:.2f}%")]
        if value is not None:
            left, width = (min(value, 0.0) - low) / span * 100, abs(value) / span * 100
            kind = "cost" if value > 0 else "gain"
            style = f"left:{left:.2f}%;width:{max(width, 0.3):.2f}%"
            marks.append(tag("i", class_=f"bar {kind}", style=style))
        text = number(value, 2, sign=True)
        body.append(
            tag(
                "tr",
                tag("th", name, tag("small", why), scope="row"),
                tag("td", tag("div", *marks, class_="track"), class_="bars"),
                tag("td", text, tag("small", word) if word else "", class_="n"),
            )
        )
    head = tag(
        "tr",
        tag("th", "Benchmark", scope="col"),
        tag("td", "", class_="bars"),
        tag("th", unit, scope="col", class_="n"),
    )
    return tag("table", tag("thead", head), tag("tbody", *body), class_="waterfall")
