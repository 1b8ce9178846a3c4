"""Which fills stand, and what each parent order was up to: when, from which prices, how far."""

from decimal import Decimal

import msgspec
import polars as pl

from tiderace._tca.prices import Tape, mid_of
from tiderace._tca.words import INTERRUPTED, PARENT_STATUS, SUBMIT_PARENT, Asked, Inputs, sign_of


def standing(fills: pl.DataFrame) -> pl.DataFrame:
    """Return the fills that stand: a reversal takes out the last booking of its ``exec_id``."""
    fills = fills.sort("seq") if "seq" in fills.columns else fills
    if not fills["is_reversal"].any():
        return fills
    rows: list[int] = []
    booked: dict[tuple[int, int], list[int]] = {}
    keys = fills.select("instrument", "exec_id", "is_reversal").iter_rows()
    for row, (instrument, exec_id, is_reversal) in enumerate(keys):
        stack = booked.setdefault((instrument, exec_id), [])
        if not is_reversal:
            stack.append(row)
        elif stack:
            stack.pop()
    rows = sorted(row for stack in booked.values() for row in stack)
    return fills[rows]


class Work(msgspec.Struct, kw_only=True):
    """A parent order, or (id zero) a strategy's own orders, while it was at work."""

    parent_id: int
    sign: int | None
    order_qty: int
    filled: int
    status: str
    reason: int
    start_ns: int
    end_ns: int
    reference: int
    arrival: dict[int, Decimal]
    bid_ask: dict[int, tuple[int, int]]
    decision: Decimal
    end: Decimal
    asked: Asked | None
    decisions: dict[int, tuple[int, Decimal]]
    """By instrument: whose price its own is judged by, and that price when the order was decided.

    One price stands for all that pay alike, whatever they are quoted in; an option is judged by its
    own, and what hedges it by that of the first of its kind.
    """

    @property
    def is_mixed(self) -> bool:
        """Whether what it traded pays differently: options, and what hedges them."""
        return len({reference for reference, _ in self.decisions.values()}) > 1

    @property
    def unfilled(self) -> int:
        """What was left undone; nothing of orders of both sides, decided one by one."""
        return max(self.order_qty - self.filled, 0) if self.sign is not None else 0


def works_of(inputs: Inputs, fills: pl.DataFrame, tape: Tape) -> dict[int, Work]:
    seen = [f["parent_id"].unique().to_list() for f in (inputs.parents, inputs.arrivals, fills)]
    ids = {asked.parent_id for asked in inputs.asked}.union(*seen)
    return {i: _work(inputs, i, fills.filter(pl.col("parent_id") == i), tape) for i in sorted(ids)}


def _work(inputs: Inputs, parent_id: int, fills: pl.DataFrame, tape: Tape) -> Work:
    mine = pl.col("parent_id") == parent_id
    updates = inputs.parents.filter(mine)
    arrivals = inputs.arrivals.filter(mine).sort("ts_ns", "instrument")
    orders = inputs.orders.filter(mine)
    asked = next((a for a in inputs.asked if a.parent_id == parent_id), None)
    filled = int(fills["exposure"].sum() or 0)
    times = [t for f in (arrivals, updates, orders, fills) for t in f["ts_ns"].to_list()]
    start_ns = arrivals["ts_ns"][0] if arrivals.height else min(times, default=0)
    last = updates.sort("ts_ns", maintain_order=True)[-1:].to_dicts()
    status = PARENT_STATUS.get(chr(last[0]["status"]), "unknown") if last else "no parent"
    is_closed = status in ("completed", "expired", "canceled", "rejected")
    refused = inputs.refused.filter((pl.col("kind") == SUBMIT_PARENT) & (pl.col("id") == parent_id))
    if not last and refused.height:
        status = "rejected"
    if inputs.is_interrupted and last and not is_closed:
        status = INTERRUPTED
    ends = [t for t in tape.end_ns.values() if t is not None]
    # A parent still at work is at work until the recording ends; a strategy's own orders have no
    # such end, and theirs is when the last of them was heard of.
    until = [*times, *ends] if last else times
    if inputs.is_interrupted and inputs.ts_end_ns is not None and last:
        until = [inputs.ts_end_ns]
    end_ns = last[0]["ts_ns"] if is_closed else max(until, default=start_ns)

    bid_ask = {
        row["instrument"]: (row["bid_px"], row["ask_px"]) for row in arrivals.iter_rows(named=True)
    }
    arrival = {i: mid_of(inputs.markets[i], *prices) for i, prices in bid_ask.items()}
    # A strategy's own orders take no arrival: theirs is the mid when it first did anything.
    for i in [*fills["instrument"].unique().sort().to_list(), 0]:
        if i not in arrival and i < len(inputs.markets):
            mid = tape.mid(i, start_ns, or_first=True)
            if mid is not None:
                arrival[i] = mid
            elif fills.height:
                first = fills.filter(pl.col("instrument") == i)["last_px"]
                arrival |= {i: first[0] * inputs.markets[i].tick} if len(first) else {}
    reference = min(bid_ask, default=min(arrival, default=0))
    at_arrival = arrival.get(reference, Decimal(0))
    decided = None
    if asked is not None and asked.decision_ns is not None:
        decided = min(asked.decision_ns, start_ns)
    decisions = _decisions(inputs, arrival, reference, tape, decided)
    sides = set(fills["side"].to_list()) | set(orders["side"].to_list())
    # Orders of both sides are a quoting parent's: its quantity bounds a position, and nothing of it
    # is left undone.
    sign = None if len(sides) > 1 else sign_of(asked.side) if asked else None
    # A parent of the run's own that nobody asked a side of works both, whatever came of it.
    if asked is None and len(sides) == 1 and parent_id not in inputs.algos:
        sign = sign_of(sides.pop())
    told = int(last[0]["cum_qty"]) + int(last[0]["leaves_qty"]) if last else filled
    return Work(
        parent_id=parent_id,
        sign=sign,
        order_qty=asked.order_qty if asked else told,
        filled=filled,
        status=status,
        reason=int(last[0]["reason"] if last else refused["reason"][0] if refused.height else 0),
        start_ns=start_ns,
        end_ns=max(end_ns, start_ns),
        reference=reference,
        arrival=arrival,
        bid_ask=bid_ask,
        decision=decisions[reference][1] if reference in decisions else at_arrival,
        end=tape.mid(reference, end_ns) or at_arrival,
        asked=asked,
        decisions=decisions,
    )


def _decisions(
    inputs: Inputs, arrival: dict[int, Decimal], reference: int, tape: Tape, decided_ns: int | None
) -> dict[int, tuple[int, Decimal]]:
    """Return whose price each instrument is judged by, and that price when it was decided."""
    first: dict[object, int] = {}
    out = {}
    for i in sorted(arrival, key=lambda i: (i != reference, i)):
        market = inputs.markets[i]
        judge = first.setdefault(i if market.terms["kind"] == "option" else market.base, i)
        price = None if decided_ns is None else tape.mid(judge, decided_ns)
        out[i] = (judge, arrival[judge] if price is None else price)
    return out
