"""An option order priced in vol and hedged by the inverse perpetual, from the config to the report."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from face import ROOT, no_data, recording_dir

import tiderace as tr
import tiderace.chain
from tiderace import tca
from tiderace._tca.option_paths import Paths
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


def test_marks_are_drawn_from_when_they_were_published(ran: Any) -> None:
    surfaces = ran.inputs.surfaces
    low, high = surfaces[3].ts_ns, surfaces[6].ts_ns
    path = Paths(ran.inputs).option(1, OPTION, low, high)
    wanted = [(s.ts_ns, s.vols[OPTION]) for s in surfaces[3:7]]
    assert path.marks == wanted


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


def changed(**instruments: dict[str, Any]) -> dict[str, Any]:
    """Return the example's table with keys of `option` and `hedge` changed."""
    raw = tr.config.to_dict(tr.config.load(EXAMPLE))
    for name, row in (("option", OPTION), ("hedge", PERPETUAL)):
        for key, value in instruments.get(name, {}).items():
            raw["instruments"][row][key] = value
    return raw


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"parent.limit_vol": "0"}, "parent.limit_vol"),
        ({"parent.limit_vol": "9"}, "parent.limit_vol"),
        ({"parent.limit_coin": "0"}, "parent.limit_coin"),
        ({"parent.option": 1, "parent.hedge": 0}, "parent.option"),
        ({"parent.hedge": 0}, "parent.hedge"),
        ({"parent.hedge": 2}, "parent.hedge"),
        ({"parent.qty": "60"}, "parent.qty"),
        ({"synthetic.start": "2024-01-26T07:58:00Z"}, "instruments[0].maturity"),
        ({"synthetic.start": "2024-02-01T00:00:00Z"}, "instruments[0].maturity"),
        ({"data.recording": "any"}, "surface.file"),
    ],
)
def test_an_order_that_cannot_be_worked_is_refused_by_its_key(
    change: dict[str, Any], word: str, tmp_path: Path
) -> None:
    with pytest.raises(tr.InputError) as refused:
        tr.run(EXAMPLE, out=tmp_path, set=change)
    assert word in str(refused.value)


def test_an_order_without_any_limit_is_refused() -> None:
    raw = changed()
    del raw["parent"]["limit_vol"]
    with pytest.raises(tr.InputError, match=r"parent\.limit_vol is missing"):
        tr.config.parse(raw)


@pytest.mark.parametrize(
    ("limit", "worst_ticks"),
    # The forward is some 61,800: 3,480 of money are 0.0563 of a coin.
    [({"limit_coin": "0.0564"}, 564), ({"limit_money": "3480"}, 568)],
)
def test_a_limit_in_coin_or_money_holds(
    limit: dict[str, str], worst_ticks: int, tmp_path: Path
) -> None:
    raw = changed()
    del raw["parent"]["limit_vol"]
    raw["parent"] |= limit
    run = tr.run(tr.config.parse(raw), out=tmp_path)
    assert fills(run, OPTION)
    known = Known(run)
    for row in run.table("OrderSent").filter(pl.col("instrument") == OPTION).to_dicts():
        price = row["price"] * TICK
        assert row["price"] <= worst_ticks
        if "limit_money" in limit:
            assert price * known.at(row["ts_ns"])["forward"] <= 3480 + 1e-6
    (order,) = tca.option_orders(run.inputs)
    assert order.limit_vol is None


def test_a_sale_is_hedged_in_the_linear_perpetual(tmp_path: Path) -> None:
    """A sale has its limit below; short calls are hedged by bought perpetuals, here linear ones."""
    raw = changed(
        hedge={
            "style": "linear",
            "settle": "USD",
            "contract_multiplier": "1",
            "lot_size": "0.001",
            "tick_size": "0.1",
        }
    )
    raw["parent"] |= {"buys": False, "limit_vol": "0.548"}
    raw["balances"]["tiderace"]["USD"] = "1000000"
    run = tr.run(tr.config.parse(raw), out=tmp_path)
    known = Known(run)
    sent = run.table("OrderSent").filter(pl.col("instrument") == OPTION).to_dicts()
    assert {row["side"] for row in sent} == {ord("2")}
    assert all(row["price"] * TICK >= known.price(row["ts_ns"], 0.548) - 1e-9 for row in sent)
    (order,) = tca.option_orders(run.inputs)
    (hedge,) = order.hedges
    assert order.side == "sell"
    assert 0.4 * order.qty < hedge.exposure < 0.6 * order.qty
    assert abs(order.delta_end) <= BAND


def test_a_combo_goes_by_its_legs_and_is_hedged_on_each_fill(tmp_path: Path) -> None:
    """A call spread for a net price: equal lots of both legs, no more delta than they have."""
    raw = changed()
    low, perpetual = raw["instruments"]
    high = low | {"symbol": "BTC-26JAN24-66000-C", "strike_price": "66000"}
    raw["instruments"] = [low, high, perpetual]
    raw["parent"] = {
        "algo": "combo",
        "order_qty": "40",
        "duration": "5m",
        "legs": 2,
        "ratios": [1, -1, 0, 0, 0, 0, 0, 0],
        "units": 60,
        "net": 262,
        "band": "0.05",
    }
    run = tr.run(tr.config.parse(raw), out=tmp_path)
    assert run.summary["status"] == "completed"
    bought = sum(int(row["last_qty"]) for row in fills(run, 0))
    sold = sum(int(row["last_qty"]) for row in fills(run, 1))
    assert (bought, sold) == (60, 60)
    paid = sum(int(row["last_qty"]) * int(row["last_px"]) for row in fills(run, 0))
    got = sum(int(row["last_qty"]) * int(row["last_px"]) for row in fills(run, 1))
    # A leg that follows may slip by 5 ticks.
    assert (paid - got) / 60 <= 262 + 5
    one, other = tca.option_orders(run.inputs)
    assert (one.side, other.side) == ("buy", "sell")
    assert one.qty == pytest.approx(6)
    assert other.qty == pytest.approx(6)
    assert one.hedges
    assert one.hedges[0].exposure < 0, "a call spread is long delta"
    # Deltas that moved after their fills are not traded again.
    assert abs(one.delta_end) < 0.15
    assert "more options" in Path(run.report()).read_text(encoding="utf-8")


CHAINS = "deribit_option_chain_snapshots/deribit_chain_202602.parquet"
RECORDED = ROOT / "examples" / "option_recorded.toml"


@pytest.fixture(scope="module")
def recorded_chains() -> Path:
    """Return the recorded chains; of the module, so that it looks before `no_data` hides them."""
    found = recording_dir() / CHAINS
    if not found.is_file():
        pytest.skip(f"SKIPPED: needs {CHAINS} in TIDERACE_DATA")
    return found


def test_an_option_is_bought_at_the_quotes_of_recorded_chains(
    recorded_chains: Path, tmp_path: Path
) -> None:
    """A vol limit over the snapshots of a day: bought at recorded asks, hedged, replayed."""
    config = tr.config.load(RECORDED)
    folder = tmp_path / "data" / str(config.data.recording)
    chains = tiderace.chain.read(recorded_chains)
    count = tiderace.chain.tape(chains, config, folder, qty=Decimal(5), hedge_qty=Decimal(100_000))
    assert count > 100
    run = tr.run(config, data=tmp_path / "data", out=tmp_path)
    assert run.summary["status"] == "completed"
    bought = fills(run, OPTION)
    assert sum(int(row["exposure"]) for row in bought) == 20 * 10**8
    quotes = chains.frame.filter(pl.col("instrument") == config.instruments[OPTION].symbol)
    for row in bought:
        last = quotes.filter(pl.col("ts_ns") <= row["ts_ns"]).sort("ts_ns")[-1]
        assert row["last_px"] == round(last["ask"][0] / TICK), "at the ask that was recorded"
    (order,) = tca.option_orders(run.inputs)
    assert order.limit_vol is not None
    assert order.paid_vol is not None
    assert order.paid_vol <= order.limit_vol
    assert order.hedges[0].exposure < 0
    assert [s.version for s in run.inputs.surfaces] == list(range(1, len(run.inputs.surfaces) + 1))
    again = tr.replay(run.dir, data=tmp_path / "data")
    assert again.core["digest"] == run.core["digest"]


def made_up(folder: Path) -> Path:
    """Write three snapshots of one option; nobody's prices."""
    rows = [
        "timestamp,instrument_name,expiry,strike,type,bid,ask,forward,iv,index,currency,snapshot"
    ]
    for at, (bid, ask, vol) in enumerate(
        [(0.065, 0.066, 0.47), (0.05, 0.051, 0.4), (0.05, 0.051, 0.4)]
    ):
        rows.append(
            f"2026-02-01T0{at}:00:00Z,BTC-27MAR26-80000-C,2026-03-27T08:00:00Z,80000,call,"
            f"{bid},{ask},79000,{vol},78900,BTC,s{at}"
        )
    path = folder / "chain.csv"
    path.write_text("\n".join(rows))
    return path


def test_a_surface_of_a_recording_reaches_the_desk_at_its_snapshot(tmp_path: Path) -> None:
    """The first asks are beyond 43 % of vol, the second within: nothing before, all after."""
    waits = {"parent.wait_min": "1m", "parent.wait_max": "3m"}
    brisk = {"parent.limit_vol": "0.43", "parent.qty": "4", **waits}
    config = tr.config.load(RECORDED, set=brisk)
    folder = tmp_path / str(config.data.recording)
    chains = tiderace.chain.read(made_up(tmp_path))
    assert (
        tiderace.chain.tape(chains, config, folder, qty=Decimal(5), hedge_qty=Decimal(99_999)) == 3
    )
    run = tr.run(config, data=tmp_path, out=tmp_path)
    hour = 3600 * NS
    start = run.inputs.quotes["ts_ns"][0]
    # A report takes 10 ms to the desk.
    assert [s.ts_ns - start for s in run.inputs.surfaces] == [NS // 100, hour + NS // 100]
    assert [s.vols[OPTION] for s in run.inputs.surfaces] == [0.47, 0.4]
    bought = fills(run, OPTION)
    assert sum(int(row["exposure"]) for row in bought) == 4 * 10**8
    assert all(row["ts_ns"] > start + hour for row in bought)
    assert tr.replay(run.dir, data=tmp_path).core["digest"] == run.core["digest"]


@pytest.mark.parametrize("spoil", ["absent", "another option"])
def test_a_recording_without_the_options_vols_is_refused(spoil: str, tmp_path: Path) -> None:
    config = tr.config.load(RECORDED)
    folder = tmp_path / str(config.data.recording)
    chains = tiderace.chain.read(made_up(tmp_path))
    tiderace.chain.tape(chains, config, folder, qty=Decimal(5), hedge_qty=Decimal(99_999))
    surfaces = folder / "surfaces.parquet"
    if spoil == "absent":
        surfaces.unlink()
    else:
        pl.read_parquet(surfaces).with_columns(symbol=pl.lit("BTC-1-C")).write_parquet(surfaces)
    with pytest.raises(tr.InputError, match=r"surface\.file"):
        tr.run(config, data=tmp_path, out=tmp_path)


def test_chains_without_the_option_or_a_size_are_refused(tmp_path: Path) -> None:
    chains = tiderace.chain.read(made_up(tmp_path))
    with pytest.raises(tr.InputError, match="no two-sided quote"):
        tiderace.chain.tape(
            chains, tr.config.load(EXAMPLE), tmp_path, qty=Decimal(5), hedge_qty=Decimal(5)
        )
    with pytest.raises(tr.InputError, match="has a size"):
        tiderace.chain.tape(
            chains, tr.config.load(RECORDED), tmp_path, qty=Decimal(0), hedge_qty=Decimal(5)
        )
