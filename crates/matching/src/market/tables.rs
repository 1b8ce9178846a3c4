//! Small tables beside the book: when orders expire, which accounts share a group, which orders follow a reference.

use std::collections::{BTreeMap, BTreeSet};

use tiderace_book::by_order::Order;
use tiderace_types::{PegTo, Price, Side, Ts};

use super::Owner;
use crate::terms::Terms;

/// When good-till-date orders end, wherever they wait.
#[derive(Default)]
pub(super) struct Expiries {
    by_time: BTreeSet<(Ts, u64)>,
    by_id: BTreeMap<u64, Ts>,
}

impl Expiries {
    pub(super) fn set(&mut self, order_id: u64, ts: Ts) {
        self.remove(order_id);
        self.by_id.insert(order_id, ts);
        self.by_time.insert((ts, order_id));
    }

    pub(super) fn get(&self, order_id: u64) -> Option<Ts> {
        self.by_id.get(&order_id).copied()
    }

    pub(super) fn remove(&mut self, order_id: u64) {
        if let Some(ts) = self.by_id.remove(&order_id) {
            self.by_time.remove(&(ts, order_id));
        }
    }

    pub(super) fn first(&self) -> Option<(Ts, u64)> {
        self.by_time.first().copied()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &(Ts, u64)> {
        self.by_time.iter()
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
    pub(super) offset: Price,
    pub(super) is_post_only: bool,
    /// The order, while it is out of the book.
    pub(super) suspended: Option<Order<Terms>>,
}

/// All pegs of a market, elder first.
#[derive(Default)]
pub(super) struct Pegs {
    pub(super) rows: Vec<Peg>,
}

impl Pegs {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn find(&self, order_id: u64) -> Result<usize, usize> {
        self.rows.binary_search_by_key(&order_id, |peg| peg.order_id)
    }

    pub(super) fn insert(&mut self, peg: Peg) {
        if let Err(at) = self.find(peg.order_id) {
            self.rows.insert(at, peg);
        }
    }

    pub(super) fn remove(&mut self, order_id: u64) -> Option<Peg> {
        self.find(order_id).ok().map(|at| self.rows.remove(at))
    }

    pub(super) fn get_mut(&mut self, order_id: u64) -> Option<&mut Peg> {
        let at = self.find(order_id).ok()?;
        self.rows.get_mut(at)
    }

    pub(super) fn suspended(&self, order_id: u64) -> Option<&Order<Terms>> {
        self.rows.get(self.find(order_id).ok()?)?.suspended.as_ref()
    }

    /// The first whose id is not below `order_id`.
    pub(super) fn from(&self, order_id: u64) -> Option<Peg> {
        self.rows.get(self.find(order_id).unwrap_or_else(|at| at)).copied()
    }
}
