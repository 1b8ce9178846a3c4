"""Check that a test produces each refusal code: every variant of `Reason` is named in some test.

Tests are `crates/*/tests/`, what stands below `#[cfg(test)]` in `crates/*/src`, and `tests/` (Python and scenario
files, which spell the stable name). What nothing produces yet stands in `RESERVED`; once code names it, it leaves that list.
"""

import functools
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REASONS = ROOT / "crates/types/src/reason.rs"
RESERVED = {
    "CrossedBook": "a check of data counts crossed books; no feed reports one to the desk yet",
    "Decode": "a recording that cannot be decoded is an error before the run; live feeds will skip and report",
    "Disconnected": "there is no live session yet",
}


def main() -> int:
    """Print what is missing and return the exit status."""
    reasons = re.findall(r'^    \d+ (\w+) "(\w+)"', REASONS.read_text(), re.MULTILINE)
    code, tests = split_sources()
    wrong = []
    for variant, name in reasons:
        is_tested = bool(re.search(rf"\bReason::{variant}\b", tests)) or f'"{name}"' in read_named()
        is_produced = bool(re.search(rf"\bReason::{variant}\b", code))
        if variant in RESERVED:
            if is_produced:
                wrong.append(f"{variant} is produced now: take it out of RESERVED and test it")
        elif not is_tested:
            wrong.append(f"no test produces {variant}: write one that does")
    wrong += [
        f"{variant} is reserved and no reason"
        for variant in RESERVED
        if variant not in dict(reasons)
    ]
    print(
        "\n".join(
            [*wrong, f"{len(reasons)} refusal codes, {len(RESERVED)} reserved, {len(wrong)} wrong"]
        )
    )
    return 1 if wrong or not reasons else 0


def split_sources() -> tuple[str, str]:
    """Return all Rust code without its comments, and all Rust tests."""
    code, tests = [], []
    for path in sorted(ROOT.glob("crates/*/src/**/*.rs")):
        if path != REASONS:
            text, _, test = path.read_text(encoding="utf-8").partition("#[cfg(test)]")
            code.append(re.sub(r"//.*", "", text))
            tests.append(test)
    tests += [
        path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("crates/*/tests/**/*.rs"))
    ]
    return "\n".join(code), "\n".join(tests)


@functools.cache
def read_named() -> str:
    """Return all scenarios and Python tests, less those of the benches, whose names are other words."""
    paths = sorted((ROOT / "tests/python").glob("test_*.py"))
    paths += sorted((ROOT / "tests/scenarios").glob("*/*.jsonl"))
    return "\n".join(
        path.read_text(encoding="utf-8") for path in paths if "_bench" not in path.name
    )


if __name__ == "__main__":
    sys.exit(main())
