//! Takers: what they sweep, what is gone after them, and every refusal of a simulated venue.

mod desk;

use desk::{ONE, Venue, config, fills, inverse, ioc, limit, linear};
use tiderace_sim::{LatencyModel, QueueModel, RecordedSurface, SimConfig, SimConfigError, SimExchange};
use tiderace_types::event::OrderSent;
use tiderace_types::{
    AssetId, ExecType, Fraction, InstrumentId, MarketEvent, MarketKind, OrdStatus, OrdType, Qty, Reason, Side,
    TimeInForce, Ts,
};

const BIDS: &[(i64, i64)] = &[(100, 5), (99, 5), (98, 5)];
const ASKS: &[(i64, i64)] = &[(101, 1), (102, 2), (103, 3)];

fn venue() -> Venue {
    Venue::with_book(QueueModel::RiskAverse, BIDS, ASKS)
}

#[test]
fn a_taker_sweeps_level_by_level_up_to_its_limit() {
    let mut venue = venue();
    let reports = venue.order(ioc(1, Side::Buy, 400, 102));
    let kinds: Vec<ExecType> = reports.iter().map(|r| r.exec_type).collect();
    assert_eq!(kinds, [ExecType::New, ExecType::Trade, ExecType::Trade, ExecType::Canceled]);
    assert_eq!(fills(&reports), [(100, 101), (200, 102)]);
    let last = reports[3];
    assert_eq!((last.ord_status, last.reason), (OrdStatus::Canceled, Reason::ImmediateRestCanceled));
    assert_eq!((last.cum_qty.get(), last.leaves_qty.get()), (300, 0));
    assert_eq!(reports[1].ord_status, OrdStatus::PartiallyFilled);
    assert_eq!(reports[1].leaves_qty.get(), 300);
    assert!(reports.iter().all(|r| !r.is_maker && r.transact_time == reports[0].transact_time));
}

#[test]
fn what_was_taken_stays_gone_until_the_feed_adds_to_that_level() {
    let mut venue = venue();
    assert_eq!(fills(&venue.order(ioc(1, Side::Buy, 60, 101))), [(60, 101)]);
    assert_eq!(fills(&venue.order(ioc(2, Side::Buy, 60, 101))), [(40, 101)], "the rest of the level");
    assert_eq!(fills(&venue.order(ioc(3, Side::Buy, 60, 101))), []);
    venue.level(Side::Sell, 102, 2 * ONE);
    assert_eq!(fills(&venue.order(ioc(4, Side::Buy, 60, 101))), [], "another level's news restores nothing here");
    venue.level(Side::Sell, 101, ONE);
    assert_eq!(fills(&venue.order(ioc(5, Side::Buy, 500, 101))), [], "the same quantity again is no news");
    venue.level(Side::Sell, 101, ONE / 2);
    assert_eq!(fills(&venue.order(ioc(6, Side::Buy, 500, 101))), [], "nor is less of it");
    venue.level(Side::Sell, 101, ONE);
    assert_eq!(fills(&venue.order(ioc(7, Side::Buy, 500, 101))), [(50, 101)], "what was added is there");
    venue.level(Side::Sell, 101, 0);
    venue.level(Side::Sell, 101, ONE);
    assert_eq!(fills(&venue.order(ioc(8, Side::Buy, 40, 101))), [(40, 101)], "all of it, after it was gone");
    venue.level(Side::Sell, 101, ONE / 2);
    assert_eq!(fills(&venue.order(ioc(9, Side::Buy, 500, 101))), [(50, 101)], "0.60 were free, 0.50 are displayed");
    venue.snapshot(0, BIDS, ASKS);
    assert_eq!(fills(&venue.order(ioc(10, Side::Buy, 500, 101))), [(100, 101)], "a snapshot says everything anew");
}

#[test]
fn a_level_that_only_shrinks_fills_no_more_than_it_first_displayed() {
    let mut venue = Venue::with_book(QueueModel::RiskAverse, &[(100, 5)], &[(101, 10)]);
    let taken = fills(&venue.order(limit(1, Side::Buy, 4_000, 101)));
    assert_eq!(taken, [(1_000, 101)]);
    let before = venue.reports.len();
    for units in [9, 8, 7, 6, 6] {
        venue.level(Side::Sell, 101, units * ONE);
    }
    assert_eq!(venue.fills_since(before), []);
    venue.level(Side::Sell, 101, 8 * ONE);
    assert_eq!(venue.fills_since(before), [(200, 101)], "what others add meets us at our price");
    assert!(venue.since(before)[0].is_maker);
}

#[test]
fn what_a_snapshot_shows_to_an_order_that_met_depth_is_taken() {
    let mut venue = venue();
    venue.order(limit(1, Side::Sell, 100, 105)); // rests, and met nothing
    venue.event(0, MarketKind::Gap, Side::Buy, 0, 0, MarketEvent::LAST);
    venue.order(limit(2, Side::Buy, 150, 103));
    let post_only = OrderSent { post_only: true, ..limit(3, Side::Buy, 10, 102) };
    assert_eq!(venue.order(post_only)[0].exec_type, ExecType::New, "nobody knows what it meets");
    let before = venue.reports.len();
    venue.snapshot(0, BIDS, ASKS);
    assert_eq!(venue.fills_since(before), [(100, 101), (50, 102)], "at the levels' prices");
    let reports = venue.since(before);
    assert!(!reports[0].is_maker && !reports[1].is_maker);
    assert_eq!((reports[2].ord_status, reports[2].reason), (OrdStatus::Canceled, Reason::WouldCross));
    let before = venue.reports.len();
    venue.snapshot(0, &[(106, 5)], &[(107, 5)]);
    assert_eq!(venue.fills_since(before), [(100, 105)], "the market came through what rested before");
    assert!(venue.since(before)[0].is_maker);
}

#[test]
fn a_sweep_stops_at_the_known_edge() {
    let mut venue = venue();
    // News from beyond the reach: that level is known, what lies before it is not.
    venue.level(Side::Sell, 110, 50 * ONE);
    assert_eq!(fills(&venue.order(ioc(1, Side::Buy, 5_000, 120))), [(100, 101), (200, 102), (300, 103)]);
    assert_eq!(fills(&venue.order(ioc(2, Side::Sell, 5_000, 1))), [(500, 100), (500, 99), (500, 98)]);
}

#[test]
fn a_book_that_is_not_live_fills_nobody() {
    let mut venue = venue();
    venue.event(0, MarketKind::Gap, Side::Buy, 0, 0, MarketEvent::LAST);
    assert_eq!(fills(&venue.order(ioc(1, Side::Buy, 10, 103))), []);
    assert_eq!(fills(&Venue::new(QueueModel::Log).order(ioc(1, Side::Buy, 10, 103))), []);
}

#[test]
fn displayed_quantity_off_the_lot_grid_fills_whole_lots_only() {
    let mut venue = venue();
    venue.level(Side::Sell, 101, 2_999_999);
    assert_eq!(fills(&venue.order(ioc(1, Side::Buy, 10, 101))), [(2, 101)]);
    assert_eq!(fills(&venue.order(ioc(2, Side::Buy, 10, 101))), []);
}

#[test]
fn fill_or_kill_is_all_or_none() {
    let mut venue = venue();
    let fok = |id, lots, price| OrderSent { time_in_force: TimeInForce::Fok, ..limit(id, Side::Buy, lots, price) };
    let reports = venue.order(fok(1, 301, 102));
    assert_eq!(reports.iter().map(|r| r.exec_type).collect::<Vec<_>>(), [ExecType::New, ExecType::Canceled]);
    assert_eq!(reports[1].reason, Reason::FokUnfilled);
    let reports = venue.order(fok(2, 300, 102));
    assert_eq!(fills(&reports), [(100, 101), (200, 102)]);
    assert_eq!(reports[2].ord_status, OrdStatus::Filled);
}

#[test]
fn a_market_order_takes_what_is_known_and_its_rest_is_canceled() {
    let mut venue = venue();
    let market = OrderSent { ord_type: OrdType::Market, ..limit(1, Side::Buy, 700, 1) };
    let reports = venue.order(market);
    assert_eq!(fills(&reports), [(100, 101), (200, 102), (300, 103)]);
    assert_eq!(reports[4].reason, Reason::NoLiquidity);
    assert_eq!(reports[4].price.get(), 0);
    assert!(!venue.exchange.has_resting(InstrumentId(0)));
}

#[test]
fn a_crossing_limit_order_takes_then_rests() {
    let mut venue = venue();
    let reports = venue.order(limit(1, Side::Buy, 150, 101));
    assert_eq!(fills(&reports), [(100, 101)]);
    assert_eq!(reports.len(), 2, "no cancel: the rest works");
    assert!(venue.exchange.has_resting(InstrumentId(0)));
    // What it took does not fill it again as a maker when another level speaks.
    let before = venue.reports.len();
    venue.level(Side::Sell, 102, ONE);
    assert_eq!(venue.fills_since(before), []);
    venue.level(Side::Sell, 101, ONE);
    assert_eq!(venue.fills_since(before), [], "nor when its own level says the same again");
    venue.level(Side::Sell, 101, 2 * ONE);
    assert_eq!(venue.fills_since(before), [(50, 101)]);
    assert!(venue.since(before)[0].is_maker);
    assert!(!venue.exchange.has_resting(InstrumentId(0)));
}

#[test]
fn each_refusal_has_its_reason_and_changes_nothing() {
    let mut venue = venue();
    let good = limit(1, Side::Buy, 10, 100);
    let post_only = OrderSent { post_only: true, ..limit(2, Side::Buy, 10, 101) };
    let cases = [
        (OrderSent { instrument: InstrumentId(9), ..good }, Reason::UnknownInstrument),
        (OrderSent { cl_ord_id: post_only.cl_ord_id, ..post_only }, Reason::WouldCross),
        (limit(3, Side::Buy, 0, 100), Reason::BadQty),
        (limit(4, Side::Buy, i64::MAX, 100), Reason::BadQty),
        (limit(5, Side::Buy, 1, 100), Reason::TooSmall),
        (limit(6, Side::Buy, 1_000_001, 100), Reason::MaxOrderQty),
        (limit(7, Side::Buy, 10, 0), Reason::BadPrice),
        (limit(8, Side::Buy, 1_000_000, i64::MAX), Reason::BadQty),
    ];
    for (sent, reason) in cases {
        let reports = venue.order(sent);
        assert_eq!(reports.len(), 1, "{sent:?}");
        assert_eq!((reports[0].exec_type, reports[0].ord_status), (ExecType::Rejected, OrdStatus::Rejected));
        assert_eq!(reports[0].reason, reason, "{sent:?}");
        assert_eq!(reports[0].leaves_qty, Qty::ZERO);
    }
    venue.order(limit(20, Side::Buy, 10, 100));
    let again = venue.order(limit(20, Side::Buy, 30, 101));
    assert_eq!((again.len(), again[0].reason), (1, Reason::DuplicateClOrdId));
    assert_eq!(venue.status(20).order_qty.get(), 10, "the first order of that key stands");
    // A post-only order at a price that our own taker has emptied crosses nobody.
    venue.order(ioc(21, Side::Buy, 100, 101));
    let rests = venue.order(OrderSent { cl_ord_id: tiderace_types::ClOrdId(22), ..post_only });
    assert_eq!(rests[0].exec_type, ExecType::New);
}

#[test]
fn fees_are_rounded_against_us_in_the_asset_that_they_are_computed_in() {
    let mut venue = venue();
    // 1.00 at 101: 101 USDT x 2.3 bp = 0.02323.
    assert_eq!(venue.order(ioc(1, Side::Buy, 100, 101))[1].fee.get(), 2_323_000);
    venue.snapshot(1, &[(60_000, 10)], &[(61_804, 10)]);
    let report = venue.order(OrderSent { instrument: InstrumentId(1), ..ioc(2, Side::Buy, 3, 61_804) })[1];
    // 300 / 61804 = 0.00485405... BTC, up to 485406 sat, x 2.3 bp = 111.64, up.
    assert_eq!((report.fee.get(), report.fee_asset), (112, AssetId(0)));
    // A rebate of 0.9 bp on 3 contracts bought at 60000: 0.005 BTC x 0.9 bp = 45 sat exactly; one contract: 166666 sat
    // x 0.9 bp = 14.99, towards less.
    venue.order(OrderSent { instrument: InstrumentId(1), ..limit(3, Side::Buy, 4, 60_000) });
    let before = venue.reports.len();
    for contracts in [13, 1] {
        venue.now += 1;
        venue.event(1, MarketKind::Trade, Side::Sell, 60_000, contracts * ONE, MarketEvent::LAST);
    }
    let fees: Vec<i128> = venue.since(before).iter().map(|r| r.fee.get()).collect();
    assert_eq!(fees, [-45, -14]);
}

#[test]
fn a_fee_at_a_price_below_zero_is_still_a_fee() {
    let mut venue = Venue::with_book(QueueModel::RiskAverse, &[(-101, 5)], &[(-99, 5)]);
    let market = OrderSent { ord_type: OrdType::Market, ..limit(1, Side::Sell, 100, 1) };
    let report = venue.order(market)[1];
    assert_eq!((report.last_px.get(), report.fee.get()), (-101, 2_323_000));
}

#[test]
fn a_config_that_does_not_fit_is_refused_by_name() {
    let instruments = [linear(), inverse()];
    let refuse = |change: &dyn Fn(&mut SimConfig)| {
        let mut sim = config(QueueModel::Log);
        change(&mut sim);
        SimExchange::new(&sim, &instruments).err().unwrap()
    };
    assert_eq!(refuse(&|c| c.instruments.truncate(1)), SimConfigError::InstrumentCount { wanted: 2, got: 1 });
    assert_eq!(
        refuse(&|c| c.instruments[1].fee_asset = AssetId(1)),
        SimConfigError::FeeAsset { instrument: 1, wanted: AssetId(0), got: AssetId(1) }
    );
    assert!(matches!(
        refuse(&|c| c.instruments[0].maker_fee = Fraction::new(i64::MIN)),
        SimConfigError::Fee { instrument: 0, .. }
    ));
    assert_eq!(refuse(&|c| c.response = LatencyModel::Recorded), SimConfigError::Latency { key: "response" });
    let surface = |ts| RecordedSurface { ts: Ts::new(ts), base: AssetId(0), forwards: vec![], vols: vec![] };
    assert_eq!(refuse(&|c| c.surfaces = vec![surface(5), surface(6), surface(6)]), SimConfigError::Surface { row: 2 });
    assert_eq!(
        refuse(&|c| c.order_entry = LatencyModel::ConstantNs(-1)),
        SimConfigError::Latency { key: "order_entry" }
    );
    let text = serde_json::to_string(&config(QueueModel::Power(3_000_000_000))).unwrap();
    assert!(
        text.contains(r#""queue":{"power":3000000000},"feed":"recorded","order_entry":{"constant_ns":1}"#),
        "{text}"
    );
    assert!(serde_json::from_str::<SimConfig>(&text).is_ok());
    assert!(serde_json::from_str::<SimConfig>(&text.replacen("\"seed\"", "\"sead\"", 1)).is_err());
}
