//! The limits, as the genesis of a venue holds them. What is absent is off.

use serde::{Deserialize, Serialize};
use tiderace_types::venue::NO_GROUP;
use tiderace_types::{Amount, Qty};

use super::windows::TERM_MAX;

/// Limits of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountLimits {
    /// Largest order, in 10^-12 contracts.
    pub max_order_qty: Option<Amount>,
    /// Largest order value, in the unit of [`super::OrderAsk::value`].
    pub max_order_value: Option<Amount>,
    /// Largest position in each instrument, long or short, working orders of that side included, in 10^-12 contracts.
    pub position_limit: Option<Amount>,
    /// Most working orders, those that wait for a trigger or a parent included.
    pub max_open_orders: Option<u32>,
    /// Most messages in a window.
    pub throttle: Option<Throttle>,
    /// Most orders for each trade in a window.
    pub order_to_trade: Option<OrderToTrade>,
}

/// Most messages of a session in a window. Cancels count and are never held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// How many, > 0.
    pub messages: u32,
    /// In how many nanoseconds, > 0.
    pub window_ns: i64,
}

/// In a window no more orders and replaces than `free_orders + orders_per_trade x trades`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderToTrade {
    /// Orders that each trade allows, > 0.
    pub orders_per_trade: u32,
    /// Orders that need no trade.
    pub free_orders: u32,
    /// Nanoseconds of the window, > 0.
    pub window_ns: i64,
}

/// Market-maker protection of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MmpLimits {
    /// The group, not [`NO_GROUP`].
    pub group: u16,
    /// A fill counts while younger than this, > 0.
    pub interval_ns: i64,
    /// Nanoseconds that the group is frozen, from the fill that reached a limit.
    pub freeze_ns: i64,
    /// Sum of the quantities of both sides that freezes, in 10^-12 contracts.
    #[serde(default)]
    pub qty: Option<Amount>,
    /// Size of the signed sum of delta that freezes, in 10^-12 of a base unit.
    #[serde(default)]
    pub delta: Option<Amount>,
    /// Size of the signed sum of vega that freezes, in 10^-12 of a quote unit.
    #[serde(default)]
    pub vega: Option<Amount>,
    /// Number of fills that freezes.
    #[serde(default)]
    pub trades: Option<u32>,
}

/// What is controlled of one account. Its row is its [`tiderace_types::AccountId`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VenueAccount {
    /// Limits.
    pub limits: AccountLimits,
    /// Market-maker protection.
    pub mmp: Vec<MmpLimits>,
    /// Nanoseconds from the loss of the connection to the cancel of all orders; absent: at once.
    pub dead_man_ns: Option<i64>,
}

/// What is limited of one instrument, whoever sends. Its row is its [`tiderace_types::InstrumentId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentTerms {
    /// One lot in 10^-12 contracts, > 0.
    pub lot: Amount,
    /// Smallest order in lots.
    #[serde(default)]
    pub min_order_qty: Option<Qty>,
    /// Largest order in lots.
    #[serde(default)]
    pub max_order_qty: Option<Qty>,
    /// Largest order value, in the unit of [`super::OrderAsk::value`].
    #[serde(default)]
    pub max_order_value: Option<Amount>,
}

/// A limit of an account that two persons may override: the number in
/// [`tiderace_types::venue::ProposeOverride::limit`]. Never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Limit {
    /// [`AccountLimits::max_order_qty`].
    MaxOrderQty = 1,
    /// [`AccountLimits::max_order_value`].
    MaxOrderValue = 2,
    /// [`AccountLimits::position_limit`].
    PositionLimit = 3,
    /// [`AccountLimits::max_open_orders`].
    MaxOpenOrders = 4,
    /// [`Throttle::messages`].
    Throttle = 5,
    /// [`OrderToTrade::orders_per_trade`].
    OrderToTrade = 6,
}

impl Limit {
    /// Every limit, by number.
    pub const ALL: &'static [Self] = &[
        Self::MaxOrderQty,
        Self::MaxOrderValue,
        Self::PositionLimit,
        Self::MaxOpenOrders,
        Self::Throttle,
        Self::OrderToTrade,
    ];

    /// The stable number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::MaxOrderQty => 1,
            Self::MaxOrderValue => 2,
            Self::PositionLimit => 3,
            Self::MaxOpenOrders => 4,
            Self::Throttle => 5,
            Self::OrderToTrade => 6,
        }
    }

    /// The limit of a number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|limit| limit.code() == code)
    }
}

impl AccountLimits {
    /// What `limit` stands at; `None` where it is off.
    #[must_use]
    pub fn get(&self, limit: Limit) -> Option<Amount> {
        match limit {
            Limit::MaxOrderQty => self.max_order_qty,
            Limit::MaxOrderValue => self.max_order_value,
            Limit::PositionLimit => self.position_limit,
            Limit::MaxOpenOrders => self.max_open_orders.map(|max| Amount::new(max.into())),
            Limit::Throttle => self.throttle.map(|throttle| Amount::new(throttle.messages.into())),
            Limit::OrderToTrade => self.order_to_trade.map(|ratio| Amount::new(ratio.orders_per_trade.into())),
        }
    }

    /// Sets a limit that is on. A count beyond `u32` is held at its end.
    pub(super) fn set(&mut self, limit: Limit, value: Amount) {
        let count = u32::try_from(value.get().max(0)).unwrap_or(u32::MAX);
        match limit {
            Limit::MaxOrderQty => self.max_order_qty = self.max_order_qty.and(Some(value)),
            Limit::MaxOrderValue => self.max_order_value = self.max_order_value.and(Some(value)),
            Limit::PositionLimit => self.position_limit = self.position_limit.and(Some(value)),
            Limit::MaxOpenOrders => self.max_open_orders = self.max_open_orders.and(Some(count)),
            Limit::Throttle => {
                self.throttle = self.throttle.map(|throttle| Throttle { messages: count, ..throttle });
            }
            Limit::OrderToTrade => {
                self.order_to_trade =
                    self.order_to_trade.map(|ratio| OrderToTrade { orders_per_trade: count, ..ratio });
            }
        }
    }
}

/// Why limits are not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitsError {
    /// A limit is outside of its range.
    OutOfRange {
        /// The key.
        key: &'static str,
        /// Row of its account or instrument.
        row: usize,
        /// Its value.
        value: i128,
        /// The least that is allowed.
        least: i128,
        /// The most that is allowed.
        most: i128,
    },
    /// An account has a group twice, or one that is no group.
    Group {
        /// Row of the account.
        row: usize,
        /// The group.
        group: u16,
    },
}

impl core::fmt::Display for LimitsError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::OutOfRange { key, row, value, least, most } => {
                write!(f, "{key} of row {row} is {value}; give a value from {least} to {most}")
            }
            Self::Group { row, group } => {
                write!(f, "account row {row} has market-maker group {group} twice, or it is {NO_GROUP}: name each once")
            }
        }
    }
}

impl std::error::Error for LimitsError {}

/// Checks that every limit can be enforced.
///
/// # Errors
/// [`LimitsError`], for the first that is out of range.
pub(super) fn check(accounts: &[VenueAccount], instruments: &[InstrumentTerms]) -> Result<(), LimitsError> {
    for (row, terms) in instruments.iter().enumerate() {
        within("lot", row, Some(terms.lot.get()), 1, TERM_MAX)?;
        within("max_order_value", row, terms.max_order_value.map(Amount::get), 0, TERM_MAX)?;
    }
    for (row, account) in accounts.iter().enumerate() {
        let (limits, nanoseconds) = (&account.limits, i128::from(i64::MAX));
        for limit in Limit::ALL {
            let least = i128::from(matches!(limit, Limit::Throttle | Limit::OrderToTrade));
            within("limits", row, limits.get(*limit).map(Amount::get), least, TERM_MAX)?;
        }
        let windows = [limits.throttle.map(|of| of.window_ns), limits.order_to_trade.map(|of| of.window_ns)];
        for window in windows {
            within("window_ns", row, window.map(i128::from), 1, nanoseconds)?;
        }
        within("dead_man_ns", row, account.dead_man_ns.map(i128::from), 0, nanoseconds)?;
        for (at, mmp) in account.mmp.iter().enumerate() {
            if mmp.group == NO_GROUP || account.mmp.iter().take(at).any(|before| before.group == mmp.group) {
                return Err(LimitsError::Group { row, group: mmp.group });
            }
            within("mmp.interval_ns", row, Some(mmp.interval_ns.into()), 1, nanoseconds)?;
            within("mmp.freeze_ns", row, Some(mmp.freeze_ns.into()), 0, nanoseconds)?;
            for sum in [mmp.qty, mmp.delta, mmp.vega, mmp.trades.map(|trades| Amount::new(trades.into()))] {
                within("mmp", row, sum.map(Amount::get), 1, TERM_MAX)?;
            }
        }
    }
    Ok(())
}

fn within(key: &'static str, row: usize, value: Option<i128>, least: i128, most: i128) -> Result<(), LimitsError> {
    match value {
        Some(value) if value < least || value > most => Err(LimitsError::OutOfRange { key, row, value, least, most }),
        Some(_) | None => Ok(()),
    }
}
