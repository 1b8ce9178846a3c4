//! Runs on our own venue: the desk's orders are orders among the others, and a journal gives the whole market again.
//! Orders take 10 ns to the venue, market data 5 ns and reports 20 ns back, so that a story can be told in time.

#[path = "../../engine/tests/desk/mod.rs"]
mod desk;

use desk::{ONE, SEC, SPOT, START, TAKING, Twap, configured, genesis, lots, order};
use serde_json::{Value, json};
use tiderace_engine::replay::{Ending, ReplayError, replay};
use tiderace_engine::{Desk, DeskConfig, Engine};
use tiderace_journal::Writer;
use tiderace_model::black::Black76;
use tiderace_sim::driver::{Client, Driver, Ended};
use tiderace_sim::{OwnVenue, OwnVenueError, RetraceError, SimConfig, retrace};
use tiderace_types::event::FillBooked;
use tiderace_types::input::{CancelOrder, ReplaceOrder, SetTimer, SubmitOrder};
use tiderace_types::{
    ClOrdId, Input, InstrumentId, MarketEvent, MarketKind, OrdStatus, Output, Price, PutOrCall, Reason, Side,
    TimeInForce, Ts,
};

/// When the option of a trial expires: in a tenth of a year.
const MATURITY: i64 = START + 36 * 86_400 * SEC + 43_200 * SEC;

/// Sends inputs when their time has come, made from the best prices then; notes what comes out.
#[derive(Default)]
struct Script {
    /// Seconds from the start, and what is sent then, by bid and ask of the spot book.
    steps: Vec<(i64, fn(Price, Price) -> Input)>,
    outputs: Vec<(i64, Output)>,
    cut_at_ms: Option<u64>,
}

impl Client for Script {
    type Error = core::convert::Infallible;

    fn on_start(&mut self, _: &Engine, _: Ts, commands: &mut Vec<Input>) -> Result<(), Self::Error> {
        for (id, (second, _)) in (0_u64..).zip(&self.steps) {
            commands.push(SetTimer { id, ts_due: Ts::new(START + second * SEC), cause_seq: 0 }.into());
        }
        Ok(())
    }
    fn on_market(&mut self, _: &Engine, _: &MarketEvent, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn on_output(
        &mut self,
        engine: &Engine,
        ts: Ts,
        output: &Output,
        commands: &mut Vec<Input>,
    ) -> Result<(), Self::Error> {
        self.outputs.push((ts.get() - START, *output));
        if let Output::TimerFired(timer) = output {
            let book = engine.desk().book(SPOT).unwrap();
            let [bid, ask] = [Side::Buy, Side::Sell].map(|side| book.best(side).unwrap().price);
            let (_, make) = self.steps[usize::try_from(timer.id).unwrap()];
            commands.push(make(bid, ask));
        }
        Ok(())
    }
    fn on_stop(&mut self, _: &Engine, _: Ts, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn on_progress(&mut self, done: u64, total: u64) -> bool {
        assert!(done <= total);
        self.cut_at_ms.is_none_or(|at| done < at)
    }
}

/// Three BTC books of our own, for so many seconds.
fn own(seconds: i64, seed: u64) -> Value {
    let mut json = genesis();
    for row in 0..3 {
        json["instruments"][row]["tick_size"] = json!(100_000_000_000_i64);
        json["sim"]["instruments"][row]["taker_fee"] = json!(230_000);
        json["sim"]["instruments"][row]["maker_fee"] = json!(-90_000);
    }
    json["sim"]["feed"] = json!({"constant_ns": 5});
    json["sim"]["order_entry"] = json!({"constant_ns": 10});
    json["sim"]["response"] = json!({"constant_ns": 20});
    json["sim"]["seed"] = json!(seed);
    json["sim"]["own_venue"] = json!({"start": START, "duration_ns": seconds * SEC});
    json
}

fn parts(json: &Value) -> (DeskConfig, SimConfig) {
    let config = DeskConfig::from_json(&json.to_string()).unwrap();
    let sim = serde_json::from_value(config.sim.clone()).unwrap();
    (config, sim)
}

struct Run {
    client: Script,
    ended: Ended,
    tape: Vec<MarketEvent>,
}

/// Runs, and holds what the journal gives again against the run: the tape record by record, and the digest.
fn run(json: &Value, mut client: Script) -> Run {
    let (config, sim) = parts(json);
    let path = desk::scratch();
    let writer = Writer::create(&path).unwrap();
    let mut engine = Engine::new(Desk::new(&config).unwrap(), &json.to_string(), Some(writer)).unwrap();
    let world = OwnVenue::new(&config, &sim).unwrap();
    let (ended, world) = Driver::over(&mut engine, &mut client, world, &sim).run(&config).unwrap();
    let tape = world.into_tape();
    let again = retrace(&path).unwrap();
    assert_eq!(again.len(), tape.len());
    assert!(again == tape, "the journal gives the same market");
    let replayed = replay(&path, &again).unwrap();
    assert_eq!(replayed.digest, ended.digest);
    assert_eq!(replayed.ending, if ended.interrupted { Ending::Interrupted } else { Ending::Completed });
    std::fs::remove_file(&path).unwrap();
    Run { client, ended, tape }
}

impl Run {
    fn fills(&self) -> Vec<FillBooked> {
        let fill = |(_, output): &(i64, Output)| if let Output::FillBooked(fill) = output { Some(*fill) } else { None };
        self.client.outputs.iter().filter_map(fill).collect()
    }

    fn statuses(&self, id: u64) -> Vec<(OrdStatus, Reason)> {
        let status = |(_, output): &(i64, Output)| match output {
            Output::OrderUpdated(update) if update.cl_ord_id.0 == id => Some((update.ord_status, update.reason)),
            _ => None,
        };
        self.client.outputs.iter().filter_map(status).collect()
    }

    fn breaks(&self) -> usize {
        self.client.outputs.iter().filter(|(_, output)| matches!(output, Output::BreakRaised(_))).count()
    }
}

fn spot(id: u64, side: Side, price: Price, qty: i64) -> SubmitOrder {
    SubmitOrder { order_qty: lots(qty), time_in_force: TimeInForce::Gtc, ..order(id, SPOT, side, price.get()) }
}

fn down(price: Price, ticks: i64) -> Price {
    Price::new(price.get() - ticks)
}

/// A coin call of strike 62000 behind the three, quoted at 55 % and half a point.
fn with_option(seconds: i64) -> Value {
    let mut json = own(seconds, 1);
    let one = 1_000_000_000_000_i64;
    let mut option = json["instruments"][1].clone();
    for (key, value) in [
        ("id", json!(3)),
        ("symbol", json!("BTC-62000-C")),
        ("kind", json!("option")),
        ("quote", json!(0)),
        ("settle", json!(0)),
        ("tick_size", json!(one / 10_000)),
        ("lot_size", json!(one / 10)),
        ("min_notional", json!(0)),
        ("maturity_ns", json!(MATURITY)),
        ("strike_price", json!(620_000_000)),
        ("put_or_call", json!("call")),
    ] {
        option[key] = value;
    }
    let add = |list: &mut Value, row: Value| list.as_array_mut().unwrap().push(row);
    add(&mut json["instruments"], option);
    let (limits, cost) = (json["risk"]["instruments"][0].clone(), json["route"]["costs"][0].clone());
    add(&mut json["risk"]["instruments"], limits);
    add(&mut json["route"]["costs"], cost);
    let terms = json["sim"]["instruments"][2].clone();
    add(&mut json["sim"]["instruments"], terms);
    json["sim"]["own_venue"]["options"] = json!({
        "vol": 550_000_000, "half_spread": 5_000_000, "walk": 0, "levels": 3, "qty": 5 * ONE,
        "takers_per_s": 1_000_000_000, "publish_ns": SEC,
    });
    json
}

#[test]
fn makers_quote_an_option_in_vol_around_the_perpetuals_mid() {
    let run = run(&with_option(5), Script::default());
    let snapshot = |id: u16, side: Side| {
        let of = move |event: &&MarketEvent| {
            event.instrument == InstrumentId(id)
                && event.flags & MarketEvent::SNAPSHOT != 0
                && event.kind == MarketKind::Level
        };
        let prices = run.tape.iter().filter(of).filter(|event| event.side() == side).map(|event| event.price.get());
        prices.collect::<Vec<_>>()
    };
    let (bids, asks) = (snapshot(1, Side::Buy), snapshot(1, Side::Sell));
    let mid2 = bids.iter().max().unwrap() + asks.iter().min().unwrap();
    let option = Black76 {
        forward: mid2 as f64 / 2.0 * 0.1,
        strike: 62_000.0,
        t: (MATURITY - START) as f64 / (365.0 * 86_400.0 * 1e9),
        vol: 0.0,
        discount: 1.0,
        put_or_call: PutOrCall::Call,
    };
    let ticks = |vol: f64| Black76 { vol, ..option }.price().unwrap() / option.forward / 0.0001;
    let wanted = |sign: f64| (1..=3).map(move |level| 0.55 + sign * 0.005 * f64::from(level));
    assert_eq!(snapshot(3, Side::Buy), wanted(-1.0).map(|vol| ticks(vol).floor() as i64).collect::<Vec<_>>());
    assert_eq!(snapshot(3, Side::Sell), wanted(1.0).map(|vol| ticks(vol).ceil() as i64).collect::<Vec<_>>());
    let of_option = |event: &&MarketEvent| event.instrument == InstrumentId(3);
    assert!(run.tape.iter().filter(of_option).any(|event| event.kind == MarketKind::Trade), "takers come");
}

#[test]
fn an_option_without_a_surface_or_an_underlying_is_refused() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut json = with_option(5);
        change(&mut json);
        let (config, sim) = parts(&json);
        match OwnVenue::new(&config, &sim).map(drop) {
            Err(OwnVenueError::Options(key)) => key,
            other => panic!("{other:?}"),
        }
    };
    let options =
        |key: &'static str, value: i64| refused(&move |json| json["sim"]["own_venue"]["options"][key] = json!(value));
    assert_eq!(refused(&|json| json["sim"]["own_venue"]["options"] = Value::Null), "surface");
    assert_eq!(refused(&|json| json["instruments"][3]["base"] = json!(1)), "underlying");
    for (key, value) in [("vol", 0), ("half_spread", 0), ("walk", -1), ("levels", 17), ("qty", 0)] {
        assert_eq!(options(key, value), key);
    }
    assert_eq!(options("takers_per_s", -1), "takers_per_s");
    assert_eq!(options("publish_ns", 1), "publish");
}

#[test]
fn the_same_seed_gives_the_same_market_and_another_seed_another() {
    let [one, same, other] = [1, 1, 2].map(|seed| run(&own(5, seed), Script::default()));
    assert_eq!(one.ended.digest, same.ended.digest);
    assert_eq!(one.tape, same.tape);
    assert_ne!(one.tape, other.tape);
    assert!(one.tape.len() > 2_000, "{}", one.tape.len());
    let trades = one.tape.iter().filter(|event| event.kind == MarketKind::Trade).count();
    assert!(trades > 20, "{trades}");
}

#[test]
fn every_book_is_live_at_once_and_never_crossed_after_a_message() {
    let run = run(&own(20, 3), Script::default());
    let mut books = [0, 1, 2].map(|_| tiderace_book::Book::new());
    for event in &run.tape {
        let book = &mut books[event.instrument.index()];
        book.apply(event);
        if event.is_last() {
            assert!(book.is_live());
            let [bid, ask] = [Side::Buy, Side::Sell].map(|side| book.best(side).unwrap().price);
            assert!(bid < ask, "{bid:?} {ask:?} at {:?}", event.ts_event);
        }
        assert_eq!(event.ts_recv, event.ts_event.plus_ns(5));
    }
    assert!(run.tape.is_sorted_by_key(|event| event.ts_recv));
}

/// The order rests three ticks within the spread's far side, so that its level is its own: the feed shows it, and its
/// cancel takes it away.
#[test]
fn what_the_desk_posts_is_seen_in_the_book_and_gone_once_canceled() {
    let steps: Vec<(i64, fn(Price, Price) -> Input)> = vec![
        (2, |bid, _| spot(1, Side::Buy, down(bid, 777), 123).into()),
        (3, |_, _| CancelOrder { orig_cl_ord_id: ClOrdId(1), cause_seq: 0 }.into()),
    ];
    let run = run(&own(4, 5), Script { steps, ..Script::default() });
    assert_eq!(
        run.statuses(1),
        [(OrdStatus::New, Reason::None), (OrdStatus::Canceled, Reason::CanceledByUser),],
        "{:?}",
        run.client.outputs
    );
    let at = |second: i64| START + second * SEC + 10;
    let level = |ts: i64| {
        run.tape.iter().find(|e| e.ts_event.get() == ts && e.instrument == SPOT && e.kind == MarketKind::Level).copied()
    };
    let (posted, gone) = (level(at(2)).unwrap(), level(at(3)).unwrap());
    assert_eq!(posted.price, gone.price);
    assert_eq!(posted.qty_e8 - gone.qty_e8, 123 * ONE / 100);
}

#[test]
fn what_the_desk_takes_is_gone_and_the_price_moves() {
    let steps: Vec<(i64, fn(Price, Price) -> Input)> = vec![(2, |_, ask| {
        SubmitOrder { time_in_force: TimeInForce::Ioc, ..spot(1, Side::Buy, down(ask, -2_000), 1_500) }.into()
    })];
    let still = run(&own(3, 5), Script::default());
    let moved = run(&own(3, 5), Script { steps, ..Script::default() });
    let fills = moved.fills();
    assert!(fills.len() > 3, "it walks the book");
    let bought: i64 = fills.iter().map(|fill| fill.last_qty.get()).sum();
    let at = START + 2 * SEC + 10;
    let prints = moved.tape.iter().filter(|e| e.ts_event.get() == at && e.kind == MarketKind::Trade);
    assert_eq!(prints.map(|e| e.qty_e8).sum::<i64>(), bought * ONE / 100, "each fill is a print");
    let ask_after = |run: &Run| {
        let mut book = tiderace_book::Book::new();
        let seen = run.tape.iter().filter(|e| e.instrument == SPOT && e.ts_event.get() <= at);
        seen.for_each(|event| {
            book.apply(event);
        });
        book.best(Side::Sell).unwrap().price
    };
    assert!(ask_after(&moved).get() > ask_after(&still).get() + 10);
    assert!(fills.iter().all(|fill| !fill.is_maker && fill.fee.get() > 0 && fill.fee_asset.0 == 1));
    assert_eq!(moved.breaks(), 0);
}

#[test]
fn a_posted_order_is_filled_by_the_flow_as_a_maker() {
    let steps: Vec<(i64, fn(Price, Price) -> Input)> =
        vec![(1, |bid, _| SubmitOrder { post_only: true, ..spot(1, Side::Buy, bid, 5) }.into())];
    let run = run(&own(60, 8), Script { steps, ..Script::default() });
    let fills = run.fills();
    assert_eq!(fills.iter().map(|fill| fill.last_qty.get()).sum::<i64>(), 5);
    assert!(fills.iter().all(|fill| fill.is_maker && fill.fee.get() < 0));
    assert_eq!(run.breaks(), 0);
}

#[test]
fn a_replaced_order_goes_by_its_new_key_and_one_that_crosses_trades_at_once() {
    let steps: Vec<(i64, fn(Price, Price) -> Input)> = vec![
        (1, |bid, _| spot(1, Side::Buy, down(bid, 900), 50).into()),
        (2, |bid, _| {
            let (cl_ord_id, orig_cl_ord_id, price) = (ClOrdId(2), ClOrdId(1), down(bid, 800));
            ReplaceOrder { cl_ord_id, orig_cl_ord_id, cause_seq: 0, order_qty: lots(70), price }.into()
        }),
        // It takes: filled before any cancel.
        (3, |_, ask| {
            let (cl_ord_id, orig_cl_ord_id, price) = (ClOrdId(3), ClOrdId(2), down(ask, -3_000));
            ReplaceOrder { cl_ord_id, orig_cl_ord_id, cause_seq: 0, order_qty: lots(60), price }.into()
        }),
        (4, |_, ask| SubmitOrder { post_only: true, ..spot(4, Side::Buy, down(ask, -50), 1) }.into()),
    ];
    let run = run(&own(5, 5), Script { steps, ..Script::default() });
    assert_eq!(run.statuses(4).last(), Some(&(OrdStatus::Rejected, Reason::WouldCross)));
    assert_eq!(run.statuses(2).last().map(|(status, _)| *status), Some(OrdStatus::New));
    assert_eq!(run.statuses(3).last().map(|(status, _)| *status), Some(OrdStatus::Filled));
    assert_eq!(run.fills().iter().map(|fill| fill.last_qty.get()).sum::<i64>(), 60);
    assert_eq!(run.breaks(), 0);
}

#[test]
fn own_orders_do_not_trade_with_each_other() {
    let steps: Vec<(i64, fn(Price, Price) -> Input)> = vec![
        (1, |bid, ask| spot(1, Side::Buy, down(ask, (ask.get() - bid.get()).min(1)), 3).into()),
        (1, |bid, _| SubmitOrder { time_in_force: TimeInForce::Ioc, ..spot(2, Side::Sell, down(bid, 5), 2) }.into()),
    ];
    let run = run(&own(3, 5), Script { steps, ..Script::default() });
    assert_eq!(run.statuses(1).last(), Some(&(OrdStatus::Canceled, Reason::SelfTrade)));
    assert_eq!(run.breaks(), 0);
}

#[test]
fn a_parent_is_worked_over_all_books_with_passive_orders() {
    let mut json = own(60, 11);
    configured(&mut json, Twap { slices: 10, passive_share: 250_000_000, ..TAKING }, 5 * ONE, 50 * SEC, 7);
    let run = run(&json, Script::default());
    let fills = run.fills();
    let bought: i128 = fills.iter().map(|fill| fill.exposure.get()).sum();
    assert!(bought > 490_000_000, "{bought}");
    let places: std::collections::BTreeSet<InstrumentId> = fills.iter().map(|fill| fill.instrument).collect();
    assert!(places.len() > 1 && fills.iter().any(|fill| fill.is_maker), "{places:?}");
    assert_eq!(run.breaks(), 0);
}

#[test]
fn a_run_cut_short_is_given_again_up_to_there() {
    let run = run(&own(120, 2), Script { cut_at_ms: Some(20_000), ..Script::default() });
    assert!(run.ended.interrupted);
    assert!(run.ended.ts.get() < START + 119 * SEC);
}

/// Another seed under the same journal: the venue would have answered otherwise, and the first report says so.
#[test]
fn a_journal_of_another_market_is_named_by_its_first_sequence() {
    let json = own(10, 5);
    let (config, sim) = parts(&json);
    let path = desk::scratch();
    let lie = own(10, 6).to_string();
    let steps: Vec<(i64, fn(Price, Price) -> Input)> = vec![(2, |_, ask| {
        SubmitOrder { time_in_force: TimeInForce::Ioc, ..spot(1, Side::Buy, down(ask, -500), 100) }.into()
    })];
    let mut client = Script { steps, ..Script::default() };
    let writer = Writer::create(&path).unwrap();
    let mut engine = Engine::new(Desk::new(&config).unwrap(), &lie, Some(writer)).unwrap();
    let world = OwnVenue::new(&config, &sim).unwrap();
    Driver::over(&mut engine, &mut client, world, &sim).run(&config).unwrap();
    let error = retrace(&path).unwrap_err();
    assert!(matches!(error, RetraceError::Replay(ReplayError::Differs { .. })), "{error}");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_no_venue_can_be_made_of_is_refused() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut json = own(5, 1);
        change(&mut json);
        let (config, sim) = parts(&json);
        OwnVenue::new(&config, &sim).map(|_| ()).unwrap_err()
    };
    assert!(matches!(refused(&|json| json["sim"]["feed"] = json!("recorded")), OwnVenueError::OutOfRange("feed")));
    for duration in [0, -1, 13 * 3_600 * SEC, i64::MAX] {
        let error = refused(&|json| json["sim"]["own_venue"]["duration_ns"] = json!(duration));
        assert!(matches!(error, OwnVenueError::OutOfRange("duration_ns")), "{error}");
    }
    for start in [0, i64::MIN, i64::MAX] {
        let error = refused(&|json| json["sim"]["own_venue"]["start"] = json!(start));
        assert!(matches!(error, OwnVenueError::OutOfRange("start")), "{error}");
    }
    let error = refused(&|json| json["instruments"][1]["tick_size"] = json!(7_000_000_000_000_i64));
    assert!(matches!(error, OwnVenueError::Flow(_)) && error.to_string().contains("tick_size"), "{error}");
    let error = refused(&|json| json["sim"]["instruments"][2]["fee_asset"] = json!(1));
    assert!(matches!(error, OwnVenueError::Sim(_)), "{error}");
}
