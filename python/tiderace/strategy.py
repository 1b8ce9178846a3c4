"""A strategy in Python: a client of the desk.

It is told what happens (``on_…``) and submits orders; each command is journaled with the input
that it answers, so a run replays without Python. It owns no order state, no clock and no random
number of the desk's; what it submits takes effect when its callback returns.
"""

from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypedDict

from tiderace import _genesis
from tiderace._core import BookView, MarketTrade, OwnFill, StrategyContext
from tiderace._sections import Config, ParentConfig
from tiderace._values import Market, Number, Ticks, duration_ns, unscaled
from tiderace.config import parse, to_dict
from tiderace.errors import InputError, RunFailed

__all__ = ["Best", "BookView", "MarketTrade", "OrderUpdate", "OwnFill", "Side", "Strategy"]

Side = Literal["buy", "sell"]

_SIDES = {"buy": ord("1"), "sell": ord("2")}
_TIME_IN_FORCE = {"GTC": ord("1"), "IOC": ord("3"), "FOK": ord("4")}
_MARKET, _LIMIT = ord("1"), ord("2")
_CALLBACKS = ("on_start", "on_book", "on_trade", "on_fill", "on_order", "on_timer", "on_stop")
# The config's own parent is 1.
_FIRST_PARENT_ID = _genesis.PARENT_ID + 1


class OrderUpdate(TypedDict, total=False):
    """What `Strategy.on_order` is told; quantities in lots."""

    cl_ord_id: int
    instrument: int
    ord_status: str
    """``New``, ``PartiallyFilled``, ``Filled``, ``Canceled``, ...; ``Refused`` for a command."""
    cum_qty: int
    leaves_qty: int
    reason: str
    value: int
    """The value that a rule refused."""
    limit: int
    """The bound of that rule."""


class Best(NamedTuple):
    """The best prices of a live book, in the quote unit; sizes as the venue counts them."""

    bid_px: Decimal
    bid_qty: Decimal
    ask_px: Decimal
    ask_qty: Decimal

    @property
    def mid(self) -> Decimal:
        """The middle between bid and ask."""
        return (self.bid_px + self.ask_px) / 2


class Strategy:
    """What people subclass: override the callbacks you need, submit through the methods.

    A callback that is not overridden costs nothing. ``on_book`` gets one view that is reused: read
    what you need from it and keep no reference.
    """

    _context: StrategyContext
    _config: Config
    _markets: list[Market]

    def on_start(self) -> None:
        """Answer the start of the run, before the first market event."""

    def on_book(self, book: BookView) -> None:
        """Answer a change of a book; its prices are ticks, `price` turns them into money."""

    def on_trade(self, trade: MarketTrade) -> None:
        """Answer a trade of others."""

    def on_fill(self, fill: OwnFill) -> None:
        """Answer a fill of an order of this run."""

    def on_order(self, update: OrderUpdate) -> None:
        """Answer a change of an order's state, or the refusal of a command."""

    def on_timer(self, timer_id: int) -> None:
        """Answer a timer that `set_timer` asked for."""

    def on_stop(self) -> None:
        """Answer the end of the run: no order is taken any more."""

    @property
    def now_ns(self) -> int:
        """The time of the run, in UTC nanoseconds."""
        return self._context.now_ns

    def instrument(self, symbol: str) -> int:
        """Return the row of an instrument, as ``book.instrument`` names it."""
        return self._market(symbol).id

    def price(self, symbol: str | int, ticks: int) -> Decimal:
        """Return a price in ticks, as callbacks carry it, in the quote unit."""
        return self._market(symbol).price(ticks)

    def qty(self, symbol: str | int, lots: int) -> Decimal:
        """Return a quantity in lots, as callbacks carry it, in contracts (spot: base)."""
        return self._market(symbol).qty(lots)

    def position(self, symbol: str | int) -> Decimal:
        """Return the signed net exposure in the base asset."""
        market = self._market(symbol)
        return unscaled(self._context.position(market.id), market.base_decimals)

    def exposure(self, fill: OwnFill) -> Decimal:
        """Return the exposure of a fill in the base asset."""
        return unscaled(fill.exposure, self._market(fill.instrument).base_decimals)

    def best(self, symbol: str | int) -> Best | None:
        """Return the best bid and ask, or `None` while the book is not live."""
        market = self._market(symbol)
        best = self._context.best(market.id)
        if best is None:
            return None
        bid_px, bid_qty, ask_px, ask_qty = best
        return Best(market.price(bid_px), _feed(bid_qty), market.price(ask_px), _feed(ask_qty))

    def submit_order(
        self,
        symbol: str | int,
        *,
        side: Side,
        order_qty: Number,
        price: Number | Ticks | None = None,
        time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC",
        post_only: bool = False,
        cl_ord_id: int | None = None,
    ) -> int:
        """Send an order and return its ``cl_ord_id``.

        Parameters
        ----------
        symbol
            ``venue:symbol``, a symbol or venue that only one instrument has, or its row.
        side
            ``"buy"`` or ``"sell"`` (FIX 54).
        order_qty
            Size in contracts (spot: base), > 0, whole lots (FIX 38).
        price
            Limit price in the quote unit, whole ticks (FIX 44); a market order when absent.
        time_in_force
            ``"GTC"``, ``"IOC"`` or ``"FOK"`` (FIX 59).
        post_only
            Refused by the venue rather than taking.
        cl_ord_id
            Your key, never used before in this journal (FIX 11); the desk gives one when absent.

        Raises
        ------
        OrderRefused
            The price is off the tick, or the quantity off the lot. What the desk refuses comes as
            a row of ``run.refusals``.
        TypeError
            A number is a float or a bool.

        References
        ----------
        FIX 4.4, NewOrderSingle (35=D).
        """
        market = self._market(symbol)
        return self._context.submit_order(
            cl_ord_id,
            market.id,
            _one_of(side, _SIDES, "side"),
            _MARKET if price is None else _LIMIT,
            _one_of(time_in_force, _TIME_IN_FORCE, "time_in_force"),
            post_only,
            market.lots(order_qty),
            0 if price is None else market.ticks(price),
        )

    def replace(
        self, cl_ord_id: int, symbol: str | int, *, order_qty: Number, price: Number | Ticks
    ) -> int:
        """Change quantity (the new total, filled part included) and price; return the new id."""
        market = self._market(symbol)
        return self._context.replace(cl_ord_id, market.lots(order_qty), market.ticks(price))

    def cancel(self, cl_ord_id: int) -> None:
        """Cancel a working order."""
        self._context.cancel(cl_ord_id)

    def cancel_all(self) -> None:
        """Cancel every working order of this strategy."""
        self._context.cancel_all()

    def submit_parent(
        self,
        *,
        order_qty: Number,
        algo: str = "twap",
        side: Side | None = None,
        duration: str | None = None,
        limit: Number | None = None,
        instruments: list[str] | None = None,
        **keys: Any,
    ) -> int:
        """Have the desk work a parent order from now on; return its ``parent_id``.

        Parameters
        ----------
        order_qty, algo, side, duration, limit, instruments
            The keys of ``[parent]`` in a config; ``algo`` is a shipped algorithm's name, or the
            path of a ``.py`` file.
        **keys
            Other keys of ``[parent]``, and the algorithm's own parameters.

        Raises
        ------
        InputError
            A key means nothing for the algorithm, is missing, or its value is out of range.
        TypeError
            A number is a float.
        """
        given = {"order_qty": order_qty, "limit": limit, **keys}
        table = {name: _plain(value, name) for name, value in given.items()}
        table |= {"algo": algo, "side": side, "duration": duration, "instruments": instruments}
        table = {name: value for name, value in table.items() if value is not None}
        parent = parse(to_dict(self._config) | {"parent": table}).parent
        assert isinstance(parent, ParentConfig), "a config with a parent has a parent"
        parent_id = self._next_parent_id
        self._next_parent_id += 1
        fields = _genesis.parent_fields(self._config, parent)
        algorithm = _genesis.algo_fields(self._config, parent)
        self._context.submit_parent(
            _genesis.to_json({"parent_id": parent_id, "algo": algorithm, **fields})
        )
        return parent_id

    def cancel_parent(self, parent_id: int) -> None:
        """Stop a parent order for good and cancel its children."""
        self._context.cancel_parent(parent_id)

    def set_timer(
        self, timer_id: int, *, at_ns: int | None = None, after: str | None = None
    ) -> None:
        """Ask for ``on_timer(timer_id)`` at a time, or after a duration like ``"10s"``."""
        if (at_ns is None) == (after is None):
            raise InputError(
                "set_timer got both or none of at_ns and after",
                rule="A timer has one time",
                remedy='Give at_ns, or after="10s"',
            )
        due = at_ns if at_ns is not None else self.now_ns + duration_ns(after or "", key="after")
        self._context.set_timer(timer_id, due)

    def _attach(self, config: Config) -> None:
        """Give the strategy the run's instruments, before it is bound."""
        self._config = config
        self._markets = _genesis.markets(config)
        self._by_symbol: dict[str | int, Market] = dict(enumerate(self._markets))
        self._next_parent_id = _FIRST_PARENT_ID

    def _bind(self, context: StrategyContext) -> None:
        """Take the desk's side of the line; called once by the core."""
        self._context = context

    @property
    def _callbacks(self) -> tuple[str, ...]:
        """The callbacks that the subclass overrides: the core calls only these."""
        kind = type(self)
        return tuple(n for n in _CALLBACKS if getattr(kind, n) is not getattr(Strategy, n))

    def _market(self, symbol: str | int) -> Market:
        if not hasattr(self, "_by_symbol"):
            raise RunFailed(
                f"{type(self).__name__} is not in a run",
                rule="Orders are submitted from callbacks",
                remedy="Run it by tr.run(config, strategy=...)",
            )
        market = self._by_symbol.get(symbol)
        if market is None:
            row = self._config.instrument_index(str(symbol), key="symbol")
            market = self._by_symbol[symbol] = self._markets[row]
        return market


def _feed(qty_e8: int) -> Decimal:
    return Decimal(qty_e8).scaleb(-8).normalize()


def _plain(value: Any, key: str) -> Any:
    """Return a value as a config holds it: decimals as text; a float is refused."""
    if isinstance(value, list | tuple):
        return [_plain(each, f"{key}[{n}]") for n, each in enumerate(value)]
    if isinstance(value, float):
        raise TypeError(
            f"{key} = {value!r} is a float. "
            f"A number is a Decimal, a str or an int. Write Decimal({str(value)!r})."
        )
    return str(value) if isinstance(value, Decimal) else value


def _one_of(value: str, known: dict[str, int], key: str) -> int:
    try:
        return known[value]
    except KeyError:
        raise InputError(
            f"{key} = {value!r}", rule=f"It is one of {', '.join(known)}", remedy="Use one of them"
        ) from None
