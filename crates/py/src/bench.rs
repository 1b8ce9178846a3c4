//! What the benches time and Python cannot: decoding bytes that are in memory, and single orders by the clock.
//!
//! Nothing here is part of a run. Times are those of the monotonic clock, whose own cost [`clock_ns`] tells.

use std::convert::Infallible;
use std::path::Path;
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use tiderace_engine::{Desk, DeskConfig, Engine};
use tiderace_journal::Writer;
use tiderace_sim::driver::{Client, DriveError, Driver};
use tiderace_sim::flow::FlowConfig;
use tiderace_sim::{SimConfig, SimExchange};
use tiderace_types::input::SubmitOrder;
use tiderace_types::{
    ClOrdId, Input, MarketEvent, MarketKind, OrdStatus, OrdType, Output, Qty, Side, Tags, TimeInForce, Ts,
};

use crate::errors::{ConfigError, DataError, JournalError};
use crate::tape::{PyTape, instrument_of, market_of};

/// A recorded file's bytes, inflated.
#[pyfunction]
pub(crate) fn inflate<'py>(py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyBytes>> {
    let read = py.detach(|| tiderace_feed::read(Path::new(path)));
    let (text, _) = read.map_err(|error| DataError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &text))
}

/// Decodes inflated files of one recording. Returns the tape and the seconds that decoding took.
#[pyfunction]
pub(crate) fn decode_bytes(
    py: Python<'_>,
    files: Vec<(String, PyBackedBytes)>,
    market: &str,
    instrument: &str,
) -> PyResult<(PyTape, f64)> {
    let market = market_of(market)?;
    let instrument = instrument_of(instrument)?;
    let texts: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), &**text)).collect();
    let (decoded, seconds) = py.detach(|| {
        let start = Instant::now();
        let decoded = tiderace_venue_binance::decode_all(&texts, market, &instrument);
        (decoded, start.elapsed().as_secs_f64())
    });
    let decoded = decoded.map_err(|error| DataError::new_err(error.to_string()))?;
    Ok((PyTape { tape: decoded.tape }, seconds))
}

/// The recipe of a flow of `count` level changes of one book, as the JSON that `make_flow` takes.
#[pyfunction]
pub(crate) fn level_flow(count: u64, seed: u64) -> PyResult<String> {
    serde_json::to_string(&FlowConfig::level_changes(count, seed))
        .map_err(|error| DataError::new_err(error.to_string()))
}

/// Whether this is an optimised build: figures of any other say nothing.
#[pyfunction]
pub(crate) const fn is_optimised() -> bool {
    !cfg!(debug_assertions)
}

/// Nanoseconds from one reading of the clock to the next, the median of many: what is in each time of an order.
#[pyfunction]
pub(crate) fn clock_ns() -> u64 {
    let mut ns: Vec<u64> = (0..1_001).map(|_| elapsed_ns(Instant::now())).collect();
    ns.sort_unstable();
    ns.get(ns.len() / 2).copied().unwrap_or(0)
}

fn elapsed_ns(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Sends orders one after the other, each when the one before is over, and takes the time from submit to fill.
struct OneByOne {
    wanted: usize,
    waiting: Option<Instant>,
    sent: u64,
    ns: Vec<u64>,
}

impl OneByOne {
    fn order(&mut self, engine: &Engine, event: &MarketEvent) -> Option<Input> {
        let side = if self.sent.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let price = engine.desk().book(event.instrument)?.best(side.opposite())?.price;
        self.sent = self.sent.saturating_add(1);
        let order = SubmitOrder {
            cl_ord_id: ClOrdId(self.sent),
            cause_seq: engine.seq(),
            tags: Tags::default(),
            instrument: event.instrument,
            side,
            ord_type: OrdType::Limit,
            time_in_force: TimeInForce::Ioc,
            post_only: false,
            order_qty: Qty::new(1)?,
            price,
        };
        Some(order.into())
    }
}

impl Client for OneByOne {
    type Error = Infallible;

    fn on_start(&mut self, _: &Engine, _: Ts, _: &mut Vec<Input>) -> Result<(), Infallible> {
        Ok(())
    }
    fn on_market(&mut self, engine: &Engine, event: &MarketEvent, commands: &mut Vec<Input>) -> Result<(), Infallible> {
        let is_free = self.waiting.is_none() && self.ns.len() < self.wanted;
        if is_free && event.kind == MarketKind::Level {
            self.waiting = Some(Instant::now());
            commands.extend(self.order(engine, event));
        }
        Ok(())
    }
    fn on_output(&mut self, _: &Engine, _: Ts, output: &Output, _: &mut Vec<Input>) -> Result<(), Infallible> {
        let is_fill = matches!(output, Output::FillBooked(_));
        // What the venue had no depth for any more is canceled: no time, and the next order may go.
        let is_over = matches!(output, Output::Refused(_))
            || matches!(output, Output::OrderUpdated(o) if o.ord_status.is_closed() && o.ord_status != OrdStatus::Filled);
        if (is_fill || is_over)
            && let Some(start) = self.waiting.take()
            && is_fill
        {
            self.ns.push(elapsed_ns(start));
        }
        Ok(())
    }
    fn on_stop(&mut self, _: &Engine, _: Ts, _: &mut Vec<Input>) -> Result<(), Infallible> {
        Ok(())
    }
    fn on_progress(&mut self, _: u64, _: u64) -> bool {
        self.ns.len() < self.wanted
    }
}

/// Times `orders` orders from submit to fill. Returns nanoseconds of each, those of the whole run, and its digest.
#[pyfunction]
pub(crate) fn bench_orders(
    py: Python<'_>,
    config: &str,
    tape: &PyTape,
    orders: usize,
    journal: Option<&str>,
) -> PyResult<(Vec<u64>, u64, String)> {
    let desk_config = DeskConfig::from_json(config).map_err(|error| ConfigError::new_err(error.to_string()))?;
    let sim: SimConfig =
        serde_json::from_value(desk_config.sim.clone()).map_err(|error| ConfigError::new_err(error.to_string()))?;
    let desk = Desk::new(&desk_config).map_err(|error| ConfigError::new_err(error.to_string()))?;
    let exchange =
        SimExchange::new(&sim, &desk_config.instruments).map_err(|error| ConfigError::new_err(error.to_string()))?;
    let journal_error = |error: tiderace_journal::JournalError| JournalError::new_err(error.to_string());
    let writer = journal.map(|path| Writer::create(Path::new(path))).transpose().map_err(journal_error)?;
    let mut engine = Engine::new(desk, config, writer).map_err(journal_error)?;
    let mut client = OneByOne { wanted: orders, waiting: None, sent: 0, ns: Vec::with_capacity(orders) };
    let events = &tape.tape.events;
    let (ended, run_ns) = py.detach(|| {
        let start = Instant::now();
        let ended = Driver::new(&mut engine, &mut client, exchange, &sim, events).run(&desk_config);
        (ended, elapsed_ns(start))
    });
    let (ended, _) = ended.map_err(|error| match error {
        DriveError::Journal(error) => journal_error(error),
        DriveError::Client(never) => match never {},
        DriveError::TooManyCommands => ConfigError::new_err("too many commands"),
    })?;
    Ok((client.ns, run_ns, ended.digest.iter().map(|byte| format!("{byte:02x}")).collect()))
}
