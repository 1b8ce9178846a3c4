//! One view over the books of several instruments: their levels in the order of a cost in [`Rate`].
//!
//! The caller states the cost of a price on each instrument; along a side it must not fall, or the order is only that
//! of each book's own levels. Equal costs come by instrument id. A cost of `None` ends its book: a limit, the known
//! edge, or a number that does not fit.

use tiderace_types::{InstrumentId, Price, Rate, Side};

use crate::{Book, Level, Levels};

/// One book to walk.
pub struct Source<'a, F> {
    /// The book.
    pub book: &'a Book,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// The side to walk.
    pub side: Side,
    /// What a price costs per unit of exposure.
    pub cost: F,
}

/// A level and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// Which source, in the order they were given.
    pub source: usize,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// The level.
    pub level: Level,
    /// Its cost per unit of exposure.
    pub cost: Rate,
}

/// Walks the levels of several books, cheapest first.
pub struct View<'a, F> {
    // Few books: a scan of their heads beats a heap.
    heads: Vec<Head<'a, F>>,
}

struct Head<'a, F> {
    levels: Levels<'a>,
    cost: F,
    next: Option<Ranked>,
}

impl<'a, F: Fn(Price) -> Option<Rate>> View<'a, F> {
    /// A view over `sources`.
    pub fn new(sources: impl IntoIterator<Item = Source<'a, F>>) -> Self {
        let head = |(index, source): (usize, Source<'a, F>)| {
            let mut head = Head { levels: source.book.levels(source.side), cost: source.cost, next: None };
            head.advance(index, source.instrument);
            head
        };
        Self { heads: sources.into_iter().enumerate().map(head).collect() }
    }

    /// Leaves out what is left of a source.
    pub fn close(&mut self, source: usize) {
        if let Some(head) = self.heads.get_mut(source) {
            head.next = None;
        }
    }
}

impl<F: Fn(Price) -> Option<Rate>> Head<'_, F> {
    fn advance(&mut self, source: usize, instrument: InstrumentId) {
        self.next = self.levels.next().and_then(|level| {
            let cost = (self.cost)(level.price)?;
            Some(Ranked { source, instrument, level, cost })
        });
    }
}

impl<F: Fn(Price) -> Option<Rate>> Iterator for View<'_, F> {
    type Item = Ranked;

    fn next(&mut self) -> Option<Ranked> {
        let heads = self.heads.iter_mut().filter_map(|head| head.next.map(|next| (next, head)));
        let (ranked, head) = heads.min_by_key(|(next, _)| (next.cost, next.instrument))?;
        head.advance(ranked.source, ranked.instrument);
        Some(ranked)
    }
}
