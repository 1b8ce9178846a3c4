//! Implied vols: the batch agrees with Jäckel's method and prices back; what has no vol has a reason.

mod grid;

use grid::{Draw, Grid};
use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use tiderace_model::bachelier::Bachelier;
use tiderace_model::batch::{Calls, Column, Path, Quotes76, Rows, Run, implied_vol76, price76};
use tiderace_model::black::Black76;
use tiderace_types::{PutOrCall, Reason};

const FAST: Run = Run { path: Path::Fast, threads: 1 };

fn count() -> usize {
    if std::env::var_os("TIDERACE_FULL").is_some() { 1_000_000 } else { 100_000 }
}

fn prices(grid: &Grid, path: Path) -> Vec<f64> {
    let (mut price, mut reason) = (vec![0.0; grid.forward.len()], vec![0; grid.forward.len()]);
    let rows = Rows { columns: [price.as_mut_slice()], reason: &mut reason };
    price76(&grid.options(), rows, Run { path, threads: 1 }).unwrap();
    assert!(reason.iter().all(|code| *code == 0));
    price
}

fn implied(grid: &Grid, price: &[f64], run: Run) -> (Vec<f64>, Vec<u16>) {
    let (mut vol, mut reason) = (vec![0.0; price.len()], vec![0; price.len()]);
    let quotes = Quotes76 {
        price: Column::Each(price),
        forward: Column::Each(&grid.forward),
        strike: Column::Each(&grid.strike),
        t: Column::Each(&grid.t),
        discount: Column::Each(&grid.discount),
        call: Calls::Each(&grid.call),
    };
    implied_vol76(&quotes, Rows { columns: [&mut vol], reason: &mut reason }, run).unwrap();
    (vol, reason)
}

/// How far the vol may be off: 1e-9, or what one unit in the last place of the price itself is in vol.
fn allowed(grid: &Grid, price: &[f64], row: usize) -> f64 {
    let vega = option(grid, row).greeks().unwrap().vega;
    (f64::EPSILON * price[row] / (vega * grid.vol[row])).max(1e-9)
}

fn option(grid: &Grid, row: usize) -> Black76 {
    Black76 {
        forward: grid.forward[row],
        strike: grid.strike[row],
        t: grid.t[row],
        vol: grid.vol[row],
        discount: grid.discount[row],
        put_or_call: if grid.call[row] { PutOrCall::Call } else { PutOrCall::Put },
    }
}

#[test]
fn a_round_trip_gives_the_vol_back_wherever_double_input_allows() {
    for (deviations, itm_share) in [(3.0, 0.0), (8.0, 0.0), (36.0, 0.0), (4.0, 1.0)] {
        let grid = Grid::draw(count(), deviations, itm_share);
        for path in [Path::Fast, Path::Deterministic] {
            let price = prices(&grid, path);
            let (vol, reason) = implied(&grid, &price, Run { path, threads: 1 });
            for row in 0..vol.len() {
                if reason[row] != 0 {
                    let intrinsic = option(&grid, row).intrinsic();
                    assert!(
                        price[row] == intrinsic && vol[row].is_nan(),
                        "row {row} of {deviations}: {} for {:?}",
                        reason[row],
                        option(&grid, row)
                    );
                    continue;
                }
                let error = (vol[row] / grid.vol[row] - 1.0).abs();
                assert!(error <= allowed(&grid, &price, row), "{error:e} {:?}", option(&grid, row));
            }
        }
    }
}

#[test]
fn the_batch_agrees_with_jaeckels_method() {
    let grid = Grid::draw(count(), 12.0, 0.0);
    let price = prices(&grid, Path::Deterministic);
    let (vol, _) = implied(&grid, &price, FAST);
    let mut worst: f64 = 0.0;
    for row in 0..vol.len() {
        let oracle = ImpliedBlackVolatility::builder()
            .option_price(price[row] / grid.discount[row])
            .forward(grid.forward[row])
            .strike(grid.strike[row])
            .expiry(grid.t[row])
            .is_call(grid.call[row])
            .build()
            .unwrap()
            .calculate::<DefaultSpecialFn>()
            .unwrap();
        worst = worst.max((vol[row] / oracle - 1.0).abs());
    }
    assert!(worst < 2e-12, "{worst:e}");
}

#[test]
fn tiny_and_huge_vols_to_expiry_are_found_too() {
    let mut draw = Draw(7);
    let mut grid = Grid::draw(0, 1.0, 0.0);
    for _ in 0..count() {
        let s = 10f64.powf(draw.between(-6.0, 0.8));
        let t = draw.between(0.001, 5.0);
        grid.forward.push(100.0);
        grid.strike.push(100.0 * (s * draw.between(0.0, 5.0)).exp());
        grid.t.push(t);
        grid.vol.push(s / t.sqrt());
        grid.discount.push(1.0);
        grid.call.push(true);
    }
    let price = prices(&grid, Path::Deterministic);
    let (vol, reason) = implied(&grid, &price, FAST);
    for row in 0..vol.len() {
        assert_eq!(reason[row], 0, "{:?} {}", option(&grid, row), price[row]);
        let error = (vol[row] / grid.vol[row] - 1.0).abs();
        let s = grid.vol[row] * grid.t[row].sqrt();
        // ln(F/K) itself is known to one part in s / epsilon, and a price's own rounding weighs by its bound's nearness.
        let room = (grid.forward[row] - price[row]) / grid.forward[row];
        assert!(error < 1e-9 + 64.0 * f64::EPSILON / s + 1e-15 / room, "{error:e} {:?}", option(&grid, row));
    }
}

#[test]
fn what_has_no_vol_has_a_reason_on_both_paths() {
    let good = [5.0, 100.0, 100.0, 1.0, 1.0];
    let cases: [([f64; 5], bool, Reason); 14] = [
        ([0.0, 100.0, 100.0, 1.0, 1.0], true, Reason::BelowIntrinsic),
        ([-1.0, 100.0, 100.0, 1.0, 1.0], true, Reason::BelowIntrinsic),
        ([9.0, 110.0, 100.0, 1.0, 1.0], true, Reason::BelowIntrinsic),
        ([10.0, 110.0, 100.0, 1.0, 1.0], true, Reason::BelowIntrinsic),
        ([100.0, 100.0, 100.0, 1.0, 1.0], true, Reason::AboveBound),
        ([90.0, 110.0, 100.0, 1.0, 0.9], false, Reason::AboveBound),
        ([1e9, 100.0, 100.0, 1.0, 1.0], true, Reason::AboveBound),
        ([5.0, 100.0, 100.0, 0.0, 1.0], true, Reason::BadTime),
        ([5.0, 100.0, 100.0, -1.0, 1.0], true, Reason::BadTime),
        ([5.0, -100.0, 100.0, 1.0, 1.0], true, Reason::BadForward),
        ([5.0, 100.0, 0.0, 1.0, 1.0], true, Reason::BadStrike),
        ([5.0, 100.0, 100.0, 1.0, 0.0], true, Reason::BadDiscount),
        ([f64::NAN, 100.0, 100.0, 1.0, 1.0], true, Reason::NotANumber),
        ([5.0, f64::INFINITY, 100.0, 1.0, 1.0], true, Reason::NotANumber),
    ];
    for path in [Path::Fast, Path::Deterministic] {
        for ([price, forward, strike, t, discount], call, reason) in
            cases.into_iter().chain([(good, true, Reason::None)])
        {
            let quotes = Quotes76 {
                price: Column::All(price),
                forward: Column::All(forward),
                strike: Column::Each(&[strike; 3]),
                t: Column::All(t),
                discount: Column::All(discount),
                call: Calls::All(call),
            };
            let (mut vol, mut codes) = ([0.0; 3], [9; 3]);
            let rows = Rows { columns: [vol.as_mut_slice()], reason: &mut codes };
            implied_vol76(&quotes, rows, Run { path, threads: 1 }).unwrap();
            assert_eq!(codes, [reason.code(); 3], "{price} {forward} {strike} {t} {discount}");
            assert!(vol.iter().all(|vol| vol.is_nan() == (reason != Reason::None)));
        }
    }
}

#[test]
fn a_normal_vol_prices_back_or_has_a_reason() {
    let option =
        Bachelier { forward: -3.0, strike: 2.0, t: 0.5, vol: 4.0, discount: 0.95, put_or_call: PutOrCall::Put };
    for (forward, put_or_call) in
        [(-3.0, PutOrCall::Put), (-3.0, PutOrCall::Call), (2.0, PutOrCall::Call), (9.0, PutOrCall::Put)]
    {
        let option = Bachelier { forward, put_or_call, ..option };
        let vol = option.implied_vol(option.price().unwrap()).unwrap();
        assert!((vol / 4.0 - 1.0).abs() < 1e-12);
    }
    assert_eq!(option.implied_vol(option.discount * 5.0), Err(Reason::BelowIntrinsic));
    assert_eq!(option.implied_vol(f64::NAN), Err(Reason::NotANumber));
    assert_eq!(Bachelier { t: 0.0, ..option }.implied_vol(9.0), Err(Reason::BadTime));
}
