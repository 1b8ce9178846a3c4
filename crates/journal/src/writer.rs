//! Writing: records gather in a batch; a closed batch goes to the operating system in one write.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::JournalError;
use crate::format::{self, BATCH_BYTES_TARGET, BatchHeader, PAYLOAD_BYTES_MAX, RecordHeader};

/// Appends records to a new journal file.
pub struct Writer {
    file: File,
    path: PathBuf,
    body: Vec<u8>,
    records: u32,
    first_seq: u64,
    next_seq: u64,
    batch: u64,
    prev_hash: [u8; 32],
    bytes: u64,
}

impl Writer {
    /// Creates the file and writes its header.
    ///
    /// # Errors
    /// [`JournalError::Io`], also where the file is there already.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let io = |doing| move |error| JournalError::Io { path: path.to_owned(), doing, error };
        let mut file = File::options().write(true).create_new(true).open(path).map_err(io("creating the journal"))?;
        let header = format::file_header();
        file.write_all(&header).map_err(io("writing the journal"))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            body: Vec::with_capacity(BATCH_BYTES_TARGET * 2),
            records: 0,
            first_seq: 0,
            next_seq: 0,
            batch: 0,
            prev_hash: [0; 32],
            bytes: u64::try_from(header.len()).unwrap_or(0),
        })
    }

    /// Sequence that the next record gets.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Batches written so far.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.batch
    }

    /// Bytes written so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the open batch is large enough to be closed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.body.len() >= BATCH_BYTES_TARGET
    }

    /// Whether the open batch holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Appends a record to the open batch. Returns its sequence.
    ///
    /// # Errors
    /// [`JournalError::RecordTooLarge`].
    pub fn append(&mut self, kind: u16, ts: i64, outputs_crc: u32, payload: &[u8]) -> Result<u64, JournalError> {
        let too_large = JournalError::RecordTooLarge { len: payload.len() };
        let Some(len) = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= PAYLOAD_BYTES_MAX) else {
            return Err(too_large);
        };
        let seq = self.next_seq;
        RecordHeader { len, kind, seq, ts, outputs_crc }.put(payload, &mut self.body);
        self.next_seq = seq.saturating_add(1);
        self.records = self.records.saturating_add(1);
        Ok(seq)
    }

    /// Closes the open batch, if it holds anything, and hands it to the operating system.
    /// `outputs_digest` is that of all outputs before the first record of the batch.
    ///
    /// # Errors
    /// [`JournalError::Io`]; the journal takes no more after that.
    pub fn close_batch(&mut self, outputs_digest: [u8; 32]) -> Result<(), JournalError> {
        if self.records == 0 {
            return Ok(());
        }
        let header = BatchHeader {
            body_len: u32::try_from(self.body.len())
                .map_err(|_| JournalError::RecordTooLarge { len: self.body.len() })?,
            records: self.records,
            first_seq: self.first_seq,
            batch: self.batch,
            prev_hash: self.prev_hash,
            outputs_digest,
            durable_seq: None,
        }
        .to_bytes();
        let io = |error| JournalError::Io { path: self.path.clone(), doing: "writing the journal", error };
        let mut whole = header;
        whole.append(&mut self.body);
        self.file.write_all(&whole).map_err(io)?;
        self.bytes = self.bytes.saturating_add(u64::try_from(whole.len()).unwrap_or(0));
        self.prev_hash = *blake3::hash(&whole).as_bytes();
        self.records = 0;
        self.first_seq = self.next_seq;
        self.batch = self.batch.saturating_add(1);
        Ok(())
    }

    /// Closes the last batch and makes the file durable.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn finish(mut self, outputs_digest: [u8; 32]) -> Result<[u8; 32], JournalError> {
        self.close_batch(outputs_digest)?;
        let io = |error| JournalError::Io { path: self.path.clone(), doing: "syncing the journal", error };
        self.file.sync_all().map_err(io)?;
        Ok(self.prev_hash)
    }
}
