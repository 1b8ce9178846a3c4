//! What accounts send about orders: new, replace, cancel, mass quotes.
//!
//! Checks of a new order, in this order: account, instrument, id, fields that no market would read right, sizes, kill
//! switches, market-maker freeze, links, limits of the account, margin, throttle; then those of the market. A replace:
//! account, order, id, fields that its order does not have, then as a new order. A stop is asked for margin when it
//! triggers, a child when it wakes.

use tiderace_clear::OrderHold;
use tiderace_matching::market::{Change, NewOrder as Order, Owner, Place};
use tiderace_risk::venue::OrderAsk;
use tiderace_types::venue::{
    ANY, ANY_INSTRUMENT, Cancel, CancelAll, Event, MassQuote, MmpChanged, NewOrder, QUOTE_ENTRIES_MAX, QuoteEntry,
    Replace, Report,
};
use tiderace_types::{
    AccountId, Amount, ClOrdId, ExecType, Fraction, InstrumentId, InstrumentKind, OrdType, PostOnly, Price, Qty,
    Reason, Refusal, Rounding, Side, TimeInForce,
};

use super::Venue;
use super::core::{Asked, Core, refused};
use super::holds::Wanted;
use super::orders::{ORDERS_MAX, Row, Stage, account_index};

/// Lots of a position at most, whatever the account's own limit.
const POSITION_MAX: i128 = 1 << 62;
/// So many lots in each of [`ORDERS_MAX`] orders are half of [`POSITION_MAX`].
const FEW_LOTS: i64 = 1 << 37;

/// The partner and the parent that an order names, as order ids.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    oco: u64,
    parent: u64,
}

impl Venue {
    /// Enters an order; `quote_entry` is that of a mass quote.
    pub(super) fn enter(&mut self, order: &NewOrder, quote_entry: u16, out: &mut Vec<Event>) {
        self.enter_row(order, Row { quote_entry, ..Row::of(order) }, false, out);
    }

    /// Enters the order of a condition: its id and its message were counted when that was accepted.
    pub(super) fn enter_due(&mut self, order: &NewOrder, out: &mut Vec<Event>) {
        self.enter_row(order, Row::of(order), true, out);
    }

    fn enter_row(&mut self, order: &NewOrder, row: Row, is_due: bool, out: &mut Vec<Event>) {
        match self.check_new(order, &row, is_due) {
            Ok((links, hold)) => self.admit(order, row, links, hold, out),
            Err(refusal) => out.push(refused(&row, refusal).into()),
        }
    }

    fn check_new(&mut self, order: &NewOrder, row: &Row, is_due: bool) -> Result<(Links, OrderHold), Refusal> {
        let account = order.account;
        if !self.core.knows(account) {
            return Err(Refusal::new(Reason::UnknownAccount, account.0, 0));
        }
        if order.instrument.index() >= self.markets.len() {
            return Err(Refusal::new(Reason::UnknownSymbol, order.instrument.0, 0));
        }
        // A leg of a quote, or what a condition sends, is part of a message that was counted.
        let is_counted = row.is_quote() || is_due;
        if !is_counted {
            self.check_id(account, order.cl_ord_id)?;
        }
        self.check_fields(order.order_qty, row.price, order.ord_type.has_limit(), row)?;
        let ask = self.ask(row, order.ord_type.has_limit());
        let now = self.now;
        self.core.controls.check_sizes(&ask)?;
        self.core.controls.check_kills(&ask, || self.working(&ask))?;
        self.core.controls.check_frozen(now, account, order.mmp_group)?;
        let links = self.links(order)?;
        self.check_lots(&ask)?;
        self.core.controls.check_limits(now, &ask)?;
        let waits = order.ord_type.is_triggered() || links.parent != 0;
        let hold = if waits { OrderHold::default() } else { self.check_margin(row, OrderHold::default())? };
        if !is_counted {
            self.core.controls.on_message(now, account)?;
        }
        Ok((links, hold))
    }

    /// What an order would hold in place of what it holds now.
    fn check_margin(&self, row: &Row, replaced: OrderHold) -> Result<OrderHold, Refusal> {
        let Row { account, instrument, side, reduce_only, .. } = *row;
        let mut wanted = Wanted {
            account,
            instrument,
            side,
            leaves_qty: row.leaves_qty(),
            price: None,
            reduce_only,
            fee: Fraction::ZERO,
        };
        if self.core.holds.is_margined(instrument) {
            let fees = self.core.tariffs.fees(self.now, account, instrument);
            wanted.fee = fees.maker.max(fees.taker);
            wanted.price = match row.ord_type {
                OrdType::Market => self.worst_price(instrument, side.opposite(), wanted.leaves_qty),
                OrdType::Pegged => None,
                OrdType::Limit
                | OrdType::Stop
                | OrdType::StopLimit
                | OrdType::TakeProfit
                | OrdType::TakeProfitLimit
                | OrdType::TrailingStop => row.ord_type.has_limit().then_some(row.price),
            };
        }
        self.core.check_margin(&wanted, replaced)
    }

    /// Where a side of a book has so many lots; its worst price where it has fewer.
    fn worst_price(&self, at: InstrumentId, side: Side, qty: Qty) -> Option<Price> {
        let mut left = qty;
        let mut worst = None;
        for level in self.market(at)?.book().levels(side) {
            worst = Some(level.price);
            left = left.saturating_sub(level.total_qty);
            if left == Qty::ZERO {
                break;
            }
        }
        worst
    }

    pub(super) fn check_id(&self, account: AccountId, cl_ord_id: ClOrdId) -> Result<(), Refusal> {
        if cl_ord_id.0 == 0 {
            return Err(Refusal::new(Reason::BadClOrdId, 0, 1));
        }
        if self.core.is_used(account, cl_ord_id) {
            return Err(Refusal::new(Reason::DuplicateClOrdId, cl_ord_id.0, 0));
        }
        Ok(())
    }

    /// Quantity, sign of the price, and a worth that sums can hold.
    pub(super) fn check_fields(&self, qty: Qty, price: Price, is_priced: bool, row: &Row) -> Result<(), Refusal> {
        let Some(listing) = self.config.instruments.get(row.instrument.index()) else { return Ok(()) };
        if is_priced && price <= Price::ZERO && !listing.allows_negative() {
            return Err(Refusal::new(Reason::BadPrice, price.get(), 1));
        }
        if qty == Qty::ZERO {
            return Err(Refusal::new(Reason::BadQty, 0, 1));
        }
        let fits = self.core.clearing.contract(row.instrument).is_some_and(|contract| contract.fits(qty, price));
        if is_priced && !fits { Err(Refusal::plain(Reason::TooMuchValue)) } else { Ok(()) }
    }

    /// Whether the position stays one that sums can hold, all working orders of the side filled. Orders of so few lots
    /// that a full table of them cannot pass the limit are not added up.
    fn check_lots(&self, ask: &OrderAsk) -> Result<(), Refusal> {
        let sign = i128::from(ask.side.sign());
        let with_it = i128::from(ask.position).saturating_mul(sign).saturating_add(ask.leaves_qty.get().into());
        if ask.leaves_qty.get() <= FEW_LOTS && with_it <= POSITION_MAX / 2 {
            return Ok(());
        }
        let worst = with_it.saturating_add(self.working(ask));
        if worst > POSITION_MAX { Err(Refusal::new(Reason::PositionLimit, worst, POSITION_MAX)) } else { Ok(()) }
    }

    /// Lots of the account's other orders in the instrument and on the side, those that wait included.
    fn working(&self, ask: &OrderAsk) -> i128 {
        let rows = self.core.orders.of_account(ask.account);
        let working = rows.filter(|row| row.instrument == ask.instrument && row.side == ask.side);
        let working = working.fold(0i128, |sum, row| sum.saturating_add(row.leaves_qty().get().into()));
        working.saturating_sub(ask.replaced_qty.get().into())
    }

    fn ask(&self, row: &Row, is_priced: bool) -> OrderAsk {
        let listed = self.config.instruments.get(row.instrument.index()).and_then(|listing| listing.max_order_value);
        let limited = self.core.controls.limits(row.account).and_then(|limits| limits.max_order_value);
        let is_valued = is_priced && (listed.is_some() || limited.is_some());
        let worth = || {
            let contract = self.core.clearing.contract(row.instrument)?;
            let raw = contract.raw(row.order_qty, row.price).saturating_abs();
            Some(Amount::new(contract.cash(raw, Rounding::Ceil)))
        };
        OrderAsk {
            account: row.account,
            instrument: row.instrument,
            strategy: row.strategy,
            side: row.side,
            order_qty: row.order_qty,
            leaves_qty: row.leaves_qty(),
            replaced_qty: Qty::ZERO,
            value: is_valued.then(worth).flatten(),
            position: self.core.clearing.qty(row.account, row.instrument),
            mmp_group: row.mmp_group,
            is_replace: false,
        }
    }

    fn links(&self, order: &NewOrder) -> Result<Links, Refusal> {
        let find = |cl_ord_id: ClOrdId| {
            if cl_ord_id.0 == 0 {
                return Ok(0);
            }
            let row = self.core.find(order.account, cl_ord_id);
            row.map(|row| row.order_id).ok_or(Refusal::new(Reason::BadLink, cl_ord_id.0, 0))
        };
        let oco = find(order.oco)?;
        let others = self.core.orders.get(oco).and_then(|partner| self.core.orders.get(partner.oco));
        if others.is_some() {
            return Err(Refusal::new(Reason::BadLink, order.oco.0, 0));
        }
        Ok(Links { oco, parent: find(order.oto)? })
    }

    /// Gives an order that the venue lets in to its market, or to its parent.
    pub(super) fn admit(&mut self, order: &NewOrder, row: Row, links: Links, hold: OrderHold, out: &mut Vec<Event>) {
        let Links { oco, parent } = links;
        let Some((order_id, mark)) = self.core.orders.begin(Row { oco, parent, ..row }) else {
            let max = i128::try_from(ORDERS_MAX).unwrap_or(i128::MAX);
            out.push(refused(&row, Refusal::new(Reason::OpenOrdersLimit, max.saturating_add(1), max)).into());
            return;
        };
        self.core.hold_in(order_id, &row, hold);
        let order_there = market_order(order, order_id, self.owner(order.account));
        let is_priced_there = order.ord_type == OrdType::Pegged || order.post_only == PostOnly::Reprice;
        self.core.asked = Asked::New { mark, oco, is_priced_there };
        if parent == 0 {
            self.with_market(order.instrument, out, |market, desk, now, events| {
                market.enter(now, &order_there, desk, events);
            });
        } else {
            self.keep_child(parent, order, &order_there, out);
        }
        if self.core.is_in {
            self.core.controls.on_order(self.now, order.account);
        }
    }

    fn owner(&self, account: AccountId) -> Owner {
        self.core.owners.get(account_index(account)).copied().unwrap_or_default()
    }

    fn keep_child(&mut self, parent: u64, order: &NewOrder, child: &Order, out: &mut Vec<Event>) {
        // What it would reduce is asked when it wakes: its parent's fill may be the position.
        let checked = self.markets.get(order.instrument.index()).map(|market| market.check(self.now, child, &mut ()));
        let Asked::New { mark, oco, .. } = self.core.asked else { return };
        match checked {
            Some(Err(refusal)) => {
                self.core.is_in = false;
                if let Some(row) = self.core.orders.get(child.order_id) {
                    out.push(refused(row, refusal).into());
                }
                self.core.orders.undo(child.order_id, mark);
            }
            Some(Ok(())) | None => {
                self.core.is_in = true;
                self.core.let_in(child.order_id, Stage::Waiting, oco, out);
                self.core.keep_child((parent, child.order_id), *order);
                if let Some(row) = self.core.orders.get_mut(parent) {
                    row.has_children = true;
                }
            }
        }
    }

    /// The next child whose parent is filled enters; false where none waits.
    pub(super) fn settle_children(&mut self, out: &mut Vec<Event>) -> bool {
        let Some(key) = self.core.ready.pop_front() else { return false };
        let Some(child) = self.core.take_child(key) else { return true };
        let (_, order_id) = key;
        let Some(row) = self.core.orders.get_mut(order_id) else { return true };
        row.parent = 0;
        row.stage = Stage::Entering;
        let (at, row) = (row.instrument, *row);
        if !row.ord_type.is_triggered() {
            match self.check_margin(&row, OrderHold::default()) {
                Ok(hold) => self.core.hold_in(order_id, &row, hold),
                Err(refusal) => {
                    self.core.close(order_id, ExecType::Canceled, refusal.reason, out);
                    return true;
                }
            }
        }
        let child = market_order(&child, order_id, self.owner(child.account));
        self.core.asked = Asked::Child;
        self.with_market(at, out, |market, desk, now, events| market.enter(now, &child, desk, events));
        true
    }

    /// Changes an order.
    pub(super) fn replace(&mut self, change: &Replace, out: &mut Vec<Event>) {
        let named = Core::stranger(change.account, ANY_INSTRUMENT, change.cl_ord_id);
        if !self.core.knows(change.account) {
            let refusal = Refusal::new(Reason::UnknownAccount, change.account.0, 0);
            out.push(refused(&named, refusal).into());
            return;
        }
        let Some(row) = self.core.find(change.account, change.orig_cl_ord_id).copied() else {
            let refusal = Refusal::new(Reason::UnknownOrder, change.orig_cl_ord_id.0, 0);
            out.push(refused(&named, refusal).into());
            return;
        };
        let hold = match self.check_replace(change, &row) {
            Ok(hold) => hold,
            Err(refusal) => {
                let report = refused(&Row { cl_ord_id: change.cl_ord_id, ..row }, refusal);
                out.push(Report { order_id: row.order_id, ..report }.into());
                return;
            }
        };
        let time_in_force = if change.has(Replace::TIME_IN_FORCE) { change.time_in_force } else { row.time_in_force };
        let held = match hold {
            Some(hold) => {
                let held = self.core.hold_out(row.order_id, &row);
                self.core.hold_in(row.order_id, &row, hold);
                held
            }
            None => self.core.holds.get(row.order_id).unwrap_or_default(),
        };
        self.core.asked = Asked::Replace { cl_ord_id: change.cl_ord_id, time_in_force, held };
        let wanted = wanted(change);
        if row.stage == Stage::Waiting {
            self.replace_child(&row, change, &wanted, out);
        } else {
            self.with_market(row.instrument, out, |market, desk, now, events| {
                market.replace(now, row.order_id, &wanted, desk, events);
            });
        }
        if self.core.is_in {
            self.core.controls.on_order(self.now, change.account);
        }
    }

    /// What the order will hold, where that changes.
    fn check_replace(&mut self, change: &Replace, row: &Row) -> Result<Option<OrderHold>, Refusal> {
        const ALL: u8 = Replace::PRICE
            | Replace::ORDER_QTY
            | Replace::STOP_PX
            | Replace::DISPLAY_QTY
            | Replace::TIME_IN_FORCE
            | Replace::EXPIRE_TIME;
        let (account, now) = (row.account, self.now);
        self.check_id(account, change.cl_ord_id)?;
        if change.fields & !ALL != 0 {
            return Err(Refusal::new(Reason::BadField, change.fields, ALL));
        }
        self.check_named(change, row)?;
        let order_qty = if change.has(Replace::ORDER_QTY) { change.order_qty } else { row.order_qty };
        let price = if change.has(Replace::PRICE) { change.price } else { row.price };
        let after = Row { order_qty, price, ..*row };
        let mut hold = None;
        // At or below what is filled it is a cancel, which no limit holds back.
        if order_qty > row.cum_qty || order_qty == Qty::ZERO {
            let is_priced = change.has(Replace::PRICE) || row.price != Price::ZERO;
            self.check_fields(order_qty, price, is_priced, row)?;
            let ask = OrderAsk { replaced_qty: row.leaves_qty(), is_replace: true, ..self.ask(&after, is_priced) };
            self.core.controls.check_sizes(&ask)?;
            self.core.controls.check_kills(&ask, || self.working(&ask))?;
            self.check_lots(&ask)?;
            self.core.controls.check_limits(now, &ask)?;
            if let Some(held) = self.core.holds.get(row.order_id) {
                hold = Some(self.check_margin(&after, held)?);
            }
        }
        self.core.controls.on_message(now, account)?;
        Ok(hold)
    }

    /// A replace names no field that its order does not have: it would change nothing and look as if it had.
    fn check_named(&self, change: &Replace, row: &Row) -> Result<(), Refusal> {
        let place = || self.market(row.instrument).and_then(|market| market.order(row.order_id)).map(|view| view.place);
        let is_off_book = row.stage == Stage::Waiting || place() == Some(Place::Stop);
        let has_stop_px = row.ord_type.is_triggered() && row.ord_type != OrdType::TrailingStop;
        if change.has(Replace::STOP_PX) && !(has_stop_px && is_off_book) {
            return Err(Refusal::new(Reason::BadTrigger, change.stop_px.get(), 0));
        }
        if change.has(Replace::PRICE) && !row.ord_type.has_limit() {
            return Err(Refusal::new(Reason::BadPrice, change.price.get(), 0));
        }
        let may_show = row.ord_type.has_limit() || row.ord_type == OrdType::Pegged;
        if change.has(Replace::DISPLAY_QTY) && !may_show {
            return Err(Refusal::new(Reason::BadField, Replace::DISPLAY_QTY, 0));
        }
        let time_in_force = if change.has(Replace::TIME_IN_FORCE) { change.time_in_force } else { row.time_in_force };
        if change.has(Replace::EXPIRE_TIME) && time_in_force != TimeInForce::Gtd {
            return Err(Refusal::new(Reason::BadField, Replace::EXPIRE_TIME, 0));
        }
        Ok(())
    }

    /// A child that waits is changed where it waits: it has no place to lose.
    fn replace_child(&mut self, row: &Row, change: &Replace, wanted: &Change, out: &mut Vec<Event>) {
        let key = (row.parent, row.order_id);
        let Some(child) = self.core.waiting.get(&key).copied() else { return };
        let child = NewOrder {
            price: wanted.price.unwrap_or(child.price),
            order_qty: wanted.order_qty.unwrap_or(child.order_qty),
            stop_px: wanted.stop_px.unwrap_or(child.stop_px),
            display_qty: wanted.display_qty.unwrap_or(child.display_qty),
            time_in_force: wanted.time_in_force.unwrap_or(child.time_in_force),
            expire_time: wanted.expire_time.unwrap_or(child.expire_time),
            ..child
        };
        let there = market_order(&child, row.order_id, self.owner(row.account));
        let checked = self.markets.get(row.instrument.index()).map(|market| market.check(self.now, &there, &mut ()));
        if let Some(Err(refusal)) = checked {
            self.core.is_in = false;
            let report = refused(&Row { cl_ord_id: change.cl_ord_id, ..*row }, refusal);
            out.push(Report { order_id: row.order_id, ..report }.into());
            return;
        }
        self.core.is_in = true;
        self.core.keep_child(key, child);
        if let Some(row) = self.core.orders.get_mut(row.order_id) {
            row.time_in_force = child.time_in_force;
        }
        self.core.rename(row.order_id, change.cl_ord_id);
        self.core.resize(
            row.order_id,
            if child.ord_type.has_limit() { child.price } else { row.price },
            child.order_qty,
        );
        self.core.tell(row.order_id, ExecType::Replaced, Reason::None, out);
    }

    /// Cancels an order. Its OCO partner stays.
    pub(super) fn cancel(&mut self, cancel: &Cancel, out: &mut Vec<Event>) {
        let (account, cl_ord_id) = (cancel.account, cancel.orig_cl_ord_id);
        let reason = if self.core.knows(account) { Reason::UnknownOrder } else { Reason::UnknownAccount };
        let Some(row) = self.core.find(account, cl_ord_id).copied() else {
            if self.cancel_condition(account, cl_ord_id, out) {
                return;
            }
            let named = Core::stranger(account, ANY_INSTRUMENT, cl_ord_id);
            out.push(refused(&named, Refusal::plain(reason)).into());
            return;
        };
        self.core.controls.on_cancel(self.now, account);
        if let Some(partner) = self.core.orders.get_mut(row.oco) {
            partner.oco = 0;
        }
        self.cancel_one(row.order_id, Reason::CanceledByUser, out);
    }

    /// Cancels an order wherever it waits.
    pub(super) fn cancel_one(&mut self, order_id: u64, reason: Reason, out: &mut Vec<Event>) {
        let Some(row) = self.core.orders.get(order_id).copied() else { return };
        if row.stage == Stage::Waiting {
            self.core.close(order_id, ExecType::Canceled, reason, out);
            return;
        }
        self.core.asked = Asked::Nothing;
        self.with_market(row.instrument, out, |market, desk, _, events| {
            market.cancel(order_id, reason, desk, events);
        });
    }

    /// Cancels what `is_meant` of an account's live orders, oldest first, then of its conditions.
    pub(super) fn cancel_where(
        &mut self,
        account: AccountId,
        reason: Reason,
        is_meant: impl Fn(&Row) -> bool,
        out: &mut Vec<Event>,
    ) {
        let mut ids = core::mem::take(&mut self.scratch);
        ids.extend(self.core.orders.of_account(account).filter(|row| is_meant(row)).map(|row| row.order_id));
        for order_id in ids.drain(..) {
            self.cancel_one(order_id, reason, out);
        }
        self.scratch = ids;
        self.cancel_conditions(reason, |row| row.account == account && is_meant(row), out);
    }

    /// Cancels an account's orders by instrument, side and kind.
    pub(super) fn cancel_all(&mut self, cancel: &CancelAll, out: &mut Vec<Event>) -> Result<(), Refusal> {
        if !self.core.knows(cancel.account) {
            return Err(Refusal::new(Reason::UnknownAccount, cancel.account.0, 0));
        }
        if cancel.instrument != ANY_INSTRUMENT && cancel.instrument.index() >= self.markets.len() {
            return Err(Refusal::new(Reason::UnknownSymbol, cancel.instrument.0, 0));
        }
        if cancel.side != ANY && Side::from_fix(cancel.side).is_none() {
            return Err(Refusal::new(Reason::BadField, cancel.side, Side::Sell.fix()));
        }
        if cancel.kind > kind_row(InstrumentKind::Program) {
            return Err(Refusal::new(Reason::BadField, cancel.kind, kind_row(InstrumentKind::Program)));
        }
        self.core.controls.on_cancel(self.now, cancel.account);
        let kinds: Vec<u8> = match cancel.kind {
            ANY => Vec::new(),
            _ => self.config.instruments.iter().map(|listing| kind_row(listing.instrument.kind)).collect(),
        };
        let is_meant = |row: &Row| {
            (cancel.instrument == ANY_INSTRUMENT || row.instrument == cancel.instrument)
                && (cancel.side == ANY || row.side.fix() == cancel.side)
                && (cancel.kind == ANY || kinds.get(row.instrument.index()) == Some(&cancel.kind))
        };
        self.cancel_where(cancel.account, Reason::CanceledByUser, is_meant, out);
        Ok(())
    }

    /// Replaces all quotes of an account and group.
    pub(super) fn mass_quote(&mut self, quote: &MassQuote, out: &mut Vec<Event>) {
        if let Err(refusal) = self.check_quote(quote) {
            let named = Core::stranger(quote.account, ANY_INSTRUMENT, quote.quote_id);
            out.push(refused(&named, refusal).into());
            return;
        }
        if let Some(ids) = self.core.ids.get_mut(account_index(quote.account)) {
            ids.use_up(quote.quote_id);
        }
        let key = (quote.account, quote.mmp_group);
        let mut gone = self.core.quotes.get_mut(&key).map(core::mem::take).unwrap_or_default();
        for order_id in gone.drain(..) {
            self.cancel_one(order_id, Reason::QuoteReplaced, out);
        }
        if let Some(list) = self.core.quotes.get_mut(&key) {
            *list = gone;
        }
        for (entry, at) in quote.entries.iter().zip(0u16..) {
            for (side, price, qty) in
                [(Side::Buy, entry.bid_px, entry.bid_qty), (Side::Sell, entry.ask_px, entry.ask_qty)]
            {
                if qty > Qty::ZERO {
                    self.enter(&leg(quote, entry, side, price, qty), at, out);
                    // Each leg is an aggressor of its own: the next one finds no order of a group that it froze.
                    self.settle_mmp(out);
                }
            }
        }
    }

    fn check_quote(&mut self, quote: &MassQuote) -> Result<(), Refusal> {
        let (account, now) = (quote.account, self.now);
        if !self.core.knows(account) {
            return Err(Refusal::new(Reason::UnknownAccount, account.0, 0));
        }
        self.check_id(account, quote.quote_id)?;
        if quote.entries.len() > QUOTE_ENTRIES_MAX {
            let count = |n: usize| i128::try_from(n).unwrap_or(i128::MAX);
            return Err(Refusal::new(Reason::BadField, count(quote.entries.len()), count(QUOTE_ENTRIES_MAX)));
        }
        if let Some(kill) = self.core.controls.killed(account, None, None).filter(|kill| !kill.reduce_only) {
            return Err(Refusal::new(Reason::Killed, kill.id, 0));
        }
        self.core.controls.check_frozen(now, account, quote.mmp_group)?;
        self.core.controls.on_message(now, account)
    }

    /// Cancels the orders and quotes of the groups that reached a limit; false where none did.
    pub(super) fn settle_mmp(&mut self, out: &mut Vec<Event>) -> bool {
        if !core::mem::take(&mut self.core.is_counted) {
            return false;
        }
        let mut frozen = core::mem::take(&mut self.frozen);
        self.core.controls.take_triggered(&mut frozen);
        let any = !frozen.is_empty();
        for of in frozen.drain(..) {
            let changed =
                MmpChanged { account: of.account, mmp_group: of.group, is_frozen: true, ts_until: of.ts_until };
            out.push(changed.into());
            self.cancel_where(of.account, Reason::MmpTriggered, |row| row.mmp_group == of.group, out);
        }
        self.frozen = frozen;
        any
    }
}

/// 1 + row of a kind in its declaration.
pub(super) const fn kind_row(kind: InstrumentKind) -> u8 {
    match kind {
        InstrumentKind::Spot => 1,
        InstrumentKind::Perpetual => 2,
        InstrumentKind::Future => 3,
        InstrumentKind::Option => 4,
        InstrumentKind::Binary => 5,
        InstrumentKind::Program => 6,
    }
}

const fn leg(quote: &MassQuote, entry: &QuoteEntry, side: Side, price: Price, order_qty: Qty) -> NewOrder {
    let order = NewOrder::limit(quote.account, entry.instrument, quote.quote_id, side, price, order_qty);
    NewOrder { mmp_group: quote.mmp_group, ..order }
}

pub(super) const fn market_order(order: &NewOrder, order_id: u64, owner: Owner) -> Order {
    Order {
        order_id,
        owner,
        side: order.side,
        ord_type: order.ord_type,
        time_in_force: order.time_in_force,
        post_only: order.post_only,
        reduce_only: order.reduce_only,
        self_trade_prevention: order.self_trade_prevention,
        trigger: order.trigger,
        peg_to: order.peg_to,
        order_qty: order.order_qty,
        price: order.price,
        stop_px: order.stop_px,
        trailing_offset: order.trailing_offset,
        peg_offset: order.peg_offset,
        expire_time: order.expire_time,
        display_qty: order.display_qty,
        min_qty: order.min_qty,
    }
}

fn wanted(change: &Replace) -> Change {
    Change {
        price: change.has(Replace::PRICE).then_some(change.price),
        order_qty: change.has(Replace::ORDER_QTY).then_some(change.order_qty),
        stop_px: change.has(Replace::STOP_PX).then_some(change.stop_px),
        display_qty: change.has(Replace::DISPLAY_QTY).then_some(change.display_qty),
        time_in_force: change.has(Replace::TIME_IN_FORCE).then_some(change.time_in_force),
        expire_time: change.has(Replace::EXPIRE_TIME).then_some(change.expire_time),
    }
}
