//! Between the desk's words and the venue's: the desk is one account there, and knows the venue by its reports.
//!
//! A report of a replace or cancel carries the key of the request, as the desk's order life wants it; the venue names
//! the order. Execution ids are the gate's: one trade of two orders of ours is two executions.

use std::collections::BTreeMap;

use tiderace_types::event::{OrderSent, StatusRequested};
use tiderace_types::input::{CancelReject, ExecutionReport};
use tiderace_types::venue::{Cancel, Command, NO_GROUP, NewOrder, Replace, Report};
use tiderace_types::{
    AccountId, Amount, AssetId, ClOrdId, ExecId, ExecType, InstrumentId, OrdStatus, Output, PegTo, PostOnly, Price,
    Qty, Reason, SelfTradePrevention, Side, TimeInForce, Trigger, Ts,
};

use crate::Reports;

/// The desk's account at the venue.
pub(super) const DESK: AccountId = AccountId(0);

/// A new order with nothing special about it.
pub(super) const PLAIN: NewOrder = NewOrder {
    account: DESK,
    instrument: InstrumentId(0),
    cl_ord_id: ClOrdId(0),
    strategy: 0,
    side: Side::Buy,
    ord_type: tiderace_types::OrdType::Limit,
    time_in_force: TimeInForce::Gtc,
    post_only: PostOnly::Off,
    reduce_only: false,
    self_trade_prevention: SelfTradePrevention::None,
    trigger: Trigger::Last,
    peg_to: PegTo::Best,
    order_qty: Qty::ZERO,
    price: Price::ZERO,
    stop_px: Price::ZERO,
    trailing_offset: Price::ZERO,
    peg_offset: Price::ZERO,
    expire_time: Ts::ZERO,
    display_qty: Qty::ZERO,
    min_qty: Qty::ZERO,
    mmp_group: NO_GROUP,
    oco: ClOrdId(0),
    oto: ClOrdId(0),
};

/// What the venue has told of the desk's orders.
#[derive(Default)]
pub(super) struct Gate {
    /// Asset of the fees, by instrument.
    fee_assets: Vec<AssetId>,
    /// The last report of each order.
    orders: Vec<ExecutionReport>,
    /// The order of a key, current or replaced.
    row_of: BTreeMap<ClOrdId, usize>,
    exec_ids: u64,
}

impl Gate {
    pub(super) fn new(fee_assets: Vec<AssetId>) -> Self {
        Self { fee_assets, ..Self::default() }
    }

    /// What the venue hears; none for what it is not told, or what [`Self::on_status_request`] answers.
    pub(super) fn command(message: &Output) -> Option<Command> {
        if let Output::OrderSent(sent) = message {
            return Some(new_order(sent).into());
        }
        if let Output::CancelSent(sent) = message {
            return Some(Cancel { account: DESK, orig_cl_ord_id: sent.orig_cl_ord_id }.into());
        }
        let Output::ReplaceSent(sent) = message else { return None };
        let replace = Replace {
            account: DESK,
            orig_cl_ord_id: sent.orig_cl_ord_id,
            cl_ord_id: sent.cl_ord_id,
            fields: Replace::PRICE | Replace::ORDER_QTY,
            price: sent.price,
            order_qty: sent.order_qty,
            stop_px: Price::ZERO,
            display_qty: Qty::ZERO,
            time_in_force: TimeInForce::Gtc,
            expire_time: Ts::ZERO,
        };
        Some(replace.into())
    }

    /// Where the order of a key was before what comes now: side and price.
    pub(super) fn place_of(&self, key: ClOrdId) -> Option<(Side, Price)> {
        let order = self.orders.get(*self.row_of.get(&key)?)?;
        Some((order.side, order.price))
    }

    /// A report on an order of the desk's, as it is told; `cause` is the desk's message that brought it, or none.
    pub(super) fn on_report(&mut self, ts: Ts, cause: Option<&Output>, report: &Report, out: &mut Reports) {
        let request = cause.and_then(request_of).filter(|request| {
            [request.cl_ord_id, request.orig_cl_ord_id].contains(&report.cl_ord_id)
                && matches!(report.exec_type, ExecType::Canceled | ExecType::Replaced | ExecType::Rejected)
        });
        if let Some(request) = request.filter(|_| report.exec_type == ExecType::Rejected) {
            return out.push((ts, self.reject(request, report.reason).into()));
        }
        let (cl_ord_id, orig_cl_ord_id) =
            request.map_or((report.cl_ord_id, ClOrdId(0)), |request| (request.cl_ord_id, request.orig_cl_ord_id));
        let exec_id = self.next_exec_id();
        let told = ExecutionReport {
            instrument: report.instrument,
            cl_ord_id,
            orig_cl_ord_id,
            order_id: report.order_id,
            exec_id,
            exec_ref_id: ExecId(0),
            exec_type: report.exec_type,
            ord_status: report.ord_status,
            side: report.side,
            order_qty: report.order_qty,
            price: report.price,
            last_qty: report.last_qty,
            last_px: report.last_px,
            cum_qty: report.cum_qty,
            leaves_qty: report.leaves_qty,
            is_maker: report.is_maker,
            fee: report.fee,
            fee_asset: self.fee_assets.get(report.instrument.index()).copied().unwrap_or_default(),
            reason: report.reason,
            transact_time: ts,
        };
        self.keep(&told);
        out.push((ts, told.into()));
    }

    /// The venue is asked where an order stands. It knows every order that ever reached it; of any other it says
    /// `Rejected`.
    pub(super) fn on_status_request(&mut self, ts: Ts, sent: &StatusRequested, out: &mut Reports) {
        let exec_id = self.next_exec_id();
        let known = self.row_of.get(&sent.cl_ord_id).and_then(|row| self.orders.get(*row)).copied();
        let order = known.unwrap_or(unknown(sent));
        let status = ExecutionReport {
            orig_cl_ord_id: ClOrdId(0),
            exec_id,
            exec_type: ExecType::OrderStatus,
            last_qty: Qty::ZERO,
            last_px: Price::ZERO,
            fee: Amount::ZERO,
            transact_time: ts,
            ..order
        };
        out.push((ts, status.into()));
    }

    /// Remembers the order as it is now; a refused one too, unless its key is another's.
    fn keep(&mut self, told: &ExecutionReport) {
        let known = [told.cl_ord_id, told.orig_cl_ord_id].into_iter().find_map(|key| self.row_of.get(&key)).copied();
        if known.is_some() && told.exec_type == ExecType::Rejected {
            return;
        }
        if let Some(order) = known.and_then(|row| self.orders.get_mut(row)) {
            let is_cancel = told.exec_type == ExecType::Canceled;
            let cl_ord_id = if is_cancel { order.cl_ord_id } else { told.cl_ord_id };
            *order = ExecutionReport { cl_ord_id, ..*told };
        }
        let row = known.unwrap_or(self.orders.len());
        if known.is_none() {
            self.orders.push(*told);
        }
        self.row_of.insert(told.cl_ord_id, row);
    }

    fn reject(&self, request: Request, reason: Reason) -> CancelReject {
        let order = self.row_of.get(&request.orig_cl_ord_id).and_then(|row| self.orders.get(*row));
        CancelReject {
            cl_ord_id: request.cl_ord_id,
            orig_cl_ord_id: request.orig_cl_ord_id,
            is_replace: request.is_replace,
            ord_status: order.map_or(OrdStatus::Rejected, |order| order.ord_status),
            reason,
        }
    }

    const fn next_exec_id(&mut self) -> ExecId {
        self.exec_ids = self.exec_ids.saturating_add(1);
        ExecId(self.exec_ids)
    }
}

/// A cancel or a replace of the desk's.
#[derive(Clone, Copy)]
pub(super) struct Request {
    cl_ord_id: ClOrdId,
    orig_cl_ord_id: ClOrdId,
    is_replace: bool,
}

fn request_of(message: &Output) -> Option<Request> {
    if let Output::CancelSent(sent) = message {
        let (cl_ord_id, orig_cl_ord_id) = (sent.cl_ord_id, sent.orig_cl_ord_id);
        return Some(Request { cl_ord_id, orig_cl_ord_id, is_replace: false });
    }
    let Output::ReplaceSent(sent) = message else { return None };
    Some(Request { cl_ord_id: sent.cl_ord_id, orig_cl_ord_id: sent.orig_cl_ord_id, is_replace: true })
}

/// Our own orders do not trade with each other: the resting one makes way, as at most venues of today.
const fn new_order(sent: &OrderSent) -> NewOrder {
    NewOrder {
        instrument: sent.instrument,
        cl_ord_id: sent.cl_ord_id,
        strategy: sent.tags.strategy,
        side: sent.side,
        ord_type: sent.ord_type,
        time_in_force: sent.time_in_force,
        post_only: if sent.post_only { PostOnly::Reject } else { PostOnly::Off },
        self_trade_prevention: SelfTradePrevention::CancelMaker,
        order_qty: sent.order_qty,
        price: sent.price,
        ..PLAIN
    }
}

fn unknown(sent: &StatusRequested) -> ExecutionReport {
    ExecutionReport {
        instrument: sent.instrument,
        cl_ord_id: sent.cl_ord_id,
        orig_cl_ord_id: ClOrdId(0),
        order_id: 0,
        exec_id: ExecId(0),
        exec_ref_id: ExecId(0),
        exec_type: ExecType::OrderStatus,
        ord_status: OrdStatus::Rejected,
        side: Side::Buy,
        order_qty: Qty::ZERO,
        price: Price::ZERO,
        last_qty: Qty::ZERO,
        last_px: Price::ZERO,
        cum_qty: Qty::ZERO,
        leaves_qty: Qty::ZERO,
        is_maker: false,
        fee: Amount::ZERO,
        fee_asset: AssetId(0),
        reason: Reason::UnknownOrder,
        transact_time: Ts::ZERO,
    }
}
