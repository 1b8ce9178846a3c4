"""Policies: what is learnt, how it is frozen, and the guard that no policy can talk past.

The world of `algo_world` hosts the program; a bandit with known costs stands for sessions to learn from.
"""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from algo_world import START, Life, Venue, World

import tiderace as tr
from tiderace._learn.policy import ACTIONS, FEATURES, PROGRAM, SLICES_MAX

ADAPTIVE = tr.program.load(PROGRAM)
ONE = 1_000_000
PLAIN = tr.learn.baseline(slices=10, risk=1.5, guard=0.2)
EXPLORE = {"explore": 1_000_000_000}


def world(policy: tr.learn.Policy, seed: int, machine: str = "compiled", **words: Any) -> Life:
    params = policy.params() | words.pop("extra", {})
    return World(ADAPTIVE, seed=seed, params=params, **words).run(machine)


def chance(seed: int, guard: float = 0.2, slices: int = 10) -> tr.learn.Policy:
    """A policy of weights drawn by chance: as wild as a policy can be."""
    dice = random.Random(seed)
    start = tr.learn.baseline(slices=slices, risk=dice.uniform(0, 4), guard=guard)
    drawn = [[dice.randint(-(10**6), 10**6) for _ in FEATURES] for _ in ACTIONS[1:]]
    return msgspec.structs.replace(start, weights=[[0] * len(FEATURES), *drawn])


# The schedule


def test_the_baseline_is_almgren_and_chriss() -> None:
    for risk in (0.0, 1.5, 4.0):
        plan = tr.learn.baseline(slices=20, risk=risk)
        t = np.arange(21) / 20
        exact = 1 - t if risk == 0 else np.sinh(risk * (1 - t)) / np.sinh(risk)
        assert np.abs(np.array(plan.holdings) / ONE - exact).max() < 2e-6
        assert plan.choose([1_000, 9, 9, 9, 9, 9]) == 0


def test_the_program_follows_the_baseline_where_the_market_lets_it() -> None:
    life = world(PLAIN, seed=3)
    assert life.status == "completed"
    targets = [target for _, number, target in life.steps() if number < 9]
    order = life.filled
    assert targets == [order * (ONE - held) // ONE for held in PLAIN.holdings[1:10]]


@pytest.mark.parametrize("seed", range(6))
def test_three_machines_do_the_same(seed: int) -> None:
    lives = [
        world(chance(seed), seed, machine, venues=2)
        for machine in ("python", "interpreted", "compiled")
    ]
    assert lives[0].calls == lives[1].calls == lives[2].calls
    assert lives[0].status == "completed"


def noted(life: Life) -> list[tuple[int, list[int]]]:
    """Rounds of a life: the action and the features, as the record has them."""
    notes = [args for _, name, args in life.asked if name == "note"]
    rounds = [notes[row : row + 6] for row in range(0, len(notes), 6)]
    assert all([label for label, _ in each] == list(range(6)) for each in rounds)
    return [(each[0][1], [1_000, *(value for _, value in each[1:])]) for each in rounds]


def test_the_program_chooses_as_the_policy_says() -> None:
    """What Python scores and what the program does are one, over policies and seeds."""
    count = 0
    for seed in range(30):
        policy = chance(seed)
        for action, seen in noted(world(policy, seed, venues=2)):
            assert action == policy.choose(seen)
            count += 1
    assert count == 30 * 9


def test_exploring_tries_every_action_evenly() -> None:
    tried = [action for seed in range(60) for action, _ in noted(world(PLAIN, seed, extra=EXPLORE))]
    counts = np.bincount(tried, minlength=len(ACTIONS))
    even = len(tried) / len(ACTIONS)
    assert np.all(np.abs(counts - even) < 4 * np.sqrt(even)), counts


def test_features_have_the_sign_of_hurry_on_both_sides() -> None:
    """The same rising market: it moves against a buyer and for a seller."""
    moves = {}
    for side in ("buy", "sell"):
        rounds = [
            row for seed in range(10) for row in noted(world(PLAIN, seed, side=side, drift=20))
        ]
        moves[side] = np.mean([seen[3] for _, seen in rounds[1:]])
    assert moves["buy"] > 100
    assert moves["sell"] < -100


# The guard


def squares(life: Life, policy: tr.learn.Policy, duration: int) -> tuple[int, int]:
    """Sum of squared holdings at the ends of slices, of a life and of the baseline, in 1e-12."""
    slices, order = len(policy.holdings) - 1, life.filled + life.left
    own, done, fills = 0, 0, list(life.fills)
    for k in range(1, slices + 1):
        end = START + duration * k // slices
        while fills and fills[0][0] <= end:
            done += fills[0][5] * 1_000
            fills.pop(0)
        held = -(-(order - done) * ONE // order)
        own += held * held
    return own, sum(held * held for held in policy.holdings[1:])


@pytest.mark.parametrize("guard", [0.0, 0.1, 0.5])
def test_no_policy_takes_more_variance_than_the_guard_allows(guard: float) -> None:
    """Wild policies on 60 seeds, a market deep enough that what is taken fills."""
    worst = 0.0
    for seed in range(60):
        policy = chance(seed, guard)
        deep = [Venue(depth=40_000), Venue(depth=40_000)]
        life = world(policy, seed, venues=deep, extra=EXPLORE if seed % 2 else {})
        assert life.status == "completed"
        own, base = squares(life, policy, 60_000_000_000)
        worst = max(worst, own / base)
    print(f"guard {guard}: worst {worst:.4f}")
    # A slice may end a lot above what was aimed at.
    assert worst <= (1 + guard) * 1.001


def test_without_the_guard_policies_take_much_more() -> None:
    """What the guard holds back is there: with the widest guard the same policies go far above it."""
    ratios = []
    for seed in range(60):
        policy = chance(seed, guard=1.0)
        life = world(policy, seed, venues=[Venue(depth=40_000)], extra=EXPLORE)
        own, base = squares(life, policy, 60_000_000_000)
        ratios.append(own / base)
    assert max(ratios) > 1.15


def test_it_completes_in_a_thin_market_and_where_cancels_are_refused() -> None:
    for seed in range(10):
        assert world(chance(seed), seed, venues=[Venue(depth=400)]).left < 4_000_000
        assert world(chance(seed), seed, refuses_cancels=True).status in ("completed", "expired")
        assert (
            world(chance(seed), seed, pause=(12_000_000_000, 31_000_000_000)).status == "completed"
        )


# Learning


def rounds(seed: int, sessions: int, gain: float = 2.0) -> tr.learn.Log:
    """A bandit: posting saves in a still market and costs in one that moves; hurry the other way round.

    True cost less the baseline's: post (1) = move / 1000 x gain; hurry (4) = -post + 0.2; others 1.
    """
    dice = np.random.default_rng(seed)
    n = sessions * 10
    move, noise = dice.integers(-2_000, 2_001, n), dice.standard_normal(n) * 3
    seen = np.column_stack(
        [
            np.full(n, 1_000),
            dice.integers(0, 200, n),
            dice.integers(-900, 900, n),
            move,
            dice.integers(-99, 99, n),
        ]
    )
    seen = np.column_stack([seen, np.tile(np.arange(10) * 100, sessions)])
    action = dice.integers(0, len(ACTIONS), n)
    return tr.learn.Log(
        seen=seen,
        action=action,
        propensity=np.full(n, 1 / len(ACTIONS)),
        cost=5.0 + move / 500.0 + truth(move, gain)[np.arange(n), action] + noise,
        session=np.repeat(np.arange(sessions), 10),
    )


def truth(move: np.ndarray, gain: float = 2.0) -> np.ndarray:
    """True cost less the baseline's of each action."""
    post = gain * move / 1_000.0
    other = np.ones(len(move))
    return np.column_stack([0 * post, post, other, other, 0.2 * (gain > 0) - post, other, other])


def test_the_best_action_of_a_known_bandit_is_learnt() -> None:
    policy = tr.learn.train(rounds(1, 600), start=PLAIN)
    log = rounds(2, 100)
    chosen = np.array([policy.choose([int(s) for s in row]) for row in log.seen])
    costs = truth(log.seen[:, 3])
    assert costs[np.arange(len(chosen)), chosen].mean() < 0.95 * costs.min(axis=1).mean() < 0
    assert {1, 4} <= set(chosen)


def test_the_value_of_a_policy_covers_the_truth_at_its_rate() -> None:
    """Off-policy value on 60 sessions at a time that it has not seen; the truth from 20,000 rounds."""
    policy = tr.learn.train(rounds(3, 200), start=PLAIN)
    many = rounds(4, 2_000)
    chosen = np.array([policy.choose([int(s) for s in row]) for row in many.seen])
    real = float(truth(many.seen[:, 3])[np.arange(len(chosen)), chosen].mean())
    hits = 0
    for seed in range(100):
        found = tr.learn.value_of(policy, rounds(100 + seed, 60), draws=200, seed=seed)
        hits += found.low <= real <= found.high
    print(f"seeds 100 to 199: {hits} of 100")
    assert hits >= 87


def test_where_nothing_can_be_gained_the_value_says_so() -> None:
    """All actions cost the same: no interval of the value on unseen sessions lies below zero, save by chance."""
    below = 0
    for seed in range(20):
        policy = tr.learn.train(rounds(seed, 60, gain=0.0), start=PLAIN)
        below += tr.learn.value_of(policy, rounds(1_000 + seed, 60, gain=0.0), draws=200).high < 0
    assert below <= 2


def test_a_margin_keeps_to_the_baseline() -> None:
    log = rounds(5, 300)
    bold, shy = (tr.learn.train(log, start=PLAIN, margin=margin) for margin in (0.0, 3.0))
    picks = [[p.choose([int(s) for s in row]) for row in log.seen] for p in (bold, shy)]
    assert np.count_nonzero(picks[1]) < np.count_nonzero(picks[0]) / 2
    assert tr.learn.train(log, start=PLAIN, margin=1e6).choose([1_000, 0, 0, -2_000, 0, 0]) == 0


def test_training_is_one_result_and_does_not_depend_on_names_of_sessions() -> None:
    log = rounds(6, 100)
    renamed = msgspec.structs.replace(log, session=log.session + 1_000)
    assert tr.learn.train(log, start=PLAIN).hash == tr.learn.train(log, start=PLAIN).hash
    assert tr.learn.train(renamed, start=PLAIN).hash == tr.learn.train(log, start=PLAIN).hash
    assert tr.learn.train(rounds(7, 100), start=PLAIN).hash != tr.learn.train(log, start=PLAIN).hash


def test_models_never_saw_the_session_that_they_score() -> None:
    """One session with absurd costs moves the scores of the others, never the model of its own."""
    from tiderace._learn.policy import _dealt, _scores

    log = rounds(8, 40)
    absurd = log.cost + 1e6 * (log.session == 3)
    fold = _dealt(log.session, 5)
    same, other = (
        _scores(log.seen.astype(float), log.action, log.propensity, cost, fold, len(ACTIONS), 10.0)
        for cost in (log.cost, absurd)
    )
    own = log.session == 3
    tried = np.zeros_like(same, dtype=bool)
    tried[np.arange(len(same)), log.action] = True
    assert np.allclose(same[own][~tried[own]], other[own][~tried[own]])
    assert not np.allclose(same[~own], other[~own])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": np.zeros(400, int)}, "each of 7 actions was tried"),
        ({"propensity": np.zeros(400)}, "above 0"),
        ({"seen": np.zeros((400, 6))}, "a constant"),
        ({"session": np.zeros(3)}, "400 rounds"),
    ],
)
def test_a_log_that_is_none_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(tr.InputError, match=message):
        tr.learn.train(msgspec.structs.replace(rounds(9, 40), **change), start=PLAIN)


# Freezing


def test_a_policy_is_whole_numbers_and_comes_back_from_its_file(tmp_path: Path) -> None:
    policy = tr.learn.train(rounds(10, 60), start=PLAIN)
    assert tr.learn.Policy.load(policy.save(tmp_path / "policy.json")) == policy
    numbers = [
        n
        for value in policy.params().values()
        for n in (value if isinstance(value, list) else [value])
    ]
    assert all(type(n) is int and abs(n) < 2**63 for n in numbers)
    assert len(policy.params()["holdings"]) == SLICES_MAX + 1


def test_a_changed_policy_is_not_the_one_that_its_hash_names(tmp_path: Path) -> None:
    path = chance(1).save(tmp_path / "policy.json")
    whole = json.loads(path.read_text())
    for change in (
        {"guard": 900_000_000},
        {"weights": [[0] * 6] * 7},
        {"features": list(FEATURES[::-1])},
    ):
        path.write_text(json.dumps(whole | change))
        with pytest.raises(tr.InputError, match="the one that its hash names"):
            tr.learn.Policy.load(path)
    path.write_text("{}")
    with pytest.raises(tr.InputError, match="is no policy"):
        tr.learn.Policy.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"holdings": [ONE, 500_000, 600_000, 0]},
        {"holdings": [ONE] * 66},
        {"guard": -1},
        {"urgency": [500_000, *PLAIN.urgency[1:]]},
        {"passive": [ONE + 1] * 7},
        {"weights": [[1] * 6] * 7},
        {"margin": -1},
    ],
)
def test_what_is_no_policy_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(tr.InputError, match="this is no policy"):
        msgspec.structs.replace(PLAIN, **change).__post_init__()


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn.linear_model", None)
    with pytest.raises(tr.InputError, match=r"tiderace\[learn\]"):
        tr.learn.train(rounds(11, 20), start=PLAIN)
