"""What the venue's benches share: a folder for a journal, and times in microseconds."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benches._figures import Figure

RECIPE = "four perpetuals, sixteen accounts, the calm flow of the matcher's tests, seed 1"


@contextmanager
def folder() -> Iterator[str]:
    """Give an empty folder and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="tiderace-bench-") as path:
        yield path


def micros(times: dict[str, int]) -> Figure:
    """Return nanoseconds as microseconds."""
    return {name: value / 1e3 for name, value in times.items()}
