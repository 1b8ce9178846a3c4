//! Child order to (venue, price, qty): which levels to take, and where to rest.
//!
//! Venues are compared by cost relative to each instrument's own fair value (see [`cost`]), so a contract that trades
//! below another one is never preferred for that. [`Router`] holds the declared costs and no other state: the same
//! request over the same books gives the same answer. It refuses stale books, prices beyond the parent's limit, depth
//! beyond the snapshot's reach, and children below a venue's minimum; every venue left out has its reason.

pub mod config;
pub mod cost;
mod minimum;
mod post;
pub mod sweep;

pub use config::{RouteConfig, RouteConfigError, VenueCost};
pub use cost::{Fee, Yardstick};
pub use minimum::smallest_qty;
pub use sweep::{Candidate, Child, Plan, Request, Router};
