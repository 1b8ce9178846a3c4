//! One instrument's market: every type of order, every state, and the limits of its prices, around one book.
//!
//! A market owns which orders work in its instrument and when they trade; it knows no client ids, no money, no
//! positions and no clock. What it must know of those it asks its [`Host`], and time comes with each command.
//! Prices and quantities are whole ticks and lots.
//!
//! A command is followed by the settling, which its caller drives: [`Market::settle_pegs`], what the caller itself has
//! to do, then one stop of [`Market::settle_stops`], again and again until all say that nothing happened. A refused
//! command gives one `Rejected` and nothing else.
//!
//! Invariants: outside of auctions, and of what an auction left behind in a halt, the book is never crossed; an order
//! is in one place: the book, the stops, or the suspended pegs; nothing trades beyond a limit, a band that was there
//! when the order entered, or the circuit breaker; the same commands give the same events.

mod auction;
mod enter;
mod host;
mod limits;
mod off_book;
mod order;
mod pegs;
mod replace;
mod snapshot;
mod states;
mod stops;
mod tables;

use tiderace_book::by_order::{Book, Order};
use tiderace_types::{Price, Qty, Reason, Side, TradingState, Trigger, Ts};

use crate::event::Event;
use crate::terms::Terms;
use limits::Bounds;
use off_book::OffBook;

pub use host::{BookChange, Fill, Host, Resting};
pub use order::{
    BandRule, Change, CircuitBreaker, Indication, MarketConfig, NewOrder, OrderView, Owner, Place, PriceBand,
    RandomEnd, Scheduled,
};

/// One instrument's market.
pub struct Market {
    book: Book<Terms>,
    off: OffBook,
}

impl Market {
    /// An empty market with room for `capacity` resting orders before it grows; `seed` places ids in its tables.
    #[must_use]
    pub fn new(config: MarketConfig, capacity: usize, seed: u64) -> Self {
        Self { book: Book::new(capacity, seed), off: OffBook::new(config, seed) }
    }

    /// Cancels an order wherever it waits; false where it is not here.
    pub fn cancel<H: Host>(&mut self, order_id: u64, reason: Reason, host: &mut H, events: &mut Vec<Event>) -> bool {
        self.off.cancel(&mut self.book, (order_id, reason), host, events)
    }

    /// The mark price: notes which stops it triggers.
    pub fn set_mark(&mut self, _: Ts, price: Price) {
        self.off.hear(Trigger::Mark, price);
    }

    /// The index price, in ticks: notes which stops it triggers.
    pub fn set_index(&mut self, _: Ts, price: Price) {
        self.off.hear(Trigger::Index, price);
    }

    /// What may happen now.
    #[must_use]
    pub const fn state(&self) -> TradingState {
        self.off.state
    }

    /// The worst price that the price band lets an order of a side have; none where there is no bound.
    #[must_use]
    pub fn bound(&self, side: Side) -> Option<Price> {
        let bound = self.off.bounds.of(side);
        (bound != Bounds::NONE.of(side)).then_some(Price::new(bound))
    }

    /// How it is set up.
    #[must_use]
    pub const fn config(&self) -> &MarketConfig {
        &self.off.config
    }

    /// The last trade.
    #[must_use]
    pub const fn last_px(&self) -> Option<Price> {
        self.off.last_px
    }

    /// The mark price.
    #[must_use]
    pub const fn mark(&self) -> Option<Price> {
        self.off.mark
    }

    /// The index price.
    #[must_use]
    pub const fn index(&self) -> Option<Price> {
        self.off.index
    }

    /// What rests.
    #[must_use]
    pub const fn book(&self) -> &Book<Terms> {
        &self.book
    }

    /// Where an order stands; none where it does not work here.
    #[must_use]
    pub fn order(&self, order_id: u64) -> Option<OrderView> {
        let resting = self.book.get(order_id);
        if let Some(order) = resting.or_else(|| self.off.pegs.suspended(order_id)) {
            return Some(OrderView {
                account: order.owner,
                side: order.side,
                price: order.price,
                stop_px: Price::ZERO,
                visible_qty: if resting.is_some() { order.visible_qty } else { Qty::ZERO },
                leaves_qty: order.leaves_qty(),
                cum_qty: order.cum_qty,
                place: if resting.is_some() { Place::Book } else { Place::Suspended },
            });
        }
        let stop = self.off.stops.get(order_id)?;
        Some(OrderView {
            account: stop.owner.account,
            side: stop.side,
            price: if stop.ord_type.has_limit() { stop.price } else { Price::ZERO },
            stop_px: self.off.stops.level(stop),
            visible_qty: Qty::ZERO,
            leaves_qty: stop.order_qty,
            cum_qty: Qty::ZERO,
            place: Place::Stop,
        })
    }
}

/// Every order of a book: bids, then asks, best first, in line.
fn in_line(book: &Book<Terms>) -> impl Iterator<Item = &Order<Terms>> {
    let of_side = move |side| book.levels(side).flat_map(move |level| book.orders(side, level.price));
    [Side::Buy, Side::Sell].into_iter().flat_map(of_side)
}

/// Nothing of a market is shared: it may move between threads.
const _: fn() = || {
    const fn is_send<T: Send>() {}
    is_send::<Market>();
};
