//! Any commands in any order: the venue panics on none, keeps its sums, and a twin read back from its bytes in the
//! middle goes on alike. A failure prints its seed.

mod venue_draw;
mod venue_world;

use tiderace_engine::venue::{House, LedgerAccount, Venue};
use tiderace_types::venue::{Event, KillSet};
use tiderace_types::{AccountId, InstrumentId, KillScope, Side};
use venue_draw::Draw;
use venue_world::{ALICE, BTC, USDC, config};

fn checked(venue: &Venue, start: [i128; 2]) {
    let accounts = [0, 1, 2].map(AccountId);
    assert!(venue.clearing().is_balanced());
    let custody = LedgerAccount::House(House::Custody);
    assert_eq!([USDC, BTC].map(|asset| -venue.clearing().total(custody, asset).get()), start);
    for at in [0, 1, 2, 3].map(InstrumentId) {
        assert_eq!(accounts.iter().map(|account| venue.position(*account, at).qty).sum::<i64>(), 0);
    }
}

/// Runs so many commands; gives how many trades they made.
fn run(seed: u64, commands: u64) -> usize {
    let mut draw = Draw(seed);
    let mut venue = Venue::new(config()).unwrap();
    let start = [USDC, BTC].map(|asset| venue.balance(ALICE, asset).total.get() * 3);
    let mut twin: Option<Venue> = None;
    let (mut events, mut of_twin, mut trades) = (Vec::new(), Vec::new(), 0);
    for id in 1..=commands {
        let ts = venue.now().plus_ns(draw.small(20));
        let command = draw.command(id, ts);
        events.clear();
        venue.apply(ts, &command, &mut events);
        trades += events.iter().filter(|event| matches!(event, Event::Trade(_))).count();
        if let Some(twin) = &mut twin {
            of_twin.clear();
            twin.apply(ts, &command, &mut of_twin);
            assert_eq!(of_twin, events, "seed {seed}, command {id}: {command:?}");
        }
        if id % 500 == 0 {
            checked(&venue, start);
            let mut bytes = Vec::new();
            venue.encode(&mut bytes);
            if let Some(twin) = &twin {
                assert_eq!(twin.digest(), venue.digest(), "seed {seed}, command {id}");
            }
            twin = Some(Venue::decode(venue.config().clone(), &bytes).unwrap());
        }
    }
    // What the venue lists and no market knows could not be canceled.
    let kill = KillSet { scope: KillScope::All, id: 0, is_on: true, reduce_only: false };
    venue.apply(venue.now(), &kill.into(), &mut events);
    assert!([0, 1, 2].map(AccountId).iter().all(|account| venue.open_orders(*account) == 0), "seed {seed}");
    for at in [0, 1, 2, 3].map(InstrumentId) {
        let book = venue.market(at).unwrap().book();
        assert!(Side::ALL.iter().all(|side| book.levels(*side).next().is_none()), "seed {seed}");
    }
    trades
}

#[test]
fn any_commands_keep_the_sums_and_a_twin_goes_on_alike() {
    let (seeds, commands) = if std::env::var_os("TIDERACE_FULL").is_some() { (200, 20_000) } else { (8, 5_000) };
    let trades: usize = (1..=seeds).map(|seed| run(seed * 0x9E37_79B9, commands)).sum();
    println!("{} commands, {trades} trades", seeds * commands);
    assert!(trades > 1_000);
}
