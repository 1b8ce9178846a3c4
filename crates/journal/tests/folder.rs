//! A folder belongs to one writer at a time, and only what the journal made in it is the journal's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tiderace_journal::{
    Config, Disk, Faulty, FileSystem, JournalError, Log, Mode, Retention, Snapshots, check, repair,
};

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("tiderace-folder-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config() -> Config {
    Config { mode: Mode::Os, segment_bytes: 64 * 1024, emergency_bytes: 64 * 1024 }
}

fn disk() -> Arc<dyn FileSystem> {
    Arc::new(Disk)
}

/// Goal: two writers never stand in one folder, for the second would write over what the first acknowledged. Method:
/// open, or repair, while a log is open; then again once it is dropped.
#[test]
fn a_second_writer_is_kept_out_and_told_until_the_first_is_gone() {
    let (scratch, fs) = (Scratch::new("lock"), disk());
    let (mut first, _) = Log::open(Arc::clone(&fs), &scratch.0, config()).unwrap();
    first.append(7, 1, 0, b"first").unwrap();
    first.commit([0; 32]).unwrap();
    let refused = [
        Log::open(Arc::clone(&fs), &scratch.0, config()).map(drop).unwrap_err(),
        Log::open_reading(Arc::clone(&fs), &scratch.0, config(), 0, &mut |_| {}).map(drop).unwrap_err(),
        repair(&fs, &scratch.0, 0, config()).map(drop).unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(&error, JournalError::InUse { dir } if *dir == scratch.0), "{error}");
        assert!(error.to_string().contains("is open elsewhere"), "{error}");
    }
    first.append(7, 2, 0, b"second").unwrap();
    first.commit([0; 32]).unwrap();
    assert_eq!(check(&fs, &scratch.0).unwrap().next_seq, 2, "reading asks for no lock");
    drop(first);
    let (log, recovered) = Log::open(Arc::clone(&fs), &scratch.0, config()).unwrap();
    assert_eq!((log.next_seq(), recovered.next_seq), (2, 2));
}

#[test]
fn an_opening_removes_what_it_was_making_and_nothing_else() {
    let (scratch, fs) = (Scratch::new("leftovers"), disk());
    drop(Log::open(Arc::clone(&fs), &scratch.0, config()).unwrap());
    let ours = [
        "segment.tmp",
        "emergency.tmp",
        "00000001-spare.tmp",
        "00000000000000000007.snap.tmp",
        "00000000000000000000-00000000.tree.tmp",
        "00000000000000000000-00000000.checkpoint.tmp",
    ];
    let theirs = ["thesis.tmp", "notes.snap.tmp", "tmp", "spare.tmp", "a-spare.tmp"];
    for name in ours.iter().chain(&theirs) {
        std::fs::write(scratch.0.join(name), name).unwrap();
    }
    drop(Log::open(Arc::clone(&fs), &scratch.0, config()).unwrap());
    for name in ours {
        assert!(!scratch.0.join(name).exists(), "{name} is left");
    }
    for name in theirs {
        assert_eq!(std::fs::read(scratch.0.join(name)).unwrap(), name.as_bytes());
    }
}

/// Goal: a check finds what an opening would refuse: a log that ends before a snapshot that was taken of it.
#[test]
fn a_check_finds_a_log_that_ends_before_its_newest_snapshot() {
    let fs: Arc<dyn FileSystem> = Arc::new(Faulty::new(4096));
    let dir = Path::new("/log");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config()).unwrap();
    for ts in 0..4_000 {
        log.append(7, ts, 0, &[1; 64]).unwrap();
        log.commit([0; 32]).unwrap();
    }
    log.sync().unwrap();
    let retention = Retention { keep_snapshots: 1, keep_segments_before_snapshot: usize::MAX };
    Snapshots::new(Arc::clone(&fs), dir, retention).write(log.next_seq(), [0; 32], b"state").unwrap();
    log.finish([0; 32]).unwrap();
    check(&fs, dir).unwrap();
    let newest = fs.list(dir).unwrap().into_iter().rfind(|path| path.extension().is_some_and(|end| end == "seg"));
    fs.remove(&newest.unwrap()).unwrap();
    let opened = Log::open(Arc::clone(&fs), dir, config()).map(drop).unwrap_err();
    let checked = check(&fs, dir).map(drop).unwrap_err();
    assert!(matches!(checked, JournalError::DamagedSegment(_)), "{checked}");
    assert_eq!(checked.to_string(), opened.to_string());
}

#[test]
fn a_poisoned_log_says_how_far_it_is_kept_in_its_mode() {
    for mode in [Mode::Os, Mode::Disk] {
        let faulty = Faulty::new(4096);
        let fs: Arc<dyn FileSystem> = Arc::new(faulty.clone());
        let (mut log, _) = Log::open(fs, Path::new("/log"), Config { mode, ..config() }).unwrap();
        log.append(7, 1, 0, b"kept").unwrap();
        log.commit([0; 32]).unwrap();
        faulty.set_faults(tiderace_journal::Faults { fail_write: Some(1), ..Default::default() });
        log.append(7, 2, 0, b"lost").unwrap();
        log.commit([0; 32]).unwrap_err();
        let error = log.append(7, 3, 0, b"refused").unwrap_err();
        assert!(matches!(&error, JournalError::Poisoned { kept_seq: 1, .. }), "{error}");
    }
}
