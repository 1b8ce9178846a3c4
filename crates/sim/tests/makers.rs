//! Makers: queues against hand-computed sequences, sharing of trades, crossings, cancels and replaces.

mod desk;

use desk::{ONE, Venue, limit};
use tiderace_sim::QueueModel;
use tiderace_types::event::OrderSent;
use tiderace_types::{ClOrdId, ExecType, InstrumentId, MarketEvent, MarketKind, OrdStatus, Reason, Side};

const BIDS: &[(i64, i64)] = &[(100, 5), (99, 5), (98, 5), (90, 1)];
const ASKS: &[(i64, i64)] = &[(101, 5), (102, 5), (110, 1)];
const IN_PROPORTION: QueueModel = QueueModel::Power(1_000_000_000);

/// A market with our bid of 2.00 at 100, behind 5 others.
fn waiting(queue: QueueModel) -> Venue {
    let mut venue = Venue::with_book(queue, BIDS, ASKS);
    venue.order(limit(1, Side::Buy, 200, 100));
    venue.reports.clear();
    venue
}

#[test]
fn risk_averse_moves_by_trades_and_by_what_cannot_have_been_behind() {
    let mut venue = waiting(QueueModel::RiskAverse);
    venue.trade(Side::Sell, 100, 3 * ONE); // 2 ahead
    venue.level(Side::Buy, 100, 2 * ONE); // the same trade, seen again: still 2
    venue.level(Side::Buy, 100, 4 * ONE); // 2 join behind us
    venue.level(Side::Buy, 100, 3 * ONE); // 1 leaves, from behind
    venue.level(Side::Buy, 100, ONE); // 2 leave, 1 at most was behind: 1 ahead
    assert_eq!(venue.fills_since(0), []);
    venue.trade(Side::Sell, 100, 2 * ONE); // 1 for them, 1 for us
    assert_eq!(venue.fills_since(0), [(100, 100)]);
    venue.trade(Side::Sell, 100, 9 * ONE);
    assert_eq!(venue.fills_since(0), [(100, 100), (100, 100)]);
    let last = *venue.since(0).last().unwrap();
    assert_eq!((last.ord_status, last.is_maker, last.leaves_qty.get()), (OrdStatus::Filled, true, 0));
    assert!(!venue.exchange.has_resting(InstrumentId(0)));
}

#[test]
fn power_takes_a_cancel_from_ahead_in_its_share() {
    let mut venue = waiting(IN_PROPORTION);
    venue.level(Side::Buy, 100, 10 * ONE); // 5 ahead, 5 behind
    venue.level(Side::Buy, 100, 8 * ONE); // of 2 canceled 1 was ahead: 4 ahead
    venue.trade(Side::Sell, 100, 4 * ONE + ONE / 2);
    assert_eq!(venue.fills_since(0), [(50, 100)]);
}

#[test]
fn log_takes_a_cancel_from_ahead_in_its_share() {
    let mut venue = waiting(QueueModel::Log);
    venue.trade(Side::Sell, 100, 2 * ONE); // 3 ahead
    venue.level(Side::Buy, 100, 4 * ONE); // 2 explained by the trade, 1 joined behind
    venue.level(Side::Buy, 100, 3 * ONE); // ln 4 / (ln 4 + ln 2) of 1 was ahead: 2.33333334 ahead
    venue.trade(Side::Sell, 100, 3 * ONE);
    assert_eq!(venue.fills_since(0), [(66, 100)], "0.66666666 is 66 lots");
}

#[test]
fn a_trade_and_the_depth_that_shows_it_count_once_in_either_order() {
    for model in [QueueModel::RiskAverse, IN_PROPORTION, QueueModel::Log] {
        let mut venue = waiting(model);
        venue.trade(Side::Sell, 100, 2 * ONE);
        venue.level(Side::Buy, 100, 3 * ONE);
        venue.trade(Side::Sell, 100, 3 * ONE);
        venue.level(Side::Buy, 100, 0);
        assert_eq!(venue.fills_since(0), [], "{model:?}: 5 were ahead, 5 traded");
        venue.trade(Side::Sell, 100, ONE / 10);
        assert_eq!(venue.fills_since(0), [(10, 100)]);

        let mut venue = waiting(model);
        venue.level(Side::Buy, 100, 3 * ONE);
        venue.event(0, MarketKind::Trade, Side::Sell, 100, 2 * ONE, MarketEvent::LAST); // of the same moment
        venue.level(Side::Buy, 100, 0);
        venue.event(0, MarketKind::Trade, Side::Sell, 100, 3 * ONE, MarketEvent::LAST);
        assert_eq!(venue.fills_since(0), [], "{model:?}: the depth came first");
        venue.trade(Side::Sell, 100, ONE / 10);
        assert_eq!(venue.fills_since(0), [(10, 100)]);
    }
}

#[test]
fn a_trade_is_shared_once_by_price_and_then_by_time() {
    let mut venue = Venue::with_book(QueueModel::RiskAverse, BIDS, ASKS);
    for (id, lots, price) in [(1, 100, 99), (2, 100, 100), (3, 100, 100)] {
        venue.order(limit(id, Side::Buy, lots, price));
    }
    venue.reports.clear();
    venue.trade(Side::Sell, 100, 6 * ONE + ONE / 2); // 5 ahead, then 1.00 and 0.50
    let got: Vec<(u64, i64)> = venue.since(0).iter().map(|r| (r.cl_ord_id.0, r.last_qty.get())).collect();
    assert_eq!(got, [(2, 100), (3, 50)]);
    venue.reports.clear();
    // Through 100 and 99: at most the trade's quantity, best price first, each at its own price.
    venue.trade(Side::Sell, 98, ONE);
    assert_eq!(venue.fills_since(0), [(50, 100), (50, 99)]);
    // Nobody is ahead at 99 any more.
    venue.trade(Side::Sell, 99, ONE);
    assert_eq!(venue.fills_since(0), [(50, 100), (50, 99), (50, 99)]);
}

#[test]
fn a_second_order_of_ours_waits_behind_what_is_left_after_the_trades() {
    for model in [QueueModel::RiskAverse, IN_PROPORTION, QueueModel::Log] {
        let mut venue = Venue::with_book(model, BIDS, ASKS);
        venue.order(limit(1, Side::Buy, 10, 100));
        venue.trade(Side::Sell, 100, 3 * ONE); // of the 5 displayed
        venue.order(limit(2, Side::Buy, 10, 100));
        let before = venue.reports.len();
        venue.trade(Side::Sell, 100, 2 * ONE + ONE / 5);
        assert_eq!(venue.fills_since(before), [(10, 100), (10, 100)], "{model:?}: 2 were left before either");
    }
}

#[test]
fn trades_of_our_own_side_and_behind_our_price_do_not_fill() {
    let mut venue = waiting(QueueModel::RiskAverse);
    venue.trade(Side::Buy, 101, 50 * ONE);
    venue.trade(Side::Buy, 100, 50 * ONE);
    venue.trade(Side::Sell, 101, 50 * ONE);
    assert_eq!(venue.fills_since(0), []);
}

#[test]
fn a_book_that_crosses_us_fills_at_our_price_what_it_displays() {
    let mut venue = waiting(QueueModel::RiskAverse);
    venue.level(Side::Sell, 98, ONE / 2);
    assert_eq!(venue.fills_since(0), [(50, 100)], "our price, though 98 is displayed");
    venue.level(Side::Sell, 110, ONE);
    assert_eq!(venue.fills_since(0), [(50, 100)], "the same display fills once");
    venue.level(Side::Sell, 100, 9 * ONE);
    assert_eq!(venue.fills_since(0), [(50, 100), (150, 100)], "at our price is enough");
    assert!(venue.since(0).iter().all(|r| r.is_maker));
}

#[test]
fn a_message_fills_only_when_it_is_whole() {
    let mut venue = waiting(QueueModel::RiskAverse);
    venue.event(0, MarketKind::Level, Side::Sell, 99, ONE, 0);
    assert_eq!(venue.fills_since(0), []);
    venue.event(0, MarketKind::Level, Side::Sell, 99, 0, MarketEvent::LAST);
    assert_eq!(venue.fills_since(0), [], "the level was gone by the end of the message");
}

#[test]
fn our_place_outlives_a_gap_and_is_no_worse_than_the_snapshot() {
    let mut venue = waiting(QueueModel::RiskAverse);
    venue.event(0, MarketKind::Gap, Side::Buy, 0, 0, MarketEvent::LAST);
    venue.level(Side::Buy, 100, 0); // not to be trusted
    venue.trade(Side::Sell, 100, ONE); // a trade is a trade: 4 ahead
    venue.snapshot(0, &[(100, 9), (90, 1)], ASKS);
    venue.trade(Side::Sell, 100, 4 * ONE + ONE / 10);
    assert_eq!(venue.fills_since(0), [(10, 100)]);
    venue.snapshot(0, &[(99, 9), (90, 1)], ASKS);
    venue.trade(Side::Sell, 100, ONE / 10);
    assert_eq!(venue.fills_since(0), [(10, 100), (10, 100)], "nobody is displayed at 100");
}

#[test]
fn beyond_the_reach_a_queue_is_unknown_until_the_feed_names_it() {
    let mut venue = Venue::with_book(QueueModel::RiskAverse, BIDS, ASKS);
    venue.order(limit(1, Side::Buy, 100, 80));
    venue.reports.clear();
    venue.trade(Side::Sell, 80, 50 * ONE);
    assert_eq!(venue.fills_since(0), [], "how many were ahead is not known");
    venue.trade(Side::Sell, 79, ONE / 2);
    assert_eq!(venue.fills_since(0), [(50, 80)], "a trade beyond us met us first");
}

#[test]
fn a_cancel_ends_the_order_and_a_late_one_is_refused() {
    let mut venue = waiting(QueueModel::RiskAverse);
    let report = venue.cancel(11, 1).unwrap();
    assert_eq!((report.cl_ord_id, report.orig_cl_ord_id), (ClOrdId(11), ClOrdId(1)));
    assert_eq!((report.exec_type, report.ord_status), (ExecType::Canceled, OrdStatus::Canceled));
    assert_eq!((report.reason, report.leaves_qty.get()), (Reason::CanceledByUser, 0));
    assert!(!venue.exchange.has_resting(InstrumentId(0)));
    let reject = venue.cancel(12, 1).unwrap_err();
    assert_eq!((reject.ord_status, reject.reason), (OrdStatus::Canceled, Reason::OrderClosed));
    let reject = venue.cancel(13, 99).unwrap_err();
    assert_eq!((reject.ord_status, reject.reason), (OrdStatus::Rejected, Reason::UnknownOrder));
    assert!(!reject.is_replace);
}

#[test]
fn a_smaller_order_keeps_its_place_and_a_larger_or_moved_one_does_not() {
    let mut venue = waiting(QueueModel::RiskAverse);
    venue.trade(Side::Sell, 100, 4 * ONE); // 1 ahead of us
    venue.level(Side::Buy, 100, 7 * ONE); // 6 behind
    let report = venue.replace(2, 1, 100, 100).unwrap()[0];
    assert_eq!((report.exec_type, report.ord_status), (ExecType::Replaced, OrdStatus::New));
    assert_eq!((report.cl_ord_id, report.orig_cl_ord_id, report.leaves_qty.get()), (ClOrdId(2), ClOrdId(1), 100));
    let before = venue.reports.len();
    venue.trade(Side::Sell, 100, ONE + ONE / 2);
    assert_eq!(venue.fills_since(before), [(50, 100)]);
    let report = venue.replace(3, 2, 300, 100).unwrap()[0];
    assert_eq!(
        (report.ord_status, report.cum_qty.get(), report.leaves_qty.get()),
        (OrdStatus::PartiallyFilled, 50, 250)
    );
    let before = venue.reports.len();
    venue.trade(Side::Sell, 100, 7 * ONE);
    assert_eq!(venue.fills_since(before), [], "larger: behind the 7 that are displayed");
}

#[test]
fn a_replace_may_take_cancel_or_be_refused() {
    let mut venue = waiting(QueueModel::RiskAverse);
    let reports = venue.replace(2, 1, 200, 101).unwrap();
    assert_eq!(desk::fills(&reports), [(200, 101)]);
    assert!(!reports[1].is_maker);
    let reject = venue.replace(3, 2, 300, 100).unwrap_err();
    assert_eq!((reject.reason, reject.ord_status, reject.is_replace), (Reason::OrderClosed, OrdStatus::Filled, true));

    let mut venue = waiting(QueueModel::RiskAverse);
    venue.trade(Side::Sell, 100, 6 * ONE); // 1.00 of 2.00 filled
    assert_eq!(venue.replace(3, 1, 0, 100).unwrap()[0].ord_status, OrdStatus::Canceled);
    assert!(!venue.exchange.has_resting(InstrumentId(0)));

    let mut venue = waiting(QueueModel::RiskAverse);
    venue.order(OrderSent { post_only: true, ..limit(5, Side::Buy, 10, 100) });
    assert_eq!(venue.replace(6, 5, 10, 101).unwrap_err().reason, Reason::WouldCross);
    assert_eq!(venue.replace(1, 5, 10, 100).unwrap_err().reason, Reason::DuplicateClOrdId);
    assert_eq!(venue.replace(6, 5, 10, 0).unwrap_err().reason, Reason::BadPrice);
    assert_eq!(venue.replace(6, 77, 10, 100).unwrap_err().reason, Reason::UnknownOrder);
    venue.replace(7, 5, 20, 99).unwrap();
    assert_eq!(venue.cancel(8, 5).unwrap_err().reason, Reason::UnknownOrder, "its key is now 7");
    assert_eq!(venue.cancel(9, 7).unwrap().ord_status, OrdStatus::Canceled);
}

#[test]
fn a_status_request_tells_where_an_order_stands_open_or_closed() {
    let mut venue = waiting(QueueModel::RiskAverse);
    venue.trade(Side::Sell, 100, 6 * ONE);
    let report = venue.status(1);
    assert_eq!((report.exec_type, report.ord_status), (ExecType::OrderStatus, OrdStatus::PartiallyFilled));
    assert_eq!((report.cum_qty.get(), report.leaves_qty.get(), report.last_qty.get()), (100, 100, 0));
    venue.cancel(2, 1).unwrap();
    assert_eq!(venue.status(1).ord_status, OrdStatus::Canceled);
    let unknown = venue.status(42);
    assert_eq!((unknown.ord_status, unknown.reason), (OrdStatus::Rejected, Reason::UnknownOrder));
}
