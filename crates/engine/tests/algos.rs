//! The contract of algorithms: what holds of a parent whatever its program asks for, and what becomes of a program that
//! does what it must not.

mod desk;

use desk::{
    LINEAR, ONE, SEC, SPOT, START, Trial, algo, cancels, genesis, lots, orders, parent, parent_state, refusal,
    refusals, sent,
};
use serde_json::{Value, json};
use tiderace_engine::{Desk, DeskConfig, Engine};
use tiderace_program::{Arg, Form, Type};
use tiderace_types::event::ProgramStopped;
use tiderace_types::input::{CancelParent, LoadAlgo, PauseParent, ResumeParent, SubmitParent};
use tiderace_types::{
    Amount, AtEnd, Fraction, InstrumentId, MarketEvent, MarketKind, OrdStatus, Output, ParentId, ParentStatus, Price,
    Reason, Side, TimeInForce, Ts,
};

const ASKS: &[u8] = include_bytes!("programs/asks.form");

/// Parameters of the program that asks for what it is told.
#[derive(Clone, Copy)]
struct Asks {
    ask: i64,
    is_buy: bool,
    venue: i64,
    qty: i64,
    price: i64,
    amount: i64,
    again: i64,
    every_ns: i64,
}

const NONE: Asks =
    Asks { ask: 0, is_buy: true, venue: 0, qty: 10, price: 60_001, amount: ONE / 10, again: 0, every_ns: 0 };
const TAKE: Asks = Asks { ask: 1, ..NONE };
const POST: Asks = Asks { ask: 2, ..NONE };
const TAKE_AT: Asks = Asks { ask: 3, ..NONE };
const POST_AT: Asks = Asks { ask: 4, price: 59_999, ..NONE };
const REST_AT: Asks = Asks { ask: 5, price: 59_999, ..NONE };

impl Asks {
    fn params(self) -> Vec<u8> {
        let (form, _) = Form::decode(ASKS).unwrap();
        let int = |value: i64| Arg::Int(value.into());
        let Self { ask, is_buy, venue, qty, price, amount, again, every_ns } = self;
        let fields =
            [int(ask), Arg::Bool(is_buy), int(venue), int(qty), int(price), int(amount), int(again), int(every_ns)];
        let mut bytes = Vec::new();
        form.pack(Type::Table(form.params.unwrap()), &Arg::List(fields.to_vec()), &mut bytes).unwrap();
        bytes
    }
}

/// The program with another meta.
fn stating(meta: &[(&str, &str)]) -> Vec<u8> {
    let (mut form, _) = Form::decode(ASKS).unwrap();
    for (key, value) in meta {
        form.meta.retain(|(name, _)| name != key);
        form.meta.push(((*key).to_owned(), (*value).to_owned()));
    }
    form.meta.sort();
    form.encode()
}

fn with(genesis: &mut Value, form: &[u8], asks: Asks) -> Trial {
    genesis["algos"] = json!([algo(form, &asks.params())]);
    let mut trial = Trial::with(genesis);
    trial.all_live();
    trial
}

/// A desk of live books with one algorithm.
fn trial(asks: Asks) -> Trial {
    with(&mut genesis(), ASKS, asks)
}

fn stopped(out: &[Output]) -> Vec<ProgramStopped> {
    out.iter().filter_map(|o| if let Output::ProgramStopped(stopped) = o { Some(*stopped) } else { None }).collect()
}

/// What the program says, by label.
fn notes(out: &[Output]) -> Vec<(String, i64)> {
    let (form, _) = Form::decode(ASKS).unwrap();
    let note = |o: &Output| match o {
        Output::ProgramNoted(note) => Some((form.labels[note.label as usize].clone(), note.value)),
        _ => None,
    };
    out.iter().filter_map(note).collect()
}

fn said(out: &[Output], label: &str) -> Vec<i64> {
    notes(out).into_iter().filter(|(name, _)| name == label).map(|(_, value)| value).collect()
}

fn reasons(out: &[Output]) -> Vec<Reason> {
    refusals(out).iter().map(|refused| refused.reason).collect()
}

/// A trade on the tape.
fn print(trial: &mut Trial, instrument: InstrumentId, price: i64, units_e8: i64, side: Side) -> Vec<Output> {
    let event = trial.event(instrument, MarketKind::Trade, side);
    trial.market(MarketEvent {
        price: Price::new(price),
        qty_e8: units_e8,
        flags: event.flags | MarketEvent::LAST,
        ..event
    })
}

#[test]
fn an_ask_is_cut_to_what_is_neither_filled_nor_working() {
    let mut trial = trial(Asks { amount: 10 * ONE, every_ns: SEC, ..TAKE });
    let out = trial.apply(parent());
    let first = sent(&out);
    assert_eq!(first.iter().map(|o| o.order_qty.get()).sum::<i64>(), 100, "the whole parent, not ten of it");
    let out = trial.pass(SEC);
    assert_eq!((orders(&out), reasons(&out)), (vec![], vec![Reason::NothingLeft]), "all of it works");
    trial.ack(&first[0]);
    trial.canceled(&first[0], 0);
    assert_eq!(orders(&trial.pass(SEC)), orders(&first.iter().map(|o| (*o).into()).collect::<Vec<_>>()));
    trial.end();
}

#[test]
fn a_child_beyond_the_limit_of_another_side_or_below_a_minimum_is_refused_and_closes() {
    for (asks, reason) in [
        (Asks { price: 60_601, ..TAKE_AT }, Reason::BeyondLimit),
        (Asks { is_buy: false, ..REST_AT }, Reason::BadSide),
        (Asks { qty: 0, ..TAKE_AT }, Reason::BelowMinimum),
        (Asks { qty: -5, ..POST_AT }, Reason::BelowMinimum),
        (Asks { amount: 4_000, ..POST }, Reason::BelowMinimum),
        (Asks { venue: 2, price: 0, ..REST_AT }, Reason::Unpriced),
    ] {
        let mut trial = trial(asks);
        let out = trial.apply(parent());
        assert_eq!((orders(&out), reasons(&out)), (vec![], vec![reason]));
        assert_eq!(said(&out, "closed"), [1], "{reason:?}");
        trial.end();
    }
}

#[test]
fn orders_at_a_price_enter_as_they_were_asked_for() {
    for (asks, time_in_force, post_only) in
        [(TAKE_AT, TimeInForce::Ioc, false), (POST_AT, TimeInForce::Gtc, true), (REST_AT, TimeInForce::Gtc, false)]
    {
        let mut trial = trial(asks);
        let child = sent(&trial.apply(parent()))[0];
        assert_eq!((child.time_in_force, child.post_only), (time_in_force, post_only));
        assert_eq!((child.instrument, child.order_qty, child.price), (SPOT, lots(10), Price::new(asks.price)));
        trial.ack(&child);
        let out = trial.fill(&child, 10, 10);
        assert_eq!((said(&out, "fill"), said(&out, "closed")), (vec![1_000_010], vec![1]));
        trial.end();
    }
}

#[test]
fn no_child_is_above_its_clip_or_below_the_least_clip() {
    let asks = Asks { amount: ONE, every_ns: SEC, ..TAKE };
    let mut trial = trial(asks);
    let clip = |share: i64| Amount::new((ONE / 100 * share).into());
    let mut out = trial.apply(SubmitParent { clip_min: clip(5), clip_max: clip(12), instruments: 1, ..parent() });
    let mut sizes = Vec::new();
    for _ in 0..25 {
        sizes.extend(sent(&out).iter().map(|o| o.order_qty.get()));
        trial.fill_all(&out);
        out = trial.pass(SEC);
    }
    let (last, whole) = sizes.split_last().unwrap();
    assert!(whole.iter().all(|size| (5..=12).contains(size)) && *last <= 12, "{sizes:?}");
    assert_eq!(sizes.iter().sum::<i64>(), 100);
    assert!(whole.iter().collect::<std::collections::BTreeSet<_>>().len() > 2, "drawn: {sizes:?}");
    trial.end();
}

#[test]
fn a_parent_is_no_larger_a_part_of_what_traded_than_its_participation() {
    let mut trial = trial(Asks { amount: ONE, every_ns: SEC, ..TAKE });
    let out = trial.apply(SubmitParent { max_participation: Fraction::new(250_000_000), ..parent() });
    assert_eq!((orders(&out), reasons(&out)), (vec![], vec![Reason::ParticipationCap]), "nobody has traded");
    print(&mut trial, SPOT, 60_001, ONE * 3 / 10, Side::Buy);
    let out = trial.pass(SEC);
    assert_eq!(orders(&out), [(0, 10, 60_001)], "a fourth of four tenths");
    trial.fill_all(&out);
    assert_eq!(reasons(&trial.pass(SEC)), [Reason::ParticipationCap]);
    print(&mut trial, LINEAR, 59_991, ONE * 6 / 10, Side::Sell);
    assert_eq!(orders(&trial.pass(SEC)), [(0, 20, 60_001)], "on any of its venues");
    trial.end();
}

/// The same prints, of which the desk's own fill is one.
#[test]
fn own_trades_that_the_market_data_prints_are_not_those_of_others() {
    let mut json = genesis();
    json["prints_own"] = json!(true);
    let mut trial = with(&mut json, ASKS, Asks { amount: ONE, every_ns: SEC, ..TAKE });
    trial.apply(SubmitParent { max_participation: Fraction::new(250_000_000), ..parent() });
    print(&mut trial, SPOT, 60_001, ONE * 3 / 10, Side::Buy);
    let out = trial.pass(SEC);
    trial.fill_all(&out);
    print(&mut trial, SPOT, 60_001, ONE / 10, Side::Buy);
    assert_eq!(reasons(&trial.pass(SEC)), [Reason::ParticipationCap]);
    trial.end();
}

#[test]
fn a_shut_gate_lets_no_child_through() {
    let spread_max = Fraction::new(100_000);
    let gated = |asks| {
        let mut trial = trial(asks);
        for side in [Side::Buy, Side::Sell] {
            trial.level(SPOT, side, 60_000 - side.sign(), 0);
        }
        let out = trial.apply(SubmitParent { spread_max, ..parent() });
        (trial, out)
    };
    // Two dollars off 60000 on either side are 0.67 of a basis point; one is 0.33.
    let (mut open, out) = gated(TAKE_AT);
    assert_eq!(orders(&out).len(), 1, "{out:?}");
    open.end();
    let narrow = SubmitParent { spread_max: Fraction::new(40_000), ..parent() };
    for (asks, reason) in [(Asks { price: 60_002, ..TAKE_AT }, Reason::GateClosed), (POST_AT, Reason::GateClosed)] {
        let mut trial = trial(asks);
        for side in [Side::Buy, Side::Sell] {
            trial.level(SPOT, side, 60_000 - side.sign(), 0);
        }
        let out = trial.apply(narrow);
        assert_eq!((orders(&out), reasons(&out)), (vec![], vec![reason]));
        trial.end();
    }
    // A sweep goes where the gate is open.
    let mut trial = trial(TAKE);
    for side in [Side::Buy, Side::Sell] {
        trial.level(SPOT, side, 60_000 - side.sign(), 0);
    }
    let out = trial.apply(narrow);
    assert_eq!(orders(&out), [(1, 10, 59_991)]);
    let skipped =
        out.iter().find_map(|o| if let Output::VenueSkipped(s) = o { Some((s.instrument, s.reason)) } else { None });
    assert_eq!(skipped, Some((SPOT, Reason::GateClosed)));
    trial.end();
}

#[test]
fn a_mid_that_ranged_too_far_in_the_last_minute_shuts_the_gate_until_it_is_over() {
    let mut trial = trial(Asks { every_ns: 10 * SEC, ..POST_AT });
    let range_max = Fraction::new(100_000);
    trial.snapshot(SPOT, 60_020, 10);
    trial.snapshot(SPOT, 60_000, 10);
    let command = SubmitParent { range_max, instruments: 1, duration_ns: 200 * SEC, ..parent() };
    assert_eq!(reasons(&trial.apply(command)), [Reason::GateClosed]);
    let mut open_after = 0;
    while orders(&trial.pass(10 * SEC)).is_empty() {
        open_after += 10;
        assert!(open_after < 70);
    }
    assert!(open_after >= 20, "{open_after}");
    trial.end();
}

#[test]
fn the_desk_takes_by_itself_where_a_price_is_good_enough() {
    let mut trial = trial(NONE);
    let would = Fraction::new(100_000);
    let would_qty = Amount::new((ONE / 5).into());
    assert_eq!(orders(&trial.apply(SubmitParent { would, would_qty, ..parent() })), []);
    // 60000 less a basis point is 59994.
    assert_eq!(orders(&trial.snapshot(SPOT, 59_994, 10)), [], "59995 is not good enough");
    let out = trial.snapshot(SPOT, 59_990, 10);
    assert_eq!(orders(&out), [(0, 20, 59_991)]);
    assert_eq!(orders(&trial.level(SPOT, Side::Sell, 59_990, 3)), [], "and no more than it may");
    trial.fill_all(&out);
    assert_eq!(orders(&trial.level(SPOT, Side::Sell, 59_989, 3)), []);
    trial.end();
}

#[test]
fn at_its_end_a_parent_expires_or_takes_the_rest_or_goes_on() {
    for (at_end, status, takes) in [
        (AtEnd::Expire, Some((ParentStatus::Expired, Reason::EndReached, 0)), 0),
        (AtEnd::Take, Some((ParentStatus::Completed, Reason::None, ONE.into())), 1),
        (AtEnd::Keep, None, 0),
    ] {
        let mut trial = trial(POST);
        let child = sent(&trial.apply(SubmitParent { at_end, ..parent() }))[0];
        trial.ack(&child);
        let mut out = trial.pass(100 * SEC);
        let asked = cancels(&out).len();
        assert_eq!(asked, usize::from(at_end != AtEnd::Keep), "{at_end:?}");
        if asked == 1 {
            assert_eq!(orders(&out), [], "what rests is canceled first");
            out.extend(trial.canceled(&child, 0));
            let taken = trial.fill_all(&out);
            out.extend(taken);
        }
        assert_eq!(sent(&out).len(), takes);
        assert_eq!(parent_state(&out), status);
        trial.end();
    }
}

/// What an immediate order misses at the end is taken again while that brings something, and expires when it does not.
#[test]
fn the_end_takes_again_until_a_try_brings_nothing() {
    let mut trial = trial(NONE);
    trial.apply(SubmitParent { at_end: AtEnd::Take, instruments: 1, ..parent() });
    let first = sent(&trial.pass(100 * SEC))[0];
    trial.ack(&first);
    trial.fill(&first, 40, 40);
    let second = sent(&trial.canceled(&first, 40))[0];
    assert_eq!(second.order_qty, lots(60));
    trial.ack(&second);
    let out = trial.canceled(&second, 0);
    assert_eq!(parent_state(&out), Some((ParentStatus::Expired, Reason::EndReached, i128::from(ONE) * 4 / 10)));
    trial.end();
}

#[test]
fn a_program_is_called_when_it_reads_and_is_told_what_traded() {
    let mut trial = trial(Asks { again: 2, ..NONE });
    trial.apply(SubmitParent { instruments: 0b11, ..parent() });
    assert_eq!(said(&trial.level(LINEAR, Side::Buy, 59_980, 1), "book"), [1]);
    assert_eq!(notes(&trial.level(desk::INVERSE, Side::Buy, 59_980, 1)), [], "not its book");
    let out = print(&mut trial, SPOT, 60_001, ONE / 4, Side::Buy);
    assert_eq!(said(&out, "trade"), [60_001_251]);
    assert_eq!(
        (said(&out, "others"), said(&out, "traded"), said(&out, "last")),
        (vec![i64::from(25_000_000)], vec![25], vec![60_001])
    );
    assert!(said(&out, "book").is_empty(), "a trade changes no book");
    trial.apply(PauseParent { parent_id: ParentId(1), cause_seq: 0 });
    assert_eq!(notes(&print(&mut trial, SPOT, 60_001, ONE, Side::Sell)), []);
    trial.apply(ResumeParent { parent_id: ParentId(1), cause_seq: 0 });
    let out = print(&mut trial, SPOT, 60_000, ONE, Side::Sell);
    assert_eq!((said(&out, "trade"), said(&out, "traded")), (vec![60_001_000], vec![225]), "what passed shows");
    trial.apply(CancelParent { parent_id: ParentId(1), cause_seq: 0 });
    assert_eq!(notes(&print(&mut trial, SPOT, 60_000, ONE, Side::Sell)), []);
    trial.end();
}

#[test]
fn a_program_reads_what_the_desk_knows() {
    let asks = Asks { ask: 12, price: 60_001, every_ns: SEC, ..NONE };
    let mut trial = trial(asks);
    let out = trial.apply(SubmitParent { seed: 7, ..parent() });
    let child = sent(&out)[0];
    let first = notes(&out);
    let value = |out: &[(String, i64)], label: &str| out.iter().find(|(name, _)| name == label).unwrap().1;
    let expected = [
        ("now", START),
        ("start", START),
        ("end", START + 100 * SEC),
        ("is_buy", 1),
        ("order_qty", ONE),
        ("filled", 0),
        ("working", 0),
        ("smallest", 167_012),
        ("lot", ONE / 100),
        ("pending", 0),
        ("children", 0),
        ("is_open", 0),
        ("child_left", 0),
        ("child_price", 0),
        ("child_venue", -1),
        ("venues", 3),
        ("is_live", 1),
        ("price", 59_998),
        ("depth", 1_000),
        ("qty_at", 0),
        ("limit", 60_600),
        ("arrival", 59_999),
        ("exposure", ONE / 10),
        ("lots", 10),
        ("least", 1),
        ("position", 0),
    ];
    for (label, wanted) in expected {
        assert_eq!(value(&first, label), wanted, "{label}");
    }
    trial.ack(&child);
    trial.fill(&child, 4, 4);
    let second = notes(&trial.pass(SEC));
    let expected = [
        ("now", START + SEC),
        ("filled", ONE / 25),
        ("working", ONE * 6 / 100),
        ("children", 1),
        ("is_open", 1),
        ("child_left", 6),
        ("child_price", 59_999),
        ("child_venue", 0),
        ("position", 4),
    ];
    for (label, wanted) in expected {
        assert_eq!(value(&second, label), wanted, "{label}");
    }
    assert_ne!(value(&first, "random"), value(&second, "random"));
    trial.gap(SPOT);
    let third = notes(&trial.pass(SEC));
    for label in ["is_live", "price", "depth"] {
        assert_eq!(value(&third, label), 0, "{label} of a stale book");
    }
    trial.end();
}

#[test]
fn a_program_that_traps_is_stopped_and_what_it_asked_for_is_not_done() {
    for (ask, trap, reason) in [
        (8, 0, Reason::ProgramBudget),
        (9, 7, Reason::ProgramTrapped),
        (10, 2, Reason::ProgramTrapped),
        (11, 8, Reason::ProgramTrapped),
    ] {
        let mut trial = trial(Asks { ask, ..NONE });
        let out = trial.apply(parent());
        let stopped = stopped(&out);
        assert_eq!(stopped.iter().map(|s| (s.trap, s.reason)).collect::<Vec<_>>(), [(trap, reason)]);
        assert!(stopped[0].fuel_used > 0 && stopped[0].statement > 0);
        assert_eq!((orders(&out), notes(&out)), (vec![], vec![]));
        assert_eq!(parent_state(&out), Some((ParentStatus::Canceled, reason, 0)));
        assert_eq!(trial.pass(200 * SEC), []);
        trial.end();
    }
}

#[test]
fn children_beyond_the_budget_of_its_life_stop_a_program() {
    let mut trial = with(&mut genesis(), &stating(&[("children", "3")]), Asks { every_ns: SEC, ..POST });
    let mut out = trial.apply(parent());
    out.extend(trial.pass(3 * SEC));
    assert_eq!(sent(&out).len(), 3);
    assert_eq!(stopped(&out).iter().map(|s| (s.trap, s.reason)).collect::<Vec<_>>(), [(0, Reason::ProgramBudget)]);
    assert_eq!(cancels(&out).len(), 3);
    trial.end();
}

/// The rest goes on by TWAP, which has a life of its own to spend.
#[test]
fn a_program_without_children_left_may_hand_over() {
    let meta = stating(&[("children", "3"), ("on_stop", "twap")]);
    let mut genesis = genesis();
    let mut trial = with(&mut genesis, &meta, Asks { every_ns: SEC, ..POST });
    let mut out = trial.apply(parent());
    let mut bought = 0;
    for _ in 0..110 {
        bought += sent(&out).iter().map(|o| o.order_qty.get()).sum::<i64>();
        trial.fill_all(&out);
        out = trial.pass(SEC);
    }
    assert_eq!(bought, 100);
    assert!(!trial.engine.desk().has_open_parent());
    trial.end();
}

/// One that asks to be woken at once is woken a thousand times a second at most, and the market goes on.
#[test]
fn a_program_is_woken_a_thousand_times_a_second_at_most() {
    let mut trial = trial(Asks { every_ns: 1, ..NONE });
    trial.apply(parent());
    let woken = said(&trial.pass(SEC), "call").len();
    assert!((990..=1_000).contains(&woken), "{woken}");
    trial.end();
}

#[test]
fn the_working_orders_of_a_stopped_program_are_handled_as_it_says() {
    let asks = Asks { ask: 13, every_ns: SEC, ..POST };
    // Canceled; asked again where the venue refuses.
    let mut trial = with(&mut genesis(), &stating(&[("on_stop", "cancel")]), asks);
    let child = sent(&trial.apply(parent()))[0];
    trial.ack(&child);
    let out = trial.pass(SEC);
    assert_eq!(stopped(&out).len(), 1, "{out:?}");
    assert_eq!(cancels(&out).iter().map(|c| c.1).collect::<Vec<_>>(), [child.cl_ord_id]);
    trial.cancel_reject(cancels(&out)[0].0, &child, OrdStatus::New);
    assert_eq!(cancels(&trial.pass(SEC)).len(), 1);
    trial.end();
    // Left, until they are closed.
    let mut trial = with(&mut genesis(), &stating(&[("on_stop", "leave")]), asks);
    let child = sent(&trial.apply(parent()))[0];
    trial.ack(&child);
    let out = trial.pass(10 * SEC);
    assert_eq!((stopped(&out).len(), cancels(&out).len(), parent_state(&out)), (1, 0, None));
    let out = trial.fill(&child, 10, 10);
    assert_eq!(parent_state(&out), Some((ParentStatus::Canceled, Reason::ProgramTrapped, (ONE / 10).into())));
    trial.end();
    // Canceled, and the rest by TWAP until the end.
    let mut trial = with(&mut genesis(), &stating(&[("on_stop", "twap")]), asks);
    let child = sent(&trial.apply(parent()))[0];
    trial.ack(&child);
    let mut out = trial.pass(SEC);
    assert_eq!(cancels(&out).len(), 1);
    out.extend(trial.canceled(&child, 0));
    let mut bought = 0;
    for _ in 0..100 {
        bought += sent(&out).iter().map(|o| o.order_qty.get()).sum::<i64>();
        trial.fill_all(&out);
        out = trial.pass(SEC);
    }
    assert_eq!(bought, 100);
    assert!(!trial.engine.desk().has_open_parent());
    trial.end();
}

#[test]
fn a_program_that_answers_every_refusal_is_told_of_them_ten_times_a_second() {
    let mut trial = trial(Asks { again: 1, qty: 0, ..TAKE_AT });
    let out = trial.apply(parent());
    assert_eq!(said(&out, "call"), [1, 2]);
    assert_eq!(said(&trial.pass(SEC), "call").len(), 10);
    assert!(trial.engine.desk().has_open_parent());
    trial.end();
}

#[test]
fn a_program_that_is_done_closes_its_parent() {
    let mut trial = trial(Asks { ask: 7, ..NONE });
    assert_eq!(parent_state(&trial.apply(parent())), Some((ParentStatus::Completed, Reason::ProgramFinished, 0)));
    trial.end();
}

#[test]
fn controls_that_an_algorithm_does_not_work_with_are_refused_by_number() {
    let form = stating(&[("controls", "limit end")]);
    let mut trial = with(&mut genesis(), &form, NONE);
    let refused = |trial: &mut Trial, parent: SubmitParent| refusal(&trial.apply(parent));
    let share = Fraction::new(1_000);
    for (number, command) in [
        (2, SubmitParent { would: share, ..parent() }),
        (3, SubmitParent { max_participation: share, ..parent() }),
        (4, SubmitParent { clip_max: Amount::new(1), ..parent() }),
        (6, SubmitParent { range_max: share, ..parent() }),
    ] {
        assert_eq!(refused(&mut trial, command), (Reason::ControlRefused, number, 0));
    }
    assert_eq!(refused(&mut trial, SubmitParent { algo: 1, ..parent() }), (Reason::UnknownAlgo, 1, 1));
    trial.end();
    // Without an end and a limit of its own there is none.
    let mut trial = with(&mut genesis(), &stating(&[("controls", "clip")]), NONE);
    assert_eq!(refused(&mut trial, parent()), (Reason::ControlRefused, 1, 0));
    let endless = SubmitParent { limit: Fraction::ZERO, duration_ns: 0, at_end: AtEnd::Keep, ..parent() };
    assert_eq!(refused(&mut trial, SubmitParent { at_end: AtEnd::Expire, ..endless }), (Reason::ControlRefused, 5, 0));
    assert_eq!(parent_state(&trial.apply(endless)).unwrap().0, ParentStatus::Working);
    assert_eq!(trial.engine.desk().next_timer(), Ts::MAX);
    trial.end();
}

#[test]
fn ranges_of_controls_are_refused_with_the_bound() {
    let mut trial = trial(NONE);
    let over = Fraction::new(1_000_000_001);
    for command in [
        SubmitParent { limit: Fraction::ZERO, ..parent() },
        SubmitParent { would: over, ..parent() },
        SubmitParent { would_qty: Amount::new(1), ..parent() },
        SubmitParent { max_participation: over, ..parent() },
        SubmitParent { clip_min: Amount::new(1), ..parent() },
        SubmitParent { clip_max: Amount::new(1), ..parent() },
        SubmitParent { spread_max: Fraction::new(-1), ..parent() },
        SubmitParent { instruments: 0, ..parent() },
    ] {
        assert_eq!(refusal(&trial.apply(command)).0, Reason::BadParameter, "{command:?}");
    }
    // A clip that no venue accepts is one that no child fits.
    let clip = Amount::new(1_000);
    let out = trial.apply(SubmitParent { clip_min: clip, clip_max: clip, ..parent() });
    assert_eq!(parent_state(&out), Some((ParentStatus::Rejected, Reason::TooSmall, 0)));
    trial.end();
}

/// Both sides at once, and the net never beyond the order, filled or not.
#[test]
fn a_two_sided_parent_is_bounded_either_way() {
    let form = stating(&[("kind", "two_sided")]);
    let mut json = genesis();
    let rows = [
        Asks { qty: 80, every_ns: SEC, ..POST_AT },
        Asks { qty: 80, every_ns: SEC, is_buy: false, price: 60_001, ..POST_AT },
    ];
    json["algos"] = rows.iter().map(|asks| algo(&form, &asks.params())).collect::<Vec<_>>().into();
    let mut trial = Trial::with(&json);
    trial.all_live();
    let take = SubmitParent { at_end: AtEnd::Take, ..parent() };
    assert_eq!(refusal(&trial.apply(take)), (Reason::ControlRefused, 5, 0));
    let child = sent(&trial.apply(parent()))[0];
    let out = trial.pass(SEC);
    assert_eq!(orders(&out), [(0, 20, 59_999)], "80 of 100 work");
    trial.ack(&child);
    let state = parent_state(&trial.fill(&child, 80, 80)).unwrap();
    assert_eq!(state, (ParentStatus::Working, Reason::None, i128::from(ONE) * 8 / 10));
    let seller = SubmitParent { parent_id: ParentId(2), algo: 1, ..parent() };
    let sale = sent(&trial.apply(seller))[0];
    assert_eq!((sale.side, sale.order_qty), (Side::Sell, lots(80)));
    trial.ack(&sale);
    assert_eq!(parent_state(&trial.fill(&sale, 80, 80)).unwrap().2, -i128::from(ONE) * 8 / 10);
    trial.end();
}

#[test]
fn an_algorithm_that_is_none_is_refused() {
    let mut trial = trial(NONE);
    let load = |algo: u32, form: Vec<u8>, params: Vec<u8>| LoadAlgo { algo, form, params };
    let good = NONE.params();
    for (form, params, reason) in [
        (b"TRPF".to_vec(), good.clone(), Reason::BadForm),
        (stating(&[("kind", "three_sided")]), good.clone(), Reason::BadForm),
        (stating(&[("on_stop", "panic")]), good.clone(), Reason::BadForm),
        (stating(&[("controls", "limit brake")]), good.clone(), Reason::BadForm),
        (stating(&[("fuel", "0")]), good.clone(), Reason::BadForm),
        (stating(&[("children", "many")]), good.clone(), Reason::BadForm),
        (stating(&[("kind", "two_sided"), ("on_stop", "twap")]), good.clone(), Reason::BadForm),
        (ASKS.to_vec(), good[1..].to_vec(), Reason::BadParameter),
        (ASKS.to_vec(), [&good[..8], &[2], &good[9..]].concat(), Reason::BadParameter),
    ] {
        let out = trial.apply(load(1, form, params));
        assert_eq!(refusal(&out), (reason, 1, 1));
    }
    let (mut form, _) = Form::decode(ASKS).unwrap();
    form.entries.retain(|entry| entry.name != "on_start");
    assert_eq!(refusal(&trial.apply(load(1, form.encode(), good.clone()))).0, Reason::BadForm);
    form.entries[0].name = "on_start_of_day".to_owned();
    assert_eq!(refusal(&trial.apply(load(1, form.encode(), good.clone()))).0, Reason::BadForm);
    // The next number, and no other.
    for algo in [0, 2] {
        assert_eq!(
            refusal(&trial.apply(load(algo, ASKS.to_vec(), good.clone()))),
            (Reason::UnknownAlgo, algo.into(), 1)
        );
    }
    assert_eq!(trial.apply(load(1, ASKS.to_vec(), POST.params())), []);
    assert_eq!(trial.engine.desk().algos(), 2);
    assert_eq!(orders(&trial.apply(SubmitParent { algo: 1, ..parent() })), [(0, 10, 59_999)]);
    let mut json = genesis();
    json["algos"] = json!([algo(b"TRPF", &good)]);
    let config = DeskConfig::from_json(&json.to_string()).unwrap();
    assert!(Desk::new(&config).map(|_| ()).unwrap_err().to_string().starts_with("algos[0]: "));
    trial.end();
    let out = trial.engine.input(Ts::new(START), &load(2, ASKS.to_vec(), good).into());
    out.unwrap();
    assert_eq!(reasons(trial.engine.outputs()), [Reason::RunEnded]);
}

/// Goal: the interpreter of the form is the second opinion on a whole run. Method: the same commands and reports to a desk
/// of each.
#[test]
fn compiled_and_interpreted_programs_give_the_same_run() {
    let mut json = genesis();
    json["algos"] = json!([desk::twap(desk::Twap { size_jitter: 300_000_000, ..desk::TAKING })]);
    let config = DeskConfig::from_json(&json.to_string()).unwrap();
    let run = |desk: Desk| {
        let mut trial = Trial::with(&json);
        trial.engine = Engine::new(desk, &json.to_string(), None).unwrap();
        trial.all_live();
        let mut out = trial.apply(SubmitParent { seed: 77, ..parent() });
        let mut all = out.clone();
        for _ in 0..100 {
            all.extend(trial.fill_all(&out));
            out = trial.pass(SEC);
            all.extend(out.clone());
        }
        (all, trial.engine.digest())
    };
    let compiled = run(Desk::new(&config).unwrap());
    assert_eq!(compiled, run(Desk::interpreted(&config).unwrap()));
    assert!(sent(&compiled.0).len() >= 4);
}
