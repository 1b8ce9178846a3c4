"""Print option quotes of Deribit chains as CSV: the Rust test reads no Parquet.

Usage: dump.py FOLDER EVERY. One snapshot in EVERY is printed, in the order of their ids.
"""

import sys
from pathlib import Path

import polars as pl

COLUMNS = [
    "snapshot_id",
    "currency",
    pl.col("timestamp").dt.timestamp("ns").alias("ts_ns"),
    pl.col("expiry_datetime").dt.timestamp("ns").alias("expiry_ns"),
    pl.col("time_to_maturity").alias("t"),
    "strike",
    pl.col("option_type").eq("call").cast(pl.Int8).alias("call"),
    "bid_price",
    "ask_price",
    pl.col("underlying").alias("forward"),
    "implied_volatility",
    "mark_price",
    "delta",
]


def main() -> None:
    """Write the chosen snapshots to standard output."""
    folder, every = Path(sys.argv[1]), int(sys.argv[2])
    chain = pl.concat(pl.read_parquet(path) for path in sorted(folder.glob("*.parquet")))
    ids = chain["snapshot_id"].unique().sort().gather_every(every)
    chosen = chain.filter(pl.col("snapshot_id").is_in(ids.implode()))
    chosen = chosen.sort("snapshot_id", "currency", maintain_order=True)
    chosen.select(COLUMNS).write_csv(sys.stdout.buffer)


if __name__ == "__main__":
    main()
