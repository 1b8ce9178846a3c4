"""The best-execution record of a parent: at each decision what was known, asked, done and got.

Rebuilt from the journal: outputs by replay, books by `_tca.known`; nothing of it is stored. It
holds facts only (prices, quantities and reason codes as they stood), so that a client or a
regulator can follow each decision without trusting a figure of ours. Quantities and prices are
text; exposures are in the base asset, rounded down at 1e-8.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import polars as pl

from tiderace._tca.known import Books, Seen
from tiderace._tca.refused import is_child
from tiderace._tca.words import (
    BUY,
    ORD_STATUS,
    PARENT_STATUS,
    PRECISION,
    STEP,
    SUBMIT_PARENT,
    Inputs,
    Market,
    algo_of,
    plain,
    px_text,
    qty_text,
    reason_name,
    scaled,
    sign_of,
    words,
)
from tiderace._tca.works import standing
from tiderace.errors import InputError

_COMMANDS = {7: "submit", 8: "replace", 9: "cancel"}
_TIME_IN_FORCE = {
    "0": "day",
    "1": "good_till_cancel",
    "3": "immediate_or_cancel",
    "4": "fill_or_kill",
}
_E8 = 8
_BP = Decimal(10_000)

Key = tuple[int, int]
"""Sequence and time of a decision."""


def record(run: Any, *, parent_id: int | None = None, within_bp: float = 10.0) -> dict[str, Any]:
    """Tell what was known, asked, done and got at each decision about a parent order.

    Parameters
    ----------
    run
        A run, e.g. of `tiderace.replay`.
    parent_id
        Which parent (0: a strategy's own orders); all of them when absent.
    within_bp
        Depth is counted up to so far from each book's mid, in bp, > 0.

    Returns
    -------
    dict
        ``run digest within_bp parents``; a parent has ``decisions``, each with ``seq ts_ns time
        what``, ``books`` (every venue of the parent: best, depth, and what it would have cost to
        take there all that was to be taken), ``asked``, ``sent`` with what ``came``, ``canceled``,
        ``left_out`` and ``refused``, each with its reason; ``stopped`` and ``noted`` where its
        program was or did.

    Raises
    ------
    InputError
        There is no such parent, or ``within_bp`` is not above zero.
    """
    if not 0 < within_bp < float("inf"):
        raise InputError(
            f"within_bp = {within_bp!r}", rule="A distance is above zero", remedy="Write 10"
        )
    with localcontext() as context:
        context.prec = PRECISION
        told = _Told(run, Decimal(str(within_bp)))
        ids = told.ids if parent_id is None else [parent_id]
        if not set(ids) <= set(told.ids):
            raise InputError(
                f"parent {parent_id} is not in the run",
                rule=f"It has {', '.join(map(str, told.ids)) or 'none'}",
                remedy="Name one of them, or none for all",
            )
        return {
            "run": told.inputs.name,
            "digest": run.core["digest"],
            "within_bp": within_bp,
            "parents": [told.parent(each) for each in ids],
        }


class _Told:
    """The outputs of a run, by decision."""

    def __init__(self, run: Any, within_bp: Decimal) -> None:
        self.inputs: Inputs = run.inputs
        self._within_bp = within_bp
        self._books = Books(run.tape)
        self._seen = Seen(Path(run.journal), self._books.received_ns)
        self._sent = run.table("OrderSent")
        self._cancels = run.table("CancelSent")
        self._replaces = run.table("ReplaceSent")
        self._stopped = run.table("ProgramStopped")
        self._notes = run.table("ProgramNoted")
        self._fills = standing(self.inputs.fills)
        frames = (self.inputs.parents, self._sent)
        found = {each.parent_id for each in self.inputs.asked}
        self.ids = sorted(found.union(*(f["parent_id"].unique().to_list() for f in frames)))

    def parent(self, parent_id: int) -> dict[str, Any]:
        inputs, mine = self.inputs, pl.col("parent_id") == parent_id
        arrivals = inputs.arrivals.filter(mine).sort("instrument").to_dicts()
        orders = self._sent.filter(mine)
        venues = [row["instrument"] for row in arrivals]
        venues = venues or orders["instrument"].unique().sort().to_list()
        found = _Decisions()
        found.add("arrival", arrivals)
        found.add("slice", inputs.slices.filter(mine).to_dicts())
        found.add("status", _changes(inputs.parents.filter(mine)))
        found.add("sent", orders.to_dicts())
        keys = orders["cl_ord_id"].to_list()
        found.add("left_out", inputs.skipped.filter(mine).to_dicts())
        # A replaced order goes on under its new key.
        mine_now = set(keys)
        for row in self._replaces.iter_rows(named=True):
            if row["orig_cl_ord_id"] in mine_now:
                mine_now.add(row["cl_ord_id"])
                found.add("replaced", [row])
        canceled = pl.col("orig_cl_ord_id").is_in(sorted(mine_now))
        found.add("canceled", self._cancels.filter(canceled).to_dicts())
        found.add("stopped", self._stopped.filter(mine).to_dicts())
        found.add("noted", self._notes.filter(mine).to_dicts())
        found.add("refused", self._refused(parent_id, found.keys))
        asked = next((a for a in inputs.asked if a.parent_id == parent_id), None)
        sign = sign_of(asked.side) if asked else None
        decisions = [self._decision(key, rows, venues, sign) for key, rows in found.sorted()]
        decimals = self._decimals(venues)
        filled = sum(int(x) for x in self._fills.filter(mine)["exposure"].to_list())
        return {
            "parent_id": parent_id,
            "algo": algo_of(inputs, parent_id),
            "side": asked.side if asked else None,
            "order_qty": qty_text(asked.order_qty, decimals) if asked else None,
            "limit": plain(asked.limit) if asked and asked.limit is not None else None,
            "duration_ns": asked.duration_ns if asked else None,
            "filled_qty": qty_text(filled, decimals),
            "venues": [inputs.markets[i].name for i in venues],
            "decisions": decisions,
        }

    def _decimals(self, venues: list[int]) -> int:
        return int(self.inputs.markets[venues[0]].terms["base_decimals"]) if venues else 8

    def _refused(self, parent_id: int, keys: Iterable[Key]) -> list[dict[str, Any]]:
        """Return the refusals of a parent, of its children, or of a strategy's own orders."""
        known = set(keys)
        out = []
        for row in self.inputs.refused.iter_rows(named=True):
            if row["kind"] == SUBMIT_PARENT and not is_child(row["kind"], row["id"]):
                is_mine = row["id"] == parent_id
            elif is_child(row["kind"], row["id"]):
                is_mine = bool(parent_id) and (row["seq"], row["ts_ns"]) in known
            else:
                is_mine = not parent_id and row["kind"] in _COMMANDS
            if is_mine:
                out.append(row)
        return out

    def _decision(
        self,
        key: Key,
        rows: Mapping[str, list[dict[str, Any]]],
        venues: list[int],
        sign: int | None,
    ) -> dict[str, Any]:
        seq, ts_ns = key
        seen = self._seen.at(seq, ts_ns)
        limits = {row["instrument"]: row["limit_px"] for row in rows.get("arrival", ())}
        wanted = sum(int(row["take"]) for row in rows.get("slice", ()))
        out: dict[str, Any] = {
            "seq": seq,
            "ts_ns": ts_ns,
            "time": _time(ts_ns),
            "what": [name for name in _ORDER if name in rows],
            "records_seen": seen,
            "books": [self._book(i, seen, sign, wanted) for i in venues],
        }
        if limits:
            out["limits"] = {
                self.inputs.markets[i].name: plain(px * self.inputs.markets[i].tick)
                for i, px in limits.items()
            }
        if "status" in rows:
            out["status"] = [self._status(row, venues) for row in rows["status"]]
        if "slice" in rows:
            out["asked"] = [self._slice(row, venues) for row in rows["slice"]]
        out["sent"] = [self._order(row) for row in rows.get("sent", ())]
        for name in ("canceled", "replaced"):
            if name in rows:
                out[name] = [self._change(row) for row in rows[name]]
        if "stopped" in rows:
            out["stopped"] = [self._stop(row) for row in rows["stopped"]]
        if "noted" in rows:
            out["noted"] = [{k: row[k] for k in ("label", "value")} for row in rows["noted"]]
        for name in ("left_out", "refused"):
            out[name] = [self._reason(row) for row in rows.get(name, ())]
        return out

    def _book(self, i: int, seen: int, sign: int | None, wanted: int) -> dict[str, Any]:
        market, levels = self.inputs.markets[i], self._books.at(i, seen)
        out: dict[str, Any] = {"venue": market.name, "is_live": levels.height > 0}
        sides = {
            "bid": levels.filter(pl.col("side") == BUY).drop("side"),
            "ask": levels.filter(pl.col("side") != BUY).drop("side"),
        }
        for name, rows in sides.items():
            px, qty_e8 = rows.row(0)[:2] if rows.height else (None, None)
            out[name] = plain(px * market.tick) if px is not None else None
            out[f"{name}_qty"] = plain(scaled(qty_e8, _E8)) if qty_e8 is not None else None
        if not all(rows.height for rows in sides.values()):
            return out
        mid = sum(rows["px"][0] for rows in sides.values()) * market.tick / 2
        out["mid"] = plain(mid)
        for name, rows in sides.items():
            out[f"{name}_depth"], out[f"{name}_depth_is_whole"] = self._depth(market, rows, mid)
        if sign is not None and wanted > 0:
            rows = sides["ask" if sign > 0 else "bid"]
            out["to_take"] = _to_take(market, rows, mid, sign=sign, wanted=wanted)
        return out

    def _depth(self, market: Market, rows: pl.DataFrame, mid: Decimal) -> tuple[str, bool]:
        """Return the exposure displayed within reach of the mid, and whether all of it is known."""
        total, is_whole = Decimal(0), False
        for ticks, qty_e8, is_known in rows.iter_rows():
            px = ticks * market.tick
            if abs(px / mid - 1) * _BP > self._within_bp or not is_known:
                # Beyond the reach of the snapshot there may be more than is shown.
                is_whole = bool(is_known)
                break
            total += _exposure(market, qty_e8, px)
        units = int(total.scaleb(int(market.terms["base_decimals"])))
        return qty_text(units, int(market.terms["base_decimals"])), is_whole

    def _status(self, row: Mapping[str, Any], venues: list[int]) -> dict[str, Any]:
        decimals = self._decimals(venues)
        return {
            "status": PARENT_STATUS.get(chr(row["status"]), "unknown"),
            "filled_qty": qty_text(int(row["cum_qty"]), decimals),
            "left_qty": qty_text(int(row["leaves_qty"]), decimals),
            "reason": reason_name(self.inputs, row["reason"]) or None,
        }

    def _slice(self, row: Mapping[str, Any], venues: list[int]) -> dict[str, Any]:
        decimals = self._decimals(venues)
        amounts = {"target": "target", "filled_qty": "cum_qty", "take": "take", "post": "post"}
        return {"slice": row["slice"]} | {
            name: qty_text(int(row[key]), decimals) for name, key in amounts.items()
        }

    def _order(self, row: Mapping[str, Any]) -> dict[str, Any]:
        market = self.inputs.markets[row["instrument"]]
        return {
            "cl_ord_id": str(row["cl_ord_id"]),
            "venue": market.name,
            "side": "buy" if row["side"] == BUY else "sell",
            "order_qty": plain(row["order_qty"] * market.lot),
            "price": plain(row["price"] * market.tick),
            "time_in_force": _TIME_IN_FORCE.get(
                chr(row["time_in_force"]), chr(row["time_in_force"])
            ),
            "post_only": row["post_only"],
            "came": self._came(row["cl_ord_id"], market),
        }

    def _came(self, cl_ord_id: int, market: Market) -> dict[str, Any]:
        """Return what became of an order: fills, mean price, fees by asset, how it ended."""
        fills = self._fills.filter(pl.col("cl_ord_id") == cl_ord_id)
        states = self.inputs.orders.filter(pl.col("cl_ord_id") == cl_ord_id)
        last = states[-1:].to_dicts()
        fees: dict[str, Decimal] = {}
        for asset, fee in fills.select("fee_asset", "fee").iter_rows():
            named = self.inputs.assets[asset]
            paid = scaled(int(fee), int(named["decimals"]))
            fees[named["asset"]] = fees.get(named["asset"], Decimal(0)) + paid
        exposure = sum(int(x) for x in fills["exposure"].to_list())
        notional = sum(int(x) for x in fills["notional"].to_list())
        base, quote = (int(market.terms[f"{name}_decimals"]) for name in ("base", "quote"))
        return {
            "fills": fills.height,
            "filled": plain(int(fills["last_qty"].sum() or 0) * market.lot),
            "exposure": plain(scaled(exposure, base)),
            "avg_px": px_text(scaled(notional, quote), scaled(exposure, base)),
            "fees": {asset: plain(fee) for asset, fee in fees.items()},
            "maker_fills": int(fills["is_maker"].sum() or 0),
            "last_ns": fills["ts_ns"].max() if fills.height else None,
            "ord_status": ORD_STATUS.get(chr(last[0]["ord_status"]), "unknown") if last else None,
            "reason": reason_name(self.inputs, last[0]["reason"]) or None if last else None,
        }

    def _change(self, row: Mapping[str, Any]) -> dict[str, Any]:
        market = self.inputs.markets[row["instrument"]]
        out = {"cl_ord_id": str(row["orig_cl_ord_id"]), "venue": market.name}
        if "price" in row:
            out |= {
                "new_cl_ord_id": str(row["cl_ord_id"]),
                "order_qty": plain(row["order_qty"] * market.lot),
                "price": plain(row["price"] * market.tick),
            }
        return out

    def _stop(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return why a program was stopped: the trap (0: a budget) and the statement."""
        code = row["reason"]
        said = {"reason": reason_name(self.inputs, code), "code": code}
        kept = {name: row[name] for name in ("trap", "statement", "fuel_used")}
        return said | {"words": words(self.inputs, code)} | kept

    def _reason(self, row: Mapping[str, Any]) -> dict[str, Any]:
        i, code = row["instrument"], row["reason"]
        name = self.inputs.markets[i].name if i < len(self.inputs.markets) else None
        said = {"venue": name, "reason": reason_name(self.inputs, code)}
        return said | {"code": code, "words": words(self.inputs, code)}


_ORDER = (
    *("arrival", "status", "slice", "sent", "replaced", "canceled"),
    *("left_out", "refused", "stopped", "noted"),
)


class _Decisions:
    """Outputs by decision: what came out at one sequence and time belongs together."""

    def __init__(self) -> None:
        self._rows: dict[Key, dict[str, list[dict[str, Any]]]] = {}

    def add(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            self._rows.setdefault((row["seq"], row["ts_ns"]), {}).setdefault(name, []).append(row)

    @property
    def keys(self) -> Iterable[Key]:
        return self._rows.keys()

    def sorted(self) -> list[tuple[Key, dict[str, list[dict[str, Any]]]]]:
        return sorted(self._rows.items())


def _changes(updates: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the updates at which a parent's status changed; a fill alone is no decision."""
    out, before = [], None
    for row in updates.sort("seq", maintain_order=True).iter_rows(named=True):
        if row["status"] != before:
            out.append(row)
        before = row["status"]
    return out


def _exposure(market: Market, qty_e8: int, px: Decimal) -> Decimal:
    contracts = scaled(qty_e8, _E8) * (int(market.terms["contract_multiplier"]) * STEP)
    return contracts / px if market.is_inverse else contracts


def _to_take(
    market: Market, rows: pl.DataFrame, mid: Decimal, *, sign: int, wanted: int
) -> dict[str, Any]:
    """Return what all that was to be taken would have cost at this one venue, by what it showed."""
    left = whole = scaled(wanted, int(market.terms["base_decimals"]))
    value = Decimal(0)
    for ticks, qty_e8, is_known in rows.iter_rows():
        if not is_known or not left:
            break
        px = ticks * market.tick
        taken = min(_exposure(market, qty_e8, px), left)
        value += taken * px
        left -= taken
    if left:
        return {"is_enough": False, "avg_px": None, "cost_bps": None, "fee_bps": None}
    cost = sign * (value / whole / mid - 1) * _BP
    fee = market.fee_taker
    return {
        "is_enough": True,
        "avg_px": px_text(value, whole),
        "cost_bps": plain(cost.quantize(Decimal("1e-4"))),
        "fee_bps": plain(fee * _BP) if fee is not None else None,
    }


def _time(ts_ns: int) -> str:
    """Return a time, to the microsecond."""
    seconds, rest = divmod(ts_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
