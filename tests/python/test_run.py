"""Runs and replays on our own venue: tables, folders, digests, strategies, interruption."""

import json
import os
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from face import EXAMPLE, ROOT, SMALL, no_data  # noqa: F401

import tiderace as tr
from tiderace import _core, _genesis, _run
from tiderace.errors import core_errors


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tr.Run:
    return tr.run(EXAMPLE, set=SMALL, out=tmp_path_factory.mktemp("out"))


def small(
    tmp_path: Path, strategy: tr.Strategy | None = None, changes: dict[str, Any] | None = None
) -> tr.Run:
    return tr.run(EXAMPLE, set={**SMALL, **(changes or {})}, out=tmp_path, strategy=strategy)


def test_a_run_has_the_figures_that_json_promises(done: tr.Run) -> None:
    keys = "filled_qty avg_px slippage_bps fees basis by_venue digest events elapsed_s synthetic"
    for key in [*keys.split(), "run_dir", "journal"]:
        assert key in done.summary, key
    benchmarks = {"arrival", "vwap", "twap", "pwp", "close"}
    assert set(done.summary["slippage_bps"]) == benchmarks
    for key in ("filled_qty", "avg_px", "fees", "basis"):
        assert isinstance(done.summary[key], str)
    assert done.summary["synthetic"] is True
    assert Decimal("0.9") < Decimal(done.summary["filled_qty"]) <= 1
    json.dumps(done.summary)


def test_tables_are_in_the_words_of_people(done: tr.Run) -> None:
    fills = done.fills.to_polars()
    assert set(fills["side"]) == {"buy"}
    assert fills["exposure"].dtype.scale == 8  # type: ignore[attr-defined]
    assert sum(fills["exposure"]) == Decimal(done.summary["filled_qty"])
    assert all(price > 60_000 for price in fills["last_px"])
    assert set(fills["venue"]) <= {"binance-spot", "binance-usdm", "binance-coinm"}
    assert done.slices.to_polars().height == 5
    assert done.parents.to_polars()["status"][-1] in ("completed", "expired")
    assert {"new", "filled"} <= set(done.orders.to_polars()["ord_status"])
    for table in (done.fills, done.orders, done.parents, done.slices, done.refusals):
        assert "<" in table._repr_html_()
        assert len(table) == table.to_polars().height
    assert "synthetic" in done._repr_html_()


def test_a_run_folder_holds_journal_and_description(done: tr.Run) -> None:
    assert sorted(path.name for path in done.dir.iterdir()) == ["journal", "run.json"]
    described = json.loads((done.dir / "run.json").read_text())
    assert described["status"] == "completed"
    assert described["digest"] == done.summary["digest"]


def test_the_report_is_one_file_that_says_synthetic(done: tr.Run) -> None:
    path = done.report()
    assert path == done.dir / "report.html"
    assert "synthetic" in path.read_text().lower()
    path.unlink()


def test_twice_the_same_digest_and_another_seed_another(tmp_path: Path, done: tr.Run) -> None:
    assert small(tmp_path).summary["digest"] == done.summary["digest"]
    assert small(tmp_path, changes={"run.seed": 99}).summary["digest"] != done.summary["digest"]


def test_a_replay_has_the_digest_and_the_tables(done: tr.Run) -> None:
    again = tr.replay(done.dir)
    assert again.summary["digest"] == done.summary["digest"]
    assert again.fills.to_polars().equals(done.fills.to_polars())
    assert tr.replay(done.journal).dir == done.dir


def test_a_flipped_byte_is_found_and_its_offset_named(tmp_path: Path) -> None:
    run = small(tmp_path)
    whole = run.journal.read_bytes()
    for offset in range(9, len(whole), len(whole) // 7):
        run.journal.write_bytes(
            whole[:offset] + bytes([whole[offset] ^ 0x20]) + whole[offset + 1 :]
        )
        with pytest.raises((tr.JournalError, tr.ReplayError)) as caught:
            tr.replay(run.dir)
        assert any(c.isdigit() for c in str(caught.value))


def test_figures_of_a_replay_come_from_the_journal_alone(tmp_path: Path) -> None:
    run = small(tmp_path)
    path = run.dir / "run.json"
    described = json.loads(path.read_text())
    assert "config" not in described, "the journal holds it, under its hashes"
    liar = {
        "config": {"route": {"usd_per": {"USDT": "2"}}},
        "status": "failed",
        "name": "other",
        "synthetic": False,
    }
    path.write_text(json.dumps(described | liar))
    again = tr.replay(run.dir)
    same = ("elapsed_s",)
    for key in run.summary.keys() - set(same):
        assert again.summary[key] == run.summary[key], key
    assert again.config == run.config
    path.unlink()
    assert tr.replay(run.dir).summary["digest"] == run.summary["digest"]


def test_a_journal_without_its_config_is_of_another_build(tmp_path: Path) -> None:
    run = small(tmp_path)
    genesis = json.loads(run._core.genesis)
    genesis["recording"] = genesis["recording"]["files"]
    journal = tmp_path / "old" / "journal"
    journal.parent.mkdir()
    core = _core.Run(_genesis.to_json(genesis), run.books.tape, journal=str(journal))
    core.run()
    with pytest.raises(tr.JournalError, match=r"holds no config.*build that wrote it"):
        tr.replay(journal)
    genesis["recording"] = {
        "files": genesis["recording"],
        "config": {"run": {"nome": "x"}},
        "params": {},
    }
    journal.unlink()
    core = _core.Run(_genesis.to_json(genesis), run.books.tape, journal=str(journal))
    core.run()
    with pytest.raises(tr.JournalError, match=r"run\.nome.*build that wrote it"):
        tr.replay(journal)


def test_a_digest_that_is_not_the_journals_is_an_error(tmp_path: Path) -> None:
    run = small(tmp_path)
    path = run.dir / "run.json"
    described = json.loads(path.read_text())
    path.write_text(json.dumps(described | {"digest": "0" * 64}))
    with pytest.raises(tr.ReplayError, match=r"run\.json says digest 0000") as caught:
        tr.replay(run.dir)
    assert str(run.summary["digest"]) in str(caught.value)
    assert caught.value.rule
    assert caught.value.remedy


def test_what_the_core_says_is_split_into_message_rule_and_remedy(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_bytes(b"nothing")
    with pytest.raises(tr.JournalError) as caught:
        tr.replay(tmp_path)
    error = caught.value.to_dict()
    assert error["message"] == "offset 0: not a journal (its first bytes are not TIDERACE)"
    assert error["rule"] == "A journal is read as it was written, byte for byte"
    assert error["remedy"] == "Name a journal file"
    run = small(tmp_path / "out")
    whole = bytearray(run.journal.read_bytes())
    whole[len(whole) // 2] ^= 1
    run.journal.write_bytes(whole)
    with pytest.raises((tr.JournalError, tr.ReplayError)) as found:
        tr.replay(run.dir)
    assert found.value.message.startswith("offset ")
    assert "does not hold" in found.value.rule
    assert found.value.remedy == "Restore the file from a copy"


def test_every_error_of_the_core_has_rule_and_remedy() -> None:
    for kind in (_core.ConfigError, _core.DataError, _core.JournalError, _core.ReplayError):
        with pytest.raises(tr.Fault) as caught, core_errors():
            raise kind("x is 3")
        assert caught.value.message == "x is 3"
        assert caught.value.rule
        assert caught.value.remedy


def test_a_journal_cut_short_is_an_error_where_run_json_says_completed(tmp_path: Path) -> None:
    run = small(tmp_path)
    whole = run.journal.read_bytes()
    for size in (len(whole) - 40, len(whole) - 1):
        run.journal.write_bytes(whole[:size])
        with pytest.raises(tr.JournalError, match=r"ends at offset [0-9]+") as caught:
            tr.replay(run.dir)
        assert caught.value.rule
        assert caught.value.remedy


def test_a_journal_of_a_process_that_died_replays_as_unfinished(tmp_path: Path) -> None:
    run = small(tmp_path)
    run.journal.write_bytes(run.journal.read_bytes()[:-1])
    path = run.dir / "run.json"
    described = json.loads(path.read_text())
    for status in ("running", "failed"):
        path.write_text(json.dumps(described | {"status": status, "digest": None}))
        again = tr.replay(run.dir)
        assert again.status == again.summary["run_status"] == "unfinished"
        assert again.core["is_sealed"] is False
    path.unlink()
    assert tr.replay(run.journal).status == "unfinished"


def test_what_is_no_run_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(tr.InputError, match="not a run folder"):
        tr.replay(tmp_path)
    with pytest.raises(tr.InputError, match="not a run folder"):
        tr.replay(tmp_path / "absent")


def test_bad_input_leaves_no_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for changes in ({"parent.limit": "0"}, {"synthetic.duration": "360d"}):
        with pytest.raises(tr.InputError):
            small(out, changes=changes)
    assert not out.exists() or not list(out.iterdir())


def test_a_venue_without_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "data" / "binance_btc_3books_raw_ws").mkdir(parents=True)
    with pytest.raises(tr.InputError, match=r"binance-spot:BTCUSDT.*has no data"):
        tr.run(EXAMPLE, data=tmp_path / "data", out=tmp_path / "out")
    with pytest.raises(tr.InputError, match="not a folder"):
        tr.run(EXAMPLE, data=tmp_path / "absent", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_recording_is_a_data_error(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "binance_btc_3books_raw_ws"
    folder.mkdir(parents=True)
    for name in ("spot_btcusdt_1", "usdm_btcusdt_1", "cm_btcusd_perp_1"):
        (folder / f"{name}.raw.gz").write_bytes(b"")
    with pytest.raises(tr.DataError):
        tr.run(EXAMPLE, data=tmp_path / "data", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_data_the_run_says_synthetic(tmp_path: Path) -> None:
    run = small(tmp_path, changes={"data.recording": "absent"})
    assert "synthetic" in run.books.note
    (market,) = run.inputs.provenance["recording"]
    assert market == "Tiderace's own venue, seeded order flow, seed 7"
    assert market.replace("'", "&#x27;") in run.report().read_text()


def test_a_replay_makes_the_market_of_our_own_venue_again(done: tr.Run) -> None:
    again = tr.replay(done.dir)
    records = [run._core.tape.to_records() for run in (done, again)]
    assert records[0] == records[1]
    assert again.inputs.trades.equals(done.inputs.trades)


def test_the_order_moves_the_market_that_it_trades_on(tmp_path: Path) -> None:
    changes = {"parent.order_qty": "30", "parent.limit": "0.01"}
    with_order = small(tmp_path, changes=changes)
    without = small(tmp_path, changes={"parent": None})
    assert Decimal(with_order.summary["filled_qty"]) > 25
    last = [run.inputs.quotes["ask_px"].to_list()[-3:] for run in (with_order, without)]
    assert last[0] > last[1]


def test_a_file_in_the_way_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(tr.StorageError, match="cannot be written"):
        small(tmp_path / "out")


def test_ctrl_c_leaves_a_journal_that_replays_to_where_it_stopped(tmp_path: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what == "running" and 0 < done < total:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(tr.Interrupted) as caught:
        tr.run(
            EXAMPLE,
            set={**SMALL, "synthetic.duration": "10m"},
            out=tmp_path,
            progress=interrupt,
        )
    assert "tiderace replay" in str(caught.value)
    (folder,) = tmp_path.iterdir()
    described = json.loads((folder / "run.json").read_text())
    assert described["status"] == "interrupted"
    assert not (folder / "report.html").exists()
    again = tr.replay(folder)
    assert again.core["interrupted"] is True
    assert again.core["digest"] == described["digest"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Recorder(tr.Strategy):
    """Uses every callback and every method once or more."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}
        self.orders: list[int] = []

    def count(self, name: str) -> None:
        self.seen[name] = self.seen.get(name, 0) + 1

    def on_start(self) -> None:
        self.count("start")
        self.set_timer(7, after="2s")

    def on_book(self, book: tr.BookView) -> None:
        self.count("book")
        if book.is_live and book.bid_px is not None and book.ask_px is not None:
            assert book.bid_px < book.ask_px

    def on_trade(self, trade: tr.MarketTrade) -> None:
        self.count("trade")
        assert self.price(trade.instrument, trade.price) > 0

    def on_timer(self, timer_id: int) -> None:
        self.count("timer")
        assert timer_id == 7
        best = self.best("binance-spot")
        assert best is not None
        assert best.bid_px < best.mid < best.ask_px
        buy = self.submit_order(
            "binance-spot",
            side="buy",
            order_qty="0.05",
            price=best.ask_px + 10,  # the book moves while the order is on its way
            time_in_force="IOC",
        )
        rest = self.submit_order(
            "binance-usdm",
            side="sell",
            order_qty=Decimal("0.01"),
            price=tr.Ticks(630_000),
            post_only=True,
        )
        self.orders += [buy, rest]
        with pytest.raises(TypeError, match="Decimal"):
            self.submit_order("binance-spot", side="buy", order_qty=0.1, price="1")  # type: ignore[arg-type]
        with pytest.raises(tr.InputError, match="Known"):
            self.submit_order("kraken", side="buy", order_qty="1")
        with pytest.raises(tr.InputError, match="buy, sell"):
            self.submit_order("binance-spot", side="long", order_qty="1")  # type: ignore[arg-type]
        self.set_timer(7, at_ns=self.now_ns + 10**12)

    def on_fill(self, fill: tr.OwnFill) -> None:
        self.count("fill")
        assert self.exposure(fill) == self.qty(fill.instrument, fill.last_qty)
        assert self.position("binance-spot") > 0
        self.replace(self.orders[1], "binance-usdm", order_qty="0.02", price="62900")

    def on_order(self, update: tr.OrderUpdate) -> None:
        self.count(update["ord_status"])

    def on_stop(self) -> None:
        self.count("stop")


def test_a_strategy_sees_and_does_everything(tmp_path: Path) -> None:
    strategy = Recorder()
    run = small(tmp_path, strategy, changes={"parent": None})
    assert strategy.seen["start"] == strategy.seen["stop"] == strategy.seen["timer"] == 1
    assert strategy.seen["book"] > 100
    assert strategy.seen["trade"] > 10
    assert strategy.seen["fill"] == run.fills.to_polars().height > 0
    assert run.summary["filled_qty"] == "0.05"
    again = tr.replay(run.dir)
    assert again.summary["digest"] == run.summary["digest"]
    _run.rerun(again, Recorder())


def test_a_strategy_that_does_otherwise_is_named_by_its_first_sequence(tmp_path: Path) -> None:
    class Other(Recorder):
        def on_timer(self, timer_id: int) -> None:
            del timer_id
            self.submit_order("binance-spot", side="sell", order_qty="0.05")

    run = small(tmp_path, Recorder(), changes={"parent": None})
    with pytest.raises(tr.ReplayError, match=r"sequence [0-9]+"):
        _run.rerun(tr.replay(run.dir), Other())


def test_a_strategy_submits_parents(tmp_path: Path) -> None:
    class Parent(tr.Strategy):
        def on_start(self) -> None:
            ids = [
                self.submit_parent(
                    side=side, order_qty="0.3", duration="5s", limit="0.01", slices=3
                )
                for side in ("buy", "sell")
            ]
            assert ids == [2, 3]

    run = small(tmp_path, Parent(), changes={"parent": None})
    assert set(run.parents.to_polars()["parent_id"]) == {2, 3}
    assert set(run.fills.to_polars()["side"]) == {"buy", "sell"}


def test_a_strategy_that_raises_stops_the_run_and_marks_it(tmp_path: Path) -> None:
    class Broken(tr.Strategy):
        def on_start(self) -> None:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        small(tmp_path, Broken())
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "run.json").read_text())["status"] == "failed"


def test_outside_a_run_a_strategy_says_so() -> None:
    with pytest.raises(tr.RunFailed, match="not in a run"):
        Recorder().best("binance-spot")


def test_only_overridden_callbacks_are_called() -> None:
    assert tr.Strategy()._callbacks == ()
    assert "on_book" in Recorder()._callbacks


@pytest.mark.parametrize(
    ("module", "name"), [("strategy_twap", "OutsideTwap"), ("strategy_quoter", "Quoter")]
)
def test_the_examples_trade_and_replay(
    module: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")
    path = ROOT / "examples" / f"{module}.py"
    assert len(path.read_text().splitlines()) < 80
    strategy = getattr(__import__(module), name)()
    run = small(tmp_path, strategy, changes={"parent": None, "synthetic.duration": "4m"})
    assert run.fills.to_polars().height > 10
    assert tr.replay(run.dir).summary["digest"] == run.summary["digest"]
