//! What a market says happened.

use tiderace_types::{Price, Qty, Reason, Refusal, Side, TradeKind, TradingState};

/// One thing that happened, or was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new order was let in.
    Accepted {
        /// Which.
        order_id: u64,
    },
    /// Two orders traded: at the resting one's price, or at the one price of an auction.
    Trade {
        /// The order that rested (an auction: the buyer).
        maker: u64,
        /// The order that came in (an auction: the seller).
        taker: u64,
        /// The side of the taker; in an auction, of the later order.
        aggressor: Side,
        /// At which price.
        price: Price,
        /// How much traded: for an iceberg in continuous trading, at most the slice it showed.
        qty: Qty,
        /// What the maker has left, hidden part included.
        maker_leaves_qty: Qty,
        /// What the taker has left.
        taker_leaves_qty: Qty,
        /// How it came about.
        kind: TradeKind,
    },
    /// An order ended with something unfilled.
    Canceled {
        /// Which.
        order_id: u64,
        /// How much was canceled.
        qty: Qty,
        /// Why.
        reason: Reason,
    },
    /// An order has a new price or quantity, on request.
    Replaced {
        /// Which.
        order_id: u64,
        /// Its limit now.
        price: Price,
        /// What it has left, before it trades on.
        leaves_qty: Qty,
        /// Whether it kept its place.
        keeps_priority: bool,
    },
    /// An order changed without a trade or a request: it became smaller and kept its place (self-trade prevention), or
    /// it has a new price and joined the back of that (a peg).
    Restated {
        /// Which.
        order_id: u64,
        /// Its limit now.
        price: Price,
        /// What it has left.
        leaves_qty: Qty,
        /// Why.
        reason: Reason,
    },
    /// An order ended by its time in force with something unfilled.
    Expired {
        /// Which.
        order_id: u64,
        /// How much was left.
        qty: Qty,
        /// Why.
        reason: Reason,
    },
    /// A peg left the book until its reference is back.
    Suspended {
        /// Which.
        order_id: u64,
    },
    /// A stop's trigger was reached: it enters the market now.
    Triggered {
        /// Which.
        order_id: u64,
    },
    /// A command was refused, and nothing changed.
    Rejected {
        /// The order it named.
        order_id: u64,
        /// Why.
        refusal: Refusal,
    },
    /// What may happen in the market changed.
    StateChanged {
        /// To what.
        state: TradingState,
        /// Why.
        reason: Reason,
    },
    /// Where an auction would uncross now; said when it changes. No quantity: it would not.
    Indication {
        /// At which price.
        price: Price,
        /// How much.
        qty: Qty,
        /// What one side would have left at that price.
        surplus: Qty,
        /// Which side; buy where neither.
        surplus_side: Side,
    },
}
