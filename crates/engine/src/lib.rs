//! The engine: wires the stages into the desk, journals what goes in, applies it, and digests what comes out.
//!
//! [`Desk`] is the state machine: one [`Desk::apply`] for commands and reports, one [`Desk::on_market`] for a market
//! record. [`Engine`] puts a journal under it and an [`OutputLog`] behind it. [`replay`](replay::replay) applies a
//! journal again and names the first sequence at which it differs. Nothing here reads a clock or draws a number.

mod algos;
pub mod config;
mod desk;
mod emit;
mod engine;
mod ground;
mod log;
mod marks;
mod parent;
mod parents;
pub mod replay;
pub mod risk_arrays;
mod timers;
pub mod venue;

pub use algos::ALGOS_MAX;
pub use config::{ConfigError, DeskConfig};
pub use desk::{CLIENT_TIMERS_MAX, DESK_CL_ORD_ID, Desk, NO_INSTRUMENT};
pub use engine::{Engine, KIND_GENESIS, KIND_SEAL, MARKET_RUN_MAX};
pub use log::OutputLog;
pub use marks::underlying_of;
pub use parents::ORDER_QTY_MAX;
pub use tiderace_journal::JournalError;
