//! A journal applied again: the same digest, or the place where it is not.

mod desk;

use desk::{ONE, Row, SEC, SPOT, Trial, Written, genesis, order, parent, posting_parent, rows, scratch, sent, write};
use serde_json::json;
use tiderace_engine::replay::{Ending, ReplayError, Replayed, read_genesis, replay};
use tiderace_engine::{Desk, DeskConfig, Engine, KIND_GENESIS, KIND_SEAL};
use tiderace_journal::{JournalError, Reader};
use tiderace_types::input::{ExecutionReport, SubmitOrder, SubmitParent};
use tiderace_types::{Input, MarketEvent, ParentId, Price, Side, Ts};

/// A parent worked over live books, with some client orders beside it.
fn run(trial: &mut Trial) {
    trial.all_live();
    let mut out = trial.apply(parent());
    for step in 0_i64..4 {
        trial.fill_all(&out);
        trial.level(SPOT, Side::Buy, 59_990 - step, 3);
        let id = u64::try_from(step).unwrap() + 1;
        out = trial.apply(order(id, SPOT, Side::Buy, 59_000 + step));
        trial.ack(&sent(&out)[0]);
        out = trial.pass(25 * SEC);
    }
}

fn finished() -> (Trial, Replayed) {
    let mut trial = Trial::new();
    run(&mut trial);
    let replayed = trial.end();
    (trial, replayed)
}

#[test]
fn replay_gives_the_digest_the_rows_and_the_counts_of_the_run() {
    let (trial, replayed) = finished();
    assert_eq!(replayed.ending, Ending::Completed);
    assert_eq!(replayed.events, trial.engine.events());
    assert_eq!(replayed.events, trial.tape.len() as u64);
    assert_eq!(replayed.inputs, trial.engine.inputs());
    assert_eq!(replayed.ts_last.get(), trial.now);
    for (kind, ..) in tiderace_types::Output::TABLE {
        assert_eq!(replayed.log.rows(*kind), trial.engine.log().rows(*kind), "kind {kind}");
    }
    assert_eq!(read_genesis(&trial.path).unwrap(), genesis().to_string());
}

#[test]
fn the_same_run_gives_the_same_journal_byte_for_byte() {
    let (one, _) = finished();
    let (two, _) = finished();
    assert_eq!(std::fs::read(&one.path).unwrap(), std::fs::read(&two.path).unwrap());
}

/// Goal: no byte of a journal can change unseen, and the place is named. Method: flip a bit in byte after byte; `TIDERACE_FULL=1` takes every byte.
#[test]
fn a_flipped_byte_anywhere_is_named_by_its_offset() {
    let (trial, _) = finished();
    let good = std::fs::read(&trial.path).unwrap();
    let changed = Written(scratch());
    let step = if std::env::var_os("TIDERACE_FULL").is_some() { 1 } else { 89 };
    for at in (0..good.len()).step_by(step) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(&changed.0, &bad).unwrap();
        match replay(&changed.0, &trial.tape).map(|_| ()).unwrap_err() {
            ReplayError::Journal(error @ JournalError::Damaged { offset, len, byte, .. }) => {
                let at = at as u64;
                assert!(offset <= at && at < offset + len, "byte {at} is outside {offset}+{len}");
                let named = byte.unwrap_or(offset);
                assert!(byte.is_none_or(|byte| byte == at), "byte {at} is not the one named");
                assert!(error.to_string().starts_with(&format!("offset {named}: ")), "{error}");
            }
            ReplayError::Journal(error @ JournalError::NotAJournal) => {
                assert!(at < 8 && error.to_string().starts_with("offset 0: "));
            }
            other => panic!("byte {at}: {other}"),
        }
    }
}

/// Goal: a change made with care, every checksum made anew, is still found where it acts. Method: change one input at a
/// time so that it must act differently, and write the journal again.
#[test]
fn a_changed_input_differs_at_its_own_sequence() {
    let (trial, _) = finished();
    let rows = rows(&trial.path);
    let mut changes = 0;
    for (seq, row) in rows.iter().enumerate() {
        let Ok(input) = Input::decode(row.kind, &row.payload) else { continue };
        let changed: Input = match input {
            Input::SubmitParent(parent) => SubmitParent { parent_id: ParentId(77), ..parent }.into(),
            Input::SubmitOrder(order) => SubmitOrder { price: Price::new(order.price.get() + 7), ..order }.into(),
            Input::ExecutionReport(report) if report.last_qty.get() > 0 => {
                ExecutionReport { last_px: Price::new(report.last_px.get() - 1), ..report }.into()
            }
            _ => continue,
        };
        let mut rows = rows.clone();
        rows[seq].payload.clear();
        changed.encode(&mut rows[seq].payload);
        let journal = write(&rows);
        match replay(&journal.0, &trial.tape).map(|_| ()).unwrap_err() {
            ReplayError::Differs { seq: at, offset } => {
                assert_eq!(at, seq as u64);
                let mut reader = Reader::open(&journal.0).unwrap();
                let mut found = None;
                while let Some(batch) = reader.next_batch().unwrap() {
                    found = found.or(batch.records().find(|r| r.offset == offset).map(|r| r.header.seq));
                }
                assert_eq!(found, Some(at), "the offset is that of the record");
            }
            other => panic!("sequence {seq}: {other}"),
        }
        changes += 1;
    }
    assert!(changes > 8, "{changes} inputs were changed");
}

#[test]
fn a_changed_time_of_a_record_differs_at_its_sequence() {
    let (trial, _) = finished();
    let rows = rows(&trial.path);
    let seq = rows.iter().position(|row| row.kind == 14).unwrap();
    let mut changed = rows.clone();
    changed[seq].ts += 1;
    let journal = write(&changed);
    let error = replay(&journal.0, &trial.tape).map(|_| ()).unwrap_err();
    assert!(matches!(error, ReplayError::Differs { seq: at, .. } if at == seq as u64), "{error}");
}

/// The outputs of the last input are under the seal alone.
#[test]
fn a_changed_end_differs_at_the_end() {
    let mut trial = Trial::live();
    trial.apply(order(1, SPOT, Side::Buy, 59_000));
    trial.end();
    let mut rows = rows(&trial.path);
    let end = rows.len() - 2;
    rows[end].ts += 1;
    let error = replay(&write(&rows).0, &trial.tape).map(|_| ()).unwrap_err();
    assert!(matches!(error, ReplayError::Differs { seq, .. } if seq == end as u64), "{error}");
}

/// Each market record in turn with another price: where outputs depend on it the first difference is at the reference
/// that covers it or later, and where they do not the digest is the same.
#[test]
fn a_changed_tape_differs_at_or_after_the_reference_that_covers_it() {
    let (trial, replayed) = finished();
    let covering = |index: u64| {
        let covers = |row: &Row| match Input::decode(row.kind, &row.payload) {
            Ok(Input::MarketData(m)) => (m.offset..m.offset + u64::from(m.count)).contains(&index),
            _ => false,
        };
        rows(&trial.path).iter().position(covers).unwrap() as u64
    };
    let mut differing = 0;
    for at in 0..trial.tape.len() {
        let mut tape = trial.tape.clone();
        tape[at].price = Price::new(tape[at].price.get() + 1);
        match replay(&trial.path, &tape) {
            Ok(same) => assert_eq!(same.digest, replayed.digest),
            Err(ReplayError::Differs { seq, .. }) => {
                assert!(seq >= covering(at as u64), "record {at}");
                differing += 1;
            }
            Err(other) => panic!("{other}"),
        }
        let mut tape = trial.tape.clone();
        tape.truncate(at);
        let error = replay(&trial.path, &tape).map(|_| ()).unwrap_err();
        assert!(matches!(error, ReplayError::TapeTooShort { got, .. } if got == at as u64), "{error}");
    }
    // The best prices at arrival, whose change moves the mids.
    assert!(differing >= 6, "{differing}");
}

/// A gap that the run did not see changes outputs within the market reference itself.
#[test]
fn a_gap_put_into_the_tape_differs_at_its_own_reference() {
    let (trial, _) = finished();
    let mut tape = trial.tape.clone();
    let at = tape.iter().rposition(|event| event.kind == tiderace_types::MarketKind::Level).unwrap();
    tape[at] = MarketEvent { kind: tiderace_types::MarketKind::Gap, ..tape[at] };
    let last_market = rows(&trial.path).iter().rposition(|row| row.kind == 2).unwrap() as u64;
    let error = replay(&trial.path, &tape).map(|_| ()).unwrap_err();
    assert!(matches!(error, ReplayError::Differs { seq, .. } if seq == last_market), "{error}");
}

/// A run long enough for several batches, cut at each of their ends and everywhere between.
#[test]
fn a_journal_cut_short_replays_to_its_last_whole_batch() {
    let mut trial = Trial::live();
    let mut digests = vec![trial.engine.digest()];
    for id in 1..=1_500_u64 {
        trial.apply(order(id, SPOT, Side::Buy, 59_000));
        digests.push(trial.engine.digest());
        if id % 3 == 0 {
            trial.level(SPOT, Side::Buy, 59_000, i64::try_from(id).unwrap());
            digests.push(trial.engine.digest());
        }
    }
    digests.push(trial.end().digest);
    let mut ends = Vec::new();
    let mut reader = Reader::open(&trial.path).unwrap();
    while let Some(batch) = reader.next_batch().unwrap() {
        ends.push((batch.offset, batch.header.first_seq));
    }
    assert!(ends.len() >= 4, "{} batches", ends.len());
    let whole = std::fs::read(&trial.path).unwrap();
    let cut = Written(scratch());
    for pair in ends.windows(2) {
        let [(start, _), (end, next_seq)] = pair else { unreachable!() };
        for len in [*end, *end + 1, *end + 50, *end + 97, (*start + *end) / 2] {
            std::fs::write(&cut.0, &whole[..usize::try_from(len).unwrap()]).unwrap();
            match replay(&cut.0, &trial.tape) {
                Ok(replayed) => {
                    assert_eq!(replayed.ending, Ending::Unfinished);
                    let is_whole = len == *end;
                    let torn_at = if len >= *end { *end } else { *start };
                    assert_eq!(replayed.torn_at, (!is_whole).then_some(torn_at));
                    assert!(digests.contains(&replayed.digest) || replayed.inputs == 1);
                    if len >= *end {
                        assert_eq!(replayed.inputs, *next_seq, "all up to the cut was applied");
                    }
                }
                Err(ReplayError::NoGenesis) => assert!(len < ends[1].0, "only the first batch holds the genesis"),
                Err(other) => panic!("cut at {len}: {other}"),
            }
        }
    }
}

#[test]
fn an_interrupted_run_replays_as_interrupted() {
    let mut trial = Trial::live();
    trial.apply(order(1, SPOT, Side::Buy, 59_000));
    let digest = trial.engine.finish(Ts::new(trial.now), true).unwrap();
    let replayed = replay(&trial.path, &trial.tape).unwrap();
    assert_eq!((replayed.ending, replayed.digest), (Ending::Interrupted, digest));
}

/// A record, a batch, a torn batch, or bytes of no batch: whatever stands behind the seal is named by its offset.
#[test]
fn what_follows_the_seal_is_refused_with_its_offset() {
    let (trial, replayed) = finished();
    assert_eq!((replayed.ending, replayed.torn_at), (Ending::Completed, None));
    let after = |journal: &Written| match replay(&journal.0, &trial.tape).map(|_| ()).unwrap_err() {
        ReplayError::AfterSeal { offset } => offset,
        other => panic!("{other}"),
    };
    let mut rows = rows(&trial.path);
    let mut late = rows[rows.len() - 2].clone();
    late.outputs_crc = rows[rows.len() - 1].outputs_crc;
    rows.push(late);
    let in_batch = write(&rows);
    let mut reader = Reader::open(&in_batch.0).unwrap();
    let mut last = 0;
    while let Some(batch) = reader.next_batch().unwrap() {
        last = batch.records().map(|record| record.offset).max().unwrap();
    }
    assert_eq!(after(&in_batch), last);

    let whole = std::fs::read(&trial.path).unwrap();
    let len = whole.len() as u64;
    let longer = Written(scratch());
    let append = |tail: &[u8]| std::fs::write(&longer.0, [&whole, tail].concat()).unwrap();
    let batch = &whole[tiderace_journal::format::FILE_HEADER_LEN..];
    append(&batch[..40]);
    assert_eq!(after(&longer), len, "a batch cut short");
    for garbage in [&b"x"[..], &[0; 60], &[7; 500]] {
        append(garbage);
        match replay(&longer.0, &trial.tape).map(|_| ()).unwrap_err() {
            ReplayError::Journal(JournalError::Damaged { offset, .. }) => assert_eq!(offset, len),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn rules_of_another_version_are_refused_by_name() {
    let (trial, _) = finished();
    let mut rows = rows(&trial.path);
    let mut json = genesis();
    json["rules_version"] = json!(3);
    rows[0].payload = json.to_string().into_bytes();
    let error = replay(&write(&rows).0, &trial.tape).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("rules version 3 is not in this build (it applies 2)"), "{error}");
}

#[test]
fn what_is_no_journal_of_a_desk_is_refused_by_name() {
    let (trial, _) = finished();
    let good = rows(&trial.path);
    let error = |rows: &[Row]| replay(&write(rows).0, &trial.tape).map(|_| ()).unwrap_err();
    assert!(matches!(error(&[]), ReplayError::NoGenesis));
    assert!(matches!(error(&good[1..]), ReplayError::NoGenesis));
    let mut bad = good.clone();
    bad[3].kind = 999;
    let unknown = error(&bad);
    assert!(unknown.to_string().contains("sequence 3: record kind 999 is not known"), "{unknown}");
    let mut bad = good.clone();
    bad[3].payload.push(0);
    assert!(matches!(error(&bad), ReplayError::Record { seq: 3, .. }));
    let mut bad = good.clone();
    bad[0].payload = vec![0xff; 9];
    assert!(matches!(error(&bad), ReplayError::NoGenesis));
    assert_eq!((good[0].kind, good[good.len() - 1].kind), (KIND_GENESIS, KIND_SEAL));
}

/// A run of market records longer than one reference holds is journaled in parts.
#[test]
fn a_long_run_of_market_records_is_referenced_whole() {
    let mut trial = Trial::live();
    let from = trial.tape.len() as u64;
    let count = u64::from(tiderace_engine::MARKET_RUN_MAX) + 10;
    let event = trial.event(SPOT, tiderace_types::MarketKind::Level, Side::Buy);
    let event = MarketEvent { price: Price::new(59_000), qty_e8: ONE, ..event };
    trial.tape.resize(usize::try_from(from + count).unwrap(), event);
    for index in from..from + count {
        trial.engine.market(index, &event).unwrap();
    }
    trial.apply(posting_parent());
    let replayed = trial.end();
    assert_eq!(replayed.events, from + count);
    assert_eq!(replayed.inputs, 1 + 2 + 1 + 1 + 1 + 1, "genesis, two references, parent, its first slice, end, seal");
}

#[test]
fn a_run_without_a_journal_has_the_same_digest() {
    let (_, replayed) = finished();
    let json = genesis().to_string();
    let desk = Desk::new(&DeskConfig::from_json(&json).unwrap()).unwrap();
    let mut trial = Trial::new();
    trial.engine = Engine::new(desk, &json, None).unwrap();
    run(&mut trial);
    assert_eq!(trial.engine.finish(Ts::new(trial.now), false).unwrap(), replayed.digest);
}

/// Goal: a process that is killed leaves all that it had flushed. Method: replay the file while the run is still open.
#[test]
fn what_was_flushed_replays_while_the_run_goes_on() {
    let mut trial = Trial::new();
    run(&mut trial);
    trial.level(SPOT, Side::Buy, 59_001, 3);
    trial.engine.flush().unwrap();
    let replayed = replay(&trial.path, &trial.tape).unwrap();
    assert_eq!(replayed.ending, Ending::Unfinished);
    assert_eq!(replayed.digest, trial.engine.digest());
    assert_eq!(replayed.events, trial.tape.len() as u64);
    trial.engine.flush().unwrap();
    trial.level(SPOT, Side::Buy, 59_002, 3);
    assert_eq!(trial.end().ending, Ending::Completed, "and goes on as if it had not been");
}
