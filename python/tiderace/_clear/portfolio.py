"""Portfolio margin: what all products of an underlying lose together in the worst scenario."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from tiderace import _core
from tiderace._clear.contract import (
    LOTS_MAX,
    RATE_DECIMALS,
    Contract,
    as_text,
    contract,
    lot_of,
    lots_of,
    needed,
    number,
    only,
    plain,
    quantity,
    rows,
    word,
)
from tiderace._clear.market import Market, Maturity
from tiderace._clear.standard import Margin
from tiderace.errors import InputError, core_errors

# Results are whole numbers of 10^-12 of the settlement asset, as entries of a risk array are.
_DECIMALS = 12
_FORWARD = -1


class Contingencies(NamedTuple):
    """What comes on top of the worst scenario.

    Attributes
    ----------
    forward
        Basis risk of the expiries: not added, but the least that the worst loss counts for.
    perpetual, option
        Shares of index notional. ``initial`` comes on top of ``maintenance`` in the initial
        requirement.
    """

    forward: Decimal
    perpetual: Margin
    option: Margin


class PortfolioMargin(NamedTuple):
    """A requirement and where it comes from, in the settlement asset.

    Attributes
    ----------
    initial, maintenance
        Requirements >= 0, the book's own value left out.
    mark_to_market
        Value of the options at unshocked vols, and what was given as unrealised.
    worst
        The row of ``scenarios`` with the lowest ``pnl``; None of an empty portfolio.
    scenarios
        Rows ``spot``, ``vol``, ``damping``, ``pnl`` and ``base``; damping and discount are in
        ``pnl``, orders too.
    contingencies
        See `Contingencies`.
    books
        A row an underlying: ``base``, ``initial``, ``maintenance``, ``mark_to_market``, ``binds``
        (``scenario``, ``forward``, or ``none`` where nothing loses), ``scenario`` (the row that
        binds, or None), ``leg`` (the symbol that loses most by itself there, or None) and
        ``leg_pnl`` (before damping and discount).
    """

    initial: Decimal
    maintenance: Decimal
    mark_to_market: Decimal
    worst: dict[str, Any] | None
    scenarios: list[dict[str, Any]]
    contingencies: Contingencies
    books: list[dict[str, Any]]


class _Order(NamedTuple):
    symbol: str
    qty: int
    limit: int


class _Book:
    """All that is held and ordered of one underlying."""

    def __init__(self) -> None:
        self.contracts: dict[str, Contract] = {}
        self.qty: dict[str, int] = {}
        self.unrealised = Decimal(0)
        self.orders: list[_Order] = []

    def take(self, of: Contract, qty: int, *, key: str) -> None:
        known = self.contracts.setdefault(of.symbol, of)
        if known != of:
            raise InputError(
                f"{key}.instrument {of.symbol!r} was given before with other terms",
                rule="A symbol is one instrument",
                remedy="Give equal terms, or another symbol",
            )
        self.qty[of.symbol] = self.qty.get(of.symbol, 0) + qty

    def lots(self, index: int) -> dict[str, int]:
        """Return a lot by symbol: one for all that may be a pair."""
        groups: dict[object, list[str]] = {}
        for symbol, of in self.contracts.items():
            pair = (of.kind, of.style, of.maturity_ns, of.strike, of.multiplier)
            groups.setdefault(pair if of.kind == "option" else symbol, []).append(symbol)
        found: dict[str, int] = {}
        for symbols in groups.values():
            sizes = [self.qty[symbol] for symbol in symbols]
            sizes += [order.qty for order in self.orders if order.symbol in symbols]
            lot = lot_of(sizes, value=self.contracts[symbols[0]].lot_value(index))
            found.update(dict.fromkeys(symbols, lot))
        return found

    def for_core(self, base: str, market: Market) -> dict[str, object]:
        index = market.index(base)
        lots = self.lots(index)
        symbols = list(self.contracts)
        maturities: dict[int, Maturity] = {}
        prices = []
        for of in self.contracts.values():
            maturity = market.maturity(of)
            if maturity is not None:
                maturities[maturity.maturity_ns] = maturity
            prices.append(market.prices(of))

        def in_lots(symbol: str, qty: int) -> int:
            return lots_of(qty, lots[symbol], key=f"quantity of {symbol}", most=LOTS_MAX)

        return {
            "now_ns": market.now_ns,
            "index": index,
            "maturities": [tuple(row) for row in maturities.values()],
            "contracts": [of.for_core(lots[of.symbol]) for of in self.contracts.values()],
            "prices": prices,
            "lots": [in_lots(symbol, self.qty[symbol]) for symbol in symbols],
            "orders": [
                (
                    symbols.index(order.symbol),
                    in_lots(order.symbol, order.qty),
                    order.limit,
                    self.contracts[order.symbol].fee,
                )
                for order in self.orders
            ],
        }


def portfolio_margin(
    positions: Iterable[Mapping[str, Any]],
    *,
    market: Mapping[str, Any],
    params: str | Mapping[str, Any],
    orders: Iterable[Mapping[str, Any]] = (),
) -> PortfolioMargin:
    """Margin positions, and orders beside them, by scenarios.

    Products of one underlying offset each other, over all its expiries; requirements of several
    underlyings add up. All settle in one asset: margin those of another one apart.

    Parameters
    ----------
    positions
        Rows ``{"instrument", "qty", "unrealised"}``: the keys of scenario files, signed contracts,
        and what the position has won and not been paid (0 unless given).
    market
        ``{"now", "index": {base: px}, "mark": {symbol: px}, "forward": {base: {maturity:
        {"forward", "discount", "rate"}}}, "vol": {symbol: vol}}``. Perpetuals without a mark stand
        at the index, futures at their forward; an option's value comes from forward and vol, never
        from a mark. ``discount`` is 1 and ``rate`` 0 unless given. What a model reckons (forward,
        discount, rate, vol) may be a float.
    params
        The name of a shipped set (``deribit_pm``, ``derive_pmrm``) or a mapping with the keys of
        its TOML.
    orders
        What-if: rows ``{"instrument", "side", "order_qty", "price"}`` that might fill, each counted
        by itself in the scenarios in which its fill loses, with fees where the instrument has some.

    Returns
    -------
    PortfolioMargin
        Requirements rounded up at 10^-12 of the settlement asset, whatever its own decimals are,
        rows down.
    """
    shocks = checked_params(params)
    known = Market(market)
    books: dict[str, _Book] = {}
    settles: dict[str, str] = {}

    def book(row: Mapping[str, Any], *, key: str) -> tuple[_Book, Contract]:
        of = contract(needed(row, "instrument", key=key), key=f"{key}.instrument")
        if of.kind in ("spot", "program"):
            raise InputError(
                f"{key}.instrument.kind = {of.kind!r} of {of.symbol}",
                rule="Scenarios move perpetuals, futures, options and binaries",
                remedy="Leave it out: it is collateral, not a position",
            )
        settles.setdefault(of.settle, of.symbol)
        if len(settles) > 1:
            names = ", ".join(f"{symbol} in {asset}" for asset, symbol in settles.items())
            raise InputError(
                f"positions settle in {len(settles)} assets: {names}",
                rule="A requirement is in one settlement asset",
                remedy="Margin the positions of each asset by themselves",
            )
        return books.setdefault(of.base, _Book()), of

    for at, row in enumerate(rows(positions, key="positions")):
        key = f"positions[{at}]"
        row = only(row, ("instrument", "qty", "unrealised"), key=key)
        found, of = book(row, key=key)
        found.take(of, quantity(needed(row, "qty", key=key), key=f"{key}.qty"), key=key)
        unrealised = row.get("unrealised")
        if unrealised is not None:
            won = number(unrealised, RATE_DECIMALS, key=f"{key}.unrealised")
            found.unrealised += plain(won, RATE_DECIMALS)
    for at, row in enumerate(rows(orders, key="orders")):
        key = f"orders[{at}]"
        row = only(row, ("instrument", "side", "order_qty", "price"), key=key)
        found, of = book(row, key=key)
        found.take(of, 0, key=key)
        side = word(needed(row, "side", key=key), ("buy", "sell"), key=f"{key}.side")
        size = number(needed(row, "order_qty", key=key), 12, key=f"{key}.order_qty", least=1)
        limit = number(needed(row, "price", key=key), RATE_DECIMALS, key=f"{key}.price")
        found.orders.append(_Order(of.symbol, size if side == "buy" else -size, limit))
    return _sum([_margin(base, of, known, shocks) for base, of in books.items()])


def checked_params(params: object) -> str:
    """Return a set of parameters, checked, as the core's JSON."""
    with core_errors():
        if isinstance(params, str):
            return _core.clear_params(params, None)
        if not isinstance(params, Mapping):
            raise InputError(
                f"params = {params!r}",
                rule="It is the name of a shipped set or a mapping with the keys of one",
                remedy='Write "deribit_pm", or give the mapping',
            )
        said = {name: of for name, of in params.items() if of is not None}
        return _core.clear_params(None, json.dumps(as_text(said, key="params", has_floats=True)))


def _margin(base: str, book: _Book, market: Market, shocks: str) -> PortfolioMargin:
    with core_errors():
        (initial, maintenance), value, binds, leg, pnls, (forward, perpetual, option) = (
            _core.clear_portfolio(shocks, book.for_core(base, market))
        )
    shown = [
        {
            "base": base,
            "spot": Decimal(row["spot"]),
            "vol": row["vol"],
            "damping": Decimal(row["damping"]),
            "pnl": plain(pnl, _DECIMALS),
        }
        for row, pnl in zip(json.loads(shocks)["scenarios"], pnls, strict=True)
    ]
    symbols = list(book.contracts)
    asked = Margin(plain(initial, _DECIMALS), plain(maintenance, _DECIMALS))
    worth = plain(value, _DECIMALS) + book.unrealised
    whole = {
        "base": base,
        **asked._asdict(),
        "mark_to_market": worth,
        "binds": "none" if binds is None else "forward" if binds == _FORWARD else "scenario",
        "scenario": None if binds is None or binds == _FORWARD else shown[binds],
        "leg": None if leg is None else symbols[leg[0]],
        "leg_pnl": None if leg is None else plain(leg[1], _DECIMALS),
    }
    return PortfolioMargin(
        initial=asked.initial,
        maintenance=asked.maintenance,
        mark_to_market=worth,
        worst=min(shown, key=lambda row: row["pnl"]),
        scenarios=shown,
        contingencies=Contingencies(
            plain(forward, _DECIMALS),
            Margin(*(plain(share, _DECIMALS) for share in perpetual)),
            Margin(*(plain(share, _DECIMALS) for share in option)),
        ),
        books=[whole],
    )


def _sum(books: list[PortfolioMargin]) -> PortfolioMargin:
    if len(books) == 1:
        return books[0]

    def add(shares: Iterable[Margin]) -> Margin:
        shares = list(shares)
        return Margin(
            sum((share.initial for share in shares), Decimal(0)),
            sum((share.maintenance for share in shares), Decimal(0)),
        )

    shown = [row for of in books for row in of.scenarios]
    whole = add(Margin(of.initial, of.maintenance) for of in books)
    return PortfolioMargin(
        initial=whole.initial,
        maintenance=whole.maintenance,
        mark_to_market=sum((of.mark_to_market for of in books), Decimal(0)),
        worst=min(shown, key=lambda row: row["pnl"], default=None),
        scenarios=shown,
        contingencies=Contingencies(
            sum((of.contingencies.forward for of in books), Decimal(0)),
            add(of.contingencies.perpetual for of in books),
            add(of.contingencies.option for of in books),
        ),
        books=[row for of in books for row in of.books],
    )
