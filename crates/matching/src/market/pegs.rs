//! How pegs follow their references.
//!
//! References are prices of orders that are no pegs. Pegs move while orders may trade, and wait where they are while a
//! market is halted; in an auction, or without its reference, a peg is out of the book. A price band holds a peg too: one
//! that its reference would lead beyond the bound rests at the bound, and follows the bound.
//!
//! Sketch: nothing is looked at while the references stand. When one moved, what each kind of peg belongs at is worked
//! out once; then each row costs an addition and a comparison, and only pegs that do move are touched in the book.

use tiderace_book::by_order::Order;
use tiderace_types::{PegTo, Price, Qty, Reason, Side, TradingState, Ts};

use super::limits::Bounds;
use super::tables::Peg;
use super::{BookChange, Host, Market};
use crate::event::Event;
use crate::sweep::Taker;

/// What pegs' prices come from. Flat, for it is compared after each command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct References {
    state: TradingState,
    /// Which of the prices there are: a bit each, in the order below.
    has: u8,
    /// Best prices of orders that are no pegs.
    bid: i64,
    ask: i64,
    mark: i64,
    /// Best prices of all orders, where post-only pegs stay behind them.
    best_bid: i64,
    best_ask: i64,
    bounds: Bounds,
}

impl References {
    const BID: u8 = 1;
    const ASK: u8 = 2;
    const MARK: u8 = 4;
    const BEST_BID: u8 = 8;
    const BEST_ASK: u8 = 16;

    fn price(&self, which: u8, px: i64) -> Option<i64> {
        (self.has & which != 0).then_some(px)
    }
}

/// Where pegs belong, before their offsets.
struct Targets {
    /// By [`target`].
    at: [Option<i64>; 8],
    /// How far they go: bids, asks.
    nearest: [i64; 2],
    /// How far post-only ones go.
    behind: [i64; 2],
    /// Whether a price at or below zero is one.
    allows_negative: bool,
}

/// Which target a peg follows.
const fn target(side: Side, peg_to: PegTo) -> usize {
    let at = match peg_to {
        PegTo::Best => 0,
        PegTo::Mid => 1,
        PegTo::Opposite => 2,
        PegTo::Mark => 3,
    };
    match side {
        Side::Buy => at,
        Side::Sell => at | 4,
    }
}

impl Targets {
    /// Where a peg belongs; none where it is suspended.
    fn price(&self, peg: &Peg) -> Option<Price> {
        let reference = self.at.get(target(peg.side, peg.peg_to)).copied().flatten()?;
        let price = reference.saturating_add(peg.offset.get());
        let [buy, sell] = if peg.is_post_only { self.behind } else { self.nearest };
        let price = match peg.side {
            Side::Buy => price.min(buy),
            Side::Sell => price.max(sell),
        };
        (price > 0 || self.allows_negative).then_some(Price::new(price))
    }
}

impl Market {
    /// Moves, suspends and brings back pegs, once each, the elder first; true where any changed. In an auction it says
    /// where it would uncross, where that is news.
    #[inline]
    pub fn settle_pegs<H: Host>(&mut self, ts: Ts, host: &mut H, events: &mut Vec<Event>) -> bool {
        if !self.off.pegs.is_empty() && self.may_trade() {
            let first = self.references();
            if self.off.pegged_at != Some(first) && self.move_pegs(ts, first, host, events) {
                return true;
            }
        }
        if self.off.state.is_auction() {
            self.indicate(events);
        }
        false
    }

    const fn may_trade(&self) -> bool {
        match self.off.state {
            TradingState::Halted | TradingState::Closed | TradingState::CancelOnly => false,
            TradingState::OpeningAuction
            | TradingState::Continuous
            | TradingState::VolatilityAuction
            | TradingState::ClosingAuction
            | TradingState::PostOnly => true,
        }
    }

    #[inline(never)]
    fn move_pegs<H: Host>(&mut self, ts: Ts, first: References, host: &mut H, events: &mut Vec<Event>) -> bool {
        let (mut references, mut targets) = (first, self.targets(&first));
        let (mut has_moved, mut is_steady) = (false, true);
        let mut at = 0_usize;
        while let Some(peg) = self.off.pegs.rows.get(at) {
            let price = targets.price(peg);
            if price == peg.price {
                at = at.saturating_add(1);
                continue;
            }
            has_moved = true;
            let peg = *peg;
            let has_met = self.move_peg(ts, &peg, at, price, host, events);
            at = if has_met { self.off.pegs.after(peg.order_id) } else { at.saturating_add(1) };
            if has_met || self.has_touch(self.off.pegs.has_post_only()) {
                let now = self.references();
                if now != references {
                    (references, targets, is_steady) = (now, self.targets(&now), false);
                }
            }
        }
        // Where pegs that moved have moved the references, those before them look again.
        self.off.pegged_at = is_steady.then_some(references);
        has_moved
    }

    /// Moves the peg of a row; true where it met other orders on its way.
    fn move_peg<H: Host>(
        &mut self,
        ts: Ts,
        peg: &Peg,
        at: usize,
        price: Option<Price>,
        host: &mut H,
        events: &mut Vec<Event>,
    ) -> bool {
        let order_id = peg.order_id;
        let is_resting = peg.price.is_some();
        let order = if is_resting { self.book.get(order_id) } else { self.off.pegs.suspended(order_id) };
        let Some(&order) = order else { return false };
        let Some(price) = price else {
            self.book.remove(order_id);
            host.book_changed(&BookChange::Remove { order_id });
            events.push(Event::Suspended { order_id });
            self.off.pegs.suspend(order);
            return false;
        };
        let leaves_qty = order.leaves_qty();
        events.push(Event::Restated { order_id, price, leaves_qty, reason: Reason::ReferenceMoved });
        self.off.pegs.set_price(at, price);
        let taker = Taker::again(&order, order.owner, price, leaves_qty);
        if is_resting {
            host.book_changed(&BookChange::Remove { order_id });
            let Order { side, visible_qty, hidden_qty, .. } = taker.resting();
            if !taker.crosses(&self.book) && self.book.requeue(order_id, price, visible_qty, hidden_qty).is_ok() {
                host.book_changed(&BookChange::Add { order_id, side, price, visible_qty });
                return false;
            }
            self.book.remove(order_id);
        }
        let group = self.off.groups.of(order.owner);
        self.go(ts, Taker { group, ..taker }, Qty::ZERO, host, events);
        true
    }

    /// Where pegs belong.
    fn targets(&self, references: &References) -> Targets {
        let &References { state, bid, ask, mark, best_bid, best_ask, bounds: Bounds { buy, sell }, .. } = references;
        let allows_negative = self.off.config.allows_negative;
        let bid = references.price(References::BID, bid);
        let ask = references.price(References::ASK, ask);
        let mark = references.price(References::MARK, mark);
        let mid = |side| bid.zip(ask).map(|(bid, ask)| mid(side, bid, ask));
        let at = if state.is_auction() {
            [None; 8]
        } else {
            [bid, mid(Side::Buy), ask, mark, ask, mid(Side::Sell), bid, mark]
        };
        let best_bid = references.price(References::BEST_BID, best_bid);
        let best_ask = references.price(References::BEST_ASK, best_ask);
        let behind = [
            best_ask.map_or(buy, |ask| ask.saturating_sub(1).min(buy)),
            best_bid.map_or(sell, |bid| bid.saturating_add(1).max(sell)),
        ];
        let nearest = if state == TradingState::PostOnly { behind } else { [buy, sell] };
        Targets { at, nearest, behind, allows_negative }
    }

    /// Where a new peg enters.
    pub(super) fn first_peg_price(&self, peg: &Peg) -> Option<Price> {
        self.targets(&self.references_for(peg.is_post_only)).price(peg)
    }

    fn references(&self) -> References {
        self.references_for(self.off.pegs.has_post_only())
    }

    #[inline]
    fn references_for(&self, is_post_only: bool) -> References {
        let best = |side| self.book.best(side).map(|level| level.price).filter(|_| self.has_touch(is_post_only));
        let mut has = 0_u8;
        let mut note = |which: u8, price: Option<Price>| {
            has |= if price.is_some() { which } else { 0 };
            price.map_or(0, Price::get)
        };
        let bid = note(References::BID, self.reference(Side::Buy));
        let ask = note(References::ASK, self.reference(Side::Sell));
        let mark = note(References::MARK, self.off.mark);
        let best_bid = note(References::BEST_BID, best(Side::Buy));
        let best_ask = note(References::BEST_ASK, best(Side::Sell));
        References { state: self.off.state, has, bid, ask, mark, best_bid, best_ask, bounds: self.off.bounds }
    }

    /// Whether the best prices of all orders count.
    fn has_touch(&self, is_post_only: bool) -> bool {
        is_post_only || self.off.state == TradingState::PostOnly
    }

    /// The best price of a side at which an order that is no peg stands.
    #[inline]
    fn reference(&self, side: Side) -> Option<Price> {
        let front = self.book.front(side)?;
        if front.terms.is_pegged() { self.reference_behind(side) } else { Some(front.price) }
    }

    #[inline(never)]
    fn reference_behind(&self, side: Side) -> Option<Price> {
        let is_plain = |price| self.book.orders(side, price).any(|order| !order.terms.is_pegged());
        self.book.levels(side).map(|level| level.price).find(|&price| is_plain(price))
    }
}

/// Half the sum, without the sum: down for bids, up for asks.
const fn mid(side: Side, bid: i64, ask: i64) -> i64 {
    let half = (bid ^ ask) >> 1;
    match side {
        Side::Buy => (bid & ask).saturating_add(half),
        Side::Sell => (bid | ask).saturating_sub(half),
    }
}
