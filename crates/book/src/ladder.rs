//! One side of a book: what stands at each key, smallest key best, with the best one at hand.
//!
//! A key is the price for asks and its complement for bids (`!price` turns the order around without overflow at either
//! end), so one code serves both sides. Invariant: `best` is the smallest key held, `len` the number of keys held.

use crate::pages::{Page, Pages, Walk, first_from, mask, slot};

/// Values by key: quantities in a book by price, queues in a book by order.
pub struct Ladder<T> {
    best: Option<(i64, T)>,
    len: usize,
    pages: Pages<T>,
}

impl Ladder<i64> {
    /// Sets the quantity at `key`; zero and below take it out. True when the best key or its quantity changed.
    pub(crate) fn set(&mut self, key: i64, qty: i64) -> bool {
        if qty > 0 { self.put(key, qty) } else { self.remove(key) }
    }
}

impl<T: Copy + Default + PartialEq> Default for Ladder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy + Default + PartialEq> Ladder<T> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { best: None, len: 0, pages: Pages::new() }
    }

    /// Forgets every key; true when there was one.
    pub(crate) fn clear(&mut self) -> bool {
        self.pages.clear();
        self.len = 0;
        self.best.take().is_some()
    }

    /// The best key and its value.
    #[must_use]
    pub const fn best(&self) -> Option<(i64, T)> {
        self.best
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The value at `key`, the default where there is none.
    #[must_use]
    pub fn get(&self, key: i64) -> T {
        self.pages.get(key).map_or_else(T::default, |page| page.get(key))
    }

    /// Every key and value, best first.
    pub(crate) fn keys(&self) -> Keys<'_, T> {
        let Some((best, _)) = self.best else { return Keys { pages: None, page: None, base: 0, bits: 0 } };
        // Nothing lies before the best, so its page is the first; the cache has it.
        let page = self.pages.get(best);
        let number = best >> 6;
        let pages = self.pages.walk(number.saturating_add(1));
        Keys { pages: Some(pages), page, base: number << 6, bits: page.map_or(0, |page| page.bits) }
    }

    /// Sets the value at `key`. True when the best key or its value changed.
    pub fn put(&mut self, key: i64, value: T) -> bool {
        let Some(page) = self.pages.get_or_insert(key) else { return false };
        if page.put(key, value) {
            self.len = self.len.saturating_add(1);
        }
        let is_change = self.best.is_none_or(|(best, at)| key < best || (key == best && value != at));
        if is_change {
            self.best = Some((key, value));
        }
        is_change
    }

    /// Sets the value at `key` to what `next` makes of it, from the default where there is none; none takes it out.
    pub(crate) fn change(&mut self, key: i64, next: impl FnOnce(T) -> Option<T>) {
        let Some(page) = self.pages.get_or_insert(key) else { return };
        let Some(value) = next(page.get(key)) else {
            self.remove(key);
            return;
        };
        if page.put(key, value) {
            self.len = self.len.saturating_add(1);
        }
        if self.best.is_none_or(|(best, _)| key <= best) {
            self.best = Some((key, value));
        }
    }

    /// Takes `key` out. True when it was the best.
    pub fn remove(&mut self, key: i64) -> bool {
        let Some(page) = self.pages.get_mut(key) else { return false };
        if page.bits & mask(key) == 0 {
            return false;
        }
        page.bits &= !mask(key);
        self.len = self.len.saturating_sub(1);
        let is_best = self.best.is_some_and(|(best, _)| best == key);
        let rest = page.bits;
        // Nothing lies before the best, so what its page still holds comes next.
        let next = if is_best { first_from(rest, slot(key)).map(|at| key & !63 | at) } else { None };
        let next = next.map(|next| (next, page.get(next)));
        if rest == 0 {
            self.pages.remove(key);
        }
        if is_best {
            self.best = next.or_else(|| self.pages.walk(key >> 6).next().and_then(first));
        }
        is_best
    }
}

fn first<T: Copy + Default>((number, page): (i64, &Page<T>)) -> Option<(i64, T)> {
    let key = number << 6 | first_from(page.bits, 0)?;
    Some((key, page.get(key)))
}

/// Walks a ladder, best first.
pub(crate) struct Keys<'a, T> {
    /// The pages not yet looked at; none where there is no key at all.
    pages: Option<Walk<'a, T>>,
    page: Option<&'a Page<T>>,
    base: i64,
    bits: u64,
}

impl<T: Copy + Default> Iterator for Keys<'_, T> {
    type Item = (i64, T);

    fn next(&mut self) -> Option<(i64, T)> {
        if self.bits == 0 {
            let (number, page) = self.pages.as_mut()?.next()?;
            (self.page, self.base, self.bits) = (Some(page), number << 6, page.bits);
        }
        let key = self.base | first_from(self.bits, 0)?;
        self.bits &= self.bits.wrapping_sub(1);
        Some((key, self.page?.get(key)))
    }
}
