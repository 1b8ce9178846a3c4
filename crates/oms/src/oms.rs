//! The table of orders: keys, requests, silence, breaks. What reports do to it stands in `report.rs`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tiderace_types::event::{BreakCleared, BreakRaised, CancelSent, OrderSent, ReplaceSent, StatusRequested};
use tiderace_types::input::{ClearBreak, ReplaceOrder};
use tiderace_types::{ClOrdId, ExecId, Instrument, InstrumentId, Output, Qty, Reason, Refusal, Ts};

use crate::deadlines::Deadlines;
use crate::executions::Executions;
use crate::order::{Order, Replace};
use tiderace_types::id_map::{Handle, IdMap};

/// Limits of the [`Oms`]; part of the genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OmsConfig {
    /// Nanoseconds that a venue may take to answer before the order is Unknown and its state asked for; asked again
    /// after 2, 4, ... 64 times as long, for as long as it takes. Zero: never asked.
    pub ack_timeout_ns: i64,
    /// Closed orders whose state is kept for late reports; the one closed first goes first. Its keys stay known.
    pub max_closed: u32,
    /// Executions kept, for duplicates and for corrections; the oldest goes first.
    pub max_executions: u32,
    /// Orders with room from the start: while no more keys were used, nothing is allocated. Beyond, tables grow by
    /// doubling.
    pub reserved_orders: u32,
}

impl Default for OmsConfig {
    fn default() -> Self {
        Self { ack_timeout_ns: 5_000_000_000, max_closed: 16_384, max_executions: 16_384, reserved_orders: 65_536 }
    }
}

/// Orders and executions that room is made or kept for, at most: what a table of them takes stays within a few GB.
pub const KEPT_MAX: u32 = 1 << 24;

/// A limit of [`OmsConfig`] is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: i64,
    /// The most that is allowed; the least is zero.
    pub most: i64,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { key, value, most } = self;
        write!(f, "oms.{key} is {value}; it must be between 0 and {most}")
    }
}

impl std::error::Error for ConfigError {}

impl OmsConfig {
    /// Checks that the limits can be kept.
    ///
    /// # Errors
    /// [`ConfigError`], for the first key that is out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let kept = i64::from(KEPT_MAX);
        let ranges = [
            ("ack_timeout_ns", self.ack_timeout_ns, i64::MAX),
            ("max_closed", self.max_closed.into(), kept),
            ("max_executions", self.max_executions.into(), kept),
            ("reserved_orders", self.reserved_orders.into(), kept),
        ];
        let bad = ranges.into_iter().find(|(_, value, most)| *value < 0 || value > most);
        bad.map_or(Ok(()), |(key, value, most)| Err(ConfigError { key, value, most }))
    }
}

/// An order's row in the table, with what only the table needs.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) order: Order,
    pub(crate) generation: u32,
    /// Place in the list of working orders; `None` once closed.
    working_at: Option<usize>,
    /// When its venue's answer is overdue.
    ts_due: Option<Ts>,
    /// Backoff level of the next question.
    level: u8,
    /// How often it closed: a bust may open it again.
    closes: u32,
}

/// The desk's orders.
#[derive(Clone, Debug)]
pub struct Oms {
    pub(crate) instruments: Vec<Instrument>,
    ack_timeout_ns: i64,
    max_closed: usize,
    /// Every key ever seen; a stale handle is an order whose state is gone.
    keys: IdMap<u64>,
    rows: Vec<Row>,
    free: Vec<u32>,
    /// Rows of working orders, in no order.
    working: Vec<u32>,
    /// Closed rows with their count of closes, the one closed first in front.
    closed: VecDeque<(Handle, u32)>,
    pub(crate) executions: Executions,
    deadlines: Deadlines,
    /// Breaks that stand, by instrument; the last one is for instruments outside the table.
    breaks: Vec<u32>,
}

impl Oms {
    /// No orders. `instruments` in id order; `seed` (of the genesis) places ids in the maps and decides nothing else.
    #[must_use]
    pub fn new(config: &OmsConfig, instruments: &[Instrument], seed: u64) -> Self {
        let reserved = usize::try_from(config.reserved_orders).unwrap_or(0);
        let max_closed = usize::try_from(config.max_closed).unwrap_or(usize::MAX);
        Self {
            instruments: instruments.to_vec(),
            ack_timeout_ns: config.ack_timeout_ns,
            max_closed,
            keys: IdMap::new(reserved, seed),
            rows: Vec::with_capacity(reserved),
            free: Vec::with_capacity(reserved),
            working: Vec::with_capacity(reserved),
            closed: VecDeque::with_capacity(max_closed.min(reserved).saturating_add(1)),
            executions: Executions::new(config.max_executions, seed),
            deadlines: Deadlines::new(reserved),
            breaks: vec![0; instruments.len().saturating_add(1)],
        }
    }

    /// Whether [`Oms::submit`] would take the order; for checks before risk, which is asked between the two.
    ///
    /// # Errors
    /// In order: 1001 when the key is zero or was ever used, 1005 when the quantity is zero.
    pub fn check_new(&self, sent: &OrderSent) -> Result<(), Refusal> {
        self.check_key(sent.cl_ord_id)?;
        if sent.order_qty == Qty::ZERO { Err(Refusal::new(Reason::BadQty, 0, 1)) } else { Ok(()) }
    }

    /// Takes a new order as PendingNew; the caller sends it.
    ///
    /// # Errors
    /// Those of [`Oms::check_new`].
    pub fn submit(&mut self, ts: Ts, sent: &OrderSent) -> Result<(), Refusal> {
        self.check_new(sent)?;
        let handle = self.take_row(Order::new(sent));
        self.keys.insert(sent.cl_ord_id.0, handle);
        self.wait_for_answer(ts, handle);
        Ok(())
    }

    /// Marks an order PendingCancel and gives the cancel to send, under its own key `cl_ord_id`. A cancel goes out
    /// while a replace is under way, and again when one was not answered in time.
    ///
    /// # Errors
    /// In order: 1001, 1002, 1003, 1004 when a cancel is under way.
    pub fn request_cancel(&mut self, ts: Ts, cl_ord_id: ClOrdId, orig: ClOrdId) -> Result<CancelSent, Refusal> {
        self.check_key(cl_ord_id)?;
        let (handle, order) = self.open_order(orig)?;
        if let Some(pending) = order.cancel.filter(|_| !order.is_overdue) {
            return Err(Refusal::new(Reason::PendingRequest, orig.0, pending.0));
        }
        order.cancel = Some(cl_ord_id);
        let sent = CancelSent { cl_ord_id, orig_cl_ord_id: order.cl_ord_id, instrument: order.instrument };
        self.keys.insert(cl_ord_id.0, handle);
        self.wait_for_answer(ts, handle);
        Ok(sent)
    }

    /// Whether [`Oms::request_replace`] would take the replace; gives the order as it would then stand, for risk.
    ///
    /// # Errors
    /// In order: 1001, 1002, 1003, 1012 while the order is Unknown, 1004 when a cancel or replace is under way, 1005
    /// when the new total is not above what is filled.
    pub fn check_replace(&self, replace: &ReplaceOrder) -> Result<OrderSent, Refusal> {
        self.check_key(replace.cl_ord_id)?;
        let order = *self.open_order_ref(replace.orig_cl_ord_id)?;
        if order.is_overdue {
            return Err(Refusal::new(Reason::TimedOut, replace.orig_cl_ord_id.0, self.ack_timeout_ns));
        }
        if let Some(pending) = order.cancel.or(order.replace.map(|replace| replace.cl_ord_id)) {
            return Err(Refusal::new(Reason::PendingRequest, replace.orig_cl_ord_id.0, pending.0));
        }
        if replace.order_qty <= order.cum_qty {
            let least = i128::from(order.cum_qty.get()).saturating_add(1);
            return Err(Refusal::new(Reason::BadQty, replace.order_qty.get(), least));
        }
        Ok(OrderSent {
            cl_ord_id: replace.cl_ord_id,
            parent_id: order.parent_id,
            tags: order.tags,
            instrument: order.instrument,
            side: order.side,
            ord_type: order.ord_type,
            time_in_force: order.time_in_force,
            post_only: order.post_only,
            order_qty: replace.order_qty,
            price: replace.price,
        })
    }

    /// Marks an order PendingReplace and gives the replace to send. Quantity and price change when the venue says so.
    ///
    /// # Errors
    /// Those of [`Oms::check_replace`].
    pub fn request_replace(&mut self, ts: Ts, replace: &ReplaceOrder) -> Result<ReplaceSent, Refusal> {
        self.check_replace(replace)?;
        let (handle, order) = self.open_order(replace.orig_cl_ord_id)?;
        let ReplaceOrder { cl_ord_id, order_qty, price, .. } = *replace;
        order.replace = Some(Replace { cl_ord_id, order_qty, price });
        let (orig_cl_ord_id, instrument) = (order.cl_ord_id, order.instrument);
        self.keys.insert(cl_ord_id.0, handle);
        self.wait_for_answer(ts, handle);
        Ok(ReplaceSent { cl_ord_id, orig_cl_ord_id, instrument, order_qty, price })
    }

    /// The clock is at `ts`: orders whose answer is overdue become Unknown and are asked for; fills that the venue
    /// counts and that did not come raise a break.
    pub fn on_timer(&mut self, ts: Ts, out: &mut Vec<Output>) {
        while let Some(due) = self.deadlines.pop(ts) {
            if self.row(due.order).is_some_and(|row| row.ts_due == Some(due.ts)) {
                self.on_overdue(ts, due.order, out);
            }
        }
        self.purge_deadlines();
    }

    /// When [`Oms::on_timer`] is wanted next.
    #[must_use]
    pub fn next_timer(&self) -> Option<Ts> {
        self.deadlines.next()
    }

    /// The order of a key (that of a replace or cancel request too), working or closed. `None` when the key is unknown
    /// or its order's state is no longer kept.
    #[must_use]
    pub fn order(&self, cl_ord_id: ClOrdId) -> Option<&Order> {
        self.row(self.keys.get(cl_ord_id.0)?).map(|row| &row.order)
    }

    /// Working orders, in ClOrdID order. Sorts when called.
    pub fn working(&self) -> impl Iterator<Item = &Order> {
        let order = |row: &u32| self.rows.get(usize::try_from(*row).ok()?).map(|row| &row.order);
        let mut orders: Vec<&Order> = self.working.iter().filter_map(order).collect();
        orders.sort_unstable_by_key(|order| order.cl_ord_id);
        orders.into_iter()
    }

    /// How many orders work.
    #[must_use]
    pub const fn working_len(&self) -> usize {
        self.working.len()
    }

    /// Whether a break of `instrument` stands. Breaks of instruments outside the table count for all such.
    #[must_use]
    pub fn has_break(&self, instrument: InstrumentId) -> bool {
        self.breaks.get(self.break_index(instrument)).is_some_and(|breaks| *breaks > 0)
    }

    /// A person has reconciled with the venue: the instrument's breaks are closed.
    pub fn clear_break(&mut self, clear: &ClearBreak, out: &mut Vec<Output>) {
        let index = self.break_index(clear.instrument);
        if let Some(breaks) = self.breaks.get_mut(index).filter(|breaks| **breaks > 0) {
            *breaks = 0;
            out.push(BreakCleared { instrument: clear.instrument, operator: clear.operator }.into());
        }
    }

    pub(crate) fn raise_break(&mut self, raised: BreakRaised, out: &mut Vec<Output>) {
        let index = self.break_index(raised.instrument);
        if let Some(breaks) = self.breaks.get_mut(index) {
            *breaks = breaks.saturating_add(1);
        }
        out.push(raised.into());
    }

    fn break_index(&self, instrument: InstrumentId) -> usize {
        instrument.index().min(self.instruments.len())
    }

    /// Where a key's order is or was; `None` when the key was never seen.
    pub(crate) fn seen(&self, cl_ord_id: ClOrdId) -> Option<Handle> {
        self.keys.get(cl_ord_id.0)
    }

    pub(crate) fn row(&self, handle: Handle) -> Option<&Row> {
        self.rows.get(handle.index()).filter(|row| row.generation == handle.generation)
    }

    pub(crate) fn order_mut(&mut self, handle: Handle) -> Option<&mut Order> {
        self.row_mut(handle).map(|row| &mut row.order)
    }

    fn row_mut(&mut self, handle: Handle) -> Option<&mut Row> {
        self.rows.get_mut(handle.index()).filter(|row| row.generation == handle.generation)
    }

    /// Brings the table in line with an order that a report changed: working or closed, waiting or not.
    pub(crate) fn settle(&mut self, ts: Ts, handle: Handle) {
        let Some(row) = self.row_mut(handle) else { return };
        let is_waiting = row.order.is_unanswered() || row.order.is_missing_fills();
        if !is_waiting {
            row.ts_due = None;
        }
        let is_newly_waiting = is_waiting && row.ts_due.is_none();
        match (row.order.is_closed(), row.working_at) {
            (true, Some(at)) => self.close(handle, at),
            (false, None) => self.open(handle),
            (true, None) | (false, Some(_)) => {}
        }
        if is_newly_waiting {
            self.wait_for_answer(ts, handle);
        }
        self.purge_deadlines();
    }

    fn check_key(&self, cl_ord_id: ClOrdId) -> Result<(), Refusal> {
        if cl_ord_id.0 == 0 || self.keys.get(cl_ord_id.0).is_some() {
            return Err(Refusal::new(Reason::DuplicateClOrdId, cl_ord_id.0, 0));
        }
        Ok(())
    }

    fn open_order_ref(&self, orig: ClOrdId) -> Result<&Order, Refusal> {
        let unknown = Refusal::new(Reason::UnknownOrder, orig.0, 0);
        let handle = self.keys.get(orig.0).ok_or(unknown)?;
        // A stale handle is an order that closed so long ago that its state is gone.
        match self.row(handle).map(|row| &row.order).filter(|order| !order.is_closed()) {
            Some(order) => Ok(order),
            None => Err(Refusal::new(Reason::OrderClosed, orig.0, 0)),
        }
    }

    fn open_order(&mut self, orig: ClOrdId) -> Result<(Handle, &mut Order), Refusal> {
        self.open_order_ref(orig)?;
        let handle = self.keys.get(orig.0).unwrap_or_default();
        let order = self.order_mut(handle).ok_or(Refusal::new(Reason::OrderClosed, orig.0, 0))?;
        Ok((handle, order))
    }

    fn take_row(&mut self, order: Order) -> Handle {
        let row = Row { order, generation: 0, working_at: None, ts_due: None, level: 0, closes: 0 };
        let handle = match self.free.pop() {
            Some(at) => {
                let index = Handle { row: at, generation: 0 }.index();
                let generation = self.rows.get(index).map_or(0, |old| old.generation);
                if let Some(place) = self.rows.get_mut(index) {
                    *place = Row { generation, ..row };
                }
                Handle { row: at, generation }
            }
            None => {
                self.rows.push(row);
                Handle { row: u32::try_from(self.rows.len().saturating_sub(1)).unwrap_or(u32::MAX), generation: 0 }
            }
        };
        self.open(handle);
        handle
    }

    fn open(&mut self, handle: Handle) {
        let at = self.working.len();
        if let Some(row) = self.row_mut(handle) {
            row.working_at = Some(at);
            self.working.push(handle.row);
        }
    }

    fn close(&mut self, handle: Handle, at: usize) {
        self.working.swap_remove(at);
        if let Some(moved) = self.working.get(at).copied() {
            let index = Handle { row: moved, generation: 0 }.index();
            if let Some(row) = self.rows.get_mut(index) {
                row.working_at = Some(at);
            }
        }
        let Some(row) = self.row_mut(handle) else { return };
        row.working_at = None;
        row.closes = row.closes.saturating_add(1);
        let closes = row.closes;
        self.closed.push_back((handle, closes));
        while self.closed.len() > self.max_closed {
            self.forget_first_closed();
        }
    }

    /// Gives the row that closed first to the next order, unless a bust opened it again since.
    fn forget_first_closed(&mut self) {
        let Some((handle, closes)) = self.closed.pop_front() else { return };
        let Some(row) = self.row_mut(handle).filter(|row| row.closes == closes && row.working_at.is_none()) else {
            return;
        };
        row.generation = row.generation.wrapping_add(1);
        self.free.push(handle.row);
    }

    fn wait_for_answer(&mut self, ts: Ts, handle: Handle) {
        if let Some(row) = self.row_mut(handle) {
            row.level = 0;
        }
        self.wait_again(ts, handle);
    }

    fn wait_again(&mut self, ts: Ts, handle: Handle) {
        if self.ack_timeout_ns <= 0 {
            return;
        }
        let Some(level) = self.row(handle).map(|row| row.level) else { return };
        let ts_due = self.deadlines.push(ts, self.ack_timeout_ns, level, handle);
        if let Some(row) = self.row_mut(handle) {
            row.ts_due = ts_due;
        }
    }

    fn on_overdue(&mut self, ts: Ts, handle: Handle, out: &mut Vec<Output>) {
        let Some(row) = self.row_mut(handle) else { return };
        row.ts_due = None;
        row.level = row.level.saturating_add(1);
        let order = &mut row.order;
        let is_missing_fills = order.is_missing_fills();
        order.is_mismatch_raised |= is_missing_fills;
        if order.is_unanswered() && !order.is_overdue {
            order.is_overdue = true;
            out.push(order.updated(Reason::TimedOut).into());
        }
        let order = *order;
        if is_missing_fills {
            let missing = BreakRaised {
                instrument: order.instrument,
                cl_ord_id: order.cl_ord_id,
                exec_id: ExecId(0),
                reason: Reason::QtyMismatch,
                ours: order.cum_qty,
                theirs: order.venue_cum_qty,
            };
            self.raise_break(missing, out);
        }
        out.push(StatusRequested { cl_ord_id: order.cl_ord_id, instrument: order.instrument }.into());
        if order.is_unanswered() {
            self.wait_again(ts, handle);
        }
    }

    fn purge_deadlines(&mut self) {
        let rows = &self.rows;
        self.deadlines.purge(|due| {
            let row = rows.get(due.order.index()).filter(|row| row.generation == due.order.generation);
            row.is_none_or(|row| row.ts_due != Some(due.ts))
        });
    }
}
