//! Market data on its way in: tapes of records, recordings on disk, and the hashes that bind them to a journal.
//!
//! This crate owns what every venue shares: the sorted [`Tape`], reading a recorded file whole or not at all, and one
//! BLAKE3 hash per MiB of the file as stored. It knows no venue: what a line says is the business of a `venue-*` crate.

pub mod hash;
pub mod recording;
pub mod tape;

pub use hash::{FileHash, HashError};
pub use recording::{RecordingError, read};
pub use tape::{Tape, TapeError};
