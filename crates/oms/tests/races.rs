//! What may happen at the same time, and reports that come twice, late or out of order.

mod common;

use common::*;
use tiderace_oms::{Oms, OmsConfig};
use tiderace_types::input::ExecutionReport;
use tiderace_types::*;

#[test]
fn an_order_lives_from_new_to_filled() {
    let mut table = Table::new();
    table.oms.submit(Ts::new(1), &order(1, 10)).unwrap();
    assert_eq!(table.status(1), OrdStatus::PendingNew);
    table.take(&report(ExecType::New, 1));
    assert_eq!(table.names(), ["OrderUpdated"]);
    assert_eq!((table.status(1), table.order(1).order_id), (OrdStatus::New, 701));
    table.take(&fill(1, 1, 4, 4));
    assert_eq!(table.names(), ["FillBooked", "OrderUpdated"]);
    assert_eq!((table.status(1), table.order(1).leaves_qty()), (OrdStatus::PartiallyFilled, qty(6)));
    table.take(&fill(1, 2, 6, 10));
    assert_eq!((table.status(1), table.oms.working_len()), (OrdStatus::Filled, 0));
    assert_eq!(table.oms.next_timer(), None);
}

#[test]
fn a_fill_is_booked_at_amounts_rounded_against_us_and_frozen() {
    let mut table = Table::new();
    let sent = event::OrderSent { instrument: InstrumentId(1), ..order(1, 3) };
    table.oms.submit(Ts::new(1), &sent).unwrap();
    let at = ExecutionReport { instrument: InstrumentId(1), last_px: Price::new(618_048), ..fill(1, 1, 3, 3) };
    table.take(&at);
    let booked = table.fills()[0];
    assert_eq!((booked.exposure, booked.notional), (Amount::new(485_399), Amount::new(30_000_000_000)));
    assert_eq!((booked.parent_id, booked.tags.strategy), (ParentId(9), 3));
}

#[test]
fn a_sale_is_booked_at_amounts_rounded_against_us() {
    let coarse = Instrument { quote_decimals: 2, base_decimals: 4, ..spot() };
    let mut oms = Oms::new(&OmsConfig::default(), &[coarse], 7);
    let mut out = Vec::new();
    // 0.00001 BTC at 59999.99 are a tenth of a base unit and 59.99999 cents.
    for (id, side) in [(1, Side::Buy), (2, Side::Sell)] {
        oms.submit(Ts::new(1), &event::OrderSent { side, ..order(id, 1) }).unwrap();
        let at = ExecutionReport { side, last_px: Price::new(5_999_999), ..fill(id, id, 1, 1) };
        oms.on_report(Ts::new(2), &at, &mut out);
    }
    let fills = out.iter().filter_map(|o| if let Output::FillBooked(fill) = o { Some(fill) } else { None });
    let booked: Vec<_> = fills.map(|fill| (fill.exposure.get(), fill.notional.get())).collect();
    assert_eq!(booked, [(0, 60), (1, 59)]);
}

#[test]
fn a_fill_before_its_ack_is_an_ack() {
    let mut table = Table::new();
    table.oms.submit(Ts::new(1), &order(1, 10)).unwrap();
    table.take(&fill(1, 1, 4, 4));
    assert_eq!(table.status(1), OrdStatus::PartiallyFilled);
    table.out.clear();
    table.take(&report(ExecType::New, 1));
    assert!(table.out.is_empty(), "an ack after its fill changes nothing");
}

#[test]
fn fills_out_of_order_raise_no_break() {
    let mut table = Table::accepted(10);
    table.take(&fill(1, 2, 6, 10));
    table.take(&fill(1, 1, 4, 4));
    assert!(table.breaks().is_empty());
    assert_eq!((table.status(1), table.oms.next_timer()), (OrdStatus::Filled, None));
}

#[test]
fn a_fill_that_the_cancel_had_counted_is_only_late() {
    let mut table = Table::accepted(10);
    table.cancel(50, 1).unwrap();
    table.take(&ExecutionReport { cum_qty: qty(4), ..report(ExecType::Canceled, 1) });
    table.take(&fill(1, 1, 4, 4));
    assert!(table.breaks().is_empty());
    assert_eq!((table.status(1), table.order(1).cum_qty), (OrdStatus::Canceled, qty(4)));
    assert_eq!(table.oms.next_timer(), None);
}

#[test]
fn a_fill_wins_the_race_with_a_cancel() {
    let mut table = Table::accepted(10);
    table.cancel(50, 1).unwrap();
    assert_eq!(table.status(1), OrdStatus::PendingCancel);
    table.take(&fill(1, 1, 4, 4));
    assert_eq!((table.status(1), table.order(1).leaves_qty()), (OrdStatus::PendingCancel, qty(6)));
    table.take(&fill(1, 2, 6, 10));
    assert_eq!(table.status(1), OrdStatus::Filled);
    table.out.clear();
    table.take_reject(&reject(50, 1, false, OrdStatus::Filled));
    assert!(table.out.is_empty(), "too late to cancel is no news");
}

#[test]
fn a_refused_cancel_leaves_the_order_working() {
    let mut table = Table::accepted(10);
    table.cancel(50, 1).unwrap();
    table.take_reject(&reject(50, 1, false, OrdStatus::New));
    assert_eq!((table.status(1), table.updates()[0].reason), (OrdStatus::New, Reason::VenueRejected));
    assert_eq!(table.cancel(51, 1), Ok(()));
}

#[test]
fn a_cancel_refused_because_closed_is_asked_about_when_nothing_comes() {
    let mut table = Table::accepted(10);
    table.cancel(50, 1).unwrap();
    table.take_reject(&reject(50, 1, false, OrdStatus::Filled));
    assert_eq!(table.status(1), OrdStatus::New, "the venue's word alone closes nothing");
    table.out.clear();
    table.pass(TIMEOUT_NS);
    assert_eq!(table.names(), ["OrderUpdated", "StatusRequested"]);
    assert_eq!(table.status(1), OrdStatus::Unknown);
    table.take(&fill(1, 1, 10, 10));
    assert_eq!((table.status(1), table.oms.next_timer()), (OrdStatus::Filled, None));
}

#[test]
fn a_cancel_that_overtook_its_order_is_refused_and_leaves_nothing_to_ask() {
    let mut table = Table::new();
    table.oms.submit(table.now(), &order(1, 10)).unwrap();
    table.cancel(50, 1).unwrap();
    table.take_reject(&reject(50, 1, false, OrdStatus::Rejected));
    assert_eq!(table.status(1), OrdStatus::PendingNew);
    table.take(&report(ExecType::New, 1));
    assert_eq!((table.status(1), table.oms.next_timer()), (OrdStatus::New, None));
}

#[test]
fn a_replace_moves_key_quantity_and_price_when_the_venue_says_so() {
    let mut table = Table::accepted(10);
    table.take(&fill(1, 1, 4, 4));
    table.replace(50, 1, 20).unwrap();
    assert_eq!((table.status(1), table.order(1).order_qty), (OrdStatus::PendingReplace, qty(10)));
    table.take(&replaced(50, 1, 20, 4));
    let order = table.order(1);
    assert_eq!((order.cl_ord_id, order.order_qty, order.price), (ClOrdId(50), qty(20), Price::new(6_000_001)));
    assert_eq!((order.ord_status(), order.leaves_qty()), (OrdStatus::PartiallyFilled, qty(16)));
    assert_eq!(table.order(50).cl_ord_id, table.order(1).cl_ord_id, "both keys name it");
    table.out.clear();
    table.take(&replaced(50, 1, 20, 4));
    assert!(table.out.is_empty(), "the same answer again changes nothing");
    table.take(&fill(1, 2, 1, 5));
    assert_eq!(table.fills()[0].cl_ord_id, ClOrdId(50), "a late fill under the old key is the order's");
}

#[test]
fn a_replace_to_less_than_is_filled_meanwhile_closes_the_order() {
    let mut table = Table::accepted(20);
    table.replace(50, 1, 10).unwrap();
    table.take(&fill(1, 1, 12, 12));
    assert_eq!((table.status(1), table.order(1).leaves_qty()), (OrdStatus::PendingReplace, qty(8)));
    table.take(&replaced(50, 1, 12, 12));
    assert_eq!((table.status(1), table.order(1).leaves_qty()), (OrdStatus::Filled, qty(0)));
    assert!(table.breaks().is_empty());
}

#[test]
fn fills_up_to_the_old_total_do_not_close_an_order_that_may_grow() {
    let mut table = Table::accepted(10);
    table.replace(50, 1, 20).unwrap();
    table.take(&fill(1, 1, 10, 10));
    assert_eq!(table.status(1), OrdStatus::PendingReplace);
    table.take_reject(&reject(50, 1, true, OrdStatus::Filled));
    assert_eq!((table.status(1), table.oms.working_len()), (OrdStatus::Filled, 0));
}

#[test]
fn a_fill_beyond_the_old_total_tells_that_the_replace_took_effect() {
    let mut table = Table::accepted(10);
    table.replace(50, 1, 20).unwrap();
    table.take(&fill(1, 1, 15, 15));
    assert!(table.breaks().is_empty());
    assert_eq!((table.order(1).cl_ord_id, table.order(1).leaves_qty()), (ClOrdId(50), qty(5)));
    table.take(&replaced(50, 1, 20, 15));
    assert_eq!((table.status(1), table.order(1).leaves_qty()), (OrdStatus::PartiallyFilled, qty(5)));
}

#[test]
fn a_total_cut_below_what_is_filled_tells_that_the_replace_took_effect() {
    let mut table = Table::accepted(10);
    table.take(&fill(1, 1, 4, 4));
    table.replace(50, 1, 20).unwrap();
    table.take(&replaced(1, 0, 2, 4));
    let order = table.order(1);
    assert_eq!((order.cl_ord_id, order.order_qty, order.leaves_qty()), (ClOrdId(50), qty(20), qty(16)));
}

#[test]
fn a_cancel_overtakes_a_replace_under_way() {
    let mut table = Table::accepted(10);
    table.replace(50, 1, 20).unwrap();
    table.cancel(51, 1).unwrap();
    assert_eq!(table.status(1), OrdStatus::PendingCancel);
    table.take(&replaced(50, 1, 20, 0));
    assert_eq!((table.status(1), table.order(1).order_qty), (OrdStatus::PendingCancel, qty(20)));
    table.take(&report(ExecType::Canceled, 51));
    assert_eq!(
        (table.status(50), table.updates().last().unwrap().reason),
        (OrdStatus::Canceled, Reason::CanceledByUser)
    );
}

#[test]
fn an_undone_fill_is_booked_back_exactly() {
    let mut table = Table::accepted(10);
    table.take(&ExecutionReport { fee: Amount::new(77), ..fill(1, 1, 4, 4) });
    let booked = *table.fills()[0];
    table.out.clear();
    let bust = ExecutionReport { exec_ref_id: ExecId(1), exec_type: ExecType::TradeCancel, ..fill(1, 2, 4, 0) };
    table.take(&bust);
    assert_eq!(*table.fills()[0], event::FillBooked { is_reversal: true, ..booked });
    assert_eq!((table.status(1), table.order(1).leaves_qty()), (OrdStatus::New, qty(10)));
    table.out.clear();
    table.take(&bust);
    assert_eq!(table.names(), ["Refused"], "the same bust again is a duplicate");
    table.take(&ExecutionReport { exec_id: ExecId(3), ..bust });
    assert_eq!(table.reasons_of_breaks(), [Reason::UnknownExecution], "another bust of it names nothing that stands");
}

#[test]
fn a_corrected_fill_is_undone_and_booked_anew() {
    let mut table = Table::accepted(10);
    table.take(&fill(1, 1, 10, 10));
    table.out.clear();
    let correct = ExecutionReport { exec_ref_id: ExecId(1), exec_type: ExecType::TradeCorrect, ..fill(1, 2, 7, 7) };
    table.take(&ExecutionReport { leaves_qty: qty(3), ..correct });
    assert_eq!(table.names(), ["FillBooked", "FillBooked", "OrderUpdated"]);
    assert_eq!((table.status(1), table.order(1).leaves_qty()), (OrdStatus::PartiallyFilled, qty(3)));
    assert_eq!(table.oms.working_len(), 1, "it works again, as the venue says");
}

#[test]
fn a_busted_order_that_the_venue_does_not_reinstate_is_closed() {
    let mut table = Table::accepted(10);
    table.take(&fill(1, 1, 10, 10));
    table.take(&ExecutionReport { exec_ref_id: ExecId(1), exec_type: ExecType::TradeCancel, ..fill(1, 2, 10, 0) });
    assert_eq!((table.status(1), table.order(1).leaves_qty()), (OrdStatus::Canceled, qty(0)));
    assert_eq!(table.oms.working_len(), 0);
}

#[test]
fn what_closed_an_order_first_stays() {
    let mut table = Table::accepted(10);
    table.take(&report(ExecType::Canceled, 1));
    table.out.clear();
    for late in [ExecType::Canceled, ExecType::Expired, ExecType::New, ExecType::Rejected] {
        table.take(&report(late, 1));
    }
    assert!(table.out.is_empty());
    assert_eq!(table.status(1), OrdStatus::Canceled);
}

#[test]
fn questions_back_off_until_the_venue_answers() {
    let mut table = Table::new();
    table.oms.submit(table.now(), &order(1, 10)).unwrap();
    let mut asked = Vec::new();
    while asked.len() < 9 {
        table.ts = table.oms.next_timer().unwrap().get();
        table.pass(0);
        let questions = table.out.drain(..).filter(|output| matches!(output, Output::StatusRequested(_))).count();
        assert_eq!(questions, 1);
        asked.push((table.ts - 1) / TIMEOUT_NS);
    }
    assert_eq!(asked, [1, 3, 7, 15, 31, 63, 127, 191, 255]);
    table.take(&report(ExecType::OrderStatus, 1));
    assert_eq!((table.status(1), table.oms.next_timer()), (OrdStatus::New, None));
}

#[test]
fn an_answer_settles_what_was_overdue_and_leaves_the_rest() {
    let mut table = Table::accepted(10);
    table.cancel(50, 1).unwrap();
    table.take(&report(ExecType::OrderStatus, 1));
    assert_eq!(table.status(1), OrdStatus::PendingCancel, "the cancel still has its time");
    table.pass(TIMEOUT_NS);
    table.take(&report(ExecType::OrderStatus, 1));
    assert_eq!(table.status(1), OrdStatus::New, "the cancel was lost");
    table.replace(51, 1, 20).unwrap();
    table.pass(TIMEOUT_NS);
    let at_new_terms = replaced(51, 1, 20, 0);
    table.take(&ExecutionReport { exec_type: ExecType::OrderStatus, ..at_new_terms });
    assert_eq!((table.status(1), table.order(1).order_qty), (OrdStatus::New, qty(20)));
    table.take(&ExecutionReport { ord_status: OrdStatus::Canceled, ..report(ExecType::OrderStatus, 51) });
    assert_eq!(table.status(51), OrdStatus::Canceled);
}

#[test]
fn working_orders_come_in_the_order_of_their_keys() {
    let mut table = Table::new();
    for id in [5, 3, 9, 1] {
        table.oms.submit(Ts::new(1), &order(id, 10)).unwrap();
    }
    table.take(&fill(3, 1, 10, 10));
    let keys: Vec<u64> = table.oms.working().map(|order| order.cl_ord_id.0).collect();
    assert_eq!(keys, [1, 5, 9]);
}
