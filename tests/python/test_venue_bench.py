"""Every bench of the venue runs, has its keys, and says what it measured on what; no times here."""

import json
import math
import sys
from pathlib import Path

import pytest

from tiderace import bench

# The benches are part of the checkout, not of the package.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

FIGURES = {
    "match": ("ns_per_op", "ns_per_op_full", "bytes_per_order"),
    "venue": ("commands_per_s", "service_us", "end_to_end_us"),
    "journal": ("records_per_s", "one_in_flight_ratio"),
    "recover": ("seconds_with_snapshot", "commands_per_s"),
    "venue-python": ("commands_per_s", "ratio"),
    "kill": ("last_cancel_ms",),
    "crash": (),
}
MODES = {"match": "none", "journal": "disk", "crash": "os and disk"}


@pytest.mark.parametrize("name", bench.VENUE)
def test_a_bench_of_the_venue_has_its_keys_and_names_its_input(name: str) -> None:
    result = bench.run(name, is_smoke=True)
    json.dumps(result, allow_nan=False)
    assert result["bench"] == name
    assert result["mode"] == MODES.get(name, "os")
    assert all(size > 0 for size in result["input"].values())
    assert result["recipe"]
    assert result["checksum"]
    for key in (*FIGURES[name], "rss_mb"):
        assert {"median", "p99", "max"} <= set(result[key]), key
        assert all(math.isfinite(value) for value in result[key].values()), key
    if name == "venue":
        assert result["snapshots"] > 0, "a snapshot is under way while times are taken"
    if name == "journal":
        assert result["vs_nats"] is None, "a smoke run asks no peer"
    if name == "crash":
        assert (result["kills"], result["lost"], result["duplicated"]) == (6, 0, 0)


def test_the_figures_cover_every_bench_of_the_venue() -> None:
    assert sorted(FIGURES) == sorted(bench.VENUE)
