"""A chain and its surface as one self-contained HTML page: smiles, term structure, tables.

Nothing is fetched, and everything can be read without scripts; with them there are words at the
pointer and tables that sort.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tiderace import _chain_view
from tiderace._chain_view import View
from tiderace._report import charts
from tiderace._report.charts import Axis
from tiderace._report.document import document, figure, notes, section
from tiderace._report.tables import Column, table
from tiderace._report.text import NOTHING, Markup, number, percent, tag
from tiderace.model import reason_named

_ARBITRAGES = 200
# Wings that hold a quote a tick high would flatten the rest of a smile.
_VOL_REACH = 1.6
# Strikes farther than this from the forward are worth a tick, and would squeeze the others.
_DEVIATIONS = 5.0
_STYLE = """
.mark.quote { stroke: var(--c0); } .mark.ask { stroke: var(--c1); }
.line.spread { stroke: var(--faint); stroke-width: 2; }
.line.fit { stroke: var(--accent); stroke-width: 2; }
.key.dot.bid { background: var(--c0); border-color: var(--c0); }
.key.dot.ask { background: var(--c1); border-color: var(--c1); }
.key.fit { border-top: 3px solid var(--accent); }
nav { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 12px; }
nav a { color: var(--accent); text-decoration: none; border: 1px solid var(--rule);
  border-radius: 999px; padding: 1px 10px; font-size: 13px; background: var(--card); }
nav a:hover { border-color: var(--accent); }
td .legs { display: grid; }
"""


# Expiries are in order: one colour runs into the other.
_RAMP = 26


def _ramp() -> str:
    mixed = (
        f".r{at} {{ --c: color-mix(in oklab, var(--c1) {4 * at}%, var(--c0)); }}"
        for at in range(_RAMP)
    )
    return "\n".join(mixed)


def _tint(at: int, count: int) -> str:
    return f"r{round(at * (_RAMP - 1) / max(count - 1, 1))}"


def page(view: View) -> str:
    """Return the whole document."""
    rows = _chain_view.slices(view)
    smiles = [_smile(view, row) for row in rows]
    pairs = [tag("div", *smiles[at : at + 2], class_="pair") for at in range(0, len(smiles), 2)]
    sections = [
        _figures(view, rows),
        tag("div", _all_smiles(view, rows), _term(rows), class_="pair"),
        *pairs,
        section("Expiries", _EXPIRIES_NOTE, _expiries(rows)),
        section("Arbitrage at the touch", _arbitrage_note(view), _arbitrages(view)),
        section("Quotes left out", "", _left_out(view)),
    ]
    title = f"{view.chain.currency or 'Option'} chain, {_chain_view.time_name(view.chain.ts_ns)}"
    header, footer = _header(view, rows, title), notes(*_chain_view.notes(view))
    return document(title, header, sections, footer, style=_STYLE + _ramp())


def _header(view: View, rows: Sequence[Mapping[str, Any]], title: str) -> Markup:
    judged, inside = int(view.judged.sum()), int(view.inside.sum())
    free = view.worst >= 0.0
    used = sum(reason is None for reason in view.reasons)
    lead = (
        f"{used:,} of {view.chain.frame.height:,} quotes give a surface of {len(rows)} expiries. "
        f"It passes within half the spread of {percent(inside / judged if judged else None)} of "
        f"the {judged:,} two-sided quotes with a delta of 0.05 to 0.95."
    )
    links = [tag("a", row["expiry"], href=f"#e{row['expiry_ns']}") for row in rows]
    return tag(
        "header",
        tag(
            "p",
            tag("span", "Tiderace", class_="brand"),
            tag("span", "vol surface"),
            tag("span", view.chain.snapshot, class_="run"),
            tag(
                "span",
                "no arbitrage" if free else "arbitrage",
                class_="pill good" if free else "pill bad",
            ),
            class_="eyebrow",
        ),
        tag("h1", title),
        tag("p", lead, class_="lead"),
        tag("nav", *links, aria_label="Expiries"),
    )


def _figures(view: View, rows: Sequence[Mapping[str, Any]]) -> Markup:
    judged, inside = int(view.judged.sum()), int(view.inside.sum())
    month = min(rows, key=lambda row: abs(row["days"] - 30.0), default=None)
    kept = view.survivors
    return tag(
        "section",
        figure("Expiries", f"{len(rows)}", f"{len(view.surface.refused)} without a slice"),
        figure(
            "Inside half the spread",
            percent(inside / judged if judged else None),
            f"{inside:,} of {judged:,} quotes",
        ),
        figure(
            "At-the-money vol",
            percent(month["atm_vol"] if month else None),
            f"{month['expiry']}, {month['days']:.0f} days" if month else "",
        ),
        figure("Fit", f"{view.fit_ms:.1f} ms", "quotes to checked surface"),
        figure("Arbitrage at the touch", f"{len(view.found)}", "spread paid, before fees"),
        figure("After fees", f"{len(kept)}", "taker fees of every leg paid"),
        class_="figures",
        aria_label="Key figures",
    )


def _all_smiles(view: View, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """All slices over standardised moneyness, as far as their own quotes reach."""
    lines, values = [], []
    for row in rows:
        reach = np.linspace(-2.5, 2.5, 81)
        k = reach * row["atm_vol"] * np.sqrt(row["days"] / 365.0)
        vol = _vol_at(row, view, k)
        lines.append(list(zip(reach.tolist(), (100.0 * vol).tolist(), strict=True)))
        values += (100.0 * vol).tolist()
    x = Axis(low=-2.5, high=2.5, unit="standard deviations from the forward", digits=1)
    y = charts.axis_over(values, unit="% vol", digits=1)
    names = [(row["expiry"], _tint(at, len(rows))) for at, row in enumerate(rows)]
    return charts.chart(
        title="All expiries",
        note="Each slice of the surface: ln(strike / forward) over at-the-money vol and root time.",
        x=x,
        y=y,
        layers=[
            charts.line(points, x, y, name=row["expiry"], class_=_tint(at, len(rows)))
            for at, (row, points) in enumerate(zip(rows, lines, strict=True))
        ],
        keys=charts.legend(*names),
        described="Fitted volatility of every expiry by standardised moneyness.",
        tall=True,
    )


def _vol_at(row: Mapping[str, Any], view: View, k: Any) -> Any:
    part = next(part for part in view.surface.slices if part.expiry == row["expiry_ns"])
    return np.sqrt(np.asarray(part.svi.total_variance(k)) / part.t)


def _term(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """At-the-money vol by the root of time, which spreads the near expiries."""
    points = [(float(np.sqrt(row["days"])), 100.0 * row["atm_vol"]) for row in rows]
    x = charts.axis_over(
        [at for at, _ in points], unit="root of days to expiry", digits=1, zero=True
    )
    y = charts.axis_over([vol for _, vol in points], unit="% vol", digits=1)
    spots = [(x.at(at), y.at(vol)) for at, vol in points]
    hits = [
        (*spot, f"{row['expiry']}, {row['days']:.1f} days\n{vol:.2f} % at the money")
        for spot, row, (_, vol) in zip(spots, rows, points, strict=True)
    ]
    return charts.chart(
        title="Term structure",
        note="At-the-money vol of each expiry. Between two, variance grows evenly.",
        x=x,
        y=y,
        layers=[
            charts.line(points, x, y, name="at the money", class_="fit"),
            charts.marks(spots, size=7, class_="v0"),
        ],
        keys=charts.legend(("at the money", "fit")),
        hits=hits,
        described="At-the-money volatility by time to expiry.",
        tall=True,
    )


def _smile(view: View, row: Mapping[str, Any]) -> Markup:
    """One expiry: bid and ask vol of the out-of-the-money option of each strike, and the slice."""
    frame = view.chain.frame
    strike, call = frame["strike"].to_numpy(), frame["call"].to_numpy()
    here = frame["expiry_ns"].to_numpy() == row["expiry_ns"]
    shown = here & (call == (strike >= row["forward"]))
    shown &= np.isfinite(view.bid_vol) | np.isfinite(view.ask_vol)
    every = int(shown.sum())
    reach = _DEVIATIONS * row["atm_vol"] * np.sqrt(row["days"] / 365.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shown &= np.abs(np.log(strike / row["forward"])) <= reach
    at = np.flatnonzero(shown)[np.argsort(strike[shown])]
    vols = 100.0 * view.model_vol[at]
    known = np.concatenate([100.0 * view.bid_vol[at], 100.0 * view.ask_vol[at]])
    known = known[np.isfinite(known)]
    fine = vols[np.isfinite(vols)]
    top = _VOL_REACH * float(fine.max()) if fine.size else float(known.max(initial=1.0))
    low = float(fine.min()) / _VOL_REACH if fine.size else 0.0
    y = charts.axis_over(
        [*fine.tolist(), *known[(known < top) & (known > low)].tolist()], unit="% vol", digits=2
    )
    x = charts.axis_over(strike[at].tolist() or [row["forward"]], unit="strike", digits=0, pad=0.02)
    grid = np.linspace(max(x.low, 1e-9), x.high, 121)
    fit = 100.0 * _vol_at(row, view, np.log(grid / row["forward"]))
    curve = [
        (k, v) for k, v in zip(grid.tolist(), fit.tolist(), strict=True) if y.low <= v <= y.high
    ]
    bids: list[tuple[float, float]] = []
    asks: list[tuple[float, float]] = []
    hits, bars = [], []
    for i in at:
        left = x.at(float(strike[i]))
        bid, ask = 100.0 * float(view.bid_vol[i]), 100.0 * float(view.ask_vol[i])
        for vol, spots in ((bid, bids), (ask, asks)):
            if y.low <= vol <= y.high:
                spots.append((left, y.at(vol)))
        if np.isfinite(bid) and np.isfinite(ask):
            bottom, up = (1000 - y.at(min(max(v, y.low), y.high)) for v in (bid, ask))
            bars.append(f"M{left:.1f},{bottom:.1f}V{up:.1f}")
        word = _word(view, int(i), bid, ask)
        middle = float(np.nanmean([bid, ask]))
        hits.append((left, y.at(min(max(middle, y.low), y.high)), word))
    outside = int(known.size - ((known >= y.low) & (known <= y.high)).sum())
    note = f"{row['days']:.1f} days, forward {number(row['forward'], 2)}; "
    note += f"{row['inside']} of {row['judged']} quotes within half the spread."
    far = every - len(at)
    note += f" {outside} quotes lie outside the picture." if outside else ""
    note += (
        f" {far} strikes beyond {_DEVIATIONS:g} standard deviations are not drawn." if far else ""
    )
    moment = x.at(row["forward"])
    figure = charts.chart(
        title=row["expiry"],
        note=note,
        x=x,
        y=y,
        layers=[
            Markup(f'<path class="line moment" d="M{moment:.1f},0V1000"/>'),
            Markup(f'<path class="line spread" d="{"".join(bars)}"/>'),
            charts.line(curve, x, y, name="surface", class_="fit"),
            charts.marks(bids, size=5, class_="quote"),
            charts.marks(asks, size=5, class_="ask"),
        ],
        labels=[charts.flag("forward", left=moment, top=0, class_="moment")],
        keys=charts.legend(("surface", "fit"), ("bid", "dot bid"), ("ask", "dot ask")),
        hits=hits,
        described=f"Bid and ask volatility by strike of {row['expiry']}, with the fitted slice.",
    )
    return tag("div", figure, id=f"e{row['expiry_ns']}")


def _word(view: View, i: int, bid: float, ask: float) -> str:
    frame = view.chain.frame
    side = "call" if frame["call"][i] else "put"
    digits = 4 if view.chain.is_inverse else 2

    def said(price: float, vol: float) -> str:
        if not price > 0:
            return "none"
        return f"{price:.{digits}f} = {vol:.2f} %" if np.isfinite(vol) else f"{price:.{digits}f}"

    words = [
        f"{frame['strike'][i]:,.0f} {side}",
        f"bid {said(frame['bid'][i], bid)}",
        f"ask {said(frame['ask'][i], ask)}",
        f"surface {100.0 * view.model_vol[i]:.2f} %",
    ]
    if np.isfinite(frame["mark_vol"][i]):
        words.append(f"venue's mark {100.0 * frame['mark_vol'][i]:.2f} %")
    reason = view.reasons[i]
    if reason:
        words.append(f"left out: {reason.replace('_', ' ')}")
    return "\n".join(words)


_EXPIRIES_NOTE = (
    "Forwards: what places the slice, what put-call parity at the quotes says, and the listed "
    "future's mark. Skew is d vol / d ln K at the money, over vol and root time as jump wings have "
    "it. Error is the median distance of the slice from the middle of bid and ask vol, of judged "
    "out-of-the-money quotes."
)


def _cell(key: str, write: Callable[[Any], object]) -> dict[str, Any]:
    def shown(row: Mapping[str, Any]) -> object:
        return NOTHING if row[key] is None else write(row[key])

    return {"write": shown, "key": lambda row: "" if row[key] is None else row[key]}


def _expiries(rows: Sequence[Mapping[str, Any]]) -> Markup:
    columns = [
        Column("Expiry", "", lambda row: row["expiry"], lambda row: row["expiry_ns"]),
        Column("Days", "", **_cell("days", lambda v: number(v, 1))),
        Column("Forward", "", **_cell("forward", lambda v: number(v, 2))),
        Column("Parity", "", **_cell("from_parity", lambda v: number(v, 2))),
        Column("Future", "", **_cell("from_future", lambda v: number(v, 2))),
        Column("Pairs", "", **_cell("pairs", str)),
        Column("ATM vol", "", **_cell("atm_vol", lambda v: percent(v, 2))),
        Column("Skew", "", **_cell("skew", lambda v: number(v, 3, sign=True))),
        Column("Quotes", "used", **_cell("quotes", str)),
        Column("Judged", "", **_cell("judged", str)),
        Column("Inside", "", **_cell("inside", str)),
        Column("Error", "vol pt", **_cell("vol_error", lambda v: number(100.0 * v, 3))),
    ]
    return table("Expiries", columns, rows, class_="tight")


def _arbitrage_note(view: View) -> str:
    if not view.found:
        return "None: no vertical, butterfly, calendar, parity or box pays at these bids and asks."
    shown = (
        f"The best {_ARBITRAGES} of {len(view.found)}. " if len(view.found) > _ARBITRAGES else ""
    )
    unit = "coin" if view.chain.is_inverse else "money"
    return f"{shown}Profit of one unit in {unit}, at the touch and after taker fees. " + " ".join(
        _chain_view.notes(view)
    )


def _arbitrages(view: View) -> Markup:
    if not view.found:
        return Markup("")
    columns = [
        Column("Kind", "", lambda row: row["kind"], is_number=False),
        Column("Legs", "", _legs, is_number=False),
        Column("At the touch", "", **_cell("gross", lambda v: number(v, 6, sign=True))),
        Column("After fees", "", **_cell("net", lambda v: number(v, 6, sign=True))),
        Column("Units", "", **_cell("qty", lambda v: number(v, 2))),
    ]
    return table("Arbitrage", columns, _chain_view.arbitrages(view)[:_ARBITRAGES], class_="long")


def _legs(row: Mapping[str, Any]) -> Markup:
    words = (
        tag("span", f"{number(leg['qty'], 3, sign=True)} {leg['instrument']} at {leg['price']:g}")
        for leg in row["legs"]
    )
    return tag("span", *words, class_="legs")


def _left_out(view: View) -> Markup:
    rows = []
    for name, count in view.left_out.items():
        _, rule, remedy = reason_named(name)
        rows.append(
            {"reason": name.replace("_", " "), "count": count, "rule": rule, "remedy": remedy}
        )
    if not rows:
        return tag("p", "Every quote was used.", class_="note")
    columns = [
        Column("Quotes", "", **_cell("count", str)),
        Column("Reason", "", lambda row: row["reason"], is_number=False),
        Column("Rule", "", lambda row: row["rule"], is_number=False),
        Column("Remedy", "", lambda row: row["remedy"], is_number=False),
    ]
    return table("Quotes left out", columns, rows, class_="wordy")
