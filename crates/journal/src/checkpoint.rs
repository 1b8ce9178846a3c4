//! Signed checkpoints: who says that a segment's tree has this size and this root.
//!
//! The form is C2SP's `tlog-checkpoint` in a `signed-note`, signed with Ed25519 (signature type 1), so that outside
//! tools and witnesses can read it:
//!
//! ```text
//! venue.example/journal/00000017        origin: the key's name, or a path beneath it; one origin a tree
//! 20852163                              leaves
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2...   root, base64
//!
//! — venue.example/journal Az3grlgt...   key name, base64(key id || signature) of the text above the blank line
//! ```
//!
//! # Keys
//!
//! The signing key is a file of 32 random bytes that the configuration names; nobody but its owner and group may read
//! it. Its bytes are never printed and are wiped from memory after use. Outsiders hold the verifier key, one line:
//! `name+id+base64key`.
//!
//! # Rotation
//!
//! 1. Make the new seed file; publish its verifier key. Verifiers **add** it to their list and keep the old line.
//! 2. For a while sign with both keys: a checkpoint carries one line a key, and a verifier that knows either is served.
//! 3. Sign with the new key alone and destroy the old seed. Its verifier key stays in the lists for good: checkpoints and
//!    proofs that it signed are still out there. After a theft it is struck from the lists instead, and the segments
//!    that it signed are signed anew.
//!
//! # Refused
//!
//! A note that no listed key signed, or that a listed key seems to have signed but did not; an origin that is not the
//! key's; extension lines (we write none, and no one audits them). Signatures of keys that are not listed are passed
//! over, as the form demands. No secret is ever compared: what is compared here, the attacker has in hand.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::merkle::Hash;

/// Bytes of a seed file.
pub const SEED_LEN: usize = 32;
/// The longest checkpoint that is read.
pub const CHECKPOINT_BYTES_MAX: usize = 256 * 1024;
/// Signature lines that are read at most; the form asks for 16 at least.
pub const SIGNATURES_MAX: usize = 64;

const ED25519: u8 = 1;
const SIGNATURE_MARK: &str = "\u{2014} ";
const KEY_ID_LEN: usize = 4;

/// Why a key or a checkpoint was refused.
#[derive(Debug)]
pub enum CheckpointError {
    /// The seed file could not be read.
    SeedFile {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        error: std::io::Error,
    },
    /// The seed file is not of 32 bytes.
    SeedLength {
        /// The file.
        path: PathBuf,
    },
    /// Everybody on the machine may read the seed file.
    SeedOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key name is empty, or holds a space, a plus or a control character.
    KeyName {
        /// The name.
        name: String,
    },
    /// A verifier key does not read.
    VerifierKey {
        /// The line.
        line: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The origin is not the name of the key nor a path beneath it.
    OriginNotOfKey {
        /// The origin.
        origin: String,
        /// The names of the keys that signed.
        names: Vec<String>,
    },
    /// The checkpoint is longer than is read.
    TooLong {
        /// Its bytes.
        len: usize,
    },
    /// A line of a checkpoint does not read.
    Line {
        /// Its number, from 1.
        line: usize,
        /// What it must be.
        rule: &'static str,
    },
    /// None of the signatures is by a listed key.
    NotSigned {
        /// The names of the listed keys.
        names: Vec<String>,
    },
    /// A signature carries the name and id of a listed key but is not by it.
    BadSignature {
        /// The key's name.
        name: String,
    },
}

impl core::fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::SeedFile { path, error } => {
                write!(
                    f,
                    "{}: reading the signing key failed: {error}; name a file of {SEED_LEN} bytes",
                    path.display()
                )
            }
            Self::SeedLength { path } => write!(
                f,
                "{}: a signing key is exactly {SEED_LEN} raw bytes; make one with: head -c {SEED_LEN} /dev/urandom",
                path.display()
            ),
            Self::SeedOpen { path, mode } => write!(
                f,
                "{}: mode {mode:03o} lets everybody read the signing key; run: chmod 600 {}",
                path.display(),
                path.display()
            ),
            Self::KeyName { name } => write!(
                f,
                "{name:?}: a key name is not empty and holds no space, plus or control character; use one like \
                 venue.example/journal"
            ),
            Self::VerifierKey { line, rule } => {
                write!(f, "{line:?}: {rule}; copy the line name+id+base64key as the log publishes it")
            }
            Self::OriginNotOfKey { origin, names } => write!(
                f,
                "origin {origin:?} is not the name of a key that signed ({}) nor a path beneath it; sign each log with its \
                 own key",
                names.join(", ")
            ),
            Self::TooLong { len } => {
                write!(f, "a checkpoint of {len} bytes is above the limit of {CHECKPOINT_BYTES_MAX}; name a checkpoint")
            }
            Self::Line { line, rule } => {
                write!(f, "line {line}: {rule}; ask the log for the checkpoint anew")
            }
            Self::NotSigned { names } => write!(
                f,
                "none of the signatures is by a listed key ({}); list the verifier key of the log, old ones too",
                names.join(", ")
            ),
            Self::BadSignature { name } => write!(
                f,
                "the signature by {name} does not hold for this text; what is shown is not what was signed: do not use it"
            ),
        }
    }
}

impl std::error::Error for CheckpointError {}

/// A key that signs checkpoints. Its seed is wiped when it is dropped, and no way of printing shows it.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    verifier: VerifierKey,
}

impl core::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SigningKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The key `name` of a seed.
    ///
    /// # Errors
    /// [`CheckpointError::KeyName`].
    pub fn from_seed(name: &str, seed: &Zeroizing<[u8; SEED_LEN]>) -> Result<Self, CheckpointError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, key.verifying_key())?;
        Ok(Self { key, verifier })
    }

    /// The key `name` whose seed is in a file of 32 raw bytes.
    ///
    /// # Errors
    /// [`CheckpointError::SeedFile`], [`CheckpointError::SeedLength`], [`CheckpointError::SeedOpen`],
    /// [`CheckpointError::KeyName`].
    pub fn from_seed_file(name: &str, path: &Path) -> Result<Self, CheckpointError> {
        let failed = |error| CheckpointError::SeedFile { path: path.to_owned(), error };
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        check_mode(path, &about)?;
        if about.len() != u64::try_from(SEED_LEN).unwrap_or(u64::MAX) {
            return Err(CheckpointError::SeedLength { path: path.to_owned() });
        }
        let mut seed = Zeroizing::new([0; SEED_LEN]);
        file.read_exact(seed.as_mut_slice()).map_err(failed)?;
        Self::from_seed(name, &seed)
    }

    /// What outsiders check its signatures with.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    fn line(&self, text: &str) -> String {
        let mut signature = self.verifier.id.to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{SIGNATURE_MARK}{} {}\n", self.verifier.name, BASE64.encode(signature))
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, about: &std::fs::Metadata) -> Result<(), CheckpointError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o007 == 0 { Ok(()) } else { Err(CheckpointError::SeedOpen { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _about: &std::fs::Metadata) -> Result<(), CheckpointError> {
    Ok(())
}

/// The public half of a key: `name+id+base64key` in print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; KEY_ID_LEN],
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    fn new(name: &str, key: ed25519_dalek::VerifyingKey) -> Result<Self, CheckpointError> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(CheckpointError::KeyName { name: name.to_owned() });
        }
        let digest = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key).finalize();
        let id = digest.first_chunk().copied().unwrap_or_default();
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The keys of a list: one a line; empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`CheckpointError::VerifierKey`], [`CheckpointError::KeyName`].
    pub fn parse_list(text: &str) -> Result<Vec<Self>, CheckpointError> {
        let is_key = |line: &&str| !line.is_empty() && !line.starts_with('#');
        text.lines().map(str::trim).filter(is_key).map(str::parse).collect()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `signature` is this key's signature of `text`.
    #[must_use]
    pub fn is_signed(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        // Strict: of all ways to write a signature only one is taken, so that no bit of it can be changed unseen.
        self.key.verify_strict(text, &Signature::from_bytes(signature)).is_ok()
    }

    fn names_origin(&self, origin: &str) -> bool {
        origin.strip_prefix(&self.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl core::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), BASE64.encode(key))
    }
}

impl core::str::FromStr for VerifierKey {
    type Err = CheckpointError;

    fn from_str(line: &str) -> Result<Self, CheckpointError> {
        let bad = |rule| CheckpointError::VerifierKey { line: line.to_owned(), rule };
        let (name, rest) = line.split_once('+').ok_or_else(|| bad("a verifier key is name+id+base64key"))?;
        let (id, key) = rest.split_once('+').ok_or_else(|| bad("a verifier key is name+id+base64key"))?;
        let key = BASE64.decode(key).map_err(|_| bad("the key must be base64"))?;
        let Some((&ED25519, key)) = key.split_first() else { return Err(bad("the key must be of type 1, Ed25519")) };
        let key = key.try_into().map_err(|_| bad("an Ed25519 key is 32 bytes"))?;
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| bad("the key is not a point of the curve"))?;
        // A weak key would accept one signature for many texts.
        if key.is_weak() {
            return Err(bad("the key is weak"));
        }
        let key = Self::new(name, key)?;
        if key.to_string() != line {
            return Err(bad(if id.len() == 2 * KEY_ID_LEN {
                "the id does not belong to this name and key"
            } else {
                "the id is 8 hexadecimal digits"
            }));
        }
        Ok(key)
    }
}

/// The size and root of a segment's tree at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: the key's name, or a path beneath it. One origin names one tree for good.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// A checkpoint that a listed key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The listed keys that signed it.
    pub signers: Vec<VerifierKey>,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    /// The checkpoint with a signature line of each key: one, or the old and the new one while a key is rotated.
    ///
    /// The caller never signs, for one origin, two checkpoints that no consistency proof joins.
    ///
    /// # Errors
    /// [`CheckpointError::OriginNotOfKey`] when the origin is not each key's; [`CheckpointError::NotSigned`] without keys.
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<String, CheckpointError> {
        let names = || keys.iter().map(|key| key.verifier.name.clone()).collect();
        if keys.is_empty() {
            return Err(CheckpointError::NotSigned { names: names() });
        }
        let is_line = !self.origin.contains(char::is_control);
        if !is_line || !keys.iter().all(|key| key.verifier.names_origin(&self.origin)) {
            return Err(CheckpointError::OriginNotOfKey { origin: self.origin.clone(), names: names() });
        }
        let text = self.text();
        let lines: String = keys.iter().map(|key| key.line(&text)).collect();
        Ok(format!("{text}\n{lines}"))
    }

    /// Reads a signed checkpoint and checks its signatures against the listed keys.
    ///
    /// # Errors
    /// [`CheckpointError`]; what it holds must not be looked at then.
    pub fn open(note: &[u8], keys: &[VerifierKey]) -> Result<Signed, CheckpointError> {
        let (text, lines) = split(note)?;
        let mut signers: Vec<VerifierKey> = Vec::new();
        let first_line = text.lines().count().saturating_add(2);
        for (number, line) in (first_line..).zip(lines.split_terminator('\n')) {
            let (name, id, signature) = signature_line(number, line)?;
            let Some(key) = keys.iter().find(|key| key.name == name && key.id == id) else { continue };
            let is_signed = signature.as_slice().try_into().is_ok_and(|bytes| key.is_signed(text.as_bytes(), bytes));
            if !is_signed {
                return Err(CheckpointError::BadSignature { name: key.name.clone() });
            }
            if !signers.contains(key) {
                signers.push(key.clone());
            }
        }
        if signers.is_empty() {
            return Err(CheckpointError::NotSigned { names: keys.iter().map(|key| key.name.clone()).collect() });
        }
        let checkpoint = Self::from_text(text)?;
        if !signers.iter().any(|key| key.names_origin(&checkpoint.origin)) {
            let names = signers.into_iter().map(|key| key.name).collect();
            return Err(CheckpointError::OriginNotOfKey { origin: checkpoint.origin, names });
        }
        Ok(Signed { checkpoint, signers })
    }

    /// What a checkpoint says, whoever signed it: to compare it with what the journal holds, not to believe it.
    pub(crate) fn read_unsigned(note: &[u8]) -> Result<Self, CheckpointError> {
        Self::from_text(split(note)?.0)
    }

    fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let bad = |line, rule| CheckpointError::Line { line, rule };
        let mut lines = text.split_terminator('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty());
        let origin = origin.ok_or_else(|| bad(1, "the origin must not be empty"))?.to_owned();
        let size = lines.next().and_then(decimal);
        let size = size.ok_or_else(|| bad(2, "the size must be a decimal number without leading zeroes"))?;
        let root = lines.next().and_then(hash);
        let root = root.ok_or_else(|| bad(3, "the root must be 32 bytes in base64"))?;
        if lines.next().is_some() {
            return Err(bad(4, "a checkpoint has three lines of text and no extension"));
        }
        Ok(Self { origin, size, root })
    }
}

/// The text, with its last newline, and the signature lines.
fn split(note: &[u8]) -> Result<(&str, &str), CheckpointError> {
    if note.len() > CHECKPOINT_BYTES_MAX {
        return Err(CheckpointError::TooLong { len: note.len() });
    }
    let bad = |at: usize, rule| {
        let before = note.get(..at).unwrap_or_default();
        CheckpointError::Line { line: before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1), rule }
    };
    let all = core::str::from_utf8(note).map_err(|error| bad(error.valid_up_to(), "the text must be UTF-8"))?;
    if let Some(at) = all.bytes().position(|byte| byte < b' ' && byte != b'\n') {
        return Err(bad(at, "the text must hold no control character"));
    }
    // The last blank line parts text and signatures; the text keeps its newline.
    let at = all.rfind("\n\n").ok_or_else(|| bad(note.len(), "a blank line must part text and signatures"))?;
    let (text, rest) = all.split_at(at.saturating_add(1));
    let lines = rest.strip_prefix('\n').unwrap_or_default();
    let count = lines.bytes().filter(|byte| *byte == b'\n').count();
    if !lines.ends_with('\n') {
        return Err(bad(note.len(), "a signature line must follow and end with a newline"));
    }
    if count > SIGNATURES_MAX {
        return Err(bad(note.len(), "there must be no more than 64 signatures"));
    }
    Ok((text, lines))
}

type SignatureLine<'a> = (&'a str, [u8; KEY_ID_LEN], Vec<u8>);

fn signature_line(number: usize, line: &str) -> Result<SignatureLine<'_>, CheckpointError> {
    let bad = |rule| CheckpointError::Line { line: number, rule };
    let rest = line.strip_prefix(SIGNATURE_MARK).ok_or_else(|| bad("a signature line must begin with an em dash"))?;
    let (name, rest) = rest.split_once(' ').ok_or_else(|| bad("a signature line must have a name and a signature"))?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
        return Err(bad("a key name must not be empty nor hold a space or a plus"));
    }
    let bytes = BASE64.decode(rest).map_err(|_| bad("a signature must be base64"))?;
    let (id, signature) = bytes.split_first_chunk().ok_or_else(|| bad("a signature must hold a key id"))?;
    Ok((name, *id, signature.to_vec()))
}

/// A decimal number as the forms write it: digits only, no leading zero.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

/// A hash in base64.
pub(crate) fn hash(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}
