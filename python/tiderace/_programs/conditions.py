"""What a condition may ask of the venue, which is another host than an algorithm's desk."""

from collections.abc import Iterable

from tiderace._programs import hosts
from tiderace._programs.tree import HostFunction
from tiderace._programs.words import Scalar

_INT, _BOOL, _I128, _PRICE = Scalar.INT, Scalar.BOOL, Scalar.I128, Scalar.PRICE
_BOOK, _ACCOUNT, _READS = "book:*", "account", 4

# The table of `docs/CONDITION.md`; a function's number is its place, so it is append-only.
_TABLE: tuple[tuple[str, tuple[Scalar, ...], Scalar, str | None], ...] = (
    ("now", (), _INT, None),
    ("best", (_INT, _BOOL), _PRICE, _BOOK),
    ("last", (_INT,), _PRICE, _BOOK),
    ("mark", (_INT,), _PRICE, _BOOK),
    ("index", (_INT,), _PRICE, _BOOK),
    ("vol", (_INT,), _INT, _BOOK),
    ("delta", (_INT,), _I128, _BOOK),
    ("position", (_INT,), _INT, _ACCOUNT),
)
CONDITION_HOSTS: dict[str, HostFunction] = {
    name: HostFunction(name, params, result, capability, _READS)
    for name, params, result, capability in _TABLE
}

CAPABILITIES = f"{hosts.CAPABILITIES}, account"


def is_capability(word: str) -> bool:
    """Return whether there is such a capability, on the desk or at the venue."""
    return word == _ACCOUNT or hosts.is_capability(word)


def hosts_of(meta: Iterable[tuple[str, str]]) -> dict[str, HostFunction]:
    """Return what the host of a program offers: it follows from its kind."""
    return CONDITION_HOSTS if ("kind", "condition") in meta else hosts.HOSTS
