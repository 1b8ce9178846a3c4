"""Conditions: they check, stories send the programs that they name, and all ways agree."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from face import EXAMPLE, SMALL, no_data  # noqa: F401

import tiderace as tr
from tiderace._programs.conditions import CONDITION_HOSTS

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples" / "programs"
STORIES = sorted((ROOT / "tests" / "scenarios" / "conditional").glob("*.jsonl"))


def core(path: Path) -> str:
    """Return the form in hex, without its debug section."""
    form = tr.program.load(path).ir
    (length,) = struct.unpack("<I", form[6:10])
    return form[: 10 + length].hex()


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_sends_the_program_that_it_names(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line.get("do") == "conditional" and line["form"] != "00":
            whole = core(ROOT / line["program"])
            if "TIDERACE_WRITE_GOLDEN" in os.environ:
                line["form"] = whole
            assert line["form"] == whole
    if "TIDERACE_WRITE_GOLDEN" in os.environ:
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_the_form_that_the_tests_of_the_core_send_is_that_of_its_source() -> None:
    golden = ROOT / "tests" / "programs" / "forms" / "busy.hex"
    whole = core(ROOT / "tests" / "programs" / "conditions" / "busy.py")
    if "TIDERACE_WRITE_GOLDEN" in os.environ:
        golden.write_text(whole + "\n", encoding="utf-8")
    assert golden.read_text(encoding="utf-8").strip() == whole


def answer(values: dict[str, Any]) -> Any:
    """Return a host that says what it is told."""

    def host(name: str, *args: Any) -> Any:
        told = values[name]
        for arg in args:
            told = told[arg]
        return told

    return host


CALLS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("when_index_falls", {"fall": 30_000_000}, {"index": [10_000]}, False),
    ("when_vol_rises", {"vol": 650_000_000}, {"vol": [650_000_001]}, True),
    ("when_vol_rises", {"vol": 650_000_000}, {"vol": [0]}, False),
    ("when_delta_leaves", {"band": 6}, {"position": [2, 10], "delta": [0, 5 * 10**11]}, True),
    ("when_delta_leaves", {"band": 7}, {"position": [2, 10], "delta": [0, 5 * 10**11]}, False),
    (
        "when_delta_leaves",
        {"band": 6, "side": -1},
        {"position": [-2, -10], "delta": [0, 5 * 10**11]},
        True,
    ),
    ("when_spread_widens", {"spread": 5}, {"best": [(15, 9)], "mark": [12]}, True),
    ("when_spread_widens", {"spread": 6}, {"best": [(15, 9)], "mark": [12]}, False),
    ("when_spread_widens", {"spread": 5}, {"best": [(15, 9)], "mark": [16]}, False),
    ("when_spread_widens", {"spread": 5}, {"best": [(15, 0)], "mark": [12]}, False),
]


@pytest.mark.parametrize(("name", "params", "values", "is_due"), CALLS)
def test_plain_python_machine_code_and_interpreter_agree(
    name: str, params: dict[str, Any], values: dict[str, Any], is_due: bool
) -> None:
    made = tr.program.load(EXAMPLES / f"{name}.py")
    ways = [made.run_python, made.run_compiled, made.run_interpreted]
    ended = [way(fuel=2_000, entry="is_due", params=params, host=answer(values)) for way in ways]
    assert ended[0] == ended[1] == ended[2]
    assert ended[0][0] is is_due


def test_the_index_at_entry_is_kept_in_the_state() -> None:
    made = tr.program.load(EXAMPLES / "when_index_falls.py")
    ends = []
    for way in (made.run_python, made.run_compiled, made.run_interpreted):
        state, seen = made.new_state(), []
        for index in (0, 10_000, 9_701, 12_000, 9_700):
            words: dict[str, Any] = {"fuel": 2_000, "entry": "is_due", "state": state}
            seen.append(way(params={"fall": 30_000_000}, host=answer({"index": [index]}), **words))
        ends.append((seen, made.read_state(state)))
    assert ends[0] == ends[1] == ends[2]
    assert [due for due, _ in ends[0][0]] == [False, False, False, False, True]
    assert ends[0][1] == {"entry": 10_000}


VENUE = {
    "start": "2026-01-01T00:00:00Z",
    "assets": [{"asset": "USDC", "decimals": 6}],
    "instruments": [
        {
            "symbol": "BTC-PERP",
            "kind": "perpetual",
            "style": "linear",
            "base": "BTC",
            "settle": "USDC",
            "tick_size": "0.5",
            "lot_size": "0.001",
            "contract_multiplier": "1",
        }
    ],
    "accounts": [
        {"account": "alice", "balances": {"USDC": "1000000"}},
        {"account": "bob", "balances": {"USDC": "1000000"}},
    ],
}
SELL: dict[str, Any] = {"account": "alice", "side": "sell", "order_qty": "0.5", "price": "59000"}
FALLS = EXAMPLES / "when_index_falls.py"
WIDENS = EXAMPLES / "when_spread_widens.py"


def index(venue: tr.Venue, price: str) -> list[dict[str, Any]]:
    return venue.say({"do": "index", "base": "BTC", "price": price})


def test_an_order_waits_at_the_venue_and_enters_when_its_program_says() -> None:
    with tr.Venue(VENUE) as venue:
        index(venue, "60000")
        venue.new_order(
            "BTC-PERP", account="bob", cl_ord_id="b", side="buy", order_qty="1", price="59000"
        )
        (accepted,) = venue.conditional(
            "BTC-PERP", when=FALLS, cl_ord_id="c", params={"fall": 20_000_000}, **SELL
        )
        assert (accepted["event"], accepted["what"]) == ("condition", "accepted")
        assert venue.order("c", account="alice") is None
        assert index(venue, "58801") == []
        events = index(venue, "58800")
        assert [event["event"] for event in events] == ["condition", "report", "trade"] + 2 * [
            "report"
        ]
        assert (events[0]["cl_ord_id"], events[0]["what"]) == ("c", "triggered")
        assert events[-1]["ord_status"] == "filled"
        assert venue.position("alice", "BTC-PERP")["qty"] == "-0.5"


def test_a_condition_outlives_its_process_with_what_it_saw(tmp_path: Path) -> None:
    with tr.Venue(VENUE, journal=tmp_path / "j") as venue:
        index(venue, "60000")
        venue.conditional("BTC-PERP", when=tr.program.load(FALLS), cl_ord_id="c", **SELL)
        index(venue, "61000")
    with tr.Venue(VENUE, journal=tmp_path / "j") as venue:
        assert index(venue, "58201") == []
        events = index(venue, "58200")
        assert [event.get("what") for event in events] == ["triggered", None]


def test_a_condition_is_taken_back_by_its_key_or_ends_at_its_time() -> None:
    with tr.Venue(VENUE) as venue:
        index(venue, "60000")
        venue.conditional("BTC-PERP", when=FALLS, cl_ord_id="c", **SELL)
        (gone,) = venue.cancel("c", account="alice")
        assert (gone["what"], gone["reason"]) == ("canceled", "canceled_by_user")
        until = "2026-01-01T00:01:00Z"
        venue.conditional("BTC-PERP", when=FALLS, cl_ord_id="d", until=until, every="5s", **SELL)
        (ended,) = venue.advance(by="60s")
        assert (ended["what"], ended["reason"]) == ("expired", "time_reached")


def test_a_price_of_a_condition_is_in_the_quote_unit() -> None:
    with tr.Venue(VENUE) as venue:
        venue.say({"do": "mark", "symbol": "BTC-PERP", "price": "60000"})
        quote = SELL | {"price": "60000"}
        venue.conditional("BTC-PERP", when=WIDENS, cl_ord_id="c", params={"spread": "4.5"}, **quote)
        for side, price in (("buy", "59998"), ("sell", "60002.5"), ("buy", "59997")):
            order: dict[str, Any] = {"account": "bob", "side": side, "order_qty": "1"}
            events = venue.new_order("BTC-PERP", cl_ord_id=f"b{price}", price=price, **order)
            assert len(events) == 1
        # The better bid goes, and the spread is 5.5.
        events = venue.cancel("b59998", account="bob")
        assert [event.get("what") for event in events] == [None, "triggered", None]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"when": EXAMPLES / "patient.py"}, "bad_condition"),
        ({"params": {"fall": 0}}, "bad_condition_params"),
        ({"reads": ["ETH-PERP"]}, "unknown_symbol"),
        ({"reads": ["BTC-PERP"] * 9}, "bad_field"),
        ({"every": "1ms"}, "bad_field"),
        ({"until": "2025-12-31T00:00:00Z"}, "expired_on_entry"),
        ({"account": "eve"}, "unknown_account"),
    ],
)
def test_what_the_venue_does_not_take_is_a_refusal(words: dict[str, Any], reason: str) -> None:
    with tr.Venue(VENUE) as venue:
        given: dict[str, Any] = {"when": FALLS, "cl_ord_id": "c"} | SELL | words
        (refused,) = venue.conditional("BTC-PERP", **given)
        assert (refused["exec_type"], refused["reason"]) == ("rejected", reason)


@pytest.mark.parametrize(
    ("words", "error", "what"),
    [
        ({"when": "nothing.py"}, tr.ProgramError, "nothing.py.*cannot be read"),
        ({"params": {"fal": 1}}, tr.InputError, "params.fal.*Known are: fall"),
        ({"params": {"fall": 0.5}}, TypeError, "float"),
        ({"reads": "BTC-PERP"}, TypeError, "list of symbols"),
        ({"every": "often"}, tr.InputError, "every.*is not a duration"),
        ({"terms": {"reads": []}}, tr.InputError, "terms say reads again"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    words: dict[str, Any], error: type[Exception], what: str
) -> None:
    given: dict[str, Any] = {"when": FALLS, "cl_ord_id": "c"} | SELL | words
    with tr.Venue(VENUE) as venue, pytest.raises(error, match=what):
        venue.conditional("BTC-PERP", **given)


def test_the_desk_runs_a_condition_as_an_algorithm(tmp_path: Path) -> None:
    algo = {"parent.algo": str(EXAMPLES / "when_desk.py"), "parent.slices": None}
    acted = {}
    for move in ("0.01", "5000"):
        changed = SMALL | algo | {"parent.move": move}
        run = tr.run(EXAMPLE, set=changed, out=tmp_path)
        acted[move] = run.summary
        assert run.summary["programs_stopped"] == []
    # It waits for the market to move: a hundredth of a basis point does, a half does not.
    assert acted["0.01"]["children"] > 0
    assert acted["0.01"]["status"] == "completed"
    assert acted["5000"]["children"] == 0
    assert acted["5000"]["reason"]["reason"] == "end_reached"


def test_the_table_of_the_guide_is_the_host() -> None:
    text = (ROOT / "docs" / "CONDITION.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ") and "`" in line]
    rows = [row for row in rows if row[1].strip().isdigit()]
    assert [int(row[1]) for row in rows] == list(range(len(CONDITION_HOSTS)))
    for row, host in zip(rows, CONDITION_HOSTS.values(), strict=True):
        assert row[2].strip().startswith(f"`{host.name}(")
        assert row[3].strip().strip("`") == (host.capability or "")


@pytest.mark.parametrize(
    ("capability", "call", "what"),
    [
        ("book:*", "tr.host.position(0) > 0", "needs the capability 'account'"),
        ("account", "tr.host.order_qty() > tr.Amount(0)", "has no function 'order_qty'"),
    ],
)
def test_a_condition_reads_what_its_host_shows(capability: str, call: str, what: str) -> None:
    source = (
        "import tiderace as tr\n\n\n"
        f'@tr.program(capabilities=["{capability}"], meta={{"kind": "condition"}})\n'
        f"class C:\n    def is_due(self) -> bool:\n        return {call}\n"
    )
    with pytest.raises(tr.ProgramError, match=what):
        tr.program.from_source(source, file="c.py")
