//! The flow of orders that the matcher is tested with (five regimes, 95 % canceled, 15 % immediate, one in five
//! replaced), as commands made beforehand: of a matcher, and of a venue with several instruments.

#[allow(
    dead_code,
    unreachable_pub,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "one flow for tests and benches; it stands with the tests"
)]
#[path = "../../../matching/tests/oracle/flow.rs"]
mod oracle;
mod whole;

use std::collections::BTreeMap;

pub(super) use oracle::{Flow, Regime, Shape};
use tiderace_matching::{Command as Bare, Matcher};
use tiderace_types::venue::{Cancel, Command, NewOrder, Replace};
use tiderace_types::{AccountId, ClOrdId, InstrumentId, Price, Qty, TimeInForce, Ts};
pub(super) use whole::{Runner, Step, steps};

/// Orders that rest in a book, about.
pub(super) const RESTING: usize = 10_000;
/// Accounts that trade.
pub(super) const ACCOUNTS: u32 = 16;

/// `len` commands of one book.
pub(super) fn bare(regime: Regime, is_varied: bool, len: usize, seed: u64) -> Vec<Bare> {
    let mut flow = flow(regime, is_varied, len, seed);
    let mut market = Matcher::new(2 * RESTING, 1);
    let mut events = Vec::new();
    let mut commands = Vec::with_capacity(len);
    for _ in 0..len {
        let command = flow.next();
        market.apply(&command, &mut events);
        flow.hear(&command, &events, &market);
        events.clear();
        commands.push(command);
    }
    commands
}

fn flow(regime: Regime, is_varied: bool, len: usize, seed: u64) -> Flow {
    let len = i64::try_from(len).unwrap_or(i64::MAX).max(1_000);
    Flow::new(Shape { regime, resting: RESTING, reach_log2: 7, len, base: 100_000, is_varied }, seed)
}

/// A flow of venue commands over several instruments, one after the other.
pub(super) struct VenueFlow {
    books: Vec<Book>,
    next_id: u64,
    at: usize,
    events: Vec<tiderace_matching::Event>,
}

struct Book {
    flow: Flow,
    market: Matcher,
    /// Of each working order: its account and its id now.
    ids: BTreeMap<u64, (AccountId, ClOrdId)>,
}

impl VenueFlow {
    /// `len` commands are about as many as it is shaped for.
    pub(super) fn new(instruments: u16, len: usize, seed: u64) -> Self {
        let each = len / usize::from(instruments.max(1));
        let book = |n: u16| Book {
            flow: flow(Regime::Calm, false, each, seed.wrapping_add(u64::from(n))),
            market: Matcher::new(2 * RESTING, 1),
            ids: BTreeMap::new(),
        };
        Self { books: (0..instruments).map(book).collect(), next_id: 1, at: 0, events: Vec::new() }
    }

    /// The next command.
    pub(super) fn next(&mut self) -> Command {
        self.at = self.at.saturating_add(1) % self.books.len().max(1);
        let instrument = InstrumentId(u16::try_from(self.at).unwrap_or(0));
        let cl_ord_id = ClOrdId(self.next_id);
        let Some(book) = self.books.get_mut(self.at) else {
            return Cancel { account: AccountId(0), orig_cl_ord_id: cl_ord_id }.into();
        };
        let bare = book.flow.next();
        book.market.apply(&bare, &mut self.events);
        book.flow.hear(&bare, &self.events, &book.market);
        self.events.clear();
        let unknown = (AccountId(0), ClOrdId(u64::MAX));
        match bare {
            Bare::New(order) => {
                let account = AccountId(order.owner % ACCOUNTS);
                self.next_id = self.next_id.saturating_add(1);
                book.ids.insert(order.order_id, (account, cl_ord_id));
                new_order(account, instrument, cl_ord_id, &order).into()
            }
            Bare::Cancel { order_id } => {
                let (account, orig_cl_ord_id) = book.ids.remove(&order_id).unwrap_or(unknown);
                Cancel { account, orig_cl_ord_id }.into()
            }
            Bare::Replace { order_id, price, order_qty } => {
                let (account, orig_cl_ord_id) = book.ids.get(&order_id).copied().unwrap_or(unknown);
                self.next_id = self.next_id.saturating_add(1);
                book.ids.insert(order_id, (account, cl_ord_id));
                replace(account, orig_cl_ord_id, cl_ord_id, price, order_qty).into()
            }
        }
    }
}

fn replace(account: AccountId, orig_cl_ord_id: ClOrdId, cl_ord_id: ClOrdId, price: Price, order_qty: Qty) -> Replace {
    Replace {
        account,
        orig_cl_ord_id,
        cl_ord_id,
        fields: Replace::PRICE | Replace::ORDER_QTY,
        price,
        order_qty,
        stop_px: Price::ZERO,
        display_qty: Qty::ZERO,
        time_in_force: TimeInForce::Gtc,
        expire_time: Ts::ZERO,
    }
}

fn new_order(
    account: AccountId,
    instrument: InstrumentId,
    cl_ord_id: ClOrdId,
    order: &tiderace_matching::NewOrder,
) -> NewOrder {
    NewOrder {
        time_in_force: order.time_in_force,
        ..NewOrder::limit(account, instrument, cl_ord_id, order.side, order.price, order.order_qty)
    }
}
