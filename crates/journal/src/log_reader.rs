//! Reading a log: batch by batch over its segments, everything checked before it is handed out.
//!
//! Where the chain ends, what stands behind it is surveyed: a torn tail ends the reading, damage is an error that names
//! segment, offset and the sequences lost. A change in the unwritten space between and behind batches harms nothing: it
//! is noted ([`LogReader::changed_space`]) and the reading goes on.
//!
//! A reader may follow a log that is being written: it reads on while its [`LogReader::next_seq`] is below the sequence
//! that the writer has synced. At the end of what is written it surveys the rest of the segment, which takes a while.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::{Batch, len_u64};
use crate::error::{Damage, JournalError};
use crate::format::{BatchHeader, SEGMENT_BATCH_HEADER_LEN};
use crate::fs::{FileHandle, FileSystem};
use crate::sector::{self, SECTOR_LEN, Sector};
use crate::segment::{self, Named, SECTOR, SegmentHeader};
use crate::survey::{CHUNK, Survey};

/// How a log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTail {
    /// With a whole batch.
    Whole,
    /// With something that was never durable, from this place on. What is before it holds.
    Torn {
        /// The segment.
        path: PathBuf,
        /// First byte of the batch that is not whole.
        offset: u64,
    },
}

/// A segment that is being read.
struct Open {
    at: usize,
    header: SegmentHeader,
    path: PathBuf,
    file: Box<dyn FileHandle>,
    offset: u64,
    window_start: u64,
    window: Vec<u8>,
}

/// Why a batch could not be read.
enum Stop {
    /// Nothing that was written whole is at its place.
    End,
    /// Bytes are not what was written.
    Changed(u64, &'static str),
    Failed(JournalError),
}

/// Reads the batches of a log.
pub struct LogReader {
    fs: Arc<dyn FileSystem>,
    dir: Option<PathBuf>,
    segments: Vec<Named>,
    open: Option<Open>,
    from_seq: u64,
    next_seq: u64,
    next_batch: u64,
    root: [u8; 32],
    tail: LogTail,
    used_end: Option<u64>,
    changed_space: Vec<(PathBuf, u64)>,
}

/// Changed sectors of unwritten space that are noted; more than these need no names.
const CHANGED_SPACE_MAX: usize = 64;

impl LogReader {
    /// Opens the log in a folder, to read from the batch on that holds sequence `from_seq` (or from its first one).
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(fs: Arc<dyn FileSystem>, dir: &Path, from_seq: u64) -> Result<Self, JournalError> {
        let segments = segment::list(fs.as_ref(), dir)?;
        let reader = Self::over(fs, segments, from_seq)?;
        Ok(Self { dir: Some(dir.to_owned()), ..reader })
    }

    /// The same for segments that are known.
    pub(crate) fn over(fs: Arc<dyn FileSystem>, segments: Vec<Named>, from_seq: u64) -> Result<Self, JournalError> {
        let at = segments.iter().rposition(|segment| segment.first_seq <= from_seq).unwrap_or(0);
        let mut reader = Self {
            fs,
            dir: None,
            segments,
            open: None,
            from_seq,
            next_seq: 0,
            next_batch: 0,
            root: [0; 32],
            tail: LogTail::Whole,
            used_end: None,
            changed_space: Vec::new(),
        };
        if let Some(mut open) = reader.open_segment(at)? {
            open.check_space(SECTOR, open.offset, &mut reader.changed_space)?;
            reader.next_seq = open.header.first_seq;
            reader.next_batch = open.header.first_batch;
            reader.root = open.header.prev_root;
            reader.open = Some(open);
        }
        Ok(reader)
    }

    /// Sequence behind the last batch read.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Number of the next batch.
    #[must_use]
    pub fn next_batch_number(&self) -> u64 {
        self.next_batch
    }

    /// Hash of the last batch read: the root of the chain so far.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        self.root
    }

    /// How the log ended, once [`LogReader::next_batch`] has returned `None`.
    #[must_use]
    pub fn tail(&self) -> &LogTail {
        &self.tail
    }

    /// Sectors of space that was never written and has changed: segment and offset. Nothing is lost by them.
    #[must_use]
    pub fn changed_space(&self) -> &[(PathBuf, u64)] {
        &self.changed_space
    }

    /// The segment that is being read.
    #[must_use]
    pub fn segment(&self) -> Option<(&Path, SegmentHeader)> {
        self.open.as_ref().map(|open| (open.path.as_path(), open.header))
    }

    /// Where in its segment the next batch begins.
    pub(crate) fn offset(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.offset)
    }

    /// The segments behind the one that is being read, last first.
    pub(crate) fn segments_behind(&self) -> impl Iterator<Item = &Path> {
        let at = self.open.as_ref().map_or(0, |open| open.at.saturating_add(1));
        self.segments.get(at..).unwrap_or_default().iter().rev().map(|segment| segment.path.as_path())
    }

    /// Cuts a torn tail back, where the log ends with one.
    pub(crate) fn cut_back(&self, dir: &Path) -> Result<(), JournalError> {
        match self.tail() {
            LogTail::Whole => Ok(()),
            LogTail::Torn { offset, .. } => self.erase(dir, *offset, self.used_end.unwrap_or(*offset)),
        }
    }

    /// Removes the segments behind the one that is being read, last first, then makes the bytes from `start` to `end`
    /// of this one unwritten.
    pub(crate) fn erase(&self, dir: &Path, start: u64, end: u64) -> Result<(), JournalError> {
        let Some(open) = &self.open else { return Ok(()) };
        for path in self.segments_behind() {
            self.fs.remove(path).map_err(JournalError::io(path, "removing a segment"))?;
            self.fs.sync_dir(dir).map_err(JournalError::io(dir, "syncing the folder"))?;
        }
        segment::fill(open.file.as_ref(), open.header.number, start, end)
            .and_then(|()| open.file.sync_data())
            .map_err(JournalError::io(&open.path, "cutting a segment back"))
    }

    /// The next whole batch; `None` at the end of the log or at a torn tail.
    ///
    /// # Errors
    /// [`JournalError::DamagedSegment`] with what is lost, [`JournalError::Io`].
    pub fn next_batch(&mut self) -> Result<Option<Batch>, JournalError> {
        loop {
            let Some(open) = self.open.as_mut() else { return Ok(None) };
            match read_batch(open, self.next_batch) {
                Ok((batch, bytes_hash, end)) => {
                    self.chain(&batch)?;
                    self.root = bytes_hash;
                    self.next_batch = self.next_batch.saturating_add(1);
                    if let Some(open) = self.open.as_mut() {
                        open.offset = open.header.align_up(end).min(open.header.len);
                        open.check_space(end, open.offset, &mut self.changed_space)?;
                    }
                    if self.next_seq > self.from_seq {
                        return Ok(Some(batch));
                    }
                }
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Changed(offset, check)) => return Err(self.damaged(offset, check)),
                // The window may have been read before the batch was written.
                Err(Stop::End) if open.window_start != open.offset => {
                    open.window.clear();
                    open.window_start = open.offset;
                }
                Err(Stop::End) => {
                    if !self.next_segment()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Checks that a batch follows from what was read before, and its records.
    fn chain(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let header = &batch.header;
        if header.prev_hash != self.root || header.batch != self.next_batch || header.first_seq != self.next_seq {
            return Err(self.damaged(batch.offset, "the chain to the batch before"));
        }
        match batch.check(self.next_seq) {
            Ok(next_seq) => {
                self.next_seq = next_seq;
                Ok(())
            }
            Err(wrong) => Err(self.damaged(wrong.offset, wrong.check)),
        }
    }

    /// Goes on to the next segment; `false` where the log ends here.
    fn next_segment(&mut self) -> Result<bool, JournalError> {
        let Some(open) = self.open.as_mut() else { return Ok(false) };
        // What is written later is seen by the next call.
        open.window.clear();
        let (at, offset, number) = (open.at, open.offset, open.header.number);
        self.list_new_segments()?;
        if let Some(mut next) = self.open_segment(at.saturating_add(1))? {
            if next.header.number != number.saturating_add(1) {
                return Err(self.damaged(offset, "the presence of the next segment"));
            }
            let header = next.header;
            let follows =
                (header.first_seq, header.first_batch, header.prev_root) == (self.next_seq, self.next_batch, self.root);
            if follows {
                if let Some(open) = self.open.as_mut() {
                    open.check_space(offset, open.header.len, &mut self.changed_space)?;
                }
                next.check_space(SECTOR, next.offset, &mut self.changed_space)?;
                self.open = Some(next);
                return Ok(true);
            }
            // A cut takes away what a segment follows, it never leaves it there and another: the chain was broken.
            if header.first_seq <= self.next_seq {
                return Err(self.damage(next.path, 0, "the chain to the segment before", &Survey::default()));
            }
        }
        self.end_here(at, offset)?;
        Ok(false)
    }

    /// Sees segments that were begun since the last look.
    fn list_new_segments(&mut self) -> Result<(), JournalError> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let last = self.segments.last().map(|segment| segment.number);
        let listed = segment::list(self.fs.as_ref(), dir)?;
        self.segments.extend(listed.into_iter().filter(|segment| Some(segment.number) > last));
        Ok(())
    }

    /// Decides between torn tail and damage where the chain ends.
    fn end_here(&mut self, at: usize, offset: u64) -> Result<(), JournalError> {
        let segments = self.segments.get(at..).unwrap_or_default();
        let survey = Survey::take(self.fs.as_ref(), segments, offset, self.next_seq)?;
        let path = segments.first().map(|named| named.path.clone()).unwrap_or_default();
        let wrong = match &survey.changed {
            Some(changed) => Some(changed.clone()),
            None if survey.durable_seq > self.next_seq => {
                Some((path.clone(), offset, "the durable mark of a later batch"))
            }
            None => None,
        };
        if let Some((path, offset, check)) = wrong {
            return Err(self.damage(path, offset, check, &survey));
        }
        self.used_end = survey.used_end;
        self.tail =
            if survey.has_written || segments.len() > 1 { LogTail::Torn { path, offset } } else { LogTail::Whole };
        Ok(())
    }

    /// The error for bytes at `offset` of the open segment that are not what was written.
    fn damaged(&self, offset: u64, check: &'static str) -> JournalError {
        let Some(open) = &self.open else { return JournalError::NotAJournal };
        let segments = self.segments.get(open.at..).unwrap_or_default();
        // The survey only widens what is known of the loss; a file that cannot be read leaves that unknown.
        let survey = Survey::take(self.fs.as_ref(), segments, open.offset, self.next_seq).unwrap_or_default();
        self.damage(open.path.clone(), offset, check, &survey)
    }

    fn damage(&self, path: PathBuf, offset: u64, check: &'static str, survey: &Survey) -> JournalError {
        JournalError::DamagedSegment(Damage {
            path,
            offset,
            check,
            first_seq: self.next_seq,
            last_seq: survey.last_lost(self.next_seq),
            end_seq: survey.end_seq(),
        })
    }

    /// Opens a segment and checks its header; `None` where there is none.
    fn open_segment(&self, at: usize) -> Result<Option<Open>, JournalError> {
        let Some(named) = self.segments.get(at) else { return Ok(None) };
        let path = named.path.clone();
        let file = self.fs.open(&path).map_err(JournalError::io(&path, "opening a segment"))?;
        let len = file.file_len().map_err(JournalError::io(&path, "reading the journal"))?;
        let head = segment::read_at(file.as_ref(), &path, 0, SECTOR)?;
        let header = SegmentHeader::from_sector(&head);
        let header = header.filter(|header| (header.number, header.first_seq) == (named.number, named.first_seq));
        let wrong = match header {
            Some(header) if header.len == len => {
                let offset = header.start();
                return Ok(Some(Open { at, header, path, file, offset, window_start: 0, window: Vec::new() }));
            }
            Some(header) => (header.len.min(len), "the length of the segment"),
            None => (0, "the header of the segment"),
        };
        let last_seq = self.segments.get(at.saturating_add(1)).and_then(|next| next.first_seq.checked_sub(1));
        let end_seq = self.segments.last().map(|last| last.first_seq);
        let (offset, check) = wrong;
        Err(JournalError::DamagedSegment(Damage { path, offset, check, first_seq: named.first_seq, last_seq, end_seq }))
    }
}

impl Open {
    /// Notes the sectors from `start` to `end` that are not unwritten, though nothing can have been written there.
    fn check_space(&mut self, start: u64, end: u64, changed: &mut Vec<(PathBuf, u64)>) -> Result<(), JournalError> {
        let mut offset = start;
        while offset < end && changed.len() < CHANGED_SPACE_MAX {
            let number = self.header.number;
            let bytes = self.bytes(offset, SECTOR)?;
            if sector::read(number, offset / SECTOR, bytes) != Sector::Unwritten {
                changed.push((self.path.clone(), offset));
            }
            offset = offset.saturating_add(SECTOR);
        }
        Ok(())
    }

    /// The bytes from `offset` on, `len` of them, or fewer where the file ends before.
    fn bytes(&mut self, offset: u64, len: u64) -> Result<&[u8], JournalError> {
        let held = offset.checked_sub(self.window_start).and_then(|at| usize::try_from(at).ok());
        let wanted = usize::try_from(len).unwrap_or(usize::MAX);
        let is_held = held.is_some_and(|at| self.window.len().saturating_sub(at) >= wanted && at < self.window.len());
        let at = match held.filter(|_| is_held) {
            Some(at) => at,
            None => {
                self.window_start = offset;
                let len = len.max(CHUNK).min(self.header.len.saturating_sub(offset));
                self.window.resize(usize::try_from(len).unwrap_or(0), 0);
                let read = self
                    .file
                    .read_at(offset, &mut self.window)
                    .map_err(JournalError::io(&self.path, "reading the journal"))?;
                self.window.truncate(read);
                0
            }
        };
        let rest = self.window.get(at..).unwrap_or_default();
        Ok(rest.get(..wanted).unwrap_or(rest))
    }
}

/// Reads the batch at the open place. Returns it, its hash, and where it ends.
fn read_batch(open: &mut Open, number: u64) -> Result<(Batch, [u8; 32], u64), Stop> {
    let (offset, segment) = (open.offset, open.header.number);
    if offset >= open.header.len {
        return Err(Stop::End);
    }
    let first = open.bytes(offset, SECTOR).map_err(Stop::Failed)?;
    let data = written(segment, offset, first, sector::batch_tag(number, true))?;
    let header = data.first_chunk::<SEGMENT_BATCH_HEADER_LEN>().and_then(BatchHeader::from_segment_bytes);
    let header = header.ok_or(Stop::Changed(offset, "the CRC of the batch header"))?;
    let len = usize::try_from(header.body_len).unwrap_or(usize::MAX).saturating_add(SEGMENT_BATCH_HEADER_LEN);
    let end = segment::batch_end(offset, len);
    if end > open.header.len {
        return Err(Stop::Changed(offset, "the limit of a batch"));
    }
    let mut bytes = Vec::with_capacity(len.saturating_add(SECTOR_LEN));
    let sectors = open.bytes(offset, end.saturating_sub(offset)).map_err(Stop::Failed)?;
    let mut at = offset;
    let mut tag = sector::batch_tag(number, true);
    for sector in sectors.chunks(SECTOR_LEN) {
        bytes.extend_from_slice(written(segment, at, sector, tag)?);
        at = at.saturating_add(len_u64(sector.len()));
        tag = sector::batch_tag(number, false);
    }
    if at < end {
        return Err(Stop::Changed(at, "the length of the segment"));
    }
    bytes.truncate(len);
    let hash = *blake3::hash(&bytes).as_bytes();
    Ok((Batch::in_segment(offset, header, bytes), hash, end))
}

/// The data of a sector that must have been written with this tag.
fn written(segment: u64, offset: u64, bytes: &[u8], wanted: u32) -> Result<&[u8], Stop> {
    match sector::read(segment, offset / SECTOR, bytes) {
        Sector::Written { tag, data } if tag == wanted => Ok(data),
        Sector::Written { .. } => Err(Stop::Changed(offset, "the order of batches")),
        Sector::Unwritten | Sector::Unfinished => Err(Stop::End),
        Sector::Changed => Err(Stop::Changed(offset, "the stamp of a sector")),
    }
}
