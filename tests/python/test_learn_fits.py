"""Fits recover what made the data, their intervals cover at their rate, and a seed is a result."""

import math

import numpy as np
import pytest

import tiderace as tr
from tiderace._learn.intervals import resampled

# Repetitions of a coverage test, and how far 95 % may be missed by (four deviations of the count).
ROUNDS = 200
NEAR = 4 * math.sqrt(0.95 * 0.05 / ROUNDS)
U_SHAPE = np.array([9.0, 5.0, 3.0, 2.0, 2.0, 3.0, 6.0, 10.0]) / 40.0


def covers(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


def days(
    random: np.random.Generator, count: int, shape: np.ndarray, noise: float = 0.3
) -> np.ndarray:
    """Days of lognormal noise about a shape, each of its own size."""
    return (
        shape
        * random.lognormal(-noise * noise / 2, noise, (count, len(shape)))
        * random.lognormal(0.0, 1.0, (count, 1))
    )


# Volume


def test_a_curve_sums_to_its_total_and_nears_the_shape_that_made_it() -> None:
    found = tr.learn.volume_curve(days(np.random.default_rng(1), 250, U_SHAPE))
    assert sum(found.curve) == found.total == 1_000_000_000
    assert np.abs(np.array(found.curve) / 1e9 - U_SHAPE).max() < 0.01
    assert found.kept > 0.98


@pytest.mark.parametrize("total", [1, 7, 100, 2**62])
def test_a_curve_sums_to_any_total(total: int) -> None:
    found = tr.learn.volume_curve(days(np.random.default_rng(2), 5, U_SHAPE), total=total)
    assert sum(found.curve) == total
    assert min(found.curve) >= 0


def test_shrinkage_flattens_noise_and_lets_a_shape_stand() -> None:
    random = np.random.default_rng(3)
    flat = tr.learn.volume_curve(days(random, 4, np.full(24, 1 / 24), noise=0.8))
    plain = np.array(days(np.random.default_rng(3), 4, np.full(24, 1 / 24), noise=0.8))
    plain = (plain / plain.sum(axis=1, keepdims=True)).mean(axis=0)
    error = np.abs(np.array(flat.curve) / 1e9 - 1 / 24).sum()
    assert flat.kept < 0.6
    assert error < 0.7 * np.abs(plain - 1 / 24).sum()


def test_shrinkage_lowers_the_error_of_few_days() -> None:
    """Mean squared error over many histories of three days: shrunk against the plain mean."""
    random, shrunk, plain = np.random.default_rng(4), 0.0, 0.0
    shape = np.full(24, 1 / 24) * np.linspace(0.9, 1.1, 24)
    shape /= shape.sum()
    for _ in range(100):
        volumes = days(random, 3, shape, noise=0.5)
        mean = (volumes / volumes.sum(axis=1, keepdims=True)).mean(axis=0)
        curve = np.array(tr.learn.volume_curve(volumes, draws=20).curve) / 1e9
        shrunk += ((curve - shape) ** 2).sum()
        plain += ((mean - shape) ** 2).sum()
    assert shrunk < 0.6 * plain


def test_intervals_of_a_curve_cover_at_their_rate() -> None:
    """30 days each of a known shape: the 95 % interval of a share holds it in about 95 % of histories."""
    random, hits, count = np.random.default_rng(5), 0, 0
    made = days(random, 20_000, U_SHAPE)
    truth = (made / made.sum(axis=1, keepdims=True)).mean(axis=0)
    for seed in range(ROUNDS):
        found = tr.learn.volume_curve(days(random, 30, U_SHAPE), draws=200, seed=seed)
        assert found.low is not None
        assert found.high is not None
        bounds = zip(found.low, found.high, truth * found.total, strict=True)
        hits += sum(low <= share <= high for low, high, share in bounds)
        count += len(truth)
    print(f"seed 5: {hits / count:.3f} of {count}")
    assert 0.90 < hits / count < 0.98


def test_one_day_needs_the_sizes_of_its_trades_and_is_shrunk_by_them() -> None:
    random = np.random.default_rng(6)
    sizes = random.exponential(1.0, 48)
    times = random.integers(0, 24 * 3_600_000_000_000, 48)
    one = tr.learn.volume_buckets(times, sizes, buckets=24)
    assert one.shape == (1, 24)
    with pytest.raises(tr.InputError, match=r"one day, without trade_sizes.*more days"):
        tr.learn.volume_curve(one)
    found = tr.learn.volume_curve(one, trade_sizes=sizes)
    assert found.kept < 0.7
    assert found.low is None


def test_volume_goes_to_its_day_and_bucket() -> None:
    hour = 3_600_000_000_000
    times = [0, hour - 1, hour, 25 * hour, 49 * hour - 1, -1]
    found = tr.learn.volume_buckets(times, [1, 2, 4, 8, 16, 32], buckets=24)
    assert found.sum() == 63
    assert found.shape == (4, 24)
    assert (found[0, 23], found[1, 0], found[1, 1], found[2, 1], found[3, 0]) == (32, 3, 4, 8, 16)
    assert tr.learn.volume_buckets([10**18], [1], buckets=1_440).sum() == 1


@pytest.mark.parametrize(
    ("volumes", "message"),
    [
        ([[1.0, 2.0], [0.0, 0.0]], "every day traded"),
        ([1.0, 2.0], "every day traded"),
        ([[1.0, -1.0]], "at least 0"),
    ],
)
def test_volumes_that_are_none_are_refused(volumes: list, message: str) -> None:
    with pytest.raises(tr.InputError, match=message):
        tr.learn.volume_curve(volumes)


# Impact


def orders(random: np.random.Generator, count: int, noise: float = 1.0) -> tuple[np.ndarray, ...]:
    """Orders under the law 0.9 sigma share^0.6, with the noise of their price."""
    share, sigma = random.lognormal(-3.0, 1.0, count), random.lognormal(-4.0, 0.3, count)
    return share, sigma, sigma * (0.9 * share**0.6 + noise * random.standard_normal(count) * 0.2)


def test_impact_is_recovered_from_orders_half_of_which_gained() -> None:
    share, sigma, cost = orders(np.random.default_rng(7), 40_000)
    found = tr.learn.fit_impact(share, sigma, cost, draws=200)
    assert (cost < 0).mean() > 0.2
    assert found.left_out == 0
    assert abs(found.coefficient - 0.9) < 0.02
    assert abs(found.exponent - 0.6) < 0.02
    biased = tr.model.fit_power_law(share, sigma, cost)
    assert abs(biased.exponent - 0.6) > 5 * abs(found.exponent - 0.6), (
        "orders that gained were left out there"
    )
    assert found.cost(0.25, 0.02) == pytest.approx(found.coefficient * 0.02 * 0.25**found.exponent)


def test_intervals_of_impact_cover_at_their_rate() -> None:
    """300 noisy orders at a time: coefficient and exponent each, 200 samples."""
    random, hits = np.random.default_rng(8), np.zeros(2)
    for seed in range(ROUNDS):
        found = tr.learn.fit_impact(*orders(random, 300), draws=300, seed=seed)
        hits += covers(found.coefficient_interval, 0.9), covers(found.exponent_interval, 0.6)
    print(
        f"seed 8: coefficient {hits[0] / ROUNDS:.3f}, exponent {hits[1] / ROUNDS:.3f} of {ROUNDS}"
    )
    assert np.all(np.abs(hits / ROUNDS - 0.95) < NEAR)


def test_orders_of_one_group_are_drawn_together() -> None:
    random = np.random.default_rng(9)
    share, sigma, cost = orders(random, 60)
    many = tuple(np.repeat(column, 25) for column in (share, sigma, cost))
    alone = tr.learn.fit_impact(share, sigma, cost)
    grouped = tr.learn.fit_impact(*many, groups=np.repeat(np.arange(60), 25))
    naive = tr.learn.fit_impact(*many)
    widths = [np.diff(found.exponent_interval)[0] for found in (alone, grouped, naive)]
    assert widths[1] == pytest.approx(widths[0], rel=1e-6)
    assert widths[2] < widths[0] / 3


def sizes_in_one_market(random: np.random.Generator, groups: int) -> tuple[np.ndarray, ...]:
    """Four sizes in each market; its drift, many times the impact, is in the cost of all four."""
    share = np.tile([0.01, 0.04, 0.1, 0.3], groups) * random.lognormal(0.0, 0.1, 4 * groups)
    drift = np.repeat(random.standard_normal(groups), 4)
    cost = 0.01 * (0.9 * share**0.6 + drift + 0.05 * random.standard_normal(4 * groups))
    return share, np.full(4 * groups, 0.01), cost, np.repeat(np.arange(groups), 4)


def test_orders_in_one_market_are_compared_with_each_other() -> None:
    """What a market did to all sizes alike is noise to a plain fit, and nothing to a paired one."""
    share, sigma, cost, group = sizes_in_one_market(np.random.default_rng(19), 300)
    plain = tr.learn.fit_impact(share, sigma, cost, groups=group)
    paired = tr.learn.fit_impact(share, sigma, cost, groups=group, paired=True)
    assert abs(paired.exponent - 0.6) < 0.06
    assert abs(paired.coefficient - 0.9) < 0.06
    assert np.diff(paired.exponent_interval)[0] < np.diff(plain.exponent_interval)[0] / 3


def test_intervals_of_paired_impact_cover_at_their_rate() -> None:
    random, hits = np.random.default_rng(20), np.zeros(2)
    for seed in range(ROUNDS):
        share, sigma, cost, group = sizes_in_one_market(random, 100)
        found = tr.learn.fit_impact(
            share, sigma, cost, groups=group, paired=True, draws=300, seed=seed
        )
        hits += covers(found.coefficient_interval, 0.9), covers(found.exponent_interval, 0.6)
    print(
        f"seed 20: coefficient {hits[0] / ROUNDS:.3f}, exponent {hits[1] / ROUNDS:.3f} of {ROUNDS}"
    )
    assert np.all(np.abs(hits / ROUNDS - 0.95) < NEAR)


def test_without_noise_the_law_is_exact() -> None:
    share = np.geomspace(0.001, 1.0, 50)
    found = tr.learn.fit_impact(share, np.full(50, 0.01), 0.01 * 0.7 * share**0.5)
    assert found.exponent == pytest.approx(0.5, abs=2e-3)
    assert found.coefficient == pytest.approx(0.7, rel=5e-3)
    assert found.r_squared > 0.9999


def test_impact_needs_orders_of_two_sizes() -> None:
    with pytest.raises(tr.InputError, match="two sizes"):
        tr.learn.fit_impact([0.1, 0.1], [0.01, 0.01], [0.001, 0.002])
    with pytest.raises(tr.InputError, match="one length"):
        tr.learn.fit_impact([0.1, 0.2], [0.01], [0.001, 0.002])


# Fills

BETA = np.array([0.3, -0.8, -0.5, 0.0, 0.6, 0.0])


def posted(
    random: np.random.Generator, groups: int, beta: np.ndarray = BETA
) -> tr.learn.FillObservations:
    """Orders whose rate of fills is known, watched for 5 s or canceled before; four at a moment."""
    n = 4 * groups
    ahead, distance = random.exponential(2.0, n), random.integers(0, 6, n).astype(float)
    imbalance = np.repeat(random.uniform(-1, 1, groups), 4)
    unit = np.median(ahead)
    log_rate = (
        beta[0]
        + beta[1] * np.log1p(ahead / unit)
        + beta[2] * np.log1p(distance)
        + beta[4] * imbalance
    )
    fill, cancel = (
        random.exponential(np.exp(-log_rate)),
        np.minimum(random.exponential(8.0, n), 5.0),
    )
    return tr.learn.FillObservations(
        ahead=ahead,
        distance=distance,
        spread=np.ones(n),
        imbalance=imbalance,
        waited_s=np.minimum(fill, cancel),
        filled=fill <= cancel,
        group=np.repeat(np.arange(groups), 4),
    )


def test_the_hazard_of_fills_is_recovered_through_cancels() -> None:
    found = tr.learn.fit_fills(posted(np.random.default_rng(10), 8_000))
    names = ("intercept", "log_ahead", "log_distance", "imbalance")
    for name, truth in zip(names, BETA[[0, 1, 2, 4]], strict=True):
        assert abs(found.terms[name].value - truth) < 0.08, name
    assert abs(found.terms["log_time"].value) < 0.1
    assert found.terms["log_spread"].value == 0.0, "it never varied"


def test_a_probability_is_that_of_the_hazard() -> None:
    found = tr.learn.fit_fills(posted(np.random.default_rng(11), 8_000))
    for ahead, distance, seconds in ((0.0, 0, 1.0), (found.unit, 0, 2.0), (3 * found.unit, 4, 5.0)):
        rate = math.exp(
            BETA[0] + BETA[1] * math.log1p(ahead / found.unit) + BETA[2] * math.log1p(distance)
        )
        chance = found.probability(
            ahead=ahead, distance=distance, within_s=min(seconds, found.horizon_s)
        )
        assert chance.value == pytest.approx(1 - math.exp(-rate * seconds), abs=0.03)
        assert 0 <= chance.low <= chance.value <= chance.high <= 1
    far = found.probability(ahead=100 * found.unit, distance=0, within_s=1.0)
    near = found.probability(ahead=0.0, distance=0, within_s=1.0)
    assert far.value < near.value


def test_intervals_of_the_hazard_cover_at_their_rate() -> None:
    """600 orders at a time, 200 samples; the term of queue ahead, of distance, and of imbalance."""
    random, hits = np.random.default_rng(12), np.zeros(3)
    for _ in range(ROUNDS):
        terms = tr.learn.fit_fills(posted(random, 150)).terms
        rows = (("log_ahead", BETA[1]), ("log_distance", BETA[2]), ("imbalance", BETA[4]))
        hits += [covers((terms[name].low, terms[name].high), truth) for name, truth in rows]
    print(f"seed 12: {hits / ROUNDS} of {ROUNDS}")
    assert np.all(np.abs(hits / ROUNDS - 0.95) < NEAR)


def test_fills_need_some_of_both_kinds() -> None:
    some = posted(np.random.default_rng(13), 20)
    for filled in (np.zeros(80, bool), np.ones(80, bool)):
        changed = {name: getattr(some, name) for name in some.__struct_fields__} | {
            "filled": filled
        }
        with pytest.raises(tr.InputError, match="fills of 80 orders"):
            tr.learn.fit_fills(tr.learn.FillObservations(**changed))


# Bootstrap


def test_a_comparison_says_better_worse_or_even_at_its_rate() -> None:
    """Pairs whose true difference is zero are called even in about 95 % of samples."""
    random, verdicts = np.random.default_rng(14), []
    for seed in range(ROUNDS):
        base = random.standard_normal(100) * 5
        found = tr.learn.compare(
            base + random.standard_normal(100), baseline=base, seed=seed, draws=300
        )
        verdicts.append(found.verdict)
    print(f"seed 14: even {verdicts.count('even') / ROUNDS:.3f} of {ROUNDS}")
    assert abs(verdicts.count("even") / ROUNDS - 0.95) < NEAR
    assert (
        tr.learn.compare(base + 2 + random.standard_normal(100), baseline=base).verdict == "worse"
    )
    better = tr.learn.compare(base - 2 + random.standard_normal(100), baseline=base)
    assert (better.verdict, better.difference.n) == ("better", 100)
    assert better.wins > 0.9


def test_a_ratio_of_variances_has_an_interval() -> None:
    random = np.random.default_rng(15)
    base = random.standard_normal(400)
    found = tr.learn.compare(base * 1.5, baseline=base).variance_ratio
    assert found.value == pytest.approx(2.25)
    other = tr.learn.compare(random.standard_normal(400) * 1.5, baseline=base).variance_ratio
    assert other.low < 2.25 < other.high


def test_a_mean_of_seed_and_values_is_one_result() -> None:
    values = np.random.default_rng(16).standard_normal(50)
    assert tr.learn.mean(values, seed=1) == tr.learn.mean(values, seed=1)
    assert tr.learn.mean(values, seed=1) != tr.learn.mean(values, seed=2)
    orders_ = orders(np.random.default_rng(17), 200)
    assert tr.learn.fit_impact(*orders_, seed=3) == tr.learn.fit_impact(*orders_, seed=3)
    volumes = days(np.random.default_rng(18), 10, U_SHAPE)
    assert tr.learn.volume_curve(volumes, seed=4) == tr.learn.volume_curve(volumes, seed=4)


def test_what_cannot_be_resampled_is_refused() -> None:
    with pytest.raises(tr.InputError, match="Give more sessions"):
        tr.learn.mean([1.0])
    with pytest.raises(tr.InputError, match="fewer draws"):
        resampled(10_000_000, draws=1_000, seed=0)
    with pytest.raises(tr.InputError, match="same seeds"):
        tr.learn.compare([1.0, 2.0], baseline=[1.0])
