"""Trade execution for crypto derivatives.

>>> import tiderace as tr
>>> run = tr.run("examples/twap_three_books.toml")  # doctest: +SKIP
>>> run.fills.to_polars()  # doctest: +SKIP
"""

from tiderace import algo, clear, errors, learn, model, tca
from tiderace._core import version as __version__
from tiderace._program import program
from tiderace._programs.hosts import host
from tiderace._programs.values import Amount, Array, Enum, Price, Qty, Rate, i128, param, record
from tiderace._run import Run, replay, run
from tiderace._values import Ticks
from tiderace._venue import Venue
from tiderace.config import Config, load
from tiderace.errors import (
    ArgumentError,
    DataError,
    Fault,
    InputError,
    Interrupted,
    JournalError,
    OrderRefused,
    ProgramError,
    Refused,
    ReplayError,
    RunFailed,
    StorageError,
    TideraceError,
    Trapped,
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
    "Amount",
    "ArgumentError",
    "Array",
    "Best",
    "BookView",
    "Config",
    "DataError",
    "Enum",
    "Fault",
    "InputError",
    "Interrupted",
    "JournalError",
    "MarketTrade",
    "OrderRefused",
    "OrderUpdate",
    "OwnFill",
    "Price",
    "ProgramError",
    "Qty",
    "Rate",
    "Refused",
    "ReplayError",
    "Run",
    "RunFailed",
    "Side",
    "StorageError",
    "Strategy",
    "Ticks",
    "TideraceError",
    "Trapped",
    "Venue",
    "__version__",
    "algo",
    "clear",
    "errors",
    "host",
    "i128",
    "learn",
    "load",
    "model",
    "param",
    "program",
    "record",
    "replay",
    "run",
    "tca",
]
