//! The log of segments: what was acknowledged is there after any end, once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tiderace_journal::{Config, Disk, FileSystem, Log, LogReader, LogTail, Mode};

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("tiderace-log-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn config(mode: Mode) -> Config {
    Config { mode, segment_bytes: 64 * 1024 }
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
