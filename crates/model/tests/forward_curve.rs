//! The forward curve: futures and put-call parity together, robust to a wrong quote.

use tiderace_model::chain::{Quote, QuoteKind, Style};
use tiderace_model::forward::curve;

fn quote(kind: QuoteKind, style: Style, mid: f64, half: f64) -> Quote {
    Quote {
        kind,
        expiry: 1,
        t: 0.5,
        bid: mid - half,
        ask: mid + half,
        bid_qty: f64::NAN,
        ask_qty: f64::NAN,
        style,
        discount: 0.9,
        forward: f64::NAN,
        mark_vol: f64::NAN,
        ts_ns: 0,
    }
}

/// A put and a call at one strike whose synthetic future is at `forward`.
fn pair(style: Style, strike: f64, forward: f64, half: f64) -> [Quote; 2] {
    let gap = match style {
        Style::Linear => 0.9 * (forward - strike),
        Style::Inverse => 0.9 * (1.0 - strike / forward),
    };
    let least = if style == Style::Linear { 40.0 } else { 0.4 };
    let option = |call: bool, mid: f64| quote(QuoteKind::Option { strike, call }, style, mid, half);
    [option(true, least + gap), option(false, least)]
}

#[test]
fn parity_gives_the_forward_in_money_and_in_coins() {
    for (style, half) in [(Style::Linear, 0.1), (Style::Inverse, 0.001)] {
        let quotes: Vec<Quote> = [80.0, 90.0, 100.0, 110.0].iter().flat_map(|k| pair(style, *k, 104.0, half)).collect();
        let found = curve(&quotes, 0);
        assert_eq!((found.len(), found[0].pairs), (1, 4));
        assert!((found[0].forward - 104.0).abs() < 1e-3 && found[0].from_future.is_nan(), "{found:?}");
        assert!(found[0].error > 0.0 && found[0].error < 0.3);
    }
}

#[test]
fn a_tight_future_outweighs_wide_pairs_and_both_are_told() {
    let mut quotes: Vec<Quote> = [90.0, 100.0].iter().flat_map(|k| pair(Style::Linear, *k, 105.0, 2.0)).collect();
    quotes.push(quote(QuoteKind::Future, Style::Linear, 104.0, 0.01));
    let found = curve(&quotes, 0)[0];
    assert!((found.forward - 104.0).abs() < 0.01 && (found.from_future - 104.0).abs() < 1e-9);
    assert!((found.from_parity - 105.0).abs() < 1e-6);
}

#[test]
fn one_wrong_pair_does_not_move_the_forward() {
    let mut quotes: Vec<Quote> =
        [80.0, 90.0, 95.0, 100.0, 110.0].iter().flat_map(|k| pair(Style::Linear, *k, 104.0, 0.1)).collect();
    quotes.extend(pair(Style::Linear, 105.0, 140.0, 0.01));
    let found = curve(&quotes, 0)[0];
    assert!((found.forward - 104.0).abs() < 0.1, "{found:?}");
}

#[test]
fn an_expiry_without_future_or_pair_has_no_forward() {
    let [call, put] = pair(Style::Linear, 100.0, 104.0, 0.1);
    assert!(curve(&[call], 0).is_empty());
    assert!(curve(&[call, Quote { ts_ns: -1, ..put }], 0).is_empty());
    assert!(curve(&[call, Quote { bid: f64::NAN, ..put }], 0).is_empty());
    assert!(curve(&[], 0).is_empty());
}
