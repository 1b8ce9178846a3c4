"""A market as portfolio margin wants it: time, indices, marks, forwards and vols by name."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tiderace._clear.contract import (
    RATE_DECIMALS,
    Contract,
    moment_ns,
    needed,
    number,
    only,
    reckoned,
)
from tiderace.errors import InputError

_KEYS = ("now", "index", "mark", "forward", "vol")
_ONE = 10**RATE_DECIMALS
# 1000 %: what is above was meant in percent.
_VOL_MAX = 10 * _ONE


class Maturity(NamedTuple):
    """A maturity as the core wants it: time, and forward, discount and rate in 10^-18."""

    maturity_ns: int
    forward: int
    discount: int
    rate: int


class Market:
    """A checked market.

    Parameters
    ----------
    said
        ``now``, ``index`` by base, ``mark`` and ``vol`` by symbol, ``forward`` by base and
        maturity.
    """

    def __init__(self, said: object) -> None:
        self.said = only(said, _KEYS, key="market")
        self.now_ns = moment_ns(needed(self.said, "now", key="market"), key="market.now")
        self._forwards = {
            base: self._maturities(base, table) for base, table in self._table("forward").items()
        }

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self.said.get(name)
        if table is None:
            return {}
        if not isinstance(table, Mapping):
            raise InputError(
                f"market.{name} = {table!r}",
                rule="It is a mapping by name",
                remedy="Write it as one",
            )
        return table

    def _maturities(self, base: str, table: object) -> dict[int, Maturity]:
        found = {}
        if not isinstance(table, Mapping):
            raise InputError(
                f"market.forward.{base} = {table!r}",
                rule="It is a mapping by maturity",
                remedy='Write {"2026-03-27": {"forward": "61000", "discount": "0.99"}}',
            )
        for time, row in table.items():
            key = f"market.forward.{base}.{time}"
            row = only(row, ("forward", "discount", "rate"), key=key)
            ns = moment_ns(time, key=key)
            discount, rate = row.get("discount"), row.get("rate")
            found[ns] = Maturity(
                ns,
                reckoned(needed(row, "forward", key=key), key=f"{key}.forward", least=1),
                _ONE if discount is None else reckoned(discount, key=f"{key}.discount", least=1),
                0 if rate is None else reckoned(rate, key=f"{key}.rate"),
            )
        return found

    def index(self, base: str) -> int:
        """Return an underlying's index in 10^-18."""
        table = self._table("index")
        if base not in table:
            raise _missing(f"market.index.{base}", "every underlying that is held", table)
        return number(table[base], RATE_DECIMALS, key=f"market.index.{base}", least=1)

    def maturity(self, of: Contract) -> Maturity | None:
        """Return what is known of a contract's maturity; None where it has none."""
        if of.kind == "perpetual":
            return None
        if of.maturity_ns is None:
            raise InputError(
                f"{of.symbol}.maturity is missing",
                rule="Options, binaries and futures have a maturity",
                remedy="Add it to the instrument",
            )
        when = datetime.fromtimestamp(of.maturity_ns / 1e9, UTC).isoformat()
        if of.maturity_ns < self.now_ns:
            raise InputError(
                f"{of.symbol} expired at {when}, before market.now = {self.said['now']}",
                rule="What is margined has not expired",
                remedy="Take it out, or correct the time",
            )
        table = self._forwards.get(of.base, {})
        if of.maturity_ns not in table:
            known = self._table("forward").get(of.base, {})
            raise _missing(
                f"market.forward.{of.base}[{when}] of {of.symbol}", "every maturity held", known
            )
        return table[of.maturity_ns]

    def prices(self, of: Contract) -> tuple[int | None, int | None]:
        """Return vol and mark of a contract in 10^-18, None where there is no use for one."""
        if of.is_priced_by_vol:
            table, key = self._table("vol"), f"market.vol.{of.symbol}"
            if of.symbol not in table:
                raise _missing(key, "every option that is held", table)
            vol = reckoned(table[of.symbol], key=key, least=0)
            if vol > _VOL_MAX:
                raise InputError(
                    f"{key} = {table[of.symbol]}",
                    rule="A vol is a decimal, at most 10: 0.65 is 65 %",
                    remedy="Divide percent by 100",
                )
            return vol, None
        mark = self._table("mark").get(of.symbol)
        if mark is None:
            return None, None
        least = None if of.kind == "future" and of.style != "inverse" else 1
        return None, number(mark, RATE_DECIMALS, key=f"market.mark.{of.symbol}", least=least)


def _missing(key: str, rule: str, known: Mapping[str, Any]) -> InputError:
    names = " ".join(sorted(map(str, known))) or "none"
    return InputError(
        f"{key} is missing (known: {names})", rule=f"There is one of {rule}", remedy="Add it"
    )
