"""scikit-learn, which only the extra ``learn`` brings."""

import importlib
from typing import Any

from tiderace.errors import InputError


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
