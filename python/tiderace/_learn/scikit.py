"""scikit-learn, which only the extra ``learn`` brings."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tiderace.errors import InputError


@contextmanager
def one_thread() -> Iterator[None]:
    """Fit in one thread: these fits are small, and threads that wait for each other are slower."""
    module("utils")
    with importlib.import_module("threadpoolctl").threadpool_limits(1):
        yield


def module(name: str) -> Any:
    """Return a module of scikit-learn.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        return importlib.import_module(f"sklearn.{name}")
    except ImportError:
        raise InputError(
            "scikit-learn is not installed",
            rule="Policies and observers are fitted by scikit-learn, which comes with an extra",
            remedy='Install it: pip install "tiderace[learn]"',
        ) from None
