"""What an order should cost, said before it trades, and held against what it did.

The estimate is half the spread, the impact by a law of `tiderace.model`, and the fees; its risk is
the deviation that a market without drift gives an order worked evenly over its time::

    cost = half spread + impact + fees        impact = Y sigma sqrt(Q / V), or the law given
    risk = sigma sqrt(T / 3)                  T in the time that sigma belongs to

The outcome is trading and fees over what was bought at its own arrival mids: basis, delay and what
was left undone are no part of the estimate. ``surprise`` = (outcome - estimate) / risk; over many
orders of an honest estimate it has mean zero and deviation one.

References
----------
Toth, B. et al. (2011), "Anomalous price impact and the critical nature of liquidity in financial
markets", Physical Review X 1 (the square-root law, Y near one).
Almgren, R. and Chriss, N. (2000), "Optimal execution of portfolio transactions" (sigma sqrt(T/3)).
"""

from collections.abc import Mapping
from decimal import Decimal
from math import sqrt
from typing import Any

import msgspec
import polars as pl

from tiderace._model.impact import impact_almgren2005
from tiderace._model.series import PowerLaw, realised_variance
from tiderace._tca.prices import Tape
from tiderace._tca.rows import Outcome
from tiderace._tca.words import Inputs, algo_of, bps
from tiderace._tca.works import Work
from tiderace.errors import InputError

SQUARE_ROOT = PowerLaw(1.0, 0.5, (1.0, 1.0), (0.5, 0.5), 1.0, 0, 0)
"""Y = 1, exponent 1/2: before an own fit (`tiderace.model.fit_power_law`) there is none better."""
DAY_NS = 86_400_000_000_000
BEFORE_NS = 60_000_000_000
"""So long a market before the arrival is enough to measure it by; else the work's own is taken."""
SAMPLE_NS = 1_000_000_000
"""Mids are sampled so far apart: closer, the bounce between bid and ask would count as risk."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What an order should cost, in bp of its arrival price; a cost is above zero."""

    half_spread_bps: float
    impact_bps: float
    fees_bps: float
    cost_bps: float
    """The sum of the three."""
    risk_bps: float
    """One standard deviation of the market over the order's time."""
    share: float
    """The order over what the market trades in that time."""
    law: str


def pre_trade(
    qty: float,
    *,
    adv: float,
    sigma: float,
    horizon: float,
    half_spread_bps: float = 0.0,
    fees_bps: float = 0.0,
    law: PowerLaw | None = None,
    shares_outstanding: float | None = None,
) -> Estimate:
    """Estimate what an order worked evenly will cost, before it trades.

    Parameters
    ----------
    qty
        Size, > 0, in the unit of ``adv``.
    adv
        What the market trades a day, > 0.
    sigma
        Volatility a day, a fraction, >= 0.
    horizon
        Days that the order is worked over, > 0.
    half_spread_bps, fees_bps
        What crossing costs, and the venue's fee.
    law
        The own law, as `tiderace.model.fit_power_law` gives it; Y = 1 and a square root otherwise.
    shares_outstanding
        With it the impact is `tiderace.model.impact_almgren2005`'s.

    Raises
    ------
    InputError
        A number is out of its range, or two laws are named.

    >>> found = pre_trade(100.0, adv=10_000.0, sigma=0.02, horizon=1.0, half_spread_bps=1.0)
    >>> round(found.impact_bps, 6), round(found.cost_bps, 6)
    (20.0, 21.0)
    """
    for name, value in (("qty", qty), ("adv", adv), ("horizon", horizon)):
        if not 0 < value < float("inf"):
            raise InputError(f"{name} = {value!r}", rule="It is above zero", remedy="Give it so")
    if not 0 <= sigma < float("inf"):
        raise InputError(f"sigma = {sigma!r}", rule="It is not below zero", remedy="Give it so")
    if law is not None and shares_outstanding is not None:
        raise InputError(
            "law and shares_outstanding are both given",
            rule="One law says what an order moves",
            remedy="Leave one out",
        )
    if shares_outstanding is not None:
        moved = impact_almgren2005(
            qty, adv=adv, shares_outstanding=shares_outstanding, sigma=sigma, horizon=horizon
        )
        impact, named = moved.cost * 1e4, "almgren2005"
    else:
        used = law or SQUARE_ROOT
        # The law is told in the vol and the volume of one interval: that of the order itself.
        impact = float(used.cost(qty / (adv * horizon), sigma * sqrt(horizon))) * 1e4
        named = f"{used.coefficient:g} sigma (Q/V)^{used.exponent:g}"
    return Estimate(
        half_spread_bps=half_spread_bps,
        impact_bps=impact,
        fees_bps=fees_bps,
        cost_bps=half_spread_bps + impact + fees_bps,
        risk_bps=sigma * sqrt(horizon / 3) * 1e4,
        share=qty / (adv * horizon),
        law=named,
    )


_COLUMNS: Mapping[str, Any] = {
    "parent_id": pl.UInt64,
    "algo": pl.String,
    **dict.fromkeys(("qty", "adv", "sigma", "horizon_s", "share"), pl.Float64),
    **dict.fromkeys(("half_spread_bps", "impact_bps", "fees_bps"), pl.Float64),
    **dict.fromkeys(("cost_bps", "risk_bps", "outcome_bps", "surprise"), pl.Float64),
    "law": pl.String,
    "is_hindsight": pl.Boolean,
}


def estimates_frame(
    inputs: Inputs, outcomes: list[Outcome], parts: pl.DataFrame, tape: Tape
) -> pl.DataFrame:
    """Return one row a parent with a size and a time, where its market can be measured.

    Spread and fees are those of a taker, by the market's own split of volume over the parent's
    venues: what resting saved shows in the outcome. Volume and volatility are those of the market
    before the arrival; where that is shorter than a minute they are those while the order was
    worked, which is hindsight and marked so.
    """
    rows = []
    for outcome in outcomes:
        work = outcome.work
        if work.asked is None or work.sign is None or not work.bid_ask or work.order_qty <= 0:
            continue
        row = _estimated(inputs, work, tape)
        if row is None:
            continue
        mine = parts.filter(pl.col("parent_id") == work.parent_id)
        got = _outcome_bps(mine, work.sign)
        risk = row["risk_bps"]
        surprise = (got - row["cost_bps"]) / risk if got is not None and risk > 0 else None
        keys = {"parent_id": work.parent_id, "algo": algo_of(inputs, work.parent_id)}
        rows.append(keys | row | {"outcome_bps": got, "surprise": surprise})
    return pl.DataFrame(rows, schema=dict(_COLUMNS))


def _estimated(inputs: Inputs, work: Work, tape: Tape) -> dict[str, Any] | None:
    assert work.asked is not None, "only what was asked is estimated"
    first = min(
        (int(tape.quotes[i]["ts_ns"][0]) for i in work.bid_ask if tape.quotes[i].height),
        default=work.start_ns,
    )
    planned_ns = work.asked.duration_ns or work.end_ns - work.start_ns
    is_hindsight = work.start_ns - first < BEFORE_NS
    since, until = (work.start_ns, work.end_ns) if is_hindsight else (first, work.start_ns)
    if planned_ns <= 0 or until <= since:
        return None
    per_day = DAY_NS / (until - since)
    volumes = {i: float(tape.traded(i, since, until)[0].sum()) for i in work.bid_ask}
    total = sum(volumes.values())
    sigma = _sigma(tape, work.reference, since, until)
    if total <= 0 or sigma is None:
        return None
    half = fees = 0.0
    for i, volume in volumes.items():
        bid, ask = work.bid_ask[i]
        half += volume / total * (ask - bid) / (ask + bid) * 1e4
        fees += volume / total * float(inputs.markets[i].fee_taker or 0) * 1e4
    base = 10.0 ** -int(inputs.markets[work.reference].terms["base_decimals"])
    qty, adv = work.order_qty * base, total * per_day
    found = pre_trade(
        qty,
        adv=adv,
        sigma=sigma,
        horizon=planned_ns / DAY_NS,
        half_spread_bps=half,
        fees_bps=fees,
    )
    more = {"qty": qty, "adv": adv, "sigma": sigma, "horizon_s": planned_ns / 1e9}
    return msgspec.structs.asdict(found) | more | {"is_hindsight": is_hindsight}


def _sigma(tape: Tape, i: int, since: int, until: int) -> float | None:
    """Return the volatility a day of mids one second apart."""
    quotes = tape.mids.filter(pl.col("instrument") == i)
    if quotes.height == 0:
        return None
    times = pl.Series("at", range(since, until + 1, SAMPLE_NS), dtype=pl.Int64)
    at = pl.DataFrame({"at": times})
    quotes = quotes.select("ts_ns", "mid").sort("ts_ns")
    mids = at.join_asof(quotes, left_on="at", right_on="ts_ns")["mid"].drop_nulls()
    if mids.len() < 3:
        return None
    variance = realised_variance(mids.to_numpy())
    return sqrt(variance * DAY_NS / ((mids.len() - 1) * SAMPLE_NS))


def _outcome_bps(parts: pl.DataFrame, sign: int) -> float | None:
    """Return trading and fees over what the fills were worth at their own arrival mids."""
    names = ("notional", "trading", "fees")
    notional, trading, fees = (sum(parts[name].to_list(), Decimal(0)) for name in names)
    worth = notional - sign * trading
    return bps(trading + fees, worth)
