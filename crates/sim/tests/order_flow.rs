//! The order flow against what is known of it: the published probabilities of Cont, Stoikov and Talreja, run through
//! our matching; the laws of its options; and the BTC market that it stands in for.

mod desk;

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tiderace_book::by_order::Level;
use tiderace_sim::order_flow::{
    BookView, Excitation, FairParams, FlowCommand, FlowEvent, FlowMarket, FlowParams, MakerParams, OrderFlow, OrderSize,
};
use tiderace_types::{Instrument, InstrumentKind, Price, Qty, Side, Ts};

/// Table 3, bottom panel (Laplace transforms): rows are orders at the bid, 1 to 5, columns orders at the ask.
const PUBLISHED: [[f64; 5]; 5] = [
    [0.500, 0.336, 0.259, 0.216, 0.188],
    [0.664, 0.500, 0.407, 0.348, 0.307],
    [0.741, 0.593, 0.500, 0.437, 0.391],
    [0.784, 0.652, 0.563, 0.500, 0.452],
    [0.812, 0.693, 0.609, 0.548, 0.500],
];

fn is_full() -> bool {
    std::env::var_os("TIDERACE_FULL").is_some_and(|full| full == "1")
}

/// The probability that the queue of `ask` orders is empty before that of `bid` orders, both born at `lambda` and dying
/// at `mu + n theta`: the absorption probability of the chain of both queues, by Gauss and Seidel's iteration.
fn race(lambda: f64, mu: f64, theta: f64) -> Vec<Vec<f64>> {
    const N: usize = 60;
    let death = |n: usize| mu + theta * n as f64;
    // p[bid][ask]: one where the ask is empty, zero where the bid is; a full queue is not born into.
    let mut p = vec![vec![0.5; N + 1]; N + 1];
    for row in &mut p {
        row[0] = 1.0;
    }
    p[0] = vec![0.0; N + 1];
    loop {
        let mut moved: f64 = 0.0;
        for bid in 1..=N {
            for ask in 1..=N {
                let birth = |n: usize| if n < N { lambda } else { 0.0 };
                let out = birth(bid) + birth(ask) + death(bid) + death(ask);
                let next = birth(bid) * p[(bid + 1).min(N)][ask]
                    + birth(ask) * p[bid][(ask + 1).min(N)]
                    + death(bid) * p[bid - 1][ask]
                    + death(ask) * p[bid][ask - 1];
                moved = moved.max((next / out - p[bid][ask]).abs());
                p[bid][ask] = next / out;
            }
        }
        if moved < 1e-13 {
            return p;
        }
    }
}

#[test]
fn the_race_of_two_queues_gives_the_published_probabilities() {
    let p = race(1.85, 0.94, 0.71);
    let mut worst: f64 = 0.0;
    for bid in 1..=5 {
        for ask in 1..=5 {
            worst = worst.max((p[bid][ask] - PUBLISHED[bid - 1][ask - 1]).abs());
            assert!((p[bid][ask] + p[ask][bid] - 1.0).abs() < 1e-9, "the sides are alike");
        }
    }
    println!("largest difference from table 3: {worst:.5}");
    assert!(worst < 0.000_9, "three decimals are printed: {worst}");
}

/// Whether the mid moves up first, from `bid` and `ask` orders at the best prices one tick apart. Behind them stand others.
fn moves_up(params: &FlowParams, seed: u64, bid: usize, ask: usize) -> bool {
    let mut market = FlowMarket::new(params.clone(), seed).unwrap();
    for (side, best, orders) in [(Side::Buy, 1_000, bid), (Side::Sell, 1_001, ask)] {
        for _ in 0..orders {
            market.rest(side, Price::new(best));
        }
        for behind in 1..=3 {
            market.rest(side, Price::new(best - side.sign() * behind));
        }
    }
    for _ in 0..1_000_000 {
        market.step();
        // A side may be empty behind its best price: the mid has moved its way all the same.
        let best = |side| market.book().best(side).map(|level: Level| level.price.get());
        match (best(Side::Buy), best(Side::Sell)) {
            (Some(bid), Some(ask)) if bid + ask == 2_001 => {}
            (Some(bid), Some(ask)) => return bid + ask > 2_001,
            (bid, _) => return bid.is_some(),
        }
    }
    panic!("seed {seed}: the mid stands");
}

/// Goal: the flow at its published parameters, through our matching, moves the mid up as often as published. Method: each
/// state of table 3, so many runs to the first move; each cell within 4.5 deviations of the exact probability and of the
/// printed one, and all cells together within what chance allows (chi squared, 25 degrees, 1 in 1,000).
#[test]
fn the_mid_moves_up_as_often_as_published() {
    let (runs, levels) = if is_full() { (30_000, 30) } else { (3_000, 5) };
    let params = FlowParams { max_levels: levels, ..FlowParams::cont_stoikov_talreja() };
    let exact = race(1.85, 0.94, 0.71);
    let mut squares = 0.0;
    for bid in 1..=5 {
        let mut line = String::new();
        for ask in 1..=5 {
            let seeds = (0..runs).map(|run| run + 1_000_000 * (bid * 10 + ask) as u64);
            let ups = seeds.filter(|seed| moves_up(&params, *seed, bid, ask)).count();
            let (got, p) = (ups as f64 / runs as f64, exact[bid][ask]);
            let deviation = (p * (1.0 - p) / runs as f64).sqrt();
            let z = (got - p) / deviation;
            squares += z * z;
            line += &format!(" {got:.3} ({:.3})", PUBLISHED[bid - 1][ask - 1]);
            assert!(z.abs() < 4.5, "bid {bid}, ask {ask}: {got} for {p}");
            assert!(
                (got - PUBLISHED[bid - 1][ask - 1]).abs() < 4.5 * deviation + 0.000_5,
                "bid {bid}, ask {ask}: {got}"
            );
        }
        println!("bid {bid}:{line}");
    }
    println!("{runs} runs a cell, {levels} levels, chi squared {squares:.1} of 25 degrees");
    assert!(squares < 52.6, "{squares}");
}

#[test]
fn the_same_seed_gives_the_same_flow_and_another_does_not() {
    let story = |seed| {
        let mut market = FlowMarket::new(btc(), seed).unwrap();
        market.open();
        (0..5_000).map(|_| (market.step().0, format!("{:?}", market.step()))).collect::<Vec<_>>()
    };
    let first = story(7);
    assert!(first == story(7));
    assert!(first != story(8));
    assert!(first.is_sorted_by_key(|(ts, _)| *ts));
}

/// Goal: crowd orders rest and go as the params say. Method: events a second on each side, over a long run at the
/// published parameters, against their intensities; cancels against those of the orders that stood, time by time.
#[test]
fn limit_orders_cancels_and_market_orders_arrive_at_their_intensities() {
    let params = FlowParams { max_levels: 5, ..FlowParams::cont_stoikov_talreja() };
    let mut market = FlowMarket::new(params.clone(), 3).unwrap();
    market.open();
    let mut counts: BTreeMap<(&str, i64), f64> = BTreeMap::new();
    let (mut seconds, mut expected, mut last) = (0.0, BTreeMap::<i64, f64>::new(), Ts::ZERO);
    for _ in 0..200_000 {
        let [bid, ask] = [Side::Buy, Side::Sell].map(|side| market.book().best(side).map(|level| level.price.get()));
        // The paper's distances need both best prices.
        let (Some(bid), Some(ask)) = (bid, ask) else {
            last = market.step().0;
            continue;
        };
        let bids: Vec<(i64, i64)> =
            market.book().levels(Side::Buy).map(|l| (l.price.get(), l.total_qty.get())).collect();
        let prices: BTreeMap<u64, i64> = market
            .book()
            .levels(Side::Buy)
            .flat_map(|level| {
                market.book().orders(Side::Buy, level.price).map(|order| (order.order_id, order.price.get()))
            })
            .collect();
        let (ts, command, _) = market.step();
        let dt = (ts.get() - last.get()) as f64 / 1e9;
        last = ts;
        seconds += dt;
        for (price, orders) in bids {
            *expected.entry((ask - price).min(5)).or_default() += params.cancel_rate(ask - price) * orders as f64 * dt;
        }
        let seen = match command {
            FlowCommand::New { side: Side::Buy, price, .. } => Some(("limit", ask - price.get())),
            FlowCommand::Market { side: Side::Buy, .. } => Some(("buy", 0)),
            FlowCommand::Market { side: Side::Sell, .. } => Some(("sell", 0)),
            FlowCommand::Cancel { order_id, .. } => prices.get(&order_id).map(|price| ("cancel", (ask - price).min(5))),
            FlowCommand::New { side: Side::Sell, price, .. } => {
                assert!((1..=5).contains(&(price.get() - bid)), "an ask counts from the bid");
                None
            }
        };
        if let Some(seen) = seen {
            *counts.entry(seen).or_default() += 1.0;
        }
    }
    let mut wanted: BTreeMap<(&str, i64), f64> = BTreeMap::new();
    for distance in 1..=5_u32 {
        wanted.insert(("limit", distance.into()), params.limit_rate(distance) * seconds);
        wanted.insert(("cancel", distance.into()), expected[&i64::from(distance)]);
    }
    wanted.extend([("buy", 0), ("sell", 0)].map(|key| (key, params.market_per_s * seconds)));
    for (key, wanted) in wanted {
        let got = counts[&key];
        println!("{key:?}: {got} of {wanted:.0}");
        assert!((got - wanted).abs() < 4.5 * wanted.sqrt(), "{key:?}: {got} of {wanted}");
    }
}

/// Goal: the book's mean shape has its hump two ticks from the opposite best, as in figure 2 of the paper. Method: orders
/// at each distance, weighed by time.
#[test]
fn the_book_has_its_hump_at_two_ticks_as_published() {
    let mut market = FlowMarket::new(FlowParams::cont_stoikov_talreja(), 1).unwrap();
    market.open();
    let (mut shape, mut seconds, mut last) = ([0.0; 31], 0.0, Ts::ZERO);
    for _ in 0..if is_full() { 1_000_000 } else { 100_000 } {
        let best = |side| market.book().best(side).map(|level: Level| level.price.get());
        let (bid, ask) = (best(Side::Buy).unwrap(), best(Side::Sell).unwrap());
        let mut now = [0.0; 31];
        for (side, opposite) in [(Side::Buy, ask), (Side::Sell, bid)] {
            for level in market.book().levels(side) {
                let distance = (level.price.get() - opposite).abs();
                if let Some(orders) = usize::try_from(distance).ok().and_then(|distance| now.get_mut(distance)) {
                    *orders += level.total_qty.get() as f64 / 2.0;
                }
            }
        }
        let ts = market.step().0;
        let dt = (ts.get() - last.get()) as f64 / 1e9;
        last = ts;
        seconds += dt;
        shape.iter_mut().zip(now).for_each(|(sum, orders)| *sum += orders * dt);
    }
    let shape = shape.map(|sum| (sum / seconds * 1_000.0).round() / 1_000.0);
    println!("orders at distances 1 to 30: {:?}", &shape[1..]);
    assert!((1..=30).all(|distance| shape[distance] <= shape[2]), "{shape:?}");
}

/// Goal: excited market orders come `1 / (1 - branching ratio)` times as often, in clusters. Method: counts in windows:
/// their mean against the law, their variance over the mean against `1 / (1 - ratio)^2`, which both hold for windows
/// that are long beside the decay (Hawkes, 1971).
#[test]
fn excited_market_orders_come_as_often_and_as_clustered_as_hawkes_says() {
    let excitation = Excitation { own_per_s: 1.0, cross_per_s: 0.5, decay_per_s: 3.0 };
    assert!((excitation.branching_ratio() - 0.5).abs() < 1e-12);
    let params = FlowParams {
        market_per_s: 1.0,
        excitation: Some(excitation),
        limit_per_s: Vec::new(),
        limit_tail: (0.0, 0.0),
        ..FlowParams::cont_stoikov_talreja()
    };
    let dispersion = |params: FlowParams| {
        const WINDOW_NS: i64 = 50_000_000_000;
        let windows = if is_full() { 20_000 } else { 2_000 };
        let mut flow = OrderFlow::new(params, 11).unwrap();
        let mut counts = vec![0.0; windows];
        loop {
            let (ts, command) = flow.next(&BookView::default());
            let Some(count) = usize::try_from(ts.get() / WINDOW_NS).ok().and_then(|row| counts.get_mut(row)) else {
                break;
            };
            *count += f64::from(u8::from(matches!(command, FlowCommand::Market { .. })));
        }
        let mean = counts.iter().sum::<f64>() / windows as f64;
        let variance = counts.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / windows as f64;
        (mean / 50.0, variance / mean)
    };
    let (plain, excited) = (dispersion(FlowParams { excitation: None, ..params.clone() }), dispersion(params));
    println!("a second, and variance over mean: plain {plain:?}, excited {excited:?}");
    assert!((plain.0 - 2.0).abs() < 0.05 && (plain.1 - 1.0).abs() < 0.15, "{plain:?}");
    assert!((excited.0 - 4.0).abs() < 0.1 && (excited.1 - 4.0).abs() < 0.6, "{excited:?}");
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    let sound = FlowParams::cont_stoikov_talreja();
    let excited = |own_per_s| FlowParams {
        excitation: Some(Excitation { own_per_s, cross_per_s: 0.5, decay_per_s: 1.0 }),
        ..sound.clone()
    };
    let (fair, makers) = (btc().fair.unwrap(), btc().makers.unwrap());
    let with_fair = |fair| FlowParams { fair: Some(fair), ..sound.clone() };
    let with_makers = |makers| FlowParams { makers: Some(makers), ..sound.clone() };
    let cases = [
        ("excitation", excited(0.5)),
        ("excitation", excited(f64::NAN)),
        ("start", FlowParams { start: Ts::new(i64::MAX), ..sound.clone() }),
        ("level_step", FlowParams { level_step: 0, ..sound.clone() }),
        ("max_levels", FlowParams { max_levels: 0, ..sound.clone() }),
        ("mid", FlowParams { mid: Price::MAX, ..sound.clone() }),
        ("mid", FlowParams { level_step: i64::MAX, ..sound.clone() }),
        ("limit_per_s", FlowParams { limit_per_s: vec![-1.0], ..sound.clone() }),
        ("limit_tail", FlowParams { limit_tail: (f64::INFINITY, 0.5), ..sound.clone() }),
        ("cancel_per_s", FlowParams { cancel_per_s: vec![f64::NAN], ..sound.clone() }),
        ("market_per_s", FlowParams { market_per_s: 0.0, ..sound.clone() }),
        ("limit_qty", FlowParams { limit_qty: OrderSize::Fixed(Qty::ZERO), ..sound.clone() }),
        ("market_qty", FlowParams { market_qty: OrderSize::Exponential(Qty::MAX), ..sound.clone() }),
        ("order_ids_from", FlowParams { order_ids_from: u64::MAX, ..sound.clone() }),
        ("volatility", with_fair(FairParams { volatility: 1.0, ..fair })),
        ("basis", with_fair(FairParams { basis: -1.0, ..fair })),
        ("lean_ticks", with_fair(FairParams { lean_ticks: 0.0, ..fair })),
        ("makers.count", with_makers(MakerParams { count: 0, ..makers })),
        ("makers.levels", with_makers(MakerParams { levels: 0, ..makers })),
        ("makers.level_step", with_makers(MakerParams { level_step: 0, ..makers })),
        ("makers.qty", with_makers(MakerParams { qty: Qty::ZERO, ..makers })),
        ("makers.max_inventory", with_makers(MakerParams { max_inventory: Qty::ZERO, ..makers })),
        ("makers.half_spread", with_makers(MakerParams { half_spread: f64::NAN, ..makers })),
        ("makers.skew", with_makers(MakerParams { skew: -1.0, ..makers })),
        ("makers.noise", with_makers(MakerParams { noise: 1e13, ..makers })),
        ("makers.fair_weight", with_makers(MakerParams { fair_weight: 2.0, ..makers })),
        ("makers.turns_per_s", with_makers(MakerParams { turns_per_s: 0.0, ..makers })),
        ("makers.reaction_ns", with_makers(MakerParams { reaction_ns: 0, ..makers })),
    ];
    for (key, params) in cases {
        let error = OrderFlow::new(params, 1).err().unwrap_or_else(|| panic!("{key} is let in"));
        assert_eq!(error.key, key, "{error}");
    }
}

#[test]
fn a_maker_that_is_long_quotes_lower_than_one_that_is_short() {
    let best_after = |side: Side| {
        let params = FlowParams {
            makers: Some(MakerParams { count: 1, noise: 0.0, skew: 100.0, fair_weight: 1.0, ..btc().makers.unwrap() }),
            fair: Some(FairParams { volatility: 0.0, ..btc().fair.unwrap() }),
            ..btc()
        };
        let mut flow = OrderFlow::new(params, 5).unwrap();
        let view = BookView { best_bid: Some(Price::new(617_000)), best_ask: Some(Price::new(619_000)) };
        let mut quotes = BTreeMap::new();
        let mut lower = 0;
        for round in 0..2 {
            let last = flow.now().plus_ns(2_000_000_000);
            while flow.now() < last {
                match flow.next(&view).1 {
                    FlowCommand::New { order_id, owner: 1, side, price, qty, .. } => {
                        quotes.insert(order_id, (side, price.get(), qty));
                    }
                    FlowCommand::Cancel { order_id, .. } => drop(quotes.remove(&order_id)),
                    FlowCommand::New { .. } | FlowCommand::Market { .. } => {}
                }
            }
            let bid = quotes.values().filter(|quote| quote.0 == Side::Buy).map(|quote| quote.1).max().unwrap();
            if round == 0 {
                lower = bid;
                for (order_id, (_, _, qty)) in quotes.iter().filter(|(_, quote)| quote.0 == side) {
                    flow.on_event(&FlowEvent::Filled { order_id: *order_id, last_qty: *qty, leaves_qty: Qty::ZERO });
                }
                quotes.retain(|_, quote| quote.0 != side);
            } else {
                return (bid - lower, flow.maker_inventories().sum::<i64>());
            }
        }
        unreachable!()
    };
    let (long, short) = (best_after(Side::Buy), best_after(Side::Sell));
    println!("moved by and held: {long:?}, {short:?}");
    assert!(long.1 > 0 && long.0 < 0, "{long:?}");
    assert!(short.1 < 0 && short.0 > 0, "{short:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Goal: whatever a market shows or tells, times never go back and no id is used twice. Method: views and answers that
    /// no sound market gives, crossed and at the ends of the numbers among them.
    #[test]
    fn times_and_ids_only_grow_whatever_the_market_tells(
        seed in 0_u64..1_000,
        market in vec((option::of(any_price()), option::of(any_price()), 0_u64..64, 0_i64..1_000_000, any::<bool>()), 300),
    ) {
        let mut flow = OrderFlow::new(btc(), seed).unwrap();
        let first = flow.params().order_ids_from;
        let (mut now, mut id) = (flow.now(), flow.opening().len() as u64 + first - 1);
        for (bid, ask, order, lots, is_fill) in market {
            let view = BookView { best_bid: bid.map(Price::new), best_ask: ask.map(Price::new) };
            let (ts, command) = flow.next(&view);
            prop_assert!(ts >= now);
            now = ts;
            match command {
                FlowCommand::New { order_id, qty, .. } | FlowCommand::Market { order_id, qty, .. } => {
                    prop_assert!(order_id > id && qty > Qty::ZERO);
                    id = order_id;
                }
                FlowCommand::Cancel { order_id, .. } => prop_assert!((first..=id).contains(&order_id)),
            }
            let order_id = id.saturating_sub(order);
            flow.on_event(&if is_fill {
                FlowEvent::Filled { order_id, last_qty: Qty::new(lots).unwrap(), leaves_qty: Qty::new(lots / 2).unwrap() }
            } else {
                FlowEvent::Ended { order_id }
            });
        }
    }
}

fn any_price() -> impl Strategy<Value = i64> {
    prop_oneof![610_000_i64..620_000, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
}

/// A linear perpetual of 0.1 ticks and 0.001 lots.
fn btc() -> FlowParams {
    let perpetual = Instrument {
        kind: InstrumentKind::Perpetual,
        tick_size: 100_000_000_000,
        lot_size: 1_000_000_000,
        ..desk::linear()
    };
    FlowParams::btc_like(&perpetual, Ts::ZERO).unwrap()
}
