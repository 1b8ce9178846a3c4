//! Sums over a sliding window of time, in bounded memory.
//!
//! What is exactly as old as the window no longer counts. Sums are exact while no more than [`ENTRIES_MAX`] distinct
//! times fall into the window. Beyond, neighbours within one step (1/512 of the window) are joined at the younger's
//! time: some count up to one step longer than they should, none shorter.

use std::collections::VecDeque;

use tiderace_types::Ts;

/// Most distinct times kept of a window.
pub(super) const ENTRIES_MAX: usize = 1_024;
/// Steps of a window that is joined together; half of [`ENTRIES_MAX`], so that joining always makes room.
const STEPS: i64 = 512;
/// The largest term, either sign: [`ENTRIES_MAX`] joined terms never overflow, and no limit is as large.
pub(super) const TERM_MAX: i128 = i128::MAX >> 40;

/// Sums of `N` numbers over the last `window_ns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sums<const N: usize> {
    entries: VecDeque<(Ts, [i128; N])>,
    sums: [i128; N],
    window_ns: i64,
}

impl<const N: usize> Sums<N> {
    pub(super) fn new(window_ns: i64) -> Self {
        Self { entries: VecDeque::with_capacity(16), sums: [0; N], window_ns }
    }

    /// The sums at `ts`.
    pub(super) fn at(&mut self, ts: Ts) -> [i128; N] {
        while let Some((first, terms)) = self.entries.front().copied() {
            if ts.ns_since(first) < self.window_ns {
                break;
            }
            self.entries.pop_front();
            subtract(&mut self.sums, terms);
        }
        self.sums
    }

    /// Counts `terms` at `ts`, which is never before the last; gives the sums with them.
    pub(super) fn push(&mut self, ts: Ts, terms: [i128; N]) -> [i128; N] {
        self.at(ts);
        let terms = terms.map(clamp);
        match self.entries.back_mut() {
            Some((last, sum)) if *last >= ts => add_kept(sum, &mut self.sums, terms),
            Some(_) | None => {
                if self.entries.len() >= ENTRIES_MAX {
                    self.join();
                }
                self.entries.push_back((ts, terms));
                add(&mut self.sums, terms);
            }
        }
        self.sums
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.sums = [0; N];
    }

    /// Times and terms, oldest first.
    pub(super) fn entries(&self) -> impl ExactSizeIterator<Item = &(Ts, [i128; N])> {
        self.entries.iter()
    }

    /// Appends an entry of a snapshot; gives whether it can be one.
    pub(super) fn restore(&mut self, ts: Ts, terms: [i128; N]) -> bool {
        let is_after = self.entries.back().is_none_or(|(last, _)| *last < ts);
        let fits = self.entries.len() < ENTRIES_MAX && terms.iter().all(|term| clamp(*term) == *term);
        if is_after && fits {
            self.entries.push_back((ts, terms));
            add(&mut self.sums, terms);
        }
        is_after && fits
    }

    /// Joins what lies in the same cell of a fixed grid, so that joining again moves nothing out of its cell.
    fn join(&mut self) {
        let step = self.window_ns.max(1).div_euclid(STEPS).saturating_add(1);
        let cell = |ts: Ts| ts.get().div_euclid(step);
        let count = self.entries.len();
        let mut open: Option<(Ts, [i128; N])> = None;
        self.sums = [0; N];
        for _ in 0..count {
            let Some((ts, terms)) = self.entries.pop_front() else { break };
            open = Some(match open {
                Some((before, mut sum)) if cell(before) == cell(ts) => {
                    add(&mut sum, terms);
                    (ts, sum.map(clamp))
                }
                Some(done) => {
                    self.entries.push_back(done);
                    add(&mut self.sums, done.1);
                    (ts, terms)
                }
                None => (ts, terms),
            });
        }
        if let Some(done) = open {
            self.entries.push_back(done);
            add(&mut self.sums, done.1);
        }
    }
}

fn clamp(term: i128) -> i128 {
    term.clamp(-TERM_MAX, TERM_MAX)
}

/// Adds to an entry and to the sums what the entry, which is clamped too, really took.
fn add_kept<const N: usize>(entry: &mut [i128; N], sums: &mut [i128; N], terms: [i128; N]) {
    for ((kept, sum), term) in entry.iter_mut().zip(sums).zip(terms) {
        let now = clamp(kept.saturating_add(term));
        *sum = sum.saturating_add(now.saturating_sub(*kept));
        *kept = now;
    }
}

fn add<const N: usize>(sums: &mut [i128; N], terms: [i128; N]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum = sum.saturating_add(term);
    }
}

fn subtract<const N: usize>(sums: &mut [i128; N], terms: [i128; N]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum = sum.saturating_sub(term);
    }
}
