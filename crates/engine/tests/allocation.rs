//! What allocates, counted by the allocator itself. An idle desk: nothing. The order path: what a table or the journal
//! grows by, and no more often than that.

mod desk;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use desk::{ONE, SPOT, Trial, genesis, lots, order, parent, sent};
use serde_json::json;
use tiderace_engine::{Desk, DeskConfig, Engine};
use tiderace_types::input::{ExecutionReport, SubmitOrder};
use tiderace_types::{
    ClOrdId, ExecId, ExecType, Input, MarketEvent, MarketKind, OrdStatus, Price, Side, TimeInForce, Ts,
};

thread_local! {
    /// Each test has a thread of its own; what the harness allocates beside it does not count.
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
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(act: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

/// Level changes on both sides around the mid of the spot book, one message each.
fn flow(engine: &mut Engine, from: u64, changes: u64) {
    for step in from..from + changes {
        let draw = i64::try_from(step.wrapping_mul(6_364_136_223_846_793_005) >> 33).unwrap();
        let side = if draw & 1 == 0 { Side::Buy } else { Side::Sell };
        let price = Price::new(60_000 - side.sign() * (1 + draw / 2 % 300));
        let event = MarketEvent {
            ts_event: Ts::new(desk::START),
            ts_recv: Ts::new(desk::START),
            price,
            qty_e8: draw / 600 % 3 * ONE,
            seq: step,
            instrument: SPOT,
            kind: MarketKind::Level,
            flags: MarketEvent::LAST | if side == Side::Sell { MarketEvent::ASK } else { 0 },
        };
        engine.market(step, &event).unwrap();
    }
}

#[test]
fn an_idle_desk_does_not_allocate() {
    let mut trial = Trial::live();
    // A parent at work is no reason to allocate at a market record either.
    trial.apply(parent());
    let from = trial.tape.len() as u64;
    flow(&mut trial.engine, from, 100_000);
    assert_eq!(count(|| flow(&mut trial.engine, from + 100_000, 100_000)), 0);
}

/// Submit, ack and whole fill of one order.
fn order_path(engine: &mut Engine, id: u64) {
    let ts = Ts::new(desk::START + i64::try_from(id).unwrap());
    let side = if id.is_multiple_of(2) { Side::Buy } else { Side::Sell };
    let price = if side == Side::Buy { 60_001 } else { 59_999 };
    let submit = SubmitOrder { time_in_force: TimeInForce::Ioc, ..order(id, SPOT, side, price) };
    engine.input(ts, &submit.into()).unwrap();
    let sent = sent_of(engine);
    let ack = ExecutionReport {
        instrument: SPOT,
        cl_ord_id: sent,
        orig_cl_ord_id: ClOrdId(0),
        order_id: id,
        exec_id: ExecId(2 * id),
        exec_ref_id: ExecId(0),
        exec_type: ExecType::New,
        ord_status: OrdStatus::New,
        side,
        order_qty: lots(10),
        price: submit.price,
        last_qty: lots(0),
        last_px: Price::ZERO,
        cum_qty: lots(0),
        leaves_qty: lots(10),
        is_maker: false,
        fee: tiderace_types::Amount::ZERO,
        fee_asset: tiderace_types::AssetId(1),
        reason: tiderace_types::Reason::None,
        transact_time: ts,
    };
    let fill = ExecutionReport {
        exec_id: ExecId(2 * id + 1),
        exec_type: ExecType::Trade,
        ord_status: OrdStatus::Filled,
        last_qty: lots(10),
        last_px: submit.price,
        cum_qty: lots(10),
        leaves_qty: lots(0),
        ..ack
    };
    for report in [ack, fill] {
        engine.input(ts, &Input::from(report)).unwrap();
    }
}

fn sent_of(engine: &Engine) -> ClOrdId {
    match engine.outputs() {
        [tiderace_types::Output::OrderSent(sent)] => sent.cl_ord_id,
        other => panic!("{other:?}"),
    }
}

/// After warm-up an order allocates nothing of its own: only the tables of keys and rows that live as long as the run
/// grow, by doubling.
#[test]
fn an_order_allocates_only_where_a_table_doubles() {
    let mut json = genesis();
    json["oms"]["reserved_orders"] = json!(200_000);
    let json = json.to_string();
    let desk = Desk::new(&DeskConfig::from_json(&json).unwrap()).unwrap();
    let mut trial = Trial::live();
    trial.engine = Engine::new(desk, &json, None).unwrap();
    for event in &trial.tape {
        trial.engine.market(0, event).unwrap();
    }
    (1..=10_000).for_each(|id| order_path(&mut trial.engine, id));
    let allocations = count(|| (10_001..=20_000).for_each(|id| order_path(&mut trial.engine, id)));
    assert!(allocations < 40, "{allocations} allocations for 10,000 orders");
}

/// A slice plans over a few small lists: their number is bounded and does not grow with the parent.
#[test]
fn a_slice_allocates_a_few_lists() {
    let mut trial = Trial::live();
    let out = trial.apply(parent());
    trial.fill_all(&out);
    let due = trial.engine.desk().next_timer();
    let timer = Input::from(tiderace_types::input::Timer { ts_due: due });
    let allocations = count(|| trial.engine.input(due, &timer).unwrap());
    assert_eq!(sent(trial.engine.outputs()).len(), 1);
    assert!(allocations <= 16, "{allocations} allocations for a slice");
}
