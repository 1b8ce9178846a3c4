//! Clients' orders and a person's switches through the whole desk: what is refused and why, kills, breaks, the end.

mod desk;

use desk::{
    INVERSE, LINEAR, ONE, SEC, SPOT, Trial, cancels, genesis, lots, order, orders, parent, posting_parent, refusal,
    refusals, sent, tags,
};
use serde_json::{Value, json};
use tiderace_engine::{CLIENT_TIMERS_MAX, DESK_CL_ORD_ID, DeskConfig};
use tiderace_types::event::OrderSent;
use tiderace_types::input::{
    BalanceSet, CancelAll, CancelOrder, CancelParent, ClearBreak, EnableStrategy, End, ExecutionReport, Kill,
    MarketData, ReplaceOrder, SetTimer, SubmitOrder, SubmitParent, Timer,
};
use tiderace_types::{
    AccountId, Amount, AssetId, ClOrdId, ExecType, Input, InstrumentId, KillScope, OrdStatus, OrdType, Output,
    ParentId, Price, Reason, Side, TimeInForce, Ts, VenueId,
};

const NO_ROW: InstrumentId = InstrumentId(9);

fn replace(id: u64, orig: u64, qty: i64, price: i64) -> ReplaceOrder {
    ReplaceOrder {
        cl_ord_id: ClOrdId(id),
        orig_cl_ord_id: ClOrdId(orig),
        cause_seq: 0,
        order_qty: lots(qty),
        price: Price::new(price),
    }
}

fn cancel(id: u64) -> CancelOrder {
    CancelOrder { orig_cl_ord_id: ClOrdId(id), cause_seq: 0 }
}

fn kill(scope: KillScope, id: u32, is_on: bool) -> Kill {
    Kill { scope, id, is_on }
}

/// Sends an order and has the venue accept it.
fn working(trial: &mut Trial, submit: SubmitOrder) -> OrderSent {
    let sent = sent(&trial.apply(submit));
    trial.ack(&sent[0]);
    sent[0]
}

fn changed(path: &[&str], value: Value) -> Trial {
    let mut json = genesis();
    let mut at = &mut json;
    for key in path {
        at = &mut at[*key];
    }
    *at = value;
    let mut trial = Trial::with(&json);
    trial.all_live();
    trial
}

#[test]
fn a_clients_order_goes_out_as_it_was_submitted() {
    let mut trial = Trial::live();
    let submit =
        SubmitOrder { time_in_force: TimeInForce::Fok, post_only: true, ..order(5, INVERSE, Side::Sell, 60_000) };
    let out = trial.apply(submit);
    let SubmitOrder { cl_ord_id, tags, instrument, side, ord_type, time_in_force, post_only, order_qty, price, .. } =
        submit;
    let parent_id = ParentId(0);
    let wanted = OrderSent {
        cl_ord_id,
        parent_id,
        tags,
        instrument,
        side,
        ord_type,
        time_in_force,
        post_only,
        order_qty,
        price,
    };
    assert_eq!(out, [wanted.into()]);
    trial.end();
}

#[test]
fn each_refusal_of_an_order_says_why_with_value_and_limit() {
    let mut trial = Trial::live();
    let mut refused = |submit: SubmitOrder| refusal(&trial.apply(submit));
    let buy = order(1, SPOT, Side::Buy, 60_000);
    let bound = i128::from(DESK_CL_ORD_ID);
    assert_eq!(refused(SubmitOrder { cl_ord_id: ClOrdId(0), ..buy }), (Reason::BadClOrdId, 0, bound));
    assert_eq!(refused(SubmitOrder { cl_ord_id: ClOrdId(1 << 63), ..buy }), (Reason::BadClOrdId, bound, bound));
    assert_eq!(refused(SubmitOrder { instrument: NO_ROW, ..buy }), (Reason::UnknownInstrument, 9, 3));
    assert_eq!(refused(SubmitOrder { order_qty: lots(0), ..buy }), (Reason::BadQty, 0, 1));
    assert_eq!(refused(SubmitOrder { price: Price::new(0), ..buy }), (Reason::BadPrice, 0, 1));
    assert_eq!(refused(SubmitOrder { price: Price::new(66_001), ..buy }), (Reason::PriceCollar, 66_001, 66_000));
    assert_eq!(refused(SubmitOrder { order_qty: lots(100_001), ..buy }), (Reason::MaxOrderQty, 100_001, 100_000));
    trial.apply(buy);
    assert_eq!(refusal(&trial.apply(buy)), (Reason::DuplicateClOrdId, 1, 0));
    trial.end();
}

#[test]
fn an_order_on_a_book_that_is_not_live_has_no_reference() {
    let mut trial = Trial::live();
    trial.gap(SPOT);
    assert_eq!(refusal(&trial.apply(order(1, SPOT, Side::Buy, 60_000))).0, Reason::NoReference);
    assert_eq!(orders(&trial.apply(order(1, LINEAR, Side::Buy, 60_000))).len(), 1);
    trial.end();
}

/// Two reasons hold at once; the first of the documented order is told.
#[test]
fn checks_are_made_in_the_documented_order() {
    let mut trial = changed(&["risk", "max_open_orders"], json!(1));
    let refused = |trial: &mut Trial, submit: SubmitOrder| refusal(&trial.apply(submit)).0;
    let held = working(&mut trial, order(1, SPOT, Side::Buy, 60_000));
    let bad_price = Price::new(0);
    // Key range before instrument, instrument before keys, keys before breaks, breaks before risk.
    let bad = SubmitOrder { cl_ord_id: ClOrdId(0), price: bad_price, ..order(0, NO_ROW, Side::Buy, 0) };
    assert_eq!(refused(&mut trial, bad), Reason::BadClOrdId);
    assert_eq!(refused(&mut trial, SubmitOrder { cl_ord_id: ClOrdId(1), ..bad }), Reason::UnknownInstrument);
    trial.fill(&held, 10, 10);
    trial.fill(&held, 1, 11);
    let again = SubmitOrder { cl_ord_id: ClOrdId(1), instrument: SPOT, ..bad };
    assert_eq!(refused(&mut trial, again), Reason::DuplicateClOrdId);
    let fresh = SubmitOrder { cl_ord_id: ClOrdId(2), ..again };
    assert_eq!(refused(&mut trial, SubmitOrder { order_qty: lots(0), ..fresh }), Reason::BadQty);
    assert_eq!(refused(&mut trial, fresh), Reason::BreakOpen);
    trial.apply(ClearBreak { instrument: SPOT, operator: 1 });
    trial.apply(kill(KillScope::All, 0, true));
    assert_eq!(refused(&mut trial, fresh), Reason::Killed);
    trial.apply(kill(KillScope::All, 0, false));
    assert_eq!(refused(&mut trial, fresh), Reason::BadPrice);
    // The end before all of them.
    trial.apply(End { interrupted: false });
    assert_eq!(refused(&mut trial, bad), Reason::RunEnded);
}

#[test]
fn a_replace_moves_price_and_quantity_when_the_venue_says_so() {
    let mut trial = Trial::live();
    let held = working(&mut trial, order(1, SPOT, Side::Buy, 59_000));
    let out = trial.apply(replace(2, 1, 12, 59_500));
    assert!(matches!(out[..], [Output::ReplaceSent(r)] if r.orig_cl_ord_id == ClOrdId(1) && r.cl_ord_id == ClOrdId(2)));
    assert_eq!(refusal(&trial.apply(replace(3, 1, 13, 59_500))).0, Reason::PendingRequest);
    let report = trial.report(&held, ExecType::Replaced, 0);
    let replaced = ExecutionReport {
        cl_ord_id: ClOrdId(2),
        orig_cl_ord_id: ClOrdId(1),
        ord_status: OrdStatus::New,
        order_qty: lots(12),
        leaves_qty: lots(12),
        price: Price::new(59_500),
        ..report
    };
    let out = trial.apply(replaced);
    assert!(
        matches!(out[..], [Output::OrderUpdated(u)] if u.cl_ord_id == ClOrdId(2)
            && u.order_qty == lots(12) && u.price == Price::new(59_500)),
        "{out:?}"
    );
    trial.end();
}

#[test]
fn each_refusal_of_a_replace_or_cancel_says_why() {
    let mut trial = Trial::live();
    let child = sent(&trial.apply(posting_parent()))[0];
    trial.ack(&child);
    let held = working(&mut trial, order(1, SPOT, Side::Buy, 59_000));
    let desks = child.cl_ord_id.0;
    let bound = i128::from(DESK_CL_ORD_ID);
    assert_eq!(refusal(&trial.apply(replace(0, 1, 11, 59_000))), (Reason::BadClOrdId, 0, bound));
    assert_eq!(refusal(&trial.apply(replace(desks + 9, 1, 11, 59_000))).0, Reason::BadClOrdId);
    // A client that changed a parent's child would take it from under its parent.
    assert_eq!(refusal(&trial.apply(replace(2, desks, 11, 59_000))), (Reason::BadClOrdId, desks.into(), bound));
    assert_eq!(refusal(&trial.apply(replace(1, 1, 11, 59_000))), (Reason::DuplicateClOrdId, 1, 0));
    assert_eq!(refusal(&trial.apply(replace(2, 7, 11, 59_000))), (Reason::UnknownOrder, 7, 0));
    assert_eq!(refusal(&trial.apply(replace(2, 1, 0, 59_000))), (Reason::BadQty, 0, 1));
    assert_eq!(refusal(&trial.apply(replace(2, 1, 11, 70_000))), (Reason::PriceCollar, 70_000, 66_000));
    assert_eq!(refusal(&trial.apply(cancel(7))), (Reason::UnknownOrder, 7, 0));
    let first = cancels(&trial.apply(cancel(1)))[0].0;
    assert_eq!(refusal(&trial.apply(cancel(1))), (Reason::PendingRequest, 1, first.0.into()));
    trial.canceled(&held, 0);
    assert_eq!(refusal(&trial.apply(cancel(1))), (Reason::OrderClosed, 1, 0));
    assert_eq!(refusal(&trial.apply(replace(2, 1, 11, 59_000))), (Reason::OrderClosed, 1, 0));
    trial.end();
}

#[test]
fn cancel_all_cancels_each_working_order_of_its_scope_once() {
    let all = |scope, id| CancelAll { scope, id, cause_seq: 0 };
    let asked = |out: &[Output]| cancels(out).iter().map(|c| c.1.0).collect::<Vec<_>>();
    let mut trial = Trial::live();
    for (id, instrument, strategy) in [(1, SPOT, 1), (2, LINEAR, 1), (3, SPOT, 2), (4, INVERSE, 2)] {
        working(
            &mut trial,
            SubmitOrder {
                tags: tags(strategy),
                ..order(id, instrument, Side::Buy, 59_000 + i64::try_from(id).unwrap())
            },
        );
    }
    assert_eq!(asked(&trial.apply(all(KillScope::Account, 3))), [0; 0], "a client is not an account");
    assert_eq!(asked(&trial.apply(all(KillScope::Instrument, 1))), [2]);
    assert_eq!(asked(&trial.apply(all(KillScope::Strategy, 2))), [3, 4]);
    let out = trial.apply(all(KillScope::All, 0));
    assert_eq!(asked(&out), [1]);
    assert_eq!(refusals(&out), [], "those that are being canceled are left alone");
    trial.end();
}

/// For each scope: two orders work, one of them covered. The kill cancels that one and blocks its like, and only that;
/// lifted, the like goes through.
#[test]
fn a_kill_of_each_scope_cancels_what_works_and_blocks_what_is_new() {
    for (scope, id, covers_other) in [
        (KillScope::All, 0, true),
        (KillScope::Account, 7, true),
        (KillScope::Strategy, 1, false),
        (KillScope::Instrument, 0, false),
    ] {
        let mut trial = Trial::live();
        let covered = order(1, SPOT, Side::Buy, 59_000);
        let other = SubmitOrder { tags: tags(2), ..order(2, LINEAR, Side::Buy, 59_000) };
        working(&mut trial, covered);
        working(&mut trial, other);
        let out = trial.apply(kill(scope, id, true));
        assert!(matches!(out[0], Output::KillChanged(k) if k.is_on && k.scope == scope));
        let asked: Vec<u64> = cancels(&out).iter().map(|c| c.1.0).collect();
        assert_eq!(asked, if covers_other { vec![1, 2] } else { vec![1] }, "{scope:?}");
        let out = trial.apply(SubmitOrder { cl_ord_id: ClOrdId(11), ..covered });
        assert_eq!(refusal(&out), (Reason::Killed, id.into(), 0), "{scope:?}");
        let out = trial.apply(SubmitOrder { cl_ord_id: ClOrdId(12), ..other });
        assert_eq!(refusals(&out).is_empty(), !covers_other, "{scope:?}");
        trial.apply(kill(scope, id, false));
        assert_eq!(orders(&trial.apply(SubmitOrder { cl_ord_id: ClOrdId(21), ..covered })).len(), 1, "{scope:?}");
        trial.end();
    }
}

#[test]
fn a_kill_of_another_account_touches_nothing() {
    let mut trial = Trial::live();
    working(&mut trial, order(1, SPOT, Side::Buy, 59_000));
    assert_eq!(cancels(&trial.apply(kill(KillScope::Account, 3, true))), []);
    assert_eq!(orders(&trial.apply(order(2, SPOT, Side::Buy, 59_001))).len(), 1);
    trial.end();
}

#[test]
fn a_kill_stops_a_parents_slices_and_lifting_it_lets_them_go_on() {
    let mut trial = Trial::live();
    let child = sent(&trial.apply(posting_parent()))[0];
    trial.ack(&child);
    assert_eq!(cancels(&trial.apply(kill(KillScope::All, 0, true))).len(), 1);
    trial.canceled(&child, 0);
    let out = trial.pass(25 * SEC);
    assert_eq!((orders(&out), refusal(&out).0), (vec![], Reason::Killed));
    trial.apply(kill(KillScope::All, 0, false));
    assert_eq!(orders(&trial.pass(25 * SEC)).len(), 1);
    trial.end();
}

/// An overfill raises a break. While it stands, orders that open are refused, those that reduce are not; a replace that
/// opens more is refused like an order.
#[test]
fn a_break_blocks_opening_orders_until_a_person_clears_it() {
    let mut trial = Trial::live();
    let resting = working(&mut trial, order(3, SPOT, Side::Buy, 58_000));
    let held = working(&mut trial, order(1, SPOT, Side::Buy, 60_000));
    trial.fill(&held, 10, 10);
    let out = trial.fill(&held, 5, 15);
    assert!(out.iter().any(|o| matches!(o, Output::BreakRaised(b) if b.reason == Reason::Overfill)), "{out:?}");
    let refused = refusal(&trial.apply(order(2, SPOT, Side::Buy, 60_000)));
    assert_eq!(refused, (Reason::BreakOpen, 0, 0));
    assert_eq!(refusal(&trial.apply(replace(4, 3, 11, 58_000))), (Reason::BreakOpen, 0, 0));
    assert_eq!(cancels(&trial.apply(cancel(3))).len(), 1, "cancels are never held back");
    trial.canceled(&resting, 0);
    assert_eq!(orders(&trial.apply(order(5, LINEAR, Side::Buy, 60_000))).len(), 1, "other books are not concerned");
    assert_eq!(orders(&trial.apply(order(6, SPOT, Side::Sell, 60_000))).len(), 1, "10 of 15 lots only reduce");
    assert_eq!(refusal(&trial.apply(order(7, SPOT, Side::Sell, 60_001))).0, Reason::BreakOpen, "20 of 15 turn it");
    let out = trial.apply(ClearBreak { instrument: SPOT, operator: 1 });
    assert!(matches!(out[..], [Output::BreakCleared(c)] if c.operator == 1));
    assert_eq!(orders(&trial.apply(order(8, SPOT, Side::Buy, 60_000))).len(), 1);
    trial.end();
}

#[test]
fn a_reducing_order_may_be_repriced_while_a_break_stands() {
    let mut trial = Trial::live();
    let held = working(&mut trial, order(1, SPOT, Side::Buy, 60_000));
    trial.fill(&held, 10, 10);
    working(&mut trial, order(2, SPOT, Side::Sell, 60_500));
    trial.fill(&held, 5, 15);
    assert_eq!(trial.apply(replace(3, 2, 10, 60_100)).len(), 1);
    trial.end();
}

#[test]
fn a_strategy_that_fills_too_often_stops_until_a_person_enables_it() {
    let mut json = genesis();
    json["risk"]["max_executions"] = json!(2);
    json["risk"]["execution_window_ns"] = json!(SEC);
    let mut trial = Trial::with(&json);
    trial.all_live();
    let held = working(&mut trial, order(1, SPOT, Side::Buy, 60_000));
    trial.fill(&held, 1, 1);
    let out = trial.fill(&held, 1, 2);
    assert!(matches!(out.last(), Some(Output::StrategyEnabled(s)) if !s.is_enabled && s.strategy == 1), "{out:?}");
    assert_eq!(refusal(&trial.apply(order(2, SPOT, Side::Buy, 60_000))), (Reason::RepeatedExecution, 2, 2));
    let enable = |operator| EnableStrategy { strategy: 1, operator };
    assert_eq!(refusal(&trial.apply(enable(0))), (Reason::RepeatedExecution, 0, 1), "a person stands for it by name");
    trial.apply(enable(1));
    assert_eq!(orders(&trial.apply(order(3, SPOT, Side::Buy, 60_000))).len(), 1);
    trial.end();
}

#[test]
fn timers_fire_once_in_order_and_their_number_is_bounded() {
    let mut trial = Trial::new();
    let timer = |id, ts| SetTimer { id, ts_due: Ts::new(ts), cause_seq: 0 };
    let now = trial.now;
    for (id, ts) in [(1, now + 30), (2, now + 10), (3, now + 10), (4, now - 5)] {
        assert_eq!(trial.apply(timer(id, ts)), []);
    }
    let fired = |out: Vec<Output>| {
        let id = |o: &Output| if let Output::TimerFired(t) = o { Some(t.id) } else { None };
        out.iter().filter_map(id).collect::<Vec<_>>()
    };
    assert_eq!(fired(trial.pass(20)), [4, 2, 3]);
    assert_eq!(fired(trial.pass(20)), [1]);
    assert_eq!(trial.pass(1_000), []);
    for id in 0..CLIENT_TIMERS_MAX {
        assert_eq!(trial.apply(timer(id as u64, now + SEC)), []);
    }
    let max = CLIENT_TIMERS_MAX as i128;
    assert_eq!(refusal(&trial.apply(timer(u64::MAX, now + SEC))), (Reason::TooManyTimers, max, max));
    trial.end();
}

#[test]
fn the_end_cancels_what_works_and_admits_nothing_new() {
    let mut trial = Trial::live();
    working(&mut trial, order(1, SPOT, Side::Buy, 59_000));
    trial.apply(SubmitParent { parent_id: ParentId(8), ..posting_parent() });
    working(&mut trial, order(2, LINEAR, Side::Buy, 59_000));
    trial.apply(cancel(2));
    let out = trial.apply(End { interrupted: false });
    assert_eq!(cancels(&out).len(), 2, "the second client's order is being canceled already");
    assert_eq!(trial.engine.desk().next_timer(), Ts::MAX);
    let late: [Input; 4] = [
        order(3, SPOT, Side::Buy, 59_000).into(),
        replace(4, 1, 11, 59_000).into(),
        parent().into(),
        SetTimer { id: 1, ts_due: Ts::new(trial.now), cause_seq: 0 }.into(),
    ];
    for input in late {
        assert_eq!(refusal(&trial.apply(input)), (Reason::RunEnded, 0, 0));
    }
    trial.end();
}

#[test]
fn a_market_reference_is_no_input_from_outside() {
    let mut trial = Trial::live();
    let inputs = trial.engine.inputs();
    assert_eq!(trial.apply(MarketData { offset: 0, count: 5 }), []);
    assert_eq!(trial.engine.inputs(), inputs);
    trial.end();
}

#[test]
fn a_market_order_needs_no_price() {
    let mut trial = Trial::live();
    let market = SubmitOrder { ord_type: OrdType::Market, ..order(1, SPOT, Side::Sell, 0) };
    let out = trial.apply(market);
    assert_eq!(orders(&out), [(0, 10, 54_000)], "bounded by the collar of a tenth");
    assert_eq!((sent(&out)[0].ord_type, sent(&out)[0].time_in_force), (OrdType::Limit, TimeInForce::Ioc));
    let fok = SubmitOrder { cl_ord_id: ClOrdId(2), side: Side::Buy, time_in_force: TimeInForce::Fok, ..market };
    let out = trial.apply(fok);
    assert_eq!((orders(&out), sent(&out)[0].time_in_force), (vec![(0, 10, 66_000)], TimeInForce::Fok));
    trial.gap(SPOT);
    let stale = SubmitOrder { cl_ord_id: ClOrdId(3), ..market };
    assert_eq!(refusal(&trial.apply(stale)).0, Reason::NoReference);
    trial.end();
}

#[test]
fn a_kill_asks_until_nothing_works_under_it() {
    let mut trial = Trial::live();
    let first = sent(&trial.apply(order(1, SPOT, Side::Buy, 59_000)))[0];
    trial.ack(&first);
    let kill = Kill { scope: KillScope::All, id: 0, is_on: true };
    let asked = cancels(&trial.apply(kill))[0];
    trial.cancel_reject(asked.0, &first, OrdStatus::New);
    assert_eq!(cancels(&trial.pass(SEC - 1)), []);
    let again = cancels(&trial.pass(1));
    assert_eq!(again.iter().map(|(_, orig)| *orig).collect::<Vec<_>>(), [first.cl_ord_id]);
    assert_eq!(cancels(&trial.pass(4 * SEC)), [], "the venue has its time to answer");
    assert!(!cancels(&trial.pass(3 * SEC)).is_empty(), "and is asked again when it lets it pass");
    trial.canceled(&first, 0);
    assert_eq!(cancels(&trial.pass(100 * SEC)), []);
    // A fill undone makes a filled order work again.
    trial.apply(Kill { is_on: false, ..kill });
    let second = sent(&trial.apply(order(2, SPOT, Side::Buy, 59_000)))[0];
    let fill = trial.fill_report(&second, 10, 10);
    trial.apply(fill);
    trial.apply(kill);
    trial.apply(ExecutionReport {
        exec_type: ExecType::TradeCancel,
        exec_id: tiderace_types::ExecId(9_999),
        exec_ref_id: fill.exec_id,
        cum_qty: lots(0),
        leaves_qty: lots(10),
        ..fill
    });
    assert_eq!(cancels(&trial.pass(SEC)).len(), 1);
    trial.apply(Kill { is_on: false, ..kill });
    trial.end();
}

#[test]
fn nothing_is_due_beyond_the_end_of_time() {
    let mut trial = Trial::live();
    trial.now = i64::MAX;
    trial.apply(order(1, SPOT, Side::Buy, 59_999));
    assert_eq!(trial.engine.desk().next_timer(), Ts::MAX);
    assert_eq!(trial.apply(Timer { ts_due: Ts::MAX }), []);
}

#[test]
fn a_market_order_keeps_to_value_and_balance_2005_2008() {
    let mut genesis = genesis();
    genesis["risk"]["needs_funds"] = true.into();
    genesis["risk"]["instruments"][0]["max_order_value"] = json!(66_000 * i128::from(ONE));
    let mut trial = Trial::with(&genesis);
    trial.all_live();
    let paid = |amount| BalanceSet { account: AccountId(7), venue: VenueId(0), asset: AssetId(1), amount };
    let market =
        |id, qty| SubmitOrder { ord_type: OrdType::Market, order_qty: lots(qty), ..order(id, SPOT, Side::Buy, 0) };
    trial.apply(paid(Amount::new(66_000 * i128::from(ONE) - 1)));
    let out = trial.apply(market(1, 100));
    assert_eq!(refusal(&out), (Reason::InsufficientBalance, 66_000 * i128::from(ONE), 66_000 * i128::from(ONE) - 1));
    trial.apply(paid(Amount::new(1 << 100)));
    assert_eq!(refusal(&trial.apply(market(2, 101))).0, Reason::MaxOrderValue);
    assert_eq!(orders(&trial.apply(market(3, 100))), [(0, 100, 66_000)]);
    trial.end();
}

/// The good inputs of a day: a parent, client orders, a replace, a kill and its lifting.
fn day(trial: &Trial) -> Vec<Input> {
    let report = |id: u64, exec_id: u64, exec_type, cum: i64| {
        Input::from(ExecutionReport {
            instrument: SPOT,
            cl_ord_id: ClOrdId(id),
            orig_cl_ord_id: ClOrdId(0),
            order_id: id,
            exec_id: tiderace_types::ExecId(exec_id),
            exec_ref_id: tiderace_types::ExecId(0),
            exec_type,
            ord_status: OrdStatus::New,
            side: Side::Buy,
            order_qty: lots(10),
            price: Price::new(59_000),
            last_qty: lots(if exec_type == ExecType::Trade { 4 } else { 0 }),
            last_px: Price::new(59_000),
            cum_qty: lots(cum),
            leaves_qty: lots(10 - cum),
            is_maker: true,
            fee: tiderace_types::Amount::ZERO,
            fee_asset: tiderace_types::AssetId(1),
            reason: Reason::None,
            transact_time: Ts::new(trial.now),
        })
    };
    vec![
        posting_parent().into(),
        order(101, SPOT, Side::Buy, 59_000).into(),
        report(101, 1, ExecType::New, 0),
        report(101, 2, ExecType::Trade, 4),
        replace(102, 101, 12, 59_100).into(),
        cancel(101).into(),
        order(103, LINEAR, Side::Buy, 59_000).into(),
        kill(KillScope::Strategy, 1, true).into(),
        kill(KillScope::Strategy, 1, false).into(),
        CancelParent { parent_id: ParentId(1), cause_seq: 0 }.into(),
        SubmitParent { parent_id: ParentId(2), ..parent() }.into(),
        order(104, INVERSE, Side::Sell, 60_000).into(),
    ]
}

/// Goal: a refusal leaves no trace. Method: run a day of good inputs as it is, and again with every kind of bad input
/// after each of them; but for the refusals both runs put out the same, ids and all.
#[test]
fn a_refusal_changes_nothing_that_comes_later() {
    let mut plain = Trial::live();
    let mut pestered = Trial::live();
    let (mut wanted, mut got) = (Vec::new(), Vec::new());
    let buy = order(1, SPOT, Side::Buy, 60_000);
    let bad: Vec<Input> = vec![
        SubmitOrder { cl_ord_id: ClOrdId(0), ..buy }.into(),
        SubmitOrder { cl_ord_id: ClOrdId(DESK_CL_ORD_ID), ..buy }.into(),
        SubmitOrder { instrument: NO_ROW, ..buy }.into(),
        SubmitOrder { order_qty: lots(0), ..buy }.into(),
        SubmitOrder { price: Price::new(99_000), ..buy }.into(),
        SubmitOrder { order_qty: lots(1_000_000), ..buy }.into(),
        replace(1, 999, 10, 60_000).into(),
        replace(0, 101, 10, 60_000).into(),
        replace(1, DESK_CL_ORD_ID, 10, 60_000).into(),
        cancel(999).into(),
        SubmitParent { order_qty: tiderace_types::Amount::ZERO, parent_id: ParentId(9), ..parent() }.into(),
        SubmitParent { parent_id: ParentId(0), ..parent() }.into(),
        CancelParent { parent_id: ParentId(9), cause_seq: 0 }.into(),
        EnableStrategy { strategy: 1, operator: 0 }.into(),
    ];
    for input in day(&plain) {
        wanted.extend(plain.apply(input.clone()));
        got.extend(pestered.apply(input));
        for bad in &bad {
            let out = pestered.apply(bad.clone());
            assert_eq!(refusals(&out).len(), out.len(), "{bad:?} gave more than a refusal: {out:?}");
            assert_eq!(out.len(), 1, "{bad:?}");
        }
        wanted.extend(plain.pass(10 * SEC));
        got.extend(pestered.pass(10 * SEC));
    }
    assert_eq!(wanted, got);
    assert!(orders(&wanted).len() > 4);
    plain.end();
    pestered.end();
}

fn config_error(json: &Value) -> String {
    DeskConfig::from_json(&json.to_string()).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_genesis_is_refused_by_name() {
    let with = |change: fn(&mut Value)| {
        let mut json = genesis();
        change(&mut json);
        config_error(&json)
    };
    assert!(with(|json| json["rules_version"] = json!(3)).contains("rules version 3 is not in this build"));
    assert!(with(|json| json["instruments"] = json!([])).contains("0 instruments"));
    assert!(with(|json| json["instruments"][1]["id"] = json!(0)).contains("BTCUSDT_PERP: its id, venue"));
    assert!(with(|json| json["instruments"][1]["venue"] = json!(3)).contains("BTCUSDT_PERP: its id, venue"));
    assert!(with(|json| json["instruments"][2]["quote"] = json!(2)).contains("BTCUSD_PERP: its id, venue"));
    assert!(with(|json| json["instruments"][0]["tick_size"] = json!(0)).contains("must be above zero"));
    assert!(with(|json| json["surprise"] = json!(1)).contains("unknown field `surprise`"));
    assert!(with(|json| json["risk"]["collar"] = json!(1.5)).contains("invalid type: floating point"));
    let desk_error = |change: fn(&mut Value)| {
        let mut json = genesis();
        change(&mut json);
        let config = DeskConfig::from_json(&json.to_string()).unwrap();
        tiderace_engine::Desk::new(&config).map(|_| ()).unwrap_err().to_string()
    };
    assert!(desk_error(|json| json["risk"]["collar"] = json!(0)).contains("risk: risk.collar is 0"));
    assert!(desk_error(|json| json["route"]["costs"] = json!([])).contains("route: 0 venue costs for 3"));
}

#[test]
fn the_largest_numbers_are_refused_and_nothing_panics() {
    let mut trial = Trial::live();
    let buy = order(1, SPOT, Side::Buy, i64::MAX);
    let most = tiderace_types::Qty::new(i64::MAX).unwrap();
    assert_eq!(refusals(&trial.apply(buy)).len(), 1);
    assert_eq!(refusals(&trial.apply(SubmitOrder { order_qty: most, ..buy })).len(), 1);
    assert_eq!(refusals(&trial.apply(SubmitOrder { price: Price::new(i64::MIN), ..buy })).len(), 1);
    let huge = SubmitParent { order_qty: tiderace_types::Amount::MAX, ..parent() };
    assert_eq!(refusals(&trial.apply(huge)).len(), 1);
    assert_eq!(refusals(&trial.apply(SubmitParent { duration_ns: i64::MAX, ts_start: Ts::MAX, ..parent() })).len(), 1);
    let least = tiderace_types::Amount::new(i128::MIN);
    assert_eq!(refusals(&trial.apply(SubmitParent { order_qty: least, ..parent() })).len(), 1);
    trial.end();
}

#[test]
fn a_genesis_that_can_not_be_meant_is_refused() {
    let error = |change: &dyn Fn(&mut Value)| {
        let mut genesis = genesis();
        change(&mut genesis);
        let config = DeskConfig::from_json(&genesis.to_string());
        config.and_then(|config| tiderace_engine::Desk::new(&config).map(drop)).unwrap_err().to_string()
    };
    let says = |change: &dyn Fn(&mut Value), text: &str| {
        let error = error(change);
        assert!(error.contains(text), "{error}");
    };
    says(&|g| g["instruments"][0]["min_order_qty"] = (-5).into(), "never below zero");
    says(&|g| g["risk"]["instruments"][0]["max_order_qty"] = (-5).into(), "never below zero");
    says(&|g| g["instruments"][0]["min_notional"] = (-7).into(), "minimum notional must not be below zero");
    says(&|g| g["instruments"][0]["max_order_qty"] = 0.into(), "min_order_qty must not be above max_order_qty");
    says(&|g| g["instruments"][2]["settle"] = 1.into(), "an inverse one in its base asset");
    says(&|g| g["instruments"][1]["base_decimals"] = 2.into(), "counts BTC at 2 decimals, the asset has 8");
    says(&|g| g["assets"][1]["decimals"] = 6.into(), "counts USDT at 8 decimals, the asset has 6");
    says(&|g| g["balances"] = json!([{"venue": 9, "asset": 1, "amount": 1}]), "balances[0] names venue 9");
    says(&|g| g["balances"] = json!([{"venue": 0, "asset": 9, "amount": 1}]), "and asset 9");
    says(&|g| g["oms"]["max_closed"] = u32::MAX.into(), "oms: oms.max_closed is 4294967295");
}
