//! Margin and default management as functions: whole numbers in, whole numbers out. Names, decimals and what may be left
//! out are the face's business.

use pyo3::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tiderace_clear::{AdlPosition, LayerAmounts, adl_queue, adl_score, waterfall};
use tiderace_engine::risk_arrays::{Maturity, Product, RiskModel, Underlying};
use tiderace_margin::{
    Cause, Model, OpenOrders, Params, Portfolio, Quotes, Report, Requirement, RiskArrays, Terms, Wanted, sets,
};
use tiderace_types::{
    Amount, AssetId, Instrument, InstrumentId, InstrumentKind, Price, PutOrCall, Qty, Rate, Rounding, Side, Style,
    VenueId,
};

use crate::errors::ConfigError;

/// Digits of the settlement asset's base unit in results of portfolio margin: those of a risk array.
const PORTFOLIO_DECIMALS: u32 = tiderace_margin::arrays::DECIMALS;
/// The same in results of standard margin.
const STANDARD_DECIMALS: u32 = 18;

/// An instrument as margin sees it. Steps and strike are whole numbers of 10^-12.
#[derive(FromPyObject)]
pub(crate) struct Contract {
    #[pyo3(item)]
    symbol: String,
    #[pyo3(item)]
    kind: String,
    #[pyo3(item)]
    style: String,
    #[pyo3(item)]
    lot_size: i64,
    #[pyo3(item)]
    contract_multiplier: i64,
    #[pyo3(item)]
    maturity_ns: Option<i64>,
    /// Strike in steps of `strike_step`.
    #[pyo3(item)]
    strike: Option<i64>,
    #[pyo3(item)]
    strike_step: i64,
    #[pyo3(item)]
    put_or_call: Option<String>,
}

fn unfit(what: &str) -> PyErr {
    ConfigError::new_err(format!(
        "{what}; the numbers fit the integers that margin computes with; give smaller ones, prices with at most 12 digits after the point"
    ))
}

/// A word of an enum of `types`.
fn word<T: DeserializeOwned>(word: &str) -> PyResult<T> {
    let value = serde_json::from_value(Value::String(word.to_owned()));
    value.map_err(|error| ConfigError::new_err(format!("{word:?}: {error}")))
}

impl Contract {
    fn instrument(&self, id: u16) -> PyResult<Instrument> {
        let put_or_call: Option<PutOrCall> = self.put_or_call.as_deref().map(word).transpose()?;
        let kind: InstrumentKind = word(&self.kind)?;
        let style: Style = word(&self.style)?;
        Ok(Instrument {
            id: InstrumentId(id),
            version: 1,
            venue: VenueId(0),
            symbol: self.symbol.clone(),
            kind,
            style,
            base: AssetId(0),
            quote: AssetId(1),
            settle: AssetId(if style == Style::Inverse { 0 } else { 1 }),
            base_decimals: STANDARD_DECIMALS,
            quote_decimals: STANDARD_DECIMALS,
            tick_size: self.strike_step,
            lot_size: self.lot_size,
            contract_multiplier: self.contract_multiplier,
            min_order_qty: Qty::ZERO,
            max_order_qty: Qty::MAX,
            min_notional: Amount::ZERO,
            maturity_ns: self.maturity_ns,
            strike_price: self.strike.map(Price::new),
            put_or_call,
        })
    }
}

fn quotes(mark: i128, index: i128) -> Quotes {
    Quotes { mark: Rate::new(mark), index: Rate::new(index), forward: None }
}

fn model(json: &str) -> PyResult<Model> {
    let refused = |message: &str| {
        ConfigError::new_err(format!(
            "instrument.margin: {message}; it is a model, tiered or option, with its parameters as decimal strings; \
             correct the named key"
        ))
    };
    let model: Model = serde_json::from_str(json).map_err(|error| refused(&no_place(&error.to_string())))?;
    match model.below_zero() {
        Some(name) => Err(refused(&format!("{name} is below zero"))),
        None => Ok(model),
    }
}

/// A complaint of serde without the line and column of a text that no user wrote.
fn no_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).replace("; ", ", ")
}

/// Initial and maintenance requirement of `lots`, in 10^-18 of the settlement asset, rounded up.
#[pyfunction]
pub(crate) fn clear_standard(
    contract: Contract,
    margin: &str,
    lots: i64,
    mark: i128,
    index: i128,
) -> PyResult<(i128, i128)> {
    let (instrument, model) = (contract.instrument(0)?, model(margin)?);
    let terms = Terms::of(&instrument, STANDARD_DECIMALS);
    let asked = terms.and_then(|terms| terms.requirement(&model, lots, &quotes(mark, index)));
    let asked = asked.ok_or_else(|| unfit(&format!("{lots} lots of {}", contract.symbol)))?;
    Ok((asked.initial.get(), asked.maintenance.get()))
}

/// What an order of `lots` (signed) holds beside a position, in 10^-18 of the settlement asset (a sale of spot: of the
/// base asset), as clearing holds it: the initial margin with it filled and what the fill costs at once, beyond the
/// initial margin now. `margin` is absent where the instrument has none: it then holds nothing, unless it is spot.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "one call an order")]
pub(crate) fn clear_order(
    contract: Contract,
    margin: Option<&str>,
    position: i64,
    lots: i64,
    limit: i128,
    fee_rate: i128,
    mark: i128,
    index: i128,
) -> PyResult<i128> {
    let instrument = contract.instrument(0)?;
    let model = margin.map(model).transpose()?;
    let held = order_hold(&instrument, model.as_ref(), [position, lots], limit, fee_rate, &quotes(mark, index));
    held.ok_or_else(|| unfit(&format!("an order of {lots} lots of {}", contract.symbol)))
}

fn order_hold(
    instrument: &Instrument,
    model: Option<&Model>,
    [position, lots]: [i64; 2],
    limit: i128,
    fee_rate: i128,
    quotes: &Quotes,
) -> Option<i128> {
    let terms = Terms::of(instrument, STANDARD_DECIMALS)?;
    let (size, limit, is_bought) = (i128::from(lots.unsigned_abs()), Rate::new(limit), lots > 0);
    let fee = fee_of(&terms, size, limit, fee_rate)?;
    let is_paid = matches!(instrument.kind, InstrumentKind::Option | InstrumentKind::Binary);
    let value = || terms.value(size, limit, Rounding::Ceil);
    if instrument.kind == InstrumentKind::Spot {
        // A sale hands over the coins: what they are worth at a price of one.
        return if is_bought { value()?.checked_add(fee) } else { terms.value(size, Rate::ONE, Rounding::Ceil) };
    }
    let Some(model) = model else { return Some(0) };
    let cost = match (is_paid, is_bought) {
        (true, true) => value()?,
        (true, false) => 0,
        (false, _) => {
            let side = if is_bought { Side::Buy } else { Side::Sell };
            let qty = Qty::new(i64::try_from(size).ok()?)?;
            let held = terms.held(&Wanted { side, qty, limit, fee: Amount::ZERO }, quotes.mark)?;
            OpenOrders::default().with(&held)?.margin(&terms, None, 0, quotes)?.get()
        }
    };
    let initial = |lots: i64| terms.requirement(model, lots, quotes).map(|asked| asked.initial.get());
    let now = initial(position)?;
    let filled = initial(position.checked_add(lots)?)?.checked_add(cost)?.checked_add(fee)?;
    filled.max(now).checked_sub(now)
}

/// A fee of 10^-18 of the value at the limit, rounded up; a rebate counts as none.
fn fee_of(terms: &Terms, size: i128, limit: Rate, fee_rate: i128) -> Option<i128> {
    if fee_rate <= 0 {
        return Some(0);
    }
    let value = terms.value(size, limit, Rounding::Ceil)?.checked_abs()?;
    tiderace_margin::exact::mul_div(value, fee_rate, Rate::ONE.get(), Rounding::Ceil)
}

/// Names of the shipped sets.
#[pyfunction]
pub(crate) fn clear_sets() -> [&'static str; 2] {
    sets::NAMES
}

/// A shipped set of parameters, or a mapping of its keys, as checked JSON.
#[pyfunction]
pub(crate) fn clear_params(name: Option<&str>, json: Option<&str>) -> PyResult<String> {
    let remedy = "write the keys of a shipped set, numbers as decimal strings";
    let refused = |message: &str| ConfigError::new_err(format!("params: {}; {remedy}", no_place(message)));
    let params = if let Some(name) = name {
        let names = sets::NAMES.join(", ");
        let text = sets::text(name).ok_or_else(|| {
            ConfigError::new_err(format!("params = {name:?}; shipped sets are {names}; name one, or give a mapping"))
        })?;
        sets::parse(text).map_err(|error| refused(&error.to_string()))?
    } else {
        let params: Params =
            serde_json::from_str(json.unwrap_or_default()).map_err(|error| refused(&error.to_string()))?;
        params.check().map_err(|error| refused(&error.to_string()))?;
        params
    };
    serde_json::to_string(&params).map_err(|error| refused(&error.to_string()))
}

/// A book of one underlying and settlement asset. Prices, vols and rates are whole numbers of 10^-18.
#[derive(FromPyObject)]
pub(crate) struct Book {
    #[pyo3(item)]
    now_ns: i64,
    #[pyo3(item)]
    index: i128,
    /// Time, forward, discount, rate.
    #[pyo3(item)]
    maturities: Vec<(i64, i128, i128, i128)>,
    #[pyo3(item)]
    contracts: Vec<Contract>,
    /// Vol and mark of each contract.
    #[pyo3(item)]
    prices: Vec<(Option<i128>, Option<i128>)>,
    /// Lots of each contract, signed.
    #[pyo3(item)]
    lots: Vec<i64>,
    /// Contract, lots (signed), limit, fee rate.
    #[pyo3(item)]
    orders: Vec<(usize, i64, i128, i128)>,
}

/// An initial and a maintenance share.
type Both = (i128, i128);
/// What [`clear_portfolio`] gives: requirement, value of the options, what binds, the leg that loses most there with its
/// profit, rows, and contingencies: forward, perpetual, option. In 10^-12 of the settlement asset.
type PortfolioRow = (Both, i128, Option<i64>, Option<(u16, i128)>, Vec<i128>, (i128, Both, Both));

/// Of what binds: no scenario, but the forward contingency.
const FORWARD: i64 = -1;

impl Book {
    fn arrays(&self, model: &RiskModel) -> PyResult<RiskArrays> {
        let instruments = self.contracts.iter().zip(0..).map(|(contract, id)| contract.instrument(id));
        let instruments = instruments.collect::<PyResult<Vec<Instrument>>>()?;
        let maturities = self.maturities.iter().map(|(maturity_ns, forward, discount, rate)| Maturity {
            maturity_ns: *maturity_ns,
            forward: Rate::new(*forward),
            discount: Rate::new(*discount),
            rate: Rate::new(*rate),
        });
        let maturities: Vec<Maturity> = maturities.collect();
        let products = instruments.iter().zip(&self.prices).map(|(instrument, (vol, mark))| Product {
            instrument,
            vol: vol.map(Rate::new),
            mark: mark.map(Rate::new),
        });
        let products: Vec<Product<'_>> = products.collect();
        let arrays = model.arrays(&Underlying {
            now_ns: self.now_ns,
            index: Rate::new(self.index),
            maturities: &maturities,
            products: &products,
            settle_decimals: PORTFOLIO_DECIMALS,
        });
        arrays.map_err(|error| {
            let remedy = "correct the market or the position";
            ConfigError::new_err(format!("{error}; scenarios are priced from a sound market; {remedy}"))
        })
    }

    fn report(&self, arrays: &RiskArrays) -> Option<Report> {
        let leg = |contract: usize| arrays.find(InstrumentId(u16::try_from(contract).ok()?));
        let positions = self.lots.iter().enumerate().map(|(contract, lots)| Some((leg(contract)?, *lots)));
        let mut portfolio = Portfolio::of(arrays, &positions.collect::<Option<Vec<_>>>()?)?;
        for (contract, lots, limit, fee_rate) in &self.orders {
            let (leg, limit) = (leg(*contract)?, Rate::new(*limit));
            let terms = &arrays.legs().get(usize::try_from(leg).ok()?)?.terms;
            let fee = fee_of(terms, lots.unsigned_abs().into(), limit, *fee_rate)?;
            portfolio.add(arrays, &arrays.fill_at(leg, *lots, limit, Amount::new(fee))?)?;
        }
        portfolio.report(arrays)
    }
}

/// Portfolio margin of one book under parameters as [`clear_params`] gives them.
#[pyfunction]
pub(crate) fn clear_portfolio(py: Python<'_>, params: &str, book: Book) -> PyResult<PortfolioRow> {
    let params: Params = serde_json::from_str(params).map_err(|error| ConfigError::new_err(error.to_string()))?;
    let model = RiskModel::new(params).map_err(|error| ConfigError::new_err(error.to_string()))?;
    let (arrays, report) = py.detach(|| {
        let arrays = book.arrays(&model)?;
        let report = book.report(&arrays).ok_or_else(|| unfit("the positions or orders of the portfolio"))?;
        PyResult::Ok((arrays, report))
    })?;
    let both = |asked: &Requirement| (asked.initial.get(), asked.maintenance.get());
    let binds = match report.cause {
        Cause::None => None,
        Cause::Scenario(row) => i64::try_from(row).ok(),
        Cause::Forward => Some(FORWARD),
    };
    let leg = report.leg.and_then(|(leg, pnl)| {
        let leg = arrays.legs().get(usize::try_from(leg).ok()?)?;
        Some((leg.instrument.0, pnl.get()))
    });
    let contingencies = &report.contingencies;
    let (forward, perpetual, option) = (contingencies.forward, &contingencies.perpetual, &contingencies.option);
    Ok((
        both(&report.requirement),
        report.option_value.get(),
        binds,
        leg,
        report.rows.iter().map(|row| row.pnl.get()).collect(),
        (forward.get(), both(perpetual), both(option)),
    ))
}

/// A layer: one amount, or one a member.
#[derive(FromPyObject)]
pub(crate) enum Layer {
    One(i128),
    Members(Vec<i128>),
}

/// Takes a loss from layers: what each paid in all and by member, and what no layer had.
#[pyfunction]
pub(crate) fn clear_waterfall(loss: i128, layers: Vec<Layer>) -> (Vec<(i128, Vec<i128>)>, i128) {
    let layers: Vec<LayerAmounts> = layers
        .into_iter()
        .map(|layer| match layer {
            Layer::One(amount) => LayerAmounts::One(amount),
            Layer::Members(amounts) => LayerAmounts::Members(amounts),
        })
        .collect();
    let drawn = waterfall(loss, &layers);
    (drawn.layers.into_iter().map(|draw| (draw.used, draw.members)).collect(), drawn.uncovered)
}

/// The queue of the side opposite to a bankrupt position: rows of `positions` (lots, score) and lots closed.
#[pyfunction]
pub(crate) fn clear_adl_queue(positions: Vec<(i64, i128)>, lots: i64) -> Vec<(usize, i64)> {
    let positions: Vec<AdlPosition> = positions.into_iter().map(|(qty, score)| AdlPosition { qty, score }).collect();
    adl_queue(&positions, lots).into_iter().map(|row| (row.row, row.closed)).collect()
}

/// What ranks a position, in 10^-18; prices in 10^-18, leverage in 10^-9.
#[pyfunction]
pub(crate) fn clear_adl_score(is_long: bool, entry: i128, mark: i128, leverage: i128) -> i128 {
    adl_score(is_long, entry, mark, leverage)
}
