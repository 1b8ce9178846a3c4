//! Runs, replays and their tables.

use std::path::Path;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tiderace_engine::replay::{Ending, ReplayError, Replayed, read_genesis as genesis_of, replay as apply_again};
use tiderace_engine::{Desk, DeskConfig, Engine, OutputLog};
use tiderace_feed::Tape;
use tiderace_journal::{JournalError, Writer};
use tiderace_sim::driver::{COMMANDS_PER_EVENT_MAX, DriveError, Driver, Ended};
use tiderace_sim::{OwnVenue, RetraceError, SimConfig, SimExchange, retrace};
use tiderace_types::layout::Column as Field;
use tiderace_types::{MarketEvent, Output, Tags};

use crate::arrow::{Column, Columns, Table};
use crate::client::PyClient;
use crate::errors;
use crate::tape::PyTape;

/// A run: over, once [`Run::run`] has returned.
#[pyclass(module = "tiderace._core")]
pub(crate) struct Run {
    config: DeskConfig,
    sim: SimConfig,
    genesis: String,
    /// None before a run on our own venue, which makes it.
    tape: Option<Py<PyTape>>,
    journal: Option<String>,
    strategy: Option<Py<PyAny>>,
    tags: Tags,
    result: Option<Outcome>,
}

struct Outcome {
    digest: [u8; 32],
    interrupted: bool,
    is_sealed: bool,
    torn_at: Option<u64>,
    log: OutputLog,
    events: u64,
    inputs: u64,
    ts_end_ns: i64,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[pymethods]
impl Run {
    #[new]
    #[pyo3(signature = (config, tape, *, journal = None, strategy = None, tags = (0, 0, 0, 0)))]
    fn new(
        config: String,
        tape: Option<Py<PyTape>>,
        journal: Option<String>,
        strategy: Option<Py<PyAny>>,
        tags: (u32, u32, u32, u32),
    ) -> PyResult<Self> {
        let (trader, algorithm, strategy_tag, client) = tags;
        let tags = Tags { trader, algorithm, strategy: strategy_tag, client };
        let run = Self { journal, strategy, tags, ..Self::of(config, tape)? };
        if run.sim.own_venue.is_some() == run.tape.is_some() {
            return Err(errors::ConfigError::new_err(
                "a run has a tape or sim.own_venue, not both; our own venue makes its tape",
            ));
        }
        Ok(run)
    }

    /// Runs to the end of the tape. `progress(done, total)` returning false cuts the run short.
    #[pyo3(signature = (progress = None, /))]
    fn run(&mut self, py: Python<'_>, progress: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        if self.result.is_some() {
            return Err(PyRuntimeError::new_err("this run is over; make a new one"));
        }
        let config_error = |error: String| errors::ConfigError::new_err(error);
        let desk = Desk::new(&self.config).map_err(|e| config_error(e.to_string()))?;
        let world = match &self.tape {
            Some(_) => None,
            None => Some(OwnVenue::new(&self.config, &self.sim).map_err(|e| config_error(e.to_string()))?),
        };
        let exchange =
            SimExchange::new(&self.sim, &self.config.instruments).map_err(|e| config_error(e.to_string()))?;
        let writer = match &self.journal {
            Some(path) => Some(Writer::create(Path::new(path)).map_err(journal_error)?),
            None => None,
        };
        let mut engine = Engine::new(desk, &self.genesis, writer).map_err(journal_error)?;
        let strategy = self.strategy.as_ref().map(|strategy| strategy.bind(py));
        let mut client = PyClient::new(strategy, self.tags, progress, py)?;
        let ended = match world {
            Some(world) => {
                let driver = Driver::over(&mut engine, &mut client, world, &self.sim);
                let (ended, world) = driver.run(&self.config).map_err(drive_error)?;
                self.tape = Some(tape_of(py, world.into_tape())?);
                ended
            }
            None => {
                let events = self.tape.as_ref().map_or(&[][..], |tape| &tape.get().tape.events);
                let driver = Driver::new(&mut engine, &mut client, exchange, &self.sim, events);
                driver.run(&self.config).map_err(drive_error)?.0
            }
        };
        let failure = client.take_failure();
        let Ended { digest, interrupted, ts } = ended;
        self.result = Some(Outcome {
            digest,
            interrupted,
            is_sealed: true,
            torn_at: None,
            events: engine.events(),
            inputs: engine.inputs(),
            log: engine.into_log(),
            ts_end_ns: ts.get(),
        });
        failure.map_or(Ok(()), Err)
    }

    /// What came of it: digest, events, inputs, interrupted, is_sealed, torn_at (offset of a batch cut short, or None),
    /// ts_end_ns.
    #[getter]
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let result = self.result()?;
        let summary = PyDict::new(py);
        summary.set_item("digest", hex(&result.digest))?;
        summary.set_item("events", result.events)?;
        summary.set_item("inputs", result.inputs)?;
        summary.set_item("interrupted", result.interrupted)?;
        summary.set_item("is_sealed", result.is_sealed)?;
        summary.set_item("torn_at", result.torn_at)?;
        summary.set_item("ts_end_ns", result.ts_end_ns)?;
        Ok(summary)
    }

    /// The market records that the desk saw; none before a run on our own venue.
    #[getter]
    fn tape(&self, py: Python<'_>) -> Option<Py<PyTape>> {
        self.tape.as_ref().map(|tape| tape.clone_ref(py))
    }

    /// The genesis JSON.
    #[getter]
    fn genesis(&self) -> &str {
        &self.genesis
    }

    /// One row an output record of the named kind.
    fn table(&self, name: &str) -> PyResult<Table> {
        let result = self.result()?;
        let row = Output::TABLE.iter().find(|(_, known, _)| *known == name);
        let &(kind, _, fields) = row.ok_or_else(|| {
            let names: Vec<&str> = Output::TABLE.iter().map(|(_, name, _)| *name).collect();
            PyValueError::new_err(format!("no table {name:?}; there are {}", names.join(", ")))
        })?;
        Ok(columns(result.log.rows(kind), fields).into())
    }
}

impl Run {
    fn of(genesis: String, tape: Option<Py<PyTape>>) -> PyResult<Self> {
        let config = DeskConfig::from_json(&genesis).map_err(|e| errors::ConfigError::new_err(e.to_string()))?;
        let sim: SimConfig = serde_json::from_value(config.sim.clone())
            .map_err(|error| errors::ConfigError::new_err(format!("the genesis is not valid: sim: {error}")))?;
        let (journal, strategy, tags, result) = (None, None, Tags::default(), None);
        Ok(Self { config, sim, genesis, tape, journal, strategy, tags, result })
    }

    fn result(&self) -> PyResult<&Outcome> {
        self.result.as_ref().ok_or_else(|| PyRuntimeError::new_err("the run has not run; call run() first"))
    }
}

fn journal_error(error: JournalError) -> PyErr {
    errors::JournalError::new_err(error.to_string())
}

fn replay_error(error: ReplayError) -> PyErr {
    match error {
        ReplayError::Journal(error) => journal_error(error),
        ReplayError::AfterSeal { .. } => errors::JournalError::new_err(error.to_string()),
        ReplayError::NoGenesis
        | ReplayError::Config(_)
        | ReplayError::Record { .. }
        | ReplayError::TapeTooShort { .. }
        | ReplayError::Differs { .. } => errors::ReplayError::new_err(error.to_string()),
    }
}

fn drive_error(error: DriveError<PyErr>) -> PyErr {
    match error {
        DriveError::Journal(error) => journal_error(error),
        DriveError::Client(error) => error,
        DriveError::TooManyCommands => PyRuntimeError::new_err(format!(
            "the strategy answered one event with more than {COMMANDS_PER_EVENT_MAX} commands; \
             do not submit from a callback that its own outcome calls again"
        )),
    }
}

fn retrace_error(error: RetraceError) -> PyErr {
    match error {
        RetraceError::Replay(error) => replay_error(error),
        RetraceError::Venue(error) => errors::ConfigError::new_err(error.to_string()),
    }
}

fn tape_of(py: Python<'_>, events: Vec<MarketEvent>) -> PyResult<Py<PyTape>> {
    Py::new(py, PyTape { tape: Tape { events, clock_offset_ns: 0 } })
}

/// Applies a journal again over the tape of its recording, or over that of our own venue, which the journal gives.
#[pyfunction]
#[pyo3(signature = (journal, tape))]
pub(crate) fn replay(py: Python<'_>, journal: &str, tape: Option<Py<PyTape>>) -> PyResult<Run> {
    let path = Path::new(journal);
    let genesis = genesis_of(path).map_err(replay_error)?;
    let tape = match tape {
        Some(tape) => tape,
        None => tape_of(py, py.detach(|| retrace(path)).map_err(retrace_error)?)?,
    };
    let events = &tape.get().tape.events;
    let replayed = py.detach(|| apply_again(path, events)).map_err(replay_error)?;
    let mut run = Run::of(genesis, Some(tape))?;
    let Replayed { digest, log, ending, torn_at, inputs, events, ts_last, .. } = replayed;
    run.result = Some(Outcome {
        digest,
        interrupted: ending == Ending::Interrupted,
        is_sealed: ending != Ending::Unfinished,
        torn_at,
        log,
        events,
        inputs,
        ts_end_ns: ts_last.get(),
    });
    Ok(run)
}

/// The genesis JSON of a journal.
#[pyfunction]
pub(crate) fn read_genesis(journal: &str) -> PyResult<String> {
    genesis_of(Path::new(journal)).map_err(replay_error)
}

/// Where two journals part: (sequence, offset in the first), or `None`.
#[pyfunction]
pub(crate) fn first_difference(py: Python<'_>, left: &str, right: &str) -> PyResult<Option<(u64, Option<u64>)>> {
    let found = py.detach(|| tiderace_journal::first_difference(Path::new(left), Path::new(right)));
    Ok(found.map_err(journal_error)?.map(|difference| (difference.seq, difference.offset)))
}

/// Columns of fixed rows: sequence and time, then the fields in order.
pub(crate) fn columns(rows: &[u8], fields: &'static [(&'static str, Field)]) -> Columns {
    let width = |field: Field| match field {
        Field::U8 | Field::Bool => 1,
        Field::U16 => 2,
        Field::U32 => 4,
        Field::U64 | Field::I64 => 8,
        Field::I128 | Field::Tags => 16,
    };
    let row_len = fields.iter().fold(OutputLog::ROW_HEADER_LEN, |len, (_, field)| len + width(*field));
    let mut columns = Vec::new();
    let mut offset = 0;
    let mut add = |name: &'static str, field: Field| {
        columns.push((name, column(rows, row_len, offset, field)));
        offset += width(field);
    };
    add("seq", Field::U64);
    add("ts_ns", Field::I64);
    for &(name, field) in fields {
        if field == Field::Tags {
            for label in ["trader", "algorithm", "strategy", "client"] {
                add(label, Field::U32);
            }
        } else {
            add(name, field);
        }
    }
    Columns { len: rows.len() / row_len, columns }
}

fn column(rows: &[u8], row_len: usize, offset: usize, field: Field) -> Column {
    fn gather<const N: usize, T>(rows: &[u8], row_len: usize, offset: usize, make: fn([u8; N]) -> T) -> Vec<T> {
        // The number of values is known beforehand: a row holds every field.
        let value = |row: &[u8]| row.get(offset..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N]);
        rows.chunks_exact(row_len).map(|row| make(value(row))).collect()
    }
    match field {
        Field::U8 => Column::U8(gather(rows, row_len, offset, |[byte]: [u8; 1]| byte)),
        Field::U16 => Column::U16(gather(rows, row_len, offset, u16::from_le_bytes)),
        Field::U32 | Field::Tags => Column::U32(gather(rows, row_len, offset, u32::from_le_bytes)),
        Field::U64 => Column::U64(gather(rows, row_len, offset, u64::from_le_bytes)),
        Field::I64 => Column::I64(gather(rows, row_len, offset, i64::from_le_bytes)),
        Field::I128 => Column::I128(gather(rows, row_len, offset, i128::from_le_bytes)),
        Field::Bool => Column::bits(gather(rows, row_len, offset, |[byte]: [u8; 1]| byte != 0)),
    }
}
