//! One instrument: the flow's commands, events into a buffer that the caller owns; the bare matcher, and a whole market
//! with every order type live.

use std::hint::black_box;
use std::time::Instant;

use tiderace_matching::{Command, Matcher, NewOrder};
use tiderace_types::{Price, Qty, Side};

use super::flow::{self, RESTING, Regime, Runner, Step};
use super::{Spread, elapsed_ns};
use crate::histogram::Histogram;

/// What one regime costs.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Its name.
    pub regime: &'static str,
    /// Picoseconds an operation: the bare matcher, of plain limit and immediate orders.
    pub ps_per_op: u64,
    /// Picoseconds an operation of a whole market in which every order type lives, its timers and its settling, the
    /// moves of mark and index included: what they take is shared out among the orders' commands.
    pub ps_per_op_full: u64,
    /// New orders one by one, the clock's own cost in it.
    pub new_ns: Spread,
    /// Events that came out, as a checksum.
    pub events: u64,
}

/// Runs each regime, `repetitions` times over `ops` operations, and keeps the median.
#[must_use]
pub fn regimes(ops: usize, repetitions: usize, seed: u64) -> Vec<Figures> {
    let names = ["calm", "trending", "swing_25", "swing_40", "flash_crash"];
    let one = |(regime, name): (Regime, &'static str)| {
        let plain = flow::bare(regime, false, ops, seed);
        let (ps_per_op, events) = timed(&plain, repetitions);
        let ps_per_op_full = timed_whole(&flow::steps(regime, ops, seed), ops, repetitions);
        Figures { regime: name, ps_per_op, ps_per_op_full, new_ns: new_orders(&plain), events }
    };
    Regime::ALL.into_iter().zip(names).map(one).collect()
}

/// The median of whole runs, in picoseconds an operation, and the number of events of one.
fn timed(commands: &[Command], repetitions: usize) -> (u64, u64) {
    let mut count = 0_u64;
    let mut run = || {
        let mut market = Matcher::new(4 * RESTING, 1);
        let mut events = Vec::with_capacity(1_024);
        count = 0;
        let start = Instant::now();
        for command in commands {
            market.apply(command, &mut events);
            count = count.saturating_add(u64::try_from(events.len()).unwrap_or(0));
            black_box(&events);
            events.clear();
        }
        elapsed_ns(start)
    };
    (median_ps(commands.len(), repetitions, &mut run), count)
}

/// The median of whole runs of a whole market, in picoseconds a command of `ops`.
fn timed_whole(steps: &[Step], ops: usize, repetitions: usize) -> u64 {
    median_ps(ops, repetitions, &mut || {
        let mut runner = Runner::new(ops);
        let mut events = Vec::with_capacity(1_024);
        let start = Instant::now();
        for step in steps {
            runner.apply(step, &mut events);
            black_box(&events);
            events.clear();
        }
        elapsed_ns(start)
    })
}

fn median_ps(ops: usize, repetitions: usize, run: &mut dyn FnMut() -> u64) -> u64 {
    let ops = u64::try_from(ops).unwrap_or(u64::MAX).max(1);
    let mut times: Vec<u64> = (0..repetitions).map(|_| run().saturating_mul(1_000) / ops).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0)
}

fn new_orders(commands: &[Command]) -> Spread {
    let mut market = Matcher::new(4 * RESTING, 1);
    let mut events = Vec::with_capacity(1_024);
    let mut times = Histogram::default();
    for command in commands {
        let is_new = matches!(command, Command::New(_));
        let start = Instant::now();
        market.apply(command, &mut events);
        if is_new {
            times.push(elapsed_ns(start));
        }
        black_box(&events);
        events.clear();
    }
    Spread::from(&times)
}

/// Enters `orders` that rest, on a thousand prices, into a book that grows. Hold what it returns while memory is read.
#[must_use]
pub fn resting(orders: u64) -> Matcher {
    let mut market = Matcher::new(0, 1);
    let mut events = Vec::new();
    for n in 0..orders {
        let side = if n.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let away = i64::try_from(n % 1_000).unwrap_or(0).saturating_add(1);
        let price = Price::new(side.sign().saturating_mul(-away));
        market.apply(&Command::New(NewOrder::limit(n, side, price, ONE)), &mut events);
        events.clear();
    }
    market
}

const ONE: Qty = match Qty::new(1) {
    Some(one) => one,
    None => Qty::ZERO,
};
