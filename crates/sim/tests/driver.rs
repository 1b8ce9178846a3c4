//! A run by hand: every latency and every tie of a small tape is worked out here. Orders take 10 ns to their venue,
//! reports 20 ns back; times are nanoseconds from the first record.

#[path = "../../engine/tests/desk/mod.rs"]
mod desk;

use desk::{LINEAR, ONE, SPOT, START, TAKING, Trial, configured, genesis, lots, order};
use serde_json::{Value, json};
use tiderace_engine::replay::{Ending, replay};
use tiderace_engine::{Desk, DeskConfig, Engine};
use tiderace_journal::Writer;
use tiderace_sim::driver::{Client, DriveError, Driver, Ended};
use tiderace_sim::{SimConfig, SimExchange};
use tiderace_types::input::{CancelOrder, SetTimer, SubmitOrder};
use tiderace_types::{
    ClOrdId, Input, InstrumentId, MarketEvent, MarketKind, OrdStatus, Output, Price, Reason, Side, TimeInForce, Ts,
};

/// What a client saw: when, and what.
type Seen = Vec<(i64, String)>;

/// Submits what it is told at the records of given times, and notes what it sees.
#[derive(Default)]
struct Script {
    at_record: Vec<(i64, Input)>,
    at_start: Vec<Input>,
    at_stop: Vec<Input>,
    /// What it answers an output with; the loop tests give one that never ends.
    answer: Option<fn(Ts, &Output) -> Option<Input>>,
    fails_at: Option<i64>,
    cut_at: Option<u64>,
    progress: u64,
    seen: Seen,
    outputs: Vec<Output>,
}

impl Client for Script {
    type Error = &'static str;

    fn on_start(&mut self, _: &Engine, _: Ts, commands: &mut Vec<Input>) -> Result<(), Self::Error> {
        commands.append(&mut self.at_start);
        Ok(())
    }
    fn on_market(&mut self, _: &Engine, event: &MarketEvent, commands: &mut Vec<Input>) -> Result<(), Self::Error> {
        let at = event.ts_recv.get() - START;
        self.seen.push((at, format!("{:?}", event.kind)));
        commands.extend(self.at_record.iter().filter(|(ts, _)| *ts == at).map(|(_, input)| input.clone()));
        if self.fails_at == Some(at) { Err("the strategy failed") } else { Ok(()) }
    }
    fn on_output(&mut self, _: &Engine, ts: Ts, output: &Output, commands: &mut Vec<Input>) -> Result<(), Self::Error> {
        self.seen.push((ts.get() - START, output.name().into()));
        self.outputs.push(*output);
        commands.extend(self.answer.and_then(|answer| answer(ts, output)));
        Ok(())
    }
    fn on_stop(&mut self, _: &Engine, _: Ts, commands: &mut Vec<Input>) -> Result<(), Self::Error> {
        commands.append(&mut self.at_stop);
        Ok(())
    }
    fn on_progress(&mut self, done: u64, _: u64) -> bool {
        self.progress += 1;
        self.cut_at.is_none_or(|at| done < at)
    }
}

impl Script {
    /// When each output of a name came.
    fn times(&self, name: &str) -> Vec<i64> {
        self.seen.iter().filter(|(_, seen)| seen == name).map(|(ts, _)| *ts).collect()
    }

    fn fills(&self) -> Vec<(i64, i64, i64)> {
        let fill = |o: &Output| match o {
            Output::FillBooked(f) => Some((f.last_qty.get(), f.last_px.get(), f.transact_time.get() - START)),
            _ => None,
        };
        self.outputs.iter().filter_map(fill).collect()
    }

    fn last_status(&self) -> Option<(OrdStatus, Reason)> {
        let status = |o: &Output| if let Output::OrderUpdated(u) = o { Some((u.ord_status, u.reason)) } else { None };
        self.outputs.iter().filter_map(status).next_back()
    }
}

/// A record of the spot book; `event` and `recv` are nanoseconds from the start.
fn record(kind: MarketKind, event: i64, recv: i64, side: Side, price: i64, e8: i64) -> MarketEvent {
    MarketEvent {
        ts_event: Ts::new(START + event),
        ts_recv: Ts::new(START + recv),
        price: Price::new(price),
        qty_e8: e8,
        seq: 0,
        instrument: SPOT,
        kind,
        flags: MarketEvent::LAST | if side == Side::Sell { MarketEvent::ASK } else { 0 },
    }
}

/// All books live at the start: spot 59999/60001 and 59998/60002, 10 BTC each.
fn opening() -> Vec<MarketEvent> {
    let mut trial = Trial::live();
    std::mem::take(&mut trial.tape)
}

fn ask(event: i64, recv: i64, e8: i64) -> MarketEvent {
    record(MarketKind::Level, event, recv, Side::Sell, 60_001, e8)
}

/// A record that changes nothing that counts, to let time pass.
fn tick(recv: i64) -> MarketEvent {
    record(MarketKind::Level, recv, recv, Side::Buy, 59_000, ONE)
}

fn with_latency(mut json: Value) -> Value {
    json["sim"]["order_entry"] = json!({"constant_ns": 10});
    json["sim"]["response"] = json!({"constant_ns": 20});
    json
}

struct Run {
    client: Script,
    ended: Result<Ended, DriveError<&'static str>>,
    ending: Ending,
}

fn run_as(json: &Value, tape: &[MarketEvent], mut client: Script) -> Run {
    let json = with_latency(json.clone()).to_string();
    let config = DeskConfig::from_json(&json).unwrap();
    let sim: SimConfig = serde_json::from_value(config.sim.clone()).unwrap();
    let exchange = SimExchange::new(&sim, &config.instruments).unwrap();
    let path = desk::scratch();
    let mut engine = Engine::new(Desk::new(&config).unwrap(), &json, Some(Writer::create(&path).unwrap())).unwrap();
    let driver = Driver::new(&mut engine, &mut client, exchange, &sim, tape);
    let ended = driver.run(&config).map(|(ended, _)| ended);
    let replayed = replay(&path, tape).unwrap();
    assert_eq!(replayed.digest, engine.digest(), "replay is live");
    std::fs::remove_file(&path).unwrap();
    Run { client, ended, ending: replayed.ending }
}

fn run(records: &[MarketEvent], client: Script) -> Script {
    let run = run_as(&genesis(), &[opening(), records.to_vec()].concat(), client);
    let ended = run.ended.unwrap();
    assert_eq!(ended.ts.get() - START, records.last().map_or(0, |event| event.ts_recv.get() - START));
    assert_eq!(run.ending, Ending::Completed);
    run.client
}

fn buy(id: u64) -> SubmitOrder {
    SubmitOrder { time_in_force: TimeInForce::Ioc, ..order(id, SPOT, Side::Buy, 60_001) }
}

fn at(ts: i64, input: impl Into<Input>) -> Script {
    Script { at_record: vec![(ts, input.into())], ..Script::default() }
}

#[test]
fn an_order_meets_its_venue_after_the_order_entry_latency_and_its_fill_is_known_after_the_response() {
    let client = run(&[tick(100), tick(1_000)], at(100, buy(1)));
    assert_eq!(client.times("OrderSent"), [100]);
    assert_eq!(client.fills(), [(10, 60_001, 110)]);
    assert_eq!(client.times("FillBooked"), [130]);
    assert_eq!(client.last_status(), Some((OrdStatus::Filled, Reason::None)));
}

#[test]
fn a_venues_market_goes_before_an_order_of_the_same_moment() {
    for (event, is_filled) in [(109, false), (110, false), (111, true)] {
        let client = run(&[tick(100), ask(event, 150, 0), tick(1_000)], at(100, SubmitOrder { ..buy(1) }));
        assert_eq!(client.fills().len(), usize::from(is_filled), "the level went at {event}");
    }
}

/// What the venue calls its best price is a stream of its own, stamped on receipt where the venue stamps nothing. The
/// level that went at 105 is gone at 110, although a best price of 111 stands before it on the tape.
#[test]
fn a_best_price_does_not_hold_back_what_happened_before_it() {
    let best = record(MarketKind::Best, 111, 111, Side::Sell, 60_001, 10 * ONE);
    let client = run(&[tick(100), best, ask(105, 112, 0), tick(1_000)], at(100, buy(1)));
    assert_eq!(client.fills(), []);
    assert_eq!(client.last_status(), Some((OrdStatus::Canceled, Reason::ImmediateRestCanceled)));
}

#[test]
fn on_equal_times_reports_go_before_timers_and_timers_before_the_market() {
    let timer = SetTimer { id: 1, ts_due: Ts::new(START + 130), cause_seq: 0 };
    let client = Script { at_record: vec![(100, buy(1).into()), (100, timer.into())], ..Script::default() };
    let client = run(&[tick(100), tick(130), tick(1_000)], client);
    let at_130: Vec<&str> = client.seen.iter().filter(|(ts, _)| *ts == 130).map(|(_, name)| name.as_str()).collect();
    assert_eq!(at_130, ["OrderUpdated", "FillBooked", "OrderUpdated", "TimerFired", "Level"]);
}

/// Orders of the same moment keep their order, on the way out and on the way back.
#[test]
fn messages_of_one_moment_keep_their_order() {
    let client = Script { at_record: vec![(100, buy(1).into()), (100, buy(2).into())], ..Script::default() };
    let client = run(&[tick(100), tick(1_000)], client);
    let ids: Vec<u64> = client
        .outputs
        .iter()
        .filter_map(|o| if let Output::FillBooked(f) = o { Some(f.cl_ord_id.0) } else { None })
        .collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(client.times("FillBooked"), [130, 130]);
}

/// Alone at 60000, an order fills on a trade when the venue makes it (200), and is told 20 ns later: before the desk sees
/// the trade itself (250).
#[test]
fn a_resting_order_fills_at_the_venues_time() {
    let rest = SubmitOrder { time_in_force: TimeInForce::Gtc, price: Price::new(60_000), ..buy(1) };
    let trade = record(MarketKind::Trade, 200, 250, Side::Sell, 60_000, ONE);
    let client = run(&[tick(100), trade, tick(1_000)], at(100, rest));
    assert_eq!(client.fills(), [(10, 60_000, 200)]);
    assert_eq!(client.times("FillBooked"), [220]);
}

#[test]
fn a_cancel_loses_against_a_trade_of_the_same_moment_and_wins_before_it() {
    for (event, is_filled) in [(160, true), (161, false)] {
        let rest = SubmitOrder { time_in_force: TimeInForce::Gtc, price: Price::new(60_000), ..buy(1) };
        let cancel = CancelOrder { orig_cl_ord_id: ClOrdId(1), cause_seq: 0 };
        let client = Script { at_record: vec![(100, rest.into()), (150, cancel.into())], ..Script::default() };
        let trade = record(MarketKind::Trade, event, 250, Side::Sell, 60_000, ONE);
        let client = run(&[tick(100), tick(150), trade, tick(1_000)], client);
        assert_eq!(client.fills().len(), usize::from(is_filled), "the trade was at {event}");
        let status = if is_filled { OrdStatus::Filled } else { OrdStatus::Canceled };
        assert_eq!(client.last_status().unwrap().0, status);
    }
}

/// While nothing rests the venue's side stands still; it is caught up when an order comes, to the same book.
#[test]
fn a_venue_that_was_left_alone_is_caught_up_to_the_orders_moment() {
    let mut records = vec![];
    for step in 0..50_i64 {
        records.push(ask(step * 10, step * 10 + 5, (step + 1) * ONE / 100));
    }
    let client = Script { at_record: vec![(475, buy(1).into())], ..Script::default() };
    let client = run(&[records, vec![tick(1_000)]].concat(), client);
    // At 485 the level of 480 shows 49 lots; the order takes 10 of them.
    assert_eq!(client.fills(), [(10, 60_001, 485)]);
    let mut records = vec![ask(470, 475, 0), ask(480, 485, 4 * ONE / 100), tick(1_000)];
    records[0].price = Price::new(60_002);
    let client = run(&records, at(475, buy(1)));
    assert_eq!(client.fills(), [(4, 60_001, 485)]);
}

#[test]
fn an_order_under_way_at_the_end_is_lost_and_the_end_cancels_it() {
    let client = run(&[tick(100), tick(300)], at(300, buy(1)));
    assert_eq!(client.times("OrderSent"), [300]);
    assert_eq!(client.times("OrderUpdated"), [0; 0]);
    // What arrives at the very end still counts.
    let client = run(&[tick(100), tick(130)], at(100, buy(1)));
    assert_eq!(client.times("FillBooked"), [130]);
    let client = run(&[tick(100), tick(129)], at(100, buy(1)));
    assert_eq!(client.times("FillBooked"), [0; 0]);
}

#[test]
fn a_timer_after_the_end_never_fires_and_one_at_the_end_does() {
    for (due, fired) in [(300, vec![300]), (301, vec![])] {
        let timer = SetTimer { id: 1, ts_due: Ts::new(START + due), cause_seq: 0 };
        let client = run(&[tick(100), tick(300)], at(100, timer));
        assert_eq!(client.times("TimerFired"), fired);
    }
}

#[test]
fn what_a_client_says_at_start_and_stop_is_applied() {
    let client = Script { at_start: vec![order(1, SPOT, Side::Buy, 60_000).into()], ..Script::default() };
    let client = run(&[tick(100)], client);
    // The books are not live yet.
    assert!(matches!(client.outputs[0], Output::Refused(r) if r.reason == Reason::NoReference));
    let client = Script { at_stop: vec![buy(2).into()], ..Script::default() };
    let client = run(&[tick(100)], client);
    assert_eq!(client.times("OrderSent"), [100]);
}

#[test]
fn a_parent_of_the_config_is_worked_and_its_slices_are_timers() {
    let mut json = genesis();
    configured(&mut json, TAKING, ONE, 100, 1);
    let run = run_as(&json, &[opening(), vec![tick(1_000)]].concat(), Script::default());
    assert_eq!(run.client.times("SliceStarted"), [1, 25, 50, 75]);
    assert_eq!(run.client.times("FillBooked"), [31, 55, 80, 105]);
    run.ended.unwrap();
}

#[test]
fn balances_of_the_config_are_those_of_their_account() {
    let mut json = genesis();
    json["risk"]["needs_funds"] = json!(true);
    let tape = [opening(), vec![tick(100), tick(1_000)]].concat();
    for (account, fills) in [(7, 1), (8, 0)] {
        let amount = 10_000 * ONE;
        json["balances"] = json!([{"account": account, "venue": 0, "asset": 1, "amount": amount}]);
        let run = run_as(&json, &tape, at(100, buy(1)));
        assert_eq!(run.client.fills().len(), fills, "account {account}");
    }
}

/// Each answers what it hears with one more command, for ever; no time passes.
#[test]
fn a_client_that_answers_its_own_echoes_is_stopped() {
    let past: fn(Ts, &Output) -> Option<Input> = |ts, output| match output {
        Output::TimerFired(timer) => Some(SetTimer { id: timer.id, ts_due: ts.plus_ns(-1), cause_seq: 0 }.into()),
        _ => None,
    };
    let again: fn(Ts, &Output) -> Option<Input> = |_, output| match output {
        Output::Refused(refused) => Some(CancelOrder { orig_cl_ord_id: ClOrdId(refused.id), cause_seq: 0 }.into()),
        _ => None,
    };
    let timer = SetTimer { id: 1, ts_due: Ts::new(START), cause_seq: 0 };
    let unknown = CancelOrder { orig_cl_ord_id: ClOrdId(99), cause_seq: 0 };
    for (answer, first) in [(past, Input::from(timer)), (again, unknown.into())] {
        let client = Script { answer: Some(answer), ..at(100, first) };
        let run = run_as(&genesis(), &[opening(), vec![tick(100), tick(1_000)]].concat(), client);
        assert!(matches!(run.ended, Err(DriveError::TooManyCommands)));
        assert_eq!(run.ending, Ending::Interrupted, "what it did until then is sealed");
    }
}

#[test]
fn a_client_that_fails_leaves_a_journal_that_is_sealed_as_interrupted() {
    let client = Script { fails_at: Some(200), ..at(100, buy(1)) };
    let run = run_as(&genesis(), &[opening(), vec![tick(100), tick(200), tick(300)]].concat(), client);
    assert!(matches!(run.ended, Err(DriveError::Client("the strategy failed"))));
    assert_eq!(run.ending, Ending::Interrupted);
    assert_eq!(run.client.fills().len(), 1);
}

#[test]
fn a_run_that_is_cut_short_is_sealed_as_interrupted() {
    let tape = [opening(), (1..40_000).map(tick).collect()].concat();
    let run = run_as(&genesis(), &tape, Script { cut_at: Some(20_000), ..Script::default() });
    assert!(run.ended.unwrap().interrupted);
    assert_eq!(run.ending, Ending::Interrupted);
    assert_eq!(run.client.progress, 3);
}

/// A timer each nanosecond between two records: the person who waits is asked all the same.
#[test]
fn progress_is_told_while_the_market_stands_still() {
    let next: fn(Ts, &Output) -> Option<Input> = |ts, output| match output {
        Output::TimerFired(timer) => Some(SetTimer { id: timer.id, ts_due: ts.plus_ns(1), cause_seq: 0 }.into()),
        _ => None,
    };
    let timer = SetTimer { id: 1, ts_due: Ts::new(START + 101), cause_seq: 0 };
    let client = run(&[tick(100), tick(50_000)], Script { answer: Some(next), ..at(100, timer) });
    assert_eq!(client.times("TimerFired").len(), 49_900);
    assert!(client.progress >= 4, "{}", client.progress);
}

#[test]
fn an_empty_tape_is_a_run_without_events() {
    let run = run_as(&genesis(), &[], at(0, buy(1)));
    assert_eq!(run.ended.unwrap().ts, Ts::ZERO);
    assert_eq!(run.client.outputs, []);
}

#[test]
fn the_same_run_twice_gives_the_same_digest() {
    let digest = || {
        let tape = [opening(), vec![tick(100), ask(120, 150, 0), tick(1_000)]].concat();
        run_as(&genesis(), &tape, at(100, buy(1))).ended.unwrap().digest
    };
    assert_eq!(digest(), digest());
}

#[test]
fn orders_of_other_books_do_not_wait_for_each_other() {
    let linear =
        SubmitOrder { time_in_force: TimeInForce::Gtc, order_qty: lots(5), ..order(2, LINEAR, Side::Buy, 59_990) };
    let client = Script { at_record: vec![(100, linear.into()), (200, buy(1).into())], ..Script::default() };
    let mut trade = record(MarketKind::Trade, 205, 260, Side::Sell, 59_990, ONE);
    trade.instrument = InstrumentId(1);
    let client = run(&[tick(100), tick(200), trade, tick(1_000)], client);
    assert_eq!(client.fills(), [(5, 59_990, 205), (10, 60_001, 210)]);
    assert_eq!(client.times("FillBooked"), [225, 230]);
}
