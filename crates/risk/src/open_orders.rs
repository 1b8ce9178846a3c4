//! What each open order counts for against the limits.

use tiderace_types::{ClOrdId, InstrumentId, Price, Qty, Side};

use tiderace_types::id_map::{Handle, IdMap};

/// What an order may add to exposure and take from a balance, at its worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) lots: i128,
    pub(crate) exposure: i128,
    /// What it pays with its fee, or delivers; of a derivative its fee.
    pub(crate) funds: i128,
}

impl Claim {
    /// The larger of both in each part: while a replace is under way, either order may fill.
    pub(crate) fn larger(self, other: Self) -> Self {
        Self {
            lots: self.lots.max(other.lots),
            exposure: self.exposure.max(other.exposure),
            funds: self.funds.max(other.funds),
        }
    }

    /// What this claims more than `other`.
    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            lots: self.lots.saturating_sub(other.lots),
            exposure: self.exposure.saturating_sub(other.exposure),
            funds: self.funds.saturating_sub(other.funds),
        }
    }
}

/// Prices at which an order is valued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prices {
    /// Where its value is largest.
    pub(crate) value: Price,
    /// Where its exposure is largest (inverse contracts: the lowest price).
    pub(crate) exposure: Price,
}

/// A replace under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replacing {
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) order_qty: Qty,
    pub(crate) prices: Prices,
}

/// One open order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
    pub(crate) price: Price,
    pub(crate) prices: Prices,
    pub(crate) cum_qty: Qty,
    pub(crate) replacing: Option<Replacing>,
    pub(crate) claim: Claim,
}

/// All of them, by either key while a replace is under way.
#[derive(Clone, Debug)]
pub(crate) struct OpenOrders {
    rows: Vec<Open>,
    free: Vec<u32>,
    keys: IdMap<u64>,
}

impl OpenOrders {
    pub(crate) fn new(capacity: usize, seed: u64) -> Self {
        Self { rows: Vec::with_capacity(capacity), free: Vec::new(), keys: IdMap::new(capacity, seed) }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len().saturating_sub(self.free.len())
    }

    pub(crate) fn find(&self, cl_ord_id: ClOrdId) -> Option<Handle> {
        self.keys.get(cl_ord_id.0)
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<&Open> {
        self.rows.get(handle.index())
    }

    pub(crate) fn put(&mut self, handle: Handle, open: Open) {
        if let Some(row) = self.rows.get_mut(handle.index()) {
            *row = open;
        }
    }

    pub(crate) fn insert(&mut self, open: Open) {
        let row = self.free.pop().unwrap_or_else(|| {
            self.rows.push(open);
            u32::try_from(self.rows.len().saturating_sub(1)).unwrap_or(u32::MAX)
        });
        let handle = Handle { row, generation: 0 };
        self.put(handle, open);
        self.keys.insert(open.cl_ord_id.0, handle);
    }

    pub(crate) fn add_key(&mut self, handle: Handle, cl_ord_id: ClOrdId) {
        self.keys.insert(cl_ord_id.0, handle);
    }

    pub(crate) fn remove_key(&mut self, cl_ord_id: ClOrdId) {
        self.keys.remove(cl_ord_id.0);
    }

    pub(crate) fn remove(&mut self, handle: Handle) {
        let Some(open) = self.get(handle).copied() else { return };
        self.keys.remove(open.cl_ord_id.0);
        if let Some(replacing) = open.replacing {
            self.keys.remove(replacing.cl_ord_id.0);
        }
        self.free.push(handle.row);
    }
}
