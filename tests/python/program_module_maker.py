"""Makes random modules with a program in them, which plain Python runs as well: nothing traps.

What matters here is which object a name stands for: records in arrays in records, passed on and
made anew; members, fields and defaults; names of the module and of a function around. Some of it
the language refuses. Numbers stay small, indices within bounds.
"""

import random

RECORDS = """

@tr.record
class Leaf:
    a: int
    side: Side
    n: tr.i128


@tr.record
class Node:
    b: int
    leaf: Leaf
    row: tr.Array[int, 2]
    leaves: tr.Array[Leaf, 2]


@tr.record
class Terms:
    a: int = tr.param({a})
    b: int
    side: Side = tr.param({b}, minimum=-9)
    c: int = tr.param(minimum=1)


@tr.record
class State:
    node: Node
    leaves: tr.Array[Leaf, 2]
"""
TYPES = {
    "Leaf": "Leaf",
    "Node": "Node",
    "Terms": "Terms",
    "Row": "tr.Array[int, 2]",
    "Leaves": "tr.Array[Leaf, 2]",
    "Nodes": "tr.Array[Node, 2]",
}
FIELDS = {"Leaf": ["a", "side"], "Node": ["b"], "Terms": ["a", "b", "side", "c"]}
# How places of a type are made of places of others.
WITHIN = {
    "Nodes": [],
    "Node": [("Nodes", "[{}]")],
    "Leaves": [("Node", ".leaves")],
    "Leaf": [("Node", ".leaf"), ("Leaves", "[{}]")],
    "Row": [("Node", ".row")],
    "Terms": [],
}
REBOUND = [
    "{} += 1",
    "{} = 4",
    "{}, other = 5, 6",
    "[{} := 3 for _ in range(2)]",
]


class ModuleMaker:
    """Writes one module; its program is `f`, at top level or within `make`.

    It is a function of x and y, or a class with a state, whose one entry is.
    """

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        # What a module may hold that is refused; most hold nothing.
        self.fault = self.r.choice(["", "", "", "copy", "anew", "name"])
        self.lines: list[str] = []
        self.indent = 0
        self.count = 0
        self.nesting = 0
        self.constants: list[str] = []
        self.members: list[str] = []
        self.numbers: list[str] = []
        self.own: list[str] = []
        self.things: dict[str, list[str]] = {}
        self.helpers: list[tuple[str, list[str]]] = []

    def module(self) -> str:
        r = self.r
        self.lines = ["import tiderace as tr", ""]
        for number in range(3):
            self.write(f"C{number} = {self.constant()}")
            self.constants.append(f"C{number}")
        self.enum()
        self.lines.append(RECORDS.format(a=r.randint(-9, 9), b=r.randint(-9, 9)))
        for number in range(2):
            self.helper(number)
        self.write("")
        if r.random() < 0.5:
            self.around()
        else:
            self.disturb("C0")
            self.program()
        return "\n".join(self.lines) + "\n"

    def write(self, text: str) -> None:
        self.lines.append("    " * self.indent + text if text else "")

    def wild(self, fault: str, chance: float) -> bool:
        return self.fault == fault and self.r.random() < chance

    def constant(self) -> str:
        left = self.r.choice([*self.constants, str(self.r.randint(-9, 9))])
        return f"{left} {self.r.choice('+-*')} {self.r.randint(0, 9)}"

    def enum(self) -> None:
        self.lines += ["", "", "class Side(tr.Enum):"]
        self.indent = 1
        around = list(self.constants)
        for name in self.r.sample(["BUY", "SELL", "C0", "C1"], 3):
            self.constants = around + self.members
            self.write(f"{name} = {self.constant()}")
            self.members.append(name)
        self.indent = 0
        self.constants = around

    def disturb(self, name: str) -> None:
        """Bind a name again, or one that nobody uses."""
        if self.r.random() < 0.3 or self.fault == "name":
            line = self.r.choice(REBOUND)
            self.write(
                line.format(name)
                if self.wild("name", 0.5)
                else "unused = 1; " + line.format("unused")
            )

    def around(self) -> None:
        """Write a function around the program, with names of its own."""
        arg = "C1" if self.wild("name", 0.3) else "arg"
        self.write(f"def make({arg}):")
        self.indent = 1
        self.write("import tiderace as tr")
        self.write(f"K = {self.constant()}")
        self.constants.append("K")
        self.disturb("K")
        if self.wild("name", 0.3):
            for line in ("def change():", f"    {self.r.choice(['nonlocal K', 'global C2'])}"):
                self.write(line)
            self.write(f"    {'K' if 'nonlocal' in self.lines[-1] else 'C2'} = 50")
            self.write("change()")
        self.program()
        self.write("return f")
        self.indent = 0
        self.write("f = make(7)")

    # Functions

    def helper(self, number: int) -> None:
        kinds = self.r.sample(list(TYPES), 4)
        args = ", ".join(f"p{n}: {TYPES[kind]}" for n, kind in enumerate(kinds))
        self.write("")
        self.write("")
        self.write(f"def h{number}({args}, x: int) -> int:")
        self.things = {kind: [] for kind in TYPES}
        for n, kind in enumerate(kinds):
            self.things[kind].append(f"p{n}")
        self.own, self.numbers = [], ["x"]
        self.indent += 1
        for kind in ("Node", "Leaf"):
            # What a caller may hold; the language refuses it.
            if self.wild("anew", 0.3) and any(self.things[outer] for outer, _ in WITHIN[kind]):
                outer, step = self.r.choice([e for e in WITHIN[kind] if self.things[e[0]]])
                self.write(f"{self.things[outer][0]}{step.format(0)} = {kind}()")
        self.indent -= 1
        self.body(self.r.randint(2, 4))
        self.helpers.append((f"h{number}", kinds))

    def program(self) -> None:
        self.write("@tr.program")
        if self.r.random() < 0.4:
            self.write("class f:")
            self.indent += 1
            self.write("state: State")
            self.method()
            self.entry("self, ", "run")
            self.indent -= 1
        else:
            self.entry("", "f")

    def method(self) -> None:
        """Write a method that is called with what may be a part of the state."""
        self.write("def _m(self, leaf: Leaf, x: int) -> int:")
        self.things = self.of_state() | {"Leaf": ["leaf"]}
        self.own, self.numbers = [], ["x"]
        if self.wild("anew", 0.4):
            self.write("    self.state.node.leaf = Leaf(a=x)")
        self.body(self.r.randint(1, 3))
        self.helpers.append(("self._m", ["Leaf"]))

    def of_state(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {kind: [] for kind in TYPES}
        return found | {"Node": ["self.state.node"], "Leaves": ["self.state.leaves"]}

    def entry(self, first: str, name: str) -> None:
        self.write(f"def {name}({first}x: int, y: int) -> int:")
        self.things = self.of_state() if first else {kind: [] for kind in TYPES}
        # Nothing calls it: the state is as good as its own.
        self.own, self.numbers = ["self"] if first else [], ["x", "y"]
        self.indent += 1
        for kind, made in (("Leaf", "leaf"), ("Node", "node"), ("Nodes", "nodes"), ("Row", "row")):
            self.new(kind, made)
        self.new("Terms", "terms")
        self.new("Leaves", "leaves")
        self.indent -= 1
        self.body(self.r.randint(6, 10))

    def new(self, kind: str, name: str) -> None:
        self.write(f"{name} = {self.made(kind)}")
        if name not in self.things[kind]:
            self.things[kind].append(name)
            self.own.append(name)

    def made(self, kind: str) -> str:
        if kind not in FIELDS:
            return f"{TYPES[kind]}()"
        fields = self.r.sample(FIELDS[kind], self.r.randint(0, len(FIELDS[kind])))
        return f"{kind}({', '.join(f'{field}={self.expr(1)}' for field in fields)})"

    def body(self, count: int) -> None:
        self.indent += 1
        for _ in range(count):
            self.stmt(0)
        total = [f"{number} * {n + 2}" for n, number in enumerate(self.numbers)]
        for kind, fields in FIELDS.items():
            for name in self.things[kind]:
                total += [f"{name}.{field} * {self.r.randint(2, 99)}" for field in fields]
        for name in self.things["Row"]:
            total += [f"{name}[0] * 3 + {name}[1] * 5"]
        for name in self.things["Leaves"]:
            total += [f"{name}[0].a * 29 + {name}[1].side * 31"]
        for name in self.things["Node"]:
            total += [f"{name}.leaf.a * 7 + {name}.row[1] * 11 + {name}.leaves[0].a * 13"]
        for name in self.things["Nodes"]:
            total += [f"{name}[0].b * 17 + {name}[1].leaf.a * 19 + {name}[0].leaves[1].a * 23"]
        self.write("total = 0")
        for part in total:
            self.write(f"total += {part}")
        self.write("return total % 9973")
        self.indent -= 1

    # Statements

    def stmt(self, depth: int) -> None:
        r = self.r
        choice = r.random()
        kind = r.choice(list(TYPES))
        if choice < 0.2:
            self.write(f"{self.place()} = {self.expr(2)}")
        elif choice < 0.3:
            self.write(f"{self.place()} {r.choice('+-')}= {self.expr(2)}")
        elif choice < (0.45 if self.own else 0.5) and self.things[kind]:
            self.anew(kind)
        elif choice < 0.55 and self.thing("Row"):
            self.write(f"{self.thing('Row')}[:] = {self.thing('Row')}")
        elif choice < 0.65 and self.wild("copy", 0.5) and self.thing("Leaves"):
            shared = self.thing("Leaves")
            self.write(f"{self.thing('Leaves')}[:] = {shared}")
            self.write(f"{shared}[{self.index()}].a += 50")
        elif choice < 0.75 and self.call():
            self.write(self.call() or "pass")
        elif choice < 0.85 and depth < 2:
            self.write(f"if {self.expr(1)} > {self.expr(1)}:")
            self.inner(depth)
            if r.random() < 0.5:
                self.write("else:")
                self.inner(depth)
        elif depth < 2:
            self.count += 1
            name = f"i{self.count}"
            self.write(f"for {name} in range({r.randint(1, 3)}):")
            self.numbers.append(name)
            self.inner(depth)
            self.numbers.remove(name)
        else:
            self.write("pass")

    def inner(self, depth: int) -> None:
        self.indent += 1
        for _ in range(self.r.randint(1, 2)):
            self.stmt(depth + 1)
        self.indent -= 1

    def anew(self, kind: str) -> None:
        """Write a new record or array: in a variable, in a part of one's own, or in another's."""
        name = self.r.choice(self.things[kind])
        place = self.thing(kind) or name
        root = place.replace("[", ".").split(".")[0]
        if kind in FIELDS and place != root and (root in self.own or self.wild("anew", 0.5)):
            self.write(f"{place} = {self.made(kind)}")
        elif name in self.own:
            self.new(kind, name)
        else:
            self.write("pass")

    # Places and values

    def thing(self, kind: str, depth: int = 2) -> str | None:
        """Return an array or record of a type: a variable, or a part of one."""
        found = list(self.things[kind])
        if depth and (not found or self.r.random() < 0.6):
            for outer, step in WITHIN[kind]:
                base = self.thing(outer, depth - 1)
                if base:
                    found.append(base + step.format(self.index()))
        return self.r.choice(found) if found else None

    def place(self) -> str:
        """Return where a number may be stored."""
        kind = self.r.choice(["Leaf", "Node", "Terms", "Row"])
        base = self.thing(kind)
        if base is None:
            return "x"
        if kind == "Row":
            return f"{base}[{self.index()}]"
        return f"{base}.{self.r.choice(FIELDS[kind])}"

    def index(self) -> str:
        if self.nesting == 2 or self.r.random() < 0.5:
            return self.r.choice("01")
        self.nesting += 1
        made = f"({self.expr(1)}) % 2"
        self.nesting -= 1
        return made

    def call(self) -> str | None:
        if not self.helpers:
            return None
        name, kinds = self.r.choice(self.helpers)
        args: dict[str, str] = {}
        for kind in sorted(kinds, key=list(WITHIN).index):
            # Often a part of another argument: what one name changes, another one sees.
            parts = [
                args[outer] + step.format(self.index())
                for outer, step in WITHIN[kind]
                if outer in args
            ]
            whole = self.thing(kind, 1)
            if parts and self.r.random() < 0.5:
                args[kind] = self.r.choice(parts)
            elif whole:
                args[kind] = whole
            else:
                return None
        return f"{name}({', '.join(args[kind] for kind in kinds)}, {self.leaf()})"

    def expr(self, depth: int) -> str:
        r = self.r
        if depth == 0 or r.random() < 0.2:
            return self.leaf()
        if r.random() < 0.15:
            return self.call() or self.leaf()
        left, right = self.expr(depth - 1), self.expr(depth - 1)
        return f"({left} {r.choice('+-*')} {right}) % {r.choice([7, 97])}"

    def leaf(self) -> str:
        r = self.r
        if r.random() < 0.3:
            return self.place()
        return r.choice(
            [
                str(r.randint(-9, 9)),
                r.choice(self.constants),
                f"Side.{r.choice(self.members)}",
                r.choice(self.numbers),
            ]
        )
