"""The page of a report: what was asked, what was got, at which cost, and how it can be proved."""

from decimal import Decimal
from typing import Any

from tiderace._report import charts, options, pictures, quality, tables
from tiderace._report.document import document
from tiderace._report.text import (
    NOTHING,
    Markup,
    clock,
    date,
    duration,
    esc,
    number,
    percent,
    quantity,
    tag,
)
from tiderace._tca.words import stopped_words
from tiderace.tca import Analysis, Asked, Inputs

_SHORTFALL = (
    ("trading", "Trading", "fills against own arrival mid"),
    ("basis", "Basis", "where each market stood to the reference at arrival"),
    ("delay", "Delay", "the market between decision and arrival"),
    ("conversion", "Conversion", "what quote currencies are declared to be worth"),
    ("fees", "Fees", "paid to venues, rebates taken off"),
    ("opportunity", "Opportunity", "what was left undone, at the last mid"),
)
_GOOD = {"completed", "no parent"}
_BAD = {"rejected", "canceled", "interrupted"}


def page(inputs: Inputs, analysis: Analysis) -> str:
    """Return the whole document."""
    view = pictures.View(inputs, analysis)
    got, cost = tables.venues(inputs, analysis)
    refused, skipped = tables.refusals(analysis), tables.skips(inputs)
    has_orders = bool(analysis.summary["parents"] or analysis.summary["fills"])
    is_mixed = bool(analysis.summary["is_mixed"])
    vols = options.sections(inputs, view)
    # Of an option and its hedge together no mean price and no share says anything.
    sections: list[Markup] = [*([] if is_mixed else [_figures(inputs, analysis)]), *vols]
    if has_orders and is_mixed:
        sections += [
            tag("div", _shortfall(analysis), _markouts(analysis), class_="pair"),
            pictures.price(inputs, analysis, view),
            pictures.depth(inputs, analysis, view),
        ]
    elif has_orders:
        sections += [
            tag(
                "div",
                _shortfall(analysis),
                pictures.progress(inputs, analysis, view),
                class_="pair",
            ),
            pictures.price(inputs, analysis, view),
            tag("div", pictures.depth(inputs, analysis, view), _markouts(analysis), class_="pair"),
            tag(
                "div",
                quality.benchmarks(inputs, analysis),
                quality.estimate(analysis),
                class_="pair",
            ),
            quality.schedule(analysis, view),
            _section(
                "Execution quality",
                quality.NOTE,
                quality.quality(inputs, analysis),
                quality.shortfall(inputs, analysis),
            ),
        ]
    sections += [
        _section("Venues", "", got, cost),
        _section("Parent orders", "", tables.parents(inputs, analysis)),
        _section("Child orders", _children_note(analysis), tables.children(inputs, analysis)),
    ]
    if skipped is not None:
        sections.append(_section("Venues left out of slices", "", skipped))
    none = tag("p", "Nothing was refused.", class_="note")
    sections.append(_section("Refusals", "", refused if refused is not None else none))
    sections.append(_section("Provenance", "", tables.provenance(_facts(inputs))))
    title = f"{inputs.name}: {_asked_text(inputs, analysis)}"
    return document(title, _header(inputs, analysis, view), sections, _footer())


def _header(inputs: Inputs, analysis: Analysis, view: pictures.View) -> Markup:
    summary = analysis.summary
    status = summary["status"]
    kind = "good" if status in _GOOD else "bad" if status in _BAD else "fair"
    when = ""
    if view.start:
        when = f"{date(view.start)}, {clock(view.start, 1)} to {clock(view.end, 1)} UTC"
        when += f" ({duration(view.end - view.start)})"
    synthetic = tag(
        "p",
        tag("strong", "Synthetic books."),
        " The desk traded on Tiderace's own venue, against an order flow generated from a seed. "
        "These are nobody's prices.",
        class_="synthetic",
    )
    return tag(
        "header",
        synthetic if inputs.is_synthetic else "",
        _stopped(analysis),
        *(
            tag("p", tag("strong", f"{stopped_words(row)}."), class_="interrupted", role="alert")
            for row in inputs.stopped
        ),
        tag(
            "p",
            tag("span", "Tiderace", class_="brand"),
            tag("span", "execution report"),
            tag("span", inputs.name, class_="run"),
            tag("span", status, class_=f"pill {kind}"),
            tag("span", "synthetic", class_="pill synth") if inputs.is_synthetic else "",
            class_="eyebrow",
        ),
        tag(
            "h1",
            _asked_text(inputs, analysis),
            ": interrupted" if summary["interrupted"] else "",
        ),
        tag("p", _got_text(inputs, analysis), class_="lead"),
        tag("p", when, class_="when") if when else "",
    )


def _stopped(analysis: Analysis) -> Markup:
    """Return the banner of a run that did not come to its end."""
    stopped = analysis.summary["interrupted"]
    if stopped is None:
        return Markup("")
    share = stopped["filled_share"]
    done = "" if share is None else f" after {percent(share)} of the order"
    return tag(
        "p",
        tag("strong", f"Interrupted at {clock(stopped['ts_ns'], 1)} UTC{done}."),
        " Every figure and chart ends there: what the market did later is not in them.",
        class_="interrupted",
        role="alert",
    )


def _asked_text(inputs: Inputs, analysis: Analysis) -> str:
    if vols := options.said(inputs):
        return vols[0]
    base = inputs.markets[0].base if inputs.markets else ""
    if len(inputs.asked) == 1 and analysis.summary["parents"] <= 1:
        return _parent_text(inputs.asked[0], inputs)
    count = analysis.summary["parents"]
    if count:
        total = quantity(analysis.summary["order_qty"])
        return f"{count} parent order{'s' if count > 1 else ''} over {total} {base}"
    return f"{analysis.summary['children']:,} orders of a strategy"


def _parent_text(asked: Asked, inputs: Inputs) -> str:
    market = inputs.markets[0]
    qty = Decimal(asked.order_qty).scaleb(-int(market.terms["base_decimals"]))
    parts = [f"{asked.side.capitalize()} {quantity(qty, 8)} {market.base}, {asked.algo.upper()}"]
    if asked.duration_ns:
        parts[0] += f" over {duration(asked.duration_ns)}"
    if asked.slices:
        parts[0] += f" in {asked.slices} slices"
    if asked.limit is not None:
        parts.append(f"limit {asked.limit * 100:f}".rstrip("0").rstrip(".") + " % beyond arrival")
    return ", ".join(parts)


def _got_text(inputs: Inputs, analysis: Analysis) -> str:
    summary = analysis.summary
    base = inputs.markets[0].base if inputs.markets else ""
    if vols := options.said(inputs):
        return _ended(vols[1], summary)
    if not summary["fills"]:
        nothing = f"Nothing was filled of {quantity(summary['order_qty'], 8)} {base}"
        end = summary["reason"]
        return f"{nothing}: {end['words']}" if end else f"{nothing}."
    verb = {"buy": "Bought", "sell": "Sold"}.get(summary["side"], "Traded")
    first = f"{verb} {quantity(summary['filled_qty'], 8)} {base}"
    first += f" at {number(summary['avg_px'], 2)} USD per {base}"
    used = sum(1 for venue in summary["by_venue"].values() if venue["fills"])
    first += f" on {used} venue{'s' if used > 1 else ''}"
    slip, drift = summary["slippage_bps"]["arrival"], summary["drift_bps"]
    if slip is not None:
        word = "worse" if slip > 0 else "better"
        first += f", {number(abs(slip), 2)} bp {word} than arrival"
    if drift is not None and round(drift, 1):
        first += f", while the market {'rose' if drift > 0 else 'fell'} {number(abs(drift), 1)} bp"
    return _ended(first, summary)


def _ended(first: str, summary: dict[str, Any]) -> str:
    """Return a sentence, and the end of the order where it is not what was wanted."""
    end, first = summary["reason"], first.removesuffix(".")
    if end and summary["status"] not in _GOOD:
        first += f". The order ended {summary['status']}: {end['words']}"
    return first.removesuffix(".") + "."


def _figures(inputs: Inputs, analysis: Analysis) -> Markup:
    summary = analysis.summary
    base = inputs.markets[0].base if inputs.markets else ""
    slip, short = summary["slippage_bps"], summary["shortfall"]
    order, filled = Decimal(summary["order_qty"]), Decimal(summary["filled_qty"])
    done = percent(float(filled / order), 2) if order else NOTHING

    def versus(name: str) -> Markup:
        value = slip[name.lower()]
        kind = "" if value is None else "cost" if value > 0 else "gain"
        word = {"cost": "cost", "gain": "gain", "": "no market to measure"}[kind]
        return _figure(f"vs {name}", number(value, 2, sign=True), "bp", word, kind)

    return tag(
        "section",
        _figure("Filled", quantity(filled, 8), base, f"{done} of {quantity(order, 8)} {base}"),
        _figure(
            "Average price", number(summary["avg_px"], 2), f"USD / {base}", "notional over exposure"
        ),
        versus("arrival"),
        versus("VWAP"),
        versus("TWAP"),
        _figure(
            "Shortfall",
            number(short["total"], 2, sign=True),
            "USD",
            f"{number(short['total_bps'], 2, sign=True)} bp of what was asked",
        ),
        _figure(
            "Fees",
            number(summary["fees"], 2, sign=True),
            "USD",
            f"{number(summary['fees_bps'], 2, sign=True)} bp",
        ),
        _figure(
            "Basis",
            number(summary["basis"], 2, sign=True),
            "USD",
            f"against {summary['reference'] or 'the reference'}",
        ),
        _figure(
            "Expected funding",
            number(summary["funding"], 2, sign=True),
            "USD",
            f"over {duration(inputs.holding_ns)} held, not in the shortfall"
            if inputs.holding_ns
            else "no holding time",
        ),
        _figure(
            "Market's drift",
            number(summary["drift_bps"], 1, sign=True),
            "bp",
            _drift_note(summary),
        ),
        _figure("Maker", percent(summary["maker_share"]), "", "of exposure"),
        _figure(
            "Fills", number(summary["fills"], 0), "", f"in {summary['children']:,} child orders"
        ),
        class_="figures",
        aria_label="Key figures",
    )


def _figure(name: str, value: str, unit: str, note: str, kind: str = "") -> Markup:
    return tag(
        "div",
        tag("h3", name),
        tag("p", tag("b", value), tag("span", unit), class_=f"value {kind}".strip()),
        tag("p", note, class_="note"),
    )


def _drift_note(summary: dict[str, Any]) -> str:
    if summary["interrupted"]:
        return "arrival to where the run stopped"
    whole = number(summary["drift_recording_bps"], 1, sign=True)
    return f"arrival to end; {whole} bp to where a book's recording ends"


def _shortfall(analysis: Analysis) -> Markup:
    short = analysis.summary["shortfall"]
    total, share = Decimal(short["total"]), short["total_bps"]
    asked = float(total) / share * 1e4 if share else 0.0

    def row(key: str, name: str, why: str) -> tuple[str, float, str, str, str]:
        value = Decimal(short[key])
        part = number(float(value) / asked * 1e4, 2, sign=True) if asked else NOTHING
        return name, float(value), number(value, 2, sign=True), part, why

    rows = [row(*line) for line in _SHORTFALL]
    rows.append(row("total", "Total", "against the whole order at the decision mid"))
    reference = analysis.summary["reference"] or NOTHING
    return tag(
        "figure",
        tag(
            "figcaption",
            tag("h2", "Implementation shortfall"),
            tag("p", f"A cost is above zero. Reference: {reference}.", class_="note"),
        ),
        tag(
            "table",
            tag(
                "thead",
                tag(
                    "tr",
                    tag("th", "Part", scope="col"),
                    tag("td", "", class_="bars"),
                    tag("th", "USD", scope="col", class_="n"),
                    tag("th", "bp", scope="col", class_="n"),
                ),
            ),
            tag("tbody", charts.waterfall(rows)),
            class_="waterfall",
        ),
        class_="chart",
    )


def _markouts(analysis: Analysis) -> Markup:
    return tag(
        "figure",
        tag(
            "figcaption",
            tag("h2", "Markouts"),
            tag(
                "p",
                "Own mid so long after a fill against its price, by exposure. Above zero the "
                "market moved our way; missing are fills nearer to the end than that.",
                class_="note",
            ),
        ),
        tables.markouts(analysis),
        class_="chart",
    )


def _section(title: str, note: str, *content: Markup) -> Markup:
    return tag("section", tag("h2", title), tag("p", note, class_="note") if note else "", *content)


def _children_note(analysis: Analysis) -> str:
    total = analysis.children.height
    if total <= tables.CHILDREN_MAX:
        return f"{total:,} child orders, as they stood last. A heading sorts."
    rest = total - tables.CHILDREN_MAX
    shown = f"The first {tables.CHILDREN_MAX:,} of {total:,} child orders"
    return f"{shown}; {rest:,} more are not shown. A heading sorts."


def _facts(inputs: Inputs) -> dict[str, Any]:
    fees = []
    for market in inputs.markets:
        parts = [f"taker {_bps(market.fee_taker)}", f"maker {_bps(market.fee_maker)}"]
        if market.terms["kind"] == "perpetual":
            parts.append(
                f"funding {_bps(market.funding_rate)} per {duration(market.funding_interval_ns)}"
            )
        fees.append(f"{market.name}: {', '.join(parts)}")
    worth = [
        f"{asset} = {value} USD, declared"
        for asset, value in inputs.usd_per.items()
        if asset != "USD"
    ]
    books = "synthetic, order flow from the seed" if inputs.is_synthetic else "recorded"
    return {
        "run": inputs.name,
        "books": books,
        **inputs.provenance,
        "fees and funding": fees,
        "currencies": worth or ["USD only"],
    }


def _bps(value: Decimal | None) -> str:
    return NOTHING if value is None else f"{number(value * 10_000, 2, sign=True)} bp"


def _footer() -> Markup:
    return tag(
        "footer",
        tag(
            "p",
            "A cost is above zero, for buys and sells alike; a markout above zero is in our "
            "favour. Slippage is each fill against its own instrument's prices, weighted by "
            "exposure, so that basis is never slippage. VWAP and TWAP run from arrival to "
            "completion over each instrument's own market. Fees in the base asset are counted at "
            "the own arrival mid. Money is USD at the declared rates.",
        ),
        tag(
            "p",
            "How the venues are modelled: orders that take sweep what is displayed, and what they "
            "took stays gone until the feed refreshes it. Orders that wait fill on trades at or "
            "through their price, after the queue before them, and where displayed depth crosses "
            "them. The market does not react to either.",
        ),
        tag(
            "p",
            esc(
                "Perold (1988); Kissell and Glantz (2003); Huang and Stoll (1996); "
                "Toth et al. (2011)."
            ),
        ),
    )
