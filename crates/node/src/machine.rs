//! What the pipeline runs.

use tiderace_engine::venue::Venue;
use tiderace_types::Ts;
use tiderace_types::venue::{Command, Event};

/// A deterministic state machine over the venue's words.
///
/// The same commands in the same order give the same events and the same state: recovery rests on it.
pub trait Machine: Send + 'static {
    /// Carries out one command at a time and appends what happened to `events`.
    fn apply(&mut self, ts: Ts, command: &Command, events: &mut Vec<Event>);

    /// The state as bytes, for a snapshot; `None` where it cannot say: then there are no snapshots, and the journal is
    /// replayed whole.
    fn save(&self) -> Option<Vec<u8>> {
        None
    }

    /// The state that [`Machine::save`] gave, into a machine that is as at the genesis; `false` where the bytes are
    /// none of this build's: then the journal is replayed whole.
    fn restore(&mut self, _state: &[u8]) -> bool {
        false
    }
}

impl Machine for Venue {
    fn apply(&mut self, ts: Ts, command: &Command, events: &mut Vec<Event>) {
        Self::apply(self, ts, command, events);
    }

    fn save(&self) -> Option<Vec<u8>> {
        let mut state = Vec::new();
        self.encode(&mut state);
        Some(state)
    }

    fn restore(&mut self, state: &[u8]) -> bool {
        Self::decode(self.config().clone(), state).map(|restored| *self = restored).is_ok()
    }
}
