"""Fuzz every decoder for a while: `python fuzz/run.py [TARGET ...] [--seconds N] [--keep]`.

libFuzzer is linked into each target by the stable toolchain; the flags below are all that
`cargo fuzz` would add. A finding is written to `out/fuzz`, with the line that runs it again, and
makes this fail. `--keep` adds to the corpus what reached something new, and drops from it what the
rest reaches too. A finding that was mended is copied to `fuzz/corpus/TARGET` by hand, so that it is
tried ever after.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
ROOT = FUZZ.parent
OUT = ROOT / "out" / "fuzz"
TARGETS = sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))
SECONDS = 60 if os.environ.get("TIDERACE_FULL") == "1" else 2
# Inline counters, and comparisons traced so that magic numbers are met. No sanitizer: that would
# need nightly, and all of the code is safe Rust with overflow and debug checks on.
COVERAGE = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
]
# Values on the way to one that is compared count as new, and long inputs are tried at once:
# without, a bug in the seventh entry of a list behind a 16-bit number was not found in 18M inputs.
SEARCH = ["-use_value_profile=1", "-len_control=0"]
LIMITS = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=20000", "-print_final_stats=1"]
# The fewest inputs that meet every edge that was met. How often does not count: that would keep
# thousands.
MERGE = ["-set_cover_merge=1", "-use_counters=0"]


def main() -> int:
    """Build, fuzz each target in turn, and say whether there were findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each target")
    parser.add_argument("--keep", action="store_true", help="merge what is new into the corpus")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(TARGETS):
        parser.error(
            f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}"
        )
    if not any(
        shutil.which(compiler) for compiler in (os.environ.get("CXX", "c++"), "g++", "clang++")
    ):
        print("SKIPPED: needs a C++ compiler, for libFuzzer")
        return 1 if os.environ.get("TIDERACE_REQUIRE_ALL") == "1" else 0
    programs = build()
    OUT.mkdir(parents=True, exist_ok=True)
    failed = [
        target
        for target in arguments.targets or TARGETS
        if not run(programs / target, seconds=arguments.seconds, keep=arguments.keep)
    ]
    print(f"fuzz: findings in {', '.join(failed)}" if failed else "fuzz: no findings")
    return 1 if failed else 0


def build() -> Path:
    """Build all targets with coverage; for a named platform, to keep build scripts without."""
    version = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    host = version.split("host: ")[1].split()[0]
    target_dir = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "fuzz"
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(target_dir),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(COVERAGE),
    }
    command = ["cargo", "build", "--quiet", "--locked", "--release", "--bins", "--target", host]
    subprocess.run(command, cwd=FUZZ, env=environment, check=True)
    return target_dir / host / "release"


def run(program: Path, *, seconds: int, keep: bool) -> bool:
    """Fuzz one target and print one line; the corpus is only read, unless it is to be kept."""
    corpus = FUZZ / "corpus" / program.name
    with tempfile.TemporaryDirectory() as scratch:
        findings = f"-artifact_prefix={OUT}/{program.name}-"
        command = [program, *LIMITS, *SEARCH, f"-max_total_time={seconds}", findings]
        done = fuzz([*command, scratch, corpus])
        if done.returncode != 0:
            print(done.stderr[-4000:])
            written = [line for line in done.stderr.splitlines() if "Test unit written to " in line]
            again = written[-1].split("Test unit written to ")[1] if written else ""
            print(f"{program.name}: FOUND something; run it again: {program} {again}", flush=True)
            return False
        if keep:
            merged = Path(scratch) / "merged"
            merged.mkdir()
            fuzz([program, *LIMITS, *MERGE, merged, corpus, scratch]).check_returncode()
            shutil.rmtree(corpus)
            shutil.copytree(merged, corpus)
    lines = done.stderr.splitlines()
    tries = next(int(line.split()[1]) for line in lines if "executed_units" in line)
    edges = [line.split("cov: ")[1].split()[0] for line in lines if "cov: " in line][-1]
    inputs = sum(1 for _ in corpus.iterdir())
    done_in = f"{tries:,} inputs tried in {seconds} s, {edges} edges met, corpus of {inputs}"
    print(f"{program.name}: {done_in}", flush=True)
    return True


def fuzz(command: list[object]) -> subprocess.CompletedProcess[str]:
    """Run a fuzzer; what it says goes to standard error."""
    line = [str(part) for part in command]
    return subprocess.run(
        line, cwd=OUT, check=False, capture_output=True, text=True, errors="replace"
    )


if __name__ == "__main__":
    sys.exit(main())
