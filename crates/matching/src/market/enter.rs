//! How an order comes in.
//!
//! Checks, in this order: quantity, minimum and slices (`bad_qty`), limit (`bad_price`), trigger (`bad_trigger`), an id
//! in use (`duplicate_order_id`), the state (`halted`, `closed`, `cancel_only_state`), what an auction does not take and
//! what only an auction takes (`not_in_auction`, `auction_only`), its end (`expired_on_entry`), `not_reducing`,
//! `post_only_state`, `price_band`, `would_cross`, room (`side_full`). What a stop would do is checked when it enters: it
//! is canceled then, for the same reasons.

use tiderace_types::{OrdType, PostOnly, Price, Qty, Reason, Refusal, Side, TimeInForce, TradingState, Ts};

use super::limits::Bounds;
use super::off_book::Watched;
use super::tables::Peg;
use super::{BandRule, Host, Market, NewOrder};
use crate::event::Event;
use crate::fillable::would_fill;
use crate::matcher::has_too_many_slices;
use crate::sweep::{Taker, rest, sweep};
use crate::terms::Terms;

const fn refuse<T>(reason: Reason) -> Result<T, Refusal> {
    Err(Refusal::plain(reason))
}

impl Market {
    /// Whether an order would be let in now: what [`Self::enter`] checks first. For orders that wait for a parent.
    ///
    /// # Errors
    /// The refusal that it would meet.
    pub fn check<H: Host>(&self, ts: Ts, order: &NewOrder, host: &mut H) -> Result<(), Refusal> {
        self.admit(ts, order, host).map(|_| ())
    }

    /// Enters an order: `Accepted` and what follows, or `Rejected` alone.
    pub fn enter<H: Host>(&mut self, ts: Ts, order: &NewOrder, host: &mut H, events: &mut Vec<Event>) {
        let order_id = order.order_id;
        let limit = match self.admit(ts, order, host) {
            Ok(limit) => limit,
            Err(refusal) => return events.push(Event::Rejected { order_id, refusal }),
        };
        events.push(Event::Accepted { order_id });
        self.off.newest_id = self.off.newest_id.max(order_id);
        self.off.groups.note(order.owner);
        if order.time_in_force == TimeInForce::Gtd {
            self.off.expiries.set(order_id, order.expire_time);
        }
        match order.ord_type {
            OrdType::Limit | OrdType::Market => self.begin(ts, order, limit, host, events),
            OrdType::Pegged => self.enter_peg(ts, order, host, events),
            OrdType::Stop
            | OrdType::StopLimit
            | OrdType::TakeProfit
            | OrdType::TakeProfitLimit
            | OrdType::TrailingStop => self.off.stops.insert(order, self.off.source_on_entry(order)),
        }
    }

    /// The worst price that an order would take on entry; an order that waits takes none.
    fn admit<H: Host>(&self, ts: Ts, order: &NewOrder, host: &mut H) -> Result<Price, Refusal> {
        self.check_fields(order)?;
        // Ids rise, but for orders that waited for a parent.
        if order.order_id <= self.off.newest_id && self.order(order.order_id).is_some() {
            return refuse(Reason::DuplicateOrderId);
        }
        self.check_state()?;
        let is_auction = self.off.state.is_auction();
        if is_auction && (order.ord_type == OrdType::Market || order.post_only != PostOnly::Off) {
            return refuse(Reason::NotInAuction);
        }
        self.check_time(order.time_in_force, order.expire_time, ts)?;
        if order.reduce_only && host.cap(order.order_id, order.owner, order.side, order.order_qty) == Qty::ZERO {
            return refuse(Reason::NotReducing);
        }
        let mut limit = order.price;
        if matches!(order.ord_type, OrdType::Limit | OrdType::Market) {
            limit = self.limit(order)?;
        } else if order.ord_type.has_limit() {
            self.check_band(order.side, order.price)?;
        }
        if matches!(order.ord_type, OrdType::Limit | OrdType::Pegged) {
            self.book.total_qty(order.side).checked_add(order.order_qty).ok_or(Refusal::plain(Reason::SideFull))?;
        }
        Ok(limit)
    }

    /// Enters the first stop that was triggered; false where none waits, or nothing may trade.
    pub fn settle_stops<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) -> bool {
        if !matches!(self.off.state, TradingState::Continuous | TradingState::PostOnly) {
            return false;
        }
        let Some(order) = self.off.stops.next_fired() else { return false };
        let order_id = order.order_id;
        events.push(Event::Triggered { order_id });
        let mut gone = std::mem::take(&mut self.off.gone);
        host.triggered(order_id, &mut gone);
        let refused = gone.iter().position(|(of, _)| *of == order_id).map(|at| gone.remove(at).1);
        self.off.cancel_gone(&mut self.book, &mut gone, None, host, events);
        self.off.gone = gone;
        let limit = refused.map_or_else(|| self.limit(&order), |reason| Err(Refusal::plain(reason)));
        match limit {
            Ok(limit) => self.begin(ts, &order, limit, host, events),
            Err(Refusal { reason, .. }) => {
                self.off.expiries.remove(order_id);
                events.push(Event::Canceled { order_id, qty: order.order_qty, reason });
            }
        }
        true
    }

    /// Lets in an order that trades at once or rests.
    fn begin<H: Host>(&mut self, ts: Ts, order: &NewOrder, limit: Price, host: &mut H, events: &mut Vec<Event>) {
        let taker = Taker { limit, is_market: !order.ord_type.has_limit(), ..taker_of(order) };
        self.go(ts, taker, order.min_qty, host, events);
    }

    /// An order sweeps, and what is left of it rests or ends.
    pub(super) fn go<H: Host>(
        &mut self,
        ts: Ts,
        mut taker: Taker,
        min_qty: Qty,
        host: &mut H,
        events: &mut Vec<Event>,
    ) {
        let Self { book, off } = self;
        let is_auction = off.state.is_auction();
        let watch = &mut Watched::new(off, host, ts);
        let mut is_broken = false;
        if !is_auction {
            let is_fok = taker.terms.time_in_force == TimeInForce::Fok;
            let wanted = if is_fok { taker.leaves_qty } else { min_qty };
            if wanted > Qty::ZERO && !can_fill(book, &taker, wanted, watch) {
                taker.cancel(if is_fok { Reason::FokUnfilled } else { Reason::MinQtyUnfilled }, events);
            }
            is_broken = !sweep(book, &mut taker, watch, events);
        }
        if let Some(reason) = ending(book, &taker, is_broken, watch) {
            taker.cancel(reason, events);
        }
        if taker.leaves_qty > Qty::ZERO && rest(book, &taker, watch).is_err() {
            taker.cancel(Reason::SideFull, events);
        }
        if taker.leaves_qty == Qty::ZERO {
            watch.off.forget(taker.order_id, taker.terms);
        }
        if is_broken {
            self.break_circuit(ts, host, events);
        }
    }

    /// The worst price that an order takes, a repriced or clamped one as it is then.
    fn limit(&self, order: &NewOrder) -> Result<Price, Refusal> {
        let &NewOrder { side, price, .. } = order;
        let limit = if order.ord_type.has_limit() {
            self.check_band(side, price)?;
            price
        } else {
            self.market_limit(side, order.order_qty)?
        };
        if self.off.state.is_auction() {
            return Ok(limit);
        }
        let best = self.book.best(side.opposite()).map(|level| level.price.get());
        let Some(best) = best.filter(|&best| reaches(side, limit.get(), best)) else { return Ok(limit) };
        if self.off.state == TradingState::PostOnly {
            return Err(Refusal::new(Reason::PostOnlyState, price.get(), best));
        }
        let would_cross = Refusal::new(Reason::WouldCross, price.get(), best);
        match order.post_only {
            PostOnly::Off => Ok(limit),
            PostOnly::Reprice if order.ord_type.has_limit() => {
                let behind = best.checked_sub(side.sign()).ok_or(would_cross)?;
                let is_good = behind > 0 || self.off.config.allows_negative;
                if is_good { Ok(Price::new(behind)) } else { Err(would_cross) }
            }
            PostOnly::Reject | PostOnly::Reprice => Err(would_cross),
        }
    }

    /// The worst price of a market order: the end of the number line, or the bound of a band. Under `reject` too: what
    /// the check counted may be gone when it is met (its own orders, partners, reduce-only ones).
    fn market_limit(&self, side: Side, order_qty: Qty) -> Result<Price, Refusal> {
        let bound = self.off.bounds.of(side);
        if bound == Bounds::NONE.of(side) || self.off.config.band.is_none_or(|band| band.market == BandRule::Clamp) {
            return Ok(Price::new(bound));
        }
        let mut leaves_qty = order_qty;
        for level in self.book.levels(side.opposite()) {
            if leaves_qty == Qty::ZERO {
                break;
            }
            if !reaches(side, bound, level.price.get()) {
                return Err(Refusal::new(Reason::PriceBand, level.price.get(), bound));
            }
            leaves_qty = leaves_qty.saturating_sub(level.total_qty);
        }
        Ok(Price::new(bound))
    }

    pub(super) fn check_band(&self, side: Side, price: Price) -> Result<(), Refusal> {
        let bound = self.off.bounds.of(side);
        if reaches(side, bound, price.get()) {
            Ok(())
        } else {
            Err(Refusal::new(Reason::PriceBand, price.get(), bound))
        }
    }

    pub(super) fn check_price(&self, price: Price) -> Result<(), Refusal> {
        if price <= Price::ZERO && !self.off.config.allows_negative {
            return Err(Refusal::new(Reason::BadPrice, price.get(), 0));
        }
        Ok(())
    }

    /// Whether the state takes new orders and replaces at all.
    pub(super) const fn check_state(&self) -> Result<(), Refusal> {
        match self.off.state {
            TradingState::Halted => refuse(Reason::Halted),
            TradingState::Closed => refuse(Reason::Closed),
            TradingState::CancelOnly => refuse(Reason::CancelOnlyState),
            TradingState::OpeningAuction
            | TradingState::Continuous
            | TradingState::VolatilityAuction
            | TradingState::ClosingAuction
            | TradingState::PostOnly => Ok(()),
        }
    }

    /// Whether the state takes a time in force, and its end lies ahead.
    pub(super) fn check_time(&self, time_in_force: TimeInForce, expire: Ts, ts: Ts) -> Result<(), Refusal> {
        let is_auction = self.off.state.is_auction();
        match time_in_force {
            TimeInForce::Ioc | TimeInForce::Fok | TimeInForce::Gfn if is_auction => refuse(Reason::NotInAuction),
            TimeInForce::Gfa if !is_auction => refuse(Reason::AuctionOnly),
            TimeInForce::Gtd if expire <= ts => Err(Refusal::new(Reason::ExpiredOnEntry, expire.get(), ts.get())),
            TimeInForce::Gtc
            | TimeInForce::Ioc
            | TimeInForce::Fok
            | TimeInForce::Gtd
            | TimeInForce::Gfa
            | TimeInForce::Gfn => Ok(()),
        }
    }

    fn check_fields(&self, order: &NewOrder) -> Result<(), Refusal> {
        let &NewOrder { order_qty, min_qty, stop_px, trailing_offset, .. } = order;
        if order_qty == Qty::ZERO || min_qty > order_qty || has_too_many_slices(order_qty, order.shown()) {
            return Err(Refusal::new(Reason::BadQty, order_qty.get(), min_qty.get()));
        }
        if order.ord_type.has_limit() {
            self.check_price(order.price)?;
        }
        // A peg enters again and again: what it fills at once says nothing.
        if order.ord_type == OrdType::Pegged && min_qty > Qty::ZERO {
            return Err(Refusal::new(Reason::BadQty, order_qty.get(), min_qty.get()));
        }
        let is_trailing = order.ord_type == OrdType::TrailingStop;
        let has_level = order.ord_type.is_triggered() && !is_trailing;
        let is_good_level = if has_level { self.check_price(stop_px).is_ok() } else { stop_px == Price::ZERO };
        let is_good_offset = if is_trailing { trailing_offset > Price::ZERO } else { trailing_offset == Price::ZERO };
        if !is_good_level || !is_good_offset {
            return Err(Refusal::new(Reason::BadTrigger, stop_px.get(), trailing_offset.get()));
        }
        Ok(())
    }

    fn enter_peg<H: Host>(&mut self, ts: Ts, order: &NewOrder, host: &mut H, events: &mut Vec<Event>) {
        let &NewOrder { order_id, side, peg_to, peg_offset: offset, .. } = order;
        let is_post_only = order.post_only != PostOnly::Off;
        let peg = Peg { order_id, side, peg_to, offset, is_post_only, price: None };
        let mut taker = taker_of(order);
        let limit = self.first_peg_price(&peg);
        if limit.is_none() && taker.terms.is_immediate() {
            let is_fok = taker.terms.time_in_force == TimeInForce::Fok;
            return taker.cancel(if is_fok { Reason::FokUnfilled } else { Reason::ImmediateRestCanceled }, events);
        }
        self.off.pegs.insert(Peg { price: limit, ..peg });
        self.off.pegged_at = None;
        if let Some(limit) = limit {
            self.go(ts, Taker { limit, ..taker }, Qty::ZERO, host, events);
        } else {
            self.off.pegs.suspend(taker.resting());
            events.push(Event::Suspended { order_id });
        }
    }
}

/// Whether a limit of a side trades at a price.
pub(super) const fn reaches(side: Side, limit: i64, price: i64) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

fn taker_of(order: &NewOrder) -> Taker {
    let terms = Terms::new(order.self_trade_prevention, order.time_in_force)
        .with_post_only(order.post_only != PostOnly::Off)
        .with_reduce_only(order.reduce_only)
        .with_pegged(order.ord_type == OrdType::Pegged);
    Taker {
        order_id: order.order_id,
        owner: order.owner.account,
        group: order.owner.group,
        side: order.side,
        limit: order.price,
        is_market: false,
        leaves_qty: order.order_qty,
        cum_qty: Qty::ZERO,
        display_qty: order.shown(),
        terms,
    }
}

/// Whether an order fills `wanted` at once, as far as a reduce-only one may.
fn can_fill<H: Host>(book: &super::Book<Terms>, taker: &Taker, wanted: Qty, watch: &mut Watched<'_, H>) -> bool {
    use crate::sweep::Watch;
    let may = !taker.terms.is_reduce_only() || watch.cap(taker.order_id, taker.owner, taker.side, wanted) >= wanted;
    may && would_fill(book, taker, wanted, watch)
}

/// Why what is left of an order does not rest, where it does not.
fn ending<H: Host>(
    book: &super::Book<Terms>,
    taker: &Taker,
    is_broken: bool,
    watch: &mut Watched<'_, H>,
) -> Option<Reason> {
    use crate::sweep::Watch;
    let Taker { terms, is_market, leaves_qty, .. } = *taker;
    if leaves_qty == Qty::ZERO {
        return None;
    }
    if is_broken && (is_market || terms.is_immediate() || terms.time_in_force == TimeInForce::Gfn) {
        return Some(Reason::CircuitBreaker);
    }
    if is_market {
        // Only the bound of a band keeps a market order from what is there.
        let is_clamped = book.best(taker.side.opposite()).is_some();
        return Some(if is_clamped { Reason::PriceBand } else { Reason::NoLiquidity });
    }
    if terms.is_immediate() {
        return Some(Reason::ImmediateRestCanceled);
    }
    let is_flat = terms.is_reduce_only() && watch.cap(taker.order_id, taker.owner, taker.side, leaves_qty) == Qty::ZERO;
    is_flat.then_some(Reason::NotReducing)
}
