"""Portfolios and markets as files, for ``tiderace margin``.

A portfolio is a CSV file with a header. ``symbol`` and ``qty`` must be there; ``unrealised``, what
an instrument is (``kind style base settle contract_multiplier maturity strike_price put_or_call``)
and the market (``now index mark vol forward discount rate``) may be, each where it is known. What
the columns leave out comes from a market file, TOML or JSON: the keys of `portfolio_margin`'s
``market`` and ``instruments``, a list. A value that is said twice and differs is refused.
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
from tiderace._clear.contract import INSTRUMENT_KEYS, contract, only
from tiderace._clear.portfolio import PortfolioMargin, portfolio_margin
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
_COLUMNS = ("symbol", "qty", "unrealised", *_INSTRUMENT, *_MARKET)
_MARKET_KEYS = ("now", "index", "mark", "vol", "forward", "instruments")


def margin_file(portfolio: str, *, market: str | None, params: str) -> dict[str, Any]:
    """Margin a portfolio file; the command's answer.

    Parameters
    ----------
    portfolio
        A CSV file.
    market
        A TOML or JSON file beside it.
    params
        The name of a shipped set, or a TOML or JSON file.
    """
    said = _File(market)
    positions = [said.take(row, key=key) for key, row in _csv(Path(portfolio))]
    if not positions:
        raise InputError(
            f"{portfolio} has no row", rule="A portfolio holds something", remedy="Add rows to it"
        )
    now = said.market.setdefault("now", datetime.now(UTC).isoformat(timespec="seconds"))
    shocks = params if params in _core.clear_sets() else _tree(Path(params), what="params")
    found = portfolio_margin(positions, market=said.market, params=shocks)
    return {
        "portfolio": portfolio,
        "params": params,
        "now": str(now),
        "settle": contract(positions[0]["instrument"]).settle,
        "positions": len(positions),
        **as_mapping(found),
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

    def take(self, row: dict[str, str], *, key: str) -> dict[str, Any]:
        """Return the position of a row, and put down what the row says of the market."""
        symbol, qty = row.get("symbol"), row.get("qty")
        if symbol is None or qty is None:
            raise InputError(
                f"{key} has no {'symbol' if symbol is None else 'qty'}",
                rule="A row is a symbol and a signed quantity of contracts",
                remedy="Fill it in",
            )
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
        position = {"instrument": instrument, "qty": qty}
        return position | ({"unrealised": row["unrealised"]} if "unrealised" in row else {})

    def _instrument(self, symbol: str, row: dict[str, str], *, key: str) -> dict[str, Any]:
        known = self.instruments.get(symbol, {})
        terms = {name: row[name] for name in _INSTRUMENT if name in row}
        for name, value in terms.items():
            if str(known.get(name, value)) != value:
                raise _differs(f"{key}.{name}", value, known[name], f"{self.name}.instruments")
        if not known and "kind" not in terms:
            raise InputError(
                f"{key}: nothing says what {symbol!r} is",
                rule=f"An instrument is in columns ({' '.join(_INSTRUMENT)}) or in the market file",
                remedy="Fill in its columns, or add it to instruments",
            )
        return {"symbol": symbol, **known, **terms}

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


def _csv(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Return rows with the place that names each; empty cells are left out."""
    lines = csv.reader(_text(path, what="portfolio").splitlines(), skipinitialspace=True)
    header = [name.strip() for name in next(lines, [])]
    for name in header:
        if name not in _COLUMNS or header.count(name) > 1:
            raise InputError(
                f"{path}: column {name!r} is {'there twice' if name in _COLUMNS else 'unknown'}",
                rule=f"Columns are {' '.join(_COLUMNS)}, each once",
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
            rule=rule or f"A {what} is a file",
            remedy="Check the path",
        ) from None
