//! The journal alone: 256-byte records, durable.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rtrb::RingBuffer;
use tiderace_journal::{Config, Disk, FileSystem, JournalError, Log, Mode};

use super::{elapsed_ns, per_second};
use crate::backoff::Backoff;

const RECORD: usize = 256;
/// What the file of the raw writes is filled with ahead.
const RAW_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes that one record makes on the disk: a page.
const PAGE: usize = 4096;
/// A batch is this large before a sync is due, where more is waiting.
const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// Appends `records` with at most `in_flight` of them not yet durable. Returns records a second.
///
/// # Errors
/// [`JournalError`].
pub fn throughput(dir: &Path, records: u64, in_flight: usize) -> Result<u64, JournalError> {
    let fs: Arc<dyn FileSystem> = Arc::new(Disk);
    let (mut log, _) = Log::open(fs, dir, Config { mode: Mode::Disk, ..Config::default() })?;
    let durable = AtomicU64::new(0);
    let (mut sender, mut receiver) = RingBuffer::<[u8; RECORD]>::new(in_flight);
    let start = Instant::now();
    let done = std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let room = u64::try_from(in_flight).unwrap_or(u64::MAX);
            let mut backoff = Backoff::default();
            let mut sent = 0_u64;
            while sent < records {
                let is_free = sent.saturating_sub(durable.load(Ordering::Acquire)) < room;
                let mut record = [7; RECORD];
                record[..8].copy_from_slice(&sent.to_le_bytes());
                if is_free && sender.push(record).is_ok() {
                    backoff.reset();
                    sent = sent.saturating_add(1);
                } else if sender.is_abandoned() {
                    return;
                } else {
                    backoff.wait();
                }
            }
        });
        let mut spare: Option<std::thread::ScopedJoinHandle<'_, _>> = None;
        let mut backoff = Backoff::default();
        let mut unsynced = 0_u64;
        while log.durable_seq() < records {
            let ready = receiver.pop();
            match ready {
                Ok(record) => {
                    log.append(2, 0, 0, &record)?;
                    if log.is_full() {
                        log.close_batch([0; 32])?;
                        unsynced = unsynced.saturating_add(64 * 1024);
                    }
                }
                Err(_) if log.durable_seq() == log.next_seq() => backoff.wait(),
                Err(_) => unsynced = SYNC_BYTES,
            }
            if unsynced >= SYNC_BYTES {
                durable.store(log.commit([0; 32])?, Ordering::Release);
                (unsynced, backoff) = (0, Backoff::default());
                if let Some(job) = log.spare_wanted() {
                    spare = Some(scope.spawn(|| job.run()));
                }
                if let Some(made) = spare.take_if(|spare| spare.is_finished())
                    && let Ok(made) = made.join()
                {
                    log.give_spare(made?)?;
                }
            }
        }
        drop(receiver);
        // It has nothing left to send.
        let _ = client.join();
        Ok(())
    });
    done.map(|()| per_second(records, elapsed_ns(start)))
}

/// One record at a time against a raw write and `fdatasync` of as many bytes, in turns. Returns the medians: ours, raw.
///
/// # Errors
/// [`JournalError`].
pub fn one_in_flight(dir: &Path, turns: usize) -> Result<(u64, u64), JournalError> {
    let fs: Arc<dyn FileSystem> = Arc::new(Disk);
    let (mut log, _) = Log::open(Arc::clone(&fs), &dir.join("log"), Config { mode: Mode::Disk, ..Config::default() })?;
    let path = dir.join("raw");
    let io = |error: io::Error| JournalError::Io { path: path.clone(), doing: "writing raw bytes", error };
    let raw = fs.create(&path).map_err(io)?;
    let filling = vec![1; 1024 * 1024];
    for megabyte in 0..RAW_BYTES / 1024 / 1024 {
        raw.write_at(megabyte.saturating_mul(1024 * 1024), &filling).map_err(io)?;
    }
    raw.sync_data().map_err(io)?;
    let (mut ours, mut theirs) = (Vec::with_capacity(turns), Vec::with_capacity(turns));
    let (record, page) = ([7; RECORD], [9; PAGE]);
    let mut offset = 0;
    for _ in 0..turns {
        let start = Instant::now();
        log.append(2, 0, 0, &record)?;
        log.commit([0; 32])?;
        ours.push(elapsed_ns(start));
        let start = Instant::now();
        raw.write_at(offset, &page).and_then(|()| raw.sync_data()).map_err(io)?;
        theirs.push(elapsed_ns(start));
        offset = offset.saturating_add(4096) % RAW_BYTES;
    }
    Ok((median(ours), median(theirs)))
}

fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0)
}
