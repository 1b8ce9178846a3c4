//! A venue that speaks the words of scenario files, over a journal or without one.
//!
//! The journal's first record is the genesis; then come commands as numbers, and before a command the names that it was
//! the first to say, so that after a restart the same names mean the same numbers. What came out is given away only
//! when its command is kept.
//!
//! A restart begins at the newest snapshot that holds and applies what the journal holds behind it; one that does not
//! hold is passed over and named ([`Session::opening`]), for an older one or the whole journal. Snapshots are written on
//! the caller's thread, behind every so many commands and at the end: `version u32, genesis [32] (BLAKE3), digest of
//! the outputs, tables of names, venue`.
//!
//! The genesis is compared by what it means: one that says less, of a build that knew fewer terms, is that of the venue
//! whose other terms are the usual ones.

mod rescue;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tiderace_engine::venue::{ConfigError, Venue, VenueConfig};
use tiderace_journal::{
    ChainedDigest, Config, FileSystem, JournalError, Log, LogReader, Retention, Snapshot, Snapshots,
};
use tiderace_types::venue::{Command, Event, NO_ENTRY};
use tiderace_types::{DecodeError, ExecType, Ts};

use super::command::{self, Sent, Step};
use super::gateway::Gateway;
use super::json::{self as strict, Bad, Object};
use super::setup::{self, Setup};
use super::{show, view};
use rescue::{Failure, Unkept};

/// Kind of the first record: the genesis.
const KIND_GENESIS: u16 = 1;
/// Kind of a record that gives the next number of a table to a name.
const KIND_NAME: u16 = 2;

/// Layout of a snapshot's state.
const STATE_VERSION: u32 = 1;
/// Records from one snapshot to the next where nothing else is asked for: a second of replay at most.
pub const SNAPSHOT_EVERY: u64 = 1_000_000;
/// Snapshots that are kept: the newest, and the one to fall back to.
const KEEP_SNAPSHOTS: usize = 2;

/// Where the journal is.
#[derive(Clone)]
pub struct Place {
    /// The disk.
    pub fs: Arc<dyn FileSystem>,
    /// The folder.
    pub dir: PathBuf,
    /// How it is kept.
    pub config: Config,
    /// Records from one snapshot to the next; one is written at the end too. `None`: only where one is asked for.
    pub snapshot_every: Option<u64>,
}

/// How a session came back from its journal.
#[derive(Debug, Default)]
pub struct Opening {
    /// Sequence of the snapshot that it began at; none where the whole journal was applied.
    pub from_snapshot: Option<u64>,
    /// Commands applied from the journal.
    pub replayed: u64,
    /// Cancels and kills adopted from the emergency segment. Where there are some, the journal had failed.
    pub adopted: u64,
    /// Newer snapshots that do not hold, or are of another build.
    pub passed_over: Vec<JournalError>,
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
    /// The outputs of this sequence, or of one right before it, are not those of the run.
    Differs {
        /// The first record whose header tells.
        seq: u64,
    },
    /// Segments before the first one that is there were removed, and no snapshot that holds leads there.
    NoStart {
        /// First sequence that is there.
        first_seq: u64,
    },
    /// The journal failed before: the state holds what it never took.
    Failed {
        /// How.
        why: String,
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
            Self::Differs { seq } => {
                write!(f, "outputs differ before sequence {seq}; open the journal with the build that wrote it")
            }
            Self::NoStart { first_seq } => write!(
                f,
                "the journal begins at sequence {first_seq} and no snapshot leads there; restore a snapshot or the segments before"
            ),
            Self::Failed { why } => {
                let rule = "what is not kept is not shown, and only cancels and kills are taken";
                write!(f, "the journal failed: {why}; {rule}; mend the disk and open it again")
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

/// What the first record of a journal says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Genesis {
    start: Ts,
    venue: VenueConfig,
}

/// The venue, the tables of its gateway, its journal.
pub struct Session {
    pub(super) gateway: Gateway,
    pub(super) venue: Venue,
    log: Option<Log>,
    outputs: ChainedDigest,
    /// Root of the outputs before the open batch.
    root: [u8; 32],
    next_seq: u64,
    place: Option<Place>,
    genesis: Vec<u8>,
    /// State of the newest snapshot.
    snapshot_seq: u64,
    opening: Opening,
    /// Snapshots that could not be written; the journal holds what they would have held.
    not_written: Vec<SessionError>,
    unkept: Unkept,
    failure: Option<Failure>,
    /// Room for the events of a replay.
    events: Vec<Event>,
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
        let mut session = Self::at_genesis(setup)?;
        if let Some(place) = place {
            session.recover(place)?;
        }
        Ok(session)
    }

    /// What the whole journal gives, without a snapshot and without the journal.
    pub(super) fn replayed(setup: &Setup, place: &Place) -> Result<Self, SessionError> {
        let mut session = Self::at_genesis(setup)?;
        session.read_genesis(place);
        session.replay(place)?;
        Ok(session)
    }

    fn at_genesis(setup: &Setup) -> Result<Self, SessionError> {
        let venue = Venue::new(setup.config.clone()).map_err(SessionError::Config)?;
        let mut gateway = setup.gateway.clone();
        gateway.fresh.clear();
        let genesis = json!({ "start": gateway.now.get(), "venue": setup.config }).to_string().into_bytes();
        Ok(Self {
            gateway,
            venue,
            log: None,
            outputs: ChainedDigest::default(),
            root: [0; 32],
            next_seq: 0,
            place: None,
            genesis,
            snapshot_seq: 0,
            opening: Opening::default(),
            not_written: Vec::new(),
            unkept: Unkept::default(),
            failure: None,
            events: Vec::new(),
        })
    }

    fn recover(&mut self, place: &Place) -> Result<(), SessionError> {
        let (mut log, recovered) = Log::open(Arc::clone(&place.fs), &place.dir, place.config)?;
        self.read_genesis(place);
        self.begin_at_snapshot(place)?;
        self.replay(place)?;
        if log.next_seq() == 0 {
            log.append(KIND_GENESIS, self.gateway.now.get(), 0, &self.genesis)?;
            log.commit(self.root)?;
            self.next_seq = log.next_seq();
        }
        self.adopt(&mut log, &recovered.emergency)?;
        (self.log, self.place) = (Some(log), Some(place.clone()));
        Ok(())
    }

    /// Takes over the bytes of the journal's genesis, where they mean this venue. What cannot be read, the replay names.
    fn read_genesis(&mut self, place: &Place) {
        let Ok(mut reader) = LogReader::open(Arc::clone(&place.fs), &place.dir, 0) else { return };
        let Ok(Some(batch)) = reader.next_batch() else { return };
        let Some(first) = batch.records().next() else { return };
        if first.header.seq != 0 || first.header.kind != KIND_GENESIS {
            return;
        }
        let genesis = serde_json::from_slice::<Genesis>(first.payload);
        if genesis.is_ok_and(|of| of.start == self.gateway.now && of.venue == *self.venue.config()) {
            self.genesis = first.payload.to_vec();
        }
    }

    /// Takes over the state of the newest snapshot that holds.
    fn begin_at_snapshot(&mut self, place: &Place) -> Result<(), SessionError> {
        let store = snapshots(place);
        for path in store.paths()?.into_iter().rev() {
            let check = match store.read(&path) {
                Ok(snapshot) => match self.restore(&snapshot)? {
                    Restored::Whole => {
                        self.opening.from_snapshot = Some(snapshot.seq);
                        return Ok(());
                    }
                    Restored::OtherLayout => "the layout that this build knows",
                    Restored::OtherDigest => "the digest of the state",
                },
                Err(error) => {
                    self.opening.passed_over.push(error);
                    continue;
                }
            };
            self.opening.passed_over.push(JournalError::DamagedSnapshot { path, check });
        }
        Ok(())
    }

    /// Takes over a state, or none of it.
    fn restore(&mut self, snapshot: &Snapshot) -> Result<Restored, SessionError> {
        let Some((version, rest)) = snapshot.bytes.split_first_chunk::<4>() else { return Ok(Restored::OtherLayout) };
        let Some((genesis, mut rest)) = rest.split_first_chunk::<32>() else { return Ok(Restored::OtherLayout) };
        if u32::from_le_bytes(*version) != STATE_VERSION {
            return Ok(Restored::OtherLayout);
        }
        if genesis != blake3::hash(&self.genesis).as_bytes() {
            return Err(SessionError::OtherGenesis);
        }
        let mut gateway = self.gateway.clone();
        let outputs = ChainedDigest::take(&mut rest).filter(|_| gateway.take(&mut rest).is_some());
        let Some(outputs) = outputs else { return Ok(Restored::OtherLayout) };
        let Ok(venue) = Venue::decode(self.venue.config().clone(), rest) else { return Ok(Restored::OtherLayout) };
        if venue.digest() != snapshot.digest {
            return Ok(Restored::OtherDigest);
        }
        (self.gateway, self.venue, self.outputs) = (gateway, venue, outputs);
        (self.next_seq, self.snapshot_seq) = (snapshot.seq, snapshot.seq);
        Ok(Restored::Whole)
    }

    /// Applies what the journal holds behind this state.
    fn replay(&mut self, place: &Place) -> Result<(), SessionError> {
        let mut reader = LogReader::open(Arc::clone(&place.fs), &place.dir, self.next_seq)?;
        if reader.next_seq() > self.next_seq {
            return Err(SessionError::NoStart { first_seq: reader.next_seq() });
        }
        while let Some(batch) = reader.next_batch()? {
            let from_seq = self.next_seq;
            if batch.header.first_seq >= from_seq {
                self.root = self.outputs.close();
            }
            for record in batch.records().filter(|record| record.header.seq >= from_seq) {
                let header = record.header;
                if header.outputs_crc != self.outputs.crc() {
                    return Err(SessionError::Differs { seq: header.seq });
                }
                self.next_seq = header.seq.saturating_add(1);
                match header.kind {
                    KIND_GENESIS if header.seq == 0 && record.payload == self.genesis => {}
                    KIND_GENESIS => return Err(SessionError::OtherGenesis),
                    _ if header.seq == 0 => return Err(SessionError::OtherGenesis),
                    kind => {
                        if self.replay_record(header.seq, header.ts, kind, record.payload)? {
                            self.opening.replayed = self.opening.replayed.saturating_add(1);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Learns a name or applies a command; whether it was a command.
    fn replay_record(&mut self, seq: u64, ts: i64, kind: u16, payload: &[u8]) -> Result<bool, SessionError> {
        if kind == KIND_NAME {
            self.gateway.learn(payload);
            return Ok(false);
        }
        let command = Command::decode(kind, payload).map_err(|error| SessionError::Record { seq, error })?;
        let mut events = core::mem::take(&mut self.events);
        events.clear();
        self.apply_now(seq, Ts::new(ts), &command, &mut events);
        self.events = events;
        Ok(true)
    }

    /// Writes a snapshot beside the journal, where there is one, and removes those that are no longer kept.
    ///
    /// # Errors
    /// [`SessionError::Journal`]. Where the journal itself failed, everything after says so too.
    pub fn write_snapshot(&mut self) -> Result<(), SessionError> {
        // A name that is in the tables and not in the journal would be lost with the snapshot.
        self.append_names();
        if self.failure.is_none()
            && let Err(error) = self.commit_log().and_then(|()| self.sync_log())
        {
            self.fail(error);
        }
        self.check()?;
        let (Some(_), Some(place)) = (&self.log, &self.place) else { return Ok(()) };
        // What is committed is a batch: equal states have equal bytes.
        self.outputs.close();
        self.keep_snapshot(place)?;
        self.snapshot_seq = self.next_seq;
        Ok(())
    }

    fn keep_snapshot(&self, place: &Place) -> Result<(), SessionError> {
        let mut state = STATE_VERSION.to_le_bytes().to_vec();
        state.extend_from_slice(blake3::hash(&self.genesis).as_bytes());
        self.outputs.encode(&mut state);
        self.gateway.encode(&mut state);
        self.venue.encode(&mut state);
        let store = snapshots(place);
        store.write(self.next_seq, self.venue.digest(), &state)?;
        match store.retain() {
            // An old one that does not hold was named at the opening, and goes when it is no longer among the newest.
            Ok(_) | Err(JournalError::DamagedSnapshot { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the tables of names are equal.
    pub(super) fn knows_as_much_as(&self, other: &Self) -> bool {
        let encoded = |session: &Self| {
            let mut bytes = Vec::new();
            session.gateway.encode(&mut bytes);
            bytes
        };
        encoded(self) == encoded(other)
    }

    /// How it came back from its journal.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Takes the reasons why snapshots could not be written. Nothing is lost by it but time at the next opening.
    pub fn take_not_written(&mut self) -> Vec<SessionError> {
        core::mem::take(&mut self.not_written)
    }

    /// The venue's state, layout version first.
    ///
    /// # Errors
    /// [`SessionError::Failed`].
    pub fn snapshot(&self) -> Result<Vec<u8>, SessionError> {
        self.check()?;
        let mut bytes = Vec::new();
        self.venue.encode(&mut bytes);
        Ok(bytes)
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
            if log.is_full() {
                log.close_batch(self.root)?;
            }
            if log.is_empty() {
                self.root = self.outputs.close();
            }
            log.append(kind, ts.get(), self.outputs.crc(), payload)?;
        }
        self.next_seq = seq.saturating_add(1);
        Ok(seq)
    }

    /// Journals commands and applies them, all at one time or each at its own; `each` hears the row of a command and its
    /// events. Returns once all are kept.
    ///
    /// # Errors
    /// [`SessionError::Failed`]; what was said to `each` must not be passed on then. Cancels and kills are taken all the
    /// same; a call of nothing else does not fail while the emergency segment takes them ([`Session::failure`] tells).
    pub fn apply(
        &mut self,
        commands: impl Iterator<Item = (Ts, Command)>,
        mut each: impl FnMut(usize, Ts, &[Event]),
    ) -> Result<(), SessionError> {
        let (mut bytes, mut events, mut has_others) = (Vec::new(), Vec::new(), false);
        for (row, (ts, command)) in commands.enumerate() {
            let ts = ts.max(self.gateway.now);
            has_others |= !command.is_rescue();
            bytes.clear();
            command.encode(&mut bytes);
            let Some(seq) = self.enter(ts, &command, &bytes) else { continue };
            events.clear();
            self.apply_now(seq, ts, &command, &mut events);
            each(row, ts, &events);
        }
        self.commit(has_others)
    }

    fn commit_log(&mut self) -> Result<(), SessionError> {
        if let Some(log) = &mut self.log {
            log.commit(self.root)?;
            self.all_kept();
        }
        Ok(())
    }

    fn sync_log(&mut self) -> Result<(), SessionError> {
        if let Some(log) = &mut self.log {
            log.sync()?;
        }
        Ok(())
    }

    /// Commits, and writes the snapshot that is due. One that fails takes nothing from what was committed.
    fn commit(&mut self, has_others: bool) -> Result<(), SessionError> {
        if self.failure.is_none()
            && let Err(error) = self.commit_log()
        {
            self.fail(error);
        }
        if self.failure.is_some() {
            return self.end_failed(has_others);
        }
        let every = self.place.as_ref().and_then(|place| place.snapshot_every);
        let is_due = every.is_some_and(|every| self.next_seq.saturating_sub(self.snapshot_seq) >= every.max(1));
        if is_due && let Err(error) = self.write_snapshot() {
            self.not_written.push(error);
            self.snapshot_seq = self.next_seq;
        }
        Ok(())
    }

    /// Does what a `do` line says and returns what followed.
    ///
    /// # Errors
    /// [`SessionError::Bad`] for a line that cannot be read, and then nothing was done; [`SessionError::Failed`]. After
    /// a failure of the journal cancels and kills are still answered, by events with the key `is_emergency`: they are
    /// kept in the emergency segment, and may tell of what the disk never took.
    pub fn say(&mut self, line: &str) -> Result<Vec<Words>, SessionError> {
        let value = strict::parse(line)?;
        let object = Object::new(&value, "")?;
        let now = self.gateway.now;
        // A bad line may leave names behind; they decide nothing.
        match command::step(&object, &mut self.gateway)? {
            Step::Crash => Err(Bad::new("do", "only a scenario crashes", "leave it out").into()),
            Step::Send(all) => {
                if !all.iter().all(|sent| sent.command.is_rescue())
                    && let Err(error) = self.check()
                {
                    self.gateway.now = now;
                    return Err(error);
                }
                let mut words = Vec::new();
                self.send(&all, |gateway, event, leg| words.push(show::event(gateway, event, leg)))?;
                if self.failure.is_some() {
                    for event in &mut words {
                        event.insert("is_emergency".to_owned(), Value::Bool(true));
                    }
                }
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
        self.append_names();
        let mut is_refused = false;
        let (mut heard, mut has_others) = (Vec::new(), false);
        for sent in all {
            // Where a quote is refused as a whole, its legs say nothing.
            if is_refused && sent.leg.is_some() {
                continue;
            }
            let mut bytes = Vec::new();
            sent.command.encode(&mut bytes);
            has_others |= !sent.command.is_rescue();
            let Some(seq) = self.enter(ts, &sent.command, &bytes) else { continue };
            let start = heard.len();
            let mut events = Vec::new();
            self.apply_now(seq, ts, &sent.command, &mut events);
            heard.extend(events.into_iter().map(|event| (event, sent.leg)));
            let is_quote = matches!(sent.command, Command::MassQuote(_));
            is_refused = is_quote && heard.iter().skip(start).any(|(event, _)| is_whole_refusal(event));
        }
        self.commit(has_others)?;
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
    ///
    /// # Errors
    /// [`SessionError::Failed`].
    pub fn venue(&self) -> Result<&Venue, SessionError> {
        self.check()?;
        Ok(&self.venue)
    }

    /// Digest of everything that came out, chained by the batches of the journal.
    #[must_use]
    pub fn outputs_digest(&self) -> [u8; 32] {
        self.outputs.root()
    }

    /// What a book shows: `bids` and `asks` as lists of price and visible quantity, `state`, `indicative_px` and
    /// `indicative_qty`. None for a symbol that is not listed.
    ///
    /// # Errors
    /// [`SessionError::Failed`].
    pub fn book(&self, symbol: &str, depth: usize) -> Result<Option<Words>, SessionError> {
        self.check()?;
        let instrument = self.gateway.listed(symbol);
        Ok(instrument.map(|instrument| view::book(&self.venue, &self.gateway, instrument, depth)))
    }

    /// A live order. None where it has ended, or never was.
    ///
    /// # Errors
    /// [`SessionError::Failed`].
    pub fn order(&self, account: &str, cl_ord_id: &str) -> Result<Option<Words>, SessionError> {
        self.check()?;
        let account = self.gateway.known_account(account);
        Ok(account.and_then(|account| view::order(&self.venue, &self.gateway, account, cl_ord_id)))
    }

    /// What an account holds of an instrument. None for names that are not in the tables.
    ///
    /// # Errors
    /// [`SessionError::Failed`].
    pub fn position(&self, account: &str, symbol: &str) -> Result<Option<Words>, SessionError> {
        self.check()?;
        let known = self.gateway.known_account(account).zip(self.gateway.listed(symbol));
        Ok(known.map(|(account, instrument)| view::position(&self.venue, &self.gateway, account, instrument)))
    }

    /// Cash of an account. None for names that are not in the tables.
    ///
    /// # Errors
    /// [`SessionError::Failed`].
    pub fn balance(&self, account: &str, asset: &str) -> Result<Option<Words>, SessionError> {
        self.check()?;
        let known = self.gateway.known_account(account).zip(self.gateway.known_asset(asset));
        Ok(known.map(|(account, asset)| view::balance(&self.venue, &self.gateway, account, asset)))
    }

    /// Ends the journal: a last snapshot, where these are written and something came after the one before, and a batch
    /// that marks all before it as durable.
    ///
    /// # Errors
    /// [`SessionError::Journal`]; [`SessionError::Failed`] where it failed before, and the journal is left as it is.
    pub fn finish(&mut self) -> Result<(), SessionError> {
        let writes = self.place.as_ref().is_some_and(|place| place.snapshot_every.is_some());
        let is_due = self.log.is_some() && writes && self.snapshot_seq < self.next_seq;
        if self.failure.is_none()
            && is_due
            && let Err(error) = self.write_snapshot()
        {
            self.not_written.push(error);
        }
        let log = self.log.take();
        self.check()?;
        match log {
            Some(log) => Ok(log.finish(self.outputs.close()).map(drop)?),
            None => Ok(()),
        }
    }
}

/// What became of a snapshot's state.
enum Restored {
    Whole,
    OtherLayout,
    OtherDigest,
}

/// Every segment is kept: a snapshot that does not hold gives way to an older one, or to the whole journal.
fn snapshots(place: &Place) -> Snapshots {
    let retention = Retention { keep_snapshots: KEEP_SNAPSHOTS, keep_segments_before_snapshot: usize::MAX };
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
        | Event::LimitChanged(_)
        | Event::MarginCalled(_)
        | Event::AuctionOpened(_)
        | Event::AuctionClosed(_)
        | Event::LayerUsed(_)
        | Event::Deleveraged(_)
        | Event::FundingPaid(_)
        | Event::InstrumentSettled(_)
        | Event::ClearingStalled(_)
        | Event::PayoffListed(_)
        | Event::PayoffObserved(_)
        | Event::PayoffPaid(_)
        | Event::PayoffTrapped(_)
        | Event::ConditionChanged(_) => false,
    }
}
