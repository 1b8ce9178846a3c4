//! Where the orders lie: rows of one table, chained into queues and into a list of free rows.
//!
//! Rows are 64 bytes for terms of up to 3, a cache line each. A row in a queue knows its neighbours, so an order leaves
//! from anywhere in one step; a free row's `next` is the next free one. The table grows and never shrinks.

use super::Order;

/// No row: an index that no table reaches.
pub(super) const NO_ROW: u32 = u32::MAX;

struct Slot<T> {
    order: Order<T>,
    prev: u32,
    next: u32,
}

/// The rows of one book.
pub(super) struct Slots<T> {
    rows: Vec<Slot<T>>,
    free: u32,
}

impl<T: Copy> Slots<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { rows: Vec::with_capacity(capacity), free: NO_ROW }
    }

    pub(super) fn order(&self, row: u32) -> &Order<T> {
        &self.slot(row).order
    }

    pub(super) fn order_mut(&mut self, row: u32) -> &mut Order<T> {
        &mut self.slot_mut(row).order
    }

    /// The row behind this one in its queue.
    pub(super) fn next(&self, row: u32) -> u32 {
        self.slot(row).next
    }

    /// The row that [`Self::take`] gives next.
    pub(super) fn next_row(&self) -> u32 {
        if self.free == NO_ROW { u32::try_from(self.rows.len()).unwrap_or(NO_ROW) } else { self.free }
    }

    /// A row that holds `order` and is in no queue yet.
    pub(super) fn take(&mut self, order: Order<T>) -> u32 {
        let slot = Slot { order, prev: NO_ROW, next: NO_ROW };
        let row = self.free;
        if row == NO_ROW {
            // 2^32 rows are 256 GiB: memory ends long before the index does.
            let row = u32::try_from(self.rows.len()).unwrap_or(NO_ROW);
            self.rows.push(slot);
            row
        } else {
            let place = self.slot_mut(row);
            let next_free = place.next;
            *place = slot;
            self.free = next_free;
            row
        }
    }

    /// Puts a row that is in no queue behind the last of one, where there is a last.
    pub(super) fn link(&mut self, row: u32, last: u32) {
        let slot = self.slot_mut(row);
        (slot.prev, slot.next) = (last, NO_ROW);
        if last != NO_ROW {
            self.slot_mut(last).next = row;
        }
    }

    /// Joins the neighbours of `row` to each other and names them: before, behind.
    pub(super) fn unlink(&mut self, row: u32) -> (u32, u32) {
        let &Slot { prev, next, .. } = self.slot(row);
        if prev != NO_ROW {
            self.slot_mut(prev).next = next;
        }
        if next != NO_ROW {
            self.slot_mut(next).prev = prev;
        }
        (prev, next)
    }

    /// Gives back a row that is in no queue any more.
    pub(super) fn give_back(&mut self, row: u32) {
        self.slot_mut(row).next = self.free;
        self.free = row;
    }

    #[expect(clippy::indexing_slicing, reason = "a row comes from this table; one that does not is a bug and stops")]
    fn slot(&self, row: u32) -> &Slot<T> {
        &self.rows[usize::try_from(row).unwrap_or(usize::MAX)]
    }

    #[expect(clippy::indexing_slicing, reason = "as in `slot`")]
    fn slot_mut(&mut self, row: u32) -> &mut Slot<T> {
        &mut self.rows[usize::try_from(row).unwrap_or(usize::MAX)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resting_order_is_one_cache_line() {
        assert_eq!(size_of::<Slot<[u8; 2]>>(), 64);
    }
}
