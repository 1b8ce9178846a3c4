//! Decoding a message allocates nothing once the levels of the largest one have had their room.

mod known;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tiderace_venue_binance::{Market, Wire};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator can be counted only by being one")]
// SAFETY: every call goes to the system's allocator unchanged; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn messages_are_decoded_without_allocating() {
    let mut wire = Wire::new(Market::Spot, &known::spot());
    let levels = vec![r#"["61737.63000000","0.00000000"]"#; 1000].join(",");
    let depth =
        format!(r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[{levels}],"a":[{levels}],"x":{{}}}}"#);
    let trade = r#"{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"100.00","q":"1","m":true}"#;
    let before = ALLOCATIONS.get();
    for _ in 0..10 {
        assert!(wire.message(depth.as_bytes()).is_ok());
        assert_eq!(wire.levels().len(), 2000);
        assert!(wire.message(trade.as_bytes()).is_ok());
        assert!(wire.message(b"{\"e\":").is_err());
    }
    assert_eq!(ALLOCATIONS.get(), before);
}
