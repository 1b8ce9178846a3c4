//! Three instruments on one underlying, and books for them.
#![allow(dead_code, reason = "each test binary uses its part")]

use tiderace_book::Book;
use tiderace_route::{Candidate, RouteConfig, Router, VenueCost};
use tiderace_types::{
    Amount, AssetId, Fraction, Instrument, InstrumentId, InstrumentKind, MarketEvent, MarketKind, Price, Qty, Side,
    Style, Ts, VenueId,
};

pub(crate) const HOURS_8: i64 = 8 * 3_600 * 1_000_000_000;

/// Spot: tick 0.01, lot 0.00001 BTC, at least 5 USDT.
pub(crate) fn spot() -> Instrument {
    Instrument {
        id: InstrumentId(0),
        version: 1,
        venue: VenueId(0),
        symbol: "BTCUSDT".into(),
        kind: InstrumentKind::Spot,
        style: Style::Linear,
        base: AssetId(0),
        quote: AssetId(1),
        settle: AssetId(1),
        base_decimals: 8,
        quote_decimals: 8,
        tick_size: 10_000_000_000,
        lot_size: 10_000_000,
        contract_multiplier: 1_000_000_000_000,
        min_order_qty: Qty::new(1).unwrap(),
        max_order_qty: Qty::MAX,
        min_notional: Amount::new(500_000_000),
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
    }
}

/// Linear perpetual: tick 0.1, lot 0.001 BTC, at least 100 USDT.
pub(crate) fn linear() -> Instrument {
    Instrument {
        id: InstrumentId(1),
        kind: InstrumentKind::Perpetual,
        tick_size: 100_000_000_000,
        lot_size: 1_000_000_000,
        min_notional: Amount::new(10_000_000_000),
        ..spot()
    }
}

/// Inverse perpetual: tick 0.1, lot one contract of 100 USD.
pub(crate) fn inverse() -> Instrument {
    Instrument {
        id: InstrumentId(2),
        style: Style::Inverse,
        settle: AssetId(0),
        lot_size: 1_000_000_000_000,
        contract_multiplier: 100_000_000_000_000,
        min_notional: Amount::ZERO,
        ..linear()
    }
}

pub(crate) fn instruments() -> [Instrument; 3] {
    [spot(), linear(), inverse()]
}

fn venue(taker: i64, maker: i64, funding: i64) -> VenueCost {
    VenueCost {
        taker_fee: Fraction::new(taker),
        maker_fee: Fraction::new(maker),
        funding_rate: Fraction::new(funding),
        funding_interval_ns: if funding == 0 { 0 } else { HOURS_8 },
        quote_rate: Fraction::ONE,
    }
}

/// Taker 2.3, 1.7, 2.4 bp; maker 1.1, 0, -0.9 bp; funding 1 bp in 8 h, held for 8 h.
pub(crate) fn config() -> RouteConfig {
    RouteConfig {
        holding_ns: HOURS_8,
        costs: vec![venue(230_000, 110_000, 0), venue(170_000, 0, 100_000), venue(240_000, -90_000, 100_000)],
    }
}

/// No cost anywhere.
pub(crate) fn free() -> RouteConfig {
    RouteConfig { holding_ns: 0, costs: vec![venue(0, 0, 0); 3] }
}

pub(crate) fn router(config: RouteConfig) -> Router {
    Router::new(config, 3).unwrap()
}

pub(crate) fn event(kind: MarketKind, side: Side, price: i64, qty_e8: i64) -> MarketEvent {
    MarketEvent {
        ts_event: Ts::new(0),
        ts_recv: Ts::new(0),
        price: Price::new(price),
        qty_e8,
        seq: 0,
        instrument: InstrumentId(0),
        kind,
        flags: if side == Side::Sell { MarketEvent::ASK } else { 0 },
    }
}

/// A live book of (price, qty_e8).
pub(crate) fn book(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Book {
    let mut book = Book::new();
    for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
        for (price, qty) in levels {
            book.apply(&event(MarketKind::Level, side, *price, *qty));
        }
    }
    book.apply(&event(MarketKind::Live, Side::Buy, 0, 0));
    book
}

pub(crate) fn candidate<'a>(instrument: &'a Instrument, book: &'a Book, mid2: i64, limit: i64) -> Candidate<'a> {
    Candidate {
        instrument,
        book,
        arrival_mid2: mid2,
        limit_px: Price::new(limit),
        is_selected: true,
        max_order_qty: instrument.max_order_qty,
        max_order_value: Amount::MAX,
        price_improvement: Fraction::ZERO,
    }
}
