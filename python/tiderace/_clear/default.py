"""When somebody cannot pay: who bears the loss, and who is closed."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tiderace import _core
from tiderace._clear.contract import (
    RATE_DECIMALS,
    lot_of,
    lots_of,
    name_of,
    needed,
    number,
    only,
    plain,
    quantity,
    rows,
)
from tiderace._values import STEP_DECIMALS
from tiderace.errors import InputError, core_errors

_LEVERAGE_DECIMALS = 9
# What a waterfall computes with: amounts and their sums stay below.
_AMOUNT_MAX = 2**120


class Waterfall(NamedTuple):
    """What each layer paid; what was used and what is uncovered sum to the loss.

    Attributes
    ----------
    layers
        Rows ``layer``, ``used``, ``members`` (by name; empty where the layer is one purse), in
        order.
    uncovered
        What no layer had.
    """

    layers: list[dict[str, Any]]
    uncovered: int


def waterfall(loss: int, *, layers: Iterable[Mapping[str, Any]]) -> Waterfall:
    """Take a loss from layers in order: none is touched while the one above has money.

    Parameters
    ----------
    loss
        In base units of the asset, >= 0.
    layers
        Rows ``{"layer", "amount"}``, or ``{"layer", "members": {member: amount}}``, amounts in base
        units. Members bear their layer's part pro rata to their amounts by largest remainder, ties
        to the one named first, and nobody more than its amount.
    """
    said = rows(layers, key="layers")
    names: list[str] = []
    amounts: list[int | list[int]] = []
    members: list[list[str]] = []
    for at, row in enumerate(said):
        key = f"layers[{at}]"
        row = only(row, ("layer", "amount", "members"), key=key)
        names.append(name_of(row, "layer", key=key))
        if ("amount" in row) == ("members" in row):
            raise InputError(
                f"{key} has {'both' if 'amount' in row else 'neither'} amount and members",
                rule="A layer is one purse, or one a member",
                remedy="Give the one that it is",
            )
        if "amount" in row:
            amounts.append(_base_units(row["amount"], key=f"{key}.amount"))
            members.append([])
            continue
        of = row["members"]
        if not isinstance(of, Mapping):
            raise InputError(
                f"{key}.members = {of!r}",
                rule="It is amounts by member",
                remedy='Write {"a": 10, "b": 5}',
            )
        amounts.append([_base_units(of[name], key=f"{key}.members.{name}") for name in of])
        members.append(list(of))
    total = _base_units(loss, key="loss")
    if sum(sum(of) if isinstance(of, list) else of for of in amounts) > _AMOUNT_MAX:
        raise InputError(
            "layers hold more than 2^120 base units together",
            rule="Sums fit the integers of the core",
            remedy="Give smaller amounts",
        )
    drawn, uncovered = _core.clear_waterfall(total, amounts)
    found = [
        {"layer": name, "used": used, "members": dict(zip(of, shares, strict=True))}
        for name, of, (used, shares) in zip(names, members, drawn, strict=True)
    ]
    return Waterfall(found, uncovered)


def _base_units(value: Any, *, key: str) -> int:
    if isinstance(value, float):
        raise TypeError(f"{key} = {value!r} is a float. Base units are whole: write an int.")
    whole = number(value, 0, key=key, least=0)
    if whole > _AMOUNT_MAX:
        raise InputError(
            f"{key} = {value}", rule="It is at most 2^120", remedy="Give a smaller amount"
        )
    return whole


_POSITION_KEYS = ("account", "qty", "score", "entry_px", "mark_px", "leverage")


def adl_queue(
    positions: Iterable[Mapping[str, Any]], *, bankrupt: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Rank who is closed against a bankrupt position, at its bankruptcy price.

    Parameters
    ----------
    positions
        Rows ``account``, ``qty`` (signed) and ``score``, or ``entry_px``, ``mark_px`` and
        ``leverage``: then the score is the profit as a share of the entry price, times leverage in
        profit, divided by it in loss. The bankrupt account's own rows are not ranked.
    bankrupt
        ``{"account", "qty", "price"}``.

    Returns
    -------
    list of dict
        Rows ``account``, ``closed`` (contracts, >= 0): the whole queue of the opposite side,
        highest score first, ties to the one named first.
    """
    bankrupt = only(bankrupt, ("account", "qty", "price"), key="bankrupt")
    bankrupt_account = name_of(bankrupt, "account", key="bankrupt")
    number(needed(bankrupt, "price", key="bankrupt"), RATE_DECIMALS, key="bankrupt.price")
    gone = quantity(needed(bankrupt, "qty", key="bankrupt"), key="bankrupt.qty")
    accounts: list[str] = []
    quantities: list[int] = []
    scores: list[int] = []
    for at, row in enumerate(rows(positions, key="positions")):
        key = f"positions[{at}]"
        row = only(row, _POSITION_KEYS, key=key)
        accounts.append(name_of(row, "account", key=key))
        quantities.append(quantity(needed(row, "qty", key=key), key=f"{key}.qty"))
        scores.append(_score(row, quantities[-1], key=key))
    lot = lot_of([gone, *quantities])
    # No place in the queue has who is flat.
    others = [
        0 if account == bankrupt_account else qty
        for account, qty in zip(accounts, quantities, strict=True)
    ]
    table = [
        (lots_of(qty, lot, key=f"positions[{at}].qty"), score)
        for at, (qty, score) in enumerate(zip(others, scores, strict=True))
    ]
    with core_errors():
        queue = _core.clear_adl_queue(table, lots_of(gone, lot, key="bankrupt.qty"))
    return [
        {"account": accounts[row], "closed": plain(closed * lot, STEP_DECIMALS)}
        for row, closed in queue
    ]


def _score(row: Mapping[str, Any], qty: int, *, key: str) -> int:
    prices = [name for name in ("entry_px", "mark_px", "leverage") if row.get(name) is not None]
    if row.get("score") is not None:
        if prices:
            raise InputError(
                f"{key} has score and {prices[0]}",
                rule="What ranks a position is its score, or computed",
                remedy="Give one of both",
            )
        return number(row["score"], RATE_DECIMALS, key=f"{key}.score")
    entry, mark = (
        number(needed(row, name, key=key), RATE_DECIMALS, key=f"{key}.{name}", least=1)
        for name in ("entry_px", "mark_px")
    )
    leverage = number(
        needed(row, "leverage", key=key), _LEVERAGE_DECIMALS, key=f"{key}.leverage", least=1
    )
    return _core.clear_adl_score(qty > 0, entry, mark, leverage)
