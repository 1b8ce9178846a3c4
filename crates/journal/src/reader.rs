//! Reading: batch by batch, everything checked before it is handed out.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::batch::{Batch, len_u64};
use crate::format::{self, BATCH_HEADER_LEN, BODY_BYTES_MAX, BatchHeader, FILE_HEADER_LEN, FILE_MAGIC};
use crate::{JournalError, locate};

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
        let batch = Batch::in_file(offset, header, body);
        self.next_seq = batch.check(seq).map_err(|wrong| JournalError::Damaged {
            offset: wrong.offset,
            len: wrong.len,
            seq: wrong.seq,
            check: wrong.check,
            byte: wrong.byte,
        })?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&header.to_bytes());
        hasher.update(batch.body());
        self.prev_hash = *hasher.finalize().as_bytes();
        self.next_batch = self.next_batch.saturating_add(1);
        self.offset = offset.saturating_add(len_u64(BATCH_HEADER_LEN)).saturating_add(len_u64(body_len));
        Ok(Some(batch))
    }
}

/// Reads `len` bytes, or fewer where the file ends before.
fn read_up_to(file: &mut impl Read, len: usize) -> Result<Vec<u8>, std::io::Error> {
    let mut bytes = Vec::new();
    file.take(len_u64(len)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
