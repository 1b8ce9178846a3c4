"""Other forms of an option: on a spot price, displaced, normal, and settled in the coin."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tiderace._model.numbers import floats
from tiderace._model.options import (
    Greeks,
    Number,
    all_priced,
    back,
    black76,
    fitting,
    greeks76,
    rows,
)


class InverseGreeks(NamedTuple):
    """Sensitivities of a coin-settled option of one coin.

    Attributes
    ----------
    price
        In coins: the money price over the forward.
    delta_usd
        d (price in money) / d forward: what venues show.
    delta_coin
        F d (price in coins) / d forward: delta less the premium, what hedges an account that counts
        in coins.
    gamma
        Second derivative of the price in coins.
    vega, theta
        Of the price in coins: per 1.00 of vol, and a year of time passing.
    """

    price: Number
    delta_usd: Number
    delta_coin: Number
    gamma: Number
    vega: Number
    theta: Number


def black_scholes(
    spot: ArrayLike,
    *,
    strike: ArrayLike,
    t: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    call: ArrayLike,
    asset_yield: ArrayLike = 0.0,
    fast: bool = False,
    threads: int = 1,
) -> Number:
    """Price European options on a spot price: `black76` at F = S exp((r - q) t).

    Parameters
    ----------
    rate, asset_yield
        Continuous, a year: of the money, and of the asset (dividends, lending).

    References
    ----------
    F. Black and M. Scholes, "The pricing of options and corporate liabilities" (1973).
    """
    forward, discount, _ = _carried(spot, t, rate, asset_yield)
    return black76(
        forward,
        strike=strike,
        t=t,
        vol=vol,
        call=call,
        discount=discount,
        fast=fast,
        threads=threads,
    )


def greeks_black_scholes(
    spot: ArrayLike,
    *,
    strike: ArrayLike,
    t: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    call: ArrayLike,
    asset_yield: ArrayLike = 0.0,
    fast: bool = False,
    threads: int = 1,
) -> Greeks:
    """Price and greeks in the spot price: arguments as `black_scholes`.

    Delta, gamma, speed, vanna and charm are in the spot price; theta and charm at a fixed rate,
    yield and spot price; rho is d price / d rate at a fixed spot price.
    """
    forward, discount, growth = _carried(spot, t, rate, asset_yield)
    found = greeks76(
        forward,
        strike=strike,
        t=t,
        vol=vol,
        call=call,
        discount=discount,
        fast=fast,
        threads=threads,
    )
    g = Greeks._make(np.asarray(value) for value in found)
    carry = floats("rate", rate) - floats("asset_yield", asset_yield)
    moved = forward * g.delta
    made = g._replace(
        delta=growth * g.delta,
        gamma=growth**2 * g.gamma,
        theta=g.theta - carry * moved,
        rho=np.asarray(t) * (moved - g.price),
        vanna=growth * g.vanna,
        charm=growth * (g.charm - carry * (g.delta + forward * g.gamma)),
        speed=growth**3 * g.speed,
    )
    return Greeks._make(value if np.ndim(value) else float(value) for value in made)


def _carried(
    spot: ArrayLike, t: ArrayLike, rate: ArrayLike, asset_yield: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Forward, discount, and what one of spot is in forwards."""
    names = {"spot": spot, "t": t, "rate": rate, "asset_yield": asset_yield}
    price, time, money, paid = (floats(name, value) for name, value in names.items())
    fitting(names, (price, time, money, paid))
    # What is not finite is refused by its row, with its reason.
    with np.errstate(over="ignore", invalid="ignore"):
        growth = np.exp((money - paid) * time)
        return price * growth, np.exp(-money * time), growth


def displaced76(
    forward: ArrayLike,
    *,
    strike: ArrayLike,
    t: ArrayLike,
    vol: ArrayLike,
    call: ArrayLike,
    shift: ArrayLike,
    discount: ArrayLike = 1.0,
    fast: bool = False,
    threads: int = 1,
) -> Number:
    """Price with forward and strike moved by ``shift``: ``vol`` is that of forward + shift."""
    names = {"forward": forward, "strike": strike, "shift": shift}
    at, struck, moved = (floats(name, value) for name, value in names.items())
    fitting(names, (at, struck, moved))
    return black76(
        at + moved,
        strike=struck + moved,
        t=t,
        vol=vol,
        call=call,
        discount=discount,
        fast=fast,
        threads=threads,
    )


def bachelier(
    forward: ArrayLike,
    *,
    strike: ArrayLike,
    t: ArrayLike,
    vol: ArrayLike,
    call: ArrayLike,
    discount: ArrayLike = 1.0,
    threads: int = 1,
) -> Number:
    """Price options on a normally distributed forward.

    Parameters
    ----------
    forward, strike
        Any sign.
    vol
        In price units, a square root of a year.

    References
    ----------
    L. Bachelier, "Théorie de la spéculation" (1900).
    """
    values = {"forward": forward, "strike": strike, "t": t, "vol": vol, "discount": discount}
    shape, (price,), reasons = rows("bachelier", values, call, 1, fast=False, threads=threads)
    all_priced(values, shape, reasons)
    return back(shape, price)


def greeks_bachelier(
    forward: ArrayLike,
    *,
    strike: ArrayLike,
    t: ArrayLike,
    vol: ArrayLike,
    call: ArrayLike,
    discount: ArrayLike = 1.0,
    threads: int = 1,
) -> Greeks:
    """Price and greeks: arguments as `bachelier`, vega and vanna per unit of its vol."""
    values = {"forward": forward, "strike": strike, "t": t, "vol": vol, "discount": discount}
    shape, flat, reasons = rows(
        "greeks_bachelier", values, call, len(Greeks._fields), fast=False, threads=threads
    )
    all_priced(values, shape, reasons)
    columns = [back(shape, column) for column in flat]
    return Greeks._make([*columns[1:], columns[0]])


def implied_vol_bachelier(
    price: ArrayLike,
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    t: ArrayLike,
    call: ArrayLike,
    discount: ArrayLike = 1.0,
    threads: int = 1,
) -> tuple[Number, int | NDArray[np.uint16]]:
    """Find normal vols: NaN with a reason's code where there is none, as `implied_vol76`."""
    values = {"price": price, "forward": forward, "strike": strike, "t": t, "discount": discount}
    shape, (vol,), reasons = rows(
        "implied_vol_bachelier", values, call, 1, fast=False, threads=threads
    )
    return back(shape, vol), reasons.reshape(shape) if shape else int(reasons[0])


def greeks_inverse(
    forward: ArrayLike,
    *,
    strike: ArrayLike,
    t: ArrayLike,
    vol: ArrayLike,
    call: ArrayLike,
    discount: ArrayLike = 1.0,
    threads: int = 1,
) -> InverseGreeks:
    """Price and greeks of coin-settled options, in coins and in money: arguments as `greeks76`."""
    values = {"forward": forward, "strike": strike, "t": t, "vol": vol, "discount": discount}
    shape, flat, reasons = rows(
        "greeks_inverse", values, call, len(InverseGreeks._fields), fast=False, threads=threads
    )
    all_priced(values, shape, reasons)
    return InverseGreeks._make(back(shape, column) for column in flat)
