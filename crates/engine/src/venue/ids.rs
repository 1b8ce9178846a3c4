//! The ids that an account ever used, with the order that each names or named.
//!
//! They are kept twice: in a map without iteration, where they are looked up, and in the order they were used, from
//! which a snapshot is written. Sketch: 8 bytes and 21 to 43 an id, for the life of the journal.

use tiderace_types::ClOrdId;
use tiderace_types::id_map::{Handle, IdMap};

/// The ids of one account.
#[derive(Debug)]
pub(super) struct Ids {
    map: IdMap<u64>,
    used: Vec<u64>,
}

impl Ids {
    /// What an id names that never named a live order, or no longer does.
    pub(super) const NOBODY: Handle = Handle { row: u32::MAX - 1, generation: 0 };

    pub(super) fn new(seed: u64) -> Self {
        Self { map: IdMap::new(0, seed), used: Vec::new() }
    }

    pub(super) fn get(&self, cl_ord_id: ClOrdId) -> Option<Handle> {
        self.map.get(cl_ord_id.0)
    }

    /// Uses up an id that was never used.
    pub(super) fn use_up(&mut self, cl_ord_id: ClOrdId, handle: Handle) {
        self.map.insert(cl_ord_id.0, handle);
        self.used.push(cl_ord_id.0);
    }

    /// Makes a used id name an order again: when a snapshot is read.
    pub(super) fn point(&mut self, cl_ord_id: ClOrdId, handle: Handle) {
        self.map.insert(cl_ord_id.0, handle);
    }

    /// All of them, oldest first.
    pub(super) fn used(&self) -> &[u64] {
        &self.used
    }
}
