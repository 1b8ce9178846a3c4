//! What a market asks of who runs it.

use tiderace_types::{Price, Qty, Reason, Side, TradeKind};

use super::Owner;

/// What the market asks at each fill. `()` is a host that allows everything and hears nothing.
pub trait Host {
    /// Whether it caps nothing, links nothing and ends nothing: a FOK then counts whole levels.
    const IS_SILENT: bool = false;

    /// How much of `qty` a reduce-only order may trade now; asked on entry and before each of its fills. Zero ends it,
    /// `not_reducing`.
    fn cap(&mut self, order_id: u64, owner: Owner, side: Side, qty: Qty) -> Qty {
        let _ = (order_id, owner, side);
        qty
    }

    /// Why an order that rests may not have this fill any more: it is canceled then, and the sweep goes on behind it.
    fn refuses(&mut self, maker: &Resting, qty: Qty) -> Option<Reason> {
        let _ = (maker, qty);
        None
    }

    /// The order that the first fill of this one ends, where there is one: a FOK or a minimum counts one of the two.
    fn linked(&self, order_id: u64) -> Option<u64> {
        let _ = order_id;
        None
    }

    /// A fill just happened; its event is written. Orders of this market that must go at once (partners of an OCO,
    /// reduce-only orders of an account that is flat now) are pushed to `gone`: the market cancels them, in that order,
    /// before it goes on. Ids that it does not hold are passed over.
    fn filled(&mut self, fill: &Fill, gone: &mut Vec<(u64, Reason)>) {
        let _ = (fill, gone);
    }

    /// A stop was triggered, its event is written, and it is about to enter; `gone` as in [`Self::filled`], where its own
    /// id says that it must not.
    fn triggered(&mut self, order_id: u64, gone: &mut Vec<(u64, Reason)>) {
        let _ = (order_id, gone);
    }

    /// The book by order changed.
    fn book_changed(&mut self, change: &BookChange) {
        let _ = change;
    }
}

impl Host for () {
    const IS_SILENT: bool = true;
}

/// An order that is about to be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Which.
    pub order_id: u64,
    /// Whose.
    pub account: u32,
    /// Which side.
    pub side: Side,
    /// At which price.
    pub price: Price,
}

/// One fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The order that rested (an auction: the buyer).
    pub maker: u64,
    /// The order that came in (an auction: the seller).
    pub taker: u64,
    /// Whose the maker is.
    pub maker_account: u32,
    /// Whose the taker is.
    pub taker_account: u32,
    /// Side of the taker; in an auction, of the later order.
    pub aggressor: Side,
    /// At which price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// How it came about.
    pub kind: TradeKind,
    /// What the maker has left.
    pub maker_leaves_qty: Qty,
    /// What the taker has left.
    pub taker_leaves_qty: Qty,
}

/// One change of the book by order: market data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookChange {
    /// An order joined the back of a price. One that shows a fresh slice is removed first.
    Add {
        /// Which.
        order_id: u64,
        /// Which side.
        side: Side,
        /// Where.
        price: Price,
        /// What it shows.
        visible_qty: Qty,
    },
    /// An order shows another quantity in the same place.
    Set {
        /// Which.
        order_id: u64,
        /// What it shows now.
        visible_qty: Qty,
    },
    /// An order left.
    Remove {
        /// Which.
        order_id: u64,
    },
}
