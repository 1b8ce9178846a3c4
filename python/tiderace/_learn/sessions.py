"""Sessions on our own venue: what an adaptive order saw, did and paid, and policies against it.

A session is one run of a config under a seed. While exploring, actions are drawn evenly, and the
program's notes say what was seen. The cost of a round, in basis points of an even slice::

    s (p - m) q over its fills + fees + (held - planned at its end) (s (M' - M) + taker)

m is the own book's mid when the round began, M and M' the reference's then and when the next one
began: what a round leaves undone still has to be done at the next one's price, at what taking costs
(the mean of that session's takes). What an order's own impact leaves for later rounds is not seen
by a round by itself; whole sessions see it, so they have the last word.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tiderace import _run
from tiderace import config as _config
from tiderace._learn.feed import feed_of
from tiderace._learn.intervals import Comparison, Estimate, compare, mean
from tiderace._learn.policy import FEATURES, ONE, PROGRAM, Log, Policy
from tiderace._model.series import realised_variance
from tiderace._recordings import Progress
from tiderace.config import Config
from tiderace.errors import InputError

_EXPLORE = 1_000_000_000
_BPS = 1e4
_SECOND = 1_000_000_000
_KEPT = ("side", "order_qty", "start", "duration", "limit", "instruments", "at_end")
"""Keys of ``[parent]`` that every algorithm has; others belong to the algorithm of the config."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What one run came to.

    Attributes
    ----------
    cost_bps
        Shortfall against the reference's arrival mid, fees included, without basis and conversion
        (which venue it was bought on is not the policy's merit); above zero is worse.
    risk
        Sum of squared holdings at the ends of slices, over the baseline's.
    filled
        Share of the order.
    """

    cost_bps: float
    risk: float
    filled: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A policy against others on sessions that it has not seen.

    Attributes
    ----------
    policy, baseline, placed
        Mean cost in bps: of the policy, of the schedule taken alone, and of the schedule with the
        one fixed action that did best in training.
    against_baseline, against_placed
        Paired: below zero the policy is better.
    risk
        Mean of the sessions' sums of squared holdings over the baseline's.
    risk_most, above_guard
        The largest, and the share of sessions above the guard.
    filled_least
        Of any session of the policy.
    """

    policy: Estimate
    baseline: Estimate
    placed: Estimate
    against_baseline: Comparison
    against_placed: Comparison
    risk: Estimate
    risk_most: float
    above_guard: float
    filled_least: float


def sessions(
    config: str | Path | Config,
    policy: Policy,
    seeds: Iterable[int],
    *,
    explore: bool = False,
    overrides: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> tuple[list[Session], Log]:
    """Run a policy under seeds on our own venue; nothing is kept of the runs but this.

    Returns
    -------
    tuple
        A `Session` for each seed, and the rounds of all of them (propensities hold where it
        explores).
    """
    checked = _settings(config, policy, explore, overrides)
    found, logs = [], []
    chosen = list(seeds)
    for row, seed in enumerate(chosen):
        if progress:
            progress("sessions", row, len(chosen))
        with tempfile.TemporaryDirectory(prefix="tiderace-learn-") as folder:
            run = _run.run(checked, out=folder, set={"run.seed": seed})
            found.append(_session(run, policy))
            logs.append(log_of([run], policy, first_session=row))
    if not found:
        raise InputError("no seeds", rule="A session has a seed", remedy="Give one or more")
    return found, _joined(logs)


def log_of(runs: Sequence[Any], policy: Policy, *, first_session: int = 0) -> Log:
    """Return the rounds of runs that an exploring policy worked."""
    logs = []
    for number, run in enumerate(runs, start=first_session):
        rounds = _rounds(run)
        cost = _costs(run, policy, rounds)
        logs.append(
            Log(
                seen=np.column_stack(
                    [np.full(rounds.height, 1_000), *(rounds[name] for name in FEATURES[1:])]
                ),
                action=rounds["action"].to_numpy(),
                propensity=np.full(rounds.height, 1.0 / len(policy.urgency)),
                cost=cost,
                session=np.full(rounds.height, number),
            )
        )
    return _joined(logs)


def measure(
    config: str | Path | Config,
    policy: Policy,
    *,
    fixed: int,
    seeds: Sequence[int],
    overrides: Mapping[str, object] | None = None,
    progress: Progress | None = None,
    draws: int = 1_000,
    seed: int = 0,
) -> Measured:
    """Hold a policy against its baseline, and against one fixed action, on the same seeds.

    Parameters
    ----------
    fixed
        Which action is always done, in the third set of sessions.
    seeds
        None of those that it was trained on.
    draws, seed
        Of the bootstrap over sessions.
    """
    plain = [[0] * len(FEATURES) for _ in policy.urgency]
    always = [list(row) for row in plain]
    if fixed:
        always[fixed][0] = -ONE
    rivals = [
        policy,
        msgspec.structs.replace(policy, weights=plain),
        msgspec.structs.replace(policy, weights=always, margin=0),
    ]
    found = [
        sessions(config, each, seeds, overrides=overrides, progress=progress)[0] for each in rivals
    ]
    costs = [np.array([one.cost_bps for one in each]) for each in found]
    words = {"draws": draws, "seed": seed}
    risk = np.array([one.risk for one in found[0]])
    own, base, placed = (mean(each, **words) for each in costs)
    return Measured(
        policy=own,
        baseline=base,
        placed=placed,
        against_baseline=compare(costs[0], baseline=costs[1], **words),
        against_placed=compare(costs[0], baseline=costs[2], **words),
        risk=mean(risk, **words),
        risk_most=float(risk.max()),
        above_guard=float((risk > (1.0 + policy.guard / 1e9) * 1.001).mean()),
        filled_least=min(one.filled for one in found[0]),
    )


def order_of(run: Any) -> tuple[float, float, float]:
    """Return an order's share, sigma and cost, as `fit_impact` takes them.

    Returns
    -------
    tuple of float
        Of its time of work: own over all that traded on its venues; volatility of the reference's
        mid, a fraction; cost of its fills against their own books' arrival mids, a fraction,
        without fees.
    """
    market, public = _Market(run), feed_of(run)
    if not len(market.ts):
        raise InputError("a run without a fill", rule="Its order traded", remedy="Leave it out")
    begin, end = market.start, int(market.ts[-1])
    inside = (public.event_ns >= begin) & (public.event_ns <= end)
    seconds = np.arange(begin, max(end, begin + 2 * _SECOND), _SECOND)
    arrivals = run.inputs.arrivals
    mids = np.zeros(len(market.ticks))
    for row in arrivals.iter_rows(named=True):
        i = row["instrument"]
        mids[i] = (row["bid_px"] + row["ask_px"]) * market.ticks[i] / 2
    mid = mids[market.market]
    paid = market.sign * ((market.px - mid) * market.exposure).sum()
    return (
        float(market.exposure.sum() / max(public.size[inside].sum(), 1e-12)),
        float(np.sqrt(realised_variance(market.mid(0, seconds)))),
        float(paid / (mid * market.exposure).sum()),
    )


def best_fixed(log: Log) -> int:
    """Return the action that cost least on average in a log: what needs no learning."""
    actions = np.asarray(log.action)
    return int(np.argmin([log.cost[actions == each].mean() for each in np.unique(actions)]))


def _settings(
    config: str | Path | Config,
    policy: Policy,
    explore: bool,
    overrides: Mapping[str, object] | None,
) -> Config:
    given = {"data.recording": None, **(overrides or {})}
    base = (
        _config.override(config, given)
        if isinstance(config, Config)
        else _config.load(config, set=given)
    )
    whole = _config.to_dict(base)
    parent = {key: value for key, value in whole["parent"].items() if key in _KEPT}
    parent |= {"algo": str(PROGRAM), **policy.params()}
    return _config.parse(whole | {"parent": parent | ({"explore": _EXPLORE} if explore else {})})


def _rounds(run: Any) -> pl.DataFrame:
    """Return one row a round: its time, the action, and what was seen."""
    notes = run.table("ProgramNoted").sort("seq", maintain_order=True)
    names = ("action", *FEATURES[1:])
    if notes.height % len(names) or not notes.height:
        raise InputError(
            f"{notes.height} notes",
            rule=f"An adaptive order notes {len(names)} numbers a round",
            remedy="Give runs of the adaptive program",
        )
    columns = {name: notes["value"].gather_every(len(names), row) for row, name in enumerate(names)}
    return pl.DataFrame({"ts_ns": notes["ts_ns"].gather_every(len(names)), **columns})


class _Market:
    """Mids in quote by instrument and time, and fills in floats."""

    def __init__(self, run: Any) -> None:
        inputs = run.inputs
        asked = inputs.asked[0]
        self.sign = 1.0 if asked.side == "buy" else -1.0
        self.one = 10.0 ** -int(inputs.markets[0].terms["base_decimals"])
        self.order = asked.order_qty * self.one
        self.ticks = [float(market.tick) for market in inputs.markets]
        quotes = inputs.quotes.drop_nulls()
        self._quotes = []
        for i, tick in enumerate(self.ticks):
            own = quotes.filter(pl.col("instrument") == i)
            mid = (own["bid_px"] + own["ask_px"]).to_numpy() * (tick / 2)
            self._quotes.append((own["ts_ns"].to_numpy(), mid))
        fills = inputs.fills.filter(~pl.col("is_reversal")).sort("seq", maintain_order=True)
        self.ts = fills["ts_ns"].to_numpy()
        self.market = fills["instrument"].to_numpy()
        self.exposure = fills["exposure"].cast(pl.Float64).to_numpy() * self.one
        self.is_maker = fills["is_maker"].to_numpy()
        self.px = fills["last_px"].to_numpy() * np.array(self.ticks)[self.market]
        self.fee = self._fees(inputs, fills)
        arrival = inputs.arrivals.row(0, named=True)
        self.start = int(arrival["ts_ns"])
        self.duration = int(asked.duration_ns or 0)
        self.arrival = (arrival["bid_px"] + arrival["ask_px"]) * self.ticks[0] / 2

    def mid(self, i: int, ts: Any) -> Any:
        """Return mids at times; the first one before there was any."""
        times, mids = self._quotes[i]
        return mids[np.maximum(np.searchsorted(times, ts, side="right") - 1, 0)]

    def held(self, ts: Any) -> Any:
        """Return what was not filled at times, exposure."""
        done = np.append(0.0, np.cumsum(self.exposure))
        return self.order - done[np.searchsorted(self.ts, ts, side="right")]

    def _fees(self, inputs: Any, fills: pl.DataFrame) -> Any:
        """Return fees in quote, a fee in the base asset at the fill's price."""
        paid = np.zeros(fills.height)
        for number, asset in enumerate(inputs.assets):
            own = (fills["fee_asset"] == number).to_numpy()
            unit = 10.0 ** -int(asset["decimals"])
            is_base = asset["asset"] == inputs.markets[0].base
            amount = fills["fee"].cast(pl.Float64).to_numpy() * unit
            paid = np.where(own, amount * (self.px if is_base else 1.0), paid)
        return paid


def _costs(run: Any, policy: Policy, rounds: pl.DataFrame) -> Any:
    market = _Market(run)
    starts = rounds["ts_ns"].to_numpy()
    slices = len(policy.holdings) - 1
    # The last slice decides nothing, and ends the last round: its time is that of its plan.
    last = market.start + market.duration * (slices - 1) // slices
    ends = np.append(starts[1:], max(last, int(starts[-1]) + 1))
    number_of = np.searchsorted(starts, market.ts, side="right") - 1
    inside = (number_of >= 0) & (market.ts <= ends[-1])
    began = starts[np.maximum(number_of, 0)]
    mids = np.array([market.mid(i, ts) for i, ts in zip(market.market, began, strict=True)])
    paid = market.sign * (market.px - mids) * market.exposure + market.fee
    takes = inside & ~market.is_maker
    taker = paid[takes].sum() / max((mids * market.exposure)[takes].sum(), 1e-12)
    own = np.bincount(number_of[inside], paid[inside], minlength=len(starts))
    # Which slice a round was: a pause may have passed some over.
    k = np.round(rounds["gone"].to_numpy() * slices / 1_000).astype(np.int64)
    planned = np.array(policy.holdings)[np.minimum(k + 1, slices)] / ONE * market.order
    undone = market.held(ends) - planned
    move = market.sign * (market.mid(0, ends) - market.mid(0, starts))
    cost = own + undone * (move + taker * market.mid(0, starts))
    return cost / (market.order * market.arrival) * _BPS * slices


def _session(run: Any, policy: Policy) -> Session:
    market = _Market(run)
    parts = run.summary["shortfall"]
    paid = sum(float(parts[name]) for name in ("delay", "trading", "opportunity", "fees"))
    slices = len(policy.holdings) - 1
    ends = market.start + market.duration * np.arange(1, slices + 1) // slices
    held = market.held(ends) / market.order
    plan = np.array(policy.holdings[1:]) / ONE
    return Session(
        cost_bps=paid / (market.order * market.arrival) * _BPS,
        risk=float((held**2).sum() / max((plan**2).sum(), 1e-12)),
        filled=1.0 - float(market.held(np.array([2**62]))[0]) / market.order,
    )


def _joined(logs: Sequence[Log]) -> Log:
    names = Log.__struct_fields__
    return Log(**{name: np.concatenate([getattr(log, name) for log in logs]) for name in names})
