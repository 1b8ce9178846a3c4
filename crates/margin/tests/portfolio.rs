//! Portfolio margin against a slow oracle, and what always holds.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{STEP, factor, option, perpetual, rate};
use proptest::prelude::*;
use tiderace_margin::arrays::{EXTRA, LOTS_MAX, Scale};
use tiderace_margin::{
    ArraysError, Cause, Expiry, FillAt, Leg, LegKind, Params, ParamsError, Portfolio, RiskArrays, Terms, sets,
};
use tiderace_types::PutOrCall::{Call, Put};
use tiderace_types::{Amount, Style};

const PARAMS: &str = r#"
    scenarios = [
        { spot = "0.1", vol = "up" }, { spot = "0", vol = "down" }, { spot = "-0.1" },
        { spot = "3", vol = "up", damping = "0.25", kind = "tail" }, { spot = "0", vol = "abs", kind = "skew" },
    ]
    vol_shock = { up = "0.5", down = "0.25", short_term_power = "0.3", long_term_power = "0.13", days_floor = "1", reference_days = "30" }
    skew = { linear_cap = "0.25", linear_slope = "0", abs_cap = "0.25", abs_slope = "0", min_width = "0.01", width_scale = "4", vol_static = "0.6", vol_slope = "0" }
    loss_factor = { initial = "1.25", maintenance = "0.8" }
    forward_contingency = { up = "0.05", down = "-0.05", add = "0.5", mult = "2" }
    contingency = { perpetual = { initial = "0.01", maintenance = "0.03" }, option = { initial = "0.002", maintenance = "0.003" } }
"#;

fn params() -> Params {
    sets::parse(PARAMS).unwrap()
}

/// 0.96 and 1.03 in 2^-40, and a forward share of 0.75.
const SCALES: [i64; 3] = [1_055_531_162_664, 1_132_496_976_610, 824_633_720_832];
const LEGS: usize = 12;
const SCENARIOS: usize = 5;
const WIDTH: usize = SCENARIOS + EXTRA;

fn expiry(maturity_ns: i64) -> Expiry {
    let [long, short, forward] = SCALES.map(|value| Scale::new(value).unwrap());
    Expiry { maturity_ns, long, short, forward }
}

/// Two perpetuals, then of each of two expiries two pairs of options and a future.
fn legs() -> Vec<Leg> {
    let leg = |id: usize, kind, pair: Option<usize>| {
        let instrument = match kind {
            LegKind::Option { .. } => option(id as u16, 100.0, if id % 2 == 0 { Call } else { Put }, Style::Linear),
            LegKind::Perpetual | LegKind::Future { .. } => perpetual(id as u16, Style::Linear, STEP),
        };
        Leg {
            instrument: instrument.id,
            kind,
            notional: 100_000_000_000,
            pair: pair.map(|pair| pair as u32),
            terms: Terms::of(&instrument, 12).unwrap(),
            mark: rate("100"),
        }
    };
    let mut legs = vec![leg(0, LegKind::Perpetual, None), leg(1, LegKind::Perpetual, None)];
    for expiry in 0..2_u16 {
        let start = legs.len();
        for id in start..start + 4 {
            legs.push(leg(id, LegKind::Option { expiry }, Some(start + ((id - start) ^ 1))));
        }
        legs.push(leg(start + 4, LegKind::Future { expiry }, None));
    }
    legs
}

fn arrays_of(rows: Vec<i64>) -> RiskArrays {
    RiskArrays::new(&params(), 6, vec![expiry(1), expiry(2)], legs(), rows).unwrap()
}

/// The same sums, in the order of the definition, from scratch.
struct Oracle {
    worst: i128,
    forward: i128,
    perpetual: i128,
    option: i128,
    rows: Vec<i128>,
}

fn scaled(value: i128, scale: i64) -> i128 {
    (value * i128::from(scale)).div_euclid(1 << 40)
}

fn valued(value: i128) -> i128 {
    scaled(value, if value < 0 { SCALES[1] } else { SCALES[0] })
}

fn damped(scenario: usize, pnl: i128) -> i128 {
    if scenario == 3 { pnl.div_euclid(4) } else { pnl }
}

fn oracle(rows: &[i64], lots: &[i64], orders: &[FillAt]) -> Oracle {
    let legs = legs();
    let at = |leg: usize, column: usize| i128::from(rows[leg * WIDTH + column]);
    let sum = |kind: LegKind, column: usize| -> i128 {
        (0..LEGS).filter(|leg| legs[*leg].kind == kind).map(|leg| at(leg, column) * i128::from(lots[leg])).sum()
    };
    let mut all = Vec::new();
    for scenario in 0..SCENARIOS {
        let is_skew = scenario == 4;
        let mut pnl = if is_skew { 0 } else { sum(LegKind::Perpetual, scenario) };
        for expiry in 0..2 {
            let (options, futures) = (LegKind::Option { expiry }, LegKind::Future { expiry });
            let net = valued(sum(options, scenario)) - sum(options, SCENARIOS) + sum(futures, scenario);
            pnl += if is_skew { -net.abs() } else { net };
        }
        let mut pnl = damped(scenario, pnl);
        for order in orders {
            let (leg, lots) = (order.leg as usize, i128::from(order.lots));
            let value = at(leg, scenario) * lots;
            let move_of = match legs[leg].kind {
                LegKind::Perpetual if is_skew => 0,
                LegKind::Perpetual => value,
                LegKind::Future { .. } if is_skew => -value.abs(),
                LegKind::Future { .. } => value,
                LegKind::Option { .. } => {
                    let net = valued(value) - at(leg, SCENARIOS) * lots;
                    if is_skew { -net.abs() } else { net }
                }
            };
            pnl += (damped(scenario, move_of) + order.edge).min(0);
        }
        all.push(pnl);
    }
    let moves = |up: i128, down: i128| -scaled(up.min(down).min(0), SCALES[2]);
    let mut forward = 0;
    for expiry in 0..2 {
        let (options, futures) = (LegKind::Option { expiry }, LegKind::Future { expiry });
        let column =
            |extra: usize| sum(options, SCENARIOS + extra) - sum(options, SCENARIOS) + sum(futures, SCENARIOS + extra);
        forward += moves(column(1), column(2));
    }
    let perpetual_of = |leg: usize, lots: i64| match legs[leg].kind {
        LegKind::Perpetual => i128::from(legs[leg].notional) * i128::from(lots.abs()),
        LegKind::Option { .. } | LegKind::Future { .. } => 0,
    };
    let mut perpetual: i128 = lots.iter().enumerate().map(|(leg, lots)| perpetual_of(leg, *lots)).sum();
    let mut option = 0;
    for (leg, pair) in legs.iter().enumerate().filter_map(|(at, leg)| leg.pair.map(|pair| (at, pair))) {
        let naked = (-lots[leg] - lots[pair as usize].max(0)).max(0);
        option += i128::from(legs[leg].notional) * i128::from(naked);
    }
    for order in orders {
        let (leg, notional) = (order.leg as usize, i128::from(legs[order.leg as usize].notional));
        perpetual += perpetual_of(leg, order.lots);
        let column = |extra: usize| (at(leg, SCENARIOS + extra) - at(leg, SCENARIOS)) * i128::from(order.lots);
        match legs[leg].kind {
            LegKind::Perpetual => {}
            LegKind::Option { .. } => {
                forward += moves(column(1), column(2));
                option += notional * i128::from((-order.lots).max(0));
            }
            LegKind::Future { .. } => forward += moves(column(1), column(2)),
        }
    }
    let worst = all.iter().map(|pnl| -pnl).max().unwrap().max(0).max(forward);
    Oracle { worst, forward, perpetual, option, rows: all }
}

/// What the oracle asks for, in 10^-12 of the asset, where the shares are whole: initial and maintenance x 1000.
fn asked(oracle: &Oracle) -> (i128, i128) {
    let kept = oracle.perpetual * 30 + oracle.option * 3;
    (oracle.worst * 1_250 + kept + oracle.perpetual * 10 + oracle.option * 2, oracle.worst * 800 + kept)
}

fn agrees(portfolio: &Portfolio, arrays: &RiskArrays, oracle: &Oracle) {
    let requirement = portfolio.requirement(arrays).unwrap();
    for (ours, asked) in [(requirement.initial, asked(oracle).0), (requirement.maintenance, asked(oracle).1)] {
        // 10^-15 to 10^-6; each of four shares may round up once before the whole does.
        let off = ours.get() * 1_000_000_000 - asked;
        assert!((0..1_000_005_000).contains(&off), "{ours:?} for {asked}");
    }
    let report = portfolio.report(arrays).unwrap();
    assert_eq!(report.requirement, requirement);
    for (row, exact) in report.rows.iter().zip(&oracle.rows) {
        assert_eq!(row.pnl.get(), exact.div_euclid(1_000_000));
    }
    assert_eq!(report.contingencies.forward.get(), -(-oracle.forward).div_euclid(1_000_000));
    let worst = *oracle.rows.iter().min().unwrap();
    match report.cause {
        Cause::None => assert!(worst >= 0 && oracle.forward == 0),
        Cause::Scenario(scenario) => assert_eq!(oracle.rows[scenario], worst),
        Cause::Forward => assert!(oracle.forward > -worst),
    }
}

/// Rows whose delta-one legs are worth nothing unshocked.
fn any_rows() -> impl Strategy<Value = Vec<i64>> {
    let entry = -1_000_000_000_000_i64..1_000_000_000_000;
    prop::collection::vec(entry, LEGS * WIDTH).prop_map(|mut rows| {
        for (leg, terms) in legs().iter().enumerate() {
            if !matches!(terms.kind, LegKind::Option { .. }) {
                rows[leg * WIDTH + SCENARIOS] = 0;
            }
        }
        rows
    })
}

fn any_lots() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![Just(0), -1_000_000_i64..1_000_000], LEGS)
}

fn any_orders() -> impl Strategy<Value = Vec<FillAt>> {
    let order = (0..LEGS as u32, -1_000_000_i64..1_000_000, -1_000_000_000_000_000_i128..1_000_000_000_000);
    prop::collection::vec(order.prop_map(|(leg, lots, edge)| FillAt { leg, lots, edge }), 0..6)
}

fn positions(lots: &[i64]) -> Vec<(u32, i64)> {
    (0..).zip(lots.iter().copied()).collect()
}

proptest! {
    #[test]
    fn running_sums_are_what_the_definition_says(rows in any_rows(), lots in any_lots(), orders in any_orders()) {
        let arrays = arrays_of(rows.clone());
        let mut portfolio = Portfolio::of(&arrays, &positions(&lots)).unwrap();
        for order in &orders {
            portfolio.add(&arrays, order).unwrap();
        }
        agrees(&portfolio, &arrays, &oracle(&rows, &lots, &orders));
    }

    #[test]
    fn any_way_to_the_same_book_ends_in_the_same_state(
        rows in any_rows(), steps in prop::collection::vec((0..LEGS as u32, -1_000_000_i64..1_000_000), 0..30),
        orders in any_orders(),
    ) {
        let arrays = arrays_of(rows);
        let mut portfolio = Portfolio::new(&arrays);
        for order in &orders {
            portfolio.add(&arrays, order).unwrap();
        }
        let mut lots = vec![0; LEGS];
        for (leg, to) in &steps {
            let to = if to % 3 == 0 { 0 } else { *to };
            portfolio.set(&arrays, *leg, to).unwrap();
            lots[*leg as usize] = to;
        }
        for order in orders.iter().rev() {
            portfolio.remove(&arrays, order).unwrap();
        }
        let from_scratch = Portfolio::of(&arrays, &positions(&lots)).unwrap();
        prop_assert_eq!(&portfolio, &from_scratch);
        portfolio.recompute(&arrays).unwrap();
        prop_assert_eq!(portfolio, from_scratch);
    }

    #[test]
    fn a_what_if_tells_what_adding_would_ask_and_an_order_never_lowers_it(
        rows in any_rows(), lots in any_lots(), orders in any_orders(),
    ) {
        let arrays = arrays_of(rows);
        let mut portfolio = Portfolio::of(&arrays, &positions(&lots)).unwrap();
        let before = portfolio.clone();
        let after = portfolio.margin_after(&arrays, &orders).unwrap();
        prop_assert_eq!(&portfolio, &before);
        let mut last = portfolio.requirement(&arrays).unwrap();
        for order in &orders {
            portfolio.add(&arrays, order).unwrap();
            let now = portfolio.requirement(&arrays).unwrap();
            prop_assert!(now.initial >= last.initial && now.maintenance >= last.maintenance);
            last = now;
        }
        prop_assert_eq!(last, after);
        prop_assert_eq!(portfolio.requirement_of_positions(&arrays), before.requirement(&arrays));
    }

    #[test]
    fn margin_is_never_below_the_worst_scenario(rows in any_rows(), lots in any_lots(), orders in any_orders()) {
        let arrays = arrays_of(rows);
        let mut portfolio = Portfolio::of(&arrays, &positions(&lots)).unwrap();
        for order in &orders {
            portfolio.add(&arrays, order).unwrap();
        }
        let report = portfolio.report(&arrays).unwrap();
        prop_assert!(report.requirement.initial.get() >= -report.worst.pnl.get());
        prop_assert!(report.requirement.initial.get() >= report.contingencies.forward.get());
        prop_assert!(report.requirement.maintenance >= Amount::ZERO);
    }

    #[test]
    fn two_books_together_never_need_more_than_apart(rows in any_rows(), one in any_lots(), other in any_lots()) {
        // A skew row counts a gain as a loss, and netting before the discount makes gains larger: worth nothing here.
        let rows = rows.iter().enumerate().map(|(at, entry)| if at % WIDTH == 4 { 0 } else { *entry }).collect();
        let arrays = arrays_of(rows);
        let need = |lots: &[i64]| {
            let need = Portfolio::of(&arrays, &positions(lots)).unwrap().requirement(&arrays).unwrap();
            (need.initial.get(), need.maintenance.get())
        };
        let both: Vec<i64> = one.iter().zip(&other).map(|(one, other)| one + other).collect();
        let (a, b, c) = (need(&one), need(&other), need(&both));
        // Rounding: sums are rounded down by expiry and scenario before they are rounded up.
        prop_assert!(c.0 <= a.0 + b.0 + 1 && c.1 <= a.1 + b.1 + 1);
    }
}

#[test]
fn what_binds_is_named_with_the_leg_that_loses_most() {
    let mut rows = vec![0; LEGS * WIDTH];
    // A perpetual that gains 10 where the call loses 25 and the put 3 a lot.
    rows[0] = 10_000_000_000_000;
    rows[2 * WIDTH] = 25_000_000_000_000;
    rows[3 * WIDTH] = 3_000_000_000_000;
    let arrays = arrays_of(rows);
    let portfolio = Portfolio::of(&arrays, &[(0, 1), (2, -1), (3, -1)]).unwrap();
    let report = portfolio.report(&arrays).unwrap();
    assert_eq!((report.cause, report.worst.scenario), (Cause::Scenario(0), 0));
    assert_eq!(report.leg, Some((2, Amount::new(-25_000_000))));
    // 10 - 28 x 1.03, and two naked shorts and a perpetual of 0.1 each.
    assert_eq!(report.worst.pnl.get(), -18_840_001);
    assert_eq!(report.contingencies.option.maintenance.get(), 600);
    assert_eq!(report.contingencies.perpetual.initial.get(), 1_000);
    assert_eq!(report.requirement.maintenance.get(), 15_072_001 + 600 + 3_000);
    let flat = Portfolio::new(&arrays).report(&arrays).unwrap();
    assert_eq!((flat.cause, flat.leg, flat.requirement.initial.get()), (Cause::None, None, 0));
}

#[test]
fn a_long_of_the_other_kind_covers_a_short_one() {
    let arrays = arrays_of(vec![0; LEGS * WIDTH]);
    let option = |positions: &[(u32, i64)]| {
        Portfolio::of(&arrays, positions).unwrap().report(&arrays).unwrap().contingencies.option.maintenance.get()
    };
    assert_eq!(option(&[(2, -20), (3, 10)]), 3_000);
    assert_eq!(option(&[(2, -20), (3, -10)]), 9_000);
    assert_eq!(option(&[(2, -20), (5, 10)]), 6_000);
    assert_eq!(option(&[(2, 20), (3, -20)]), 0);
}

#[test]
fn an_orders_edge_is_its_fill_against_the_arrays_with_the_fee() {
    let mut rows = vec![0; LEGS * WIDTH];
    rows[2 * WIDTH + SCENARIOS] = 5_000_000_000;
    let arrays = arrays_of(rows);
    let edge = |leg, lots, limit: &str, fee| arrays.fill_at(leg, lots, rate(limit), Amount::new(fee)).unwrap().edge;
    // Lots of 0.001: a perpetual bought at 101 where the mark is 100, and sold there.
    assert_eq!(edge(0, 2, "101", 1), -2_000_000_000 - 1_000_000);
    assert_eq!(edge(0, -2, "101", 0), 2_000_000_000);
    // An option worth 5, bought at 4 and sold at 4.
    assert_eq!(edge(2, 3, "4", 0), 3_000_000_000);
    assert_eq!(edge(2, -3, "4", 2), -3_000_000_000 - 2_000_000);
    assert_eq!(arrays.fill_at(99, 1, rate("1"), Amount::ZERO), None);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let arrays = arrays_of(vec![1_i64 << 60; LEGS * WIDTH]);
    let mut portfolio = Portfolio::of(&arrays, &[(0, LOTS_MAX), (2, -LOTS_MAX), (4, LOTS_MAX)]).unwrap();
    let before = portfolio.clone();
    assert_eq!(Portfolio::of(&arrays, &[(0, LOTS_MAX + 1)]), None);
    assert_eq!(Portfolio::of(&arrays, &[(12, 1)]), None);
    assert_eq!(Portfolio::of(&arrays, &[(1, 1), (1, 2)]), None);
    assert_eq!(portfolio.set(&arrays, 12, 1), None);
    assert_eq!(portfolio.set(&arrays, 0, i64::MIN), None);
    assert_eq!(portfolio.add(&arrays, &FillAt { leg: 0, lots: i64::MIN, edge: 0 }), None);
    assert_eq!(portfolio.add(&arrays, &FillAt { leg: 0, lots: -1, edge: i128::MIN }), None);
    assert_eq!(portfolio, before);
    assert!(portfolio.requirement(&arrays).is_some());
}

#[test]
fn unsound_arrays_and_parameters_are_refused() {
    let rows = vec![0; LEGS * WIDTH];
    let expiries = || vec![expiry(1), expiry(2)];
    let made = |legs: Vec<Leg>, rows: Vec<i64>| RiskArrays::new(&params(), 6, expiries(), legs, rows).map(|_| ());
    assert_eq!(made(legs(), rows.clone()), Ok(()));
    assert_eq!(made(legs(), rows[1..].to_vec()), Err(ArraysError::Leg(11)));
    let changed = |change: fn(&mut Vec<Leg>)| {
        let mut legs = legs();
        change(&mut legs);
        made(legs, vec![0; LEGS * WIDTH])
    };
    assert_eq!(changed(|legs| legs.swap(1, 2)), Err(ArraysError::Leg(1)));
    assert_eq!(changed(|legs| legs[2].pair = Some(4)), Err(ArraysError::Leg(2)));
    assert_eq!(changed(|legs| legs[11].kind = LegKind::Future { expiry: 2 }), Err(ArraysError::Leg(11)));
    assert_eq!(changed(|legs| legs[5].notional = -1), Err(ArraysError::Leg(5)));
    let mut rows = rows;
    rows[9] = i64::MIN;
    assert_eq!(made(legs(), rows), Err(ArraysError::Leg(1)));
    let refused = |from: &str, to: &str| sets::parse(&PARAMS.replacen(from, to, 1)).unwrap_err();
    assert_eq!(refused("spot = \"-0.1\"", "spot = \"-1\""), ParamsError::OutOfRange("spot", factor("0")));
    assert_eq!(refused("0.25\", kind", "-1\", kind"), ParamsError::OutOfRange("damping", factor("-1")));
    let skew = PARAMS.lines().find(|line| line.contains("skew = {")).unwrap();
    assert_eq!(refused(skew, ""), ParamsError::NoSkew);
    assert!(matches!(refused("loss_factor", "lost_factor"), ParamsError::Text(_)));
    let none = Params { scenarios: Vec::new(), ..params() };
    assert_eq!(none.check(), Err(ParamsError::Scenarios(0)));
    let many = Params { scenarios: vec![params().scenarios[0]; 65], ..params() };
    assert_eq!(many.check(), Err(ParamsError::Scenarios(65)));
}

#[test]
fn spot_shocks_are_moves_or_factors() {
    assert!(!params().is_in_factors());
    assert_eq!(params().spot_factor(factor("-0.1")), factor("0.9"));
    let text = PARAMS.replace("\"0.1\"", "\"1.1\"").replace("spot = \"0\"", "spot = \"1\"");
    let text = text
        .replace("\"-0.1\"", "\"0.9\"")
        .replace("up = \"0.05\", down = \"-0.05\"", "up = \"1.05\", down = \"0.95\"");
    let factors = sets::parse(&text).unwrap();
    assert!(factors.is_in_factors());
    assert_eq!(factors.spot_factor(factor("0.9")), factor("0.9"));
    assert_eq!(factors.forward_factors(), params().forward_factors());
}
