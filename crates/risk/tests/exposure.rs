//! What counts against the limits, as orders are sent, replaced, filled, undone and closed.

mod common;

use std::collections::BTreeMap;

use common::*;
use proptest::prelude::*;
use tiderace_risk::{Risk, RiskConfig, TotalLimit};
use tiderace_types::event::{FillBooked, OrderSent, OrderUpdated};
use tiderace_types::input::BalanceSet;
use tiderace_types::*;

#[test]
fn fills_make_the_position_and_undone_ones_unmake_it() {
    let mut risk = risk(&config());
    let booked = fill(&buy(1, 100), 40);
    risk.on_fill(Ts::new(1), &booked);
    assert_eq!(risk.position(InstrumentId(0)), Amount::new(40_000));
    risk.on_fill(Ts::new(1), &FillBooked { is_reversal: true, ..booked });
    assert_eq!(risk.position(InstrumentId(0)), Amount::ZERO);
    risk.on_fill(Ts::new(1), &fill(&sell(2, 100), 70));
    assert_eq!(risk.position(InstrumentId(0)), Amount::new(-70_000));
    assert_eq!(risk.position(InstrumentId(9)), Amount::ZERO);
}

#[test]
fn an_inverse_position_closed_in_contracts_is_flat() {
    let mut risk = risk(&config());
    let short = OrderSent { price: Price::new(6_100_000), ..at(2, sell(1, 30)) };
    let cover = |lots| OrderSent { price: Price::new(5_900_000), ..at(2, buy(2, lots)) };
    risk.on_fill(Ts::new(1), &fill(&short, 30));
    let before = risk.position(InstrumentId(2)).get();
    risk.on_fill(Ts::new(1), &fill(&cover(11), 11));
    let left = risk.position(InstrumentId(2)).get();
    assert_eq!(
        (before, left),
        (-4_918_033, -3_114_755),
        "11 of 30 took their share with them, rounded so that more stays"
    );
    risk.on_fill(Ts::new(1), &fill(&cover(19), 19));
    assert_eq!(risk.position(InstrumentId(2)), Amount::ZERO);
    risk.on_fill(Ts::new(1), &fill(&cover(10), 10));
    risk.on_fill(Ts::new(1), &fill(&short, 30));
    let flipped = fill(&OrderSent { price: Price::new(6_100_000), ..at(2, sell(1, 30)) }, 20).exposure.get();
    assert!((risk.position(InstrumentId(2)).get() + flipped).abs() <= 1);
}

#[test]
fn an_inverse_buy_counts_at_the_collar_s_low_edge() {
    // 60 contracts are 0.0991 BTC at the limit, 0.1 at the bid, and more if the price falls before they get there.
    let mut risk = risk(&limited(|limits| limits.max_position = Amount::new(10_100_000)));
    let dear = OrderSent { price: Price::new(6_050_000), ..at(2, buy(1, 60)) };
    assert_eq!(
        risk.check(Ts::new(1), &dear, BOOK).unwrap_err(),
        Refusal::new(Reason::MaxPosition, 10_101_009, 10_100_000)
    );
}

#[test]
fn an_order_that_only_reduces_is_exempt_from_the_position_limit() {
    let mut risk = risk(&limited(|limits| limits.max_position = Amount::new(1_000)));
    // 30 contracts short at 61000.00; covering at 59000.00 is more exposure than is held, and closes all the same.
    risk.on_fill(Ts::new(1), &fill(&OrderSent { price: Price::new(6_050_000), ..at(2, sell(1, 30)) }, 30));
    let cover = |id, lots| OrderSent { price: Price::new(5_950_000), ..at(2, buy(id, lots)) };
    assert!(!risk.is_opening(&cover(2, 30)) && risk.is_opening(&cover(2, 31)) && risk.is_opening(&at(2, sell(2, 10))));
    assert_eq!(risk.check(Ts::new(1), &cover(2, 31), BOOK).unwrap_err().reason, Reason::MaxPosition);
    send(&mut risk, 1, &cover(2, 20)).unwrap();
    assert!(risk.is_opening(&cover(3, 11)), "open orders count");
    send(&mut risk, 1, &cover(3, 10)).unwrap();
}

#[test]
fn an_order_counts_for_what_is_left_of_it() {
    let mut risk = risk(&limited(|limits| limits.max_position = Amount::new(100_000)));
    let first = buy(1, 100);
    send(&mut risk, 1, &first).unwrap();
    assert!(risk.check(Ts::new(1), &buy(2, 10), BOOK).is_err());
    risk.on_fill(Ts::new(2), &fill(&first, 30));
    risk.on_update(&updated(&first, OrdStatus::PartiallyFilled, 30));
    assert!(risk.check(Ts::new(1), &buy(2, 10), BOOK).is_err(), "30 held and 70 open are 100");
    risk.on_update(&updated(&first, OrdStatus::Canceled, 30));
    send(&mut risk, 1, &buy(2, 70)).unwrap();
    assert!(risk.check(Ts::new(1), &buy(3, 10), BOOK).is_err());
}

#[test]
fn a_replace_counts_for_the_larger_until_it_is_answered() {
    let config = limited(|limits| limits.max_position = Amount::new(100_000));
    let (old, new) = (buy(1, 50), buy(2, 80));
    for is_accepted in [true, false] {
        let mut risk = risk(&config);
        send(&mut risk, 1, &old).unwrap();
        assert_eq!(
            risk.check_replace(Ts::new(1), ClOrdId(1), &buy(2, 101), BOOK).unwrap_err(),
            Refusal::new(Reason::MaxPosition, 101_000, 100_000)
        );
        risk.check_replace(Ts::new(1), ClOrdId(1), &new, BOOK).unwrap();
        risk.on_replace_sent(Ts::new(1), ClOrdId(1), &new);
        assert_eq!(risk.open_len(), 1);
        assert!(risk.check(Ts::new(1), &buy(3, 21), BOOK).is_err());
        assert!(risk.check(Ts::new(1), &buy(3, 20), BOOK).is_ok());
        if is_accepted {
            risk.on_update(&updated(&new, OrdStatus::New, 0));
            assert!(risk.check(Ts::new(1), &buy(3, 21), BOOK).is_err());
            risk.on_update(&updated(&new, OrdStatus::Canceled, 0));
        } else {
            risk.on_update(&updated(&old, OrdStatus::New, 0));
            assert!(risk.check(Ts::new(1), &buy(3, 50), BOOK).is_ok());
            risk.on_update(&updated(&new, OrdStatus::Canceled, 0));
            assert_eq!(risk.open_len(), 1, "the refused key names nothing");
            risk.on_update(&updated(&old, OrdStatus::Canceled, 0));
        }
        assert_eq!(risk.open_len(), 0);
        assert!(risk.check(Ts::new(1), &buy(3, 100), BOOK).is_ok());
    }
}

#[test]
fn a_replace_to_less_frees_nothing_until_it_is_answered() {
    let mut risk = risk(&limited(|limits| limits.max_position = Amount::new(100_000)));
    send(&mut risk, 1, &buy(1, 80)).unwrap();
    risk.check_replace(Ts::new(1), ClOrdId(1), &buy(2, 50), BOOK).unwrap();
    risk.on_replace_sent(Ts::new(1), ClOrdId(1), &buy(2, 50));
    assert!(risk.check(Ts::new(1), &buy(3, 21), BOOK).is_err());
    risk.on_update(&updated(&buy(2, 50), OrdStatus::New, 0));
    assert!(risk.check(Ts::new(1), &buy(3, 50), BOOK).is_ok());
}

#[test]
fn a_position_may_be_closed_when_its_margin_has_grown_beyond_the_balance() {
    let mut risk = risk(&RiskConfig { needs_funds: true, ..config() });
    risk.set_balance(&balance(1, 1, 600_000_200));
    let short = at(1, sell(1, 100));
    send(&mut risk, 1, &short).unwrap();
    risk.on_fill(Ts::new(1), &fill(&short, 100));
    risk.on_update(&updated(&short, OrdStatus::Filled, 100));
    let book = Some((Price::new(9_000_000), Price::new(9_000_001)));
    let cover = OrderSent { price: Price::new(9_000_000), ..at(1, buy(2, 100)) };
    assert_eq!(risk.check(Ts::new(2), &cover, book), Ok(cover));
    let beyond = OrderSent { order_qty: qty(101), ..cover };
    assert_eq!(risk.check(Ts::new(2), &beyond, book).unwrap_err().reason, Reason::InsufficientMargin);
}

#[test]
fn a_free_balance_leaves_out_what_open_orders_hold() {
    let mut risk = risk(&RiskConfig { needs_funds: true, ..config() });
    risk.set_balance(&balance(0, 1, 12_000_002_000));
    send(&mut risk, 1, &buy(1, 100)).unwrap();
    // The venue says what is left free: the order's part is held there too, and is not taken off twice.
    risk.set_balance(&balance(0, 1, 6_000_001_000));
    send(&mut risk, 1, &buy(2, 100)).unwrap();
    risk.on_update(&updated(&buy(1, 100), OrdStatus::Canceled, 0));
    send(&mut risk, 1, &buy(3, 100)).unwrap();
    risk.set_balance(&BalanceSet { account: AccountId(4), ..balance(0, 1, 1 << 60) });
    assert!(send(&mut risk, 1, &buy(4, 100)).is_err(), "another account's balance is not ours");
}

/// Free margin of `instrument`, asked of an order too large for it.
fn free(risk: &mut Risk, instrument: u16) -> i128 {
    let huge = at(instrument, buy(999, 900_000));
    let refusal = risk.check(Ts::new(9), &huge, BOOK).unwrap_err();
    assert_eq!(refusal.reason, Reason::InsufficientMargin);
    refusal.limit.get()
}

fn filled(instrument: u16, exec_id: u64, side: Side, lots: i64, price: i64) -> FillBooked {
    let sent = OrderSent { price: Price::new(price), ..at(instrument, order(exec_id, side, lots)) };
    FillBooked { exec_id: ExecId(exec_id), ..fill(&sent, lots) }
}

#[test]
fn a_realised_loss_leaves_the_margin_and_comes_back_when_undone() {
    let mut risk = risk(&RiskConfig { needs_funds: true, ..limited(|l| l.initial_margin = Fraction::ONE) });
    risk.set_balance(&balance(1, 1, 100_000_000_000));
    risk.on_fill(Ts::new(1), &filled(1, 1, Side::Buy, 300, 6_000_000));
    let open = free(&mut risk, 1);
    // A third is sold 1000 USD lower: 0.001 BTC x 1000 USD.
    let sale = filled(1, 2, Side::Sell, 100, 5_900_000);
    risk.on_fill(Ts::new(2), &sale);
    assert_eq!(free(&mut risk, 1) - open, 6_000_000_000 - 100_000_000, "a third of the margin less the loss");
    risk.on_fill(Ts::new(3), &FillBooked { is_reversal: true, ..sale });
    assert_eq!(free(&mut risk, 1), open);
    // Turned over at a gain of 1000 USD, and closed at cost.
    risk.on_fill(Ts::new(4), &filled(1, 3, Side::Sell, 500, 6_100_000));
    risk.on_fill(Ts::new(5), &filled(1, 4, Side::Buy, 200, 6_100_000));
    assert_eq!(free(&mut risk, 1), 100_000_000_000 + 300_000_000);
}

#[test]
fn an_inverse_gain_is_the_difference_of_exposures() {
    let mut risk = risk(&RiskConfig { needs_funds: true, ..limited(|l| l.initial_margin = Fraction::ONE) });
    risk.set_balance(&balance(2, 0, 1_000_000));
    // 60 contracts: 0.1 BTC at 60000, 0.12 at 50000; half of it is closed first.
    risk.on_fill(Ts::new(1), &filled(2, 1, Side::Buy, 60, 6_000_000));
    risk.on_fill(Ts::new(2), &filled(2, 2, Side::Sell, 30, 5_000_000));
    risk.on_fill(Ts::new(3), &filled(2, 3, Side::Sell, 30, 5_000_000));
    assert_eq!(free(&mut risk, 2), 1_000_000 - 2_000_000);
}

#[test]
fn an_order_claims_its_fee() {
    let fees = limited(|l| (l.fee, l.initial_margin) = (Fraction::new(10_000_000), Fraction::new(100_000_000)));
    let mut risk = risk(&RiskConfig { needs_funds: true, ..fees });
    let short = |refusal: Result<OrderSent, Refusal>| refusal.unwrap_err().value.get();
    let mut ask = |order: &OrderSent| short(risk.check(Ts::new(1), order, BOOK));
    assert_eq!(ask(&buy(1, 100)), 6_000_001_000 + 60_000_010);
    assert_eq!(ask(&at(1, buy(1, 100))), 600_000_100 + 60_000_010);
    // 10 contracts are 1683502 at the collar's low edge.
    assert_eq!(ask(&at(2, buy(1, 10))), 168_351 + 16_836);
    assert_eq!(ask(&sell(1, 100)), 100_000, "a sale pays it from its proceeds");
    risk.set_balance(&balance(0, 1, 2 * 6_060_001_010));
    send(&mut risk, 1, &buy(1, 100)).unwrap();
    send(&mut risk, 1, &buy(2, 100)).unwrap();
    assert!(send(&mut risk, 1, &buy(3, 10)).is_err());
}

proptest! {
    /// Whatever the order of fills: once nothing is held, the margin pool has moved by what was received less paid.
    #[test]
    fn realised_gains_add_up(
        fills in proptest::collection::vec((any::<bool>(), 1i64..50, 5_000_000i64..7_000_000), 1..40),
        instrument in 1u16..3,
    ) {
        let mut risk = risk(&RiskConfig { needs_funds: true, ..limited(|l| l.initial_margin = Fraction::ONE) });
        let mut flows = (0, 0);
        let count = |flows: &mut (i128, i64), fill: &FillBooked| {
            let brought_in = if instrument == 1 { -fill.notional.get() } else { fill.exposure.get() };
            flows.0 += brought_in * i128::from(fill.side.sign());
            flows.1 += fill.last_qty.get() * i64::from(fill.side.sign());
        };
        for (id, (is_buy, lots, price)) in fills.into_iter().enumerate() {
            let fill = filled(instrument, id as u64, if is_buy { Side::Buy } else { Side::Sell }, lots, price);
            count(&mut flows, &fill);
            risk.on_fill(Ts::new(1), &fill);
        }
        let (_, held) = flows;
        if held != 0 {
            let side = if held > 0 { Side::Sell } else { Side::Buy };
            let rest = filled(instrument, 1_000, side, held.abs(), 6_000_000);
            count(&mut flows, &rest);
            risk.on_fill(Ts::new(1), &rest);
        }
        prop_assert_eq!(free(&mut risk, instrument), flows.0);
    }
}

#[test]
fn fees_leave_the_balance() {
    let mut risk = risk(&RiskConfig { needs_funds: true, ..config() });
    risk.set_balance(&balance(0, 1, 12_000_002_000));
    let first = buy(1, 100);
    send(&mut risk, 1, &first).unwrap();
    risk.on_fill(Ts::new(1), &FillBooked { fee: Amount::new(1), ..fill(&first, 100) });
    risk.on_update(&updated(&first, OrdStatus::Filled, 100));
    assert_eq!(
        risk.check(Ts::new(1), &buy(2, 100), BOOK).unwrap_err(),
        Refusal::new(Reason::InsufficientBalance, 6_000_001_000_i64, 6_000_000_999_i64)
    );
}

#[test]
fn a_filled_order_that_works_again_counts_again() {
    let mut risk = risk(&config());
    let first = buy(1, 100);
    trade(&mut risk, 1, &first);
    assert_eq!(risk.open_len(), 0);
    risk.on_update(&updated(&first, OrdStatus::PartiallyFilled, 60));
    assert_eq!(risk.open_len(), 1);
    risk.on_update(&updated(&first, OrdStatus::Filled, 100));
    assert_eq!(risk.open_len(), 0);
}

/// The slow way: everything counted anew from the list of open orders.
#[derive(Default)]
struct Oracle {
    open: BTreeMap<u64, (OrderSent, i64)>,
    position: i128,
}

impl Oracle {
    fn worst(&self, side: Side) -> i128 {
        let open: i64 = self.open.values().filter(|(order, _)| order.side == side).map(|(_, left)| left).sum();
        i128::from(side.sign()) * self.position + i128::from(open) * 1_000
    }
}

proptest! {
    /// The running sums against an oracle: an order passes just when position plus all open orders of its side stay
    /// within the limit, or it only reduces.
    #[test]
    fn the_worst_case_is_what_a_recount_says(
        steps in proptest::collection::vec((0u8..4, any::<bool>(), 10i64..60, 0usize..8), 1..120),
    ) {
        const MAX: i128 = 200_000;
        let mut risk = risk(&limited(|limits| limits.max_position = Amount::new(MAX)));
        let mut oracle = Oracle::default();
        for (i, (what, is_buy, lots, which)) in steps.into_iter().enumerate() {
            let chosen = oracle.open.iter().nth(which % oracle.open.len().max(1)).map(|(id, (order, left))| (*id, *order, *left));
            match (what, chosen) {
                (0 | 1, _) | (_, None) => {
                    let side = if is_buy { Side::Buy } else { Side::Sell };
                    let order = order(i as u64 + 1, side, lots);
                    let worst = oracle.worst(side) + i128::from(lots) * 1_000;
                    let result = send(&mut risk, i as i64, &order);
                    let is_reducing = worst <= 0;
                    prop_assert_eq!(risk_says(&result), worst <= MAX || is_reducing, "{:?} {}", result, worst);
                    if result.is_ok() {
                        oracle.open.insert(order.cl_ord_id.0, (order, lots));
                    }
                }
                (2, Some((id, order, left))) => {
                    let last = lots.min(left);
                    risk.on_fill(Ts::new(i as i64), &fill(&order, last));
                    oracle.position += i128::from(order.side.sign()) * i128::from(last) * 1_000;
                    let cum = order.order_qty.get() - left + last;
                    let status = if last == left { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
                    risk.on_update(&updated(&order, status, cum));
                    if last == left {
                        oracle.open.remove(&id);
                    } else {
                        oracle.open.insert(id, (order, left - last));
                    }
                }
                (_, Some((id, order, left))) => {
                    risk.on_update(&updated(&order, OrdStatus::Canceled, order.order_qty.get() - left));
                    oracle.open.remove(&id);
                }
            }
            prop_assert_eq!(risk.position(InstrumentId(0)).get(), oracle.position);
            prop_assert_eq!(risk.open_len(), oracle.open.len());
        }
    }

    /// Any order, any fill, any update: an answer and never a panic.
    #[test]
    fn nothing_overflows(steps in proptest::collection::vec(
        (0u8..5, 0u16..4, 0u64..6, any::<i64>(), any::<i64>(), any::<i64>(), any::<bool>(), 0..OrdStatus::ALL.len()), 1..60)) {
        let mut config = RiskConfig { needs_funds: true, max_total_position: vec![TotalLimit { asset: AssetId(0), max_position: Amount::MAX }], max_executions: 2,
            execution_window_ns: i64::MAX, duplicate_window_ns: 5, max_messages: 3, message_window_ns: 5, ..config() };
        config.instruments.iter_mut().for_each(|limits| limits.max_position = Amount::MAX);
        let mut risk = risk(&config);
        for (what, instrument, id, lots, price, big, is_buy, status) in steps {
            let order = OrderSent {
                instrument: InstrumentId(instrument),
                order_qty: qty(lots.saturating_abs()),
                price: Price::new(price),
                ..order(id, if is_buy { Side::Buy } else { Side::Sell }, 1)
            };
            let (ts, huge) = (Ts::new(big), Amount::new(i128::from(big) << 64));
            let book = Some((Price::new(price), Price::new(price.saturating_add(1))));
            match what {
                0 => drop(risk.check(ts, &order, book).map(|order| risk.on_sent(ts, &order))),
                1 => risk.on_sent(ts, &order),
                2 => {
                    let at_zero = OrderSent { instrument: InstrumentId(0), price: Price::ZERO, ..order };
                    let booked = fill(&at_zero, 1);
                    let instrument = order.instrument;
                    risk.on_fill(ts, &FillBooked {
                        instrument, last_qty: order.order_qty, exposure: huge, notional: huge, fee: huge, ..booked });
                }
                3 => {
                    let state = OrderUpdated { leaves_qty: order.order_qty, ..updated(&order, OrdStatus::Filled, 0) };
                    risk.on_update(&OrderUpdated { ord_status: OrdStatus::ALL[status], ..state });
                }
                _ => {
                    risk.on_replace_sent(ts, ClOrdId(id), &OrderSent { cl_ord_id: ClOrdId(id + 10), ..order });
                    risk.set_balance(&balance(instrument, 1, i128::MAX));
                }
            }
        }
    }
}

fn risk_says(result: &Result<(), Refusal>) -> bool {
    assert!(result.is_ok() || result.unwrap_err().reason == Reason::MaxPosition);
    result.is_ok()
}
