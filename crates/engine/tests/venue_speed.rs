//! How fast the venue is by itself: no journal, one thread, events into a buffer. Ignored by default: it is a figure,
//! not a claim (`cargo test --profile ci -p tiderace-engine --test venue_speed -- --ignored --nocapture`).

#![allow(clippy::disallowed_methods, reason = "it measures")]

mod venue_world;

use std::time::Instant;

use tiderace_types::venue::{Cancel, Command, KillSet, NewOrder, Replace};
use tiderace_types::{AccountId, ClOrdId, InstrumentId, KillScope, Price, Qty, Side, TimeInForce, Ts};
use venue_world::{order, qty};

const COMMANDS: usize = 4_000_000;

/// New orders around a mid, most of them canceled, some replaced, some that take.
fn flow() -> Vec<Command> {
    let mut state = 88_172_645_463_325_252u64;
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut live: Vec<(AccountId, u64)> = Vec::new();
    let mut commands = Vec::with_capacity(COMMANDS);
    for id in 1.. {
        if commands.len() >= COMMANDS {
            return commands;
        }
        let what = draw(100);
        if what < 45 || live.len() < 1_000 {
            let account = AccountId(u32::try_from(draw(3)).unwrap());
            let side = if draw(2) == 0 { Side::Buy } else { Side::Sell };
            let away = i64::try_from(draw(50)).unwrap();
            let price = 5_000 - side.sign() * (1 + away);
            let fresh = NewOrder { instrument: InstrumentId(2), ..order(account, id, side, price, 5) };
            live.push((account, id));
            commands.push(fresh.into());
        } else if what < 50 {
            let account = AccountId(u32::try_from(draw(3)).unwrap());
            let side = if draw(2) == 0 { Side::Buy } else { Side::Sell };
            let taker = order(account, id, side, 5_000 + side.sign() * 3, 7);
            let taker = NewOrder { instrument: InstrumentId(2), time_in_force: TimeInForce::Ioc, ..taker };
            commands.push(taker.into());
        } else {
            let at = usize::try_from(draw(u64::try_from(live.len()).unwrap())).unwrap();
            let (account, known) = live.swap_remove(at);
            let orig_cl_ord_id = ClOrdId(known);
            if what < 90 {
                commands.push(Cancel { account, orig_cl_ord_id }.into());
            } else {
                live.push((account, id));
                let change = Replace {
                    account,
                    orig_cl_ord_id,
                    cl_ord_id: ClOrdId(id),
                    fields: Replace::ORDER_QTY,
                    price: Price::ZERO,
                    order_qty: qty(3),
                    stop_px: Price::ZERO,
                    display_qty: Qty::ZERO,
                    time_in_force: TimeInForce::Gtc,
                    expire_time: Ts::ZERO,
                };
                commands.push(change.into());
            }
        }
    }
    commands
}

#[test]
#[ignore = "a figure, not a claim"]
fn commands_a_second() {
    let commands = flow();
    for market_data in [false, true] {
        let mut venue = tiderace_engine::venue::Venue::new(venue_world::config()).unwrap();
        if market_data {
            venue.enable_market_data();
        }
        let (mut events, mut count) = (Vec::with_capacity(1_024), 0);
        let mut data = Vec::with_capacity(1_024);
        let started = Instant::now();
        let mut ts = Ts::new(2_000);
        for command in &commands {
            ts = ts.plus_ns(100);
            venue.apply(ts, command, &mut events);
            count += events.len();
            events.clear();
            venue.drain_market_data(&mut data);
            data.clear();
        }
        let took = started.elapsed();
        let each = took.as_nanos() / u128::try_from(commands.len()).unwrap();
        println!(
            "market data {market_data}: {each} ns a command, {count} events, digest {:02x?}",
            &venue.digest()[..4]
        );
    }
}

#[test]
#[ignore = "a figure, not a claim"]
fn a_kill_of_a_thousand_orders() {
    let mut venue = tiderace_engine::venue::Venue::new(venue_world::config()).unwrap();
    let mut events = Vec::with_capacity(4_096);
    for id in 1..=1_000 {
        let price = 1 + i64::try_from(id % 50).unwrap();
        venue.apply(Ts::new(2_000), &order(AccountId(0), id, Side::Buy, price, 1).into(), &mut events);
    }
    events.clear();
    let kill = KillSet { scope: KillScope::All, id: 0, is_on: true, reduce_only: false };
    let started = Instant::now();
    venue.apply(Ts::new(3_000), &kill.into(), &mut events);
    println!("{} events in {} us", events.len(), started.elapsed().as_micros());
}
