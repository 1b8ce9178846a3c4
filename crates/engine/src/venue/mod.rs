//! The venue: accounts, ids, controls, markets and reports, as one state machine.
//!
//! [`Venue::apply`] takes one command at its time and appends what follows. It owns the table of live orders, the ids
//! that accounts ever used, holdings and balances; matching of one instrument is [`tiderace_matching::Market`], limits
//! are `risk`. It reads no clock, draws nothing, and panics on no input: what a rule refuses is a report or a
//! [`CommandRefused`](tiderace_types::venue::CommandRefused), and nothing has changed then.

mod config;

pub use config::{
    AccountConfig, Band, Breaker, ConfigError, Fees, HOLDINGS_MAX, Listing, RandomEnd, Scheduled, VenueConfig,
};

use tiderace_types::venue::{Command, Event};
use tiderace_types::{AccountId, Amount, AssetId, ClOrdId, InstrumentId, OrdStatus, Price, Qty, Side, Ts};

/// A live order, as its account sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// The venue's key.
    pub order_id: u64,
    /// Where.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Where it stands.
    pub ord_status: OrdStatus,
    /// Its limit, in ticks.
    pub price: Price,
    /// Its total, in lots.
    pub order_qty: Qty,
    /// Filled.
    pub cum_qty: Qty,
    /// Left.
    pub leaves_qty: Qty,
    /// Sum of lots x ticks over its fills.
    pub cum_value: Amount,
    /// Whether it is in the book; a stop that listens, a child that waits and a suspended peg are not.
    pub is_working: bool,
}

/// What an account holds of an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Lots, signed.
    pub qty: i64,
    /// Signed sum of what the open lots cost: lots x ticks, or for an inverse contract its base units x 10^6.
    pub cost: Amount,
    /// Realized profit, in base units of the settlement asset.
    pub realized: Amount,
}

/// Cash of an account in an asset, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// All of it.
    pub total: Amount,
    /// What may be withdrawn.
    pub available: Amount,
    /// What working orders hold.
    pub held: Amount,
}

/// The venue.
#[derive(Debug)]
pub struct Venue {
    config: VenueConfig,
    now: Ts,
}

impl Venue {
    /// A venue at its start.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: VenueConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { config, now: Ts::MIN })
    }

    /// Fires the timers due until `ts`, each at its own time, then does the command; appends what follows.
    pub fn apply(&mut self, ts: Ts, command: &Command, out: &mut Vec<Event>) {
        let _ = (command, out);
        self.now = self.now.max(ts);
    }

    /// The time reached.
    #[must_use]
    pub const fn now(&self) -> Ts {
        self.now
    }

    /// When the next timer is due.
    #[must_use]
    pub const fn next_timer(&self) -> Option<Ts> {
        None
    }

    /// The genesis.
    #[must_use]
    pub const fn config(&self) -> &VenueConfig {
        &self.config
    }

    /// An order that has not ended.
    #[must_use]
    pub fn order(&self, account: AccountId, cl_ord_id: ClOrdId) -> Option<OrderState> {
        let _ = (account, cl_ord_id);
        None
    }

    /// A quote that has not ended: entry of a mass quote from zero, and its side.
    #[must_use]
    pub fn quote(&self, account: AccountId, quote_id: ClOrdId, entry: u16, side: Side) -> Option<OrderState> {
        let _ = (account, quote_id, entry, side);
        None
    }

    /// What an account holds of an instrument.
    #[must_use]
    pub fn position(&self, account: AccountId, instrument: InstrumentId) -> Position {
        let _ = (account, instrument);
        Position::default()
    }

    /// Cash of an account.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Balance {
        let _ = (account, asset);
        Balance::default()
    }
}
