//! The venue's controls: each reason produced with its value and bound, and the rules around it.

use tiderace_risk::venue::*;
use tiderace_types::venue::{ApproveOverride, NO_GROUP, ProposeOverride};
use tiderace_types::*;

/// One contract in 10^-12.
const ONE: i128 = 1_000_000_000_000;
const ALICE: AccountId = AccountId(0);
const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);

fn amount(value: i128) -> Amount {
    Amount::new(value)
}

fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

fn seconds(seconds: i64) -> Ts {
    Ts::new(seconds * 1_000_000_000)
}

fn ns(seconds: i64) -> i64 {
    seconds * 1_000_000_000
}

fn with(account: VenueAccount) -> Controls {
    // A lot of BTC is a thousandth of a contract, a lot of ETH a tenth.
    let terms =
        |lot| InstrumentTerms { lot: amount(lot), min_order_qty: None, max_order_qty: None, max_order_value: None };
    Controls::new(&[account, VenueAccount::default()], &[terms(ONE / 1_000), terms(ONE / 10)]).unwrap()
}

fn limited(limits: AccountLimits) -> Controls {
    with(VenueAccount { limits, ..VenueAccount::default() })
}

fn protected(mmp: MmpLimits) -> Controls {
    with(VenueAccount { mmp: vec![mmp], ..VenueAccount::default() })
}

fn mmp() -> MmpLimits {
    MmpLimits { group: 7, interval_ns: ns(10), freeze_ns: ns(30), qty: None, delta: None, vega: None, trades: None }
}

fn ask(side: Side, lots: i64) -> OrderAsk {
    OrderAsk {
        account: ALICE,
        instrument: BTC,
        strategy: 3,
        side,
        order_qty: qty(lots),
        leaves_qty: qty(lots),
        replaced_qty: Qty::ZERO,
        value: None,
        position: 0,
        mmp_group: NO_GROUP,
        is_replace: false,
    }
}

fn check(controls: &mut Controls, ask: &OrderAsk) -> Result<(), Refusal> {
    controls.check_new(seconds(1), ask)
}

fn triggered(controls: &mut Controls) -> Vec<Frozen> {
    let mut out = Vec::new();
    controls.take_triggered(&mut out);
    out
}

fn refused<T: core::fmt::Debug>(result: Result<T, Refusal>, reason: Reason, value: i128, limit: i128) {
    assert_eq!(result.unwrap_err(), Refusal::new(reason, value, limit));
}

#[test]
fn what_is_absent_is_off() {
    let mut controls = with(VenueAccount::default());
    let order = OrderAsk { value: Some(Amount::MAX), position: i64::MAX, ..ask(Side::Buy, i64::MAX) };
    assert_eq!(check(&mut controls, &order), Ok(()));
    for _ in 0..1_000 {
        assert_eq!(controls.on_message(seconds(1), ALICE), Ok(()));
    }
}

#[test]
fn sizes_of_an_instrument_are_limited_for_everyone() {
    let terms = InstrumentTerms {
        lot: amount(1),
        min_order_qty: Some(qty(5)),
        max_order_qty: Some(qty(10)),
        max_order_value: Some(amount(900)),
    };
    let mut controls = Controls::new(&[VenueAccount::default()], &[terms]).unwrap();
    refused(check(&mut controls, &ask(Side::Buy, 4)), Reason::TooSmall, 4, 5);
    refused(check(&mut controls, &ask(Side::Buy, 11)), Reason::TooLarge, 11, 10);
    let worth = |value| OrderAsk { value: Some(amount(value)), ..ask(Side::Sell, 10) };
    assert_eq!(check(&mut controls, &worth(900)), Ok(()));
    refused(check(&mut controls, &worth(901)), Reason::TooMuchValue, 901, 900);
}

#[test]
fn sizes_of_an_account_are_in_contracts_of_any_lot() {
    let limits = AccountLimits {
        max_order_qty: Some(amount(2 * ONE)),
        max_order_value: Some(amount(5)),
        ..AccountLimits::default()
    };
    let mut controls = limited(limits);
    assert_eq!(check(&mut controls, &ask(Side::Buy, 2_000)), Ok(()));
    refused(check(&mut controls, &ask(Side::Buy, 2_001)), Reason::TooLarge, 2_001 * ONE / 1_000, 2 * ONE);
    let of_eth = OrderAsk { instrument: ETH, ..ask(Side::Buy, 21) };
    refused(check(&mut controls, &of_eth), Reason::TooLarge, 21 * ONE / 10, 2 * ONE);
    refused(
        check(&mut controls, &OrderAsk { value: Some(amount(6)), ..ask(Side::Buy, 1) }),
        Reason::TooMuchValue,
        6,
        5,
    );
}

#[test]
fn position_and_working_orders_of_a_side_stay_within_the_limit() {
    let mut controls = limited(AccountLimits { position_limit: Some(amount(ONE / 100)), ..AccountLimits::default() });
    let lots = |lots: i128| lots * ONE / 1_000;
    controls.on_leaves(ALICE, BTC, Side::Buy, Qty::ZERO, qty(4));
    controls.on_leaves(ALICE, ETH, Side::Buy, Qty::ZERO, qty(90));
    let long = |position, order| OrderAsk { position, ..order };
    assert_eq!(check(&mut controls, &long(3, ask(Side::Buy, 3))), Ok(()));
    refused(check(&mut controls, &long(3, ask(Side::Buy, 4))), Reason::PositionLimit, lots(11), lots(10));
    refused(check(&mut controls, &long(3, ask(Side::Sell, 14))), Reason::PositionLimit, lots(11), lots(10));
    // A replace gives back what it replaces.
    let replace = OrderAsk { replaced_qty: qty(4), is_replace: true, ..ask(Side::Buy, 7) };
    assert_eq!(check(&mut controls, &long(3, replace)), Ok(()));
    controls.on_leaves(ALICE, BTC, Side::Buy, qty(4), Qty::ZERO);
    assert_eq!(check(&mut controls, &long(3, ask(Side::Buy, 7))), Ok(()));
}

#[test]
fn what_only_reduces_is_within_any_position_limit() {
    let mut controls = limited(AccountLimits { position_limit: Some(amount(0)), ..AccountLimits::default() });
    let order = OrderAsk { position: 500, ..ask(Side::Sell, 500) };
    assert_eq!(check(&mut controls, &order), Ok(()));
    let turning = OrderAsk { position: 500, ..ask(Side::Sell, 501) };
    refused(check(&mut controls, &turning), Reason::PositionLimit, ONE / 1_000, 0);
}

#[test]
fn working_orders_are_counted_from_entry_to_end() {
    let mut controls = limited(AccountLimits { max_open_orders: Some(2), ..AccountLimits::default() });
    controls.on_leaves(ALICE, BTC, Side::Buy, Qty::ZERO, qty(4));
    controls.on_leaves(ALICE, ETH, Side::Sell, Qty::ZERO, qty(4));
    refused(check(&mut controls, &ask(Side::Buy, 1)), Reason::OpenOrdersLimit, 3, 2);
    assert_eq!(check(&mut controls, &OrderAsk { is_replace: true, ..ask(Side::Buy, 1) }), Ok(()));
    controls.on_leaves(ALICE, BTC, Side::Buy, qty(4), qty(1));
    assert_eq!(controls.open_orders(ALICE), 2);
    controls.on_leaves(ALICE, BTC, Side::Buy, qty(1), Qty::ZERO);
    assert_eq!(check(&mut controls, &ask(Side::Buy, 1)), Ok(()));
}

#[test]
fn a_throttle_holds_messages_back_and_never_cancels() {
    let throttle = Some(Throttle { messages: 3, window_ns: ns(1) });
    let mut controls = limited(AccountLimits { throttle, ..AccountLimits::default() });
    controls.on_cancel(Ts::new(0), ALICE);
    assert_eq!(controls.on_message(Ts::new(1), ALICE), Ok(()));
    assert_eq!(controls.on_message(Ts::new(2), ALICE), Ok(()));
    refused(controls.on_message(Ts::new(3), ALICE), Reason::Throttled, 4, 3);
    controls.on_cancel(Ts::new(3), ALICE);
    assert_eq!(controls.on_message(Ts::new(3), AccountId(1)), Ok(()));
    // What is exactly a window old no longer counts: at 1 s the first cancel, at 1 s + 1 ns the first order.
    refused(controls.on_message(seconds(1), ALICE), Reason::Throttled, 4, 3);
    assert_eq!(controls.on_message(seconds(1).plus_ns(1), ALICE), Ok(()));
}

#[test]
fn orders_for_each_trade_are_limited_in_a_window() {
    let ratio = Some(OrderToTrade { orders_per_trade: 2, free_orders: 1, window_ns: ns(10) });
    let mut controls = limited(AccountLimits { order_to_trade: ratio, ..AccountLimits::default() });
    controls.on_order(seconds(0), ALICE);
    refused(check(&mut controls, &ask(Side::Buy, 1)), Reason::OrderToTrade, 2, 1);
    controls.on_trade(seconds(0), ALICE);
    assert_eq!(check(&mut controls, &ask(Side::Buy, 1)), Ok(()));
    controls.on_order(seconds(1), ALICE);
    controls.on_order(seconds(1), ALICE);
    refused(check(&mut controls, &ask(Side::Buy, 1)), Reason::OrderToTrade, 4, 3);
    // The trade and the first order are gone: two orders against the free one.
    refused(controls.check_limits(seconds(10), &ask(Side::Buy, 1)), Reason::OrderToTrade, 3, 1);
    assert_eq!(controls.check_limits(seconds(11), &ask(Side::Buy, 1)), Ok(()));
}

#[test]
fn a_whole_kill_refuses_before_any_limit() {
    let mut controls = limited(AccountLimits { max_order_qty: Some(amount(0)), ..AccountLimits::default() });
    for (scope, id) in
        [(KillScope::All, 0), (KillScope::Account, 0), (KillScope::Instrument, 0), (KillScope::Strategy, 3)]
    {
        assert!(controls.kill(scope, id, true, false));
        assert!(!controls.kill(scope, id, true, false), "a second time changes nothing");
        refused(check(&mut controls, &ask(Side::Buy, 1)), Reason::Killed, id.into(), 0);
        assert!(controls.kill(scope, id, false, false));
        refused(check(&mut controls, &ask(Side::Buy, 1)), Reason::TooLarge, ONE / 1_000, 0);
    }
    controls.kill(KillScope::Account, 1, true, false);
    controls.kill(KillScope::Instrument, 1, true, false);
    assert_eq!(controls.killed(ALICE, Some(BTC), Some(3)), None);
}

#[test]
fn a_reduce_only_kill_admits_what_is_no_larger_than_the_position() {
    let mut controls = with(VenueAccount::default());
    controls.kill(KillScope::All, 99, true, true);
    let order = |position, side, lots| OrderAsk { position, ..ask(side, lots) };
    assert_eq!(check(&mut controls, &order(5, Side::Sell, 5)), Ok(()));
    assert_eq!(check(&mut controls, &order(-5, Side::Buy, 5)), Ok(()));
    refused(check(&mut controls, &order(5, Side::Sell, 6)), Reason::Killed, 0, 0);
    refused(check(&mut controls, &order(5, Side::Buy, 1)), Reason::Killed, 0, 0);
    refused(check(&mut controls, &order(0, Side::Sell, 1)), Reason::Killed, 0, 0);
    refused(check(&mut controls, &order(i64::MIN, Side::Sell, 1)), Reason::Killed, 0, 0);
    // The stricter of two counts.
    controls.kill(KillScope::Strategy, 3, true, false);
    refused(check(&mut controls, &order(5, Side::Sell, 5)), Reason::Killed, 3, 0);
}

#[test]
fn a_group_freezes_at_its_quantity_once_the_sweep_is_done() {
    let mut controls = protected(MmpLimits { qty: Some(amount(ONE)), ..mmp() });
    let group = |lots| OrderAsk { mmp_group: 7, ..ask(Side::Buy, lots) };
    controls.on_fill(seconds(1), ALICE, 7, BTC, 999);
    assert_eq!(triggered(&mut controls), []);
    controls.on_fill(seconds(1), ALICE, 7, BTC, -1);
    controls.on_fill(seconds(1), ALICE, 7, BTC, -50);
    assert_eq!(check(&mut controls, &group(1)), Ok(()), "the sweep goes on to its end");
    assert_eq!(triggered(&mut controls), [Frozen { account: ALICE, group: 7, ts_until: seconds(31) }]);
    assert_eq!(triggered(&mut controls), []);
    refused(controls.check_new(seconds(30), &group(1)), Reason::MmpFrozen, ns(30).into(), ns(31).into());
    assert_eq!(controls.check_new(seconds(30), &ask(Side::Buy, 1)), Ok(()), "other orders enter");
    assert_eq!(controls.check_new(seconds(31), &group(1)), Ok(()));
    assert_eq!(controls.next_timer(), Some(seconds(31)));
    assert_eq!(controls.due(seconds(31)), Some(Due::Unfrozen(ALICE, 7)));
    // The sums started again at zero.
    controls.on_fill(seconds(31), ALICE, 7, BTC, 999);
    assert_eq!(triggered(&mut controls), []);
}

#[test]
fn a_reset_unfreezes_and_starts_the_sums_at_zero() {
    let mut controls = protected(MmpLimits { trades: Some(2), ..mmp() });
    controls.on_fill(seconds(1), ALICE, 7, BTC, 1);
    assert_eq!(controls.mmp_reset(seconds(1), ALICE, 7), Ok(false));
    controls.on_fill(seconds(1), ALICE, 7, BTC, 1);
    assert_eq!(triggered(&mut controls), []);
    controls.on_fill(seconds(1), ALICE, 7, ETH, 1);
    assert_eq!(triggered(&mut controls).len(), 1);
    assert_eq!(controls.mmp_reset(seconds(2), ALICE, 7), Ok(true));
    assert_eq!(controls.is_frozen(seconds(2), ALICE, 7), None);
    assert_eq!(controls.next_timer(), None);
    refused(controls.mmp_reset(seconds(2), ALICE, 8), Reason::BadField, 8, 0);
}

#[test]
fn delta_and_vega_are_signed_sums_at_the_greeks_of_the_fill() {
    let mut controls = protected(MmpLimits { delta: Some(amount(ONE)), vega: Some(amount(5 * ONE)), ..mmp() });
    controls.set_greeks(BTC, amount(ONE / 2), amount(ONE));
    controls.set_greeks(ETH, amount(-ONE / 2), amount(ONE));
    controls.on_fill(seconds(1), ALICE, 7, BTC, 1_999);
    controls.on_fill(seconds(1), ALICE, 7, ETH, 20);
    assert_eq!(triggered(&mut controls), [], "delta 0.9995 - 1, vega 3.999");
    controls.set_greeks(BTC, amount(0), amount(ONE));
    controls.on_fill(seconds(2), ALICE, 7, BTC, 1_000);
    assert_eq!(triggered(&mut controls), [], "vega 4.999");
    controls.on_fill(seconds(2), ALICE, 7, BTC, 1);
    assert_eq!(triggered(&mut controls).len(), 1, "vega 5");
    controls.on_fill(seconds(3), ALICE, 7, ETH, -20);
    assert_eq!(triggered(&mut controls).len(), 1, "delta 1, sold");
}

#[test]
fn a_fill_counts_while_younger_than_the_interval() {
    let mut controls = protected(MmpLimits { trades: Some(2), ..mmp() });
    controls.on_fill(seconds(1), ALICE, 7, BTC, 1);
    controls.on_fill(seconds(11), ALICE, 7, BTC, 1);
    assert_eq!(triggered(&mut controls), []);
    controls.on_fill(seconds(21).plus_ns(-1), ALICE, 7, BTC, 1);
    assert_eq!(triggered(&mut controls).len(), 1);
}

#[test]
fn enormous_fills_and_greeks_freeze_and_never_panic() {
    let mut controls = protected(MmpLimits { delta: Some(amount(1)), ..mmp() });
    for (delta, lots) in [(i128::MAX, i64::MIN), (i128::MIN, i64::MIN), (i128::MIN, i64::MAX), (1, 1)] {
        controls.set_greeks(BTC, amount(delta), Amount::MIN);
        controls.on_fill(seconds(1), ALICE, 7, BTC, lots);
        assert_eq!(triggered(&mut controls).len(), 1, "{delta} {lots}");
    }
    controls.on_fill(seconds(1), AccountId(u32::MAX), 7, InstrumentId(u16::MAX), i64::MIN);
}

#[test]
fn a_lost_connection_cancels_at_once_or_when_its_timer_runs_out() {
    let mut controls = with(VenueAccount { dead_man_ns: Some(ns(10)), ..VenueAccount::default() });
    assert!(controls.connection(seconds(1), AccountId(1), false), "no dead-man timer");
    assert!(!controls.connection(seconds(1), ALICE, false));
    assert!(!controls.connection(seconds(2), ALICE, true));
    assert_eq!(controls.next_timer(), None);
    controls.connection(seconds(3), ALICE, false);
    controls.connection(seconds(5), ALICE, false);
    assert_eq!(controls.due(seconds(13).plus_ns(-1)), None);
    assert_eq!(controls.next_timer(), Some(seconds(13)), "a loss that is told again puts nothing off");
    assert_eq!(controls.due(seconds(13)), Some(Due::DeadMan(ALICE)));
    controls.connection(seconds(20), ALICE, false);
    assert_eq!(controls.next_timer(), Some(seconds(30)), "what came since is a loss of its own");
    assert_eq!(controls.due(seconds(30)), Some(Due::DeadMan(ALICE)));
    assert_eq!(controls.due(seconds(99)), None);
}

fn proposal(override_id: u64, value: i128, until: i64) -> ProposeOverride {
    let limit = Limit::MaxOrderQty.code();
    ProposeOverride {
        override_id,
        account: ALICE,
        limit,
        value: amount(value),
        expire_time: seconds(until),
        operator: 1,
    }
}

fn override_controls() -> Controls {
    limited(AccountLimits { max_order_qty: Some(amount(ONE)), ..AccountLimits::default() })
}

fn approve(controls: &mut Controls, override_id: u64) -> Result<tiderace_types::venue::LimitChanged, Refusal> {
    controls.approve(&ApproveOverride { override_id, operator: 2 })
}

#[test]
fn two_persons_lift_a_limit_until_its_time() {
    let mut controls = override_controls();
    controls.propose(seconds(0), &proposal(1, 2 * ONE, 60)).unwrap();
    assert!(check(&mut controls, &ask(Side::Buy, 2_000)).is_err(), "one person is not enough");
    let same = controls.approve(&ApproveOverride { override_id: 1, operator: 1 });
    refused(same, Reason::SamePerson, 1, 1);
    let changed = approve(&mut controls, 1).unwrap();
    assert_eq!((changed.value, changed.expire_time), (amount(2 * ONE), seconds(60)));
    assert_eq!(check(&mut controls, &ask(Side::Buy, 2_000)), Ok(()));
    assert_eq!(controls.due(seconds(59)), None);
    let Some(Due::Limit(changed)) = controls.due(seconds(60)) else { panic!("the override ends") };
    assert_eq!((changed.override_id, changed.value, changed.expire_time), (1, amount(ONE), Ts::ZERO));
    assert!(check(&mut controls, &ask(Side::Buy, 2_000)).is_err());
}

#[test]
fn of_two_overrides_the_one_approved_last_counts() {
    let mut controls = override_controls();
    controls.propose(seconds(0), &proposal(1, 2 * ONE, 60)).unwrap();
    controls.propose(seconds(0), &proposal(2, 3 * ONE, 30)).unwrap();
    approve(&mut controls, 1).unwrap();
    assert_eq!(approve(&mut controls, 2).unwrap().value, amount(3 * ONE));
    let Some(Due::Limit(changed)) = controls.due(seconds(30)) else { panic!("the second ends first") };
    assert_eq!((changed.value, changed.expire_time), (amount(2 * ONE), seconds(60)));
}

#[test]
fn an_override_that_cannot_be_is_refused() {
    let mut controls = override_controls();
    let good = proposal(1, 2 * ONE, 60);
    let unknown = ProposeOverride { account: AccountId(9), ..good };
    refused(controls.propose(seconds(0), &unknown), Reason::UnknownAccount, 9, 0);
    let off = ProposeOverride { limit: Limit::Throttle.code(), ..good };
    refused(controls.propose(seconds(0), &off), Reason::BadField, 5, 0);
    refused(controls.propose(seconds(0), &ProposeOverride { limit: 77, ..good }), Reason::BadField, 77, 0);
    refused(controls.propose(seconds(0), &ProposeOverride { operator: 0, ..good }), Reason::BadField, 0, 1);
    refused(controls.propose(seconds(0), &proposal(1, -1, 60)), Reason::BadField, -1, 0);
    refused(controls.propose(seconds(60), &good), Reason::BadField, ns(60).into(), ns(60).into());
    refused(approve(&mut controls, 1), Reason::UnknownOverride, 1, 0);
    controls.propose(seconds(0), &good).unwrap();
    refused(controls.propose(seconds(0), &good), Reason::DuplicateOverride, 1, 1);
    refused(controls.approve(&ApproveOverride { override_id: 1, operator: 0 }), Reason::BadField, 0, 1);
    assert_eq!(controls.due(seconds(60)), Some(Due::ProposalExpired(1)));
    refused(approve(&mut controls, 1), Reason::UnknownOverride, 1, 0);
    for id in 0..256 {
        controls.propose(seconds(0), &proposal(id, 1, 60)).unwrap();
    }
    refused(controls.propose(seconds(0), &proposal(256, 1, 60)), Reason::TooManyOverrides, 257, 256);
}

#[test]
fn limits_that_cannot_be_enforced_are_refused_at_the_start() {
    let terms = InstrumentTerms { lot: amount(0), min_order_qty: None, max_order_qty: None, max_order_value: None };
    assert!(
        Controls::new(&[], &[terms]).unwrap_err().to_string().starts_with("lot of row 0 is 0; give a value from 1")
    );
    let refused = |account: VenueAccount| Controls::new(&[account], &[]).unwrap_err();
    let twice = VenueAccount { mmp: vec![mmp(), mmp()], ..VenueAccount::default() };
    assert_eq!(refused(twice), LimitsError::Group { row: 0, group: 7 });
    let none = VenueAccount { mmp: vec![MmpLimits { group: NO_GROUP, ..mmp() }], ..VenueAccount::default() };
    assert_eq!(refused(none), LimitsError::Group { row: 0, group: NO_GROUP });
    let throttle = Some(Throttle { messages: 0, window_ns: 1 });
    let limits = AccountLimits { throttle, ..AccountLimits::default() };
    assert!(matches!(
        refused(VenueAccount { limits, ..VenueAccount::default() }),
        LimitsError::OutOfRange { value: 0, least: 1, .. }
    ));
}
