//! The ids that an account ever used, and the orders that the live ones name.
//!
//! Used ids are bits, 64 neighbours to a cell of an open table, so that ids counted up take two bits each and stay in
//! the cache, and ids drawn at random take no more than a table of ids would: 16 bytes at a load of at most three
//! quarters. The seed keeps a client from choosing ids that collide. There is no removal.

use tiderace_types::id_map::{Handle, IdMap};
use tiderace_types::{ClOrdId, DecodeError, Field};

use super::snapshot::{bad, put_len, take_list};

/// Ids that share a cell: those equal above these bits.
const CELL_BITS: u32 = 6;
const CELLS_MIN: usize = 16;

/// 64 neighbours: which of them were used. None at all: the cell is free.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    key: u64,
    bits: u64,
}

/// The ids of one account.
#[derive(Debug)]
pub(super) struct Ids {
    live: IdMap<u64>,
    /// A power of two of them.
    cells: Vec<Cell>,
    len: usize,
    seed: u64,
}

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self { live: IdMap::new(0, seed), cells: vec![Cell::default(); CELLS_MIN], len: 0, seed }
    }

    /// The live order that an id names.
    pub(super) fn get(&self, cl_ord_id: ClOrdId) -> Option<Handle> {
        self.live.get(cl_ord_id.0)
    }

    /// Whether an id was ever used.
    pub(super) fn is_used(&self, cl_ord_id: ClOrdId) -> bool {
        let (key, bit) = split(cl_ord_id);
        self.cells.get(self.probe(key)).is_some_and(|cell| cell.bits & bit != 0)
    }

    /// Uses up an id.
    pub(super) fn use_up(&mut self, cl_ord_id: ClOrdId) {
        let (key, bit) = split(cl_ord_id);
        self.set(key, bit);
    }

    /// Makes an id name a live order.
    pub(super) fn point(&mut self, cl_ord_id: ClOrdId, handle: Handle) {
        self.live.insert(cl_ord_id.0, handle);
    }

    /// An id names no live order any more; it stays used.
    pub(super) fn forget(&mut self, cl_ord_id: ClOrdId) {
        self.live.remove(cl_ord_id.0);
    }

    fn set(&mut self, key: u64, bits: u64) {
        if self.len.saturating_mul(4) >= self.cells.len().saturating_mul(3) {
            let doubled = self.cells.len().saturating_mul(2);
            let cells = core::mem::replace(&mut self.cells, vec![Cell::default(); doubled]);
            self.len = 0;
            cells.into_iter().filter(|cell| cell.bits != 0).for_each(|cell| self.put(cell.key, cell.bits));
        }
        self.put(key, bits);
    }

    fn put(&mut self, key: u64, bits: u64) {
        let at = self.probe(key);
        if let Some(cell) = self.cells.get_mut(at) {
            self.len = self.len.saturating_add(usize::from(cell.bits == 0));
            *cell = Cell { key, bits: cell.bits | bits };
        }
    }

    /// Where `key` is, or where it would go. Ends, since a quarter of the cells is free.
    fn probe(&self, key: u64) -> usize {
        let mask = self.cells.len().saturating_sub(1);
        let mut x = key ^ self.seed;
        x = (x ^ (x >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        x = (x ^ (x >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let mut at = usize::try_from(x ^ (x >> 32)).unwrap_or(0) & mask;
        while self.cells.get(at).is_some_and(|cell| cell.bits != 0 && cell.key != key) {
            at = at.wrapping_add(1) & mask;
        }
        at
    }

    /// Appends the used ids, in order of cells.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut cells: Vec<_> = self.cells.iter().filter(|cell| cell.bits != 0).collect();
        cells.sort_unstable_by_key(|cell| cell.key);
        put_len(cells.len(), out);
        for cell in cells {
            cell.key.put(out);
            cell.bits.put(out);
        }
    }

    /// Reads the used ids; which of them name live orders, the table of orders knows.
    pub(super) fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        for (key, bits) in take_list(bytes, |bytes| Ok((u64::take(bytes)?, u64::take(bytes)?)))? {
            if bits == 0 {
                return Err(bad("ids"));
            }
            self.set(key, bits);
        }
        Ok(())
    }
}

const fn split(cl_ord_id: ClOrdId) -> (u64, u64) {
    (cl_ord_id.0 >> CELL_BITS, 1 << (cl_ord_id.0 & 63))
}
