//! Does a story line by line, and stops at the first check that does not hold.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use tiderace_types::venue::{Command, Event};
use tiderace_types::{ExecType, InstrumentId, Side};

use super::check::{self, Check, Level};
use super::command::{self, Sent, Step};
use super::compare::{self, Wanted};
use super::gateway::Gateway;
use super::json::{Bad, Object};
use super::keeper::{KeepError, Keeper};
use super::ledger::Ledger;
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

impl From<KeepError> for Stop {
    fn from(error: KeepError) -> Self {
        Self::Got(json!({ "fault": error.to_string() }))
    }
}

/// Does every line of a story.
///
/// # Errors
/// The first failure.
pub(super) fn run(story: &Story, options: Options) -> Result<(), Failure> {
    let keeper = Keeper::new(story.setup.config.clone());
    let failed = |line: usize, wanted: Value, stop: Stop| {
        let got = match stop {
            Stop::Got(got) => got,
            Stop::Bad(bad) => json!({ "key": bad.key, "message": bad.message }),
        };
        Failure { line, wanted, got }
    };
    let keeper = keeper.map_err(|error| failed(1, json!({ "venue": "starts" }), error.into()))?;
    let ledger = Ledger::new(&story.setup.config);
    let gateway = story.setup.gateway.clone();
    let mut runner = Runner { gateway, keeper, queue: VecDeque::new(), ledger };
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

struct Runner {
    gateway: Gateway,
    keeper: Keeper,
    /// Reports and trades that no check has passed.
    queue: VecDeque<Shown>,
    ledger: Ledger,
}

impl Runner {
    fn act(&mut self, line: &Object<'_>, options: Options) -> Result<Option<Done>, Stop> {
        match command::step(line, &mut self.gateway)? {
            Step::Crash => {
                self.keeper.crash()?;
                Ok(Some(Done::Crashed))
            }
            Step::Send(all) => {
                self.queue.clear();
                let mut is_refused = false;
                for sent in &all {
                    // Where a quote is refused as a whole, its legs say nothing.
                    if !(is_refused && sent.leg.is_some()) {
                        is_refused = self.send(sent)?;
                    }
                    if options.crash_everywhere {
                        self.keeper.crash()?;
                    }
                }
                Ok(Some(Done::Sent))
            }
        }
    }

    /// Sends one command. Returns whether it was a mass quote that was refused as a whole.
    fn send(&mut self, sent: &Sent) -> Result<bool, Stop> {
        let mut events = Vec::new();
        self.keeper.apply(self.gateway.now, &sent.command, &mut events)?;
        self.ledger.note(&sent.command, &events);
        for event in &events {
            self.gateway.heard(event);
            if matches!(event, Event::Report(_) | Event::Trade(_) | Event::CommandRefused(_)) {
                self.queue.push_back(show::event(&self.gateway, event, sent.leg));
            }
        }
        let is_quote = matches!(sent.command, Command::MassQuote(_));
        let is_refusal = |event: &Event| match event {
            Event::Report(report) => {
                report.exec_type == ExecType::Rejected && report.quote_entry == tiderace_types::venue::NO_ENTRY
            }
            _ => false,
        };
        Ok(is_quote && events.iter().any(is_refusal))
    }

    fn check(&mut self, line: &Object<'_>) -> Result<(), Stop> {
        let venue = self.keeper.venue();
        match check::check(line, &mut self.gateway)? {
            Check::Event { event, wanted } => self.take(event, &wanted),
            Check::Book { instrument, bids, asks, depth, wanted } => {
                self.book(instrument, [bids.as_deref(), asks.as_deref()], depth, &wanted)
            }
            Check::Order { account, cl_ord_id, wanted } => {
                match view::order(venue, &self.gateway, account, cl_ord_id) {
                    Some(order) => same(&wanted, order),
                    None => Err(Stop::Got(json!({ "order": "does not work" }))),
                }
            }
            Check::NoOrder { account, cl_ord_id } => match view::order(venue, &self.gateway, account, cl_ord_id) {
                None => Ok(()),
                Some(order) => Err(Stop::Got(order.into())),
            },
            Check::Position { account, instrument, wanted } => {
                same(&wanted, view::position(venue, &self.gateway, account, instrument))
            }
            Check::Balance { account, asset, wanted } => {
                same(&wanted, view::balance(venue, &self.gateway, account, asset))
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
            None => Err(Stop::Got(self.left(None))),
        }
    }

    fn left(&self, of: Option<&str>) -> Value {
        let is_of = |shown: &&Shown| of.is_none() || shown.get("event").and_then(Value::as_str) == of;
        Value::Array(self.queue.iter().filter(is_of).cloned().map(Value::Object).collect())
    }

    fn end(&self, of: Option<&str>) -> Result<(), Stop> {
        match self.left(of) {
            Value::Array(left) if left.is_empty() => Ok(()),
            left => Err(Stop::Got(left)),
        }
    }

    fn book(
        &self,
        instrument: InstrumentId,
        sides: [Option<&[Level]>; 2],
        depth: Option<usize>,
        wanted: &[Wanted],
    ) -> Result<(), Stop> {
        let venue = self.keeper.venue();
        let mut got = view::market(venue, &self.gateway, instrument);
        let mut holds = compare::holds(wanted, &got);
        for ((side, key), wanted) in [(Side::Buy, "bids"), (Side::Sell, "asks")].into_iter().zip(sides) {
            let mut levels = view::levels(venue, &self.gateway, instrument, side);
            levels.truncate(depth.unwrap_or(usize::MAX));
            let is_same = |(wanted, got): (&Level, &Level)| {
                compare::is_same_number(&wanted.0, &got.0) && compare::is_same_number(&wanted.1, &got.1)
            };
            holds &= wanted.is_none_or(|all| all.len() == levels.len() && all.iter().zip(&levels).all(is_same));
            got.insert(key.to_owned(), json!(levels));
        }
        if holds { Ok(()) } else { Err(Stop::Got(got.into())) }
    }
}

fn same(wanted: &[Wanted], got: Map<String, Value>) -> Result<(), Stop> {
    if compare::holds(wanted, &got) { Ok(()) } else { Err(Stop::Got(got.into())) }
}
