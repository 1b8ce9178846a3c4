//! The Merkle tree over a segment's records: RFC 6962 hashing, so that anyone's verifier can read our proofs.
//!
//! ```text
//! empty   SHA-256()
//! leaf    SHA-256(0x00 || record), the record's whole bytes, header and payload, as they stand in the journal
//! node    SHA-256(0x01 || left || right)
//! ```
//!
//! The tree grows by one leaf at a time and is built by a follower, never by the thread that journals. It keeps the hash
//! of every complete subtree (64 bytes a leaf), so that a root or a proof for any earlier size costs O(log n) hashes.
//! Leaf `index` of the tree is the segment's record `index`, from zero. It refuses what it does not hold: an index or a
//! size beyond its end is an error, never a guess.
//!
//! Hashes and proofs are public, so that nothing here is compared in constant time; see [`crate::checkpoint`] for the key.

use sha2::{Digest, Sha256};

use crate::Record;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// More levels than a tree counted in 64 bits can have.
const LEVELS_MAX: u32 = 64;

/// Why a tree or a proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MerkleError {
    /// The size asked for is more than the tree holds.
    SizeBeyondTree {
        /// The size asked for.
        size: u64,
        /// Leaves in the tree.
        len: u64,
    },
    /// The leaf asked for is not below the size.
    IndexBeyondSize {
        /// The leaf.
        index: u64,
        /// The size of the tree it was looked for in.
        size: u64,
    },
    /// The older size of a consistency proof is zero, or above the newer.
    OldSizeOutOfRange {
        /// The older size.
        old: u64,
        /// The newer size.
        new: u64,
    },
    /// A proof has too few or too many hashes for its index and sizes.
    PathLength {
        /// How many it has.
        len: usize,
    },
    /// The hashes do not lead to the root.
    RootDiffers {
        /// The size of the tree whose root was not met.
        size: u64,
    },
}

impl core::fmt::Display for MerkleError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::SizeBeyondTree { size, len } => {
                write!(f, "size {size} is above the {len} leaves of the tree; ask for a size up to {len}")
            }
            Self::IndexBeyondSize { index, size } => {
                write!(f, "leaf {index} is not below the tree's size {size}; ask for a record of this segment")
            }
            Self::OldSizeOutOfRange { old, new } => write!(
                f,
                "the older size {old} must be above zero and at most the newer size {new}; name the checkpoints in order"
            ),
            Self::PathLength { len } => write!(
                f,
                "a path of {len} hashes does not fit the index and size it is for; ask the log for the proof anew"
            ),
            Self::RootDiffers { size } => write!(
                f,
                "the hashes do not lead to the root of the tree of size {size}; the record, the proof or the checkpoint \
                 is not the one that was logged"
            ),
        }
    }
}

impl std::error::Error for MerkleError {}

/// The root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(record: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// The whole bytes of a record, as they stand in the journal: what its leaf is the hash of.
#[must_use]
pub fn record_bytes(record: &Record<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.header.put(record.payload, &mut bytes);
    bytes
}

/// The hash of an inner node.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree that grows. `levels[l][i]` is the hash of the complete subtree over leaves `i << l .. (i + 1) << l`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves in the tree.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| u64::try_from(leaves.len()).unwrap_or(u64::MAX))
    }

    /// Whether there are no leaves.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a leaf by its hash; see [`leaf_hash`].
    pub fn push(&mut self, leaf: Hash) {
        let mut carry = leaf;
        for level in &mut self.levels {
            level.push(carry);
            let pair = level.len().checked_rem(2).and_then(|odd| if odd == 0 { level.last_chunk::<2>() } else { None });
            let Some([left, right]) = pair else { return };
            carry = node_hash(left, right);
        }
        self.levels.push(vec![carry]);
    }

    /// The hash of leaf `index`.
    ///
    /// # Errors
    /// [`MerkleError::IndexBeyondSize`].
    pub fn leaf(&self, index: u64) -> Result<Hash, MerkleError> {
        self.complete(0, index).ok_or(MerkleError::IndexBeyondSize { index, size: self.len() })
    }

    /// The hashes of the leaves in order.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &Hash> {
        self.levels.first().into_iter().flatten()
    }

    /// The root of the first `size` leaves.
    ///
    /// # Errors
    /// [`MerkleError::SizeBeyondTree`].
    pub fn root(&self, size: u64) -> Result<Hash, MerkleError> {
        self.check_size(size)?;
        if size == 0 {
            return Ok(empty_root());
        }
        self.node(height(size), 0, size)
    }

    /// The path that proves leaf `index` in the tree of the first `size` leaves, from the leaf's sibling to the root's
    /// child (RFC 6962, 2.1.1).
    ///
    /// # Errors
    /// [`MerkleError::SizeBeyondTree`], [`MerkleError::IndexBeyondSize`].
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, MerkleError> {
        self.check_size(size)?;
        if index >= size {
            return Err(MerkleError::IndexBeyondSize { index, size });
        }
        let mut path = Vec::new();
        for level in 0..height(size) {
            let sibling = (index >> level) ^ 1;
            if start(level, sibling) < size {
                path.push(self.node(level, sibling, size)?);
            }
        }
        Ok(path)
    }

    /// The hashes that prove that the tree of the first `new` leaves begins with that of the first `old` ones (RFC 6962,
    /// 2.1.2).
    ///
    /// # Errors
    /// [`MerkleError::SizeBeyondTree`], [`MerkleError::OldSizeOutOfRange`].
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, MerkleError> {
        self.check_size(new)?;
        if old == 0 || old > new {
            return Err(MerkleError::OldSizeOutOfRange { old, new });
        }
        // Down from the root to the node that ends where the old tree ended, noting the other child at each fork.
        let (mut level, mut index, mut is_left_edge) = (height(new), 0_u64, true);
        let mut downward = Vec::new();
        while old < end(level, index, new) {
            level = level.saturating_sub(1);
            let (left, right) = (index << 1, (index << 1) | 1);
            let fork = start(level, right);
            if fork >= new {
                index = left;
            } else if old <= fork {
                downward.push(self.node(level, right, new)?);
                index = left;
            } else {
                downward.push(self.node(level, left, new)?);
                index = right;
                is_left_edge = false;
            }
        }
        // The whole old tree as one node is what the verifier starts from, and is left out.
        if !is_left_edge {
            downward.push(self.node(level, index, new)?);
        }
        downward.reverse();
        Ok(downward)
    }

    fn check_size(&self, size: u64) -> Result<(), MerkleError> {
        let len = self.len();
        if size > len { Err(MerkleError::SizeBeyondTree { size, len }) } else { Ok(()) }
    }

    fn complete(&self, level: u32, index: u64) -> Option<Hash> {
        let level = self.levels.get(usize::try_from(level).ok()?)?;
        level.get(usize::try_from(index).ok()?).copied()
    }

    /// The hash over the leaves of node `index` at `level` that are below `size`; the node begins below `size`.
    fn node(&self, level: u32, index: u64, size: u64) -> Result<Hash, MerkleError> {
        let missing = MerkleError::SizeBeyondTree { size, len: self.len() };
        if end(level, index, u64::MAX) <= size {
            return self.complete(level, index).ok_or(missing);
        }
        let below = level.checked_sub(1).ok_or(missing)?;
        let left = self.node(below, index << 1, size)?;
        let right = (index << 1) | 1;
        if start(below, right) >= size { Ok(left) } else { Ok(node_hash(&left, &self.node(below, right, size)?)) }
    }
}

/// Levels above the leaves of a tree of `size` leaves: the least `h` with `1 << h >= size`.
fn height(size: u64) -> u32 {
    LEVELS_MAX.saturating_sub(size.saturating_sub(1).leading_zeros())
}

/// The first leaf under a node, or the greatest number where that is beyond 64 bits.
fn start(level: u32, index: u64) -> u64 {
    1_u64.checked_shl(level).and_then(|width| width.checked_mul(index)).unwrap_or(u64::MAX)
}

/// One past the last leaf under a node, capped at `size`.
fn end(level: u32, index: u64, size: u64) -> u64 {
    start(level, index.saturating_add(1)).min(size)
}

/// Checks that `leaf` is number `index` of the tree of `size` leaves under `root` (RFC 9162, 2.1.3.2).
///
/// # Errors
/// [`MerkleError`].
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), MerkleError> {
    if index >= size {
        return Err(MerkleError::IndexBeyondSize { index, size });
    }
    let too_long = MerkleError::PathLength { len: path.len() };
    let (mut node, mut last) = (index, size.saturating_sub(1));
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return Err(too_long);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            (node, last) = skip_lone_levels(node, last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(MerkleError::PathLength { len: path.len() });
    }
    if hash == *root { Ok(()) } else { Err(MerkleError::RootDiffers { size }) }
}

/// Checks that the tree of `new` leaves under `new_root` begins with the tree of `old` leaves under `old_root`
/// (RFC 9162, 2.1.4.2).
///
/// # Errors
/// [`MerkleError`].
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    path: &[Hash],
) -> Result<(), MerkleError> {
    if old == 0 || old > new {
        return Err(MerkleError::OldSizeOutOfRange { old, new });
    }
    let bad_length = MerkleError::PathLength { len: path.len() };
    if old == new {
        if !path.is_empty() {
            return Err(bad_length);
        }
        return if old_root == new_root { Ok(()) } else { Err(MerkleError::RootDiffers { size: new }) };
    }
    // The whole old tree as one node is not in the path; the verifier holds its root.
    let (first, path) = if old.is_power_of_two() { (old_root, path) } else { path.split_first().ok_or(bad_length)? };
    let (mut node, mut last) = (old.saturating_sub(1), new.saturating_sub(1));
    let complete = node.trailing_ones();
    (node, last) = (node >> complete, last >> complete);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return Err(bad_length);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            (node, last) = skip_lone_levels(node, last);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(bad_length);
    }
    if old_hash != *old_root {
        return Err(MerkleError::RootDiffers { size: old });
    }
    if new_hash == *new_root { Ok(()) } else { Err(MerkleError::RootDiffers { size: new }) }
}

/// A node at the right edge without a sibling is its own parent: up to the level at which it is a right child.
fn skip_lone_levels(node: u64, last: u64) -> (u64, u64) {
    if node & 1 == 1 || node == 0 {
        return (node, last);
    }
    let lone = node.trailing_zeros();
    (node >> lone, last >> lone)
}
