"""When a market trades: the shares of a day's volume by bucket, shrunk as far as they are noise.

A bucket's mean share over the days is noisy, most of all with few days; a schedule that follows the
noise trades unevenly for nothing. So each share is pulled towards the even one by as much as its
noise explains of the spread between buckets (empirical Bayes, James and Stein)::

    curve_k = w_k mean_k + (1 - w_k) / K,   w_k = between / (between + noise_k)
    noise_k = phi mean_k / D,   between = max(0, var(mean) - mean(noise))

phi, the variance of a share over its mean, comes from how the days differ; with one day only from
the trades themselves: were they to come independently, phi = sum q^2 / (sum q)^2. Trades come in
clusters, so that is the least that it can be, and the curve of one day follows it too closely.
"""

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tiderace._learn.intervals import DRAWS, Floats, resampled, within
from tiderace.algo._inputs import number, numbers, whole
from tiderace.errors import InputError

BUCKETS_MAX = 1_440
TOTAL = 1_000_000_000
"""What a curve sums to: shares are held in 1e-9."""
DAY_NS = 86_400_000_000_000


class VolumeCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of a day's volume by bucket.

    Attributes
    ----------
    curve
        Whole numbers that sum to ``total``: the parameter ``curve`` of the algorithm ``vwap``.
    low, high
        Interval of each share, in the same unit; absent with one day.
    total
        What ``curve`` sums to.
    kept
        The mean of w: 1 is the plain mean of the days, 0 the even curve.
    days
        Days that it rests on.
    """

    curve: list[int]
    low: list[int] | None
    high: list[int] | None
    total: int
    kept: float
    days: int


def volume_buckets(
    ts_ns: ArrayLike,
    qty: ArrayLike,
    *,
    buckets: int,
    start_ns: int = 0,
    span_ns: int = DAY_NS,
) -> Floats:
    """Sum volume by span and bucket; a span in which nothing traded is left out.

    Parameters
    ----------
    ts_ns, qty
        Time (UTC) and size of each trade, size above zero.
    buckets
        Equal parts of a span.
    start_ns, span_ns
        A time at which a span begins, and its length: days in UTC unless given. What traded before
        ``start_ns`` belongs to the spans before.

    Returns
    -------
    ndarray, shape (spans, buckets)
        In order of time.

    Raises
    ------
    InputError
        Times and sizes are not pairs, or a size is not above zero.
    """
    buckets = whole("buckets", buckets, at_least=1, at_most=BUCKETS_MAX)
    span = whole("span_ns", span_ns, at_least=buckets, at_most=366 * DAY_NS)
    start = whole("start_ns", start_ns, at_least=-(2**62), at_most=2**62)
    size = numbers("qty", qty, above=0.0).reshape(-1)
    times = np.asarray(ts_ns)
    if times.dtype.kind != "i" or times.shape != size.shape:
        raise InputError(
            f"ts_ns of type {times.dtype} and shape {times.shape}, {len(size)} sizes",
            rule="Each trade has a time, an int64 of nanoseconds, and a size",
            remedy="Give two arrays of one length",
        )
    if not len(size):
        return np.zeros((0, buckets))
    since = times.astype(np.int64) - start
    row = since // span
    # Python's own whole numbers: a span of nanoseconds times the buckets may leave an int64.
    edges = np.array([-(-span * k // buckets) for k in range(1, buckets)], dtype=np.int64)
    column = np.searchsorted(edges, since - row * span, side="right")
    rows, number_of = np.unique(row, return_inverse=True)
    found = np.zeros((len(rows), buckets))
    np.add.at(found, (number_of.reshape(-1), column), size)
    return found


def volume_curve(
    volumes: ArrayLike,
    *,
    total: int = TOTAL,
    trade_sizes: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> VolumeCurve:
    """Fit the curve of a day's volume.

    Parameters
    ----------
    volumes
        Shape (days, buckets), as `volume_buckets` gives it: whole days. A day counts as much as any
        other, however much it traded.
    total
        What the whole numbers of the curve sum to.
    trade_sizes
        Sizes of the trades; needed with one day, where they say how noisy it is.
    draws, seed
        Of the bootstrap over days.

    Raises
    ------
    InputError
        A day traded nothing, or one day came without the sizes of its trades.
    """
    days = numbers("volumes", volumes, at_least=0.0)
    total = whole("total", total, at_least=1, at_most=2**62)
    if days.ndim != 2 or not days.size or not np.all(days.sum(axis=1) > 0):
        raise InputError(
            f"volumes of shape {days.shape}",
            rule="Volumes are rows of days and columns of buckets, and every day traded",
            remedy="Leave out days without a trade",
        )
    shares = days / days.sum(axis=1, keepdims=True)
    count = len(shares)
    if count == 1:
        curve, kept = _shrunk(shares, np.ones((1, 1)), _phi_of_trades(trade_sizes))
        whole_curve, low, high = _whole(curve[0], total), None, None
    else:
        curve, kept = _shrunk(shares, np.ones((1, count)), None)
        whole_curve = _whole(curve[0], total)
        drawn, _ = _shrunk(shares, resampled(count, draws=draws, seed=seed), None)
        bounds = [within(column) for column in drawn.T]
        low = [int(total * at) for at, _ in bounds]
        high = [int(np.ceil(total * at)) for _, at in bounds]
    return VolumeCurve(
        curve=whole_curve, low=low, high=high, total=total, kept=float(kept[0]), days=count
    )


def _shrunk(shares: Floats, weights: Floats, phi: float | None) -> tuple[Floats, Floats]:
    """Return curves, shape (draws, buckets), and how much of their form was kept."""
    days, buckets = shares.shape
    mean = weights @ shares / days
    if phi is None:
        # The days' squares about their mean, all buckets together: one number, so that it holds.
        spread = (weights @ shares**2 / days - mean**2).sum(axis=1)
        overall = spread / max(days - 1, 1) * days
    else:
        overall = np.full(len(mean), phi)
    noise = overall[:, None] * mean / days
    between = np.maximum(0.0, mean.var(axis=1) - noise.mean(axis=1))[:, None]
    keep = np.divide(between, between + noise, out=np.ones_like(noise), where=between + noise > 0)
    curve = keep * mean + (1.0 - keep) / buckets
    return curve / curve.sum(axis=1, keepdims=True), keep.mean(axis=1)


def _phi_of_trades(trade_sizes: ArrayLike | None) -> float:
    if trade_sizes is None:
        raise InputError(
            "one day, without trade_sizes",
            rule="One day does not say how days differ; the sizes of its trades bound it",
            remedy="Give trade_sizes, or more days",
        )
    size = numbers("trade_sizes", trade_sizes, above=0.0)
    return number("phi", float((size**2).sum() / size.sum() ** 2), above=0.0)


def _whole(shares: Floats, total: int) -> list[int]:
    """Return whole numbers that sum to a total, by largest remainder; ties to the first."""
    exact: NDArray[np.float64] = shares * float(total)
    floors = [int(part) for part in exact]
    missing = total - sum(floors)
    order = np.argsort(-(exact - np.floor(exact)), kind="stable")
    # A float of 2^62 is whole by the hundreds: what is missing may go round more than once.
    each, rest = divmod(missing, len(floors))
    floors = [part + each for part in floors]
    for k in order[:rest]:
        floors[int(k)] += 1
    return floors
