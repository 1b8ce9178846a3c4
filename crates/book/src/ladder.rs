//! One side of a book: quantities by key, smallest key best, with the best one at hand.
//!
//! A key is the price for asks and its complement for bids (`!price` turns the order around without overflow at either
//! end), so one code serves both sides. Invariant: `best` is the smallest key held, `len` the number of keys held.

use crate::pages::{Page, Pages, first_from, mask, slot};

/// Quantities by key.
pub(crate) struct Ladder {
    best: Option<(i64, i64)>,
    len: usize,
    pages: Pages,
}

impl Ladder {
    pub(crate) fn new() -> Self {
        Self { best: None, len: 0, pages: Pages::new() }
    }

    /// Forgets every key; true when there was one.
    pub(crate) fn clear(&mut self) -> bool {
        self.pages.clear();
        self.len = 0;
        self.best.take().is_some()
    }

    /// The best key and its quantity.
    pub(crate) const fn best(&self) -> Option<(i64, i64)> {
        self.best
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The quantity at `key`, zero where there is none.
    pub(crate) fn qty_at(&self, key: i64) -> i64 {
        self.pages.get(key).map_or(0, |page| page.qty(key))
    }

    /// Sets the quantity at `key`; zero and below take it out. True when the best key or its quantity changed.
    pub(crate) fn set(&mut self, key: i64, qty: i64) -> bool {
        if qty > 0 { self.put(key, qty) } else { self.remove(key) }
    }

    /// Every key and quantity, best first.
    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys { pages: &self.pages, next: self.best.map(|(key, _)| key >> 6), page: None, base: 0, bits: 0 }
    }

    fn put(&mut self, key: i64, qty: i64) -> bool {
        let Some(page) = self.pages.get_or_insert(key) else { return false };
        if page.put(key, qty) {
            self.len = self.len.saturating_add(1);
        }
        let is_change = self.best.is_none_or(|(best, at)| key < best || (key == best && qty != at));
        if is_change {
            self.best = Some((key, qty));
        }
        is_change
    }

    fn remove(&mut self, key: i64) -> bool {
        let Some(page) = self.pages.get_mut(key) else { return false };
        if page.bits & mask(key, 0) == 0 {
            return false;
        }
        page.bits &= !mask(key, 0);
        self.len = self.len.saturating_sub(1);
        let is_best = self.best.is_some_and(|(best, _)| best == key);
        let rest = page.bits;
        // Nothing lies before the best, so what its page still holds comes next.
        let next = first_from(rest, slot(key, 0)).map(|at| key & !63 | at).map(|next| (next, page.qty(next)));
        if rest == 0 {
            self.pages.remove(key);
        }
        if is_best {
            self.best = next.or_else(|| self.pages.at_or_after(key >> 6).and_then(first));
        }
        is_best
    }
}

fn first((number, page): (i64, &Page)) -> Option<(i64, i64)> {
    let key = number << 6 | first_from(page.bits, 0)?;
    Some((key, page.qty(key)))
}

/// Walks a ladder, best first.
pub(crate) struct Keys<'a> {
    pages: &'a Pages,
    /// Number of the first page not yet looked at; none at the end.
    next: Option<i64>,
    page: Option<&'a Page>,
    base: i64,
    bits: u64,
}

impl Iterator for Keys<'_> {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        if self.bits == 0 {
            let (number, page) = self.pages.at_or_after(self.next?)?;
            // Page numbers are 58 bits wide: one more never overflows.
            self.next = number.checked_add(1);
            (self.page, self.base, self.bits) = (Some(page), number << 6, page.bits);
        }
        let key = self.base | first_from(self.bits, 0)?;
        self.bits &= self.bits.wrapping_sub(1);
        Some((key, self.page?.qty(key)))
    }
}
