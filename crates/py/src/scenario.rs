//! Scenario files and the register of controls, for the command line.

use std::path::PathBuf;

use pyo3::prelude::*;
use serde_json::json;
use tiderace_risk::venue::register::{articles, register};
use tiderace_sim::scenario::{BadFile, Options, Outcome, files, run_file};

use crate::errors;

/// The scenario files that paths name, in order; folders give every `.jsonl` below.
#[pyfunction]
pub(crate) fn scenario_files(paths: Vec<PathBuf>) -> PyResult<Vec<PathBuf>> {
    files(&paths).map_err(|bad| errors::ConfigError::new_err(bad.to_string()))
}

/// Does one scenario file: whether it passed, whether it is a bad file, its line of JSON, and words for a person.
#[pyfunction]
#[pyo3(signature = (path, *, strict = false, crash_everywhere = false))]
pub(crate) fn run_scenario(
    py: Python<'_>,
    path: PathBuf,
    strict: bool,
    crash_everywhere: bool,
) -> (bool, bool, String, String) {
    match py.detach(|| run_file(&path, Options { strict, crash_everywhere })) {
        Ok(outcome) => (outcome.failure.is_none(), false, Outcome::to_json(&outcome).to_string(), outcome.to_string()),
        Err(bad) => (false, true, bad_json(&bad), bad.to_string()),
    }
}

fn bad_json(bad: &BadFile) -> String {
    let got = json!({ "key": bad.bad.key, "problem": bad.bad.message, "remedy": bad.bad.remedy });
    json!({ "file": bad.file, "passed": false, "line": bad.line, "wanted": "a scenario line", "got": got }).to_string()
}

/// The controls of the venue and the requirements that they answer, as JSON.
#[pyfunction]
pub(crate) fn venue_controls() -> String {
    let controls: Vec<_> = register()
        .iter()
        .map(|control| {
            let reasons: Vec<&str> = control.reasons.iter().map(|reason| reason.name()).collect();
            json!({
                "id": control.id,
                "name": control.name,
                "does": control.does,
                "module": control.module,
                "reasons": reasons,
                "answers": control.answers,
            })
        })
        .collect();
    let articles: Vec<_> = articles()
        .iter()
        .map(|article| {
            let controls: Vec<&str> = article.controls().map(|control| control.name).collect();
            json!({
                "key": article.key,
                "requires": article.requires,
                "controls": controls,
                "missing": article.missing,
            })
        })
        .collect();
    json!({ "controls": controls, "articles": articles }).to_string()
}
