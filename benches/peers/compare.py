"""Ask Tiderace and its peers the same questions, in turn, and print the ratios.

Every question has one input, written once and read by both sides: the seeded flow of the benches.
Each answer comes from a fresh process that warms up first (compilers run before the clock does);
rounds alternate who goes first, and a ratio is taken within its round, so that what else the
machine does weighs on both sides alike. Both sides must end on the same best prices.

The questions are the same, the answers are not equal in worth: only ours are journaled, pass the
controls of ``risk`` and the order life of ``oms``, and replay to the same digest.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benches import _market
from benches._process import ROOT
from tiderace.errors import Fault, RunFailed

HERE = Path(__file__).resolve().parent
RECORDS, QUOTES = "records.npy", "quotes.npz"


class Question(NamedTuple):
    """What is asked of us and of one peer."""

    name: str
    peer: str
    unit: str
    text: str
    size: int
    smoke: int


QUESTIONS = (
    Question("replay", "hftbacktest", "events/s", "level changes, each waking the idle loop", 0, 0),
    Question("quotes", "nautilus", "events/s", "quotes, one Python callback each", 0, 0),
    Question("orders", "hftbacktest", "ns/order", "a run of IOC orders, one a change", 50_000, 500),
    Question(
        "python-orders", "nautilus", "ns/order", "submit in a callback to fill callback", 500, 50
    ),
)
PEERS = {"hftbacktest": "hftbacktest==2.4.4", "nautilus": "nautilus_trader"}


def main() -> None:
    """Install, export, ask, and print."""
    parser = argparse.ArgumentParser(prog="python -m benches.peers.compare", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="tiny inputs, one round")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the peers")
    parser.add_argument("--folder", type=Path, default=ROOT / "out" / "peers")
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    changes, quotes = (20_000, 5_000) if asked.smoke else (5_000_000, 1_000_000)
    np.save(asked.folder / RECORDS, _market.level_changes(changes))
    columns: dict[str, Any] = _market.quotes(quotes)
    np.savez(asked.folder / QUOTES, **columns)
    pythons = {}
    for peer, requirement in PEERS.items():
        try:
            pythons[peer] = installed(requirement, asked.folder / peer, asked.python)
        except Fault as error:
            print(f"{peer} is not compared: {error}", file=sys.stderr)
    results = []
    for question in QUESTIONS:
        if question.peer in pythons:
            rounds = 1 if asked.smoke else asked.rounds
            size = question.smoke if asked.smoke else question.size
            results.append(compared(question, pythons[question.peer], asked.folder, size, rounds))
            if not asked.as_json:
                print(shown(results[-1]), flush=True)
    if asked.as_json:
        print(json.dumps({"comparisons": results}))


def installed(requirement: str, folder: Path, python: str) -> str:
    """Return the interpreter of a virtual environment that holds a peer.

    Raises
    ------
    RunFailed
        It cannot be installed.
    """
    inside = str(folder / "bin" / "python")
    if python == sys.executable:
        venv.create(folder, with_pip=True)
    else:
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
    done = subprocess.run(pip, check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RunFailed(
            f"pip cannot install {requirement}: {(done.stderr.strip().splitlines() or ['?'])[-1]}",
            rule="A peer comes from the package registry",
            remedy="Try another interpreter with --python",
        )
    return inside


def compared(
    question: Question, python: str, folder: Path, size: int, rounds: int
) -> dict[str, Any]:
    """Ask both sides in turn and return their answers and ratios (above one: we are faster)."""
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for turn in range(rounds):
        sides = [
            (ours, sys.executable, "ours"),
            (theirs, python, f"{question.peer}_side"),
        ]
        for answers, interpreter, script in sides if turn % 2 == 0 else reversed(sides):
            answers.append(answer(interpreter, script, question.name, folder, size))
    if any(one["best"] != other["best"] for one, other in zip(ours, theirs, strict=True)):
        raise RunFailed(
            f"{question.name}: we end on {ours[0]['best']}, {question.peer} on {theirs[0]['best']}",
            rule="Both sides read the same events",
            remedy="Correct the adapter",
        )
    is_rate = question.unit == "events/s"
    pairs = [(one["value"], other["value"]) for one, other in zip(ours, theirs, strict=True)]
    ratios = [one / other if is_rate else other / one for one, other in pairs]
    return {
        "question": question.name,
        "text": question.text,
        "unit": question.unit,
        "input": {"events": ours[0]["events"], "orders": size, "rounds": rounds},
        "peer": f"{question.peer} {theirs[0]['version']}",
        "ours": statistics.median(one for one, _ in pairs),
        "theirs": statistics.median(other for _, other in pairs),
        "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
    }


def answer(python: str, script: str, question: str, folder: Path, size: int) -> dict[str, Any]:
    """Return what one side says, from a fresh process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if script == "ours":
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), *sys.path]))
    command = [python, str(HERE / f"{script}.py"), question, str(folder), str(size)]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RunFailed(
            f"{script} failed at {question}:\n{done.stderr}",
            rule="Each side answers in a process of its own",
            remedy="Correct its adapter",
        )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def shown(result: dict[str, Any]) -> str:
    """Return a result for a person."""
    ratio, counts = result["ratio"], result["input"]
    of = f"{counts['orders']:,} orders" if counts["orders"] else f"{counts['events']:,} events"
    return (
        f"{result['question']}: {result['text']} ({of})\n"
        f"  tiderace {result['ours']:,.0f} {result['unit']}, "
        f"{result['peer']} {result['theirs']:,.0f} {result['unit']}\n"
        f"  {ratio['median']:.2f} times as fast ({ratio['min']:.2f} to {ratio['max']:.2f} over "
        f"{counts['rounds']} rounds)"
    )


if __name__ == "__main__":
    main()
