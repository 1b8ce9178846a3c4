//! Killing a node at random moments, and looking whether it kept its word.
//!
//! A child process runs the pipeline under load and writes down the id of every order that was acknowledged. It is
//! killed (SIGKILL), the journal is opened again, and each of these ids must have been accepted, none twice. The next
//! child goes on as a client would that lost its connection: from the first order that it heard nothing of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tiderace_journal::{Config as LogConfig, Disk, FileSystem, Mode};
use tiderace_types::venue::{Command, Event};
use tiderace_types::{ExecType, Reason, Ts};

use crate::error::NodeError;
use crate::machine::Machine;
use crate::pipeline::{Config, NotTaken, Pipeline};
use crate::recover::recover;

/// Children that share one journal; then a new one is begun, so that none becomes long to read.
const KILLS_A_JOURNAL: u64 = 25;
/// Orders sent and not answered.
const IN_FLIGHT: u64 = 2_000;
/// The longest life of a child behind its first answer, or, of each [`KILLED_EARLY`]th one, from its start on: that one
/// may die while it recovers.
const LIFE_US_MAX: u64 = 40_000;
const KILLED_EARLY: u64 = 4;
/// A child that says nothing for so long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether a child said something.
const LOOK: Duration = Duration::from_micros(200);
const ID_LEN: usize = 8;

/// What a child runs: a machine, its genesis, and the order of each id.
pub struct Plan<M> {
    /// The first record of the journal.
    pub genesis: Vec<u8>,
    /// A machine as it is at the genesis.
    pub fresh: fn() -> M,
    /// Commands that come before the first order.
    pub opening: Vec<Command>,
    /// The order of an id.
    pub order: fn(u64) -> Command,
    /// When a record counts as kept.
    pub mode: Mode,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Children killed.
    pub kills: u64,
    /// Orders that they were told of.
    pub acknowledged: u64,
    /// Orders that they were told of and that are not there.
    pub lost: u64,
    /// Orders that are there more than once.
    pub duplicated: u64,
    /// Kills that left a batch that was not whole.
    pub torn: u64,
}

/// Why it could not be looked.
#[derive(Debug)]
pub enum CrashError {
    /// A file or process failed.
    Io(io::Error),
    /// The node did not open.
    Node(NodeError),
    /// A child ended by itself.
    ChildEnded(std::process::ExitStatus),
    /// A child acknowledged nothing.
    ChildSilent,
}

impl core::fmt::Display for CrashError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Node(error) => write!(f, "{error}"),
            Self::ChildEnded(status) => write!(f, "the child ended by itself: {status}"),
            Self::ChildSilent => write!(f, "the child acknowledged nothing in {} s", SILENCE_MAX.as_secs()),
        }
    }
}

impl std::error::Error for CrashError {}

impl From<io::Error> for CrashError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<NodeError> for CrashError {
    fn from(error: NodeError) -> Self {
        Self::Node(error)
    }
}

fn log_config(mode: Mode) -> LogConfig {
    LogConfig { mode, segment_bytes: 1024 * 1024, emergency_bytes: 64 * 1024 }
}

fn acks(dir: &Path) -> PathBuf {
    dir.join("acknowledged")
}

/// The child: sends orders from `next_id` on until it is killed.
///
/// # Errors
/// [`CrashError`]; it never returns otherwise.
pub fn run_child<M: Machine>(plan: &Plan<M>, dir: &Path, mut next_id: u64) -> Result<(), CrashError> {
    let fs: Arc<dyn FileSystem> = Arc::new(Disk);
    let recovery = recover(&fs, dir, log_config(plan.mode), &plan.genesis, plan.fresh, |_| {})?;
    let is_begun = recovery.next_seq() > 1;
    let mut acks = OpenOptions::new().create(true).append(true).open(acks(dir))?;
    let (_pipeline, mut inlet, mut outlet) = Pipeline::start(recovery, Config::default())?;
    let ts = Ts::new(1);
    for command in plan.opening.iter().filter(|_| !is_begun) {
        while inlet.submit(ts, command) == Err(NotTaken::Full) {}
    }
    let mut acknowledged = next_id;
    let mut bytes = Vec::new();
    loop {
        while next_id < acknowledged.saturating_add(IN_FLIGHT) && inlet.submit(ts, &(plan.order)(next_id)).is_ok() {
            next_id = next_id.saturating_add(1);
        }
        while let Some(output) = outlet.poll() {
            if let Some((id, _)) = answer(&output.event) {
                bytes.extend_from_slice(&id.to_le_bytes());
                acknowledged = id.saturating_add(1);
            }
        }
        acks.write_all(&bytes)?;
        bytes.clear();
    }
}

/// The id of an order that the venue says is there, and whether it was accepted just now.
fn answer(event: &Event) -> Option<(u64, bool)> {
    let Event::Report(report) = event else { return None };
    let is_new = report.exec_type == ExecType::New;
    let is_known = report.exec_type == ExecType::Rejected && report.reason == Reason::DuplicateClOrdId;
    (is_new || is_known).then_some((report.cl_ord_id.0, is_new))
}

/// Starts and kills `kills` children in folders below `root`. `child` makes the command of one, given the folder of its
/// journal and the id that it goes on with.
///
/// # Errors
/// [`CrashError`].
pub fn kill_children<M: Machine>(
    plan: &Plan<M>,
    root: &Path,
    kills: u64,
    seed: u64,
    child: impl Fn(&Path, u64) -> std::process::Command,
    mut progress: impl FnMut(u64) -> bool,
) -> Result<Findings, CrashError> {
    let mut findings = Findings::default();
    let mut chance = seed;
    while findings.kills < kills {
        let dir = root.join(format!("{:08}", findings.kills));
        std::fs::create_dir_all(&dir)?;
        let mut told = BTreeSet::new();
        let mut next_id = 1;
        let mut seen = (0, 0);
        for _ in 0..KILLS_A_JOURNAL.min(kills.saturating_sub(findings.kills)) {
            chance = scramble(chance);
            let life = Duration::from_micros(chance % LIFE_US_MAX);
            findings.kills = findings.kills.saturating_add(1);
            let mut running = child(&dir, next_id).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
            let heard = match findings.kills.is_multiple_of(KILLED_EARLY) {
                true => Ok(()),
                false => hear(&mut running, &acks(&dir)),
            };
            kill_after(running, life)?;
            heard?;
            read_acks(&dir, &mut told)?;
            next_id = told.last().map_or(1, |id| id.saturating_add(1));
            let (torn, lost, duplicated) = look(plan, &dir, &told)?;
            findings.torn = findings.torn.saturating_add(u64::from(torn));
            // What is lost stays lost: it is counted once a journal.
            seen = (lost.max(seen.0), duplicated.max(seen.1));
            if !progress(findings.kills) {
                return Ok(findings);
            }
        }
        findings.acknowledged = findings.acknowledged.saturating_add(u64::try_from(told.len()).unwrap_or(u64::MAX));
        findings.lost = findings.lost.saturating_add(seen.0);
        findings.duplicated = findings.duplicated.saturating_add(seen.1);
        if seen == (0, 0) {
            std::fs::remove_dir_all(&dir)?;
        }
    }
    Ok(findings)
}

/// Waits until a child has written down an answer: how far it comes does not rest on how busy the machine is.
fn hear(child: &mut Child, acks: &Path) -> Result<(), CrashError> {
    let len = || std::fs::metadata(acks).map_or(0, |file| file.len());
    let (before, begun) = (len(), Instant::now());
    while len() == before {
        if let Some(status) = child.try_wait()? {
            return Err(CrashError::ChildEnded(status));
        }
        if begun.elapsed() > SILENCE_MAX {
            return Err(CrashError::ChildSilent);
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn kill_after(mut child: Child, life: Duration) -> Result<(), CrashError> {
    std::thread::sleep(life);
    if let Some(status) = child.try_wait()? {
        return Err(CrashError::ChildEnded(status));
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn read_acks(dir: &Path, told: &mut BTreeSet<u64>) -> Result<(), CrashError> {
    let path = acks(dir);
    let bytes = if path.exists() { std::fs::read(&path)? } else { Vec::new() };
    for id in bytes.chunks_exact(ID_LEN).filter_map(|id| id.try_into().ok()) {
        told.insert(u64::from_le_bytes(id));
    }
    // A last id that was cut short was not told; the next child begins behind the whole ones.
    let whole = bytes.len() / ID_LEN * ID_LEN;
    if whole < bytes.len() {
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file: File| file.set_len(u64::try_from(whole).unwrap_or(0)))?;
    }
    Ok(())
}

/// Opens the journal as a start would. Returns whether it was torn, how many that were told are not there, and how many
/// are there twice.
fn look<M: Machine>(plan: &Plan<M>, dir: &Path, told: &BTreeSet<u64>) -> Result<(bool, u64, u64), CrashError> {
    let fs: Arc<dyn FileSystem> = Arc::new(Disk);
    let mut accepted: BTreeMap<u64, u64> = BTreeMap::new();
    let recovery = recover(&fs, dir, log_config(plan.mode), &plan.genesis, plan.fresh, |output| {
        if let Some((id, true)) = answer(&output.event) {
            let times = accepted.entry(id).or_default();
            *times = times.saturating_add(1);
        }
    })?;
    let lost = told.iter().filter(|id| !accepted.contains_key(id)).count();
    let duplicated = accepted.values().filter(|times| **times > 1).count();
    let is_torn = recovery.tail != tiderace_journal::LogTail::Whole;
    Ok((is_torn, u64::try_from(lost).unwrap_or(u64::MAX), u64::try_from(duplicated).unwrap_or(u64::MAX)))
}

/// The next number of a seeded row (xorshift64).
const fn scramble(seed: u64) -> u64 {
    let mut x = seed | 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}
