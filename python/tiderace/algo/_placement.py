"""How much to take and how much to post where, when the order must be done by a time.

One venue has a closed form. For several, the limits are found by pattern search from several starts
over a fixed low-discrepancy set of outflows (all combinations of samples, where they are few), with
the market order a quantile of what the limits fill; what comes out is weighed on a fine grid.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tiderace.algo._inputs import Floats, finite, number, numbers
from tiderace.algo._outflows import Outflow, Samples, outflow_of
from tiderace.errors import InputError

VENUES_MAX = 8
"""The work of the search grows with the square of the venues."""
OUTFLOWS_MAX = 2**16
"""Scenarios times venues."""
_COARSE = 2**10
_COARSE_STEP, _FINE_STEP = 2**-6, 2**-12
"""Where the coarse and the fine search end, as shares of the order."""
_STARTS = 4
_CELLS = 2**12
"""Of the grid that costs are weighed on: the limits of a search that started on it lie on it."""
_TIE = 1e-12
"""Costs nearer than this, relative to the largest that could be, are equal."""


class Placement(NamedTuple):
    """How to place an order, and what it costs.

    Attributes
    ----------
    market
        What to take at once.
    limits
        What to post at each venue, shape (venues,).
    cost
        Mean cost against the mid, money; penalties for what is missing or too much included.
    """

    market: float
    limits: Floats
    cost: float


class _Terms(NamedTuple):
    """What a unit costs: taken, filled at each venue, missing, too much; and any unit's impact."""

    taken: float
    earned: Floats
    under: float
    over: float
    impact: float


def cont_kukanov(
    qty: float,
    *,
    queues: ArrayLike,
    outflows: Any,
    half_spread: float,
    rebates: ArrayLike,
    fee: float,
    penalty_under: float,
    penalty_over: float,
    impact: float = 0.0,
) -> Placement:
    """Split an order between a market order and limit orders at several venues.

    Least mean of, with fills F_k = min(max(outflow_k - queue_k, 0), L_k) and A = M + sum F_k::

        (h + f) M - sum (h + r_k) F_k + theta (M + sum L_k + max(S - A, 0))
            + penalty_under max(S - A, 0) + penalty_over max(A - S, 0)

    For one venue, with F the outflow's distribution, M + L = S and, within 0 ... S::

        F(queue + L) = (2 h + f + r) / (penalty_under + h + r + theta)

    For several, outflows of different venues are taken as independent. The split is then searched
    for: its cost is within about 1e-3 of the least, as a share of what taking everything costs.

    Parameters
    ----------
    qty
        S, > 0. A sale is the same problem.
    queues
        Quantity ahead of us at each venue, >= 0; 1 to 8 venues. One number is one venue.
    outflows
        What leaves each queue in the time that there is, one an entry: ``{"exponential": mean}``,
        ``{"normal": (mean, sd)}``, or samples. For one venue the entry alone will do.
    half_spread
        h, price, >= 0.
    rebates
        r_k, price; below zero where posting costs a fee. One number holds for every venue.
    fee
        f of the market order, price; that of the cheapest venue.
    penalty_under, penalty_over
        Price, >= 0, of a unit that is missing, or too much, when the time is over.
    impact
        theta, price, >= 0.

    Returns
    -------
    Placement
        ``market limits cost``.

    Raises
    ------
    InputError
        A number is out of its range, lengths differ, an outflow is of no known kind, or too much
        is punished so little that posting without end would pay.

    References
    ----------
    R. Cont and A. Kukanov, "Optimal order placement in limit order markets", Quantitative Finance
    17 (2017), equation 4 and propositions 1 to 3.
    """
    size = number("qty", qty, above=0.0)
    ahead = np.atleast_1d(numbers("queues", queues, at_least=0.0))
    if ahead.ndim != 1 or not 1 <= ahead.size <= VENUES_MAX:
        raise InputError(
            f"queues has shape {ahead.shape}",
            rule=f"It is one number a venue, for 1 to {VENUES_MAX} venues",
            remedy="Leave out venues that will not be used",
        )
    flows = _flows(outflows, ahead.size)
    half = number("half_spread", half_spread, at_least=0.0)
    paid = numbers("rebates", rebates)
    if paid.shape not in ((), ahead.shape):
        raise InputError(
            f"rebates has shape {paid.shape} for {ahead.size} venues",
            rule="It is one number a venue, or one for all",
            remedy="Bring rebates and queues to one length",
        )
    terms = _Terms(
        taken=half + number("fee", fee),
        earned=half + np.broadcast_to(paid, ahead.shape),
        under=number("penalty_under", penalty_under, at_least=0.0),
        over=number("penalty_over", penalty_over, at_least=0.0),
        impact=number("impact", impact, at_least=0.0),
    )
    least = max(float(np.max(terms.earned)), -terms.taken)
    if terms.over <= least:
        raise InputError(
            f"penalty_over = {penalty_over!r}",
            rule=f"Too much costs more than trading it earns, here {least:g}",
            remedy="Raise penalty_over",
        )
    if ahead.size == 1:
        placed = _one_venue(size, float(ahead[0]), flows[0], terms)
    else:
        placed = _several_venues(size, ahead, flows, terms)
    finite(cost=placed.cost)
    return placed


def _flows(given: Any, venues: int) -> list[Outflow]:
    if isinstance(given, Mapping):
        given = [given]
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(
            f"outflows = {given!r}",
            rule="It is one entry a venue",
            remedy='Give a list, e.g. [{"exponential": 2000.0}]',
        )
    entries = list(given)
    if venues == 1 and entries and all(isinstance(one, int | float) for one in entries):
        entries = [entries]
    if len(entries) != venues:
        raise InputError(
            f"outflows has {len(entries)} entries for {venues} venues",
            rule="It is one entry a venue",
            remedy="Bring outflows and queues to one length",
        )
    return [outflow_of(f"outflows[{row}]", entry) for row, entry in enumerate(entries)]


def _one_venue(size: float, queue: float, flow: Outflow, terms: _Terms) -> Placement:
    """Take the best of the ends and the two stationary points: with and without a market order."""
    earned = float(terms.earned[0])
    missed = terms.under + terms.impact

    def mean_cost(market: float, limit: float) -> float:
        filled = flow.mean_fill(queue, limit)
        cost = terms.taken * market - earned * filled + terms.impact * (market + limit)
        return cost + missed * max(size - market - filled, 0.0)

    def limit_at(p: float) -> float:
        if not 0.0 < p < 1.0:
            return 0.0 if p <= 0.0 else size
        return min(max(flow.quantile(p) - queue, 0.0), size)

    worth = missed + earned
    limits = [0.0, size]
    alone = [0.0, size]
    if worth > 0.0:
        limits.append(limit_at((terms.taken + earned) / worth))
        alone.append(limit_at(1.0 - terms.impact / worth))
    tried = [(size - limit, limit) for limit in limits] + [(0.0, limit) for limit in alone]
    costs = [mean_cost(*one) for one in tried]
    tie = _TIE * size * (abs(terms.taken) + abs(earned) + missed)
    # Of equal costs the one that takes most and posts least: it is the surest.
    market, limit = max(
        (one for one, cost in zip(tried, costs, strict=True) if cost <= min(costs) + tie),
        key=lambda one: (one[0], -one[1]),
    )
    return Placement(market, np.array([limit]), mean_cost(market, limit))


class _Scenarios(NamedTuple):
    """Outflow beyond each queue, shape (scenarios, venues), all equally likely."""

    size: float
    excess: Floats
    terms: _Terms

    def best(self, limits: Floats) -> tuple[float, float]:
        """Return the mean cost with the best market order beside these limits, and that order."""
        terms, count = self.terms, len(self.excess)
        fills = np.minimum(self.excess, limits)
        filled = fills.sum(axis=1)
        missed, spare = terms.under + terms.impact, terms.over
        # What is missing and what is too much weigh against each other: a newsvendor's quantile.
        p = (terms.taken + terms.impact + spare) / (missed + spare)
        market = 0.0
        if p < 1.0:
            row = min(max(math.ceil(p * count) - 1, 0), count - 1)
            market = min(max(self.size - float(np.partition(filled, row)[row]), 0.0), self.size)
        short = self.size - market - filled
        cost = terms.taken * market - float(fills.mean(axis=0) @ terms.earned)
        cost += terms.impact * (market + float(limits.sum()))
        cost += missed * float(np.maximum(short, 0.0).mean())
        cost += spare * float(np.maximum(-short, 0.0).mean())
        return cost, market


def _several_venues(
    size: float, ahead: Floats, flows: Sequence[Outflow], terms: _Terms
) -> Placement:
    excess = np.maximum(_outflow_rows(flows) - ahead, 0.0)
    exact = _Scenarios(size, excess, terms)
    coarse = _Scenarios(size, excess[:_COARSE] if _is_sequence(flows) else excess, terms)
    moves = _moves(len(flows))
    starts = [np.zeros(len(flows)), np.full(len(flows), size), *(size * np.eye(len(flows)))]
    starts.append(np.full(len(flows), size * np.ceil(64.0 / len(flows)) / 64.0))
    starts.sort(key=lambda one: coarse.best(one)[0])
    found = [_search(coarse, one, moves, 0.25, _COARSE_STEP) for one in starts[:_STARTS]]
    limits = min(found, key=lambda one: coarse.best(one)[0])
    limits = _search(exact, limits, moves, _COARSE_STEP, _FINE_STEP)
    cost, _ = exact.best(limits)
    tie = _TIE * size * (abs(terms.taken) + float(np.abs(terms.earned).max()) + terms.under)
    for venue in range(len(flows)):
        # What is posted where it cannot fill helps nobody.
        without = limits.copy()
        without[venue] = 0.0
        if exact.best(without)[0] <= cost + tie:
            limits = without
    if not _is_sequence(flows):
        cost, market = exact.best(limits)
        return Placement(market, limits, cost)
    return _weighed(size, ahead, flows, limits, terms)


def _weighed(
    size: float, ahead: Floats, flows: Sequence[Outflow], limits: Floats, terms: _Terms
) -> Placement:
    """Find the market order beside these limits, and the mean cost, from the law of the fills.

    Each venue's law goes to a grid with its mean kept; the laws are folded up to the order's size.
    """
    cell = size / _CELLS
    law = np.ones(1)
    means = np.zeros(len(flows))
    for venue, flow in enumerate(flows):
        queue, limit = float(ahead[venue]), float(limits[venue])
        means[venue] = flow.mean_fill(queue, limit)
        ends = [cell * row for row in range(_CELLS + 2)]
        # The mean of max(y - fill, 0) at y = -cell, 0 ...: its second differences are the law.
        below = [0.0] + [y - flow.mean_fill(queue, min(y, limit)) for y in ends]
        law = np.convolve(law, np.diff(below, n=2) / cell)[: _CELLS + 1]
    short = cell * np.concatenate([[0.0], np.cumsum(np.cumsum(law))[:-1]])
    market = size - cell * np.arange(_CELLS + 1)
    spare = market - size + float(means.sum()) + short
    costs = terms.taken * market + (terms.under + terms.impact) * short + terms.over * spare
    costs += terms.impact * (market + float(limits.sum())) - float(means @ terms.earned)
    row = int(np.argmin(costs))
    return Placement(float(market[row]), limits, float(costs[row]))


def _is_sequence(flows: Sequence[Outflow]) -> bool:
    """Return whether the scenarios are a sequence whose beginnings are even too."""
    if not all(isinstance(flow, Samples) for flow in flows):
        return True
    combinations = math.prod(len(flow.sorted) for flow in flows if isinstance(flow, Samples))
    return combinations * len(flows) > OUTFLOWS_MAX


def _outflow_rows(flows: Sequence[Outflow]) -> Floats:
    """Return equally likely outflows, shape (rows, venues)."""
    samples = [flow.sorted for flow in flows if isinstance(flow, Samples)]
    if not _is_sequence(flows):
        return np.stack([axis.ravel() for axis in np.meshgrid(*samples, indexing="ij")], axis=1)
    # The R sequence: powers of the root of x^(d + 1) = x + 1 fill the unit cube evenly.
    root = 1.5
    for _ in range(64):
        root = (1.0 + root) ** (1.0 / (len(flows) + 1))
    counts = np.arange(1, OUTFLOWS_MAX // len(flows) + 1, dtype=np.float64)
    columns = []
    for venue, flow in enumerate(flows):
        points = (0.5 + counts * root ** -(venue + 1.0)) % 1.0
        columns.append(flow.quantiles(np.clip(points, 1e-12, 1.0 - 1e-12)))
    return np.stack(columns, axis=1)


def _moves(venues: int) -> list[Floats]:
    """Return directions to try: kinks of the cost lie where several limits change together."""
    unit = np.eye(venues)
    moves = [*unit, *-unit, np.ones(venues), -np.ones(venues)]
    for one, other in itertools.combinations(unit, 2):
        moves += [one - other, other - one, one + other, -one - other]
    return moves


def _search(
    of: _Scenarios, limits: Floats, moves: Sequence[Floats], step: float, last: float
) -> Floats:
    """Walk downhill along the moves, halving the step when none helps."""
    best, _ = of.best(limits)
    while step >= last:
        moved = False
        for move in moves:
            tried = np.clip(limits + of.size * step * move, 0.0, of.size)
            cost, _ = of.best(tried)
            if cost < best - _TIE * abs(best):
                limits, best, moved = tried, cost, True
        if not moved:
            step *= 0.5
    return limits
