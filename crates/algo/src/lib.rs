//! Programs that work a parent order: what they must state, what they may ask, what they asked for.
//!
//! This crate owns the host table (`docs/ALGO.md`), the meaning of a program's meta and entries, and the call: a program
//! looks at the desk through a [`View`] that is lent to its [`Host`], and its asks gather in a buffer that the engine gets
//! when the call has come to its end. It knows no venue, no router and no clock. One [`Runner`] serves all parents of a
//! form: their state is copied in and out.
//!
//! Refused: a form that is not a program, whose meta or entries are not those of an algorithm, or whose parameters are
//! out of their ranges ([`AlgoError`]).

mod algo;
mod chance;
mod host;
mod meta;
mod runner;
mod table;

pub use algo::{Algo, AlgoError};
pub use chance::Chance;
pub use host::{ASKS_MAX, Ask, AtKind, Host, View};
pub use meta::{Control, Controls, Entry, Kind, Meta, OnStop};
pub use runner::{Outcome, Program, Runner};
pub use table::host_table;

/// The form of the shipped TWAP: what goes on where a program was stopped that asks for it.
pub const TWAP_FORM: &[u8] = include_bytes!("../forms/twap.form");
