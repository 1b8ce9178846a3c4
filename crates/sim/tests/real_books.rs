//! The recorded books: ours against the venue's own best prices, and our orders against the recorded flow.

mod desk;

use std::path::{Path, PathBuf};

use desk::{config, inverse, limit, linear};
use tiderace_feed::Tape;
use tiderace_sim::{LatencyModel, QueueModel, Reports, SimExchange, check, depth_at, quotes, retime, trades};
use tiderace_types::event::{CancelSent, OrderSent};
use tiderace_types::{ClOrdId, ExecType, Input, Instrument, InstrumentId, InstrumentKind, Qty, Side, Ts};
use tiderace_venue_binance::{Market, read};

/// The three books, merged; `None` where no recording stands.
fn recording() -> Option<(Tape, Vec<Instrument>)> {
    let Some(data) = std::env::var_os("TIDERACE_DATA") else {
        println!("SKIPPED: needs TIDERACE_DATA");
        assert!(std::env::var_os("TIDERACE_REQUIRE_ALL").is_none(), "SKIPPED: needs TIDERACE_DATA");
        return None;
    };
    let folder = Path::new(&data).join("binance_btc_3books_raw_ws");
    let spot = Instrument { tick_size: 10_000_000_000, lot_size: 10_000_000, max_order_qty: Qty::MAX, ..linear() };
    let usdm = Instrument {
        id: InstrumentId(1),
        kind: InstrumentKind::Perpetual,
        tick_size: 100_000_000_000,
        lot_size: 1_000_000_000,
        ..spot.clone()
    };
    let coinm = Instrument { id: InstrumentId(2), tick_size: 100_000_000_000, ..inverse() };
    let instruments = vec![spot, usdm, coinm];
    let names = [("spot_btcusdt", Market::Spot), ("usdm_btcusdt", Market::UsdM), ("cm_btcusd_perp", Market::CoinM)];
    let tapes = names.iter().zip(&instruments).map(|((name, market), instrument)| {
        let days = ["20240808", "20240809"].map(|day| folder.join(format!("{name}_{day}.raw.gz")));
        let files: Vec<PathBuf> = days.into_iter().filter(|path| path.exists()).collect();
        read(&files, *market, instrument).unwrap().0.tape
    });
    Some((Tape::merge(&tapes.collect::<Vec<_>>()), instruments))
}

#[test]
fn our_best_equals_the_venues_wherever_both_carry_the_same_update_id() {
    let Some((mut tape, instruments)) = recording() else { return };
    for (result, least) in check(&tape.events, &instruments).iter().zip([1_000, 600, 1_800]) {
        println!("{result:?}");
        assert_eq!((result.equal, result.first_difference), (result.compared, None));
        assert!(result.compared >= least, "{}: {} compared", result.symbol, result.compared);
        assert_eq!((result.locked, result.crossed, result.gaps), (0, 0, 0));
        assert!(result.latency_ns_min.unwrap() >= 0 && result.live_ns > 300_000_000_000);
    }
    let columns = quotes(&tape.events, 3);
    println!("{} quotes, {} trades", columns.bid_px.len(), trades(&tape.events).px.len());
    assert!(columns.bid_px.iter().zip(&columns.ask_px).all(|(bid, ask)| bid < ask));
    assert!(columns.ts_recv_ns.is_sorted());
    let ts = Ts::new(columns.ts_recv_ns[columns.ts_recv_ns.len() / 2]);
    let depth = depth_at(&tape.events, InstrumentId(2), ts, 10);
    assert_eq!((depth.px.len(), depth.side[0], depth.side[19]), (20, 1, -1));
    assert!(depth.px[0] > depth.px[9] && depth.px[10] < depth.px[19] && depth.px[0] < depth.px[10]);

    // The same books through a line of our own: nothing overtakes, and the books are the same.
    let before = tape.clone();
    retime(&mut tape, LatencyModel::Recorded, 1);
    assert_eq!(tape, before);
    retime(&mut tape, LatencyModel::Lognormal { median_ns: 5_000_000, sigma_e9: 700_000_000 }, 1);
    assert!(tape.events.is_sorted_by_key(|event| event.ts_recv));
    assert!(tape.events.iter().all(|event| event.ts_recv >= event.ts_event));
    for result in check(&tape.events, &instruments) {
        assert_eq!((result.equal, result.locked, result.crossed), (result.compared, 0, 0), "{}", result.symbol);
    }
}

#[test]
fn models_of_the_queue_fill_a_recorded_maker_in_their_order() {
    let Some((tape, instruments)) = recording() else { return };
    let mut filled = Vec::new();
    for queue in [QueueModel::RiskAverse, QueueModel::Power(1_000_000_000), QueueModel::Log] {
        let mut sim = config(queue);
        sim.instruments = vec![sim.instruments[0], sim.instruments[0], sim.instruments[1]];
        let mut exchange = SimExchange::new(&sim, &instruments).unwrap();
        let mut reports = Reports::new();
        let (mut key, mut ts_next) = (0, Ts::ZERO);
        let mut bids = [0_i64; 3];
        for event in &tape.events {
            exchange.on_market(event, &mut reports);
            if event.kind == tiderace_types::MarketKind::Best && event.side() == Side::Buy {
                bids[event.instrument.index()] = event.price.get();
            }
            if event.ts_event < ts_next || bids.contains(&0) {
                continue;
            }
            // Every second a fresh bid of a hundredth of a BTC (ten contracts) at each best bid.
            ts_next = event.ts_event.plus_ns(1_000_000_000);
            for (row, lots) in [(0, 1_000), (1, 10), (2, 10)] {
                let cancel = CancelSent {
                    cl_ord_id: ClOrdId(1 << 40),
                    orig_cl_ord_id: ClOrdId(key + 1 - 3_u64.min(key)),
                    instrument: InstrumentId(row),
                };
                exchange.on_cancel(event.ts_event, &cancel, &mut reports);
                key += 1;
                let bid = limit(key, Side::Buy, lots, bids[usize::from(row)]);
                let bid = OrderSent { post_only: true, instrument: InstrumentId(row), ..bid };
                exchange.on_order(event.ts_event, &bid, &mut reports);
            }
        }
        let lots = |row| {
            let fills = reports.iter().filter_map(|(_, input)| match input {
                Input::ExecutionReport(r) if r.exec_type == ExecType::Trade && r.is_maker => Some(r),
                _ => None,
            });
            fills.filter(|r| r.instrument == InstrumentId(row)).map(|r| r.last_qty.get()).sum::<i64>()
        };
        filled.push([lots(0), lots(1), lots(2)]);
        println!("{queue:?}: {:?} lots of {:?}", filled.last().unwrap(), [1_000, 10, 10].map(|n| n * key / 3));
    }
    let [averse, others @ ..] = filled.as_slice() else { panic!("three models") };
    assert!(averse.iter().all(|lots| *lots > 0));
    for other in others {
        assert!(averse.iter().zip(other).all(|(a, b)| a <= b), "risk averse is the slowest: {filled:?}");
    }
}
