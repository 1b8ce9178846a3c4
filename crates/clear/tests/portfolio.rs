//! Accounts that are margined by scenarios.

mod world;

use tiderace_clear::config::{AccountTerms, ContractTerms};
use tiderace_clear::{Action, Clearing, OrderAsk, OrderHold, Vintage};
use tiderace_margin::{Leg, LegKind, RiskArrays, Terms, sets};
use tiderace_types::{Amount, Fraction, InstrumentId, Price, Qty, Rate, Reason, Refusal, Side};
use world::*;

const MINUTE: i64 = 60_000_000_000;
const FRESH: Vintage = Vintage { ts: START, max_age_ns: None };

const PARAMS: &str = r#"
    scenarios = [
        { spot = "-0.1", vol = "none", damping = "1", kind = "regular" },
        { spot = "0.1", vol = "none", damping = "1", kind = "regular" },
    ]
    vol_shock = { up = "0.5", down = "0.25", short_term_power = "0.3", long_term_power = "0.13", days_floor = "1", reference_days = "30" }
    skew = { linear_cap = "0", linear_slope = "0", abs_cap = "0", abs_slope = "0", min_width = "0.01", width_scale = "4", vol_static = "0.6", vol_slope = "0" }
    loss_factor = { initial = "1.25", maintenance = "0.8" }
    forward_contingency = { up = "0", down = "0", add = "0", mult = "0" }
    contingency = { perpetual = { initial = "0", maintenance = "0" }, option = { initial = "0", maintenance = "0" } }
"#;

/// Two perpetuals of one coin at 50,000: a lot loses 5 USDC a tenth down.
fn arrays(marks: [i64; 2]) -> RiskArrays {
    let legs = marks.iter().zip([perp(0), perp(1)]).map(|(mark, instrument)| Leg {
        instrument: instrument.id,
        kind: LegKind::Perpetual,
        notional: 50_000_000_000_000,
        pair: None,
        terms: Terms::of(&instrument, 12).unwrap(),
        mark: Rate::new(i128::from(*mark) * 1_000_000_000_000_000_000),
    });
    let rows = marks.iter().flat_map(|mark| [-mark * 100_000_000, mark * 100_000_000, 0, 0, 0]);
    RiskArrays::new(&sets::parse(PARAMS).unwrap(), 6, Vec::new(), legs.collect(), rows.collect()).unwrap()
}

fn venue() -> Clearing {
    let contract = |id| ContractTerms { margin: tiered("0.02", "0.01"), ..terms(perp(id)) };
    let by_scenario = AccountTerms { is_portfolio: true, ..with(&[(USDC, usdc(10_000))]) };
    let accounts = vec![by_scenario, with(&[(USDC, usdc(1_000_000))])];
    let mut c = Clearing::new(config(vec![contract(0), contract(1)], accounts)).unwrap();
    for row in 0..2 {
        c.set_mark(InstrumentId(row), Price::new(100_000)).unwrap();
    }
    c
}

fn ask(instrument: u16, side: Side, price: i64, qty: i64) -> OrderAsk {
    let (price, qty) = (Some(Price::new(price)), Qty::new(qty).unwrap());
    OrderAsk { account: account(0), instrument: InstrumentId(instrument), side, qty, price, fee: Fraction::ZERO }
}

#[test]
fn without_arrays_a_portfolio_account_does_not_trade() {
    let c = venue();
    let refused = c.check_order(&ask(0, Side::Buy, 100_000, 1), OrderHold::default()).unwrap_err();
    assert_eq!(refused.reason, Reason::NoRiskArray);
}

#[test]
fn products_of_one_coin_offset_each_other() {
    let mut c = venue();
    c.set_risk_arrays(arrays([50_000, 50_000]), FRESH).unwrap();
    c.fill(&fill(InstrumentId(0), 0, 1, 100_000, 1_000)).unwrap();
    let of = c.standing(account(0), USDC);
    assert_eq!((of.initial, of.maintenance), (usdc(6_250), usdc(4_000)));
    // The other way in the other perpetual: nothing can be lost.
    let hold = c.check_order(&ask(1, Side::Sell, 100_000, 1_000), OrderHold::default()).unwrap();
    c.order_in(account(0), InstrumentId(1), Side::Sell, hold);
    c.order_out(account(0), InstrumentId(1), Side::Sell, hold);
    c.fill(&fill(InstrumentId(1), 1, 0, 100_000, 1_000)).unwrap();
    let of = c.standing(account(0), USDC);
    assert_eq!((of.initial, of.held), (Amount::ZERO, Amount::ZERO));
}

#[test]
fn orders_hold_their_worst_scenario_and_give_it_back() {
    let mut c = venue();
    c.set_risk_arrays(arrays([50_000, 50_000]), FRESH).unwrap();
    let buy = c.check_order(&ask(0, Side::Buy, 100_200, 1_000), OrderHold::default()).unwrap();
    c.order_in(account(0), InstrumentId(0), Side::Buy, buy);
    // 100 lost to the mark and 5,000 a tenth down, a quarter more.
    assert_eq!(c.balance(account(0), USDC).held, usdc(6_375));
    let refused = c.check_order(&ask(1, Side::Buy, 100_000, 1_000), OrderHold::default()).unwrap_err();
    assert_eq!(refused.reason, Reason::InsufficientMargin);
    let smaller = c.check_order(&ask(0, Side::Buy, 100_000, 500), buy).unwrap();
    let mut left = buy;
    c.order_changed(account(0), InstrumentId(0), Side::Buy, &mut left, Qty::new(500).unwrap());
    assert_eq!(c.balance(account(0), USDC).held, Amount::new(3_187_500_000));
    c.order_out(account(0), InstrumentId(0), Side::Buy, left);
    c.order_in(account(0), InstrumentId(0), Side::Buy, smaller);
    assert_eq!(c.balance(account(0), USDC).held, usdc(3_125));
}

#[test]
fn new_arrays_and_restored_state_give_the_same_figures() {
    let mut c = venue();
    c.set_risk_arrays(arrays([50_000, 50_000]), FRESH).unwrap();
    c.fill(&fill(InstrumentId(0), 0, 1, 100_000, 1_000)).unwrap();
    let hold = c.check_order(&ask(1, Side::Buy, 100_000, 100), OrderHold::default()).unwrap();
    c.order_in(account(0), InstrumentId(1), Side::Buy, hold);
    c.set_risk_arrays(arrays([60_000, 60_000]), FRESH).unwrap();
    assert_eq!(c.standing(account(0), USDC).initial, usdc(7_500));
    let mut bytes = Vec::new();
    c.encode(&mut bytes);
    let mut back = Clearing::decode(c.config().clone(), &mut &bytes[..]).unwrap();
    back.set_risk_arrays(arrays([60_000, 60_000]), FRESH).unwrap();
    assert_eq!(back.digest(), c.digest());
    for c in [&mut c, &mut back] {
        c.order_out(account(0), InstrumentId(1), Side::Buy, hold);
        assert_eq!(c.balance(account(0), USDC).held, Amount::ZERO);
    }
}

#[test]
fn a_portfolio_that_is_short_is_reduced_step_by_step() {
    let mut c = venue();
    c.set_risk_arrays(arrays([50_000, 50_000]), FRESH).unwrap();
    c.fill(&fill(InstrumentId(0), 0, 1, 100_000, 1_000)).unwrap();
    c.set_mark(InstrumentId(0), Price::new(87_000)).unwrap();
    let mut out = Vec::new();
    c.review(&mut out);
    let Some(Action::Liquidate { qty, side: Side::Sell, .. }) = out.last() else { panic!("{out:?}") };
    assert_eq!(qty.get(), 250);
    assert!(c.may_fill(&ask(0, Side::Sell, 87_000, qty.get())).is_ok());
    let more = c.may_fill(&ask(0, Side::Buy, 87_000, qty.get())).unwrap_err();
    assert_eq!(more.reason, Reason::InsufficientMargin);
}

/// Under arrays of a minute ago that are good for a minute; account 0 is short a coin.
fn a_minute_old() -> Clearing {
    let mut c = venue();
    c.set_risk_arrays(arrays([50_000, 50_000]), Vintage { max_age_ns: Some(MINUTE), ..FRESH }).unwrap();
    c.fill(&fill(InstrumentId(0), 1, 0, 100_000, 1_000)).unwrap();
    c.advance(START.plus_ns(MINUTE), &mut Vec::new());
    c
}

#[test]
fn arrays_too_old_let_nobody_take_on_more() {
    let mut c = a_minute_old();
    let sale = ask(0, Side::Sell, 100_000, 100);
    let resting = c.check_order(&sale, OrderHold::default()).unwrap();
    c.order_in(account(0), InstrumentId(0), Side::Sell, resting);
    c.may_fill(&sale).unwrap();
    c.withdraw(account(0), USDC, usdc(1)).unwrap();

    c.advance(START.plus_ns(MINUTE + 1), &mut Vec::new());
    let stale = Refusal::new(Reason::StaleSurface, MINUTE + 1, MINUTE);
    assert_eq!(c.check_order(&sale, OrderHold::default()), Err(stale));
    assert_eq!(c.check_order(&ask(0, Side::Sell, 100_000, 101), resting), Err(stale));
    assert_eq!(c.check_order(&ask(1, Side::Buy, 100_000, 1), OrderHold::default()), Err(stale));
    assert_eq!(c.may_fill(&sale), Err(stale));
    assert_eq!(c.withdraw(account(0), USDC, usdc(1)), Err(stale));
    assert_eq!(c.transfer(account(0), account(0), USDC, usdc(1)), Err(stale));

    // Less than it is now, and what only reduces.
    assert!(c.check_order(&ask(0, Side::Sell, 100_000, 99), resting).is_ok());
    let close = ask(0, Side::Buy, 100_000, 1_000);
    let closing = c.check_order(&close, OrderHold::default()).unwrap();
    c.may_fill(&close).unwrap();
    c.order_in(account(0), InstrumentId(0), Side::Buy, closing);
    assert_eq!(c.check_order(&ask(0, Side::Buy, 100_000, 1), OrderHold::default()), Err(stale), "beyond flat");
    // Who is margined contract by contract is not concerned.
    let other = OrderAsk { account: account(1), ..ask(1, Side::Buy, 100_000, 1) };
    assert!(c.check_order(&other, OrderHold::default()).is_ok());

    c.set_risk_arrays(arrays([50_000, 50_000]), Vintage { ts: c.now(), max_age_ns: Some(MINUTE) }).unwrap();
    assert!(c.check_order(&sale, OrderHold::default()).is_ok());
    c.withdraw(account(0), USDC, usdc(1)).unwrap();
}

#[test]
fn liquidations_go_on_under_arrays_too_old() {
    let mut c = a_minute_old();
    c.advance(START.plus_ns(2 * MINUTE), &mut Vec::new());
    c.set_mark(InstrumentId(0), Price::new(113_000)).unwrap();
    let mut out = Vec::new();
    c.review(&mut out);
    assert!(matches!(out.last(), Some(Action::Liquidate { side: Side::Buy, .. })), "{out:?}");
}

#[test]
fn collateral_of_an_account_without_positions_may_leave_under_arrays_too_old() {
    let mut c = venue();
    c.set_risk_arrays(arrays([50_000, 50_000]), Vintage { max_age_ns: Some(MINUTE), ..FRESH }).unwrap();
    c.advance(START.plus_ns(2 * MINUTE), &mut Vec::new());
    c.withdraw(account(0), USDC, usdc(10_000)).unwrap();
}
