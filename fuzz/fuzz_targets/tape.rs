//! Market records of 48 bytes: a tape that is read has exactly the bytes that it came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tiderace_feed::Tape;

fuzz_target!(|data: &[u8]| {
    match Tape::from_bytes(data, 0) {
        Ok(mut tape) => {
            assert_eq!(tape.to_bytes(), data);
            tape.align(i64::MAX);
            tape.align(i64::MIN);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
