"""`tr.clear`: published examples, agreement with the venue, wrong inputs, and the `margin` command."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tiderace as tr
from tiderace import clear

# Deribit's published rules of short options, in the coin.
DERIBIT = {
    "model": "option",
    "rate": "0.15",
    "floor": "0.1",
    "maintenance": "0.075",
    "put_maintenance_of_mark": "0.075",
    "initial_at_least_maintenance": "put",
    "unit": "coin",
}
CALL: dict[str, Any] = {
    "symbol": "BTC-27MAR26-70000-C",
    "kind": "option",
    "style": "inverse",
    "base": "BTC",
    "settle": "BTC",
    "tick_size": "0.0001",
    "lot_size": "0.1",
    "contract_multiplier": "1",
    "maturity": "2026-03-27",
    "strike_price": "70000",
    "put_or_call": "call",
    "margin": DERIBIT,
}
PUT = {**CALL, "symbol": "BTC-27MAR26-50000-P", "strike_price": "50000", "put_or_call": "put"}
PERP: dict[str, Any] = {
    "symbol": "BTC-PERP",
    "kind": "perpetual",
    "style": "linear",
    "base": "BTC",
    "settle": "USDC",
    "tick_size": "0.5",
    "lot_size": "0.001",
    "contract_multiplier": "1",
    "fees": {"maker": "0.0002", "taker": "0.0005"},
    "margin": {"model": "tiered", "initial": "0.02", "maintenance": "0.01", "per_unit": "0.00005"},
}
MARKET: dict[str, Any] = {
    "now": "2026-01-01T00:00:00Z",
    "index": {"BTC": "60000"},
    "mark": {"BTC-PERP": "60010"},
    "forward": {"BTC": {"2026-03-27": {"forward": "60500", "discount": "0.99", "rate": "0.04"}}},
    "vol": {CALL["symbol"]: "0.6", PUT["symbol"]: 0.65},
}


def linear(option: dict[str, Any]) -> dict[str, Any]:
    return {**option, "style": "linear", "settle": "USDC"}


def margin(qty: str, instrument: dict[str, Any], mark: str, index: str = "60000") -> clear.Margin:
    position = {"symbol": instrument["symbol"], "qty": qty}
    return clear.standard_margin(position, instrument=instrument, mark=mark, index=index)


# -- standard margin --------------------------------------------------------------------------


def test_deribits_short_options_come_out_as_its_rules_say() -> None:
    # Out of the money by 10 000 of 60 000: the floor of 0.1 counts.
    assert margin("-1", CALL, "0.02") == (Decimal("0.12"), Decimal("0.095"))
    assert margin("-1", PUT, "0.01") == (Decimal("0.11"), Decimal("0.085"))
    # By 2 % only: 0.15 - 0.02.
    near = margin("-10", CALL, "0.02", index="68627.450980392157")
    assert near.initial == pytest.approx(Decimal("1.5"), abs=Decimal("1e-12"))
    # A put so dear that a share of its mark outgrows 0.075, and in the end the initial floor too.
    assert margin("-1", PUT, "1.2") == (Decimal("1.3"), Decimal("1.29"))
    assert margin("-1", PUT, "3") == (Decimal("3.225"), Decimal("3.225"))
    assert margin("5", CALL, "0.02") == (0, 0)


def test_tiered_rates_grow_with_size_and_money_is_exact() -> None:
    found = margin("-2.5", PERP, "60010.5")
    assert found.initial == Decimal("2.5") * Decimal("60010.5") * Decimal("0.020125")
    assert found.maintenance == Decimal("2.5") * Decimal("60010.5") * Decimal("0.010125")
    assert isinstance(found.initial, Decimal)


def test_a_short_binary_needs_what_it_may_pay_and_spot_nothing() -> None:
    binary = {
        **linear(CALL),
        "kind": "binary",
        "contract_multiplier": "50",
        "margin": PERP["margin"],
    }
    assert margin("-3", binary, "0.4") == (150, 150)
    assert margin("3", binary, "0.4") == (0, 0)
    spot = {"symbol": "BTC-USDC", "kind": "spot", "base": "BTC", "quote": "USDC"}
    assert margin("3", spot, "60000") == (0, 0)


# -- orders -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "side", "qty", "price"),
    [
        ("0", "buy", "1", "60000"),
        ("0", "buy", "1.5", "60100"),
        ("0", "sell", "2", "59900"),
        ("0", "sell", "2", "60500"),
        ("3", "buy", "1", "60300"),
        ("3", "sell", "1", "60000"),
        ("3", "sell", "5", "59990"),
        ("3", "sell", "7", "60000"),
    ],
)
def test_an_order_holds_what_it_holds_at_the_venue(
    held: str, side: str, qty: str, price: str
) -> None:
    accounts = [{"account": name, "balances": {"USDC": "10000000"}} for name in ("a", "b")]
    config = {
        "start": "2026-01-01T00:00:00Z",
        "assets": [{"asset": "USDC", "decimals": 6}],
        "instruments": [PERP],
        "accounts": accounts,
    }
    with tr.Venue(config) as venue:
        venue.say({"do": "index", "base": "BTC", "price": "60000"})
        venue.say({"do": "mark", "symbol": "BTC-PERP", "price": "60000"})
        for account, of in (("a", "buy"), ("b", "sell")) if held != "0" else ():
            venue.new_order(
                "BTC-PERP", account=account, cl_ord_id="p", side=of, order_qty=held, price="60000"
            )
        venue.new_order(
            "BTC-PERP", account="a", cl_ord_id="o", side=side, order_qty=qty, price=price
        )
        there = Decimal(venue.balance("a", "USDC")["held"])
    here = clear.order_margin(
        {"side": side, "order_qty": qty, "price": price},
        instrument=PERP,
        position={"symbol": "BTC-PERP", "qty": held},
        mark="60000",
        index="60000",
    )
    assert there == here.quantize(Decimal("0.000001"), rounding="ROUND_CEILING")


def test_a_bought_option_holds_its_premium_and_a_reducing_order_no_more_than_it_reduces() -> None:
    def hold(order: dict[str, Any], qty: str | None) -> Decimal:
        position = None if qty is None else {"symbol": CALL["symbol"], "qty": qty}
        return clear.order_margin(
            order, instrument=CALL, position=position, mark="0.02", index="60000"
        )

    assert hold({"side": "buy", "order_qty": "2", "price": "0.03"}, None) == Decimal("0.06")
    assert hold({"side": "sell", "order_qty": "2", "price": "0.03"}, None) == Decimal("0.24")
    assert hold({"side": "sell", "order_qty": "2"}, "2") == 0
    assert hold({"side": "sell", "order_qty": "5", "reduce_only": True}, "2") == 0
    assert hold({"side": "sell", "order_qty": "5"}, "2") == Decimal("0.36")


def test_a_spot_order_holds_what_it_hands_over() -> None:
    spot = {
        "symbol": "S",
        "kind": "spot",
        "base": "BTC",
        "quote": "USDC",
        "fees": {"taker": "0.001"},
    }

    def hold(side: str) -> Decimal:
        order = {"side": side, "order_qty": "0.5", "price": "60000"}
        return clear.order_margin(order, instrument=spot, position=None, mark="1", index="1")

    assert (hold("buy"), hold("sell")) == (Decimal("30030"), Decimal("0.5"))


# -- portfolio margin -------------------------------------------------------------------------


def derive_case() -> dict[str, Any]:
    """Parameters of Derive's own test cases (v2-core, PMRM_2 portfolio_cases), spot as factors."""
    spots = [("1.18", "up")]
    for spot in ("1.135", "1.09", "1.045", "1", "0.955", "0.91", "0.865"):
        spots += [(spot, "down"), (spot, "none"), (spot, "up")]
    spots.append(("0.82", "up"))
    tails = {"0.34": "0.054545454545454536", "0.67": "0.10909090909090907", "1.5": "0.072"}
    tails |= {"2": "0.036", "3": "0.018", "4": "0.011999999999999999"}
    scenarios = [{"spot": spot, "vol": vol} for spot, vol in spots]
    scenarios += [
        {"spot": spot, "vol": "up", "damping": damping, "kind": "tail"}
        for spot, damping in tails.items()
    ]
    scenarios += [{"spot": "1", "vol": vol, "kind": "skew"} for vol in ("linear", "abs")]
    return {
        "scenarios": scenarios,
        "skew": {
            "linear_cap": "0.15",
            "linear_slope": "-0.05",
            "abs_cap": "0.15",
            "abs_slope": "-0.05",
            "min_width": "0.01",
            "width_scale": "4",
            "vol_static": "0.6",
            "vol_slope": "-0.1",
        },
        "vol_shock": {
            "up": "0.5",
            "down": "0.275",
            "short_term_power": "0.3",
            "long_term_power": "0.13",
            "days_floor": "1",
            "reference_days": "30",
            "min_vol_up": "0.45",
        },
        "loss_factor": {"initial": "1", "maintenance": "0.8"},
        "discount": {
            "long_static": "0.95",
            "long_rate_mult": "1",
            "long_rate_add": "0.08",
            "short_static": "1.04",
            "short_rate_mult": "0.5",
            "short_rate_add": "0.08",
        },
        "forward_contingency": {"up": "1.045", "down": "0.955", "add": "0.5", "mult": "2"},
        "contingency": {
            "perpetual": {"initial": "0.005", "maintenance": "0.015"},
            "option": {"initial": "0.002", "maintenance": "0.003"},
        },
    }


def test_derives_published_call_spread_comes_out_to_the_sixth_digit() -> None:
    # 794 852 s before 08:00 UTC.
    maturity, now = "2026-01-10T08:00:00Z", "2026-01-01T03:12:28Z"

    def call(strike: str, qty: str) -> dict[str, Any]:
        of = {"kind": "option", "base": "ETH", "settle": "USDC", "put_or_call": "call"}
        of |= {"symbol": f"ETH-{strike}-C", "strike_price": strike, "maturity": maturity}
        return {"instrument": of, "qty": qty}

    forward = {"forward": 2682.9997436016715, "discount": 0.9962264490688729, "rate": "0.15"}
    market = {
        "now": now,
        "index": {"ETH": "2681.6029850999994"},
        "forward": {"ETH": {maturity: forward}},
        "vol": {"ETH-2000-C": 1.05566815917837, "ETH-2200-C": 0.8887739594928362},
    }
    positions = [call("2000", "-1"), call("2200", "1")]
    found = clear.portfolio_margin(positions, market=market, params=derive_case())
    near = {"abs": 3e-6}
    assert float(found.mark_to_market) == pytest.approx(-193.119752281, **near)
    assert float(found.mark_to_market - found.initial) == pytest.approx(-213.405091293, **near)
    assert float(found.mark_to_market - found.maintenance) == pytest.approx(-206.666420506, **near)
    assert found.worst is not None
    assert found.worst["spot"] == Decimal("1.135")
    assert float(found.worst["pnl"]) == pytest.approx(-6.877324, **near)
    assert found.books[0]["leg"] == "ETH-2000-C"


def both(qty: str = "-1", **more: Any) -> list[dict[str, Any]]:
    return [
        {"instrument": linear(CALL), "qty": qty, **more},
        {"instrument": linear(PUT), "qty": qty},
    ]


def test_unrealised_counts_in_the_books_value_and_in_no_requirement() -> None:
    plain = clear.portfolio_margin(both(), market=MARKET, params="deribit_pm")
    won = clear.portfolio_margin(both(unrealised="12.5"), market=MARKET, params="deribit_pm")
    assert won.mark_to_market - plain.mark_to_market == Decimal("12.5")
    assert (won.initial, won.maintenance) == (plain.initial, plain.maintenance)
    assert plain.mark_to_market < 0 < plain.maintenance < plain.initial


def test_underlyings_add_up_and_settlement_assets_do_not() -> None:
    eth = {**PERP, "symbol": "ETH-PERP", "base": "ETH"}
    market = {**MARKET, "index": {"BTC": "60000", "ETH": "3000"}}
    one, two = {"instrument": PERP, "qty": "1"}, {"instrument": eth, "qty": "-20"}
    apart = [
        clear.portfolio_margin([row], market=market, params="derive_pmrm") for row in (one, two)
    ]
    whole = clear.portfolio_margin([one, two], market=market, params="derive_pmrm")
    assert whole.initial == sum(of.initial for of in apart)
    assert [row["base"] for row in whole.books] == ["BTC", "ETH"]
    assert len(whole.scenarios) == 2 * 33
    with pytest.raises(tr.InputError, match="settle in 2 assets"):
        clear.portfolio_margin(
            [one, {"instrument": CALL, "qty": "1"}], market=market, params="derive_pmrm"
        )


def test_an_empty_portfolio_needs_nothing_and_a_frame_will_do() -> None:
    none = clear.portfolio_margin([], market=MARKET, params="deribit_pm")
    assert (none.initial, none.maintenance, none.worst) == (0, 0, None)
    rows = [{"instrument": PERP, "qty": "2"}]
    frame = clear.portfolio_margin(pl.DataFrame(rows), market=MARKET, params="deribit_pm")
    assert frame == clear.portfolio_margin(rows, market=MARKET, params="deribit_pm")


def test_a_what_if_never_asks_less_and_asks_fees() -> None:
    def initial(
        side: str | None, price: str = "60010", fees: dict[str, str] | None = None
    ) -> Decimal:
        of = {**PERP, "fees": fees or {}}
        order = {"instrument": of, "side": side, "order_qty": "1", "price": price}
        rows = [{"instrument": of, "qty": "2"}]
        orders = [order] if side else []
        return clear.portfolio_margin(
            rows, market=MARKET, params="deribit_pm", orders=orders
        ).initial

    now = initial(None)
    assert initial("sell") == now
    assert initial("buy") > now
    assert initial("buy", fees={"taker": "0.0005"}) - initial("buy") == Decimal("30.005")
    assert initial("buy", price="60110") - initial("buy") == 100


def test_a_long_option_less_never_lowers_margin() -> None:
    for params in ("deribit_pm", "derive_pmrm"):
        short = clear.portfolio_margin(both("-1"), market=MARKET, params=params)
        more = clear.portfolio_margin(both("-2"), market=MARKET, params=params)
        assert more.initial >= short.initial > 0
        assert short.worst is not None
        assert short.initial >= -short.worst["pnl"]


# -- what is wrong is named -------------------------------------------------------------------


def changed(path: str, value: Any) -> dict[str, Any]:
    market = json.loads(json.dumps(MARKET))
    *places, last = path.split("/")
    at = market
    for place in places:
        at = at[place]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return market


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("now", None, "market.now is missing"),
        ("now", "yesterday", "market.now"),
        ("now", "2026-04-01T00:00:00Z", "expired"),
        ("spot", "1", "market.spot is unknown"),
        ("index/BTC", None, "market.index.BTC"),
        ("index/BTC", "-1", "market.index.BTC"),
        ("forward/BTC/2026-03-27", None, "known: none"),
        ("forward/BTC/2026-03-27/forward", "-5", "forward"),
        ("forward/BTC/2026-03-27/forward", "nan", "forward"),
        ("forward/BTC/2026-03-27/forward", float("nan"), "forward"),
        ("forward/BTC/2026-03-27/disc", "1", "disc is unknown"),
        (f"vol/{CALL['symbol']}", None, CALL["symbol"]),
        (f"vol/{CALL['symbol']}", "60", "0.65 is 65 %"),
        (f"vol/{CALL['symbol']}", "-0.1", "not below zero"),
    ],
)
def test_a_market_that_is_wrong_is_named(path: str, value: Any, named: str) -> None:
    with pytest.raises(tr.InputError, match=named) as caught:
        clear.portfolio_margin(both(), market=changed(path, value), params="deribit_pm")
    assert caught.value.rule
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kind": "swap"}, "instrument.kind"),
        ({"strike": "1"}, "instrument.strike is unknown"),
        ({"strike_price": None}, "strike_price is missing"),
        ({"strike_price": "-1"}, "strike_price"),
        ({"put_or_call": "C"}, "put_or_call"),
        ({"settle": "USDC"}, "settle"),
        ({"contract_multiplier": "0"}, "contract_multiplier"),
        ({"maturity": "soon"}, "maturity"),
        ({"margin": None}, "margin of .* is missing"),
        ({"margin": {"model": "span"}}, "span"),
        ({"margin": {**DERIBIT, "flor": "1"}}, "flor"),
        ({"margin": {**DERIBIT, "floor": "much"}}, "much"),
        ({"margin": {**DERIBIT, "floor": "-0.1"}}, "floor is below zero"),
        ({"fees": {"takr": "1"}}, "takr"),
        ({"symbol": "other"}, "position.symbol"),
    ],
)
def test_an_instrument_that_is_wrong_is_named(change: dict[str, Any], named: str) -> None:
    position = {"symbol": CALL["symbol"], "qty": "-1"}
    with pytest.raises(tr.InputError, match=named):
        clear.standard_margin(position, instrument={**CALL, **change}, mark="0.02", index="60000")


def test_money_is_no_float_and_fits() -> None:
    with pytest.raises(TypeError, match="Decimal"):
        clear.standard_margin({"qty": -1.0}, instrument=CALL, mark="0.02", index="60000")
    with pytest.raises(TypeError, match="float"):
        clear.waterfall(1, layers=[{"layer": "a", "amount": 1.0}])
    for qty in ("1e30", "9999999999999", "0.0000000000001"):
        with pytest.raises(tr.InputError):
            clear.portfolio_margin(
                [{"instrument": PERP, "qty": qty}], market=MARKET, params="deribit_pm"
            )
    with pytest.raises(tr.InputError):
        margin("-1e15", PERP, "1e17")


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ("span", "deribit_pm, derive_pmrm"),
        (3, "params"),
        ({}, "scenarios"),
        ({**derive_case(), "scenarios": []}, "0 scenarios"),
        ({**derive_case(), "tail": "1"}, "tail"),
        ({key: of for key, of in derive_case().items() if key != "skew"}, "skew"),
        ({**derive_case(), "skew": None}, "skew"),
    ],
)
def test_params_that_are_wrong_are_named(params: Any, named: str) -> None:
    with pytest.raises(tr.InputError, match=named):
        clear.portfolio_margin(both(), market=MARKET, params=params)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: clear.waterfall(-1, layers=[]), "loss"),
        (lambda: clear.waterfall(1, layers=[{"layer": "a"}]), "neither"),
        (lambda: clear.waterfall(1, layers=[{"layer": "a", "amount": -1}]), "amount"),
        (lambda: clear.waterfall(1, layers=[{"layer": "a", "amount": 2**121}]), "amount"),
        (lambda: clear.waterfall(2**200, layers=[]), "loss"),
        (lambda: clear.adl_queue([], bankrupt={"account": "z", "qty": "1"}), "price"),
        (lambda: clear.adl_queue([{"account": "a", "qty": "1"}], bankrupt=GONE), "entry_px"),
        (
            lambda: clear.adl_queue(
                [{"account": "a", "qty": "1", "entry_px": "1", "mark_px": "1", "leverage": "0"}],
                bankrupt=GONE,
            ),
            "leverage",
        ),
    ],
)
def test_default_management_names_what_is_wrong(call: Any, named: str) -> None:
    with pytest.raises(tr.InputError, match=named):
        call()


GONE = {"account": "z", "qty": "-1", "price": "100"}


def test_the_bankrupt_account_is_not_ranked_where_it_is_listed() -> None:
    rows = [
        {"account": "z", "qty": "5", "score": "99"},
        {"account": "a", "qty": "3", "score": "1"},
        {"account": "z", "qty": "-1", "score": "9"},
        {"account": "b", "qty": "5", "score": "0.5"},
    ]
    found = clear.adl_queue(rows, bankrupt={**GONE, "qty": "-4"})
    assert [(row["account"], str(row["closed"])) for row in found] == [("a", "3"), ("b", "1")]


# -- the command ------------------------------------------------------------------------------

CSV = """symbol, qty, kind, base, settle, maturity, strike_price, put_or_call, index, vol, forward, discount, now
C, -2, option, BTC, USDC, 2026-03-27, 70000, call, 60000, 0.6, 60500, 0.99, 2026-01-01T00:00:00Z
P, -1, option, BTC, USDC, 2026-03-27, 50000, put,, 0.65,,,
BTC-PERP, 0.5, perpetual, BTC, USDC,,,,,,,,
"""


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "tiderace", "margin", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_prints_one_object_that_is_the_functions(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.csv"
    path.write_text(CSV)
    done = command(path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    option = {"kind": "option", "base": "BTC", "settle": "USDC", "maturity": "2026-03-27"}
    positions = [
        {
            "instrument": {**option, "symbol": "C", "strike_price": "70000", "put_or_call": "call"},
            "qty": "-2",
        },
        {
            "instrument": {**option, "symbol": "P", "strike_price": "50000", "put_or_call": "put"},
            "qty": "-1",
        },
        {
            "instrument": {
                "symbol": "BTC-PERP",
                "kind": "perpetual",
                "base": "BTC",
                "settle": "USDC",
            },
            "qty": "0.5",
        },
    ]
    market = {**MARKET, "mark": {}, "vol": {"C": "0.6", "P": "0.65"}}
    market["forward"] = {"BTC": {"2026-03-27": {"forward": "60500", "discount": "0.99"}}}
    ours = clear.portfolio_margin(positions, market=market, params="deribit_pm")
    assert found["initial"] == str(ours.initial)
    assert found["books"][0]["binds"] == "scenario"
    assert found["worst"]["pnl"] == str(ours.worst["pnl"] if ours.worst else None)
    assert found["contingencies"]["option"]["maintenance"] == "1800"
    shown = command(path)
    assert shown.returncode == 0, shown.stderr
    assert "BTC binds: scenario" in shown.stdout
    assert "C loses most" in shown.stdout


def test_a_market_file_and_a_params_file_say_the_rest(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(f"symbol,qty,unrealised\n{CALL['symbol']},-3,0.1\n")
    market = {**MARKET, "instruments": [CALL, PUT]}
    (tmp_path / "m.json").write_text(json.dumps(market))
    (tmp_path / "s.json").write_text(json.dumps(derive_case()))
    done = command(
        tmp_path / "p.csv",
        "--market",
        tmp_path / "m.json",
        "--params",
        tmp_path / "s.json",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["settle"] == "BTC"
    assert len(found["scenarios"]) == 31


@pytest.mark.parametrize(
    ("text", "options", "named"),
    [
        (None, [], "cannot be read"),
        ("", [], "no row"),
        ("symbol,quantity\nA,1\n", [], "'quantity' is unknown"),
        ("symbol,qty\nA,1,2\n", [], "p.csv:2"),
        ("symbol,qty\nA,\n", [], "no qty"),
        ("symbol,qty\nA,1\n", [], "nothing says what 'A' is"),
        ("symbol,qty,kind,base,settle,index\nA,x,perpetual,BTC,USDC,1\n", [], "qty"),
        ("symbol,qty,kind,base,settle,forward\nA,1,perpetual,BTC,USDC,1\n", [], "no maturity"),
        (
            "symbol,qty,kind,base,settle,index\nA,1,perpetual,BTC,USDC,1\nB,1,perpetual,BTC,USDC,2\n",
            [],
            "said alike",
        ),
        (
            "symbol,qty,kind,base,settle,index\nA,1,perpetual,BTC,USDC,1\n",
            ["--params", "span"],
            "span",
        ),
        ("symbol,qty\nA,1\n", ["--market", "absent.toml"], "absent.toml"),
    ],
)
def test_a_file_that_is_wrong_is_one_message(
    tmp_path: Path, text: str | None, options: list[str], named: str
) -> None:
    path = tmp_path / "p.csv"
    if text is not None:
        path.write_text(text)
    done = command(path, *options, "--json")
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"]["remedy"]
