//! The follower: a second state on a thread of its own that takes the snapshots (decision 11).
//!
//! It replays whole segments once the next one is begun and they are durable, so it never reads what is being written,
//! checks every batch against its outputs, and writes a snapshot behind each so many of them. Behind each, and where there
//! is nothing to replay, its keeper builds and signs the Merkle tree of a closed segment, or reads once one from before the
//! snapshot that it began at. The engine never waits for it. A follower that fails, or whose outputs differ, takes no more
//! snapshots and says why when it is stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tiderace_journal::checkpoint::SigningKey;
use tiderace_journal::{FileSystem, JournalError, Keeper, Retention, Snapshots};

use crate::error::NodeError;
use crate::machine::Machine;
use crate::recover::{self, Replay};

/// How often it looks for a segment that was closed.
const LOOK: Duration = Duration::from_millis(20);

/// How it works.
#[derive(Clone, Copy, Debug)]
pub struct FollowerConfig {
    /// Segments from one snapshot to the next.
    pub segments: u64,
    /// What is kept.
    pub retention: Retention,
}

/// The follower's handle.
pub struct Follower {
    thread: JoinHandle<Result<(), NodeError>>,
    is_stopping: Arc<AtomicBool>,
    snapshots: Receiver<u64>,
}

impl Follower {
    /// Starts one beside a pipeline. `fresh` makes a machine as it is at the genesis; `durable_seq` tells how far the
    /// journal is kept.
    ///
    /// # Errors
    /// [`NodeError::Thread`].
    pub fn start<M: Machine>(
        fs: Arc<dyn FileSystem>,
        dir: &Path,
        genesis: Vec<u8>,
        fresh: impl Fn() -> M + Send + 'static,
        config: FollowerConfig,
        durable_seq: impl Fn() -> u64 + Send + 'static,
    ) -> Result<Self, NodeError> {
        Self::start_signing(fs, dir, genesis, fresh, config, durable_seq, Vec::new())
    }

    /// The same, with keys that sign the root of each closed segment.
    ///
    /// # Errors
    /// [`NodeError::Thread`], and [`NodeError::Journal`] where the folder cannot be read.
    pub fn start_signing<M: Machine>(
        fs: Arc<dyn FileSystem>,
        dir: &Path,
        genesis: Vec<u8>,
        fresh: impl Fn() -> M + Send + 'static,
        config: FollowerConfig,
        durable_seq: impl Fn() -> u64 + Send + 'static,
        keys: Vec<SigningKey>,
    ) -> Result<Self, NodeError> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (taken, snapshots) = channel();
        let keeper = Keeper::new(Arc::clone(&fs), dir, keys)?;
        let work = Work {
            snapshots: Snapshots::new(Arc::clone(&fs), dir, config.retention),
            fs,
            dir: dir.to_owned(),
            genesis,
            config,
            is_stopping: Arc::clone(&is_stopping),
            taken,
        };
        let thread = Builder::new()
            .name("follower".to_owned())
            .spawn(move || work.run(&fresh, &durable_seq, keeper))
            .map_err(NodeError::Thread)?;
        Ok(Self { thread, is_stopping, snapshots })
    }

    /// Sequences of snapshots taken since it was asked last.
    pub fn taken(&self) -> impl Iterator<Item = u64> + '_ {
        self.snapshots.try_iter()
    }

    /// Ends it.
    ///
    /// # Errors
    /// Why it took no more snapshots.
    pub fn stop(self) -> Result<(), NodeError> {
        self.is_stopping.store(true, Ordering::Release);
        self.thread.join().map_err(|_| NodeError::Broken { thread: "follower" })?
    }
}

struct Work {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    genesis: Vec<u8>,
    config: FollowerConfig,
    snapshots: Snapshots,
    is_stopping: Arc<AtomicBool>,
    taken: Sender<u64>,
}

impl Work {
    fn run<M: Machine>(
        self,
        fresh: &impl Fn() -> M,
        durable_seq: &impl Fn() -> u64,
        mut keeper: Keeper,
    ) -> Result<(), NodeError> {
        let (mut replay, _, _) = recover::start(&self.fs, &self.dir, &self.genesis, fresh)?;
        let mut segments = 0_u64;
        while !self.is_stopping.load(Ordering::Acquire) {
            let Some(end) = self.closed_from(replay.next_seq)?.filter(|end| *end <= durable_seq()) else {
                if !keeper.step(durable_seq())? {
                    std::thread::sleep(LOOK);
                }
                continue;
            };
            replay = replay.follow(&self.fs, &self.dir, &self.genesis, end)?;
            // Before retention may take the segment away.
            keeper.step(end)?;
            segments = segments.saturating_add(1);
            if segments >= self.config.segments {
                segments = 0;
                self.snapshot(&replay)?;
            }
        }
        Ok(())
    }

    fn snapshot<M: Machine>(&self, replay: &Replay<M>) -> Result<(), NodeError> {
        let Some(state) = replay.save(&self.genesis) else { return Ok(()) };
        self.snapshots.write(replay.next_seq, *blake3::hash(&state).as_bytes(), &state)?;
        self.snapshots.retain()?;
        // Nobody may be asking.
        let _ = self.taken.send(replay.next_seq);
        Ok(())
    }

    /// The sequence behind the segment that holds `seq`, once it is closed: the first one of the next segment.
    fn closed_from(&self, seq: u64) -> Result<Option<u64>, JournalError> {
        let dir = self.dir.as_path();
        let files = self.fs.list(dir).map_err(|error| JournalError::Io {
            path: dir.to_owned(),
            doing: "listing the journal",
            error,
        })?;
        let firsts = files.iter().filter_map(|path| {
            let (first, _) = path.file_name()?.to_str()?.strip_suffix(".seg")?.split_once('-')?;
            first.parse::<u64>().ok()
        });
        Ok(firsts.filter(|first| *first > seq).min())
    }
}
