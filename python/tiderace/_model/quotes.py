"""Quotes of options and futures as columns, and the arbitrage in them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tiderace import _core
from tiderace._model.numbers import number, whole
from tiderace.errors import ArgumentError, InputError, core_errors

_FLOATS = ("t", "strike", "bid", "ask", "bid_qty", "ask_qty", "discount", "forward", "mark_vol")
_KEYS = {"kind", "expiry", "call", "style", "ts_ns", *_FLOATS}
_KINDS = ("option", "future")
_STYLES = ("linear", "inverse")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Quotes:
    """Checked rows of quotes, as the core reads them.

    Parameters
    ----------
    rows
        Mappings, or a polars frame, with ``kind`` (``option``, ``future``), ``expiry`` (a time, a
        date, a string or a number: equal for equal expiries), ``t`` in years, which says what is
        near and what is far, ``strike`` and ``call`` for options, ``bid`` and ``ask`` (None or NaN
        where a side is missing), ``bid_qty`` and ``ask_qty`` (unknown where absent), ``style``
        (``linear`` unless given; ``inverse`` prices are in the coin), ``discount`` (1 unless given;
        an expiry's is that of its options), and what the venue quoted beside them: ``forward``,
        ``mark_vol`` (decimal), ``ts_ns``.
    """

    def __init__(self, rows: Any) -> None:
        if hasattr(rows, "iter_rows"):
            rows = rows.iter_rows(named=True)
        if isinstance(rows, Mapping | str) or not isinstance(rows, Iterable):
            raise InputError(
                f"quotes = {type(rows).__name__}",
                rule="Quotes are rows: a list of mappings, or a polars frame",
                remedy="Give one mapping a quote",
            )
        rows = list(rows)
        keys = [_expiry_key(row, at) for at, row in enumerate(rows)]
        number = _numbers(keys, [row.get("t") for row in rows])
        # Whether what the core calls an expiry is its time in nanoseconds.
        self.are_times = all(isinstance(key, int) for key in keys)
        said = dict(zip(reversed(keys), reversed(rows), strict=True))
        # What the core calls an expiry, and what the rows do.
        self.named: dict[int, Any] = {number[key]: said[key]["expiry"] for key in said}
        size = len(rows)
        self.kinds = np.zeros(size, dtype=np.uint8)
        self.styles = np.zeros(size, dtype=np.uint8)
        self.floats = np.full((size, len(_FLOATS)), np.nan)
        self.times = np.zeros((size, 2), dtype=np.int64)
        for at, row in enumerate(rows):
            self._fill(at, row, number[keys[at]])

    def _fill(self, at: int, row: Mapping[str, Any], expiry: int) -> None:
        kind = _word(row, at, "kind", _KINDS, None)
        self.styles[at] = _STYLES.index(_word(row, at, "style", _STYLES, "linear"))
        if kind == "future":
            self.kinds[at] = 2
        else:
            if not isinstance(row.get("call"), bool | np.bool_):
                raise _wrong(at, "call", row.get("call"), "True for a call, False for a put")
            self.kinds[at] = int(row["call"])
        for column, name in enumerate(_FLOATS):
            value = row.get(name)
            if value is None:
                is_needed = name == "t" or (name == "strike" and kind == "option")
                if is_needed:
                    raise _wrong(at, name, value, "a number")
                self.floats[at, column] = 1.0 if name == "discount" else np.nan
                continue
            try:
                self.floats[at, column] = float(value)
            except (TypeError, ValueError, OverflowError):
                raise _wrong(at, name, value, "a number") from None
            if isinstance(value, bool | np.bool_):
                raise _wrong(at, name, value, "a number")
        ts_ns = row.get("ts_ns")
        quoted = 0 if ts_ns is None else whole(f"quotes[{at}].ts_ns", ts_ns, least=0)
        self.times[at] = expiry, quoted

    @classmethod
    def of(cls, quotes: Any) -> "Quotes":
        """Return quotes as they are, rows as quotes."""
        return quotes if isinstance(quotes, Quotes) else cls(quotes)

    @classmethod
    def of_columns(
        cls,
        *,
        kinds: NDArray[np.uint8],
        styles: NDArray[np.uint8],
        floats: Mapping[str, NDArray[np.float64]],
        expiry_ns: NDArray[np.int64],
        ts_ns: NDArray[np.int64],
    ) -> Self:
        """Take columns that somebody has checked; expiries are UTC nanoseconds.

        Parameters
        ----------
        kinds, styles
            0 put, 1 call, 2 future; 0 linear, 1 inverse.
        floats
            By the names of the rows' keys; a column that is not there is unknown, a discount one.
        """
        made = cls(())
        made.named = {int(expiry): int(expiry) for expiry in expiry_ns}
        made.kinds, made.styles = kinds, styles
        made.floats = np.full((len(kinds), len(_FLOATS)), np.nan)
        made.floats[:, _FLOATS.index("discount")] = 1.0
        for name, column in floats.items():
            made.floats[:, _FLOATS.index(name)] = column
        made.times = np.ascontiguousarray(np.stack([expiry_ns, ts_ns], axis=1))
        return made

    def columns(self) -> dict[str, NDArray[Any]]:
        """Columns by the names that the core knows."""
        return {
            "kinds": self.kinds,
            "styles": self.styles,
            "floats": self.floats.reshape(-1),
            "times": self.times.reshape(-1),
        }


def _wrong(at: int, key: str, value: object, rule: str) -> InputError:
    return InputError(
        f"quotes[{at}].{key} = {value!r}", rule=f"It is {rule}", remedy="Correct the row"
    )


def _word(
    row: Mapping[str, Any], at: int, key: str, words: tuple[str, ...], default: str | None
) -> str:
    if not isinstance(row, Mapping):
        raise _wrong(at, key, row, "a mapping with the key")
    unknown = set(row) - _KEYS
    if unknown:
        name = min(unknown, key=str)
        raise _wrong(at, name, row[name], f"a key of {', '.join(sorted(_KEYS))}")
    value = row.get(key)
    value = default if value is None else value
    if value not in words:
        raise _wrong(at, key, value, " or ".join(words))
    return str(value)


def _expiry_key(row: Mapping[str, Any], at: int) -> int | float | str:
    """Whatever names an expiry, as something that can be put in order; a time as nanoseconds."""
    value = row.get("expiry") if isinstance(row, Mapping) else None
    if isinstance(value, str) and value:
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime):
        since = (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH
        return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return whole(f"quotes[{at}].expiry", value, least=-(2**63))
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return float(value)
    raise _wrong(at, "expiry", value, "a time, a date, a string or a number")


def _numbers(
    keys: Sequence[int | float | str], times: Sequence[Any]
) -> dict[int | float | str, int]:
    """Whole numbers in the order of time: keys that are such themselves, others by ``t``."""
    distinct = set(keys)
    if all(isinstance(key, int) for key in distinct):
        return {key: int(key) for key in distinct}
    # A name says nothing about when: "26JUN26" stands before "27MAR26".
    first: dict[int | float | str, float] = {}
    for key, t in zip(keys, times, strict=True):
        is_time = isinstance(t, int | float | np.number) and not np.isnan(t)
        first.setdefault(key, float(t) if is_time else np.inf)
    in_order = sorted(distinct, key=lambda key: (first[key], isinstance(key, str), key))
    return {key: n for n, key in enumerate(in_order)}


class Arbitrages(list[dict[str, Any]]):
    """Rows of arbitrage; ``reasons`` says of each quote why it was not used, None where it was."""

    def __init__(self, rows: Iterable[dict[str, Any]], reasons: list[str | None]) -> None:
        super().__init__(rows)
        self.reasons = reasons


class Leg(NamedTuple):
    """One trade of an arbitrage.

    Attributes
    ----------
    quote
        The row of the quotes.
    qty
        Contracts a unit: above zero bought at the ask, below zero sold at the bid.
    price
        What it trades at.
    """

    quote: int
    qty: float
    price: float


def names_of(codes: Iterable[int]) -> list[str | None]:
    """Names of reasons, None for zero."""
    names = {code: name for code, name, _, _ in _core.reasons()}
    return [names[code] if code else None for code in codes]


def _fees(fees: Mapping[str, float]) -> tuple[float, float]:
    """Money an option's and a future's contract; below zero it is a rebate."""
    remedy = 'Give {"option": 0.0003, "future": 0.0}'
    if not isinstance(fees, Mapping):
        raise ArgumentError(f"fees = {fees!r}", rule="Fees are a mapping", remedy=remedy)
    if unknown := set(fees) - {"option", "future"}:
        raise InputError(
            f"fees[{min(unknown, key=str)!r}]",
            rule="Fees are those of an option and of a future",
            remedy=remedy,
        )
    option, future = (number(f"fees[{k!r}]", fees.get(k, 0.0)) for k in ("option", "future"))
    return option, future


def arbitrage(quotes: Any, *, fees: Mapping[str, float] | None = None) -> Arbitrages:
    """Find trades at the quoted prices that cannot lose.

    Parameters
    ----------
    quotes
        Rows as `Quotes` takes them.
    fees
        Money a contract: ``{"option": 0.0003, "future": 0.0}``; none unless given.

    Returns
    -------
    Arbitrages
        Rows ``kind`` (``vertical``, ``butterfly``, ``calendar``, ``parity``, ``box``), ``legs``,
        ``edge`` (profit of one unit after fees, > 0, expiry values discounted) and ``qty`` (units
        that the thinnest leg allows; None where sizes are unknown). Quotes that were not taken at
        one moment give rows that nobody could have traded.
    """
    option, future = _fees({} if fees is None else fees)
    chain = Quotes.of(quotes)
    with core_errors():
        rows, reasons = _core.model_arbitrage(chain.columns(), option, future)
    found = (
        {"kind": kind, "legs": [Leg(*leg) for leg in legs], "edge": edge, "qty": qty}
        for kind, legs, edge, qty in rows
    )
    return Arbitrages(found, names_of(reasons))
