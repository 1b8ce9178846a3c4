//! A scenario file, read whole before anything of it is done.

use std::path::Path;

use serde_json::Value;

use super::check;
use super::command;
use super::json::{self, Bad, Object};
use super::setup::{self, Setup};

/// A file that is no scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// The file as it was named.
    pub file: String,
    /// Its line, from 1; 0 for the file itself.
    pub line: usize,
    /// The key, the problem and the remedy.
    pub bad: Bad,
}

impl core::fmt::Display for BadFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.bad.key.is_empty() {
            write!(f, "{}: ", self.bad.key)?;
        }
        write!(f, "{}; {}", self.bad.message, self.bad.remedy)
    }
}

impl std::error::Error for BadFile {}

/// A line that does or expects something.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) value: Value,
    pub(super) is_do: bool,
}

/// A file whose every line is well formed.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) setup: Setup,
    pub(super) lines: Vec<Line>,
}

/// Reads a file.
///
/// # Errors
/// [`BadFile`].
pub(super) fn read(path: &Path) -> Result<Story, BadFile> {
    let file = path.display().to_string();
    let bad =
        |message: String, remedy: &str| BadFile { file: file.clone(), line: 0, bad: Bad::new("", message, remedy) };
    let bytes = std::fs::read(path).map_err(|error| bad(format!("cannot be read: {error}"), "check the path"))?;
    let text = String::from_utf8(bytes).map_err(|_| bad("is not UTF-8".to_owned(), "save it as UTF-8"))?;
    parse(&file, &text)
}

/// Reads the text of a file.
///
/// # Errors
/// [`BadFile`].
pub(super) fn parse(file: &str, text: &str) -> Result<Story, BadFile> {
    let mut story: Option<Story> = None;
    let mut names = None;
    for (row, text) in text.lines().enumerate() {
        let number = row.saturating_add(1);
        let bad = |bad: Bad| BadFile { file: file.to_owned(), line: number, bad };
        if text.trim().is_empty() {
            continue;
        }
        let value = json::parse(text).map_err(bad)?;
        let line = Object::new(&value, "").map_err(bad)?;
        match (&mut story, kind_of(&line).map_err(bad)?) {
            (_, Kind::Note) => {}
            (None, Kind::Venue) => {
                line.only(&["venue"]).map_err(bad)?;
                let venue = Object::new(value.get("venue").unwrap_or(&Value::Null), "venue").map_err(bad)?;
                let setup = setup::setup(&venue).map_err(bad)?;
                names = Some(setup.gateway.clone());
                story = Some(Story { setup, lines: Vec::new() });
            }
            (Some(story), Kind::Do | Kind::Expect) => {
                let is_do = line.has("do");
                // Names are tried out here on a copy; the run gives them their numbers as they come.
                if let Some(names) = &mut names {
                    let tried = if is_do {
                        command::step(&line, names).map(drop)
                    } else {
                        check::check(&line, names).map(drop)
                    };
                    tried.map_err(bad)?;
                }
                story.lines.push(Line { number, value, is_do });
            }
            (None, Kind::Do | Kind::Expect) => {
                return Err(bad(Bad::new("", "the first line but notes is the venue", "put the venue line before it")));
            }
            (Some(_), Kind::Venue) => {
                return Err(bad(Bad::new("venue", "a file has one venue", "write another file")));
            }
        }
    }
    let none = Bad::new("venue", "the file has no venue line", "begin it with {\"venue\": …}");
    story.ok_or_else(|| BadFile { file: file.to_owned(), line: 0, bad: none })
}

enum Kind {
    Note,
    Venue,
    Do,
    Expect,
}

fn kind_of(line: &Object<'_>) -> Result<Kind, Bad> {
    let kinds = [("venue", Kind::Venue), ("do", Kind::Do), ("expect", Kind::Expect), ("note", Kind::Note)];
    let mut found = kinds.into_iter().filter(|(key, _)| line.has(key));
    let remedy = "a line has one of the keys note, venue, do, expect";
    match (found.next(), found.next()) {
        (Some((_, Kind::Note)), None) => {
            line.only(&["note"])?;
            line.text("note")?;
            Ok(Kind::Note)
        }
        (Some((_, kind)), None) => Ok(kind),
        (Some((key, _)), Some(_)) => Err(line.bad(key, "the line is two things at once", remedy)),
        (None, _) => Err(Bad::new("", "the line has none of the keys that say what it is", remedy)),
    }
}
