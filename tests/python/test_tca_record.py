"""The best-execution record: what the desk knew, asked, did and got, and that nothing is made up."""

import importlib
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from face import EXAMPLE, SMALL, no_data
from hypothesis import given, settings
from hypothesis import strategies as st

import tiderace as tr
from tiderace import _core, tca
from tiderace._recordings import MARKET_EVENT
from tiderace._tca.known import Books, Seen
from tiderace.errors import InputError

__all__ = ["no_data"]

ALL = 1 << 30
FOREVER = 2**63 - 1


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tr.Run:
    out = tmp_path_factory.mktemp("out")
    return tr.run(EXAMPLE, set=SMALL, out=out, data=None)


@pytest.fixture(scope="module")
def told(run: tr.Run) -> dict:
    return tca.record(run)


@pytest.fixture(scope="module")
def decisions(told: dict) -> list[dict]:
    return told["parents"][0]["decisions"]


def test_a_record_is_rebuilt_from_the_journal_alone(run: tr.Run, told: dict) -> None:
    assert tca.record(tr.replay(run.dir)) == told
    assert json.loads(json.dumps(told)) == told


def test_every_slice_order_and_skip_is_in_it_once(run: tr.Run, decisions: list[dict]) -> None:
    def count(name: str) -> int:
        return sum(len(each.get(name, ())) for each in decisions)

    assert count("asked") == run.table("SliceStarted").height > 0
    assert count("sent") == run.table("OrderSent").height > 0
    assert count("left_out") == run.table("VenueSkipped").height > 0
    assert count("canceled") == run.table("CancelSent").height > 0
    assert [each["seq"] for each in decisions] == sorted(each["seq"] for each in decisions)


def test_what_came_adds_up_to_what_the_parent_got(run: tr.Run, told: dict) -> None:
    parent = told["parents"][0]
    sent = [order for each in parent["decisions"] for order in each["sent"]]
    assert sum(Decimal(order["came"]["exposure"]) for order in sent) == Decimal(
        parent["filled_qty"]
    )
    assert sum(order["came"]["fills"] for order in sent) == run.summary["fills"]
    paid: dict[str, Decimal] = {}
    for order in sent:
        for asset, fee in order["came"]["fees"].items():
            paid[asset] = paid.get(asset, Decimal(0)) + Decimal(fee)
    frame = run.fills.to_polars()
    for asset, fee in paid.items():
        assert fee == sum(frame.filter(pl.col("fee_asset") == asset)["fee"].to_list())


def test_the_books_at_the_arrival_are_those_that_the_desk_took_it_from(
    run: tr.Run, decisions: list[dict]
) -> None:
    """The desk itself says in ``ArrivalTaken`` what it saw at that sequence."""
    at = next(each for each in decisions if "arrival" in each["what"])
    frame = run.table("ArrivalTaken")
    assert frame.height == 3
    for row in frame.iter_rows(named=True):
        market = run.inputs.markets[row["instrument"]]
        book = next(each for each in at["books"] if each["venue"] == market.name)
        assert Decimal(book["bid"]) == row["bid_px"] * market.tick
        assert Decimal(book["ask"]) == row["ask_px"] * market.tick
        assert Decimal(at["limits"][market.name]) == row["limit_px"] * market.tick


def slow_book(events: np.ndarray, instrument: int, seen: int) -> dict[str, dict[int, int]]:
    """Apply records one by one: kinds 1 level, 4 clear, 6 live, 7 gap."""
    sides: dict[str, dict[int, int]] = {"bid": {}, "ask": {}}
    is_live = False
    for event in events[:seen]:
        if int(event["instrument"]) != instrument:
            continue
        kind = int(event["kind"])
        if kind == 1:
            side = sides["ask" if int(event["flags"]) & 1 else "bid"]
            side[int(event["price"])] = int(event["qty_e8"])
            if not side[int(event["price"])]:
                del side[int(event["price"])]
        elif kind == 4:
            sides, is_live = {"bid": {}, "ask": {}}, False
        elif kind in (6, 7):
            is_live = kind == 6
    return sides if is_live else {"bid": {}, "ask": {}}


def test_best_depth_and_cost_to_take_are_what_a_slow_book_says(
    run: tr.Run, decisions: list[dict]
) -> None:
    events = np.frombuffer(run.tape.to_records(), dtype=MARKET_EVENT)
    checked = 0
    for each in decisions:
        for i, book in enumerate(each["books"]):
            market = run.inputs.markets[i]
            sides = slow_book(events, i, each["records_seen"])
            if not book["is_live"]:
                assert not any(sides.values())
                continue
            bid, ask = max(sides["bid"]), min(sides["ask"])
            assert Decimal(book["bid"]) == bid * market.tick
            assert Decimal(book["ask_qty"]) == Decimal(sides["ask"][ask]).scaleb(-8)
            mid = (bid + ask) * market.tick / 2
            multiplier = int(market.terms["contract_multiplier"]) * Decimal("1e-12")
            for name, levels in sides.items():
                total = Decimal(0)
                for ticks, qty_e8 in levels.items():
                    px = ticks * market.tick
                    if abs(px / mid - 1) <= Decimal("0.001"):
                        size = Decimal(qty_e8).scaleb(-8) * multiplier
                        total += size / px if market.is_inverse else size
                assert abs(Decimal(book[f"{name}_depth"]) - total) <= Decimal("1e-8")
                checked += 1
            if "to_take" in book and book["to_take"]["is_enough"]:
                left = Decimal(each["asked"][0]["take"])
                value, whole = Decimal(0), left
                for ticks in sorted(sides["ask"]):
                    px = ticks * market.tick
                    size = Decimal(sides["ask"][ticks]).scaleb(-8) * multiplier
                    size = min(left, size / px if market.is_inverse else size)
                    value, left = value + size * px, left - size
                cost = (value / whole / mid - 1) * 10_000
                assert abs(Decimal(book["to_take"]["cost_bps"]) - cost) < Decimal("1e-4")
                checked += 1
    assert checked > 40


def test_a_taker_pays_what_the_record_shows_at_its_decision(decisions: list[dict]) -> None:
    """An order sent at once is priced within the book that the record shows for its venue."""
    for each in decisions:
        for order in each["sent"]:
            book = next(b for b in each["books"] if b["venue"] == order["venue"])
            if order["time_in_force"] == "immediate_or_cancel":
                assert Decimal(order["price"]) >= Decimal(book["ask"])
            else:
                assert Decimal(order["price"]) < Decimal(book["ask"])


def test_why_a_venue_was_left_out_is_said_in_words(decisions: list[dict]) -> None:
    found = [row for each in decisions for row in each["left_out"]]
    assert {row["reason"] for row in found} == {"dearer", "below_minimum"}
    assert all(row["words"].endswith(".") and row["venue"] for row in found)


def test_a_strategys_own_orders_have_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The shipped quoter trades for itself, beside no parent.
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    quoter = importlib.import_module("strategy_quoter").Quoter()
    run = tr.run(
        EXAMPLE,
        strategy=quoter,
        set={"data.recording": None, "parent": None, "synthetic.duration": "10s"},
        out=tmp_path,
    )
    told = tca.record(run)
    assert [parent["parent_id"] for parent in told["parents"]] == [0]
    sent = [o for each in told["parents"][0]["decisions"] for o in each["sent"]]
    assert len(sent) == run.table("OrderSent").height > 0


def test_what_a_program_noted_and_why_it_was_stopped_are_decisions(run: tr.Run) -> None:
    at = {"seq": 6, "ts_ns": run.table("SliceStarted")["ts_ns"][0], "parent_id": 1}
    more = {
        "ProgramNoted": [at | {"label": 2, "value": -5}],
        "ProgramStopped": [at | {"trap": 3, "statement": 17, "fuel_used": 99, "reason": 3006}],
    }

    class Told:
        inputs, core, tape, journal = run.inputs, run.core, run.tape, run.journal

        def table(self, name: str) -> pl.DataFrame:
            return pl.DataFrame(more[name]) if name in more else run.table(name)

    told = tca.record(Told())["parents"][0]["decisions"]
    found = next(each for each in told if each["seq"] == 6)
    assert found["what"][-2:] == ["stopped", "noted"]
    assert found["noted"] == [{"label": 2, "value": -5}]
    stopped = found["stopped"][0]
    assert (stopped["trap"], stopped["statement"], stopped["fuel_used"]) == (3, 17, 99)
    assert stopped["words"] == run.inputs.reasons[3006][1]


@pytest.mark.parametrize("wrong", [{"parent_id": 9}, {"within_bp": 0.0}, {"within_bp": -1.0}])
def test_a_record_of_nothing_is_refused(run: tr.Run, wrong: dict) -> None:
    with pytest.raises(InputError):
        tca.record(run, **wrong)


# Books and sequences


def event(at: int, kind: int, price: int, qty: int, flags: int, instrument: int) -> tuple:
    return (at, at, price, qty, at, instrument, kind, flags, 0)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 7]),
        st.integers(95, 105),
        st.integers(0, 5),
        st.integers(0, 1),
        st.integers(0, 1),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.lists(st.integers(0, 60), max_size=6))
def test_a_book_at_a_place_is_the_cores_book_over_all_before_it(
    rows: list[tuple], places: list[int]
) -> None:
    """What was dropped on the way never mattered, in rising order and back again."""
    events = [
        event(at, kind, price, qty if kind in (1, 2, 3) else 0, flags, i)
        for at, (kind, price, qty, flags, i) in enumerate(rows)
    ]
    records = np.array(events, dtype=MARKET_EVENT)
    books = Books(_core.Tape.from_records(records.tobytes(), 0))
    for seen in places:
        for i in (0, 1):
            whole = _core.Tape.from_records(records[:seen].tobytes(), 0)
            slow = pl.DataFrame(_core.depth(whole, i, FOREVER, ALL))
            found = books.at(i, seen)
            assert found.height == slow.height
            assert not found.height or found.equals(slow)


def test_what_was_seen_is_what_the_journal_says_came_before(run: tr.Run) -> None:
    """No record of the tape is later than the decision, and the next one is not sooner."""
    received = Books(run.tape).received_ns
    seen = Seen(run.journal, received)
    before = 0
    frame = run.table("OrderUpdated").sort("seq")
    for row in frame.iter_rows(named=True):
        place = seen.at(row["seq"], row["ts_ns"])
        assert place >= before
        assert received[place - 1] <= row["ts_ns"]
        assert place == len(received) or received[place] >= row["ts_ns"]
        before = place
    assert seen.at(0, 0) == 0
