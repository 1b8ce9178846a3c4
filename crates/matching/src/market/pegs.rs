//! How pegs follow their references.
//!
//! References are prices of orders that are no pegs. Pegs move while orders may trade, and wait where they are while a
//! market is halted; in an auction, or without its reference, a peg is out of the book.

use tiderace_book::by_order::Order;
use tiderace_types::{PegTo, Price, Qty, Reason, Side, TradingState, Ts};

use super::tables::Peg;
use super::{BookChange, Host, Market};
use crate::event::Event;
use crate::sweep::Taker;
use crate::terms::Terms;

/// What a peg's price comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct References {
    state: TradingState,
    mark: Option<Price>,
    /// Best prices of orders that are no pegs.
    bid: Option<Price>,
    ask: Option<Price>,
    /// Best prices of all orders: post-only pegs stay behind them.
    touch: (Option<Price>, Option<Price>),
}

impl Market {
    /// Moves, suspends and brings back pegs, once each, the elder first; true where any changed. In an auction it says
    /// where it would uncross, where that is news.
    pub fn settle_pegs<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) -> bool {
        let has_moved = !self.off.pegs.is_empty() && self.move_pegs(ts, host, events);
        if self.off.state.is_auction() && !has_moved {
            self.indicate(events);
        }
        has_moved
    }

    fn move_pegs<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) -> bool {
        match self.off.state {
            TradingState::Halted | TradingState::Closed | TradingState::CancelOnly => return false,
            TradingState::OpeningAuction
            | TradingState::Continuous
            | TradingState::VolatilityAuction
            | TradingState::ClosingAuction
            | TradingState::PostOnly => {}
        }
        let mut references = self.references();
        if self.off.pegged_at == Some(references) {
            return false;
        }
        let mut has_moved = false;
        let mut from = 0;
        while let Some(peg) = self.off.pegs.from(from) {
            has_moved |= self.move_peg(ts, &peg, &mut references, host, events);
            let Some(next) = peg.order_id.checked_add(1) else { break };
            from = next;
        }
        // Pegs that moved may have moved the references too, back to where they were.
        self.off.pegged_at = (!has_moved).then_some(references);
        has_moved
    }

    /// Moves one peg; `references` are kept as they are after it.
    fn move_peg<H: Host>(
        &mut self,
        ts: Ts,
        peg: &Peg,
        references: &mut References,
        host: &mut H,
        events: &mut Vec<Event>,
    ) -> bool {
        let order_id = peg.order_id;
        let order = match peg.suspended {
            Some(order) => order,
            None => match self.book.get(order_id) {
                Some(order) => *order,
                None => return false,
            },
        };
        let is_resting = peg.suspended.is_none();
        let price = self.peg_price(peg, references);
        let Some(price) = price else {
            if is_resting {
                self.book.remove(order_id);
                host.book_changed(&BookChange::Remove { order_id });
                events.push(Event::Suspended { order_id });
                self.suspend(order_id, Some(order));
                references.touch = self.touch();
            }
            return is_resting;
        };
        if is_resting && price == order.price {
            return false;
        }
        let leaves_qty = order.leaves_qty();
        events.push(Event::Restated { order_id, price, leaves_qty, reason: Reason::ReferenceMoved });
        let taker = Taker::again(&order, self.off.groups.of(order.owner), price, leaves_qty);
        if is_resting {
            host.book_changed(&BookChange::Remove { order_id });
            let Order { side, visible_qty, hidden_qty, .. } = taker.resting();
            let is_moved =
                !taker.crosses(&self.book) && self.book.requeue(order_id, price, visible_qty, hidden_qty).is_ok();
            if is_moved {
                host.book_changed(&BookChange::Add { order_id, side, price, visible_qty });
                references.touch = self.touch();
                return true;
            }
            self.book.remove(order_id);
        } else {
            self.suspend(order_id, None);
        }
        self.go(ts, taker, Qty::ZERO, host, events);
        *references = self.references();
        true
    }

    /// Keeps the order of a peg that left the book, or forgets it.
    fn suspend(&mut self, order_id: u64, order: Option<Order<Terms>>) {
        if let Some(peg) = self.off.pegs.get_mut(order_id) {
            peg.suspended = order;
        }
    }

    /// Where a peg belongs; none where it is suspended.
    fn peg_price(&self, peg: &Peg, references: &References) -> Option<Price> {
        let &References { state, mark, bid, ask, touch } = references;
        if state.is_auction() {
            return None;
        }
        let (own, opposite, behind) = match peg.side {
            Side::Buy => (bid, ask, touch.1),
            Side::Sell => (ask, bid, touch.0),
        };
        let reference = match peg.peg_to {
            PegTo::Best => own?.get(),
            PegTo::Opposite => opposite?.get(),
            PegTo::Mark => mark?.get(),
            PegTo::Mid => {
                let (bid, ask) = (bid?.get(), ask?.get());
                // Half the sum, without the sum: down for bids, up for asks.
                let half = (bid ^ ask) >> 1;
                match peg.side {
                    Side::Buy => (bid & ask).saturating_add(half),
                    Side::Sell => (bid | ask).saturating_sub(half),
                }
            }
        };
        let mut price = reference.saturating_add(peg.offset.get());
        if peg.is_post_only || state == TradingState::PostOnly {
            let behind = behind.map_or(price, |best| best.get().saturating_sub(peg.side.sign()));
            price = match peg.side {
                Side::Buy => price.min(behind),
                Side::Sell => price.max(behind),
            };
        }
        self.check_price(Price::new(price)).is_ok().then_some(Price::new(price))
    }

    /// Where a new peg enters.
    pub(super) fn first_peg_price(&self, peg: &Peg) -> Option<Price> {
        self.peg_price(peg, &self.references())
    }

    fn references(&self) -> References {
        References {
            state: self.off.state,
            mark: self.off.mark,
            bid: self.reference(Side::Buy),
            ask: self.reference(Side::Sell),
            touch: self.touch(),
        }
    }

    fn touch(&self) -> (Option<Price>, Option<Price>) {
        let best = |side| self.book.best(side).map(|level| level.price);
        (best(Side::Buy), best(Side::Sell))
    }

    /// The best price of a side at which an order that is no peg stands.
    fn reference(&self, side: Side) -> Option<Price> {
        let front = self.book.front(side)?;
        if !front.terms.is_pegged() {
            return Some(front.price);
        }
        let is_plain = |price| self.book.orders(side, price).any(|order| !order.terms.is_pegged());
        self.book.levels(side).map(|level| level.price).find(|&price| is_plain(price))
    }
}
