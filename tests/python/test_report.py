"""The report as a file: whole, small, self-contained, and safe against what names may hold."""

import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import polars as pl
import pytest
from tca_case import S, case, fill, spot
from tca_demo import START, demo

from tiderace import report
from tiderace.errors import StorageError

HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>"
VOID = {"meta", "link", "br"}


class _Reader(HTMLParser):
    """Notes elements, attributes and text, and that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data + " "


def read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_the_report_says_what_was_asked_and_what_was_got() -> None:
    page = read(report.html(demo()))
    assert "Buy 40 BTC, TWAP over 5 min in 30 slices, limit 0.3 % beyond arrival" in page.text
    assert re.search(r"Bought 3\d\.\d+ BTC at 61,\d{3}\.\d\d USD per BTC on 3 venues", page.text)
    for heading in (
        "Implementation shortfall",
        "Schedule and progress",
        "Price and fills",
        "Book depth at arrival",
        "Markouts",
        "Venues",
        "Child orders",
        "Refusals",
        "Provenance",
    ):
        assert heading in page.text


def test_nothing_in_the_file_points_outside_of_it() -> None:
    text = report.html(demo())
    page = read(text)
    outside = [(t, n, v) for t, n, v in page.attributes if n in ("src", "href", "action", "srcset")]
    assert outside == [("link", "href", "data:,")]
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|url\(|@import", text)


def test_names_are_escaped_wherever_they_stand() -> None:
    names = (HOSTILE, "b" + HOSTILE, "c" + HOSTILE)
    text = report.html(demo(names=names))
    page = read(text)
    assert "img" not in page.tags
    assert page.tags.count("script") == read(report.html(demo())).tags.count("script")
    assert HOSTILE in page.text
    assert not any(name.startswith("on") for _, name, _ in page.attributes)


def test_a_report_stays_small() -> None:
    assert len(report.html(demo()).encode()) < 400_000


def test_synthetic_books_are_named_in_plain_sight() -> None:
    assert "Synthetic books." in report.html(demo(is_synthetic=True))
    assert "ynthetic" not in read(report.html(demo(is_synthetic=False))).text


def test_the_same_run_gives_the_same_bytes() -> None:
    assert report.html(demo()) == report.html(demo())


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"parents": [{"ts_ns": S, "status": ord("8"), "cum_qty": 0, "leaves_qty": 10**8}]},
        {"fills": [fill(spot(), 100_000, 6_000_000, ts_ns=S)]},
        {"fills": [fill(spot(), 100_000, 6_000_000, ts_ns=S, parent_id=0)]},
        {"markets": []},
    ],
    ids=["nothing", "rejected", "no quotes", "own orders", "no markets"],
)
def test_a_run_with_little_in_it_still_has_a_report(tables: dict) -> None:
    read(report.html(case(**({"usd_per": {"USDT": Decimal(1)}} | tables))))


def test_a_venue_without_a_fill_says_why() -> None:
    skipped = [{"instrument": 1, "reason": 3006}] * 3
    text = report.html(case(fills=[fill(spot(), 100_000, 6_000_000)], skipped=skipped))
    assert "No fill. Left out of 3 slices, mostly: The other venues" in read(text).text


def test_a_long_run_is_thinned_and_says_so() -> None:
    """Five thousand orders and fills: rows end with a count, and marks where they are many."""
    fills = [
        fill(spot(), 1 + n % 7, 6_000_000 + n % 90, ts_ns=n * S // 50, exec_id=n, cl_ord_id=n + 1)
        for n in range(5000)
    ]
    orders = [
        {"cl_ord_id": n + 1, "ts_ns": n, "side": 49, "ord_status": 50, "order_qty": 9, "price": 1}
        for n in range(5000)
    ]
    text = report.html(case(fills=fills, orders=orders))
    assert "The first 250 of 5,000 child orders; 4,750 more are not shown." in text
    assert "The 1,000 smallest fills are not drawn." in text
    assert len(text.encode()) < 1_500_000


def test_write_leaves_a_whole_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    assert report.write(demo(), target) == target
    assert target.read_text(encoding="utf-8").endswith("</html>\n")
    assert list(tmp_path.iterdir()) == [target]


def test_a_report_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space"):
        report.write(demo(), target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_numbers_are_written_for_people() -> None:
    from tiderace._report import text

    assert text.number(Decimal("-1234567.005"), 2) == "\u22121,234,567.00"
    assert text.number(0.004, 2, sign=True) == "0.00"
    assert text.number(None, 2) == "\u2013"
    assert text.quantity("39.99999", 4) == "39.9999"  # never rounded up
    assert text.quantity("40.00") == "40"
    assert text.clock(1_723_161_256_600_000_000, 1) == "23:54:16.6"
    assert text.duration(344 * S) == "5 min 44 s"
    assert text.duration(28_800 * S) == "8 h"


def test_a_venue_whose_orders_were_refused_says_that_first() -> None:
    refused = [
        {
            "id": (1 << 63) + n,
            "kind": 3,
            "instrument": 1,
            "reason": 2008,
            "value": 10**11,
            "limit": 5 * 10**10,
        }
        for n in range(3)
    ]
    skipped = [{"instrument": 1, "reason": 3006}] * 9
    page = read(
        report.html(
            case(fills=[fill(spot(), 100_000, 6_000_000)], skipped=skipped, refused=refused)
        )
    )
    assert "No fill. 3 orders refused, Spot orders are covered by the balance" in page.text
    assert re.search(r"insufficient_balance .* 1,000 +USDT or BTC +500 +USDT or BTC", page.text)
    assert "100,000,000,000" not in page.text


def test_an_interrupted_run_is_loud_and_ends_where_it_stopped() -> None:
    end = START + 100 * S
    whole = demo()
    part = {
        name: getattr(whole, name).filter(pl.col("ts_ns") <= end)
        for name in ("fills", "orders", "parents", "slices", "skipped")
    }
    stopped = msgspec.structs.replace(whole, ts_end_ns=end, is_interrupted=True, **part)
    page = read(report.html(stopped))
    assert re.search(
        r"Interrupted at 23:55:56\.6 UTC after \d\d\.\d\u202f% of the order\.", page.text
    )
    assert ": interrupted" in page.text
    assert "23:54:16.6 to 23:55:56.6 UTC (1 min 40 s)" in page.text
    assert "done" not in page.text.split("Price and fills")[1].split("Book depth")[0].split()
    assert ("p", "class", "interrupted") in page.attributes
    last = max(float(v) for t, n, v in page.attributes if (t, n) == ("figure", "data-x1") if v)
    assert last <= 101
    assert "Interrupted" not in read(report.html(whole)).text


def test_orders_of_the_desk_are_counted_with_their_key_in_a_tooltip() -> None:
    order = {"ts_ns": 1, "side": 49, "ord_status": 50, "order_qty": 9, "price": 1}
    page = read(report.html(case(orders=[order | {"cl_ord_id": (1 << 63) + 6}])))
    assert " D7 " in page.text
    assert ("span", "title", "ClOrdID 9223372036854775814") in page.attributes


def test_the_filled_quantity_is_whole_and_the_model_is_named() -> None:
    text = read(report.html(case(fills=[fill(spot(), 3_999_999, 6_000_000)]))).text
    assert "39.99999" in text
    assert "fill on trades at or through their price" in text
