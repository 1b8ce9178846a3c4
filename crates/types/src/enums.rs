//! Enumerations that carry the FIX wire value where FIX has one.

use serde::{Deserialize, Serialize};

macro_rules! fix_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $fix:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum $name { $($(#[$vmeta])* $variant = $fix,)* }

        impl $name {
            /// The byte on the wire.
            #[must_use]
            pub const fn fix(self) -> u8 {
                match self { $(Self::$variant => $fix,)* }
            }
            /// The value of a byte on the wire.
            #[must_use]
            pub const fn from_fix(byte: u8) -> Option<Self> {
                match byte { $($fix => Some(Self::$variant),)* _ => None }
            }
            /// The name in code, e.g. for tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

fix_enum! {
    /// Side (FIX 54).
    Side {
        /// Buy.
        Buy = b'1',
        /// Sell.
        Sell = b'2',
    }
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
    /// +1 for buy, -1 for sell.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }
}

fix_enum! {
    /// Order type (FIX 40).
    OrdType {
        /// Market.
        Market = b'1',
        /// Limit.
        Limit = b'2',
        /// Market, once the trigger has reached `stop_px` from below (buy) or above (sell).
        Stop = b'3',
        /// Limit, once triggered as a stop.
        StopLimit = b'4',
        /// Market if touched: triggers where the market has become better by as much.
        TakeProfit = b'J',
        /// Limit if touched. FIX has no value of its own for it; ours.
        TakeProfitLimit = b'j',
        /// Limit that follows a reference price.
        Pegged = b'P',
        /// Stop whose level follows the market in the order's favour. Ours.
        TrailingStop = b't',
    }
}

impl OrdType {
    /// Whether it waits for a trigger before it enters the book.
    #[must_use]
    pub const fn is_triggered(self) -> bool {
        match self {
            Self::Stop | Self::StopLimit | Self::TakeProfit | Self::TakeProfitLimit | Self::TrailingStop => true,
            Self::Market | Self::Limit | Self::Pegged => false,
        }
    }
    /// Whether it carries a limit price of its own.
    #[must_use]
    pub const fn has_limit(self) -> bool {
        match self {
            Self::Limit | Self::StopLimit | Self::TakeProfitLimit => true,
            Self::Market | Self::Stop | Self::TakeProfit | Self::TrailingStop | Self::Pegged => false,
        }
    }
}

fix_enum! {
    /// Time in force (FIX 59).
    TimeInForce {
        /// Good till cancel.
        Gtc = b'1',
        /// Immediate or cancel.
        Ioc = b'3',
        /// Fill or kill.
        Fok = b'4',
        /// Good till a time.
        Gtd = b'6',
        /// Good for an auction: leaves after its uncross.
        Gfa = b'B',
        /// Good for normal trading: leaves when an auction begins. Ours.
        Gfn = b'N',
    }
}

fix_enum! {
    /// Where an order stands (FIX 39). `Unknown` is ours: a timeout passed without a word from the venue.
    OrdStatus {
        /// Accepted by the venue, nothing filled.
        New = b'0',
        /// Working with a part filled.
        PartiallyFilled = b'1',
        /// Filled whole.
        Filled = b'2',
        /// Canceled, by us or by the venue.
        Canceled = b'4',
        /// A cancel is on its way.
        PendingCancel = b'6',
        /// Refused by the venue.
        Rejected = b'8',
        /// On its way to the venue.
        PendingNew = b'A',
        /// Ended by its time in force.
        Expired = b'C',
        /// A replace is on its way.
        PendingReplace = b'E',
        /// The venue did not answer in time; to be resolved by asking.
        Unknown = b'U',
    }
}

impl OrdStatus {
    /// Whether the order can trade no more.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Filled | Self::Canceled | Self::Rejected | Self::Expired)
    }
}

fix_enum! {
    /// What an execution report says happened (FIX 150).
    ExecType {
        /// Accepted.
        New = b'0',
        /// Canceled.
        Canceled = b'4',
        /// Replaced.
        Replaced = b'5',
        /// Rejected.
        Rejected = b'8',
        /// Out of the book until its reference is back.
        Suspended = b'9',
        /// Expired.
        Expired = b'C',
        /// Changed by the venue, not on request.
        Restated = b'D',
        /// A fill.
        Trade = b'F',
        /// A fill changed.
        TradeCorrect = b'G',
        /// A fill undone.
        TradeCancel = b'H',
        /// An answer to a status request.
        OrderStatus = b'I',
        /// A stop became an order.
        Triggered = b'L',
    }
}

fix_enum! {
    /// Whose order's terms govern where an order meets one of the same owner, and what happens (FIX 7928 at CME).
    SelfTradePrevention {
        /// They trade.
        None = b'N',
        /// The incoming order's rest is canceled.
        CancelTaker = b'T',
        /// The resting order is canceled, and the incoming one goes on.
        CancelMaker = b'M',
        /// Both are canceled.
        CancelBoth = b'B',
        /// Both shrink by the smaller of the two, without a trade; what is then empty is canceled.
        Decrement = b'D',
    }
}

fix_enum! {
    /// What an order does that must not take (FIX 18=6, participate don't initiate).
    PostOnly {
        /// It may take.
        Off = b'0',
        /// It is refused where it would take.
        Reject = b'1',
        /// It enters one tick behind the other side's best where it would take.
        Reprice = b'2',
    }
}

fix_enum! {
    /// The price that a stop listens to (FIX 1107).
    Trigger {
        /// The last trade.
        Last = b'2',
        /// The mark price.
        Mark = b'M',
        /// The index price.
        Index = b'X',
    }
}

fix_enum! {
    /// The price that a peg follows (FIX 1094).
    PegTo {
        /// The own side's best (FIX primary peg).
        Best = b'5',
        /// The middle.
        Mid = b'2',
        /// The other side's best (FIX market peg).
        Opposite = b'4',
        /// The mark price.
        Mark = b'M',
    }
}

fix_enum! {
    /// What may happen in an instrument (FIX 326 and 625 in our own letters).
    TradingState {
        /// Orders gather; nothing trades until the uncross.
        OpeningAuction = b'O',
        /// Orders trade as they meet.
        Continuous = b'T',
        /// An auction after a move too large.
        VolatilityAuction = b'V',
        /// The auction that ends a session.
        ClosingAuction = b'K',
        /// New orders must not take.
        PostOnly = b'P',
        /// Only cancels.
        CancelOnly = b'X',
        /// Stopped; leaving an auction for it does not uncross.
        Halted = b'H',
        /// Out of session.
        Closed = b'C',
    }
}

impl TradingState {
    /// Whether it gathers orders for an uncross.
    #[must_use]
    pub const fn is_auction(self) -> bool {
        match self {
            Self::OpeningAuction | Self::VolatilityAuction | Self::ClosingAuction => true,
            Self::Continuous | Self::PostOnly | Self::CancelOnly | Self::Halted | Self::Closed => false,
        }
    }
}

fix_enum! {
    /// How a trade came about (FIX 828).
    TradeKind {
        /// In continuous trading.
        Continuous = b'0',
        /// In an uncross.
        Auction = b'A',
        /// Agreed outside the book.
        Block = b'B',
        /// A liquidation.
        Liquidation = b'L',
        /// A settlement.
        Settlement = b'S',
    }
}

fix_enum! {
    /// What a kill switch covers.
    KillScope {
        /// Everything.
        All = b'*',
        /// One account (the id is an account).
        Account = b'A',
        /// One strategy tag (the id is a strategy).
        Strategy = b'S',
        /// One instrument (the id is an instrument).
        Instrument = b'I',
    }
}

fix_enum! {
    /// Where a parent order stands.
    ParentStatus {
        /// Accepted, waiting for its start or for its books.
        Waiting = b'W',
        /// At work.
        Working = b'0',
        /// Paused by a person.
        Paused = b'P',
        /// Done: what is left is below what any venue accepts.
        Completed = b'2',
        /// Its time ran out with quantity left.
        Expired = b'C',
        /// Canceled.
        Canceled = b'4',
        /// Refused.
        Rejected = b'8',
    }
}

impl ParentStatus {
    /// Whether the parent sends no more children.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Completed | Self::Expired | Self::Canceled | Self::Rejected)
    }
}

fix_enum! {
    /// What becomes of a parent's rest at its end.
    AtEnd {
        /// Nothing: the parent expires.
        Expire = b'E',
        /// It is taken, within the limit.
        Take = b'T',
        /// The parent goes on.
        Keep = b'K',
    }
}

fix_enum! {
    /// Put or call (FIX 201).
    PutOrCall {
        /// Put.
        Put = b'0',
        /// Call.
        Call = b'1',
    }
}
