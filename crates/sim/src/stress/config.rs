//! What a day of stress is made of, as a file says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How losses are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// In parts into the book within a limit, then by auction, then the waterfall.
    Staged,
    /// All at once into the book at any price that the layers can bear; nobody bids.
    Immediate,
}

/// A move of the market: what spot and every vol are multiplied by, less one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// What it is called.
    pub name: String,
    /// Of the price, above -1.
    pub spot: f64,
    /// Of every vol, above -1.
    pub vol: f64,
}

/// Amounts as decimal text, by asset: `BTC` and `USDC`.
pub type Funds = BTreeMap<String, String>;

/// A day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Of every draw.
    pub seed: u64,
    /// Customers.
    pub accounts: u32,
    /// Clearing members; each has an account of its own that makes markets and bids in auctions.
    pub members: u32,
    /// Members that keep quotes in the books.
    pub makers: u32,
    /// Options of the chain that are listed: those with the largest open interest.
    pub options: usize,
    /// How far the price falls over the day.
    pub fall: f64,
    /// In so many steps, of drawn sizes.
    pub steps: u32,
    /// Time between steps.
    pub step_ns: i64,
    /// What every vol rises by over the day.
    pub vol_rise: f64,
    /// What a maker shows of the perpetuals at each of its prices, in the quote currency, on a calm day.
    pub depth_usd: f64,
    /// The same of an option, in contracts.
    pub depth_contracts: f64,
    /// Chance that a member bids for a portfolio, on a calm day.
    pub appetite: f64,
    /// Typical size of a customer's position in the quote currency.
    pub size_usd: f64,
    /// Share of the customers that are margined by scenarios; members' own accounts are where it is above zero.
    pub portfolio: f64,
    /// The shipped set of scenarios that they are margined by.
    pub portfolio_params: String,
    /// Cash of each member.
    pub capital: Funds,
    /// The insurance fund.
    pub insurance: Funds,
    /// The house's own capital in the waterfall.
    pub house: Funds,
    /// What each member put into the mutual fund.
    pub mutual: Funds,
    /// What a member may be assessed, as a multiple of its share.
    pub assessment_cap: f64,
    /// Moves that the grid is made of: spot by spot.
    pub grid_spot: Vec<f64>,
    /// And vol by vol.
    pub grid_vol: Vec<f64>,
    /// Days that were, and others worth a look.
    pub moves: Vec<Move>,
}

fn funds(btc: &str, usdc: &str) -> Funds {
    [("BTC", btc), ("USDC", usdc)].map(|(asset, amount)| (asset.to_owned(), amount.to_owned())).into()
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            accounts: 2_000,
            members: 10,
            makers: 4,
            options: 240,
            fall: 0.4,
            steps: 48,
            step_ns: 1_800_000_000_000,
            vol_rise: 1.0,
            depth_usd: 250_000.0,
            depth_contracts: 5.0,
            appetite: 0.5,
            size_usd: 100_000.0,
            portfolio: 0.25,
            portfolio_params: "deribit_pm".to_owned(),
            capital: funds("4000", "200000000"),
            insurance: funds("4", "60000"),
            house: funds("1.5", "25000"),
            mutual: funds("0.4", "6000"),
            assessment_cap: 1.0,
            grid_spot: vec![-0.6, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4, 0.6],
            grid_vol: vec![-0.25, 0.0, 0.5, 1.0],
            moves: Vec::new(),
        }
    }
}

impl Config {
    /// Checks that a day can be made of it.
    ///
    /// # Errors
    /// The key that is out of its range, and the range.
    pub fn check(&self) -> Result<(), String> {
        let is_part = |value: f64| (0.0..1.0).contains(&value);
        let is_positive = |value: f64| value.is_finite() && value > 0.0;
        let checks = [
            ((1..=20_000).contains(&self.accounts), "accounts: 1 to 20,000"),
            ((2..=100).contains(&self.members), "members: 2 to 100"),
            (self.makers >= 1 && self.makers <= self.members, "makers: 1 to members"),
            ((2..=450).contains(&self.options), "options: 2 to 450"),
            (is_part(self.fall), "fall: 0 up to 1"),
            ((1..=1_000).contains(&self.steps), "steps: 1 to 1,000"),
            (self.step_ns >= 120_000_000_000 && self.step_ns <= 86_400_000_000_000, "step: 2m to 1d"),
            ((0.0..=10.0).contains(&self.vol_rise), "vol_rise: 0 to 10"),
            (is_positive(self.depth_usd) && self.depth_usd < 1e12, "depth_usd: above 0"),
            (is_positive(self.depth_contracts) && self.depth_contracts < 1e9, "depth_contracts: above 0"),
            ((0.0..=1.0).contains(&self.appetite), "appetite: 0 to 1"),
            ((0.0..=1.0).contains(&self.portfolio), "portfolio: 0 to 1"),
            (tiderace_margin::sets::text(&self.portfolio_params).is_some(), "portfolio_params: a shipped set"),
            (is_positive(self.size_usd) && self.size_usd < 1e9, "size_usd: above 0, below 1e9"),
            ((0.0..=100.0).contains(&self.assessment_cap), "assessment_cap: 0 to 100"),
            (self.grid_spot.iter().chain(&self.grid_vol).all(|by| by.is_finite() && *by > -1.0), "grid: above -1"),
            (self.moves.iter().all(|of| of.spot > -1.0 && of.vol > -1.0 && of.spot < 100.0), "moves: above -1"),
        ];
        checks.into_iter().find(|(is_good, _)| !is_good).map_or(Ok(()), |(_, rule)| Err(rule.to_owned()))
    }
}
