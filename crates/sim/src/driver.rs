//! The event loop of a simulated run: one virtual clock over markets, venues, the desk and a client.
//!
//! Three things move: market records reach the desk at `ts_recv`; orders reach their venue after the order-entry latency
//! and meet the market as it was there, at `ts_event`; reports come back after the response latency. What is due first
//! goes first; on equal times a venue's market goes before orders, orders before reports, reports before timers, timers
//! before market data, so that a run is the same every time.
//!
//! What moves without the desk is a [`World`]: a recording with simulated venues behind it ([`Recorded`]), or Tiderace's
//! own venue (`OwnVenue`). The run ends when the world does: what is under way to a later time is lost, as with
//! any recording that ends.

use std::collections::VecDeque;

use tiderace_engine::config::Balance;
use tiderace_engine::{DeskConfig, Engine, JournalError};
use tiderace_types::input::{BalanceSet, Timer};
use tiderace_types::{Input, InstrumentId, MarketEvent, Output, Ts};

use crate::recorded::Recorded;
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
pub(crate) struct Link<T> {
    latency: Latency,
    /// What is under way, by arrival: nothing overtakes, so that is the order of sending.
    flights: VecDeque<(Ts, T)>,
    ts_last: Ts,
}

impl<T> Link<T> {
    pub(crate) fn new(latency: Latency) -> Self {
        Self { latency, flights: VecDeque::with_capacity(64), ts_last: Ts::MIN }
    }
    pub(crate) fn send(&mut self, ts: Ts, message: T) {
        self.ts_last = self.ts_last.max(ts.plus_ns(self.latency.draw_ns()));
        self.flights.push_back((self.ts_last, message));
    }
    pub(crate) fn ts_next(&self) -> Ts {
        self.flights.front().map_or(Ts::MAX, |(ts, _)| *ts)
    }
    pub(crate) fn receive(&mut self) -> Option<(Ts, T)> {
        self.flights.pop_front()
    }
}

/// What is due next.
enum Due {
    World,
    Report,
    Timer,
    Market,
    Nothing,
}

/// The markets of a run and the venues behind them: what moves without the desk.
pub trait World {
    /// When the run begins.
    fn ts_start(&self) -> Ts;

    /// When it ends: nothing later is done.
    fn ts_end(&self) -> Ts;

    /// When a venue's side moves next; [`Ts::MAX`] for never.
    fn due(&mut self) -> Ts;

    /// Moves it, and gives the reports that leave for the desk, each with its venue time.
    fn step(&mut self, out: &mut Reports);

    /// A message of the desk leaves for its venue.
    fn send(&mut self, ts: Ts, message: &Output);

    /// When the next market record reaches the desk; [`Ts::MAX`] for never.
    fn ts_record(&self) -> Ts;

    /// Takes that record, and its place on the tape.
    fn take_record(&mut self) -> Option<(u64, MarketEvent)>;

    /// How much of the run is done, and how much there is.
    fn progress(&self) -> (u64, u64);
}

/// A run in progress.
pub struct Driver<'a, C, W> {
    engine: &'a mut Engine,
    client: &'a mut C,
    world: W,
    reports: Link<Input>,
    venue_out: Reports,
    commands: Vec<Input>,
    /// Commands since time last passed.
    commands_now: usize,
    now: Ts,
}

impl<'a, C: Client> Driver<'a, C, Recorded<'a>> {
    /// A run of `engine` over `tape` against `exchange`.
    pub fn new(
        engine: &'a mut Engine,
        client: &'a mut C,
        exchange: SimExchange,
        config: &SimConfig,
        tape: &'a [MarketEvent],
    ) -> Self {
        let instruments = engine.desk().instruments().len();
        Self::over(engine, client, Recorded::new(exchange, config, tape, instruments), config)
    }
}

impl<'a, C: Client, W: World> Driver<'a, C, W> {
    /// A run of `engine` in a world.
    pub fn over(engine: &'a mut Engine, client: &'a mut C, world: W, config: &SimConfig) -> Self {
        Self {
            now: world.ts_start(),
            world,
            reports: Link::new(Latency::new(config.response, config.seed, Leg::Response)),
            venue_out: Vec::with_capacity(64),
            commands: Vec::with_capacity(64),
            commands_now: 0,
            engine,
            client,
        }
    }

    /// Runs to the end of the world, or until the client says stop; gives the world back.
    ///
    /// # Errors
    /// [`DriveError`]. Where the client is at fault the journal is sealed as interrupted; where the journal is, it ends
    /// with the last batch that was written.
    pub fn run(mut self, config: &DeskConfig) -> Result<(Ended, W), DriveError<C::Error>> {
        match self.drive(config) {
            Ok(interrupted) => {
                let digest = self.engine.finish(self.now, interrupted)?;
                Ok((Ended { digest, interrupted, ts: self.now }, self.world))
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
        let mut steps = 0_u64;
        loop {
            if steps.is_multiple_of(PROGRESS_EVERY) {
                self.engine.flush()?;
                let (done, total) = self.world.progress();
                if !self.client.on_progress(done, total) {
                    return Ok(true);
                }
            }
            steps = steps.wrapping_add(1);
            match self.due() {
                Due::Market => self.market()?,
                Due::World => self.step(),
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

    /// What comes next. After the end only what is under way up to its time is still done.
    fn due(&mut self) -> Due {
        let mut due = Due::Market;
        let mut ts = self.world.ts_record();
        let ts_timer = self.engine.desk().next_timer();
        if ts_timer <= ts && ts_timer != Ts::MAX {
            (due, ts) = (Due::Timer, ts_timer);
        }
        let ts_report = self.reports.ts_next();
        if ts_report <= ts && ts_report != Ts::MAX {
            (due, ts) = (Due::Report, ts_report);
        }
        let ts_world = self.world.due();
        if ts_world <= ts && ts_world != Ts::MAX {
            (due, ts) = (Due::World, ts_world);
        }
        if ts == Ts::MAX || ts > self.world.ts_end() { Due::Nothing } else { due }
    }

    fn market(&mut self) -> Result<(), DriveError<C::Error>> {
        let Some((index, event)) = self.world.take_record() else { return Ok(()) };
        (self.now, self.commands_now) = (event.ts_recv, 0);
        self.engine.market(index, &event)?;
        if !self.engine.outputs().is_empty() {
            self.after_outputs()?;
        }
        if event.is_last() {
            self.client.on_market(self.engine, &event, &mut self.commands).map_err(DriveError::Client)?;
            self.submit()?;
        }
        Ok(())
    }

    /// Moves the venues' side, and sends their reports on their way.
    fn step(&mut self) {
        self.world.step(&mut self.venue_out);
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
                self.world.send(self.now, output);
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
pub(crate) const fn venue_of(output: &Output) -> Option<InstrumentId> {
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
        | Output::TimerFired(_)
        | Output::ProgramStopped(_)
        | Output::ProgramNoted(_) => None,
    }
}
