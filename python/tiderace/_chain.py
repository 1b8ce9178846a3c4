"""Option chains: their columns, and how `tiderace.model` sees them.

A chain is the quotes of one underlying in one snapshot. A quote that cannot be used stays in it,
and the model says why it was not used. Prices of inverse options are in the coin, everything else
in money; volatilities are decimals.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tiderace import model
from tiderace._model.options import Floats
from tiderace.errors import DataError, InputError

YEAR_NS = 365 * 86_400 * 10**9
# Deribit lists a dated future for some expiries; what it computes for the others has this name.
SYNTHETIC = "SYN."


class Chain(msgspec.Struct, frozen=True):
    """The quotes of one underlying in one snapshot.

    Attributes
    ----------
    snapshot, currency
        Its names in the file.
    ts_ns
        The newest time in it, UTC nanoseconds.
    is_inverse
        Whether its prices are in the coin.
    frame
        Its rows, in the order of the file.
    """

    snapshot: str
    currency: str
    ts_ns: int
    is_inverse: bool
    frame: pl.DataFrame

    def column(self, name: str) -> Floats:
        """Return a column of numbers, NaN where there is none."""
        return self.frame[name].to_numpy()

    def quotes(self, *, at_mid: bool = False, futures: bool = True) -> model.Quotes:
        """Return its rows as the model takes them, then its futures.

        Parameters
        ----------
        at_mid
            Whether each side is the middle of both.
        futures
            Whether listed futures stand after the options, at their mark: chains hold neither bid
            nor ask of them.
        """
        frame = self.frame
        rows: dict[str, Floats] = {
            name: self.column(name)
            for name in ("strike", "bid", "ask", "bid_qty", "ask_qty", "mark_vol")
        }
        rows["forward"] = self.column("at")
        rows["t"] = self.t
        if at_mid:
            rows["bid"] = rows["ask"] = 0.5 * (rows["bid"] + rows["ask"])
        kinds = frame["call"].to_numpy().astype(np.uint8)
        expiry, ts = frame["expiry_ns"].to_numpy(), frame["ts_ns"].to_numpy()
        if futures and (listed := self.listed).height:
            more = listed.height
            marks = listed["forward"].to_numpy()
            ends = listed["expiry_ns"].to_numpy()
            unknown = np.full(more, np.nan)
            added = {"t": (ends - self.ts_ns) / YEAR_NS, "bid": marks, "ask": marks}
            rows = {
                name: np.concatenate([column, added.get(name, unknown)])
                for name, column in rows.items()
            }
            kinds = np.concatenate([kinds, np.full(more, 2, dtype=np.uint8)])
            expiry = np.concatenate([expiry, ends])
            ts = np.concatenate([ts, np.full(more, self.ts_ns)])
        styles = np.full(len(kinds), int(self.is_inverse), dtype=np.uint8)
        return model.Quotes.of_columns(
            kinds=kinds, styles=styles, floats=rows, expiry_ns=expiry, ts_ns=ts
        )

    @property
    def t(self) -> Floats:
        """Years of 365 days to expiry, a row."""
        return years(self.frame)

    @property
    def listed(self) -> pl.DataFrame:
        """The listed futures: name, expiry, and the middle of what the rows say they are worth."""
        named = self.frame.filter(
            pl.col("future").is_not_null() & ~pl.col("future").str.starts_with(SYNTHETIC)
        )
        # A perpetual has no expiry of its own.
        named = named.filter(~pl.col("future").str.to_lowercase().str.contains("perp"))
        named = named.filter(pl.col("forward") > 0)
        grouped = named.group_by("expiry_ns").agg(pl.col("future").first(), pl.median("forward"))
        return grouped.sort("expiry_ns")

    def fit(self, *, age_s: float | None = None, weekend: float = 1.0) -> model.Surface:
        """Fit a surface; quotes older than ``age_s`` seconds are stale."""
        age_ns = 2**63 - 1 if age_s is None else int(age_s * 1e9)
        return model.Surface.fit(
            self.quotes(), ts_ns=self.ts_ns, age_ns_max=age_ns, weekend=weekend
        )

    def model_vols(self, surface: model.Surface) -> Floats:
        """Vol of each row on a surface, at the forward of the row's own moment."""
        forward, strike = self.column("at"), self.column("strike")
        expiry, t = self.frame["expiry_ns"].to_numpy(), self.t
        vols = np.full(len(t), np.nan)
        for part in surface.slices:
            rows = np.flatnonzero((expiry == part.expiry) & (t > 0) & (strike > 0))
            at = np.where(forward[rows] > 0, forward[rows], part.forward)
            variance = np.asarray(part.svi.total_variance(np.log(strike[rows] / at)))
            vols[rows] = np.sqrt(variance / t[rows])
        return vols

    def judged(
        self, surface: model.Surface, deltas: tuple[float, float] = (0.05, 0.95)
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which rows a surface is judged by, and which of them it meets.

        Judged are two-sided quotes with a delta (the quoted one, else the surface's; its absolute
        value) between ``deltas``; met is one whose middle lies within half its spread of the
        surface.
        """
        bid, ask, vols = self.column("bid"), self.column("ask"), self.model_vols(surface)
        quoted = self.column("delta")
        delta = np.abs(np.where(np.isfinite(quoted), quoted, self.deltas(vols)))
        is_judged = (bid > 0) & (ask >= bid) & (self.t > 0)
        is_judged &= (delta >= deltas[0]) & (delta <= deltas[1])
        away = np.abs(self.model_prices(vols) - 0.5 * (bid + ask))
        return is_judged, away <= 0.5 * (ask - bid) * (1.0 + 1e-9)

    def deltas(self, vols: Floats) -> Floats:
        """Return deltas of the money value at vols; NaN where there is no vol."""
        forward, strike, t = self.column("at"), self.column("strike"), self.t
        with np.errstate(invalid="ignore", divide="ignore"):
            good = (forward > 0) & (strike > 0) & (t > 0) & (vols > 0)
        at = np.flatnonzero(good & np.isfinite(vols))
        out = np.full(len(vols), np.nan)
        call = self.frame["call"].to_numpy()[at]
        out[at] = model.greeks76(
            forward[at], strike=strike[at], t=t[at], vol=vols[at], call=call, fast=True
        ).delta
        return out

    def model_prices(self, vols: Floats) -> Floats:
        """Return prices at vols, in the unit of the quotes; NaN where there is no vol."""
        return prices(self.frame, vols, is_inverse=self.is_inverse)

    def implied(self, price: Floats) -> Floats:
        """Vols of prices in the unit of the quotes; NaN where there is none."""
        return implied(self.frame, price, is_inverse=self.is_inverse)


class Chains(msgspec.Struct, frozen=True):
    """All chains of a file or folder, by snapshot and currency."""

    name: str
    is_inverse: bool
    frame: pl.DataFrame

    @property
    def names(self) -> list[tuple[str, str]]:
        """Snapshots and currencies, in order."""
        pairs = self.frame.select("snapshot", "currency").unique().sort("snapshot", "currency")
        return pairs.rows()

    def chain(self, snapshot: str | None = None, currency: str | None = None) -> Chain:
        """Return one: the newest snapshot, and its largest currency, unless named."""
        frame = self.frame
        snapshot = snapshot if snapshot is not None else frame["snapshot"].max()  # type: ignore[assignment]
        frame = frame.filter(pl.col("snapshot") == snapshot)
        if not frame.height:
            known = self.frame["snapshot"].unique().sort()
            raise InputError(
                f"snapshot {snapshot!r} is not in {self.name}",
                rule=f"It holds {known.len()} from {known[0]} to {known[-1]}",
                remedy="Give one of them, or none for the newest",
            )
        counts = frame["currency"].value_counts(sort=True)
        currency = currency if currency is not None else counts["currency"][0]
        frame = frame.filter(pl.col("currency") == currency)
        if not frame.height:
            raise InputError(
                f"currency {currency!r} is not in snapshot {snapshot}",
                rule=f"It holds {', '.join(sorted(counts['currency']))}",
                remedy="Give one of them",
            )
        return self._made(str(snapshot), str(currency), frame)

    def __iter__(self) -> Iterator[Chain]:
        """Every chain in turn."""
        for (snapshot, currency), frame in sorted(
            self.frame.partition_by(
                "snapshot", "currency", as_dict=True, maintain_order=True
            ).items()
        ):
            yield self._made(str(snapshot), str(currency), frame)

    def _made(self, snapshot: str, currency: str, frame: pl.DataFrame) -> Chain:
        return Chain(snapshot, currency, int(frame["ts_ns"].max()), self.is_inverse, frame)  # type: ignore[arg-type]


def with_forwards(frame: pl.DataFrame, *, is_inverse: bool) -> pl.DataFrame:
    """Add ``at``, the forward that a row is priced at.

    It is the quoted one, else that of put-call parity between the expiry's marks, else between its
    middles, the median over strikes in both.
    """
    keys = ["snapshot", "currency", "expiry_ns"]
    puts = frame.filter(~pl.col("call"))
    pairs = frame.filter("call").join(puts, on=[*keys, "strike"], suffix="_put")
    strike = pl.col("strike")
    gaps = {
        "by_mark": pl.col("mark") - pl.col("mark_put"),
        "by_mid": 0.5 * (pl.col("bid") + pl.col("ask") - pl.col("bid_put") - pl.col("ask_put")),
    }
    told = pairs.select(
        *keys,
        **{
            name: (strike / (1.0 - gap) if is_inverse else strike + gap).fill_nan(None)
            for name, gap in gaps.items()
        },
    )
    medians = told.group_by(keys).agg(pl.median(name) for name in gaps)
    joined = frame.join(medians, on=keys, how="left", maintain_order="left")
    at = pl.coalesce(pl.col("forward").fill_nan(None), *gaps).fill_null(float("nan"))
    return joined.with_columns(at=at).drop(*gaps)


def years(frame: pl.DataFrame) -> Floats:
    """Years of 365 days from a row's own time to its expiry."""
    return np.asarray((frame["expiry_ns"] - frame["ts_ns"]).to_numpy() / YEAR_NS)


def unit(frame: pl.DataFrame, *, is_inverse: bool) -> Floats | float:
    """Return what one unit of a price is worth in money: the forward, or 1."""
    return frame["at"].to_numpy() if is_inverse else 1.0


def prices(frame: pl.DataFrame, vols: Floats, *, is_inverse: bool) -> Floats:
    """Return prices at vols, in the unit of the quotes; NaN where there is no vol."""
    t, forward, strike = years(frame), frame["at"].to_numpy(), frame["strike"].to_numpy()
    good = np.flatnonzero((t > 0) & (vols > 0) & (forward > 0) & (strike > 0) & np.isfinite(vols))
    out = np.full(len(vols), np.nan)
    call = frame["call"].to_numpy()[good]
    out[good] = model.black76(
        forward[good], strike=strike[good], t=t[good], vol=vols[good], call=call, fast=True
    )
    return np.asarray(out / unit(frame, is_inverse=is_inverse))


def implied(frame: pl.DataFrame, price: Floats, *, is_inverse: bool) -> Floats:
    """Vols of prices in the unit of the quotes; NaN where there is none."""
    vols, _ = model.implied_vol76(
        price * unit(frame, is_inverse=is_inverse),
        forward=frame["at"].to_numpy(),
        strike=frame["strike"].to_numpy(),
        t=years(frame),
        call=frame["call"].to_numpy(),
        fast=True,
    )
    return np.asarray(vols)


def check_vol_unit(chain: Chain, reasons: list[str | None]) -> None:
    """Refuse a chain most of whose vols are in another unit than its prices say.

    Parameters
    ----------
    reasons
        Why quotes were left out of the surface.
    """
    options = reasons[: chain.frame.height]
    wrong = sum(reason == "vol_unit" for reason in options)
    known = sum(reason in (None, "vol_unit") for reason in options)
    if wrong > 0.5 * known:
        raise DataError(
            f"{wrong} of {known} quoted vols are not in the unit that was named",
            rule="A vol is a decimal, 0.5 for 50 %, unless percent is named",
            remedy="Read it with --vol-unit percent (or decimal)",
        )
