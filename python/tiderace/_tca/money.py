"""Money lines of fills, summed in integers by order and turned into USD exactly."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from tiderace._tca.words import Inputs, scaled, sign_of, usd_of
from tiderace._tca.works import Work

MONEY_LINES = ("notional", "fees", "funding", "trading", "delay", "basis", "conversion")


class Cell(msgspec.Struct, kw_only=True):
    """Fills of one order in one instrument, summed in integers; its money lines in USD."""

    parent_id: int
    instrument: int
    cl_ord_id: int
    sign: int
    exposure: int
    fills: int
    lots: int
    money: dict[str, Decimal]


def cells_of(inputs: Inputs, fills: pl.DataFrame, works: Mapping[int, Work]) -> list[Cell]:
    keys = ["parent_id", "instrument", "cl_ord_id", "side"]
    whole = pl.Decimal(38, 0)
    sums = [pl.col(c).cast(whole).sum() for c in ("exposure", "notional", "last_qty")]
    rows = fills.group_by(keys, maintain_order=True).agg(*sums, fills=pl.len())
    fees: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    by_asset = fills.group_by([*keys, "fee_asset"], maintain_order=True)
    for row in by_asset.agg(pl.col("fee").cast(whole).sum()).iter_rows():
        fees.setdefault(row[: len(keys)], []).append((row[-2], int(row[-1])))
    cells = []
    for *key, exposure, notional, lots, count in rows.iter_rows():
        parent_id, instrument, cl_ord_id, side = key
        cell = Cell(
            parent_id=parent_id,
            instrument=instrument,
            cl_ord_id=cl_ord_id,
            sign=sign_of(side),
            exposure=int(exposure),
            fills=count,
            lots=int(lots),
            money={},
        )
        paid = fees[tuple(key)]
        cell.money.update(_money_lines(inputs, cell, int(notional), paid, works[parent_id]))
        cells.append(cell)
    return cells


def _money_lines(
    inputs: Inputs, cell: Cell, notional: int, fees: list[tuple[int, int]], work: Work
) -> dict[str, Decimal]:
    market, sign = inputs.markets[cell.instrument], cell.sign
    value = scaled(notional, int(market.terms["quote_decimals"]))
    qty = scaled(cell.exposure, int(market.terms["base_decimals"]))
    own = work.arrival[cell.instrument]
    judge, decision = work.decisions[cell.instrument]
    reference = work.arrival[judge]
    usd = usd_of(inputs, market.quote)
    usd_reference = usd_of(inputs, inputs.markets[judge].quote)
    worth = {market.base: own * usd, market.quote: usd}
    paid = Decimal(0)
    for asset, fee in fees:
        name = str(inputs.assets[asset]["asset"])
        each = worth[name] if name in worth else usd_of(inputs, name)
        paid += scaled(fee, int(inputs.assets[asset]["decimals"])) * each
    rate = market.funding_rate if market.terms["kind"] == "perpetual" else Decimal(0)
    held = rate * inputs.holding_ns / market.funding_interval_ns
    return {
        "notional": value * usd,
        "fees": paid,
        "funding": sign * value * usd * held,
        "trading": sign * (value - qty * own) * usd,
        "delay": sign * qty * (reference - decision) * usd_reference,
        "basis": sign * qty * (own - reference),
        "conversion": sign * qty * (own * (usd - 1) - reference * (usd_reference - 1)),
    }


def total_of(cells: Iterable[Cell]) -> dict[str, Decimal]:
    out = dict.fromkeys(MONEY_LINES, Decimal(0))
    for cell in cells:
        for name, value in cell.money.items():
            out[name] += value
    return out
