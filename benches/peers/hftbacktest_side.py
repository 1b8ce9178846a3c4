"""hftbacktest's side, run in its own environment: ``hftbacktest_side.py QUESTION FOLDER SIZE``.

Its fastest form: events as its own array in memory, the depth of a price range
(``ROIVectorMarketDepthBacktest``), the loop compiled by numba, which is warmed up on a copy of the
first events before the clock starts.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    FILLED,
    LOCAL_EVENT,
    SELL_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
    event_dtype,
)
from hftbacktest.order import IOC, LIMIT
from numba import njit

LEVEL, ASK = 1, 1
TICK, LOT = 0.1, 0.001
A_YEAR_NS = 10**9 * 86_400 * 365
NEXT_FEED = 2


@njit
def wake_at_each(hbt):
    """Wake at every event and do nothing; return how often."""
    wakes = 0
    while hbt.wait_next_feed(False, A_YEAR_NS) == NEXT_FEED:
        wakes += 1
    return wakes


@njit
def order_at_each(hbt, wanted):
    """Buy and sell one lot in turn at each event until so many have filled; return how many did."""
    sent = filled = 0
    while filled < wanted and hbt.wait_next_feed(False, A_YEAR_NS) == NEXT_FEED:
        depth = hbt.depth(0)
        sent += 1
        if sent % 2:
            hbt.submit_buy_order(0, sent, depth.best_ask, LOT, IOC, LIMIT, True)
        else:
            hbt.submit_sell_order(0, sent, depth.best_bid, LOT, IOC, LIMIT, True)
        if hbt.orders(0).get(sent).status == FILLED:
            filled += 1
        hbt.clear_inactive_orders(0)
    return filled


@njit
def best(hbt):
    """Return the best prices in ticks."""
    depth = hbt.depth(0)
    return depth.best_bid_tick, depth.best_ask_tick


def main():
    """Answer one question."""
    question, folder, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    records = np.load(folder / "records.npy")
    events = events_of(records[records["kind"] == LEVEL])
    first = backtest(events[:5_000])
    order_at_each(first, 10)
    wake_at_each(first)
    first.close()
    whole = backtest(events)
    start = time.perf_counter_ns()
    count = wake_at_each(whole) if question == "replay" else order_at_each(whole, size)
    took = time.perf_counter_ns() - start
    # The last event ends the data rather than waking.
    expected = len(events) - 1 if question == "replay" else size
    assert count == expected, f"{count} of {expected}"
    if question == "orders":
        wake_at_each(whole)
    bid, offer = best(whole)
    value = took / size if question == "orders" else len(events) * 1e9 / took
    said = {"value": value, "best": [int(bid), int(offer)], "version": version("hftbacktest")}
    print(json.dumps(said))


def events_of(levels):
    """Return our records in its layout; both sides of the line get each at the same time."""
    events = np.zeros(len(levels), event_dtype)
    side = np.where(levels["flags"] & ASK, SELL_EVENT, BUY_EVENT)
    events["ev"] = DEPTH_EVENT | EXCH_EVENT | LOCAL_EVENT | side
    events["exch_ts"], events["local_ts"] = levels["ts_event_ns"], levels["ts_recv_ns"]
    events["px"], events["qty"] = levels["price"] * TICK, levels["qty_e8"] * 1e-8
    return events


def backtest(events):
    """Return a backtest over events: no latency, the fees of the benches."""
    prices = events["px"]
    asset = (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.00017)
        .tick_size(TICK)
        .lot_size(LOT)
        .last_trades_capacity(0)
        .roi_lb(float(prices.min()) - 1)
        .roi_ub(float(prices.max()) + 1)
    )
    return ROIVectorMarketDepthBacktest([asset])


if __name__ == "__main__":
    main()
