"""``surface``: fit whole real chains, one after the other, on one core.

Every snapshot of the recording that ``SNAPSHOTS`` leaves, each currency a chain. ``ms`` is a fit
from columns to a surface that has passed its own check for arbitrage, the median of its runs;
``ms_from_file_rows`` begins at the rows of the file. ``share_inside`` is, a chain, the share of
two-sided quotes with a quoted delta of 0.05 to 0.95 (either sign) whose middle lies within half the
spread of the surface at the forward of the quote's own moment; ``p99`` is from the bad end, ``all``
over all quotes together. ``arbitrage`` counts chains in which a finer grid than the fit's finds a
butterfly or a calendar; ``refused`` counts expiries without a slice (too few quotes, mostly).
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from benches import _figures
from benches._process import Memory, in_process
from tiderace import _chain, _chain_file, _core
from tiderace._data_dir import find_data_dir
from tiderace.errors import DataError

RECORDING = "deribit_option_chain_snapshots"
SNAPSHOTS, REPETITIONS = 604, 3
SMOKE = 2, 1
DELTAS = 0.05, 0.95


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own."""
    snapshots, repetitions = SMOKE if is_smoke else (SNAPSHOTS, REPETITIONS)
    return in_process("surface", folder=str(folder()), snapshots=snapshots, repetitions=repetitions)


def folder() -> Path:
    """Return the recording's folder.

    Raises
    ------
    DataError
        It is not there.
    """
    data = find_data_dir(os.environ.get("TIDERACE_DATA"))
    found = data / RECORDING if data else None
    if found is None or not found.is_dir():
        raise DataError(
            f"{RECORDING} is not in TIDERACE_DATA",
            rule="The bench fits real chains",
            remedy="Set TIDERACE_DATA to the folder that holds it",
        )
    return found


def measure(folder: str, snapshots: int, repetitions: int) -> dict[str, Any]:
    """Fit every chain."""
    chains = _chain_file.read(folder)
    ids = chains.frame["snapshot"].unique().sort()
    step = max(len(ids) // snapshots, 1)
    chosen = set(ids.gather_every(step)[:snapshots])
    memory = Memory(int(chains.frame.estimated_size()))
    rows = [_fit(chain, repetitions) for chain in chains if chain.snapshot in chosen]
    judged, inside = (sum(row[key] for row in rows) for key in ("judged", "inside"))
    return {
        "input": {"chains": len(rows), "quotes": sum(row["quotes"] for row in rows)},
        "recipe": f"{RECORDING}, every {step}. snapshot, BTC and ETH",
        "checksum": f"{sum(row['inside'] for row in rows)} of {judged}",
        "mode": "none",
        "build": _figures.build(),
        "ms": _figures.times(row["ms"] for row in rows),
        "ms_from_file_rows": _figures.times(row["ms_rows"] for row in rows),
        "quotes_a_chain": float(np.median([row["quotes"] for row in rows])),
        "slices_a_chain": float(np.median([row["slices"] for row in rows])),
        "share_inside": _figures.rates(row["inside"] / row["judged"] for row in rows)
        | {"all": inside / judged},
        "chains_above_95": float(np.mean([row["inside"] >= 0.95 * row["judged"] for row in rows])),
        "arbitrage": sum(row["arbitrage"] for row in rows),
        "refused": sum(row["refused"] for row in rows),
        "rss_mb": _figures.one(memory.rss_mb()),
    }


def _fit(chain: _chain.Chain, repetitions: int) -> dict[str, Any]:
    columns = chain.quotes().columns()
    whole, core = [], []
    for _ in range(repetitions):
        start = time.perf_counter()
        _core.Surface.fit(columns, 1, chain.ts_ns, 2**63 - 1, 1.0)
        core.append(1e3 * (time.perf_counter() - start))
        start = time.perf_counter()
        surface = chain.fit()
        whole.append(1e3 * (time.perf_counter() - start))
    judged, inside = chain.judged(surface, DELTAS)
    return {
        "quotes": chain.frame.height,
        "slices": len(surface.slices),
        "ms": float(np.median(core)),
        "ms_rows": float(np.median(whole)),
        "judged": int(judged.sum()),
        "inside": int((judged & inside).sum()),
        "arbitrage": int(surface.worst_violation(reach=4.0, steps=400) < -1e-12),
        "refused": len(surface.refused),
    }
