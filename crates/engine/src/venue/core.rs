//! What all markets share: orders, ids, links, books and controls; and how a market's event becomes reports.
//!
//! While a market works, [`super::host::Desk`] books each fill here at once; the reports are written afterwards, from
//! the market's events in their order. So a row's filled quantity is that of the reports so far.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tiderace_clear::{Clearing, OrderHold};
use tiderace_matching::Event as Of;
use tiderace_matching::market::{Market, Owner};
use tiderace_risk::venue::Controls;
use tiderace_types::venue::{Event, Indication, NO_ENTRY, NewOrder, Report, StateChanged, Trade};
use tiderace_types::{
    AccountId, Amount, ClOrdId, ExecId, ExecType, InstrumentId, OrdStatus, Price, Qty, Reason, Refusal, Side,
    TimeInForce, TradeKind, Ts,
};

use super::data::{Feed, Update};
use super::holds::Holds;
use super::host::Done;
use super::ids::Ids;
use super::orders::{Mark, Orders, Row, Stage, account_index};
use super::tariffs::Tariffs;

/// What a market was asked, for the answer's report.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// Nothing that it answers.
    Nothing,
    /// To enter a new order.
    New {
        mark: Mark,
        /// Order id of its OCO partner, or zero.
        oco: u64,
        /// Whether the market sets its price: a peg, or one that is repriced.
        is_priced_there: bool,
    },
    /// To enter a child that was reported before.
    Child,
    /// To change an order, which is called so then.
    Replace {
        cl_ord_id: ClOrdId,
        time_in_force: TimeInForce,
        /// What it held before.
        held: OrderHold,
    },
}

/// What all markets share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) orders: Orders,
    /// Every id that an account ever had accepted.
    pub(super) ids: Vec<Ids>,
    pub(super) owners: Vec<Owner>,
    pub(super) clearing: Clearing,
    pub(super) tariffs: Tariffs,
    pub(super) holds: Holds,
    pub(super) controls: Controls,
    pub(super) feed: Feed,
    /// Fills that are booked and not yet reported, of the market at work.
    pub(super) fills: VecDeque<Done>,
    /// Orders that must go once the market at work is done: they are not in it.
    pub(super) aside: Vec<(u64, Reason)>,
    /// Children by parent and themselves.
    pub(super) waiting: BTreeMap<(u64, u64), NewOrder>,
    /// When waiting children end by themselves, with their keys above.
    pub(super) expiries: BTreeSet<(Ts, u64, u64)>,
    /// Children whose parent is filled.
    pub(super) ready: VecDeque<(u64, u64)>,
    /// Live reduce-only orders.
    pub(super) reduce_only: Vec<(AccountId, InstrumentId, u64)>,
    /// Quotes of an account and group, some perhaps gone.
    pub(super) quotes: BTreeMap<(AccountId, u16), Vec<u64>>,
    pub(super) asked: Asked,
    /// Whether a fill counted for market-maker protection since that was last looked at.
    pub(super) is_counted: bool,
    /// Whether what was asked was let in.
    pub(super) is_in: bool,
    /// Whether the market at work was in an auction before: what it trades now is an uncross.
    pub(super) is_in_auction: bool,
    /// Whether the market at work was asked by clearing.
    pub(super) is_liquidation: bool,
}

/// The report that others are made from by struct update.
pub(super) fn report_of(row: &Row, exec_type: ExecType, ord_status: OrdStatus) -> Report {
    Report {
        account: row.account,
        instrument: row.instrument,
        cl_ord_id: row.cl_ord_id,
        quote_entry: row.quote_entry,
        order_id: row.order_id,
        trade_id: ExecId(0),
        exec_type,
        ord_status,
        side: row.side,
        is_maker: false,
        price: row.price,
        order_qty: row.order_qty,
        last_qty: Qty::ZERO,
        last_px: Price::ZERO,
        cum_qty: row.cum_qty,
        leaves_qty: if ord_status.is_closed() { Qty::ZERO } else { row.leaves_qty() },
        cum_value: Amount::new(row.cum_value),
        fee: Amount::ZERO,
        reason: Reason::None,
        value: Amount::ZERO,
        limit: Amount::ZERO,
    }
}

/// Where a live order stands.
pub(super) fn status_of(row: &Row) -> OrdStatus {
    if row.cum_qty >= row.order_qty {
        OrdStatus::Filled
    } else if row.cum_qty > Qty::ZERO {
        OrdStatus::PartiallyFilled
    } else {
        OrdStatus::New
    }
}

/// The report of a refusal.
pub(super) fn refused(row: &Row, refusal: Refusal) -> Report {
    let Refusal { reason, value, limit } = refusal;
    let report = report_of(&Row { order_id: 0, ..*row }, ExecType::Rejected, OrdStatus::Rejected);
    Report { reason, value, limit, ..report }
}

/// One side of a fill.
struct Leg {
    order_id: u64,
    leaves_qty: Qty,
    fee: i128,
    is_maker: bool,
}

impl Core {
    /// Writes what a market's event says. `market` is its own, as it stands after all of them.
    pub(super) fn on_event(&mut self, ts: Ts, market: &Market, at: InstrumentId, event: &Of, out: &mut Vec<Event>) {
        match *event {
            Of::Accepted { order_id } => self.accepted(market, order_id, out),
            Of::Trade { maker, taker, aggressor, price, qty, maker_leaves_qty, taker_leaves_qty, kind } => {
                let done = self.take_fill();
                let account = |core: &Self, id| core.orders.get(id).map_or(AccountId(u32::MAX), |row| row.account);
                let (of_maker, of_taker) = (account(self, maker), account(self, taker));
                let (trade_id, instrument) = (done.trade_id, at);
                let kind = self.kind_of(kind);
                let trade =
                    Trade { trade_id, instrument, price, qty, maker: of_maker, taker: of_taker, aggressor, kind };
                out.push(trade.into());
                let Done { maker_fee, taker_fee, is_swapped: swapped, .. } = done;
                let legs = [
                    Leg { order_id: maker, leaves_qty: maker_leaves_qty, fee: maker_fee, is_maker: !swapped },
                    Leg { order_id: taker, leaves_qty: taker_leaves_qty, fee: taker_fee, is_maker: swapped },
                ];
                for leg in legs {
                    self.fill(&trade, &leg, out);
                }
            }
            Of::Canceled { order_id, reason, .. } => self.close(order_id, ExecType::Canceled, reason, out),
            Of::Expired { order_id, reason, .. } => self.close(order_id, ExecType::Expired, reason, out),
            Of::Replaced { order_id, price, leaves_qty, .. } => self.replaced(order_id, price, leaves_qty, out),
            Of::Restated { order_id, price, leaves_qty, reason } => {
                self.resize(order_id, price, leaves_qty);
                self.tell(order_id, ExecType::Restated, reason, out);
            }
            Of::Suspended { order_id } => {
                self.tell(order_id, ExecType::Suspended, Reason::NoReferencePrice, out);
            }
            Of::Triggered { order_id } => self.tell(order_id, ExecType::Triggered, Reason::None, out),
            Of::Rejected { order_id, refusal } => self.rejected(order_id, refusal, out),
            Of::StateChanged { state, reason } => {
                out.push(StateChanged { instrument: at, state, reason }.into());
                self.feed.push(ts, at, Update::State(state));
            }
            Of::Indication { price, qty, surplus, surplus_side } => {
                out.push(Indication { instrument: at, price, qty, surplus, surplus_side }.into());
                self.feed.push(ts, at, Update::Indication { price, qty, surplus, surplus_side });
            }
        }
    }

    /// How a trade came about: what clearing asked for is a liquidation.
    pub(super) const fn kind_of(&self, kind: TradeKind) -> TradeKind {
        if self.is_liquidation { TradeKind::Liquidation } else { kind }
    }

    fn take_fill(&mut self) -> Done {
        let none = Done { trade_id: ExecId(0), maker_fee: 0, taker_fee: 0, is_swapped: false };
        self.fills.pop_front().unwrap_or(none)
    }

    fn accepted(&mut self, market: &Market, order_id: u64, out: &mut Vec<Event>) {
        self.is_in = true;
        match self.asked {
            Asked::New { oco, is_priced_there, .. } => {
                if is_priced_there
                    && let Some(view) = market.order(order_id)
                    && let Some(row) = self.orders.get_mut(order_id)
                {
                    row.price = view.price;
                }
                self.let_in(order_id, Stage::Working, oco, out);
            }
            Asked::Child => {
                if let Some(row) = self.orders.get_mut(order_id) {
                    row.stage = Stage::Working;
                }
            }
            Asked::Nothing | Asked::Replace { .. } => {}
        }
    }

    /// An order is accepted: its id is used up, it is listed, and its partner knows it.
    pub(super) fn let_in(&mut self, order_id: u64, stage: Stage, oco: u64, out: &mut Vec<Event>) {
        self.orders.attach(order_id, stage);
        let Some(row) = self.orders.get(order_id).copied() else { return };
        if row.is_quote() {
            self.quotes.entry((row.account, row.mmp_group)).or_default().push(order_id);
        } else if row.is_clients() {
            self.use_up(&row);
        }
        self.controls.on_leaves(row.account, row.instrument, row.side, Qty::ZERO, row.order_qty);
        if row.reduce_only {
            self.reduce_only.push((row.account, row.instrument, order_id));
        }
        if let Some(partner) = self.orders.get_mut(oco) {
            partner.oco = order_id;
        }
        if row.is_clients() {
            out.push(report_of(&row, ExecType::New, OrdStatus::New).into());
        }
    }

    fn use_up(&mut self, row: &Row) {
        if let Some(ids) = self.ids.get_mut(account_index(row.account)) {
            ids.use_up(row.cl_ord_id);
            ids.point(row.cl_ord_id, Orders::handle(row.order_id));
        }
    }

    fn fill(&mut self, trade: &Trade, leg: &Leg, out: &mut Vec<Event>) {
        let Some(row) = self.orders.get_mut(leg.order_id) else { return };
        let value = i128::from(trade.qty.get()).saturating_mul(i128::from(trade.price.get()));
        let before = row.leaves_qty();
        row.cum_qty = row.cum_qty.checked_add(trade.qty).unwrap_or(Qty::MAX);
        row.cum_value = row.cum_value.saturating_add(value);
        row.order_qty = row.cum_qty.checked_add(leg.leaves_qty).unwrap_or(Qty::MAX);
        let row = *row;
        self.controls.on_leaves(row.account, row.instrument, row.side, before, leg.leaves_qty);
        let report = report_of(&row, ExecType::Trade, status_of(&row));
        let report = Report {
            trade_id: trade.trade_id,
            is_maker: leg.is_maker,
            last_qty: trade.qty,
            last_px: trade.price,
            fee: Amount::new(leg.fee),
            ..report
        };
        out.push(report.into());
        if leg.leaves_qty == Qty::ZERO {
            if row.has_children {
                let children = self.waiting.range((row.order_id, 0)..=(row.order_id, u64::MAX));
                self.ready.extend(children.map(|(key, _)| *key));
            }
            self.end(&row);
        }
    }

    /// An order ends unfilled, and its children with it: a chain of them is as long as its account likes, so this keeps
    /// the way down in a list and not on the stack.
    pub(super) fn close(&mut self, order_id: u64, exec_type: ExecType, reason: Reason, out: &mut Vec<Event>) {
        if !self.close_one(order_id, exec_type, reason, out) {
            return;
        }
        let mut parents = vec![order_id];
        while let Some(parent) = parents.last().copied() {
            let next = self.waiting.range((parent, 0)..=(parent, u64::MAX)).next().map(|((_, child), _)| *child);
            let Some(child) = next else {
                parents.pop();
                continue;
            };
            self.take_child((parent, child));
            if self.close_one(child, ExecType::Canceled, Reason::LinkedOrder, out) {
                parents.push(child);
            }
        }
    }

    /// Puts a child where it waits, until its own time at most.
    pub(super) fn keep_child(&mut self, key: (u64, u64), child: NewOrder) {
        self.take_child(key);
        if child.time_in_force == TimeInForce::Gtd {
            self.expiries.insert((child.expire_time, key.0, key.1));
        }
        self.waiting.insert(key, child);
    }

    /// Takes a child from where it waits.
    pub(super) fn take_child(&mut self, key: (u64, u64)) -> Option<NewOrder> {
        let child = self.waiting.remove(&key)?;
        self.expiries.remove(&(child.expire_time, key.0, key.1));
        Some(child)
    }

    /// Ends one order; whether it has children.
    fn close_one(&mut self, order_id: u64, exec_type: ExecType, reason: Reason, out: &mut Vec<Event>) -> bool {
        let Some(row) = self.orders.get(order_id).copied() else { return false };
        let ord_status = if exec_type == ExecType::Expired { OrdStatus::Expired } else { OrdStatus::Canceled };
        if row.is_clients() {
            out.push(Report { reason, ..report_of(&row, exec_type, ord_status) }.into());
        }
        self.controls.on_leaves(row.account, row.instrument, row.side, row.leaves_qty(), Qty::ZERO);
        self.end(&row);
        if row.parent != 0 {
            self.take_child((row.parent, order_id));
        }
        row.has_children
    }

    fn end(&mut self, row: &Row) {
        self.hold_out(row.order_id, row);
        if row.reduce_only {
            self.reduce_only.retain(|(_, _, order_id)| *order_id != row.order_id);
        }
        if !row.is_quote()
            && row.is_clients()
            && let Some(ids) = self.ids.get_mut(account_index(row.account))
        {
            ids.forget(row.cl_ord_id);
        }
        self.orders.end(row.order_id);
    }

    fn replaced(&mut self, order_id: u64, price: Price, leaves_qty: Qty, out: &mut Vec<Event>) {
        self.is_in = true;
        let Asked::Replace { cl_ord_id, time_in_force, .. } = self.asked else { return };
        if let Some(row) = self.orders.get_mut(order_id) {
            row.time_in_force = time_in_force;
        }
        self.rename(order_id, cl_ord_id);
        self.resize(order_id, price, leaves_qty);
        self.tell(order_id, ExecType::Replaced, Reason::None, out);
    }

    /// An order goes by another id from now on.
    pub(super) fn rename(&mut self, order_id: u64, cl_ord_id: ClOrdId) {
        let Some(row) = self.orders.get_mut(order_id) else { return };
        let before = core::mem::replace(&mut row.cl_ord_id, cl_ord_id);
        let row = *row;
        if let Some(ids) = self.ids.get_mut(account_index(row.account)) {
            ids.forget(before);
        }
        self.use_up(&row);
    }

    pub(super) fn resize(&mut self, order_id: u64, price: Price, leaves_qty: Qty) {
        let Some(row) = self.orders.get_mut(order_id) else { return };
        let before = row.leaves_qty();
        row.price = price;
        row.order_qty = row.cum_qty.checked_add(leaves_qty).unwrap_or(Qty::MAX);
        let (account, instrument, side) = (row.account, row.instrument, row.side);
        self.controls.on_leaves(account, instrument, side, before, leaves_qty);
        self.hold_for(order_id, (account, instrument, side), leaves_qty);
    }

    /// Reports a live order.
    pub(super) fn tell(&self, order_id: u64, exec_type: ExecType, reason: Reason, out: &mut Vec<Event>) {
        if let Some(row) = self.orders.get(order_id) {
            out.push(Report { reason, ..report_of(row, exec_type, status_of(row)) }.into());
        }
    }

    fn rejected(&mut self, order_id: u64, refusal: Refusal, out: &mut Vec<Event>) {
        self.is_in = false;
        let Some(row) = self.orders.get(order_id).copied() else { return };
        match self.asked {
            Asked::New { mark, .. } => {
                if row.is_clients() {
                    out.push(refused(&row, refusal).into());
                }
                self.hold_out(order_id, &row);
                self.orders.undo(order_id, mark);
            }
            // It was accepted long before, so it ends now.
            Asked::Child => self.close(order_id, ExecType::Canceled, refusal.reason, out),
            Asked::Replace { cl_ord_id, held, .. } => {
                self.hold_out(order_id, &row);
                self.hold_in(order_id, &row, held);
                let report = refused(&Row { cl_ord_id, ..row }, refusal);
                out.push(Report { order_id, ..report }.into());
            }
            Asked::Nothing => {}
        }
    }

    /// Reduce-only orders of an account whose position has nothing left for them. The taker's own end is the market's; a
    /// child that waits for its parent is asked when it wakes.
    pub(super) fn flat(&self, account: AccountId, at: InstrumentId, taker: u64, gone: &mut Vec<(u64, Reason)>) {
        if self.reduce_only.is_empty() {
            return;
        }
        for (_, _, order_id) in self.reduce_only.iter().filter(|(of, there, _)| *of == account && *there == at) {
            let row = self.orders.get(*order_id).filter(|row| row.stage != Stage::Waiting);
            let has_nothing = row.is_some_and(|row| self.clearing.reducible(account, at, row.side) == Qty::ZERO);
            if has_nothing && *order_id != taker {
                gone.push((*order_id, Reason::NotReducing));
            }
        }
    }

    /// Whether an account is in the genesis table.
    pub(super) fn knows(&self, account: AccountId) -> bool {
        account_index(account) < self.owners.len()
    }

    /// The live order that an account calls so.
    pub(super) fn find(&self, account: AccountId, cl_ord_id: ClOrdId) -> Option<&Row> {
        let handle = self.ids.get(account_index(account))?.get(cl_ord_id)?;
        self.orders.by_handle(handle, account, cl_ord_id)
    }

    /// Whether an account ever had this id accepted.
    pub(super) fn is_used(&self, account: AccountId, cl_ord_id: ClOrdId) -> bool {
        self.ids.get(account_index(account)).is_some_and(|ids| ids.is_used(cl_ord_id))
    }

    /// A row for the report of something that is no order of ours.
    pub(super) const fn stranger(account: AccountId, instrument: InstrumentId, cl_ord_id: ClOrdId) -> Row {
        Row { account, instrument, cl_ord_id, side: Side::Buy, quote_entry: NO_ENTRY, ..Row::blank() }
    }
}
