"""What came out of a run, as tables a person reads: decimals, names and sides, one row an event.

The core hands over integers as it stores them (ticks, lots, base units, FIX bytes); here they
become what they stand for. Nothing is computed: a figure is in `tiderace.tca`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from tiderace import _core, _genesis
from tiderace._programs import notes
from tiderace._sections import Config
from tiderace._tca.refused import LARGEST, is_child, unit_of
from tiderace._tca.words import Market, sign_of
from tiderace._values import unscaled

_SIDES = {ord("1"): "buy", ord("2"): "sell"}
_ORD_STATUS = {
    ord("0"): "new",
    ord("1"): "partially_filled",
    ord("2"): "filled",
    ord("4"): "canceled",
    ord("6"): "pending_cancel",
    ord("8"): "rejected",
    ord("A"): "pending_new",
    ord("C"): "expired",
    ord("E"): "pending_replace",
    ord("U"): "unknown",
}
_PARENT_STATUS = {
    ord("W"): "waiting",
    ord("0"): "working",
    ord("P"): "paused",
    ord("2"): "completed",
    ord("C"): "expired",
    ord("4"): "canceled",
    ord("8"): "rejected",
}
_COMMANDS = {3: "submit_parent", 7: "submit_order", 8: "replace_order", 9: "cancel_order"}


class Table:
    """Rows of a run with rich display; ``to_polars()`` gives the frame."""

    def __init__(self, name: str, frame: pl.DataFrame) -> None:
        self.name = name
        self._frame = frame

    def to_polars(self) -> pl.DataFrame:
        """Return the rows as a polars frame."""
        return self._frame

    def __len__(self) -> int:
        return self._frame.height

    def __repr__(self) -> str:
        return f"{self.name}: {self._frame!r}"

    def _repr_html_(self) -> str:
        return f"<b>{self.name}</b>{self._frame._repr_html_()}"


class Units:
    """Turns stored integers of one run into decimals and names, column by column."""

    def __init__(self, config: Config) -> None:
        rows = config.instruments
        self.markets = [
            Market(terms=terms, name=row.name, base=row.base, quote=row.quote)
            for row, terms in zip(rows, _genesis.instruments(config), strict=True)
        ]
        self.sign = sign_of(config.parent.side) if config.parent and config.parent.side else None
        assets = list(
            dict.fromkeys(asset for i in rows for asset in (i.base, i.quote, i.settle_asset))
        )
        self._decimals = {asset: config.assets.get(asset, 8) for asset in assets}
        self._base = self._decimals[rows[0].base]
        self._quote = max(self._decimals[i.quote] for i in rows)
        self.instruments = pl.DataFrame(
            {
                "instrument": range(len(rows)),
                "venue": [i.venue for i in rows],
                "symbol": [i.symbol for i in rows],
                "_tick": _one_scale([i.tick_size for i in rows]),
                "_lot": _one_scale([i.lot_size for i in rows]),
                "_quote_unit": [unscaled(1, self._decimals[i.quote]) for i in rows],
            },
            schema_overrides={"instrument": pl.UInt16},
        )
        self.assets = pl.DataFrame(
            {
                "fee_asset": range(len(assets)),
                "fee_asset_name": assets,
                "_fee_unit": _one_scale([unscaled(1, self._decimals[asset]) for asset in assets]),
            },
            schema_overrides={"fee_asset": pl.UInt16},
        )

    def joined(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add venue, symbol and the steps of each row's instrument."""
        return frame.join(self.instruments, on="instrument", how="left", maintain_order="left")

    def exposure(self, *names: str) -> list[pl.Expr]:
        """Turn base units of the base asset into decimals."""
        unit = pl.lit(unscaled(1, self._base))
        return [(pl.col(name).cast(pl.Decimal(38, 0)) * unit).alias(name) for name in names]


def price(name: str) -> pl.Expr:
    """Turn ticks into a price in the quote unit."""
    return (pl.col(name).cast(pl.Decimal(38, 0)) * pl.col("_tick")).alias(name)


def qty(name: str) -> pl.Expr:
    """Turn lots into contracts (spot: base)."""
    return (pl.col(name).cast(pl.Decimal(38, 0)) * pl.col("_lot")).alias(name)


def _one_scale(values: list[Decimal]) -> pl.Series:
    """Return decimals as one column, fine enough for all."""
    digits = max(-int(value.normalize().as_tuple().exponent) for value in values)
    return pl.Series([f"{value:f}" for value in values]).cast(pl.Decimal(38, max(digits, 0)))


def _time() -> pl.Expr:
    return pl.from_epoch("ts_ns", time_unit="ns").dt.replace_time_zone("UTC").alias("time")


def _named(name: str, names: dict[int, str]) -> pl.Expr:
    return pl.col(name).replace_strict(names, default=None, return_dtype=pl.String).alias(name)


def _reason() -> pl.Expr:
    names = {code: name for code, name, _, _ in _core.reasons()}
    return _named("reason", names)


def fills(raw: pl.DataFrame, units: Units) -> pl.DataFrame:
    """Build the table of booked fills."""
    frame = units.joined(raw).join(units.assets, on="fee_asset", how="left", maintain_order="left")
    return frame.select(
        _time(),
        "venue",
        "symbol",
        _named("side", _SIDES),
        qty("last_qty"),
        price("last_px"),
        *units.exposure("exposure"),
        (pl.col("notional").cast(pl.Decimal(38, 0)) * pl.col("_quote_unit")).alias("notional"),
        (pl.col("fee").cast(pl.Decimal(38, 0)) * pl.col("_fee_unit")).alias("fee"),
        pl.col("fee_asset_name").alias("fee_asset"),
        "is_maker",
        "is_reversal",
        "cl_ord_id",
        "parent_id",
        "exec_id",
        "seq",
        "ts_ns",
    )


def orders(raw: pl.DataFrame, units: Units) -> pl.DataFrame:
    """Build the table of order states: one row a change."""
    return units.joined(raw).select(
        _time(),
        "venue",
        "symbol",
        "cl_ord_id",
        "parent_id",
        _named("side", _SIDES),
        _named("ord_status", _ORD_STATUS),
        qty("order_qty"),
        qty("cum_qty"),
        qty("leaves_qty"),
        price("price"),
        _reason(),
        "seq",
        "ts_ns",
    )


def parents(raw: pl.DataFrame, units: Units) -> pl.DataFrame:
    """Build the table of parent states: one row a change."""
    return raw.select(
        _time(),
        "parent_id",
        _named("status", _PARENT_STATUS),
        *units.exposure("cum_qty", "leaves_qty"),
        _reason(),
        "seq",
        "ts_ns",
    )


def slices(raw: pl.DataFrame, units: Units) -> pl.DataFrame:
    """Build the table of slices that came due."""
    return raw.select(
        _time(),
        "parent_id",
        "slice",
        *units.exposure("target", "cum_qty", "take", "post"),
        "seq",
        "ts_ns",
    )


def stopped(raw: pl.DataFrame, forms: Mapping[int, bytes]) -> pl.DataFrame:
    """Build the table of programs that were stopped: trap and statement, by its line.

    Parameters
    ----------
    raw
        The events.
    forms
        The form of each parent whose algorithm the genesis has.
    """
    lines = {parent_id: notes.lines(form) for parent_id, form in forms.items()}
    files = {parent_id: notes.file(form) for parent_id, form in forms.items()}
    at = [
        lines[parent_id][statement] if statement < len(lines.get(parent_id, ())) and trap else None
        for parent_id, statement, trap in raw.select("parent_id", "statement", "trap").rows()
    ]
    return raw.select(
        _time(),
        "parent_id",
        _reason(),
        _named("trap", notes.TRAPS),
        _named("parent_id", files).alias("file"),
        pl.Series("line", at, dtype=pl.Int64),
        "statement",
        "fuel_used",
        "seq",
        "ts_ns",
    )


def noted(raw: pl.DataFrame, forms: Mapping[int, bytes]) -> pl.DataFrame:
    """Build the table of lines that programs wrote themselves: a label and a number."""
    words = {parent_id: notes.labels(form) for parent_id, form in forms.items()}
    labels = [
        words[parent_id][label] if label < len(words.get(parent_id, ())) else str(label)
        for parent_id, label in raw.select("parent_id", "label").rows()
    ]
    return raw.select(
        _time(),
        "parent_id",
        pl.Series("label", labels, dtype=pl.String),
        "value",
        "seq",
        "ts_ns",
    )


def refusals(raw: pl.DataFrame, units: Units) -> pl.DataFrame:
    """Build the table of refusals, with the rule and the remedy of each; values in their unit."""
    rows = [(name, rule, remedy) for _, name, rule, remedy in _core.reasons()]
    rules = pl.DataFrame(rows, schema=["reason", "rule", "remedy"], orient="row")
    measured = [_measured(row, units) for row in raw.iter_rows(named=True)]
    amount = pl.Decimal(38, 12)
    schema: dict[str, Any] = {"kind": pl.String, "value": amount, "limit": amount}
    schema["unit"] = pl.String
    frame = units.joined(raw.drop("kind", "value", "limit"))
    frame = frame.hstack(pl.DataFrame(measured, schema=schema, orient="row")).select(
        _time(),
        "venue",
        "symbol",
        "id",
        "kind",
        _reason(),
        "value",
        "limit",
        "unit",
        "seq",
        "ts_ns",
    )
    return frame.join(rules, on="reason", how="left", maintain_order="left")


def _measured(
    row: dict[str, Any], units: Units
) -> tuple[str | None, Decimal | None, Decimal | None, str]:
    """Return what was refused, the value and the bound in the rule's unit, and the unit."""
    of_parent = is_child(row["kind"], row["id"])
    kind = "child_order" if of_parent else _COMMANDS.get(row["kind"])
    i, value, limit = row["instrument"], int(row["value"]), int(row["limit"])
    market = units.markets[i] if i < len(units.markets) else None
    sign = units.sign if of_parent else None
    worth, unit = unit_of(row["reason"], limit, market, sign=sign)
    return kind, _fitting(value * worth), _fitting(limit * worth), unit


def _fitting(value: Decimal) -> Decimal | None:
    """Return what fits the column; the core's bound for "too large" does not."""
    return value if abs(value) < LARGEST else None
