"""Small hand-made runs in the shapes that the core hands out, for tests of `tca` and `report`."""

from decimal import Decimal
from typing import Any

import polars as pl

from tiderace import tca

S = 1_000_000_000
BUY, SELL = ord("1"), ord("2")
WHOLE = pl.Decimal(38, 0)

SCHEMAS: dict[str, dict[str, Any]] = {
    "fills": {
        "seq": pl.UInt64,
        "ts_ns": pl.Int64,
        "cl_ord_id": pl.UInt64,
        "parent_id": pl.UInt64,
        "exec_id": pl.UInt64,
        "instrument": pl.UInt16,
        "side": pl.UInt8,
        "last_qty": pl.Int64,
        "last_px": pl.Int64,
        "exposure": WHOLE,
        "notional": WHOLE,
        "fee": WHOLE,
        "fee_asset": pl.UInt16,
        "is_maker": pl.Boolean,
        "is_reversal": pl.Boolean,
        "transact_time": pl.Int64,
    },
    "orders": {
        "seq": pl.UInt64,
        "ts_ns": pl.Int64,
        "cl_ord_id": pl.UInt64,
        "parent_id": pl.UInt64,
        "instrument": pl.UInt16,
        "side": pl.UInt8,
        "ord_status": pl.UInt8,
        "order_qty": pl.Int64,
        "cum_qty": pl.Int64,
        "leaves_qty": pl.Int64,
        "price": pl.Int64,
        "reason": pl.UInt16,
    },
    "parents": {
        "seq": pl.UInt64,
        "ts_ns": pl.Int64,
        "parent_id": pl.UInt64,
        "status": pl.UInt8,
        "cum_qty": WHOLE,
        "leaves_qty": WHOLE,
        "reason": pl.UInt16,
    },
    "slices": {
        "seq": pl.UInt64,
        "ts_ns": pl.Int64,
        "parent_id": pl.UInt64,
        "slice": pl.UInt32,
        "target": WHOLE,
        "cum_qty": WHOLE,
        "take": WHOLE,
        "post": WHOLE,
    },
    "arrivals": {
        "seq": pl.UInt64,
        "ts_ns": pl.Int64,
        "parent_id": pl.UInt64,
        "instrument": pl.UInt16,
        "bid_px": pl.Int64,
        "ask_px": pl.Int64,
        "limit_px": pl.Int64,
    },
    "skipped": {
        "seq": pl.UInt64,
        "ts_ns": pl.Int64,
        "parent_id": pl.UInt64,
        "instrument": pl.UInt16,
        "reason": pl.UInt16,
    },
    "refused": {
        "seq": pl.UInt64,
        "ts_ns": pl.Int64,
        "id": pl.UInt64,
        "kind": pl.UInt16,
        "instrument": pl.UInt16,
        "reason": pl.UInt16,
        "value": WHOLE,
        "limit": WHOLE,
    },
    "quotes": {
        "ts_ns": pl.Int64,
        "instrument": pl.UInt16,
        "bid_px": pl.Int64,
        "ask_px": pl.Int64,
        "bid_qty_e8": pl.Int64,
        "ask_qty_e8": pl.Int64,
    },
    "trades": {
        "ts_ns": pl.Int64,
        "ts_event_ns": pl.Int64,
        "instrument": pl.UInt16,
        "px": pl.Int64,
        "qty_e8": pl.Int64,
        "is_sell": pl.Boolean,
    },
    "depth": {"side": pl.UInt8, "px": pl.Int64, "qty_e8": pl.Int64, "is_known": pl.Boolean},
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "fills": {"parent_id": 1, "is_maker": False, "is_reversal": False, "fee": 0, "fee_asset": 1},
    "orders": {"parent_id": 1, "reason": 0, "leaves_qty": 0},
    "parents": {"parent_id": 1, "reason": 0},
    "slices": {"parent_id": 1, "post": 0},
    "arrivals": {"parent_id": 1, "ts_ns": 0, "limit_px": 0},
    "skipped": {"parent_id": 1, "ts_ns": 0},
    "refused": {"id": 1, "kind": 7, "ts_ns": 0, "instrument": 0},
    "quotes": {"bid_qty_e8": 10**8, "ask_qty_e8": 10**8},
    "trades": {"ts_event_ns": 0, "is_sell": False},
    "depth": {"is_known": True},
}
ASSETS = [
    {"asset": "BTC", "decimals": 8},
    {"asset": "USDT", "decimals": 8},
    {"asset": "USD", "decimals": 8},
]
REASONS = {
    3005: ("below_minimum", "A child is at least one lot.", "Nothing to do."),
    3006: ("dearer", "The other venues' levels cost less, fees and funding in.", "Nothing to do."),
    7005: ("dust", "What is left is below what any venue accepts.", "Nothing to do."),
    2005: (
        "max_order_value",
        "An order is worth no more than max_order_value.",
        "Split the order.",
    ),
    2008: (
        "insufficient_balance",
        "Spot orders are covered by the balance at their venue.",
        "Fund the venue, or send less.",
    ),
    2002: ("price_collar", "A limit price stays within the collar.", "Move the price nearer."),
}


def frame(name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """Return a table of the core with defaults filled in and ``seq`` counted."""
    full = [{"seq": i} | DEFAULTS[name] | row for i, row in enumerate(rows)]
    keep = [{k: row.get(k, 0) for k in SCHEMAS[name]} for row in full]
    return pl.DataFrame(keep, schema=SCHEMAS[name])


def terms(
    i: int, symbol: str, *, kind: str, style: str, tick: str, lot: str, multiplier: str
) -> dict[str, Any]:
    def step(text: str) -> int:
        return int(Decimal(text).scaleb(12))

    return {
        "id": i,
        "version": 1,
        "venue": i,
        "symbol": symbol,
        "kind": kind,
        "style": style,
        "base": 0,
        "quote": 2 if style == "inverse" else 1,
        "settle": 0 if style == "inverse" else 1,
        "base_decimals": 8,
        "quote_decimals": 8,
        "tick_size": step(tick),
        "lot_size": step(lot),
        "contract_multiplier": step(multiplier),
        "min_notional": 5 * 10**8,
    }


def spot(i: int = 0, name: str = "spot:BTCUSDT") -> tca.Market:
    """Ticks of 0.01, lots of 0.00001 BTC."""
    return tca.Market(
        terms=terms(
            i, "BTCUSDT", kind="spot", style="linear", tick="0.01", lot="0.00001", multiplier="1"
        ),
        name=name,
        base="BTC",
        quote="USDT",
    )


def linear(i: int = 1, name: str = "usdm:BTCUSDT") -> tca.Market:
    """Ticks of 0.1, lots of 0.001 BTC, funding of 1 bp each 8 h."""
    return tca.Market(
        terms=terms(
            i, "BTCUSDT", kind="perpetual", style="linear", tick="0.1", lot="0.001", multiplier="1"
        ),
        name=name,
        base="BTC",
        quote="USDT",
        funding_rate=Decimal("0.0001"),
    )


def inverse(i: int = 2, name: str = "coinm:BTCUSD_PERP") -> tca.Market:
    """Ticks of 0.1, lots of one contract of 100 USD."""
    return tca.Market(
        terms=terms(
            i,
            "BTCUSD_PERP",
            kind="perpetual",
            style="inverse",
            tick="0.1",
            lot="1",
            multiplier="100",
        ),
        name=name,
        base="BTC",
        quote="USD",
        funding_rate=Decimal("0.0001"),
    )


def fill(market: tca.Market, lots: int, ticks: int, **more: Any) -> dict[str, Any]:
    """Return a fill with exposure rounded down and notional exact, as the desk books it."""
    t = market.terms
    contracts = lots * market.lot * t["contract_multiplier"] * Decimal("1e-12")
    px = ticks * market.tick
    base, value = (contracts / px, contracts) if market.is_inverse else (contracts, contracts * px)
    row = {
        "instrument": t["id"],
        "side": BUY,
        "last_qty": lots,
        "last_px": ticks,
        "exposure": int(base.scaleb(8)),
        "notional": int(value.scaleb(8)),
        "cl_ord_id": 100 + t["id"],
        "exec_id": 1,
        "ts_ns": 0,
    }
    return row | {"transact_time": more.get("ts_ns", 0)} | more


def case(**tables: Any) -> tca.Inputs:
    """Return inputs with empty tables where none are given."""
    frames = {name: frame(name, *tables.pop(name, [])) for name in SCHEMAS if name != "depth"}
    given = {
        "name": "case",
        "markets": [spot(), linear(), inverse()],
        "assets": ASSETS,
        "usd_per": {"USDT": Decimal(1)},
        "reasons": REASONS,
    }
    return tca.Inputs(**(given | frames | tables))
