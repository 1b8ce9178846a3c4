"""Option orders in vol points, against closed forms."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiderace import model, tca
from tiderace.errors import InputError

K, T = 60_000.0, 30 / 365
AT = {"strike": K, "t": T, "call": True}


def px(forward: float, vol: float, **more: object) -> float:
    return float(model.black76(forward, vol=vol, **(AT | more)))


def order(fills: list, **more: object) -> tca.VolPoints:
    given = {
        "side": "buy",
        "arrival_px": px(61_000, 0.6),
        "arrival_forward": 61_000.0,
    }
    return tca.vol_points(fills, **(AT | given | more))


def test_paying_one_vol_more_at_an_unmoved_forward_is_one_vol_point() -> None:
    found = order([(2.0, px(61_000, 0.61), 61_000.0)])
    assert found.arrival_vol == pytest.approx(0.6)
    assert found.delta == 0.0
    assert found.repriced == pytest.approx(1.0, abs=1e-9)
    # To the first order: the price over vega. Vega hardly bends over one point.
    vega = float(model.greeks76(61_000, vol=0.6, **AT).vega)
    assert found.points == pytest.approx((px(61_000, 0.61) - px(61_000, 0.6)) / vega * 100)
    assert found.points == pytest.approx(1.0, abs=0.01)


def test_a_seller_gains_what_a_buyer_loses() -> None:
    fills = [(1.0, px(61_100, 0.61), 61_100.0)]
    bought, sold = order(fills), order(fills, side="sell")
    for name in ("price", "delta", "adjusted", "points", "repriced"):
        assert getattr(sold, name) == pytest.approx(-getattr(bought, name))


def test_the_underlyings_move_is_no_cost_of_the_option_order() -> None:
    """The forward rose by 50 and the vol stood: nearly all of the price is delta."""
    found = order([(1.0, px(61_050, 0.6), 61_050.0)])
    greeks = model.greeks76(61_000, vol=0.6, **AT)
    assert found.delta == pytest.approx(float(greeks.delta) * 50)
    assert found.price == pytest.approx(px(61_050, 0.6) - px(61_000, 0.6))
    # What is left is gamma: half of it times the square of the move.
    assert found.adjusted == pytest.approx(0.5 * float(greeks.gamma) * 50**2, rel=0.02)
    assert found.repriced == pytest.approx(0.0, abs=1e-9)


def test_parts_by_hand() -> None:
    greeks = model.greeks76(61_000, vol=0.6, **AT)
    delta, vega = float(greeks.delta), float(greeks.vega)
    arrival = px(61_000, 0.6)
    fills = [(1.0, arrival + 30, 61_020.0), (3.0, arrival + 10, 60_990.0)]
    found = order(fills)
    assert found.qty == 4.0
    assert found.price == pytest.approx((30 + 3 * 10) / 4)
    assert found.delta == pytest.approx(delta * (20 - 3 * 10) / 4)
    assert found.adjusted == pytest.approx(found.price - found.delta)
    assert found.points == pytest.approx((15 - delta * -2.5) / vega * 100)


def test_an_inverse_option_is_measured_in_the_forwards_money() -> None:
    """Quoted in coin; the same order in money gives the same vol points."""
    forward = 61_300.0
    inverse = order(
        [(1.0, px(forward, 0.62) / forward, forward)],
        arrival_px=px(61_000, 0.6) / 61_000,
        is_inverse=True,
    )
    plain = order([(1.0, px(forward, 0.62), forward)])
    for name in ("price", "delta", "points", "repriced", "arrival_vol"):
        assert getattr(inverse, name) == pytest.approx(getattr(plain, name), rel=1e-9)
    assert inverse.repriced == pytest.approx(2.0, abs=1e-9)


def test_frames_mappings_and_pairs_are_the_same_fills() -> None:
    rows = [{"qty": 1.0, "px": 4_600.0, "forward": 61_000.0}]
    first = order([tuple(rows[0].values())])
    assert order(rows) == first
    assert order(pl.DataFrame(rows)) == first


def test_a_fill_later_in_time_is_inverted_at_its_own_time() -> None:
    later = T - 2 / 365
    row = {"qty": 1.0, "px": px(61_000, 0.6, t=later), "forward": 61_000.0, "t": later}
    assert order([row]).repriced == pytest.approx(0.0, abs=1e-9)


def test_a_fill_below_intrinsic_has_no_vol_and_still_a_price() -> None:
    found = order([(1.0, 900.0, 61_000.0)])
    assert found.repriced is None
    assert found.fills[0].repriced is None
    assert found.points < 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"fills": []},
        {"fills": [(0.0, 4_600.0, 61_000.0)]},
        {"fills": [(1.0, 4_600.0, 61_000.0)], "arrival_px": 1.0},
        {"fills": [(1.0, 4_600.0, 61_000.0)], "side": "up"},
    ],
)
def test_an_order_that_cannot_be_measured_is_refused(wrong: dict) -> None:
    with pytest.raises(InputError):
        order(wrong.pop("fills"), **wrong)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.1, 9), st.floats(0.4, 0.9), st.floats(55_000, 67_000)),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["buy", "sell"]),
    st.booleans(),
)
def test_parts_add_up_and_repricing_finds_the_vols_that_were_paid(
    rows: list[tuple], side: str, call: bool
) -> None:
    fills = [(qty, px(forward, vol, call=call), forward) for qty, vol, forward in rows]
    found = order(fills, side=side, call=call, arrival_px=px(61_000, 0.6, call=call))
    assert found.price == pytest.approx(found.delta + found.adjusted, abs=1e-9)
    total = math.fsum(qty for qty, _, _ in rows)
    sign = 1 if side == "buy" else -1
    vols = math.fsum(qty * (vol - 0.6) for qty, vol, _ in rows) / total
    assert found.repriced == pytest.approx(sign * vols * 100, abs=1e-6)
