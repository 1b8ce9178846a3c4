//! Steady flow allocates nothing: counted by the allocator itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tiderace_book::Book;
use tiderace_types::{InstrumentId, MarketEvent, MarketKind, Price, Side, Ts};

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

/// A market of 800 ticks around a mid that swings over 2,000 ticks.
fn flow(book: &mut Book, changes: i64) -> usize {
    let (mut state, mut best_changes) = (7u64, 0);
    for step in 0..changes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = i64::try_from(state >> 33).unwrap();
        let mid = 6_000_000 + (step / 64 % 4_000 - 2_000).abs();
        let side = if draw & 1 == 0 { Side::Buy } else { Side::Sell };
        // Every other change takes out what the moving mid left on the wrong side.
        let (depth, qty_e8) = if step % 2 == 0 { (-1 - draw / 2 % 24, 0) } else { (draw / 2 % 400, draw / 800 % 2) };
        let is_change = book.apply(&MarketEvent {
            ts_event: Ts::new(step),
            ts_recv: Ts::new(step),
            price: Price::new(mid - side.sign() * depth),
            qty_e8,
            seq: 0,
            instrument: InstrumentId(0),
            kind: MarketKind::Level,
            flags: if side == Side::Sell { MarketEvent::ASK } else { 0 },
        });
        best_changes += usize::from(is_change);
    }
    best_changes
}

#[test]
fn steady_flow_allocates_nothing() {
    let mut book = Book::new();
    let warm = flow(&mut book, 300_000);
    let before = ALLOCATIONS.get();
    let steady = flow(&mut book, 300_000);
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(warm > 1_000 && steady > 1_000, "{warm} {steady}");
}
