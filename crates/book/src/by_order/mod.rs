//! One instrument's book by order: price, then time.
//!
//! The book owns which orders rest, their place in line and the sums at each price; it matches nothing, so it may be
//! crossed if its caller crosses it (a feed by order does, for a moment). Prices are any `i64`, ids any `u64`, free
//! again once the order is gone. An order may hide a part: it shows a slice of `display_qty`, and when that is filled
//! the next slice joins the back of its price. What else the caller needs to know of an order goes in its terms `T`,
//! which the book keeps and never reads.
//!
//! Invariants: an order in the book shows something; the sums of a price are those of its queue; all of a side
//! together fits a [`Qty`], so no sum within can overflow; an id is in the map if and only if its order is in a queue.
//!
//! Sketch: entering, leaving and filling touch the id's cell, the order's cache line, those of its neighbours, and the
//! price's queue in its page (see `pages`): four to six lines, no search. Nothing is allocated once the tables have
//! grown to the day's size. A resting order takes 64 bytes and its share of the id map, 21 to 43; a price takes 24 in a
//! page of 64, so orders that crowd at few prices take about 140 bytes each, all told, and one order to a price up to
//! 1.6 kB more where its page holds no other.

mod slots;
#[cfg(test)]
mod tests;

use tiderace_types::id_map::{Handle, IdMap};
use tiderace_types::{Price, Qty, Side};

use crate::ladder::{Keys, Ladder};
use slots::{NO_ROW, Slots};

/// An order that rests, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<T> {
    /// Its id: any number that no order in the book has.
    pub order_id: u64,
    /// Its limit, in ticks.
    pub price: Price,
    /// What it shows, above zero.
    pub visible_qty: Qty,
    /// What it hides.
    pub hidden_qty: Qty,
    /// The most that a new slice shows; above zero where something is hidden.
    pub display_qty: Qty,
    /// What of it is filled.
    pub cum_qty: Qty,
    /// Whose it is.
    pub owner: u32,
    /// Which side it rests on.
    pub side: Side,
    /// What the book's caller keeps with it.
    pub terms: T,
}

impl<T> Order<T> {
    /// What is left to fill, shown and hidden.
    #[must_use]
    pub const fn leaves_qty(&self) -> Qty {
        plus(self.visible_qty, self.hidden_qty)
    }

    /// What its side holds with it.
    fn checked_total(&self, others: Qty) -> Result<Qty, InsertError> {
        if self.visible_qty == Qty::ZERO || (self.hidden_qty != Qty::ZERO && self.display_qty == Qty::ZERO) {
            return Err(InsertError::NothingShown);
        }
        let leaves_qty = self.visible_qty.checked_add(self.hidden_qty).ok_or(InsertError::SideFull)?;
        others.checked_add(leaves_qty).ok_or(InsertError::SideFull)
    }
}

/// What rests at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// In ticks.
    pub price: Price,
    /// What is shown.
    pub visible_qty: Qty,
    /// What is shown and hidden.
    pub total_qty: Qty,
}

/// Why an order was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertError {
    /// It shows nothing, or hides a part without a slice to show of it.
    NothingShown,
    /// An order with its id rests already.
    DuplicateOrderId,
    /// With it, the side would hold more than a `Qty` counts.
    SideFull,
}

/// The queue at a price.
#[derive(Clone, Copy, Default, PartialEq)]
struct Queue {
    head: u32,
    tail: u32,
    visible: Qty,
    hidden: Qty,
}

/// One side. Keys are as in [`Ladder`].
struct Half {
    ladder: Ladder<Queue>,
    total: Qty,
}

/// The book of one instrument, by order.
pub struct Book<T> {
    ids: IdMap<u64>,
    slots: Slots<T>,
    bids: Half,
    asks: Half,
}

impl<T: Copy> Book<T> {
    /// An empty book with room for `capacity` orders before it grows; `seed` keeps clients from choosing ids that
    /// collide.
    #[must_use]
    pub fn new(capacity: usize, seed: u64) -> Self {
        let half = || Half { ladder: Ladder::new(), total: Qty::ZERO };
        Self { ids: IdMap::new(capacity, seed), slots: Slots::new(capacity), bids: half(), asks: half() }
    }

    /// Puts an order at the back of its price.
    ///
    /// # Errors
    /// [`InsertError`] when it shows nothing, its id is in use, or its side is full; nothing has changed then.
    pub fn insert(&mut self, order: Order<T>) -> Result<(), InsertError> {
        let row = self.slots.next_row();
        if !self.ids.insert_new(order.order_id, Handle { row, generation: 0 }) {
            return Err(InsertError::DuplicateOrderId);
        }
        let half = self.half_mut(order.side);
        match order.checked_total(half.total) {
            Ok(total) => half.total = total,
            Err(error) => {
                self.ids.remove(order.order_id);
                return Err(error);
            }
        }
        self.slots.take(order);
        self.attach(row, &order);
        Ok(())
    }

    /// Moves an order to the back of a price, with new quantities: as [`Self::remove`] and [`Self::insert`], its id,
    /// side, owner, terms and what is filled being as they were. True when it was there to be moved.
    ///
    /// # Errors
    /// [`InsertError`] when it would show nothing, or its side is full; nothing has changed then.
    pub fn requeue(
        &mut self,
        order_id: u64,
        price: Price,
        visible_qty: Qty,
        hidden_qty: Qty,
    ) -> Result<bool, InsertError> {
        let Some(Handle { row, .. }) = self.ids.get(order_id) else { return Ok(false) };
        let before = *self.slots.order(row);
        let after = Order { price, visible_qty, hidden_qty, ..before };
        let others = self.total_qty(before.side).saturating_sub(before.leaves_qty());
        let total = after.checked_total(others)?;
        self.detach(row, &before);
        *self.slots.order_mut(row) = after;
        self.attach(row, &after);
        self.half_mut(after.side).total = total;
        Ok(true)
    }

    /// The order with this id.
    #[must_use]
    pub fn get(&self, order_id: u64) -> Option<&Order<T>> {
        Some(self.slots.order(self.ids.get(order_id)?.row))
    }

    /// Takes an order out and returns it as it was.
    pub fn remove(&mut self, order_id: u64) -> Option<Order<T>> {
        let row = self.ids.take(order_id)?.row;
        let order = *self.slots.order(row);
        self.detach(row, &order);
        self.slots.give_back(row);
        let half = self.half_mut(order.side);
        half.total = half.total.saturating_sub(order.leaves_qty());
        Some(order)
    }

    /// Makes an order smaller by `qty` where it stands, what it hides first; one with nothing left is gone. Returns
    /// what it has left.
    pub fn reduce(&mut self, order_id: u64, qty: Qty) -> Option<Qty> {
        let row = self.ids.get(order_id)?.row;
        let order = *self.slots.order(row);
        if qty >= order.leaves_qty() {
            self.take_out(row, &order);
            return Some(Qty::ZERO);
        }
        let hidden = qty.min(order.hidden_qty);
        let visible = qty.saturating_sub(hidden);
        let place = self.slots.order_mut(row);
        place.hidden_qty = order.hidden_qty.saturating_sub(hidden);
        place.visible_qty = order.visible_qty.saturating_sub(visible);
        let leaves_qty = place.leaves_qty();

        let key = key(order.side, order.price);
        let half = self.half_mut(order.side);
        half.total = half.total.saturating_sub(qty);
        half.ladder.change(key, |queue| {
            let (visible, hidden) = (queue.visible.saturating_sub(visible), queue.hidden.saturating_sub(hidden));
            Some(Queue { visible, hidden, ..queue })
        });
        Some(leaves_qty)
    }

    /// The first in line at the best price of a side (buy: the bids).
    #[must_use]
    pub fn front(&self, side: Side) -> Option<&Order<T>> {
        self.half(side).ladder.best().map(|(_, queue)| self.slots.order(queue.head))
    }

    /// Fills `qty` of [`Self::front`], at most what it shows; one that then has nothing left is gone, one that hides
    /// more shows its next slice at the back. Returns what it has left, shown and hidden.
    pub fn fill_front(&mut self, side: Side, qty: Qty) -> Option<Qty> {
        let (key, mut queue) = self.half(side).ladder.best()?;
        let row = queue.head;
        let order = self.slots.order_mut(row);
        let qty = qty.min(order.visible_qty);
        order.visible_qty = order.visible_qty.saturating_sub(qty);
        order.cum_qty = plus(order.cum_qty, qty);
        queue.visible = queue.visible.saturating_sub(qty);
        let leaves_qty = order.leaves_qty();

        if order.visible_qty == Qty::ZERO && leaves_qty != Qty::ZERO {
            let slice = order.display_qty.min(order.hidden_qty);
            order.visible_qty = slice;
            order.hidden_qty = order.hidden_qty.saturating_sub(slice);
            queue.visible = plus(queue.visible, slice);
            queue.hidden = queue.hidden.saturating_sub(slice);
            if queue.tail != row {
                queue.head = self.slots.unlink(row).1;
                self.slots.link(row, queue.tail);
                queue.tail = row;
            }
        } else if leaves_qty == Qty::ZERO {
            let order_id = order.order_id;
            queue.head = self.slots.unlink(row).1;
            self.slots.give_back(row);
            self.ids.remove(order_id);
        }
        let half = self.half_mut(side);
        half.total = half.total.saturating_sub(qty);
        half.ladder.change(key, |_| queue.standing());
        Some(leaves_qty)
    }

    /// Fills `qty` of [`Self::front`] out of all that it has left, as an uncross does: one with something left shows a
    /// fresh slice and keeps its place. Returns what it has left, shown and hidden.
    pub fn fill_front_whole(&mut self, side: Side, qty: Qty) -> Option<Qty> {
        let (key, mut queue) = self.half(side).ladder.best()?;
        let row = queue.head;
        let before = *self.slots.order(row);
        let qty = qty.min(before.leaves_qty());
        let leaves_qty = before.leaves_qty().saturating_sub(qty);
        if leaves_qty == Qty::ZERO {
            self.take_out(row, &before);
            return Some(leaves_qty);
        }
        // An order that hides nothing may say zero of its slices.
        let slice = if before.hidden_qty == Qty::ZERO { leaves_qty } else { before.display_qty.min(leaves_qty) };
        let order = self.slots.order_mut(row);
        order.cum_qty = plus(order.cum_qty, qty);
        order.visible_qty = slice;
        order.hidden_qty = leaves_qty.saturating_sub(slice);
        queue.visible = plus(queue.visible.saturating_sub(before.visible_qty), slice);
        queue.hidden = plus(queue.hidden.saturating_sub(before.hidden_qty), order.hidden_qty);
        let half = self.half_mut(side);
        half.total = half.total.saturating_sub(qty);
        half.ladder.change(key, |_| queue.standing());
        Some(leaves_qty)
    }

    /// The terms of an order, to be changed in place.
    pub fn terms_mut(&mut self, order_id: u64) -> Option<&mut T> {
        let row = self.ids.get(order_id)?.row;
        Some(&mut self.slots.order_mut(row).terms)
    }

    /// The best level of a side (buy: the bids).
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.half(side).ladder.best().map(|(key, queue)| level(side, key, queue))
    }

    /// What rests at a price, zero where nothing does.
    #[must_use]
    pub fn level(&self, side: Side, price: Price) -> Level {
        let key = key(side, price);
        level(side, key, self.half(side).ladder.get(key))
    }

    /// The levels of a side, best first.
    #[must_use]
    pub fn levels(&self, side: Side) -> Levels<'_> {
        Levels { side, keys: self.half(side).ladder.keys() }
    }

    /// The orders at a price, first in line first.
    #[must_use]
    pub fn orders(&self, side: Side, price: Price) -> Orders<'_, T> {
        let queue = self.half(side).ladder.get(key(side, price));
        Orders { slots: &self.slots, row: if queue.visible == Qty::ZERO { NO_ROW } else { queue.head } }
    }

    /// All that rests on a side, shown and hidden.
    #[must_use]
    pub const fn total_qty(&self, side: Side) -> Qty {
        self.half(side).total
    }

    /// Number of levels of a side.
    #[must_use]
    pub const fn len(&self, side: Side) -> usize {
        self.half(side).ladder.len()
    }

    /// Whether nothing rests.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bids.ladder.len() == 0 && self.asks.ladder.len() == 0
    }

    fn take_out(&mut self, row: u32, order: &Order<T>) {
        self.detach(row, order);
        self.slots.give_back(row);
        self.ids.remove(order.order_id);
        let half = self.half_mut(order.side);
        half.total = half.total.saturating_sub(order.leaves_qty());
    }

    /// Puts a row at the back of its order's price.
    fn attach(&mut self, row: u32, order: &Order<T>) {
        let (slots, half) = self.split(order.side);
        half.ladder.change(key(order.side, order.price), |queue| {
            let is_first = queue.visible == Qty::ZERO;
            slots.link(row, if is_first { NO_ROW } else { queue.tail });
            Some(Queue {
                head: if is_first { row } else { queue.head },
                tail: row,
                visible: plus(queue.visible, order.visible_qty),
                hidden: plus(queue.hidden, order.hidden_qty),
            })
        });
    }

    /// Takes a row out of its order's price.
    fn detach(&mut self, row: u32, order: &Order<T>) {
        let (slots, half) = self.split(order.side);
        let (prev, next) = slots.unlink(row);
        half.ladder.change(key(order.side, order.price), |queue| {
            Queue {
                head: if prev == NO_ROW { next } else { queue.head },
                tail: if next == NO_ROW { prev } else { queue.tail },
                visible: queue.visible.saturating_sub(order.visible_qty),
                hidden: queue.hidden.saturating_sub(order.hidden_qty),
            }
            .standing()
        });
    }

    const fn split(&mut self, side: Side) -> (&mut Slots<T>, &mut Half) {
        match side {
            Side::Buy => (&mut self.slots, &mut self.bids),
            Side::Sell => (&mut self.slots, &mut self.asks),
        }
    }

    const fn half(&self, side: Side) -> &Half {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

impl Queue {
    /// It, or none when the last order has left. Every order shows something, so a price that shows nothing has none.
    fn standing(self) -> Option<Self> {
        (self.visible != Qty::ZERO).then_some(self)
    }
}

/// The levels of one side of a [`Book`], best first.
pub struct Levels<'a> {
    side: Side,
    keys: Keys<'a, Queue>,
}

impl Iterator for Levels<'_> {
    type Item = Level;

    fn next(&mut self) -> Option<Level> {
        self.keys.next().map(|(key, queue)| level(self.side, key, queue))
    }
}

/// The orders at one price of a [`Book`], first in line first.
pub struct Orders<'a, T> {
    slots: &'a Slots<T>,
    row: u32,
}

impl<'a, T: Copy> Iterator for Orders<'a, T> {
    type Item = &'a Order<T>;

    fn next(&mut self) -> Option<&'a Order<T>> {
        if self.row == NO_ROW {
            return None;
        }
        let order = self.slots.order(self.row);
        self.row = self.slots.next(self.row);
        Some(order)
    }
}

const fn key(side: Side, price: Price) -> i64 {
    match side {
        Side::Buy => !price.get(),
        Side::Sell => price.get(),
    }
}

const fn level(side: Side, key: i64, queue: Queue) -> Level {
    let price = match side {
        Side::Buy => !key,
        Side::Sell => key,
    };
    Level { price: Price::new(price), visible_qty: queue.visible, total_qty: plus(queue.visible, queue.hidden) }
}

/// A sum of quantities of one side of a book, or of one order: both are checked on entry, so the sum fits.
const fn plus(a: Qty, b: Qty) -> Qty {
    match a.checked_add(b) {
        Some(sum) => sum,
        None => Qty::MAX,
    }
}
