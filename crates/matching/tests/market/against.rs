//! Any commands at all through the fast market and the slow one: the same events, the same orders in the same places,
//! in the same line, after each.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tiderace_matching::Event;
use tiderace_matching::market::{Market, MarketConfig, Place};
use tiderace_types::{Reason, Refusal, Side, Trigger, Ts};

use super::any::{Listener, Step, configs, settle, steps};
use super::slow::Slow;

/// Refusals by their reason alone: their numbers are for people.
fn plain(events: Vec<Event>) -> Vec<Event> {
    let plain = |event| match event {
        Event::Rejected { order_id, refusal } => Event::Rejected { order_id, refusal: Refusal::plain(refusal.reason) },
        _ => event,
    };
    events.into_iter().map(plain).collect()
}

struct Both {
    fast: Market,
    host: Listener,
    slow: Slow,
    ids: u64,
    /// What happened, by the name of the event or of its reason, so that the test can say it tried what it claims to.
    counts: BTreeMap<String, u64>,
}

impl Both {
    fn new(config: MarketConfig) -> Self {
        let (fast, slow) = (Market::new(config.clone(), 0, 7), Slow::new(config));
        Self { fast, host: Listener::default(), slow, ids: 0, counts: BTreeMap::new() }
    }

    fn carry_out(&mut self, step: &Step) {
        let mut events = Vec::new();
        let now = self.slow.now;
        let Self { fast, host, slow, .. } = self;
        match *step {
            Step::Enter(mut order) => {
                self.ids += 1;
                order.order_id = self.ids;
                host.send(&order);
                fast.enter(now, &order, host, &mut events);
                slow.enter(&order);
            }
            Step::Replace(order_id, ref change) => {
                host.resend(order_id, change);
                fast.replace(now, order_id, change, host, &mut events);
                slow.replace(order_id, change);
            }
            Step::Cancel(order_id) => {
                fast.cancel(order_id, Reason::CanceledByUser, host, &mut events);
                slow.cancel(order_id, Reason::CanceledByUser);
            }
            Step::Mark(price) => {
                fast.set_mark(now, price);
                slow.hear(Trigger::Mark, price.get());
            }
            Step::Index(price) => {
                fast.set_index(now, price);
                slow.hear(Trigger::Index, price.get());
            }
            Step::State(state) => {
                fast.set_state(now, state, Reason::None, host, &mut events);
                slow.set_state(state, Reason::None);
            }
            Step::Wait(ns) => {
                let until = now.plus_ns(ns);
                loop {
                    assert_eq!(self.fast.next_timer(), self.slow.next_timer());
                    let Some(due) = self.slow.next_timer().filter(|&due| due <= until) else { break };
                    self.slow.now = due;
                    self.fast.on_timer(due, &mut self.host, &mut events);
                    self.slow.on_timer();
                    self.settle(events, step);
                    events = Vec::new();
                }
                self.slow.now = until;
                return;
            }
        }
        self.settle(events, step);
    }

    fn settle(&mut self, mut events: Vec<Event>, step: &Step) {
        let now: Ts = self.slow.now;
        settle(&mut self.fast, now, &mut self.host, &mut events);
        self.slow.settle();
        let events = plain(events);
        assert_eq!(events, self.slow.take_events(), "fast, slow: {step:?}");
        self.check();
        for event in &events {
            let name = match event {
                Event::Canceled { reason, .. } => reason.name().to_owned(),
                Event::Rejected { refusal, .. } => refusal.reason.name().to_owned(),
                Event::Restated { reason, .. } => format!("restated {}", reason.name()),
                Event::Trade { kind, .. } => format!("{kind:?}"),
                Event::StateChanged { reason, .. } => format!("state {}", reason.name()),
                _ => format!("{event:?}").split(' ').next().unwrap_or_default().to_owned(),
            };
            *self.counts.entry(name).or_default() += 1;
        }
    }

    fn check(&self) {
        assert_eq!(self.fast.state(), self.slow.state);
        let book = self.fast.book();
        for side in [Side::Buy, Side::Sell] {
            let fast = book.levels(side).flat_map(|level| book.orders(side, level.price));
            let fast: Vec<_> =
                fast.map(|o| (o.order_id, o.price.get(), o.visible_qty.get(), o.leaves_qty().get())).collect();
            let slow = self.slow.in_line(side);
            let slow: Vec<_> = slow.iter().map(|o| (o.sent.order_id, o.price, o.shown, o.leaves)).collect();
            assert_eq!(fast, slow);
        }
        for row in &self.slow.rows {
            let view = self.fast.order(row.sent.order_id).unwrap();
            assert_eq!((view.place, view.leaves_qty.get(), view.cum_qty.get()), (row.place, row.leaves, row.cum));
            if row.place == Place::Stop && !row.has_fired {
                assert_eq!(view.stop_px.get(), row.level.unwrap_or(0));
            }
        }
        let known = (1..=self.ids).filter(|&id| self.fast.order(id).is_some()).count();
        assert_eq!(known, self.slow.rows.len());
    }
}

fn cases(in_full: u32, otherwise: u32) -> ProptestConfig {
    ProptestConfig::with_cases(if std::env::var_os("TIDERACE_FULL").is_some() { in_full } else { otherwise })
}

/// Long lives of a few markets, in which every kind of thing happens.
#[test]
fn a_long_life_of_a_market_equals_that_of_the_slow_one() {
    let lives = if std::env::var_os("TIDERACE_FULL").is_some() { 400 } else { 8 };
    let mut runner = TestRunner::deterministic();
    let (configs, steps) = (configs(), steps());
    let mut counts = BTreeMap::<String, u64>::new();
    for _ in 0..lives {
        let mut both = Both::new(configs.new_tree(&mut runner).unwrap().current());
        for _ in 0..2_000 {
            let mut step = steps.new_tree(&mut runner).unwrap().current();
            match &mut step {
                // Of the orders that came last.
                Step::Replace(order_id, _) | Step::Cancel(order_id) => *order_id = both.ids.saturating_sub(*order_id),
                Step::Enter(order) => order.expire_time = both.slow.now.plus_ns(order.expire_time.get()),
                _ => {}
            }
            both.carry_out(&step);
        }
        for (name, count) in both.counts {
            *counts.entry(name).or_default() += count;
        }
    }
    println!("{counts:?}");
    for name in [
        "Continuous",
        "Auction",
        "Triggered",
        "Suspended",
        "Expired",
        "Replaced",
        "Indication",
        "restated reference_moved",
        "restated self_trade",
        "state circuit_breaker",
        "state time_reached",
        "auction_began",
        "auction_ended",
        "circuit_breaker",
        "fok_unfilled",
        "min_qty_unfilled",
        "no_liquidity",
        "not_reducing",
        "price_band",
        "self_trade",
        "would_cross",
    ] {
        assert!(counts.contains_key(name), "{name} never happened");
    }
}

proptest! {
    #![proptest_config(cases(100_000, 4_000))]

    #[test]
    fn any_commands_at_all_equal_the_slow_market(
        config in configs(), steps in prop::collection::vec(steps(), 1..90),
    ) {
        let mut both = Both::new(config);
        for step in &steps {
            both.carry_out(step);
        }
    }
}
