//! A million options drawn from a fixed seed: what the batch tests share.

#![allow(dead_code, reason = "each test that shares this uses some of it")]

use tiderace_model::batch::{Calls, Column, GREEKS, Options76, Path, Rows, Run, greeks76};

/// Uniform numbers (xorshift64).
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}

/// Options by the column.
pub(crate) struct Grid {
    pub(crate) forward: Vec<f64>,
    pub(crate) strike: Vec<f64>,
    pub(crate) t: Vec<f64>,
    pub(crate) vol: Vec<f64>,
    pub(crate) discount: Vec<f64>,
    pub(crate) call: Vec<bool>,
}

impl Grid {
    /// Crypto-like options out to `deviations`; one in `itm_of` in the money.
    pub(crate) fn draw(count: usize, deviations: f64, itm_share: f64) -> Self {
        let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
        let mut grid = Self { forward: vec![], strike: vec![], t: vec![], vol: vec![], discount: vec![], call: vec![] };
        for _ in 0..count {
            let (forward, t, vol) = (draw.between(0.5, 1e5), draw.between(1.0 / 365.0, 2.0), draw.between(0.1, 1.6));
            let strike = forward * (draw.between(-deviations, deviations) * vol * t.sqrt()).exp();
            grid.call.push((strike > forward) ^ (draw.unit() < itm_share));
            grid.discount.push((-draw.between(0.0, 0.1) * t).exp());
            grid.forward.push(forward);
            grid.strike.push(strike);
            grid.t.push(t);
            grid.vol.push(vol);
        }
        grid
    }

    pub(crate) fn options(&self) -> Options76<'_> {
        Options76 {
            forward: Column::Each(&self.forward),
            strike: Column::Each(&self.strike),
            t: Column::Each(&self.t),
            vol: Column::Each(&self.vol),
            discount: Column::Each(&self.discount),
            call: Calls::Each(&self.call),
        }
    }

    pub(crate) fn greeks(&self, path: Path, threads: usize) -> (Vec<Vec<f64>>, Vec<u16>) {
        let count = self.forward.len();
        let (mut columns, mut reason) = (vec![vec![0.0; count]; GREEKS], vec![9; count]);
        let mut parts = columns.iter_mut();
        let rows = Rows { columns: std::array::from_fn(|_| parts.next().unwrap().as_mut_slice()), reason: &mut reason };
        greeks76(&self.options(), rows, Run { path, threads }).unwrap();
        (columns, reason)
    }
}
