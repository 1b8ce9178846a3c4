"""Numbers at the border, and the errors that Python code sees."""

from decimal import Decimal

import pytest
from face import EXAMPLE

import tiderace as tr
from tiderace import _genesis, errors
from tiderace._values import decimal

SPOT, _, INVERSE = _genesis.markets(tr.load(EXAMPLE))


def test_decimal_str_int_and_ticks_are_the_same_price() -> None:
    for price in (Decimal("61837.64"), "61837.64", tr.Ticks(6_183_764)):
        assert SPOT.ticks(price) == 6_183_764
    assert SPOT.ticks(61_837) == 6_183_700
    assert SPOT.price(6_183_764) == Decimal("61837.64")


def test_the_smallest_lot_and_an_inverse_contract_are_exact() -> None:
    assert SPOT.lots("0.00001") == 1
    assert INVERSE.lots(3) == 3
    assert str(SPOT.qty(1)) == "0.00001"
    assert str(INVERSE.qty(300)) == "300"


@pytest.mark.parametrize("value", [1.5, 1.0, True, None, b"1"])
def test_what_is_no_exact_number_is_a_type_error_that_names_decimal(value: object) -> None:
    with pytest.raises(TypeError, match="Decimal"):
        decimal(value, key="price")  # type: ignore[arg-type]


def test_off_the_grid_is_refused_with_its_code() -> None:
    with pytest.raises(tr.OrderRefused) as tick:
        SPOT.ticks("61837.645")
    assert (tick.value.code, tick.value.reason) == (2014, "bad_tick")
    assert "0.01" in tick.value.rule
    for qty in ("0.000015", 0, "-1"):
        with pytest.raises(tr.OrderRefused) as lot:
            SPOT.lots(qty)
        assert lot.value.code == 2015
    with pytest.raises(tr.InputError):
        SPOT.ticks("NaN")


def test_refusals_raised_here_are_the_reasons_of_the_core() -> None:
    from tiderace import _core

    reasons = {code: name for code, name, _, _ in _core.reasons()}
    assert (reasons[2014], reasons[2015]) == ("bad_tick", "bad_lot")


def test_all_is_sorted_and_there() -> None:
    from tiderace import bench, cli, config, strategy

    for module in (tr, errors, config, strategy, cli, bench):
        assert list(module.__all__) == sorted(module.__all__), module.__name__
        assert all(hasattr(module, name) for name in module.__all__), module.__name__


def test_the_printed_tree_of_errors_is_the_tree() -> None:
    text = errors.__doc__ or ""
    for name in errors.__all__:
        assert name in text
        kind = getattr(errors, name)
        line = next(row for row in text.splitlines() if name in row.split())
        assert kind.exit_status == (2 if issubclass(kind, errors.InputError) else 1), line
