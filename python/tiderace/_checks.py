"""Ranges and references of a config: the checks that types alone cannot make."""

import difflib
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from tiderace._algo_params import default_of
from tiderace._algos import Algorithm
from tiderace._option_checks import check_maturities, check_option_order
from tiderace._sections import (
    INSTRUMENTS_MAX,
    Config,
    InstrumentConfig,
    ParentConfig,
    RandomLatency,
)
from tiderace._values import FRACTION_DECIMALS, STEP_DECIMALS, duration_ns, scaled, time_ns
from tiderace.errors import InputError

FEEDS = ("binance-coinm", "binance-spot", "binance-usdm", "tiderace")
_OPTION = ("maturity", "strike_price", "put_or_call")
_ONE = Decimal(1)
_LOOK_NS = 100_000_000
_DURATION_NS_MAX = 366 * 86_400_000_000_000
_LATENCY_NS_MAX = 3_600_000_000_000


def check_values(config: Config) -> None:
    """Check everything that types alone cannot, the parent's algorithm left aside.

    Raises
    ------
    InputError
        The first value out of its range, or reference to nothing.
    """
    _check_instruments(config)
    _check_assets(config)
    _check_parent(config)
    _check_risk(config)
    _check_route(config)
    _check_sim(config)
    _check_synthetic(config)


def _check_instruments(config: Config) -> None:
    count = len(config.instruments)
    if not 1 <= count <= INSTRUMENTS_MAX:
        raise InputError(
            f"{count} instruments",
            rule=f"A run has 1 to {INSTRUMENTS_MAX}",
            remedy="Add an [[instruments]] table" if not count else "Split the run",
        )
    names = [instrument.name for instrument in config.instruments]
    for row, instrument in enumerate(config.instruments):
        key = f"instruments[{row}]"
        if instrument.name in names[:row]:
            raise InputError(
                f"{key} is {instrument.name!r} again",
                rule="An instrument stands in the table once",
                remedy="Remove one of the two",
            )
        _check_instrument(instrument, key)


def _check_instrument(instrument: InstrumentConfig, key: str) -> None:
    if instrument.kind == "spot" and (instrument.style != "linear" or instrument.funding):
        raise InputError(
            f"{key} ({instrument.name}) is a spot market with style or funding of a perpetual",
            rule="Spot is linear and pays no funding",
            remedy='Correct kind to "perpetual", or remove style and funding',
        )
    if instrument.feed not in FEEDS:
        raise InputError(
            f"{key}.feed = {instrument.feed!r}",
            rule="A feed is a codec that this build has",
            remedy=f"Use one of {', '.join(FEEDS)}",
        )
    _check_option(instrument, key)
    wanted = instrument.base if instrument.style == "inverse" else instrument.quote
    if instrument.settle_asset != wanted:
        raise InputError(
            f"{key}.settle = {instrument.settle!r}",
            rule=f"A {instrument.style} contract of {instrument.name} settles in {wanted}",
            remedy=f'Leave settle out, or write "{wanted}"',
        )
    steps = ("tick_size", "lot_size", "contract_multiplier")
    for name in steps:
        _positive(getattr(instrument, name), f"{key}.{name}", STEP_DECIMALS)
    for name in ("min_order_qty", "max_order_qty"):
        value = getattr(instrument, name)
        if value is not None:
            _positive(value, f"{key}.{name}", STEP_DECIMALS)
            _on_grid(value, f"{key}.{name}", instrument.lot_size, "lots")
    if instrument.min_notional < 0:
        raise _range_error(instrument.min_notional, f"{key}.min_notional", "is not below zero")
    for name in ("taker", "maker"):
        _fraction(getattr(instrument.fees, name), f"{key}.fees.{name}", low=-_ONE, open_ends=True)
    if instrument.funding:
        _fraction(instrument.funding.rate, f"{key}.funding.rate", low=-_ONE)
        _duration(instrument.funding.interval, f"{key}.funding.interval")


def _check_option(instrument: InstrumentConfig, key: str) -> None:
    terms = {name: getattr(instrument, name) for name in _OPTION}
    is_option = instrument.kind == "option"
    wrong = [name for name, value in terms.items() if (value is None) == is_option]
    if wrong:
        raise InputError(
            f"{key}.{wrong[0]} is {'missing' if is_option else 'there'}",
            rule=f"An option, and nothing else, has {', '.join(_OPTION)}",
            remedy="Add it" if is_option else "Remove it",
        )
    if not is_option:
        return
    if instrument.style != "linear" or instrument.funding:
        raise InputError(
            f"{key} ({instrument.name}) is an option with style or funding of a perpetual",
            rule="A coin option is one whose quote is its base asset",
            remedy="Remove style and funding; write the base as quote where it is paid in the coin",
        )
    assert instrument.maturity is not None, "checked above"
    assert instrument.strike_price is not None, "checked above"
    time_ns(instrument.maturity, key=f"{key}.maturity")
    _positive(instrument.strike_price, f"{key}.strike_price", STEP_DECIMALS, bits=128)
    _positive(instrument.tick_size, f"{key}.tick_size", STEP_DECIMALS)
    _on_grid(instrument.strike_price, f"{key}.strike_price", instrument.tick_size, "ticks")


def _check_assets(config: Config) -> None:
    known = {asset for i in config.instruments for asset in (i.base, i.quote, i.settle_asset)}
    for asset, decimals in config.assets.items():
        _known(asset, known, f"assets.{asset}", "an asset of an instrument")
        if not 0 <= decimals <= 18:
            raise _range_error(decimals, f"assets.{asset}", "is between 0 and 18 digits")
    venues = {instrument.venue for instrument in config.instruments}
    for venue, balances in config.balances.items():
        _known(venue, venues, f"balances.{venue}", "a venue of an instrument")
        for asset, amount in balances.items():
            key = f"balances.{venue}.{asset}"
            _known(asset, known, key, "an asset of an instrument")
            if amount < 0:
                raise _range_error(amount, key, "is not below zero")
            scaled(amount, config.assets.get(asset, 8), key=key)


def check_parent(config: Config, parent: ParentConfig, algorithm: Algorithm) -> None:
    """Check a parent against its algorithm: what it needs, and what has no meaning for it.

    Raises
    ------
    InputError
        The first key that is missing, means nothing, or is out of the algorithm's range.
    """
    for key in _given(parent):
        if key not in algorithm.keys:
            raise InputError(
                f"parent.{key} has no meaning for {algorithm.name}",
                rule=f"It takes {', '.join(algorithm.keys)}",
                remedy=_nearest(key, algorithm) or "Remove it, or choose another algorithm",
            )
    for key, value in (("side", parent.side), ("limit", parent.limit)):
        if value is None and key in algorithm.keys:
            raise InputError(
                f"parent.{key} is missing",
                rule=f"{algorithm.name} has no default for it",
                remedy=f"Add parent.{key}",
            )
    if "duration" in algorithm.keys and parent.duration is None and parent.at_end != "keep":
        raise InputError(
            "parent.duration is missing",
            rule='An order has an end, but with at_end = "keep"',
            remedy='Add parent.duration, e.g. "5m"',
        )
    if algorithm.kind == "two_sided" and parent.at_end == "take":
        raise InputError(
            'parent.at_end = "take"',
            rule=f"{algorithm.name} works both sides: there is no rest to take",
            remedy='Write "expire" or "keep"',
        )
    algorithm.packed(parent.params, base_decimals=base_decimals(config, parent), key="parent")
    _check_venues(config, parent, algorithm)
    check_option_order(parent, algorithm, _used(config, parent))


def _check_venues(config: Config, parent: ParentConfig, algorithm: Algorithm) -> None:
    """Check that parameters which number the parent's instruments name some that it has."""
    names = [instrument.name for instrument in _used(config, parent)]
    for param in algorithm.params:
        value = parent.params.get(param.name, default_of(param))
        numbers = value if isinstance(value, list | tuple) else [value]
        if param.unit == "venue" and any(number >= len(names) for number in numbers):
            raise InputError(
                f"parent.{param.name} = {value}",
                rule=f"The parent's instruments, from 0: {', '.join(names)}",
                remedy="Choose one of them, or name more in parent.instruments",
            )


def base_decimals(config: Config, parent: ParentConfig) -> int:
    """Return how many digits the base unit of a parent's base asset has."""
    used = _used(config, parent)
    return config.assets.get(used[0].base, 8)


def _given(parent: ParentConfig) -> list[str]:
    """Return the keys that a parent has, those at their default left out."""
    fields = msgspec.structs.fields(ParentConfig)
    common = [f.name for f in fields if f.name not in ("order_qty", "params")]
    defaults = {f.name: f.default for f in fields}
    return [n for n in common if getattr(parent, n) != defaults[n]] + list(parent.params)


def _nearest(key: str, algorithm: Algorithm) -> str:
    near = difflib.get_close_matches(key, algorithm.keys, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else ""


def _used(config: Config, parent: ParentConfig) -> list[InstrumentConfig]:
    rows = [
        config.instrument_index(name, key="parent.instruments") for name in parent.instruments or []
    ]
    return [config.instruments[row] for row in rows] or config.instruments


def _check_parent(config: Config) -> None:
    parent = config.parent
    if parent is None:
        return
    bases = sorted({instrument.base for instrument in _used(config, parent)})
    if parent.instruments == [] or len(bases) > 1:
        raise InputError(
            f"parent.instruments have the bases {bases}",
            rule="A parent trades exposure in one base asset",
            remedy="Name instruments of one base, or leave the key out to use all",
        )
    decimals = config.assets.get(bases[0], 8)
    _amount(parent.order_qty, "parent.order_qty", decimals)
    for name in ("limit", "would", "max_participation", "spread_max", "range_max"):
        value, key = getattr(parent, name), f"parent.{name}"
        if value is not None:
            _positive(value, key, FRACTION_DECIMALS)
            _fraction(value, key, low=Decimal(0), open_ends=name in ("limit", "would"))
    for name in ("would_qty", "clip_min", "clip_max"):
        value = getattr(parent, name)
        if value is not None:
            _amount(value, f"parent.{name}", decimals)
    _check_pairs(parent)
    if parent.duration is not None:
        _duration(parent.duration, "parent.duration")
    if parent.start != "arrival":
        time_ns(parent.start, key="parent.start")


def _check_pairs(parent: ParentConfig) -> None:
    """Check keys that go together."""
    for name, other in (("would_qty", "would"), ("clip_min", "clip_max")):
        if getattr(parent, name) is not None and getattr(parent, other) is None:
            raise InputError(
                f"parent.{name} is there without parent.{other}",
                rule="The two go together",
                remedy=f"Add parent.{other}, or remove parent.{name}",
            )
    low, high = parent.clip_min, parent.clip_max
    if low is not None and high is not None and low > high:
        raise _range_error(low, "parent.clip_min", f"is no more than clip_max, {high}")


def _check_risk(config: Config) -> None:
    risk = config.risk
    for row, instrument in enumerate(config.instruments):
        limits, key = instrument.limits, f"instruments[{row}].limits"
        base, quote = (config.assets.get(a, 8) for a in (instrument.base, instrument.quote))
        _positive(limits.max_order_qty, f"{key}.max_order_qty", STEP_DECIMALS)
        _on_grid(limits.max_order_qty, f"{key}.max_order_qty", instrument.lot_size, "lots")
        _amount(limits.max_order_value, f"{key}.max_order_value", quote)
        _amount(limits.max_position, f"{key}.max_position", base)
        _fraction(limits.initial_margin, f"{key}.initial_margin", low=Decimal(0))
        _positive(limits.initial_margin, f"{key}.initial_margin", FRACTION_DECIMALS)
    _positive(risk.price_collar, "risk.price_collar", FRACTION_DECIMALS)
    if risk.max_total_position:
        for asset in sorted({instrument.base for instrument in config.instruments}):
            decimals = config.assets.get(asset, 8)
            _amount(risk.max_total_position, "risk.max_total_position", decimals)
    windows = {
        "message_window": risk.max_messages == 0,
        "duplicate_window": True,
        "execution_window": risk.max_executions == 0,
    }
    for name, is_off in windows.items():
        _duration(getattr(risk, name), f"risk.{name}", can_be_zero=is_off)
    _duration(config.oms.timeout, "oms.timeout", can_be_zero=True)


def _check_route(config: Config) -> None:
    _duration(config.route.holding, "route.holding", can_be_zero=True)
    quotes = {instrument.quote for instrument in config.instruments}
    for asset, worth in config.route.usd_per.items():
        _known(asset, quotes, f"route.usd_per.{asset}", "a quote asset of an instrument")
        _positive(worth, f"route.usd_per.{asset}", FRACTION_DECIMALS)
    for quote in sorted(quotes - {"USD"} - set(config.route.usd_per)):
        raise InputError(
            f"route.usd_per.{quote} is missing",
            rule=f"Prices in {quote} are compared in USD at a declared rate",
            remedy=f'Add usd_per = {{ {quote} = "1" }} below [route]',
        )


def _check_sim(config: Config) -> None:
    sim = config.sim
    if not 0 < sim.queue_power <= 4:
        raise _range_error(sim.queue_power, "sim.queue_power", "is above 0 and at most 4")
    for name in ("feed", "order_entry", "response"):
        _check_latency(getattr(sim, name), f"sim.{name}", can_be_recorded=name == "feed")


def _check_synthetic(config: Config) -> None:
    time_ns(config.synthetic.start, key="synthetic.start")
    _duration(config.synthetic.duration, "synthetic.duration")
    surface = config.surface
    for name, low, high in (
        ("vol", "0.01", "5"),
        ("half_spread", "0.000000001", str(surface.vol / 4)),
        ("walk", "0", "0.01"),
        ("levels", "1", "16"),
        ("takers_per_s", "0", "100"),
    ):
        value = Decimal(getattr(surface, name))
        if not Decimal(low) <= value <= Decimal(high):
            raise _range_error(value, f"surface.{name}", f"is between {low} and {high}")
        scaled(value, FRACTION_DECIMALS, key=f"surface.{name}")
    _positive(surface.qty, "surface.qty", STEP_DECIMALS)
    _duration(surface.publish, "surface.publish", most_ns=86_400_000_000_000)
    if duration_ns(surface.publish) < _LOOK_NS:
        raise _range_error(surface.publish, "surface.publish", "is at least 100ms")
    _check_options(config)


def _check_options(config: Config) -> None:
    """Check that options are on our own venue, of one base asset, with an underlying."""
    options = [row for row in config.instruments if row.kind == "option"]
    if not options:
        return
    if config.data.recording is not None and config.surface.file is None:
        raise InputError(
            f"surface.file is missing: data.recording = {config.data.recording!r} with an option, "
            f"{options[0].name}",
            rule="A vol is known by what was published of it: a recording has that in a file",
            remedy="Name the file, or remove data.recording to trade on our own venue",
        )
    if config.data.recording is None:
        check_maturities(config.instruments, config.synthetic)
    bases = sorted({row.base for row in options})
    others = {row.base for row in config.instruments if row.kind != "option"}
    if len(bases) > 1 or bases[0] not in others:
        raise InputError(
            f"options of {', '.join(bases)} beside other instruments of {sorted(others)}",
            rule="The options of a run have one base asset, whose perpetual moves their forward",
            remedy="Add the perpetual to [[instruments]], or split the run",
        )


def _check_latency(value: str | RandomLatency, key: str, *, can_be_recorded: bool) -> None:
    if value == "recorded" and can_be_recorded:
        return
    if value == "recorded":
        raise InputError(
            f'{key} = "recorded"',
            rule="Only the feed's latency was recorded",
            remedy='Give a duration, e.g. "10ms"',
        )
    texts = [value] if isinstance(value, str) else [value.low, value.high, value.median]
    for text in texts:
        if text is not None:
            _duration(text, key, can_be_zero=True, most_ns=_LATENCY_NS_MAX)
    if isinstance(value, RandomLatency):
        _check_random(value, key)


def _check_random(latency: RandomLatency, key: str) -> None:
    is_uniform = latency.low is not None and latency.high is not None
    is_lognormal = latency.median is not None and latency.sigma is not None
    given = sum(
        part is not None for part in (latency.low, latency.high, latency.median, latency.sigma)
    )
    if is_uniform == is_lognormal or given != 2:
        raise InputError(
            f"{key} has {given} of low, high, median, sigma",
            rule="A drawn latency is uniform (low, high) or lognormal (median, sigma)",
            remedy='Write { low = "5ms", high = "15ms" } or { median = "10ms", sigma = "0.3" }',
        )
    if latency.low and latency.high and duration_ns(latency.low) > duration_ns(latency.high):
        raise _range_error(latency.low, f"{key}.low", f"is no more than high, {latency.high}")
    if latency.sigma is not None and not 0 <= latency.sigma <= 4:
        raise _range_error(latency.sigma, f"{key}.sigma", "is between 0 and 4")


def _positive(value: Decimal, key: str, decimals: int, *, bits: int = 64) -> None:
    if not value.is_finite() or value <= 0:
        raise _range_error(value, key, "is above zero")
    if scaled(value, decimals, key=key) >= 2 ** (bits - 1):
        raise _range_error(value, key, f"fits {bits} bits in units of 1e-{decimals}")


def _amount(value: Decimal, key: str, decimals: int) -> None:
    _positive(value, key, decimals, bits=128)


def _on_grid(value: Decimal, key: str, step: Decimal, what: str) -> None:
    if value % step:
        raise InputError(
            f"{key} = {str(value)!r}",
            rule=f"It is a whole number of {what} ({step})",
            remedy="Round it",
        )


def _fraction(value: Decimal, key: str, *, low: Decimal, open_ends: bool = False) -> None:
    is_inside = value.is_finite() and (low < value < 1 if open_ends else low <= value <= 1)
    if not is_inside:
        raise _range_error(value, key, f"is a fraction between {low} and 1 (1 bp is 0.0001)")
    scaled(value, FRACTION_DECIMALS, key=key)


def _duration(
    text: str, key: str, *, can_be_zero: bool = False, most_ns: int = _DURATION_NS_MAX
) -> None:
    ns = duration_ns(text, key=key)
    if ns > most_ns or (ns == 0 and not can_be_zero):
        raise _range_error(
            text, key, f"is {'zero' if can_be_zero else 'a nanosecond'} to {most_ns / 1e9:g} s"
        )


def _known(name: str, known: Iterable[str], key: str, what: str) -> None:
    if name not in known:
        raise InputError(
            f"{key} names {name!r}",
            rule=f"It is {what}",
            remedy=f"Known: {', '.join(sorted(known))}",
        )


def _range_error(value: object, key: str, rule: str) -> InputError:
    return InputError(f"{key} = {str(value)!r}", rule=f"It {rule}", remedy="Correct the value")
