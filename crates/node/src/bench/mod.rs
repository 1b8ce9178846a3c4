//! What `tiderace bench` times of the venue: matching, the pipeline, the journal, recovery, a kill.
//!
//! Nothing here is part of a run. Inputs are seeded and made beforehand. Throughput is closed-loop; latency is open-loop
//! at a stated rate, and runs from the time at which a command should have been sent.

mod flow;
pub mod journal;
pub mod matching;
pub mod venue;

use crate::histogram::Histogram;

/// Times in nanoseconds by nearest rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Half of them are at or below.
    pub median: u64,
    /// 99 % are at or below.
    pub p99: u64,
    /// 99.9 % are at or below.
    pub p999: u64,
    /// All are.
    pub max: u64,
}

impl From<&Histogram> for Spread {
    fn from(times: &Histogram) -> Self {
        Self { median: times.at(5_000), p99: times.at(9_900), p999: times.at(9_990), max: times.max() }
    }
}

fn elapsed_ns(since: std::time::Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Counts per second, whole.
fn per_second(count: u64, ns: u64) -> u64 {
    let per_second = u128::from(count).saturating_mul(1_000_000_000) / u128::from(ns.max(1));
    u64::try_from(per_second).unwrap_or(u64::MAX)
}
