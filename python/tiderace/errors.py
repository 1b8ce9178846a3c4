"""Everything that Tiderace raises.

::

    TideraceError                 message, rule, remedy
    |-- Refused                   a rule said no; nothing changed                        exit 1
    |   `-- OrderRefused          an order or a parent order
    `-- Fault                     the world failed, or was asked for the impossible      exit 1
        |-- InputError            a wrong argument, key, value or file                   exit 2
        |   |-- DataError         a recording that cannot be read, or is not what it says
        |   |-- ProgramError      a program that does not compile; names file, line and column
        |   `-- ArgumentError     wrong arguments of a program; also a ``TypeError``
        |-- JournalError          a journal that is damaged; names the offset
        |-- ReplayError           a replay that came out different; names the sequence
        |-- RunFailed             a run that could not go on
        |   `-- Interrupted       a run that a person stopped
        |-- Trapped               a program that was stopped; names the trap and the fuel used
        `-- StorageError          a folder or disk that takes no more

A message states the value, the rule and the remedy. ``str(error)`` is all three, ``error.rule`` and
``error.remedy`` are the parts. A wrong *type* in Python code is a plain ``TypeError``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

__all__ = [
    "ArgumentError",
    "DataError",
    "Fault",
    "InputError",
    "Interrupted",
    "JournalError",
    "OrderRefused",
    "ProgramError",
    "Refused",
    "ReplayError",
    "RunFailed",
    "StorageError",
    "TideraceError",
    "Trapped",
]


class TideraceError(Exception):
    """The base of all errors of Tiderace.

    Parameters
    ----------
    message
        What is wrong, with the value, e.g. ``parent.limit is 0``.
    rule
        The rule that the value breaks.
    remedy
        What to do about it.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, rule: str = "", remedy: str = "") -> None:
        parts = [p if p[-1] in ".?!" else f"{p}." for p in (message, rule, remedy) if p]
        super().__init__(" ".join(parts) if len(parts) > 1 else message)
        self.message = message
        self.rule = rule
        self.remedy = remedy

    def to_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints under ``error``."""
        return {
            "kind": type(self).__name__,
            "message": self.message,
            "rule": self.rule,
            "remedy": self.remedy,
        }


class Refused(TideraceError):
    """A rule said no; nothing changed.

    Parameters
    ----------
    message
        What was refused.
    code
        The stable number of the reason.
    reason
        The stable name of the reason, e.g. ``price_collar``.
    value
        The value that the rule looked at, in the unit of the rule.
    rule, remedy
        The rule, and what to do about it.
    """

    def __init__(
        self, message: str, *, code: int, reason: str, value: str = "", rule: str, remedy: str
    ) -> None:
        super().__init__(message, rule=rule, remedy=remedy)
        self.code = code
        self.reason = reason
        self.value = value

    def to_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints under ``error``."""
        return super().to_dict() | {"code": self.code, "reason": self.reason, "value": self.value}


class OrderRefused(Refused):
    """An order or a parent order was refused."""


class Fault(TideraceError):
    """The world failed, or was asked for the impossible."""


class InputError(Fault):
    """A wrong argument, key, value or file."""

    exit_status = 2


class DataError(InputError):
    """A recording cannot be read, or is not what it says it is."""


class ProgramError(InputError):
    """A program does not compile.

    Parameters
    ----------
    reason
        A stable word for the kind of mistake, e.g. ``unit``, ``recursion``, ``limit``.
    file, line, column
        Where; line and column count from 1.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        file: str,
        line: int,
        column: int,
        rule: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(f"{file}:{line}:{column}: {message}", rule=rule, remedy=remedy)
        self.reason = reason
        self.file = file
        self.line = line
        self.column = column

    def to_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints under ``error``."""
        where = {"file": self.file, "line": self.line, "column": self.column}
        return super().to_dict() | {"reason": self.reason} | where


class ArgumentError(InputError, TypeError):
    """A program is called with the wrong number, type or range of arguments."""


class JournalError(Fault):
    """A journal is damaged; the message names the offset."""


class ReplayError(Fault):
    """A replay came out different; the message names the first differing sequence."""


class RunFailed(Fault):
    """A run could not go on."""


class Interrupted(RunFailed):
    """A person stopped the run; its journal is valid up to there."""


# What each trap means (`docs/PROGRAM.md`), and what its author can do.
_TRAPS = {
    "overflow": ("A result lies within its type", "Multiply in tr.i128, or bound the numbers"),
    "div_zero": ("Nothing is divided by zero", "Test the divisor before"),
    "bounds": ("An index lies within its array", "Test the index before"),
    "shift": ("A shift is by 0 to 63 places", "Bound the count"),
    "range_step": ("The step of a range is not 0", "Test the step before"),
    "float_to_int": ("What becomes a whole number is finite and fits it", "Bound it before"),
    "out_of_fuel": ("A call ends within its fuel", "Let it do less, or give it more"),
    "host": (
        "The host answers only what it has, such as its instruments by number",
        "Name what it has; give a host= from Python: alone, a program has none to ask",
    ),
}


class Trapped(Fault):
    """A program was stopped; its state and arguments are as they were before the call.

    Parameters
    ----------
    reason
        ``overflow``, ``div_zero``, ``bounds``, ``shift``, ``range_step``, ``float_to_int``,
        ``out_of_fuel`` or ``host``.
    fuel_used
        Fuel charged until then; all that was given at ``out_of_fuel``.
    line
        Line of the statement, where the program knows it.
    """

    def __init__(self, reason: str, *, fuel_used: int = 0, line: int | None = None) -> None:
        where = "" if line is None else f" at line {line}"
        said = f"the program trapped: {reason}{where}, {fuel_used:,} fuel used"
        rule, remedy = _TRAPS.get(reason, ("", ""))
        super().__init__(said, rule=rule, remedy=remedy)
        self.reason = reason
        self.fuel_used = fuel_used
        self.line = line

    def to_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints under ``error``."""
        said = {"reason": self.reason, "fuel_used": self.fuel_used, "line": self.line}
        return super().to_dict() | said


class StorageError(Fault):
    """A folder or disk takes no more."""


# The extension knows no Python module: its exceptions have the same names and become ours here.
# A message there is "value; rule; remedy", the rule often left out: then it is the one named here.
_FROM_CORE: dict[str, tuple[type[Fault], str, str]] = {
    "ConfigError": (
        InputError,
        "The core computes with whole numbers that it has checked",
        "Correct the config",
    ),
    "DataError": (
        DataError,
        "A recording is whole, and is what its name says",
        "See `tiderace data check`, or restore the file from a copy",
    ),
    "JournalError": (
        JournalError,
        "A journal is read as it was written, byte for byte",
        "Restore the journal from a copy",
    ),
    "ReplayError": (
        ReplayError,
        "The same inputs give the same outputs",
        "Replay with the build and the recording that the journal was written with",
    ),
}


@contextmanager
def core_errors() -> Iterator[None]:
    """Raise what ``tiderace._core`` raises in the block as the error of the same name here."""
    try:
        yield
    except TideraceError:
        raise
    except Exception as error:
        if type(error).__name__ not in _FROM_CORE or type(error).__module__ != "tiderace._core":
            raise
        ours, rule, remedy = _FROM_CORE[type(error).__name__]
        message, *said = str(error).split("; ")
        remedy = _sentence(said.pop()) if said else remedy
        rule = _sentence("; ".join(said)) if said else rule
        raise ours(message, rule=rule, remedy=remedy) from error


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
