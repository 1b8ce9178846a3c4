//! How much an order would fill at once, without touching the book: self-trade prevention, the circuit breaker, and what
//! fills take from the book (partners of links, reduce-only orders) counted in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tiderace_book::by_order::{Book, Order};
use tiderace_types::{Price, Qty, SelfTradePrevention};

use crate::market::Resting;
use crate::sweep::{Taker, Watch};
use crate::terms::Terms;

/// A sweep in thought.
struct Walk<'a, W> {
    taker: &'a Taker,
    watch: &'a mut W,
    filled: Qty,
    leaves: Qty,
    /// Where it would trade first.
    first_px: Option<Price>,
}

/// Whether `taker` would at once fill `wanted` at least.
pub(crate) fn would_fill<W: Watch>(book: &Book<Terms>, taker: &Taker, wanted: Qty, watch: &mut W) -> bool {
    let is_whole = watch.is_whole();
    let mut walk = Walk { taker, watch, filled: Qty::ZERO, leaves: taker.leaves_qty, first_px: None };
    let mut takings = Takings::default();
    for level in book.levels(taker.side.opposite()) {
        if walk.filled >= wanted || walk.leaves == Qty::ZERO || !taker.reaches(level.price) {
            break;
        }
        let goes_on = if !is_whole {
            walk.take_slices(book, level.price, &mut takings)
        } else if taker.terms.self_trade_prevention == SelfTradePrevention::None {
            walk.fill(level.price, level.total_qty)
        } else {
            walk.take_queue(book, level.price)
        };
        if !goes_on {
            break;
        }
    }
    walk.filled >= wanted
}

impl<W: Watch> Walk<'_, W> {
    /// Fills up to `qty`; false where the watch forbids a trade at the price.
    fn fill(&mut self, price: Price, qty: Qty) -> bool {
        let qty = qty.min(self.leaves);
        if qty == Qty::ZERO {
            return true;
        }
        if !self.watch.would_trade(price, self.first_px) {
            return false;
        }
        self.first_px.get_or_insert(price);
        self.leaves = self.leaves.saturating_sub(qty);
        // No more is filled than the order is large.
        self.filled = self.filled.checked_add(qty).unwrap_or(Qty::MAX);
        true
    }

    /// What prevention does at an order of the same owner; false where the walk ends there.
    fn prevent(&mut self, maker: &Order<Terms>) -> bool {
        match self.taker.terms.self_trade_prevention {
            SelfTradePrevention::None | SelfTradePrevention::CancelMaker => true,
            SelfTradePrevention::CancelTaker | SelfTradePrevention::CancelBoth => false,
            SelfTradePrevention::Decrement => {
                self.leaves = self.leaves.saturating_sub(maker.leaves_qty());
                true
            }
        }
    }

    /// Walks one price where fills take nothing else from the book. Slices after the first come behind every order of
    /// the price, so all that is shown is met before anything that is hidden.
    fn take_queue(&mut self, book: &Book<Terms>, price: Price) -> bool {
        let mut hidden = Qty::ZERO;
        for maker in book.orders(self.taker.side.opposite(), price) {
            if self.leaves == Qty::ZERO {
                return true;
            }
            let goes_on = if self.watch.is_same(self.taker, maker.owner) {
                self.prevent(maker)
            } else {
                // All of a side fits a quantity.
                hidden = hidden.checked_add(maker.hidden_qty).unwrap_or(Qty::MAX);
                self.fill(price, maker.visible_qty)
            };
            if !goes_on {
                return false;
            }
        }
        self.fill(price, hidden)
    }

    /// Walks one price slice by slice, as the sweep does: those in line first, then fresh slices, which come behind them.
    fn take_slices(&mut self, book: &Book<Terms>, price: Price, takings: &mut Takings) -> bool {
        let mut fresh = VecDeque::new();
        for maker in book.orders(self.taker.side.opposite(), price) {
            if !self.take_slice(maker, (maker.visible_qty, maker.hidden_qty), takings, &mut fresh) {
                return false;
            }
        }
        while let Some((maker, visible_qty, hidden_qty)) = fresh.pop_front() {
            if !self.take_slice(maker, (visible_qty, hidden_qty), takings, &mut fresh) {
                return false;
            }
        }
        true
    }

    /// Meets a slice; false where the walk ends there, or nothing of the order is left.
    fn take_slice<'b>(
        &mut self,
        maker: &'b Order<Terms>,
        (visible_qty, hidden_qty): (Qty, Qty),
        takings: &mut Takings,
        fresh: &mut VecDeque<(&'b Order<Terms>, Qty, Qty)>,
    ) -> bool {
        if self.leaves == Qty::ZERO {
            return false;
        }
        if takings.gone.contains(&maker.order_id) {
            return true;
        }
        let prevents = self.taker.terms.self_trade_prevention != SelfTradePrevention::None;
        if prevents && self.watch.is_same(self.taker, maker.owner) {
            return self.prevent(maker);
        }
        let mut room = visible_qty;
        if maker.terms.is_reduce_only() {
            room = room.min(takings.room(self.taker, maker, self.watch));
        }
        let qty = room.min(self.leaves);
        let traded = takings.traded(maker.owner);
        // Of the prices so far the first is the worst for who rests.
        let price = self.first_px.filter(|_| traded > Qty::ZERO).unwrap_or(maker.price);
        let resting = Resting { order_id: maker.order_id, account: maker.owner, side: maker.side, price };
        if self.watch.would_refuse(&resting, qty, traded) {
            return true;
        }
        if !self.fill(maker.price, qty) {
            return false;
        }
        if qty > Qty::ZERO && !takings.take(self.taker, maker, qty, self.watch) {
            return false;
        }
        if room == visible_qty && hidden_qty > Qty::ZERO {
            let visible_qty = hidden_qty.min(maker.display_qty);
            fresh.push_back((maker, visible_qty, hidden_qty.saturating_sub(visible_qty)));
        }
        true
    }
}

/// What the fills of a sweep take from the book beside what they trade.
#[derive(Default)]
struct Takings {
    /// Partners of links.
    gone: BTreeSet<u64>,
    /// How much each account traded against the order.
    by_account: BTreeMap<u32, Qty>,
}

impl Takings {
    /// How much a reduce-only maker may trade after the fills so far.
    fn room<W: Watch>(&self, taker: &Taker, maker: &Order<Terms>, watch: &mut W) -> Qty {
        let at_first = watch.cap(maker.order_id, maker.owner, maker.side, Qty::MAX);
        if maker.owner == taker.owner {
            // Trades of an account with itself leave its position, what the order takes from others makes it larger.
            return if at_first == Qty::ZERO { at_first } else { Qty::MAX };
        }
        at_first.saturating_sub(self.traded(maker.owner))
    }

    /// What an account traded against the order so far.
    fn traded(&self, account: u32) -> Qty {
        self.by_account.get(&account).copied().unwrap_or(Qty::ZERO)
    }

    /// Counts a fill; false where it ends the order, as the maker's partner.
    fn take<W: Watch>(&mut self, taker: &Taker, maker: &Order<Terms>, qty: Qty, watch: &W) -> bool {
        if maker.owner != taker.owner {
            let traded = self.by_account.entry(maker.owner).or_insert(Qty::ZERO);
            // What it trades is no more than a side of the book.
            *traded = traded.checked_add(qty).unwrap_or(Qty::MAX);
        }
        let partners = [watch.linked(maker.order_id), watch.linked(taker.order_id)];
        self.gone.extend(partners.iter().flatten());
        !self.gone.contains(&taker.order_id)
    }
}
