//! The venue's commands and events: what is decoded has exactly the bytes that it came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tiderace_types::venue::{Command, Event};

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first_chunk() else { return };
    let kind = u16::from_le_bytes(*kind);
    let mut again = Vec::new();
    match Command::decode(kind, bytes) {
        Ok(command) => {
            command.encode(&mut again);
            assert_eq!((command.kind(), again.as_slice()), (kind, bytes));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    again.clear();
    match Event::decode(kind, bytes) {
        Ok(event) => {
            event.encode(&mut again);
            assert_eq!((event.kind(), again.as_slice()), (kind, bytes));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
