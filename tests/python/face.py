"""What the tests of the face share: the example config, and small runs of it on our own venue."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "twap_three_books.toml"

# Small enough for a test: some seconds of our own venue, an order that fits into them.
SMALL = {
    "data.recording": None,
    "parent.order_qty": "1",
    "parent.duration": "10s",
    "parent.slices": 5,
    "synthetic.duration": "15s",
}


RECORDING = "binance_btc_3books_raw_ws"


def recording_dir() -> Path:
    """Return the data folder, or skip (fail, where nothing may be skipped) without the recording."""
    folder = Path(os.environ.get("TIDERACE_DATA", "absent"))
    if not (folder / RECORDING).is_dir():
        words = f"SKIPPED: needs {RECORDING} in TIDERACE_DATA"
        if os.environ.get("TIDERACE_REQUIRE_ALL") == "1":
            pytest.fail(words)
        pytest.skip(words)
    return folder


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a recording of the machine out of tests that did not ask for it."""
    monkeypatch.delenv("TIDERACE_DATA", raising=False)
