//! The options that a day starts from: a chain as it was quoted, or one of our own formula.

use serde::{Deserialize, Serialize};

use crate::rng::{Rng, float, floor};

const DAY_NS: i64 = 86_400_000_000_000;
/// Days to the expiries of a synthetic chain, 08:00 UTC each.
const DAYS: [i64; 8] = [2, 7, 14, 30, 60, 91, 182, 273];
/// Strikes of an expiry of a synthetic chain, either side of the forward.
const STRIKES: i64 = 12;

/// One option as it was quoted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// Its name.
    pub symbol: String,
    /// When it expires.
    pub maturity_ns: i64,
    /// In the quote currency.
    pub strike: f64,
    /// Call or put.
    pub is_call: bool,
    /// Vol of its mark, 1.00 = 100 % a year.
    pub vol: f64,
    /// Forward of its maturity.
    pub forward: f64,
    /// Contracts.
    pub open_interest: f64,
}

/// A chain at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Where it is from.
    pub source: String,
    /// When.
    pub ts_ns: i64,
    /// The index.
    pub index: f64,
    /// Options with a vol.
    pub options: Vec<Quote>,
}

impl Chain {
    /// A chain by formula: forwards grow by 4 % a year, vol = 0.50 + 0.06 / (1 + t) - 0.08 z + 0.03 z^2 with
    /// z = ln(K / F) / sqrt(t) cut at 3, open interest falls off with z^2. Index 60,000; the seed moves it by up to 5 %.
    #[must_use]
    pub fn synthetic(seed: u64) -> Self {
        let ts_ns = 20_000 * DAY_NS;
        let mut rng = Rng::new(seed, 10);
        let index = 57_000.0 + 6_000.0 * rng.unit();
        let mut options = Vec::new();
        for days in DAYS {
            let maturity_ns = ts_ns.saturating_add(days.saturating_mul(DAY_NS)).saturating_add(DAY_NS / 3);
            let t = years(ts_ns, maturity_ns);
            let forward = index * (1.0 + 0.04 * t);
            for at in -STRIKES..=STRIKES {
                let strike = float(floor(forward * (1.0 + 0.25 * float(at) * t.sqrt().min(0.3) * 0.8) / 500.0)) * 500.0;
                let z = (libm::log(strike / forward) / t.sqrt()).clamp(-3.0, 3.0);
                let vol = 0.5 + 0.06 / (1.0 + t) - 0.08 * z + 0.03 * z * z;
                for is_call in [true, false] {
                    let open_interest = 400.0 * libm::exp(-z * z) * (0.5 + rng.unit());
                    let symbol = format!("BTC-{days}D-{strike}-{}", if is_call { "C" } else { "P" });
                    options.push(Quote { symbol, maturity_ns, strike, is_call, vol, forward, open_interest });
                }
            }
        }
        Self { source: format!("synthetic, seed {seed}"), ts_ns, index, options }
    }

    /// The `most` options with the largest open interest that are still there at `until`, by maturity, strike and side.
    #[must_use]
    pub fn largest(&self, most: usize, until: i64) -> Vec<Quote> {
        let is_good = |of: &&Quote| {
            let numbers = [of.strike, of.vol, of.forward, of.open_interest];
            of.maturity_ns > until && numbers.iter().all(|value| value.is_finite() && *value > 0.0)
        };
        let mut options: Vec<Quote> = self.options.iter().filter(is_good).cloned().collect();
        options.sort_by(|a, b| b.open_interest.total_cmp(&a.open_interest).then_with(|| a.symbol.cmp(&b.symbol)));
        options.truncate(most);
        options.sort_by(|a, b| {
            let key = a.maturity_ns.cmp(&b.maturity_ns).then(a.strike.total_cmp(&b.strike));
            key.then(b.is_call.cmp(&a.is_call)).then_with(|| a.symbol.cmp(&b.symbol))
        });
        options
    }
}

/// Years of 365 days between two times; not below zero.
pub(super) fn years(from_ns: i64, to_ns: i64) -> f64 {
    float(to_ns.saturating_sub(from_ns).max(0)) / (365.0 * float(DAY_NS))
}
