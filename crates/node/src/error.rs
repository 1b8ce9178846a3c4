//! Why a node does not start, or does not go on.

use tiderace_journal::JournalError;
use tiderace_types::DecodeError;

/// Why a node does not start, or does not go on.
#[derive(Debug)]
pub enum NodeError {
    /// The journal says no.
    Journal(JournalError),
    /// The journal was begun with another genesis than the one given.
    OtherGenesis,
    /// A record is not one of this build's.
    Record {
        /// Its sequence.
        seq: u64,
        /// Why.
        error: DecodeError,
    },
    /// The outputs of this sequence, or of one right before it in its batch, are not those of the run.
    Differs {
        /// The first sequence whose cause has other outputs.
        seq: u64,
    },
    /// Segments before the first one that is there were removed, and no snapshot that this build reads covers them.
    NoStart {
        /// First sequence that is there.
        first_seq: u64,
        /// Snapshots that are there and do not hold, or are of another build.
        passed_over: Vec<JournalError>,
    },
    /// A thread could not be started.
    Thread(std::io::Error),
    /// A thread panicked: an invariant broke. What was acknowledged is in the journal.
    Broken {
        /// Which.
        thread: &'static str,
    },
}

impl core::fmt::Display for NodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Journal(error) => write!(f, "{error}"),
            Self::OtherGenesis => write!(
                f,
                "the journal was begun with another configuration; open it with that one, or begin a journal in an empty folder"
            ),
            Self::Record { seq, error } => {
                write!(f, "sequence {seq}: {error}; open the journal with the build that wrote it")
            }
            Self::Differs { seq } => {
                write!(f, "outputs differ from sequence {seq} on; open the journal with the build that wrote it")
            }
            Self::NoStart { first_seq, passed_over } => {
                let remedy = "restore a snapshot or the segments before";
                write!(f, "the journal begins at sequence {first_seq} and no snapshot leads there; {remedy}")?;
                passed_over.iter().try_for_each(|error| write!(f, "; {error}"))
            }
            Self::Thread(error) => write!(f, "a thread could not be started: {error}"),
            Self::Broken { thread } => {
                write!(f, "the {thread} thread broke an invariant and stopped; open the journal again")
            }
        }
    }
}

impl std::error::Error for NodeError {}

impl From<JournalError> for NodeError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}
