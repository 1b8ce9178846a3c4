//! What a matcher says happened.

use tiderace_types::{Price, Qty, Reason, Side};

/// One thing that happened, or was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new order was let in.
    Accepted {
        /// Which.
        order_id: u64,
    },
    /// Two orders traded, at the resting one's price.
    Trade {
        /// The order that rested.
        maker: u64,
        /// The order that came in.
        taker: u64,
        /// The side of the taker.
        aggressor: Side,
        /// The maker's price.
        price: Price,
        /// How much traded: for an iceberg, at most the slice it showed.
        qty: Qty,
        /// What the maker has left, hidden part included.
        maker_leaves_qty: Qty,
        /// What the taker has left.
        taker_leaves_qty: Qty,
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
    /// An order became smaller without a trade or a request, and kept its place.
    Restated {
        /// Which.
        order_id: u64,
        /// What it has left.
        leaves_qty: Qty,
        /// Why.
        reason: Reason,
    },
    /// A command was refused.
    Rejected {
        /// The order it named.
        order_id: u64,
        /// Why.
        reason: Reason,
    },
}
