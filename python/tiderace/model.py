"""Option prices, greeks, implied volatilities, surfaces, arbitrage and impact.

Numbers in, numbers out; where one argument is an array the answer is an array of the shape that
all of them broadcast to. `t` is in years of 365 days, volatilities and rates are decimals (0.5 is
50 %), `discount` is what one unit paid at expiry is worth today.

>>> import tiderace as tr
>>> round(tr.model.black76(100.0, strike=110.0, t=0.5, vol=0.6, call=True), 4)
13.0758
"""

from tiderace._model.forms import (
    InverseGreeks,
    bachelier,
    black_scholes,
    displaced76,
    greeks_bachelier,
    greeks_black_scholes,
    greeks_inverse,
    implied_vol_bachelier,
)
from tiderace._model.impact import Impact, impact_almgren2005
from tiderace._model.options import (
    Greeks,
    black76,
    digital76,
    greeks76,
    implied_vol76,
    reason,
    reason_named,
)
from tiderace._model.quotes import Arbitrages, Quotes, arbitrage
from tiderace._model.scalars import cos, exp, log, sin, sqrt
from tiderace._model.series import (
    PowerLaw,
    fit_power_law,
    realised_variance,
    roll_spread,
    subsampled_variance,
    two_scale_variance,
)
from tiderace._model.surface import Forward, Slice, Surface
from tiderace._model.svi import JumpWings, Svi

__all__ = [
    "Arbitrages",
    "Forward",
    "Greeks",
    "Impact",
    "InverseGreeks",
    "JumpWings",
    "PowerLaw",
    "Quotes",
    "Slice",
    "Surface",
    "Svi",
    "arbitrage",
    "bachelier",
    "black76",
    "black_scholes",
    "cos",
    "digital76",
    "displaced76",
    "exp",
    "fit_power_law",
    "greeks76",
    "greeks_bachelier",
    "greeks_black_scholes",
    "greeks_inverse",
    "impact_almgren2005",
    "implied_vol76",
    "implied_vol_bachelier",
    "log",
    "realised_variance",
    "reason",
    "reason_named",
    "roll_spread",
    "sin",
    "sqrt",
    "subsampled_variance",
    "two_scale_variance",
]
