//! The venue's benches and the crash harness, as Python calls them. They live in `node`.

use std::path::Path;
use std::process::Command as Process;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tiderace_journal::Mode;
use tiderace_node::NodeError;
use tiderace_node::bench::{self, Spread};
use tiderace_node::crash::{self, CrashError};

use crate::errors::{ConfigError, JournalError};

fn mode_of(mode: &str) -> PyResult<Mode> {
    match mode {
        "os" => Ok(Mode::Os),
        "disk" => Ok(Mode::Disk),
        other => Err(ConfigError::new_err(format!("mode {other:?} is neither os nor disk"))),
    }
}

fn node_error(error: NodeError) -> PyErr {
    JournalError::new_err(error.to_string())
}

fn journal_error(error: tiderace_journal::JournalError) -> PyErr {
    JournalError::new_err(error.to_string())
}

fn spread<'py>(py: Python<'py>, times: Spread) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("median", times.median)?;
    row.set_item("p99", times.p99)?;
    row.set_item("p99.9", times.p999)?;
    row.set_item("max", times.max)?;
    Ok(row)
}

/// Matching by regime: picoseconds an operation, plain and with every kind of order, and new orders one by one.
#[pyfunction]
pub(crate) fn bench_match(
    py: Python<'_>,
    ops: usize,
    repetitions: usize,
    seed: u64,
) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let regimes = py.detach(|| bench::matching::regimes(ops, repetitions, seed));
    let row = |figures: bench::matching::Figures| {
        let row = PyDict::new(py);
        row.set_item("regime", figures.regime)?;
        row.set_item("ps_per_op", figures.ps_per_op)?;
        row.set_item("ps_per_op_full", figures.ps_per_op_full)?;
        row.set_item("new_ns", spread(py, figures.new_ns)?)?;
        row.set_item("events", figures.events)?;
        Ok(row)
    };
    regimes.into_iter().map(row).collect()
}

/// A book in which orders rest: hold it while memory is read.
#[pyclass(frozen)]
pub(crate) struct RestingBook(#[expect(dead_code, reason = "it is held, not read")] tiderace_matching::Matcher);

/// Enters orders that rest into a new book.
#[pyfunction]
pub(crate) fn bench_resting(py: Python<'_>, orders: u64) -> RestingBook {
    RestingBook(py.detach(|| bench::matching::resting(orders)))
}

/// Durable records a second, with so many in flight.
#[pyfunction]
pub(crate) fn bench_journal(py: Python<'_>, folder: &str, records: u64, in_flight: usize) -> PyResult<u64> {
    py.detach(|| bench::journal::throughput(Path::new(folder), records, in_flight)).map_err(journal_error)
}

/// One record at a time and a raw write and sync of as many bytes, in turns: the medians in nanoseconds.
#[pyfunction]
pub(crate) fn bench_one_in_flight(py: Python<'_>, folder: &str, turns: usize) -> PyResult<(u64, u64)> {
    py.detach(|| bench::journal::one_in_flight(Path::new(folder), turns)).map_err(journal_error)
}

/// Commands a second through the whole pipeline, with portfolio margin or without, and the number of outputs.
#[pyfunction]
pub(crate) fn bench_venue(
    py: Python<'_>,
    folder: &str,
    mode: &str,
    commands: usize,
    is_margined: bool,
) -> PyResult<(u64, u64)> {
    let mode = mode_of(mode)?;
    let run = if is_margined { bench::venue::throughput_margined } else { bench::venue::throughput };
    let done = py.detach(|| run(Path::new(folder), mode, commands)).map_err(node_error)?;
    Ok((done.commands_per_s, done.outputs))
}

/// The commands of [`bench_venue`] as rows: see `node`.
#[pyfunction]
pub(crate) fn bench_venue_rows(py: Python<'_>, commands: usize) -> Bound<'_, PyBytes> {
    PyBytes::new(py, &py.detach(|| bench::venue::rows(commands)))
}

/// Times at a rate: in the engine, and from the intended time to the client. With `segment_bytes` a follower takes a
/// snapshot after each segment of that size.
#[pyfunction]
pub(crate) fn bench_venue_latency<'py>(
    py: Python<'py>,
    folder: &str,
    mode: &str,
    commands: usize,
    rate: u64,
    segment_bytes: Option<u64>,
) -> PyResult<Bound<'py, PyDict>> {
    let mode = mode_of(mode)?;
    let done = py.detach(|| bench::venue::latency(Path::new(folder), mode, commands, rate, segment_bytes));
    let done = done.map_err(node_error)?;
    let row = PyDict::new(py);
    row.set_item("service_ns", spread(py, done.service)?)?;
    row.set_item("end_to_end_ns", spread(py, done.end_to_end)?)?;
    row.set_item("snapshots", done.snapshots)?;
    row.set_item("late_permille", done.late_permille)?;
    Ok(row)
}

/// Writes a journal of so many commands, opens it again, and tells nanoseconds, commands replayed, and whether a
/// snapshot was there.
#[pyfunction]
pub(crate) fn bench_recover(
    py: Python<'_>,
    folder: &str,
    commands: usize,
    has_snapshots: bool,
    openings: usize,
) -> PyResult<Vec<(u64, u64, bool)>> {
    let folder = Path::new(folder);
    let done = py.detach(|| {
        bench::venue::write(folder, commands, has_snapshots)?;
        (0..openings).map(|_| bench::venue::reopen(folder)).collect::<Result<Vec<_>, _>>()
    });
    let done = done.map_err(node_error)?;
    Ok(done.into_iter().map(|done| (done.ns, done.replayed, done.has_snapshot)).collect())
}

/// Kills a venue with so many working orders: nanoseconds to the last cancel, and how many came.
#[pyfunction]
pub(crate) fn bench_kill(py: Python<'_>, folder: &str, mode: &str, orders: u64) -> PyResult<(u64, u64)> {
    let mode = mode_of(mode)?;
    py.detach(|| bench::venue::kill(Path::new(folder), mode, orders)).map_err(node_error)
}

fn crash_error(error: CrashError) -> PyErr {
    JournalError::new_err(error.to_string())
}

/// The child of [`bench_crash`]: it runs until it is killed.
#[pyfunction]
pub(crate) fn crash_child(py: Python<'_>, folder: &str, mode: &str, next_id: u64) -> PyResult<()> {
    let plan = bench::venue::crash_plan(mode_of(mode)?);
    py.detach(|| crash::run_child(&plan, Path::new(folder), next_id)).map_err(crash_error)
}

/// Starts and kills children: `command`, to which folder, mode and the id to go on with are added.
#[pyfunction]
pub(crate) fn bench_crash<'py>(
    py: Python<'py>,
    folder: &str,
    mode: &str,
    kills: u64,
    seed: u64,
    command: Vec<String>,
) -> PyResult<Bound<'py, PyDict>> {
    let plan = bench::venue::crash_plan(mode_of(mode)?);
    let child = |dir: &Path, next_id: u64| {
        let mut words = command.iter();
        let mut process = Process::new(words.next().map_or("", String::as_str));
        process.args(words).arg(dir).arg(mode).arg(next_id.to_string());
        process
    };
    let go_on = |_| Python::attach(|py| py.check_signals().is_ok());
    let found = py.detach(|| crash::kill_children(&plan, Path::new(folder), kills, seed, child, go_on));
    let found = found.map_err(crash_error)?;
    let row = PyDict::new(py);
    row.set_item("kills", found.kills)?;
    row.set_item("acknowledged", found.acknowledged)?;
    row.set_item("lost", found.lost)?;
    row.set_item("duplicated", found.duplicated)?;
    row.set_item("torn", found.torn)?;
    Ok(row)
}
