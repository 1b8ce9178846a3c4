//! The event loop of a simulated run: one virtual clock over the tape, the venues, the desk and a client.
//!
//! Three things move: market records reach the desk at `ts_recv`; orders reach their venue after the order-entry latency
//! and meet the market as it was there, at `ts_event`; reports come back after the response latency. What is due first
//! goes first; on equal times a venue's market goes before orders, orders before reports, reports before timers, timers
//! before market data, so that a run is the same every time. A venue without orders of ours is brought up to date only
//! when one arrives. A venue's own best prices come over a stream of their own, and where the venue does not stamp them
//! they carry the time of their receipt: the venue's side skips them, or they would hold back what happened before.
//!
//! The run ends with the last market record: what is under way to a later time is lost, as with any recording that ends.

use std::collections::VecDeque;

use tiderace_engine::config::Balance;
use tiderace_engine::{DeskConfig, Engine, JournalError};
use tiderace_types::input::{BalanceSet, Timer};
use tiderace_types::{Input, InstrumentId, MarketEvent, MarketKind, Output, Ts};

use crate::{Latency, Leg, Reports, SimConfig, SimExchange};

/// Who decides: a strategy. What it submits becomes a journaled input that names its cause.
pub trait Client {
    /// Why a client stops the run.
    type Error;

    /// The run begins, at the time of the first market record.
    ///
    /// # Errors
    /// The client's own.
    fn on_start(&mut self, engine: &Engine, ts: Ts, commands: &mut Vec<Input>) -> Result<(), Self::Error>;

    /// A market record was applied.
    ///
    /// # Errors
    /// The client's own.
    fn on_market(&mut self, engine: &Engine, event: &MarketEvent, commands: &mut Vec<Input>)
    -> Result<(), Self::Error>;

    /// The desk put something out.
    ///
    /// # Errors
    /// The client's own.
    fn on_output(
        &mut self,
        engine: &Engine,
        ts: Ts,
        output: &Output,
        commands: &mut Vec<Input>,
    ) -> Result<(), Self::Error>;

    /// The run is about to end.
    ///
    /// # Errors
    /// The client's own.
    fn on_stop(&mut self, engine: &Engine, ts: Ts, commands: &mut Vec<Input>) -> Result<(), Self::Error>;

    /// Called now and then, however little the market moves, with the market records done and their total; `false` cuts
    /// the run short.
    fn on_progress(&mut self, done: u64, total: u64) -> bool;
}

/// Nobody decides: a run of parents alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Idle;

impl Client for Idle {
    type Error = core::convert::Infallible;

    fn on_start(&mut self, _: &Engine, _: Ts, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn on_market(&mut self, _: &Engine, _: &MarketEvent, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn on_output(&mut self, _: &Engine, _: Ts, _: &Output, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn on_stop(&mut self, _: &Engine, _: Ts, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn on_progress(&mut self, _: u64, _: u64) -> bool {
        true
    }
}

/// Why a run stopped.
#[derive(Debug)]
pub enum DriveError<E> {
    /// The journal could not be written.
    Journal(JournalError),
    /// The client failed.
    Client(E),
    /// The client gave more than [`COMMANDS_PER_EVENT_MAX`] commands while no time passed: it answers its own echoes.
    TooManyCommands,
}

impl<E> From<JournalError> for DriveError<E> {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Digest of all outputs.
    pub digest: [u8; 32],
    /// Cut short.
    pub interrupted: bool,
    /// Time on the virtual clock.
    pub ts: Ts,
}

/// Steps of the run between two calls of [`Client::on_progress`], before each of which the journal goes to the operating
/// system.
const PROGRESS_EVERY: u64 = 1 << 14;
/// Commands that a client may answer one market record with, those that answer their outcomes at the same time included.
pub const COMMANDS_PER_EVENT_MAX: usize = 1 << 16;

/// One direction of an order-entry session: latency is drawn, order is kept as on one connection.
struct Link<T> {
    latency: Latency,
    /// What is under way, by arrival: nothing overtakes, so that is the order of sending.
    flights: VecDeque<(Ts, T)>,
    ts_last: Ts,
}

impl<T> Link<T> {
    fn new(latency: Latency) -> Self {
        Self { latency, flights: VecDeque::with_capacity(64), ts_last: Ts::MIN }
    }
    fn send(&mut self, ts: Ts, message: T) {
        self.ts_last = self.ts_last.max(ts.plus_ns(self.latency.draw_ns()));
        self.flights.push_back((self.ts_last, message));
    }
    fn ts_next(&self) -> Ts {
        self.flights.front().map_or(Ts::MAX, |(ts, _)| *ts)
    }
    fn receive(&mut self) -> Option<(Ts, T)> {
        self.flights.pop_front()
    }
}

/// What is due next.
enum Due {
    VenueMarket(InstrumentId),
    Order,
    Report,
    Timer,
    Market,
    Nothing,
}

/// A run in progress.
pub struct Driver<'a, C> {
    engine: &'a mut Engine,
    client: &'a mut C,
    exchange: SimExchange,
    tape: &'a [MarketEvent],
    /// Next market record for the desk.
    next: usize,
    /// Where each venue's own side goes on: no record of its market that it has not seen lies before.
    venue_next: Vec<usize>,
    orders: Link<Output>,
    reports: Link<Input>,
    venue_out: Reports,
    /// Whether an order of ours rests anywhere: only then do the venues' own clocks count.
    is_resting: bool,
    commands: Vec<Input>,
    /// Commands since time last passed.
    commands_now: usize,
    now: Ts,
}

impl<'a, C: Client> Driver<'a, C> {
    /// A run of `engine` over `tape` against `exchange`.
    pub fn new(
        engine: &'a mut Engine,
        client: &'a mut C,
        exchange: SimExchange,
        config: &SimConfig,
        tape: &'a [MarketEvent],
    ) -> Self {
        let instruments = engine.desk().instruments().len();
        Self {
            exchange,
            tape,
            next: 0,
            venue_next: vec![0; instruments],
            orders: Link::new(Latency::new(config.order_entry, config.seed, Leg::OrderEntry)),
            reports: Link::new(Latency::new(config.response, config.seed, Leg::Response)),
            venue_out: Vec::with_capacity(64),
            is_resting: false,
            commands: Vec::with_capacity(64),
            commands_now: 0,
            now: tape.first().map_or(Ts::ZERO, |event| event.ts_recv),
            engine,
            client,
        }
    }

    /// Runs to the end of the tape, or until the client says stop.
    ///
    /// # Errors
    /// [`DriveError`]. Where the client is at fault the journal is sealed as interrupted; where the journal is, it ends
    /// with the last batch that was written.
    pub fn run(mut self, config: &DeskConfig) -> Result<Ended, DriveError<C::Error>> {
        match self.drive(config) {
            Ok(interrupted) => {
                let digest = self.engine.finish(self.now, interrupted)?;
                Ok(Ended { digest, interrupted, ts: self.now })
            }
            Err(DriveError::Journal(error)) => Err(DriveError::Journal(error)),
            Err(error @ (DriveError::Client(_) | DriveError::TooManyCommands)) => {
                self.engine.finish(self.now, true)?;
                Err(error)
            }
        }
    }

    /// From start to stop; whether the client cut it short.
    fn drive(&mut self, config: &DeskConfig) -> Result<bool, DriveError<C::Error>> {
        self.start(config)?;
        let interrupted = self.go()?;
        self.client.on_stop(self.engine, self.now, &mut self.commands).map_err(DriveError::Client)?;
        self.submit()?;
        Ok(interrupted)
    }

    fn go(&mut self) -> Result<bool, DriveError<C::Error>> {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let mut steps = 0_u64;
        loop {
            if steps.is_multiple_of(PROGRESS_EVERY) {
                self.engine.flush()?;
                if !self.client.on_progress(count(self.next), count(self.tape.len())) {
                    return Ok(true);
                }
            }
            steps = steps.wrapping_add(1);
            match self.due() {
                Due::Market => self.market()?,
                Due::VenueMarket(instrument) => self.venue_market(instrument),
                Due::Order => self.order(),
                Due::Report => self.report()?,
                Due::Timer => self.timer()?,
                Due::Nothing => return Ok(false),
            }
        }
    }

    fn start(&mut self, config: &DeskConfig) -> Result<(), DriveError<C::Error>> {
        for balance in &config.balances {
            let Balance { account, venue, asset, amount } = *balance;
            let input = BalanceSet { account, venue, asset, amount };
            self.input(&input.into())?;
        }
        for parent in &config.parents {
            self.input(&parent.command(0).into())?;
        }
        self.client.on_start(self.engine, self.now, &mut self.commands).map_err(DriveError::Client)?;
        self.submit()
    }

    /// What comes next. After the last record only what is under way up to its time is still done.
    fn due(&mut self) -> Due {
        let ts_market = self.tape.get(self.next).map_or(Ts::MAX, |event| event.ts_recv);
        let ts_timer = self.engine.desk().next_timer();
        let ts_report = self.reports.ts_next();
        let ts_order = self.orders.ts_next();
        let mut due = Due::Market;
        let mut ts = ts_market;
        if ts_timer <= ts && ts_timer != Ts::MAX {
            (due, ts) = (Due::Timer, ts_timer);
        }
        if ts_report <= ts && ts_report != Ts::MAX {
            (due, ts) = (Due::Report, ts_report);
        }
        if ts_order <= ts && ts_order != Ts::MAX {
            (due, ts) = (Due::Order, ts_order);
        }
        if self.is_resting
            && let Some((instrument, ts_venue)) = self.venue_due()
            && ts_venue <= ts
        {
            (due, ts) = (Due::VenueMarket(instrument), ts_venue);
        }
        let ts_end = self.tape.last().map_or(Ts::ZERO, |event| event.ts_recv);
        if ts == Ts::MAX || ts > ts_end { Due::Nothing } else { due }
    }

    /// The next record of a venue where an order rests.
    fn venue_due(&mut self) -> Option<(InstrumentId, Ts)> {
        let mut first = None;
        for row in 0..self.venue_next.len() {
            let Ok(instrument) = u16::try_from(row).map(InstrumentId) else { break };
            if self.exchange.has_resting(instrument)
                && let Some(event) = self.venue_peek(instrument)
                && first.is_none_or(|(_, ts)| event.ts_event < ts)
            {
                first = Some((instrument, event.ts_event));
            }
        }
        first
    }

    /// The next record of an instrument's own market. What is passed over is not looked at again.
    fn venue_peek(&mut self, instrument: InstrumentId) -> Option<&'a MarketEvent> {
        let next = self.venue_next.get_mut(instrument.index())?;
        let rest = self.tape.get(*next..)?;
        let is_next = |event: &MarketEvent| event.instrument == instrument && event.kind != MarketKind::Best;
        let ahead = rest.iter().position(is_next).unwrap_or(rest.len());
        *next = next.saturating_add(ahead);
        self.tape.get(*next)
    }

    fn market(&mut self) -> Result<(), DriveError<C::Error>> {
        let Some(event) = self.tape.get(self.next) else { return Ok(()) };
        (self.now, self.commands_now) = (event.ts_recv, 0);
        let index = u64::try_from(self.next).unwrap_or(u64::MAX);
        self.next = self.next.saturating_add(1);
        self.engine.market(index, event)?;
        if !self.engine.outputs().is_empty() {
            self.after_outputs()?;
        }
        if event.is_last() {
            self.client.on_market(self.engine, event, &mut self.commands).map_err(DriveError::Client)?;
            self.submit()?;
        }
        Ok(())
    }

    /// Brings a venue's own side one record further.
    fn venue_market(&mut self, instrument: InstrumentId) {
        let Some(event) = self.venue_peek(instrument) else { return };
        if let Some(next) = self.venue_next.get_mut(instrument.index()) {
            *next = next.saturating_add(1);
        }
        self.exchange.on_market(event, &mut self.venue_out);
        self.send_reports();
    }

    fn order(&mut self) {
        let Some((ts, message)) = self.orders.receive() else { return };
        let Some(instrument) = venue_of(&message) else { return };
        while self.venue_peek(instrument).is_some_and(|event| event.ts_event <= ts) {
            self.venue_market(instrument);
        }
        let out = &mut self.venue_out;
        if let Output::OrderSent(sent) = &message {
            self.exchange.on_order(ts, sent, out);
        } else if let Output::CancelSent(sent) = &message {
            self.exchange.on_cancel(ts, sent, out);
        } else if let Output::ReplaceSent(sent) = &message {
            self.exchange.on_replace(ts, sent, out);
        } else if let Output::StatusRequested(sent) = &message {
            self.exchange.on_status_request(ts, sent, out);
        }
        self.send_reports();
    }

    fn send_reports(&mut self) {
        let exchange = &self.exchange;
        self.is_resting = self.engine.desk().instruments().iter().any(|i| exchange.has_resting(i.id));
        for (ts, report) in self.venue_out.drain(..) {
            self.reports.send(ts, report);
        }
    }

    fn report(&mut self) -> Result<(), DriveError<C::Error>> {
        let Some((ts, report)) = self.reports.receive() else { return Ok(()) };
        self.pass_time(ts);
        self.input(&report)?;
        self.submit()
    }

    fn timer(&mut self) -> Result<(), DriveError<C::Error>> {
        let ts_due = self.engine.desk().next_timer();
        self.pass_time(ts_due);
        self.input(&Timer { ts_due }.into())?;
        self.submit()
    }

    /// A timer may have been set for a time that has passed already: the clock does not go back.
    fn pass_time(&mut self, ts: Ts) {
        if ts > self.now {
            (self.now, self.commands_now) = (ts, 0);
        }
    }

    /// Applies an input and takes care of what comes out.
    fn input(&mut self, input: &Input) -> Result<(), DriveError<C::Error>> {
        self.engine.input(self.now, input)?;
        self.after_outputs()
    }

    /// Sends what goes out to the venues, and tells the client. Its commands wait until the outputs are through.
    fn after_outputs(&mut self) -> Result<(), DriveError<C::Error>> {
        for output in self.engine.outputs() {
            if venue_of(output).is_some() {
                self.orders.send(self.now, *output);
            }
            self.client.on_output(self.engine, self.now, output, &mut self.commands).map_err(DriveError::Client)?;
        }
        Ok(())
    }

    /// Feeds the client's commands to the desk until it has no more to say.
    fn submit(&mut self) -> Result<(), DriveError<C::Error>> {
        while !self.commands.is_empty() {
            self.commands_now = self.commands_now.saturating_add(self.commands.len());
            if self.commands_now > COMMANDS_PER_EVENT_MAX {
                return Err(DriveError::TooManyCommands);
            }
            let commands = core::mem::take(&mut self.commands);
            for command in &commands {
                self.input(command)?;
            }
            if self.commands.is_empty() {
                // The buffer goes back, so that a busy client allocates once.
                self.commands = commands;
                self.commands.clear();
            }
        }
        Ok(())
    }
}

/// The instrument to whose venue an output goes; none for what stays here.
const fn venue_of(output: &Output) -> Option<InstrumentId> {
    match output {
        Output::OrderSent(sent) => Some(sent.instrument),
        Output::CancelSent(sent) => Some(sent.instrument),
        Output::ReplaceSent(sent) => Some(sent.instrument),
        Output::StatusRequested(sent) => Some(sent.instrument),
        Output::OrderUpdated(_)
        | Output::FillBooked(_)
        | Output::Refused(_)
        | Output::ParentUpdated(_)
        | Output::SliceStarted(_)
        | Output::ArrivalTaken(_)
        | Output::VenueSkipped(_)
        | Output::BookChanged(_)
        | Output::BreakRaised(_)
        | Output::BreakCleared(_)
        | Output::KillChanged(_)
        | Output::StrategyEnabled(_)
        | Output::TimerFired(_) => None,
    }
}
