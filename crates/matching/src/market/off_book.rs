//! What a market knows beside its book, and how an order leaves.

use std::collections::BTreeMap;

use tiderace_book::by_order::Book;
use tiderace_types::{OrdType, Price, Qty, Reason, Side, TimeInForce, TradingState, Trigger, Ts};

use super::limits::{Bounds, Prints};
use super::stops::Stops;
use super::tables::{Expiries, Groups, Pegs};
use super::{BookChange, Fill, Host, Indication, MarketConfig, NewOrder, Owner, Resting};
use crate::event::Event;
use crate::sweep::{Taker, Watch};
use crate::terms::Terms;

/// A turn of the schedule, or the end of an auction that a random time put off.
pub(super) type Turn = (Ts, TradingState);

/// All of a market but its book.
pub(super) struct OffBook {
    pub(super) config: MarketConfig,
    /// Of the tables by id.
    pub(super) seed: u64,
    pub(super) state: TradingState,
    /// An auction began, and no uncross has ended it.
    pub(super) is_gathering: bool,
    /// The largest id let in.
    pub(super) newest_id: u64,
    pub(super) last_px: Option<Price>,
    pub(super) mark: Option<Price>,
    pub(super) index: Option<Price>,
    /// Of the band, around mark and last trade as they are.
    pub(super) bounds: Bounds,
    pub(super) stops: Stops,
    pub(super) pegs: Pegs,
    /// References at which the pegs stood when they were last looked at.
    pub(super) pegged_at: Option<super::pegs::References>,
    pub(super) expiries: Expiries,
    pub(super) groups: Groups,
    pub(super) prints: Prints,
    /// End of an auction that the breaker began, and how often it was extended.
    pub(super) auction_end: Option<Ts>,
    pub(super) extensions: u32,
    /// The next turn of the schedule.
    pub(super) scheduled: Option<Turn>,
    /// A turn that was put off.
    pub(super) put_off: Option<Turn>,
    /// Random times drawn.
    pub(super) draws: u64,
    pub(super) indicated: Option<Indication>,
    /// Reused between fills.
    pub(super) gone: Vec<(u64, Reason)>,
}

impl OffBook {
    pub(super) fn new(config: MarketConfig, seed: u64) -> Self {
        let state = config.state;
        let mut new = Self {
            state,
            is_gathering: state.is_auction(),
            newest_id: 0,
            last_px: None,
            mark: None,
            index: None,
            bounds: Bounds::NONE,
            stops: Stops::new(seed),
            pegs: Pegs::default(),
            pegged_at: None,
            expiries: Expiries::new(seed),
            groups: Groups::default(),
            prints: Prints::default(),
            auction_end: None,
            extensions: 0,
            scheduled: None,
            put_off: None,
            draws: 0,
            indicated: None,
            gone: Vec::new(),
            seed,
            config,
        };
        new.scheduled = new.turn_after(new.config.start);
        new
    }

    /// The price that a source has now.
    pub(super) const fn source(&self, trigger: Trigger) -> Option<Price> {
        match trigger {
            Trigger::Last => self.last_px,
            Trigger::Mark => self.mark,
            Trigger::Index => self.index,
        }
    }

    /// The price that a stop is held against when it enters or its trigger moves. In an auction the last trade is of
    /// before: the uncross print is the first that counts. A trailing level still starts from it.
    pub(super) fn source_on_entry(&self, stop: &NewOrder) -> Option<Price> {
        let is_stale = self.state.is_auction() && stop.trigger == Trigger::Last;
        if is_stale && stop.ord_type != OrdType::TrailingStop { None } else { self.source(stop.trigger) }
    }

    /// A new price of a source. Auctions wake no stops: [`Self::hear_again`] comes after them.
    pub(super) fn hear(&mut self, trigger: Trigger, px: Price) {
        let place = match trigger {
            Trigger::Last => &mut self.last_px,
            Trigger::Mark => &mut self.mark,
            Trigger::Index => &mut self.index,
        };
        let before = place.replace(px);
        if before != Some(px) {
            self.find_bounds();
        }
        if !self.state.is_auction() {
            self.stops.scan(trigger, px, Some(before.unwrap_or(px)));
        }
    }

    /// Works out how far prices go now.
    pub(super) fn find_bounds(&mut self) {
        self.bounds = self.config.band.map_or(Bounds::NONE, |band| band.bounds(self.mark, self.last_px));
    }

    /// After an auction: the mark and the index as they are now wake what they passed meanwhile.
    pub(super) fn hear_again(&mut self) {
        for trigger in [Trigger::Mark, Trigger::Index] {
            if let Some(px) = self.source(trigger) {
                self.stops.scan(trigger, px, None);
            }
        }
    }

    /// A trade printed.
    pub(super) fn print(&mut self, ts: Ts, px: Price) {
        if self.config.breaker.is_some() {
            self.prints.push(ts, px);
        }
        self.hear(Trigger::Last, px);
    }

    /// Forgets an order that left for good, where a table lists it.
    pub(super) fn forget(&mut self, order_id: u64, terms: Terms) {
        if terms.is_listed() {
            if terms.time_in_force == TimeInForce::Gtd {
                self.expiries.remove(order_id);
            }
            if terms.is_pegged() {
                self.pegs.remove(order_id);
            }
        }
    }

    /// Takes an order out wherever it waits; what it had left.
    pub(super) fn take_out<H: Host>(&mut self, book: &mut Book<Terms>, order_id: u64, host: &mut H) -> Option<Qty> {
        if let Some(order) = book.remove(order_id) {
            host.book_changed(&BookChange::Remove { order_id });
            self.forget(order_id, order.terms);
            return Some(order.leaves_qty());
        }
        if let Some(order) = self.stops.remove(order_id) {
            if order.time_in_force == TimeInForce::Gtd {
                self.expiries.remove(order_id);
            }
            return Some(order.order_qty);
        }
        let order = *self.pegs.suspended(order_id)?;
        self.forget(order_id, order.terms);
        Some(order.leaves_qty())
    }

    /// Cancels an order wherever it waits; false where it is not here.
    pub(super) fn cancel<H: Host>(
        &mut self,
        book: &mut Book<Terms>,
        (order_id, reason): (u64, Reason),
        host: &mut H,
        events: &mut Vec<Event>,
    ) -> bool {
        let Some(qty) = self.take_out(book, order_id, host) else { return false };
        events.push(Event::Canceled { order_id, qty, reason });
        true
    }

    /// Tells the host of a fill and cancels what must go with it, what is left of `taker` too.
    pub(super) fn tell_fill<H: Host>(
        &mut self,
        book: &mut Book<Terms>,
        fill: &Fill,
        taker: Option<&mut Taker>,
        host: &mut H,
        events: &mut Vec<Event>,
    ) {
        let mut gone = std::mem::take(&mut self.gone);
        host.filled(fill, &mut gone);
        self.cancel_gone(book, &mut gone, taker, host, events);
        self.gone = gone;
    }

    pub(super) fn cancel_gone<H: Host>(
        &mut self,
        book: &mut Book<Terms>,
        gone: &mut Vec<(u64, Reason)>,
        mut taker: Option<&mut Taker>,
        host: &mut H,
        events: &mut Vec<Event>,
    ) {
        for ending in gone.drain(..) {
            match &mut taker {
                Some(taker) if taker.order_id == ending.0 => taker.cancel(ending.1, events),
                Some(_) | None => {
                    self.cancel(book, ending, host, events);
                }
            }
        }
    }

    pub(super) fn owner(&self, account: u32) -> Owner {
        Owner { account, group: self.groups.of(account) }
    }
}

/// What a market does around a sweep.
pub(super) struct Watched<'a, H> {
    pub(super) off: &'a mut OffBook,
    pub(super) host: &'a mut H,
    pub(super) ts: Ts,
    decided: BTreeMap<u64, Decided>,
}

/// What was decided about an order before the sweep: so many lots it may trade, then it may not, for a reason.
#[derive(Default)]
struct Decided {
    qty: Qty,
    then: Option<Reason>,
}

impl<'a, H> Watched<'a, H> {
    pub(super) const fn new(off: &'a mut OffBook, host: &'a mut H, ts: Ts) -> Self {
        Self { off, host, ts, decided: BTreeMap::new() }
    }
}

impl<H: Host> Watch for Watched<'_, H> {
    fn is_same(&self, taker: &Taker, maker_owner: u32) -> bool {
        taker.owner == maker_owner || taker.group == self.off.groups.of(maker_owner)
    }

    fn may_trade(&mut self, price: Price) -> bool {
        let Some(breaker) = &self.off.config.breaker else { return true };
        !self.off.prints.would_break(breaker, self.ts, price, self.off.last_px)
    }

    fn is_whole(&self) -> bool {
        H::IS_SILENT
    }

    fn would_trade(&mut self, price: Price, first_px: Option<Price>) -> bool {
        let Some(breaker) = &self.off.config.breaker else { return true };
        !self.off.prints.would_break_after(breaker, self.ts, price, (first_px, self.off.last_px))
    }

    fn linked(&self, order_id: u64) -> Option<u64> {
        self.host.linked(order_id)
    }

    fn refuses(&mut self, maker: &Resting, qty: Qty) -> Option<Reason> {
        if let Some(decided) = self.decided.get_mut(&maker.order_id) {
            if let Some(left) = decided.qty.checked_sub(qty) {
                decided.qty = left;
                return None;
            }
            if decided.then.is_some() {
                return decided.then;
            }
        }
        self.host.refuses(maker, qty)
    }

    fn would_refuse(&mut self, maker: &Resting, qty: Qty, traded: Qty) -> bool {
        let all = qty.checked_add(traded).unwrap_or(Qty::MAX);
        let reason = self.host.refuses(maker, all);
        let decided = self.decided.entry(maker.order_id).or_default();
        match reason {
            Some(_) => decided.then = reason,
            None => decided.qty = decided.qty.checked_add(qty).unwrap_or(Qty::MAX),
        }
        reason.is_some()
    }

    fn cap(&mut self, order_id: u64, owner: u32, side: Side, qty: Qty) -> Qty {
        self.host.cap(order_id, self.off.owner(owner), side, qty)
    }

    fn filled(&mut self, fill: &Fill, book: &mut Book<Terms>, taker: &mut Taker, events: &mut Vec<Event>) {
        self.off.tell_fill(book, fill, Some(taker), self.host, events);
        self.off.print(self.ts, fill.price);
    }

    fn left(&mut self, order_id: u64, terms: Terms) {
        self.off.forget(order_id, terms);
    }

    fn changed(&mut self, change: BookChange) {
        self.host.book_changed(&change);
    }
}
