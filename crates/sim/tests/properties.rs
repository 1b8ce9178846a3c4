//! What holds for any orders against any flow: nothing is filled that was not displayed or traded, and a seed is a run.

mod desk;

use std::collections::BTreeMap;

use desk::{config, limit, linear};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use tiderace_sim::{FlowConfig, QueueModel, Reports, SimExchange, generate};
use tiderace_types::event::{CancelSent, OrderSent, ReplaceSent};
use tiderace_types::input::ExecutionReport;
use tiderace_types::{
    ClOrdId, Input, Instrument, InstrumentId, MarketEvent, MarketKind, OrdType, Price, Qty, Side, TimeInForce,
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Order { is_buy: bool, lots: i64, offset: i64, kind: u8 },
    Cancel { back: u64 },
    Replace { back: u64, lots: i64, offset: i64 },
    Market { records: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), 1_i64..3_000, -20_i64..20, 0_u8..5)
            .prop_map(|(is_buy, lots, offset, kind)| Step::Order { is_buy, lots, offset, kind }),
        1 => (1_u64..6).prop_map(|back| Step::Cancel { back }),
        1 => (1_u64..6, 1_i64..3_000, -20_i64..20)
            .prop_map(|(back, lots, offset)| Step::Replace { back, lots, offset }),
        6 => (1_usize..40).prop_map(|records| Step::Market { records }),
    ]
}

fn market(seed: u64) -> (Instrument, Vec<MarketEvent>) {
    let instrument = Instrument { min_notional: tiderace_types::Amount::ZERO, ..linear() };
    let mut flow = FlowConfig::level_changes(3_000, seed);
    flow.has_trades = true;
    flow.books[0].market_share = tiderace_types::Fraction::new(200_000_000);
    let tape = generate(&flow, &[instrument.clone()]).unwrap();
    (instrument, tape.events)
}

/// Runs the steps; hands each batch of reports with the record that caused it (none: our own command).
fn run(
    seed: u64,
    queue: QueueModel,
    steps: &[Step],
    mut see: impl FnMut(Option<&MarketEvent>, &[(tiderace_types::Ts, Input)], Side),
) -> Reports {
    let (instrument, events) = market(seed);
    let inverse = desk::inverse();
    let mut exchange = SimExchange::new(&config(queue), &[instrument, inverse]).unwrap();
    let mut all = Reports::new();
    let mut feed = events.iter();
    let (mut key, mut mid) = (0, 600_000);
    let mut market = |n: usize,
                      all: &mut Reports,
                      exchange: &mut SimExchange,
                      see: &mut dyn FnMut(Option<&MarketEvent>, &[(tiderace_types::Ts, Input)], Side),
                      mid: &mut i64| {
        for event in feed.by_ref().take(n) {
            let before = all.len();
            exchange.on_market(event, all);
            if event.kind == MarketKind::Level && event.qty_e8 > 0 {
                *mid = event.price.get();
            }
            see(Some(event), &all[before..], Side::Buy);
        }
    };
    market(1_004, &mut all, &mut exchange, &mut see, &mut mid);
    mid = 600_000;
    for step in steps {
        let before = all.len();
        let ts = tiderace_types::Ts::new(i64::MAX / 2);
        let instrument = InstrumentId(0);
        let mut side = Side::Buy;
        match *step {
            Step::Market { records } => {
                market(records, &mut all, &mut exchange, &mut see, &mut mid);
                continue;
            }
            Step::Order { is_buy, lots, offset, kind } => {
                key += 1;
                side = if is_buy { Side::Buy } else { Side::Sell };
                let mut order = limit(key, side, lots, mid + offset);
                match kind {
                    0 => order.time_in_force = TimeInForce::Ioc,
                    1 => order.time_in_force = TimeInForce::Fok,
                    2 => order.post_only = true,
                    3 if lots < 300 => order.ord_type = OrdType::Market,
                    _ => {}
                }
                exchange.on_order(ts, &OrderSent { ..order }, &mut all);
            }
            Step::Cancel { back } => {
                let sent = CancelSent {
                    cl_ord_id: ClOrdId(1 << 40),
                    orig_cl_ord_id: ClOrdId(key.saturating_sub(back)),
                    instrument,
                };
                exchange.on_cancel(ts, &sent, &mut all);
            }
            Step::Replace { back, lots, offset } => {
                key += 1;
                let sent = ReplaceSent {
                    cl_ord_id: ClOrdId(key),
                    orig_cl_ord_id: ClOrdId(key.saturating_sub(back)),
                    instrument,
                    order_qty: Qty::new(lots).unwrap(),
                    price: Price::new(mid + offset),
                };
                exchange.on_replace(ts, &sent, &mut all);
            }
        }
        if let Some(report) = executions(&all[before..]).next() {
            side = report.side;
        }
        see(None, &all[before..], side);
    }
    all
}

fn executions(reports: &[(tiderace_types::Ts, Input)]) -> impl Iterator<Item = &ExecutionReport> {
    reports.iter().filter_map(|(_, input)| if let Input::ExecutionReport(report) = input { Some(report) } else { None })
}

fn models() -> impl Strategy<Value = QueueModel> {
    prop_oneof![Just(QueueModel::RiskAverse), Just(QueueModel::Log), (1_u32..4_000_000_000).prop_map(QueueModel::Power)]
}

/// One level as the oracle counts it.
#[derive(Clone, Copy, Default)]
struct Offer {
    shown: i64,
    free: i64,
    /// First displayed, plus every rise.
    offered: i64,
    taken: i64,
}

impl Offer {
    fn refresh(&mut self, shown: i64) {
        let rise = (shown - self.shown).max(0);
        self.offered += rise;
        self.free = (self.free + rise).min(shown);
        self.shown = shown;
    }

    fn take(&mut self, qty: i64) {
        assert!(qty <= self.free, "took {qty} of {}", self.free);
        self.free -= qty;
        self.taken += qty;
    }
}

/// Takes a resting order's fill out of the levels that cross it, best first.
fn take_crossing(offers: &mut BTreeMap<(Side, i64), Offer>, fill: &ExecutionReport, mut qty: i64) {
    let side = fill.side.opposite();
    let mut crossing: Vec<i64> = offers.keys().filter(|(s, _)| *s == side).map(|(_, px)| *px).collect();
    match fill.side {
        Side::Buy => crossing.retain(|px| *px <= fill.last_px.get()),
        Side::Sell => {
            crossing.retain(|px| *px >= fill.last_px.get());
            crossing.reverse();
        }
    }
    for px in crossing {
        let offer = offers.get_mut(&(side, px)).unwrap();
        let part = offer.free.min(qty);
        offer.take(part);
        qty -= part;
    }
    assert_eq!(qty, 0, "more than crosses: {fill:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Goal: what we take of depth, aggressing or resting, is no more than was displayed plus what was added since, and
    /// what a trade fills is no more than it traded. Method: a second count of what is free and of what was ever offered
    /// at each level, from the tape and the reports alone.
    #[test]
    fn nothing_fills_that_was_not_displayed_or_traded(
        seed in 0_u64..1_000, queue in models(), steps in proptest::collection::vec(step(), 1..120),
    ) {
        let lot_e8: i64 = 1_000_000;
        let mut offers: BTreeMap<(Side, i64), Offer> = BTreeMap::new();
        run(seed, queue, &steps, |event, reports, side| {
            if let Some(event) = event {
                if event.kind == MarketKind::Level {
                    offers.entry((event.side(), event.price.get())).or_default().refresh(event.qty_e8);
                }
                let makers: Vec<_> = executions(reports).filter(|r| r.last_qty > Qty::ZERO).collect();
                if event.kind == MarketKind::Trade {
                    // Whatever crossed before was taken then, so a trade fills from its own quantity alone.
                    let filled: i64 = makers.iter().map(|r| r.last_qty.get() * lot_e8).sum();
                    assert!(filled <= event.qty_e8, "{filled} at {event:?}");
                } else {
                    for fill in &makers {
                        take_crossing(&mut offers, fill, fill.last_qty.get() * lot_e8);
                    }
                }
                assert!(executions(reports).all(|r| r.is_maker));
            } else {
                for report in executions(reports).filter(|r| r.last_qty > Qty::ZERO) {
                    let offer = offers.entry((side.opposite(), report.last_px.get())).or_default();
                    offer.take(report.last_qty.get() * lot_e8);
                    assert!(!report.is_maker);
                }
            }
            assert!(offers.values().all(|o| o.taken <= o.offered));
        });
    }

    /// Each order's reports add up, execution ids count upwards, and nothing trades after it is closed.
    #[test]
    fn reports_of_an_order_add_up(
        seed in 0_u64..1_000, queue in models(), steps in proptest::collection::vec(step(), 1..120),
    ) {
        let reports = run(seed, queue, &steps, |_, _, _| ());
        let mut last_exec_id = 0;
        let mut cum: BTreeMap<u64, (i64, bool)> = BTreeMap::new();
        for report in executions(&reports) {
            prop_assert!(report.exec_id.0 > last_exec_id);
            last_exec_id = report.exec_id.0;
            if report.order_id == 0 {
                continue;
            }
            let (filled, is_closed) = cum.entry(report.order_id).or_insert((0, false));
            prop_assert!(!*is_closed, "a closed order reports no more: {:?}", report);
            *filled += report.last_qty.get();
            *is_closed = report.ord_status.is_closed();
            prop_assert_eq!(report.cum_qty.get(), *filled);
            let leaves = if *is_closed { 0 } else { report.order_qty.get() - *filled };
            prop_assert_eq!(report.leaves_qty.get(), leaves);
            let is_within = match report.side {
                Side::Buy => report.last_px <= report.price,
                Side::Sell => report.last_px >= report.price,
            };
            let has_limit = report.last_qty > Qty::ZERO && report.price > Price::ZERO;
            prop_assert!(is_within || !has_limit, "beyond its limit: {:?}", report);
        }
    }

    #[test]
    fn the_same_run_gives_the_same_reports(
        seed in 0_u64..100, queue in models(), steps in proptest::collection::vec(step(), 1..60),
    ) {
        prop_assert_eq!(run(seed, queue, &steps, |_, _, _| ()), run(seed, queue, &steps, |_, _, _| ()));
    }
}

/// The properties above would hold for a venue that never fills; this one fills both ways.
#[test]
fn such_runs_fill_takers_and_makers() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut takers, mut makers) = (0, 0);
    for seed in 0..20 {
        let steps = proptest::collection::vec(step(), 120..121).new_tree(&mut runner).unwrap().current();
        let reports = run(seed, QueueModel::Log, &steps, |_, _, _| ());
        let fills: Vec<bool> = executions(&reports).filter(|r| r.last_qty > Qty::ZERO).map(|r| r.is_maker).collect();
        makers += fills.iter().filter(|is_maker| **is_maker).count();
        takers += fills.iter().filter(|is_maker| !**is_maker).count();
    }
    assert!(takers > 200 && makers > 200, "{takers} taker fills, {makers} maker fills");
}
