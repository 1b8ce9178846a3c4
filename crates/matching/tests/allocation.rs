//! Steady flow allocates nothing: counted by the allocator itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tiderace_book::by_order::Order;
use tiderace_matching::{Command, Matcher};
use tiderace_types::Side;

#[path = "oracle/flow.rs"]
mod flow;

thread_local! {
    /// The test has a thread of its own; what the harness allocates beside it does not count.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[expect(unsafe_code, reason = "an allocator that counts")]
// SAFETY: every call goes to the system allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A day of every kind of order in each regime, at prices near and far; then all is canceled and the day comes again.
#[test]
fn a_day_like_one_before_allocates_nothing() {
    for regime in flow::Regime::ALL {
        let len = 100_000;
        let shape = flow::Shape { regime, resting: 1_000, reach_log2: 10, len, base: 10_000, is_varied: true };
        let (mut market, mut flow) = (Matcher::new(0, 7), flow::Flow::new(shape, 7));
        let mut events = Vec::with_capacity(100_000);
        let mut commands = Vec::new();
        for _ in 0..len {
            let command = flow.next();
            events.clear();
            market.apply(&command, &mut events);
            flow.hear(&command, &events, &market);
            commands.push(command);
        }
        for side in [Side::Buy, Side::Sell] {
            while let Some(&Order { order_id, .. }) = market.book().front(side) {
                market.apply(&Command::Cancel { order_id }, &mut events);
            }
        }
        let before = ALLOCATIONS.get();
        for command in &commands {
            events.clear();
            market.apply(command, &mut events);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{regime:?}");
        assert!(before > 0);
    }
}
