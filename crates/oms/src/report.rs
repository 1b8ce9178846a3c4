//! What a venue's reports do to the orders. No execution is refused: what should not be is booked and raises a break.
//!
//! Reports may come twice, late, or out of order. A fill tells that its order was accepted; a fill under the new key of
//! a replace, or beyond the old total, tells that the replace took effect. `venue_cum_qty` is the most that the venue
//! has counted: fewer fills here are on their way until the timeout, more fills here are a break at once.

use tiderace_types::event::{BreakRaised, FillBooked, Refused};
use tiderace_types::ids::Tags;
use tiderace_types::input::{CancelReject, ExecutionReport};
use tiderace_types::layout::Layout;
use tiderace_types::{Amount, ExecType, OrdStatus, Output, ParentId, Qty, Reason, Rounding, Side, TimeInForce, Ts};

use crate::executions::{Booking, ExecKey};
use crate::oms::Oms;
use crate::order::{Life, Order};
use tiderace_types::id_map::Handle;

/// What a fill is booked at when its exposure or notional is beyond it, or is none (an inverse contract at no positive
/// price): 10^30 base units, so that sums of such bounds stay far from the end of an `Amount`.
pub const AMOUNT_BOUND: Amount = Amount::new(1_000_000_000_000_000_000_000_000_000_000);

impl Oms {
    /// Takes a venue's report in. Never refuses an execution.
    pub fn on_report(&mut self, ts: Ts, report: &ExecutionReport, out: &mut Vec<Output>) {
        match report.exec_type {
            ExecType::Trade => self.on_trade(ts, report, out),
            ExecType::TradeCancel | ExecType::TradeCorrect => self.on_trade_undone(ts, report, out),
            ExecType::New
            | ExecType::Canceled
            | ExecType::Replaced
            | ExecType::Rejected
            | ExecType::Expired
            | ExecType::Suspended
            | ExecType::Restated
            | ExecType::Triggered
            | ExecType::OrderStatus => self.on_state(ts, report, out),
        }
    }

    /// Takes a venue's refusal of a cancel or replace in; one that answers no request under way changes nothing.
    pub fn on_cancel_reject(&mut self, ts: Ts, reject: &CancelReject, out: &mut Vec<Output>) {
        let seen = self.seen(reject.cl_ord_id).or_else(|| self.seen(reject.orig_cl_ord_id));
        let Some((handle, order)) = seen.and_then(|handle| Some((handle, self.order_mut(handle)?))) else { return };
        if reject.is_replace && order.replace.is_some_and(|replace| replace.cl_ord_id == reject.cl_ord_id) {
            order.replace = None;
        } else if !reject.is_replace && order.cancel == Some(reject.cl_ord_id) {
            order.cancel = None;
        } else {
            return;
        }
        // "Too late": the report that says why is on its way, or else is asked for.
        order.is_suspect |= reject.ord_status.is_closed();
        order.refresh();
        let reason = if reject.reason == Reason::None { Reason::VenueRejected } else { reject.reason };
        out.push(order.updated(reason).into());
        self.settle(ts, handle);
    }

    fn on_trade(&mut self, ts: Ts, report: &ExecutionReport, out: &mut Vec<Output>) {
        if self.is_duplicate(report, out) {
            return;
        }
        match self.order_of(report).filter(|(_, order)| order.side == report.side) {
            Some((handle, before)) => {
                self.book(report, Some((handle, &before)), out);
                self.count_fill(handle, &before, report, out);
                self.finish(ts, handle, &before, Reason::None, out);
            }
            None => self.book_stray(report, out),
        }
    }

    /// A trade cancel (its fill is undone) or correct (undone and booked anew, in one).
    fn on_trade_undone(&mut self, ts: Ts, report: &ExecutionReport, out: &mut Vec<Output>) {
        if self.is_duplicate(report, out) {
            return;
        }
        let is_correct = report.exec_type == ExecType::TradeCorrect;
        let named = ExecKey { exec_id: report.exec_ref_id, instrument: report.instrument };
        let Some((fill, booked_on)) = self.executions.undo(named) else {
            self.raise_break(break_of(report, Reason::UnknownExecution, Qty::ZERO, report.last_qty), out);
            match is_correct {
                true => self.on_trade(ts, report, out),
                false => self.executions.insert(Booking { key: key_of(report), fill: None, order: None }),
            }
            return;
        };
        out.push(FillBooked { is_reversal: true, ..fill }.into());
        let Some((handle, order)) = booked_on.and_then(|handle| Some((handle, self.order_mut(handle)?))) else {
            match is_correct {
                true => self.book_stray(report, out),
                false => self.executions.insert(Booking { key: key_of(report), fill: None, order: None }),
            }
            return;
        };
        let before = *order;
        order.cum_qty = order.cum_qty.saturating_sub(fill.last_qty);
        order.venue_cum_qty = order.venue_cum_qty.saturating_sub(fill.last_qty);
        let undone = *order;
        if is_correct {
            self.book(report, Some((handle, &undone)), out);
            self.count_fill(handle, &undone, report, out);
        } else {
            self.executions.insert(Booking { key: key_of(report), fill: None, order: Some(handle) });
        }
        if let Some(order) = self.order_mut(handle) {
            // Whether a filled order works again is the one thing here that only the venue knows.
            if before.is_closed() && !order.is_closed() && report.leaves_qty == Qty::ZERO {
                order.life = Life::Canceled;
            }
        }
        self.finish(ts, handle, &before, Reason::None, out);
    }

    /// A report that says how the order stands and moves no quantity.
    fn on_state(&mut self, ts: Ts, report: &ExecutionReport, out: &mut Vec<Output>) {
        let Some((handle, before)) = self.order_of(report) else {
            let is_seen = self.seen(report.cl_ord_id).or_else(|| self.seen(report.orig_cl_ord_id)).is_some();
            if !is_seen && !report.ord_status.is_closed() {
                self.raise_break(break_of(report, Reason::UnknownOrder, Qty::ZERO, report.leaves_qty), out);
            }
            return;
        };
        let Some(order) = self.order_mut(handle) else { return };
        order.hear(report);
        let mut reason = Reason::None;
        match report.exec_type {
            ExecType::New => order.accept(),
            ExecType::Replaced => order.replaced(report),
            ExecType::Canceled | ExecType::Rejected | ExecType::Expired => {
                reason = order.end(report.exec_type, report.reason);
            }
            ExecType::OrderStatus => reason = order.answer(report),
            // The desk sends nothing that waits for a trigger or a reference: what is heard of quantities is compared.
            ExecType::Suspended | ExecType::Restated | ExecType::Triggered => {}
            ExecType::Trade | ExecType::TradeCancel | ExecType::TradeCorrect => {}
        }
        self.finish(ts, handle, &before, reason, out);
    }

    /// The order that a report names, in its instrument.
    fn order_of(&self, report: &ExecutionReport) -> Option<(Handle, Order)> {
        let handle = self.seen(report.cl_ord_id).or_else(|| self.seen(report.orig_cl_ord_id))?;
        let order = self.row(handle)?.order;
        (order.instrument == report.instrument).then_some((handle, order))
    }

    fn is_duplicate(&self, report: &ExecutionReport, out: &mut Vec<Output>) -> bool {
        let is_duplicate = self.executions.contains(key_of(report));
        if is_duplicate {
            let refused = Refused {
                id: report.cl_ord_id.0,
                kind: ExecutionReport::KIND,
                instrument: report.instrument,
                reason: Reason::DuplicateExecution,
                value: Amount::new(report.exec_id.0.into()),
                limit: Amount::ZERO,
            };
            out.push(refused.into());
        }
        is_duplicate
    }

    /// Books a fill, on an order or stray, at amounts frozen here. Remainders go against us: what we pay or give is
    /// rounded up, what we receive or gain down.
    fn book(&mut self, report: &ExecutionReport, order: Option<(Handle, &Order)>, out: &mut Vec<Output>) {
        let (exposure_rounding, notional_rounding) = match report.side {
            Side::Buy => (Rounding::Floor, Rounding::Ceil),
            Side::Sell => (Rounding::Ceil, Rounding::Floor),
        };
        let (exposure, notional) = match self.instruments.get(report.instrument.index()) {
            Some(instrument) => (
                instrument.exposure(report.last_qty, report.last_px, exposure_rounding),
                instrument.notional(report.last_qty, report.last_px, notional_rounding),
            ),
            None => (None, None),
        };
        let bounded =
            |amount: Amount| amount >= AMOUNT_BOUND.checked_neg().unwrap_or(Amount::ZERO) && amount <= AMOUNT_BOUND;
        let (exposure, notional) = (exposure.filter(|a| bounded(*a)), notional.filter(|a| bounded(*a)));
        let fill = FillBooked {
            cl_ord_id: order.map_or(report.cl_ord_id, |(_, order)| order.cl_ord_id),
            parent_id: order.map_or(ParentId(0), |(_, order)| order.parent_id),
            exec_id: report.exec_id,
            tags: order.map_or(Tags::default(), |(_, order)| order.tags),
            instrument: report.instrument,
            side: report.side,
            last_qty: report.last_qty,
            last_px: report.last_px,
            exposure: exposure.unwrap_or(AMOUNT_BOUND),
            notional: notional.unwrap_or(AMOUNT_BOUND),
            fee: report.fee,
            fee_asset: report.fee_asset,
            is_maker: report.is_maker,
            is_reversal: false,
            transact_time: report.transact_time,
        };
        out.push(fill.into());
        let order = order.map(|(handle, _)| handle);
        self.executions.insert(Booking { key: key_of(report), fill: Some(fill), order });
        if exposure.is_none() || notional.is_none() {
            self.raise_break(break_of(report, Reason::UnpricedExecution, Qty::ZERO, report.last_qty), out);
        }
    }

    fn book_stray(&mut self, report: &ExecutionReport, out: &mut Vec<Output>) {
        self.book(report, None, out);
        self.raise_break(break_of(report, Reason::UnknownOrderFill, Qty::ZERO, report.last_qty), out);
    }

    /// Counts a booked fill on its order, and raises the one break that says most about what is wrong with it.
    fn count_fill(&mut self, handle: Handle, before: &Order, report: &ExecutionReport, out: &mut Vec<Output>) {
        let Some(order) = self.order_mut(handle) else { return };
        let cum_qty = before.cum_qty.checked_add(report.last_qty).unwrap_or(Qty::MAX);
        order.cum_qty = cum_qty;
        order.accept();
        order.hear(report);
        if let Some(replace) = order.replace {
            let is_beyond_old_total = cum_qty > order.order_qty && cum_qty <= replace.order_qty;
            if is_beyond_old_total || report.cl_ord_id == replace.cl_ord_id {
                order.adopt_replace();
            }
        }
        // A late fill that the closing report already counted is only late.
        let is_late = report.exec_type == ExecType::Trade && before.is_closed() && cum_qty > before.venue_cum_qty;
        let (reason, ours, theirs) = if cum_qty > order.order_qty {
            (Reason::Overfill, order.order_qty, cum_qty)
        } else if is_late {
            (Reason::FillAfterClose, before.cum_qty, cum_qty)
        } else if cum_qty > order.venue_cum_qty {
            (Reason::QtyMismatch, cum_qty, order.venue_cum_qty)
        } else {
            return;
        };
        self.raise_break(break_of(report, reason, ours, theirs), out);
    }

    /// Tells what changed, if anything, and brings the table in line.
    fn finish(&mut self, ts: Ts, handle: Handle, before: &Order, reason: Reason, out: &mut Vec<Output>) {
        let Some(order) = self.order_mut(handle) else { return };
        order.refresh();
        let updated = order.updated(reason);
        if updated != before.updated(reason) {
            out.push(updated.into());
        }
        self.settle(ts, handle);
    }
}

impl Order {
    /// Notes what any report tells by the way.
    fn hear(&mut self, report: &ExecutionReport) {
        self.venue_cum_qty = self.venue_cum_qty.max(report.cum_qty);
        if report.order_id != 0 {
            self.order_id = report.order_id;
        }
    }

    /// The venue has the order. A request that it refused as unknown had overtaken the order, so nothing is suspect.
    fn accept(&mut self) {
        if self.life == Life::PendingNew {
            self.life = Life::Live;
            self.is_suspect = false;
        }
    }

    /// A replace took effect at the quantity and price that the venue says. Answers that came twice or late name an
    /// older key and change nothing.
    fn replaced(&mut self, report: &ExecutionReport) {
        self.accept();
        if self.replace.is_some_and(|replace| replace.cl_ord_id == report.cl_ord_id) {
            self.adopt_replace();
        }
        if self.life == Life::Live && self.cl_ord_id == report.cl_ord_id && report.order_qty > Qty::ZERO {
            self.order_qty = report.order_qty;
            self.price = report.price;
        }
    }

    /// Closes the order; what came first stays. Gives why.
    fn end(&mut self, exec_type: ExecType, reason: Reason) -> Reason {
        let is_asked = self.cancel.is_some();
        (self.cancel, self.replace) = (None, None);
        let is_rejected = exec_type == ExecType::Rejected;
        if matches!(self.life, Life::PendingNew | Life::Live) {
            self.life = match exec_type {
                ExecType::Rejected => Life::Rejected,
                ExecType::Expired => Life::Expired,
                ExecType::New
                | ExecType::Canceled
                | ExecType::Replaced
                | ExecType::Trade
                | ExecType::TradeCorrect
                | ExecType::TradeCancel
                | ExecType::Suspended
                | ExecType::Restated
                | ExecType::Triggered
                | ExecType::OrderStatus => Life::Canceled,
            };
        }
        if reason != Reason::None {
            reason
        } else if is_rejected {
            Reason::VenueRejected
        } else if is_asked {
            Reason::CanceledByUser
        } else if matches!(self.time_in_force, TimeInForce::Ioc | TimeInForce::Fok) {
            Reason::ImmediateRestCanceled
        } else {
            Reason::None
        }
    }

    /// The venue's answer to where the order stands. What we asked for in time is left to its own answer; what was
    /// overdue is settled by this one.
    fn answer(&mut self, report: &ExecutionReport) -> Reason {
        match report.ord_status {
            OrdStatus::New | OrdStatus::PartiallyFilled | OrdStatus::Filled => {
                self.accept();
                self.is_suspect = false;
                if self.is_overdue {
                    self.cancel = None;
                    self.settle_replace(report);
                }
                Reason::None
            }
            OrdStatus::Canceled => self.end(ExecType::Canceled, report.reason),
            OrdStatus::Rejected => self.end(ExecType::Rejected, report.reason),
            OrdStatus::Expired => self.end(ExecType::Expired, report.reason),
            OrdStatus::PendingNew | OrdStatus::PendingCancel | OrdStatus::PendingReplace | OrdStatus::Unknown => {
                Reason::None
            }
        }
    }

    /// An overdue replace took effect if the venue knows its key or its terms.
    fn settle_replace(&mut self, report: &ExecutionReport) {
        let Some(replace) = self.replace else { return };
        let has_terms = (report.order_qty, report.price) == (replace.order_qty, replace.price);
        if has_terms || report.cl_ord_id == replace.cl_ord_id {
            self.adopt_replace();
        } else {
            self.replace = None;
        }
    }

    /// Drops what no longer applies: a closed order waits for nothing, an answered one is not overdue. An open order that
    /// is filled beyond its total can only be so under the replace under way.
    pub(crate) fn refresh(&mut self) {
        if self.is_closed() {
            (self.cancel, self.replace, self.is_suspect) = (None, None, false);
        } else if self.cum_qty > self.order_qty {
            self.adopt_replace();
        }
        self.is_overdue &= self.is_unanswered();
        self.is_mismatch_raised &= self.venue_cum_qty > self.cum_qty;
    }
}

fn key_of(report: &ExecutionReport) -> ExecKey {
    ExecKey { exec_id: report.exec_id, instrument: report.instrument }
}

fn break_of(report: &ExecutionReport, reason: Reason, ours: Qty, theirs: Qty) -> BreakRaised {
    let ExecutionReport { instrument, cl_ord_id, exec_id, .. } = *report;
    BreakRaised { instrument, cl_ord_id, exec_id, reason, ours, theirs }
}
