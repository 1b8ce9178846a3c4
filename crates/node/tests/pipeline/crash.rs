//! `kill -9` of a process under load: everything acknowledged is there after a restart, nothing twice.

use std::path::Path;
use std::process::Command;

use tiderace_journal::Mode;
use tiderace_node::crash::{Plan, kill_children, run_child};

use crate::tally::{Tally, new_order};
use crate::{Folder, GENESIS};

const CHILD: &str = "TIDERACE_TEST_CRASH_CHILD";
const NEXT_ID: &str = "TIDERACE_TEST_CRASH_NEXT_ID";

fn plan(mode: Mode) -> Plan<Tally> {
    Plan { genesis: GENESIS.to_vec(), fresh: Tally::default, opening: Vec::new(), order: new_order, mode }
}

/// Not a test: what the test below starts and kills.
#[test]
fn child() {
    let (Ok(dir), Ok(next_id)) = (std::env::var(CHILD), std::env::var(NEXT_ID)) else { return };
    run_child(&plan(mode(&dir)), Path::new(&dir), next_id.parse().unwrap()).unwrap();
}

fn mode(dir: &str) -> Mode {
    if dir.contains("kill-disk") { Mode::Disk } else { Mode::Os }
}

fn kills(mode: Mode, name: &str, count: u64) {
    let folder = Folder::new(name);
    let child = |dir: &Path, next_id: u64| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "crash::child", "--nocapture"]);
        command.env(CHILD, dir).env(NEXT_ID, next_id.to_string());
        command
    };
    let findings = kill_children(&plan(mode), &folder.0, count, 20_251_121, child, |_| true).unwrap();
    println!("mode {mode:?}: {findings:?}");
    assert_eq!((findings.kills, findings.lost, findings.duplicated), (count, 0, 0));
    assert!(findings.acknowledged >= count - count / 4, "one in four may be killed before it acknowledges anything");
}

#[test]
fn a_killed_process_has_lost_nothing_that_it_acknowledged() {
    kills(Mode::Os, "kill-os", 150);
    kills(Mode::Disk, "kill-disk", 50);
}
