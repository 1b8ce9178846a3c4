//! A batch that was read: its records, the checks on them, and where each byte of it stands in its file.

use crate::format::{BATCH_HEADER_LEN, BatchHeader, RECORD_HEADER_LEN, RecordHeader, SEGMENT_BATCH_HEADER_LEN};
use crate::sector::{DATA_LEN, SECTOR_LEN};

/// One record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// First byte of its header in the file.
    pub offset: u64,
    /// Its header.
    pub header: RecordHeader,
    /// Its payload.
    pub payload: &'a [u8],
}

/// A whole batch whose checks hold.
#[derive(Clone, Debug)]
pub struct Batch {
    /// First byte of its header in the file.
    pub offset: u64,
    /// Its header.
    pub header: BatchHeader,
    bytes: Vec<u8>,
    body_start: usize,
}

/// A record that is not what was written.
pub(crate) struct WrongRecord {
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) seq: u64,
    pub(crate) check: &'static str,
    pub(crate) byte: Option<u64>,
}

impl Batch {
    /// A batch that stands in a file of its own, byte behind byte; `body` is what follows its header.
    pub(crate) fn in_file(offset: u64, header: BatchHeader, body: Vec<u8>) -> Self {
        Self { offset, header, bytes: body, body_start: 0 }
    }

    /// A batch that stands in the sectors of a segment; `bytes` is the whole of it without stamps.
    pub(crate) fn in_segment(offset: u64, header: BatchHeader, bytes: Vec<u8>) -> Self {
        Self { offset, header, bytes, body_start: SEGMENT_BATCH_HEADER_LEN }
    }

    /// Its records as bytes.
    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(self.body_start..).unwrap_or_default()
    }

    /// The records in order. Their checks were made when the batch was read.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut rest = self.body();
        core::iter::from_fn(move || {
            let offset = self.offset_of(rest);
            RecordHeader::take_unchecked(&mut rest).map(|(header, payload, _)| Record { offset, header, payload })
        })
    }

    /// Where the first byte of `rest`, which is the end of the body, stands in the file.
    fn offset_of(&self, rest: &[u8]) -> u64 {
        let at = self.bytes.len().saturating_sub(rest.len());
        let at = if self.body_start == 0 {
            at.saturating_add(BATCH_HEADER_LEN)
        } else {
            (at / DATA_LEN).saturating_mul(SECTOR_LEN).saturating_add(at % DATA_LEN)
        };
        self.offset.saturating_add(len_u64(at))
    }

    /// Checks every record: its CRC, its sequence from `next_seq` on, their number. Returns the sequence behind them.
    pub(crate) fn check(&self, mut next_seq: u64) -> Result<u64, WrongRecord> {
        let mut rest = self.body();
        let mut count = 0_u32;
        while !rest.is_empty() {
            let record = rest;
            let Some((header, _)) = RecordHeader::take(&mut rest) else { break };
            if header.seq != next_seq {
                return Err(WrongRecord {
                    offset: self.offset_of(record),
                    len: len_u64(RECORD_HEADER_LEN),
                    seq: next_seq,
                    check: "the order of sequences",
                    byte: None,
                });
            }
            next_seq = next_seq.saturating_add(1);
            count = count.saturating_add(1);
        }
        if rest.is_empty() && count == self.header.records {
            return Ok(next_seq);
        }
        let changed = RecordHeader::changed_byte(rest).and_then(|at| rest.get(at..));
        Err(WrongRecord {
            offset: self.offset_of(rest),
            len: len_u64(rest.len()),
            seq: next_seq,
            check: RecordHeader::failed_check(rest),
            byte: changed.map(|rest| self.offset_of(rest)),
        })
    }
}

pub(crate) fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
