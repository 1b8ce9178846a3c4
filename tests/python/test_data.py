"""Recordings: the layout round trip, what is refused, and what is found in each format."""

import gzip
import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiderace import _core, _recordings, _standx, data
from tiderace.errors import DataError, InputError, StorageError

SPOT = _recordings.known_instrument("binance-spot:BTCUSDT", 0)
PERP = _recordings.known_instrument("binance-usdm:BTCUSDT", 1)
NAMES = ["binance-spot:BTCUSDT", "binance-usdm:BTCUSDT"]


def tape_of(rows: np.ndarray[Any, Any], offset: int = -5) -> Any:
    return _core.Tape.from_records(rows.view(np.uint8).data, offset)


def level_rows(n: int = 3) -> np.ndarray[Any, Any]:
    rows = np.zeros(n, dtype=data.MARKET_EVENT)
    rows["ts_recv_ns"] = np.arange(n) + 100
    rows["ts_event_ns"] = np.arange(n) + 90
    rows["kind"] = 1
    rows["price"] = 6_183_764
    rows["flags"] = 2
    return rows


@st.composite
def any_rows(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    n = draw(st.integers(0, 30))
    i64 = st.integers(-(2**63), 2**63 - 1)
    rows = np.zeros(n, dtype=data.MARKET_EVENT)
    fields = {
        "ts_event_ns": i64,
        "ts_recv_ns": i64,
        "price": i64,
        "qty_e8": i64,
        "seq": st.integers(0, 2**64 - 1),
        "instrument": st.integers(0, 1),
        "kind": st.integers(1, 7),
        "flags": st.integers(0, 15),
    }
    for name, values in fields.items():
        rows[name] = draw(st.lists(values, min_size=n, max_size=n))
    rows["ts_recv_ns"].sort()
    return rows


@settings(max_examples=60, deadline=None)
@given(rows=any_rows(), offset=st.integers(-(2**63), 2**63 - 1))
def test_every_record_survives_the_layout(
    tmp_path_factory: pytest.TempPathFactory, rows: np.ndarray[Any, Any], offset: int
) -> None:
    path = tmp_path_factory.mktemp("layout") / "x.parquet"
    source = [{"file": "a", "bytes": 1, "chunks": ["00"]}]
    data.write_parquet(
        tape_of(rows, offset), path, instruments=[SPOT, PERP], names=NAMES, source=source
    )
    back = data.read_parquet(path)
    assert back.tape.to_records() == rows.tobytes()
    assert back.tape.clock_offset_ns == offset
    assert (back.instruments, back.names, back.source) == ([SPOT, PERP], NAMES, source)


def test_the_layout_has_the_documented_columns_and_words(tmp_path: Path) -> None:
    path = data.write_parquet(tape_of(level_rows()), tmp_path / "x.parquet", instruments=[SPOT])
    frame = pl.read_parquet(path)
    documented = re.findall(
        r"^``(\w+)``\s+(?:int|uint|enum|bool)", data.__doc__ or "", re.MULTILINE
    )
    assert frame.columns == documented
    assert frame.row(0, named=True) == {
        "ts_event_ns": 90,
        "ts_recv_ns": 100,
        "instrument": "BTCUSDT",
        "kind": "level",
        "side": "buy",
        "price": 6_183_764,
        "qty_e8": 0,
        "seq": 0,
        "is_last": True,
        "is_snapshot": False,
        "is_untimed": False,
    }


def test_another_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame({"a": [1]})
    frame.write_parquet(path, metadata={"tiderace.layout": "2"})
    with pytest.raises(DataError, match=r"has Tiderace layout 2\. This build reads layout 1"):
        data.read_parquet(path)
    frame.write_parquet(path)
    with pytest.raises(DataError, match="has no Tiderace layout"):
        data.read_parquet(path)


def test_a_damaged_layout_is_refused(tmp_path: Path) -> None:
    path = data.write_parquet(tape_of(level_rows()), tmp_path / "x.parquet", instruments=[SPOT])
    whole, metadata = path.read_bytes(), pl.read_parquet_metadata(path)
    path.write_bytes(whole[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        data.read_parquet(path)
    path.write_bytes(whole)
    frame = pl.read_parquet(path)
    for broken in (frame.drop("seq"), frame.with_columns(seq=pl.lit(None, dtype=pl.UInt64))):
        broken.write_parquet(
            path, metadata={k: v for k, v in metadata.items() if k != "ARROW:schema"}
        )
        with pytest.raises(DataError, match="is damaged"):
            data.read_parquet(path)
    frame.reverse().write_parquet(
        path, metadata={k: v for k, v in metadata.items() if k != "ARROW:schema"}
    )
    with pytest.raises(DataError, match="record 1"):
        data.read_parquet(path)


def test_what_the_layout_cannot_hold_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(InputError, match="no two the same"):
        data.write_parquet(tape_of(level_rows()), path, instruments=[SPOT, PERP])
    rows = level_rows()
    rows["instrument"] = 1
    with pytest.raises(InputError, match="of instrument 1"):
        data.write_parquet(tape_of(rows), path, instruments=[SPOT])
    rows = level_rows()
    rows["flags"] = 16
    with pytest.raises(InputError, match="a flag"):
        data.write_parquet(tape_of(rows), path, instruments=[SPOT])
    with pytest.raises(StorageError, match="cannot be written"):
        data.write_parquet(tape_of(level_rows()), tmp_path / "no" / "x.parquet", instruments=[SPOT])
    assert list(tmp_path.iterdir()) == []


def raw_lines() -> list[str]:
    snapshot = {"lastUpdateId": 8, "bids": [["100.00", "1"]], "asks": [["101.00", "1"]]}
    depth = {"e": "depthUpdate", "E": 1_700_000_001_000, "s": "BTCUSDT", "U": 9, "u": 9,
             "b": [["100.00", "1.5"]], "a": [["101.00", "0.000015"]]}  # fmt: skip
    quote = {"u": 9, "s": "BTCUSDT", "b": "100.00", "B": "1.5", "a": "101.00", "A": "0.000015"}
    messages = [snapshot, depth, quote, {"e": "trade"}]
    return [f"{1_700_000_000_000_000_000 + i} {json.dumps(m)}" for i, m in enumerate(messages)]


def raw_recording(folder: Path, text: str, name: str = "spot_btcusdt_20240808.raw.gz") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress(text.encode()))
    return folder


def test_a_raw_recording_is_listed_checked_and_imported(tmp_path: Path) -> None:
    text = "\n".join([*raw_lines(), raw_lines()[2]]) + "\n"
    raw_recording(tmp_path / "mine", text)
    (tmp_path / "notes.txt").write_text("not a recording")
    [row] = data.ls(tmp_path)
    assert (row["name"], row["format"], row["files"]) == ("mine", "binance-raw", 1)
    assert row["instruments"] == ["binance-spot:BTCUSDT"]

    steps: list[tuple[str, int, int]] = []
    report = data.check("mine", data_dir=tmp_path, progress=lambda *step: steps.append(step))
    assert steps == [("reading binance-spot:BTCUSDT", 0, 1)]
    [spot] = report["instruments"]
    assert (spot["lines"], spot["unparsable"], spot["off_lot"], spot["gaps"]) == (5, 1, 3, 0)
    assert spot["compared"] == spot["equal"] >= 1
    assert spot["latency_ns_min"] == 0
    assert report["clock_offset_ns"] == 1 - 1_000_000_000
    assert any("line 4" in problem for problem in report["problems"])
    json.dumps(report)

    target = tmp_path / "mine.parquet"
    imported = data.import_("mine", target, data_dir=tmp_path)
    assert imported["records"] == len(data.read_parquet(target).tape) > 0
    again = data.check(target)
    assert again["clock_offset_ns"] == report["clock_offset_ns"]
    assert again["instruments"][0]["equal"] == spot["equal"]
    assert [row["format"] for row in data.ls(tmp_path)] == ["binance-raw", "tiderace-parquet"]
    with pytest.raises(InputError, match="is there already"):
        data.import_("mine", target, data_dir=tmp_path)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    text = "\n".join(raw_lines()[:3]) + "\n"
    folder = raw_recording(tmp_path / "cut", text[:-30])
    with pytest.raises(DataError, match="in the middle of line 3"):
        data.check(folder)
    file = folder / "spot_btcusdt_20240808.raw.gz"
    file.write_bytes(gzip.compress(text.encode())[:-12])
    with pytest.raises(DataError, match="is cut short"):
        data.check(folder)
    file.write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match="holds no line"):
        data.import_(folder, tmp_path / "x.parquet")
    assert not (tmp_path / "x.parquet").exists()


def test_what_cannot_be_found_or_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIDERACE_DATA", raising=False)
    with pytest.raises(InputError, match="no data folder"):
        data.ls()
    with pytest.raises(InputError, match="there is no recording 'nope'"):
        data.check("nope", data_dir=tmp_path)
    with pytest.raises(InputError, match="of no format"):
        data.check(tmp_path)
    folder = raw_recording(tmp_path / "eth", "x", "spot_ethusdt_20240808.raw.gz")
    with pytest.raises(InputError, match="'binance-spot:ETHUSDT' is not known"):
        data.check(folder)


def book_frame(rows: list[tuple[int, list[float], list[float]]]) -> pl.DataFrame:
    """Rows of (second, bids, asks); each quantity is 0.5."""
    return pl.DataFrame(
        {
            "timestamp": [s * 10**9 for s, _, _ in rows],
            "received_at": [s * 10**9 + 7 for s, _, _ in rows],
            "bid_prices": [bids for _, bids, _ in rows],
            "ask_prices": [asks for _, _, asks in rows],
            "bid_quantities": [[0.5] * len(bids) for _, bids, _ in rows],
            "ask_quantities": [[0.5] * len(asks) for _, _, asks in rows],
        },
        schema={
            "timestamp": pl.Int64,
            "received_at": pl.Int64,
            **dict.fromkeys(
                ("bid_prices", "ask_prices", "bid_quantities", "ask_quantities"),
                pl.List(pl.Float64),
            ),
        },
    )


def kinds(records: np.ndarray[Any, Any]) -> str:
    return "".join(" ltbCRVG"[kind] for kind in records["kind"])


def test_standx_rows_become_snapshots_and_their_faults_gaps() -> None:
    sound, locked = ([100.0, 99.9], [100.1, 100.3]), ([100.0], [100.0])
    rows = [
        (1, *sound), (1, *sound),             # recorded twice
        (2, *locked), (3, [101.0], [100.5]),  # locked, then crossed: one gap
        (4, *sound),
        (5, [99.9, 100.0], [100.1]),          # unsorted
        (6, *sound),
        (7, [100.005 - 0.001], [101.0]),      # off the grid
        (8, [], [101.0]),                     # one side
        (9, *sound),
        (60, *sound),                         # after a silence
    ]  # fmt: skip
    records, counts = _standx.book_records(book_frame(rows), tick=0.01)
    snapshot = "CllllRRV"
    assert kinds(records) == f"{snapshot}G{snapshot}G{snapshot}G{snapshot}G{snapshot}"
    assert counts == {
        "rows": 11,
        "duplicates": 1,
        "locked_rows": 1,
        "crossed_rows": 1,
        "invalid_rows": 3,
        "silences": 1,
        "gaps": 4,
        "snapshots": 5,
    }
    assert records["price"][:8].tolist() == [0, 10_000, 9_990, 10_010, 10_030, 9_990, 10_030, 0]
    assert records["qty_e8"][1] == 50_000_000
    assert (records["flags"][:8] & 1).tolist() == [0, 0, 0, 1, 1, 0, 1, 0]
    assert records["flags"][7] == _recordings.LAST | _recordings.SNAPSHOT
    assert records["ts_recv_ns"][-9] == 39 * 10**9 + 7, "stale once the silence is too long"


@pytest.mark.parametrize(("delay_ns", "applied"), [(40, 0), (0, 0), (-40, -40)])
def test_a_smallest_delay_above_zero_is_latency_and_no_clock_behind(
    delay_ns: int, applied: int
) -> None:
    rows = level_rows()
    rows["ts_event_ns"] = rows["ts_recv_ns"] - delay_ns - np.array([5, 0, 7])
    tape, observed = _standx.aligned(rows)
    assert (observed, tape.clock_offset_ns) == (delay_ns, applied)
    latency = data.records(tape)["ts_recv_ns"] - data.records(tape)["ts_event_ns"]
    assert latency.min() == max(delay_ns, 0)
    assert _standx.aligned(rows[:0])[1] == 0


def test_no_standx_row_is_no_record() -> None:
    records, counts = _standx.book_records(book_frame([]), tick=0.01)
    assert len(records) == 0
    assert counts["rows"] == 0
    records, counts = _standx.book_records(book_frame([(1, [100.0], [100.0])]), tick=0.01)
    assert (len(records), counts["locked_rows"]) == (0, 1)


def test_standx_trades_keep_their_side_and_a_single_side_is_told() -> None:
    frame = pl.DataFrame(
        {
            "timestamp": [1, 2, 3],
            "received_at": [4, 5, 6],
            "price": [93676.87, 93676.875, 93677.0],
            "quantity": [0.0001, 1.0, 0.5],
            "side": ["SELL", "SELL", "BUY"],
        }
    )
    records, counts = _standx.trade_records(frame, tick=0.01)
    assert records["price"].tolist() == [9_367_687, 9_367_700]
    assert records["qty_e8"].tolist() == [10_000, 50_000_000]
    assert records["flags"].tolist() == [3, 2]
    assert counts == {"trades": 2, "off_grid_trades": 1, "one_sided_trades": 0}
    many = pl.concat([frame[:1]] * 200)
    assert _standx.trade_records(many, tick=0.01)[1]["one_sided_trades"] == 200


def write_standx(folder: Path) -> None:
    """Write a recording of two rows, each twice, and one trade, as StandX's recorder does."""
    folder.mkdir()
    frame = book_frame([(i, [100.0, 99.9], [100.0 + 0.1 * i, 101.0]) for i in (0, 0, 1, 1)])
    times = pl.col("timestamp", "received_at").cast(pl.Datetime("ns", "UTC"))
    hour = datetime(2026, 1, 6, 14).strftime("%Y-%m-%d_%H")
    frame.with_columns(times).write_parquet(folder / f"orderbook_BTC-USD_{hour}.parquet")
    trades = pl.DataFrame(
        {
            "timestamp": [1],
            "received_at": [10**9],
            "price": [100.05],
            "quantity": [0.1],
            "side": "BUY",
        }
    )
    trades.with_columns(times).write_parquet(folder / f"trades_BTC-USD_{hour}.parquet")


def test_a_standx_recording_is_checked_and_imported(tmp_path: Path) -> None:
    write_standx(tmp_path / "standx")
    report = data.check("standx", data_dir=tmp_path)
    [row] = report["instruments"]
    assert row["instrument"] == "standx:BTC-USD"
    assert (row["duplicates"], row["locked_rows"], row["snapshots"], row["trades"]) == (2, 1, 1, 1)
    assert any("locked" in problem for problem in report["problems"])
    json.dumps(report)
    target = tmp_path / "x.parquet"
    data.import_("standx", target, data_dir=tmp_path)
    rows = data.records(data.read_parquet(target).tape)
    assert (rows["ts_event_ns"] <= rows["ts_recv_ns"]).all()
    next((tmp_path / "standx").glob("trades_*")).write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read"):
        data.check("standx", data_dir=tmp_path)
    next((tmp_path / "standx").glob("orderbook_*")).unlink()
    with pytest.raises(DataError, match="no orderbook file"):
        data.check("standx", data_dir=tmp_path)


def real(name: str) -> Path:
    """Return a real recording, or skip; with TIDERACE_REQUIRE_ALL=1 a skip is a failure."""
    folder = Path(os.environ.get("TIDERACE_DATA", "")) / name
    if "TIDERACE_DATA" not in os.environ or not folder.is_dir():
        if os.environ.get("TIDERACE_REQUIRE_ALL") == "1":
            pytest.fail("SKIPPED: needs TIDERACE_DATA")
        pytest.skip("SKIPPED: needs TIDERACE_DATA")
    return folder


def test_the_binance_recording_is_sound_and_equal_to_the_venues_best_prices() -> None:
    report = data.check(real("binance_btc_3books_raw_ws"))
    compared = [row["compared"] for row in report["instruments"]]
    assert [row["equal"] for row in report["instruments"]] == compared
    assert [n >= least for n, least in zip(compared, (1000, 600, 1800), strict=True)] == [True] * 3
    assert sum(row["gaps"] + row["unparsable"] for row in report["instruments"]) == 0
    assert sum(row["off_lot"] for row in report["instruments"]) == 7
    assert report["clock_offset_ns"] == -1_276_670_531
    # The fastest message of all was kept for the snapshot, whose time it has on the tape.
    assert 0 <= min(row["latency_ns_min"] for row in report["instruments"]) < 1_000_000
    assert len(report["problems"]) == 2


def test_the_standx_recording_is_found_out() -> None:
    report = data.check(real("standx_btc_perp_2026-01"))
    [row] = report["instruments"]
    assert row["rows"] == 2 * row["duplicates"] == 128_010
    assert (row["locked_rows"], row["crossed_rows"], row["invalid_rows"]) == (23_841, 0, 0)
    assert (row["locked"], row["crossed"]) == (0, 0), "no locked book is passed on"
    assert row["one_sided_trades"] == row["trades"] == 64_723


def test_files_in_the_layout_are_found_by_themselves_and_in_folders(tmp_path: Path) -> None:
    for name in ("alone.parquet", "mine/one.parquet", "two/a.parquet", "two/b.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        data.write_parquet(
            tape_of(level_rows()), tmp_path / name, instruments=[SPOT], names=NAMES[:1]
        )
    (tmp_path / "two" / "none.parquet").write_bytes(b"not a Parquet file")
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "two" / "theirs.parquet")
    rows = data.ls(tmp_path)
    assert [row["name"] for row in rows] == [
        "alone.parquet",
        "mine/one.parquet",
        "two/a.parquet",
        "two/b.parquet",
    ]
    assert {row["format"] for row in rows} == {"tiderace-parquet"}
    for row in rows:
        assert data.check(row["name"], data_dir=tmp_path)["format"] == "tiderace-parquet"
    assert data.check("mine", data_dir=tmp_path)["name"] == "one.parquet"
    with pytest.raises(InputError, match="holds 2 recordings in Tiderace's layout"):
        data.check("two", data_dir=tmp_path)


def test_gaps_of_rows_that_are_no_book_are_not_called_breaks_of_a_sequence() -> None:
    row = {"instrument": "standx:X", "gaps": 4, "locked_rows": 9}
    text = " ".join(_recordings.problems(row))
    assert "goes stale 4 times, at a run of locked, crossed or invalid rows" in text
    assert "sequence" not in text
    (broken,) = _recordings.problems({"instrument": "a:b", "gaps": 4})
    assert "sequence breaks 4 times" in broken
