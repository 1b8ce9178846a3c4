//! The matcher: one book, one `apply`.
//!
//! Checks of a new order, in this order: quantity, minimum quantity and display quantity (`bad_qty`), an id in use
//! (`duplicate_order_id`), room on its side where it may rest (`side_full`), post-only (`would_cross`). Of a replace:
//! `unknown_order`; a total at or below what is filled cancels; `bad_qty` and the rest as above. Once accepted, an order
//! whose minimum (all of it, for fill-or-kill) would not fill at once is canceled before it touches the book.
//!
//! Invariants: the book is never crossed between commands; orders' quantities left and filled never exceed what was
//! sent. A trade is at the resting order's price and never beyond either limit.

use tiderace_book::by_order::{Book, Order};
use tiderace_types::{OrdType, Price, Qty, Reason, Refusal, SelfTradePrevention, Side, TimeInForce, TradeKind};

use crate::command::{Command, NewOrder};
use crate::event::Event;
use crate::fillable::would_fill;

/// The most slices an order may come in: one large order that meets it makes that many trades. More are refused.
const MAX_SLICES: i64 = 10_000;

/// What a resting order keeps for when it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A replace that would trade is refused.
    pub post_only: bool,
    /// What happens where it comes in again and meets its owner's.
    pub self_trade_prevention: SelfTradePrevention,
}

/// An order on its way in.
pub(crate) struct Taker {
    pub(crate) order_id: u64,
    pub(crate) owner: u32,
    pub(crate) side: Side,
    /// The worst price it takes; the end of the number line for a market order.
    pub(crate) limit: Price,
    pub(crate) leaves_qty: Qty,
    cum_qty: Qty,
    display_qty: Qty,
    pub(crate) terms: Terms,
}

impl Taker {
    /// Whether it may trade at a price.
    pub(crate) const fn reaches(&self, price: Price) -> bool {
        match self.side {
            Side::Buy => price.get() <= self.limit.get(),
            Side::Sell => price.get() >= self.limit.get(),
        }
    }
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
        let terms = Terms { post_only: order.post_only, self_trade_prevention: order.self_trade_prevention };
        let taker =
            Taker { order_id, owner, side, limit, leaves_qty: order_qty, cum_qty: Qty::ZERO, display_qty, terms };
        if terms.post_only && self.would_cross(&taker) {
            return Err(Reason::WouldCross);
        }

        events.push(Event::Accepted { order_id });
        let (wanted, reason) = match order.time_in_force {
            TimeInForce::Fok => (order_qty, Reason::FokUnfilled),
            _ => (min_qty, Reason::MinQtyUnfilled),
        };
        if wanted > Qty::ZERO && !would_fill(&self.book, &taker, wanted) {
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
        let Order { owner, side, cum_qty, display_qty, terms, .. } = order;
        let taker = Taker { order_id, owner, side, limit: price, leaves_qty, cum_qty, display_qty, terms };
        let is_crossing = self.would_cross(&taker);
        if terms.post_only && is_crossing {
            return Err(Reason::WouldCross);
        }

        events.push(Event::Replaced { order_id, price, leaves_qty, keeps_priority: false });
        if is_crossing {
            self.book.remove(order_id);
            self.trade_and_rest(taker, None, events);
        } else {
            let visible_qty = leaves_qty.min(display_qty);
            let moved = self.book.requeue(order_id, price, visible_qty, leaves_qty.saturating_sub(visible_qty));
            assert!(moved.is_ok(), "its side's room was checked");
        }
        Ok(())
    }

    /// Whether an order would meet a price on its way in.
    fn would_cross(&self, taker: &Taker) -> bool {
        self.book.best(taker.side.opposite()).is_some_and(|level| taker.reaches(level.price))
    }

    /// Trades while prices meet; then the rest is canceled for the reason given, or rests.
    fn trade_and_rest(&mut self, mut taker: Taker, ends_with: Option<Reason>, events: &mut Vec<Event>) {
        while taker.leaves_qty > Qty::ZERO {
            let Some(maker) = self.book.front(taker.side.opposite()).filter(|maker| taker.reaches(maker.price)) else {
                break;
            };
            if maker.owner == taker.owner && taker.terms.self_trade_prevention != SelfTradePrevention::None {
                let maker = *maker;
                self.prevent(&mut taker, &maker, events);
                continue;
            }
            let Order { order_id: maker, price, visible_qty, .. } = *maker;
            let qty = taker.leaves_qty.min(visible_qty);
            let maker_leaves_qty = self.book.fill_front(taker.side.opposite(), qty).unwrap_or(Qty::ZERO);
            taker.leaves_qty = taker.leaves_qty.saturating_sub(qty);
            // What is filled and what is left make the order's quantity, so the sum fits.
            taker.cum_qty = taker.cum_qty.checked_add(qty).unwrap_or(Qty::MAX);
            events.push(Event::Trade {
                maker,
                taker: taker.order_id,
                aggressor: taker.side,
                price,
                qty,
                maker_leaves_qty,
                taker_leaves_qty: taker.leaves_qty,
                kind: TradeKind::Continuous,
            });
        }
        let &Taker { order_id, leaves_qty: qty, .. } = &taker;
        if qty == Qty::ZERO {
            return;
        }
        if let Some(reason) = ends_with {
            events.push(Event::Canceled { order_id, qty, reason });
        } else {
            self.rest(&taker);
        }
    }
    /// Ends what self-trade prevention ends where `taker` meets `maker`, the first in line, of the same owner.
    fn prevent(&mut self, taker: &mut Taker, maker: &Order<Terms>, events: &mut Vec<Event>) {
        let (maker_cut, taker_cut) = match taker.terms.self_trade_prevention {
            SelfTradePrevention::None => (Qty::ZERO, Qty::ZERO),
            SelfTradePrevention::CancelTaker => (Qty::ZERO, taker.leaves_qty),
            SelfTradePrevention::CancelMaker => (maker.leaves_qty(), Qty::ZERO),
            SelfTradePrevention::CancelBoth => (maker.leaves_qty(), taker.leaves_qty),
            SelfTradePrevention::Decrement => {
                let both = maker.leaves_qty().min(taker.leaves_qty);
                (both, both)
            }
        };
        if maker_cut > Qty::ZERO {
            let leaves_qty = self.book.reduce(maker.order_id, maker_cut).unwrap_or(Qty::ZERO);
            events.push(cut(maker.order_id, maker.price, maker_cut, leaves_qty));
        }
        if taker_cut > Qty::ZERO {
            taker.leaves_qty = taker.leaves_qty.saturating_sub(taker_cut);
            events.push(cut(taker.order_id, taker.limit, taker_cut, taker.leaves_qty));
        }
    }

    fn rest(&mut self, taker: &Taker) {
        let visible_qty = taker.leaves_qty.min(taker.display_qty);
        let inserted = self.book.insert(Order {
            order_id: taker.order_id,
            price: taker.limit,
            visible_qty,
            hidden_qty: taker.leaves_qty.saturating_sub(visible_qty),
            display_qty: taker.display_qty,
            cum_qty: taker.cum_qty,
            owner: taker.owner,
            side: taker.side,
            terms: taker.terms,
        });
        assert!(inserted.is_ok(), "its id and its side's room were checked on entry");
    }
}

/// Whether an order shows so little at a time that it would take more than [`MAX_SLICES`] fills; also where it shows
/// nothing.
const fn has_too_many_slices(leaves_qty: Qty, display_qty: Qty) -> bool {
    display_qty.get().saturating_mul(MAX_SLICES) < leaves_qty.get()
}

/// What is said of an order that lost `qty` to self-trade prevention.
const fn cut(order_id: u64, price: Price, qty: Qty, leaves_qty: Qty) -> Event {
    let reason = Reason::SelfTrade;
    if leaves_qty.get() == 0 {
        Event::Canceled { order_id, qty, reason }
    } else {
        Event::Restated { order_id, price, leaves_qty, reason }
    }
}
