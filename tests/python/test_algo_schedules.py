"""TWAP, VWAP, POV, implementation shortfall, target close, iceberg and peg in a small world (`algo_world`).

Each life is lived on all three machines, and every call compared: asks, fuel, state.
"""

import itertools
import os
import random
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from algo_market import SECOND, START, Venue
from algo_world import Life, World, lived

import tiderace as tr

FOLDER = Path(__file__).resolve().parents[2] / "python" / "tiderace" / "algo"
SEEDS = 200 if os.environ.get("TIDERACE_FULL") == "1" else 20
FEW = SEEDS // 4
ONE = 1_000_000_000
ORDER = 4_000_000
SCHEDULES = ["twap", "vwap", "shortfall", "close"]
PATIENT = ["pov", "iceberg", "peg"]
EVERY = SCHEDULES + PATIENT
JITTERED = {"slices": 12, "size_jitter": ONE // 5, "time_jitter": ONE // 5}
PARAMS: dict[str, dict[str, Any]] = {
    "twap": JITTERED | {"passive_share": ONE // 4},
    "vwap": JITTERED | {"passive_share": ONE // 4},
    "shortfall": JITTERED | {"passive_share": ONE // 4},
    "close": JITTERED | {"passive_share": ONE // 4},
    "pov": {"rate": ONE // 5, "rate_min": ONE // 8, "rate_max": ONE // 4},
    "iceberg": {"refresh_max": SECOND, "stay": 5 * SECOND},
    "peg": {"dwell_max": SECOND},
}


@cache
def program(name: str) -> Any:
    return tr.program.load(FOLDER / f"{name}.py")


def live(name: str, *, seed: int, params: dict[str, Any] | None = None, **words: Any) -> Life:
    """One life; whatever the seed, it keeps to the contract."""
    given = PARAMS[name] | (params or {})
    words = {
        "order_qty": ORDER,
        "duration": 60 * SECOND,
        "side": "sell" if seed % 2 else "buy",
    } | words
    world = World(program(name), seed=seed, params=given, **words)
    life = lived(program(name), seed=seed, params=given, **words)
    assert not life.status.startswith("stopped"), (seed, life.status)
    assert not [row for row in life.refused if row[1] == "dust"], (seed, life.refused[:5])
    assert 0 <= life.filled <= words["order_qty"]
    assert all(own <= words["order_qty"] for _, own, _ in life.shares)
    sign = 1 if world.is_buy else -1
    assert all(is_buy == world.is_buy for _, _, _, is_buy, _, _ in life.fills)
    assert all(sign * price <= sign * world._limit(v) for _, _, v, _, price, _ in life.fills)
    lots = [venue.lot for venue in world.venues]
    assert life.filled == sum(qty * lots[v] for _, _, v, _, _, qty in life.fills)
    return life


def asked_by_slice(life: Life) -> list[tuple[int, int]]:
    """What was asked for from each step on: number of the slice, exposure."""
    rows: list[tuple[int, int]] = []
    for _, name, args in life.asked:
        if name == "step":
            rows.append((args[0], 0))
        elif name in ("take", "post"):
            rows[-1] = (rows[-1][0], rows[-1][1] + args[0])
    return rows


# All of them


@pytest.mark.parametrize("name", EVERY)
def test_each_keeps_its_contract_on_every_seed_and_ends_in_time(name: str) -> None:
    """Sides, books, delays, drifts, clips, pauses, venues that refuse to cancel: no dust, no trap, none beyond a limit."""
    ends = Counter()
    for seed in range(SEEDS):
        books = [Venue(), Venue(lot=100_000, least=1, depth=20)][: 1 + seed % 2]
        life = live(
            name,
            seed=seed,
            venues=books,
            latency=(0, 5_000_000, SECOND)[seed % 3],
            drift=(-1, 0, 1)[seed % 3],
            limit=(3, 20, 300)[seed // 3 % 3],
            clip=(None, 200_000)[seed // 2 % 2],
            pause=(20 * SECOND, 33 * SECOND) if seed % 4 == 0 else None,
            refuses_cancels=seed % 5 == 0,
            shows_own=seed % 7 == 0,
            max_participation=0.3 if seed % 6 == 0 else None,
            duration=300 * SECOND if name in PATIENT else 60 * SECOND,
            step=2 * SECOND,
        )
        ends[life.status] += 1
    assert set(ends) <= {"completed", "expired"}


@pytest.mark.parametrize("name", EVERY)
def test_each_completes_where_the_market_lets_it(name: str) -> None:
    duration = 1200 * SECOND if name in PATIENT else 60 * SECOND
    for seed in range(SEEDS):
        life = live(name, seed=seed, venues=2, duration=duration)
        assert (life.status, life.left) == ("completed", life.left)
        assert life.left < 10_000


@pytest.mark.parametrize("name", EVERY)
def test_each_takes_the_rest_at_the_end_where_told_to(name: str) -> None:
    for seed in range(FEW):
        assert live(name, seed=seed, at_end="take", duration=20 * SECOND).status == "completed"


@pytest.mark.parametrize("name", EVERY)
def test_the_state_is_small_and_a_call_is_cheap(name: str) -> None:
    life = live(name, seed=1, venues=2)
    assert len(program(name).new_state()) <= 96
    assert max(life.fuel().values()) < 5_000
    assert all(len(asks) <= 5 for *_, asks in life.calls)


@pytest.mark.parametrize("name", EVERY)
def test_no_parameter_within_its_range_traps(name: str) -> None:
    """Every parameter at its least, at its most or in between; orders and times of every size."""
    for seed in range(SEEDS):
        dice = random.Random(seed)
        given = {}
        duration = dice.choice((1, 100, SECOND // 10, SECOND))
        for each in program(name).params:
            low, high = each.minimum, each.maximum
            if each.name == "slices" and duration > 100:
                high = 60
            if high is not None and each.unit == "ns" and duration == SECOND:
                low = max(low, SECOND // 100)
            if high is None or each.name == "venue" or dice.random() < 0.4:
                continue
            if isinstance(low, float):
                given[each.name] = dice.choice((low, high, dice.uniform(low, high)))
            else:
                given[each.name] = dice.choice(
                    (low, high, dice.randint(low, min(high, low + dice.choice((9, high)))))
                )
        if "curve" in [each.name for each in program(name).params] and dice.random() < 0.5:
            given["curve"] = [dice.randint(0, 10**9) for _ in range(96)]
        lot = dice.choice((1, 1_000, 10**18))
        life = lived(
            program(name),
            seed=seed,
            params=given,
            order_qty=dice.choice((100, 4_001, 10**6)) * lot,
            duration=duration,
            step=SECOND // 50,
            venues=[Venue(lot=lot, least=dice.choice((1, 10, 100)))],
            clip=None,
            refuses_cancels=dice.random() < 0.2,
        )
        assert life.status in ("completed", "expired"), (seed, given, life.status)
        assert not [row for row in life.refused if row[1] == "dust"], (seed, given)


@pytest.mark.parametrize("name", EVERY)
def test_sizes_and_times_differ_from_seed_to_seed(name: str) -> None:
    """One world, other draws: no two children alike in time and size, nor an even beat."""
    seen = Counter()
    for seed in range(4):
        life = live(
            name, seed=seed, side="buy", duration=600 * SECOND if name in PATIENT else 60 * SECOND
        )
        seen.update((ts, child.left) for ts, child, _ in life.sent)
        gaps = [b[0] - a[0] for a, b in itertools.pairwise(life.sent) if b[0] > a[0]]
        assert len(set(gaps)) > len(gaps) // 2
    assert max(seen.values()) == 1


@pytest.mark.parametrize("name", EVERY)
def test_the_desk_holds_each_to_its_participation(name: str) -> None:
    for seed in range(FEW):
        life = live(name, seed=seed, max_participation=0.2, duration=300 * SECOND)
        assert all(own <= 0.25 * others + 1 for _, own, others in life.shares)


# Slices


@pytest.mark.parametrize("name", SCHEDULES)
def test_slices_come_in_their_own_interval_and_end_with_the_order(name: str) -> None:
    for seed in range(FEW):
        life = live(name, seed=seed)
        steps = [row for row in life.steps() if row[1] < 12]
        numbers = [number for _, number, _ in steps]
        assert numbers == sorted(numbers)
        for ts, number, _ in steps:
            at = (ts - START - number * 5 * SECOND) / (5 * SECOND)
            # A slice after one that was posted waits for the cancel; the last is tried again.
            assert 0 <= at < 0.2 + 0.011 or number == 11
        assert steps[-1][2] == ORDER


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_slice_strays_further_than_its_jitter(name: str) -> None:
    """Against the same plan without jitter. TWAP: of its own size; the others: of the larger of it and the one before."""
    plain = [target for *_, target in live(name, seed=0, params={"size_jitter": 0}).steps()]
    own = [b - a for a, b in itertools.pairwise([0, *plain])]
    for seed in range(FEW):
        targets = [target for *_, target in live(name, seed=seed).steps()]
        assert len(targets) >= 12
        sizes = [b - a for a, b in itertools.pairwise([0, *targets[:12]])]
        for number, size in enumerate(sizes):
            larger = own[number] if name == "twap" else max(own[max(number - 1, 0) : number + 1])
            assert abs(size - own[number]) <= larger // 5 + 2_000
        assert sizes != own


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_slice_asks_for_more_than_its_cap(name: str) -> None:
    """A thin book leaves much to catch up with; the tries at the last slice share one cap."""
    cut = 0
    for seed in range(FEW):
        given = {"catch_up_cap": 2 * ONE, "size_jitter": 0}
        life = live(name, seed=seed, venues=[Venue(depth=40, least=1)], params=given)
        targets = [0, *(target for _, number, target in life.steps())]
        for at, (number, exposure) in enumerate(asked_by_slice(life)):
            own = ORDER // 12 if name == "twap" else max(targets[at + 1] - targets[at], ORDER // 12)
            assert number == 11 or exposure <= 2 * own + 1_000
            cut += number < 11 and exposure >= 2 * own - 1_000
        begun = next(ts for ts, number, _ in life.steps() if number == 11)
        own = max(targets[12] - targets[11], ORDER // 12)
        assert sum(1_000 * qty for ts, *_, qty in life.fills if ts > begun) <= 2 * own + 2_000
    assert cut > 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_what_was_posted_is_canceled_before_the_next_slice_takes(name: str) -> None:
    for seed in range(FEW):
        life = live(name, seed=seed, params={"passive_share": ONE // 2}, latency=10_000_000)
        open_posts: set[int] = set()
        for _, entry, args, _, _, asks in life.calls:
            if entry == "on_child":
                open_posts.discard(args[0])
            takes = [asked for asked, _ in asks if asked in ("take", "post")]
            assert not (takes and open_posts), seed
            if "post" in takes:
                open_posts.add(-1)
            if entry == "on_child" and not takes:
                open_posts.discard(-1)
            if any(asked == "cancel_all" for asked, _ in asks):
                open_posts.discard(-1)


@pytest.mark.parametrize("name", SCHEDULES)
def test_slices_that_a_pause_passed_over_are_not_made_up(name: str) -> None:
    for seed in range(FEW):
        life = live(name, seed=seed, pause=(12 * SECOND, 41 * SECOND), params={"passive_share": 0})
        numbers = [number for _, number, _ in life.steps()]
        assert not set(numbers) & {3, 4, 5, 6, 7}
        assert 8 in numbers
        at = next(ts for ts, number, _ in life.steps() if number == 8) - START
        assert 41 * SECOND <= at <= 41 * SECOND + 1
        assert life.status == "completed" or name == "close"


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_plan_of_dust_sends_none_of_it(name: str) -> None:
    """Three hundred slices of little more than a smallest child, half of it posted."""
    for seed in range(2):
        params = {"slices": 300, "passive_share": ONE // 2}
        life = live(name, seed=seed, params=params, latency=1_000_000)
        assert life.status == "completed"
        assert len(life.sent) > 100
        assert all(child.left >= 10 for _, child, _ in life.sent)


def test_twap_without_jitter_is_the_even_split() -> None:
    given = {"slices": 7, "size_jitter": 0, "time_jitter": 0, "passive_share": 0}
    life = live("twap", seed=3, params=given, order_qty=4_003_000)
    split = tr.algo.twap_slices(4_003, n=7)
    assert [target for *_, target in life.steps()] == [
        1_000 * n for n in itertools.accumulate(split)
    ]
    assert [ts - START for ts, *_ in life.steps()] == [
        k * 60 * SECOND // 7 + (k == 0) for k in range(7)
    ]


def test_twap_tries_its_last_slice_again_until_the_end() -> None:
    """Delay lets the book go: eight tries an interval, and no more than its own cap in all."""
    tries = 0
    for seed in range(FEW):
        books = [Venue(depth=30, least=1)]
        life = live(
            "twap", seed=seed, venues=books, params={"passive_share": 0, "slices": 6}, limit=1
        )
        last = [ts for ts, number, _ in life.steps() if number == 5]
        tries += len(last) - 1
        assert len(last) <= 9
        assert all(b - a >= 10 * SECOND // 8 for a, b in itertools.pairwise(last))
    assert tries > 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_stray_tells_little_of_the_next_one(name: str) -> None:
    """In parts of what was planned; that the sum is exact alone makes the correlation about -1 / n."""
    plain = [target for *_, target in live(name, seed=0, params={"size_jitter": 0}).steps()]
    own = [b - a for a, b in itertools.pairwise([0, *plain])]
    before: list[float] = []
    after: list[float] = []
    for seed in range(4 * FEW):
        targets = [target for *_, target in live(name, seed=seed).steps()][:12]
        sizes = [b - a for a, b in itertools.pairwise([0, *targets])]
        strays = [size / planned - 1 for size, planned in zip(sizes, own, strict=False)][:11]
        before += strays[:-1]
        after += strays[1:]
    assert abs(np.corrcoef(before, after)[0, 1]) < 0.25


def test_vwap_follows_the_curve_of_the_day() -> None:
    """Two hours over nine buckets, against a sum over seconds."""
    dice = random.Random(5)
    curve = [dice.randint(1, 100) for _ in range(96)]
    given = {"curve": curve, "size_jitter": 0, "time_jitter": 0, "passive_share": 0, "slices": 24}
    life = live("vwap", seed=2, params=given, duration=7_200 * SECOND, step=300 * SECOND)
    weights = [curve[(START // SECOND + s) % 86_400 // 900] for s in range(7_200)]
    for number, (_, at, target) in enumerate(life.steps()):
        assert at == number
        assert abs(target - ORDER * sum(weights[: 300 * (number + 1)]) / sum(weights)) <= 1
    assert len(life.steps()) == 24


def test_vwap_without_a_curve_is_even_and_with_volume_goes_along() -> None:
    given = {"size_jitter": 0, "time_jitter": 0, "passive_share": 0, "slices": 10}
    even = [target for *_, target in live("vwap", seed=4, params=given).steps()]
    assert all(abs(target - ORDER * (k + 1) // 10) <= 1 for k, target in enumerate(even))
    life = live("vwap", seed=4, params=given | {"min_participation": ONE // 3})
    ahead = [target for *_, target in life.steps()]
    assert all(more >= target for more, target in zip(ahead, even, strict=False))
    assert ahead[3] > 1.5 * even[3]


@pytest.mark.parametrize("aversion", [0.0, 1e-6, 1e-4, 1e-2])
def test_shortfall_is_the_trajectory_of_almgren_and_chriss(aversion: float) -> None:
    """In money of the whole order: sigma 2,000 a root-day, 50 to trade it evenly in a day; half a day, 20 slices."""
    given = {"slices": 20, "risk_aversion": aversion, "sigma": 2_000.0, "eta": 50.0, "urgency": 0.0}
    given |= {"size_jitter": 0, "time_jitter": 0, "passive_share": 0, "catch_up_cap": 1_000 * ONE}
    life = live(
        "shortfall",
        seed=1,
        params=given,
        duration=43_200 * SECOND,
        step=3_600 * SECOND,
        limit=20_000,
        venues=[Venue(depth=10_000)],
    )
    known = tr.algo.almgren_chriss(
        1.0,
        horizon=0.5,
        n=20,
        sigma=2_000.0,
        eta=50.0,
        gamma=0.0,
        epsilon=0.0,
        risk_aversion=aversion,
    )
    for _, number, target in life.steps():
        expected = ORDER * (1.0 - known.trajectory[number + 1])
        # Before the last slice at least a smallest child is kept.
        assert abs(target - min(expected, ORDER - 10_000)) <= 1 or number == 19


@pytest.mark.parametrize("k", [0.6, 2.0])
def test_shortfall_under_power_law_impact_is_the_trajectory_of_almgren(k: float) -> None:
    given = {"slices": 20, "risk_aversion": 1e-4, "sigma": 2_000.0, "eta": 50.0, "exponent": k}
    given |= {"size_jitter": 0, "time_jitter": 0, "passive_share": 0}
    life = live("shortfall", seed=1, params=given, duration=43_200 * SECOND, step=3_600 * SECOND)
    known = tr.algo.almgren_power(1.0, sigma=2_000.0, eta=50.0, k=k, risk_aversion=1e-4)
    for _, number, target in life.steps()[:19]:
        done = (1.0 - known.trajectory(0.025 * (number + 1))) / (1.0 - known.trajectory(0.5))
        assert abs(target - min(ORDER * done, ORDER - 10_000)) <= 1


def test_close_is_the_shortfall_backwards_and_starts_as_late_as_its_rate_allows() -> None:
    given = {"urgency": 3.0, "slices": 12, "size_jitter": 0, "time_jitter": 0, "passive_share": 0}
    late = live("close", seed=6, params=given).steps()
    early = live("shortfall", seed=6, params=given).steps()
    held = [ORDER - target for *_, target in early]
    assert all(
        abs(target - at) <= 1 for (*_, target), at in zip(late[:11], held[10::-1], strict=True)
    )
    windowed = live("close", seed=6, params=given | {"window": 12 * SECOND}).steps()
    assert [ts - START for ts, *_ in windowed][:3] == [48 * SECOND, 49 * SECOND, 50 * SECOND]
    # 4,000,000 at a quarter of 960,000,000 an hour: 60 s; at half: 30 s.
    rated = {"volume": 960_000_000, "rate": ONE // 2}
    assert live("close", seed=6, params=given | rated).steps()[0][0] - START == 30 * SECOND


# POV


@pytest.mark.parametrize("include_own", [True, False])
@pytest.mark.parametrize("by_trades", [True, False])
def test_pov_never_goes_beyond_its_band_and_seldom_falls_below(
    include_own: bool, by_trades: bool
) -> None:
    """Filled and working stay below the high end at every child; filled alone is below the low end, less a chunk and what
    trades within two waits, in less than one sight of twenty.
    """
    sights, below = 0, 0
    for seed in range(FEW):
        given = {"include_own": include_own, "by_trades": by_trades, "chunk": ONE // 1_000}
        life = live("pov", seed=seed, params=given, order_qty=100_000_000, duration=300 * SECOND)
        for _, own, others in life.shares:
            assert own <= tr.algo.pov_target(float(others), rate=0.25, include_own=include_own) + 1
        for _, own, others in life.shares:
            low = tr.algo.pov_target(float(others), rate=0.125, include_own=include_own)
            sights += 1
            below += own < low - 400_000
    assert below <= sights // 20


def test_pov_targets_are_the_model_s() -> None:
    for seed in range(FEW):
        life = live("pov", seed=seed, params={"by_trades": True}, order_qty=100_000_000)
        others = {ts: volume for ts, _, volume in life.shares}
        for ts, _, target in life.steps():
            if ts in others:
                assert (
                    abs(target - tr.algo.pov_target(float(others[ts]), rate=0.2, include_own=True))
                    <= 1
                )


def test_pov_takes_only_when_it_is_below_its_band() -> None:
    kinds = Counter()
    for seed in range(FEW):
        life = live(
            "pov",
            seed=seed,
            order_qty=100_000_000,
            params={"chunk": ONE // 1_000},
            duration=300 * SECOND,
        )
        kinds.update(name for _, name, _ in life.asked if name in ("take", "post"))
    assert kinds["post"] > kinds["take"] > 0


# Iceberg, peg


def test_iceberg_shows_one_order_of_a_drawn_size_at_a_time() -> None:
    given = {
        "display_min": 100_000,
        "display_max": 200_000,
        "refresh_min": SECOND // 2,
        "refresh_max": 2 * SECOND,
    }
    for seed in range(FEW):
        life = live("iceberg", seed=seed, params=given | {"stay": 0}, duration=600 * SECOND)
        sizes = [child.left * 1_000 for _, child, _ in life.sent]
        assert all(100_000 <= size <= 200_000 for size in sizes[:-1])
        assert sizes[-1] < 210_000
        assert len(set(sizes)) > len(sizes) // 2
        closed = [ts for ts, entry, *_ in life.calls if entry == "on_child"]
        waits = [after - before for before, (after, *_) in zip(closed, life.sent[1:], strict=False)]
        assert all(SECOND // 2 <= wait <= 2 * SECOND for wait in waits)
        assert len(set(waits)) == len(waits)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_iceberg_rests_at_its_price_or_takes_better(side: str) -> None:
    for seed in range(FEW):
        life = live(
            "iceberg", seed=seed, side=side, params={"price": 60_000}, duration=600 * SECOND
        )
        assert {child.price for _, child, _ in life.sent} == {60_000}
        assert all(
            (price <= 60_000) == (side == "buy") or price == 60_000 for *_, price, _ in life.fills
        )


class Watched(World):
    """Notes the best prices when an order goes."""

    def _send(
        self, number: int, v: int, is_buy: bool, qty: int, price: int, name: str, asked: int
    ) -> None:
        near, far = self._level(v, is_buy, 0)[0], self._level(v, not is_buy, 0)[0]
        self.seen = [*getattr(self, "seen", []), (self.now, name, price, near, far)]
        super()._send(number, v, is_buy, qty, price, name, asked)


@pytest.mark.parametrize("reference", [0, 1])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_peg_rests_at_the_pegged_price_and_keeps_its_dwell(reference: int, side: str) -> None:
    sign = 1 if side == "buy" else -1
    for seed in range(FEW):
        given = {
            "reference": reference,
            "offset": seed % 2,
            "dwell_min": SECOND // 4,
            "dwell_max": SECOND,
        }
        words = {
            "seed": seed,
            "params": given,
            "side": side,
            "duration": 120 * SECOND,
            "order_qty": ORDER,
        }
        world = Watched(program("peg"), **words)
        life = world.run("interpreted")
        for _, name, price, near, far in world.seen:
            mid = (near + far) // 2 if side == "buy" else -(-(near + far) // 2)
            pegged = (near if reference == 0 else mid) - sign * given["offset"]
            assert (name, price) == (
                "post_at",
                min(pegged, far - 1) if side == "buy" else max(pegged, far + 1),
            )
        times = [ts for ts, *_ in world.seen]
        assert all(b - a >= SECOND // 4 for a, b in itertools.pairwise(times))
        assert len({b - a for a, b in itertools.pairwise(times)}) > len(times) // 2
        open_most = max(sum(name == "post_at" for name, _ in asks) for *_, asks in life.calls)
        assert open_most == 1


def test_peg_does_not_follow_its_own_order() -> None:
    """Alone at the best price it would chase itself away from the others by an offset below zero."""
    for seed in range(FEW):
        words = {
            "seed": seed,
            "params": {"offset": -1, "dwell_max": SECOND // 2},
            "duration": 120 * SECOND,
        }
        world = Watched(program("peg"), shows_own=True, order_qty=ORDER, **words)
        world.run("interpreted")
        steps = [price - world.venues[0].base(True) for *_, price, _, _ in world.seen[-1:]]
        assert all(abs(step) < 40 for step in steps)
        assert all(price < far for _, _, price, _, far in world.seen)


def test_peg_takes_within_its_discretion_and_no_further() -> None:
    names = Counter()
    for seed in range(FEW):
        words = {
            "seed": seed,
            "params": {"discretion": 2, "dwell_max": SECOND // 2},
            "duration": 300 * SECOND,
        }
        world = Watched(program("peg"), order_qty=ORDER, side="buy", **words)
        world.run("interpreted")
        for _, name, price, near, far in world.seen:
            names[name] += 1
            if name == "take_at":
                assert price == far <= near + 2
    assert names["take_at"] > 0
    assert names["post_at"] > 0


@pytest.mark.parametrize("name", ["iceberg", "peg"])
def test_beyond_the_limit_nothing_is_asked_for_again_and_again(name: str) -> None:
    """The market runs away from a buyer: the program waits."""
    for seed in range(FEW):
        life = live(name, seed=seed, side="buy", drift=3, limit=1, duration=300 * SECOND)
        assert life.left > 0
        assert len(life.sent) + len(life.refused) < 10
