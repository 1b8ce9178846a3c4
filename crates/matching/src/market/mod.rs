//! One instrument's market, with every type of order and every state.

mod host;
mod order;

use tiderace_book::by_order::Book;
use tiderace_types::{DecodeError, OrdType, PostOnly, Price, Qty, Reason, Refusal, TradingState, Ts};

use crate::command::{self, Command};
use crate::event::Event;
use crate::matcher::{Matcher, Terms};

pub use host::{BookChange, Fill, Host};
pub use order::{
    BandRule, Change, CircuitBreaker, Indication, MarketConfig, NewOrder, OrderView, Owner, Place, PriceBand,
    RandomEnd, Scheduled,
};

/// One instrument's market.
pub struct Market {
    config: MarketConfig,
    matcher: Matcher,
    state: TradingState,
    last_px: Option<Price>,
    mark: Option<Price>,
    index: Option<Price>,
}

impl Market {
    /// An empty market with room for `capacity` resting orders before it grows; `seed` places ids in its tables.
    #[must_use]
    pub fn new(config: MarketConfig, capacity: usize, seed: u64) -> Self {
        let state = config.state;
        Self { config, matcher: Matcher::new(capacity, seed), state, last_px: None, mark: None, index: None }
    }

    /// Whether an order would be let in now: what [`Self::enter`] checks first. For orders that wait for a parent.
    ///
    /// # Errors
    /// The refusal that it would meet.
    pub fn check<H: Host>(&self, ts: Ts, order: &NewOrder, host: &mut H) -> Result<(), Refusal> {
        let _ = (ts, order, host);
        Ok(())
    }

    /// Enters an order: `Accepted` and what follows, or `Rejected` alone.
    pub fn enter<H: Host>(&mut self, ts: Ts, order: &NewOrder, host: &mut H, events: &mut Vec<Event>) {
        let _ = (ts, host, &self.config);
        let plain = command::NewOrder::limit(order.order_id, order.side, order.price, order.order_qty);
        let plain = command::NewOrder {
            owner: order.owner.account,
            ord_type: if order.ord_type == OrdType::Market { OrdType::Market } else { OrdType::Limit },
            time_in_force: order.time_in_force,
            post_only: order.post_only != PostOnly::Off,
            min_qty: order.min_qty,
            display_qty: (order.display_qty > Qty::ZERO).then_some(order.display_qty),
            self_trade_prevention: order.self_trade_prevention,
            ..plain
        };
        self.matcher.apply(&Command::New(plain), events);
    }

    /// Changes an order: `Replaced` and what follows, `Canceled` where nothing is left, or `Rejected` alone.
    pub fn replace<H: Host>(&mut self, ts: Ts, order_id: u64, change: &Change, host: &mut H, events: &mut Vec<Event>) {
        let _ = (ts, host);
        let Some(view) = self.order(order_id) else { return };
        let price = change.price.unwrap_or(view.price);
        let total = view.leaves_qty.checked_add(view.cum_qty).unwrap_or(Qty::MAX);
        let order_qty = change.order_qty.unwrap_or(total);
        self.matcher.apply(&Command::Replace { order_id, price, order_qty }, events);
    }

    /// Cancels an order wherever it waits; false where it is not here.
    pub fn cancel<H: Host>(&mut self, order_id: u64, reason: Reason, host: &mut H, events: &mut Vec<Event>) -> bool {
        let _ = (reason, host);
        let is_here = self.order(order_id).is_some();
        if is_here {
            self.matcher.apply(&Command::Cancel { order_id }, events);
        }
        is_here
    }

    /// The mark price: notes which stops it triggers.
    pub fn set_mark(&mut self, ts: Ts, price: Price) {
        let _ = ts;
        self.mark = Some(price);
    }

    /// The index price, in ticks: notes which stops it triggers.
    pub fn set_index(&mut self, ts: Ts, price: Price) {
        let _ = ts;
        self.index = Some(price);
    }

    /// Changes what may happen.
    pub fn set_state<H: Host>(
        &mut self,
        ts: Ts,
        state: TradingState,
        reason: Reason,
        host: &mut H,
        events: &mut Vec<Event>,
    ) {
        let _ = (ts, host);
        self.state = state;
        events.push(Event::StateChanged { state, reason });
    }

    /// Moves, suspends and brings back pegs, once each; true where any changed. In an auction, says where it would
    /// uncross where that changed.
    pub fn settle_pegs<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) -> bool {
        let _ = (ts, host, events);
        false
    }

    /// Enters the first stop that was triggered; false where none waits.
    pub fn settle_stops<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) -> bool {
        let _ = (ts, host, events);
        false
    }

    /// When something is due by itself.
    #[must_use]
    pub const fn next_timer(&self) -> Option<Ts> {
        None
    }

    /// Does the one thing that is due first, where that is not after `ts`.
    pub fn on_timer<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) {
        let _ = (ts, host, events);
    }

    /// What may happen now.
    #[must_use]
    pub const fn state(&self) -> TradingState {
        self.state
    }

    /// The last trade.
    #[must_use]
    pub const fn last_px(&self) -> Option<Price> {
        self.last_px
    }

    /// The mark price.
    #[must_use]
    pub const fn mark(&self) -> Option<Price> {
        self.mark
    }

    /// The index price.
    #[must_use]
    pub const fn index(&self) -> Option<Price> {
        self.index
    }

    /// Where the book would uncross; none where it does not cross.
    #[must_use]
    pub const fn indication(&self) -> Option<Indication> {
        None
    }

    /// What rests.
    #[must_use]
    pub const fn book(&self) -> &Book<Terms> {
        self.matcher.book()
    }

    /// Where an order stands; none where it does not work here.
    #[must_use]
    pub fn order(&self, order_id: u64) -> Option<OrderView> {
        let order = self.matcher.book().get(order_id)?;
        Some(OrderView {
            account: order.owner,
            side: order.side,
            price: order.price,
            stop_px: Price::ZERO,
            visible_qty: order.visible_qty,
            leaves_qty: order.leaves_qty(),
            cum_qty: order.cum_qty,
            place: Place::Book,
        })
    }

    /// Appends all of the market's state.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// Reads a market back from exactly the bytes of [`Self::encode`].
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let _ = bytes;
        Err(DecodeError::BadValue { field: "Market" })
    }
}
