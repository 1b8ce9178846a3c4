"""Standard margin: one instrument at a time, from its own parameters."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from tiderace import _core
from tiderace._clear.contract import (
    RATE_DECIMALS,
    Contract,
    contract,
    lot_of,
    lots_of,
    needed,
    number,
    only,
    plain,
    quantity,
    word,
)
from tiderace._values import Number
from tiderace.errors import InputError, core_errors

# What a `new_order` of a scenario file may say; margin looks at side, quantity, price and
# `reduce_only`.
ORDER_KEYS = frozenset(
    """
    do account symbol side order_qty qty cl_ord_id ord_type price stop_px trigger trailing_offset
    peg_to peg_offset time_in_force expire_time post_only reduce_only display_qty min_qty
    self_trade_prevention mmp_group strategy link
    """.split()  # noqa: SIM905 - the words of one table
)


class Margin(NamedTuple):
    """Requirements in the settlement asset, neither below zero.

    Attributes
    ----------
    initial
        To open.
    maintenance
        To keep.
    """

    initial: Decimal
    maintenance: Decimal


def standard_margin(
    position: Mapping[str, Any],
    *,
    instrument: Mapping[str, Any],
    mark: Number,
    index: Number,
) -> Margin:
    """Margin a position by the rules of its instrument.

    Parameters
    ----------
    position
        ``{"symbol", "qty"}``, ``qty`` in contracts, below zero for a short one.
    instrument
        The keys of scenario files, ``margin`` among them: a ``tiered`` or an ``option`` model.
    mark
        The instrument's mark; of an option with ``unit`` ``coin`` in the coin.
    index
        The underlying's index; the forward of the option's maturity, where ``otm_of`` says so.

    Returns
    -------
    Margin
        Rounded up at 10^-18 of the settlement asset, whatever its own decimals are. Long options
        and spot need nothing, a short binary what it may have to pay.
    """
    of = contract(instrument)
    qty = _position_qty(position, of)
    if of.kind == "spot":
        return Margin(Decimal(0), Decimal(0))
    if of.margin is None:
        raise InputError(
            f"instrument.margin of {of.symbol} is missing",
            rule="Standard margin is taken by the model of the instrument",
            remedy='Add {"model": "tiered", …} or {"model": "option", …}',
        )
    lot = lot_of([qty])
    with core_errors():
        initial, maintenance = _core.clear_standard(
            of.for_core(lot),
            of.margin,
            lots_of(qty, lot, key="position.qty"),
            number(mark, RATE_DECIMALS, key="mark", least=_least_price(of)),
            number(index, RATE_DECIMALS, key="index", least=1),
        )
    return Margin(plain(initial, RATE_DECIMALS), plain(maintenance, RATE_DECIMALS))


def order_margin(
    order: Mapping[str, Any],
    *,
    instrument: Mapping[str, Any],
    position: Mapping[str, Any] | None,
    mark: Number,
    index: Number,
) -> Decimal:
    """Say what an order holds while it works, beside a position.

    The initial margin with the order filled, and what the fill costs at once (a limit beyond the
    mark, the premium of a bought option, the fee), less the initial margin now; never below zero.
    Sums as the venue takes them, for one order by itself.

    Parameters
    ----------
    order
        ``side``, ``order_qty``, ``price`` (the mark when absent) and ``reduce_only``, as in a
        scenario file's ``new_order``, whose other keys are not looked at. ``qty`` will do for
        ``order_qty``.
    instrument, mark, index
        As in `standard_margin`; ``fees`` count where the instrument has some. Without ``margin``
        only spot orders hold: a buy what it pays, a sale what it delivers, in that asset.
    position
        ``{"symbol", "qty"}``, or None.

    Returns
    -------
    Decimal
        In the settlement asset, rounded up at 10^-18.
    """
    of = contract(instrument)
    order = only(order, ORDER_KEYS, key="order")
    _same_symbol(order, of, key="order")
    side = word(needed(order, "side", key="order"), ("buy", "sell"), key="order.side")
    name = "qty" if order.get("order_qty") is None and "qty" in order else "order_qty"
    size = number(needed(order, name, key="order"), 12, key=f"order.{name}", least=1)
    held = 0 if position is None else _position_qty(position, of)
    if order.get("reduce_only"):
        # It trades down to flat at most.
        reducible = -held if side == "buy" else held
        size = min(size, max(0, reducible))
    qty = size if side == "buy" else -size
    at_mark = number(mark, RATE_DECIMALS, key="mark", least=_least_price(of))
    price = order.get("price")
    limit = (
        at_mark
        if price is None
        else number(price, RATE_DECIMALS, key="order.price", least=_least_price(of))
    )
    lot = lot_of([qty, held])
    with core_errors():
        amount = _core.clear_order(
            of.for_core(lot),
            of.margin,
            lots_of(held, lot, key="position.qty"),
            lots_of(qty, lot, key="order.order_qty"),
            limit,
            of.fee,
            at_mark,
            number(index, RATE_DECIMALS, key="index", least=1),
        )
    return plain(amount, RATE_DECIMALS)


def _position_qty(position: Mapping[str, Any], of: Contract) -> int:
    position = only(position, ("symbol", "qty"), key="position")
    _same_symbol(position, of, key="position")
    return quantity(needed(position, "qty", key="position"), key="position.qty")


def _same_symbol(row: Mapping[str, Any], of: Contract, *, key: str) -> None:
    if row.get("symbol", of.symbol) != of.symbol:
        raise InputError(
            f"{key}.symbol = {row['symbol']!r} with the instrument {of.symbol!r}",
            rule="Both are of one instrument",
            remedy="Give the instrument of that symbol",
        )


def _least_price(of: Contract) -> int | None:
    """Return the least price: a future that divides by none may trade below zero."""
    if of.kind in ("option", "binary"):
        return 0
    return None if of.kind == "future" and of.style != "inverse" else 1
