"""Algorithms as a person meets them: the host's functions, names, parameters, configs, commands."""

import io
import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from face import EXAMPLE, SMALL
from rich.console import Console

import tiderace as tr
from tiderace import _algos, _show
from tiderace._programs.hosts import HOSTS
from tiderace._programs.words import name_of
from tiderace.errors import ArgumentError, InputError

ROOT = Path(__file__).resolve().parents[2]
FUEL = {"take": 200, "post": 200, "vol": 4, "vol_at_price": 1000}


def contract() -> list[tuple[str, str, str]]:
    """Return the rows of the table in `docs/ALGO.md`: number, signature, capability."""
    text = (ROOT / "docs" / "ALGO.md").read_text(encoding="utf-8")
    return re.findall(r"^\| (\d+) \| `(.*?)` \| `?([a-z:*]*)`? ?\|", text, re.MULTILINE)


def test_the_host_offers_what_the_contract_says_in_its_order() -> None:
    rows = contract()
    assert [int(number) for number, *_ in rows] == list(range(len(HOSTS)))
    acts = list(HOSTS).index("take")
    for (number, signature, capability), function in zip(rows, HOSTS.values(), strict=True):
        name, args, result = re.fullmatch(r"(\w+)\((.*)\) -> (\w+)", signature).groups()
        kinds = [arg.partition(": ")[2] for arg in args.split(", ") if arg]
        assert function.name == name
        assert [name_of(kind).removeprefix("tr.") for kind in function.params] == kinds
        assert name_of(function.result).removeprefix("tr.") == result
        assert (function.capability or "") == capability
        assert function.fuel == (4 if int(number) < acts else FUEL.get(name, 50))


ASKS = """
import tiderace as tr


@tr.program(capabilities=["book:*", "parent", "timer"])
def ask(venue: int) -> int:
    best: tr.Price = tr.host.price(venue, True, 0)
    tr.host.note("best", int(best))
    tr.host.take(tr.host.exposure(venue, tr.Qty(2), best))
    if tr.host.is_buy():
        tr.host.wake(tr.host.now() + 5)
    return tr.host.post_at(venue, False, tr.Qty(1), best)
"""


def test_a_program_asks_its_host_the_same_on_all_three_machines() -> None:
    answers = {"price": 61_000, "exposure": 2 * 10**30, "is_buy": True, "now": 7, "post_at": 3}
    made = tr.program.from_source(ASKS, file="ask.py")
    ends = []
    for run in (made.run_python, made.run_interpreted, made.run_compiled):
        asked: list[tuple[object, ...]] = []

        def host(name: str, *args: object, asked: list[tuple[object, ...]] = asked) -> object:
            asked.append((name, *args))
            return answers.get(name, 0)

        ends.append((*run(1, fuel=10_000, host=host), asked))
    assert ends[0] == ends[1] == ends[2]
    assert ends[0][2] == [
        ("price", 1, True, 0),
        ("note", 0, 61_000),
        ("exposure", 1, 2, 61_000),
        ("take", 2 * 10**30),
        ("is_buy",),
        ("now",),
        ("wake", 12),
        ("post_at", 1, False, 1, 61_000),
    ]


def test_a_host_function_without_its_capability_is_refused_by_name() -> None:
    with pytest.raises(tr.ProgramError, match="needs the capability 'timer'"):
        tr.program.from_source(ASKS.replace(', "timer"', ""), file="ask.py")


def test_outside_of_a_run_the_host_says_that_it_is_not_there() -> None:
    with pytest.raises(ArgumentError, match=r"tr\.host\.now\(\.\.\.\) outside of a run"):
        tr.host.now()
    with pytest.raises(AttributeError, match="no function 'nothing'"):
        _ = tr.host.nothing
    assert "take" in dir(tr.host)


# Files of algorithms

MINE = '''"""Mine: does nothing. And more."""

import tiderace as tr


@tr.record
class Params:
    share: int = tr.param(250_000_000, minimum=0, maximum=1_000_000_000, unit="share")
    near: int = tr.param(50_000, minimum=0, unit="bp")
    pause: int = tr.param(90_000_000_000, unit="ns")
    size: tr.Amount = tr.param(unit="base")
    curve: tr.Array[int, 2]
    is_calm: bool = tr.param(True)


@tr.program(capabilities=["parent", "book:*", "timer"], meta={"name": "mine", "controls": "limit end"})
class Mine:
    params: Params

    def on_start(self) -> None:
        tr.host.wake(tr.host.now() + self.params.pause)

    def on_trade(self, venue: int, price: tr.Price, qty: tr.Qty, is_buy: bool) -> None:
        tr.host.note("trade", venue)

    def _own(self, a: int) -> int:
        return a
'''


def mine(old: str = "", new: str = "") -> _algos.Algorithm:
    assert old in MINE
    return _algos.from_source(MINE.replace(old, new, 1), file="folder/mine.py")


def test_an_algorithm_says_what_it_takes() -> None:
    found = mine()
    assert (found.name, found.kind, found.controls) == ("mine", "parent", ("limit", "end"))
    assert (found.on_stop, found.fuel, found.children) == ("cancel", 1_000_000, 10_000)
    said = found.to_dict()
    assert said["about"] == "Mine: does nothing."
    assert said["entries"] == ["on_start", "on_trade"]
    assert said["file"] == "mine.py"
    rows = {row["name"]: row for row in said["params"]}
    assert rows["share"] == {
        "name": "share",
        "type": "int",
        "unit": "share",
        "default": "0.25",
        "minimum": "0",
        "maximum": "1",
    }
    assert (rows["near"]["default"], rows["pause"]["default"]) == ("0.5", "90s")
    assert (rows["size"]["default"], rows["curve"]["default"]) == (None, [0, 0])
    assert rows["curve"]["type"] == "tr.Array[int, 2]"
    assert found.keys[:2] == ("algo", "side")
    assert found.keys[5:] == ("limit", "duration", "at_end", *rows)


def test_a_form_names_no_folder_and_its_core_no_line() -> None:
    found = mine()
    assert b"folder" not in found.form
    assert found.form[: len(found.core_form)] == found.core_form
    assert mine("does nothing", "does nothing\n\n\nat all").core_form == found.core_form


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("def on_start", "def on_begin", "the entry 'on_begin'.*on_start, on_timer, on_book"),
        ("def on_start", "def on_strat", "Did you mean 'on_start'"),
        ("def on_start", "def _start", "Mine has no on_start"),
        (
            "qty: tr.Qty, is_buy: bool",
            "qty: tr.Qty",
            r"on_trade\(self, venue: int, price: tr.Price",
        ),
        ("qty: tr.Qty,", "qty: int,", r"Write def on_trade\(self, venue: int, price: tr.Price"),
        ("limit end", "limit finish", "meta controls = 'finish'.*limit, would, participation"),
        ('"mine"', '"Mine"', "the name 'Mine'"),
        ('"controls"', '"control"', "meta has 'control'.*name, kind, controls, on_stop"),
        ('"limit end"', '"limit", "kind": "hedge"', "meta kind = 'hedge'.*parent, two_sided"),
        ('"limit end"', '"limit", "on_stop": "sell"', "meta on_stop = 'sell'.*cancel, leave, twap"),
        ('"limit end"', '"limit", "fuel": "0"', "meta fuel = '0'.*between 1 and"),
        ('"limit end"', '"limit", "children": "many"', "meta children = 'many'"),
        ("share: int", "limit: int", "the parameter 'limit'.*every algorithm has"),
        ('unit="share"', 'unit="percent"', "with the unit 'percent'"),
        ("size: tr.Amount", "size: tr.Price", "tr.Price with the unit 'base'"),
        (', "book:*"', "", "on_trade needs the capability 'book:\\*'"),
        ('"limit end"', '"end", "kind": "two_sided", "on_stop": "twap"', "TWAP works one side"),
        (', "timer"]', "]", "needs the capability 'timer'"),
    ],
)
def test_what_the_contract_does_not_know_is_refused_by_name(old: str, new: str, words: str) -> None:
    with pytest.raises(tr.ProgramError, match=words) as caught:
        mine(old, new)
    assert caught.value.file == "folder/mine.py"
    assert caught.value.line >= 1


def test_an_unknown_algorithm_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"algo = 'twop'.*Did you mean 'twap'"):
        _algos.find("twop")
    with pytest.raises(InputError, match=r"cannot be read: No such file"):
        _algos.find(str(tmp_path / "absent.py"))


def test_parameters_are_converted_by_their_unit() -> None:
    given = {"share": "0.1", "near": "2.5", "pause": "5m", "size": "1.5", "curve": [1, 2]}
    packed = mine().packed(given, base_decimals=8, key="parent")
    held = [100_000_000, 250_000, 300_000_000_000]
    wide = (150_000_000).to_bytes(16, "little")
    rest = [1, 2, 1]
    assert packed == struct.pack("<3q", *held) + wide + struct.pack("<3q", *rest)
    said = mine().said(given, base_decimals=8, key="parent")
    assert said == given | {"is_calm": True}
    least = mine().said({"size": "1"}, base_decimals=8, key="parent")
    assert (least["share"], least["pause"], least["curve"]) == ("0.25", "90s", [0, 0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"size": None}, r"p\.size is missing.*exposure in the base asset.*Add p\.size"),
        ({"share": "1.1"}, r"p\.share = '1\.1'. It is between 0 and 1"),
        ({"share": "0.0000000001"}, r"at most 9 digits"),
        ({"share": True}, r"p\.share = True. It is a decimal"),
        ({"share": "some"}, r"p\.share = 'some'. It is a decimal"),
        ({"near": "-1"}, r"p\.near = '-1'. It is at least 0"),
        ({"pause": 5}, r"p\.pause = 5. It is a duration. Write it like"),
        ({"pause": "5 min"}, r"p\.pause = '5 min'. A duration is a number and one of the units"),
        ({"size": "0.000000001"}, r"at most 8 digits"),
        ({"curve": [1]}, r"p\.curve = \[1\]. It is a list of 2"),
        ({"curve": [1, "x"]}, r"p\.curve\[1\] = 'x'"),
        ({"curve": [1, 2**63]}, r"holds 64 bits"),
        ({"is_calm": "yes"}, r"p\.is_calm = 'yes'. It is true or false"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(given: dict[str, Any], words: str) -> None:
    whole = {"size": "1", "curve": [1, 2]} | given
    with pytest.raises(InputError, match=words):
        mine().packed(
            {name: value for name, value in whole.items() if value is not None},
            base_decimals=8,
            key="p",
        )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([3, 0], ""),
        ([10**15, 1], ""),
        ([0, -1], r"p\.curve\[1\] = -1. It is between 0 and 1000000000000000"),
        ([10**15 + 1, 1], r"p\.curve\[0\] = 1000000000000001. It is between 0 and"),
    ],
)
def test_a_weight_is_not_below_zero(given: list[int], words: str) -> None:
    found = mine("curve: tr.Array[int, 2]", 'curve: tr.Array[int, 2] = tr.param(unit="weight")')
    (row,) = [row for row in found.to_dict()["params"] if row["name"] == "curve"]
    assert (row["minimum"], row["maximum"]) == (0, 10**15)
    if not words:
        assert found.packed({"size": "1", "curve": given}, base_decimals=8, key="p")
        return
    with pytest.raises(InputError, match=words):
        found.packed({"size": "1", "curve": given}, base_decimals=8, key="p")


def test_a_curve_with_a_weight_below_zero_is_refused_by_name() -> None:
    curve = [1] * 95 + [-1]
    with pytest.raises(InputError, match=r"parent\.curve\[95\] = -1. It is between 0 and"):
        tr.load(EXAMPLE, set={"parent.algo": "vwap", "parent.curve": curve})


VENUES = [
    (found.name, param.name)
    for found in map(_algos.find, _algos.names())
    for param in found.params
    if param.unit == "venue"
]


def test_every_parameter_that_numbers_a_venue_says_so() -> None:
    named = {(found, param) for found, param in VENUES if param == "venue"}
    of_name = {
        (found.name, param.name)
        for found in map(_algos.find, _algos.names())
        for param in found.params
        if param.name == "venue"
    }
    assert named == of_name
    assert ("iceberg", "venue") in named
    assert {("option", "option"), ("option", "hedge")} <= set(VENUES)


@pytest.mark.parametrize("path", ["peg", "iceberg", "examples/programs/when_desk.py"])
def test_a_venue_that_the_parent_does_not_have_is_refused_by_name(path: str) -> None:
    name = "lead" if path.endswith(".py") else "venue"
    algo = {"parent.algo": str(ROOT / path) if path.endswith(".py") else path}
    assert tr.load(EXAMPLE, set=algo | {f"parent.{name}": 2})
    two = {"parent.instruments": ["binance-spot:BTCUSDT", "binance-usdm:BTCUSDT"]}
    for given, number, words in (
        ({}, 3, rf"parent\.{name} = 3. The parent's instruments, from 0: binance-spot:BTCUSDT"),
        (two, 2, rf"parent\.{name} = 2. The parent's instruments, from 0: [^,]*, [^,.]*\. Choose"),
        ({}, -1, rf"parent\.{name} = -1. It is between 0 and 63"),
    ):
        with pytest.raises(InputError, match=words):
            tr.load(EXAMPLE, set=algo | given | {f"parent.{name}": number})


# Commands


def command(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tiderace", "algo", *args], capture_output=True, text=True, cwd=ROOT
    )


def test_the_list_names_every_algorithm_with_units_and_ranges() -> None:
    found = json.loads(command("list", "--json").stdout)["algorithms"]
    assert [row["name"] for row in found] == _algos.names()
    for row in found:
        assert row["about"].endswith("."), row["name"]
        assert len(row["hash"]) == 64
        assert {"name", "type", "unit", "default", "minimum", "maximum"} == set(row["params"][0])
    shown = command("list", "twap").stdout
    assert "catch_up_cap   a decimal, between 1 and 1000, default 3" in shown


def test_a_file_of_ones_own_is_listed_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    assert (
        json.loads(command("list", str(path), "--json").stdout)["algorithms"][0]["name"] == "mine"
    )
    shown = command("show", str(path)).stdout
    assert "without: would, participation, clip, gates" in shown
    assert shown.endswith(MINE.rstrip() + "\n")
    refused = command("show", "nothing")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Known: " in refused.stderr


# Runs


def small(out: Path, algo: str, **changes: object) -> tr.Run:
    """Run a small order on our own venue, by an algorithm at its defaults."""
    keys = SMALL | {"parent.algo": algo, "parent.slices": None} | changes
    return tr.run(EXAMPLE, set=keys, out=out)


@pytest.mark.parametrize("algo", [n for n in _algos.names() if _algos.find(n).kind == "parent"])
def test_every_algorithm_works_an_order_and_replays(algo: str, tmp_path: Path) -> None:
    run = small(tmp_path, algo)
    assert run.stopped.to_polars().is_empty()
    assert run.inputs.asked[0].algo == algo
    assert tr.replay(run.dir).summary["digest"] == run.summary["digest"]


TAKES = """import tiderace as tr


@tr.record
class State:
    calls: int


@tr.program(capabilities=["parent", "timer"], meta={"name": "takes", "controls": "limit end"})
class Takes:
    state: State

    def on_start(self) -> None:
        tr.host.note("begun", 7)
        self.on_timer()

    def on_timer(self) -> None:
        self.state.calls += 1
        tr.host.note("left", 1_000 // (4 - self.state.calls))
        tr.host.take(tr.host.order_qty() // 4)
        tr.host.wake(tr.host.now() + 1_000_000_000)
"""


def test_a_program_of_ones_own_runs_is_stopped_by_its_trap_and_replays_without_its_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "takes.py"
    file.write_text(TAKES)
    run = small(tmp_path / "out", str(file))
    notes = run.notes.to_polars()
    assert notes["label"].to_list() == ["begun", "left", "left", "left"]
    assert notes["value"].to_list() == [7, 333, 500, 1_000]
    (stopped,) = run.stopped.to_polars().to_dicts()
    assert (stopped["reason"], stopped["trap"]) == ("program_trapped", "div_zero")
    line = next(n for n, text in enumerate(TAKES.split("\n"), 1) if "1_000 //" in text)
    assert (stopped["file"], stopped["line"]) == ("takes.py", line)
    assert run.summary["programs_stopped"][0]["trap"] == "div_zero"
    file.unlink()
    again = tr.replay(run.dir)
    assert again.summary == run.summary | {"elapsed_s": again.summary["elapsed_s"]}
    assert again.stopped.to_polars().equals(run.stopped.to_polars())
    shown = (run.dir / "report.html").read_text() if run.report() else ""
    assert f"div_zero at takes.py:{line}" in shown
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(_show.result(run.summary, name="takes"))
    words = f"The program of parent 1 was stopped: div_zero at takes.py:{line}"
    assert words in console.export_text()


def test_a_strategy_submits_parents_by_any_algorithm(tmp_path: Path) -> None:
    file = tmp_path / "takes.py"
    file.write_text(TAKES)

    class Parents(tr.Strategy):
        def on_start(self) -> None:
            words = {"side": "buy", "order_qty": "0.3", "duration": "5s", "limit": "0.01"}
            self.submit_parent(algo="vwap", slices=3, size_jitter="0.1", **words)
            self.submit_parent(algo=str(file), **words)
            with pytest.raises(InputError, match=r"parent\.slices has no meaning for takes"):
                self.submit_parent(algo=str(file), slices=3, **words)
            with pytest.raises(TypeError, match=r"size_jitter = 0\.1 is a float"):
                self.submit_parent(algo="vwap", size_jitter=0.1, **words)

    keys = SMALL | {"parent": None}
    keys = {key: value for key, value in keys.items() if not key.startswith("parent.")}
    run = tr.run(EXAMPLE, set=keys, out=tmp_path / "out", strategy=Parents())
    assert set(run.parents.to_polars()["parent_id"]) == {2, 3}
    assert run.stopped.to_polars()["parent_id"].to_list() == [3]
    assert set(run.slices.to_polars()["parent_id"]) == {2}
    file.unlink()
    assert tr.replay(run.dir).summary["digest"] == run.summary["digest"]
