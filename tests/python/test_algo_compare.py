"""Algorithms compared on one order: pairs, tables, what is refused, and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from face import ROOT, no_data  # noqa: F401
from typer.testing import CliRunner

import tiderace as tr
from tiderace import _algo_compare, cli

COMPARE = ROOT / "examples" / "compare.toml"
QUICK = {"parent.order_qty": "4", "parent.duration": "5s", "synthetic.duration": "7s"}
runner = CliRunner()


@pytest.fixture(scope="module")
def found() -> _algo_compare.Compared:
    return _algo_compare.compare(
        COMPARE,
        ["vwap", "pov"],
        seeds=[3, 4, 5],
        workers=1,
        overrides=QUICK | {"parent.at_end": "expire", "pov.rate": "0.05", "pov.rate_min": "0.04"},
    )


def test_parents_of_one_seed_are_pairs(found: _algo_compare.Compared) -> None:
    versus = found.league.versus.filter(metric="slippage_bps_arrival")
    assert set(versus["group"]) == {"vwap", "pov"}
    assert versus["is_paired"].all()
    assert set(versus["n"]) == {3}
    assert found.league.baseline == "twap"
    assert found.league.parents.filter(venue="all venues")["pair"].n_unique() == 3


def test_an_algorithm_has_parameters_of_its_own(found: _algo_compare.Compared) -> None:
    shares = {name: each.value for name, each in found.participation.items()}
    assert 0 < shares["pov"] < shares["vwap"]
    assert found.completed == {"twap": 1.0, "vwap": 1.0, "pov": 0.0}
    assert found.to_dict()["order"]["order_qty"] == "4"


def test_processes_find_what_one_finds() -> None:
    one, two = (
        _algo_compare.compare(COMPARE, ["vwap"], seeds=[1, 2], workers=n, overrides=QUICK)
        for n in (1, 2)
    )
    assert one.to_dict() == two.to_dict()
    assert one.league.parents.equals(two.league.parents)


def test_the_table_and_the_page_name_every_algorithm(
    found: _algo_compare.Compared, tmp_path: Path
) -> None:
    table = _algo_compare.shown(found)
    assert list(table.columns[0].cells) == list(
        found.league.table.filter(metric="slippage_bps_arrival")["group"]
    )
    page = tmp_path / "page.html"
    words = ["algo", "compare", str(COMPARE), "--algo", "vwap", "--seeds", "2", "--workers", "1"]
    words += [f"--set={key}={value}" for key, value in QUICK.items()]
    done = runner.invoke(cli.app, [*words, "--json", "--html", str(page)])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert set(said["groups"]) == {"twap", "vwap"}
    assert said["seeds"] == [1, 2]
    assert "vwap" in page.read_text()
    assert "gap" in runner.invoke(cli.app, words).stdout


def test_what_cannot_be_compared_is_refused() -> None:
    def refused(algos: list[str], *, seeds: tuple[int, ...] = (1, 2), **words: str) -> str:
        with pytest.raises(tr.InputError) as caught:
            _algo_compare.compare(COMPARE, algos, seeds=seeds, workers=1, **words)  # type: ignore[arg-type]
        assert caught.value.rule
        assert caught.value.remedy
        return str(caught.value)

    assert "Did you mean 'vwap'" in refused(["vwop"])
    assert "works both sides" in refused(["grid"])
    assert "comes twice" in refused(["vwap", "vwap"])
    assert "only twap" in refused(["twap"])
    assert "metric is" in refused(["vwap"], metric="luck")
    assert "two seeds" in refused(["vwap"], seeds=(1,))
    assert "two seeds" in refused(["vwap"], seeds=(1, 1))
    with pytest.raises(tr.InputError, match=r"no \[parent\]"):
        _algo_compare.compare(
            COMPARE, ["vwap"], seeds=[1, 2], workers=1, overrides={"parent": None}
        )
    with pytest.raises(tr.InputError, match="would"):
        _algo_compare.compare(
            COMPARE, ["stop"], seeds=[1, 2], workers=1, overrides={"parent.would": "0.001"}
        )


def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tiderace", "algo", "compare", str(COMPARE), "--algo", "vwap"]
    process = subprocess.Popen(
        [*words, "--seeds", "500", "--workers", "2", "--json"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not list(tmp_path.glob("tiderace-compare-*/*")) and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out)["error"]["kind"] == "Interrupted"
    assert b"Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_a_league_of_its_rows_is_the_same(found: _algo_compare.Compared) -> None:
    again = tr.tca.league(found.league.parents, baseline="twap", metric="slippage_bps_arrival")
    gap = pl.col("metric") == "slippage_bps_arrival"
    assert again.versus.filter(gap).equals(found.league.versus.filter(gap))
