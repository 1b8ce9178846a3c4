//! The orders that reached the simulated venues, open and closed: found by key in constant time, never scanned.

use tiderace_types::id_map::{Handle, IdMap};
use tiderace_types::input::ExecutionReport;
use tiderace_types::{
    Amount, AssetId, ClOrdId, ExecId, ExecType, Fraction, Instrument, InstrumentId, OrdStatus, Price, Qty, Reason,
    Rounding, Side, Style, Ts,
};

use crate::config::VenueTerms;

/// One order as its venue sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) order_id: u64,
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
    pub(crate) ord_status: OrdStatus,
    pub(crate) post_only: bool,
    pub(crate) reason: Reason,
    pub(crate) order_qty: Qty,
    pub(crate) cum_qty: Qty,
    pub(crate) price: Price,
    /// Time priority among our own orders; its place in the ladder.
    pub(crate) arrival: u64,
    /// Whether depth within its price stood there when it came to rest, or may have: the book was in doubt.
    pub(crate) met_depth: bool,
}

impl Order {
    /// Lots left to trade; zero once closed.
    pub(crate) const fn leaves_qty(&self) -> Qty {
        if self.ord_status.is_closed() { Qty::ZERO } else { self.order_qty.saturating_sub(self.cum_qty) }
    }

    /// Books a fill. The caller never fills more than what is left.
    pub(crate) fn fill(&mut self, last_qty: Qty) {
        self.cum_qty = self.cum_qty.checked_add(last_qty).unwrap_or(self.order_qty).min(self.order_qty);
        self.ord_status = if self.cum_qty == self.order_qty { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
    }

    /// Ends the order unfilled or in part.
    pub(crate) const fn close(&mut self, ord_status: OrdStatus, reason: Reason) {
        self.ord_status = ord_status;
        self.reason = reason;
    }

    /// A report of the order as it stands, without a fill.
    pub(crate) const fn report(&self, exec_type: ExecType, exec_id: ExecId, transact_time: Ts) -> ExecutionReport {
        ExecutionReport {
            instrument: self.instrument,
            cl_ord_id: self.cl_ord_id,
            orig_cl_ord_id: ClOrdId(0),
            order_id: self.order_id,
            exec_id,
            exec_ref_id: ExecId(0),
            exec_type,
            ord_status: self.ord_status,
            side: self.side,
            order_qty: self.order_qty,
            price: self.price,
            last_qty: Qty::ZERO,
            last_px: Price::ZERO,
            cum_qty: self.cum_qty,
            leaves_qty: self.leaves_qty(),
            is_maker: false,
            fee: Amount::ZERO,
            fee_asset: AssetId(0),
            reason: self.reason,
            transact_time,
        }
    }
}

/// What a venue charges for one fill, in base units of its fee asset, rounded against us: a fee up, a rebate towards
/// less. On the notional of linear and spot fills, on the exposure of inverse ones, at the price without its sign: a fee
/// at a price below zero is still a fee.
pub(crate) fn fee_of_fill(
    instrument: &Instrument,
    terms: &VenueTerms,
    last_qty: Qty,
    last_px: Price,
    is_maker: bool,
) -> Amount {
    let fraction = if is_maker { terms.maker_fee } else { terms.taker_fee };
    let rounding = if fraction < Fraction::ZERO { Rounding::Floor } else { Rounding::Ceil };
    let px = Price::new(last_px.get().saturating_abs());
    let value = match instrument.style {
        Style::Linear | Style::Quanto => instrument.notional(last_qty, px, rounding),
        Style::Inverse => instrument.exposure(last_qty, px, rounding),
    };
    // An order whose value does not fit is refused at entry, so the fallback is never a fee forgotten.
    value.and_then(|v| v.times(fraction, Rounding::Ceil)).unwrap_or(Amount::ZERO)
}

/// Every order by row and by key. Rows are never reused, so closed orders still answer status requests.
#[derive(Debug)]
pub(crate) struct Orders {
    rows: Vec<Order>,
    /// Keys may be a strategy's choice, so their places are seeded.
    row_of: IdMap<u64>,
}

impl Orders {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rows: Vec::new(), row_of: IdMap::new(0, seed) }
    }

    pub(crate) fn get(&self, row: u32) -> Option<&Order> {
        self.rows.get(usize::try_from(row).ok()?)
    }

    pub(crate) fn get_mut(&mut self, row: u32) -> Option<&mut Order> {
        self.rows.get_mut(usize::try_from(row).ok()?)
    }

    /// The row of a key, current or replaced.
    pub(crate) fn row_of(&self, cl_ord_id: ClOrdId) -> Option<u32> {
        self.row_of.get(cl_ord_id.0).map(|handle| handle.row)
    }

    /// Adds an order under a key not yet known and gives it its `order_id`. `None` beyond 2^32 - 1 orders.
    pub(crate) fn add(&mut self, mut order: Order) -> Option<u32> {
        let row = u32::try_from(self.rows.len()).ok().filter(|row| *row < u32::MAX)?;
        order.order_id = u64::from(row).saturating_add(1);
        self.add_key(order.cl_ord_id, row);
        self.rows.push(order);
        Some(row)
    }

    /// Gives an order a further key, by a replace.
    pub(crate) fn add_key(&mut self, cl_ord_id: ClOrdId, row: u32) {
        self.row_of.insert(cl_ord_id.0, Handle { row, generation: 0 });
    }
}
