//! What goes over the rings.

use tiderace_types::Ts;
use tiderace_types::venue::{Command, Event};

/// Kind of the first record of a journal: the genesis.
pub const KIND_GENESIS: u16 = 1;

/// A command on its way to the engine.
pub(crate) struct Inbound {
    pub(crate) seq: u64,
    pub(crate) ts: Ts,
    pub(crate) command: Command,
}

/// What the engine hands to the journal: a command that was applied, then what came out of it.
pub(crate) enum Applied {
    Command(Inbound),
    Event(Event),
}

/// Something that came out and whose cause is kept, or need not be yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Sequence of its cause.
    pub seq: u64,
    /// Time of its cause.
    pub ts: Ts,
    /// Whether its cause is kept in the emergency segment alone: it has no sequence in the journal yet, and what it
    /// tells may rest on commands that the disk never took and that a restart undoes.
    pub is_emergency: bool,
    /// Whether it left before its cause was kept: a cancel or a kill does not wait for the disk. It is kept once
    /// [`crate::Outlet::durable_seq`] is above `seq`; a machine that fails before then may undo it.
    pub is_ahead: bool,
    /// What happened.
    pub event: Event,
}
