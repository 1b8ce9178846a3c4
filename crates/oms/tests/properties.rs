//! Order life under any reports at all, and against a venue whose truth is known.

mod common;

use std::collections::BTreeMap;

use common::*;
use proptest::prelude::*;
use tiderace_oms::{Oms, OmsConfig};
use tiderace_types::event::OrderSent;
use tiderace_types::input::ExecutionReport;
use tiderace_types::*;

/// What holds for every order at all times.
fn check_orders(oms: &Oms, keys: u64) {
    let mut working = 0;
    for order in (1..=keys).filter_map(|key| oms.order(ClOrdId(key)).filter(|order| order.cl_ord_id.0 == key)) {
        let (total, done, left) = (order.order_qty.get(), order.cum_qty.get(), order.leaves_qty().get());
        if order.is_closed() {
            assert_eq!(left, 0, "{order:?}");
        } else {
            working += 1;
            assert_eq!(total, done + left, "{order:?}");
        }
        assert_eq!(order.is_closed(), order.ord_status().is_closed());
        assert_eq!(order.ord_status() == OrdStatus::Filled, order.is_closed() && done >= total, "{order:?}");
    }
    assert_eq!(oms.working_len(), working);
    assert_eq!(oms.working().count(), working);
    assert!(oms.working().zip(oms.working().skip(1)).all(|(a, b)| a.cl_ord_id < b.cl_ord_id));
}

/// Fills booked less those undone, by the order that they are on now.
fn booked(table: &Table) -> BTreeMap<u64, i64> {
    let mut sums = BTreeMap::new();
    for fill in table.fills().into_iter().filter(|fill| fill.parent_id != ParentId(0)) {
        let sign = if fill.is_reversal { -1 } else { 1 };
        *sums.entry(table.order(fill.cl_ord_id.0).cl_ord_id.0).or_insert(0) += sign * fill.last_qty.get();
    }
    sums
}

#[derive(Clone, Debug)]
enum Step {
    Submit(u64, i64),
    Cancel(u64, u64),
    Replace(u64, u64, i64),
    Report(ExecutionReport),
    Reject(u64, u64, bool, OrdStatus),
    Pass(i64),
}

fn any_report(amount: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = ExecutionReport> {
    let ids = (1u64..9, 0u64..9, 1u64..20, 0u64..20, 0u16..3);
    let what = (0..ExecType::ALL.len(), 0..OrdStatus::ALL.len(), any::<bool>());
    let amounts = (amount.clone(), amount.clone(), amount.clone(), amount.clone(), amount);
    (ids, what, amounts).prop_map(|((id, orig, exec, exec_ref, instrument), (what, status, sell), amounts)| {
        ExecutionReport {
            instrument: InstrumentId(instrument.saturating_sub(1)),
            orig_cl_ord_id: ClOrdId(orig),
            exec_id: ExecId(exec),
            exec_ref_id: ExecId(exec_ref),
            ord_status: OrdStatus::ALL[status],
            side: if sell && exec > 15 { Side::Sell } else { Side::Buy },
            order_qty: qty(amounts.0),
            last_qty: qty(amounts.1),
            cum_qty: qty(amounts.2),
            leaves_qty: qty(amounts.3),
            last_px: Price::new(amounts.4),
            ..report(ExecType::ALL[what], id)
        }
    })
}

fn any_step(amount: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1u64..9, amount.clone()).prop_map(|(id, lots)| Step::Submit(id, lots)),
        1 => (1u64..9, 1u64..9).prop_map(|(key, orig)| Step::Cancel(key, orig)),
        1 => (1u64..9, 1u64..9, amount.clone()).prop_map(|(key, orig, lots)| Step::Replace(key, orig, lots)),
        8 => any_report(amount).prop_map(Step::Report),
        1 => (1u64..9, 1u64..9, any::<bool>(), 0..OrdStatus::ALL.len())
            .prop_map(|(key, orig, is_replace, status)| Step::Reject(key, orig, is_replace, OrdStatus::ALL[status])),
        1 => (0i64..5_000).prop_map(Step::Pass),
    ]
}

fn run(table: &mut Table, step: Step) {
    match step {
        Step::Submit(id, lots) => drop(table.oms.submit(table.now(), &order(id, lots))),
        Step::Cancel(key, orig) => drop(table.cancel(key, orig)),
        Step::Replace(key, orig, lots) => drop(table.replace(key, orig, lots)),
        Step::Report(report) => table.take(&report),
        Step::Reject(key, orig, is_replace, status) => table.take_reject(&reject(key, orig, is_replace, status)),
        Step::Pass(ns) => table.pass(ns),
    }
}

/// A venue that fills, cancels and busts one order, and says so.
fn venue(
    order_qty: i64,
    fills: &[i64],
    has_cancel: bool,
    bust: Option<usize>,
) -> (Vec<ExecutionReport>, i64, OrdStatus) {
    let mut reports = vec![report(ExecType::New, 1)];
    let mut cum = 0;
    for (i, last) in fills.iter().enumerate() {
        let last = (*last).min(order_qty - cum);
        if last == 0 {
            break;
        }
        cum += last;
        reports.push(fill(1, 100 + i as u64, last, cum));
    }
    if let Some(trade) = bust.and_then(|i| reports.get(i + 1).copied()) {
        cum -= trade.last_qty.get();
        let leaves_qty = qty(order_qty - cum);
        let exec_type = ExecType::TradeCancel;
        reports.push(ExecutionReport {
            exec_id: ExecId(900),
            exec_ref_id: trade.exec_id,
            exec_type,
            leaves_qty,
            cum_qty: qty(cum),
            ..trade
        });
    }
    if has_cancel && cum < order_qty {
        reports.push(ExecutionReport { cum_qty: qty(cum), ..report(ExecType::Canceled, 1) });
    }
    let status = match cum {
        _ if cum == order_qty => OrdStatus::Filled,
        _ if has_cancel => OrdStatus::Canceled,
        0 => OrdStatus::New,
        _ => OrdStatus::PartiallyFilled,
    };
    (reports, cum, status)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever comes, quantities add up, what is booked is what orders count, and nothing panics.
    #[test]
    fn quantities_add_up_under_any_reports(steps in proptest::collection::vec(any_step(0i64..12), 1..80)) {
        let mut table = Table::new();
        for step in steps {
            let before = table.out.len();
            run(&mut table, step);
            check_orders(&table.oms, 9);
            for output in &table.out[before..] {
                if let Output::OrderUpdated(updated) = output {
                    let (total, done, left) = (updated.order_qty.get(), updated.cum_qty.get(), updated.leaves_qty.get());
                    prop_assert_eq!(left, if updated.ord_status.is_closed() { 0 } else { total - done });
                }
            }
        }
        let sums = booked(&table);
        for key in 1..9 {
            if let Some(order) = table.oms.order(ClOrdId(key)) {
                let key = order.cl_ord_id.0;
                prop_assert_eq!(sums.get(&key).copied().unwrap_or(0), order.cum_qty.get(), "order {}", key);
            }
        }
        prop_assert!(table.oms.next_timer().is_none_or(|due| due > table.now()));
    }

    /// The same with quantities and prices at the ends of their range, and with tables so small that they forget.
    #[test]
    fn nothing_overflows(steps in proptest::collection::vec(
        any_step(prop_oneof![Just(0), Just(1), Just(i64::MAX), Just(i64::MAX - 1), 0..i64::MAX]), 1..60), max in 0u32..3) {
        let config = OmsConfig { ack_timeout_ns: i64::MAX, max_closed: max, max_executions: max, reserved_orders: 0 };
        let mut table = Table::with(&config);
        for step in steps {
            run(&mut table, step);
        }
        prop_assert!(table.fills().iter().all(|fill| fill.notional <= tiderace_oms::AMOUNT_BOUND));
    }

    /// Reports that come twice and in any order end where the venue is, without a break (a bust waits for its trade).
    #[test]
    fn any_order_of_reports_ends_where_the_venue_is(
        order_qty in 1i64..20,
        fills in proptest::collection::vec(1i64..8, 0..5),
        has_cancel: bool,
        bust in proptest::option::of(0usize..5),
        order_of in proptest::collection::vec(any::<u32>(), 20),
    ) {
        let (reports, cum, status) = venue(order_qty, &fills, has_cancel, bust);
        let mut table = Table::new();
        table.oms.submit(Ts::new(1), &order(1, order_qty)).unwrap();
        let mut arriving: Vec<(u32, ExecutionReport)> =
            reports.iter().chain(&reports).copied().zip(order_of.iter().copied().cycle()).map(|(r, o)| (o, r)).collect();
        arriving.sort_by_key(|(order, _)| *order);
        let is_bust = |r: &ExecutionReport| r.exec_type == ExecType::TradeCancel;
        let (busts, others): (Vec<_>, Vec<_>) = arriving.into_iter().map(|(_, r)| r).partition(is_bust);
        for report in others.iter().chain(&busts) {
            table.take(report);
            check_orders(&table.oms, 1);
        }
        prop_assert_eq!((table.order(1).cum_qty.get(), table.status(1)), (cum, status));
        let late = others.iter().position(|r| r.exec_type == ExecType::Canceled);
        // After a bust the venue counts less than its fills did, so a fill behind the cancel cannot be told from a stray.
        if late.is_none() || busts.is_empty() {
            prop_assert_eq!(table.reasons_of_breaks(), vec![]);
            prop_assert_eq!(table.oms.next_timer(), None);
        }
    }
}

#[test]
fn fifty_thousand_orders_are_told_apart() {
    let mut oms = Oms::new(&OmsConfig { max_closed: 1_000, ..OmsConfig::default() }, &[spot()], 7);
    let mut out = Vec::new();
    // Keys as a client might choose them: multiples of a power of two.
    let key = |i: u64| (i + 1) << 32;
    for i in 0..50_000 {
        let sent = OrderSent { cl_ord_id: ClOrdId(key(i)), ..order(1, 2) };
        oms.submit(Ts::new(1), &sent).unwrap();
    }
    for i in (0..50_000).step_by(2) {
        oms.on_report(Ts::new(2), &fill(key(i), i + 1, 2, 2), &mut out);
    }
    assert_eq!(oms.working_len(), 25_000);
    assert!((0..50_000).all(|i| oms.check_new(&OrderSent { cl_ord_id: ClOrdId(key(i)), ..order(1, 2) }).is_err()));
    assert!(oms.working().all(|order| (order.cl_ord_id.0 >> 32) % 2 == 0));
    assert_eq!(out.len(), 50_000);
}
