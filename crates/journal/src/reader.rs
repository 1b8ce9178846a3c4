//! Reading: batch by batch, everything checked before it is handed out.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::format::{self, BATCH_HEADER_LEN, BODY_BYTES_MAX, BatchHeader, FILE_HEADER_LEN, FILE_MAGIC, RecordHeader};
use crate::{JournalError, locate};

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
    body: Vec<u8>,
}

impl Batch {
    /// The records in order. Their checks were made when the batch was read.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut rest = self.body.as_slice();
        let body_start = self.offset.saturating_add(len_u64(BATCH_HEADER_LEN));
        core::iter::from_fn(move || {
            let offset = body_start.saturating_add(len_u64(self.body.len().saturating_sub(rest.len())));
            RecordHeader::take(&mut rest).map(|(header, payload)| Record { offset, header, payload })
        })
    }
}

/// How a file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With a whole batch.
    Whole,
    /// With a batch that was cut short while it was written, from this offset on. What is before it holds.
    Torn {
        /// First byte of the batch that is not whole.
        offset: u64,
    },
}

/// Reads a journal file from its start.
pub struct Reader {
    file: BufReader<File>,
    path: PathBuf,
    offset: u64,
    next_seq: u64,
    next_batch: u64,
    prev_hash: [u8; 32],
    tail: Tail,
}

impl Reader {
    /// Opens a journal and checks its header.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let io = |doing| move |error| JournalError::Io { path: path.to_owned(), doing, error };
        let mut file = BufReader::new(File::open(path).map_err(io("opening the journal"))?);
        let head = read_up_to(&mut file, FILE_HEADER_LEN).map_err(io("reading the journal"))?;
        let Some(rest) = head.strip_prefix(&FILE_MAGIC) else { return Err(JournalError::NotAJournal) };
        let (mut version, mut crc) = rest.split_at_checked(4).ok_or(JournalError::NotAJournal)?;
        let version = format::take(&mut version).map(u32::from_le_bytes).ok_or(JournalError::NotAJournal)?;
        let crc = format::take(&mut crc).map(u32::from_le_bytes).ok_or(JournalError::NotAJournal)?;
        let covered = head.get(..FILE_HEADER_LEN - 4).unwrap_or_default();
        if crc32c::crc32c(covered) != crc {
            let len = len_u64(FILE_HEADER_LEN);
            let byte = locate::changed_byte(covered.len(), crc32c::crc32c(covered), crc).map(len_u64);
            return Err(JournalError::Damaged { offset: 0, len, seq: 0, check: "the CRC of the file header", byte });
        }
        if version != format::VERSION {
            return Err(JournalError::UnknownVersion { version });
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            offset: len_u64(FILE_HEADER_LEN),
            next_seq: 0,
            next_batch: 0,
            prev_hash: [0; 32],
            tail: Tail::Whole,
        })
    }

    /// How the file ended, once [`Reader::next_batch`] has returned `None`.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail
    }

    /// Hash of the last batch read: the root of the chain so far.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        self.prev_hash
    }

    /// The next whole batch; `None` at the end of the file or at a torn tail.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with the offset of what does not hold, [`JournalError::Io`].
    pub fn next_batch(&mut self) -> Result<Option<Batch>, JournalError> {
        let path = self.path.clone();
        let io = |error| JournalError::Io { path: path.clone(), doing: "reading the journal", error };
        let offset = self.offset;
        let seq = self.next_seq;
        let damaged = |check, byte: Option<usize>| JournalError::Damaged {
            offset,
            len: len_u64(BATCH_HEADER_LEN),
            seq,
            check,
            byte: byte.map(|byte| offset.saturating_add(len_u64(byte))),
        };
        let head = read_up_to(&mut self.file, BATCH_HEADER_LEN).map_err(io)?;
        if head.is_empty() {
            return Ok(None);
        }
        let Some(header) = head.first_chunk::<BATCH_HEADER_LEN>() else {
            // A write cut short still begins like a batch; anything else was put there by somebody.
            if let Some(byte) = head.iter().zip(&format::BATCH_MAGIC).position(|(got, wanted)| got != wanted) {
                return Err(damaged("the mark of a batch", Some(byte)));
            }
            self.tail = Tail::Torn { offset };
            return Ok(None);
        };
        let header = BatchHeader::from_bytes(header)
            .ok_or_else(|| damaged("the CRC of the batch header", BatchHeader::changed_byte(header)))?;
        let body_len = usize::try_from(header.body_len).unwrap_or(usize::MAX);
        if body_len > BODY_BYTES_MAX {
            return Err(damaged("the limit of a batch", None));
        }
        if header.prev_hash != self.prev_hash || header.batch != self.next_batch || header.first_seq != seq {
            return Err(damaged("the chain to the batch before", None));
        }
        let body = read_up_to(&mut self.file, body_len).map_err(io)?;
        if body.len() < body_len {
            self.tail = Tail::Torn { offset };
            return Ok(None);
        }
        let batch = Batch { offset, header, body };
        self.check_records(&batch)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&header.to_bytes());
        hasher.update(&batch.body);
        self.prev_hash = *hasher.finalize().as_bytes();
        self.next_batch = self.next_batch.saturating_add(1);
        self.offset = offset.saturating_add(len_u64(BATCH_HEADER_LEN)).saturating_add(len_u64(body_len));
        Ok(Some(batch))
    }

    fn check_records(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let mut end = batch.offset.saturating_add(len_u64(BATCH_HEADER_LEN));
        let mut count = 0_u32;
        for record in batch.records() {
            if record.header.seq != self.next_seq {
                return Err(JournalError::Damaged {
                    offset: record.offset,
                    len: len_u64(format::RECORD_HEADER_LEN),
                    seq: self.next_seq,
                    check: "the order of sequences",
                    byte: None,
                });
            }
            self.next_seq = self.next_seq.saturating_add(1);
            count = count.saturating_add(1);
            let len = len_u64(format::RECORD_HEADER_LEN).saturating_add(u64::from(record.header.len));
            end = record.offset.saturating_add(len);
        }
        let batch_end =
            batch.offset.saturating_add(len_u64(BATCH_HEADER_LEN)).saturating_add(u64::from(batch.header.body_len));
        if end != batch_end || count != batch.header.records {
            let body_start = batch.offset.saturating_add(len_u64(BATCH_HEADER_LEN));
            let at = usize::try_from(end.saturating_sub(body_start)).unwrap_or(usize::MAX);
            let byte = RecordHeader::changed_byte(batch.body.get(at..).unwrap_or_default());
            return Err(JournalError::Damaged {
                offset: end,
                len: batch_end.saturating_sub(end),
                seq: self.next_seq,
                check: "the CRC of the record",
                byte: byte.map(|byte| end.saturating_add(len_u64(byte))),
            });
        }
        Ok(())
    }
}

fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Reads `len` bytes, or fewer where the file ends before.
fn read_up_to(file: &mut impl Read, len: usize) -> Result<Vec<u8>, std::io::Error> {
    let mut bytes = Vec::new();
    file.take(len_u64(len)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
