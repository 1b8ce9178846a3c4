//! No allocation after start: orders are checked, counted and filled within the room that was reserved.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use tiderace_risk::RiskConfig;
use tiderace_types::*;

thread_local!(static ALLOCATIONS: Cell<u64> = const { Cell::new(0) });

struct Counting;

#[expect(unsafe_code, reason = "the one way to count allocations")]
// SAFETY: hands everything on to the system's allocator; the count allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn checks_allocate_nothing() {
    let config = RiskConfig {
        max_messages: 1_000,
        message_window_ns: 100,
        duplicate_window_ns: 100,
        max_executions: 1_000,
        execution_window_ns: 100,
        ..config()
    };
    let mut risk = risk(&config);
    trade(&mut risk, 1, &buy(1, 100));
    let fills = [fill(&buy(1, 100), 100), fill(&sell(1, 100), 100)];
    let before = ALLOCATIONS.get();
    for id in 2..40_000_u32 {
        let order = if id % 2 == 0 { buy(id.into(), 100) } else { sell(id.into(), 100) };
        let ts = Ts::new(i64::from(id) * 100);
        risk.check(ts, &order, BOOK).unwrap();
        risk.on_sent(ts, &order);
        assert_eq!(risk.on_fill(ts, &fills[usize::from(order.side == Side::Sell)]), None);
        risk.on_update(&updated(&order, OrdStatus::Filled, 100));
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
