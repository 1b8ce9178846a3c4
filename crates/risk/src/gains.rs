//! What closing fills realised, for those that are undone.
//!
//! The gains of the last [`GAINS_MAX`] fills that realised one. A fill that is older when it is undone moves to the
//! position's cost instead: profit and cost together stay what was paid.

use std::collections::VecDeque;

use tiderace_types::{ExecId, InstrumentId};

/// Closing fills whose gain is remembered.
const GAINS_MAX: usize = 4_096;

/// The last gains, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Gains(VecDeque<(InstrumentId, ExecId, i128)>);

impl Gains {
    pub(crate) fn new() -> Self {
        Self(VecDeque::with_capacity(GAINS_MAX))
    }

    pub(crate) fn push(&mut self, instrument: InstrumentId, exec_id: ExecId, gain: i128) {
        if gain == 0 {
            return;
        }
        if self.0.len() >= GAINS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((instrument, exec_id, gain));
    }

    /// Takes out the gain of a fill; zero where it realised none. Linear, for the few fills that are undone.
    pub(crate) fn take(&mut self, instrument: InstrumentId, exec_id: ExecId) -> i128 {
        let is_it = |(of, id, _): &(InstrumentId, ExecId, i128)| *of == instrument && *id == exec_id;
        let at = self.0.iter().rposition(is_it);
        at.and_then(|at| self.0.remove(at)).map_or(0, |(_, _, gain)| gain)
    }
}
