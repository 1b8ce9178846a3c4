//! No allocation after start: orders live and close within the room that was reserved.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
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
fn orders_within_the_reserve_allocate_nothing() {
    let mut table = Table::with(&tiderace_oms::OmsConfig::default());
    table.out.reserve(64);
    let before = ALLOCATIONS.get();
    for id in 1..=40_000 {
        table.oms.submit(table.now(), &order(id, 10)).unwrap();
        table.take(&report(ExecType::New, id));
        table.take(&fill(id, id, 10, 10));
        table.ts += 10;
        table.out.clear();
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!(table.oms.working_len(), 0);
}
