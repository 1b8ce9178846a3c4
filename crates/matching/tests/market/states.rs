//! States, auctions, time and the limits of prices.

use tiderace_matching::Event;
use tiderace_matching::market::{
    BandRule, Change, CircuitBreaker, MarketConfig, NewOrder, PriceBand, RandomEnd, Scheduled,
};
use tiderace_types::{
    OrdType, PegTo, PostOnly, Price, Qty, Reason, SelfTradePrevention, Side, TimeInForce, TradingState,
};

use super::{Story, at, buy, canceled, only_refusal, percent, px, qty, sell, trades};

const AUCTION: TradingState = TradingState::OpeningAuction;

#[test]
fn states_that_are_not_open_refuse_new_orders_and_replaces_and_let_cancels_through() {
    for (state, reason) in [
        (TradingState::Halted, Reason::Halted),
        (TradingState::Closed, Reason::Closed),
        (TradingState::CancelOnly, Reason::CancelOnlyState),
    ] {
        let mut story = Story::new();
        story.enter(buy(1, 10, 5));
        story.state(state);
        assert_eq!(story.refused(buy(2, 10, 5)), reason);
        let smaller = Change { order_qty: Some(qty(1)), ..Change::default() };
        assert_eq!(only_refusal(&story.replace(1, smaller)).reason, reason);
        let ended = story.then(|market, _, events| assert!(market.cancel(1, Reason::CanceledByUser, &mut (), events)));
        assert_eq!(ended, [canceled(1, 5, Reason::CanceledByUser)]);
    }
}

#[test]
fn the_post_only_state_admits_what_does_not_cross() {
    let mut story = Story::new();
    story.enter(sell(1, 12, 5));
    story.state(TradingState::PostOnly);
    assert_eq!(story.refused(buy(2, 12, 1)), Reason::PostOnlyState);
    assert_eq!(story.enter(buy(2, 11, 1)), [Event::Accepted { order_id: 2 }]);
    let dearer = Change { price: Some(px(12)), ..Change::default() };
    assert_eq!(only_refusal(&story.replace(2, dearer)).reason, Reason::PostOnlyState);
}

#[test]
fn what_an_auction_does_not_take_is_refused_and_what_only_an_auction_takes_too() {
    let mut story = Story::in_state(AUCTION);
    for time_in_force in [TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gfn] {
        assert_eq!(story.refused(NewOrder { time_in_force, ..buy(1, 10, 1) }), Reason::NotInAuction);
    }
    assert_eq!(story.refused(NewOrder { ord_type: OrdType::Market, ..buy(1, 0, 1) }), Reason::NotInAuction);
    assert_eq!(story.refused(NewOrder { post_only: PostOnly::Reprice, ..buy(1, 10, 1) }), Reason::NotInAuction);
    let for_auction = NewOrder { time_in_force: TimeInForce::Gfa, ..buy(1, 10, 1) };
    assert_eq!(Story::new().refused(for_auction), Reason::AuctionOnly);
}

/// Orders of one owner meet at one price, whole and in price-time order; the iceberg shows a fresh slice; the auction's
/// own orders leave.
#[test]
fn an_uncross_trades_whole_orders_at_one_price() {
    let mut story = Story::in_state(AUCTION);
    let stp = SelfTradePrevention::CancelBoth;
    let ice = NewOrder { display_qty: qty(3), self_trade_prevention: stp, ..buy(1, 12, 10) };
    story.enter(ice);
    story.enter(NewOrder { time_in_force: TimeInForce::Gfa, ..buy(2, 12, 4) });
    let indicated = story.enter(sell(3, 10, 8));
    let (price, surplus) = (px(12), qty(6));
    let indication = Event::Indication { price, qty: qty(8), surplus, surplus_side: Side::Buy };
    assert_eq!(indicated, [Event::Accepted { order_id: 3 }, indication]);
    let events = story.state(TradingState::Continuous);
    assert_eq!(trades(&events), [(12, 8)]);
    assert!(matches!(events[0], Event::Trade { maker: 1, taker: 3, aggressor: Side::Sell, .. }));
    assert_eq!(events[1], canceled(2, 4, Reason::AuctionEnded));
    let order = story.market.book().get(1).unwrap();
    assert_eq!((order.visible_qty, order.hidden_qty), (qty(2), Qty::ZERO));
    assert_eq!(story.market.last_px(), Some(px(12)));
}

#[test]
fn a_halt_keeps_what_an_auction_gathered_for_the_uncross_after_it() {
    let mut story = Story::in_state(AUCTION);
    story.enter(buy(1, 12, 1));
    story.enter(sell(2, 10, 1));
    assert_eq!(trades(&story.state(TradingState::Halted)), []);
    assert_eq!(trades(&story.state(TradingState::Continuous)).len(), 1);
}

/// Goal: leaving an auction for another one uncrosses, as leaving it for any state but `halted` does. The print wakes
/// stops, which enter when the next auction is over too.
#[test]
fn an_auction_that_another_follows_uncrosses_and_its_print_wakes_stops_after_both() {
    let mut story = Story::in_state(AUCTION);
    story.enter(buy(1, 12, 5));
    story.enter(sell(2, 12, 3));
    story.enter(NewOrder { time_in_force: TimeInForce::Gfa, ..buy(3, 9, 4) });
    let stop = NewOrder { ord_type: OrdType::StopLimit, stop_px: px(12), ..buy(4, 13, 1) };
    story.enter(stop);
    let events = story.state(TradingState::ClosingAuction);
    assert_eq!(trades(&events), [(12, 3)]);
    assert!(events.contains(&canceled(3, 4, Reason::AuctionEnded)));
    assert!(!events.contains(&Event::Triggered { order_id: 4 }));
    assert_eq!(story.market.last_px(), Some(px(12)));
    story.enter(sell(5, 12, 1));
    let events = story.state(TradingState::Continuous);
    assert_eq!(trades(&events), [(12, 1)]);
    assert!(events.contains(&Event::Triggered { order_id: 4 }));
}

#[test]
fn good_for_normal_orders_leave_when_an_auction_begins_stops_among_them() {
    let mut story = Story::new();
    story.enter(NewOrder { time_in_force: TimeInForce::Gfn, ..buy(1, 10, 5) });
    let stop = NewOrder { ord_type: OrdType::Stop, stop_px: px(20), price: px(0), ..buy(2, 0, 4) };
    story.enter(NewOrder { time_in_force: TimeInForce::Gfn, ..stop });
    let events = story.state(AUCTION);
    assert_eq!(events[1..], [canceled(1, 5, Reason::AuctionBegan), canceled(2, 4, Reason::AuctionBegan)]);
}

#[test]
fn a_good_till_date_order_expires_at_its_time_wherever_it_waits() {
    let mut story = Story::new();
    let until = |seconds| NewOrder { time_in_force: TimeInForce::Gtd, expire_time: at(seconds), ..buy(1, 10, 5) };
    story.now = at(5);
    assert_eq!(story.refused(until(5)), Reason::ExpiredOnEntry);
    story.enter(until(9));
    story.enter(NewOrder { order_id: 2, ord_type: OrdType::Stop, stop_px: px(20), ..until(7) });
    let expired = |order_id| Event::Expired { order_id, qty: qty(5), reason: Reason::TimeReached };
    assert_eq!(story.until(at(8)), [expired(2)]);
    story.replace(1, Change { expire_time: Some(at(20)), ..Change::default() });
    assert_eq!(story.until(at(19)), []);
    assert_eq!(story.until(at(20)), [expired(1)]);
    assert_eq!(story.market.next_timer(), None);
}

fn banded(market: BandRule) -> Story {
    let band = PriceBand { static_: Some(percent(10)), dynamic: None, market };
    let mut story = Story::of(MarketConfig { band: Some(band), ..MarketConfig::default() });
    story.mark(100);
    story.enter(sell(1, 110, 2));
    story.enter(sell(2, 111, 2));
    story
}

#[test]
fn a_price_band_refuses_limits_beyond_it_and_refuses_or_clamps_market_orders() {
    let refusal = only_refusal(&banded(BandRule::Clamp).enter(buy(3, 111, 1)));
    assert_eq!((refusal.reason, refusal.value.get(), refusal.limit.get()), (Reason::PriceBand, 111, 110));
    let market = NewOrder { ord_type: OrdType::Market, ..buy(3, 0, 3) };
    assert_eq!(banded(BandRule::Reject).refused(market), Reason::PriceBand);
    let events = banded(BandRule::Clamp).enter(market);
    assert_eq!(trades(&events), [(110, 2)]);
    assert_eq!(events.last(), Some(&canceled(3, 1, Reason::PriceBand)));
}

fn follows(peg_to: PegTo, offset: i64, order: NewOrder) -> NewOrder {
    NewOrder { ord_type: OrdType::Pegged, peg_to, peg_offset: px(offset), ..order }
}

fn moved(order_id: u64, price: i64, lots: i64) -> Event {
    Event::Restated { order_id, price: px(price), leaves_qty: qty(lots), reason: Reason::ReferenceMoved }
}

/// A peg that its reference would lead beyond the band rests at the bound, and follows the bound.
#[test]
fn a_peg_is_never_priced_beyond_a_band_and_rests_at_the_bound() {
    let band = PriceBand { static_: Some(percent(10)), dynamic: None, market: BandRule::Reject };
    let mut story = Story::of(MarketConfig { band: Some(band), ..MarketConfig::default() });
    story.mark(100);
    story.enter(sell(1, 150, 1));
    story.enter(buy(2, 60, 1));
    story.enter(follows(PegTo::Opposite, -5, buy(3, 0, 1)));
    assert_eq!(story.market.order(3).unwrap().price, px(110));
    // A bound holds no peg on the passive side.
    story.enter(follows(PegTo::Best, 0, buy(4, 0, 1)));
    assert_eq!(story.market.order(4).unwrap().price, px(60));
    assert_eq!(story.mark(120), [moved(3, 132, 1)]);
    assert_eq!(story.mark(200), [moved(3, 145, 1)]);
    assert_eq!(story.mark(100), [moved(3, 110, 1)]);

    story.market.cancel(3, Reason::CanceledByUser, &mut (), &mut Vec::new());
    story.enter(follows(PegTo::Opposite, 5, sell(5, 0, 1)));
    assert_eq!(story.market.order(5).unwrap().price, px(90));
}

#[test]
fn the_band_around_the_last_trade_takes_its_pegs_along() {
    let band = PriceBand { static_: None, dynamic: Some(percent(10)), market: BandRule::Reject };
    let mut story = Story::of(MarketConfig { band: Some(band), ..MarketConfig::default() });
    story.enter(sell(1, 100, 1));
    story.enter(buy(2, 100, 1));
    story.enter(sell(3, 150, 1));
    story.enter(follows(PegTo::Opposite, -5, buy(4, 0, 5)));
    assert_eq!(story.market.order(4).unwrap().price, px(110));
    let events = story.enter(sell(5, 105, 1));
    assert_eq!(trades(&events), [(110, 1)]);
    assert_eq!(events.last(), Some(&moved(4, 121, 4)));
}

fn breaking(random_end: Option<RandomEnd>) -> Story {
    let (window_ns, auction_ns, extension_ns) = (at(60).get(), at(120).get(), at(60).get());
    let breaker = CircuitBreaker { move_: percent(5), window_ns, auction_ns, extension_ns, max_extensions: 1 };
    let mut story = Story::of(MarketConfig { breaker: Some(breaker), random_end, ..MarketConfig::default() });
    story.enter(sell(1, 100, 1));
    story.enter(buy(2, 100, 1));
    story.enter(sell(3, 105, 1));
    story.enter(sell(4, 115, 1));
    story
}

#[test]
fn a_trade_beyond_the_breaker_does_not_print_and_begins_an_auction_that_is_extended_once() {
    let mut story = breaking(None);
    let events = story.enter(buy(5, 115, 2));
    assert_eq!(trades(&events), [(105, 1)]);
    assert_eq!(story.market.state(), TradingState::VolatilityAuction);
    assert_eq!(story.market.order(5).unwrap().leaves_qty, qty(1));
    assert_eq!(trades(&story.until(at(179))), []);
    let events = story.until(at(180));
    assert_eq!(trades(&events), [(115, 1)]);
    assert_eq!(story.market.state(), TradingState::Continuous);
}

#[test]
fn what_may_not_join_the_breakers_auction_is_canceled() {
    let immediate = |time_in_force| NewOrder { time_in_force, ..buy(5, 115, 2) };
    let market = NewOrder { ord_type: OrdType::Market, ..buy(5, 0, 2) };
    for order in [immediate(TimeInForce::Ioc), immediate(TimeInForce::Gfn), market] {
        assert!(breaking(None).enter(order).contains(&canceled(5, 1, Reason::CircuitBreaker)), "{order:?}");
    }
}

#[test]
fn a_fill_or_kill_order_that_would_break_is_killed_whole() {
    let mut story = breaking(None);
    let events = story.enter(NewOrder { time_in_force: TimeInForce::Fok, ..buy(5, 115, 2) });
    assert_eq!(trades(&events), []);
    assert!(events.contains(&canceled(5, 2, Reason::FokUnfilled)));
    assert_eq!(story.market.state(), TradingState::Continuous);
}

/// A sweep's own first print counts too: what it sold at 101 makes 96 too far, though the window's highest is 100.
#[test]
fn a_fill_or_kill_order_counts_its_own_prints_towards_the_breaker() {
    let breaker =
        CircuitBreaker { move_: percent(4), window_ns: 20, auction_ns: 9, extension_ns: 5, max_extensions: 0 };
    let mut story = Story::of(MarketConfig { breaker: Some(breaker), ..MarketConfig::default() });
    story.enter(sell(1, 100, 1));
    story.enter(buy(2, 100, 1));
    story.enter(buy(3, 101, 1));
    story.enter(buy(4, 96, 1));
    let events = story.enter(NewOrder { time_in_force: TimeInForce::Fok, ..sell(5, 96, 2) });
    assert_eq!(events, [Event::Accepted { order_id: 5 }, canceled(5, 2, Reason::FokUnfilled)]);
}

#[test]
fn a_random_end_lies_within_its_bound_and_is_the_same_each_time() {
    let ends = |seed| {
        let mut story = breaking(Some(RandomEnd { max_ns: at(30).get(), seed }));
        story.enter(buy(5, 115, 2));
        story.market.next_timer().unwrap()
    };
    let all: std::collections::BTreeSet<_> = (0..50).map(ends).collect();
    assert!(all.len() > 40 && all.iter().all(|end| (at(120)..=at(150)).contains(end)), "{all:?}");
    assert_eq!(ends(7), ends(7));
}

#[test]
fn the_schedule_turns_each_day_and_a_random_end_puts_an_uncross_off() {
    let turn = |hours: i64, state| Scheduled { time_of_day_ns: at(hours * 3_600).get(), state };
    let schedule = vec![turn(9, TradingState::Continuous), turn(8, AUCTION), turn(17, TradingState::Closed)];
    let random_end = Some(RandomEnd { max_ns: at(30).get(), seed: 3 });
    let (state, start) = (TradingState::Closed, at(3_600));
    let mut story = Story::of(MarketConfig { schedule, random_end, state, start, ..MarketConfig::default() });
    for day in 0..3 {
        let hour = |hours: i64| at((day * 24 + hours) * 3_600);
        let changed = |state| Event::StateChanged { state, reason: Reason::Scheduled };
        assert_eq!(story.until(hour(8)), [changed(AUCTION)]);
        assert_eq!(story.until(hour(9)), []);
        assert_eq!(story.until(hour(10)), [changed(TradingState::Continuous)]);
        assert_eq!(story.until(hour(17)), [changed(TradingState::Closed)]);
    }
}

#[test]
fn prices_at_the_ends_of_the_number_line_neither_overflow_bands_nor_the_breaker() {
    let band = PriceBand { static_: Some(percent(10)), dynamic: Some(percent(10)), market: BandRule::Clamp };
    let breaker = CircuitBreaker { move_: percent(5), window_ns: 1, auction_ns: 1, extension_ns: 1, max_extensions: 0 };
    let (band, breaker) = (Some(band), Some(breaker));
    let mut story = Story::of(MarketConfig { allows_negative: true, band, breaker, ..MarketConfig::default() });
    for price in [Price::MIN, Price::MAX, Price::ZERO, Price::MIN] {
        story.mark(price.get());
        story.enter(sell(1, price.get(), 1));
        story.enter(buy(2, price.get(), 1));
        story.then(|market, _, events| {
            market.cancel(1, Reason::CanceledByUser, &mut (), events);
            market.cancel(2, Reason::CanceledByUser, &mut (), events);
        });
    }
}
