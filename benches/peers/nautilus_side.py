"""NautilusTrader's side, run in its own environment: ``nautilus_side.py QUESTION FOLDER SIZE``.

Quotes are its own ``QuoteTick`` objects, made before the clock starts; logging and the analysis
after the run are off, the limit on orders a second is out of the way.
"""

import json
import sys
import time
import warnings
from decimal import Decimal
from pathlib import Path

warnings.simplefilter("ignore")

import nautilus_trader  # noqa: E402
import numpy as np  # noqa: E402
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig  # noqa: E402
from nautilus_trader.config import LoggingConfig, RiskEngineConfig  # noqa: E402
from nautilus_trader.model.currencies import BTC, USDT  # noqa: E402
from nautilus_trader.model.data import QuoteTick  # noqa: E402
from nautilus_trader.model.enums import (  # noqa: E402
    AccountType,
    OmsType,
    OrderSide,
    TimeInForce,
)
from nautilus_trader.model.identifiers import (  # noqa: E402
    InstrumentId,
    Symbol,
    TraderId,
    Venue,
)
from nautilus_trader.model.instruments import CryptoPerpetual  # noqa: E402
from nautilus_trader.model.objects import Money, Price, Quantity  # noqa: E402
from nautilus_trader.trading.strategy import Strategy  # noqa: E402

VENUE = Venue("BENCH")
NAME = InstrumentId(Symbol("BTCUSDT-PERP"), VENUE)
LOT = Quantity.from_str("0.001")
INSTRUMENT = CryptoPerpetual(
    instrument_id=NAME,
    raw_symbol=Symbol("BTCUSDT"),
    base_currency=BTC,
    quote_currency=USDT,
    settlement_currency=USDT,
    is_inverse=False,
    price_precision=1,
    size_precision=3,
    price_increment=Price.from_str("0.1"),
    size_increment=LOT,
    margin_init=Decimal("0.05"),
    margin_maint=Decimal("0.03"),
    maker_fee=Decimal(0),
    taker_fee=Decimal("0.00017"),
    ts_event=0,
    ts_init=0,
)
UNLIMITED = "100000000/00:00:01"


class Counting(Strategy):
    """Counts its callbacks."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def on_start(self):
        self.subscribe_quote_ticks(NAME)

    def on_quote_tick(self, tick):
        del tick
        self.calls += 1


class OneByOne(Strategy):
    """Buys and sells one lot in turn, and takes the time of each."""

    def __init__(self, orders):
        super().__init__()
        self.orders = orders
        self.sent = 0
        self.started = None
        self.ns = []

    def on_start(self):
        self.subscribe_quote_ticks(NAME)

    def on_quote_tick(self, tick):
        if self.started is not None or len(self.ns) == self.orders:
            return
        is_buy = self.sent % 2 == 0
        self.sent += 1
        side, price = (
            (OrderSide.BUY, tick.ask_price) if is_buy else (OrderSide.SELL, tick.bid_price)
        )
        self.started = time.perf_counter_ns()
        order = self.order_factory.limit(NAME, side, LOT, price, time_in_force=TimeInForce.IOC)
        self.submit_order(order)

    def on_order_filled(self, event):
        ended = time.perf_counter_ns()
        del event
        if self.started is not None:
            self.ns.append(ended - self.started)
            self.started = None

    def on_order_canceled(self, event):
        del event
        self.started = None


def main():
    """Answer one question."""
    question, folder, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    ticks = ticks_of(np.load(folder / "quotes.npz"), size)
    timed(ticks[:1_000], Counting())
    strategy = Counting() if question == "quotes" else OneByOne(size)
    took, best = timed(ticks, strategy)
    if question == "quotes":
        assert strategy.calls == len(ticks), "every quote reaches the strategy"
        value = len(ticks) * 1e9 / took
    else:
        assert len(strategy.ns) == size, "every order is filled"
        value = float(np.median(strategy.ns))
    print(json.dumps({"value": value, "best": best, "version": nautilus_trader.__version__}))


def ticks_of(quotes, orders):
    """Return our quotes as its objects; all, or those that so many orders need."""
    names = ("bid_px", "ask_px", "bid_qty_e8", "ask_qty_e8", "ts_ns")
    return [
        QuoteTick(
            NAME,
            Price(bid / 10, 1),
            Price(ask / 10, 1),
            Quantity(bid_qty / 1e8, 3),
            Quantity(ask_qty / 1e8, 3),
            ts,
            ts,
        )
        for bid, ask, bid_qty, ask_qty, ts in zip(
            *(quotes[name][: 2 * orders or None].tolist() for name in names), strict=True
        )
    ]


def timed(ticks, strategy):
    """Run once; return its nanoseconds and the best bid and ask that it ends on, in ticks."""
    risk = RiskEngineConfig(max_order_submit_rate=UNLIMITED, max_order_modify_rate=UNLIMITED)
    config = BacktestEngineConfig(
        trader_id=TraderId("BENCH-001"),
        logging=LoggingConfig(bypass_logging=True),
        risk_engine=risk,
        run_analysis=False,
    )
    engine = BacktestEngine(config)
    money = [Money(5_000_000, USDT)]
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.MARGIN, money, base_currency=None)
    engine.add_instrument(INSTRUMENT)
    engine.add_data(ticks)
    engine.add_strategy(strategy)
    start = time.perf_counter_ns()
    engine.run()
    took = time.perf_counter_ns() - start
    last = engine.cache.quote_tick(NAME)
    best = [round(price.as_double() * 10) for price in (last.bid_price, last.ask_price)]
    engine.dispose()
    return took, best


if __name__ == "__main__":
    main()
