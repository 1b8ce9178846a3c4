//! What time does: funding, the daily settlement, interest, expiry.

mod world;

use tiderace_clear::config::MemberTerms;
use tiderace_clear::config::{ContractTerms, Funding, FundingKind, HOUR_NS};
use tiderace_clear::{Action, Clearing, Fund, House, Layer, LedgerAccount, basis_mark};
use tiderace_types::{Amount, Fraction, Price, PutOrCall, Reason, Ts};
use world::*;

fn at(hours: i64) -> Ts {
    START.plus_ns(hours * HOUR_NS)
}

fn funded(kind: FundingKind) -> Clearing {
    let funding = match kind {
        FundingKind::Periodic => Funding {
            kind,
            interval_ns: 8 * HOUR_NS,
            interest: Fraction::new(100_000),
            clamp: Fraction::new(500_000),
            cap: Fraction::new(7_500_000),
        },
        FundingKind::Continuous => Funding {
            kind,
            interval_ns: 8 * HOUR_NS,
            interest: Fraction::ZERO,
            clamp: Fraction::new(250_000),
            cap: Fraction::new(5_000_000),
        },
    };
    let contract = ContractTerms { funding: Some(funding), margin: tiered("0.02", "0.01"), ..terms(perp(0)) };
    Clearing::new(config(vec![contract], vec![with(&[(USDC, usdc(10_000))]); 2])).unwrap()
}

fn indexed(kind: FundingKind) -> Clearing {
    let mut c = funded(kind);
    c.set_index(BTC, index(50_000)).unwrap();
    c
}

fn fund(c: &Clearing) -> i128 {
    c.total(LedgerAccount::House(House::Rounding), USDC).get()
}

#[test]
fn funding_is_the_mean_premium_pulled_towards_interest() {
    let mut c = indexed(FundingKind::Periodic);
    // Half the time at +0.2 %, half at +0.4 %: P = 0.3 %; rate = 0.3 % - 0.05 % = 0.25 %.
    c.set_mark(PERP, Price::new(100_200)).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_400, 1_000)).unwrap();
    let mut out = Vec::new();
    c.advance(at(4), &mut out);
    c.set_mark(PERP, Price::new(100_400)).unwrap();
    c.advance(at(8), &mut out);
    assert!(out.contains(&Action::FundingPaid { instrument: PERP, rate: 2_500_000_000_000_000 }));
    // 50,200 x 0.25 % = 125.5, and the settlement at 50,200 against 50,200 is nothing.
    assert_eq!((total(&c, 0, USDC), total(&c, 1, USDC)), (9_874_500_000, 10_125_500_000));
    assert!(c.is_balanced());
}

#[test]
fn a_rate_is_capped() {
    let mut c = indexed(FundingKind::Periodic);
    c.set_mark(PERP, Price::new(110_000)).unwrap();
    c.fill(&fill(PERP, 0, 1, 110_000, 1)).unwrap();
    let mut out = Vec::new();
    c.advance(at(8), &mut out);
    assert!(out.contains(&Action::FundingPaid { instrument: PERP, rate: 7_500_000_000_000_000 }));
}

#[test]
fn continuous_funding_is_paid_by_the_hour_beyond_a_dead_band() {
    let mut c = indexed(FundingKind::Continuous);
    // P = 0.1 %: rate 0.075 % over 8 hours.
    c.set_mark(PERP, Price::new(100_100)).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_100, 1_000)).unwrap();
    let mut out = Vec::new();
    c.advance(at(1), &mut out);
    // 50,050 x 0.075 % / 8 = 4.6921875.
    assert_eq!((total(&c, 0, USDC), total(&c, 1, USDC)), (9_995_307_812, 10_004_692_187));
    c.set_mark(PERP, Price::new(100_000)).unwrap();
    c.advance(at(2), &mut out);
    assert_eq!(total(&c, 0, USDC), 9_995_307_812);
    c.advance(at(8), &mut out);
    assert_eq!(fund(&c), 1, "what novation has left after the daily settlement");
    assert!(c.is_balanced());
}

#[test]
fn funding_without_an_index_says_so() {
    let mut c = funded(FundingKind::Periodic);
    let mut out = Vec::new();
    c.advance(at(8), &mut out);
    assert!(out.contains(&Action::Missing { instrument: PERP, reason: Reason::StaleIndex }));
}

#[test]
fn open_profit_becomes_cash_at_eight_and_sums_to_zero_with_the_rounding() {
    let contract = ContractTerms { margin: tiered("0.02", "0.01"), ..terms(inverse(0)) };
    let mut c = Clearing::new(config(vec![contract], vec![with(&[(BTC, btc(100_000_000))]); 3])).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_003, 33)).unwrap();
    c.fill(&fill(PERP, 0, 2, 100_013, 17)).unwrap();
    c.set_mark(PERP, Price::new(91_117)).unwrap();
    let equity = c.standing(account(0), BTC).equity;
    let mut out = Vec::new();
    c.advance(at(8), &mut out);
    assert_eq!(c.balance(account(0), BTC).total, equity);
    assert_eq!(c.position(account(0), PERP).unwrap().open, 0);
    assert_eq!(c.total(LedgerAccount::House(House::Novation), BTC), Amount::ZERO);
    let rest = c.total(LedgerAccount::House(House::Rounding), BTC).get();
    assert!((0..=3).contains(&rest), "{rest}");
    let sum: i128 = (0..3).map(|id| total(&c, id, BTC)).sum();
    assert_eq!(sum + rest, 300_000_000);
}

#[test]
fn a_debt_pays_interest_rounded_up() {
    let mut base = config(vec![terms(perp(0))], vec![with(&[]), with(&[])]);
    base.interest = Fraction::new(100_000_000);
    let mut c = Clearing::new(base).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c.set_mark(PERP, Price::new(99_998)).unwrap();
    c.advance(at(8), &mut Vec::new());
    // 1 USDC owed x 10 % / 365.
    assert_eq!(total(&c, 0, USDC), -1_000_000 - 274);
    assert!(c.is_balanced());
}

#[test]
fn a_future_expires_at_the_average_of_its_window() {
    let mut c = Clearing::new(config(
        vec![terms(future(0, at(10)))],
        vec![with(&[(USDC, usdc(10_000))]), with(&[(USDC, usdc(10_000))])],
    ))
    .unwrap();
    let mut out = Vec::new();
    c.set_index(BTC, index(40_000)).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c.set_mark(PERP, Price::new(100_000)).unwrap();
    c.advance(at(9).plus_ns(HOUR_NS / 2), &mut out);
    c.set_index(BTC, index(50_000)).unwrap();
    c.advance(at(9).plus_ns(HOUR_NS * 3 / 4), &mut out);
    assert_eq!(c.delta_left(PERP), 500_000_000_000_000_000 + 500_000_000_000_000_000);
    c.set_index(BTC, index(50_001)).unwrap();
    assert_eq!(c.delta_left(PERP), 500_000_000_000_000_000);
    c.advance(at(10), &mut out);
    assert!(out.contains(&Action::Expired { instrument: PERP, price: 50_000_500_000_000_000 }));
    assert_eq!((total(&c, 0, USDC), total(&c, 1, USDC)), (10_000_500_000, 9_999_500_000));
    assert_eq!(c.fill(&fill(PERP, 0, 1, 1, 1)).unwrap_err().reason, Reason::InstrumentExpired);
    assert_eq!(c.set_settlement(PERP, Price::new(1)).unwrap_err().reason, Reason::InstrumentExpired);
    assert!(c.is_balanced());
}

#[test]
fn a_price_that_never_comes_is_named_and_settles_when_it_does() {
    let mut c = Clearing::new(config(
        vec![terms(future(0, at(1)))],
        vec![with(&[(USDC, usdc(10_000))]), with(&[(USDC, usdc(10_000))])],
    ))
    .unwrap();
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    let mut out = Vec::new();
    c.advance(at(2), &mut out);
    assert_eq!(out, [Action::Missing { instrument: PERP, reason: Reason::NoSettlementPrice }]);
    c.set_settlement(PERP, Price::new(100_100)).unwrap();
    c.advance(at(2), &mut out);
    assert_eq!(total(&c, 0, USDC), 10_050_000_000);
}

#[test]
fn options_and_binaries_pay_what_they_promise() {
    let of = [
        terms(option(0, at(1), 50_000, PutOrCall::Call)),
        terms(option(1, at(1), 50_000, PutOrCall::Put)),
        terms(binary(2, at(1), 50_000, PutOrCall::Call)),
        terms(binary(3, at(1), 50_100, PutOrCall::Call)),
        terms(tiderace_types::Instrument {
            style: tiderace_types::Style::Inverse,
            settle: BTC,
            ..option(4, at(1), 50_000, PutOrCall::Call)
        }),
    ];
    let accounts = vec![with(&[(USDC, usdc(10_000)), (BTC, btc(100_000_000))]); 2];
    let mut c = Clearing::new(config(of.to_vec(), accounts)).unwrap();
    for row in 0..5 {
        let of = fill(tiderace_types::InstrumentId(row), 0, 1, 1, 1_000);
        // The premium: half a unit of the settlement asset each.
        c.fill(&of).unwrap();
    }
    let (usdc_before, btc_before) = (total(&c, 0, USDC), total(&c, 0, BTC));
    c.set_index(BTC, index(50_100)).unwrap();
    let mut out = Vec::new();
    c.advance(at(1), &mut out);
    // Call 100, put nothing, a binary beyond its strike one, one at its strike nothing; 100 / 50,100 in coin.
    assert_eq!(total(&c, 0, USDC) - usdc_before, 101_000_000);
    assert_eq!(total(&c, 0, BTC) - btc_before, 199_600);
    assert_eq!(c.total(LedgerAccount::House(House::Rounding), BTC), Amount::new(1));
    assert!(c.is_balanced());
}

#[test]
fn a_loser_is_not_taken_below_zero_and_gains_bear_what_no_layer_has() {
    let accounts =
        vec![with(&[(USDC, usdc(100))]), with(&[(USDC, usdc(50))]), with(&[(USDC, usdc(1_000))]), with(&[]), with(&[])];
    let mut base = config(vec![terms(future(0, at(1)))], accounts);
    base.insurance = vec![(USDC, Amount::new(29_999_999))];
    let mut c = Clearing::new(base).unwrap();
    // 0 loses 200 and has 100; 1 loses 50; 2 loses 50; 3 gains 200, 4 gains 100.
    c.fill(&fill(PERP, 0, 3, 100_000, 200)).unwrap();
    c.fill(&fill(PERP, 1, 4, 100_000, 50)).unwrap();
    c.fill(&fill(PERP, 2, 4, 100_000, 50)).unwrap();
    c.set_settlement(PERP, Price::new(98_000)).unwrap();
    let mut out = Vec::new();
    c.advance(at(1), &mut out);
    assert_eq!([0, 1, 2].map(|id| total(&c, id, USDC)), [0, 0, 950_000_000]);
    assert_eq!(c.fund(Fund::Insurance, USDC), Amount::ZERO);
    // 70.000001 of 300: 46.66666733 and 23.33333367.
    assert_eq!([3, 4].map(|id| total(&c, id, USDC)), [153_333_333, 76_666_666]);
    assert!(c.is_balanced());
}

#[test]
fn a_capped_future_settles_at_its_cap() {
    let contract = ContractTerms { cap: Some(Price::new(101_000)), ..terms(future(0, at(1))) };
    let accounts = vec![with(&[(USDC, usdc(10_000))]); 2];
    let mut c = Clearing::new(config(vec![contract], accounts)).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c.set_mark(PERP, Price::new(120_000)).unwrap();
    assert_eq!(c.standing(account(0), USDC).equity, usdc(10_500));
    c.set_settlement(PERP, Price::new(120_000)).unwrap();
    c.advance(at(1), &mut Vec::new());
    assert_eq!(total(&c, 0, USDC), 10_500_000_000);
}

#[test]
fn a_mark_stays_within_its_basis() {
    let c = perps(1);
    let contract = c.contract(PERP).unwrap();
    let of = |fair| basis_mark(contract, Price::new(fair), index(50_000).get(), Fraction::new(5_000_000)).get();
    assert_eq!((of(100_100), of(110_000), of(90_000)), (100_100, 100_500, 99_500));
}

#[test]
fn a_contract_with_a_basis_bound_is_marked_within_it_as_the_index_moves() {
    let contract = ContractTerms { basis_max: Some(Fraction::new(5_000_000)), ..terms(perp(0)) };
    let mut c = Clearing::new(config(vec![contract], vec![with(&[(USDC, usdc(10_000))]); 2])).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c.set_mark(PERP, Price::new(110_000)).unwrap();
    c.set_index(BTC, index(50_000)).unwrap();
    assert_eq!((c.mark(PERP), c.standing(account(0), USDC).equity), (Some(Price::new(100_500)), usdc(10_250)));
    c.set_index(BTC, index(60_000)).unwrap();
    assert_eq!(c.mark(PERP), Some(Price::new(119_400)));
}

#[test]
fn the_end_of_time_is_reached() {
    let mut c = indexed(FundingKind::Periodic);
    c.advance(Ts::MAX, &mut Vec::new());
    assert_eq!(c.now(), Ts::MAX);
}

#[test]
fn what_a_loser_cannot_pay_and_no_gain_bears_is_a_loss_by_name() {
    let accounts = vec![with(&[(USDC, usdc(100))]), with(&[(USDC, usdc(5))]), with(&[(USDC, usdc(100))])];
    let mut c = Clearing::new(config(vec![terms(future(0, at(6)))], accounts)).unwrap();
    // 1 BTC: 1 sells at 100, 0 buys, and sells on to 2 at 110: its gain is cash before anyone expires.
    c.fill(&fill(PERP, 0, 1, 200, 1_000)).unwrap();
    c.fill(&fill(PERP, 2, 0, 220, 1_000)).unwrap();
    c.set_settlement(PERP, Price::new(220)).unwrap();
    let mut out = Vec::new();
    c.advance(at(6), &mut out);
    let nobody =
        Action::LayerUsed { account: account(1), layer: Layer::Nobody, member: None, asset: USDC, amount: usdc(5) };
    assert!(out.contains(&nobody), "{out:?}");
    assert_eq!([0, 1, 2].map(|of| total(&c, of, USDC)), [110_000_000, 0, 100_000_000]);
    assert_eq!(fund(&c), 0);
    assert_eq!(c.total(LedgerAccount::House(House::Default), USDC), Amount::new(-5_000_000));
    assert!(c.is_balanced());
}

#[test]
fn all_pay_what_they_can_at_expiry_before_a_member_is_assessed() {
    let accounts = vec![with(&[(USDC, usdc(10))]), with(&[(USDC, usdc(100))]), with(&[(USDC, usdc(1_000))])];
    let mut of = config(vec![terms(future(0, at(6)))], accounts);
    of.members[0] = MemberTerms { mutual: vec![(USDC, usdc(40))], account: Some(account(1)), ..MemberTerms::default() };
    let mut c = Clearing::new(of).unwrap();
    // Both buy 1 BTC at 100 of 2; it settles at 20. 0 lacks 70, 1 owes 80 and keeps 20 for an assessment.
    c.fill(&fill(PERP, 0, 2, 200, 1_000)).unwrap();
    c.fill(&fill(PERP, 1, 2, 200, 1_000)).unwrap();
    c.set_settlement(PERP, Price::new(40)).unwrap();
    let mut out = Vec::new();
    c.advance(at(6), &mut out);
    assert_eq!([0, 1].map(|of| total(&c, of, USDC)), [0, 0]);
    // 160 gained: 10 + 80 paid, 40 from the mutual fund, 20 assessed, 10 short.
    assert_eq!(total(&c, 2, USDC), 1_150_000_000);
    let assessed = |action: &Action| matches!(action, Action::LayerUsed { layer: Layer::Assessment, amount, .. } if *amount == usdc(20));
    assert!(out.iter().any(assessed), "{out:?}");
    assert!(c.is_balanced());
}
