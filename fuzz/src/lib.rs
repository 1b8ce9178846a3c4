//! What the fuzz targets share: keys and trees that are fixed, and the sealing of journals.
//!
//! A decoder behind a checksum is shut to a fuzzer, which cannot guess one. So journals are tried as they
//! come and also sealed: with every checksum and chain hash set right, so that what lies behind them meets every value.

use tiderace_journal::checkpoint::{Checkpoint, SigningKey};
use tiderace_journal::merkle::{Tree, leaf_hash};
use zeroize::Zeroizing;

pub mod seal;

/// The name of the fixed key.
pub const NAME: &str = "fuzz.example";
const SEED: [u8; 32] = [7; 32];

/// The fixed key.
pub fn signing_key() -> SigningKey {
    SigningKey::from_seed(NAME, &Zeroizing::new(SEED)).expect("the name is a name")
}

/// A note of any text with a signature line of the fixed key.
pub fn signed(text: &str) -> String {
    use base64::Engine;
    use ed25519_dalek::Signer;
    // Signing takes checkpoints only; any text at all is signed by hand. The id is the second part of the key's line.
    let line = signing_key().verifier_key().to_string();
    let id = line.split('+').nth(1).and_then(|id| u32::from_str_radix(id, 16).ok()).expect("eight digits");
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend_from_slice(&ed25519_dalek::SigningKey::from_bytes(&SEED).sign(text.as_bytes()).to_bytes());
    format!("{text}\n\u{2014} {NAME} {}\n", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// The records of the fixed tree.
pub fn records() -> Vec<Vec<u8>> {
    (0..11).map(|i| vec![i; 33]).collect()
}

/// The fixed tree.
pub fn tree() -> Tree {
    let mut tree = Tree::new();
    records().iter().for_each(|record| tree.push(leaf_hash(record)));
    tree
}

/// The checkpoint of the fixed tree, signed.
pub fn checkpoint() -> String {
    let tree = tree();
    let root = tree.root(tree.len()).expect("the tree's own size");
    let checkpoint = Checkpoint { origin: NAME.to_owned(), size: tree.len(), root };
    checkpoint.sign(&[&signing_key()]).expect("the origin is the key's name")
}
