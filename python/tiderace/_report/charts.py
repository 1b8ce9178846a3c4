"""Charts as inline SVG that stretches to any width: shapes in SVG, words beside it in HTML.

A chart's SVG is 1000 x 1000 units, drawn without regard to its aspect; strokes do not scale, and a
mark is a stroke of length zero with round ends, so that it stays a circle. Labels stand over it by
percentages.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10

import msgspec

from tiderace._report.text import Markup, clock, join, number, tag

VENUE_COLOURS = 6
"""Colours that the style sheet has; further venues begin again, with another dash."""


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """One direction of a chart."""

    low: float
    high: float
    unit: str
    kind: str = "number"
    """``number``, ``time`` in seconds since ``zero_ns``, or ``names``: one column each."""
    digits: int = 0
    zero_ns: int = 0
    names: tuple[str, ...] = ()

    def at(self, value: float) -> float:
        """Return the position from 0 to 1000, left out of the view where it is."""
        return (value - self.low) / ((self.high - self.low) or 1.0) * 1000

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """Return about ``count`` round values with their labels; of names half as many more."""
        if self.kind == "names":
            every = ceil(len(self.names) / (1.5 * count))
            return [(at + 0.5, name) for at, name in enumerate(self.names) if at % every == 0]
        if self.kind == "time":
            step = _time_step((self.high - self.low) / count)
            first = ceil((self.zero_ns / 1e9 + self.low) / step) * step - self.zero_ns / 1e9
            values = _steps(first, self.high, step)
            # A tick is a whole second of the day, wherever zero is.
            return [(v, clock(round((self.zero_ns / 1e9) + v) * 10**9)) for v in values]
        step = _round_step((self.high - self.low) / count)
        digits = max(0, -floor(log10(step) + 1e-9))
        values = _steps(ceil(self.low / step - 1e-9) * step, self.high, step)
        return [(v, number(v + 0.0, digits)) for v in values]


def axis_over(
    values: Iterable[float], *, unit: str, digits: int, zero: bool = False, pad: float = 0.06
) -> Axis:
    """Return an axis that shows all values with some air; from zero where told."""
    known = list(values) or [0.0]
    low, high = min(known), max(known)
    low = min(low, 0.0) if zero else low
    span = (high - low) or max(abs(high), 1.0)
    bottom = low if zero and low == 0 else low - pad * span
    return Axis(low=bottom, high=high + pad * span, unit=unit, digits=digits)


def names_axis(names: Sequence[str], *, unit: str) -> Axis:
    """Return an axis of columns; the pointer shows the word of the column that it is over."""
    return Axis(low=0.0, high=float(len(names) or 1), unit=unit, kind="names", names=tuple(names))


def line(
    points: Iterable[tuple[float, float]],
    x: Axis,
    y: Axis,
    *,
    name: str,
    class_: str,
    step: bool = False,
    digits: int | None = None,
) -> Markup:
    """Return a line; with ``step`` a value holds until the next."""
    placed = [(x.at(px), y.at(py)) for px, py in points]
    if not placed:
        return Markup("")
    parts = [f"M{placed[0][0]:.1f},{1000 - placed[0][1]:.1f}"]
    for left, up in placed[1:]:
        parts.append(f"H{left:.1f}V{1000 - up:.1f}" if step else f"L{left:.1f},{1000 - up:.1f}")
    return tag(
        "path",
        d="".join(parts),
        class_=f"line {class_}",
        data_name=name,
        data_digits=y.digits if digits is None else digits,
    )


def level(y: Axis, value: float, *, class_: str) -> Markup:
    """Return a line across the whole chart."""
    up = 1000 - y.at(value)
    return tag("path", d=f"M0,{up:.1f}H1000", class_=f"line {class_}")


def bars(values: Iterable[tuple[float, float, float]], x: Axis, y: Axis, *, class_: str) -> Markup:
    """Return bars of (left end, right end, value) that stand on, or hang from, zero."""
    floor = 1000 - y.at(0.0)
    d = "".join(
        f"M{x.at(left):.1f},{floor:.1f}V{1000 - y.at(value):.1f}H{x.at(right):.1f}V{floor:.1f}Z"
        for left, right, value in values
    )
    return tag("path", d=d, class_=f"column {class_}")


def marks(spots: Sequence[tuple[float, float]], *, size: float, class_: str) -> Markup:
    """Return round marks of one size in pixels, at chart positions."""
    d = "".join(f"M{left:.1f},{1000 - up:.1f}h.01" for left, up in spots)
    return tag("path", d=d, class_=f"mark {class_}", style=f"stroke-width:{size:g}px")


def legend(*items: tuple[str, str]) -> Markup:
    """Return what each class of line or mark stands for."""
    rows = (tag("li", tag("i", class_=f"key {class_}"), label) for label, class_ in items)
    return tag("ul", *rows, class_="legend")


def chart(
    *,
    title: str,
    note: object,
    x: Axis,
    y: Axis,
    layers: Iterable[object],
    keys: Markup,
    labels: Iterable[Markup] = (),
    hits: Sequence[tuple[float, float, str]] = (),
    described: str,
    tall: bool = False,
) -> Markup:
    """Put a chart together.

    Parameters
    ----------
    hits
        Marks with a word to show when the pointer is near: position in 0 to 1000, and the word.
    described
        What the picture shows, for who cannot see it.
    """
    across, up = x.ticks(6), y.ticks(5)
    grid = "".join(f"M0,{1000 - y.at(v):.1f}H1000" for v, _ in up)
    zero = [level(y, 0, class_="zero")] if y.low < 0 < y.high else []
    drawing = tag(
        "svg",
        tag("path", d=grid, class_="grid"),
        *zero,
        *layers,
        viewBox="0 0 1000 1000",
        preserveAspectRatio="none",
        role="img",
        aria_label=described,
    )
    data = msgspec.json.encode([[round(a, 1), round(1000 - b, 1), word] for a, b, word in hits])
    return tag(
        "figure",
        tag("figcaption", tag("h2", title), tag("p", note, class_="note"), keys),
        tag(
            "div",
            tag("span", y.unit, class_="unit"),
            tag("div", *(_label(t, "top", 1000 - y.at(v)) for v, t in up), class_="yaxis"),
            tag("div", drawing, *labels, class_="area"),
            tag("div", *(_label(t, "left", x.at(v)) for v, t in across), class_="xaxis"),
            tag("span", x.unit, class_="xunit"),
            class_="plot tall" if tall else "plot",
        ),
        # In a script element only "<" could end it.
        Markup(
            '<script type="application/json" class="hits">'
            + data.decode().replace("<", "\\u003c")
            + "</script>"
        ),
        class_="chart",
        data_x0=x.low,
        data_x1=x.high,
        data_y0=y.low,
        data_y1=y.high,
        data_xkind=x.kind,
        data_xzero=x.zero_ns // 1_000_000 if x.kind == "time" else None,
        data_xunit=x.unit,
        data_yunit=y.unit,
    )


def flag(
    text: object, *, left: float | None = None, top: float | None = None, class_: str = ""
) -> Markup:
    """Return a word that stands over a chart, at positions from 0 to 1000 from the top left."""
    places = []
    if left is not None:
        # Beyond the middle it hangs to the left of its place, so that it never leaves the chart.
        places.append(f"left:{left / 10:.2f}%" if left <= 500 else f"right:{100 - left / 10:.2f}%")
    if top is not None:
        places.append(f"top:{max(top, 0) / 10:.2f}%")
    return tag("span", text, class_=f"flag {class_}", style=";".join(places))


def waterfall(rows: Sequence[tuple[str, float, str, str, str]]) -> Markup:
    """Return floating bars of (name, value, its text, share as text, why), the total last."""
    ends: list[tuple[float, float]] = []
    run = 0.0
    for _, value, *_ in rows[:-1]:
        ends.append((run, run + value))
        run += value
    ends.append((0.0, rows[-1][1]))
    low, high = min(0.0, *(min(e) for e in ends)), max(0.0, *(max(e) for e in ends))
    span = (high - low) or 1.0
    out = []
    for (name, value, text, share, why), (start, end) in zip(rows, ends, strict=True):
        left, width = (min(start, end) - low) / span * 100, abs(end - start) / span * 100
        kind = "cost" if value > 0 else "gain" if value < 0 else "none"
        bar = tag("i", class_=f"bar {kind}", style=f"left:{left:.2f}%;width:{max(width, 0.3):.2f}%")
        origin = tag("i", class_="origin", style=f"left:{-low / span * 100:.2f}%")
        is_total = name == rows[-1][0]
        out.append(
            tag(
                "tr",
                tag("th", name, tag("small", why), scope="row"),
                tag("td", tag("div", origin, bar, class_="track"), class_="bars"),
                tag("td", text, class_="n"),
                tag("td", share, class_="n"),
                class_="total" if is_total else None,
            )
        )
    return join(*out)


def swatch(i: int) -> str:
    """Return the class of a venue's colour and dash."""
    return f"v{i % VENUE_COLOURS}" + (" again" if i >= VENUE_COLOURS else "")


def time_axis(low_ns: int, high_ns: int, zero_ns: int) -> Axis:
    """Return an axis in seconds since ``zero_ns``."""
    low, high = (low_ns - zero_ns) / 1e9, (high_ns - zero_ns) / 1e9
    return Axis(low=low, high=max(high, low + 1e-3), unit="time, UTC", kind="time", zero_ns=zero_ns)


def _label(text: str, edge: str, place: float) -> Markup:
    # The last word of an axis stands inside its end.
    if edge == "left" and place > 965:
        return tag("span", text, style="right:0;transform:none")
    return tag("span", text, style=f"{edge}:{place / 10:.2f}%")


def _round_step(raw: float) -> float:
    power = 10.0 ** floor(log10(raw)) if raw > 0 else 1.0
    return next((m * power for m in (1, 2, 5, 10) if m * power >= raw), 10 * power)


def _time_step(raw: float) -> float:
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
    return float(next((step for step in steps if step >= raw), 86400 * ceil(raw / 86400)))


def _steps(first: float, last: float, step: float) -> list[float]:
    count = floor((last - first) / step + 1e-9) + 1
    return [first + i * step for i in range(max(count, 0))]
