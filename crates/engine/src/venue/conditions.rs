//! Conditional orders: each waits for a program of its account to say that it is due (`docs/CONDITION.md`).
//!
//! A condition is asked when it enters, when something happened where it reads, and by its timer; never twice for the
//! same. It decides nothing but yes or no: what is due enters like any order of its account, and is refused like one.
//! A program that traps is stopped with its order unsent. Programs run in the interpreter: a form that a client sends
//! costs the venue no compilation, and its fuel is so small that machine code would gain little.
//!
//! All together they have so much fuel a millisecond of the venue's time, and may save up so much: what is beyond waits
//! for the next, so that no number of conditions, and none that set each other off, keeps the market.
//!
//! Where none stands nothing is looked at but whether one does.

use std::sync::Arc;

use tiderace_clear::Clearing;
use tiderace_program::{
    Arg, Call, Host, HostFunction, HostTable, Program, SLOTS_MAX, Scalar, Trap, TrapReason, Type, interpret,
};
use tiderace_types::venue::{ConditionChanged, Event, NewOrder, SubmitConditional};
use tiderace_types::{AccountId, ClOrdId, DecodeError, Field, InstrumentId, Price, Reason, Refusal, Side, Ts};

use super::core::refused;
use super::orders::{Row, account_index};
use super::snapshot::{bad, put_len, take_bytes};
use super::{NEVER, Venue};

/// Conditions of one account that stand at a time.
const ACCOUNT_MAX: usize = 16;
/// Conditions of the venue that stand at a time: a round of questions stays short.
const VENUE_MAX: usize = 512;
/// Fuel of one call at most, and where the program does not say.
const FUEL_MAX: u64 = 2_000;
/// Fuel of all questions in a microsecond of the venue's time: about a tenth of a thread.
const FUEL_PER_US: i64 = 2;
/// Fuel that is saved up at most: that of one command, too.
const SAVED_MAX: u64 = 100_000;
/// Fuel of a question beside the program's.
const ASK_FUEL: u64 = 100;
/// When those that wait for fuel are asked, after the command that left them.
const WAIT_NS: i64 = 1_000_000;
/// Bytes of a program's state at most.
const STATE_MAX: usize = 4_096;
/// From one question by the clock to the next at least.
const INTERVAL_MIN_NS: i64 = 1_000_000_000;
/// Fuel of a read.
const READ_FUEL: u32 = 4;
/// 10^-12 in a step of 10^-9.
const VOL_STEP: i128 = 1_000;

const BOOKS: &str = "book:*";
const ACCOUNT: &str = "account";

/// Name, capability, arguments, result. Numbers are append-only.
type HostRow = (&'static str, &'static str, &'static [Scalar], Scalar);

const HOST_ROWS: [HostRow; 8] = [
    ("now", "", &[], Scalar::Int),
    ("best", BOOKS, &[Scalar::Int, Scalar::Bool], Scalar::Price),
    ("last", BOOKS, &[Scalar::Int], Scalar::Price),
    ("mark", BOOKS, &[Scalar::Int], Scalar::Price),
    ("index", BOOKS, &[Scalar::Int], Scalar::Price),
    ("vol", BOOKS, &[Scalar::Int], Scalar::Int),
    ("delta", BOOKS, &[Scalar::Int], Scalar::I128),
    ("position", ACCOUNT, &[Scalar::Int], Scalar::Int),
];

fn host_table() -> HostTable {
    let functions = HOST_ROWS.iter().map(|(name, capability, params, result)| HostFunction {
        name: (*name).to_owned(),
        capability: (!capability.is_empty()).then(|| (*capability).to_owned()),
        params: params.to_vec(),
        result: Some(*result),
        fuel: READ_FUEL,
        is_field: false,
    });
    HostTable { functions: functions.collect(), grants: [BOOKS, ACCOUNT].map(str::to_owned).to_vec() }
}

/// A program that passed, and what a call of it needs.
struct Checked {
    /// One in memory for all that were sent the same.
    program: Arc<Program>,
    entry: usize,
    fuel: u64,
}

impl Checked {
    /// Reads a condition's program. It is a function of the command alone, so that a snapshot may do it again; one that
    /// stands already is taken from there.
    fn of(command: &SubmitConditional, standing: &[Condition]) -> Result<Self, Refusal> {
        let wrong = Refusal::plain(Reason::BadCondition);
        let known =
            standing.iter().find(|of| of.command.form == command.form).map(|of| Arc::clone(&of.checked.program));
        let program = match known {
            Some(program) => program,
            None => Arc::new(Program::load(&command.form, &host_table()).map_err(|_| wrong)?),
        };
        let meta = |key: &str| {
            let found = program.form().meta.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.as_str())
        };
        let fuel = meta("fuel").map_or(Some(FUEL_MAX), |text| text.parse().ok());
        let fuel = fuel.filter(|fuel| (1..=FUEL_MAX).contains(fuel)).ok_or(wrong)?;
        let entry = program.entry("is_due").ok_or(wrong)?;
        let is_good = meta("kind") == Some("condition")
            && program.state_bytes() <= STATE_MAX
            && program
                .entries()
                .iter()
                .all(|of| of.name == "is_due" && of.params.is_empty() && of.result == Some(Scalar::Bool));
        if !is_good {
            return Err(wrong);
        }
        if !are_params(&program, &command.params) {
            return Err(Refusal::plain(Reason::BadConditionParams));
        }
        Ok(Self { program, entry, fuel })
    }
}

/// Whether the parameters are their declared types in their one encoding, and within their ranges.
fn are_params(program: &Program, bytes: &[u8]) -> bool {
    let form = program.form();
    let Some(record) = form.params.map(Type::Table) else { return bytes.is_empty() };
    let (mut rest, mut again) = (bytes, Vec::new());
    let Ok(all) = form.unpack(record, &mut rest) else { return false };
    if form.pack(record, &all, &mut again).is_err() || again != bytes {
        return false;
    }
    let Arg::List(values) = all else { return false };
    values.iter().zip(&form.param_decls).all(|(value, decl)| {
        let (least, most) = (decl.min.map(Arg::from), decl.max.map(Arg::from));
        least.is_none_or(|least| is_ordered(&least, value)) && most.is_none_or(|most| is_ordered(value, &most))
    })
}

fn is_ordered(one: &Arg, other: &Arg) -> bool {
    match (one, other) {
        (Arg::Int(one), Arg::Int(other)) => one <= other,
        (Arg::Float(one), Arg::Float(other)) => one <= other,
        (Arg::Int(_) | Arg::Bool(_) | Arg::Float(_) | Arg::List(_), _) => false,
    }
}

/// One that stands.
struct Condition {
    command: SubmitConditional,
    checked: Checked,
    state: Vec<u8>,
    /// When the clock asks it.
    next: Ts,
    /// Whether it is to be asked; after a command only where the fuel was used up.
    is_asked: bool,
    /// Whether it said yes, or is over; only while a command is under way.
    is_due: bool,
    is_stopped: bool,
}

impl Condition {
    fn new(command: SubmitConditional, checked: Checked, now: Ts) -> Self {
        let state = vec![0; checked.program.state_bytes()];
        let next = if command.interval_ns > 0 { now.plus_ns(command.interval_ns) } else { NEVER };
        Self { command, checked, state, next, is_asked: true, is_due: false, is_stopped: false }
    }

    fn expires(&self) -> Ts {
        if self.command.expire_time == Ts::ZERO { NEVER } else { self.command.expire_time }
    }

    fn is_of(&self, account: AccountId, cl_ord_id: ClOrdId) -> bool {
        self.command.order.account == account && self.command.order.cl_ord_id == cl_ord_id
    }

    fn changed(&self, what: u8, reason: Reason) -> ConditionChanged {
        let NewOrder { account, cl_ord_id, instrument, .. } = self.command.order;
        ConditionChanged { account, cl_ord_id, instrument, what, reason, trap: 0, statement: u32::MAX }
    }

    /// Asks the program; the state is as before where it traps. What it said, and the fuel of it.
    fn ask(&mut self, venue: &Venue) -> (Result<bool, (u8, u32)>, u64) {
        let Self { command, checked: Checked { program, entry, fuel }, state, .. } = self;
        let mut lens = Lens { venue, account: command.order.account, reads: &command.reads };
        let call = Call { entry: *entry, params: &command.params, state, args: &mut [], fuel: *fuel };
        match interpret(program, &mut lens, call) {
            Ok(Ok(done)) => (Ok(done.result != [0; 2]), done.fuel_used),
            Ok(Err(Trap { reason, statement, fuel_used })) => (Err((reason.code(), statement)), fuel_used),
            // Entry and lengths were settled when it was accepted.
            Err(_) => (Err((TrapReason::Host.code(), u32::MAX)), *fuel),
        }
    }
}

/// Those that stand, in the order in which they entered.
pub(super) struct Conditions {
    rows: Vec<Condition>,
    /// How many read each instrument.
    readers: Vec<usize>,
    /// Instruments that some read and where something happened since they were asked.
    stirred: Vec<InstrumentId>,
    /// When the first is asked by the clock, or expires.
    timer: Ts,
    /// Fuel that is left, and when it was last added to.
    saved: u64,
    filled: Ts,
    /// The row that is asked first: where the fuel was used up.
    first: usize,
    /// When those that wait for fuel are asked.
    waiting: Ts,
}

impl Conditions {
    pub(super) fn new(instruments: usize) -> Self {
        Self {
            rows: Vec::new(),
            readers: vec![0; instruments],
            stirred: Vec::new(),
            timer: NEVER,
            saved: SAVED_MAX,
            filled: Ts::ZERO,
            first: 0,
            waiting: NEVER,
        }
    }

    /// Adds the fuel of the time since the last command.
    pub(super) fn fill(&mut self, now: Ts) {
        if self.rows.is_empty() {
            return;
        }
        let us = now.ns_since(self.filled).max(0) / 1_000;
        let fuel = u64::try_from(us.saturating_mul(FUEL_PER_US)).unwrap_or(0);
        if fuel > 0 {
            self.saved = self.saved.saturating_add(fuel).min(SAVED_MAX);
            self.filled = now;
        }
    }

    /// After a command: those that wait for fuel are asked a little later.
    pub(super) fn rest(&mut self, now: Ts) {
        let is_waiting = self.rows.iter().any(|condition| condition.is_asked);
        let waiting = if is_waiting { now.plus_ns(WAIT_NS) } else { NEVER };
        if waiting != self.waiting {
            self.waiting = waiting;
            self.recount();
        }
    }

    /// When the next timer is due.
    pub(super) const fn next_timer(&self) -> Ts {
        self.timer
    }

    /// Something happened in an instrument.
    pub(super) fn stir(&mut self, at: InstrumentId) {
        let is_read = !self.rows.is_empty() && self.readers.get(at.index()).is_some_and(|count| *count > 0);
        if is_read && !self.stirred.contains(&at) {
            self.stirred.push(at);
        }
    }

    fn push(&mut self, condition: Condition) {
        self.rows.push(condition);
        self.recount();
    }

    /// Takes out those that are meant.
    fn take(&mut self, is_meant: impl Fn(&Condition) -> bool) -> Vec<Condition> {
        if !self.rows.iter().any(&is_meant) {
            return Vec::new();
        }
        let taken = self.rows.extract_if(.., |condition| is_meant(condition)).collect();
        self.recount();
        taken
    }

    fn recount(&mut self) {
        self.readers.fill(0);
        self.timer = self.waiting;
        for condition in &self.rows {
            self.timer = self.timer.min(condition.next).min(condition.expires());
            for at in &condition.command.reads {
                if let Some(count) = self.readers.get_mut(at.index()) {
                    *count = count.saturating_add(1);
                }
            }
        }
        if self.rows.is_empty() {
            *self = Self { readers: ::core::mem::take(&mut self.readers), ..Self::new(0) };
        }
    }

    /// Appends those that stand; nothing at all where none does.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        if self.rows.is_empty() {
            return;
        }
        put_len(self.rows.len(), out);
        for condition in &self.rows {
            let mut command = Vec::new();
            condition.command.encode(&mut command);
            for bytes in [&command, &condition.state] {
                put_len(bytes.len(), out);
                out.extend_from_slice(bytes);
            }
            condition.next.put(out);
            condition.is_asked.put(out);
        }
        self.saved.put(out);
        self.filled.put(out);
        put_len(self.first, out);
        self.waiting.put(out);
    }

    /// Reads them from the bytes that are left.
    pub(super) fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let part = |bytes: &mut &[u8]| {
            let len = usize::try_from(u64::take(bytes)?).map_err(|_| bad("condition"))?;
            take_bytes(bytes, len).map(<[u8]>::to_vec)
        };
        let count = u64::take(bytes)?;
        for _ in 0..count {
            let command = SubmitConditional::decode(&part(bytes)?)?;
            let (state, next, is_asked) = (part(bytes)?, Ts::take(bytes)?, bool::take(bytes)?);
            let checked = Checked::of(&command, &self.rows).map_err(|_| bad("condition"))?;
            if state.len() != checked.program.state_bytes() {
                return Err(bad("state of a condition"));
            }
            self.rows.push(Condition { command, checked, state, next, is_asked, is_due: false, is_stopped: false });
        }
        if self.rows.is_empty() {
            return Err(bad("conditions"));
        }
        (self.saved, self.filled) = (u64::take(bytes)?, Ts::take(bytes)?);
        self.first = usize::try_from(u64::take(bytes)?).map_err(|_| bad("condition"))?;
        self.waiting = Ts::take(bytes)?;
        self.recount();
        Ok(())
    }
}

/// What a program sees: the instruments that its command named, and its own account.
struct Lens<'a> {
    venue: &'a Venue,
    account: AccountId,
    reads: &'a [InstrumentId],
}

impl Lens<'_> {
    fn clearing(&self) -> &Clearing {
        &self.venue.core.clearing
    }

    /// An instrument by its number; none traps.
    fn at(&self, number: u64) -> Option<InstrumentId> {
        self.reads.get(usize::try_from(number).ok()?).copied()
    }

    fn best(&self, at: InstrumentId, is_bid: bool) -> Option<Price> {
        let side = if is_bid { Side::Buy } else { Side::Sell };
        self.venue.market(at)?.book().best(side).map(|level| level.price)
    }

    fn vol(&self, at: InstrumentId) -> i64 {
        let steps = self.venue.surfaces.vol(at).unwrap_or(0);
        i64::try_from(steps.div_euclid(VOL_STEP)).unwrap_or(i64::MAX)
    }
}

impl Host for Lens<'_> {
    fn call(&mut self, function: usize, args: &[u64; SLOTS_MAX]) -> Option<[u64; 2]> {
        let word = |value: i64| Some([value.cast_unsigned(), 0]);
        let price = |price: Option<Price>| word(price.map_or(0, Price::get));
        let [number, flag, ..] = *args;
        if function == 0 {
            return word(self.venue.now.get());
        }
        let at = self.at(number)?;
        match function {
            1 => price(self.best(at, flag != 0)),
            2 => price(self.venue.market(at)?.last_px()),
            3 => price(self.clearing().mark(at)),
            4 => price(self.venue.market(at)?.index()),
            5 => word(self.vol(at)),
            6 => {
                let bits = self.venue.core.controls.greeks(at).0.get().cast_unsigned();
                let low = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
                Some([low, u64::try_from(bits >> 64).unwrap_or(0)])
            }
            7 => word(self.clearing().qty(self.account, at)),
            _ => None,
        }
    }
}

impl Venue {
    /// Takes an order that waits for a program.
    pub(super) fn submit_conditional(&mut self, command: &SubmitConditional, out: &mut Vec<Event>) {
        match self.check_conditional(command) {
            Ok(checked) => {
                let NewOrder { account, cl_ord_id, .. } = command.order;
                if let Some(ids) = self.core.ids.get_mut(account_index(account)) {
                    ids.use_up(cl_ord_id);
                }
                if self.conditions.rows.is_empty() {
                    self.conditions.filled = self.now;
                }
                let condition = Condition::new(command.clone(), checked, self.now);
                out.push(condition.changed(ConditionChanged::ACCEPTED, Reason::None).into());
                self.conditions.push(condition);
            }
            Err(refusal) => out.push(refused(&Row::of(&command.order), refusal).into()),
        }
    }

    /// In this order: account, instruments, id, bounds and interval, the order's own fields, its end, kills, how many
    /// stand, throttle, the program and its parameters: those cost most. Whether the order may enter is asked when it
    /// does.
    fn check_conditional(&mut self, command: &SubmitConditional) -> Result<Checked, Refusal> {
        let (order, now) = (&command.order, self.now);
        let row = Row::of(order);
        if !self.core.knows(order.account) {
            return Err(Refusal::new(Reason::UnknownAccount, order.account.0, 0));
        }
        let mut named = command.reads.iter().chain([&order.instrument]);
        if let Some(at) = named.find(|at| at.index() >= self.markets.len()) {
            return Err(Refusal::new(Reason::UnknownSymbol, at.0, 0));
        }
        self.check_id(order.account, order.cl_ord_id)?;
        if !command.is_within_bounds() {
            return Err(Refusal::plain(Reason::BadField));
        }
        if command.interval_ns != 0 && command.interval_ns < INTERVAL_MIN_NS {
            return Err(Refusal::new(Reason::BadField, command.interval_ns, INTERVAL_MIN_NS));
        }
        self.check_fields(order.order_qty, row.price, order.ord_type.has_limit(), &row)?;
        if command.expire_time != Ts::ZERO && command.expire_time <= now {
            return Err(Refusal::new(Reason::ExpiredOnEntry, command.expire_time.get(), now.get()));
        }
        let kill = self.core.controls.killed(order.account, Some(order.instrument), Some(order.strategy));
        if let Some(kill) = kill.filter(|kill| !kill.reduce_only) {
            return Err(Refusal::new(Reason::Killed, kill.id, 0));
        }
        let of_account = self.conditions.rows.iter().filter(|of| of.command.order.account == order.account).count();
        for (stand, max) in [(of_account, ACCOUNT_MAX), (self.conditions.rows.len(), VENUE_MAX)] {
            if stand >= max {
                let [stand, max] = [stand, max].map(|count| i128::try_from(count).unwrap_or(i128::MAX));
                return Err(Refusal::new(Reason::ConditionLimit, stand, max));
            }
        }
        self.core.controls.on_message(now, order.account)?;
        Checked::of(command, &self.conditions.rows)
    }

    /// Enters the next order that is due, asking those that stand where nothing is due yet; false where none is.
    pub(super) fn settle_conditions(&mut self, out: &mut Vec<Event>) -> bool {
        if self.conditions.rows.is_empty() {
            return false;
        }
        // A later batch waits for the earlier.
        if !self.conditions.rows.iter().any(|condition| condition.is_due) {
            self.ask_conditions(out);
        }
        let Some(at) = self.conditions.rows.iter().position(|condition| condition.is_due) else { return false };
        let condition = self.conditions.rows.remove(at);
        self.conditions.recount();
        out.push(condition.changed(ConditionChanged::TRIGGERED, Reason::None).into());
        self.enter_due(&condition.command.order, out);
        true
    }

    /// Asks those that are to be asked, as far as the fuel goes, beginning where it ended before.
    fn ask_conditions(&mut self, out: &mut Vec<Event>) {
        let mut rows = ::core::mem::take(&mut self.conditions.rows);
        let stirred = ::core::mem::take(&mut self.conditions.stirred);
        let mut left = self.conditions.saved;
        let mut used_up = None;
        let (before, from) = rows.split_at_mut_checked(self.conditions.first).unwrap_or((&mut [], &mut []));
        let (mut at, count) = (before.len(), before.len().saturating_add(from.len()));
        for condition in from.iter_mut().chain(before.iter_mut()) {
            let number = at;
            at = at.saturating_add(1) % count.max(1);
            condition.is_asked |= condition.command.reads.iter().any(|at| stirred.contains(at));
            if !condition.is_asked {
                continue;
            }
            if left < condition.checked.fuel.saturating_add(ASK_FUEL) {
                used_up.get_or_insert(number);
                continue;
            }
            condition.is_asked = false;
            let (said, used) = condition.ask(self);
            left = left.saturating_sub(used.saturating_add(ASK_FUEL));
            match said {
                Ok(is_due) => condition.is_due = is_due,
                Err((trap, statement)) => {
                    let changed = condition.changed(ConditionChanged::STOPPED, Reason::ConditionStopped);
                    out.push(ConditionChanged { trap, statement, ..changed }.into());
                    condition.is_stopped = true;
                }
            }
        }
        self.conditions.rows = rows;
        (self.conditions.saved, self.conditions.first) = (left, used_up.unwrap_or(0));
        self.conditions.take(|condition| condition.is_stopped);
    }

    /// What the clock brings on the way to `target`: ends those whose time is over, marks those to be asked. Where the
    /// fuel is used up, a clock that would ask again and again until then asks once.
    pub(super) fn conditions_timer(&mut self, ts: Ts, target: Ts, out: &mut Vec<Event>) {
        if self.conditions.timer > ts {
            return;
        }
        if self.conditions.waiting <= ts {
            self.conditions.waiting = NEVER;
        }
        let left = self.conditions.saved;
        for condition in self.conditions.take(|condition| condition.expires() <= ts) {
            out.push(condition.changed(ConditionChanged::EXPIRED, Reason::TimeReached).into());
        }
        for condition in self.conditions.rows.iter_mut().filter(|condition| condition.next <= ts) {
            condition.is_asked = true;
            let interval = condition.command.interval_ns.max(INTERVAL_MIN_NS);
            let is_out = left < condition.checked.fuel.saturating_add(ASK_FUEL);
            let missed =
                if is_out { target.ns_since(condition.next).max(0).checked_div(interval).unwrap_or(0) } else { 0 };
            condition.next = condition.next.plus_ns(interval.saturating_mul(missed.saturating_add(1)));
        }
        self.conditions.recount();
    }

    /// Takes back the condition of a key; false where none stands.
    pub(super) fn cancel_condition(&mut self, account: AccountId, cl_ord_id: ClOrdId, out: &mut Vec<Event>) -> bool {
        let gone = self.conditions.take(|condition| condition.is_of(account, cl_ord_id));
        for condition in &gone {
            self.core.controls.on_cancel(self.now, account);
            out.push(condition.changed(ConditionChanged::CANCELED, Reason::CanceledByUser).into());
        }
        !gone.is_empty()
    }

    /// Takes back those whose order would be meant if it worked.
    pub(super) fn cancel_conditions(&mut self, reason: Reason, is_meant: impl Fn(&Row) -> bool, out: &mut Vec<Event>) {
        if self.conditions.rows.is_empty() {
            return;
        }
        for condition in self.conditions.take(|condition| is_meant(&Row::of(&condition.command.order))) {
            out.push(condition.changed(ConditionChanged::CANCELED, reason).into());
        }
    }

    /// Whether the order of this key waits for its program.
    #[must_use]
    pub fn has_condition(&self, account: AccountId, cl_ord_id: ClOrdId) -> bool {
        self.conditions.rows.iter().any(|condition| condition.is_of(account, cl_ord_id))
    }

    /// Conditions that stand.
    #[must_use]
    pub const fn conditions(&self) -> usize {
        self.conditions.rows.len()
    }
}
