"""Tactics, quotes and hedges as programs: within their bounds over seeds, equal to their formulae.

Each lives in the small market of `algo_world` for as many lives as there are seeds, 20 or with
TIDERACE_FULL=1 200; the bounds are looked at on every ask and every fill. Some of these lives are
lived on all three machines, call by call.
"""

import os
import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from algo_market import SECOND, START, Child, Venue
from algo_tape import LIVES, ONE, PROGRAMS, Tape, nets, told

import tiderace as tr

SEEDS = range(200 if os.environ.get("TIDERACE_FULL") else 20)


# All of them


@pytest.mark.parametrize("name", LIVES)
def test_three_machines_live_one_life(name: str) -> None:
    for seed in SEEDS[: max(len(SEEDS) // 10, 2)]:
        lives = [told(name, seed, run)[1] for run in ("python", "interpreted", "compiled")]
        for life in lives[1:]:
            assert life.calls == lives[0].calls
            assert (life.status, life.fills, life.state) == (
                lives[0].status,
                lives[0].fills,
                lives[0].state,
            )


@pytest.mark.parametrize("name", LIVES)
def test_fuel_of_a_call_and_bytes_of_a_state_stay_small(name: str) -> None:
    tape, life = told(name, 0)
    assert max(life.fuel().values()) < 20_000
    assert len(tape.state) <= 1_300


@pytest.mark.parametrize("name", ["sniper", "split", "scale", "stop"])
def test_a_parent_is_filled_once_and_never_beyond_its_limit(name: str) -> None:
    for seed in SEEDS:
        for side in ("buy", "sell"):
            params = {"trigger": 59_999} if (name, side) == ("stop", "sell") else {}
            tape, life = told(name, seed, side=side, params=params)
            assert 0 <= life.filled <= tape.order_qty
            assert all(is_buy == (side == "buy") for _, _, _, is_buy, _, _ in life.fills)


@pytest.mark.parametrize("name", ["grid", "pairs", "quote_as", "quote_glft", "hedge"])
def test_net_exposure_stays_within_its_bound(name: str) -> None:
    for seed in SEEDS:
        tape, life = told(name, seed)
        assert life.fills or name == "pairs"
        assert all(abs(net) <= tape.order_qty for net in nets(life))


@pytest.mark.parametrize("name", LIVES)
def test_a_pause_loses_no_fill_and_no_order(name: str) -> None:
    """What fills and is canceled during a pause is not told: it is seen afterwards."""
    resumed = 0
    for seed in SEEDS:
        pause = (
            (3 * SECOND, 9 * SECOND) if name in ("split", "stop") else (15 * SECOND, 25 * SECOND)
        )
        tape, life = told(name, seed, pause=pause)
        resumed += any(ts > START + pause[1] and asked != "wake" for ts, asked, _ in life.asked)
        state = PROGRAMS[name].read_state(life.state)
        lots = [0] * len(tape.venues)
        for _, _, venue, is_buy, _, qty in life.fills:
            lots[venue] += qty if is_buy else -qty
        if name == "grid":
            held = state["held"]
            assert sum(held[:5]) - sum(held[5:]) == lots[0]
        elif name == "pairs":
            assert sum(state["held"]) == life.filled
            assert abs(life.filled) <= tape.order_qty * 150_000_000 // ONE + tape._smallest()
        elif name == "combo":
            assert state["done"][:2] == [lots[0], -lots[1]]
            assert state["hedged"] == lots[2] * 1_000
        else:
            assert abs(life.filled) <= tape.order_qty
    assert resumed > len(SEEDS) // 3


@pytest.mark.parametrize("name", LIVES)
def test_a_venue_that_refuses_to_cancel_changes_no_bound(name: str) -> None:
    for seed in SEEDS[::4]:
        tape, life = told(name, seed, refuses_cancels=True, latency=SECOND // 4)
        assert all(abs(net) <= tape.order_qty for net in nets(life)) or name == "combo"


@pytest.mark.parametrize("name", [name for name in LIVES if name != "hedge"])
def test_exposure_beyond_64_bits_overflows_nowhere(name: str) -> None:
    unit = 10**17
    usual = LIVES[name].get("venues", 1)
    venues = usual() if callable(usual) else [Venue() for _ in range(usual)]
    for venue in venues:
        venue.lot *= unit
    order_qty = LIVES[name].get("order_qty", 4_000_000) * unit
    params = {"depth_min": 1_000_000 * unit} if name == "sniper" else {}
    _, life = told(
        name, 1, venues=venues, order_qty=order_qty, clip=1_000 * order_qty, params=params
    )
    assert [fill[-1] for fill in life.fills] == [fill[-1] for fill in told(name, 1)[1].fills]


@pytest.mark.parametrize("name", LIVES)
def test_parameters_anywhere_in_their_ranges_trap_nowhere(name: str) -> None:
    for seed in SEEDS:
        dice, params = random.Random(seed), {}
        for param in PROGRAMS[name].params:
            low, high = param.minimum, param.maximum
            is_fixed = low is None or param.name in ("venue", "legs", "work", "ratios", "deltas")
            if not is_fixed and dice.random() < 0.5:
                high = 10**9 if high is None else high
                span = dice.choice((0, 10, 10**6, 10**12, high - low))
                params[param.name] = dice.randint(low, min(low + span, high))
        side, clip = dice.choice(("buy", "sell")), dice.choice((None, 100_000))
        share = dice.choice((None, 0.2))
        words = {"params": params, "side": side, "clip": clip, "max_participation": share}
        told(name, seed, duration=6 * SECOND, step=SECOND // 4, **words)


# Seeking liquidity, splitting


def test_a_sniper_shows_nothing_and_stays_within_its_band() -> None:
    sizes = []
    for seed in SEEDS:
        for side in ("buy", "sell"):
            tape, life = told("sniper", seed, side=side)
            assert {ask["name"] for ask in tape.seen} <= {"take_at"}
            for ask in tape.seen:
                away = ask["price"] - ask["ask"] if ask["is_buy"] else ask["bid"] - ask["price"]
                assert away <= 2
                sizes.append(ask["qty"])
            waits = [after["ts"] - before["ts"] for before, after in pairwise(tape.seen)]
            assert all(wait >= SECOND // 2 for wait in waits)
            assert life.fills
    assert len(set(sizes)) > len(sizes) // 2


def test_a_sniper_waits_for_depth_or_a_close_spread() -> None:
    nothing = {"depth_min": 10**12, "spread_close": 0}
    assert not told("sniper", 1, params=nothing)[1].fills
    tape, _ = told("sniper", 1, params=nothing | {"spread_close": 1})
    assert tape.seen
    assert all(ask["ask"] - ask["bid"] == 1 for ask in tape.seen)
    deep, _ = told("sniper", 1, params=nothing | {"depth_min": 1_000_000})
    assert any(ask["ask"] - ask["bid"] > 1 for ask in deep.seen)


def split_at(queues: list[int], flows: list[float], size: int, **params: Any) -> tuple[int, Any]:
    """Return what `split` takes and posts: books as given, what traded in an interval as given."""
    program = PROGRAMS["split"]
    asked: list[tuple[str, tuple[Any, ...]]] = []
    state, clock, flow = program.new_state(), [0], [0] * len(flows)
    fixed = {
        "start": 0,
        "end": 10 * SECOND,
        "order_qty": size,
        "filled": 0,
        "working": 0,
        "smallest": 1,
        "is_buy": True,
        "venues": len(queues),
        "least": 1,
        "take": None,
        "post_at": 0,
        "is_open": False,
        "lot": 1,
        "wake": None,
    }

    def host(name: str, *args: Any) -> Any:
        match name:
            case "now":
                return clock[0]
            case "random":
                return args[0] // 2
            case "price":
                return 9_999 if args[1] else 10_001
            case "depth":
                return queues[args[0]]
            case "traded":
                return flow[args[0]]
            case "exposure" | "lots":
                return args[1]
        asked.append((name, args))
        return fixed[name]

    words = {"state": state, "host": host, "params": {"interval": 5 * SECOND, "jitter": 0} | params}
    program.run_python(entry="on_start", **words)
    clock[0], flow = 5 * SECOND, [int(each) for each in flows]
    asked.clear()
    program.run_python(entry="on_timer", **words)
    taken = sum(int(args[0]) for name, args in asked if name == "take")
    return taken, [
        sum(int(args[2]) for name, args in asked if name == "post_at" and args[0] == venue)
        for venue in range(len(queues))
    ]


@pytest.mark.parametrize("penalty", [0.00005, 0.00015, 0.0003, 0.0005, 0.002, 0.01])
@pytest.mark.parametrize(("queue", "flow"), [(2_000, 40_000), (30_000, 40_000), (90_000, 9_000)])
def test_a_split_on_one_venue_is_the_closed_form(penalty: float, queue: int, flow: int) -> None:
    size = 50_000
    taken, (posted,) = split_at(
        [queue], [flow], size, penalty=round(penalty * ONE), fee=50_000, outflow=ONE
    )
    model = tr.algo.cont_kukanov(
        size,
        queues=queue,
        outflows={"exponential": flow},
        half_spread=0.0001,
        rebates=0.0,
        fee=0.00005,
        penalty_under=penalty,
        penalty_over=1.0,
    )
    assert taken == pytest.approx(model.market, abs=2)
    assert posted == pytest.approx(model.limits[0], abs=2)


def test_a_split_over_venues_is_where_the_last_units_cost_the_same() -> None:
    rates, queues, flows, size = (
        np.arange(3),
        [1_000, 20_000, 4_000],
        [20_000, 50_000, 9_000],
        30_000,
    )
    taken, posted = split_at(queues, flows, size, penalty=300_000, outflow=ONE)
    assert taken == 0
    assert size - 3 <= sum(posted) <= size
    beyond = [1 - np.exp(-(queues[n] + posted[n]) / flows[n]) for n in rates if posted[n]]
    assert len(beyond) >= 2
    assert np.ptp(beyond) < 1e-3
    taken, posted = split_at(queues, flows, size, penalty=2_000_000, outflow=ONE)
    assert taken > 0
    assert size - 3 <= taken + sum(posted) <= size
    for n in rates:
        alone = split_at([queues[n]], [flows[n]], size, penalty=2_000_000, outflow=ONE)[1][0]
        assert abs(posted[n] - alone) <= 1


def test_a_split_with_time_to_its_end_is_done_in_time() -> None:
    done = [told("split", seed, at_end="expire")[1] for seed in SEEDS]
    assert sum(life.status == "completed" for life in done) >= len(done) // 2
    assert all(told("split", seed)[1].status == "completed" for seed in SEEDS)


# Ladders


def test_a_scale_rests_on_its_levels_with_its_ratio() -> None:
    for seed in SEEDS:
        params = {"orders": 4, "ratio": 2 * ONE, "step": 3, "offset": 1, "rounds": 1}
        tape, _ = told("scale", seed, params=params, duration=30 * SECOND, order_qty=1_500_000)
        first = tape.arrivals[0][0]
        at = {ask["price"]: ask["qty"] for ask in tape.seen}
        assert at == {first - 1: 100, first - 4: 200, first - 7: 400, first - 10: 800}


def test_a_scale_replenishes_in_parts_that_differ() -> None:
    parts = []
    for seed in SEEDS:
        tape, life = told("scale", seed, duration=None, horizon=300 * SECOND)
        levels: dict[int, list[int]] = {}
        for ask in tape.seen:
            levels.setdefault(ask["price"], []).append(ask["qty"])
        assert len(levels) == 6
        parts += [row for row in levels.values() if len(row) > 1]
        assert all(sum(row) * 1_000 <= tape.order_qty for row in levels.values())
        assert life.filled <= tape.order_qty
    assert parts
    assert sum(len(set(row)) > 1 for row in parts) > len(parts) // 2


def test_a_grid_turns_each_fill_around_one_step_on() -> None:
    for seed in SEEDS:
        tape, life = told("grid", seed)
        bid, ask = tape.arrivals[0]
        centre = (bid + ask) // 2
        assert all((ask["price"] - centre) % 2 == 0 for ask in tape.seen)
        assert all(ask["name"] == "post_at" for ask in tape.seen)
        price_of = {ask["child"]: (ask["price"], ask["is_buy"]) for ask in tape.seen}
        bought = {p for _, c, *_ in life.fills for p, is_buy in [price_of[c]] if is_buy}
        # Whoever buys back at an edge has sold above, and the other way round.
        for price in [p for p in bought if p >= centre]:
            assert any(p == price + 2 and not is_buy for p, is_buy in price_of.values())
        assert max(abs(net) for net in nets(life)) <= tape.order_qty


# Stops


def test_a_stop_fires_after_its_dwell_and_never_slips_beyond_its_guard() -> None:
    fired = 0
    clips: list[int] = []
    waits: list[int] = []
    for seed in SEEDS:
        for side, trigger in (("buy", 60_002), ("sell", 59_999)):
            tape, life = told("stop", seed, side=side, params={"trigger": trigger})
            sign = 1 if side == "buy" else -1
            assert all(ask["name"] == "take_at" for ask in tape.seen)
            for _, _, _, _, price, _ in life.fills:
                assert sign * price <= sign * trigger + 3
            fired += bool(tape.seen)
            clips += [ask["qty"] for ask in tape.seen[:-1]]
            waits += [after["ts"] - before["ts"] for before, after in pairwise(tape.seen)]
            if tape.seen:
                ask = tape.seen[0]
                assert sign * (ask["bid"] + ask["ask"]) >= sign * 2 * trigger - 1
                assert ask["ts"] >= START + SECOND // 2
    assert fired > len(SEEDS)
    assert len(set(clips)) > min(len(clips) // 2, 300)
    assert len(set(waits)) > len(waits) // 2


def test_a_stop_does_not_fire_on_what_does_not_last() -> None:
    params = {"trigger": 60_001, "dwell": 3600 * SECOND}
    assert not any(told("stop", seed, params=params)[1].fills for seed in SEEDS)
    assert not told("stop", 1, params={"trigger": 0, "trail": 0})[1].fills


def test_a_trailing_stop_follows_and_stands_once_it_has_fired() -> None:
    fired = 0
    for seed in SEEDS:
        params = {"trigger": 0, "trail": 4, "slip": 6, "on_mid": bool(seed % 2)}
        tape, life = told("stop", seed, side="sell", params=params)
        if tape.seen:
            fired += 1
            trigger = PROGRAMS["stop"].read_state(life.state)["trigger"]
            assert min(ask["price"] for ask in tape.seen) >= trigger - 6
            # The first trade that it sees may be a tick or two below the arrival.
            assert trigger >= 60_000 - 6
    assert fired


def test_a_stop_gives_up_where_the_market_stays_beyond_its_guard() -> None:
    words = {"drift": 6, "step": SECOND // 4}
    params = {"trigger": 60_010, "dwell": 4 * SECOND, "slip": 2}
    statuses = {told("stop", seed, params=params, **words)[1].status for seed in SEEDS}
    assert statuses == {"expired"}
    params["patience"] = 5 * SECOND
    ends = [told("stop", seed, params=params, **words)[1] for seed in SEEDS]
    assert {life.status for life in ends} == {"finished"}
    assert not any(life.fills for life in ends)


# Legs


def test_pairs_hang_no_more_than_one_clip() -> None:
    traded = 0
    for seed in SEEDS:
        tape, life = told("pairs", seed)
        traded += len(life.fills)
        clip = tape.order_qty * 150_000_000 // ONE + tape._smallest()
        assert max((abs(net) for net in nets(life)), default=0) <= clip
        assert abs(life.filled) <= clip
    assert traded > 4 * len(SEEDS)


def test_a_leg_is_worked_only_within_the_limits_of_the_spread() -> None:
    worked = 0
    for seed in SEEDS:
        work = seed % 3 - 1
        tape, _ = told("pairs", seed, params={"work": work})
        for ask in tape.seen:
            best = ask["ask"] if ask["is_buy"] else ask["bid"]
            if abs(ask["price"] - best) == 20:
                continue  # a hedge, or an unwinding: it takes
            venue, is_buy = ask["venue"], ask["is_buy"]
            far = ask["books"][1 - venue][0 if is_buy else 1]
            spread = ask["price"] - far if venue == 0 else far - ask["price"]
            buys_spread = is_buy == (venue == 0)
            assert spread <= -1 if buys_spread else spread >= 1
            assert work in (-1, venue)
            worked += 1
    assert worked > 5 * len(SEEDS)


class DryTape(Tape):
    """A market whose second venue shows depth, and gives none."""

    def _arrive(self, child: Child) -> None:
        if child.venue == 1 and not child.rests:
            self._close(child)
        else:
            super()._arrive(child)


def test_a_leg_that_hangs_is_unwound() -> None:
    unwound = 0
    for seed in SEEDS:
        params = {"low": 0, "high": 10**6, "work": 0, "hang": 2 * SECOND}
        tape = DryTape("pairs", seed=seed, params=params, duration=60 * SECOND)
        life = tape.run("compiled")
        assert {fill[2] for fill in life.fills} <= {0}
        since, net = None, 0
        for ts, _, _, is_buy, _, qty in life.fills:
            net += qty if is_buy else -qty
            if net * 1_000 < tape._smallest():
                unwound += 1
                since = None
            else:
                since = since or ts
                assert ts - since < 8 * SECOND
    assert unwound > len(SEEDS)


def test_a_combo_does_its_legs_in_ratio_and_hedges_each_fill() -> None:
    finished = 0
    for seed in SEEDS:
        tape, life = told("combo", seed)
        lots = [0, 0, 0]
        for _, _, venue, is_buy, _, qty in life.fills:
            lots[venue] += qty if is_buy else -qty
            behind = lots[0] * 10 // 20 + lots[1]
            assert 0 <= behind <= 5 * 10 + tape.venues[1].least
            delta = lots[0] * 500 + lots[1] * -400 + lots[2] * 1_000
            # A clip of 5 combos, its deltas 0.5 and 0.4, and what is too small to hedge.
            assert abs(delta) <= 5 * (20 * 500 + 10 * 400) + 10 * 1_000 + 10 * 400
        if life.status == "finished":
            finished += 1
            assert lots[0] == 800
            # What is too small for an order is left.
            assert -400 <= lots[1] < -400 + tape.venues[1].least
            assert abs(lots[0] * 500 + lots[1] * -400 + lots[2] * 1_000) <= 10 * 1_000
    assert finished > len(SEEDS) // 3


def test_a_combo_is_worked_at_its_net_price_only() -> None:
    for seed in SEEDS:
        tape, _ = told("combo", seed)
        for ask in tape.seen:
            if ask["venue"] == 0:
                assert ask["is_buy"]
        _, never = told("combo", seed, params={"net": 5_000})
        assert not never.fills


# Quotes


def test_quotes_are_those_of_avellaneda_and_stoikov() -> None:
    count = 0
    for seed in SEEDS:
        tape, _ = told("quote_as", seed)
        for ask in tape.seen:
            quotes = tr.algo.avellaneda_stoikov(
                (ask["bid"] + ask["ask"]) / 2,
                inventory=ask["filled"] / (tape.order_qty // 5),
                gamma=0.02,
                sigma=0.7,
                k=2.0,
                t_left=min((tape.end - ask["ts"]) / SECOND, 60.0),
            )
            if ask["is_buy"]:
                assert abs(ask["price"] - min(quotes.bid, ask["ask"] - 1)) <= 1
            else:
                assert abs(ask["price"] - max(quotes.ask, ask["bid"] + 1)) <= 1
            count += 1
    assert count > 25 * len(SEEDS)


@pytest.mark.parametrize(
    ("sigma", "a", "k", "gamma"), [(0.7, 1.0, 2.0, 0.02), (2.0, 0.3, 0.4, 0.1)]
)
def test_quotes_are_those_of_gueant_lehalle_and_fernandez_tapia(
    sigma: float, a: float, k: float, gamma: float
) -> None:
    exact = tr.algo.glft(sigma=sigma, a=a, k=k, gamma=gamma, max_inventory=5)
    held = np.arange(-5, 6)
    words = {"sigma": sigma, "a": a, "k": k, "gamma": gamma}
    params = {name: round(value * ONE) for name, value in words.items()}
    for seed in SEEDS:
        tape, _ = told("quote_glft", seed, params=params)
        for ask in tape.seen:
            mid, units = (ask["bid"] + ask["ask"]) / 2, ask["filled"] / (tape.order_qty // 5)
            if ask["is_buy"]:
                model = mid - np.interp(units, held[:-1], exact.bid[:-1])
                assert abs(ask["price"] - min(model, ask["ask"] - 1)) <= 1
            else:
                model = mid + np.interp(units, held[1:], exact.ask[1:])
                assert abs(ask["price"] - max(model, ask["bid"] + 1)) <= 1
        assert len(tape.seen) > 10


@pytest.mark.parametrize("name", ["quote_as", "quote_glft"])
def test_quotes_stand_for_their_dwell_and_come_back_at_no_fixed_time(name: str) -> None:
    waits: list[int] = []
    sizes: list[int] = []
    for seed in SEEDS:
        tape, life = told(name, seed, step=SECOND // 5, duration=30 * SECOND)
        posted = {ask["child"]: ask["ts"] for ask in tape.seen}
        for ts, asked, args in life.asked:
            if asked == "cancel":
                assert ts - posted[args[0]] >= SECOND // 2
                waits.append(ts - posted[args[0]])
        sizes += [ask["qty"] for ask in tape.seen]
    assert len(set(waits)) > len(waits) // 2
    assert len(set(sizes)) > 100


def test_a_vega_skew_moves_both_quotes() -> None:
    plain, _ = told("quote_as", 3, params={"requote": 1})
    skewed, _ = told("quote_as", 3, params={"requote": 1, "vega_skew": 5 * ONE})
    far = [
        ask["price"] - (ask["bid"] + ask["ask"]) / 2
        for ask in skewed.seen
        if ask["filled"] > 400_000 and ask["is_buy"]
    ]
    assert far
    assert max(far) < -2
    assert plain.seen != skewed.seen


# Hedges


def distance(price: float, net: int, params: dict[str, Any], start: int) -> float:
    return float(params["held"] + params["gamma"] * (price - start) / start + net)


@pytest.mark.parametrize("rule", [0, 1, 2])
def test_a_hedge_follows_its_rule(rule: int) -> None:
    # Whalley and Wilmott: unit (3 cost g^2 / (2 A))^(1/3).
    best = 10_000_000 * (1.5 * 0.0005 * 2_000.0**2 / 375_000) ** (1 / 3)
    width = {0: 0.0, 1: 300_000.0, 2: best}[rule]
    for seed in SEEDS:
        words = {"rule": rule, "interval": 20 * SECOND, "band": 300_000}
        words |= {"held": 12_000_000, "gamma": 20_000_000_000, "unit": 10_000_000}
        tape, life = told("hedge", seed, order_qty=40_000_000, params=words)
        start = sum(tape.arrivals[0]) // 2
        runs: list[list[dict[str, Any]]] = []
        for ask in tape.seen:
            mid = (ask["bid"] + ask["ask"]) // 2
            away = distance(mid, ask["filled"], words, start)
            assert ask["is_buy"] == (away < 0)
            assert ask["price"] == (ask["ask"] + 20 if ask["is_buy"] else ask["bid"] - 20)
            assert ask["qty"] * 1_000 <= abs(away) + 1
            if not runs or ask["ts"] - runs[-1][-1]["ts"] > 2.5 * SECOND:
                runs.append([])
            runs[-1].append(ask | {"away": away})
        assert runs
        if rule == 0:
            gaps = [b[0]["ts"] - a[-1]["ts"] for a, b in pairwise(runs)]
            assert all(gap >= 14 * SECOND for gap in gaps)
            assert len(set(gaps)) == len(gaps)
        else:
            assert all(run[0]["away"] * (-1 if run[0]["is_buy"] else 1) > width - 1 for run in runs)
        if rule == 2:
            for run in runs:
                assert abs(run[-1]["away"]) - run[-1]["qty"] * 1_000 >= width - 1_000
        assert abs(life.filled) <= tape.order_qty


def test_a_hedge_of_positions_brings_their_delta_to_its_target() -> None:
    for seed in SEEDS:
        params = {"rule": 1, "held": 0, "gamma": 0, "band": 100_000, "delta": 500_000_000}
        params |= {"target": 250_000}
        tape = Tape("hedge", seed=seed, venues=2, params=params)
        tape.venues[1].position = 3_000
        life = tape.run("compiled")
        assert life.filled == 250_000 - 1_500_000
        assert len(tape.seen) > 1
