//! From the newest snapshot and the journal behind it to a state, with every batch checked against its outputs.
//!
//! Three threads, so that reading does not wait for applying: one reads, checks and decodes batches, one applies, one
//! digests what came out and compares it with what the journal says. The first record of a journal is its genesis; a
//! snapshot holds the hash of it, so that neither is ever opened with another configuration.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tiderace_journal::{
    Batch, Config, EmergencyRecord, FileSystem, JournalError, Log, LogReader, LogTail, Mode, Recovered, Retention,
    Snapshots,
};
use tiderace_types::Ts;
use tiderace_types::venue::{Command, Event};

use crate::digest::ChainedOutputs;
use crate::error::NodeError;
use crate::machine::Machine;
use crate::words::{KIND_GENESIS, Output};

/// Batches between two of the threads.
const CHANNEL: usize = 16;

/// What opening gives, to start a [`crate::Pipeline`] with.
pub struct Recovery<M> {
    /// The state behind everything in the journal.
    pub machine: M,
    /// Sequence of the snapshot that it was brought back from.
    pub from_snapshot: Option<u64>,
    /// Commands applied from the journal.
    pub replayed: u64,
    /// Commands adopted from the emergency segment. Where there are some, the journal had failed.
    pub adopted: u64,
    /// How the journal ended.
    pub tail: LogTail,
    /// Time of the last record.
    pub ts_last: Ts,
    /// Snapshots that do not hold or are of another build.
    pub passed_over: Vec<JournalError>,
    pub(crate) log: Log,
    pub(crate) chain: ChainedOutputs,
    pub(crate) mode: Mode,
}

impl<M> Recovery<M> {
    /// Sequence that the next command gets.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.log.next_seq()
    }
}

/// A state on its way through a journal.
pub(crate) struct Replay<M> {
    pub(crate) machine: M,
    pub(crate) chain: ChainedOutputs,
    pub(crate) next_seq: u64,
    pub(crate) ts_last: Ts,
    pub(crate) replayed: u64,
}

/// Opens the journal in a folder, or begins one there, and brings back the state. `fresh` makes a machine as it is at
/// the genesis. `on_output` hears every output that is derived anew, those of commands that were never acknowledged
/// among them; what came before the snapshot it does not hear.
///
/// # Errors
/// [`NodeError`].
pub fn recover<M: Machine>(
    fs: &Arc<dyn FileSystem>,
    dir: &Path,
    config: Config,
    genesis: &[u8],
    fresh: impl Fn() -> M,
    mut on_output: impl FnMut(&Output),
) -> Result<Recovery<M>, NodeError> {
    // A journal that is new has no folder yet.
    let (replay, from_snapshot, passed_over) = match fs.list(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => (Replay::at_genesis(&fresh), None, Vec::new()),
        Ok(_) | Err(_) => start(fs, dir, genesis, &fresh)?,
    };
    let from_seq = replay.next_seq;
    let ran = replay.run(genesis, &mut on_output, |feed| {
        let opened = Log::open_reading(Arc::clone(fs), dir, config, from_seq, &mut |batch| feed.batch(batch))?;
        Ok(opened)
    });
    let (mut replay, (mut log, recovered)) = match ran {
        // The snapshot that would have led there may be among them.
        Err(NodeError::NoStart { first_seq, .. }) => return Err(NodeError::NoStart { first_seq, passed_over }),
        ran => ran?,
    };
    if log.next_seq() != replay.next_seq {
        return Err(NodeError::NoStart { first_seq: log.next_seq(), passed_over });
    }
    let Recovered { tail, emergency, .. } = recovered;
    if log.next_seq() == 0 {
        let root = replay.chain.close();
        log.append(KIND_GENESIS, 0, 0, genesis)?;
        log.commit(root)?;
        log.sync()?;
    }
    let adopted = adopt(&mut log, &mut replay, &emergency, &mut on_output)?;
    let Replay { machine, chain, ts_last, replayed, .. } = replay;
    let mode = config.mode;
    Ok(Recovery { machine, from_snapshot, replayed, adopted, tail, ts_last, passed_over, log, chain, mode })
}

pub(crate) type Start<M> = (Replay<M>, Option<u64>, Vec<JournalError>);

/// Where the replay starts: behind the newest snapshot that holds and that this build reads, or at the genesis.
pub(crate) fn start<M: Machine>(
    fs: &Arc<dyn FileSystem>,
    dir: &Path,
    genesis: &[u8],
    fresh: &impl Fn() -> M,
) -> Result<Start<M>, NodeError> {
    let retention = Retention { keep_snapshots: usize::MAX, keep_segments_before_snapshot: usize::MAX };
    let snapshots = Snapshots::new(Arc::clone(fs), dir, retention);
    let mut passed_over = Vec::new();
    for path in snapshots.paths()?.into_iter().rev() {
        let mut replay = Replay::at_genesis(fresh);
        match snapshots.read(&path) {
            Ok(snapshot) if replay.restore(snapshot.seq, &snapshot.bytes, genesis)? => {
                return Ok((replay, Some(snapshot.seq), passed_over));
            }
            Ok(_) => {
                passed_over.push(JournalError::DamagedSnapshot { path, check: "the layout that this build knows" })
            }
            Err(error) => passed_over.push(error),
        }
    }
    Ok((Replay::at_genesis(fresh), None, passed_over))
}

impl<M: Machine> Replay<M> {
    fn at_genesis(fresh: &impl Fn() -> M) -> Self {
        Self { machine: fresh(), chain: ChainedOutputs::default(), next_seq: 0, ts_last: Ts::ZERO, replayed: 0 }
    }

    /// The state as a snapshot holds it: hash of the genesis, time, outputs, machine. `None` where the machine has none.
    pub(crate) fn save(&self, genesis: &[u8]) -> Option<Vec<u8>> {
        let state = self.machine.save()?;
        let mut bytes = blake3::hash(genesis).as_bytes().to_vec();
        bytes.extend_from_slice(&self.ts_last.get().to_le_bytes());
        self.chain.encode(&mut bytes);
        bytes.extend_from_slice(&state);
        Some(bytes)
    }

    /// Takes over the state of a snapshot; `false` where this build does not read it.
    fn restore(&mut self, seq: u64, bytes: &[u8], genesis: &[u8]) -> Result<bool, NodeError> {
        let Some((hash, rest)) = bytes.split_first_chunk::<32>() else { return Ok(false) };
        if hash != blake3::hash(genesis).as_bytes() {
            return Err(NodeError::OtherGenesis);
        }
        let Some((ts, mut rest)) = rest.split_first_chunk::<8>() else { return Ok(false) };
        let Some(chain) = ChainedOutputs::take(&mut rest) else { return Ok(false) };
        if !self.machine.restore(rest) {
            return Ok(false);
        }
        (self.chain, self.next_seq, self.ts_last) = (chain, seq, Ts::new(i64::from_le_bytes(*ts)));
        Ok(true)
    }

    /// Applies what the journal holds behind this state, up to the first batch from `until` on.
    pub(crate) fn follow(
        self,
        fs: &Arc<dyn FileSystem>,
        dir: &Path,
        genesis: &[u8],
        until: u64,
    ) -> Result<Self, NodeError> {
        let mut reader = LogReader::open(Arc::clone(fs), dir, self.next_seq)?;
        let (replay, ()) = self.run(genesis, &mut |_| {}, |feed| {
            while feed.next_seq < until && !feed.is_over {
                let Some(batch) = reader.next_batch()? else { break };
                feed.batch(&batch);
            }
            Ok(())
        })?;
        Ok(replay)
    }

    /// Applies the batches that `read` feeds, which it does on a thread of its own.
    fn run<T: Send>(
        mut self,
        genesis: &[u8],
        on_output: &mut impl FnMut(&Output),
        read: impl FnOnce(&mut Feed<'_>) -> Result<T, NodeError> + Send,
    ) -> Result<(Self, T), NodeError> {
        let (decoded, batches) = sync_channel(CHANNEL);
        let (applied, outputs) = sync_channel(CHANNEL);
        let mut feed = Feed { genesis, next_seq: self.next_seq, decoded, is_over: false, error: None };
        let chain = self.chain.clone();
        let (read, checked) = std::thread::scope(|scope| {
            let read = scope.spawn(move || read(&mut feed).map(|done| (done, feed.next_seq, feed.error)));
            let check = scope.spawn(move || check(chain, &outputs));
            for batch in batches {
                // Where the check stopped, there is nothing more to apply; it says why.
                if applied.send(self.apply(batch, on_output)).is_err() {
                    break;
                }
            }
            drop(applied);
            (read.join(), check.join())
        });
        let read = read.map_err(|_| NodeError::Broken { thread: "reading" });
        let checked = checked.map_err(|_| NodeError::Broken { thread: "checking" })?;
        // A record that differs comes before whatever the reading met behind it.
        self.chain = checked?;
        let (done, next_seq, error) = read??;
        self.next_seq = next_seq;
        error.map_or(Ok((self, done)), Err)
    }

    fn apply(&mut self, batch: Decoded, on_output: &mut impl FnMut(&Output)) -> AppliedBatch {
        let Decoded { outputs_digest, commands } = batch;
        let mut rows = Vec::with_capacity(commands.len());
        let mut events = Vec::with_capacity(commands.len().saturating_mul(2));
        for Row { seq, ts, crc, command } in commands {
            let start = events.len();
            if let Some(command) = command {
                self.machine.apply(ts, &command, &mut events);
                self.replayed = self.replayed.saturating_add(1);
            }
            for event in events.get(start..).unwrap_or_default() {
                on_output(&Output { seq, ts, is_emergency: false, is_ahead: false, event: *event });
            }
            rows.push(AppliedRow { seq, ts, crc, events: events.len().saturating_sub(start) });
            self.ts_last = ts;
        }
        AppliedBatch { outputs_digest, rows, events }
    }
}

/// A record that was read; without a command it is the genesis.
struct Row {
    seq: u64,
    ts: Ts,
    crc: u32,
    command: Option<Command>,
}

struct Decoded {
    outputs_digest: [u8; 32],
    commands: Vec<Row>,
}

struct AppliedRow {
    seq: u64,
    ts: Ts,
    crc: u32,
    events: usize,
}

struct AppliedBatch {
    outputs_digest: [u8; 32],
    rows: Vec<AppliedRow>,
    events: Vec<Event>,
}

/// Where the reading hands over its batches.
struct Feed<'a> {
    genesis: &'a [u8],
    /// Sequence behind the last batch.
    next_seq: u64,
    decoded: SyncSender<Decoded>,
    /// Whether no more batches are wanted.
    is_over: bool,
    /// Why, where a batch was not one of this journal.
    error: Option<NodeError>,
}

impl Feed<'_> {
    /// Decodes a batch and hands it on.
    fn batch(&mut self, batch: &Batch) {
        if self.is_over {
            return;
        }
        let is_sent = self.decode(batch).map(|decoded| self.decoded.send(decoded).is_ok());
        self.is_over = !matches!(is_sent, Ok(true));
        self.error = is_sent.err();
    }

    fn decode(&mut self, batch: &Batch) -> Result<Decoded, NodeError> {
        if batch.header.first_seq > self.next_seq {
            return Err(NodeError::NoStart { first_seq: batch.header.first_seq, passed_over: Vec::new() });
        }
        let mut commands = Vec::with_capacity(usize::try_from(batch.header.records).unwrap_or(0));
        for record in batch.records() {
            let header = record.header;
            let command = if header.seq == 0 {
                if header.kind != KIND_GENESIS || record.payload != self.genesis {
                    return Err(NodeError::OtherGenesis);
                }
                None
            } else {
                let command = Command::decode(header.kind, record.payload);
                Some(command.map_err(|error| NodeError::Record { seq: header.seq, error })?)
            };
            commands.push(Row { seq: header.seq, ts: Ts::new(header.ts), crc: header.outputs_crc, command });
        }
        self.next_seq = batch.header.first_seq.saturating_add(u64::from(batch.header.records));
        Ok(Decoded { outputs_digest: batch.header.outputs_digest, commands })
    }
}

/// Digests outputs as the run did, and compares.
fn check(mut chain: ChainedOutputs, outputs: &Receiver<AppliedBatch>) -> Result<ChainedOutputs, NodeError> {
    let mut last = 0;
    for AppliedBatch { outputs_digest, rows, events } in outputs {
        if chain.close() != outputs_digest {
            return Err(NodeError::Differs { seq: last });
        }
        let mut events = events.iter();
        for AppliedRow { seq, ts, crc, events: count } in rows {
            if chain.crc() != crc {
                return Err(NodeError::Differs { seq: last });
            }
            for event in events.by_ref().take(count) {
                chain.push(seq, ts, event);
            }
            last = seq;
        }
    }
    Ok(chain)
}

/// Appends what the emergency segment holds, in one batch as the journal asks, and applies it.
fn adopt<M: Machine>(
    log: &mut Log,
    replay: &mut Replay<M>,
    emergency: &[EmergencyRecord],
    on_output: &mut impl FnMut(&Output),
) -> Result<u64, NodeError> {
    if emergency.is_empty() {
        return Ok(0);
    }
    let root = replay.chain.close();
    let mut events = Vec::new();
    for record in emergency {
        let ts = Ts::new(record.ts);
        let seq = log.next_seq();
        let command =
            Command::decode(record.kind, &record.payload).map_err(|error| NodeError::Record { seq, error })?;
        log.append(record.kind, record.ts, replay.chain.crc(), &record.payload)?;
        replay.machine.apply(ts, &command, &mut events);
        for event in events.drain(..) {
            replay.chain.push(seq, ts, &event);
            on_output(&Output { seq, ts, is_emergency: false, is_ahead: false, event });
        }
        replay.ts_last = ts;
    }
    log.commit(root)?;
    log.sync()?;
    log.emergency_adopted()?;
    Ok(u64::try_from(emergency.len()).unwrap_or(u64::MAX))
}
