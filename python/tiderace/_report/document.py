"""What all pages have in common: one file that holds all it needs, and the frame of its parts."""

from collections.abc import Sequence
from importlib.resources import files

from tiderace._report.text import Markup, join, tag


def document(
    title: str, header: Markup, sections: Sequence[Markup], footer: Markup, *, style: str = ""
) -> str:
    """Return a page that holds all it needs and asks nobody for anything."""
    head = join(
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        # The file asks nobody for anything, and this makes the browser hold it to that.
        Markup(
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">"
        ),
        Markup('<link rel="icon" href="data:,">'),
        tag("title", title),
        Markup(f"<style>{piece('style.css')}{style}</style>"),
    )
    body = join(
        header,
        tag("main", *sections),
        footer,
        Markup(f"<script>{piece('script.js')}</script>"),
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def piece(name: str) -> str:
    """Return a style sheet or script that stands beside this module."""
    return files("tiderace._report").joinpath(name).read_text(encoding="utf-8")


def section(title: str, note: object, *content: object) -> Markup:
    """Return a part of the page under its heading."""
    return tag("section", tag("h2", title), tag("p", note, class_="note") if note else "", *content)


def figure(name: str, value: str, note: object, *, unit: str = "", kind: str = "") -> Markup:
    """Return a key figure: what it is, the number, and what it says."""
    return tag(
        "div",
        tag("h3", name),
        tag(
            "p", tag("b", value), tag("span", unit) if unit else "", class_=f"value {kind}".strip()
        ),
        tag("p", note, class_="note"),
    )


def notes(*words: object) -> Markup:
    """Return the footer."""
    return tag("footer", *(tag("p", word) for word in words))
