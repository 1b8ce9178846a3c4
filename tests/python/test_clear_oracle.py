"""Margin, waterfall and deleveraging against slow references, written from the formulae alone."""

import math
import tomllib
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from face import ROOT
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tiderace import clear

NOW = "2026-01-01T00:00:00Z"
# Years of 365 days from NOW to 08:00 UTC of each date.
YEARS = {
    day: (days + 1 / 3) / 365
    for day, days in (("2026-01-02", 1), ("2026-01-21", 20), ("2026-12-18", 351))
}
INDEX = 60_000.0
SETS = {
    path.stem: tomllib.loads(path.read_text())
    for path in (ROOT / "crates/margin/sets").glob("*.toml")
}
FEW = settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])


def text(value: float, digits: int = 12) -> str:
    return f"{Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits)):f}"


# -- portfolio margin -------------------------------------------------------------------------


def cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def black(forward: float, strike: float, s: float, *, call: bool) -> float:
    if s <= 0:
        return max(0.0, forward - strike if call else strike - forward)
    d1 = math.log(forward / strike) / s + s / 2
    sign = 1 if call else -1
    return sign * (forward * cdf(sign * d1) - strike * cdf(sign * (d1 - s)))


def shocked_vol(params: dict[str, Any], move: str, vol: float, t: float, k: float) -> float:
    shock = {key: float(value) for key, value in params["vol_shock"].items()}
    days = t * 365
    power = shock["short_term_power" if days <= shock["reference_days"] else "long_term_power"]
    term = (shock["reference_days"] / max(days, shock["days_floor"])) ** power
    if move == "up":
        return max(vol * (1 + shock["up"] * term), shock.get("min_vol_up", 0.0))
    if move == "down":
        return vol * max(0.0, 1 - shock["down"] * term)
    if move == "none":
        return vol
    skew = {key: float(value) for key, value in params["skew"].items()}
    cap = skew[f"{move}_slope"] * math.sqrt(t) + skew[f"{move}_cap"]
    width = (
        math.sqrt(t) * skew["width_scale"] * (skew["vol_static"] + skew["vol_slope"] * math.sqrt(t))
    )
    k = k if move == "linear" else abs(k)
    return vol * (1 + max(-cap, min(cap, k * cap / max(skew["min_width"], width))))


class Oracle:
    """A portfolio, margined as the words of the promise say, in floats."""

    def __init__(
        self, positions: list[dict[str, Any]], market: dict[str, Any], params: dict[str, Any]
    ) -> None:
        self.positions, self.market, self.params = positions, market, params
        rows = [self.row(**row) for row in params["scenarios"]]
        self.pnl = rows
        self.forward = sum(self.basis(day) for day in YEARS)
        worst = max(0.0, -min(rows), self.forward)
        shares = params.get("contingency", {})
        perpetual, option = self.perpetual_notional(), self.short_notional()

        def share(kind: str, of: str) -> float:
            return float(shares.get(kind, {}).get(of, 0))

        kept = (
            share("perpetual", "maintenance") * perpetual + share("option", "maintenance") * option
        )
        more = share("perpetual", "initial") * perpetual + share("option", "initial") * option
        self.maintenance = float(params["loss_factor"]["maintenance"]) * worst + kept
        self.initial = float(params["loss_factor"]["initial"]) * worst + kept + more
        self.value = sum(self.options(day, 1.0, "none") for day in YEARS)

    def of(self, day: str | None, *kinds: str) -> list[tuple[dict[str, Any], float]]:
        """Return instruments of a maturity with what is held of each."""
        held: dict[str, float] = {}
        known = {row["instrument"]["symbol"]: row["instrument"] for row in self.positions}
        for row in self.positions:
            of = row["instrument"]
            size = float(row["qty"]) * float(of["contract_multiplier"])
            held[of["symbol"]] = held.get(of["symbol"], 0.0) + size
        chosen = (of for of in known.values() if of["kind"] in kinds and of.get("maturity") == day)
        return [(of, held[of["symbol"]]) for of in chosen]

    def options(self, day: str, spot: float, move: str) -> float:
        known = self.market["forward"]["BTC"][day]
        forward, discount, total = float(known["forward"]), float(known["discount"]), 0.0
        for of, size in self.of(day, "option", "binary"):
            strike, call = float(of["strike_price"]), of["put_or_call"] == "call"
            vol = float(self.market["vol"][of["symbol"]])
            vol = shocked_vol(self.params, move, vol, YEARS[day], math.log(strike / forward))
            s, moved = vol * math.sqrt(YEARS[day]), forward * spot
            if of["kind"] == "binary":
                sign = 1 if call else -1
                if s > 0:
                    price = cdf(sign * (math.log(moved / strike) / s - s / 2))
                else:
                    price = 1.0 if sign * (moved - strike) > 0 else 0.0
            else:
                price = black(moved, strike, s, call=call)
                price = price / moved if of["style"] == "inverse" else price
            total += size * discount * price
        return total

    def linear(self, day: str | None, spot: float) -> float:
        total = 0.0
        for of, size in self.of(day, "future", "perpetual"):
            mark = float(self.market["mark"][of["symbol"]])
            if of["style"] == "inverse":
                total += size / mark - size / (mark * spot)
            else:
                total += size * mark * (spot - 1)
        return total

    def counted(self, day: str, value: float) -> float:
        rule = {key: float(of) for key, of in self.params.get("discount", {}).items()}
        if not rule:
            return value
        known, t = self.market["forward"]["BTC"][day], YEARS[day]
        rate = max(0.0, float(known["rate"]))
        if value > 0:
            return (
                value
                * rule["long_static"]
                * math.exp(-t * (rate * rule["long_rate_mult"] + rule["long_rate_add"]))
            )
        grown = rule["short_static"] * math.exp(
            t * (rate * rule["short_rate_mult"] + rule["short_rate_add"])
        )
        return value * min(1 / float(known["discount"]), grown)

    def row(self, spot: str, vol: str = "none", damping: str = "1", kind: str = "regular") -> float:
        factor = 1 + float(spot)
        total = 0.0 if kind == "skew" else self.linear(None, factor)
        for day in YEARS:
            pnl = self.counted(day, self.options(day, factor, vol)) - self.options(day, 1.0, "none")
            pnl += self.linear(day, factor)
            total += -abs(pnl) if kind == "skew" else pnl
        return total * float(damping)

    def basis(self, day: str) -> float:
        rule = self.params.get("forward_contingency")
        if rule is None:
            return 0.0
        moves = [
            self.options(day, spot, "none")
            - self.options(day, 1.0, "none")
            + self.linear(day, spot)
            for spot in (1 + float(rule["up"]), 1 - abs(float(rule["down"])))
        ]
        return (float(rule["add"]) + float(rule["mult"]) * YEARS[day]) * max(0.0, -min(moves))

    def notional(self, of: dict[str, Any]) -> float:
        if of["kind"] == "binary" or (of["kind"] == "option" and of["style"] == "inverse"):
            return 1.0
        return 1 / INDEX if of["style"] == "inverse" else INDEX

    def perpetual_notional(self) -> float:
        return sum(abs(size) * self.notional(of) for of, size in self.of(None, "perpetual"))

    def short_notional(self) -> float:
        total = 0.0
        for day in YEARS:
            legs = self.of(day, "option", "binary")
            for of, size in legs:
                covers = (
                    held
                    for other, held in legs
                    if of["kind"] == other["kind"] == "option"
                    and other["strike_price"] == of["strike_price"]
                    and other["put_or_call"] != of["put_or_call"]
                )
                total += max(0.0, -size - sum(max(0.0, held) for held in covers)) * self.notional(
                    of
                )
        return total


def legs(style: str, kinds: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    common = {"style": style, "base": "BTC", "settle": "USDC" if style == "linear" else "BTC"}
    # A contract of an inverse perpetual or future is 10 USD, of all others one coin (a binary: 50).
    sizes = {"binary": "50", "option": "1"}

    def leg(kind: str, day: str, strike: int, side: str, qty: int) -> dict[str, Any]:
        multiplier = sizes.get(kind, "1" if style == "linear" else "10")
        of: dict[str, Any] = {**common, "kind": kind, "contract_multiplier": multiplier}
        of["symbol"] = "BTC-PERP"
        if kind != "perpetual":
            of |= {"maturity": day, "symbol": f"BTC-{day}"}
        if kind in ("option", "binary"):
            of |= {
                "strike_price": str(strike),
                "put_or_call": side,
                "symbol": f"{kind}-{day}-{strike}-{side}",
            }
        return {"instrument": of, "qty": text(qty / 8, 3)}

    return st.builds(
        leg,
        st.sampled_from(kinds),
        st.sampled_from(list(YEARS)),
        st.sampled_from([45_000, 58_000, 60_000, 63_500, 90_000]),
        st.sampled_from(["put", "call"]),
        st.integers(-80, 80),
    )


@st.composite
def markets(draw: st.DrawFn, positions: list[dict[str, Any]]) -> dict[str, Any]:
    def between(low: float, high: float) -> str:
        return text(draw(st.floats(low, high)), 9)

    symbols = sorted({row["instrument"]["symbol"] for row in positions})
    forwards = {
        day: {
            "forward": between(57_000, 64_000),
            "discount": between(0.9, 1.02),
            "rate": between(-0.02, 0.1),
        }
        for day in YEARS
    }
    return {
        "now": NOW,
        "index": {"BTC": text(INDEX)},
        "forward": {"BTC": forwards},
        "vol": {symbol: between(0.1, 2.0) for symbol in symbols},
        "mark": {symbol: between(57_000, 64_000) for symbol in symbols},
    }


@st.composite
def made_up_params(draw: st.DrawFn) -> dict[str, Any]:
    def between(low: float, high: float) -> str:
        return text(draw(st.floats(low, high)), 6)

    def both(high: float) -> dict[str, str]:
        return {"initial": between(0, high), "maintenance": between(0, high)}

    def scenario(kind: str) -> dict[str, str]:
        if kind == "skew":
            return {"spot": "0", "vol": draw(st.sampled_from(["linear", "abs"])), "kind": "skew"}
        moves = st.sampled_from(["up", "down", "none"])
        row = {"spot": between(-0.7, 4), "vol": draw(moves), "kind": kind}
        return row | ({"damping": between(0, 1)} if kind == "tail" else {})

    kinds = draw(st.lists(st.sampled_from(["regular", "tail", "skew"]), min_size=1, max_size=12))
    made: dict[str, Any] = {
        # A set with the unmoved price in it is one of moves, not of factors.
        "scenarios": [{"spot": "0"}, *(scenario(kind) for kind in kinds)],
        "vol_shock": {
            "up": between(0, 1),
            "down": between(0, 0.9),
            "short_term_power": between(0, 0.5),
            "long_term_power": between(0, 0.5),
            "days_floor": between(0.5, 5),
            "reference_days": between(10, 60),
            "min_vol_up": between(0, 0.8),
        },
        "skew": {
            "linear_cap": between(0.1, 0.4),
            "linear_slope": between(-0.05, 0.1),
            "abs_cap": between(0.1, 0.4),
            "abs_slope": between(-0.05, 0.1),
            "min_width": between(0.005, 0.1),
            "width_scale": between(1, 5),
            "vol_static": between(0.3, 1),
            "vol_slope": between(0, 0.2),
        },
        "loss_factor": both(1.5),
    }
    if draw(st.booleans()):
        made["discount"] = {
            "long_static": between(0.9, 1),
            "long_rate_mult": between(0, 1),
            "long_rate_add": between(0, 0.1),
            "short_static": between(1, 1.1),
            "short_rate_mult": between(0, 1),
            "short_rate_add": between(0, 0.1),
        }
    if draw(st.booleans()):
        made["forward_contingency"] = {
            "up": between(0, 0.1),
            "down": "-" + between(0.001, 0.1),
            "add": between(0, 1),
            "mult": between(0, 2),
        }
    if draw(st.booleans()):
        made["contingency"] = {"perpetual": both(0.05), "option": both(0.05)}
    return made


def agrees(
    positions: list[dict[str, Any]], market: dict[str, Any], params: dict[str, Any], said: object
) -> None:
    ours, slow = (
        clear.portfolio_margin(positions, market=market, params=said),
        Oracle(positions, market, params),
    )
    gross = sum(
        abs(float(row["qty"]))
        * float(row["instrument"]["contract_multiplier"])
        * slow.notional(row["instrument"])
        for row in positions
    )
    near = {"rel": 1e-9, "abs": 1e-10 + 1e-11 * gross}
    assert [float(row["pnl"]) for row in ours.scenarios] == pytest.approx(slow.pnl, **near)
    assert float(ours.contingencies.forward) == pytest.approx(slow.forward, **near)
    assert float(ours.initial) == pytest.approx(slow.initial, **near)
    assert float(ours.maintenance) == pytest.approx(slow.maintenance, **near)
    assert float(ours.mark_to_market) == pytest.approx(slow.value, **near)
    assert ours.worst is not None
    assert ours.worst["pnl"] == min(row["pnl"] for row in ours.scenarios)
    assert ours.initial >= 0
    assert ours.maintenance >= 0


LINEAR = ["option", "option", "option", "binary", "future", "perpetual"]
INVERSE = ["option", "option", "option", "future", "perpetual"]


@FEW
@given(st.data(), st.sampled_from(sorted(SETS)), st.sampled_from(["linear", "inverse"]))
def test_portfolio_margin_is_that_of_the_slow_formulae_under_shipped_sets(
    data: st.DataObject, name: str, style: str
) -> None:
    kinds = LINEAR if style == "linear" else INVERSE
    positions = data.draw(st.lists(legs(style, kinds), min_size=1, max_size=12))
    agrees(positions, data.draw(markets(positions)), SETS[name], name)


@FEW
@given(st.data(), made_up_params(), st.sampled_from(["linear", "inverse"]))
def test_portfolio_margin_is_that_of_the_slow_formulae_under_any_params(
    data: st.DataObject, params: dict[str, Any], style: str
) -> None:
    kinds = LINEAR if style == "linear" else INVERSE
    positions = data.draw(st.lists(legs(style, kinds), min_size=1, max_size=12))
    agrees(positions, data.draw(markets(positions)), params, params)


# -- standard margin --------------------------------------------------------------------------


def dec(low: int, high: int, digits: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(lambda n: f"{Decimal(n).scaleb(-digits):f}")


def up(value: Fraction) -> Decimal:
    """Round up at 10^-18."""
    whole = -((-value * 10**18) // 1)
    return Decimal(int(whole)).scaleb(-18)


@FEW
@given(
    qty=dec(-(10**7), 10**7, 3),
    multiplier=dec(1, 10**5, 3),
    mark=dec(1, 10**8, 2),
    rates=st.tuples(dec(0, 1000, 4), dec(0, 1000, 4), dec(0, 1000, 8)),
    style=st.sampled_from(["linear", "inverse"]),
)
def test_tiered_margin_is_exact(
    qty: str, multiplier: str, mark: str, rates: tuple[str, str, str], style: str
) -> None:
    initial, maintenance, per_unit = rates
    model = {
        "model": "tiered",
        "initial": initial,
        "maintenance": maintenance,
        "per_unit": per_unit,
    }
    of = {"symbol": "P", "kind": "perpetual", "style": style, "base": "BTC", "margin": model}
    of |= {"settle": "USDC" if style == "linear" else "BTC", "contract_multiplier": multiplier}
    ours = clear.standard_margin({"symbol": "P", "qty": qty}, instrument=of, mark=mark, index="1")
    units = abs(Fraction(qty)) * Fraction(multiplier)
    notional = units / Fraction(mark) if style == "inverse" else units * Fraction(mark)
    for amount, base in zip(ours, (initial, maintenance), strict=True):
        assert amount == up((Fraction(base) + Fraction(per_unit) * units) * notional)


@FEW
@given(
    qty=dec(1, 10**6, 3),
    strike=dec(1, 10**7, 2),
    mark=dec(0, 10**6, 4),
    index=dec(1, 10**7, 2),
    rates=st.tuples(*[dec(0, 5000, 4)] * 4),
    factor=dec(1, 30, 1),
    floors=st.sampled_from(["none", "put", "call", "both"]),
    unit=st.sampled_from(["settle", "coin"]),
    side=st.sampled_from(["put", "call"]),
)
def test_short_option_margin_is_that_of_the_formula(
    qty: str,
    strike: str,
    mark: str,
    index: str,
    rates: tuple[str, ...],
    factor: str,
    floors: str,
    unit: str,
    side: str,
) -> None:
    rate, floor, maintenance, of_mark = rates
    model = {
        "model": "option",
        "rate": rate,
        "floor": floor,
        "maintenance": maintenance,
        "factor": factor,
    }
    model |= {
        "put_maintenance_of_mark": of_mark,
        "initial_at_least_maintenance": floors,
        "unit": unit,
    }
    of = {
        "symbol": "O",
        "kind": "option",
        "style": "inverse" if unit == "coin" else "linear",
        "base": "BTC",
    }
    of |= {
        "settle": "BTC" if unit == "coin" else "USDC",
        "maturity": "2026-03-27",
        "strike_price": strike,
    }
    of |= {"put_or_call": side, "margin": model}
    ours = clear.standard_margin(
        {"symbol": "O", "qty": f"-{qty}"}, instrument=of, mark=mark, index=index
    )
    u = Fraction(1) if unit == "coin" else Fraction(index)
    otm = (
        Fraction(strike) - Fraction(index) if side == "call" else Fraction(index) - Fraction(strike)
    )
    otm = max(Fraction(0), otm) / (Fraction(index) if unit == "coin" else 1)
    f, m = Fraction(factor), Fraction(mark)
    im = max(Fraction(rate) * u - otm, Fraction(floor) * u) * f + m
    mm = Fraction(maintenance) * u * f
    if side == "put":
        mm = max(mm, Fraction(of_mark) * m)
    mm += m
    if floors in (side, "both"):
        im = max(im, mm)
    # Terms are rounded up before they are multiplied: never below the formula, and hardly above.
    for amount, exact in zip(ours, (im * Fraction(qty), mm * Fraction(qty)), strict=True):
        assert 0 <= Fraction(amount) - exact <= Fraction(1, 10**12)
    assert clear.standard_margin(
        {"symbol": "O", "qty": qty}, instrument=of, mark=mark, index=index
    ) == (0, 0)


# -- waterfall and deleveraging ---------------------------------------------------------------


def slow_shares(total: int, amounts: dict[str, int]) -> dict[str, int]:
    """Largest remainder, by fractions."""
    whole = sum(amounts.values())
    if not whole:
        return dict.fromkeys(amounts, 0)
    exact = {name: Fraction(total * amount, whole) for name, amount in amounts.items()}
    shares = {name: int(part) for name, part in exact.items()}
    names = list(amounts)
    by_rest = sorted(names, key=lambda name: (shares[name] - exact[name], names.index(name)))
    for name in by_rest[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


AMOUNTS = st.one_of(st.integers(0, 20), st.integers(0, 2**70))
LAYERS = st.lists(
    st.one_of(AMOUNTS, st.dictionaries(st.sampled_from("abcdefgh"), AMOUNTS, max_size=8)),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.integers(0, 60), st.integers(0, 2**72)), LAYERS)
def test_a_waterfall_is_the_slow_one_and_loses_nothing(loss: int, said: list[Any]) -> None:
    layers = [
        {"layer": str(at), **({"members": of} if isinstance(of, dict) else {"amount": of})}
        for at, of in enumerate(said)
    ]
    found = clear.waterfall(loss, layers=layers)
    left = loss
    for row, of in zip(found.layers, said, strict=True):
        room = sum(of.values()) if isinstance(of, dict) else of
        used = min(left, room)
        members = slow_shares(used, of) if isinstance(of, dict) else {}
        assert row == {"layer": row["layer"], "used": used, "members": members}
        assert all(share <= of[name] for name, share in members.items())
        left -= used
    assert found.uncovered == left
    assert sum(row["used"] for row in found.layers) + found.uncovered == loss


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-40, 40), st.integers(-5, 5)), max_size=12),
    st.integers(-60, 60),
)
def test_a_queue_is_the_slow_one(said: list[tuple[int, int]], gone: int) -> None:
    rows = [
        {"account": str(at), "qty": text(qty / 4, 2), "score": str(score)}
        for at, (qty, score) in enumerate(said)
    ]
    found = clear.adl_queue(
        rows, bankrupt={"account": "z", "qty": text(gone / 4, 2), "price": "100"}
    )
    opposite = [at for at, (qty, _) in enumerate(said) if qty * gone < 0]
    opposite.sort(key=lambda at: -said[at][1])
    left, want = abs(gone), []
    for at in opposite:
        closed = min(left, abs(said[at][0]))
        want.append({"account": str(at), "closed": Decimal(closed) / 4})
        left -= closed
    assert found == want


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 200)] * 3), min_size=1, max_size=10), st.booleans())
def test_who_is_ranked_by_prices_is_ranked_by_profit_and_leverage(
    said: list[tuple[int, int, int]], is_long: bool
) -> None:
    rows = [
        {
            "account": str(at),
            "qty": "1" if is_long else "-1",
            "entry_px": str(entry),
            "mark_px": str(mark),
            "leverage": str(leverage),
        }
        for at, (entry, mark, leverage) in enumerate(said)
    ]
    bankrupt = {"account": "z", "qty": "-1" if is_long else "1", "price": "1"}

    def score(at: int) -> Fraction:
        entry, mark, leverage = said[at]
        gain = Fraction(mark - entry if is_long else entry - mark, entry)
        return gain * leverage if gain >= 0 else gain / leverage

    queue = [int(row["account"]) for row in clear.adl_queue(rows, bankrupt=bankrupt)]
    assert queue == sorted(range(len(said)), key=lambda at: -score(at))
