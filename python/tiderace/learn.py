"""Calibration from own fills and recordings, and policies learnt offline.

What a market is like, each figure with its interval: `volume_curve` (when it trades), `fit_fills`
(how likely a posted order is filled), `fit_impact` (what size costs), `venue_latency` (how long a
venue takes to answer). What follows from it: `train` fits a policy over urgency and placement on
logged choices, frozen to whole numbers that a program reads, and `measure` holds it against its
baseline on `sessions` that it has not seen. And against ourselves: `observe` fits somebody who
watches the public feed, and says how well he foresees our next child.

Every draw has a seed: the same input gives the same figure. `train` and `observe` need the extra:
``pip install "tiderace[learn]"``. How they are used, and what they found: ``docs/LEARN.md``.

>>> import tiderace as tr
>>> days = [[30.0, 10.0, 20.0, 60.0], [34.0, 12.0, 18.0, 56.0], [28.0, 8.0, 24.0, 60.0]]
>>> tr.learn.volume_curve(days, total=100).curve
[26, 8, 17, 49]
"""

from tiderace._learn.fills import FillModel, FillObservations, fit_fills, imagined, posted
from tiderace._learn.impact import fit_impact
from tiderace._learn.intervals import Comparison, Estimate, compare, mean
from tiderace._learn.latency import Latency, venue_latency
from tiderace._learn.observer import Observed, observe
from tiderace._learn.policy import PROGRAM, Log, Policy, baseline, train, value_of
from tiderace._learn.sessions import (
    Measured,
    Session,
    best_fixed,
    log_of,
    measure,
    order_of,
    sessions,
)
from tiderace._learn.volume import VolumeCurve, volume_buckets, volume_curve

__all__ = [
    "PROGRAM",
    "Comparison",
    "Estimate",
    "FillModel",
    "FillObservations",
    "Latency",
    "Log",
    "Measured",
    "Observed",
    "Policy",
    "Session",
    "VolumeCurve",
    "baseline",
    "best_fixed",
    "compare",
    "fit_fills",
    "fit_impact",
    "imagined",
    "log_of",
    "mean",
    "measure",
    "observe",
    "order_of",
    "posted",
    "sessions",
    "train",
    "value_of",
    "venue_latency",
    "volume_buckets",
    "volume_curve",
]
