"""Source text, its syntax tree, and errors that say where. The text is parsed, never executed.

Limits come first: a text that is too long, or nested too deep to be walked safely, goes no further.
"""

import ast
import re
import warnings
from pathlib import Path

from tiderace._programs.tree import Position
from tiderace._programs.words import NESTING_MAX, SOURCE_BYTES_MAX
from tiderace.errors import ProgramError


def text_of(path: str | Path) -> str:
    """Return the text of a program file; of one that is too long no more than shows that it is.

    Raises
    ------
    OSError
        It cannot be read.
    ProgramError
        It is not UTF-8 text; names line and column.
    """
    with Path(path).open("rb") as file:
        data = file.read(SOURCE_BYTES_MAX + 1)
    if len(data) > SOURCE_BYTES_MAX:
        raise _too_long(str(path), f"more than {SOURCE_BYTES_MAX:,}")
    try:
        # A mark of the byte order is no part of the text, as in Python.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(errors="replace")
        raise ProgramError(
            f"it is not UTF-8 text: the byte 0x{error.object[error.start]:02x}",
            reason="file",
            file=str(path),
            line=before.count("\n") + 1,
            column=len(before) - (before.rfind("\n") + 1) + 1,
            rule="A program is a file of UTF-8 text",
            remedy="Save it as UTF-8, or correct the path",
        ) from None


def _too_long(file: str, size: str) -> ProgramError:
    return ProgramError(
        f"the source has {size} bytes",
        reason="limit",
        file=file,
        line=1,
        column=1,
        rule=f"A program has at most {SOURCE_BYTES_MAX:,} bytes of source",
        remedy="Make it smaller",
    )


class Source:
    """The text of one file.

    Raises
    ------
    ProgramError
        The text is no Python, too long, or nested too deep.
    """

    def __init__(self, text: str, *, file: str) -> None:
        self.file = file
        self._lines: list[str] = []
        self.module = self._parse(text)
        self._lines = re.split("\r\n|\r|\n", text)
        self._check_nesting()

    def at(self, node: ast.AST) -> Position:
        """Return line and column of a node, both from 1, the column in characters."""
        line, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        row = self._lines[line - 1] if line <= len(self._lines) else ""
        return line, len(row.encode()[:offset].decode(errors="replace")) + 1

    def error(
        self, node: ast.AST | Position, reason: str, what: str, *, instead: str = "", rule: str = ""
    ) -> ProgramError:
        """Return the error that says what is wrong at a node and what to write instead."""
        line, column = node if isinstance(node, tuple) else self.at(node)
        return ProgramError(
            what,
            reason=reason,
            file=self.file,
            line=line,
            column=column,
            rule=rule,
            remedy=instead,
        )

    def _parse(self, text: str) -> ast.Module:
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise self.error((1, 1), "syntax", "the source is not Unicode text") from None
        if size > SOURCE_BYTES_MAX:
            raise _too_long(self.file, f"{size:,}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text, filename=self.file)
        except SyntaxError as error:
            at = (max(error.lineno or 1, 1), max(error.offset or 1, 1))
            raise self.error(
                at, "syntax", f"not Python: {error.msg}", instead="Correct it"
            ) from None
        except (RecursionError, MemoryError):
            raise self._too_deep((1, 1)) from None
        except ValueError as error:
            raise self.error(
                (1, 1), "syntax", f"not Python: {error}", instead="Correct it"
            ) from None

    def _check_nesting(self) -> None:
        left: list[tuple[ast.AST, int, ast.AST]] = [(self.module, 0, self.module)]
        while left:
            node, depth, near = left.pop()
            near = node if hasattr(node, "lineno") else near
            if depth > NESTING_MAX:
                raise self._too_deep(self.at(near))
            left += [(child, depth + 1, near) for child in ast.iter_child_nodes(node)]

    def _too_deep(self, at: Position) -> ProgramError:
        return self.error(
            at,
            "limit",
            "nested too deep",
            rule=f"Statements and expressions nest at most {NESTING_MAX} deep together",
            instead="Split it by helper functions or variables",
        )


def shown(value: object) -> str:
    """Return a short text of a value for a message."""
    if isinstance(value, int) and value.bit_length() > 256:
        return "a very large number"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
