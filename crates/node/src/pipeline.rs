//! The threads and what leads in and out of them.
//!
//! A journal that fails ends matching: [`Inlet::submit`] then takes cancels and kills alone, and says so to everything
//! else. They are applied, kept in the emergency segment, and answered with [`Output::is_emergency`] set. What was
//! submitted before and not yet kept is dropped, never acknowledged. [`Pipeline::stop`] tells the failure; opening the
//! journal again recovers, adopts the emergency segment, and finds the venue killed until an operator lifts that.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use rtrb::{Consumer, Producer, RingBuffer};
use tiderace_journal::JournalError;
use tiderace_types::venue::{
    ANY_INSTRUMENT, CONDITION_FORM_MAX, Command, ListPayoff, Malformed, MassQuote, NewOrder, PAYOFF_FORM_MAX,
    QUOTE_ENTRIES_MAX, SURFACE_FORWARDS_MAX, SURFACE_VOLS_MAX, SubmitConditional, SurfacePublished,
};
use tiderace_types::{AccountId, Amount, ClOrdId, Reason, Ts};

use crate::committer::{Committer, Waiting};
use crate::engine::EngineThread;
use crate::error::NodeError;
use crate::histogram::Histogram;
use crate::machine::Machine;
use crate::publisher::{PublisherThread, Subscriber, Subscription, Topic, subscription};
use crate::recover::Recovery;
use crate::words::{Inbound, Output};

/// How large the rings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Entries of each ring.
    pub ring: usize,
    /// Whether the engine takes the time of each command.
    pub is_timed: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { ring: 4 * 1024, is_timed: false }
    }
}

/// What the threads tell each other beside the rings.
pub(crate) struct Shared {
    durable_seq: AtomicU64,
    has_failed: AtomicBool,
    error: Mutex<Option<JournalError>>,
    has_subscribers: AtomicBool,
    subscribers: Mutex<Vec<Subscriber>>,
}

impl Shared {
    pub(crate) fn durable_seq(&self) -> u64 {
        self.durable_seq.load(Ordering::Acquire)
    }

    pub(crate) fn set_durable(&self, seq: u64) {
        self.durable_seq.store(seq, Ordering::Release);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Remembers the first failure.
    pub(crate) fn fail(&self, error: JournalError) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.has_failed.store(true, Ordering::Release);
    }

    /// Moves new subscribers over. The lock is touched only where there are some.
    pub(crate) fn take_subscribers(&self, to: &mut Vec<Subscriber>) {
        if self.has_subscribers.swap(false, Ordering::AcqRel) {
            to.append(&mut self.subscribers.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The ring is full: come again.
    Full,
    /// The journal failed, and only cancels and kills are taken; or the engine ended, and nothing is.
    Stopped,
}

/// Where commands go in.
pub struct Inlet {
    ring: Producer<Inbound>,
    next_seq: u64,
    shared: Arc<Shared>,
}

impl Inlet {
    /// Sends a command. Returns its sequence, which every output that it causes carries.
    ///
    /// # Errors
    /// [`NotTaken`]; the command was not sent then.
    pub fn submit(&mut self, ts: Ts, command: &Command) -> Result<u64, NotTaken> {
        if self.shared.has_failed() && !command.is_rescue() {
            return Err(NotTaken::Stopped);
        }
        if self.ring.is_abandoned() {
            return Err(NotTaken::Stopped);
        }
        if self.ring.is_full() {
            return Err(NotTaken::Full);
        }
        let seq = self.next_seq;
        let command = readable(command);
        self.ring.push(Inbound { seq, ts, command }).map_err(|_| NotTaken::Full)?;
        self.next_seq = seq.saturating_add(1);
        Ok(seq)
    }

    /// Sequence that the next command gets.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.next_seq
    }
}

/// The command, or, where it is larger than a recovery reads, what the venue refuses it by: what is journaled must be
/// read again.
fn readable(command: &Command) -> Command {
    match command {
        Command::MassQuote(quote) if quote.entries.len() > QUOTE_ENTRIES_MAX => {
            let [value, limit] = [quote.entries.len(), QUOTE_ENTRIES_MAX]
                .map(|entries| Amount::new(i128::try_from(entries).unwrap_or(i128::MAX)));
            let (account, cl_ord_id) = (quote.account, quote.quote_id);
            let instrument = ANY_INSTRUMENT;
            let reason = Reason::BadField;
            Malformed { kind: MassQuote::KIND, account, instrument, cl_ord_id, reason, value, limit }.into()
        }
        Command::SurfacePublished(surface)
            if surface.forwards.len() > SURFACE_FORWARDS_MAX || surface.vols.len() > SURFACE_VOLS_MAX =>
        {
            let [value, limit] = [surface.vols.len(), SURFACE_VOLS_MAX]
                .map(|entries| Amount::new(i128::try_from(entries).unwrap_or(i128::MAX)));
            let (account, cl_ord_id) = (AccountId(u32::MAX), ClOrdId(0));
            let (kind, instrument, reason) = (SurfacePublished::KIND, ANY_INSTRUMENT, Reason::BadField);
            Malformed { kind, account, instrument, cl_ord_id, reason, value, limit }.into()
        }
        Command::ListPayoff(payoff) if !payoff.is_within_bounds() => {
            let [value, limit] = [payoff.form.len(), PAYOFF_FORM_MAX]
                .map(|bytes| Amount::new(i128::try_from(bytes).unwrap_or(i128::MAX)));
            let (account, cl_ord_id) = (AccountId(u32::MAX), ClOrdId(0));
            let (kind, instrument, reason) = (ListPayoff::KIND, payoff.terms.instrument, Reason::BadField);
            Malformed { kind, account, instrument, cl_ord_id, reason, value, limit }.into()
        }
        Command::SubmitConditional(conditional) if !conditional.is_within_bounds() => {
            let [value, limit] = [conditional.form.len(), CONDITION_FORM_MAX]
                .map(|bytes| Amount::new(i128::try_from(bytes).unwrap_or(i128::MAX)));
            let NewOrder { account, instrument, cl_ord_id, .. } = conditional.order;
            let (kind, reason) = (SubmitConditional::KIND, Reason::BadField);
            Malformed { kind, account, instrument, cl_ord_id, reason, value, limit }.into()
        }
        Command::MassQuote(_)
        | Command::SurfacePublished(_)
        | Command::ListPayoff(_)
        | Command::SubmitConditional(_)
        | Command::Single(_) => command.clone(),
    }
}

/// Where outputs come out.
pub struct Outlet {
    ring: Consumer<Output>,
    shared: Arc<Shared>,
}

impl Outlet {
    /// The next output, where there is one now.
    pub fn poll(&mut self) -> Option<Output> {
        self.ring.pop().ok()
    }

    /// Every command below it is kept, as safe as the mode asks.
    #[must_use]
    pub fn durable_seq(&self) -> u64 {
        self.shared.durable_seq()
    }

    /// The same for another thread to ask, e.g. a [`crate::Follower`].
    pub fn durable_seq_fn(&self) -> impl Fn() -> u64 + Send + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.durable_seq()
    }

    /// Whether the journal failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.shared.has_failed()
    }
}

/// The threads.
pub struct Pipeline<M> {
    engine: JoinHandle<(M, Option<Histogram>)>,
    journal: JoinHandle<()>,
    publisher: JoinHandle<()>,
    shared: Arc<Shared>,
}

/// What is left when the threads have ended.
#[derive(Debug)]
pub struct Stopped<M> {
    /// The machine, behind everything that it was sent.
    pub machine: M,
    /// Times of each command in the engine, where they were wanted.
    pub service: Option<Histogram>,
    /// The failure of the journal, if it failed.
    pub error: Option<JournalError>,
    /// Every command below it is kept.
    pub durable_seq: u64,
}

impl<M: Machine> Pipeline<M> {
    /// Starts the threads where a recovery ended.
    ///
    /// # Errors
    /// [`NodeError::Thread`].
    pub fn start(recovery: Recovery<M>, config: Config) -> Result<(Self, Inlet, Outlet), NodeError> {
        let Recovery { machine, log, chain, mode, .. } = recovery;
        let next_seq = log.next_seq();
        let shared = Arc::new(Shared {
            durable_seq: AtomicU64::new(next_seq),
            has_failed: AtomicBool::new(false),
            error: Mutex::new(None),
            has_subscribers: AtomicBool::new(false),
            subscribers: Mutex::new(Vec::new()),
        });
        let (inlet, commands) = RingBuffer::new(config.ring);
        let (applied, journal_input) = RingBuffer::new(config.ring);
        let (kept, publisher_input) = RingBuffer::new(config.ring);
        let (published, outlet) = RingBuffer::new(config.ring);
        let service = config.is_timed.then(Histogram::default);
        let engine = EngineThread { machine, input: commands, output: applied, shared: Arc::clone(&shared), service };
        let committer = Committer {
            log,
            mode,
            chain,
            input: journal_input,
            output: kept,
            shared: Arc::clone(&shared),
            waiting: Waiting::default(),
        };
        let publisher = PublisherThread { input: publisher_input, outlet: published, shared: Arc::clone(&shared) };
        let pipeline = Self {
            engine: spawn("engine", move || engine.run())?,
            journal: spawn("journal", move || committer.run())?,
            publisher: spawn("publisher", move || publisher.run())?,
            shared: Arc::clone(&shared),
        };
        let inlet = Inlet { ring: inlet, next_seq, shared: Arc::clone(&shared) };
        Ok((pipeline, inlet, Outlet { ring: outlet, shared }))
    }

    /// Subscribes from now on, with room for `capacity` outputs that were not read.
    #[must_use]
    pub fn subscribe(&self, topic: Topic, capacity: usize) -> Subscription {
        let (subscriber, subscription) = subscription(topic, capacity);
        self.shared.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(subscriber);
        self.shared.has_subscribers.store(true, Ordering::Release);
        subscription
    }

    /// Ends the threads once everything that was sent is applied, kept and handed to `on_output`.
    ///
    /// # Errors
    /// [`NodeError::Broken`] where a thread panicked.
    pub fn stop(
        self,
        inlet: Inlet,
        mut outlet: Outlet,
        mut on_output: impl FnMut(&Output),
    ) -> Result<Stopped<M>, NodeError> {
        drop(inlet);
        let mut backoff = crate::backoff::Backoff::default();
        loop {
            let is_over = self.publisher.is_finished();
            match outlet.poll() {
                Some(output) => on_output(&output),
                None if is_over => break,
                None => backoff.wait(),
            }
        }
        let broken = |thread| move |_| NodeError::Broken { thread };
        let (machine, service) = self.engine.join().map_err(broken("engine"))?;
        self.journal.join().map_err(broken("journal"))?;
        self.publisher.join().map_err(broken("publisher"))?;
        let error = self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Stopped { machine, service, error, durable_seq: self.shared.durable_seq() })
    }
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, NodeError> {
    Builder::new().name(name.to_owned()).spawn(run).map_err(NodeError::Thread)
}
