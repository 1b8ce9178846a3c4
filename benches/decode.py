"""``decode``: the recorded raw WebSocket lines of three books, from bytes in memory to a tape.

``mb_per_s`` is inflated bytes (10^6) over the time of decoding alone, ``mb_per_s_gzip`` over the
time of inflating the files and decoding them, both on one thread: ``p99`` is the rate that 99 % of
the repetitions reach, ``max`` the best. ``rss_mb`` is the peak over the repetitions of decoding,
less the inflated bytes; the tape that comes out is in it, one market's at a time. The checksums are
those of the tapes.
"""

import time
from pathlib import Path
from typing import Any

from benches import _figures
from benches._process import ROOT, Memory, in_process
from tiderace import _core, _data_dir, _genesis
from tiderace import config as _config
from tiderace.errors import DataError

REPETITIONS, SMOKE = 15, 2
EXAMPLE = ROOT / "examples" / "twap_three_books.toml"


def run(*, is_smoke: bool = False) -> dict[str, Any]:
    """Measure in a process of its own.

    Raises
    ------
    DataError
        There is no recording.
    """
    recording()
    return in_process("decode", repetitions=SMOKE if is_smoke else REPETITIONS)


def recording() -> Path:
    """Return the folder of the recording."""
    name = str(_config.load(EXAMPLE).data.recording)
    data_dir = _data_dir.find_data_dir(None)
    if data_dir is None or not (data_dir / name).is_dir():
        raise DataError(
            f"there is no recording {name!r} to decode",
            rule=f"The bench decodes real lines, found through {_data_dir.ENVIRONMENT}",
            remedy=f"Set {_data_dir.ENVIRONMENT} to the folder that holds {name}",
        )
    return data_dir / name


def measure(repetitions: int) -> dict[str, Any]:
    """Decode the same bytes again and again."""
    config, folder = _config.load(EXAMPLE), recording()
    rows = _genesis.instruments(config)
    books = [
        (sorted(folder.glob(str(i.files))), i.feed.partition("-")[2], _genesis.to_json(row))
        for i, row in zip(config.instruments, rows, strict=True)
    ]
    inflating = []
    texts = [[(path.name, _core.inflate(str(path))) for path in paths] for paths, _, _ in books]
    inflated = sum(len(text) for files in texts for _, text in files)
    memory = Memory(inflated)
    decoding, checksums, records = [], set(), 0
    for _ in range(repetitions):
        seconds, records, sums = 0.0, 0, []
        for files, (_, market, row) in zip(texts, books, strict=True):
            tape, took = _core.decode_bytes(files, market, row)
            seconds += took
            records += len(tape)
            sums.append(tape.checksum())
            del tape
        decoding.append(seconds)
        checksums.add(" ".join(sums))
    rss_mb = memory.rss_mb()
    del texts
    for _ in range(repetitions):
        start = time.perf_counter_ns()
        for paths, _, _ in books:
            for path in paths:
                _core.inflate(str(path))
        inflating.append((time.perf_counter_ns() - start) / 1e9)
    assert len(checksums) == 1, "the same bytes decode to the same records"
    both = [one + other for one, other in zip(decoding, inflating, strict=True)]
    return {
        "input": {
            "files": sum(len(paths) for paths, _, _ in books),
            "bytes_inflated": inflated,
            "bytes": sum(path.stat().st_size for paths, _, _ in books for path in paths),
            "records": records,
            "repetitions": repetitions,
        },
        "recipe": f"{folder.name}, each market's files chained in name order",
        "checksum": checksums.pop(),
        "mode": "none",
        "build": _figures.build(),
        "mb_per_s": _figures.rates(inflated / 1e6 / s for s in decoding),
        "mb_per_s_gzip": _figures.rates(inflated / 1e6 / s for s in both),
        "rss_mb": _figures.one(rss_mb),
    }
