//! The engine thread: takes commands, applies, hands on. It takes no lock and waits for no disk.

use std::sync::Arc;
use std::time::Instant;

use rtrb::{Consumer, Producer};

use crate::backoff::{Backoff, push_all};
use crate::histogram::Histogram;
use crate::machine::Machine;
use crate::pipeline::Shared;
use crate::words::{Applied, Inbound};

pub(crate) struct EngineThread<M> {
    pub(crate) machine: M,
    pub(crate) input: Consumer<Inbound>,
    pub(crate) output: Producer<Applied>,
    pub(crate) shared: Arc<Shared>,
    /// Times of each command from taken to handed on, where they are wanted.
    pub(crate) service: Option<Histogram>,
}

impl<M: Machine> EngineThread<M> {
    /// Runs until the inlet is gone and what it sent is applied, or until nobody takes what comes out.
    pub(crate) fn run(mut self) -> (M, Option<Histogram>) {
        let mut events = Vec::with_capacity(256);
        let mut backoff = Backoff::default();
        loop {
            let Ok(inbound) = self.input.pop() else {
                if self.input.is_abandoned() && self.input.is_empty() || self.output.is_abandoned() {
                    return (self.machine, self.service);
                }
                backoff.wait();
                continue;
            };
            backoff.reset();
            // What a failed journal will not keep must not happen.
            if self.shared.has_failed() && !inbound.command.is_rescue() {
                continue;
            }
            let start = self.service.as_ref().map(|_| Instant::now());
            self.machine.apply(inbound.ts, &inbound.command, &mut events);
            let count = events.len().saturating_add(1);
            let applied = core::iter::once(Applied::Command(inbound)).chain(events.drain(..).map(Applied::Event));
            push_all(&mut self.output, applied, count);
            if let (Some(start), Some(service)) = (start, &mut self.service) {
                service.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
            }
        }
    }
}
