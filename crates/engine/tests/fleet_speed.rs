//! How fast the desk wakes its parents, by hand:
//! `cargo test --release -p tiderace-engine --test fleet_speed -- --ignored --nocapture`.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod desk;

use std::time::Instant;

use desk::{ONE, SPOT, TAKING, Trial, Twap, genesis, parent};
use serde_json::json;
use tiderace_engine::{Desk, DeskConfig};
use tiderace_types::input::{SubmitParent, Timer};
use tiderace_types::{Amount, AtEnd, Input, MarketEvent, MarketKind, Output, ParentId, Price, Side, Ts};

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

/// One parent whose program is woken by every change of its book and reads the best bid: the time of an event with it less
/// that of an event without, least of the turns.
#[test]
#[ignore = "measures"]
fn one_call() {
    let turns = (0..9).map(|_| (event_ns(false), event_ns(true)));
    let (without, with) = turns.fold((f64::MAX, f64::MAX), |least, now| (least.0.min(now.0), least.1.min(now.1)));
    println!("an event {without:.0} ns, with a call {with:.0} ns: {:.0} ns", with - without);
}

fn event_ns(is_called: bool) -> f64 {
    const EVENTS: i64 = 300_000;
    let mut json = genesis();
    json["algos"] = json!([{"form": hex(include_bytes!("programs/reader.form")), "params": ""}]);
    let mut desk = Desk::new(&DeskConfig::from_json(&json.to_string()).unwrap()).unwrap();
    let mut trial = Trial::live();
    let mut out = Vec::new();
    trial.tape.iter().for_each(|event| desk.on_market(event, &mut out));
    if is_called {
        let at_end = AtEnd::Keep;
        let command = SubmitParent { parent_id: ParentId(1), instruments: 1, duration_ns: 0, at_end, ..parent() };
        desk.apply(Ts::new(trial.now), &Input::from(command), &mut out);
        assert!(desk.has_open_parent());
    }
    let event = trial.event(SPOT, MarketKind::Level, Side::Buy);
    let begin = Instant::now();
    for at in 0..EVENTS {
        trial.now += STEP;
        // Levels come and go, one in three of them the best bid.
        let (price, qty_e8) = (Price::new(60_000 - at / 2 % 3 * 10), ONE * (1 - at % 2));
        out.clear();
        desk.on_market(&MarketEvent { price, qty_e8, flags: MarketEvent::LAST, ..event }, &mut out);
    }
    begin.elapsed().as_nanos() as f64 / EVENTS as f64
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Resident bytes of this process.
fn memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
