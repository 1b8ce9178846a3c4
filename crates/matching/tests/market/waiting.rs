//! Orders that wait beside the book, and orders that may only reduce.

use tiderace_matching::Event;
use tiderace_matching::market::{Change, Fill, Host, NewOrder, Owner, Place};
use tiderace_types::{OrdType, PegTo, PostOnly, Qty, Reason, Side, TradingState, Trigger};

use super::{Story, buy, canceled, px, qty, sell, trades};

#[test]
fn an_order_without_the_fields_of_its_type_is_refused() {
    let mut story = Story::new();
    assert_eq!(story.refused(buy(1, 0, 1)), Reason::BadPrice);
    assert_eq!(story.refused(buy(1, 1, 0)), Reason::BadQty);
    assert_eq!(story.refused(NewOrder { ord_type: OrdType::Stop, ..buy(1, 0, 1) }), Reason::BadTrigger);
    assert_eq!(story.refused(NewOrder { ord_type: OrdType::TrailingStop, ..buy(1, 0, 1) }), Reason::BadTrigger);
    assert_eq!(story.refused(NewOrder { stop_px: px(5), ..buy(1, 10, 1) }), Reason::BadTrigger);
    story.enter(buy(1, 1, 1));
    assert_eq!(story.refused(buy(1, 1, 1)), Reason::DuplicateOrderId);
}

/// A print far below wakes three stops at once: the nearest to the print before goes first, then the elder.
#[test]
fn stops_of_one_print_enter_nearest_first_then_elder_first() {
    let mut story = Story::new();
    story.enter(sell(1, 100, 1));
    story.enter(buy(2, 100, 1));
    let stop = |id, level| NewOrder { ord_type: OrdType::Stop, stop_px: px(level), ..sell(id, 0, 1) };
    for (id, level) in [(3, 90), (4, 95), (5, 90)] {
        story.enter(stop(id, level));
    }
    story.enter(buy(6, 80, 9));
    let events = story.enter(sell(7, 80, 1));
    let woken = events.iter().filter_map(|event| match event {
        Event::Triggered { order_id } => Some(*order_id),
        _ => None,
    });
    assert_eq!(woken.collect::<Vec<_>>(), [4, 3, 5]);
    assert_eq!(trades(&events), [(80, 1); 4]);
}

#[test]
fn a_stop_keeps_room_for_its_minimum() {
    let mut story = Story::new();
    let stop = NewOrder { ord_type: OrdType::StopLimit, stop_px: px(20), min_qty: qty(5), ..buy(1, 21, 9) };
    story.enter(stop);
    let events = story.replace(1, Change { order_qty: Some(qty(4)), ..Change::default() });
    assert!(matches!(events[..], [Event::Rejected { refusal, .. }] if refusal.reason == Reason::BadQty));
    assert_eq!(story.replace(1, Change { order_qty: Some(qty(5)), ..Change::default() }).len(), 1);
}

#[test]
fn a_stop_that_an_auction_overtakes_waits_for_its_end() {
    use tiderace_types::TradingState::{Continuous, Halted, VolatilityAuction};
    for state in [VolatilityAuction, Halted] {
        let mut story = Story::new();
        story.enter(buy(1, 90, 1));
        let stop = NewOrder { ord_type: OrdType::Stop, trigger: Trigger::Mark, stop_px: px(95), ..sell(2, 0, 1) };
        story.market.enter(story.now, &stop, &mut (), &mut Vec::new());
        story.market.set_mark(story.now, px(94));
        assert_eq!(story.state(state).len(), 1);
        assert_eq!(story.market.order(2).unwrap().place, Place::Stop);
        assert_eq!(trades(&story.state(Continuous)), [(90, 1)]);
    }
}

/// Stops that the mark and the index passed in an auction enter after the uncross: the uncross print's first, then the
/// mark's in the order in which it came by them, then the index's. A mark that came back wakes none.
#[test]
fn stops_that_mark_and_index_passed_in_an_auction_wake_after_the_uncross() {
    use tiderace_types::TradingState::{Continuous, Halted, VolatilityAuction};
    let stop = |id, trigger, level| NewOrder { ord_type: OrdType::Stop, trigger, stop_px: px(level), ..sell(id, 0, 1) };
    let woken = |events: &[Event]| -> Vec<u64> {
        let woken = events.iter().filter_map(|event| match event {
            Event::Triggered { order_id } => Some(*order_id),
            _ => None,
        });
        woken.collect()
    };
    let story = || {
        let mut story = Story::new();
        story.mark(100);
        story.then(|market, now, _| market.set_index(now, px(100)));
        for (id, trigger, level) in
            [(1, Trigger::Index, 96), (2, Trigger::Mark, 90), (3, Trigger::Mark, 95), (4, Trigger::Last, 94)]
        {
            story.enter(stop(id, trigger, level));
        }
        story.enter(NewOrder { order_id: 5, ..buy(5, 50, 9) });
        story.state(VolatilityAuction);
        story
    };
    let mut crossed = story();
    crossed.enter(buy(6, 94, 1));
    crossed.enter(sell(7, 94, 1));
    crossed.mark(90);
    crossed.then(|market, now, _| market.set_index(now, px(96)));
    let events = crossed.state(Continuous);
    assert_eq!(woken(&events), [4, 3, 2, 1]);
    assert_eq!(trades(&events), [(94, 1), (50, 1), (50, 1), (50, 1), (50, 1)]);

    let mut back = story();
    back.mark(90);
    back.mark(100);
    assert_eq!(woken(&back.state(Continuous)), [0; 0]);

    let mut halted = story();
    halted.mark(95);
    assert_eq!(woken(&halted.state(Halted)), [0; 0]);
    assert_eq!(woken(&halted.state(Continuous)), [3, 4]);
}

/// A trailing level starts again from the mark as it is after the auction.
#[test]
fn a_trailing_stop_on_the_mark_follows_it_again_after_an_auction() {
    use tiderace_types::TradingState::{Continuous, OpeningAuction};
    let mut story = Story::new();
    story.mark(100);
    let trail =
        NewOrder { ord_type: OrdType::TrailingStop, trigger: Trigger::Mark, trailing_offset: px(5), ..sell(1, 0, 1) };
    story.enter(trail);
    story.state(OpeningAuction);
    story.mark(120);
    assert_eq!(story.market.order(1).unwrap().stop_px, px(95));
    story.state(Continuous);
    assert_eq!(story.market.order(1).unwrap().stop_px, px(115));
    story.enter(buy(2, 50, 1));
    story.state(OpeningAuction);
    story.mark(115);
    assert_eq!(trades(&story.state(Continuous)), [(50, 1)]);
}

#[test]
fn a_peg_moves_with_its_reference_and_a_post_only_one_stays_behind_the_touch() {
    let mut story = Story::new();
    let peg = NewOrder { ord_type: OrdType::Pegged, peg_to: PegTo::Mark, peg_offset: px(-1), ..buy(1, 0, 1) };
    let accepted = Event::Accepted { order_id: 1 };
    assert_eq!(story.enter(peg), [accepted, Event::Suspended { order_id: 1 }]);
    let restated =
        |price| Event::Restated { order_id: 1, price: px(price), leaves_qty: qty(1), reason: Reason::ReferenceMoved };
    assert_eq!(story.mark(100), [restated(99)]);
    assert_eq!(story.mark(100), []);
    story.enter(sell(2, 110, 1));
    assert_eq!(trades(&story.mark(120)), [(110, 1)]);

    let mut story = Story::new();
    story.mark(100);
    story.enter(NewOrder { post_only: PostOnly::Reject, ..peg });
    story.enter(sell(2, 110, 1));
    assert_eq!(story.mark(120), [restated(109)]);
}

#[test]
fn a_post_only_order_is_repriced_behind_the_touch_or_refused_where_no_price_is_left() {
    let mut story = Story::new();
    story.enter(sell(1, 10, 1));
    story.enter(NewOrder { post_only: PostOnly::Reprice, ..buy(2, 15, 1) });
    assert_eq!(story.market.order(2).unwrap().price, px(9));
    assert_eq!(story.refused(NewOrder { post_only: PostOnly::Reject, ..buy(3, 10, 1) }), Reason::WouldCross);
    let mut story = Story::new();
    story.enter(sell(1, 1, 1));
    assert_eq!(story.refused(NewOrder { post_only: PostOnly::Reprice, ..buy(2, 15, 1) }), Reason::WouldCross);
}

/// A host for which account 1 may still buy so many lots, and that drops order 9 at the first fill.
struct Reducing(i64);

impl Host for Reducing {
    fn cap(&mut self, _: u64, owner: Owner, _: Side, lots: Qty) -> Qty {
        if owner.account == 1 { lots.min(qty(self.0)) } else { lots }
    }
    fn filled(&mut self, fill: &Fill, gone: &mut Vec<(u64, Reason)>) {
        self.0 -= fill.qty.get();
        gone.push((9, Reason::LinkedOrder));
        gone.push((77, Reason::LinkedOrder));
    }
}

#[test]
fn a_reduce_only_order_trades_down_to_flat_and_its_rest_is_canceled() {
    let mut story = Story::new();
    story.enter(sell(1, 10, 3));
    story.enter(sell(2, 11, 3));
    story.enter(sell(9, 12, 3));
    let order = NewOrder { reduce_only: true, ..buy(10, 20, 9) };
    let events = story.then(|market, now, events| market.enter(now, &order, &mut Reducing(4), events));
    assert_eq!(trades(&events), [(10, 3), (11, 1)]);
    assert_eq!(events[2], canceled(9, 3, Reason::LinkedOrder));
    assert_eq!(events.last(), Some(&canceled(10, 5, Reason::NotReducing)));
    let fok = NewOrder { time_in_force: tiderace_types::TimeInForce::Fok, ..order };
    let events = story.then(|market, now, events| market.enter(now, &fok, &mut Reducing(4), events));
    assert_eq!(events[1..], [canceled(10, 9, Reason::FokUnfilled)]);
    let events = story.then(|market, now, events| market.enter(now, &order, &mut Reducing(0), events));
    assert!(matches!(events[..], [Event::Rejected { refusal, .. }] if refusal.reason == Reason::NotReducing));
}

#[test]
fn self_trade_prevention_covers_a_group_of_accounts() {
    use tiderace_types::SelfTradePrevention::CancelTaker;
    let of_group = |account| Owner { account, group: 1_000 };
    for (group, expected) in [(of_group(2), 0), (Owner::of(2), 1)] {
        let mut story = Story::new();
        story.enter(NewOrder { owner: group, ..sell(1, 10, 1) });
        let taker = NewOrder { owner: of_group(1), self_trade_prevention: CancelTaker, ..buy(2, 10, 1) };
        assert_eq!(trades(&story.enter(taker)).len(), expected);
    }
}

/// The layout of snapshots: version, what is beside the book, the book. Other bytes need another version.
#[test]
fn the_bytes_of_a_market_are_golden() {
    let mut story = Story::new();
    story.enter(NewOrder { display_qty: qty(2), ..buy(1, 10, 5) });
    story.enter(NewOrder { ord_type: OrdType::Stop, stop_px: px(20), price: px(0), ..buy(2, 0, 4) });
    let mut bytes = Vec::new();
    story.market.encode(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let golden = [
        "0100000000000000000000000000000000000054000000000000000000000000000000000000000000000000070000000000",
        "00005400020000000000000000000001000000000000000200000000000000010000000100000031333130004e3235040000",
        "0000000000000000000000000014000000000000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000010000000000000001000000000000000a00000000000000020000000000",
        "000003000000000000000200000000000000000000000000000001000000314e3100",
    ];
    assert_eq!(hex, golden.concat());
}

#[test]
fn a_stop_that_two_replaces_fired_in_an_auction_enters_once() {
    let mut story = Story::in_state(TradingState::ClosingAuction);
    story.mark(100);
    let stop = NewOrder { ord_type: OrdType::StopLimit, trigger: Trigger::Mark, stop_px: px(90), ..sell(1, 80, 1) };
    story.enter(stop);
    for stop_px in [105, 106] {
        story.replace(1, Change { stop_px: Some(px(stop_px)), ..Change::default() });
    }
    story.enter(NewOrder { order_id: 2, stop_px: px(107), ..stop });
    let triggered = |event: &Event| matches!(event, Event::Triggered { .. });
    assert_eq!(story.state(TradingState::Continuous).iter().filter(|event| triggered(event)).count(), 2);
}
