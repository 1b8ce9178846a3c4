//! No allocation once the windows have grown to their use, however many times fall into them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tiderace_risk::venue::*;
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
fn controls_allocate_nothing_once_warm() {
    let window_ns = 5_000;
    let limits = AccountLimits {
        position_limit: Some(Amount::new(1_000)),
        max_open_orders: Some(10),
        throttle: Some(Throttle { messages: 100_000, window_ns }),
        order_to_trade: Some(OrderToTrade { orders_per_trade: 10, free_orders: 0, window_ns }),
        ..AccountLimits::default()
    };
    let qty = Some(Amount::new(100_000_000));
    let mmp = MmpLimits { group: 1, interval_ns: window_ns, freeze_ns: 1, qty, delta: qty, vega: qty, trades: None };
    let terms =
        InstrumentTerms { lot: Amount::new(1), min_order_qty: None, max_order_qty: None, max_order_value: None };
    let account = VenueAccount { limits, mmp: vec![mmp], dead_man_ns: None };
    let mut controls = Controls::new(&[account], &[terms]).unwrap();
    let lots = Qty::new(5).unwrap();
    let (account, instrument) = (AccountId(0), InstrumentId(0));
    let ask = OrderAsk {
        account,
        instrument,
        strategy: 0,
        side: Side::Buy,
        order_qty: lots,
        leaves_qty: lots,
        replaced_qty: Qty::ZERO,
        value: None,
        position: 0,
        mmp_group: 1,
        is_replace: false,
    };
    let (mut frozen, mut before) = (Vec::new(), 0);
    for now in 0..100_000 {
        if now == 20_000 {
            before = ALLOCATIONS.get();
        }
        let ts = Ts::new(now);
        controls.on_message(ts, account).unwrap();
        controls.on_trade(ts, account);
        controls.check_new(ts, &ask).unwrap();
        controls.on_order(ts, account);
        controls.on_leaves(account, instrument, Side::Buy, Qty::ZERO, lots);
        controls.on_fill(ts, account, 1, instrument, 5);
        controls.on_leaves(account, instrument, Side::Buy, lots, Qty::ZERO);
        controls.take_triggered(&mut frozen);
    }
    assert_eq!(frozen, []);
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
