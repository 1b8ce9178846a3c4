//! Standard margin: published rules by hand, an exact oracle, and what always holds.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{STEP, factor, option, perpetual, rate};
use proptest::prelude::*;
use tiderace_margin::order::spot_held;
use tiderace_margin::{Model, OpenOrders, Quotes, Terms, Wanted};
use tiderace_types::PutOrCall::{Call, Put};
use tiderace_types::{Amount, InstrumentKind, Price, Qty, Rate, Side, Style};

/// Deribit's options: support.deribit.com, "Initial margin" and "Maintenance margin" of short calls and puts.
const DERIBIT: &str = r#"{"model": "option", "rate": "0.15", "floor": "0.10", "maintenance": "0.075",
    "put_maintenance_of_mark": "0.075", "initial_at_least_maintenance": "put", "factor": "1", "unit": "coin",
    "otm_of": "index"}"#;

fn model(json: &str) -> Model {
    serde_json::from_str(json).unwrap()
}

fn tiered(initial: &str, maintenance: &str, per_unit: &str) -> Model {
    Model::Tiered { initial: factor(initial), maintenance: factor(maintenance), per_unit: factor(per_unit) }
}

fn quotes(mark: &str, index: &str) -> Quotes {
    Quotes { mark: rate(mark), index: rate(index), forward: None }
}

fn both(terms: &Terms, model: &Model, lots: i64, quotes: &Quotes) -> (i128, i128) {
    let requirement = terms.requirement(model, lots, quotes).unwrap();
    (requirement.initial.get(), requirement.maintenance.get())
}

#[test]
fn a_linear_perpetual_pays_its_rate_and_more_with_size() {
    let terms = Terms::of(&perpetual(0, Style::Linear, STEP), 6).unwrap();
    let model = tiered("0.02", "0.01", "0.00005");
    // 100 BTC at 60 000: 2 % + 100 x 0.005 % = 2.5 % and 1.5 % of 6 000 000.
    let at = quotes("60000", "59990");
    assert_eq!(both(&terms, &model, 100_000, &at), (150_000_000_000, 90_000_000_000));
    assert_eq!(both(&terms, &model, -100_000, &at), (150_000_000_000, 90_000_000_000));
    assert_eq!(both(&terms, &model, 0, &at), (0, 0));
    // 0.001 BTC at 0.01: 2 % + 0.000005 % of 0.00001, which is less than a base unit: rounded up.
    assert_eq!(both(&terms, &model, 1, &quotes("0.01", "1")), (1, 1));
}

#[test]
fn an_inverse_perpetual_pays_in_the_coin() {
    // Contracts of 10 USD, a lot of 0.001 of them; 100 000 contracts at 62 500 are 16 BTC.
    let terms = Terms::of(&perpetual(0, Style::Inverse, 10 * STEP), 8).unwrap();
    let model = tiered("0.02", "0.01", "0.000000005");
    // 2 % + 1 000 000 x 0.0000005 % = 2.5 %.
    assert_eq!(both(&terms, &model, 100_000_000, &quotes("62500", "62500")), (40_000_000, 24_000_000));
    assert_eq!(terms.requirement(&model, 1, &quotes("0", "1")), None);
    assert_eq!(terms.requirement(&model, i64::MAX, &quotes("0.000000000000000001", "1")), None);
}

#[test]
fn a_quanto_pays_in_the_asset_it_settles_in() {
    let terms = Terms::of(&perpetual(0, Style::Quanto, STEP / 1_000), 8).unwrap();
    // 0.001 x 2 000 contracts x 3 000 = 6 000 units of 10^-8, 1 % of them.
    let (initial, _) = both(&terms, &tiered("0.01", "0.01", "0"), 2_000_000, &quotes("3000", "3000"));
    assert_eq!(initial, 6_000_000_000);
}

#[test]
fn deribits_short_options_come_out_by_hand() {
    let at = |strike, put_or_call, mark: &str| {
        let terms = Terms::of(&option(0, strike, put_or_call, Style::Inverse), 8).unwrap();
        both(&terms, &model(DERIBIT), -1_000, &quotes(mark, "60000"))
    };
    let coins = |initial: i128, maintenance: i128| (initial * 10_000, maintenance * 10_000);
    // At the money: 0.15 + mark, 0.075 + mark.
    assert_eq!(at(60_000.0, Call, "0.03"), coins(1_800, 1_050));
    // 2.5 % out of the money: 0.15 - 0.025 + mark.
    assert_eq!(at(61_500.0, Call, "0.02"), coins(1_450, 950));
    assert_eq!(at(58_500.0, Put, "0.02"), coins(1_450, 950));
    // 10 % out of the money: the floor.
    assert_eq!(at(66_000.0, Call, "0.01"), coins(1_100, 850));
    // A put worth 3 coins: maintenance 0.075 x 3 + 3, and initial at least that.
    assert_eq!(at(240_000.0, Put, "3"), coins(32_250, 32_250));
    assert_eq!(at(20_000.0, Call, "3"), coins(31_500, 30_750));
    // Long options are paid for.
    let terms = Terms::of(&option(0, 60_000.0, Put, Style::Inverse), 8).unwrap();
    assert_eq!(both(&terms, &model(DERIBIT), 5, &quotes("0.03", "60000")), (0, 0));
}

#[test]
fn a_linear_option_counts_the_underlying_at_its_price_and_may_look_at_the_forward() {
    let text = r#"{"model": "option", "rate": "0.15", "floor": "0.10", "maintenance": "0.075", "factor": "1.3",
        "otm_of": "forward"}"#;
    let terms = Terms::of(&option(0, 62_000.0, Call, Style::Linear), 6).unwrap();
    let forward = Some(rate("61000"));
    let at = Quotes { forward, ..quotes("1500", "60000") };
    // (0.15 x 60 000 - 1 000) x 1.3 + 1 500 and 0.075 x 60 000 x 1.3 + 1 500, for 2 contracts.
    assert_eq!(both(&terms, &model(text), -2_000, &at), (23_800_000_000, 14_700_000_000));
    let without = Quotes { forward: None, ..at };
    assert_eq!(both(&terms, &model(text), -2_000, &without).0, 21_200_000_000);
}

#[test]
fn a_short_binary_owes_what_it_may_have_to_pay() {
    let mut binary = option(0, 60_000.0, Call, Style::Linear);
    binary.kind = InstrumentKind::Binary;
    binary.contract_multiplier = 100 * STEP;
    let terms = Terms::of(&binary, 6).unwrap();
    assert_eq!(both(&terms, &tiered("0.1", "0.1", "0"), -3_000, &quotes("0.4", "60000")), (300_000_000, 300_000_000));
    assert_eq!(both(&terms, &tiered("0.1", "0.1", "0"), 3_000, &quotes("0.4", "60000")), (0, 0));
}

#[test]
fn a_model_with_an_unknown_word_is_refused() {
    for text in [
        r#"{"model": "span"}"#,
        r#"{"model": "tiered", "initial": "0.02", "maintenance": "0.01", "per_lot": "1"}"#,
        r#"{"model": "tiered", "initial": 0.02, "maintenance": "0.01"}"#,
        r#"{"model": "tiered", "initial": "2 %", "maintenance": "0.01"}"#,
    ] {
        assert!(serde_json::from_str::<Model>(text).is_err(), "{text}");
    }
}

fn order(side: Side, lots: i64, limit: &str, fee: i128) -> Wanted {
    Wanted { side, qty: Qty::new(lots).unwrap(), limit: rate(limit), fee: Amount::new(fee) }
}

#[test]
fn orders_hold_the_worse_side_and_what_their_fills_lose() {
    let terms = Terms::of(&perpetual(0, Style::Linear, STEP), 6).unwrap();
    let (model, at) = (tiered("0.02", "0.01", "0"), quotes("60000", "60000"));
    let held = |orders: &[Wanted], position: i64| {
        let open = orders
            .iter()
            .fold(OpenOrders::default(), |open, order| open.with(&terms.held(order, at.mark).unwrap()).unwrap());
        open.margin(&terms, Some(&model), position, &at).unwrap().get()
    };
    // 1 BTC either way: 1 200 USDC; both sides together hold one of them.
    assert_eq!(held(&[order(Side::Buy, 1_000, "59000", 0)], 0), 1_200_000_000);
    assert_eq!(held(&[order(Side::Buy, 1_000, "59000", 0), order(Side::Sell, 1_000, "61000", 0)], 0), 1_200_000_000);
    // A sale that closes a long holds nothing, one that turns it only what is beyond.
    assert_eq!(held(&[order(Side::Sell, 1_000, "60000", 0)], 1_000), 0);
    assert_eq!(held(&[order(Side::Sell, 3_000, "60000", 0)], 1_000), 1_200_000_000);
    // A limit 100 beyond the mark loses 100, a fee is held too, a rebate is not.
    assert_eq!(held(&[order(Side::Buy, 1_000, "60100", 30_000_000)], 0), 1_330_000_000);
    assert_eq!(held(&[order(Side::Buy, 1_000, "60000", -5)], 0), 1_200_000_000);
}

#[test]
fn a_bought_option_holds_its_premium_unless_it_closes_a_short_one() {
    let terms = Terms::of(&option(0, 60_000.0, Call, Style::Inverse), 8).unwrap();
    let (model, at) = (model(DERIBIT), quotes("0.03", "60000"));
    let buy = terms.held(&order(Side::Buy, 1_000, "0.035", 30_000), at.mark).unwrap();
    let open = OpenOrders::default().with(&buy).unwrap();
    assert_eq!(open.margin(&terms, Some(&model), 0, &at).unwrap().get(), 3_530_000);
    // Short one: the fill takes away its debt of 0.03 and loses 0.005.
    assert_eq!(open.margin(&terms, Some(&model), -1_000, &at).unwrap().get(), 530_000);
    assert_eq!(open.without(&buy), Some(OpenOrders::default()));
    let sell = terms.held(&order(Side::Sell, 1_000, "0.03", 0), at.mark).unwrap();
    let open = OpenOrders::default().with(&sell).unwrap();
    assert_eq!(open.margin(&terms, Some(&model), 0, &at).unwrap().get(), 18_000_000);
    assert_eq!(open.margin(&terms, None, 0, &at).unwrap().get(), 0);
}

#[test]
fn a_spot_order_holds_what_it_hands_over() {
    let mut spot = perpetual(0, Style::Linear, STEP);
    spot.kind = InstrumentKind::Spot;
    let (qty, price) = (Qty::new(1_500).unwrap(), Price::new(600_000_000));
    let buy = spot_held(&spot, Side::Buy, qty, price, Amount::new(90_000_000)).unwrap();
    assert_eq!((buy.asset, buy.amount.get()), (spot.quote, 90_090_000_000));
    let sell = spot_held(&spot, Side::Sell, qty, price, Amount::new(90)).unwrap();
    assert_eq!((sell.asset, sell.amount.get()), (spot.base, 150_000_000));
    let terms = Terms::of(&spot, 6).unwrap();
    assert_eq!(both(&terms, &tiered("1", "1", "0"), 5, &quotes("1", "1")), (0, 0));
}

/// `top` / `bottom`, rounded up.
fn up(top: i128, bottom: i128) -> i128 {
    (top + bottom - 1) / bottom
}

proptest! {
    #[test]
    fn tiered_margin_is_the_exact_fraction_rounded_up(
        lots in 1i64..1_000_000_000, cents in 1i128..100_000_000, base in 0i128..10_000, per_unit in 0i128..1_000_000,
    ) {
        let model = tiered(&format!("0.{base:04}"), "0", &format!("0.00{per_unit:06}"));
        let at = quotes(&format!("{}.{:02}", cents / 100, cents % 100), "1");
        let wide = i128::from(lots);
        // Lots of 0.001: rate = base / 10^4 + per_unit / 10^8 x lots / 10^3.
        let rate = base * 10_000_000 + per_unit * wide;
        let terms = Terms::of(&perpetual(0, Style::Linear, STEP), 6).unwrap();
        prop_assert_eq!(both(&terms, &model, lots, &at).0, up(wide * cents * rate, 10_000_000_000));
        // Inverse, contracts of 1: lots / 10^3 / (cents / 100) x rate in 10^-8.
        let terms = Terms::of(&perpetual(0, Style::Inverse, STEP), 8).unwrap();
        prop_assert_eq!(both(&terms, &model, lots, &at).0, up(wide * rate, 10_000 * cents));
    }

    #[test]
    fn option_margin_in_coin_is_the_exact_fraction_rounded_up(
        lots in 1i64..1_000_000, index in 1i128..50_000_000, strike in 1i64..50_000_000, mark in 0i128..30_000,
        is_put: bool, shares in [0i128..1_000, 0i128..1_000, 0i128..1_000, 0i128..1_000],
    ) {
        let [rate, floor, maintenance, of_mark] = shares;
        let text = |share: i128| format!("0.{share:03}");
        let json = format!(
            r#"{{"model": "option", "rate": "{}", "floor": "{}", "maintenance": "{}", "put_maintenance_of_mark": "{}",
            "initial_at_least_maintenance": "put", "unit": "coin"}}"#,
            text(rate), text(floor), text(maintenance), text(of_mark));
        let instrument = option(0, strike as f64 / 100.0, if is_put { Put } else { Call }, Style::Inverse);
        let terms = Terms::of(&instrument, 8).unwrap();
        let at = quotes(
            &format!("{}.{:04}", mark / 10_000, mark % 10_000),
            &format!("{}.{:02}", index / 100, index % 100),
        );
        // Everything times index x 10^7, prices in cents, the mark in 10^-4.
        let otm = if is_put { index - i128::from(strike) } else { i128::from(strike) - index }.max(0);
        let mark = mark * index * 1_000;
        let initial = (rate * index * 10_000 - otm * 10_000_000).max(floor * index * 10_000) + mark;
        let put = if is_put { of_mark * mark / 1_000 } else { 0 };
        let kept = (maintenance * index * 10_000).max(put) + mark;
        let initial = if is_put { initial.max(kept) } else { initial };
        let coins = |value: i128| up(i128::from(lots) * value, index * 100);
        prop_assert_eq!(both(&terms, &model(&json), -lots, &at), (coins(initial), coins(kept)));
    }

    #[test]
    fn a_short_option_never_needs_less_than_none_and_margin_grows_with_size(
        lots in 1i64..1_000_000, mark in 0u32..30_000, strike in 1u32..500_000,
    ) {
        let terms = Terms::of(&option(0, f64::from(strike), Put, Style::Inverse), 8).unwrap();
        let at = quotes(&format!("{}.{:04}", mark / 10_000, mark % 10_000), "60000");
        let (one, more) = (both(&terms, &model(DERIBIT), -lots, &at), both(&terms, &model(DERIBIT), -lots - 1, &at));
        prop_assert!(one.0 > 0 && one.1 > 0 && one.0 >= one.1);
        prop_assert!(more.0 >= one.0 && more.1 >= one.1);
    }

    #[test]
    fn one_more_order_never_holds_less_and_leaves_as_it_came(
        position in -5_000i64..5_000, orders in prop::collection::vec((any::<bool>(), 1i64..3_000, 1u32..200), 1..8),
    ) {
        for (terms, model) in [
            (Terms::of(&perpetual(0, Style::Linear, STEP), 6).unwrap(), tiered("0.02", "0.01", "0.00005")),
            (Terms::of(&option(0, 110.0, Call, Style::Linear), 6).unwrap(), Model::Option {
                rate: factor("0.15"), floor: factor("0.1"), maintenance: factor("0.075"),
                put_maintenance_of_mark: factor("0"), initial_at_least_maintenance: Default::default(),
                factor: factor("1"), unit: Default::default(), otm_of: Default::default(),
            }),
        ] {
            let at = Quotes { mark: rate("100"), index: rate("100"), forward: None };
            let mut open = OpenOrders::default();
            let mut last = 0;
            for (is_buy, lots, limit) in &orders {
                let side = if *is_buy { Side::Buy } else { Side::Sell };
                let limit = Rate::new(i128::from(*limit) * Rate::ONE.get());
                let wanted = Wanted { side, qty: Qty::new(*lots).unwrap(), limit, fee: Amount::new(7) };
                let held = terms.held(&wanted, at.mark).unwrap();
                let with = open.with(&held).unwrap();
                prop_assert_eq!(with.without(&held), Some(open));
                let margin = with.margin(&terms, Some(&model), position, &at).unwrap().get();
                prop_assert!(margin >= last);
                (open, last) = (with, margin);
            }
        }
    }
}
