//! Matching of one instrument: no risk, no journal, no clock.
//!
//! [`market::Market`] is a whole market: every type of order, trading states and auctions, price bands and a circuit
//! breaker. It asks its [`market::Host`] what it must know of positions, and time comes with each command.
//!
//! [`Matcher`] is continuous matching alone, as a plain library: [`Matcher::apply`] takes one [`Command`] and writes
//! the [`Event`]s that follow into a buffer that the caller owns. Both match with the same sweep.
//!
//! The same commands give the same events, always. The crate knows no ticks, no fees, no accounts' limits and no
//! client ids: an order has a number that none in the book has, an owner, and terms.
//!
//! Events of one command come in this order: `Accepted` or `Replaced` first; then, in the order they happen, trades
//! and what self-trade prevention ends; the end of the rest last. A refused command gives one `Rejected`, and nothing
//! has changed.

mod command;
mod event;
mod fillable;
pub mod market;
mod matcher;
mod sweep;
mod terms;

pub use command::{Command, NewOrder};
pub use event::Event;
pub use matcher::Matcher;
pub use terms::Terms;
pub use tiderace_types::SelfTradePrevention;
