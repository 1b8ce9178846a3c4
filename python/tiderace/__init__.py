"""Trade execution for crypto derivatives.

>>> import tiderace as tr
>>> run = tr.run("examples/twap_three_books.toml")  # doctest: +SKIP
>>> run.fills.to_polars()  # doctest: +SKIP
"""

from tiderace import algo, clear, errors, model, tca
from tiderace._core import version as __version__
from tiderace._run import Run, replay, run
from tiderace._values import Ticks
from tiderace._venue import Venue
from tiderace.config import Config, load
from tiderace.errors import (
    DataError,
    Fault,
    InputError,
    Interrupted,
    JournalError,
    OrderRefused,
    Refused,
    ReplayError,
    RunFailed,
    StorageError,
    TideraceError,
)
from tiderace.strategy import (
    Best,
    BookView,
    MarketTrade,
    OrderUpdate,
    OwnFill,
    Side,
    Strategy,
)

__all__ = [
    "Best",
    "BookView",
    "Config",
    "DataError",
    "Fault",
    "InputError",
    "Interrupted",
    "JournalError",
    "MarketTrade",
    "OrderRefused",
    "OrderUpdate",
    "OwnFill",
    "Refused",
    "ReplayError",
    "Run",
    "RunFailed",
    "Side",
    "StorageError",
    "Strategy",
    "Ticks",
    "TideraceError",
    "Venue",
    "__version__",
    "algo",
    "clear",
    "errors",
    "load",
    "model",
    "replay",
    "run",
    "tca",
]
