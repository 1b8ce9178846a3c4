//! `kill -9` of a process that writes: what it said was durable is there, once. The child is this test, started again.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tiderace_journal::{Config, Disk, FileSystem, Log, LogReader, LogTail, Mode};

const DIR: &str = "TIDERACE_TEST_KILL_DIR";

fn config() -> Config {
    Config { mode: Mode::Disk, segment_bytes: 256 * 1024, emergency_bytes: 16 * 1024 }
}

/// The child: appends and says what is durable, until it is killed.
fn write_until_killed(dir: &Path) {
    let (mut log, _) = Log::open(Arc::new(Disk), dir, config()).unwrap();
    let mut out = std::io::stdout().lock();
    for batch in 0_u64.. {
        for _ in 0..=batch % 40 {
            let seq = log.next_seq();
            log.append(1, 2, 3, &seq.to_le_bytes().repeat(usize::try_from(seq % 60).unwrap())).unwrap();
        }
        writeln!(out, "durable {}", log.commit([0; 32]).unwrap()).unwrap();
    }
}

/// Method: 200 times (2,000 under TIDERACE_FULL) start the child on the same log, kill it after some acknowledgements,
/// then read everything.
#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    if let Some(dir) = std::env::var_os(DIR) {
        return write_until_killed(Path::new(&dir));
    }
    let dir = std::env::temp_dir().join(format!("tiderace-kill-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let fs: Arc<dyn FileSystem> = Arc::new(Disk);
    let kills = if std::env::var_os("TIDERACE_FULL").is_some() { 2_000 } else { 200 };
    let (mut torn, mut next_seq, mut acked) = (0_u64, 0_u64, 0_u64);
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_process_loses_nothing_it_acknowledged", "--nocapture"])
            .env(DIR, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said = lines.filter_map(|line| line.rsplit_once("durable ")?.1.parse::<u64>().ok());
        acked = said.by_ref().take(1 + kill * 7 % 50).last().unwrap();
        child.kill().unwrap();
        // What it said between our last look and its end counts too.
        acked = said.last().unwrap_or(acked);
        child.wait().unwrap();
        let mut reader = LogReader::open(Arc::clone(&fs), &dir, next_seq.saturating_sub(1)).unwrap();
        let known = next_seq;
        while let Some(batch) = reader.next_batch().unwrap() {
            for record in batch.records().filter(|record| record.header.seq >= known) {
                assert_eq!(record.header.seq, next_seq);
                let wanted = next_seq.to_le_bytes().repeat(usize::try_from(next_seq % 60).unwrap());
                assert_eq!(record.payload, wanted);
                next_seq += 1;
            }
        }
        torn += u64::from(*reader.tail() != LogTail::Whole);
        assert!(next_seq >= acked, "kill {kill}: durable below {acked}, found below {next_seq}");
    }
    println!("killed: {kills}; acknowledged: {acked}, lost: 0, twice: 0; torn tails: {torn}");
    std::fs::remove_dir_all(&dir).unwrap();
}
