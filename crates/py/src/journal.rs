//! What a person does with a venue's journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use serde_json::{Value, json};
use tiderace_journal::checkpoint::{SigningKey, VerifierKey};
use tiderace_journal::segment::SegmentHeader;
use tiderace_journal::{Config, Disk, FileSystem, LogTail, cat, check, proof, prove_record, repair, stat};

use crate::errors;

fn disk() -> Arc<dyn FileSystem> {
    Arc::new(Disk)
}

fn failed(error: tiderace_journal::JournalError) -> PyErr {
    errors::JournalError::new_err(error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a whole log and checks every byte of it; what was found as JSON.
#[pyfunction]
pub(crate) fn journal_check(py: Python<'_>, dir: PathBuf) -> PyResult<String> {
    let found = py.detach(|| check(&disk(), &dir)).map_err(failed)?;
    let torn = match &found.tail {
        LogTail::Whole => None,
        LogTail::Torn { path, offset } => Some((path.display().to_string(), *offset)),
    };
    let changed = |(path, offset): &(PathBuf, u64)| json!({ "segment": path.display().to_string(), "offset": offset });
    Ok(json!({
        "segments": found.segments,
        "batches": found.batches,
        "records": found.records,
        "first_seq": found.first_seq,
        "next_seq": found.next_seq,
        "root": hex(&found.root),
        "tail": if torn.is_some() { "torn" } else { "whole" },
        "torn_segment": torn.as_ref().map(|(segment, _)| segment),
        "torn_offset": torn.as_ref().map(|(_, offset)| offset),
        "trees": found.trees,
        "emergency": found.emergency,
        "changed_space": found.changed_space.iter().map(changed).collect::<Vec<_>>(),
    })
    .to_string())
}

/// What the headers of the segments say, as JSON.
#[pyfunction]
pub(crate) fn journal_stat(py: Python<'_>, dir: PathBuf) -> PyResult<String> {
    let rows = py.detach(|| stat(&disk(), &dir)).map_err(failed)?;
    let row = |(path, header): &(PathBuf, Option<SegmentHeader>)| match header {
        None => json!({ "segment": path.display().to_string(), "header": "does not hold" }),
        Some(header) => json!({
            "segment": path.display().to_string(),
            "number": header.number,
            "first_seq": header.first_seq,
            "first_batch": header.first_batch,
            "durable_seq": header.durable_seq,
            "bytes": header.len,
            "align": header.align,
            "prev_root": hex(&header.prev_root),
        }),
    };
    Ok(Value::Array(rows.iter().map(row).collect()).to_string())
}

/// Hands each record from `first` up to, not including, `end` to `each` as (segment, sequence, ts_ns, kind, payload).
/// What `each` raises ends it.
#[pyfunction]
pub(crate) fn journal_cat(dir: PathBuf, first: u64, end: u64, each: &Bound<'_, PyAny>) -> PyResult<()> {
    let mut raised = None;
    let hand = |path: &Path, record: tiderace_journal::Record<'_>| {
        if raised.is_none() {
            let header = record.header;
            let row = (path.display().to_string(), header.seq, header.ts, header.kind, record.payload);
            raised = each.call1(row).err();
        }
    };
    cat(&disk(), &dir, first, end, hand).map_err(failed)?;
    raised.map_or(Ok(()), Err)
}

/// Discards every record from a sequence on, and an emergency segment that is damaged: the next sequence, the file that
/// holds what was discarded, and the emergency segment where it was.
#[pyfunction]
pub(crate) fn journal_repair(
    py: Python<'_>,
    dir: PathBuf,
    discard_from: u64,
) -> PyResult<(u64, PathBuf, Option<PathBuf>)> {
    let done = py.detach(|| repair(&disk(), &dir, discard_from, Config::default())).map_err(failed)?;
    Ok((done.next_seq, done.discarded, done.emergency))
}

/// Proves that the record of a sequence stands in its segment: takes the segment's tree, or builds it where none is
/// kept, signs its root with the key `name` of the seed file, and returns the proof file's text and the verifier key.
#[pyfunction]
pub(crate) fn journal_prove(
    py: Python<'_>,
    dir: PathBuf,
    seq: u64,
    name: &str,
    seed_file: PathBuf,
) -> PyResult<(String, String)> {
    let refused = |error: &dyn core::fmt::Display| errors::JournalError::new_err(error.to_string());
    let key = SigningKey::from_seed_file(name, &seed_file).map_err(|error| refused(&error))?;
    let proof = py.detach(|| prove_record(&disk(), &dir, seq, &[&key])).map_err(|error| refused(&error))?;
    Ok((proof, key.verifier_key().to_string()))
}

/// Checks a proof file against verifier keys, one a line: what it shows, as JSON.
#[pyfunction]
pub(crate) fn journal_verify(file: &[u8], keys: &str) -> PyResult<String> {
    let refused = |error: &dyn core::fmt::Display| errors::JournalError::new_err(error.to_string());
    let keys = VerifierKey::parse_list(keys).map_err(|error| refused(&error))?;
    let proven = proof::verify(file, &keys).map_err(|error| refused(&error))?;
    Ok(json!({
        "origin": proven.checkpoint.origin,
        "size": proven.checkpoint.size,
        "root": hex(&proven.checkpoint.root),
        "index": proven.index,
        "record": hex(&proven.record),
        "signers": proven.signers.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
    .to_string())
}
