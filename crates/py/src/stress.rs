//! Stress: a day of crash and grids of moves, as Python calls them. They live in `sim`; text goes in and comes out.

use pyo3::prelude::*;
use serde_json::Error;
use tiderace_sim::stress::{self, Chain, Config, Policy};

use crate::errors::{ConfigError, DataError};

fn read(config: &str, chain: Option<&str>) -> PyResult<(Config, Chain)> {
    let wrong = |error: Error| ConfigError::new_err(error.to_string());
    let config: Config = serde_json::from_str(config).map_err(wrong)?;
    config.check().map_err(ConfigError::new_err)?;
    let chain = match chain {
        Some(text) => serde_json::from_str(text).map_err(|error: Error| DataError::new_err(error.to_string()))?,
        None => Chain::synthetic(config.seed),
    };
    Ok((config, chain))
}

fn told(error: Error) -> PyErr {
    ConfigError::new_err(error.to_string())
}

/// What a configuration says where nothing is said.
#[pyfunction]
pub(crate) fn stress_defaults() -> PyResult<String> {
    serde_json::to_string(&Config::default()).map_err(told)
}

/// A day of crash: its figures as JSON, and its end-of-day files (name and CSV) where they are wanted.
#[pyfunction]
pub(crate) fn stress_day(
    py: Python<'_>,
    config: &str,
    chain: Option<&str>,
    is_immediate: bool,
    has_files: bool,
) -> PyResult<(String, Vec<(&'static str, String)>)> {
    let (config, chain) = read(config, chain)?;
    let policy = if is_immediate { Policy::Immediate } else { Policy::Staged };
    let (day, files) = py
        .detach(|| {
            let done = stress::day(&config, &chain, policy)?;
            let files =
                if has_files { stress::end_of_day(&done.venue, &done.trades, &done.postings) } else { Vec::new() };
            Ok::<_, String>((done.day, files))
        })
        .map_err(ConfigError::new_err)?;
    let files = files.into_iter().map(|table| (table.name, table.csv)).collect();
    Ok((serde_json::to_string(&day).map_err(told)?, files))
}

/// A grid of moves, days that were, and two defaults at once, as JSON.
#[pyfunction]
pub(crate) fn stress_grid(py: Python<'_>, config: &str, chain: Option<&str>) -> PyResult<String> {
    let (config, chain) = read(config, chain)?;
    let grid = py.detach(|| stress::grid(&config, &chain)).map_err(ConfigError::new_err)?;
    serde_json::to_string(&grid).map_err(told)
}
