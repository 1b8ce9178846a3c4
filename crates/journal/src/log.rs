//! The log: a folder of segments that one writer appends to.
//!
//! Records gather in a batch; [`Log::close_batch`] hands it to the operating system in one write into space that was
//! filled and synced before, so that [`Log::sync`] has bytes to make durable and no metadata. Many appends, one write,
//! one sync: group commit. It runs on the caller's thread and starts none; [`Log::spare_wanted`] gives away the one slow
//! thing, the filling of the next segment.
//!
//! A write or sync that failed is never tried again: the log is poisoned, takes nothing more, and says so to every
//! call. Opening it anew recovers: the chain is followed from the segment before the last durable mark, a torn tail is
//! cut back to the last whole batch, and whatever no durable mark covers is written and synced once more, for after a failed sync the
//! operating system may show bytes that never reached the disk. Damage is an error and changes nothing.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::Batch;
use crate::emergency::{self, Adoption, Emergency, EmergencyRecord};
use crate::error::{Damage, JournalError};
use crate::format::{BATCH_BYTES_TARGET, BODY_BYTES_MAX, PAYLOAD_BYTES_MAX, RecordHeader};
use crate::fs::{DirLock, FileHandle, FileSystem};
use crate::log_reader::{LogReader, LogTail};
use crate::segment::{self, ALIGN_DISK, ALIGN_OS, SegmentHeader, Spare};
use crate::segment_writer::{self, Pending, SegmentWriter};
use crate::snapshot;
use crate::survey::CHUNK;

/// When a record counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// When the operating system has it: it outlives the process, not the machine.
    Os,
    /// When the disk has it.
    Disk,
}

/// How a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// When a record counts as kept.
    pub mode: Mode,
    /// Bytes of a segment; one is made larger where a single batch needs it.
    pub segment_bytes: u64,
    /// Bytes of the emergency segment; each call to it takes 4096 or more.
    pub emergency_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { mode: Mode::Disk, segment_bytes: 64 * 1024 * 1024, emergency_bytes: 1024 * 1024 }
    }
}

/// What opening a log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Sequence that the next record gets; every one below it is durable.
    pub next_seq: u64,
    /// Hash of the last batch.
    pub root: [u8; 32],
    /// How the log ended before it was cut back.
    pub tail: LogTail,
    /// What the emergency segment holds: append it first, in one batch, commit, call [`Log::emergency_adopted`].
    pub emergency: Vec<EmergencyRecord>,
    /// Sectors of unwritten space that changed, where they were looked at: segment and offset. Nothing is lost by them.
    pub changed_space: Vec<(PathBuf, u64)>,
}

/// Work for another thread: makes the file of the next segment.
pub struct SpareJob {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    number: u64,
    len: u64,
}

impl SpareJob {
    /// Does it. Hand the result to [`Log::give_spare`].
    ///
    /// # Errors
    /// [`JournalError::Io`], also where there is no space.
    pub fn run(self) -> Result<Spare, JournalError> {
        segment::prepare(
            self.fs.as_ref(),
            self.dir.join(format!("{:08}-spare.tmp", self.number)),
            self.number,
            self.len,
        )
    }
}

/// The failure that poisoned a log.
struct Poison {
    path: PathBuf,
    doing: &'static str,
    error: String,
}

/// The writer of a log.
pub struct Log {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    config: Config,
    writer: SegmentWriter,
    /// Segments with bytes that were not synced, before the one being written.
    unsynced: Vec<(PathBuf, Box<dyn FileHandle>)>,
    spare: Option<Spare>,
    is_spare_ordered: bool,
    emergency: Emergency,
    pending: Pending,
    next_seq: u64,
    written_seq: u64,
    durable_seq: u64,
    poison: Option<Poison>,
    /// Held until the log is dropped.
    _lock: DirLock,
}

impl Log {
    /// Opens the log in a folder, or begins one there, and recovers what is in it. What could be torn is read, and the
    /// whole segment before it, so that the newest is known to follow; what is older is checked by who reads it
    /// ([`LogReader`], [`crate::check`]).
    ///
    /// # Errors
    /// [`JournalError::InUse`]; [`JournalError::DamagedSegment`] and [`JournalError::DamagedEmergency`], with the
    /// segments untouched; [`JournalError::Io`].
    pub fn open(fs: Arc<dyn FileSystem>, dir: &Path, config: Config) -> Result<(Self, Recovered), JournalError> {
        let lock = lock(fs.as_ref(), dir)?;
        Self::open_for(fs, dir, config, Adoption::Marked, &mut Reading::default(), lock)
    }

    /// The same, and hands every batch to `on_batch`, from the one on that holds sequence `from_seq`: the log is read
    /// once for both. The batches were checked, but the opening may still fail behind them.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_reading(
        fs: Arc<dyn FileSystem>,
        dir: &Path,
        config: Config,
        from_seq: u64,
        on_batch: &mut dyn FnMut(&Batch),
    ) -> Result<(Self, Recovered), JournalError> {
        let mut reading = Reading { from_seq, on_batch: Some(on_batch) };
        let lock = lock(fs.as_ref(), dir)?;
        Self::open_for(fs, dir, config, Adoption::Marked, &mut reading, lock)
    }

    pub(crate) fn open_for(
        fs: Arc<dyn FileSystem>,
        dir: &Path,
        config: Config,
        adoption: Adoption,
        reading: &mut Reading<'_>,
        lock: DirLock,
    ) -> Result<(Self, Recovered), JournalError> {
        remove_leftovers(fs.as_ref(), dir)?;
        let segments = segment::list(fs.as_ref(), dir)?;
        let snapshot = snapshot::list(fs.as_ref(), dir)?.pop();
        let Some(last) = segments.last() else {
            reaches(snapshot, dir, 0, 0)?;
            return Self::begin(fs, dir, config, adoption, lock);
        };
        // The newest segment tells from where on the chain may be cut.
        let newest = LogReader::open(Arc::clone(&fs), dir, last.first_seq)?;
        let (durable_seq, number) = newest.segment().map_or((0, 0), |(_, header)| (header.durable_seq, header.number));
        // A segment before it is read too: only there stands what the newest one must follow.
        let from_seq = durable_seq.saturating_sub(1).min(reading.from_seq);
        let mut reader = LogReader::open(Arc::clone(&fs), dir, from_seq)?;
        let unsure = read_to_end(&mut reader, durable_seq, number, reading)?;
        let Some((path, header)) = reader.segment() else { return Self::begin(fs, dir, config, adoption, lock) };
        let (path, offset, next_seq) = (path.to_owned(), reader.offset(), reader.next_seq());
        reaches(snapshot, &path, offset, next_seq)?;
        // Before anything is cut: what is damaged must be named, and then nothing is touched.
        emergency::waiting(&fs, dir, next_seq)?;
        reader.cut_back(dir)?;
        for piece in &unsure {
            write_again(fs.as_ref(), piece)?;
        }
        let (emergency, adopt) = Emergency::open(&fs, dir, config.emergency_bytes, next_seq, adoption)?;
        let recovered = Recovered {
            next_seq,
            root: reader.root(),
            tail: reader.tail().clone(),
            emergency: adopt,
            changed_space: reader.changed_space().to_vec(),
        };
        let file = fs.open(&path).map_err(JournalError::io(&path, "opening a segment"))?;
        let log = Self {
            fs,
            dir: dir.to_owned(),
            config,
            writer: SegmentWriter::at(header, path, file, offset, reader.next_batch_number(), reader.root()),
            unsynced: Vec::new(),
            spare: None,
            is_spare_ordered: false,
            emergency,
            pending: Pending::new(),
            next_seq,
            written_seq: next_seq,
            durable_seq: next_seq,
            poison: None,
            _lock: lock,
        };
        Ok((log, recovered))
    }

    /// Begins a log in a folder that has none.
    fn begin(
        fs: Arc<dyn FileSystem>,
        dir: &Path,
        config: Config,
        adoption: Adoption,
        lock: DirLock,
    ) -> Result<(Self, Recovered), JournalError> {
        let header = SegmentHeader {
            number: 0,
            first_seq: 0,
            first_batch: 0,
            prev_root: [0; 32],
            durable_seq: 0,
            len: 0,
            align: align(config.mode),
        };
        let spare = segment::prepare(fs.as_ref(), dir.join("segment.tmp"), 0, config.segment_bytes)?;
        spare.begin(fs.as_ref(), dir, &header.file_name(), header)?;
        Self::open_for(fs, dir, config, adoption, &mut Reading::default(), lock)
    }

    /// Sequence that the next record gets.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Every record below it is durable.
    #[must_use]
    pub fn durable_seq(&self) -> u64 {
        self.durable_seq
    }

    /// Every record below it was handed to the operating system.
    #[must_use]
    pub fn written_seq(&self) -> u64 {
        self.written_seq
    }

    /// Hash of the last closed batch.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        self.writer.root
    }

    /// Whether the open batch is large enough to be closed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.pending.len() >= BATCH_BYTES_TARGET
    }

    /// Whether the open batch holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.records == 0
    }

    /// Appends a record to the open batch. Returns its sequence.
    ///
    /// # Errors
    /// [`JournalError::Poisoned`]; [`JournalError::RecordTooLarge`] where the record, or the open batch with it, would
    /// be above the limit.
    pub fn append(&mut self, kind: u16, ts: i64, outputs_crc: u32, payload: &[u8]) -> Result<u64, JournalError> {
        self.check_poison()?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(JournalError::RecordTooLarge { len: payload.len() });
        }
        let seq = self.next_seq;
        self.pending.push(RecordHeader { len: 0, kind, seq, ts, outputs_crc }, payload, BODY_BYTES_MAX)?;
        self.next_seq = seq.saturating_add(1);
        Ok(seq)
    }

    /// Closes the open batch, if it holds anything, and hands it to the operating system in one write.
    /// `outputs_digest` is that of all outputs before the first record of the batch.
    ///
    /// # Errors
    /// [`JournalError::Io`], which poisons the log, and [`JournalError::Poisoned`].
    pub fn close_batch(&mut self, outputs_digest: [u8; 32]) -> Result<(), JournalError> {
        self.check_poison()?;
        if self.pending.records == 0 {
            return Ok(());
        }
        let done = self.write_batch(outputs_digest);
        self.or_poison(done)
    }

    /// Makes every closed batch durable. Returns the sequence below which every record is.
    ///
    /// # Errors
    /// [`JournalError::Io`], which poisons the log, and [`JournalError::Poisoned`].
    pub fn sync(&mut self) -> Result<u64, JournalError> {
        self.check_poison()?;
        if self.durable_seq < self.written_seq {
            let done = self.sync_files();
            self.or_poison(done)?;
            self.durable_seq = self.written_seq;
        }
        Ok(self.durable_seq)
    }

    /// Closes the open batch and makes it as safe as the mode asks. Returns the sequence below which every record is.
    ///
    /// # Errors
    /// As [`Log::close_batch`] and [`Log::sync`].
    pub fn commit(&mut self, outputs_digest: [u8; 32]) -> Result<u64, JournalError> {
        self.close_batch(outputs_digest)?;
        match self.config.mode {
            Mode::Os => Ok(self.written_seq),
            Mode::Disk => self.sync(),
        }
    }

    /// Commits, syncs, and writes a last batch without records, which marks all before it as durable.
    ///
    /// # Errors
    /// As [`Log::commit`].
    pub fn finish(mut self, outputs_digest: [u8; 32]) -> Result<[u8; 32], JournalError> {
        self.close_batch(outputs_digest)?;
        self.sync()?;
        self.write_batch(outputs_digest)?;
        self.sync_files()?;
        Ok(self.writer.root)
    }

    /// The filling of the next segment as work for another thread; `None` where it is done or under way.
    pub fn spare_wanted(&mut self) -> Option<SpareJob> {
        if self.is_spare_ordered || self.poison.is_some() {
            return None;
        }
        self.is_spare_ordered = true;
        Some(SpareJob {
            fs: Arc::clone(&self.fs),
            dir: self.dir.clone(),
            number: self.writer.header.number.saturating_add(1),
            len: self.config.segment_bytes,
        })
    }

    /// Takes the file of the next segment. One that comes too late is removed; the log has made its own.
    ///
    /// # Errors
    /// [`JournalError::Io`]; the log is not poisoned by it.
    pub fn give_spare(&mut self, spare: Spare) -> Result<(), JournalError> {
        if spare.number > self.writer.header.number {
            self.spare = Some(spare);
            return Ok(());
        }
        self.fs.remove(&spare.path).map_err(JournalError::io(&spare.path, "removing a spare segment"))
    }

    /// Writes and syncs records of the emergency segment: cancels and kills, when the log takes nothing more.
    ///
    /// # Errors
    /// [`JournalError::EmergencyFull`], also after an earlier failure; [`JournalError::Io`].
    pub fn append_emergency(&mut self, records: &[EmergencyRecord]) -> Result<(), JournalError> {
        self.emergency.append(records)
    }

    /// Empties the emergency segment, once what it held was appended to the log and is durable.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn emergency_adopted(&mut self) -> Result<(), JournalError> {
        self.emergency = Emergency::create(self.fs.as_ref(), &self.dir, self.config.emergency_bytes)?;
        Ok(())
    }

    fn check_poison(&self) -> Result<(), JournalError> {
        match &self.poison {
            None => Ok(()),
            Some(Poison { path, doing, error }) => Err(JournalError::Poisoned {
                path: path.clone(),
                doing,
                error: error.clone(),
                kept_seq: match self.config.mode {
                    Mode::Os => self.written_seq,
                    Mode::Disk => self.durable_seq,
                },
            }),
        }
    }

    fn or_poison(&mut self, done: Result<(), JournalError>) -> Result<(), JournalError> {
        if let Err(JournalError::Io { path, doing, error }) = &done {
            self.poison = Some(Poison { path: path.clone(), doing, error: error.to_string() });
        }
        done
    }

    fn write_batch(&mut self, outputs_digest: [u8; 32]) -> Result<(), JournalError> {
        let first_seq = self.next_seq.saturating_sub(u64::from(self.pending.records));
        if !self.writer.fits(&self.pending, 0) {
            self.roll(first_seq)?;
        }
        self.writer.write(&mut self.pending, first_seq, outputs_digest, self.durable_seq)?;
        self.written_seq = self.next_seq;
        Ok(())
    }

    /// Begins the next segment, with room for the open batch.
    fn roll(&mut self, first_seq: u64) -> Result<(), JournalError> {
        let number = self.writer.header.number.saturating_add(1);
        let align = align(self.config.mode);
        let wanted = segment::batch_end(u64::from(align), self.pending.len());
        let spare = match self.spare.take().filter(|spare| spare.number == number && spare.len >= wanted) {
            Some(spare) => spare,
            None => {
                let len = self.config.segment_bytes.max(wanted);
                segment::prepare(self.fs.as_ref(), self.dir.join("segment.tmp"), number, len)?
            }
        };
        let header = SegmentHeader {
            number,
            first_seq,
            first_batch: self.writer.batch,
            prev_root: self.writer.root,
            durable_seq: self.durable_seq,
            len: spare.len,
            align,
        };
        let begun = spare.begin(self.fs.as_ref(), &self.dir, &header.file_name(), header)?;
        let before = core::mem::replace(&mut self.writer, SegmentWriter::begun(begun));
        if self.durable_seq < self.written_seq {
            self.unsynced.push((before.path, before.file));
        }
        self.is_spare_ordered = false;
        Ok(())
    }

    fn sync_files(&mut self) -> Result<(), JournalError> {
        for (path, file) in self.unsynced.drain(..) {
            segment_writer::sync(file.as_ref(), &path)?;
        }
        self.writer.sync()
    }
}

/// A log that ends before its newest snapshot has lost what the snapshot was taken of.
pub(crate) fn reaches(
    snapshot: Option<(PathBuf, u64)>,
    path: &Path,
    offset: u64,
    next_seq: u64,
) -> Result<(), JournalError> {
    match snapshot.filter(|(_, seq)| *seq > next_seq) {
        None => Ok(()),
        Some((_, seq)) => Err(JournalError::DamagedSegment(Damage {
            path: path.to_owned(),
            offset,
            check: "the sequence that a snapshot has seen",
            first_seq: next_seq,
            last_seq: seq.checked_sub(1),
            end_seq: None,
        })),
    }
}

fn align(mode: Mode) -> u32 {
    match mode {
        Mode::Os => ALIGN_OS,
        Mode::Disk => ALIGN_DISK,
    }
}

/// Makes the folder of a log, where there is none, and keeps other writers out of it.
pub(crate) fn lock(fs: &dyn FileSystem, dir: &Path) -> Result<DirLock, JournalError> {
    fs.create_dir(dir).map_err(JournalError::io(dir, "creating the folder"))?;
    fs.lock_dir(dir).map_err(|error| {
        if error.kind() == std::io::ErrorKind::WouldBlock {
            return JournalError::InUse { dir: dir.to_owned() };
        }
        JournalError::io(dir, "locking the folder")(error)
    })
}

/// Removes files that were being made when the process ended.
fn remove_leftovers(fs: &dyn FileSystem, dir: &Path) -> Result<(), JournalError> {
    let files = fs.list(dir).map_err(JournalError::io(dir, "listing the journal"))?;
    for path in files.iter().filter(|path| is_leftover(path)) {
        fs.remove(path).map_err(JournalError::io(path, "removing an unfinished file"))?;
    }
    Ok(())
}

/// Whether a file is one that this room was making. What else ends in ".tmp" is somebody's, and stays.
fn is_leftover(path: &Path) -> bool {
    let made = || {
        let name = path.file_name()?.to_str()?.strip_suffix(".tmp")?;
        let is_named = ["segment", "emergency"].contains(&name);
        let suffixes = ["-spare", ".snap", ".tree", ".checkpoint"];
        let number = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
        let is_numbered = number.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'));
        Some(is_named || is_numbered)
    };
    made().unwrap_or(false)
}

/// Who hears what an opening reads, and from which sequence on.
pub(crate) struct Reading<'a> {
    from_seq: u64,
    on_batch: Option<&'a mut dyn FnMut(&Batch)>,
}

impl Default for Reading<'_> {
    fn default() -> Self {
        Self { from_seq: u64::MAX, on_batch: None }
    }
}

/// Bytes of one segment that no durable mark covers.
struct Unsure {
    next_seq: u64,
    path: PathBuf,
    start: u64,
    end: u64,
}

/// Follows the chain to its end. Returns what no durable mark covers, in pieces of about [`CHUNK`] bytes; segment
/// `newest` says that everything below `durable_seq` in those before it is covered.
fn read_to_end(
    reader: &mut LogReader,
    durable_seq: u64,
    newest: u64,
    reading: &mut Reading<'_>,
) -> Result<VecDeque<Unsure>, JournalError> {
    let mut unsure: VecDeque<Unsure> = VecDeque::new();
    while let Some(batch) = reader.next_batch()? {
        if reader.next_seq() > reading.from_seq
            && let Some(on_batch) = &mut reading.on_batch
        {
            on_batch(&batch);
        }
        let mark = batch.header.durable_seq.unwrap_or(0);
        while unsure.front().is_some_and(|piece| piece.next_seq <= mark) {
            unsure.pop_front();
        }
        let (next_seq, end) = (reader.next_seq(), reader.offset());
        let Some((path, header)) = reader.segment() else { continue };
        if header.number < newest && next_seq <= durable_seq {
            continue;
        }
        match unsure.back_mut().filter(|piece| piece.path == path && end.saturating_sub(piece.start) <= CHUNK) {
            Some(piece) => (piece.next_seq, piece.end) = (next_seq, end),
            None => unsure.push_back(Unsure { next_seq, path: path.to_owned(), start: batch.offset, end }),
        }
    }
    Ok(unsure)
}

/// Writes bytes again as they are, and syncs them: the operating system may hold them without the disk having them.
fn write_again(fs: &dyn FileSystem, piece: &Unsure) -> Result<(), JournalError> {
    let path = piece.path.as_path();
    let file = fs.open(path).map_err(JournalError::io(path, "opening a segment"))?;
    let bytes = segment::read_at(file.as_ref(), path, piece.start, piece.end.saturating_sub(piece.start))?;
    file.write_at(piece.start, &bytes).map_err(JournalError::io(path, "writing the tail again"))?;
    file.sync_data().map_err(JournalError::io(path, "syncing the journal"))
}
