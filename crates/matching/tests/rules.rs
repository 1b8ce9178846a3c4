//! The rules of continuous matching, one claim a test.

use tiderace_matching::{Command, Event, Matcher, NewOrder, SelfTradePrevention};
use tiderace_types::{OrdType, Price, Qty, Reason, Refusal, Side, TimeInForce, TradeKind};

const OWNER: u32 = 9;

fn px(ticks: i64) -> Price {
    Price::new(ticks)
}

fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

fn limit(id: u64, side: Side, price: i64, lots: i64) -> NewOrder {
    NewOrder::limit(id, side, px(price), qty(lots))
}

/// Applies one command and returns what happened.
fn apply(market: &mut Matcher, command: Command) -> Vec<Event> {
    let mut events = Vec::new();
    market.apply(&command, &mut events);
    events
}

fn enter(market: &mut Matcher, order: NewOrder) -> Vec<Event> {
    apply(market, Command::New(order))
}

fn replace(market: &mut Matcher, order_id: u64, price: i64, lots: i64) -> Vec<Event> {
    apply(market, Command::Replace { order_id, price: px(price), order_qty: qty(lots) })
}

/// A market in which these orders rest.
fn market(orders: &[NewOrder]) -> Matcher {
    let mut market = Matcher::new(0, 0);
    for order in orders {
        assert_eq!(enter(&mut market, *order), [Event::Accepted { order_id: order.order_id }]);
    }
    market
}

/// Each order of a side, best first: id, price, shown, hidden.
fn resting(market: &Matcher, side: Side) -> Vec<(u64, i64, i64, i64)> {
    let book = market.book();
    let orders = book.levels(side).flat_map(|level| book.orders(side, level.price));
    orders.map(|o| (o.order_id, o.price.get(), o.visible_qty.get(), o.hidden_qty.get())).collect()
}

/// Each trade: maker, price, quantity, what the maker has left.
fn trades(events: &[Event]) -> Vec<(u64, i64, i64, i64)> {
    let trade = |event: &Event| match *event {
        Event::Trade { maker, price, qty, maker_leaves_qty, .. } => {
            Some((maker, price.get(), qty.get(), maker_leaves_qty.get()))
        }
        _ => None,
    };
    events.iter().filter_map(trade).collect()
}

fn canceled(order_id: u64, lots: i64, reason: Reason) -> Event {
    Event::Canceled { order_id, qty: qty(lots), reason }
}

fn rejected(order_id: u64, reason: Reason) -> Vec<Event> {
    vec![Event::Rejected { order_id, refusal: Refusal::plain(reason) }]
}

#[test]
fn a_fill_prints_at_the_resting_price_best_first_and_then_in_order_of_time() {
    let asks = [limit(1, Side::Sell, 12, 5), limit(2, Side::Sell, 10, 5), limit(3, Side::Sell, 10, 5)];
    let mut market = market(&asks);
    let events = enter(&mut market, limit(4, Side::Buy, 15, 12));
    assert_eq!(trades(&events), [(2, 10, 5, 0), (3, 10, 5, 0), (1, 12, 2, 3)]);
    let last = Event::Trade {
        maker: 1,
        taker: 4,
        aggressor: Side::Buy,
        price: px(12),
        qty: qty(2),
        maker_leaves_qty: qty(3),
        taker_leaves_qty: qty(0),
        kind: TradeKind::Continuous,
    };
    assert_eq!(events.last(), Some(&last));
    assert_eq!((resting(&market, Side::Sell), resting(&market, Side::Buy)), (vec![(1, 12, 3, 0)], vec![]));
}

#[test]
fn what_a_limit_order_does_not_fill_rests_at_its_limit() {
    let mut market = market(&[limit(1, Side::Buy, -7, 5)]);
    let events = enter(&mut market, limit(2, Side::Sell, -9, 8));
    assert_eq!(trades(&events), [(1, -7, 5, 0)]);
    assert_eq!(resting(&market, Side::Sell), [(2, -9, 3, 0)]);
}

#[test]
fn prices_at_both_ends_of_the_number_line_trade() {
    let mut market = market(&[limit(1, Side::Sell, i64::MAX, 1), limit(2, Side::Buy, i64::MIN, 1)]);
    assert_eq!(trades(&enter(&mut market, limit(3, Side::Buy, i64::MAX, 1))), [(1, i64::MAX, 1, 0)]);
    assert_eq!(trades(&enter(&mut market, NewOrder::market(4, Side::Sell, qty(1)))), [(2, i64::MIN, 1, 0)]);
    assert!(market.book().is_empty());
}

#[test]
fn an_ids_second_order_is_refused_while_the_first_rests_and_welcome_after() {
    let mut market = market(&[limit(u64::MAX, Side::Buy, 10, 5)]);
    let again = limit(u64::MAX, Side::Sell, 11, 5);
    assert_eq!(enter(&mut market, again), rejected(u64::MAX, Reason::DuplicateOrderId));
    let end = apply(&mut market, Command::Cancel { order_id: u64::MAX });
    assert_eq!(end, [canceled(u64::MAX, 5, Reason::CanceledByUser)]);
    assert_eq!(enter(&mut market, again), [Event::Accepted { order_id: u64::MAX }]);
}

#[test]
fn quantities_that_mean_nothing_are_refused() {
    let mut market = market(&[]);
    let order = limit(1, Side::Buy, 10, 5);
    for bad in [
        NewOrder { order_qty: qty(0), ..order },
        NewOrder { min_qty: qty(6), ..order },
        NewOrder { display_qty: Some(qty(0)), ..order },
        NewOrder { display_qty: Some(qty(1)), order_qty: qty(10_001), ..order },
    ] {
        assert_eq!(enter(&mut market, bad), rejected(1, Reason::BadQty));
    }
    assert!(market.book().is_empty());
    enter(&mut market, NewOrder { display_qty: Some(qty(1)), ..order });
    assert_eq!(replace(&mut market, 1, 10, 10_001), rejected(1, Reason::BadQty));
    assert_eq!(resting(&market, Side::Buy), [(1, 10, 1, 4)]);
}

#[test]
fn a_side_holds_no_more_than_a_quantity_counts() {
    let mut market = market(&[limit(1, Side::Buy, 10, i64::MAX - 5)]);
    assert_eq!(enter(&mut market, limit(2, Side::Buy, 3, 6)), rejected(2, Reason::SideFull));
    assert_eq!(enter(&mut market, limit(2, Side::Buy, 3, 5)), [Event::Accepted { order_id: 2 }]);
    assert_eq!(replace(&mut market, 2, 3, 6), rejected(2, Reason::SideFull));
    assert_eq!(resting(&market, Side::Buy), [(1, 10, i64::MAX - 5, 0), (2, 3, 5, 0)]);
    // The other side has its own room, and what cannot rest needs none.
    let all = NewOrder { time_in_force: TimeInForce::Ioc, ..limit(3, Side::Sell, 3, i64::MAX) };
    assert_eq!(trades(&enter(&mut market, all)), [(1, 10, i64::MAX - 5, 0), (2, 3, 5, 0)]);
}

#[test]
fn checks_come_in_the_documented_order() {
    let mut market = market(&[limit(1, Side::Buy, 10, i64::MAX), limit(2, Side::Sell, 12, 1)]);
    let mut order = NewOrder { post_only: true, ..limit(1, Side::Buy, 12, 0) };
    for (reason, mend) in [
        (Reason::BadQty, (|o| o.order_qty = Qty::MAX) as fn(&mut NewOrder)),
        (Reason::DuplicateOrderId, |o| o.order_id = 3),
        (Reason::SideFull, |o| (o.side, o.price) = (Side::Sell, Price::new(10))),
        (Reason::SideFull, |o| o.order_qty = Qty::new(5).unwrap()),
        (Reason::WouldCross, |o| o.price = Price::new(11)),
    ] {
        assert_eq!(enter(&mut market, order), rejected(order.order_id, reason));
        mend(&mut order);
    }
    assert_eq!(enter(&mut market, order), [Event::Accepted { order_id: 3 }]);
}

#[test]
fn what_an_immediate_order_does_not_fill_is_canceled() {
    let mut market = market(&[limit(1, Side::Sell, 10, 5)]);
    let ioc = NewOrder { time_in_force: TimeInForce::Ioc, ..limit(2, Side::Buy, 10, 8) };
    let events = enter(&mut market, ioc);
    assert_eq!(trades(&events), [(1, 10, 5, 0)]);
    assert_eq!(events.last(), Some(&canceled(2, 3, Reason::ImmediateRestCanceled)));
    let events = enter(&mut market, NewOrder::market(3, Side::Buy, qty(2)));
    assert_eq!(events, [Event::Accepted { order_id: 3 }, canceled(3, 2, Reason::NoLiquidity)]);
    assert!(market.book().is_empty());
}

#[test]
fn a_market_order_never_rests_whatever_its_time_in_force() {
    let mut market = market(&[limit(1, Side::Sell, 10, 5), limit(2, Side::Sell, i64::MAX, 5)]);
    let order = NewOrder { time_in_force: TimeInForce::Gtc, ..NewOrder::market(3, Side::Buy, qty(11)) };
    let events = enter(&mut market, order);
    assert_eq!(trades(&events), [(1, 10, 5, 0), (2, i64::MAX, 5, 0)]);
    assert_eq!(events.last(), Some(&canceled(3, 1, Reason::NoLiquidity)));
}

#[test]
fn a_fill_or_kill_order_fills_whole_or_leaves_the_book_as_it_was() {
    let mut market = market(&[limit(1, Side::Sell, 10, 5), limit(2, Side::Sell, 11, 5), limit(3, Side::Sell, 12, 5)]);
    let fok = |id, lots| NewOrder { time_in_force: TimeInForce::Fok, ..limit(id, Side::Buy, 11, lots) };
    let killed = enter(&mut market, fok(4, 11));
    assert_eq!(killed, [Event::Accepted { order_id: 4 }, canceled(4, 11, Reason::FokUnfilled)]);
    assert_eq!(resting(&market, Side::Sell), [(1, 10, 5, 0), (2, 11, 5, 0), (3, 12, 5, 0)]);
    assert_eq!(trades(&enter(&mut market, fok(4, 10))), [(1, 10, 5, 0), (2, 11, 5, 0)]);
    let market_fok = NewOrder { ord_type: OrdType::Market, ..fok(5, 6) };
    assert_eq!(enter(&mut market, market_fok).last(), Some(&canceled(5, 6, Reason::FokUnfilled)));
}

#[test]
fn a_minimum_fills_at_once_or_nothing_does() {
    let mut market = market(&[limit(1, Side::Sell, 10, 5)]);
    let with = |id, min| NewOrder { min_qty: qty(min), ..limit(id, Side::Buy, 10, 8) };
    let killed = enter(&mut market, with(2, 6));
    assert_eq!(killed, [Event::Accepted { order_id: 2 }, canceled(2, 8, Reason::MinQtyUnfilled)]);
    assert_eq!(trades(&enter(&mut market, with(3, 5))), [(1, 10, 5, 0)]);
    assert_eq!(resting(&market, Side::Buy), [(3, 10, 3, 0)]);
}

#[test]
fn a_post_only_order_that_would_trade_is_refused_new_or_by_replace() {
    let mut market = market(&[limit(1, Side::Sell, 10, 5)]);
    let post = |price| NewOrder { post_only: true, ..limit(2, Side::Buy, price, 5) };
    assert_eq!(enter(&mut market, post(10)), rejected(2, Reason::WouldCross));
    assert_eq!(enter(&mut market, post(9)), [Event::Accepted { order_id: 2 }]);
    assert_eq!(replace(&mut market, 2, 10, 5), rejected(2, Reason::WouldCross));
    assert_eq!(resting(&market, Side::Buy), [(2, 9, 5, 0)]);
}

#[test]
fn only_a_smaller_quantity_at_the_same_price_keeps_its_place() {
    let orders = [limit(1, Side::Buy, 10, 5), limit(2, Side::Buy, 10, 5), limit(3, Side::Buy, 10, 5)];
    let replaced = |order_id, price, lots, keeps_priority| {
        vec![Event::Replaced { order_id, price: px(price), leaves_qty: qty(lots), keeps_priority }]
    };
    let mut market = market(&orders);
    assert_eq!(replace(&mut market, 1, 10, 3), replaced(1, 10, 3, true));
    assert_eq!(resting(&market, Side::Buy), [(1, 10, 3, 0), (2, 10, 5, 0), (3, 10, 5, 0)]);
    assert_eq!(replace(&mut market, 1, 10, 4), replaced(1, 10, 4, false));
    assert_eq!(replace(&mut market, 2, 10, 5), replaced(2, 10, 5, false));
    assert_eq!(replace(&mut market, 3, 9, 1), replaced(3, 9, 1, false));
    assert_eq!(resting(&market, Side::Buy), [(1, 10, 4, 0), (2, 10, 5, 0), (3, 9, 1, 0)]);
}

#[test]
fn a_replace_names_the_new_total_filled_part_included() {
    let mut market = market(&[limit(1, Side::Buy, 10, 9)]);
    enter(&mut market, limit(2, Side::Sell, 10, 4));
    replace(&mut market, 1, 10, 8);
    assert_eq!(resting(&market, Side::Buy), [(1, 10, 4, 0)]);
    replace(&mut market, 1, 11, 6);
    assert_eq!(resting(&market, Side::Buy), [(1, 11, 2, 0)]);
    assert_eq!(replace(&mut market, 1, 12, 4), [canceled(1, 2, Reason::CanceledByUser)]);
    assert_eq!(replace(&mut market, 1, 12, 4), rejected(1, Reason::UnknownOrder));
    assert_eq!(apply(&mut market, Command::Cancel { order_id: 1 }), rejected(1, Reason::UnknownOrder));
}

#[test]
fn a_replace_that_crosses_trades_at_once_and_remembers_what_it_filled() {
    let mut market = market(&[limit(1, Side::Sell, 12, 5), limit(2, Side::Buy, 10, 9)]);
    let events = replace(&mut market, 2, 12, 9);
    assert_eq!(trades(&events), [(1, 12, 5, 0)]);
    assert_eq!(resting(&market, Side::Buy), [(2, 12, 4, 0)]);
    assert_eq!(replace(&mut market, 2, 12, 5), [canceled(2, 4, Reason::CanceledByUser)]);
}

#[test]
fn each_slice_of_an_iceberg_is_a_fill_and_joins_the_back() {
    let ice = NewOrder { display_qty: Some(qty(3)), ..limit(1, Side::Sell, 10, 8) };
    let mut market = market(&[ice, limit(2, Side::Sell, 10, 4)]);
    let level = market.book().level(Side::Sell, px(10));
    assert_eq!((level.visible_qty, level.total_qty), (qty(7), qty(12)));
    let events = enter(&mut market, limit(3, Side::Buy, 10, 9));
    assert_eq!(trades(&events), [(1, 10, 3, 5), (2, 10, 4, 0), (1, 10, 2, 3)]);
    assert_eq!(resting(&market, Side::Sell), [(1, 10, 1, 2)]);
    let events = enter(&mut market, limit(4, Side::Buy, 10, 4));
    assert_eq!(trades(&events), [(1, 10, 1, 2), (1, 10, 2, 0)]);
    assert_eq!(resting(&market, Side::Buy), [(4, 10, 1, 0)]);
}

#[test]
fn a_smaller_total_comes_out_of_the_hidden_part_and_a_lost_place_starts_a_fresh_slice() {
    let ice = NewOrder { display_qty: Some(qty(3)), ..limit(1, Side::Sell, 10, 8) };
    let mut market = market(&[ice]);
    enter(&mut market, limit(2, Side::Buy, 10, 1));
    assert_eq!(resting(&market, Side::Sell), [(1, 10, 2, 5)]);
    replace(&mut market, 1, 10, 5);
    assert_eq!(resting(&market, Side::Sell), [(1, 10, 2, 2)]);
    replace(&mut market, 1, 10, 2);
    assert_eq!(resting(&market, Side::Sell), [(1, 10, 1, 0)]);
    replace(&mut market, 1, 11, 9);
    assert_eq!(resting(&market, Side::Sell), [(1, 11, 3, 5)]);
}

/// Own orders of 4 (2 of them shown) at 10 and of 3 at 11, a stranger's 5 behind each.
fn own_and_strangers() -> Matcher {
    let own = |id, price, lots| NewOrder { owner: OWNER, ..limit(id, Side::Sell, price, lots) };
    let ice = NewOrder { display_qty: Some(qty(2)), ..own(1, 10, 4) };
    market(&[ice, limit(2, Side::Sell, 10, 5), own(3, 11, 3), limit(4, Side::Sell, 11, 5)])
}

fn of_owner(mode: SelfTradePrevention, lots: i64) -> NewOrder {
    NewOrder { owner: OWNER, self_trade_prevention: mode, ..limit(9, Side::Buy, 11, lots) }
}

#[test]
fn without_prevention_an_owner_trades_with_itself() {
    let events = enter(&mut own_and_strangers(), of_owner(SelfTradePrevention::None, 7));
    assert_eq!(trades(&events), [(1, 10, 2, 2), (2, 10, 5, 0)]);
}

#[test]
fn cancel_taker_ends_the_incoming_rest() {
    let mut market = own_and_strangers();
    let events = enter(&mut market, of_owner(SelfTradePrevention::CancelTaker, 7));
    assert_eq!(events, [Event::Accepted { order_id: 9 }, canceled(9, 7, Reason::SelfTrade)]);
    assert_eq!(resting(&market, Side::Sell).len(), 4);
}

#[test]
fn cancel_maker_ends_the_resting_orders_whole_and_goes_on() {
    let mut market = own_and_strangers();
    let events = enter(&mut market, of_owner(SelfTradePrevention::CancelMaker, 7));
    assert_eq!(events[1], canceled(1, 4, Reason::SelfTrade));
    assert_eq!(events[3], canceled(3, 3, Reason::SelfTrade));
    assert_eq!(trades(&events), [(2, 10, 5, 0), (4, 11, 2, 3)]);
}

#[test]
fn cancel_both_ends_both() {
    let mut market = own_and_strangers();
    let events = enter(&mut market, of_owner(SelfTradePrevention::CancelBoth, 7));
    let both = [canceled(1, 4, Reason::SelfTrade), canceled(9, 7, Reason::SelfTrade)];
    assert_eq!(events[1..], both);
    assert_eq!(resting(&market, Side::Sell)[0], (2, 10, 5, 0));
}

#[test]
fn decrement_shrinks_both_by_the_smaller_hidden_part_counted() {
    let restated = |order_id, price, lots| {
        let (price, leaves_qty) = (px(price), qty(lots));
        Event::Restated { order_id, price, leaves_qty, reason: Reason::SelfTrade }
    };
    let mut market = own_and_strangers();
    let events = enter(&mut market, of_owner(SelfTradePrevention::Decrement, 7));
    assert_eq!(events[1..3], [canceled(1, 4, Reason::SelfTrade), restated(9, 11, 3)]);
    assert_eq!(trades(&events), [(2, 10, 3, 2)]);
    let mut market = own_and_strangers();
    let events = enter(&mut market, of_owner(SelfTradePrevention::Decrement, 3));
    assert_eq!(events[1..], [restated(1, 10, 1), canceled(9, 3, Reason::SelfTrade)]);
    assert_eq!(resting(&market, Side::Sell)[0], (1, 10, 1, 0));
}

#[test]
fn a_fill_or_kill_order_counts_self_trade_prevention_before_its_first_fill() {
    for (mode, most) in [
        (SelfTradePrevention::None, 17),
        (SelfTradePrevention::CancelTaker, 0),
        (SelfTradePrevention::CancelMaker, 10),
        (SelfTradePrevention::CancelBoth, 0),
        (SelfTradePrevention::Decrement, 0),
    ] {
        for lots in 1..20 {
            let mut market = own_and_strangers();
            let fok = NewOrder { time_in_force: TimeInForce::Fok, ..of_owner(mode, lots) };
            let events = enter(&mut market, fok);
            if lots <= most {
                assert_eq!(trades(&events).iter().map(|trade| trade.2).sum::<i64>(), lots);
            } else {
                assert_eq!(events[1..], [canceled(9, lots, Reason::FokUnfilled)]);
                assert_eq!(resting(&market, Side::Sell), resting(&own_and_strangers(), Side::Sell));
            }
        }
    }
}

#[test]
fn a_resting_order_takes_its_prevention_along_when_a_replace_makes_it_cross() {
    let mut market = own_and_strangers();
    let bid = NewOrder { price: px(9), ..of_owner(SelfTradePrevention::CancelTaker, 7) };
    enter(&mut market, bid);
    assert_eq!(replace(&mut market, 9, 10, 7)[1..], [canceled(9, 7, Reason::SelfTrade)]);
}
