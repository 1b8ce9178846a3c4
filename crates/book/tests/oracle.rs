//! The book against a slow one of two `BTreeMap`s, after each event of any sequence.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tiderace_book::{Book, BookState, Level};
use tiderace_types::{InstrumentId, MarketEvent, MarketKind, Price, Side, Ts};

/// The slow book: what the documentation says, with nothing cached.
struct Slow {
    state: BookState,
    sides: [BTreeMap<i64, i64>; 2],
    reach: [Option<i64>; 2],
}

impl Slow {
    fn new() -> Self {
        Self { state: BookState::NotLive, sides: [BTreeMap::new(), BTreeMap::new()], reach: [None; 2] }
    }
    fn best(&self, side: Side) -> Option<(i64, i64)> {
        let levels = &self.sides[usize::from(side == Side::Sell)];
        let entry = if side == Side::Buy { levels.last_key_value() } else { levels.first_key_value() };
        entry.map(|(price, qty)| (*price, *qty))
    }
    fn picture(&self) -> (BookState, Option<(i64, i64)>, Option<(i64, i64)>) {
        (self.state, self.best(Side::Buy), self.best(Side::Sell))
    }
    fn apply(&mut self, event: &MarketEvent) -> bool {
        let before = self.picture();
        let at = usize::from(event.side() == Side::Sell);
        match event.kind {
            MarketKind::Level if event.qty_e8 > 0 => {
                self.sides[at].insert(event.price.get(), event.qty_e8);
            }
            MarketKind::Level => {
                self.sides[at].remove(&event.price.get());
            }
            MarketKind::Trade | MarketKind::Best => {}
            MarketKind::Clear => *self = Self::new(),
            MarketKind::Reach => self.reach[at] = Some(event.price.get()),
            MarketKind::Live => self.state = BookState::Live,
            MarketKind::Gap => self.state = BookState::Stale,
        }
        before != self.picture()
    }
}

fn event(kind: MarketKind, side: Side, price: i64, qty_e8: i64) -> MarketEvent {
    MarketEvent {
        ts_event: Ts::new(0),
        ts_recv: Ts::new(0),
        price: Price::new(price),
        qty_e8,
        seq: 0,
        instrument: InstrumentId(0),
        kind,
        flags: if side == Side::Sell { MarketEvent::ASK } else { 0 },
    }
}

/// Prices that meet each other, that stand on the edges of pages, blocks and regions, and that end the number line.
fn prices() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => -130i64..130,
        2 => (-3i64..3, prop::sample::select(vec![6u32, 12, 18, 24]), -1i64..2).prop_map(|(n, s, d)| (n << s) + d),
        1 => prop::sample::select(vec![i64::MIN, i64::MIN + 1, i64::MIN + 64, -1, 0, i64::MAX - 64, i64::MAX - 1, i64::MAX]),
        1 => any::<i64>(),
    ]
}

fn events() -> impl Strategy<Value = MarketEvent> {
    let kinds = prop_oneof![
        40 => Just(MarketKind::Level),
        1 => Just(MarketKind::Trade),
        1 => Just(MarketKind::Best),
        1 => Just(MarketKind::Clear),
        1 => Just(MarketKind::Reach),
        2 => Just(MarketKind::Live),
        1 => Just(MarketKind::Gap),
    ];
    let quantities = prop_oneof![4 => Just(0), 6 => 1i64..4, 1 => any::<i64>()];
    let sides = prop::sample::select(vec![Side::Buy, Side::Sell]);
    (kinds, sides, prices(), quantities).prop_map(|(kind, side, price, qty)| event(kind, side, price, qty))
}

fn check(book: &Book, slow: &Slow) {
    assert_eq!(book.state(), slow.state);
    for side in [Side::Buy, Side::Sell] {
        let at = usize::from(side == Side::Sell);
        let as_level = |(price, qty_e8): (i64, i64)| Level { price: Price::new(price), qty_e8 };
        assert_eq!(book.best(side), slow.best(side).map(as_level));
        assert_eq!(book.len(side), slow.sides[at].len());
        assert_eq!(book.reach(side), slow.reach[at].map(Price::new));
        let mut wanted: Vec<Level> = slow.sides[at].iter().map(|(p, q)| as_level((*p, *q))).collect();
        if side == Side::Buy {
            wanted.reverse();
        }
        assert_eq!(book.levels(side).collect::<Vec<_>>(), wanted);
        assert!(wanted.iter().all(|level| book.qty_at(side, level.price) == level.qty_e8));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_book_equals_the_slow_book_after_every_event(events in prop::collection::vec(events(), 1..120)) {
        let (mut book, mut slow) = (Book::new(), Slow::new());
        for event in &events {
            prop_assert_eq!(book.apply(event), slow.apply(event), "{:?}", event);
            let at = usize::from(event.side() == Side::Sell);
            let wanted = slow.sides[at].get(&event.price.get()).copied().unwrap_or(0);
            prop_assert_eq!(book.qty_at(event.side(), event.price), wanted);
            check(&book, &slow);
        }
    }

    #[test]
    fn a_long_walk_of_the_market_equals_the_slow_book(seed in any::<u64>()) {
        // A linear congruence: thousands of changes around a price that drifts, so that pages fill, empty and return.
        let (mut book, mut slow, mut state, mut mid) = (Book::new(), Slow::new(), seed, -5_000i64);
        for step in 0..4_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let draw = i64::try_from(state >> 33).unwrap();
            mid += draw % 7 - 2;
            let side = if draw & 1 == 0 { Side::Buy } else { Side::Sell };
            let price = mid - side.sign() * (draw / 7 % 400);
            let change = event(MarketKind::Level, side, price, (draw / 3_000 % 3) * 100);
            prop_assert_eq!(book.apply(&change), slow.apply(&change));
            if step % 400 == 0 {
                check(&book, &slow);
            }
        }
        check(&book, &slow);
    }
}

#[test]
fn trades_and_best_prices_change_nothing() {
    let mut book = Book::new();
    assert!(!book.apply(&event(MarketKind::Trade, Side::Buy, 10, 5)));
    assert!(!book.apply(&event(MarketKind::Best, Side::Buy, 10, 5)));
    assert_eq!(book.best(Side::Buy), None);
}

#[test]
fn a_stale_book_stays_stale_through_levels_and_a_snapshot_until_it_is_live() {
    let mut book = Book::new();
    assert_eq!(book.state(), BookState::NotLive);
    book.apply(&event(MarketKind::Level, Side::Buy, 10, 5));
    assert_eq!(book.state(), BookState::NotLive);
    assert!(book.apply(&event(MarketKind::Live, Side::Buy, 0, 0)));
    assert!(book.apply(&event(MarketKind::Gap, Side::Buy, 0, 0)));
    book.apply(&event(MarketKind::Level, Side::Sell, 11, 5));
    assert_eq!((book.state(), book.len(Side::Buy), book.len(Side::Sell)), (BookState::Stale, 1, 1));
    assert!(book.apply(&event(MarketKind::Clear, Side::Buy, 0, 0)));
    assert_eq!((book.state(), book.len(Side::Buy), book.len(Side::Sell)), (BookState::NotLive, 0, 0));
    assert!(!book.apply(&event(MarketKind::Clear, Side::Buy, 0, 0)));
    assert!(book.apply(&event(MarketKind::Live, Side::Buy, 0, 0)));
    assert!(!book.apply(&event(MarketKind::Live, Side::Buy, 0, 0)));
    assert!(book.is_live());
}

#[test]
fn what_lies_beyond_the_reach_is_not_known() {
    let mut book = Book::new();
    assert!(book.is_known(Side::Buy, Price::MIN));
    book.apply(&event(MarketKind::Reach, Side::Buy, 90, 0));
    book.apply(&event(MarketKind::Reach, Side::Sell, 110, 0));
    let known = |side, price| book.is_known(side, Price::new(price));
    assert!(known(Side::Buy, 90) && !known(Side::Buy, 89) && known(Side::Sell, 110) && !known(Side::Sell, 111));
}

#[test]
fn twice_the_mid_needs_a_live_book_with_both_sides_and_a_sum_that_fits() {
    let mut book = Book::new();
    book.apply(&event(MarketKind::Level, Side::Buy, 10, 5));
    book.apply(&event(MarketKind::Level, Side::Sell, 13, 5));
    assert_eq!(book.mid2(), None);
    book.apply(&event(MarketKind::Live, Side::Buy, 0, 0));
    assert_eq!(book.mid2(), Some(23));
    book.apply(&event(MarketKind::Level, Side::Sell, 13, 0));
    assert_eq!(book.mid2(), None);
    book.apply(&event(MarketKind::Level, Side::Sell, i64::MAX, 5));
    assert_eq!(book.mid2(), None);
}

#[test]
fn a_crossed_book_is_left_as_the_feed_told_it() {
    let mut book = Book::new();
    book.apply(&event(MarketKind::Level, Side::Sell, 10, 1));
    book.apply(&event(MarketKind::Level, Side::Buy, 12, 1));
    assert_eq!(book.best(Side::Buy).unwrap().price.get(), 12);
    assert_eq!(book.best(Side::Sell).unwrap().price.get(), 10);
}
