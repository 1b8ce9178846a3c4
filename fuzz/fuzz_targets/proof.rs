//! Proof files, also under a checkpoint that holds, and the paths behind them: nothing but what was logged is proved.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tiderace_fuzz::{checkpoint, records, signing_key};
use tiderace_journal::merkle::{Hash, verify_consistency, verify_inclusion};
use tiderace_journal::proof::verify;

fuzz_target!(|data: &[u8]| {
    let keys = [signing_key().verifier_key().clone()];
    let whole = [data, b"\n", checkpoint().as_bytes()].concat();
    for file in [data, whole.as_slice()] {
        match verify(file, &keys) {
            Ok(proven) => assert_eq!(records()[proven.index as usize], proven.record),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    paths(data);
});

/// Sizes, hashes and path from the bytes: any at all may be refused, none may stop us.
fn paths(data: &[u8]) {
    let Some((sizes, rest)) = data.split_first_chunk::<16>() else { return };
    let (a, b) = sizes.split_at(8);
    let [a, b] = [a, b].map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
    let (hashes, _) = rest.as_chunks::<32>();
    let Some((first, path)) = hashes.split_first() else { return };
    let path: Vec<Hash> = path.to_vec();
    for error in [verify_inclusion(first, a, b, &path, first), verify_consistency((a, first), (b, first), &path)] {
        if let Err(error) = error {
            assert!(!error.to_string().is_empty());
        }
    }
}
