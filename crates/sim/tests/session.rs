//! A session over a journal that fails: a full disk, a write or sync that fails, and what the next opening makes of it;
//! names that no journal should hold; a journal that a build with fewer terms began.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tiderace_journal::{Config, Faults, Faulty, FileSystem, Log, LogReader, Mode};
use tiderace_sim::scenario::{Opening, Place, Session, SessionError, Words};
use tiderace_types::venue::{CancelAll, Command, KillSet, NewOrder};
use tiderace_types::{AccountId, ClOrdId, InstrumentId, KillScope, Price, Qty, Side, Ts};

const DIR: &str = "/journal";

fn venue() -> Value {
    json!({
        "start": "2026-01-01T00:00:00Z",
        "assets": [{"asset": "USDC", "decimals": 6}],
        "instruments": [{"symbol": "P", "kind": "perpetual", "style": "linear", "base": "BTC", "settle": "USDC",
                         "tick_size": "0.5", "lot_size": "0.01", "contract_multiplier": "1"}],
        "accounts": [{"account": "alice", "balances": {"USDC": "1000000"}}, {"account": "bob"}]
    })
}

fn place(disk: &Faulty, mode: Mode) -> Place {
    let config = Config { mode, segment_bytes: 64 * 1024, emergency_bytes: 64 * 1024 };
    Place { fs: Arc::new(disk.clone()), dir: PathBuf::from(DIR), config, snapshot_every: None }
}

fn open(place: &Place) -> Session {
    Session::open(&venue(), Some(place)).unwrap_or_else(|error| panic!("{error}"))
}

fn order(id: &str) -> String {
    json!({"do": "new_order", "account": "alice", "symbol": "P", "side": "buy", "order_qty": "1", "cl_ord_id": id,
           "price": "100"})
    .to_string()
}

fn said(words: &[Words], key: &str) -> Vec<String> {
    words.iter().filter_map(|event| event.get(key)).map(|value| value.as_str().unwrap_or_default().to_owned()).collect()
}

fn say(session: &mut Session, line: &str) -> Vec<Words> {
    session.say(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

const CANCEL_ALL: &str = r#"{"do": "cancel_all", "account": "alice"}"#;
const KILL: &str = r#"{"do": "kill", "scope": "venue", "id": "venue"}"#;
const UNKILL: &str = r#"{"do": "unkill", "scope": "venue", "id": "venue"}"#;

/// No byte more than there are.
fn fill(disk: &Faulty) {
    let files = disk.list(Path::new(DIR)).unwrap();
    let used: usize = files.iter().map(|path| disk.bytes(path).map_or(0, |bytes| bytes.len())).sum();
    disk.set_faults(Faults { capacity: Some(u64::try_from(used).unwrap()), ..Faults::default() });
}

/// Enters orders until the journal takes no more. Returns how many were acknowledged.
fn until_full(session: &mut Session) -> usize {
    for n in 0..10_000 {
        match session.say(&order(&format!("o{n}"))) {
            Ok(words) => assert_eq!(said(&words, "exec_type"), ["new"]),
            Err(SessionError::Failed { why }) => {
                assert!(why.contains("o space") || why.contains("os error 28"), "{why}");
                return n;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the disk does not fill");
}

fn is_failed<T>(done: Result<T, SessionError>) -> bool {
    matches!(done, Err(SessionError::Failed { .. }))
}

#[test]
fn a_full_disk_still_takes_cancels_and_kills_and_the_venue_opens_halted() {
    for mode in [Mode::Os, Mode::Disk] {
        let disk = Faulty::new(512);
        let place = place(&disk, mode);
        let mut session = open(&place);
        fill(&disk);
        let count = until_full(&mut session);
        assert!(count > 10, "{count}");
        let words = say(&mut session, r#"{"do": "cancel", "account": "alice", "orig_cl_ord_id": "o0"}"#);
        assert_eq!(said(&words, "exec_type"), ["canceled"]);
        assert_eq!(words[0].get("is_emergency"), Some(&Value::Bool(true)));
        assert!(is_failed(session.say(&order("x"))) && is_failed(session.say(UNKILL)));
        assert!(is_failed(session.say(r#"{"do": "advance", "by": "1s"}"#)));
        // As many as were acknowledged, and the one that was refused but is in the state.
        assert_eq!(said(&say(&mut session, CANCEL_ALL), "exec_type").len(), count);
        assert_eq!(said(&say(&mut session, KILL), "event"), ["kill_changed"]);
        assert!(is_failed(session.finish()));
        drop(session);
        match mode {
            Mode::Os => disk.kill(),
            Mode::Disk => disk.power_cut(|| false),
        }
        for _ in 0..2 {
            let mut session = open(&place);
            assert!(session.failure().is_none());
            for n in 0..=count {
                assert_eq!(session.order("alice", &format!("o{n}")).unwrap(), None);
            }
            assert_eq!(said(&say(&mut session, &order("y")), "reason"), ["killed"]);
        }
        let mut session = open(&place);
        assert_eq!(session.opening().adopted, 0, "adopted once");
        say(&mut session, UNKILL);
        assert_eq!(said(&say(&mut session, &order("o0")), "reason"), ["duplicate_cl_ord_id"]);
        assert_eq!(said(&say(&mut session, &order("y")), "exec_type"), ["new"]);
    }
}

#[test]
fn the_opening_says_how_many_were_adopted_and_replays_to_the_same() {
    let disk = Faulty::new(512);
    let place = place(&disk, Mode::Disk);
    let mut session = open(&place);
    fill(&disk);
    until_full(&mut session);
    say(&mut session, CANCEL_ALL);
    drop(session);
    disk.power_cut(|| false);
    let session = open(&place);
    let Opening { adopted, .. } = session.opening();
    assert_eq!(*adopted, 2, "the kill of the failure and the cancel");
    let state = (session.venue().unwrap().digest(), session.outputs_digest());
    drop(session);
    disk.power_cut(|| false);
    let session = open(&place);
    assert_eq!((session.venue().unwrap().digest(), session.outputs_digest()), state);
}

#[test]
fn a_cancel_whose_own_commit_fails_is_taken_all_the_same() {
    for faults in [
        Faults { fail_write: Some(1), ..Faults::default() },
        Faults { fail_sync: Some(1), ..Faults::default() },
        Faults { fail_write: Some(1), write_prefix: 600, ..Faults::default() },
    ] {
        let disk = Faulty::new(512);
        let place = place(&disk, Mode::Disk);
        let mut session = open(&place);
        say(&mut session, &order("a"));
        disk.set_faults(faults);
        let words = say(&mut session, r#"{"do": "cancel", "account": "alice", "orig_cl_ord_id": "a"}"#);
        assert_eq!((said(&words, "exec_type"), words[0].contains_key("is_emergency")), (vec!["canceled".into()], true));
        assert!(session.failure().is_some());
        drop(session);
        disk.power_cut(|| false);
        let mut session = open(&place);
        assert!(session.opening().adopted > 0);
        assert_eq!(session.order("alice", "a").unwrap(), None);
        assert_eq!(said(&say(&mut session, &order("b")), "reason"), ["killed"]);
    }
}

#[test]
fn a_batch_of_cancels_is_taken_and_a_mixed_one_fails_with_its_cancels_kept() {
    let disk = Faulty::new(512);
    let place = place(&disk, Mode::Disk);
    let mut session = open(&place);
    let ts = session.now();
    let bid = |id: u64| {
        let qty = Qty::new(1).unwrap();
        Command::from(NewOrder::limit(AccountId(0), InstrumentId(0), ClOrdId(id), Side::Buy, Price::new(200), qty))
    };
    let cancel = || -> Command {
        CancelAll { account: AccountId(0), instrument: tiderace_types::venue::ANY_INSTRUMENT, side: 0, kind: 0 }.into()
    };
    let mut heard = 0;
    session.apply((1..5).map(|id| (ts, bid(id))), |_, _, events| heard += events.len()).unwrap();
    assert_eq!(heard, 4);
    disk.set_faults(Faults { fail_sync: Some(1), ..Faults::default() });
    let mixed = [(ts, bid(5)), (ts, cancel())];
    assert!(is_failed(session.apply(mixed.into_iter(), |_, _, _| {})));
    assert!(is_failed(session.apply([(ts, bid(6))].into_iter(), |_, _, _| panic!("nothing is done"))));
    heard = 0;
    let kill: Command = KillSet { scope: KillScope::Account, id: 1, is_on: true, reduce_only: false }.into();
    // More than the emergency segment has room for one by one.
    let many = core::iter::repeat_with(cancel).take(200).chain([kill]);
    session.apply(many.map(|command| (ts, command)), |_, _, events| heard += events.len()).unwrap();
    assert_eq!(heard, 1, "the cancels of the mixed batch were done, though it failed");
    drop(session);
    disk.power_cut(|| false);
    let mut session = open(&place);
    // The mixed batch's cancel, the kill of the failure, 200 cancels, a kill.
    assert_eq!(session.opening().adopted, 203);
    say(&mut session, UNKILL);
    let by_bob = order("z").replace("alice", "bob");
    assert_eq!(said(&say(&mut session, &by_bob), "reason"), ["killed"]);
    assert_eq!(said(&say(&mut session, &order("z")), "exec_type"), ["new"]);
}

#[test]
fn a_name_that_only_the_emergency_segment_holds_keeps_its_number() {
    let disk = Faulty::new(512);
    let place = place(&disk, Mode::Disk);
    let mut session = open(&place);
    let with = |id: &str, strategy: &str| order(id).replace('}', &format!(", \"strategy\": \"{strategy}\"}}"));
    say(&mut session, &with("a", "first"));
    disk.set_faults(Faults { fail_write: Some(1), ..Faults::default() });
    // Never kept, and yet the first to say "lost".
    assert!(is_failed(session.say(&with("b", "lost"))));
    say(&mut session, r#"{"do": "kill", "scope": "strategy", "id": "second"}"#);
    drop(session);
    disk.power_cut(|| false);
    let mut session = open(&place);
    say(&mut session, UNKILL);
    let mut reason = |id: &str, strategy: &str| said(&say(&mut session, &with(id, strategy)), "reason");
    assert_eq!(reason("c", "third"), Vec::<String>::new());
    assert_eq!(reason("d", "lost"), Vec::<String>::new());
    assert_eq!(reason("e", "second"), ["killed"]);
}

#[test]
fn a_cancel_that_nothing_keeps_is_not_answered() {
    let disk = Faulty::new(512);
    let mut session = open(&place(&disk, Mode::Disk));
    say(&mut session, &order("a"));
    disk.set_faults(Faults { fail_write: Some(1), ..Faults::default() });
    assert!(is_failed(session.say(&order("b"))));
    let many = (0..100).find_map(|_| session.say(CANCEL_ALL).err());
    assert!(many.expect("64 KiB fill").to_string().contains("emergency segment takes no more"));
    assert!(is_failed(session.say(KILL)));
    // As if the disk takes nothing at all.
    let mut session = open(&place(&disk, Mode::Disk));
    say(&mut session, UNKILL);
    disk.set_faults(Faults { cut_at: Some(1), ..Faults::default() });
    assert!(is_failed(session.say(CANCEL_ALL)) && is_failed(session.say(CANCEL_ALL)));
}

#[test]
fn a_state_that_was_never_kept_is_not_shown() {
    let disk = Faulty::new(512);
    let place = place(&disk, Mode::Disk);
    let mut session = open(&place);
    say(&mut session, &order("a"));
    let digest = session.venue().unwrap().digest();
    disk.set_faults(Faults { fail_sync: Some(1), ..Faults::default() });
    assert!(is_failed(session.say(&order("b"))));
    assert!(is_failed(session.venue()) && is_failed(session.snapshot()) && is_failed(session.book("P", 9)));
    assert!(is_failed(session.order("alice", "a")) && is_failed(session.position("alice", "P")));
    assert!(is_failed(session.balance("alice", "USDC")) && is_failed(session.write_snapshot()));
    let text = session.book("P", 9).expect_err("failed").to_string();
    assert!(text.contains("syncing") && text.contains("only cancels and kills") && text.contains("open it again"));
    // The kill of the failure was adopted: nothing works, and "b" never was.
    drop(session);
    disk.power_cut(|| false);
    let session = open(&place);
    assert_ne!(session.venue().unwrap().digest(), digest);
    assert_eq!(session.order("alice", "b").unwrap(), None);
}

#[test]
fn a_name_too_long_is_refused_and_takes_no_number() {
    let disk = Faulty::new(512);
    let place = place(&disk, Mode::Disk);
    let mut session = open(&place);
    let words = say(&mut session, &order(&"x".repeat(70_000)));
    assert_eq!(
        (said(&words, "exec_type"), said(&words, "reason")),
        (vec!["rejected".into()], vec!["bad_field".into()])
    );
    assert!(said(&words, "text")[0].contains("70000 against 64"), "{words:?}");
    let words = say(&mut session, &order(""));
    assert_eq!(said(&words, "reason"), ["bad_cl_ord_id"]);
    assert_eq!(said(&say(&mut session, &order(&"x".repeat(64))), "exec_type"), ["new"]);
    say(&mut session, &order("a"));
    session.finish().unwrap();
    let files = disk.list(Path::new(DIR)).unwrap();
    let has = |text: &[u8]| {
        files.iter().filter_map(|path| disk.bytes(path)).any(|b| b.windows(text.len()).any(|w| w == text))
    };
    assert!(has(&[b'x'; 64]) && !has(&[b'x'; 65]));
    let mut session = open(&place);
    assert!(session.order("alice", "a").unwrap().is_some());
    assert_eq!(said(&say(&mut session, &order("b")), "exec_type"), ["new"]);
}

/// A genesis without the keys that a build with fewer terms did not write: those that say the usual.
fn stripped(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(key, value)| (key.clone(), stripped(value)));
            let is_usual = |value: &Value| match value {
                Value::Null => true,
                Value::Array(list) => list.is_empty(),
                Value::Object(map) => map.is_empty(),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            };
            // What clears the venue came later than all else.
            kept.filter(|(key, value)| !is_usual(value) && key != "clearing").collect()
        }
        Value::Array(list) => list.iter().map(stripped).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn genesis(disk: &Faulty) -> Vec<u8> {
    let fs: Arc<dyn FileSystem> = Arc::new(disk.clone());
    let mut reader = LogReader::open(fs, Path::new(DIR), 0).unwrap();
    let batch = reader.next_batch().unwrap().expect("a genesis");
    batch.records().next().expect("a genesis").payload.to_vec()
}

#[test]
fn a_journal_whose_genesis_says_less_but_means_the_same_opens() {
    let disk = Faulty::new(512);
    drop(open(&place(&disk, Mode::Disk)));
    let whole: Value = serde_json::from_slice(&genesis(&disk)).unwrap();
    let older = stripped(&whole);
    assert!(older.to_string().len() < whole.to_string().len() * 3 / 4, "{older}");

    let begin = |genesis: &Value| {
        let disk = Faulty::new(512);
        let place = place(&disk, Mode::Disk);
        let (mut log, _) = Log::open(Arc::clone(&place.fs), &place.dir, place.config).unwrap();
        log.append(1, Ts::ZERO.get(), 0, genesis.to_string().as_bytes()).unwrap();
        log.commit([0; 32]).unwrap();
        drop(log);
        (disk, place)
    };
    let (disk, place) = begin(&older);
    let mut session = open(&place);
    say(&mut session, &order("a"));
    session.write_snapshot().unwrap();
    say(&mut session, &order("b"));
    let digest = session.venue().unwrap().digest();
    session.finish().unwrap();
    let session = open(&place);
    assert!(session.opening().from_snapshot.is_some());
    assert_eq!(session.venue().unwrap().digest(), digest);
    assert_eq!(genesis(&disk), older.to_string().into_bytes());

    // What is written and is not the usual still makes another venue, and so does what this build does not know.
    let mut other = older.clone();
    other["venue"]["accounts"][0]["name"] = json!("carol");
    let mut unknown = older.clone();
    unknown["venue"]["colour"] = json!("blue");
    for genesis in [other, unknown] {
        let (_, place) = begin(&genesis);
        assert!(matches!(Session::open(&venue(), Some(&place)), Err(SessionError::OtherGenesis)));
    }
}
