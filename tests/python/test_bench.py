"""Every bench runs, says what it measured on what, and comes out the same again; no times here."""

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tiderace import _core, bench
from tiderace.errors import DataError, InputError

# The benches are part of the checkout, not of the package.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benches import _figures, _market

FIGURES = {
    "decode": ("mb_per_s", "mb_per_s_gzip"),
    "order-native": ("ns_per_order", "ns_per_order_100", "ns_per_order_500", "clock_ns"),
    "order-python": ("ns_per_order", "ns_per_order_100", "ns_per_order_500"),
    "replay-native": ("events_per_s",),
    "replay-python": ("events_per_s", "events_per_s_reading"),
}


def smoke(name: str) -> dict[str, Any]:
    try:
        return bench.run(name, is_smoke=True)
    except DataError as error:
        if os.environ.get("TIDERACE_REQUIRE_ALL") == "1":
            raise
        return pytest.skip(f"SKIPPED: needs data: {error.message}")


@pytest.mark.parametrize("name", bench.DESK)
def test_a_bench_names_its_input_and_repeats_its_checksum(name: str) -> None:
    first, again = smoke(name), smoke(name)
    json.dumps(first, allow_nan=False)
    assert first["bench"] == name
    assert first["mode"] == ("none" if name == "decode" else "os")
    assert all(size > 0 for size in first["input"].values())
    for key in (*FIGURES[name], "rss_mb"):
        assert set(first[key]) == {"median", "p99", "max"}, key
        assert all(math.isfinite(value) for value in first[key].values()), key
    for key in ("checksum", "recipe", "input"):
        assert first[key] == again[key], key


def test_the_names_of_figures_cover_every_bench_of_the_desk() -> None:
    assert sorted(FIGURES) == sorted(bench.DESK)
    assert sorted(FIGURES_OF_PROGRAMS) == sorted(bench.PROGRAM)


FIGURES_OF_PROGRAMS = {
    "program-payoff": ("ns_per_call", "ns_per_call_interpreted", "ns_per_call_cpython"),
    "program-call": ("ns_per_call", "ns_per_call_room", "ns_per_call_no_read"),
    "program-compile": ("ms_cold", "ms_cached", "ms_front_end", "ms_room", "ms_start"),
    "program-fuel": ("ms_to_stop",),
    "program-fleet": ("activations_per_s",),
}


@pytest.mark.parametrize("name", bench.PROGRAM)
def test_a_bench_of_programs_has_its_keys_and_repeats_its_checksum(name: str) -> None:
    first, again = bench.run(name, is_smoke=True), bench.run(name, is_smoke=True)
    json.dumps(first, allow_nan=False)
    assert (first["bench"], first["mode"]) == (name, "os" if name == "program-call" else "none")
    assert all(size > 0 for size in first["input"].values())
    for key in (*FIGURES_OF_PROGRAMS[name], "rss_mb"):
        assert set(first[key]) == {"median", "p99", "max"}, key
        assert all(math.isfinite(value) for value in first[key].values()), key
    for key in ("checksum", "recipe", "input"):
        assert first[key] == again[key], key


def test_a_loop_without_end_stops_within_its_fuel_and_uses_it() -> None:
    found = bench.run("program-fuel", is_smoke=True)
    assert (found["given"], found["overrun"]) == (found["used"], 0.0)
    assert 0.99 < found["worked"] <= 1.0


def test_a_fleet_is_woken_by_tens_and_says_what_each_takes() -> None:
    found = bench.run("program-fleet", is_smoke=True)
    assert found["woken_per_event"] == pytest.approx(10.0, abs=0.5)
    assert 0 < found["bytes_per_instance"] < 1_000


def test_the_program_that_is_compiled_has_a_hundred_lines() -> None:
    assert bench.run("program-compile", is_smoke=True)["input"]["lines"] == 100


def test_an_unknown_bench_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="replay-native"):
        bench.run("nope")


def test_decode_without_a_recording_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDERACE_DATA", raising=False)
    with pytest.raises(DataError, match="TIDERACE_DATA"):
        bench.run("decode", is_smoke=True)


def test_all_skips_what_has_no_recording_unless_all_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TIDERACE_DATA", raising=False)
    monkeypatch.delenv("TIDERACE_REQUIRE_ALL", raising=False)
    monkeypatch.setattr(bench, "NAMES", ("decode",))
    assert bench.run_all(is_smoke=True)[0]["skipped"].startswith("SKIPPED: needs data")
    monkeypatch.setenv("TIDERACE_REQUIRE_ALL", "1")
    with pytest.raises(DataError):
        bench.run_all(is_smoke=True)


def test_times_and_rates_take_p99_from_the_bad_end() -> None:
    values = range(1, 101)
    assert _figures.times(values) == {"median": 50, "p99": 99, "max": 100}
    assert _figures.rates(values) == {"median": 51, "p99": 2, "max": 100}
    assert _figures.one(7) == {"median": 7, "p99": 7, "max": 7}


def test_each_level_change_wakes_the_desk() -> None:
    records = _market.level_changes(3_000)
    changes = records[(records["flags"] & _market.SNAPSHOT) == 0]
    assert len(changes) == 3_000
    assert (changes["kind"] == _market.LEVEL).all()
    assert (changes["flags"] & _market.LAST).all()


def test_quotes_as_messages_are_the_quotes_again() -> None:
    rows = _market.quotes(2_000)
    messages = _market.quote_messages(rows)
    assert int((messages["flags"] & _market.LAST != 0).sum()) == 2_000
    seen = _core.quotes(_market.tape(messages), 1)
    for name, column in rows.items():
        np.testing.assert_array_equal(pl.DataFrame(seen)[name].to_numpy(), column, name)
