//! Trees of closed segments: built away from the writer, used by proofs, held against the records by a check.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tiderace_journal::checkpoint::{Checkpoint, SigningKey, VerifierKey};
use tiderace_journal::merkle::{self, Tree};
use tiderace_journal::segment_tree::SegmentTree;
use tiderace_journal::{
    Config, Disk, Faulty, FileSystem, JournalError, Keeper, KeeperThread, Log, Mode, ProveError, Retention, Snapshots,
    cat, check, proof, prove_record, repair,
};

const DIR: &str = "/j";
const CONFIG: Config = Config { mode: Mode::Disk, segment_bytes: 96 * 1024, emergency_bytes: 16 * 1024 };

fn dir() -> &'static Path {
    Path::new(DIR)
}

fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(name, &zeroize::Zeroizing::new([7; 32])).unwrap()
}

fn write(fs: &Arc<dyn FileSystem>, dir: &Path, kind: u16, records: u64) -> Log {
    let (mut log, _) = Log::open(Arc::clone(fs), dir, CONFIG).unwrap();
    for i in 1..=records {
        log.append(kind, 5, 6, &i.to_le_bytes()).unwrap();
        if i % 100 == 0 {
            log.commit([3; 32]).unwrap();
        }
    }
    log.commit([3; 32]).unwrap();
    log
}

/// A log of about three segments of some 1,700 records, and its disk.
fn written(kind: u16) -> (Faulty, Arc<dyn FileSystem>) {
    let faulty = Faulty::new(512);
    let fs: Arc<dyn FileSystem> = Arc::new(faulty.clone());
    write(&fs, dir(), kind, 5000);
    (faulty, fs)
}

fn files(fs: &Arc<dyn FileSystem>, extension: &str) -> Vec<PathBuf> {
    let files = fs.list(dir()).unwrap();
    files.into_iter().filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

fn keep(fs: &Arc<dyn FileSystem>, keys: Vec<SigningKey>, durable_seq: u64) -> Result<u64, JournalError> {
    let mut keeper = Keeper::new(Arc::clone(fs), dir(), keys)?;
    let mut steps = 0;
    while keeper.step(durable_seq)? {
        steps += 1;
    }
    Ok(steps)
}

/// First sequences of the segments.
fn firsts(fs: &Arc<dyn FileSystem>) -> Vec<u64> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap()[..20].parse().unwrap();
    files(fs, "seg").iter().map(name).collect()
}

fn put(fs: &Arc<dyn FileSystem>, path: &Path, bytes: &[u8]) {
    let _ = fs.remove(path);
    fs.create(path).unwrap().write_at(0, bytes).unwrap();
}

#[test]
fn a_kept_tree_has_the_root_over_all_records_and_proofs_do_not_tell_it_from_one_built_on_demand() {
    let (faulty, fs) = written(1);
    let key = key("venue.example/journal");
    let seqs: Vec<u64> = (0..5000).step_by(97).chain([1, 255, 256, 4999]).collect();
    let on_demand: Vec<String> = seqs.iter().map(|seq| prove_record(&fs, dir(), *seq, &[&key]).unwrap()).collect();
    assert_eq!(keep(&fs, Vec::new(), 5000).unwrap(), files(&fs, "seg").len() as u64 - 1);

    let firsts = firsts(&fs);
    assert_eq!(files(&fs, "tree").len(), firsts.len() - 1);
    for (path, bounds) in files(&fs, "tree").iter().zip(firsts.windows(2)) {
        let mut tree = Tree::new();
        cat(&fs, dir(), bounds[0], bounds[1], |_, record| tree.push(merkle::leaf_hash(&merkle::record_bytes(&record))))
            .unwrap();
        let kept = SegmentTree::from_bytes(&faulty.bytes(path).unwrap()).unwrap();
        assert_eq!((kept.first_seq, kept.size, kept.root), (bounds[0], tree.len(), tree.root(tree.len()).unwrap()));
    }
    let verifiers = [key.verifier_key().clone()];
    for (seq, wanted) in seqs.iter().zip(&on_demand) {
        let got = prove_record(&fs, dir(), *seq, &[&key]).unwrap();
        assert_eq!(&got, wanted, "sequence {seq}");
        let proven = proof::verify(got.as_bytes(), &verifiers).unwrap();
        assert_eq!(proven.record[8..16], seq.to_le_bytes());
    }
    match prove_record(&fs, dir(), 5000, &[&key]) {
        Err(error @ ProveError::NoRecord { seq: 5000 }) => assert!(error.to_string().contains("no record 5000")),
        other => panic!("{other:?}"),
    }
    assert_eq!(check(&fs, dir()).unwrap().trees, firsts.len() as u64 - 1);
}

#[test]
fn a_root_is_signed_where_a_key_is_given() {
    let (faulty, fs) = written(1);
    keep(&fs, Vec::new(), 5000).unwrap();
    assert!(files(&fs, "checkpoint").is_empty());
    // A key that is configured later signs what is there.
    keep(&fs, vec![key("venue.example/journal")], 5000).unwrap();
    let notes = files(&fs, "checkpoint");
    assert_eq!(notes.len(), files(&fs, "tree").len());
    let keys: Vec<VerifierKey> = vec![key("venue.example/journal").verifier_key().clone()];
    for (number, (note, tree)) in notes.iter().zip(files(&fs, "tree")).enumerate() {
        let signed = Checkpoint::open(&faulty.bytes(note).unwrap(), &keys).unwrap().checkpoint;
        let kept = SegmentTree::from_bytes(&faulty.bytes(&tree).unwrap()).unwrap();
        assert_eq!(signed.origin, format!("venue.example/journal/{number:08}"));
        assert_eq!((signed.size, signed.root), (kept.size, kept.root));
    }
    check(&fs, dir()).unwrap();
    let refused = keep(&fs, vec![key("a/b")], 5000).unwrap();
    assert_eq!(refused, notes.len() as u64, "each segment is read once, and signed no second time");
    put(&fs, &notes[0], b"venue.example/journal/00000000\n7\nnot base64\n\n\xe2\x80\x94 a AAAA\n");
    let message = check(&fs, dir()).unwrap_err().to_string();
    assert!(message.contains("the form of a checkpoint does not hold"), "{message}");
    fs.remove(&notes[0]).unwrap();
    let message = keep(&fs, vec![key("a"), key("b")], 5000).unwrap_err().to_string();
    assert!(message.contains("sign each log with its own key"), "{message}");
}

#[test]
fn only_what_is_durable_gets_a_tree() {
    let (_, fs) = written(1);
    let firsts = firsts(&fs);
    assert_eq!(keep(&fs, Vec::new(), firsts[1] - 1).unwrap(), 0);
    assert_eq!(keep(&fs, Vec::new(), firsts[1]).unwrap(), 1);
    assert_eq!(files(&fs, "tree").len(), 1);
}

#[test]
fn each_bit_of_a_tree_that_changed_is_found_by_a_check() {
    let (faulty, fs) = written(1);
    keep(&fs, Vec::new(), 5000).unwrap();
    let path = files(&fs, "tree")[1].clone();
    let bits = faulty.bytes(&path).unwrap().len() * 8;
    for bit in 0..bits {
        faulty.flip(&path, bit);
        let bytes = faulty.bytes(&path).unwrap();
        assert!(SegmentTree::from_bytes(&bytes).is_err(), "bit {bit}");
        faulty.flip(&path, bit);
    }
    println!("bits of a tree flipped: {bits}; all found");
    faulty.flip(&path, bits / 2);
    match check(&fs, dir()) {
        Err(JournalError::DamagedTree { path: found, .. }) => assert_eq!(found, path),
        other => panic!("{other:?}"),
    }
    assert!(prove_record(&fs, dir(), firsts(&fs)[1], &[&key("a")]).is_err());
    fs.remove(&path).unwrap();
    check(&fs, dir()).unwrap();
    prove_record(&fs, dir(), firsts(&fs)[1], &[&key("a")]).unwrap();
}

#[test]
fn a_sound_tree_of_other_records_is_refused() {
    let ((_, fs), (faulty, other)) = (written(1), written(2));
    keep(&fs, Vec::new(), 5000).unwrap();
    keep(&other, Vec::new(), 5000).unwrap();
    let path = files(&other, "tree")[0].clone();
    put(&fs, &path, &faulty.bytes(&path).unwrap());
    let message = check(&fs, dir()).unwrap_err().to_string();
    assert!(message.contains("the root over the records does not hold"), "{message}");
    assert!(prove_record(&fs, dir(), 3, &[&key("a")]).unwrap_err().to_string().contains("do not lead to the root"));
    // The keeper reads what was there when it began, and finds it too.
    assert!(matches!(keep(&fs, Vec::new(), 5000), Err(JournalError::DamagedTree { .. })));
}

/// Opening from a snapshot reads only what follows it; older damage is found by the keeper.
#[test]
fn damage_before_the_durable_mark_is_found_by_the_keeper() {
    let (faulty, fs) = written(1);
    for with_trees in [false, true] {
        if with_trees {
            keep(&fs, Vec::new(), 5000).unwrap();
        }
        let oldest = files(&fs, "seg")[0].clone();
        faulty.flip(&oldest, 4_300 * 8);
        Log::open(Arc::clone(&fs), dir(), CONFIG).unwrap();
        match keep(&fs, Vec::new(), 5000) {
            Err(JournalError::DamagedSegment(damage)) => assert_eq!(damage.path, oldest),
            other => panic!("{other:?}"),
        }
        faulty.flip(&oldest, 4_300 * 8);
    }
}

#[test]
fn a_repair_sets_trees_of_what_it_cuts_aside_and_retention_removes_those_of_what_it_removes() {
    let (_, fs) = written(1);
    keep(&fs, vec![key("a")], 5000).unwrap();
    let (trees, first) = (files(&fs, "tree").len(), firsts(&fs)[1]);
    repair(&fs, dir(), first + 10, CONFIG).unwrap();
    assert_eq!((files(&fs, "tree").len(), files(&fs, "checkpoint").len()), (1, 1));
    assert_eq!(files(&fs, "discarded").len(), 1 + 2 * (trees - 1));
    assert_eq!(check(&fs, dir()).unwrap().trees, 1);
    write(&fs, dir(), 4, 5000);
    keep(&fs, vec![key("a")], 6000).unwrap();
    check(&fs, dir()).unwrap();
    let retention = Retention { keep_snapshots: 1, keep_segments_before_snapshot: 0 };
    let store = Snapshots::new(Arc::clone(&fs), dir(), retention);
    store.write(firsts(&fs)[2], [0; 32], b"state").unwrap();
    let signed = files(&fs, "checkpoint").len();
    store.retain().unwrap();
    assert_eq!(files(&fs, "tree").len(), files(&fs, "seg").len() - 1);
    assert_eq!(files(&fs, "checkpoint").len(), signed);
    check(&fs, dir()).unwrap();
}

#[test]
fn a_keeper_on_its_own_thread_follows_a_log_of_either_mode() {
    for mode in [Mode::Disk, Mode::Os] {
        let path = std::env::temp_dir().join(format!("tiderace-tree-{}-{mode:?}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let fs: Arc<dyn FileSystem> = Arc::new(Disk);
        let (mut log, _) = Log::open(Arc::clone(&fs), &path, Config { mode, ..CONFIG }).unwrap();
        let keeper = Keeper::new(Arc::clone(&fs), &path, Vec::new()).unwrap();
        let keeper = KeeperThread::start(keeper, mode).unwrap();
        for i in 1..=8000_u64 {
            log.append(1, 5, 6, &i.to_le_bytes()).unwrap();
            if i % 100 == 0 {
                log.commit([3; 32]).unwrap();
            }
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while check(&fs, &path).unwrap().trees < 2 {
            assert!(Instant::now() < deadline, "no tree after 20 s");
            std::thread::sleep(Duration::from_millis(5));
        }
        keeper.stop().unwrap();
        std::fs::remove_dir_all(&path).unwrap();
    }
}
