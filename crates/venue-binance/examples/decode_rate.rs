//! Decode throughput on the real recordings: inflated bytes in memory, and with gzip beside it.
//!
//! `TIDERACE_DATA=… cargo run --release -p tiderace-venue-binance --example decode_rate`

#[path = "../tests/known/mod.rs"]
mod known;

use std::time::Instant;

use tiderace_feed::Tape;
use tiderace_venue_binance::{Decoded, decode_all, read};

fn main() {
    let data = std::env::var("TIDERACE_DATA").expect("TIDERACE_DATA names the folder of recordings");
    let recordings = known::recordings(&data);
    let texts: Vec<Vec<(String, Vec<u8>)>> = recordings
        .iter()
        .map(|(_, _, files)| {
            let read = |path: &std::path::PathBuf| (path.display().to_string(), tiderace_feed::read(path).unwrap().0);
            files.iter().map(read).collect()
        })
        .collect();
    let bytes: usize = texts.iter().flatten().map(|(_, text)| text.len()).sum();
    let rate = |started: Instant| bytes as f64 / 1e6 / started.elapsed().as_secs_f64();
    let mut decoded = Vec::new();
    for _ in 0..7 {
        decoded.clear();
        let started = Instant::now();
        for ((market, instrument, _), texts) in recordings.iter().zip(&texts) {
            let files: Vec<_> = texts.iter().map(|(file, text)| (file.as_str(), text.as_slice())).collect();
            decoded.push(decode_all(&files, *market, instrument).unwrap());
        }
        let in_memory = rate(started);
        let started = Instant::now();
        for (market, instrument, files) in &recordings {
            read(files, *market, instrument).unwrap();
        }
        println!("{bytes} bytes: {in_memory:.0} MB/s in memory, {:.0} MB/s with gzip and hash", rate(started));
    }
    for Decoded { tape, summary } in &decoded {
        println!("{} records, {summary:?}", tape.events.len());
    }
    let started = Instant::now();
    let tapes: Vec<_> = decoded.into_iter().map(|d| d.tape).collect();
    let merged = Tape::merge(&tapes);
    println!("merged {} records in {:?}", merged.events.len(), started.elapsed());
}
