//! Scenario files: short stories of a venue that a trader could read, done and checked.
//!
//! A file is JSON Lines: a venue, then what is done (`do`) and what must be so (`expect`). It is read whole and strictly
//! first ([`BadFile`] names file, line, key and remedy), then every command goes through a journal on a disk in memory
//! into [`tiderace_engine::venue::Venue`], and the first check that does not hold is the story's [`Failure`]. What no
//! layout can hold, like a price between two ticks, is no bad file but a command that the venue refuses.

mod check;
mod command;
mod compare;
mod condition;
mod gateway;
mod json;
mod ledger;
mod payoff;
mod run;
mod session;
mod setup;
mod show;
mod story;
mod surface;
mod terms;
mod time;
mod view;
mod words;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub use json::Bad;
pub use run::{Failure, Options};
pub use session::{Opening, Place, SNAPSHOT_EVERY, Session, SessionError, Words};
pub use story::BadFile;

/// One file that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The file.
    pub file: PathBuf,
    /// Its first failure, where it has one.
    pub failure: Option<Failure>,
}

impl Outcome {
    /// The outcome as `--json` prints it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let failure = self.failure.as_ref();
        json!({
            "file": self.file.display().to_string(),
            "passed": failure.is_none(),
            "line": failure.map(|failure| failure.line),
            "wanted": failure.map(|failure| &failure.wanted),
            "got": failure.map(|failure| &failure.got),
        })
    }
}

impl core::fmt::Display for Outcome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let file = self.file.display();
        match &self.failure {
            None => write!(f, "{file}: passed"),
            Some(Failure { line, wanted, got }) => {
                writeln!(f, "{file}:{line}: failed")?;
                writeln!(f, "  wanted {wanted}")?;
                match got {
                    Value::Array(events) if events.is_empty() => write!(f, "  got    nothing more"),
                    Value::Array(events) => {
                        let rows: Vec<String> = events.iter().map(Value::to_string).collect();
                        write!(f, "  got    {}", rows.join("\n         "))
                    }
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                        write!(f, "  got    {got}")
                    }
                }
            }
        }
    }
}

/// Does one file.
///
/// # Errors
/// [`BadFile`].
pub fn run_file(path: &Path, options: Options) -> Result<Outcome, BadFile> {
    let story = story::read(path)?;
    Ok(Outcome { file: path.to_owned(), failure: run::run(&story, options).err() })
}

/// The scenario files that paths name: files as they are, of folders every `.jsonl` below, in order of their names.
///
/// # Errors
/// [`BadFile`] for a path that is not there, and for a folder without scenarios.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, BadFile> {
    let mut files = Vec::new();
    for path in paths {
        let bad = |message: String, remedy: &str| BadFile {
            file: path.display().to_string(),
            line: 0,
            bad: Bad::new("", message, remedy),
        };
        let before = files.len();
        walk(path, &mut Vec::new(), &mut files)
            .map_err(|error| bad(format!("cannot be read: {error}"), "check the path"))?;
        if files.len() == before {
            return Err(bad("no scenario is there".to_owned(), "name a file, or a folder with .jsonl files"));
        }
    }
    Ok(files)
}

/// `above` holds the folders on the way: a link back to one of them is not followed.
fn walk(path: &Path, above: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let folder = path.canonicalize()?;
    if above.contains(&folder) {
        return Ok(());
    }
    above.push(folder);
    let mut entries =
        std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "jsonl") {
            walk(&entry, above, files)?;
        }
    }
    above.pop();
    Ok(())
}
