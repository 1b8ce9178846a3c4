//! Pages of 64 neighbouring keys, found by key and walked in key order.
//!
//! Sketch: a level change touches one cache line of `recent`, the head of its page and the line of its value; no
//! tree. A key the cache misses costs one `BTreeMap` lookup and two hops (region of 2^18 keys, block of 2^12, page of
//! 2^6). Pages and nodes come from slabs with free lists and the map changes only when a region of 2^18 ticks gets its
//! first or loses its last level, so steady flow allocates nothing; far-flung keys cost memory (about 1 kB each), never
//! more than O(log n) time.
//!
//! Invariants: a page or node in the tree has at least one bit set; one on a free list has none. A child or value
//! without its bit is old and never read.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

/// Keys of a page, children of a node: the bits of a `u64`.
const WAY: usize = 64;
/// Lines of the direct-mapped cache from page number to page.
const RECENT: usize = 256;

/// 64 neighbouring keys.
pub(crate) struct Page<T> {
    /// Which of them hold a value.
    pub(crate) bits: u64,
    values: [T; WAY],
}

impl<T: Copy + Default> Page<T> {
    /// The value at `key`, the default where there is none.
    pub(crate) fn get(&self, key: i64) -> T {
        if self.bits & mask(key, 0) == 0 {
            T::default()
        } else {
            self.values.get(slot(key, 0)).copied().unwrap_or_default()
        }
    }
    /// Sets the value at `key`; true when it held none.
    pub(crate) fn put(&mut self, key: i64, value: T) -> bool {
        let is_new = self.bits & mask(key, 0) == 0;
        self.bits |= mask(key, 0);
        if let Some(at) = self.values.get_mut(slot(key, 0)) {
            *at = value;
        }
        is_new
    }
}

struct Node {
    bits: u64,
    child: [u32; WAY],
}

#[derive(Clone, Copy)]
struct Recent {
    page: i64,
    index: u32,
}

/// No page: an index that no slab reaches.
const NO_PAGE: Recent = Recent { page: 0, index: u32::MAX };

struct Slab<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    const fn new() -> Self {
        Self { items: Vec::new(), free: Vec::new() }
    }
    fn get(&self, index: u32) -> Option<&T> {
        self.items.get(usize::try_from(index).ok()?)
    }
    fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.items.get_mut(usize::try_from(index).ok()?)
    }
    fn take(&mut self, make: impl FnOnce() -> T) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            // 2^32 pages are two terabytes: memory ends long before the index does.
            let index = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
            self.items.push(make());
            // Room for every item at once, so that giving one back never allocates.
            self.free.reserve(self.items.capacity());
            index
        })
    }
    fn clear(&mut self) {
        self.items.clear();
        self.free.clear();
    }
}

/// The pages of one side.
pub(crate) struct Pages<T> {
    recent: Box<[Recent; RECENT]>,
    pages: Slab<Page<T>>,
    nodes: Slab<Node>,
    regions: BTreeMap<i64, u32>,
}

impl<T: Copy + Default> Pages<T> {
    pub(crate) fn new() -> Self {
        Self { recent: Box::new([NO_PAGE; RECENT]), pages: Slab::new(), nodes: Slab::new(), regions: BTreeMap::new() }
    }

    /// Forgets every page and keeps the memory.
    pub(crate) fn clear(&mut self) {
        *self.recent = [NO_PAGE; RECENT];
        self.pages.clear();
        self.nodes.clear();
        self.regions.clear();
    }

    /// The page of `key`, if any of its keys is held.
    pub(crate) fn get(&self, key: i64) -> Option<&Page<T>> {
        self.pages.get(self.cached(key).or_else(|| self.find(key))?)
    }

    /// As [`Self::get`], to change; the page enters the cache.
    pub(crate) fn get_mut(&mut self, key: i64) -> Option<&mut Page<T>> {
        let index = match self.cached(key) {
            Some(index) => index,
            None => {
                let index = self.find(key)?;
                self.remember(key, index);
                index
            }
        };
        self.pages.get_mut(index)
    }

    /// The page of `key`, made if there is none; the caller sets a bit of a new page at once.
    pub(crate) fn get_or_insert(&mut self, key: i64) -> Option<&mut Page<T>> {
        let index = match self.cached(key) {
            Some(index) => index,
            None => {
                let index = self.find_or_insert(key)?;
                self.remember(key, index);
                index
            }
        };
        self.pages.get_mut(index)
    }

    /// Takes the page of `key`, now without a bit, out of the tree.
    pub(crate) fn remove(&mut self, key: i64) {
        self.unlink(key);
        if let Some(line) = self.recent.get_mut(line(key)) {
            *line = NO_PAGE;
        }
    }

    /// The first page whose number (key / 64) is at least `page`, with its number.
    pub(crate) fn at_or_after(&self, page: i64) -> Option<(i64, &Page<T>)> {
        let (number, index) = self.in_region(page).or_else(|| {
            let (region, root) = self.regions.range((Excluded(page >> 12), Unbounded)).next()?;
            self.first_of(region << 12, self.nodes.get(*root)?)
        })?;
        Some((number, self.pages.get(index)?))
    }

    fn in_region(&self, page: i64) -> Option<(i64, u32)> {
        let root = self.nodes.get(*self.regions.get(&(page >> 12))?)?;
        let in_block = || {
            let block = self.nodes.get(root.get(page, 6)?)?;
            let at = first_from(block.bits, slot(page, 0))?;
            Some((page & !63 | at, block.get(at, 0)?))
        };
        in_block().or_else(|| {
            let at = first_from(root.bits, slot(page, 6).checked_add(1)?)?;
            let base = page & !0xfff | at << 6;
            let block = self.nodes.get(root.get(base, 6)?)?;
            let at = first_from(block.bits, 0)?;
            Some((base | at, block.get(at, 0)?))
        })
    }

    fn first_of(&self, base: i64, root: &Node) -> Option<(i64, u32)> {
        let base = base | first_from(root.bits, 0)? << 6;
        let block = self.nodes.get(root.get(base, 6)?)?;
        let at = first_from(block.bits, 0)?;
        Some((base | at, block.get(at, 0)?))
    }

    fn cached(&self, key: i64) -> Option<u32> {
        let line = self.recent.get(line(key))?;
        (line.page == key >> 6 && line.index != NO_PAGE.index).then_some(line.index)
    }

    fn remember(&mut self, key: i64, index: u32) {
        if let Some(line) = self.recent.get_mut(line(key)) {
            *line = Recent { page: key >> 6, index };
        }
    }

    #[inline(never)]
    fn find(&self, key: i64) -> Option<u32> {
        let root = self.nodes.get(*self.regions.get(&(key >> 18))?)?;
        self.nodes.get(root.get(key, 12)?)?.get(key, 6)
    }

    #[inline(never)]
    fn find_or_insert(&mut self, key: i64) -> Option<u32> {
        let node = || Node { bits: 0, child: [0; WAY] };
        let nodes = &mut self.nodes;
        let root = *self.regions.entry(key >> 18).or_insert_with(|| nodes.take(node));
        let block = match nodes.get(root)?.get(key, 12) {
            Some(block) => block,
            None => {
                let block = nodes.take(node);
                nodes.get_mut(root)?.put(key, 12, block);
                block
            }
        };
        if let Some(page) = nodes.get(block)?.get(key, 6) {
            return Some(page);
        }
        let page = self.pages.take(|| Page { bits: 0, values: [T::default(); WAY] });
        nodes.get_mut(block)?.put(key, 6, page);
        Some(page)
    }

    fn unlink(&mut self, key: i64) -> Option<()> {
        let root_index = *self.regions.get(&(key >> 18))?;
        let block_index = self.nodes.get(root_index)?.get(key, 12)?;
        let block = self.nodes.get_mut(block_index)?;
        self.pages.free.push(block.get(key, 6)?);
        block.bits &= !mask(key, 6);
        if block.bits == 0 {
            self.nodes.free.push(block_index);
            let root = self.nodes.get_mut(root_index)?;
            root.bits &= !mask(key, 12);
            if root.bits == 0 {
                self.nodes.free.push(root_index);
                self.regions.remove(&(key >> 18));
            }
        }
        Some(())
    }
}

impl Node {
    fn get(&self, key: i64, shift: u32) -> Option<u32> {
        if self.bits & mask(key, shift) == 0 { None } else { self.child.get(slot(key, shift)).copied() }
    }
    fn put(&mut self, key: i64, shift: u32, index: u32) {
        self.bits |= mask(key, shift);
        if let Some(child) = self.child.get_mut(slot(key, shift)) {
            *child = index;
        }
    }
}

/// The first set bit of `bits` at or above `from`.
pub(crate) fn first_from(bits: u64, from: usize) -> Option<i64> {
    let bits = bits & u64::MAX.checked_shl(u32::try_from(from).ok()?)?;
    (bits != 0).then(|| i64::from(bits.trailing_zeros()))
}

/// Which of 64 `key` is, at a height of the tree.
pub(crate) fn slot(key: i64, shift: u32) -> usize {
    usize::try_from((key >> shift).cast_unsigned() & 63).unwrap_or(0)
}

/// The bit of [`slot`].
pub(crate) fn mask(key: i64, shift: u32) -> u64 {
    1 << ((key >> shift).cast_unsigned() & 63)
}

fn line(key: i64) -> usize {
    usize::try_from((key >> 6).cast_unsigned()).unwrap_or(0) & (RECENT - 1)
}
