//! The matcher against a slow one: the same events and the same book after each command of a flow in five market
//! regimes, deep and shallow, and of sequences with numbers from the ends of their ranges.
//!
//! After each command the events, both best levels and the level that the command named are compared; every order in
//! its place in line is compared every so many commands. 1M commands; 10M where `TIDERACE_FULL` is set.

mod flow;
mod slow;

use flow::{Flow, Regime, Shape};
use proptest::prelude::*;
use slow::Slow;
use tiderace_matching::{Command, Event, Matcher, NewOrder, SelfTradePrevention};
use tiderace_types::{OrdType, Price, Qty, Reason, Refusal, Side, TimeInForce};

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

fn whole_line(market: &Matcher, side: Side) -> Vec<(u64, u32, i64, i64, i64, i64)> {
    let book = market.book();
    let orders = book.levels(side).flat_map(|level| book.orders(side, level.price));
    let of = |qty: Qty| qty.get();
    orders.map(|o| (o.order_id, o.owner, o.price.get(), of(o.visible_qty), of(o.leaves_qty()), of(o.cum_qty))).collect()
}

fn check_whole(market: &Matcher, slow: &Slow) {
    for side in SIDES {
        let wanted: Vec<_> =
            slow.line(side).iter().map(|o| (o.order_id, o.owner, o.price, o.shown, o.leaves, o.cum)).collect();
        assert_eq!(whole_line(market, side), wanted);
        for level in market.book().levels(side) {
            let sums = (level.visible_qty.get(), level.total_qty.get());
            assert_eq!(sums, slow.level(side, level.price.get()));
        }
        assert_eq!(market.book().total_qty(side).get(), wanted.iter().map(|order| order.4).sum::<i64>());
    }
}

fn check_touched(market: &Matcher, slow: &Slow, command: &Command) {
    let touched = match command {
        Command::New(NewOrder { price, .. }) | Command::Replace { price, .. } => Some(price.get()),
        Command::Cancel { .. } => None,
    };
    for side in SIDES {
        let best = slow.best(side);
        assert_eq!(market.book().best(side).map(|level| level.price.get()), best);
        for price in best.into_iter().chain(touched) {
            let level = market.book().level(side, Price::new(price));
            assert_eq!((level.visible_qty.get(), level.total_qty.get()), slow.level(side, price));
        }
    }
}

/// What a flow did, so that the test can say it tried what it claims to.
#[derive(Debug, Default)]
struct Counts {
    entered: u64,
    canceled_by_user: u64,
    replaced: u64,
    immediate: u64,
    trades: u64,
    reasons: std::collections::BTreeMap<&'static str, u64>,
}

impl Counts {
    fn add(&mut self, command: &Command, events: &[Event]) {
        let is_immediate = |order: &NewOrder| order.time_in_force != TimeInForce::Gtc;
        self.immediate += u64::from(matches!(command, Command::New(order) if is_immediate(order)));
        for event in events {
            match *event {
                Event::Accepted { .. } => self.entered += 1,
                Event::Replaced { .. } => self.replaced += 1,
                Event::Trade { .. } => self.trades += 1,
                Event::Canceled { reason, .. }
                | Event::Restated { reason, .. }
                | Event::Rejected { refusal: Refusal { reason, .. }, .. } => {
                    self.canceled_by_user += u64::from(reason == Reason::CanceledByUser);
                    *self.reasons.entry(reason.name()).or_default() += 1;
                }
                _ => panic!("{event:?} is for whole markets"),
            }
        }
    }
}

/// Runs one flow through both; panics at the first difference.
fn compare(shape: Shape, seed: u64) -> Counts {
    let (mut market, mut slow, mut flow) = (Matcher::new(16, seed), Slow::default(), Flow::new(shape, seed));
    let (mut counts, mut events) = (Counts::default(), Vec::new());
    for step in 0..shape.len {
        let command = flow.next();
        events.clear();
        market.apply(&command, &mut events);
        assert_eq!(events, slow.apply(&command), "{shape:?} seed {seed} step {step} {command:?}");
        check_touched(&market, &slow, &command);
        flow.hear(&command, &events, &market);
        counts.add(&command, &events);
        if step % 2_000 == 0 {
            check_whole(&market, &slow);
        }
    }
    check_whole(&market, &slow);
    counts
}

fn len_of_all() -> i64 {
    if std::env::var_os("TIDERACE_FULL").is_some() { 10_000_000 } else { 1_000_000 }
}

/// Five regimes at one depth; two depths make the whole.
fn compare_regimes(resting: usize, reach_log2: u32) {
    for regime in Regime::ALL {
        let shape = Shape { regime, resting, reach_log2, len: len_of_all() / 10, base: 4_000, is_varied: true };
        let counts = compare(shape, 1 + resting as u64);
        let of_entered = |count: u64| count * 100 / counts.entered;
        let (immediate, replaced) = (of_entered(counts.immediate), of_entered(counts.replaced));
        let rested = counts.entered - counts.immediate;
        let canceled = counts.canceled_by_user * 100 / rested;
        println!(
            "{regime:?} {resting}: {immediate} % immediate, {replaced} % replaced, {canceled} % of the rest canceled"
        );
        assert!((13..18).contains(&immediate) && (19..22).contains(&replaced) && (93..98).contains(&canceled));
        assert!(counts.trades * 20 > counts.entered, "{counts:?}");
        for reason in [Reason::SelfTrade, Reason::FokUnfilled, Reason::MinQtyUnfilled, Reason::WouldCross] {
            assert!(counts.reasons.contains_key(reason.name()), "{reason:?} {counts:?}");
        }
    }
}

#[test]
fn a_shallow_market_equals_the_slow_one_in_every_regime() {
    compare_regimes(40, 4);
}

#[test]
fn a_deep_market_equals_the_slow_one_in_every_regime() {
    compare_regimes(300, 9);
}

fn prices() -> impl Strategy<Value = Price> {
    let ends = prop::sample::select(vec![i64::MIN, i64::MIN + 1, -65, 63, 1 << 18, i64::MAX - 1, i64::MAX]);
    prop_oneof![8 => -3i64..3, 2 => ends].prop_map(Price::new)
}

fn quantities() -> impl Strategy<Value = Qty> {
    let qty = |lots| Qty::new(lots).unwrap();
    prop_oneof![12 => (0i64..9).prop_map(qty), 1 => (i64::MAX - 9..=i64::MAX).prop_map(qty)]
}

fn commands() -> impl Strategy<Value = Command> {
    use SelfTradePrevention as Mode;
    let modes =
        prop::sample::select(vec![Mode::None, Mode::CancelTaker, Mode::CancelMaker, Mode::CancelBoth, Mode::Decrement]);
    let ids = || prop_oneof![9 => 0u64..12, 1 => Just(u64::MAX)];
    let kinds = (
        prop::sample::select(OrdType::ALL),
        prop::sample::select(TimeInForce::ALL),
        prop::bool::weighted(0.1),
        prop_oneof![4 => Just(Qty::ZERO), 1 => quantities()],
        prop_oneof![2 => Just(None), 1 => quantities().prop_map(Some)],
        modes,
    );
    let order = (ids(), 0u32..3, prop::sample::select(&SIDES[..]), prices(), quantities(), kinds);
    let new_order = order.prop_map(|(order_id, owner, side, price, order_qty, kinds)| {
        let (ord_type, time_in_force, post_only, min_qty, display_qty, self_trade_prevention) = kinds;
        let plain = NewOrder::limit(order_id, side, price, order_qty);
        let terms = NewOrder { owner, ord_type, time_in_force, post_only, ..plain };
        Command::New(NewOrder { min_qty, display_qty, self_trade_prevention, ..terms })
    });
    prop_oneof![
        6 => new_order,
        1 => ids().prop_map(|order_id| Command::Cancel { order_id }),
        3 => (ids(), prices(), quantities())
            .prop_map(|(order_id, price, order_qty)| Command::Replace { order_id, price, order_qty }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_commands_at_all_equal_the_slow_market(commands in prop::collection::vec(commands(), 1..100), seed: u64) {
        let (mut market, mut slow) = (Matcher::new(0, seed), Slow::default());
        for command in &commands {
            let mut events = Vec::new();
            market.apply(command, &mut events);
            prop_assert_eq!(events, slow.apply(command), "{:?}", command);
            check_whole(&market, &slow);
        }
    }
}

/// Found by the property above: a market order that self-trade prevention decrements has no price to be restated at,
/// whatever its field says; a resting order at the end of the range keeps its own.
#[test]
fn a_decremented_market_order_has_no_price_as_in_the_slow_market() {
    let qty = |lots| Qty::new(lots).unwrap();
    let bid = |id, owner, ticks, lots| NewOrder {
        owner,
        time_in_force: TimeInForce::Gtd,
        ..NewOrder::limit(id, Side::Buy, Price::new(ticks), qty(lots))
    };
    let at_market = |id, owner, side, ticks, lots| NewOrder {
        owner,
        ord_type: OrdType::Market,
        self_trade_prevention: SelfTradePrevention::Decrement,
        ..NewOrder::limit(id, side, Price::new(ticks), qty(lots))
    };
    let sequences = [
        vec![bid(0, 0, 0, 4), at_market(1, 0, Side::Sell, 0, 1), at_market(1, 0, Side::Sell, 0, 4)],
        vec![
            bid(0, 1, 0, 1),
            bid(1, 1, 1, 1),
            NewOrder { self_trade_prevention: SelfTradePrevention::None, ..at_market(0, 0, Side::Buy, 0, 0) },
            at_market(2, 1, Side::Sell, i64::MIN, 2),
        ],
    ];
    for orders in sequences {
        let (mut market, mut slow) = (Matcher::new(0, 0), Slow::default());
        for command in orders.into_iter().map(Command::New) {
            let mut events = Vec::new();
            market.apply(&command, &mut events);
            assert_eq!(events, slow.apply(&command), "{command:?}");
            check_whole(&market, &slow);
        }
    }
}
