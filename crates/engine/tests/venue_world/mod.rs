//! A small venue for tests: a perpetual with limits, an inverse one with a minimum, a future that may go below zero,
//! and spot.

#![allow(dead_code, reason = "each test uses a part of it")]

use tiderace_engine::venue::{AccountConfig, AccountLimits, Fees, Listing, MmpLimits, Venue, VenueConfig};
use tiderace_types::venue::{Command, Event, NewOrder};
use tiderace_types::{
    AccountId, Amount, Asset, AssetId, ClOrdId, Fraction, Instrument, InstrumentId, InstrumentKind, Price, Qty, Side,
    Style, TradingState, Ts, VenueId,
};

pub(crate) const ALICE: AccountId = AccountId(0);
pub(crate) const BOB: AccountId = AccountId(1);
pub(crate) const CAROL: AccountId = AccountId(2);
pub(crate) const USDC: AssetId = AssetId(0);
pub(crate) const BTC: AssetId = AssetId(1);
const ONE: i64 = 1_000_000_000_000;

pub(crate) fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

fn instrument(id: u16, kind: InstrumentKind, style: Style) -> Instrument {
    Instrument {
        id: InstrumentId(id),
        version: 1,
        venue: VenueId(0),
        symbol: format!("I{id}"),
        kind,
        style,
        base: BTC,
        quote: USDC,
        settle: if style == Style::Inverse { BTC } else { USDC },
        base_decimals: 8,
        quote_decimals: 6,
        tick_size: ONE,
        lot_size: ONE,
        contract_multiplier: ONE,
        min_order_qty: qty(1),
        max_order_qty: Qty::MAX,
        min_notional: Amount::ZERO,
        maturity_ns: Some(i64::MAX),
        strike_price: None,
        put_or_call: None,
    }
}

pub(crate) fn listing(instrument: Instrument) -> Listing {
    Listing {
        instrument,
        max_order_value: None,
        fees: Fees { maker: Fraction::new(-100_000), taker: Fraction::new(500_000) },
        fee_tiers: Vec::new(),
        band: None,
        breaker: None,
        random_end: None,
        schedule: Vec::new(),
        state: TradingState::Continuous,
        clearing: Default::default(),
    }
}

pub(crate) fn config() -> VenueConfig {
    let perpetual = Instrument { max_order_qty: qty(1_000), ..instrument(0, InstrumentKind::Perpetual, Style::Linear) };
    let perpetual = Listing { max_order_value: Some(Amount::new(30_000_000_000_000)), ..listing(perpetual) };
    let inverse = Instrument { min_order_qty: qty(2), ..instrument(1, InstrumentKind::Perpetual, Style::Inverse) };
    let future = instrument(2, InstrumentKind::Future, Style::Linear);
    let spot = instrument(3, InstrumentKind::Spot, Style::Linear);
    let account = |name: &str| AccountConfig {
        name: name.into(),
        member: Some("house".into()),
        stp_group: None,
        balances: vec![(USDC, Amount::new(1_000_000_000_000)), (BTC, Amount::new(100_000_000_000))],
        dead_man_ns: None,
        mmp: vec![MmpLimits {
            group: 0,
            interval_ns: 1_000_000_000,
            freeze_ns: 1_000_000_000,
            qty: Some(Amount::new(i128::from(ONE) * 10)),
            delta: None,
            vega: None,
            trades: None,
        }],
        limits: AccountLimits { max_open_orders: Some(1_000_000), ..AccountLimits::default() },
        clearing: Default::default(),
    };
    VenueConfig {
        seed: 7,
        start: Ts::new(1_000),
        assets: vec![Asset { asset: "USDC".into(), decimals: 6 }, Asset { asset: "BTC".into(), decimals: 8 }],
        instruments: vec![perpetual, listing(inverse), listing(future), listing(spot)],
        accounts: ["alice", "bob", "carol"].map(account).into(),
        fund: Vec::new(),
        clearing: Default::default(),
    }
}

pub(crate) fn order(account: AccountId, id: u64, side: Side, price: i64, lots: i64) -> NewOrder {
    NewOrder::limit(account, InstrumentId(0), ClOrdId(id), side, Price::new(price), qty(lots))
}

pub(crate) fn apply(venue: &mut Venue, command: impl Into<Command>) -> Vec<Event> {
    let mut events = Vec::new();
    venue.apply(venue.now(), &command.into(), &mut events);
    events
}

/// A venue where alice bids and bob and carol have traded once; nobody holds a position that alice could reduce.
pub(crate) fn world() -> Venue {
    let mut venue = Venue::new(config()).unwrap();
    apply(&mut venue, order(ALICE, 1, Side::Buy, 90, 5));
    apply(&mut venue, order(BOB, 2, Side::Sell, 100, 5));
    apply(&mut venue, order(CAROL, 3, Side::Buy, 100, 2));
    venue
}
