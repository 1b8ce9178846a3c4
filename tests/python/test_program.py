"""Programs: what the language means, the same on three machines, and what its face promises."""

import bdb
import json
import math
import os
import random
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from program_maker import ARGS, Maker, argument
from typer.testing import CliRunner

import tiderace as tr
from tiderace import _program_cli, model
from tiderace.cli import app

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples" / "programs").glob("*.py"))
PAYOFFS = ROOT / "examples" / "programs" / "payoffs"
MODULES = 1_000 if os.environ.get("TIDERACE_FULL") == "1" else 40
ENTRIES = 25
MAX, MIN = 2**63 - 1, -(2**63)


def compiled(body: str, sign: str = "(a: int, b: int) -> int", top: str = "") -> Any:
    """Return a program whose one function has a body."""
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    head = f"import tiderace as tr\nfrom tiderace import model\n\n{top}\n\n@tr.program\n"
    return tr.program.from_source(f"{head}def f{sign}:\n{lines}", file="f.py")


def bits(value: object) -> object:
    return struct.pack("<d", value) if isinstance(value, float) else value


def end(run: Any, args: Any, **words: Any) -> tuple[object, ...]:
    try:
        result, used = run(*args, **words)
    except tr.Trapped as trap:
        return trap.reason, trap.line, trap.fuel_used
    return "done", bits(result), used


def same(made: Any, *args: object, fuel: int = 100_000, **words: Any) -> tuple[object, ...]:
    """Run on all three machines, with fuel, with just enough and with one less; return one end."""
    runs = (made.run_python, made.run_interpreted, made.run_compiled)
    ends = [end(run, args, fuel=fuel, **words) for run in runs]
    assert ends[0] == ends[1] == ends[2]
    if ends[0][0] == "done":
        used = int(str(ends[0][2]))
        assert [end(run, args, fuel=used, **words) for run in runs] == ends
        less = [end(run, args, fuel=used - 1, **words) for run in runs]
        assert less[0] == less[1] == less[2]
        assert (less[0][0], less[0][2]) == ("out_of_fuel", used - 1)
    return ends[0]


def result(made: Any, *args: object) -> object:
    done, value, *_ = same(made, *args)
    assert done == "done"
    return value


# Meaning


@pytest.mark.parametrize("sign", ["+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>"])
def test_integer_operators_mean_what_they_mean_in_python_or_trap(sign: str) -> None:
    made = compiled(f"return a {sign} b")
    numbers = [0, 1, -1, 2, 7, -7, 63, 64, MAX, MIN]
    for a in numbers:
        for b in numbers:
            ended = same(made, a, b)[:2]
            if sign in ("//", "%") and b == 0:
                assert ended[0] == "div_zero"
            elif sign in ("<<", ">>") and not 0 <= b <= 63:
                assert ended[0] == "shift"
            else:
                exact = eval(f"{a} {sign} {b}")
                fits = MIN <= exact <= MAX
                assert ended == ("done", exact) if fits else ended[0] == "overflow"


def test_comparisons_chain_and_evaluate_the_middle_once() -> None:
    top = "def count(row: tr.Array[int, 1]) -> int:\n    row[0] += 1\n    return row[0]\n"
    made = compiled("c: tr.Array[int, 1]\nd = a < count(c) <= b\nreturn c[0] * 2 + int(d)", top=top)
    assert result(made, 0, 1) == 3
    assert result(made, 1, 1) == 2


def test_units_go_together_as_their_table_says() -> None:
    made = compiled(
        "m = p * q\nback = m // q + m // p * 0 // tr.Qty(1) * tr.Price(1)\nreturn back",
        "(p: tr.Price, q: tr.Qty) -> tr.Price",
    )
    assert result(made, 12, 5) == 12
    wide = compiled("return p * q", "(p: tr.Price, q: tr.Qty) -> tr.Amount")
    assert result(wide, MIN, MIN) == 2**126
    assert result(compiled("return int(m // m)", "(m: tr.Amount) -> int"), 2**100) == 1
    assert result(compiled("return -r % 7 + r * 2", "(r: tr.Rate) -> tr.Rate"), 5) == 12


def test_arrays_are_zero_at_first_and_again_where_they_are_declared_in_a_loop() -> None:
    made = compiled(
        "t = 0\nfor i in range(3):\n    c: tr.Array[int, 2]\n    c[1] += a\n    t += c[1] + c[0]\nreturn t"
    )
    assert result(made, 5, 0) == 15


def test_arrays_and_records_are_passed_by_reference_and_copied_in_full() -> None:
    top = (
        "@tr.record\nclass Leg:\n    px: tr.Price\n    row: tr.Array[int, 3]\n\n\n"
        "def fill(leg: Leg, row: tr.Array[int, 3]) -> None:\n"
        "    leg.px += tr.Price(1)\n    leg.row[:] = row\n    row[0] = 9\n"
    )
    body = (
        "leg = Leg(tr.Price(a))\nrow: tr.Array[int, 3]\nrow[0] = b\nfill(leg, row)\n"
        "return int(leg.px) * 100 + leg.row[0] * 10 + row[0]"
    )
    assert result(compiled(body, top=top), 4, 7) == 579


def test_an_index_is_evaluated_once_in_an_augmented_assignment() -> None:
    top = "def count(row: tr.Array[int, 2]) -> int:\n    row[1] += 1\n    return 0\n"
    made = compiled("c: tr.Array[int, 2]\nc[count(c)] += a\nreturn c[0] * 10 + c[1]", top=top)
    assert result(made, 3, 0) == 31


def test_enums_constants_and_wide_constants() -> None:
    top = "class Side(tr.Enum):\n    BUY = 1\n    SELL = 2\n\n\nN = 3 * 7\nBIG = tr.i128(10**30)\n"
    made = compiled(
        "return int(BIG // 10**18 // tr.i128(10**9)) + N * side", "(side: Side) -> int", top
    )
    assert result(made, 2) == 1042


def test_a_range_keeps_its_rounds_and_its_last_value() -> None:
    made = compiled("i = 50\nfor i in range(a, b, -2):\n    a = 0\n    i += 100\nreturn i")
    assert result(made, 5, 0) == 101
    assert result(made, 0, 5) == 50
    edge = compiled("n = 0\nfor i in range(a, b, 4611686018427387904):\n    n += 1\nreturn n")
    assert result(edge, MIN, MAX) == 4


def test_floats_are_ieee_with_one_nan_and_one_library() -> None:
    made = compiled("return model.log(x) * 2", "(x: float) -> float")
    nan = bytes.fromhex("000000000000f87f")
    assert result(made, -1.0) == nan
    assert result(compiled("return -x", "(x: float) -> float"), float("nan")) == nan
    assert result(made, 0.0) == bits(-math.inf)
    assert result(made, 2.0) == bits(2 * model.log(2.0))
    assert model.sqrt(2.0) == math.sqrt(2.0)
    assert model.exp(1e9) == math.inf
    assert abs(model.sin(1.0) ** 2 + model.cos(1.0) ** 2 - 1) < 1e-15


def test_a_while_over_true_needs_no_return_after_it() -> None:
    assert result(compiled("while True:\n    a += 1\n    if a > b:\n        return a"), 1, 5) == 6


def test_what_is_never_reached_is_checked_and_left_out() -> None:
    made = compiled("return a\nb += 1\nwhile True:\n    pass")
    assert made.hash == compiled("return a").hash
    with pytest.raises(tr.ProgramError, match="no meaning"):
        compiled("return a\nb += True")


# Random programs


@pytest.mark.parametrize("seed", range(MODULES))
def test_three_machines_agree_on_random_programs(seed: int) -> None:
    """Result, trap, its line, fuel and state are equal; so they are with just enough fuel."""
    r = random.Random(seed)
    made = tr.program.from_source(Maker(seed).module(ENTRIES), file=f"seed{seed}.py")
    for number in range(ENTRIES):
        args = [argument(r, kind) for _, kind in ARGS]
        words = {"entry": f"e{number}", "params": {"p": r.randint(-5, 5)}}
        same(made, *args, fuel=r.choice([100_000, 100_000, r.randint(0, 400)]), **words)
        states = []
        for run in (made.run_python, made.run_interpreted, made.run_compiled):
            state = made.new_state()
            for _ in range(2):
                end(run, args, fuel=50_000, state=state, **words)
            states.append(bytes(state))
        assert states[0] == states[1] == states[2], f"seed {seed}, e{number}({args})"


# Identity


def test_the_hash_ignores_comments_layout_names_of_locals_and_what_is_not_called() -> None:
    one = tr.program.from_source(
        "import tiderace as tr\n@tr.program\ndef f(a: int) -> int:\n    b = a + 1\n    return b\n",
        file="a",
    )
    two = tr.program.from_source(
        '"""Said."""\nimport tiderace as tr\n\nN = 5\n\n\ndef g(a: int) -> int:\n    return a\n\n\n'
        '@tr.program\ndef f(\n    a: int,\n) -> int:\n    """Say."""\n    # why\n    c = (a\n        + 1)\n    return c\n',
        file="b",
    )
    other = tr.program.from_source(
        "import tiderace as tr\n@tr.program\ndef f(a: int) -> int:\n    b = a + 2\n    return b\n",
        file="a",
    )
    assert one.hash == two.hash != other.hash
    assert isinstance(one.ir, bytes)
    assert one.ir.startswith(b"TRPF")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_compile_and_their_forms_are_the_same_under_every_python(path: Path) -> None:
    made = tr.program.load(path)
    golden = ROOT / "tests" / "programs" / "forms" / f"{path.stem}.hex"
    core = made.ir[: 10 + int.from_bytes(made.ir[6:10], "little")]
    assert core.hex() == golden.read_text().strip()


# The face


@tr.program
def decorated(a: int, px: tr.Price) -> tr.Price:
    """Add ticks."""
    row = tr.Array[int, 2]()
    row[0] = helper(a)
    return px + tr.Price(row[0])


def helper(a: int) -> int:
    return a * 2


def test_a_decorated_function_runs_everywhere_and_when_it_is_called() -> None:
    assert decorated(3, tr.Price(10)) == 16
    assert same(decorated, 3, 10)[:2] == ("done", 16)
    assert decorated.name == "decorated"
    assert Path(decorated.file) == Path(__file__)


def test_a_function_within_a_function_may_be_decorated() -> None:
    @tr.program(capabilities=["timer"])
    def inner(a: int) -> int:
        return helper(a) + 1

    assert inner.run_compiled(3, fuel=100) == (7, inner.run_python(3)[1])
    assert inner.capabilities == ("timer",)


def test_a_debugger_steps_through_the_lines_of_the_source(tmp_path: Path) -> None:
    made = tr.program.from_source(
        "import tiderace as tr\n\n\n@tr.program\ndef f(a: int) -> int:\n    b = a + 1\n    if b > 2:\n"
        "        b = 0\n    return b\n",
        file=str(tmp_path / "f.py"),
    )
    seen = []

    class Stepper(bdb.Bdb):
        def user_line(self, frame: Any) -> None:
            if frame.f_code.co_filename == made.file:
                seen.append(
                    (frame.f_lineno, {k: v for k, v in frame.f_locals.items() if k in "ab"})
                )
            self.set_step()

    Stepper().runcall(made.run_python, 5)
    lines = [line for line, _ in seen]
    assert list(dict.fromkeys(lines)) == [5, 6, 7, 8, 9]
    assert seen[-1][1] == {"a": 5, "b": 0}


@pytest.mark.parametrize("machine", ["run_python", "run_compiled", "run_interpreted"])
@pytest.mark.parametrize(
    "args", [(), (1,), (1, 2, 3), (1.0, 2), ("1", 2), (True, 2), (None, 2), (2**63, 0), ([1], 2)]
)
def test_arguments_of_another_number_type_or_range_are_refused(machine: str, args: Any) -> None:
    made = compiled("return a + b")
    with pytest.raises(tr.InputError) as caught:
        getattr(made, machine)(*args, fuel=100)
    assert isinstance(caught.value, TypeError)
    assert caught.value.remedy


@pytest.mark.parametrize("fuel", [-1, 1.5, True, "9"])
def test_fuel_is_a_whole_number(fuel: Any) -> None:
    for run in (compiled("return a").run_python, compiled("return a").run_compiled):
        with pytest.raises(tr.InputError, match="Fuel is a whole number"):
            run(1, 2, fuel=fuel)


def test_lists_and_mappings_go_in_as_arrays_and_records() -> None:
    top = "@tr.record\nclass Leg:\n    px: tr.Price\n    row: tr.Array[float, 2]\n"
    made = compiled("return leg.row[1] * float(int(leg.px))", "(leg: Leg) -> float", top)
    assert result(made, {"px": 3, "row": [0.5, 1.5]}) == bits(4.5)
    assert result(made, [3, [0, 2]]) == bits(6.0)
    for wrong in ({"px": 3}, {"px": 3, "row": [1.0]}, 3, "x", {"px": 3, "row": [1.0, 2.0], "z": 1}):
        with pytest.raises(tr.InputError):
            made.run_compiled(wrong, fuel=100)


def test_state_and_parameters_of_a_class() -> None:
    made = tr.program.load(PAYOFFS / "barrier.py")
    params = {"strike": 100, "barrier": 90, "window_begin_ns": 10, "payout_max": 30}
    ends = []
    for run in (made.run_python, made.run_interpreted, made.run_compiled):
        state = made.new_state()
        words = {"params": params, "state": state, "fuel": 1_000}
        for now, index in ((5, 80), (11, 95)):
            run(now, index, entry="on_observation", **words)
        assert run(120, entry="payout", **words)[0] == 20
        run(12, 90, entry="on_observation", **words)
        assert run(120, entry="payout", **words)[0] == 0
        ends.append((bytes(state), made.read_state(state)))
    assert ends[0] == ends[1] == ends[2]
    assert ends[0][1] == {"is_out": True}
    for wrong in (
        {},
        params | {"window_begin_ns": -1},
        params | {"other": 1},
        params | {"strike": 1.5},
    ):
        with pytest.raises(tr.InputError):
            made.run_compiled(120, entry="payout", params=wrong, fuel=100)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('tr.param(unit="weight")', ""),
        ("tr.param(1)", "the array 'row' has a default or a range"),
        ('tr.param(minimum=0, unit="weight")', "the array 'row' has a default or a range"),
        ("tr.Array[int, 2]()", "the field 'row' has a value"),
    ],
)
def test_an_array_of_parameters_says_its_unit_alone(said: str, words: str) -> None:
    text = (
        "import tiderace as tr\n\n\n@tr.record\nclass Params:\n"
        f"    row: tr.Array[int, 2] = {said}\n\n\n@tr.program\nclass P:\n    params: Params\n\n"
        "    def go(self) -> int:\n        return self.params.row[1]\n"
    )
    if words:
        with pytest.raises(tr.ProgramError, match=words) as caught:
            tr.program.from_source(text, file="p.py")
        assert (caught.value.line, caught.value.remedy != "") == (6, True)
        return
    made = tr.program.from_source(text, file="p.py")
    assert [(param.name, param.unit, param.default) for param in made.params] == [
        ("row", "weight", None)
    ]
    for run in (made.run_python, made.run_interpreted, made.run_compiled):
        assert run(fuel=100, params={"row": [3, 4]})[0] == 4


def test_a_trap_leaves_the_state_as_it_was() -> None:
    made = tr.program.from_source(
        "import tiderace as tr\n\n\n@tr.record\nclass State:\n    n: int\n\n\n@tr.program\nclass P:\n"
        "    state: State\n\n    def go(self, a: int) -> int:\n        self.state.n += 1\n        return 1 // a\n",
        file="p.py",
    )
    for run in (made.run_python, made.run_interpreted, made.run_compiled):
        state = made.new_state()
        with pytest.raises(tr.Trapped) as trapped:
            run(0, state=state, fuel=100)
        assert trapped.value.reason == "div_zero"
        assert made.read_state(state) == {"n": 0}
        run(1, state=state, fuel=100)
        assert made.read_state(state) == {"n": 1}


def test_units_behave_in_plain_python() -> None:
    px, qty = tr.Price(5), tr.Qty(3)
    assert px * qty == tr.Amount(15)
    assert tr.Amount(15) // qty == px
    assert px + px == tr.Price(10)
    assert 2 * px == px * 2 == tr.Price(10)
    assert int(-px) == -5
    assert px < tr.Price(6)
    assert tr.i128(10) * 3 == tr.i128(30)
    for wrong in (
        lambda: px + 1,
        lambda: px + qty,
        lambda: px < 1,
        lambda: bool(px),
        lambda: tr.Price(1.5),
    ):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(tr.Trapped):
        tr.Price(MAX) + tr.Price(1)

    @tr.record
    class Leg:
        px: tr.Price
        row: tr.Array[int, 2]

    assert Leg(px) == Leg(px=tr.Price(5))
    assert Leg().row == [0, 0]


# The command


def command(*args: str) -> tuple[int, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "tiderace", "program", *args, "--json"],
        capture_output=True,
        text=True,
    )
    return ran.returncode, json.loads(ran.stdout)


def test_the_command_checks_runs_and_hashes(tmp_path: Path) -> None:
    path = str(PAYOFFS / "call_spread.py")
    status, found = command("check", path)
    assert (status, found["ok"], found["name"]) == (0, True, "CallSpread")
    assert command("hash", path) == (0, {"name": "CallSpread", "hash": found["hash"]})
    terms = ("--entry", "payout", "--param", "low=60", "--param", "high=62", "--param")
    paid = (path, "61", *terms, "payout_max=2")
    for engine in ("compiled", "interpreted", "python"):
        status, ran = command("run", *paid, "--engine", engine)
        assert (status, ran["result"], ran["fuel_used"]) == (0, 1, 12)
    bad = tmp_path / "bad.py"
    bad.write_text("import os\n")
    status, said = command("check", str(bad))
    assert (status, said["error"]["line"], said["error"]["column"]) == (2, 1, 1)
    status, said = command("run", *paid, "--fuel", "1")
    assert (status, said["error"]["reason"], said["error"]["fuel_used"]) == (1, "out_of_fuel", 1)


ECHO = "import tiderace as tr\n\n\n@tr.program\ndef f(a: int) -> int:\n    return a\n"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (".", None, "it cannot be read: Is a directory"),
        ("absent.py", None, "it cannot be read: No such file"),
        ("latin.py", b"# one\nx = 'caf\xe9'\n", r"latin\.py:2:9: .*not UTF-8 text: the byte 0xe9"),
        ("empty.py", b"", "no program in the file"),
        ("nul.py", b"\0", "null bytes"),
        ("long.py", b"#" * 300_000, "the source has more than 262,144 bytes"),
        ("/dev/zero", None, "the source has more than 262,144 bytes"),
    ],
)
def test_a_file_that_is_no_program_is_refused(
    name: str, data: bytes | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(tr.ProgramError, match=words) as caught:
        tr.program.load(path)
    assert caught.value.remedy


def test_byte_order_marks_and_line_ends_of_an_editor_make_no_difference(tmp_path: Path) -> None:
    made = set()
    for data in (ECHO.encode(), ECHO.encode("utf-8-sig"), ECHO.replace("\n", "\r\n").encode()):
        path = tmp_path / "f.py"
        path.write_bytes(data)
        made.add(tr.program.load(path).hash)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("1", "--param", "a=1"), "the program has no parameters"),
        (("1", "--engine", "python", "--param", "a=1"), "the program has no parameters"),
        (("1", "--param", "a"), "It is NAME=VALUE"),
        (("1", "--param", "a=1", "--param", "a=2"), "It is said twice"),
        (("1", "--param", "a=x"), "--param a = 'x'"),
        (("1", "--feul", "3"), "the option '--feul'"),
        (("[" * 50_000,), "An argument is a number"),
        (("9" * 5_000,), "An argument is a number"),
        (("1", "2"), "It takes 1"),
        (("1", "--fuel", "-1"), "Fuel is a whole number"),
        (("1", "--engine", "jit"), "compiled, interpreted, python"),
    ],
)
def test_a_wrong_run_is_refused_in_few_words(
    args: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "f.py"
    path.write_text(ECHO)
    error = CliRunner().invoke(app, ["program", "run", str(path), *args]).exception
    assert isinstance(error, tr.errors.ArgumentError)
    assert words.lower() in str(error).lower()
    assert error.remedy
    assert len(str(error)) < 300


def test_every_trap_says_its_rule_and_a_remedy() -> None:
    table = (ROOT / "docs" / "PROGRAM.md").read_text(encoding="utf-8").split("**Traps**")[1]
    names = re.findall(r"^\| \d \| `(\w+)` \|", table.split("- Floats")[0], re.MULTILINE)
    assert len(names) == 8
    for name in names:
        trap = tr.Trapped(name)
        assert trap.rule
        assert trap.remedy


def test_ctrl_c_ends_a_program_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def engine(*_: object) -> Any:
        def run(*_: object, **__: object) -> tuple[int, int]:
            seen.append(signal.getsignal(signal.SIGINT))
            return 0, 0

        return run

    monkeypatch.setattr(_program_cli, "_engine", engine)
    path = tmp_path / "f.py"
    path.write_text(ECHO)
    before = signal.getsignal(signal.SIGINT)
    assert CliRunner().invoke(app, ["program", "run", str(path), "1"]).exit_code == 0
    assert seen == [signal.SIG_DFL]
    assert signal.getsignal(signal.SIGINT) == before
