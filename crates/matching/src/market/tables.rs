//! Small tables beside the book: when orders expire, which accounts share a group, which orders follow a reference.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use tiderace_book::by_order::Order;
use tiderace_types::id_map::{Handle, IdMap};
use tiderace_types::{PegTo, Price, Side, Ts};

use super::Owner;
use crate::terms::Terms;

/// When good-till-date orders end, wherever they wait.
///
/// An order that leaves, or ends at another time, leaves its entry in the heap; entries that say what no order does any
/// more are dropped when they come first, all of them where they outnumber the orders. Invariant: the first entry is of
/// an order that ends then.
pub(super) struct Expiries {
    by_time: BinaryHeap<Reverse<(Ts, u64)>>,
    by_id: IdMap<u64>,
    rows: Vec<Ts>,
    free: Vec<u32>,
}

impl Expiries {
    pub(super) fn new(seed: u64) -> Self {
        Self { by_time: BinaryHeap::new(), by_id: IdMap::new(0, seed), rows: Vec::new(), free: Vec::new() }
    }

    pub(super) fn set(&mut self, order_id: u64, ts: Ts) {
        self.remove(order_id);
        let place = self.free.last().and_then(|&row| Some((row, self.rows.get_mut(usize::try_from(row).ok()?)?)));
        let row = if let Some((row, place)) = place {
            *place = ts;
            self.free.pop();
            row
        } else {
            // 2^32 rows are more than memory holds.
            let row = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
            self.rows.push(ts);
            row
        };
        self.by_id.insert(order_id, Handle { row, generation: 0 });
        self.by_time.push(Reverse((ts, order_id)));
    }

    pub(super) fn get(&self, order_id: u64) -> Option<Ts> {
        if self.len() == 0 {
            return None;
        }
        self.rows.get(self.by_id.get(order_id)?.index()).copied()
    }

    pub(super) fn remove(&mut self, order_id: u64) {
        if self.len() == 0 {
            return;
        }
        let Some(Handle { row, .. }) = self.by_id.get(order_id) else { return };
        self.by_id.remove(order_id);
        self.free.push(row);
        while let Some(&Reverse(first)) = self.by_time.peek()
            && !self.holds(first)
        {
            self.by_time.pop();
        }
        if self.by_time.len() > self.len().saturating_mul(2).saturating_add(64) {
            let mut by_time = std::mem::take(&mut self.by_time);
            by_time.retain(|&Reverse(entry)| self.holds(entry));
            self.by_time = by_time;
        }
    }

    pub(super) fn first(&self) -> Option<(Ts, u64)> {
        self.by_time.peek().map(|first| first.0)
    }

    /// All, the soonest first.
    pub(super) fn in_order(&self) -> Vec<(Ts, u64)> {
        let mut all: Vec<_> = self.by_time.iter().map(|entry| entry.0).filter(|&entry| self.holds(entry)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    const fn len(&self) -> usize {
        self.rows.len().saturating_sub(self.free.len())
    }

    fn holds(&self, (ts, order_id): (Ts, u64)) -> bool {
        self.get(order_id) == Some(ts)
    }
}

/// Groups of self-trade prevention of accounts that are in one, by account.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) rows: Vec<(u32, u32)>,
}

impl Groups {
    /// Learns an account's group.
    pub(super) fn note(&mut self, owner: Owner) {
        if owner.group == owner.account && self.rows.is_empty() {
            return;
        }
        let row = (owner.account, owner.group);
        match self.rows.binary_search_by_key(&owner.account, |row| row.0) {
            Ok(at) => {
                if let Some(place) = self.rows.get_mut(at) {
                    *place = row;
                }
            }
            Err(at) => self.rows.insert(at, row),
        }
    }

    pub(super) fn of(&self, account: u32) -> u32 {
        if self.rows.is_empty() {
            return account;
        }
        let found = self.rows.binary_search_by_key(&account, |row| row.0).ok();
        found.and_then(|at| self.rows.get(at)).map_or(account, |row| row.1)
    }
}

/// An order that follows a reference.
#[derive(Clone, Copy)]
pub(super) struct Peg {
    pub(super) order_id: u64,
    pub(super) side: Side,
    pub(super) peg_to: PegTo,
    pub(super) is_post_only: bool,
    pub(super) offset: Price,
    /// Where it rests; none while it is out of the book.
    pub(super) price: Option<Price>,
}

/// All pegs of a market, elder first. Their rows say where they rest, so that looking for those that are elsewhere than
/// they belong touches no order.
#[derive(Default)]
pub(super) struct Pegs {
    pub(super) rows: Vec<Peg>,
    /// Those that are out of the book.
    pub(super) suspended: BTreeMap<u64, Order<Terms>>,
    /// How many stay behind the touch.
    post_only: usize,
}

impl Pegs {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether any stays behind the touch.
    pub(super) const fn has_post_only(&self) -> bool {
        self.post_only != 0
    }

    fn find(&self, order_id: u64) -> Result<usize, usize> {
        self.rows.binary_search_by_key(&order_id, |peg| peg.order_id)
    }

    pub(super) fn insert(&mut self, peg: Peg) {
        if let Err(at) = self.find(peg.order_id) {
            self.rows.insert(at, peg);
            self.post_only = self.post_only.saturating_add(usize::from(peg.is_post_only));
        }
    }

    pub(super) fn remove(&mut self, order_id: u64) {
        if let Ok(at) = self.find(order_id) {
            let peg = self.rows.remove(at);
            self.post_only = self.post_only.saturating_sub(usize::from(peg.is_post_only));
            if peg.price.is_none() {
                self.suspended.remove(&order_id);
            }
        }
    }

    /// Where the peg of a row rests from now on.
    pub(super) fn set_price(&mut self, at: usize, price: Price) {
        if let Some(peg) = self.rows.get_mut(at)
            && peg.price.replace(price).is_none()
        {
            self.suspended.remove(&peg.order_id);
        }
    }

    /// Keeps the order of a peg that is out of the book.
    pub(super) fn suspend(&mut self, order: Order<Terms>) {
        if let Some(peg) = self.find(order.order_id).ok().and_then(|at| self.rows.get_mut(at)) {
            peg.price = None;
            self.suspended.insert(order.order_id, order);
        }
    }

    pub(super) fn suspended(&self, order_id: u64) -> Option<&Order<Terms>> {
        self.suspended.get(&order_id)
    }

    /// The place of the first that is younger.
    pub(super) fn after(&self, order_id: u64) -> usize {
        self.find(order_id).map_or_else(|at| at, |at| at.saturating_add(1))
    }
}
