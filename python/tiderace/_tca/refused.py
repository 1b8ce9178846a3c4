"""Refusals in the unit of their rule: money, exposure, prices, quantities, counts.

A refusal carries two integers, the value and the bound that it broke. What they count is the
reason's business: base units of an asset, ticks, lots, nanoseconds, or plain counts.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from tiderace._tca.words import (
    STEP,
    SUBMIT_PARENT,
    Inputs,
    Market,
    plain,
    reason_name,
    remedy,
    scaled,
    sign_of,
    words,
)

DESK_CL_ORD_ID = 1 << 63
"""Keys from here on are the desk's own: orders that it made out of a parent."""

_PRICES = {2002, 2003, 2014, 2017}
_LOTS = {1005, 1007, 1011, 2004, 2015}
_VALUE, _POSITION, _BALANCE, _MARGIN, _TOO_SMALL = 2005, 2006, 2008, 2009, 2016
_COUNTS = {1021: "timers", 2007: "orders", 2010: "messages", 2012: "executions"}
_TIMES = {2011, 7002}
_NS = 9
LARGEST = Decimal(10**26)
"""What is not below it counts nothing: the core says "all", or "too large"."""
_EPOCH_NS = 10**17
"""A time in nanoseconds above this is a moment, not a span."""


def is_child(kind: int, ident: int) -> bool:
    """Return whether an order that the desk made out of a parent was refused."""
    return kind == SUBMIT_PARENT and ident >= DESK_CL_ORD_ID


def unit_of(
    code: int, limit: int, market: Market | None, *, sign: int | None
) -> tuple[Decimal, str]:
    """Return what one of a refusal's integers is worth, and in what.

    Parameters
    ----------
    limit
        The bound: it tells a smallest notional from a smallest quantity.
    sign
        +1 where the refused order buys, -1 where it sells, ``None`` where that is not known: what a
        spot order is paid with hangs on it.
    """
    if code in _COUNTS:
        return Decimal(1), _COUNTS[code]
    if code in _TIMES:
        return scaled(1, _NS), "s"
    if market is None:
        return Decimal(1), ""
    terms = market.terms
    base = scaled(1, int(terms["base_decimals"])), market.base
    quote = scaled(1, int(terms["quote_decimals"])), market.quote
    if code in _PRICES:
        return market.tick, market.quote
    if code == _TOO_SMALL and limit == int(terms.get("min_notional", 0)):
        return quote
    if code in _LOTS or code == _TOO_SMALL:
        is_base = int(terms["contract_multiplier"]) * STEP == 1
        return market.lot, market.base if is_base else "contracts"
    if code == _VALUE:
        return quote
    if code == _POSITION:
        return base
    if code == _MARGIN:
        return base if market.is_inverse else quote
    if code == _BALANCE:
        if sign is None and base[0] == quote[0]:
            return base[0], f"{market.quote} or {market.base}"
        return base if sign == -1 else quote
    return Decimal(1), ""


def side_of_all(inputs: Inputs) -> int | None:
    """Return the side of every parent, where they agree."""
    signs = {sign_of(asked.side) for asked in inputs.asked}
    return signs.pop() if len(signs) == 1 else None


def refusal_rows(inputs: Inputs) -> list[dict[str, Any]]:
    """Return one row a reason and instrument, the most frequent first, each with its first case.

    Returns
    -------
    list of dict
        ``instrument reason words remedy count value limit unit ts_ns code``; the value and the
        bound are texts in the unit, empty where the reason has none.
    """
    if inputs.refused.height == 0:
        return []
    # A value may be as long as an i128, which polars can hold and not sort: only row numbers go.
    grouped = (
        inputs.refused.with_row_index("row")
        .group_by("reason", "instrument", maintain_order=True)
        .agg(pl.len(), pl.col("row").first())
        .sort("len", descending=True, maintain_order=True)
    )
    sign = side_of_all(inputs)
    return [
        _row(inputs, inputs.refused.row(row, named=True) | {"count": count}, sign)
        for count, row in grouped.select("len", "row").iter_rows()
    ]


def _row(inputs: Inputs, row: Mapping[str, Any], sign: int | None) -> dict[str, Any]:
    i, code = int(row["instrument"]), int(row["reason"])
    market = inputs.markets[i] if i < len(inputs.markets) else None
    value, limit = int(row["value"]), int(row["limit"])
    of_parent = is_child(row["kind"], row["id"])
    worth, unit = unit_of(code, limit, market, sign=sign if of_parent else None)
    is_plain = value == 0 and limit == 0
    is_moment = code in _TIMES and _EPOCH_NS < limit < 2**63 - 1
    write = _moment if is_moment else lambda units: _amount(units * worth)
    return {
        "instrument": market.name if market else None,
        "reason": reason_name(inputs, code),
        "words": words(inputs, code),
        "remedy": remedy(inputs, code),
        "count": row["count"],
        "value": "" if is_plain else write(value),
        "limit": "" if is_plain else write(limit),
        "unit": "" if is_plain else "UTC" if is_moment else unit,
        "ts_ns": row["ts_ns"],
        "code": code,
    }


def _amount(value: Decimal) -> str:
    """Return an amount; nothing where it is no amount but "all there is"."""
    return plain(value) if abs(value) < LARGEST else ""


def _moment(ts_ns: int) -> str:
    """Return a time, to the microsecond."""
    return f"{datetime.fromtimestamp(ts_ns / 1e9, UTC):%Y-%m-%dT%H:%M:%S.%f}"
