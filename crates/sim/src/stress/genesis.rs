//! Who is there at the start of a day, what everybody has, and what everybody wants to hold: all drawn from the seed.

use tiderace_engine::venue::{
    AccountConfig, AccountRules, AuctionKind, ClearingRules, ContractRules, DefaultRules, Fees, Funding, FundingKind,
    Listing, MarginTerms, MutualShare, PortfolioRules, VenueConfig,
};
use tiderace_margin::{Factor, sets};
use tiderace_types::{
    Amount, Asset, AssetId, Fraction, Instrument, InstrumentId, InstrumentKind, Side, TradingState, Ts, decimal,
};

use super::config::{Config, Funds, Policy};
use super::scene::{BTC, INVERSE, INVERSE_USD, LINEAR, LINEAR_LOT, OPTION_LOT, Prices, Scene, USDC};
use crate::rng::{Rng, float, floor};

const FRACTION_ONE: f64 = 1e9;
const HOUR_NS: i64 = 3_600_000_000_000;
/// Digits of the two assets.
pub(super) const DECIMALS: [u32; 2] = [8, 6];
/// What a perpetual asks for at the start, and to stay.
const PERPETUAL_INITIAL: f64 = 0.02;
/// Largest position of a customer in typical ones.
const SIZE_MAX: f64 = 25.0;

/// A position that a customer wants at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) customer: u32,
    pub(super) instrument: InstrumentId,
    pub(super) side: Side,
    pub(super) lots: i64,
}

/// The start of a day.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) venue: VenueConfig,
    pub(super) wishes: Vec<Wish>,
}

/// A name of a member, as accounts and shares give it.
pub(super) fn member_name(row: u32) -> String {
    format!("member-{row:02}")
}

fn amounts(funds: &Funds) -> Result<Vec<(AssetId, Amount)>, String> {
    let assets = [("BTC", BTC, DECIMALS[0]), ("USDC", USDC, DECIMALS[1])];
    let mut all = Vec::new();
    for (name, text) in funds {
        let known = assets.iter().find(|(asset, ..)| asset == name);
        let (_, asset, decimals) = known.ok_or(format!("asset {name}: BTC or USDC"))?;
        let amount = decimal::parse(text, *decimals).map_err(|error| format!("{name} {text:?} {error}"))?;
        if amount < 0 {
            return Err(format!("{name} {text}: at least 0"));
        }
        all.push((*asset, Amount::new(amount)));
    }
    Ok(all)
}

/// Base units of so much of an asset, at least one.
fn units(asset: AssetId, value: f64) -> Amount {
    let scale = if asset == BTC { 1e8 } else { 1e6 };
    Amount::new(i128::from(floor(value * scale).max(1)))
}

impl Start {
    /// # Errors
    /// What of the configuration is no amount.
    pub(super) fn new(config: &Config, policy: Policy, scene: &Scene, prices: &Prices) -> Result<Self, String> {
        let mut rng = Rng::new(config.seed, 11);
        let mut accounts = Vec::new();
        let capital = amounts(&config.capital)?;
        for row in 0..config.members {
            let rules =
                AccountRules { is_house: true, is_portfolio: config.portfolio > 0.0, ..AccountRules::default() };
            accounts.push(account(format!("{}-house", member_name(row)), row, rules, capital.clone()));
        }
        // Some members have no customers: what they put into the mutual fund is nobody's own share first.
        let with_customers = config.members.saturating_mul(2).div_ceil(3).max(1);
        let mut by_scenario = Rng::new(config.seed, 15);
        let mut wishes = Vec::new();
        for customer in 0..config.accounts {
            let (asset, cash) = wish(config, scene, prices, customer, &mut rng, &mut wishes);
            let member = customer.checked_rem(with_customers).unwrap_or(0);
            let is_portfolio = by_scenario.unit() < config.portfolio;
            let rules = AccountRules { is_portfolio, ..AccountRules::default() };
            let cash = vec![(asset, units(asset, cash))];
            accounts.push(account(format!("customer-{customer:04}"), member, rules, cash));
        }
        let mut mutual = Vec::new();
        for row in 0..config.members {
            for (asset, amount) in amounts(&config.mutual)? {
                mutual.push(MutualShare { member: member_name(row), asset, amount });
            }
        }
        let asset = |(name, decimals): (&str, u32)| Asset { asset: name.to_owned(), decimals };
        let venue = VenueConfig {
            seed: config.seed,
            start: Ts::new(scene.ts_ns),
            assets: [("BTC", DECIMALS[0]), ("USDC", DECIMALS[1])].map(asset).into(),
            instruments: scene.instruments.iter().map(listing).collect(),
            accounts,
            fund: amounts(&config.insurance)?,
            clearing: ClearingRules {
                mutual,
                house_capital: amounts(&config.house)?,
                default_rules: rules(config, policy),
                portfolio: portfolio(config)?,
                unit: USDC,
                ..ClearingRules::default()
            },
        };
        Ok(Self { venue, wishes })
    }
}

fn portfolio(config: &Config) -> Result<Vec<PortfolioRules>, String> {
    let text = sets::text(&config.portfolio_params).ok_or("portfolio_params: a shipped set")?;
    let params = sets::parse(text).map_err(|error| error.to_string())?;
    Ok(vec![PortfolioRules { base: BTC, params, max_age_ns: None }])
}

fn rules(config: &Config, policy: Policy) -> DefaultRules {
    let assessment_cap = Fraction::new(floor(config.assessment_cap * FRACTION_ONE));
    let staged = DefaultRules { auction: AuctionKind::Sealed, assessment_cap, ..DefaultRules::default() };
    match policy {
        Policy::Staged => staged,
        Policy::Immediate => DefaultRules { limit: Fraction::ONE, step: Fraction::ONE, auction_ns: 1, ..staged },
    }
}

fn account(name: String, member: u32, clearing: AccountRules, balances: Vec<(AssetId, Amount)>) -> AccountConfig {
    AccountConfig {
        name,
        member: Some(member_name(member)),
        stp_group: None,
        balances,
        dead_man_ns: None,
        mmp: Vec::new(),
        limits: Default::default(),
        clearing,
    }
}

/// Basis points.
fn part(bps: i128) -> Factor {
    Factor::new(Factor::ONE.get().saturating_mul(bps).checked_div(10_000).unwrap_or(0))
}

/// Deribit's standard margin: perpetuals at 2 % and 1 %, growing by 0.5 % with each 100 BTC; options by moneyness.
fn margin(instrument: &Instrument) -> MarginTerms {
    if instrument.kind == InstrumentKind::Option {
        return MarginTerms::Option {
            rate: part(1_500),
            floor: part(1_000),
            maintenance: part(750),
            put_maintenance_of_mark: part(750),
            initial_at_least_maintenance: tiderace_margin::standard::AtLeast::Put,
            factor: Factor::ONE,
            unit: tiderace_margin::standard::Unit::Coin,
            otm_of: tiderace_margin::standard::OtmOf::Index,
        };
    }
    let a_btc = Factor::ONE.get() / 20_000;
    let per_unit = if instrument.id == INVERSE { a_btc / 60_000 } else { a_btc };
    MarginTerms::Tiered { initial: part(200), maintenance: part(100), per_unit: Factor::new(per_unit) }
}

fn listing(instrument: &Instrument) -> Listing {
    let is_perpetual = instrument.kind == InstrumentKind::Perpetual;
    let funding = Funding {
        kind: FundingKind::Periodic,
        interval_ns: 8 * HOUR_NS,
        interest: Fraction::new(100_000),
        clamp: Fraction::new(500_000),
        cap: Fraction::new(7_500_000),
    };
    let clearing = ContractRules {
        margin: Some(margin(instrument)),
        funding: is_perpetual.then_some(funding),
        liquidation_fee: Fraction::new(5_000_000),
        ..ContractRules::default()
    };
    Listing {
        instrument: instrument.clone(),
        max_order_value: None,
        fees: Fees { maker: Fraction::ZERO, taker: Fraction::new(300_000) },
        fee_tiers: Vec::new(),
        band: None,
        breaker: None,
        random_end: None,
        schedule: Vec::new(),
        state: TradingState::Continuous,
        clearing,
    }
}

/// Draws what a customer holds, and how much cash it brings: what its positions ask for and some more.
fn wish(
    config: &Config,
    scene: &Scene,
    prices: &Prices,
    customer: u32,
    rng: &mut Rng,
    wishes: &mut Vec<Wish>,
) -> (AssetId, f64) {
    let size_usd = config.size_usd * libm::exp(1.2 * rng.normal()).min(SIZE_MAX);
    let buffer = 1.25 + rng.exponential();
    let mut want = |instrument, side, lots: f64| {
        let lots = floor(lots).max(1);
        wishes.push(Wish { customer, instrument, side, lots });
        float(lots)
    };
    match rng.below(100) {
        // Perpetuals in the quote asset, four of five long.
        draw @ 0..=37 => {
            let side = if draw < 30 { Side::Buy } else { Side::Sell };
            let lots = want(LINEAR, side, size_usd / (LINEAR_LOT * prices.index));
            (USDC, prices.worth_usd(LINEAR, floor(lots)) * PERPETUAL_INITIAL * buffer)
        }
        // Perpetuals in the coin.
        draw @ 38..=57 => {
            let side = if draw < 54 { Side::Buy } else { Side::Sell };
            let lots = want(INVERSE, side, size_usd / INVERSE_USD);
            (BTC, lots * INVERSE_USD / prices.index * PERPETUAL_INITIAL * buffer)
        }
        // Sellers of options, of puts more than of calls.
        58..=84 => {
            let legs = rng.below(3).saturating_add(1);
            let mut needs = 0.0;
            for _ in 0..legs {
                let at = pick(scene, rng, |is_call, draw| if is_call { draw < 0.25 } else { true });
                let contracts = size_usd / float(i64::try_from(legs).unwrap_or(1)) / prices.index / 2.0;
                let lots = want(at, Side::Sell, contracts / OPTION_LOT);
                needs += lots * OPTION_LOT * short_needs(scene, prices, at);
            }
            (BTC, needs * buffer)
        }
        // Buyers of options, who pay for them.
        85..=92 => {
            let at = pick(scene, rng, |_, _| true);
            let lots = want(at, Side::Buy, size_usd / prices.index / 4.0 / OPTION_LOT);
            (BTC, prices.worth_usd(at, floor(lots)) / prices.index * 1.2 + 0.01)
        }
        // Long the coin and long a put on it.
        _ => {
            let lots = want(INVERSE, Side::Buy, size_usd / INVERSE_USD);
            let at = pick(scene, rng, |is_call, _| !is_call);
            let puts = want(at, Side::Buy, size_usd / prices.index / OPTION_LOT);
            let margin = lots * INVERSE_USD / prices.index * PERPETUAL_INITIAL * buffer;
            (BTC, margin + prices.worth_usd(at, floor(puts)) / prices.index * 1.2)
        }
    }
}

/// An option, drawn until it is one that is wanted.
fn pick(scene: &Scene, rng: &mut Rng, is_wanted: impl Fn(bool, f64) -> bool) -> InstrumentId {
    let count = u64::try_from(scene.quotes.len()).unwrap_or(0);
    let mut at = InstrumentId(2);
    for _ in 0..50 {
        at = InstrumentId(u16::try_from(rng.below(count).saturating_add(2)).unwrap_or(2));
        let draw = rng.unit();
        if scene.quote(at).is_some_and(|quote| is_wanted(quote.is_call, draw)) {
            break;
        }
    }
    at
}

/// Initial margin of a short contract in the coin, about.
fn short_needs(scene: &Scene, prices: &Prices, at: InstrumentId) -> f64 {
    let Some(quote) = scene.quote(at) else { return 0.0 };
    let out = if quote.is_call { quote.strike - prices.index } else { prices.index - quote.strike };
    let mark = prices.worth_usd(at, 10) / prices.index;
    (0.15 - out.max(0.0) / prices.index).max(0.1) + mark
}
