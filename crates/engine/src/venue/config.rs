//! What the genesis of a venue's journal says: assets, instruments with their rules, accounts with theirs.
//!
//! Whole numbers only: prices in ticks, quantities in lots, amounts in base units, times in nanoseconds.

use serde::{Deserialize, Serialize};
use tiderace_margin::ParamsError;
use tiderace_matching::market;
use tiderace_risk::venue::{AccountLimits, Controls, InstrumentTerms, LimitsError, MmpLimits, VenueAccount};
use tiderace_types::{
    Amount, Asset, AssetId, Fraction, Instrument, InstrumentError, InstrumentKind, Qty, Style, TradingState, Ts,
};

use super::surfaces::Surfaces;
use super::terms::{AccountRules, ClearingRules, ContractRules};

/// Accounts x instruments that a venue holds at most: a holding of each pair is there from the start.
pub const HOLDINGS_MAX: usize = 1 << 24;

/// Fee tiers of an instrument at most.
pub const FEE_TIERS_MAX: usize = 32;

/// The genesis of a venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueConfig {
    /// Places ids in hash tables and decides nothing else.
    pub seed: u64,
    /// When it opens: schedules are followed from here on.
    #[serde(default)]
    pub start: Ts,
    /// Assets, by id.
    pub assets: Vec<Asset>,
    /// Instruments, by id.
    pub instruments: Vec<Listing>,
    /// Accounts, by id.
    pub accounts: Vec<AccountConfig>,
    /// The insurance fund at the start.
    #[serde(default)]
    pub fund: Vec<(AssetId, Amount)>,
    /// How it clears.
    #[serde(default)]
    pub clearing: ClearingRules,
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
    /// Fees of accounts that traded more, by rising volume; at most [`FEE_TIERS_MAX`].
    #[serde(default)]
    pub fee_tiers: Vec<FeeTier>,
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
    /// How it is cleared.
    #[serde(default)]
    pub clearing: ContractRules,
}

const fn continuous() -> TradingState {
    TradingState::Continuous
}

impl Listing {
    /// Whether prices at or below zero are good: an inverse contract divides by them.
    pub(super) fn allows_negative(&self) -> bool {
        self.instrument.kind == InstrumentKind::Future && self.instrument.style != Style::Inverse
    }

    fn is_in_range(&self) -> bool {
        const DAY_NS: i64 = 86_400_000_000_000;
        let is_fraction = |f: Fraction| (0..=Fraction::ONE.get()).contains(&f.get());
        let band = self
            .band
            .is_none_or(|band| band.around_mark.is_none_or(is_fraction) && band.around_last.is_none_or(is_fraction));
        let breaker = self
            .breaker
            .is_none_or(|of| is_fraction(of.move_max) && of.window_ns > 0 && of.auction_ns > 0 && of.extension_ns >= 0);
        let schedule = self.schedule.iter().all(|of| (0..DAY_NS).contains(&of.time_of_day_ns));
        band && breaker && schedule && self.random_end.is_none_or(|of| of.max_ns >= 0)
    }

    /// Volumes rise from above zero.
    fn has_good_tiers(&self) -> bool {
        let tiers = &self.fee_tiers;
        tiers.len() <= FEE_TIERS_MAX
            && tiers.first().is_none_or(|tier| tier.volume > Amount::ZERO)
            && tiers.is_sorted_by(|before, after| before.volume < after.volume)
            && tiers.iter().all(|tier| tier.fees().is_in_range())
    }

    /// How its market is set up.
    pub(super) fn market(&self, start: Ts) -> market::MarketConfig {
        let rule = |clamps| if clamps { market::BandRule::Clamp } else { market::BandRule::Reject };
        market::MarketConfig {
            allows_negative: self.allows_negative(),
            band: self.band.map(|band| market::PriceBand {
                static_: band.around_mark,
                dynamic: band.around_last,
                market: rule(band.clamps_market),
            }),
            breaker: self.breaker.map(|of| market::CircuitBreaker {
                move_: of.move_max,
                window_ns: of.window_ns,
                auction_ns: of.auction_ns,
                extension_ns: of.extension_ns,
                max_extensions: of.extensions_max,
            }),
            state: self.state,
            random_end: self.random_end.map(|of| market::RandomEnd { max_ns: of.max_ns, seed: of.seed }),
            schedule: self
                .schedule
                .iter()
                .map(|of| market::Scheduled { time_of_day_ns: of.time_of_day_ns, state: of.state })
                .collect(),
            start,
        }
    }
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

impl Fees {
    fn is_in_range(&self) -> bool {
        let is_fraction = |f: Fraction| (-Fraction::ONE.get()..=Fraction::ONE.get()).contains(&f.get());
        is_fraction(self.maker) && is_fraction(self.taker)
    }
}

/// Fees from a volume on: that of the account's trades of the last 30 days (UTC, today among them) in all instruments
/// of the same quote asset, as it stood before the trade. An option counts with its premium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeTier {
    /// In base units of the quote asset, > 0.
    pub volume: Amount,
    /// Of the order that rested.
    pub maker: Fraction,
    /// Of the order that came in.
    pub taker: Fraction,
}

impl FeeTier {
    /// What a trade pays in this tier.
    pub(super) const fn fees(&self) -> Fees {
        Fees { maker: self.maker, taker: self.taker }
    }
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
    /// Market-maker protection, by group.
    #[serde(default)]
    pub mmp: Vec<MmpLimits>,
    /// Limits; each is off where absent.
    #[serde(default)]
    pub limits: AccountLimits,
    /// How it is cleared.
    #[serde(default)]
    pub clearing: AccountRules,
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
    /// A limit that cannot be enforced.
    Limits(LimitsError),
    /// More accounts x instruments than [`HOLDINGS_MAX`].
    TooManyHoldings,
    /// What clearing cannot compute with.
    Clearing(tiderace_clear::ConfigError),
    /// A set of portfolio margin that cannot be computed with.
    Portfolio {
        /// Its row.
        row: usize,
        /// Why.
        error: ParamsError,
    },
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Instrument { row, error } => write!(f, "instruments[{row}]: {error}"),
            Self::WrongId { row } => write!(f, "instruments[{row}]: its id must be its row"),
            Self::UnknownAsset { asset } => write!(f, "asset {} stands in no row of assets", asset.0),
            Self::OutOfRange { field, row } => write!(f, "row {row}: {field} is out of range"),
            Self::Limits(error) => write!(f, "{error}"),
            Self::Clearing(error) => write!(f, "{error}"),
            Self::Portfolio { row, error } => write!(f, "clearing.portfolio[{row}]: {error}"),
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
            if !listing.is_in_range() {
                return Err(ConfigError::OutOfRange { field: "band, breaker or schedule", row });
            }
            if !listing.fees.is_in_range() {
                return Err(ConfigError::OutOfRange { field: "fees", row });
            }
            if !listing.has_good_tiers() {
                return Err(ConfigError::OutOfRange { field: "fee_tiers", row });
            }
        }
        for (row, account) in self.accounts.iter().enumerate() {
            for (asset, amount) in &account.balances {
                self.asset(*asset)?;
                if *amount < Amount::ZERO {
                    return Err(ConfigError::OutOfRange { field: "balances", row });
                }
            }
        }
        for (asset, _) in &self.fund {
            self.asset(*asset)?;
        }
        let holdings = self.accounts.len().checked_mul(self.instruments.len().max(self.assets.len()));
        if holdings.is_none_or(|n| n > HOLDINGS_MAX) {
            return Err(ConfigError::TooManyHoldings);
        }
        for (row, rules) in self.clearing.portfolio.iter().enumerate() {
            self.asset(rules.base)?;
            if self.clearing.portfolio.iter().take(row).any(|before| before.base == rules.base) {
                return Err(ConfigError::OutOfRange { field: "clearing.portfolio.base", row });
            }
            if rules.max_age_ns.is_some_and(|max_age_ns| max_age_ns < 0) {
                return Err(ConfigError::OutOfRange { field: "clearing.portfolio.max_age_ns", row });
            }
        }
        if self.clearing.liquidation_wait_ns.is_some_and(|wait_ns| wait_ns < 0) {
            return Err(ConfigError::OutOfRange { field: "clearing.liquidation_wait_ns", row: 0 });
        }
        Surfaces::new(self)?;
        self.clear_config().check().map_err(ConfigError::Clearing)?;
        self.controls().map(|_| ())
    }

    /// The controls that these tables ask for.
    ///
    /// # Errors
    /// [`ConfigError::Limits`].
    pub(super) fn controls(&self) -> Result<Controls, ConfigError> {
        let accounts = self.accounts.iter().map(|account| VenueAccount {
            limits: account.limits.clone(),
            mmp: account.mmp.clone(),
            dead_man_ns: account.dead_man_ns,
        });
        let accounts: Vec<_> = accounts.collect();
        let instruments = self.instruments.iter().map(|listing| InstrumentTerms {
            lot: Amount::new(listing.instrument.lot_size.into()),
            min_order_qty: Some(listing.instrument.min_order_qty),
            max_order_qty: Some(listing.instrument.max_order_qty).filter(|max| *max < Qty::MAX),
            max_order_value: listing.max_order_value,
        });
        let instruments: Vec<_> = instruments.collect();
        Controls::new(&accounts, &instruments).map_err(ConfigError::Limits)
    }

    fn asset(&self, asset: AssetId) -> Result<&Asset, ConfigError> {
        let row = asset.index();
        let found = self.assets.get(row).ok_or(ConfigError::UnknownAsset { asset })?;
        if found.decimals > 18 { Err(ConfigError::OutOfRange { field: "decimals", row }) } else { Ok(found) }
    }
}
