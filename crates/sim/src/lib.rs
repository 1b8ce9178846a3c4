//! Simulation: the venues' side of a run, and markets out of a seed.
//!
//! Owns exchange-time matching of our orders against recorded or generated books ([`exchange`]), queue positions
//! ([`queue`]), latencies ([`latency`]), generated order flow ([`flow`]) and pictures of a tape ([`picture`]). Floats live here only
//! where chance or latency is drawn; every draw comes from one seeded generator ([`rng`]), so a run is the same on every
//! machine. Recorded participants never react to us: that error is what these models are measured by.

pub mod config;
mod depth;
pub mod exchange;
pub mod latency;
mod order;
pub mod queue;
mod resting;
pub mod rng;

pub use config::{SimConfig, SimConfigError, VenueTerms};
pub use exchange::{Reports, SimExchange};
pub use latency::{Latency, LatencyModel, Leg, retime};
pub use queue::QueueModel;
