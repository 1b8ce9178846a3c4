//! The journal thread: appends what was applied, commits in groups, and lets outputs go once their cause is kept.
//!
//! While one write or sync is under way the ring fills, and what is in it then goes into the next: under load batches
//! are large, without load a command is committed as it comes. Each batch carries the root of all outputs before it and
//! each record their CRC; both are computed here, off the engine's thread.
//!
//! What a cancel or a kill causes does not wait for the disk (decision 4): it leaves at once and says so, unless outputs
//! before it still wait, which it must not overtake.
//!
//! After a failed write or sync nothing more is appended and what waits is dropped: it was never acknowledged. Cancels
//! and kills among it, and those that come later, go to the emergency segment and are answered from there; behind the
//! first of them stands a kill of the whole venue, so that it opens halted and with nothing working.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use rtrb::{Consumer, Producer};
use tiderace_journal::segment::Spare;
use tiderace_journal::{EmergencyRecord, JournalError, Log, Mode};
use tiderace_types::venue::{Command, Event, KillSet};
use tiderace_types::{KillScope, Ts};

use crate::backoff::{Backoff, push_all};
use crate::digest::ChainedOutputs;
use crate::pipeline::Shared;
use crate::words::{Applied, Inbound, Output};

/// Entries taken from the ring at once.
const TAKE_MAX: usize = 1_024;
/// Batches written before a sync in mode `disk`, where more is waiting: 4 MiB.
const BATCHES_MAX: u32 = 64;

pub(crate) struct Committer {
    pub(crate) log: Log,
    pub(crate) mode: Mode,
    pub(crate) chain: ChainedOutputs,
    pub(crate) input: Consumer<Applied>,
    pub(crate) output: Producer<Output>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) waiting: Waiting,
}

/// What is applied and not yet kept.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Root of the outputs before the open batch.
    root: [u8; 32],
    outputs: VecDeque<Output>,
    /// Cancels and kills, kept for the case that the journal fails.
    rescues: Vec<Inbound>,
    /// Batches closed since the last sync.
    batches: u32,
    /// Sequence and time of the command whose events come next.
    cause: (u64, Ts),
    is_emergency: bool,
    /// Whether those events leave before their cause is kept.
    is_ahead: bool,
    payload: Vec<u8>,
    spare: Option<JoinHandle<Result<Spare, JournalError>>>,
}

impl Committer {
    /// Runs until the engine is gone and what it handed on is kept.
    pub(crate) fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut taken = Vec::with_capacity(TAKE_MAX);
        loop {
            let ready = self.input.slots().min(TAKE_MAX);
            if ready == 0 {
                self.commit();
                if self.input.is_abandoned() && self.input.is_empty() {
                    return self.finish();
                }
                backoff.wait();
                continue;
            }
            backoff.reset();
            if let Ok(chunk) = self.input.read_chunk(ready) {
                taken.extend(chunk);
            }
            for applied in taken.drain(..) {
                match applied {
                    Applied::Command(inbound) => self.command(inbound),
                    Applied::Event(event) => self.event(event),
                }
            }
        }
    }

    fn command(&mut self, inbound: Inbound) {
        if self.log.is_full() && !self.shared.has_failed() {
            self.close();
        }
        self.waiting.cause = (inbound.seq, inbound.ts);
        self.waiting.is_ahead = inbound.command.is_rescue() && self.waiting.outputs.is_empty();
        if self.shared.has_failed() {
            self.waiting.is_emergency = inbound.command.is_rescue() && self.rescue(&[record(&inbound)]);
            return;
        }
        if self.log.is_empty() {
            self.waiting.root = self.chain.close();
        }
        self.waiting.payload.clear();
        inbound.command.encode(&mut self.waiting.payload);
        let (kind, ts) = (inbound.command.kind(), inbound.ts.get());
        let appended = self.log.append(kind, ts, self.chain.crc(), &self.waiting.payload);
        if inbound.command.is_rescue() {
            self.waiting.rescues.push(inbound);
        }
        if let Err(error) = appended {
            self.fail(error);
        }
    }

    fn event(&mut self, event: Event) {
        let (seq, ts) = self.waiting.cause;
        let (is_emergency, has_failed) = (self.waiting.is_emergency, self.shared.has_failed());
        let is_ahead = self.waiting.is_ahead && !is_emergency;
        let output = Output { seq, ts, is_emergency, is_ahead, event };
        if !has_failed {
            self.chain.push(seq, ts, &event);
        }
        if is_emergency || (is_ahead && !has_failed) {
            push_all(&mut self.output, core::iter::once(output), 1);
        } else if !has_failed {
            self.waiting.outputs.push_back(output);
        }
    }

    /// Closes the open batch, which is full. In mode `os` that keeps it.
    fn close(&mut self) {
        let closed = self.log.close_batch(self.waiting.root);
        self.waiting.batches = self.waiting.batches.saturating_add(1);
        self.spare();
        match (closed, self.mode) {
            (Err(error), _) => self.fail(error),
            (Ok(()), Mode::Os) => self.kept(self.log.written_seq()),
            (Ok(()), Mode::Disk) if self.waiting.batches >= BATCHES_MAX => self.commit(),
            (Ok(()), Mode::Disk) => {}
        }
    }

    /// Makes everything that was appended as safe as the mode asks.
    fn commit(&mut self) {
        if self.shared.has_failed() {
            return;
        }
        if self.log.next_seq() == self.shared.durable_seq() {
            // The last events of a command may come after its commit.
            return self.release();
        }
        match self.log.commit(self.waiting.root) {
            Ok(durable_seq) => self.kept(durable_seq),
            Err(error) => self.fail(error),
        }
        self.spare();
    }

    /// Everything below `durable_seq` is kept: what it caused may leave.
    fn kept(&mut self, durable_seq: u64) {
        let waiting = &mut self.waiting;
        waiting.batches = 0;
        waiting.rescues.retain(|inbound| inbound.seq >= durable_seq);
        self.shared.set_durable(durable_seq);
        self.release();
    }

    /// Lets go what was caused by what is kept.
    fn release(&mut self) {
        let (waiting, durable_seq) = (&mut self.waiting, self.shared.durable_seq());
        let count = waiting.outputs.partition_point(|output| output.seq < durable_seq);
        push_all(&mut self.output, waiting.outputs.drain(..count), count);
    }

    /// The journal takes nothing more. What is not kept is dropped, cancels and kills aside.
    fn fail(&mut self, error: JournalError) {
        self.shared.fail(error);
        let outputs = core::mem::take(&mut self.waiting.outputs);
        self.waiting.is_emergency = false;
        let rescues = core::mem::take(&mut self.waiting.rescues);
        let records: Vec<EmergencyRecord> = rescues.iter().map(record).collect();
        if !records.is_empty() && self.rescue(&records) {
            let is_rescued = |output: &Output| rescues.iter().any(|inbound| inbound.seq == output.seq);
            let kept: Vec<Output> = outputs.into_iter().filter(is_rescued).collect();
            let count = kept.len();
            let kept = kept.into_iter().map(|output| Output { is_emergency: true, is_ahead: false, ..output });
            push_all(&mut self.output, kept, count);
            // Events of the last of them may still be on their way.
            self.waiting.is_emergency = rescues.last().is_some_and(|inbound| inbound.seq == self.waiting.cause.0);
        }
        let (seq, ts) = self.waiting.cause;
        let kill = KillSet { scope: KillScope::All, id: 0, is_on: true, reduce_only: false };
        self.rescue(&[record(&Inbound { seq, ts, command: Command::from(kill) })]);
    }

    /// Keeps records in the emergency segment. Where that fails too, nobody is told that they are kept.
    fn rescue(&mut self, records: &[EmergencyRecord]) -> bool {
        self.log.append_emergency(records).is_ok()
    }

    /// Has the next segment filled by a thread of its own, and takes it.
    fn spare(&mut self) {
        if let Some(job) = self.log.spare_wanted() {
            // Without a thread the log makes its segment itself, when it needs it.
            self.waiting.spare = std::thread::Builder::new().name("segment".to_owned()).spawn(|| job.run()).ok();
        }
        if let Some(done) = self.waiting.spare.take_if(|spare| spare.is_finished()) {
            self.give(done);
        }
    }

    fn give(&mut self, spare: JoinHandle<Result<Spare, JournalError>>) {
        if let Ok(Ok(spare)) = spare.join() {
            // One that comes too late and cannot be removed is removed by the next opening.
            let _ = self.log.give_spare(spare);
        }
    }

    fn finish(mut self) {
        if let Some(spare) = self.waiting.spare.take() {
            self.give(spare);
        }
        if self.shared.has_failed() {
            return;
        }
        let next_seq = self.log.next_seq();
        match self.log.finish(self.chain.close()) {
            Ok(_) => self.shared.set_durable(next_seq),
            Err(error) => self.shared.fail(error),
        }
    }
}

fn record(inbound: &Inbound) -> EmergencyRecord {
    let mut payload = Vec::new();
    inbound.command.encode(&mut payload);
    EmergencyRecord { kind: inbound.command.kind(), ts: inbound.ts.get(), payload }
}
