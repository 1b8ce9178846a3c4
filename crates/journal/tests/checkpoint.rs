//! Checkpoints and proof files: what was signed holds, and no bit of it can be changed unseen.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::Signer;
use tiderace_journal::checkpoint::{CHECKPOINT_BYTES_MAX, Checkpoint, CheckpointError, SigningKey, VerifierKey};
use tiderace_journal::merkle::{MerkleError, Tree, leaf_hash};
use tiderace_journal::proof::{PROOF_MARK, ProofError, prove, verify};
use zeroize::Zeroizing;

const NAME: &str = "venue.example/journal";
const ORIGIN: &str = "venue.example/journal/00000017";
/// The key, text and signature that the documentation of Go's note package shows.
const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NEUMANN_TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const NEUMANN_SIGNATURE: &str =
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, &Zeroizing::new([seed; 32])).unwrap()
}

fn records() -> Vec<Vec<u8>> {
    (0..11_u8).map(|i| vec![i; 40 + usize::from(i)]).collect()
}

fn tree() -> Tree {
    let mut tree = Tree::new();
    records().iter().for_each(|record| tree.push(leaf_hash(record)));
    tree
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: 11, root: tree().root(11).unwrap() }
}

fn golden(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(file);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_checkpoint_of_a_fixed_key_has_its_golden_bytes() {
    let (old, new) = (key(NAME, 1), key(NAME, 2));
    let keys = format!("{}\n{}\n", old.verifier_key(), new.verifier_key());
    assert_eq!(keys, golden("checkpoint_keys.txt"));
    assert_eq!(checkpoint().sign(&[&old]).unwrap(), golden("checkpoint_v1.txt"));
    assert_eq!(checkpoint().sign(&[&old, &new]).unwrap(), golden("checkpoint_rotation.txt"));
    let note = golden("checkpoint_v1.txt");
    let proof = prove(&tree(), 6, &records()[6], &note, &[old.verifier_key().clone()]).unwrap();
    assert_eq!(proof, golden("checkpoint_proof.txt"));
}

#[test]
fn the_key_and_signature_of_the_reference_hold() {
    let key: VerifierKey = NEUMANN.parse().unwrap();
    assert_eq!((key.name(), key.to_string().as_str()), ("PeterNeumann", NEUMANN));
    let bytes = BASE64.decode(NEUMANN_SIGNATURE).unwrap();
    let signature: [u8; 64] = bytes[4..].try_into().unwrap();
    assert!(key.is_signed(NEUMANN_TEXT.as_bytes(), &signature));
    assert!(!key.is_signed(&NEUMANN_TEXT.as_bytes()[1..], &signature));
    // The same text as a note: the signature holds, and then the text is found not to be a checkpoint.
    let note = format!("{NEUMANN_TEXT}\n\u{2014} PeterNeumann {NEUMANN_SIGNATURE}\n");
    let error = Checkpoint::open(note.as_bytes(), &[key]).unwrap_err();
    assert!(matches!(error, CheckpointError::Line { line: 2, .. }), "{error}");
    // The key of Go's checksum database has an id by the same rule.
    let key: VerifierKey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8".parse().unwrap();
    assert_eq!(key.name(), "sum.golang.org");
}

#[test]
fn no_part_of_a_verifier_key_can_be_changed() {
    for at in 0..NEUMANN.len() {
        for bit in 0..7 {
            let mut bytes = NEUMANN.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let line = String::from_utf8(bytes).unwrap();
            assert!(line.parse::<VerifierKey>().is_err(), "{line}");
        }
        assert!(NEUMANN[..at].parse::<VerifierKey>().is_err());
    }
    // The point of order one: anyone could sign for it.
    let weak = "weak+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let error = weak.parse::<VerifierKey>().unwrap_err();
    assert!(error.to_string().contains("weak;"), "{error}");
}

#[test]
fn what_was_signed_opens_with_the_keys_that_signed() {
    let (old, new, other) = (key(NAME, 1), key(NAME, 2), key("witness.example", 3));
    let (old_key, new_key) = (old.verifier_key().clone(), new.verifier_key().clone());
    let note = checkpoint().sign(&[&old, &new]).unwrap();
    let open = |keys: &[VerifierKey]| Checkpoint::open(note.as_bytes(), keys);
    assert_eq!(open(&[old_key.clone()]).unwrap().signers, [old_key.clone()]);
    assert_eq!(open(&[new_key.clone()]).unwrap().signers, [new_key.clone()]);
    let both = open(&[new_key.clone(), old_key.clone()]).unwrap();
    assert_eq!(both.signers, [old_key, new_key]);
    assert_eq!(both.checkpoint, checkpoint());
    let error = open(&[other.verifier_key().clone()]).unwrap_err();
    assert!(matches!(&error, CheckpointError::NotSigned { names } if names == &["witness.example"]), "{error}");
    assert!(matches!(open(&[]), Err(CheckpointError::NotSigned { .. })));
}

#[test]
fn a_list_keeps_old_keys_beside_the_new() {
    let list = format!("# 2025\n{}\n\n# 2026\n{}\n", key(NAME, 1).verifier_key(), key(NAME, 2).verifier_key());
    let keys = VerifierKey::parse_list(&list).unwrap();
    assert_eq!(keys, [key(NAME, 1).verifier_key().clone(), key(NAME, 2).verifier_key().clone()]);
    let signed_of_old = checkpoint().sign(&[&key(NAME, 1)]).unwrap();
    assert!(Checkpoint::open(signed_of_old.as_bytes(), &keys).is_ok());
    assert!(VerifierKey::parse_list("not a key\n").is_err());
}

#[test]
fn signatures_of_unlisted_keys_are_passed_over_and_listed_ones_must_hold() {
    let signing = key(NAME, 1);
    let keys = [signing.verifier_key().clone()];
    let note = checkpoint().sign(&[&signing]).unwrap();
    let line = note.lines().last().unwrap();
    let with_witness = format!("{note}\u{2014} witness.example AAAAAAAA\n");
    assert_eq!(Checkpoint::open(with_witness.as_bytes(), &keys).unwrap().signers, keys);
    // The right name and id over another text.
    let other = Checkpoint { size: 10, ..checkpoint() };
    let forged = format!("{}\n{line}\n", other.text());
    let error = Checkpoint::open(forged.as_bytes(), &keys).unwrap_err();
    assert!(matches!(&error, CheckpointError::BadSignature { name } if name == NAME), "{error}");
    // One that holds does not excuse one that does not.
    let both = format!("{note}{}\n", other.sign(&[&signing]).unwrap().lines().last().unwrap());
    assert!(matches!(Checkpoint::open(both.as_bytes(), &keys), Err(CheckpointError::BadSignature { .. })));
}

#[test]
fn a_key_signs_its_own_log_only() {
    let signing = key(NAME, 1);
    for origin in ["other.example", "venue.example/journals", "", "venue.example/journal/1\n2"] {
        let foreign = Checkpoint { origin: origin.to_owned(), ..checkpoint() };
        assert!(matches!(foreign.sign(&[&signing]), Err(CheckpointError::OriginNotOfKey { .. })), "{origin:?}");
    }
    assert!(matches!(checkpoint().sign(&[]), Err(CheckpointError::NotSigned { .. })));
    // A listed key of another log does not speak for this one, though its signature holds.
    let witness = key("witness.example", 3);
    let text = checkpoint().text();
    let id = witness.verifier_key().to_string().split('+').nth(1).unwrap().to_owned();
    let mut bytes = u32::from_str_radix(&id, 16).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(&ed25519_dalek::SigningKey::from_bytes(&[3; 32]).sign(text.as_bytes()).to_bytes());
    let note = format!("{text}\n\u{2014} witness.example {}\n", BASE64.encode(bytes));
    let error = Checkpoint::open(note.as_bytes(), &[witness.verifier_key().clone()]).unwrap_err();
    assert!(
        matches!(&error, CheckpointError::OriginNotOfKey { names, .. } if names == &["witness.example"]),
        "{error}"
    );
}

#[test]
fn a_note_that_does_not_read_is_refused_by_line() {
    let keys = [key(NAME, 1).verifier_key().clone()];
    let note = checkpoint().sign(&[&key(NAME, 1)]).unwrap();
    let line_of = |note: &str| match Checkpoint::open(note.as_bytes(), &keys) {
        Err(CheckpointError::Line { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line_of(""), 1);
    assert_eq!(line_of(&note.replace("11", "1\t")), 2);
    assert_eq!(line_of(note.trim_end()), 5);
    assert_eq!(line_of(&note.replace('\u{2014}', "-")), 5);
    assert_eq!(line_of(&format!("{note}\u{2014} x\n")), 6);
    assert_eq!(line_of(&format!("{note}\u{2014} x AA==\n")), 6);
    assert_eq!(line_of(&format!("{note}{}", "\u{2014} x AAAAAAAA\n".repeat(64))), 70);
    let long = vec![b'a'; CHECKPOINT_BYTES_MAX + 1];
    assert!(matches!(Checkpoint::open(&long, &keys), Err(CheckpointError::TooLong { .. })));
}

#[test]
fn the_seed_is_never_printed_and_its_file_is_checked() {
    let path = std::env::temp_dir().join(format!("tiderace-seed-{}", std::process::id()));
    let load = || SigningKey::from_seed_file(NAME, &path);
    assert!(matches!(load(), Err(CheckpointError::SeedFile { .. })));
    for len in [0, 31, 33] {
        write_private(&path, &vec![0xab; len], 0o600);
        assert!(matches!(load(), Err(CheckpointError::SeedLength { .. })), "{len}");
    }
    write_private(&path, &[0xab; 32], 0o600);
    let loaded = load().unwrap();
    assert_eq!(loaded.verifier_key(), key(NAME, 0xab).verifier_key());
    let shown = format!("{loaded:?} {loaded:#?}").to_lowercase();
    assert!(!shown.contains("abab") && !shown.contains("171, 171"), "{shown}");
    #[cfg(unix)]
    {
        write_private(&path, &[0xab; 32], 0o644);
        let error = load().unwrap_err();
        assert!(
            matches!(error, CheckpointError::SeedOpen { mode: 0o644, .. }) && error.to_string().contains("chmod 600")
        );
    }
    std::fs::remove_file(&path).unwrap();
    for name in ["", "a b", "a+b", "a\nb"] {
        let seed = Zeroizing::new([1; 32]);
        assert!(matches!(SigningKey::from_seed(name, &seed), Err(CheckpointError::KeyName { .. })));
    }
}

fn write_private(path: &PathBuf, bytes: &[u8], mode: u32) {
    std::fs::write(path, bytes).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let _ = mode;
}

#[test]
fn every_record_of_every_checkpoint_is_proved_with_file_and_key_alone() {
    let signing = key(NAME, 1);
    let keys = [signing.verifier_key().clone()];
    let tree = tree();
    for size in 1..=11_u64 {
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: tree.root(size).unwrap() };
        let note = checkpoint.sign(&[&signing]).unwrap();
        for (index, record) in (0..size).zip(records()) {
            let file = prove(&tree, index, &record, &note, &keys).unwrap();
            let proven = verify(file.as_bytes(), &keys).unwrap();
            assert_eq!((proven.record, proven.index, proven.checkpoint), (record, index, checkpoint.clone()));
            assert_eq!(proven.signers, keys);
        }
    }
}

/// Goal: nothing in a proof file can be changed unseen. Method: each bit of record, index, path and checkpoint in turn,
/// each cut, and each byte too many at the end.
#[test]
fn a_flipped_bit_anywhere_in_a_proof_or_a_checkpoint_is_refused() {
    let signing = key(NAME, 1);
    let keys = [signing.verifier_key().clone()];
    let note = checkpoint().sign(&[&signing]).unwrap();
    let proof = prove(&tree(), 6, &records()[6], &note, &keys).unwrap();
    let flips = |text: &str| {
        let bytes = text.as_bytes().to_vec();
        (0..bytes.len() * 8).map(move |bit| {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        })
    };
    for bytes in flips(&note) {
        assert!(Checkpoint::open(&bytes, &keys).is_err(), "{:?}", String::from_utf8_lossy(&bytes));
    }
    for bytes in flips(&proof) {
        assert!(verify(&bytes, &keys).is_err(), "{:?}", String::from_utf8_lossy(&bytes));
    }
    for cut in 0..proof.len() {
        assert!(verify(&proof.as_bytes()[..cut], &keys).is_err(), "cut at {cut}");
    }
    for more in 0..=u8::MAX {
        assert!(verify(&[proof.as_bytes(), &[more]].concat(), &keys).is_err(), "{more} at the end");
    }
}

#[test]
fn a_proof_is_made_of_what_the_tree_holds_only() {
    let signing = key(NAME, 1);
    let keys = [signing.verifier_key().clone()];
    let (tree, records) = (tree(), records());
    let note = checkpoint().sign(&[&signing]).unwrap();
    let make = |index, record: &[u8], note: &str| prove(&tree, index, record, note, &keys);
    assert!(matches!(make(6, &records[5], &note), Err(ProofError::RecordDiffers { index: 6 })));
    assert!(matches!(make(11, &records[6], &note), Err(ProofError::Path(MerkleError::IndexBeyondSize { .. }))));
    let beyond = Checkpoint { size: 12, ..checkpoint() }.sign(&[&signing]).unwrap();
    assert!(matches!(make(6, &records[6], &beyond), Err(ProofError::Path(MerkleError::SizeBeyondTree { .. }))));
    let foreign = Checkpoint { root: [1; 32], ..checkpoint() }.sign(&[&signing]).unwrap();
    assert!(matches!(make(6, &records[6], &foreign), Err(ProofError::Path(MerkleError::RootDiffers { size: 11 }))));
    assert!(matches!(make(6, &records[6], "no note"), Err(ProofError::Checkpoint(_))));
    let early = Checkpoint { size: 5, root: tree.root(5).unwrap(), ..checkpoint() }.sign(&[&signing]).unwrap();
    assert!(matches!(make(6, &records[6], &early), Err(ProofError::Path(MerkleError::IndexBeyondSize { .. }))));
}

#[test]
fn a_proof_that_does_not_read_is_refused_by_line() {
    let signing = key(NAME, 1);
    let keys = [signing.verifier_key().clone()];
    let note = checkpoint().sign(&[&signing]).unwrap();
    let line_of = |head: &str| match verify(format!("{head}\n{note}").as_bytes(), &keys) {
        Err(ProofError::Line { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line_of("c2sp.org/tlog-proof@v2\nindex 1\n"), 1);
    assert_eq!(line_of(&format!("{PROOF_MARK}\nindex 1\n")), 2);
    assert_eq!(line_of(&format!("{PROOF_MARK}\nextra A\nindex 1\n")), 2);
    assert_eq!(line_of(&format!("{PROOF_MARK}\nextra AAAA\nindex 01\n")), 3);
    assert_eq!(line_of(&format!("{PROOF_MARK}\nextra AAAA\nindex +1\n")), 3);
    assert_eq!(line_of(&format!("{PROOF_MARK}\nextra AAAA\nindex 1\nAAAA\n")), 4);
    let hashes = format!("{}=\n", "A".repeat(43)).repeat(65);
    assert_eq!(line_of(&format!("{PROOF_MARK}\nextra AAAA\nindex 1\n{hashes}")), 68);
}
