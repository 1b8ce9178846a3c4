//! A surface from quotes: what it fits, what it refuses by name, its bytes and its age.

use proptest::prelude::*;
use tiderace_model::black::Black76;
use tiderace_model::chain::{DayWeights, Quote, QuoteKind, Style};
use tiderace_model::ssvi::Ssvi;
use tiderace_model::surface::{Fit, FitOptions, Slice, Surface};
use tiderace_model::svi::{Svi, VariancePoint};
use tiderace_types::{PutOrCall, Reason};

const HOUR_NS: i64 = 3_600_000_000_000;
const FORWARD: f64 = 50_000.0;

const OPTIONS: FitOptions = FitOptions { version: 7, ts_ns: 1_000, age_ns_max: 500, weights: DayWeights::CALENDAR };

fn shape() -> Ssvi {
    Ssvi::new(-0.3, 1.0, 0.4).unwrap()
}

fn option(expiry: i64, t: f64, strike: f64, call: bool, style: Style) -> Quote {
    let vol = (shape().total_variance((strike / FORWARD).ln(), 0.25 * t) / t).sqrt();
    let put_or_call = if call { PutOrCall::Call } else { PutOrCall::Put };
    let price = Black76 { forward: FORWARD, strike, t, vol, put_or_call, discount: 1.0 }.price().unwrap();
    let price = if style == Style::Inverse { price / FORWARD } else { price };
    Quote {
        kind: QuoteKind::Option { strike, call },
        expiry,
        t,
        bid: price * 0.98,
        ask: price * 1.02,
        bid_qty: f64::NAN,
        ask_qty: f64::NAN,
        style,
        discount: 1.0,
        forward: f64::NAN,
        mark_vol: f64::NAN,
        ts_ns: 900,
    }
}

fn chain(style: Style) -> Vec<Quote> {
    let mut quotes = Vec::new();
    for (expiry, t) in [(10, 0.02), (20, 0.1), (30, 0.5), (40, 1.0)] {
        for i in -7..=7 {
            let strike = (FORWARD * (f64::from(i) * 0.35 * 0.5 * f64::sqrt(t)).exp()).round();
            quotes.extend([true, false].map(|call| option(expiry, t, strike, call, style)));
        }
    }
    quotes
}

fn fit(quotes: &[Quote]) -> Fit {
    Surface::fit(quotes, &OPTIONS).unwrap()
}

#[test]
fn a_fit_meets_every_quote_of_the_surface_that_made_them() {
    for style in [Style::Linear, Style::Inverse] {
        let quotes = chain(style);
        let found = fit(&quotes);
        assert!(found.reasons.iter().all(|reason| *reason == Reason::None));
        assert_eq!((found.surface.slices().len(), found.refused.len()), (4, 0));
        assert_eq!(found.surface.worst_violation(3.0, 600, 3), None);
        for slice in found.surface.slices() {
            assert!((slice.forward - FORWARD).abs() < 1e-6 * FORWARD);
            assert_eq!(slice.quality.inside, slice.quality.judged);
            assert!(slice.quality.judged >= 20 && slice.quality.rmse_vol < 0.003, "{:?}", slice.quality);
        }
        for quote in &quotes {
            let QuoteKind::Option { strike, call } = quote.kind else { continue };
            let price = found.surface.price(quote.expiry, strike, call).unwrap();
            assert!((price - quote.mid()).abs() <= quote.half_spread() * 1.5, "{quote:?} {price}");
            let vol = found.surface.vol(quote.expiry, strike).unwrap();
            let made = (shape().total_variance((strike / FORWARD).ln(), 0.25 * quote.t) / quote.t).sqrt();
            assert!((vol - made).abs() < 0.01 * made);
        }
    }
}

#[test]
fn every_bad_quote_has_its_own_reason_and_the_rest_is_fitted() {
    let whole = chain(Style::Inverse);
    let bound = Quote { bid: 1.5, ask: 1.6, ..whole[0] };
    let cases: [(Quote, Reason); 12] = [
        (Quote { bid: f64::NAN, ..whole[0] }, Reason::MissingQuote),
        (Quote { ask: 0.0, ..whole[0] }, Reason::MissingQuote),
        (Quote { bid: whole[0].ask * 2.0, ..whole[0] }, Reason::CrossedQuote),
        (Quote { ts_ns: 499, ..whole[0] }, Reason::StaleQuote),
        (Quote { t: 0.0, ..whole[0] }, Reason::ExpiredQuote),
        (Quote { t: -0.1, ..whole[0] }, Reason::ExpiredQuote),
        (Quote { t: f64::NAN, ..whole[0] }, Reason::NotANumber),
        (Quote { forward: -5.0, ..whole[0] }, Reason::BadForward),
        (Quote { discount: -1.0, ..whole[0] }, Reason::BadDiscount),
        (Quote { kind: QuoteKind::Option { strike: 0.0, call: true }, ..whole[0] }, Reason::BadStrike),
        (Quote { bid: 1e-9, ask: 2e-9, ..whole[0] }, Reason::BelowIntrinsic),
        (bound, Reason::AboveBound),
    ];
    for (bad, reason) in cases {
        let mut quotes = whole.clone();
        quotes[0] = bad;
        let found = fit(&quotes);
        assert_eq!(found.reasons[0], reason, "{bad:?}");
        assert!(found.reasons.iter().skip(1).all(|reason| *reason == Reason::None));
        assert_eq!(found.surface.slices().len(), 4);
    }
}

#[test]
fn a_vol_in_percent_beside_the_price_is_named() {
    let mut quotes = chain(Style::Inverse);
    quotes[40].mark_vol = 0.5;
    assert_eq!(fit(&quotes).reasons[40], Reason::None);
    quotes[40].mark_vol = 50.0;
    assert_eq!(fit(&quotes).reasons[40], Reason::VolUnit);
}

#[test]
fn an_expiry_that_cannot_be_fitted_is_named_and_the_others_stand() {
    let mut quotes = chain(Style::Linear);
    quotes.iter_mut().filter(|quote| quote.expiry == 10).for_each(|quote| quote.t = 0.0);
    let found = fit(&quotes);
    assert_eq!((found.refused, found.surface.slices().len()), (vec![(10, Reason::ExpiredQuote)], 3));
    quotes.retain(|quote| {
        quote.expiry != 20 || matches!(quote.kind, QuoteKind::Option { strike, .. } if strike > 70_000.0)
    });
    quotes.retain(|quote| quote.expiry != 10);
    assert_eq!(fit(&quotes).refused, vec![(20, Reason::TooFewQuotes)]);
    // Calls alone, and no future: nothing tells the forward.
    let calls: Vec<Quote> = chain(Style::Linear)
        .into_iter()
        .filter(|quote| quote.expiry != 30 || matches!(quote.kind, QuoteKind::Option { call: true, .. }))
        .collect();
    assert_eq!(fit(&calls).refused, vec![(30, Reason::NoForward)]);
    assert_eq!(Surface::fit(&[], &OPTIONS).err(), Some(Reason::TooFewQuotes));
    let weightless = FitOptions { weights: DayWeights { weekday: 0.0, weekend: 0.0 }, ..OPTIONS };
    assert_eq!(Surface::fit(&chain(Style::Linear), &weightless).err(), Some(Reason::BadTime));
    let late = FitOptions { ts_ns: i64::MAX, age_ns_max: 1, ..OPTIONS };
    assert_eq!(Surface::fit(&chain(Style::Linear), &late).err(), Some(Reason::StaleQuote));
}

#[test]
fn quotes_that_cross_in_time_are_fitted_by_slices_that_do_not() {
    let mut quotes = chain(Style::Inverse);
    for quote in quotes.iter_mut().filter(|quote| quote.expiry == 20) {
        // The prices of four times the variance: above those of the next expiry in part.
        let QuoteKind::Option { strike, call } = quote.kind else { continue };
        let dear = option(20, 0.7, strike, call, Style::Inverse);
        (quote.bid, quote.ask) = (dear.bid, dear.ask);
    }
    let found = fit(&quotes);
    assert_eq!(found.surface.slices().len(), 4);
    assert_eq!(found.surface.worst_violation(3.0, 600, 0), None);
}

#[test]
fn variance_is_linear_between_expiries_and_nothing_is_said_beyond_the_last() {
    let surface = fit(&chain(Style::Linear)).surface;
    let at = |t: f64| surface.total_variance(0.1, t);
    let [w1, w2, w_mid] = [0.1, 0.5, 0.3].map(|t| at(t).unwrap());
    assert!((w_mid - 0.5 * (w1 + w2)).abs() < 1e-12);
    assert!((at(0.01).unwrap() - 0.5 * at(0.02).unwrap()).abs() < 1e-12);
    assert!((surface.forward(0.3).unwrap() - FORWARD).abs() < 1e-6 * FORWARD);
    for t in [0.0, -1.0, 1.01, f64::NAN, f64::INFINITY] {
        assert_eq!(at(t), Err(Reason::OutsideSurface));
    }
    assert_eq!(surface.total_variance(f64::NAN, 0.3), Err(Reason::NotANumber));
    assert_eq!(surface.vol(11, FORWARD), Err(Reason::OutsideSurface));
    assert_eq!(surface.vol(10, -1.0), Err(Reason::BadStrike));
    assert_eq!(surface.price(10, f64::NAN, true), Err(Reason::BadStrike));
}

#[test]
fn weekends_count_by_their_weight_and_a_week_always_counts_seven_days() {
    let quiet = DayWeights { weekday: 1.0, weekend: 0.25 };
    // 2 January 1970 was a Friday.
    let [friday, monday] = [24 * HOUR_NS, 96 * HOUR_NS];
    let week = quiet.years(friday, friday + 168 * HOUR_NS).unwrap();
    assert!((week - 7.0 / 365.0).abs() < 1e-15);
    let over = quiet.years(friday, monday).unwrap();
    assert!((over - (1.0 + 2.0 * 0.25) * 7.0 / 5.5 / 365.0).abs() < 1e-15);
    assert!((DayWeights::CALENDAR.years(-HOUR_NS, HOUR_NS).unwrap() - 2.0 / 24.0 / 365.0).abs() < 1e-15);
    assert_eq!(quiet.years(monday, friday), Ok(0.0));
    assert_eq!(DayWeights { weekday: -1.0, weekend: 1.0 }.years(0, 1), Err(Reason::BadTime));
    let keys = |quote: Quote| Quote { expiry: friday + quote.expiry * 24 * HOUR_NS, ..quote };
    let quotes: Vec<Quote> = chain(Style::Linear).into_iter().map(keys).collect();
    let options = FitOptions { ts_ns: friday, weights: quiet, age_ns_max: u64::MAX, ..OPTIONS };
    let surface = Surface::fit(&quotes, &options).unwrap().surface;
    let first = &surface.slices()[0];
    assert_eq!(surface.weighted_years(first.expiry), Ok(first.t_weighted));
    assert_eq!(surface.weighted_years(friday), Err(Reason::OutsideSurface));
}

#[test]
fn a_surface_survives_its_bytes_and_is_stale_in_time() {
    let surface = fit(&chain(Style::Inverse)).surface;
    let bytes = surface.encode();
    assert_eq!(Surface::decode(&bytes).as_ref(), Ok(&surface));
    assert_eq!((surface.version(), surface.ts_ns(), surface.style()), (7, 1_000, Style::Inverse));
    for cut in 0..bytes.len() {
        assert_eq!(Surface::decode(&bytes[..cut]), Err(Reason::BadSurface));
    }
    assert_eq!(surface.check_age(1_500, 500), Ok(()));
    assert_eq!(surface.check_age(1_501, 500), Err(Reason::StaleSurface));
    assert_eq!(surface.check_age(i64::MIN, 500), Err(Reason::StaleSurface));
}

#[test]
fn slices_that_cross_are_no_surface() {
    let slice = |expiry: i64, t: f64, a: f64| {
        let svi = Svi::new(a, 0.02, 0.0, 0.0, 0.1).unwrap();
        let quality = tiderace_model::surface::Quality::default();
        Slice { expiry, t, t_weighted: t, forward: 1.0, discount: 1.0, svi, quality }
    };
    let surface = |slices: Vec<Slice>| Surface::new(1, 0, Style::Linear, DayWeights::CALENDAR, slices);
    assert!(surface(vec![slice(1, 0.1, 0.01), slice(2, 0.2, 0.02)]).is_ok());
    let bad = [
        vec![],
        vec![slice(1, 0.1, 0.02), slice(2, 0.2, 0.01)],
        vec![slice(2, 0.1, 0.01), slice(1, 0.2, 0.02)],
        vec![slice(1, 0.0, 0.01)],
        vec![slice(1, f64::NAN, 0.01)],
        vec![Slice { svi: Svi::new(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153).unwrap(), ..slice(1, 1.0, 0.01) }],
    ];
    for slices in bad {
        assert_eq!(surface(slices), Err(Reason::BadSurface));
    }
}

#[test]
fn an_ssvi_fit_finds_the_surface_that_made_its_points() {
    let thetas = [0.005, 0.02, 0.1];
    let points = |theta: f64| -> Vec<VariancePoint> {
        let point = |i: i32| f64::from(i) * 0.1 * theta.sqrt();
        let variance = |k: f64| VariancePoint { k, w: shape().total_variance(k, theta), weight: 1e4 / (theta * theta) };
        (-20..=20).map(|i| variance(point(i))).collect()
    };
    let (found, levels) = Ssvi::fit(&thetas.map(points)).unwrap();
    assert!(levels.iter().zip(thetas).all(|(level, theta)| (level / theta - 1.0).abs() < 0.01));
    for theta in thetas {
        let k = theta.sqrt();
        assert!((found.total_variance(k, theta) / shape().total_variance(k, theta) - 1.0).abs() < 0.01, "{found:?}");
    }
    assert_eq!(Ssvi::fit(&[]), Err(Reason::TooFewQuotes));
    assert_eq!(Ssvi::fit(&[vec![]]), Err(Reason::TooFewQuotes));
    assert_eq!(Ssvi::fit(&[vec![VariancePoint { k: f64::NAN, w: 0.1, weight: 1.0 }]]), Err(Reason::NotANumber));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn noise_in_the_quotes_never_leaves_arbitrage_in_the_surface(noise in prop::collection::vec(-1.0..1.0_f64, 120), size in 0.0..0.3_f64) {
        let mut quotes = chain(Style::Inverse);
        for (quote, noise) in quotes.iter_mut().zip(&noise) {
            let moved = 1.0 + size * noise;
            (quote.bid, quote.ask, quote.forward) = (quote.bid * moved, quote.ask * moved, FORWARD);
        }
        let found = fit(&quotes);
        prop_assert!(found.surface.slices().len() + found.refused.len() == 4);
        prop_assert_eq!(found.surface.worst_violation(3.0, 300, 0).filter(|found| found.amount < -1e-9), None);
    }

    #[test]
    fn no_quotes_and_no_bytes_panic(numbers in prop::collection::vec(any::<f64>(), 96), bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..500_usize) {
        let mut quotes: Vec<Quote> = numbers.chunks_exact(6).enumerate().map(|(i, n)| Quote {
            kind: QuoteKind::Option { strike: n[0], call: i % 2 == 0 },
            t: n[1], bid: n[2], ask: n[3], forward: n[4], mark_vol: n[5],
            ..option(10, 0.1, FORWARD, true, Style::Inverse)
        }).collect();
        let _ = Surface::fit(&quotes, &OPTIONS);
        quotes.extend(chain(Style::Inverse));
        let _ = Surface::fit(&quotes, &OPTIONS);
        let _ = Surface::decode(&bytes);
        let mut known = fit(&chain(Style::Linear)).surface.encode();
        let at = at % known.len();
        known[at] ^= bytes.first().copied().unwrap_or(1);
        let _ = Surface::decode(&known);
    }
}
