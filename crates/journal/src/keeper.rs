//! The keeper: what is done to closed segments away from the thread that journals.
//!
//! It builds the tree of each closed segment once what is in it is durable, signs its root where keys are given, and
//! reads once every segment that was there when it began, for an opening from a snapshot reads only what follows that.
//! Its order is the journal's, oldest first. It takes nothing away. Damage ends it and is named.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::JournalError;
use crate::checkpoint::SigningKey;
use crate::fs::FileSystem;
use crate::log::Mode;
use crate::segment::{self, Named};
use crate::segment_tree::{self, CHECKPOINT, TREE};

/// How often a thread of its own looks for a segment that was closed.
const LOOK: Duration = Duration::from_millis(100);

/// Keeps the closed segments of one folder.
pub struct Keeper {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    keys: Vec<SigningKey>,
    /// Numbers of segments that are still to be read once.
    unread: VecDeque<u64>,
    /// First sequence of the segment that was the newest when it began.
    begun_seq: u64,
}

impl Keeper {
    /// A keeper of the log in a folder, right behind [`crate::Log::open`], which leaves everything durable. `keys` sign
    /// roots: one, or the old and the new while a key is rotated.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn new(fs: Arc<dyn FileSystem>, dir: &Path, keys: Vec<SigningKey>) -> Result<Self, JournalError> {
        let segments = segment::list(fs.as_ref(), dir)?;
        let begun_seq = segments.last().map_or(0, |newest| newest.first_seq);
        let unread = segments.iter().map(|named| named.number).collect();
        Ok(Self { fs, dir: dir.to_owned(), keys, unread, begun_seq })
    }

    /// Does one thing, where there is one to do: builds the oldest tree that is missing, or else reads a segment again.
    /// Every record below `durable_seq` must be as safe as the mode asks. Returns whether it did one.
    ///
    /// # Errors
    /// [`JournalError::DamagedSegment`], [`JournalError::DamagedTree`], [`JournalError::NotSigned`], [`JournalError::Io`].
    pub fn step(&mut self, durable_seq: u64) -> Result<bool, JournalError> {
        match self.work(durable_seq) {
            // Retention took the segment away meanwhile.
            Err(JournalError::Io { path, error, .. })
                if error.kind() == std::io::ErrorKind::NotFound && path != self.dir =>
            {
                Ok(true)
            }
            done => done,
        }
    }

    fn work(&mut self, durable_seq: u64) -> Result<bool, JournalError> {
        let segments = segment::list(self.fs.as_ref(), &self.dir)?;
        let files = self.fs.list(&self.dir).map_err(JournalError::io(&self.dir, "listing the journal"))?;
        let closed = || segments.iter().zip(segments.iter().skip(1)).filter(|(_, next)| next.first_seq <= durable_seq);
        let is_missing = |named: &Named| {
            let has = |extension| files.contains(&named.path.with_extension(extension));
            !has(TREE) || (!self.keys.is_empty() && !has(CHECKPOINT))
        };
        // A segment without records has no tree, and is not looked at twice.
        let empty = |(named, next): &(&Named, &Named)| named.first_seq == next.first_seq;
        if let Some((named, next)) = closed().filter(|pair| !empty(pair)).find(|(named, _)| is_missing(named)) {
            self.build(named, next)?;
            self.unread.retain(|number| *number != named.number);
            return Ok(true);
        }
        self.unread.retain(|number| segments.iter().any(|named| named.number == *number));
        let Some((named, next)) = closed().find(|(named, _)| self.unread.contains(&named.number)) else {
            return Ok(false);
        };
        let next = segment_tree::header_of(self.fs.as_ref(), next)?;
        if let Some(tree) = segment_tree::read_closed(&self.fs, named, &next)? {
            tree.compare(self.fs.as_ref(), &named.path)?;
        }
        self.unread.retain(|number| *number != named.number);
        Ok(true)
    }

    /// How far [`Keeper::step`] may go: what was there at the beginning, and in mode `disk` what the newest segment says is
    /// durable. In mode `os` it is every closed segment: a step makes one durable before it does anything with it.
    ///
    /// # Errors
    /// [`JournalError::DamagedSegment`], [`JournalError::Io`].
    pub fn mark(&self, mode: Mode) -> Result<u64, JournalError> {
        match (segment::list(self.fs.as_ref(), &self.dir)?.last(), mode) {
            (None, _) => Ok(0),
            (Some(newest), Mode::Os) => Ok(newest.first_seq),
            (Some(newest), Mode::Disk) => {
                Ok(segment_tree::header_of(self.fs.as_ref(), newest)?.durable_seq.max(self.begun_seq))
            }
        }
    }

    fn build(&self, named: &Named, next: &Named) -> Result<(), JournalError> {
        let path = named.path.as_path();
        // A root must not outlive the records under it, whatever the log's mode is.
        let file = self.fs.open(path).map_err(JournalError::io(path, "opening a segment"))?;
        file.sync_data().map_err(JournalError::io(path, "syncing the journal"))?;
        let next = segment_tree::header_of(self.fs.as_ref(), next)?;
        let Some(tree) = segment_tree::read_closed(&self.fs, named, &next)? else { return Ok(()) };
        tree.compare(self.fs.as_ref(), path)?;
        tree.keep(self.fs.as_ref(), path, &self.keys)
    }
}

/// A keeper on a thread of its own, for a log that has no follower.
pub struct KeeperThread {
    dir: PathBuf,
    thread: Option<JoinHandle<Result<(), JournalError>>>,
    is_stopping: Arc<AtomicBool>,
}

impl KeeperThread {
    /// Starts it beside a log of this mode. It goes by [`Keeper::mark`].
    ///
    /// # Errors
    /// [`JournalError::Io`], also where there is no thread to be had.
    pub fn start(mut keeper: Keeper, mode: Mode) -> Result<Self, JournalError> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (stop, dir) = (Arc::clone(&is_stopping), keeper.dir.clone());
        let work = move || {
            while !stop.load(Ordering::Acquire) {
                if !keeper.step(keeper.mark(mode)?)? {
                    std::thread::park_timeout(LOOK);
                }
            }
            Ok(())
        };
        let thread = Builder::new().name("keeper".to_owned()).spawn(work);
        let thread = thread.map_err(JournalError::io(&dir, "starting a thread"))?;
        Ok(Self { dir, thread: Some(thread), is_stopping })
    }

    /// Ends it, once what it is doing is done.
    ///
    /// # Errors
    /// Why it had ended before.
    pub fn stop(mut self) -> Result<(), JournalError> {
        self.end();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let broken = |_| std::io::Error::other("the thread broke an invariant; its message is on standard error");
        thread.join().map_err(broken).map_err(JournalError::io(&self.dir, "keeping closed segments"))?
    }

    fn end(&self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for KeeperThread {
    fn drop(&mut self) {
        self.end();
    }
}
