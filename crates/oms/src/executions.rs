//! The executions booked lately: what makes a duplicate known, and what a trade cancel or correct undoes.
//!
//! A ring of the last `max_executions`. An ExecID that has left it would be booked again; the sum against the venue's
//! CumQty then raises the break. ExecIDs are unique within an instrument (a venue's codec sees to it).

use tiderace_types::event::FillBooked;
use tiderace_types::{ExecId, InstrumentId};

use tiderace_types::id_map::{Handle, Id, IdMap};

const RESERVED_MAX: usize = 65_536;

/// Name of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExecKey {
    pub(crate) exec_id: ExecId,
    pub(crate) instrument: InstrumentId,
}

impl Id for ExecKey {
    const ZERO: Self = Self { exec_id: ExecId(0), instrument: InstrumentId(0) };
    fn bits(self) -> u64 {
        self.exec_id.0 ^ u64::from(self.instrument.0).rotate_left(48)
    }
}

/// One execution report that was booked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Booking {
    pub(crate) key: ExecKey,
    /// The fill as booked; `None` for a trade cancel, or once undone.
    pub(crate) fill: Option<FillBooked>,
    /// Its order; `None` for a stray fill.
    pub(crate) order: Option<Handle>,
}

/// The ring and its index.
#[derive(Clone, Debug)]
pub(crate) struct Executions {
    ring: Vec<Booking>,
    /// The oldest, once the ring is full.
    oldest: usize,
    max: usize,
    rows: IdMap<ExecKey>,
}

impl Executions {
    /// Room for `max` from the start, unless that is so much that it had better be grown into.
    pub(crate) fn new(max: u32, seed: u64) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX).max(1);
        let reserved = max.min(RESERVED_MAX);
        Self { ring: Vec::with_capacity(reserved), oldest: 0, max, rows: IdMap::new(reserved, seed) }
    }

    pub(crate) fn contains(&self, key: ExecKey) -> bool {
        self.rows.get(key).is_some()
    }

    pub(crate) fn insert(&mut self, booking: Booking) {
        let row = if self.ring.len() < self.max {
            self.ring.push(booking);
            self.ring.len().saturating_sub(1)
        } else {
            let row = self.oldest;
            if let Some(place) = self.ring.get_mut(row) {
                self.rows.remove(place.key);
                *place = booking;
            }
            self.oldest = if row.saturating_add(1) < self.max { row.saturating_add(1) } else { 0 };
            row
        };
        let row = u32::try_from(row).unwrap_or(u32::MAX.saturating_sub(1));
        self.rows.insert(booking.key, Handle { row, generation: 0 });
    }

    /// Takes the fill of `key` for its undoing; the key stays known.
    pub(crate) fn undo(&mut self, key: ExecKey) -> Option<(FillBooked, Option<Handle>)> {
        let booking = self.ring.get_mut(self.rows.get(key)?.index())?;
        Some((booking.fill.take()?, booking.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_remembers_the_last_executions_and_no_more() {
        let mut executions = Executions::new(3, 1);
        let key = |id| ExecKey { exec_id: ExecId(id), instrument: InstrumentId(0) };
        for id in 1..=10 {
            executions.insert(Booking { key: key(id), fill: None, order: None });
        }
        let known: Vec<u64> = (1..=10).filter(|id| executions.contains(key(*id))).collect();
        assert_eq!(known, [8, 9, 10]);
        assert!(!executions.contains(ExecKey { instrument: InstrumentId(1), ..key(9) }));
    }
}
