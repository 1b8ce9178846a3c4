//! SVI slices, surfaces and arbitrage in quotes: columns of quotes in, rows out.

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use tiderace_model::arbitrage::{self, ArbitrageKind, Fees};
use tiderace_model::chain::{DayWeights, Quote, QuoteKind, Style};
use tiderace_model::forward::ForwardPoint;
use tiderace_model::impact::{AlmgrenOrder, impact_almgren2005};
use tiderace_model::surface::{FitOptions, Surface};
use tiderace_model::svi::{JumpWings, Svi};
use tiderace_types::Reason;

use crate::errors::ConfigError;
use crate::model::{read, written};

/// A reason as an exception: its value, rule and remedy.
pub(crate) fn refused(value: &str, reason: Reason) -> PyErr {
    // Semicolons part value, rule and remedy.
    let tail = |text: &str| text.trim_end_matches('.').replace("; ", ", ");
    ConfigError::new_err(format!("{value}; {}; {}", tail(reason.rule()), tail(reason.remedy())))
}

fn svi(params: [f64; 5]) -> PyResult<Svi> {
    let [a, b, rho, m, sigma] = params;
    let said = || format!("Svi(a={a:?}, b={b:?}, rho={rho:?}, m={m:?}, sigma={sigma:?})");
    Svi::new(a, b, rho, m, sigma).map_err(|reason| refused(&said(), reason))
}

/// Checks the parameters of a slice.
#[pyfunction]
pub(crate) fn svi_check(params: [f64; 5]) -> PyResult<()> {
    svi(params).map(|_| ())
}

/// Fills `out` with total variances at `k`, or with density factors.
#[pyfunction]
pub(crate) fn svi_rows(params: [f64; 5], density: bool, k: PyBuffer<f64>, mut out: PyBuffer<f64>) -> PyResult<()> {
    let slice = svi(params)?;
    for (row, (k, out)) in read(&k)?.iter().zip(written(&mut out)?).enumerate() {
        let value = if density { slice.checked_density_g(*k) } else { slice.checked_total_variance(*k) };
        *out = value.map_err(|reason| refused(&format!("k[{row}] = {k:?}"), reason))?;
    }
    Ok(())
}

/// Jump wings of a slice at `t` years: v, psi, p, c, `v_min`.
#[pyfunction]
pub(crate) fn svi_jump_wings(params: [f64; 5], t: f64) -> PyResult<[f64; 5]> {
    let wings = svi(params)?.jump_wings(t).map_err(|reason| refused(&format!("t = {t:?} of {params:?}"), reason))?;
    Ok([wings.v, wings.psi, wings.p, wings.c, wings.v_min])
}

/// Raw parameters of jump wings at `t` years.
#[pyfunction]
pub(crate) fn svi_from_jump_wings(wings: [f64; 5], t: f64) -> PyResult<[f64; 5]> {
    let [v, psi, p, c, v_min] = wings;
    let said = || format!("v = {v:?}, psi = {psi:?}, p = {p:?}, c = {c:?}, v_min = {v_min:?} at t = {t:?}");
    let slice = Svi::from_jump_wings(JumpWings { v, psi, p, c, v_min }, t);
    slice.map(|slice| slice.params()).map_err(|reason| refused(&said(), reason))
}

/// Raw parameters of the slice that fits total variances `w` at `k`.
#[pyfunction]
pub(crate) fn svi_fit(
    py: Python<'_>,
    k: PyBuffer<f64>,
    w: PyBuffer<f64>,
    weights: Option<PyBuffer<f64>>,
) -> PyResult<[f64; 5]> {
    let (k, w) = (read(&k)?, read(&w)?);
    let weights = weights.as_ref().map(read).transpose()?;
    let slice = py.detach(|| Svi::fit(k, w, weights));
    slice.map(|slice| slice.params()).map_err(|reason| refused(&format!("{} points", k.len()), reason))
}

/// Quotes as columns of one length. `kinds`: 0 put, 1 call, 2 future; `styles`: 0 linear, 1 inverse. `floats`: t, strike,
/// bid, ask, `bid_qty`, `ask_qty`, discount, forward, `mark_vol`. `times`: expiry keys, and when each was quoted.
#[derive(FromPyObject)]
pub(crate) struct Quotes {
    #[pyo3(item)]
    kinds: PyBuffer<u8>,
    #[pyo3(item)]
    styles: PyBuffer<u8>,
    #[pyo3(item)]
    floats: PyBuffer<f64>,
    #[pyo3(item)]
    times: PyBuffer<i64>,
}

impl Quotes {
    fn rows(&self) -> PyResult<Vec<Quote>> {
        let (floats, times) = (read(&self.floats)?, read(&self.times)?);
        let rows = floats.as_chunks::<9>().0.iter().zip(times.as_chunks::<2>().0);
        let rows = rows.zip(read(&self.kinds)?).zip(read(&self.styles)?);
        Ok(rows
            .map(|(((floats, times), kind), style)| {
                let [t, strike, bid, ask, bid_qty, ask_qty, discount, forward, mark_vol] = *floats;
                let [expiry, ts_ns] = *times;
                let kind = if *kind == 2 { QuoteKind::Future } else { QuoteKind::Option { strike, call: *kind == 1 } };
                let style = if *style == 1 { Style::Inverse } else { Style::Linear };
                Quote { kind, expiry, t, bid, ask, bid_qty, ask_qty, style, discount, forward, mark_vol, ts_ns }
            })
            .collect())
    }
}

/// A row of [`model_arbitrage`]: kind, legs (quote, contracts, price), edge, units.
type ArbitrageRow = (&'static str, Vec<(usize, f64, f64)>, f64, Option<f64>);

const fn kind_name(kind: ArbitrageKind) -> &'static str {
    match kind {
        ArbitrageKind::Vertical => "vertical",
        ArbitrageKind::Butterfly => "butterfly",
        ArbitrageKind::Calendar => "calendar",
        ArbitrageKind::Parity => "parity",
        ArbitrageKind::Box => "box",
    }
}

/// Trades at the quotes that cannot lose, and a reason's code for each quote.
#[pyfunction]
pub(crate) fn model_arbitrage(
    py: Python<'_>,
    quotes: Quotes,
    option_fee: f64,
    future_fee: f64,
) -> PyResult<(Vec<ArbitrageRow>, Vec<u16>)> {
    let quotes = quotes.rows()?;
    let fees = Fees { option: option_fee, future: future_fee };
    let found = py.detach(|| arbitrage::arbitrage(&quotes, &fees));
    let found = found.map_err(|reason| refused(&format!("fees {option_fee:?} and {future_fee:?}"), reason))?;
    let rows = found.rows.into_iter().map(|row| {
        let legs = row.legs.iter().map(|leg| (leg.quote, leg.qty, leg.price)).collect();
        (kind_name(row.kind), legs, row.edge, row.qty)
    });
    Ok((rows.collect(), found.reasons.into_iter().map(Reason::code).collect()))
}

/// A slice: expiry, t, forward, discount, its raw parameters, quotes used, judged and inside, and rmse of vol.
type SliceRow = (i64, f64, f64, f64, [f64; 5], [u32; 3], f64);

/// A fitted surface.
#[pyclass(frozen, name = "Surface", module = "tiderace._core")]
pub(crate) struct PySurface {
    surface: Surface,
    reasons: Vec<u16>,
    refused: Vec<(i64, u16)>,
    forwards: Vec<ForwardRow>,
}

/// An expiry's forward: expiry, t, forward, error, from its future, from parity, pairs.
type ForwardRow = (i64, f64, f64, f64, f64, f64, u32);

fn forward_row(point: &ForwardPoint) -> ForwardRow {
    let ForwardPoint { expiry, t, forward, error, from_future, from_parity, pairs } = *point;
    (expiry, t, forward, error, from_future, from_parity, pairs)
}

#[pymethods]
impl PySurface {
    /// Fits one to quotes of one style.
    #[staticmethod]
    fn fit(py: Python<'_>, quotes: Quotes, version: u64, ts_ns: i64, age_ns_max: u64, weekend: f64) -> PyResult<Self> {
        let quotes = quotes.rows()?;
        let weights = DayWeights { weekday: 1.0, weekend };
        let options = FitOptions { version, ts_ns, age_ns_max, weights };
        let fit = py.detach(|| Surface::fit(&quotes, &options));
        let fit = fit.map_err(|reason| refused(&format!("{} quotes", quotes.len()), reason))?;
        Ok(Self {
            surface: fit.surface,
            reasons: fit.reasons.into_iter().map(Reason::code).collect(),
            refused: fit.refused.into_iter().map(|(expiry, reason)| (expiry, reason.code())).collect(),
            forwards: fit.forwards.iter().map(forward_row).collect(),
        })
    }

    /// The forward curve of the quotes.
    #[getter]
    fn forwards(&self) -> Vec<ForwardRow> {
        self.forwards.clone()
    }

    /// One code a quote of the fit, 0 where it was used.
    #[getter]
    fn reasons(&self) -> Vec<u16> {
        self.reasons.clone()
    }

    /// Expiries without a slice, and why.
    #[getter]
    fn refused(&self) -> Vec<(i64, u16)> {
        self.refused.clone()
    }

    /// The slices, by time.
    fn slices(&self) -> Vec<SliceRow> {
        let row = |slice: &tiderace_model::surface::Slice| {
            let counts = [slice.quality.quotes, slice.quality.judged, slice.quality.inside];
            let params = slice.svi.params();
            (slice.expiry, slice.t, slice.forward, slice.discount, params, counts, slice.quality.rmse_vol)
        };
        self.surface.slices().iter().map(row).collect()
    }

    /// Fills `out` with vols of strikes at a listed expiry.
    fn vols(&self, expiry: i64, strikes: PyBuffer<f64>, mut out: PyBuffer<f64>) -> PyResult<()> {
        for (strike, out) in read(&strikes)?.iter().zip(written(&mut out)?) {
            let said = || format!("strike {strike:?} at expiry {expiry}");
            *out = self.surface.vol(expiry, *strike).map_err(|reason| refused(&said(), reason))?;
        }
        Ok(())
    }

    /// The price of an option at a listed expiry.
    fn price(&self, expiry: i64, strike: f64, call: bool) -> PyResult<f64> {
        let said = || format!("strike {strike:?} at expiry {expiry}");
        self.surface.price(expiry, strike, call).map_err(|reason| refused(&said(), reason))
    }

    /// Where the surface allows arbitrage, at worst: slice, log-moneyness, amount.
    fn worst_violation(&self, reach: f64, steps: u32, between: u32) -> Option<(usize, f64, f64)> {
        self.surface.worst_violation(reach, steps.max(1), between).map(|found| (found.slice, found.k, found.amount))
    }

    /// The surface as it is journaled.
    fn encode(&self) -> Vec<u8> {
        self.surface.encode()
    }
}

/// Permanent and temporary impact and mean cost of an order, as fractions of the price.
#[pyfunction]
pub(crate) fn model_impact(
    qty: f64,
    adv: f64,
    shares_outstanding: f64,
    sigma: f64,
    horizon: f64,
) -> PyResult<(f64, f64, f64)> {
    let order = AlmgrenOrder { qty, adv, shares_outstanding, sigma, horizon };
    let said = || {
        format!(
            "qty = {qty:?}, adv = {adv:?}, shares_outstanding = {shares_outstanding:?}, sigma = {sigma:?}, \
             horizon = {horizon:?}"
        )
    };
    let impact = impact_almgren2005(&order).map_err(|reason| refused(&said(), reason))?;
    Ok((impact.permanent, impact.temporary, impact.cost))
}
