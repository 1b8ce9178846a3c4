"""Even slices, and a share of the others' volume."""

import itertools

import numpy as np
from numpy.typing import ArrayLike

from tiderace.algo._inputs import SLICES_MAX, Number, finite, number, numbers, shaped, whole
from tiderace.errors import InputError

LOTS_MAX = 2**63 - 1


def twap_slices(lots: int, *, n: int) -> list[int]:
    """Split whole lots into parts as even as a running floor makes them.

    Part j is floor(j lots / n) - floor((j - 1) lots / n): two parts differ by one lot at most, and
    their sum is the order, exactly. The engine's TWAP splits the same way.

    Parameters
    ----------
    lots
        Whole lots, 0 to 2**63 - 1.
    n
        Parts, 1 to 1,000,000.

    Returns
    -------
    list of int
        ``n`` parts; some are zero where ``n`` is more than ``lots``.

    Raises
    ------
    InputError
        A number is not whole, or out of its range.
    """
    lots = whole("lots", lots, at_least=0, at_most=LOTS_MAX)
    n = whole("n", n, at_least=1, at_most=SLICES_MAX)
    ends = [j * lots // n for j in range(n + 1)]
    return [end - start for start, end in itertools.pairwise(ends)]


def pov_target(others_volume: ArrayLike, *, rate: float, include_own: bool) -> Number:
    """Return how much should be done when the others have traded this much.

    With own volume counted in the market's, own = rate / (1 - rate) x others, so that own is
    ``rate`` of the whole; else own = rate x others.

    Parameters
    ----------
    others_volume
        Volume that others have traded, >= 0; a number or an array.
    rate
        Participation, >= 0: at most 1, and below 1 where own volume is counted.
    include_own
        Whether the volume that ``rate`` is of counts our own trades.

    Returns
    -------
    float or ndarray
        Own target, in the unit of ``others_volume``.

    Raises
    ------
    InputError
        A number is out of its range, or ``include_own`` is neither True nor False.
    """
    if not isinstance(include_own, bool):
        raise InputError(
            f"include_own = {include_own!r}",
            rule="Own volume is counted (True) or not (False)",
            remedy="Give include_own as bool",
        )
    others = numbers("others_volume", others_volume, at_least=0.0)
    if include_own:
        share = number("rate", rate, at_least=0.0, below=1.0)
        ratio = share / (1.0 - share)
    else:
        ratio = number("rate", rate, at_least=0.0, at_most=1.0)
    with np.errstate(over="ignore"):
        target = shaped(others * ratio)
    finite(target=target)
    return target
