"""The clearing house's rules as functions: margin of positions and orders, waterfall, deleveraging.

For a desk that margins its positions on outside venues. The same whole-number code as the venue's
own clearing computes them. Money goes in as decimal strings, `Decimal` or `int`, never as floats,
and comes out as `Decimal`.

>>> import tiderace as tr
>>> perp = {"symbol": "BTC-PERP", "kind": "perpetual", "base": "BTC", "settle": "USDC",
...         "margin": {"model": "tiered", "initial": "0.02", "maintenance": "0.01"}}
>>> tr.clear.standard_margin(
...     {"symbol": "BTC-PERP", "qty": "-0.5"}, instrument=perp, mark="60000", index="60000"
... )
Margin(initial=Decimal('600'), maintenance=Decimal('300'))
"""

from tiderace._clear.default import Waterfall, adl_queue, waterfall
from tiderace._clear.portfolio import Contingencies, PortfolioMargin, portfolio_margin
from tiderace._clear.standard import Margin, order_margin, standard_margin

__all__ = [
    "Contingencies",
    "Margin",
    "PortfolioMargin",
    "Waterfall",
    "adl_queue",
    "order_margin",
    "portfolio_margin",
    "standard_margin",
    "waterfall",
]
