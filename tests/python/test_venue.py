"""`tr.Venue`: people, batches, and a journal that brings both back."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from face import ROOT
from test_scenario import VENUE, order

import tiderace as tr
from tiderace import _core, _scenario

EXAMPLE = ROOT / "examples" / "venue.toml"
BUY, SELL = ord("1"), ord("2")


def frame(table: _core.Table) -> pl.DataFrame:
    return pl.DataFrame(table)


def orders(n: int, **columns: object) -> Any:
    rows = tr.Venue.rows(n, kind="new_order")
    given: dict[str, object] = {"cl_ord_id": np.arange(1, n + 1), "order_qty": 100, "price": 200}
    for name, value in (given | columns).items():
        rows[name] = value
    return rows


def test_a_person_trades_in_words() -> None:
    with tr.Venue(EXAMPLE) as venue:
        (new,) = venue.new_order(
            "BTC-PERP", account="alice", cl_ord_id="a1", side="buy", order_qty="0.5", price=60000
        )
        assert (new["exec_type"], new["leaves_qty"]) == ("new", "0.5")
        assert venue.book("BTC-PERP")["bids"] == [["60000", "0.5"]]
        (changed,) = venue.replace("a1", account="alice", cl_ord_id="a2", order_qty=Decimal("0.4"))
        assert changed["exec_type"] == "replaced"
        events = venue.new_order(
            "BTC-PERP",
            account="bob",
            cl_ord_id=7,
            side="sell",
            order_qty="0.1",
            ord_type="market",
            time_in_force="IOC",
        )
        assert [event["event"] for event in events] == ["report", "trade", "report", "report"]
        assert events[-1]["cl_ord_id"] == "7"
        assert venue.position("alice", "BTC-PERP")["qty"] == "0.1"
        assert venue.balance("alice", "USDC")["total"] == "1000000.6"
        found = venue.order("a2", account="alice")
        assert found is not None
        assert found["leaves_qty"] == "0.3"
        assert venue.cancel("a2", account="alice")[0]["exec_type"] == "canceled"
        assert venue.order("a2", account="alice") is None
        now_ns = venue.now_ns
        venue.advance(by="1s")
        assert venue.now_ns == now_ns + 10**9


def test_a_refusal_is_an_event_and_no_exception() -> None:
    with tr.Venue(VENUE) as venue:
        refused = venue.say(order("a", price="100.3"))
        assert [event["reason"] for event in refused] == ["bad_tick"]
        assert "whole number of ticks" in refused[0]["text"]
        assert venue.say(order("a", account="nobody"))[0]["reason"] == "unknown_account"


def test_what_cannot_be_read_is_an_input_error() -> None:
    with tr.Venue(VENUE) as venue:
        with pytest.raises(tr.InputError, match="sid"):
            venue.say({"do": "new_order", "sid": "buy"})
        with pytest.raises(TypeError, match="Decimal"):
            venue.say(order("a", price=100.5))
        with pytest.raises(tr.InputError, match="symbol 'Q'"):
            venue.book("Q")
        with pytest.raises(tr.InputError, match="account 'eve'"):
            venue.position("eve", "P")
        with pytest.raises(tr.InputError, match="no rows of kind 'kill'"):
            venue.dtype("kill")
    with pytest.raises(ValueError, match="closed"):
        venue.digest()
    with pytest.raises(tr.InputError, match="tick"):
        tr.Venue({**VENUE, "instruments": [{**VENUE["instruments"][0], "tick_size": "0"}]})  # type: ignore[dict-item,index]
    with pytest.raises(tr.InputError, match="cannot be read"):
        tr.Venue("absent.toml")


def test_rows_have_the_fields_of_the_journal() -> None:
    names = tr.Venue.dtype("new_order").names
    assert names is not None
    assert names[:4] == ("account", "instrument", "cl_ord_id", "strategy")
    union = tr.Venue.dtype().names
    assert union is not None
    assert union[:5] == ("kind", *names[:4])
    assert "orig_cl_ord_id" in union
    kinds = {name: kind for name, kind, _ in _core.venue_rows()}
    assert kinds == {
        "command": 0,
        "new_order": 201,
        "replace": 202,
        "cancel": 203,
        "cancel_all": 204,
    }


def test_a_batch_does_what_its_rows_say_one_by_one() -> None:
    with tr.Venue(VENUE) as venue:
        batch = orders(4, side=[BUY, SELL, BUY, SELL], account=[0, 1, 0, 1])
        done = venue.apply(batch)
        reports, trades = frame(done.reports), frame(done.trades)
        assert trades["row"].to_list() == [1, 3]
        assert trades["price"].to_list() == [200, 200]
        assert reports["row"].to_list() == [0, 1, 1, 1, 2, 3, 3, 3]
        assert reports["cl_ord_id"].to_list() == [1, 2, 1, 2, 3, 4, 3, 4]
        assert venue.position("alice", "P")["qty"] == "2"


def test_rows_of_many_kinds_name_their_own() -> None:
    with tr.Venue(VENUE) as venue:
        rows = tr.Venue.rows(4)
        rows["kind"] = [201, 202, 203, 204]
        rows["cl_ord_id"] = [1, 2, 0, 0]
        rows["orig_cl_ord_id"] = [0, 1, 2, 0]
        rows["order_qty"] = [100, 50, 0, 0]
        rows["price"] = 200
        rows["fields"] = [0, 2, 0, 0]
        rows["instrument"] = [0, 0, 0, 2**16 - 1]
        rows["side"] = [BUY, BUY, BUY, 0]
        reports = frame(venue.apply(rows).reports)
        assert reports["exec_type"].to_list() == [ord("0"), ord("5"), ord("4")]
        assert reports["order_qty"].to_list() == [100, 50, 50]


def test_a_row_that_holds_no_command_is_refused_like_any_other() -> None:
    codes = {name: code for code, name, _, _ in _core.reasons()}
    wrong: list[tuple[dict[str, object], str]] = [
        ({"side": 0}, "bad_field"),
        ({"time_in_force": 255}, "bad_field"),
        ({"order_qty": -1}, "bad_qty"),
        ({"order_qty": 0}, "bad_qty"),
        ({"price": -5}, "bad_price"),
        ({"account": 99}, "unknown_account"),
        ({"instrument": 99}, "unknown_symbol"),
        ({"cl_ord_id": 0}, "bad_cl_ord_id"),
    ]
    with tr.Venue(VENUE) as venue:
        digest = venue.digest()
        for change, reason in wrong:
            reports = frame(venue.apply(orders(1, **change)).reports)
            assert reports["reason"].to_list() == [codes[reason]], change
        unknown = tr.Venue.rows(1)
        unknown["kind"] = 999
        done = venue.apply(unknown)
        assert len(done.reports) + done.others == 1
        assert venue.digest() == digest


def test_another_array_is_a_type_error() -> None:
    with tr.Venue(VENUE) as venue:
        with pytest.raises(TypeError, match=r"Venue\.dtype"):
            venue.apply(np.zeros(3, dtype=[("price", "<i8")]))
        with pytest.raises(TypeError, match=r"Venue\.dtype"):
            venue.apply(np.zeros(3))


def test_a_line_that_no_journal_holds_is_an_input_error_and_takes_no_number(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with tr.Venue(VENUE, journal=folder) as venue:
        with pytest.raises(tr.InputError, match="a line of"):
            venue.say(order("x" * 2_000_000))
        venue.say(order("a"))
    for snapshot in folder.glob("*.snap"):
        snapshot.unlink()
    with tr.Venue(VENUE, journal=folder) as venue:
        assert venue.order("a", account="alice") is not None
        assert venue.say(order("b"))[0]["exec_type"] == "new"


def test_a_list_is_no_batch() -> None:
    with tr.Venue(VENUE) as venue, pytest.raises(TypeError, match="a batch of list"):
        venue.apply([1])  # type: ignore[arg-type]


def test_arguments_that_would_be_ignored_are_refused() -> None:
    with pytest.raises(tr.InputError, match="sign_with without a journal"):
        tr.Venue(VENUE, sign_with=("venue.example", "seed"))
    with tr.Venue(VENUE) as venue:
        with pytest.raises(tr.InputError, match="terms say account again"):
            venue.new_order(
                venue.symbols[0],
                account="alice",
                cl_ord_id="1",
                side="buy",
                order_qty=1,
                price=1,
                terms={"account": "bob"},
            )
        with pytest.raises(tr.InputError, match="depth -1"):
            venue.book(venue.symbols[0], depth=-1)


def test_a_journal_has_one_venue_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with tr.Venue(VENUE, journal=folder):
        with pytest.raises(tr.JournalError, match="is open elsewhere"):
            tr.Venue(VENUE, journal=folder)
        with pytest.raises(tr.JournalError, match="is open elsewhere"):
            _scenario.repair(str(folder), discard_from=0)
    tr.Venue(VENUE, journal=folder).close()


def test_a_journal_brings_back_words_and_rows_alike(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with tr.Venue(VENUE, journal=folder) as venue:
        venue.say(order("a"))
        venue.apply(orders(3, cl_ord_id=[10, 11, 12]))
        venue.advance(by="5s")
        digest, snapshot, now_ns = venue.digest(), venue.snapshot(), venue.now_ns
    with tr.Venue(VENUE, journal=folder) as venue:
        assert (venue.digest(), venue.snapshot(), venue.now_ns) == (digest, snapshot, now_ns)
        assert venue.order("a", account="alice") is not None
        assert venue.order(11, account="alice") is not None
        assert venue.say(order("a"))[0]["reason"] == "duplicate_cl_ord_id"
        assert (
            venue.replace("a", account="alice", cl_ord_id="b", price="99.5")[0]["price"] == "99.5"
        )
    other = {**VENUE, "accounts": VENUE["accounts"][:1]}  # type: ignore[index]
    with pytest.raises(tr.JournalError, match="another venue"):
        tr.Venue(other, journal=folder)


def test_equal_commands_give_equal_states() -> None:
    def run() -> tuple[str, bytes]:
        with tr.Venue(EXAMPLE) as venue:
            venue.apply(orders(50, side=[BUY, SELL] * 25, price=np.arange(50) % 7 + 120_000))
            return venue.digest(), venue.snapshot()

    assert run() == run()
