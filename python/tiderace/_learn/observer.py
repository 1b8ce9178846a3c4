"""Whether somebody who watches the public feed can tell when our next child comes, and how large.

The observer is stronger than any real one: he knows the side, when the work began and ended, and
learns from other runs with every one of our children marked. What he sees is public alone. Time is
cut into equal pieces; he gives each the probability that a child of ours prints in it. Against him:

- the **base rate**: the share of pieces with a child in the runs that he learnt from, for every
  piece (``gain`` is the log-loss that he saves on it);
- the **surrounding flow**: as many prints of others, drawn by chance, that he learns to foresee in
  the same way. Flow comes in clusters, so he foresees some of it; a child that is no easier to
  foresee than that is hidden in it (``excess``, of AUC).

He learns from some runs and is tested on others. Intervals are over the runs tested (with few runs,
over stretches of time within them).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from tiderace._learn import feed, scikit
from tiderace._learn.intervals import Estimate, Floats, resampled, within
from tiderace.algo._inputs import number, whole
from tiderace.errors import InputError

_BLOCKS_MIN = 20
_BLOCK = 60
_PROBABILITY_MIN = 1e-6


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """How well the observer did on runs that he had not seen.

    Attributes
    ----------
    auc
        Probability that a piece with a child was given more than one without: 0.5 is a guess.
    flow_auc
        The same of prints of others.
    excess
        ``auc`` less ``flow_auc``.
    gain
        Log-loss of the base rate less his, nats a piece: above zero he knows more.
    size_gain
        Share of the variance of a child's log size that he foretells, against the mean.
    base_rate
        Share of the pieces with a child, in the runs learnt from.
    log_loss
        Of the base rate, on the runs tested.
    verdict
        ``hidden`` unless the interval of ``excess`` or ``size_gain`` lies above zero.
    learnt_from, tested_on, pieces, children
        Runs, and pieces and children of those tested.
    """

    auc: Estimate
    flow_auc: Estimate
    excess: Estimate
    gain: Estimate
    size_gain: Estimate
    base_rate: float
    log_loss: float
    verdict: str
    learnt_from: int
    tested_on: int
    pieces: int
    children: int


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """One run as the observer has it, with the truth beside; shapes (pieces, ...) and (children,).

    Attributes
    ----------
    seen, has_child, has_decoy
        Features of each piece's beginning, and whether a child, or a decoy, printed in the piece.
    child_seen, child_size
        Features of the moment before each child, and its log size.
    """

    seen: Floats
    has_child: Any
    has_decoy: Any
    child_seen: Floats
    child_size: Floats


def watch(
    public: feed.Feed, own: feed.Own, *, piece_ns: int, random: np.random.Generator
) -> Watched:
    """Cut one run into pieces."""
    edges = np.arange(own.start_ns, own.end_ns + piece_ns, piece_ns, dtype=np.int64)
    seen = feed.features(public, edges[:-1], sign=own.sign)
    is_own = np.isin(public.event_ns, own.event_ns)
    around = (public.event_ns >= own.start_ns) & (public.event_ns <= own.end_ns)
    others = public.event_ns[(public.sign == own.sign) & ~is_own & around]
    count = min(len(own.event_ns), len(others))
    decoys = random.choice(others, count, replace=False) if count else others
    return Watched(
        seen=seen,
        has_child=np.histogram(own.event_ns, edges)[0] > 0,
        has_decoy=np.histogram(decoys, edges)[0] > 0,
        child_seen=feed.features(public, own.event_ns, sign=own.sign),
        child_size=np.log(np.maximum(own.size, 1e-12)),
    )


def observe(
    runs: Sequence[Any],
    *,
    piece_s: float = 0.5,
    learn_share: float = 0.5,
    draws: int = 500,
    seed: int = 0,
) -> Observed:
    """Fit an observer to some runs and test him on the others.

    Parameters
    ----------
    runs
        Of one config under different seeds, in any order; the first ``learn_share`` of them are
        learnt from.
    piece_s
        Length of a piece of time.
    draws, seed
        Of the bootstrap; the seed also draws the prints of others that he is compared on.

    Raises
    ------
    InputError
        Fewer than two runs took anything, or scikit-learn is absent.
    """
    piece_ns = round(number("piece_s", piece_s, above=0.0) * 1e9)
    share = number("learn_share", learn_share, above=0.0, below=1.0)
    random = np.random.default_rng(whole("seed", seed, at_least=0, at_most=2**32 - 1))
    watched = []
    for run in runs:
        own = feed.own_of(run)
        if own is not None:
            public = feed.feed_of(run)
            watched.append(watch(public, own, piece_ns=piece_ns, random=random))
    return judge(watched, learn_share=share, draws=draws, seed=seed)


def judge(
    watched: Sequence[Watched], *, learn_share: float = 0.5, draws: int = 500, seed: int = 0
) -> Observed:
    """Fit and test; as `observe`, of runs already cut."""
    if len(watched) < 2:
        raise InputError(
            f"{len(watched)} runs with children that took",
            rule="An observer learns from one run and is tested on another",
            remedy="Give two runs or more (twenty for an interval to trust)",
        )
    cut = min(max(round(len(watched) * learn_share), 1), len(watched) - 1)
    learnt, tested = list(watched[:cut]), list(watched[cut:])
    group = _groups(tested)
    weights = resampled(int(group.max()) + 1, draws=draws, seed=seed)
    child, flow = (_scored(learnt, tested, name, seed) for name in ("has_child", "has_decoy"))
    gains, base_rate, log_loss = _gains(learnt, child)
    auc, flow_auc = (_aucs(*scored, group, weights) for scored in (child, flow))
    excess = auc - flow_auc
    by_group = np.bincount(group, gains), np.bincount(group)
    n = len(weights[0])
    found = {
        "auc": Estimate(float(auc[0]), *within(auc[1:]), n),
        "flow_auc": Estimate(float(flow_auc[0]), *within(flow_auc[1:]), n),
        "excess": Estimate(float(excess[0]), *within(excess[1:]), n),
        "gain": Estimate(
            float(gains.mean()), *within(weights @ by_group[0] / (weights @ by_group[1])), n
        ),
        "size_gain": _size_gain(learnt, tested, draws, seed),
    }
    is_seen = found["excess"].low > 0 or found["size_gain"].low > 0
    return Observed(
        **found,
        base_rate=base_rate,
        log_loss=log_loss,
        verdict="seen" if is_seen else "hidden",
        learnt_from=len(learnt),
        tested_on=len(tested),
        pieces=len(gains),
        children=int(sum(len(one.child_size) for one in tested)),
    )


def _groups(tested: Sequence[Watched]) -> Any:
    """Return which independent unit each piece belongs to: its run, or with few a stretch of it."""
    if len(tested) >= _BLOCKS_MIN:
        return np.repeat(np.arange(len(tested)), [len(one.seen) for one in tested])
    stretch = [i * 10**6 + np.arange(len(one.seen)) // _BLOCK for i, one in enumerate(tested)]
    return np.unique(np.concatenate(stretch), return_inverse=True)[1].reshape(-1)


def _scored(
    learnt: Sequence[Watched], tested: Sequence[Watched], name: str, seed: int
) -> tuple[Any, Floats]:
    """Return what happened in each piece tested, and the probability that he gave it."""
    known = np.concatenate([getattr(one, name) for one in learnt])
    truth = np.concatenate([getattr(one, name) for one in tested])
    seen = np.concatenate([one.seen for one in tested])
    if known.all() or not known.any():
        return truth, np.full(len(seen), float(known.mean()))
    model = scikit.module("ensemble").HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    with scikit.one_thread():
        model.fit(np.concatenate([one.seen for one in learnt]), known)
        given = model.predict_proba(seen)[:, 1]
    return truth, np.asarray(given, dtype=np.float64)


def _gains(learnt: Sequence[Watched], scored: tuple[Any, Floats]) -> tuple[Floats, float, float]:
    """Return the log-loss saved at each piece, the base rate, and the base rate's log-loss."""
    truth, given = scored
    rate = float(np.concatenate([one.has_child for one in learnt]).mean())
    own, base = (
        -np.log(np.where(truth, p, 1.0 - p))
        for p in (
            np.clip(given, _PROBABILITY_MIN, 1 - _PROBABILITY_MIN),
            np.full(len(given), np.clip(rate, _PROBABILITY_MIN, 1 - _PROBABILITY_MIN)),
        )
    )
    return base - own, rate, float(base.mean())


def _aucs(truth: Any, given: Floats, group: Any, weights: Floats) -> Floats:
    """Return the AUC itself, and of each draw; a draw without both kinds has none (NaN)."""
    _, rank = np.unique(given, return_inverse=True)
    rank, size = rank.reshape(-1), int(rank.max()) + 1
    found = []
    for drawn in (np.ones_like(weights[0]), *weights):
        each = drawn[group]
        with_child = np.bincount(rank, each * truth, size)
        without = np.bincount(rank, each * ~truth, size)
        below = np.cumsum(without) - without / 2
        pairs = with_child.sum() * without.sum()
        found.append(float(with_child @ below / pairs) if pairs > 0 else np.nan)
    return np.array(found)


def _size_gain(
    learnt: Sequence[Watched], tested: Sequence[Watched], draws: int, seed: int
) -> Estimate:
    """Return what share of the variance of log sizes he foretells, by child tested."""
    model = scikit.module("ensemble").HistGradientBoostingRegressor(
        max_iter=60,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=20,
        early_stopping=False,
        random_state=seed,
    )
    sizes = np.concatenate([one.child_size for one in learnt])
    with scikit.one_thread():
        model.fit(np.concatenate([one.child_seen for one in learnt]), sizes)
        told = [model.predict(one.child_seen) for one in tested]
    errors = [
        (
            ((one.child_size - sizes.mean()) ** 2).sum(),
            ((one.child_size - given) ** 2).sum(),
        )
        for one, given in zip(tested, told, strict=True)
    ]
    base, own = np.array(errors).T
    value = 1.0 - own.sum() / max(base.sum(), np.finfo(float).tiny)
    if len(tested) < 2:
        return Estimate(float(value), float("-inf"), float("inf"), len(tested))
    weights = resampled(len(tested), draws=draws, seed=seed)
    drawn = 1.0 - (weights @ own) / np.maximum(weights @ base, np.finfo(float).tiny)
    return Estimate(float(value), *within(drawn), len(tested))
