"""Hostile programs: each file in `tests/programs/hostile` says how it ends in its first line.

`# expect: error REASON LINE`: it does not compile. `# expect: trap REASON args=[…] fuel=N`: it
compiles, and is stopped in the same way, at the same fuel, by all three machines.
"""

import json
import re
import sys
from pathlib import Path

import pytest

import tiderace as tr

FOLDER = Path(__file__).resolve().parents[1] / "programs" / "hostile"
FILES = sorted(FOLDER.glob("*.py"))


def expected(path: Path) -> list[str]:
    return path.read_text().split("\n", 1)[0].removeprefix("# expect: ").split(" ", 2)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_hostile_program_ends_in_a_clear_error_or_a_trap(path: Path) -> None:
    kind, reason, rest = expected(path)
    if kind == "error":
        with pytest.raises(tr.ProgramError) as caught:
            tr.program.from_source(path.read_text(), file=path.name)
        error = caught.value
        assert (error.reason, error.line) == (reason, int(rest)), str(error)
        assert error.column >= 1
        assert str(error).startswith(f"{path.name}:{error.line}:{error.column}: ")
        assert error.remedy
        return
    args, fuel = re.fullmatch(r"args=(\[.*\]) fuel=(\d+)", rest).groups()  # type: ignore[union-attr]
    loaded = tr.program.from_source(path.read_text(), file=path.name)
    ends = []
    for run in (loaded.run_python, loaded.run_interpreted, loaded.run_compiled):
        with pytest.raises(tr.Trapped) as trapped:
            run(*json.loads(args), fuel=int(fuel))
        ends.append((trapped.value.reason, trapped.value.fuel_used, trapped.value.line))
    assert ends[0][0] == reason
    assert ends[0] == ends[1] == ends[2]


def test_there_are_at_least_forty_hostile_programs() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "import tiderace as tr\n" + "# " + "x" * 1_000_000,
        "a = 1\n" * 40_000,
        "(" * 200_000,
        "-" * 200_000 + "1",
        "x" + "[0]" * 60_000,
        "x" + ".a" * 100_000,
        "1" + "+1" * 100_000,
        "not " * 60_000 + "x",
        "lambda:" * 30_000 + "0",
        "9" * 200_000,
        "0x" + "f" * 200_000,
        "x = 0x" + "f" * 200_000,
        "if a:\n b\n" + "elif a:\n b\n" * 20_000,
        "\n".join(" " * n + "if a:" for n in range(99)),
        "\0",
        "\ud800",
        "\ufeffimport os",
        "",
        "import tiderace as tr\n" * 10_000,
        "class A:\n" + "".join(" " * n + "class A:\n" for n in range(1, 90)) + " " * 90 + "pass",
        'f"' + "{" * 20_000,
        "def f(" + ", ".join(f"a{n}: int" for n in range(20_000)) + "): pass",
    ],
    ids=range(23),
)
def test_monstrous_text_is_refused_in_bounded_time_and_depth(text: str) -> None:
    with pytest.raises(tr.ProgramError) as caught:
        tr.program.from_source(text, file="monster.py")
    assert len(str(caught.value)) < 1_000


def test_the_text_is_never_executed(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    text = (
        f"import tiderace as tr\n\nX = open({str(marker)!r}, 'w')\n\n\n"
        "@tr.program\ndef f(a: int) -> int:\n    return a\n"
    )
    with pytest.raises(tr.ProgramError):
        tr.program.from_source(text, file="x.py")
    with pytest.raises(tr.ProgramError):
        tr.program.from_source("raise SystemExit", file="x.py")
    assert not marker.exists()


def test_the_deepest_program_allowed_still_compiles_within_a_deep_stack() -> None:
    body = "".join("    " * n + "if a > 0:\n" for n in range(1, 29))
    deep = "(" * 0 + "-" * 0 + "(" * 55 + "a" + " + 1)" * 55
    text = (
        "import tiderace as tr\n\n\n@tr.program\ndef f(a: int) -> int:\n"
        + body
        + "    " * 29
        + f"return {deep}\n    return 0\n"
    )

    def down(left: int) -> tr._program.Program:
        return down(left - 1) if left else tr.program.from_source(text, file="deep.py")

    assert sys.getrecursionlimit() >= 1_000
    assert down(100).run_python(1) == down(100).run_interpreted(1, fuel=10_000)


def nested(loops: int) -> str:
    heads = "".join("    " * (n + 1) + f"for i{n} in range(1):\n" for n in range(loops))
    inner = "    " * (loops + 1) + "a += 1\n"
    return f"import tiderace as tr\n\n\n@tr.program\ndef f(a: int) -> int:\n{heads}{inner}    return a\n"


def test_limits_are_exact_and_say_where() -> None:
    deepest = tr.program.from_source(nested(20), file="n.py")
    assert deepest.run_python(1) == deepest.run_compiled(1, fuel=1_000)
    head = "import tiderace as tr\n\n\n@tr.program\ndef f(a: int) -> int:\n"
    sums = {n: f"{head}    return {'(' * n}a{' + 1)' * n}\n" for n in (63, 64)}
    deepest = tr.program.from_source(sums[63], file="s.py")
    assert deepest.run_python(1) == deepest.run_compiled(1, fuel=1_000)
    # A sum is four statements and expressions, the return two.
    longest = tr.program.from_source(head + "    a += 1\n" * 511 + "    return a\n", file="l.py")
    assert longest.run_python(1) == longest.run_compiled(1, fuel=2_000)
    long = head + "    a += 1\n" * 512 + "    return a\n"
    for text, line in ((nested(21), 26), (sums[64], 6), (long, 5)):
        with pytest.raises(tr.ProgramError) as caught:
            tr.program.from_source(text, file="x.py")
        assert (caught.value.reason, caught.value.line) == ("limit", line)


def test_a_stack_that_is_too_small_is_no_crash() -> None:
    text = nested(20)

    def down(left: int) -> object:
        return down(left - 1) if left else tr.program.from_source(text, file="x.py")

    with pytest.raises((tr.ProgramError, RecursionError)):
        down(sys.getrecursionlimit() - 80)
