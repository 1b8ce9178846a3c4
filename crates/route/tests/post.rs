//! Where the passive share rests, and the smallest child that a venue accepts.

mod market;

use market::{book, candidate, config, event, inverse, linear, router, spot};
use proptest::prelude::*;
use tiderace_book::Book;
use tiderace_route::{Candidate, Request};
use tiderace_types::{Amount, InstrumentId, MarketKind, Price, Qty, Side};

const BTC: i64 = 100_000_000;

fn request<'a>(side: Side, exposure: i64, candidates: &'a [Candidate<'a>]) -> Request<'a> {
    Request { side, exposure: Amount::new(exposure.into()), candidates }
}

fn two_sided(mid: i64, half: i64) -> Book {
    book(&[(mid - half, 100 * BTC)], &[(mid + half, 100 * BTC)])
}

#[test]
fn it_rests_where_making_costs_least_and_funding_counts() {
    let (spot, linear, inverse) = (spot(), linear(), inverse());
    let (a, b, c) = (two_sided(6_180_000, 10), two_sided(618_000, 1), two_sided(618_000, 1));
    let all = [
        candidate(&spot, &a, 12_360_000, 6_200_000),
        candidate(&linear, &b, 1_236_000, 620_000),
        candidate(&inverse, &c, 1_236_000, 620_000),
    ];
    // Buy: the rebate of 0.9 bp less 1 bp of funding beats 1.1 bp, and 1 bp without rebate.
    let child = router(config()).post(&request(Side::Buy, BTC, &all)).unwrap();
    assert_eq!((child.instrument, child.price, child.side), (InstrumentId(2), Price::new(617_999), Side::Buy));
    // 61 799.9 / 100 contracts, rounded down; never above the exposure.
    assert_eq!((child.order_qty.get(), child.exposure), (617, Amount::new(99_838_350)));
    // Without it, 1 bp of funding beats spot's fee of 1.1 bp.
    let child = router(config()).post(&request(Side::Buy, BTC, &all[..2])).unwrap();
    assert_eq!(child.instrument, InstrumentId(1));
    let all = all.map(|candidate| Candidate { limit_px: Price::new(0), ..candidate });
    let child = router(config()).post(&request(Side::Sell, BTC, &all)).unwrap();
    assert_eq!((child.instrument, child.price), (InstrumentId(2), Price::new(618_001)));
}

#[test]
fn equal_costs_rest_with_the_smaller_id() {
    let (linear, mut twin) = (linear(), linear());
    twin.id = InstrumentId(0);
    let mut config = config();
    config.costs[0] = config.costs[1].clone();
    let book = two_sided(618_000, 1);
    let all = [candidate(&linear, &book, 1_236_000, 620_000), candidate(&twin, &book, 1_236_000, 620_000)];
    assert_eq!(router(config).post(&request(Side::Buy, BTC, &all)).unwrap().instrument, InstrumentId(0));
}

#[test]
fn nothing_rests_beyond_the_limit_or_the_known_edge_or_where_it_would_trade() {
    let linear = linear();
    let post = |book: &Book, limit| {
        router(config()).post(&request(Side::Buy, BTC, &[candidate(&linear, book, 1_236_000, limit)]))
    };
    let mut fine = two_sided(618_000, 1);
    assert!(post(&fine, 617_999).is_some());
    assert_eq!(post(&fine, 617_998), None);
    fine.apply(&event(MarketKind::Reach, Side::Buy, 618_000, 0));
    assert_eq!(post(&fine, 620_000), None);
    assert_eq!(post(&two_sided(618_000, 0), 620_000), None);
    assert_eq!(post(&two_sided(618_000, -1), 620_000), None);
    assert_eq!(post(&book(&[], &[(618_000, BTC)]), 620_000), None);
    let mut stale = two_sided(618_000, 1);
    stale.apply(&event(MarketKind::Gap, Side::Buy, 0, 0));
    assert_eq!(post(&stale, 620_000), None);
}

#[test]
fn what_one_venue_is_too_coarse_for_rests_at_the_next() {
    let (spot, inverse) = (spot(), inverse());
    let (a, c) = (two_sided(6_180_000, 1), two_sided(618_000, 1));
    let all = [candidate(&spot, &a, 12_360_000, 6_200_000), candidate(&inverse, &c, 1_236_000, 620_000)];
    // 0.001 BTC is less than a contract of 100 USD.
    let child = router(config()).post(&request(Side::Buy, 100_000, &all)).unwrap();
    assert_eq!((child.instrument, child.order_qty.get()), (InstrumentId(0), 100));
    assert_eq!(router(config()).post(&request(Side::Buy, 8_000, &all)), None);
    let mut capped = spot.clone();
    capped.max_order_qty = Qty::new(50).unwrap();
    let child = router(config()).post(&request(Side::Buy, 100_000, &[candidate(&capped, &a, 12_360_000, 6_200_000)]));
    assert_eq!(child.unwrap().order_qty.get(), 50);
}

#[test]
fn the_smallest_child_is_the_least_of_lots_and_minimum_notionals() {
    let (spot, linear, inverse) = (spot(), linear(), inverse());
    let (a, b, c) = (two_sided(6_180_000, 1), two_sided(618_000, 1), two_sided(618_000, 1));
    let all = [
        candidate(&spot, &a, 12_360_000, 6_200_000),
        candidate(&linear, &b, 1_236_000, 620_000),
        candidate(&inverse, &c, 1_236_000, 620_000),
    ];
    let router = router(config());
    // Spot: 9 lots are worth 5.56 USDT. Linear: 0.002 BTC for 100 USDT. Inverse: 100 / 61 800.1, rounded up.
    assert_eq!(router.smallest_child(Side::Buy, &all), Amount::new(9_000));
    assert_eq!(router.smallest_child(Side::Buy, &all[1..2]), Amount::new(200_000));
    assert_eq!(router.smallest_child(Side::Buy, &all[2..]), Amount::new(161_813));
    // A book that is not live is measured at its arrival mid; a venue outside the list does not count.
    let unlisted = Candidate { is_selected: false, ..all[0] };
    let silent = candidate(&inverse, &c, 1_236_000, 620_000);
    let not_live = Book::new();
    let waiting = [unlisted, Candidate { book: &not_live, ..silent }];
    assert_eq!(router.smallest_child(Side::Buy, &waiting), Amount::new(161_813));
    assert_eq!(router.smallest_child(Side::Buy, &waiting[..1]), Amount::MAX);
}

proptest! {
    #[test]
    fn the_smallest_child_is_taken_and_one_unit_less_is_not(
        price in 1_000i64..1_000_000_000, min_lots in 0i64..50, notional in 0i128..100_000_000_000, kind in 0usize..3,
    ) {
        let mut instrument = market::instruments()[kind].clone();
        instrument.min_order_qty = Qty::new(min_lots).unwrap();
        instrument.min_notional = Amount::new(notional);
        let book = book(&[(price, i64::MAX)], &[(price, i64::MAX)]);
        let all = [candidate(&instrument, &book, price * 2, price)];
        let router = router(config());
        for side in [Side::Buy, Side::Sell] {
            let smallest = router.smallest_child(side, &all);
            let sweep = |exposure: i128| router.sweep(&Request { side, exposure: Amount::new(exposure), candidates: &all });
            prop_assert_eq!(sweep(smallest.get()).exposure, smallest);
            prop_assert_eq!(sweep(smallest.get() - 1).children, vec![]);
        }
    }
}
