//! How a working order changes.
//!
//! It keeps its place for a smaller or equal total at the same price; a new price, a larger total, another display
//! quantity or an immediate time in force lose it, and it enters anew. A minimum is for entry alone.

use tiderace_book::by_order::Order;
use tiderace_types::{OrdType, Price, Qty, Reason, Refusal, TimeInForce, TradingState, Ts};

use super::{BookChange, Change, Host, Market, NewOrder};
use crate::event::Event;
use crate::matcher::has_too_many_slices;
use crate::sweep::Taker;
use crate::terms::Terms;

impl Market {
    /// Changes an order: `Replaced` and what follows, `Canceled` where nothing is left, or `Rejected` alone.
    pub fn replace<H: Host>(&mut self, ts: Ts, order_id: u64, change: &Change, host: &mut H, events: &mut Vec<Event>) {
        if let Err(refusal) = self.try_replace(ts, order_id, change, host, events) {
            events.push(Event::Rejected { order_id, refusal });
        }
    }

    fn try_replace<H: Host>(
        &mut self,
        ts: Ts,
        order_id: u64,
        change: &Change,
        host: &mut H,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let resting = self.book.get(order_id).copied();
        if resting.is_none()
            && let Some(&stop) = self.off.stops.get(order_id)
        {
            return self.replace_stop(ts, stop, change, events);
        }
        let order = resting.or_else(|| self.off.pegs.suspended(order_id).copied());
        let order = order.ok_or(Refusal::plain(Reason::UnknownOrder))?;
        self.check_state()?;
        let Some(next) = self.changed(&order, change)? else {
            self.cancel(order_id, Reason::CanceledByUser, host, events);
            return Ok(());
        };
        self.check_change(ts, order_id, order.side, change, order.terms.time_in_force)?;
        if let Some(price) = change.price {
            if order.terms.is_pegged() {
                return Err(Refusal::new(Reason::BadPrice, price.get(), order.price.get()));
            }
            if resting.is_some() && !self.off.state.is_auction() && next.crosses(&self.book) {
                self.check_crossing(&next)?;
            }
        }
        let others = self.book.total_qty(order.side).saturating_sub(order.leaves_qty());
        others.checked_add(next.leaves_qty).ok_or(Refusal::plain(Reason::SideFull))?;

        self.set_expiry(order_id, [order.terms.time_in_force, next.terms.time_in_force], change.expire_time);
        if resting.is_some() {
            self.apply_change(ts, &order, next, host, events);
        } else {
            self.off.pegs.suspend(next.resting());
            events.push(replaced(&next, false));
        }
        Ok(())
    }

    /// The order as it will come in again; none where nothing is left.
    fn changed(&self, order: &Order<Terms>, change: &Change) -> Result<Option<Taker>, Refusal> {
        let leaves_qty = match change.order_qty {
            None => order.leaves_qty(),
            Some(Qty::ZERO) => return Err(Refusal::plain(Reason::BadQty)),
            Some(order_qty) if order_qty <= order.cum_qty => return Ok(None),
            Some(order_qty) => order_qty.saturating_sub(order.cum_qty),
        };
        let price = change.price.unwrap_or(order.price);
        let display_qty = change.display_qty.map_or(order.display_qty, shown);
        if has_too_many_slices(leaves_qty, display_qty) {
            return Err(Refusal::new(Reason::BadQty, leaves_qty.get(), display_qty.get()));
        }
        let time_in_force = change.time_in_force.unwrap_or(order.terms.time_in_force);
        let mut next = Taker::again(order, self.off.groups.of(order.owner), price, leaves_qty);
        next.display_qty = display_qty;
        next.terms.time_in_force = time_in_force;
        Ok(Some(next))
    }

    /// What holds for a change of any order.
    fn check_change(
        &self,
        ts: Ts,
        order_id: u64,
        side: tiderace_types::Side,
        change: &Change,
        before: TimeInForce,
    ) -> Result<(), Refusal> {
        if change.time_in_force.is_some() || change.expire_time.is_some() {
            let expire = change.expire_time.or_else(|| self.off.expiries.get(order_id)).unwrap_or(ts);
            self.check_time(change.time_in_force.unwrap_or(before), expire, ts)?;
        }
        if let Some(price) = change.price {
            self.check_price(price)?;
            self.check_band(side, price)?;
        }
        Ok(())
    }

    fn check_crossing(&self, next: &Taker) -> Result<(), Refusal> {
        let best = self.book.best(next.side.opposite()).map_or(0, |level| level.price.get());
        if next.terms.is_post_only() {
            return Err(Refusal::new(Reason::WouldCross, next.limit.get(), best));
        }
        if self.off.state == TradingState::PostOnly {
            return Err(Refusal::new(Reason::PostOnlyState, next.limit.get(), best));
        }
        Ok(())
    }

    fn set_expiry(&mut self, order_id: u64, [before, now]: [TimeInForce; 2], expire: Option<Ts>) {
        if now != TimeInForce::Gtd {
            if before == TimeInForce::Gtd {
                self.off.expiries.remove(order_id);
            }
        } else if let Some(ts) = expire {
            self.off.expiries.set(order_id, ts);
        }
    }

    fn apply_change<H: Host>(
        &mut self,
        ts: Ts,
        order: &Order<Terms>,
        next: Taker,
        host: &mut H,
        events: &mut Vec<Event>,
    ) {
        let (order_id, leaves_before) = (order.order_id, order.leaves_qty());
        let is_immediate = next.terms.is_immediate();
        let keeps_priority = next.limit == order.price
            && next.leaves_qty <= leaves_before
            && next.display_qty == order.display_qty
            && !is_immediate;
        events.push(replaced(&next, keeps_priority));
        if let Some(terms) = self.book.terms_mut(order_id) {
            *terms = next.terms;
        }
        if keeps_priority {
            self.book.reduce(order_id, leaves_before.saturating_sub(next.leaves_qty));
            let visible_qty = order.visible_qty.min(next.leaves_qty);
            if visible_qty != order.visible_qty {
                host.book_changed(&BookChange::Set { order_id, visible_qty });
            }
            return;
        }
        let meets = !self.off.state.is_auction() && (is_immediate || next.crosses(&self.book));
        let is_moved = !meets && next.display_qty == order.display_qty && {
            let Order { price, visible_qty, hidden_qty, .. } = next.resting();
            self.book.requeue(order_id, price, visible_qty, hidden_qty).is_ok()
        };
        host.book_changed(&BookChange::Remove { order_id });
        if is_moved {
            let Order { side, price, visible_qty, .. } = next.resting();
            host.book_changed(&BookChange::Add { order_id, side, price, visible_qty });
        } else {
            self.book.remove(order_id);
            self.go(ts, next, Qty::ZERO, host, events);
        }
    }

    fn replace_stop(
        &mut self,
        ts: Ts,
        stop: NewOrder,
        change: &Change,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.check_state()?;
        let next = NewOrder {
            price: change.price.unwrap_or(stop.price),
            order_qty: change.order_qty.unwrap_or(stop.order_qty),
            stop_px: change.stop_px.unwrap_or(stop.stop_px),
            display_qty: change.display_qty.unwrap_or(stop.display_qty),
            time_in_force: change.time_in_force.unwrap_or(stop.time_in_force),
            expire_time: change.expire_time.unwrap_or(stop.expire_time),
            ..stop
        };
        // It enters when it triggers: its minimum is still ahead.
        let is_below_min = next.min_qty > next.order_qty;
        if next.order_qty == Qty::ZERO || is_below_min || has_too_many_slices(next.order_qty, next.shown()) {
            return Err(Refusal::new(Reason::BadQty, next.order_qty.get(), next.display_qty.get()));
        }
        if change.stop_px.is_some_and(|stop_px| self.check_price(stop_px).is_err()) {
            return Err(Refusal::new(Reason::BadTrigger, next.stop_px.get(), 0));
        }
        self.check_change(ts, stop.order_id, stop.side, change, stop.time_in_force)?;
        if change.price.is_some() && !stop.ord_type.has_limit() {
            return Err(Refusal::new(Reason::BadPrice, next.price.get(), stop.price.get()));
        }
        self.set_expiry(stop.order_id, [stop.time_in_force, next.time_in_force], change.expire_time);
        self.off.stops.replace(&next, self.off.source_on_entry(&next));
        events.push(Event::Replaced {
            order_id: stop.order_id,
            price: if stop.ord_type == OrdType::TrailingStop { Price::ZERO } else { next.price },
            leaves_qty: next.order_qty,
            keeps_priority: next.order_qty <= stop.order_qty,
        });
        Ok(())
    }
}

const fn shown(display_qty: Qty) -> Qty {
    if display_qty.get() == 0 { Qty::MAX } else { display_qty }
}

const fn replaced(next: &Taker, keeps_priority: bool) -> Event {
    Event::Replaced { order_id: next.order_id, price: next.limit, leaves_qty: next.leaves_qty, keeps_priority }
}
