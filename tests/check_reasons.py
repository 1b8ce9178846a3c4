"""Check that a test produces each refusal code: every variant of `Reason` is named in some test.

Tests are `crates/*/tests/`, what stands below `#[cfg(test)]` in `crates/*/src`, and `tests/` (Python, which
spells the stable name). What nothing produces yet stands in `RESERVED`; once code names it, it leaves that list.
"""

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
        is_tested = (
            bool(re.search(rf"\bReason::{variant}\b", tests)) or f'"{name}"' in read_python()
        )
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


def read_python() -> str:
    """Return all Python tests, less those of the benches, whose names are other words."""
    paths = (ROOT / "tests/python").glob("test_*.py")
    return "\n".join(
        path.read_text(encoding="utf-8") for path in sorted(paths) if path.name != "test_bench.py"
    )


if __name__ == "__main__":
    sys.exit(main())
