"""Instruments and numbers at the border of clearing: mappings in, whole numbers for the core out.

An instrument has the keys of scenario files. What margin does not look at may be left out, also
where a venue needs it (`tick_size`, `lot_size`, fees); an unknown key is refused.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import gcd
from typing import Any, NamedTuple

from tiderace._values import STEP_DECIMALS, decimal, scaled, time_ns, unscaled
from tiderace.errors import InputError

Row = Mapping[str, Any]

RATE_DECIMALS = 18
STEP_ONE = 10**STEP_DECIMALS
# No number of the core is larger in size: sums and products of it then have room.
_NUMBER_MAX = 2**120
_I64_MAX = 2**63 - 1
# Most lots that a leg of a risk array takes.
LOTS_MAX = 2**40
# A lot worth more would be rounded more coarsely than it need be, or not fit an entry of a risk
# array.
_LOT_VALUE_MAX = 1000
# A date means this time of it.
_MATURITY = "T08:00:00Z"

KINDS = ("spot", "perpetual", "future", "option", "binary", "program")
STYLES = ("linear", "inverse", "quanto")
INSTRUMENT_KEYS = frozenset(
    """
    symbol kind style base quote settle tick_size lot_size contract_multiplier maturity strike_price
    put_or_call min_order_qty max_order_qty max_order_value fees fee_tiers trading_state price_band
    circuit_breaker random_end schedule margin funding settlement_window liquidation_fee price_floor
    price_cap
    """.split()  # noqa: SIM905 - the words of one table
)


class Contract(NamedTuple):
    """An instrument, checked. Steps are whole numbers of 10^-12."""

    symbol: str
    kind: str
    style: str
    base: str
    settle: str
    multiplier: int
    maturity_ns: int | None
    strike: int | None
    put_or_call: str | None
    margin: str | None
    fee: int

    @property
    def is_priced_by_vol(self) -> bool:
        """Whether it has a vol and a strike."""
        return self.kind in ("option", "binary")

    def for_core(self, lot: int) -> dict[str, object]:
        """Return what the core knows of it, with lots of a size."""
        strike, step = self.strike, 1
        while strike is not None and abs(strike) > 10**15 and strike % 10 == 0 and step < STEP_ONE:
            strike, step = strike // 10, step * 10
        if strike is not None and strike > _I64_MAX:
            raise _wrong(
                f"{self.symbol}.strike_price",
                plain(strike * step, STEP_DECIMALS),
                "fits",
                "Round it",
            )
        return {
            "symbol": self.symbol,
            "kind": self.kind,
            "style": self.style,
            "lot_size": lot,
            "contract_multiplier": self.multiplier,
            "maturity_ns": self.maturity_ns,
            "strike": strike,
            "strike_step": step,
            "put_or_call": self.put_or_call,
        }

    def lot_value(self, index: int) -> Decimal:
        """Return what a contract stands for in the settlement asset, with an index of 10^-18."""
        size = unscaled(self.multiplier, STEP_DECIMALS)
        price = unscaled(index, RATE_DECIMALS)
        if self.kind == "binary" or (self.kind == "option" and self.style == "inverse"):
            return size
        return size / price if self.style == "inverse" else size * price


def _wrong(key: str, value: object, rule: str, remedy: str) -> InputError:
    return InputError(f"{key} = {value!r}", rule=f"It {rule}", remedy=remedy)


def only(row: object, known: Iterable[str], *, key: str) -> Row:
    """Return ``row`` as the mapping that it is, with no key but those known."""
    if not isinstance(row, Mapping):
        raise _wrong(key, row, "is a mapping", "Give its keys and values")
    names = sorted(known)
    for name in row:
        if name not in names:
            raise InputError(
                f"{key}.{name} is unknown here",
                rule=f"Known are: {' '.join(names)}",
                remedy="Correct the name or leave it out",
            )
    return row


def rows(table: Any, *, key: str) -> list[Row]:
    """Return rows: a list of mappings, or a polars frame."""
    if hasattr(table, "iter_rows"):
        table = table.iter_rows(named=True)
    if isinstance(table, Mapping | str) or not isinstance(table, Iterable):
        raise _wrong(
            key, table, "is rows: a list of mappings, or a frame", "Give one mapping a row"
        )
    return list(table)


def needed(row: Row, name: str, *, key: str) -> Any:
    """Return a value that must be there."""
    if row.get(name) is None:
        raise InputError(f"{key}.{name} is missing", rule="Margin needs it", remedy="Add it")
    return row[name]


def word(value: object, words: Sequence[str], *, key: str) -> str:
    """Return one of some words."""
    if not isinstance(value, str) or value not in words:
        raise _wrong(key, value, f"is one of {' '.join(words)}", "Write one of these")
    return value


def name_of(row: Row, name: str, *, key: str) -> str:
    """Return a text that must be there."""
    value = needed(row, name, key=key)
    if not isinstance(value, str) or not value:
        raise _wrong(f"{key}.{name}", value, "is a name", "Write it as text")
    return value


def number(value: Any, decimals: int, *, key: str, least: int | None = None) -> int:
    """Return money, a price or a quantity in units of 10^-``decimals``, exactly."""
    return _bounded(scaled(decimal(value, key=key), decimals, key=key), value, key=key, least=least)


def reckoned(value: Any, *, key: str, least: int | None = None) -> int:
    """Return what a model reckoned in 10^-18: a float too, rounded half to even."""
    if isinstance(value, float):
        value = repr(value)
    exact = decimal(value, key=key)
    return _bounded(
        int(exact.scaleb(RATE_DECIMALS).to_integral_value()), value, key=key, least=least
    )


def _bounded(whole: int, value: object, *, key: str, least: int | None) -> int:
    if least is not None and whole < least:
        rule = "is above zero" if least == 1 else "is not below zero"
        raise _wrong(key, str(value), rule, "Correct it")
    if abs(whole) > _NUMBER_MAX:
        raise _wrong(key, str(value), "fits the integers of the core", "Give a smaller one")
    return whole


def plain(value: int, decimals: int) -> Decimal:
    """Return a whole number of 10^-``decimals`` as a decimal without trailing zeros."""
    sign, size = ("-", -value) if value < 0 else ("", value)
    whole, part = divmod(size, 10**decimals)
    digits = f"{part:0{decimals}d}".rstrip("0")
    return Decimal(f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}")


def moment_ns(value: object, *, key: str) -> int:
    """Return a time in nanoseconds since 1970; a date stands for 08:00 UTC of it."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).isoformat()
    if not isinstance(value, str):
        raise _wrong(key, value, "is a time", 'Write it like "2026-03-27T08:00:00Z"')
    return time_ns(value + _MATURITY if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else value, key=key)


def as_text(value: Any, *, key: str, has_floats: bool = False) -> Any:
    """Return a tree of mappings, lists, words and numbers with every number as decimal text."""
    if isinstance(value, Mapping):
        return {
            str(name): as_text(of, key=f"{key}.{name}", has_floats=has_floats)
            for name, of in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            as_text(of, key=f"{key}[{at}]", has_floats=has_floats) for at, of in enumerate(value)
        ]
    if isinstance(value, str):
        return value
    if isinstance(value, float) and has_floats:
        value = repr(value)
    return f"{decimal(value, key=key):f}"


def contract(row: object, *, key: str = "instrument") -> Contract:
    """Return an instrument, checked."""
    row = only(row, INSTRUMENT_KEYS, key=key)
    symbol = name_of(row, "symbol", key=key)
    kind = word(needed(row, "kind", key=key), KINDS, key=f"{key}.kind")
    style = word(row.get("style") or "linear", STYLES, key=f"{key}.style")
    base = name_of(row, "base", key=key)
    settle = _settle(row, kind, style, key=key)
    multiplier = row.get("contract_multiplier")
    for step in ("tick_size", "lot_size"):
        if row.get(step) is not None:
            number(row[step], STEP_DECIMALS, key=f"{key}.{step}", least=1)
    maturity, strike, side = (row.get(name) for name in ("maturity", "strike_price", "put_or_call"))
    if kind == "option":
        strike = needed(row, "strike_price", key=key)
        side = needed(row, "put_or_call", key=key)
    margin = row.get("margin")
    return Contract(
        symbol=symbol,
        kind=kind,
        style=style,
        base=base,
        settle=settle,
        multiplier=STEP_ONE
        if multiplier is None
        else _i64(
            number(multiplier, STEP_DECIMALS, key=f"{key}.contract_multiplier", least=1),
            key=f"{key}.contract_multiplier",
        ),
        maturity_ns=None if maturity is None else moment_ns(maturity, key=f"{key}.maturity"),
        strike=None
        if strike is None
        else number(strike, STEP_DECIMALS, key=f"{key}.strike_price", least=1),
        put_or_call=None if side is None else word(side, ("put", "call"), key=f"{key}.put_or_call"),
        margin=None if margin is None else json.dumps(_margin(margin, key=f"{key}.margin")),
        fee=_fee(row, key=key),
    )


def _settle(row: Row, kind: str, style: str, *, key: str) -> str:
    if kind == "spot":
        return name_of(row, "quote", key=key)
    settle = name_of(row, "settle", key=key)
    if style == "inverse" and settle != row["base"]:
        raise _wrong(
            f"{key}.settle", settle, "is the base asset of an inverse contract", "Correct it"
        )
    if style == "linear" and row.get("quote") not in (None, settle):
        raise _wrong(
            f"{key}.settle", settle, "is the quote asset of a linear contract", "Correct it"
        )
    return settle


def _margin(value: object, *, key: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(key, value, "is a model with its parameters", 'Write {"model": "tiered", …}')
    return as_text(value, key=key)


def _fee(row: Row, *, key: str) -> int:
    """Return the higher of the two fees, as an order may come to be either."""
    fees = row.get("fees")
    if fees is None:
        return 0
    fees = only(fees, ("maker", "taker"), key=f"{key}.fees")
    return max(
        0, *(number(fees[side], RATE_DECIMALS, key=f"{key}.fees.{side}") for side in fees), 0
    )


def _i64(value: int, *, key: str) -> int:
    if value > _I64_MAX:
        raise _wrong(key, plain(value, STEP_DECIMALS), "fits", "Give a smaller one")
    return value


def quantity(value: Any, *, key: str) -> int:
    """Return a quantity of contracts in 10^-12, signed."""
    return number(value, STEP_DECIMALS, key=key)


def lot_of(quantities: Iterable[int], *, value: Decimal | None = None) -> int:
    """Return the largest lot (10^-12) that all quantities are whole numbers of.

    It is split in tens while it is worth more than a risk array holds well, or does not fit.
    """
    lot = gcd(*quantities) or STEP_ONE

    def is_large(lot: int) -> bool:
        return value is not None and unscaled(lot, STEP_DECIMALS) * value > _LOT_VALUE_MAX

    while (lot > _I64_MAX or is_large(lot)) and lot % 10 == 0:
        lot //= 10
    return lot


def lots_of(qty: int, lot: int, *, key: str, most: int = _I64_MAX) -> int:
    """Return a quantity in lots."""
    lots = qty // lot
    if abs(lots) > most or lot > _I64_MAX:
        raise _wrong(key, str(plain(qty, STEP_DECIMALS)), "fits", "Give a smaller quantity")
    return lots
