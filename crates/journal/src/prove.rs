//! Proving that one record stands in a log: from the tree beside its segment, or, where there is none, from the segment.

use std::path::Path;
use std::sync::Arc;

use crate::JournalError;
use crate::checkpoint::{Checkpoint, SigningKey, VerifierKey};
use crate::fs::FileSystem;
use crate::merkle::{self, Tree};
use crate::proof::{self, ProofError};
use crate::segment::{self, Named};
use crate::segment_tree::{self, SegmentTree};

/// Why a record could not be proved.
#[derive(Debug)]
pub enum ProveError {
    /// The journal says no.
    Journal(JournalError),
    /// The journal does not hold the record.
    NoRecord {
        /// Its sequence.
        seq: u64,
    },
    /// The proof does not come together.
    Proof(ProofError),
}

impl core::fmt::Display for ProveError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Journal(error) => write!(f, "{error}"),
            Self::NoRecord { seq } => write!(f, "the journal has no record {seq}; see `tiderace journal check`"),
            Self::Proof(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ProveError {}

impl From<JournalError> for ProveError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl<E: Into<ProofError>> From<E> for ProveError {
    fn from(error: E) -> Self {
        Self::Proof(error.into())
    }
}

/// The leaves of records, and the bytes of the one that is to be proved.
struct Leaves {
    tree: Tree,
    record: Option<Vec<u8>>,
}

/// Writes the proof file that record `seq` stands in its segment, whose root `keys` sign: one, or the old and the new
/// while a key is rotated.
///
/// # Errors
/// [`ProveError`].
pub fn prove_record(
    fs: &Arc<dyn FileSystem>,
    dir: &Path,
    seq: u64,
    keys: &[&SigningKey],
) -> Result<String, ProveError> {
    let missing = || ProveError::NoRecord { seq };
    let segments = segment::list(fs.as_ref(), dir)?;
    let at = segments.iter().rposition(|named| named.first_seq <= seq).ok_or_else(missing)?;
    let named = segments.get(at).ok_or_else(missing)?;
    let end = segments.get(at.saturating_add(1)).map_or(u64::MAX, |next| next.first_seq);
    let index = seq.saturating_sub(named.first_seq);
    let name = keys.first().map_or("", |key| key.verifier_key().name());
    let verifiers: Vec<VerifierKey> = keys.iter().map(|key| key.verifier_key().clone()).collect();
    match SegmentTree::beside(fs.as_ref(), &named.path)? {
        Some(kept) => {
            let block = kept.block_of(index);
            let start = named.first_seq.saturating_add(block.start);
            let Leaves { tree, record } = leaves(fs, dir, start, named.first_seq.saturating_add(block.end), seq)?;
            let record = record.ok_or_else(missing)?;
            let note = kept.checkpoint(name).sign(keys)?;
            Ok(proof::prove_path(&kept.inclusion(index, &tree)?, index, &record, &note, &verifiers)?)
        }
        None => {
            let Leaves { tree, record } = leaves(fs, dir, named.first_seq, end, seq)?;
            let record = record.ok_or_else(missing)?;
            let note = on_demand(fs, named, &tree, name)?.sign(keys)?;
            Ok(proof::prove(&tree, index, &record, &note, &verifiers)?)
        }
    }
}

/// The checkpoint of a segment whose tree is not kept.
fn on_demand(fs: &Arc<dyn FileSystem>, named: &Named, tree: &Tree, key_name: &str) -> Result<Checkpoint, ProveError> {
    let number = segment_tree::header_of(fs.as_ref(), named)?.number;
    Ok(segment_tree::checkpoint(key_name, number, tree.len(), tree.root(tree.len())?))
}

fn leaves(fs: &Arc<dyn FileSystem>, dir: &Path, first: u64, end: u64, seq: u64) -> Result<Leaves, JournalError> {
    let (mut tree, mut wanted) = (Tree::new(), None);
    crate::tools::cat(fs, dir, first, end, |_, record| {
        let bytes = merkle::record_bytes(&record);
        tree.push(merkle::leaf_hash(&bytes));
        if record.header.seq == seq {
            wanted = Some(bytes);
        }
    })?;
    Ok(Leaves { tree, record: wanted })
}
