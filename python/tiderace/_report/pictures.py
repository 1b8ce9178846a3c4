"""The three charts of a report: progress, price with fills, depth at arrival."""

from collections.abc import Mapping
from math import sqrt

import polars as pl

from tiderace._report import charts
from tiderace._report.charts import Axis
from tiderace._report.text import Markup, clock, join, number, quantity
from tiderace.tca import Analysis, Inputs

_POINTS = 1500
"""Points of a price line; more would not be seen, and a report should be small."""
_MARKS = 4000
"""Fills drawn, the largest first."""
_DEPTH_BPS = 30.0
_LIMIT_WITHIN = 0.5
"""A limit farther off than this share of the picture is named at its edge, not drawn."""


_NO_LIMIT = 1 << 62
"""A price of a book is below it; the limit of a parent of both sides is not."""


class View:
    """The time span that the charts share, and the parent that they are about."""

    def __init__(self, inputs: Inputs, analysis: Analysis) -> None:
        rows = analysis.parents.sort("fills", descending=True, maintain_order=True).to_dicts()
        self.parent = rows[0] if rows else None
        ends = [int(f["ts_ns"].max()) for f in (inputs.quotes, inputs.trades) if f.height]  # type: ignore[arg-type]
        starts = [int(f["ts_ns"].min()) for f in (inputs.quotes, inputs.trades) if f.height]  # type: ignore[arg-type]
        self.start = self.parent["start_ns"] if self.parent else min(starts, default=0)
        self.end = self.parent["end_ns"] if self.parent else max(ends, default=self.start)
        span = max(self.end - self.start, 10**9)
        last = max([self.end, *ends])
        # A little before, and as much after as the longest markout looks.
        self.low = max(self.start - span // 50, min([self.start, *starts]))
        self.high = max(min(self.end + max(span // 50, 60 * 10**9), last), self.start + 10**9)

    @property
    def has_parent(self) -> bool:
        """Whether there is a parent order (id zero is a strategy's own orders)."""
        return self.parent is not None and bool(self.parent["parent_id"])

    def axis(self) -> Axis:
        """Return the time axis."""
        return charts.time_axis(self.low, self.high, self.start)

    def seconds(self, ts_ns: int) -> float:
        """Return a time on that axis."""
        return (ts_ns - self.start) / 1e9


def progress(inputs: Inputs, analysis: Analysis, view: View) -> Markup:
    """Return what should have been filled against what was."""
    base = inputs.markets[0].base if inputs.markets else ""
    if not view.has_parent or view.parent is None:
        return _position(analysis, view, base)
    parent_id = view.parent["parent_id"]
    mine = analysis.fills.filter(pl.col("parent_id") == parent_id).sort("ts_ns")
    done = mine.select("ts_ns", total=pl.col("weight").cum_sum())
    unit = 10.0 ** -int(inputs.markets[0].terms["base_decimals"])
    slices = inputs.slices.filter(pl.col("parent_id") == parent_id).sort("ts_ns")
    target = [
        (view.seconds(t), float(v) * unit) for t, v in slices.select("ts_ns", "target").rows()
    ]
    filled = [(view.seconds(t), float(v)) for t, v in thin(done).rows()]
    total, end = (filled[-1][1] if filled else 0.0), view.seconds(view.end)
    target = [(0.0, 0.0), *target, (end, target[-1][1])] if target else []
    filled = [(0.0, 0.0), *filled, (end, total)]
    asked = float(view.parent["order_qty"])
    x = view.axis()
    y = charts.axis_over([0.0, asked, total], unit=base, digits=3, zero=True)
    behind = max((t - _held(filled, at) for at, t in target[:-1]), default=0.0)
    return charts.chart(
        title="Schedule and progress",
        note=join(
            f"{quantity(total)} of {quantity(asked)} {base} filled in {mine.height:,} fills over ",
            f"{slices.height:,} slices. The schedule is what should be done when a slice is done; ",
            f"at a slice's start it was at most {quantity(max(behind, 0.0), 2)} {base} ahead.",
        ),
        x=x,
        y=y,
        layers=[
            charts.level(y, asked, class_="asked"),
            # The schedule lies over the broad line of what was filled, so that both show.
            charts.line(filled, x, y, name="filled", class_="filled", step=True),
            charts.line(target, x, y, name="schedule", class_="target", step=True),
        ],
        keys=charts.legend(("schedule", "target"), ("filled", "filled"), ("order", "asked")),
        described=f"Filled quantity over time: {quantity(total)} of {quantity(asked)} {base}.",
        tall=True,
    )


def _position(analysis: Analysis, view: View, base: str) -> Markup:
    """Return the position of orders that have no schedule."""
    signed = pl.col("sign") * pl.col("weight")
    held = analysis.fills.sort("ts_ns").select("ts_ns", total=signed.cum_sum())
    points = [(view.seconds(t), float(v)) for t, v in thin(held).rows()]
    points = [(view.seconds(view.low), 0.0), *points]
    points.append((view.seconds(view.high), points[-1][1]))
    x = view.axis()
    y = charts.axis_over((v for _, v in points), unit=base, digits=4, zero=True)
    return charts.chart(
        title="Position",
        note=f"Exposure held after each of {analysis.fills.height:,} fills.",
        x=x,
        y=y,
        layers=[charts.line(points, x, y, name="position", class_="filled", step=True)],
        keys=charts.legend(("position", "filled")),
        described="Position over time.",
        tall=True,
    )


def price(inputs: Inputs, analysis: Analysis, view: View) -> Markup:
    """Return each market's mid against its own arrival, with the fills on it."""
    x = view.axis()
    arrival = _arrivals(inputs, analysis, view)
    lines = {i: _relative(inputs, i, mid, view) for i, mid in arrival.items()}
    fills = analysis.fills.filter(pl.col("arrival").is_not_null())
    fills = fills.with_columns(bps=(pl.col("px") / pl.col("arrival") - 1) * 1e4)
    drawn = fills.sort("weight", descending=True, maintain_order=True)[:_MARKS]
    values = [v for points in lines.values() for _, v in points] + drawn["bps"].to_list()
    y = charts.axis_over([*values, 0.0], unit="bp from arrival", digits=2)
    limit = _limit_bps(inputs, view)
    near = _LIMIT_WITHIN * (y.high - y.low)
    if limit is not None and y.low - near <= limit <= y.high + near:
        y = charts.axis_over([*values, 0.0, limit], unit=y.unit, digits=2)
    return _priced(inputs, analysis, view, lines, drawn, x, y, limit)


def _priced(
    inputs: Inputs,
    analysis: Analysis,
    view: View,
    lines: Mapping[int, list[tuple[float, float]]],
    drawn: pl.DataFrame,
    x: Axis,
    y: Axis,
    limit: float | None,
) -> Markup:
    layers: list[object] = [
        charts.line(points, x, y, name=inputs.markets[i].name, class_=charts.swatch(i))
        for i, points in lines.items()
    ]
    words = []
    if limit is not None:
        text = f"limit {number(limit, 1, sign=True)} bp"
        if y.low <= limit <= y.high:
            layers.append(charts.level(y, limit, class_="limit"))
            words.append(charts.flag(text, left=1000, top=1000 - y.at(limit), class_="limit"))
        else:
            above = limit > y.high
            word = f"{text} {'↑' if above else '↓'} off the chart"
            edge = 0 if above else 940
            words.append(charts.flag(word, left=1000, top=edge, class_="limit"))
    end = view.seconds(view.end)
    stopped = analysis.summary["interrupted"]
    for at, word in ((0.0, "arrival"), (end, "interrupted" if stopped else "done")):
        left = x.at(at)
        layers.append(Markup(f'<path class="line moment" d="M{left:.1f},0V1000"/>'))
        words.append(charts.flag(word, left=left, top=925, class_="moment"))
    largest = float(drawn["weight"].max() or 0.0)  # type: ignore[arg-type]
    hits = []
    groups: dict[tuple[int, bool, int], list[tuple[float, float]]] = {}
    for row in drawn.iter_rows(named=True):
        spot = (x.at(view.seconds(row["ts_ns"])), y.at(row["bps"]))
        size = round(4 + 10 * sqrt(row["weight"] / largest)) if largest else 4
        groups.setdefault((row["instrument"], row["is_maker"], size), []).append(spot)
        market = inputs.markets[row["instrument"]]
        role = "maker" if row["is_maker"] else "taker"
        side = "bought" if row["sign"] > 0 else "sold"
        px = number(row["px"], max(-int(market.tick.normalize().as_tuple().exponent), 0))
        word = f"{clock(row['ts_ns'], 3)} {side} {quantity(row['weight'], 5)} {market.base} at {px}"
        hits.append(
            (*spot, f"{word}\n{market.name}, {role}, {number(row['bps'], 2, sign=True)} bp")
        )
    for (i, is_maker, size), spots in sorted(groups.items(), key=lambda item: -item[0][2]):
        role = "maker" if is_maker else "taker"
        layers.append(charts.marks(spots, size=size, class_=f"{role} {charts.swatch(i)}"))
        if is_maker:
            layers.append(charts.marks(spots, size=max(size - 3, 1), class_="hole"))
    left_out = analysis.fills.height - drawn.height
    note = "Each market's mid against its own arrival mid, so that basis is out of the picture. "
    note += "Fills are sized by exposure."
    note += f" The {left_out:,} smallest fills are not drawn." if left_out else ""
    names = [(inputs.markets[i].name, charts.swatch(i)) for i in lines]
    return charts.chart(
        title="Price and fills",
        note=note,
        x=x,
        y=y,
        layers=layers,
        keys=charts.legend(*names, ("taker fill", "dot taker"), ("maker fill", "dot maker")),
        labels=words,
        hits=hits,
        described="Mid prices in basis points from arrival, with fills.",
        tall=True,
    )


def depth(inputs: Inputs, analysis: Analysis, view: View) -> Markup:
    """Return what each book showed at arrival: exposure between the mid and a price."""
    arrival = _arrivals(inputs, analysis, view)
    sides = {i: _cumulative(inputs, i, mid) for i, mid in arrival.items() if i in inputs.depth}
    reach = [abs(bps) for both in sides.values() for side in both for bps, _, _ in side]
    if not reach:
        return Markup("")
    widest = min(max(reach), _DEPTH_BPS)
    x = Axis(low=-widest, high=widest, unit="bp from own mid", digits=1)
    base = inputs.markets[0].base
    shown = [v for both in sides.values() for s in both for bps, v, _ in s if abs(bps) <= widest]
    y = charts.axis_over(shown, unit=base, digits=2, zero=True)
    layers: list[object] = []
    words = []
    for i, both in sides.items():
        name = inputs.markets[i].name
        for side, word in zip(both, ("bids", "asks"), strict=True):
            known = [(bps, total) for bps, total, is_known in side if is_known]
            if not known:
                continue
            sign = -1.0 if word == "bids" else 1.0
            inside = [(bps, total) for bps, total in known if abs(bps) <= widest]
            points = [(0.0, 0.0), *inside]
            if abs(known[-1][0]) > widest:
                points.append((sign * widest, points[-1][1]))
            at = charts.swatch(i)
            layers.append(charts.line(points, x, y, name=f"{name} {word}", class_=at, step=True))
            if len(known) < len(side) and abs(known[-1][0]) < widest:
                spot = (x.at(known[-1][0]), y.at(known[-1][1]))
                layers.append(charts.marks([spot], size=7, class_=f"edge {at}"))
    has_side = view.has_parent and view.parent and view.parent["side"] != "both"
    asked = float(view.parent["order_qty"]) if has_side and view.parent else 0.0
    if asked and y.low <= asked <= y.high:
        layers.append(charts.level(y, asked, class_="asked"))
        words.append(charts.flag(f"order {quantity(asked)} {base}", left=0, top=1000 - y.at(asked)))
    elif asked:
        words.append(charts.flag(f"order {quantity(asked)} {base} ↑ off the chart", left=0, top=0))
    names = [(inputs.markets[i].name, charts.swatch(i)) for i in sides]
    return charts.chart(
        title="Book depth at arrival",
        note="Exposure displayed between the mid and a price, bids left, asks right. "
        "Beyond a square depth is unknown, not zero.",
        x=x,
        y=y,
        layers=layers,
        keys=charts.legend(*names),
        labels=words,
        described="Cumulative depth of each book at arrival, by distance from its mid.",
        tall=True,
    )


def _arrivals(inputs: Inputs, analysis: Analysis, view: View) -> dict[int, float]:
    """Return the arrival mid of each instrument that has one."""
    out = {}
    for i, market in enumerate(inputs.markets):
        mid = analysis.summary["by_venue"][market.name]["arrival_mid"]
        if mid is not None:
            out[i] = float(mid)
            continue
        # Not a market of this parent: it is drawn from where it first stood.
        two_sided = (pl.col("bid_px") > 0) & (pl.col("ask_px") > 0)
        since = pl.col("ts_ns") >= view.low
        first = inputs.quotes.filter((pl.col("instrument") == i) & two_sided & since)[:1]
        if first.height:
            out[i] = (first["bid_px"][0] + first["ask_px"][0]) / 2 * float(market.tick)
    return out


def _relative(inputs: Inputs, i: int, arrival: float, view: View) -> list[tuple[float, float]]:
    """Return a market's mid in bp from its arrival, thinned to what can be seen."""
    tick = float(inputs.markets[i].tick)
    quotes = inputs.quotes.filter(
        (pl.col("instrument") == i)
        & (pl.col("bid_px") > 0)
        & (pl.col("ask_px") > 0)
        & pl.col("ts_ns").is_between(view.low, view.high)
    ).sort("ts_ns", maintain_order=True)
    mids = (pl.col("bid_px") + pl.col("ask_px")) / 2 * tick
    frame = quotes.select("ts_ns", bps=(mids / arrival - 1) * 1e4)
    return [(view.seconds(t), v) for t, v in thin(frame).rows()]


def thin(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep the lowest and the highest of each of many equal spans: no peak is lost."""
    if frame.height <= _POINTS:
        return frame
    value = pl.col(frame.columns[1])
    low, high = frame["ts_ns"][0], frame["ts_ns"][-1]
    bucket = (pl.col("ts_ns") - low) * (_POINTS // 2 - 1) // max(high - low, 1)
    rows = frame.with_row_index("row").group_by(bucket.alias("bucket"), maintain_order=True)
    picked = rows.agg(a=pl.col("row").get(value.arg_min()), b=pl.col("row").get(value.arg_max()))
    keep = sorted({*picked["a"].to_list(), *picked["b"].to_list(), 0, frame.height - 1})
    return frame[keep]


def _limit_bps(inputs: Inputs, view: View) -> float | None:
    """Return the limit as bp from arrival, of the first market that has one."""
    if not view.has_parent or view.parent is None:
        return None
    mine = inputs.arrivals.filter(pl.col("parent_id") == view.parent["parent_id"])
    for row in mine.sort("instrument").iter_rows(named=True):
        mid = (row["bid_px"] + row["ask_px"]) / 2
        if 0 < row["limit_px"] < _NO_LIMIT and mid > 0:
            return float((row["limit_px"] / mid - 1) * 1e4)
    return None


def _cumulative(
    inputs: Inputs, i: int, mid: float
) -> tuple[list[tuple[float, float, bool]], list[tuple[float, float, bool]]]:
    """Return bids and asks as (bp from the mid, exposure up to there, known)."""
    market = inputs.markets[i]
    book = inputs.depth[i]
    if "is_known" not in book.columns:
        book = book.with_columns(is_known=pl.lit(True))
    each = float(int(market.terms["contract_multiplier"])) * 1e-12
    px = pl.col("px") * float(market.tick)
    qty = pl.col("qty_e8") * 1e-8 * each / (px if market.is_inverse else 1.0)
    sides = []
    for side, is_bid in ((ord("1"), True), (ord("2"), False)):
        half = book.filter((pl.col("side") == side) & (pl.col("px") > 0))
        half = half.sort("px", descending=is_bid)
        rows = half.select((px / mid - 1) * 1e4, qty.cum_sum().alias("total"), "is_known").rows()
        sides.append(rows)
    return sides[0], sides[1]


def _held(points: list[tuple[float, float]], at: float) -> float:
    """Return the value of a step line just before a time."""
    before = [value for t, value in points if t < at]
    return before[-1] if before else 0.0
