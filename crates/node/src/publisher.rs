//! The publisher thread: hands what is kept to the outlet and to everyone who subscribed.
//!
//! The outlet gets everything; where it does not keep up, the venue waits for it. A subscriber gets what it asked for,
//! and is cut off where it does not keep up: it reads to the end of what it has, is told so ([`Ending::CutOff`]), takes a
//! snapshot, and subscribes anew. Nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rtrb::{Consumer, Producer, RingBuffer};
use tiderace_types::AccountId;
use tiderace_types::venue::Event;

use crate::backoff::{Backoff, push_all};
use crate::pipeline::Shared;
use crate::words::Output;

/// Outputs taken from the ring at once.
const TAKE_MAX: usize = 256;

/// What a subscriber hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Everything.
    All,
    /// What is for one account.
    Account(AccountId),
    /// What is for everyone: trades, trading states, auctions, corrections, kill switches.
    Market,
}

impl Topic {
    fn takes(self, event: &Event) -> bool {
        let account = match event {
            Event::Report(report) => Some(report.account),
            Event::MmpChanged(changed) => Some(changed.account),
            Event::CommandRefused(refused) => Some(refused.account),
            Event::BalanceChanged(changed) => Some(changed.account),
            Event::LimitChanged(changed) => Some(changed.account),
            Event::MarginCalled(called) => Some(called.account),
            Event::Deleveraged(closed) => Some(closed.account),
            Event::ConditionChanged(changed) => Some(changed.account),
            Event::Trade(_)
            | Event::StateChanged(_)
            | Event::Indication(_)
            | Event::VenueKillChanged(_)
            | Event::TradeCorrected(_)
            | Event::AuctionOpened(_)
            | Event::AuctionClosed(_)
            | Event::LayerUsed(_)
            | Event::FundingPaid(_)
            | Event::InstrumentSettled(_)
            | Event::ClearingStalled(_)
            | Event::PayoffListed(_)
            | Event::PayoffObserved(_)
            | Event::PayoffPaid(_)
            | Event::PayoffTrapped(_) => None,
        };
        match self {
            Self::All => true,
            Self::Account(wanted) => account == Some(wanted),
            Self::Market => account.is_none(),
        }
    }
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The subscriber did not keep up. Take a snapshot and subscribe anew.
    CutOff,
    /// The node stopped.
    Stopped,
}

/// A subscriber's end.
pub struct Subscription {
    ring: Consumer<Output>,
    is_cut: Arc<AtomicBool>,
}

impl Subscription {
    /// The next output, where there is one now.
    ///
    /// # Errors
    /// [`Ending`], once everything before it was read.
    pub fn poll(&mut self) -> Result<Option<Output>, Ending> {
        // Asked before the ring is read: what was pushed before the end is then seen.
        let is_over = self.ring.is_abandoned();
        match self.ring.pop() {
            Ok(output) => Ok(Some(output)),
            Err(_) if !is_over => Ok(None),
            Err(_) if self.is_cut.load(Ordering::Acquire) => Err(Ending::CutOff),
            Err(_) => Err(Ending::Stopped),
        }
    }
}

/// The publisher's end.
pub(crate) struct Subscriber {
    topic: Topic,
    ring: Producer<Output>,
    is_cut: Arc<AtomicBool>,
}

/// Both ends of a subscription of at most `capacity` outputs that were not read.
pub(crate) fn subscription(topic: Topic, capacity: usize) -> (Subscriber, Subscription) {
    let (producer, consumer) = RingBuffer::new(capacity);
    let is_cut = Arc::new(AtomicBool::new(false));
    let subscriber = Subscriber { topic, ring: producer, is_cut: Arc::clone(&is_cut) };
    (subscriber, Subscription { ring: consumer, is_cut })
}

impl Subscriber {
    /// Hands on what it asked for; `false` where it is gone or does not keep up.
    fn take(&mut self, outputs: &[Output]) -> bool {
        for output in outputs.iter().filter(|output| self.topic.takes(&output.event)) {
            if self.ring.push(*output).is_err() {
                self.is_cut.store(true, Ordering::Release);
                return false;
            }
        }
        !self.ring.is_abandoned()
    }
}

pub(crate) struct PublisherThread {
    pub(crate) input: Consumer<Output>,
    pub(crate) outlet: Producer<Output>,
    pub(crate) shared: Arc<Shared>,
}

impl PublisherThread {
    /// Runs until the journal thread is gone and what it let go is handed on.
    pub(crate) fn run(mut self) {
        let mut subscribers: Vec<Subscriber> = Vec::new();
        let mut taken = Vec::with_capacity(TAKE_MAX);
        let mut backoff = Backoff::default();
        loop {
            self.shared.take_subscribers(&mut subscribers);
            let ready = self.input.slots().min(TAKE_MAX);
            if ready == 0 {
                if self.input.is_abandoned() && self.input.is_empty() {
                    return;
                }
                backoff.wait();
                continue;
            }
            backoff.reset();
            if let Ok(chunk) = self.input.read_chunk(ready) {
                taken.extend(chunk);
            }
            subscribers.retain_mut(|subscriber| subscriber.take(&taken));
            let count = taken.len();
            push_all(&mut self.outlet, taken.drain(..), count);
        }
    }
}
