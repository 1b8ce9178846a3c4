"""What orders would change: the margin with them open beside that of what is held, leg by leg."""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tiderace._clear.portfolio import PortfolioMargin, checked_params, portfolio_margin

Row = Mapping[str, Any]


def what_if(
    positions: Sequence[Row], orders: Sequence[Row], *, market: Row, params: str | Row
) -> tuple[PortfolioMargin, PortfolioMargin, PortfolioMargin, list[dict[str, Any]]]:
    """Return the margin now, with the orders open, and once all have filled; and the legs.

    What an order's fill would win or lose against the mark is in the second, as a scenario's loss,
    and not in the third: it would be in the equity then.
    """

    def margin(held: Iterable[Row], waiting: Iterable[Row] = ()) -> PortfolioMargin:
        return portfolio_margin(held, market=market, params=params, orders=waiting)

    before, after = margin(positions), margin(positions, orders)
    filled = margin([*positions, *map(_filled, orders)])
    return before, after, filled, _legs(positions, orders, (before, after), market, params)


def _filled(order: Row) -> dict[str, Any]:
    sign = 1 if order["side"] == "buy" else -1
    return {"instrument": order["instrument"], "qty": sign * Decimal(order["order_qty"])}


def _legs(
    positions: Sequence[Row],
    orders: Sequence[Row],
    states: tuple[PortfolioMargin, PortfolioMargin],
    market: Row,
    params: str | Row,
) -> list[dict[str, Any]]:
    """Return what each symbol's position and orders win or lose where the book loses most.

    As a book's ``leg_pnl`` is: by itself, before damping and discount.
    """
    shocks: dict[str, Any] = json.loads(checked_params(params))
    shocks = {**shocks, "discount": None}
    shocks["scenarios"] = [{**row, "damping": "1"} for row in shocks["scenarios"]]
    held: dict[str, list[Row]] = {}
    waiting: dict[str, list[Row]] = {}
    bases: dict[str, str] = {}
    for table, rows in ((held, positions), (waiting, orders)):
        for row in rows:
            symbol = row["instrument"]["symbol"]
            bases[symbol] = row["instrument"]["base"]
            table.setdefault(symbol, []).append(row)
    before, after = (_binding(state) for state in states)
    legs = []
    for symbol, base in bases.items():
        own, asked = held.get(symbol, []), waiting.get(symbol, [])
        pnls = _alone(own, (), market, shocks)
        order_pnls = _alone((), asked, market, shocks)
        was, would = before.get(base), after[base]
        leg = {
            "base": base,
            "symbol": symbol,
            "qty": sum((Decimal(row["qty"]) for row in own), Decimal(0)),
            "pnl": None if was is None else pnls[was],
        }
        if orders:
            leg |= {
                "buy_qty": _asked(asked, "buy"),
                "sell_qty": _asked(asked, "sell"),
                "what_if_pnl": pnls[would],
                "what_if_order_pnl": order_pnls[would],
            }
        legs.append(leg)
    return legs


def _asked(orders: Iterable[Row], side: str) -> Decimal:
    asked = (Decimal(row["order_qty"]) for row in orders if row["side"] == side)
    return sum(asked, Decimal(0))


def _alone(
    positions: Iterable[Row], orders: Iterable[Row], market: Row, shocks: Row
) -> list[Decimal]:
    found = portfolio_margin(positions, market=market, params=shocks, orders=orders).scenarios
    return [row["pnl"] for row in found] or [Decimal(0)] * len(shocks["scenarios"])


def _binding(state: PortfolioMargin) -> dict[str, int]:
    """Return the row of each underlying that loses most."""
    rows: dict[str, list[Decimal]] = {}
    for row in state.scenarios:
        rows.setdefault(row["base"], []).append(row["pnl"])
    return {base: pnls.index(min(pnls)) for base, pnls in rows.items()}
