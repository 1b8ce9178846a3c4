//! The value that the flows of one seed have in common: a lognormal walk in steps of ten milliseconds.
//!
//! Every flow walks it by itself, from the same stream of the same seed, and so all see the same value at the same time.

use tiderace_types::Ts;

use super::params::FairParams;
use crate::rng::{Rng, float};

const STEP_NS: i64 = 10_000_000;
/// Steps in a second.
const STEPS_PER_S: f64 = 100.0;
/// The stream of the seed that the value is drawn from.
const STREAM: u64 = 0x6661_6972;

pub(super) struct Fair {
    rng: Rng,
    next: Ts,
    log: f64,
    params: FairParams,
    /// Where this book begins, its basis counted in.
    start: f64,
}

impl Fair {
    pub(super) fn new(params: FairParams, mid: i64, start: Ts, seed: u64) -> Self {
        let first = float(mid) * (1.0 + params.basis);
        Self { rng: Rng::new(seed, STREAM), next: start.plus_ns(STEP_NS), log: 0.0, params, start: first }
    }

    pub(super) fn advance(&mut self, now: Ts) {
        let deviation = self.params.volatility / libm::sqrt(STEPS_PER_S);
        while self.next <= now {
            self.log += deviation * self.rng.normal();
            self.next = self.next.plus_ns(STEP_NS);
        }
    }

    /// The value in ticks of this book.
    pub(super) fn ticks(&self) -> f64 {
        self.start * libm::exp(self.log)
    }

    /// Which way, from -1 (sell) to 1 (buy), and how strongly takers lean at a mid.
    pub(super) fn lean(&self, mid: f64) -> f64 {
        ((self.ticks() - mid) / self.params.lean_ticks).clamp(-1.0, 1.0)
    }
}
