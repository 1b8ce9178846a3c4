//! Simulation: the venues' side of a run, and markets out of a seed.
//!
//! Owns exchange-time matching of our orders against recorded or generated books ([`exchange`]), queue positions
//! ([`queue`]), latencies ([`latency`]), tapes out of a seed ([`flow`]), order flow that reacts ([`order_flow`]) and
//! pictures of a tape ([`picture`]). Floats live here only where chance or latency is drawn, and every draw comes from
//! one seeded generator ([`rng`]): a run is the same on every machine. Recorded participants never react to us; that is
//! the error of every result from here.

pub mod config;
mod depth;
pub mod driver;
pub mod exchange;
pub mod flow;
mod flow_book;
pub mod latency;
mod order;
pub mod order_flow;
mod own_venue;
pub mod picture;
pub mod queue;
mod recorded;
mod resting;
pub mod rng;
pub mod scenario;

pub use config::{SimConfig, SimConfigError, VenueTerms};
pub use exchange::{Reports, SimExchange};
pub use flow::{FlowConfig, FlowError, FlowStop, FlowTerms, generate};
pub use latency::{Latency, LatencyModel, Leg, retime};
pub use own_venue::{DURATION_NS_MAX, OwnVenue, OwnVenueConfig, OwnVenueError, RetraceError, retrace};
pub use picture::{BookCheck, DepthColumns, Difference, QuoteColumns, TradeColumns, check, depth_at, quotes, trades};
pub use queue::QueueModel;
pub use recorded::Recorded;
