"""What a Python reader expects: an accepted program does what CPython does with its own text.

The text is run straight, without `@tr.program`, and as a program on all three machines. Where the
two would differ, the program is refused instead.
"""

import itertools
import linecache
import os
import sys
import textwrap
import types
from typing import Any

import pytest
from program_module_maker import ModuleMaker

import tiderace as tr

MODULES = 5_000 if os.environ.get("TIDERACE_FULL") == "1" else 80
HEAD = "import tiderace as tr\n"
_numbers = itertools.count()


def executed(text: str, **given: Any) -> dict[str, Any]:
    """Run a module's text as Python does, where its source can be looked up."""
    file = f"<module {next(_numbers)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module = types.ModuleType(file)
    module.__file__ = file
    module.__dict__.update(given)
    sys.modules[file] = module
    try:
        exec(compile(text, file, "exec", dont_inherit=True), module.__dict__)
    finally:
        del sys.modules[file]
    return module.__dict__


def straight(text: str, *args: Any, name: str = "f") -> Any:
    """Return what CPython makes of a module's text, without a program in it."""
    names = executed(text.replace("@tr.program\n", "@plain\n"), plain=lambda made: made)
    made = names[name]
    if isinstance(made, type):
        of_class = made()
        of_class.state = names["State"]()
        made = of_class.run
    return made(*args)


def on_machines(made: Any, *args: Any) -> Any:
    """Return the one result of all three machines."""
    runs = (made.run_python, made.run_interpreted, made.run_compiled)
    ends = [run(*args, fuel=1_000_000) for run in runs]
    assert ends[0] == ends[1] == ends[2]
    return ends[0][0]


def result(text: str, *args: Any) -> Any:
    """Return the one result of a program file, as CPython and all machines give it."""
    text = HEAD + textwrap.dedent(text)
    found = on_machines(tr.program.from_source(text, file="f.py"), *args)
    assert straight(text, *args) == found
    return found


def refused(text: str, reason: str, at: str) -> None:
    """Assert that a program file is refused at the line that holds a text."""
    text = HEAD + textwrap.dedent(text)
    with pytest.raises(tr.ProgramError) as caught:
        tr.program.from_source(text, file="f.py")
    check(caught.value, text, reason, at)


def refused_in_a_module(text: str, at: str) -> None:
    """Assert that a decorator in a module refuses, at the line that holds a text."""
    text = HEAD + textwrap.dedent(text)
    with pytest.raises(tr.ProgramError) as caught:
        executed(text)
    check(caught.value, text, caught.value.reason, at)


def check(error: tr.ProgramError, text: str, reason: str, at: str) -> None:
    lines = text.splitlines()
    assert (error.reason, lines[error.line - 1].strip()) == (reason, at), str(error)
    assert error.column >= 1
    assert error.remedy


# Copies


LEG = """
    @tr.record
    class Leg:
        x: int
        y: int


"""
ROW = "tr.Array[int, 2]"


def test_a_copy_of_numbers_is_a_copy() -> None:
    text = f"""
    @tr.program
    def f() -> int:
        a = {ROW}()
        b = {ROW}()
        b[0] = 1
        a[:] = b
        b[0] = 5
        return a[0]
    """
    assert result(text) == 1


@pytest.mark.parametrize("element", [ROW, "Leg"])
def test_a_copy_whose_elements_python_would_share_is_refused(element: str) -> None:
    text = f"""{LEG}
    @tr.program
    def f() -> int:
        a = tr.Array[{element}, 2]()
        b = tr.Array[{element}, 2]()
        a[:] = b
        return 0
    """
    refused(text, "alias", "a[:] = b")


def test_rows_are_copied_one_by_one() -> None:
    text = f"""
    @tr.program
    def f() -> int:
        a = tr.Array[{ROW}, 2]()
        b = tr.Array[{ROW}, 2]()
        b[1][0] = 3
        for i in range(len(a)):
            a[i][:] = b[i]
        b[1][0] = 5
        return a[1][0]
    """
    assert result(text) == 3


# New records


def test_a_new_record_in_an_array_of_ones_own_is_python_s() -> None:
    text = f"""{LEG}
    @tr.program
    def f() -> int:
        a = tr.Array[Leg, 2]()
        a[0] = Leg(1, y=2)
        a[0] = Leg(x=a[0].y)
        return a[0].x * 10 + a[0].y
    """
    assert result(text) == 20


def test_a_new_record_where_a_caller_may_hold_the_old_one_is_refused() -> None:
    text = f"""{LEG}
    def g(a: tr.Array[Leg, 2], r: Leg) -> int:
        a[0] = Leg(x=9)
        return r.x


    @tr.program
    def f() -> int:
        a = tr.Array[Leg, 2]()
        a[0].x = 1
        return g(a, a[0])
    """
    refused(text, "alias", "a[0] = Leg(x=9)")


def test_an_index_that_would_make_what_it_steps_over_anew_is_refused() -> None:
    text = f"""{LEG}
    @tr.record
    class Box:
        leg: Leg


    def g(box: Box) -> int:
        box.leg = Leg(x=9)
        return 0


    @tr.program
    def f() -> int:
        a = tr.Array[Box, 1]()
        b = {ROW}()
        a[0].leg.x = b[g(a[0])]
        return a[0].leg.x
    """
    refused(text, "alias", "box.leg = Leg(x=9)")


STATE = (
    LEG
    + """
    @tr.record
    class State:
        leg: Leg


    @tr.program
    class F:
        state: State

"""
)


def test_a_new_record_in_the_state_is_refused_where_another_method_calls() -> None:
    text = f"""{STATE}
        def _reset(self, leg: Leg) -> int:
            self.state.leg = Leg(x=9)
            return leg.x

        def f(self) -> int:
            self.state.leg.x = 1
            return self._reset(self.state.leg)
    """
    refused(text, "alias", "self.state.leg = Leg(x=9)")


def test_a_new_record_in_the_state_is_allowed_where_nothing_else_holds_it() -> None:
    text = f"""{STATE}
        def f(self, leg: Leg) -> int:
            self.state.leg = Leg(y=leg.x)
            return self.state.leg.x * 10 + self.state.leg.y
    """
    made = tr.program.from_source(HEAD + textwrap.dedent(text), file="f.py")
    assert on_machines(made, {"x": 4, "y": 5}) == 4


def test_a_type_beside_a_new_record_or_array_is_its_own() -> None:
    for want, value in (("int", "Leg()"), ("Leg", f"{ROW}()"), ("int", f"{ROW}()")):
        text = f"""{LEG}
        @tr.program
        def f() -> int:
            x: {want} = {value}
            return 0
        """
        refused(
            textwrap.dedent(LEG) + textwrap.dedent(text[len(LEG) :]), "type", f"x: {want} = {value}"
        )


# Defaults


DEFAULTS = """
    @tr.record
    class Terms:
        x: int = tr.param(7)
        y: int
        px: tr.Price = tr.param(5)
        is_on: bool = tr.param(True)
        n: tr.i128 = tr.param(minimum=3)


"""


def test_a_new_record_has_its_defaults() -> None:
    text = f"""{DEFAULTS}
    @tr.program
    def f(n: int) -> int:
        total = 0
        for i in range(n):
            t = Terms(y=i)
            total += t.x * 100 + t.y + int(t.px + tr.Price(1)) * int(t.is_on) + int(t.n)
            t.x = 0
        u = Terms(1, is_on=False)
        return total * 10 + u.x + int(u.is_on)
    """
    assert result(text, 2) == (2 * 706 + 1) * 10 + 1


@pytest.mark.parametrize(
    "line",
    ["a = tr.Array[Terms, 2]()", "a: Terms", "a: tr.Array[Terms, 2]"],
)
def test_a_record_with_defaults_is_nothing_that_begins_as_zero(line: str) -> None:
    text = f"""{DEFAULTS}
    @tr.program
    def f() -> int:
        {line}
        return 0
    """
    refused(text, "class", line)


def test_defaults_within_a_record_or_a_state_are_refused() -> None:
    text = f"""{DEFAULTS}
    @tr.record
    class Box:
        terms: Terms


    @tr.program
    def f() -> int:
        b = Box()
        return b.terms.x
    """
    refused(text, "class", "terms: Terms")
    text = f"""{DEFAULTS}
    @tr.program
    class F:
        state: Terms

        def f(self) -> int:
            return self.state.x
    """
    refused(text, "class", "state: Terms")


def test_fields_of_enums_begin_as_zero_in_plain_python_too() -> None:
    text = """
    class Side(tr.Enum):
        BUY = 1
        SELL = 2


    @tr.record
    class Leg:
        side: Side
        sides: tr.Array[Side, 2]


    @tr.program
    def f() -> int:
        leg = Leg()
        leg.sides[1] = Side.SELL
        return leg.side + leg.sides[0] + leg.sides[1]
    """
    assert result(text) == 2


# Names within classes


def test_a_member_of_an_enum_is_what_later_members_are_made_of() -> None:
    text = """
    A = 10
    C = 5


    class E(tr.Enum):
        B = A + 1
        A = 1
        D = A + B + C


    @tr.program
    def f() -> int:
        return E.B * 10_000 + E.D * 100 + A
    """
    assert result(text) == 111_710


@pytest.mark.parametrize("member", ["mro = 1", "_order_ = 1", "_x_ = 1"])
def test_members_that_python_takes_for_itself_are_refused(member: str) -> None:
    text = f"""
    class E(tr.Enum):
        {member}


    @tr.program
    def f() -> int:
        return 0
    """
    refused(text, "name", member)


def test_a_field_with_a_value_is_no_name_for_the_next_field() -> None:
    for line in ("y: int = tr.param(x)", "y: tr.Array[int, x]"):
        text = f"""
        x = 5


        @tr.record
        class R:
            x: int = tr.param(7)
            {line}


        @tr.program
        def f() -> int:
            return 0
        """
        refused(text, "name", line)


# Names of a module


FUNCTION = """
    @tr.program
    def f() -> int:
        return N
"""


@pytest.mark.parametrize(
    "after",
    [
        "N += 5",
        "for N in range(3): pass",
        "for _, (N, *_) in []: pass",
        "import os as N",
        "from os import path as N",
        "del N",
        "if (N := 2): pass",
        "[N := 2 for _ in range(2)]",
        "N, M = 2, 3",
        "M = N = 2",
        "if True: N = 2",
        "with open(__import__('os').devnull) as N: pass",
        "async def N(): pass",
        "def g(a=(N := 2)): pass",
    ],
)
def test_a_name_that_is_bound_again_is_refused(after: str) -> None:
    refused_in_a_module(f"\n    N = 1\n    {after}\n{FUNCTION}", after)


@pytest.mark.parametrize(
    ("lines", "at"),
    [
        (
            "try:\n    1 // 0\nexcept ZeroDivisionError as N:\n    pass",
            "except ZeroDivisionError as N:",
        ),
        ("match 3:\n    case N:\n        pass", "case N:"),
        ("def g():\n    global N\n    N = 2\ng()", "global N"),
        ("while True:\n    N = 2\n    break", "N = 2"),
    ],
)
def test_a_name_that_a_block_binds_again_is_refused(lines: str, at: str) -> None:
    refused_in_a_module("N = 1\n" + lines + "\n" + textwrap.dedent(FUNCTION), at)


@pytest.mark.parametrize("binding", ["for N in range(3): pass", "if True: N = 1", "N, M = 1, 2"])
def test_a_name_that_only_such_a_statement_binds_is_refused(binding: str) -> None:
    refused_in_a_module(f"\n    {binding}\n{FUNCTION}", binding)


@pytest.mark.parametrize("arg", ["N", "*N", "**N", "*, N=1", "N, /"])
def test_an_argument_of_a_function_around_is_no_constant(arg: str) -> None:
    inner = textwrap.indent(textwrap.dedent(FUNCTION), "    ")
    call = "make(N=5)" if arg in ("N", "*, N=1", "**N") else "make(5)"
    text = f"N = 1\ndef make({arg}):\n{inner}    return f\n{call}\n"
    refused_in_a_module(text, f"def make({arg}):")


def test_a_nonlocal_name_is_refused() -> None:
    text = """
    def make():
        N = 1
        def g():
            nonlocal N
            N = 2
        g()
        @tr.program
        def f() -> int:
            return N
        return f
    make()
    """
    refused_in_a_module(text, "nonlocal N")


def test_a_class_around_gives_its_functions_no_names() -> None:
    text = """
    class C:
        N = 1
        @tr.program
        def f() -> int:
            return N
    """
    refused_in_a_module(text, "N = 1")


def test_names_of_the_language_that_a_module_binds_are_refused() -> None:
    for name, use in (("int", "a: int = 1"), ("min", "a = min(1, 2)"), ("tr", "a = tr.Price(1)")):
        text = f"""
        import fractions as {name}
        @tr.program
        def f() -> bool:
            {use}
            return True
        """
        text = text.replace("@tr.program", "@T.program")
        refused_in_a_module(
            "import tiderace as T\n" + textwrap.dedent(text), f"import fractions as {name}"
        )
    refused("@tr.program\ndef f(tr: int) -> int:\n    return 1\n", "name", "def f(tr: int) -> int:")


def test_a_star_import_may_bind_any_name() -> None:
    refused_in_a_module(f"\n    N = 1\n    from os import *\n{FUNCTION}", "from os import *")


def test_what_is_bound_elsewhere_does_not_matter() -> None:
    text = """
    import tiderace as tr
    N = 4
    def g(N):
        return [N for N in range(3)], lambda N: N
    class C:
        N = 7
    def make(M):
        import tiderace as tr
        M += 1
        K = 3
        for i in range(2):
            pass
        @tr.program
        def f(a: int) -> int:
            i = a
            return i * 100 + N * 10 + K
        return f
    f = make(1)
    """
    text = textwrap.dedent(text)
    assert on_machines(executed(text)["f"], 2) == straight(text, 2) == 243


def test_a_program_is_read_where_it_stands() -> None:
    text = """
    def make():
        N = 11
        if N > 20:
            return None
        if N > 30:
            return None
        if N > 40:
            return None
        @tr.program
        def f() -> int:
            return N
        return f
    one = make()
    def make():
        @tr.program
        def f() -> int:
            return 2
        return f
    two = make()
    """
    names = executed(HEAD + textwrap.dedent(text))
    assert (on_machines(names["one"]), on_machines(names["two"])) == (11, 2)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (
            "{}\n    def g(leg: Leg) -> int:\n        return leg.x\n    {LEG}",
            "def g(leg: Leg) -> int:",
        ),
        ("{}\n    def g() -> Side:\n        return 1\n    {SIDE}", "def g() -> Side:"),
        ("{}\n    @tr.record\n    class R:\n        leg: Leg\n    {LEG}", "leg: Leg"),
        ("{}\n    class E(tr.Enum):\n        A = Side.BUY\n    {SIDE}", "A = Side.BUY"),
        ("N = t.i128(5)\n    import tiderace as t\n    {}", "N = t.i128(5)"),
    ],
)
def test_what_python_reads_before_its_line_is_refused(text: str, at: str) -> None:
    program = "@tr.program\n    def f() -> int:\n        return 1"
    leg = "@tr.record\n    class Leg:\n        x: int"
    side = "class Side(tr.Enum):\n        BUY = 1"
    text = text.replace("{LEG}", leg).replace("{SIDE}", side).replace("{}", program)
    if "as t\n" in text:
        text = text.replace("@tr", "@t")
        with pytest.raises(tr.ProgramError) as caught:
            tr.program.from_source(textwrap.dedent("    " + text), file="f.py")
        check(caught.value, textwrap.dedent("    " + text), "name", at)
    else:
        refused(f"\n    {text}\n", "name", at)


def test_a_member_is_not_the_later_constant_of_its_name() -> None:
    text = """
    class E(tr.Enum):
        A = 1
        B = A + 1


    def g() -> int:
        return A


    @tr.program
    def f() -> int:
        return E.B * 100 + g()


    A = 10
    """
    assert result(text) == 210


# What is evaluated


@pytest.mark.parametrize("kind", ["tr.Price", "tr.Qty", "tr.Amount", "tr.Rate"])
def test_a_wide_number_is_made_of_a_unit_in_plain_python_too(kind: str) -> None:
    text = HEAD + f"@tr.program\ndef f(a: {kind}) -> tr.i128:\n    return tr.i128(a) + 1\n"
    unit = getattr(tr, kind.removeprefix("tr."))
    assert on_machines(tr.program.from_source(text, file="f.py"), 7) == 8
    assert straight(text, unit(7)) == tr.i128(8)


def test_the_length_of_an_element_drops_no_index() -> None:
    grid = f"g = tr.Array[{ROW}, 3]()"
    assert (
        result(f"@tr.program\ndef f() -> int:\n    {grid}\n    return len(g) * 10 + len(g[2])\n")
        == 32
    )
    for index in ("a", "3", "-1"):
        line = f"return len(g[{index}])"
        refused(f"@tr.program\ndef f(a: int) -> int:\n    {grid}\n    {line}\n", "call", line)


def test_a_method_that_nothing_calls_is_checked() -> None:
    text = """
    @tr.program
    class F:
        def f(self) -> int:
            return 1

        def _g(self) -> int:
            return 1 + True
    """
    refused(text, "type", "return 1 + True")


# Random modules


def test_a_random_module_is_refused_or_does_what_python_does_with_it() -> None:
    refusals = []
    for seed in range(MODULES):
        text = ModuleMaker(seed).module()
        try:
            made = executed(text)["f"]
        except tr.ProgramError as error:
            refusals.append(error)
            continue
        for args in ((3, 4), (0, -5)):
            assert on_machines(made, *args) == straight(text, *args), f"seed {seed}"
    assert 0 < len(refusals) < MODULES // 2
    assert all(error.remedy and error.line > 1 for error in refusals)
