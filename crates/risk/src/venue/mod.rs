//! Controls of our own venue, per account and group: limits, throttle, order-to-trade, market-maker protection, kill
//! switches, lost connections, and limits lifted for a while by two persons.
//!
//! [`Controls`] owns what those rules count. The engine tells it what happened (messages, orders, leaves, fills, greeks)
//! and asks before an order enters; it cancels nothing itself: it says which groups, accounts or scopes are concerned.
//! Cancels are never held back. It has no clock (time comes with each call and never runs back). Messages, orders and
//! fills allocate nothing once the windows have grown to their use (what is rare may: kills, timers, overrides), and no
//! input makes it panic: sums saturate on the side that refuses.
//!
//! Quantities of an account's limits are in 10^-12 contracts, so that one limit serves instruments of unlike lots.

mod controls;
mod kills;
mod limits;
mod mmp;
mod overrides;
pub mod register;
mod snapshot;
mod windows;

pub use controls::{Controls, Due, OrderAsk};
pub use kills::Kill;
pub use limits::{AccountLimits, InstrumentTerms, Limit, LimitsError, MmpLimits, OrderToTrade, Throttle, VenueAccount};
pub use mmp::Frozen;
pub use register::{Article, Control, articles, register};
