"""What the core refuses, so that nothing written in Python can bring the process down."""

from pathlib import Path

import pytest
from face import EXAMPLE, SMALL

import tiderace as tr


def panic_type() -> type[BaseException]:
    """Find the exception that a panic of the core becomes; it is in no module."""
    return next(t for t in BaseException.__subclasses__() if t.__name__ == "PanicException")


class Unwinding(tr.Strategy):
    """Unwind through the core in the middle of a callback, as a panic in a call of it would."""

    book: tr.BookView | None = None

    def on_book(self, book: tr.BookView) -> None:
        self.book = book
        raise panic_type()("unwind")


def test_a_callback_that_unwinds_gives_the_desk_back(tmp_path: Path) -> None:
    strategy = Unwinding()
    with pytest.raises(panic_type(), match="unwind"):
        tr.run(EXAMPLE, set=SMALL, out=tmp_path, strategy=strategy)
    with pytest.raises(RuntimeError, match="only there inside a callback"):
        strategy._context.best(0)
    assert strategy.book is not None
    with pytest.raises(RuntimeError, match="only there inside a callback"):
        strategy.book.levels(ord("1"), 1)
