"""`tca.shortfall` against the definition of Perold: a paper portfolio less the real one."""

from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiderace as tr

PARTS = ("delay", "trading", "opportunity", "fees", "total")
px = st.integers(1, 10**9).map(lambda ticks: Fraction(ticks, 100))
qty = st.integers(0, 10**6).map(lambda lots: Fraction(lots, 1000))


@settings(max_examples=300, deadline=None)
@given(
    side=st.sampled_from(["buy", "sell"]),
    decision=px,
    arrival=px,
    cancel=px,
    fills=st.lists(st.tuples(qty, px), max_size=5),
    rest=st.integers(1, 1000),
    fees=st.integers(-1000, 1000),
)
def test_the_total_is_what_the_paper_portfolio_earned_and_the_real_one_did_not(
    side: str,
    decision: Fraction,
    arrival: Fraction,
    cancel: Fraction,
    fills: list[tuple[Fraction, Fraction]],
    rest: int,
    fees: int,
) -> None:
    """Both portfolios marked at the cancel price: on paper all was traded at the decision."""
    sign = 1 if side == "buy" else -1
    filled = sum((q for q, _ in fills), Fraction(0))
    asked = filled + rest
    parts = tr.tca.shortfall(
        side=side,
        order_qty=asked,
        decision_px=decision,
        arrival_px=arrival,
        fills=fills,
        cancel_px=cancel,
        fees=fees,
    )
    on_paper = sign * asked * (cancel - decision)
    really = sum((sign * q * (cancel - p) for q, p in fills), Fraction(0)) - fees
    assert parts.total == float(on_paper - really)
    assert parts.delay == float(sign * filled * (arrival - decision))
    assert parts.opportunity == float(sign * rest * (cancel - decision))
    added = sum(getattr(parts, name) for name in PARTS[:-1])
    scale = sum(abs(getattr(parts, name)) for name in PARTS[:-1])
    assert added == pytest.approx(parts.total, abs=1e-14 * scale + 1e-300)


def test_a_sale_given_up_costs_what_the_price_fell() -> None:
    # Sell 100 decided at 50; first child at 49.5; 60 done at 49.2, the rest given up at 48.
    parts = tr.tca.shortfall(
        side="sell",
        order_qty=100,
        decision_px="50",
        arrival_px="49.5",
        fills=[("60", "49.2")],
        cancel_px="48",
        fees=3,
    )
    got = [getattr(parts, name) for name in PARTS]
    assert got == [30.0, 18.0, 80.0, 3.0, 131.0]


@pytest.mark.parametrize(
    "fees", [[1.0, 0.5], (1.0, 0.5), np.array([1.0, 0.5]), pl.Series([1.0, 0.5])]
)
def test_fees_by_fill_are_summed(fees: Any) -> None:
    parts = tr.tca.shortfall(
        side="buy",
        order_qty=2,
        decision_px=10,
        arrival_px=10,
        fills=[(1, 10), (1, 10)],
        cancel_px=None,
        fees=fees,
    )
    assert (parts.fees, parts.total) == (1.5, 1.5)


def test_nothing_filled_is_all_opportunity() -> None:
    parts = tr.tca.shortfall(
        side="buy",
        order_qty=5,
        decision_px=10,
        arrival_px=11,
        fills=[],
        cancel_px=12,
        fees=0,
    )
    assert [getattr(parts, name) for name in PARTS] == [0.0, 0.0, 10.0, 0.0, 10.0]


def test_fills_may_be_rows_of_an_array() -> None:
    fills = np.array([[1.0, 100.0], [1.0, 101.0]])
    parts = tr.tca.shortfall(side="buy", order_qty=2, decision_px=99, arrival_px=100, fills=fills)
    assert (parts.delay, parts.trading, parts.total) == (2.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("fills", "word"), [([1, 2], "a fill is 1"), ([(1, 2, 3)], "a fill is"), ([(1e10, 1)], "float")]
)
def test_what_is_no_fill_or_beyond_any_number_is_refused(fills: Any, word: str) -> None:
    with pytest.raises(tr.InputError, match=word):
        tr.tca.shortfall(
            side="buy", order_qty=1, decision_px=1e308, arrival_px=-1e308, fills=fills, cancel_px=1
        )
