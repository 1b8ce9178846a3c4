"""The journal of `tr.Venue`: snapshots, what a kill leaves, trees of closed segments."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_scenario import VENUE, order
from test_venue import BUY, SELL, orders

import tiderace as tr
from tiderace import _scenario

SIDES = [BUY, SELL] * 5


def batch(n: int) -> Any:
    """Make the batch of number ``n``: ten orders, some of which trade."""
    ids = np.arange(1, 11) + 10 * n
    return orders(10, cl_ord_id=ids, side=SIDES, price=200 + (ids * 7) % 5)


def fill(venue: tr.Venue, batches: range) -> None:
    for n in batches:
        venue.say(order(f"n{n}", price=str(90 + n % 5)))
        venue.apply(batch(n))


def snapshots(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.snap"))


def whole(folder: Path, tmp_path: Path) -> tr.Venue:
    """Open a copy of a journal without its snapshots."""
    copy = tmp_path / f"copy-{time.monotonic_ns()}"
    copy.mkdir()
    for path in folder.iterdir():
        if path.suffix in {".seg", ".log"}:
            (copy / path.name).write_bytes(path.read_bytes())
    return tr.Venue(VENUE, journal=copy)


def test_a_venue_begins_at_its_snapshot_and_is_the_one_that_the_whole_journal_gives(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "journal"
    for turn in range(4):
        with tr.Venue(VENUE, journal=folder, snapshot_every=45) as venue:
            fill(venue, range(10 * turn, 10 * turn + 10))
            digest, snapshot, now_ns = venue.digest(), venue.snapshot(), venue.now_ns
        assert len(snapshots(folder)) == 2
        with tr.Venue(VENUE, journal=folder) as venue, whole(folder, tmp_path) as other:
            assert venue.opening.from_snapshot == int(snapshots(folder)[-1].stem)
            assert venue.opening.replayed == 0
            assert other.opening.from_snapshot is None
            # Two more of this test a turn.
            assert other.opening.replayed == turn * 112 + 110
            for opened in (venue, other):
                state = (opened.digest(), opened.snapshot(), opened.now_ns)
                assert state == (digest, snapshot, now_ns)
                # Names of orders mean the same numbers.
                assert opened.say(order("n3"))[0]["reason"] == "duplicate_cl_ord_id"
                assert opened.order("n0", account="alice") == venue.order("n0", account="alice")
            # Both go on alike, also with names that are new.
            assert venue.say(order(f"x{turn}")) == other.say(order(f"x{turn}"))
            assert venue.digest() == other.digest()


def test_a_damaged_snapshot_gives_way_and_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with tr.Venue(VENUE, journal=folder, snapshot_every=45) as venue:
        fill(venue, range(10))
        digest = venue.digest()
    old, new = snapshots(folder)
    whole_bytes = new.read_bytes()
    for damaged in ([new], [old, new]):
        for path in damaged:
            raw = bytearray(path.read_bytes())
            raw[len(raw) // 2] ^= 1
            path.write_bytes(raw)
        with pytest.warns(RuntimeWarning, match="the hash of the snapshot") as warned:
            venue = tr.Venue(VENUE, journal=folder)
        with venue:
            opening = venue.opening
            assert venue.digest() == digest
            assert opening.from_snapshot == (int(old.stem) if len(damaged) == 1 else None)
            assert len(opening.passed_over) == len(warned) == len(damaged)
            for path, why in zip(reversed(damaged), opening.passed_over, strict=True):
                assert path.name in why
            assert opening.replayed > 0
        # Closing wrote the newest one anew.
        assert new.read_bytes() == whole_bytes


def test_another_venue_is_told_by_the_snapshot_too(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with tr.Venue(VENUE, journal=folder) as venue:
        fill(venue, range(2))
    other = {**VENUE, "accounts": VENUE["accounts"][:1]}
    with pytest.raises(tr.JournalError, match="another venue"):
        tr.Venue(other, journal=folder)
    with pytest.raises(tr.InputError, match="snapshot_every 0"):
        tr.Venue(VENUE, journal=folder, snapshot_every=0)


CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import tiderace as tr
from test_scenario import VENUE
from test_venue_journal import batch
with tr.Venue(VENUE, journal=sys.argv[2], mode=sys.argv[3], snapshot_every=37) as venue:
    n = int(sys.argv[4])
    while True:
        venue.apply(batch(n))
        print(json.dumps([n, venue.digest()]), flush=True)
        n += 1
"""


@pytest.mark.parametrize("mode", ["os", "disk"])
def test_a_killed_venue_comes_back_with_all_that_it_acknowledged(tmp_path: Path, mode: str) -> None:
    folder = tmp_path / "journal"
    known: dict[int, str] = {}
    first = 0
    with tr.Venue(VENUE) as twin:
        for turn in range(5):
            argv = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(folder), mode]
            with subprocess.Popen(
                [*argv, str(first)], stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE
            ) as child:
                assert child.stdout is not None
                for _ in range(9 + 4 * turn):
                    line = child.stdout.readline()
                    assert line, child.stderr and child.stderr.read()
                os.kill(child.pid, signal.SIGKILL)
                lines = [line, *child.stdout]
            # The last line may be cut.
            acked, _ = max(json.loads(line) for line in lines if line.endswith("]\n"))
            with tr.Venue(VENUE, journal=folder) as venue:
                assert venue.opening.from_snapshot is not None
                assert venue.opening.replayed < 60
                digest = venue.digest()
            while first <= acked or known[first - 1] != digest:
                assert first <= acked + 1, "the state is that of no batch"
                twin.apply(batch(first))
                known[first] = twin.digest()
                first += 1
            with whole(folder, tmp_path) as venue:
                assert venue.digest() == digest


def test_closed_segments_get_trees_that_proofs_and_checks_use(tmp_path: Path) -> None:
    folder, seed = tmp_path / "journal", tmp_path / "seed"
    seed.write_bytes(bytes(range(32)))
    seed.chmod(0o600)
    key = ("venue.example/journal", seed)
    with tr.Venue(VENUE, journal=folder, mode="os", sign_with=key) as venue:
        ids = np.arange(1, 10_001)
        venue.apply(orders(len(ids), cl_ord_id=ids, account=99))
        before = _scenario.prove(str(folder), seq=7, key_name=key[0], seed_file=str(seed))
        while len(list(folder.glob("*.seg"))) < 2:
            ids += len(ids)
            venue.apply(orders(len(ids), cl_ord_id=ids, account=99))
        deadline = time.monotonic() + 60
        while not list(folder.glob("*.checkpoint")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    proof = tmp_path / "proof"
    keys = tmp_path / "keys"
    text, verifier = _scenario.prove(str(folder), seq=7, key_name=key[0], seed_file=str(seed))
    assert text != before[0], "the segment has grown since"
    proof.write_text(text)
    keys.write_text(verifier)
    shown = _scenario.verify(str(proof), keys=str(keys))
    assert (shown["seq"], shown["origin"]) == (7, f"{key[0]}/00000000")
    (checkpoint,) = folder.glob("*.checkpoint")
    assert text.endswith(checkpoint.read_text())
    assert _scenario.check(str(folder))["trees"] >= 1
    (tree, *_) = folder.glob("*.tree")
    raw = bytearray(tree.read_bytes())
    raw[-1] ^= 1
    tree.write_bytes(raw)
    with pytest.raises(tr.JournalError, match="the hash of the tree"):
        _scenario.check(str(folder))


def test_a_damaged_emergency_segment_is_given_up_by_a_repair_alone(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with tr.Venue(VENUE, journal=folder) as venue:
        fill(venue, range(2))
        digest = venue.digest()
    path = folder / "emergency.log"
    raw = bytearray(path.read_bytes())
    raw[100] ^= 1
    path.write_bytes(raw)
    with pytest.raises(tr.JournalError, match=r"emergency\.log.*--discard-from") as raised:
        tr.Venue(VENUE, journal=folder)
    seq = int(str(raised.value).split("--discard-from ")[1].split("`")[0])
    done = _scenario.repair(str(folder), discard_from=seq)
    assert done["next_seq"] == seq
    assert Path(done["emergency"]).read_bytes() == bytes(raw)
    with tr.Venue(VENUE, journal=folder) as venue:
        assert venue.digest() == digest


@pytest.mark.parametrize("mode", ["os", "disk"])
def test_a_full_disk_takes_cancels_and_kills_and_shows_nothing(tmp_path: Path, mode: Any) -> None:
    folder = tmp_path / "journal"
    venue = tr.Venue(VENUE, journal=folder, mode=mode)
    venue.say(order("early"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file takes a byte behind its second MiB: the emergency segment ends before.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, hard))
    try:
        with pytest.raises(tr.JournalError, match=r"\.seg"):
            venue.apply(orders(40_000, cl_ord_id=np.arange(1, 40_001), side=BUY))
        for show in (venue.digest, venue.snapshot, lambda: venue.book("P")):
            with pytest.raises(tr.JournalError, match="the journal failed") as raised:
                show()
            assert "only cancels and kills are taken" in str(raised.value)
        with pytest.raises(tr.JournalError):
            venue.say(order("late"))
        assert venue.failure is not None
        (gone,) = venue.cancel("early", account="alice")
        assert (gone["exec_type"], gone["is_emergency"]) == ("canceled", True)
        rows = tr.Venue.rows(1, kind="cancel_all")
        assert len(venue.apply(rows).reports) > 0
        (kill,) = venue.say({"do": "kill", "scope": "venue", "id": "venue"})
        assert kill["event"] == "kill_changed"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(tr.JournalError, match="the journal failed"):
        venue.close()
    with pytest.warns(RuntimeWarning, match="opens killed"):
        venue = tr.Venue(VENUE, journal=folder, mode=mode)
    with venue:
        assert (venue.opening.adopted, venue.failure) == (4, None)
        assert venue.book("P")["bids"] == []
        assert venue.say(order("more"))[0]["reason"] == "killed"
        venue.say({"do": "unkill", "scope": "venue", "id": "venue"})
        assert venue.say(order("more"))[0]["exec_type"] == "new"


def test_a_name_too_long_or_empty_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with tr.Venue(VENUE, journal=folder) as venue:
        (refused,) = venue.say(order("x" * 65))
        assert refused["reason"] == "bad_field"
        assert "65 against 64" in refused["text"]
        (refused,) = venue.say(order(""))
        assert refused["reason"] == "bad_cl_ord_id"
    assert all(b"x" * 65 not in path.read_bytes() for path in folder.iterdir())
