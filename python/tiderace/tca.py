"""What an order got, against what the market offered: tables, benchmarks, shortfall, markouts.

Reads what the desk put out (fills, orders, parents, arrivals, skips) beside the quotes and trades
it saw, and owns no state of its own. Invariants: money is summed in integers and `Decimal`, never
in floats (basis points are floats); a fill is measured against its *own* instrument's prices, so
that basis never enters slippage; the parts of a shortfall add up to its total. A cost is above zero
for buys and sells alike; a markout above zero is in our favour. It refuses to guess what an asset
is worth: each must be declared in USD, or be the base of its instrument.

Per fill, with side s (+1 buy, -1 sell), exposure q, notional N in quote, own arrival mid A, the
reference instrument's arrival mid R and decision mid D, and USD per quote c (reference: c')::

    trading     s (N - q A) c                   own prices after arrival: the desk's part
    delay       s q (R - D) c'                  the market between decision and arrival
    basis       s q (A - R)                     how the instrument stood to the reference, at par
    conversion  s q (A (c - 1) - R (c' - 1))    what the quote currencies' worth adds to that
    sum         s (N c - q D c')

The unfilled rest costs ``opportunity`` = s (order - filled) (E - D) c', with E the reference's mid
at the end. Fees in the base asset are worth the own arrival mid. Expected funding is not paid yet,
so it is a line beside the shortfall, never in it. VWAP and TWAP run from the first moment of work
(the arrival) to completion, each instrument against its own market; PWP is the VWAP of the first
Q / rate traded there from the arrival on; the close is the own mid at the end that was asked for.
Markouts count from the time that the desk booked the fill, by the quotes that it had seen.
`_tca.quality` defines spread capture, adverse selection and reversion, `_tca.pre_trade` the
estimate, `_tca.league` what many runs say together, `_tca.record` what was known at each decision.

References
----------
Perold, A. (1988), "The implementation shortfall: paper versus reality", Journal of Portfolio
Management 14(3).
Kissell, R. and Glantz, M. (2003), "Optimal Trading Strategies", ch. 3 (expanded shortfall: delay,
trading, opportunity).
"""

from decimal import localcontext
from typing import Any

from tiderace._tca.adherence import schedule_frame
from tiderace._tca.export import export
from tiderace._tca.fills import markout_rows, measured
from tiderace._tca.league import METRICS, League, league
from tiderace._tca.money import cells_of
from tiderace._tca.option_orders import OptionOrder, option_orders, surfaces
from tiderace._tca.pre_trade import SQUARE_ROOT, Estimate, estimates_frame, pre_trade
from tiderace._tca.prices import Tape, until_end
from tiderace._tca.quality import parts_frame, quality_frame, reversion_frame
from tiderace._tca.record import record
from tiderace._tca.rows import children_of, outcome_of, parents_frame, summary_of, venues_frame
from tiderace._tca.sections import by_algo
from tiderace._tca.shortfall import Shortfall, shortfall
from tiderace._tca.vol_points import VolPoints, vol_points
from tiderace._tca.words import Analysis, Asked, Inputs, Market, Surface
from tiderace._tca.works import standing, works_of

__all__ = [
    "METRICS",
    "SQUARE_ROOT",
    "Analysis",
    "Asked",
    "Estimate",
    "Inputs",
    "League",
    "Market",
    "OptionOrder",
    "Shortfall",
    "Surface",
    "VolPoints",
    "analyse",
    "export",
    "league",
    "option_orders",
    "pre_trade",
    "record",
    "shortfall",
    "summarise",
    "surfaces",
    "vol_points",
]

# Products of a quantity, a price and a declared rate stay exact.
PRECISION = 60


def summarise(inputs: Inputs) -> dict[str, Any]:
    """Return the key figures of a run with stable keys, ready for JSON.

    Quantities are exposure in the base asset as text, rounded down at 1e-8; money is text in USD;
    basis points are floats, ``None`` where there is nothing to measure. ``slippage_bps`` and
    ``shortfall`` are costs above zero, ``markouts`` in our favour above zero, ``drift_bps`` is the
    reference's mid at the end of the work over its mid at arrival, ``drift_recording_bps`` that of
    the last moment that all its books were recorded.
    """
    return analyse(inputs).summary


def analyse(inputs: Inputs) -> Analysis:
    """Compute every table and figure of a report.

    Raises
    ------
    InputError
        An asset that money is counted in is not declared in USD.
    """
    inputs = until_end(inputs)
    tape = Tape(inputs)
    booked = standing(inputs.fills)
    works = works_of(inputs, booked, tape)
    fills = measured(inputs, booked, works, tape)
    with localcontext() as context:
        context.prec = PRECISION
        cells = cells_of(inputs, booked, works)
        outcomes = [outcome_of(inputs, work, cells, fills, tape) for work in works.values()]
        summary = summary_of(inputs, fills, cells, outcomes)
        children = children_of(inputs, cells, fills)
        parts = parts_frame(inputs, cells, outcomes)
        reversion = reversion_frame(inputs, fills, works, tape)
        quality = quality_frame(inputs, fills, outcomes, parts, reversion)
        schedule = schedule_frame(inputs, works)
        estimates = estimates_frame(inputs, outcomes, parts, tape)
        summary |= by_algo(quality, schedule, estimates)
    return Analysis(
        fills=fills,
        children=children,
        parents=parents_frame(outcomes),
        venues=venues_frame(summary),
        markouts=markout_rows(fills),
        parts=parts,
        quality=quality,
        reversion=reversion,
        schedule=schedule,
        estimates=estimates,
        summary=summary,
    )
