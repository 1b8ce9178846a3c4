"""Published models of execution and quoting, as functions of numbers.

Research: floats in, floats or arrays out; nothing here sees a market or sends an order. Every
function says the formula, its units and its source. Money and time are in whatever unit the caller
keeps to: when `sigma` is in USD a root-day, `horizon` is in days and costs come out in USD. A
quantity may be below zero for a sale: trajectories keep its sign, costs are the same.

A number out of its range raises `tiderace.InputError` with the value, the rule and the remedy.

>>> import tiderace as tr
>>> tr.algo.twap_slices(10, n=3)
[3, 3, 4]
>>> quotes = tr.algo.avellaneda_stoikov(
...     100.0, inventory=2, gamma=0.1, sigma=2.0, k=1.5, t_left=0.5
... )
>>> round(quotes.bid, 4), round(quotes.ask, 4)
(98.8546, 100.3454)
"""

from tiderace.algo._almgren import (
    AlmgrenChriss,
    AlmgrenPower,
    almgren_chriss,
    almgren_power,
)
from tiderace.algo._cartea_jaimungal import CarteaJaimungal, cartea_jaimungal
from tiderace.algo._obizhaeva_wang import ObizhaevaWang, obizhaeva_wang
from tiderace.algo._placement import Placement, cont_kukanov
from tiderace.algo._quoting import Offsets, Quotes, avellaneda_stoikov, glft
from tiderace.algo._slices import pov_target, twap_slices

__all__ = [
    "AlmgrenChriss",
    "AlmgrenPower",
    "CarteaJaimungal",
    "ObizhaevaWang",
    "Offsets",
    "Placement",
    "Quotes",
    "almgren_chriss",
    "almgren_power",
    "avellaneda_stoikov",
    "cartea_jaimungal",
    "cont_kukanov",
    "glft",
    "obizhaeva_wang",
    "pov_target",
    "twap_slices",
]
