//! A small hand-driven market for the tests of the simulated venues.
#![allow(dead_code, reason = "each test file uses a part of it")]

use tiderace_sim::{LatencyModel, QueueModel, Reports, SimConfig, SimExchange, VenueTerms};
use tiderace_types::event::{CancelSent, OrderSent, ReplaceSent, StatusRequested};
use tiderace_types::input::{CancelReject, ExecutionReport};
use tiderace_types::{
    Amount, AssetId, ClOrdId, Fraction, Input, Instrument, InstrumentId, InstrumentKind, MarketEvent, MarketKind,
    OrdType, ParentId, Price, Qty, Side, Style, Tags, TimeInForce, Ts, VenueId,
};

/// One whole BTC, or contract, in feed units.
pub(crate) const ONE: i64 = 100_000_000;

/// One lot is 0.01, one tick 1 USD, so that cases can be read.
pub(crate) fn linear() -> Instrument {
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
        tick_size: 1_000_000_000_000,
        lot_size: 10_000_000_000,
        contract_multiplier: 1_000_000_000_000,
        min_order_qty: Qty::new(1).unwrap(),
        max_order_qty: Qty::new(1_000_000).unwrap(),
        min_notional: Amount::new(500_000_000),
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
    }
}

/// Contracts of 100 USD.
pub(crate) fn inverse() -> Instrument {
    Instrument {
        id: InstrumentId(1),
        kind: InstrumentKind::Perpetual,
        style: Style::Inverse,
        settle: AssetId(0),
        symbol: "BTCUSD_PERP".into(),
        lot_size: 1_000_000_000_000,
        contract_multiplier: 100_000_000_000_000,
        ..linear()
    }
}

pub(crate) fn config(queue: QueueModel) -> SimConfig {
    let terms = |asset| VenueTerms {
        taker_fee: Fraction::new(230_000),
        maker_fee: Fraction::new(-90_000),
        fee_asset: AssetId(asset),
    };
    SimConfig {
        instruments: vec![terms(1), terms(0)],
        queue,
        feed: LatencyModel::Recorded,
        order_entry: LatencyModel::ConstantNs(1),
        response: LatencyModel::ConstantNs(1),
        seed: 1,
        own_venue: None,
        surfaces: Vec::new(),
    }
}

/// A venue with a clock, and what it has reported.
pub(crate) struct Venue {
    pub(crate) exchange: SimExchange,
    pub(crate) reports: Reports,
    pub(crate) now: i64,
    seq: u64,
}

impl Venue {
    pub(crate) fn new(queue: QueueModel) -> Self {
        let exchange = SimExchange::new(&config(queue), &[linear(), inverse()]).unwrap();
        Self { exchange, reports: Vec::new(), now: 0, seq: 0 }
    }

    /// A live book: levels are (price, whole units); the reach is the deepest level of each side.
    pub(crate) fn with_book(queue: QueueModel, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Self {
        let mut venue = Self::new(queue);
        venue.snapshot(0, bids, asks);
        venue
    }

    pub(crate) fn snapshot(&mut self, instrument: u16, bids: &[(i64, i64)], asks: &[(i64, i64)]) {
        self.now += 1;
        self.event(instrument, MarketKind::Clear, Side::Buy, 0, 0, 4);
        for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
            for (price, units) in levels {
                self.event(instrument, MarketKind::Level, side, *price, units * ONE, 4);
            }
            self.event(instrument, MarketKind::Reach, side, levels.last().map_or(0, |l| l.0), 0, 4);
        }
        self.event(instrument, MarketKind::Live, Side::Buy, 0, 0, 4 | MarketEvent::LAST);
    }

    pub(crate) fn event(&mut self, instrument: u16, kind: MarketKind, side: Side, price: i64, qty_e8: i64, flags: u8) {
        self.seq += 1;
        let event = MarketEvent {
            ts_event: Ts::new(self.now),
            ts_recv: Ts::new(self.now),
            price: Price::new(price),
            qty_e8,
            seq: self.seq,
            instrument: InstrumentId(instrument),
            kind,
            flags: if side == Side::Sell { flags | MarketEvent::ASK } else { flags },
        };
        self.exchange.on_market(&event, &mut self.reports);
    }

    /// A depth message of one level.
    pub(crate) fn level(&mut self, side: Side, price: i64, qty_e8: i64) {
        self.now += 1;
        self.event(0, MarketKind::Level, side, price, qty_e8, MarketEvent::LAST);
    }

    /// A trade by an aggressor of `side`.
    pub(crate) fn trade(&mut self, side: Side, price: i64, qty_e8: i64) {
        self.now += 1;
        self.event(0, MarketKind::Trade, side, price, qty_e8, MarketEvent::LAST);
    }

    pub(crate) fn order(&mut self, order: OrderSent) -> Vec<ExecutionReport> {
        self.now += 1;
        let before = self.reports.len();
        self.exchange.on_order(Ts::new(self.now), &order, &mut self.reports);
        self.since(before)
    }

    pub(crate) fn cancel(&mut self, id: u64, orig: u64) -> Result<ExecutionReport, CancelReject> {
        self.now += 1;
        let sent = CancelSent { cl_ord_id: ClOrdId(id), orig_cl_ord_id: ClOrdId(orig), instrument: InstrumentId(0) };
        self.exchange.on_cancel(Ts::new(self.now), &sent, &mut self.reports);
        match &self.reports.last().unwrap().1 {
            Input::CancelReject(reject) => Err(*reject),
            Input::ExecutionReport(report) => Ok(*report),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn replace(
        &mut self,
        id: u64,
        orig: u64,
        lots: i64,
        price: i64,
    ) -> Result<Vec<ExecutionReport>, CancelReject> {
        self.now += 1;
        let before = self.reports.len();
        let sent = ReplaceSent {
            cl_ord_id: ClOrdId(id),
            orig_cl_ord_id: ClOrdId(orig),
            instrument: InstrumentId(0),
            order_qty: Qty::new(lots).unwrap(),
            price: Price::new(price),
        };
        self.exchange.on_replace(Ts::new(self.now), &sent, &mut self.reports);
        match self.reports.last().unwrap().1 {
            Input::CancelReject(reject) => Err(reject),
            _ => Ok(self.since(before)),
        }
    }

    pub(crate) fn status(&mut self, id: u64) -> ExecutionReport {
        let before = self.reports.len();
        let sent = StatusRequested { cl_ord_id: ClOrdId(id), instrument: InstrumentId(0) };
        self.exchange.on_status_request(Ts::new(self.now), &sent, &mut self.reports);
        self.since(before)[0]
    }

    /// Reports pushed since there were `before`.
    pub(crate) fn since(&self, before: usize) -> Vec<ExecutionReport> {
        let reports = self.reports[before..].iter().map(|(_, input)| match input {
            Input::ExecutionReport(report) => *report,
            other => panic!("{other:?}"),
        });
        reports.collect()
    }

    /// (lots, price) of the fills since there were `before` reports.
    pub(crate) fn fills_since(&self, before: usize) -> Vec<(i64, i64)> {
        fills(&self.since(before))
    }
}

/// (lots, price) of the fills.
pub(crate) fn fills(reports: &[ExecutionReport]) -> Vec<(i64, i64)> {
    let fills = reports.iter().filter(|r| r.last_qty > Qty::ZERO);
    fills.map(|r| (r.last_qty.get(), r.last_px.get())).collect()
}

/// A limit order of the first instrument, good till cancel.
pub(crate) fn limit(id: u64, side: Side, lots: i64, price: i64) -> OrderSent {
    OrderSent {
        cl_ord_id: ClOrdId(id),
        parent_id: ParentId(0),
        tags: Tags::default(),
        instrument: InstrumentId(0),
        side,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        order_qty: Qty::new(lots).unwrap(),
        price: Price::new(price),
    }
}

pub(crate) fn ioc(id: u64, side: Side, lots: i64, price: i64) -> OrderSent {
    OrderSent { time_in_force: TimeInForce::Ioc, ..limit(id, side, lots, price) }
}
