//! The crowd's resting orders: whom a cancel can choose from.

use tiderace_types::Side;
use tiderace_types::id_map::{Handle, IdMap};

/// A resting order.
#[derive(Clone, Copy)]
pub(super) struct Resting {
    pub(super) order_id: u64,
    pub(super) side: Side,
    pub(super) price: i64,
}

/// All of them in no order, so that one is chosen, and one leaves, in one step.
pub(super) struct Live {
    orders: Vec<Resting>,
    rows: IdMap<u64>,
}

impl Live {
    pub(super) fn new(seed: u64) -> Self {
        Self { orders: Vec::new(), rows: IdMap::new(1_024, seed) }
    }

    pub(super) fn add(&mut self, order: Resting) {
        let row = u32::try_from(self.orders.len()).unwrap_or(u32::MAX);
        self.rows.insert(order.order_id, Handle { row, generation: 0 });
        self.orders.push(order);
    }

    pub(super) fn remove(&mut self, order_id: u64) {
        let Some(Handle { row, .. }) = self.rows.get(order_id) else { return };
        self.rows.remove(order_id);
        let index = usize::try_from(row).unwrap_or(usize::MAX);
        if index >= self.orders.len() {
            return;
        }
        self.orders.swap_remove(index);
        if let Some(moved) = self.orders.get(index) {
            self.rows.insert(moved.order_id, Handle { row, generation: 0 });
        }
    }

    /// One of them, by its row.
    pub(super) fn get(&self, row: u64) -> Option<Resting> {
        self.orders.get(usize::try_from(row).ok()?).copied()
    }

    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.orders.len()).unwrap_or(0)
    }
}
