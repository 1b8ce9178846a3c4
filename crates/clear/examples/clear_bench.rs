//! Fills cleared a second, and the time to the first liquidation order after a fall.
//!
//! `cargo run --release -p tiderace-clear --example clear_bench`

#[path = "../tests/world/mod.rs"]
mod world;

use std::time::Instant;

use tiderace_clear::config::{AccountTerms, ContractTerms};
use tiderace_clear::{Action, Clearing, Fill};
use tiderace_types::{Fraction, InstrumentId, Price, Qty, Side, TradeKind};
use world::*;

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn now() -> Instant {
    Instant::now()
}

fn main() {
    fills();
    liquidate();
}

fn fills() {
    let of = |row| ContractTerms {
        margin: tiered("0.02", "0.01"),
        ..terms(if row % 2 == 0 { perp(row) } else { inverse(row) })
    };
    let accounts: Vec<AccountTerms> = vec![with(&[(USDC, usdc(1 << 40)), (BTC, btc(1 << 50))]); 1_000];
    let mut c = Clearing::new(config((0..8).map(of).collect(), accounts)).unwrap();
    let count = 2_000_000u32;
    let mut state = 88_172_645_463_325_252u64;
    let mut next = |n: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % n
    };
    let all: Vec<Fill> = (0..count)
        .map(|_| Fill {
            instrument: InstrumentId(u16::try_from(next(8)).unwrap()),
            maker: account(u32::try_from(next(1_000)).unwrap()),
            taker: account(u32::try_from(next(1_000)).unwrap()),
            taker_side: if next(2) == 0 { Side::Buy } else { Side::Sell },
            price: Price::new(100_000 + i64::try_from(next(1_000)).unwrap()),
            qty: Qty::new(1 + i64::try_from(next(100)).unwrap()).unwrap(),
            maker_fee: Fraction::new(-100_000),
            taker_fee: Fraction::new(500_000),
            kind: TradeKind::Continuous,
        })
        .collect();
    for row in 0..8 {
        c.set_mark(InstrumentId(row), Price::new(100_500)).unwrap();
    }
    let start = now();
    for fill in &all {
        c.fill(fill).unwrap();
    }
    let took = start.elapsed();
    assert!(c.is_balanced());
    let per_s = u128::from(count) * 1_000_000_000 / took.as_nanos().max(1);
    println!("{{\"fills_per_s\": {per_s}, \"fills\": {count}, \"digest\": \"{:02x?}\"}}", &c.digest()[..4]);
}

fn liquidate() {
    let of = |row| ContractTerms { margin: tiered("0.02", "0.01"), ..terms(perp(row)) };
    let mut accounts = vec![with(&[(USDC, usdc(10_000))]); 10_000];
    accounts.push(with(&[(USDC, usdc(1 << 40))]));
    let mut c = Clearing::new(config((0..5).map(of).collect(), accounts)).unwrap();
    for id in 0..10_000 {
        for row in 0..5 {
            c.fill(&fill(InstrumentId(row), id, 10_000, 100_000, 150 + i64::from(id % 100))).unwrap();
        }
    }
    let start = now();
    for row in 0..5 {
        c.set_mark(InstrumentId(row), Price::new(80_000)).unwrap();
    }
    let mut out = Vec::new();
    c.review(&mut out);
    let took = start.elapsed();
    let orders = out.iter().filter(|action| matches!(action, Action::Liquidate { .. })).count();
    println!("{{\"ms_to_first_order\": {:.3}, \"accounts\": 10000, \"orders\": {orders}}}", took.as_secs_f32() * 1e3);
}
