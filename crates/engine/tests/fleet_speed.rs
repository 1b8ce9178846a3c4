//! How fast the desk wakes its parents, by hand:
//! `cargo test --release -p tiderace-engine --test fleet_speed -- --ignored --nocapture`.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod desk;

use std::time::Instant;

use desk::{ONE, SPOT, TAKING, Trial, Twap, genesis, parent};
use serde_json::json;
use tiderace_engine::{Desk, DeskConfig};
use tiderace_types::input::{SubmitParent, Timer};
use tiderace_types::{Amount, Input, MarketEvent, MarketKind, Output, ParentId, Price, Side, Ts};

const PARENTS: u64 = 10_000;
const WOKEN: u64 = 10;
/// Nanoseconds between two events.
const STEP: i64 = 1_000_000;

/// Ten thousand parents by the shipped TWAP on one desk, ten due an event: a level changes, then their timers fire, and
/// each finds that its slice is too small to be sent and plans the next one. Books, timers, programs and outputs are in
/// it; the journal is not.
#[test]
#[ignore = "measures"]
fn ten_thousand_parents() {
    let mut json = genesis();
    let slices = 20_000;
    json["algos"] = json!([desk::twap(Twap { slices, size_jitter: 200_000_000, ..TAKING })]);
    let mut desk = Desk::new(&DeskConfig::from_json(&json.to_string()).unwrap()).unwrap();
    let mut trial = Trial::live();
    let mut out = Vec::new();
    trial.tape.iter().for_each(|event| desk.on_market(event, &mut out));
    let groups = i64::try_from(PARENTS / WOKEN).unwrap();
    let duration_ns = STEP * groups * slices;
    let before = memory();
    for id in 1..=PARENTS {
        let ts = Ts::new(trial.now + STEP * i64::try_from((id - 1) / WOKEN).unwrap());
        let order_qty = Amount::new((ONE / 20).into());
        let command =
            SubmitParent { parent_id: ParentId(id), order_qty, duration_ns, seed: id, instruments: 1, ..parent() };
        desk.apply(ts, &Input::from(command), &mut out);
    }
    println!("{:.0} bytes a parent", (memory() - before) as f64 / PARENTS as f64);
    trial.now += STEP * groups;
    for _ in 0..3 {
        let (mut activations, mut events) = (0_u64, 0_u64);
        let begin = Instant::now();
        while events < 100_000 {
            events += 1;
            trial.now += STEP;
            let event = trial.event(SPOT, MarketKind::Level, Side::Buy);
            let qty_e8 = ONE * (1 + trial.now / STEP % 2);
            out.clear();
            let flags = MarketEvent::LAST;
            desk.on_market(&MarketEvent { price: Price::new(59_990), qty_e8, flags, ..event }, &mut out);
            let now = Ts::new(trial.now);
            while desk.next_timer() <= now {
                desk.apply(now, &Timer { ts_due: desk.next_timer() }.into(), &mut out);
            }
            activations += out.iter().filter(|o| matches!(o, Output::SliceStarted(_))).count() as u64;
        }
        let ns = begin.elapsed().as_nanos() as f64;
        let each = ns / activations as f64;
        println!("{activations} activations, {each:.0} ns each, {:.2} M/s", 1_000.0 / each);
    }
}

/// Resident bytes of this process.
fn memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
