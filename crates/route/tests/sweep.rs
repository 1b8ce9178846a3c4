//! The sweep against a slow one that sorts every level of every book, and what must hold of any plan.

mod market;

use market::{book, candidate, config, event, free, instruments, linear, router, spot};
use proptest::prelude::*;
use tiderace_book::Book;
use tiderace_route::{Candidate, Fee, Plan, Request, RouteConfig, Yardstick};
use tiderace_types::{Amount, InstrumentId, MarketKind, Price, Qty, Reason, Rounding, Side};

const BTC: i64 = 100_000_000;

/// (instrument, lots, worst price, exposure, cost in rate x base units) of each child.
type Taken = Vec<(InstrumentId, i64, i64, i128, i128)>;

/// Sorts every level that may be taken, takes in that order, drops the smallest child below its minimum, starts again.
fn slow(request: &Request<'_>, config: &RouteConfig) -> Taken {
    let side = request.side;
    let mut out = vec![false; request.candidates.len()];
    loop {
        let mut levels = Vec::new();
        for (at, c) in
            request.candidates.iter().enumerate().filter(|(at, c)| c.is_selected && c.book.is_live() && !out[*at])
        {
            let yardstick = Yardstick::new(c.instrument, side, c.arrival_mid2, Fee::Taker, config).unwrap();
            for level in c.book.levels(side.opposite()) {
                let ahead = i128::from(side.sign()) * i128::from(c.limit_px.get() - level.price.get());
                if ahead >= 0 && c.book.is_known(side.opposite(), level.price) {
                    levels.push((yardstick.cost(level.price).unwrap().get(), c.instrument.id, levels.len(), at, level));
                }
            }
        }
        levels.sort_by_key(|(cost, id, order, ..)| (*cost, *id, *order));
        let mut left = request.exposure.get();
        let mut taken: Vec<(i64, i64, i128, i128)> = vec![(0, 0, 0, 0); out.len()];
        let mut is_done = vec![false; out.len()];
        for (cost, _, _, at, level) in levels {
            if is_done[at] || left <= 0 {
                continue;
            }
            let i = request.candidates[at].instrument;
            let room = i.max_order_qty.get() - taken[at].0;
            let offered = i.lots_of_feed_qty(level.qty_e8).get().min(room);
            // Lot by lot: as many as do not pass what is left.
            let exposure = |lots| i.exposure(Qty::new(lots).unwrap(), level.price, Rounding::Ceil).unwrap().get();
            let mut lots = 0;
            while lots < offered && exposure(lots + 1) <= left {
                lots += 1;
            }
            is_done[at] = lots < offered || lots == room || exposure(1) > left;
            if lots > 0 {
                left -= exposure(lots);
                let so_far = taken[at];
                let spent = so_far.3 + cost * exposure(lots);
                taken[at] = (so_far.0 + lots, level.price.get(), so_far.2 + exposure(lots), spent);
            }
        }
        let is_short = |at: &usize| {
            let (lots, price, ..) = taken[*at];
            let i = request.candidates[*at].instrument;
            let worth = i.notional(Qty::new(lots).unwrap(), Price::new(price), Rounding::Floor).unwrap();
            lots > 0 && (lots < i.min_order_qty.get() || worth < i.min_notional)
        };
        match (0..out.len()).filter(is_short).min_by_key(|at| taken[*at].2) {
            Some(at) => out[at] = true,
            None => {
                let ids = request.candidates.iter().map(|c| c.instrument.id);
                return ids.zip(taken).filter(|(_, t)| t.0 > 0).map(|(id, t)| (id, t.0, t.1, t.2, t.3)).collect();
            }
        }
    }
}

/// What each child of a plan takes when it goes through its book best first.
fn fill(plan: &Plan, request: &Request<'_>, config: &RouteConfig) -> Taken {
    let child = |child: &tiderace_route::Child| {
        let c = request.candidates.iter().find(|c| c.instrument.id == child.instrument).unwrap();
        let yardstick = Yardstick::new(c.instrument, request.side, c.arrival_mid2, Fee::Taker, config).unwrap();
        let (mut left, mut worst, mut exposure, mut spent) = (child.order_qty.get(), 0, 0, 0);
        let mut last = i128::MIN;
        for level in c.book.levels(request.side.opposite()) {
            let lots = left.min(c.instrument.lots_of_feed_qty(level.qty_e8).get());
            if lots > 0 {
                let cost = yardstick.cost(level.price).unwrap().get();
                assert!(cost >= last, "cost falls along a book");
                last = cost;
                let taken = c.instrument.exposure(Qty::new(lots).unwrap(), level.price, Rounding::Ceil).unwrap().get();
                (left, worst, exposure, spent) =
                    (left - lots, level.price.get(), exposure + taken, spent + cost * taken);
            }
        }
        assert_eq!((left, worst, exposure), (0, child.price.get(), child.exposure.get()));
        (child.instrument, child.order_qty.get(), worst, exposure, spent)
    };
    plan.children.iter().map(child).collect()
}

#[derive(Clone, Debug)]
struct Market {
    bids: Vec<(i64, i64)>,
    asks: Vec<(i64, i64)>,
    reach: Option<i64>,
    kind: Option<MarketKind>,
    basis: i64,
    limit: i64,
    is_selected: bool,
    min_lots: i64,
    max_lots: i64,
}

fn markets() -> impl Strategy<Value = Market> {
    let side = || prop::collection::vec((1i64..60, prop_oneof![1i64..300_000, 1i64..40_000_000]), 0..20);
    let end = prop_oneof![8 => Just(None), 1 => Just(Some(MarketKind::Gap)), 1 => Just(Some(MarketKind::Clear))];
    let sizes = (prop_oneof![3 => Just(1i64), 1 => 1i64..40], prop_oneof![3 => Just(i64::MAX), 1 => 1i64..60]);
    (side(), side(), prop::option::of(0i64..60), end, -40i64..40, -5i64..60, prop::bool::weighted(0.9), sizes).prop_map(
        |(bids, asks, reach, kind, basis, limit, is_selected, (min_lots, max_lots))| Market {
            bids,
            asks,
            reach,
            kind,
            basis,
            limit,
            is_selected,
            min_lots,
            max_lots,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_sweep_equals_the_slow_sweep_and_keeps_its_promises(
        markets in prop::collection::vec(markets(), 3..=3),
        exposure in prop_oneof![0i64..1_000_000, 0i64..200_000_000],
        side in prop::sample::select(vec![Side::Buy, Side::Sell]),
        is_free in any::<bool>(),
    ) {
        let config = if is_free { free() } else { config() };
        let mut table = instruments();
        let mut books = Vec::new();
        for (at, (instrument, market)) in table.iter_mut().zip(&markets).enumerate() {
            instrument.min_order_qty = Qty::new(market.min_lots).unwrap();
            instrument.max_order_qty = Qty::new(market.max_lots).unwrap();
            // Contracts are counted whole: 10^8 of feed quantity is one.
            let scale = if at == 2 { 1_000 } else { 1 };
            let mid = if at == 0 { 6_180_000 } else { 618_000 } + market.basis;
            let levels = |side: &[(i64, i64)], sign: i64| -> Vec<(i64, i64)> {
                side.iter().map(|(away, qty)| (mid + sign * away, qty * scale)).collect()
            };
            let mut book = book(&levels(&market.bids, -1), &levels(&market.asks, 1));
            if let Some(reach) = market.reach {
                book.apply(&event(MarketKind::Reach, Side::Buy, mid - reach, 0));
                book.apply(&event(MarketKind::Reach, Side::Sell, mid + reach, 0));
            }
            if let Some(kind) = market.kind {
                book.apply(&event(kind, Side::Buy, 0, 0));
            }
            books.push((book, mid));
        }
        let candidates: Vec<Candidate<'_>> = table.iter().zip(&books).zip(&markets).map(|((instrument, (book, mid)), market)| {
            let limit = mid + side.sign() * market.limit;
            Candidate { is_selected: market.is_selected, ..candidate(instrument, book, 2 * mid, limit) }
        }).collect();
        let request = Request { side, exposure: Amount::new(exposure.into()), candidates: &candidates };
        let plan = router(config.clone()).sweep(&request);

        prop_assert_eq!(fill(&plan, &request, &config), slow(&request, &config));

        let sum: i128 = plan.children.iter().map(|child| child.exposure.get()).sum();
        prop_assert_eq!(plan.exposure.get(), sum);
        prop_assert!(plan.exposure <= request.exposure);
        for child in &plan.children {
            let c = &candidates[child.instrument.index()];
            prop_assert!(c.is_selected && c.book.is_live() && child.side == side);
            prop_assert!(c.book.is_known(side.opposite(), child.price));
            prop_assert!(side.sign() * (c.limit_px.get() - child.price.get()) >= 0);
            prop_assert!(child.order_qty >= c.instrument.min_order_qty && child.order_qty <= c.instrument.max_order_qty);
        }
        let mut ids: Vec<InstrumentId> = plan.children.iter().map(|child| child.instrument).collect();
        ids.extend(plan.skipped.iter().map(|(id, _)| *id));
        ids.sort();
        prop_assert_eq!(ids, [InstrumentId(0), InstrumentId(1), InstrumentId(2)]);
        prop_assert!(plan.skipped.iter().all(|(_, reason)| *reason != Reason::None));

        let mut again = plan.clone();
        router(config).sweep_into(&request, &mut again);
        prop_assert_eq!(again, plan);
    }
}

#[test]
fn a_cheap_number_is_not_preferred() {
    // The same book twice, one 30 USD lower: without fees both are as near to their own fair value, and the smaller id
    // goes first; the levels of both are taken in step.
    let (mut near, far) = (linear(), linear());
    near.id = InstrumentId(0);
    let a = book(&[], &[(618_001, BTC), (618_002, BTC)]);
    let b = book(&[], &[(617_701, BTC), (617_702, BTC)]);
    let candidates = [candidate(&near, &a, 1_236_000, 620_000), candidate(&far, &b, 1_235_400, 620_000)];
    let request = Request { side: Side::Buy, exposure: Amount::new(i128::from(BTC)), candidates: &candidates };
    let plan = router(free()).sweep(&request);
    assert_eq!(plan.skipped, [(InstrumentId(1), Reason::Dearer)]);
    let request = Request { exposure: Amount::new(2 * i128::from(BTC)), ..request };
    let prices: Vec<_> = router(free()).sweep(&request).children.iter().map(|child| child.price.get()).collect();
    assert_eq!(prices, [618_001, 617_701]);
}

#[test]
fn a_sweep_stops_at_the_edge_of_what_is_known_and_at_the_limit() {
    let spot = spot();
    let mut book = book(&[], &[(6_180_001, BTC), (6_180_002, BTC), (6_180_003, BTC)]);
    let sweep = |book: &Book, limit| {
        let candidates = [candidate(&spot, book, 12_360_000, limit)];
        let request = Request { side: Side::Buy, exposure: Amount::new(i128::from(9 * BTC)), candidates: &candidates };
        let plan = router(config()).sweep(&request);
        (plan.exposure.get() / i128::from(BTC), plan.children[0].price.get())
    };
    assert_eq!(sweep(&book, 6_200_000), (3, 6_180_003));
    assert_eq!(sweep(&book, 6_180_002), (2, 6_180_002));
    book.apply(&event(MarketKind::Reach, Side::Sell, 6_180_001, 0));
    assert_eq!(sweep(&book, 6_200_000), (1, 6_180_001));
}

#[test]
fn an_inverse_contract_counts_at_the_price_of_its_level() {
    let [_, _, inverse] = instruments();
    // 100 / 50 000 = 0.002 BTC and 100 / 40 000 = 0.0025 BTC: 0.0085 covers one at the first and two at the second.
    let book = book(&[(500_000, BTC), (400_000, 5 * BTC)], &[]);
    let candidates = [candidate(&inverse, &book, 1_000_000, 1)];
    let request = Request { side: Side::Sell, exposure: Amount::new(850_000), candidates: &candidates };
    let plan = router(config()).sweep(&request);
    assert_eq!((plan.children[0].order_qty.get(), plan.exposure.get()), (3, 700_000));
    assert_eq!(plan.children[0].price.get(), 400_000);
}
