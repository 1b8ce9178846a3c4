"""The contract of `docs/ALGO.md` on the desk itself: every shipped algorithm, on the seeded flow.

Nothing is asked of the program: each claim is read from the record of a run alone. A seed says which settings a run
has, so that a few seeds have met all of them; with TIDERACE_FULL=1 there are 200.
"""

import json
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from face import ROOT, no_data  # noqa: F401

import tiderace as tr
from tiderace import _algos
from tiderace._learn.feed import feed_of

COMPARE = ROOT / "examples" / "compare.toml"
SEEDS = 200 if os.environ.get("TIDERACE_FULL") == "1" else 4
SECOND = 1_000_000_000
BUY, CLOSED = 49, {ord(c) for c in "248C"}
TABLES = ("OrderSent", "FillBooked", "OrderUpdated", "SliceStarted", "ParentUpdated")

SHORT = {
    "parent.order_qty": "6",
    "parent.duration": "12s",
    "synthetic.duration": "15s",
    "balances.binance-spot": {"USDT": "5000000", "BTC": "50"},
}
LONGER = {"parent.duration": "30s", "synthetic.duration": "33s"}
# What a seed is run with; every algorithm of one side meets all of them.
SETTINGS: list[dict[str, Any]] = [
    {"parent.at_end": "expire"},
    {"parent.max_participation": "0.05", "parent.clip_min": "0.05", "parent.clip_max": "0.4"},
    {"parent.limit": "0.00002", "parent.spread_max": "0.0001", "parent.range_max": "0.001"},
    {"parent.at_end": "expire", "parent.order_qty": "0.011"},
]
# A sweep plans at the prices of the levels and is sent at the worst of them: sold there, an inverse
# contract is more exposure, by so small a part of it.
SLIDE = 2e-5
# Without these they would not trade, or cannot be had.
PARAMS: dict[str, dict[str, Any]] = {
    "combo": {"legs": 2, "ratios": [1000, -10, 0, 0, 0, 0, 0, 0], "units": 50, "net": 6_200_000_000}
    | {"deltas": [10**9, 10**9, 0, 0, 0, 0, 0, 0], "slip": 50},
    "grid": {"step": 50, "size": "0.5"},
    "hedge": {"held": "3", "interval": "1s", "slip": 200}
    | {"instruments": ["binance-usdm", "binance-coinm"]},
    "pairs": {"tick_a": 1, "tick_b": 10, "low": -500, "high": 500, "slip": 50},
    "quote_as": {"unit": "0.2"},
    "quote_glft": {"unit": "0.2"},
    "stop": {"trail": 500, "slip": 5000, "dwell": "100ms"},
}


# An option is not traded on these books: its contract is held to where its market is made.
NAMES = [name for name in _algos.names() if name != "option"]


class Commander(tr.Strategy):
    """Pauses the parent, resumes it, and cancels it."""

    def on_start(self) -> None:
        for number, after in enumerate(("3s", "6s", "9s")):
            self.set_timer(number, after=after)

    def on_timer(self, timer_id: int) -> None:
        assert self._context is not None
        command = ("pause_parent", "resume_parent", "cancel_parent")[timer_id]
        getattr(self._context, command)(1)


def lived(
    name: str,
    seed: int,
    out: Path,
    *,
    commanded: bool = False,
    changes: dict[str, Any] | None = None,
) -> tr.Run:
    """Run an algorithm on the seeded flow, with the settings of its seed."""
    algo = _algos.find(name)
    settings = SHORT | {
        "parent.side": ("buy", "sell")[(seed + seed // len(SETTINGS)) % 2],
        "run.seed": seed,
    }
    settings |= SETTINGS[seed % len(SETTINGS)] | (changes or {})
    has: dict[str, Any] = {key: value for key, value in settings.items() if _means(algo, key)}
    if algo.kind == "two_sided":
        has["parent.side"], has["parent.at_end"] = None, "expire"
    lacks: dict[str, Any] = {} if "limit" in algo.keys else {"parent.limit": None}
    own = {f"parent.{key}": value for key, value in PARAMS.get(name, {}).items()}
    strategy = Commander() if commanded else None
    return tr.run(
        COMPARE, set={"parent.algo": name} | has | lacks | own, out=out, strategy=strategy
    )


def _means(algo: _algos.Algorithm, key: str) -> bool:
    table, _, word = key.partition(".")
    return table != "parent" or word in algo.keys


class Record:
    """What a run's outputs say, as exposures in base units."""

    def __init__(self, run: tr.Run) -> None:
        genesis = json.loads(run._core.genesis)
        self.terms = [_Terms(row) for row in genesis["instruments"]]
        self.parent = genesis["parents"][0]
        self.is_two_sided = "side" not in genesis["recording"]["config"]["parent"]
        self.sent = run.table("OrderSent").sort("seq", maintain_order=True).to_dicts()
        self.fills = run.table("FillBooked").sort("seq", maintain_order=True).to_dicts()
        self.updates = run.table("OrderUpdated").sort("seq", maintain_order=True).to_dicts()
        self.states = run.table("ParentUpdated").sort("seq", maintain_order=True).to_dicts()
        self.stopped = run.table("ProgramStopped").to_dicts()
        self.limits = {
            row["instrument"]: row["limit_px"] for row in run.table("ArrivalTaken").to_dicts()
        }
        self.arrival_ns = int(run.table("ArrivalTaken")["ts_ns"][-1])
        self.feed = feed_of(run)
        self.sign = 1 if self.parent["side"] == "buy" else -1
        self.order_qty = int(self.parent["order_qty"])

    def worth(self, row: dict[str, Any], qty: int, price: int) -> Fraction:
        return self.terms[int(row["instrument"])].exposure(qty, price)


class _Terms:
    """An instrument's terms as fractions."""

    def __init__(self, row: dict[str, Any]) -> None:
        one = 10**12
        self.lot = Fraction(row["lot_size"], one) * Fraction(row["contract_multiplier"], one)
        self.tick = Fraction(row["tick_size"], one)
        self.is_inverse = bool(row["style"] == "inverse")
        self.base = 10 ** int(row["base_decimals"])
        self.min_lots = row["min_order_qty"]
        self.min_notional = Fraction(row["min_notional"], 10 ** int(row["quote_decimals"]))

    def exposure(self, qty: int, price: int) -> Fraction:
        worth = self.lot * qty / (self.tick * price) if self.is_inverse else self.lot * qty
        return Fraction(worth * self.base)

    def notional(self, qty: int, price: int) -> Fraction:
        return self.lot * qty * (1 if self.is_inverse else self.tick * price)


def broken(run: tr.Run) -> list[str]:
    """Return what of the contract a run broke."""
    record = Record(run)
    claims = (_limit, _dust, _quantity, _participation, _ending, _silence, _programs)
    return [words for claim in claims for words in claim(record)]


def _limit(record: Record) -> Iterator[str]:
    for row in record.sent:
        limit, sign = record.limits[row["instrument"]], 1 if row["side"] == BUY else -1
        if not record.is_two_sided and sign * row["price"] > sign * limit:
            yield f"seq {row['seq']}: sent at {row['price']}, limit {limit}"
        if not record.is_two_sided and sign != record.sign:
            yield f"seq {row['seq']}: a child on the other side"


def _dust(record: Record) -> Iterator[str]:
    for row in record.sent:
        terms = record.terms[row["instrument"]]
        qty, price = row["order_qty"], row["price"]
        if qty < terms.min_lots or terms.notional(qty, price) < terms.min_notional:
            yield f"seq {row['seq']}: {qty} lots at {price} are dust"


def _quantity(record: Record) -> Iterator[str]:
    """Filled and working never come to more than was asked for; of both sides, net, either way."""
    working: dict[int, tuple[dict[str, Any], int]] = {}
    filled = Fraction(0)
    for seq, kind, row in _in_order(record):
        sign = 1 if row["side"] == BUY else -1
        if kind == "sent":
            working[row["cl_ord_id"]] = (row, row["order_qty"])
        elif kind == "fill":
            child, left = working[row["cl_ord_id"]]
            working[row["cl_ord_id"]] = (child, left - row["last_qty"])
            filled += int(row["exposure"]) * (sign if record.is_two_sided else 1)
            if left < row["last_qty"]:
                yield f"seq {seq}: overfilled {row['cl_ord_id']}"
        elif row["ord_status"] in CLOSED:
            working.pop(row["cl_ord_id"], None)
        sums = {1: Fraction(0), -1: Fraction(0)}
        for child, left in working.values():
            sums[1 if child["side"] == BUY else -1] += record.worth(child, left, child["price"])
        # A lot's exposure is rounded up when it is booked: a unit a fill at most.
        slack = 1 + len(record.fills)
        most = record.order_qty * (1 + SLIDE) + slack
        reach = (
            (filled + sums[1], -filled + sums[-1])
            if record.is_two_sided
            else (filled + sums[1] + sums[-1],)
        )
        if max(reach) > most:
            yield f"seq {seq}: filled and working {float(max(reach)):,.0f} of {record.order_qty:,}"


def _in_order(record: Record) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield what happened as the desk had it: of one input, reports before what it then sends."""
    rows = [(row["seq"], 0, "fill", row) for row in record.fills]
    rows += [(row["seq"], 1, "update", row) for row in record.updates]
    rows += [(row["seq"], 2, "sent", row) for row in record.sent]
    for seq, _, kind, row in sorted(rows, key=lambda each: each[:2]):
        yield seq, kind, row


def _participation(record: Record) -> Iterator[str]:
    """A trade of ours is public before the venue tells us of it: until then it counts as others'.

    Were all of our trades of this kind, own <= p / (1 - p) x (own + others) of a cap p.
    """
    most = Fraction(int(record.parent["max_participation"]), 10**9)
    if not 0 < most < 1:
        return
    for share in participation(record):
        if share > float(most / (1 - most)) + 1e-6:
            yield f"own share {share:.6f} of what traded, with a cap of {float(most)}"


def participation(record: Record) -> list[float]:
    """Return own / (own + others) since the arrival, after each fill, by the venues' time."""
    feed = record.feed
    seen = feed.ts_ns > record.arrival_ns
    order = np.argsort(feed.event_ns[seen], kind="stable")
    times, market = feed.event_ns[seen][order], np.cumsum(feed.size[seen][order])
    fills = sorted(record.fills, key=lambda row: int(row["transact_time"]))
    own = np.cumsum([float(row["exposure"]) * 1e-8 for row in fills])
    at = np.searchsorted(times, [row["transact_time"] for row in fills], side="right")
    every = np.maximum(np.append(0.0, market)[at], own)
    return [float(share) for share in own / every]


def _ending(record: Record) -> Iterator[str]:
    """What was asked for is filled or left, and a parent that ends says so as its contract does."""
    last = record.states[-1]
    status, reason = chr(last["status"]), last["reason"]
    if not record.is_two_sided and last["cum_qty"] + last["leaves_qty"] != record.order_qty:
        yield f"{last['cum_qty']} filled, {last['leaves_qty']} left of {record.order_qty}"
    reasons = {"2": (0, 7005, 7015), "C": (7003,), "4": (1017,), "8": (2,)}
    if reason not in reasons.get(status, ()):
        yield f"ended as {status} for {reason}"
    open_ = {row["cl_ord_id"]: row["ord_status"] for row in record.updates}
    for cl_ord_id, ord_status in open_.items():
        if ord_status not in CLOSED:
            yield f"{cl_ord_id} was left {chr(ord_status)}"


def _silence(record: Record) -> Iterator[str]:
    """Nothing is sent while the parent does not work."""
    for row in record.sent:
        told = [chr(each["status"]) for each in record.states if each["seq"] == row["seq"]]
        before = [chr(each["status"]) for each in record.states if each["seq"] < row["seq"]]
        # What one input does is told behind what it sent: a resumed parent sends at once.
        status = (told or before or ["W"])[-1]
        if status not in "W0":
            yield f"seq {row['seq']}: sent while {status}"


def _programs(record: Record) -> Iterator[str]:
    for row in record.stopped:
        yield f"stopped: {row}"


@pytest.mark.parametrize("name", NAMES)
def test_an_algorithm_keeps_the_contract_on_the_seeded_flow(name: str, tmp_path: Path) -> None:
    filled = 0
    for seed in range(SEEDS):
        run = lived(name, seed, tmp_path)
        assert broken(run) == [], f"seed {seed}"
        filled += run.table("FillBooked").height
    assert filled > 0, "a contract that nothing was sent under says nothing"


@pytest.mark.parametrize("name", NAMES)
def test_a_paused_or_canceled_algorithm_sends_nothing(name: str, tmp_path: Path) -> None:
    run = lived(name, 0, tmp_path, commanded=True)
    assert broken(run) == []
    statuses = [chr(status) for status in run.table("ParentUpdated")["status"]]
    if statuses[-1] == "4":
        assert "P" in statuses
        assert not run.table("OrderSent").filter(pl.col("ts_ns") > _second(run, 9)).height
    paused = pl.col("ts_ns").is_between(_second(run, 3), _second(run, 6), closed="none")
    assert not run.table("OrderSent").filter(paused).height


def _second(run: tr.Run, second: int) -> int:
    begin = int(run.table("ParentUpdated")["ts_ns"][0])
    return begin + second * SECOND


@pytest.mark.parametrize("name", NAMES)
def test_a_crash_in_the_middle_changes_nothing(name: str, tmp_path: Path) -> None:
    run = lived(name, 1, tmp_path, changes=LONGER)
    again = tr.replay(run.dir)
    assert again.core["digest"] == run.core["digest"]
    whole = run.journal.read_bytes()
    (run.dir / "run.json").unlink()
    heights = set()
    for part in (0.7, 0.85, 0.99):
        run.journal.write_bytes(whole[: int(len(whole) * part)])
        try:
            cut = tr.replay(run.dir)
        except tr.ReplayError:
            continue  # not even the genesis was written yet
        assert cut.status == "unfinished"
        for table in TABLES:
            before, after = cut.table(table), run.table(table)
            assert before.equals(after.head(before.height)), (part, table)
        heights.add(cut.core["inputs"])
    assert heights, "no cut left a whole batch"
