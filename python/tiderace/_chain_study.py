"""What chains say of our model, and our model of them: one row a chain.

The files that this was made for are put together from answers of different moments: mark price,
vol and underlying price come from one call for a currency, delta and index from one call an option,
up to minutes apart, under one time. So each comparison stands there twice: as the file has it, and
brought to one moment by what the same rows tell:

- vol: the forward is that of put-call parity between the *marks* of a strike, and one shift of time
  a chain (``shift_s``, the median over options of 0.2 to 7 days) stands for when it was asked for;
- delta: the forward is the row's own index times one factor an expiry (the median of what its
  deltas ask for).

Within rounding is: as near as the digits allow that the file has: vols 0.0001, prices 1e-8, deltas
1e-5, each half a unit. Quotes have no sizes and are not of one moment, so an arbitrage here is one
that could be looked at, not one that could have been traded.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tiderace import _chain_fees, model
from tiderace._chain import Chain, Chains, years
from tiderace._model.options import Floats
from tiderace.errors import InputError

Progress = Callable[[str, int, int], None]
VOL_HALF, PRICE_HALF, DELTA_HALF = 0.5e-4, 0.5e-8, 0.5e-5
DELTAS = 0.05, 0.95
_SECONDS = 365 * 86_400.0
_KEYS = ["snapshot", "currency", "expiry_ns", "strike"]
_CHAIN = ["snapshot", "currency"]


def study(chains: Chains, *, progress: Progress | None = None) -> pl.DataFrame:
    """Return one row a chain: vols, deltas, forwards, arbitrage, the surface.

    Raises
    ------
    InputError
        The chains have no marks, vols or deltas to compare with.
    """
    for name in ("mark", "mark_vol", "delta", "forward", "index"):
        if chains.frame[name].is_nan().all():
            raise InputError(
                f"{chains.name} has no {name}",
                rule="The study compares with mark price, vol, delta, forward and index",
                remedy="Name the columns as Deribit does",
            )
    parts = [_as_stored(chains), _vols(chains), _deltas(chains), _parity(chains)]
    names = chains.names
    rows = []
    for done, chain in enumerate(chains):
        if progress:
            progress(f"studying {chain.snapshot}", done, len(names))
        rows.append({"snapshot": chain.snapshot, "currency": chain.currency, **_fitted(chain)})
    table = pl.DataFrame(rows, infer_schema_length=None)
    for part in parts:
        table = table.join(part, on=_CHAIN, how="left")
    return table.sort(_CHAIN)


def _share(of: str, among: str) -> pl.Expr:
    return pl.col(of).filter(pl.col(among)).mean()


def _as_stored(chains: Chains) -> pl.DataFrame:
    """Vol from mark price, and delta from vol, at each row's own forward and time."""
    frame, t = chains.frame, years(chains.frame)
    forward = frame["forward"].to_numpy()
    got = _greeks(frame, forward, t, frame["mark_vol"].to_numpy())
    vol = _vol(frame, frame["mark"].to_numpy(), forward, t, chains.is_inverse)
    unit = forward if chains.is_inverse else 1.0
    vol_away = np.abs(vol - frame["mark_vol"].to_numpy())
    delta_away = np.abs(got["delta"] - frame["delta"].to_numpy())
    with np.errstate(divide="ignore", invalid="ignore"):
        allowed = VOL_HALF + PRICE_HALF * unit / got["vega"]
    return (
        frame.select(*_CHAIN, judged_stored=_judged() & pl.col("forward").is_not_nan())
        .with_columns(
            vol_near=vol_away <= allowed,
            vol_away=vol_away,
            delta_near=delta_away <= DELTA_HALF + VOL_HALF * np.abs(got["vanna"]),
            delta_away=delta_away,
        )
        .group_by(_CHAIN)
        .agg(
            quotes=pl.len(),
            judged_stored=pl.col("judged_stored").sum(),
            vol_share_stored=_share("vol_near", "judged_stored"),
            delta_share_stored=_share("delta_near", "judged_stored"),
            delta_error_stored=pl.col("delta_away").filter("judged_stored").median(),
        )
    )


def _vols(chains: Chains) -> pl.DataFrame:
    """Vol from mark price at the forward that the marks themselves tell, a strike."""
    pairs = _pairs(chains)
    strike, t = pairs["strike"].to_numpy(), years(pairs)
    gap = (pairs["mark"] - pairs["mark_put"]).to_numpy()
    forward = strike / (1.0 - gap) if chains.is_inverse else strike + gap
    is_call = strike >= forward
    mark, quoted, delta = (
        np.where(is_call, pairs[name].to_numpy(), pairs[f"{name}_put"].to_numpy())
        for name in ("mark", "mark_vol", "delta")
    )
    delta = np.abs(delta)
    frame = pairs.with_columns(call=is_call)
    unit = forward if chains.is_inverse else 1.0
    is_judged = (delta >= DELTAS[0]) & (delta <= DELTAS[1]) & (t > 0) & (forward > 0)

    got = _greeks(frame, forward, t, quoted)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = (got["price"] - mark * unit) / got["theta"] * _SECONDS
    is_short = is_judged & (t > 0.2 / 365.0) & (t < 7.0 / 365.0) & np.isfinite(shift)
    shifts = (
        frame.select(*_CHAIN, shift_s=pl.Series(shift))
        .filter(pl.Series(is_short))
        .group_by(_CHAIN)
        .agg(pl.median("shift_s"))
    )
    moved = frame.join(shifts, on=_CHAIN, how="left", maintain_order="left")
    moved_t = t + moved["shift_s"].fill_null(0.0).to_numpy() / _SECONDS
    columns: dict[str, Any] = {}
    for name, at in (("marks", t), ("", moved_t)):
        got = _greeks(frame, forward, at, quoted)
        away = np.abs(_vol(frame, mark, forward, at, chains.is_inverse) - quoted)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Three roundings: of the mark, and of both that the forward is from.
            allowed = VOL_HALF + 3.0 * PRICE_HALF * unit / got["vega"]
        columns |= {f"near_{name}": away <= allowed, f"twice_{name}": away <= 2.0 * allowed}
        columns[f"away_{name}"] = away
    return (
        frame.select(*_CHAIN)
        .with_columns(judged=is_judged, **columns)
        .group_by(_CHAIN)
        .agg(
            strikes=pl.col("judged").sum(),
            vol_share_marks=_share("near_marks", "judged"),
            vol_share=_share("near_", "judged"),
            vol_share_twice=_share("twice_", "judged"),
            vol_error=pl.col("away_").filter("judged").median(),
        )
        .join(shifts, on=_CHAIN, how="left")
    )


def _deltas(chains: Chains) -> pl.DataFrame:
    """Delta at the forward of the row's own index."""
    frame, t = chains.frame, years(chains.frame)
    index, quoted = frame["index"].to_numpy(), frame["delta"].to_numpy()
    vol, forward = frame["mark_vol"].to_numpy(), frame["at"].to_numpy()
    near = (np.abs(quoted) > 0.1) & (np.abs(quoted) < 0.9)
    keys = [*_CHAIN, "expiry_ns"]
    for _ in range(3):
        got = _greeks(frame, forward, t, vol)
        with np.errstate(divide="ignore", invalid="ignore"):
            asked = (forward + (quoted - got["delta"]) / got["gamma"]) / index
        good = pl.Series(near & np.isfinite(asked))
        with_factor = frame.select(keys).with_columns(asked=asked)
        factors = with_factor.filter(good).group_by(keys).agg(pl.median("asked"))
        joined = frame.select(keys).join(factors, on=keys, how="left", maintain_order="left")
        factor = joined["asked"].fill_null(float("nan")).to_numpy()
        forward = np.where(np.isfinite(factor), factor * index, forward)
    got = _greeks(frame, forward, t, vol)
    away = np.abs(got["delta"] - quoted)
    return (
        frame.select(*_CHAIN, judged=_judged())
        .with_columns(
            away=away,
            near=away <= DELTA_HALF + VOL_HALF * np.abs(got["vanna"]),
            thousandth=away <= 1e-3,
        )
        .group_by(_CHAIN)
        .agg(
            judged=pl.col("judged").sum(),
            delta_share=_share("near", "judged"),
            delta_share_thousandth=_share("thousandth", "judged"),
            delta_error=pl.col("away").filter("judged").median(),
        )
    )


def _parity(chains: Chains) -> pl.DataFrame:
    """Whether the quoted forward lies in what put and call of a strike allow at the touch."""
    pairs = _pairs(chains)
    strike = pairs["strike"].to_numpy()
    lows = (pairs["bid"] - pairs["ask_put"]).to_numpy()
    highs = (pairs["ask"] - pairs["bid_put"]).to_numpy()
    if chains.is_inverse:
        low, high = strike / (1.0 - lows), strike / (1.0 - highs)
    else:
        low, high = strike + lows, strike + highs
    forward = pairs["forward"].to_numpy()
    known = np.isfinite(low) & np.isfinite(high) & (high >= low) & (low > 0) & (forward > 0)
    return (
        pairs.select(*_CHAIN)
        .with_columns(known=known, inside=(low <= forward) & (forward <= high))
        .group_by(_CHAIN)
        .agg(parity_pairs=pl.col("known").sum(), parity_share=_share("inside", "known"))
    )


def _fitted(chain: Chain) -> dict[str, Any]:
    """Fit a surface, take its forwards, and look for arbitrage."""
    start = time.perf_counter()
    surface = chain.fit()
    ms = 1e3 * (time.perf_counter() - start)
    judged, inside = chain.judged(surface, DELTAS)
    gaps = [
        abs(point.from_parity / point.from_future - 1.0) * 1e4
        for point in surface.forwards
        if point.from_parity > 0 and point.from_future > 0
    ]
    at_mid = _chain_fees.count(chain, at_mid=True)
    found = _chain_fees.search(chain)
    kept = [row for row in found if row.net > 0]
    return {
        "ts_ns": chain.ts_ns,
        "slices": len(surface.slices),
        "refused": len(surface.refused),
        "fit_ms": ms,
        "fit_judged": int(judged.sum()),
        "fit_inside": int((judged & inside).sum()),
        "fit_violation": surface.worst_violation(reach=4.0, steps=400),
        "futures": len(gaps),
        "future_gap_bp": float(np.median(gaps)) if gaps else None,
        "future_gap_bp_max": max(gaps, default=None),
        "arbitrages_mid": at_mid.total(),
        "arbitrages_touch": len(found),
        "arbitrages_after_fees": len(kept),
        **{f"touch_{kind}": sum(row.kind == kind for row in found) for kind in _chain_fees.KINDS},
        **{f"kept_{kind}": sum(row.kind == kind for row in kept) for kind in _chain_fees.KINDS},
        "best_net": kept[0].net if kept else None,
    }


def _pairs(chains: Chains) -> pl.DataFrame:
    """Strikes that have a call and a put: the call's columns, and the put's with ``_put``."""
    calls = chains.frame.filter("call")
    puts = chains.frame.filter(~pl.col("call"))
    return calls.join(puts, on=_KEYS, suffix="_put", maintain_order="left")


def _judged() -> pl.Expr:
    delta = pl.col("delta").abs()
    return delta.is_between(*DELTAS) & (pl.col("expiry_ns") > pl.col("ts_ns"))


def _greeks(frame: pl.DataFrame, forward: Floats, t: Floats, vol: Floats) -> dict[str, Floats]:
    """Greeks where there are any, NaN elsewhere."""
    strike, call = frame["strike"].to_numpy(), frame["call"].to_numpy()
    good = (forward > 0) & (t > 0) & (vol > 0) & (strike > 0)
    good &= np.isfinite(forward) & np.isfinite(vol)
    at = np.flatnonzero(good)
    got = model.greeks76(
        forward[at], strike=strike[at], t=t[at], vol=vol[at], call=call[at], fast=True
    )
    out = {}
    for name in ("price", "delta", "gamma", "vega", "theta", "vanna"):
        out[name] = np.full(len(t), np.nan)
        out[name][at] = getattr(got, name)
    return out


def _vol(
    frame: pl.DataFrame, price: Floats, forward: Floats, t: Floats, is_inverse: bool
) -> NDArray[np.float64]:
    vol, _ = model.implied_vol76(
        price * forward if is_inverse else price,
        forward=forward,
        strike=frame["strike"].to_numpy(),
        t=t,
        call=frame["call"].to_numpy(),
        fast=True,
    )
    return np.asarray(vol)


def summary(table: pl.DataFrame) -> dict[str, dict[str, float | int]]:
    """Sum a study up, for each currency and for all."""
    parts = {
        str(key[0]): part for key, part in table.partition_by("currency", as_dict=True).items()
    }
    return {name: _summed(part) for name, part in sorted(parts.items())} | {"all": _summed(table)}


def _summed(table: pl.DataFrame) -> dict[str, float | int]:
    def weighted(share: str, by: str) -> float:
        known = table.filter(pl.col(share).is_not_null())
        return float((known[share] * known[by]).sum() / max(int(known[by].sum()), 1))

    def total(name: str) -> int:
        return int(table[name].sum())

    def middle(name: str) -> float:
        found = table[name].median()
        return float("nan") if found is None else float(found)  # type: ignore[arg-type]

    return {
        "chains": table.height,
        "quotes": total("quotes"),
        "vol equal within rounding, as stored": weighted("vol_share_stored", "judged_stored"),
        "vol equal, at the marks' own forward": weighted("vol_share_marks", "strikes"),
        "vol equal, and at one moment a chain": weighted("vol_share", "strikes"),
        "vol equal within twice the rounding": weighted("vol_share_twice", "strikes"),
        "median vol error": middle("vol_error"),
        "median shift of time, s": middle("shift_s"),
        "delta equal within rounding, as stored": weighted("delta_share_stored", "judged_stored"),
        "median delta error, as stored": middle("delta_error_stored"),
        "delta equal, at the row's index": weighted("delta_share", "judged"),
        "delta within 0.001, at the row's index": weighted("delta_share_thousandth", "judged"),
        "median delta error, at the row's index": middle("delta_error"),
        "forward inside put-call parity": weighted("parity_share", "parity_pairs"),
        "median gap of parity to futures, bp": middle("future_gap_bp"),
        "arbitrages at mid": total("arbitrages_mid"),
        "arbitrages at the touch": total("arbitrages_touch"),
        "arbitrages after fees": total("arbitrages_after_fees"),
        "chains with one after fees": int((table["arbitrages_after_fees"] > 0).sum()),
        "median fit, ms": middle("fit_ms"),
        "surface within half the spread": total("fit_inside") / max(total("fit_judged"), 1),
        "surfaces with arbitrage": int((table["fit_violation"] < -1e-12).sum()),
        "expiries without a slice": total("refused"),
    }
