//! How long messages are on their way: feed, order entry and response, each with a model of its own.
//!
//! A draw is never negative and never above [`LATENCY_NS_MAX`]. [`retime`] gives a tape the arrival times that a model
//! would have caused; order within a stream is kept, as on one TCP connection.

use serde::{Deserialize, Serialize};
use tiderace_feed::Tape;
use tiderace_types::{MarketEvent, MarketKind, Ts};

use crate::rng::{self, Rng};

/// The longest latency: one hour. Configs above it are refused, draws above it are cut.
pub const LATENCY_NS_MAX: i64 = 3_600_000_000_000;

/// How long one direction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LatencyModel {
    /// As recorded; for the feed only.
    Recorded,
    /// Always the same.
    ConstantNs(i64),
    /// Evenly between two bounds, both included.
    UniformNs(i64, i64),
    /// Log-normal: `median_ns` x exp(sigma x a normal draw).
    Lognormal {
        /// Half of the draws are below.
        median_ns: i64,
        /// Deviation of the logarithm, 10^-9.
        sigma_e9: u32,
    },
}

impl LatencyModel {
    /// Whether every number is in range.
    #[must_use]
    pub fn is_valid(self) -> bool {
        let in_range = |ns: i64| (0..=LATENCY_NS_MAX).contains(&ns);
        match self {
            Self::Recorded => true,
            Self::ConstantNs(ns) => in_range(ns),
            Self::UniformNs(low, high) => in_range(low) && in_range(high) && low <= high,
            Self::Lognormal { median_ns, sigma_e9: _ } => in_range(median_ns),
        }
    }
}

/// Which way a latency is for; each draws from a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// Venue to us, market data.
    Feed,
    /// Us to the venue, orders.
    OrderEntry,
    /// Venue to us, reports.
    Response,
}

/// A latency model with its draws.
#[derive(Clone, Debug)]
pub struct Latency {
    model: LatencyModel,
    rng: Rng,
}

impl Latency {
    /// The draws of `seed` for one leg.
    #[must_use]
    pub fn new(model: LatencyModel, seed: u64, leg: Leg) -> Self {
        let stream = match leg {
            Leg::Feed => 0x6665_6564,
            Leg::OrderEntry => 0x6f72_6465,
            Leg::Response => 0x7265_7370,
        };
        Self { model, rng: Rng::new(seed, stream) }
    }

    /// The next latency in nanoseconds, zero or above; zero for [`LatencyModel::Recorded`].
    pub fn draw_ns(&mut self) -> i64 {
        let ns = match self.model {
            LatencyModel::Recorded => 0,
            LatencyModel::ConstantNs(ns) => ns,
            LatencyModel::UniformNs(low, high) => {
                let width = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
                low.saturating_add(i64::try_from(self.rng.below(width)).unwrap_or(0))
            }
            LatencyModel::Lognormal { median_ns, sigma_e9 } => {
                let sigma = f64::from(sigma_e9) / 1_000_000_000.0;
                rng::floor(rng::float(median_ns) * libm::exp(sigma * self.rng.normal()))
            }
        };
        ns.clamp(0, LATENCY_NS_MAX)
    }
}

/// Sets each message's arrival to its venue time plus a draw, and sorts the tape by arrival.
///
/// A message's records arrive together. Within one instrument's stream nothing overtakes: a message arrives no earlier
/// than the one before it. `Best` records are a stream of their own, since they come over a channel of their own and,
/// where the venue stamps none (spot), already carry their arrival as venue time. `Recorded` leaves the tape as it is.
pub fn retime(tape: &mut Tape, model: LatencyModel, seed: u64) {
    if model == LatencyModel::Recorded {
        return;
    }
    retime_events(&mut tape.events, &mut Latency::new(model, seed, Leg::Feed));
}

/// [`retime`] on the records alone.
pub(crate) fn retime_events(events: &mut [MarketEvent], latency: &mut Latency) {
    let mut latest: Vec<[Ts; 2]> = Vec::new();
    let mut starts_message = true;
    let mut ts_recv = Ts::MIN;
    for event in events.iter_mut() {
        if starts_message {
            let index = event.instrument.index();
            if index >= latest.len() {
                latest.resize(index.saturating_add(1), [Ts::MIN; 2]);
            }
            ts_recv = event.ts_event.plus_ns(latency.draw_ns());
            if let Some([depth, best]) = latest.get_mut(index) {
                let last = if event.kind == MarketKind::Best { best } else { depth };
                ts_recv = ts_recv.max(*last);
                *last = ts_recv;
            }
        }
        event.ts_recv = ts_recv;
        starts_message = event.is_last();
    }
    events.sort_by_key(|event| event.ts_recv);
}
