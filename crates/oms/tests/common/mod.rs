//! What the tests of order life share: instruments, orders, reports, and a table that keeps its outputs.
#![allow(dead_code, reason = "each test uses its part")]

use tiderace_oms::{Oms, OmsConfig, Order};
use tiderace_types::event::{BreakRaised, FillBooked, OrderSent, OrderUpdated};
use tiderace_types::ids::Tags;
use tiderace_types::input::{CancelReject, ExecutionReport, ReplaceOrder};
use tiderace_types::*;

pub(crate) const TIMEOUT_NS: i64 = 1_000;

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

pub(crate) fn inverse() -> Instrument {
    Instrument {
        id: InstrumentId(1),
        kind: InstrumentKind::Perpetual,
        style: Style::Inverse,
        settle: AssetId(0),
        tick_size: 100_000_000_000,
        lot_size: 1_000_000_000_000,
        contract_multiplier: 100_000_000_000_000,
        ..spot()
    }
}

pub(crate) fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

pub(crate) fn order(id: u64, lots: i64) -> OrderSent {
    OrderSent {
        cl_ord_id: ClOrdId(id),
        parent_id: ParentId(9),
        tags: Tags { trader: 1, algorithm: 2, strategy: 3, client: 4 },
        instrument: InstrumentId(0),
        side: Side::Buy,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        order_qty: qty(lots),
        price: Price::new(6_000_000),
    }
}

/// A report about order `id` that says nothing of quantities.
pub(crate) fn report(exec_type: ExecType, id: u64) -> ExecutionReport {
    let ord_status = match exec_type {
        ExecType::Canceled => OrdStatus::Canceled,
        ExecType::Rejected => OrdStatus::Rejected,
        ExecType::Expired => OrdStatus::Expired,
        _ => OrdStatus::New,
    };
    ExecutionReport {
        instrument: InstrumentId(0),
        cl_ord_id: ClOrdId(id),
        orig_cl_ord_id: ClOrdId(0),
        order_id: 700 + id,
        exec_id: ExecId(0),
        exec_ref_id: ExecId(0),
        exec_type,
        ord_status,
        side: Side::Buy,
        order_qty: Qty::ZERO,
        price: Price::new(6_000_000),
        last_qty: Qty::ZERO,
        last_px: Price::ZERO,
        cum_qty: Qty::ZERO,
        leaves_qty: Qty::ZERO,
        is_maker: false,
        fee: Amount::ZERO,
        fee_asset: AssetId(1),
        reason: Reason::None,
        transact_time: Ts::ZERO,
    }
}

pub(crate) fn fill(id: u64, exec_id: u64, last: i64, cum: i64) -> ExecutionReport {
    ExecutionReport {
        exec_id: ExecId(exec_id),
        ord_status: OrdStatus::PartiallyFilled,
        last_qty: qty(last),
        last_px: Price::new(6_000_000),
        cum_qty: qty(cum),
        ..report(ExecType::Trade, id)
    }
}

pub(crate) fn reject(key: u64, orig: u64, is_replace: bool, ord_status: OrdStatus) -> CancelReject {
    let (cl_ord_id, orig_cl_ord_id) = (ClOrdId(key), ClOrdId(orig));
    CancelReject { cl_ord_id, orig_cl_ord_id, is_replace, ord_status, reason: Reason::None }
}

/// An oms with what it put out since the last look.
pub(crate) struct Table {
    pub(crate) oms: Oms,
    pub(crate) ts: i64,
    pub(crate) out: Vec<Output>,
}

impl Table {
    pub(crate) fn new() -> Self {
        let small = OmsConfig { reserved_orders: 16, max_executions: 256, ..OmsConfig::default() };
        Self::with(&OmsConfig { ack_timeout_ns: TIMEOUT_NS, ..small })
    }

    pub(crate) fn with(config: &OmsConfig) -> Self {
        Self { oms: Oms::new(config, &[spot(), inverse()], 42), ts: 1, out: Vec::new() }
    }

    /// A table in which order 1 of `lots` was sent and accepted.
    pub(crate) fn accepted(lots: i64) -> Self {
        let mut table = Self::new();
        table.oms.submit(Ts::new(1), &order(1, lots)).unwrap();
        table.take(&report(ExecType::New, 1));
        table.out.clear();
        table
    }

    pub(crate) fn now(&self) -> Ts {
        Ts::new(self.ts)
    }

    pub(crate) fn take(&mut self, report: &ExecutionReport) {
        self.oms.on_report(self.now(), report, &mut self.out);
    }

    pub(crate) fn take_reject(&mut self, reject: &CancelReject) {
        self.oms.on_cancel_reject(self.now(), reject, &mut self.out);
    }

    pub(crate) fn cancel(&mut self, key: u64, orig: u64) -> Result<(), Refusal> {
        self.oms.request_cancel(self.now(), ClOrdId(key), ClOrdId(orig)).map(|_| ())
    }

    pub(crate) fn replace(&mut self, key: u64, orig: u64, lots: i64) -> Result<(), Refusal> {
        self.oms.request_replace(self.now(), &replace(key, orig, lots)).map(|_| ())
    }

    pub(crate) fn pass(&mut self, ns: i64) {
        self.ts += ns;
        self.oms.on_timer(self.now(), &mut self.out);
    }

    pub(crate) fn order(&self, id: u64) -> &Order {
        self.oms.order(ClOrdId(id)).unwrap()
    }

    pub(crate) fn status(&self, id: u64) -> OrdStatus {
        self.order(id).ord_status()
    }

    pub(crate) fn fills(&self) -> Vec<&FillBooked> {
        self.out.iter().filter_map(|o| if let Output::FillBooked(fill) = o { Some(fill) } else { None }).collect()
    }

    pub(crate) fn breaks(&self) -> Vec<&BreakRaised> {
        self.out.iter().filter_map(|o| if let Output::BreakRaised(raised) = o { Some(raised) } else { None }).collect()
    }

    pub(crate) fn reasons_of_breaks(&self) -> Vec<Reason> {
        self.breaks().iter().map(|raised| raised.reason).collect()
    }

    pub(crate) fn updates(&self) -> Vec<&OrderUpdated> {
        self.out
            .iter()
            .filter_map(|o| if let Output::OrderUpdated(updated) = o { Some(updated) } else { None })
            .collect()
    }

    pub(crate) fn names(&mut self) -> Vec<&'static str> {
        self.out.drain(..).map(|output| output.name()).collect()
    }
}

pub(crate) fn replace(key: u64, orig: u64, lots: i64) -> ReplaceOrder {
    ReplaceOrder {
        cl_ord_id: ClOrdId(key),
        orig_cl_ord_id: ClOrdId(orig),
        cause_seq: 0,
        order_qty: qty(lots),
        price: Price::new(6_000_001),
    }
}

/// The venue's word that a replace took effect.
pub(crate) fn replaced(key: u64, orig: u64, lots: i64, cum: i64) -> ExecutionReport {
    ExecutionReport {
        orig_cl_ord_id: ClOrdId(orig),
        order_qty: qty(lots),
        price: Price::new(6_000_001),
        cum_qty: qty(cum),
        ..report(ExecType::Replaced, key)
    }
}
