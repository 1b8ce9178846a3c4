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

use super::tables::Peg;
use super::{BookChange, Host, Market};
use crate::event::Event;
use crate::sweep::Taker;

/// What pegs' prices come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct References {
    state: TradingState,
    mark: Option<Price>,
    /// The last trade, where a band stands around it.
    last_px: Option<Price>,
    /// Best prices of orders that are no pegs.
    bid: Option<Price>,
    ask: Option<Price>,
    /// Best prices of all orders, where post-only pegs stay behind them.
    touch: Option<(Option<Price>, Option<Price>)>,
}

/// Where the pegs of a side belong, before their offsets.
#[derive(Clone, Copy, Default)]
struct Targets {
    best: Option<i64>,
    mid: Option<i64>,
    opposite: Option<i64>,
    mark: Option<i64>,
    /// The price of a post-only peg goes no further than this.
    behind: Option<i64>,
    /// That of none goes further than this.
    bound: Option<i64>,
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
        let first = self.references();
        if self.off.pegged_at == Some(first) {
            return false;
        }
        let (mut references, mut targets) = (first, self.targets(&first));
        let (mut has_moved, mut is_steady) = (false, true);
        let mut at = 0_usize;
        while let Some(&peg) = self.off.pegs.rows.get(at) {
            at = at.saturating_add(1);
            let price = self.peg_price(&peg, &targets);
            if price == peg.price {
                continue;
            }
            has_moved = true;
            let has_met = self.move_peg(ts, &peg, price, host, events);
            if has_met {
                at = self.off.pegs.after(peg.order_id);
            }
            if has_met || first.touch.is_some() {
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

    /// Moves one peg; true where it met other orders on its way.
    fn move_peg<H: Host>(
        &mut self,
        ts: Ts,
        peg: &Peg,
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
        self.off.pegs.set_price(order_id, price);
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

    /// Where a peg belongs; none where it is suspended.
    fn peg_price(&self, peg: &Peg, targets: &[Targets; 2]) -> Option<Price> {
        let [bids, asks] = targets;
        let (targets, is_nearer): (_, fn(i64, i64) -> i64) = match peg.side {
            Side::Buy => (bids, i64::min),
            Side::Sell => (asks, i64::max),
        };
        let reference = match peg.peg_to {
            PegTo::Best => targets.best,
            PegTo::Mid => targets.mid,
            PegTo::Opposite => targets.opposite,
            PegTo::Mark => targets.mark,
        };
        let mut price = reference?.saturating_add(peg.offset.get());
        if let Some(behind) = targets.behind.filter(|_| peg.is_post_only || self.off.state == TradingState::PostOnly) {
            price = is_nearer(price, behind);
        }
        if let Some(bound) = targets.bound {
            price = is_nearer(price, bound);
        }
        self.check_price(Price::new(price)).is_ok().then_some(Price::new(price))
    }

    /// Where pegs of each side belong.
    fn targets(&self, references: &References) -> [Targets; 2] {
        let &References { state, mark, last_px, bid, ask, touch } = references;
        if state.is_auction() {
            return [Targets::default(); 2];
        }
        let of = |side: Side| {
            let (best_bid, best_ask) = touch.unwrap_or_default();
            let (own, opposite, touch) = match side {
                Side::Buy => (bid, ask, best_ask),
                Side::Sell => (ask, bid, best_bid),
            };
            let band = self.off.config.band;
            Targets {
                best: own.map(Price::get),
                mid: bid.zip(ask).map(|(bid, ask)| mid(side, bid.get(), ask.get())),
                opposite: opposite.map(Price::get),
                mark: mark.map(Price::get),
                behind: touch.map(|best| best.get().saturating_sub(side.sign())),
                bound: band.and_then(|band| band.bound(side, mark, last_px)).map(Price::get),
            }
        };
        [of(Side::Buy), of(Side::Sell)]
    }

    /// Where a new peg enters.
    pub(super) fn first_peg_price(&self, peg: &Peg) -> Option<Price> {
        self.peg_price(peg, &self.targets(&self.references_for(peg.is_post_only)))
    }

    fn references(&self) -> References {
        self.references_for(self.off.pegs.has_post_only())
    }

    fn references_for(&self, is_post_only: bool) -> References {
        let has_touch = is_post_only || self.off.state == TradingState::PostOnly;
        References {
            state: self.off.state,
            mark: self.off.mark,
            last_px: self.off.last_px.filter(|_| self.off.config.band.is_some()),
            bid: self.reference(Side::Buy),
            ask: self.reference(Side::Sell),
            touch: has_touch.then(|| self.touch()),
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

/// Half the sum, without the sum: down for bids, up for asks.
const fn mid(side: Side, bid: i64, ask: i64) -> i64 {
    let half = (bid ^ ask) >> 1;
    match side {
        Side::Buy => (bid & ask).saturating_add(half),
        Side::Sell => (bid | ask).saturating_sub(half),
    }
}
