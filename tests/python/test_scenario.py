"""`tiderace scenario`, `controls` and `journal`: what they print, and with which status they end."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from face import ROOT

import tiderace as tr
from tiderace import _scenario

VENUE = {
    "start": "2026-01-01T00:00:00Z",
    "assets": [{"asset": "USDC", "decimals": 6}],
    "instruments": [
        {
            "symbol": "P",
            "kind": "perpetual",
            "style": "linear",
            "base": "BTC",
            "settle": "USDC",
            "tick_size": "0.5",
            "lot_size": "0.01",
            "contract_multiplier": "1",
        }
    ],
    "accounts": [
        {"account": "alice", "balances": {"USDC": "1000"}},
        {"account": "bob", "balances": {"USDC": "1000"}},
    ],
}


def order(cl_ord_id: str, **more: object) -> dict[str, object]:
    plain = {"account": "alice", "symbol": "P", "side": "buy", "order_qty": "1", "price": "100"}
    return {"do": "new_order", "cl_ord_id": cl_ord_id} | plain | more


def expect_new(cl_ord_id: str) -> dict[str, object]:
    return {"expect": "report", "account": "alice", "cl_ord_id": cl_ord_id, "exec_type": "new"}


GOOD = [order("a"), expect_new("a"), {"expect": "end"}]
FAILING = [order("a"), expect_new("b")]
BAD = [order("a", price=100)]


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    for name, lines in {"good": GOOD, "failing": FAILING, "bad": BAD}.items():
        text = "\n".join(json.dumps(line) for line in [{"venue": VENUE}, *lines])
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


def tiderace(*arguments: str, say: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tiderace", *arguments]
    return subprocess.run(command, input=say, capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_story_that_holds_ends_with_0_and_one_that_does_not_with_1(stories: Path) -> None:
    good = tiderace("scenario", str(stories / "good.jsonl"), "--strict", "--crash-everywhere")
    assert (good.returncode, good.stdout.strip()) == (0, "1 passed, 0 failed, 0 bad")
    failing = tiderace("scenario", str(stories / "failing.jsonl"))
    assert failing.returncode == 1
    assert "failing.jsonl:3: failed" in failing.stdout
    assert "wanted" in failing.stdout


def test_a_bad_file_ends_with_2_and_names_file_line_key_and_remedy(stories: Path) -> None:
    done = tiderace("scenario", str(stories))
    assert done.returncode == 2
    assert "bad.jsonl:2: price: 100 is not a string; write it as a string" in done.stderr
    assert "1 passed, 1 failed, 1 bad" in done.stdout


def test_json_is_one_object_a_file_and_line(stories: Path) -> None:
    done = tiderace("scenario", "--json", str(stories))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(row["file"]).stem for row in rows] == ["bad", "failing", "good"]
    assert all(set(row) == {"file", "passed", "line", "wanted", "got"} for row in rows)
    bad, failing, good = rows
    assert (good["passed"], good["line"]) == (True, None)
    assert (failing["passed"], failing["line"], failing["wanted"]) == (False, 3, FAILING[1])
    assert failing["got"][0]["cl_ord_id"] == "a"
    assert (bad["line"], bad["got"]["key"]) == (2, "price")


def test_a_path_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert tiderace("scenario", str(tmp_path / "absent")).returncode == 2
    assert tiderace("scenario", str(tmp_path)).returncode == 2


def test_every_control_names_its_reasons_and_articles() -> None:
    done = tiderace("controls", "--json")
    found = json.loads(done.stdout)
    reasons = {row[1] for row in tr._core.reasons()}
    assert found["controls"]
    assert all(set(row["reasons"]) <= reasons and row["does"] for row in found["controls"])
    keys = {row["key"] for row in found["articles"]}
    assert all(set(row["answers"]) <= keys for row in found["controls"])
    assert "Controls" in tiderace("controls").stdout


def journal_of(folder: Path) -> str:
    with tr.Venue(VENUE, journal=folder) as venue:
        for row in range(3):
            venue.say(order(f"a{row}"))
    return str(folder)


def test_a_journal_is_checked_shown_and_proved(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "journal")
    found = _scenario.check(journal)
    # The genesis, three names, three orders.
    assert (found["records"], found["tail"], found["torn_offset"]) == (7, "whole", None)
    assert _scenario.stat(journal)[0]["first_seq"] == 0
    rows = list(_scenario.cat(journal, first=1, end=None))
    assert [row["kind"] for row in rows] == [2, 201] * 3
    seed = tmp_path / "seed"
    seed.write_bytes(bytes(range(32)))
    seed.chmod(0o600)
    proof = tiderace(
        "journal", "prove", journal, "2", "--key", "venue.example", "--seed", str(seed)
    )
    (tmp_path / "proof").write_text(proof.stdout)
    (tmp_path / "keys").write_text(proof.stderr)
    shown = _scenario.verify(str(tmp_path / "proof"), keys=str(tmp_path / "keys"))
    assert (shown["seq"], shown["kind"]) == (2, 201)
    assert shown["payload"] == rows[1]["payload"]
    changed = proof.stdout.replace("index 2", "index 3")
    (tmp_path / "proof").write_text(changed)
    with pytest.raises(tr.JournalError):
        _scenario.verify(str(tmp_path / "proof"), keys=str(tmp_path / "keys"))


def test_a_damaged_journal_is_named_and_only_repaired_on_request(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "journal")
    segment = next(Path(journal).glob("*.seg"))
    (at,) = _scenario.cat(journal, first=5, end=6)
    whole = bytearray(segment.read_bytes())
    place = whole.index(bytes.fromhex(at["payload"]))
    whole[place] ^= 1
    segment.write_bytes(whole)
    with pytest.raises(tr.JournalError, match=segment.name):
        _scenario.check(journal)
    with pytest.raises(tr.JournalError):
        tr.Venue(VENUE, journal=journal)
    # What holds before the damage is shown, and then what does not.
    rows = _scenario.cat(journal, first=3, end=None)
    assert [next(rows)["seq"], next(rows)["seq"]] == [3, 4]
    with pytest.raises(tr.JournalError, match=segment.name):
        next(rows)
    done = _scenario.repair(journal, discard_from=3)
    assert done["next_seq"] == 3
    assert _scenario.check(journal)["records"] == 3
    assert tiderace("journal", "check", journal).returncode == 0


def test_records_come_in_pieces_and_from_the_first_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_of(tmp_path / "journal")
    monkeypatch.setattr(_scenario, "_ROWS_AT_ONCE", 2)
    rows = [row["seq"] for row in _scenario.cat(journal, first=0, end=None)]
    assert rows == list(range(7))
    assert [row["seq"] for row in _scenario.cat(journal, first=1, end=6)] == [1, 2, 3, 4, 5]
    assert list(_scenario.cat(journal, first=6, end=3)) == []
    assert list(_scenario.cat(journal, first=2**64 - 1, end=None)) == []


def test_what_is_no_journal_key_or_sequence_is_an_input_error(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "journal")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for words in [
        ["check", str(tmp_path / "empty")],
        ["stat", str(tmp_path / "empty")],
        ["repair", str(tmp_path / "empty"), "--discard-from", "0"],
        ["cat", journal, "--from", str(2**64)],
        ["repair", journal, "--discard-from", str(2**64)],
        ["prove", journal, str(2**64), "--key", "a.example", "--seed", "seed"],
        ["verify", str(tmp_path / "bytes"), "--keys", str(tmp_path / "bytes")],
    ]:
        done = tiderace("journal", *words)
        assert done.returncode == 2, words
        assert "--debug" not in done.stderr, words
    assert not list((tmp_path / "empty").iterdir())


def test_a_date_of_toml_is_told_by_the_rule_of_a_time(tmp_path: Path) -> None:
    for written in ["2026-01-01", "10:00:00", "2026-01-01T00:00:00"]:
        config = tmp_path / "venue.toml"
        config.write_text(f"start = {written}\nassets = []\ninstruments = []\naccounts = []\n")
        done = tiderace("venue", str(config))
        assert done.returncode == 2
        assert "is not a time; write" in done.stderr or "is not a time. " in done.stderr


def test_a_venue_answers_lines_and_ends_with_its_input(tmp_path: Path) -> None:
    lines = [order("a"), order("b", account="bob", side="sell"), {"do": "dance"}]
    say = "\n".join(json.dumps(line) for line in lines) + "\n"
    config = str(ROOT / "examples" / "venue.toml")
    say = say.replace('"P"', '"BTC-PERP"')
    done = tiderace("venue", config, "--journal", str(tmp_path / "journal"), say=say)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row.get("event") for row in rows[:5]] == [
        "report",
        "report",
        "trade",
        "report",
        "report",
    ]
    assert "dance" in rows[-1]["error"]["message"]
    again = tiderace(
        "venue", config, "--journal", str(tmp_path / "journal"), say=say.split("\n")[0]
    )
    assert json.loads(again.stdout)["reason"] == "duplicate_cl_ord_id"


def test_a_venue_that_is_interrupted_leaves_a_whole_journal(tmp_path: Path) -> None:
    journal = str(tmp_path / "journal")
    config = str(ROOT / "examples" / "venue.toml")
    process = subprocess.Popen(
        [sys.executable, "-m", "tiderace", "venue", config, "--journal", journal],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(json.dumps(order("a", symbol="BTC-PERP")) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["exec_type"] == "new"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == "stopped: the journal is whole\n"
    found = _scenario.check(journal)
    assert (found["records"], found["tail"]) == (3, "whole")
