//! Batches: the fast path agrees with the formulae, the deterministic one is the formulae to the bit, threads change
//! nothing, and a row that cannot be priced says why.

mod grid;

use grid::Grid;
use proptest::prelude::*;
use tiderace_model::bachelier::Bachelier;
use tiderace_model::batch::{
    Calls, Column, GREEKS, Inputs, LengthMismatch, Options76, Path, Quotes76, Rows, Run, digital76, greeks76,
    implied_vol76, price76, rows_of,
};
use tiderace_model::black::Black76;
use tiderace_types::{PutOrCall, Reason};

const FAST: Run = Run { path: Path::Fast, threads: 1 };

fn bits(columns: &[Vec<f64>]) -> Vec<u64> {
    columns.iter().flatten().map(|value| value.to_bits()).collect()
}

#[test]
fn the_fast_path_stays_within_1e_13_of_the_formulae() {
    let grid = Grid::draw(50_000, 6.0, 0.5);
    let (fast, reason) = grid.greeks(Path::Fast, 1);
    let (exact, _) = grid.greeks(Path::Deterministic, 1);
    assert!(reason.iter().all(|code| *code == 0));
    for row in 0..grid.forward.len() {
        let (s, forward) = (grid.vol[row] * grid.t[row].sqrt(), grid.forward[row]);
        // What an error of the last bit in F or in ln(F/K) does to each: the value's own size and the price's, each divided.
        let price = forward.max(grid.strike[row]);
        let (vol, t, spread) = (grid.vol[row], grid.t[row], forward * s);
        let sizes = [
            price,
            1.0,
            1.0 / spread,
            price / vol,
            price / t,
            price * t,
            1.0 / vol,
            price / vol / vol,
            1.0 / t,
            1.0 / spread / spread,
        ];
        for (column, size) in (0..GREEKS).zip(sizes) {
            let (fast, exact) = (fast[column][row], exact[column][row]);
            assert!((fast - exact).abs() <= 1e-13 * (size + exact.abs()), "column {column}: {fast} {exact}");
        }
    }
}

#[test]
fn the_deterministic_path_is_the_formula_to_the_bit_and_threads_change_nothing() {
    let grid = Grid::draw(5_003, 5.0, 0.5);
    for path in [Path::Fast, Path::Deterministic] {
        let (one, reasons) = grid.greeks(path, 1);
        for threads in [0, 2, 3, 17] {
            let (many, same) = grid.greeks(path, threads);
            assert_eq!(bits(&one), bits(&many), "{threads} threads");
            assert_eq!(reasons, same);
        }
    }
    let (columns, _) = grid.greeks(Path::Deterministic, 1);
    for row in 0..grid.forward.len() {
        let option = Black76 {
            forward: grid.forward[row],
            strike: grid.strike[row],
            t: grid.t[row],
            vol: grid.vol[row],
            discount: grid.discount[row],
            put_or_call: if grid.call[row] { PutOrCall::Call } else { PutOrCall::Put },
        };
        let exact = option.greeks().unwrap().columns();
        assert!(columns.iter().zip(exact).all(|(column, value)| column[row].to_bits() == value.to_bits()));
    }
}

/// FNV-1a over the bits of every number.
fn digest(columns: &[Vec<f64>]) -> u64 {
    bits(columns)
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_deterministic_path_keeps_its_golden_digest() {
    // Strikes and times without a function of the platform's own library, so that the inputs are the same bits everywhere.
    let mut grid = Grid::draw(0, 1.0, 0.0);
    for step in 0..20_000u32 {
        grid.forward.push(100.0 + f64::from(step % 97));
        grid.strike.push(60.0 + f64::from(step % 131));
        grid.t.push(f64::from(step % 730 + 1) / 365.0);
        grid.vol.push(f64::from(step % 150 + 5) / 100.0);
        grid.discount.push(1.0 - f64::from(step % 19) / 400.0);
        grid.call.push(step % 2 == 0);
    }
    let (columns, reason) = grid.greeks(Path::Deterministic, 2);
    assert!(reason.iter().all(|code| *code == 0));
    // Changes only with the formulae. Last: the price in the money became the intrinsic value and the other option's price.
    assert_eq!(format!("{:016x}", digest(&columns)), "67ad286da4543125");
}

#[test]
fn a_row_that_cannot_be_priced_says_why_and_spares_the_others() {
    let forward = [100.0, -1.0, f64::NAN, 100.0, 100.0, 100.0, 1e-200, 1e300];
    let strike = [100.0, 100.0, 100.0, 0.0, 100.0, 100.0, 1e-200, 1e-300];
    let t = [1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0];
    let vol = [0.5, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0.5];
    let options = Options76 {
        forward: Column::Each(&forward),
        strike: Column::Each(&strike),
        t: Column::Each(&t),
        vol: Column::Each(&vol),
        discount: Column::All(1.0),
        call: Calls::All(true),
    };
    let want = [
        Reason::None,
        Reason::BadForward,
        Reason::NotANumber,
        Reason::BadStrike,
        Reason::BadTime,
        Reason::BadVol,
        Reason::None,
        Reason::None,
    ];
    for path in [Path::Fast, Path::Deterministic] {
        let (mut value, mut reason) = ([0.0; 8], [9; 8]);
        for batch in [price76, digital76] {
            let rows = Rows { columns: [value.as_mut_slice()], reason: &mut reason };
            batch(&options, rows, Run { path, threads: 1 }).unwrap();
            assert_eq!(reason, want.map(Reason::code));
            assert!(value.iter().zip(want).all(|(value, want)| value.is_nan() == (want != Reason::None)));
        }
    }
}

#[test]
fn columns_may_be_left_out_and_must_be_of_one_length() {
    let options = Options76 {
        forward: Column::Each(&[100.0, 101.0]),
        strike: Column::All(100.0),
        t: Column::All(1.0),
        vol: Column::All(0.5),
        discount: Column::All(1.0),
        call: Calls::Each(&[true, false]),
    };
    let (mut delta, mut reason) = ([0.0; 2], [9; 2]);
    let mut columns: [&mut [f64]; GREEKS] = std::array::from_fn(|_| Default::default());
    columns[1] = &mut delta;
    greeks76(&options, Rows { columns, reason: &mut reason }, FAST).unwrap();
    assert!(delta[0] > 0.5 && delta[1] < 0.0);
    let (mut price, mut long) = ([0.0; 2], [0; 3]);
    let rows = Rows { columns: [price.as_mut_slice()], reason: &mut long };
    assert_eq!(price76(&options, rows, FAST), Err(LengthMismatch { rows: 3, column: 2 }));
    let rows = Rows { columns: [[].as_mut_slice()], reason: &mut [] };
    let nothing = Options76 { forward: Column::Each(&[]), call: Calls::All(true), ..options };
    assert_eq!(price76(&nothing, rows, FAST), Ok(()));
}

#[test]
fn any_formula_runs_over_columns() {
    let forward = [-1.0, 0.0, 2.0, f64::NAN];
    let inputs = Inputs {
        columns: [Column::Each(&forward), Column::All(0.5), Column::All(1.0), Column::All(2.0), Column::All(1.0)],
        call: Calls::All(true),
    };
    let normal = |[forward, strike, t, vol, discount]: [f64; 5], put_or_call| {
        Ok([Bachelier { forward, strike, t, vol, discount, put_or_call }.price()?])
    };
    let (mut price, mut reason) = ([0.0; 4], [9; 4]);
    rows_of(&inputs, Rows { columns: [price.as_mut_slice()], reason: &mut reason }, 2, normal).unwrap();
    assert_eq!(reason, [0, 0, 0, Reason::NotANumber.code()]);
    assert!(price[0] < price[1] && price[1] < price[2] && price[3].is_nan());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("TIDERACE_FULL").is_some() { 20_000 } else { 500 }))]

    #[test]
    fn on_any_bits_both_paths_give_the_same_reasons_and_nan_only_with_one(
        rows in proptest::collection::vec((any::<[u64; 5]>(), any::<[u8; 5]>(), any::<bool>()), 1..150),
    ) {
        let column = |index: usize| -> Vec<f64> {
            let pick = |bits: u64, kind: u8| match kind % 8 {
                0 => f64::from_bits(bits),
                1 => 0.0,
                2 => f64::NAN,
                3 => 10f64.powi((bits % 400) as i32 - 200),
                _ => (bits % 10_000) as f64 / 1000.0,
            };
            rows.iter().map(|(bits, kinds, _)| pick(bits[index], kinds[index])).collect()
        };
        let grid = Grid {
            forward: column(0), strike: column(1), t: column(2), vol: column(3), discount: column(4),
            call: rows.iter().map(|row| row.2).collect(),
        };
        let (fast, reasons) = grid.greeks(Path::Fast, 1);
        let (_, same) = grid.greeks(Path::Deterministic, 1);
        prop_assert_eq!(&reasons, &same);
        for column in &fast {
            for (value, reason) in column.iter().zip(&reasons) {
                let is_right = if *reason == 0 { value.is_finite() } else { value.is_nan() };
                prop_assert!(is_right);
            }
        }
        let quotes = Quotes76 {
            price: Column::Each(&grid.vol),
            forward: Column::Each(&grid.forward),
            strike: Column::Each(&grid.strike),
            t: Column::Each(&grid.t),
            discount: Column::Each(&grid.discount),
            call: Calls::Each(&grid.call),
        };
        let mut codes = [vec![9; rows.len()], vec![9; rows.len()]];
        for (codes, path) in codes.iter_mut().zip([Path::Fast, Path::Deterministic]) {
            let mut vol = vec![0.0; rows.len()];
            let out = Rows { columns: [vol.as_mut_slice()], reason: codes };
            implied_vol76(&quotes, out, Run { path, threads: 1 }).unwrap();
            for (vol, code) in vol.iter().zip(codes) {
                let is_right = if *code == 0 { vol.is_finite() && *vol > 0.0 } else { vol.is_nan() };
                prop_assert!(is_right);
            }
        }
        prop_assert_eq!(&codes[0], &codes[1]);
    }
}
