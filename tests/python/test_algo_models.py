"""Models of execution and quoting: published numbers, and answers found another way."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tiderace as tr
from tiderace import algo

Floats = NDArray[np.float64]

# The example of Almgren and Chriss (2000): a stock at 50, 1,000,000 shares, five days.
PAPER_AC: dict[str, Any] = {
    "horizon": 5.0,
    "n": 5,
    "sigma": 0.95,
    "eta": 2.5e-6,
    "gamma": 2.5e-7,
    "epsilon": 0.0625,
}


def ac_terms(holdings: Floats, terms: dict[str, Any]) -> tuple[float, float]:
    """Equations 4 and 5 of the paper, term by term."""
    tau = terms["horizon"] / terms["n"]
    trades = holdings[:-1] - holdings[1:]
    permanent = sum(terms["gamma"] * x * n for x, n in zip(holdings[1:], trades, strict=True))
    temporary = sum(terms["epsilon"] * abs(n) + terms["eta"] * n * n / tau for n in trades)
    return permanent + temporary, sum(terms["sigma"] ** 2 * tau * x * x for x in holdings[1:])


@pytest.mark.parametrize(
    ("aversion", "mean", "variance", "half_life"),
    [
        # Table for the paper's parameters, in 1e6 USD and 1e12 USD^2, by the DROP library.
        (0.001e-6, 0.6625, 1.0812, 51.30),
        (0.002e-6, 0.6625, 1.0794, 36.27),
        (0.005e-6, 0.6625, 1.0740, 22.94),
        (0.008e-6, 0.6626, 1.0687, 18.14),
        (0.009e-6, 0.6626, 1.0669, 17.10),
    ],
)
def test_almgren_chriss_gives_the_published_table(
    aversion: float, mean: float, variance: float, half_life: float
) -> None:
    plan = algo.almgren_chriss(1e6, **PAPER_AC, risk_aversion=aversion)
    assert plan.cost / 1e6 == pytest.approx(mean, abs=5.1e-5)
    assert plan.variance / 1e12 == pytest.approx(variance, abs=5.1e-5)
    assert 1.0 / plan.kappa == pytest.approx(half_life, abs=5.1e-3)


def test_almgren_chriss_has_the_urgency_and_the_ends_of_the_frontier_of_the_paper() -> None:
    plan = algo.almgren_chriss(1e6, **PAPER_AC, risk_aversion=1e-6)
    assert plan.kappa == pytest.approx(0.61, abs=5e-3)
    even = algo.almgren_chriss(1e6, **PAPER_AC, risk_aversion=0.0)
    np.testing.assert_allclose(even.trajectory, np.linspace(1e6, 0.0, 6), rtol=1e-15)
    # The paper's two extremes, written out: at an even pace, and all at once.
    assert even.cost == pytest.approx(125_000 + 62_500 + 475_000, rel=1e-14)
    assert even.variance == pytest.approx(0.95**2 * 1e12 * 5 / 3 * 0.8 * 0.9, rel=1e-14)
    once = algo.almgren_chriss(1e6, **(PAPER_AC | {"n": 1, "horizon": 1.0}), risk_aversion=1e-6)
    assert once.trajectory.tolist() == [1e6, 0.0]
    assert once.cost == pytest.approx(62_500 + 2_500_000, rel=1e-14)
    assert once.variance == 0.0


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40),
    st.floats(0.1, 20.0),
    st.floats(0.0, 3.0),
    st.floats(-12.0, 2.0),
    st.floats(-1e6, 1e6),
)
def test_almgren_chriss_is_the_solution_of_its_normal_equations(
    n: int, horizon: float, sigma: float, log_aversion: float, qty: float
) -> None:
    terms = {**PAPER_AC, "n": n, "horizon": horizon, "sigma": sigma, "gamma": 1e-8}
    aversion = 10.0**log_aversion
    plan = algo.almgren_chriss(qty, **terms, risk_aversion=aversion)
    tau = horizon / n
    slope = (terms["eta"] - 0.5 * terms["gamma"] * tau) / tau
    matrix = (2.0 * slope + aversion * sigma**2 * tau) * np.eye(n - 1)
    matrix -= slope * (np.eye(n - 1, k=1) + np.eye(n - 1, k=-1))
    wanted = np.zeros(n - 1)
    if n > 1:
        wanted[0] = slope * qty
    solved = np.linalg.solve(matrix, wanted)
    np.testing.assert_allclose(plan.trajectory[1:-1], solved, rtol=1e-8, atol=1e-9)
    assert (plan.trajectory[0], plan.trajectory[-1]) == (qty, 0.0)
    cost, variance = ac_terms(plan.trajectory, terms)
    assert plan.cost == pytest.approx(cost, rel=1e-9, abs=1e-12)
    assert plan.variance == pytest.approx(variance, rel=1e-9, abs=1e-12)


def test_no_nudge_of_an_almgren_chriss_schedule_is_cheaper() -> None:
    terms = PAPER_AC | {"n": 20}
    plan = algo.almgren_chriss(1e6, **terms, risk_aversion=2e-6)
    least = plan.cost + 2e-6 * plan.variance
    rng = np.random.default_rng(1)
    for _ in range(200):
        nudged = plan.trajectory.copy()
        nudged[1:-1] += rng.normal(0.0, 100.0, 19)
        cost, variance = ac_terms(nudged, terms)
        assert cost + 2e-6 * variance >= least


@pytest.mark.parametrize("aversion", [1e-300, 1e-30, 1e-15, 1e3, 1e30, 1e300])
def test_almgren_chriss_stays_finite_at_every_urgency(aversion: float) -> None:
    plan = algo.almgren_chriss(1e6, **(PAPER_AC | {"n": 1000}), risk_aversion=aversion)
    assert np.all(np.isfinite(plan.trajectory))
    assert np.all(np.diff(plan.trajectory) <= 0.0)
    assert plan.trajectory[0] == 1e6
    assert plan.trajectory[-1] == 0.0
    if aversion < 1e-14:
        np.testing.assert_allclose(plan.trajectory, np.linspace(1e6, 0.0, 1001), rtol=1e-6)


@pytest.mark.parametrize("k", [0.25, 0.5, 0.6, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, 1.5, 3.0])
def test_almgren_power_moves_at_the_rate_that_is_optimal_for_what_is_left(k: float) -> None:
    """Without an end in time k eta v^(k + 1) = risk aversion sigma^2 x^2 (Almgren 2003)."""
    plan = algo.almgren_power(1e5, sigma=0.8, eta=2e-4, k=k, risk_aversion=3e-6)
    assert plan.trajectory(0.0) == 1e5
    times = plan.time_scale * np.array([0.01, 0.3, 0.9])
    step = 1e-5 * plan.time_scale
    rate = (plan.trajectory(times - step) - plan.trajectory(times + step)) / (2.0 * step)
    held = np.asarray(plan.trajectory(times))
    np.testing.assert_allclose(k * 2e-4 * rate ** (k + 1.0), 3e-6 * 0.64 * held**2, rtol=1e-5)


def test_almgren_power_ends_is_exponential_or_has_a_long_tail_by_its_exponent() -> None:
    def plan(k: float, qty: float = 1e5) -> algo.AlmgrenPower:
        return algo.almgren_power(qty, sigma=0.8, eta=2e-4, k=k, risk_aversion=3e-6)

    linear = plan(1.0)
    # The same as Almgren and Chriss in the limit of short slices: 1 / T* = sqrt(lambda sigma^2 / eta).
    assert linear.time_scale == pytest.approx(math.sqrt(2e-4 / (3e-6 * 0.64)), rel=1e-14)
    assert linear.trajectory(2.0 * linear.time_scale) == pytest.approx(1e5 * math.exp(-2.0))
    assert plan(1.0, -1e5).trajectory(1.0) == -float(linear.trajectory(1.0))
    done = plan(3.0)
    assert done.trajectory(1.9 * done.time_scale) > 0.0
    assert done.trajectory(2.1 * done.time_scale) == 0.0
    tail = plan(0.5)
    assert tail.trajectory(6.0 * tail.time_scale) == pytest.approx(1e5 * (1 + 6 / 3) ** -3.0)
    assert plan(0.5, 2e5).time_scale < tail.time_scale
    assert plan(3.0, 2e5).time_scale > done.time_scale


# The size of Obizhaeva and Wang (2013): 100,000 shares, depth 5,000, one day. The blocks are their
# formula X / (rho T + 2) to the share, worked out by hand.
@pytest.mark.parametrize(
    ("rho", "block"),
    [
        (0.001, 49_975),
        (0.01, 49_751),
        (0.5, 40_000),
        (1, 33_333),
        (2, 25_000),
        (2.231, 23_635),
        (4, 16_667),
        (5, 14_286),
        (10, 8_333),
        (20, 4_545),
        (50, 1_923),
        (300, 331),
        (1000, 100),
    ],
)
def test_obizhaeva_wang_trades_the_blocks_of_the_papers_formula(rho: float, block: int) -> None:
    plan = algo.obizhaeva_wang(100_000, horizon=1.0, resilience=rho, depth=5_000)
    assert round(plan.first) == block
    assert plan.first == plan.last
    assert plan.first + plan.last + plan.rate == pytest.approx(100_000)
    assert plan.cost == pytest.approx(100_000**2 / 5_000 / (rho + 2.0))


@pytest.mark.parametrize("n", [1, 2, 10, 100])
@pytest.mark.parametrize("rho", [1e-3, 0.3, 2.231, 40.0])
def test_obizhaeva_wang_in_steps_solves_its_linear_system(n: int, rho: float) -> None:
    """Cost x'Gx / 2 with G = exp(-rho |t_i - t_j|) / depth, under sum x = X, by a dense solve."""
    plan = algo.obizhaeva_wang(-2_000.0, horizon=1.5, resilience=rho, depth=40.0, n=n)
    times = np.linspace(0.0, 1.5, n + 1)
    kernel = np.exp(-rho * np.abs(times[:, None] - times[None, :])) / 40.0
    shape = np.linalg.solve(kernel, np.ones(n + 1))
    solved = -2_000.0 * shape / shape.sum()
    np.testing.assert_allclose(plan.rate, solved, rtol=1e-6, atol=1e-6)
    assert plan.cost == pytest.approx(0.5 * solved @ kernel @ solved, rel=1e-9)
    assert isinstance(plan.rate, np.ndarray)
    assert (plan.first, plan.last) == (plan.rate[0], plan.rate[-1])


def test_obizhaeva_wang_in_many_steps_is_the_continuous_one() -> None:
    terms: dict[str, Any] = {"horizon": 1.0, "resilience": 2.231, "depth": 5_000.0}
    smooth, steps = (algo.obizhaeva_wang(1e5, **terms, n=n) for n in (None, 100_000))
    assert steps.first == pytest.approx(smooth.first, rel=1e-4)
    assert steps.cost == pytest.approx(smooth.cost, rel=1e-4)
    still = algo.obizhaeva_wang(1e5, horizon=1.0, resilience=0.0, depth=5_000.0)
    assert (still.first, still.rate, still.cost) == (5e4, 0.0, 1e6)


@pytest.mark.parametrize("phi", [0.0, 1e-4, 0.3])
@pytest.mark.parametrize("alpha", [0.0005, 0.05, 100.0])
def test_cartea_jaimungal_is_least_among_fine_discrete_schedules(phi: float, alpha: float) -> None:
    k, permanent, horizon, n = 0.002, 0.001, 2.0, 4_000
    plan = algo.cartea_jaimungal(
        50.0, horizon=horizon, k=k, permanent=permanent, alpha=alpha, phi=phi
    )
    tau = horizon / n
    diagonal = np.full(n, 2.0 * k / tau + phi * tau)
    diagonal[-1] = k / tau + 0.5 * phi * tau + alpha - 0.5 * permanent
    # Thomas' elimination of the tridiagonal normal equations, holdings 1 ... n.
    beside, wanted = -k / tau, np.zeros(n)
    wanted[0] = k / tau * 50.0
    for row in range(1, n):
        factor = beside / diagonal[row - 1]
        diagonal[row] -= factor * beside
        wanted[row] -= factor * wanted[row - 1]
    held = np.zeros(n + 1)
    held[0] = 50.0
    for row in range(n - 1, -1, -1):
        after = held[row + 2] if row + 1 < n else 0.0
        held[row + 1] = (wanted[row] - beside * after) / diagonal[row]
    found = plan.trajectory(np.linspace(0.0, horizon, n + 1))
    np.testing.assert_allclose(found, held, rtol=2e-3, atol=2e-3)


def test_cartea_jaimungal_is_the_zeta_form_of_the_book() -> None:
    k, permanent, alpha, phi, horizon = 0.001, 0.0005, 0.01, 0.02, 1.0
    gamma = math.sqrt(phi / k)
    outside = alpha - 0.5 * permanent
    zeta = (outside + math.sqrt(k * phi)) / (outside - math.sqrt(k * phi))
    plan = algo.cartea_jaimungal(
        10.0, horizon=horizon, k=k, permanent=permanent, alpha=alpha, phi=phi
    )
    for t in (0.0, 0.3, 1.0):
        above = zeta * math.exp(gamma * (horizon - t)) - math.exp(-gamma * (horizon - t))
        below = zeta * math.exp(gamma * horizon) - math.exp(-gamma * horizon)
        assert plan.trajectory(t) == pytest.approx(10.0 * above / below, rel=1e-12)


def test_cartea_jaimungal_has_its_limits() -> None:
    def held(t: float, phi: float, alpha: float = 0.01) -> float:
        plan = algo.cartea_jaimungal(
            10.0, horizon=4.0, k=0.001, permanent=0.0, alpha=alpha, phi=phi
        )
        return float(plan.trajectory(t))

    straight = 10.0 * (0.01 * 3.0 + 0.001) / (0.01 * 4.0 + 0.001)
    for phi in (0.0, 1e-300, 1e-18):
        assert held(1.0, phi) == pytest.approx(straight, rel=1e-9)
    # Without mercy at the end it is Almgren and Chriss in continuous time.
    kappa = math.sqrt(0.0005 / 0.001)
    wanted = 10.0 * math.sinh(kappa * 3.0) / math.sinh(kappa * 4.0)
    assert held(1.0, 0.0005, 1e12) == pytest.approx(wanted, rel=1e-9)
    assert held(4.0, 1e6) == pytest.approx(0.0, abs=1e-300)
    assert held(0.0, 1e6) == 10.0


# As in examples after Cont and Kukanov (2017): 1,000 behind 2,000, prices in USD a share.
PAPER_CK: dict[str, Any] = {
    "half_spread": 0.02,
    "rebates": 0.002,
    "fee": 0.003,
    "penalty_over": 0.024,
}


@pytest.mark.parametrize("impact", [0.0, 0.0005])
@pytest.mark.parametrize("under", [0.024, 0.03, 0.04, 0.05, 0.06, 0.2])
def test_cont_kukanov_on_one_venue_is_the_closed_form(under: float, impact: float) -> None:
    """Proposition 2: all limit below a penalty, all market above another, a quantile between."""
    placed = algo.cont_kukanov(
        1_000,
        queues=[2_000],
        outflows=[{"exponential": 2_200.0}],
        **PAPER_CK,
        penalty_under=under,
        impact=impact,
    )

    def outflow_at_most(x: float) -> float:
        return 1.0 - math.exp(-x / 2_200.0)

    earned = 0.02 + 0.002 + impact
    both = 2 * 0.02 + 0.003 + 0.002
    if under <= both / outflow_at_most(3_000) - earned:
        wanted = 1_000.0
    elif under >= both / outflow_at_most(2_000) - earned:
        wanted = 0.0
    else:
        wanted = -2_200.0 * math.log(1.0 - both / (under + earned)) - 2_000.0
    assert placed.limits[0] == pytest.approx(wanted, abs=1e-9)
    assert placed.market == pytest.approx(1_000.0 - wanted, abs=1e-9)


def ck_cost(market: Floats | float, limits: Floats, excess: Floats, terms: dict[str, Any]) -> float:
    """Equation 4 of the paper, for every outflow beyond the queues."""
    fills = np.minimum(np.maximum(excess, 0.0), limits)
    done = market + fills.sum(axis=1)
    cost = (terms["half_spread"] + terms["fee"]) * market
    cost = cost - (fills * (terms["half_spread"] + np.asarray(terms["rebates"]))).sum(axis=1)
    missing = np.maximum(terms["qty"] - done, 0.0)
    cost = cost + terms.get("impact", 0.0) * (market + limits.sum() + missing)
    cost = cost + terms["penalty_under"] * missing
    return float(np.mean(cost + terms["penalty_over"] * np.maximum(done - terms["qty"], 0.0)))


@pytest.mark.parametrize(
    ("outflow", "quantile"),
    [
        ({"normal": (2_200.0, 600.0)}, "normal"),
        ({"exponential": 900.0}, "exponential"),
        ([100.0, 2_100.0, 2_400.0, 2_950.0, 7_000.0], "samples"),
    ],
)
@pytest.mark.parametrize(
    "terms", [{}, {"impact": 0.004}, {"penalty_under": 0.01, "rebates": -0.03}]
)
def test_cont_kukanov_on_one_venue_beats_a_grid(
    outflow: Any, quantile: str, terms: dict[str, Any]
) -> None:
    even = (np.arange(20_000) + 0.5) / 20_000
    excess = {
        "exponential": -900.0 * np.log1p(-even) - 2_000.0,
        "normal": np.array([NormalDist(200.0, 600.0).inv_cdf(p) for p in even]),
        "samples": np.array([100.0, 2_100.0, 2_400.0, 2_950.0, 7_000.0]) - 2_000.0,
    }[quantile][:, None]
    terms = {"qty": 1_000.0, **PAPER_CK, "penalty_under": 0.045, **terms}
    placed = algo.cont_kukanov(queues=2_000.0, outflows=outflow, **terms)
    slack = {"samples": 1e-12, "exponential": 1e-4, "normal": 1e-4}[quantile]
    own = ck_cost(placed.market, placed.limits, excess, terms)
    assert placed.cost == pytest.approx(own, abs=slack)
    for market in np.linspace(0.0, 1_000.0, 11):
        for limit in np.linspace(0.0, 1_000.0, 11):
            other = ck_cost(market, np.array([limit]), excess, terms)
            assert placed.cost <= other + slack


@pytest.mark.parametrize(
    ("queues", "outflows", "terms"),
    [
        ([2_000, 2_000], [{"exponential": 2_200.0}, {"exponential": 2_200.0}], {}),
        ([2_000, 1_000], [{"exponential": 2_200.0}, {"exponential": 800.0}], {"impact": 0.002}),
        (
            [500, 300],
            [{"exponential": 900.0}, {"exponential": 300.0}],
            {"rebates": [0.002, -0.001]},
        ),
    ],
)
def test_cont_kukanov_on_two_venues_beats_a_grid(
    queues: list[float], outflows: list[dict[str, float]], terms: dict[str, Any]
) -> None:
    """Oracle: 250 x 250 even quantiles of two independent outflows, 9 x 9 x 9 placements."""
    even = (np.arange(250) + 0.5) / 250
    axes = [
        -flow["exponential"] * np.log1p(-even) - queue
        for flow, queue in zip(outflows, queues, strict=True)
    ]
    excess = np.stack([axis.ravel() for axis in np.meshgrid(*axes)], axis=1)
    terms = {"qty": 1_000.0, **PAPER_CK, "penalty_under": 0.045, **terms}
    placed = algo.cont_kukanov(queues=queues, outflows=outflows, **terms)
    assert placed.cost == pytest.approx(
        ck_cost(placed.market, placed.limits, excess, terms), abs=0.05
    )
    grid = np.linspace(0.0, 1_000.0, 9)
    for market in grid:
        for one in grid:
            for other in grid:
                cost = ck_cost(market, np.array([one, other]), excess, terms)
                assert placed.cost <= cost + 0.05


def test_cont_kukanov_on_samples_is_exact_and_as_good_as_any_corner() -> None:
    samples = [[0.0, 2_300.0, 2_600.0, 9_000.0], [900.0, 1_700.0, 4_000.0]]
    terms = {"qty": 1_000.0, **PAPER_CK, "penalty_under": 0.05}
    placed = algo.cont_kukanov(queues=[2_000, 1_500], outflows=samples, **terms)
    mesh = np.meshgrid(*samples)
    excess = np.stack([axis.ravel() for axis in mesh], axis=1) - np.array([2_000, 1_500])
    assert placed.cost == pytest.approx(ck_cost(placed.market, placed.limits, excess, terms))
    grid = np.arange(0.0, 1_001.0, 50.0)
    best = min(
        ck_cost(market, np.array([one, other]), excess, terms)
        for market in grid
        for one in grid
        for other in grid
    )
    assert placed.cost <= best + 1e-3


def test_more_venues_need_less_of_a_market_order_and_cost_less() -> None:
    def placed(venues: int) -> algo.Placement:
        return algo.cont_kukanov(
            1_000,
            queues=[2_000] * venues,
            outflows=[{"normal": (2_500.0, 400.0)}] * venues,
            **PAPER_CK,
            penalty_under=0.1,
        )

    one, two, five = placed(1), placed(2), placed(5)
    assert one.market > two.market >= five.market
    assert one.cost > two.cost > five.cost
    assert two.market + two.limits.sum() > 1_000.0


def test_where_nothing_flows_nothing_is_posted() -> None:
    for queues in ([100.0], [100.0, 50.0]):
        dead = [{"exponential": 0.0}, {"normal": (0.0, 0.0)}][: len(queues)]
        placed = algo.cont_kukanov(10, queues=queues, outflows=dead, **PAPER_CK, penalty_under=0.05)
        assert placed.market == pytest.approx(10.0)
        assert not np.any(placed.limits)
        assert placed.cost == pytest.approx(0.23)


def test_a_limit_that_surely_fills_is_posted_however_far_the_flow_goes() -> None:
    for mean in (1e4, 1e12, 1e300):
        placed = algo.cont_kukanov(
            100, queues=0, outflows={"normal": (mean, 1.0)}, **PAPER_CK, penalty_under=0.1
        )
        assert (placed.market, placed.limits.tolist()) == (0.0, [100.0])
        assert placed.cost == pytest.approx(-2.2, rel=1e-12)


# Avellaneda and Stoikov (2008), tables 1 to 3: 1,000 paths each.
@pytest.mark.parametrize(
    ("gamma", "leans", "spread", "profit", "profit_sd", "q_sd"),
    [
        (0.1, True, 1.49, 65.0, 6.6, 2.9),
        (0.1, False, 1.49, 68.4, 12.7, 8.4),
        (0.01, True, 1.35, 68.6, 8.7, 5.1),
        (0.01, False, 1.35, 68.8, 12.8, 8.7),
        (1.0, True, 3.02, 31.4, 5.0, 1.7),
        (1.0, False, 3.02, 44.0, 11.0, 5.1),
    ],
)
def test_avellaneda_stoikov_earns_what_the_paper_simulated(
    gamma: float, leans: bool, spread: float, profit: float, profit_sd: float, q_sd: float
) -> None:
    """As in the paper: dt 0.005, mid +- sigma sqrt(dt), a fill with probability A exp(-k delta) dt.

    The symmetric maker quotes the mean spread of the other around the mid. Tolerances are those of
    the paper's 1,000 paths (three standard errors; standard deviations a tenth).
    """
    rng, paths, dt = np.random.default_rng(2008), 10_000, 0.005
    mid, held, cash = np.full(paths, 100.0), np.zeros(paths), np.zeros(paths)
    spreads = []
    for step in range(200):
        quotes = algo.avellaneda_stoikov(
            mid, inventory=held, gamma=gamma, sigma=2.0, k=1.5, t_left=1.0 - step * dt
        )
        bid, ask = np.asarray(quotes.bid), np.asarray(quotes.ask)
        spreads.append(float(np.mean(ask - bid)))
        if not leans:
            bid, ask = mid - 0.5 * spread, mid + 0.5 * spread
        bought = rng.random(paths) < 140.0 * np.exp(-1.5 * (mid - bid)) * dt
        sold = rng.random(paths) < 140.0 * np.exp(-1.5 * (ask - mid)) * dt
        cash += sold * ask - bought * bid
        held += bought.astype(float) - sold
        mid += 2.0 * math.sqrt(dt) * rng.choice((-1.0, 1.0), paths)
    earned = cash + held * mid
    assert np.mean(spreads) == pytest.approx(spread, abs=0.015)
    assert earned.mean() == pytest.approx(profit, abs=3.0 * profit_sd / math.sqrt(1_000))
    assert earned.std() == pytest.approx(profit_sd, rel=0.1)
    assert held.std() == pytest.approx(q_sd, rel=0.1)


def test_avellaneda_stoikov_is_its_two_equations_and_their_limits() -> None:
    quotes = algo.avellaneda_stoikov(100.0, inventory=-3, gamma=0.1, sigma=2.0, k=1.5, t_left=0.25)
    middle, spread = 100.0 + 3 * 0.1 * 4.0 * 0.25, 0.1 * 4.0 * 0.25 + 20.0 * math.log(1 + 0.1 / 1.5)
    assert quotes.bid == pytest.approx(middle - 0.5 * spread, rel=1e-15)
    assert quotes.ask == pytest.approx(middle + 0.5 * spread, rel=1e-15)
    for gamma in (0.0, 1e-300, 1e-14):
        calm = algo.avellaneda_stoikov(
            np.float32(100.0), inventory=5, gamma=gamma, sigma=2.0, k=1.5, t_left=0.25
        )
        assert isinstance(calm.bid, float)
        assert (calm.bid, calm.ask) == pytest.approx((100 - 1 / 1.5, 100 + 1 / 1.5), rel=1e-12)


# Gueant, Lehalle and Fernandez-Tapia (2013), figures 1 to 5: ticks and seconds.
PAPER_GLFT = [
    {"sigma": 0.3, "a": 0.9, "k": 0.3, "gamma": 0.01},
    {"sigma": 0.4, "a": 0.9, "k": 0.3, "gamma": 0.01},
    {"sigma": 1.0, "a": 0.2, "k": 0.3, "gamma": 0.01},
]


def glft_matrix(q: int, *, sigma: float, a: float, k: float, gamma: float) -> Floats:
    eta = a * (1.0 + gamma / k) ** -(1.0 + k / gamma)
    diagonal = 0.5 * k * gamma * sigma**2 * np.arange(-q, q + 1.0) ** 2
    size = 2 * q + 1
    beside: Floats = np.eye(size, k=1) + np.eye(size, k=-1)
    return np.asarray(np.diag(diagonal) - eta * beside, dtype=np.float64)


@pytest.mark.parametrize("terms", PAPER_GLFT)
@pytest.mark.parametrize("q", [1, 5, 30])
def test_glft_is_the_eigenvector_of_the_paper(terms: dict[str, float], q: int) -> None:
    offsets = algo.glft(**terms, max_inventory=q)
    _, vectors = np.linalg.eigh(glft_matrix(q, **terms))
    f = np.abs(vectors[:, 0])
    edge = math.log(1.0 + terms["gamma"] / terms["k"]) / terms["gamma"]
    near = np.flatnonzero(f[:-1] * f[1:] > 1e-12)
    bid = np.log(f[:-1] / f[1:]) / terms["k"] + edge
    np.testing.assert_allclose(offsets.bid[near], bid[near], rtol=1e-6)
    assert np.isnan(offsets.bid[-1])
    assert np.isnan(offsets.ask[0])
    assert np.count_nonzero(np.isnan(offsets.bid)) == 1
    np.testing.assert_array_equal(offsets.ask, offsets.bid[::-1])


@pytest.mark.parametrize("terms", PAPER_GLFT)
def test_glft_is_where_the_equation_in_time_settles(terms: dict[str, float]) -> None:
    """v' = M v backwards from v(T) = 1 by Runge and Kutta, scaled as it goes."""
    q, edge = 10, math.log(1.0 + terms["gamma"] / terms["k"]) / terms["gamma"]
    matrix, v, dt = glft_matrix(q, **terms), np.ones(21), 0.2
    for _ in range(20_000):
        k1 = -matrix @ v
        k2 = -matrix @ (v + 0.5 * dt * k1)
        k3 = -matrix @ (v + 0.5 * dt * k2)
        k4 = -matrix @ (v + dt * k3)
        v = v + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        v /= v.max()
    offsets = algo.glft(**terms, max_inventory=q)
    np.testing.assert_allclose(
        offsets.bid[:-1], np.log(v[:-1] / v[1:]) / terms["k"] + edge, rtol=1e-7
    )


@pytest.mark.parametrize("terms", PAPER_GLFT)
def test_glft_is_near_the_closed_form_of_the_paper_for_small_inventory(
    terms: dict[str, float],
) -> None:
    """The approximation of section 4: "very good for small values of the inventory"."""
    sigma, a, k, gamma = (terms[name] for name in ("sigma", "a", "k", "gamma"))
    offsets = algo.glft(**terms, max_inventory=30)
    slope = math.sqrt(sigma**2 * gamma / (2 * k * a) * (1 + gamma / k) ** (1 + k / gamma))
    edge = math.log(1.0 + gamma / k) / gamma
    for q in range(-3, 4):
        assert offsets.bid[30 + q] == pytest.approx(edge + (2 * q + 1) / 2 * slope, rel=0.02)
        assert offsets.ask[30 + q] == pytest.approx(edge - (2 * q - 1) / 2 * slope, rel=0.02)


@pytest.mark.parametrize("sigma", [0.0, 1e-6, 0.3, 50.0, 1e6])
@pytest.mark.parametrize("q", [1, 40, 1_000])
def test_glft_holds_in_every_row_of_its_matrix(sigma: float, q: int) -> None:
    """alpha / eta q^2 - f_q+1 / f_q - f_q-1 / f_q is one number for all q, also where f is 1e-300."""
    k, gamma, a = 0.3, 0.01, 0.9
    offsets = algo.glft(sigma=sigma, a=a, k=k, gamma=gamma, max_inventory=q)
    eta = a * (1.0 + gamma / k) ** -(1.0 + k / gamma)
    curve = 0.5 * k * gamma * sigma**2 / eta
    up = np.exp(-k * (offsets.bid[:-1] - math.log1p(gamma / k) / gamma))
    down = np.exp(-k * (offsets.ask[1:] - math.log1p(gamma / k) / gamma))
    beside = np.append(up, 0.0) + np.insert(down, 0, 0.0)
    value = curve * np.arange(-q, q + 1.0) ** 2 - beside
    np.testing.assert_allclose(value, value[q], rtol=0, atol=1e-9 * max(1.0, beside.max()))


def test_glft_without_risk_aversion_leans_only_on_its_bound() -> None:
    offsets = algo.glft(sigma=0.3, a=0.9, k=0.3, gamma=0.0, max_inventory=4)
    f = np.cos(np.pi * np.arange(-4, 5) / 10.0)
    np.testing.assert_allclose(offsets.bid[:-1], 1 / 0.3 + np.log(f[:-1] / f[1:]) / 0.3, rtol=1e-9)
    nearly = algo.glft(sigma=0.3, a=0.9, k=0.3, gamma=1e-12, max_inventory=4)
    np.testing.assert_allclose(nearly.bid[:-1], offsets.bid[:-1], rtol=1e-9)


@given(st.integers(0, 2**63 - 1), st.integers(1, 500))
def test_twap_slices_are_whole_even_and_sum_to_the_order(lots: int, n: int) -> None:
    slices = algo.twap_slices(lots, n=n)
    assert len(slices) == n
    assert sum(slices) == lots
    assert max(slices) - min(slices) <= 1


def test_twap_slices_are_those_of_the_engine() -> None:
    assert algo.twap_slices(10, n=3) == [3, 3, 4]
    assert algo.twap_slices(2, n=4) == [0, 1, 0, 1]
    assert algo.twap_slices(0, n=2) == [0, 0]
    assert algo.twap_slices(7, n=1) == [7]


def test_pov_target_says_whose_volume_the_rate_is_of() -> None:
    assert algo.pov_target(900.0, rate=0.1, include_own=True) == pytest.approx(100.0)
    assert algo.pov_target(900.0, rate=0.1, include_own=False) == pytest.approx(90.0)
    assert algo.pov_target(900.0, rate=1.0, include_own=False) == 900.0
    assert algo.pov_target(900.0, rate=0.0, include_own=True) == 0.0
    own = algo.pov_target(np.array([0.0, 75.0]), rate=0.25, include_own=True)
    np.testing.assert_allclose(own, [0.0, 25.0])


AC: dict[str, Any] = {**PAPER_AC, "qty": 1.0, "risk_aversion": 1e-6}
CK: dict[str, Any] = {
    **PAPER_CK,
    "qty": 10,
    "queues": [5.0],
    "outflows": [{"exponential": 3.0}],
    "penalty_under": 0.05,
}
AS: dict[str, Any] = {
    "mid": 1.0,
    "inventory": 0,
    "gamma": 0.1,
    "sigma": 1.0,
    "k": 1.0,
    "t_left": 1.0,
}
GLFT: dict[str, Any] = {**PAPER_GLFT[0], "max_inventory": 5}
OW: dict[str, Any] = {"qty": 1.0, "horizon": 1.0, "resilience": 1.0, "depth": 1.0}
CJ: dict[str, Any] = {
    "qty": 1.0,
    "horizon": 1.0,
    "k": 1.0,
    "permanent": 0.0,
    "alpha": 1.0,
    "phi": 1.0,
}
POWER: dict[str, Any] = {"qty": 1.0, "sigma": 1.0, "eta": 1.0, "k": 0.6, "risk_aversion": 1.0}


@pytest.mark.parametrize(
    ("model", "good", "wrong", "said"),
    [
        (algo.almgren_chriss, AC, {"n": 0}, "n = 0"),
        (algo.almgren_chriss, AC, {"n": 2.0}, r"n = 2\.0"),
        (algo.almgren_chriss, AC, {"n": True}, "n = True"),
        (algo.almgren_chriss, AC, {"horizon": 0}, "horizon = 0"),
        (algo.almgren_chriss, AC, {"sigma": -1}, "at least 0"),
        (algo.almgren_chriss, AC, {"qty": math.nan}, "qty = nan"),
        (algo.almgren_chriss, AC, {"qty": "1e6"}, "qty = '1e6'"),
        (algo.almgren_chriss, AC, {"qty": [1.0, 2.0]}, "one number"),
        (algo.almgren_chriss, AC, {"risk_aversion": -1e-9}, "risk_aversion = -1e-09"),
        (algo.almgren_chriss, AC, {"eta": 1e-7}, "gamma tau / 2 = 1.25e-07"),
        (algo.almgren_chriss, AC, {"qty": 1e200}, "beyond the range"),
        (algo.almgren_power, POWER, {"qty": 0.0}, "qty = 0"),
        (algo.almgren_power, POWER, {"risk_aversion": 0.0}, "above 0"),
        (algo.almgren_power, POWER, {"k": 0}, "k = 0"),
        (
            algo.almgren_power,
            POWER,
            {"k": 1e-6, "risk_aversion": 1e-300, "eta": 1e300},
            "time_scale",
        ),
        (algo.obizhaeva_wang, OW, {"depth": 0}, "depth = 0"),
        (algo.obizhaeva_wang, OW, {"resilience": -1}, "resilience = -1"),
        (algo.obizhaeva_wang, OW, {"n": 0}, "n = 0"),
        (algo.obizhaeva_wang, OW, {"qty": 1e200}, "beyond the range"),
        (algo.almgren_power, POWER, {"sigma": 1e200, "eta": 1e-300}, "time_scale"),
        (algo.cartea_jaimungal, CJ, {"k": 0}, "k = 0"),
        (algo.cartea_jaimungal, CJ, {"alpha": 1e300, "phi": 0.0, "horizon": 1e200}, "beyond"),
        (algo.cartea_jaimungal, CJ, {"phi": -1}, "phi = -1"),
        (algo.cartea_jaimungal, CJ, {"permanent": 10.0, "phi": 0.0}, "permanent / 2 = 5"),
        (algo.cont_kukanov, CK, {"qty": 0}, "qty = 0"),
        (algo.cont_kukanov, CK, {"queues": []}, "shape"),
        (algo.cont_kukanov, CK, {"queues": [1.0] * 9}, "1 to 8 venues"),
        (algo.cont_kukanov, CK, {"outflows": []}, "0 entries for 1 venues"),
        (algo.cont_kukanov, CK, {"outflows": "many"}, "outflows = 'many'"),
        (algo.cont_kukanov, CK, {"outflows": [{"poisson": 3.0}]}, "poisson"),
        (algo.cont_kukanov, CK, {"outflows": [{"normal": 3.0}]}, "normal"),
        (algo.cont_kukanov, CK, {"outflows": [{"exponential": -1.0}]}, "exponential = -1"),
        (algo.cont_kukanov, CK, {"outflows": [[]]}, "empty"),
        (algo.cont_kukanov, CK, {"rebates": [0.0, 0.0]}, "rebates has shape"),
        (algo.cont_kukanov, CK, {"penalty_over": 0.021}, "0.022"),
        (algo.avellaneda_stoikov, AS, {"k": 0}, "k = 0"),
        (algo.avellaneda_stoikov, AS, {"t_left": -0.1}, "t_left = -0.1"),
        (algo.avellaneda_stoikov, AS, {"mid": np.ones(2), "inventory": np.ones(3)}, "broadcast"),
        (algo.glft, GLFT, {"max_inventory": 0}, "max_inventory = 0"),
        (algo.glft, GLFT, {"a": 0}, "a = 0"),
        (algo.glft, GLFT, {"sigma": 1e200}, "beyond the range"),
        (algo.glft, GLFT, {"gamma": 1e300, "k": 1e-300}, "gamma_over_k"),
        (algo.avellaneda_stoikov, AS, {"inventory": 1e308, "gamma": 1e308}, "beyond the range"),
        (algo.twap_slices, {"lots": 5, "n": 2}, {"lots": 5.0}, r"lots = 5\.0"),
        (algo.twap_slices, {"lots": 5, "n": 2}, {"lots": -1}, "lots = -1"),
        (
            algo.pov_target,
            {"others_volume": 1, "rate": 0.5, "include_own": True},
            {"rate": 1},
            "below 1",
        ),
        (
            algo.pov_target,
            {"others_volume": 1, "rate": 0.5, "include_own": True},
            {"include_own": 1},
            "bool",
        ),
    ],
)
def test_a_number_out_of_range_is_refused_by_name(
    model: Callable[..., Any], good: dict[str, Any], wrong: dict[str, Any], said: str
) -> None:
    model(**good)
    with pytest.raises(tr.InputError, match=said) as refused:
        model(**(good | wrong))
    assert refused.value.rule
    assert refused.value.remedy


def test_a_time_outside_the_schedule_is_refused() -> None:
    with pytest.raises(tr.InputError, match=r"at most 1"):
        algo.cartea_jaimungal(**CJ).trajectory(1.5)
    with pytest.raises(tr.InputError, match=r"at least 0"):
        algo.almgren_power(**POWER).trajectory([-1.0])


def test_the_names_are_sorted_and_there() -> None:
    assert list(algo.__all__) == sorted(algo.__all__)
    assert all(hasattr(algo, name) for name in algo.__all__)
    assert tr.algo is algo
