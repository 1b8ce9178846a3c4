//! What can be asked of a matcher.

use tiderace_types::{OrdType, Price, Qty, SelfTradePrevention, Side, TimeInForce};

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Enter an order.
    New(NewOrder),
    /// Take an order out.
    Cancel {
        /// Which.
        order_id: u64,
    },
    /// Change an order's price and quantity. It keeps its place only for a smaller quantity at the same price;
    /// otherwise it enters anew, and trades at once where it crosses. Its other terms stay, `min_qty` aside, which is
    /// for entry alone.
    Replace {
        /// Which.
        order_id: u64,
        /// The new limit.
        price: Price,
        /// The new total, filled part included. At or below what is filled, the order is canceled.
        order_qty: Qty,
    },
}

/// An order to enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Its id: any number that no order in the book has.
    pub order_id: u64,
    /// Whose it is.
    pub owner: u32,
    /// Buy or sell.
    pub side: Side,
    /// Market or limit.
    pub ord_type: OrdType,
    /// The limit in ticks; a market order's is never read.
    pub price: Price,
    /// In lots, above zero.
    pub order_qty: Qty,
    /// What happens to what is not filled at once. A market order never rests.
    pub time_in_force: TimeInForce,
    /// Refuse it where it would trade.
    pub post_only: bool,
    /// The least to be filled at once, or nothing is; at most `order_qty`.
    pub min_qty: Qty,
    /// The most it shows at a time, a ten-thousandth of `order_qty` at least; all where none.
    pub display_qty: Option<Qty>,
    /// What happens where it meets an order of its owner.
    pub self_trade_prevention: SelfTradePrevention,
}

impl NewOrder {
    /// A plain limit order of owner 0, good till canceled; other terms by struct update.
    #[must_use]
    pub const fn limit(order_id: u64, side: Side, price: Price, order_qty: Qty) -> Self {
        Self {
            order_id,
            owner: 0,
            side,
            ord_type: OrdType::Limit,
            price,
            order_qty,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            min_qty: Qty::ZERO,
            display_qty: None,
            self_trade_prevention: SelfTradePrevention::None,
        }
    }

    /// A plain market order of owner 0.
    #[must_use]
    pub const fn market(order_id: u64, side: Side, order_qty: Qty) -> Self {
        let order = Self::limit(order_id, side, Price::ZERO, order_qty);
        Self { ord_type: OrdType::Market, time_in_force: TimeInForce::Ioc, ..order }
    }
}
