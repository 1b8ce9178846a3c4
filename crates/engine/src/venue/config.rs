//! What the genesis of a venue's journal says: assets, instruments with their rules, accounts with theirs.
//!
//! Whole numbers only: prices in ticks, quantities in lots, amounts in base units, times in nanoseconds.

use serde::{Deserialize, Serialize};
use tiderace_types::{Amount, Asset, AssetId, Fraction, Instrument, InstrumentError, TradingState};

/// Accounts x instruments that a venue holds at most: a holding of each pair is there from the start.
pub const HOLDINGS_MAX: usize = 1 << 24;

/// The genesis of a venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueConfig {
    /// Places ids in hash tables and decides nothing else.
    pub seed: u64,
    /// Assets, by id.
    pub assets: Vec<Asset>,
    /// Instruments, by id.
    pub instruments: Vec<Listing>,
    /// Accounts, by id.
    pub accounts: Vec<AccountConfig>,
    /// The insurance fund at the start.
    #[serde(default)]
    pub fund: Vec<(AssetId, Amount)>,
}

/// An instrument and the rules of its market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// What it is.
    pub instrument: Instrument,
    /// The most that an order may be worth, in quote base units.
    #[serde(default)]
    pub max_order_value: Option<Amount>,
    /// Fees as fractions of notional.
    #[serde(default)]
    pub fees: Fees,
    /// Price band.
    #[serde(default)]
    pub band: Option<Band>,
    /// Circuit breaker.
    #[serde(default)]
    pub breaker: Option<Breaker>,
    /// Random end of auctions.
    #[serde(default)]
    pub random_end: Option<RandomEnd>,
    /// States by time of day, UTC.
    #[serde(default)]
    pub schedule: Vec<Scheduled>,
    /// State at the start.
    #[serde(default = "continuous")]
    pub state: TradingState,
}

const fn continuous() -> TradingState {
    TradingState::Continuous
}

/// Fees as fractions of notional; a negative one is a rebate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// Of the order that rested.
    pub maker: Fraction,
    /// Of the order that came in.
    pub taker: Fraction,
}

/// How far from its references an order may be priced. A bound that is absent is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Around the mark.
    #[serde(default, rename = "static")]
    pub around_mark: Option<Fraction>,
    /// Around the last trade.
    #[serde(default, rename = "dynamic")]
    pub around_last: Option<Fraction>,
    /// Whether a market order trades to the bound, in place of being refused whole.
    #[serde(default)]
    pub clamps_market: bool,
}

/// A move that ends continuous trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// How far, as a fraction.
    #[serde(rename = "move")]
    pub move_max: Fraction,
    /// Within which time.
    pub window_ns: i64,
    /// How long its auction lasts.
    pub auction_ns: i64,
    /// How long an extension lasts.
    pub extension_ns: i64,
    /// How many there are at most.
    pub extensions_max: u32,
}

/// An auction ends up to this much later, by a seeded draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomEnd {
    /// The most.
    pub max_ns: i64,
    /// Of the draw.
    pub seed: u64,
}

/// A state that begins at a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// Since midnight UTC.
    pub time_of_day_ns: i64,
    /// To what.
    pub state: TradingState,
}

/// An account and its rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Name, for people.
    pub name: String,
    /// The clearing member that it belongs to.
    #[serde(default)]
    pub member: Option<String>,
    /// Self-trade prevention holds within a group.
    #[serde(default)]
    pub stp_group: Option<u32>,
    /// Cash at the start.
    #[serde(default)]
    pub balances: Vec<(AssetId, Amount)>,
    /// How long after a lost connection orders are canceled; at once where absent.
    #[serde(default)]
    pub dead_man_ns: Option<i64>,
}

/// Why a genesis is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// An instrument's definition.
    Instrument {
        /// Its row.
        row: usize,
        /// Why.
        error: InstrumentError,
    },
    /// An instrument's id is not its row.
    WrongId {
        /// Its row.
        row: usize,
    },
    /// A table names an asset that the assets do not have.
    UnknownAsset {
        /// The asset.
        asset: AssetId,
    },
    /// A number of the table is outside its range.
    OutOfRange {
        /// Which.
        field: &'static str,
        /// Its row.
        row: usize,
    },
    /// More accounts x instruments than [`HOLDINGS_MAX`].
    TooManyHoldings,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Instrument { row, error } => write!(f, "instruments[{row}]: {error}"),
            Self::WrongId { row } => write!(f, "instruments[{row}]: its id must be its row"),
            Self::UnknownAsset { asset } => write!(f, "asset {} stands in no row of assets", asset.0),
            Self::OutOfRange { field, row } => write!(f, "row {row}: {field} is out of range"),
            Self::TooManyHoldings => write!(f, "accounts x instruments must not exceed {HOLDINGS_MAX}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl VenueConfig {
    /// Checks that the tables can be computed with.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        for (row, listing) in self.instruments.iter().enumerate() {
            let instrument = &listing.instrument;
            if instrument.id.index() != row || row >= usize::from(u16::MAX) {
                return Err(ConfigError::WrongId { row });
            }
            instrument.check().map_err(|error| ConfigError::Instrument { row, error })?;
            for asset in [instrument.base, instrument.quote, instrument.settle] {
                self.asset(asset)?;
            }
            let fee_max = Fraction::ONE;
            if listing.fees.maker.max(listing.fees.taker) > fee_max
                || listing.fees.maker.min(listing.fees.taker).get() < -fee_max.get()
            {
                return Err(ConfigError::OutOfRange { field: "fees", row });
            }
        }
        for (row, account) in self.accounts.iter().enumerate() {
            for (asset, amount) in &account.balances {
                self.asset(*asset)?;
                if *amount < Amount::ZERO {
                    return Err(ConfigError::OutOfRange { field: "balances", row });
                }
            }
            if account.dead_man_ns.is_some_and(|ns| ns < 0) {
                return Err(ConfigError::OutOfRange { field: "dead_man_ns", row });
            }
        }
        for (asset, _) in &self.fund {
            self.asset(*asset)?;
        }
        let holdings = self.accounts.len().checked_mul(self.instruments.len().max(self.assets.len()));
        if holdings.is_none_or(|n| n > HOLDINGS_MAX) {
            return Err(ConfigError::TooManyHoldings);
        }
        Ok(())
    }

    fn asset(&self, asset: AssetId) -> Result<&Asset, ConfigError> {
        let row = asset.index();
        let found = self.assets.get(row).ok_or(ConfigError::UnknownAsset { asset })?;
        if found.decimals > 18 { Err(ConfigError::OutOfRange { field: "decimals", row }) } else { Ok(found) }
    }
}
