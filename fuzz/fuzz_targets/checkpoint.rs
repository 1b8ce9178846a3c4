//! Checkpoints and lists of verifier keys: as they come, and as a text that the key did sign.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tiderace_fuzz::{signed, signing_key};
use tiderace_journal::checkpoint::{Checkpoint, VerifierKey};

fuzz_target!(|data: &[u8]| {
    let keys = [signing_key().verifier_key().clone()];
    if let Err(error) = Checkpoint::open(data, &keys) {
        assert!(!error.to_string().is_empty());
    }
    let Ok(text) = core::str::from_utf8(data) else { return };
    match VerifierKey::parse_list(text) {
        Ok(keys) => keys.iter().for_each(|key| assert!(text.contains(&key.to_string()))),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match Checkpoint::open(signed(text).as_bytes(), &keys) {
        // There is one way to write a checkpoint, and it is what was signed.
        Ok(open) => assert_eq!((open.checkpoint.text().as_str(), open.signers), (text, keys.to_vec())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
