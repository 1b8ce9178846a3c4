"""TCA against figures computed by hand."""

import math
from dataclasses import dataclass
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tca_case import BUY, SELL, S, case, fill, inverse, linear, spot

from tiderace import tca
from tiderace.errors import InputError

H8 = 28_800 * S


def quote(i: int, ts_s: float, bid: int, ask: int) -> dict:
    return {"instrument": i, "ts_ns": int(ts_s * S), "bid_px": bid, "ask_px": ask}


def trade(i: int, ts_s: float, px: int, qty: str) -> dict:
    return {
        "instrument": i,
        "ts_ns": int(ts_s * S),
        "px": px,
        "qty_e8": int(Decimal(qty).scaleb(8)),
    }


def asked(side: str = "buy", qty: str = "3", **more: object) -> list[tca.Asked]:
    return [tca.Asked(parent_id=1, side=side, order_qty=int(Decimal(qty).scaleb(8)), **more)]


# Arrival: spot 59,990 / 60,010 (mid 60,000), linear 59,975 / 59,985 (mid 59,980), inverse
# 60,005 / 60,015 (mid 60,010). From 4 s on: spot 59,940, linear 59,920, inverse 59,950.
ARRIVALS = [
    {"instrument": 0, "bid_px": 5_999_000, "ask_px": 6_001_000, "limit_px": 6_018_000},
    {"instrument": 1, "bid_px": 599_750, "ask_px": 599_850, "limit_px": 601_599},
    {"instrument": 2, "bid_px": 600_050, "ask_px": 600_150, "limit_px": 601_900},
]
QUOTES = [
    quote(0, -1, 5_999_000, 6_001_000),
    quote(1, -1, 599_750, 599_850),
    quote(2, -1, 600_050, 600_150),
    quote(0, 4, 5_993_000, 5_995_000),
    quote(1, 4, 599_150, 599_250),
    quote(2, 4, 599_450, 599_550),
]
DONE = [
    {"ts_ns": 0, "status": ord("0"), "cum_qty": 0, "leaves_qty": 3 * 10**8},
    {"ts_ns": 10 * S, "status": ord("2"), "cum_qty": 3 * 10**8, "leaves_qty": 0},
]


def three_books(side: int = BUY, **more: object) -> tca.Inputs:
    """1 BTC of each: spot at 60,006, linear at 59,986, inverse 601 contracts at 60,016."""
    sign = 1 if side == BUY else -1
    fills = [
        fill(
            spot(),
            100_000,
            6_000_000 + sign * 600,
            ts_ns=1 * S,
            side=side,
            fee=1_380_138_000,
            exec_id=1,
        ),
        fill(
            linear(),
            1_000,
            599_800 + sign * 60,
            ts_ns=2 * S,
            side=side,
            fee=1_019_762_000,
            exec_id=2,
        ),
        fill(
            inverse(),
            600,
            600_100 + sign * 60,
            ts_ns=3 * S,
            side=side,
            fee=24_000,
            fee_asset=0,
            exec_id=3,
            is_maker=True,
        ),
    ]
    given = {
        "arrivals": ARRIVALS,
        "quotes": QUOTES,
        "parents": DONE,
        "fills": fills,
        "asked": asked("buy" if side == BUY else "sell"),
        "holding_ns": H8,
    }
    return case(**(given | more))


def test_slippage_is_against_each_instruments_own_arrival_so_basis_never_enters_it() -> None:
    summary = tca.summarise(three_books())
    # Each book is bought 6 above its own mid: 6/60,000 = 1 bp, 6/59,980 = 1.000333 bp,
    # 6/60,010 = 0.999833 bp.
    # Exposures 1, 1 and 60,000 / 60,016 = 0.99973340 BTC; the mean by exposure:
    # (1.0 + 1.00033344 + 0.99973340 x 0.99983336) / 2.99973340 = 1.00005561 bp.
    assert summary["slippage_bps"]["arrival"] == pytest.approx(1.0000556, abs=1e-7)
    venues = summary["by_venue"]
    assert venues["spot:BTCUSDT"]["slippage_bps"]["arrival"] == pytest.approx(1.0)
    assert venues["usdm:BTCUSDT"]["slippage_bps"]["arrival"] == pytest.approx(6 / 59_980 * 1e4)
    assert venues["coinm:BTCUSD_PERP"]["slippage_bps"]["arrival"] == pytest.approx(6 / 60_010 * 1e4)


def test_money_lines_by_hand() -> None:
    summary = tca.summarise(three_books())
    # 600 contracts of 100 USD at 60,016 are 0.99973340... BTC, rounded down at 1e-8.
    assert summary["by_venue"]["coinm:BTCUSD_PERP"]["exposure"] == "0.9997334"
    assert summary["filled_qty"] == "2.9997334"
    # USD notional: 60,006 + 59,986 + 600 x 100 = 179,992 exactly; / 2.9997334 = 60,002.66557...
    assert summary["notional"] == "179992"
    assert summary["avg_px"] == "60002.66557021"
    # Fees: 13.80138 + 10.19762 USDT, and 0.00024 BTC at the inverse's arrival mid 60,010 = 14.4024.
    assert summary["fees"] == "38.4014"
    # Funding of 1 bp over one interval on the perpetuals: (59,986 + 60,000) / 10,000 = 11.9986.
    assert summary["funding"] == "11.9986"
    # Basis: 1 x (59,980 - 60,000) + 0.9997334 x (60,010 - 60,000) = -20 + 9.997334.
    assert summary["basis"] == "-10.002666"
    assert summary["conversion"] == "0"
    # Spot mid went from 60,000 to 59,940: -10 bp.
    assert summary["drift_bps"] == pytest.approx(-10.0)
    assert summary["drift_recording_bps"] == pytest.approx(-10.0)
    # Trading: 6 + 6 + (60,000 - 0.9997334 x 60,010 = 5.998666); the inverse by its notional,
    # never by exposure x price.
    assert summary["shortfall"]["trading"] == "17.998666"
    assert summary["maker_share"] == pytest.approx(0.9997334 / 2.9997334)
    assert summary["by_venue"]["spot:BTCUSDT"]["share"] == pytest.approx(1 / 2.9997334)
    # Arrival spread of spot: 20 / 60,000 = 3.3333 bp.
    assert summary["by_venue"]["spot:BTCUSDT"]["spread_bps"] == pytest.approx(10 / 3)


def test_shortfall_by_hand_adds_up() -> None:
    short = tca.summarise(three_books())["shortfall"]
    # Unfilled 0.0002666 BTC when the reference had gone from 60,000 to 59,940: 0.0002666 x -60.
    assert short["opportunity"] == "-0.015996"
    assert short["delay"] == "0"
    # 179,992 - 2.9997334 x 60,000 = 7.996, - 0.015996 + 38.4014.
    assert short["total"] == "46.381404"
    parts = sum(
        Decimal(short[k])
        for k in ("delay", "trading", "basis", "conversion", "opportunity", "fees")
    )
    assert parts == Decimal(short["total"])
    # Over 3 BTC x 60,000 = 180,000 USD.
    assert short["total_bps"] == pytest.approx(46.381404 / 180_000 * 1e4)


def test_delay_is_the_market_between_decision_and_arrival() -> None:
    quotes = [quote(0, -9, 5_998_900, 5_999_100), *QUOTES]
    inputs = three_books(quotes=quotes, asked=asked(decision_ns=-5 * S))
    short = tca.summarise(inputs)["shortfall"]
    # Decided at a mid of 59,990, arrived at 60,000: 10 on 2.9997334 BTC; the unfilled rest
    # misses 59,940 - 59,990.
    assert short["delay"] == "29.997334"
    assert short["opportunity"] == "-0.01333"
    assert short["trading"] == "17.998666"


def test_conversion_is_a_line_of_its_own() -> None:
    at_par = tca.summarise(three_books())
    off_par = tca.summarise(three_books(usd_per={"USDT": Decimal("0.999")}))
    # Reference and linear are in USDT, the inverse in USD. Per BTC against the reference: linear
    # 59,980 x -0.001 - 60,000 x -0.001 = 0.02; inverse 0 + 60 = 60 x 0.9997334 = 59.984004.
    assert off_par["conversion"] == "60.004004"
    assert off_par["basis"] == at_par["basis"]
    assert off_par["slippage_bps"] == at_par["slippage_bps"]
    short = off_par["shortfall"]
    parts = sum(Decimal(v) for k, v in short.items() if k not in ("total", "total_bps"))
    assert parts == Decimal(short["total"])


def test_a_sell_mirrors_a_buy() -> None:
    """Selling 6 below each mid costs what buying 6 above costs, but for the inverse's curvature."""
    buys, sells = tca.summarise(three_books(BUY)), tca.summarise(three_books(SELL))
    assert sells["side"] == "sell"
    for venue in ("spot:BTCUSDT", "usdm:BTCUSDT"):
        buy, sell = buys["by_venue"][venue], sells["by_venue"][venue]
        assert sell["slippage_bps"]["arrival"] == pytest.approx(buy["slippage_bps"]["arrival"])
        assert Decimal(sell["basis"]) == -Decimal(buy["basis"])
        assert Decimal(sell["funding"]) <= 0
    assert Decimal(sells["shortfall"]["trading"]) == pytest.approx(
        Decimal("18"), abs=Decimal("0.01")
    )


def test_interval_vwap_is_the_instruments_own_market() -> None:
    trades = [
        trade(0, -0.5, 6_500_000, "9"),  # before the work: out
        trade(0, 1, 6_000_000, "1"),
        trade(0, 2, 6_004_000, "3"),
        trade(0, 11, 6_500_000, "9"),  # after completion: out
        trade(2, 1, 600_000, "10"),
        trade(2, 2, 500_000, "10"),
    ]
    venues = tca.summarise(three_books(trades=trades))["by_venue"]
    # Spot: (60,000 + 3 x 60,040) / 4 = 60,030; bought at 60,006: -24 / 60,030 = -3.998 bp.
    assert venues["spot:BTCUSDT"]["slippage_bps"]["vwap"] == pytest.approx(-24 / 60_030 * 1e4)
    # Inverse, 10 contracts each: harmonic 2 / (1/60,000 + 1/50,000) = 54,545.4545...
    expected = (60_016 / (2 / (1 / 60_000 + 1 / 50_000)) - 1) * 1e4
    assert venues["coinm:BTCUSD_PERP"]["slippage_bps"]["vwap"] == pytest.approx(expected)
    # The linear market did not trade: nothing to measure against.
    assert venues["usdm:BTCUSDT"]["slippage_bps"]["vwap"] is None


def test_interval_twap_weighs_mids_by_time() -> None:
    venues = tca.summarise(three_books())["by_venue"]
    # Spot mid is 60,000 for 4 s and 59,940 for 6 s: 59,964; bought at 60,006: 42 / 59,964.
    assert venues["spot:BTCUSDT"]["slippage_bps"]["twap"] == pytest.approx(42 / 59_964 * 1e4)


def test_markouts_are_in_our_favour_above_zero_and_null_where_the_recording_ends() -> None:
    """Quotes end at 4 s: the fills of 1, 2 and 3 s see 0.1 and 1 s, and none sees 10 or 60 s."""
    inputs = three_books()
    markouts = tca.summarise(inputs)["markouts"]
    assert {k: (v["fills"], v["missing"]) for k, v in markouts.items() if k.endswith("s")} == {
        "0.1s": (3, 0),
        "1s": (3, 0),
        "10s": (0, 3),
        "60s": (0, 3),
    }
    assert markouts["10s"]["bps"] is None
    frame = tca.analyse(inputs).fills
    # Spot bought at 60,006, mid 60,000 at 1.1 s: -6 / 60,006. Inverse of 3 s: 59,950 at 4 s.
    assert frame["markout_bps_0.1s"][0] == pytest.approx(-6 / 60_006 * 1e4)
    assert frame["markout_bps_1s"][2] == pytest.approx((59_950 / 60_016 - 1) * 1e4)
    assert markouts["maker"]["1s"]["fills"] == 1
    assert markouts["taker"]["1s"]["fills"] == 2
    sold = tca.analyse(three_books(SELL)).fills
    assert sold["markout_bps_0.1s"][0] == pytest.approx(-6 / 59_994 * 1e4)


def test_a_venue_without_a_fill_is_shown_with_its_reason() -> None:
    skipped = [{"instrument": 1, "reason": r} for r in (3005, 3006, 3006)]
    fills = [fill(spot(), 100_000, 6_000_600, ts_ns=S)]
    venue = tca.summarise(three_books(fills=fills, skipped=skipped))["by_venue"]["usdm:BTCUSDT"]
    assert (venue["exposure"], venue["fills"], venue["avg_px"]) == ("0", 0, None)
    assert venue["skips"] == 3
    assert venue["skip"] == {
        "reason": "dearer",
        "count": 2,
        "words": "The other venues' levels cost less, fees and funding in.",
    }


def test_a_reversal_undoes_the_booking_of_its_exec_id() -> None:
    wrong = fill(spot(), 500_000, 6_100_000, ts_ns=S, exec_id=9, fee=10**8)
    right = fill(spot(), 100_000, 6_000_600, ts_ns=S, exec_id=9)
    undone = wrong | {"is_reversal": True, "ts_ns": 2 * S}
    corrected = tca.summarise(three_books(fills=[wrong, undone, right | {"ts_ns": 2 * S}]))
    assert corrected["filled_qty"] == "1"
    assert corrected["fees"] == "0"
    assert corrected["fills"] == 1
    assert corrected["reversals"] == 1
    assert corrected["slippage_bps"]["arrival"] == pytest.approx(1.0)


def test_the_same_exec_id_at_two_venues_is_two_fills() -> None:
    fills = [
        fill(spot(), 100_000, 6_000_600, exec_id=1),
        fill(linear(), 1_000, 599_860, exec_id=1),
        fill(spot(), 100_000, 6_000_600, exec_id=1, is_reversal=True),
    ]
    assert tca.summarise(three_books(fills=fills))["by_venue"]["usdm:BTCUSDT"]["exposure"] == "1"


def test_an_empty_run_has_every_key_and_nothing_in_it() -> None:
    summary = tca.summarise(case())
    assert summary["status"] == "no order"
    assert summary["filled_qty"] == "0"
    assert summary["avg_px"] is None
    assert summary["slippage_bps"] == dict.fromkeys(("arrival", "vwap", "twap", "pwp", "close"))
    assert summary.keys() == tca.summarise(three_books()).keys()
    assert tca.analyse(case()).fills.columns == tca.analyse(three_books()).fills.columns


def test_an_order_without_a_fill_costs_its_opportunity() -> None:
    parents = [
        {"ts_ns": 10 * S, "status": ord("C"), "cum_qty": 0, "leaves_qty": 3 * 10**8, "reason": 7003}
    ]
    summary = tca.summarise(three_books(fills=[], parents=parents))
    assert summary["status"] == "expired"
    # 3 BTC not bought, the market 60 lower: 180 saved.
    assert summary["shortfall"]["opportunity"] == "-180"
    assert summary["shortfall"]["total"] == "-180"


def test_a_strategys_own_orders_are_measured_without_a_parent() -> None:
    fills = [
        fill(spot(), 100_000, 6_000_600, ts_ns=0, parent_id=0, exec_id=1),
        fill(spot(), 100_000, 6_001_200, ts_ns=S, parent_id=0, exec_id=2, side=SELL),
    ]
    summary = tca.summarise(case(fills=fills, quotes=QUOTES))
    # Bought 6 above and sold 12 above a mid of 60,000: (1 - 2) / 2 bp.
    assert summary["slippage_bps"]["arrival"] == pytest.approx(-0.5)
    assert summary["side"] == "both"
    assert summary["shortfall"]["total"] == "-6"
    assert summary["interval"] == {"start_ns": 0, "end_ns": S}


def test_children_are_rows_as_they_stood_last() -> None:
    order = {
        "cl_ord_id": 100,
        "instrument": 0,
        "side": BUY,
        "order_qty": 200_000,
        "price": 6_010_000,
    }
    orders = [
        order | {"ts_ns": 0, "ord_status": ord("A"), "cum_qty": 0},
        order | {"ts_ns": 2 * S, "ord_status": ord("4"), "cum_qty": 100_000, "reason": 3005},
    ]
    child = tca.analyse(three_books(orders=orders)).children.to_dicts()[0]
    assert child["ord_status"] == "canceled"
    assert child["reason"] == "below_minimum"
    assert (child["order_qty"], child["cum_qty"], child["price"]) == ("2", "1", "60100")
    assert (child["avg_px"], child["fills"], child["fees"]) == ("60006", 1, "13.80138")
    assert child["slippage_bps_arrival"] == pytest.approx(1.0)
    assert child["ts_ns"] == 0


def test_an_asset_without_a_declared_worth_is_refused() -> None:
    with pytest.raises(InputError, match="USDT"):
        tca.summarise(three_books(usd_per={}))


# tca.shortfall


def test_shortfall_of_one_order_by_hand() -> None:
    # Asked 10 at 100; arrived at 101; bought 4 at 102 and 3 at 103; gave up 3 at 105; paid 2.5.
    parts = tca.shortfall(
        side="buy",
        order_qty=10,
        decision_px=100,
        arrival_px=101,
        fills=[(4, 102), (3, 103)],
        cancel_px=105,
        fees=2.5,
    )
    assert parts.delay == 7.0  # 7 x (101 - 100)
    assert parts.trading == 10.0  # 4 x 1 + 3 x 2
    assert parts.opportunity == 15.0  # 3 x (105 - 100)
    assert parts.fees == 2.5
    assert parts.total == 34.5


@dataclass
class _Fill:
    last_qty: str
    last_px: Decimal


@pytest.mark.parametrize(
    "fills",
    [
        [{"qty": "4", "px": Decimal(102)}],
        [{"last_qty": 4, "last_px": 102.0}],
        [_Fill("4", Decimal(102))],
        pl.DataFrame({"qty": [4.0], "px": [102.0]}),
    ],
)
def test_shortfall_reads_fills_in_any_usual_form(fills: object) -> None:
    parts = tca.shortfall(
        side="2",
        order_qty=4,
        decision_px=103,
        arrival_px=103,
        fills=fills,
        cancel_px=None,
        fees=[1, "0.5"],
    )
    assert (parts.trading, parts.fees, parts.total) == (4.0, 1.5, 5.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"side": "up"},
        {"order_qty": 0},
        {"arrival_px": math.nan},
        {"fees": "x"},
        {"cancel_px": None},
        {"fills": [(-1, 100)]},
    ],
)
def test_shortfall_refuses_what_it_cannot_count(wrong: dict) -> None:
    good = {
        "side": "buy",
        "order_qty": 2,
        "decision_px": 100,
        "arrival_px": 100,
        "fills": [(1, 100)],
        "cancel_px": 100,
        "fees": 0,
    }
    with pytest.raises(InputError):
        tca.shortfall(**(good | wrong))


prices = st.floats(min_value=1e-4, max_value=1e5, allow_nan=False)
sizes = st.floats(min_value=0, max_value=100, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(
    side=st.sampled_from(["buy", "sell"]),
    order_qty=st.floats(min_value=1, max_value=1000),
    decision=prices,
    arrival=prices,
    end=prices,
    fills=st.lists(st.tuples(sizes, prices), max_size=6),
    fees=st.floats(min_value=-100, max_value=100),
)
def test_shortfall_adds_up_and_a_sell_mirrors_a_buy(
    side: str,
    order_qty: float,
    decision: float,
    arrival: float,
    end: float,
    fills: list[tuple[float, float]],
    fees: float,
) -> None:
    args = {
        "order_qty": order_qty,
        "decision_px": decision,
        "arrival_px": arrival,
        "fills": fills,
        "cancel_px": end,
    }
    parts = tca.shortfall(side=side, fees=fees, **args)
    added = [parts.delay, parts.trading, parts.opportunity, parts.fees]
    # Exact but for the last bit of each float.
    bound = max(1e-9, 1e-15 * sum(abs(part) for part in added))
    assert abs(math.fsum(added) - parts.total) <= bound
    mirror = tca.shortfall(side={"buy": "sell", "sell": "buy"}[side], fees=0, **args)
    straight = tca.shortfall(side=side, fees=0, **args)
    assert mirror.total == -straight.total


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(1, 10**6),
            st.integers(-5000, 5000),
            st.integers(-(10**6), 10**7),
            st.integers(0, 1),
        ),
        max_size=12,
    ),
    usd=st.decimals(min_value="0.9", max_value="1.1", places=4),
    side=st.sampled_from([BUY, SELL]),
    ordered=st.integers(1, 10**12),
)
def test_the_runs_shortfall_adds_up_for_any_fills(
    rows: list, usd: Decimal, side: int, ordered: int
) -> None:
    markets = [spot(), linear(), inverse()]
    start = [6_000_000, 599_800, 600_100]
    fills = [
        fill(
            markets[i],
            lots,
            start[i] + shift,
            exec_id=n,
            fee=fee,
            fee_asset=asset,
            side=side,
            ts_ns=S,
        )
        for n, (i, lots, shift, fee, asset) in enumerate(rows)
    ]
    quotes = [quote(0, -9, 5_998_900, 5_999_100), *QUOTES]
    wanted = [
        tca.Asked(
            parent_id=1,
            side="buy" if side == BUY else "sell",
            order_qty=ordered,
            decision_ns=-5 * S,
        )
    ]
    summary = tca.summarise(
        three_books(fills=fills, quotes=quotes, asked=wanted, usd_per={"USDT": usd})
    )
    short = summary["shortfall"]
    parts = sum(Decimal(v) for k, v in short.items() if k not in ("total", "total_bps"))
    assert abs(parts - Decimal(short["total"])) <= Decimal("1e-9")


CHILD = 1 << 63


def refused(**row: object) -> dict[str, object]:
    return {"id": CHILD, "kind": 3, "instrument": 0, "reason": 2005, "value": 1, "limit": 1} | row


def test_a_refused_venue_says_so_before_it_says_that_it_was_left_out() -> None:
    rows = [refused(id=CHILD + n, reason=2008 if n else 2005) for n in range(3)]
    skipped = [{"instrument": 0, "reason": 3006}] * 5
    venue = tca.summarise(case(refused=rows, skipped=skipped))["by_venue"]["spot:BTCUSDT"]
    assert venue["refusals"] == 3
    assert venue["refusal"] == {
        "reason": "insufficient_balance",
        "words": "Spot orders are covered by the balance at their venue.",
        "count": 2,
    }
    assert venue["skips"] == 5
    assert tca.summarise(case())["by_venue"]["spot:BTCUSDT"]["refusal"] is None


@pytest.mark.parametrize(
    ("row", "side", "value", "unit"),
    [
        ({"reason": 2005, "value": 5_045_718_755_000}, "buy", "50457.18755", "USDT"),
        ({"reason": 2008, "value": 5_045_718_755_000}, "buy", "50457.18755", "USDT"),
        ({"reason": 2008, "value": 150_000_000}, "sell", "1.5", "BTC"),
        ({"reason": 2009, "value": 150_000_000, "instrument": 1}, "buy", "1.5", "USDT"),
        ({"reason": 2009, "value": 150_000_000, "instrument": 2}, "buy", "1.5", "BTC"),
        ({"reason": 2006, "value": 6_100_000_000}, "buy", "61", "BTC"),
        ({"reason": 2002, "value": 6_312_001}, "buy", "63120.01", "USDT"),
        ({"reason": 2004, "value": 2_000_000}, "buy", "20", "BTC"),
        ({"reason": 2004, "value": 15_001, "instrument": 2}, "buy", "15001", "contracts"),
        ({"reason": 2016, "value": 400_000_000, "limit": 500_000_000}, "buy", "4", "USDT"),
        ({"reason": 2016, "value": 0, "limit": 1}, "buy", "0", "BTC"),
        ({"reason": 2007, "value": 101}, "buy", "101", "orders"),
        ({"reason": 2010, "value": 201}, "buy", "201", "messages"),
        ({"reason": 2011, "value": 500_000_000}, "buy", "0.5", "s"),
        ({"reason": 2007, "value": 101, "instrument": 65535}, "buy", "101", "orders"),
        ({"reason": 2001, "value": 7, "instrument": 65535}, "buy", "7", ""),
    ],
)
def test_a_refusal_is_in_the_unit_of_its_rule(
    row: dict[str, int], side: str, value: str, unit: str
) -> None:
    asked = [tca.Asked(parent_id=1, side=side, order_qty=10**8)]
    (got,) = tca.summarise(case(asked=asked, refused=[refused(**row)]))["refusals"]
    assert (got["value"], got["unit"]) == (value, unit)


def test_what_a_spot_order_of_a_strategy_was_paid_with_is_not_guessed() -> None:
    (got,) = tca.summarise(case(refused=[refused(id=9, kind=7, reason=2008)]))["refusals"]
    assert got["unit"] == "USDT or BTC"


def interrupted(**more: object) -> tca.Inputs:
    """Half of two BTC bought, the run stopped at 10 s; the market went on, and up."""
    quotes = [
        {"ts_ns": t * S, "instrument": 0, "bid_px": px - 1, "ask_px": px + 1}
        for t, px in ((0, 6_000_000), (9, 6_000_000), (20, 6_600_000))
    ]
    return case(
        asked=[tca.Asked(parent_id=1, side="buy", order_qty=2 * 10**8)],
        arrivals=[{"instrument": 0, "bid_px": 5_999_999, "ask_px": 6_000_001}],
        parents=[{"ts_ns": 5 * S, "status": ord("0"), "cum_qty": 10**8, "leaves_qty": 10**8}],
        fills=[fill(spot(), 100_000, 6_000_000, ts_ns=5 * S)],
        quotes=quotes,
        trades=[{"ts_ns": 20 * S, "instrument": 0, "px": 6_600_000, "qty_e8": 10**8}],
        **more,
    )


def test_an_interrupted_run_knows_nothing_of_what_came_after() -> None:
    got = tca.summarise(interrupted(ts_end_ns=10 * S, is_interrupted=True))
    assert got["status"] == "interrupted"
    assert got["interrupted"] == {"ts_ns": 10 * S, "filled_share": 0.5}
    assert got["interval"] == {"start_ns": 0, "end_ns": 10 * S}
    assert got["drift_bps"] == 0
    assert got["shortfall"]["opportunity"] == "0"
    assert got["slippage_bps"]["vwap"] is None
    assert got["markouts"]["1s"]["missing"] == 0
    assert got["markouts"]["10s"]["missing"] == 1


def test_a_run_that_came_to_its_end_is_not_called_interrupted() -> None:
    got = tca.summarise(interrupted(ts_end_ns=30 * S))
    assert (got["status"], got["interrupted"]) == ("working", None)
    assert got["drift_bps"] == pytest.approx(1000)
