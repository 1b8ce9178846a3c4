//! Writing batches into one segment, one write each.

use std::path::{Path, PathBuf};

use crate::JournalError;
use crate::batch::len_u64;
use crate::format::{BatchHeader, RECORD_HEADER_LEN, RecordHeader, SEGMENT_BATCH_HEADER_LEN};
use crate::fs::FileHandle;
use crate::sector;
use crate::segment::{self, SECTOR, SegmentHeader};

/// A batch that is being gathered: room for its header, and its records.
pub(crate) struct Pending {
    bytes: Vec<u8>,
    pub(crate) records: u32,
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; SEGMENT_BATCH_HEADER_LEN], records: 0 }
    }

    /// Bytes of the batch, header included.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a record, where the batch stays within `max` bytes with it.
    pub(crate) fn push(&mut self, header: RecordHeader, payload: &[u8], max: usize) -> Result<(), JournalError> {
        let after = self.bytes.len().saturating_add(RECORD_HEADER_LEN).saturating_add(payload.len());
        let too_large = JournalError::RecordTooLarge { len: payload.len() };
        let Some(len) = u32::try_from(payload.len()).ok().filter(|_| after <= max) else { return Err(too_large) };
        RecordHeader { len, ..header }.put(payload, &mut self.bytes);
        self.records = self.records.saturating_add(1);
        Ok(())
    }
}

/// A segment and the place in it where the next batch goes.
pub(crate) struct SegmentWriter {
    pub(crate) header: SegmentHeader,
    pub(crate) path: PathBuf,
    pub(crate) file: Box<dyn FileHandle>,
    pub(crate) offset: u64,
    pub(crate) batch: u64,
    pub(crate) root: [u8; 32],
    sectors: Vec<u8>,
}

impl SegmentWriter {
    /// A segment that was just begun.
    pub(crate) fn begun((header, path, file): (SegmentHeader, PathBuf, Box<dyn FileHandle>)) -> Self {
        Self::at(header, path, file, header.start(), header.first_batch, header.prev_root)
    }

    /// A segment that holds batches already.
    pub(crate) fn at(
        header: SegmentHeader,
        path: PathBuf,
        file: Box<dyn FileHandle>,
        offset: u64,
        batch: u64,
        root: [u8; 32],
    ) -> Self {
        Self { header, path, file, offset, batch, root, sectors: Vec::new() }
    }

    /// Whether a batch has room, with `free` bytes left behind it.
    pub(crate) fn fits(&self, pending: &Pending, free: u64) -> bool {
        segment::batch_end(self.offset, pending.len()).saturating_add(free) <= self.header.len
    }

    /// Writes a batch, and empties it. All records below `durable_seq` are durable.
    pub(crate) fn write(
        &mut self,
        pending: &mut Pending,
        first_seq: u64,
        outputs_digest: [u8; 32],
        durable_seq: u64,
    ) -> Result<(), JournalError> {
        let body_len = pending.len().saturating_sub(SEGMENT_BATCH_HEADER_LEN);
        let header = BatchHeader {
            body_len: u32::try_from(body_len).map_err(|_| JournalError::RecordTooLarge { len: body_len })?,
            records: pending.records,
            first_seq,
            batch: self.batch,
            prev_hash: self.root,
            outputs_digest,
            durable_seq: Some(durable_seq),
        };
        if let Some(head) = pending.bytes.get_mut(..SEGMENT_BATCH_HEADER_LEN) {
            head.copy_from_slice(&header.to_bytes());
        }
        let number = self.header.number;
        self.sectors.clear();
        sector::put_batch(number, self.offset / SECTOR, self.batch, &pending.bytes, &mut self.sectors);
        // The rest of the page is written as it is, so that the page need not be read first.
        let end = self.offset.saturating_add(len_u64(self.sectors.len()));
        let next = self.header.align_up(end);
        sector::put_fill(number, end / SECTOR, next.saturating_sub(end) / SECTOR, &mut self.sectors);
        self.file.write_at(self.offset, &self.sectors).map_err(JournalError::io(&self.path, "writing the journal"))?;
        self.root = *blake3::hash(&pending.bytes).as_bytes();
        self.offset = next;
        self.batch = self.batch.saturating_add(1);
        pending.bytes.truncate(SEGMENT_BATCH_HEADER_LEN);
        pending.records = 0;
        Ok(())
    }

    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        sync(self.file.as_ref(), &self.path)
    }
}

pub(crate) fn sync(file: &dyn FileHandle, path: &Path) -> Result<(), JournalError> {
    file.sync_data().map_err(JournalError::io(path, "syncing the journal"))
}
