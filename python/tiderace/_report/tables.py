"""The tables of a report: what is in a column, how it is written, and its unit in the heading."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from tiderace._report.charts import swatch
from tiderace._report.text import (
    NOTHING,
    Markup,
    clock,
    esc,
    number,
    percent,
    quantity,
    tag,
)
from tiderace._tca.refused import DESK_CL_ORD_ID
from tiderace._tca.words import short_names
from tiderace.tca import Analysis, Inputs

CHILDREN_MAX = 250
"""Child orders shown; the rest are counted."""
REFUSALS_MAX = 100
_HORIZONS = ("0.1s", "1s", "10s", "60s")


class Column(msgspec.Struct, frozen=True):
    """A heading with its unit, how to write a cell, and what to sort by (else the cell itself)."""

    name: str
    unit: str
    write: Callable[[Any], object]
    key: Callable[[Any], object] | None = None
    is_number: bool = True


def table(
    caption: str, columns: Sequence[Column], rows: Iterable[Any], *, class_: str = ""
) -> Markup:
    """Return a table that scrolls in its own frame and sorts by a click on a heading."""
    head = tag(
        "tr",
        *(
            tag(
                "th",
                tag("button", c.name, tag("small", c.unit) if c.unit else "", type="button"),
                scope="col",
                class_="n" if c.is_number else None,
            )
            for c in columns
        ),
    )
    body = [
        tag(
            "tr",
            *(
                tag(
                    "td",
                    c.write(row),
                    class_="n" if c.is_number else None,
                    data_v=c.key(row) if c.key else None,
                )
                for c in columns
            ),
        )
        for row in rows
    ]
    inner = tag(
        "table",
        tag("caption", caption, class_="away"),
        tag("thead", head),
        tag("tbody", *body),
        class_="sortable",
    )
    return tag(
        "div",
        inner,
        class_=f"frame {class_}".strip(),
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def bp(row_key: str) -> Callable[[Mapping[str, Any]], str]:
    """Return a writer of basis points with their sign."""
    return lambda row: number(row[row_key], 2, sign=True)


def money(
    row_key: str, digits: int = 2, *, sign: bool = False
) -> Callable[[Mapping[str, Any]], str]:
    """Return a writer of money."""
    return lambda row: number(row[row_key], digits, sign=sign)


def plain(row_key: str) -> Callable[[Mapping[str, Any]], str]:
    """Return a writer of text; a dash for none."""
    return lambda row: str(row[row_key] if row[row_key] not in (None, "") else NOTHING)


def _value(row_key: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda row: "" if row[row_key] is None else row[row_key]


def _figure(name: str, unit: str, row_key: str, write: Callable[[Any], object]) -> Column:
    return Column(name, unit, write, _value(row_key))


def _name(row: Mapping[str, Any]) -> Markup:
    return tag("span", tag("i", class_=f"key {swatch(row['i'])}"), row["venue"], class_="venue")


def _share(row: Mapping[str, Any]) -> Markup:
    width = tag("i", style=f"width:{row['share'] * 100:.1f}%", class_=swatch(row["i"]))
    return tag(
        "span",
        tag("span", width, class_="meter"),
        tag("span", percent(row["share"]), class_="of"),
        class_="share",
    )


def venues(inputs: Inputs, analysis: Analysis) -> tuple[Markup, Markup]:
    """Return what was got where, and what it cost there."""
    base = inputs.markets[0].base if inputs.markets else ""
    rows = [
        row | {"i": i, **{f"slip_{b}": v for b, v in row["slippage_bps"].items()}}
        for i, (name, venue) in enumerate(analysis.summary["by_venue"].items())
        for row in [{"venue": name} | venue]
    ]
    got = table(
        "What was got at each venue",
        [
            Column("Venue", "", _name_and_why, _value("venue"), is_number=False),
            _figure("Exposure", base, "exposure", lambda r: quantity(r["exposure"], 5)),
            _figure("Share", "of exposure", "share", _share),
            _figure("Notional", "USD", "notional", money("notional", 0)),
            _figure("Avg price", f"USD / {base}", "avg_px", money("avg_px")),
            _figure("vs arrival", "bp", "slip_arrival", bp("slip_arrival")),
            _figure("vs VWAP", "bp", "slip_vwap", bp("slip_vwap")),
            _figure("vs TWAP", "bp", "slip_twap", bp("slip_twap")),
            _figure("Maker", "of exposure", "maker_share", lambda r: percent(r["maker_share"])),
            _figure("Fills", "", "fills", money("fills", 0)),
            _figure("Children", "", "children", money("children", 0)),
        ],
        rows,
    )
    cost = table(
        "What each venue cost, and what its market did",
        [
            Column("Venue", "", _name, _value("venue"), is_number=False),
            _figure("Fees", "USD", "fees", money("fees", sign=True)),
            _figure("Fees", "bp", "fees_bps", bp("fees_bps")),
            _figure("Funding", "USD, expected", "funding", money("funding", sign=True)),
            _figure("Basis", "USD", "basis", money("basis", sign=True)),
            _figure("Conversion", "USD", "conversion", money("conversion", sign=True)),
            _figure("Arrival mid", "quote", "arrival_mid", money("arrival_mid", 3)),
            _figure("Spread", "bp at arrival", "spread_bps", money("spread_bps", 3)),
            _figure("Drift", "bp", "drift_bps", bp("drift_bps")),
            _figure("Left out of", "slices", "skips", money("skips", 0)),
            _figure("Refused", "orders", "refusals", money("refusals", 0)),
        ],
        rows,
    )
    return got, cost


def _name_and_why(row: Mapping[str, Any]) -> Markup:
    """Return a venue with why it got no more: orders refused outrank slices it was left out of."""
    refusal, skip = row["refusal"], row["skip"]
    none = "" if row["fills"] else "No fill. "
    if refusal:
        mostly = "mostly: " if refusal["count"] < row["refusals"] else ""
        why = f"{none}{row['refusals']:,} orders refused, {mostly}{refusal['words']}"
    elif none and skip:
        why = f"{none}Left out of {row['skips']:,} slices, mostly: {skip['words']}"
    else:
        return _name(row)
    return tag("span", _name(row), tag("small", why, class_="why"))


def parents(inputs: Inputs, analysis: Analysis) -> Markup:
    """Return one row a parent order."""
    base = inputs.markets[0].base if inputs.markets else ""
    columns = [
        Column("Parent", "id", lambda r: str(r["parent_id"] or "own orders"), _value("parent_id")),
        Column("Status", "", _status, _value("status"), is_number=False),
        _figure("Order", base, "order_qty", lambda r: f"{r['side']} {quantity(r['order_qty'], 5)}"),
        _figure("Filled", base, "filled_qty", lambda r: quantity(r["filled_qty"], 8)),
        _figure("Avg price", f"USD / {base}", "avg_px", money("avg_px")),
        _figure("vs arrival", "bp", "slippage_bps_arrival", bp("slippage_bps_arrival")),
        _figure("vs VWAP", "bp", "slippage_bps_vwap", bp("slippage_bps_vwap")),
        _figure("vs TWAP", "bp", "slippage_bps_twap", bp("slippage_bps_twap")),
        _figure("Fees", "USD", "fees", money("fees", sign=True)),
        _figure("Shortfall", "USD", "shortfall", money("shortfall", sign=True)),
        _figure("Shortfall", "bp", "shortfall_bps", bp("shortfall_bps")),
        _figure("Fills", "", "fills", money("fills", 0)),
        _figure("Start", "UTC", "start_ns", lambda r: clock(r["start_ns"])),
        _figure("End", "UTC", "end_ns", lambda r: clock(r["end_ns"])),
    ]
    return table("Parent orders", columns, analysis.parents.to_dicts(), class_="narrow")


def _status(row: Mapping[str, Any]) -> str:
    return f"{row['status']} ({row['reason']})" if row["reason"] else str(row["status"])


def children(inputs: Inputs, analysis: Analysis) -> Markup:
    """Return the first child orders, and how many more there are."""
    base = inputs.markets[0].base if inputs.markets else ""
    index = {market.name: i for i, market in enumerate(inputs.markets)}
    short = short_names(index)
    rows = [
        row | {"i": index[row["venue"]], "venue": short[row["venue"]]}
        for row in analysis.children[:CHILDREN_MAX].to_dicts()
    ]
    columns = [
        _figure("Opened", "UTC", "ts_ns", lambda r: clock(r["ts_ns"], 3)),
        _figure("Child", "id", "cl_ord_id", _child_id),
        Column("Venue", "", _name, _value("venue"), is_number=False),
        Column("Status", "", plain("ord_status"), is_number=False),
        _figure("Order", "venue's unit", "order_qty", _order),
        _figure("Filled", "venue's unit", "cum_qty", lambda r: quantity(r["cum_qty"], 8)),
        _figure("Limit", "quote", "price", lambda r: _price(r["price"])),
        _figure("Exposure", base, "exposure", lambda r: quantity(r["exposure"], 5)),
        _figure("Avg price", f"USD / {base}", "avg_px", money("avg_px")),
        _figure("vs arrival", "bp", "slippage_bps_arrival", bp("slippage_bps_arrival")),
        _figure("Fees", "USD", "fees", money("fees", 4, sign=True)),
        _figure("Maker", "of exposure", "maker_share", lambda r: percent(r["maker_share"], 0)),
        Column("Why it ended", "", plain("reason"), is_number=False),
    ]
    return table("Child orders", columns, rows, class_="long narrow")


def _order(row: Mapping[str, Any]) -> str:
    return f"{row['side']} {quantity(row['order_qty'], 8)}"


def _child_id(row: Mapping[str, Any]) -> object:
    """Return an order's key; those that the desk made are counted, the whole key in a tooltip."""
    key = int(row["cl_ord_id"])
    if key < DESK_CL_ORD_ID:
        return str(key)
    return tag("span", f"D{key - DESK_CL_ORD_ID + 1}", title=f"ClOrdID {key}")


def _price(text: str | None) -> str:
    if text is None:
        return NOTHING
    return number(text, len(text.partition(".")[2]))


def markouts(analysis: Analysis) -> Markup:
    """Return the mean move after a fill, by group and horizon."""
    groups: dict[str, dict[str, Any]] = {}
    for row in analysis.markouts.iter_rows(named=True):
        groups.setdefault(row["group"], {"group": row["group"]})[row["horizon"]] = row
    columns = [Column("Fills", "", plain("group"), is_number=False)]
    for horizon in _HORIZONS:
        columns.append(
            Column(
                f"{horizon[:-1]} s",
                "bp",
                lambda r, h=horizon: _markout(r[h]),  # type: ignore[misc]
                lambda r, h=horizon: "" if r[h]["bps"] is None else r[h]["bps"],  # type: ignore[misc]
            )
        )
    return table("Markouts", columns, groups.values(), class_="tight")


def _markout(cell: Mapping[str, Any]) -> Markup:
    missing = f"{cell['missing']:,} missing" if cell["missing"] else ""
    return tag("span", number(cell["bps"], 2, sign=True), tag("small", missing) if missing else "")


def refusals(analysis: Analysis) -> Markup | None:
    """Return what was refused, by reason; nothing where nothing was."""
    rows = analysis.summary["refusals"]
    if not rows:
        return None
    columns = [
        _figure("Times", "", "count", money("count", 0)),
        Column("Refused for", "", plain("reason"), is_number=False),
        Column("Where", "", plain("instrument"), is_number=False),
        Column("Rule", "", plain("words"), is_number=False),
        Column("Value", "first", lambda r: _amount(r, "value")),
        Column("Bound", "first", lambda r: _amount(r, "limit")),
        Column("Remedy", "", plain("remedy"), is_number=False),
        _figure("First", "UTC", "ts_ns", lambda r: clock(r["ts_ns"], 3)),
    ]
    return table("Refusals", columns, rows[:REFUSALS_MAX], class_="wordy")


def _amount(row: Mapping[str, Any], key: str) -> Markup | str:
    """Return a value in the unit of its rule."""
    text = row[key]
    if not text:
        return NOTHING
    shown = text if row["unit"] == "UTC" else number(text, len(text.partition(".")[2]))
    return tag("span", shown, tag("small", row["unit"]) if row["unit"] else "")


def skips(inputs: Inputs) -> Markup | None:
    """Return which venues were left out of slices, and why."""
    if inputs.skipped.height == 0:
        return None
    grouped = (
        inputs.skipped.group_by("instrument", "reason")
        .agg(count=pl.len())
        .sort("instrument", "count", descending=[False, True])
    )
    rows = [row | _words(inputs, row["reason"]) for row in grouped.to_dicts()]
    columns = [
        Column("Venue", "", lambda r: _market_name(inputs, r["instrument"]), is_number=False),
        _figure("Slices", "", "count", money("count", 0)),
        Column("Left out for", "", plain("name"), is_number=False),
        Column("Rule", "", plain("rule"), is_number=False),
    ]
    return table("Venues left out of slices", columns, rows, class_="wordy")


def _words(inputs: Inputs, code: int) -> dict[str, str]:
    name, rule, remedy = inputs.reasons.get(code, (f"reason {code}", "", ""))
    return {"name": name, "rule": rule, "remedy": remedy}


def _market_name(inputs: Inputs, i: int) -> str:
    return inputs.markets[i].name if i < len(inputs.markets) else NOTHING


def provenance(entries: Mapping[str, Any]) -> Markup:
    """Return names and values as they are; lists one below the other."""
    rows: list[Markup] = []
    for key, value in entries.items():
        several = value if isinstance(value, list | tuple) else [value]
        rows.append(tag("dt", key.replace("_", " ")))
        rows.extend(tag("dd", esc(item)) for item in several)
    return tag("dl", *rows, class_="facts")
