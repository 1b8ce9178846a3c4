"""The command, as a process: exit status, what is on stdout, what is on stderr."""

import gzip
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from face import EXAMPLE, RECORDING, ROOT, SMALL, recording_dir

SETS = [f"--set={key}={'' if value is None else value}" for key, value in SMALL.items()]
SYNTHETIC = [*SETS, "--set=data.recording="]


def tiderace(
    *arguments: object, data: Path | None = None, limit: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "TIDERACE_DATA"}
    if data is not None:
        environment["TIDERACE_DATA"] = str(data)
    return subprocess.run(
        [sys.executable, "-m", "tiderace", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        preexec_fn=limit,
        check=False,
    )


def one_json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert "Traceback" not in done.stderr
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def run_small(tmp_path: Path) -> dict[str, Any]:
    done = tiderace("run", EXAMPLE, *SYNTHETIC, "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    return one_json(done)


def test_run_replay_and_report_agree(tmp_path: Path) -> None:
    ran = run_small(tmp_path)
    assert ran["synthetic"] is True
    assert (Path(ran["run_dir"]) / "report.html").is_file()
    replayed = one_json(tiderace("replay", ran["run_dir"], "--json"))
    assert replayed["digest"] == ran["digest"]
    (Path(ran["run_dir"]) / "report.html").unlink()
    written = one_json(tiderace("report", ran["run_dir"], "--json"))
    assert Path(written["report"]).is_file()


def test_a_journal_cut_short_fails_unless_its_run_never_ended(tmp_path: Path) -> None:
    ran = run_small(tmp_path)
    folder = Path(ran["run_dir"])
    journal = folder / "journal"
    size = journal.stat().st_size - 1
    journal.write_bytes(journal.read_bytes()[:size])
    for command in ("replay", "report"):
        done = tiderace(command, folder, "--json")
        assert done.returncode == 1
        error = one_json(done)["error"]
        assert error["kind"] == "JournalError"
        assert all(error[key] for key in ("message", "rule", "remedy"))
        assert "ends at offset" in error["message"]
    (folder / "run.json").unlink()
    replayed = one_json(tiderace("replay", folder, "--json"))
    assert replayed["run_status"] == "unfinished"
    assert 0 < replayed["ends_at"] <= size
    done = tiderace("replay", folder)
    assert done.returncode == 0
    assert f"unfinished: it ends at offset {replayed['ends_at']:,}" in done.stdout
    assert tiderace("report", folder).returncode == 0
    assert "unfinished" in (folder / "report.html").read_text()


def test_a_person_gets_a_table_and_the_word_synthetic(tmp_path: Path) -> None:
    done = tiderace("run", EXAMPLE, *SYNTHETIC, "--out", tmp_path)
    assert done.returncode == 0
    for words in ("synthetic books", "filled", "Slippage against arrival", "Fees", "report.html"):
        assert words in done.stdout
    assert done.stderr.strip().splitlines() == [
        "The config names no recording: running on Tiderace's own venue, with synthetic order flow."
    ]


def test_the_real_recording_fills_the_order(tmp_path: Path) -> None:
    data = recording_dir()
    runs = [
        one_json(tiderace("run", EXAMPLE, "--json", "--out", tmp_path, data=data)) for _ in range(2)
    ]
    first = runs[0]
    assert first["synthetic"] is False
    assert float(first["filled_qty"]) > 39.99
    assert first["digest"] == runs[1]["digest"]
    assert first["run_dir"] != runs[1]["run_dir"]
    by_data = one_json(tiderace("replay", first["run_dir"], "--json", "--data", data))
    by_memory = one_json(tiderace("replay", first["run_dir"], "--json"))
    assert by_data["digest"] == by_memory["digest"] == first["digest"]


def test_an_imported_recording_gives_the_same_fills(tmp_path: Path) -> None:
    data = recording_dir()
    (tmp_path / "data" / "mine").mkdir(parents=True)
    target = tmp_path / "data" / "mine" / "books.parquet"
    made = one_json(tiderace("data", "import", RECORDING, target, "--json", data=data))
    assert made["records"] > 1_000_000
    venues = ("binance-spot", "binance-usdm", "binance-coinm")
    sets = [
        f"--set=instruments.{v}.{k}" for v in venues for k in ("feed=tiderace", "files=*.parquet")
    ]
    common = ("run", EXAMPLE, "--json", "--out", tmp_path / "out")
    ours = one_json(tiderace(*common, "--set=data.recording=mine", *sets, data=tmp_path / "data"))
    theirs = one_json(tiderace(*common, data=data))
    for key in ("filled_qty", "avg_px", "fees", "events"):
        assert ours[key] == theirs[key]
    assert one_json(tiderace("replay", ours["run_dir"], "--json"))["digest"] == ours["digest"]


def test_an_import_prints_what_a_config_says_to_read_it(tmp_path: Path) -> None:
    data = recording_dir()
    target = tmp_path / "data" / "mine" / "books.parquet"
    target.parent.mkdir(parents=True)
    done = tiderace("data", "import", RECORDING, target, data=data)
    lines = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ")]
    said = tomllib.loads("\n".join(lines))
    assert said["data"] == {"recording": "mine"}
    sets = [f"--set=data.recording={said['data']['recording']}"]
    for row in said["instruments"]:
        name = f"instruments.{row['venue']}:{row['symbol']}"
        sets += [f"--set={name}.{key}={row[key]}" for key in ("feed", "files")]
    folder = re.search(r"run it with --data (\S+)", done.stdout)
    assert folder is not None
    run = tiderace("run", EXAMPLE, *sets, "--data", folder[1], "--out", tmp_path, "--json")
    assert one_json(run)["synthetic"] is False


def test_data_check_compares_every_book_with_the_venue() -> None:
    found = one_json(tiderace("data", "check", RECORDING, "--json", data=recording_dir()))
    rows = {row["instrument"]: row for row in found["instruments"]}
    for name, least in {"spot": 1000, "usdm": 600, "coinm": 1800}.items():
        row = next(row for key, row in rows.items() if name in key)
        assert row["compared"] == row["equal"] >= least


def test_a_changed_recording_is_found_by_its_name_on_replay(tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(recording_dir() / RECORDING, data / RECORDING)
    ran = one_json(tiderace("run", EXAMPLE, "--json", "--out", tmp_path / "out", data=data))
    path = data / RECORDING / "usdm_btcusdt_20240808.raw.gz"
    whole = bytearray(path.read_bytes())
    whole[2_500_000] ^= 1
    path.write_bytes(whole)
    done = tiderace("replay", ran["run_dir"], "--json", data=data)
    assert done.returncode != 0
    assert "usdm_btcusdt_20240808" in one_json(done)["error"]["message"]


def test_files_cut_short_are_refused_in_one_line(tmp_path: Path) -> None:
    source = recording_dir() / RECORDING
    text = gzip.decompress((source / "cm_btcusd_perp_20240808.raw.gz").read_bytes())
    cuts = {
        "line": gzip.compress(text[: len(text) // 50], 1),
        "gzip": (source / "cm_btcusd_perp_20240808.raw.gz").read_bytes()[:100_000],
    }
    for name, content in cuts.items():
        folder = tmp_path / name / RECORDING
        shutil.copytree(source, folder)
        (folder / "cm_btcusd_perp_20240808.raw.gz").write_bytes(content)
        out = tmp_path / name / "out"
        done = tiderace("run", EXAMPLE, "--out", out, data=tmp_path / name)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "cm_btcusd_perp_20240808" in done.stderr
        assert "Traceback" not in done.stderr
        assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["run", "absent.toml"], 2, "absent.toml"),
        (["run", EXAMPLE, "--set", "parent.limt=1"], 2, "Did you mean 'limit'"),
        (["run", EXAMPLE, "--set", "parent.limit=0"], 2, "above zero"),
        (["run", EXAMPLE, "--set", "parent.limit"], 2, "KEY=VALUE"),
        (["run", EXAMPLE, "--data", "absent"], 2, "not a folder"),
        (["run", EXAMPLE, "--strategy", "nowhere:Nobody"], 2, "nowhere"),
        (["run"], 2, "CONFIG.toml"),
        (["run", EXAMPLE, "--frob"], 2, "--frob"),
        (["frob"], 2, "frob"),
        (["replay", "absent"], 2, "not a run folder"),
        (["report", "absent"], 2, "not a run folder"),
        (["bench", "absent"], 2, "absent"),
        (["data", "check", "absent", "--data", "."], 2, "absent"),
    ],
)
def test_a_mistake_is_one_message_and_a_status(
    arguments: list[object], status: int, words: str, tmp_path: Path
) -> None:
    for extra in ([], ["--json"]):
        done = tiderace(*arguments, *extra)
        assert done.returncode == status
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        if extra:
            assert words in one_json(done)["error"]["message"]
        else:
            assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback() -> None:
    done = tiderace("run", "absent.toml", "--debug")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_every_command_has_an_example_in_its_help() -> None:
    for command in ("run", "replay", "report", "bench", "doctor", "data ls", "data check"):
        done = tiderace(*command.split(), "--help")
        assert done.returncode == 0
        assert f"Example: tiderace {command}" in done.stdout


def test_doctor_finds_this_installation_well() -> None:
    found = one_json(tiderace("doctor", "--json"))
    assert found["ok"] is True
    assert {"check", "ok", "needed", "found"} == set(found["checks"][0])


def test_a_disk_without_room_is_one_message(tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    done = tiderace("run", EXAMPLE, *SYNTHETIC, "--out", tmp_path, "--json", limit=no_room)
    assert done.returncode == 1, done.stderr
    assert one_json(done)["error"]["kind"] in ("JournalError", "StorageError")
    assert not list(tmp_path.glob("*/report.html"))


@pytest.mark.parametrize(
    ("command", "is_deaf"),
    [
        (["scenario", str(ROOT / "tests/scenarios"), "--json"], False),
        (["--help"], False),
        (["controls"], False),
        (["controls", "--json"], True),
        (["journal", "check", "nowhere", "--json"], True),
    ],
    ids=["much-json", "help", "table", "json-and-stderr", "error-and-stderr"],
)
def test_a_reader_who_leaves_ends_the_command_quietly_as_sigpipe_would(
    command: list[str], is_deaf: bool
) -> None:
    said, saying = os.pipe()
    os.close(said)
    with subprocess.Popen(
        [sys.executable, "-m", "tiderace", *command],
        stdout=saying,
        stderr=saying if is_deaf else subprocess.PIPE,
        text=True,
    ) as process:
        os.close(saying)
        assert (process.stderr.read() if process.stderr else "") == ""
    assert process.returncode == 141


def test_ctrl_c_says_where_it_stopped_and_how_to_replay(tmp_path: Path) -> None:
    strategy = tmp_path / "interrupts.py"
    strategy.write_text(
        "import os, signal, tiderace as tr\n"
        "class Interrupts(tr.Strategy):\n"
        "    def on_start(self): self.set_timer(1, after='3s')\n"
        "    def on_timer(self, timer_id): os.kill(os.getpid(), signal.SIGINT)\n"
    )
    command = [sys.executable, "-m", "tiderace", "run", str(EXAMPLE), *SYNTHETIC, "--json"]
    done = subprocess.run(
        [
            *command,
            "--strategy",
            "interrupts:Interrupts",
            "--out",
            "out",
            "--set=synthetic.duration=5m",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    error = one_json(done)["error"]
    assert error["kind"] == "Interrupted"
    assert "tiderace replay out" in error["remedy"]
    (folder,) = (tmp_path / "out").iterdir()
    assert not (folder / "report.html").exists()
    assert one_json(tiderace("replay", folder, "--json"))["run_status"] == "interrupted"


REAL_BOOKS_CUT = ["--set=balances.binance-spot.USDT=500"]


def test_refused_orders_outrank_what_was_dearer_in_table_and_json(tmp_path: Path) -> None:
    command = ("run", EXAMPLE, *SYNTHETIC, *REAL_BOOKS_CUT, "--out", tmp_path)
    ran = one_json(tiderace(*command, "--json"))
    spot = ran["by_venue"]["binance-spot:BTCUSDT"]
    assert spot["fills"] == 0
    assert spot["refusal"]["reason"] == "insufficient_balance"
    assert spot["refusals"] == spot["refusal"]["count"] > 0
    shown = " ".join(tiderace(*command).stdout.split())
    assert f"spot:BTCUSDT: no fill; {spot['refusals']} orders refused: Spot orders are" in shown
    assert "500 USDT" in shown
    assert "insufficient_balance: Fund the venue, or send less." in shown


def test_a_parent_that_is_refused_fails_with_reason_value_and_remedy(tmp_path: Path) -> None:
    late = "--set=parent.start=2020-01-01T00:00:00Z"
    for extra in ([], ["--json"]):
        done = tiderace("run", EXAMPLE, *SYNTHETIC, late, "--out", tmp_path, *extra)
        assert done.returncode == 1
        for word in ("bad_times", "2020-01-01T00:00:10", "Correct the times", str(tmp_path)):
            assert word in done.stderr
        if extra:
            assert one_json(done)["error"]["reason"] == "bad_times"
        else:
            assert done.stdout == ""


def test_a_pipe_has_the_width_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = tiderace("run", EXAMPLE, *SYNTHETIC, *REAL_BOOKS_CUT, "--out", tmp_path)
    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80
    row = next(line for line in lines if line.startswith("coinm:BTCUSD_PERP "))
    assert len(row.split()) == 8
    assert any(
        line == f"journal  {folder}/journal" for folder in tmp_path.iterdir() for line in lines
    )


def test_json_that_went_well_says_nothing_else(tmp_path: Path) -> None:
    done = tiderace("run", EXAMPLE, *SYNTHETIC, "--out", tmp_path, "--json")
    assert (done.returncode, done.stderr) == (0, "")


def test_help_has_an_example_and_no_word_at_all_is_bad_usage() -> None:
    for words in (["--help"], ["data", "--help"]):
        done = tiderace(*words)
        assert done.returncode == 0
        assert "Example: tiderace" in done.stdout
    bare = tiderace()
    assert bare.returncode == 2
    assert "Usage:" in bare.stdout


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise SystemExit(0)", "strategy Bad, on_timer, "),
        ("raise KeyboardInterrupt", "interrupted"),
        ("self.helper()", "bad.py:6. KeyError: 'x'"),
    ],
)
def test_what_a_strategy_raises_is_one_message_and_a_failure(
    body: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.py").write_text(
        "import tiderace as tr\n"
        "class Bad(tr.Strategy):\n"
        "    def on_start(self): self.set_timer(1, after='3s')\n"
        f"    def on_timer(self, timer_id): {body}\n"
        "    def helper(self):\n"
        "        return {}['x']\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    done = tiderace("run", EXAMPLE, *SYNTHETIC, "--strategy", "bad:Bad", "--out", "out")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_report_is_written_is_one_line_and_status_one(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def trace(event, arguments):\n"
        "    if event == 'open' and '.report.html.' in str(arguments[0]):\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "sys.addaudithook(trace)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    done = tiderace("run", EXAMPLE, *SYNTHETIC, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("out/*/report.html"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_an_output_that_takes_no_more_is_one_message(extra: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tiderace", "doctor", *extra],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count("standard output cannot be written: No space left on device") == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_file_where_run_folders_should_go_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    done = tiderace("run", EXAMPLE, *SYNTHETIC, "--out", tmp_path / "taken")
    assert done.returncode == 2
    assert "is a file" in done.stderr
