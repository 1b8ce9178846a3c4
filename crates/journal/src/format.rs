//! The bytes of a journal file, layout version 1. All integers little-endian, no padding.
//!
//! ```text
//! file    magic "TIDERACE"  version u32  crc32c u32 (of the 12 bytes before)
//! batch   magic "TRB1" ("TRB2" in a segment)  crc32c u32 (of the rest of this header)  body_len u32  records u32  first_seq u64  batch u64
//!         prev_hash [32]  (BLAKE3 of the batch before, header and body; zero in the first)
//!         outputs_digest [32]  (BLAKE3 of all outputs before this batch)
//!         durable_seq u64  (in "TRB2" only: every record below it was durable before this batch was written)
//! record  len u32 (payload)  kind u16  zero u16  seq u64  ts i64  outputs_crc u32 (CRC32C of all outputs before)
//!         crc32c u32 (of the 28 bytes before and the payload)  payload
//! ```

use crate::locate;

/// Layout version that this build reads and writes.
pub const VERSION: u32 = 1;
/// First bytes of a file.
pub const FILE_MAGIC: [u8; 8] = *b"TIDERACE";
/// Bytes of the file header.
pub const FILE_HEADER_LEN: usize = 16;
/// First bytes of a batch.
pub const BATCH_MAGIC: [u8; 4] = *b"TRB1";
/// First bytes of a batch in a segment.
pub const SEGMENT_BATCH_MAGIC: [u8; 4] = *b"TRB2";
/// Bytes of a batch header.
pub const BATCH_HEADER_LEN: usize = 96;
/// Bytes of a batch header in a segment.
pub const SEGMENT_BATCH_HEADER_LEN: usize = BATCH_HEADER_LEN + 8;
/// Bytes of a record header.
pub const RECORD_HEADER_LEN: usize = 32;
/// A batch is closed when its body reaches this.
pub const BATCH_BYTES_TARGET: usize = 64 * 1024;
/// The largest payload of one record (a genesis with the hashes of a large recording is the largest there is).
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The largest body of a batch.
pub const BODY_BYTES_MAX: usize = BATCH_BYTES_TARGET + PAYLOAD_BYTES_MAX + RECORD_HEADER_LEN;

/// A batch header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Bytes of the records that follow.
    pub body_len: u32,
    /// Number of records.
    pub records: u32,
    /// Sequence of the first record.
    pub first_seq: u64,
    /// Number of this batch, from zero.
    pub batch: u64,
    /// Hash of the batch before.
    pub prev_hash: [u8; 32],
    /// Digest of all outputs before this batch.
    pub outputs_digest: [u8; 32],
    /// Every record below it was durable before this batch was written; only a batch in a segment says so.
    pub durable_seq: Option<u64>,
}

impl BatchHeader {
    /// The header's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut rest = Vec::with_capacity(SEGMENT_BATCH_HEADER_LEN);
        rest.extend_from_slice(&self.body_len.to_le_bytes());
        rest.extend_from_slice(&self.records.to_le_bytes());
        rest.extend_from_slice(&self.first_seq.to_le_bytes());
        rest.extend_from_slice(&self.batch.to_le_bytes());
        rest.extend_from_slice(&self.prev_hash);
        rest.extend_from_slice(&self.outputs_digest);
        let magic = match self.durable_seq {
            None => BATCH_MAGIC,
            Some(durable_seq) => {
                rest.extend_from_slice(&durable_seq.to_le_bytes());
                SEGMENT_BATCH_MAGIC
            }
        };
        let mut bytes = Vec::with_capacity(SEGMENT_BATCH_HEADER_LEN);
        bytes.extend_from_slice(&magic);
        bytes.extend_from_slice(&crc32c::crc32c(&rest).to_le_bytes());
        bytes.extend_from_slice(&rest);
        bytes
    }

    /// Which byte of a header changed, where a single one explains it.
    pub(crate) fn changed_byte(bytes: &[u8; BATCH_HEADER_LEN]) -> Option<usize> {
        let (magic, mut rest) = bytes.split_first_chunk::<4>()?;
        let stored = u32::from_le_bytes(take(&mut rest)?);
        let at = |at: usize| {
            if at < rest.len() { at.saturating_add(8) } else { at.saturating_sub(rest.len()).saturating_add(4) }
        };
        match magic.iter().zip(&BATCH_MAGIC).position(|(got, wanted)| got != wanted) {
            Some(at) => Some(at),
            None => locate::changed_byte(rest.len(), crc32c::crc32c(rest), stored).map(at),
        }
    }

    /// Reads the header of a batch in a file of its own; `None` when magic or CRC do not hold.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; BATCH_HEADER_LEN]) -> Option<Self> {
        let mut rest = checked(bytes, BATCH_MAGIC)?;
        Self::take(&mut rest)
    }

    /// Reads the header of a batch in a segment; `None` when magic or CRC do not hold.
    #[must_use]
    pub fn from_segment_bytes(bytes: &[u8; SEGMENT_BATCH_HEADER_LEN]) -> Option<Self> {
        let mut rest = checked(bytes, SEGMENT_BATCH_MAGIC)?;
        let header = Self::take(&mut rest)?;
        Some(Self { durable_seq: Some(u64::from_le_bytes(take(&mut rest)?)), ..header })
    }

    fn take(rest: &mut &[u8]) -> Option<Self> {
        Some(Self {
            body_len: u32::from_le_bytes(take(rest)?),
            records: u32::from_le_bytes(take(rest)?),
            first_seq: u64::from_le_bytes(take(rest)?),
            batch: u64::from_le_bytes(take(rest)?),
            prev_hash: take(rest)?,
            outputs_digest: take(rest)?,
            durable_seq: None,
        })
    }
}

/// What follows magic and CRC, where both hold.
fn checked(bytes: &[u8], magic: [u8; 4]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(&magic)?;
    let crc = u32::from_le_bytes(take(&mut rest)?);
    (crc32c::crc32c(rest) == crc).then_some(rest)
}

/// A record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Bytes of the payload.
    pub len: u32,
    /// Kind of the payload.
    pub kind: u16,
    /// Sequence.
    pub seq: u64,
    /// Time, UTC nanoseconds.
    pub ts: i64,
    /// CRC32C of all outputs before this record was applied.
    pub outputs_crc: u32,
}

impl RecordHeader {
    /// Appends header and payload, with their CRC.
    pub fn put(&self, payload: &[u8], out: &mut Vec<u8>) {
        let mut head = [0; RECORD_HEADER_LEN - 4];
        let parts: [&[u8]; 6] = [
            &self.len.to_le_bytes(),
            &self.kind.to_le_bytes(),
            &[0, 0],
            &self.seq.to_le_bytes(),
            &self.ts.to_le_bytes(),
            &self.outputs_crc.to_le_bytes(),
        ];
        let mut rest: &mut [u8] = &mut head;
        for part in parts {
            let (to, tail) = rest.split_at_mut(part.len());
            to.copy_from_slice(part);
            rest = tail;
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(&head), payload);
        out.extend_from_slice(&head);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(payload);
    }

    /// Which byte changed of the record at the front of `bytes`, where a single one explains it.
    pub(crate) fn changed_byte(bytes: &[u8]) -> Option<usize> {
        Self::changed_beside_len(bytes).or_else(|| Self::changed_in_len(bytes))
    }

    /// The length still tells where the record ends.
    fn changed_beside_len(bytes: &[u8]) -> Option<usize> {
        let (covered, tail) = bytes.split_at_checked(RECORD_HEADER_LEN - 4)?;
        let (mut len, mut rest) = (covered, tail);
        let len = usize::try_from(u32::from_le_bytes(take(&mut len)?)).ok()?;
        let stored = u32::from_le_bytes(take(&mut rest)?);
        let payload = rest.get(..len)?;
        let computed = crc32c::crc32c_append(crc32c::crc32c(covered), payload);
        let at = locate::changed_byte(covered.len().saturating_add(len), computed, stored)?;
        // The CRC stands between header and payload.
        Some(if at < covered.len() {
            at
        } else if at < covered.len().saturating_add(len) {
            at.saturating_add(4)
        } else {
            at.saturating_sub(len)
        })
    }

    /// The length itself changed: with the right one the record holds.
    fn changed_in_len(bytes: &[u8]) -> Option<usize> {
        let mut bytes = bytes.to_vec();
        for at in 0..4 {
            let got = *bytes.get(at)?;
            for wanted in 0..=u8::MAX {
                *bytes.get_mut(at)? = wanted;
                if wanted != got && Self::take(&mut bytes.as_slice()).is_some() {
                    return Some(at);
                }
            }
            *bytes.get_mut(at)? = got;
        }
        None
    }

    /// Reads a header and its payload from the front of `bytes`; `None` when they are not whole, the CRC does not hold,
    /// or a byte that this layout keeps at zero is not: it would mean something to a later layout.
    #[must_use]
    pub fn take<'a>(bytes: &mut &'a [u8]) -> Option<(Self, &'a [u8])> {
        let covered = bytes.get(..RECORD_HEADER_LEN - 4)?;
        let mut rest = *bytes;
        let (header, payload, crc) = Self::take_unchecked(&mut rest)?;
        if crc32c::crc32c_append(crc32c::crc32c(covered), payload) != crc || !has_zero(covered) {
            return None;
        }
        *bytes = rest;
        Some((header, payload))
    }

    /// Which check the record at the front of `bytes`, which [`RecordHeader::take`] refuses, does not pass.
    pub(crate) fn failed_check(bytes: &[u8]) -> &'static str {
        let mut rest = bytes;
        let holds = bytes.get(..RECORD_HEADER_LEN - 4).is_some_and(|covered| {
            Self::take_unchecked(&mut rest)
                .is_some_and(|(_, payload, crc)| crc32c::crc32c_append(crc32c::crc32c(covered), payload) == crc)
        });
        if holds { "the zero of the record" } else { "the CRC of the record" }
    }

    /// The same, and the CRC that was stored, which the caller has checked before.
    pub(crate) fn take_unchecked<'a>(bytes: &mut &'a [u8]) -> Option<(Self, &'a [u8], u32)> {
        let (mut rest, tail) = bytes.split_at_checked(RECORD_HEADER_LEN)?;
        let len = u32::from_le_bytes(take(&mut rest)?);
        let kind = u16::from_le_bytes(take(&mut rest)?);
        let _zero: [u8; 2] = take(&mut rest)?;
        let seq = u64::from_le_bytes(take(&mut rest)?);
        let ts = i64::from_le_bytes(take(&mut rest)?);
        let outputs_crc = u32::from_le_bytes(take(&mut rest)?);
        let crc = u32::from_le_bytes(take(&mut rest)?);
        let (payload, tail) = tail.split_at_checked(usize::try_from(len).ok()?)?;
        *bytes = tail;
        Some((Self { len, kind, seq, ts, outputs_crc }, payload, crc))
    }
}

/// Whether the bytes of a record header that are kept at zero are so.
fn has_zero(header: &[u8]) -> bool {
    header.get(6..8) == Some(&[0, 0])
}

/// The file header's bytes.
#[must_use]
pub fn file_header() -> Vec<u8> {
    let mut bytes = FILE_MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// Takes `N` bytes from the front.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = bytes.split_first_chunk::<N>()?;
    *bytes = tail;
    Some(*head)
}
