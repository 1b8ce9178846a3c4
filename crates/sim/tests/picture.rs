//! Pictures of a tape, on tapes small enough to check by eye.

mod desk;

use desk::{inverse, linear};
use tiderace_sim::{check, depth_at, quotes, trades};
use tiderace_types::{InstrumentId, MarketEvent, MarketKind, Price, Side, Ts};

const LAST: u8 = MarketEvent::LAST;

fn record(ts: i64, seq: u64, kind: MarketKind, side: Side, price: i64, qty_e8: i64, flags: u8) -> MarketEvent {
    MarketEvent {
        ts_event: Ts::new(ts - 3),
        ts_recv: Ts::new(ts),
        price: Price::new(price),
        qty_e8,
        seq,
        instrument: InstrumentId(0),
        kind,
        flags: if side == Side::Sell { flags | MarketEvent::ASK } else { flags },
    }
}

fn snapshot(ts: i64, seq: u64) -> Vec<MarketEvent> {
    vec![
        record(ts, seq, MarketKind::Clear, Side::Buy, 0, 0, 4),
        record(ts, seq, MarketKind::Level, Side::Buy, 100, 5, 4),
        record(ts, seq, MarketKind::Level, Side::Sell, 101, 6, 4),
        record(ts, seq, MarketKind::Live, Side::Buy, 0, 0, 4 | LAST),
    ]
}

fn best(ts: i64, seq: u64, bid: (i64, i64), ask: (i64, i64)) -> [MarketEvent; 2] {
    [
        record(ts, seq, MarketKind::Best, Side::Buy, bid.0, bid.1, 0),
        record(ts, seq, MarketKind::Best, Side::Sell, ask.0, ask.1, LAST),
    ]
}

#[test]
fn best_prices_are_compared_in_either_order_of_arrival_and_only_at_the_same_update_id() {
    let mut events = snapshot(10, 7);
    events.extend(best(11, 7, (100, 5), (101, 6))); // after its depth: equal
    events.extend(best(12, 8, (1, 1), (2, 2))); // no depth message ever carries 8: not compared
    events.extend(best(13, 9, (100, 4), (101, 6))); // before its depth: equal
    events.push(record(14, 9, MarketKind::Level, Side::Buy, 100, 4, LAST));
    events.extend(best(15, 10, (100, 4), (101, 9))); // before its depth: the size differs
    events.push(record(16, 10, MarketKind::Level, Side::Sell, 101, 8, LAST));
    events.extend(best(17, 9, (1, 1), (2, 2))); // late: the book has moved on
    let results = check(&events, &[linear(), inverse()]);
    let result = &results[0];
    assert_eq!((result.compared, result.equal), (3, 2));
    let difference = result.first_difference.unwrap();
    assert_eq!((difference.seq, difference.ts_recv), (10, Ts::new(16)));
    assert_eq!((difference.ours.1.qty_e8, difference.theirs.1.qty_e8), (8, 9));
    assert_eq!((result.latency_ns_min, result.latency_ns_median, result.latency_ns_max), (Some(3), Some(3), Some(3)));
    assert_eq!((result.ts_live, result.live_ns), (Some(Ts::new(10)), 7));
    assert_eq!((results[1].records, results[1].ts_live, results[1].latency_ns_min), (0, None, None));
}

#[test]
fn locked_crossed_gaps_and_time_live_are_counted() {
    let mut events = snapshot(10, 1);
    events.push(record(20, 2, MarketKind::Level, Side::Buy, 101, 1, LAST));
    events.push(record(30, 3, MarketKind::Level, Side::Buy, 102, 1, LAST));
    events.push(record(40, 4, MarketKind::Gap, Side::Buy, 0, 0, LAST));
    events.extend(snapshot(100, 9));
    events.push(record(105, 10, MarketKind::Trade, Side::Buy, 101, 1, LAST));
    let result = &check(&events, &[linear()])[0];
    assert_eq!((result.locked, result.crossed, result.gaps), (1, 1, 1));
    assert_eq!(result.live_ns, 30 + 5);
    assert_eq!((result.records, result.messages), (12, 6));
}

#[test]
fn a_quote_is_a_change_of_best_of_a_live_book_at_the_end_of_a_message() {
    let mut events = snapshot(10, 1);
    events.push(record(20, 2, MarketKind::Level, Side::Buy, 99, 1, LAST)); // not best
    events.push(record(30, 3, MarketKind::Level, Side::Buy, 100, 0, 0)); // the message goes on
    events.push(record(30, 3, MarketKind::Level, Side::Sell, 101, 7, LAST));
    events.push(record(40, 4, MarketKind::Gap, Side::Buy, 0, 0, LAST));
    events.push(record(45, 5, MarketKind::Level, Side::Buy, 98, 9, LAST)); // stale
    events.extend(snapshot(50, 6));
    let columns = quotes(&events, 1);
    assert_eq!(columns.ts_recv_ns, [10, 30, 50]);
    assert_eq!(columns.bid_px, [100, 99, 100]);
    assert_eq!(columns.bid_qty_e8, [5, 1, 5]);
    assert_eq!(columns.ask_qty_e8, [6, 7, 6]);
    assert!(quotes(&events, 0).bid_px.is_empty());
}

#[test]
fn trades_and_depth_come_out_as_they_went_in() {
    let mut events = snapshot(10, 1);
    events.push(record(11, 2, MarketKind::Level, Side::Sell, 103, 2, LAST));
    events.push(record(12, 5, MarketKind::Trade, Side::Sell, 100, 3, LAST));
    let columns = trades(&events);
    assert_eq!((columns.px, columns.qty_e8, columns.side), (vec![100], vec![3], vec![-1]));
    assert_eq!((columns.ts_recv_ns, columns.ts_event_ns), (vec![12], vec![9]));
    let depth = depth_at(&events, InstrumentId(0), Ts::new(12), 5);
    assert_eq!((depth.side, depth.px, depth.qty_e8), (vec![1, -1, -1], vec![100, 101, 103], vec![5, 6, 2]));
    assert_eq!(depth_at(&events, InstrumentId(0), Ts::new(10), 1).px, [100, 101]);
    assert!(depth_at(&events, InstrumentId(0), Ts::new(9), 5).px.is_empty());
    assert!(depth_at(&events, InstrumentId(1), Ts::new(12), 5).px.is_empty());
}
