"""What a program may ask of its host, and the capabilities that it names for it."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from tiderace._programs.tree import HostFunction
from tiderace._programs.words import Scalar
from tiderace.errors import ArgumentError

_INT, _BOOL = Scalar.INT, Scalar.BOOL
_PRICE, _QTY, _AMOUNT = Scalar.PRICE, Scalar.QTY, Scalar.AMOUNT
_PARENT, _BOOK, _TIMER = "parent", "book:*", "timer"
# Fuel of a call: one that reads, one that spreads over venues, any other that acts; one that prices
# an option, one that looks for its vol.
_READS, _ROUTES, _ACTS = 4, 200, 50
_PRICES, _SEEKS = 50, 1_000

_Row = tuple[str, tuple[Scalar, ...], Scalar | None, str | None, int]
# The table of `docs/ALGO.md`; a function's number is its place, so it is append-only.
_TABLE: tuple[_Row, ...] = (
    ("now", (), _INT, None, _READS),
    ("start", (), _INT, None, _READS),
    ("end", (), _INT, None, _READS),
    ("random", (_INT,), _INT, None, _READS),
    ("is_buy", (), _BOOL, _PARENT, _READS),
    ("order_qty", (), _AMOUNT, _PARENT, _READS),
    ("filled", (), _AMOUNT, _PARENT, _READS),
    ("working", (), _AMOUNT, _PARENT, _READS),
    ("smallest", (), _AMOUNT, _PARENT, _READS),
    ("lot", (), _AMOUNT, _PARENT, _READS),
    ("pending", (), _INT, _PARENT, _READS),
    ("children", (), _INT, _PARENT, _READS),
    ("is_open", (_INT,), _BOOL, _PARENT, _READS),
    ("child_left", (_INT,), _QTY, _PARENT, _READS),
    ("child_price", (_INT,), _PRICE, _PARENT, _READS),
    ("child_venue", (_INT,), _INT, _PARENT, _READS),
    ("venues", (), _INT, None, _READS),
    ("is_live", (_INT,), _BOOL, _BOOK, _READS),
    ("price", (_INT, _BOOL, _INT), _PRICE, _BOOK, _READS),
    ("depth", (_INT, _BOOL, _INT), _QTY, _BOOK, _READS),
    ("qty_at", (_INT, _BOOL, _PRICE), _QTY, _BOOK, _READS),
    ("last", (_INT,), _PRICE, _BOOK, _READS),
    ("traded", (_INT,), _QTY, _BOOK, _READS),
    ("others", (), _AMOUNT, _BOOK, _READS),
    ("limit", (_INT,), _PRICE, _PARENT, _READS),
    ("arrival", (_INT, _BOOL), _PRICE, _PARENT, _READS),
    ("exposure", (_INT, _QTY, _PRICE), _AMOUNT, None, _READS),
    ("lots", (_INT, _AMOUNT, _PRICE), _QTY, None, _READS),
    ("least", (_INT, _PRICE), _QTY, None, _READS),
    ("position", (_INT,), _INT, _PARENT, _READS),
    ("take", (_AMOUNT,), None, _PARENT, _ROUTES),
    ("post", (_AMOUNT,), _INT, _PARENT, _ROUTES),
    ("take_at", (_INT, _BOOL, _QTY, _PRICE), _INT, _PARENT, _ACTS),
    ("post_at", (_INT, _BOOL, _QTY, _PRICE), _INT, _PARENT, _ACTS),
    ("rest_at", (_INT, _BOOL, _QTY, _PRICE), _INT, _PARENT, _ACTS),
    ("cancel", (_INT,), None, _PARENT, _ACTS),
    ("cancel_all", (), None, _PARENT, _ACTS),
    ("wake", (_INT,), None, _TIMER, _ACTS),
    ("step", (_INT, _AMOUNT), None, _PARENT, _ACTS),
    ("finish", (), None, _PARENT, _ACTS),
    ("note", (_INT, _INT), None, None, _ACTS),
    ("vol", (_INT,), _INT, _BOOK, _READS),
    ("price_at_vol", (_INT, _INT, _BOOL), _PRICE, _BOOK, _PRICES),
    ("vol_at_price", (_INT, _PRICE), _INT, _BOOK, _SEEKS),
    ("delta", (_INT,), _INT, _BOOK, _PRICES),
    ("vega", (_INT,), _INT, _BOOK, _PRICES),
    ("price_at_value", (_INT, _INT, _BOOL, _BOOL), _PRICE, _BOOK, _PRICES),
)
# Arguments that may be written as a text, which the form holds as the number of a label.
_LABELS = {"note": frozenset({0})}

# Functions that a program calls as tr.host.NAME(...). The host's own table, checked again when a
# form is loaded, is the one that counts.
HOSTS: dict[str, HostFunction] = {
    name: HostFunction(name, params, result, capability, fuel, _LABELS.get(name, frozenset()))
    for name, params, result, capability, fuel in _TABLE
}

# What a program may be granted: `book:*` reads every book of its run, `book:NAME` one of them.
_CAPABILITY = re.compile(r"(book:[a-z0-9_.*-]{1,58}|parent|timer)\Z")
CAPABILITIES = "book:* or book:NAME, parent, timer"


def is_capability(word: str) -> bool:
    """Return whether there is such a capability."""
    return _CAPABILITY.match(word) is not None


class HostFace:
    """`tr.host` where no host is: it knows the names, and answers none of them."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in HOSTS:
            raise AttributeError(f"tr.host has no function {name!r}: it has {', '.join(HOSTS)}")

        def unanswered(*args: Any) -> Any:
            del args
            raise ArgumentError(
                f"tr.host.{name}(...) outside of a run",
                rule="The desk answers it, while it hosts a program",
                remedy="Name the file in a config (algo = ...), or give run_python(host=...)",
            )

        return unanswered

    def __dir__(self) -> Iterable[str]:
        return sorted(HOSTS)


host = HostFace()
