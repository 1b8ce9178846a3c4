"""Chains in files: what is read, what is wrong with it, the study, the page and the command."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from face import recording_dir
from typer.testing import CliRunner

import tiderace as tr
from tiderace import bench, chain, cli, model

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FORWARDS = {5: 66_400.0, 28: 66_600.0, 91: 67_100.0}
STRIKES = [40_000.0 + 4_000.0 * i for i in range(14)]


def vol_at(strike: float, forward: float, days: float) -> float:
    k = np.log(strike / forward) / np.sqrt(days / 365.0)
    return float(0.55 - 0.03 * k + 0.05 * k * k / (1.0 + abs(k)))


def rows(*, half_spread: float = 0.0004) -> list[dict[str, Any]]:
    """A chain in the coin, with the columns that Deribit's answers have."""
    found = []
    for days, forward in FORWARDS.items():
        expiry = NOW + timedelta(days=days)
        for strike in STRIKES:
            for side in ("call", "put"):
                vol, t = vol_at(strike, forward, days), days / 365.0
                greeks = model.greeks76(forward, strike=strike, t=t, vol=vol, call=side == "call")
                mark = float(greeks.price) / forward
                found.append(
                    {
                        "timestamp": NOW,
                        "instrument_name": f"BTC-{days}-{strike:.0f}-{side[0].upper()}",
                        "expiry_datetime": expiry,
                        "strike": strike,
                        "option_type": side,
                        "bid_price": mark - half_spread if mark > half_spread else None,
                        "ask_price": mark + half_spread,
                        "mark_price": round(mark, 8),
                        "implied_volatility": round(vol, 4),
                        "delta": round(float(greeks.delta), 5),
                        "underlying_price": forward,
                        "index_price": 66_350.0,
                        "futures_instrument_name": f"BTC-{days}",
                        "currency": "BTC",
                        "snapshot_id": "one",
                    }
                )
    return found


def written(folder: Path, frame: pl.DataFrame, name: str = "chain.parquet") -> Path:
    path = folder / name
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


@pytest.fixture
def frame() -> pl.DataFrame:
    return pl.DataFrame(rows())


def test_csv_and_parquet_and_a_folder_of_them_are_one_chain(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    parquet = chain.read(written(tmp_path, frame)).chain()
    text = chain.read(written(tmp_path, frame, "chain.csv")).chain()
    whole = chain.read(tmp_path).chain()
    for other in (text, whole):
        assert other.frame.drop("snapshot").equals(parquet.frame.drop("snapshot"))
    assert parquet.t[0] == pytest.approx(5 / 365.0, rel=1e-12)
    assert parquet.listed["forward"].to_list() == list(FORWARDS.values())


def test_the_surface_of_a_chain_is_the_smile_that_made_it(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    view = chain.view(chain.read(written(tmp_path, frame)).chain())
    assert len(view.surface.slices) == len(FORWARDS)
    assert view.worst == 0.0
    assert int(view.inside.sum()) == int(view.judged.sum()) > 50
    for point, forward in zip(view.surface.forwards, FORWARDS.values(), strict=True):
        assert point.from_parity == pytest.approx(forward, rel=1e-9)
        assert point.from_future == forward
    assert not view.found


def test_a_study_finds_vols_and_deltas_equal_where_they_were_made_so(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    table = chain.study(chain.read(written(tmp_path, frame)))
    (row,) = table.to_dicts()
    for share in ("vol_share_stored", "vol_share", "delta_share_stored", "parity_share"):
        assert row[share] == 1.0, share
    assert abs(row["shift_s"]) < 60.0
    assert row["arbitrages_touch"] == 0
    assert chain.summary(table)["all"]["vol equal within rounding, as stored"] == 1.0


def test_the_study_finds_the_moment_that_marks_were_taken_at(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    later = frame.with_columns(pl.col("timestamp") + timedelta(seconds=1_800))
    (row,) = chain.study(chain.read(written(tmp_path, later))).to_dicts()
    # The marks are of 1,800 s before the time in the file: that much more is left to expiry.
    assert row["shift_s"] == pytest.approx(1_800.0, abs=0.03 * 1_800.0)
    assert row["vol_share_marks"] < row["vol_share"] == 1.0


def test_an_arbitrage_survives_the_fees_that_it_can_pay(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    at = (pl.col("strike") == STRIKES[6]) & (pl.col("instrument_name").str.starts_with("BTC-28-"))
    at &= pl.col("option_type") == "call"
    dear = pl.col("ask_price").filter(pl.col("strike") == STRIKES[5]).max()
    planted = frame.with_columns(
        bid_price=pl.when(at).then(dear + 0.002).otherwise("bid_price"),
        ask_price=pl.when(at).then(dear + 0.003).otherwise("ask_price"),
    )
    view = chain.view(chain.read(written(tmp_path, planted)).chain())
    vertical = next(row for row in view.found if row.kind == "vertical")
    assert vertical.gross - vertical.net == pytest.approx(2 * 0.0003)
    assert view.survivors
    assert vertical.qty is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strike": None}, "strike = None"),
        ({"option_type": "straddle"}, "option_type = 'straddle'"),
        ({"expiry_datetime": None}, "expiry_datetime = None"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    bad = rows()
    bad[3] |= change
    with pytest.raises(tr.DataError, match=f"row 3: {re.escape(said)}"):
        chain.read(written(tmp_path, pl.DataFrame(bad)))


def test_missing_columns_doubles_and_no_chain_at_all_are_named(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    with pytest.raises(tr.DataError, match="no column bid_price or bid; ask_price or ask"):
        chain.read(written(tmp_path, frame.drop("bid_price", "ask_price")))
    with pytest.raises(tr.DataError, match=r"an option twice.*strike 40000"):
        chain.read(written(tmp_path, pl.concat([frame, frame[:1]])))
    with pytest.raises(tr.InputError, match=r"chain .*nowhere"):
        chain.read(tmp_path / "nowhere")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(tr.DataError, match="torn"):
        chain.read(tmp_path / "torn.parquet")
    with pytest.raises(tr.InputError, match="snapshot 'two'"):
        chain.read(written(tmp_path, frame)).chain("two")


def test_vols_in_percent_are_refused_until_they_are_said_to_be(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    path = written(tmp_path, frame.with_columns(pl.col("implied_volatility") * 100.0))
    with pytest.raises(tr.DataError, match="--vol-unit percent"):
        chain.view(chain.read(path).chain())
    view = chain.view(chain.read(path, vol_unit="percent").chain())
    assert len(view.surface.slices) == len(FORWARDS)
    with pytest.raises(tr.InputError, match="vol unit 'bp'"):
        chain.read(path, vol_unit="bp")


def test_each_quote_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    bad = rows()
    changes: list[tuple[str, dict[str, Any]]] = [
        ("crossed_quote", {"bid_price": 0.5, "ask_price": 0.4}),
        ("missing_quote", {"bid_price": None}),
        ("missing_quote", {"ask_price": float("nan")}),
        ("expired_quote", {"expiry_datetime": NOW - timedelta(days=1)}),
        ("expired_quote", {"expiry_datetime": NOW}),
        ("stale_quote", {"timestamp": NOW - timedelta(hours=1)}),
        ("bad_forward", {"underlying_price": -5.0}),
        ("bad_strike", {"strike": 0.0}),
        ("not_a_number", {"ask_price": float("inf")}),
        ("vol_unit", {"implied_volatility": 55.0}),
    ]
    for at, (_, change) in enumerate(changes):
        bad[30 + at] |= change
    view = chain.view(chain.read(written(tmp_path, pl.DataFrame(bad))).chain(), age_s=60.0)
    said = [view.reasons[30 + at] for at in range(len(changes))]
    assert said == [reason for reason, _ in changes]
    for name in view.left_out:
        code, rule, remedy = model.reason_named(name)
        assert code
        assert rule
        assert remedy


def test_a_page_holds_each_expiry_and_asks_no_other_host(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    evil = frame.with_columns(snapshot_id=pl.lit("<script>alert(1)</script>"))
    view = chain.view(chain.read(written(tmp_path, evil)).chain())
    page = chain.html(view, tmp_path / "chain.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert not re.search(r"https?://", page)
    assert page.count('class="plot') == len(FORWARDS) + 2
    assert "No arbitrage" in page or "no arbitrage" in page


def test_the_command_prints_writes_and_studies(tmp_path: Path, frame: pl.DataFrame) -> None:
    path, page, table = written(tmp_path, frame), tmp_path / "p.html", tmp_path / "s.csv"
    run = CliRunner()
    done = run.invoke(cli.app, ["surface", str(path), "--html", str(page), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["arbitrage_free"]
    assert found["share_inside"] == 1.0
    assert page.exists()
    assert "within half their spread" in run.invoke(cli.app, ["surface", str(path)]).stdout
    done = run.invoke(cli.app, ["surface", str(path), "--study", str(table), "--json"])
    assert json.loads(done.stdout)["all"]["chains"] == 1
    assert pl.read_csv(table).height == 1
    bad = run.invoke(cli.app, ["surface", str(path), "--study", str(tmp_path / "s.txt")])
    assert isinstance(bad.exception, tr.InputError)


def test_a_real_snapshot_comes_out_as_the_study_says() -> None:
    folder = recording_dir() / "deribit_option_chain_snapshots"
    chains = chain.read(folder / "deribit_chain_202602.parquet")
    first = chains.frame["snapshot"].min()
    one = chain.Chains(chains.name, chains.is_inverse, chains.frame.filter(snapshot=first))
    found = chain.summary(chain.study(one))["all"]
    assert found["vol equal, and at one moment a chain"] > 0.9
    assert found["delta within 0.001, at the row's index"] > 0.85
    assert found["forward inside put-call parity"] > 0.995
    assert found["surface within half the spread"] > 0.95
    assert found["surfaces with arbitrage"] == 0


def test_the_bench_of_surfaces_meets_real_quotes_without_arbitrage() -> None:
    recording_dir()
    found = bench.run("surface", is_smoke=True)
    assert found["share_inside"]["all"] > 0.95
    assert found["arbitrage"] == 0
    assert set(found["ms"]) == {"median", "p99", "max"}
