//! A venue's displayed depth, less what our own takers took.
//!
//! What we took stays gone, so nothing of ours takes the same displayed quantity twice, aggressing or resting. The feed
//! still displays it, since recorded participants do not react to us; what its next word on that level brings back is
//! what it adds: free is `min(free, new)` where the quantity falls or stays, `min(new, free + (new - old))` where it
//! rises. A fall is laid to what we took first, as those orders would have been gone; were it laid to the free part, a
//! level that only shrinks would forget us. So all that we take of a level is within what it displayed plus its rises.
//! A snapshot says everything anew. Depth beyond its reach is unknown, and nothing is taken from it; neither from a book
//! that is not live.

use std::collections::BTreeMap;

use tiderace_book::{Book, Level};
use tiderace_types::{Instrument, MarketEvent, MarketKind, Price, Qty, Side};

const ONE_LOT: Qty = match Qty::new(1) {
    Some(qty) => qty,
    None => Qty::MAX,
};

/// Order of prices on a side, best first, whatever the side.
pub(crate) const fn key_of(side: Side, price: Price) -> i64 {
    match side {
        Side::Buy => !price.get(),
        Side::Sell => price.get(),
    }
}

/// The feed quantity that `qty` lots use up: rounded up where a lot is finer than the feed.
pub(crate) fn feed_qty(instrument: &Instrument, qty: Qty) -> i64 {
    let e8 = instrument.feed_qty_of_lots(qty).unwrap_or(i64::MAX);
    if instrument.lots_of_feed_qty(e8) < qty { e8.saturating_add(1) } else { e8 }
}

/// Displayed depth and what is gone of it.
#[derive(Default)]
pub(crate) struct Depth {
    book: Book,
    /// What we took of what is displayed now, 10^-8 by key, above zero; bids, then asks.
    taken: [BTreeMap<i64, i64>; 2],
}

impl Depth {
    /// Takes in one record of this instrument.
    pub(crate) fn apply(&mut self, event: &MarketEvent) {
        match event.kind {
            MarketKind::Level => self.refresh(event),
            MarketKind::Clear => self.taken = [BTreeMap::new(), BTreeMap::new()],
            MarketKind::Trade | MarketKind::Best | MarketKind::Reach | MarketKind::Live | MarketKind::Gap => {}
        }
        self.book.apply(event);
    }

    /// What a new displayed quantity leaves gone of the level: all that we took, less what the level falls by.
    fn refresh(&mut self, event: &MarketEvent) {
        let side = event.side();
        let [bids, asks] = &mut self.taken;
        let taken = if side == Side::Buy { bids } else { asks };
        if taken.is_empty() {
            return;
        }
        let key = key_of(side, event.price);
        let Some(gone_e8) = taken.get_mut(&key) else { return };
        let fall_e8 = self.book.qty_at(side, event.price).saturating_sub(event.qty_e8.max(0)).max(0);
        *gone_e8 = gone_e8.saturating_sub(fall_e8);
        if *gone_e8 <= 0 {
            taken.remove(&key);
        }
    }

    /// Whether an order of `side` at `limit` meets depth, taken by us or not, or might: what it faces is not known.
    pub(crate) fn may_meet(&self, side: Side, limit: Price) -> bool {
        let opposite = side.opposite();
        let key = |price| key_of(opposite, price);
        let meets = self.book.best(opposite).is_some_and(|best| key(best.price) <= key(limit));
        meets || !self.book.is_live() || !self.book.is_known(opposite, limit)
    }

    /// What the feed displays at a price; `None` where that is unknown.
    pub(crate) fn shown_at(&self, side: Side, price: Price) -> Option<i64> {
        (self.book.is_live() && self.book.is_known(side, price)).then(|| self.book.qty_at(side, price))
    }

    /// Whether an order of `side` at `limit` would take at least a lot.
    pub(crate) fn crosses(&self, instrument: &Instrument, side: Side, limit: Price) -> bool {
        self.fillable(instrument, side, limit, ONE_LOT) > Qty::ZERO
    }

    /// Lots that an order of `side` could take within `limit`, at most `wanted`.
    pub(crate) fn fillable(&self, instrument: &Instrument, side: Side, limit: Price, wanted: Qty) -> Qty {
        let [bids, asks] = &self.taken;
        let taken = if side == Side::Buy { asks } else { bids };
        let mut left = wanted;
        for level in within(&self.book, side, limit) {
            let gone_e8 = taken.get(&key_of(side.opposite(), level.price)).copied().unwrap_or(0);
            left = left.saturating_sub(instrument.lots_of_feed_qty(level.qty_e8.saturating_sub(gone_e8)));
            if left == Qty::ZERO {
                break;
            }
        }
        wanted.saturating_sub(left)
    }

    /// Takes up to `wanted` lots within `limit`, level by level, and hands each level's price and lots to `fill`.
    /// Answers with what was taken.
    pub(crate) fn take(
        &mut self,
        instrument: &Instrument,
        side: Side,
        limit: Price,
        wanted: Qty,
        mut fill: impl FnMut(Price, Qty),
    ) -> Qty {
        let Self { book, taken: [bids, asks] } = self;
        let taken = if side == Side::Buy { asks } else { bids };
        let mut left = wanted;
        for level in within(book, side, limit) {
            let key = key_of(side.opposite(), level.price);
            let gone_e8 = taken.get(&key).copied().unwrap_or(0);
            let free = instrument.lots_of_feed_qty(level.qty_e8.saturating_sub(gone_e8));
            let last_qty = free.min(left);
            if last_qty > Qty::ZERO {
                taken.insert(key, gone_e8.saturating_add(feed_qty(instrument, last_qty)));
                fill(level.price, last_qty);
                left = left.saturating_sub(last_qty);
            }
            if left == Qty::ZERO {
                break;
            }
        }
        wanted.saturating_sub(left)
    }
}

/// The levels that an order of `side` may take from: live, known, no worse than `limit`, best first.
fn within(book: &Book, side: Side, limit: Price) -> impl Iterator<Item = Level> + '_ {
    let opposite = side.opposite();
    let worst = key_of(opposite, limit);
    let levels = book.is_live().then(|| book.levels(opposite));
    levels
        .into_iter()
        .flatten()
        .take_while(move |level| key_of(opposite, level.price) <= worst && book.is_known(opposite, level.price))
}
