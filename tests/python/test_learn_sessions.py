"""Sessions of an adaptive order: the cost of a round by hand, and the whole way on our own venue."""

from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from face import EXAMPLE, no_data  # noqa: F401

import tiderace as tr
from tiderace import tca

SECOND = 1_000_000_000
QUICK = {"parent.order_qty": "5", "parent.duration": "30s", "synthetic.duration": "35s"}
SHORT = tr.learn.baseline(slices=6, risk=1.0, guard=0.2)
STEP = 10**12


def by_hand(
    fills: list[tuple[float, int, float, float, bool]], actions: list[int], side: str = "buy"
) -> Any:
    """A run of 2 slices over 20 s, 10 BTC, mid 100 and from second 8 on 101: fills of (second, px, qty, fee, maker)."""
    sign = ord("1") if side == "buy" else ord("2")
    terms = {
        "tick_size": STEP,
        "lot_size": STEP,
        "contract_multiplier": STEP,
        "style": "linear",
        "base_decimals": 8,
    }
    inputs = tca.Inputs(
        name="hand",
        markets=[tca.Market(terms=terms, name="a:b", base="BTC", quote="USD")],
        assets=[{"asset": "BTC", "decimals": 8}, {"asset": "USD", "decimals": 8}],
        asked=[tca.Asked(parent_id=1, side=side, order_qty=10**9, duration_ns=20 * SECOND)],
        fills=pl.DataFrame(
            {
                "seq": range(len(fills)),
                "ts_ns": [round(second * SECOND) for second, *_ in fills],
                "instrument": [0] * len(fills),
                "exposure": [round(qty * 1e8) for _, _, qty, _, _ in fills],
                "last_px": [px for _, px, _, _, _ in fills],
                "fee": [round(fee * 1e8) for _, _, _, fee, _ in fills],
                "fee_asset": [1] * len(fills),
                "is_maker": [maker for *_, maker in fills],
                "is_reversal": [False] * len(fills),
                "side": [sign] * len(fills),
            }
        ),
        arrivals=pl.DataFrame({"ts_ns": [0], "instrument": [0], "bid_px": [99], "ask_px": [101]}),
        quotes=pl.DataFrame(
            {
                "ts_ns": [0, 8 * SECOND],
                "instrument": [0, 0],
                "bid_px": [99, 100],
                "ask_px": [101, 102],
                "bid_qty_e8": [1, 1],
                "ask_qty_e8": [1, 1],
            }
        ),
        **{
            name: pl.DataFrame()
            for name in ("orders", "parents", "slices", "skipped", "refused", "trades")
        },
    )
    notes = [(0, [action, 1, 2, 3, 4, 0]) for action in actions]
    table = pl.DataFrame(
        {
            "seq": range(6 * len(notes)),
            "ts_ns": [ts for ts, row in notes for _ in row],
            "value": [value for _, row in notes for value in row],
        }
    )
    paid = {
        "delay": "0",
        "trading": "12",
        "opportunity": "3",
        "fees": "5",
        "basis": "99",
        "total": "119",
    }
    return SimpleNamespace(table=lambda _: table, inputs=inputs, summary={"shortfall": paid})


TWO = tr.learn.baseline(slices=2, risk=0.0, guard=0.0)


def test_a_round_costs_what_it_paid_against_its_mid() -> None:
    """5 BTC at 101 where the mid was 100, and 1 of fees: 6 of 1,000 is 60 bp; of an even slice, 120."""
    log = tr.learn.log_of([by_hand([(1.0, 101, 5.0, 1.0, False)], [0])], TWO)
    assert log.cost[0] == pytest.approx(60 * 2)
    assert list(log.seen[0]) == [1_000, 1, 2, 3, 4, 0]
    assert log.propensity[0] == pytest.approx(1 / 7)


def test_what_is_put_off_costs_the_move_and_a_take() -> None:
    """2 taken (1 a BTC), 3 left to second 10, when the mid is 1 up: 2 + 3 x (1 + 1) = 8 of 1,000; twice that a slice."""
    log = tr.learn.log_of([by_hand([(1.0, 101, 2.0, 0.0, False)], [0])], TWO)
    assert log.cost[0] == pytest.approx(80 * 2)


def test_what_is_done_early_saves_the_move_and_a_take() -> None:
    log = tr.learn.log_of([by_hand([(1.0, 101, 6.0, 0.0, False)], [0])], TWO)
    assert log.cost[0] == pytest.approx((6 - 1 * (1 + 1)) * 10 * 2)


def test_a_seller_gains_what_a_buyer_pays() -> None:
    """3 of 5 sold at the mid of 100; the 2 left are worth 1 more later."""
    log = tr.learn.log_of([by_hand([(1.0, 100, 3.0, 0.0, True)], [2], side="sell")], TWO)
    assert log.cost[0] == pytest.approx(-2 * 10 * 2)


def test_fills_after_the_next_round_began_are_not_this_rounds() -> None:
    rows = [(1.0, 101, 5.0, 1.0, False), (10.5, 999, 5.0, 50.0, False)]
    assert tr.learn.log_of([by_hand(rows, [0])], TWO).cost[0] == pytest.approx(60 * 2)


def test_notes_of_another_program_are_refused() -> None:
    run = by_hand([(1.0, 101, 5.0, 1.0, False)], [0])
    run.table = lambda _: pl.DataFrame({"seq": [1], "ts_ns": [1], "value": [1]})
    with pytest.raises(tr.InputError, match="notes 6 numbers a round"):
        tr.learn.log_of([run], TWO)


# On our own venue


@pytest.fixture(scope="module")
def explored() -> tuple[list[tr.learn.Session], tr.learn.Log]:
    return tr.learn.sessions(EXAMPLE, SHORT, range(1, 13), explore=True, overrides=QUICK)


def test_an_exploring_session_is_logged_round_by_round(
    explored: tuple[list[Any], tr.learn.Log],
) -> None:
    found, log = explored
    assert len(found) == 12
    assert len(log.cost) == 12 * 5, "the last slice decides nothing"
    assert set(np.unique(log.session)) == set(range(12))
    assert len(np.unique(log.action)) == 7
    assert np.all(np.isfinite(log.cost))
    assert all(one.filled > 0.99 for one in found)


def test_a_policy_is_learnt_and_judged_from_end_to_end(
    explored: tuple[list[Any], tr.learn.Log],
) -> None:
    learnt = tr.learn.train(explored[1], start=SHORT)
    found = tr.learn.measure(
        EXAMPLE, learnt, fixed=1, seeds=range(13, 21), overrides=QUICK, draws=100
    )
    assert found.against_baseline.verdict in ("better", "even", "worse")
    assert found.policy.n == found.baseline.n == 8
    assert found.filled_least > 0.99
    gap = found.policy.value - found.baseline.value
    assert found.against_baseline.difference.value == pytest.approx(gap)
    again = tr.learn.measure(
        EXAMPLE, learnt, fixed=1, seeds=range(13, 21), overrides=QUICK, draws=100
    )
    assert again == found


def test_the_baseline_against_itself_is_even() -> None:
    found = tr.learn.measure(EXAMPLE, SHORT, fixed=0, seeds=range(1, 5), overrides=QUICK, draws=100)
    assert found.against_baseline.difference[:3] == (0.0, 0.0, 0.0)
    assert found.against_baseline.verdict == "even"
    assert found.against_baseline.variance_ratio.value == pytest.approx(1.0)


def test_the_journal_names_the_policy(tmp_path: Any) -> None:
    """A replay needs no policy file, and another policy is another genesis, whatever it comes to."""
    other = msgspec.structs.replace(SHORT, guard=0)
    named = set()
    for policy in (SHORT, other):
        parent = {f"parent.{key}": value for key, value in policy.params().items()}
        absent = dict.fromkeys(
            ("parent.size_jitter", "parent.catch_up_cap", "parent.passive_share")
        )
        program = {"parent.algo": str(tr.learn.PROGRAM), "data.recording": None}
        run = tr.run(EXAMPLE, set={**QUICK, **absent, **program, **parent}, out=tmp_path)
        assert tr.replay(run.dir).summary["digest"] == run.summary["digest"]
        named.add(run._core.genesis)
    assert len(named) == 2
