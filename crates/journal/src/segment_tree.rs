//! The Merkle tree of a closed segment, kept beside it, so that a proof needs one block of leaves and not the segment.
//!
//! ```text
//! name  of the segment, with ".tree" for ".seg"
//! file  magic "TIDETREE"  version u32  number u64  first_seq u64  size u64 (leaves)
//!       chain [32] (hash of the segment's last batch)  root [32]  blake3 [32] (of the 100 bytes before and the blocks)
//!       blocks [32] each: the root over 256 leaves, the last over what is left
//! ```
//!
//! A block is a complete subtree of height 8, so the root over the blocks is the root over the leaves (RFC 6962), and a
//! path is that inside a block and then that of the block. Where a signing key is given the root is signed as well
//! ([`crate::checkpoint`]), in a file of the same name ending in ".checkpoint". Both are written under a name ending in
//! ".tmp", synced and renamed. They say nothing that the segment does not: without them everything is built on demand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::JournalError;
use crate::batch::Batch;
use crate::checkpoint::{Checkpoint, SigningKey};
use crate::error::Damage;
use crate::format::take;
use crate::fs::FileSystem;
use crate::log_reader::{LogReader, LogTail};
use crate::merkle::{self, Hash, MerkleError, Tree};
use crate::segment::{self, Named, SECTOR, SegmentHeader};
use crate::snapshot;

const MAGIC: [u8; 8] = *b"TIDETREE";
const VERSION: u32 = 1;
const COVERED_LEN: usize = 100;
/// Leaves of a block.
pub const BLOCK_LEAVES: u64 = 256;
/// How the name of a tree ends.
pub(crate) const TREE: &str = "tree";
/// How the name of a signed root ends.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// The tree of one segment, down to its blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentTree {
    /// Number of the segment.
    pub number: u64,
    /// Sequence of its first record, which is leaf 0.
    pub first_seq: u64,
    /// Its leaves.
    pub size: u64,
    /// Chain hash of its last batch.
    pub chain: [u8; 32],
    /// Root over the leaves.
    pub root: Hash,
    blocks: Tree,
}

/// A tree that is being built, leaf by leaf.
#[derive(Default)]
pub(crate) struct Builder {
    block: Tree,
    blocks: Tree,
    size: u64,
}

impl Builder {
    /// Takes in the records of a batch.
    pub(crate) fn push(&mut self, batch: &Batch) -> Result<(), MerkleError> {
        for record in batch.records() {
            self.block.push(merkle::leaf_hash(&merkle::record_bytes(&record)));
            self.size = self.size.saturating_add(1);
            if self.block.len() == BLOCK_LEAVES {
                self.close_block()?;
            }
        }
        Ok(())
    }

    fn close_block(&mut self) -> Result<(), MerkleError> {
        let block = core::mem::take(&mut self.block);
        self.blocks.push(block.root(block.len())?);
        Ok(())
    }

    /// The tree of the segment with this header, whose last batch has the hash `chain`.
    pub(crate) fn finish(mut self, header: &SegmentHeader, chain: [u8; 32]) -> Result<SegmentTree, MerkleError> {
        if !self.block.is_empty() {
            self.close_block()?;
        }
        Ok(SegmentTree {
            number: header.number,
            first_seq: header.first_seq,
            size: self.size,
            chain,
            root: self.blocks.root(self.blocks.len())?,
            blocks: self.blocks,
        })
    }
}

impl SegmentTree {
    /// Numbers of the leaves of the block that holds leaf `index`.
    #[must_use]
    pub fn block_of(&self, index: u64) -> core::ops::Range<u64> {
        let start = index / BLOCK_LEAVES * BLOCK_LEAVES;
        start..start.saturating_add(BLOCK_LEAVES).min(self.size)
    }

    /// The path from leaf `index` to the root; `block` is the tree of the leaves of [`SegmentTree::block_of`].
    ///
    /// # Errors
    /// [`MerkleError`], also where the block is not the one of this tree.
    pub fn inclusion(&self, index: u64, block: &Tree) -> Result<Vec<Hash>, MerkleError> {
        if index >= self.size {
            return Err(MerkleError::IndexBeyondSize { index, size: self.size });
        }
        let at = index / BLOCK_LEAVES;
        if block.root(block.len())? != self.blocks.leaf(at)? {
            return Err(MerkleError::RootDiffers { size: self.size });
        }
        let mut path = block.inclusion(index % BLOCK_LEAVES, block.len())?;
        path.extend(self.blocks.inclusion(at, self.blocks.len())?);
        Ok(path)
    }

    /// The checkpoint of its root under the name of a key.
    #[must_use]
    pub fn checkpoint(&self, key_name: &str) -> Checkpoint {
        checkpoint(key_name, self.number, self.size, self.root)
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first_seq.to_le_bytes());
        bytes.extend_from_slice(&self.size.to_le_bytes());
        bytes.extend_from_slice(&self.chain);
        bytes.extend_from_slice(&self.root);
        let blocks: Vec<u8> = self.blocks.leaves().flatten().copied().collect();
        let hash = hash(&bytes, &blocks);
        bytes.extend_from_slice(&hash);
        bytes.extend_from_slice(&blocks);
        bytes
    }

    /// Reads a file's bytes; else which check failed.
    ///
    /// # Errors
    /// The name of the check.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let length = "the length of the tree";
        let (head, rest) = bytes.split_at_checked(COVERED_LEN).ok_or(length)?;
        let (stored, blocks) = rest.split_first_chunk::<32>().ok_or(length)?;
        if hash(head, blocks) != *stored {
            return Err("the hash of the tree");
        }
        let mut fields = head.strip_prefix(&MAGIC).ok_or("the mark of a tree")?;
        if take(&mut fields).map(u32::from_le_bytes) != Some(VERSION) {
            return Err("the layout that this build knows");
        }
        let number = take(&mut fields).map(u64::from_le_bytes).ok_or(length)?;
        let first_seq = take(&mut fields).map(u64::from_le_bytes).ok_or(length)?;
        let size = take(&mut fields).map(u64::from_le_bytes).ok_or(length)?;
        let chain = take(&mut fields).ok_or(length)?;
        let root = take(&mut fields).ok_or(length)?;
        let mut tree = Tree::new();
        let mut rest = blocks;
        while let Some(block) = take(&mut rest) {
            tree.push(block);
        }
        if !rest.is_empty() || tree.len() != size.div_ceil(BLOCK_LEAVES) {
            return Err(length);
        }
        if tree.root(tree.len()) != Ok(root) {
            return Err("the root of the tree");
        }
        Ok(Self { number, first_seq, size, chain, root, blocks: tree })
    }

    /// The tree beside a segment; `None` where there is none.
    pub(crate) fn beside(fs: &dyn FileSystem, segment: &Path) -> Result<Option<Self>, JournalError> {
        let path = segment.with_extension(TREE);
        let Some(bytes) = read_file(fs, &path)? else { return Ok(None) };
        Self::from_bytes(&bytes).map(Some).map_err(|check| JournalError::DamagedTree { path, check })
    }

    /// Whether a tree or a signed root stands beside a segment.
    pub(crate) fn is_beside(fs: &dyn FileSystem, segment: &Path) -> Result<bool, JournalError> {
        let has = |extension| read_file(fs, &segment.with_extension(extension)).map(|file| file.is_some());
        Ok(has(TREE)? || has(CHECKPOINT)?)
    }

    /// Renames the tree and the signed root beside a segment that is cut: they were of other records.
    pub(crate) fn set_aside(fs: &dyn FileSystem, segment: &Path) -> Result<(), JournalError> {
        for extension in [TREE, CHECKPOINT] {
            let path = segment.with_extension(extension);
            if read_file(fs, &path)?.is_some() {
                let aside = segment.with_extension(format!("{extension}.discarded"));
                fs.rename(&path, &aside).map_err(JournalError::io(&path, "renaming a tree"))?;
            }
        }
        Ok(())
    }

    /// Writes it beside its segment, and its signed root where there are keys. What is there already stays.
    pub(crate) fn keep(&self, fs: &dyn FileSystem, segment: &Path, keys: &[SigningKey]) -> Result<(), JournalError> {
        let tree = segment.with_extension(TREE);
        if read_file(fs, &tree)?.is_none() {
            write_file(fs, &tree, &self.to_bytes())?;
        }
        let path = segment.with_extension(CHECKPOINT);
        let Some(key) = keys.first() else { return Ok(()) };
        if read_file(fs, &path)?.is_none() {
            let note = self.checkpoint(key.verifier_key().name()).sign(&keys.iter().collect::<Vec<_>>());
            let note = note.map_err(|error| JournalError::NotSigned { path: path.clone(), error })?;
            write_file(fs, &path, note.as_bytes())?;
        }
        Ok(())
    }

    /// Compares it with what stands beside its segment: the tree, and the root that was signed.
    pub(crate) fn compare(&self, fs: &dyn FileSystem, segment: &Path) -> Result<(), JournalError> {
        let differs = |extension, check| JournalError::DamagedTree { path: segment.with_extension(extension), check };
        if Self::beside(fs, segment)?.is_some_and(|kept| kept != *self) {
            return Err(differs(TREE, "the root over the records"));
        }
        let Some(note) = read_file(fs, &segment.with_extension(CHECKPOINT))? else { return Ok(()) };
        let signed = Checkpoint::read_unsigned(&note).map_err(|_| differs(CHECKPOINT, "the form of a checkpoint"))?;
        if (signed.size, signed.root) != (self.size, self.root) {
            return Err(differs(CHECKPOINT, "the root over the records"));
        }
        Ok(())
    }
}

/// The checkpoint of the tree of segment `number`. One origin names one tree for good: a segment's.
pub(crate) fn checkpoint(key_name: &str, number: u64, size: u64, root: Hash) -> Checkpoint {
    Checkpoint { origin: format!("{key_name}/{number:08}"), size, root }
}

/// Reads a closed segment whole, up to the one that begins with `next`, and builds its tree.
pub(crate) fn read_closed(
    fs: &Arc<dyn FileSystem>,
    named: &Named,
    next: &SegmentHeader,
) -> Result<Option<SegmentTree>, JournalError> {
    let mut reader = LogReader::over(Arc::clone(fs), vec![named.clone()], named.first_seq)?;
    let mut builder = Builder::default();
    let broken = |error| JournalError::Tree { path: named.path.clone(), error };
    while let Some(batch) = reader.next_batch()? {
        builder.push(&batch).map_err(broken)?;
    }
    let follows = (reader.next_seq(), reader.next_batch_number(), reader.root())
        == (next.first_seq, next.first_batch, next.prev_root);
    let Some((_, header)) = reader.segment().filter(|_| follows && *reader.tail() == LogTail::Whole) else {
        return Err(JournalError::DamagedSegment(Damage {
            path: named.path.clone(),
            offset: reader.offset(),
            check: "the chain to the next segment",
            first_seq: reader.next_seq(),
            last_seq: next.first_seq.checked_sub(1),
            end_seq: None,
        }));
    };
    if builder.size == 0 {
        return Ok(None);
    }
    builder.finish(&header, reader.root()).map(Some).map_err(broken)
}

/// The header of a segment that is listed.
pub(crate) fn header_of(fs: &dyn FileSystem, named: &Named) -> Result<SegmentHeader, JournalError> {
    let path = named.path.as_path();
    let file = fs.open(path).map_err(JournalError::io(path, "opening a segment"))?;
    SegmentHeader::from_sector(&segment::read_at(file.as_ref(), path, 0, SECTOR)?).ok_or_else(|| {
        JournalError::DamagedSegment(Damage {
            path: path.to_owned(),
            offset: 0,
            check: "the header of the segment",
            first_seq: named.first_seq,
            last_seq: None,
            end_seq: None,
        })
    })
}

fn hash(head: &[u8], blocks: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new().update(head).update(blocks).finalize().as_bytes()
}

/// The bytes of a small file; `None` where there is none.
fn read_file(fs: &dyn FileSystem, path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    let file = match fs.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io(path, "opening a tree")(error)),
    };
    let len = file.file_len().map_err(JournalError::io(path, "reading a tree"))?;
    segment::read_at(file.as_ref(), path, 0, len).map(Some)
}

fn write_file(fs: &dyn FileSystem, path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = PathBuf::from(name);
    let dir = path.parent().unwrap_or(Path::new("."));
    let file = snapshot::replace(fs, &temporary, "creating a tree")?;
    file.write_at(0, bytes).map_err(JournalError::io(&temporary, "writing a tree"))?;
    file.sync_data().map_err(JournalError::io(&temporary, "syncing a tree"))?;
    fs.rename(&temporary, path).map_err(JournalError::io(path, "naming a tree"))?;
    fs.sync_dir(dir).map_err(JournalError::io(dir, "syncing the folder"))
}
