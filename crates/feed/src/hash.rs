//! The hash of a file as stored: one BLAKE3 hash per MiB, so that a changed byte is not only found but placed.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes under one hash.
pub const CHUNK_LEN: usize = 1 << 20;

/// A file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHash {
    /// Path as it was given.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3 of each MiB, the last one shorter.
    pub chunks: Vec<[u8; 32]>,
}

/// Why a file is not the one that was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashError {
    /// The file cannot be read.
    Unreadable {
        /// Path.
        file: String,
        /// What the system says.
        error: std::io::ErrorKind,
    },
    /// The length changed.
    Length {
        /// Path.
        file: String,
        /// Bytes when it was hashed.
        wanted: u64,
        /// Bytes now.
        got: u64,
    },
    /// A MiB changed.
    Chunk {
        /// Path.
        file: String,
        /// First MiB that differs, from 0.
        mib: usize,
    },
}

impl core::fmt::Display for HashError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(f, "{file} cannot be read ({error}): check the path and its rights")
            }
            Self::Length { file, wanted, got } => {
                write!(f, "{file} has {got} bytes, it had {wanted} when it was used: restore the original file")
            }
            Self::Chunk { file, mib } => write!(
                f,
                "{file} differs from what was used, first within MiB {mib} (bytes {} to {}): restore the original file",
                mib.saturating_mul(CHUNK_LEN),
                mib.saturating_add(1).saturating_mul(CHUNK_LEN).saturating_sub(1)
            ),
        }
    }
}

impl std::error::Error for HashError {}

impl FileHash {
    /// Hashes bytes already in memory, as the content of `file`.
    #[must_use]
    pub fn of_bytes(file: &str, bytes: &[u8]) -> Self {
        let chunks = bytes.chunks(CHUNK_LEN).map(|chunk| *blake3::hash(chunk).as_bytes()).collect();
        Self { file: file.to_owned(), bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX), chunks }
    }

    /// Hashes a file, one MiB in memory at a time.
    ///
    /// # Errors
    /// [`HashError::Unreadable`].
    pub fn of_file(path: &Path) -> Result<Self, HashError> {
        let file = path.display().to_string();
        let unreadable = |error: std::io::Error| HashError::Unreadable { file: file.clone(), error: error.kind() };
        let mut source = File::open(path).map_err(unreadable)?;
        let (mut bytes, mut chunks, mut chunk) = (0_u64, Vec::new(), Vec::with_capacity(CHUNK_LEN));
        let limit = u64::try_from(CHUNK_LEN).unwrap_or(u64::MAX);
        loop {
            chunk.clear();
            let got = source.by_ref().take(limit).read_to_end(&mut chunk).map_err(unreadable)?;
            if got == 0 {
                return Ok(Self { file: file.clone(), bytes, chunks });
            }
            bytes = bytes.saturating_add(u64::try_from(got).unwrap_or(u64::MAX));
            chunks.push(*blake3::hash(&chunk).as_bytes());
        }
    }

    /// Compares the file now at `path` with this hash.
    ///
    /// # Errors
    /// [`HashError`]; where both length and content differ, the first MiB that differs is named.
    pub fn verify(&self, path: &Path) -> Result<(), HashError> {
        let now = Self::of_file(path)?;
        let is_same = |(mine, other): (&[u8; 32], &[u8; 32])| mine == other;
        let common = self.chunks.iter().zip(&now.chunks);
        match common.clone().position(|pair| !is_same(pair)) {
            Some(mib) => Err(HashError::Chunk { file: now.file, mib }),
            None if self.bytes != now.bytes => {
                Err(HashError::Length { file: now.file, wanted: self.bytes, got: now.bytes })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_named_by_its_mib() {
        let path = std::env::temp_dir().join(format!("tiderace-hash-{}", std::process::id()));
        let mut bytes = vec![7_u8; CHUNK_LEN * 2 + 10];
        std::fs::write(&path, &bytes).unwrap();
        let hash = FileHash::of_file(&path).unwrap();
        assert_eq!(hash, FileHash::of_bytes(&path.display().to_string(), &bytes));
        assert_eq!(hash.chunks.len(), 3);
        assert_eq!(hash.verify(&path), Ok(()));

        bytes[CHUNK_LEN] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(hash.verify(&path), Err(HashError::Chunk { mib: 1, .. })));

        bytes[CHUNK_LEN] ^= 1;
        bytes.truncate(CHUNK_LEN);
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(hash.verify(&path), Err(HashError::Length { got, .. }) if got == 1 << 20));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(hash.verify(&path), Err(HashError::Unreadable { .. })));
    }
}
