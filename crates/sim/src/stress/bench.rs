//! What `tiderace bench margin clear liquidate` times: inputs are made beforehand and seeded, one core, no part of a run.

use std::time::Instant;

use tiderace_clear::config::{AccountTerms, AssetTerms, ClearConfig, ContractTerms, MarginTerms};
use tiderace_clear::{Action, Clearing, Fill};
use tiderace_engine::risk_arrays::{Maturity, Product, RiskModel, Underlying};
use tiderace_margin::{FillAt, Portfolio, RiskArrays, sets};
use tiderace_types::{
    AccountId, Amount, Asset, AssetId, Fraction, Instrument, InstrumentId, InstrumentKind, Price, PutOrCall, Qty, Rate,
    Side, Style, TradeKind, Ts, VenueId,
};

use crate::rng::Rng;

const STEP: i64 = 1_000_000_000_000;
const RATE_ONE: i128 = 1_000_000_000_000_000_000;
const DAY_NS: i64 = 86_400_000_000_000;
const OPTIONS: u16 = 500;
const EXPIRIES: u16 = 10;
const INDEX: i64 = 60_000;
/// Accounts of [`liquidate`] that trade, and instruments each of them holds.
const TRADERS: u32 = 10_000;
const HELD: u16 = 5;

/// Nanoseconds of one portfolio of 500 options under 41 scenarios.
#[derive(Clone, Debug, Default)]
pub struct MarginTimes {
    /// Every option priced in every scenario, then margined.
    pub from_prices_ns: Vec<u64>,
    /// From risk arrays.
    pub from_arrays_ns: Vec<u64>,
    /// One more order.
    pub incremental_ns: Vec<u64>,
    /// Initial requirement, as a checksum.
    pub initial: i128,
    /// Scenarios of the set.
    pub scenarios: usize,
}

/// What a timed run of clearing gives.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// Nanoseconds.
    pub ns: u64,
    /// Actions, or fills, that came of it.
    pub count: u64,
    /// First bytes of the state's digest, as a checksum.
    pub digest: u64,
}

fn elapsed(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn head(digest: [u8; 32]) -> u64 {
    digest.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

fn assets() -> Vec<Asset> {
    vec![Asset { asset: "BTC".to_owned(), decimals: 8 }, Asset { asset: "USDC".to_owned(), decimals: 6 }]
}

/// A perpetual with a tick of 0.5 and a lot of 0.001, linear in USDC.
fn perpetual(id: u16) -> Instrument {
    Instrument {
        id: InstrumentId(id),
        version: 1,
        venue: VenueId(0),
        symbol: format!("BTC-PERP-{id}"),
        kind: InstrumentKind::Perpetual,
        style: Style::Linear,
        base: AssetId(0),
        quote: AssetId(1),
        settle: AssetId(1),
        base_decimals: 8,
        quote_decimals: 6,
        tick_size: STEP / 2,
        lot_size: STEP / 1_000,
        contract_multiplier: STEP,
        min_order_qty: Qty::ZERO,
        max_order_qty: Qty::MAX,
        min_notional: Amount::ZERO,
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
    }
}

fn maturity_of(expiry: u16) -> i64 {
    DAY_NS.saturating_mul(i64::from(expiry).saturating_mul(9).saturating_add(2))
}

/// Calls and puts of ten expiries, 25 strikes each.
fn option(id: u16) -> Instrument {
    let (expiry, rest) = (id / (OPTIONS / EXPIRIES), id % (OPTIONS / EXPIRIES));
    let strike = INDEX.saturating_mul(i64::from(rest / 2).saturating_mul(4).saturating_add(52)) / 100;
    Instrument {
        symbol: format!("BTC-{expiry}-{strike}-{}", if rest % 2 == 0 { "C" } else { "P" }),
        kind: InstrumentKind::Option,
        maturity_ns: Some(maturity_of(expiry)),
        strike_price: Some(Price::new(strike.saturating_mul(2))),
        put_or_call: Some(if rest % 2 == 0 { PutOrCall::Call } else { PutOrCall::Put }),
        ..perpetual(id)
    }
}

/// The first 41 scenarios that a shipped set and its moves give: the set's own, then moves in between.
fn model(scenarios: usize) -> Option<RiskModel> {
    let mut params = sets::parse(sets::DERIBIT_PM).ok()?;
    let between = params.scenarios.clone();
    let mut more = between.iter().cycle();
    while params.scenarios.len() < scenarios {
        let mut scenario = *more.next()?;
        scenario.spot = tiderace_margin::Factor::new(scenario.spot.get().checked_div(2)?);
        params.scenarios.push(scenario);
    }
    params.scenarios.truncate(scenarios);
    RiskModel::new(params).ok()
}

/// Times the margin of a portfolio of 500 options under `scenarios`, `repetitions` times each way.
///
/// None where the shipped set does not hold: a build without it is none.
#[must_use]
pub fn margin(scenarios: usize, repetitions: usize, seed: u64) -> Option<MarginTimes> {
    let model = model(scenarios)?;
    let mut rng = Rng::new(seed, 0);
    let instruments: Vec<Instrument> = (0..OPTIONS).map(option).collect();
    let whole = |value: u64| i128::from(value).saturating_mul(RATE_ONE / 100);
    let vols: Vec<Rate> = instruments.iter().map(|_| Rate::new(whole(rng.below(60).saturating_add(40)))).collect();
    let products: Vec<Product<'_>> = instruments
        .iter()
        .zip(&vols)
        .map(|(instrument, vol)| Product { instrument, vol: Some(*vol), mark: None })
        .collect();
    let index = Rate::new(i128::from(INDEX).saturating_mul(RATE_ONE));
    let maturities: Vec<Maturity> = (0..EXPIRIES)
        .map(|expiry| Maturity {
            maturity_ns: maturity_of(expiry),
            forward: index,
            discount: Rate::new(RATE_ONE),
            rate: Rate::new(0),
        })
        .collect();
    let under = Underlying { now_ns: 0, index, maturities: &maturities, products: &products, settle_decimals: 6 };
    let arrays = model.arrays(&under).ok()?;
    let lots = |rng: &mut Rng| i64::try_from(rng.below(2_001)).unwrap_or(0).saturating_sub(1_000);
    let held: Vec<(u32, i64)> = (0..u32::from(OPTIONS)).map(|leg| (leg, lots(&mut rng))).collect();
    let order = arrays.fill_at(7, 100, Rate::new(RATE_ONE), Amount::ZERO)?;
    let mut times = MarginTimes { scenarios, ..MarginTimes::default() };
    for _ in 0..repetitions {
        let start = Instant::now();
        let again = model.arrays(&under).ok()?;
        let initial = requirement(&again, &held)?;
        times.from_prices_ns.push(elapsed(start));
        let start = Instant::now();
        times.initial = requirement(&arrays, &held)?;
        times.from_arrays_ns.push(elapsed(start));
        assert_eq!(times.initial, initial, "the same prices give the same margin");
        times.incremental_ns.push(incremental(&arrays, &held, &order)?);
    }
    Some(times)
}

fn requirement(arrays: &RiskArrays, held: &[(u32, i64)]) -> Option<i128> {
    Some(Portfolio::of(arrays, held)?.requirement(arrays)?.initial.get())
}

/// One more order, a thousand times: too short for the clock by itself.
fn incremental(arrays: &RiskArrays, held: &[(u32, i64)], order: &FillAt) -> Option<u64> {
    const TIMES: u64 = 1_000;
    let portfolio = Portfolio::of(arrays, held)?;
    let mut sum = 0i128;
    let start = Instant::now();
    for _ in 0..TIMES {
        let after = portfolio.margin_after(arrays, core::slice::from_ref(core::hint::black_box(order)))?;
        sum = sum.wrapping_add(after.initial.get());
    }
    let ns = elapsed(start);
    core::hint::black_box(sum);
    ns.checked_div(TIMES)
}

fn tiered() -> MarginTerms {
    let part = |thousandths: i128| tiderace_margin::Factor::new(RATE_ONE / 1_000 * thousandths);
    MarginTerms::Tiered { initial: part(20), maintenance: part(10), per_unit: tiderace_margin::Factor::ZERO }
}

fn terms(instrument: Instrument) -> ContractTerms {
    ContractTerms {
        instrument,
        margin: Some(tiered()),
        funding: None,
        window_ns: 0,
        floor: None,
        cap: None,
        liquidation_fee: Fraction::ZERO,
        basis_max: None,
    }
}

fn config(contracts: Vec<ContractTerms>, accounts: Vec<AccountTerms>) -> ClearConfig {
    ClearConfig {
        start: Ts::ZERO,
        assets: assets().into_iter().map(|asset| AssetTerms { asset, collateral: None }).collect(),
        contracts,
        accounts,
        members: Vec::new(),
        insurance: Vec::new(),
        house_capital: Vec::new(),
        settle_at_ns: 0,
        unit: AssetId(1),
        interest: Fraction::ZERO,
        default_rules: tiderace_clear::config::DefaultRules::default(),
        trades_kept: 1 << 16,
    }
}

fn rich(balances: &[(AssetId, i128)]) -> AccountTerms {
    let balances = balances.iter().map(|(asset, amount)| (*asset, Amount::new(*amount)));
    AccountTerms { balances: balances.collect(), ..AccountTerms::default() }
}

/// Books `fills` between 1,000 accounts in eight perpetuals, half of them inverse: novated, posted, margined.
///
/// # Errors
/// Text, where clearing refuses its own genesis or a fill.
pub fn clear(fills: u32, seed: u64) -> Result<Timed, String> {
    let inverse = |id: u16| Instrument {
        style: Style::Inverse,
        settle: AssetId(0),
        lot_size: STEP,
        contract_multiplier: STEP.saturating_mul(10),
        ..perpetual(id)
    };
    let contracts = (0..8).map(|id| terms(if id % 2 == 0 { perpetual(id) } else { inverse(id) })).collect();
    let accounts = vec![rich(&[(AssetId(0), 1 << 60), (AssetId(1), 1 << 60)]); 1_000];
    let mut clearing = Clearing::new(config(contracts, accounts)).map_err(|error| error.to_string())?;
    let mut rng = Rng::new(seed, 1);
    let mut below = |n: u32| u32::try_from(rng.below(u64::from(n))).unwrap_or(0);
    let made: Vec<Fill> = (0..fills)
        .map(|_| Fill {
            instrument: InstrumentId(u16::try_from(below(8)).unwrap_or(0)),
            maker: AccountId(below(1_000)),
            taker: AccountId(below(1_000)),
            taker_side: if below(2) == 0 { Side::Buy } else { Side::Sell },
            price: Price::new(i64::from(below(1_000)).saturating_add(119_500)),
            qty: Qty::new(i64::from(below(100)).saturating_add(1)).unwrap_or(Qty::MAX),
            maker_fee: Fraction::new(-100_000),
            taker_fee: Fraction::new(500_000),
            kind: TradeKind::Continuous,
        })
        .collect();
    for row in 0..8 {
        clearing.set_mark(InstrumentId(row), Price::new(120_000)).map_err(said)?;
    }
    let start = Instant::now();
    for fill in &made {
        clearing.fill(fill).map_err(said)?;
    }
    let ns = elapsed(start);
    if !clearing.is_balanced() {
        return Err("the ledger is out of balance".to_owned());
    }
    Ok(Timed { ns, count: u64::from(fills), digest: head(clearing.digest()) })
}

fn said(refusal: tiderace_types::Refusal) -> String {
    format!("{}: {}", refusal.reason.name(), refusal.reason.rule())
}

/// Prices fall by a fifth under 10,000 accounts with five perpetuals each: from the first new mark to the list of
/// liquidation orders of all of them.
///
/// # Errors
/// As [`clear`].
pub fn liquidate(seed: u64) -> Result<Timed, String> {
    let contracts = (0..HELD).map(|id| terms(perpetual(id))).collect();
    let mut accounts = vec![rich(&[(AssetId(1), 10_000_000_000)]); usize::try_from(TRADERS).unwrap_or(0)];
    accounts.push(rich(&[(AssetId(1), 1 << 80)]));
    // With a fund behind them all are sent to the book first, and not to auction.
    let config = ClearConfig { insurance: vec![(AssetId(1), Amount::new(1 << 80))], ..config(contracts, accounts) };
    let mut clearing = Clearing::new(config).map_err(|error| error.to_string())?;
    let mut rng = Rng::new(seed, 2);
    for id in 0..TRADERS {
        for row in 0..HELD {
            let qty = i64::try_from(rng.below(100)).unwrap_or(0).saturating_add(150);
            let fill = Fill {
                instrument: InstrumentId(row),
                maker: AccountId(TRADERS),
                taker: AccountId(id),
                taker_side: Side::Buy,
                price: Price::new(120_000),
                qty: Qty::new(qty).unwrap_or(Qty::MAX),
                maker_fee: Fraction::ZERO,
                taker_fee: Fraction::ZERO,
                kind: TradeKind::Continuous,
            };
            clearing.fill(&fill).map_err(said)?;
        }
    }
    let mut actions = Vec::with_capacity(4 * accounts_capacity());
    let start = Instant::now();
    for row in 0..HELD {
        clearing.set_mark(InstrumentId(row), Price::new(96_000)).map_err(said)?;
    }
    clearing.review(&mut actions);
    let ns = elapsed(start);
    let orders = actions.iter().filter(|action| matches!(action, Action::Liquidate { .. })).count();
    Ok(Timed { ns, count: u64::try_from(orders).unwrap_or(0), digest: head(clearing.digest()) })
}

fn accounts_capacity() -> usize {
    usize::try_from(TRADERS).unwrap_or(0)
}
