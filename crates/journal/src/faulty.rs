//! A file system in memory that fails on command: for tests and the simulator.
//!
//! It holds of every file what a reader sees and what the disk has. A sync copies the sectors that changed since the
//! last one; a power cut keeps of the others whichever the caller says, in any combination, and forgets names that no
//! sync of the folder made durable, latest first. A failed sync forgets which sectors had changed, as operating
//! systems do: the reader goes on to see bytes that the disk will never have. Handles from before a cut fail.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::batch::len_u64;
use crate::fs::{DirLock, FileHandle, FileSystem};

/// What shall fail, each counted from one since the faults were set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// The power goes at this change (write, sync, create, rename, remove, sync of a folder): a write still reaches
    /// memory, anything else does not happen.
    pub cut_at: Option<u64>,
    /// This write fails with EIO.
    pub fail_write: Option<u64>,
    /// Bytes of the failing write that still arrive.
    pub write_prefix: usize,
    /// This sync of a file fails with EIO.
    pub fail_sync: Option<u64>,
    /// This read fails with EIO.
    pub fail_read: Option<u64>,
    /// Bytes that all files together may have.
    pub capacity: Option<u64>,
}

/// How often each thing was done since the faults were set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Changes of any kind.
    pub changes: u64,
    /// Writes.
    pub writes: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Reads.
    pub reads: u64,
}

/// The file system.
#[derive(Clone)]
pub struct Faulty {
    state: Arc<Mutex<State>>,
}

struct State {
    sector_len: usize,
    files: BTreeMap<u64, Contents>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    pending: Vec<NameChange>,
    next_file: u64,
    faults: Faults,
    counts: Counts,
    is_off: bool,
    epoch: u64,
}

#[derive(Default)]
struct Contents {
    seen: Vec<u8>,
    durable: Vec<u8>,
    changed: BTreeSet<usize>,
}

enum NameChange {
    Create(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Self::Create(path, file) => {
                names.insert(path.clone(), *file);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

/// A source of yes and no for [`Faulty::power_cut`]: the same for the same seed (splitmix64).
pub fn coin(seed: u64) -> impl FnMut() -> bool {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) & 1 == 1
    }
}

impl Faulty {
    /// An empty file system on a disk with sectors of this many bytes (512 or 4096).
    #[must_use]
    pub fn new(sector_len: usize) -> Self {
        let state = State {
            sector_len: sector_len.max(1),
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending: Vec::new(),
            next_file: 0,
            faults: Faults::default(),
            counts: Counts::default(),
            is_off: false,
            epoch: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what shall fail from now on, and counts anew.
    pub fn set_faults(&self, faults: Faults) {
        let mut state = self.lock();
        (state.faults, state.counts) = (faults, Counts::default());
    }

    /// How often each thing was done since the faults were set.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Number of sectors that a power cut could lose now.
    #[must_use]
    pub fn unsynced_sectors(&self) -> usize {
        self.lock().files.values().map(|file| file.changed.len()).sum()
    }

    /// Cuts the power and switches it on again. `keep` is asked for every sector that was not synced, in order of file
    /// and place, and then for every change of a name that was not synced, up to the first one that is not kept.
    pub fn power_cut(&self, mut keep: impl FnMut() -> bool) {
        let mut state = self.lock();
        let sector_len = state.sector_len;
        for file in state.files.values_mut() {
            for sector in core::mem::take(&mut file.changed) {
                if keep() {
                    file.persist(sector, sector_len);
                }
            }
            file.seen = file.durable.clone();
        }
        let mut names = core::mem::take(&mut state.durable_names);
        for change in state.pending.drain(..).take_while(|_| keep()) {
            change.apply(&mut names);
        }
        state.names = names.clone();
        state.durable_names = names;
        state.is_off = false;
        state.epoch = state.epoch.saturating_add(1);
        state.faults = Faults::default();
    }

    /// Ends the process: what was written stays, as the operating system has it.
    pub fn kill(&self) {
        let mut state = self.lock();
        state.is_off = false;
        state.epoch = state.epoch.saturating_add(1);
        state.faults = Faults::default();
    }

    /// Flips one bit of a file, on the disk and for every reader. Returns whether there is such a bit.
    pub fn flip(&self, path: &Path, bit: usize) -> bool {
        let mut state = self.lock();
        let Some(file) = state.names.get(path).copied() else { return false };
        let Some(file) = state.files.get_mut(&file) else { return false };
        let flipped = [&mut file.seen, &mut file.durable].into_iter().filter_map(|bytes| {
            let byte = bytes.get_mut(bit / 8)?;
            *byte ^= 1 << (bit % 8);
            Some(())
        });
        flipped.count() > 0
    }

    /// The bytes of a file as a reader sees them.
    #[must_use]
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock();
        state.files.get(state.names.get(path)?).map(|file| file.seen.clone())
    }

    fn handle(&self, file: u64, epoch: u64) -> Box<dyn FileHandle> {
        Box::new(Handle { fs: self.clone(), file, epoch })
    }

    fn change_names(&self, change: NameChange) -> io::Result<()> {
        let mut state = self.lock();
        state.change()?;
        change.apply(&mut state.names);
        state.pending.push(change);
        Ok(())
    }
}

fn off() -> io::Error {
    io::Error::other("the power is off")
}

fn broken() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl State {
    /// Counts a change; fails where the power goes at it or is off.
    fn change(&mut self) -> io::Result<()> {
        self.counts.changes = self.counts.changes.saturating_add(1);
        if self.faults.cut_at == Some(self.counts.changes) {
            self.is_off = true;
        }
        if self.is_off { Err(off()) } else { Ok(()) }
    }

    fn write(&mut self, file: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.is_off {
            return Err(off());
        }
        self.counts.writes = self.counts.writes.saturating_add(1);
        let start = usize::try_from(offset).map_err(|_| broken())?;
        let used: u64 = self.files.values().map(|file| len_u64(file.seen.len())).sum();
        let seen = self.files.get(&file).map_or(0, |file| file.seen.len());
        let grows = start.saturating_add(bytes.len()).saturating_sub(seen);
        if self.faults.capacity.is_some_and(|capacity| used.saturating_add(len_u64(grows)) > capacity) {
            return Err(io::Error::from_raw_os_error(28));
        }
        let fails = self.faults.fail_write == Some(self.counts.writes);
        let arrives = if fails { bytes.get(..self.faults.write_prefix).unwrap_or(bytes) } else { bytes };
        let sector_len = self.sector_len;
        self.files.entry(file).or_default().write(start, arrives, sector_len);
        self.change()?;
        if fails { Err(broken()) } else { Ok(()) }
    }

    fn sync(&mut self, file: u64) -> io::Result<()> {
        self.change()?;
        self.counts.syncs = self.counts.syncs.saturating_add(1);
        let (fails, sector_len) = (self.faults.fail_sync == Some(self.counts.syncs), self.sector_len);
        let file = self.files.entry(file).or_default();
        let changed = core::mem::take(&mut file.changed);
        if fails {
            return Err(broken());
        }
        for sector in changed {
            file.persist(sector, sector_len);
        }
        Ok(())
    }
}

impl Contents {
    fn write(&mut self, start: usize, bytes: &[u8], sector_len: usize) {
        let end = start.saturating_add(bytes.len());
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        if let Some(to) = self.seen.get_mut(start..end) {
            to.copy_from_slice(bytes);
        }
        self.changed.extend(start / sector_len..end.div_ceil(sector_len));
    }

    /// Copies one sector to the disk.
    fn persist(&mut self, sector: usize, sector_len: usize) {
        let start = sector.saturating_mul(sector_len);
        let end = start.saturating_add(sector_len).min(self.seen.len());
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        if let (Some(to), Some(from)) = (self.durable.get_mut(start..end), self.seen.get(start..end)) {
            to.copy_from_slice(from);
        }
    }
}

impl FileSystem for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        let (file, epoch) = {
            let mut state = self.lock();
            if state.names.contains_key(path) {
                return Err(io::Error::from(io::ErrorKind::AlreadyExists));
            }
            let file = state.next_file;
            state.next_file = file.saturating_add(1);
            state.files.insert(file, Contents::default());
            (file, state.epoch)
        };
        self.change_names(NameChange::Create(path.to_owned(), file))?;
        Ok(self.handle(file, epoch))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        let state = self.lock();
        let file = state.names.get(path).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let epoch = state.epoch;
        drop(state);
        Ok(self.handle(file, epoch))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change_names(NameChange::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change_names(NameChange::Remove(path.to_owned()))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.lock().names.keys().filter(|path| path.parent() == Some(dir)).cloned().collect())
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        if self.lock().is_off { Err(off()) } else { Ok(()) }
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.change()?;
        let mut names = core::mem::take(&mut state.durable_names);
        for change in state.pending.drain(..) {
            change.apply(&mut names);
        }
        state.durable_names = names;
        Ok(())
    }

    /// Keeps nobody out: what opens a folder anew while a log of it is there stands for the process after a crash.
    fn lock_dir(&self, _dir: &Path) -> io::Result<DirLock> {
        Ok(Box::new(()))
    }
}

struct Handle {
    fs: Faulty,
    file: u64,
    epoch: u64,
}

impl Handle {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.fs.lock();
        if state.epoch == self.epoch { Ok(state) } else { Err(off()) }
    }
}

impl FileHandle for Handle {
    fn file_len(&self) -> io::Result<u64> {
        Ok(self.state()?.files.get(&self.file).map_or(0, |file| len_u64(file.seen.len())))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.state()?.write(self.file, offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state()?;
        state.counts.reads = state.counts.reads.saturating_add(1);
        if state.is_off || state.faults.fail_read == Some(state.counts.reads) {
            return Err(broken());
        }
        let Some(file) = state.files.get(&self.file) else { return Ok(0) };
        let rest = usize::try_from(offset).ok().and_then(|offset| file.seen.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.state()?.sync(self.file)
    }
}
