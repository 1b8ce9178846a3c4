"""Stress: the benches of margin and clearing run and have their keys; a day of crash adds up."""

import json
import math
import sys
from pathlib import Path

import pytest

from tiderace import bench

# The benches are part of the checkout, not of the package.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

FIGURES = {
    "margin": ("ms_from_prices", "us_from_prices", "us_from_arrays", "us_incremental"),
    "clear": ("fills_per_s",),
    "liquidate": ("ms_to_first_order",),
}


@pytest.mark.parametrize("name", bench.CLEAR)
def test_a_bench_of_clearing_has_its_keys_and_names_its_input(name: str) -> None:
    result = bench.run(name, is_smoke=True)
    json.dumps(result, allow_nan=False)
    assert result["bench"] == name
    assert all(size > 0 for size in result["input"].values())
    assert result["recipe"]
    assert result["checksum"]
    for key in (*FIGURES[name], "rss_mb"):
        assert {"median", "p99", "max"} <= set(result[key]), key
        assert all(math.isfinite(value) for value in result[key].values()), key


def test_the_figures_cover_every_bench_of_clearing() -> None:
    assert sorted(FIGURES) == sorted(bench.CLEAR)
