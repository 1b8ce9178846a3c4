//! Parent order to child orders: when the next slice is due, and how much of it is taken and posted.
//!
//! This crate owns the plan of a parent order and its progress against that plan. It sends nothing, knows no venue and
//! reads no clock: the engine calls it when a time that it asked for has come, tells it what is working and what filled,
//! and routes what it asks for. Exposure is an `Amount` of the base asset. Chance comes from the command's seed alone, so
//! the same command makes the same plan everywhere.
//!
//! Refused: a parent whose parameters are out of range (7001, 7002).

mod chance;
mod schedule;
mod twap;

pub use schedule::{ORDER_QTY_MAX, SLICES_MAX, Schedule, Slice, twap_slices};
pub use twap::{RETRIES, SliceDue, Twap};
