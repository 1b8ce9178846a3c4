//! A session whose journal failed: what it still takes, and what the next opening makes of it.
//!
//! After a failed write or sync the state holds commands that the disk never took, so it is shown no more and nothing is
//! taken but cancels and kills ([`Command::is_rescue`]). Those, and those of the call that failed, go to the emergency
//! segment with the names that they need, names first: in the order in which they were learned they get their numbers
//! again. Behind the first of them stands a kill of the whole venue, so that it opens halted and with nothing working.

use tiderace_journal::{EmergencyRecord, Log, Mode};
use tiderace_types::venue::{Command, KillSet};
use tiderace_types::{KillScope, Ts};

use super::super::gateway::Name;
use super::{KIND_NAME, Session, SessionError};

/// Names, cancels and kills that were appended and are not known to be kept, with their sequences.
#[derive(Default)]
pub(super) struct Unkept {
    names: Vec<(u64, EmergencyRecord)>,
    rescues: Vec<(u64, Ts, Command)>,
}

/// The journal takes nothing more.
pub(super) struct Failure {
    why: String,
    /// Names that the journal does not hold, waiting for a cancel or kill that may need them.
    names: Vec<EmergencyRecord>,
    /// Cancels and kills of this call, on their way to the emergency segment.
    rescues: Vec<EmergencyRecord>,
    /// Whether the emergency segment refused one of this call.
    has_lost: bool,
}

impl Failure {
    /// Writes what waits, in one batch; what is refused is not tried again.
    fn flush(&mut self, log: Option<&mut Log>) {
        let rescues = core::mem::take(&mut self.rescues);
        if rescues.is_empty() {
            return;
        }
        let records: Vec<_> = self.names.iter().cloned().chain(rescues).collect();
        if log.is_some_and(|log| log.append_emergency(&records).is_ok()) {
            self.names.clear();
        } else {
            self.has_lost = true;
        }
    }
}

fn record(ts: Ts, command: &Command) -> EmergencyRecord {
    let mut payload = Vec::new();
    command.encode(&mut payload);
    EmergencyRecord { kind: command.kind(), ts: ts.get(), payload }
}

impl Session {
    /// Why the journal takes no more; none while it does.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.why.as_str())
    }

    /// # Errors
    /// [`SessionError::Failed`] where the state holds what was never kept.
    pub(super) fn check(&self) -> Result<(), SessionError> {
        match self.failure() {
            None => Ok(()),
            Some(why) => Err(SessionError::Failed { why: why.to_owned() }),
        }
    }

    /// Appends the names that are new.
    pub(super) fn append_names(&mut self) {
        let ts = self.gateway.now;
        for name in core::mem::take(&mut self.gateway.fresh) {
            let record = EmergencyRecord { kind: KIND_NAME, ts: ts.get(), payload: Name::encode(&name) };
            if let Some(failure) = &mut self.failure {
                failure.names.push(record);
                continue;
            }
            let done = self.append(ts, KIND_NAME, &record.payload);
            if self.log.is_some() {
                self.unkept.names.push((*done.as_ref().unwrap_or(&self.next_seq), record));
            }
            if let Err(error) = done {
                self.fail(error);
            }
        }
    }

    /// Appends a command, whose encoding is `bytes`. `None` where it is not taken, as the journal failed.
    pub(super) fn enter(&mut self, ts: Ts, command: &Command, bytes: &[u8]) -> Option<u64> {
        let is_rescue = command.is_rescue();
        if let Some(failure) = &mut self.failure {
            if !is_rescue {
                return None;
            }
            failure.rescues.push(record(ts, command));
            return Some(self.next_seq);
        }
        if is_rescue && self.log.is_some() {
            self.unkept.rescues.push((self.next_seq, ts, command.clone()));
        }
        match self.append(ts, command.kind(), bytes) {
            Ok(seq) => Some(seq),
            Err(error) => {
                self.fail(error);
                is_rescue.then_some(self.next_seq)
            }
        }
    }

    /// The journal takes nothing more: what is not kept was never said, cancels and kills aside.
    pub(super) fn fail(&mut self, error: SessionError) {
        let mode = self.place.as_ref().map(|place| place.config.mode);
        let kept_seq = match (&self.log, mode) {
            (Some(log), Some(Mode::Os)) => log.written_seq(),
            (Some(log), Some(Mode::Disk)) => log.durable_seq(),
            (None, _) | (_, None) => 0,
        };
        let Unkept { names, rescues } = core::mem::take(&mut self.unkept);
        let names = names.into_iter().filter(|(seq, _)| *seq >= kept_seq).map(|(_, record)| record);
        let rescues = rescues.iter().filter(|(seq, ..)| *seq >= kept_seq);
        let rescues = rescues.map(|(_, ts, command)| record(*ts, command)).collect();
        let mut failure = Failure { why: error.to_string(), names: names.collect(), rescues, has_lost: false };
        failure.flush(self.log.as_mut());
        let has_lost = failure.has_lost;
        let kill = KillSet { scope: KillScope::All, id: 0, is_on: true, reduce_only: false };
        failure.rescues.push(record(self.gateway.now, &kill.into()));
        failure.flush(self.log.as_mut());
        failure.has_lost = has_lost;
        self.failure = Some(failure);
    }

    /// Ends a call after the failure. `has_others` says that it held more than cancels and kills.
    pub(super) fn end_failed(&mut self, has_others: bool) -> Result<(), SessionError> {
        let Some(failure) = &mut self.failure else { return Ok(()) };
        failure.flush(self.log.as_mut());
        if core::mem::take(&mut failure.has_lost) {
            let why = format!("{}; its emergency segment takes no more either", failure.why);
            return Err(SessionError::Failed { why });
        }
        if has_others { self.check() } else { Ok(()) }
    }

    /// Appends what the emergency segment holds, in one batch as the journal asks, and applies it.
    pub(super) fn adopt(&mut self, log: &mut Log, emergency: &[EmergencyRecord]) -> Result<(), SessionError> {
        if emergency.is_empty() {
            return Ok(());
        }
        self.root = self.outputs.close();
        for record in emergency {
            let seq = log.append(record.kind, record.ts, self.outputs.crc(), &record.payload)?;
            self.next_seq = seq.saturating_add(1);
            if self.replay_record(seq, record.ts, record.kind, &record.payload)? {
                self.opening.adopted = self.opening.adopted.saturating_add(1);
            }
        }
        log.commit(self.root)?;
        log.sync()?;
        Ok(log.emergency_adopted()?)
    }

    /// Clears the memory of what was not kept: all is.
    pub(super) fn all_kept(&mut self) {
        self.unkept.names.clear();
        self.unkept.rescues.clear();
    }
}
