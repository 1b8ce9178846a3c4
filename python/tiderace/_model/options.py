"""Options on forwards by the formula of Black: prices, greeks, digitals, implied vols."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tiderace import _core
from tiderace._model.numbers import floats, is_true, number, whole
from tiderace.errors import ArgumentError, InputError, core_errors

Floats = NDArray[np.float64]
Number = float | Floats
_T = TypeVar("_T", bound=np.generic)


class Greeks(NamedTuple):
    """Sensitivities of an option's discounted price; `in_units` gives others.

    Attributes
    ----------
    delta
        d price / d forward, discounted.
    gamma
        d delta / d forward.
    vega
        d price / d vol, per 1.00 of vol.
    theta
        d price / d time passing, a year, at a fixed rate.
    rho
        d price / d rate with the forward fixed: -t price.
    vanna
        d delta / d vol.
    volga
        d vega / d vol.
    charm
        d delta / d time passing, a year.
    speed
        d gamma / d forward.
    price
        The price itself.
    """

    delta: Number
    gamma: Number
    vega: Number
    theta: Number
    rho: Number
    vanna: Number
    volga: Number
    charm: Number
    speed: Number
    price: Number

    def in_units(
        self, *, time: float = 1.0 / 365.0, vol: float = 0.01, rate: float = 0.01
    ) -> "Greeks":
        """Return the greeks in other units; those of most screens unless told.

        Parameters
        ----------
        time
            Years a unit of theta and charm: a calendar day.
        vol, rate
            A vol point for vega, vanna and volga; one per cent for rho.
        """
        time, vol, rate = number("time", time), number("vol", vol), number("rate", rate)
        return self._replace(
            vega=self.vega * vol,
            theta=self.theta * time,
            rho=self.rho * rate,
            vanna=self.vanna * vol,
            volga=self.volga * vol * vol,
            charm=self.charm * time,
        )


def _shaped(
    values: dict[str, ArrayLike], call: ArrayLike
) -> tuple[tuple[int, ...], list[float | Floats], NDArray[np.uint8]]:
    """Bring arguments to flat arrays of one length; a number stays one, and holds for every row."""
    arrays = [floats(name, value) for name, value in values.items()]
    sides = np.asarray(call)
    if sides.dtype != np.bool_:
        raise ArgumentError(
            f"call = {call!r}",
            rule="It is True for a call and False for a put, or an array of them",
            remedy="Give call as bool",
        )
    shape = fitting({**values, "call": call}, (*arrays, sides))
    columns = [_column(a, shape) if a.shape else float(a) for a in arrays]
    return (
        shape,
        columns,
        _column(sides, shape).view(np.uint8) if sides.shape else sides.reshape(1).view(np.uint8),
    )


def fitting(names: Iterable[str], arrays: Sequence[NDArray[Any]]) -> tuple[int, ...]:
    """Return the shape that arguments broadcast to."""
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = ", ".join(f"{n} {a.shape}" for n, a in zip(names, arrays, strict=True))
        raise InputError(
            f"shapes {shapes}",
            rule="All arguments broadcast to one shape",
            remedy="Give arrays of one length, or numbers",
        ) from None


def _column(array: NDArray[_T], shape: tuple[int, ...]) -> NDArray[_T]:
    return np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1)


def rows(
    what: str,
    values: dict[str, ArrayLike],
    call: ArrayLike,
    width: int,
    *,
    fast: bool,
    threads: int,
) -> tuple[tuple[int, ...], list[Floats], NDArray[np.uint16]]:
    fast, threads = is_true("fast", fast), whole("threads", threads, least=1)
    shape, inputs, sides = _shaped(values, call)
    size = int(np.prod(shape, dtype=np.int64))
    outputs = [np.empty(size) for _ in range(width)]
    reasons = np.empty(size, dtype=np.uint16)
    with core_errors():
        _core.model_rows(what, inputs, sides, outputs, reasons, fast, threads)
    return shape, outputs, reasons


def back(shape: tuple[int, ...], flat: Floats) -> Number:
    return flat.reshape(shape) if shape else float(flat[0])


def all_priced(
    values: dict[str, ArrayLike], shape: tuple[int, ...], reasons: NDArray[np.uint16]
) -> None:
    """Raise what the first row that has no answer broke."""
    bad = np.flatnonzero(reasons)
    if not bad.size:
        return
    row = int(bad[0])
    said = ", ".join(
        f"{n} = {np.broadcast_to(np.asarray(v, dtype=np.float64), shape).reshape(-1)[row]:g}"
        for n, v in values.items()
    )
    where = f"row {row} of {reasons.size}: " if shape else ""
    _, rule, remedy = reason(int(reasons[row]))
    raise InputError(f"{where}{said}", rule=rule, remedy=remedy)


def reason(code: int) -> tuple[str, str, str]:
    """Return name, rule and remedy of a reason's code, e.g. one that `implied_vol76` gives."""
    for known, name, rule, remedy in _core.reasons():
        if known == code:
            return name, rule, remedy
    raise InputError(
        f"code = {code}",
        rule="A reason has a number of the table that `tiderace controls` and the glossary show",
        remedy="Give a number that came out of a result",
    )


def reason_named(name: str) -> tuple[int, str, str]:
    """Return code, rule and remedy of a reason's name, e.g. one of `Surface.reasons`."""
    for code, known, rule, remedy in _core.reasons():
        if known == name:
            return code, rule, remedy
    raise InputError(
        f"reason {name!r}",
        rule="A reason has a name of the table that `tiderace controls` and the glossary show",
        remedy="Give a name that came out of a result",
    )


def black76(
    forward: ArrayLike,
    *,
    strike: ArrayLike,
    t: ArrayLike,
    vol: ArrayLike,
    call: ArrayLike,
    discount: ArrayLike = 1.0,
    fast: bool = False,
    threads: int = 1,
) -> Number:
    """Price European options on a forward.

    Parameters
    ----------
    forward, strike
        Above zero, in one unit.
    t
        Years of 365 days to expiry, >= 0.
    vol
        A year, 1.00 = 100 %, >= 0.
    call
        True for a call, False for a put.
    discount
        Value today of one unit paid at expiry, > 0.
    fast
        The vectorised path, for research: it agrees to 1e-13, and its last bits differ between
        processors. The other gives the same bits everywhere.
    threads
        How many share the rows; the results do not depend on it.

    Returns
    -------
    float or ndarray
        The price, in the unit of ``forward``.

    Raises
    ------
    InputError
        Names the first row that cannot be priced, and why.

    References
    ----------
    F. Black, "The pricing of commodity contracts", Journal of Financial Economics 3 (1976).
    """
    values = {"forward": forward, "strike": strike, "t": t, "vol": vol, "discount": discount}
    shape, (price,), reasons = rows("black76", values, call, 1, fast=fast, threads=threads)
    all_priced(values, shape, reasons)
    return back(shape, price)


def digital76(
    forward: ArrayLike,
    *,
    strike: ArrayLike,
    t: ArrayLike,
    vol: ArrayLike,
    call: ArrayLike,
    discount: ArrayLike = 1.0,
    fast: bool = False,
    threads: int = 1,
) -> Number:
    """Price options that pay one unit beyond the strike: arguments as `black76`."""
    values = {"forward": forward, "strike": strike, "t": t, "vol": vol, "discount": discount}
    shape, (price,), reasons = rows("digital76", values, call, 1, fast=fast, threads=threads)
    all_priced(values, shape, reasons)
    return back(shape, price)


def greeks76(
    forward: ArrayLike,
    *,
    strike: ArrayLike,
    t: ArrayLike,
    vol: ArrayLike,
    call: ArrayLike,
    discount: ArrayLike = 1.0,
    fast: bool = False,
    threads: int = 1,
) -> Greeks:
    """Price and greeks of European options on a forward.

    Arguments as `black76`, ``t`` and ``vol`` > 0.

    Returns
    -------
    Greeks
        Floats or arrays; `Greeks` says the units.
    """
    values = {"forward": forward, "strike": strike, "t": t, "vol": vol, "discount": discount}
    shape, flat, reasons = rows(
        "greeks76", values, call, len(Greeks._fields), fast=fast, threads=threads
    )
    all_priced(values, shape, reasons)
    columns = [back(shape, column) for column in flat]
    return Greeks._make([*columns[1:], columns[0]])


def implied_vol76(
    price: ArrayLike,
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    t: ArrayLike,
    call: ArrayLike,
    discount: ArrayLike = 1.0,
    fast: bool = False,
    threads: int = 1,
) -> tuple[Number, int | NDArray[np.uint16]]:
    """Find the volatilities that give the prices.

    Returns
    -------
    vol
        NaN where there is none.
    reason
        Zero, or the code of why there is none: ``below_intrinsic`` (10007; at the intrinsic value
        too), ``above_bound`` (10008), or what is wrong with the input. `reason` names it.

    References
    ----------
    P. Jäckel, "Let's be rational" (2015).
    """
    values = {"price": price, "forward": forward, "strike": strike, "t": t, "discount": discount}
    shape, (vol,), reasons = rows("implied_vol76", values, call, 1, fast=fast, threads=threads)
    return back(shape, vol), reasons.reshape(shape) if shape else int(reasons[0])
