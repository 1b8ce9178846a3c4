//! What stands behind a place in a log: read only where the chain ends, to tell a torn tail from damage.
//!
//! The chain ends at a place for one of two reasons. Either nothing durable was ever there: then no later header, of
//! batch or segment, says that anything from here on was durable, and every sector is a written or an unwritten one.
//! Or something was lost: then a sector is neither, or a later header's durable mark lies above the place.

use std::path::{Path, PathBuf};

use crate::JournalError;
use crate::batch::len_u64;
use crate::format::{BatchHeader, SEGMENT_BATCH_HEADER_LEN};
use crate::fs::{FileHandle, FileSystem};
use crate::sector::{self, SECTOR_LEN, Sector};
use crate::segment::{self, Named, SECTOR, SegmentHeader};

/// Bytes read at once.
pub(crate) const CHUNK: u64 = 1024 * 1024;

/// What was found from a place on.
#[derive(Default)]
pub(crate) struct Survey {
    /// First sector that is neither written nor unwritten, and what is wrong there.
    pub(crate) changed: Option<(PathBuf, u64, &'static str)>,
    /// Highest durable mark of any header.
    pub(crate) durable_seq: u64,
    /// End (exclusive) of the batch that begins at the sequence asked about.
    own_end: Option<u64>,
    /// First sequence above the one asked about at which a batch or segment begins.
    next_first: Option<u64>,
    /// End (exclusive) of the last batch.
    end: Option<u64>,
    /// End in the first file of what is not unwritten.
    pub(crate) used_end: Option<u64>,
    /// Whether anything at all was written.
    pub(crate) has_written: bool,
}

impl Survey {
    /// Looks at everything from `offset` of the first of `segments` on; `seq` is the sequence expected there.
    pub(crate) fn take(fs: &dyn FileSystem, segments: &[Named], offset: u64, seq: u64) -> Result<Self, JournalError> {
        let mut survey = Self::default();
        let mut start = offset;
        for (at, named) in segments.iter().enumerate() {
            let path = named.path.as_path();
            let file = fs.open(path).map_err(JournalError::io(path, "opening a segment"))?;
            let len = file.file_len().map_err(JournalError::io(path, "reading the journal"))?;
            survey.sectors(file.as_ref(), named, (start, len), seq, at == 0)?;
            match SegmentHeader::from_sector(&segment::read_at(file.as_ref(), path, 0, SECTOR)?) {
                Some(header) => {
                    if at > 0 {
                        survey.begins(seq, header.first_seq);
                        survey.durable_seq = survey.durable_seq.max(header.durable_seq);
                    }
                    if header.len != len {
                        survey.changed(path, header.len.min(len), "the length of the segment");
                    }
                }
                None => survey.changed(path, 0, "the header of the segment"),
            }
            start = 0;
        }
        Ok(survey)
    }

    fn changed(&mut self, path: &Path, offset: u64, check: &'static str) {
        self.changed.get_or_insert_with(|| (path.to_owned(), offset, check));
    }

    fn begins(&mut self, seq: u64, first_seq: u64) {
        if first_seq > seq {
            self.next_first = Some(self.next_first.map_or(first_seq, |first| first.min(first_seq)));
        }
    }

    fn sectors(
        &mut self,
        file: &dyn FileHandle,
        named: &Named,
        (start, end): (u64, u64),
        seq: u64,
        is_first: bool,
    ) -> Result<(), JournalError> {
        let mut offset = start;
        while offset < end {
            let bytes = segment::read_at(file, &named.path, offset, CHUNK.min(end.saturating_sub(offset)))?;
            if bytes.is_empty() {
                break;
            }
            for sector in bytes.chunks(SECTOR_LEN) {
                self.sector(named, offset, sector, seq, is_first);
                offset = offset.saturating_add(len_u64(sector.len()));
            }
        }
        Ok(())
    }

    fn sector(&mut self, named: &Named, offset: u64, bytes: &[u8], seq: u64, is_first: bool) {
        match sector::read(named.number, offset / SECTOR, bytes) {
            Sector::Unwritten => return,
            Sector::Unfinished => {}
            Sector::Changed => self.changed(&named.path, offset, "the stamp of a sector"),
            Sector::Written { tag, data } => {
                self.has_written = true;
                if sector::is_first(tag) {
                    self.header(named, offset, data, seq);
                }
            }
        }
        self.has_written = true;
        if is_first {
            self.used_end = Some(offset.saturating_add(SECTOR));
        }
    }

    fn header(&mut self, named: &Named, offset: u64, data: &[u8], seq: u64) {
        let header = data.first_chunk::<SEGMENT_BATCH_HEADER_LEN>().and_then(BatchHeader::from_segment_bytes);
        let Some(header) = header else {
            return self.changed(&named.path, offset, "the CRC of the batch header");
        };
        let end = header.first_seq.saturating_add(u64::from(header.records));
        self.durable_seq = self.durable_seq.max(header.durable_seq.unwrap_or(0));
        self.end = self.end.max(Some(end));
        self.begins(seq, header.first_seq);
        if header.first_seq == seq {
            self.own_end = Some(end);
        }
    }

    /// Last sequence that is lost with what stands at `seq`.
    pub(crate) fn last_lost(&self, seq: u64) -> Option<u64> {
        let durable = Some(self.durable_seq).filter(|durable| *durable > seq);
        self.next_first.or(self.own_end).or(durable).and_then(|end| end.checked_sub(1))
    }

    /// Last sequence that any header speaks of.
    pub(crate) fn end_seq(&self) -> Option<u64> {
        self.end.max(self.next_first).and_then(|end| end.checked_sub(1))
    }
}
