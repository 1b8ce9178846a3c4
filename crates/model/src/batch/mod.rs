//! Options by the column: a million prices, greeks, digitals or implied vols in one call, on one core or more.
//!
//! Owns the driver: it cuts columns into blocks, hands each to a kernel that the compiler vectorises for the processor at
//! hand, and sends every row that a kernel does not vouch for (bad input, extreme size) through the scalar formula.
//! Invariant: a row is finite with reason 0, or NaN in every column with its reason; no input panics.
//! [`Path::Deterministic`] is the scalar formula for every row, the same bits everywhere. [`Path::Fast`] agrees with it
//! to 1e-13 of the larger of result and scale (see `tests/black_batch.rs`), and its last bits differ between processors.

mod columns;
mod dispatch;
mod elementary;
mod implied;
mod option;

use tiderace_types::{PutOrCall, Reason};

use crate::black::Black76;
pub use columns::{Calls, Column, Inputs, LengthMismatch, Rows};
use dispatch::Processor;

/// Rows a kernel takes at once: its columns stay in the first-level cache.
pub(crate) const BLOCK: usize = 64;
/// Float columns in: forward strike t vol discount, or price forward strike t discount.
pub const INPUTS: usize = 5;
/// Threads at most, whatever is asked for.
const THREADS_MAX: usize = 256;

/// Options on forwards, by the column. The fields are those of [`Black76`].
#[derive(Clone, Copy, Debug)]
pub struct Options76<'a> {
    /// Forward prices.
    pub forward: Column<'a>,
    /// Strikes.
    pub strike: Column<'a>,
    /// Years of 365 days.
    pub t: Column<'a>,
    /// Vols, 1.00 = 100 %.
    pub vol: Column<'a>,
    /// Discount factors.
    pub discount: Column<'a>,
    /// Calls or puts.
    pub call: Calls<'a>,
}

/// Quotes to find the vols of, by the column.
#[derive(Clone, Copy, Debug)]
pub struct Quotes76<'a> {
    /// Prices, discounted.
    pub price: Column<'a>,
    /// Forward prices.
    pub forward: Column<'a>,
    /// Strikes.
    pub strike: Column<'a>,
    /// Years of 365 days.
    pub t: Column<'a>,
    /// Discount factors.
    pub discount: Column<'a>,
    /// Calls or puts.
    pub call: Calls<'a>,
}

/// Columns of [`greeks76`]: price delta gamma vega theta rho vanna volga charm speed.
pub const GREEKS: usize = 10;

/// How a batch is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Vectorised; accurate, its last bits depend on the processor.
    Fast,
    /// The scalar formulae; the same bits everywhere.
    Deterministic,
}

/// A path and the number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which formulae.
    pub path: Path,
    /// Threads to use; 0 and 1: this one. The results do not depend on it.
    pub threads: usize,
}

/// Prices every option: one column out.
///
/// # Errors
/// [`LengthMismatch`].
pub fn price76(options: &Options76<'_>, rows: Rows<'_, 1>, run: Run) -> Result<(), LengthMismatch> {
    let scalar = |option: [f64; INPUTS], kind| Ok([black(option, kind).price()?]);
    Task { block: dispatch::price, scalar }.run(options.inputs(), rows, run)
}

/// Prices digitals that pay one: one column out.
///
/// # Errors
/// [`LengthMismatch`].
pub fn digital76(options: &Options76<'_>, rows: Rows<'_, 1>, run: Run) -> Result<(), LengthMismatch> {
    let scalar = |option: [f64; INPUTS], kind| Ok([black(option, kind).digital_price()?]);
    Task { block: dispatch::digital, scalar }.run(options.inputs(), rows, run)
}

/// Price and greeks of every option: [`GREEKS`] columns out, in the order and units of [`crate::greeks::Greeks`].
///
/// # Errors
/// [`LengthMismatch`].
pub fn greeks76(options: &Options76<'_>, rows: Rows<'_, GREEKS>, run: Run) -> Result<(), LengthMismatch> {
    let scalar = |option: [f64; INPUTS], kind| Ok(black(option, kind).greeks()?.columns());
    Task { block: dispatch::greeks, scalar }.run(options.inputs(), rows, run)
}

/// The vol of every quote: one column out. Both paths hold the accuracy of a double; neither promises the same bits
/// on every machine (the scalar solver uses the platform's logarithm).
///
/// # Errors
/// [`LengthMismatch`].
pub fn implied_vol76(quotes: &Quotes76<'_>, rows: Rows<'_, 1>, run: Run) -> Result<(), LengthMismatch> {
    let scalar = |[price, forward, strike, t, discount]: [f64; INPUTS], kind| {
        Ok([black([forward, strike, t, 1.0, discount], kind).implied_vol(price)?])
    };
    let columns = [quotes.price, quotes.forward, quotes.strike, quotes.t, quotes.discount];
    Task { block: dispatch::implied, scalar }.run(Inputs { columns, call: quotes.call }, rows, run)
}

/// Any scalar formula over columns, deterministic: normal, displaced, inverse options and whatever a caller composes.
///
/// # Errors
/// [`LengthMismatch`].
pub fn rows_of<const C: usize>(
    inputs: &Inputs<'_>,
    rows: Rows<'_, C>,
    threads: usize,
    formula: fn([f64; INPUTS], PutOrCall) -> Result<[f64; C], Reason>,
) -> Result<(), LengthMismatch> {
    let run = Run { path: Path::Deterministic, threads };
    Task { block: |_, _, _| (), scalar: formula }.run(*inputs, rows, run)
}

const fn black([forward, strike, t, vol, discount]: [f64; INPUTS], put_or_call: PutOrCall) -> Black76 {
    Black76 { forward, strike, t, vol, discount, put_or_call }
}

impl<'a> Options76<'a> {
    const fn inputs(&self) -> Inputs<'a> {
        Inputs { columns: [self.forward, self.strike, self.t, self.vol, self.discount], call: self.call }
    }
}

/// Inputs of one block; rows past the end of the data are a copy of harmless numbers.
#[derive(Clone, Debug)]
pub(crate) struct BlockIn {
    pub(crate) columns: [[f64; BLOCK]; INPUTS],
    /// 1 for a call, -1 for a put.
    pub(crate) sign: [f64; BLOCK],
}

/// Results of one block.
#[derive(Clone, Debug)]
pub(crate) struct BlockOut<const C: usize> {
    pub(crate) columns: [[f64; BLOCK]; C],
    /// 1 where the kernel vouches for the row, else 0.
    pub(crate) sound: [f64; BLOCK],
}

/// A kernel and the formula behind it.
#[derive(Clone, Copy)]
struct Task<S, const C: usize> {
    block: fn(Processor, &BlockIn, &mut BlockOut<C>),
    scalar: S,
}

impl<const C: usize, S> Task<S, C>
where
    S: Fn([f64; INPUTS], PutOrCall) -> Result<[f64; C], Reason> + Copy + Send,
{
    fn run(self, inputs: Inputs<'_>, rows: Rows<'_, C>, run: Run) -> Result<(), LengthMismatch> {
        let count = rows.reason.len();
        let lengths = inputs.columns.iter().map(|column| column.len()).chain([inputs.call.len()]);
        let wanted = rows.columns.iter().map(|column| (!column.is_empty()).then_some(column.len()));
        if let Some(column) = lengths.chain(wanted).flatten().find(|&len| len != count) {
            return Err(LengthMismatch { rows: count, column });
        }
        let threads = run.threads.clamp(1, THREADS_MAX);
        let share = count.div_ceil(threads).next_multiple_of(BLOCK);
        if threads == 1 || share >= count {
            self.run_part(inputs, rows, run.path);
            return Ok(());
        }
        std::thread::scope(|scope| {
            let mut rest = (inputs, rows);
            while rest.1.reason.len() > share {
                let (head, tail) = rest.0.split_at(share);
                let (rows, more) = rest.1.split_at(share);
                scope.spawn(move || self.run_part(head, rows, run.path));
                rest = (tail, more);
            }
            self.run_part(rest.0, rest.1, run.path);
        });
        Ok(())
    }

    fn run_part(self, inputs: Inputs<'_>, rows: Rows<'_, C>, path: Path) {
        let processor = Processor::detect();
        let mut input = BlockIn { columns: [[1.0; BLOCK]; INPUTS], sign: [1.0; BLOCK] };
        let mut output = BlockOut { columns: [[0.0; BLOCK]; C], sound: [0.0; BLOCK] };
        let (mut inputs, mut rows) = (inputs, rows);
        while !rows.reason.is_empty() {
            let count = rows.reason.len().min(BLOCK);
            let (head, inputs_rest) = inputs.split_at(count);
            let (part, rows_rest) = rows.split_at(count);
            (inputs, rows) = (inputs_rest, rows_rest);
            head.load(&mut input);
            match path {
                Path::Fast => (self.block)(processor, &input, &mut output),
                Path::Deterministic => output.sound = [0.0; BLOCK],
            }
            self.mend(&input, &mut output, &mut *part.reason);
            for (to, from) in part.columns.into_iter().zip(&output.columns) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Computes the rows that the kernel does not vouch for, and writes all reasons.
    fn mend(self, input: &BlockIn, output: &mut BlockOut<C>, reasons: &mut [u16]) {
        reasons.fill(Reason::None.code());
        if output.sound.iter().sum::<f64>() >= BLOCK_SUM {
            return;
        }
        for (row, reason) in reasons.iter_mut().enumerate() {
            if at(&output.sound, row) > 0.0 {
                continue;
            }
            let kind = if at(&input.sign, row) > 0.0 { PutOrCall::Call } else { PutOrCall::Put };
            let result = (self.scalar)(input.columns.each_ref().map(|column| at(column, row)), kind);
            *reason = result.err().unwrap_or(Reason::None).code();
            for (column, value) in output.columns.iter_mut().zip(result.unwrap_or([f64::NAN; C])) {
                if let Some(cell) = column.get_mut(row) {
                    *cell = value;
                }
            }
        }
    }
}

/// The sum of [`BlockOut::sound`] of a block that is sound in every row.
const BLOCK_SUM: f64 = 64.0;

fn at(column: &[f64; BLOCK], row: usize) -> f64 {
    column.get(row).copied().unwrap_or(f64::NAN)
}
