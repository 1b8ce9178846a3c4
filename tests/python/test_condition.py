"""Conditions: they check, stories send the programs that they name, and all ways agree."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

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


def answer(values: dict[str, Any]) -> Any:
    """Return a host that says what it is told."""

    def host(name: str, *args: Any) -> Any:
        told = values[name]
        return told[args[0]] if args else told

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
