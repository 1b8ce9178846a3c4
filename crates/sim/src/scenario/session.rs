//! A venue that speaks the words of scenario files, over a journal or without one.
//!
//! The journal's first record is the genesis; then come commands as numbers, and before a command the names that it was
//! the first to say, so that after a restart the same names mean the same numbers. What came out is given away only
//! when its command is kept.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tiderace_engine::venue::{ConfigError, Venue};
use tiderace_journal::{
    Config, FileSystem, JournalError, Log, LogReader, OutputsDigest, Retention, Snapshot, Snapshots,
};
use tiderace_types::venue::{Command, Event, NO_ENTRY};
use tiderace_types::{DecodeError, ExecType, Ts};

use super::command::{self, Sent, Step};
use super::gateway::{Gateway, Name};
use super::json::{self as strict, Bad, Object};
use super::setup::{self, Setup};
use super::{show, view};

/// Kind of the first record: the genesis.
const KIND_GENESIS: u16 = 1;
/// Kind of a record that gives the next number of a table to a name.
const KIND_NAME: u16 = 2;

/// Where the journal is.
#[derive(Clone)]
pub struct Place {
    /// The disk.
    pub fs: Arc<dyn FileSystem>,
    /// The folder.
    pub dir: PathBuf,
    /// How it is kept.
    pub config: Config,
}

/// Why a session does not open, or cannot go on.
#[derive(Debug)]
pub enum SessionError {
    /// What was said cannot be read.
    Bad(Bad),
    /// The genesis.
    Config(ConfigError),
    /// The journal.
    Journal(JournalError),
    /// The journal's genesis is that of another venue.
    OtherGenesis,
    /// A snapshot, with what the journal holds behind it, gives another state than the whole journal.
    SnapshotDiffers {
        /// Its sequence.
        seq: u64,
    },
    /// A record of the journal is none of a venue.
    Record {
        /// Its sequence.
        seq: u64,
        /// Why.
        error: DecodeError,
    },
}

impl core::fmt::Display for SessionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bad(bad) => write!(f, "{bad}"),
            Self::Config(error) => write!(f, "the venue does not start: {error}"),
            Self::Journal(error) => write!(f, "{error}"),
            Self::OtherGenesis => {
                let rule = "a journal is opened with the configuration that it was begun with";
                write!(f, "the journal is of another venue; {rule}; name its own, or another folder")
            }
            Self::SnapshotDiffers { seq } => {
                write!(f, "the snapshot of sequence {seq} gives another state than the journal; remove the snapshot")
            }
            Self::Record { seq, error } => write!(f, "record {seq} of the journal is none of a venue: {error}"),
        }
    }
}

impl std::error::Error for SessionError {}

impl From<Bad> for SessionError {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

impl From<JournalError> for SessionError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// An event in words: its key `event` says what it is.
pub type Words = Map<String, Value>;

/// The venue, the tables of its gateway, its journal.
pub struct Session {
    pub(super) gateway: Gateway,
    pub(super) venue: Venue,
    log: Option<Log>,
    outputs: OutputsDigest,
    next_seq: u64,
}

impl Session {
    /// Opens a venue whose line is `venue` (the object, without the key around it) and brings back what its journal
    /// holds.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn open(venue: &Value, place: Option<&Place>) -> Result<Self, SessionError> {
        let object = Object::new(venue, "venue")?;
        Self::new(&setup::setup(&object)?, place)
    }

    /// The same for a line that was read.
    pub(super) fn new(setup: &Setup, place: Option<&Place>) -> Result<Self, SessionError> {
        let venue = Venue::new(setup.config.clone()).map_err(SessionError::Config)?;
        let (gateway, outputs) = (setup.gateway.clone(), OutputsDigest::default());
        let mut session = Self { gateway, venue, log: None, outputs, next_seq: 0 };
        session.gateway.fresh.clear();
        if let Some(place) = place {
            let genesis = json!({ "start": setup.gateway.now.get(), "venue": setup.config });
            session.recover(place, genesis.to_string().as_bytes())?;
        }
        Ok(session)
    }

    fn recover(&mut self, place: &Place, genesis: &[u8]) -> Result<(), SessionError> {
        let (mut log, _) = Log::open(Arc::clone(&place.fs), &place.dir, place.config)?;
        let snapshot = snapshots(place).latest()?.snapshot;
        let mut behind = Vec::new();
        let mut reader = LogReader::open(Arc::clone(&place.fs), &place.dir, 0)?;
        let mut events = Vec::new();
        while let Some(batch) = reader.next_batch()? {
            for record in batch.records() {
                let header = record.header;
                self.next_seq = header.seq.saturating_add(1);
                match header.kind {
                    KIND_GENESIS if header.seq == 0 && record.payload == genesis => {}
                    KIND_GENESIS => return Err(SessionError::OtherGenesis),
                    KIND_NAME => self.gateway.learn(record.payload),
                    kind => {
                        let command = Command::decode(kind, record.payload);
                        let command = command.map_err(|error| SessionError::Record { seq: header.seq, error })?;
                        events.clear();
                        self.apply_now(header.seq, Ts::new(header.ts), &command, &mut events);
                        if snapshot.as_ref().is_some_and(|snapshot| snapshot.seq <= header.seq) {
                            behind.push((Ts::new(header.ts), command));
                        }
                    }
                }
            }
        }
        if let Some(snapshot) = snapshot {
            self.restore(&snapshot, &behind)?;
        }
        if log.next_seq() == 0 {
            log.append(KIND_GENESIS, self.gateway.now.get(), 0, genesis)?;
            log.commit(self.outputs.digest())?;
            self.next_seq = log.next_seq();
        }
        self.log = Some(log);
        Ok(())
    }

    /// Goes on with the venue of a snapshot and of what came behind it; it must be the one that the whole journal gives.
    fn restore(&mut self, snapshot: &Snapshot, behind: &[(Ts, Command)]) -> Result<(), SessionError> {
        let seq = snapshot.seq;
        let restored = Venue::decode(self.venue.config().clone(), &snapshot.bytes);
        let mut restored = restored.map_err(|error| SessionError::Record { seq, error })?;
        let mut events = Vec::new();
        for (ts, command) in behind {
            restored.apply(*ts, command, &mut events);
        }
        if restored.digest() != self.venue.digest() {
            return Err(SessionError::SnapshotDiffers { seq });
        }
        self.venue = restored;
        Ok(())
    }

    /// Writes a snapshot of the venue beside its journal.
    ///
    /// # Errors
    /// [`SessionError::Journal`].
    pub(super) fn write_snapshot(&self, place: &Place) -> Result<(), SessionError> {
        snapshots(place).write(self.next_seq, self.venue.digest(), &self.snapshot())?;
        Ok(())
    }

    /// The venue's state, layout version first.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.venue.encode(&mut bytes);
        bytes
    }

    fn apply_now(&mut self, seq: u64, ts: Ts, command: &Command, events: &mut Vec<Event>) {
        let start = events.len();
        self.gateway.now = self.gateway.now.max(ts);
        self.venue.apply(ts, command, events);
        for event in events.get(start..).unwrap_or_default() {
            self.gateway.heard(event);
            self.outputs.push(seq, ts.get(), event.kind(), |bytes| event.encode(bytes));
        }
    }

    fn append(&mut self, ts: Ts, kind: u16, payload: &[u8]) -> Result<u64, SessionError> {
        let seq = self.next_seq;
        if let Some(log) = &mut self.log {
            log.append(kind, ts.get(), self.outputs.crc(), payload)?;
            if log.is_full() {
                log.close_batch(self.outputs.digest())?;
            }
        }
        self.next_seq = seq.saturating_add(1);
        Ok(seq)
    }

    /// Journals commands and applies them, all at one time or each at its own; `each` hears the row of a command and its
    /// events. Returns once all are kept.
    ///
    /// # Errors
    /// [`SessionError::Journal`]; what was said to `each` must not be passed on then.
    pub fn apply(
        &mut self,
        commands: impl Iterator<Item = (Ts, Command)>,
        mut each: impl FnMut(usize, Ts, &[Event]),
    ) -> Result<(), SessionError> {
        let (mut bytes, mut events) = (Vec::new(), Vec::new());
        for (row, (ts, command)) in commands.enumerate() {
            let ts = ts.max(self.gateway.now);
            bytes.clear();
            command.encode(&mut bytes);
            let seq = self.append(ts, command.kind(), &bytes)?;
            events.clear();
            self.apply_now(seq, ts, &command, &mut events);
            each(row, ts, &events);
        }
        self.commit()
    }

    fn commit(&mut self) -> Result<(), SessionError> {
        if let Some(log) = &mut self.log {
            log.commit(self.outputs.digest())?;
        }
        Ok(())
    }

    /// Does what a `do` line says and returns what followed.
    ///
    /// # Errors
    /// [`SessionError::Bad`] for a line that cannot be read, and then nothing was done; [`SessionError::Journal`].
    pub fn say(&mut self, line: &str) -> Result<Vec<Words>, SessionError> {
        let value = strict::parse(line)?;
        let object = Object::new(&value, "")?;
        // A bad line may leave names behind; they decide nothing.
        match command::step(&object, &mut self.gateway)? {
            Step::Crash => Err(Bad::new("do", "only a scenario crashes", "leave it out").into()),
            Step::Send(all) => {
                let mut words = Vec::new();
                self.send(&all, |gateway, event, leg| words.push(show::event(gateway, event, leg)))?;
                Ok(words)
            }
        }
    }

    /// Sends what one line said; `each` hears every event.
    pub(super) fn send(
        &mut self,
        all: &[Sent],
        mut each: impl FnMut(&Gateway, &Event, Option<(u16, tiderace_types::Side)>),
    ) -> Result<(), SessionError> {
        let ts = self.gateway.now;
        for name in core::mem::take(&mut self.gateway.fresh) {
            self.append(ts, KIND_NAME, &Name::encode(&name))?;
        }
        let mut is_refused = false;
        let mut heard = Vec::new();
        for sent in all {
            // Where a quote is refused as a whole, its legs say nothing.
            if is_refused && sent.leg.is_some() {
                continue;
            }
            let mut bytes = Vec::new();
            sent.command.encode(&mut bytes);
            let seq = self.append(ts, sent.command.kind(), &bytes)?;
            let start = heard.len();
            let mut events = Vec::new();
            self.apply_now(seq, ts, &sent.command, &mut events);
            heard.extend(events.into_iter().map(|event| (event, sent.leg)));
            let is_quote = matches!(sent.command, Command::MassQuote(_));
            is_refused = is_quote && heard.iter().skip(start).any(|(event, _)| is_whole_refusal(event));
        }
        self.commit()?;
        for (event, leg) in &heard {
            each(&self.gateway, event, *leg);
        }
        Ok(())
    }

    /// The time reached.
    #[must_use]
    pub fn now(&self) -> Ts {
        self.gateway.now
    }

    /// The venue.
    #[must_use]
    pub fn venue(&self) -> &Venue {
        &self.venue
    }

    /// Digest of everything that came out.
    pub fn outputs_digest(&mut self) -> [u8; 32] {
        self.outputs.digest()
    }

    /// What a book shows: `bids` and `asks` as lists of price and visible quantity, `state`, `indicative_px` and
    /// `indicative_qty`. None for a symbol that is not listed.
    #[must_use]
    pub fn book(&self, symbol: &str, depth: usize) -> Option<Words> {
        let instrument = self.gateway.listed(symbol)?;
        Some(view::book(&self.venue, &self.gateway, instrument, depth))
    }

    /// A live order. None where it has ended, or never was.
    #[must_use]
    pub fn order(&self, account: &str, cl_ord_id: &str) -> Option<Words> {
        let account = self.gateway.known_account(account)?;
        view::order(&self.venue, &self.gateway, account, cl_ord_id)
    }

    /// What an account holds of an instrument. None for names that are not in the tables.
    #[must_use]
    pub fn position(&self, account: &str, symbol: &str) -> Option<Words> {
        let (account, instrument) = (self.gateway.known_account(account)?, self.gateway.listed(symbol)?);
        Some(view::position(&self.venue, &self.gateway, account, instrument))
    }

    /// Cash of an account. None for names that are not in the tables.
    #[must_use]
    pub fn balance(&self, account: &str, asset: &str) -> Option<Words> {
        let (account, asset) = (self.gateway.known_account(account)?, self.gateway.known_asset(asset)?);
        Some(view::balance(&self.venue, &self.gateway, account, asset))
    }

    /// Ends the journal with a batch that marks all before it as durable.
    ///
    /// # Errors
    /// [`SessionError::Journal`].
    pub fn finish(&mut self) -> Result<(), SessionError> {
        match self.log.take() {
            Some(log) => Ok(log.finish(self.outputs.digest()).map(drop)?),
            None => Ok(()),
        }
    }
}

/// Every segment is kept: the tables of names are read from the first on.
fn snapshots(place: &Place) -> Snapshots {
    let retention = Retention { keep_snapshots: 1, keep_segments_before_snapshot: usize::MAX };
    Snapshots::new(Arc::clone(&place.fs), &place.dir, retention)
}

fn is_whole_refusal(event: &Event) -> bool {
    match event {
        Event::Report(report) => report.exec_type == ExecType::Rejected && report.quote_entry == NO_ENTRY,
        Event::Trade(_)
        | Event::StateChanged(_)
        | Event::Indication(_)
        | Event::MmpChanged(_)
        | Event::VenueKillChanged(_)
        | Event::TradeCorrected(_)
        | Event::CommandRefused(_)
        | Event::BalanceChanged(_)
        | Event::LimitChanged(_) => false,
    }
}
