"""Stress: the benches of margin and clearing run and have their keys; a day of crash adds up."""

import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tiderace import _stress, _stress_page, bench
from tiderace.errors import InputError

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


SMALL = """
[stress]
seed = 3
accounts = 120
members = 4
makers = 2
options = 20
steps = 10
[grid]
spot = [-0.4, 0.0, 0.3]
vol = [0.0, 1.0]
[[days]]
name = "a day"
spot = -0.3
vol = 0.5
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("stress")
    (folder / "small.toml").write_text(SMALL)
    return _stress.run(_stress.load(folder / "small.toml"), files=folder / "eod"), folder


def test_a_day_of_crash_adds_up_layers_pay_in_order_and_it_can_be_done_again(
    small: tuple[dict[str, Any], Path],
) -> None:
    found, _ = small
    for day in (found["staged"], found["immediate"]):
        assert _stress.holds(day)
        assert day["accounts_below"] > 5
        assert sum(step["liquidations"] for step in day["steps"]) > 0
    assert found["is_synthetic"]


def test_a_deeper_fall_lacks_more_and_no_move_lacks_nothing(
    small: tuple[dict[str, Any], Path],
) -> None:
    cells = {(c["spot"], c["vol"]): c for c in small[0]["grid"]["cells"]}
    assert cells[0.0, 0.0]["shortfall_usd"] == 0.0
    assert cells[-0.4, 0.0]["shortfall_usd"] > 0.0
    sums = [cell["customers_usd"] + cell["members_usd"] for cell in cells.values()]
    # Linear and inverse positions of one side are the other's: what one gains another loses.
    assert all(abs(total) < 1.0 for total in sums), sums
    (cover,) = small[0]["grid"]["cover"]
    assert len(cover["members"]) == 2
    assert cover["is_covered"] == (cover["needed_usd"] <= cover["funded_usd"])


def test_end_of_day_files_hold_the_same_in_csv_and_parquet(
    small: tuple[dict[str, Any], Path],
) -> None:
    found, folder = small
    for name in ("instruments", "positions", "balances", "margin", "trades", "postings"):
        text = (folder / "eod" / f"{name}.csv").read_text()
        frame = pl.read_parquet(folder / "eod" / f"{name}.parquet")
        assert frame.equals(_stress.read_table(text)), name
        assert frame.height > 0
    positions = pl.read_parquet(folder / "eod" / "positions.parquet")
    assert set(positions.group_by("symbol").agg(pl.col("qty").sum())["qty"]) == {Decimal(0)}
    assert str(folder / "eod" / "trades.fix") in found["files"]


def test_a_trade_capture_report_has_its_length_and_checksum(
    small: tuple[dict[str, Any], Path],
) -> None:
    lines = (small[1] / "eod" / "trades.fix").read_bytes().splitlines()
    assert len(lines) == small[0]["staged"]["trades"]
    for line in lines[:50]:
        head, _, rest = line.partition(b"\x019=")
        assert head == b"8=FIX.4.4"
        length, _, body = rest.partition(b"\x01")
        body, trailer, check = body.rpartition(b"10=")
        assert (len(body), trailer) == (int(length), b"10=")
        assert sum(line[: line.rindex(b"10=")]) % 256 == int(check[:3])
        assert body.startswith(b"35=AE\x01")
        assert body.count(b"\x0154=") == 2


def test_the_same_trades_stand_in_fixml_with_the_terms_of_their_instruments(
    small: tuple[dict[str, Any], Path],
) -> None:
    found, folder = small
    batch = ET.parse(folder / "eod" / "trades.xml").getroot()[0]
    assert int(batch.attrib["TotMsg"]) == found["staged"]["trades"] == len(batch) - 1
    told = {of.attrib["Sym"]: of.attrib for of in batch.iter() if of.tag.endswith("}Instrmt")}
    listed = pl.read_parquet(folder / "eod" / "instruments.parquet").to_dicts()
    kinds = {row["symbol"]: row["kind"] for row in listed}
    assert {kinds[symbol] for symbol in told} >= {"option", "perpetual"}
    for symbol, of in told.items():
        is_option = kinds[symbol] == "option"
        assert of["SecTyp"] == ("OPT" if is_option else "FUT")
        assert ({"MMY", "MatDt", "StrkPx", "PutCall"} <= of.keys()) == is_option
        strike = next(row["strike_price"] for row in listed if row["symbol"] == symbol)
        assert strike == (Decimal(of["StrkPx"]) if is_option else None)


def test_the_page_is_whole_and_asks_nobody(small: tuple[dict[str, Any], Path]) -> None:
    text = _stress_page.page(small[0])
    assert text.startswith("<!doctype html>")
    assert "http://" not in text
    assert "https://" not in text
    assert "Synthetic chain" in text


def stress(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tiderace", "stress", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_command_prints_json_and_refuses_what_no_file_has(tmp_path: Path) -> None:
    config, page = tmp_path / "small.toml", tmp_path / "a.html"
    config.write_text(SMALL)
    done = stress(str(config), "--json", "--html", str(page))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["staged"]["seed"] == 3
    assert page.is_file()
    config.write_text(SMALL.replace("steps = 10", "stepz = 10"))
    done = stress(str(config))
    assert (done.returncode, "stepz" in done.stderr) == (2, True)
    config.write_text(SMALL.replace("steps = 10", "steps = 0"))
    done = stress(str(config))
    assert (done.returncode, "steps" in done.stderr) == (2, True)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        _stress.load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[stres]\n")
    with pytest.raises(InputError, match="stres"):
        _stress.load(tmp_path / "bad.toml")
