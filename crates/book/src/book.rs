//! One instrument's book by price, driven by market events.
//!
//! The book owns what the feed displayed and whether that can be trusted, and nothing else: it believes each record as
//! it comes, so it is consistent only after the record that closes a message. A book left crossed then stays crossed
//! (the feed reports it, [`tiderace_types::Reason::CrossedBook`]). Depth is unlimited and a price may be any `i64`.

use tiderace_types::{MarketEvent, MarketKind, Price, Side};

use crate::ladder::{Keys, Ladder};

/// Whether a book can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookState {
    /// No snapshot yet, or one is coming in.
    NotLive,
    /// Complete up to its reach.
    Live,
    /// A gap was found: the levels are old until the next snapshot is complete.
    Stale,
}

/// What is displayed at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// In ticks.
    pub price: Price,
    /// In 10^-8 of what the venue counts in, above zero.
    pub qty_e8: i64,
}

/// The book of one instrument.
pub struct Book {
    state: BookState,
    bids: Ladder<i64>,
    asks: Ladder<i64>,
    bid_reach: Option<Price>,
    ask_reach: Option<Price>,
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    /// An empty book that is not live.
    #[must_use]
    pub fn new() -> Self {
        Self { state: BookState::NotLive, bids: Ladder::new(), asks: Ladder::new(), bid_reach: None, ask_reach: None }
    }

    /// Takes in one record of this book's instrument; true when the state, or a side's best price or its quantity,
    /// changed. Trades and the venue's own best prices change nothing. A quantity of zero or below takes the level out.
    pub fn apply(&mut self, event: &MarketEvent) -> bool {
        match event.kind {
            MarketKind::Level => match event.side() {
                Side::Buy => self.bids.set(!event.price.get(), event.qty_e8),
                Side::Sell => self.asks.set(event.price.get(), event.qty_e8),
            },
            MarketKind::Trade | MarketKind::Best => false,
            MarketKind::Clear => self.clear(),
            MarketKind::Reach => {
                match event.side() {
                    Side::Buy => self.bid_reach = Some(event.price),
                    Side::Sell => self.ask_reach = Some(event.price),
                }
                false
            }
            MarketKind::Live => self.enter(BookState::Live),
            MarketKind::Gap => self.enter(BookState::Stale),
        }
    }

    /// Whether the book can be trusted.
    #[must_use]
    pub const fn state(&self) -> BookState {
        self.state
    }

    /// Whether the book is complete up to its reach.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.state, BookState::Live)
    }

    /// The best level of a side (buy: the bids).
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.ladder(side).best().map(|entry| level(side, entry))
    }

    /// The quantity displayed at a price, zero where there is none.
    #[must_use]
    pub fn qty_at(&self, side: Side, price: Price) -> i64 {
        self.ladder(side).get(match side {
            Side::Buy => !price.get(),
            Side::Sell => price.get(),
        })
    }

    /// The levels of a side, best first.
    #[must_use]
    pub fn levels(&self, side: Side) -> Levels<'_> {
        Levels { side, keys: self.ladder(side).keys() }
    }

    /// Number of levels of a side.
    #[must_use]
    pub const fn len(&self, side: Side) -> usize {
        match side {
            Side::Buy => self.bids.len(),
            Side::Sell => self.asks.len(),
        }
    }

    /// Deepest price of a side that the last snapshot reached; none where it named none, and all is known.
    #[must_use]
    pub const fn reach(&self, side: Side) -> Option<Price> {
        match side {
            Side::Buy => self.bid_reach,
            Side::Sell => self.ask_reach,
        }
    }

    /// Whether what the book says at a price is the whole truth: it is not beyond the snapshot's reach.
    #[must_use]
    pub fn is_known(&self, side: Side, price: Price) -> bool {
        self.reach(side).is_none_or(|reach| match side {
            Side::Buy => price >= reach,
            Side::Sell => price <= reach,
        })
    }

    /// Best bid plus best ask in ticks (twice the mid), where the book is live and has both.
    #[must_use]
    pub fn mid2(&self) -> Option<i64> {
        let (bid, ask) = (self.best(Side::Buy)?, self.best(Side::Sell)?);
        if self.is_live() { bid.price.get().checked_add(ask.price.get()) } else { None }
    }

    const fn ladder(&self, side: Side) -> &Ladder<i64> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn clear(&mut self) -> bool {
        (self.bid_reach, self.ask_reach) = (None, None);
        let had_bids = self.bids.clear();
        let had_asks = self.asks.clear();
        self.enter(BookState::NotLive) || had_bids || had_asks
    }

    fn enter(&mut self, state: BookState) -> bool {
        let is_change = self.state != state;
        self.state = state;
        is_change
    }
}

/// The levels of one side of a [`Book`], best first.
pub struct Levels<'a> {
    side: Side,
    keys: Keys<'a, i64>,
}

impl Iterator for Levels<'_> {
    type Item = Level;

    fn next(&mut self) -> Option<Level> {
        self.keys.next().map(|entry| level(self.side, entry))
    }
}

const fn level(side: Side, (key, qty_e8): (i64, i64)) -> Level {
    let price = match side {
        Side::Buy => !key,
        Side::Sell => key,
    };
    Level { price: Price::new(price), qty_e8 }
}
