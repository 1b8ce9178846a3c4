//! The journal: an append-only, hash-chained log of inputs. It knows bytes, not orders.
//!
//! A file is a header and batches; a batch is a header and records; see [`format`] for the bytes. Every byte is under a
//! CRC32C, every batch under a BLAKE3 chain, so that a changed byte anywhere is found and named. Each record carries
//! the CRC of all outputs that came before it, and each batch the digest of them, so that a replay names the first
//! sequence at which it differs. The journal refuses to guess: a torn tail (a write cut short) is told from damage.

mod compare;
pub mod digest;
pub mod format;
mod locate;
mod reader;
mod writer;

pub use compare::{Difference, first_difference};
pub use digest::OutputsDigest;
pub use reader::{Batch, Reader, Record, Tail};
pub use writer::Writer;

/// Why a journal could not be written or read.
#[derive(Debug)]
pub enum JournalError {
    /// The file system said no.
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What it said.
        error: std::io::Error,
    },
    /// The file does not start like a journal.
    NotAJournal,
    /// The file is of a layout that this build does not know.
    UnknownVersion {
        /// The layout in the file.
        version: u32,
    },
    /// Bytes are not what was written.
    Damaged {
        /// First byte of the damaged header or record.
        offset: u64,
        /// Its length in bytes.
        len: u64,
        /// First sequence that is lost by it.
        seq: u64,
        /// Which check failed.
        check: &'static str,
        /// The byte that changed, where a single one explains it.
        byte: Option<u64>,
    },
    /// A record is larger than a batch may be.
    RecordTooLarge {
        /// Its bytes.
        len: usize,
    },
}

impl core::fmt::Display for JournalError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Io { path, doing, error } => {
                write!(f, "{}: {doing} failed: {error}; free space or mend the path, then run again", path.display())
            }
            Self::NotAJournal => {
                write!(f, "offset 0: not a journal (its first bytes are not TIDERACE); name a journal file")
            }
            Self::UnknownVersion { version } => write!(
                f,
                "journal layout {version} is not known to this build (it knows {}); use the build that wrote it",
                format::VERSION
            ),
            Self::Damaged { offset, len, seq, check, byte } => {
                match byte {
                    Some(byte) => write!(f, "offset {byte}: this byte is not the one that was written; ")?,
                    None => write!(f, "offset {offset}: bytes are not those that were written; ")?,
                }
                write!(
                    f,
                    "{check} does not hold for the {len} bytes from {offset} on, and sequence {seq} and what follows is \
                     lost; restore the file from a copy"
                )
            }
            Self::RecordTooLarge { len } => {
                write!(f, "a record of {len} bytes is above the limit of {}", format::PAYLOAD_BYTES_MAX)
            }
        }
    }
}

impl std::error::Error for JournalError {}
