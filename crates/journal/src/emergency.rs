//! The emergency segment: a small file, filled ahead, that takes cancels and kills when the log takes nothing more.
//!
//! It has the bytes of a segment under the name `emergency.log`. Each call writes and syncs one batch. What it holds at
//! the next opening is handed to the engine ([`crate::Recovered::emergency`]), which appends it to the log **first, in
//! one batch**, commits, and calls [`crate::Log::emergency_adopted`]. Before it is handed out, a mark (a record of kind
//! 65535 with the sequence at which it will be appended) is written behind it: a crash between commit and adoption is
//! seen by it at the next opening, and nothing is handed out twice.

use std::path::Path;
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
    ) -> Result<(Self, Vec<EmergencyRecord>), JournalError> {
        let path = dir.join(NAME);
        let files = fs.list(dir).map_err(JournalError::io(dir, "listing the journal"))?;
        if !files.contains(&path) {
            return Ok((Self::create(fs.as_ref(), dir, len)?, Vec::new()));
        }
        let named = Named { path: path.clone(), first_seq: 0, number: NUMBER };
        let mut reader = LogReader::over(Arc::clone(fs), vec![named], 0)?;
        let (records, mark) = read(&mut reader)?;
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        if mark.is_some_and(|mark| log_seq >= mark.saturating_add(count)) {
            return Ok((Self::create(fs.as_ref(), dir, len)?, Vec::new()));
        }
        reader.cut_back(dir)?;
        let Some((_, header)) = reader.segment() else { return Err(JournalError::NotAJournal) };
        let file = fs.open(&path).map_err(JournalError::io(&path, "opening a segment"))?;
        let root = reader.root();
        let writer = SegmentWriter::at(header, path, file, reader.offset(), reader.next_batch_number(), root);
        let mut emergency = Self { writer, next_seq: reader.next_seq(), is_broken: false };
        if !records.is_empty() && mark != Some(log_seq) {
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

/// What is there: records, and the mark of an adoption that was begun.
fn read(reader: &mut LogReader) -> Result<(Vec<EmergencyRecord>, Option<u64>), JournalError> {
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
    Ok((records, mark))
}
