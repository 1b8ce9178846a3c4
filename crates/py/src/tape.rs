//! Tapes: read, merged, made up, checked, looked at.

use std::path::Path;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use tiderace_feed::{FileHash, Tape};
use tiderace_sim::flow::{self, FlowConfig};
use tiderace_sim::{LatencyModel, picture};
use tiderace_types::{Instrument, InstrumentId, Ts};
use tiderace_venue_binance::{Market, Summary};

use crate::arrow::{Column, Columns, Table};
use crate::errors::DataError;

/// Market records in the order in which they reached the recorder.
#[pyclass(frozen, name = "Tape", module = "tiderace._core")]
pub(crate) struct PyTape {
    pub(crate) tape: Tape,
}

fn data_error(error: impl core::fmt::Display) -> PyErr {
    DataError::new_err(error.to_string())
}

/// Instruments out of JSON, each checked: what lies below divides by their steps.
fn instruments_of(json: &str) -> PyResult<Vec<Instrument>> {
    let instruments: Vec<Instrument> =
        serde_json::from_str(json).map_err(|error| PyValueError::new_err(format!("instruments: {error}")))?;
    instruments.iter().try_for_each(check)?;
    Ok(instruments)
}

/// One instrument out of JSON, checked likewise.
pub(crate) fn instrument_of(json: &str) -> PyResult<Instrument> {
    let instrument: Instrument =
        serde_json::from_str(json).map_err(|error| PyValueError::new_err(format!("instrument: {error}")))?;
    check(&instrument)?;
    Ok(instrument)
}

fn check(instrument: &Instrument) -> PyResult<()> {
    let refuse = |error| PyValueError::new_err(format!("instrument {:?}: {error}", instrument.symbol));
    instrument.check().map_err(refuse)
}

#[pymethods]
impl PyTape {
    /// Records of 48 bytes each, from anything with a buffer of bytes.
    #[staticmethod]
    fn from_records(py: Python<'_>, records: PyBuffer<u8>, clock_offset_ns: i64) -> PyResult<Self> {
        let bytes = records.to_vec(py)?;
        py.detach(|| Tape::from_bytes(&bytes, clock_offset_ns)).map(|tape| Self { tape }).map_err(data_error)
    }

    /// The records' bytes.
    fn to_records<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.tape.to_bytes())
    }

    fn __len__(&self) -> usize {
        self.tape.events.len()
    }

    /// What was added to the venues' clocks to make them the recorder's.
    #[getter]
    fn clock_offset_ns(&self) -> i64 {
        self.tape.clock_offset_ns
    }

    /// One tape of many, by receive time; ties go to the tape named first.
    #[staticmethod]
    fn merge(py: Python<'_>, tapes: Vec<Py<Self>>) -> Self {
        let tapes: Vec<Tape> = tapes.iter().map(|tape| tape.get().tape.clone()).collect();
        Self { tape: py.detach(|| Tape::merge(&tapes)) }
    }

    /// The tape as a feed latency other than the recorded one would have brought it. `model` is the JSON of a latency.
    fn retimed(&self, py: Python<'_>, model: &str, seed: u64) -> PyResult<Self> {
        let model: LatencyModel =
            serde_json::from_str(model).map_err(|error| PyValueError::new_err(format!("latency: {error}")))?;
        let mut tape = self.tape.clone();
        py.detach(|| tiderace_sim::retime(&mut tape, model, seed));
        Ok(Self { tape })
    }

    /// BLAKE3 of the records: the identity of a tape that no file stands behind.
    fn checksum(&self) -> String {
        flow::checksum(&self.tape.events)
    }
}

/// A recording, decoded.
#[pyclass(frozen, get_all, module = "tiderace._core")]
pub(crate) struct Recording {
    tape: Py<PyTape>,
    summary: Py<PyDict>,
    files: Py<PyList>,
}

/// Reads Binance's raw lines: `market` is spot, usdm or coinm.
#[pyfunction]
pub(crate) fn read_binance(py: Python<'_>, files: Vec<String>, market: &str, instrument: &str) -> PyResult<Recording> {
    let market = market_of(market)?;
    let instrument = instrument_of(instrument)?;
    let (decoded, hashes) =
        py.detach(|| tiderace_venue_binance::read(&files, market, &instrument)).map_err(data_error)?;
    let list = PyList::empty(py);
    for hash in &hashes {
        list.append(hash_dict(py, hash)?)?;
    }
    Ok(Recording {
        tape: Py::new(py, PyTape { tape: decoded.tape })?,
        summary: summary_dict(py, &decoded.summary)?.unbind(),
        files: list.unbind(),
    })
}

pub(crate) fn market_of(name: &str) -> PyResult<Market> {
    match name {
        "spot" => Ok(Market::Spot),
        "usdm" => Ok(Market::UsdM),
        "coinm" => Ok(Market::CoinM),
        _ => Err(PyValueError::new_err(format!("market {name:?} is none of spot, usdm, coinm"))),
    }
}

fn summary_dict<'py>(py: Python<'py>, summary: &Summary) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let counts = [
        ("lines", summary.lines),
        ("depth", summary.depth),
        ("quotes", summary.quotes),
        ("trades", summary.trades),
        ("snapshots", summary.snapshots),
        ("snapshots_unused", summary.snapshots_unused),
        ("trades_off_book", summary.trades_off_book),
        ("ignored", summary.ignored),
        ("gaps", summary.gaps),
        ("unparsable", summary.unparsable),
        ("off_tick", summary.off_tick),
        ("off_lot", summary.off_lot),
        ("time_steps_back", summary.time_steps_back),
        ("bytes_inflated", summary.bytes_inflated),
    ];
    for (name, count) in counts {
        dict.set_item(name, count)?;
    }
    dict.set_item("ts_first_ns", summary.ts_first_ns)?;
    dict.set_item("ts_last_ns", summary.ts_last_ns)?;
    dict.set_item("clock_offset_ns", summary.clock_offset_ns)?;
    dict.set_item("first_error", summary.first_error.as_ref().map(ToString::to_string))?;
    Ok(dict)
}

fn hash_dict<'py>(py: Python<'py>, hash: &FileHash) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("file", &hash.file)?;
    dict.set_item("bytes", hash.bytes)?;
    let hex = |chunk: &[u8; 32]| chunk.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    dict.set_item("chunks", hash.chunks.iter().map(hex).collect::<Vec<_>>())?;
    Ok(dict)
}

/// The hash of a file as stored: one BLAKE3 a MiB.
#[pyfunction]
pub(crate) fn hash_file<'py>(py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyDict>> {
    let hash = py.detach(|| FileHash::of_file(Path::new(path))).map_err(data_error)?;
    hash_dict(py, &hash)
}

/// Refuses a file that is not the one hashed, naming the first MiB that changed.
#[pyfunction]
pub(crate) fn verify_file(py: Python<'_>, path: &str, bytes: u64, chunks: Vec<String>) -> PyResult<()> {
    let parse = |text: &String| {
        let mut chunk = [0; 32];
        let digits = text.as_bytes().as_chunks::<2>().0;
        for (byte, pair) in chunk.iter_mut().zip(digits) {
            let pair = core::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        (text.len() == 64).then_some(chunk)
    };
    let chunks = chunks.iter().map(parse).collect::<Option<Vec<_>>>();
    let chunks = chunks.ok_or_else(|| PyValueError::new_err("a chunk hash is 64 hexadecimal digits"))?;
    let hash = FileHash { file: path.to_owned(), bytes, chunks };
    py.detach(|| hash.verify(Path::new(path))).map_err(data_error)
}

/// Makes books up from a seed: JSON of a flow, and the instruments that it is for.
#[pyfunction]
pub(crate) fn make_flow(py: Python<'_>, config: &str, instruments_json: &str) -> PyResult<PyTape> {
    let config: FlowConfig =
        serde_json::from_str(config).map_err(|error| PyValueError::new_err(format!("flow: {error}")))?;
    let instruments = instruments_of(instruments_json)?;
    let tape = py.detach(|| flow::generate(&config, &instruments)).map_err(data_error)?;
    Ok(PyTape { tape })
}

/// One row a change of a live book's best price or quantity, as the desk saw it.
#[pyfunction]
pub(crate) fn quotes(py: Python<'_>, tape: &PyTape, n_instruments: usize) -> Table {
    let picture::QuoteColumns { ts_recv_ns, instrument, bid_px, ask_px, bid_qty_e8, ask_qty_e8 } =
        py.detach(|| picture::quotes(&tape.tape.events, n_instruments));
    let columns = Columns {
        len: ts_recv_ns.len(),
        columns: vec![
            ("ts_ns", Column::I64(ts_recv_ns)),
            ("instrument", Column::U16(instrument)),
            ("bid_px", Column::I64(bid_px)),
            ("ask_px", Column::I64(ask_px)),
            ("bid_qty_e8", Column::I64(bid_qty_e8)),
            ("ask_qty_e8", Column::I64(ask_qty_e8)),
        ],
    };
    columns.into()
}

/// One row a trade of the market.
#[pyfunction]
pub(crate) fn trades(py: Python<'_>, tape: &PyTape) -> Table {
    let picture::TradeColumns { ts_recv_ns, ts_event_ns, instrument, px, qty_e8, side } =
        py.detach(|| picture::trades(&tape.tape.events));
    let columns = Columns {
        len: ts_recv_ns.len(),
        columns: vec![
            ("ts_ns", Column::I64(ts_recv_ns)),
            ("ts_event_ns", Column::I64(ts_event_ns)),
            ("instrument", Column::U16(instrument)),
            ("px", Column::I64(px)),
            ("qty_e8", Column::I64(qty_e8)),
            ("is_sell", Column::bits(side.into_iter().map(|side| side < 0).collect())),
        ],
    };
    columns.into()
}

/// A book as the desk had it at `ts_ns`: up to `levels` a side, best first.
#[pyfunction]
pub(crate) fn depth(py: Python<'_>, tape: &PyTape, instrument: u16, ts_ns: i64, levels: usize) -> Table {
    let picture::DepthColumns { side, px, qty_e8, is_known } =
        py.detach(|| picture::depth_at(&tape.tape.events, InstrumentId(instrument), Ts::new(ts_ns), levels));
    let fix = |side: i8| if side > 0 { b'1' } else { b'2' };
    let columns = Columns {
        len: px.len(),
        columns: vec![
            ("side", Column::U8(side.into_iter().map(fix).collect())),
            ("px", Column::I64(px)),
            ("qty_e8", Column::I64(qty_e8)),
            ("is_known", Column::bits(is_known)),
        ],
    };
    columns.into()
}

/// The books of a tape against the venue's own best prices, by instrument.
#[pyfunction]
pub(crate) fn check_tape<'py>(
    py: Python<'py>,
    tape: &PyTape,
    instruments_json: &str,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let instruments = instruments_of(instruments_json)?;
    let checks = py.detach(|| picture::check(&tape.tape.events, &instruments));
    checks
        .iter()
        .map(|check| {
            let dict = PyDict::new(py);
            dict.set_item("instrument", check.instrument.0)?;
            dict.set_item("symbol", &check.symbol)?;
            let counts = [
                ("records", check.records),
                ("messages", check.messages),
                ("compared", check.compared),
                ("equal", check.equal),
                ("locked", check.locked),
                ("crossed", check.crossed),
                ("gaps", check.gaps),
            ];
            for (name, count) in counts {
                dict.set_item(name, count)?;
            }
            dict.set_item("ts_live_ns", check.ts_live.map(Ts::get))?;
            dict.set_item("live_ns", check.live_ns)?;
            dict.set_item("latency_ns_min", check.latency_ns_min)?;
            dict.set_item("latency_ns_median", check.latency_ns_median)?;
            dict.set_item("latency_ns_max", check.latency_ns_max)?;
            let pair = |(bid, ask): (tiderace_book::Level, tiderace_book::Level)| {
                (bid.price.get(), bid.qty_e8, ask.price.get(), ask.qty_e8)
            };
            let difference =
                check.first_difference.as_ref().map(|d| (d.seq, d.ts_recv.get(), pair(d.ours), pair(d.theirs)));
            dict.set_item("first_difference", difference)?;
            Ok(dict)
        })
        .collect()
}
