//! What live orders hold of their accounts' margin: taken on entry, carried down by each fill, given back at the end.
//!
//! A stop that listens, a child that waits and what is in an instrument without margin hold nothing. The figures
//! themselves are clearing's; this keeps with each order what it was told to give back.

use tiderace_clear::{Clearing, OrderAsk, OrderHold};
use tiderace_types::{
    AccountId, DecodeError, Field, Fraction, InstrumentId, InstrumentKind, Price, Qty, Refusal, Side,
};

use super::config::VenueConfig;
use super::core::Core;
use super::orders::{Row, row_index};
use super::snapshot::{put_len, take_list};

/// The table: by row of the table of orders.
#[derive(Debug)]
pub(super) struct Holds {
    /// Whether margin has a say, by instrument.
    is_margined: Vec<bool>,
    rows: Vec<(u64, OrderHold)>,
}

impl Holds {
    pub(super) fn new(config: &VenueConfig) -> Self {
        let is_margined = config.instruments.iter().map(|listing| {
            // A program says itself how it is margined.
            listing.clearing.margin.is_some() || listing.instrument.kind == InstrumentKind::Program
        });
        Self { is_margined: is_margined.collect(), rows: Vec::new() }
    }

    pub(super) fn is_margined(&self, instrument: InstrumentId) -> bool {
        self.is_margined.get(instrument.index()).copied().unwrap_or(false)
    }

    /// What an order holds.
    pub(super) fn get(&self, order_id: u64) -> Option<OrderHold> {
        let row = self.rows.get(row_index(order_id)).filter(|(of, _)| *of == order_id);
        row.map(|(_, hold)| *hold)
    }

    fn put(&mut self, order_id: u64, hold: OrderHold) {
        let at = row_index(order_id);
        if at >= self.rows.len() {
            self.rows.resize(at.saturating_add(1), (0, OrderHold::default()));
        }
        if let Some(row) = self.rows.get_mut(at) {
            *row = (order_id, hold);
        }
    }

    fn take(&mut self, order_id: u64) -> Option<OrderHold> {
        let row = self.rows.get_mut(row_index(order_id)).filter(|(of, _)| *of == order_id)?;
        Some(core::mem::take(row).1)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let live = || self.rows.iter().filter(|(order_id, _)| *order_id != 0);
        put_len(live().count(), out);
        for (order_id, hold) in live() {
            order_id.put(out);
            hold.lots.put(out);
            hold.cost.put(out);
        }
    }

    pub(super) fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        let rows = take_list(bytes, |bytes| {
            Ok((u64::take(bytes)?, OrderHold { lots: Field::take(bytes)?, cost: Field::take(bytes)? }))
        })?;
        for (order_id, hold) in rows {
            self.put(order_id, hold);
        }
        Ok(())
    }
}

/// An order, as margin asks about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) account: AccountId,
    pub(super) instrument: InstrumentId,
    pub(super) side: Side,
    pub(super) leaves_qty: Qty,
    /// Its limit, or the worst price that it would trade at; the mark where absent.
    pub(super) price: Option<Price>,
    pub(super) reduce_only: bool,
    pub(super) fee: Fraction,
}

impl Core {
    /// What an order would hold in place of what it holds now.
    ///
    /// # Errors
    /// As [`Clearing::check_order`].
    pub(super) fn check_margin(&self, wanted: &Wanted, replaced: OrderHold) -> Result<OrderHold, Refusal> {
        let Wanted { account, instrument, side, leaves_qty, price, reduce_only, fee } = *wanted;
        let clearing: &Clearing = &self.clearing;
        // It trades down to flat at most.
        let qty = if reduce_only { leaves_qty.min(clearing.reducible(account, instrument, side)) } else { leaves_qty };
        clearing.check_order(&OrderAsk { account, instrument, side, qty, price, fee }, replaced)
    }

    /// An order holds from now on.
    pub(super) fn hold_in(&mut self, order_id: u64, row: &Row, hold: OrderHold) {
        if self.holds.is_margined(row.instrument) && hold != OrderHold::default() {
            self.holds.put(order_id, hold);
            self.clearing.order_in(row.account, row.instrument, row.side, hold);
        }
    }

    /// An order holds nothing any more; gives back what it held.
    pub(super) fn hold_out(&mut self, order_id: u64, row: &Row) -> OrderHold {
        if !self.holds.is_margined(row.instrument) {
            return OrderHold::default();
        }
        let Some(hold) = self.holds.take(order_id) else { return OrderHold::default() };
        self.clearing.order_out(row.account, row.instrument, row.side, hold);
        hold
    }

    /// An order holds for what it has left.
    pub(super) fn hold_for(&mut self, order_id: u64, row: (AccountId, InstrumentId, Side), leaves_qty: Qty) {
        let (account, instrument, side) = row;
        if !self.holds.is_margined(instrument) {
            return;
        }
        let Some(mut hold) = self.holds.get(order_id) else { return };
        self.clearing.order_changed(account, instrument, side, &mut hold, leaves_qty);
        self.holds.put(order_id, hold);
    }
}
