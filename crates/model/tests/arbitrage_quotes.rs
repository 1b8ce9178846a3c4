//! Arbitrage in quotes: every kind by hand with its exact edge, none in the quotes of a model.

use proptest::prelude::*;
use tiderace_model::arbitrage::{ArbitrageKind, ArbitrageRow, Fees, arbitrage};
use tiderace_model::black::Black76;
use tiderace_model::chain::{Quote, QuoteKind, Style};
use tiderace_types::{PutOrCall, Reason};

const FREE: Fees = Fees { option: 0.0, future: 0.0 };

fn option(strike: f64, call: bool, bid: f64, ask: f64) -> Quote {
    Quote {
        kind: QuoteKind::Option { strike, call },
        expiry: 1,
        t: 0.25,
        bid,
        ask,
        bid_qty: 10.0,
        ask_qty: 5.0,
        style: Style::Linear,
        discount: 1.0,
        forward: f64::NAN,
        mark_vol: f64::NAN,
        ts_ns: 0,
    }
}

fn future(bid: f64, ask: f64) -> Quote {
    Quote { kind: QuoteKind::Future, ..option(1.0, true, bid, ask) }
}

fn inverse(quote: Quote) -> Quote {
    Quote { style: Style::Inverse, ..quote }
}

fn rows(quotes: &[Quote], fees: Fees) -> Vec<ArbitrageRow> {
    arbitrage(quotes, &fees).unwrap().rows
}

/// The only row, with its kind, edge, quantity and signed legs.
fn only(quotes: &[Quote], fees: Fees, kind: ArbitrageKind, edge: f64, legs: &[(usize, f64)]) -> ArbitrageRow {
    let rows = rows(quotes, fees);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = rows[0].clone();
    assert_eq!(row.kind, kind);
    assert!((row.edge - edge).abs() < 1e-12, "{} {edge}", row.edge);
    let mut found: Vec<(usize, f64)> = row.legs.iter().map(|leg| (leg.quote, leg.qty)).collect();
    found.sort_by_key(|leg| leg.0);
    assert_eq!(found.len(), legs.len());
    assert!(found.iter().zip(legs).all(|(x, y)| x.0 == y.0 && (x.1 - y.1).abs() < 1e-12), "{found:?}");
    row
}

#[test]
fn a_call_dearer_than_a_lower_strike_is_a_vertical() {
    let quotes = [option(100.0, true, 4.0, 4.5), option(110.0, true, 5.0, 5.5)];
    let fees = Fees { option: 0.1, future: 0.0 };
    let row = only(&quotes, fees, ArbitrageKind::Vertical, 0.3, &[(0, 1.0), (1, -1.0)]);
    assert_eq!(row.qty, Some(5.0));
    assert!(rows(&quotes, Fees { option: 0.25, future: 0.0 }).is_empty());
}

#[test]
fn a_spread_dearer_than_it_can_pay_is_a_vertical() {
    let half = |quote: Quote| Quote { discount: 0.5, ..quote };
    let puts = [option(100.0, false, 1.0, 2.0), option(110.0, false, 14.0, 15.0)];
    only(&puts, FREE, ArbitrageKind::Vertical, 2.0, &[(0, 1.0), (1, -1.0)]);
    only(&puts.map(half), FREE, ArbitrageKind::Vertical, 7.0, &[(0, 1.0), (1, -1.0)]);
    let calls = [option(100.0, true, 14.0, 15.0), option(110.0, true, 1.0, 2.0)];
    only(&calls, FREE, ArbitrageKind::Vertical, 2.0, &[(0, -1.0), (1, 1.0)]);
}

#[test]
fn in_the_coin_a_call_spread_pays_less_and_a_put_spread_has_no_bound() {
    let calls = [option(100.0, true, 0.30, 0.31), option(125.0, true, 0.04, 0.05)].map(inverse);
    only(&calls, FREE, ArbitrageKind::Vertical, 0.05, &[(0, -1.0), (1, 1.0)]);
    let puts = [option(100.0, false, 0.01, 0.02), option(125.0, false, 0.90, 0.91)].map(inverse);
    assert!(rows(&puts, FREE).is_empty());
}

#[test]
fn a_dear_body_is_a_butterfly_of_four_contracts() {
    let quotes = [option(90.0, true, 11.0, 12.0), option(100.0, true, 9.0, 9.5), option(110.0, true, 3.0, 4.0)];
    let row = only(
        &quotes,
        Fees { option: 0.25, future: 0.0 },
        ArbitrageKind::Butterfly,
        1.0,
        &[(0, 1.0), (1, -2.0), (2, 1.0)],
    );
    assert_eq!(row.qty, Some(5.0));
    let uneven = [option(90.0, false, 2.0, 2.5), option(100.0, false, 6.0, 6.5), option(120.0, false, 9.0, 10.0)];
    // 2 x 2.5 + 1 x 10 bought, 3 x 6 sold.
    let row = only(&uneven, FREE, ArbitrageKind::Butterfly, 3.0, &[(0, 2.0), (1, -3.0), (2, 1.0)]);
    assert_eq!(row.qty, Some(2.5));
}

#[test]
fn a_dear_near_option_is_a_calendar_only_at_one_forward() {
    let near = [option(100.0, true, 6.0, 6.5), future(99.9, 100.1)];
    let far = [option(100.0, true, 4.5, 5.0), future(99.9, 100.1)].map(|quote| Quote { expiry: 2, t: 0.5, ..quote });
    let quotes = [near[0], near[1], far[0], far[1]];
    only(&quotes, FREE, ArbitrageKind::Calendar, 1.0, &[(0, -1.0), (2, 1.0)]);
    only(&quotes.map(inverse), FREE, ArbitrageKind::Calendar, 1.0, &[(0, -1.0), (2, 1.0)]);
    let moved = Quote { bid: 100.9, ask: 101.1, ..far[1] };
    assert!(rows(&[near[0], near[1], far[0], moved], FREE).is_empty());
    only(&[near[0], far[0]], FREE, ArbitrageKind::Calendar, 1.0, &[(0, -1.0), (1, 1.0)]);
    let discounted = Quote { discount: 0.8, ..far[0] };
    assert!(rows(&[near[0], discounted], FREE).is_empty());
}

#[test]
fn near_and_far_go_by_time_not_by_what_expiries_are_called() {
    let near = Quote { expiry: 9, ..option(100.0, true, 6.0, 6.5) };
    let dear = Quote { expiry: 2, t: 0.5, ..option(100.0, true, 9.0, 9.5) };
    assert!(rows(&[near, dear], FREE).is_empty());
    let cheap = Quote { bid: 4.5, ask: 5.0, ..dear };
    only(&[near, cheap], FREE, ArbitrageKind::Calendar, 1.0, &[(0, -1.0), (1, 1.0)]);
}

#[test]
fn the_discount_is_that_of_the_options_wherever_the_future_stands() {
    let at = |quote: Quote| Quote { discount: 0.9, ..quote };
    let options = [at(option(100.0, true, 8.0, 8.5)), at(option(100.0, false, 3.0, 3.5))];
    // 4.5 taken in, 3.5 x 0.9 paid back.
    only(
        &[future(103.0, 103.5), options[0], options[1]],
        FREE,
        ArbitrageKind::Parity,
        1.35,
        &[(0, 1.0), (1, -1.0), (2, 1.0)],
    );
}

#[test]
fn a_synthetic_future_away_from_the_future_is_a_conversion_or_reversal() {
    let fees = Fees { option: 0.1, future: 0.2 };
    let rich = [option(100.0, true, 8.0, 8.5), option(100.0, false, 3.0, 3.5), future(103.0, 103.5)];
    // Sold at 8 - 3.5 + 100, bought at 103.5.
    only(&rich, fees, ArbitrageKind::Parity, 0.6, &[(0, -1.0), (1, 1.0), (2, 1.0)]);
    let cheap = [option(100.0, true, 8.0, 8.5), option(100.0, false, 3.0, 3.5), future(106.5, 107.0)];
    only(&cheap, fees, ArbitrageKind::Parity, 0.6, &[(0, 1.0), (1, -1.0), (2, -1.0)]);
    let coins = [option(100.0, true, 0.25, 0.26), option(100.0, false, 0.02, 0.03), future(120.0, 125.0)].map(inverse);
    // 0.25 - 0.03 sold for 1 - 100 / 125.
    only(&coins, FREE, ArbitrageKind::Parity, 0.02, &[(0, -1.0), (1, 1.0), (2, 1.0)]);
}

#[test]
fn a_box_away_from_its_payment_is_found_in_money_and_in_coins() {
    let quotes = [
        option(100.0, true, 7.5, 8.0),
        option(100.0, false, 4.0, 4.5),
        option(110.0, true, 4.0, 4.5),
        option(110.0, false, 8.5, 9.0),
    ];
    // 8 - 4 - 4 + 9 = 9 paid for 10.
    only(
        &quotes,
        Fees { option: 0.1, future: 9.0 },
        ArbitrageKind::Box,
        0.6,
        &[(0, 1.0), (1, -1.0), (2, -1.0), (3, 1.0)],
    );
    let coins = [
        option(100.0, true, 0.20, 0.21),
        option(100.0, false, 0.10, 0.11),
        option(125.0, true, 0.10, 0.11),
        option(125.0, false, 0.16, 0.17),
    ];
    // 0.21 - 0.10 - 0.8 (0.10 - 0.17) paid for 0.2.
    only(&coins.map(inverse), FREE, ArbitrageKind::Box, 0.034, &[(0, 1.0), (1, -1.0), (2, -0.8), (3, 0.8)]);
}

#[test]
fn unknown_sizes_leave_the_quantity_unknown_and_bad_quotes_are_left_out_by_name() {
    let good = [option(100.0, true, 4.0, 4.5), option(110.0, true, 5.0, 5.5)];
    let sizeless = [good[0], Quote { bid_qty: f64::NAN, ..good[1] }];
    assert_eq!(rows(&sizeless, FREE)[0].qty, None);
    let one_sided = [Quote { bid: f64::NAN, ..good[0] }, Quote { ask: 0.0, ..good[1] }];
    let found = arbitrage(&one_sided, &FREE).unwrap();
    assert_eq!((found.rows.len(), found.reasons), (1, vec![Reason::MissingQuote; 2]));
    for (bad, reason) in [
        (Quote { bid: 4.6, ..good[0] }, Reason::CrossedQuote),
        (Quote { t: 0.0, ..good[0] }, Reason::ExpiredQuote),
        (Quote { discount: f64::NAN, ..good[0] }, Reason::NotANumber),
        (Quote { discount: 0.0, ..good[0] }, Reason::BadDiscount),
        (Quote { ask_qty: -1.0, ..good[0] }, Reason::BadQuantity),
        (Quote { bid_qty: f64::INFINITY, ..good[0] }, Reason::BadQuantity),
        (Quote { kind: QuoteKind::Option { strike: -1.0, call: true }, ..good[0] }, Reason::BadStrike),
    ] {
        let found = arbitrage(&[bad, good[1]], &FREE).unwrap();
        assert_eq!((found.rows.len(), found.reasons), (0, vec![reason, Reason::None]));
    }
    assert_eq!(arbitrage(&good, &Fees { option: f64::NAN, future: 0.0 }), Err(Reason::NotANumber));
    assert!(arbitrage(&[], &FREE).unwrap().rows.is_empty());
}

/// Quotes around the prices of a flat vol: two expiries at one forward, both kinds, and their futures.
fn model_quotes(vol: f64, discount: f64, style: Style, spreads: &[f64]) -> Vec<Quote> {
    let mut quotes = Vec::new();
    let mut spread = spreads.iter().cycle();
    let mut width = || *spread.next().unwrap();
    for (expiry, t, discount) in [(1, 0.1, discount), (2, 0.4, discount * discount)] {
        let at = |quote: Quote| Quote { expiry, t, style, discount, ..quote };
        let w = width();
        quotes.push(at(future(100.0 - w, 100.0 + w)));
        for i in 0..8 {
            let strike = 70.0 + 10.0 * f64::from(i);
            for call in [true, false] {
                let price = Black76 {
                    forward: 100.0,
                    strike,
                    t,
                    vol,
                    put_or_call: if call { PutOrCall::Call } else { PutOrCall::Put },
                    discount,
                }
                .price()
                .unwrap();
                let price = if style == Style::Inverse { price / 100.0 } else { price };
                let w = width() * 0.01 * price.max(1e-4);
                quotes.push(at(option(strike, call, price - w, price + w)));
            }
        }
    }
    quotes
}

proptest! {
    #[test]
    fn the_quotes_of_a_model_hold_no_arbitrage_and_a_planted_one_is_found(
        vol in 0.2..1.2_f64,
        discount in 0.9..1.0_f64,
        is_inverse: bool,
        spreads in prop::collection::vec(0.01..3.0_f64, 17),
        at in 0..7_usize,
        extra in 0.001..0.05_f64,
    ) {
        let style = if is_inverse { Style::Inverse } else { Style::Linear };
        let mut quotes = model_quotes(vol, discount, style, &spreads);
        prop_assert_eq!(rows(&quotes, FREE), vec![]);
        // The call of a higher strike now bids above the ask of the lower one.
        let (low, high) = (1 + 2 * at, 3 + 2 * at);
        quotes[high].bid = quotes[low].ask + extra;
        quotes[high].ask = quotes[high].bid + extra;
        let found = rows(&quotes, FREE);
        let planted = found.iter().find(|row| {
            row.kind == ArbitrageKind::Vertical && row.legs[0].quote == low && row.legs[1].quote == high
        });
        prop_assert!((planted.unwrap().edge - extra).abs() < 1e-12);
    }

    #[test]
    fn no_quotes_panic(numbers in prop::collection::vec(any::<f64>(), 40), call: bool) {
        let quotes: Vec<Quote> = numbers.chunks(5).map(|n| Quote {
            discount: n[3],
            t: n[4].abs(),
            ..if n[0] > 0.0 { option(n[0], call, n[1], n[2]) } else { future(n[1], n[2]) }
        }).collect();
        let _ = arbitrage(&quotes, &FREE);
    }
}
