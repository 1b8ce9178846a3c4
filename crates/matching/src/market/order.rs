//! What is asked of a market, and how it is set up.

use tiderace_types::{
    Fraction, OrdType, PegTo, PostOnly, Price, Qty, SelfTradePrevention, Side, TimeInForce, TradingState, Trigger, Ts,
};

/// Whose an order is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The account.
    pub account: u32,
    /// Its group of self-trade prevention; the account's own number where it has none. An account has one group.
    pub group: u32,
}

impl Owner {
    /// An account that is in no group.
    #[must_use]
    pub const fn of(account: u32) -> Self {
        Self { account, group: account }
    }
}

/// An order of any type. Fields that its type does not read are ignored, `stop_px` and `trailing_offset` aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Its id, larger than that of any order accepted before: time decides by it where prices are equal.
    pub order_id: u64,
    /// Whose it is.
    pub owner: Owner,
    /// Buy or sell.
    pub side: Side,
    /// What kind of order.
    pub ord_type: OrdType,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Whether it must not take.
    pub post_only: PostOnly,
    /// Whether it may only make the position smaller: [`super::Host::cap`] is asked.
    pub reduce_only: bool,
    /// What happens where it meets an order of its group.
    pub self_trade_prevention: SelfTradePrevention,
    /// What a stop listens to.
    pub trigger: Trigger,
    /// What a peg follows.
    pub peg_to: PegTo,
    /// In lots.
    pub order_qty: Qty,
    /// The limit in ticks, for types that have one.
    pub price: Price,
    /// The trigger price, for stops and take-profits; zero otherwise.
    pub stop_px: Price,
    /// Distance of a trailing stop, above zero; zero otherwise.
    pub trailing_offset: Price,
    /// Signed distance from a peg's reference.
    pub peg_offset: Price,
    /// When a good-till-date order ends.
    pub expire_time: Ts,
    /// The most it shows at a time; zero shows all.
    pub display_qty: Qty,
    /// The least to be filled at once, or nothing is; zero for none.
    pub min_qty: Qty,
}

impl NewOrder {
    /// A plain limit order, good till canceled; other terms by struct update.
    #[must_use]
    pub const fn limit(order_id: u64, account: u32, side: Side, price: Price, order_qty: Qty) -> Self {
        Self {
            order_id,
            owner: Owner::of(account),
            side,
            ord_type: OrdType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: PostOnly::Off,
            reduce_only: false,
            self_trade_prevention: SelfTradePrevention::None,
            trigger: Trigger::Last,
            peg_to: PegTo::Best,
            order_qty,
            price,
            stop_px: Price::ZERO,
            trailing_offset: Price::ZERO,
            peg_offset: Price::ZERO,
            expire_time: Ts::ZERO,
            display_qty: Qty::ZERO,
            min_qty: Qty::ZERO,
        }
    }

    /// The most it shows at a time.
    pub(crate) const fn shown(&self) -> Qty {
        if self.display_qty.get() == 0 { Qty::MAX } else { self.display_qty }
    }
}

/// What a replace changes; what is none stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// New limit.
    pub price: Option<Price>,
    /// New total, filled part included.
    pub order_qty: Option<Qty>,
    /// New trigger price.
    pub stop_px: Option<Price>,
    /// New display quantity; zero shows all.
    pub display_qty: Option<Qty>,
    /// New time in force.
    pub time_in_force: Option<TimeInForce>,
    /// New end.
    pub expire_time: Option<Ts>,
}

/// How a market is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketConfig {
    /// Whether prices at or below zero are good.
    pub allows_negative: bool,
    /// How far from its references it trades.
    pub band: Option<PriceBand>,
    /// Which move stops trading.
    pub breaker: Option<CircuitBreaker>,
    /// The state it begins in.
    pub state: TradingState,
    /// How auctions end that a timer ends.
    pub random_end: Option<RandomEnd>,
    /// States by the time of day, in any order.
    pub schedule: Vec<Scheduled>,
    /// When it begins: the schedule is followed from here on.
    pub start: Ts,
}

impl Default for MarketConfig {
    fn default() -> Self {
        Self {
            allows_negative: false,
            band: None,
            breaker: None,
            state: TradingState::Continuous,
            random_end: None,
            schedule: Vec::new(),
            start: Ts::ZERO,
        }
    }
}

/// Bounds of aggressive prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceBand {
    /// Around the mark.
    pub static_: Option<Fraction>,
    /// Around the last trade.
    pub dynamic: Option<Fraction>,
    /// What becomes of a market order that would trade outside.
    pub market: BandRule,
}

/// What becomes of a market order that would trade outside of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandRule {
    /// It is refused whole.
    Reject,
    /// It trades to the bound, and its rest is canceled.
    Clamp,
}

/// A trade beyond `move_` from a print of the window does not happen: an auction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitBreaker {
    /// The largest move that trades.
    pub move_: Fraction,
    /// How long a print counts.
    pub window_ns: i64,
    /// How long the auction takes.
    pub auction_ns: i64,
    /// By how much it is extended where it would still break.
    pub extension_ns: i64,
    /// At most so many times.
    pub max_extensions: u32,
}

/// An auction that a timer ends goes on for a time that nobody knows before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomEnd {
    /// The longest, inclusive.
    pub max_ns: i64,
    /// What it is drawn from.
    pub seed: u64,
}

/// A state that begins each day at a time (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// Since midnight.
    pub time_of_day_ns: i64,
    /// Which.
    pub state: TradingState,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// Whose it is.
    pub account: u32,
    /// Buy or sell.
    pub side: Side,
    /// Its limit; zero for one that has none now.
    pub price: Price,
    /// Its trigger price now; zero for one that has none.
    pub stop_px: Price,
    /// What it shows in the book.
    pub visible_qty: Qty,
    /// What is left.
    pub leaves_qty: Qty,
    /// What is filled.
    pub cum_qty: Qty,
    /// How it waits.
    pub place: Place,
}

/// Where an order waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the book.
    Book,
    /// Out of it, for its trigger, or triggered and about to enter.
    Stop,
    /// Out of it, for its reference.
    Suspended,
}

/// Where an auction would uncross now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indication {
    /// At which price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// What one side would have left at that price.
    pub surplus: Qty,
    /// Which side; buy where neither.
    pub surplus_side: Side,
}
