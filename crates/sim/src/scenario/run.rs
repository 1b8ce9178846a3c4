//! Does a story line by line, and stops at the first check that does not hold.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tiderace_journal::{Config, Faulty, Mode};
use tiderace_types::InstrumentId;

use super::check::{self, Check, Level};
use super::command::{self, Step};
use super::compare::{self, Wanted};
use super::json::{Bad, Object};
use super::ledger::Ledger;
use super::session::{Place, Session, SessionError};
use super::show::{self, Shown};
use super::story::Story;
use super::view;

/// How strictly a story is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Nothing may be left before a `do` that follows a check.
    pub strict: bool,
    /// A crash after every command.
    pub crash_everywhere: bool,
}

/// The first thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its line, from 1.
    pub line: usize,
    /// What the line says.
    pub wanted: Value,
    /// What is.
    pub got: Value,
}

/// Why a line stops the story.
enum Stop {
    /// A check does not hold: this is what is.
    Got(Value),
    /// The line cannot be read after all.
    Bad(Bad),
}

impl From<Bad> for Stop {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

impl From<SessionError> for Stop {
    fn from(error: SessionError) -> Self {
        Self::Got(json!({ "fault": error.to_string() }))
    }
}

/// Lines that send something from one snapshot to the next: some crashes find commands behind it, some none.
const SENT_A_SNAPSHOT: usize = 3;
const SECTOR_BYTES: usize = 512;
const SEGMENT_BYTES: u64 = 64 * 1024;
const EMERGENCY_BYTES: u64 = 4 * 1024;

fn place(disk: &Faulty) -> Place {
    let config = Config { mode: Mode::Disk, segment_bytes: SEGMENT_BYTES, emergency_bytes: EMERGENCY_BYTES };
    Place { fs: Arc::new(disk.clone()), dir: PathBuf::from("/journal"), config, snapshot_every: None }
}

/// Does every line of a story.
///
/// # Errors
/// The first failure.
pub(super) fn run(story: &Story, options: Options) -> Result<(), Failure> {
    let failed = |line: usize, wanted: Value, stop: Stop| {
        let got = match stop {
            Stop::Got(got) => got,
            Stop::Bad(bad) => json!({ "bad": bad.to_string() }),
        };
        Failure { line, wanted, got }
    };
    let mut runner = Runner::new(story).map_err(|stop| failed(1, json!({ "venue": "starts" }), stop))?;
    let mut has_checked = false;
    for line in &story.lines {
        if line.is_do && options.strict && has_checked {
            let end = runner.end(None);
            end.map_err(|got| failed(line.number, json!({ "expect": "end" }), got))?;
        }
        let object = Object::new(&line.value, "");
        let done = object.map_err(Stop::Bad).and_then(|object| {
            if line.is_do { runner.act(&object, options) } else { runner.check(&object).map(|()| None) }
        });
        match done.map_err(|stop| failed(line.number, line.value.clone(), stop))? {
            Some(Done::Crashed) => {}
            Some(Done::Sent) => has_checked = false,
            None => has_checked = true,
        }
    }
    Ok(())
}

enum Done {
    Sent,
    Crashed,
}

struct Runner<'a> {
    story: &'a Story,
    /// A disk in memory, so that a crash takes what a crash takes: the process, and every byte that was not synced.
    disk: Faulty,
    session: Session,
    /// Reports and trades that no check has passed.
    queue: VecDeque<Shown>,
    ledger: Ledger,
    /// Lines that sent something.
    sent: usize,
}

impl<'a> Runner<'a> {
    fn new(story: &'a Story) -> Result<Self, Stop> {
        let disk = Faulty::new(SECTOR_BYTES);
        let session = Session::new(&story.setup, Some(&place(&disk)))?;
        let ledger = Ledger::new(&story.setup.config);
        Ok(Self { story, disk, session, queue: VecDeque::new(), ledger, sent: 0 })
    }

    fn act(&mut self, line: &Object<'_>, options: Options) -> Result<Option<Done>, Stop> {
        match command::step(line, &mut self.session.gateway)? {
            Step::Crash => {
                self.crash()?;
                Ok(Some(Done::Crashed))
            }
            Step::Send(all) => {
                self.queue.clear();
                let mut events = Vec::new();
                let queue = &mut self.queue;
                self.session.send(&all, |gateway, event, leg| {
                    events.push(*event);
                    if show::is_checked(event) {
                        queue.push_back(show::event(gateway, event, leg));
                    }
                })?;
                for sent in &all {
                    self.ledger.note(&sent.command, &events);
                }
                self.sent = self.sent.saturating_add(1);
                if self.sent.is_multiple_of(SENT_A_SNAPSHOT) {
                    self.session.write_snapshot()?;
                }
                if options.crash_everywhere {
                    self.crash()?;
                }
                Ok(Some(Done::Sent))
            }
        }
    }

    /// Cuts the power, and brings the venue back from what the disk holds, from a snapshot and from the whole journal.
    /// Both must be what it was, and have said the same.
    fn crash(&mut self) -> Result<(), Stop> {
        self.disk.power_cut(|| false);
        let place = place(&self.disk);
        let digests = |session: &Session| (session.outputs_digest(), session.venue.digest());
        let wanted = digests(&self.session);
        self.session = Session::new(&self.story.setup, Some(&place))?;
        let whole = Session::replayed(&self.story.setup, &place)?;
        if digests(&self.session) == wanted && digests(&whole) == wanted && self.session.knows_as_much_as(&whole) {
            return Ok(());
        }
        Err(Stop::Got(json!({ "fault": "the venue that came back is another, or had said other things" })))
    }

    fn check(&mut self, line: &Object<'_>) -> Result<(), Stop> {
        let (venue, gateway) = (&self.session.venue, &self.session.gateway);
        match check::check(line, gateway)? {
            Check::Event { event, wanted } => self.take(event, &wanted),
            Check::Book { instrument, bids, asks, depth, wanted } => {
                self.book(instrument, [bids.as_deref(), asks.as_deref()], depth, &wanted)
            }
            Check::Order { account, cl_ord_id, wanted } => match view::order(venue, gateway, account, &cl_ord_id) {
                Some(order) => same(&wanted, order),
                None => Err(Stop::Got(json!({ "order": "does not work" }))),
            },
            Check::NoOrder { account, cl_ord_id } => match view::order(venue, gateway, account, &cl_ord_id) {
                None => Ok(()),
                Some(order) => Err(Stop::Got(order.into())),
            },
            Check::Position { account, instrument, wanted } => {
                same(&wanted, view::position(venue, gateway, account, instrument))
            }
            Check::Balance { account, asset, wanted } => same(&wanted, view::balance(venue, gateway, account, asset)),
            Check::Margin { account, wanted } => same(&wanted, view::margin(venue, gateway, account)),
            Check::Fund { layer, asset, wanted } => {
                same(&wanted, view::fund(gateway, asset, venue.clearing().fund(layer, asset)))
            }
            Check::Ledger => self.ledger.check(venue).map_err(|got| Stop::Got(json!({ "ledger": got }))),
            Check::End { of } => self.end(of),
        }
    }

    /// Takes the first event that holds; those before it are passed over.
    fn take(&mut self, event: &str, wanted: &[Wanted]) -> Result<(), Stop> {
        let is_it =
            |shown: &Shown| shown.get("event").and_then(Value::as_str) == Some(event) && compare::holds(wanted, shown);
        match self.queue.iter().position(is_it) {
            Some(at) => {
                self.queue.drain(..=at);
                Ok(())
            }
            None => Err(Stop::Got(Value::Array(self.left(None)))),
        }
    }

    fn left(&self, of: Option<&str>) -> Vec<Value> {
        let is_of = |shown: &&Shown| of.is_none() || shown.get("event").and_then(Value::as_str) == of;
        self.queue.iter().filter(is_of).cloned().map(Value::Object).collect()
    }

    fn end(&self, of: Option<&str>) -> Result<(), Stop> {
        let left = self.left(of);
        if left.is_empty() { Ok(()) } else { Err(Stop::Got(Value::Array(left))) }
    }

    fn book(
        &self,
        instrument: InstrumentId,
        sides: [Option<&[Level]>; 2],
        depth: Option<usize>,
        wanted: &[Wanted],
    ) -> Result<(), Stop> {
        let got = view::book(&self.session.venue, &self.session.gateway, instrument, depth.unwrap_or(usize::MAX));
        let mut holds = compare::holds(wanted, &got);
        for (key, wanted) in ["bids", "asks"].into_iter().zip(sides) {
            let levels = got.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let is_same = |(wanted, got): (&Level, &Value)| {
                let is = |at: usize, wanted: &str| {
                    got.get(at).and_then(Value::as_str).is_some_and(|got| compare::is_same_number(wanted, got))
                };
                is(0, &wanted.0) && is(1, &wanted.1)
            };
            holds &= wanted.is_none_or(|all| all.len() == levels.len() && all.iter().zip(levels).all(is_same));
        }
        if holds { Ok(()) } else { Err(Stop::Got(got.into())) }
    }
}

fn same(wanted: &[Wanted], got: Map<String, Value>) -> Result<(), Stop> {
    if compare::holds(wanted, &got) { Ok(()) } else { Err(Stop::Got(got.into())) }
}
