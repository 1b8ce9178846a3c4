//! A Python strategy as a client of the desk.
//!
//! The strategy's callbacks run while the driver lends the desk: the context points at it for exactly that long, so
//! `best`, `position` and the book view read the live state and copy nothing. What the strategy submits gathers here and
//! becomes journaled inputs that name the input they answer.

use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU16, AtomicU64, Ordering::Relaxed};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tiderace_book::Level;
use tiderace_engine::Engine;
use tiderace_engine::config::{AlgoSpec, ParentSpec};
use tiderace_sim::driver::Client;
use tiderace_types::event::FillBooked;
use tiderace_types::input::{
    CancelAll, CancelOrder, CancelParent, LoadAlgo, PauseParent, ReplaceOrder, ResumeParent, SetTimer, SubmitOrder,
};
use tiderace_types::{
    ClOrdId, Input, InstrumentId, KillScope, MarketEvent, MarketKind, OrdType, Output, ParentId, Price, Qty, Side,
    Tags, TimeInForce, Ts,
};

/// What a strategy acts through.
#[pyclass(frozen, module = "tiderace._core")]
pub(crate) struct StrategyContext {
    /// The engine for as long as a [`Loan`] lasts; null before, between and after.
    engine: AtomicPtr<Engine>,
    now: AtomicI64,
    next_id: AtomicU64,
    tags: Tags,
    commands: Mutex<Vec<Input>>,
    /// Algorithms that the strategy has loaded, by number.
    loads: Mutex<Vec<(u32, AlgoSpec)>>,
}

type Best = (i64, i64, i64, i64);

impl StrategyContext {
    fn new(tags: Tags) -> Self {
        Self {
            engine: AtomicPtr::new(ptr::null_mut()),
            now: AtomicI64::new(0),
            next_id: AtomicU64::new(1),
            tags,
            commands: Mutex::new(Vec::new()),
            loads: Mutex::new(Vec::new()),
        }
    }

    /// The desk, inside a callback.
    fn with_engine<T>(&self, read: impl FnOnce(&Engine) -> T) -> PyResult<T> {
        let engine = self.engine.load(Relaxed);
        if engine.is_null() {
            return Err(PyRuntimeError::new_err("the desk is only there inside a callback; call this from on_*"));
        }
        #[expect(unsafe_code, reason = "the engine is lent for the length of a callback")]
        // SAFETY: the pointer is set from a live `&Engine` for the length of a `Loan`, which ends when the callback returns
        // or unwinds. Whoever reads holds the interpreter lock (the module says `gil_used`) and `read` never lets it go,
        // so the callback cannot end meanwhile; only shared reads are made.
        Ok(read(unsafe { &*engine }))
    }

    fn push(&self, make: impl FnOnce(u64) -> Input) -> PyResult<()> {
        let cause_seq = self.with_engine(Engine::seq)?;
        let mut commands = self.commands.lock().map_err(|_| PyRuntimeError::new_err("the command queue is broken"))?;
        commands.push(make(cause_seq));
        Ok(())
    }

    fn best_of(&self, instrument: u16) -> PyResult<Option<Best>> {
        self.with_engine(|engine| {
            let book = engine.desk().book(InstrumentId(instrument)).filter(|book| book.is_live())?;
            let (bid, ask) = book.best(Side::Buy).zip(book.best(Side::Sell))?;
            Some((bid.price.get(), bid.qty_e8, ask.price.get(), ask.qty_e8))
        })
    }
}

fn one_of<T>(value: Option<T>, name: &str) -> PyResult<T> {
    value.ok_or_else(|| PyValueError::new_err(format!("{name} is out of range")))
}

#[pymethods]
impl StrategyContext {
    /// Submits an order; `None` for an id gives the next free one.
    #[expect(clippy::too_many_arguments, reason = "the face names and checks each of them")]
    fn submit_order(
        &self,
        cl_ord_id: Option<u64>,
        instrument: u16,
        side: u8,
        ord_type: u8,
        time_in_force: u8,
        post_only: bool,
        qty: i64,
        price: i64,
    ) -> PyResult<u64> {
        let id = self.take_id(cl_ord_id);
        let side = one_of(Side::from_fix(side), "side")?;
        let ord_type = one_of(OrdType::from_fix(ord_type), "ord_type")?;
        let time_in_force = one_of(TimeInForce::from_fix(time_in_force), "time_in_force")?;
        let order_qty = one_of(Qty::new(qty), "order_qty")?;
        self.push(|cause_seq| {
            SubmitOrder {
                cl_ord_id: ClOrdId(id),
                cause_seq,
                tags: self.tags,
                instrument: InstrumentId(instrument),
                side,
                ord_type,
                time_in_force,
                post_only,
                order_qty,
                price: Price::new(price),
            }
            .into()
        })?;
        Ok(id)
    }

    /// Replaces an order; returns its new id.
    fn replace(&self, orig_cl_ord_id: u64, qty: i64, price: i64) -> PyResult<u64> {
        let id = self.take_id(None);
        let order_qty = one_of(Qty::new(qty), "order_qty")?;
        self.push(|cause_seq| {
            ReplaceOrder {
                cl_ord_id: ClOrdId(id),
                orig_cl_ord_id: ClOrdId(orig_cl_ord_id),
                cause_seq,
                order_qty,
                price: Price::new(price),
            }
            .into()
        })?;
        Ok(id)
    }

    fn cancel(&self, orig_cl_ord_id: u64) -> PyResult<()> {
        self.push(|cause_seq| CancelOrder { orig_cl_ord_id: ClOrdId(orig_cl_ord_id), cause_seq }.into())
    }

    /// Cancels every working order of this strategy.
    fn cancel_all(&self) -> PyResult<()> {
        let (scope, id) = (KillScope::Strategy, self.tags.strategy);
        self.push(|cause_seq| CancelAll { scope, id, cause_seq }.into())
    }

    /// Submits a parent order from the JSON of its fields; its algorithm is loaded first, where it is a new one.
    fn submit_parent(&self, fields: &str) -> PyResult<()> {
        let parent: ParentSpec<AlgoSpec> =
            serde_json::from_str(fields).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let row = self.load(&parent.algo)?;
        let parent = parent.numbered(row);
        self.push(|cause_seq| parent.command(cause_seq).into())
    }

    fn cancel_parent(&self, parent_id: u64) -> PyResult<()> {
        self.push(|cause_seq| CancelParent { parent_id: ParentId(parent_id), cause_seq }.into())
    }

    fn pause_parent(&self, parent_id: u64) -> PyResult<()> {
        self.push(|cause_seq| PauseParent { parent_id: ParentId(parent_id), cause_seq }.into())
    }

    fn resume_parent(&self, parent_id: u64) -> PyResult<()> {
        self.push(|cause_seq| ResumeParent { parent_id: ParentId(parent_id), cause_seq }.into())
    }

    fn set_timer(&self, id: u64, ts_ns: i64) -> PyResult<()> {
        self.push(|cause_seq| SetTimer { id, ts_due: Ts::new(ts_ns), cause_seq }.into())
    }

    #[getter]
    fn now_ns(&self) -> i64 {
        self.now.load(Relaxed)
    }

    /// (bid_px, bid_qty_e8, ask_px, ask_qty_e8) of a live book with both sides.
    fn best(&self, instrument: u16) -> PyResult<Option<Best>> {
        self.best_of(instrument)
    }

    /// Up to `n` (price, qty_e8) of a side, best first; empty unless the book is live.
    fn levels(&self, instrument: u16, side: u8, n: usize) -> PyResult<Vec<(i64, i64)>> {
        let side = one_of(Side::from_fix(side), "side")?;
        self.with_engine(|engine| {
            let book = engine.desk().book(InstrumentId(instrument)).filter(|book| book.is_live());
            let pair = |level: Level| (level.price.get(), level.qty_e8);
            book.map(|book| book.levels(side).take(n).map(pair).collect()).unwrap_or_default()
        })
    }

    /// Net exposure in base units, signed.
    fn position(&self, instrument: u16) -> PyResult<i128> {
        self.with_engine(|engine| engine.desk().risk().position(InstrumentId(instrument)).get())
    }
}

impl StrategyContext {
    /// The number of an algorithm, in the desk or on its way there.
    fn load(&self, algo: &AlgoSpec) -> PyResult<u32> {
        let hash = algo.check().map_err(|error| PyValueError::new_err(error.to_string()))?;
        let AlgoSpec { form, params } = algo;
        let (found, loaded) = self.with_engine(|engine| (engine.desk().algo(&hash, params), engine.desk().algos()))?;
        if let Some(row) = found {
            return Ok(row);
        }
        // Those that the desk has yet to take in.
        let mut loads = self.loads.lock().map_err(|_| PyRuntimeError::new_err("the command queue is broken"))?;
        if let Some((row, _)) = loads.iter().find(|(_, load)| load == algo) {
            return Ok(*row);
        }
        let row = loads.last().map_or(loaded, |(row, _)| row.saturating_add(1).max(loaded));
        loads.push((row, algo.clone()));
        let load = LoadAlgo { algo: row, form: form.clone(), params: params.clone() };
        self.commands.lock().map_err(|_| PyRuntimeError::new_err("the command queue is broken"))?.push(load.into());
        Ok(row)
    }

    fn take_id(&self, wanted: Option<u64>) -> u64 {
        match wanted {
            Some(id) => {
                self.next_id.fetch_max(id.saturating_add(1), Relaxed);
                id
            }
            None => self.next_id.fetch_add(1, Relaxed),
        }
    }
}

/// The book that just changed. One object, used again for every call: keep its values, not itself.
#[pyclass(frozen, module = "tiderace._core")]
pub(crate) struct BookView {
    context: Py<StrategyContext>,
    instrument: AtomicU16,
    ts: AtomicI64,
}

impl BookView {
    fn level(&self, side: Side) -> PyResult<Option<Level>> {
        let instrument = InstrumentId(self.instrument.load(Relaxed));
        self.context.get().with_engine(|engine| engine.desk().book(instrument)?.best(side))
    }
}

#[pymethods]
impl BookView {
    #[getter]
    fn instrument(&self) -> u16 {
        self.instrument.load(Relaxed)
    }
    #[getter]
    fn ts_ns(&self) -> i64 {
        self.ts.load(Relaxed)
    }
    #[getter]
    fn is_live(&self) -> PyResult<bool> {
        let instrument = InstrumentId(self.instrument.load(Relaxed));
        let is_live = |engine: &Engine| engine.desk().book(instrument).is_some_and(|book| book.is_live());
        self.context.get().with_engine(is_live)
    }
    /// Best bid in ticks.
    #[getter]
    fn bid_px(&self) -> PyResult<Option<i64>> {
        Ok(self.level(Side::Buy)?.map(|level| level.price.get()))
    }
    /// Best ask in ticks.
    #[getter]
    fn ask_px(&self) -> PyResult<Option<i64>> {
        Ok(self.level(Side::Sell)?.map(|level| level.price.get()))
    }
    /// Quantity at the best bid, 10^-8.
    #[getter]
    fn bid_qty_e8(&self) -> PyResult<Option<i64>> {
        Ok(self.level(Side::Buy)?.map(|level| level.qty_e8))
    }
    /// Quantity at the best ask, 10^-8.
    #[getter]
    fn ask_qty_e8(&self) -> PyResult<Option<i64>> {
        Ok(self.level(Side::Sell)?.map(|level| level.qty_e8))
    }
    /// Up to `n` (price, qty_e8) of a side, best first.
    fn levels(&self, side: u8, n: usize) -> PyResult<Vec<(i64, i64)>> {
        self.context.get().levels(self.instrument.load(Relaxed), side, n)
    }
}

/// A trade of the market.
#[pyclass(frozen, get_all, module = "tiderace._core")]
pub(crate) struct MarketTrade {
    instrument: u16,
    ts_ns: i64,
    price: i64,
    qty_e8: i64,
    is_sell: bool,
}

/// A fill of ours.
#[pyclass(frozen, get_all, module = "tiderace._core")]
pub(crate) struct OwnFill {
    cl_ord_id: u64,
    parent_id: u64,
    exec_id: u64,
    instrument: u16,
    side: u8,
    last_qty: i64,
    last_px: i64,
    exposure: i128,
    notional: i128,
    fee: i128,
    is_maker: bool,
    is_reversal: bool,
    ts_ns: i64,
}

impl OwnFill {
    fn new(fill: &FillBooked) -> Self {
        Self {
            cl_ord_id: fill.cl_ord_id.0,
            parent_id: fill.parent_id.0,
            exec_id: fill.exec_id.0,
            instrument: fill.instrument.0,
            side: fill.side.fix(),
            last_qty: fill.last_qty.get(),
            last_px: fill.last_px.get(),
            exposure: fill.exposure.get(),
            notional: fill.notional.get(),
            fee: fill.fee.get(),
            is_maker: fill.is_maker,
            is_reversal: fill.is_reversal,
            ts_ns: fill.transact_time.get(),
        }
    }
}

/// The engine in a context's hands. Dropping it takes the engine back, so a callback that unwinds cannot keep it.
struct Loan<'a>(&'a AtomicPtr<Engine>);

impl<'a> Loan<'a> {
    fn new(place: &'a AtomicPtr<Engine>, engine: &'a Engine) -> Self {
        place.store(ptr::from_ref(engine).cast_mut(), Relaxed);
        Self(place)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.0.store(ptr::null_mut(), Relaxed);
    }
}

/// Calls a strategy's callbacks: those that its class defines.
pub(crate) struct PyClient<'py> {
    py: Python<'py>,
    context: Bound<'py, StrategyContext>,
    book: Bound<'py, BookView>,
    on_start: Option<Bound<'py, PyAny>>,
    on_book: Option<Bound<'py, PyAny>>,
    on_trade: Option<Bound<'py, PyAny>>,
    on_fill: Option<Bound<'py, PyAny>>,
    on_order: Option<Bound<'py, PyAny>>,
    on_timer: Option<Bound<'py, PyAny>>,
    on_stop: Option<Bound<'py, PyAny>>,
    progress: Option<Bound<'py, PyAny>>,
    failed: Option<PyErr>,
}

impl<'py> PyClient<'py> {
    /// Binds a strategy (none: only progress is called). Its `callbacks` names the methods that it defines.
    pub(crate) fn new(
        strategy: Option<&Bound<'py, PyAny>>,
        tags: Tags,
        progress: Option<Bound<'py, PyAny>>,
        py: Python<'py>,
    ) -> PyResult<Self> {
        let context = Bound::new(py, StrategyContext::new(tags))?;
        let view = BookView { context: context.clone().unbind(), instrument: AtomicU16::new(0), ts: AtomicI64::new(0) };
        let book = Bound::new(py, view)?;
        let mut wanted: Vec<String> = Vec::new();
        if let Some(strategy) = strategy {
            strategy.call_method1(intern!(py, "_bind"), (&context,))?;
            wanted = strategy
                .getattr(intern!(py, "_callbacks"))?
                .try_iter()?
                .map(|n| n?.extract())
                .collect::<PyResult<_>>()?;
        }
        let method = |name: &str| match strategy {
            Some(strategy) if wanted.iter().any(|w| w == name) => strategy.getattr(name).map(Some),
            Some(_) | None => Ok(None),
        };
        Ok(Self {
            py,
            book,
            on_start: method("on_start")?,
            on_book: method("on_book")?,
            on_trade: method("on_trade")?,
            on_fill: method("on_fill")?,
            on_order: method("on_order")?,
            on_timer: method("on_timer")?,
            on_stop: method("on_stop")?,
            context,
            progress,
            failed: None,
        })
    }

    /// What stopped the run from within `on_progress`, e.g. an interrupt that was not caught.
    pub(crate) fn take_failure(&mut self) -> Option<PyErr> {
        self.failed.take()
    }

    /// Runs `call` with the engine lent to the context, then hands over what was submitted.
    fn lend(
        &self,
        engine: &Engine,
        ts: Ts,
        commands: &mut Vec<Input>,
        call: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let context = self.context.get();
        context.now.store(ts.get(), Relaxed);
        let loan = Loan::new(&context.engine, engine);
        let result = call();
        drop(loan);
        let mut submitted =
            context.commands.lock().map_err(|_| PyRuntimeError::new_err("the command queue is broken"))?;
        if !submitted.is_empty() {
            commands.append(&mut submitted);
        }
        result.map(|_| ())
    }
}

impl Client for PyClient<'_> {
    type Error = PyErr;

    fn on_start(&mut self, engine: &Engine, ts: Ts, commands: &mut Vec<Input>) -> PyResult<()> {
        match &self.on_start {
            Some(callback) => self.lend(engine, ts, commands, || callback.call0()),
            None => Ok(()),
        }
    }

    fn on_market(&mut self, engine: &Engine, event: &MarketEvent, commands: &mut Vec<Input>) -> PyResult<()> {
        match event.kind {
            MarketKind::Trade => {
                let Some(callback) = &self.on_trade else { return Ok(()) };
                let trade = MarketTrade {
                    instrument: event.instrument.0,
                    ts_ns: event.ts_recv.get(),
                    price: event.price.get(),
                    qty_e8: event.qty_e8,
                    is_sell: event.side() == Side::Sell,
                };
                self.lend(engine, event.ts_recv, commands, || callback.call1((trade,)))
            }
            MarketKind::Best => Ok(()),
            MarketKind::Level | MarketKind::Clear | MarketKind::Reach | MarketKind::Live | MarketKind::Gap => {
                let Some(callback) = &self.on_book else { return Ok(()) };
                let view = self.book.get();
                view.instrument.store(event.instrument.0, Relaxed);
                view.ts.store(event.ts_recv.get(), Relaxed);
                self.lend(engine, event.ts_recv, commands, || callback.call1((&self.book,)))
            }
        }
    }

    fn on_output(&mut self, engine: &Engine, ts: Ts, output: &Output, commands: &mut Vec<Input>) -> PyResult<()> {
        match output {
            Output::FillBooked(fill) => match &self.on_fill {
                Some(callback) => self.lend(engine, ts, commands, || callback.call1((OwnFill::new(fill),))),
                None => Ok(()),
            },
            Output::TimerFired(timer) => match &self.on_timer {
                Some(callback) => self.lend(engine, ts, commands, || callback.call1((timer.id,))),
                None => Ok(()),
            },
            Output::OrderUpdated(order) => match &self.on_order {
                Some(callback) => {
                    let update = PyDict::new(self.py);
                    update.set_item("cl_ord_id", order.cl_ord_id.0)?;
                    update.set_item("instrument", order.instrument.0)?;
                    update.set_item("ord_status", order.ord_status.name())?;
                    update.set_item("cum_qty", order.cum_qty.get())?;
                    update.set_item("leaves_qty", order.leaves_qty.get())?;
                    update.set_item("reason", order.reason.name())?;
                    self.lend(engine, ts, commands, || callback.call1((update,)))
                }
                None => Ok(()),
            },
            Output::Refused(refused) => match &self.on_order {
                Some(callback) => {
                    let update = PyDict::new(self.py);
                    update.set_item("cl_ord_id", refused.id)?;
                    update.set_item("instrument", refused.instrument.0)?;
                    update.set_item("ord_status", "Refused")?;
                    update.set_item("reason", refused.reason.name())?;
                    update.set_item("value", refused.value.get())?;
                    update.set_item("limit", refused.limit.get())?;
                    self.lend(engine, ts, commands, || callback.call1((update,)))
                }
                None => Ok(()),
            },
            Output::OrderSent(_)
            | Output::CancelSent(_)
            | Output::ReplaceSent(_)
            | Output::StatusRequested(_)
            | Output::ParentUpdated(_)
            | Output::SliceStarted(_)
            | Output::ArrivalTaken(_)
            | Output::VenueSkipped(_)
            | Output::BookChanged(_)
            | Output::BreakRaised(_)
            | Output::BreakCleared(_)
            | Output::KillChanged(_)
            | Output::StrategyEnabled(_)
            | Output::ProgramStopped(_)
            | Output::ProgramNoted(_) => Ok(()),
        }
    }

    fn on_stop(&mut self, engine: &Engine, ts: Ts, commands: &mut Vec<Input>) -> PyResult<()> {
        match &self.on_stop {
            Some(callback) => self.lend(engine, ts, commands, || callback.call0()),
            None => Ok(()),
        }
    }

    fn on_progress(&mut self, done: u64, total: u64) -> bool {
        let goes_on = (|| {
            self.py.check_signals()?;
            match &self.progress {
                Some(progress) => progress.call1((done, total))?.is_truthy(),
                None => Ok(true),
            }
        })();
        goes_on.unwrap_or_else(|error: PyErr| {
            self.failed = Some(error);
            false
        })
    }
}
