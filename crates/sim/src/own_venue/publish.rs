//! The market data of our own venue on its way to the desk: by price, as a feed of any venue.
//!
//! Each trade is a message, and the levels that a command changed are another, as on a venue whose trades and depth are
//! streams of their own. What one command caused is on its way for one drawn latency, and nothing overtakes what was
//! sent before it of its book. What has reached the desk is the tape of the run.

use std::collections::VecDeque;

use tiderace_book::Book;
use tiderace_types::venue::Trade;
use tiderace_types::{Instrument, InstrumentId, MarketEvent, MarketKind, Price, Qty, Side, Ts};

use crate::Latency;

/// The feed of one book.
struct Feed {
    instrument: Instrument,
    /// What it has displayed.
    book: Book,
    seq: u64,
    ts_last: Ts,
    /// Records under way, by arrival.
    flights: VecDeque<MarketEvent>,
}

/// The feeds of a venue, and the tape of what came over them.
pub(super) struct Publisher {
    feeds: Vec<Feed>,
    latency: Latency,
    message: Vec<MarketEvent>,
    tape: Vec<MarketEvent>,
}

impl Publisher {
    pub(super) fn new(instruments: &[Instrument], latency: Latency) -> Self {
        let feeds = instruments.iter().map(|instrument| Feed {
            instrument: instrument.clone(),
            book: Book::new(),
            seq: 0,
            ts_last: Ts::MIN,
            flights: VecDeque::new(),
        });
        Self { feeds: feeds.collect(), latency, message: Vec::new(), tape: Vec::new() }
    }

    /// Tells a whole book: its levels, best first, and that it is live.
    pub(super) fn snapshot(&mut self, ts: Ts, id: InstrumentId, levels: impl Iterator<Item = (Side, Price, Qty)>) {
        self.push(id, MarketKind::Clear, MarketEvent::SNAPSHOT, Price::ZERO, 0);
        for (side, price, qty) in levels {
            self.level(id, side, price, qty, MarketEvent::SNAPSHOT);
        }
        self.push(id, MarketKind::Live, MarketEvent::SNAPSHOT, Price::ZERO, 0);
        self.send(ts, id);
    }

    /// Tells a trade.
    pub(super) fn trade(&mut self, trade: &Trade) {
        let Some(feed) = self.feeds.get(trade.instrument.index()) else { return };
        let qty_e8 = feed.instrument.feed_qty_of_lots(trade.qty).unwrap_or(i64::MAX);
        let flags = MarketEvent::LAST | flag_of(trade.aggressor);
        self.push(trade.instrument, MarketKind::Trade, flags, trade.price, qty_e8);
    }

    /// Tells what a level shows now, where that is something else than it showed.
    pub(super) fn level(&mut self, id: InstrumentId, side: Side, price: Price, qty: Qty, flags: u8) {
        let Some(feed) = self.feeds.get(id.index()) else { return };
        let qty_e8 = feed.instrument.feed_qty_of_lots(qty).unwrap_or(i64::MAX);
        if feed.book.qty_at(side, price) != qty_e8 {
            self.push(id, MarketKind::Level, flags | flag_of(side), price, qty_e8);
        }
    }

    /// Ends the last message and sends all on their way.
    pub(super) fn send(&mut self, ts: Ts, id: InstrumentId) {
        let (Some(feed), Some(last)) = (self.feeds.get_mut(id.index()), self.message.last_mut()) else { return };
        last.flags |= MarketEvent::LAST;
        feed.ts_last = feed.ts_last.max(ts.plus_ns(self.latency.draw_ns()));
        feed.seq = feed.seq.saturating_add(1);
        for event in self.message.drain(..) {
            feed.flights.push_back(MarketEvent { ts_event: ts, ts_recv: feed.ts_last, seq: feed.seq, ..event });
        }
    }

    /// When the next record arrives; [`Ts::MAX`] for never.
    pub(super) fn ts_next(&self) -> Ts {
        let fronts = self.feeds.iter().filter_map(|feed| feed.flights.front());
        fronts.map(|event| event.ts_recv).min().unwrap_or(Ts::MAX)
    }

    /// The next record, which is then on the tape; at one time, that of the first book.
    pub(super) fn take_next(&mut self) -> Option<(u64, MarketEvent)> {
        let ts = self.ts_next();
        let is_next = |feed: &&mut Feed| feed.flights.front().is_some_and(|event| event.ts_recv == ts);
        let event = self.feeds.iter_mut().find(is_next)?.flights.pop_front()?;
        let index = u64::try_from(self.tape.len()).unwrap_or(u64::MAX);
        self.tape.push(event);
        Some((index, event))
    }

    /// What has reached the desk.
    pub(super) fn into_tape(self) -> Vec<MarketEvent> {
        self.tape
    }

    fn push(&mut self, instrument: InstrumentId, kind: MarketKind, flags: u8, price: Price, qty_e8: i64) {
        let Some(feed) = self.feeds.get_mut(instrument.index()) else { return };
        let (ts_event, ts_recv, seq) = (Ts::ZERO, Ts::ZERO, 0);
        let event = MarketEvent { ts_event, ts_recv, price, qty_e8, seq, instrument, kind, flags };
        feed.book.apply(&event);
        self.message.push(event);
    }
}

const fn flag_of(side: Side) -> u8 {
    match side {
        Side::Buy => 0,
        Side::Sell => MarketEvent::ASK,
    }
}
