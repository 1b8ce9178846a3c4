//! Writes the first inputs of the corpus: what our own writers write. Run in `fuzz`: `cargo run --example seeds`.

use std::path::Path;
use std::sync::Arc;

use tiderace_fuzz::{checkpoint, records, signing_key, tree};
use tiderace_journal::{Config, Faulty, FileSystem, Log, Mode, Retention, Snapshots, Writer, proof};
use tiderace_types::layout::Column;
use tiderace_types::{Input, Layout, Output, venue};

fn main() -> std::io::Result<()> {
    journals()?;
    for (kind, name, fields) in Input::TABLE.iter().chain(Output::TABLE) {
        record("desk_records", *kind, name, fields)?;
    }
    for (kind, name, fields) in venue::Single::TABLE.iter().chain(venue::Event::TABLE) {
        record("venue_records", *kind, name, fields)?;
    }
    for entries in [0, 1, 7, venue::QUOTE_ENTRIES_MAX, venue::QUOTE_ENTRIES_MAX + 1] {
        let head = [("", Column::U32), ("", Column::U64), ("", Column::U16)];
        let entry = venue::QuoteEntry::FIELDS.repeat(entries);
        let fields = [head.as_slice(), entry.as_slice()].concat();
        record("venue_records", venue::MassQuote::KIND, &format!("MassQuote_{entries}"), &fields)?;
    }
    put("tape", "zeros", &[0; 96])?;

    let note = checkpoint();
    let keys = [signing_key().verifier_key().clone()];
    put("checkpoint", "note", note.as_bytes())?;
    put("checkpoint", "keys", format!("# one\n{}\n", keys[0]).as_bytes())?;
    put("checkpoint", "text", note.split_once("\n\n").expect("a note").0.as_bytes())?;
    let file = proof::prove(&tree(), 6, &records()[6], &note, &keys).expect("a record of the tree");
    let head = file.split_once("\n\n").expect("a proof").0;
    put("proof", "whole", file.as_bytes())?;
    put("proof", "head", format!("{head}\n").as_bytes())
}

/// A journal of one file, logs of one and two segments, a snapshot.
fn journals() -> std::io::Result<()> {
    let path = std::env::temp_dir().join(format!("tiderace-seeds-{}", std::process::id()));
    let mut writer = Writer::create(&path).expect("a file");
    for kind in 1..6_u16 {
        writer.append(kind, i64::from(kind), 7, &vec![0; usize::from(kind)]).expect("a record");
        if kind % 2 == 0 {
            writer.close_batch([9; 32]).expect("a batch");
        }
    }
    writer.finish([9; 32]).expect("a journal");
    let bytes = std::fs::read(&path)?;
    std::fs::remove_file(&path)?;
    for (choice, name) in [(0, "sealed"), (1, "raw")] {
        put("journal_file", &format!("{name}_whole"), &[&[choice], bytes.as_slice()].concat())?;
        put("journal_file", &format!("{name}_torn"), &[&[choice], &bytes[..bytes.len() - 5]].concat())?;
    }

    for (choice, mode, segment_bytes) in [(1, Mode::Os, 4096), (3, Mode::Disk, 8192)] {
        let (fs, dir) = (Faulty::new(512), Path::new("/log"));
        let config = Config { mode, segment_bytes, emergency_bytes: 8192 };
        let (mut log, _) = Log::open(Arc::new(fs.clone()), dir, config).expect("a log");
        for kind in 0..6 {
            log.append(kind, 0, 7, &[0; 700]).expect("a record");
            log.commit([9; 32]).expect("a batch");
        }
        log.finish([9; 32]).expect("a log");
        let segments: Vec<Vec<u8>> = fs.list(dir)?.iter().filter_map(|path| fs.bytes(path)).collect();
        let mut bytes = vec![choice];
        segments.iter().take(2).for_each(|segment| bytes.extend_from_slice(segment));
        put("journal_log", &format!("{mode:?}").to_lowercase(), &bytes)?;
        put("journal_log", &format!("{mode:?}_one").to_lowercase(), &[&[choice - 1], segments[0].as_slice()].concat())?;
    }

    let (fs, dir) = (Faulty::new(512), Path::new("/log"));
    let keep = Retention { keep_snapshots: 1, keep_segments_before_snapshot: 0 };
    let path = Snapshots::new(Arc::new(fs.clone()), dir, keep).write(7, [9; 32], b"state").expect("a snapshot");
    put("snapshot", "whole", &fs.bytes(&path).expect("it was written"))
}

/// A record of which every field is the number one, as most fields may be.
fn record(target: &str, kind: u16, name: &str, fields: &[(&str, Column)]) -> std::io::Result<()> {
    let mut bytes = kind.to_le_bytes().to_vec();
    for (_, column) in fields {
        let len = match column {
            Column::U8 | Column::Bool => 1,
            Column::U16 => 2,
            Column::U32 => 4,
            Column::U64 | Column::I64 => 8,
            Column::I128 | Column::Tags => 16,
        };
        bytes.push(1);
        bytes.resize(bytes.len() + len - 1, 0);
    }
    put(target, name, &bytes)
}

fn put(target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join(name), bytes)
}
