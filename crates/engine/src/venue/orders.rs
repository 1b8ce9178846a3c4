//! The table of live orders: rows that are used again, and a list of each account's in the order they entered.
//!
//! An order id is a sequence and the order's row, so that an id finds its row without a map, ids ascend, and an id of an
//! earlier use of a row is stale by itself. Sketch: a row is 112 bytes, so a new order touches two or three lines here.

use tiderace_types::id_map::Handle;
use tiderace_types::venue::{NO_ENTRY, NO_GROUP, NewOrder};
use tiderace_types::{AccountId, ClOrdId, DecodeError, Field, InstrumentId, OrdType, Price, Qty, Side, TimeInForce};

use super::snapshot::{bad, put_len, take_list};

/// Bits of an order id that are its row.
const ROW_BITS: u32 = 24;
const ROW_MASK: u64 = (1 << ROW_BITS) - 1;
/// Live orders that a venue holds at most. One row is never used: it ends lists.
pub(super) const ORDERS_MAX: usize = (1 << ROW_BITS) - 1;
const NO_ROW: u32 = u32::MAX;

/// How an order waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The row is free.
    Free,
    /// Being entered: its market has not answered yet.
    Entering,
    /// A child that waits for its parent.
    Waiting,
    /// In its market.
    Working,
}

/// One live order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) order_id: u64,
    pub(super) cl_ord_id: ClOrdId,
    pub(super) price: Price,
    pub(super) order_qty: Qty,
    pub(super) cum_qty: Qty,
    pub(super) cum_value: i128,
    /// Order id of the partner; zero for none.
    pub(super) oco: u64,
    /// Order id of the parent that it waits for; zero for none.
    pub(super) parent: u64,
    pub(super) account: AccountId,
    pub(super) strategy: u32,
    pub(super) instrument: InstrumentId,
    pub(super) quote_entry: u16,
    pub(super) mmp_group: u16,
    pub(super) side: Side,
    /// As it was sent.
    pub(super) ord_type: OrdType,
    pub(super) time_in_force: TimeInForce,
    pub(super) stage: Stage,
    pub(super) reduce_only: bool,
    pub(super) has_children: bool,
    /// Neighbours in the account's list, for the table alone.
    pub(super) older: u32,
    pub(super) newer: u32,
}

const _: () = assert!(size_of::<Row>() == 112, "the sketch above");

impl Row {
    const FREE: Self = Self {
        order_id: 0,
        cl_ord_id: ClOrdId(0),
        price: Price::ZERO,
        order_qty: Qty::ZERO,
        cum_qty: Qty::ZERO,
        cum_value: 0,
        oco: 0,
        parent: 0,
        account: AccountId(0),
        strategy: 0,
        instrument: InstrumentId(0),
        quote_entry: NO_ENTRY,
        mmp_group: NO_GROUP,
        side: Side::Buy,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        stage: Stage::Free,
        reduce_only: false,
        has_children: false,
        older: NO_ROW,
        newer: NO_ROW,
    };

    /// A row that other fields go into by struct update.
    pub(super) const fn blank() -> Self {
        Self::FREE
    }

    /// The row of an order that is about to enter.
    pub(super) const fn of(order: &NewOrder) -> Self {
        Self {
            cl_ord_id: order.cl_ord_id,
            price: if order.ord_type.has_limit() { order.price } else { Price::ZERO },
            order_qty: order.order_qty,
            account: order.account,
            strategy: order.strategy,
            instrument: order.instrument,
            mmp_group: order.mmp_group,
            side: order.side,
            ord_type: order.ord_type,
            time_in_force: order.time_in_force,
            reduce_only: order.reduce_only,
            ..Self::FREE
        }
    }

    /// What is left to fill.
    pub(super) const fn leaves_qty(&self) -> Qty {
        self.order_qty.saturating_sub(self.cum_qty)
    }

    /// Whether a client sent it: a liquidation has no key.
    pub(super) const fn is_clients(&self) -> bool {
        self.cl_ord_id.0 != 0
    }

    /// Whether it entered as part of a mass quote.
    pub(super) const fn is_quote(&self) -> bool {
        self.quote_entry != NO_ENTRY
    }
}

/// The oldest and newest order of an account, as rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    oldest: u32,
    newest: u32,
}

/// Where the table stood before an order was entered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    seq: u64,
    is_new_row: bool,
}

/// The table.
#[derive(Debug)]
pub(super) struct Orders {
    rows: Vec<Row>,
    free: Vec<u32>,
    ends: Vec<Ends>,
    /// Orders accepted so far.
    seq: u64,
}

impl Orders {
    /// An empty table.
    pub(super) fn new(accounts: usize) -> Self {
        let none = Ends { oldest: NO_ROW, newest: NO_ROW };
        Self { rows: Vec::new(), free: Vec::new(), ends: vec![none; accounts], seq: 0 }
    }

    /// Takes a row for an order that is about to enter and gives it its id. None where the table is full.
    pub(super) fn begin(&mut self, row: Row) -> Option<(u64, Mark)> {
        let mark = Mark { seq: self.seq, is_new_row: self.free.is_empty() };
        let at = match self.free.pop() {
            Some(at) => at,
            None if self.rows.len() < ORDERS_MAX => {
                self.rows.push(Row::FREE);
                u32::try_from(self.rows.len().saturating_sub(1)).ok()?
            }
            None => return None,
        };
        self.seq = self.seq.saturating_add(1);
        let order_id = (self.seq << ROW_BITS) | u64::from(at);
        *self.rows.get_mut(index(at))? = Row { order_id, stage: Stage::Entering, older: NO_ROW, newer: NO_ROW, ..row };
        Some((order_id, mark))
    }

    /// Undoes [`Self::begin`]: a refused order leaves nothing behind.
    pub(super) fn undo(&mut self, order_id: u64, mark: Mark) {
        self.seq = mark.seq;
        if mark.is_new_row {
            self.rows.pop();
        } else if let Some(row) = self.get_mut(order_id) {
            *row = Row::FREE;
            self.free.push(row_of(order_id));
        }
    }

    /// Puts an accepted order at the end of its account's list.
    pub(super) fn attach(&mut self, order_id: u64, stage: Stage) {
        let at = row_of(order_id);
        let Some(account) = self.get(order_id).map(|row| row.account) else { return };
        let Some(ends) = self.ends.get_mut(account_index(account)) else { return };
        let newest = core::mem::replace(&mut ends.newest, at);
        if newest == NO_ROW {
            ends.oldest = at;
        }
        if let Some(row) = self.rows.get_mut(index(newest)) {
            row.newer = at;
        }
        if let Some(row) = self.rows.get_mut(index(at)) {
            row.older = newest;
            row.stage = stage;
        }
    }

    /// Frees the row of an order that has ended.
    pub(super) fn end(&mut self, order_id: u64) {
        let Some(row) = self.get(order_id).copied() else { return };
        if let Some(older) = self.rows.get_mut(index(row.older)) {
            older.newer = row.newer;
        } else if let Some(ends) = self.ends.get_mut(account_index(row.account)) {
            ends.oldest = row.newer;
        }
        if let Some(newer) = self.rows.get_mut(index(row.newer)) {
            newer.older = row.older;
        } else if let Some(ends) = self.ends.get_mut(account_index(row.account)) {
            ends.newest = row.older;
        }
        if let Some(free) = self.rows.get_mut(index(row_of(order_id))) {
            *free = Row::FREE;
        }
        self.free.push(row_of(order_id));
    }

    /// A live order.
    pub(super) fn get(&self, order_id: u64) -> Option<&Row> {
        self.rows.get(index(row_of(order_id))).filter(|row| row.order_id == order_id && order_id != 0)
    }

    /// A live order, to change.
    pub(super) fn get_mut(&mut self, order_id: u64) -> Option<&mut Row> {
        self.rows.get_mut(index(row_of(order_id))).filter(|row| row.order_id == order_id && order_id != 0)
    }

    /// The live order that a handle of an account's id names; none where it ended or has another id by now.
    pub(super) fn by_handle(&self, handle: Handle, account: AccountId, cl_ord_id: ClOrdId) -> Option<&Row> {
        let row = self.rows.get(handle.index())?;
        let is_it = row.stage != Stage::Free
            && row.account == account
            && row.cl_ord_id == cl_ord_id
            && !row.is_quote()
            && generation_of(row.order_id) == handle.generation;
        is_it.then_some(row)
    }

    /// The handle of a live order.
    pub(super) fn handle(order_id: u64) -> Handle {
        Handle { row: row_of(order_id), generation: generation_of(order_id) }
    }

    /// Appends the table. Which rows are free and in which order is part of it: the next ids follow from that.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.seq.put(out);
        put_len(self.rows.len(), out);
        put_len(self.free.len(), out);
        self.free.iter().for_each(|row| row.put(out));
        for row in self.rows.iter().filter(|row| row.stage != Stage::Free) {
            row.put(out);
        }
    }

    /// Reads the table of so many accounts.
    pub(super) fn decode(accounts: usize, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut orders = Self::new(accounts);
        orders.seq = Field::take(bytes)?;
        let rows = usize::try_from(u64::take(bytes)?).unwrap_or(usize::MAX);
        orders.free = take_list(bytes, u32::take)?;
        let live = rows.checked_sub(orders.free.len()).ok_or(bad("Orders"))?;
        if rows > ORDERS_MAX || live > bytes.len() {
            return Err(bad("Orders"));
        }
        orders.rows = vec![Row::FREE; rows];
        let mut ids = Vec::with_capacity(live);
        for _ in 0..live {
            let row = Row::take(bytes)?;
            let place = orders.rows.get_mut(index(row_of(row.order_id))).filter(|place| place.stage == Stage::Free);
            *place.ok_or(bad("Row"))? = row;
            ids.push((row.order_id, row.stage));
        }
        ids.sort_unstable_by_key(|(order_id, _)| *order_id);
        for (order_id, stage) in ids {
            orders.attach(order_id, stage);
        }
        Ok(orders)
    }

    /// An account's live orders in the order they entered.
    pub(super) fn of_account(&self, account: AccountId) -> impl Iterator<Item = &Row> {
        let mut at = self.ends.get(account_index(account)).map_or(NO_ROW, |ends| ends.oldest);
        core::iter::from_fn(move || {
            let row = self.rows.get(index(at))?;
            at = row.newer;
            Some(row)
        })
    }

    /// All accounts' live orders, account by account.
    pub(super) fn all(&self) -> impl Iterator<Item = &Row> {
        let accounts = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        (0..accounts).flat_map(|account| self.of_account(AccountId(account)))
    }
}

fn row_of(order_id: u64) -> u32 {
    u32::try_from(order_id & ROW_MASK).unwrap_or(NO_ROW)
}

/// The row of an order id, as an index into tables beside this one.
pub(super) fn row_index(order_id: u64) -> usize {
    index(row_of(order_id))
}

fn generation_of(order_id: u64) -> u32 {
    u32::try_from((order_id >> ROW_BITS) & u64::from(u32::MAX)).unwrap_or(0)
}

fn index(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// An account as an index into tables in genesis order.
pub(super) fn account_index(account: AccountId) -> usize {
    index(account.0)
}
