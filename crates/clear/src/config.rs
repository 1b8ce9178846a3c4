//! What the genesis says to clearing: assets, contracts, accounts, funds, and the terms of margin, funding and default.
//!
//! Whole numbers only: prices in ticks, quantities in lots, amounts in base units, times in nanoseconds.

use serde::{Deserialize, Serialize};
use tiderace_types::{AccountId, Amount, Asset, AssetId, Fraction, Instrument, InstrumentKind, Price, Ts};

/// Accounts x instruments at most: a slot of four bytes of each pair is there from the start.
pub const SLOTS_MAX: usize = 1 << 24;
/// Nanoseconds of an hour.
pub const HOUR_NS: i64 = 3_600_000_000_000;
/// Nanoseconds of a day.
pub const DAY_NS: i64 = 24 * HOUR_NS;

/// The genesis of clearing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClearConfig {
    /// When it opens.
    #[serde(default)]
    pub start: Ts,
    /// Assets, by id.
    pub assets: Vec<AssetTerms>,
    /// Contracts, by the id of their instrument.
    pub contracts: Vec<ContractTerms>,
    /// Accounts, by id.
    pub accounts: Vec<AccountTerms>,
    /// Clearing members; accounts and mutual shares name them by row.
    #[serde(default)]
    pub members: Vec<MemberTerms>,
    /// The insurance fund at the start.
    #[serde(default)]
    pub insurance: Vec<(AssetId, Amount)>,
    /// The house's own capital at the start.
    #[serde(default)]
    pub house_capital: Vec<(AssetId, Amount)>,
    /// Time of day (UTC) at which open profit of perpetuals and futures becomes cash.
    #[serde(default = "eight")]
    pub settle_at_ns: i64,
    /// Asset that collateral is valued in where an account's collateral is pooled.
    #[serde(default)]
    pub unit: AssetId,
    /// Yearly interest on negative balances, charged at the daily settlement, to the house's interest account.
    #[serde(default)]
    pub interest: Fraction,
    /// What happens to who cannot pay.
    #[serde(default)]
    pub default_rules: DefaultRules,
    /// Trades that can be busted or adjusted: the last so many.
    #[serde(default = "trades_kept")]
    pub trades_kept: usize,
}

const fn eight() -> i64 {
    8 * HOUR_NS
}

const fn trades_kept() -> usize {
    1 << 18
}

const fn half_hour() -> i64 {
    HOUR_NS / 2
}

/// An asset and what it counts as collateral.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AssetTerms {
    /// Name and decimals.
    pub asset: Asset,
    /// How it counts for positions that settle in another asset; not at all where absent.
    #[serde(default)]
    pub collateral: Option<CollateralTerms>,
}

/// How an asset counts as collateral.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollateralTerms {
    /// Part of its value that does not count.
    pub haircut: Fraction,
    /// The most that counts, in base units of the asset.
    #[serde(default)]
    pub limit: Option<Amount>,
}

/// An instrument and the terms that it is cleared by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContractTerms {
    /// What it is.
    pub instrument: Instrument,
    /// Margin; where absent, margin says yes to everything.
    #[serde(default)]
    pub margin: Option<MarginTerms>,
    /// Funding of a perpetual; none where absent.
    #[serde(default)]
    pub funding: Option<Funding>,
    /// The index is averaged over so long before maturity.
    #[serde(default = "half_hour")]
    pub window_ns: i64,
    /// Lowest price that counts, of a capped contract.
    #[serde(default)]
    pub floor: Option<Price>,
    /// Highest price that counts, of a capped contract.
    #[serde(default)]
    pub cap: Option<Price>,
    /// Part of a liquidation's notional that goes to the insurance fund.
    #[serde(default)]
    pub liquidation_fee: Fraction,
    /// How far the mark may stand from the index, as a part of it; see [`crate::basis_mark`].
    #[serde(default)]
    pub basis_max: Option<Fraction>,
}

/// What a position of an instrument requires.
pub type MarginTerms = tiderace_margin::Model;

/// How the two sides of a perpetual pay each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funding {
    /// At times, or all the time.
    pub kind: FundingKind,
    /// Time that a rate is for; times of payment are its multiples since midnight UTC.
    pub interval_ns: i64,
    /// Interest part of the rate; nothing in the continuous kind.
    #[serde(default)]
    pub interest: Fraction,
    /// Bound of what the interest part adds; the dead band of the continuous kind.
    pub clamp: Fraction,
    /// Bound of the rate.
    pub cap: Fraction,
}

/// When funding is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FundingKind {
    /// Once an interval, on the position at that moment.
    Periodic,
    /// In proportion to time.
    Continuous,
}

/// An account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccountTerms {
    /// Row of the clearing member.
    #[serde(default)]
    pub member: Option<u32>,
    /// The account that this is a sub-account of: a row before its own.
    #[serde(default)]
    pub parent: Option<AccountId>,
    /// Whether it is the member's own and not a customer's.
    #[serde(default)]
    pub is_house: bool,
    /// Whether portfolio margin holds, from risk arrays.
    #[serde(default)]
    pub is_portfolio: bool,
    /// Whether all accepted assets count for all positions.
    #[serde(default)]
    pub is_pooled: bool,
    /// What leaves first when a position is reduced.
    #[serde(default)]
    pub cost: CostMethod,
    /// Cash at the start.
    #[serde(default)]
    pub balances: Vec<(AssetId, Amount)>,
}

/// What leaves first when a position is reduced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CostMethod {
    /// Every lot costs the mean.
    #[default]
    Average,
    /// The oldest lots.
    Fifo,
}

/// A clearing member.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MemberTerms {
    /// Name, for people.
    pub name: String,
    /// Share of the mutual fund at the start.
    #[serde(default)]
    pub mutual: Vec<(AssetId, Amount)>,
    /// Account that pays assessments and takes part in auctions.
    #[serde(default)]
    pub account: Option<AccountId>,
}

/// What happens to who cannot pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRules {
    /// Maintenance / equity at which an account is warned.
    pub warn_at: Fraction,
    /// How far from the mark a liquidation order may trade.
    pub limit: Fraction,
    /// Part of the largest position that a liquidation order closes at once, where less would not do.
    pub step: Fraction,
    /// How long the auction of a portfolio lasts.
    pub auction_ns: i64,
    /// How bids meet.
    pub auction: AuctionKind,
    /// What a member may be assessed at most, as a multiple of its share of the mutual fund.
    pub assessment_cap: Fraction,
}

impl Default for DefaultRules {
    fn default() -> Self {
        Self {
            warn_at: Fraction::new(800_000_000),
            limit: Fraction::new(50_000_000),
            step: Fraction::new(250_000_000),
            auction_ns: 60_000_000_000,
            auction: AuctionKind::Sealed,
            assessment_cap: Fraction::ONE,
        }
    }
}

/// How the bids of an auction meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuctionKind {
    /// The best bid at the end wins at its own price.
    Sealed,
    /// The asked price falls from the mark to the floor; the first to take it wins.
    Dutch,
}

/// Why a genesis is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A row names an asset, account or member that there is not.
    UnknownRow {
        /// Which table names it.
        table: &'static str,
        /// Its row.
        row: usize,
    },
    /// A number is outside its range.
    OutOfRange {
        /// Which.
        field: &'static str,
        /// Its row.
        row: usize,
    },
    /// More accounts x instruments than [`SLOTS_MAX`].
    TooManySlots,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::UnknownRow { table, row } => write!(f, "{table}[{row}] names a row that there is not"),
            Self::OutOfRange { field, row } => write!(f, "row {row}: {field} is out of range"),
            Self::TooManySlots => write!(f, "accounts x instruments must not exceed {SLOTS_MAX}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl ClearConfig {
    /// Checks that the tables can be computed with.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let slots = self.accounts.len().checked_add(1).and_then(|n| n.checked_mul(self.contracts.len().max(1)));
        if slots.is_none_or(|n| n > SLOTS_MAX) {
            return Err(ConfigError::TooManySlots);
        }
        let is_part = |f: Fraction| (0..=Fraction::ONE.get()).contains(&f.get());
        for (row, terms) in self.assets.iter().enumerate() {
            if terms.asset.decimals > 18 || terms.collateral.is_some_and(|of| !is_part(of.haircut)) {
                return Err(ConfigError::OutOfRange { field: "decimals or haircut", row });
            }
        }
        for (row, terms) in self.contracts.iter().enumerate() {
            self.check_contract(row, terms)?;
        }
        for (row, terms) in self.accounts.iter().enumerate() {
            let is_above = |parent: AccountId| usize::try_from(parent.0).is_ok_and(|at| at < row);
            if !terms.parent.is_none_or(is_above) || !terms.member.is_none_or(|of| self.has_member(of)) {
                return Err(ConfigError::UnknownRow { table: "accounts", row });
            }
            self.check_amounts("accounts", row, &terms.balances)?;
        }
        for (row, terms) in self.members.iter().enumerate() {
            self.check_amounts("members", row, &terms.mutual)?;
            let is_known = |of: AccountId| usize::try_from(of.0).is_ok_and(|at| at < self.accounts.len());
            if !terms.account.is_none_or(is_known) {
                return Err(ConfigError::UnknownRow { table: "members", row });
            }
        }
        self.check_amounts("insurance", 0, &self.insurance)?;
        self.check_amounts("house_capital", 0, &self.house_capital)?;
        let rules = &self.default_rules;
        let is_good = [rules.warn_at, rules.limit, rules.step].into_iter().all(is_part)
            && rules.auction_ns > 0
            && rules.assessment_cap.get() >= 0
            && (0..DAY_NS).contains(&self.settle_at_ns);
        if is_good { Ok(()) } else { Err(ConfigError::OutOfRange { field: "default_rules or settle_at_ns", row: 0 }) }
    }

    fn check_contract(&self, row: usize, terms: &ContractTerms) -> Result<(), ConfigError> {
        let of = &terms.instrument;
        if of.id.index() != row {
            return Err(ConfigError::UnknownRow { table: "contracts", row });
        }
        if [of.base, of.quote, of.settle].iter().any(|asset| asset.index() >= self.assets.len()) {
            return Err(ConfigError::UnknownRow { table: "contracts", row });
        }
        if let Some(field) = terms.margin.as_ref().and_then(tiderace_margin::Model::below_zero) {
            return Err(ConfigError::OutOfRange { field, row });
        }
        if of.kind == InstrumentKind::Program && terms.margin.is_some() {
            // The program declares how margin values it.
            return Err(ConfigError::OutOfRange { field: "margin of a program", row });
        }
        let is_bad_funding = terms.funding.is_some_and(|funding| {
            funding.interval_ns <= 0
                || DAY_NS.checked_rem(funding.interval_ns) != Some(0)
                || funding.clamp.get() < 0
                || funding.cap.get() < 0
                || of.kind != InstrumentKind::Perpetual
        });
        if is_bad_funding {
            return Err(ConfigError::OutOfRange { field: "funding", row });
        }
        if of.kind == InstrumentKind::Binary && (of.strike_price.is_none() || of.maturity_ns.is_none()) {
            return Err(ConfigError::OutOfRange { field: "strike_price or maturity of a binary", row });
        }
        if terms.window_ns < 0 || of.check().is_err() {
            return Err(ConfigError::OutOfRange { field: "settlement_window or steps", row });
        }
        Ok(())
    }

    fn has_member(&self, row: u32) -> bool {
        usize::try_from(row).is_ok_and(|at| at < self.members.len())
    }

    fn check_amounts(&self, table: &'static str, row: usize, amounts: &[(AssetId, Amount)]) -> Result<(), ConfigError> {
        for (asset, amount) in amounts {
            if asset.index() >= self.assets.len() {
                return Err(ConfigError::UnknownRow { table, row });
            }
            if !(0..=crate::CASH_MAX).contains(&amount.get()) {
                return Err(ConfigError::OutOfRange { field: "an amount", row });
            }
        }
        Ok(())
    }
}
