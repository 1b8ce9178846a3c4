//! Prices agree with published values, with 50-digit arithmetic, and with the identities of the models.

use proptest::prelude::*;
use tiderace_model::bachelier::Bachelier;
use tiderace_model::black::{Black76, BlackScholes};
use tiderace_model::normal;
use tiderace_types::{PutOrCall, Reason};

fn option(forward: f64, strike: f64, t: f64, vol: f64, discount: f64, put_or_call: PutOrCall) -> Black76 {
    Black76 { forward, strike, t, vol, discount, put_or_call }
}

fn near(left: f64, right: f64, tolerance: f64) -> bool {
    (left - right).abs() <= tolerance * (left.abs() + right.abs()).max(f64::MIN_POSITIVE)
}

#[test]
fn prices_agree_with_fifty_digits() {
    let rows = [
        (
            [100.0, 110.0, 0.25, 0.3, 0.99],
            2.475_242_358_626_136_72,
            12.375_242_358_626_136_6,
            0.236_340_413_126_706_022,
        ),
        (
            [5e4, 8e4, 0.02, 0.6, 1.0],
            1.388_786_607_659_409_76e-5,
            30_000.000_013_887_866_1,
            1.192_455_225_728_564_09e-8,
        ),
        ([100.0, 100.0, 1.0, 0.2, 1.0], 7.965_567_455_405_796_73, 7.965_567_455_405_796_73, 0.460_172_162_722_971_016),
        ([100.0, 30.0, 0.1, 0.8, 0.95], 66.500_002_473_268_496, 2.473_268_499_099_898_3e-6, 0.949_998_285_008_963_363),
        (
            [61250.5, 45000.0, 0.0833, 0.55, 0.9979],
            16_298.491_374_680_066_9,
            82.117_424_680_066_760_7,
            0.966_724_980_959_879_189,
        ),
        (
            [1e-3, 2e-3, 2.0, 1.5, 0.9],
            5.428_633_781_524_016_47e-4,
            1.442_863_378_152_401_69e-3,
            0.074_392_154_021_064_279_8,
        ),
        ([100.0, 250.0, 0.05, 0.5, 1.0], 2.611_526_448_366_457_62e-16, 150.0, 7.823_867_840_010_427_12e-17),
    ];
    for ([forward, strike, t, vol, discount], call, put, digital) in rows {
        let calls = option(forward, strike, t, vol, discount, PutOrCall::Call);
        let puts = Black76 { put_or_call: PutOrCall::Put, ..calls };
        // Far out the argument of erfc weighs with the square of the distance, and two legs cancel: fewer digits are left.
        let tolerance = if call < 1e-9 * forward { 1e-12 } else { 1e-13 };
        assert!(near(calls.price().unwrap(), call, tolerance), "{calls:?}");
        assert!(near(puts.price().unwrap(), put, tolerance), "{puts:?}");
        assert!(near(calls.digital_price().unwrap(), digital, tolerance), "{calls:?}");
    }
}

#[test]
fn prices_agree_with_the_textbooks() {
    // Hull, "Options, futures, and other derivatives": S 42, K 40, r 10 %, vol 20 %, half a year.
    let call = BlackScholes {
        spot: 42.0,
        strike: 40.0,
        t: 0.5,
        vol: 0.2,
        rate: 0.1,
        asset_yield: 0.0,
        put_or_call: PutOrCall::Call,
    };
    assert!((call.price().unwrap() - 4.76).abs() < 0.005);
    let put = BlackScholes { put_or_call: PutOrCall::Put, ..call };
    assert!((put.price().unwrap() - 0.81).abs() < 0.005);
    // Haug, "The complete guide to option pricing formulas": Black-76, and a cash-or-nothing put on a future.
    let at_the_money = option(19.0, 19.0, 0.75, 0.28, (-0.075f64).exp(), PutOrCall::Call);
    assert!((at_the_money.price().unwrap() - 1.7011).abs() < 5e-5);
    let digital = option(100.0, 80.0, 0.75, 0.35, (-0.045f64).exp(), PutOrCall::Put);
    assert!((10.0 * digital.digital_price().unwrap() - 2.6710).abs() < 5e-5);
    // At the money a normal option costs s / sqrt(2 pi).
    let normal =
        Bachelier { forward: -0.5, strike: -0.5, t: 0.25, vol: 2.0, discount: 1.0, put_or_call: PutOrCall::Put };
    assert!(near(normal.price().unwrap(), normal::INV_SQRT_2PI, 1e-15));
}

#[test]
fn the_quantile_inverts_the_distribution() {
    for p in [1e-300, 1e-20, 1e-3, 0.3, 0.5, 0.9, 1.0 - 1e-12] {
        assert!(near(normal::cdf(normal::inverse_cdf(p)), p, 1e-12), "{p}");
    }
    assert_eq!(normal::inverse_cdf(0.0), f64::NEG_INFINITY);
    assert_eq!(normal::inverse_cdf(1.0), f64::INFINITY);
    assert!(normal::inverse_cdf(1.5).is_nan());
}

#[test]
fn at_expiry_and_without_vol_an_option_is_worth_its_intrinsic_value() {
    for (t, vol) in [(0.0, 0.5), (0.5, 0.0), (0.0, 0.0)] {
        let call = option(110.0, 100.0, t, vol, 0.9, PutOrCall::Call);
        let put = Black76 { put_or_call: PutOrCall::Put, ..call };
        assert_eq!(call.price().unwrap(), 9.0);
        assert_eq!(put.price().unwrap(), 0.0);
        assert_eq!(call.digital_price().unwrap(), 0.9);
        assert_eq!(put.digital_price().unwrap(), 0.0);
        let on_the_strike = Black76 { forward: 100.0, ..call };
        assert_eq!(on_the_strike.digital_price().unwrap(), 0.0, "a digital pays strictly beyond its strike");
    }
}

#[test]
fn a_wrong_input_has_its_reason_in_the_order_of_checks() {
    let good = option(100.0, 100.0, 1.0, 0.5, 0.9, PutOrCall::Call);
    let cases = [
        (Black76 { forward: f64::NAN, strike: -1.0, ..good }, Reason::NotANumber),
        (Black76 { vol: f64::INFINITY, ..good }, Reason::NotANumber),
        (Black76 { forward: -1.0, strike: -1.0, ..good }, Reason::BadForward),
        (Black76 { strike: 0.0, t: -1.0, ..good }, Reason::BadStrike),
        (Black76 { t: -1e-9, vol: -1.0, ..good }, Reason::BadTime),
        (Black76 { vol: -0.1, discount: 0.0, ..good }, Reason::BadVol),
        (Black76 { discount: 0.0, ..good }, Reason::BadDiscount),
    ];
    for (case, reason) in cases {
        assert_eq!(case.price(), Err(reason), "{case:?}");
        assert_eq!(case.digital_price(), Err(reason), "{case:?}");
        assert_eq!(case.greeks(), Err(reason), "{case:?}");
        assert_eq!(case.inverse_price(), Err(reason), "{case:?}");
        assert_eq!(case.displaced(0.0).price(), Err(reason), "{case:?}");
    }
    for (case, reason) in
        [(Black76 { t: 0.0, ..good }, Reason::BadTime), (Black76 { vol: 0.0, ..good }, Reason::BadVol)]
    {
        assert_eq!(case.greeks(), Err(reason));
        assert_eq!(case.digital_greeks(), Err(reason));
        assert_eq!(case.inverse_greeks(), Err(reason));
    }
    let normal = Bachelier { forward: 1.0, strike: 2.0, t: 1.0, vol: 1.0, discount: 1.0, put_or_call: PutOrCall::Call };
    assert_eq!(Bachelier { t: -1.0, ..normal }.price(), Err(Reason::BadTime));
    assert_eq!(Bachelier { vol: -1.0, ..normal }.price(), Err(Reason::BadVol));
    assert_eq!(Bachelier { discount: -1.0, ..normal }.price(), Err(Reason::BadDiscount));
    assert_eq!(Bachelier { strike: f64::NAN, ..normal }.price(), Err(Reason::NotANumber));
    assert_eq!(Bachelier { t: 0.0, ..normal }.greeks(), Err(Reason::BadTime));
    assert_eq!(Bachelier { vol: 0.0, ..normal }.greeks(), Err(Reason::BadVol));
}

fn any_option() -> impl Strategy<Value = Black76> {
    (0.5..1e5f64, -4.0..4.0f64, 0.003..3.0f64, 0.05..2.0f64, 0.7..1.05f64, any::<bool>()).prop_map(
        |(forward, far, t, vol, discount, call)| {
            let strike = forward * (far * vol * t.sqrt()).exp();
            option(forward, strike, t, vol, discount, if call { PutOrCall::Call } else { PutOrCall::Put })
        },
    )
}

/// Any bits at all.
fn any_bits() -> impl Strategy<Value = Black76> {
    (any::<[u64; 5]>(), any::<bool>(), any::<[bool; 5]>()).prop_map(|(bits, call, tame)| {
        let pick = |i: usize| if tame[i] { (bits[i] % 1000) as f64 / 100.0 } else { f64::from_bits(bits[i]) };
        let kind = if call { PutOrCall::Call } else { PutOrCall::Put };
        option(pick(0), pick(1), pick(2), pick(3), pick(4), kind)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("TIDERACE_FULL").is_some() { 200_000 } else { 4_000 }))]

    #[test]
    fn parities_hold(it in any_option()) {
        let call = Black76 { put_or_call: PutOrCall::Call, ..it };
        let put = Black76 { put_or_call: PutOrCall::Put, ..it };
        let (call_price, put_price) = (call.price().unwrap(), put.price().unwrap());
        prop_assert_eq!(call.intrinsic() + put_price, put.intrinsic() + call_price, "put-call parity, to the bit");
        prop_assert!(call_price >= call.intrinsic() && put_price >= put.intrinsic());
        let digitals = call.digital_price().unwrap() + put.digital_price().unwrap();
        prop_assert!(near(digitals, it.discount, 1e-15));
        prop_assert!(near(it.inverse_price().unwrap() * it.forward, it.price().unwrap(), 1e-15));
    }

    #[test]
    fn a_digital_is_the_slope_of_calls_in_the_strike(it in any_option()) {
        let step = 1e-3 * it.strike * it.vol * it.t.sqrt();
        let at = |strike: f64| Black76 { strike, put_or_call: PutOrCall::Call, ..it }.price().unwrap();
        let slope = (8.0 * (at(it.strike - step) - at(it.strike + step)) - at(it.strike - 2.0 * step)
            + at(it.strike + 2.0 * step)) / (12.0 * step);
        let digital = Black76 { put_or_call: PutOrCall::Call, ..it }.digital_price().unwrap();
        let rounding = 4.0 * f64::EPSILON * (it.forward + it.strike) / step;
        prop_assert!((slope - digital).abs() < 1e-8 + rounding, "{slope} {digital}");
    }

    #[test]
    fn a_far_displaced_option_is_a_normal_one(gap in -20.0..20.0f64, vol in 1.0..50.0f64, t in 0.01..2.0f64) {
        let normal = Bachelier { forward: 5.0 + gap, strike: 5.0, t, vol, discount: 0.9, put_or_call: PutOrCall::Call };
        let shift = 1e7;
        let displaced = option(5.0 + gap, 5.0, t, vol / shift, 0.9, PutOrCall::Call).displaced(shift);
        prop_assert!((normal.price().unwrap() - displaced.price().unwrap()).abs() < 1e-4 * vol);
    }

    #[test]
    fn no_input_panics_and_no_nan_leaves(it in any_bits(), price in any::<u64>().prop_map(f64::from_bits)) {
        if let Ok(value) = it.price() { prop_assert!(value.is_finite()) }
        if let Ok(value) = it.digital_price() { prop_assert!(value.is_finite()) }
        if let Ok(value) = it.inverse_price() { prop_assert!(value.is_finite()) }
        for greeks in [it.greeks(), it.digital_greeks()].into_iter().flatten() {
            prop_assert!(greeks.columns().iter().all(|value| value.is_finite()));
        }
        if let Ok(value) = it.inverse_greeks() { prop_assert!(value.gamma_coin.is_finite() && value.delta_coin.is_finite()) }
        for price in [price, it.price().unwrap_or(1.0)] {
            if let Ok(vol) = it.implied_vol(price) { prop_assert!(vol.is_finite() && vol > 0.0) }
        }
        let Black76 { forward, strike, t, vol, discount, put_or_call } = it;
        let normal = Bachelier { forward, strike, t, vol, discount, put_or_call };
        if let Ok(value) = normal.price() { prop_assert!(value.is_finite()) }
        if let Ok(value) = normal.greeks() { prop_assert!(value.columns().iter().all(|value| value.is_finite())) }
        if let Ok(vol) = normal.implied_vol(price) { prop_assert!(vol.is_finite() && vol > 0.0) }
        let spot = BlackScholes { spot: forward, strike, t, vol, rate: discount, asset_yield: price, put_or_call };
        if let Ok(value) = spot.greeks() { prop_assert!(value.columns().iter().all(|value| value.is_finite())) }
    }
}
