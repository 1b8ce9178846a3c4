//! Segments: the files of a log, layout version 2. All integers little-endian, no padding.
//!
//! ```text
//! name     first_seq (20 digits) "-" number (8 digits) ".seg"
//! file     sectors (see [`crate::sector`]), len / 512 of them, filled with unwritten ones and synced before its first use
//! header   sector 0, data: magic "TIDESEG2"  number u64  first_seq u64  first_batch u64
//!          prev_root [32]  (chain hash of the last batch of the segment before; zero in the first)
//!          durable_seq u64  (every record below it was durable when the segment was begun)
//!          len u64  (of the file)  align u32  (batches begin at multiples of it: 4096 or 512)
//! batches  from `align` on, each from the next multiple of `align` behind the one before: header "TRB2" and records as
//!          in [`crate::format`], cut into the data of consecutive sectors, the last one filled up with zeros
//! ```
//!
//! The hash of a batch covers its header and records without stamps, as in a journal of one file. With `align` 4096
//! (mode `disk`) no page that holds a durable batch is ever written again; with 512 (mode `os`) small batches cost less.
//! A segment is made under a name ending in `.tmp`, filled, headed, synced, renamed, and its folder synced: under its
//! own name it always has a header.

use std::path::{Path, PathBuf};

use crate::JournalError;
use crate::batch::len_u64;
use crate::format::take;
use crate::fs::{FileHandle, FileSystem};
use crate::sector::{self, SECTOR_LEN, Sector};

/// First bytes of a segment's header.
pub const SEGMENT_MAGIC: [u8; 8] = *b"TIDESEG2";
/// Alignment of batches where each is synced for itself: the page of the operating system and the block of most disks.
pub(crate) const ALIGN_DISK: u32 = 4096;
/// Alignment of batches where the operating system writes them when it likes.
pub(crate) const ALIGN_OS: u32 = 512;
/// Bytes of a sector, for offsets.
pub(crate) const SECTOR: u64 = 512;
/// Bytes filled with one write.
const FILL_BYTES: u64 = 1024 * 1024;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Number of the segment, from zero.
    pub number: u64,
    /// Sequence of its first record.
    pub first_seq: u64,
    /// Number of its first batch.
    pub first_batch: u64,
    /// Chain hash of the batch before its first.
    pub prev_root: [u8; 32],
    /// Every record below it was durable when the segment was begun.
    pub durable_seq: u64,
    /// Bytes of the file.
    pub len: u64,
    /// Batches begin at multiples of it.
    pub align: u32,
}

impl SegmentHeader {
    /// The header's data.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = SEGMENT_MAGIC.to_vec();
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first_seq.to_le_bytes());
        bytes.extend_from_slice(&self.first_batch.to_le_bytes());
        bytes.extend_from_slice(&self.prev_root);
        bytes.extend_from_slice(&self.durable_seq.to_le_bytes());
        bytes.extend_from_slice(&self.len.to_le_bytes());
        bytes.extend_from_slice(&self.align.to_le_bytes());
        bytes
    }

    /// Reads the sector that holds a header; `None` where it does not.
    #[must_use]
    pub fn from_sector(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&SEGMENT_MAGIC)?;
        let header = Self {
            number: u64::from_le_bytes(take(&mut rest)?),
            first_seq: u64::from_le_bytes(take(&mut rest)?),
            first_batch: u64::from_le_bytes(take(&mut rest)?),
            prev_root: take(&mut rest)?,
            durable_seq: u64::from_le_bytes(take(&mut rest)?),
            len: u64::from_le_bytes(take(&mut rest)?),
            align: u32::from_le_bytes(take(&mut rest)?),
        };
        let is_header =
            matches!(sector::read(header.number, 0, bytes), Sector::Written { tag: sector::TAG_HEADER, .. });
        (is_header && (header.align == ALIGN_DISK || header.align == ALIGN_OS)).then_some(header)
    }

    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{:020}-{:08}.seg", self.first_seq, self.number)
    }

    /// Where its first batch begins.
    pub(crate) fn start(&self) -> u64 {
        u64::from(self.align)
    }

    /// The next place at or behind `offset` where a batch may begin.
    pub(crate) fn align_up(&self, offset: u64) -> u64 {
        offset.checked_next_multiple_of(u64::from(self.align)).unwrap_or(u64::MAX)
    }
}

/// A segment as its name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) path: PathBuf,
    pub(crate) first_seq: u64,
    pub(crate) number: u64,
}

/// The segments of a folder in order.
pub(crate) fn list(fs: &dyn FileSystem, dir: &Path) -> Result<Vec<Named>, JournalError> {
    let mut segments: Vec<Named> = fs
        .list(dir)
        .map_err(JournalError::io(dir, "listing the journal"))?
        .into_iter()
        .filter_map(|path| {
            let (first_seq, number) = path.file_name()?.to_str()?.strip_suffix(".seg")?.split_once('-')?;
            let (first_seq, number) = (first_seq.parse().ok()?, number.parse().ok()?);
            Some(Named { path, first_seq, number })
        })
        .collect();
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
}

/// A file filled with unwritten sectors, synced, not yet a segment.
pub struct Spare {
    pub(crate) number: u64,
    pub(crate) len: u64,
    pub(crate) path: PathBuf,
    file: Box<dyn FileHandle>,
}

/// Makes the file of segment `number` under a name ending in `.tmp`, of `len` bytes or the next multiple of 4096. It takes a while: do it ahead.
///
/// # Errors
/// [`JournalError::Io`], also where there is no space.
pub(crate) fn prepare(fs: &dyn FileSystem, path: PathBuf, number: u64, len: u64) -> Result<Spare, JournalError> {
    let len = len.checked_next_multiple_of(u64::from(ALIGN_DISK)).unwrap_or(len);
    let file = fs.create(&path).map_err(JournalError::io(&path, "creating a segment"))?;
    fill(file.as_ref(), number, 0, len).map_err(JournalError::io(&path, "filling a segment"))?;
    file.sync_data().map_err(JournalError::io(&path, "syncing a segment"))?;
    Ok(Spare { number, len, path, file })
}

/// Writes unwritten sectors over the bytes from `start` to `end`.
pub(crate) fn fill(file: &dyn FileHandle, number: u64, start: u64, end: u64) -> Result<(), std::io::Error> {
    let mut bytes = Vec::new();
    let mut offset = start;
    while offset < end {
        let len = FILL_BYTES.min(end.saturating_sub(offset));
        bytes.clear();
        sector::put_fill(number, offset / SECTOR, len / SECTOR, &mut bytes);
        file.write_at(offset, &bytes)?;
        offset = offset.saturating_add(len);
    }
    Ok(())
}

impl Spare {
    /// Makes a segment of it: header, sync, rename, sync of the folder. `header` gives all but number and length.
    pub(crate) fn begin(
        self,
        fs: &dyn FileSystem,
        dir: &Path,
        name: &str,
        header: SegmentHeader,
    ) -> Result<(SegmentHeader, PathBuf, Box<dyn FileHandle>), JournalError> {
        let header = SegmentHeader { number: self.number, len: self.len, ..header };
        let mut bytes = Vec::with_capacity(SECTOR_LEN);
        sector::put_header(header.number, &header.to_bytes(), &mut bytes);
        self.file.write_at(0, &bytes).map_err(JournalError::io(&self.path, "writing a segment"))?;
        self.file.sync_data().map_err(JournalError::io(&self.path, "syncing a segment"))?;
        let path = dir.join(name);
        fs.rename(&self.path, &path).map_err(JournalError::io(&path, "naming a segment"))?;
        fs.sync_dir(dir).map_err(JournalError::io(dir, "syncing the folder"))?;
        Ok((header, path, self.file))
    }
}

/// Reads `len` bytes at `offset`, or fewer where the file ends before.
pub(crate) fn read_at(file: &dyn FileHandle, path: &Path, offset: u64, len: u64) -> Result<Vec<u8>, JournalError> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    let read = file.read_at(offset, &mut bytes).map_err(JournalError::io(path, "reading the journal"))?;
    bytes.truncate(read);
    Ok(bytes)
}

/// The end in the file of a batch of `len` bytes that begins at `offset`: whole sectors.
pub(crate) fn batch_end(offset: u64, len: usize) -> u64 {
    let sectors = len_u64(len).div_ceil(len_u64(sector::DATA_LEN));
    offset.saturating_add(sectors.saturating_mul(SECTOR))
}
