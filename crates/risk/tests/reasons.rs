//! Each reason code of the controls, produced, with the value and the bound.

mod common;

use common::*;
use tiderace_risk::{ConfigError, Risk, RiskConfig, TotalLimit};
use tiderace_types::event::OrderSent;
use tiderace_types::input::EnableStrategy;
use tiderace_types::*;

fn refused<T: core::fmt::Debug>(result: Result<T, Refusal>, reason: Reason, value: i128, limit: i128) {
    assert_eq!(result.unwrap_err(), Refusal::new(reason, value, limit));
}

fn check(config: &RiskConfig, order: &OrderSent) -> Result<(), Refusal> {
    risk(config).check(Ts::new(1), order, BOOK).map(drop)
}

#[test]
fn an_order_within_all_limits_may_go() {
    assert_eq!(check(&config(), &buy(1, 100)), Ok(()));
}

#[test]
fn unknown_instrument_2001() {
    refused(check(&config(), &at(3, buy(1, 100))), Reason::UnknownInstrument, 3, 2);
}

#[test]
fn price_collar_2002() {
    // One percent around 6000001 ticks: 5940000.99 to 6060001.01.
    let priced = |price| OrderSent { price: Price::new(price), ..buy(1, 100) };
    assert_eq!(check(&config(), &priced(6_060_001)), Ok(()));
    assert_eq!(check(&config(), &priced(5_940_001)), Ok(()));
    refused(check(&config(), &priced(6_060_002)), Reason::PriceCollar, 6_060_002, 6_060_001);
    refused(check(&config(), &priced(5_940_000)), Reason::PriceCollar, 5_940_000, 5_940_001);
}

#[test]
fn an_order_that_only_reduces_stays_within_the_collar_2002() {
    let mut risk = risk(&config());
    trade(&mut risk, 1, &buy(1, 100));
    let low = OrderSent { price: Price::new(5_000_000), ..sell(2, 100) };
    refused(risk.check(Ts::new(2), &low, BOOK), Reason::PriceCollar, 5_000_000, 5_940_001);
}

#[test]
fn no_reference_2003() {
    let mut risk = risk(&config());
    refused(risk.check(Ts::new(1), &buy(1, 100), None), Reason::NoReference, 0, 0);
    let crossed = Some((Price::new(7), Price::new(6)));
    refused(risk.check(Ts::new(1), &buy(1, 100), crossed), Reason::NoReference, 7, 6);
}

#[test]
fn max_order_qty_2004() {
    let config = limited(|limits| limits.max_order_qty = qty(500));
    assert_eq!(check(&config, &buy(1, 500)), Ok(()));
    refused(check(&config, &buy(1, 501)), Reason::MaxOrderQty, 501, 500);
    refused(check(&common::config(), &buy(1, 900_001)), Reason::MaxOrderQty, 900_001, 900_000);
}

#[test]
fn max_order_value_2005() {
    // 100 lots of 0.00001 BTC at 60000.01 are 60.00001 USDT.
    let config = limited(|limits| limits.max_order_value = Amount::new(6_000_001_000));
    assert_eq!(check(&config, &buy(1, 100)), Ok(()));
    let dearer = OrderSent { price: Price::new(6_000_002), ..buy(1, 100) };
    refused(check(&config, &dearer), Reason::MaxOrderValue, 6_000_002_000, 6_000_001_000);
    let market = OrderSent { ord_type: OrdType::Market, price: Price::ZERO, ..buy(1, 100) };
    refused(check(&config, &market), Reason::MaxOrderValue, 6_060_001_000, 6_000_001_000);
}

#[test]
fn max_position_2006() {
    let mut risk = risk(&limited(|limits| limits.max_position = Amount::new(1_000_000)));
    send(&mut risk, 1, &buy(1, 600)).unwrap();
    refused(send(&mut risk, 1, &buy(2, 401)), Reason::MaxPosition, 1_001_000, 1_000_000);
    send(&mut risk, 1, &sell(3, 1_000)).unwrap();
    refused(send(&mut risk, 1, &sell(4, 10)), Reason::MaxPosition, 1_010_000, 1_000_000);
    send(&mut risk, 1, &buy(5, 400)).unwrap();
}

#[test]
fn max_total_position_2006() {
    let total = |asset, max| TotalLimit { asset: AssetId(asset), max_position: Amount::new(max) };
    let mut risk = risk(&RiskConfig { max_total_position: vec![total(0, 1_000_000)], ..config() });
    send(&mut risk, 1, &buy(1, 600)).unwrap();
    refused(send(&mut risk, 1, &at(1, buy(2, 401))), Reason::MaxPosition, 1_001_000, 1_000_000);
    send(&mut risk, 1, &at(1, buy(3, 400))).unwrap();
    risk.on_fill(Ts::new(2), &fill(&buy(1, 600), 600));
    risk.on_update(&updated(&buy(1, 600), OrdStatus::Filled, 600));
    refused(send(&mut risk, 3, &at(1, buy(4, 10))), Reason::MaxPosition, 1_010_000, 1_000_000);
    // Each base asset has its own limit, in its own base units.
    let other = Instrument { base: AssetId(2), base_decimals: 3, ..linear() };
    let limits = RiskConfig { max_total_position: vec![total(0, 1), total(2, 5)], ..config() };
    let mut two = Risk::new(&limits, &[spot(), other, inverse()], 42).unwrap();
    refused(send(&mut two, 1, &buy(1, 100)), Reason::MaxPosition, 100_000, 1);
    refused(send(&mut two, 1, &at(1, buy(2, 600))), Reason::MaxPosition, 6, 5);
    send(&mut two, 1, &at(1, buy(3, 500))).unwrap();
}

#[test]
fn max_open_orders_2007() {
    let mut risk = risk(&RiskConfig { max_open_orders: 2, ..config() });
    send(&mut risk, 1, &buy(1, 100)).unwrap();
    send(&mut risk, 1, &buy(2, 100)).unwrap();
    refused(send(&mut risk, 1, &buy(3, 100)), Reason::MaxOpenOrders, 3, 2);
    risk.on_update(&updated(&buy(1, 100), OrdStatus::Canceled, 0));
    send(&mut risk, 1, &buy(3, 100)).unwrap();
}

#[test]
fn insufficient_balance_2008() {
    let mut risk = risk(&RiskConfig { needs_funds: true, ..config() });
    refused(send(&mut risk, 1, &buy(1, 100)), Reason::InsufficientBalance, 6_000_001_000, 0);
    risk.set_balance(&balance(0, 1, 6_000_001_000));
    send(&mut risk, 1, &buy(1, 100)).unwrap();
    refused(send(&mut risk, 1, &buy(2, 100)), Reason::InsufficientBalance, 6_000_001_000, 0);
    refused(send(&mut risk, 1, &sell(2, 100)), Reason::InsufficientBalance, 100_000, 0);
    // What was bought may be sold.
    risk.on_fill(Ts::new(2), &fill(&buy(1, 100), 100));
    risk.on_update(&updated(&buy(1, 100), OrdStatus::Filled, 100));
    send(&mut risk, 3, &sell(2, 100)).unwrap();
    refused(send(&mut risk, 3, &sell(3, 10)), Reason::InsufficientBalance, 10_000, 0);
}

#[test]
fn insufficient_margin_2009() {
    let mut risk = risk(&RiskConfig { needs_funds: true, ..config() });
    // A tenth of 60.00001 USDT; for the inverse a tenth of 10 contracts at the collar's low edge of 59400.01.
    refused(send(&mut risk, 1, &at(1, buy(1, 100))), Reason::InsufficientMargin, 600_000_100, 0);
    refused(send(&mut risk, 1, &at(2, buy(1, 10))), Reason::InsufficientMargin, 168_351, 0);
    risk.set_balance(&balance(1, 1, 600_000_100));
    send(&mut risk, 1, &at(1, buy(1, 100))).unwrap();
    refused(send(&mut risk, 1, &at(1, buy(2, 10))), Reason::InsufficientMargin, 60_000_010, 0);
    // The other side needs nothing more while it would only bring the worst case down.
    send(&mut risk, 1, &at(1, sell(3, 100))).unwrap();
}

#[test]
fn message_rate_2010() {
    let mut risk = risk(&RiskConfig { max_messages: 2, message_window_ns: 100, ..config() });
    send(&mut risk, 10, &buy(1, 100)).unwrap();
    risk.on_cancel_sent(Ts::new(20));
    refused(send(&mut risk, 109, &buy(2, 100)), Reason::MessageRate, 3, 2);
    send(&mut risk, 110, &buy(2, 100)).unwrap();
    refused(send(&mut risk, 119, &buy(3, 100)), Reason::MessageRate, 3, 2);
}

#[test]
fn duplicate_order_2011() {
    let mut risk = risk(&RiskConfig { duplicate_window_ns: 100, ..config() });
    send(&mut risk, 10, &buy(1, 100)).unwrap();
    refused(send(&mut risk, 60, &buy(2, 100)), Reason::DuplicateOrder, 50, 100);
    for unlike in
        [sell(3, 100), buy(4, 101), at(1, buy(5, 100)), OrderSent { price: Price::new(6_000_002), ..buy(6, 100) }]
    {
        send(&mut risk, 60, &unlike).unwrap();
    }
    send(&mut risk, 110, &buy(7, 100)).unwrap();
    let market = |id| OrderSent { ord_type: OrdType::Market, price: Price::ZERO, ..buy(id, 300) };
    let mut moved = risk.clone();
    let bounded = moved.check(Ts::new(120), &market(10), BOOK).unwrap();
    moved.on_sent(Ts::new(120), &bounded);
    let higher = Some((Price::new(6_000_010), Price::new(6_000_012)));
    let again = moved.check(Ts::new(130), &market(11), higher);
    refused(again, Reason::DuplicateOrder, 10, 100);
    // Sent unasked while the first still counted: the later one counts on its own.
    risk.on_sent(Ts::new(150), &buy(8, 100));
    refused(send(&mut risk, 215, &buy(9, 100)), Reason::DuplicateOrder, 65, 100);
}

#[test]
fn repeated_execution_2012() {
    let mut risk = risk(&RiskConfig { max_executions: 3, execution_window_ns: 100, ..config() });
    assert_eq!(trade(&mut risk, 1, &buy(1, 100)), None);
    assert_eq!(trade(&mut risk, 2, &buy(2, 100)), None);
    let stopped = event::StrategyEnabled { strategy: 7, is_enabled: false, operator: 0 };
    assert_eq!(trade(&mut risk, 3, &buy(3, 100)), Some(stopped));
    assert_eq!(trade(&mut risk, 4, &buy(4, 100)), None, "told once");
    refused(send(&mut risk, 5_000, &buy(5, 100)), Reason::RepeatedExecution, 3, 3);
    let other = OrderSent { tags: ids::Tags::default(), ..buy(5, 100) };
    send(&mut risk, 5_000, &other).unwrap();
    refused(risk.enable_strategy(&EnableStrategy { strategy: 7, operator: 0 }), Reason::RepeatedExecution, 0, 1);
    let enabled = risk.enable_strategy(&EnableStrategy { strategy: 7, operator: 4 }).unwrap();
    assert_eq!((enabled.is_enabled, enabled.operator), (true, 4));
    send(&mut risk, 5_001, &buy(6, 100)).unwrap();
}

#[test]
fn a_strategy_that_was_re_enabled_starts_its_count_anew() {
    let mut risk = risk(&RiskConfig { max_executions: 2, execution_window_ns: 100, ..config() });
    trade(&mut risk, 1, &buy(1, 100));
    assert!(trade(&mut risk, 2, &buy(2, 100)).is_some());
    risk.enable_strategy(&EnableStrategy { strategy: 7, operator: 4 }).unwrap();
    assert_eq!(trade(&mut risk, 3, &buy(3, 100)), None);
    assert!(trade(&mut risk, 4, &buy(4, 100)).is_some());
}

#[test]
fn a_sale_below_the_bid_is_worth_the_bid_2005() {
    let config = limited(|limits| limits.max_order_value = Amount::new(5_999_999_000));
    let low = OrderSent { price: Price::new(5_950_000), ..sell(1, 100) };
    refused(check(&config, &low), Reason::MaxOrderValue, 6_000_000_000, 5_999_999_000);
    let wide = RiskConfig { collar: Fraction::new(900_000_000), ..common::config() };
    let far = OrderSent { price: Price::new(700_000), ..sell(1, 60) };
    refused(check(&wide, &far), Reason::TooSmall, 420_000_000, 500_000_000);
}

#[test]
fn executions_apart_stop_nothing() {
    let mut risk = risk(&RiskConfig { max_executions: 3, execution_window_ns: 100, ..config() });
    assert!((0u16..20).all(|i| trade(&mut risk, i64::from(i) * 60, &buy(i.into(), 100)).is_none()));
}

#[test]
fn killed_2013() {
    for (scope, id) in
        [(KillScope::All, 0), (KillScope::Account, 3), (KillScope::Strategy, 7), (KillScope::Instrument, 0)]
    {
        let mut risk = risk(&config());
        assert!(risk.set_kill(&kill(scope, id, true)).unwrap().is_on);
        assert_eq!(risk.set_kill(&kill(scope, id, true)), None, "on already");
        refused(send(&mut risk, 1, &buy(1, 100)), Reason::Killed, id.into(), 0);
        risk.set_kill(&kill(scope, id, false)).unwrap();
        send(&mut risk, 1, &buy(1, 100)).unwrap();
    }
    let mut risk = risk(&config());
    for (scope, id) in [(KillScope::Account, 4), (KillScope::Strategy, 8), (KillScope::Instrument, 1)] {
        risk.set_kill(&kill(scope, id, true)).unwrap();
    }
    send(&mut risk, 1, &buy(1, 100)).unwrap();
    assert_eq!(risk.is_killed(InstrumentId(1), 7), Some((KillScope::Instrument, 1)));
}

#[test]
fn too_small_2016() {
    refused(check(&config(), &buy(1, 9)), Reason::TooSmall, 9, 10);
    let cheap = || {
        let mut instrument = spot();
        instrument.min_notional = Amount::new(6_000_001_001);
        Risk::new(&RiskConfig { instruments: config().instruments[..1].to_vec(), ..config() }, &[instrument], 1)
            .unwrap()
    };
    refused(cheap().check(Ts::new(1), &buy(1, 100), BOOK), Reason::TooSmall, 6_000_001_000, 6_000_001_001);
    assert_eq!(cheap().check(Ts::new(1), &buy(1, 101), BOOK), Ok(buy(1, 101)));
    let low = OrderSent { price: Price::new(5_950_000), ..sell(1, 100) };
    refused(cheap().check(Ts::new(1), &low, BOOK), Reason::TooSmall, 5_950_000_000, 6_000_001_001);
}

#[test]
fn bad_price_2017() {
    refused(check(&config(), &OrderSent { price: Price::ZERO, ..buy(1, 100) }), Reason::BadPrice, 0, 1);
    refused(check(&config(), &OrderSent { price: Price::new(-5), ..buy(1, 100) }), Reason::BadPrice, -5, 1);
}

/// An order that breaks every rule, mended one rule at a time: the refusals come in the documented order.
#[test]
fn checks_come_in_their_order() {
    let limits = |config: &mut RiskConfig| {
        for limits in &mut config.instruments {
            limits.max_order_value = Amount::new(7_000_000_000);
            limits.max_position = Amount::new(100_000);
            limits.max_order_qty = qty(400);
        }
    };
    let mut config = RiskConfig {
        max_messages: 4,
        message_window_ns: 100,
        max_executions: 1,
        execution_window_ns: 100,
        duplicate_window_ns: 1_000,
        max_open_orders: 2,
        needs_funds: true,
        ..config()
    };
    limits(&mut config);
    let mut risk = risk(&config);
    for i in 1..=2 {
        risk.on_sent(Ts::new(1), &buy(i, 50));
        risk.on_cancel_sent(Ts::new(1));
    }
    risk.on_fill(Ts::new(1), &fill(&buy(2, 50), 10));
    risk.set_kill(&kill(KillScope::All, 0, true));
    let mut order = OrderSent { price: Price::ZERO, ..at(9, buy(9, 9)) };
    let ask = |risk: &mut Risk, ts, order: &OrderSent, book| risk.check(Ts::new(ts), order, book).unwrap_err().reason;
    assert_eq!(ask(&mut risk, 2, &order, None), Reason::UnknownInstrument);
    order.instrument = InstrumentId(0);
    assert_eq!(ask(&mut risk, 2, &order, None), Reason::Killed);
    risk.set_kill(&kill(KillScope::All, 0, false));
    assert_eq!(ask(&mut risk, 2, &order, None), Reason::RepeatedExecution);
    risk.enable_strategy(&EnableStrategy { strategy: 7, operator: 1 }).unwrap();
    assert_eq!(ask(&mut risk, 2, &order, None), Reason::MessageRate);
    assert_eq!(ask(&mut risk, 200, &order, None), Reason::BadPrice);
    order.price = Price::new(1);
    assert_eq!(ask(&mut risk, 200, &order, None), Reason::TooSmall);
    order.order_qty = qty(500);
    assert_eq!(ask(&mut risk, 200, &order, None), Reason::MaxOrderQty);
    order.order_qty = qty(400);
    assert_eq!(ask(&mut risk, 200, &order, None), Reason::NoReference);
    assert_eq!(ask(&mut risk, 200, &order, BOOK), Reason::PriceCollar);
    order.price = Price::new(6_000_001);
    assert_eq!(ask(&mut risk, 200, &order, BOOK), Reason::MaxOrderValue);
    order.order_qty = qty(50);
    assert_eq!(ask(&mut risk, 200, &order, BOOK), Reason::DuplicateOrder);
    order.order_qty = qty(51);
    assert_eq!(ask(&mut risk, 200, &order, BOOK), Reason::MaxOpenOrders);
    risk.on_update(&updated(&buy(1, 50), OrdStatus::Canceled, 0));
    assert_eq!(ask(&mut risk, 200, &order, BOOK), Reason::MaxPosition);
    order.order_qty = qty(30);
    assert_eq!(ask(&mut risk, 200, &order, BOOK), Reason::InsufficientBalance);
}

#[test]
fn limits_that_can_not_be_enforced_are_refused() {
    let instruments = [spot(), linear(), inverse()];
    let error = |config: RiskConfig| config.check(&instruments).unwrap_err();
    let text = error(RiskConfig { collar: Fraction::ZERO, ..config() }).to_string();
    assert_eq!(text, "risk.collar is 0; it must be at least 1");
    assert!(matches!(
        error(RiskConfig { max_open_orders: 0, ..config() }),
        ConfigError::TooLow { key: "max_open_orders", .. }
    ));
    assert!(matches!(
        error(RiskConfig { max_messages: 1, ..config() }),
        ConfigError::TooLow { key: "message_window_ns", .. }
    ));
    assert!(matches!(error(limited(|l| l.max_position = Amount::ZERO)), ConfigError::TooLow { .. }));
    let fee = error(limited(|l| l.fee = Fraction::new(-1)));
    assert!(matches!(fee, ConfigError::TooLow { key: "instruments.fee", value: -1, least: 0 }));
    let total = |asset, max| TotalLimit { asset: AssetId(asset), max_position: Amount::new(max) };
    let totals = |max_total_position| error(RiskConfig { max_total_position, ..config() });
    assert!(matches!(totals(vec![total(0, 0)]), ConfigError::TooLow { .. }));
    assert_eq!(totals(vec![total(0, 1), total(0, 2)]), ConfigError::TotalAsset(AssetId(0)));
    assert_eq!(
        totals(vec![total(1, 1)]).to_string(),
        "risk.max_total_position names asset 1; name each base asset at most once"
    );
    assert!(matches!(
        error(RiskConfig { instruments: vec![], ..config() }),
        ConfigError::InstrumentCount { limits: 0, .. }
    ));
    let free = RiskConfig { needs_funds: true, ..limited(|l| l.initial_margin = Fraction::ZERO) };
    assert!(matches!(error(free), ConfigError::TooLow { key: "instruments.initial_margin", .. }));
}
