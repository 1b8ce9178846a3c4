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
        write!(f, "{}:{}: {}", self.file, self.line, self.bad)
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
    if text.starts_with('\u{feff}') {
        let bad = Bad::new("", "begins with a byte order mark", "save it as UTF-8 without one");
        return Err(BadFile { file: file.to_owned(), line: 1, bad });
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use tiderace_types::Reason;
    use tiderace_types::venue::{Command, Single};

    use super::super::command::Step;

    const VENUE: &str = r#"{"venue": {"start": "2026-01-01T00:00:00Z", "assets": [{"asset": "USDC", "decimals": 6}],
        "instruments": [{"symbol": "P", "kind": "perpetual", "style": "linear", "base": "BTC", "settle": "USDC",
        "tick_size": "0.5", "lot_size": "0.01", "contract_multiplier": "1"}],
        "accounts": [{"account": "alice", "balances": {"USDC": "10"}}]}}"#;
    const ORDER: &str = r#"{"do": "new_order", "account": "alice", "symbol": "P", "side": "buy", "order_qty": "1",
        "cl_ord_id": "a", "price": "100"}"#;

    fn file(lines: &[&str]) -> String {
        lines.iter().map(|line| line.replace('\n', " ") + "\n").collect()
    }

    /// A file of the venue and this line, or of this line in place of the venue's.
    fn bad(line: &str) -> BadFile {
        let text = if line.starts_with("{\"venue\"") { file(&[line]) } else { file(&[VENUE, line]) };
        parse("f.jsonl", &text).expect_err(line)
    }

    #[test]
    fn a_bad_file_names_file_line_key_and_remedy() {
        let order = |from: &str, to: &str| (ORDER.replace(from, to), to.to_owned());
        let venue = |from: &str, to: &str| (VENUE.replace(from, to), to.to_owned());
        let plain = |line: &str| (line.to_owned(), line.to_owned());
        let cases = [
            (order("\"side\"", "\"sid\""), "sid"),
            (order("\"price\": \"100\"", "\"price\": 100"), "price"),
            (order("\"100\"", "\"1e2\""), "price"),
            (order("\"buy\"", "\"up\""), "side"),
            (order("\"price\": \"100\"", "\"reduce_only\": \"yes\""), "reduce_only"),
            (order("\"price\": \"100\"", "\"link\": {\"ocx\": \"b\"}"), "link.ocx"),
            (order("\"price\": \"100\"", "\"expire_time\": \"tomorrow\""), "expire_time"),
            (order("\"side\": \"buy\", ", ""), "side"),
            (order("new_order", "new_ordr"), "do"),
            (plain(r#"{"do": "advance", "by": "10"}"#), "by"),
            (plain(r#"{"do": "advance"}"#), "by"),
            (plain(r#"{"do": "advance", "to": "2025-01-01T00:00:00Z"}"#), "to"),
            (plain(r#"{"do": "kill", "scope": "venue", "id": "us"}"#), "id"),
            (
                plain(
                    r#"{"do": "mass_quote", "account": "alice", "quote_id": "q", "mmp_group": "g",
                "entries": [{"symbol": "P", "bid_px": "1"}]}"#,
                ),
                "entries[0].bid_qty",
            ),
            (plain(r#"{"expect": "report", "reason": "no_such_reason"}"#), "reason"),
            (plain(r#"{"expect": "report", "exec_type": "gone"}"#), "exec_type"),
            (plain(r#"{"expect": "book", "symbol": "P", "bids": [["1", 2]]}"#), "bids"),
            (plain(r#"{"expect": "margin", "account": "alice", "available": "1"}"#), "available"),
            (plain(r#"{"expect": "end", "of": "quote"}"#), "of"),
            (plain(r#"{"expect": "end", "do": "crash"}"#), "do"),
            (plain(r#"{"note": 1}"#), "note"),
            (plain(r#"{"do": "crash", "do": "crash"}"#), ""),
            (plain("[]"), ""),
            (plain("{"), ""),
            (venue("tick_size", "tick"), "venue.instruments[0].tick"),
            (venue("\"0.5\"", "\"0\""), "venue.instruments[0].tick_size"),
            (venue("perpetual", "swap"), "venue.instruments[0].kind"),
            (venue("\"decimals\": 6", "\"decimals\": -1"), "venue.assets[0].decimals"),
            (venue("{\"USDC\": \"10\"}", "{\"EUR\": \"10\"}"), "venue.accounts[0].balances.EUR"),
            (venue("\"10\"", "\"0.0000001\""), "venue.accounts[0].balances.USDC"),
            (venue("\"tick_size\"", "\"margin\": {}, \"tick_size\""), "venue.instruments[0].margin"),
            (venue("\"start\"", "\"begin\""), "venue.begin"),
            (venue("\"alice\"", &format!("\"{}\"", "a".repeat(65))), "venue.accounts[0].account"),
            (venue("\"BTC\"", &format!("\"{}\"", "B".repeat(65))), "venue"),
        ];
        for ((line, changed), key) in cases {
            let bad = bad(&line);
            assert_eq!(bad.bad.key, key, "{changed}");
            assert_eq!(bad.line, if line.starts_with("{\"venue\"") { 1 } else { 2 }, "{changed}");
            let text = bad.to_string();
            assert!(text.starts_with("f.jsonl:") && text.contains(key) && !bad.bad.remedy.is_empty(), "{text}");
        }
        let marked = parse("f.jsonl", &format!("\u{feff}{}", file(&[VENUE]))).expect_err("a mark");
        assert!(marked.to_string().starts_with("f.jsonl:1: begins with a byte order mark"), "{marked}");
        assert_eq!(parse("f.jsonl", "").expect_err("empty").bad.key, "venue");
        assert_eq!(parse("f.jsonl", &file(&[ORDER])).expect_err("no venue").line, 1);
        assert_eq!(parse("f.jsonl", &file(&[VENUE, VENUE])).expect_err("two venues").bad.key, "venue");
    }

    /// The reason and the numbers of the refusal that the last line is sent as.
    fn refused(line: &str) -> Option<(Reason, i128, i128)> {
        let story = parse("f.jsonl", &file(&[VENUE, line])).unwrap_or_else(|bad| panic!("{bad}"));
        let mut gateway = story.setup.gateway;
        let last = story.lines.last().expect("a line");
        let object = Object::new(&last.value, "").expect("an object");
        let Ok(Step::Send(sent)) = command::step(&object, &mut gateway) else { panic!("nothing is sent") };
        match sent.last()?.command {
            Command::Single(Single::Malformed(m)) => Some((m.reason, m.value.get(), m.limit.get())),
            _ => None,
        }
    }

    #[test]
    fn numbers_off_the_grid_and_missing_ones_are_refusals() {
        let order = |from: &str, to: &str| refused(&ORDER.replace(from, to));
        let step = 1_000_000_000_000;
        assert_eq!(order("\"100\"", "\"100.3\""), Some((Reason::BadTick, 100 * step + 3 * step / 10, step / 2)));
        assert_eq!(order("\"100\"", "\"-100.3\"").map(|r| r.0), Some(Reason::BadPrice));
        assert_eq!(order("\"100\"", "\"0.00000000000001\"").map(|r| r.0), Some(Reason::BadTick));
        assert_eq!(order("\"100\"", &format!("\"1{}\"", "0".repeat(60))).map(|r| r.0), Some(Reason::BadPrice));
        assert_eq!(order("\"1\"", "\"1.005\""), Some((Reason::BadLot, step + step / 200, step / 100)));
        assert_eq!(order("\"1\"", "\"-1\""), Some((Reason::BadQty, -step, 0)));
        assert_eq!(order("\"1\"", &format!("\"1{}\"", "0".repeat(60))).map(|r| r.0), Some(Reason::TooLarge));
        assert_eq!(order(", \"price\": \"100\"", "").map(|r| r.0), Some(Reason::BadPrice));
        assert_eq!(order("\"price\"", "\"ord_type\": \"stop\", \"price\"").map(|r| r.0), Some(Reason::BadTrigger));
        let pegged = "\"ord_type\": \"pegged\", \"peg_offset\"";
        assert_eq!(order("\"price\"", pegged).map(|r| r.0), Some(Reason::BadField));
        assert_eq!(order("\"100\"", "\"100\", \"min_qty\": \"0\"").map(|r| r.0), Some(Reason::BadQty));
        let long = format!("\"{}\"", "a".repeat(65));
        for name in ["\"a\"", "\"P\"", "\"alice\""] {
            assert_eq!(order(name, &long), Some((Reason::BadField, 65, 64)), "{name}");
        }
        let tagged = format!("\"strategy\": {long}, \"price\"");
        assert_eq!(order("\"price\"", &tagged), Some((Reason::BadField, 65, 64)));
        assert_eq!(order("\"a\"", &long.replace("aa", "a")), None);
        assert_eq!(order("\"a\"", "\"\""), Some((Reason::BadClOrdId, 0, 1)));
        let linked = "\"link\": {\"oco\": \"\"}, \"price\"";
        assert_eq!(order("\"price\"", linked), Some((Reason::BadClOrdId, 0, 1)));
        for word in ["deposit", "withdraw"] {
            let money = |amount: &str| {
                let line = format!(r#"{{"do": "{word}", "account": "alice", "asset": "USDC", "amount": "{amount}"}}"#);
                refused(&line).map(|r| r.0)
            };
            assert_eq!(money(&format!("1{}", "0".repeat(60))), Some(Reason::BadAmount));
            assert_eq!(money("0.0000001"), Some(Reason::BadAmount));
        }
        // These a layout holds: the venue itself refuses them.
        assert_eq!(order("\"100\"", "\"-100\""), None);
        assert_eq!(order("\"1\"", "\"0\""), None);
        assert_eq!(order("\"P\"", "\"Q\""), None);
        assert_eq!(order("alice", "nobody"), None);
    }
}
