"""Margin's what-if: the command says what the functions say, draws it, and names what is wrong."""

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from margin_case import MARKET, ORDER_ROWS, ORDERS, PORTFOLIO, POSITIONS, write

from tiderace import _margin_page, clear
from tiderace._clear.files import margin_file
from tiderace.errors import InputError

SETS = ("deribit_pm", "derive_pmrm")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "tiderace", "margin", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def functions(params: str) -> tuple[clear.PortfolioMargin, clear.PortfolioMargin]:
    """What is asked now and with the orders open."""
    before = clear.portfolio_margin(POSITIONS, market=MARKET, params=params)
    after = clear.portfolio_margin(POSITIONS, market=MARKET, params=params, orders=ORDER_ROWS)
    return before, after


@pytest.fixture(params=SETS)
def found(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    portfolio, orders = write(tmp_path)
    return margin_file(str(portfolio), market=None, params=request.param, orders=str(orders))


def test_a_what_if_is_what_the_functions_say_before_and_after(found: dict[str, Any]) -> None:
    before, after = functions(found["params"])
    whole = found["what_if"]
    assert (found["initial"], found["maintenance"]) == (before.initial, before.maintenance)
    assert (whole["initial"], whole["maintenance"]) == (after.initial, after.maintenance)
    assert whole["difference"]["initial"] == after.initial - before.initial > 0
    assert whole["difference"]["maintenance"] == after.maintenance - before.maintenance > 0
    assert found["books"] == before.books
    assert whole["books"] == after.books
    assert whole["scenarios"] == after.scenarios
    # An underlying comes in that nothing is held of.
    assert [book["base"] for book in whole["books"]] == ["BTC", "ETH"]


def test_orders_that_fill_are_positions(found: dict[str, Any]) -> None:
    signed = [
        {
            "instrument": of["instrument"],
            "qty": f"{'-' if of['side'] == 'sell' else ''}{of['order_qty']}",
        }
        for of in ORDER_ROWS
    ]
    filled = clear.portfolio_margin([*POSITIONS, *signed], market=MARKET, params=found["params"])
    assert found["what_if"]["filled"] == {
        "initial": filled.initial,
        "maintenance": filled.maintenance,
    }


def test_orders_may_change_which_scenario_binds_and_which_leg_causes_it(tmp_path: Path) -> None:
    portfolio, orders = write(tmp_path)
    found = margin_file(str(portfolio), market=None, params="deribit_pm", orders=str(orders))
    now, then = found["books"][0], found["what_if"]["books"][0]
    assert (now["scenario"]["spot"], now["leg"]) == (Decimal("0.04"), "BTC-27MAR26-70000-C")
    assert (then["scenario"]["spot"], then["leg"]) == (Decimal("-0.16"), "BTC-27MAR26-50000-P")
    # Neither is damped and the set has no discount: the legs are the whole.
    legs = [leg for leg in found["legs"] if leg["base"] == "BTC"]
    assert sum(leg["pnl"] for leg in legs) == near(now["scenario"]["pnl"])
    parts = sum(leg["what_if_pnl"] + leg["what_if_order_pnl"] for leg in legs)
    assert parts == near(then["scenario"]["pnl"])


def near(value: Decimal) -> Any:
    """A leg by itself is counted in lots of its own: the tenth digit may be another."""
    return pytest.approx(value, rel=Decimal("1e-9"))


def test_the_leg_that_causes_it_is_told_as_the_function_tells_it(found: dict[str, Any]) -> None:
    for state, key in ((found, "pnl"), (found["what_if"], "what_if_pnl")):
        book = state["books"][0]
        legs = [leg for leg in found["legs"] if leg["base"] == "BTC"]
        worst = min(legs, key=lambda leg: leg[key])
        assert (worst["symbol"], worst[key]) == (book["leg"], near(book["leg_pnl"]))


def test_the_command_prints_a_what_if_for_machines_and_for_people(tmp_path: Path) -> None:
    portfolio, orders = write(tmp_path)
    page = tmp_path / "margin.html"
    done = command(portfolio, "--orders", orders, "--html", page, "--json")
    assert done.returncode == 0, done.stderr
    told, (before, after) = json.loads(done.stdout), functions("deribit_pm")
    assert (told["initial"], told["what_if"]["initial"]) == (
        str(before.initial),
        str(after.initial),
    )
    assert told["what_if"]["orders"][0] == {
        "symbol": "BTC-PERP",
        "side": "sell",
        "order_qty": "6",
        "price": "60100",
    }
    assert told["html"] == str(page)
    shown = command(portfolio, "--orders", orders)
    assert shown.returncode == 0, shown.stderr
    assert "with 4 orders of" in shown.stdout
    assert "BTC would be bound by: scenario spot -0.16, vol up" in shown.stdout
    assert json.loads(command(portfolio, "--json").stdout)["what_if"] is None


def test_the_page_draws_every_scenario_and_marks_what_binds(found: dict[str, Any]) -> None:
    text = _margin_page.page(found)
    assert text.startswith("<!doctype html>")
    assert "http://" not in text
    assert "https://" not in text
    rows, after = len(found["scenarios"]), len(found["what_if"]["scenarios"])

    def columns(kind: str) -> int:
        paths = re.findall(rf'<path d="([^"]*)" class="column {kind}"', text)
        return sum(path.count("Z") for path in paths)

    assert (columns("now"), columns("asked")) == (rows, after)
    assert columns("alone") == 0
    # One book now, two with the orders.
    assert columns("binds") == 3
    for leg in found["legs"]:
        assert leg["symbol"] in text
    hits = re.findall(r'class="hits">(.*?)</script>', text)
    words = [word for of in hits for *_, word in json.loads(of)]
    assert len(words) == after
    assert sum("binds now" in word for word in words) == 1
    assert sum("binds with orders" in word for word in words) == 2


def test_a_page_without_orders_draws_one_column_a_scenario(tmp_path: Path) -> None:
    portfolio, _ = write(tmp_path)
    found = margin_file(str(portfolio), market=None, params="deribit_pm")
    text = _margin_page.page(found)
    paths = re.findall(r'<path d="([^"]*)" class="column (\w+)"', text)
    drawn = {kind: sum(d.count("Z") for d, of in paths if of == kind) for _, kind in paths}
    assert drawn == {"alone": 35, "binds": 1}
    assert "with orders" not in text.partition("<main>")[2].partition("<script>")[0]


def test_names_from_a_file_are_no_markup(tmp_path: Path) -> None:
    portfolio, _ = write(tmp_path)
    portfolio.write_text(PORTFOLIO.replace("BTC-PERP", "<b>&PERP"))
    text = _margin_page.page(margin_file(str(portfolio), market=None, params="deribit_pm"))
    assert "<b>&PERP" not in text
    assert "&lt;b&gt;&amp;PERP" in text


LINE = "BTC-PERP,sell,6,60100"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (LINE, "BTC-PREP,sell,6,60100", "orders.csv:2: nothing says what 'BTC-PREP' is"),
        (",price,", ",limit,", "column 'limit' is unknown"),
        (LINE, "BTC-PERP,sell,6,", "orders.csv:2 has no price"),
        (LINE, "BTC-PERP,sell,-6,60100", "orders.csv:2.order_qty = '-6'"),
        (LINE, "BTC-PERP,sell,0,60100", "orders.csv:2.order_qty = '0'"),
        (LINE, "BTC-PERP,short,6,60100", "orders.csv:2.side = 'short'"),
        (LINE, "BTC-PERP,sell,6,dear", "orders.csv:2.price"),
        (LINE, "BTC-PERP,sell,6,nan", "orders.csv:2.price"),
        (f"{LINE},,", f"{LINE},future,", "kind of BTC-PERP"),
        (",put,0.68,", ",put,,", "market.vol.BTC-27MAR26-45000-P is missing"),
        (",put,0.68,", ",put,68,", "A vol is a decimal"),
        (",ETH,USDC", ",ETH,ETH", "settle in 2 assets"),
        (",3000\n", ",\n", "market.index.ETH is missing"),
        (ORDERS, "symbol,side,order_qty\nBTC-PERP,buy,1\n", "orders.csv:2 has no price"),
        (ORDERS, "", "orders.csv has no row"),
        (ORDERS, "symbol,qty\nBTC-PERP,1\n", "column 'qty' is unknown"),
    ],
)
def test_orders_that_are_wrong_are_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    portfolio, orders = write(tmp_path)
    assert old in ORDERS
    orders.write_text(ORDERS.replace(old, new))
    with pytest.raises(InputError, match=re.escape(named)) as error:
        margin_file(str(portfolio), market=None, params="deribit_pm", orders=str(orders))
    assert error.value.remedy


def test_a_file_that_is_not_there_or_cannot_be_written_is_named(tmp_path: Path) -> None:
    portfolio, _ = write(tmp_path)
    done = command(portfolio, "--orders", tmp_path / "absent.csv", "--json")
    assert (done.returncode, "absent.csv" in done.stderr) == (2, True)
    assert json.loads(done.stdout)["error"]["remedy"]
    done = command(portfolio, "--html", tmp_path / "absent" / "page.html")
    assert done.returncode != 0
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
