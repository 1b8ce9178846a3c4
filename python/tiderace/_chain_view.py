"""What one chain says: its surface, forwards, vols at the touch, and arbitrage, as plain rows."""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from tiderace import _chain_fees, model
from tiderace._chain import Chain, check_vol_unit
from tiderace._model.options import Floats
from tiderace.errors import DataError

_SECOND = 10**9


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A chain, the surface fitted to it, and everything that a reader wants to see of both."""

    chain: Chain
    surface: model.Surface
    fit_ms: float
    judged: Any
    inside: Any
    bid_vol: Floats
    ask_vol: Floats
    model_vol: Floats
    reasons: list[str | None]
    found: list[_chain_fees.Found]
    worst: float

    @property
    def left_out(self) -> dict[str, int]:
        """Quotes that were not used, by reason; futures are no options."""
        return dict(Counter(reason for reason in self.reasons if reason).most_common())

    @property
    def survivors(self) -> list[_chain_fees.Found]:
        """Arbitrages that fees leave something of."""
        return [row for row in self.found if row.net > 0]


def view(
    chain: Chain,
    *,
    age_s: float | None = None,
    weekend: float = 1.0,
    fees: _chain_fees.Fees | None = None,
) -> View:
    """Fit a surface to a chain and look at both.

    Raises
    ------
    DataError
        The chain's vols are in another unit, or nothing of it can be fitted.
    """
    start = time.perf_counter()
    try:
        surface = chain.fit(age_s=age_s, weekend=weekend)
    except Exception as error:
        _name_the_unit(chain, error)
        raise
    fit_ms = 1e3 * (time.perf_counter() - start)
    reasons = surface.reasons[: chain.frame.height]
    check_vol_unit(chain, reasons)
    judged, inside = chain.judged(surface)
    with np.errstate(invalid="ignore"):
        bid, ask = (
            np.where(chain.column(side) > 0, chain.column(side), np.nan) for side in ("bid", "ask")
        )
    return View(
        chain=chain,
        surface=surface,
        fit_ms=fit_ms,
        judged=judged,
        inside=inside & judged,
        bid_vol=chain.implied(bid),
        ask_vol=chain.implied(ask),
        model_vol=chain.model_vols(surface),
        reasons=reasons,
        found=_chain_fees.search(chain, fees),
        worst=surface.worst_violation(),
    )


def _name_the_unit(chain: Chain, error: Exception) -> None:
    """Say it where nothing could be fitted because every vol is in another unit."""
    vols, marks = chain.column("mark_vol"), chain.implied(chain.column("mark"))
    known = np.isfinite(vols) & np.isfinite(marks) & (marks > 0)
    if known.any() and not 0.05 < float(np.median(vols[known] / marks[known])) < 20.0:
        ratio = float(np.median(vols[known] / marks[known]))
        raise DataError(
            f"the quoted vols are {ratio:.3g} times those of the quoted prices",
            rule="A vol is a decimal, 0.5 for 50 %, unless percent is named",
            remedy="Read it with --vol-unit percent (or decimal)",
        ) from error


def expiry_name(expiry_ns: int) -> str:
    """Return an expiry as a venue writes it, e.g. ``27 MAR 26``."""
    return f"{datetime.fromtimestamp(expiry_ns / _SECOND, UTC):%d %b %y}"


def time_name(ts_ns: int) -> str:
    """Return a time of UTC to the second."""
    return f"{datetime.fromtimestamp(ts_ns / _SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"


def slices(view: View) -> list[dict[str, Any]]:
    """One row an expiry: forward, at-the-money vol, skew, and how well it meets its quotes."""
    expiry = view.chain.frame["expiry_ns"].to_numpy()
    is_otm = view.chain.frame["call"].to_numpy() == (
        view.chain.column("strike") >= view.chain.column("at")
    )
    away = np.abs(view.model_vol - 0.5 * (view.bid_vol + view.ask_vol))
    is_met = view.judged & is_otm & np.isfinite(away)
    curve = {point.expiry: point for point in view.surface.forwards}
    rows = []
    for part in view.surface.slices:
        here = expiry == part.expiry
        wings = part.svi.jump_wings(part.t)
        point = curve.get(part.expiry)
        judged, inside = int(view.judged[here].sum()), int(view.inside[here].sum())
        rows.append(
            {
                "expiry": expiry_name(part.expiry),
                "expiry_ns": part.expiry,
                "days": part.t * 365.0,
                "forward": part.forward,
                "from_parity": _known(point.from_parity) if point else None,
                "from_future": _known(point.from_future) if point else None,
                "pairs": point.pairs if point else 0,
                "atm_vol": float(np.sqrt(wings.v)),
                "skew": wings.psi,
                "quotes": part.quotes,
                "judged": judged,
                "inside": inside,
                "vol_error": float(np.median(away[is_met & here]))
                if (is_met & here).any()
                else None,
                "svi": msgspec.structs.asdict(part.svi),
            }
        )
    return rows


def arbitrages(view: View) -> list[dict[str, Any]]:
    """One row an arbitrage at the touch, with its legs in words; most profit first."""
    frame = view.chain.frame
    names = frame["instrument"].to_list()
    listed = view.chain.listed
    future_names = listed["future"].to_list()
    rows = []
    for found in view.found:
        legs = []
        for quote, qty, price in found.legs:
            if quote < frame.height:
                name = names[quote] or _option_name(frame.row(quote, named=True))
            else:
                name = future_names[quote - frame.height]
            legs.append({"instrument": name, "qty": qty, "price": price})
        rows.append(
            {
                "kind": found.kind,
                "legs": legs,
                "gross": found.gross,
                "net": found.net,
                "qty": found.qty,
            }
        )
    return rows


def _option_name(row: dict[str, Any]) -> str:
    side = "C" if row["call"] else "P"
    return f"{expiry_name(row['expiry_ns'])} {row['strike']:g} {side}"


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def summary(view: View, *, arbitrages_max: int = 50) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    judged, inside = int(view.judged.sum()), int(view.inside.sum())
    rows = arbitrages(view)
    return {
        "snapshot": view.chain.snapshot,
        "currency": view.chain.currency,
        "time": time_name(view.chain.ts_ns),
        "style": "inverse" if view.chain.is_inverse else "linear",
        "quotes": view.chain.frame.height,
        "used": sum(reason is None for reason in view.reasons),
        "left_out": view.left_out,
        "refused_expiries": {
            expiry_name(expiry): reason for expiry, reason in view.surface.refused.items()
        },
        "fit_ms": view.fit_ms,
        "judged": judged,
        "inside": inside,
        "share_inside": inside / judged if judged else None,
        "arbitrage_free": view.worst >= 0.0,
        "slices": slices(view),
        "arbitrages_at_touch": len(rows),
        "arbitrages_after_fees": len(view.survivors),
        "arbitrages": rows[:arbitrages_max],
        "notes": notes(view),
    }


def notes(view: View) -> list[str]:
    """Say what the chain does not tell, in sentences."""
    said = [
        "Quotes of a chain are not of one moment: an arbitrage between them may never have been."
    ]
    if np.isnan(view.chain.column("bid_qty")).all():
        said.append("The file has no sizes: what could be traded is not known.")
    if view.chain.listed.height:
        said.append("Futures stand at their mark, without bid and ask.")
    return said
