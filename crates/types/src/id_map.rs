//! The one map by id: open addressing, linear probing, no iteration, so no order of it can ever be seen.
//!
//! Ids are chosen by clients; the seed keeps a client from choosing ids that all fall into one place. Lookups are O(1)
//! at a load of at most three quarters; growth doubles. Removal shifts back, so nothing slows down with age.

/// A key of an [`IdMap`].
pub trait Id: Copy + Eq {
    /// What fills empty cells.
    const ZERO: Self;
    /// The bits that place the key; unlike keys may share them.
    fn bits(self) -> u64;
}

impl Id for u64 {
    const ZERO: Self = 0;
    fn bits(self) -> u64 {
        self
    }
}

/// A row of a table and the generation of its use: a handle of an earlier use of the row is stale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handle {
    /// Row of the table.
    pub row: u32,
    /// Use of the row, counted up each time it is used again.
    pub generation: u32,
}

impl Handle {
    const NONE: Self = Self { row: u32::MAX, generation: 0 };

    /// The row as an index.
    pub fn index(self) -> usize {
        usize::try_from(self.row).unwrap_or(usize::MAX)
    }
}

#[derive(Clone, Copy, Debug)]
struct Cell<K> {
    key: K,
    handle: Handle,
}

/// Ids to handles.
#[derive(Clone, Debug)]
pub struct IdMap<K> {
    /// A power of two of them.
    cells: Vec<Cell<K>>,
    len: usize,
    seed: u64,
}

impl<K: Id> IdMap<K> {
    /// A map with room for `capacity` ids before it grows.
    pub fn new(capacity: usize, seed: u64) -> Self {
        let cells = capacity.saturating_mul(4).div_ceil(3).max(16).next_power_of_two();
        Self { cells: vec![Self::EMPTY; cells], len: 0, seed }
    }

    /// The handle of a key.
    pub fn get(&self, key: K) -> Option<Handle> {
        let cell = self.cells.get(self.probe(key))?;
        (cell.handle != Handle::NONE).then_some(cell.handle)
    }

    /// Sets the handle of `key`. The row `u32::MAX` is never used.
    pub fn insert(&mut self, key: K, handle: Handle) {
        if self.len.saturating_mul(4) >= self.cells.len().saturating_mul(3) {
            self.grow();
        }
        let at = self.probe(key);
        if let Some(cell) = self.cells.get_mut(at) {
            self.len = self.len.saturating_add(usize::from(cell.handle == Handle::NONE));
            *cell = Cell { key, handle };
        }
    }

    /// Sets the handle of `key` where it has none; false where it has.
    pub fn insert_new(&mut self, key: K, handle: Handle) -> bool {
        if self.len.saturating_mul(4) >= self.cells.len().saturating_mul(3) {
            self.grow();
        }
        let at = self.probe(key);
        match self.cells.get_mut(at) {
            Some(cell) if cell.handle == Handle::NONE => {
                *cell = Cell { key, handle };
                self.len = self.len.saturating_add(1);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes a key out; nothing where it is not in.
    pub fn remove(&mut self, key: K) {
        self.take(key);
    }

    /// Takes a key out and returns its handle.
    pub fn take(&mut self, key: K) -> Option<Handle> {
        let mut hole = self.probe(key);
        let taken = self.cells.get(hole).map(|cell| cell.handle).filter(|&handle| handle != Handle::NONE)?;
        self.len = self.len.saturating_sub(1);
        let mut at = hole;
        loop {
            at = self.after(at);
            let Some(cell) = self.cells.get(at).copied().filter(|cell| cell.handle != Handle::NONE) else {
                break;
            };
            // A cell may move back into the hole unless its home lies behind the hole.
            if self.distance(self.home(cell.key), at) >= self.distance(hole, at) {
                self.put(hole, cell);
                hole = at;
            }
        }
        self.put(hole, Self::EMPTY);
        Some(taken)
    }
}

impl<K: Id> IdMap<K> {
    const EMPTY: Cell<K> = Cell { key: K::ZERO, handle: Handle::NONE };

    fn mask(&self) -> usize {
        self.cells.len().saturating_sub(1)
    }

    fn home(&self, key: K) -> usize {
        let mut x = key.bits() ^ self.seed;
        x = (x ^ (x >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        x = (x ^ (x >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        usize::try_from(x ^ (x >> 32)).unwrap_or(0) & self.mask()
    }

    const fn after(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.cells.len().wrapping_sub(1)
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }

    fn put(&mut self, at: usize, cell: Cell<K>) {
        if let Some(place) = self.cells.get_mut(at) {
            *place = cell;
        }
    }

    /// Where `key` is, or where it would go. Ends, since a quarter of the cells is empty.
    fn probe(&self, key: K) -> usize {
        let mut at = self.home(key);
        while self.cells.get(at).is_some_and(|cell| cell.handle != Handle::NONE && cell.key != key) {
            at = self.after(at);
        }
        at
    }

    fn grow(&mut self) {
        let doubled = self.cells.len().saturating_mul(2);
        let cells = core::mem::replace(&mut self.cells, vec![Self::EMPTY; doubled]);
        for cell in cells.into_iter().filter(|cell| cell.handle != Handle::NONE) {
            let at = self.probe(cell.key);
            self.put(at, cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    proptest::proptest! {
        /// The map against a BTreeMap, over keys so few that they collide, under growth and removal.
        #[test]
        fn it_answers_like_an_ordered_map(steps in proptest::collection::vec((0u64..64, 0u32..3), 0..150), seed: u64) {
            let (mut map, mut oracle) = (IdMap::new(0, seed), BTreeMap::new());
            for (i, (key, what)) in steps.into_iter().enumerate() {
                let handle = Handle { row: u32::try_from(i).unwrap(), generation: 7 };
                if what == 0 {
                    map.remove(key);
                    oracle.remove(&key);
                } else {
                    map.insert(key, handle);
                    oracle.insert(key, handle);
                }
                for key in 0..64 {
                    proptest::prop_assert_eq!(map.get(key), oracle.get(&key).copied());
                }
            }
        }
    }
}
