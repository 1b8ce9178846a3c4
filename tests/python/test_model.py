"""Option formulae through the face: shapes, conventions, and what has no answer."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tiderace as tr
from tiderace import bench, model

ATM: dict[str, Any] = {"strike": 100.0, "t": 0.25, "vol": 0.8}


def normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def test_prices_equal_the_closed_form_written_out() -> None:
    s = 0.8 * math.sqrt(0.25)
    d1 = math.log(120.0 / 100.0) / s + 0.5 * s
    want = 0.97 * (120.0 * normal_cdf(d1) - 100.0 * normal_cdf(d1 - s))
    assert model.black76(120.0, **ATM, call=True, discount=0.97) == pytest.approx(want, rel=1e-14)
    digital = model.digital76(120.0, **ATM, call=False, discount=0.97)
    assert digital == pytest.approx(0.97 * normal_cdf(s - d1), rel=1e-14)


def test_numbers_give_floats_and_arrays_their_common_shape() -> None:
    assert isinstance(model.black76(100.0, **ATM, call=True), float)
    strikes = np.array([[90.0, 100.0, 110.0]])
    calls = np.array([[True], [False]])
    prices = model.black76(100.0, strike=strikes, t=0.25, vol=0.8, call=calls)
    assert isinstance(prices, np.ndarray)
    assert prices.shape == (2, 3)
    for row, call in enumerate((True, False)):
        for column, strike in enumerate((90.0, 100.0, 110.0)):
            one = model.black76(100.0, strike=strike, t=0.25, vol=0.8, call=call)
            assert prices[row, column] == one
    assert np.shape(model.black76([], strike=1.0, t=1.0, vol=1.0, call=True)) == (0,)


@pytest.mark.parametrize("fast", [False, True])
def test_each_greek_is_the_slope_that_it_names(*, fast: bool) -> None:
    def price(
        forward: float = 105.0, t: float = 0.5, vol: float = 0.6, rate: float = 0.03
    ) -> float:
        value = model.black76(
            forward, strike=100.0, t=t, vol=vol, call=False, discount=math.exp(-rate * t)
        )
        return float(value)

    def slope(of: Callable[[float], float], at: float, step: float) -> float:
        return (of(at + step) - of(at - step)) / (2.0 * step)

    greeks = model.greeks76(
        105.0, strike=100.0, t=0.5, vol=0.6, call=False, discount=math.exp(-0.015), fast=fast
    )
    assert greeks.price == pytest.approx(price(), rel=1e-13)
    assert greeks.delta == pytest.approx(slope(lambda f: price(forward=f), 105.0, 1e-3), rel=1e-7)
    assert greeks.vega == pytest.approx(slope(lambda v: price(vol=v), 0.6, 1e-4), rel=1e-6)
    assert greeks.theta == pytest.approx(-slope(lambda t: price(t=t), 0.5, 1e-5), rel=1e-6)
    assert greeks.rho == pytest.approx(slope(lambda r: price(rate=r), 0.03, 1e-5), rel=1e-6)

    def delta(forward: float = 105.0, vol: float = 0.6) -> float:
        return slope(lambda f: price(forward=f, vol=vol), forward, 1e-3)

    assert greeks.gamma == pytest.approx(slope(lambda f: delta(forward=f), 105.0, 1e-1), rel=1e-4)
    assert greeks.vanna == pytest.approx(slope(lambda v: delta(vol=v), 0.6, 1e-3), rel=1e-4)


@pytest.mark.parametrize("fast", [False, True])
def test_a_vol_prices_back_and_its_absence_has_a_reason(*, fast: bool) -> None:
    price = model.black76(100.0, strike=[80.0, 100.0, 130.0], t=0.25, vol=0.8, call=True)
    vol, reason = model.implied_vol76(
        price, forward=100.0, strike=[80.0, 100.0, 130.0], t=0.25, call=True, fast=fast
    )
    np.testing.assert_allclose(vol, 0.8, rtol=1e-12)
    assert not np.any(reason)
    vol, reason = model.implied_vol76(
        [20.0, 100.0, math.nan, 30.0],
        forward=100.0,
        strike=80.0,
        t=[0.25, 0.25, 0.25, -1.0],
        call=True,
        fast=fast,
    )
    assert np.all(np.isnan(vol))
    names = [model.reason(int(code))[0] for code in np.atleast_1d(reason)]
    assert names == ["below_intrinsic", "above_bound", "not_a_number", "bad_time"]


def test_threads_and_paths_give_the_same_numbers() -> None:
    rng = np.random.default_rng(5)
    n = 10_000
    strike, t = rng.uniform(20.0, 400.0, n), rng.uniform(0.01, 3.0, n)
    vol, call = rng.uniform(0.05, 2.0, n), rng.random(n) < 0.5
    one = model.greeks76(100.0, strike=strike, t=t, vol=vol, call=call)
    two = model.greeks76(100.0, strike=strike, t=t, vol=vol, call=call, threads=2)
    fast = model.greeks76(100.0, strike=strike, t=t, vol=vol, call=call, fast=True)
    for name, a, b, c in zip(one._fields, one, two, fast, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)
        np.testing.assert_allclose(c, a, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("strike", -1.0, "A strike is above zero"),
        ("t", -0.1, "A time|Time to expiry"),
        ("vol", math.inf, "finite"),
        ("vol", "high", "a number or an array"),
        ("call", 1, "True for a call"),
    ],
)
def test_a_wrong_argument_is_named(key: str, value: object, said: str) -> None:
    arguments: dict[str, Any] = {**ATM, "call": True, key: value}
    with pytest.raises(tr.InputError, match=said):
        model.black76(100.0, **arguments)


def test_the_first_bad_row_is_named_and_shapes_must_fit() -> None:
    with pytest.raises(tr.InputError, match="row 2 of 3: forward = -1"):
        model.black76([1.0, 2.0, -1.0], **ATM, call=True)
    with pytest.raises(tr.InputError, match="broadcast"):
        model.black76([1.0, 2.0], strike=[1.0, 2.0, 3.0], t=1.0, vol=1.0, call=True)


@pytest.mark.parametrize("call", [True, False])
def test_greeks_on_a_spot_price_are_its_slopes(*, call: bool) -> None:
    def price(spot: float = 105.0, t: float = 0.5, vol: float = 0.6, rate: float = 0.04) -> float:
        return float(
            model.black_scholes(
                spot, strike=100.0, t=t, vol=vol, rate=rate, call=call, asset_yield=0.01
            )
        )

    def slope(of: Callable[[float], float], at: float, step: float) -> float:
        return (of(at + step) - of(at - step)) / (2.0 * step)

    greeks = model.greeks_black_scholes(
        105.0, strike=100.0, t=0.5, vol=0.6, rate=0.04, call=call, asset_yield=0.01
    )
    assert greeks.price == price()
    assert greeks.delta == pytest.approx(slope(lambda s: price(spot=s), 105.0, 1e-3), rel=1e-7)
    assert greeks.theta == pytest.approx(-slope(lambda t: price(t=t), 0.5, 1e-5), rel=1e-6)
    assert greeks.rho == pytest.approx(slope(lambda r: price(rate=r), 0.04, 1e-5), rel=1e-6)
    assert greeks.vega == pytest.approx(slope(lambda v: price(vol=v), 0.6, 1e-4), rel=1e-6)

    def delta(spot: float = 105.0, t: float = 0.5, vol: float = 0.6) -> float:
        return slope(lambda s: price(spot=s, t=t, vol=vol), spot, 1e-3)

    assert greeks.gamma == pytest.approx(slope(lambda s: delta(spot=s), 105.0, 1e-1), rel=1e-4)
    assert greeks.vanna == pytest.approx(slope(lambda v: delta(vol=v), 0.6, 1e-3), rel=1e-4)
    assert greeks.charm == pytest.approx(-slope(lambda t: delta(t=t), 0.5, 1e-3), rel=1e-4)


def test_units_of_a_screen_are_a_day_and_a_vol_point() -> None:
    greeks = model.greeks76(100.0, **ATM, call=True)
    screen = greeks.in_units()
    assert screen.vega == pytest.approx(0.01 * greeks.vega)
    assert screen.theta == pytest.approx(greeks.theta / 365.0)
    assert screen.volga == pytest.approx(1e-4 * greeks.volga)
    assert (screen.delta, screen.gamma) == (greeks.delta, greeks.gamma)


def test_a_normal_forward_may_be_negative_and_its_vol_comes_back() -> None:
    strikes = np.array([-3.0, 0.0, 2.0])
    price = model.bachelier(-1.0, strike=strikes, t=0.5, vol=4.0, call=True, discount=0.99)
    s = 4.0 * math.sqrt(0.5)
    d = -1.0 / s
    density = math.exp(-0.5 * d * d) / math.sqrt(2.0 * math.pi)
    assert np.asarray(price)[1] == pytest.approx(0.99 * (s * density - normal_cdf(d)), rel=1e-13)
    vol, reason = model.implied_vol_bachelier(
        price, forward=-1.0, strike=strikes, t=0.5, call=True, discount=0.99
    )
    np.testing.assert_allclose(vol, 4.0, rtol=1e-12)
    assert not np.any(reason)
    greeks = model.greeks_bachelier(-1.0, strike=0.0, t=0.5, vol=4.0, call=True, discount=0.99)
    up, down = (
        model.bachelier(-1.0 + h, strike=0.0, t=0.5, vol=4.0, call=True, discount=0.99)
        for h in (1e-4, -1e-4)
    )
    assert greeks.delta == pytest.approx((up - down) / 2e-4, rel=1e-8)


def test_a_coin_settled_option_is_the_other_over_its_forward() -> None:
    option: dict[str, Any] = {"strike": [90.0, 120.0], "t": 0.25, "vol": 0.8, "call": True}
    money = model.greeks76(100.0, **option)
    coin = model.greeks_inverse(100.0, **option)
    np.testing.assert_allclose(coin.price, np.asarray(money.price) / 100.0, rtol=1e-15)
    np.testing.assert_array_equal(coin.delta_usd, money.delta)
    step = 1e-3
    up, down = (np.asarray(model.greeks_inverse(100.0 + h, **option).price) for h in (step, -step))
    np.testing.assert_allclose(coin.delta_coin, 100.0 * (up - down) / (2 * step), rtol=1e-7)


def test_a_displaced_option_is_that_of_both_moved() -> None:
    moved = model.displaced76(-0.5, strike=0.5, t=1.0, vol=0.3, call=True, shift=3.0)
    assert moved == model.black76(2.5, strike=3.5, t=1.0, vol=0.3, call=True)


def test_variances_and_spreads_of_series_are_their_definitions() -> None:
    prices = [100.0, 101.0, 100.5, 102.0, 101.0]
    returns = np.diff(np.log(prices))
    assert model.realised_variance(prices) == pytest.approx(float(np.sum(returns**2)), rel=1e-12)
    rng = np.random.default_rng(3)
    walk = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-3, 50_000)))
    noisy = walk * (1.0 + 5e-4 * rng.choice([-1.0, 1.0], len(walk)))
    true = 1e-6 * len(walk)
    assert model.two_scale_variance(noisy, stride=50) == pytest.approx(true, rel=0.1)
    assert model.realised_variance(noisy) > 1.4 * true
    assert model.roll_spread(noisy) == pytest.approx(1e-3, rel=0.05)
    assert 0.8 * true < model.subsampled_variance(noisy, stride=50) < 1.3 * true
    with pytest.raises(tr.InputError, match="0 prices"):
        model.realised_variance([])
    with pytest.raises(tr.InputError, match="stride = 0"):
        model.subsampled_variance(prices, stride=0)


def test_the_law_of_impact_that_made_orders_is_found_again() -> None:
    rng = np.random.default_rng(4)
    share, sigma = rng.uniform(1e-4, 0.2, 5_000), rng.uniform(0.01, 0.05, 5_000)
    cost = 0.9 * sigma * share**0.6 * np.exp(rng.normal(0.0, 0.3, 5_000))
    law = model.fit_power_law(share, sigma, cost)
    assert law.exponent_interval[0] < 0.6 < law.exponent_interval[1]
    assert law.exponent == pytest.approx(0.6, abs=0.02)
    assert law.used == 5_000
    assert law.cost(0.01, 0.02) == pytest.approx(0.9 * 0.02 * 0.01**0.6, rel=0.1)
    with pytest.raises(tr.InputError, match="one length"):
        model.fit_power_law(share, sigma, cost[:-1])


@pytest.mark.parametrize("name", ["iv", "greeks"])
def test_a_bench_of_formulae_finds_them_exact_and_repeats_its_checksum(name: str) -> None:
    first, again = bench.run(name, is_smoke=True), bench.run(name, is_smoke=True)
    assert first["checksum"] == again["checksum"]
    for key in ("per_s", "per_s_deterministic", "numpy_per_s"):
        assert set(first[key]) == {"median", "p99", "max"}
    if name == "iv":
        assert first["failures"] == first["failures_deterministic"] == 0
        assert first["within_1e9"] == first["wide"]["within_1e9"] == 1.0
    else:
        assert first["worst"] < 1e-13


def test_near_and_far_go_by_time_whatever_expiries_are_called() -> None:
    def call(expiry: str, t: float, bid: float) -> dict[str, Any]:
        row = {"kind": "option", "expiry": expiry, "t": t, "strike": 100.0, "call": True}
        return row | {"bid": bid, "ask": bid + 1.0}

    near = call("27MAR26", 0.25, 10.0)
    assert not model.arbitrage([near, call("26JUN26", 0.5, 18.0)])
    (row,) = model.arbitrage([near, call("26JUN26", 0.5, 8.0)])
    assert (row["kind"], row["edge"]) == ("calendar", pytest.approx(1.0))
    chain = []
    for expiry, t in (("27MAR26", 0.25), ("26JUN26", 0.5)):
        for k in (70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0):
            price = float(model.black76(100.0, strike=k, t=t, vol=0.5, call=True))
            chain.append(call(expiry, t, price - 0.5) | {"strike": k, "forward": 100.0})
    assert [of.expiry for of in model.Surface.fit(chain).slices] == ["27MAR26", "26JUN26"]


# Of no declared type: what is wrong here a type checker would see.
ANY: Any = model
SLICE = ANY.Svi(0.02, 0.1, -0.3, 0.01, 0.2)
K = (-0.2, -0.1, 0.0, 0.1, 0.2)
W = (0.06, 0.05, 0.04, 0.045, 0.05)
OPTION: dict[str, Any] = {
    "kind": "option",
    "expiry": 1,
    "t": 0.1,
    "strike": 100.0,
    "call": True,
    "bid": 1.0,
    "ask": 2.0,
}
WINGS: Any = model.JumpWings(v=0.1, psi=-0.1, p=0.5, c=0.5, v_min=0.05)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: SLICE.total_variance(math.nan), "finite"),
        (lambda: SLICE.total_variance([0.0, math.inf]), r"k\[1\] = inf.*finite"),
        (lambda: SLICE.total_variance(1e200), "finite"),
        (lambda: SLICE.density_g(-math.inf), "finite"),
        (lambda: ANY.Svi(0.0, 0.0, 0.0, 0.0, 1.0).density_g(0.1), "volatility is above zero"),
        (lambda: ANY.Svi(math.nan, 0.1, 0.0, 0.0, 0.1), "a = nan.*finite"),
        (lambda: ANY.Svi(1e308, 1e308, 0.0, 0.0, 1e308), "finite"),
        (lambda: ANY.Svi(0.1, 0.1, 1.0, 0.0, 0.1), r"abs\(rho\) < 1"),
        (lambda: SLICE.jump_wings(0.0), "Time to expiry is above zero"),
        (lambda: SLICE.jump_wings(math.nan), "finite"),
        (lambda: SLICE.jump_wings(1e-320), "finite"),
        (lambda: ANY.Svi.from_jump_wings(WINGS._replace(psi=9.0), t=1.0), "psi between"),
        (lambda: ANY.Svi.from_jump_wings(WINGS._replace(v_min=0.2), t=1.0), "v_min from zero"),
        (lambda: ANY.Svi.from_jump_wings(WINGS, t=0.0), "Time to expiry is above zero"),
        (lambda: ANY.Svi.from_jump_wings(WINGS, t=math.inf), "finite"),
        (lambda: ANY.Svi.fit([0.0] * 5, W), "five strikes"),
        (lambda: ANY.Svi.fit([0.0, 0.1, 0.2, 0.3, 0.3], W), "five strikes"),
        (lambda: ANY.Svi.fit(K, W, weights=[1.0, 1.0]), "lengths 5, 5, 2"),
        (lambda: ANY.realised_variance([1.0, -1.0]), "price is above zero"),
        (
            lambda: ANY.fit_power_law([-1.0, 0.1, 0.2, 0.3], [0.1] * 4, [0.1] * 4),
            "Sizes, volumes and depths",
        ),
        (
            lambda: ANY.black_scholes(100.0, strike=100.0, t=1.0, vol=0.2, rate=1e5, call=True),
            "finite",
        ),
        (
            lambda: ANY.black_scholes(
                100.0, strike=1.0, t=1.0, vol=0.2, rate=[0.1, 0.2], call=True, asset_yield=[0.0] * 3
            ),
            r"rate \(2,\), asset_yield \(3,\)",
        ),
        (lambda: ANY.arbitrage([], fees={"option": math.nan}), r"fees\['option'\] = nan"),
        (lambda: ANY.arbitrage([], fees={1: 1.0, "x": 2.0}), "an option and of a future"),
        (lambda: ANY.arbitrage([OPTION | {1: 2, "x": 3}]), "a key of"),
        (lambda: ANY.arbitrage([OPTION | {"ts_ns": 10**30}]), r"quotes\[0\].ts_ns"),
        (lambda: ANY.arbitrage([OPTION | {"strike": 10**400}]), r"quotes\[0\].strike"),
        (lambda: ANY.arbitrage([OPTION | {"expiry": math.nan}]), r"quotes\[0\].expiry"),
        (lambda: ANY.Surface.fit([OPTION], version=-1), "version = -1"),
        (lambda: ANY.Surface.fit([OPTION], weekend=-1.0), "weekend = -1"),
        (lambda: ANY.arbitrage([OPTION | {"expiry": 10**30}]), r"quotes\[0\].expiry"),
        (lambda: ANY.Surface.fit([OPTION | {"expiry": "27MAR26"}], weekend=0.5), "that are names"),
        (lambda: ANY.Surface.fit([OPTION], ts_ns=100, age_ns_max=10), "no older than the age"),
        (lambda: ANY.Surface.fit([OPTION | {"discount": -1.0}]), "discount factor is above zero"),
        (lambda: ANY.black76(np.ma.array([1.0], mask=[True]), **ATM, call=True), "finite"),
        (lambda: ANY.black76(100.0, **ATM, call=True, threads=0), "threads = 0"),
        (lambda: ANY.subsampled_variance([1.0, 2.0], stride=10**30), "stride"),
    ],
)
def test_what_no_model_can_take_is_refused_with_its_own_rule(
    call: Callable[[], object], rule: str
) -> None:
    with pytest.raises(tr.InputError, match=rule):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: ANY.arbitrage([], fees={"option": None}),
        lambda: ANY.arbitrage([], fees={"option": "x"}),
        lambda: ANY.arbitrage([], fees={"option": True}),
        lambda: ANY.arbitrage([], fees=0.1),
        lambda: ANY.arbitrage([], fees=[1.0]),
        lambda: ANY.arbitrage([OPTION | {"ts_ns": "x"}]),
        lambda: ANY.arbitrage([OPTION | {"ts_ns": math.nan}]),
        lambda: ANY.Svi("a", 1.0, 0.0, 0.0, 1.0),
        lambda: ANY.Svi(True, 1.0, 0.0, 0.0, 1.0),
        lambda: SLICE.total_variance("x"),
        lambda: SLICE.total_variance(None),
        lambda: SLICE.total_variance([[0.0], [0.0, 0.1]]),
        lambda: SLICE.jump_wings(None),
        lambda: ANY.Svi.from_jump_wings(0.1, t=1.0),
        lambda: ANY.Svi.from_jump_wings(WINGS, psi=0.1, t=1.0),
        lambda: ANY.Svi.from_jump_wings(WINGS._replace(v="x"), t=1.0),
        lambda: ANY.Svi.fit("x", W),
        lambda: ANY.Surface.fit([OPTION], version="x"),
        lambda: ANY.Surface.fit([OPTION], ts_ns=1.5),
        lambda: ANY.black76("100", **ATM, call=True),
        lambda: ANY.black76(True, **ATM, call=True),
        lambda: ANY.black76(100.0, **ATM, call=1),
        lambda: ANY.black76(100.0, **ATM, call=True, threads="x"),
        lambda: ANY.black76(100.0, **ATM, call=True, fast="x"),
        lambda: ANY.black_scholes("x", **ATM, rate=0.1, call=True),
        lambda: ANY.displaced76(1.0, **ATM, call=True, shift="x"),
        lambda: ANY.greeks76(100.0, **ATM, call=True).in_units(time="x"),
        lambda: ANY.impact_almgren2005(
            "x", adv=1.0, shares_outstanding=1.0, sigma=1.0, horizon=1.0
        ),
        lambda: ANY.subsampled_variance([1.0, 2.0], stride=1.5),
    ],
)
def test_what_is_no_number_is_an_argument_error(call: Callable[[], object]) -> None:
    with pytest.raises(tr.ArgumentError):
        call()


def test_a_size_below_zero_is_none() -> None:
    for qty in (-1.0, math.inf):
        assert model.arbitrage([OPTION | {"bid_qty": qty}]).reasons == ["bad_quantity"]
    assert model.arbitrage([OPTION | {"bid_qty": math.nan}]).reasons == [None]


def test_wings_are_given_by_name_or_as_one() -> None:
    wings = SLICE.jump_wings(0.5)
    one = model.Svi.from_jump_wings(wings, t=0.5)
    assert one == model.Svi.from_jump_wings(**wings._asdict(), t=0.5)
    rest = {name: value for name, value in wings._asdict().items() if name != "v"}
    assert one == model.Svi.from_jump_wings(wings.v, **rest, t=0.5)
    np.testing.assert_allclose(one.total_variance(K), SLICE.total_variance(K), rtol=1e-12)


def test_a_rule_of_two_clauses_stays_a_rule() -> None:
    with pytest.raises(tr.InputError) as refused:
        SLICE.jump_wings(0.0)
    assert refused.value.rule.startswith("Time to expiry")
    assert refused.value.remedy == "Correct the time, at expiry use the settlement value"
