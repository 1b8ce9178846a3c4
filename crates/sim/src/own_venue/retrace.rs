//! The tape of a run on our own venue, out of its journal: the desk does again what it did, and the venue answers.
//!
//! A venue moves when it is due, before whatever the desk takes in at the same time, as in the run. Each report and
//! surface of the journal has to be the venue's next, at its time: a build whose venue or flow answers otherwise is named by the first
//! sequence. What the desk puts out is not checked here; that is [`tiderace_engine::replay::replay`], over this tape.

use std::path::Path;

use tiderace_engine::replay::ReplayError;
use tiderace_engine::{Desk, DeskConfig, KIND_GENESIS, KIND_SEAL};
use tiderace_journal::{Reader, Record};
use tiderace_types::{Input, MarketEvent, Output, Ts};

use super::{OwnVenue, OwnVenueError};
use crate::driver::{Link, World, venue_of};
use crate::{Latency, Leg, Reports, SimConfig};

/// Why there is no tape.
#[derive(Debug)]
pub enum RetraceError {
    /// The journal cannot be read, or says otherwise.
    Replay(ReplayError),
    /// Its venue is refused.
    Venue(OwnVenueError),
}

impl core::fmt::Display for RetraceError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Replay(error) => write!(f, "{error}"),
            Self::Venue(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for RetraceError {}

/// The market records that reached the desk in the run of the journal at `path`.
///
/// # Errors
/// [`RetraceError`].
pub fn retrace(path: &Path) -> Result<Vec<MarketEvent>, RetraceError> {
    let journal = |error| RetraceError::Replay(ReplayError::Journal(error));
    let mut reader = Reader::open(path).map_err(journal)?;
    let mut again: Option<Again> = None;
    while let Some(batch) = reader.next_batch().map_err(journal)? {
        for record in batch.records() {
            match &mut again {
                Some(again) => again.apply(record).map_err(RetraceError::Replay)?,
                None => again = Some(Again::new(record)?),
            }
        }
    }
    Ok(again.ok_or(RetraceError::Replay(ReplayError::NoGenesis))?.world.into_tape())
}

/// A run that is done again.
struct Again {
    desk: Desk,
    world: OwnVenue,
    reports: Link<Input>,
    venue_out: Reports,
    out: Vec<Output>,
}

impl Again {
    fn new(record: Record<'_>) -> Result<Self, RetraceError> {
        let genesis = Some(record).filter(|record| record.header.kind == KIND_GENESIS);
        let genesis = genesis.and_then(|record| core::str::from_utf8(record.payload).ok());
        let genesis = genesis.ok_or(RetraceError::Replay(ReplayError::NoGenesis))?;
        let config_error = |error| RetraceError::Replay(ReplayError::Config(error));
        let config = DeskConfig::from_json(genesis).map_err(config_error)?;
        let sim: SimConfig = serde_json::from_value(config.sim.clone())
            .map_err(|error| RetraceError::Venue(OwnVenueError::Json(error)))?;
        Ok(Self {
            desk: Desk::new(&config).map_err(config_error)?,
            world: OwnVenue::new(&config, &sim).map_err(RetraceError::Venue)?,
            reports: Link::new(Latency::new(sim.response, sim.seed, Leg::Response)),
            venue_out: Vec::new(),
            out: Vec::new(),
        })
    }

    fn apply(&mut self, record: Record<'_>) -> Result<(), ReplayError> {
        let Record { offset, header, payload } = record;
        if header.kind == KIND_SEAL {
            return Ok(());
        }
        let (ts, seq) = (Ts::new(header.ts), header.seq);
        let differs = ReplayError::Differs { seq, offset };
        let input = Input::decode(header.kind, payload).map_err(|error| ReplayError::Record { offset, seq, error })?;
        if let Input::MarketData(reference) = input {
            for _ in 0..reference.count {
                if !self.market() {
                    return Err(differs);
                }
            }
            return Ok(());
        }
        self.move_to(ts);
        if matches!(input, Input::ExecutionReport(_) | Input::CancelReject(_) | Input::SurfaceTaken(_))
            && self.reports.receive() != Some((ts, input.clone()))
        {
            return Err(differs);
        }
        self.out.clear();
        self.desk.apply(ts, &input, &mut self.out);
        self.send(ts);
        Ok(())
    }

    /// Takes in the next market record; false where there is none.
    fn market(&mut self) -> bool {
        while self.world.due() != Ts::MAX && self.world.due() <= self.world.ts_record() {
            self.step();
        }
        let Some((_, event)) = self.world.take_record() else { return false };
        self.out.clear();
        self.desk.on_market(&event, &mut self.out);
        self.send(event.ts_recv);
        true
    }

    /// Moves the venue as far as it was when the desk took in something at `ts`.
    fn move_to(&mut self, ts: Ts) {
        while self.world.due() <= ts {
            self.step();
        }
    }

    fn step(&mut self) {
        self.world.step(&mut self.venue_out);
        for (ts, report) in self.venue_out.drain(..) {
            self.reports.send(ts, report);
        }
    }

    fn send(&mut self, ts: Ts) {
        for output in self.out.iter().filter(|output| venue_of(output).is_some()) {
            self.world.send(ts, output);
        }
    }
}
