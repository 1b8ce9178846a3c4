# expect: error attribute 8
import tiderace as tr
from tiderace import model


@tr.program
def f(a: int) -> int:
    return int(model.fit_power_law(1.0))
