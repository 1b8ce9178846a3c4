//! Option formulae over NumPy arrays: read and written where they lie, with the interpreter lock released.

use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tiderace_model::bachelier::Bachelier;
use tiderace_model::batch::{
    self, Calls, Column, GREEKS, INPUTS, Inputs, LengthMismatch, Options76, Path, Quotes76, Rows, Run,
};
use tiderace_model::black::Black76;
use tiderace_model::fair_value;
use tiderace_model::impact::{ObservedCost, PowerLaw, PowerLawFit};
use tiderace_model::inverse::InverseGreeks;
use tiderace_types::{PutOrCall, Reason};

use crate::surface::refused;

/// Rows read and written in one piece.
pub(crate) fn read<T: Element>(buffer: &PyBuffer<T>) -> PyResult<&[T]> {
    if !buffer.is_c_contiguous() {
        return Err(PyValueError::new_err("an array is not contiguous"));
    }
    #[expect(unsafe_code, reason = "no copy of the caller's array")]
    // SAFETY: the buffer is held while the slice lives, is contiguous, and its elements are of type T: `PyBuffer::get`
    // compared format and alignment. The face hands in arrays that nobody else has, or that the caller leaves alone.
    Ok(unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<T>(), buffer.item_count()) })
}

/// Rows to be filled.
pub(crate) fn written<T: Element>(buffer: &mut PyBuffer<T>) -> PyResult<&mut [T]> {
    if buffer.readonly() || !buffer.is_c_contiguous() {
        return Err(PyValueError::new_err("an array to be filled is read-only or not contiguous"));
    }
    #[expect(unsafe_code, reason = "results go where the caller wants them")]
    // SAFETY: as in `read`; the arrays to be filled are made by the face for this call, so no other reference is alive.
    Ok(unsafe { std::slice::from_raw_parts_mut(buffer.buf_ptr().cast::<T>(), buffer.item_count()) })
}

/// A number for every row, or one a row.
#[derive(FromPyObject)]
pub(crate) enum Numbers {
    All(f64),
    Each(PyBuffer<f64>),
}

impl Numbers {
    fn column(&self) -> PyResult<Column<'_>> {
        Ok(match self {
            Self::All(value) => Column::All(*value),
            Self::Each(buffer) => Column::Each(read(buffer)?),
        })
    }
}

fn ill_sized(error: LengthMismatch) -> PyErr {
    PyValueError::new_err(format!("a column of {} rows beside {}", error.column, error.rows))
}

/// Columns of results that are asked for, as many as the formula has.
fn columns<const C: usize>(buffers: &mut [PyBuffer<f64>]) -> PyResult<[&mut [f64]; C]> {
    let columns = buffers.iter_mut().map(written).collect::<PyResult<Vec<_>>>()?;
    columns.try_into().map_err(|_| PyValueError::new_err(format!("the formula has {C} columns")))
}

/// Computes a formula row by row: `inputs` are forward, strike, t, vol, discount, or for `implied_vol76` price, forward,
/// strike, t, discount; `calls` holds 1 for a call. A row without an answer is NaN and has its reason's code.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "one call a batch")]
pub(crate) fn model_rows(
    py: Python<'_>,
    what: &str,
    inputs: [Numbers; 5],
    calls: PyBuffer<u8>,
    mut outputs: Vec<PyBuffer<f64>>,
    mut reasons: PyBuffer<u16>,
    fast: bool,
    threads: usize,
) -> PyResult<()> {
    let [a, b, c, d, e] = &inputs;
    let [a, b, c, d, e] = [a.column()?, b.column()?, c.column()?, d.column()?, e.column()?];
    let calls: Vec<bool> = read(&calls)?.iter().map(|call| *call != 0).collect();
    let call = match calls.as_slice() {
        [call] => Calls::All(*call),
        each => Calls::Each(each),
    };
    let reason = written(&mut reasons)?;
    let run = Run { path: if fast { Path::Fast } else { Path::Deterministic }, threads };
    let options = Options76 { forward: a, strike: b, t: c, vol: d, discount: e, call };
    match what {
        "black76" | "digital76" => {
            let rows = Rows { columns: columns::<1>(&mut outputs)?, reason };
            let formula = if what == "black76" { batch::price76 } else { batch::digital76 };
            py.detach(|| formula(&options, rows, run))
        }
        "greeks76" => {
            let rows = Rows { columns: columns::<GREEKS>(&mut outputs)?, reason };
            py.detach(|| batch::greeks76(&options, rows, run))
        }
        "implied_vol76" => {
            let rows = Rows { columns: columns::<1>(&mut outputs)?, reason };
            let quotes = Quotes76 { price: a, forward: b, strike: c, t: d, discount: e, call };
            py.detach(|| batch::implied_vol76(&quotes, rows, run))
        }
        _ => {
            let inputs = Inputs { columns: [a, b, c, d, e], call };
            return composed(py, what, &inputs, &mut outputs, reason, threads);
        }
    }
    .map_err(ill_sized)
}

/// The formulae that have no kernel of their own: row by row, the same bits everywhere.
fn composed(
    py: Python<'_>,
    what: &str,
    inputs: &Inputs<'_>,
    outputs: &mut [PyBuffer<f64>],
    reason: &mut [u16],
    threads: usize,
) -> PyResult<()> {
    match what {
        "bachelier" => {
            let rows = Rows { columns: columns::<1>(outputs)?, reason };
            py.detach(|| batch::rows_of(inputs, rows, threads, |row, kind| Ok([bachelier(row, kind).price()?])))
        }
        "greeks_bachelier" => {
            let rows = Rows { columns: columns::<GREEKS>(outputs)?, reason };
            py.detach(|| {
                batch::rows_of(inputs, rows, threads, |row, kind| Ok(bachelier(row, kind).greeks()?.columns()))
            })
        }
        "implied_vol_bachelier" => {
            let rows = Rows { columns: columns::<1>(outputs)?, reason };
            py.detach(|| {
                batch::rows_of(inputs, rows, threads, |[price, forward, strike, t, discount], kind| {
                    Ok([bachelier([forward, strike, t, 1.0, discount], kind).implied_vol(price)?])
                })
            })
        }
        "greeks_inverse" => {
            let rows = Rows { columns: columns::<6>(outputs)?, reason };
            py.detach(|| batch::rows_of(inputs, rows, threads, inverse_greeks))
        }
        _ => return Err(PyValueError::new_err(format!("{what:?} is no formula"))),
    }
    .map_err(ill_sized)
}

const fn bachelier([forward, strike, t, vol, discount]: [f64; INPUTS], put_or_call: PutOrCall) -> Bachelier {
    Bachelier { forward, strike, t, vol, discount, put_or_call }
}

fn inverse_greeks(row: [f64; INPUTS], put_or_call: PutOrCall) -> Result<[f64; 6], Reason> {
    let [forward, strike, t, vol, discount] = row;
    let option = Black76 { forward, strike, t, vol, discount, put_or_call };
    let InverseGreeks { price_coin, delta_usd, delta_coin, gamma_coin, vega_coin, theta_coin, usd: _ } =
        option.inverse_greeks()?;
    Ok([price_coin, delta_usd, delta_coin, gamma_coin, vega_coin, theta_coin])
}

/// An estimate from a series of prices: a variance, or a spread as a fraction. `stride` is read by the subsampled ones.
#[pyfunction]
pub(crate) fn model_series(what: &str, prices: PyBuffer<f64>, stride: usize) -> PyResult<f64> {
    let prices = read(&prices)?;
    let found = match what {
        "realised" => fair_value::realised_variance(prices),
        "subsampled" => fair_value::subsampled_variance(prices, stride),
        "two_scale" => fair_value::two_scale_variance(prices, stride),
        "roll" => fair_value::roll_spread(prices),
        _ => return Err(PyValueError::new_err(format!("{what:?} is no estimate"))),
    };
    found.map_err(|reason| refused(&format!("{} prices, stride {stride}", prices.len()), reason))
}

/// A fitted law: coefficient, exponent, their intervals of 95 %, share explained, orders used and left out.
type LawRow = (f64, f64, [f64; 2], [f64; 2], f64, usize, usize);

/// Fits cost = coefficient sigma share^exponent to orders.
#[pyfunction]
pub(crate) fn model_power_law(share: PyBuffer<f64>, sigma: PyBuffer<f64>, cost: PyBuffer<f64>) -> PyResult<LawRow> {
    let rows = read(&share)?.iter().zip(read(&sigma)?).zip(read(&cost)?);
    let observed: Vec<ObservedCost> =
        rows.map(|((share, sigma), cost)| ObservedCost { share: *share, sigma: *sigma, cost: *cost }).collect();
    let PowerLawFit { law, exponent_interval, coefficient_interval, r_squared, used, left_out } =
        PowerLaw::fit(&observed).map_err(|reason| refused(&format!("{} orders", observed.len()), reason))?;
    Ok((law.coefficient, law.exponent, coefficient_interval, exponent_interval, r_squared, used, left_out))
}
