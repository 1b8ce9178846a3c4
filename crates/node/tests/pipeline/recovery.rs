//! What a restart finds where snapshots do not hold, segments are gone, or a command is larger than any it reads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tiderace_journal::{Faulty, FileSystem, Snapshots};
use tiderace_node::{Config, Follower, FollowerConfig, Machine, NodeError, NotTaken, Pipeline, recover};
use tiderace_types::venue::{Command, Event, MassQuote, QUOTE_ENTRIES_MAX, QuoteEntry, Single};
use tiderace_types::{AccountId, ClOrdId, ExecType, InstrumentId, OrdStatus, Price, Qty, Reason, Ts};

use crate::tally::{Tally, new_order, report};
use crate::{DIR, GENESIS, LOG, memory, open, submit};

/// A journal of more than three segments with two snapshots, the whole of it kept; and the state behind it.
fn with_snapshots() -> (Faulty, Arc<dyn FileSystem>, Tally) {
    let (faulty, fs) = memory();
    let retention = tiderace_journal::Retention { keep_snapshots: 2, keep_segments_before_snapshot: usize::MAX };
    let config = FollowerConfig { segments: 1, retention };
    let (pipeline, mut inlet, mut outlet) = Pipeline::start(open(&fs, LOG).unwrap(), Config::default()).unwrap();
    let fresh = Tally::default;
    let durable_seq = outlet.durable_seq_fn();
    let follower = Follower::start(Arc::clone(&fs), Path::new(DIR), GENESIS.to_vec(), fresh, config, durable_seq);
    let follower = follower.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let (mut n, mut taken) = (0, 0);
    while taken < 2 {
        n += 1;
        while inlet.submit(Ts::new(1), &new_order(n)) == Err(NotTaken::Full) {
            while outlet.poll().is_some() {}
        }
        while outlet.poll().is_some() {}
        taken += follower.taken().count();
        assert!(std::time::Instant::now() < deadline, "no second snapshot after {n} orders");
    }
    follower.stop().unwrap();
    let live = pipeline.stop(inlet, outlet, |_| {}).unwrap().machine;
    (faulty, fs, live)
}

fn snapshots(fs: &Arc<dyn FileSystem>) -> Vec<PathBuf> {
    let retention = tiderace_journal::Retention { keep_snapshots: 2, keep_segments_before_snapshot: 0 };
    Snapshots::new(Arc::clone(fs), Path::new(DIR), retention).paths().unwrap()
}

#[test]
fn damaged_snapshots_give_way_to_an_older_one_and_then_to_the_whole_journal() {
    let (faulty, fs, live) = with_snapshots();
    let paths = snapshots(&fs);
    assert_eq!(paths.len(), 2);
    let whole = open(&fs, LOG).unwrap();
    assert!(whole.passed_over.is_empty() && whole.machine == live);
    drop(whole);
    for (damaged, path) in paths.iter().rev().enumerate() {
        assert!(faulty.flip(path, 8 * 200));
        let again = open(&fs, LOG).unwrap();
        assert_eq!(again.passed_over.len(), damaged + 1);
        assert_eq!(again.from_snapshot.is_some(), damaged == 0);
        assert_eq!(again.machine, live);
    }
}

/// A machine of a later build: it reads no state of this one's.
#[derive(Default)]
struct Later(Tally);

impl Machine for Later {
    fn apply(&mut self, ts: Ts, command: &Command, events: &mut Vec<Event>) {
        self.0.apply(ts, command, events);
    }
}

#[test]
fn snapshots_of_another_build_are_named_and_the_whole_journal_is_replayed() {
    let (_, fs, live) = with_snapshots();
    let again = recover(&fs, Path::new(DIR), LOG, GENESIS, Later::default, |_| {}).unwrap();
    assert_eq!((again.from_snapshot, again.passed_over.len()), (None, 2));
    assert_eq!(again.machine.0, live);
}

#[test]
fn without_its_first_segments_a_journal_needs_a_snapshot_and_names_those_that_do_not_hold() {
    let (faulty, fs, live) = with_snapshots();
    let first = fs.list(Path::new(DIR)).unwrap().into_iter().find(|path| path.extension().unwrap() == "seg");
    fs.remove(&first.unwrap()).unwrap();
    assert_eq!(open(&fs, LOG).unwrap().machine, live, "a snapshot leads behind it");
    let paths = snapshots(&fs);
    for path in &paths {
        assert!(faulty.flip(path, 8 * 200));
    }
    let Err(refused) = open(&fs, LOG) else { panic!("nothing leads to the first segment that is there") };
    let NodeError::NoStart { first_seq, passed_over } = &refused else { panic!("{refused}") };
    assert!(*first_seq > 0 && passed_over.len() == paths.len());
    assert!(paths.iter().all(|path| refused.to_string().contains(&path.display().to_string())), "{refused}");
}

/// Answers a command that was replaced by a refusal as the venue does.
#[derive(Default)]
struct Refuser;

impl Machine for Refuser {
    fn apply(&mut self, _: Ts, command: &Command, events: &mut Vec<Event>) {
        if let Command::Single(Single::Malformed(malformed)) = command {
            let Event::Report(report) = report(malformed.cl_ord_id.0, ExecType::Rejected, OrdStatus::Rejected) else {
                return;
            };
            events.push(tiderace_types::venue::Report { reason: malformed.reason, ..report }.into());
        }
    }
}

/// Goal: a quote with more entries than the journal's layout reads back is refused and does not lock the journal.
#[test]
fn a_quote_with_too_many_entries_is_refused_and_the_journal_opens_again() {
    let (_, fs) = memory();
    let opened = || recover(&fs, Path::new(DIR), LOG, GENESIS, Refuser::default, |_| {});
    let (pipeline, mut inlet, outlet) = Pipeline::start(opened().unwrap(), Config::default()).unwrap();
    let one = Qty::new(1).unwrap();
    let entry = QuoteEntry {
        instrument: InstrumentId(0),
        bid_px: Price::new(1),
        bid_qty: one,
        ask_px: Price::new(2),
        ask_qty: one,
    };
    let entries = vec![entry; QUOTE_ENTRIES_MAX + 1];
    let quote = MassQuote { account: AccountId(1), quote_id: ClOrdId(7), mmp_group: 0, entries };
    submit(&mut inlet, &quote.into()).unwrap();
    let mut reasons = Vec::new();
    pipeline
        .stop(inlet, outlet, |output| {
            if let Event::Report(report) = output.event {
                reasons.push((report.cl_ord_id, report.reason));
            }
        })
        .unwrap();
    assert_eq!(reasons, [(ClOrdId(7), Reason::BadField)]);
    assert_eq!(opened().unwrap().replayed, 1);
}

/// Breaks an invariant at order 3.
#[derive(Default)]
struct Broken(Tally);

impl Machine for Broken {
    fn apply(&mut self, ts: Ts, command: &Command, events: &mut Vec<Event>) {
        if let Command::Single(Single::NewOrder(order)) = command {
            assert_ne!(order.cl_ord_id, ClOrdId(3), "an invariant of this test");
        }
        self.0.apply(ts, command, events);
    }
}

#[test]
fn an_engine_that_broke_takes_nothing_more_and_what_it_answered_is_kept() {
    let (_, fs) = memory();
    let recovery = recover(&fs, Path::new(DIR), LOG, GENESIS, Broken::default, |_| {}).unwrap();
    let (pipeline, mut inlet, outlet) = Pipeline::start(recovery, Config::default()).unwrap();
    for n in 1..=3 {
        submit(&mut inlet, &new_order(n)).unwrap();
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    // Those that are on their way while the engine ends are lost, unanswered.
    while submit(&mut inlet, &new_order(4)).is_ok() {
        assert!(std::time::Instant::now() < deadline, "a broken engine takes orders");
        std::thread::yield_now();
    }
    let mut told = Vec::new();
    let stopped = pipeline.stop(inlet, outlet, |output| told.push(output.seq));
    assert!(matches!(stopped, Err(NodeError::Broken { thread: "engine" })));
    assert_eq!(told, [1, 2]);
    assert_eq!(open(&fs, LOG).unwrap().machine.orders.len(), 2);
}
