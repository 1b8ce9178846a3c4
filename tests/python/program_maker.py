"""Makes random programs of the language, as text: well typed, mostly without traps, with limits.

A module is one class with many methods, each an entry of its own: making a machine of it costs
once. What is equal on all machines must be so on each of these.
"""

import random

HEAD = '''"""Made by a seed."""

import tiderace as tr
from tiderace import model

FOUR = 4
TICK = tr.Price(7)
HUGE = tr.i128(10**30)


class Side(tr.Enum):
    BUY = 1
    SELL = 2


@tr.record
class Leg:
    a: int
    p: tr.Price
    w: tr.i128
    row: tr.Array[int, 4]
    f: float


@tr.record
class State:
    n: int
    f: float
    b: bool
    p: tr.Price
    q: tr.Qty
    w: tr.i128
    m: tr.Amount
    r: tr.Rate
    leg: Leg
    row: tr.Array[int, 4]
    grid: tr.Array[tr.Array[float, 2], 3]


@tr.record
class Params:
    k: int = tr.param(3, minimum=-10, maximum=10, unit="lots")
    x: float = tr.param(0.25)
    p: tr.Price
'''
KINDS = ["int", "bool", "float", "tr.i128", "tr.Price", "tr.Qty", "tr.Amount", "tr.Rate"]
UNITS = ["tr.Price", "tr.Qty", "tr.Amount", "tr.Rate"]
ARGS = [
    ("x", "int"),
    ("y", "int"),
    ("p", "tr.Price"),
    ("q", "tr.Qty"),
    ("f", "float"),
    ("b", "bool"),
    ("w", "tr.i128"),
]
EDGES = [0, 1, -1, 2, 63, 64, 2**31, 2**62, 2**63 - 1, -(2**63)]


def number(r: random.Random) -> int:
    if r.random() < 0.1:
        return r.choice(EDGES)
    return r.randint(-9, 9) if r.random() < 0.7 else r.randint(-1000, 1000)


def floating(r: random.Random) -> float:
    if r.random() < 0.05:
        return r.choice([0.0, 1e300, 1e-300, 9.3e18, 0.1])
    return round(r.uniform(0, 8), r.randint(0, 6))


def wide(r: random.Random) -> int:
    return r.choice([number(r), number(r), 2**127 - 1, 10**25, -(10**20)])


def argument(r: random.Random, kind: str) -> object:
    """Return an argument of a type, often small, sometimes at an edge."""
    if kind == "bool":
        return r.random() < 0.5
    if kind == "float":
        return r.choice([floating(r), -floating(r), float("inf"), float("nan"), -0.0])
    return wide(r) if kind in ("tr.i128", "tr.Amount", "tr.Rate") else number(r)


class Maker:
    """Writes one module."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.lines: list[str] = []
        self.names: dict[str, list[str]] = {}
        self.indent = 0
        self.loops = 0
        self.count = 0
        self.helpers: list[tuple[str, list[str], str]] = []
        self.in_method = False
        self.result = "int"

    def module(self, entries: int) -> str:
        self.lines = [HEAD]
        for number in range(3):
            self.helper(number)
        self.lines += [
            "",
            "",
            "@tr.program",
            "class Made:",
            "    params: Params",
            "    state: State",
        ]
        self.indent = 1
        for number in range(entries):
            self.result = self.r.choice(KINDS)
            args = ", ".join(f"{name}: {kind}" for name, kind in ARGS)
            self.write("")
            self.write(f"def e{number}(self, {args}) -> {self.result}:")
            self.body(ARGS, in_method=True)
        return "\n".join(self.lines) + "\n"

    def helper(self, number: int) -> None:
        kinds = self.r.sample(KINDS, 2)
        self.result = self.r.choice(KINDS)
        args = [(f"h{n}", kind) for n, kind in enumerate(kinds)]
        self.write("")
        self.write("")
        written = ", ".join(f"{name}: {kind}" for name, kind in args)
        name = f"helper{number}"
        self.write(f"def {name}({written}, row: tr.Array[int, 4]) -> {self.result}:")
        self.body(args, in_method=False, has_row=True)
        self.helpers.append((name, kinds, self.result))

    def body(self, args: list[tuple[str, str]], *, in_method: bool, has_row: bool = False) -> None:
        self.indent += 1
        self.in_method = in_method
        self.names = {kind: [] for kind in KINDS}
        for name, kind in args:
            self.names[kind].append(name)
        if not has_row:
            self.write("row: tr.Array[int, 4]")
        self.write("leg: Leg")
        for number, kind in enumerate(self.r.sample(KINDS, 3)):
            self.write(f"v{number}: {kind} = {self.expr(kind, 1)}")
            self.names[kind].append(f"v{number}")
        self.block(self.r.randint(2, 5), 0)
        self.write(f"return {self.expr(self.result, 2)}")
        self.indent -= 1

    def write(self, text: str) -> None:
        self.lines.append("    " * self.indent + text if text else "")

    # Statements

    def block(self, count: int, depth: int) -> None:
        for _ in range(count):
            self.stmt(depth)

    def stmt(self, depth: int) -> None:
        r = self.r
        choice = r.random()
        if choice < 0.35 or depth > 2:
            kind = r.choice(KINDS)
            place = self.place(kind)
            if place:
                self.write(f"{place} = {self.expr(kind, 2)}")
                return
        if choice < 0.5:
            self.augmented()
        elif choice < 0.62:
            self.write(f"if {self.expr('bool', 2)}:")
            self.inner(depth)
            if r.random() < 0.3:
                self.write(f"elif {self.expr('bool', 1)}:")
                self.inner(depth)
            if r.random() < 0.5:
                self.write("else:")
                self.inner(depth)
        elif choice < 0.72 and depth < 2:
            self.loop(depth)
        elif choice < 0.78 and depth < 2:
            name = self.fresh("n")
            self.write(f"{name} = {r.randint(0, 6)}")
            self.write(f"while {name} > 0 and {self.expr('bool', 1)}:")
            self.indent += 1
            self.write(f"{name} -= 1")
            self.indent -= 1
            self.inner(depth, loop=True)
        elif choice < 0.82:
            self.write(f"leg = Leg({self.expr('int', 1)}, p={self.expr('tr.Price', 1)})")
        elif choice < 0.86:
            self.write(f"row[:] = {r.choice(self.rows())}")
        elif choice < 0.88 and self.loops:
            self.write("leg: Leg")
        elif choice < 0.92 and self.loops:
            self.write(f"if {self.expr('bool', 1)}:")
            self.indent += 1
            self.write(r.choice(["break", "continue"]))
            self.indent -= 1
        elif choice < 0.94:
            self.write(f"if {self.expr('bool', 1)}:")
            self.indent += 1
            self.write(f"return {self.expr(self.result, 1)}")
            self.indent -= 1
        elif self.helpers:
            self.write(self.call(*r.choice(self.helpers)))
        else:
            self.write("pass")

    def inner(self, depth: int, *, loop: bool = False) -> None:
        self.indent += 1
        self.loops += loop
        self.block(self.r.randint(1, 3), depth + 1)
        self.loops -= loop
        self.indent -= 1

    def loop(self, depth: int) -> None:
        name = self.fresh("i")
        start, stop = self.r.randint(-3, 3), self.r.randint(-3, 8)
        step = self.r.choice([1, 1, 2, -1, -2, 0 if self.r.random() < 0.1 else 3])
        end = f"{stop} + x % 3" if self.in_method else f"{stop}"
        self.write(f"for {name} in range({start}, {end}, {step}):")
        self.names["int"].append(name)
        self.inner(depth, loop=True)
        self.names["int"].remove(name)

    def augmented(self) -> None:
        r = self.r
        kind = r.choice(["int", "int", "int", "float", *UNITS])
        place = self.place(kind)
        if place is None:
            self.write("pass")
        elif kind == "int":
            op = r.choice(["+", "-", "*", "//", "%", "&", "|", "^", ">>", "<<"])
            right = str(r.randint(0, 5)) if op in (">>", "<<") else self.expr("int", 1)
            right = f"{right} | 1" if op in ("//", "%") else right
            self.write(f"{place} {op}= {right}")
        elif kind == "float":
            self.write(f"{place} {r.choice('+-*')}= {self.expr('float', 1)}")
        elif r.random() < 0.5:
            self.write(f"{place} {r.choice('+-')}= {self.expr(kind, 1)}")
        else:
            self.write(f"{place} {r.choice(['*', '//', '%'])}= {self.expr('int', 1)} | 1")

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def rows(self) -> list[str]:
        rows = ["row", "leg.row"]
        return [*rows, "self.state.row", "self.state.leg.row"] if self.in_method else rows

    def place(self, kind: str) -> str | None:
        """Return where something of a type may be stored."""
        # The counters of loops are left alone, so that loops end.
        found = [name for name in self.names[kind] if name[0] not in "ni"]
        found += self.memory(kind)
        return self.r.choice(found) if found else None

    def memory(self, kind: str) -> list[str]:
        found = []
        if kind == "int":
            found += ["leg.a"] + [f"{row}[{self.index()}]" for row in self.rows()]
        found += {"tr.Price": ["leg.p"], "tr.i128": ["leg.w"], "float": ["leg.f"]}.get(kind, [])
        if self.in_method:
            fields = dict(zip(KINDS, ["n", "b", "f", "w", "p", "q", "m", "r"], strict=True))
            found.append(f"self.state.{fields[kind]}")
            if kind == "float":
                found.append(f"self.state.grid[{self.index()} % 3][{self.r.randint(0, 1)}]")
        return found

    def index(self) -> str:
        r = self.r
        if r.random() < 0.04:
            return self.expr("int", 1)
        return r.choice([str(r.randint(0, 3)), f"({self.expr('int', 1)}) % 4"])

    # Expressions

    def expr(self, kind: str, depth: int) -> str:
        if depth <= 0 or self.r.random() < 0.15:
            return self.leaf(kind)
        if self.r.random() < 0.08:
            return f"({self.expr(kind, depth - 1)} if {self.expr('bool', depth - 1)} else {self.expr(kind, depth - 1)})"
        if self.helpers and self.r.random() < 0.05:
            fitting = [helper for helper in self.helpers if helper[2] == kind]
            if fitting:
                return self.call(*self.r.choice(fitting))
        made: str = getattr(self, "expr_" + kind.removeprefix("tr.").lower())(depth - 1)
        return made

    def call(self, name: str, kinds: list[str], result: str) -> str:
        del result
        args = [self.expr(kind, 1) for kind in kinds]
        return f"{name}({', '.join(args)}, {self.r.choice(self.rows())})"

    def leaf(self, kind: str) -> str:
        r = self.r
        if r.random() < 0.65:
            found = self.names[kind] + (self.memory(kind) if r.random() < 0.3 else [])
            if self.in_method and r.random() < 0.1:
                param = {"int": "k", "float": "x", "tr.Price": "p"}.get(kind)
                found = [f"self.params.{param}"] if param else found
            if found:
                return r.choice(found)
        if kind == "int":
            return r.choice([str(number(r)), str(number(r)), "FOUR", "Side.SELL", "len(row)"])
        if kind == "bool":
            return r.choice(["True", "False"])
        if kind == "float":
            return repr(floating(r))
        if kind == "tr.i128":
            return r.choice([f"tr.i128({wide(r)})", "HUGE"])
        if kind == "tr.Price" and r.random() < 0.2:
            return "TICK"
        return f"{kind}({number(r)})"

    def expr_int(self, d: int) -> str:
        r, e = self.r, self.expr
        return r.choice(
            [
                lambda: f"({e('int', d)} {r.choice(['+', '-', '*', '&', '|', '^'])} {e('int', d)})",
                lambda: f"({e('int', d)} {r.choice(['+', '-', '*'])} {e('int', d)})",
                lambda: f"({e('int', d)} {r.choice(['//', '%'])} ({e('int', d)} | 1))",
                lambda: f"({e('int', d)} {r.choice(['//', '%'])} {e('int', d)})",
                lambda: (
                    f"({e('int', d)} {r.choice(['<<', '>>'])} ({e('int', d)} % {r.choice([5, 30, 70])}))"
                ),
                lambda: f"{r.choice(['-', '~', '+'])}({e('int', d)})",
                lambda: f"abs({e('int', d)})",
                lambda: f"{r.choice(['min', 'max'])}({e('int', d)}, {e('int', d)}, {e('int', d)})",
                lambda: f"int({e('bool', d)})",
                lambda: f"int({e(r.choice(UNITS), d)})",
                lambda: f"int({e('tr.i128', d)} % 100003)",
                lambda: f"int({e('float', d)})",
                lambda: f"({e('tr.Price', d)} // max({e('tr.Price', d)}, TICK))",
                lambda: f"({e('tr.Qty', d)} // {e('tr.Qty', d)})",
            ]
        )()

    def expr_bool(self, d: int) -> str:
        r, e = self.r, self.expr
        kind = r.choice([each for each in KINDS if each != "bool"])
        sign = ["<", "<=", ">", ">=", "==", "!="]
        return r.choice(
            [
                lambda: f"({e(kind, d)} {r.choice(sign)} {e(kind, d)})",
                lambda: (
                    f"({e(kind, d)} {r.choice(sign)} {e(kind, d)} {r.choice(sign)} {e(kind, d)})"
                ),
                lambda: f"({e('bool', d)} {r.choice(['and', 'or', '==', '!='])} {e('bool', d)})",
                lambda: (
                    f"({e('bool', d)} {r.choice(['and', 'or'])} {e('bool', d)} and {e('bool', d)})"
                ),
                lambda: f"(not {e('bool', d)})",
            ]
        )()

    def expr_float(self, d: int) -> str:
        r, e = self.r, self.expr
        return r.choice(
            [
                lambda: f"({e('float', d)} {r.choice('+-*')} {e('float', d)})",
                lambda: f"({e('float', d)} * {r.randint(-3, 3)})",
                lambda: f"({e('float', d)} / ({e('float', d)} + 0.5))",
                lambda: f"-({e('float', d)})",
                lambda: f"abs({e('float', d)})",
                lambda: f"{r.choice(['min', 'max'])}({e('float', d)}, {e('float', d)})",
                lambda: f"float({e(r.choice(['int', 'tr.i128']), d)})",
                lambda: f"model.{r.choice(['exp', 'log', 'sqrt', 'sin', 'cos'])}({e('float', d)})",
            ]
        )()

    def expr_i128(self, d: int) -> str:
        r, e = self.r, self.expr
        w = "tr.i128"
        return r.choice(
            [
                lambda: f"({e(w, d)} {r.choice('+-*')} {e(w, d)})",
                lambda: f"({e(w, d)} {r.choice(['+', '-', '*'])} {e('int', d)})",
                lambda: f"({e(w, d)} {r.choice(['//', '%'])} ({e('int', d)} | 1))",
                lambda: f"({e('int', d)} {r.choice(['+', '-', '*'])} {e(w, d)})",
                lambda: f"({e(w, d)} {r.choice(['//', '%'])} (abs({e(w, d)}) + 1))",
                lambda: f"-({e(w, d)})",
                lambda: f"abs({e(w, d)})",
                lambda: f"{r.choice(['min', 'max'])}({e(w, d)}, {e(w, d)})",
                lambda: f"tr.i128({e(r.choice(['int', *UNITS]), d)})",
                lambda: f"({e('tr.Amount', d)} // {e('tr.Amount', d)})",
            ]
        )()

    def unit(self, kind: str, d: int) -> str:
        r, e = self.r, self.expr
        return r.choice(
            [
                lambda: f"({e(kind, d)} {r.choice('+-')} {e(kind, d)})",
                lambda: f"({e(kind, d)} * {e('int', d)})",
                lambda: f"({e(kind, d)} {r.choice(['//', '%'])} ({e('int', d)} | 1))",
                lambda: f"({e('int', d)} * {e(kind, d)})",
                lambda: f"({e(kind, d)} % max({e(kind, d)}, {kind}(1)))",
                lambda: f"{r.choice(['-', 'abs'])}({e(kind, d)})",
                lambda: f"{r.choice(['min', 'max'])}({e(kind, d)}, {e(kind, d)})",
                lambda: f"{kind}({e(r.choice(['int', 'tr.i128']), d)})",
            ]
        )()

    def expr_price(self, d: int) -> str:
        if self.r.random() < 0.15:
            return f"({self.expr('tr.Amount', d)} // max({self.expr('tr.Qty', d)}, tr.Qty(2)))"
        return self.unit("tr.Price", d)

    def expr_qty(self, d: int) -> str:
        if self.r.random() < 0.15:
            return f"({self.expr('tr.Amount', d)} // {self.expr('tr.Price', d)})"
        return self.unit("tr.Qty", d)

    def expr_amount(self, d: int) -> str:
        if self.r.random() < 0.3:
            return f"({self.expr('tr.Price', d)} * {self.expr('tr.Qty', d)})"
        return self.unit("tr.Amount", d)

    def expr_rate(self, d: int) -> str:
        return self.unit("tr.Rate", d)
