"""A checked config as the genesis of a journal: whole numbers only, in the units of the core.

Owns the order of the tables (assets, venues, labels, instruments) and every conversion from a
decimal of the config to an integer of the core. Nothing here depends on where files lie, so that
the same config on the same recording has the same genesis wherever it runs. What the core does not
read (names, the config itself) stands under ``recording``: the journal alone says what was run.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tiderace import _algos
from tiderace._checks import base_decimals
from tiderace._sections import Config, InstrumentConfig, ParentConfig, RandomLatency
from tiderace._values import (
    FRACTION_DECIMALS,
    STEP_DECIMALS,
    Market,
    duration_ns,
    scaled,
    time_ns,
)
from tiderace.config import parse_recorded, to_dict
from tiderace.errors import InputError, JournalError

RULES_VERSION = 2
OMS_ROWS, OMS_RESERVED = 65_536, 4_096
"""Closed orders and executions kept for late reports, and orders with room at the start."""
QTY_MAX = 2**63 - 1
PARENT_ID = 1
OWN_FEED = {"lognormal": {"median_ns": 3_000_000, "sigma_e9": 500_000_000}}
"""How long our own venue's market data takes to the desk, where the config names no latency."""


def genesis(
    config: Config,
    *,
    recording: Sequence[dict[str, Any]],
    is_synthetic: bool,
    is_own_venue: bool = False,
    surfaces: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Build the genesis that ``_core.Run`` takes.

    Parameters
    ----------
    config
        A checked config.
    recording
        The recording's files with their hashes.
    is_synthetic
        Whether the books were made up.
    is_own_venue
        Whether Tiderace's own venue makes them, in the run.
    surfaces
        What was published of the recording's options.
    """
    assets, venues = _assets(config), _venues(config)
    return {
        "rules_version": RULES_VERSION,
        "assets": [{"asset": asset, "decimals": _decimals(config, asset)} for asset in assets],
        "venues": venues,
        "labels": labels(config),
        "instruments": instruments(config),
        "oms": _oms(config),
        "risk": _risk(config, assets),
        "route": _route(config),
        "sim": _sim(config, assets)
        | (_own_venue(config) if is_own_venue else {})
        | ({"surfaces": list(surfaces)} if surfaces else {}),
        "recording": {
            "files": list(recording),
            "config": _plain(config),
            "params": _params(config),
        },
        "synthetic": is_synthetic,
        "prints_own": is_own_venue,
        "algos": [algo_fields(config, config.parent)] if config.parent else [],
        "parents": [_parent(config, config.parent)] if config.parent else [],
        "balances": [
            {
                "venue": venues.index(venue),
                "asset": assets.index(asset),
                "amount": scaled(amount, _decimals(config, asset), key=f"balances.{venue}.{asset}"),
            }
            for venue, balances in sorted(config.balances.items())
            for asset, amount in sorted(balances.items())
        ],
    }


def read_back(text: str) -> tuple[Config, list[dict[str, Any]]]:
    """Return the config and the recording's files of a journal's genesis.

    Raises
    ------
    JournalError
        The genesis holds no config that this build reads.
    """
    recording = json.loads(text)["recording"]
    remedy = "Use the build that wrote it"
    if not (isinstance(recording, dict) and recording.keys() == {"files", "config", "params"}):
        raise JournalError(
            "the journal's genesis holds no config",
            rule="A journal says what was run",
            remedy=remedy,
        )
    try:
        return parse_recorded(recording["config"]), recording["files"]
    except InputError as error:
        raise JournalError(
            f"the config in the journal's genesis is refused: {error.message}",
            rule=error.rule,
            remedy=remedy,
        ) from error


def _plain(config: Config) -> dict[str, Any]:
    """Return the config as plain tables, without the folders of its run and its algorithm."""
    plain = to_dict(config)
    plain["run"].pop("out")
    if config.parent is not None:
        plain["parent"]["algo"] = Path(config.parent.algo).name
    return plain


def _params(config: Config) -> dict[str, Any]:
    """Return the parameters of the parent's algorithm in words, those at their default too."""
    if config.parent is None:
        return {}
    parent, found = config.parent, _algos.find(config.parent.algo)
    decimals = base_decimals(config, parent)
    return found.said(parent.params, base_decimals=decimals, key="parent")


def to_json(value: object) -> str:
    """Return compact JSON with sorted keys: the same value is the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def instruments(config: Config) -> list[dict[str, Any]]:
    """Return the instrument table, in id order."""
    return [_instrument(config, row) for row in range(len(config.instruments))]


def markets(config: Config) -> list[Market]:
    """Return what conversions need of each instrument, in id order."""
    return [
        Market(
            id=row,
            name=instrument.name,
            tick_size=scaled(instrument.tick_size, STEP_DECIMALS, key="tick_size"),
            lot_size=scaled(instrument.lot_size, STEP_DECIMALS, key="lot_size"),
            base_decimals=_decimals(config, instrument.base),
        )
        for row, instrument in enumerate(config.instruments)
    ]


def labels(config: Config) -> list[str]:
    """Return the label table; row 0 is empty.

    Behind those that the run is for stand the parent's algorithm and the shipped ones, which a
    strategy may ask for.
    """
    parent = [_algos.find(config.parent.algo).name] if config.parent else []
    return list(dict.fromkeys((*_people(config), *parent, *_algos.names())))


def _people(config: Config) -> list[str]:
    run = config.run
    return ["", *dict.fromkeys((run.trader, run.client, run.strategy))]


def tags(config: Config, *, algorithm: str = "") -> dict[str, int]:
    """Return who an order of this run is for, as rows of the label table.

    An algorithm of a strategy's own that the table does not name goes without one.
    """
    people = _people(config)
    rows = labels(config) if algorithm else people
    return {
        "trader": people.index(config.run.trader),
        "algorithm": rows.index(algorithm) if algorithm in rows else 0,
        "strategy": people.index(config.run.strategy),
        "client": people.index(config.run.client),
    }


def tag_rows(config: Config) -> tuple[int, int, int, int]:
    """Return the tags of a strategy's own orders, as ``_core.Run`` takes them."""
    of = tags(config)
    return of["trader"], of["algorithm"], of["strategy"], of["client"]


def parent_fields(config: Config, parent: ParentConfig) -> dict[str, Any]:
    """Return a parent order as the core takes it, without its id and its algorithm."""
    rows = [
        config.instrument_index(name, key="parent.instruments")
        for name in parent.instruments or [instrument.name for instrument in config.instruments]
    ]
    decimals, found = base_decimals(config, parent), _algos.find(parent.algo)
    clip_min = parent.clip_min if parent.clip_min is not None else parent.clip_max

    def amount(value: Decimal | None, name: str) -> int:
        return 0 if value is None else scaled(value, decimals, key=f"parent.{name}")

    def share(value: Decimal | None, name: str) -> int:
        return 0 if value is None else _fraction(value, f"parent.{name}")

    return {
        "tags": tags(config, algorithm=found.name),
        # Both sides are worked where there is none; the core wants one.
        "side": parent.side or "buy",
        "order_qty": amount(parent.order_qty, "order_qty"),
        "limit": share(parent.limit, "limit"),
        "ts_start": 0 if parent.start == "arrival" else time_ns(parent.start, key="parent.start"),
        "duration_ns": 0 if parent.duration is None else duration_ns(parent.duration),
        "seed": config.run.seed,
        "instruments": sum(1 << row for row in set(rows)),
        "would": share(parent.would, "would"),
        "would_qty": amount(parent.would_qty, "would_qty"),
        "max_participation": share(parent.max_participation, "max_participation"),
        "clip_min": amount(clip_min, "clip_min"),
        "clip_max": amount(parent.clip_max, "clip_max"),
        "at_end": parent.at_end if "at_end" in found.keys else "keep",
        "spread_max": share(parent.spread_max, "spread_max"),
        "range_max": share(parent.range_max, "range_max"),
    }


def algo_fields(config: Config, parent: ParentConfig) -> dict[str, str]:
    """Return a parent's algorithm as the core takes it: its form and its parameters."""
    found = _algos.find(parent.algo)
    decimals = base_decimals(config, parent)
    params = found.packed(parent.params, base_decimals=decimals, key="parent")
    return {"form": found.form.hex(), "params": params.hex()}


def _parent(config: Config, parent: ParentConfig) -> dict[str, Any]:
    return {"parent_id": PARENT_ID, "algo": 0, **parent_fields(config, parent)}


def _assets(config: Config) -> list[str]:
    rows = config.instruments
    return list(dict.fromkeys(asset for i in rows for asset in (i.base, i.quote, i.settle_asset)))


def _venues(config: Config) -> list[str]:
    return list(dict.fromkeys(instrument.venue for instrument in config.instruments))


def _decimals(config: Config, asset: str) -> int:
    return config.assets.get(asset, 8)


def _instrument(config: Config, row: int) -> dict[str, Any]:
    instrument, assets = config.instruments[row], _assets(config)
    lot = instrument.lot_size
    quote_decimals = _decimals(config, instrument.quote)
    return {
        "id": row,
        "version": 1,
        "venue": _venues(config).index(instrument.venue),
        "symbol": instrument.symbol,
        "kind": instrument.kind,
        "style": instrument.style,
        "base": assets.index(instrument.base),
        "quote": assets.index(instrument.quote),
        "settle": assets.index(instrument.settle_asset),
        "base_decimals": _decimals(config, instrument.base),
        "quote_decimals": quote_decimals,
        "tick_size": scaled(instrument.tick_size, STEP_DECIMALS, key="tick_size"),
        "lot_size": scaled(lot, STEP_DECIMALS, key="lot_size"),
        "contract_multiplier": scaled(
            instrument.contract_multiplier, STEP_DECIMALS, key="contract_multiplier"
        ),
        "min_order_qty": _lots(instrument.min_order_qty, lot, absent=1),
        "max_order_qty": _lots(instrument.max_order_qty, lot, absent=QTY_MAX),
        "min_notional": scaled(instrument.min_notional, quote_decimals, key="min_notional"),
        "maturity_ns": time_ns(instrument.maturity, key="maturity")
        if instrument.maturity
        else None,
        "strike_price": _ticks(instrument),
        "put_or_call": instrument.put_or_call,
    }


def _ticks(instrument: InstrumentConfig) -> int | None:
    if instrument.strike_price is None:
        return None
    strike = scaled(instrument.strike_price, STEP_DECIMALS, key="strike_price")
    return strike // scaled(instrument.tick_size, STEP_DECIMALS, key="tick_size")


def _lots(qty: Decimal | None, lot: Decimal, *, absent: int = 0) -> int:
    if qty is None:
        return absent
    lots, rest = divmod(
        scaled(qty, STEP_DECIMALS, key="qty"), scaled(lot, STEP_DECIMALS, key="lot_size")
    )
    assert rest == 0, "a checked config has quantities in whole lots"
    return lots


def _oms(config: Config) -> dict[str, Any]:
    return {
        "ack_timeout_ns": duration_ns(config.oms.timeout),
        "max_closed": OMS_ROWS,
        "max_executions": OMS_ROWS,
        "reserved_orders": OMS_RESERVED,
    }


def _risk(config: Config, assets: list[str]) -> dict[str, Any]:
    risk = config.risk
    return {
        "account": 0,
        "collar": _fraction(risk.price_collar, "risk.price_collar"),
        "max_open_orders": risk.max_open_orders,
        "max_total_position": _total_limits(config, assets),
        "max_messages": risk.max_messages,
        "message_window_ns": duration_ns(risk.message_window),
        "duplicate_window_ns": duration_ns(risk.duplicate_window),
        "max_executions": risk.max_executions,
        "execution_window_ns": duration_ns(risk.execution_window),
        "needs_funds": risk.needs_funds,
        "instruments": [_limits(config, instrument) for instrument in config.instruments],
    }


def _total_limits(config: Config, assets: list[str]) -> list[dict[str, Any]]:
    most, key = config.risk.max_total_position, "risk.max_total_position"
    bases = sorted({instrument.base for instrument in config.instruments}) if most else []
    return [
        {
            "asset": assets.index(base),
            "max_position": scaled(most, _decimals(config, base), key=key),
        }
        for base in bases
    ]


def _limits(config: Config, instrument: InstrumentConfig) -> dict[str, Any]:
    limits = instrument.limits
    base, quote = _decimals(config, instrument.base), _decimals(config, instrument.quote)
    return {
        "max_order_qty": _lots(limits.max_order_qty, instrument.lot_size),
        "max_order_value": scaled(limits.max_order_value, quote, key="limits.max_order_value"),
        "max_position": scaled(limits.max_position, base, key="limits.max_position"),
        "initial_margin": _fraction(limits.initial_margin, "limits.initial_margin"),
        "fee": _fraction(max(instrument.fees.taker, instrument.fees.maker, Decimal(0)), "fees"),
    }


def _route(config: Config) -> dict[str, Any]:
    worth = {"USD": Decimal(1), **config.route.usd_per}
    return {
        "holding_ns": duration_ns(config.route.holding),
        "costs": [
            {
                "taker_fee": _fraction(instrument.fees.taker, "fees.taker"),
                "maker_fee": _fraction(instrument.fees.maker, "fees.maker"),
                "funding_rate": _funding_rate(instrument),
                "funding_interval_ns": _funding_interval_ns(instrument),
                "quote_rate": _fraction(worth[instrument.quote], "route.usd_per"),
            }
            for instrument in config.instruments
        ],
    }


def _funding_rate(instrument: InstrumentConfig) -> int:
    return _fraction(instrument.funding.rate, "funding.rate") if instrument.funding else 0


def _funding_interval_ns(instrument: InstrumentConfig) -> int:
    return duration_ns(instrument.funding.interval) if instrument.funding else 0


def _sim(config: Config, assets: list[str]) -> dict[str, Any]:
    sim = config.sim
    power = {"power": _fraction(sim.queue_power, "sim.queue_power")}
    return {
        "instruments": [
            {
                "taker_fee": _fraction(instrument.fees.taker, "fees.taker"),
                "maker_fee": _fraction(instrument.fees.maker, "fees.maker"),
                "fee_asset": assets.index(instrument.settle_asset),
            }
            for instrument in config.instruments
        ],
        "queue": power if sim.queue == "power" else sim.queue,
        "feed": latency(sim.feed),
        "order_entry": latency(sim.order_entry),
        "response": latency(sim.response),
        "seed": config.run.seed,
    }


def _own_venue(config: Config) -> dict[str, Any]:
    start = time_ns(config.synthetic.start, key="synthetic.start")
    duration = duration_ns(config.synthetic.duration)
    feed = config.sim.feed
    return {
        "own_venue": {"start": start, "duration_ns": duration} | _options(config),
        "feed": OWN_FEED if feed == "recorded" else latency(feed),
    }


def _options(config: Config) -> dict[str, Any]:
    """Return how options are quoted; nothing where there are none."""
    surface = config.surface
    options = [row for row in config.instruments if row.kind == "option"]
    if not options:
        return {}
    fractions = ("vol", "half_spread", "walk", "takers_per_s")
    return {
        "options": {
            "levels": surface.levels,
            "publish_ns": duration_ns(surface.publish),
            "qty": scaled(surface.qty, _decimals(config, options[0].base), key="surface.qty"),
        }
        | {name: _fraction(getattr(surface, name), f"surface.{name}") for name in fractions}
    }


def latency(value: str | RandomLatency) -> Any:
    if value == "recorded":
        return "recorded"
    if isinstance(value, str):
        return {"constant_ns": duration_ns(value)}
    if value.low is not None and value.high is not None:
        return {"uniform_ns": [duration_ns(value.low), duration_ns(value.high)]}
    median, sigma = value.median or "0s", value.sigma or Decimal(0)
    return {
        "lognormal": {"median_ns": duration_ns(median), "sigma_e9": _fraction(sigma, "sim.sigma")}
    }


def _fraction(value: Decimal, key: str) -> int:
    return scaled(value, FRACTION_DECIMALS, key=key)
