"""A two-sided quoter with inventory skew: bid and ask around the mid, moved against the position.

Run it with ``python examples/strategy_quoter.py``. Each side holds one post-only order; when the
price it should have is more than a tolerance away, the order is canceled and sent again.
"""

from decimal import Decimal

import tiderace as tr

SYMBOL = "binance-coinm:BTCUSD_PERP"  # pays makers 0.9 bp
TICK = Decimal("0.1")
QTY = 30  # contracts of 100 USD
MAX_INVENTORY = Decimal("0.5")  # BTC
HALF_SPREAD = Decimal("2")  # USD
SKEW = Decimal("8")  # USD that the quotes move down per BTC held
TOLERANCE = Decimal("1")


class Quoter(tr.Strategy):
    """Quote both sides every half second; stop quoting the side that is full."""

    def __init__(self) -> None:
        self.quotes: dict[str, tuple[int, Decimal]] = {}

    def on_start(self) -> None:
        self.set_timer(1, after="500ms")

    def on_timer(self, timer_id: int) -> None:
        self.set_timer(timer_id, after="500ms")
        best = self.best(SYMBOL)
        if best is None:
            self.cancel_all()
            self.quotes.clear()
            return
        inventory = self.position(SYMBOL)
        fair = best.mid - SKEW * inventory
        bid = min(fair - HALF_SPREAD, best.ask_px - TICK) // TICK * TICK
        ask = -(-max(fair + HALF_SPREAD, best.bid_px + TICK) // TICK) * TICK
        self.quote("buy", bid, inventory < MAX_INVENTORY)
        self.quote("sell", ask, inventory > -MAX_INVENTORY)

    def quote(self, side: tr.Side, price: Decimal, is_wanted: bool) -> None:
        """Have one order on a side, near `price`, or none."""
        cl_ord_id, quoted = self.quotes.get(side, (0, Decimal(0)))
        if cl_ord_id and is_wanted and abs(price - quoted) <= TOLERANCE:
            return
        if cl_ord_id:
            self.cancel(cl_ord_id)
            del self.quotes[side]
        if is_wanted:
            new_id = self.submit_order(
                SYMBOL, side=side, order_qty=QTY, price=price, post_only=True
            )
            self.quotes[side] = (new_id, price)

    def on_order(self, update: "tr.OrderUpdate") -> None:
        if update["ord_status"] in ("Filled", "Canceled", "Rejected", "Expired", "Refused"):
            ours = {side: q for side, q in self.quotes.items() if q[0] != update["cl_ord_id"]}
            self.quotes = ours

    def on_stop(self) -> None:
        self.cancel_all()


if __name__ == "__main__":
    run = tr.run(
        "examples/twap_three_books.toml",
        strategy=Quoter(),
        set={"run.name": "strategy_quoter", "parent": None},
    )
    fills = run.fills.to_polars()
    print(fills.select("time", "side", "last_qty", "last_px", "is_maker").head())
    print(fills.height, "fills;", run.refusals.to_polars().height, "refusals; in", run.dir)
