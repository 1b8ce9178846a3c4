"""The page of a margin what-if in a real browser: columns in their frames, words at the pointer."""

from pathlib import Path

import pytest
from browser import Browser
from margin_case import write

from tiderace import _margin_page
from tiderace._clear.files import margin_file


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("margin")
    portfolio, orders = write(folder)
    found = margin_file(str(portfolio), market=None, params="derive_pmrm", orders=str(orders))
    page: Path = folder / "margin.html"
    page.write_text(_margin_page.page(found), encoding="utf-8")
    return page.as_uri()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_is_drawn_without_a_word_to_anybody(
    browser: Browser, url: str, width: int, dark: bool
) -> None:
    page = browser.open(url, width=width, dark=dark)
    browser.settle(0.3)
    assert page.errors() == []
    assert [asked for asked in page.requests() if asked != url] == []
    assert page.run("document.documentElement.scrollWidth") <= width
    fills = page.run(
        """[...document.querySelectorAll("svg .column")].map((path) => {
             const style = getComputedStyle(path);
             return path.classList.contains("binds") ? style.stroke : style.fill;
           })"""
    )
    assert len(fills) == 12 + 12
    assert "none" not in fills


def test_columns_stand_in_their_frames_and_what_binds_reaches_the_line(
    browser: Browser, url: str
) -> None:
    page = browser.open(url)
    shown = page.run(
        """[...document.querySelectorAll(".chart[data-x0]")].map((chart) => {
             const area = chart.querySelector(".area").getBoundingClientRect();
             const line = chart.querySelector(".line.limit").getBBox().y;
             const columns = [...chart.querySelectorAll(".column")].filter((c) => c.getAttribute("d"));
             const boxes = columns.map((column) => column.getBBox());
             const bound = [...chart.querySelectorAll(".column.binds")]
               .filter((c) => c.getAttribute("d")).map((c) => c.getBBox().y);
             return [area.width, area.height, line, bound,
                     boxes.every((b) => b.x >= 0 && b.x + b.width <= 1000 && b.y >= line - 0.2
                                        && b.y + b.height <= 1000.2)];
           })"""
    )
    assert len(shown) == 8
    for width, height, _, _, inside in shown:
        assert (width > 300, height > 200, inside) == (True, True, True)
    reached = [abs(top - line) < 0.2 for _, _, line, bound, _ in shown for top in bound]
    assert sum(reached) == 2


def test_the_pointer_names_a_column_however_high_it_is(browser: Browser, url: str) -> None:
    page = browser.open(url)
    spots = page.run(
        """(() => {
             const chart = document.querySelectorAll(".chart[data-x0]")[2];
             const area = chart.querySelector(".area");
             area.scrollIntoView({block: "center"});
             const box = area.getBoundingClientRect();
             const hits = JSON.parse(chart.querySelector("script.hits").textContent);
             return hits.map(([x, , word]) =>
               [box.left + x * box.width / 1000, box.top, box.height, word]);
           })()"""
    )
    tip = """(() => { const tip = document.querySelectorAll(".tip")[2];
              return tip.hidden ? "" : tip.textContent; })()"""
    assert page.run(tip) == ""
    assert len(spots) == 9
    for left, top, height, word in spots:
        for share in (0.1, 0.9):
            page.move(left, top + share * height)
            assert page.run(tip) == word
    assert sum("with orders open: loss" in word for *_, word in spots) == 9
    assert page.errors() == []
