//! Conditional orders: how many may stand, which keys they take, and what a snapshot keeps of them.

mod venue_world;

use tiderace_engine::venue::{Venue, VenueConfig};
use tiderace_types::venue::{ConditionChanged, Event, IndexSet, SubmitConditional};
use tiderace_types::{AccountId, Amount, ExecType, InstrumentId, Reason, Side, Ts};
use venue_world::{ALICE, BTC, USDC, apply, config, order};

/// Due when the index is 3 % below the first one that it saw.
const FALLS: &str = include_str!("../../../tests/programs/forms/when_index_falls.hex");
const FALL: i64 = 30_000_000;
const TICK: i128 = 1_000_000_000_000;
const OF_ACCOUNT: u64 = 16;
const OF_VENUE: u64 = 512;

/// Costs what it is told, and is due at a question by number.
const BUSY: &str = include_str!("../../../tests/programs/forms/busy.hex");
const MS: i64 = 1_000_000;

fn form() -> Vec<u8> {
    bytes_of(FALLS)
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let text = hex.trim().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    text.chunks(2).map(byte).collect()
}

fn conditional(account: AccountId, id: u64) -> SubmitConditional {
    SubmitConditional {
        order: order(account, id, Side::Buy, 10, 1),
        expire_time: Ts::ZERO,
        interval_ns: 0,
        reads: vec![InstrumentId(0)],
        params: FALL.to_le_bytes().to_vec(),
        form: form(),
    }
}

fn many() -> VenueConfig {
    let few = config();
    let account = |n: u64| {
        let mut account = few.accounts[0].clone();
        account.name = format!("a{n}");
        account
    };
    VenueConfig { accounts: (0..=OF_VENUE / OF_ACCOUNT).map(account).collect(), ..few }
}

fn index(venue: &mut Venue, ticks: i128) -> Vec<Event> {
    apply(venue, IndexSet { base: BTC, price: Amount::new(ticks * TICK) })
}

fn refused(events: &[Event]) -> Option<Reason> {
    match events {
        [Event::Report(report)] if report.exec_type == ExecType::Rejected => Some(report.reason),
        _ => None,
    }
}

fn changes(events: &[Event], what: u8) -> Vec<AccountId> {
    let account = |event: &Event| match event {
        Event::ConditionChanged(changed) if changed.what == what => Some(changed.account),
        _ => None,
    };
    events.iter().filter_map(account).collect()
}

#[test]
fn the_key_zero_is_refused_before_all_that_is_asked_of_the_order() {
    let mut venue = Venue::new(config()).unwrap();
    let before = venue.digest();
    let wrong = SubmitConditional { interval_ns: 1, ..conditional(ALICE, 0) };
    assert_eq!(refused(&apply(&mut venue, wrong)), Some(Reason::BadClOrdId));
    assert_eq!(venue.digest(), before);
}

/// Lets time pass in which nothing else happens.
fn wait(venue: &mut Venue, ns: i64) -> Vec<Event> {
    let mut events = Vec::new();
    venue.apply(venue.now().plus_ns(ns), &IndexSet { base: USDC, price: Amount::new(TICK) }.into(), &mut events);
    events
}

/// Conditions of so many accounts, each accepted.
fn fill(
    venue: &mut Venue,
    accounts: impl Iterator<Item = AccountId>,
    of: impl Fn(AccountId, u64) -> SubmitConditional,
) {
    for (id, account) in (1..).zip(accounts) {
        wait(venue, MS);
        let events = apply(venue, of(account, id));
        assert_eq!(changes(&events, ConditionChanged::ACCEPTED), [account]);
    }
}

/// Turns round so often at each question, and is due at one by number.
fn busy(account: AccountId, id: u64, rounds: i64, question: i64) -> SubmitConditional {
    let params = [rounds.to_le_bytes(), question.to_le_bytes()].concat();
    SubmitConditional { params, form: bytes_of(BUSY), ..conditional(account, id) }
}

fn accounts() -> impl Iterator<Item = AccountId> {
    (0..OF_VENUE).map(|n| AccountId(u32::try_from(n / OF_ACCOUNT).unwrap()))
}

/// 512 that cost nearly all they may: one command asks fewer than 60 of them, the next milliseconds all others.
#[test]
fn many_that_cost_much_are_asked_little_by_little_and_all_of_them() {
    let mut venue = Venue::new(many()).unwrap();
    index(&mut venue, 10_000);
    fill(&mut venue, accounts(), |account, id| busy(account, id, 350, 2));
    wait(&mut venue, 2_000 * MS);
    let at_once = changes(&index(&mut venue, 9_999), ConditionChanged::TRIGGERED);
    assert!((1..60).contains(&at_once.len()), "{}", at_once.len());
    let mut asked = at_once;
    for _ in 0..OF_VENUE {
        let more = changes(&wait(&mut venue, MS), ConditionChanged::TRIGGERED);
        assert!(more.len() <= 2, "{}", more.len());
        asked.extend(more);
    }
    asked.sort();
    assert_eq!((asked, venue.conditions()), (accounts().collect(), 0));
}

/// Each order that enters stirs all others: one command does not ask them again and again.
#[test]
fn conditions_that_set_each_other_off_do_not_keep_the_market() {
    let mut venue = Venue::new(many()).unwrap();
    index(&mut venue, 10_000);
    fill(&mut venue, accounts(), |account, id| busy(account, id, 350, i64::try_from(id).unwrap() + 1));
    wait(&mut venue, 2_000 * MS);
    let before = venue.conditions();
    index(&mut venue, 9_999);
    assert!(before - venue.conditions() < 60);
    // The state between is part of the snapshot.
    let mut bytes = Vec::new();
    venue.encode(&mut bytes);
    let mut again = Venue::decode(many(), &bytes).unwrap();
    for _ in 0..20 {
        assert_eq!(wait(&mut again, MS), wait(&mut venue, MS));
    }
    assert_eq!(again.digest(), venue.digest());
}

/// An hour in which no command came: a clock of a second does not ask 3,600 times for each.
#[test]
fn clocks_do_not_make_up_for_an_hour_one_by_one() {
    let mut venue = Venue::new(many()).unwrap();
    index(&mut venue, 10_000);
    let of = |account, id| SubmitConditional { interval_ns: 1_000 * MS, ..busy(account, id, 350, 20) };
    fill(&mut venue, accounts().take(64), of);
    assert_eq!(changes(&wait(&mut venue, 3_600_000 * MS), ConditionChanged::TRIGGERED), []);
    // Their clocks go on.
    for _ in 0..60 {
        wait(&mut venue, 2_000 * MS);
    }
    assert_eq!(venue.conditions(), 0);
}

/// A full venue is asked in one round: all are due by the one index, and enter in the order in which they came.
#[test]
fn a_full_venue_refuses_one_more_and_asks_all_at_once() {
    let mut venue = Venue::new(many()).unwrap();
    index(&mut venue, 10_000);
    fill(&mut venue, accounts(), conditional);
    let last = AccountId(u32::try_from(OF_VENUE / OF_ACCOUNT).unwrap());
    let before = venue.digest();
    assert_eq!(refused(&apply(&mut venue, conditional(last, 1))), Some(Reason::ConditionLimit));
    assert_eq!(venue.digest(), before);
    assert!(index(&mut venue, 9_701).is_empty());

    wait(&mut venue, 50 * MS);
    let due = index(&mut venue, 9_700);
    let entered: Vec<_> = accounts().collect();
    assert_eq!(changes(&due, ConditionChanged::TRIGGERED), entered);
    assert_eq!(venue.conditions(), 0);
    let accepted = apply(&mut venue, conditional(last, 1));
    assert_eq!(changes(&accepted, ConditionChanged::ACCEPTED), [last]);
}

#[test]
fn a_snapshot_keeps_what_a_condition_saw() {
    let mut venue = Venue::new(config()).unwrap();
    index(&mut venue, 10_000);
    apply(&mut venue, conditional(ALICE, 1));
    index(&mut venue, 10_500);
    let mut bytes = Vec::new();
    venue.encode(&mut bytes);

    let mut again = Venue::decode(config(), &bytes).unwrap();
    assert_eq!(again.digest(), venue.digest());
    for venue in [&mut venue, &mut again] {
        assert!(index(venue, 9_701).is_empty());
        assert_eq!(changes(&index(venue, 9_700), ConditionChanged::TRIGGERED), [ALICE]);
    }
    assert_eq!(again.digest(), venue.digest());
}

/// Every byte of the conditions' part changed: refused, or a venue that has the same orders and goes on.
#[test]
fn a_damaged_snapshot_of_a_condition_is_refused_or_goes_on() {
    let mut venue = Venue::new(config()).unwrap();
    index(&mut venue, 10_000);
    let mut without = Vec::new();
    venue.encode(&mut without);
    apply(&mut venue, conditional(ALICE, 1));
    let mut bytes = Vec::new();
    venue.encode(&mut bytes);
    let mut refusals = 0;
    for at in bytes.len() - form().len() - 200..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x41;
        match Venue::decode(config(), &bad) {
            Ok(mut venue) => drop(index(&mut venue, 9_000)),
            Err(_) => refusals += 1,
        }
    }
    assert!(refusals > form().len() / 2, "{refusals}");
    assert!(without.len() < bytes.len());
}
