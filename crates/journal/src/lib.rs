//! The journal: an append-only, hash-chained log of inputs. It knows bytes, not orders.
//!
//! A batch is a header and records. A desk's run is one file of batches ([`Writer`], [`Reader`], [`format`]); a venue's
//! log is a folder of segments ([`Log`], [`LogReader`], [`segment`], [`sector`]) that outlives crashes. Every byte is under a
//! CRC32C, every batch under a BLAKE3 chain, so that a changed byte anywhere is found and named. Each record carries
//! the CRC of all outputs that came before it, and each batch the digest of them, so that a replay names the first
//! sequence at which it differs. The journal refuses to guess: a torn tail (a write cut short) is told from damage.

mod batch;
pub mod checkpoint;
mod compare;
pub mod digest;
mod emergency;
mod error;
mod faulty;
pub mod format;
pub mod fs;
mod keeper;
mod locate;
mod log;
mod log_reader;
pub mod merkle;
pub mod proof;
mod prove;
mod reader;
pub mod sector;
pub mod segment;
pub mod segment_tree;
mod segment_writer;
pub mod snapshot;
mod survey;
mod tools;
mod writer;

pub use batch::{Batch, Record};
pub use compare::{Difference, first_difference};
pub use digest::{ChainedDigest, OutputsDigest};
pub use emergency::EmergencyRecord;
pub use error::{Damage, JournalError};
pub use faulty::{Counts, Faults, Faulty, coin};
pub use fs::{DirLock, Disk, FileHandle, FileSystem};
pub use keeper::{Keeper, KeeperThread};
pub use log::{Config, Log, Mode, Recovered, SpareJob};
pub use log_reader::{LogReader, LogTail};
pub use prove::{ProveError, prove_record};
pub use reader::{Reader, Tail};
pub use snapshot::{Latest, Retention, Snapshot, Snapshots};
pub use tools::{Check, Repaired, cat, check, repair, stat};
pub use writer::Writer;
