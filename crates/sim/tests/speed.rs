//! What an order costs at a simulated venue, however many came before it.

mod desk;

use std::time::Instant;

use desk::{ONE, Venue, ioc, limit};
use tiderace_sim::{FlowConfig, QueueModel, Reports, SimExchange, generate};
use tiderace_types::{Side, Ts};

/// Nanoseconds an order, of `orders`, each acknowledged and filled: mean, median, p99. The feed refreshes the level
/// between them.
fn ns_per_order(orders: u64) -> (u64, u64, u64) {
    let asks: Vec<(i64, i64)> = (101..301).map(|price| (price, 10)).collect();
    let bids: Vec<(i64, i64)> = (1..101).rev().map(|price| (price, 10)).collect();
    let mut venue = Venue::with_book(QueueModel::RiskAverse, &bids, &asks);
    venue.reports.clear();
    let mut times = Vec::with_capacity(usize::try_from(orders).unwrap());
    for id in 1..=orders {
        let order = ioc(id, Side::Buy, 100, 103);
        let start = Instant::now();
        venue.exchange.on_order(Ts::new(1), &order, &mut venue.reports);
        times.push(start.elapsed().as_nanos() as u64);
        assert_eq!(venue.reports.len(), 2);
        venue.reports.clear();
        if id % 8 == 0 {
            venue.level(Side::Sell, 101, 10 * ONE);
        }
    }
    times.sort_unstable();
    (times.iter().sum::<u64>() / orders, times[times.len() / 2], times[times.len() * 99 / 100])
}

#[test]
#[ignore = "a measurement: cargo test --release -p tiderace-sim --test speed -- --ignored --nocapture"]
fn submit_to_fill() {
    ns_per_order(50_000);
    let start = Instant::now();
    for _ in 0..1_000_000 {
        std::hint::black_box(Instant::now().elapsed());
    }
    println!("of which the clock: {} ns", start.elapsed().as_nanos() / 1_000_000 / 2);
    for orders in [500, 5_000, 50_000, 500_000] {
        let (mean, median, p99) = ns_per_order(orders);
        println!("{orders} orders: mean {mean}, median {median}, p99 {p99} ns each");
    }
}

#[test]
#[ignore = "a measurement: cargo test --release -p tiderace-sim --test speed -- --ignored --nocapture"]
fn rest_and_cancel() {
    for orders in [500_u64, 5_000, 50_000] {
        let mut venue = Venue::with_book(QueueModel::RiskAverse, &[(100, 5), (1, 1)], &[(200, 5)]);
        let start = Instant::now();
        for id in 1..=orders {
            let price = 100 - i64::try_from(id % 50).unwrap();
            venue.exchange.on_order(Ts::new(1), &limit(id, Side::Buy, 100, price), &mut venue.reports);
        }
        let rest = start.elapsed().as_nanos() as u64 / orders;
        venue.reports.clear();
        let start = Instant::now();
        for id in 1..=orders {
            venue.cancel(orders + id, id).unwrap();
        }
        println!("{orders} resting: {rest} ns to rest, {} ns to cancel", start.elapsed().as_nanos() as u64 / orders);
    }
}

#[test]
#[ignore = "a measurement: cargo test --release -p tiderace-sim --test speed -- --ignored --nocapture"]
fn market_records() {
    let instruments = [desk::linear(), desk::inverse()];
    let flow = FlowConfig::level_changes(5_000_000, 1);
    let tape = generate(&flow, &instruments[..1]).unwrap();
    for has_resting in [false, true] {
        let mut exchange = SimExchange::new(&desk::config(QueueModel::Log), &instruments).unwrap();
        let mut reports = Reports::new();
        for (n, event) in tape.events.iter().take(1_004).enumerate() {
            exchange.on_market(event, &mut reports);
            if n == 1_003 && has_resting {
                exchange.on_order(Ts::new(1), &limit(1, Side::Buy, 100, 599_000), &mut reports);
            }
        }
        let start = Instant::now();
        for event in &tape.events[1_004..] {
            exchange.on_market(event, &mut reports);
        }
        let ns = start.elapsed().as_nanos() as usize / tape.events.len();
        println!("{ns} ns a record, resting: {has_resting}, {} reports", reports.len());
    }
}
