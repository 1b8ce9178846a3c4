"""A surface: one SVI slice an expiry, free of arbitrage as a whole."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from tiderace import _core
from tiderace._model.numbers import floats, is_true, number, whole
from tiderace._model.options import Number
from tiderace._model.quotes import Quotes, names_of
from tiderace._model.svi import Svi
from tiderace.errors import InputError, core_errors


class Slice(NamedTuple):
    """One expiry of a surface, and how well it meets its quotes.

    Attributes
    ----------
    expiry
        As the quotes named it.
    t
        Years of 365 days.
    forward, discount
        What the slice is placed by.
    svi
        Total variance by log-moneyness.
    quotes
        Quotes that the fit used.
    judged, inside
        Two-sided quotes with a delta of 0.05 to 0.95, and those of them whose middle lies within
        half the spread of the slice.
    rmse_vol
        Root mean square of the vol error, weighted by vega; 0.01 is one vol point.
    """

    expiry: Any
    t: float
    forward: float
    discount: float
    svi: Svi
    quotes: int
    judged: int
    inside: int
    rmse_vol: float


class Forward(NamedTuple):
    """One expiry's forward, from its future and from put-call parity at the quotes.

    Attributes
    ----------
    expiry, t
        As the quotes named it; years of 365 days.
    forward, error
        From everything, and its standard error.
    from_future, from_parity
        NaN where there is none.
    pairs
        Strikes with a put and a call.
    """

    expiry: Any
    t: float
    forward: float
    error: float
    from_future: float
    from_parity: float
    pairs: int


class Surface:
    """Vols of one underlying at one time; `Surface.fit` makes one from quotes."""

    def __init__(self, core: _core.Surface, expiries: dict[int, Any]) -> None:
        self._core = core
        self._expiries = expiries

    @classmethod
    def fit(
        cls,
        quotes: Any,
        *,
        version: int = 1,
        ts_ns: int = 0,
        age_ns_max: int = 2**63 - 1,
        weekend: float = 1.0,
    ) -> Self:
        """Fit a surface without butterfly and calendar arbitrage to a chain of one style.

        Parameters
        ----------
        quotes
            Rows as `tiderace.model.arbitrage` takes them; futures serve the forwards.
        version
            Its number: higher is newer.
        ts_ns, age_ns_max
            When it is taken, UTC nanoseconds; quotes older than the age are left out as stale.
        weekend
            Weight of a Saturday or Sunday where variance is interpolated in time; 1 is calendar
            time. Another weight asks for expiries that are times (or UTC nanoseconds).
        """
        version = whole("version", version, least=0)
        ts_ns = whole("ts_ns", ts_ns, least=-(2**63))
        age_ns_max = whole("age_ns_max", age_ns_max, least=0)
        weekend = number("weekend", weekend)
        if weekend < 0.0:
            raise InputError(
                f"weekend = {weekend}",
                rule="A day's weight is not below zero",
                remedy="Give 1 for calendar time, 0 for business time",
            )
        chain = Quotes.of(quotes)
        if weekend != 1.0 and not chain.are_times:
            raise InputError(
                f"weekend = {weekend} with expiries that are names",
                rule="Which days lie before an expiry is known where expiries are times",
                remedy="Give expiries as times, dates or UTC nanoseconds, or weekend=1",
            )
        with core_errors():
            core = _core.Surface.fit(chain.columns(), version, ts_ns, age_ns_max, weekend)
        return cls(core, chain.named)

    @property
    def slices(self) -> list[Slice]:
        """The slices, by time."""
        found = []
        for key, t, forward, discount, params, counts, rmse in self._core.slices():
            quotes, judged, inside = counts
            svi = Svi(*params)
            found.append(
                Slice(self._expiries[key], t, forward, discount, svi, quotes, judged, inside, rmse)
            )
        return found

    @property
    def reasons(self) -> list[str | None]:
        """Why each quote was left out, None where it was used."""
        return names_of(self._core.reasons)

    @property
    def refused(self) -> dict[Any, str | None]:
        """Expiries without a slice, and why."""
        keys, codes = zip(*self._core.refused, strict=True) if self._core.refused else ((), ())
        named = zip(keys, names_of(codes), strict=True)
        return {self._expiries[key]: name for key, name in named}

    @property
    def forwards(self) -> list[Forward]:
        """The forward curve of the quotes, by expiry."""
        return [Forward(self._expiries[row[0]], *row[1:]) for row in self._core.forwards]

    def vol(self, expiry: Any, strike: ArrayLike) -> Number:
        """Vols of strikes at a listed expiry."""
        strikes = floats("strike", strike)
        flat = np.ascontiguousarray(strikes).reshape(-1)
        out = np.empty_like(flat)
        with core_errors():
            self._core.vols(self._key(expiry), flat, out)
        return out.reshape(strikes.shape) if strikes.shape else float(out[0])

    def price(self, expiry: Any, strike: float, *, call: bool) -> float:
        """Price of an option at a listed expiry, in the unit of the quotes."""
        at, call = number("strike", strike), is_true("call", call)
        with core_errors():
            return self._core.price(self._key(expiry), at, call)

    def worst_violation(self, *, reach: float = 3.0, steps: int = 600) -> float:
        """Search for arbitrage: the worst density or calendar fall, 0.0 where none is found."""
        far, steps = number("reach", reach), whole("steps", steps, least=1, most=1_000_000)
        found = self._core.worst_violation(far, steps, 4)
        return found[2] if found else 0.0

    def encode(self) -> bytes:
        """Return the bytes that are journaled."""
        return bytes(self._core.encode())

    def _key(self, expiry: Any) -> int:
        for key, named in self._expiries.items():
            if np.ndim(expiry) == 0 and named == expiry:
                return key
        known = (str(named) for _, named in sorted(self._expiries.items()))
        raise InputError(
            f"expiry = {expiry!r}",
            rule="The surface speaks of the expiries of its quotes",
            remedy=f"Give one of {', '.join(known)}",
        )
