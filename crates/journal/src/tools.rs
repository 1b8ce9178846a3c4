//! What a person does with a log: check it, look at it, and give up what cannot be saved. Nothing here is done by
//! itself; [`repair`] is the only thing that takes records away, and it keeps their bytes in a file beside.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::{Batch, Record, len_u64};
use crate::emergency::{self, Adoption};
use crate::error::JournalError;
use crate::fs::{FileHandle, FileSystem};
use crate::log::{self, Config, Log, Reading};
use crate::log_reader::{LogReader, LogTail};
use crate::segment::{self, SECTOR, SegmentHeader};
use crate::segment_tree::{Builder, SegmentTree};
use crate::snapshot;
use crate::survey::CHUNK;

/// A log that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its segments.
    pub segments: u64,
    /// Batches read.
    pub batches: u64,
    /// Records read.
    pub records: u64,
    /// Sequence of its first record; above zero where older segments were removed.
    pub first_seq: u64,
    /// Sequence behind its last record.
    pub next_seq: u64,
    /// Hash of its last batch.
    pub root: [u8; 32],
    /// How it ends.
    pub tail: LogTail,
    /// Sectors of unwritten space that changed: segment and offset. Nothing is lost by them.
    pub changed_space: Vec<(PathBuf, u64)>,
    /// Trees beside segments, each of which is that of its segment.
    pub trees: u64,
    /// Cancels and kills that wait in the emergency segment for the next opening.
    pub emergency: usize,
}

/// Reads a whole log and its emergency segment and checks every byte of them; trees and signed roots are built anew and
/// compared, but no signature is checked ([`crate::proof`] does).
///
/// # Errors
/// [`JournalError::DamagedSegment`] with what is lost; [`JournalError::DamagedEmergency`]; [`JournalError::DamagedTree`];
/// [`JournalError::Io`].
pub fn check(fs: &Arc<dyn FileSystem>, dir: &Path) -> Result<Check, JournalError> {
    let segments = len_u64(segment::list(fs.as_ref(), dir)?.len());
    let mut reader = LogReader::open(Arc::clone(fs), dir, 0)?;
    let first_seq = reader.next_seq();
    let (mut batches, mut records) = (0_u64, 0_u64);
    let mut trees = Trees { fs, count: 0, open: None };
    let mut root = reader.root();
    while let Some(batch) = reader.next_batch()? {
        batches = batches.saturating_add(1);
        records = records.saturating_add(u64::from(batch.header.records));
        trees.push(reader.segment(), &batch, root)?;
        root = reader.root();
    }
    trees.close(root)?;
    let end = reader.segment().map_or(dir, |(path, _)| path);
    log::reaches(snapshot::list(fs.as_ref(), dir)?.pop(), end, reader.offset(), reader.next_seq())?;
    Ok(Check {
        segments,
        batches,
        records,
        first_seq,
        next_seq: reader.next_seq(),
        root: reader.root(),
        tail: reader.tail().clone(),
        changed_space: reader.changed_space().to_vec(),
        trees: trees.count,
        emergency: emergency::waiting(fs, dir, reader.next_seq())?,
    })
}

/// The trees of the segments that are read, where they are kept.
struct Trees<'a> {
    fs: &'a Arc<dyn FileSystem>,
    count: u64,
    open: Option<(PathBuf, SegmentHeader, Option<Builder>)>,
}

impl Trees<'_> {
    /// Takes in a batch; `root` is the hash of the one before it.
    fn push(
        &mut self,
        segment: Option<(&Path, SegmentHeader)>,
        batch: &Batch,
        root: [u8; 32],
    ) -> Result<(), JournalError> {
        let Some((path, header)) = segment else { return Ok(()) };
        if self.open.as_ref().is_none_or(|(_, open, _)| open.number != header.number) {
            self.close(root)?;
            let is_kept = SegmentTree::is_beside(self.fs.as_ref(), path)?;
            self.open = Some((path.to_owned(), header, is_kept.then(Builder::default)));
        }
        match &mut self.open {
            Some((path, _, Some(builder))) => {
                builder.push(batch).map_err(|error| JournalError::Tree { path: path.clone(), error })
            }
            Some((_, _, None)) | None => Ok(()),
        }
    }

    /// Compares what is open with what is kept.
    fn close(&mut self, root: [u8; 32]) -> Result<(), JournalError> {
        let Some((path, header, Some(builder))) = self.open.take() else { return Ok(()) };
        let tree = builder.finish(&header, root);
        let tree = tree.map_err(|error| JournalError::Tree { path: path.clone(), error })?;
        tree.compare(self.fs.as_ref(), &path)?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}

/// What the headers say, without reading the records: each segment with its header, `None` where that does not hold.
///
/// # Errors
/// [`JournalError::Io`].
pub fn stat(fs: &Arc<dyn FileSystem>, dir: &Path) -> Result<Vec<(PathBuf, Option<SegmentHeader>)>, JournalError> {
    let mut stats = Vec::new();
    for named in segment::list(fs.as_ref(), dir)? {
        let file = fs.open(&named.path).map_err(JournalError::io(&named.path, "opening a segment"))?;
        let header = SegmentHeader::from_sector(&segment::read_at(file.as_ref(), &named.path, 0, SECTOR)?);
        stats.push((named.path, header));
    }
    Ok(stats)
}

/// Hands out the records from sequence `from` up to, not including, `to`, with the segment they stand in.
///
/// # Errors
/// As [`LogReader::next_batch`].
pub fn cat(
    fs: &Arc<dyn FileSystem>,
    dir: &Path,
    from: u64,
    to: u64,
    mut each: impl FnMut(&Path, Record<'_>),
) -> Result<(), JournalError> {
    let mut reader = LogReader::open(Arc::clone(fs), dir, from)?;
    while reader.next_seq() < to {
        let Some(batch) = reader.next_batch()? else { break };
        let Some((path, _)) = reader.segment() else { break };
        for record in batch.records().filter(|record| (from..to).contains(&record.header.seq)) {
            each(path, record);
        }
    }
    Ok(())
}

/// What a repair left and what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// Sequence that the next record gets.
    pub next_seq: u64,
    /// Where the discarded bytes are: for each piece a line `segment offset length`, then the bytes.
    pub discarded: PathBuf,
    /// Where the emergency segment is, if it was damaged and therefore given up too.
    pub emergency: Option<PathBuf>,
}

/// Discards every record from sequence `discard_from` on; snapshots of states behind it, trees and signed roots of the
/// segments concerned, and an emergency segment that is damaged, are renamed. From the end of the log on it discards the latter alone.
///
/// # Errors
/// [`JournalError::InUse`]; [`JournalError::CannotKeep`] where what comes before does not hold; then, and on [`JournalError::Io`] before the
/// discarded bytes are safe, the log is untouched.
pub fn repair(
    fs: &Arc<dyn FileSystem>,
    dir: &Path,
    discard_from: u64,
    config: Config,
) -> Result<Repaired, JournalError> {
    let lock = log::lock(fs.as_ref(), dir)?;
    let mut reader = LogReader::open(Arc::clone(fs), dir, 0)?;
    let crossing = keep_until(&mut reader, discard_from)?;
    let start = crossing.as_ref().map_or(reader.offset(), |batch| batch.offset);
    let Some((path, header)) = reader.segment() else {
        return Err(JournalError::CannotKeep { seq: 0, discard_from });
    };
    let mut pieces = vec![(path.to_owned(), start)];
    let mut behind: Vec<(PathBuf, u64)> = reader.segments_behind().map(|path| (path.to_owned(), 0)).collect();
    behind.reverse();
    pieces.append(&mut behind);
    let discarded = keep_aside(fs.as_ref(), dir, discard_from, &pieces)?;
    for (path, _) in snapshot::list(fs.as_ref(), dir)?.iter().filter(|(_, seq)| *seq > discard_from) {
        let aside = path.with_extension("snap.discarded");
        fs.rename(path, &aside).map_err(JournalError::io(path, "renaming a snapshot"))?;
    }
    for (path, _) in &pieces {
        SegmentTree::set_aside(fs.as_ref(), path)?;
    }
    reader.erase(dir, start, header.len)?;
    let emergency = emergency::set_aside(fs, dir)?;
    let (mut log, _) = Log::open_for(Arc::clone(fs), dir, config, Adoption::Left, &mut Reading::default(), lock)?;
    if let Some(batch) = crossing {
        for record in batch.records().filter(|record| record.header.seq < discard_from) {
            let header = record.header;
            log.append(header.kind, header.ts, header.outputs_crc, record.payload)?;
        }
        log.close_batch(batch.header.outputs_digest)?;
        log.sync()?;
    }
    Ok(Repaired { next_seq: log.next_seq(), discarded, emergency })
}

/// Reads up to a sequence. Returns the batch that holds records on both sides of it, where there is one.
fn keep_until(reader: &mut LogReader, discard_from: u64) -> Result<Option<Batch>, JournalError> {
    let mut last = None;
    while reader.next_seq() < discard_from {
        last = match reader.next_batch() {
            Ok(Some(batch)) => Some(batch),
            Ok(None) | Err(JournalError::DamagedSegment(_)) => {
                return Err(JournalError::CannotKeep { seq: reader.next_seq(), discard_from });
            }
            Err(error) => return Err(error),
        };
    }
    Ok(last.filter(|_| reader.next_seq() > discard_from))
}

/// Copies bytes to a file beside and syncs it.
fn keep_aside(fs: &dyn FileSystem, dir: &Path, seq: u64, pieces: &[(PathBuf, u64)]) -> Result<PathBuf, JournalError> {
    let files = fs.list(dir).map_err(JournalError::io(dir, "listing the journal"))?;
    let mut count = 0_u32;
    let path = loop {
        let path = dir.join(format!("{seq:020}-{count:04}.discarded"));
        if !files.contains(&path) {
            break path;
        }
        count = count.saturating_add(1);
    };
    let out = fs.create(&path).map_err(JournalError::io(&path, "creating a file for what is discarded"))?;
    let mut end = 0_u64;
    for (from, start) in pieces {
        let file = fs.open(from).map_err(JournalError::io(from, "opening a segment"))?;
        let len = file.file_len().map_err(JournalError::io(from, "reading the journal"))?.saturating_sub(*start);
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        let mut put = |bytes: &[u8]| {
            let at = end;
            end = end.saturating_add(len_u64(bytes.len()));
            out.write_at(at, bytes).map_err(JournalError::io(&path, "keeping what is discarded"))
        };
        put(format!("{name} {start} {len}\n").as_bytes())?;
        copy(file.as_ref(), from, *start, &mut put)?;
    }
    out.sync_data().map_err(JournalError::io(&path, "keeping what is discarded"))?;
    fs.sync_dir(dir).map_err(JournalError::io(dir, "syncing the folder"))?;
    Ok(path)
}

fn copy(
    file: &dyn FileHandle,
    path: &Path,
    mut offset: u64,
    put: &mut impl FnMut(&[u8]) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    loop {
        let bytes = segment::read_at(file, path, offset, CHUNK)?;
        if bytes.is_empty() {
            return Ok(());
        }
        put(&bytes)?;
        offset = offset.saturating_add(len_u64(bytes.len()));
    }
}
