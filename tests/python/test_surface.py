"""SVI, surfaces and arbitrage through the face."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from face import recording_dir

import tiderace as tr
from tiderace import model

SLICE = model.Svi(0.04, 0.1, -0.4, 0.02, 0.2)


def option(strike: float, bid: float, ask: float, **more: Any) -> dict[str, Any]:
    row = {"kind": "option", "expiry": "2026-06-26", "t": 0.5, "strike": strike, "call": True}
    return {**row, "bid": bid, "ask": ask, **more}


def test_a_slice_is_the_formula_and_its_density_that_of_its_derivatives() -> None:
    def w(k: float) -> float:
        return 0.04 + 0.1 * (-0.4 * (k - 0.02) + math.hypot(k - 0.02, 0.2))

    k, h = 0.3, 1e-4
    assert SLICE.total_variance(k) == pytest.approx(w(k), rel=1e-14)
    first, second = (w(k + h) - w(k - h)) / (2 * h), (w(k + h) - 2 * w(k) + w(k - h)) / h**2
    g = (1 - k * first / (2 * w(k))) ** 2 - first**2 / 4 * (1 / w(k) + 0.25) + second / 2
    assert SLICE.density_g(k) == pytest.approx(g, rel=1e-6)


def test_jump_wings_are_the_same_slice_in_other_words() -> None:
    wings = SLICE.jump_wings(0.25)
    back = model.Svi.from_jump_wings(**wings._asdict(), t=0.25)
    k = np.linspace(-2.0, 2.0, 41)
    np.testing.assert_allclose(back.total_variance(k), SLICE.total_variance(k), rtol=1e-12)
    assert wings.v == pytest.approx(SLICE.total_variance(0.0) / 0.25)


def test_a_fit_finds_the_slice_that_its_points_are_of() -> None:
    k = np.linspace(-0.8, 0.6, 15)
    found = model.Svi.fit(k, SLICE.total_variance(k), weights=np.ones(15))
    np.testing.assert_allclose(found.total_variance(k), SLICE.total_variance(k), rtol=1e-6)


def test_impossible_slices_and_too_few_points_are_refused() -> None:
    with pytest.raises(tr.InputError, match=r"rho=-1\.4"):
        model.Svi(0.04, 0.1, -1.4, 0.0, 0.2)
    with pytest.raises(tr.InputError, match="five"):
        model.Svi.fit([0.0, 0.1], [0.04, 0.05])
    with pytest.raises(tr.InputError, match="one length"):
        model.Svi.fit([0.0, 0.1], [0.04])


def test_a_planted_vertical_is_found_with_its_edge_after_fees_and_its_size() -> None:
    quotes = [option(100.0, 10.0, 11.0, ask_qty=7.0), option(110.0, 12.5, 13.0, bid_qty=4.0)]
    (row,) = model.arbitrage(quotes, fees={"option": 0.1})
    assert row["kind"] == "vertical"
    assert row["edge"] == pytest.approx(12.5 - 11.0 - 2 * 0.1)
    assert row["qty"] == 4.0
    assert [(leg.quote, leg.qty) for leg in row["legs"]] == [(0, 1.0), (1, -1.0)]
    assert not model.arbitrage(quotes, fees={"option": 0.8})


def test_quotes_that_are_not_used_say_why() -> None:
    quotes = [
        option(100.0, 12.0, 11.0),
        option(110.0, 5.0, None),  # type: ignore[arg-type]
        option(120.0, 5.0, 6.0, t=-0.1),
        option(130.0, 5.0, 6.0),
    ]
    found = model.arbitrage(quotes)
    assert found.reasons == ["crossed_quote", "missing_quote", "expired_quote", None]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "swap"}, r"quotes\[1\].kind = 'swap'"),
        ({"call": 1}, r"quotes\[1\].call = 1"),
        ({"strike": "high"}, r"quotes\[1\].strike = 'high'"),
        ({"expiry": None}, r"quotes\[1\].expiry = None"),
        ({"biid": 1.0}, r"quotes\[1\].biid = 1.0"),
    ],
)
def test_a_bad_row_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(tr.InputError, match=said):
        model.arbitrage([option(100.0, 1.0, 2.0), {**option(110.0, 1.0, 2.0), **change}])


def chain_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "kind": "option",
            "expiry": row["expiry_datetime"],
            "t": row["time_to_maturity"],
            "strike": float(row["strike"]),
            "call": row["option_type"] == "call",
            "bid": row["bid_price"],
            "ask": row["ask_price"],
            "style": "inverse",
            "forward": float(row["futures_price"]),
            "mark_vol": row["implied_volatility"],
        }
        for row in frame.iter_rows(named=True)
    ]


@pytest.fixture(scope="module")
def snapshot() -> list[dict[str, Any]]:
    path = recording_dir() / "deribit_option_chain_snapshots" / "deribit_chain_202602.parquet"
    frame = pl.read_parquet(path).filter(pl.col("currency") == "BTC")
    first = frame["snapshot_id"].min()
    return chain_rows(frame.filter(pl.col("snapshot_id") == first))


def test_a_real_chain_gives_a_surface_without_arbitrage(snapshot: list[dict[str, Any]]) -> None:
    surface = model.Surface.fit(snapshot)
    assert len(surface.slices) >= 8
    assert surface.worst_violation() == 0.0
    judged = sum(part.judged for part in surface.slices)
    inside = sum(part.inside for part in surface.slices)
    assert judged > 200
    assert inside / judged > 0.85
    part = surface.slices[4]
    vol = surface.vol(part.expiry, part.forward)
    assert vol == pytest.approx(math.sqrt(part.svi.total_variance(0.0) / part.t), rel=1e-12)
    coin = surface.price(part.expiry, part.forward, call=True)
    assert coin * part.forward == pytest.approx(
        model.black76(
            part.forward, strike=part.forward, t=part.t, vol=vol, call=True, discount=part.discount
        ),
        rel=1e-9,
    )
    with pytest.raises(tr.InputError, match="2031"):
        surface.vol("2031-01-01", 100.0)
