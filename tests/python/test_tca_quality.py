"""Quality of execution by hand, and against slow loops that say the same thing plainly."""

import itertools
from collections import defaultdict
from decimal import Decimal

import polars as pl
import pytest
from tca_case import BUY, SELL, S, case, fill, inverse, spot
from tca_demo import ORDER, START, WORK_S, demo

from tiderace import tca
from tiderace.errors import InputError

HORIZONS = (0.1, 1.0, 10.0, 60.0)
PARTS = ("delay", "trading", "basis", "conversion", "opportunity", "fees")


def quote(ts_s: float, bid: int, ask: int, i: int = 0) -> dict:
    return {"instrument": i, "ts_ns": int(ts_s * S), "bid_px": bid, "ask_px": ask}


def trade(ts_s: float, px: int, qty: str, i: int = 0) -> dict:
    return {
        "instrument": i,
        "ts_ns": int(ts_s * S),
        "px": px,
        "qty_e8": int(Decimal(qty).scaleb(8)),
    }


def asked(side: str, **more: object) -> list[tca.Asked]:
    given = {"parent_id": 1, "side": side, "order_qty": 2 * 10**8} | more
    return [tca.Asked(**given)]


# The spot book: 59,999 / 60,001 until 4 s, then 60,005 / 60,015. Ticks of 0.01.
QUOTES = [quote(-1, 5_999_900, 6_000_100), quote(4, 6_000_500, 6_001_500)]
ARRIVALS = [{"instrument": 0, "bid_px": 5_999_900, "ask_px": 6_000_100}]


def two_fills(side: int = BUY, **more: object) -> tca.Inputs:
    """One taker at the touch, one maker at the other touch, 1 BTC each, done at 10 s."""
    touch = {BUY: (6_000_100, 5_999_900), SELL: (5_999_900, 6_000_100)}[side]
    fills = [
        fill(spot(), 100_000, touch[0], ts_ns=1 * S, side=side, exec_id=1, cl_ord_id=1),
        fill(
            spot(), 100_000, touch[1], ts_ns=2 * S, side=side, exec_id=2, cl_ord_id=2, is_maker=True
        ),
    ]
    order = {"instrument": 0, "side": side, "order_qty": 200_000, "ord_status": ord("4")}
    given = {
        "arrivals": ARRIVALS,
        "quotes": QUOTES,
        "fills": fills,
        "orders": [
            order | {"cl_ord_id": 1, "cum_qty": 100_000, "price": touch[0]},
            order | {"cl_ord_id": 2, "cum_qty": 0, "price": touch[1], "ts_ns": S},
            order | {"cl_ord_id": 2, "cum_qty": 100_000, "price": touch[1], "ts_ns": 2 * S},
        ],
        "parents": [
            {"ts_ns": 0, "status": ord("0"), "cum_qty": 0, "leaves_qty": 2 * 10**8},
            {"ts_ns": 10 * S, "status": ord("2"), "cum_qty": 2 * 10**8, "leaves_qty": 0},
        ],
        "asked": asked("buy" if side == BUY else "sell"),
    }
    return case(**(given | more))


def row(inputs: tca.Inputs, venue: str | None = None) -> dict:
    frame = tca.analyse(inputs).quality
    return next(r for r in frame.to_dicts() if r["venue"] == venue)


@pytest.mark.parametrize("side", [BUY, SELL], ids=["buy", "sell"])
def test_the_spread_is_paid_by_the_taker_and_earned_by_the_maker(side: int) -> None:
    fills = tca.analyse(two_fills(side)).fills
    # Half of 2 over 60,000 is 1/6 bp: paid once, earned once.
    assert fills["half_spread_bps"].to_list() == pytest.approx([1 / 6, 1 / 6])
    assert fills["spread_paid_bps"].to_list() == pytest.approx([1 / 6, -1 / 6])
    found = row(two_fills(side))
    assert found["spread_capture"] == pytest.approx(0.0, abs=1e-9)
    assert found["effective_spread_bps"] == pytest.approx(0.0, abs=1e-9)
    takers = two_fills(side, fills=two_fills(side).fills.to_dicts()[:1])
    assert row(takers)["spread_capture"] == pytest.approx(-1.0)
    assert row(takers)["effective_spread_bps"] == pytest.approx(2 / 6)
    makers = two_fills(side, fills=two_fills(side).fills.to_dicts()[1:])
    assert row(makers)["spread_capture"] == pytest.approx(1.0)


@pytest.mark.parametrize(("side", "sign"), [(BUY, 1), (SELL, -1)], ids=["buy", "sell"])
def test_adverse_selection_is_the_market_going_against_who_rested(side: int, sign: int) -> None:
    quotes = [*QUOTES, quote(80, 6_000_500, 6_001_500)]
    found = row(two_fills(side, quotes=quotes))
    # The mid went from 60,000 to 60,010: 1/6 of a bp x 10 for the maker's buy, against its sale.
    assert found["adverse_bps_10s"] == pytest.approx(-sign * 10 / 60_000 * 1e4)
    assert found["adverse_bps_1s"] == pytest.approx(0.0)
    assert found["move_bps_10s"] == pytest.approx(sign * 10 / 60_000 * 1e4)


def test_a_fills_spread_is_that_of_the_book_that_the_venue_filled_against() -> None:
    """Booked at 4.5 s, after the book had moved; filled at 3.9 s, before."""
    late = fill(spot(), 100_000, 6_000_100, ts_ns=int(4.5 * S)) | {"transact_time": int(3.9 * S)}
    assert tca.analyse(two_fills(fills=[late])).fills["mid"][0] == 60_000.0


@pytest.mark.parametrize(("side", "sign"), [(BUY, 1), (SELL, -1)], ids=["buy", "sell"])
def test_reversion_counts_from_the_end_of_the_work(side: int, sign: int) -> None:
    # Done at 10 s at a mid of 60,010; back to 60,000 at 12 s: that much had been our pressure.
    quotes = [*QUOTES, quote(12, 5_999_900, 6_000_100), quote(30, 5_999_900, 6_000_100)]
    found = row(two_fills(side, quotes=quotes))
    assert found["reversion_bps_1s"] == 0.0
    assert found["reversion_bps_10s"] == pytest.approx(sign * 10 / 60_010 * 1e4)
    assert found["reversion_bps_60s"] is None


def test_the_fill_rate_of_a_venue_is_lots_filled_over_lots_sent() -> None:
    found = tca.analyse(two_fills()).quality.to_dicts()
    assert [r["venue"] for r in found] == [None, "spot:BTCUSDT"]
    # Two orders of 2 BTC, of each 1 filled; the parent asked for 2 and got 2.
    assert found[0]["fill_rate"] == 1.0
    assert found[1]["fill_rate"] == 0.5


def test_the_participation_weighted_price_ends_where_the_rate_does() -> None:
    trades = [
        trade(-1, 6_500_000, "50"),  # before the arrival: out
        trade(1, 6_000_000, "6"),
        trade(20, 6_100_000, "6"),  # of these, 4 make up the 10
        trade(21, 6_900_000, "50"),
    ]
    frame = tca.analyse(two_fills(trades=trades)).fills
    # 2 BTC at a rate of 20 % are held against the first 10: (6 x 60,000 + 4 x 61,000) / 10.
    assert frame["pwp"].to_list() == pytest.approx([60_400.0, 60_400.0])
    half = tca.analyse(two_fills(trades=trades, pwp_rate=0.5)).fills
    assert half["pwp"].to_list() == [60_000.0, 60_000.0]
    assert tca.analyse(two_fills(trades=trades[:2])).fills["pwp"].to_list() == [None, None]


def test_the_participation_weighted_price_of_an_inverse_is_harmonic() -> None:
    trades = [trade(1, 600_000, "6000", i=2), trade(2, 500_000, "5000", i=2)]
    # 6,000 contracts of 100 USD at 60,000 are 10 BTC, 5,000 at 50,000 too; 12 wanted for 2.4.
    lots = 1_440
    bought = fill(inverse(), lots, 600_000, ts_ns=S)
    inputs = case(fills=[bought], trades=trades, quotes=[quote(0, 600_000, 600_000, i=2)])
    expected = (10 * 60_000 + 2 * 50_000) / 12
    assert tca.analyse(inputs).fills["pwp"][0] == pytest.approx(expected)


def test_the_close_is_the_mid_at_the_end_that_was_asked_for() -> None:
    quotes = [*QUOTES, quote(15, 6_019_900, 6_020_100), quote(40, 6_000_000, 6_000_000)]
    asked_20 = asked("buy", duration_ns=20 * S)
    found = tca.analyse(two_fills(quotes=quotes, asked=asked_20)).fills
    assert found["close"].to_list() == [60_200.0, 60_200.0]
    # Without an end that was asked for: the end of the work, 10 s.
    assert tca.analyse(two_fills(quotes=quotes)).fills["close"].to_list() == [60_010.0, 60_010.0]
    # Beyond the recording there is no close.
    beyond = asked("buy", duration_ns=50 * S)
    assert tca.analyse(two_fills(quotes=quotes, asked=beyond)).fills["close"].to_list() == [
        None,
        None,
    ]


# Against slow loops, on a run made up from a seed


@pytest.fixture(scope="module")
def inputs() -> tca.Inputs:
    return demo(seed=5)


@pytest.fixture(scope="module")
def analysis(inputs: tca.Inputs) -> tca.Analysis:
    return tca.analyse(inputs)


def test_the_parts_of_all_venues_and_the_rest_add_up_to_the_shortfall(
    analysis: tca.Analysis,
) -> None:
    short = analysis.summary["shortfall"]
    assert analysis.parts["venue"].null_count() == 1
    for name in (*PARTS, "total"):
        found = sum(analysis.parts[name].to_list(), Decimal(0))
        assert found == pytest.approx(Decimal(short[name]), abs=Decimal("1e-10"))
    for each in analysis.parts.to_dicts():
        assert sum(each[name] for name in PARTS) == each["total"]
    for each in analysis.quality.to_dicts():
        assert sum(each[name] for name in PARTS) == each["total"]
    whole = analysis.quality.filter(pl.col("venue").is_null()).to_dicts()[0]
    assert whole["total_bps"] == pytest.approx(short["total_bps"], rel=1e-9)
    assert whole["fill_rate"] == pytest.approx(
        float(analysis.summary["filled_qty"]) / (ORDER / 10**8), rel=1e-8
    )


def quotes_of(inputs: tca.Inputs) -> dict[int, list[tuple[int, float, float]]]:
    out = defaultdict(list)
    for each in inputs.quotes.iter_rows(named=True):
        tick = float(inputs.markets[each["instrument"]].tick)
        bid, ask = each["bid_px"] * tick, each["ask_px"] * tick
        out[each["instrument"]].append((each["ts_ns"], (bid + ask) / 2, (ask - bid) / 2))
    return out


def last(series: list[tuple[int, float, float]], ts_ns: int) -> tuple[int, float, float]:
    return [each for each in series if each[0] <= ts_ns][-1]


def ends_of(inputs: tca.Inputs) -> list[int]:
    ends = []
    for i in range(3):
        tables = [t.filter(pl.col("instrument") == i) for t in (inputs.quotes, inputs.trades)]
        ends.append(max(table["ts_ns"].max() for table in tables))
    return ends


def test_spread_capture_and_moves_are_what_a_plain_loop_says(
    inputs: tca.Inputs, analysis: tca.Analysis
) -> None:
    series, ends = quotes_of(inputs), ends_of(inputs)
    sums: dict[str | None, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for each in inputs.fills.iter_rows(named=True):
        i = each["instrument"]
        market = inputs.markets[i]
        px, qty = each["last_px"] * float(market.tick), float(each["exposure"]) * 1e-8
        _, mid, half = last(series[i], each["transact_time"])
        for key in (None, market.name):
            into = sums[key]
            into["qty"] += qty
            into["paid"] += qty * (px / mid - 1)
            into["half"] += qty * half / mid
            into["maker"] += qty * each["is_maker"]
            for horizon in HORIZONS:
                due = each["ts_ns"] + int(horizon * 1e9)
                if due > ends[i]:
                    continue
                move = last(series[i], due)[1] / mid - 1
                into[f"moved {horizon}"] += qty * move
                into[f"moved by {horizon}"] += qty
                into[f"adverse {horizon}"] -= qty * move * each["is_maker"]
                into[f"adverse by {horizon}"] += qty * each["is_maker"]
    for each in analysis.quality.iter_rows(named=True):
        slow = sums[each["venue"]]
        assert each["spread_capture"] == pytest.approx(-slow["paid"] / slow["half"], rel=1e-9)
        assert each["effective_spread_bps"] == pytest.approx(
            2e4 * slow["paid"] / slow["qty"], rel=1e-9
        )
        assert each["maker_share"] == pytest.approx(slow["maker"] / slow["qty"])
        for horizon in HORIZONS:
            move = 1e4 * slow[f"moved {horizon}"] / slow[f"moved by {horizon}"]
            assert each[f"move_bps_{horizon:g}s"] == pytest.approx(move, abs=1e-9)
            adverse = 1e4 * slow[f"adverse {horizon}"] / slow[f"adverse by {horizon}"]
            assert each[f"adverse_bps_{horizon:g}s"] == pytest.approx(adverse, abs=1e-9)


def test_reversion_is_what_a_plain_loop_says(inputs: tca.Inputs, analysis: tca.Analysis) -> None:
    series, done = quotes_of(inputs), START + WORK_S * S
    for each in analysis.reversion.iter_rows(named=True):
        i = [market.name for market in inputs.markets].index(each["venue"])
        at = last(series[i], done)[1]
        for horizon in (0.1, 1.0, 10.0):
            later = last(series[i], done + int(horizon * 1e9))[1]
            expected = -(later / at - 1) * 1e4
            assert each[f"reversion_bps_{horizon:g}s"] == pytest.approx(expected, abs=1e-9)
        assert each["reversion_bps_60s"] is None


def test_schedule_adherence_is_what_a_plain_loop_says(
    inputs: tca.Inputs, analysis: tca.Analysis
) -> None:
    slices = inputs.slices.to_dicts()
    total = sum(int(each["exposure"]) for each in inputs.fills.iter_rows(named=True))
    gaps = []
    for k, step in enumerate(slices):
        by_then = int(slices[k + 1]["cum_qty"]) if k + 1 < len(slices) else total
        gaps.append((by_then - int(step["target"])) / ORDER)
    assert analysis.schedule["gap_share"].to_list() == pytest.approx(gaps, abs=1e-15)
    found = analysis.summary["by_algo"]["twap"]["schedule"]
    assert found["slices"] == len(slices)
    assert found["gap_mean_abs"] == pytest.approx(sum(map(abs, gaps)) / len(gaps))
    assert found["behind_max"] == pytest.approx(max(0.0, -min(gaps)))
    assert found["ahead_max"] == pytest.approx(max(0.0, *gaps))


def test_schedule_adherence_by_hand() -> None:
    """1 of 2 BTC was due after the first slice and 0.5 done; 2 after the second and 2 done."""
    unit = 10**8
    slices = [
        {"ts_ns": 0, "slice": 0, "target": unit, "cum_qty": 0, "take": unit},
        {"ts_ns": 5 * S, "slice": 1, "target": 2 * unit, "cum_qty": unit // 2, "take": unit},
    ]
    rows = tca.analyse(two_fills(slices=slices)).schedule.to_dicts()
    assert [r["filled"] for r in rows] == ["0.5", "2"]
    assert [r["gap_share"] for r in rows] == [-0.25, 0.0]
    assert [(r["start_ns"], r["end_ns"]) for r in rows] == [(0, 5 * S), (5 * S, 10 * S)]


def test_the_summary_tells_of_each_algorithm_and_venue(analysis: tca.Analysis) -> None:
    twap = analysis.summary["by_algo"]["twap"]
    assert set(twap["by_venue"]) == {
        "binance-spot:BTCUSDT",
        "binance-usdm:BTCUSDT",
        "binance-coinm:BTCUSD_PERP",
    }
    assert isinstance(twap["total"], str)
    assert twap["estimates"][0]["parent_id"] == 1


def test_a_strategys_own_orders_are_an_algorithm_of_their_own() -> None:
    fills = [fill(spot(), 100_000, 6_000_100, ts_ns=S, parent_id=0)]
    found = tca.analyse(two_fills(fills=fills)).quality["algo"].unique().to_list()
    assert sorted(found) == ["own orders", "twap"]


def test_a_quoting_parent_leaves_nothing_undone() -> None:
    """Bought 1 at 59,999 and sold 1 at 60,001 around a mid of 60,000, of at most 5 either way."""
    fills = [
        fill(spot(), 100_000, 5_999_900, ts_ns=1 * S, exec_id=1, cl_ord_id=1, is_maker=True),
        fill(
            spot(),
            100_000,
            6_000_100,
            ts_ns=2 * S,
            side=SELL,
            exec_id=2,
            cl_ord_id=2,
            is_maker=True,
        ),
    ]
    slices = [{"ts_ns": 0, "slice": 0, "target": 10**8, "cum_qty": 0, "take": 0}]
    quoting = asked("buy", order_qty=5 * 10**8, algo="glft", duration_ns=10 * S)
    inputs = two_fills(fills=fills, slices=slices, asked=quoting)
    analysis = tca.analyse(inputs)
    summary = analysis.summary
    assert summary["side"] == "both"
    assert summary["shortfall"]["opportunity"] == "0"
    # Two dollars earned on 120,000 traded.
    assert summary["shortfall"]["total"] == "-2"
    assert summary["shortfall"]["total_bps"] == pytest.approx(-2 / 120_000 * 1e4)
    assert row(inputs)["spread_capture"] == pytest.approx(1.0)
    assert row(inputs)["fill_rate"] is None
    assert row(inputs)["reversion_bps_1s"] is None
    assert analysis.schedule.height == analysis.estimates.height == 0


# The estimate before the trade


def test_the_square_root_law_by_hand() -> None:
    found = tca.pre_trade(
        100, adv=10_000, sigma=0.02, horizon=0.25, half_spread_bps=1.5, fees_bps=2
    )
    # 0.02 sqrt(100 / 10,000) = 20 bp whatever the time: vol and volume grow with it alike.
    assert found.impact_bps == pytest.approx(20.0)
    assert found.cost_bps == pytest.approx(23.5)
    assert found.share == pytest.approx(0.04)
    # 0.02 sqrt(0.25 / 3) = 57.735 bp.
    assert found.risk_bps == pytest.approx(57.735, abs=1e-3)


def test_another_law_is_taken_as_given() -> None:
    with_theta = tca.pre_trade(1e5, adv=1e6, sigma=0.0157, horizon=0.5, shares_outstanding=1e8)
    from tiderace import model

    expected = model.impact_almgren2005(
        1e5, adv=1e6, shares_outstanding=1e8, sigma=0.0157, horizon=0.5
    )
    assert with_theta.impact_bps == pytest.approx(expected.cost * 1e4)
    law = model.PowerLaw(0.7, 0.6, (0, 0), (0, 0), 1.0, 9, 0)
    found = tca.pre_trade(100, adv=10_000, sigma=0.02, horizon=1, law=law)
    assert found.impact_bps == pytest.approx(0.7 * 0.02 * 0.01**0.6 * 1e4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"qty": 0.0},
        {"adv": float("nan")},
        {"horizon": -1.0},
        {"sigma": float("inf")},
        {"law": tca.SQUARE_ROOT, "shares_outstanding": 1e8},
    ],
)
def test_an_estimate_out_of_nothing_is_refused(wrong: dict) -> None:
    good = {"qty": 1.0, "adv": 10.0, "sigma": 0.1, "horizon": 1.0}
    with pytest.raises(InputError):
        tca.pre_trade(**(good | wrong))


def test_the_outcome_is_trading_and_fees_over_the_arrival_value(
    inputs: tca.Inputs, analysis: tca.Analysis
) -> None:
    found = analysis.estimates.to_dicts()[0]
    parts = analysis.parts
    cost = sum(parts["trading"].to_list()) + sum(parts["fees"].to_list())
    worth = Decimal(0)
    for each in inputs.fills.iter_rows(named=True):
        arrival = inputs.arrivals.row(each["instrument"], named=True)
        mid = Decimal(arrival["bid_px"] + arrival["ask_px"]) / 2
        tick = inputs.markets[each["instrument"]].tick
        worth += Decimal(each["exposure"]) * mid * tick / 10**8
    assert found["outcome_bps"] == pytest.approx(float(cost / worth * 10_000), rel=1e-9)
    assert found["surprise"] == pytest.approx(
        (found["outcome_bps"] - found["cost_bps"]) / found["risk_bps"]
    )


def test_market_volume_and_volatility_are_what_plain_loops_say(
    inputs: tca.Inputs, analysis: tca.Analysis
) -> None:
    """The tape begins one second before the arrival: hindsight, and said so."""
    import math

    found = analysis.estimates.to_dicts()[0]
    assert found["is_hindsight"]
    since, until = START, START + WORK_S * S
    volume = 0.0
    for each in inputs.trades.iter_rows(named=True):
        if since <= each["ts_ns"] <= until:
            market = inputs.markets[each["instrument"]]
            px = each["px"] * float(market.tick)
            qty = each["qty_e8"] * 1e-8
            volume += qty * 100 / px if market.is_inverse else qty
    assert found["adv"] == pytest.approx(volume * 86_400 / WORK_S, rel=1e-9)
    series = quotes_of(inputs)[0]
    mids = [last(series, since + k * S)[1] for k in range(WORK_S + 1)]
    variance = sum(math.log(b / a) ** 2 for a, b in itertools.pairwise(mids))
    assert found["sigma"] == pytest.approx(math.sqrt(variance * 86_400 / WORK_S), rel=1e-9)


def test_a_market_before_the_arrival_is_measured_there() -> None:
    flat = [quote(-90 + k, 5_999_900 + k, 6_000_100 + k) for k in range(90)]
    trades = [trade(-60, 6_000_000, "9"), trade(5, 6_000_000, "999")]
    given = two_fills(
        quotes=[*flat, *QUOTES[1:]], trades=trades, asked=asked("buy", duration_ns=10 * S)
    )
    found = tca.analyse(given).estimates.to_dicts()[0]
    assert not found["is_hindsight"]
    # 9 BTC in the 90 s before; what traded later is not known yet.
    assert found["adv"] == pytest.approx(9 * 86_400 / 90)
    assert found["share"] == pytest.approx(2 / (9 / 90 * 10))
