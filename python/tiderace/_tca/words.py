"""What goes into a TCA and what comes out, and how its numbers are written."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from itertools import takewhile
from typing import Any

import msgspec
import polars as pl

from tiderace.errors import InputError

BUY = ord("1")
HORIZONS_S = (0.1, 1.0, 10.0, 60.0)
BENCHMARKS = ("arrival", "vwap", "twap", "pwp", "close")
MONEY_LINES = ("notional", "fees", "funding", "trading", "delay", "basis", "conversion")
PRECISION = 60  # products of a quantity, a price and a declared rate stay exact
STEP = Decimal("1e-12")

PARENT_STATUS = {
    "W": "waiting",
    "0": "working",
    "P": "paused",
    "2": "completed",
    "C": "expired",
    "4": "canceled",
    "8": "rejected",
}
SUBMIT_PARENT = 3
"""The kind of input that submits a parent order."""
OWN_ORDERS = "own orders"
UNNAMED = "unnamed"
"""The algorithm of a parent that a strategy submitted: the config does not name it."""
INTERRUPTED = "interrupted"
"""The status of a parent that was still at work when its run stopped before the end."""
ORD_STATUS = {
    "0": "new",
    "1": "partially filled",
    "2": "filled",
    "4": "canceled",
    "6": "pending cancel",
    "8": "rejected",
    "A": "pending new",
    "C": "expired",
    "E": "pending replace",
    "U": "unknown",
}


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument, with what the config says about it."""

    terms: Mapping[str, Any]
    """`types::Instrument` as JSON; sizes in 1e-12."""
    name: str
    """Unique in a run, ``venue:symbol``."""
    base: str
    quote: str
    fee_taker: Decimal | None = None
    fee_maker: Decimal | None = None
    funding_rate: Decimal = Decimal(0)
    """What a long pays each interval, as a fraction of notional."""
    funding_interval_ns: int = 28_800_000_000_000

    @property
    def tick(self) -> Decimal:
        """Quote per tick."""
        return int(self.terms["tick_size"]) * STEP

    @property
    def lot(self) -> Decimal:
        """Contracts (spot: base) per lot."""
        return int(self.terms["lot_size"]) * STEP

    @property
    def is_inverse(self) -> bool:
        """Whether a contract is worth a fixed amount of quote."""
        return str(self.terms["style"]) == "inverse"


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """A published surface as the journal has it."""

    ts_ns: int
    version: int
    forwards: Mapping[int, float]
    """By maturity, ns."""
    vols: Mapping[int, float]
    """By instrument; 1.00 is 100 %."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A parent order as it was submitted."""

    parent_id: int
    side: str
    """``buy`` or ``sell``."""
    order_qty: int
    """Exposure in base units."""
    algo: str = "twap"
    limit: Decimal | None = None
    """No child beyond its instrument's arrival mid x (1 +- limit)."""
    duration_ns: int | None = None
    slices: int | None = None
    decision_ns: int | None = None
    """When it was decided; the arrival when absent."""


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a report is made of. Frames are raw integer tables, as `_core` gives them."""

    name: str
    markets: Sequence[Market]
    """In id order; the first is the reference of basis, delay and opportunity."""
    assets: Sequence[Mapping[str, Any]]
    """``{"asset", "decimals"}`` in id order."""
    asked: Sequence[Asked] = ()
    algos: Mapping[int, str] = {}
    """What works each parent; those of `asked` need not be in it."""
    params: Mapping[str, Any] = {}
    """Parameters of the run's own parent, as they were asked for."""
    usd_per: Mapping[str, Decimal] = {}
    holding_ns: int = 0
    """How long a position is held: expected funding is counted over it."""
    fills: pl.DataFrame
    orders: pl.DataFrame
    parents: pl.DataFrame
    slices: pl.DataFrame
    arrivals: pl.DataFrame
    skipped: pl.DataFrame
    refused: pl.DataFrame
    stopped: Sequence[Mapping[str, Any]] = ()
    """Programs that were stopped: ``parent_id ts_ns reason trap file line fuel_used``."""
    quotes: pl.DataFrame
    trades: pl.DataFrame
    surfaces: Sequence[Surface] = ()
    """What was published of the options' vols and forwards, in order."""
    depth: Mapping[int, pl.DataFrame] = {}
    """Book at arrival by instrument: ``side px qty_e8 is_known``."""
    reasons: Mapping[int, tuple[str, str, str]] = {}
    """Code to name, rule, remedy."""
    is_synthetic: bool = False
    ts_end_ns: int | None = None
    """When the run ended: nothing that the market did later is looked at. ``None``: no such end."""
    is_interrupted: bool = False
    """Whether the run stopped before its end, by a person or by a fault."""
    pwp_rate: float = 0.2
    """Participation of the benchmark ``pwp``: an order of Q is held against the first Q / rate."""
    provenance: Mapping[str, Any] = {}
    """Digest, seeds, hashes, version: shown as they are."""


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """The tables behind a report; money as decimal text in USD, prices in quote."""

    fills: pl.DataFrame
    """One row a fill that stands (reversed ones are out)."""
    children: pl.DataFrame
    parents: pl.DataFrame
    venues: pl.DataFrame
    markouts: pl.DataFrame
    parts: pl.DataFrame
    """The shortfall by parent and venue, ``Decimal``; the unfilled rest has no venue."""
    quality: pl.DataFrame
    """One row an algorithm and venue (``None``: all of them)."""
    reversion: pl.DataFrame
    """One row a parent and venue: how far the mid came back after the end of the work."""
    schedule: pl.DataFrame
    """One row a slice: what should have been filled at its end, and what was."""
    estimates: pl.DataFrame
    """One row a parent: what it should have cost, and what it did."""
    summary: dict[str, Any]


def stopped_words(row: Mapping[str, Any]) -> str:
    """Say of a program that was stopped why, and where."""
    at = f" at {row['file']}:{row['line']}" if row["line"] else ""
    why = f"{row['trap']}{at}" if row["trap"] else str(row["reason"]).replace("_", " ")
    return f"The program of parent {row['parent_id']} was stopped: {why}"


def reason_name(inputs: Inputs, code: int) -> str:
    """Return the stable name of a reason code; empty for none."""
    if not code:
        return ""
    return inputs.reasons[code][0] if code in inputs.reasons else f"reason {code}"


def words(inputs: Inputs, code: int) -> str:
    """Return the rule of a reason code in words."""
    return inputs.reasons[code][1] if code in inputs.reasons else f"Reason {code}."


def remedy(inputs: Inputs, code: int) -> str:
    """Return what to do about a reason."""
    return inputs.reasons[code][2] if code in inputs.reasons else ""


def plain(value: Decimal) -> str:
    """Return a decimal as text without exponent or trailing zeros."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def money_text(value: Decimal) -> str:
    """Return USD at 1e-12: parts written so still add up to 1e-9."""
    return plain(value.quantize(STEP))


def qty_text(units: int, decimals: int) -> str:
    """Return base units as text, rounded down at 1e-8."""
    return plain(scaled(units, decimals).quantize(Decimal("1e-8"), rounding=ROUND_FLOOR))


def px_text(notional: Decimal, qty: Decimal) -> str | None:
    """Return notional over exposure at 1e-8; ``None`` without exposure."""
    return plain((notional / qty).quantize(Decimal("1e-8"))) if qty else None


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Leave out the words that all names begin with, e.g. ``binance-``."""
    every = list(names)
    same = (len(set(letters)) == 1 for letters in zip(*every, strict=False))
    count = sum(1 for _ in takewhile(bool, same)) if len(every) > 1 else 0
    common = every[0][:count] if every else ""
    cut = max(common.rfind("-"), common.rfind(":")) + 1
    return {name: name[cut:] for name in every}


def scaled(units: int, decimals: int) -> Decimal:
    return Decimal(units).scaleb(-decimals)


def sign_of(side: object) -> int:
    """Return +1 for a buy and -1 for a sell."""
    value = getattr(side, "value", side)
    text = chr(value) if isinstance(value, int) and value in (49, 50) else str(value).lower()
    if text in ("buy", "1"):
        return 1
    if text in ("sell", "2"):
        return -1
    raise InputError(
        f"side is {side!r}", rule="A side is buy or sell", remedy='Write "buy" or "sell"'
    )


def usd_of(inputs: Inputs, asset: str) -> Decimal:
    """Return what one of an asset is worth in USD, as declared."""
    if asset in inputs.usd_per:
        return Decimal(inputs.usd_per[asset])
    if asset == "USD":
        return Decimal(1)
    raise InputError(
        f"what one {asset} is worth in USD is not declared",
        rule="Every asset that money is counted in has a declared worth in USD",
        remedy=f'Add {asset} = "1" (or its worth) to [route.usd_per] of the config',
    )


def algo_of(inputs: Inputs, parent_id: int) -> str:
    """Return what worked a parent; ``own orders`` for those of a strategy without one."""
    if not parent_id:
        return OWN_ORDERS
    named = {**inputs.algos, **{a.parent_id: a.algo for a in inputs.asked}}
    return named.get(parent_id, UNNAMED)


def bps(part: Decimal, whole: Decimal) -> float | None:
    return float(part / whole * 10_000) if whole else None
