//! Levenberg-Marquardt on a handful of parameters: sums of weighted squares, a small Cholesky, nothing allocated.
#![expect(clippy::indexing_slicing, reason = "indices run over the fixed number of parameters N")]

/// The normal equations of a least-squares step: half the cost, its gradient, and the Gauss-Newton matrix.
pub(crate) struct Normal<const N: usize> {
    pub(crate) cost: f64,
    gradient: [f64; N],
    matrix: [[f64; N]; N],
}

impl<const N: usize> Normal<N> {
    const fn empty() -> Self {
        Self { cost: 0.0, gradient: [0.0; N], matrix: [[0.0; N]; N] }
    }

    /// Adds a residual with its derivatives.
    pub(crate) fn add(&mut self, residual: f64, slope: &[f64; N]) {
        self.add_robust(residual * residual, residual, 1.0, slope);
    }

    /// Adds a residual whose cost grows linearly beyond one: an outlier pulls no more than a near miss, and no less, so
    /// that what is far away still finds its way back.
    pub(crate) fn add_huber(&mut self, residual: f64, slope: &[f64; N]) {
        let root = (1.0 + residual * residual).sqrt();
        self.add_robust(2.0 * (root - 1.0), residual, root.recip(), slope);
    }

    fn add_robust(&mut self, cost: f64, residual: f64, weight: f64, slope: &[f64; N]) {
        self.cost += 0.5 * cost;
        for row in 0..N {
            let scaled = weight * slope[row];
            self.gradient[row] += scaled * residual;
            for (sum, other) in self.matrix[row].iter_mut().zip(slope).take(row + 1) {
                *sum += scaled * other;
            }
        }
    }

    /// The damped step, `None` where the matrix is not positive.
    fn step(&self, damping: f64) -> Option<[f64; N]> {
        let mut lower = [[0.0; N]; N];
        for row in 0..N {
            for column in 0..=row {
                let mut sum = self.matrix[row][column];
                if row == column {
                    sum += damping * (sum + 1e-12);
                }
                for (x, y) in lower[row].iter().zip(&lower[column]).take(column) {
                    sum -= x * y;
                }
                if row == column {
                    if !(sum > 0.0 && sum.is_finite()) {
                        return None;
                    }
                    lower[row][row] = sum.sqrt();
                } else {
                    lower[row][column] = sum / lower[column][column];
                }
            }
        }
        let mut step = self.gradient;
        for row in 0..N {
            for inner in 0..row {
                step[row] -= lower[row][inner] * step[inner];
            }
            step[row] /= lower[row][row];
        }
        for row in (0..N).rev() {
            for inner in row + 1..N {
                step[row] -= lower[inner][row] * step[inner];
            }
            step[row] /= lower[row][row];
        }
        Some(step.map(|x| -x))
    }
}

/// Solves a problem that is linear in its parameters.
pub(crate) fn solve<const N: usize>(fill: impl FnOnce(&mut Normal<N>)) -> Option<[f64; N]> {
    let mut normal = Normal::empty();
    fill(&mut normal);
    normal.step(1e-12)
}

/// Minimises from `start`; `fill` adds the rows at a point. Returns the best point and its cost.
pub(crate) fn minimise<const N: usize>(
    start: [f64; N],
    steps_max: u32,
    tolerance: f64,
    mut fill: impl FnMut(&[f64; N], &mut Normal<N>),
) -> ([f64; N], f64) {
    let mut at = start;
    let mut here = Normal::empty();
    fill(&at, &mut here);
    let mut damping = 1e-3;
    for _ in 0..steps_max {
        let Some(step) = here.step(damping) else {
            damping *= 10.0;
            continue;
        };
        let mut next = at;
        for (x, change) in next.iter_mut().zip(step) {
            *x += change.clamp(-1.5, 1.5);
        }
        let mut there = Normal::empty();
        fill(&next, &mut there);
        if there.cost < here.cost {
            let is_done = here.cost - there.cost <= tolerance * here.cost;
            (at, here, damping) = (next, there, (damping * 0.2).max(1e-9));
            if is_done {
                break;
            }
        } else {
            damping *= 6.0;
            if damping > 1e9 {
                break;
            }
        }
    }
    (at, here.cost)
}
