"""The tables of a config file and the types of their keys; their ranges are in `_checks`."""

import difflib
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from tiderace.errors import InputError

Duration = str
"""A number and its unit (ns, us, ms, s, m, h, d), e.g. ``"5m"``; checked with its range."""
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Count = Annotated[int, msgspec.Meta(ge=1, le=4_294_967_295)]
Limit = Annotated[int, msgspec.Meta(ge=0, le=4_294_967_295)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=9_223_372_036_854_775_807)]

# Instruments are named by one bit each of a 64-bit set.
INSTRUMENTS_MAX = 64


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class RunConfig(_Section, frozen=True, kw_only=True):
    """``[run]``: what the run is called, where it goes, whom it is for."""

    name: Name
    seed: Seed = 1
    """Every random draw of the run comes from it."""
    out: str = "out"
    trader: Name = "trader"
    client: Name = "house"
    strategy: Name = "desk"


class DataConfig(_Section, frozen=True, kw_only=True):
    """``[data]``: which recording below the data folder; without one, our own venue."""

    recording: str | None = None


class Fees(_Section, frozen=True, kw_only=True):
    """Fees as fractions of notional; below zero is a rebate."""

    taker: Decimal
    maker: Decimal


class Funding(_Section, frozen=True, kw_only=True):
    """What a long pays each interval, as a fraction of notional."""

    rate: Decimal
    interval: Duration = "8h"


class Limits(_Section, frozen=True, kw_only=True):
    """The hard limits of one instrument."""

    max_order_qty: Decimal
    """Largest order, in contracts (spot: base)."""
    max_order_value: Decimal
    """Largest order, in the quote asset."""
    max_position: Decimal
    """Largest exposure, open orders in, in the base asset."""
    initial_margin: Decimal = Decimal("0.05")
    """Margin that a derivative needs, as a fraction of its value; unused for spot."""


class InstrumentConfig(_Section, frozen=True, kw_only=True):
    """``[[instruments]]``: one market, as its venue lists it."""

    venue: Name
    symbol: Symbol
    kind: Literal["spot", "perpetual", "option"]
    style: Literal["linear", "inverse"] = "linear"
    base: Name
    quote: Name
    settle: Name | None = None
    """Asset of fees and margin; the quote (inverse: the base) when absent."""
    tick_size: Decimal
    lot_size: Decimal
    contract_multiplier: Decimal = Decimal(1)
    min_order_qty: Decimal | None = None
    """Contracts (spot: base); one lot when absent."""
    max_order_qty: Decimal | None = None
    min_notional: Decimal = Decimal(0)
    fees: Fees
    limits: Limits
    funding: Funding | None = None
    feed: str
    """Codec that reads the files, e.g. ``binance-usdm``."""
    files: str | None = None
    """Pattern of the recording's files below its folder."""
    maturity: str | None = None
    """Of an option: when it expires, like ``2024-01-26T08:00:00Z``."""
    strike_price: Decimal | None = None
    """Of an option: in money, a whole number of its ticks."""
    put_or_call: Literal["put", "call"] | None = None

    @property
    def name(self) -> str:
        """The name that is unique in a run: ``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"

    @property
    def settle_asset(self) -> str:
        """The asset of fees and margin."""
        return self.settle or (self.base if self.style == "inverse" else self.quote)


class ParentConfig(_Section, frozen=True, kw_only=True):
    """``[parent]``: the order that the desk works; its algorithm says which keys mean something."""

    algo: str = "twap"
    """A shipped algorithm's name, or the path of a ``.py`` file, from the config's folder."""
    side: Literal["buy", "sell"] | None = None
    """Needed, but where the algorithm works both sides."""
    order_qty: Decimal
    """Exposure in the base asset, e.g. BTC; of both sides: net exposure either way, at most."""
    start: str = "arrival"
    """``arrival`` (all its books are live), or a time like ``2024-08-08T23:55:00Z``."""
    duration: Duration | None = None
    """From start to end; needed where it has an end, but with ``at_end = "keep"``."""
    limit: Decimal | None = None
    """No child beyond its instrument's own arrival mid x (1 +- limit); needed where it applies."""
    instruments: list[str] | None = None
    """Names (``venue:symbol``); all when absent."""
    would: Decimal | None = None
    """The desk takes by itself where a price is better than the arrival mid by this fraction."""
    would_qty: Decimal | None = None
    """So much of it at most; all when absent."""
    max_participation: Decimal | None = None
    """Own / (own + others) of what traded since the start, at most."""
    clip_min: Decimal | None = None
    clip_max: Decimal | None = None
    """Children are no larger than an exposure drawn between the two."""
    at_end: Literal["expire", "take", "keep"] = "expire"
    """What becomes of the rest at the end; ``keep``: it goes on."""
    spread_max: Decimal | None = None
    """No child while its book's spread is a larger fraction of the mid."""
    range_max: Decimal | None = None
    """No child while the mid ranged over a larger fraction of itself in the last minute."""
    params: dict[str, Any] = {}
    """The algorithm's own parameters; in a file they stand flat among the keys above."""


class RiskConfig(_Section, frozen=True, kw_only=True):
    """``[risk]``: the hard limits of the whole desk; those of an instrument stand with it."""

    price_collar: Decimal = Decimal("0.02")
    """A limit price strays from the mid by no more than this fraction of it."""
    max_total_position: Decimal = Decimal(0)
    """Largest exposure over all instruments of a base asset, in it; zero is off."""
    max_open_orders: Count = 100
    max_messages: Limit = 200
    """Most orders, replaces and cancels within ``message_window``; zero is off."""
    message_window: Duration = "1s"
    duplicate_window: Duration = "0s"
    """The same side, quantity and price is not sent twice within it; ``0s`` is off."""
    max_executions: Limit = 0
    """Fills of a strategy within ``execution_window`` that stop it; zero is off."""
    execution_window: Duration = "1s"
    needs_funds: bool = True
    """Whether spot orders need balance, and derivatives margin."""


class OmsConfig(_Section, frozen=True, kw_only=True):
    """``[oms]``: the life of an order."""

    timeout: Duration = "5s"
    """A venue that has not answered by then is asked where the order stands."""


class RouteConfig(_Section, frozen=True, kw_only=True):
    """``[route]``: what the router weighs beside prices and fees."""

    holding: Duration = "8h"
    """How long a position is held: funding is weighed over it."""
    usd_per: dict[str, Decimal] = {}
    """What one unit of a quote asset is worth in USD, declared; USD itself is 1."""


class RandomLatency(_Section, frozen=True, kw_only=True):
    """A drawn latency: uniform (``low``, ``high``) or lognormal (``median``, ``sigma``)."""

    low: Duration | None = None
    high: Duration | None = None
    median: Duration | None = None
    sigma: Decimal | None = None


class SimConfig(_Section, frozen=True, kw_only=True):
    """``[sim]``: how the simulated venues behave."""

    queue: Literal["risk_averse", "power", "log"] = "risk_averse"
    """Where a posted order stands in the queue, and how cancels ahead of it are counted."""
    queue_power: Decimal = Decimal(2)
    feed: str | RandomLatency = "recorded"
    """Venue to us, market data: ``recorded``, a duration, or a drawn latency."""
    order_entry: str | RandomLatency = "10ms"
    """Us to the venue."""
    response: str | RandomLatency = "10ms"
    """Venue to us, reports."""


class SyntheticConfig(_Section, frozen=True, kw_only=True):
    """``[synthetic]``: when our own venue opens, and for how long, where there is no recording."""

    start: str = "2024-01-01T00:00:00Z"
    duration: Duration = "6m"


class SurfaceConfig(_Section, frozen=True, kw_only=True):
    """``[surface]``: the vol that our own venue's makers quote options by, and its publication."""

    vol: Decimal = Decimal("0.5")
    """At the start: 0.5 is 50 %; one for all options."""
    half_spread: Decimal = Decimal("0.005")
    """From the vol to a quote, in vol; each further level is as far again."""
    walk: Decimal = Decimal("0.0005")
    """Deviation of the vol over a second, as a fraction of it."""
    levels: Count = 3
    qty: Decimal = Decimal(5)
    """Exposure at each level, in the base asset."""
    takers_per_s: Decimal = Decimal("0.2")
    """Takers a second, in each option."""
    publish: Duration = "1s"
    """From one published surface to the next."""
    file: str | None = None
    """On a recording: the file of it that has what was published (`tiderace.chain.tape`)."""


class Config(_Section, frozen=True, kw_only=True):
    """A whole file."""

    run: RunConfig
    data: DataConfig = DataConfig()
    assets: dict[str, int] = {}
    """Digits after the point of an asset's base unit; 8 when absent."""
    instruments: list[InstrumentConfig]
    balances: dict[str, dict[str, Decimal]] = {}
    """Free balance by venue and asset."""
    parent: ParentConfig | None = None
    oms: OmsConfig = OmsConfig()
    risk: RiskConfig = RiskConfig()
    route: RouteConfig = RouteConfig()
    sim: SimConfig = SimConfig()
    synthetic: SyntheticConfig = SyntheticConfig()
    surface: SurfaceConfig = SurfaceConfig()

    def instrument_index(self, name: str, *, key: str) -> int:
        """Return the row of the instrument that ``name`` means.

        Parameters
        ----------
        name
            ``venue:symbol``, or a symbol or venue that only one instrument has.
        key
            Who asks, for the message.

        Raises
        ------
        InputError
            No instrument, or more than one, has this name.
        """
        names = [instrument.name for instrument in self.instruments]
        if name in names:
            return names.index(name)
        rows = [i for i, full in enumerate(names) if name in full.split(":", 1)]
        if len(rows) == 1:
            return rows[0]
        what = "names several instruments" if rows else "is not an instrument of this run"
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        known = f"Did you mean {near[0]!r}? " if near and not rows else ""
        raise InputError(
            f"{key} = {name!r} {what}",
            rule="An instrument is named by venue:symbol",
            remedy=f"{known}Known: {', '.join(names)}",
        )
