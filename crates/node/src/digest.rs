//! The digest of all outputs, chained batch by batch so that a snapshot can hold it and a replay can go on from there.
//!
//! `root(n + 1) = BLAKE3(root(n), outputs of batch n)`, each output as sequence, time, kind and bytes; `root(0)` is zero.
//! A batch in the journal carries the root behind all batches before it, and each record the CRC32C of all outputs
//! before it.

use tiderace_types::Ts;
use tiderace_types::venue::Event;

/// Root, CRC, and the outputs of the batch that is open.
#[derive(Clone, Default)]
pub struct ChainedOutputs {
    root: [u8; 32],
    crc: u32,
    open: Vec<u8>,
}

impl ChainedOutputs {
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

    /// Takes in one output.
    pub fn push(&mut self, seq: u64, ts: Ts, event: &Event) {
        let start = self.open.len();
        self.open.extend_from_slice(&seq.to_le_bytes());
        self.open.extend_from_slice(&ts.get().to_le_bytes());
        self.open.extend_from_slice(&event.kind().to_le_bytes());
        event.encode(&mut self.open);
        self.crc = crc32c::crc32c_append(self.crc, self.open.get(start..).unwrap_or_default());
    }

    /// CRC32C of all outputs so far.
    #[must_use]
    pub const fn crc(&self) -> u32 {
        self.crc
    }

    /// Ends the batch. Returns the root, with its outputs in it.
    pub fn close(&mut self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.root);
        hasher.update(&self.open);
        self.root = *hasher.finalize().as_bytes();
        self.open.clear();
        self.root
    }
}
