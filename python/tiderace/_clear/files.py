"""Portfolios and markets as files, for ``tiderace margin``.

A portfolio is a CSV file with a header. ``symbol`` and ``qty`` must be there; ``unrealised``, what
an instrument is (``kind style base settle contract_multiplier maturity strike_price put_or_call``)
and the market (``now index mark vol forward discount rate``) may be, each where it is known. What
the columns leave out comes from a market file, TOML or JSON: the keys of `portfolio_margin`'s
``market`` and ``instruments``, a list. A value that is said twice and differs is refused.

Orders that might be sent are a CSV file too: ``symbol side order_qty price`` must be there, and the
columns of instrument and market may be, for what is not held yet.
"""

import csv
import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tiderace import _core
from tiderace._clear.contract import (
    INSTRUMENT_KEYS,
    RATE_DECIMALS,
    contract,
    number,
    only,
    word,
)
from tiderace._clear.portfolio import PortfolioMargin
from tiderace._clear.what_if import what_if
from tiderace._values import STEP_DECIMALS
from tiderace.errors import InputError

_INSTRUMENT = (
    "kind",
    "style",
    "base",
    "quote",
    "settle",
    "contract_multiplier",
    "maturity",
    "strike_price",
    "put_or_call",
)
_MARKET = ("now", "index", "mark", "vol", "forward", "discount", "rate")
_POSITION = ("symbol", "qty")
_ORDER = ("symbol", "side", "order_qty", "price")
_ASKED = ("initial", "maintenance")
_MARKET_KEYS = ("now", "index", "mark", "vol", "forward", "instruments")


def margin_file(
    portfolio: str, *, market: str | None, params: str, orders: str | None = None
) -> dict[str, Any]:
    """Margin a portfolio file; the command's answer.

    Parameters
    ----------
    portfolio
        A CSV file.
    market
        A TOML or JSON file beside it.
    params
        The name of a shipped set, or a TOML or JSON file.
    orders
        A CSV file of orders: what if they were open?

    Returns
    -------
    dict
        The fields of `PortfolioMargin`; ``legs``, each with its ``pnl`` in the row where its
        underlying loses most; and ``what_if``: None, or those fields with the orders open,
        ``orders``, ``difference`` and ``filled``, what would be asked once all have filled.
    """
    said = _File(market)
    positions = [said.position(row, key=key) for key, row in _rows(portfolio, "portfolio")]
    asked = [] if orders is None else _rows(orders, "orders")
    waiting = [said.order(row, key=key) for key, row in asked]
    now = said.market.setdefault("now", datetime.now(UTC).isoformat(timespec="seconds"))
    shocks = params if params in _core.clear_sets() else _tree(Path(params), what="params")
    before, after, filled, legs = what_if(positions, waiting, market=said.market, params=shocks)
    return {
        "portfolio": portfolio,
        "params": params,
        "now": str(now),
        "settle": contract(positions[0]["instrument"]).settle,
        "positions": len(positions),
        **as_mapping(before),
        "legs": legs,
        "what_if": None
        if orders is None
        else {
            "file": orders,
            "orders": [{name: row[name] for name in _ORDER} for _, row in asked],
            **as_mapping(after),
            "difference": {name: getattr(after, name) - getattr(before, name) for name in _ASKED},
            "filled": {name: getattr(filled, name) for name in _ASKED},
        },
    }


def as_mapping(found: PortfolioMargin) -> dict[str, Any]:
    """Return a margin as plain mappings, for JSON."""
    shares = found.contingencies
    return {
        **found._asdict(),
        "contingencies": {
            "forward": shares.forward,
            "perpetual": shares.perpetual._asdict(),
            "option": shares.option._asdict(),
        },
    }


class _File:
    """A market that rows of a portfolio add to."""

    def __init__(self, path: str | None) -> None:
        tree = {} if path is None else dict(_tree(Path(path), what="market"))
        self.name = path or "market"
        only(tree, _MARKET_KEYS, key=self.name)
        self.instruments: dict[str, Mapping[str, Any]] = {}
        for at, row in enumerate(tree.pop("instruments", [])):
            key = f"{self.name}.instruments[{at}]"
            self.instruments[str(only(row, INSTRUMENT_KEYS, key=key).get("symbol"))] = row
        self.market: dict[str, Any] = tree

    def position(self, row: dict[str, str], *, key: str) -> dict[str, Any]:
        """Return the position of a row, and put down what the row says of the market."""
        _whole(row, _POSITION, "a symbol and a signed quantity of contracts", key=key)
        position = {"instrument": self._take(row, key=key), "qty": row["qty"]}
        return position | ({"unrealised": row["unrealised"]} if "unrealised" in row else {})

    def order(self, row: dict[str, str], *, key: str) -> dict[str, Any]:
        """Return the order of a row, likewise."""
        _whole(row, _ORDER, "a symbol, a side, a quantity of contracts and a limit", key=key)
        word(row["side"], ("buy", "sell"), key=f"{key}.side")
        number(row["order_qty"], STEP_DECIMALS, key=f"{key}.order_qty", least=1)
        number(row["price"], RATE_DECIMALS, key=f"{key}.price")
        return {
            "instrument": self._take(row, key=key),
            **{name: row[name] for name in ("side", "order_qty", "price")},
        }

    def _take(self, row: dict[str, str], *, key: str) -> dict[str, Any]:
        symbol = row["symbol"]
        instrument = self._instrument(symbol, row, key=key)
        base, maturity = instrument.get("base"), instrument.get("maturity")
        places = {
            "now": ("now",),
            "index": ("index", base),
            "mark": ("mark", symbol),
            "vol": ("vol", symbol),
            **{name: ("forward", base, maturity, name) for name in ("forward", "discount", "rate")},
        }
        for name, place in places.items():
            if name in row:
                if None in place:
                    raise InputError(
                        f"{key}.{name} = {row[name]!r} of {symbol}, which has no maturity",
                        rule="A forward is one of a maturity",
                        remedy="Leave it empty, or fill in maturity",
                    )
                self._put([str(part) for part in place], row[name], key=f"{key}.{name}")
        return instrument

    def _instrument(self, symbol: str, row: dict[str, str], *, key: str) -> dict[str, Any]:
        known = self.instruments.get(symbol, {})
        terms = {name: row[name] for name in _INSTRUMENT if name in row}
        for name, value in terms.items():
            if str(known.get(name, value)) != value:
                raise _differs(f"{key}.{name}", value, known[name], f"{name} of {symbol}")
        if not known and "kind" not in terms:
            raise InputError(
                f"{key}: nothing says what {symbol!r} is",
                rule=f"An instrument is in columns ({' '.join(_INSTRUMENT)}), in the market file, "
                "or in the portfolio",
                remedy="Correct the symbol, fill in its columns, or add it to instruments",
            )
        whole = {"symbol": symbol, **known, **terms}
        self.instruments[symbol] = whole
        return whole

    def _put(self, place: list[str], value: str, *, key: str) -> None:
        at: dict[str, Any] = self.market
        for part in place[:-1]:
            at[part] = dict(at.get(part, {}))
            at = at[part]
        said = at.setdefault(place[-1], value)
        if said != value and not _is_same(said, value):
            raise _differs(key, value, said, ".".join(place))


def _is_same(said: object, value: str) -> bool:
    try:
        return Decimal(str(said)) == Decimal(value)
    except ArithmeticError:
        return False


def _differs(key: str, value: object, said: object, where: str) -> InputError:
    return InputError(
        f"{key} = {value!r}, and {where} = {said!r} elsewhere",
        rule="What is said twice is said alike",
        remedy="Correct one of both, or leave one empty",
    )


def _whole(row: dict[str, str], names: tuple[str, ...], rule: str, *, key: str) -> None:
    for name in names:
        if name not in row:
            raise InputError(f"{key} has no {name}", rule=f"A row is {rule}", remedy="Fill it in")


def _rows(path: str, what: str) -> list[tuple[str, dict[str, str]]]:
    """Return rows with the place that names each; empty cells are left out."""
    of_kind = _ORDER if what == "orders" else (*_POSITION, "unrealised")
    found = _csv(Path(path), (*of_kind, *_INSTRUMENT, *_MARKET), what=what)
    if not found:
        raise InputError(
            f"{path} has no row", rule=f"The {what} file holds something", remedy="Add rows to it"
        )
    return found


def _csv(path: Path, columns: tuple[str, ...], *, what: str) -> list[tuple[str, dict[str, str]]]:
    lines = csv.reader(_text(path, what=what).splitlines(), skipinitialspace=True)
    header = [name.strip() for name in next(lines, [])]
    for name in header:
        if name not in columns or header.count(name) > 1:
            raise InputError(
                f"{path}: column {name!r} is {'there twice' if name in columns else 'unknown'}",
                rule=f"Columns are {' '.join(columns)}, each once",
                remedy="Correct the header",
            )
    found = []
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        key = f"{path}:{lines.line_num}"
        if len(cells) != len(header):
            raise InputError(
                f"{key} has {len(cells)} cells, the header {len(header)}",
                rule="Every row has a cell a column",
                remedy="Add or remove commas",
            )
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
        found.append((key, row))
    return found


def _tree(path: Path, *, what: str) -> dict[str, Any]:
    text = _text(path, what=what)
    try:
        if path.suffix == ".json":
            tree = json.loads(text, parse_float=Decimal)
        else:
            tree = tomllib.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise InputError(
            f"{path}: {error}",
            rule="It is TOML, or JSON in a .json file",
            remedy="Correct the file",
        ) from None
    if not isinstance(tree, dict):
        raise InputError(f"{path} is no object", rule="It holds keys", remedy='Write {"now": …}')
    return tree


def _text(path: Path, *, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        sets = ", ".join(_core.clear_sets())
        rule = f"Params are a shipped set ({sets}) or a file" if what == "params" else ""
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(
            f"{what} {str(path)!r} cannot be read: {reason}",
            rule=rule or f"The {what} is a file",
            remedy="Check the path",
        ) from None
