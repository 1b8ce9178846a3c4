"""What the core refuses, so that nothing written in Python can bring the process down."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from face import EXAMPLE, SMALL

import tiderace as tr
from tiderace import _core

SPOT: dict[str, Any] = {
    "id": 0,
    "version": 1,
    "venue": 0,
    "symbol": "BTCUSDT",
    "kind": "spot",
    "style": "linear",
    "base": 0,
    "quote": 1,
    "settle": 1,
    "base_decimals": 8,
    "quote_decimals": 8,
    "tick_size": 10**10,
    "lot_size": 10**7,
    "contract_multiplier": 10**12,
    "min_order_qty": 1,
    "max_order_qty": 10**6,
    "min_notional": 0,
    "maturity_ns": None,
    "strike_price": None,
    "put_or_call": None,
}


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


TAPE = _core.Tape.from_records(b"", 0)
TAKERS: dict[str, Callable[[str], object]] = {
    "read_binance": lambda one: _core.read_binance([], "spot", one),
    "decode_bytes": lambda one: _core.decode_bytes([], "spot", one),
    "make_flow": lambda one: _core.make_flow(_core.level_flow(10, 1), f"[{one}]"),
    "check_tape": lambda one: _core.check_tape(TAPE, f"[{one}]"),
}


@pytest.mark.parametrize("name", TAKERS)
def test_an_instrument_without_steps_is_refused_wherever_it_comes_in(name: str) -> None:
    with suppress(_core.DataError):  # of what is not about instruments
        TAKERS[name](json.dumps(SPOT))
    for step in ("tick_size", "lot_size", "contract_multiplier"):
        with pytest.raises(ValueError, match=r"BTCUSDT.*must be above zero"):
            TAKERS[name](json.dumps(SPOT | {step: 0}))
    with pytest.raises(ValueError, match="at most 18 decimals"):
        TAKERS[name](json.dumps(SPOT | {"base_decimals": 19}))


def test_decimals_beyond_the_digits_of_an_integer_are_refused() -> None:
    assert _core.format_decimal(1, 38) == "0." + "0" * 37 + "1"
    for decimals in (39, 70_000, 2**32 - 1):
        with pytest.raises(ValueError, match="above 38"):
            _core.format_decimal(1, decimals)
