"""How likely a posted order is filled, by what stands before it and how far it is from the best.

The hazard of a fill is piecewise constant in the time waited, and log-linear in what was known when
the order was posted::

    rate(t, x) = exp(b . x + c log(1 + t / 1 s)),   P(filled within T) = 1 - exp(-integral rate)

It is fitted by maximum likelihood (a Poisson regression on the time spent in each piece), so orders
that were canceled, or that the recording outlived, count for as long as they waited. Errors are
robust, and clustered: orders posted at one moment share their fate.

From a tape the order is imagined: it is as small as can be, all that was displayed at its price is
ahead of it, and what is ahead goes by trades alone (in truth some of it cancels, so real orders are
filled somewhat sooner). From runs on our own venue the orders are real.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from tiderace import _core
from tiderace._learn.intervals import Estimate, Floats
from tiderace.algo._inputs import number, numbers, whole
from tiderace.errors import InputError

TERMS = ("intercept", "log_ahead", "log_distance", "log_spread", "imbalance", "log_time")
_PIECES = 8
_Z = 1.959963984540054
_ROUNDS = 100
_BUY = ord("1")
_DEPTH = 500


class FillObservations(msgspec.Struct, frozen=True, kw_only=True):
    """Posted orders, each with what was known then and what became of it; shape (n,) each.

    Attributes
    ----------
    ahead
        Displayed at its price before it, in what the venue counts.
    distance
        Ticks behind the best of its own side; below zero where it became the best.
    spread
        Ticks between the best prices.
    imbalance
        Displayed at the best of its own side less that of the other, over both: -1 to 1.
    waited_s
        Until the first fill, or until it was watched no longer.
    filled
        Whether it was filled then.
    group
        Orders posted at one moment share a number.
    """

    ahead: Any
    distance: Any
    spread: Any
    imbalance: Any
    waited_s: Any
    filled: Any
    group: Any

    def __len__(self) -> int:
        return len(self.ahead)


class FillModel(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted hazard of fills.

    Attributes
    ----------
    terms
        ``{"log_ahead": Estimate, ...}``: coefficients with intervals of 95 %.
    covariance
        Of the coefficients, in the order of ``TERMS``, clustered.
    unit
        What ``ahead`` is counted in: the median of those fitted above zero.
    horizon_s
        The longest time that was watched: probabilities are given up to there.
    orders, fills
        Fitted.
    """

    terms: dict[str, Estimate]
    covariance: Any
    unit: float
    horizon_s: float
    orders: int
    fills: int

    def probability(
        self,
        *,
        ahead: float,
        distance: float,
        within_s: float,
        spread: float = 1.0,
        imbalance: float = 0.0,
    ) -> Estimate:
        """Return the probability that an order is filled in time, with its interval of 95 %.

        Parameters
        ----------
        ahead, distance, spread, imbalance
            As in `FillObservations`.
        within_s
            Seconds, up to ``horizon_s``.
        """
        end = number("within_s", within_s, above=0.0, at_most=self.horizon_s)
        edges = np.append(0.0, end * 0.5 ** np.arange(_PIECES - 1, -1, -1))
        known = np.column_stack(_known([ahead], [distance], [spread], [imbalance], self.unit))
        rows = _with_time(np.repeat(known, _PIECES, axis=0), edges[:-1], edges[1:])
        weight = np.exp(rows @ self._values()) * np.diff(edges)
        hazard = float(weight.sum())
        slope = weight @ rows / hazard
        error = math.sqrt(max(float(slope @ np.asarray(self.covariance) @ slope), 0.0))
        low, value, high = (
            -math.expm1(-hazard * math.exp(step)) for step in (-_Z * error, 0.0, _Z * error)
        )
        return Estimate(value, low, high, self.orders)

    def _values(self) -> Floats:
        return np.array([self.terms[name].value for name in TERMS])


def fit_fills(observed: FillObservations, *, horizon_s: float | None = None) -> FillModel:
    """Fit the hazard of fills.

    Parameters
    ----------
    observed
        Posted orders, at least one of them filled.
    horizon_s
        Where watching ends; the longest time waited when absent.

    Raises
    ------
    InputError
        Too few orders or fills, or they do not tell the terms apart.
    """
    waited = numbers("waited_s", observed.waited_s, above=0.0).reshape(-1)
    longest = float(waited.max()) if len(waited) else 1.0
    horizon = longest if horizon_s is None else number("horizon_s", horizon_s, above=0.0)
    filled = np.asarray(observed.filled, dtype=bool) & (waited <= horizon)
    waited = np.minimum(waited, horizon)
    ahead = numbers("ahead", observed.ahead, at_least=0.0).reshape(-1)
    if filled.sum() < len(TERMS) or filled.all():
        raise InputError(
            f"{int(filled.sum())} fills of {len(filled)} orders",
            rule=f"A fit needs {len(TERMS)} fills or more, and an order that was not filled",
            remedy="Post for longer, or nearer to the best price",
        )
    unit = float(np.median(ahead[ahead > 0])) if np.any(ahead > 0) else 1.0
    known = np.column_stack(
        _known(ahead, observed.distance, observed.spread, observed.imbalance, unit)
    )
    rows, exposure, hits, cluster = _pieces(known, waited, filled, observed.group, horizon)
    # A term that never varies (one distance only, say) is not fitted: it stays zero.
    varies = np.append(True, np.ptp(rows[:, 1:], axis=0) > 0)
    beta, covariance = _poisson(rows[:, varies], exposure, hits, cluster)
    values, errors = np.zeros(len(TERMS)), np.zeros((len(TERMS), len(TERMS)))
    values[varies] = beta
    errors[np.ix_(varies, varies)] = covariance
    spread = _Z * np.sqrt(np.diag(errors))
    return FillModel(
        terms={
            name: Estimate(float(v), float(v - s), float(v + s), len(waited))
            for name, v, s in zip(TERMS, values, spread, strict=True)
        },
        covariance=errors,
        unit=unit,
        horizon_s=horizon,
        orders=len(waited),
        fills=int(filled.sum()),
    )


def imagined(
    tape: Any,
    *,
    instrument: int,
    instruments: int,
    every_s: float,
    horizon_s: float,
    distances: Sequence[int] = (0, 1, 2, 4, 8),
) -> FillObservations:
    """Post orders in thought along a tape, and watch what would have become of them.

    Parameters
    ----------
    tape
        A ``_core.Tape``: of a recording, or of a run on our own venue.
    instrument, instruments
        Its number, and how many the tape has.
    every_s, horizon_s
        One moment of posting each so long, each watched for so long; moments whose watch the tape
        does not outlive are left out.
    distances
        Ticks behind the best price, on both sides.
    """
    step = round(number("every_s", every_s, above=0.0) * 1e9)
    horizon = round(number("horizon_s", horizon_s, above=0.0) * 1e9)
    row = whole("instrument", instrument, at_least=0, at_most=instruments - 1)
    of = pl.col("instrument") == row
    quotes = pl.DataFrame(_core.quotes(tape, instruments)).filter(of).drop_nulls()
    trades = _Trades(pl.DataFrame(_core.trades(tape)).filter(of))
    if not quotes.height:
        raise InputError(
            f"instrument {row} has no quotes",
            rule="Orders are imagined where a book is live",
            remedy="Name another instrument",
        )
    times = quotes["ts_ns"].to_numpy()
    found: list[tuple[float, ...]] = []
    for group, ts in enumerate(range(int(times[0]) + step, int(times[-1]) - horizon, step)):
        best = quotes.row(int(np.searchsorted(times, ts, side="right")) - 1, named=True)
        depth = pl.DataFrame(_core.depth(tape, row, ts, _DEPTH))
        for is_buy in (True, False):
            for distance in distances:
                price = best["bid_px"] - distance if is_buy else best["ask_px"] + distance
                ahead = _displayed(depth, is_buy, price)
                at = trades.first_fill(is_buy, price, ahead, ts, ts + horizon)
                waited = (horizon if at is None else max(at - ts, 1)) / 1e9
                found.append((*_at(best, is_buy, price, ahead), waited, at is not None, group))
    return _observations(found)


def posted(runs: Iterable[Any]) -> FillObservations:
    """Return the orders that runs posted: watched from being sent to the first fill or the end."""
    found: list[tuple[float, ...]] = []
    for run in runs:
        found += _of_run(run, first_group=len(found))
    if not found:
        raise InputError(
            "no posted order in these runs",
            rule="Own orders tell of fills where they were posted",
            remedy='Give runs with a passive share, e.g. --set parent.passive_share="0.25"',
        )
    return _observations(found)


def _of_run(run: Any, *, first_group: int) -> list[tuple[float, ...]]:
    sent = run.table("OrderSent").filter(pl.col("post_only"))
    updates = run.table("OrderUpdated").select("cl_ord_id", "ts_ns", "cum_qty", "ord_status")
    tape, count = run._core.tape, len(run.config.instruments)
    quotes = pl.DataFrame(_core.quotes(tape, count)).drop_nulls()
    closed = [ord(status) for status in "248C"]
    found = []
    for group, order in enumerate(sent.iter_rows(named=True), start=first_group):
        own = updates.filter(pl.col("cl_ord_id") == order["cl_ord_id"])
        fill = own.filter(pl.col("cum_qty") > 0)["ts_ns"].min()
        end = own.filter(pl.col("ord_status").is_in(closed))["ts_ns"].min()
        refused = own.filter(pl.col("ord_status") == ord("8")).height > 0
        until = fill if fill is not None else end
        seen = quotes.filter(
            (pl.col("instrument") == order["instrument"]) & (pl.col("ts_ns") <= order["ts_ns"])
        )
        if until is None or refused or not seen.height:
            continue
        is_buy, price = order["side"] == _BUY, order["price"]
        depth = pl.DataFrame(_core.depth(tape, order["instrument"], order["ts_ns"], _DEPTH))
        ahead = _displayed(depth, is_buy, price)
        best = seen.row(-1, named=True)
        waited = max(until - order["ts_ns"], 1) / 1e9
        found.append((*_at(best, is_buy, price, ahead), waited, fill is not None, group))
    return found


class _Trades:
    """Trades of one instrument, by the side that was taken."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._by_side = {}
        for is_buy in (True, False):
            # A resting bid is filled by those who sell.
            part = frame.filter(pl.col("is_sell") == is_buy).sort("ts_ns", maintain_order=True)
            columns = (part[name].to_numpy() for name in ("ts_ns", "px", "qty_e8"))
            self._by_side[is_buy] = tuple(columns)

    def first_fill(
        self, is_buy: bool, price: int, ahead: float, start: int, end: int
    ) -> int | None:
        """Return when what is ahead has traded and more, or a trade went through the price."""
        times, prices, sizes = self._by_side[is_buy]
        first, last = np.searchsorted(times, [start, end], side="right")
        px = prices[first:last]
        through = px < price if is_buy else px > price
        gone = np.where(px == price, sizes[first:last], 0).cumsum() / 1e8
        hits = np.flatnonzero(through | (gone > ahead))
        return int(times[first + hits[0]]) if len(hits) else None


def _displayed(depth: pl.DataFrame, is_buy: bool, price: int) -> float:
    side = _BUY if is_buy else _BUY + 1
    there = depth.filter((pl.col("side") == side) & (pl.col("px") == price))
    return float(there["qty_e8"].sum()) / 1e8


def _at(best: dict[str, int], is_buy: bool, price: int, ahead: float) -> tuple[float, ...]:
    """Return ahead, distance, spread and imbalance of an order at a price."""
    own, other = best["bid_qty_e8"], best["ask_qty_e8"]
    if not is_buy:
        own, other = other, own
    distance = best["bid_px"] - price if is_buy else price - best["ask_px"]
    imbalance = (own - other) / (own + other) if own + other else 0.0
    return ahead, distance, best["ask_px"] - best["bid_px"], imbalance


def _observations(rows: list[tuple[float, ...]]) -> FillObservations:
    columns = list(np.array(rows, dtype=np.float64).reshape(-1, 7).T)
    names = FillObservations.__struct_fields__
    return FillObservations(**dict(zip(names, columns, strict=True)))


def _known(
    ahead: ArrayLike, distance: ArrayLike, spread: ArrayLike, imbalance: ArrayLike, unit: float
) -> list[Floats]:
    """Return the columns of what is known at posting, without time."""
    far = numbers("distance", distance)
    return [
        np.ones(len(far)),
        np.log1p(numbers("ahead", ahead, at_least=0.0) / unit),
        np.sign(far) * np.log1p(np.abs(far)),
        np.log(np.maximum(numbers("spread", spread), 1.0)),
        numbers("imbalance", imbalance, at_least=-1.0, at_most=1.0),
    ]


def _with_time(known: Floats, start: Floats, end: Floats) -> Floats:
    return np.column_stack([known, np.log1p((start + end) / 2)])


def _pieces(
    known: Floats, waited: Floats, filled: Any, group: ArrayLike, horizon: float
) -> tuple[Floats, Floats, Floats, Any]:
    """Split each wait at fixed times: one row a piece, with the time spent in it."""
    edges = np.append(0.0, horizon * 0.5 ** np.arange(_PIECES - 1, -1, -1))
    clusters = np.asarray(group)
    parts = []
    for start, end in pairwise(edges):
        there = waited > start
        spent = np.minimum(waited, end)[there] - start
        hit = (filled & (waited <= end))[there]
        middle = np.full(len(spent), start), np.full(len(spent), end)
        parts.append((_with_time(known[there], *middle), spent, hit, clusters[there]))
    rows, exposure, hits, cluster = (np.concatenate(column) for column in zip(*parts, strict=True))
    return rows, exposure, hits.astype(np.float64), cluster


def _poisson(rows: Floats, exposure: Floats, hits: Floats, cluster: Any) -> tuple[Floats, Floats]:
    """Fit log rate = rows . beta by Newton's steps; the covariance is clustered."""
    beta = np.zeros(rows.shape[1])
    beta[0] = math.log(hits.sum() / exposure.sum())
    offset = np.log(exposure)
    try:
        for _ in range(_ROUNDS):
            expected = np.exp(np.clip(rows @ beta + offset, -500.0, 500.0))
            bread = np.linalg.inv(rows.T @ (rows * expected[:, None]))
            step = bread @ (rows.T @ (hits - expected))
            # A step that multiplies a rate by more than e^2 is cut: far away it would overshoot.
            beta = beta + step * min(1.0, 2.0 / max(float(np.abs(rows @ step).max()), 1e-12))
            if float(np.abs(step).max()) < 1e-9:
                break
        else:
            raise np.linalg.LinAlgError("no end")
    except np.linalg.LinAlgError:
        raise InputError(
            "the fit of fills does not come to an end",
            rule="Orders at several distances and queues, filled and not, tell the terms apart",
            remedy="Give more orders, or orders that differ more",
        ) from None
    expected = np.exp(rows @ beta + offset)
    names, number_of = np.unique(cluster, return_inverse=True)
    score = np.zeros((len(names), rows.shape[1]))
    np.add.at(score, number_of.reshape(-1), rows * (hits - expected)[:, None])
    correction = len(names) / max(len(names) - 1, 1)
    return beta, correction * bread @ (score.T @ score) @ bread
