//! The emergency segment: a small file, filled ahead, that takes cancels and kills when the log takes nothing more.
//!
//! It has the bytes of a segment under the name `emergency.log`. Each call writes and syncs one batch. What it holds at
//! the next opening is handed to the engine ([`crate::Recovered::emergency`]), which appends it to the log **first, in
//! one batch**, commits, and calls [`crate::Log::emergency_adopted`]. Before it is handed out, a mark (a record of kind
//! 65535 with the sequence at which it will be appended) is written behind it: a crash between commit and adoption is
//! seen by it at the next opening, and nothing is handed out twice. Damage in it stops the opening and is named: what
//! was acknowledged there may be lost. Only a repair sets such a file aside.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::JournalError;
use crate::format::{BODY_BYTES_MAX, RecordHeader, take};
use crate::fs::FileSystem;
use crate::log_reader::LogReader;
use crate::segment::{self, ALIGN_DISK, Named, SegmentHeader};
use crate::segment_writer::{Pending, SegmentWriter};

/// A record of the emergency segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergencyRecord {
    /// Kind of the payload.
    pub kind: u16,
    /// Time, UTC nanoseconds.
    pub ts: i64,
    /// Payload.
    pub payload: Vec<u8>,
}

const NAME: &str = "emergency.log";
const NUMBER: u64 = u64::MAX;
const KIND_MARK: u16 = u16::MAX;
/// Kept free for the mark of an adoption.
const MARK_BYTES: u64 = 2 * 4096;

/// What the one who opens does with the records that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adoption {
    /// Appends them next: a mark says where.
    Marked,
    /// Leaves them to the next opening. A repair appends records of its own, which no mark may take for these.
    Left,
}

pub(crate) struct Emergency {
    writer: SegmentWriter,
    next_seq: u64,
    is_broken: bool,
}

impl Emergency {
    /// Opens the emergency segment, or makes one. Returns what a log that goes on at `log_seq` has yet to adopt.
    pub(crate) fn open(
        fs: &Arc<dyn FileSystem>,
        dir: &Path,
        len: u64,
        log_seq: u64,
        adoption: Adoption,
    ) -> Result<(Self, Vec<EmergencyRecord>), JournalError> {
        let Some(held) = Held::read(fs, dir, log_seq)? else {
            return Ok((Self::create(fs.as_ref(), dir, len)?, Vec::new()));
        };
        if held.is_adopted(log_seq) {
            return Ok((Self::create(fs.as_ref(), dir, len)?, Vec::new()));
        }
        let Held { reader, records, mark } = held;
        reader.cut_back(dir)?;
        let Some((path, header)) = reader.segment() else { return Err(JournalError::NotAJournal) };
        let path = path.to_owned();
        let file = fs.open(&path).map_err(JournalError::io(&path, "opening a segment"))?;
        let root = reader.root();
        let writer = SegmentWriter::at(header, path, file, reader.offset(), reader.next_batch_number(), root);
        let mut emergency = Self { writer, next_seq: reader.next_seq(), is_broken: false };
        if adoption == Adoption::Marked && !records.is_empty() && mark != Some(log_seq) {
            let payload = log_seq.to_le_bytes().to_vec();
            emergency.write(&[EmergencyRecord { kind: KIND_MARK, ts: 0, payload }], 0)?;
        }
        Ok((emergency, records))
    }

    /// Makes an empty one in the place of any that is there.
    pub(crate) fn create(fs: &dyn FileSystem, dir: &Path, len: u64) -> Result<Self, JournalError> {
        let header = SegmentHeader {
            number: NUMBER,
            first_seq: 0,
            first_batch: 0,
            prev_root: [0; 32],
            durable_seq: 0,
            len: 0,
            align: ALIGN_DISK,
        };
        let begun = segment::prepare(fs, dir.join("emergency.tmp"), NUMBER, len)?.begin(fs, dir, NAME, header)?;
        Ok(Self { writer: SegmentWriter::begun(begun), next_seq: 0, is_broken: false })
    }

    /// Writes and syncs one batch.
    pub(crate) fn append(&mut self, records: &[EmergencyRecord]) -> Result<(), JournalError> {
        self.write(records, MARK_BYTES)
    }

    fn write(&mut self, records: &[EmergencyRecord], free: u64) -> Result<(), JournalError> {
        let path = self.writer.path.clone();
        if self.is_broken {
            return Err(JournalError::EmergencyFull { path });
        }
        let (first_seq, mut pending) = (self.next_seq, Pending::new());
        let mut seq = first_seq;
        for record in records {
            let header = RecordHeader { len: 0, kind: record.kind, seq, ts: record.ts, outputs_crc: 0 };
            pending.push(header, &record.payload, BODY_BYTES_MAX)?;
            seq = seq.saturating_add(1);
        }
        if !self.writer.fits(&pending, free) {
            return Err(JournalError::EmergencyFull { path });
        }
        let written = self.writer.write(&mut pending, first_seq, [0; 32], first_seq).and_then(|()| self.writer.sync());
        self.is_broken = written.is_err();
        self.next_seq = seq;
        written
    }
}

/// What an emergency segment holds.
struct Held {
    reader: LogReader,
    records: Vec<EmergencyRecord>,
    /// The mark of an adoption that was begun.
    mark: Option<u64>,
}

impl Held {
    /// Reads it whole; `None` where there is none.
    fn read(fs: &Arc<dyn FileSystem>, dir: &Path, log_seq: u64) -> Result<Option<Self>, JournalError> {
        let path = dir.join(NAME);
        let files = fs.list(dir).map_err(JournalError::io(dir, "listing the journal"))?;
        if !files.contains(&path) {
            return Ok(None);
        }
        let named = Named { path, first_seq: 0, number: NUMBER };
        let read = || {
            let mut reader = LogReader::over(Arc::clone(fs), vec![named], 0)?;
            let (mut records, mut mark) = (Vec::new(), None);
            while let Some(batch) = reader.next_batch()? {
                for record in batch.records() {
                    if record.header.kind == KIND_MARK {
                        mark = take(&mut &*record.payload).map(u64::from_le_bytes);
                    } else {
                        let (kind, ts) = (record.header.kind, record.header.ts);
                        records.push(EmergencyRecord { kind, ts, payload: record.payload.to_vec() });
                    }
                }
            }
            Ok(Self { reader, records, mark })
        };
        match read() {
            Ok(held) => Ok(Some(held)),
            Err(JournalError::DamagedSegment(damage)) => {
                Err(JournalError::DamagedEmergency { damage, next_seq: log_seq })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a log that goes on at `log_seq` holds the records already.
    fn is_adopted(&self, log_seq: u64) -> bool {
        let count = u64::try_from(self.records.len()).unwrap_or(u64::MAX);
        self.mark.is_some_and(|mark| log_seq >= mark.saturating_add(count))
    }
}

/// How many records a log that goes on at `log_seq` has yet to adopt.
pub(crate) fn waiting(fs: &Arc<dyn FileSystem>, dir: &Path, log_seq: u64) -> Result<usize, JournalError> {
    let held = Held::read(fs, dir, log_seq)?.filter(|held| !held.is_adopted(log_seq));
    Ok(held.map_or(0, |held| held.records.len()))
}

/// Sets a damaged emergency segment aside under another name, which it returns.
pub(crate) fn set_aside(fs: &Arc<dyn FileSystem>, dir: &Path) -> Result<Option<PathBuf>, JournalError> {
    match Held::read(fs, dir, 0) {
        Ok(_) => return Ok(None),
        Err(JournalError::DamagedEmergency { .. }) => {}
        Err(error) => return Err(error),
    }
    let path = dir.join(NAME);
    let files = fs.list(dir).map_err(JournalError::io(dir, "listing the journal"))?;
    let names = (0..=files.len()).map(|count| dir.join(format!("emergency-{count:04}.discarded")));
    let Some(aside) = names.into_iter().find(|name| !files.contains(name)) else { return Ok(None) };
    fs.rename(&path, &aside).map_err(JournalError::io(&path, "setting the emergency segment aside"))?;
    fs.sync_dir(dir).map_err(JournalError::io(dir, "syncing the folder"))?;
    Ok(Some(aside))
}
