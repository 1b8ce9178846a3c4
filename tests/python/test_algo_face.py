"""Algorithms as a person meets them: the host's functions, names, parameters, configs, commands."""

import re
from pathlib import Path

import pytest

import tiderace as tr
from tiderace._programs.hosts import HOSTS
from tiderace._programs.words import name_of
from tiderace.errors import ArgumentError

ROOT = Path(__file__).resolve().parents[2]
ACTIONS = {"take": 200, "post": 200}


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
        assert function.fuel == (4 if int(number) < acts else ACTIONS.get(name, 50))


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
