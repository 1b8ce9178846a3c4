//! The digest of everything that came out: what two runs must agree on.

/// Running BLAKE3 and CRC32C over outputs, each as (seq, ts, kind, payload); a kind has one length.
#[derive(Clone)]
pub struct OutputsDigest {
    hasher: blake3::Hasher,
    crc: u32,
    buffer: Vec<u8>,
    count: u64,
}

/// BLAKE3 works on 1 KiB blocks at once; small outputs are gathered until there are some of them.
const BUFFER_BYTES: usize = 16 * 1024;

impl Default for OutputsDigest {
    fn default() -> Self {
        Self { hasher: blake3::Hasher::new(), crc: 0, buffer: Vec::with_capacity(2 * BUFFER_BYTES), count: 0 }
    }
}

impl OutputsDigest {
    /// Takes in one output, whose payload `encode` appends to the buffer that it is given.
    pub fn push(&mut self, seq: u64, ts: i64, kind: u16, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&seq.to_le_bytes());
        self.buffer.extend_from_slice(&ts.to_le_bytes());
        self.buffer.extend_from_slice(&kind.to_le_bytes());
        encode(&mut self.buffer);
        let pushed = self.buffer.get(start..).unwrap_or_default();
        self.crc = crc32c::crc32c_append(self.crc, pushed);
        self.count = self.count.saturating_add(1);
        if self.buffer.len() >= BUFFER_BYTES {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.hasher.update(&self.buffer);
        self.buffer.clear();
    }

    /// CRC32C of all outputs so far.
    #[must_use]
    pub fn crc(&self) -> u32 {
        self.crc
    }

    /// Number of outputs so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// BLAKE3 of all outputs so far.
    #[must_use]
    pub fn digest(&mut self) -> [u8; 32] {
        self.settle();
        *self.hasher.finalize().as_bytes()
    }
}

/// The same chained batch by batch, so that a snapshot can hold it and a replay can go on from there.
///
/// `root(n + 1) = BLAKE3(root(n), outputs of batch n)`, and `root(n)` again where batch `n` had none; `root(0)` is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainedDigest {
    root: [u8; 32],
    crc: u32,
    open: Vec<u8>,
}

impl ChainedDigest {
    /// Takes in one output, whose payload `encode` appends to the buffer that it is given.
    pub fn push(&mut self, seq: u64, ts: i64, kind: u16, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.open.len();
        self.open.extend_from_slice(&seq.to_le_bytes());
        self.open.extend_from_slice(&ts.to_le_bytes());
        self.open.extend_from_slice(&kind.to_le_bytes());
        encode(&mut self.open);
        self.crc = crc32c::crc32c_append(self.crc, self.open.get(start..).unwrap_or_default());
    }

    /// CRC32C of all outputs so far.
    #[must_use]
    pub const fn crc(&self) -> u32 {
        self.crc
    }

    /// The root with the outputs of the open batch in it.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        if self.open.is_empty() {
            return self.root;
        }
        *blake3::Hasher::new().update(&self.root).update(&self.open).finalize().as_bytes()
    }

    /// Ends the open batch. Returns the root, with its outputs in it.
    pub fn close(&mut self) -> [u8; 32] {
        self.root = self.root();
        self.open.clear();
        self.root
    }

    /// Appends its bytes: root, CRC, length of the open outputs (u64), the open outputs.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.root);
        out.extend_from_slice(&self.crc.to_le_bytes());
        out.extend_from_slice(&u64::try_from(self.open.len()).unwrap_or(u64::MAX).to_le_bytes());
        out.extend_from_slice(&self.open);
    }

    /// Takes it from the front of `bytes`; `None` where they are too few.
    #[must_use]
    pub fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (root, rest) = bytes.split_first_chunk::<32>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk::<8>()?;
        let (open, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
        *bytes = rest;
        Some(Self { root: *root, crc: u32::from_le_bytes(*crc), open: open.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_that_was_encoded_goes_on_as_the_one_that_was_not() {
        let mut whole = ChainedDigest::default();
        for seq in 0..10 {
            whole.push(seq, 5, 7, |bytes| bytes.extend_from_slice(b"tide"));
            if seq % 3 == 0 {
                whole.close();
            }
            let mut bytes = Vec::new();
            whole.encode(&mut bytes);
            assert_eq!(ChainedDigest::take(&mut bytes.as_slice()), Some(whole.clone()));
            for cut in 0..bytes.len() {
                assert_eq!(ChainedDigest::take(&mut &bytes[..cut]), None);
            }
        }
        let root = whole.close();
        assert_eq!((whole.close(), whole.root()), (root, root), "a batch without outputs changes nothing");
    }
}
