//! Simulation: the venues' side of a run, and markets out of a seed.
//!
//! Owns exchange-time matching of our orders against recorded books ([`exchange`]), queue positions ([`queue`]),
//! latencies ([`latency`]), our own venue as the market of a run ([`OwnVenue`]), the order flow of its other accounts
//! ([`order_flow`]), by-price tapes for the benches ([`flow`]) and pictures of a tape ([`picture`]). Floats live here
//! only where chance or latency is drawn, and every draw comes from one seeded generator ([`rng`]): a run is the same on
//! every machine. Recorded participants never react to us; that is the error of every result on a recording.

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
pub mod stress;
mod surfaces;

pub use config::{SimConfig, SimConfigError, VenueTerms};
pub use exchange::{Reports, SimExchange};
pub use flow::{FlowConfig, FlowError, FlowTerms, generate};
pub use latency::{Latency, LatencyModel, Leg, retime};
pub use own_venue::{DURATION_NS_MAX, OptionsConfig, OwnVenue, OwnVenueConfig, OwnVenueError, RetraceError, retrace};
pub use picture::{BookCheck, DepthColumns, Difference, QuoteColumns, TradeColumns, check, depth_at, quotes, trades};
pub use queue::QueueModel;
pub use recorded::Recorded;
pub use surfaces::RecordedSurface;
