"""A TWAP seen from outside: a strategy that slices an order itself, by timers and IOC children.

Run it with ``python examples/strategy_twap.py``. The desk's own TWAP (the config's ``[parent]``)
routes over all books and posts passively; this one takes on one book, to show the calls.
"""

from decimal import Decimal

import tiderace as tr

SYMBOL = "binance-usdm:BTCUSDT"
ORDER_QTY = Decimal("4")
SLICES = 20
EVERY = "10s"
LOT = Decimal("0.001")
COLLAR = Decimal("0.001")  # a child pays at most 10 bp above the mid
TICK = Decimal("0.1")


class OutsideTwap(tr.Strategy):
    """Buy `ORDER_QTY` in `SLICES` even slices; what a slice misses joins the next one."""

    def __init__(self) -> None:
        self.filled = Decimal(0)
        self.working = Decimal(0)
        self.slice = 0

    def on_start(self) -> None:
        self.set_timer(1, after=EVERY)

    def on_timer(self, timer_id: int) -> None:
        best = self.best(SYMBOL)
        self.slice += 1
        if self.slice < SLICES:
            self.set_timer(timer_id, after=EVERY)
        if best is None:
            return  # the book is stale: the next slice catches up
        target = ORDER_QTY * self.slice / SLICES
        qty = (target - self.filled) // LOT * LOT
        if qty > 0:
            price = best.mid * (1 + COLLAR) // TICK * TICK
            self.submit_order(SYMBOL, side="buy", order_qty=qty, price=price, time_in_force="IOC")

    def on_fill(self, fill: "tr.OwnFill") -> None:
        self.filled += self.qty(fill.instrument, fill.last_qty)


if __name__ == "__main__":
    run = tr.run(
        "examples/twap_three_books.toml",
        strategy=OutsideTwap(),
        set={"run.name": "strategy_twap", "parent": None},
    )
    print(run.fills.to_polars().select("time", "last_qty", "last_px", "fee").head())
    print(run.summary["filled_qty"], "BTC at", run.summary["avg_px"], "in", run.dir)
