//! Every scenario of `tests/scenarios`, told strictly, and once more with a crash after every command.
//!
//! `SCENARIO=auctions/` keeps only files whose path holds that text.

use std::path::{Path, PathBuf};

use tiderace_sim::scenario::{Options, files, run_file};

/// The number of files is a promise; one that is lost is a test that is lost.
const FILES_MIN: usize = 618;

fn told(crash_everywhere: bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios").canonicalize().unwrap();
    let filter = std::env::var("SCENARIO").unwrap_or_default();
    let all: Vec<PathBuf> = files(std::slice::from_ref(&folder)).unwrap();
    let chosen: Vec<_> = all.iter().filter(|path| path.to_string_lossy().contains(&filter)).collect();
    let options = Options { strict: true, crash_everywhere };
    let mut failed = 0;
    for path in &chosen {
        let outcome = run_file(path, options).unwrap_or_else(|bad| panic!("{bad}"));
        if outcome.failure.is_some() {
            failed += 1;
            println!("{outcome}");
        }
    }
    println!("{} of {} scenarios pass, crash everywhere: {crash_everywhere}", chosen.len() - failed, chosen.len());
    assert!(!filter.is_empty() || all.len() >= FILES_MIN, "only {} scenarios are left", all.len());
    assert_eq!(failed, 0, "scenarios failed");
}

#[test]
fn every_scenario_passes_strictly() {
    told(false);
}

#[test]
fn every_scenario_passes_with_a_crash_after_every_command() {
    told(true);
}

/// Legs of a quote off the grid are refused under their own names, the ledger of spot and inverse contracts holds, and
/// means that do not come out even are compared to the digits that a file writes.
#[test]
fn spot_and_inverse_contracts_keep_the_ledger() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spot_and_inverse.jsonl");
    for crash_everywhere in [false, true] {
        let outcome = run_file(&path, Options { strict: false, crash_everywhere }).unwrap();
        assert!(outcome.failure.is_none(), "{outcome}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_back_to_a_folder_above_is_not_followed() {
    let root = std::env::temp_dir().join(format!("tiderace-loop-{}", std::process::id()));
    std::fs::create_dir_all(root.join("a/b")).unwrap();
    std::fs::write(root.join("a/b/story.jsonl"), "").unwrap();
    std::os::unix::fs::symlink(&root, root.join("a/up")).unwrap();
    std::os::unix::fs::symlink(".", root.join("a/b/self")).unwrap();
    let found = files(std::slice::from_ref(&root));
    std::fs::remove_dir_all(&root).unwrap();
    assert_eq!(found.unwrap(), [root.join("a/b/story.jsonl")]);
}
