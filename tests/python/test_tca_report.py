"""The report's part on execution quality: there, and with the figures of the analysis."""

import msgspec
import polars as pl
import pytest
from tca_case import S, case, fill, spot
from tca_demo import demo
from test_report import read

from tiderace import report, tca


@pytest.fixture(scope="module")
def inputs() -> tca.Inputs:
    return demo()


@pytest.fixture(scope="module")
def text(inputs: tca.Inputs) -> str:
    return " ".join(read(report.html(inputs)).text.split())


def figure(value: float, digits: int = 2) -> str:
    sign = "\u2212" if value < 0 else "+"
    return f"{sign}{abs(value):,.{digits}f}"


def test_every_part_has_its_heading(text: str) -> None:
    for heading in (
        "Against benchmarks",
        "Estimate before the trade",
        "Schedule adherence",
        "Execution quality",
    ):
        assert heading in text


def test_figures_are_those_of_the_analysis(inputs: tca.Inputs, text: str) -> None:
    found = tca.analyse(inputs)
    whole = found.quality.filter(pl.col("venue").is_null()).to_dicts()[0]
    for name in ("spread_capture", "adverse_bps_10s", "reversion_bps_10s", "total_bps"):
        assert figure(whole[name]) in text
    for benchmark, value in found.summary["slippage_bps"].items():
        assert value is not None, benchmark
        assert figure(value) in text
    for part in ("trading", "basis", "fees", "opportunity", "total"):
        assert figure(float(whole[part])) in text
    guess = found.estimates.to_dicts()[0]
    assert f"{figure(guess['cost_bps'])} ± {guess['risk_bps']:.2f} bp" in text
    assert f"{abs(guess['surprise']):.2f} deviations below the estimate" in text
    assert "too little came before it" in text


def test_many_slices_stay_a_line_and_a_small_file(inputs: tca.Inputs) -> None:
    one = inputs.slices[:1]
    many = pl.concat(
        one.with_columns(
            seq=pl.lit(k, dtype=pl.UInt64),
            ts_ns=pl.col("ts_ns") + k * 10**7,
            slice=pl.lit(k).cast(pl.UInt32),
        )
        for k in range(5_000)
    )
    html = report.html(msgspec.structs.replace(inputs, slices=many))
    assert "5,000 slices" in html
    assert len(html) < 500_000


@pytest.mark.parametrize("parent_id", [0, 1], ids=["own orders", "no schedule"])
def test_orders_without_a_schedule_or_a_market_leave_it_out(parent_id: int) -> None:
    fills = [fill(spot(), 100_000, 6_000_000, ts_ns=S, parent_id=parent_id)]
    text = read(report.html(case(fills=fills))).text
    assert "Schedule adherence" not in text
    assert "Estimate before the trade" not in text
    assert "Execution quality" in text
