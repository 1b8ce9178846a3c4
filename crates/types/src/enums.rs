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
        /// Expired.
        Expired = b'C',
        /// A fill.
        Trade = b'F',
        /// A fill changed.
        TradeCorrect = b'G',
        /// A fill undone.
        TradeCancel = b'H',
        /// An answer to a status request.
        OrderStatus = b'I',
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
    /// Put or call (FIX 201).
    PutOrCall {
        /// Put.
        Put = b'0',
        /// Call.
        Call = b'1',
    }
}
