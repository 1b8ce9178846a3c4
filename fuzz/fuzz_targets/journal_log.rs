//! A log of segments (layout 2): whatever the bytes, it is read or refused, and what recovery leaves behind is whole.
//!
//! The input: one byte of choices (two segments; aligned to 4096; not sealed), then the segments, all of one length, in
//! whole sectors.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tiderace_fuzz::seal;
use tiderace_journal::sector::SECTOR_LEN;
use tiderace_journal::{Config, Faulty, FileSystem, JournalError, Log, LogReader, LogTail, Mode};

const DIR: &str = "/log";

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
}

fn put(fs: &Faulty, segment: &[u8]) {
    // The name is what the header says: a name that lies is a case for tests by hand.
    let name = format!("{:020}-{:08}.seg", u64_at(segment, 16), u64_at(segment, 8));
    if let Ok(file) = fs.create(&Path::new(DIR).join(name)) {
        file.write_at(0, segment).and_then(|()| file.sync_data()).expect("memory does not fail");
    }
}

fn read(fs: &Faulty) -> Result<(u64, LogTail), JournalError> {
    let mut reader = LogReader::open(Arc::new(fs.clone()), Path::new(DIR), 0)?;
    let mut records = 0;
    while let Some(batch) = reader.next_batch()? {
        assert_eq!(batch.records().count(), batch.header.records as usize);
        records += u64::from(batch.header.records);
    }
    assert!(reader.next_seq() >= records);
    Ok((reader.next_seq(), reader.tail().clone()))
}

/// What recovery accepts, it leaves whole: a second recovery changes nothing, and one more record can be kept. It reads
/// from the last durable mark on, so older damage is for a reader of the whole to find, as before.
fn recover(fs: &Faulty, before: &Result<(u64, LogTail), JournalError>) -> Result<(), JournalError> {
    let config = Config { mode: Mode::Disk, segment_bytes: 16 * 1024, emergency_bytes: 8192 };
    let open = || Log::open(Arc::new(fs.clone()), Path::new(DIR), config);
    let (log, first) = open()?;
    drop(log);
    let (mut log, second) = open().expect("what was recovered opens");
    assert_eq!((first.next_seq, first.root), (second.next_seq, second.root));
    assert_eq!(second.tail, LogTail::Whole);
    log.append(1, 0, 0, b"one more").expect("a record fits");
    log.finish([0; 32]).expect("memory does not fail");
    if let Ok((next_seq, tail)) = before {
        assert_eq!((*next_seq, tail), (first.next_seq, &first.tail));
        assert_eq!(read(fs).expect("what was kept is read"), (next_seq + 1, LogTail::Whole));
    }
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let Some((choices, bytes)) = data.split_first() else { return };
    let (count, align) = (usize::from(choices & 1) + 1, if choices & 2 == 0 { 512 } else { 4096 });
    let len = bytes.len() / count / SECTOR_LEN * SECTOR_LEN;
    if len == 0 {
        return;
    }
    let fs = Faulty::new(SECTOR_LEN);
    let mut chain = seal::Chain::default();
    for segment in bytes.chunks_exact(len).take(count) {
        let mut segment = segment.to_vec();
        if choices & 4 == 0 {
            let number = u64_at(&segment, 8);
            seal::segment(&mut segment, number, align, &mut chain);
        }
        put(&fs, &segment);
    }
    let before = read(&fs);
    let after = recover(&fs, &before);
    for error in [before.err(), after.err()].into_iter().flatten() {
        assert!(!error.to_string().is_empty());
    }
});
