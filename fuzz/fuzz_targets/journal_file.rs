//! A journal of one file (layout 1): whatever the bytes, it is read, torn or damaged, and an error says where.
//!
//! The input: one byte, odd to take what follows as it comes, even to seal it first.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tiderace_fuzz::seal;
use tiderace_journal::{JournalError, Reader, Tail};

static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    dir.join(format!("tiderace-fuzz-{}", std::process::id()))
});

fn read(bytes: &[u8]) -> Result<(), JournalError> {
    std::fs::write(PATH.as_path(), bytes).expect("a file to read from");
    let opened = Reader::open(&PATH);
    // The handle is enough; nothing stays behind.
    std::fs::remove_file(PATH.as_path()).expect("the file is there");
    let mut reader = opened?;
    let (mut seq, mut end) = (0, 16);
    while let Some(batch) = reader.next_batch()? {
        assert_eq!((batch.offset, batch.header.first_seq), (end, seq));
        assert_eq!(batch.records().count(), batch.header.records as usize);
        for record in batch.records() {
            assert_eq!(record.header.seq, seq);
            assert_eq!(record.payload.len(), record.header.len as usize);
            seq += 1;
        }
        end += 96 + u64::from(batch.header.body_len);
    }
    match reader.tail() {
        Tail::Whole => assert_eq!(end, bytes.len() as u64),
        Tail::Torn { offset } => assert_eq!(offset, end),
    }
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if choice & 1 == 0 {
        seal::file(&mut bytes);
    }
    if let Err(error) = read(&bytes) {
        assert!(!error.to_string().is_empty());
    }
});
