//! Every reason for which a venue gets nothing, and the rule behind it.

mod market;

use market::{book, candidate, config, event, free, inverse, linear, router, spot};
use tiderace_book::Book;
use tiderace_route::{Candidate, Request};
use tiderace_types::{Amount, InstrumentId, MarketKind, Qty, Reason, Side};

const BTC: i64 = 100_000_000;

/// The reason for which the only candidate of a buy gets nothing.
fn reason(exposure: i64, candidate: Candidate<'_>) -> Reason {
    let request = Request { side: Side::Buy, exposure: Amount::new(exposure.into()), candidates: &[candidate] };
    let plan = router(config()).sweep(&request);
    assert_eq!((plan.children.len(), plan.exposure), (0, Amount::ZERO));
    assert_eq!(plan.skipped.len(), 1);
    plan.skipped[0].1
}

fn asks() -> Book {
    book(&[(6_179_999, BTC)], &[(6_180_001, BTC)])
}

#[test]
fn a_stale_book_is_skipped() {
    let (spot, mut book) = (spot(), asks());
    book.apply(&event(MarketKind::Gap, Side::Buy, 0, 0));
    assert_eq!(reason(BTC, candidate(&spot, &book, 12_360_000, 6_200_000)), Reason::BookStale);
}

#[test]
fn a_book_without_a_snapshot_is_skipped() {
    let (spot, mut book) = (spot(), asks());
    assert_eq!(reason(BTC, candidate(&spot, &Book::new(), 12_360_000, 6_200_000)), Reason::BookNotLive);
    book.apply(&event(MarketKind::Clear, Side::Buy, 0, 0));
    book.apply(&event(MarketKind::Level, Side::Sell, 6_180_001, BTC));
    assert_eq!(reason(BTC, candidate(&spot, &book, 12_360_000, 6_200_000)), Reason::BookNotLive);
}

#[test]
fn a_price_beyond_the_limit_is_skipped() {
    let (spot, book) = (spot(), asks());
    assert_eq!(reason(BTC, candidate(&spot, &book, 12_360_000, 6_180_000)), Reason::BeyondLimit);
}

#[test]
fn depth_beyond_the_reach_is_skipped() {
    let (spot, mut book) = (spot(), asks());
    book.apply(&event(MarketKind::Reach, Side::Sell, 6_180_000, 0));
    assert_eq!(reason(BTC, candidate(&spot, &book, 12_360_000, 6_200_000)), Reason::KnownEdge);
}

#[test]
fn a_child_below_a_lot_the_minimum_quantity_or_the_minimum_notional_is_dropped() {
    let (mut spot, book) = (spot(), asks());
    // 8 lots are worth 4.94 USDT, 9 are worth 5.56.
    assert_eq!(reason(999, candidate(&spot, &book, 12_360_000, 6_200_000)), Reason::BelowMinimum);
    assert_eq!(reason(8_999, candidate(&spot, &book, 12_360_000, 6_200_000)), Reason::BelowMinimum);
    spot.min_order_qty = Qty::new(11).unwrap();
    assert_eq!(reason(10_000, candidate(&spot, &book, 12_360_000, 6_200_000)), Reason::BelowMinimum);
    assert_eq!(reason(0, candidate(&spot, &book, 12_360_000, 6_200_000)), Reason::Dearer);
}

#[test]
fn a_dearer_venue_is_skipped() {
    let (spot, linear) = (spot(), linear());
    let (near, far) = (asks(), book(&[], &[(618_200, BTC)]));
    let candidates = [candidate(&spot, &near, 12_360_000, 6_200_000), candidate(&linear, &far, 1_236_000, 620_000)];
    let request = Request { side: Side::Buy, exposure: Amount::new(BTC.into()), candidates: &candidates };
    assert_eq!(router(config()).sweep(&request).skipped, [(InstrumentId(1), Reason::Dearer)]);
}

#[test]
fn a_venue_outside_the_list_is_skipped() {
    let (spot, book) = (spot(), asks());
    let unlisted = Candidate { is_selected: false, ..candidate(&spot, &book, 12_360_000, 6_200_000) };
    assert_eq!(reason(BTC, unlisted), Reason::NotSelected);
}

#[test]
fn an_empty_side_is_skipped() {
    let (spot, book) = (spot(), book(&[(6_179_999, BTC)], &[]));
    assert_eq!(reason(BTC, candidate(&spot, &book, 12_360_000, 6_200_000)), Reason::NoDepth);
}

#[test]
fn a_cost_that_does_not_fit_or_is_not_declared_is_skipped() {
    let (mut spot, book) = (spot(), book(&[], &[(i64::MAX, BTC)]));
    spot.tick_size = i64::MAX;
    assert_eq!(reason(BTC, candidate(&spot, &book, 12_360_000, i64::MAX)), Reason::Unpriced);
    spot.id = InstrumentId(3);
    assert_eq!(reason(BTC, candidate(&spot, &asks(), 12_360_000, i64::MAX)), Reason::Unpriced);
}

#[test]
fn what_a_dropped_child_would_have_covered_is_offered_to_the_others() {
    // The linear perpetual is cheaper but shows 0.001 BTC, below its minimum notional: spot takes the whole.
    let (spot, mut linear) = (spot(), linear());
    linear.min_order_qty = Qty::new(2).unwrap();
    let (deep, thin) = (asks(), book(&[], &[(618_000, 100_000)]));
    let candidates = [candidate(&spot, &deep, 12_360_000, 6_200_000), candidate(&linear, &thin, 1_236_000, 620_000)];
    let request = Request { side: Side::Buy, exposure: Amount::new(1_000_000), candidates: &candidates };
    let plan = router(free()).sweep(&request);
    assert_eq!(plan.skipped, [(InstrumentId(1), Reason::BelowMinimum)]);
    assert_eq!((plan.exposure, plan.children[0].order_qty.get()), (Amount::new(1_000_000), 1_000));
}

#[test]
fn of_two_children_below_their_minimum_the_smaller_makes_room_for_the_larger() {
    let (spot, mut inverse) = (spot(), inverse());
    inverse.min_order_qty = Qty::new(3).unwrap();
    // Spot's 0.00007 BTC (4.33 USDT) within its limit come first and leave room for two contracts; without them it is three.
    let (a, b) = (book(&[], &[(6_180_000, 7_000)]), book(&[], &[(618_001, 9 * BTC)]));
    let candidates = [candidate(&spot, &a, 12_360_000, 6_180_000), candidate(&inverse, &b, 1_236_000, 620_000)];
    let request = Request { side: Side::Buy, exposure: Amount::new(490_000), candidates: &candidates };
    let plan = router(free()).sweep(&request);
    assert_eq!(plan.skipped, [(InstrumentId(0), Reason::BelowMinimum)]);
    assert_eq!((plan.children[0].order_qty.get(), plan.exposure), (3, Amount::new(485_437)));
    // Without room for three in all, both are dropped.
    let plan = router(free()).sweep(&Request { exposure: Amount::new(485_436), ..request });
    assert_eq!(plan.children, []);
    assert_eq!(plan.skipped, [(InstrumentId(0), Reason::BelowMinimum), (InstrumentId(2), Reason::BelowMinimum)]);
}
