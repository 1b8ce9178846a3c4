//! Options of the desk: surfaces that it takes, and what a program reads of them, against the closed form.

mod desk;

use desk::{INVERSE, LINEAR, SEC, SPOT, START, Trial, algo, genesis, parent, refusal};
use serde_json::{Value, json};
use tiderace_model::black::Black76;
use tiderace_program::{Arg, Form, Type};
use tiderace_types::input::{SubmitParent, SurfaceTaken};
use tiderace_types::venue::{SurfaceForward, SurfacePublished, SurfaceVol};
use tiderace_types::{Amount, AssetId, InstrumentId, Output, PutOrCall, Reason, Side, Ts};

const MARKS: &[u8] = include_bytes!("programs/marks.form");
const OPTION: InstrumentId = InstrumentId(3);
const ONE_E12: i64 = 1_000_000_000_000;
/// A tenth of a year from the start.
const MATURITY: i64 = START + 36 * DAY + DAY / 2;
const NS_A_YEAR: f64 = 365.0 * 86_400.0 * 1e9;
const DAY: i64 = 86_400 * SEC;
const STRIKE: f64 = 62_000.0;

/// The desk of the trials with a coin call of strike 62000 behind the three, in ticks of 0.0001 BTC and lots of 0.1.
fn with_option() -> Value {
    let mut genesis = genesis();
    let mut option = genesis["instruments"][1].clone();
    for (key, value) in [
        ("id", json!(3)),
        ("venue", json!(3)),
        ("symbol", json!("BTC-62000-C")),
        ("kind", json!("option")),
        ("quote", json!(0)),
        ("settle", json!(0)),
        ("tick_size", json!(ONE_E12 / 10_000)),
        ("lot_size", json!(ONE_E12 / 10)),
        ("contract_multiplier", json!(ONE_E12)),
        ("min_notional", json!(0)),
        ("maturity_ns", json!(MATURITY)),
        ("strike_price", json!(620_000_000)),
        ("put_or_call", json!("call")),
    ] {
        option[key] = value;
    }
    let add = |list: &mut Value, row: Value| list.as_array_mut().unwrap().push(row);
    add(&mut genesis["instruments"], option);
    add(&mut genesis["venues"], json!("options"));
    let (limits, cost) = (genesis["risk"]["instruments"][0].clone(), genesis["route"]["costs"][0].clone());
    add(&mut genesis["risk"]["instruments"], limits);
    add(&mut genesis["route"]["costs"], cost);
    let terms = genesis["sim"]["instruments"][2].clone();
    add(&mut genesis["sim"]["instruments"], terms);
    let (form, _) = Form::decode(MARKS).unwrap();
    let int = |value: i64| Arg::Int(value.into());
    let mut params = Vec::new();
    // The vol and the price that it asks about, and a value in 10^-9 of a coin or of money.
    let fields = [int(1), int(600_000_000), int(350), int(20_050_000)];
    form.pack(Type::Table(form.params.unwrap()), &Arg::List(fields.to_vec()), &mut params).unwrap();
    genesis["algos"] = json!([algo(MARKS, &params)]);
    genesis
}

fn surface(version: u64) -> SurfaceTaken {
    let e12 = |value: i64| Amount::new(i128::from(value) * i128::from(ONE_E12));
    let maturity = Ts::new(MATURITY);
    let forward = SurfaceForward { maturity, forward: e12(60_000), discount: e12(1), rate: Amount::ZERO };
    let vol = SurfaceVol { instrument: OPTION, vol: Amount::new(550_000_000_000) };
    SurfaceTaken { surface: SurfacePublished { base: AssetId(0), version, forwards: vec![forward], vols: vec![vol] } }
}

/// A desk whose program reads the option (venue 1) and the linear perpetual (venue 0).
fn reading() -> Trial {
    let mut trial = Trial::with(&with_option());
    trial.all_live();
    trial.snapshot(OPTION, 300, 10);
    trial.apply(SubmitParent { algo: 0, instruments: 0b1010, duration_ns: 2 * DAY, ..parent() });
    trial
}

fn notes(out: &[Output]) -> Vec<i64> {
    out.iter().filter_map(|o| if let Output::ProgramNoted(note) = o { Some(note.value) } else { None }).collect()
}

/// What the program says of the option at the next message of its book.
fn said(trial: &mut Trial) -> Vec<i64> {
    let out = trial.level(OPTION, Side::Buy, 290, 1);
    notes(&out)
}

/// What it is to say, by the closed form, at a forward.
fn closed_form(now: i64, forward: f64) -> Vec<i64> {
    let at = |vol: f64| Black76 {
        forward,
        strike: STRIKE,
        t: (MATURITY - now) as f64 / NS_A_YEAR,
        vol,
        discount: 1.0,
        put_or_call: PutOrCall::Call,
    };
    let ticks = |vol: f64| at(vol).price().unwrap() / forward / 0.0001;
    let implied = at(0.5).implied_vol(350.0 * 0.0001 * forward).unwrap();
    let greeks = at(0.55).greeks().unwrap();
    let delta = greeks.delta - greeks.price / forward;
    let round = |value: f64| value.round() as i64;
    vec![
        550_000_000,
        ticks(0.6).floor() as i64,
        ticks(0.6).ceil() as i64,
        (implied * 1e9).floor() as i64,
        round(delta * 1e9),
        round(greeks.vega / forward / 100.0 * 1e9),
        200,
        // So little money is less than a tick, rounded up.
        1,
        1_000_000_000,
        0,
    ]
}

fn assert_close(said: &[i64], wanted: &[i64]) {
    assert_eq!(said.len(), wanted.len());
    for (said, wanted) in said.iter().zip(wanted) {
        assert!(said.abs_diff(*wanted) <= 2, "{said} is not {wanted}");
    }
}

#[test]
fn a_program_reads_what_the_closed_form_says() {
    let mut trial = reading();
    assert_eq!(trial.apply(surface(1)), []);
    assert_close(&said(&mut trial), &closed_form(trial.now, 60_000.0));
    trial.pass(DAY);
    assert_close(&said(&mut trial), &closed_form(trial.now, 60_000.0));
    trial.end();
}

#[test]
fn the_forward_moves_with_the_first_perpetual_between_two_surfaces() {
    let mut trial = reading();
    trial.apply(surface(1));
    trial.snapshot(LINEAR, 60_190, 10);
    // The inverse perpetual and spot stand behind it, and move nothing.
    trial.snapshot(INVERSE, 59_000, 6_000);
    trial.snapshot(SPOT, 59_000, 10);
    assert_close(&said(&mut trial), &closed_form(trial.now, 60_000.0 * 60_190.0 / 59_990.0));
    trial.apply(surface(2));
    assert_close(&said(&mut trial), &closed_form(trial.now, 60_000.0));
    trial.end();
}

#[test]
fn nothing_is_known_without_a_surface_a_live_underlying_or_time_to_expiry() {
    let mut trial = reading();
    let none = [0, 0, 0, 0, 0, 0, 0, 0, 1_000_000_000, 0];
    assert_eq!(said(&mut trial), none);
    trial.apply(surface(1));
    trial.gap(LINEAR);
    assert_eq!(said(&mut trial), [&[550_000_000], &none[1..]].concat());
    trial.snapshot(LINEAR, 59_990, 10);
    assert_close(&said(&mut trial), &closed_form(trial.now, 60_000.0));
    trial.now = MATURITY;
    assert_eq!(said(&mut trial), [&[550_000_000], &none[1..]].concat());
}

#[test]
fn a_surface_before_the_underlyings_book_counts_from_its_first_mid() {
    let mut trial = Trial::with(&with_option());
    trial.apply(surface(1));
    trial.all_live();
    trial.snapshot(OPTION, 300, 10);
    trial.apply(SubmitParent { algo: 0, instruments: 0b1010, ..parent() });
    assert_close(&said(&mut trial), &closed_form(trial.now, 60_000.0));
    trial.snapshot(LINEAR, 60_190, 10);
    assert_close(&said(&mut trial), &closed_form(trial.now, 60_000.0 * 60_190.0 / 59_990.0));
}

#[test]
fn a_surface_that_is_not_newer_or_not_of_the_options_is_refused_whole() {
    let mut trial = reading();
    trial.apply(surface(5));
    let told = said(&mut trial);
    let changed = |change: &dyn Fn(&mut SurfacePublished)| {
        let mut taken = surface(6);
        change(&mut taken.surface);
        taken
    };
    let cases = [
        (surface(5), Reason::OldSurface),
        (changed(&|surface| surface.vols[0].instrument = SPOT), Reason::UnknownSymbol),
        (changed(&|surface| surface.vols[0].instrument = InstrumentId(9)), Reason::UnknownSymbol),
        (changed(&|surface| surface.base = AssetId(1)), Reason::UnknownSymbol),
        (changed(&|surface| surface.forwards.clear()), Reason::IncompleteSurface),
        (changed(&|surface| surface.vols[0].vol = Amount::ZERO), Reason::BadVol),
        (changed(&|surface| surface.vols[0].vol = Amount::new(i128::MAX)), Reason::BadVol),
        (changed(&|surface| surface.forwards[0].forward = Amount::new(-1)), Reason::BadField),
        (changed(&|surface| surface.forwards[0].discount = Amount::new(i128::MAX)), Reason::BadField),
        (changed(&|surface| surface.vols.push(surface.vols[0])), Reason::BadField),
    ];
    for (taken, reason) in cases {
        let out = trial.apply(taken);
        assert_eq!(refusal(&out).0, reason);
    }
    assert_eq!(said(&mut trial), told, "nothing of them was taken");
    trial.end();
}

#[test]
fn the_run_is_over_for_surfaces_too() {
    let mut trial = reading();
    trial.end();
    let out = trial.apply(surface(1));
    assert_eq!(refusal(&out).0, Reason::RunEnded);
}
