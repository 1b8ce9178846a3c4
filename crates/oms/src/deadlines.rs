//! When venues' answers are overdue: one queue a backoff level, each in time order by itself.
//!
//! Level k waits 2^k timeouts, so every queue grows at its end only and its front is its earliest. A deadline that was
//! met leaves a stale entry behind, which is dropped once it is in front.

use std::collections::VecDeque;

use tiderace_types::Ts;

use tiderace_types::id_map::Handle;

/// Backoff ends at 2^6 timeouts.
const LEVELS: usize = 7;

/// One answer waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) ts: Ts,
    pub(crate) order: Handle,
}

/// Answers waited for, by backoff level.
#[derive(Clone, Debug)]
pub(crate) struct Deadlines {
    queues: [VecDeque<Due>; LEVELS],
}

impl Deadlines {
    /// Room for `reserved` answers in time; later levels are for the few that are not.
    pub(crate) fn new(reserved: usize) -> Self {
        let mut queues: [VecDeque<Due>; LEVELS] = Default::default();
        if let Some(first) = queues.first_mut() {
            first.reserve(reserved);
        }
        Self { queues }
    }

    /// Waits for an answer from `ts` on; gives the time when it is overdue. `None` where that is beyond the end of time:
    /// a deadline that does not move on would come due for ever.
    pub(crate) fn push(&mut self, ts: Ts, timeout_ns: i64, level: u8, order: Handle) -> Option<Ts> {
        let level = usize::from(level).min(LEVELS.saturating_sub(1));
        let wait_ns = timeout_ns.saturating_mul(1_i64.checked_shl(u32::try_from(level).unwrap_or(0)).unwrap_or(1));
        let due_ts = Some(ts.plus_ns(wait_ns)).filter(|due_ts| *due_ts < Ts::MAX)?;
        let queue = self.queues.get_mut(level)?;
        // Keeps the queue sorted should time ever step back.
        let ts = queue.back().map_or(due_ts, |last| last.ts.max(due_ts));
        queue.push_back(Due { ts, order });
        Some(ts)
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Ts> {
        self.queues.iter().filter_map(|queue| queue.front()).map(|due| due.ts).min()
    }

    /// Takes the earliest deadline that is not after `ts`.
    pub(crate) fn pop(&mut self, ts: Ts) -> Option<Due> {
        let fronts = self.queues.iter_mut().filter(|queue| queue.front().is_some_and(|due| due.ts <= ts));
        fronts.min_by_key(|queue| queue.front().map(|due| due.ts))?.pop_front()
    }

    /// Drops what `is_stale` from the front of each queue.
    pub(crate) fn purge(&mut self, is_stale: impl Fn(Due) -> bool) {
        for queue in &mut self.queues {
            while queue.front().is_some_and(|due| is_stale(*due)) {
                queue.pop_front();
            }
        }
    }
}
