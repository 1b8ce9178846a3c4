"""A policy over urgency and placement: learnt from logged choices, frozen to whole numbers.

A slice of a schedule is one round of a contextual bandit: what is seen, which of a few actions is
done, what it cost. Actions were drawn by chance with a known probability while the log was made, so
each round tells, without bias, of every action (doubly robust)::

    score_a = model_a(seen) + [action = a] / propensity (cost - model_a(seen))

`model_a` is a ridge regression that never saw the round's session (it is fitted on other folds).
The policy is the linear form of the features that fits score_a - score_0 best, action 0 being the
baseline: it is what the program `tiderace/_learn/adaptive.py` reads, in whole numbers of 1e-6, and
its hash names it. What it is worth is told on sessions it has not seen (`value_of`, and better:
by running it, `tiderace.learn.compare`).

References
----------
M. Dudik, J. Langford, L. Li, "Doubly robust policy evaluation and learning" (2011).
R. Almgren and N. Chriss, "Optimal execution of portfolio transactions" (2000): the baseline.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tiderace._learn import scikit
from tiderace._learn.intervals import DRAWS, Estimate, Floats, resampled, within
from tiderace.algo import almgren_chriss
from tiderace.algo._inputs import number, numbers, whole
from tiderace.errors import InputError

FEATURES = ("one", "spread", "pressure", "move", "behind", "gone")
PROGRAM = Path(__file__).parent / "adaptive.py"
"""The program that works an order by a policy."""
ACTIONS = ((1.0, 0.0), (1.0, 1.0), (0.5, 0.0), (0.5, 1.0), (1.5, 0.0), (1.5, 1.0), (0.0, 0.0))
"""Urgency, and the part that is posted; the first is the baseline."""
ONE = 1_000_000
SLICES_MAX = 64
ACTIONS_MAX = 8
_GUARD_ONE = 1_000_000_000
_WEIGHT_MAX = 10**12
_FORM = 1

Ints = NDArray[np.int64]


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """Rounds: what was seen, what was done with what probability, what it cost.

    Attributes
    ----------
    seen
        Shape (n, features), whole numbers in the order of ``FEATURES``.
    action, propensity
        Which, and how likely it was to be done given what was seen; > 0.
    cost
        Above zero is worse; any unit.
    session
        Rounds of one session share a number: they are not independent.
    """

    seen: Any
    action: Any
    propensity: Any
    cost: Any
    session: Any


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen policy: whole numbers alone.

    Attributes
    ----------
    holdings
        The baseline: what is held as slice k begins, in 1e-6 of the order; from 1,000,000 to 0.
    guard
        How much of the baseline's sum of squared holdings may come on top, in 1e-9.
    urgency, passive
        Of each action, in 1e-6.
    weights
        Shape (actions, features): expected cost less the baseline's, in 1e-6 of a cost unit for
        each unit of a feature. Those of action 0 are zero.
    margin
        What another action has to save, in the unit of a weight times a feature.
    """

    holdings: list[int]
    guard: int
    urgency: list[int]
    passive: list[int]
    weights: list[list[int]]
    margin: int = 0

    def __post_init__(self) -> None:
        steps = len(self.holdings) - 1
        falls = all(a >= b for a, b in zip(self.holdings, self.holdings[1:], strict=False))
        count = len(self.urgency)
        fits = (
            1 <= steps <= SLICES_MAX
            and falls
            and (self.holdings[0], self.holdings[-1]) == (ONE, 0)
            and 0 <= self.guard <= _GUARD_ONE
            and 1 <= count <= ACTIONS_MAX
            and len(self.passive) == len(self.weights) == count
            and (self.urgency[0], self.passive[0]) == (ONE, 0)
            and all(0 <= part <= ONE for part in self.passive)
            and all(0 <= pace <= 4 * ONE for pace in self.urgency)
            and all(len(row) == len(FEATURES) for row in self.weights)
            and all(abs(w) <= _WEIGHT_MAX for row in self.weights for w in row)
            and not any(self.weights[0])
            and self.margin >= 0
        )
        if not fits:
            raise InputError(
                "this is no policy",
                rule=f"Holdings fall from {ONE:,} to 0 over at most {SLICES_MAX} slices; at most "
                f"{ACTIONS_MAX} actions, the first of urgency 1, posting nothing, without weights",
                remedy="Take it from tr.learn.train, or from the file that it was saved to",
            )

    @property
    def hash(self) -> str:
        """Name of the policy: of its numbers and their meaning."""
        return blake2b(self._text().encode(), digest_size=32).hexdigest()

    def choose(self, seen: Sequence[int]) -> int:
        """Return the action for what is seen, as the program does."""
        best, least = 0, -self.margin
        for action, row in enumerate(self.weights):
            score = sum(w * s for w, s in zip(row, seen, strict=True))
            if action and score < least:
                best, least = action, score
        return best

    def params(self) -> dict[str, Any]:
        """Return the parameters of the program."""

        def padded(values: Sequence[int], length: int) -> list[int]:
            return [*values, *[0] * (length - len(values))]

        return {
            "slices": len(self.holdings) - 1,
            "holdings": padded(self.holdings, SLICES_MAX + 1),
            "guard": self.guard,
            "actions": len(self.urgency),
            "urgency": padded(self.urgency, ACTIONS_MAX),
            "passive": padded(self.passive, ACTIONS_MAX),
            "weights": padded([w for r in self.weights for w in r], ACTIONS_MAX * len(FEATURES)),
            "margin": self.margin,
        }

    def save(self, path: str | Path) -> Path:
        """Write it as JSON, with its hash."""
        target = Path(path)
        target.write_text(json.dumps({"hash": self.hash, **self._fields()}, indent=1) + "\n")
        return target

    @classmethod
    def load(cls, path: str | Path) -> "Policy":
        """Read it back.

        Raises
        ------
        InputError
            It is no policy of this form, or not the one that its hash names.
        """
        try:
            read = json.loads(Path(path).read_text(encoding="utf-8"))
            named, form, features = read.pop("hash"), read.pop("form"), read.pop("features")
            found = msgspec.convert(read, cls)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{str(path)!r} is no policy: {error}",
                rule="A policy is a JSON file that Policy.save wrote",
                remedy="Train it again",
            ) from None
        if form != _FORM or tuple(features) != FEATURES or found.hash != named:
            raise InputError(
                f"{str(path)!r} has the hash {found.hash}, and says {named}",
                rule="A frozen policy is the one that its hash names",
                remedy="Restore the file, or train it again",
            )
        return found

    def _fields(self) -> dict[str, Any]:
        own: dict[str, Any] = msgspec.to_builtins(self)
        return {"form": _FORM, "features": list(FEATURES), **own}

    def _text(self) -> str:
        return json.dumps(self._fields(), sort_keys=True, separators=(",", ":"))


def baseline(
    *, slices: int, risk: float, guard: float = 0.2, actions: ArrayLike = ACTIONS
) -> Policy:
    """Make the policy that only follows an Almgren-Chriss schedule.

    Parameters
    ----------
    slices
        1 to 64.
    risk
        How front-loaded: kappa T, 0 for a straight line. At 2 half of the order is done after a
        third of the time.
    guard
        How much more variance than the baseline's a policy on top of it may take, 0 to 1.
    actions
        Rows of urgency (0 to 4) and posted part (0 to 1), the first ``(1, 0)``; at most 8.

    Returns
    -------
    Policy
        With all weights zero: the action is the first, always.
    """
    n = whole("slices", slices, at_least=1, at_most=SLICES_MAX)
    kappa = number("risk", risk, at_least=0.0, at_most=100.0)
    share = number("guard", guard, at_least=0.0, at_most=1.0)
    rows = numbers("actions", actions, at_least=0.0, at_most=4.0).reshape(-1, 2)
    # Of the model only kappa T bends the schedule: eta and gamma are chosen so that it comes out.
    tau = 1.0 / n
    aversion = 2.0 * (np.cosh(kappa * tau) - 1.0) / tau**2
    plan = almgren_chriss(
        1.0, horizon=1.0, n=n, sigma=1.0, eta=1.0, gamma=0.0, epsilon=0.0, risk_aversion=aversion
    )
    holdings = [round(ONE * float(held)) for held in plan.trajectory]
    return Policy(
        holdings=[ONE, *holdings[1:-1], 0],
        guard=round(_GUARD_ONE * share),
        urgency=[round(ONE * float(pace)) for pace in rows[:, 0]],
        passive=[round(ONE * float(part)) for part in rows[:, 1]],
        weights=[[0] * len(FEATURES) for _ in rows],
    )


def train(
    log: Log, *, start: Policy, folds: int = 5, alpha: float = 10.0, margin: float = 0.0
) -> Policy:
    """Learn a policy offline from logged rounds, and freeze it.

    Parameters
    ----------
    log
        Rounds whose actions were drawn with known probabilities.
    start
        The baseline: schedule, guard and actions are kept, weights are learnt.
    folds
        Sessions are dealt into so many; a round's models are fitted on the other folds.
    alpha
        Of the ridge, in rounds: how much evidence it takes to leave zero.
    margin
        What an action has to save before it is preferred to the baseline, in the log's unit.

    Returns
    -------
    Policy
        The same log gives the same policy: nothing is drawn.

    Raises
    ------
    InputError
        The log is not one of these actions, an action was never tried, sessions are fewer than
        folds, or scikit-learn is absent.
    """
    seen, action, propensity, cost, session = _checked(log, len(start.urgency))
    fold = _dealt(session, folds)
    score = _scores(seen, action, propensity, cost, fold, len(start.urgency), alpha)
    centre, scale = _standard(seen)
    weights = [[0] * len(FEATURES)]
    for other in range(1, len(start.urgency)):
        fitted = _ridge(alpha).fit((seen - centre) / scale, score[:, other] - score[:, 0])
        slopes = np.asarray(fitted.coef_) / scale
        constant = float(fitted.intercept_) - float(slopes @ centre)
        # The first feature is a constant, and bears the intercept; standardised, it has no slope.
        row = np.append(constant / seen[0, 0], slopes[1:])
        weights.append([_frozen(value) for value in row])
    return msgspec.structs.replace(
        start, weights=weights, margin=round(number("margin", margin, at_least=0.0) * ONE)
    )


def value_of(
    policy: Policy,
    log: Log,
    *,
    folds: int = 5,
    alpha: float = 10.0,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """Estimate from a log what a policy saves or costs a round, against the baseline.

    Parameters
    ----------
    policy
        One that was not learnt from these rounds.
    log, folds, alpha
        As in `train`.
    draws, seed
        Of the bootstrap over sessions.

    Returns
    -------
    Estimate
        Mean cost less the baseline's, below zero where it saves. It holds for a round by itself:
        what an action leaves to later slices counts as far as the cost of a round says so.
    """
    seen, action, propensity, cost, session = _checked(log, len(policy.urgency))
    fold = _dealt(session, folds)
    score = _scores(seen, action, propensity, cost, fold, len(policy.urgency), alpha)
    chosen = np.array([policy.choose([int(s) for s in row]) for row in seen])
    gap = score[np.arange(len(score)), chosen] - score[:, 0]
    names, number_of = np.unique(session, return_inverse=True)
    total, rounds = np.bincount(number_of.reshape(-1), gap), np.bincount(number_of.reshape(-1))
    weights = resampled(len(names), draws=draws, seed=seed)
    low, high = within((weights @ total) / (weights @ rounds))
    return Estimate(float(gap.mean()), low, high, len(names))


def _checked(log: Log, actions: int) -> tuple[Floats, Ints, Floats, Floats, Any]:
    seen = numbers("seen", log.seen)
    action = np.asarray(log.action)
    propensity = numbers("propensity", log.propensity, above=0.0, at_most=1.0)
    cost, session = numbers("cost", log.cost), np.asarray(log.session)
    fits = (
        seen.ndim == 2
        and seen.shape[1] == len(FEATURES)
        and len({len(seen), len(action), len(propensity), len(cost), len(session)}) == 1
        and len(action) > 0
        and bool(np.all(np.isin(action, np.arange(actions))))
        and bool(np.all(np.bincount(action, minlength=actions) > 0))
        and bool(np.all(seen[:, 0] == seen[0, 0]))
        and seen[0, 0] != 0
    )
    if not fits:
        raise InputError(
            f"a log of {len(action)} rounds",
            rule=f"Rounds have {len(FEATURES)} features, the first a constant, and each of "
            f"{actions} actions was tried",
            remedy="Log more sessions, with explore at 1",
        )
    return seen, action.astype(np.int64), propensity, cost, session


def _dealt(session: Any, folds: int) -> Ints:
    """Deal sessions into folds by their order: rounds of one session stay together."""
    names, number_of = np.unique(session, return_inverse=True)
    count = whole("folds", folds, at_least=2, at_most=max(len(names), 2))
    return np.asarray(number_of.reshape(-1) % count, dtype=np.int64)


def _scores(
    seen: Floats,
    action: Ints,
    propensity: Floats,
    cost: Floats,
    fold: Ints,
    actions: int,
    alpha: float,
) -> Floats:
    """Return the doubly robust cost of each action in each round, shape (n, actions)."""
    centre, scale = _standard(seen)
    rows = (seen - centre) / scale
    score = np.zeros((len(rows), actions))
    for each in range(actions):
        for part in np.unique(fold):
            inside, own = fold == part, (fold != part) & (action == each)
            if own.any():
                model = _ridge(alpha).fit(rows[own], cost[own])
                score[inside, each] = model.predict(rows[inside])
        done = action == each
        score[done, each] += (cost[done] - score[done, each]) / propensity[done]
    return score


def _standard(seen: Floats) -> tuple[Floats, Floats]:
    """Return centre and scale; a feature that never varies keeps its own."""
    spread = seen.std(axis=0)
    return seen.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _ridge(alpha: float) -> Any:
    return scikit.module("linear_model").Ridge(alpha=alpha, solver="cholesky")


def _frozen(value: float) -> int:
    return int(np.clip(round(value * ONE), -_WEIGHT_MAX, _WEIGHT_MAX))


def described(policy: Policy) -> Mapping[str, Any]:
    """Return what ``--json`` prints of a policy."""
    return {
        "hash": policy.hash,
        "slices": len(policy.holdings) - 1,
        "guard": policy.guard / _GUARD_ONE,
        "actions": [
            {"urgency": pace / ONE, "passive": part / ONE, **dict(zip(FEATURES, row, strict=True))}
            for pace, part, row in zip(policy.urgency, policy.passive, policy.weights, strict=True)
        ],
    }
