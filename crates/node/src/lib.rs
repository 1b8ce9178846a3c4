//! The live process: what runs a venue on threads, over its journal.
//!
//! ```text
//! Inlet ==ring==> engine ==ring==> journal ==ring==> publisher ==ring==> Outlet
//!                 apply            append, commit     \=ring=> subscribers (cut off where slow)
//! ```
//!
//! The engine thread takes no lock and waits for no disk: it stamps a sequence and applies. The journal thread appends
//! what was applied and commits in groups; an output is handed on only once its cause is as safe as the mode asks.
//! Every ring is bounded, and a full one holds back the one before it, in the end the [`Inlet`]; only a subscriber that
//! does not keep up is cut off instead, and told so. A write or sync that fails ends matching: nothing that waited for
//! it leaves, nothing new is taken but cancels and kills, which go to the emergency segment (see [`Pipeline`]).
//!
//! [`recover`] brings a state back from the newest snapshot and what the journal holds behind it, and checks every batch
//! against the outputs that are derived anew. The [`Follower`] takes the snapshots, off the engine's path.

mod backoff;
pub mod bench;
mod committer;
pub mod crash;
mod digest;
mod engine;
mod error;
mod follower;
mod histogram;
mod machine;
mod pipeline;
mod publisher;
mod recover;
mod words;

pub use digest::ChainedOutputs;
pub use error::NodeError;
pub use follower::{Follower, FollowerConfig};
pub use histogram::Histogram;
pub use machine::Machine;
pub use pipeline::{Config, Inlet, NotTaken, Outlet, Pipeline, Stopped};
pub use publisher::{Ending, Subscription, Topic};
pub use recover::{Recovery, recover};
pub use words::{KIND_GENESIS, Output};
