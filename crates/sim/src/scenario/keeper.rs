//! A venue over a journal on a disk in memory, so that a crash takes what a crash takes: the process, and every byte
//! that was not synced.

use std::path::Path;
use std::sync::Arc;

use tiderace_engine::venue::{Venue, VenueConfig};
use tiderace_journal::{Config, Faulty, FileSystem, JournalError, Log, LogReader, Mode, OutputsDigest};
use tiderace_types::venue::{Command, Event};
use tiderace_types::{DecodeError, Ts};

const SECTOR_BYTES: usize = 512;
const SEGMENT_BYTES: u64 = 64 * 1024;
const EMERGENCY_BYTES: u64 = 4 * 1024;
const FOLDER: &str = "/journal";

/// Why the venue could not be kept or brought back.
#[derive(Debug)]
pub(super) enum KeepError {
    /// The genesis.
    Config(tiderace_engine::venue::ConfigError),
    /// The journal.
    Journal(JournalError),
    /// A record of it.
    Record(DecodeError),
    /// What came back says other things than what was lost.
    Differs {
        /// Commands that were applied.
        commands: u64,
    },
}

impl core::fmt::Display for KeepError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Config(error) => write!(f, "the venue does not start: {error}"),
            Self::Journal(error) => write!(f, "the journal failed: {error}"),
            Self::Record(error) => write!(f, "the journal holds something else: {error}"),
            Self::Differs { commands } => write!(f, "after {commands} commands the recovered venue differs"),
        }
    }
}

impl From<JournalError> for KeepError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// The venue, and what is left of it when the process is gone.
pub(super) struct Keeper {
    config: VenueConfig,
    fs: Faulty,
    log: Log,
    venue: Venue,
    outputs: OutputsDigest,
    commands: u64,
}

impl Keeper {
    pub(super) fn new(config: VenueConfig) -> Result<Self, KeepError> {
        let fs = Faulty::new(SECTOR_BYTES);
        let log = open(&fs)?;
        let venue = Venue::new(config.clone()).map_err(KeepError::Config)?;
        Ok(Self { config, fs, log, venue, outputs: OutputsDigest::default(), commands: 0 })
    }

    pub(super) fn venue(&self) -> &Venue {
        &self.venue
    }

    /// Journals a command, makes it durable, applies it.
    pub(super) fn apply(&mut self, ts: Ts, command: &Command, events: &mut Vec<Event>) -> Result<(), KeepError> {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        self.log.append(command.kind(), ts.get(), self.outputs.crc(), &bytes)?;
        self.log.commit(self.outputs.digest())?;
        let start = events.len();
        self.venue.apply(ts, command, events);
        push(&mut self.outputs, self.commands, ts, events.get(start..).unwrap_or_default());
        self.commands = self.commands.saturating_add(1);
        Ok(())
    }

    /// Cuts the power, and brings the venue back from what the disk holds.
    pub(super) fn crash(&mut self) -> Result<(), KeepError> {
        self.fs.power_cut(|| false);
        self.log = open(&self.fs)?;
        let mut venue = Venue::new(self.config.clone()).map_err(KeepError::Config)?;
        let mut outputs = OutputsDigest::default();
        let mut events = Vec::new();
        let mut reader = LogReader::open(shared(&self.fs), Path::new(FOLDER), 0)?;
        while let Some(batch) = reader.next_batch()? {
            for record in batch.records() {
                let command = Command::decode(record.header.kind, record.payload).map_err(KeepError::Record)?;
                let ts = Ts::new(record.header.ts);
                events.clear();
                venue.apply(ts, &command, &mut events);
                push(&mut outputs, record.header.seq, ts, &events);
            }
        }
        if outputs.digest() != self.outputs.digest() {
            return Err(KeepError::Differs { commands: self.commands });
        }
        (self.venue, self.outputs) = (venue, outputs);
        Ok(())
    }
}

fn push(outputs: &mut OutputsDigest, seq: u64, ts: Ts, events: &[Event]) {
    for event in events {
        outputs.push(seq, ts.get(), event.kind(), |bytes| event.encode(bytes));
    }
}

fn shared(fs: &Faulty) -> Arc<dyn FileSystem> {
    Arc::new(fs.clone())
}

fn open(fs: &Faulty) -> Result<Log, KeepError> {
    let config = Config { mode: Mode::Disk, segment_bytes: SEGMENT_BYTES, emergency_bytes: EMERGENCY_BYTES };
    Ok(Log::open(shared(fs), Path::new(FOLDER), config)?.0)
}
