//! Three books of one BTC market out of the flow: depth, trades and spreads of real size, prices that stay together.

mod desk;

use desk::{inverse, linear};
use tiderace_matching::{Command, Event, Matcher};
use tiderace_sim::order_flow::{BookView, FlowCommand, FlowParams, OrderFlows};
use tiderace_types::{Instrument, InstrumentId, InstrumentKind, Qty, Rounding, Side, Ts};

const SECOND: i64 = 1_000_000_000;

/// Spot, linear perpetual, inverse perpetual, with the ticks and lots of the recorded venues.
fn instruments() -> [Instrument; 3] {
    let spot = Instrument { tick_size: 10_000_000_000, lot_size: 10_000_000, max_order_qty: Qty::MAX, ..linear() };
    let linear = Instrument {
        id: InstrumentId(1),
        kind: InstrumentKind::Perpetual,
        tick_size: 100_000_000_000,
        lot_size: 1_000_000_000,
        ..spot.clone()
    };
    let inverse = Instrument { id: InstrumentId(2), tick_size: 100_000_000_000, ..inverse() };
    [spot, linear, inverse]
}

struct Market {
    flows: OrderFlows,
    books: Vec<Matcher>,
    events: Vec<Event>,
}

impl Market {
    fn open(seed: u64) -> Self {
        let params = instruments().map(|instrument| FlowParams::btc_like(&instrument, Ts::ZERO).unwrap());
        let flows = OrderFlows::new(params.to_vec(), seed).unwrap();
        let books = (0..3).map(|_| Matcher::new(10_000, seed)).collect();
        let mut market = Self { flows, books, events: Vec::new() };
        for book in 0..3 {
            for command in market.flows.book_mut(book).unwrap().opening() {
                market.apply(book, &command);
            }
        }
        market
    }

    fn step(&mut self) -> (Ts, usize) {
        let books = &self.books;
        let view = |book: usize| BookView::of(books[book].book());
        let (ts, book, command) = self.flows.next(view).unwrap();
        self.apply(book, &command);
        (ts, book)
    }

    fn apply(&mut self, book: usize, command: &FlowCommand) {
        self.events.clear();
        self.books[book].apply(&Command::from(*command), &mut self.events);
        let flow = self.flows.book_mut(book).unwrap();
        self.events.iter().for_each(|event| flow.on_match(event));
    }

    fn mid(&self, book: usize) -> f64 {
        let [bid, ask] = [Side::Buy, Side::Sell].map(|side| self.books[book].book().best(side).unwrap().price.get());
        (bid + ask) as f64 / 2.0
    }

    /// BTC within 20 bp of the mid, both sides.
    fn depth(&self, book: usize, instrument: &Instrument) -> f64 {
        let mid = self.mid(book);
        let mut btc = 0.0;
        for side in [Side::Buy, Side::Sell] {
            for level in self.books[book].book().levels(side) {
                if (level.price.get() as f64 - mid).abs() > 0.002 * mid {
                    break;
                }
                btc += instrument.exposure(level.total_qty, level.price, Rounding::Floor).unwrap().get() as f64 / 1e8;
            }
        }
        btc
    }
}

/// Goal: what `btc_like` promises. Method: three books through three matchers; each second their depth within 20 bp,
/// spread, and how far each mid is from the value they have in common, are noted, and every trade is counted.
#[test]
fn three_books_have_the_depth_and_the_trades_of_a_btc_market_and_one_price() {
    let seconds = if std::env::var_os("TIDERACE_FULL").is_some_and(|full| full == "1") { 3_600 } else { 120 };
    let instruments = instruments();
    let mut market = Market::open(42);
    let (mut depth, mut spread, mut off, mut off_most) = ([0.0; 3], [0.0; 3], [0.0; 3], 0.0_f64);
    let (mut commands, mut trades, mut next) = ([0_u64; 3], [0_u64; 3], SECOND);
    let mut traded = [0.0; 3];
    let (mut low, mut high) = (f64::MAX, f64::MIN);
    loop {
        let (ts, book) = market.step();
        if ts.get() > seconds * SECOND {
            break;
        }
        commands[book] += 1;
        for event in &market.events {
            if let Event::Trade { price, qty, .. } = event {
                trades[book] += 1;
                traded[book] += instruments[book].exposure(*qty, *price, Rounding::Floor).unwrap().get() as f64 / 1e8;
            }
        }
        if ts.get() < next {
            continue;
        }
        next += SECOND;
        for (row, instrument) in instruments.iter().enumerate() {
            depth[row] += market.depth(row, instrument);
            let [bid, ask] = [Side::Buy, Side::Sell].map(|s| market.books[row].book().best(s).unwrap().price.get());
            spread[row] += (ask - bid) as f64 / market.mid(row) * 1e4;
            let fair = market.flows.book_mut(row).unwrap().fair().unwrap();
            let far = (market.mid(row) / fair - 1.0).abs() * 1e4;
            off[row] += far;
            off_most = off_most.max(far);
        }
        let mid = market.mid(0) / 100.0;
        (low, high) = (low.min(mid), high.max(mid));
    }
    let mean = |sums: [f64; 3]| sums.map(|sum| (sum / seconds as f64 * 100.0).round() / 100.0);
    let held = [0, 1, 2].map(|b| market.flows.book_mut(b).unwrap().maker_inventories().collect::<Vec<_>>());
    let rate = |counts: [u64; 3]| counts.map(|n| n as f64 / seconds as f64);
    println!(
        "{seconds} s: BTC within 20 bp {:?}, spread {:?} bp, off the fair value {:?} bp, at most {off_most:.1}",
        mean(depth),
        mean(spread),
        mean(off)
    );
    println!(
        "a second: commands {:?}, trades {:?}, BTC {:?}; spot from {low} to {high}; makers hold {held:?}",
        rate(commands),
        rate(trades),
        mean(traded)
    );
    assert!(mean(depth).iter().sum::<f64>() >= 40.0);
    assert!(rate(trades).iter().sum::<f64>() >= 3.0);
    assert!(mean(depth).iter().all(|btc| *btc >= 10.0));
    assert!(mean(spread).iter().all(|bp| *bp < 1.0));
    assert!(mean(off).iter().all(|bp| *bp < 2.0) && off_most < 10.0);
}
