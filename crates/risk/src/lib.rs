//! Pre-trade and running controls: every new order is asked about here, after `oms` and before it is sent.
//!
//! This crate owns the limits, what counts against them (positions, open orders, balances, message and execution
//! windows) and the kill switches. An answer is yes, or a reason code with the value and the bound that it broke.
//! Cancels are never asked about. Nothing here sends, cancels or looks at a clock: the engine feeds it what was sent,
//! updated and filled, and cancels working orders when a kill goes on.
//!
//! Exposure is counted at its worst: position plus all open buys, and position less all open sells. Sums saturate
//! rather than overflow, so a limit that cannot be computed refuses. Every check is O(1) in orders.

mod config;
mod funds;
mod gains;
mod holding;
mod market;
mod open_orders;
mod risk;
pub mod venue;
mod windows;

pub use config::{ConfigError, InstrumentLimits, RiskConfig, TotalLimit};
pub use market::Reference;
pub use risk::Risk;
