//! Snapshots: what is decoded is written again with the same bytes.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tiderace_fuzz::seal;
use tiderace_journal::{Faulty, Retention, Snapshots, snapshot};

fuzz_target!(|data: &[u8]| {
    let mut bytes = data.to_vec();
    for _ in 0..2 {
        match snapshot::decode(&bytes) {
            Ok(read) => {
                let fs = Faulty::new(512);
                let keep = Retention { keep_snapshots: 1, keep_segments_before_snapshot: 0 };
                let snapshots = Snapshots::new(Arc::new(fs.clone()), Path::new("/log"), keep);
                let path = snapshots.write(read.seq, read.digest, &read.bytes).expect("memory does not fail");
                assert_eq!(fs.bytes(&path).as_ref(), Some(&bytes));
                assert_eq!(snapshots.latest().expect("it holds").snapshot, Some(read));
            }
            Err(check) => assert!(!check.is_empty()),
        }
        seal::snapshot(&mut bytes);
    }
});
