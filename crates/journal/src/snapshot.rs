//! Snapshots: the state behind a sequence, in a file beside the segments.
//!
//! ```text
//! name  seq (20 digits) ".snap"
//! file  magic "TIDESNAP"  version u32  seq u64  digest [32]  len u64  blake3 [32] (of the 60 bytes before and the state)
//!       state [len]
//! ```
//!
//! A snapshot is written under a name ending in `.tmp`, synced, renamed, and the folder synced: under its own name it is
//! whole. It is taken of durable batches only, so a log that ends before its newest snapshot has lost something. What it
//! allows to be removed is removed by [`Snapshots::retain`], never a segment that the oldest kept snapshot needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::JournalError;
use crate::batch::len_u64;
use crate::format::take;
use crate::fs::{FileHandle, FileSystem};
use crate::segment;
use crate::segment_tree::TREE;

const MAGIC: [u8; 8] = *b"TIDESNAP";
const VERSION: u32 = 1;
const COVERED_LEN: usize = 60;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Snapshots, at least one.
    pub keep_snapshots: usize,
    /// Segments wholly before the oldest kept snapshot.
    pub keep_segments_before_snapshot: usize,
}

/// A snapshot whose hash holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The state is that behind every record below it.
    pub seq: u64,
    /// Digest of the state, as its owner computes it.
    pub digest: [u8; 32],
    /// The state.
    pub bytes: Vec<u8>,
}

/// The newest snapshot that holds.
#[derive(Debug, Default)]
pub struct Latest {
    /// `None` where there is none.
    pub snapshot: Option<Snapshot>,
    /// Newer ones that do not hold, and why.
    pub passed_over: Vec<JournalError>,
}

/// The snapshots of a folder.
pub struct Snapshots {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    retention: Retention,
}

impl Snapshots {
    /// The snapshots beside a log.
    #[must_use]
    pub fn new(fs: Arc<dyn FileSystem>, dir: &Path, retention: Retention) -> Self {
        Self { fs, dir: dir.to_owned(), retention }
    }

    /// Writes a snapshot: temporary file, sync, rename, sync of the folder. Returns its path.
    ///
    /// One that a failed attempt left unfinished gives way.
    ///
    /// # Errors
    /// [`JournalError::Io`]; a snapshot that was there is untouched then.
    pub fn write(&self, seq: u64, digest: [u8; 32], state: &[u8]) -> Result<PathBuf, JournalError> {
        let path = self.dir.join(format!("{seq:020}.snap"));
        let temporary = path.with_extension("snap.tmp");
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&VERSION.to_le_bytes());
        head.extend_from_slice(&seq.to_le_bytes());
        head.extend_from_slice(&digest);
        head.extend_from_slice(&len_u64(state.len()).to_le_bytes());
        head.extend_from_slice(&hash(&head, state));
        let file = replace(self.fs.as_ref(), &temporary, "creating a snapshot")?;
        file.write_at(0, &head)
            .and_then(|()| file.write_at(len_u64(head.len()), state))
            .map_err(JournalError::io(&temporary, "writing a snapshot"))?;
        file.sync_data().map_err(JournalError::io(&temporary, "syncing a snapshot"))?;
        self.fs.rename(&temporary, &path).map_err(JournalError::io(&path, "naming a snapshot"))?;
        self.fs.sync_dir(&self.dir).map_err(JournalError::io(&self.dir, "syncing the folder"))?;
        Ok(path)
    }

    /// The newest snapshot that holds, and those that were passed over.
    ///
    /// # Errors
    /// [`JournalError::DamagedSnapshot`] where there are some and none holds; [`JournalError::Io`].
    pub fn latest(&self) -> Result<Latest, JournalError> {
        let mut passed_over = Vec::new();
        for path in self.paths()?.iter().rev() {
            match self.read(path) {
                Ok(snapshot) => return Ok(Latest { snapshot: Some(snapshot), passed_over }),
                Err(error) => passed_over.push(error),
            }
        }
        match passed_over.pop() {
            Some(error) => Err(error),
            None => Ok(Latest::default()),
        }
    }

    /// Those that are there, oldest first, whether they hold or not.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn paths(&self) -> Result<Vec<PathBuf>, JournalError> {
        Ok(list(self.fs.as_ref(), &self.dir)?.into_iter().map(|(path, _)| path).collect())
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`JournalError::DamagedSnapshot`], [`JournalError::Io`].
    pub fn read(&self, path: &Path) -> Result<Snapshot, JournalError> {
        let file = self.fs.open(path).map_err(JournalError::io(path, "opening a snapshot"))?;
        let len = file.file_len().map_err(JournalError::io(path, "reading a snapshot"))?;
        let bytes = segment::read_at(file.as_ref(), path, 0, len)?;
        decode(&bytes).map_err(|check| JournalError::DamagedSnapshot { path: path.to_owned(), check })
    }

    /// Removes old snapshots, and segments wholly before the oldest one that is kept. Where that one does not hold,
    /// nothing is removed. Returns what was.
    ///
    /// # Errors
    /// [`JournalError::DamagedSnapshot`], [`JournalError::Io`].
    pub fn retain(&self) -> Result<Vec<PathBuf>, JournalError> {
        let snapshots = list(self.fs.as_ref(), &self.dir)?;
        let old = snapshots.len().saturating_sub(self.retention.keep_snapshots.max(1));
        let Some((path, _)) = snapshots.get(old) else { return Ok(Vec::new()) };
        let seq = self.read(path)?.seq;
        let segments = segment::list(self.fs.as_ref(), &self.dir)?;
        let before = segments.iter().skip(1).take_while(|next| next.first_seq <= seq).count();
        let before = before.saturating_sub(self.retention.keep_segments_before_snapshot);
        let mut removed: Vec<PathBuf> = snapshots.into_iter().take(old).map(|(path, _)| path).collect();
        let segments: Vec<PathBuf> = segments.into_iter().take(before).map(|segment| segment.path).collect();
        // Signed roots stay: they are statements that others may hold.
        let files = self.fs.list(&self.dir).map_err(JournalError::io(&self.dir, "listing the journal"))?;
        let trees = segments.iter().map(|path| path.with_extension(TREE)).filter(|path| files.contains(path));
        removed.extend(trees);
        removed.extend(segments);
        for path in &removed {
            self.fs.remove(path).map_err(JournalError::io(path, "removing what is no longer kept"))?;
        }
        self.fs.sync_dir(&self.dir).map_err(JournalError::io(&self.dir, "syncing the folder"))?;
        Ok(removed)
    }
}

/// Creates a file under a temporary name; one that a failed attempt left there gives way.
pub(crate) fn replace(
    fs: &dyn FileSystem,
    path: &Path,
    doing: &'static str,
) -> Result<Box<dyn FileHandle>, JournalError> {
    match fs.create(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            fs.remove(path).and_then(|()| fs.create(path)).map_err(JournalError::io(path, doing))
        }
        done => done.map_err(JournalError::io(path, doing)),
    }
}

fn hash(head: &[u8], state: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(head);
    hasher.update(state);
    *hasher.finalize().as_bytes()
}

/// Reads the bytes of a snapshot; else which check failed.
///
/// # Errors
/// The name of the check.
pub fn decode(bytes: &[u8]) -> Result<Snapshot, &'static str> {
    let (head, rest) = bytes.split_at_checked(COVERED_LEN).ok_or("the length of the snapshot")?;
    let (stored, state) = rest.split_first_chunk::<32>().ok_or("the length of the snapshot")?;
    if hash(head, state) != *stored {
        return Err("the hash of the snapshot");
    }
    let mut fields = head.strip_prefix(&MAGIC).ok_or("the mark of a snapshot")?;
    let version = take(&mut fields).map(u32::from_le_bytes);
    let seq = take(&mut fields).map(u64::from_le_bytes).ok_or("the length of the snapshot")?;
    let digest = take(&mut fields).ok_or("the length of the snapshot")?;
    let len = take(&mut fields).map(u64::from_le_bytes);
    if version != Some(VERSION) {
        return Err("the layout that this build knows");
    }
    if len != Some(len_u64(state.len())) {
        return Err("the length of the snapshot");
    }
    Ok(Snapshot { seq, digest, bytes: state.to_vec() })
}

/// The snapshots of a folder and their sequences, oldest first.
pub(crate) fn list(fs: &dyn FileSystem, dir: &Path) -> Result<Vec<(PathBuf, u64)>, JournalError> {
    let files = fs.list(dir).map_err(JournalError::io(dir, "listing the journal"))?;
    let mut snapshots: Vec<(PathBuf, u64)> = files
        .into_iter()
        .filter_map(|path| {
            let seq = path.file_name()?.to_str()?.strip_suffix(".snap")?.parse().ok()?;
            Some((path, seq))
        })
        .collect();
    snapshots.sort_by_key(|(_, seq)| *seq);
    Ok(snapshots)
}
