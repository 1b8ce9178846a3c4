//! The desk's records: what is decoded has exactly the bytes that it came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tiderace_types::{Input, MarketEvent, Output};

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first_chunk() else { return };
    let kind = u16::from_le_bytes(*kind);
    let mut again = Vec::new();
    match Input::decode(kind, bytes) {
        Ok(input) => {
            input.encode(&mut again);
            assert_eq!((input.kind(), again.as_slice()), (kind, bytes));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    again.clear();
    match Output::decode(kind, bytes) {
        Ok(output) => {
            output.encode(&mut again);
            assert_eq!((output.kind(), again.as_slice()), (kind, bytes));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Some(event) = bytes.try_into().ok().and_then(MarketEvent::from_bytes) {
        assert_eq!(event.to_bytes(), bytes);
    }
});
