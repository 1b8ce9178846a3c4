//! What the venue keeps for its accounts: money, corrections, overrides, protections, numbers of market data.

mod venue_world;

use tiderace_engine::venue::{House, LedgerAccount, MarketDatum, OrderToTrade, Throttle, Venue};
use tiderace_types::venue::{
    AdjustTrade, ApproveOverride, BustTrade, Cancel, ConnectionSet, Event, KillSet, MarkSet, MassQuote, NewOrder,
    ProposeOverride, QuoteEntry, Replace, Report,
};
use tiderace_types::{
    AccountId, Amount, AssetId, ClOrdId, ExecId, ExecType, InstrumentId, KillScope, OrdType, Price, Qty, Reason, Side,
    TimeInForce, Ts,
};
use venue_world::{ALICE, BOB, BTC, CAROL, USDC, apply, config, order, qty};

const ACCOUNTS: [AccountId; 3] = [ALICE, BOB, CAROL];

fn venue() -> Venue {
    Venue::new(config()).unwrap()
}

fn refusals(events: &[Event]) -> Vec<Reason> {
    let reason = |event: &Event| match event {
        Event::Report(report) if report.exec_type == ExecType::Rejected => Some(report.reason),
        Event::CommandRefused(refused) => Some(refused.reason),
        _ => None,
    };
    events.iter().filter_map(reason).collect()
}

fn reports(events: &[Event], exec_type: ExecType) -> Vec<Report> {
    let report = |event: &Event| match event {
        Event::Report(report) if report.exec_type == exec_type => Some(*report),
        _ => None,
    };
    events.iter().filter_map(report).collect()
}

/// What the outside has brought, and whether the books balance.
fn sum(venue: &Venue, asset: AssetId) -> i128 {
    assert!(venue.clearing().is_balanced());
    -venue.clearing().total(LedgerAccount::House(House::Custody), asset).get()
}

fn trade(venue: &mut Venue, at: InstrumentId, ids: u64, seller: AccountId, buyer: AccountId, price: i64, lots: i64) {
    apply(venue, NewOrder { instrument: at, ..order(seller, ids, Side::Sell, price, lots) });
    let taker = order(buyer, ids + 1, Side::Buy, price, lots);
    apply(venue, NewOrder { instrument: at, time_in_force: TimeInForce::Ioc, ..taker });
}

#[test]
fn no_asset_is_made_or_lost_by_trades_fees_busts_and_adjustments() {
    let mut venue = venue();
    let before = [USDC, BTC].map(|asset| sum(&venue, asset));
    let mut ids = 1;
    for round in 0..60i64 {
        for at in [0, 1, 2, 3].map(InstrumentId) {
            let (seller, buyer) = if round % 3 == 0 { (ALICE, BOB) } else { (BOB, CAROL) };
            let (seller, buyer) = if round % 2 == 0 { (seller, buyer) } else { (buyer, seller) };
            trade(&mut venue, at, ids, seller, buyer, 97 + round % 7, 2 + round % 5);
            ids += 2;
        }
        let trade_id = ExecId(u64::try_from(round).unwrap() * 3 + 1);
        if round % 2 == 0 {
            apply(&mut venue, AdjustTrade { trade_id, price: Price::new(95 + round % 11), operator: 1 });
        } else {
            apply(&mut venue, BustTrade { trade_id, operator: 1 });
        }
        assert_eq!([USDC, BTC].map(|asset| sum(&venue, asset)), before);
        for at in [0, 1, 2, 3].map(InstrumentId) {
            assert_eq!(ACCOUNTS.iter().map(|account| venue.position(*account, at).qty).sum::<i64>(), 0);
        }
    }
}

#[test]
fn a_busted_trade_leaves_balances_and_positions_as_they_were() {
    let mut venue = venue();
    for at in [0, 1, 2, 3].map(InstrumentId) {
        let first = u64::from(at.0) * 100 + 1;
        apply(&mut venue, MarkSet { instrument: at, price: Price::new(100) });
        trade(&mut venue, at, first, ALICE, BOB, 100, 10);
        let state = |venue: &Venue| {
            ACCOUNTS.map(|account| {
                (venue.position(account, at), [USDC, BTC].map(|asset| venue.balance(account, asset).total))
            })
        };
        let before = state(&venue);
        // Bob turns from 10 long to 4 short: what it closed made a profit.
        trade(&mut venue, at, first + 10, BOB, CAROL, 110, 14);
        assert_ne!(state(&venue), before);
        let trade_id = ExecId(u64::from(at.0) * 2 + 2);
        let events = apply(&mut venue, BustTrade { trade_id, operator: 3 });
        let Event::TradeCorrected(corrected) = events[0] else { panic!("{events:?}") };
        assert_eq!((corrected.qty, corrected.operator), (Qty::ZERO, 3));
        assert_eq!(state(&venue), before);
        assert_eq!(refusals(&apply(&mut venue, BustTrade { trade_id, operator: 3 })), [Reason::UnknownTrade]);
    }
}

#[test]
fn profit_of_an_inverse_contract_is_paid_in_its_base() {
    let (mut venue, at) = (venue(), InstrumentId(1));
    let fees = config().instruments[1].fees;
    assert_eq!(fees.taker.get(), 500_000);
    trade(&mut venue, at, 1, ALICE, BOB, 50, 100);
    let before = venue.balance(BOB, BTC).total.get();
    trade(&mut venue, at, 3, BOB, CAROL, 80, 100);
    // 100 x (1/50 - 1/80) = 0.75 BTC, and the maker's rebate of a ten-thousandth of 100/80.
    assert_eq!(venue.position(BOB, at).realized.get(), 75_000_000);
    assert_eq!(venue.balance(BOB, BTC).total.get() - before, 75_000_000 + 12_500);
    assert_eq!((venue.position(BOB, at).qty, venue.position(BOB, at).cost.get()), (0, 0));
}

#[test]
fn a_limit_is_lifted_by_two_persons_until_its_time() {
    let mut config = config();
    config.accounts[0].limits.max_open_orders = Some(1);
    let mut venue = Venue::new(config).unwrap();
    apply(&mut venue, order(ALICE, 1, Side::Buy, 10, 1));
    let second = order(ALICE, 2, Side::Buy, 10, 1);
    assert_eq!(refusals(&apply(&mut venue, second)), [Reason::OpenOrdersLimit]);
    let expire_time = venue.now().plus_ns(100);
    let value = Amount::new(2);
    let propose = ProposeOverride { override_id: 1, account: ALICE, limit: 4, value, expire_time, operator: 1 };
    assert_eq!(apply(&mut venue, propose), []);
    assert_eq!(refusals(&apply(&mut venue, second)), [Reason::OpenOrdersLimit]);
    let events = apply(&mut venue, ApproveOverride { override_id: 1, operator: 2 });
    assert!(matches!(events[0], Event::LimitChanged(changed) if changed.value == value));
    assert_eq!(refusals(&apply(&mut venue, second)), []);
    let mut events = Vec::new();
    venue.apply(expire_time, &Cancel { account: ALICE, orig_cl_ord_id: ClOrdId(2) }.into(), &mut events);
    assert!(matches!(events[0], Event::LimitChanged(changed) if changed.value == Amount::new(1)));
    assert_eq!(refusals(&apply(&mut venue, order(ALICE, 3, Side::Buy, 10, 1))), [Reason::OpenOrdersLimit]);
}

#[test]
fn limits_of_an_account_hold_and_cancels_are_never_held_back() {
    let mut config = config();
    let limits = &mut config.accounts[0].limits;
    limits.throttle = Some(Throttle { messages: 3, window_ns: 1_000 });
    limits.position_limit = Some(Amount::new(10_000_000_000_000));
    let of_bob = &mut config.accounts[1].limits;
    of_bob.order_to_trade = Some(OrderToTrade { orders_per_trade: 1, free_orders: 2, window_ns: 1_000 });
    let mut venue = Venue::new(config).unwrap();
    assert_eq!(refusals(&apply(&mut venue, order(ALICE, 1, Side::Buy, 10, 8))), []);
    assert_eq!(refusals(&apply(&mut venue, order(ALICE, 2, Side::Buy, 10, 3))), [Reason::PositionLimit]);
    assert_eq!(refusals(&apply(&mut venue, order(ALICE, 2, Side::Buy, 10, 2))), []);
    assert_eq!(refusals(&apply(&mut venue, order(ALICE, 3, Side::Sell, 90, 1))), []);
    assert_eq!(refusals(&apply(&mut venue, order(ALICE, 4, Side::Sell, 90, 1))), [Reason::Throttled]);
    for id in 1..=3 {
        assert_eq!(refusals(&apply(&mut venue, Cancel { account: ALICE, orig_cl_ord_id: ClOrdId(id) })), []);
    }
    for (id, wanted) in [(1, vec![]), (2, vec![]), (3, vec![Reason::OrderToTrade])] {
        assert_eq!(refusals(&apply(&mut venue, order(BOB, id, Side::Buy, 10, 1))), wanted);
    }
}

#[test]
fn a_quote_id_is_used_once_and_a_new_quote_takes_the_old_away() {
    let mut venue = venue();
    let entry = QuoteEntry {
        instrument: InstrumentId(0),
        bid_px: Price::new(90),
        bid_qty: qty(3),
        ask_px: Price::new(110),
        ask_qty: qty(3),
    };
    let quote = MassQuote { account: ALICE, quote_id: ClOrdId(5), mmp_group: 0, entries: vec![entry] };
    assert_eq!(reports(&apply(&mut venue, quote.clone()), ExecType::New).len(), 2);
    assert!(venue.quote(ALICE, ClOrdId(5), 0, Side::Sell).is_some_and(|quote| quote.is_working));
    assert_eq!(refusals(&apply(&mut venue, quote.clone())), [Reason::DuplicateClOrdId]);
    let events = apply(&mut venue, MassQuote { quote_id: ClOrdId(6), ..quote });
    let canceled = reports(&events, ExecType::Canceled);
    assert_eq!(canceled.iter().map(|report| report.reason).collect::<Vec<_>>(), [Reason::QuoteReplaced; 2]);
    assert_eq!(venue.open_orders(ALICE), 2);
    // A sell of 12 takes what the limit of 10 allows and more: the rest of the group goes, and stays away.
    apply(&mut venue, NewOrder { mmp_group: 0, ..order(ALICE, 7, Side::Buy, 90, 9) });
    let events = apply(&mut venue, order(BOB, 8, Side::Sell, 90, 12));
    assert!(events.iter().any(|event| matches!(event, Event::MmpChanged(changed) if changed.is_frozen)));
    let pulled = reports(&events, ExecType::Canceled);
    assert!(pulled.iter().any(|report| report.account == ALICE && report.reason == Reason::MmpTriggered));
    assert_eq!(venue.open_orders(ALICE), 0);
    let again = NewOrder { mmp_group: 0, ..order(ALICE, 9, Side::Buy, 90, 1) };
    assert_eq!(refusals(&apply(&mut venue, again)), [Reason::MmpFrozen]);
}

#[test]
fn a_replaced_id_names_nothing_and_is_never_taken_again() {
    let mut venue = venue();
    apply(&mut venue, order(ALICE, 1, Side::Buy, 90, 5));
    let change = Replace {
        account: ALICE,
        orig_cl_ord_id: ClOrdId(1),
        cl_ord_id: ClOrdId(2),
        fields: Replace::ORDER_QTY,
        price: Price::ZERO,
        order_qty: qty(4),
        stop_px: Price::ZERO,
        display_qty: Qty::ZERO,
        time_in_force: TimeInForce::Gtc,
        expire_time: Ts::ZERO,
    };
    assert_eq!(reports(&apply(&mut venue, change), ExecType::Replaced).len(), 1);
    assert_eq!(venue.order(ALICE, ClOrdId(1)), None);
    assert_eq!(venue.order(ALICE, ClOrdId(2)).unwrap().leaves_qty, qty(4));
    let cancel = |id| Cancel { account: ALICE, orig_cl_ord_id: ClOrdId(id) };
    assert_eq!(refusals(&apply(&mut venue, cancel(1))), [Reason::UnknownOrder]);
    assert_eq!(refusals(&apply(&mut venue, cancel(2))), []);
    for id in [1, 2] {
        let again = order(ALICE, id, Side::Buy, 90, 5);
        assert_eq!(refusals(&apply(&mut venue, again)), [Reason::DuplicateClOrdId]);
    }
}

#[test]
fn market_data_is_numbered_without_a_gap() {
    let mut venue = venue();
    venue.enable_market_data();
    let mut data: Vec<MarketDatum> = Vec::new();
    for id in 1..100 {
        let (side, price) = if id % 2 == 0 { (Side::Buy, 101) } else { (Side::Sell, 100) };
        apply(&mut venue, order(ALICE, id, side, price, 1 + i64::try_from(id % 4).unwrap()));
        venue.drain_market_data(&mut data);
    }
    assert!(data.len() > 99);
    for (datum, wanted) in data.iter().zip(1..) {
        assert_eq!((datum.instrument, datum.rpt_seq), (InstrumentId(0), wanted));
    }
    assert_eq!(venue.rpt_seq(InstrumentId(0)), u64::try_from(data.len()).unwrap());
}

#[test]
fn a_kill_of_the_venue_cancels_oldest_first_and_refuses() {
    let mut venue = venue();
    for id in 1..=300u64 {
        let account = ACCOUNTS[usize::try_from(id % 3).unwrap()];
        apply(&mut venue, NewOrder { strategy: 9, ..order(account, id, Side::Buy, 90, 1) });
    }
    let kill = KillSet { scope: KillScope::Strategy, id: 9, is_on: true, reduce_only: false };
    let canceled = reports(&apply(&mut venue, kill), ExecType::Canceled);
    assert!(canceled.iter().map(|report| report.cl_ord_id.0).eq(1..=300));
    assert!(canceled.iter().all(|report| report.reason == Reason::CanceledByKill));
    let late = NewOrder { strategy: 9, ..order(ALICE, 900, Side::Buy, 90, 1) };
    assert_eq!(refusals(&apply(&mut venue, late)), [Reason::Killed]);
}

#[test]
fn a_chain_of_children_is_as_long_as_it_likes() {
    const LINKS: u64 = 50_000;
    let mut venue = venue();
    for id in 1..=LINKS {
        apply(&mut venue, NewOrder { oto: ClOrdId(id - 1), ..order(ALICE, id, Side::Buy, 90, 1) });
    }
    let events = apply(&mut venue, Cancel { account: ALICE, orig_cl_ord_id: ClOrdId(1) });
    let gone: Vec<_> = reports(&events, ExecType::Canceled).iter().map(|report| report.cl_ord_id.0).collect();
    assert!(gone.into_iter().eq(1..=LINKS));
    assert_eq!(venue.open_orders(ALICE), 0);
}

#[test]
fn a_bust_that_leaves_nothing_to_reduce_cancels_what_would_reduce() {
    let mut venue = venue();
    trade(&mut venue, InstrumentId(0), 1, ALICE, BOB, 100, 10);
    let close = NewOrder { reduce_only: true, ..order(BOB, 50, Side::Sell, 120, 10) };
    assert_eq!(refusals(&apply(&mut venue, close)), []);
    let events = apply(&mut venue, BustTrade { trade_id: ExecId(1), operator: 3 });
    let gone = reports(&events, ExecType::Canceled);
    assert_eq!(
        gone.iter().map(|report| (report.account, report.reason)).collect::<Vec<_>>(),
        [(BOB, Reason::NotReducing)]
    );
    assert_eq!(venue.open_orders(BOB), 0);
}

#[test]
fn a_kill_of_no_strategy_is_refused_and_takes_nothing() {
    let mut venue = venue();
    apply(&mut venue, order(ALICE, 1, Side::Buy, 90, 1));
    let kill = KillSet { scope: KillScope::Strategy, id: 0, is_on: true, reduce_only: false };
    assert_eq!(refusals(&apply(&mut venue, kill)), [Reason::BadField]);
    assert_eq!(refusals(&apply(&mut venue, order(ALICE, 2, Side::Buy, 90, 1))), []);
    assert_eq!(venue.open_orders(ALICE), 2);
}

#[test]
fn a_dead_man_fires_at_its_time_before_the_command_that_carries_it_on() {
    let mut config = config();
    config.accounts[0].dead_man_ns = Some(50);
    let mut venue = Venue::new(config).unwrap();
    apply(&mut venue, order(ALICE, 1, Side::Buy, 90, 5));
    assert_eq!(apply(&mut venue, ConnectionSet { account: ALICE, is_up: false }), []);
    let due = venue.now().plus_ns(50);
    assert_eq!(venue.next_timer(), Some(due));
    let mut events = Vec::new();
    venue.apply(due, &order(BOB, 1, Side::Sell, 90, 5).into(), &mut events);
    assert_eq!(reports(&events, ExecType::Canceled)[0].reason, Reason::ConnectionLost);
    assert_eq!(reports(&events, ExecType::Trade), []);
    // What is left is the daily settlement.
    assert_eq!(venue.next_timer(), Some(Ts::new(8 * 3_600_000_000_000)));
}

#[test]
fn a_peg_without_a_reference_is_suspended_and_still_a_live_order() {
    let mut venue = venue();
    let peg = NewOrder { ord_type: OrdType::Pegged, ..order(ALICE, 1, Side::Buy, 0, 5) };
    let events = apply(&mut venue, peg);
    assert_eq!(reports(&events, ExecType::Suspended)[0].reason, Reason::NoReferencePrice);
    assert!(venue.order(ALICE, ClOrdId(1)).is_some_and(|order| !order.is_working));
    apply(&mut venue, order(BOB, 1, Side::Buy, 88, 1));
    let state = venue.order(ALICE, ClOrdId(1)).unwrap();
    assert_eq!((state.is_working, state.price), (true, Price::new(88)));
}

#[test]
fn a_bust_that_leaves_nothing_to_reduce_leaves_a_waiting_child() {
    let mut venue = venue();
    trade(&mut venue, InstrumentId(0), 1, ALICE, BOB, 100, 4);
    let parent = order(BOB, 10, Side::Buy, 50, 4);
    apply(&mut venue, parent);
    let exit = NewOrder { reduce_only: true, ..order(BOB, 11, Side::Sell, 120, 4) };
    apply(&mut venue, exit);
    let child = NewOrder { cl_ord_id: ClOrdId(12), oto: ClOrdId(10), ..exit };
    assert_eq!(refusals(&apply(&mut venue, child)), []);
    let canceled = reports(&apply(&mut venue, BustTrade { trade_id: ExecId(1), operator: 1 }), ExecType::Canceled);
    let canceled: Vec<_> = canceled.iter().map(|report| (report.cl_ord_id, report.reason)).collect();
    assert_eq!(canceled, [(ClOrdId(11), Reason::NotReducing)]);
    let mut bytes = Vec::new();
    venue.encode(&mut bytes);
    let mut restored = Venue::decode(config(), &bytes).unwrap();
    for venue in [&mut venue, &mut restored] {
        apply(venue, order(ALICE, 20, Side::Sell, 50, 4));
        assert!(venue.order(BOB, ClOrdId(12)).unwrap().is_working);
    }
    assert_eq!(restored.digest(), venue.digest());
}
