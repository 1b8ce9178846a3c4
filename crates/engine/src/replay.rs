//! A journal applied again: the same inputs, the same outputs, or the first sequence at which they differ.

use std::path::Path;

use tiderace_journal::{JournalError, Reader, Record, Tail};
use tiderace_types::input::MarketData;
use tiderace_types::{DecodeError, Input, MarketEvent, Output, Ts};

use crate::config::{ConfigError, DeskConfig};
use crate::emit::Emitter;
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
    /// The outputs of this sequence are not those of the run; all before it are.
    Differs {
        /// The first input that was applied differently.
        seq: u64,
        /// First byte of its record.
        offset: u64,
    },
    /// Bytes follow the seal, which is the last record of a journal.
    AfterSeal {
        /// The first of them.
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
                "outputs differ at sequence {seq} (the record at offset {offset}); \
                 replay with the build and the recording that the journal was written with"
            ),
            Self::AfterSeal { offset } => write!(
                f,
                "offset {offset}: the journal goes on after its seal, which is its last record; restore the file from a copy"
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
    /// Not sealed: the process died. What is there holds, up to [`Replayed::torn_at`] or the end of the file.
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
    /// First byte of a batch that was cut short while it was written; none where the file ends with a whole one.
    pub torn_at: Option<u64>,
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
            let genesis = records.next();
            let genesis_offset = genesis.map_or(0, |record| record.offset);
            let genesis = genesis_of(genesis)?;
            let config = DeskConfig::from_json(&genesis).map_err(ReplayError::Config)?;
            state = Some(State::new(Desk::new(&config).map_err(ReplayError::Config)?, genesis_offset));
        }
        let Some(state) = &mut state else { continue };
        if state.is_sealed() {
            return Err(ReplayError::AfterSeal { offset: batch.offset });
        }
        if state.emitter.digest.digest() != batch.header.outputs_digest {
            return Err(state.differs());
        }
        for record in records {
            state.apply(record, tape)?;
        }
    }
    let mut state = state.ok_or(ReplayError::NoGenesis)?;
    let torn_at = match reader.tail() {
        Tail::Whole => None,
        Tail::Torn { offset } if state.is_sealed() => return Err(ReplayError::AfterSeal { offset }),
        Tail::Torn { offset } => Some(offset),
    };
    Ok(Replayed {
        digest: state.emitter.digest.digest(),
        log: state.emitter.log,
        ending: state.ending,
        torn_at,
        inputs: state.inputs,
        events: state.events,
        root: reader.root(),
        ts_last: state.ts_last,
    })
}

struct State {
    desk: Desk,
    emitter: Emitter,
    out: Vec<Output>,
    /// Sequence and first byte of the last record applied.
    last: (u64, u64),
    is_interrupted: bool,
    ending: Ending,
    inputs: u64,
    events: u64,
    ts_last: Ts,
}

impl State {
    fn new(desk: Desk, genesis_offset: u64) -> Self {
        Self {
            desk,
            emitter: Emitter::default(),
            out: Vec::with_capacity(256),
            last: (0, genesis_offset),
            is_interrupted: false,
            ending: Ending::Unfinished,
            inputs: 1,
            events: 0,
            ts_last: Ts::ZERO,
        }
    }

    fn is_sealed(&self) -> bool {
        self.ending != Ending::Unfinished
    }

    /// What came out before now differs: it is the last record that was applied differently.
    fn differs(&self) -> ReplayError {
        let (seq, offset) = self.last;
        ReplayError::Differs { seq, offset }
    }

    fn apply(&mut self, record: Record<'_>, tape: &[MarketEvent]) -> Result<(), ReplayError> {
        let Record { offset, header, payload } = record;
        if self.is_sealed() {
            return Err(ReplayError::AfterSeal { offset });
        }
        if header.outputs_crc != self.emitter.digest.crc() {
            return Err(self.differs());
        }
        self.inputs = self.inputs.saturating_add(1);
        self.ts_last = Ts::new(header.ts);
        if header.kind == KIND_SEAL {
            let (digest, count) = (self.emitter.digest.digest(), self.emitter.digest.count());
            if payload != seal(digest, count).as_slice() {
                return Err(self.differs());
            }
            self.ending = if self.is_interrupted { Ending::Interrupted } else { Ending::Completed };
            return Ok(());
        }
        self.last = (header.seq, offset);
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
        self.emitter.emit(header.seq, self.ts_last, &self.out);
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
            self.emitter.emit(seq, event.ts_recv, &self.out);
        }
        self.events = self.events.saturating_add(u64::from(reference.count));
        Ok(())
    }
}
