"""The report in a real browser: not blank, no complaint, no question to any network."""

from collections import Counter
from pathlib import Path

import pytest
from browser import Browser, pixels
from tca_demo import demo

from tiderace import report


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("report") / "report.html"
    return report.write(demo(), target).as_uri()


def assert_not_blank(png: bytes, folder: Path) -> None:
    """A page of text and charts: many colours, and no single one all over the place."""
    (folder / "picture.png").write_bytes(png)
    width, height, colours = pixels(png)
    counts = Counter(colours)
    assert width * height == len(colours)
    assert len(counts) > 200, f"{len(counts)} colours; see {folder}"
    share = counts.most_common(1)[0][1] / len(colours)
    assert share < 0.92, f"{share:.0%} of one colour; see {folder}"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_report_is_drawn_without_a_word_to_anybody(
    browser: Browser, url: str, tmp_path: Path, width: int, dark: bool
) -> None:
    page = browser.open(url, width=width, dark=dark)
    browser.settle(0.3)
    assert_not_blank(page.picture(whole=False), tmp_path)
    assert page.errors() == []
    assert [asked for asked in page.requests() if asked != url] == []
    # Only the tables' own frames scroll sideways, never the page.
    assert page.run("document.documentElement.scrollWidth") <= width
    background = page.run("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(14, 21, 26)" if dark else "rgb(244, 246, 247)")


def test_every_chart_has_lines_inside_its_frame(browser: Browser, url: str) -> None:
    page = browser.open(url)
    boxes = page.run(
        """[...document.querySelectorAll(".area")].map((area) => {
             const box = area.getBoundingClientRect();
             const lines = [...area.querySelectorAll("path[data-name]")];
             return [box.width, box.height, lines.length];
           })"""
    )
    assert len(boxes) == 4
    for width, height, lines in boxes:
        assert width > 300
        assert height > 200
        assert lines >= 1


def test_the_pointer_names_values_and_a_fill(browser: Browser, url: str) -> None:
    page = browser.open(url)
    spots = page.run(
        """(() => {
             const chart = document.querySelectorAll(".chart[data-x0]")[1];
             const area = chart.querySelector(".area");
             area.scrollIntoView({block: "center"});
             const box = area.getBoundingClientRect();
             const [x, y] = JSON.parse(chart.querySelector("script.hits").textContent)[0];
             return {fill: [box.left + x * box.width / 1000, box.top + y * box.height / 1000],
                     free: [box.left + box.width * 0.9, box.top + box.height - 3]};
           })()"""
    )
    shown = """(() => { const tip = document.querySelectorAll(".tip")[1];
                return tip.hidden ? "" : tip.textContent; })()"""
    assert page.run(shown) == ""
    page.move(*spots["free"])
    assert "binance-spot:BTCUSDT: \u2212" in page.run(shown)
    page.move(*spots["fill"])
    assert "bought" in page.run(shown)
    assert "aker" in page.run(shown)
    assert page.errors() == []


def test_a_heading_sorts_its_table_both_ways(browser: Browser, url: str) -> None:
    page = browser.open(url)
    column = """(() => {
        const table = [...document.querySelectorAll("table.sortable")]
            .find((t) => t.caption.textContent === "Child orders");
        const at = [...table.tHead.rows[0].cells]
            .findIndex((c) => c.textContent.startsWith("Exposure"));
        %s
        return [...table.tBodies[0].rows].map((row) => Number(row.cells[at].dataset.v));
    })()"""
    click = "table.tHead.rows[0].cells[at].querySelector('button').click();"
    rising = page.run(column % click)
    assert rising == sorted(rising)
    assert len(rising) > 20
    falling = page.run(column % click)
    assert falling == sorted(falling, reverse=True)
