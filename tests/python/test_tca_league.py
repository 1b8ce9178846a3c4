"""Leagues: pairs, ranks and intervals, against hand-counted figures and slow loops."""

import json
import math
import random
import statistics
from decimal import Decimal

import msgspec
import numpy as np
import polars as pl
import pytest
from tca_demo import demo
from test_report import read

from tiderace import tca
from tiderace._report.league import page
from tiderace._tca.league import ALL_VENUES, METRICS
from tiderace.errors import InputError

SCHEMA = {
    "run": pl.String,
    "pair": pl.String,
    "parent_id": pl.UInt64,
    "algo": pl.String,
    "venue": pl.String,
    "notional": pl.Float64,
    **dict.fromkeys(METRICS, pl.Float64),
}


def parents(*rows: tuple[str, str | None, float | None, float], metric: str = "shortfall_bps"):
    """Return parents of (algorithm, pair, figure, notional)."""
    filled = [
        dict.fromkeys(METRICS)
        | {
            "run": f"run {k}",
            "pair": pair,
            "parent_id": 1,
            "algo": algo,
            "venue": ALL_VENUES,
            "notional": notional,
            metric: value,
        }
        for k, (algo, pair, value, notional) in enumerate(rows)
    ]
    return pl.DataFrame(filled, schema=SCHEMA)


def row(frame: pl.DataFrame, group: str, metric: str = "shortfall_bps") -> dict:
    return frame.filter((pl.col("group") == group) & (pl.col("metric") == metric)).to_dicts()[0]


def test_the_cheapest_is_first_and_who_has_no_figure_last() -> None:
    frame = parents(("b", "1", 3.0, 1), ("a", "1", 5.0, 1), ("c", "1", None, 1))
    found = tca.league(frame)
    ranks = {r["group"]: r["rank"] for r in found.table.iter_rows(named=True)}
    assert ranks == {"b": 1, "a": 2, "c": 3}
    assert found.baseline == "a"


def test_of_what_is_in_our_favour_the_highest_is_first() -> None:
    frame = parents(("b", "1", 0.3, 1), ("a", "1", 0.9, 1), metric="fill_rate")
    found = tca.league(frame, metric="fill_rate")
    assert row(found.table, "a", "fill_rate")["rank"] == 1


def test_one_parent_has_a_mean_and_no_interval() -> None:
    found = row(tca.league(parents(("a", "1", 3.0, 1))).table, "a")
    assert (found["mean"], found["low"], found["high"], found["parents"]) == (3.0, None, None, 1)


def test_the_interval_of_two_parents_reaches_from_one_to_the_other() -> None:
    """Of two, a quarter of all draws takes one of them twice: more than 2.5 %."""
    found = row(tca.league(parents(("a", "1", 1.0, 1), ("a", "2", 5.0, 1))).table, "a")
    assert (found["mean"], found["low"], found["high"]) == (3.0, 1.0, 5.0)
    assert found["deviation"] == pytest.approx(statistics.stdev([1.0, 5.0]))


def test_the_interval_of_many_parents_is_that_of_the_normal_law() -> None:
    chance = random.Random(4)
    values = [chance.gauss(2.0, 3.0) for _ in range(400)]
    frame = parents(*(("a", str(k), v, 1.0) for k, v in enumerate(values)))
    found = row(tca.league(frame, draws=4_000).table, "a")
    half = 1.96 * statistics.stdev(values) / math.sqrt(400)
    assert found["mean"] == pytest.approx(statistics.fmean(values))
    assert found["low"] == pytest.approx(found["mean"] - half, abs=0.1 * half)
    assert found["high"] == pytest.approx(found["mean"] + half, abs=0.1 * half)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    """200 leagues of 40 parents each, of a skewed law with mean 1: near 95 %, never far below."""
    chance = random.Random(11)
    held = 0
    for k in range(200):
        rows = [("a", str(n), chance.expovariate(1.0), 1.0) for n in range(40)]
        found = row(tca.league(parents(*rows), draws=400, seed=k).table, "a")
        held += found["low"] <= 1.0 <= found["high"]
    assert 0.87 <= held / 200 <= 0.99


def test_draws_are_whole_parents_with_return_as_a_plain_loop_has_them() -> None:
    """The same uniform law by another hand: quantiles of 20,000 slow draws, weighted."""
    chance = random.Random(2)
    rows = [("a", str(k), chance.gauss(0, 1), chance.uniform(1, 9)) for k in range(12)]
    found = row(tca.league(parents(*rows), draws=20_000, weight="notional").table, "a")
    means = []
    for _ in range(20_000):
        taken = [chance.choice(rows) for _ in rows]
        total = sum(notional for *_, notional in taken)
        means.append(sum(value * notional for _, _, value, notional in taken) / total)
    means.sort()
    total = sum(notional for *_, notional in rows)
    assert found["mean"] == pytest.approx(sum(v * n for _, _, v, n in rows) / total)
    assert found["low"] == pytest.approx(means[500], abs=0.03)
    assert found["high"] == pytest.approx(means[19_500], abs=0.03)


def test_pairs_are_resampled_as_pairs() -> None:
    """A market that moves both alike by a hundred is no doubt about a difference of one."""
    chance = random.Random(6)
    rows = []
    for k in range(30):
        market = chance.gauss(0, 100)
        rows.append(("twap", f"seed {k}", market, 1.0))
        rows.append(("vwap", f"seed {k}", market - 1 + chance.gauss(0, 0.1), 1.0))
    found = row(tca.league(parents(*rows), baseline="twap").versus, "vwap")
    assert found["is_paired"]
    assert (found["n"], found["wins"]) == (30, 1.0)
    gaps = [rows[2 * k + 1][2] - rows[2 * k][2] for k in range(30)]
    assert found["difference"] == pytest.approx(statistics.fmean(gaps))
    assert -1.1 < found["low"] < found["high"] < -0.9
    alone = [(algo, None, value, 1.0) for algo, _, value, _ in rows]
    unpaired = row(tca.league(parents(*alone), baseline="twap").versus, "vwap")
    assert not unpaired["is_paired"]
    assert unpaired["difference"] == pytest.approx(found["difference"])
    assert unpaired["high"] - unpaired["low"] > 50


def test_only_what_pairs_is_compared() -> None:
    """Seeds that only one of the two worked are left out of their difference."""
    rows = [
        ("twap", "1", 1.0, 1.0),
        ("twap", "2", 2.0, 1.0),
        ("twap", "3", 900.0, 1.0),
        ("vwap", "1", 3.0, 1.0),
        ("vwap", "2", 6.0, 1.0),
        ("vwap", "4", -900.0, 1.0),
    ]
    found = row(tca.league(parents(*rows), baseline="twap").versus, "vwap")
    assert (found["n"], found["difference"], found["low"], found["high"]) == (2, 3.0, 2.0, 4.0)
    assert found["wins"] == 0.0


def test_the_same_seed_gives_the_same_league_and_another_group_changes_nothing() -> None:
    chance = random.Random(8)
    rows = [(algo, str(k), chance.gauss(0, 1), 1.0) for algo in "ab" for k in range(9)]
    first = tca.league(parents(*rows), seed=3)
    again = tca.league(parents(*rows), seed=3)
    assert first.table.equals(again.table)
    assert not first.table.equals(tca.league(parents(*rows), seed=4).table)
    more = [*rows, *(("c", str(k), 1.0 * k, 1.0) for k in range(9))]
    wider = tca.league(parents(*more), seed=3)
    for group in "ab":
        mine = row(wider.table, group)
        assert {k: v for k, v in mine.items() if k != "rank"} == {
            k: v for k, v in row(first.table, group).items() if k != "rank"
        }


# Of runs


def named(seed: int, algo: str) -> tca.Inputs:
    """A made-up run of an algorithm, with the digest and seed that it would have."""
    inputs = demo(seed=seed)
    asked = [msgspec.structs.replace(inputs.asked[0], algo=algo)]
    told = {**inputs.provenance, "digest": f"{algo} {seed}", "seed": seed}
    return msgspec.structs.replace(inputs, asked=asked, provenance=told)


@pytest.fixture(scope="module")
def runs() -> list[tca.Inputs]:
    return [named(seed, algo) for seed in (1, 2, 3) for algo in ("twap", "other")]


@pytest.fixture(scope="module")
def found(runs: list[tca.Inputs]) -> tca.League:
    return tca.league(runs, baseline="other")


def test_a_parents_figures_are_those_of_its_run(runs: list[tca.Inputs], found: tca.League) -> None:
    for inputs in runs:
        short = tca.summarise(inputs)["shortfall"]
        mine = found.parents.filter(pl.col("run") == inputs.provenance["digest"]).to_dicts()[0]
        assert mine["shortfall_bps"] == pytest.approx(short["total_bps"])
        parts = ("delay", "trading", "basis", "conversion", "opportunity", "fees")
        assert sum(mine[f"{name}_bps"] for name in parts) == pytest.approx(short["total_bps"])
        ratio = float(Decimal(short["fees"]) / Decimal(short["total"]))
        assert mine["fees_bps"] == pytest.approx(short["total_bps"] * ratio)
        assert mine["slippage_bps_vwap"] == pytest.approx(
            tca.summarise(inputs)["slippage_bps"]["vwap"]
        )


def test_the_mean_is_that_of_the_parents(runs: list[tca.Inputs], found: tca.League) -> None:
    costs = [
        tca.summarise(inputs)["shortfall"]["total_bps"]
        for inputs in runs
        if inputs.asked[0].algo == "twap"
    ]
    assert row(found.table, "twap")["mean"] == pytest.approx(np.mean(costs))
    # The two algorithms did the very same: every pair is even.
    gap = row(found.versus, "twap")
    assert (gap["is_paired"], gap["n"], gap["difference"], gap["wins"]) == (True, 3, 0.0, 0.0)


def test_a_run_given_twice_counts_once(runs: list[tca.Inputs], found: tca.League) -> None:
    twice = tca.league([*runs, runs[0]], baseline="other")
    assert twice.table.equals(found.table)


def test_runs_of_other_books_or_orders_are_no_pair(runs: list[tca.Inputs]) -> None:
    larger = [msgspec.structs.replace(runs[1].asked[0], order_qty=10**9)]
    changed = msgspec.structs.replace(runs[1], asked=larger)
    moved = msgspec.structs.replace(runs[1], quotes=runs[1].quotes[5:])
    for other in (changed, moved):
        pairs = tca.league([runs[0], other]).parents["pair"]
        assert pairs.n_unique() == 2


def test_venues_are_groups_too(runs: list[tca.Inputs]) -> None:
    by_venue = tca.league(runs, by="venue", metric="slippage_bps_arrival")
    assert by_venue.table["group"].n_unique() == 3
    both = tca.league(runs, by="algo,venue")
    assert "twap at binance-spot:BTCUSDT" in both.table["group"].to_list()
    assert both.table["group"].n_unique() == 6


def test_two_parents_of_one_run_are_two_rows() -> None:
    inputs = demo(seed=4)
    second = {"parent_id": pl.lit(2, dtype=pl.UInt64)}
    frames = {
        name: pl.concat([getattr(inputs, name), getattr(inputs, name).with_columns(**second)])
        for name in ("fills", "orders", "parents", "slices", "arrivals", "skipped")
    }
    asked = [inputs.asked[0], msgspec.structs.replace(inputs.asked[0], parent_id=2)]
    alone = tca.league([inputs]).parents.to_dicts()[0]
    rows = tca.league([msgspec.structs.replace(inputs, asked=asked, **frames)]).parents.to_dicts()
    assert [r["parent_id"] for r in rows] == [1, 2]
    for each in rows:
        assert each["shortfall_bps"] == pytest.approx(alone["shortfall_bps"])


def test_a_parent_that_quotes_both_sides_is_in_the_league_by_its_name() -> None:
    """It was asked for no side: only the table of algorithms names it."""
    inputs = demo(seed=4)
    sides = pl.when(pl.col("seq") % 2 == 0).then(ord("1")).otherwise(ord("2")).cast(pl.UInt8)
    frames = {name: getattr(inputs, name).with_columns(side=sides) for name in ("fills", "orders")}
    quoting = msgspec.structs.replace(inputs, asked=[], algos={1: "glft"}, **frames)
    mine = tca.league([quoting]).parents.to_dicts()[0]
    summary = tca.summarise(quoting)
    assert (mine["algo"], summary["side"]) == ("glft", "both")
    assert mine["shortfall_bps"] == pytest.approx(summary["shortfall"]["total_bps"])
    assert mine["opportunity_bps"] == 0.0


@pytest.mark.parametrize(
    "wrong",
    [{"by": "moon"}, {"metric": "luck"}, {"baseline": "absent"}, {"weight": "age"}, {"draws": 1}],
)
def test_words_that_a_league_does_not_know_are_refused(wrong: dict) -> None:
    frame = parents(("a", "1", 1.0, 1.0), ("a", "2", 1.0, 1.0))
    with pytest.raises(InputError):
        tca.league(frame, **wrong)


def test_a_league_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="parent order"):
        tca.league([])


def test_a_group_that_traded_nothing_has_no_difference_by_notional() -> None:
    rows = [(algo, None, float(k), by) for algo, by in (("a", 100.0), ("b", 0.0)) for k in range(3)]
    versus = tca.league(parents(*rows), weight="notional").versus
    assert versus["difference"].null_count() == versus.height


# Its page


def test_the_page_says_who_is_first_and_by_how_much(found: tca.League) -> None:
    text = read(page(found)).text
    assert "League: Implementation shortfall by algo" in text
    assert "No difference to other is beyond chance." in text
    assert "3 pairs" in text
    json.dumps(found.to_dict())


def test_the_page_tells_better_from_worse() -> None:
    rows = [
        (algo, str(k), base + k * 0.01, 1.0)
        for algo, base in (("mid", 2.0), ("low", 1.0), ("high", 3.0))
        for k in range(8)
    ]
    text = read(page(tca.league(parents(*rows), baseline="mid"))).text
    assert "low did better than mid and high did worse than mid" in text


def test_names_in_a_league_are_escaped() -> None:
    rows = [("<img src=x>", "1", 1.0, 1.0), ("b", "1", 2.0, 1.0)]
    assert "img" not in read(page(tca.league(parents(*rows)))).tags
