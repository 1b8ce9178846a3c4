//! A proof file: that one record stands in a journal whose root a known key signed, for a reader who has neither.
//!
//! The form is C2SP's `tlog-proof`, with the record itself as the extra data, so that the file and the verifier key are
//! all that is needed:
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64 of the record's whole bytes, header and payload, as they stand in the journal>
//! index 73894
//! <one base64 hash a line, from the leaf's sibling up to the root's child>
//!
//! <the checkpoint, verbatim>
//! ```
//!
//! The length is the record's plus some 45 bytes a level: about 1.3 KB for a short record among a million. Nothing of
//! the file is believed before the signature and the path hold, and then every byte of it is covered by them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::checkpoint::{self, CHECKPOINT_BYTES_MAX, Checkpoint, CheckpointError, VerifierKey};
use crate::format::{PAYLOAD_BYTES_MAX, RECORD_HEADER_LEN};
use crate::merkle::{self, Hash, MerkleError, Tree};

/// First line of a proof file.
pub const PROOF_MARK: &str = "c2sp.org/tlog-proof@v1";
/// How a proof file's name ends.
pub const PROOF_EXTENSION: &str = "tlog-proof";
/// Hashes in a path at most: the levels of a tree counted in 64 bits.
pub const PATH_MAX: usize = 64;
/// The longest proof that is read: the largest record in base64, the path and the checkpoint.
pub const PROOF_BYTES_MAX: usize =
    (PAYLOAD_BYTES_MAX + RECORD_HEADER_LEN) / 3 * 4 + PATH_MAX * 45 + CHECKPOINT_BYTES_MAX + 256;

/// Why a proof could not be made or does not hold.
#[derive(Debug)]
pub enum ProofError {
    /// The proof is longer than is read.
    TooLong {
        /// Its bytes.
        len: usize,
    },
    /// A line does not read.
    Line {
        /// Its number, from 1.
        line: usize,
        /// What it must be.
        rule: &'static str,
    },
    /// The record given is not the leaf of that number.
    RecordDiffers {
        /// The leaf.
        index: u64,
    },
    /// The checkpoint is not of this tree, is not signed by a listed key, or does not read.
    Checkpoint(CheckpointError),
    /// The path does not lead from the record to the root.
    Path(MerkleError),
}

impl core::fmt::Display for ProofError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLong { len } => {
                write!(f, "a proof of {len} bytes is above the limit of {PROOF_BYTES_MAX}; name a proof file")
            }
            Self::Line { line, rule } => write!(f, "line {line}: {rule}; ask the log for the proof anew"),
            Self::RecordDiffers { index } => {
                write!(f, "the record given is not leaf {index} of this tree; give the bytes as the journal holds them")
            }
            Self::Checkpoint(error) => write!(f, "the checkpoint of the proof: {error}"),
            Self::Path(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ProofError {}

impl From<CheckpointError> for ProofError {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

impl From<MerkleError> for ProofError {
    fn from(error: MerkleError) -> Self {
        Self::Path(error)
    }
}

/// What a proof that holds has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The record's whole bytes, header and payload.
    pub record: Vec<u8>,
    /// Its number in the tree.
    pub index: u64,
    /// The tree it is in.
    pub checkpoint: Checkpoint,
    /// The listed keys that signed the tree.
    pub signers: Vec<VerifierKey>,
}

/// Writes the proof that `record` is leaf `index` of the tree that the signed checkpoint `note` is about. `keys` are the
/// log's own: what goes out is checked as an outsider would.
///
/// # Errors
/// [`ProofError`].
pub fn prove(tree: &Tree, index: u64, record: &[u8], note: &str, keys: &[VerifierKey]) -> Result<String, ProofError> {
    if tree.leaf(index)? != merkle::leaf_hash(record) {
        return Err(ProofError::RecordDiffers { index });
    }
    let checkpoint = Checkpoint::open(note.as_bytes(), keys)?.checkpoint;
    if tree.root(checkpoint.size)? != checkpoint.root {
        return Err(ProofError::Path(MerkleError::RootDiffers { size: checkpoint.size }));
    }
    Ok(file(&tree.inclusion(index, checkpoint.size)?, index, record, note))
}

/// The same from a path that is known. What goes out is checked as an outsider would.
pub(crate) fn prove_path(
    path: &[Hash],
    index: u64,
    record: &[u8],
    note: &str,
    keys: &[VerifierKey],
) -> Result<String, ProofError> {
    let Checkpoint { size, root, .. } = Checkpoint::open(note.as_bytes(), keys)?.checkpoint;
    merkle::verify_inclusion(&merkle::leaf_hash(record), index, size, path, &root)?;
    Ok(file(path, index, record, note))
}

fn file(path: &[Hash], index: u64, record: &[u8], note: &str) -> String {
    let hashes: String = path.iter().map(|hash| BASE64.encode(hash) + "\n").collect();
    let record = BASE64.encode(record);
    format!("{PROOF_MARK}\nextra {record}\nindex {index}\n{hashes}\n{note}")
}

/// Checks a proof file against the listed keys and says what it shows.
///
/// # Errors
/// [`ProofError`]; what the file holds must not be believed then.
pub fn verify(file: &[u8], keys: &[VerifierKey]) -> Result<Proven, ProofError> {
    if file.len() > PROOF_BYTES_MAX {
        return Err(ProofError::TooLong { len: file.len() });
    }
    let bad = |line, rule| ProofError::Line { line, rule };
    let text = core::str::from_utf8(file).map_err(|_| bad(1, "a proof must be UTF-8"))?;
    let (head, note) = text.split_once("\n\n").ok_or_else(|| bad(1, "a blank line must part path and checkpoint"))?;
    // The signature first: nothing else is worth a thought without it.
    let signed = Checkpoint::open(note.as_bytes(), keys)?;

    let mut lines = head.split('\n');
    if lines.next() != Some(PROOF_MARK) {
        return Err(bad(1, "a proof must begin with c2sp.org/tlog-proof@v1"));
    }
    let record = lines.next().and_then(|line| BASE64.decode(line.strip_prefix("extra ")?).ok());
    let record = record.ok_or_else(|| bad(2, "the word extra and the record in base64 must follow"))?;
    let index = lines.next().and_then(|line| checkpoint::decimal(line.strip_prefix("index ")?));
    let index = index.ok_or_else(|| bad(3, "the word index and a decimal number must follow"))?;
    let path = path(lines)?;

    let Checkpoint { size, root, .. } = signed.checkpoint;
    merkle::verify_inclusion(&merkle::leaf_hash(&record), index, size, &path, &root)?;
    Ok(Proven { record, index, checkpoint: signed.checkpoint, signers: signed.signers })
}

fn path<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, ProofError> {
    let mut path = Vec::new();
    for (line, text) in (4..).zip(lines) {
        let bad = |rule| ProofError::Line { line, rule };
        if path.len() == PATH_MAX {
            return Err(bad("a path must have no more than 64 hashes"));
        }
        path.push(checkpoint::hash(text).ok_or_else(|| bad("a hash must be 32 bytes in base64"))?);
    }
    Ok(path)
}
