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
