//! The matcher: one book, one `apply`.
//!
//! Checks of a new order, in this order: quantity, minimum quantity and display quantity (`bad_qty`), an id in use
//! (`duplicate_order_id`), room on its side where it may rest (`side_full`), post-only (`would_cross`). Of a replace:
//! `unknown_order`; a total at or below what is filled cancels; `bad_qty` and the rest as above. Once accepted, an order
//! whose minimum (all of it, for fill-or-kill) would not fill at once is canceled before it touches the book.
//!
//! Invariants: the book is never crossed between commands; orders' quantities left and filled never exceed what was
//! sent. A trade is at the resting order's price and never beyond either limit.

use tiderace_book::by_order::Book;
use tiderace_types::{OrdType, Price, Qty, Reason, Refusal, Side, TimeInForce};

use crate::command::{Command, NewOrder};
use crate::event::Event;
use crate::fillable::would_fill;
use crate::market::{BookChange, Fill};
use crate::sweep::{Taker, Watch, rest, sweep};
use crate::terms::Terms;

/// The most slices an order may come in: one large order that meets it makes that many trades. More are refused.
pub(crate) const MAX_SLICES: i64 = 10_000;

/// Nobody watches: every trade may happen, and owners are themselves.
struct Unwatched;

impl Watch for Unwatched {
    fn is_same(&self, taker: &Taker, maker_owner: u32) -> bool {
        taker.owner == maker_owner
    }
    fn may_trade(&mut self, _: Price) -> bool {
        true
    }
    fn is_whole(&self) -> bool {
        true
    }
    fn would_trade(&mut self, _: Price, _: Option<Price>) -> bool {
        true
    }
    fn linked(&self, _: u64) -> Option<u64> {
        None
    }
    fn cap(&mut self, _: u64, _: u32, _: Side, qty: Qty) -> Qty {
        qty
    }
    fn filled(&mut self, _: &Fill, _: &mut Book<Terms>, _: &mut Taker, _: &mut Vec<Event>) {}
    fn left(&mut self, _: u64, _: Terms) {}
    fn changed(&mut self, _: BookChange) {}
}

/// One instrument's continuous market.
pub struct Matcher {
    book: Book<Terms>,
}

impl Matcher {
    /// An empty market with room for `capacity` resting orders before it grows; `seed` keeps clients from choosing ids
    /// that collide.
    #[must_use]
    pub fn new(capacity: usize, seed: u64) -> Self {
        Self { book: Book::new(capacity, seed) }
    }

    /// What rests.
    #[must_use]
    pub const fn book(&self) -> &Book<Terms> {
        &self.book
    }

    /// Carries out one command and appends what happened to `events`.
    pub fn apply(&mut self, command: &Command, events: &mut Vec<Event>) {
        let (order_id, outcome) = match command {
            Command::New(order) => (order.order_id, self.enter(order, events)),
            Command::Cancel { order_id } => (*order_id, self.cancel(*order_id, events)),
            &Command::Replace { order_id, price, order_qty } => {
                (order_id, self.replace(order_id, price, order_qty, events))
            }
        };
        if let Err(reason) = outcome {
            events.push(Event::Rejected { order_id, refusal: Refusal::plain(reason) });
        }
    }

    fn enter(&mut self, order: &NewOrder, events: &mut Vec<Event>) -> Result<(), Reason> {
        let &NewOrder { order_id, owner, side, order_qty, min_qty, .. } = order;
        let display_qty = order.display_qty.unwrap_or(Qty::MAX);
        if order_qty == Qty::ZERO || min_qty > order_qty || has_too_many_slices(order_qty, display_qty) {
            return Err(Reason::BadQty);
        }
        if self.book.get(order_id).is_some() {
            return Err(Reason::DuplicateOrderId);
        }
        let ends_with = match (order.ord_type, order.time_in_force) {
            (OrdType::Market, _) => Some(Reason::NoLiquidity),
            (_, TimeInForce::Ioc | TimeInForce::Fok) => Some(Reason::ImmediateRestCanceled),
            (_, TimeInForce::Gtc | TimeInForce::Gtd | TimeInForce::Gfa | TimeInForce::Gfn) => None,
        };
        if ends_with.is_none() {
            self.book.total_qty(side).checked_add(order_qty).ok_or(Reason::SideFull)?;
        }
        let limit = match (order.ord_type, side) {
            (OrdType::Market, Side::Buy) => Price::MAX,
            (OrdType::Market, Side::Sell) => Price::MIN,
            (_, _) => order.price,
        };
        let terms = Terms::new(order.self_trade_prevention, TimeInForce::Gtc).with_post_only(order.post_only);
        let taker = Taker {
            order_id,
            owner,
            group: owner,
            side,
            limit,
            is_market: order.ord_type == OrdType::Market,
            leaves_qty: order_qty,
            cum_qty: Qty::ZERO,
            display_qty,
            terms,
        };
        if terms.is_post_only() && taker.crosses(&self.book) {
            return Err(Reason::WouldCross);
        }

        events.push(Event::Accepted { order_id });
        let (wanted, reason) = match order.time_in_force {
            TimeInForce::Fok => (order_qty, Reason::FokUnfilled),
            TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Gtd | TimeInForce::Gfa | TimeInForce::Gfn => {
                (min_qty, Reason::MinQtyUnfilled)
            }
        };
        if wanted > Qty::ZERO && !would_fill(&self.book, &taker, wanted, &mut Unwatched) {
            events.push(Event::Canceled { order_id, qty: order_qty, reason });
        } else {
            self.trade_and_rest(taker, ends_with, events);
        }
        Ok(())
    }

    fn cancel(&mut self, order_id: u64, events: &mut Vec<Event>) -> Result<(), Reason> {
        let order = self.book.remove(order_id).ok_or(Reason::UnknownOrder)?;
        events.push(Event::Canceled { order_id, qty: order.leaves_qty(), reason: Reason::CanceledByUser });
        Ok(())
    }

    fn replace(&mut self, order_id: u64, price: Price, order_qty: Qty, events: &mut Vec<Event>) -> Result<(), Reason> {
        let order = *self.book.get(order_id).ok_or(Reason::UnknownOrder)?;
        if order_qty <= order.cum_qty {
            return self.cancel(order_id, events);
        }
        let leaves_before = order.leaves_qty();
        let leaves_qty = order_qty.saturating_sub(order.cum_qty);
        if price == order.price && leaves_qty < leaves_before {
            self.book.reduce(order_id, leaves_before.saturating_sub(leaves_qty));
            events.push(Event::Replaced { order_id, price, leaves_qty, keeps_priority: true });
            return Ok(());
        }
        if has_too_many_slices(leaves_qty, order.display_qty) {
            return Err(Reason::BadQty);
        }
        let others = self.book.total_qty(order.side).saturating_sub(leaves_before);
        others.checked_add(leaves_qty).ok_or(Reason::SideFull)?;
        let taker = Taker::again(&order, order.owner, price, leaves_qty);
        let is_crossing = taker.crosses(&self.book);
        if order.terms.is_post_only() && is_crossing {
            return Err(Reason::WouldCross);
        }

        events.push(Event::Replaced { order_id, price, leaves_qty, keeps_priority: false });
        if is_crossing {
            self.book.remove(order_id);
            self.trade_and_rest(taker, None, events);
        } else {
            let visible_qty = leaves_qty.min(order.display_qty);
            let moved = self.book.requeue(order_id, price, visible_qty, leaves_qty.saturating_sub(visible_qty));
            assert!(moved.is_ok(), "its side's room was checked");
        }
        Ok(())
    }

    /// Trades while prices meet; then the rest is canceled for the reason given, or rests.
    fn trade_and_rest(&mut self, mut taker: Taker, ends_with: Option<Reason>, events: &mut Vec<Event>) {
        sweep(&mut self.book, &mut taker, &mut Unwatched, events);
        if let Some(reason) = ends_with {
            taker.cancel(reason, events);
        } else if taker.leaves_qty > Qty::ZERO {
            let rested = rest(&mut self.book, &taker, &mut Unwatched);
            assert!(rested.is_ok(), "its id and its side's room were checked on entry");
        }
    }
}

/// Whether an order shows so little at a time that it would take more than [`MAX_SLICES`] fills; also where it shows
/// nothing.
pub(crate) const fn has_too_many_slices(leaves_qty: Qty, display_qty: Qty) -> bool {
    display_qty.get().saturating_mul(MAX_SLICES) < leaves_qty.get()
}
