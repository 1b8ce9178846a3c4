//! What the pipeline promises: outputs wait for their cause, full rings hold the inlet back, slow subscribers are cut
//! off, a failed disk ends matching but not cancels, and a restart finds what was acknowledged, once.

mod crash;
mod recovery;
mod tally;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tally::{Tally, cancel, kill, new_order};
use tiderace_journal::{Config as LogConfig, Disk, Faults, Faulty, FileSystem, Mode, Retention};
use tiderace_node::{
    Config, Ending, Follower, FollowerConfig, Inlet, NodeError, NotTaken, Outlet, Output, Pipeline, Recovery, Topic,
    recover,
};
use tiderace_types::venue::{Command, Event};
use tiderace_types::{ExecType, Ts};

const GENESIS: &[u8] = b"a tally";
const LOG: LogConfig = LogConfig { mode: Mode::Disk, segment_bytes: 256 * 1024, emergency_bytes: 64 * 1024 };
/// With room for a whole test: no segment is filled while faults are counted.
const WIDE: LogConfig = LogConfig { segment_bytes: 2 * 1024 * 1024, ..LOG };
const DIR: &str = "/venue";

fn open(fs: &Arc<dyn FileSystem>, log: LogConfig) -> Result<Recovery<Tally>, NodeError> {
    recover(fs, Path::new(DIR), log, GENESIS, Tally::default, |_| {})
}

fn start(fs: &Arc<dyn FileSystem>, ring: usize) -> (Pipeline<Tally>, Inlet, Outlet) {
    Pipeline::start(open(fs, LOG).unwrap(), Config { ring, is_timed: false }).unwrap()
}

/// Starts, enters order 1, waits until the next segment is filled and nothing is written any more, and lets the disk fail.
fn start_failing(faulty: &Faulty, fs: &Arc<dyn FileSystem>, faults: Faults) -> (Pipeline<Tally>, Inlet, Outlet) {
    let config = Config { ring: 256, is_timed: false };
    let (pipeline, mut inlet, mut outlet) = Pipeline::start(open(fs, WIDE).unwrap(), config).unwrap();
    submit(&mut inlet, &new_order(1)).unwrap();
    wait(&mut outlet, 1);
    let is_filled = || {
        let spare = fs.list(Path::new(DIR)).unwrap().into_iter().find(|path| path.extension().unwrap() == "tmp");
        spare.and_then(|path| faulty.bytes(&path)).is_some_and(|bytes| bytes.len() as u64 == WIDE.segment_bytes)
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut before = None;
    while !is_filled() || before != Some(faulty.counts()) {
        before = Some(faulty.counts());
        std::thread::sleep(Duration::from_millis(20));
        assert!(Instant::now() < deadline, "the next segment is not filled");
    }
    faulty.set_faults(faults);
    (pipeline, inlet, outlet)
}

/// Submits new orders from `n` on, reading what comes out, until the inlet says that it stopped. Returns the next id.
fn submit_until_stopped(inlet: &mut Inlet, outlet: &mut Outlet, mut n: u64, seen: &mut Vec<Output>) -> u64 {
    loop {
        match inlet.submit(Ts::new(1), &new_order(n)) {
            Ok(_) => n += 1,
            Err(NotTaken::Full) => std::thread::yield_now(),
            Err(NotTaken::Stopped) => return n,
        }
        assert!(n < 200_000, "the fault was never met");
        while let Some(output) = outlet.poll() {
            seen.push(output);
        }
    }
}

fn submit(inlet: &mut Inlet, command: &Command) -> Result<u64, NotTaken> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match inlet.submit(Ts::new(1), command) {
            Err(NotTaken::Full) => assert!(Instant::now() < deadline, "the inlet stays full"),
            done => return done,
        }
        std::thread::yield_now();
    }
}

fn id(output: &Output) -> Option<(u64, ExecType)> {
    match output.event {
        Event::Report(report) => Some((report.cl_ord_id.0, report.exec_type)),
        _ => None,
    }
}

/// Waits for so many outputs.
fn wait(outlet: &mut Outlet, count: usize) -> Vec<Output> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut outputs = Vec::new();
    while outputs.len() < count {
        outputs.extend(outlet.poll());
        assert!(Instant::now() < deadline, "{} of {count} outputs came", outputs.len());
    }
    outputs
}

fn memory() -> (Faulty, Arc<dyn FileSystem>) {
    let faulty = Faulty::new(4096);
    (faulty.clone(), Arc::new(faulty))
}

#[test]
fn an_output_leaves_once_its_cause_is_durable_and_in_order() {
    let (_, fs) = memory();
    let (pipeline, mut inlet, mut outlet) = start(&fs, 1_024);
    let mut seen = Vec::new();
    let mut n = 1;
    let deadline = Instant::now() + Duration::from_secs(60);
    while n <= 5_000 {
        // Who does not read while the inlet is full waits for ever: both rings may be full at once.
        match inlet.submit(Ts::new(1), &new_order(n)) {
            Ok(seq) => {
                assert_eq!(seq, n);
                n += 1;
            }
            Err(reason) => assert_eq!(reason, NotTaken::Full),
        }
        while let Some(output) = outlet.poll() {
            assert!(output.seq < outlet.durable_seq());
            seen.push(output);
        }
        assert!(Instant::now() < deadline, "the inlet stays full");
    }
    let stopped = pipeline.stop(inlet, outlet, |output| seen.push(*output)).unwrap();
    assert_eq!(seen.iter().map(|output| id(output).unwrap().0).collect::<Vec<_>>(), (1..=5_000).collect::<Vec<_>>());
    assert!(seen.iter().all(|output| id(output).unwrap() == (output.seq, ExecType::New)));
    assert_eq!(stopped.durable_seq, 5_001);

    // A restart derives the same outputs and the same state anew.
    let mut derived = Vec::new();
    let again = recover(&fs, Path::new(DIR), LOG, GENESIS, Tally::default, |output| derived.push(*output)).unwrap();
    assert_eq!((derived, again.machine.orders), (seen, stopped.machine.orders));
    assert_eq!((again.replayed, again.from_snapshot, again.adopted), (5_000, None, 0));
}

#[test]
fn full_rings_hold_the_inlet_back_and_lose_nothing() {
    let (_, fs) = memory();
    let (pipeline, mut inlet, mut outlet) = start(&fs, 64);
    // Nobody reads: in the end the inlet is full, and stays so.
    let mut sent = 0;
    let mut last_taken = Instant::now();
    while last_taken.elapsed() < Duration::from_millis(300) {
        if inlet.submit(Ts::new(1), &new_order(sent + 1)).is_ok() {
            (sent, last_taken) = (sent + 1, Instant::now());
        }
    }
    assert!(sent < 64 * 8 + 2_048, "{sent} were taken with nobody reading");
    let mut ids: Vec<u64> = wait(&mut outlet, 100).iter().map(|output| id(output).unwrap().0).collect();
    pipeline.stop(inlet, outlet, |output| ids.push(id(output).unwrap().0)).unwrap();
    assert_eq!(ids, (1..=sent).collect::<Vec<_>>());
}

#[test]
fn events_of_one_command_may_outnumber_a_ring() {
    let (_, fs) = memory();
    let recovery = recover(&fs, Path::new(DIR), LOG, GENESIS, || Tally { echoes: 1_000, ..Tally::default() }, |_| {});
    let (pipeline, mut inlet, mut outlet) =
        Pipeline::start(recovery.unwrap(), Config { ring: 16, is_timed: true }).unwrap();
    submit(&mut inlet, &new_order(7)).unwrap();
    wait(&mut outlet, 1_000);
    let stopped = pipeline.stop(inlet, outlet, |_| panic!("there were a thousand")).unwrap();
    assert_eq!(stopped.service.unwrap().len(), 1);
}

#[test]
fn a_slow_subscriber_is_cut_off_and_told_and_others_hear_everything_of_theirs() {
    let (_, fs) = memory();
    let (pipeline, mut inlet, mut outlet) = start(&fs, 1_024);
    let mut slow = pipeline.subscribe(Topic::All, 10);
    let mut market = pipeline.subscribe(Topic::Market, 10);
    let mut own = pipeline.subscribe(Topic::Account(tiderace_types::AccountId(1)), 10_000);
    for n in 1..=1_000 {
        submit(&mut inlet, &new_order(n)).unwrap();
        while outlet.poll().is_some() {}
    }
    pipeline.stop(inlet, outlet, |_| {}).unwrap();
    let read = |subscription: &mut tiderace_node::Subscription| {
        let mut ids = Vec::new();
        loop {
            match subscription.poll() {
                Ok(output) => ids.extend(output.iter().filter_map(id).map(|(id, _)| id)),
                Err(ending) => return (ids, ending),
            }
        }
    };
    let (heard, ending) = read(&mut slow);
    assert_eq!(ending, Ending::CutOff);
    assert_eq!(heard, (heard[0]..heard[0] + 10).collect::<Vec<_>>(), "up to the cut there is no gap");
    assert_eq!(read(&mut market), (vec![], Ending::Stopped));
    let (heard, ending) = read(&mut own);
    assert_eq!((heard.last(), ending), (Some(&1_000), Ending::Stopped));
}

/// Goal: a failed write or sync ends matching and acks, cancels are still kept, and a restart finds the venue killed
/// with everything that was acknowledged. Method: fail the n-th write or sync of a run in memory.
#[test]
fn a_failed_disk_ends_matching_but_not_cancels() {
    for faults in (1..20).flat_map(|n| {
        [Faults { fail_write: Some(n), ..Faults::default() }, Faults { fail_sync: Some(n), ..Faults::default() }]
    }) {
        let (faulty, fs) = memory();
        let (pipeline, mut inlet, mut outlet) = start_failing(&faulty, &fs, faults);
        let mut acked = Vec::new();
        let n = submit_until_stopped(&mut inlet, &mut outlet, 2, &mut acked);
        assert!(outlet.has_failed());
        let durable_seq = outlet.durable_seq();
        let victim = acked.first().map_or(1, |output: &Output| output.seq);
        submit(&mut inlet, &cancel(victim)).unwrap();
        assert_eq!(submit(&mut inlet, &new_order(n)), Err(NotTaken::Stopped));
        let mut late = Vec::new();
        let stopped = pipeline.stop(inlet, outlet, |output| late.push(*output)).unwrap();
        assert!(stopped.error.is_some());
        let (rescued, acked_late): (Vec<Output>, Vec<Output>) =
            late.into_iter().partition(|output| output.is_emergency);
        acked.extend(acked_late);
        assert!(acked.iter().all(|output| output.seq < durable_seq && !output.is_emergency));
        assert_eq!(rescued.iter().filter_map(id).collect::<Vec<_>>(), [(victim, ExecType::Canceled)]);

        faulty.power_cut(|| false);
        let again = open(&fs, LOG).unwrap();
        assert_eq!(again.adopted, 2, "the kill and the cancel");
        assert!(again.machine.is_killed && again.machine.orders.values().all(|works| !works));
        assert!(acked.iter().all(|output| again.machine.orders.contains_key(&id(output).unwrap().0)));
        // Adopted once: the next start has nothing to adopt, and an operator opens the venue.
        drop(again);
        let again = open(&fs, LOG).unwrap();
        assert_eq!(again.adopted, 0);
        let (pipeline, mut inlet, outlet) = Pipeline::start(again, Config::default()).unwrap();
        submit(&mut inlet, &kill(false)).unwrap();
        submit(&mut inlet, &new_order(1 << 40)).unwrap();
        let mut last = None;
        pipeline.stop(inlet, outlet, |output| last = id(output)).unwrap();
        assert_eq!(last, Some((1 << 40, ExecType::New)));
    }
}

#[test]
fn a_cancel_does_not_wait_for_the_disk_and_is_kept_where_that_fails() {
    let (faulty, fs) = memory();
    let faults = Faults { fail_sync: Some(1), ..Faults::default() };
    let (pipeline, mut inlet, mut outlet) = start_failing(&faulty, &fs, faults);
    submit(&mut inlet, &cancel(1)).unwrap();
    let output = wait(&mut outlet, 1)[0];
    assert_eq!((id(&output), output.is_ahead), (Some((1, ExecType::Canceled)), true));
    assert!(pipeline.stop(inlet, outlet, |_| panic!("it was told once")).unwrap().error.is_some());
    assert!(!open(&fs, LOG).unwrap().machine.orders[&1]);
}

#[test]
fn a_cancel_behind_outputs_that_wait_is_kept_when_the_disk_fails() {
    let (faulty, fs) = memory();
    let faults = Faults { fail_sync: Some(1), ..Faults::default() };
    let (pipeline, mut inlet, mut outlet) = start_failing(&faulty, &fs, faults);
    submit(&mut inlet, &new_order(2)).unwrap();
    submit(&mut inlet, &cancel(2)).unwrap();
    let output = wait(&mut outlet, 1)[0];
    assert_eq!((id(&output), output.is_emergency), (Some((2, ExecType::Canceled)), true));
    pipeline.stop(inlet, outlet, |_| {}).unwrap();
    let again = open(&fs, LOG).unwrap();
    assert!(again.adopted == 2 && again.machine.is_killed);
}

#[test]
fn a_full_disk_still_takes_cancels_and_kills() {
    let (faulty, fs) = memory();
    let (pipeline, mut inlet, mut outlet) = start_failing(&faulty, &fs, Faults::default());
    let files = fs.list(Path::new(DIR)).unwrap();
    let used = files.iter().map(|path| faulty.bytes(path).unwrap().len() as u64).sum();
    faulty.set_faults(Faults { capacity: Some(used), ..Faults::default() });
    let mut seen = Vec::new();
    submit_until_stopped(&mut inlet, &mut outlet, 2, &mut seen);
    submit(&mut inlet, &cancel(1)).unwrap();
    submit(&mut inlet, &kill(true)).unwrap();
    let mut rescued = Vec::new();
    let stopped = pipeline.stop(inlet, outlet, |output| rescued.extend(id(output).filter(|_| output.is_emergency)));
    assert!(stopped.unwrap().error.is_some());
    assert_eq!(rescued[0], (1, ExecType::Canceled));
    assert!(rescued.len() > 1 && rescued.iter().all(|(_, exec_type)| *exec_type == ExecType::Canceled));
}

/// Goal: a snapshot that the follower took beside a running pipeline leads to the same state as the whole journal.
#[test]
fn a_followers_snapshot_leads_to_the_same_state() {
    let (_, fs) = memory();
    let recovery = open(&fs, LOG).unwrap();
    let (pipeline, mut inlet, mut outlet) = Pipeline::start(recovery, Config::default()).unwrap();
    let retention = Retention { keep_snapshots: 1, keep_segments_before_snapshot: 0 };
    let config = FollowerConfig { segments: 2, retention };
    let durable_seq = outlet.durable_seq_fn();
    let follower =
        Follower::start(Arc::clone(&fs), Path::new(DIR), GENESIS.to_vec(), Tally::default, config, durable_seq);
    let follower = follower.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let (mut n, mut taken) = (0, Vec::new());
    while taken.len() < 3 {
        n += 1;
        // Outputs that nobody takes fill their ring, and then the inlet.
        while let Err(refused) = inlet.submit(Ts::new(1), &new_order(n)) {
            assert_eq!(refused, NotTaken::Full);
            assert!(Instant::now() < deadline, "the inlet stays full");
            while outlet.poll().is_some() {}
        }
        while outlet.poll().is_some() {}
        taken.extend(follower.taken());
        assert!(Instant::now() < deadline, "no third snapshot after {n} orders");
    }
    follower.stop().unwrap();
    let live = pipeline.stop(inlet, outlet, |_| {}).unwrap().machine;
    let again = open(&fs, LOG).unwrap();
    // The follower may have taken one more before it stopped.
    assert!(again.from_snapshot >= taken.last().copied());
    assert!(again.replayed < n, "{} of {n} were replayed", again.replayed);
    assert_eq!(again.machine, live);
    let other = recover(&fs, Path::new(DIR), LOG, b"another", Tally::default, |_| {});
    assert!(matches!(other, Err(NodeError::OtherGenesis)));
}

#[test]
fn a_machine_that_answers_differently_is_found_with_its_sequence() {
    let (_, fs) = memory();
    let (pipeline, mut inlet, outlet) = start(&fs, 1_024);
    for n in 1..=20 {
        submit(&mut inlet, &new_order(n)).unwrap();
    }
    pipeline.stop(inlet, outlet, |_| {}).unwrap();
    let changed = || Tally { orders: [(13, true)].into(), ..Tally::default() };
    let differs = recover(&fs, Path::new(DIR), LOG, GENESIS, changed, |_| {});
    assert!(matches!(differs, Err(NodeError::Differs { seq: 13 })));
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tiderace-node-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_real_folder_takes_a_run_in_mode_os() {
    let folder = Folder::new("os");
    let fs: Arc<dyn FileSystem> = Arc::new(Disk);
    let log = LogConfig { mode: Mode::Os, ..LOG };
    let opened = || recover(&fs, &folder.0, log, GENESIS, Tally::default, |_| {}).unwrap();
    let (pipeline, mut inlet, mut outlet) = Pipeline::start(opened(), Config::default()).unwrap();
    for n in 1..=20_000 {
        submit(&mut inlet, &new_order(n)).unwrap();
        while outlet.poll().is_some() {}
    }
    let live = pipeline.stop(inlet, outlet, |_| {}).unwrap().machine;
    assert_eq!(opened().machine, live);
}
