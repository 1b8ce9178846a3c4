//! Pictures of a tape: best prices, trades and depth as columns, and the check of the books against the venue.
//!
//! Times are `ts_recv`: what we saw and when. A book counts only after the record that closes a message, and only while
//! it is live. Books are built from depth; a venue's own best prices are compared, never used.

use std::collections::VecDeque;

use tiderace_book::{Book, Level};
use tiderace_types::{Instrument, InstrumentId, MarketEvent, MarketKind, Side, Ts};

/// Most best prices kept while their depth message is on its way; the oldest goes uncompared beyond it. Diffs come
/// every 100 ms at the slowest, in which no recorded venue told a hundredth of this.
const BESTS_MAX: usize = 1 << 16;

/// One row a change of a live book's best price or its quantity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuoteColumns {
    /// When we saw it, UTC nanoseconds.
    pub ts_recv_ns: Vec<i64>,
    /// Row of the instrument.
    pub instrument: Vec<u16>,
    /// Best bid in ticks.
    pub bid_px: Vec<i64>,
    /// Best ask in ticks.
    pub ask_px: Vec<i64>,
    /// Displayed at the best bid, 10^-8.
    pub bid_qty_e8: Vec<i64>,
    /// Displayed at the best ask, 10^-8.
    pub ask_qty_e8: Vec<i64>,
}

/// One row a trade.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TradeColumns {
    /// When we saw it, UTC nanoseconds.
    pub ts_recv_ns: Vec<i64>,
    /// When it happened, on the recorder's clock, UTC nanoseconds.
    pub ts_event_ns: Vec<i64>,
    /// Row of the instrument.
    pub instrument: Vec<u16>,
    /// In ticks.
    pub px: Vec<i64>,
    /// In 10^-8 of what the venue counts.
    pub qty_e8: Vec<i64>,
    /// +1 where the aggressor bought, -1 where it sold.
    pub side: Vec<i8>,
}

/// One row a level: bids best first, then asks best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepthColumns {
    /// +1 bid, -1 ask.
    pub side: Vec<i8>,
    /// In ticks.
    pub px: Vec<i64>,
    /// In 10^-8 of what the venue counts.
    pub qty_e8: Vec<i64>,
    /// Whether the level lies within what the snapshot reached; beyond, other levels may be missing.
    pub is_known: Vec<bool>,
}

/// Best prices where both sides have one: (bid, ask).
type Best = (Level, Level);

fn best_of(book: &Book) -> Option<Best> {
    if book.is_live() { Some((book.best(Side::Buy)?, book.best(Side::Sell)?)) } else { None }
}

/// Every change of best of the instruments 0 to `n_instruments`; a book's first row is its first live moment, and one
/// that comes back live after a gap gives a row again.
#[must_use]
pub fn quotes(events: &[MarketEvent], n_instruments: usize) -> QuoteColumns {
    let mut columns = QuoteColumns::default();
    // No record names an instrument beyond the last id.
    let n_instruments = n_instruments.min(usize::from(u16::MAX).saturating_add(1));
    let mut books: Vec<(Book, Option<Best>)> = (0..n_instruments).map(|_| (Book::new(), None)).collect();
    for event in events {
        let Some((book, told)) = books.get_mut(event.instrument.index()) else { continue };
        book.apply(event);
        if !event.is_last() {
            continue;
        }
        let best = best_of(book);
        if let Some((bid, ask)) = best
            && best != *told
        {
            columns.ts_recv_ns.push(event.ts_recv.get());
            columns.instrument.push(event.instrument.0);
            columns.bid_px.push(bid.price.get());
            columns.ask_px.push(ask.price.get());
            columns.bid_qty_e8.push(bid.qty_e8);
            columns.ask_qty_e8.push(ask.qty_e8);
        }
        *told = best;
    }
    columns
}

/// Every trade.
#[must_use]
pub fn trades(events: &[MarketEvent]) -> TradeColumns {
    let mut columns = TradeColumns::default();
    for event in events.iter().filter(|event| event.kind == MarketKind::Trade) {
        columns.ts_recv_ns.push(event.ts_recv.get());
        columns.ts_event_ns.push(event.ts_event.get());
        columns.instrument.push(event.instrument.0);
        columns.px.push(event.price.get());
        columns.qty_e8.push(event.qty_e8);
        columns.side.push(sign(event.side()));
    }
    columns
}

/// The best `levels` of each side as we saw them at `ts`; nothing where the book was not live.
#[must_use]
pub fn depth_at(events: &[MarketEvent], instrument: InstrumentId, ts: Ts, levels: usize) -> DepthColumns {
    let mut book = Book::new();
    let mut columns = DepthColumns::default();
    let seen = events.iter().take_while(|event| event.ts_recv <= ts);
    for event in seen.filter(|event| event.instrument == instrument) {
        book.apply(event);
    }
    if !book.is_live() {
        return columns;
    }
    for side in [Side::Buy, Side::Sell] {
        for level in book.levels(side).take(levels) {
            columns.side.push(sign(side));
            columns.px.push(level.price.get());
            columns.qty_e8.push(level.qty_e8);
            columns.is_known.push(book.is_known(side, level.price));
        }
    }
    columns
}

const fn sign(side: Side) -> i8 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}

/// What a tape's records say about one instrument's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookCheck {
    /// Whose.
    pub instrument: InstrumentId,
    /// Name as the venue lists it.
    pub symbol: String,
    /// Records, and the messages that they make up.
    pub records: u64,
    /// Messages.
    pub messages: u64,
    /// Times that our best prices met the venue's own of the same update id.
    pub compared: u64,
    /// Of those, equal in price and quantity on both sides.
    pub equal: u64,
    /// The first that was not.
    pub first_difference: Option<Difference>,
    /// Messages after which best bid = best ask.
    pub locked: u64,
    /// Messages after which best bid > best ask.
    pub crossed: u64,
    /// Gaps in the sequence.
    pub gaps: u64,
    /// When the book first was live; none where it never was.
    pub ts_live: Option<Ts>,
    /// Nanoseconds for which it was live, up to its last record.
    pub live_ns: i64,
    /// From the venue to us, messages that name their venue time; none where no message did.
    pub latency_ns_min: Option<i64>,
    /// Half of them took no longer.
    pub latency_ns_median: Option<i64>,
    /// The longest.
    pub latency_ns_max: Option<i64>,
}

/// Where our best prices differ from the venue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The update id that both carry.
    pub seq: u64,
    /// When the later of the two reached us.
    pub ts_recv: Ts,
    /// Ours: bid, ask.
    pub ours: (Level, Level),
    /// The venue's: bid, ask.
    pub theirs: (Level, Level),
}

/// Compares each book with the venue's own best prices wherever both carry the same update id, in either order of
/// arrival, and counts what else a person should know before trusting the tape.
#[must_use]
pub fn check(events: &[MarketEvent], instruments: &[Instrument]) -> Vec<BookCheck> {
    let mut checkers: Vec<Checker> = instruments.iter().map(Checker::new).collect();
    for event in events {
        if let Some(checker) = checkers.get_mut(event.instrument.index()) {
            checker.apply(event);
        }
    }
    checkers.into_iter().map(Checker::finish).collect()
}

struct Checker {
    result: BookCheck,
    book: Book,
    /// Update id of the book's state; none before the first.
    seq: Option<u64>,
    /// Best bid of a message whose ask is still to come.
    half: Option<Level>,
    /// The venue's best prices whose depth message is still to come, by update id.
    ahead: VecDeque<(u64, Best)>,
    live_since: Option<Ts>,
    ts_last: Ts,
    latencies_ns: Vec<i64>,
}

impl Checker {
    fn new(instrument: &Instrument) -> Self {
        let result = BookCheck {
            instrument: instrument.id,
            symbol: instrument.symbol.clone(),
            records: 0,
            messages: 0,
            compared: 0,
            equal: 0,
            first_difference: None,
            locked: 0,
            crossed: 0,
            gaps: 0,
            ts_live: None,
            live_ns: 0,
            latency_ns_min: None,
            latency_ns_median: None,
            latency_ns_max: None,
        };
        Self {
            result,
            book: Book::new(),
            seq: None,
            half: None,
            ahead: VecDeque::new(),
            live_since: None,
            ts_last: Ts::ZERO,
            latencies_ns: Vec::new(),
        }
    }

    fn apply(&mut self, event: &MarketEvent) {
        self.result.records = self.result.records.saturating_add(1);
        self.result.messages = self.result.messages.saturating_add(event.is_last().into());
        self.result.gaps = self.result.gaps.saturating_add((event.kind == MarketKind::Gap).into());
        self.ts_last = event.ts_recv;
        if event.is_last() && event.flags & MarketEvent::UNTIMED == 0 {
            self.latencies_ns.push(event.ts_recv.ns_since(event.ts_event));
        }
        self.book.apply(event);
        match event.kind {
            MarketKind::Best => self.on_best(event),
            MarketKind::Level | MarketKind::Live | MarketKind::Gap if event.is_last() => self.on_depth(event),
            MarketKind::Level
            | MarketKind::Live
            | MarketKind::Gap
            | MarketKind::Trade
            | MarketKind::Clear
            | MarketKind::Reach => {}
        }
        self.note_live(event.ts_recv);
    }

    fn on_best(&mut self, event: &MarketEvent) {
        let level = Level { price: event.price, qty_e8: event.qty_e8 };
        if event.side() == Side::Buy {
            self.half = Some(level);
            return;
        }
        let Some(bid) = self.half.take() else { return };
        let theirs = (bid, level);
        if self.seq == Some(event.seq) {
            self.compare(event.seq, event.ts_recv, theirs);
        } else if self.seq.is_none_or(|seq| event.seq > seq) {
            if self.ahead.len() >= BESTS_MAX {
                self.ahead.pop_front();
            }
            self.ahead.push_back((event.seq, theirs));
        }
    }

    fn on_depth(&mut self, event: &MarketEvent) {
        if let Some((bid, ask)) = best_of(&self.book) {
            self.result.locked = self.result.locked.saturating_add((bid.price == ask.price).into());
            self.result.crossed = self.result.crossed.saturating_add((bid.price > ask.price).into());
        }
        self.seq = Some(event.seq);
        while let Some((seq, theirs)) = self.ahead.front().copied()
            && seq <= event.seq
        {
            self.ahead.pop_front();
            if seq == event.seq {
                self.compare(seq, event.ts_recv, theirs);
            }
        }
    }

    fn compare(&mut self, seq: u64, ts_recv: Ts, theirs: Best) {
        let Some(ours) = best_of(&self.book) else { return };
        self.result.compared = self.result.compared.saturating_add(1);
        if ours == theirs {
            self.result.equal = self.result.equal.saturating_add(1);
        } else if self.result.first_difference.is_none() {
            self.result.first_difference = Some(Difference { seq, ts_recv, ours, theirs });
        }
    }

    fn note_live(&mut self, ts: Ts) {
        match (self.book.is_live(), self.live_since) {
            (true, None) => {
                self.live_since = Some(ts);
                self.result.ts_live.get_or_insert(ts);
            }
            (false, Some(since)) => {
                self.result.live_ns = self.result.live_ns.saturating_add(ts.ns_since(since));
                self.live_since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    fn finish(mut self) -> BookCheck {
        if let Some(since) = self.live_since {
            self.result.live_ns = self.result.live_ns.saturating_add(self.ts_last.ns_since(since));
        }
        self.latencies_ns.sort_unstable();
        self.result.latency_ns_min = self.latencies_ns.first().copied();
        self.result.latency_ns_median = self.latencies_ns.get(self.latencies_ns.len() / 2).copied();
        self.result.latency_ns_max = self.latencies_ns.last().copied();
        self.result
    }
}
