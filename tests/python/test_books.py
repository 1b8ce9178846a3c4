"""Books of a recording: which files a run reads, and which its replay reads."""

import tomllib
from pathlib import Path

from face import EXAMPLE, RECORDING, recording_dir

import tiderace as tr


def test_a_replay_reads_the_files_of_its_genesis_and_no_others(tmp_path: Path) -> None:
    data, source = tmp_path / "data", recording_dir() / RECORDING
    folder = data / RECORDING
    folder.mkdir(parents=True)
    for path in source.glob("cm_*.raw.gz"):
        (folder / path.name).symlink_to(path)
    changes = {
        "instruments": [tomllib.loads(EXAMPLE.read_text())["instruments"][2]],
        "balances": {"binance-coinm": {"BTC": "50"}},
        "route.usd_per": {},
        "parent.duration": "10s",
        "parent.slices": 2,
        "parent.order_qty": "1",
    }
    run = tr.run(EXAMPLE, set=changes, data=data, out=tmp_path / "out")
    first = min(folder.iterdir())
    (folder / "cm_btcusd_perp_20240807.raw.gz").symlink_to(first)
    (folder / "cm_btcusd_perp_20991231.raw.gz").write_bytes(b"")
    again = tr.replay(run.dir, data=data)
    assert again.books.files == run.books.files
    assert again.summary["digest"] == run.summary["digest"]
