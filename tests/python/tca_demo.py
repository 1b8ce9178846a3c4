"""A run made up from a seed, in the shapes of the core: 40 BTC bought by TWAP on three books.

It stands in for a real run where a test or a look at the report must not need the engine.
"""

import random
from decimal import Decimal
from typing import Any

from tca_case import BUY, S, case, fill, frame, inverse, linear, spot

from tiderace import tca

START = 1_723_161_256_600_000_000  # 2024-08-08 23:54:16.6 UTC
WORK_S, TAPE_S, SLICES = 300, 344, 30
ORDER = 40 * 10**8
NAMES = ("binance-spot:BTCUSDT", "binance-usdm:BTCUSDT", "binance-coinm:BTCUSD_PERP")
FEES = (("0.00023", "0.00011"), ("0.00017", "0"), ("0.00024", "-0.00009"))


def demo(*, is_synthetic: bool = True, names: tuple[str, ...] = NAMES, seed: int = 7) -> tca.Inputs:
    """Return the inputs of a report, the same for the same seed."""
    chance = random.Random(seed)
    markets = [_market(i, names[i]) for i in range(3)]
    mids = _walk(chance)
    quotes, trades = _tape(chance, markets, mids)
    fills, orders, slices, skipped = _work(chance, markets, mids)
    filled = sum(row["exposure"] for row in fills)
    arrivals = [_arrival(i, market, mids[0][i]) for i, market in enumerate(markets)]
    parents = [
        {"ts_ns": START, "status": ord("0"), "cum_qty": 0, "leaves_qty": ORDER},
        {
            "ts_ns": START + WORK_S * S,
            "status": ord("2"),
            "cum_qty": filled,
            "leaves_qty": ORDER - filled,
            "reason": 7005,
        },
    ]
    return case(
        name="twap_three_books",
        markets=markets,
        asked=[
            tca.Asked(
                parent_id=1,
                side="buy",
                order_qty=ORDER,
                limit=Decimal("0.003"),
                duration_ns=WORK_S * S,
                slices=SLICES,
            )
        ],
        holding_ns=28_800 * S,
        fills=fills,
        orders=orders,
        parents=parents,
        slices=slices,
        arrivals=arrivals,
        skipped=skipped,
        refused=[{"ts_ns": START + 9 * S, "reason": 2002, "value": 6_312_000, "limit": 6_250_000}],
        quotes=quotes,
        trades=trades,
        depth={i: _depth(chance, i, market, mids[0][i]) for i, market in enumerate(markets)},
        is_synthetic=is_synthetic,
        provenance={
            "digest": "5c0e1f" * 10 + "9a1b",
            "config": "b1946ac92492d2347c6235b4d2611184",
            "seed": seed,
            "recording": ["spot_btcusdt_20240808.raw.gz 3f7a", "usdm_btcusdt_20240808.raw.gz 91cc"],
            "version": "0.1.0",
        },
    )


def _market(i: int, name: str) -> tca.Market:
    make = (spot, linear, inverse)[i]
    base = make(i, name)
    return tca.Market(
        terms=base.terms,
        name=name,
        base=base.base,
        quote=base.quote,
        fee_taker=Decimal(FEES[i][0]),
        fee_maker=Decimal(FEES[i][1]),
        funding_rate=base.funding_rate,
    )


def _walk(chance: random.Random) -> list[list[float]]:
    """Return mids of the three books each tenth of a second, falling some 23 bp."""
    level, out, own = 61_840.0, [], [0.0, 0.0, 0.0]
    for _ in range(TAPE_S * 10):
        level *= 1 + chance.gauss(-0.0023 / (TAPE_S * 10), 0.000018)
        own = [0.97 * gap + chance.gauss(0, 0.35) for gap in own]
        shift = (0.0, -0.00036, -0.00028)
        out.append([level * (1 + shift[i]) + own[i] for i in range(3)])
    return out


def _tape(
    chance: random.Random, markets: list[tca.Market], mids: list[list[float]]
) -> tuple[Any, Any]:
    quotes, trades = [], []
    for n, now in enumerate(mids):
        for i, market in enumerate(markets):
            ts_ns = START - S + n * S // 10 + i * 7_000_000
            bid = round(now[i] / float(market.tick)) - (1 if i else 0)
            quotes.append({"ts_ns": ts_ns, "instrument": i, "bid_px": bid, "ask_px": bid + 1})
            if chance.random() < 0.4:
                qty = chance.randrange(1, 40) * 10**8 if i == 2 else chance.randrange(10**5, 10**8)
                trades.append({"ts_ns": ts_ns + 10**6, "instrument": i, "px": bid, "qty_e8": qty})
    return quotes, trades


def _work(
    chance: random.Random, markets: list[tca.Market], mids: list[list[float]]
) -> tuple[Any, ...]:
    fills: list[dict[str, Any]] = []
    orders, slices, skipped = [], [], []
    filled = 0
    for n in range(SLICES):
        at = n * 10 + (chance.uniform(0, 2) if n else 0)
        due = (n + 1) * ORDER // SLICES
        take = due - filled
        slices.append(
            {
                "ts_ns": START + int(at * S),
                "slice": n,
                "target": due,
                "cum_qty": filled,
                "take": take,
            }
        )
        left = take
        for i in (1, 2, 0):
            if left < 10**5:
                break
            if i == 0 and n % 5:
                skipped.append({"ts_ns": START + int(at * S), "instrument": 0, "reason": 3006})
                continue
            market, is_maker = markets[i], chance.random() < 0.3
            when = at + (chance.uniform(0.5, 8) if is_maker else 0.012)
            mid = mids[min(int((when + 1) * 10), len(mids) - 1)][i]
            away = -0.000002 if is_maker else chance.uniform(0.000002, 0.00006)
            ticks = round(mid * (1 + away) / float(market.tick))
            want = left if i == 0 else min(left, int(chance.uniform(0.3, 0.8) * 10**8))
            lots = _lots(market, want, ticks)
            if not lots:
                continue
            key = len(orders) // 2 + 1
            row = fill(
                market,
                lots,
                ticks,
                ts_ns=START + int(when * S),
                cl_ord_id=key,
                exec_id=key,
                is_maker=is_maker,
            )
            rate = Decimal(FEES[i][is_maker])
            paid, asset = ("exposure", 0) if i == 2 else ("notional", 1)
            row |= {"fee": int(row[paid] * rate), "fee_asset": asset}
            fills.append(row)
            left -= row["exposure"]
            filled += row["exposure"]
            order = {
                "cl_ord_id": key,
                "instrument": i,
                "side": BUY,
                "order_qty": lots,
                "price": ticks,
            }
            orders += [
                order | {"ts_ns": START + int(at * S), "ord_status": ord("A"), "cum_qty": 0},
                order | {"ts_ns": row["ts_ns"], "ord_status": ord("2"), "cum_qty": lots},
            ]
    return fills, orders, slices, skipped


def _lots(market: tca.Market, exposure: int, ticks: int) -> int:
    each = market.lot * int(market.terms["contract_multiplier"]) * Decimal("1e-12")
    if market.is_inverse:
        each /= ticks * market.tick
    return int(Decimal(exposure).scaleb(-8) / each)


def _arrival(i: int, market: tca.Market, mid: float) -> dict[str, Any]:
    bid = round(mid / float(market.tick)) - (1 if i else 0)
    return {
        "ts_ns": START,
        "instrument": i,
        "bid_px": bid,
        "ask_px": bid + 1,
        "limit_px": int((bid + 0.5) * 1.003),
    }


def _depth(chance: random.Random, i: int, market: tca.Market, mid: float) -> Any:
    rows = []
    for side, sign in ((ord("1"), -1), (ord("2"), 1)):
        px, known = mid / float(market.tick), (35.0, 28.5, 60.0)[i]
        while abs(px * float(market.tick) / mid - 1) * 1e4 < 55:
            px += sign * chance.expovariate(1 / (mid * 0.00004 / float(market.tick)))
            qty = chance.expovariate(1 / (0.4 + 1.2 * (i == 1)))
            qty_e8 = int(qty * 10**8 * (mid / 100 if market.is_inverse else 1))
            away = abs(px * float(market.tick) / mid - 1) * 1e4
            rows.append({"side": side, "px": round(px), "qty_e8": qty_e8, "is_known": away < known})
    return frame("depth", *rows)
