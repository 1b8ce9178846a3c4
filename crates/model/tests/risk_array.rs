//! Risk arrays: golden integers, the formulae that they follow, and what is refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use tiderace_model::black::Black76;
use tiderace_model::risk_array::{
    DeltaOne, Discount, EXTRA, ExpiryShocks, ForwardMove, Market, OptionTerms, Payoff, Shock, Shocks, Skew, VolMove,
    VolShock, from_rate, scale_down, scale_up, to_entry, to_entry_up,
};
use tiderace_types::PutOrCall::{Call, Put};
use tiderace_types::{Rate, Reason};

fn shocks() -> Shocks {
    let mut scenarios = Vec::new();
    for spot in [1.16, 1.08, 1.0, 0.92, 0.84] {
        scenarios.extend([VolMove::Up, VolMove::None, VolMove::Down].map(|vol| Shock { spot, vol }));
    }
    scenarios.extend([0.34, 3.0, 6.0].map(|spot| Shock { spot, vol: VolMove::Up }));
    scenarios.extend([VolMove::Linear, VolMove::Abs].map(|vol| Shock { spot: 1.0, vol }));
    Shocks {
        scenarios,
        vol: VolShock {
            up: 0.5,
            down: 0.275,
            short_term_power: 0.3,
            long_term_power: 0.13,
            days_floor: 1.0,
            reference_days: 30.0,
            min_vol_up: 0.45,
        },
        skew: Some(Skew {
            linear_cap: 0.15,
            linear_slope: -0.05,
            abs_cap: 0.15,
            abs_slope: -0.05,
            min_width: 0.01,
            width_scale: 4.0,
            vol_static: 0.6,
            vol_slope: -0.1,
        }),
        discount: Some(Discount {
            long_static: 0.95,
            long_rate_mult: 1.0,
            long_rate_add: 0.08,
            short_static: 1.04,
            short_rate_mult: 0.5,
            short_rate_add: 0.08,
        }),
        forward: Some(ForwardMove { up: 1.045, down: 0.955, add: 0.5, mult: 2.0 }),
    }
}

/// Derive's published case (v2-core, PMRM_2, test_19_structures_ITM_call_spread).
fn market() -> Market {
    let t = 794_852.0 / 31_536_000.0;
    Market { forward: 2_682.999_743_601_671_5, discount: 0.996_226_449_068_872_9, rate: 0.15, t }
}

fn option(strike: f64, vol: f64) -> OptionTerms {
    OptionTerms { strike, put_or_call: Call, vol, unit: 1.0, payoff: Payoff::Linear }
}

fn row(expiry: &ExpiryShocks, terms: &OptionTerms) -> Vec<i64> {
    let mut out = Vec::new();
    expiry.option(terms, &mut out).unwrap();
    out
}

/// FNV-1a over the little-endian bytes.
fn digest(entries: &[i64]) -> u64 {
    let bytes = entries.iter().flat_map(|entry| entry.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn a_whole_book_has_the_golden_digest_in_every_build() {
    let shocks = shocks();
    let mut out = Vec::new();
    for days in [0.0, 0.02, 1.0, 9.2, 30.0, 31.0, 180.0, 900.0] {
        let t = days / 365.0;
        let market = Market { forward: 60_000.0 + 13.7 * days, discount: 1.0 - 0.03 * t, rate: 0.03, t };
        let expiry = ExpiryShocks::new(&shocks, &market).unwrap();
        out.extend([expiry.long, expiry.short, expiry.share]);
        for strike in (0..40).map(|step| 5_000.0 + 5_000.0 * f64::from(step)) {
            for put_or_call in [Call, Put] {
                for (payoff, unit) in [(Payoff::Linear, 0.001), (Payoff::Coin, 0.1), (Payoff::Binary, 1.0)] {
                    let vol = 0.4 + 1e-11 * (strike - 60_000.0) * (strike - 60_000.0);
                    expiry.option(&OptionTerms { strike, put_or_call, vol, unit, payoff }, &mut out).unwrap();
                }
            }
        }
    }
    for is_inverse in [false, true] {
        shocks.delta_one(&DeltaOne { mark: 60_123.45, unit: 0.37, is_inverse }, &mut out).unwrap();
    }
    assert_eq!(out.len(), 8 * (3 + 40 * 2 * 3 * 23) + 2 * 23);
    assert_eq!(digest(&out), GOLDEN);
}

/// Changes only with the formulae, and then the rules version changes too. Last: options in the money became their
/// intrinsic value and the option out of the money, before any journal held what arrays are made of.
const GOLDEN: u64 = 12_394_817_876_736_951_811;

#[test]
fn vols_and_discounts_are_shocked_as_published() {
    let expiry = ExpiryShocks::new(&shocks(), &market()).unwrap();
    let scale = |value: i64| value as f64 / 1_099_511_627_776.0;
    assert!((scale(expiry.long) - 0.944_508_728_722_192_5).abs() < 1e-12);
    assert!((scale(expiry.short) - 1.003_787_844_555_476_4).abs() < 1e-12);
    // Up 1.7128, down 0.6080, linear 0.8875, both wings 1.1125 of a vol of 1.0557.
    let row = row(&expiry, &option(2_000.0, 1.055_668_159_178_37));
    let at = |vol, forward| {
        let Market { discount, t, .. } = market();
        let price = Black76 { forward, strike: 2_000.0, t, vol, discount, put_or_call: Call }.price().unwrap();
        (price * 1e12).round() as i64
    };
    let forward = market().forward;
    let expected = [
        (0, 1.808_160_432_245_022_2, forward * 1.16),
        (2, 0.641_797_408_991_711_4, forward * 1.16),
        (4, 1.055_668_159_178_37, forward * 1.08),
        (12, 1.808_160_432_245_022_2, forward * 0.84),
        (18, 1.055_668_159_178_37 * 0.887_485_738_017_887_3, forward),
        (19, 1.055_668_159_178_37 * 1.112_514_261_982_112_7, forward),
        (20, 1.055_668_159_178_37, forward),
        (21, 1.055_668_159_178_37, forward * 1.045),
        (22, 1.055_668_159_178_37, forward * 0.955),
    ];
    for (column, vol, forward) in expected {
        assert!((row[column] - at(vol, forward)).abs() <= 10, "column {column}");
    }
}

#[test]
fn without_a_discount_a_value_counts_as_it_is_and_with_one_the_bound_holds() {
    let negative_rate = Market { discount: 1.02, ..market() };
    let scales = |discount| {
        let expiry = ExpiryShocks::new(&Shocks { discount, ..shocks() }, &negative_rate).unwrap();
        (expiry.long, expiry.short)
    };
    assert_eq!(scales(None), (1 << 40, 1 << 40));
    let of_one = Discount {
        long_static: 1.0,
        long_rate_mult: 0.0,
        long_rate_add: 0.0,
        short_static: 1.0,
        short_rate_mult: 0.0,
        short_rate_add: 0.0,
    };
    assert_eq!(scales(Some(of_one)), (1 << 40, scale_up(1.0 / 1.02).unwrap()));
}

#[test]
fn a_vol_that_went_up_has_its_floor() {
    let expiry = ExpiryShocks::new(&shocks(), &market()).unwrap();
    let (low, floor) = (row(&expiry, &option(3_000.0, 0.1)), row(&expiry, &option(3_000.0, 0.2)));
    assert_eq!(low[0], floor[0]);
    assert!(low[1] < floor[1]);
}

#[test]
fn an_option_in_coin_is_worth_less_of_it_the_dearer_the_coin() {
    let expiry = ExpiryShocks::new(&shocks(), &market()).unwrap();
    let terms = OptionTerms { payoff: Payoff::Coin, ..option(2_000.0, 0.8) };
    let (coin, linear) = (row(&expiry, &terms), row(&expiry, &option(2_000.0, 0.8)));
    for (column, spot) in [(1, 1.16), (20, 1.0), (13, 0.84)] {
        let converted = linear[column] as f64 / (market().forward * spot);
        assert!((coin[column] as f64 - converted).abs() <= 1.0, "column {column}");
    }
    let put = row(&expiry, &OptionTerms { put_or_call: Put, payoff: Payoff::Binary, ..terms });
    let call = row(&expiry, &OptionTerms { payoff: Payoff::Binary, ..terms });
    assert!((put[20] + call[20] - (market().discount * 1e12) as i64).abs() <= 2);
}

#[test]
fn at_expiry_only_the_intrinsic_value_is_left() {
    let at_expiry = Market { t: 0.0, discount: 1.0, ..market() };
    let expiry = ExpiryShocks::new(&shocks(), &at_expiry).unwrap();
    let row = row(&expiry, &option(2_500.0, 0.8));
    assert_eq!(row[20], to_entry(market().forward - 2_500.0).unwrap());
    assert_eq!(row[13], 0);
    assert!(row[18] == row[20] && row[19] == row[20]);
}

#[test]
fn delta_one_rows_are_profit_and_loss() {
    let mut out = Vec::new();
    shocks().delta_one(&DeltaOne { mark: 50_000.0, unit: 0.01, is_inverse: false }, &mut out).unwrap();
    assert_eq!(out.len(), shocks().scenarios.len() + EXTRA);
    assert_eq!((out[0], out[20]), (80_000_000_000_000, 0));
    out.clear();
    shocks().delta_one(&DeltaOne { mark: 50_000.0, unit: 100.0, is_inverse: true }, &mut out).unwrap();
    // 100 / 50 000 - 100 / 42 000 at -16 %.
    assert_eq!(out[12], -380_952_381);
}

#[test]
fn rounding_is_named_and_ranges_are_kept() {
    assert_eq!(to_entry(2.5e-12), Ok(2));
    assert_eq!(to_entry(3.5e-12), Ok(4));
    assert_eq!(to_entry(-2.5e-12), Ok(-2));
    assert_eq!(to_entry_up(2.1e-12), Ok(3));
    assert_eq!((scale_down(0.96), scale_up(0.96)), (Ok(1_055_531_162_664), Ok(1_055_531_162_665)));
    assert_eq!((scale_down(1.0), scale_up(1.0)), (Ok(1 << 40), Ok(1 << 40)));
    for value in [f64::NAN, f64::INFINITY, 1_152_921.6, -1_152_921.6] {
        assert_eq!(to_entry(value), Err(Reason::NotANumber), "{value}");
    }
    assert_eq!(scale_down(-0.1), Err(Reason::NotANumber));
    assert_eq!(scale_up(64.0), Err(Reason::NotANumber));
    assert_eq!(from_rate(Rate::new(160_000_000_000_000_000)), 0.16);
    assert_eq!(from_rate(Rate::new(-54_545_454_545_454_536)), -0.054_545_454_545_454_536);
}

#[test]
fn what_cannot_be_priced_has_a_reason_and_no_row() {
    let with = |market: Market| ExpiryShocks::new(&shocks(), &market).map(|_| ());
    assert_eq!(with(Market { forward: f64::NAN, ..market() }), Err(Reason::NotANumber));
    assert_eq!(with(Market { forward: 0.0, ..market() }), Err(Reason::BadForward));
    assert_eq!(with(Market { t: -0.1, ..market() }), Err(Reason::BadTime));
    assert_eq!(with(Market { discount: 0.0, ..market() }), Err(Reason::BadDiscount));
    assert_eq!(with(Market { t: 1e6, ..market() }), Err(Reason::NotANumber));
    let expiry = ExpiryShocks::new(&shocks(), &market()).unwrap();
    let of = |terms: OptionTerms| {
        let mut out = vec![7];
        let outcome = expiry.option(&terms, &mut out);
        assert_eq!(out, [7]);
        outcome
    };
    assert_eq!(of(option(0.0, 0.5)), Err(Reason::BadStrike));
    assert_eq!(of(option(2_000.0, -0.5)), Err(Reason::BadVol));
    assert_eq!(of(option(2_000.0, f64::INFINITY)), Err(Reason::NotANumber));
    assert_eq!(of(OptionTerms { unit: 1e9, ..option(2_000.0, 0.5) }), Err(Reason::NotANumber));
    let inverse = DeltaOne { mark: 0.0, unit: 1.0, is_inverse: true };
    assert_eq!(shocks().delta_one(&inverse, &mut Vec::new()), Err(Reason::BadForward));
}
