"""Payoffs that are programs: they check, their committed forms are theirs, and all ways agree."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tiderace as tr

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples" / "programs" / "payoffs"
FORMS = ROOT / "tests" / "programs" / "payoffs"
STORIES = sorted((ROOT / "tests" / "scenarios" / "payoff").glob("*.jsonl"))
SOURCES = sorted([*EXAMPLES.glob("*.py"), *FORMS.glob("*.py")])


def core(path: Path) -> str:
    """Return the form in hex, without its debug section."""
    form = tr.program.load(path).ir
    (length,) = struct.unpack("<I", form[6:10])
    return form[: 10 + length].hex()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_each_example_passes_the_check(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tiderace", "program", "check", str(path), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["ok"]
    assert found["capabilities"] == []
    bounds = {"payout_min", "payout_max", "fallback"}
    assert bounds <= {param["name"] for param in found["params"]}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_committed_form_is_that_of_its_source(path: Path) -> None:
    golden = FORMS / f"{path.stem}.hex"
    if "TIDERACE_WRITE_GOLDEN" in os.environ:
        golden.write_text(core(path) + "\n", encoding="utf-8")
    assert golden.read_text(encoding="utf-8").strip() == core(path)


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_lists_the_program_that_it_names(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line.get("do") != "list_payoff":
            continue
        whole = core(ROOT / line["program"])
        # One story cuts a form short, to have it refused.
        is_whole = len(line["form"]) > 200
        if is_whole and "TIDERACE_WRITE_GOLDEN" in os.environ:
            line["form"] = whole
        assert whole.startswith(line["form"]) or line["form"] == "00"
    if "TIDERACE_WRITE_GOLDEN" in os.environ:
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


SPREAD = {"low": 10_000, "high": 12_000, "payout_max": 2_000}
ASIAN = {"strike": 10_000, "payout_max": 2_000}
BARRIER = {"strike": 10_000, "barrier": 9_000, "payout_max": 2_000}
POWER = {"scale": 10_000, "payout_max": 40_000, "flow_min": -500, "flow_max": 500}
SWAP = {"payout_max": 30_000}
RANGE = {"low": 9_000, "high": 11_000, "coupon": 50, "flow_max": 50}
CALLS: list[tuple[str, dict[str, Any], str, tuple[int, ...]]] = [
    ("call_spread", SPREAD, "payout", (11_250,)),
    ("call_spread", SPREAD, "value", (10_500, 5 * 10**17, 86_400 * 10**9)),
    ("call_spread", SPREAD, "value", (10_500, 5 * 10**17, 0)),
    ("asian", ASIAN, "on_observation", (10_500,)),
    ("asian", ASIAN, "payout", ()),
    ("barrier", BARRIER, "on_observation", (5, 8_999)),
    ("barrier", BARRIER, "payout", (10_500,)),
    ("power_perpetual", POWER, "on_observation", (12_000, 14_880)),
    ("power_perpetual", POWER, "value", (12_000,)),
    ("variance_swap", SWAP, "on_observation", (10_000,)),
    ("variance_swap", SWAP, "payout", ()),
    ("range_accrual", RANGE, "on_observation", (11_000,)),
    ("range_accrual", RANGE, "payout", ()),
]


@pytest.mark.parametrize(("name", "params", "entry", "args"), CALLS)
def test_plain_python_machine_code_and_interpreter_agree(
    name: str, params: dict[str, Any], entry: str, args: tuple[int, ...]
) -> None:
    made = tr.program.load(EXAMPLES / f"{name}.py")
    ways = [made.run_python, made.run_compiled, made.run_interpreted]
    ended = [way(*args, fuel=100_000, entry=entry, params=params) for way in ways]
    assert ended[0] == ended[1] == ended[2]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_each_example_names_its_source(path: Path) -> None:
    assert "References: " in path.read_text(encoding="utf-8")
