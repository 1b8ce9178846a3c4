//! What the venue line says to clearing. Beside the words of every venue (`margin`, `funding`, `settlement_window`,
//! `member`, `fund`) it may say:
//!
//! - instrument: `liquidation_fee`, and of a capped contract `price_floor`, `price_cap`;
//! - account: `parent`, `house`, `pooled`, `portfolio` (flags), `cost` (`average`, `fifo`);
//! - venue: `mutual` (`[{"member", "asset", "amount"}]`), `house_capital` (`[{"asset", "amount"}]`), `collateral`
//!   (`[{"asset", "haircut", "limit"}]`) and `unit`, `interest`, `settle_at`, `default` (`warn_at limit step auction kind
//!   assessment_cap wait`), `portfolio_margin` and `surface_max_age` (see
//!   [`super::surface`]).

use tiderace_engine::venue::{
    AccountRules, AuctionKind, ClearingRules, CollateralTerms, ContractRules, CostMethod, DefaultRules, Funding,
    FundingKind, MarginTerms, MutualShare,
};
use tiderace_types::{Amount, Fraction, Instrument};

use super::gateway::Gateway;
use super::json::{Bad, Object};
use super::setup::{amount_of, fraction, known_asset, needed_fraction, price};
use super::{surface, time};

pub(super) const INSTRUMENT_KEYS: &[&str] =
    &["margin", "funding", "settlement_window", "liquidation_fee", "price_floor", "price_cap"];
pub(super) const ACCOUNT_KEYS: &[&str] = &["parent", "house", "pooled", "portfolio", "cost"];
pub(super) const VENUE_KEYS: &[&str] = &[
    "mutual",
    "house_capital",
    "collateral",
    "unit",
    "interest",
    "settle_at",
    "default",
    "portfolio_margin",
    "surface_max_age",
];

/// The bound of a funding rate that names none.
const NO_CAP: Fraction = Fraction::ONE;
/// Half a thousandth: the clamp of a funding that names none.
const USUAL_CLAMP: Fraction = Fraction::new(500_000);
/// Eight hours.
const USUAL_INTERVAL_NS: i64 = 8 * 3_600 * 1_000_000_000;

pub(super) fn contract(line: &Object<'_>, instrument: &Instrument) -> Result<ContractRules, Bad> {
    Ok(ContractRules {
        margin: line.value("margin").map(|value| margin(line, value)).transpose()?,
        funding: line.object_or_none("funding")?.map(|of| funding(&of)).transpose()?,
        settlement_window_ns: line.duration_or_none("settlement_window")?,
        floor: price(line, "price_floor", instrument)?,
        cap: price(line, "price_cap", instrument)?,
        liquidation_fee: fraction(line, "liquidation_fee")?.unwrap_or(Fraction::ZERO),
        basis_max: None,
    })
}

fn margin(line: &Object<'_>, value: &serde_json::Value) -> Result<MarginTerms, Bad> {
    let remedy = "write a model, \"tiered\" or \"option\", and its parameters as decimal strings";
    serde_json::from_value(value.clone()).map_err(|error| line.bad("margin", error.to_string(), remedy))
}

fn funding(of: &Object<'_>) -> Result<Funding, Bad> {
    of.only(&["kind", "interval", "interest", "clamp", "cap"])?;
    let kinds = &[("periodic", FundingKind::Periodic), ("continuous", FundingKind::Continuous)];
    Ok(Funding {
        kind: of.word_or_none("kind", kinds)?.unwrap_or(FundingKind::Periodic),
        interval_ns: of.duration_or_none("interval")?.unwrap_or(USUAL_INTERVAL_NS),
        interest: fraction(of, "interest")?.unwrap_or(Fraction::ZERO),
        clamp: fraction(of, "clamp")?.unwrap_or(USUAL_CLAMP),
        cap: fraction(of, "cap")?.unwrap_or(NO_CAP),
    })
}

pub(super) fn account(line: &Object<'_>, gateway: &Gateway) -> Result<AccountRules, Bad> {
    let parent = line.text_or_none("parent")?;
    let known = |name: &str| {
        let id = gateway.known_account(name);
        id.ok_or_else(|| line.bad("parent", format!("account {name:?} is unknown"), "name an account above this one"))
    };
    let costs = &[("average", CostMethod::Average), ("fifo", CostMethod::Fifo)];
    Ok(AccountRules {
        parent: parent.map(known).transpose()?,
        is_house: line.flag("house")?,
        is_portfolio: line.flag("portfolio")?,
        is_pooled: line.flag("pooled")?,
        cost: line.word_or_none("cost", costs)?.unwrap_or_default(),
    })
}

pub(super) fn venue(line: &Object<'_>, gateway: &mut Gateway) -> Result<ClearingRules, Bad> {
    let mut mutual = Vec::new();
    for share in line.objects_or_none("mutual")? {
        share.only(&["member", "asset", "amount"])?;
        let member = share.text("member")?;
        gateway.member(member);
        let (asset, amount) = amount_of(&share, "asset", "amount", gateway)?;
        mutual.push(MutualShare { member: member.to_owned(), asset, amount });
    }
    let mut house_capital = Vec::new();
    for row in line.objects_or_none("house_capital")? {
        row.only(&["asset", "amount"])?;
        house_capital.push(amount_of(&row, "asset", "amount", gateway)?);
    }
    let mut collateral = Vec::new();
    for row in line.objects_or_none("collateral")? {
        row.only(&["asset", "haircut", "limit"])?;
        let asset = known_asset(&row, "asset", row.text("asset")?, gateway)?;
        let limit = row.scaled_or_none("limit", gateway.asset_decimals(asset))?.map(Amount::new);
        let haircut = fraction(&row, "haircut")?.unwrap_or(Fraction::ZERO);
        collateral.push((asset, CollateralTerms { haircut, limit }));
    }
    let unit = line.text_or_none("unit")?.map(|name| known_asset(line, "unit", name, gateway)).transpose()?;
    Ok(ClearingRules {
        mutual,
        house_capital,
        settle_at_ns: line.text_or_none("settle_at")?.map(|_| time_of_day(line, "settle_at")).transpose()?,
        collateral,
        unit: unit.unwrap_or_default(),
        interest: fraction(line, "interest")?.unwrap_or(Fraction::ZERO),
        portfolio: surface::portfolio_margin(line, gateway)?,
        liquidation_wait_ns: line.object_or_none("default")?.map_or(Ok(None), |of| of.duration_or_none("wait"))?,
        default_rules: line.object_or_none("default")?.map_or(Ok(DefaultRules::default()), |of| default_rules(&of))?,
    })
}

/// Nanoseconds since midnight of a time of day.
pub(super) fn time_of_day(line: &Object<'_>, key: &str) -> Result<i64, Bad> {
    let text = line.text(key)?;
    let time = time::parse(&format!("1970-01-01T{text}Z"));
    let time = time.ok_or_else(|| line.bad(key, format!("{text:?} is no time of day"), "write e.g. \"08:00:00\""))?;
    Ok(time.get())
}

fn default_rules(of: &Object<'_>) -> Result<DefaultRules, Bad> {
    of.only(&["warn_at", "limit", "step", "auction", "kind", "assessment_cap", "wait"])?;
    let usual = DefaultRules::default();
    let or = |key: &str, usual: Fraction| if of.has(key) { needed_fraction(of, key) } else { Ok(usual) };
    let kinds = &[("sealed", AuctionKind::Sealed), ("dutch", AuctionKind::Dutch)];
    Ok(DefaultRules {
        warn_at: or("warn_at", usual.warn_at)?,
        limit: or("limit", usual.limit)?,
        step: or("step", usual.step)?,
        auction_ns: of.duration_or_none("auction")?.unwrap_or(usual.auction_ns),
        auction: of.word_or_none("kind", kinds)?.unwrap_or(usual.auction),
        assessment_cap: or("assessment_cap", usual.assessment_cap)?,
    })
}
