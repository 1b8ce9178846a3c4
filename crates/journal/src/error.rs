//! Why a journal says no. Every message names the file, the place in it, the sequences concerned, and what to do.

use std::path::{Path, PathBuf};

use crate::checkpoint::CheckpointError;
use crate::format;
use crate::merkle::MerkleError;

/// Why a journal could not be written or read.
#[derive(Debug)]
pub enum JournalError {
    /// The file system said no.
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What it said.
        error: std::io::Error,
    },
    /// Another writer has the journal open: a second one would write over what the first acknowledges.
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// The file does not start like a journal.
    NotAJournal,
    /// The file is of a layout that this build does not know.
    UnknownVersion {
        /// The layout in the file.
        version: u32,
    },
    /// Bytes of a journal in one file are not what was written.
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
    /// Bytes of a segment are not what was written, or a durable part of the log is not there.
    DamagedSegment(Damage),
    /// A record is larger than a batch may be.
    RecordTooLarge {
        /// Its bytes.
        len: usize,
    },
    /// A write or sync failed before; nothing more is taken until the log is opened again.
    Poisoned {
        /// The file at which it happened.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the file system said then.
        error: String,
        /// Every record below it is kept, as safe as the mode asks.
        kept_seq: u64,
    },
    /// The emergency segment takes no more.
    EmergencyFull {
        /// The segment.
        path: PathBuf,
    },
    /// The emergency segment is not what was written: cancels and kills that were kept there may be lost.
    DamagedEmergency {
        /// What is damaged; its sequences are those of the emergency segment, from zero.
        damage: Damage,
        /// Sequence at which the log goes on: a repair from there on gives up the emergency segment alone.
        next_seq: u64,
    },
    /// A snapshot does not hold what was written.
    DamagedSnapshot {
        /// The snapshot.
        path: PathBuf,
        /// Which check failed.
        check: &'static str,
    },
    /// A tree or checkpoint beside a segment is not that of the segment, whose own records hold.
    DamagedTree {
        /// The file.
        path: PathBuf,
        /// Which check failed.
        check: &'static str,
    },
    /// The tree of a segment could not be built.
    Tree {
        /// The segment.
        path: PathBuf,
        /// Why.
        error: MerkleError,
    },
    /// The root of a segment could not be signed.
    NotSigned {
        /// The checkpoint.
        path: PathBuf,
        /// Why.
        error: CheckpointError,
    },
    /// A repair was asked to keep records that do not hold.
    CannotKeep {
        /// First sequence that does not hold, or behind the last one there is.
        seq: u64,
        /// What was asked to be discarded from.
        discard_from: u64,
    },
}

/// What is damaged in a log of segments, and what is lost by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub path: PathBuf,
    /// First byte that does not hold: of the sector, header or record.
    pub offset: u64,
    /// Which check failed.
    pub check: &'static str,
    /// First sequence that is lost by it.
    pub first_seq: u64,
    /// Last sequence that is lost by it; `None` where nothing behind the damage tells.
    pub last_seq: Option<u64>,
    /// Last sequence in the log that can still be seen; those behind the damage are there but no chain leads to them.
    pub end_seq: Option<u64>,
}

impl JournalError {
    /// For `map_err`: the failure of one call on one path.
    pub(crate) fn io(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Io { path: path.to_owned(), doing, error }
    }
}

impl core::fmt::Display for Damage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { path, offset, check, first_seq, last_seq, end_seq } = self;
        write!(f, "{}: offset {offset}: {check} does not hold: ", path.display())?;
        match last_seq {
            Some(last) if last >= first_seq => write!(f, "sequences {first_seq} to {last} are lost")?,
            Some(_) | None => write!(f, "sequence {first_seq}, if it was written, and what follows is lost")?,
        }
        if let Some(end) = end_seq.filter(|end| Some(*end) > *last_seq) {
            write!(f, ", and those up to {end} have no chain to them")?;
        }
        write!(
            f,
            "; restore the segment from a copy, or give them up with `tiderace journal repair --discard-from {first_seq}`"
        )
    }
}

impl core::fmt::Display for JournalError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Io { path, doing, error } => {
                write!(f, "{}: {doing} failed: {error}; free space or mend the path, then run again", path.display())
            }
            Self::InUse { dir } => write!(
                f,
                "{}: the journal is open elsewhere, in this process or another; close it there, or name another folder",
                dir.display()
            ),
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
            Self::DamagedSegment(damage) => write!(f, "{damage}"),
            Self::RecordTooLarge { len } => {
                write!(f, "a record of {len} bytes is above the limit of {}", format::PAYLOAD_BYTES_MAX)
            }
            Self::Poisoned { path, doing, error, kept_seq } => write!(
                f,
                "{}: {doing} failed before ({error}); records below sequence {kept_seq} are kept and no more is \
                 taken; mend the disk and open the journal again",
                path.display()
            ),
            Self::EmergencyFull { path } => {
                write!(f, "{}: the emergency segment is full; mend the disk and open the journal again", path.display())
            }
            Self::DamagedEmergency { damage: Damage { path, offset, check, .. }, next_seq } => write!(
                f,
                "{}: offset {offset}: {check} does not hold: cancels and kills that were kept here are lost; restore the \
                 file from a copy, or give it up with `tiderace journal repair --discard-from {next_seq}` and cancel anew",
                path.display()
            ),
            Self::DamagedSnapshot { path, check } => write!(
                f,
                "{}: {check} does not hold; restore it from a copy, or remove it: an older one, or the journal from its \
                 first segment on, takes its place",
                path.display()
            ),
            Self::DamagedTree { path, check } => write!(
                f,
                "{}: {check} does not hold, though the records of the segment do; restore it from a copy, or remove it: \
                 it is built again from the segment (where its root was published, find out first what changed)",
                path.display()
            ),
            Self::Tree { path, error } => write!(f, "{}: the tree of the segment: {error}", path.display()),
            Self::NotSigned { path, error } => write!(f, "{}: {error}", path.display()),
            Self::CannotKeep { seq, discard_from } => write!(
                f,
                "cannot discard from sequence {discard_from}: what holds ends before sequence {seq}; discard from \
                 {seq} or below"
            ),
        }
    }
}

impl std::error::Error for JournalError {}
