//! Faults: whatever ends a process, a machine or a disk, what was acknowledged is there, once, or its loss is named.
//! Counts are printed (`cargo test -- --nocapture`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tiderace_journal::{
    Config, Faults, Faulty, FileSystem, JournalError, Log, LogReader, LogTail, Mode, Recovered, coin,
};

const DIR: &str = "/j";

fn config() -> Config {
    Config { mode: Mode::Disk, segment_bytes: 16 * 1024, emergency_bytes: 16 * 1024 }
}

fn shared(fs: &Faulty) -> Arc<dyn FileSystem> {
    Arc::new(fs.clone())
}

fn payload(seq: u64, len: u64) -> Vec<u8> {
    (0..len).map(|i| u8::try_from((i * 7 + seq) % 251).unwrap()).collect()
}

fn open(fs: &Faulty, config: Config) -> Result<(Log, Recovered), JournalError> {
    Log::open(shared(fs), Path::new(DIR), config)
}

/// Commits batches of different sizes until something fails. Returns the sequence below which all was acknowledged.
fn work(log: &mut Log, batches: u64) -> u64 {
    let mut acked = log.durable_seq();
    for batch in 0..batches {
        for _ in 0..=batch % 3 {
            let seq = log.next_seq();
            if log.append(2, 1, 0, &payload(seq, seq * 131 % 1500)).is_err() {
                return acked;
            }
        }
        let closed = log.close_batch([1; 32]);
        // Some batches are synced alone, some together.
        if closed.is_err() || batch % 4 == 1 {
            continue;
        }
        match log.sync() {
            Ok(durable_seq) => acked = durable_seq,
            Err(_) => return acked,
        }
    }
    acked
}

/// Reads everything and checks that sequences run from zero without gap or repeat, with the bytes that were written.
fn intact(fs: &Faulty) -> u64 {
    assert_eq!(read(fs).unwrap().1, LogTail::Whole);
    intact_until(fs)
}

fn intact_until(fs: &Faulty) -> u64 {
    let mut reader = LogReader::open(shared(fs), Path::new(DIR), 0).unwrap();
    let mut next = 0;
    while let Some(batch) = reader.next_batch().unwrap() {
        for record in batch.records() {
            assert_eq!(record.header.seq, next);
            assert_eq!(record.payload, payload(next, next * 131 % 1500));
            next += 1;
        }
    }
    next
}

/// Opens after a fault, and checks that all that was acknowledged is there and the log goes on.
fn survives(fs: &Faulty, acked: u64) -> u64 {
    let (mut log, recovered) = open(fs, config()).unwrap();
    assert!(recovered.next_seq >= acked, "acknowledged below {acked}, recovered below {}", recovered.next_seq);
    assert_eq!(intact(fs), recovered.next_seq);
    // What recovery says is durable.
    fs.power_cut(|| false);
    assert_eq!(intact(fs), recovered.next_seq);
    drop(log);
    log = open(fs, config()).unwrap().0;
    let acked = work(&mut log, 3);
    assert!(acked > recovered.next_seq);
    assert_eq!(intact(fs), log.written_seq());
    acked
}

fn cut_points(mode: Mode) -> u64 {
    let fs = Faulty::new(512);
    let (mut log, _) = open(&fs, Config { mode, ..config() }).unwrap();
    work(&mut log, 30);
    fs.counts().changes
}

/// Goal: a power cut anywhere loses nothing acknowledged. Method: cut at each change the log makes, on disks of both
/// sector sizes, and keep none, all, each one alone, all but each one, and seeded subsets of the unsynced sectors.
#[test]
fn a_power_cut_at_any_change_keeps_what_was_acknowledged() {
    let full = std::env::var_os("TIDERACE_FULL").is_some();
    let (mut cuts, mut torn) = (0_u64, 0_u64);
    for mode in [Mode::Disk, Mode::Os] {
        for sector_len in [512, 4096] {
            for cut_at in 1..=cut_points(mode) {
                let attempt = |keep: &mut dyn FnMut() -> bool| {
                    let fs = Faulty::new(sector_len);
                    fs.set_faults(Faults { cut_at: Some(cut_at), ..Faults::default() });
                    let acked = open(&fs, Config { mode, ..config() }).map_or(0, |(mut log, _)| work(&mut log, 30));
                    let unsynced = fs.unsynced_sectors();
                    fs.power_cut(keep);
                    let tail = read(&fs).unwrap().1;
                    survives(&fs, acked);
                    (unsynced, u64::from(tail != LogTail::Whole))
                };
                let (unsynced, is_torn) = attempt(&mut || false);
                (cuts, torn) = (cuts + 1, torn + is_torn);
                let mut more: Vec<Box<dyn FnMut() -> bool>> = vec![Box::new(|| true)];
                for seed in 0..if full { 64 } else { 3 } {
                    more.push(Box::new(coin(seed * 1000 + cut_at)));
                }
                for alone in 0..if full { unsynced } else { unsynced.min(12) } {
                    for kept in [true, false] {
                        let mut nth = 0;
                        more.push(Box::new(move || {
                            nth += 1;
                            (nth == alone + 1) == kept
                        }));
                    }
                }
                for keep in &mut more {
                    (cuts, torn) = (cuts + 1, torn + attempt(keep).1);
                }
            }
        }
    }
    println!("power cuts: {cuts}, of them with a torn tail: {torn}; acknowledged and lost: 0");
    assert!(torn > 100);
}

/// Goal: recovery itself may lose its power. Method: cut recovery at each of its changes, with a torn tail to cut back.
#[test]
fn a_power_cut_during_recovery_changes_nothing() {
    let mut cuts = 0_u64;
    for seed in 0..20 {
        for cut_at in 1.. {
            let fs = Faulty::new(512);
            let (mut log, _) = open(&fs, config()).unwrap();
            let acked = work(&mut log, 20);
            for _ in 0..5 {
                let seq = log.next_seq();
                log.append(2, 1, 0, &payload(seq, seq * 131 % 1500)).unwrap();
                log.close_batch([1; 32]).unwrap();
            }
            fs.power_cut(coin(seed));
            fs.set_faults(Faults { cut_at: Some(cut_at), ..Faults::default() });
            let is_over = open(&fs, config()).is_ok();
            fs.power_cut(coin(seed + cut_at));
            survives(&fs, acked);
            cuts += 1;
            if is_over {
                break;
            }
        }
    }
    println!("power cuts during recovery: {cuts}; acknowledged and lost: 0");
}

/// Method: the write of the last batch fails with each number of its bytes arrived, then the process ends. A cut inside
/// the eight bytes of a stamp, which no disk with sectors of 512 bytes makes, looks like a change and is named as one.
#[test]
fn each_byte_of_the_last_record_cut_is_a_torn_tail() {
    let (mut cuts, mut stopped) = (0_u64, 0_u64);
    for prefix in 0..4096 {
        let fs = Faulty::new(512);
        let (mut log, _) = open(&fs, config()).unwrap();
        let acked = work(&mut log, 5);
        log.sync().unwrap();
        fs.set_faults(Faults { fail_write: Some(1), write_prefix: prefix, ..Faults::default() });
        let seq = log.next_seq();
        log.append(2, 1, 0, &payload(seq, 1400)).unwrap();
        assert!(matches!(log.close_batch([1; 32]), Err(JournalError::Io { .. })));
        assert!(matches!(log.append(2, 1, 0, &[]), Err(JournalError::Poisoned { .. })));
        fs.kill();
        let recovered = match open(&fs, config()) {
            Ok((_, recovered)) => recovered,
            Err(JournalError::DamagedSegment(damage)) => {
                assert!(prefix % 512 > 504, "{prefix} bytes");
                assert_eq!(damage.first_seq, seq);
                (cuts, stopped) = (cuts + 1, stopped + 1);
                continue;
            }
            Err(other) => panic!("{other}"),
        };
        let batch_len = 104 + 32 + 1400;
        let whole = prefix >= batch_len / 504 * 512 + 512;
        assert_eq!(recovered.next_seq, if whole { seq + 1 } else { seq }, "{prefix} bytes");
        assert_eq!(recovered.tail == LogTail::Whole, whole || prefix == 0, "{prefix} bytes");
        if !whole {
            survives(&fs, acked);
        }
        cuts += 1;
    }
    println!("cuts inside the last write: {cuts}, of them named as damage: {stopped}; acknowledged and lost: 0");
    assert!(stopped < 8 * 4);
}

/// Goal: after a failed sync the bytes that only the operating system has are not taken for durable.
#[test]
fn a_failed_write_or_sync_poisons_and_reopening_recovers() {
    let (mut writes, mut syncs) = (0_u64, 0_u64);
    for nth in 1..60 {
        for is_write in [true, false] {
            for is_cut in [true, false] {
                let fs = Faulty::new(4096);
                let (mut log, _) = open(&fs, config()).unwrap();
                let fail = Some(nth);
                fs.set_faults(if is_write {
                    Faults { fail_write: fail, write_prefix: 700, ..Faults::default() }
                } else {
                    Faults { fail_sync: fail, ..Faults::default() }
                });
                let acked = work(&mut log, 40);
                assert!(matches!(log.append(2, 1, 0, &[]), Err(JournalError::Poisoned { .. })), "{nth}");
                assert!(matches!(log.sync(), Err(JournalError::Poisoned { .. })));
                assert!(matches!(log.close_batch([0; 32]), Err(JournalError::Poisoned { .. })));
                if is_cut {
                    fs.power_cut(coin(nth));
                } else {
                    fs.kill();
                }
                survives(&fs, acked);
                (writes, syncs) = (writes + u64::from(is_write), syncs + u64::from(!is_write));
            }
        }
    }
    println!("EIO on write: {writes}, on sync: {syncs}; acknowledged and lost: 0");
}

#[test]
fn no_space_poisons_and_the_log_goes_on_once_there_is_some() {
    let mut runs = 0_u64;
    for capacity in (24..120).map(|sectors| sectors * 1024) {
        let fs = Faulty::new(512);
        fs.set_faults(Faults { capacity: Some(capacity), ..Faults::default() });
        let acked = open(&fs, config()).map_or(0, |(mut log, _)| work(&mut log, 60));
        fs.kill();
        survives(&fs, acked);
        runs += 1;
    }
    println!("disks that filled up: {runs}; acknowledged and lost: 0");
}

#[test]
fn a_read_error_at_recovery_is_an_error_and_changes_nothing() {
    let fs = Faulty::new(512);
    let (mut log, _) = open(&fs, config()).unwrap();
    let acked = work(&mut log, 30);
    let before: Vec<Option<Vec<u8>>> = shared(&fs).list(Path::new(DIR)).unwrap().iter().map(|p| fs.bytes(p)).collect();
    let mut errors = 0_u64;
    for nth in 1.. {
        fs.set_faults(Faults { fail_read: Some(nth), ..Faults::default() });
        match open(&fs, config()) {
            Err(JournalError::Io { doing, .. }) => assert_eq!(doing, "reading the journal"),
            Err(other) => panic!("{other}"),
            Ok(_) => break,
        }
        let after: Vec<_> = shared(&fs).list(Path::new(DIR)).unwrap().iter().map(|p| fs.bytes(p)).collect();
        assert!(before == after, "read {nth}");
        errors += 1;
    }
    fs.set_faults(Faults::default());
    survives(&fs, acked);
    println!("read errors at recovery: {errors}; acknowledged and lost: 0");
    assert!(errors > 5);
}

fn segments(fs: &Faulty) -> Vec<PathBuf> {
    let files = shared(fs).list(Path::new(DIR)).unwrap();
    files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "seg")).collect()
}

/// A log in one segment of 64 KiB that is three quarters full. Returns its path and the sequence behind its last record.
fn one_segment(fs: &Faulty) -> (PathBuf, u64) {
    let config = Config { mode: Mode::Os, segment_bytes: 64 * 1024, ..config() };
    let (mut log, _) = open(fs, config).unwrap();
    while log.next_seq() < 60 {
        for _ in 0..5 {
            let seq = log.next_seq();
            log.append(2, 1, 0, &payload(seq, seq * 131 % 1500)).unwrap();
        }
        log.close_batch([1; 32]).unwrap();
        log.sync().unwrap();
    }
    let path = segments(fs).pop().unwrap();
    assert_eq!(segments(fs).len(), 1);
    (path, log.next_seq())
}

type Read = Result<(u64, LogTail, Vec<(PathBuf, u64)>), JournalError>;

fn read(fs: &Faulty) -> Read {
    let mut reader = LogReader::open(shared(fs), Path::new(DIR), 0)?;
    while reader.next_batch()?.is_some() {}
    Ok((reader.next_seq(), reader.tail().clone(), reader.changed_space().to_vec()))
}

/// Goal: no bit of a segment changes unseen, in the last batch and in space never written too. Method: flip every bit
/// of a segment of 64 KiB that is three quarters full, and read the log. A flip is found where reading stops at damage
/// that names the segment and the sector of the flip, or where it hits a sector that was never written: there it is
/// reported too, as changed space or a torn tail, and nothing is lost.
#[test]
fn every_flipped_bit_of_a_segment_is_found() {
    let half = |parity: usize| {
        let fs = Faulty::new(512);
        let (path, end) = one_segment(&fs);
        let (mut damaged, mut harmless) = (0_u64, 0_u64);
        for bit in (parity..64 * 1024 * 8).step_by(2) {
            assert!(fs.flip(&path, bit));
            let sector = u64::try_from(bit / 8 / 512 * 512).unwrap();
            match read(&fs) {
                Err(JournalError::DamagedSegment(damage)) => {
                    assert_eq!(damage.path, path);
                    assert_eq!(damage.offset / 512 * 512, sector, "bit {bit}: {damage}");
                    damaged += 1;
                }
                Ok((next_seq, tail, space)) if tail != LogTail::Whole || !space.is_empty() => {
                    assert_eq!(next_seq, end, "bit {bit}");
                    assert!(space.iter().all(|(_, offset)| *offset == sector), "bit {bit}");
                    harmless += 1;
                }
                other => panic!("bit {bit} changed and was read as {other:?}"),
            }
            fs.flip(&path, bit);
        }
        (damaged, harmless)
    };
    let halves = std::thread::scope(|scope| [0, 1].map(|parity| scope.spawn(move || half(parity))).map(|t| t.join()));
    let (damaged, harmless) =
        halves.into_iter().map(Result::unwrap).fold((0, 0), |sum, half| (sum.0 + half.0, sum.1 + half.1));
    println!("bits flipped: {}, found as damage: {damaged}, found in unwritten space: {harmless}", 64 * 1024 * 8);
    assert_eq!(damaged + harmless, 64 * 1024 * 8);
}

/// Goal: a sector that was durable and is gone is damage, never a torn tail. Method: put each sector back to what it was
/// before it was written (a write that the disk lost), and to zeros (a disk that forgot it).
#[test]
fn a_lost_sector_below_the_durable_mark_is_damage() {
    let (fs, empty) = (Faulty::new(512), Faulty::new(512));
    let (path, end) = one_segment(&fs);
    let config = Config { mode: Mode::Os, segment_bytes: 64 * 1024, ..config() };
    drop(open(&empty, config).unwrap());
    let fill = empty.bytes(&path).unwrap();
    let good = fs.bytes(&path).unwrap();
    let file = shared(&fs).open(&path).unwrap();
    let (mut lost, mut torn, mut zeroed) = (0_u64, 0_u64, 0_u64);
    for sector in 1..good.len() / 512 {
        let range = sector * 512..(sector + 1) * 512;
        let offset = u64::try_from(range.start).unwrap();
        if good[range.clone()] != fill[range.clone()] {
            file.write_at(offset, &fill[range.clone()]).unwrap();
            match read(&fs) {
                Err(JournalError::DamagedSegment(damage)) => {
                    assert_eq!(damage.check, "the durable mark of a later batch");
                    assert!(damage.last_seq.is_some_and(|last| last >= damage.first_seq && last < end));
                    lost += 1;
                }
                // Nothing was written behind the last batch, so nothing says that it was durable.
                Ok((next_seq, LogTail::Torn { .. } | LogTail::Whole, _)) => {
                    assert_eq!(next_seq, end - 5);
                    torn += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        file.write_at(offset, &[0; 512]).unwrap();
        let is_named = match read(&fs) {
            Err(JournalError::DamagedSegment(damage)) => damage.offset == offset,
            other => panic!("{other:?}"),
        };
        assert!(is_named);
        zeroed += 1;
        file.write_at(offset, &good[range]).unwrap();
    }
    println!(
        "lost writes: {lost} found as damage, {torn} in a last batch without a mark; zeroed sectors found: {zeroed}"
    );
    assert!(lost > 50);
}

/// After a clean end a mark follows the last batch, so that its loss is seen too.
#[test]
fn a_lost_last_batch_is_damage_after_a_clean_end() {
    let fs = Faulty::new(512);
    let (mut log, _) = open(&fs, config()).unwrap();
    work(&mut log, 2);
    let before = fs.bytes(&segments(&fs)[0]).unwrap();
    let seq = log.next_seq();
    log.append(2, 1, 0, &payload(seq, seq * 131 % 1500)).unwrap();
    log.finish([0; 32]).unwrap();
    let path = segments(&fs)[0].clone();
    let after = fs.bytes(&path).unwrap();
    let sector = (0..after.len()).step_by(512).find(|at| after[*at..at + 512] != before[*at..at + 512]).unwrap();
    shared(&fs).open(&path).unwrap().write_at(u64::try_from(sector).unwrap(), &before[sector..sector + 512]).unwrap();
    match read(&fs) {
        Err(JournalError::DamagedSegment(damage)) => assert_eq!((damage.first_seq, damage.last_seq), (seq, Some(seq))),
        other => panic!("{other:?}"),
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]
    /// Whatever stands in the files, reading ends with what was written, damage, or a torn tail: never with a panic.
    #[test]
    fn bytes_written_by_others_are_never_taken_for_ours(
        changes in proptest::collection::vec(
            (0_usize..66_000, proptest::collection::vec(proptest::prelude::any::<u8>(), 1..600)),
            1..4,
        ),
    ) {
        let fs = Faulty::new(512);
        let (path, end) = one_segment(&fs);
        let file = shared(&fs).open(&path).unwrap();
        for (offset, bytes) in changes {
            file.write_at(u64::try_from(offset).unwrap(), &bytes).unwrap();
        }
        match read(&fs) {
            Err(JournalError::DamagedSegment(_)) => {}
            Ok((next_seq, tail, space)) => {
                proptest::prop_assert_eq!(intact_until(&fs), next_seq);
                proptest::prop_assert!(next_seq <= end && (tail != LogTail::Whole || !space.is_empty()));
            }
            Err(other) => panic!("{other}"),
        }
        if let Ok((log, recovered)) = open(&fs, config()) {
            proptest::prop_assert!(recovered.next_seq <= end);
            drop(log);
        }
    }
}
