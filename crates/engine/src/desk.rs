//! The desk: books, parents, order life, controls and routing, wired together.
//!
//! One `apply` takes commands, reports and time; `on_market` takes a market record. The order of checks of a new order
//! is: run over, whose key it is (1020), instrument, oms (keys, quantity), open breaks, risk; of a replace the same, with
//! the order that it changes known first. A refusal changes nothing but the outputs. What the oms puts out is fed to
//! risk and to the parents in the order it was put out; what a parent sends on that goes through the same checks.

use std::collections::BTreeSet;

use tiderace_book::Book;
use tiderace_oms::{Oms, Order};
use tiderace_risk::{Reference, Risk};
use tiderace_route::Router;
use tiderace_types::event::{BookChanged, OrderSent, Refused, ReplaceSent, TimerFired};
use tiderace_types::input::{
    CancelAll, CancelOrder, CancelReject, EnableStrategy, ExecutionReport, Kill, LoadAlgo, ReplaceOrder, SetTimer,
    SubmitOrder, SubmitParent, SurfaceTaken,
};
use tiderace_types::layout::Layout;
use tiderace_types::{
    AccountId, ClOrdId, Input, Instrument, InstrumentId, KillScope, MarketEvent, MarketKind, OrdStatus, Output,
    ParentId, Qty, Reason, Refusal, Side, Tags, Ts,
};

use crate::algos::Algos;
use crate::config::{ConfigError, DeskConfig};
use crate::ground::Ground;
use crate::parents::Parents;

/// Keys that the desk gives its own children have this bit; keys of clients do not.
pub const DESK_CL_ORD_ID: u64 = 1 << 63;
/// Timers of clients that wait at once, at most.
pub const CLIENT_TIMERS_MAX: usize = 1 << 16;
/// How long a kill waits before it asks again to cancel what still works under it.
const KILL_RETRY_NS: i64 = 1_000_000_000;
/// `Refused::instrument` where no instrument is concerned.
pub const NO_INSTRUMENT: InstrumentId = InstrumentId(u16::MAX);

/// The desk's state.
pub struct Desk {
    /// Boxed, as the parents are: both are lent, and what is lent moves.
    pub(crate) ground: Box<Ground>,
    pub(crate) router: Router,
    /// The desk's one account: every order is its own.
    account: AccountId,
    oms: Oms,
    risk: Risk,
    /// `None` only while they are at work.
    parents: Option<Box<Parents>>,
    /// What the message that is coming in has done to its book.
    message: Message,
    client_timers: BTreeSet<(Ts, u64)>,
    /// When to ask again to cancel what works under a kill.
    ts_kill_retry: Option<Ts>,
    next_cl_ord_id: u64,
    next_timer: Ts,
    is_ended: bool,
}

/// What the records of a message did so far.
#[derive(Clone, Copy, Debug, Default)]
struct Message {
    /// Some record changed the book.
    is_changed: bool,
    /// A best price, or whether the book is live, changed.
    is_moved: bool,
}

impl Desk {
    /// A desk as the genesis says.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: &DeskConfig) -> Result<Self, ConfigError> {
        Self::with(config, false)
    }

    /// The same desk, whose programs are interpreted: the second opinion on what is compiled.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn interpreted(config: &DeskConfig) -> Result<Self, ConfigError> {
        Self::with(config, true)
    }

    fn with(config: &DeskConfig, is_interpreted: bool) -> Result<Self, ConfigError> {
        let instruments = config.instruments.clone();
        config.oms.check().map_err(|error| ConfigError::stage("oms", &error))?;
        let router = Router::new(config.route.clone(), instruments.len())
            .map_err(|error| ConfigError::stage("route", &error))?;
        let oms = Oms::new(&config.oms, &instruments, config.seed);
        let risk =
            Risk::new(&config.risk, &instruments, config.seed).map_err(|error| ConfigError::stage("risk", &error))?;
        let mut algos = Algos::new(&router, is_interpreted);
        for (row, algo) in config.algos.iter().enumerate() {
            algos.load(&algo.form, &algo.params).map_err(|error| ConfigError::Algo { row, error })?;
        }
        Ok(Self {
            ground: Box::new(Ground::new(&instruments, &config.risk, config.prints_own)),
            router,
            account: config.risk.account,
            oms,
            risk,
            parents: Some(Box::new(Parents::new(algos, instruments.len()))),
            message: Message::default(),
            client_timers: BTreeSet::new(),
            ts_kill_retry: None,
            next_cl_ord_id: DESK_CL_ORD_ID,
            next_timer: Ts::MAX,
            is_ended: false,
        })
    }

    /// The book of an instrument.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<&Book> {
        self.ground.books.get(instrument.index())
    }

    /// The instruments, by id.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.ground.instruments
    }

    /// The controls, to ask positions of.
    #[must_use]
    pub fn risk(&self) -> &Risk {
        &self.risk
    }

    /// The order life, to ask orders of.
    #[must_use]
    pub fn oms(&self) -> &Oms {
        &self.oms
    }

    /// The parents, to ask whether any is open.
    #[must_use]
    pub fn has_open_parent(&self) -> bool {
        self.parents.as_ref().is_some_and(|parents| parents.has_open())
    }

    /// When a [`Timer`](tiderace_types::input::Timer) is wanted; [`Ts::MAX`] for never.
    #[must_use]
    pub const fn next_timer(&self) -> Ts {
        self.next_timer
    }

    /// How many algorithms are loaded: the number of the next one.
    #[must_use]
    pub fn algos(&self) -> u32 {
        self.parents.as_ref().map_or(0, |parents| u32::try_from(parents.algos.len()).unwrap_or(u32::MAX))
    }

    /// The number of the algorithm of a form, by its identity, and its parameters.
    #[must_use]
    pub fn algo(&self, form_hash: &[u8; 32], params: &[u8]) -> Option<u32> {
        let row = self.parents.as_ref()?.algos.find(form_hash, params)?;
        u32::try_from(row).ok()
    }

    /// Takes in a market record, and wakes who waits for the books when it closes a message.
    #[inline]
    pub fn on_market(&mut self, event: &MarketEvent, out: &mut Vec<Output>) {
        let Some(book) = self.ground.books.get_mut(event.instrument.index()) else { return };
        self.message.is_moved |= book.apply(event);
        match event.kind {
            MarketKind::Level | MarketKind::Reach => self.message.is_changed = true,
            MarketKind::Trade => self.on_trade(event),
            MarketKind::Best => {}
            MarketKind::Live | MarketKind::Gap | MarketKind::Clear => {
                self.message.is_changed = true;
                let (is_live, reason) = match event.kind {
                    MarketKind::Live => (true, Reason::None),
                    MarketKind::Gap => (false, Reason::SequenceGap),
                    MarketKind::Clear
                    | MarketKind::Level
                    | MarketKind::Trade
                    | MarketKind::Best
                    | MarketKind::Reach => (false, Reason::BookNotLive),
                };
                out.push(BookChanged { instrument: event.instrument, is_live, reason }.into());
            }
        }
        if event.is_last() {
            self.on_message(event, out);
        }
    }

    fn on_trade(&mut self, event: &MarketEvent) {
        self.ground.on_trade(event);
        if let Some(instrument) = self.ground.instruments.get(event.instrument.index()) {
            let lots = instrument.lots_of_feed_qty(event.qty_e8);
            if let Some(parents) = &mut self.parents {
                parents.on_trade(event.instrument, event.price, lots, event.side() == Side::Buy);
            }
        }
    }

    #[inline]
    fn on_message(&mut self, event: &MarketEvent, out: &mut Vec<Output>) {
        let Message { is_changed, is_moved } = core::mem::take(&mut self.message);
        if is_moved {
            self.ground.on_moved(event.ts_recv, event.instrument);
        }
        if self.parents.as_ref().is_some_and(|parents| parents.is_read(event.instrument)) {
            let message = (event.instrument, is_changed);
            self.with_parents(out, |parents, desk, out| parents.on_message(desk, event.ts_recv, message, out));
            self.next_timer = self.find_next_timer();
        }
    }

    /// Takes in a command, a report or time. Market references are the engine's to resolve.
    pub fn apply(&mut self, ts: Ts, input: &Input, out: &mut Vec<Output>) {
        match input {
            Input::MarketData(_) => {}
            Input::SubmitParent(command) if self.is_ended => {
                out.push(ended(command.parent_id.0, SubmitParent::KIND, NO_INSTRUMENT));
            }
            Input::LoadAlgo(command) if self.is_ended => {
                out.push(ended(command.algo.into(), LoadAlgo::KIND, NO_INSTRUMENT));
            }
            Input::LoadAlgo(command) => self.with_parents(out, |parents, _, out| parents.load(command, out)),
            Input::SurfaceTaken(taken) => self.take_surface(taken, out),
            Input::SubmitParent(command) => {
                self.with_parents(out, |parents, desk, out| parents.submit(desk, ts, command, out));
            }
            Input::CancelParent(command) => {
                self.with_parents(out, |parents, desk, out| parents.cancel(desk, ts, command, out));
            }
            Input::PauseParent(command) => {
                self.with_parents(out, |parents, desk, out| parents.pause(desk, ts, command, out));
            }
            Input::ResumeParent(command) => {
                self.with_parents(out, |parents, desk, out| parents.resume(desk, ts, command, out));
            }
            Input::SubmitOrder(command) => self.submit_order(ts, command, out),
            Input::ReplaceOrder(command) => self.replace_order(ts, command, out),
            Input::CancelOrder(command) => self.cancel_order(ts, command, out),
            Input::CancelAll(command) => self.cancel_scope(ts, command.scope, command.id, CancelAll::KIND, out),
            Input::Kill(command) => self.kill(ts, *command, out),
            Input::EnableStrategy(command) => self.enable_strategy(*command, out),
            Input::ClearBreak(command) => self.oms.clear_break(command, out),
            Input::ExecutionReport(report) => self.on_report(ts, report, out),
            Input::CancelReject(reject) => self.on_cancel_reject(ts, reject, out),
            Input::Timer(_) => self.on_timer(ts, out),
            Input::SetTimer(command) => self.set_timer(command, out),
            Input::BalanceSet(balance) => self.risk.set_balance(balance),
            Input::End(_) => self.end(ts, out),
        }
        self.next_timer = self.find_next_timer();
    }

    /// A new key for a child or a cancel of the desk's own.
    pub(crate) fn new_cl_ord_id(&mut self) -> ClOrdId {
        let id = ClOrdId(self.next_cl_ord_id);
        self.next_cl_ord_id = self.next_cl_ord_id.saturating_add(1);
        id
    }

    /// Sends an order if every rule admits it. Returns whether it went.
    pub(crate) fn send(&mut self, ts: Ts, order: OrderSent, kind: u16, out: &mut Vec<Output>) -> bool {
        match self.check_and_submit(ts, &order) {
            Ok(sent) => {
                out.push(sent.into());
                true
            }
            Err(refusal) => {
                out.push(refused(order.cl_ord_id.0, kind, order.instrument, refusal));
                false
            }
        }
    }

    /// Gives the order as it goes out: risk bounds the price of a market order.
    fn check_and_submit(&mut self, ts: Ts, order: &OrderSent) -> Result<OrderSent, Refusal> {
        if self.is_ended {
            return Err(Refusal::plain(Reason::RunEnded));
        }
        let Some(book) = self.ground.books.get(order.instrument.index()) else {
            return Err(self.unknown_instrument(order.instrument));
        };
        self.oms.check_new(order)?;
        if self.oms.has_break(order.instrument) && self.risk.is_opening(order) {
            return Err(Refusal::plain(Reason::BreakOpen));
        }
        let sent = self.risk.check(ts, order, reference_of(book))?;
        self.oms.submit(ts, &sent)?;
        self.risk.on_sent(ts, &sent);
        Ok(sent)
    }

    /// Asks the venue to cancel an order; a refusal is put out under `kind`.
    pub(crate) fn request_cancel(&mut self, ts: Ts, orig: ClOrdId, kind: u16, out: &mut Vec<Output>) {
        match self.oms.request_cancel(ts, ClOrdId(self.next_cl_ord_id), orig) {
            Ok(sent) => {
                // Only now is the key used: a refusal leaves it to the next request.
                self.new_cl_ord_id();
                self.risk.on_cancel_sent(ts);
                out.push(sent.into());
            }
            Err(refusal) => out.push(refused(orig.0, kind, NO_INSTRUMENT, refusal)),
        }
    }

    fn submit_order(&mut self, ts: Ts, command: &SubmitOrder, out: &mut Vec<Output>) {
        let SubmitOrder {
            cl_ord_id, tags, instrument, side, ord_type, time_in_force, post_only, order_qty, price, ..
        } = *command;
        let kind = SubmitOrder::KIND;
        if self.is_ended {
            return out.push(ended(cl_ord_id.0, kind, instrument));
        }
        if let Err(refusal) = check_client_key(cl_ord_id) {
            return out.push(refused(cl_ord_id.0, kind, instrument, refusal));
        }
        let parent_id = ParentId(0);
        let order = OrderSent {
            cl_ord_id,
            parent_id,
            tags,
            instrument,
            side,
            ord_type,
            time_in_force,
            post_only,
            order_qty,
            price,
        };
        self.send(ts, order, kind, out);
    }

    fn replace_order(&mut self, ts: Ts, command: &ReplaceOrder, out: &mut Vec<Output>) {
        let (id, kind) = (command.cl_ord_id.0, ReplaceOrder::KIND);
        if self.is_ended {
            return out.push(ended(id, kind, NO_INSTRUMENT));
        }
        match self.check_and_replace(ts, command) {
            Ok(sent) => out.push(sent.into()),
            Err(refusal) => out.push(refused(id, kind, NO_INSTRUMENT, refusal)),
        }
    }

    /// A replace is checked as the order it would become. Children of parents are the desk's own: a client may cancel
    /// them, not change them.
    fn check_and_replace(&mut self, ts: Ts, command: &ReplaceOrder) -> Result<ReplaceSent, Refusal> {
        check_client_key(command.cl_ord_id)?;
        check_client_key(command.orig_cl_ord_id)?;
        let would_be = self.oms.check_replace(command)?;
        let Some(book) = self.ground.books.get(would_be.instrument.index()) else {
            return Err(self.unknown_instrument(would_be.instrument));
        };
        if self.oms.has_break(would_be.instrument) && self.risk.is_opening(&self.added_by(command, would_be)) {
            return Err(Refusal::plain(Reason::BreakOpen));
        }
        self.risk.check_replace(ts, command.orig_cl_ord_id, &would_be, reference_of(book))?;
        let sent = self.oms.request_replace(ts, command)?;
        self.risk.on_replace_sent(ts, command.orig_cl_ord_id, &would_be);
        Ok(sent)
    }

    /// What a replace adds to an order that counts as open already.
    fn added_by(&self, command: &ReplaceOrder, would_be: OrderSent) -> OrderSent {
        let before = self.oms.order(command.orig_cl_ord_id).map_or(Qty::ZERO, |order| order.order_qty);
        OrderSent { order_qty: would_be.order_qty.saturating_sub(before), ..would_be }
    }

    fn unknown_instrument(&self, instrument: InstrumentId) -> Refusal {
        let count = i128::try_from(self.ground.instruments.len()).unwrap_or(i128::MAX);
        Refusal::new(Reason::UnknownInstrument, instrument.0, count)
    }

    fn cancel_order(&mut self, ts: Ts, command: &CancelOrder, out: &mut Vec<Output>) {
        self.request_cancel(ts, command.orig_cl_ord_id, CancelOrder::KIND, out);
    }

    fn cancel_scope(&mut self, ts: Ts, scope: KillScope, id: u32, kind: u16, out: &mut Vec<Output>) {
        let covered: Vec<ClOrdId> = self
            .oms
            .working()
            .filter(|order| self.covers(scope, id, order.tags, order.instrument))
            .filter(|order| order.ord_status() != OrdStatus::PendingCancel)
            .map(|order| order.cl_ord_id)
            .collect();
        for cl_ord_id in covered {
            self.request_cancel(ts, cl_ord_id, kind, out);
        }
    }

    fn kill(&mut self, ts: Ts, command: Kill, out: &mut Vec<Output>) {
        out.extend(self.risk.set_kill(&command).map(Output::from));
        if command.is_on {
            self.cancel_scope(ts, command.scope, command.id, Kill::KIND, out);
            self.wait_for_killed(ts);
        }
    }

    /// A kill stands until nothing works under it: a venue may refuse a cancel, or never answer it, and a fill undone may
    /// make an order work again.
    fn retry_killed(&mut self, ts: Ts, out: &mut Vec<Output>) {
        if self.ts_kill_retry.is_none_or(|due| ts < due) {
            return;
        }
        let is_asked = |order: &&Order| order.ord_status() == OrdStatus::PendingCancel;
        let killed: Vec<ClOrdId> =
            self.killed().filter(|order| !is_asked(order)).map(|order| order.cl_ord_id).collect();
        for cl_ord_id in killed {
            self.request_cancel(ts, cl_ord_id, Kill::KIND, out);
        }
        self.ts_kill_retry = None;
        self.wait_for_killed(ts);
    }

    fn wait_for_killed(&mut self, ts: Ts) {
        if self.ts_kill_retry.is_none() && self.killed().next().is_some() {
            self.ts_kill_retry = Some(ts.plus_ns(KILL_RETRY_NS));
        }
    }

    fn killed(&self) -> impl Iterator<Item = &Order> {
        self.oms.working().filter(|order| self.risk.is_killed(order.instrument, order.tags.strategy).is_some())
    }

    fn enable_strategy(&mut self, command: EnableStrategy, out: &mut Vec<Output>) {
        out.push(match self.risk.enable_strategy(&command) {
            Ok(enabled) => enabled.into(),
            Err(refusal) => refused(command.strategy.into(), EnableStrategy::KIND, NO_INSTRUMENT, refusal),
        });
    }

    fn on_report(&mut self, ts: Ts, report: &ExecutionReport, out: &mut Vec<Output>) {
        let from = out.len();
        self.oms.on_report(ts, report, out);
        self.absorb(ts, from, out);
    }

    fn on_cancel_reject(&mut self, ts: Ts, reject: &CancelReject, out: &mut Vec<Output>) {
        let from = out.len();
        self.oms.on_cancel_reject(ts, reject, out);
        self.absorb(ts, from, out);
    }

    /// Feeds what the oms put out to risk and to the parents. What these put out stands behind it and is not fed again.
    fn absorb(&mut self, ts: Ts, from: usize, out: &mut Vec<Output>) {
        for at in from..out.len() {
            let output = out.get(at).copied();
            if let Some(Output::FillBooked(fill)) = output {
                self.ground.on_fill(&fill);
                if let Some(parents) = &mut self.parents {
                    parents.on_fill(&fill);
                }
                out.extend(self.risk.on_fill(ts, &fill).map(Output::from));
            } else if let Some(Output::OrderUpdated(update)) = output {
                let unbooked = self.oms.order(update.cl_ord_id).map_or(Qty::ZERO, Order::unbooked_qty);
                if let Some(parents) = &mut self.parents {
                    parents.on_update(&update, unbooked);
                }
                self.risk.on_update(&update);
            }
        }
        if self.risk.has_kill() && out.len() > from {
            self.wait_for_killed(ts);
        }
        if self.parents.as_ref().is_some_and(|parents| parents.has_touched()) {
            self.with_parents(out, |parents, desk, out| parents.settle(desk, ts, out));
        }
    }

    fn on_timer(&mut self, ts: Ts, out: &mut Vec<Output>) {
        while let Some((ts_due, id)) = self.client_timers.first().copied().filter(|(due, _)| *due <= ts) {
            self.client_timers.remove(&(ts_due, id));
            out.push(TimerFired { id, ts_due }.into());
        }
        let from = out.len();
        self.oms.on_timer(ts, out);
        self.absorb(ts, from, out);
        self.retry_killed(ts, out);
        self.with_parents(out, |parents, desk, out| parents.on_timer(desk, ts, out));
    }

    /// Vols and forwards from now on; programs see them when they are woken next.
    fn take_surface(&mut self, taken: &SurfaceTaken, out: &mut Vec<Output>) {
        let (id, kind) = (taken.surface.version, SurfaceTaken::KIND);
        if self.is_ended {
            return out.push(ended(id, kind, NO_INSTRUMENT));
        }
        if let Err(refusal) = self.ground.on_surface(&taken.surface) {
            out.push(refused(id, kind, NO_INSTRUMENT, refusal));
        }
    }

    fn set_timer(&mut self, command: &SetTimer, out: &mut Vec<Output>) {
        if self.is_ended {
            return out.push(ended(command.id, SetTimer::KIND, NO_INSTRUMENT));
        }
        if self.client_timers.len() >= CLIENT_TIMERS_MAX {
            let max = i128::try_from(CLIENT_TIMERS_MAX).unwrap_or(i128::MAX);
            let refusal = Refusal::new(Reason::TooManyTimers, max, max);
            return out.push(refused(command.id, SetTimer::KIND, NO_INSTRUMENT, refusal));
        }
        self.client_timers.insert((command.ts_due, command.id));
    }

    /// The end: every working order is asked to be canceled; parents stay as they are.
    fn end(&mut self, ts: Ts, out: &mut Vec<Output>) {
        self.cancel_scope(ts, KillScope::All, 0, tiderace_types::input::End::KIND, out);
        self.is_ended = true;
        self.client_timers.clear();
    }

    fn find_next_timer(&self) -> Ts {
        if self.is_ended {
            return Ts::MAX;
        }
        let client = self.client_timers.first().map(|(due, _)| *due);
        let parents = self.parents.as_ref().and_then(|parents| parents.next_timer());
        let stages = [self.oms.next_timer(), parents];
        stages.into_iter().chain([client, self.ts_kill_retry]).flatten().min().unwrap_or(Ts::MAX)
    }

    /// Lends the parents the desk that they act on.
    fn with_parents(&mut self, out: &mut Vec<Output>, act: impl FnOnce(&mut Parents, &mut Self, &mut Vec<Output>)) {
        if let Some(mut parents) = self.parents.take() {
            act(&mut parents, self, out);
            self.parents = Some(parents);
        }
    }

    fn covers(&self, scope: KillScope, id: u32, tags: Tags, instrument: InstrumentId) -> bool {
        match scope {
            KillScope::All => true,
            KillScope::Account => self.account.0 == id,
            KillScope::Strategy => tags.strategy == id,
            KillScope::Instrument => u32::from(instrument.0) == id,
        }
    }
}

/// The keys above are the desk's own.
fn check_client_key(cl_ord_id: ClOrdId) -> Result<(), Refusal> {
    if cl_ord_id.0 == 0 || cl_ord_id.0 >= DESK_CL_ORD_ID {
        return Err(Refusal::new(Reason::BadClOrdId, cl_ord_id.0, DESK_CL_ORD_ID));
    }
    Ok(())
}

fn ended(id: u64, kind: u16, instrument: InstrumentId) -> Output {
    refused(id, kind, instrument, Refusal::plain(Reason::RunEnded))
}

/// A refusal as it is put out.
pub(crate) fn refused(id: u64, kind: u16, instrument: InstrumentId, refusal: Refusal) -> Output {
    let Refusal { reason, value, limit } = refusal;
    Refused { id, kind, instrument, reason, value, limit }.into()
}

fn reference_of(book: &Book) -> Option<Reference> {
    if !book.is_live() {
        return None;
    }
    book.best(Side::Buy).zip(book.best(Side::Sell)).map(|(bid, ask)| (bid.price, ask.price))
}
