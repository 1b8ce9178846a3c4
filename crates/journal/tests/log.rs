//! The log of segments: what was acknowledged is there after any end, once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tiderace_journal::{
    Config, Disk, EmergencyRecord, Faults, Faulty, FileSystem, JournalError, Log, LogReader, LogTail, Mode, Retention,
    Snapshot, Snapshots, cat, check, coin, repair, stat,
};

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("tiderace-log-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn config(mode: Mode) -> Config {
    Config { mode, segment_bytes: 64 * 1024, emergency_bytes: 64 * 1024 }
}

fn payload(seq: u64) -> Vec<u8> {
    (0..seq * 37 % 700).map(|i| u8::try_from((i + seq) % 251).unwrap()).collect()
}

fn read_all(fs: &Arc<dyn FileSystem>, dir: &Path, from_seq: u64) -> Vec<u64> {
    let mut reader = LogReader::open(Arc::clone(fs), dir, from_seq).unwrap();
    let mut seqs = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        for record in batch.records() {
            assert_eq!(record.payload, payload(record.header.seq));
            seqs.push(record.header.seq);
        }
    }
    assert_eq!(*reader.tail(), LogTail::Whole);
    seqs
}

#[test]
fn what_is_appended_comes_back_across_segments_and_reopening() {
    for mode in [Mode::Os, Mode::Disk] {
        let dir = scratch(&format!("round-{mode:?}"));
        let fs: Arc<dyn FileSystem> = Arc::new(Disk);
        let mut root = [0; 32];
        for round in 0..4_u64 {
            let (mut log, recovered) = Log::open(Arc::clone(&fs), &dir, config(mode)).unwrap();
            assert_eq!((recovered.next_seq, recovered.root, recovered.tail), (round * 500, root, LogTail::Whole));
            for i in 0..500 {
                let seq = log.next_seq();
                log.append(1, 5, 6, &payload(seq)).unwrap();
                if i % 7 == 0 {
                    assert_eq!(log.commit([3; 32]).unwrap(), seq + 1);
                }
            }
            root = if round % 2 == 0 {
                log.finish([4; 32]).unwrap()
            } else {
                log.commit([4; 32]).unwrap();
                log.root()
            };
        }
        assert_eq!(read_all(&fs, &dir, 0), (0..2000).collect::<Vec<_>>());
        assert_eq!(read_all(&fs, &dir, 1234).last(), Some(&1999));
        assert!(read_all(&fs, &dir, 1234)[0] > 1100);
        assert!(std::fs::read_dir(&dir).unwrap().count() > 5);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

fn faulty() -> (Faulty, Arc<dyn FileSystem>) {
    let fs = Faulty::new(512);
    let shared: Arc<dyn FileSystem> = Arc::new(fs.clone());
    (fs, shared)
}

fn append(log: &mut Log, count: u64, per_batch: u64) {
    for i in 1..=count {
        log.append(1, 5, 6, &payload(log.next_seq())).unwrap();
        if i % per_batch == 0 {
            log.commit([3; 32]).unwrap();
        }
    }
    log.commit([3; 32]).unwrap();
}

fn segments(fs: &Arc<dyn FileSystem>) -> Vec<PathBuf> {
    let files = fs.list(Path::new("/j")).unwrap();
    files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "seg")).collect()
}

fn snapshots(fs: &Arc<dyn FileSystem>) -> Snapshots {
    let retention = Retention { keep_snapshots: 2, keep_segments_before_snapshot: 1 };
    Snapshots::new(Arc::clone(fs), Path::new("/j"), retention)
}

/// The bytes of layout version 2, which later builds must go on reading.
#[test]
fn golden_bytes() {
    let (faulty, fs) = faulty();
    let config = Config { mode: Mode::Os, segment_bytes: 4096, emergency_bytes: 8192 };
    let (mut log, _) = Log::open(Arc::clone(&fs), Path::new("/j"), config).unwrap();
    log.append(3, 1, 7, b"abc").unwrap();
    log.close_batch([9; 32]).unwrap();
    log.append(3, 2, 7, &[5; 400]).unwrap();
    log.sync().unwrap();
    log.finish([9; 32]).unwrap();
    snapshots(&fs).write(2, [8; 32], b"state").unwrap();
    let hex = |path: &Path| faulty.bytes(path).unwrap().iter().map(|b| format!("{b:02x}")).collect::<String>();
    let golden = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(hex(&segments(&fs)[0]), golden(include_str!("../../../tests/golden/journal_segment_v2.hex")));
    let snapshot = hex(Path::new("/j/00000000000000000002.snap"));
    assert_eq!(snapshot, golden(include_str!("../../../tests/golden/journal_snapshot_v1.hex")));
}

#[test]
fn cancels_are_kept_when_the_disk_is_full_and_handed_out_once() {
    let (faulty, fs) = faulty();
    let dir = Path::new("/j");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    faulty.set_faults(Faults { capacity: Some(130 * 1024), ..Faults::default() });
    let mut acked = 0;
    let full = loop {
        let seq = log.next_seq();
        match log.append(1, 5, 6, &payload(seq)).and_then(|_| log.commit([3; 32])) {
            Ok(durable_seq) => acked = durable_seq,
            Err(error) => break error,
        }
    };
    assert!(full.to_string().contains("free space"), "{full}");
    let refused = log.append(1, 5, 6, &[]).unwrap_err().to_string();
    assert!(refused.contains(&format!("below sequence {acked} are kept")), "{refused}");
    let record = |kind: u16| EmergencyRecord { kind, ts: 9, payload: vec![7; usize::from(kind)] };
    log.append_emergency(&[record(1), record(2)]).unwrap();
    log.append_emergency(&[record(3)]).unwrap();
    while log.append_emergency(&[record(400)]).is_ok() {}
    assert!(matches!(log.append_emergency(&[record(4)]), Err(JournalError::EmergencyFull { .. })));
    faulty.power_cut(|| false);

    // A crash before they are appended: handed out again.
    let wanted = vec![record(1), record(2), record(3)];
    let mut adopted = Vec::new();
    for _ in 0..2 {
        let (_, recovered) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
        assert_eq!(recovered.next_seq, acked);
        assert_eq!(recovered.emergency[..3], wanted);
        adopted = recovered.emergency;
        faulty.kill();
    }
    // A crash between their commit and their adoption: not handed out again.
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    for record in &adopted {
        log.append(record.kind, record.ts, 6, &record.payload).unwrap();
    }
    log.commit([3; 32]).unwrap();
    faulty.power_cut(|| false);
    let (mut log, recovered) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    assert_eq!(recovered.emergency, Vec::new());
    log.append_emergency(&[record(9)]).unwrap();
    log.emergency_adopted().unwrap();
    faulty.power_cut(|| false);
    let (_, recovered) = Log::open(fs, dir, config(Mode::Disk)).unwrap();
    assert_eq!(recovered.emergency, Vec::new());
}

#[test]
fn a_damaged_snapshot_gives_way_to_the_one_before() {
    let (faulty, fs) = faulty();
    let store = snapshots(&fs);
    assert_eq!(store.latest().unwrap().snapshot, None);
    let (old, new) = (store.write(10, [1; 32], b"old").unwrap(), store.write(20, [2; 32], b"new").unwrap());
    faulty.power_cut(|| false);
    assert_eq!(store.latest().unwrap().snapshot.unwrap().bytes, b"new");
    for bit in 0..faulty.bytes(&new).unwrap().len() * 8 {
        faulty.flip(&new, bit);
        let latest = store.latest().unwrap();
        assert_eq!(latest.snapshot, Some(Snapshot { seq: 10, digest: [1; 32], bytes: b"old".to_vec() }), "bit {bit}");
        assert!(matches!(&latest.passed_over[..], [JournalError::DamagedSnapshot { path, .. }] if *path == new));
        faulty.flip(&new, bit);
    }
    faulty.flip(&new, 500);
    faulty.flip(&old, 500);
    let message = store.latest().unwrap_err().to_string();
    assert!(message.contains("00000000000000000010.snap: the hash of the snapshot does not hold"), "{message}");
}

/// A cut at each change of a snapshot's writing leaves it whole or not there.
#[test]
fn a_power_cut_while_a_snapshot_is_written_leaves_the_one_before() {
    let mut cuts = 0_u64;
    for sector_len in [512, 4096] {
        for (cut_at, seed) in (1..7).flat_map(|cut_at| (0..20).map(move |seed| (cut_at, seed))) {
            let faulty = Faulty::new(sector_len);
            let fs: Arc<dyn FileSystem> = Arc::new(faulty.clone());
            let store = snapshots(&fs);
            store.write(10, [1; 32], &[1; 9000]).unwrap();
            faulty.set_faults(Faults { cut_at: Some(cut_at), ..Faults::default() });
            let done = store.write(20, [2; 32], &[2; 9000]);
            faulty.power_cut(coin(seed));
            let latest = store.latest().unwrap();
            assert!(latest.passed_over.is_empty());
            let seq = latest.snapshot.unwrap().seq;
            assert!(if done.is_ok() { seq == 20 } else { seq == 10 || seq == 20 });
            cuts += 1;
        }
    }
    println!("power cuts while a snapshot is written: {cuts}; none half there");
}

#[test]
fn retention_removes_only_what_no_kept_snapshot_needs() {
    let (faulty, fs) = faulty();
    let dir = Path::new("/j");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    append(&mut log, 900, 5);
    let store = snapshots(&fs);
    for seq in [300, 500, 700] {
        store.write(seq, [0; 32], b"state").unwrap();
    }
    let before = segments(&fs);
    let needed = check(&fs, dir).unwrap();
    let removed = store.retain().unwrap();
    assert!(removed.iter().any(|path| path.ends_with("00000000000000000300.snap")));
    assert_eq!(segments(&fs).len(), before.len() - (removed.len() - 1));
    let kept = check(&fs, dir).unwrap();
    assert!(kept.first_seq > 0 && kept.first_seq <= 500, "{kept:?}");
    assert_eq!((kept.next_seq, kept.root), (needed.next_seq, needed.root));
    assert_eq!(*read_all(&fs, dir, 500).last().unwrap(), 899);
    // A snapshot that does not hold keeps everything.
    store.write(800, [0; 32], b"state").unwrap();
    faulty.flip(Path::new("/j/00000000000000000700.snap"), 700);
    let before = segments(&fs);
    assert!(matches!(store.retain(), Err(JournalError::DamagedSnapshot { .. })));
    assert_eq!(segments(&fs), before);
    drop(log);
    assert_eq!(Log::open(fs, dir, config(Mode::Disk)).unwrap().1.next_seq, 900);
}

#[test]
fn a_log_that_ends_before_its_snapshot_has_lost_something() {
    let (_, fs) = faulty();
    let dir = Path::new("/j");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    append(&mut log, 400, 5);
    snapshots(&fs).write(400, [0; 32], b"state").unwrap();
    drop(log);
    let last = segments(&fs).pop().unwrap();
    fs.remove(&last).unwrap();
    match Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).map(|_| ()) {
        Err(JournalError::DamagedSegment(damage)) => assert_eq!(damage.last_seq, Some(399)),
        other => panic!("{other:?}"),
    }
    for path in segments(&fs) {
        fs.remove(&path).unwrap();
    }
    assert!(matches!(Log::open(fs, dir, config(Mode::Disk)), Err(JournalError::DamagedSegment(_))));
}

/// Goal: damage in the middle stops reading and names what is lost; a repair keeps the rest, and the bytes it takes.
#[test]
fn a_repair_keeps_what_holds_and_the_bytes_of_what_does_not() {
    let (faulty, fs) = faulty();
    let dir = Path::new("/j");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    append(&mut log, 600, 10);
    drop(log);
    let whole = check(&fs, dir).unwrap();
    assert_eq!(
        (whole.records, whole.next_seq, whole.tail, whole.changed_space),
        (600, 600, LogTail::Whole, Vec::new())
    );
    assert_eq!(stat(&fs, dir).unwrap().len(), segments(&fs).len());
    let mut place = None;
    cat(&fs, dir, 304, 306, |path, record| {
        place.get_or_insert((path.to_owned(), usize::try_from(record.offset).unwrap()));
    })
    .unwrap();
    let (path, offset) = place.unwrap();
    faulty.flip(&path, offset * 8);
    let Err(JournalError::DamagedSegment(damage)) = check(&fs, dir) else { panic!("the damage was not seen") };
    assert_eq!((&damage.path, damage.first_seq, damage.last_seq), (&path, 300, Some(309)));
    assert_eq!(damage.end_seq, Some(599));
    let message = damage.to_string();
    for part in [".seg: offset ", "sequences 300 to 309 are lost", "up to 599", "repair --discard-from 300"] {
        assert!(message.contains(part), "{message}");
    }
    match repair(&fs, dir, 301, config(Mode::Disk)) {
        Err(error @ JournalError::CannotKeep { seq: 300, discard_from: 301 }) => {
            assert!(error.to_string().contains("discard from 300 or below"));
        }
        other => panic!("{other:?}"),
    }
    let damaged = faulty.bytes(&path).unwrap();
    let repaired = repair(&fs, dir, 297, config(Mode::Disk)).unwrap();
    assert_eq!(repaired.next_seq, 297);
    assert_eq!(read_all(&fs, dir, 0), (0..297).collect::<Vec<_>>());
    let aside = faulty.bytes(&repaired.discarded).unwrap();
    let tail = &damaged[offset / 512 * 512..];
    assert!(aside.windows(tail.len()).any(|bytes| bytes == tail));
    let (mut log, recovered) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    assert_eq!((recovered.next_seq, recovered.tail), (297, LogTail::Whole));
    append(&mut log, 100, 10);
    assert_eq!(check(&fs, dir).unwrap().next_seq, 397);
}

#[test]
fn a_missing_segment_is_damage() {
    let (_, fs) = faulty();
    let dir = Path::new("/j");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    append(&mut log, 600, 10);
    let gone = segments(&fs)[1].clone();
    fs.remove(&gone).unwrap();
    assert!(matches!(check(&fs, dir), Err(JournalError::DamagedSegment(_))));
}

#[test]
fn a_spare_made_elsewhere_becomes_the_next_segment() {
    let (faulty, fs) = faulty();
    let dir = Path::new("/j");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    for _ in 0..5 {
        if let Some(job) = log.spare_wanted() {
            assert!(log.spare_wanted().is_none());
            log.give_spare(std::thread::spawn(|| job.run()).join().unwrap().unwrap()).unwrap();
        }
        let before = segments(&fs).len();
        while segments(&fs).len() == before {
            faulty.set_faults(Faults::default());
            append(&mut log, 10, 10);
        }
        assert!(faulty.counts().writes < 4, "the segment was filled on the writer's thread");
    }
    let late = log.spare_wanted().unwrap();
    let before = segments(&fs).len();
    while segments(&fs).len() == before {
        append(&mut log, 10, 10);
    }
    log.give_spare(late.run().unwrap()).unwrap();
    assert!(fs.list(dir).unwrap().iter().all(|path| path.extension().is_none_or(|extension| extension != "tmp")));
    assert_eq!(check(&fs, dir).unwrap().next_seq, log.next_seq());
}

#[test]
fn a_record_larger_than_a_segment_gets_one_of_its_own_size() {
    let (_, fs) = faulty();
    let dir = Path::new("/j");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    log.append(1, 1, 1, &vec![7; 300_000]).unwrap();
    log.commit([0; 32]).unwrap();
    log.append(1, 1, 1, &[8; 10]).unwrap();
    log.commit([0; 32]).unwrap();
    drop(log);
    assert_eq!(Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap().1.next_seq, 2);
    assert_eq!(check(&fs, dir).unwrap().records, 2);
}

#[test]
fn a_reader_follows_the_writer_over_segments() {
    let (_, fs) = faulty();
    let dir = Path::new("/j");
    for mode in [Mode::Disk, Mode::Os] {
        let (mut log, recovered) = Log::open(Arc::clone(&fs), dir, config(mode)).unwrap();
        let mut reader = LogReader::open(Arc::clone(&fs), dir, recovered.next_seq).unwrap();
        let mut next = recovered.next_seq;
        assert!(reader.next_batch().unwrap().is_none());
        for _ in 0..100 {
            append(&mut log, 7, 3);
            let durable_seq = log.sync().unwrap();
            while reader.next_seq() < durable_seq {
                for record in reader.next_batch().unwrap().unwrap().records() {
                    assert_eq!(record.header.seq, next);
                    next += 1;
                }
            }
            assert_eq!((next, reader.root()), (log.next_seq(), log.root()));
        }
        log.finish([0; 32]).unwrap();
    }
    assert!(segments(&fs).len() > 4);
}

/// Goal: a newest segment that is sound in itself but of another log is refused by all, the same way. Method: two logs of
/// equal lengths and other bytes; the last segment of one is put in the place of the other's.
#[test]
fn a_newest_segment_that_does_not_follow_is_refused_by_all() {
    let write = |kind: u16| {
        let (faulty, fs) = faulty();
        let (mut log, _) = Log::open(Arc::clone(&fs), Path::new("/j"), config(Mode::Disk)).unwrap();
        while segments(&fs).len() < 3 {
            log.append(kind, 5, 6, &[0; 900]).unwrap();
            log.commit([3; 32]).unwrap();
        }
        drop(log);
        (faulty, fs)
    };
    let ((_, fs), (_, other)) = (write(1), write(2));
    let newest = segments(&fs).pop().unwrap();
    assert_eq!(segments(&other).pop().unwrap(), newest);
    let file = other.open(&newest).unwrap();
    let mut bytes = vec![0; usize::try_from(file.file_len().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    fs.open(&newest).unwrap().write_at(0, &bytes).unwrap();

    let dir = Path::new("/j");
    let damage = |error: JournalError| match error {
        JournalError::DamagedSegment(damage) => (damage.path, damage.offset, damage.check, damage.first_seq),
        error => panic!("{error}"),
    };
    let opened = damage(Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).map(|_| ()).unwrap_err());
    let mut reader = LogReader::open(Arc::clone(&fs), dir, 0).unwrap();
    let read = loop {
        match reader.next_batch() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the segment was taken for a torn tail"),
            Err(error) => break damage(error),
        }
    };
    assert_eq!((opened.0.as_path(), opened.2), (newest.as_path(), "the chain to the segment before"));
    assert_eq!(opened, read);
    assert_eq!(damage(check(&fs, dir).unwrap_err()), read);
    assert_eq!(repair(&fs, dir, read.3, config(Mode::Disk)).unwrap().next_seq, read.3);
    assert_eq!(Log::open(fs, dir, config(Mode::Disk)).unwrap().1.next_seq, read.3);
}

#[test]
fn a_damaged_emergency_segment_stops_the_opening_until_a_repair_gives_it_up() {
    let (faulty, fs) = faulty();
    let dir = Path::new("/j");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    append(&mut log, 20, 5);
    let record = |kind: u16| EmergencyRecord { kind, ts: 9, payload: vec![7; 40] };
    log.append_emergency(&[record(1)]).unwrap();
    log.append_emergency(&[record(2)]).unwrap();
    drop(log);
    assert_eq!(check(&fs, dir).unwrap().emergency, 2);
    let path = Path::new("/j/emergency.log");
    faulty.flip(path, (4096 + 150) * 8);
    let before: Vec<_> = segments(&fs).iter().map(|path| faulty.bytes(path)).collect();
    for error in [
        Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).map(|_| ()).unwrap_err(),
        check(&fs, dir).map(|_| ()).unwrap_err(),
    ] {
        let message = error.to_string();
        for part in ["emergency.log: offset 4096", "cancels and kills", "repair --discard-from 20"] {
            assert!(message.contains(part), "{message}");
        }
    }
    assert_eq!(segments(&fs).iter().map(|path| faulty.bytes(path)).collect::<Vec<_>>(), before);
    let damaged = faulty.bytes(path).unwrap();
    let repaired = repair(&fs, dir, 20, config(Mode::Disk)).unwrap();
    assert_eq!(repaired.next_seq, 20);
    assert_eq!(faulty.bytes(&repaired.emergency.unwrap()).unwrap(), damaged);
    let (_, recovered) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    assert_eq!((recovered.next_seq, recovered.emergency), (20, Vec::new()));
    assert_eq!(read_all(&fs, dir, 0).len(), 20);
}

/// A repair appends the kept part of a batch again; that must not pass for the adoption of what waits.
#[test]
fn a_repair_leaves_a_sound_emergency_segment_to_the_next_opening() {
    let (_, fs) = faulty();
    let dir = Path::new("/j");
    let (mut log, _) = Log::open(Arc::clone(&fs), dir, config(Mode::Disk)).unwrap();
    append(&mut log, 20, 10);
    let record = EmergencyRecord { kind: 1, ts: 9, payload: vec![7; 40] };
    log.append_emergency(core::slice::from_ref(&record)).unwrap();
    drop(log);
    let repaired = repair(&fs, dir, 17, config(Mode::Disk)).unwrap();
    assert_eq!((repaired.next_seq, repaired.emergency), (17, None));
    let (_, recovered) = Log::open(fs, dir, config(Mode::Disk)).unwrap();
    assert_eq!((recovered.next_seq, recovered.emergency), (17, vec![record]));
}
