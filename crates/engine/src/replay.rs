//! A journal applied again: the same inputs, the same outputs, or the first sequence at which they differ.

use std::path::Path;

use tiderace_journal::{JournalError, OutputsDigest, Reader, Record, Tail};
use tiderace_types::input::MarketData;
use tiderace_types::{DecodeError, Input, MarketEvent, Output, Ts};

use crate::config::{ConfigError, DeskConfig};
use crate::engine::{KIND_GENESIS, KIND_SEAL, seal};
use crate::{Desk, OutputLog};

/// Why a replay stopped.
#[derive(Debug)]
pub enum ReplayError {
    /// The journal cannot be read.
    Journal(JournalError),
    /// The first record is not a genesis.
    NoGenesis,
    /// The genesis is refused.
    Config(ConfigError),
    /// A record is not one of this build's.
    Record {
        /// First byte of the record.
        offset: u64,
        /// Its sequence.
        seq: u64,
        /// Why.
        error: DecodeError,
    },
    /// The tape is shorter than the journal says.
    TapeTooShort {
        /// Sequence of the reference.
        seq: u64,
        /// Records that it reaches to.
        wanted: u64,
        /// Records on the tape.
        got: u64,
    },
    /// The outputs before this sequence are not those of the run.
    Differs {
        /// First sequence before which outputs differ: the input before it was applied differently.
        seq: u64,
        /// First byte of its record.
        offset: u64,
    },
}

impl core::fmt::Display for ReplayError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Journal(error) => write!(f, "{error}"),
            Self::NoGenesis => write!(f, "the journal does not begin with a genesis; restore it from a copy"),
            Self::Config(error) => write!(f, "{error}"),
            Self::Record { offset, seq, error } => write!(f, "offset {offset}, sequence {seq}: {error}"),
            Self::TapeTooShort { seq, wanted, got } => write!(
                f,
                "sequence {seq} refers to market record {wanted}, the recording has {got}; replay with the recording of the run"
            ),
            Self::Differs { seq, offset } => write!(
                f,
                "outputs differ at sequence {} (found before the record at offset {offset}); \
                 replay with the build that wrote the journal",
                seq.saturating_sub(1)
            ),
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<JournalError> for ReplayError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// How a journal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Sealed: the run came to its end.
    Completed,
    /// Sealed: a person cut the run short.
    Interrupted,
    /// Not sealed: the process died; what is there holds up to the last whole batch.
    Unfinished,
}

/// What a replay gives.
pub struct Replayed {
    /// Digest of all outputs.
    pub digest: [u8; 32],
    /// All outputs, by kind.
    pub log: OutputLog,
    /// How it ended.
    pub ending: Ending,
    /// Records read.
    pub inputs: u64,
    /// Market records applied.
    pub events: u64,
    /// Root of the hash chain.
    pub root: [u8; 32],
    /// Time of the last record.
    pub ts_last: Ts,
}

/// Reads the genesis JSON of a journal.
///
/// # Errors
/// [`ReplayError::Journal`], [`ReplayError::NoGenesis`].
pub fn read_genesis(path: &Path) -> Result<String, ReplayError> {
    let mut reader = Reader::open(path)?;
    let batch = reader.next_batch()?.ok_or(ReplayError::NoGenesis)?;
    genesis_of(batch.records().next())
}

fn genesis_of(record: Option<Record<'_>>) -> Result<String, ReplayError> {
    let record = record.filter(|r| r.header.kind == KIND_GENESIS).ok_or(ReplayError::NoGenesis)?;
    String::from_utf8(record.payload.to_vec()).map_err(|_| ReplayError::NoGenesis)
}

/// Applies the journal at `path` to a new desk, over the tape that its market references mean.
///
/// # Errors
/// [`ReplayError`], naming offset and sequence.
pub fn replay(path: &Path, tape: &[MarketEvent]) -> Result<Replayed, ReplayError> {
    let mut reader = Reader::open(path)?;
    let mut state: Option<State> = None;
    while let Some(batch) = reader.next_batch()? {
        let mut records = batch.records();
        if state.is_none() {
            let genesis = genesis_of(records.next())?;
            let config = DeskConfig::from_json(&genesis).map_err(ReplayError::Config)?;
            state = Some(State::new(Desk::new(&config).map_err(ReplayError::Config)?));
        }
        let Some(state) = &mut state else { continue };
        if batch.header.batch > 0 && state.digest.digest() != batch.header.outputs_digest {
            return Err(ReplayError::Differs { seq: batch.header.first_seq, offset: batch.offset });
        }
        for record in records {
            state.apply(record, tape)?;
        }
    }
    let mut state = state.ok_or(ReplayError::NoGenesis)?;
    if matches!(reader.tail(), Tail::Torn { .. }) {
        state.ending = Ending::Unfinished;
    }
    Ok(Replayed {
        digest: state.digest.digest(),
        log: state.log,
        ending: state.ending,
        inputs: state.inputs,
        events: state.events,
        root: reader.root(),
        ts_last: state.ts_last,
    })
}

struct State {
    desk: Desk,
    digest: OutputsDigest,
    log: OutputLog,
    out: Vec<Output>,
    is_interrupted: bool,
    ending: Ending,
    inputs: u64,
    events: u64,
    ts_last: Ts,
}

impl State {
    fn new(desk: Desk) -> Self {
        Self {
            desk,
            digest: OutputsDigest::default(),
            log: OutputLog::default(),
            out: Vec::with_capacity(256),
            is_interrupted: false,
            ending: Ending::Unfinished,
            inputs: 1,
            events: 0,
            ts_last: Ts::ZERO,
        }
    }

    fn apply(&mut self, record: Record<'_>, tape: &[MarketEvent]) -> Result<(), ReplayError> {
        let Record { offset, header, payload } = record;
        let differs = ReplayError::Differs { seq: header.seq, offset };
        if header.outputs_crc != self.digest.crc() {
            return Err(differs);
        }
        self.inputs = self.inputs.saturating_add(1);
        self.ts_last = Ts::new(header.ts);
        if header.kind == KIND_SEAL {
            let (digest, count) = (self.digest.digest(), self.digest.count());
            if payload != seal(digest, count).as_slice() {
                return Err(differs);
            }
            self.ending = if self.is_interrupted { Ending::Interrupted } else { Ending::Completed };
            return Ok(());
        }
        let input = Input::decode(header.kind, payload).map_err(|error| ReplayError::Record {
            offset,
            seq: header.seq,
            error,
        })?;
        if let Input::MarketData(reference) = input {
            return self.apply_market(header.seq, reference, tape);
        }
        if let Input::End(end) = input {
            self.is_interrupted = end.interrupted;
        }
        self.out.clear();
        self.desk.apply(self.ts_last, &input, &mut self.out);
        self.emit(header.seq, self.ts_last);
        Ok(())
    }

    fn apply_market(&mut self, seq: u64, reference: MarketData, tape: &[MarketEvent]) -> Result<(), ReplayError> {
        let wanted = reference.offset.saturating_add(u64::from(reference.count));
        let range = usize::try_from(reference.offset).ok().zip(usize::try_from(wanted).ok());
        let Some(events) = range.and_then(|(from, to)| tape.get(from..to)) else {
            return Err(ReplayError::TapeTooShort { seq, wanted, got: u64::try_from(tape.len()).unwrap_or(u64::MAX) });
        };
        for event in events {
            self.out.clear();
            self.desk.on_market(event, &mut self.out);
            if !self.out.is_empty() {
                self.emit(seq, event.ts_recv);
            }
        }
        self.events = self.events.saturating_add(u64::from(reference.count));
        Ok(())
    }

    fn emit(&mut self, seq: u64, ts: Ts) {
        for output in &self.out {
            self.digest.push(seq, ts.get(), output.kind(), |bytes| output.encode(bytes));
            self.log.push(seq, ts, output);
        }
    }
}
