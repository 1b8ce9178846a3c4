//! Each reason code of order life, produced.

mod common;

use common::*;
use tiderace_oms::{AMOUNT_BOUND, KEPT_MAX, OmsConfig};
use tiderace_types::input::{ClearBreak, ExecutionReport};
use tiderace_types::*;

#[test]
fn a_key_is_never_used_twice_1001() {
    let mut table = Table::accepted(10);
    let refused = Refusal::new(Reason::DuplicateClOrdId, 1, 0);
    assert_eq!(table.oms.submit(Ts::new(2), &order(1, 10)), Err(refused));
    assert_eq!(table.oms.submit(Ts::new(2), &order(0, 10)), Err(Refusal::new(Reason::DuplicateClOrdId, 0, 0)));
    assert_eq!(table.cancel(1, 1), Err(refused));
    assert_eq!(table.replace(1, 1, 20), Err(refused));
    table.take(&fill(1, 1, 10, 10));
    assert_eq!(table.oms.submit(Ts::new(2), &order(1, 10)), Err(refused));
}

#[test]
fn a_key_stays_known_when_its_order_is_forgotten_1001() {
    let config = tiderace_oms::OmsConfig { max_closed: 2, ..Default::default() };
    let mut table = Table::with(&config);
    for id in 1..=5 {
        table.oms.submit(Ts::new(1), &order(id, 1)).unwrap();
        table.take(&fill(id, id, 1, 1));
    }
    assert!(table.oms.order(ClOrdId(3)).is_none() && table.oms.order(ClOrdId(4)).is_some());
    assert_eq!(table.oms.submit(Ts::new(2), &order(1, 1)), Err(Refusal::new(Reason::DuplicateClOrdId, 1, 0)));
    assert_eq!(table.cancel(77, 1), Err(Refusal::new(Reason::OrderClosed, 1, 0)));
    assert_eq!(table.oms.order(ClOrdId(5)).unwrap().cl_ord_id, ClOrdId(5));
}

#[test]
fn what_was_never_sent_can_not_be_changed_1002() {
    let mut table = Table::accepted(10);
    assert_eq!(table.cancel(50, 2), Err(Refusal::new(Reason::UnknownOrder, 2, 0)));
    assert_eq!(table.replace(50, 2, 20), Err(Refusal::new(Reason::UnknownOrder, 2, 0)));
}

#[test]
fn an_order_at_the_venue_that_we_never_sent_is_a_break_1002() {
    let mut table = Table::accepted(10);
    table.take(&ExecutionReport { leaves_qty: qty(4), ..report(ExecType::OrderStatus, 99) });
    assert_eq!(table.reasons_of_breaks(), [Reason::UnknownOrder]);
    table.out.clear();
    table.take(&report(ExecType::Canceled, 98));
    assert!(table.out.is_empty(), "a closed one does no harm");
}

#[test]
fn a_closed_order_can_not_be_changed_1003() {
    let mut table = Table::accepted(10);
    table.take(&report(ExecType::Canceled, 1));
    assert_eq!(table.cancel(50, 1), Err(Refusal::new(Reason::OrderClosed, 1, 0)));
    assert_eq!(table.replace(50, 1, 20), Err(Refusal::new(Reason::OrderClosed, 1, 0)));
}

#[test]
fn one_request_at_a_time_1004() {
    let mut table = Table::accepted(10);
    table.cancel(50, 1).unwrap();
    assert_eq!(table.cancel(51, 1), Err(Refusal::new(Reason::PendingRequest, 1, 50)));
    assert_eq!(table.replace(52, 1, 20), Err(Refusal::new(Reason::PendingRequest, 1, 50)));
}

#[test]
fn a_quantity_is_above_zero_and_above_what_is_filled_1005() {
    let mut table = Table::accepted(10);
    assert_eq!(table.oms.submit(Ts::new(1), &order(2, 0)), Err(Refusal::new(Reason::BadQty, 0, 1)));
    table.take(&fill(1, 1, 4, 4));
    assert_eq!(table.replace(50, 1, 4), Err(Refusal::new(Reason::BadQty, 4, 5)));
    assert_eq!(table.replace(50, 1, 5), Ok(()));
}

#[test]
fn an_execution_is_booked_once_1006() {
    let mut table = Table::accepted(10);
    table.take(&fill(1, 1, 4, 4));
    table.out.clear();
    table.take(&fill(1, 1, 4, 4));
    let [Output::Refused(refused)] = table.out[..] else { panic!("{:?}", table.out) };
    assert_eq!((refused.reason, refused.id, refused.value), (Reason::DuplicateExecution, 1, Amount::new(1)));
    assert_eq!(table.order(1).cum_qty, qty(4));
}

#[test]
fn an_overfill_is_booked_and_breaks_1007() {
    let mut table = Table::accepted(10);
    table.take(&fill(1, 1, 12, 12));
    assert_eq!((table.fills().len(), table.reasons_of_breaks()), (1, vec![Reason::Overfill]));
    assert_eq!((table.breaks()[0].ours, table.breaks()[0].theirs), (qty(10), qty(12)));
    assert_eq!(
        (table.status(1), table.order(1).cum_qty, table.order(1).leaves_qty()),
        (OrdStatus::Filled, qty(12), qty(0))
    );
}

#[test]
fn a_correction_of_an_unknown_execution_breaks_1008() {
    let mut table = Table::accepted(10);
    table.take(&ExecutionReport { exec_ref_id: ExecId(7), exec_type: ExecType::TradeCancel, ..fill(1, 8, 3, 0) });
    assert_eq!((table.fills().len(), table.reasons_of_breaks()), (0, vec![Reason::UnknownExecution]));
    table.out.clear();
    table.take(&ExecutionReport { exec_ref_id: ExecId(7), exec_type: ExecType::TradeCorrect, ..fill(1, 9, 3, 3) });
    assert_eq!((table.fills().len(), table.reasons_of_breaks()), (1, vec![Reason::UnknownExecution]));
    assert_eq!(table.order(1).cum_qty, qty(3), "what was corrected to did happen");
}

#[test]
fn a_fill_after_close_is_booked_and_breaks_1009() {
    let mut table = Table::accepted(10);
    table.take(&report(ExecType::Canceled, 1));
    table.out.clear();
    table.take(&fill(1, 1, 4, 4));
    assert_eq!((table.fills().len(), table.reasons_of_breaks()), (1, vec![Reason::FillAfterClose]));
    assert_eq!((table.status(1), table.order(1).cum_qty), (OrdStatus::Canceled, qty(4)));
}

#[test]
fn a_fill_of_no_order_is_booked_and_breaks_1010() {
    let mut table = Table::accepted(10);
    let wrong_side = ExecutionReport { side: Side::Sell, ..fill(1, 2, 4, 4) };
    let wrong_instrument = ExecutionReport { instrument: InstrumentId(1), ..fill(1, 3, 4, 4) };
    for stray in [fill(99, 1, 4, 4), wrong_side, wrong_instrument] {
        table.out.clear();
        table.take(&stray);
        assert_eq!((table.fills().len(), table.reasons_of_breaks()), (1, vec![Reason::UnknownOrderFill]));
        assert_eq!((table.fills()[0].parent_id, table.fills()[0].side), (ParentId(0), stray.side));
    }
    assert_eq!(table.order(1).cum_qty, qty(0));
    table.take(&ExecutionReport { exec_ref_id: ExecId(1), exec_type: ExecType::TradeCancel, ..fill(99, 4, 4, 0) });
    assert!(table.fills().last().unwrap().is_reversal, "a stray fill can be undone");
}

#[test]
fn more_fills_than_the_venue_counts_break_at_once_1011() {
    let mut table = Table::accepted(10);
    table.take(&fill(1, 1, 4, 4));
    table.take(&fill(1, 2, 4, 4));
    assert_eq!(table.reasons_of_breaks(), [Reason::QtyMismatch]);
    assert_eq!((table.breaks()[0].ours, table.breaks()[0].theirs), (qty(8), qty(4)));
}

#[test]
fn fewer_fills_than_the_venue_counts_break_when_they_do_not_come_1011() {
    let mut table = Table::accepted(10);
    table.take(&fill(1, 2, 4, 7));
    assert!(table.breaks().is_empty(), "the other one may be on its way");
    table.pass(TIMEOUT_NS);
    assert_eq!(table.reasons_of_breaks(), [Reason::QtyMismatch]);
    assert_eq!((table.breaks()[0].ours, table.breaks()[0].theirs), (qty(4), qty(7)));
    table.pass(100 * TIMEOUT_NS);
    table.take(&fill(1, 3, 1, 8));
    table.pass(100 * TIMEOUT_NS);
    assert_eq!(table.breaks().len(), 1, "and once only");
    assert_eq!(table.oms.next_timer(), None);
    table.take(&fill(1, 1, 3, 7));
    table.take(&fill(1, 5, 1, 10));
    table.pass(TIMEOUT_NS);
    assert_eq!(table.breaks().len(), 2, "once it was made good, a new difference is a new break");
}

#[test]
fn silence_makes_an_order_unknown_1012() {
    let mut table = Table::new();
    table.oms.submit(table.now(), &order(1, 10)).unwrap();
    table.pass(TIMEOUT_NS);
    assert_eq!(table.updates()[0].reason, Reason::TimedOut);
    assert_eq!(table.status(1), OrdStatus::Unknown);
    assert_eq!(table.replace(50, 1, 20), Err(Refusal::new(Reason::TimedOut, 1, TIMEOUT_NS)));
    assert_eq!(table.cancel(51, 1), Ok(()), "a cancel never waits");
}

#[test]
fn the_venues_refusal_has_its_reason_1016() {
    let mut table = Table::new();
    table.oms.submit(Ts::new(1), &order(1, 10)).unwrap();
    table.take(&report(ExecType::Rejected, 1));
    assert_eq!((table.status(1), table.updates()[0].reason), (OrdStatus::Rejected, Reason::VenueRejected));
}

#[test]
fn a_cancel_that_was_asked_for_says_so_1017() {
    let mut table = Table::accepted(10);
    table.cancel(50, 1).unwrap();
    table.take(&ExecutionReport { orig_cl_ord_id: ClOrdId(1), ..report(ExecType::Canceled, 50) });
    assert_eq!((table.status(1), table.updates()[0].reason), (OrdStatus::Canceled, Reason::CanceledByUser));
}

#[test]
fn the_rest_of_an_ioc_says_so_1018() {
    let mut table = Table::new();
    table.oms.submit(Ts::new(1), &event::OrderSent { time_in_force: TimeInForce::Ioc, ..order(1, 10) }).unwrap();
    table.take(&fill(1, 1, 4, 4));
    table.take(&ExecutionReport { cum_qty: qty(4), ..report(ExecType::Expired, 1) });
    assert_eq!(table.updates().last().unwrap().reason, Reason::ImmediateRestCanceled);
    assert_eq!((table.status(1), table.order(1).leaves_qty()), (OrdStatus::Expired, qty(0)));
}

#[test]
fn a_fill_beyond_every_amount_is_booked_at_the_bound_1019() {
    let mut table = Table::new();
    let no_price = ExecutionReport { instrument: InstrumentId(1), last_px: Price::ZERO, ..fill(99, 1, 4, 4) };
    let no_instrument = ExecutionReport { instrument: InstrumentId(7), ..fill(99, 2, 4, 4) };
    let too_large = ExecutionReport { last_qty: Qty::MAX, last_px: Price::MAX, ..fill(99, 3, 4, 4) };
    for unpriced in [no_price, no_instrument, too_large] {
        table.out.clear();
        table.take(&unpriced);
        assert_eq!(table.reasons_of_breaks(), [Reason::UnpricedExecution, Reason::UnknownOrderFill]);
        assert_eq!(table.fills()[0].notional.max(table.fills()[0].exposure), AMOUNT_BOUND);
        assert!(table.oms.has_break(unpriced.instrument));
    }
}

#[test]
fn a_break_stands_until_a_person_clears_it() {
    let mut table = Table::accepted(10);
    table.take(&fill(99, 1, 4, 4));
    assert!(table.oms.has_break(InstrumentId(0)) && !table.oms.has_break(InstrumentId(1)));
    table.out.clear();
    table.oms.clear_break(&ClearBreak { instrument: InstrumentId(0), operator: 5 }, &mut table.out);
    assert!(!table.oms.has_break(InstrumentId(0)));
    table.oms.clear_break(&ClearBreak { instrument: InstrumentId(0), operator: 5 }, &mut table.out);
    assert_eq!(table.names(), ["BreakCleared"], "and once only");
}

#[test]
fn limits_that_can_not_be_kept_are_refused() {
    let good = OmsConfig::default();
    assert_eq!(good.check(), Ok(()));
    let error = |config: OmsConfig| config.check().unwrap_err().to_string();
    assert_eq!(
        error(OmsConfig { reserved_orders: u32::MAX, ..good.clone() }),
        "oms.reserved_orders is 4294967295; it must be between 0 and 16777216"
    );
    assert!(error(OmsConfig { max_closed: KEPT_MAX + 1, ..good.clone() }).contains("max_closed"));
    assert!(error(OmsConfig { max_executions: KEPT_MAX + 1, ..good.clone() }).contains("max_executions"));
    assert!(error(OmsConfig { ack_timeout_ns: -1, ..good }).contains("ack_timeout_ns is -1"));
}
