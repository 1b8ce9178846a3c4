//! A desk that dies and is made again from its journal goes on where it was, while the market and the venue live on.
//!
//! The venue keeps what rests there, and what is under way arrives: orders at the venue, reports and market data at the
//! desk that is made again. Where the journal holds all that the desk took in, the run comes out as if nobody had died.
//! Where the last inputs are lost, no order may have left because of them; then the reports are told again, and no child
//! is sent twice.

#[path = "../../engine/tests/desk/mod.rs"]
mod desk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use desk::{ONE, SEC, START, algo, configured, genesis, rows, scratch};
use serde_json::{Value, json};
use tiderace_engine::config::Balance;
use tiderace_engine::replay::{read_genesis, replay};
use tiderace_engine::{Desk, DeskConfig, Engine, KIND_SEAL};
use tiderace_journal::Writer;
use tiderace_program::{Arg, Const, Form, Type, TypeDef};
use tiderace_sim::driver::{Client, Driver, World};
use tiderace_sim::rng::Rng;
use tiderace_sim::{Latency, Leg, OwnVenue, Reports, SimConfig};
use tiderace_types::input::{BalanceSet, Timer};
use tiderace_types::{ExecId, ExecType, Input, MarketEvent, Output, Ts};

const ONE_E9: i128 = 1_000_000_000;

/// Every algorithm that trades what this market has, and what it needs beside its defaults.
const ALGOS: [(&str, &[(&str, i128)]); 17] = [
    ("twap", &[]),
    ("vwap", &[]),
    ("pov", &[]),
    ("is", &[]),
    ("close", &[]),
    ("iceberg", &[]),
    ("peg", &[]),
    ("sniper", &[]),
    ("split", &[("interval", 5_000_000_000)]),
    ("scale", &[]),
    ("stop", &[("trail", 5), ("slip", 1_000), ("dwell", 100_000_000)]),
    ("grid", &[("size", 10_000_000), ("step", 5)]),
    ("quote_as", &[("unit", 10_000_000)]),
    ("quote_glft", &[("unit", 10_000_000)]),
    ("hedge", &[("held", 100_000_000), ("interval", 1_000_000_000), ("slip", 200)]),
    ("pairs", &[("low", 1_000), ("high", 5_000), ("slip", 50), ("size", 100_000_000)]),
    (
        "combo",
        &[
            ("ratios.0", 1),
            ("ratios.1", -1),
            ("deltas.0", ONE_E9),
            ("deltas.1", ONE_E9),
            ("units", 50),
            ("net", 10_000),
            ("slip", 50),
        ],
    ),
];

fn form(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../algo/forms/{name}.form"));
    std::fs::read(path).unwrap()
}

/// Parameters as declared, but for those that are given.
fn params(bytes: &[u8], given: &[(&str, i128)]) -> Vec<u8> {
    let (form, _) = Form::decode(bytes).unwrap();
    let Some(table) = form.params else { return Vec::new() };
    let TypeDef::Record { fields, .. } = &form.types[usize::from(table)] else { panic!("parameters are a record") };
    let values = fields.iter().zip(&form.param_decls);
    let mut values: Vec<Arg> =
        values.map(|(field, decl)| decl.default.map_or_else(|| zero(&form, field.ty), of_const)).collect();
    for (name, value) in given {
        // An element of an array has its number behind a dot.
        let (name, element) = name.split_once('.').map_or((*name, None), |(name, at)| (name, Some(at)));
        let row = fields.iter().position(|field| field.name == name).unwrap();
        match (&mut values[row], element) {
            (Arg::List(elements), Some(at)) => elements[at.parse::<usize>().unwrap()] = Arg::Int(*value),
            (own, _) => *own = Arg::Int(*value),
        }
    }
    let mut out = Vec::new();
    form.pack(Type::Table(table), &Arg::List(values), &mut out).unwrap();
    out
}

fn of_const(value: Const) -> Arg {
    match value {
        Const::I64(_, value) => Arg::Int(value.into()),
        Const::I128(_, value) => Arg::Int(value),
        Const::Bool(value) => Arg::Bool(value),
        Const::Float(bits) => Arg::Float(f64::from_bits(bits)),
    }
}

fn zero(form: &Form, ty: Type) -> Arg {
    match ty {
        Type::Scalar(_) => Arg::Int(0),
        Type::Table(row) => match &form.types[usize::from(row)] {
            TypeDef::Array { element, len } => Arg::List((0..*len).map(|_| zero(form, *element)).collect()),
            TypeDef::Record { .. } => panic!("no parameter is a record"),
        },
    }
}

/// Two BTC in twelve seconds; messages are under way for long, so that a crash finds some there.
fn config(name: &str, given: &[(&str, i128)], seed: u64) -> Value {
    let bytes = form(name);
    let mut json = genesis();
    configured(&mut json, desk::TAKING, 2 * ONE, 12 * SEC, if name == "hedge" { 0b110 } else { 0b111 });
    json["algos"] = json!([algo(&bytes, &params(&bytes, given))]);
    json["parents"][0]["seed"] = json!(seed);
    json["parents"][0]["side"] = json!(if seed.is_multiple_of(2) { "buy" } else { "sell" });
    json["parents"][0]["at_end"] = json!("take");
    let (form, _) = Form::decode(&bytes).unwrap();
    if form.meta.iter().any(|(key, value)| key == "kind" && value == "two_sided") {
        (json["parents"][0]["side"], json["parents"][0]["at_end"]) = (json!("buy"), json!("expire"));
        json["parents"][0]["limit"] = json!(0);
    }
    for row in 0..3 {
        json["instruments"][row]["tick_size"] = json!(100_000_000_000_i64);
    }
    json["prints_own"] = json!(true);
    json["sim"]["feed"] = json!({"uniform_ns": [1_000_000, 20_000_000]});
    json["sim"]["order_entry"] = json!({"uniform_ns": [5_000_000, 80_000_000]});
    json["sim"]["response"] = json!({"uniform_ns": [5_000_000, 80_000_000]});
    json["sim"]["seed"] = json!(seed);
    json["sim"]["own_venue"] = json!({"start": START, "duration_ns": 14 * SEC});
    json
}

fn parts(json: &Value) -> (DeskConfig, SimConfig) {
    let config = DeskConfig::from_json(&json.to_string()).unwrap();
    let sim = serde_json::from_value(config.sim.clone()).unwrap();
    (config, sim)
}

/// What of a crash is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// The memory of the process alone.
    Memory,
    /// The inputs, too, that were not yet with the operating system.
    Tail,
}

/// When a desk dies, by what it just did.
struct Crashes {
    rng: Rng,
    lost: Lost,
    /// One step in so many, and one in so many that sent something.
    one_in: [u64; 2],
    count: u32,
}

/// Everything of a run but the desk's process.
struct Outside {
    world: OwnVenue,
    reports: VecDeque<(Ts, Input)>,
    latency: Latency,
    ts_last: Ts,
    leaving: Reports,
    tape: Vec<MarketEvent>,
    now: Ts,
    /// What reached the desk since its journal was last with the operating system, but for market data.
    unsaved: Vec<Input>,
    /// Orders, cancels and the like, as they left the desk.
    sent: Vec<(Ts, Output)>,
    /// Every report on its way to the desk.
    told: Vec<Input>,
}

impl Outside {
    fn new(json: &Value) -> Self {
        let (config, sim) = parts(json);
        Self {
            world: OwnVenue::new(&config, &sim).unwrap(),
            reports: VecDeque::new(),
            latency: Latency::new(sim.response, sim.seed, Leg::Response),
            ts_last: Ts::MIN,
            leaving: Vec::new(),
            tape: Vec::new(),
            now: Ts::new(START),
            unsaved: Vec::new(),
            sent: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Moves the venue as far as it is due; what it says leaves for the desk.
    fn step_world(&mut self) {
        self.world.step(&mut self.leaving);
        for (ts, report) in self.leaving.drain(..) {
            self.ts_last = self.ts_last.max(ts.plus_ns(self.latency.draw_ns()));
            self.told.push(report.clone());
            self.reports.push_back((self.ts_last, report));
        }
    }
}

/// A desk's process: what dies.
struct Process {
    engine: Engine,
    path: PathBuf,
    /// What the desk put out, with what is made again of it.
    outputs: Vec<(Ts, Output)>,
    saves_first: bool,
}

impl Process {
    fn new(genesis: &str, saves_first: bool) -> Self {
        let config = DeskConfig::from_json(genesis).unwrap();
        let path = scratch();
        let writer = Writer::create(&path).unwrap();
        let engine = Engine::new(Desk::new(&config).unwrap(), genesis, Some(writer)).unwrap();
        Self { engine, path, outputs: Vec::new(), saves_first }
    }

    /// From what a dead one left.
    fn recovered(dead: &Path, tape: &[MarketEvent], saves_first: bool) -> (Self, usize) {
        let mut process = Self::new(&read_genesis(dead).unwrap(), saves_first);
        let mut events = 0;
        for row in rows(&dead.to_path_buf()).iter().skip(1) {
            assert_ne!(row.kind, KIND_SEAL);
            match Input::decode(row.kind, &row.payload).unwrap() {
                Input::MarketData(reference) => {
                    assert_eq!(usize::try_from(reference.offset).unwrap(), events);
                    for event in &tape[events..][..usize::try_from(reference.count).unwrap()] {
                        process.engine.market(u64::try_from(events).unwrap(), event).unwrap();
                        process.note(event.ts_recv);
                        events += 1;
                    }
                }
                input => {
                    process.engine.input(Ts::new(row.ts), &input).unwrap();
                    process.note(Ts::new(row.ts));
                }
            }
        }
        process.engine.flush().unwrap();
        std::fs::remove_file(dead).unwrap();
        (process, events)
    }

    fn note(&mut self, ts: Ts) {
        self.outputs.extend(self.engine.outputs().iter().map(|output| (ts, *output)));
    }

    /// What was put out goes; whether anything went.
    fn send(&mut self, outside: &mut Outside, ts: Ts) -> bool {
        self.note(ts);
        let leaves = |output: &Output| {
            matches!(
                output,
                Output::OrderSent(_) | Output::CancelSent(_) | Output::ReplaceSent(_) | Output::StatusRequested(_)
            )
        };
        let messages: Vec<Output> = self.engine.outputs().iter().copied().filter(leaves).collect();
        if !messages.is_empty() && self.saves_first {
            self.save(outside);
        }
        for message in &messages {
            outside.world.send(ts, message);
            outside.sent.push((ts, *message));
        }
        !messages.is_empty()
    }

    fn save(&mut self, outside: &mut Outside) {
        self.engine.flush().unwrap();
        outside.unsaved.clear();
    }

    fn input(&mut self, outside: &mut Outside, input: &Input) -> bool {
        self.engine.input(outside.now, input).unwrap();
        self.send(outside, outside.now)
    }

    fn market(&mut self, outside: &mut Outside, index: usize, event: &MarketEvent) -> bool {
        self.engine.market(u64::try_from(index).unwrap(), event).unwrap();
        self.send(outside, outside.now)
    }

    /// The next thing that happens: as the driver has it. None where nothing does; else whether the desk sent anything.
    fn step(&mut self, outside: &mut Outside) -> Option<bool> {
        let ts_report = outside.reports.front().map_or(Ts::MAX, |(ts, _)| *ts);
        let (ts_world, ts_timer) = (outside.world.due(), self.engine.desk().next_timer());
        let ts_market = outside.world.ts_record();
        let ts = ts_world.min(ts_report).min(ts_timer).min(ts_market);
        if ts == Ts::MAX || ts > outside.world.ts_end() {
            return None;
        }
        if ts == ts_world {
            outside.step_world();
            return Some(false);
        }
        outside.now = outside.now.max(ts);
        if ts == ts_report {
            let (_, report) = outside.reports.pop_front().unwrap();
            outside.unsaved.push(report.clone());
            Some(self.input(outside, &report))
        } else if ts == ts_timer {
            Some(self.input(outside, &Timer { ts_due: ts_timer }.into()))
        } else {
            let (index, event) = outside.world.take_record().unwrap();
            outside.tape.push(event);
            Some(self.market(outside, usize::try_from(index).unwrap(), &event))
        }
    }

    /// Dies, and is made again from its journal; of what was lost the reports and the market data come again.
    fn die(mut self, outside: &mut Outside, lost: Lost) -> Self {
        if lost == Lost::Memory {
            self.save(outside);
        }
        let Self { path, saves_first, engine, .. } = self;
        drop(engine);
        let (mut process, events) = Self::recovered(&path, &outside.tape, saves_first);
        let again = core::mem::take(&mut outside.unsaved);
        for index in events..outside.tape.len() {
            let event = outside.tape[index];
            process.market(outside, index, &event);
        }
        for report in again {
            outside.unsaved.push(report.clone());
            process.input(outside, &report);
        }
        process
    }
}

/// A run to its end.
struct Run {
    outside: Outside,
    outputs: Vec<(Ts, Output)>,
    crashes: u32,
}

fn run(json: &Value, mut crashes: Option<Crashes>) -> Run {
    let (config, _) = parts(json);
    let mut outside = Outside::new(json);
    let saves_first = crashes.as_ref().is_some_and(|crashes| crashes.lost == Lost::Tail);
    let mut process = Process::new(&json.to_string(), saves_first);
    for balance in &config.balances {
        let Balance { account, venue, asset, amount } = *balance;
        process.input(&mut outside, &BalanceSet { account, venue, asset, amount }.into());
    }
    for parent in &config.parents {
        process.input(&mut outside, &parent.command(0).into());
    }
    if crashes.is_some() {
        process.save(&mut outside);
    }
    while let Some(has_sent) = process.step(&mut outside) {
        let Some(crashes) = &mut crashes else { continue };
        if crashes.rng.below(crashes.one_in[usize::from(has_sent)]) == 0 {
            crashes.count += 1;
            process = process.die(&mut outside, crashes.lost);
        }
    }
    let digest = process.engine.finish(outside.now, false).unwrap();
    process.note(outside.now);
    let replayed = replay(&process.path, &outside.tape).unwrap();
    assert_eq!(replayed.digest, digest, "the journal that went on is a whole one");
    std::fs::remove_file(&process.path).unwrap();
    Run { outside, outputs: process.outputs, crashes: crashes.map_or(0, |crashes| crashes.count) }
}

fn crashes(seed: u64, lost: Lost) -> Option<Crashes> {
    Some(Crashes { rng: Rng::new(seed, 0x6372_6173), lost, one_in: [1_000, 5], count: 0 })
}

/// Trades of which the desk was told, those still under way at the end left out; a report told again is one.
fn told(outside: &Outside) -> BTreeSet<ExecId> {
    let (arrived, _) = outside.told.split_at(outside.told.len() - outside.reports.len());
    arrived
        .iter()
        .filter_map(|input| match input {
            Input::ExecutionReport(report) if report.exec_type == ExecType::Trade => Some(report.exec_id),
            _ => None,
        })
        .collect()
}

/// Trades that the desk booked, each as often as it did.
fn booked(outputs: &[(Ts, Output)]) -> Vec<ExecId> {
    let fill = |output: &Output| if let Output::FillBooked(fill) = output { Some(fill.exec_id) } else { None };
    outputs.iter().filter_map(|(_, output)| fill(output)).collect()
}

/// Every algorithm with its seeds: one each, or 50.
fn trials() -> impl Iterator<Item = (&'static str, &'static [(&'static str, i128)], u64)> {
    let each = if std::env::var("TIDERACE_FULL").as_deref() == Ok("1") { 50 } else { 1 };
    (0..each).flat_map(move |round| ALGOS.iter().zip(round..).map(|((name, given), seed)| (*name, *given, seed)))
}

/// Notes what comes out of a desk that a driver drives.
#[derive(Default)]
struct Notes(Vec<(Ts, Output)>);

impl Client for Notes {
    type Error = core::convert::Infallible;

    fn on_start(&mut self, _: &Engine, _: Ts, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn on_market(&mut self, _: &Engine, _: &MarketEvent, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn on_output(&mut self, _: &Engine, ts: Ts, output: &Output, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        self.0.push((ts, *output));
        Ok(())
    }
    fn on_stop(&mut self, _: &Engine, _: Ts, _: &mut Vec<Input>) -> Result<(), Self::Error> {
        Ok(())
    }
    fn on_progress(&mut self, _: u64, _: u64) -> bool {
        true
    }
}

#[test]
fn the_run_that_is_killed_is_the_run_of_the_driver() {
    for (name, given) in &ALGOS[..3] {
        let json = config(name, given, 1);
        let (desk, sim) = parts(&json);
        let mut engine = Engine::new(Desk::new(&desk).unwrap(), &json.to_string(), None).unwrap();
        let (world, mut notes) = (OwnVenue::new(&desk, &sim).unwrap(), Notes::default());
        let (ended, world) = Driver::over(&mut engine, &mut notes, world, &sim).run(&desk).unwrap();
        let own = run(&json, None);
        assert_eq!(own.outside.tape, world.into_tape(), "{name}");
        assert!(own.outputs.starts_with(&notes.0), "{name}");
        assert!(notes.0.iter().any(|(_, output)| matches!(output, Output::FillBooked(_))), "{name}");
        assert_eq!(ended.ts, own.outside.now, "{name}");
    }
}

#[test]
fn a_desk_that_dies_and_is_made_again_goes_on_as_if_it_had_not() {
    let (mut died, mut sent) = (0, BTreeMap::new());
    for (name, given, seed) in trials() {
        let json = config(name, given, seed);
        let whole = run(&json, None);
        let killed = run(&json, crashes(seed, Lost::Memory));
        let differs = whole.outputs.iter().zip(&killed.outputs).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{name}, seed {seed}, {} deaths", killed.crashes);
        assert_eq!(whole.outputs.len(), killed.outputs.len());
        assert!(whole.outside.sent == killed.outside.sent && whole.outside.tape == killed.outside.tape);
        died += killed.crashes;
        *sent.entry(name).or_insert(0) += whole.outside.sent.len();
    }
    println!("died {died} times; sent {sent:?}");
    assert!(died > 100 && sent.values().all(|count| *count > 0), "died {died} times; sent {sent:?}");
}

#[test]
fn a_desk_that_lost_what_it_took_in_last_sends_no_child_twice() {
    let mut died = 0;
    for (name, given, seed) in trials() {
        let killed = run(&config(name, given, seed), crashes(seed, Lost::Tail));
        died += killed.crashes;
        let mut keys = BTreeSet::new();
        for (_, output) in &killed.outside.sent {
            if let Output::OrderSent(sent) = output {
                assert!(keys.insert(sent.cl_ord_id), "{name}, seed {seed}: {sent:?} again");
            }
        }
        let (told, booked) = (told(&killed.outside), booked(&killed.outputs));
        assert_eq!(booked.iter().copied().collect::<BTreeSet<_>>(), told, "{name}, seed {seed}");
        assert_eq!(booked.len(), told.len(), "{name}, seed {seed}: booked twice");
        let broken = killed.outputs.iter().find(|(_, output)| matches!(output, Output::BreakRaised(_)));
        assert_eq!(broken, None, "{name}, seed {seed}");
    }
    println!("died {died} times");
    assert!(died > 100, "died {died} times");
}
