"""Bulk figures against slow loops that say the same thing plainly."""

import pytest
from tca_demo import demo

from tiderace import tca


@pytest.fixture(scope="module")
def inputs() -> tca.Inputs:
    return demo(seed=3)


@pytest.fixture(scope="module")
def rows(inputs: tca.Inputs) -> list[dict]:
    return tca.analyse(inputs).fills.to_dicts()


def mids(inputs: tca.Inputs, i: int) -> list[tuple[int, float]]:
    tick = float(inputs.markets[i].tick)
    return [
        (row["ts_ns"], (row["bid_px"] + row["ask_px"]) / 2 * tick)
        for row in inputs.quotes.iter_rows(named=True)
        if row["instrument"] == i
    ]


def interval(inputs: tca.Inputs) -> tuple[int, int]:
    return inputs.parents["ts_ns"][0], inputs.parents["ts_ns"][-1]


def test_twap_is_the_mid_weighed_by_how_long_it_stood(inputs: tca.Inputs, rows: list[dict]) -> None:
    start, end = interval(inputs)
    for i in range(3):
        series, total = mids(inputs, i), 0.0
        for (since, mid), (until, _) in zip(series, [*series[1:], (end, 0.0)], strict=True):
            total += mid * max(0, min(until, end) - max(since, start))
        for row in rows:
            if row["instrument"] == i:
                assert row["twap"] == pytest.approx(total / (end - start), rel=1e-12)


def test_vwap_is_value_over_exposure_of_the_trades(inputs: tca.Inputs, rows: list[dict]) -> None:
    start, end = interval(inputs)
    for i, market in enumerate(inputs.markets):
        value = exposure = 0.0
        for row in inputs.trades.iter_rows(named=True):
            if row["instrument"] == i and start <= row["ts_ns"] <= end:
                px = row["px"] * float(market.tick)
                size = row["qty_e8"] / px if market.is_inverse else row["qty_e8"]
                value, exposure = value + size * px, exposure + size
        found = {row["vwap"] for row in rows if row["instrument"] == i}
        assert len(found) == 1
        assert found.pop() == pytest.approx(value / exposure, rel=1e-12)


@pytest.mark.parametrize("horizon", [0.1, 1.0, 10.0, 60.0])
def test_a_markout_is_the_last_mid_known_so_long_after_the_fill(
    inputs: tca.Inputs, rows: list[dict], horizon: float
) -> None:
    series = {i: mids(inputs, i) for i in range(3)}
    traded = {i: inputs.trades.filter(inputs.trades["instrument"] == i)["ts_ns"] for i in range(3)}
    for row in rows:
        i, due = row["instrument"], row["ts_ns"] + int(horizon * 1e9)
        found = row[f"markout_bps_{horizon:g}s"]
        if due > max(series[i][-1][0], traded[i].max()):
            assert found is None
            continue
        mid = [mid for ts_ns, mid in series[i] if ts_ns <= due][-1]
        assert found == pytest.approx((mid / row["px"] - 1) * 1e4, abs=1e-9)
