//! Stoikov's micro-price: where the mid will be, learned from how imbalance and spread were followed by moves of the mid.
//!
//! Owns the fit and its table of adjustments, one for each bucket of imbalance and each spread in ticks. Every observation
//! counts together with its mirror image (bid and ask swapped), so the adjustment is odd in the imbalance, and the
//! micro-price drifts neither way. Each state has one observation of no further move added, which makes the fit exist.
//!
//! # References
//! S. Stoikov, "The micro-price: a high-frequency estimator of future prices" (2018).

use tiderace_types::Reason;

use crate::fair_value::TopOfBook;
use crate::impact::count_of;

/// Buckets of imbalance at most.
pub const BUCKETS_MAX: usize = 50;
/// Spreads in ticks that are told apart at most; wider ones count as the widest.
pub const SPREADS_MAX: usize = 10;
/// Terms of the series over successive moves of the mid; the paper finds it settled after six.
const MOVES: usize = 6;

/// How finely states are told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MicroPriceGrid {
    /// The price step.
    pub tick: f64,
    /// Buckets of imbalance, 2 to [`BUCKETS_MAX`].
    pub buckets: usize,
    /// Spreads, 1 to [`SPREADS_MAX`].
    pub spreads: usize,
}

/// A fitted table.
#[derive(Clone, Debug, PartialEq)]
pub struct MicroPrice {
    grid: MicroPriceGrid,
    /// What to add to the mid, by bucket, then spread.
    adjustment: Vec<f64>,
}

impl MicroPriceGrid {
    fn check(&self) -> Result<(), Reason> {
        if !self.tick.is_finite() {
            return Err(Reason::NotANumber);
        }
        let is_sound =
            self.tick > 0.0 && (2..=BUCKETS_MAX).contains(&self.buckets) && (1..=SPREADS_MAX).contains(&self.spreads);
        if is_sound { Ok(()) } else { Err(Reason::BadQuantity) }
    }

    const fn states(&self) -> usize {
        self.buckets * self.spreads
    }

    /// Bucket and spread of a quote.
    fn place(&self, top: &TopOfBook) -> Result<(usize, usize), Reason> {
        let imbalance = top.imbalance()?;
        let ticks = ((top.ask.price - top.bid.price) / self.tick).round();
        if !ticks.is_finite() {
            return Err(Reason::NotANumber);
        }
        let bucket = (1..self.buckets).take_while(|edge| imbalance >= count_of(*edge) / count_of(self.buckets)).count();
        let spread = (1..self.spreads).take_while(|edge| ticks > count_of(*edge)).count();
        Ok((bucket, spread))
    }

    const fn state(&self, (bucket, spread): (usize, usize)) -> usize {
        bucket * self.spreads + spread
    }

    const fn mirrored(&self, (bucket, spread): (usize, usize)) -> usize {
        self.state((self.buckets - 1 - bucket, spread))
    }
}

/// Transitions counted: still ones, ones with a move, and the sum of the moves, by state.
struct Counts {
    still: Square,
    moved: Square,
    drift: Vec<f64>,
    seen: Vec<f64>,
}

impl MicroPrice {
    /// Fits the table to successive quotes, oldest first.
    ///
    /// # Errors
    /// `NotANumber`; `BadQuantity` for a grid out of range or a quote without quantities; `TooFewObservations` below two quotes.
    pub fn fit(quotes: &[TopOfBook], grid: MicroPriceGrid) -> Result<Self, Reason> {
        grid.check()?;
        if quotes.len() < 2 {
            return Err(Reason::TooFewObservations);
        }
        let counts = Counts::of(quotes, grid)?;
        let size = grid.states();
        // I - Q, and the first expected move of the mid.
        let mut leaving = Square::zero(size);
        for row in 0..size {
            let seen = counts.seen_at(row);
            for column in 0..size {
                let unit = if row == column { 1.0 } else { 0.0 };
                leaving.set(row, column, unit - counts.still.get(row, column) / seen);
            }
        }
        leaving.factor();
        let first: Vec<f64> = (0..size).map(|row| at(&counts.drift, row) / counts.seen_at(row)).collect();
        let mut term = leaving.solve(first);
        let mut adjustment = term.clone();
        for _ in 0..MOVES {
            let carried = (0..size)
                .map(|row| {
                    let sum: f64 = (0..size).map(|column| counts.moved.get(row, column) * at(&term, column)).sum();
                    sum / counts.seen_at(row)
                })
                .collect();
            term = leaving.solve(carried);
            adjustment.iter_mut().zip(&term).for_each(|(sum, term)| *sum += term);
        }
        if adjustment.iter().all(|value| value.is_finite()) {
            Ok(Self { grid, adjustment })
        } else {
            Err(Reason::NotANumber)
        }
    }

    /// The micro-price of a quote: its mid and the adjustment of its state.
    ///
    /// # Errors
    /// As [`TopOfBook::imbalance`].
    pub fn price(&self, top: &TopOfBook) -> Result<f64, Reason> {
        let state = self.grid.state(self.grid.place(top)?);
        crate::black::finite(top.mid()? + at(&self.adjustment, state))
    }
}

impl Counts {
    fn of(quotes: &[TopOfBook], grid: MicroPriceGrid) -> Result<Self, Reason> {
        let size = grid.states();
        let mut counts = Self {
            still: Square::zero(size),
            moved: Square::zero(size),
            drift: vec![0.0; size],
            seen: vec![0.0; size],
        };
        for (now, next) in quotes.iter().zip(quotes.iter().skip(1)) {
            let (from, to) = (grid.place(now)?, grid.place(next)?);
            let step = next.mid()? - now.mid()?;
            let is_still = step.abs() < 0.25 * grid.tick;
            counts.add(grid.state(from), grid.state(to), (!is_still).then_some(step));
            counts.add(grid.mirrored(from), grid.mirrored(to), (!is_still).then_some(-step));
        }
        Ok(counts)
    }

    fn add(&mut self, from: usize, to: usize, step: Option<f64>) {
        let table = if step.is_some() { &mut self.moved } else { &mut self.still };
        table.set(from, to, table.get(from, to) + 1.0);
        if let Some(drift) = self.drift.get_mut(from) {
            *drift += step.unwrap_or(0.0);
        }
        if let Some(seen) = self.seen.get_mut(from) {
            *seen += 1.0;
        }
    }

    fn seen_at(&self, row: usize) -> f64 {
        1.0 + at(&self.seen, row)
    }
}

fn at(values: &[f64], index: usize) -> f64 {
    values.get(index).copied().unwrap_or(0.0)
}

/// A square matrix by rows.
struct Square {
    size: usize,
    cells: Vec<f64>,
}

impl Square {
    fn zero(size: usize) -> Self {
        Self { size, cells: vec![0.0; size * size] }
    }

    fn get(&self, row: usize, column: usize) -> f64 {
        at(&self.cells, row * self.size + column)
    }

    fn set(&mut self, row: usize, column: usize, value: f64) {
        if let Some(cell) = self.cells.get_mut(row * self.size + column) {
            *cell = value;
        }
    }

    /// Factors in place, multipliers below the diagonal. Rows of I - Q dominate by their diagonal: no pivot is needed.
    fn factor(&mut self) {
        for pivot in 0..self.size {
            for row in pivot + 1..self.size {
                let multiplier = self.get(row, pivot) / self.get(pivot, pivot);
                self.set(row, pivot, multiplier);
                for column in pivot + 1..self.size {
                    self.set(row, column, self.get(row, column) - multiplier * self.get(pivot, column));
                }
            }
        }
    }

    /// Solves with the factors for one right side.
    fn solve(&self, mut side: Vec<f64>) -> Vec<f64> {
        for row in 0..self.size {
            let known: f64 = (0..row).map(|column| self.get(row, column) * at(&side, column)).sum();
            if let Some(cell) = side.get_mut(row) {
                *cell -= known;
            }
        }
        for row in (0..self.size).rev() {
            let known: f64 = (row + 1..self.size).map(|column| self.get(row, column) * at(&side, column)).sum();
            let diagonal = self.get(row, row);
            if let Some(cell) = side.get_mut(row) {
                *cell = (*cell - known) / diagonal;
            }
        }
        side
    }
}
