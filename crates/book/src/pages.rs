//! Pages of 64 neighbouring keys, found by key and walked in key order.
//!
//! Sketch: a level change touches one cache line of `recent`, the head of its page and the line of its value; no tree.
//! A key the cache misses costs a hop for each 6 bits in which the keys held differ (three where they lie within 2^24
//! of each other), eleven at most: the tree is as tall as its keys need, and grows and shrinks at the root. Pages and
//! nodes come from slabs with free lists, so steady flow allocates nothing, wherever its keys lie; far-flung keys cost
//! memory (a few kB each), never more time than that.
//!
//! Invariants: a page or node in the tree has at least one bit set; one on a free list has none. A child or value
//! without its bit is old and never read. A root above height 1 has two children at least.

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
        if self.bits & mask(key) == 0 { T::default() } else { self.values.get(slot(key)).copied().unwrap_or_default() }
    }
    /// Sets the value at `key`; true when it held none.
    pub(crate) fn put(&mut self, key: i64, value: T) -> bool {
        let is_new = self.bits & mask(key) == 0;
        self.bits |= mask(key);
        if let Some(at) = self.values.get_mut(slot(key)) {
            *at = value;
        }
        is_new
    }
}

struct Node {
    bits: u64,
    child: [u32; WAY],
}

/// The top of a tree.
#[derive(Clone, Copy)]
struct Root {
    node: u32,
    /// Hops from here to a page: the children of a node of height h part at bit 6 h.
    height: u32,
    /// What all places have in common: their bits above the root's own.
    above: u64,
}

impl Root {
    /// The first place below it.
    const fn first(self) -> u64 {
        upper(self.above, self.height)
    }
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
    root: Option<Root>,
}

impl<T: Copy + Default> Pages<T> {
    pub(crate) fn new() -> Self {
        Self { recent: Box::new([NO_PAGE; RECENT]), pages: Slab::new(), nodes: Slab::new(), root: None }
    }

    /// Forgets every page and keeps the memory.
    pub(crate) fn clear(&mut self) {
        *self.recent = [NO_PAGE; RECENT];
        self.pages.clear();
        self.nodes.clear();
        self.root = None;
    }

    /// The page of `key`, if any of its keys is held.
    pub(crate) fn get(&self, key: i64) -> Option<&Page<T>> {
        self.pages.get(self.cached(key).or_else(|| self.find(place(key)))?)
    }

    /// As [`Self::get`], to change; the page enters the cache.
    pub(crate) fn get_mut(&mut self, key: i64) -> Option<&mut Page<T>> {
        let index = match self.cached(key) {
            Some(index) => index,
            None => {
                let index = self.find(place(key))?;
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
                let index = self.find_or_insert(place(key))?;
                self.remember(key, index);
                index
            }
        };
        self.pages.get_mut(index)
    }

    /// Takes the page of `key`, now without a bit, out of the tree.
    pub(crate) fn remove(&mut self, key: i64) {
        self.unlink(place(key));
        if let Some(line) = self.recent.get_mut(line(key)) {
            *line = NO_PAGE;
        }
    }

    /// The pages whose number (key / 64) is at least `page`, in order, with their numbers.
    pub(crate) const fn walk(&self, page: i64) -> Walk<'_, T> {
        Walk { pages: self, next: Some(page), block: None }
    }

    /// The pages from `page` on, up to the end of the first node of height 1 that has any.
    fn block(&self, page: i64) -> Option<Block<'_>> {
        // One past the last page is asked for at the end of a walk.
        let key = page.checked_mul(64)?;
        let root = self.root?;
        let from = place(key).max(root.first());
        if bits_above(from, root.height) != root.above {
            return None;
        }
        self.block_below(root.node, root.height, from)
    }

    fn block_below(&self, node: u32, height: u32, from: u64) -> Option<Block<'_>> {
        let node = self.nodes.get(node)?;
        if height == 1 {
            let bits = node.bits & u64::MAX << (from >> shift(1) & 63);
            let base = (upper(bits_above(from, 1), 1) ^ SIGN).cast_signed() >> 6;
            return (bits != 0).then_some(Block { node, base, bits });
        }
        let below = |at: u64| self.block_below(node.get(at, height)?, height.checked_sub(1)?, at);
        below(from).or_else(|| {
            let next = first_from(node.bits, child(from, height).checked_add(1)?)?;
            below(upper(bits_above(from, height), height) | next.cast_unsigned() << shift(height))
        })
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
    fn find(&self, at: u64) -> Option<u32> {
        let root = self.root.filter(|root| bits_above(at, root.height) == root.above)?;
        (1..=root.height).rev().try_fold(root.node, |node, height| self.nodes.get(node)?.get(at, height))
    }

    #[inline(never)]
    fn find_or_insert(&mut self, at: u64) -> Option<u32> {
        let root = self.grow(at)?;
        let mut node = root.node;
        for height in (2..=root.height).rev() {
            node = match self.nodes.get(node)?.get(at, height) {
                Some(child) => child,
                None => {
                    let child = self.nodes.take(Node::empty);
                    self.nodes.get_mut(node)?.put(at, height, child);
                    child
                }
            };
        }
        if let Some(page) = self.nodes.get(node)?.get(at, 1) {
            return Some(page);
        }
        let page = self.pages.take(|| Page { bits: 0, values: [T::default(); WAY] });
        self.nodes.get_mut(node)?.put(at, 1, page);
        Some(page)
    }

    /// Makes the tree tall enough for a place.
    fn grow(&mut self, at: u64) -> Option<Root> {
        let mut root = match self.root {
            Some(root) => root,
            None => Root { node: self.nodes.take(Node::empty), height: 1, above: bits_above(at, 1) },
        };
        while bits_above(at, root.height) != root.above {
            let height = root.height.checked_add(1)?;
            let node = self.nodes.take(Node::empty);
            self.nodes.get_mut(node)?.put(root.first(), height, root.node);
            root = Root { node, height, above: bits_above(root.first(), height) };
        }
        self.root = Some(root);
        Some(root)
    }

    fn unlink(&mut self, at: u64) -> Option<()> {
        let root = self.root?;
        if self.cut(root.node, root.height, at)? {
            self.root = None;
        } else {
            self.shrink(root);
        }
        Some(())
    }

    /// Takes the page of a place out from below a node; true when the node is left empty, and given back.
    fn cut(&mut self, node: u32, height: u32, at: u64) -> Option<bool> {
        let child = self.nodes.get(node)?.get(at, height)?;
        if height == 1 {
            self.pages.free.push(child);
        } else if !self.cut(child, height.checked_sub(1)?, at)? {
            return Some(false);
        }
        let place = self.nodes.get_mut(node)?;
        place.bits &= !bit(at, height);
        let is_empty = place.bits == 0;
        if is_empty {
            self.nodes.free.push(node);
        }
        Some(is_empty)
    }

    /// Lets the only child of a root be the root.
    fn shrink(&mut self, mut root: Root) -> Option<()> {
        while root.height > 1 && self.nodes.get(root.node)?.bits.is_power_of_two() {
            let place = self.nodes.get_mut(root.node)?;
            let only = root.first() | u64::from(place.bits.trailing_zeros()) << shift(root.height);
            let node = place.get(only, root.height)?;
            place.bits = 0;
            self.nodes.free.push(root.node);
            let height = root.height.checked_sub(1)?;
            root = Root { node, height, above: bits_above(only, height) };
        }
        self.root = Some(root);
        Some(())
    }
}

/// Pages of one node that a walk has still to visit.
struct Block<'a> {
    node: &'a Node,
    /// Number of the node's first page.
    base: i64,
    bits: u64,
}

impl Block<'_> {
    fn next(&mut self) -> Option<(i64, u32)> {
        let number = self.base | first_from(self.bits, 0)?;
        self.bits &= self.bits.wrapping_sub(1);
        Some((number, self.node.child.get(slot(number)).copied()?))
    }
}

/// Walks pages in the order of their numbers.
pub(crate) struct Walk<'a, T> {
    pages: &'a Pages<T>,
    /// Number of the first page not yet visited; none at the end.
    next: Option<i64>,
    block: Option<Block<'a>>,
}

impl<'a, T: Copy + Default> Iterator for Walk<'a, T> {
    type Item = (i64, &'a Page<T>);

    fn next(&mut self) -> Option<(i64, &'a Page<T>)> {
        let (number, index) = match self.block.as_mut().and_then(Block::next) {
            Some(page) => page,
            None => self.block.insert(self.pages.block(self.next?)?).next()?,
        };
        // Page numbers are 58 bits wide: one more never overflows.
        self.next = number.checked_add(1);
        Some((number, self.pages.pages.get(index)?))
    }
}

impl Node {
    const fn empty() -> Self {
        Self { bits: 0, child: [0; WAY] }
    }
    fn get(&self, at: u64, height: u32) -> Option<u32> {
        if self.bits & bit(at, height) == 0 { None } else { self.child.get(child(at, height)).copied() }
    }
    fn put(&mut self, at: u64, height: u32, index: u32) {
        self.bits |= bit(at, height);
        if let Some(child) = self.child.get_mut(child(at, height)) {
            *child = index;
        }
    }
}

/// The bit in which a signed key's order differs from an unsigned one's.
const SIGN: u64 = 1 << 63;

/// A key in the tree: the same order, unsigned.
const fn place(key: i64) -> u64 {
    key.cast_unsigned() ^ SIGN
}

/// The lowest bit in which the children of a node of this height part. Height 10 holds the topmost bits.
const fn shift(height: u32) -> u32 {
    height.saturating_mul(6)
}

/// The bits above those of a node.
fn bits_above(at: u64, height: u32) -> u64 {
    at.checked_shr(shift(height).saturating_add(6)).unwrap_or(0)
}

/// The first place with these bits above those of a node.
const fn upper(above: u64, height: u32) -> u64 {
    match above.checked_shl(shift(height).saturating_add(6)) {
        Some(at) => at,
        None => 0,
    }
}

/// Which child of a node a place lies in.
fn child(at: u64, height: u32) -> usize {
    usize::try_from(at >> shift(height) & 63).unwrap_or(0)
}

/// The bit of [`child`].
const fn bit(at: u64, height: u32) -> u64 {
    1 << (at >> shift(height) & 63)
}

/// The first set bit of `bits` at or above `from`.
pub(crate) fn first_from(bits: u64, from: usize) -> Option<i64> {
    let bits = bits & u64::MAX.checked_shl(u32::try_from(from).ok()?)?;
    (bits != 0).then(|| i64::from(bits.trailing_zeros()))
}

/// Which key of its page `key` is.
pub(crate) fn slot(key: i64) -> usize {
    usize::try_from(key.cast_unsigned() & 63).unwrap_or(0)
}

/// The bit of [`slot`].
pub(crate) fn mask(key: i64) -> u64 {
    1 << (key.cast_unsigned() & 63)
}

fn line(key: i64) -> usize {
    usize::try_from((key >> 6).cast_unsigned()).unwrap_or(0) & (RECENT - 1)
}
