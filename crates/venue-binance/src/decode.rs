//! A recording to a tape: the lines of all files of one symbol, chained, by the venue's rules.
//!
//! What a message becomes: a depth message its `Level` records; a snapshot `Clear`, `Level`.., `Reach` twice, `Live`;
//! a bookTicker two `Best`; a trade one `Trade`; something missing a `Gap`. The last record of each carries `LAST`. Depth
//! messages that come while there is no live book are kept. Those that join a snapshot put their levels into its message,
//! before `Live` and at its time: a book is live once it is up to date. Where one of them does not follow, a `Gap` stands for `Live`.
//!
//! Times: `ts_recv` is the recorder's; where it steps back, the time before is kept and the step counted.
//! `ts_event` is the venue's transaction time, moved by the smallest (local - `E`) seen where that is below zero, so that
//! no latency is negative.
//!
//! A line that is not understood is counted and passed over: if it was depth, the sequence shows the gap. A file that
//! ends within a line is refused.

use std::collections::VecDeque;
use std::path::Path;

use tiderace_feed::recording::Lines;
use tiderace_feed::{FileHash, RecordingError, Tape};
use tiderace_types::{Instrument, InstrumentId, MarketEvent, MarketKind, Price, Side, Ts};

use crate::sequence::{Diff, OnDiff, OnSnapshot, Sequencer};
use crate::wire::{Body, Level, Market, Message, Wire, WireError, WireErrorKind};

/// Most levels kept for the next snapshot. Beyond, the oldest messages go, and a snapshot must be that much later.
pub const KEPT_LEVELS_MAX: usize = 1_000_000;

/// Fewest bytes of text that a record has been seen to take, over a whole recording: room is made once a file.
const BYTES_PER_RECORD: usize = 42;

/// What was found in a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines.
    pub lines: u64,
    /// Depth messages.
    pub depth: u64,
    /// bookTicker messages.
    pub quotes: u64,
    /// Trades.
    pub trades: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Snapshots that were older than the book, or apart from what was kept, and so not used.
    pub snapshots_unused: u64,
    /// Trades outside the book (insurance fund, deleveraging), left out of the tape.
    pub trades_off_book: u64,
    /// Valid messages that are none of the four, or of another symbol.
    pub ignored: u64,
    /// Times that the sequence broke under a live book.
    pub gaps: u64,
    /// Messages that were not understood.
    pub unparsable: u64,
    /// Messages refused because a price is off the tick grid (not counted as unparsable).
    pub off_tick: u64,
    /// Quantities that are no whole number of lots; kept as they are.
    pub off_lot: u64,
    /// Lines whose local time steps back.
    pub time_steps_back: u64,
    /// First local time.
    pub ts_first_ns: i64,
    /// Last local time.
    pub ts_last_ns: i64,
    /// Smallest (local - exchange) time; zero where no message has an exchange time.
    pub clock_offset_ns: i64,
    /// Bytes of text.
    pub bytes_inflated: u64,
    /// The first message that was not understood.
    pub first_error: Option<LineFault>,
}

/// Where a message was not understood, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// File.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Why.
    pub error: WireError,
}

impl core::fmt::Display for LineFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} line {}, message {}", self.file, self.line, self.error)
    }
}

/// A recording, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The records, on the recorder's clock.
    pub tape: Tape,
    /// What was found.
    pub summary: Summary,
}

/// When a message was received and, on the venue's clock, sent.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    ts_recv: Ts,
    ts_exchange_ns: Option<i64>,
}

struct Kept {
    diff: Diff,
    levels: Vec<Level>,
}

/// Decodes the files of one recording one after the other.
pub struct Decoder {
    wire: Wire,
    sequencer: Sequencer,
    kept: VecDeque<Kept>,
    kept_levels: usize,
    records: Records,
    clock_offset_ns: Option<i64>,
    ts_last: Ts,
    summary: Summary,
}

/// Decodes the texts of the files of one recording, each with its name, in order of time.
///
/// # Errors
/// [`RecordingError`] when a file ends within a line, a line has no time, or the files are out of order.
pub fn decode_all(files: &[(&str, &[u8])], market: Market, instrument: &Instrument) -> Result<Decoded, RecordingError> {
    let mut decoder = Decoder::new(market, instrument);
    for (file, text) in files {
        decoder.file(file, text)?;
    }
    Ok(decoder.finish())
}

/// Reads and decodes the files of one recording, in order of time, and hashes each as stored.
///
/// # Errors
/// [`RecordingError`], also where no depth message is the instrument's: a book that never moves is no market.
pub fn read(
    files: &[impl AsRef<Path>],
    market: Market,
    instrument: &Instrument,
) -> Result<(Decoded, Vec<FileHash>), RecordingError> {
    let mut decoder = Decoder::new(market, instrument);
    let mut hashes = Vec::with_capacity(files.len());
    for path in files {
        let (text, hash) = tiderace_feed::read(path.as_ref())?;
        decoder.file(&hash.file, &text)?;
        hashes.push(hash);
    }
    let decoded = decoder.finish();
    if decoded.summary.depth == 0 {
        return Err(RecordingError::NoDepth { symbol: instrument.symbol.clone(), lines: decoded.summary.lines });
    }
    Ok((decoded, hashes))
}

impl Decoder {
    /// A decoder of `instrument`'s recording.
    #[must_use]
    pub fn new(market: Market, instrument: &Instrument) -> Self {
        Self {
            wire: Wire::new(market, instrument),
            sequencer: Sequencer::default(),
            kept: VecDeque::new(),
            kept_levels: 0,
            records: Records { instrument: instrument.id, events: Vec::new() },
            clock_offset_ns: None,
            ts_last: Ts::MIN,
            summary: Summary::default(),
        }
    }

    /// Decodes the next file's text.
    ///
    /// # Errors
    /// [`RecordingError`] when it ends within a line, a line has no time, or it begins before the last file ends.
    pub fn file(&mut self, file: &str, text: &[u8]) -> Result<(), RecordingError> {
        if text.is_empty() {
            return Err(RecordingError::Empty { file: file.to_owned() });
        }
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.summary.bytes_inflated = self.summary.bytes_inflated.saturating_add(bytes);
        self.records.events.reserve(text.len().checked_div(BYTES_PER_RECORD).unwrap_or(0));
        for line in Lines::new(text) {
            let line = line.map_err(|error| error.of(file))?;
            let ts_recv = Ts::new(line.ts_recv_ns);
            if line.number == 1 && ts_recv < self.ts_last {
                let (ts_first_ns, ts_last_ns) = (line.ts_recv_ns, self.ts_last.get());
                return Err(RecordingError::OutOfOrder { file: file.to_owned(), ts_first_ns, ts_last_ns });
            }
            self.pass(ts_recv);
            match self.wire.message(line.message) {
                Ok(message) => self.message(message),
                Err(error) if line.is_last && (!line.is_closed || error.kind == WireErrorKind::Ended) => {
                    return Err(RecordingError::CutLine { file: file.to_owned(), line: line.number });
                }
                Err(error) => self.refuse(LineFault { file: file.to_owned(), line: line.number, error }),
            }
        }
        Ok(())
    }

    /// The tape and what was found.
    #[must_use]
    pub fn finish(self) -> Decoded {
        let Self { records, clock_offset_ns, mut summary, .. } = self;
        summary.clock_offset_ns = clock_offset_ns.unwrap_or(0);
        summary.ts_last_ns = if summary.lines == 0 { 0 } else { self.ts_last.get() };
        let mut tape = Tape { events: records.events, clock_offset_ns: 0 };
        // A smallest delay above zero is the line's latency, not a clock that is ahead: it stays.
        tape.align(summary.clock_offset_ns.min(0));
        Decoded { tape, summary }
    }

    fn pass(&mut self, ts_recv: Ts) {
        if self.summary.lines == 0 {
            self.summary.ts_first_ns = ts_recv.get();
        }
        self.summary.lines = self.summary.lines.saturating_add(1);
        if ts_recv < self.ts_last {
            self.summary.time_steps_back = self.summary.time_steps_back.saturating_add(1);
        }
        self.ts_last = self.ts_last.max(ts_recv);
    }

    fn refuse(&mut self, fault: LineFault) {
        if let WireErrorKind::OffTick { is_level } = fault.error.kind {
            self.summary.off_tick = self.summary.off_tick.saturating_add(1);
            if is_level && self.sequencer.lose() {
                self.mark_gap(Stamp { ts_recv: self.ts_last, ts_exchange_ns: None }, 0);
            }
        } else {
            self.summary.unparsable = self.summary.unparsable.saturating_add(1);
        }
        self.summary.first_error.get_or_insert(fault);
    }

    fn message(&mut self, message: Message) {
        if let Some(ts_sent_ns) = message.ts_sent_ns {
            let offset = self.ts_last.get().saturating_sub(ts_sent_ns);
            self.clock_offset_ns = Some(self.clock_offset_ns.map_or(offset, |smallest| smallest.min(offset)));
        }
        self.summary.off_lot = self.summary.off_lot.saturating_add(message.off_lot);
        let stamp = Stamp { ts_recv: self.ts_last, ts_exchange_ns: message.ts_exchange_ns };
        let count = match message.body {
            Body::Depth(diff) => {
                self.depth(stamp, diff);
                &mut self.summary.depth
            }
            Body::Snapshot { last } => {
                self.snapshot(stamp, last);
                &mut self.summary.snapshots
            }
            Body::Quote { id, bid, ask } => {
                self.records.push(stamp, MarketKind::Best, bid, id, 0);
                self.records.push(stamp, MarketKind::Best, ask, id, MarketEvent::LAST);
                &mut self.summary.quotes
            }
            Body::Trade { id, trade, is_in_book: true } => {
                self.records.push(stamp, MarketKind::Trade, trade, id, MarketEvent::LAST);
                &mut self.summary.trades
            }
            Body::Trade { is_in_book: false, .. } => &mut self.summary.trades_off_book,
            Body::Ignored => &mut self.summary.ignored,
        };
        *count = count.saturating_add(1);
    }

    fn depth(&mut self, stamp: Stamp, diff: Diff) {
        match self.sequencer.diff(&diff) {
            OnDiff::Apply => self.records.levels(stamp, self.wire.levels(), diff.last),
            OnDiff::Drop => {}
            OnDiff::Keep => self.keep(diff),
            OnDiff::Gap => {
                self.mark_gap(stamp, diff.last);
                self.keep(diff);
            }
        }
    }

    fn keep(&mut self, diff: Diff) {
        let levels = self.wire.levels().to_vec();
        self.kept_levels = self.kept_levels.saturating_add(levels.len()).saturating_add(1);
        self.kept.push_back(Kept { diff, levels });
        while self.kept_levels > KEPT_LEVELS_MAX {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.kept_levels = self.kept_levels.saturating_sub(oldest.levels.len()).saturating_sub(1);
        }
    }

    fn snapshot(&mut self, stamp: Stamp, last: u64) {
        match self.sequencer.snapshot(last, self.kept.iter().map(|kept| &kept.diff)) {
            OnSnapshot::Apply => {}
            OnSnapshot::Older | OnSnapshot::Apart => {
                self.summary.snapshots_unused = self.summary.snapshots_unused.saturating_add(1);
                return;
            }
        }
        self.records.snapshot(stamp, self.wire.levels(), last);
        let seq = self.join_kept(stamp, last);
        match self.kept.front() {
            None => self.records.mark(stamp, MarketKind::Live, seq, MarketEvent::SNAPSHOT | MarketEvent::LAST),
            Some(apart) => {
                let seq = apart.diff.last;
                self.mark_gap(stamp, seq);
            }
        }
        self.kept_levels =
            self.kept.iter().map(|kept| kept.levels.len().saturating_add(1)).fold(0, usize::saturating_add);
    }

    /// Puts the levels of the kept messages that follow a snapshot into its message, so that the book is told to be live
    /// once it is up to date. Answers with the last id. A message that does not follow stays kept, with those after it.
    fn join_kept(&mut self, stamp: Stamp, last: u64) -> u64 {
        let mut seq = last;
        let mut joined = 0;
        for kept in &self.kept {
            match self.sequencer.diff(&kept.diff) {
                OnDiff::Apply => {
                    self.records.extend(stamp, &kept.levels, kept.diff.last, 0);
                    seq = kept.diff.last;
                }
                OnDiff::Drop => {}
                OnDiff::Keep | OnDiff::Gap => break,
            }
            joined += 1;
        }
        self.kept.drain(..joined);
        seq
    }

    fn mark_gap(&mut self, stamp: Stamp, seq: u64) {
        self.summary.gaps = self.summary.gaps.saturating_add(1);
        self.records.mark(stamp, MarketKind::Gap, seq, MarketEvent::LAST);
    }
}

/// The records so far, with venue times still on the venue's clock.
struct Records {
    instrument: InstrumentId,
    events: Vec<MarketEvent>,
}

impl Records {
    #[inline]
    fn record(&self, stamp: Stamp, kind: MarketKind, level: Level, seq: u64, flags: u8) -> MarketEvent {
        let (ts_event, untimed) = match stamp.ts_exchange_ns {
            Some(ns) => (Ts::new(ns), 0),
            None => (stamp.ts_recv, MarketEvent::UNTIMED),
        };
        let side = match level.side {
            Side::Buy => 0,
            Side::Sell => MarketEvent::ASK,
        };
        MarketEvent {
            ts_event,
            ts_recv: stamp.ts_recv,
            price: level.price,
            qty_e8: level.qty_e8,
            seq,
            instrument: self.instrument,
            kind,
            flags: flags | side | untimed,
        }
    }

    fn push(&mut self, stamp: Stamp, kind: MarketKind, level: Level, seq: u64, flags: u8) {
        self.events.push(self.record(stamp, kind, level, seq, flags));
    }

    fn extend(&mut self, stamp: Stamp, levels: &[Level], seq: u64, flags: u8) {
        let mut events = std::mem::take(&mut self.events);
        events.extend(levels.iter().map(|level| self.record(stamp, MarketKind::Level, *level, seq, flags)));
        self.events = events;
    }

    fn mark(&mut self, stamp: Stamp, kind: MarketKind, seq: u64, flags: u8) {
        self.push(stamp, kind, Level { price: Price::ZERO, qty_e8: 0, side: Side::Buy }, seq, flags);
    }

    fn levels(&mut self, stamp: Stamp, levels: &[Level], seq: u64) {
        let Some((last, levels)) = levels.split_last() else { return };
        self.extend(stamp, levels, seq, 0);
        self.push(stamp, MarketKind::Level, *last, seq, MarketEvent::LAST);
    }

    /// A snapshot up to its reach; what ends its message says whether the book is live.
    fn snapshot(&mut self, stamp: Stamp, levels: &[Level], seq: u64) {
        let flags = MarketEvent::SNAPSHOT;
        self.mark(stamp, MarketKind::Clear, seq, flags);
        self.extend(stamp, levels, seq, flags);
        let prices = |side| levels.iter().filter(move |level| level.side == side).map(|level| level.price);
        let reach = |side, price: Option<Price>| Level { price: price.unwrap_or_default(), qty_e8: 0, side };
        self.push(stamp, MarketKind::Reach, reach(Side::Buy, prices(Side::Buy).min()), seq, flags);
        self.push(stamp, MarketKind::Reach, reach(Side::Sell, prices(Side::Sell).max()), seq, flags);
    }
}
