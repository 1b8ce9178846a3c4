//! What the genesis says to clearing: margin, funding and expiry of an instrument, how an account is cleared, members
//! and funds. Each is off, or the usual, where absent, so that a genesis from before clearing reads as it did.

use serde::{Deserialize, Serialize};
use tiderace_clear::ClearConfig;
use tiderace_clear::config::{
    AccountTerms, AssetTerms, CollateralTerms, ContractTerms, CostMethod, DefaultRules, Funding, HOUR_NS, MarginTerms,
    MemberTerms,
};
use tiderace_margin::Params;
use tiderace_types::{AccountId, Amount, AssetId, Fraction, Price};

use super::config::{AccountConfig, Listing, VenueConfig};

/// The index is averaged over so long before maturity, where nothing else is said.
const WINDOW_NS: i64 = HOUR_NS / 2;

/// How an instrument is cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractRules {
    /// What positions and orders need; where absent, margin says yes to everything.
    #[serde(default)]
    pub margin: Option<MarginTerms>,
    /// Funding of a perpetual.
    #[serde(default)]
    pub funding: Option<Funding>,
    /// The index is averaged over so long before maturity; half an hour where absent.
    #[serde(default)]
    pub settlement_window_ns: Option<i64>,
    /// Lowest price that counts, of a capped contract.
    #[serde(default)]
    pub floor: Option<Price>,
    /// Highest price that counts, of a capped contract.
    #[serde(default)]
    pub cap: Option<Price>,
    /// Part of a liquidation's notional that goes to the insurance fund.
    #[serde(default)]
    pub liquidation_fee: Fraction,
    /// How far a perpetual's own mark may stand from its index.
    #[serde(default)]
    pub basis_max: Option<Fraction>,
}

/// How an account is cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRules {
    /// The account that this is a sub-account of: a row before its own.
    #[serde(default)]
    pub parent: Option<AccountId>,
    /// Whether it is its member's own and not a customer's.
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
}

/// What a member put into the mutual fund before the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MutualShare {
    /// Which member, as accounts name it.
    pub member: String,
    /// Of what.
    pub asset: AssetId,
    /// In base units.
    pub amount: Amount,
}

/// Portfolio margin of the products of one underlying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortfolioRules {
    /// The underlying.
    pub base: AssetId,
    /// The whole set, not its name: a genesis means the same whatever ships later.
    pub params: Params,
    /// How old a surface may be that new risk is taken under; of any age where absent.
    #[serde(default)]
    pub max_age_ns: Option<i64>,
}

/// How the venue clears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearingRules {
    /// The mutual fund at the start.
    #[serde(default)]
    pub mutual: Vec<MutualShare>,
    /// The house's own capital at the start.
    #[serde(default)]
    pub house_capital: Vec<(AssetId, Amount)>,
    /// Time of day (UTC) at which open profit becomes cash; 08:00 where absent.
    #[serde(default)]
    pub settle_at_ns: Option<i64>,
    /// What assets count as collateral of accounts that pool them.
    #[serde(default)]
    pub collateral: Vec<(AssetId, CollateralTerms)>,
    /// Asset that pooled collateral is valued in.
    #[serde(default)]
    pub unit: AssetId,
    /// Yearly interest on negative balances.
    #[serde(default)]
    pub interest: Fraction,
    /// What happens to who cannot pay.
    #[serde(default)]
    pub default_rules: DefaultRules,
    /// Portfolio margin, each underlying once; its accounts trade once a surface is published.
    #[serde(default)]
    pub portfolio: Vec<PortfolioRules>,
    /// How long a liquidation waits for a market that does not trade before the portfolio is put up; five minutes where
    /// absent.
    #[serde(default)]
    pub liquidation_wait_ns: Option<i64>,
}

impl VenueConfig {
    /// Labels of the clearing members, by row: as accounts name them first, then as shares of the mutual fund do.
    #[must_use]
    pub fn members(&self) -> Vec<&str> {
        let of_accounts = self.accounts.iter().filter_map(|account| account.member.as_deref());
        let of_shares = self.clearing.mutual.iter().map(|share| share.member.as_str());
        let mut members: Vec<&str> = Vec::new();
        for member in of_accounts.chain(of_shares) {
            if !members.contains(&member) {
                members.push(member);
            }
        }
        members
    }

    /// The genesis as clearing reads it.
    pub(super) fn clear_config(&self) -> ClearConfig {
        let rules = &self.clearing;
        let members = self.members();
        let collateral = |asset: AssetId| rules.collateral.iter().find(|(of, _)| *of == asset).map(|(_, terms)| *terms);
        let assets = (0u16..).map(AssetId).zip(&self.assets);
        let assets = assets.map(|(id, asset)| AssetTerms { asset: asset.clone(), collateral: collateral(id) });
        ClearConfig {
            start: self.start,
            assets: assets.collect(),
            contracts: self.instruments.iter().map(contract).collect(),
            accounts: self.accounts.iter().map(|account| account_terms(account, &members)).collect(),
            members: members.iter().map(|member| self.member_terms(member)).collect(),
            insurance: self.fund.clone(),
            house_capital: rules.house_capital.clone(),
            settle_at_ns: rules.settle_at_ns.unwrap_or(8 * HOUR_NS),
            unit: rules.unit,
            interest: rules.interest,
            default_rules: rules.default_rules,
            trades_kept: TRADES_KEPT,
        }
    }

    /// A member's own account answers for it; without one the first that names it.
    fn member_terms(&self, name: &str) -> MemberTerms {
        let of_it = || (0u32..).zip(&self.accounts).filter(|(_, row)| row.member.as_deref() == Some(name));
        let account = of_it().find(|(_, row)| row.clearing.is_house).or_else(|| of_it().next());
        let shares = self.clearing.mutual.iter().filter(|share| share.member == name);
        MemberTerms {
            name: name.to_owned(),
            mutual: shares.map(|share| (share.asset, share.amount)).collect(),
            account: account.map(|(id, _)| AccountId(id)),
        }
    }
}

/// Trades that can be busted or adjusted: the last so many.
pub(super) const TRADES_KEPT: usize = 1 << 18;

fn contract(listing: &Listing) -> ContractTerms {
    let rules = listing.clearing.clone();
    ContractTerms {
        instrument: listing.instrument.clone(),
        margin: rules.margin,
        funding: rules.funding,
        window_ns: rules.settlement_window_ns.unwrap_or(WINDOW_NS),
        floor: rules.floor,
        cap: rules.cap,
        liquidation_fee: rules.liquidation_fee,
        basis_max: rules.basis_max,
    }
}

fn account_terms(account: &AccountConfig, members: &[&str]) -> AccountTerms {
    let row = members.iter().position(|member| account.member.as_deref() == Some(member));
    let AccountRules { parent, is_house, is_portfolio, is_pooled, cost } = account.clearing;
    AccountTerms {
        member: row.and_then(|row| u32::try_from(row).ok()),
        parent,
        is_house,
        is_portfolio,
        is_pooled,
        cost,
        balances: account.balances.clone(),
    }
}
