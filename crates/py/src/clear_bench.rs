//! The benches of margin and clearing, as Python calls them. They live in `sim`.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tiderace_sim::stress::bench::{self, Timed};

/// Margin of a portfolio of 500 options: lists of nanoseconds by way, and the requirement.
#[pyfunction]
pub(crate) fn bench_margin(
    py: Python<'_>,
    scenarios: usize,
    repetitions: usize,
    seed: u64,
) -> PyResult<Bound<'_, PyDict>> {
    let times = py.detach(|| bench::margin(scenarios, repetitions, seed));
    let times = times.ok_or_else(|| PyRuntimeError::new_err("the shipped set gives no risk arrays"))?;
    let row = PyDict::new(py);
    row.set_item("from_prices_ns", times.from_prices_ns)?;
    row.set_item("from_arrays_ns", times.from_arrays_ns)?;
    row.set_item("incremental_ns", times.incremental_ns)?;
    row.set_item("initial", times.initial)?;
    Ok(row)
}

fn triple(done: Result<Timed, String>) -> PyResult<(u64, u64, u64)> {
    let done = done.map_err(PyRuntimeError::new_err)?;
    Ok((done.ns, done.count, done.digest))
}

/// Fills through clearing: nanoseconds, fills, checksum.
#[pyfunction]
pub(crate) fn bench_clear(py: Python<'_>, fills: u32, seed: u64) -> PyResult<(u64, u64, u64)> {
    triple(py.detach(|| bench::clear(fills, seed)))
}

/// A fall of a fifth under 10,000 accounts: nanoseconds to the liquidation orders, orders, checksum.
#[pyfunction]
pub(crate) fn bench_liquidate(py: Python<'_>, seed: u64) -> PyResult<(u64, u64, u64)> {
    triple(py.detach(|| bench::liquidate(seed)))
}
