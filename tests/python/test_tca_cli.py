"""``tiderace tca``: league, record and export over real runs on our own venue."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from face import EXAMPLE, SMALL, no_data
from typer.testing import CliRunner, Result

import tiderace as tr
from tiderace.cli import app

__all__ = ["no_data"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    for seed in (1, 2, 3):
        tr.run(EXAMPLE, set={**SMALL, "run.seed": seed}, out=folder)
    return folder


@pytest.fixture
def tca() -> Callable[..., Result]:
    def call(*words: str, fails: bool = False) -> Result:
        result = CliRunner().invoke(app, ["tca", *words])
        assert fails or result.exit_code == 0, result.output
        return result

    return call


def test_a_league_takes_a_folder_of_runs(tca: Callable[..., Result], out: Path) -> None:
    found = json.loads(tca("league", str(out), "--json").stdout)
    assert found["runs"] == 3
    group = found["groups"]["twap"]
    assert group["parents"] == 3
    costs = [
        tr.replay(folder).summary["shortfall"]["total_bps"] for folder in sorted(out.iterdir())
    ]
    mean = group["metrics"]["shortfall_bps"]
    assert mean["mean"] == pytest.approx(sum(costs) / 3)
    assert min(costs) <= mean["low"] <= mean["mean"] <= mean["high"] <= max(costs)


def test_a_league_shows_a_table_and_writes_a_page_and_rows(
    tca: Callable[..., Result], out: Path, tmp_path: Path
) -> None:
    page, rows = tmp_path / "league.html", tmp_path / "league.parquet"
    runs = [str(folder) for folder in sorted(out.iterdir())]
    shown = tca(
        "league", *runs, "--by", "venue", "--html", str(page), "--parquet", str(rows)
    ).stdout
    assert "3 runs" in shown
    assert "binance-spot:BTCUSDT" in shown
    assert "<h1>League: Implementation shortfall by venue</h1>" in page.read_text()
    assert pl.read_parquet(rows)["run"].n_unique() == 3


def test_a_record_is_one_json_object_and_a_text(tca: Callable[..., Result], out: Path) -> None:
    folder = sorted(out.iterdir())[0]
    found = json.loads(tca("record", str(folder), "--json").stdout)
    run = tr.replay(folder)
    assert found == tr.tca.record(run)
    wide = json.loads(tca("record", str(folder), "--within", "30", "--json").stdout)

    def depth(told: dict) -> Decimal:
        books = [b for d in told["parents"][0]["decisions"] for b in d["books"]]
        return sum((Decimal(b["ask_depth"]) for b in books if b["is_live"]), Decimal(0))

    assert depth(wide) > depth(found)
    text = tca("record", str(folder), "--parent", "1").stdout
    assert "parent 1: buy 1, twap" in text
    assert "left out" in text


def test_an_export_holds_every_table_with_money_as_decimals(
    tca: Callable[..., Result], out: Path, tmp_path: Path
) -> None:
    folder = sorted(out.iterdir())[0]
    told = json.loads(tca("export", str(folder), str(tmp_path / "new"), "--json").stdout)
    frames = {Path(path).stem: pl.read_parquet(path) for path in told["files"]}
    summary = tr.replay(folder).summary
    assert frames["fills"].height == summary["fills"]
    assert frames["parents"]["shortfall"].dtype == pl.Decimal(38, 12)
    total = sum(frames["parts"]["total"].to_list(), Decimal(0))
    assert total == pytest.approx(Decimal(summary["shortfall"]["total"]), abs=Decimal("1e-10"))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        Path(path).name for path in told["files"]
    )


def test_what_is_not_there_is_refused(
    tca: Callable[..., Result], out: Path, tmp_path: Path
) -> None:
    folder = str(sorted(out.iterdir())[0])
    for words in (
        ("league", str(tmp_path)),
        ("league", str(tmp_path / "absent")),
        ("league", folder, "--by", "moon"),
        ("record", folder, "--parent", "7"),
        ("record", folder, "--within", "-1"),
    ):
        assert tca(*words, fails=True).exit_code != 0
