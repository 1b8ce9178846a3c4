//! A venue's clearing that tests start from: BTC (8 digits) is asset 0, USDC (6 digits) asset 1.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use tiderace_clear::config::{AccountTerms, AssetTerms, ContractTerms, HOUR_NS, MemberTerms};
use tiderace_clear::{ClearConfig, Clearing, Fill};
use tiderace_margin::{Factor, Model};
use tiderace_types::{
    AccountId, Amount, Asset, AssetId, Fraction, Instrument, InstrumentId, InstrumentKind, Price, PutOrCall, Qty, Side,
    Style, TradeKind, Ts, VenueId,
};

pub const BTC: AssetId = AssetId(0);
pub const USDC: AssetId = AssetId(1);
/// 2026-01-01 00:00 UTC.
pub const START: Ts = Ts::new(1_767_225_600_000_000_000);
pub const PERP: InstrumentId = InstrumentId(0);

pub fn account(id: u32) -> AccountId {
    AccountId(id)
}

pub fn usdc(whole: i64) -> Amount {
    Amount::new(i128::from(whole) * 1_000_000)
}

pub fn btc(e8: i64) -> Amount {
    Amount::new(e8.into())
}

/// Index prices are in steps of 10^-12.
pub fn index(whole: i64) -> Amount {
    Amount::new(i128::from(whole) * 1_000_000_000_000)
}

/// A perpetual of 1 BTC: tick 0.5, lot 0.001.
pub fn perp(id: u16) -> Instrument {
    Instrument {
        id: InstrumentId(id),
        version: 1,
        venue: VenueId(0),
        symbol: format!("PERP-{id}"),
        kind: InstrumentKind::Perpetual,
        style: Style::Linear,
        base: BTC,
        quote: USDC,
        settle: USDC,
        base_decimals: 8,
        quote_decimals: 6,
        tick_size: 500_000_000_000,
        lot_size: 1_000_000_000,
        contract_multiplier: 1_000_000_000_000,
        min_order_qty: Qty::new(1).unwrap(),
        max_order_qty: Qty::MAX,
        min_notional: Amount::ZERO,
        maturity_ns: None,
        strike_price: None,
        put_or_call: None,
    }
}

/// A perpetual of 10 USD a contract, paid in BTC.
pub fn inverse(id: u16) -> Instrument {
    let (lot_size, contract_multiplier) = (1_000_000_000_000, 10_000_000_000_000);
    Instrument { style: Style::Inverse, settle: BTC, lot_size, contract_multiplier, ..perp(id) }
}

pub fn future(id: u16, maturity: Ts) -> Instrument {
    Instrument { kind: InstrumentKind::Future, maturity_ns: Some(maturity.get()), ..perp(id) }
}

/// A linear option: strike in whole quote units.
pub fn option(id: u16, maturity: Ts, strike: i64, put_or_call: PutOrCall) -> Instrument {
    let strike_price = Some(Price::new(strike * 2));
    Instrument { kind: InstrumentKind::Option, strike_price, put_or_call: Some(put_or_call), ..future(id, maturity) }
}

pub fn binary(id: u16, maturity: Ts, strike: i64, put_or_call: PutOrCall) -> Instrument {
    Instrument { kind: InstrumentKind::Binary, ..option(id, maturity, strike, put_or_call) }
}

pub fn spot(id: u16) -> Instrument {
    Instrument { kind: InstrumentKind::Spot, ..perp(id) }
}

pub fn tiered(initial: &str, maintenance: &str) -> Option<Model> {
    let of = |text| Factor::parse(text).unwrap();
    Some(Model::Tiered { initial: of(initial), maintenance: of(maintenance), per_unit: Factor::ZERO })
}

pub fn terms(instrument: Instrument) -> ContractTerms {
    ContractTerms {
        instrument,
        margin: None,
        funding: None,
        window_ns: HOUR_NS / 2,
        floor: None,
        cap: None,
        liquidation_fee: Fraction::ZERO,
        basis_max: None,
    }
}

pub fn config(contracts: Vec<ContractTerms>, accounts: Vec<AccountTerms>) -> ClearConfig {
    let asset = |name: &str, decimals| AssetTerms { asset: Asset { asset: name.into(), decimals }, collateral: None };
    ClearConfig {
        start: START,
        assets: vec![asset("BTC", 8), asset("USDC", 6)],
        contracts,
        accounts,
        members: vec![MemberTerms::default(); 2],
        insurance: Vec::new(),
        house_capital: Vec::new(),
        settle_at_ns: 8 * HOUR_NS,
        unit: USDC,
        interest: Fraction::ZERO,
        default_rules: Default::default(),
        trades_kept: 1000,
    }
}

pub fn with(balances: &[(AssetId, Amount)]) -> AccountTerms {
    AccountTerms { balances: balances.to_vec(), ..AccountTerms::default() }
}

/// `count` accounts of 10,000 USDC in a perpetual of 2 % initial and 1 % maintenance margin.
pub fn perps(count: usize) -> Clearing {
    let contract = ContractTerms { margin: tiered("0.02", "0.01"), ..terms(perp(0)) };
    Clearing::new(config(vec![contract], vec![with(&[(USDC, usdc(10_000))]); count])).unwrap()
}

/// `buyer` takes `qty` lots from `seller` at a price in ticks, without fees.
pub fn fill(instrument: InstrumentId, buyer: u32, seller: u32, price: i64, qty: i64) -> Fill {
    Fill {
        instrument,
        maker: account(seller),
        taker: account(buyer),
        taker_side: Side::Buy,
        price: Price::new(price),
        qty: Qty::new(qty).unwrap(),
        maker_fee: Fraction::ZERO,
        taker_fee: Fraction::ZERO,
        kind: TradeKind::Continuous,
    }
}

pub fn total(clearing: &Clearing, id: u32, asset: AssetId) -> i128 {
    clearing.balance(account(id), asset).total.get()
}
