"""An option order priced in vol and hedged by the inverse perpetual, from the config to the report."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from face import ROOT, no_data

import tiderace as tr
from tiderace import tca
from tiderace._tca.prices import Tape

__all__ = ["no_data"]

EXAMPLE = ROOT / "examples" / "option_vol.toml"
OPTION, PERPETUAL = 0, 1
LIMIT, BAND, TICK = 0.552, 0.1, 0.0001
NS = 1_000_000_000
YEAR = 365 * 86_400 * NS


@pytest.fixture(scope="module", params=[3, 11])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    changed = {"run.seed": request.param}
    return tr.run(EXAMPLE, out=tmp_path_factory.mktemp("out"), set=changed)


class Known:
    """What the desk went by at a time, worked out again from journal and tape."""

    def __init__(self, run: Any) -> None:
        self.inputs = run.inputs
        self.tape = Tape(run.inputs)
        self.terms = self.inputs.markets[OPTION].terms

    def at(self, ts_ns: int) -> dict[str, Any]:
        surface = [s for s in self.inputs.surfaces if s.ts_ns <= ts_ns][-1]
        now = self.tape.mid(PERPETUAL, ts_ns)
        then = self.tape.mid(PERPETUAL, surface.ts_ns, or_first=True)
        assert now is not None
        assert then is not None
        maturity = self.terms["maturity_ns"]
        return {
            "forward": surface.forwards[maturity] * float(now / then),
            "strike": 62_000.0,
            "t": (maturity - ts_ns) / YEAR,
            "call": True,
        }

    def vol(self, ts_ns: int) -> float:
        return [s for s in self.inputs.surfaces if s.ts_ns <= ts_ns][-1].vols[OPTION]

    def price(self, ts_ns: int, vol: float) -> float:
        at = self.at(ts_ns)
        forward = at.pop("forward")
        return float(tr.model.black76(forward, vol=vol, **at)) / forward

    def delta(self, ts_ns: int) -> float:
        at = self.at(ts_ns)
        forward = at.pop("forward")
        greeks = tr.model.greeks76(forward, vol=self.vol(ts_ns), **at)
        return float(greeks.delta) - self.price(ts_ns, self.vol(ts_ns))


def fills(run: Any, instrument: int) -> list[dict[str, Any]]:
    rows = run.table("FillBooked").filter(pl.col("instrument") == instrument)
    return list(rows.sort("ts_ns").to_dicts())


def test_the_order_is_bought_and_hedged(ran: Any) -> None:
    assert ran.summary["status"] == "completed"
    bought = sum(int(row["exposure"]) for row in fills(ran, OPTION))
    assert bought == 2_000_000_000
    assert {row["side"] for row in fills(ran, OPTION)} == {ord("1")}


def test_no_order_is_sent_beyond_its_limit_in_vol(ran: Any) -> None:
    known = Known(ran)
    sent = ran.table("OrderSent").filter(pl.col("instrument") == OPTION).to_dicts()
    assert len(sent) > 3
    for row in sent:
        assert row["price"] * TICK <= known.price(row["ts_ns"], LIMIT) + 1e-9


def test_a_resting_order_is_priced_anew_as_surface_and_underlying_move(ran: Any) -> None:
    sent = ran.table("OrderSent").filter(pl.col("instrument") == OPTION)
    assert sent["price"].n_unique() > 1
    canceled = ran.table("CancelSent")
    assert canceled.height > 0, "what the price has left is pulled"


def test_the_delta_is_within_its_band_after_each_fill(ran: Any) -> None:
    known = Known(ran)
    for row in fills(ran, OPTION):
        # An order there and its report back take 20 ms.
        soon = row["ts_ns"] + NS // 2
        held = sum(int(f["exposure"]) for f in fills(ran, OPTION) if f["ts_ns"] <= soon) / 1e8
        mid = known.tape.mid(PERPETUAL, soon)
        assert mid is not None
        lots = sum(
            int(f["last_qty"]) * (1 if f["side"] == ord("1") else -1)
            for f in fills(ran, PERPETUAL)
            if f["ts_ns"] <= soon
        )
        net = held * known.delta(soon) + lots * 10 / float(mid)
        # A fill within the last moment is being hedged.
        recent = [f for f in fills(ran, OPTION) if soon - NS // 5 < f["ts_ns"] <= soon]
        assert abs(net) <= BAND + 0.02 or recent


def test_the_journal_gives_it_again(ran: Any) -> None:
    again = tr.replay(ran.dir)
    assert again.core["digest"] == ran.core["digest"]
    assert [s.version for s in again.inputs.surfaces] == list(
        range(1, len(again.inputs.surfaces) + 1)
    )


def test_tca_tells_vol_points_and_the_hedges_cost(ran: Any) -> None:
    (order,) = tca.option_orders(ran.inputs)
    assert (order.side, order.qty) == ("buy", pytest.approx(20))
    assert order.mark_vol == pytest.approx(0.55, abs=0.01)
    assert order.points.arrival_vol == pytest.approx(order.mark_vol, abs=0.003)
    assert order.paid_vol is not None
    # Fills of what rested may be a little beyond: the market moved before the cancel came.
    assert order.paid_vol < LIMIT + 0.001
    repriced = order.points.repriced
    assert repriced is not None
    assert repriced == pytest.approx((order.paid_vol - order.points.arrival_vol) * 100)
    (hedge,) = order.hedges
    assert hedge.venue == "tiderace:BTC-PERPETUAL"
    assert -20 < hedge.exposure < 0
    assert hedge.fees == pytest.approx(hedge.traded * 61_800 * 0.0005, rel=0.02)


def test_an_option_and_its_hedge_are_each_judged_by_their_own_price(ran: Any) -> None:
    """A perpetual of 61,800 USD has no basis to an option of 0.056 BTC."""
    summary = ran.summary
    parts = {key: float(summary["shortfall"][key]) for key in ("trading", "basis", "conversion")}
    assert parts["basis"] == parts["conversion"] == 0
    total = float(summary["shortfall"]["total"])
    assert total == pytest.approx(parts["trading"] + float(summary["fees"]), abs=0.01)
    own = 0.0
    for name, i, usd in (("BTC-26JAN24-62000-C", OPTION, 61_800), ("BTC-PERPETUAL", PERPETUAL, 1)):
        venue = summary["by_venue"][f"tiderace:{name}"]
        sign = 1 if i == OPTION else -1
        paid = float(venue["avg_px"]) - float(venue["arrival_mid"]) * usd
        own += sign * float(venue["exposure"]) * paid
    assert parts["trading"] == pytest.approx(own, abs=0.5)
    assert summary["is_mixed"]
    assert summary["avg_px"] is None
    assert set(summary["slippage_bps"].values()) == {None}


def test_the_delta_left_is_told_at_worst_and_at_the_end(ran: Any) -> None:
    (order,) = tca.option_orders(ran.inputs)
    assert abs(order.delta_end) <= BAND
    assert order.delta_mean <= BAND
    known = Known(ran)
    worst = 0.0
    for row in fills(ran, OPTION):
        now = row["ts_ns"]
        held = sum(int(f["exposure"]) for f in fills(ran, OPTION) if f["ts_ns"] <= now) / 1e8
        mid = known.tape.mid(PERPETUAL, now)
        assert mid is not None
        lots = sum(
            int(f["last_qty"]) * (1 if f["side"] == ord("1") else -1)
            for f in fills(ran, PERPETUAL)
            if f["ts_ns"] <= now
        )
        worst = max(worst, abs(held * known.delta(now) + lots * 10 / float(mid)))
    assert order.delta_worst == pytest.approx(worst, abs=0.01)


def test_the_summary_tells_the_option_in_vol(ran: Any) -> None:
    (order,) = ran.summary["options"]
    (wanted,) = tca.option_orders(ran.inputs)
    assert order["paid_vol"] == wanted.paid_vol
    assert order["limit_vol"] == LIMIT
    assert "fills" not in order["points"]


def test_the_report_has_the_order_in_vol_points(ran: Any) -> None:
    page = Path(ran.report()).read_text(encoding="utf-8")
    for words in (
        "Option orders in vol",
        "vol points",
        "Hedges",
        "what is left",
        "BTC-26JAN24-62000-C",
    ):
        assert words in page
    assert json.loads((ran.dir / "run.json").read_text())["status"] == "completed"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"surface.vol": "9"}, "surface.vol"),
        ({"surface.half_spread": "0"}, "surface.half_spread"),
        ({"surface.publish": "1ms"}, "surface.publish"),
        ({"surface.levels": 17}, "surface.levels"),
        ({"surface.qty": "0"}, "surface.qty"),
        ({"data.recording": "any"}, "data.recording"),
    ],
)
def test_a_surface_out_of_its_range_is_refused(
    changed: dict[str, Any], word: str, tmp_path: Path
) -> None:
    with pytest.raises(tr.InputError, match=word.replace(".", r"\.")):
        tr.run(EXAMPLE, out=tmp_path, set=changed)


@pytest.mark.parametrize("key", ["maturity", "strike_price", "put_or_call"])
def test_an_option_has_its_terms_and_nothing_else_has(key: str) -> None:
    raw = tr.config.to_dict(tr.config.load(EXAMPLE))
    del raw["instruments"][OPTION][key]
    with pytest.raises(tr.InputError, match=key):
        tr.config.parse(raw)
    raw = tr.config.to_dict(tr.config.load(EXAMPLE))
    raw["instruments"][PERPETUAL][key] = raw["instruments"][OPTION][key]
    with pytest.raises(tr.InputError, match=key):
        tr.config.parse(raw)


def test_an_option_needs_its_underlying_beside_it() -> None:
    raw = tr.config.to_dict(tr.config.load(EXAMPLE))
    raw["instruments"][PERPETUAL]["base"] = "ETH"
    raw["instruments"][PERPETUAL]["settle"] = "ETH"
    with pytest.raises(tr.InputError):
        tr.config.parse(raw)
