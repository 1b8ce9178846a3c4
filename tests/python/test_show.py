"""What a person sees: figures that round to nothing, progress with its unit."""

import io
import time
from typing import Any

import pytest
from rich.console import Console

from tiderace import _show, bench


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("value", [-0.0, 0.0, -0.001, 0.001])
def test_what_rounds_to_nothing_has_no_sign(value: float) -> None:
    assert _show._bps(value) == "0.00"
    assert _show._money(str(value)) == "0.00"
    assert _show._percent(value / 100) == "0.0%"
    assert (_show._bps(-1.234), _show._bps(1.234), _show._bps(None)) == ("-1.23", "+1.23", "-")


@pytest.mark.parametrize(
    ("what", "unit"),
    [
        ("running", "events/s"),
        ("reading binance-spot:BTCUSDT", "instruments/s"),
        ("bench decode", "benches/s"),
    ],
)
def test_a_rate_names_its_unit(
    what: str, unit: str, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_show, "QUIET_S", 0.0)
    with _show.bar(console) as progress:
        progress(what, 0, 3)
        time.sleep(0.01)
        progress(what, 1, 3)
        time.sleep(0.4)
    assert unit in text(console)
    assert what in text(console)


def test_a_bar_appears_after_a_second_though_nothing_reports(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_show, "QUIET_S", 0.05)
    with _show.bar(console) as progress:
        progress("bench decode", 0, 5)
        assert text(console) == ""
        time.sleep(0.4)
        assert "bench decode" in text(console)


def test_a_job_that_is_over_soon_shows_no_bar(console: Console) -> None:
    with _show.bar(console) as progress:
        progress("running", 1, 3)
    assert text(console) == ""


def test_all_benches_report_which_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(name: str, *, is_smoke: bool) -> dict[str, Any]:
        return {"bench": name, "is_smoke": is_smoke}

    seen: list[tuple[str, int, int]] = []
    monkeypatch.setattr(bench, "run", run)
    bench.run_all(is_smoke=True, progress=lambda *step: seen.append(step))
    assert seen[0] == ("bench decode", 0, len(bench.NAMES))
    assert [what for what, _, _ in seen] == [f"bench {name}" for name in bench.NAMES]
