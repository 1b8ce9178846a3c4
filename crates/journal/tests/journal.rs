//! What is written comes back; what was changed is found and named; what was cut is told from what was changed.

use std::path::PathBuf;

use proptest::prelude::*;
use tiderace_journal::format::RecordHeader;
use tiderace_journal::{Difference, JournalError, Reader, Tail, Writer, first_difference};

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("tiderace-journal-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&dir);
    dir
}

fn write(path: &PathBuf, records: &[(u16, Vec<u8>)], per_batch: usize) -> [u8; 32] {
    let mut writer = Writer::create(path).unwrap();
    for (i, (kind, payload)) in records.iter().enumerate() {
        writer.append(*kind, i64::try_from(i).unwrap(), 7, payload).unwrap();
        if (i + 1) % per_batch == 0 {
            writer.close_batch([9; 32]).unwrap();
        }
    }
    writer.finish([9; 32]).unwrap()
}

fn read(path: &PathBuf) -> Result<(Vec<(u16, Vec<u8>)>, Tail, [u8; 32]), JournalError> {
    let mut reader = Reader::open(path)?;
    let mut records = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        records.extend(batch.records().map(|r| (r.header.kind, r.payload.to_vec())));
    }
    Ok((records, reader.tail(), reader.root()))
}

fn sample() -> Vec<(u16, Vec<u8>)> {
    (0..10_u8).map(|i| (u16::from(i), vec![i; usize::from(i) * 3])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_comes_back(
        records in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..300)), 0..50),
        per_batch in 1_usize..20,
    ) {
        let path = scratch("round");
        let root = write(&path, &records, per_batch);
        let (back, tail, read_root) = read(&path).unwrap();
        prop_assert_eq!(back, records);
        prop_assert_eq!(tail, Tail::Whole);
        prop_assert_eq!(read_root, root);
        std::fs::remove_file(&path).unwrap();
    }
}

/// Goal: no single changed byte goes unseen. Method: flip a bit of each byte in turn and read the file.
#[test]
fn every_changed_byte_is_found_and_its_place_named() {
    let path = scratch("flip");
    write(&path, &sample(), 4);
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bad).unwrap();
        match read(&path) {
            Err(error @ JournalError::Damaged { offset, len, byte, .. }) => {
                let at = u64::try_from(at).unwrap();
                assert!(offset <= at && at < offset + len, "byte {at} is outside {offset}+{len}");
                assert_eq!(byte, Some(at));
                assert!(error.to_string().starts_with(&format!("offset {at}: ")));
            }
            Err(JournalError::NotAJournal) => assert!(at < 8),
            other => panic!("byte {at} changed and was read as {other:?}"),
        }
    }
    std::fs::remove_file(&path).unwrap();
}

/// Goal: a write cut short loses only its own batch. Method: cut the file at every length.
#[test]
fn a_torn_tail_keeps_every_whole_batch() {
    let path = scratch("torn");
    write(&path, &sample(), 4);
    let good = std::fs::read(&path).unwrap();
    for len in 16..good.len() {
        std::fs::write(&path, &good[..len]).unwrap();
        let (records, tail, _) = read(&path).unwrap();
        assert!(records.len() == 0 || records.len() == 4 || records.len() == 8, "{len}: {}", records.len());
        assert_eq!(records, sample()[..records.len()]);
        assert!(tail == Tail::Whole || matches!(tail, Tail::Torn { offset } if offset < u64::try_from(len).unwrap()));
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn two_journals_part_at_the_first_record_that_differs() {
    let (left, right) = (scratch("left"), scratch("right"));
    write(&left, &sample(), 4);
    write(&right, &sample(), 3);
    assert_eq!(first_difference(&left, &right).unwrap(), None, "how batches are cut makes no difference");
    let mut other = sample();
    other[6].1.push(1);
    other.pop();
    std::fs::remove_file(&right).unwrap();
    write(&right, &other, 4);
    assert_eq!(first_difference(&left, &right).unwrap().map(|d| d.seq), Some(6));
    other[6].1.pop();
    std::fs::remove_file(&right).unwrap();
    write(&right, &other, 4);
    assert!(matches!(first_difference(&left, &right).unwrap(), Some(Difference { seq: 9, offset: Some(_) })));
    assert!(matches!(first_difference(&right, &left).unwrap(), Some(Difference { seq: 9, offset: None })));
    std::fs::remove_file(&left).unwrap();
    std::fs::remove_file(&right).unwrap();
}

#[test]
fn an_existing_journal_is_never_overwritten() {
    let path = scratch("exists");
    write(&path, &sample(), 4);
    assert!(matches!(Writer::create(&path), Err(JournalError::Io { .. })));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_journal_of_another_layout_is_refused_by_name() {
    let path = scratch("layout");
    let mut header = b"TIDERACE".to_vec();
    header.extend_from_slice(&2_u32.to_le_bytes());
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    std::fs::write(&path, header).unwrap();
    assert!(matches!(Reader::open(&path), Err(JournalError::UnknownVersion { version: 2 })));
    std::fs::remove_file(&path).unwrap();
}

/// The bytes of layout version 1, which later builds must go on reading.
#[test]
fn golden_bytes() {
    let path = scratch("golden");
    write(&path, &[(3, b"abc".to_vec())], 1);
    let hex: String = std::fs::read(&path).unwrap().iter().map(|b| format!("{b:02x}")).collect();
    let golden = include_str!("../../../tests/golden/journal_v1.hex");
    assert_eq!(hex, golden.split_whitespace().collect::<String>());
    std::fs::remove_file(&path).unwrap();
}

/// A later layout may give the zero of a record header a meaning; this build must not read past it.
#[test]
fn a_zero_that_is_not_zero_is_refused_though_its_crc_holds() {
    let mut bytes = Vec::new();
    RecordHeader { len: 3, kind: 1, seq: 5, ts: 9, outputs_crc: 7 }.put(b"abc", &mut bytes);
    assert!(RecordHeader::take(&mut bytes.as_slice()).is_some());
    for at in [6, 7] {
        let mut changed = bytes.clone();
        changed[at] = 1;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&changed[..28]), b"abc");
        changed[28..32].copy_from_slice(&crc.to_le_bytes());
        assert!(RecordHeader::take(&mut changed.as_slice()).is_none());
    }
}
