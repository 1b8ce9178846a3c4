//! The tree against the public vectors of Certificate Transparency and against RFC 6962's own recursive words.

use sha2::{Digest, Sha256};
use tiderace_journal::merkle::{
    Hash, MerkleError, Tree, empty_root, leaf_hash, node_hash, record_bytes, verify_consistency, verify_inclusion,
};
use tiderace_journal::{Reader, Writer};

/// Up to here every index of every size is tried.
const SIZE_MAX: u64 = 130;

/// The leaves of the vectors that the reference implementations of Certificate Transparency share.
const CT_LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const CT_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hash(text: &str) -> Hash {
    hex(text).try_into().unwrap()
}

fn ct_tree() -> Tree {
    let mut tree = Tree::new();
    CT_LEAVES.iter().for_each(|leaf| tree.push(leaf_hash(&hex(leaf))));
    tree
}

fn numbered(size: u64) -> (Tree, Vec<Hash>) {
    let leaves: Vec<Hash> = (0..size).map(|i| leaf_hash(&i.to_le_bytes())).collect();
    let mut tree = Tree::new();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    (tree, leaves)
}

/// The largest power of two below `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// RFC 6962, 2.1: the tree hash.
fn slow_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        leaves => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&slow_root(left), &slow_root(right))
        }
    }
}

/// RFC 6962, 2.1.1: the audit path.
fn slow_inclusion(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = if index < left.len() {
        (slow_inclusion(index, left), right)
    } else {
        (slow_inclusion(index - left.len(), right), left)
    };
    path.push(slow_root(other));
    path
}

/// RFC 6962, 2.1.2: the consistency proof.
fn slow_consistency(old: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_whole { Vec::new() } else { vec![slow_root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = if old <= left.len() {
        (slow_consistency(old, left, is_whole), right)
    } else {
        (slow_consistency(old - left.len(), right, false), left)
    };
    path.push(slow_root(other));
    path
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    let tree = ct_tree();
    assert_eq!(empty_root(), hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    assert_eq!(tree.root(0).unwrap(), empty_root());
    for (size, root) in (1..).zip(CT_ROOTS) {
        assert_eq!(tree.root(size).unwrap(), hash(root), "size {size}");
    }
}

#[test]
fn paths_are_those_of_certificate_transparency() {
    let tree = ct_tree();
    let of_0_in_8 = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    let of_5_in_8 = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    let of_1_in_5 = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ];
    assert_eq!(tree.inclusion(0, 8).unwrap(), of_0_in_8.map(hash));
    assert_eq!(tree.inclusion(5, 8).unwrap(), of_5_in_8.map(hash));
    assert_eq!(tree.inclusion(1, 5).unwrap(), of_1_in_5.map(hash));
    assert_eq!(tree.inclusion(2, 3).unwrap(), [hash(CT_ROOTS[1])]);
    assert_eq!(tree.inclusion(0, 1), Ok(Vec::new()));
    assert_eq!(tree.consistency(1, 8).unwrap(), of_0_in_8.map(hash));
}

/// Goal: the fast tree is RFC 6962's. Method: every size, index and pair of sizes against the recursive words of the RFC,
/// and each proof through the verifier.
#[test]
fn every_index_of_every_size_agrees_with_the_recursive_tree() {
    let (tree, leaves) = numbered(SIZE_MAX);
    for size in 1..=SIZE_MAX {
        let of_size = &leaves[..usize::try_from(size).unwrap()];
        let root = tree.root(size).unwrap();
        assert_eq!(root, slow_root(of_size), "root of {size}");
        for (index, leaf) in (0..size).zip(of_size) {
            let path = tree.inclusion(index, size).unwrap();
            assert_eq!(path, slow_inclusion(usize::try_from(index).unwrap(), of_size), "path of {index} in {size}");
            assert_eq!(verify_inclusion(leaf, index, size, &path, &root), Ok(()));
        }
        for old in 1..=size {
            let path = tree.consistency(old, size).unwrap();
            let slow = slow_consistency(usize::try_from(old).unwrap(), of_size, true);
            assert_eq!(path, slow, "from {old} to {size}");
            assert_eq!(verify_consistency((old, &tree.root(old).unwrap()), (size, &root), &path), Ok(()));
        }
    }
}

#[test]
fn a_leaf_is_proved_under_its_own_index_and_size_only() {
    let (tree, leaves) = numbered(SIZE_MAX);
    for size in 1..=40_u64 {
        let root = tree.root(size).unwrap();
        for index in 0..size {
            let leaf = &leaves[usize::try_from(index).unwrap()];
            let path = tree.inclusion(index, size).unwrap();
            for other in (0..SIZE_MAX).filter(|other| *other != index) {
                assert!(verify_inclusion(leaf, other, size, &path, &root).is_err(), "{index} as {other} of {size}");
            }
            for cut in 0..path.len() {
                assert!(verify_inclusion(leaf, index, size, &path[..cut], &root).is_err());
            }
            let longer = [path.as_slice(), &[root]].concat();
            assert_eq!(
                verify_inclusion(leaf, index, size, &longer, &root),
                Err(MerkleError::PathLength { len: longer.len() })
            );
        }
    }
}

#[test]
fn a_flipped_bit_of_a_path_a_leaf_or_a_root_is_found() {
    let (tree, leaves) = numbered(21);
    let (old_root, root) = (tree.root(13).unwrap(), tree.root(21).unwrap());
    let inclusion = tree.inclusion(9, 21).unwrap();
    let consistency = tree.consistency(13, 21).unwrap();
    let flip = |hash: &mut Hash, bit: usize| hash[bit / 8] ^= 1 << (bit % 8);
    for bit in 0..256 {
        let (mut leaf, mut bad_root, mut bad_old) = (leaves[9], root, old_root);
        flip(&mut leaf, bit);
        flip(&mut bad_root, bit);
        flip(&mut bad_old, bit);
        assert!(verify_inclusion(&leaf, 9, 21, &inclusion, &root).is_err());
        assert!(verify_inclusion(&leaves[9], 9, 21, &inclusion, &bad_root).is_err());
        assert!(verify_consistency((13, &bad_old), (21, &root), &consistency).is_err());
        assert!(verify_consistency((13, &old_root), (21, &bad_root), &consistency).is_err());
        assert!(verify_consistency((21, &bad_root), (21, &root), &[]).is_err());
        for at in 0..inclusion.len() {
            let mut path = inclusion.clone();
            flip(&mut path[at], bit);
            assert!(verify_inclusion(&leaves[9], 9, 21, &path, &root).is_err());
        }
        for at in 0..consistency.len() {
            let mut path = consistency.clone();
            flip(&mut path[at], bit);
            assert!(verify_consistency((13, &old_root), (21, &root), &path).is_err());
        }
    }
}

/// Goal: a log that rewrote its past cannot show growth. Method: every pair of sizes, with one old leaf changed.
#[test]
fn a_rewritten_past_has_no_consistency_proof() {
    let (tree, leaves) = numbered(40);
    for old in 1..40_u64 {
        for changed in 0..usize::try_from(old).unwrap() {
            let mut rewritten = Tree::new();
            for (at, leaf) in leaves.iter().enumerate() {
                rewritten.push(if at == changed { leaf_hash(b"rewritten") } else { *leaf });
            }
            let path = rewritten.consistency(old, 40).unwrap();
            let verdict =
                verify_consistency((old, &tree.root(old).unwrap()), (40, &rewritten.root(40).unwrap()), &path);
            // A verifier starts from the old root where that is a whole node; then it is the new root that is not met.
            let size = if old.is_power_of_two() { 40 } else { old };
            assert_eq!(verdict, Err(MerkleError::RootDiffers { size }), "{changed} of {old}");
        }
    }
}

#[test]
fn what_the_tree_does_not_hold_is_refused_with_its_numbers() {
    let (tree, _) = numbered(5);
    assert_eq!(tree.root(6), Err(MerkleError::SizeBeyondTree { size: 6, len: 5 }));
    assert_eq!(tree.leaf(5), Err(MerkleError::IndexBeyondSize { index: 5, size: 5 }));
    assert_eq!(tree.inclusion(3, 3), Err(MerkleError::IndexBeyondSize { index: 3, size: 3 }));
    assert_eq!(tree.inclusion(0, u64::MAX), Err(MerkleError::SizeBeyondTree { size: u64::MAX, len: 5 }));
    assert_eq!(tree.consistency(0, 3), Err(MerkleError::OldSizeOutOfRange { old: 0, new: 3 }));
    assert_eq!(tree.consistency(4, 3), Err(MerkleError::OldSizeOutOfRange { old: 4, new: 3 }));
    let text = tree.root(6).unwrap_err().to_string();
    assert!(text.contains("size 6") && text.contains("5 leaves"), "{text}");
    // The greatest numbers are numbers like any other.
    let hash = [7; 32];
    assert!(verify_inclusion(&hash, u64::MAX - 1, u64::MAX, &[hash; 64], &hash).is_err());
    assert!(verify_consistency((u64::MAX - 1, &hash), (u64::MAX, &hash), &[hash; 64]).is_err());
    assert!(verify_consistency((1 << 63, &hash), (u64::MAX, &hash), &[hash; 64]).is_err());
}

#[test]
fn the_leaves_of_a_journal_are_its_bytes() {
    let path = std::env::temp_dir().join(format!("tiderace-merkle-{}", std::process::id()));
    let mut writer = Writer::create(&path).unwrap();
    for kind in 0..5 {
        writer.append(kind, 1_000, 7, &vec![1; usize::from(kind) * 9]).unwrap();
    }
    writer.finish([9; 32]).unwrap();
    let file = std::fs::read(&path).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let batch = reader.next_batch().unwrap().unwrap();
    let mut seen = 0;
    for record in batch.records() {
        let bytes = record_bytes(&record);
        let at = usize::try_from(record.offset).unwrap();
        assert_eq!(bytes, file[at..at + bytes.len()]);
        seen += 1;
    }
    assert_eq!(seen, 5);
    std::fs::remove_file(&path).unwrap();
}

/// Goal: a segment's tree costs seconds at most. Method: a million leaves, a root and a thousand proofs; the time is printed.
#[test]
fn a_million_leaves_take_seconds_at_most() {
    let start = std::time::Instant::now();
    let (tree, leaves) = numbered(1_000_000);
    let root = tree.root(1_000_000).unwrap();
    let built = start.elapsed();
    for index in (0..1_000_000).step_by(1_000) {
        let path = tree.inclusion(index, 1_000_000).unwrap();
        assert!(path.len() <= 20);
        let leaf = &leaves[usize::try_from(index).unwrap()];
        assert_eq!(verify_inclusion(leaf, index, 1_000_000, &path, &root), Ok(()));
    }
    println!("1,000,000 leaves: {built:?}; with 1,000 proofs made and verified: {:?}", start.elapsed());
}
